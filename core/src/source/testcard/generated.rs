//! Generated pictures as a source of frames.

use super::{Full, Leader, TestCard};
use crate::jpeg::{self, Layout};
use crate::source::{Advance, Frame, FrameSource};

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub enum Design {
    /// A test card, which never ends.
    Card(TestCard),
    /// A countdown, which ends with its last frame.
    Leader(Leader),
}

impl Design {
    /// Draws a picture and returns the length of its JPEG.
    ///
    /// # Errors
    /// [`Full`] where `out` is too short.
    pub fn render(&self, number: u32, out: &mut [u8]) -> Result<usize, Full> {
        match self {
            Self::Card(card) => card.render(number, out),
            Self::Leader(leader) => leader.render(number, out),
        }
    }

    /// How many frames there are; `None`: there is no end.
    pub fn frames(&self) -> Option<u32> {
        match self {
            Self::Card(_) => None,
            Self::Leader(leader) => Some(leader.frames()),
        }
    }
}

/// Draws each frame into the caller's buffer when it is asked for.
///
/// A [`Design`] without an end is live: its caller decides when the next frame is due, seeking does nothing, and
/// [`set_position`](Self::set_position) leaves out what nobody had time for.
#[derive(Debug)]
pub struct Generated<B> {
    design: Design,
    buffer: B,
    next: u32,
    /// The length and layout of frame `next - 1`, where the buffer holds it.
    current: Option<(usize, Result<Layout, jpeg::Error>)>,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Generated<B> {
    /// Frames of `design` from 0 on. The buffer has to hold the longest.
    pub fn new(design: Design, buffer: B) -> Self {
        Self { design, buffer, next: 0, current: None }
    }

    /// What is drawn.
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// Makes `number` the next frame, also of a live source: how one that runs late catches up with the clock.
    pub fn set_position(&mut self, number: u32) {
        self.current = None;
        self.next = self.design.frames().map_or(number, |frames| number.min(frames));
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> FrameSource for Generated<B> {
    type Error = Full;

    fn advance(&mut self) -> Result<Advance, Full> {
        self.current = None;
        if self.design.frames().is_some_and(|frames| self.next >= frames) {
            return Ok(Advance::End);
        }
        let number = self.next;
        self.next = number.wrapping_add(1);
        let len = self.design.render(number, self.buffer.as_mut())?;
        let data = self.buffer.as_ref().get(..len).unwrap_or(&[]);
        self.current = Some((len, Layout::parse(data)));
        Ok(Advance::Ready)
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let (len, layout) = self.current?;
        Some(Frame { number: self.next.wrapping_sub(1), data: self.buffer.as_ref().get(..len)?, layout })
    }

    fn position(&self) -> u32 {
        self.next
    }

    fn seek(&mut self, number: u32) -> Result<(), Full> {
        if self.design.frames().is_some() {
            self.set_position(number);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FrameRate;

    fn movie(frames: u32) -> Generated<[u8; 16_384]> {
        let rate = FrameRate::new(24, 1).unwrap();
        Generated::new(Design::Leader(Leader::new(160, 128, rate, 60, frames).unwrap()), [0; 16_384])
    }

    #[test]
    fn a_movie_ends_and_can_be_sought() {
        let mut movie = movie(3);
        assert!(movie.frame().is_none());
        for number in 0..3 {
            assert_eq!((movie.position(), movie.advance()), (number, Ok(Advance::Ready)));
            let frame = movie.frame().unwrap();
            assert_eq!(frame.number, number);
            assert!(frame.layout.unwrap().rtp_format().is_ok());
        }
        assert_eq!(movie.advance(), Ok(Advance::End));
        assert!(movie.frame().is_none());
        movie.seek(1).unwrap();
        assert_eq!((movie.advance(), movie.frame().unwrap().number), (Ok(Advance::Ready), 1));
        movie.seek(9).unwrap();
        assert_eq!((movie.position(), movie.advance()), (3, Ok(Advance::End)));
    }

    #[test]
    fn a_live_card_is_not_sought_but_catches_up() {
        let card = TestCard::new(160, 128, FrameRate::new(24, 1).unwrap(), 60).unwrap();
        let mut live = Generated::new(Design::Card(card), [0; 16_384]);
        live.seek(50).unwrap();
        assert_eq!((live.advance(), live.frame().unwrap().number), (Ok(Advance::Ready), 0));
        live.set_position(50);
        assert_eq!((live.advance(), live.frame().unwrap().number, live.position()), (Ok(Advance::Ready), 50, 51));
    }

    #[test]
    fn a_frame_that_does_not_fit_is_passed() {
        let rate = FrameRate::new(24, 1).unwrap();
        let design = Design::Leader(Leader::new(160, 128, rate, 60, 2).unwrap());
        let mut short = Generated::new(design, [0; 1000]);
        assert_eq!((short.advance(), short.position()), (Err(Full), 1));
        assert!(short.frame().is_none());
        assert_eq!((short.advance(), short.advance()), (Err(Full), Ok(Advance::End)));
    }
}
