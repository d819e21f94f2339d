use super::samples::{fragments, matroska, mov};
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
        ("fragments", fragments(&expected), &even, None),
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
