//! One picture: promised to all who look at it, and there once it was read and made ready.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Waker;
use std::time;

use mutoscope::jpeg::{self, Flaws, Layout};
use mutoscope::media::Frame;
use mutoscope::time::{Duration, Instant};

use super::converter::{ConversionError, Converter};
use super::error::FrameError;
use super::index::Page;
use super::policy::Judgement;

/// A frame that viewers share; it goes when the last of them moves on.
///
/// It is read, and made what RTP/JPEG can carry, once for all of them, at once or by workers. Until then there is no
/// [`frame`](Self::frame), and those who wait leave their wakers.
#[derive(Debug)]
pub(super) struct Picture {
    number: u32,
    captured: Option<Instant>,
    /// Where it is in its file.
    located: OnceLock<InFile>,
    outcome: OnceLock<Result<Made, FrameError>>,
    /// The work that it needs of the workers, as a [`NeededWork`]; it stays when the work is done.
    needed_work: AtomicU8,
    /// The wakers of the viewers that wait for it, by number of viewer.
    waiting: Mutex<BTreeMap<u64, Waker>>,
}

/// What is known of a picture's place in a file.
#[derive(Debug)]
pub(super) struct InFile {
    /// How long after the beginning it is shown, where the file says so.
    pub(super) time: Option<Duration>,
    /// Held with the picture: the next ones are in it too.
    #[expect(dead_code, reason = "it stays in memory as long as the picture does")]
    pub(super) page: Option<Arc<Page>>,
}

/// What workers do for a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum NeededWork {
    /// Nothing: it is there at once.
    None,
    /// They read it.
    Read,
    /// They convert it.
    Convert,
}

/// Buffers of so many bytes are kept whatever they hold.
const MAX_SPARE: usize = 256 << 10;

/// The memory of a picture that nobody looks at any more.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// For the file; holds anything.
    pub file: Vec<u8>,
    /// For what is made of it; holds anything.
    pub converted: Vec<u8>,
}

/// A picture that was read, with what its headers say.
#[derive(Debug)]
pub(super) struct Unconverted {
    pub file: Vec<u8>,
    pub layout: Layout,
    pub judgement: Judgement,
    /// For what is made of it; holds anything.
    pub buffer: Vec<u8>,
}

/// What came of a picture.
#[derive(Debug)]
pub(super) struct Made {
    /// The file as it was.
    file: Vec<u8>,
    /// The file that RTP/JPEG can carry, where that is another one; otherwise only a buffer.
    converted: Vec<u8>,
    is_converted: bool,
    layout: Result<Layout, jpeg::Error>,
    /// Why it could not be decoded, where that had to be.
    pub failure: Option<String>,
    /// What was wrong with it and was mended, or is harmless.
    pub flaws: Flaws,
    /// How long it took to convert it.
    pub took: time::Duration,
}

impl Unconverted {
    /// Makes what RTP/JPEG can carry of the file.
    pub(super) fn convert(self, converter: &mut Converter) -> Made {
        let Self { file, layout, judgement, buffer: mut converted } = self;
        let start = time::Instant::now();
        let (is_converted, layout, failure) = match converter.convert(&file, &layout, &judgement, &mut converted) {
            Ok(Some(made)) => (true, Ok(made), None),
            Ok(None) => (false, Ok(layout), None),
            // The file's own layout tells why it cannot be sent.
            Err(ConversionError::Undecodable(reason)) => (false, Ok(layout), Some(reason)),
            Err(ConversionError::Flawed(flaws)) => (false, flaws.as_error().map_or(Ok(layout), Err), None),
            Err(ConversionError::Damaged(error)) => (false, Err(error), None),
        };
        let flaws = converter.flaws();
        Made { file, converted, is_converted, layout, failure, flaws, took: start.elapsed() }
    }
}

impl Made {
    /// The file as it is, with its layout.
    pub(super) fn unchanged(file: Vec<u8>, layout: Result<Layout, jpeg::Error>, buffer: Vec<u8>) -> Self {
        let took = time::Duration::ZERO;
        let flaws = layout.map_or(Flaws::NONE, |layout| layout.flaws);
        Self { file, converted: buffer, is_converted: false, layout, failure: None, flaws, took }
    }

    /// The file as it is.
    pub(super) fn as_is(file: Vec<u8>) -> Self {
        let layout = Layout::parse(&file);
        Self::unchanged(file, layout, Vec::new())
    }

    /// The file that RTP/JPEG can carry.
    pub(super) fn data(&self) -> &[u8] {
        if self.is_converted { &self.converted } else { &self.file }
    }

    /// The places of its parts.
    pub(super) fn layout(&self) -> Result<Layout, jpeg::Error> {
        self.layout
    }

    /// The file as it was, where [`data`](Self::data) is another one.
    pub(super) fn original(&self) -> Option<&[u8]> {
        self.is_converted.then_some(&self.file)
    }

    /// What it leaves to the next picture.
    pub(super) fn into_buffers(self) -> Buffers {
        let Self { file, mut converted, .. } = self;
        // One huge picture is no reason to keep so much for small ones.
        if converted.capacity() > MAX_SPARE && converted.capacity() / 8 > file.len() {
            converted = Vec::new();
        }
        Buffers { file, converted }
    }
}

impl Picture {
    /// A picture of which nothing is known yet but its number.
    pub(super) fn new(number: u32, captured: Option<Instant>) -> Self {
        let (located, outcome, needed_work, waiting) = Default::default();
        Self { number, captured, located, outcome, needed_work, waiting }
    }

