//! Generated pictures as a source of frames.

use super::{DrawnTile, Full, Leader, TestCard};
use crate::jpeg::{self, Layout};
use crate::media::{Advance, Frame, FrameRate, FrameSource};
use crate::time::{Duration, Instant};
use core::task::Waker;

/// A picture series that can be drawn.
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

    /// Draws the same picture as [`render`](Self::render). What is in `tiles` from the last picture is not drawn again,
    /// which takes a quarter of the time: most of a card stays as it is. [`tile_count`](super::tile_count) says how many tiles
    /// there are; with fewer it takes longer.
    ///
    /// # Errors
    /// [`Full`] where `out` is too short.
    pub fn render_changes(&self, number: u32, out: &mut [u8], tiles: &mut [DrawnTile]) -> Result<usize, Full> {
        match self {
            Self::Card(card) => card.render_changes(number, out, tiles),
            Self::Leader(leader) => leader.render_changes(number, out, tiles),
        }
    }

    /// Frames per second.
    pub fn rate(&self) -> FrameRate {
        match self {
            Self::Card(card) => card.rate(),
            Self::Leader(leader) => leader.rate(),
        }
    }

    /// The number of frames. `None`: there is no end.
    pub fn frames(&self) -> Option<u32> {
        match self {
            Self::Card(_) => None,
            Self::Leader(leader) => Some(leader.frames()),
        }
    }
}

/// A source that draws each frame into the caller's buffer when it is needed.
///
/// A [`Design`] without an end is live. Its frame 0 is taken at the first call of `advance`, and each later frame at its
/// time. A frame that is not asked for in time is left out.
#[derive(Debug)]
pub struct Generated<B> {
    design: Design,
    buffer: B,
    next: u32,
    /// The time when frame 0 of a live design was taken.
    epoch: Option<Instant>,
    /// The frame that the buffer holds.
    current: Option<Drawn>,
}

#[derive(Clone, Copy, Debug)]
struct Drawn {
    number: u32,
    len: usize,
    captured: Option<Instant>,
    layout: Result<Layout, jpeg::Error>,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Generated<B> {
    /// Gives the frames of `design` from 0 on. The buffer has to hold the longest.
    pub fn new(design: Design, buffer: B) -> Self {
        Self { design, buffer, next: 0, epoch: None, current: None }
    }

    /// The design that is drawn.
    pub fn design(&self) -> &Design {
        &self.design
    }

    fn draw(&mut self, number: u32, captured: Option<Instant>) -> Result<Advance, Full> {
        self.next = number.wrapping_add(1);
        let len = self.design.render(number, self.buffer.as_mut())?;
        let data = self.buffer.as_ref().get(..len).unwrap_or(&[]);
        self.current = Some(Drawn { number, len, captured, layout: Layout::parse(data) });
        Ok(Advance::Ready)
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> FrameSource for Generated<B> {
    type Error = Full;

    fn advance(&mut self, now: Instant, _: &Waker) -> Result<Advance, Full> {
        self.current = None;
        if let Some(frames) = self.design.frames() {
            return if self.next < frames { self.draw(self.next, None) } else { Ok(Advance::End) };
        }
        let epoch = *self.epoch.get_or_insert(now);
        let at = |number: u32| epoch.after(Duration::from_micros(self.design.rate().micros(number.into())));
        let elapsed = u64::try_from(now.since(epoch).as_micros()).unwrap_or(u64::MAX);
        let newest = self.design.rate().frames_in(elapsed) as u32;
        if newest < self.next {
            return Ok(Advance::Pending { until: Some(at(self.next)) });
        }
        let captured = at(newest);
        self.draw(newest, Some(captured))
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let Drawn { number, len, captured, layout } = self.current?;
        Some(Frame { number, data: self.buffer.as_ref().get(..len)?, captured, time: None, layout })
    }

    fn position(&self) -> u32 {
        self.next
    }

    fn seek(&mut self, number: u32) -> Result<(), Full> {
        if let Some(frames) = self.design.frames() {
            self.current = None;
            self.next = number.min(frames);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::FrameRate;

    fn movie(frames: u32) -> Generated<[u8; 16_384]> {
        let rate = FrameRate::new(24, 1).unwrap();
        Generated::new(Design::Leader(Leader::new(160, 128, rate, 60, frames).unwrap()), [0; 16_384])
    }

    #[test]
    fn a_movie_ends_and_can_be_sought() {
        let mut movie = movie(3);
        assert!(movie.frame().is_none());
        for number in 0..3 {
            assert_eq!(
                (movie.position(), movie.advance(Instant::default(), Waker::noop())),
                (number, Ok(Advance::Ready))
            );
            let frame = movie.frame().unwrap();
            assert_eq!(frame.number, number);
            assert!(frame.layout.unwrap().rtp_format().is_ok());
        }
        assert_eq!(movie.advance(Instant::default(), Waker::noop()), Ok(Advance::End));
        assert!(movie.frame().is_none());
        movie.seek(1).unwrap();
        assert_eq!(
            (movie.advance(Instant::default(), Waker::noop()), movie.frame().unwrap().number),
            (Ok(Advance::Ready), 1)
        );
        movie.seek(9).unwrap();
        assert_eq!((movie.position(), movie.advance(Instant::default(), Waker::noop())), (3, Ok(Advance::End)));
    }

    #[test]
    fn a_live_card_goes_with_the_clock_and_leaves_out_what_is_late() {
        let card = TestCard::new(160, 128, FrameRate::new(25, 1).unwrap(), 60).unwrap();
        let mut live = Generated::new(Design::Card(card), [0; 16_384]);
        live.seek(50).unwrap();
        let at = |millis| Instant::from_millis(1000 + millis);
        for (now, expected) in [(0, Some(0)), (1, None), (39, None), (40, Some(1)), (95, Some(2)), (400, Some(10))] {
            let advance = live.advance(at(now), Waker::noop()).unwrap();
            match expected {
                Some(number) => {
                    let frame = live.frame().unwrap();
                    assert_eq!((advance, frame.number), (Advance::Ready, number));
                    assert_eq!(frame.captured, Some(at(u64::from(number) * 40)));
                }
                None => assert_eq!(advance, Advance::Pending { until: Some(at(40)) }),
            }
        }
    }

    #[test]
    fn a_frame_that_does_not_fit_is_passed() {
        let rate = FrameRate::new(24, 1).unwrap();
        let design = Design::Leader(Leader::new(160, 128, rate, 60, 2).unwrap());
        let mut short = Generated::new(design, [0; 1000]);
        assert_eq!((short.advance(Instant::default(), Waker::noop()), short.position()), (Err(Full), 1));
        assert!(short.frame().is_none());
        assert_eq!(
            (short.advance(Instant::default(), Waker::noop()), short.advance(Instant::default(), Waker::noop())),
            (Err(Full), Ok(Advance::End))
        );
    }
}
