//! A camera: pictures that are made once, by any thread, and sent to all who watch.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use mutoscope::jpeg::{self, Layout};
use mutoscope::media::catalogue::{Catalogue, Entry, Medium, NotReady};
use mutoscope::media::{Advance, Extent, Frame, FrameRate, FrameSource};
use mutoscope::time;
use mutoscope::wire::url::Path;

/// A live medium of one name. Each viewer gets the newest picture, and what is published while it is being sent to a slow
/// viewer is left out for that viewer alone. Copies are the same medium: one is served, another one publishes.
///
/// It is a [`Catalogue`] of this one medium. A pair of catalogues is a catalogue too, so several cameras can be served together.
///
/// ```
/// # use mutoscope_std::media::live::Live;
/// # fn next_picture() -> Vec<u8> { Vec::new() }
/// let camera = Live::new("camera", "25".parse()?);
/// let publisher = camera.clone();
/// std::thread::spawn(move || publisher.publish(next_picture()));
/// // server.serve(camera)
/// # Ok::<(), mutoscope::media::InvalidFrameRate>(())
/// ```
#[derive(Clone)]
pub struct Live {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    rate: FrameRate,
    state: Mutex<State>,
    audience: Arc<Audience>,
}

#[derive(Default)]
struct State {
    newest: Option<Arc<Picture>>,
    /// The number of the next picture.
    next: u32,
    /// Viewers that have shown all there is, and how the next picture is made known to them.
    waiting: BTreeMap<u64, Waker>,
}

/// How many watch; known to a thread that makes pictures without keeping the medium alive.
#[derive(Default)]
struct Audience {
    seats: Mutex<Seats>,
    changed: Condvar,
}

#[derive(Default)]
struct Seats {
    viewers: usize,
    /// How many there have been; it names each of them.
    ever: u64,
    /// The medium is gone, so no viewer comes any more.
    is_over: bool,
}

impl Audience {
    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until somebody watches. `false`: nobody ever will.
    fn wait(&self) -> bool {
        let is_empty = |seats: &mut Seats| seats.viewers == 0 && !seats.is_over;
        let seats = self.changed.wait_while(self.seats(), is_empty).unwrap_or_else(PoisonError::into_inner);
        !seats.is_over
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.audience.seats().is_over = true;
        self.audience.changed.notify_all();
    }
}

struct Picture {
    number: u32,
    jpeg: Vec<u8>,
    captured: Instant,
    layout: Result<Layout, jpeg::Error>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, jpeg: Vec<u8>, captured: Instant) {
        let layout = Layout::parse(&jpeg);
        let waiting = {
            let mut state = self.state();
            let number = state.next;
            state.next = number.wrapping_add(1);
            state.newest = Some(Arc::new(Picture { number, jpeg, captured, layout }));
            std::mem::take(&mut state.waiting)
        };
        waiting.into_values().for_each(Waker::wake);
    }
}

impl Live {
    /// A medium without a picture yet. `rate`: pictures per second, as descriptions announce it.
    pub fn new(name: &str, rate: FrameRate) -> Self {
        let (state, audience) = (Mutex::default(), Arc::default());
        Self { shared: Arc::new(Shared { name: name.to_owned(), rate, state, audience }) }
    }

    /// A medium whose pictures come from `picture`, which is called `rate` times a second in a thread of its own while there
    /// are viewers. It gets the number of the picture, counted from when the medium was made, and gives a JPEG file. Where it
    /// takes longer than a picture lasts, and while nobody watches, numbers are left out.
    ///
    /// The thread ends when the medium and its viewers are gone.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn from_fn(
        name: &str,
        rate: FrameRate,
        mut picture: impl FnMut(u32) -> Vec<u8> + Send + 'static,
    ) -> io::Result<Self> {
        let live = Self::new(name, rate);
        let (shared, audience, start) =
            (Arc::downgrade(&live.shared), Arc::clone(&live.shared.audience), Instant::now());
        let mut next = 0;
        let run = move || {
            while audience.wait() {
                let elapsed = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
                next = rate.frames_in(elapsed).max(next);
                let due = start + Duration::from_micros(rate.micros(next));
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let jpeg = picture(next as u32);
                let Some(shared) = shared.upgrade() else { return };
                shared.publish(jpeg, due);
                next += 1;
            }
        };
        thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(live)
    }

    /// Makes a JPEG file the newest picture, taken now.
    pub fn publish(&self, jpeg: Vec<u8>) {
        self.publish_captured(jpeg, Instant::now());
    }

    /// Makes a JPEG file the newest picture. `captured`: when it was taken, which becomes its timestamp.
    pub fn publish_captured(&self, jpeg: Vec<u8>, captured: Instant) {
        self.shared.publish(jpeg, captured);
    }

    /// How many sessions there are, playing or not. While there are none, nothing need be captured.
    pub fn viewers(&self) -> usize {
        self.shared.audience.seats().viewers
    }

    /// A viewer of all that is published from now on.
    pub fn viewer(&self) -> LiveSource {
        let mut seats = self.shared.audience.seats();
        seats.viewers += 1;
        seats.ever += 1;
        let viewer = seats.ever;
        drop(seats);
        self.shared.audience.changed.notify_all();
        let next = self.shared.state().next;
        LiveSource { shared: Arc::clone(&self.shared), viewer, next, held: None, anchor: None }
    }
}

