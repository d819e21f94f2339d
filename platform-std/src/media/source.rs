//! One viewer's position in a medium, as the core's sender moves it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use mutoscope::media::{Advance, Course, Extent, Frame, FrameSource};
use mutoscope::time::{Duration, Instant};

use super::error::FrameError;
use super::picture::Picture;
use super::shared_media::SharedMedia;

/// A viewer's position in a medium of a [`Library`](super::Library). It holds one frame and shares it with all who are there.
///
/// A frame that is neither in memory nor soon made ready is [`Advance::Pending`] until workers have it; then they wake the
/// viewer. One that came to such a frame has others ordered ahead from then on, until it goes elsewhere: one where workers read
/// them, and one for each worker where they are converted.
#[derive(Debug)]
pub struct LibrarySource {
    medium: Arc<SharedMedia>,
    /// Which viewer of the medium this is.
    id: u64,
    current: Option<Arc<Picture>>,
    /// Pictures that were ordered before they are shown, in the order in which they are expected to be.
    ordered: VecDeque<Arc<Picture>>,
    /// How many pictures are to be ordered so.
    ahead: usize,
    next: u32,
    /// The time of the next frame, where its number is still to be found out.
    next_time: Option<u64>,
    /// Which frames are asked for; `None`: one after another.
    course: Option<Course>,
}

impl LibrarySource {
    pub(super) fn new(medium: Arc<SharedMedia>) -> Self {
        let id = medium.next_viewer();
        let ordered = VecDeque::new();
        Self { medium, id, current: None, ordered, ahead: 0, next: 0, next_time: None, course: None }
    }

    fn show(&mut self, number: u32, waker: &Waker) -> Result<Advance, FrameError> {
        let picture = match self.ordered.pop_front() {
            Some(ordered) if ordered.number() == number => ordered,
            _ => {
                self.ordered.clear();
                self.medium.picture(number, self.current.take())
            }
        };
        let outcome = picture.outcome_or_wake(self.id, waker);
        // A viewer that waits for one such picture will wait for all of them.
        self.ahead = self.medium.ahead(&picture, self.ahead);
        match outcome {
            Some(outcome) => {
                // After an error it stands behind the frame that failed.
                self.next = number.saturating_add(1);
                if let Err(error) = outcome {
                    self.current = None;
                    if matches!(error, FrameError::Shortened | FrameError::Elsewhere(_)) && self.medium.is_replaced() {
                        // Nothing more will come of it.
                        self.next = self.medium.frames().unwrap_or(u32::MAX);
                        return Ok(Advance::End);
                    }
                    return Err(error.clone());
                }
                let spare = self.current.replace(picture);
                self.order_ahead(number, spare);
                Ok(Advance::Ready)
            }
            None => {
                self.next = number;
                self.ordered.push_front(picture);
                self.order_ahead(number, None);
                Ok(Advance::Pending { until: None })
            }
        }
    }

    /// Has the pictures behind `number` read and made ready while that one is shown. `spare`: the picture that was shown before.
    fn order_ahead(&mut self, number: u32, mut spare: Option<Arc<Picture>>) {
        if self.ordered.len() >= self.ahead {
            return;
        }
        let frames = self.medium.frames().unwrap_or(0);
        let last = self.ordered.back().map_or(number, |picture| picture.number());
        // What was ordered already comes first on the course.
        let mut course = self.course.unwrap_or_else(|| Course::new(last.saturating_add(1), 1000));
        if self.course.is_some() {
            let is_passed = |next: u32| if course.is_backwards() { next >= last } else { next <= last };
            let mut later = course;
            while later.peek().is_some_and(is_passed) {
                let before = later;
                later.next();
                if later == before {
                    return;
                }
            }
            course = later;
        }
        while self.ordered.len() < self.ahead {
            let Some(next) = course.next().filter(|&next| next < frames) else { break };
            self.ordered.push_back(self.medium.picture(next, spare.take()));
        }
    }

    /// Leaves out what was ordered and is not wanted after all.
    fn go_to(&mut self, number: u32) {
        self.next = number;
        while self.ordered.front().is_some_and(|picture| picture.number() != number) {
            self.ordered.pop_front();
        }
        self.course = None;
    }
}

impl Drop for LibrarySource {
    fn drop(&mut self) {
        self.medium.handle_leave();
    }
}

impl FrameSource for LibrarySource {
    type Error = FrameError;

