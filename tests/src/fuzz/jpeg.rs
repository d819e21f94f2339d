//! Targets of the image format.

use mutoscope::jpeg::encoder::Quantizer;
use mutoscope::jpeg::reduce::{self, Reducer, Scale};
use mutoscope::jpeg::transcode::{Change, Error, Path, Policy, Recoder, Transcoder, max_output_len, path};
use mutoscope::jpeg::{self, Flaw, Layout, header};
use mutoscope::media::FrameRate;
use mutoscope::media::testcard::TestCard;
use zune_jpeg::zune_core::bytestream::ZCursor;

/// Where the parts of a JPEG file are, and the file that a receiver makes of them.
pub fn layout(data: &[u8]) {
    let layout = match Layout::parse(data) {
        Ok(layout) => layout,
        Err(error) => {
            assert!(error.at as usize <= data.len(), "{error:?} in {} bytes", data.len());
            let _ = error.to_string();
            return;
        }
    };
    for span in layout.quantization.iter().chain([&layout.scan]) {
        let end = span.start as usize + span.len as usize;
        assert!(end <= data.len(), "{span:?} in {} bytes", data.len());
        assert_eq!(span.of(data).len(), span.len as usize);
    }
    let format = match layout.rtp_format() {
        Ok(format) => format,
        Err(unsupported) => {
            assert!(!unsupported.to_string().is_empty());
            return;
        }
    };
    // Large pictures have no size in the header, but in the description.
    let exact = (layout.width, layout.height);
    let (width, height) = match (format.width, format.height) {
        (0, 0) => exact,
        (width, height) => (u16::from(width) * 8, u16::from(height) * 8),
    };
    assert!(width >= exact.0 && height >= exact.1);
    // A picture that goes out over RTP comes back as the same picture.
    let mut buffer = [0; header::MAX_LEN];
    let [luma, chroma] = format.quantization.map(|span| span.of(data));
    let fields = header::Fields {
        kind: format.kind,
        width,
        height,
        restart_interval: format.restart_interval,
        luma,
        chroma,
        precision: 0,
    };
    let len = header::emit(&mut buffer, &fields).expect("8-bit tables and a size");
    let received = [&buffer[..len], format.scan.of(data), &[0xff, 0xd9]].concat();
    let again = Layout::parse(&received).expect("our own headers").rtp_format().expect("what was carried can be");
    assert_eq!(
        (again.kind, again.width, again.height, again.restart_interval),
        (format.kind, format.width, format.height, format.restart_interval)
    );
    assert_eq!(again.quantization.map(|span| span.of(&received)), [luma, chroma]);
    assert!(received.starts_with(&buffer[..len]) && again.scan.start as usize == len);
}

/// The transcoder makes of a file one that RTP/JPEG carries, no longer than it says, and the same piece by piece.
pub fn transcode(data: &[u8]) {
    let Ok(layout) = Layout::parse(data) else { return };
    for (convert, restart_markers) in [(false, false), (true, false), (true, true)] {
        let policy = Policy { convert, restart_markers, read_all: false };
        let Ok(bound) = max_output_len(data, &layout, policy) else { continue };
        let mut transcoder = Transcoder::new();
        let mut out = vec![0; 4 * data.len() + 4096];
        let mut result = transcoder.transcode(data, &layout, policy, &mut out);
        if let Err(Error::Full { needed }) = result {
            assert!(needed > out.len() && needed <= bound, "{needed} of {bound}");
            out.resize(needed, 0);
            result = transcoder.transcode(data, &layout, policy, &mut out);
        }
        let len = match result {
            Ok((Change::None, _)) => continue,
            Ok((_, len)) => len,
            Err(Error::Damaged(error)) => {
                assert!(error.at as usize <= data.len(), "{error:?} in {} bytes", data.len());
                continue;
            }
            Err(error) => panic!("{error:?}"),
        };
        assert!(len <= bound, "{len} of {bound}");
        out.truncate(len);
        let made = Layout::parse(&out).expect("our own headers");
        let format = made.rtp_format().expect("what was made for it is carried");
        assert!(format.restart_interval == 0 || restart_markers);
        // Nothing is wrong with it, whatever was wrong with the file.
        assert!(made.flaws.is_empty());
        let mut reader = Transcoder::new();
        let read = Policy { restart_markers: true, read_all: true, ..policy };
        reader.transcode(&out, &made, read, &mut vec![0; out.len()]).expect("it was written so");
        assert!(reader.flaws().is_empty(), "{}", reader.flaws());
        transcoder.start(data, &layout, policy).expect("it was possible before");
        let (mut pieces, mut piece) = (Vec::new(), [0; 100]);
        while let more @ 1.. = transcoder.poll(data, &mut piece).expect("it was possible before") {
            pieces.extend_from_slice(&piece[..more]);
        }
        assert_eq!(pieces, format.scan.of(&out));
    }
}

