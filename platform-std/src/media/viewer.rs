//! One viewer's position in a medium, as the core's sender moves it.

use core::task::Waker;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use mutoscope::media::{Advance, Frame, FrameSource};
use mutoscope::time::{Duration, Instant};

use super::medium::{FrameError, SharedMedia};
use super::picture::Picture;

/// How long until a viewer asks again for a picture that is being made ready.
const ASK_AGAIN: Duration = Duration::from_millis(2);

/// A viewer of a [`Library`](super::Library)'s medium. Holds one frame, and a few more where they take long to be made ready, and shares
/// them with all who are there.
#[derive(Debug)]
pub struct Viewer {
    medium: Rc<SharedMedia>,
    current: Option<Arc<Picture>>,
    /// From `next` on, those that were ordered because they take long to be made ready.
    ahead: VecDeque<Arc<Picture>>,
    next: u32,
}

impl Viewer {
    pub(super) fn new(medium: Rc<SharedMedia>) -> Self {
        Self { medium, current: None, ahead: VecDeque::new(), next: 0 }
    }

    fn show(&mut self, now: Instant, number: u32) -> Result<Advance, FrameError> {
        let ordered = self.ahead.pop_front().filter(|picture| picture.number() == number);
        let is_new = ordered.is_none();
        let picture = match ordered {
            Some(picture) => picture,
            None => {
                self.ahead.clear();
                // Before loading: after an error the viewer stands behind the frame that failed.
                self.next = number.saturating_add(1);
                self.medium.picture(number, self.current.take())?
            }
        };
        if picture.took().is_some() {
            self.next = number.saturating_add(1);
            if !is_new {
                self.medium.note(&picture);
                self.order_ahead();
            }
            self.current = Some(picture);
            return Ok(Advance::Ready);
        }
        self.next = number;
        self.ahead.push_front(picture);
        self.order_ahead();
        Ok(Advance::Pending { until: Some(now.after(ASK_AGAIN)) })
    }

    /// Has the next pictures made ready while this one is shown: whoever waits for one will wait for all.
    fn order_ahead(&mut self) {
        let frames = self.medium.frames().unwrap_or(0);
        while self.ahead.len() < self.medium.ahead() {
            let number = self.next.saturating_add(self.ahead.len() as u32);
            // What cannot be read is met again when its turn comes.
            match (number < frames).then(|| self.medium.picture(number, None)) {
                Some(Ok(picture)) => self.ahead.push_back(picture),
                _ => break,
            }
        }
    }
}

impl FrameSource for Viewer {
    type Error = FrameError;

    fn advance(&mut self, now: Instant, _: &Waker) -> Result<Advance, FrameError> {
        match self.medium.frames() {
            Some(frames) if self.next >= frames => {
                self.current = None;
                Ok(Advance::End)
            }
            Some(_) => self.show(now, self.next),
            None => {
                let newest = self.medium.live_number(now);
                if newest < self.next {
                    return Ok(Advance::Pending { until: Some(self.medium.live_instant(self.next)) });
                }
                self.show(now, newest)
            }
        }
    }

