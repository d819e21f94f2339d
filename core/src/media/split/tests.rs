use super::*;
use crate::media::samples::{jpeg, jpeg_with, lab, segment};
use std::vec::Vec;

/// The events and their places, with the bytes fed in pieces of `size`.
fn events(file: &[u8], size: usize) -> Vec<(u64, SplitEvent)> {
    let mut splitter = Splitter::new(Format::detect(file).unwrap(), file.len() as u64);
    let mut events = Vec::new();
    for piece in file.chunks(size) {
        let mut piece = piece;
        loop {
            let (taken, event) = splitter.feed(piece);
            piece = &piece[taken..];
            let Some(event) = event else { break };
            let at = if event == SplitEvent::Start { splitter.start() } else { splitter.offset() };
            events.push((at, event));
        }
        assert!(piece.is_empty());
    }
    events
}

/// The frames, which must be the same for pieces of any size.
fn frames(file: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let expected = events(file, file.len());
    for size in [1, 2, 3, 7, 8, 64] {
        assert_eq!(events(file, size), expected, "in pieces of {size}");
    }
    let (mut start, mut frames, mut damages) = (0, Vec::new(), 0);
    for (at, event) in expected {
        match event {
            SplitEvent::Start => start = at as usize,
            SplitEvent::End => frames.push(file[start..at as usize].to_vec()),
            SplitEvent::EndBefore => frames.push(file[start..at as usize - 3].to_vec()),
            SplitEvent::Damage | SplitEvent::Beyond => damages += 1,
        }
    }
    (frames, damages)
}

#[test]
fn formats_are_told_apart_by_their_first_bytes() {
    let cases: [(&[u8], Option<Format>); 9] = [
        (&[0xFF, 0xD8, 0xFF], Some(Format::Raw)),
        (&[0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0, 0, 0], Some(Format::Raw)),
        (b"06014\xFF\xD8", Some(Format::Lab)),
        (b"06014\xFF\xD8\xFF\xE0", Some(Format::Lab)),
        (b"0601 \xFF\xD8\xFF", None),
        (b"06014\xFF", None),
        (b"", None),
        (b"RIFF....AVI ", None),
        (&[0xFF, 0xD8, 0x00], None),
    ];
    for (bytes, format) in cases {
        assert_eq!(Format::detect(bytes), format, "{bytes:?}");
    }
}

#[test]
fn jpegs_one_after_another_are_frames() {
    let (a, b) = (jpeg(40), jpeg(300));
    assert_eq!(frames(&[&a[..], &b, &a].concat()), (std::vec![a.clone(), b.clone(), a.clone()], 0));
    // Some writers align frames with padding between them.
    assert_eq!(frames(&[&a[..], &[0; 30], &b, b"\n", &a].concat()).0, [a.clone(), b, a]);
}

#[test]
fn records_are_frames() {
    let (a, b) = (jpeg(40), jpeg(300));
    assert_eq!(frames(&[lab(&a), lab(&b), lab(&a)].concat()), (std::vec![a.clone(), b.clone(), a.clone()], 0));
    assert_eq!(frames(&[lab(&a), b"\r\n".to_vec(), b"00000".to_vec(), lab(&b)].concat()).0, [a, b]);
}

#[test]
fn several_jpegs_in_a_record_are_several_frames() {
    let (a, b) = (jpeg(40), jpeg(300));
    let record = lab(&[&a[..], &b, &[0, 0], &a].concat());
    assert_eq!(frames(&[record, lab(&b)].concat()), (std::vec![a.clone(), b.clone(), a, b], 0));
}

#[test]
fn a_thumbnail_inside_a_segment_is_no_frame() {
    let thumbnail = segment(0xE1, &jpeg(50));
    let file = jpeg_with(&thumbnail, 70);
    assert_eq!(frames(&[&file[..], &file].concat()), (std::vec![file.clone(), file.clone()], 0));
    assert_eq!(frames(&[lab(&file), lab(&file)].concat()), (std::vec![file.clone(), file], 0));
}

#[test]
fn a_picture_of_several_scans_is_one_frame() {
    let plain = jpeg(60);
    let (headers, scan) = plain.split_at(plain.len() - 62);
    let sos = segment(0xDA, &[1, 1, 0, 1, 63, 0]);
    let several = [headers, &scan[..60], &segment(0xC4, &[0; 17]), &sos, &scan[..60], &sos, scan].concat();
    assert_eq!(frames(&[&several[..], &plain].concat()), (std::vec![several, plain], 0));
}

#[test]
fn segments_behind_the_last_scan_belong_to_the_frame() {
    let plain = jpeg(60);
    let (picture, end) = plain.split_at(plain.len() - 2);
    for last in [segment(0xDC, &[0, 16]), segment(0xFE, b"made by hand"), segment(0xFE, &[0xFF, 0xD9])] {
        let file = [picture, &last, end].concat();
        assert_eq!(frames(&[&file[..], &plain].concat()), (std::vec![file.clone(), plain.clone()], 0));
        assert_eq!(frames(&[lab(&file), lab(&plain)].concat()), (std::vec![file, plain.clone()], 0));
    }
}