impl Catalogue for Live {
    type Medium = Self;

    fn find(&self, path: Path<'_>) -> Option<Self> {
        path.names(&self.shared.name).then(|| self.clone())
    }
}

impl Medium for Live {
    type Source = LiveSource;

    fn entry(&self, _: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        let Shared { name, rate, .. } = &*self.shared;
        let newest = self.shared.state().newest.clone();
        let (width, height) =
            newest.and_then(|picture| picture.layout.ok()).map_or((0, 0), |layout| (layout.width, layout.height));
        Ok(Entry { id: 0, name, frame_rate: *rate, extent: Extent::Live, width, height, refusal: None })
    }

    fn open(&self) -> Option<LiveSource> {
        Some(self.viewer())
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("name", &self.shared.name)
            .field("viewers", &self.viewers())
            .finish_non_exhaustive()
    }
}

/// One viewer of a [`Live`] medium: always the newest picture, and what comes while it sends is left out.
pub struct LiveSource {
    shared: Arc<Shared>,
    /// Tells it from the others who wait.
    viewer: u64,
    /// The number of the first picture that it has not shown.
    next: u32,
    held: Option<Arc<Picture>>,
    /// One instant on the system's clock and on that of the server.
    anchor: Option<(Instant, time::Instant)>,
}

impl LiveSource {
    /// An instant of the system's clock on that of the server.
    fn on_servers_clock(&self, at: Instant) -> Option<time::Instant> {
        let (system, server) = self.anchor?;
        Some(match at.checked_duration_since(system) {
            Some(later) => server.after(later),
            None => server.before(system.saturating_duration_since(at)),
        })
    }
}

impl FrameSource for LiveSource {
    type Error = Infallible;

    fn advance(&mut self, now: time::Instant, waker: &Waker) -> Result<Advance, Infallible> {
        self.anchor.get_or_insert_with(|| (Instant::now(), now));
        self.held = None;
        let mut state = self.shared.state();
        // Not before `next`, in numbers that wrap.
        let is_new = |picture: &&Arc<Picture>| picture.number.wrapping_sub(self.next) < u32::MAX / 2;
        match state.newest.as_ref().filter(is_new) {
            Some(newest) => {
                self.next = newest.number.wrapping_add(1);
                self.held = Some(Arc::clone(newest));
                Ok(Advance::Ready)
            }
            None => {
                state.waiting.entry(self.viewer).or_insert_with(|| waker.clone()).clone_from(waker);
                Ok(Advance::Pending { until: None })
            }
        }
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let Picture { number, jpeg, captured, layout } = &**self.held.as_ref()?;
        Some(Frame {
            number: *number,
            data: jpeg,
            captured: self.on_servers_clock(*captured),
            time: None,
            layout: *layout,
        })
    }

    fn position(&self) -> u32 {
        self.next
    }

    fn seek(&mut self, _: u32) -> Result<(), Infallible> {
        self.held = None;
        Ok(())
    }
}

impl Drop for LiveSource {
    fn drop(&mut self) {
        self.shared.state().waiting.remove(&self.viewer);
        self.shared.audience.seats().viewers -= 1;
    }
}

