//! Targets of the image format.

use mutoscope::jpeg::{Layout, header};

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
    // What goes out over RTP comes back as the same picture.
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