/// A smaller picture has the size that it should have, is whole, needs no more memory and no longer a buffer than it says, and can be
/// decoded by others.
pub fn reduce(data: &[u8]) {
    const MOST: usize = 1 << 24;
    let Ok(layout) = Layout::parse(data) else { return };
    let mut reducer = Reducer::new();
    for (scale, q) in Scale::ALL.into_iter().zip([1, reduce::Q, 99]) {
        let quantizer = Quantizer::new(q);
        let (needed, bound) = match (reduce::memory_len(&layout, scale), reduce::max_output_len(&layout, scale)) {
            (Ok(needed), Ok(bound)) => (needed, bound),
            (Err(reduce::Error::Unsupported(_)), Err(reduce::Error::Unsupported(_))) => continue,
            lengths => panic!("{lengths:?}"),
        };
        // Larger ones take more time, but no other way.
        let (mut memory, mut out) = (vec![0x5a; needed], vec![0; bound.min(MOST)]);
        let mut rows = 0;
        let samples = reducer.samples(data, &layout, scale, &mut memory, |[luma, ..]| rows += luma.iter().len());
        if samples.is_ok() {
            assert_eq!(rows, usize::from(scale.dimensions(1, layout.height).1), "all rows of the picture");
        }
        let len = match reducer.reduce(data, &layout, scale, &quantizer, &mut memory, &mut out) {
            Ok(len) => len,
            Err(reduce::Error::Damaged(error)) => {
                assert!(error.at as usize <= data.len(), "{error:?} in {} bytes", data.len());
                continue;
            }
            Err(reduce::Error::Full) => {
                assert!(bound > MOST);
                continue;
            }
            Err(reduce::Error::Unsupported(_)) => continue,
            Err(error) => panic!("{error:?}"),
        };
        assert!(len <= bound, "{len} of {bound}");
        let flaws = reducer.flaws();
        let again = reducer.reduce(data, &layout, scale, &quantizer, &mut memory, &mut vec![0; len - 1]);
        assert_eq!(again, Err(reduce::Error::Full));
        if let Some(less) = needed.checked_sub(1) {
            let again = reducer.reduce(data, &layout, scale, &quantizer, &mut memory[..less], &mut out[..len]);
            assert_eq!(again, Err(reduce::Error::Memory { needed }));
        }
        let file = &out[..len];
        let made = Layout::parse(file).expect("our own headers");
        let (width, height) = scale.dimensions(layout.width, layout.height);
        assert_eq!((made.width, made.height), (width, height));
        assert!(made.flaws.is_empty() && made.rtp_format().expect("it can be carried").restart_interval == 0);
        let mut reader = Transcoder::new();
        let read = Policy { read_all: true, ..Policy::default() };
        reader.transcode(file, &made, read, &mut vec![0; len]).expect("it was written so");
        assert!(reader.flaws().is_empty(), "{}", reader.flaws());
        // Other people's decoders take their time for large ones.
        if flaws.is_empty() && usize::from(width) * usize::from(height) <= 1 << 16 {
            let samples = zune_jpeg::JpegDecoder::new(ZCursor::new(file)).decode().expect("it is a picture");
            assert_eq!(samples.len(), usize::from(width) * usize::from(height) * 3);
        }
    }
}

