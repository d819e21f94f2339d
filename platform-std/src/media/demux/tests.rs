use super::samples::{Edit, edited, fragments, hybrid, matroska, mov};
use super::*;
use crate::media::storage::InMemory;
use crate::media::testing::{frames, jpeg, lab_file};

/// Pictures of the same length, as the laces of one kind need them.
fn equal_frames(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|number| jpeg(16, 16, 0, &[number; 40])).collect()
}

/// All pictures and their times, in milliseconds, from a place.
fn pictures(file: &[u8], head: &Head, place: Place) -> Vec<(Vec<u8>, u64)> {
    let storage = InMemory(file);
    let mut demuxer = head.container.demuxer(&storage, file.len() as u64, place).unwrap();
    let mut pictures = Vec::new();
    loop {
        match demuxer.next().unwrap() {
            Found::Picture(Sample { offset, len, time }) => {
                pictures.push((file[offset as usize..][..len as usize].to_vec(), time / 1000));
            }
            Found::Damage(reason) => panic!("{reason}"),
            Found::End { is_cut } => {
                assert!(!is_cut);
                return pictures;
            }
        }
    }
}

/// From each place that is told, the rest is the same.
fn check_places(file: &[u8], head: &Head, all: &[(Vec<u8>, u64)]) {
    let storage = InMemory(file);
    let mut demuxer = head.container.demuxer(&storage, file.len() as u64, Place::Start).unwrap();
    let mut places = 0;
    for passed in 1..=all.len() {
        assert!(matches!(demuxer.next().unwrap(), Found::Picture(_)));
        if let Some(place) = demuxer.place() {
            places += 1;
            assert_eq!(pictures(file, head, place), all[passed..], "{place:?}");
        }
    }
    assert!(places >= all.len() / 5);
}

#[test]
fn pictures_of_every_container_are_found_with_their_times_from_every_place() {
    let expected = equal_frames(10);
    let even: Vec<u64> = (0..10).map(|number| number * 40).collect();
    let later: Vec<u64> = even.iter().map(|millis| millis + 5000).collect();
    let durations = [40, 10, 500, 40, 40, 40, 1, 1, 40, 40];
    let uneven: Vec<u64> = (0..10).map(|number| durations[..number].iter().map(|&it| u64::from(it)).sum()).collect();
    let untold = vec![0; 10];
    for (name, file, times, rate) in [
        ("raw", expected.concat(), &untold, None),
        ("lab", lab_file(&expected), &untold, None),
        ("mov", mov(&expected, &[40; 10]), &even, FrameRate::new(25, 1)),
        ("variable", mov(&expected, &durations), &uneven, FrameRate::new(13_297, 1000)),
        ("fragments", fragments(&expected, 0), &even, None),
        ("tables and fragments", hybrid(&expected), &even, FrameRate::new(25, 1)),
        ("matroska", matroska(&expected, 1, 0), &later, FrameRate::new(25, 1)),
        ("xiph", matroska(&expected, 5, 1), &later, FrameRate::new(25, 1)),
        ("fixed", matroska(&expected, 5, 2), &later, FrameRate::new(25, 1)),
        ("ebml", matroska(&expected, 5, 3), &later, FrameRate::new(25, 1)),
    ] {
        let head = Head::read(&InMemory(&file), file.len() as u64).unwrap();
        assert_eq!(head.rate, rate, "{name}");
        assert_eq!(head.is_timed, !["raw", "lab", "mov"].contains(&name), "{name}");
        let found = pictures(&file, &head, Place::Start);
        let expected: Vec<_> = expected.iter().cloned().zip(times.iter().copied()).collect();
        assert_eq!(found, expected, "{name}");
        check_places(&file, &head, &expected);
    }
}

/// A name, an edit list, shifts, which pictures are shown at which times, and whether they do not follow evenly.
type EditCase<'a> = (&'a str, &'a [Edit], &'a [u32], Vec<(usize, u64)>, bool);

