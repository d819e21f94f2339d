//! The film that both programs are tried with.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use mutoscope::media::FrameRate;
use mutoscope::media::testcard::Leader;

/// Its name in the programs' folder.
pub(super) const NAME: &str = "movie.Mjpeg";
/// More than anybody sees of it: two times a second and a bit, at thirty frames a second.
const FRAMES: u32 = 112;
/// Frames that are larger than a packet of Ethernet, and smaller than the 20,480 bytes that the lab's client reads at once.
const LARGEST: usize = 20_000;

/// A film of which each frame is known.
#[derive(Debug)]
pub(super) struct Clip {
    pub(super) frames: Vec<Vec<u8>>,
    places: HashMap<Vec<u8>, usize>,
}

impl Clip {
    /// Draws it.
    pub(super) fn draw() -> Result<Self> {
        let rate: FrameRate = "20".parse().ok().context("20 frames a second")?;
        let leader =
            |width, height, quality| Leader::new(width, height, rate, quality, FRAMES).context("a film's leader");
        let (small, large) = (leader(160, 128, 3)?, leader(320, 240, 60)?);
        let mut buffer = vec![0; 64 * 1024];
        let mut frames = Vec::new();
        for number in 0..FRAMES {
            let leader = if number % 4 == 3 { &large } else { &small };
            let len = leader.render(number, &mut buffer).ok().context("a frame has no room")?;
            frames.push(buffer[..len].to_vec());
        }
        Self::new(frames)
    }

    fn new(frames: Vec<Vec<u8>>) -> Result<Self> {
        let places: HashMap<_, _> = frames.iter().cloned().enumerate().map(|(place, frame)| (frame, place)).collect();
        ensure!(places.len() == frames.len(), "two frames of the film are the same");
        ensure!(frames.iter().all(|frame| frame.len() <= LARGEST), "a frame of the film is too large for the lab");
        Ok(Self { frames, places })
    }

    /// The place in the film of a frame with exactly these bytes, from 0.
    pub(super) fn place(&self, frame: &[u8]) -> Option<usize> {
        self.places.get(frame).copied()
    }

    /// As the lab's films are: five digits of the length before each frame.
    pub(super) fn file(&self) -> Vec<u8> {
        let frames = self.frames.iter();
        frames.flat_map(|frame| [format!("{:05}", frame.len()).as_bytes(), frame].concat()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_film_has_frames_for_one_packet_and_for_several_and_no_two_alike() {
        let clip = Clip::draw().unwrap();
        let of_several = clip.frames.iter().filter(|frame| frame.len() > 1400).count();
        assert!(of_several * 4 >= clip.frames.len(), "{of_several}");
        assert_eq!(clip.place(&clip.frames[7]), Some(7));
        assert_eq!(clip.place(b"\xff\xd8"), None);
        let file = clip.file();
        assert!(file[..5].iter().all(u8::is_ascii_digit) && file[5..].starts_with(&[0xff, 0xd8, 0xff]));
    }
}