/// All that the transcoder knows, and pictures without anything wrong.
pub fn reduce_seeds() -> Vec<Vec<u8>> {
    let mut seeds = transcode_seeds();
    let card = FrameRate::new(25, 1).and_then(|rate| TestCard::new(176, 144, rate, 60)).expect("it can be drawn");
    let mut file = vec![0; 1 << 16];
    let len = card.render(7, &mut file).expect("it is shorter than that");
    seeds.push(file[..len].to_vec());
    seeds
}

/// A picture that was mended lies in its buffer, is whole, and needs no mending any more.
pub fn mend(data: &[u8]) {
    let Ok(layout) = Layout::parse(data) else { return };
    let mut buffer = data.to_vec();
    buffer.resize(data.len() + 4096, 0x5a);
    let before = buffer.clone();
    let mended = match jpeg::mend(&mut buffer, data.len(), &layout) {
        Ok(mended) => mended,
        Err(error) => {
            assert_eq!(buffer, before, "{error:?}");
            return;
        }
    };
    let file = &buffer[..mended.len];
    // What was not wrong stays as it was.
    assert!(file.starts_with(&data[..layout.scan.start as usize]));
    assert_eq!(&buffer[mended.len.max(data.len())..], &before[mended.len.max(data.len())..]);
    if !mended.flaws.contains(Flaw::MissingData) {
        assert_eq!(file, data);
        return;
    }
    assert_eq!(Layout::parse(file), Ok(mended.layout));
    assert!(mended.layout.has_end() && mended.layout.rtp_format().is_ok());
    let again = jpeg::mend(&mut file.to_vec(), mended.len, &mended.layout).expect("it is whole");
    assert!(again.len == mended.len && !again.flaws.contains(Flaw::MissingData));
    // Another reader finds nothing missing either, but perhaps what is no code before the end.
    let policy = Policy { restart_markers: true, read_all: true, ..Policy::default() };
    let mut transcoder = Transcoder::new();
    if transcoder.transcode(file, &mended.layout, policy, &mut vec![0; 4 * mended.len + 4096]).is_ok() {
        assert!(!transcoder.flaws().contains(Flaw::MissingData), "{}", transcoder.flaws());
    }
}

/// Pictures that can be sent as they are, of which pieces are missing.
pub fn mend_seeds() -> Vec<Vec<u8>> {
    let tables: Vec<u8> = (1..=64).collect();
    let mut seeds = Vec::new();
    for (kind, restart_interval, len) in [(0, 0, 0), (1, 0, 40), (1, 0, 300), (0, 2, 9), (1, 1, 60)] {
        let fields = header::Fields {
            kind,
            width: 56,
            height: 40,
            restart_interval,
            luma: &tables,
            chroma: &tables,
            precision: 0,
        };
        let mut buffer = [0; header::MAX_LEN];
        let headers = header::emit(&mut buffer, &fields).unwrap_or(0);
        let data: Vec<u8> = (0..len).map(|at: usize| (at * 37 % 251) as u8).collect();
        seeds.push([&buffer[..headers], &data].concat());
    }
    seeds
}

