use super::*;
use crate::media::samples::{jpeg, jpeg_with, lab, segment};
use std::vec::Vec;

/// The events and their places, with the bytes fed in pieces of `size`.
fn events(file: &[u8], size: usize) -> Vec<(u64, SplitEvent)> {
    let mut splitter = Splitter::<Every>::new(Format::detect(file), file.len() as u64);
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
    events.extend(splitter.end_of_file().map(|event| (splitter.offset(), event)));
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
            SplitEvent::End { ago, .. } => frames.push(file[start..at as usize - usize::from(ago)].to_vec()),
            SplitEvent::Passed => {}
            SplitEvent::Damage | SplitEvent::Beyond => damages += 1,
        }
    }
    (frames, damages)
}

#[test]
fn formats_are_told_apart_by_their_first_bytes() {
    let cases: [(&[u8], Option<Format>); 12] = [
        (&[0xFF, 0xD8, 0xFF], Some(Format::Raw)),
        (&[0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0, 0, 0], Some(Format::Raw)),
        (b"06014\xFF\xD8\xFF\xE0", Some(Format::Lab)),
        (b" 6014\xFF\xD8\xFF", Some(Format::Lab)),
        (b"601  \xFF\xD8\xFF", Some(Format::Lab)),
        (b"0000006014\xFF\xD8\xFF", Some(Format::Lab)),
        (b"--x\r\nContent-Type: image/jpeg\r\n\r\n\xFF\xD8\xFF", Some(Format::Multipart)),
        (b"06 14\xFF\xD8\xFF", None),
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
fn before_the_first_picture_there_may_be_anything_but_another_kind_of_file() {
    let a = jpeg(40);
    let half = &jpeg(4000)[2300..];
    for junk in [&b"\n"[..], b"\xEF\xBB\xBF", &[0; 3000], &[0xFF; 100], half, b"once upon a time\n"] {
        let file = [junk, &a, &a].concat();
        assert_eq!(Format::detect(&file), Some(Format::Raw), "{junk:?}");
        assert_eq!(frames(&file).0, [a.clone(), a.clone()], "{junk:?}");
        let file = [junk, &lab(&a), &lab(&a)].concat();
        assert_eq!(Format::detect(&file), Some(Format::Lab), "{junk:?}");
        // Without a picture there is nothing to be shown.
        assert_eq!(Format::detect(&[junk, &a[..60]].concat()), None, "{junk:?}");
    }
    for name in [&b"%PDF-1.7\n"[..], b"\0\0\0\x20ftypisom", b"RIFF\0\0\0\0WAVE", b"PK\x03\x04", b"\x1A\x45\xDF\xA3"] {
        assert_eq!(Format::detect(&[name, &a].concat()), None, "{name:?}");
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
fn lengths_may_be_padded_with_spaces_or_have_ten_digits() {
    let (a, b) = (jpeg(40), jpeg(300));
    let record = |digits: std::string::String, jpeg: &[u8]| [digits.as_bytes(), jpeg].concat();
    let right = |jpeg: &[u8]| record(std::format!("{:>5}", jpeg.len()), jpeg);
    let left = |jpeg: &[u8]| record(std::format!("{:<5}", jpeg.len()), jpeg);
    let long = |jpeg: &[u8]| record(std::format!("{:010}", jpeg.len()), jpeg);
    for write in [&right as &dyn Fn(&[u8]) -> Vec<u8>, &left, &long] {
        let file = [&write(&a)[..], &write(&b), b"\n", &write(&a)].concat();
        assert_eq!(frames(&file), (std::vec![a.clone(), b.clone(), a.clone()], 0));
    }
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
fn frames_without_eoi_end_where_the_next_begins() {
    // One has bytes in a segment that look like a frame, and one has padding.
    let (a, b) = (jpeg_with(&segment(0xE1, &jpeg(50)), 70), jpeg(300));
    let (cut_a, cut_b) = (&a[..a.len() - 2], &[&b[..b.len() - 2], &[0; 5]].concat()[..]);
    for frames_of in [[cut_a, cut_b, cut_a, &b, cut_a, cut_b], [&a, cut_b, &a, &b, cut_a, cut_a]] {
        let expected: Vec<_> = frames_of.iter().map(|frame| frame.to_vec()).collect();
        let (found, damages) = frames(&expected.concat());
        let lens = |frames: &[Vec<u8>]| frames.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!((lens(&found), damages), (lens(&expected), 0));
        assert!(found == expected);
    }
}

#[test]
fn a_frame_that_breaks_off_in_its_headers_is_damage_and_in_its_scan_a_frame() {
    let (a, b) = (jpeg(40), jpeg(300));
    // Of the scan header two bytes may be the next frame's SOI.
    let headers = b.len() - 302 - 2;
    for cut in 3..b.len() - 2 {
        // Behind a marker, the next SOI is read as a length, and APPn of that length may hold anything.
        let filler = if cut == 4 { 101 } else { 1 };
        let file = [&a[..], &b[..cut], &a.repeat(filler), &b].concat();
        let (found, damages) = frames(&file);
        assert!(found[0] == a && found.last() == Some(&b), "cut at {cut}");
        // A cut inside APPn hides the start of the next frame, and the rest of that frame may join the broken one.
        let is_in_app0 = cut < 20;
        let is_length = b[cut - 2] == 0xFF && b[cut - 1] >= 0xC0;
        if !is_in_app0 && !is_length {
            let expected = if cut < headers { std::vec![&a, &a, &b] } else { std::vec![&a, &found[1], &a, &b] };
            assert!(found.iter().eq(expected) && damages == usize::from(cut < headers), "cut at {cut}");
        }
    }
}

#[test]
fn bytes_between_segments_and_segments_of_length_0_are_passed() {
    let a = jpeg(40);
    for junk in [
        &[0, 0, 0][..],
        &[0xFF, 0, 0x12, 0xFF, 0xFF],
        &[0xFF, 0xFE, 0, 0],
        &[0xFF, 0xE5, 0, 1],
        &[0xFF, 0xD0],
        &[0x55; 99],
    ] {
        for at in [2, 20] {
            let file = [&a[..at], junk, &a[at..]].concat();
            assert_eq!(
                frames(&[&file[..], &a, &file].concat()),
                (std::vec![file.clone(), a.clone(), file.clone()], 0),
                "{junk:?}"
            );
            assert_eq!(frames(&[lab(&file), lab(&a)].concat()), (std::vec![file, a.clone()], 0), "{junk:?}");
        }
    }
}

#[test]
fn tables_without_a_picture_are_no_frame() {
    let (a, tables) = (jpeg(40), [&[0xFF, 0xD8][..], &segment(0xDB, &[0; 65]), &[0xFF, 0xD9]].concat());
    assert_eq!(frames(&[&a[..], &tables, &a].concat()), (std::vec![a.clone(), a], 0));
}

/// An MPF segment: that of a picture that is the first of `images`, or one that cannot be read.
fn mpf(images: Option<u32>) -> Vec<u8> {
    let Some(images) = images else { return segment(0xE2, &[b"MPF\0", &[0; 80][..]].concat()) };
    let entries =
        [&[0, 0xB0, 7, 0, 4, 0, 0, 0][..], b"0100", &[1, 0xB0, 4, 0, 1, 0, 0, 0], &images.to_le_bytes()].concat();
    segment(0xE2, &[&b"MPF\0II*\0\x08\0\0\0\x03\0"[..], &entries, &[0; 40]].concat())
}

/// A picture of half the size.
fn preview(len: usize) -> Vec<u8> {
    let mut small = jpeg(len);
    let at = small.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    small[at + 6] /= 2;
    small
}

#[test]
fn previews_behind_a_picture_are_no_frames() {
    let (plain, small) = (jpeg(40), preview(50));
    for (images, behind) in [(None, &small), (None, &small), (Some(2), &small), (Some(2), &plain)] {
        let picture = jpeg_with(&mpf(images), 70);
        let pair = [&picture[..], behind].concat();
        let file = [&pair[..], &pair, &picture, &pair, &plain].concat();
        let expected = match images {
            None => std::vec![picture.clone(), picture.clone(), picture.clone(), picture.clone(), plain.clone()],
            // It is the first that tells two images, so the one behind it belongs to it, whatever its size.
            Some(_) => std::vec![picture.clone(), picture.clone(), picture.clone(), picture.clone(), plain.clone()],
        };
        assert_eq!(frames(&file), (expected, 0));
        // Previews belong to their record.
        assert_eq!(
            frames(&[lab(&pair), lab(&picture), lab(&small)].concat()),
            (std::vec![picture.clone(), picture, small.clone()], 0)
        );
    }
    // The other eye's picture has a segment too, but not with the number.
    let other =
        segment(0xE2, &[&b"MPF\0MM\0*\0\0\0\x08\0\x02\xB0\0\0\x07\0\0\0\x040100\xB1\x01"[..], &[0; 40]].concat());
    let (left, right) = (jpeg_with(&mpf(Some(2)), 70), jpeg_with(&other, 60));
    assert_eq!(frames(&[&left[..], &right, &left, &right].concat()), (std::vec![left.clone(), left], 0));
}

#[test]
fn wrong_lengths_cost_no_more_than_the_record() {
    let (a, b) = (jpeg(40), jpeg(300));
    let wrong = |digits: &[u8]| [digits, &b[..]].concat();
    let long = std::format!("{:05}", b.len() + 20).into_bytes();
    let short = std::format!("{:05}", b.len() - 20).into_bytes();
    let cases = [
        ("no digits", wrong(b"00x40")),
        ("a byte too many", wrong(b"0099999")),
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
    assert_eq!(resumed(&file, Format::Lab), frames(&file).0);
}

/// The frames that a splitter finds if it is resumed wherever it can be.
fn resumed(file: &[u8], format: Format) -> Vec<Vec<u8>> {
    let mut splitter = Splitter::<Every>::new(Some(format), file.len() as u64);
    let (mut at, mut start, mut frames) = (0, 0, Vec::new());
    loop {
        let (taken, event) = splitter.feed(&file[at..]);
        at += taken;
        match event.or_else(|| splitter.end_of_file()) {
            Some(SplitEvent::Start) => start = splitter.start() as usize,
            Some(SplitEvent::End { ago, .. }) => frames.push(file[start..at - usize::from(ago)].to_vec()),
            Some(_) => {}
            None => return frames,
        }
        if matches!(event, Some(SplitEvent::End { .. } | SplitEvent::Passed))
            && let Some(place) = splitter.place()
        {
            splitter = Splitter::<Every>::new(Some(format), file.len() as u64);
            splitter.resume(place);
            at = place.offset as usize;
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