    fn frame(&self) -> Option<Frame<'_>> {
        self.current.as_deref().and_then(Picture::frame)
    }

    fn original(&self) -> Option<&[u8]> {
        self.current.as_deref().and_then(Picture::original)
    }

    fn position(&self) -> u32 {
        self.next
    }

    fn seek(&mut self, number: u32) -> Result<(), FrameError> {
        if let Some(frames) = self.medium.frames() {
            self.next = number.min(frames);
            self.current = None;
            self.ahead.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::{Folder, frames, lab_file, picture};
    use crate::media::{Library, OnUnsupported, Policy};
    use mutoscope::media::FrameRate;
    use mutoscope::media::catalogue::Catalogue;
    use std::fs::OpenOptions;
    use std::io::Write;

    const NOW: Instant = Instant::from_micros(0);

    fn library(folder: &Folder, contents: &[u8]) -> Library {
        let path = folder.file("movie.mjpeg", contents);
        Library::from_paths(&[path], FrameRate::new(25, 1).unwrap(), Policy::default()).unwrap()
    }

    fn data(viewer: &Viewer) -> &[u8] {
        viewer.frame().expect("a frame").data
    }

    #[test]
    fn every_frame_comes_once_and_then_the_end() {
        let expected = frames(5);
        for contents in [expected.concat(), lab_file(&expected)] {
            let folder = Folder::new();
            let mut viewer = library(&folder, &contents).open(0).unwrap();
            assert!(viewer.frame().is_none());
            for (number, frame) in expected.iter().enumerate() {
                assert_eq!(viewer.position(), number as u32);
                assert_eq!(viewer.advance(NOW, Waker::noop()).unwrap(), Advance::Ready);
                let shown = viewer.frame().unwrap();
                assert_eq!((shown.number, shown.data, shown.captured), (number as u32, &frame[..], None));
                assert!(shown.layout.is_ok());
            }
            assert_eq!(viewer.advance(NOW, Waker::noop()).unwrap(), Advance::End);
            assert!(viewer.frame().is_none());
            viewer.seek(3).unwrap();
            assert_eq!(viewer.advance(NOW, Waker::noop()).unwrap(), Advance::Ready);
            assert_eq!(data(&viewer), expected[3]);
            viewer.seek(99).unwrap();
            assert_eq!((viewer.position(), viewer.advance(NOW, Waker::noop()).unwrap()), (5, Advance::End));
        }
    }

    #[test]
    fn viewers_move_independently() {
        let (folder, expected) = (Folder::new(), frames(4));
        let library = library(&folder, &expected.concat());
        let mut one = library.open(0).unwrap();
        let mut other = library.open(0).unwrap();
        for _ in 0..3 {
            one.advance(NOW, Waker::noop()).unwrap();
        }
        other.advance(NOW, Waker::noop()).unwrap();
        assert_eq!((data(&one), data(&other)), (&expected[2][..], &expected[0][..]));
        one.seek(0).unwrap();
        one.advance(NOW, Waker::noop()).unwrap();
        assert!(std::ptr::eq(data(&one), data(&other)), "at the same position they share it");
    }

    #[test]
    fn a_file_cut_short_while_it_plays_costs_the_frames_that_are_gone() {
        let (folder, expected) = (Folder::new(), frames(3));
        let library = library(&folder, &expected.concat());
        let mut viewer = library.open(0).unwrap();
        viewer.advance(NOW, Waker::noop()).unwrap();
        let file = OpenOptions::new().write(true).open(folder.path().join("movie.mjpeg")).unwrap();
        file.set_len((expected[0].len() + 20) as u64).unwrap();
        for _ in 1..3 {
            assert!(matches!(viewer.advance(NOW, Waker::noop()), Err(FrameError::Shortened)));
            assert!(viewer.frame().is_none());
        }
        assert_eq!(viewer.advance(NOW, Waker::noop()).unwrap(), Advance::End);
        viewer.seek(0).unwrap();
        assert_eq!(viewer.advance(NOW, Waker::noop()).unwrap(), Advance::Ready);
    }

    #[test]
    fn a_file_overwritten_while_it_plays_is_noticed_and_a_deleted_one_plays_on() {
        let (folder, expected) = (Folder::new(), frames(3));
        let library = library(&folder, &expected.concat());
        let path = folder.path().join("movie.mjpeg");
        let mut viewer = library.open(0).unwrap();
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all(&vec![0; expected[0].len()]).unwrap();
        assert!(matches!(viewer.advance(NOW, Waker::noop()), Err(FrameError::Overwritten)));
        assert_eq!(viewer.advance(NOW, Waker::noop()).unwrap(), Advance::Ready);
        assert_eq!(data(&viewer), expected[1]);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(viewer.advance(NOW, Waker::noop()).unwrap(), Advance::Ready);
        assert_eq!(data(&viewer), expected[2]);
    }

    #[test]
    fn viewers_of_the_live_card_see_the_same_frames_at_the_same_time() {
        let library = Library::built_in(FrameRate::new(25, 1).unwrap());
        let (mut one, mut other) = (library.open(0).unwrap(), library.open(0).unwrap());
        let at = |millis| Instant::from_millis(millis);
        assert_eq!(one.advance(at(1000), Waker::noop()).unwrap(), Advance::Ready);
        assert_eq!(other.advance(at(1039), Waker::noop()).unwrap(), Advance::Ready);
        assert!(std::ptr::eq(data(&one), data(&other)));
        let frame = one.frame().unwrap();
        assert_eq!((frame.number, frame.captured), (25, Some(at(1000))));
        assert_eq!(one.advance(at(1039), Waker::noop()).unwrap(), Advance::Pending { until: Some(at(1040)) });
        assert_eq!(one.advance(at(1040), Waker::noop()).unwrap(), Advance::Ready);
        // Who comes late goes on with what is new.
        assert_eq!(other.advance(at(1500), Waker::noop()).unwrap(), Advance::Ready);
        assert_eq!(other.frame().unwrap().number, 37);
    }

    /// Asks until there is a frame.
    fn wait(viewer: &mut Viewer) -> Result<(), FrameError> {
        for _ in 0..60_000 {
            match viewer.advance(NOW, Waker::noop())? {
                Advance::Ready => return Ok(()),
                Advance::Pending { until } => assert_eq!(until, Some(NOW.after(ASK_AGAIN))),
                Advance::End => panic!("the end"),
            }
            assert!(viewer.ahead.len() <= viewer.medium.ahead());
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        panic!("no frame within a minute");
    }

    #[test]
    fn frames_that_take_long_to_be_made_ready_come_when_they_are_and_in_their_order() {
        let folder = Folder::new();
        let frames: Vec<_> = (0..12)
            .map(|number| picture(70 + number, 50, |encoder| encoder.set_progressive(number % 4 != 3)))
            .collect();
        let path = folder.file("movie.mjpeg", &frames.concat());
        let policy = Policy { on_unsupported: OnUnsupported::Convert, ..Policy::default() };
        let library = Library::from_paths(&[path], FrameRate::new(25, 1).unwrap(), policy).unwrap();
        let (mut one, mut other) = (library.open(0).unwrap(), library.open(0).unwrap());
        for number in 0..12 {
            for viewer in [&mut one, &mut other] {
                assert_eq!(viewer.position(), number);
                wait(viewer).unwrap();
                let frame = viewer.frame().unwrap();
                let layout = frame.layout.unwrap();
                assert_eq!((frame.number, layout.width), (number, 70 + number as u16));
                assert!(layout.rtp_format().is_ok());
                let source = (number % 4 != 3).then_some(&frames[number as usize][..]);
                assert_eq!(viewer.original().map(<[u8]>::len), source.map(<[u8]>::len));
            }
            assert!(std::ptr::eq(data(&one), data(&other)), "made twice");
        }
        assert_eq!(one.advance(NOW, Waker::noop()).unwrap(), Advance::End);
        one.seek(5).unwrap();
        wait(&mut one).unwrap();
        assert_eq!((one.frame().unwrap().number, one.position()), (5, 6));
    }

    #[test]
    fn a_frame_that_cannot_be_decoded_is_no_reason_to_wait() {
        let folder = Folder::new();
        let good = picture(40, 40, |encoder| encoder.set_progressive(true));
        let mut huge = good.clone();
        let at = huge.windows(2).position(|pair| pair == [0xff, 0xc2]).unwrap();
        huge[at + 5..at + 9].fill(0xff);
        let path = folder.file("movie.mjpeg", &[&good[..], &huge, &good].concat());
        let policy = Policy { on_unsupported: OnUnsupported::Convert, ..Policy::default() };
        let library = Library::from_paths(&[path], FrameRate::new(25, 1).unwrap(), policy).unwrap();
        let mut viewer = library.open(0).unwrap();
        for can_be_sent in [true, false, true] {
            wait(&mut viewer).unwrap();
            assert_eq!(viewer.frame().unwrap().layout.unwrap().rtp_format().is_ok(), can_be_sent);
        }
    }

    #[test]
    fn the_generated_movie_ends() {
        let library = Library::built_in(FrameRate::new(25, 1).unwrap());
        let mut viewer = library.open(1).unwrap();
        viewer.seek(249).unwrap();
        assert_eq!(viewer.advance(NOW, Waker::noop()).unwrap(), Advance::Ready);
        assert!(viewer.frame().unwrap().layout.unwrap().rtp_format().is_ok());
        assert_eq!(viewer.advance(NOW, Waker::noop()).unwrap(), Advance::End);
    }
}
