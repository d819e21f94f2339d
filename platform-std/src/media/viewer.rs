//! One viewer's position in a medium, as the core's sender moves it.

use std::rc::Rc;

use mutoscope::source::{Advance, Frame, FrameSource};
use mutoscope::time::Instant;

use super::medium::{FrameError, Medium};
use super::picture::Picture;

/// A viewer of a [`Library`](super::Library)'s medium. Holds one frame at most, and shares it with all who are there.
#[derive(Debug)]
pub struct Viewer {
    medium: Rc<Medium>,
    current: Option<Rc<Picture>>,
    next: u32,
}

impl Viewer {
    pub(super) fn new(medium: Rc<Medium>) -> Self {
        Self { medium, current: None, next: 0 }
    }

    fn show(&mut self, number: u32) -> Result<Advance, FrameError> {
        // Before loading: after an error the viewer stands behind the frame that failed.
        self.next = number.saturating_add(1);
        self.current = Some(self.medium.picture(number, self.current.take())?);
        Ok(Advance::Ready)
    }
}

impl FrameSource for Viewer {
    type Error = FrameError;

    fn advance(&mut self, now: Instant) -> Result<Advance, FrameError> {
        match self.medium.frames() {
            Some(frames) if self.next >= frames => {
                self.current = None;
                Ok(Advance::End)
            }
            Some(_) => self.show(self.next),
            None => {
                let newest = self.medium.live_number(now);
                if newest < self.next {
                    return Ok(Advance::Pending { until: Some(self.medium.live_instant(self.next)) });
                }
                self.show(newest)
            }
        }
    }

    fn frame(&self) -> Option<Frame<'_>> {
        self.current.as_deref().map(Picture::frame)
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
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::{Folder, frames, lab_file};
    use crate::media::{Library, Policy};
    use mutoscope::io::server::Mounts;
    use mutoscope::source::FrameRate;
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
                assert_eq!(viewer.advance(NOW).unwrap(), Advance::Ready);
                let shown = viewer.frame().unwrap();
                assert_eq!((shown.number, shown.data, shown.captured), (number as u32, &frame[..], None));
                assert!(shown.layout.is_ok());
            }
            assert_eq!(viewer.advance(NOW).unwrap(), Advance::End);
            assert!(viewer.frame().is_none());
            viewer.seek(3).unwrap();
            assert_eq!(viewer.advance(NOW).unwrap(), Advance::Ready);
            assert_eq!(data(&viewer), expected[3]);
            viewer.seek(99).unwrap();
            assert_eq!((viewer.position(), viewer.advance(NOW).unwrap()), (5, Advance::End));
        }
    }

    #[test]
    fn viewers_move_independently() {
        let (folder, expected) = (Folder::new(), frames(4));
        let library = library(&folder, &expected.concat());
        let mut one = library.open(0).unwrap();
        let mut other = library.open(0).unwrap();
        for _ in 0..3 {
            one.advance(NOW).unwrap();
        }
        other.advance(NOW).unwrap();
        assert_eq!((data(&one), data(&other)), (&expected[2][..], &expected[0][..]));
        one.seek(0).unwrap();
        one.advance(NOW).unwrap();
        assert!(std::ptr::eq(data(&one), data(&other)), "at the same position they share it");
    }

    #[test]
    fn a_file_cut_short_while_it_plays_costs_the_frames_that_are_gone() {
        let (folder, expected) = (Folder::new(), frames(3));
        let library = library(&folder, &expected.concat());
        let mut viewer = library.open(0).unwrap();
        viewer.advance(NOW).unwrap();
        let file = OpenOptions::new().write(true).open(folder.path().join("movie.mjpeg")).unwrap();
        file.set_len((expected[0].len() + 20) as u64).unwrap();
        for _ in 1..3 {
            assert!(matches!(viewer.advance(NOW), Err(FrameError::Shortened)));
            assert!(viewer.frame().is_none());
        }
        assert_eq!(viewer.advance(NOW).unwrap(), Advance::End);
        viewer.seek(0).unwrap();
        assert_eq!(viewer.advance(NOW).unwrap(), Advance::Ready);
    }

    #[test]
    fn a_file_overwritten_while_it_plays_is_noticed_and_a_deleted_one_plays_on() {
        let (folder, expected) = (Folder::new(), frames(3));
        let library = library(&folder, &expected.concat());
        let path = folder.path().join("movie.mjpeg");
        let mut viewer = library.open(0).unwrap();
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all(&vec![0; expected[0].len()]).unwrap();
        assert!(matches!(viewer.advance(NOW), Err(FrameError::Overwritten)));
        assert_eq!(viewer.advance(NOW).unwrap(), Advance::Ready);
        assert_eq!(data(&viewer), expected[1]);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(viewer.advance(NOW).unwrap(), Advance::Ready);
        assert_eq!(data(&viewer), expected[2]);
    }

    #[test]
    fn viewers_of_the_live_card_see_the_same_frames_at_the_same_time() {
        let library = Library::built_in(FrameRate::new(25, 1).unwrap());
        let (mut one, mut other) = (library.open(0).unwrap(), library.open(0).unwrap());
        let at = |millis| Instant::from_millis(millis);
        assert_eq!(one.advance(at(1000)).unwrap(), Advance::Ready);
        assert_eq!(other.advance(at(1039)).unwrap(), Advance::Ready);
        assert!(std::ptr::eq(data(&one), data(&other)));
        let frame = one.frame().unwrap();
        assert_eq!((frame.number, frame.captured), (25, Some(at(1000))));
        assert_eq!(one.advance(at(1039)).unwrap(), Advance::Pending { until: Some(at(1040)) });
        assert_eq!(one.advance(at(1040)).unwrap(), Advance::Ready);
        // Who comes late goes on with what is new.
        assert_eq!(other.advance(at(1500)).unwrap(), Advance::Ready);
        assert_eq!(other.frame().unwrap().number, 37);
    }

    #[test]
    fn the_generated_movie_ends() {
        let library = Library::built_in(FrameRate::new(25, 1).unwrap());
        let mut viewer = library.open(1).unwrap();
        viewer.seek(249).unwrap();
        assert_eq!(viewer.advance(NOW).unwrap(), Advance::Ready);
        assert!(viewer.frame().unwrap().layout.unwrap().rtp_format().is_ok());
        assert_eq!(viewer.advance(NOW).unwrap(), Advance::End);
    }
}