impl fmt::Debug for LiveSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveSource").field("name", &self.shared.name).field("next", &self.next).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::jpeg;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::task::Wake;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn live() -> Live {
        Live::new("camera", FrameRate::new(25, 1).unwrap())
    }

    const NOW: time::Instant = time::Instant::from_millis(1000);
    const NOTHING: Result<Advance, Infallible> = Ok(Advance::Pending { until: None });

    #[test]
    fn a_published_picture_wakes_each_viewer_that_waits_once() {
        let live = live();
        live.publish(b"before anybody came".to_vec());
        let (mut one, mut other) = (live.viewer(), live.viewer());
        let counters = [(); 2].map(|()| Arc::new(Counter::default()));
        let wakers = counters.clone().map(Waker::from);
        let woken = || counters.each_ref().map(|counter| counter.0.load(Ordering::SeqCst));
        for (viewer, waker) in [(&mut one, &wakers[0]), (&mut other, &wakers[1])] {
            assert_eq!((viewer.advance(NOW, Waker::noop()), viewer.advance(NOW, waker)), (NOTHING, NOTHING));
        }
        assert_eq!((woken(), live.viewers()), ([0, 0], 2));
        live.publish(b"a".to_vec());
        live.publish(b"b".to_vec());
        assert_eq!(woken(), [1, 1], "who does not wait is not woken");
        for viewer in [&mut one, &mut other] {
            assert_eq!(viewer.advance(NOW, Waker::noop()), Ok(Advance::Ready));
            assert_eq!(viewer.frame().map(|frame| (frame.number, frame.data)), Some((2, &b"b"[..])));
        }
        assert_eq!(one.advance(NOW, &wakers[0]), NOTHING);
        drop(one);
        live.publish(b"c".to_vec());
        assert_eq!((woken(), live.viewers()), ([1, 1], 1), "a viewer that has gone is not woken");
    }

    #[test]
    fn a_picture_stays_while_it_is_sent_and_those_published_meanwhile_are_left_out() {
        let live = live();
        let mut viewer = live.viewer();
        live.publish(b"a".to_vec());
        assert_eq!(viewer.advance(NOW, Waker::noop()), Ok(Advance::Ready));
        for byte in b"bcd" {
            live.publish(vec![*byte]);
        }
        assert_eq!(viewer.frame().unwrap().data, b"a");
        assert_eq!(viewer.advance(NOW, Waker::noop()), Ok(Advance::Ready));
        assert_eq!(viewer.frame().map(|frame| (frame.number, frame.data)), Some((3, &b"d"[..])));
        assert_eq!((viewer.seek(0), viewer.frame().is_none()), (Ok(()), true));
        assert_eq!((viewer.advance(NOW, Waker::noop()), viewer.position()), (NOTHING, 4));
    }

    #[test]
    fn timestamps_are_as_far_apart_as_the_pictures_were_taken() {
        let live = live();
        let mut viewer = live.viewer();
        assert_eq!(viewer.advance(NOW, Waker::noop()), NOTHING);
        let begin = Instant::now();
        let mut captured = |millis| {
            live.publish_captured(vec![0], begin + Duration::from_millis(millis));
            viewer.advance(NOW.after(Duration::from_millis(millis + 17)), Waker::noop()).unwrap();
            viewer.frame().unwrap().captured.unwrap()
        };
        let first = captured(0);
        assert!(first.since(NOW) < Duration::from_secs(10));
        assert_eq!(
            (captured(40).since(first), captured(85).since(first)),
            (Duration::from_millis(40), Duration::from_millis(85))
        );
    }

    #[test]
    fn it_answers_to_its_name_and_knows_its_size_from_its_first_picture() {
        let live = live();
        let size = |name| {
            let medium = live.find(Path::new(name))?;
            medium.entry(Waker::noop()).ok().map(|entry| (entry.extent, entry.width, entry.height))
        };
        assert_eq!((size("camera"), size("movie")), (Some((Extent::Live, 0, 0)), None));
        live.publish(jpeg(32, 48, 0, b"x"));
        assert_eq!(size("/camera/"), Some((Extent::Live, 32, 48)));
    }

    #[test]
    fn a_function_is_called_while_there_are_viewers_and_its_thread_ends_with_the_medium() {
        let (sender, calls) = mpsc::channel();
        let live = Live::from_fn("camera", FrameRate::new(1000, 1).unwrap(), move |number| {
            sender.send(number).unwrap();
            vec![0]
        });
        let live = live.unwrap();
        assert!(calls.recv_timeout(Duration::from_millis(20)).is_err(), "nobody watches");
        let viewer = live.viewer();
        let numbers: Vec<u32> = calls.iter().take(5).collect();
        assert!(numbers[0] >= 20 && numbers.is_sorted(), "{numbers:?}");
        drop(viewer);
        let other = live.viewer();
        assert!(calls.recv().unwrap() >= numbers[4]);
        drop((live, other));
        // Ends when the thread has dropped the other end.
        assert!(calls.iter().count() < 1000);
    }
}