    fn advance(&mut self, now: Instant, waker: &Waker) -> Result<Advance, FrameError> {
        let Some(frames) = self.medium.frames() else {
            let newest = self.medium.live_number(now);
            if newest < self.next {
                return Ok(Advance::Pending { until: Some(self.medium.live_instant(self.next)) });
            }
            return self.show(newest, waker);
        };
        if let Some(time) = self.next_time {
            let Some(number) = self.medium.number_at(time, self.id, waker) else {
                return Ok(Advance::Pending { until: None });
            };
            self.next_time = None;
            let course = self.course;
            self.go_to(number);
            self.course = course;
        }
        if self.next < frames {
            return self.show(self.next, waker);
        }
        self.current = None;
        // Nothing was there when it was ordered.
        self.ordered.clear();
        Ok(self.medium.edge(self.id, self.next, waker))
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
            self.current = None;
            self.next_time = None;
            self.go_to(number.min(frames));
            if self.ordered.is_empty() {
                self.ahead = 0;
            }
        }
        Ok(())
    }

    fn seek_time(&mut self, time: Duration) -> Result<(), FrameError> {
        if self.medium.frames().is_some() {
            self.current = None;
            self.course = None;
            self.next_time = Some(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    fn extent(&self) -> Option<Extent> {
        Some(self.medium.extent())
    }

    fn expect(&mut self, course: Course) {
        self.course = Some(course);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::gated::advance;
    use crate::media::testing::{Folder, frames, lab_file, picture};
    use crate::media::{Library, OnUnsupported, Policy};
    use mutoscope::media::FrameRate;
    use std::fs::OpenOptions;
    use std::io::Write;

    const NOW: Instant = Instant::from_micros(0);

    fn library(folder: &Folder, contents: &[u8]) -> Library {
        let path = folder.file("movie.mjpeg", contents);
        Library::from_paths(&[path], FrameRate::new(25, 1), Policy::default()).unwrap()
    }

    fn data(viewer: &LibrarySource) -> &[u8] {
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
                assert_eq!(advance(&mut viewer, NOW).unwrap(), Advance::Ready);
                let shown = viewer.frame().unwrap();
                assert_eq!((shown.number, shown.data, shown.captured), (number as u32, &frame[..], None));
                assert!(shown.layout.is_ok());
            }
            assert_eq!(advance(&mut viewer, NOW).unwrap(), Advance::End);
            assert!(viewer.frame().is_none());
            viewer.seek(3).unwrap();
            assert_eq!(advance(&mut viewer, NOW).unwrap(), Advance::Ready);
            assert_eq!(data(&viewer), expected[3]);
            viewer.seek(99).unwrap();
            assert_eq!((viewer.position(), advance(&mut viewer, NOW).unwrap()), (5, Advance::End));
        }
    }

    #[test]
    fn viewers_move_independently() {
        let (folder, expected) = (Folder::new(), frames(4));
        let library = library(&folder, &expected.concat());
        let mut one = library.open(0).unwrap();
        let mut other = library.open(0).unwrap();
        for _ in 0..3 {
            advance(&mut one, NOW).unwrap();
        }
        advance(&mut other, NOW).unwrap();
        assert_eq!((data(&one), data(&other)), (&expected[2][..], &expected[0][..]));
        one.seek(0).unwrap();
        advance(&mut one, NOW).unwrap();
        assert!(std::ptr::eq(data(&one), data(&other)), "at the same position they share it");
    }

    #[test]
    fn a_file_cut_short_while_it_plays_costs_the_frames_that_are_gone() {
        let (folder, expected) = (Folder::new(), frames(3));
        let library = library(&folder, &expected.concat());
        let mut viewer = library.open(0).unwrap();
        advance(&mut viewer, NOW).unwrap();
        let file = OpenOptions::new().write(true).open(folder.path().join("movie.mjpeg")).unwrap();
        file.set_len((expected[0].len() + 20) as u64).unwrap();
        for _ in 1..3 {
            assert!(matches!(advance(&mut viewer, NOW), Err(FrameError::Shortened)));
            assert!(viewer.frame().is_none());
        }
        assert_eq!(advance(&mut viewer, NOW).unwrap(), Advance::End);
        viewer.seek(0).unwrap();
        assert_eq!(advance(&mut viewer, NOW).unwrap(), Advance::Ready);
    }

    #[test]
    fn a_file_overwritten_while_it_plays_is_noticed_and_a_deleted_one_plays_on() {
        let (folder, expected) = (Folder::new(), frames(3));
        let library = library(&folder, &expected.concat());
        let path = folder.path().join("movie.mjpeg");
        let mut viewer = library.open(0).unwrap();
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all(&vec![0; expected[0].len()]).unwrap();
        assert!(matches!(advance(&mut viewer, NOW), Err(FrameError::Overwritten)));
        assert_eq!(advance(&mut viewer, NOW).unwrap(), Advance::Ready);
        assert_eq!(data(&viewer), expected[1]);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(advance(&mut viewer, NOW).unwrap(), Advance::Ready);
        assert_eq!(data(&viewer), expected[2]);
    }

    #[test]
    fn viewers_of_the_live_card_see_the_same_frames_at_the_same_time() {
        let library = Library::built_in(FrameRate::new(25, 1).unwrap());
        let (mut one, mut other) = (library.open(0).unwrap(), library.open(0).unwrap());
        let at = |millis| Instant::from_millis(millis);
        assert_eq!(advance(&mut one, at(1000)).unwrap(), Advance::Ready);
        assert_eq!(advance(&mut other, at(1039)).unwrap(), Advance::Ready);
        assert!(std::ptr::eq(data(&one), data(&other)));
        let frame = one.frame().unwrap();
        assert_eq!((frame.number, frame.captured), (25, Some(at(1000))));
        assert_eq!(advance(&mut one, at(1039)).unwrap(), Advance::Pending { until: Some(at(1040)) });
        assert_eq!(advance(&mut one, at(1040)).unwrap(), Advance::Ready);
        // A viewer that comes late goes on with what is new.
        assert_eq!(advance(&mut other, at(1500)).unwrap(), Advance::Ready);
        assert_eq!(other.frame().unwrap().number, 37);
    }

    #[test]
    fn frames_that_take_long_to_be_made_ready_come_when_they_are_and_in_their_order() {
        let folder = Folder::new();
        let frames: Vec<_> = (0..12)
            .map(|number| picture(70 + number, 50, |encoder| encoder.set_progressive(number % 4 != 3)))
            .collect();
        let path = folder.file("movie.mjpeg", &frames.concat());
        let policy = Policy { on_unsupported: OnUnsupported::Convert, ..Policy::default() };
        let library = Library::from_paths(&[path], FrameRate::new(25, 1), policy).unwrap();
        let (mut one, mut other) = (library.open(0).unwrap(), library.open(0).unwrap());
        for number in 0..12 {
            for viewer in [&mut one, &mut other] {
                assert_eq!(viewer.position(), number);
                assert_eq!(advance(viewer, NOW).unwrap(), Advance::Ready);
                assert!(viewer.ordered.len() <= viewer.ahead.max(1));
                let frame = viewer.frame().unwrap();
                let layout = frame.layout.unwrap();
                assert_eq!((frame.number, layout.width), (number, 70 + number as u16));
                assert!(layout.rtp_format().is_ok());
                let source = (number % 4 != 3).then_some(&frames[number as usize][..]);
                assert_eq!(viewer.original().map(<[u8]>::len), source.map(<[u8]>::len));
            }
            assert!(std::ptr::eq(data(&one), data(&other)), "made twice");
        }
        assert_eq!(advance(&mut one, NOW).unwrap(), Advance::End);
        one.seek(5).unwrap();
        assert_eq!(advance(&mut one, NOW).unwrap(), Advance::Ready);
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
        let library = Library::from_paths(&[path], FrameRate::new(25, 1), policy).unwrap();
        let mut viewer = library.open(0).unwrap();
        for can_be_sent in [true, false, true] {
            assert_eq!(advance(&mut viewer, NOW).unwrap(), Advance::Ready);
            let layout = viewer.frame().unwrap().layout;
            assert_eq!(layout.is_ok_and(|layout| layout.rtp_format().is_ok()), can_be_sent);
        }
    }

    #[test]
    fn the_generated_movie_ends() {
        let library = Library::built_in(FrameRate::new(25, 1).unwrap());
        let mut viewer = library.open(1).unwrap();
        viewer.seek(249).unwrap();
        assert_eq!(advance(&mut viewer, NOW).unwrap(), Advance::Ready);
        assert!(viewer.frame().unwrap().layout.unwrap().rtp_format().is_ok());
        assert_eq!(advance(&mut viewer, NOW).unwrap(), Advance::End);
    }
}
