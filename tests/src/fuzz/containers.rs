//! The target of the containers that files of pictures come in.

#[path = "../../../platform-std/src/media/demux/samples.rs"]
mod samples;

use super::jpeg;
use mutoscope_std::media::inspect::pictures;

/// What is found lies within the file, times never step back, and no file has more pictures than a bound in its length.
pub fn containers(data: &[u8]) {
    // Edit lists may repeat a film, which may name its bytes twice.
    let most = 40 * data.len().max(1) + 1000;
    let Ok(found) = pictures(data, most) else { return };
    assert!(found.len() < most, "pictures without end");
    let mut last = 0;
    for picture in found {
        assert!(picture.offset + u64::from(picture.len) <= data.len() as u64, "{picture:?}");
        assert!(picture.micros >= last, "{picture:?} before {last}");
        last = picture.micros;
    }
}

/// One of each container.
pub fn containers_seeds() -> Vec<Vec<u8>> {
    let frames: Vec<_> =
        jpeg::seeds().into_iter().filter(|seed| seed.starts_with(&[0xff, 0xd8, 0xff])).take(6).collect();
    let durations: Vec<u32> = (0..frames.len() as u32).map(|number| 40 + number % 2).collect();
    let edits = [(500, -1, 1 << 16), (100, 50, 1 << 16), (60, 30, 1 << 15), (30, 100, 0)];
    let mut seeds = vec![
        samples::mov(&frames, &durations),
        samples::edited(&frames, &durations, &edits, &[2, 10, 4, 5]),
        samples::fragments(&frames, 50),
        samples::hybrid(&frames),
    ];
    seeds.extend((0..4).map(|lacing| samples::matroska(&frames, 5, lacing)));
    seeds
}
