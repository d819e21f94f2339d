//! Pictures that are drawn instead of read, so that the first run needs no file.

use std::mem;
use std::sync::{Mutex, PoisonError};

use mutoscope::media::FrameRate;
use mutoscope::media::testcard::{
    DEFAULT_QUALITY, DEFAULT_SIZE, Design, DrawnTile, Full, Leader, TestCard, tile_count,
};

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

/// Pictures of one design, and what was drawn last.
#[derive(Debug)]
pub(super) struct Drawing {
    design: Design,
    /// Empty until something was drawn. Whoever draws takes it out and puts it back, so nobody waits for anybody else.
    tiles: Mutex<Vec<DrawnTile>>,
}

impl Drawing {
    pub(super) fn new(design: Design) -> Self {
        Self { design, tiles: Mutex::default() }
    }

    pub(super) fn frames(&self) -> Option<u32> {
        self.design.frames()
    }

    /// Draws frame `number` into `buffer`, whatever it held.
    pub(super) fn draw(&self, number: u32, mut buffer: Vec<u8>) -> Result<Vec<u8>, Full> {
        let place = || self.tiles.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tiles = mem::take(&mut *place());
        tiles.resize(tile_count(DEFAULT_SIZE.0, DEFAULT_SIZE.1), DrawnTile::default());
        let mut size = FIRST_BUFFER.max(buffer.capacity());
        let result = loop {
            buffer.resize(size, 0);
            match self.design.render_changes(number, &mut buffer, &mut tiles) {
                Ok(len) => break Ok(len),
                Err(full) if size >= LAST_BUFFER => break Err(full),
                Err(_) => size *= 2,
            }
        };
        *place() = tiles;
        buffer.truncate(result?);
        Ok(buffer)
    }
}