/// The same of pictures that are read as a whole.
pub fn recode(data: &[u8]) {
    const MOST: usize = 1 << 18;
    let Ok(layout) = Layout::parse(data) else { return };
    for convert in [false, true] {
        let policy = Policy { convert, restart_markers: false, read_all: false };
        let Ok(Path::Whole(whole)) = path(data, &layout, policy) else { continue };
        // Larger ones take more time, but no other way.
        let mut coefficients = vec![-1; whole.coefficients.min(MOST)];
        let mut out = vec![0; 4 * data.len() + 4096];
        let mut recoder = Recoder::new();
        let mut result = recoder.transcode(data, &layout, policy, &mut coefficients, &mut out);
        if let Err(Error::Full { needed }) = result {
            assert!(needed > out.len() && needed <= whole.max_output_len, "{needed} of {}", whole.max_output_len);
            out.resize(needed, 0);
            result = recoder.transcode(data, &layout, policy, &mut coefficients, &mut out);
        }
        match result {
            Ok((change, len)) => {
                // A component that no scan brings needs none of the changes that its header made likely.
                let is_less = recoder.flaws().contains(Flaw::MissingData);
                assert!((change >= whole.change || is_less) && len <= whole.max_output_len, "{change:?}, {len}");
                assert!(convert || change == Change::Lossless);
                out.truncate(len);
                let made = Layout::parse(&out).expect("our own headers");
                assert_eq!(made.rtp_format().expect("what was made for it is carried").restart_interval, 0);
            }
            Err(Error::Damaged(error)) => {
                assert!(error.at as usize <= data.len(), "{error:?} in {} bytes", data.len());
            }
            Err(Error::Coefficients { needed }) => assert!(needed == whole.coefficients && needed > MOST),
            // A table that is defined anew before a later scan.
            Err(Error::Unsupported(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Pictures of every coding that the recoder knows, with noise for data.
pub fn recode_seeds() -> Vec<Vec<u8>> {
    let picture = |code: u8, precision: u8, factors: &[u8], scans: &[(&[u8], [u8; 3])]| {
        let mut file = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
        file.extend((1..=64).map(|entry: u8| entry));
        file.extend([0xff, code, 0, 8 + 3 * factors.len() as u8, precision, 0, 40, 0, 56, factors.len() as u8]);
        (1..).zip(factors).for_each(|(id, &factor)| file.extend([id, factor, 0]));
        file.extend([0xff, 0xcc, 0, 6, 0, 0x31, 0x11, 9]);
        // Annex K's tables do for progressive pictures too.
        for (number, (components, rest)) in scans.iter().enumerate() {
            file.extend([0xff, 0xdd, 0, 4, 0, (number % 3) as u8 * 4]);
            file.extend([0xff, 0xda, 0, 6 + 2 * components.len() as u8, components.len() as u8]);
            components.iter().for_each(|&id| file.extend([id, if id == 1 { 0 } else { 0x11 }]));
            file.extend(rest);
            file.extend((0..200).map(|at: usize| (at * 37 % 251) as u8));
        }
        file.extend([0xff, 0xd9]);
        file
    };
    let apart: [(&[u8], [u8; 3]); 3] = [(&[1], [0, 63, 0]), (&[3], [0, 63, 0]), (&[2], [0, 63, 0])];
    let progressive: [(&[u8], [u8; 3]); 6] = [
        (&[1, 2, 3], [0, 0, 0x01]),
        (&[1], [1, 5, 0x02]),
        (&[1], [1, 5, 0x21]),
        (&[1, 2, 3], [0, 0, 0x10]),
        (&[2], [1, 63, 0]),
        (&[1], [6, 63, 0]),
    ];
    let grey: [(&[u8], [u8; 3]); 1] = [(&[1], [0, 63, 0])];
    vec![
        picture(0xc0, 8, &[0x22, 0x11, 0x11], &apart),
        picture(0xc1, 12, &[0x21, 0x11, 0x11], &apart),
        picture(0xc2, 8, &[0x22, 0x11, 0x11], &progressive),
        picture(0xc2, 12, &[0x11, 0x11, 0x11], &progressive),
        picture(0xc9, 8, &[0x22, 0x11, 0x11], &apart),
        picture(0xc9, 8, &[0x11], &grey),
        picture(0xca, 8, &[0x21, 0x11, 0x11], &progressive),
    ]
}

/// Pictures in every sampling that the transcoder knows, half of them with a restart interval. Their data is noise, but for
/// one that is flat and whole.
pub fn transcode_seeds() -> Vec<Vec<u8>> {
    let picture = |index: usize, factors: &[u8]| {
        let mut file = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
        file.extend((1..=64).map(|entry: u8| entry));
        file.extend([0xff, 0xc0, 0, 8 + 3 * factors.len() as u8, 8, 0, 40, 0, 56, factors.len() as u8]);
        (1..).zip(factors).for_each(|(id, &factor)| file.extend([id, factor, 0]));
        if index % 2 == 1 {
            file.extend([0xff, 0xdd, 0, 4, 0, 2]);
        }
        // Annex K's tables are meant where none are given.
        file.extend([0xff, 0xda, 0, 6 + 2 * factors.len() as u8, factors.len() as u8]);
        (1..).zip(factors).for_each(|(id, _)| file.extend([id, if id == 1 { 0 } else { 0x11 }]));
        file.extend([0, 63, 0]);
        file.extend((0..400).map(|at: usize| (at * 37 % 251) as u8));
        file.extend([0xff, 0xd9]);
        file
    };
    let samplings: [&[u8]; 9] = [
        &[0x22, 0x11, 0x11],
        &[0x21, 0x11, 0x11],
        &[0x22, 0x12, 0x12],
        &[0x41, 0x21, 0x21],
        &[0x11],
        &[0x11, 0x11, 0x11],
        &[0x12, 0x11, 0x11],
        &[0x41, 0x11, 0x11],
        &[0x12, 0x12, 0x12],
    ];
    let mut seeds: Vec<_> = samplings.iter().enumerate().map(|(index, factors)| picture(index, factors)).collect();
    // Blocks without coefficients are 00 1010 in luma and 00 00 in chroma: 16x16 pixels of 4:2:0, restart interval 9.
    let mut flat = picture(0, samplings[0]);
    let scan = flat.len() - 402;
    flat.truncate(scan);
    flat.extend([0x28, 0xa2, 0x8a, 0x00, 0xff, 0xd9]);
    let at = flat.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("its own header") + 5;
    flat[at..at + 4].copy_from_slice(&[0, 16, 0, 16]);
    flat.splice(at + 14..at + 14, [0xff, 0xdd, 0, 4, 0, 9]);
    seeds.push(flat);
    seeds
}

/// Small files of the kinds that are and are not carried. Coded data is not looked at, so any will do.
pub fn seeds() -> Vec<Vec<u8>> {
    let tables: Vec<u8> = (1..=64).collect();
    let mut seeds = Vec::new();
    for (kind, restart_interval) in [(0, 0), (1, 0), (65, 4)] {
        let fields = header::Fields {
            kind,
            width: 32,
            height: 16,
            restart_interval,
            luma: &tables,
            chroma: &tables,
            precision: 0,
        };
        let mut buffer = [0; header::MAX_LEN];
        let len = header::emit(&mut buffer, &fields).unwrap_or(0);
        seeds.push([&buffer[..len], &[0x5a; 700], &[0xff, 0, 0xff, 0xd0, 3, 0xff, 0xd9]].concat());
    }
    let mut progressive = seeds[1].clone();
    if let Some(at) = progressive.windows(2).position(|pair| pair == [0xff, 0xc0]) {
        progressive[at + 1] = 0xc2;
    }
    seeds.push(progressive);
    // A comment, an unknown segment, fill bytes, no tables.
    seeds.push(vec![
        0xff, 0xd8, 0xff, 0xfe, 0, 4, b'h', b'i', 0xff, 0xff, 0xed, 0, 3, 9, 0xff, 0xc0, 0, 11, 8, 0, 16, 0, 16, 1, 1,
        0x11, 0, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2, 0xff, 0xd9,
    ]);
    seeds
}
