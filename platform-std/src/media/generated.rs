//! Pictures that are drawn instead of read, so that the first run needs no file.

use std::fmt;

use mutoscope::jpeg::encoder::Full;
use mutoscope::source::FrameRate;
use mutoscope::source::testcard::{Leader, TestCard};

/// Width of generated pictures in pixels.
pub(super) const WIDTH: u16 = 640;
/// Height of generated pictures in pixels.
pub(super) const HEIGHT: u16 = 480;

/// JPEG quality; with it the largest picture stays below what one packet of the lab dialect takes.
const QUALITY: u8 = 75;
/// Length of the generated movie.
const MOVIE_SECONDS: u64 = 10;
/// Where drawing starts; grown until the picture fits.
const FIRST_BUFFER: usize = 32 * 1024;
/// No picture of this size can be larger, whatever it shows.
const LAST_BUFFER: usize = 4 * WIDTH as usize * HEIGHT as usize;

/// What is drawn.
pub(super) enum Generator {
    /// The test card: as many frames as one asks for.
    Card(TestCard),
    /// The film leader: counts down and ends.
    Leader(Leader),
}

impl Generator {
    pub(super) fn card(rate: FrameRate) -> Self {
        Self::Card(TestCard::new(WIDTH, HEIGHT, rate, QUALITY))
    }

    pub(super) fn leader(rate: FrameRate) -> Self {
        Self::Leader(Leader::new(WIDTH, HEIGHT, rate, QUALITY))
    }

    /// How many frames the leader has.
    pub(super) fn leader_frames(rate: FrameRate) -> u32 {
        u32::try_from(rate.frames_in(MOVIE_SECONDS * 1_000_000)).unwrap_or(u32::MAX).max(1)
    }

    /// Draws frame `number` into `buffer`, whatever it held.
    pub(super) fn draw(&self, number: u32, mut buffer: Vec<u8>) -> Result<Vec<u8>, Full> {
        let mut size = FIRST_BUFFER.max(buffer.capacity());
        loop {
            buffer.resize(size, 0);
            let drawn = match self {
                Self::Card(card) => card.render(number, &mut buffer),
                Self::Leader(leader) => leader.render(number, &mut buffer),
            };
            match drawn {
                Ok(len) => {
                    buffer.truncate(len);
                    return Ok(buffer);
                }
                Err(full) if size >= LAST_BUFFER => return Err(full),
                Err(_) => size *= 2,
            }
        }
    }
}

impl fmt::Debug for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Card(_) => "Card",
            Self::Leader(_) => "Leader",
        })
    }
}
