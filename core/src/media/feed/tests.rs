use super::*;
use crate::media::samples::{jpeg, lab};
use std::vec::Vec;

#[derive(PartialEq)]
enum Found {
    Frame(Vec<u8>, bool, Option<Duration>),
    TooLarge,
    Damaged,
}

/// The length tells enough.
impl core::fmt::Debug for Found {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Frame(jpeg, has_end, timestamp) => write!(f, "{} bytes, {has_end}, {timestamp:?}", jpeg.len()),
            Self::TooLarge => f.write_str("too large"),
            Self::Damaged => f.write_str("damaged"),
        }
    }
}

fn found(event: FeedEvent<'_>) -> Found {
    match event {
        FeedEvent::Frame { jpeg, has_end, timestamp } => Found::Frame(jpeg.to_vec(), has_end, timestamp),
        FeedEvent::TooLarge => Found::TooLarge,
        FeedEvent::Damaged => Found::Damaged,
    }
}

/// What a feed finds in a stream that comes in pieces of `size` bytes.
fn feed(stream: &[u8], buffer: usize, size: usize) -> Vec<Found> {
    let mut feed = Feed::new(std::vec![0; buffer]).unwrap();
    let (mut rest, mut all) = (stream, Vec::new());
    while !rest.is_empty() {
        let room = feed.room();
        assert!(!room.is_empty());
        let len = room.len().min(size).min(rest.len());
        room[..len].copy_from_slice(&rest[..len]);
        rest = &rest[len..];
        feed.handle_input(len);
        while let Some(event) = feed.poll() {
            all.push(found(event));
        }
    }
    all.extend(feed.finish().map(found));
    all
}

/// The same for pieces of any size.
fn all(stream: &[u8], buffer: usize) -> Vec<Found> {
    let whole = feed(stream, buffer, usize::MAX);
    for size in [1, 2, 3, 7, 64, 1400] {
        assert!(feed(stream, buffer, size) == whole, "in pieces of {size}");
    }
    whole
}

fn whole(jpeg: &[u8]) -> Found {
    Found::Frame(jpeg.to_vec(), true, None)
}

#[test]
fn streams_of_every_format_become_frames() {
    let pictures = [jpeg(40), jpeg(900), jpeg(41), jpeg(300)];
    let part = |jpeg: &Vec<u8>| [&b"--b\r\nContent-Type: image/jpeg\r\n\r\n"[..], jpeg, b"\r\n"].concat();
    let streams: [Vec<u8>; 3] = [
        pictures.concat(),
        pictures.iter().flat_map(|jpeg| lab(jpeg)).collect(),
        pictures.iter().flat_map(part).collect(),
    ];
    for stream in streams {
        let expected: Vec<_> = pictures.iter().map(|jpeg| whole(jpeg)).collect();
        for buffer in [pictures[1].len(), 2000, 100_000] {
            assert!(all(&stream, buffer) == expected, "buffer {buffer}");
            // A stream that is joined in the middle of a frame.
            let joined = all(&[&jpeg(4000)[2000..], &stream].concat(), buffer);
            assert!(joined == expected, "buffer {buffer}");
        }
    }
}

#[test]
fn a_frame_is_given_with_its_last_byte() {
    let (a, part) = (jpeg(40), &b"--b\r\nContent-Type: image/jpeg\r\nX-Timestamp: 3.5\r\n\r\n"[..]);
    let time = Some(Duration::from_millis(3500));
    let digits = std::format!("{:05}", a.len());
    for (head, timestamp) in [(&b""[..], None), (part, time), (digits.as_bytes(), None)] {
        let mut feed = Feed::new([0; 1000]).unwrap();
        for bytes in [head, &a, head, &a] {
            for &byte in bytes {
                assert_eq!(feed.poll(), None);
                feed.room()[0] = byte;
                feed.handle_input(1);
            }
            if bytes == a {
                assert_eq!(feed.poll(), Some(FeedEvent::Frame { jpeg: &a, has_end: true, timestamp }));
            }
        }
    }
}

#[test]
fn a_frame_without_eoi_ends_where_the_next_or_the_stream_does() {
    let a = jpeg(40);
    let cut = &a[..a.len() - 2];
    let short = || Found::Frame(cut.to_vec(), false, None);
    assert_eq!(all(&[cut, &a, cut, cut].concat(), 2000), [short(), whole(&a), short(), short()]);
    for head in ["\r\n--bound\r\nContent-Type: image/jpeg\r\n\r\n", "\nbound\nContent-length: 99999\n\n"] {
        let stream = [head.as_bytes(), cut, head.as_bytes(), &a, head.as_bytes(), cut].concat();
        assert_eq!(all(&stream, 2000), [short(), whole(&a), short()], "{head:?}");
    }
    // Without a boundary the length tells.
    let head = std::format!("Content-Length: {}\r\n\r\n", cut.len());
    let stream = [head.as_bytes(), cut, head.as_bytes(), &a, head.as_bytes(), cut].concat();
    assert_eq!(all(&stream, 2000), [short(), whole(&a), short()]);
}

#[test]
fn a_frame_that_is_too_large_is_said_once_and_left_out() {
    let (a, large) = (jpeg(40), jpeg(5000));
    for stream in [[&a[..], &large, &a].concat(), [lab(&a), lab(&large), lab(&a)].concat()] {
        assert_eq!(all(&stream, 1000), [whole(&a), Found::TooLarge, whole(&a)]);
    }
    // One without end.
    let endless = [&a[..], &large[..600], &[0x55; 100_000]].concat();
    assert_eq!(all(&endless, 1000), [whole(&a), Found::TooLarge, Found::Damaged][..2]);
}

#[test]
fn damage_is_said_and_passed() {
    let a = jpeg(40);
    let stream = [&a[..], &a[..100], &a, b"\xFF\xD8\xFF\xFE\0\x04hi\xFF\xDA\0\x02noise\xFF\xD9", &a].concat();
    assert_eq!(all(&stream, 2000), [whole(&a), Found::Damaged, whole(&a), Found::Damaged, whole(&a)]);
}

#[test]
fn after_a_reset_another_format_is_recognised() {
    let a = jpeg(40);
    let mut feed = Feed::new([0; 1000]).unwrap();
    for (stream, format) in [(a.clone(), Format::Raw), (lab(&a), Format::Lab), (a.clone(), Format::Raw)] {
        feed.room()[..stream.len()].copy_from_slice(&stream);
        feed.handle_input(stream.len());
        assert_eq!(feed.poll(), Some(FeedEvent::Frame { jpeg: &a, has_end: true, timestamp: None }));
        assert_eq!(feed.format(), format);
        feed.reset();
    }
    assert!(Feed::new([0; MIN_BUFFER - 1]).is_none());
}
