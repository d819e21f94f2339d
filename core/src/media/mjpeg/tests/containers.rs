//! Multipart streams that were saved, and AVI files.

use super::*;
use crate::media::samples::avi::{Avi, avi, chunk, list};

/// The frames and their times in microseconds, which must be the same whatever the buffer and the reads, and wherever the reader is resumed.
fn timed(file: &[u8]) -> Vec<(Vec<u8>, Option<u64>)> {
    let read = |buffer: usize, piece: usize, is_resumed: bool| {
        let mut reader = open(file, buffer, piece);
        let mut frames = Vec::new();
        loop {
            match reader.advance(Instant::default(), Waker::noop()) {
                Ok(Advance::Ready) => {
                    let frame = reader.frame().unwrap();
                    assert_eq!(frame.time, reader.time());
                    frames.push((frame.data.to_vec(), frame.time.map(|time| time.as_micros() as u64)));
                }
                Ok(_) => return frames,
                Err(Error::Damaged { .. } | Error::Truncated { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
            if let Some(bookmark) = reader.bookmark().filter(|_| is_resumed) {
                reader = open(file, buffer, piece);
                reader.resume(bookmark);
            }
        }
    };
    let expected = read(100_000, usize::MAX, false);
    // Damage may make one of two.
    let short = expected.iter().map(|(frame, _)| frame.len()).max().unwrap_or(0).max(LONGEST) + 80;
    for (buffer, piece) in [(short, 1), (short, 100), (100_000, 7)] {
        assert!(read(buffer, piece, false) == expected, "buffer {buffer}, pieces of {piece}");
    }
    assert!(read(short, usize::MAX, true) == expected, "resumed");
    let mut index = open(file, MIN_BUFFER, 33);
    for (frame, time) in &expected {
        let span = loop {
            match index.next_span() {
                Ok(Some(span)) => break span,
                Ok(None) => panic!("the index has fewer"),
                Err(_) => {}
            }
        };
        assert!(
            file[span.offset as usize..][..span.len as usize] == *frame
                && (frame.ends_with(&[0xFF, 0xD9]) || !span.has_end)
        );
        assert_eq!(index.time().map(|time| time.as_micros() as u64), *time);
    }
    expected
}

fn datas(file: &[u8]) -> Vec<Vec<u8>> {
    timed(file).into_iter().map(|(data, _)| data).collect()
}

/// A part's head and a picture.
fn parts(pictures: &[Vec<u8>], head: impl Fn(usize, usize) -> std::string::String) -> Vec<u8> {
    pictures
        .iter()
        .enumerate()
        .flat_map(|(number, picture)| [head(number, picture.len()).as_bytes(), picture].concat())
        .collect()
}

#[test]
fn multipart_streams_of_all_dialects_are_read() {
    use std::format;
    let pictures = pictures();
    let dialects: [&dyn Fn(usize, usize) -> std::string::String; 7] = [
        &|_, len| format!("\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len}\r\n\r\n"),
        &|_, _| "--frame\nContent-type: image/jpeg\n\n".into(),
        &|_, len| format!("frame\r\nContent-Length: {}\r\n\r\n", len / 2),
        &|_, len| format!("\r\n--frame\r\ncontent-length: {}\r\n\r\n", len * 2),
        &|_, len| format!("\r\n24\r\n\r\n--123\r\n\r\n30\r\nContent-Type: image/jpeg\r\n\r\n\r\n{len:x}\r\n"),
        &|number, _| {
            format!(
                "{}--x\r\nContent-Type: image/jpeg\r\n\r\n",
                if number == 0 { "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n" } else { "" }
            )
        },
        &|_, _| "\r\nContent-Type: image/jpeg\r\n\r\n".into(),
    ];
    for (number, dialect) in dialects.into_iter().enumerate() {
        let file = parts(&pictures, dialect);
        assert!(datas(&file) == pictures, "dialect {number}");
        assert_eq!(open(&file, LONGEST, 100).format(), Format::Multipart);
        // Joined in the middle of a part.
        let joined = [&pictures[1][400..], &file].concat();
        assert!(datas(&joined) == pictures, "dialect {number}");
    }
}

#[test]
fn parts_tell_the_times_of_their_frames() {
    let pictures = pictures();
    let seconds = ["7.5", "7.54", "7.5", "99999.0", "99999.25", "99999.25", "100000"];
    let times = [0, 40_000, 80_000, 120_000, 370_000, 370_000, 1_120_000].map(Some);
    let file = parts(&pictures, |number, _| {
        std::format!("--b\r\nContent-Type: image/jpeg\r\nX-Timestamp: {}\r\n\r\n", seconds[number])
    });
    assert_eq!(timed(&file).into_iter().map(|(_, time)| time).collect::<Vec<_>>(), times);
    let mut reader = open(&file, LONGEST, 500);
    for (micros, number) in [(0, 0), (39_999, 0), (40_000, 1), (369_999, 3), (370_000, 5), (9_999_999, 6), (90_000, 2)]
    {
        reader.seek_time(Duration::from_micros(micros)).unwrap();
        assert_eq!(reader.position(), number, "{micros}");
        assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
        assert_eq!(reader.frame().unwrap().data, pictures[number as usize]);
    }
}

#[test]
fn parts_whose_pictures_lack_their_end_stop_at_the_next_delimiter() {
    let cut: Vec<_> = pictures().iter().map(|picture| picture[..picture.len() - 2].to_vec()).collect();
    for head in ["\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n", "\nframe\nContent-Length: 12\n\n"] {
        assert!(datas(&parts(&cut, |_, _| head.into())) == cut, "{head:?}");
    }
}

#[test]
fn avi_files_are_read_whatever_their_index_says() {
    let pictures = pictures();
    let interval = |number: u64| Some(number * 40_000);
    let expected: Vec<_> = pictures.iter().cloned().zip((0..).map(interval)).collect();
    let plain = Avi { pictures: pictures.clone(), ..Avi::default() };
    let kinds = [
        ("plain", plain.clone()),
        ("with sound", Avi { has_sound: true, ..plain.clone() }),
        ("in lists of records", Avi { has_records: true, has_sound: true, ..plain.clone() }),
        ("in several RIFF lists", Avi { per_riff: 3, has_sound: true, ..plain.clone() }),
        ("without an index", Avi { has_index: false, ..plain.clone() }),
        ("never closed", Avi { is_open: true, has_index: false, ..plain.clone() }),
        ("with garbage between chunks", Avi { garbage: b"\x01\x02garbage", ..plain.clone() }),
        ("without padding", Avi { is_unpadded: true, has_sound: true, ..plain.clone() }),
    ];
    for (what, kind) in kinds {
        let file = avi(&kind);
        let found = timed(&file);
        let lens =
            |frames: &[(Vec<u8>, Option<u64>)]| frames.iter().map(|frame| (frame.0.len(), frame.1)).collect::<Vec<_>>();
        assert_eq!(lens(&found), lens(&expected), "{what}");
        assert!(found == expected, "{what}");
        let reader = open(&file, LONGEST, 100);
        assert_eq!((reader.format(), reader.frame_rate()), (Format::Avi, FrameRate::new(50, 2)), "{what}");
    }
}

#[test]
fn an_avi_file_that_broke_off_gives_what_is_there() {
    let pictures = [jpeg(40), jpeg(900), jpeg(41)];
    let file = avi(&Avi { pictures: pictures.to_vec(), has_index: false, is_open: true, ..Avi::default() });
    let end = file.windows(pictures[2].len()).position(|window| window == pictures[2]).unwrap();
    for cut in 0..pictures[2].len() {
        let found = datas(&file[..end + cut]);
        let last = (cut >= pictures[2].len() - 43).then(|| pictures[2][..cut].to_vec());
        assert!(found.into_iter().eq(pictures[..2].iter().cloned().chain(last)), "cut at {cut}");
    }
    // The length of the last chunk, or of each, was never written.
    for chunks in [2..3, 0..3] {
        let mut file = file.clone();
        for picture in &pictures[chunks] {
            let at = file.windows(picture.len()).position(|window| window == picture).unwrap();
            file[at - 4..at].fill(0);
        }
        assert!(datas(&file) == pictures);
    }
}

#[test]
fn a_chunk_without_content_takes_its_time_and_fields_take_half() {
    let (a, b) = (jpeg(40), jpeg(300));
    let pair = [&a[..], &b].concat();
    let file = avi(&Avi { pictures: std::vec![a.clone(), Vec::new(), pair, b.clone()], ..Avi::default() });
    let expected = [(a.clone(), 0), (a, 80_000), (b.clone(), 100_000), (b, 120_000)];
    assert!(timed(&file) == expected.map(|(data, time)| (data, Some(time))));
}

#[test]
fn a_picture_begins_behind_what_was_passed_and_not_within_it() {
    // The picture's own head is lost: the chunk before took it, or is right before the picture.
    let (first, lost) = (jpeg(40), jpeg(300));
    let expected = [first.clone(), lost.clone(), first.clone()];
    let whole = avi(&Avi { pictures: std::vec![first.clone(), lost.clone(), first.clone()], ..Avi::default() });
    let at = whole.windows(lost.len()).position(|window| window == lost).unwrap();
    let with = |before: &[u8]| [&whole[..at - 8], before, &whole[at..]].concat();
    for len in 0..40 {
        for content in [[0xFF, 0xD8, 0xFF].repeat(len), [0xFF, 0xD8].repeat(len), [0xD8, 0xFF].repeat(len)] {
            let sound = [&b"00wb"[..], &(content.len() as u32).to_le_bytes(), &content].concat();
            assert!(datas(&with(&sound)) == expected, "{len} of {:x?}", &content[..content.len().min(3)]);
        }
    }
    // A length that cannot be true ends in the bytes of SOI.
    assert!(datas(&with(b"01dc\x00\x00\xFF\xD8")) == expected);
    let mut file = avi(&Avi { pictures: pictures(), has_sound: true, ..Avi::default() });
    assert_eq!(file[2742..2747], *b"00wb\x09");
    file[2746] = 18;
    assert!(datas(&file) == pictures());
}

#[test]
fn an_avi_file_of_another_codec_is_refused() {
    let file = avi(&Avi { pictures: std::vec![jpeg(40)], codec: b"XVID", ..Avi::default() });
    let file = File { bytes: file, at: 0, piece: 100, read: 0, fails: 0 };
    assert!(matches!(Reader::new(file, [0; 64]), Err(Error::OtherVideo)));
    let audio = list(b"RIFF", b"AVI ", &[list(b"LIST", b"movi", &chunk(b"01wb", &[0; 99])), jpeg(40)].concat());
    let file = File { bytes: audio, at: 0, piece: 100, read: 0, fails: 0 };
    assert!(matches!(Reader::new(file, [0; 64]), Err(Error::OtherVideo)));
}

#[test]
fn sound_and_padding_are_not_read() {
    let pictures = std::vec![jpeg(40); 3];
    let mut file = avi(&Avi { pictures: pictures.clone(), has_index: false, ..Avi::default() });
    let movi = file.windows(4).position(|name| name == b"movi").unwrap();
    let junk = chunk(b"JUNK", &std::vec![0; 1_000_000]);
    file.splice(movi - 8..movi - 8, junk.iter().copied());
    let mut reader = open(&file, LONGEST, usize::MAX);
    assert_eq!(all(&mut reader).len(), 3);
    assert!(reader.file.read < 50_000, "{}", reader.file.read);
}

proptest::proptest! {
    /// Whatever fault a container has, reading it ends, times never step back, and it is the same when it is resumed.
    #[test]
    fn damaged_containers_are_read_to_their_end(
        damage in proptest::collection::vec((700_usize..7500, proptest::num::u8::ANY), 1..20),
        is_avi in proptest::bool::ANY,
    ) {
        let pictures = pictures();
        let mut file = match is_avi {
            true => avi(&Avi { pictures, has_sound: true, ..Avi::default() }),
            false => parts(&pictures, |number, len| std::format!("--b\r\nContent-Length: {len}\r\nX-Timestamp: {number}.5\r\n\r\n")),
        };
        for (at, value) in damage {
            if let Some(byte) = file.get_mut(at) {
                *byte = value;
            }
        }
        let mut last = 0;
        for (_, time) in timed(&file) {
            proptest::prop_assert!(time >= Some(last));
            last = time.unwrap_or(0);
        }
    }
}
