//! The targets of live bytes and of the containers that are read as they come.

use super::source;
use mutoscope::media::feed::{Feed, FeedEvent};

/// What a feed finds, with the places of frames in the stream.
#[derive(Debug, PartialEq)]
enum Found {
    Frame(Vec<u8>, bool),
    TooLarge,
    Damaged,
}

/// Feeds a stream in pieces of at most `most` bytes, and counts what had to be moved.
fn run(stream: &[u8], buffer: usize, most: usize) -> Vec<Found> {
    let mut feed = Feed::new(vec![0; buffer]).expect("it is long enough");
    let (mut rest, mut all, mut calls) = (stream, Vec::new(), 0_usize);
    while !rest.is_empty() {
        let room = feed.room();
        assert!(!room.is_empty() && room.len() <= buffer);
        let len = room.len().min(most).min(rest.len());
        room[..len].copy_from_slice(&rest[..len]);
        rest = &rest[len..];
        feed.handle_input(len);
        while let Some(event) = feed.poll() {
            all.push(found(event));
        }
        calls += 1;
    }
    all.extend(feed.finish().map(found));
    assert!(calls <= stream.len() && all.len() <= stream.len(), "{calls} calls, {} events", all.len());
    all
}

fn found(event: FeedEvent<'_>) -> Found {
    match event {
        FeedEvent::Frame { jpeg, has_end, .. } => Found::Frame(jpeg.to_vec(), has_end),
        FeedEvent::TooLarge => Found::TooLarge,
        FeedEvent::Damaged => Found::Damaged,
    }
}

/// A live stream: pieces of any size give the same frames, which stand in the stream one behind the other.
pub fn feed(data: &[u8]) {
    let buffer = data.len().max(64);
    let whole = run(data, buffer, usize::MAX);
    for most in [1, 2, 3, 100] {
        assert!(run(data, buffer, most) == whole, "in pieces of {most}");
    }
    let mut rest = data;
    for event in &whole {
        match event {
            Found::Frame(jpeg, has_end) => {
                assert!(jpeg.starts_with(&[0xff, 0xd8]) && (!has_end || jpeg.ends_with(&[0xff, 0xd9])));
                let at = rest.windows(jpeg.len()).position(|window| window == jpeg).expect("it was received");
                rest = &rest[at + jpeg.len()..];
            }
            Found::TooLarge => panic!("the buffer holds everything"),
            Found::Damaged => {}
        }
    }
    // A small buffer gives the frames that fit, and says of the others that they do not.
    let frames = |found: &[Found]| found.iter().filter(|event| matches!(event, Found::Frame(..))).count();
    for most in [1, 300] {
        let some = run(data, 700, most);
        assert!(frames(&some) <= frames(&whole));
        assert!(some.iter().all(|event| !matches!(event, Found::Frame(jpeg, _) if jpeg.len() > 700)));
    }
}

/// Streams in every format, joined anywhere.
pub fn feed_seeds() -> Vec<Vec<u8>> {
    let mut seeds = source::mjpeg_seeds();
    seeds.extend(container_seeds());
    let joined: Vec<_> = seeds.iter().map(|seed| seed[seed.len() / 3..].to_vec()).collect();
    seeds.extend(joined);
    seeds
}

/// Multipart streams in several dialects, and AVI files: whole, with sound and lists, and never closed.
pub fn container_seeds() -> Vec<Vec<u8>> {
    let files = super::jpeg::seeds();
    let pictures = [&files[0], &files[4], &files[1]];
    let parts = |head: &dyn Fn(usize, usize) -> String| -> Vec<u8> {
        (0..).zip(pictures).flat_map(|(number, file)| [head(number, file.len()).as_bytes(), file].concat()).collect()
    };
    let chunk = |name: &[u8], content: &[u8]| -> Vec<u8> {
        [name, &(content.len() as u32).to_le_bytes(), content, &[0][..content.len() % 2]].concat()
    };
    let list = |name: &[u8], kind: &[u8], content: &[u8]| chunk(name, &[kind, content].concat());
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let strh = [&b"vidsMJPG"[..], &words(&[0, 0, 0, 1, 25, 0, 3, 0, 0, 0, 0, 0])].concat();
    let strf = [&words(&[40, 32, 16, 0x18_0001]), &b"MJPG"[..], &words(&[1536, 0, 0, 0, 0])].concat();
    let stream = list(b"LIST", b"strl", &[chunk(b"strh", &strh), chunk(b"strf", &strf)].concat());
    let headers = list(b"LIST", b"hdrl", &[chunk(b"avih", &[0; 56]), stream].concat());
    let avi = |is_open: bool, has_records: bool| {
        let mut movi = Vec::new();
        for file in pictures {
            let pair = [chunk(b"01wb", &[0xff, 0xd8, 0xff]), chunk(b"00dc", file), chunk(b"00dc", b"")].concat();
            movi.extend(if has_records { list(b"LIST", b"rec ", &pair) } else { pair });
        }
        let movi = list(b"LIST", b"movi", &movi);
        let mut file = list(b"RIFF", b"AVI ", &[headers.clone(), movi, chunk(b"idx1", &[0; 16])].concat());
        file.extend(list(b"RIFF", b"AVIX", &list(b"LIST", b"movi", &chunk(b"00db", &files[4]))));
        if is_open {
            file[4..8].fill(0);
            file.truncate(file.len() - 20);
        }
        file
    };
    vec![
        parts(&|number, len| {
            format!(
                "\r\n--b42\r\nContent-Type: image/jpeg\r\nContent-Length: {len}\r\nX-Timestamp: {number}.25\r\n\r\n"
            )
        }),
        parts(&|_, len| format!("frame\nContent-length: {}\n\n", len / 2)),
        parts(&|_, len| format!("\r\n24\r\n\r\n--123\r\n\r\n30\r\nContent-Type: image/jpeg\r\n\r\n\r\n{len:x}\r\n")),
        avi(false, false),
        avi(false, true),
        avi(true, false),
    ]
}

/// Pieces of both grammars.
pub const WORDS: &[&str] = &[
    "--b42",
    "Content-Length: ",
    "X-Timestamp: ",
    "\r\n\r\n",
    "RIFF",
    "AVI ",
    "LIST",
    "movi",
    "rec ",
    "00dc",
    "01wb",
    "JUNK",
    "00000",
    " 9999",
];