    /// Its number in the medium.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Takes note of where it is.
    pub(super) fn locate(&self, place: InFile) {
        // Only one thread ever looks for it.
        let _ = self.located.set(place);
    }

    /// What came of it. `None`: it is still read or made ready, and then `viewer` is woken by the last waker that it gave.
    pub(super) fn outcome_or_wake(&self, viewer: u64, waker: &Waker) -> Option<&Result<Made, FrameError>> {
        if let Some(outcome) = self.outcome.get() {
            return Some(outcome);
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(viewer).and_modify(|kept| kept.clone_from(waker)).or_insert_with(|| waker.clone());
        drop(waiting);
        // It may have come before the waker was there.
        self.outcome.get()
    }

    /// Fulfils the promise, and returns whom to wake, each viewer once.
    #[must_use]
    pub(super) fn fulfil(&self, outcome: Result<Made, FrameError>) -> BTreeMap<u64, Waker> {
        // Only one thread ever has the promise to fulfil.
        let _ = self.outcome.set(outcome);
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes note that workers will do this for it.
    pub(super) fn needs(&self, work: NeededWork) {
        self.needed_work.store(work as u8, Ordering::Relaxed);
    }

    /// What workers do for it, or did last.
    pub(super) fn needed_work(&self) -> NeededWork {
        match self.needed_work.load(Ordering::Relaxed) {
            work if work == NeededWork::Convert as u8 => NeededWork::Convert,
            work if work == NeededWork::Read as u8 => NeededWork::Read,
            _ => NeededWork::None,
        }
    }

    fn made(&self) -> Option<&Made> {
        self.outcome.get()?.as_ref().ok()
    }

    /// The picture as the core's sender takes it.
    pub(super) fn frame(&self) -> Option<Frame<'_>> {
        let made = self.made()?;
        let data = if made.is_converted { &made.converted } else { &made.file };
        let time = self.located.get().and_then(|place| place.time);
        Some(Frame { number: self.number, captured: self.captured, data, time, layout: made.layout })
    }

    /// The file as it was, where [`frame`](Self::frame) is another one.
    pub(super) fn original(&self) -> Option<&[u8]> {
        self.made()?.original()
    }

    /// What it leaves to the next picture.
    pub(super) fn into_buffers(self) -> Buffers {
        match self.outcome.into_inner() {
            Some(Ok(made)) => made.into_buffers(),
            _ => Buffers::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gated::WakeCount;
    use super::super::policy::Policy;
    use super::super::testing::picture;
    use super::*;
    use jpeg_encoder::SamplingFactor;

    #[test]
    fn whoever_waits_is_woken_once_and_by_the_last_waker_given() {
        let picture = Picture::new(0, None);
        let counts: Vec<_> = (0..3).map(|_| WakeCount::new()).collect();
        let wakers: Vec<_> = counts.iter().map(|count| Waker::from(Arc::clone(count))).collect();
        for (viewer, waker) in [(7, 0), (7, 0), (7, 1), (8, 2), (8, 2)] {
            assert!(picture.outcome_or_wake(viewer, &wakers[waker]).is_none());
        }
        let waiting = picture.fulfil(Err(FrameError::Shortened));
        assert_eq!(waiting.len(), 2);
        waiting.into_values().for_each(Waker::wake);
        assert_eq!(counts.iter().map(|count| count.get()).collect::<Vec<_>>(), [0, 1, 1]);
        // Later there is nothing to wait for.
        assert!(matches!(picture.outcome_or_wake(9, &wakers[0]), Some(Err(FrameError::Shortened))));
        assert!(picture.frame().is_none());
    }

    #[test]
    fn no_wake_up_is_lost_between_asking_and_waiting() {
        for _ in 0..500 {
            let picture = Arc::new(Picture::new(0, None));
            let worker = {
                let picture = Arc::clone(&picture);
                std::thread::spawn(move || {
                    picture.fulfil(Err(FrameError::Shortened)).into_values().for_each(Waker::wake);
                })
            };
            let count = WakeCount::new();
            let is_there = picture.outcome_or_wake(0, &Waker::from(Arc::clone(&count))).is_some();
            worker.join().unwrap();
            assert!(is_there || count.get() == 1);
        }
    }

    #[test]
    fn a_converted_picture_keeps_its_original_and_both_buffers() {
        let mut converter = Converter::default();
        let mut make = |file: Vec<u8>, buffer| {
            let layout = Layout::parse(&file).unwrap();
            let judgement = Policy::default().judge(&file, &layout).unwrap();
            let picture = Picture::new(1, None);
            assert!(picture.frame().is_none());
            let made = Unconverted { file, layout, judgement, buffer }.convert(&mut converter);
            assert!(picture.fulfil(Ok(made)).is_empty());
            picture
        };
        let original = picture(40, 40, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
            encoder.set_restart_interval(1);
        });
        let first = make(original.clone(), Vec::new());
        assert_eq!(first.original(), Some(&original[..]));
        let frame = first.frame().unwrap();
        assert!(frame.data != original && frame.layout.unwrap().rtp_format().is_ok());
        let standard = frame.data.to_vec();
        let address = frame.data.as_ptr();
        let again = make(original, first.into_buffers().converted);
        assert_eq!(again.frame().unwrap().data.as_ptr(), address);
        let fine = make(standard.clone(), again.into_buffers().converted);
        assert_eq!((fine.frame().unwrap().data, fine.original()), (&standard[..], None));
    }
}