#[test]
fn edit_lists_tell_which_pictures_are_shown_and_when() {
    const NORMAL: u32 = 1 << 16;
    let frames = equal_frames(10);
    // Ten pictures of 40 ms: which are shown, and when.
    let cases: [EditCase<'_>; 12] = [
        ("all", &[(400, 0, NORMAL)], &[], (0..10).map(|at| (at, at as u64 * 40)).collect(), false),
        ("rounded down", &[(399, 0, NORMAL)], &[], (0..10).map(|at| (at, at as u64 * 40)).collect(), false),
        (
            "begins later",
            &[(500, -1, NORMAL), (400, 0, NORMAL)],
            &[],
            (0..10).map(|at| (at, 500 + at as u64 * 40)).collect(),
            false,
        ),
        (
            "the beginning is cut",
            &[(320, 80, NORMAL)],
            &[],
            (2..10).map(|at| (at, at as u64 * 40 - 80)).collect(),
            false,
        ),
        ("to the end", &[(0, 80, NORMAL)], &[], (2..10).map(|at| (at, at as u64 * 40 - 80)).collect(), false),
        ("within a picture", &[(100, 90, NORMAL)], &[], vec![(2, 0), (3, 30), (4, 70)], true),
        (
            "two parts",
            &[(80, 240, NORMAL), (50, -1, NORMAL), (80, 320, NORMAL)],
            &[],
            vec![(6, 0), (7, 40), (8, 130), (9, 170)],
            true,
        ),
        ("back again", &[(80, 240, NORMAL), (80, 40, NORMAL)], &[], vec![(6, 0), (7, 40), (1, 80), (2, 120)], true),
        ("a picture in two parts", &[(50, 0, NORMAL), (30, 50, NORMAL)], &[], vec![(0, 0), (1, 40), (1, 50)], true),
        ("one that stands", &[(300, 130, 0), (40, 200, NORMAL)], &[], vec![(3, 0), (5, 300)], true),
        ("slower", &[(160, 120, NORMAL / 2)], &[], vec![(3, 0), (4, 80)], true),
        (
            "all later, and shifted back",
            &[(400, 80, NORMAL)],
            &[10, 80],
            (0..10).map(|at| (at, at as u64 * 40)).collect(),
            false,
        ),
    ];
    for (name, edits, shifts, expected, is_timed) in cases {
        let file = edited(&frames, &[40; 10], edits, shifts);
        let head = Head::read(&InMemory(&file), file.len() as u64).unwrap();
        let expected: Vec<_> = expected.into_iter().map(|(at, millis)| (frames[at].clone(), millis)).collect();
        assert_eq!(pictures(&file, &head, Place::Start), expected, "{name}");
        assert_eq!(head.is_timed, is_timed, "{name}");
        check_places(&file, &head, &expected);
    }
    let file = fragments(&frames, 90);
    let head = Head::read(&InMemory(&file), file.len() as u64).unwrap();
    let times: Vec<u64> = pictures(&file, &head, Place::Start).into_iter().map(|(_, millis)| millis).collect();
    assert_eq!(times, [0, 30, 70, 110, 150, 190, 230, 270]);
}

#[test]
fn edit_lists_that_repeat_a_film_have_an_end() {
    let frames = equal_frames(10);
    let edits = [(400, 0, 1 << 16); 1000];
    let file = edited(&frames, &[40; 10], &edits, &[]);
    let head = Head::read(&InMemory(&file), file.len() as u64).unwrap();
    assert_eq!(pictures(&file, &head, Place::Start).len(), 10 * 17);
}

#[test]
fn sizes_in_laces_may_go_up_and_down() {
    let expected: Vec<_> = [300, 20, 700, 701, 5, 254, 255, 256].map(|len| jpeg(16, 16, 0, &vec![1; len])).into();
    for lacing in [1, 3] {
        let file = matroska(&expected, 8, lacing);
        let head = Head::read(&InMemory(&file), file.len() as u64).unwrap();
        let found: Vec<_> = pictures(&file, &head, Place::Start).into_iter().map(|(frame, _)| frame).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn damage_in_clusters_costs_what_it_hits() {
    let expected = frames(10);
    let file = matroska(&expected, 2, 0);
    let head = Head::read(&InMemory(&file), file.len() as u64).unwrap();
    let storage = InMemory(&file);
    let mut damaged = file.clone();
    let at = file.windows(4).position(|window| window == [0x1f, 0x43, 0xb6, 0x75]).unwrap() + 5;
    damaged[at..at + 6].fill(0);
    let storage_of_damage = InMemory(&damaged);
    let mut demuxer = head.container.demuxer(&storage_of_damage, damaged.len() as u64, Place::Start).unwrap();
    let found: Vec<_> = std::iter::from_fn(|| Some(demuxer.next().unwrap()))
        .take_while(|found| !matches!(found, Found::End { .. }))
        .collect();
    assert_eq!(found.iter().filter(|found| matches!(found, Found::Picture(_))).count(), 8, "{found:?}");
    // What is still being written has no end.
    for len in [file.len() - 1, file.len() - 30] {
        let mut demuxer = head.container.demuxer(&storage, len as u64, Place::Start).unwrap();
        let last =
            std::iter::from_fn(|| Some(demuxer.next().unwrap())).find(|found| !matches!(found, Found::Picture(_)));
        assert_eq!(last, Some(Found::End { is_cut: true }));
    }
}

#[test]
fn files_without_motion_jpeg_are_told_in_a_sentence() {
    let mut other = mov(&frames(3), &[40; 3]);
    let reason = |file: &[u8]| match Head::read(&InMemory(file), file.len() as u64) {
        Err(DetectError::Format(reason)) => reason,
        other => panic!("{other:?}"),
    };
    let unfinished = other[..other.len() - 200].to_vec();
    assert!(reason(&unfinished).contains("without tables"));
    // Its first sample is no JPEG.
    other[24..27].fill(0);
    assert!(reason(&other).contains("without a track of motion JPEG"));
    let mut sound = matroska(&frames(3), 1, 0);
    let at = sound.windows(7).position(|window| window == b"V_MJPEG").unwrap();
    sound[at..at + 7].copy_from_slice(b"A_EXAMP");
    assert!(reason(&sound).contains("without a track of motion JPEG"));
    assert!(reason(b"no film").contains("not an MJPEG file"));
}

#[test]
fn rates_are_told_by_rounded_numbers() {
    for (nanos, numerator, denominator) in [
        (40_000_000, 25, 1),
        (33_366_667, 30_000, 1001),
        (33_333_333, 30, 1),
        (41_708_333, 24_000, 1001),
        (16_683_333, 60_000, 1001),
    ] {
        assert_eq!(matroska::rate(nanos), FrameRate::new(numerator, denominator), "{nanos}");
    }
}