#[test]
fn where_the_first_frame_has_no_eoi_others_end_where_the_next_begins() {
    // One has bytes in a segment that look like a frame, and one has padding.
    let (a, b) = (jpeg_with(&segment(0xE1, &jpeg(50)), 70), jpeg(300));
    let (cut_a, cut_b) = (&a[..a.len() - 2], &[&b[..b.len() - 2], &[0; 5]].concat()[..]);
    let file = [cut_a, cut_b, cut_a, &b, cut_a, cut_b].concat();
    // The last frame is found only if the splitter knows that the file ends.
    assert_eq!(frames(&file), (std::vec![cut_a.to_vec(), cut_b.to_vec(), cut_a.to_vec(), b, cut_a.to_vec()], 0));
}

#[test]
fn a_frame_that_breaks_off_is_damage_and_the_next_is_found() {
    let (a, b) = (jpeg(40), jpeg(300));
    for cut in 3..b.len() - 2 {
        // Behind a marker, the splitter reads the next SOI as a length and skips 64 KiB.
        let is_length = b[cut - 2] == 0xFF && b[cut - 1] >= 0xC0;
        let filler = a.repeat(if is_length { 101 } else { 1 });
        let file = [&a[..], &b[..cut], &filler, &b].concat();
        let (found, damages) = frames(&file);
        assert_eq!((&found[0], found.last()), (&a, Some(&b)), "cut at {cut}");
        // A cut inside a segment hides the start of the next frame, and the rest of that frame may join the broken one.
        assert!(damages > 0 || found[1].starts_with(&b[..cut]), "cut at {cut}");
        assert!(found[1..].iter().skip(usize::from(damages == 0)).all(|frame| *frame == a || *frame == b));
    }
}

#[test]
fn wrong_lengths_cost_no_more_than_the_record() {
    let (a, b) = (jpeg(40), jpeg(300));
    let wrong = |digits: &[u8]| [digits, &b[..]].concat();
    let long = std::format!("{:05}", b.len() + 20).into_bytes();
    let short = std::format!("{:05}", b.len() - 20).into_bytes();
    let cases = [
        ("no digits", wrong(b"00x40")),
        ("a byte too many", wrong(b"0004000")),
        ("beyond the file", wrong(b"99999")),
        ("too long", wrong(&long)),
        ("too short", wrong(&short)),
        ("tiny", wrong(b"00001")),
    ];
    for (what, record) in cases {
        let file = [lab(&a), record, lab(&a), lab(&b), lab(&a)].concat();
        let (found, damages) = frames(&file);
        assert!(damages > 0, "{what}");
        assert_eq!(found[0], a, "{what}");
        assert_eq!(found[found.len() - 2..], [b.clone(), a.clone()], "{what}");
    }
}

#[test]
fn a_record_without_eoi_is_a_frame() {
    let a = jpeg(40);
    let cut = &a[..a.len() - 2];
    assert_eq!(frames(&[lab(cut), lab(&a)].concat()), (std::vec![cut.to_vec(), a], 0));
}

/// A record is one byte too long and takes the first digit of the next record. A reader that resumes from a bookmark
/// must find the same frames.
#[test]
fn what_follows_a_frame_does_not_depend_on_the_bytes_before_it() {
    let (a, b) = (jpeg(40), jpeg(300));
    // The byte is an FF, so that the splitter examines the byte behind it.
    let cut = &a[..a.len() - 1];
    let long = [std::format!("{:05}", cut.len() + 1).as_bytes(), cut].concat();
    let file = [long.clone(), lab(&b), lab(&a)].concat();
    let all = events(&file, file.len());
    let mut splitter = Splitter::new(Format::Lab, file.len() as u64);
    let at = long.len() + 1;
    assert!(all.contains(&(at as u64, SplitEvent::End)));
    splitter.resume(at as u64, 0);
    let (mut rest, mut resumed) = (&file[at..], Vec::new());
    loop {
        let (taken, event) = splitter.feed(rest);
        rest = &rest[taken..];
        let Some(event) = event else { break };
        resumed.push((if event == SplitEvent::Start { splitter.start() } else { splitter.offset() }, event));
    }
    assert_eq!(resumed, all[2..]);
}

#[test]
fn the_first_ff_is_found_wherever_it_is() {
    for len in 0..100 {
        let mut bytes = std::vec![0xFE; len];
        assert_eq!(find_ff(&bytes), None);
        for at in (0..len).rev() {
            bytes[at] = 0xFF;
            assert_eq!(find_ff(&bytes), Some(at));
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_pieces_do_not_matter(
        noise in proptest::collection::vec(proptest::sample::select(
            std::vec![0xFF_u8, 0xD8, 0xD9, 0xDA, 0xE0, 0, 2, b'0', b'9', 0x77]), 0..400),
        is_lab in proptest::bool::ANY,
    ) {
        let a = jpeg(40);
        let start = if is_lab { lab(&a) } else { a };
        frames(&[start, noise].concat());
    }
}
