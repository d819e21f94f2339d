//! Pictures that are drawn instead of read, so that the first run needs no file.

use mutoscope::media::FrameRate;
use mutoscope::media::testcard::{DEFAULT_QUALITY, DEFAULT_SIZE, Design, Full, Leader, TestCard};

/// Length of the generated movie.
const MOVIE_SECONDS: u64 = 10;
/// Bytes of the buffer that a picture is drawn into; doubled until the picture fits.
const FIRST_BUFFER: usize = 32 * 1024;
/// No picture of the default size needs more bytes than this, whatever it shows.
const LAST_BUFFER: usize = 4 * DEFAULT_SIZE.0 as usize * DEFAULT_SIZE.1 as usize;

/// The test card, which never ends.
pub(super) fn card(rate: FrameRate) -> Design {
    let (width, height) = DEFAULT_SIZE;
    Design::Card(TestCard::new(width, height, rate, DEFAULT_QUALITY).expect("the default size fits"))
}

/// A countdown, which ends.
pub(super) fn leader(rate: FrameRate) -> Design {
    let (width, height) = DEFAULT_SIZE;
    let frames = u32::try_from(rate.frames_in(MOVIE_SECONDS * 1_000_000)).unwrap_or(u32::MAX).max(1);
    Design::Leader(Leader::new(width, height, rate, DEFAULT_QUALITY, frames).expect("the default size fits"))
}

/// Draws frame `number` into `buffer`, whatever it held.
pub(super) fn draw(design: &Design, number: u32, mut buffer: Vec<u8>) -> Result<Vec<u8>, Full> {
    let mut size = FIRST_BUFFER.max(buffer.capacity());
    loop {
        buffer.resize(size, 0);
        match design.render(number, &mut buffer) {
            Ok(len) => {
                buffer.truncate(len);
                return Ok(buffer);
            }
            Err(full) if size >= LAST_BUFFER => return Err(full),
            Err(_) => size *= 2,
        }
    }
}
