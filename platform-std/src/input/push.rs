//! Media whose pictures a client of the server records (ANNOUNCE, RECORD).

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use mutoscope::media::catalogue::{Catalogue, Entry, Medium, NotReady, NotRecorded};
use mutoscope::media::{FrameRate, FrameSink};
use mutoscope::time;
use mutoscope::wire::url::Path;

use super::context;
use super::publisher::Publisher;
use crate::media::live::{Live, LiveMedium, LiveSource};
use crate::media::{LeftOut, Packets, Policy};
use crate::{memory, names};

/// The largest picture that is taken, in bytes, with what is needed to put it together. The system gives the memory only where
/// something is written to it.
const MAX_PICTURE: usize = 4 * 1024 * 1024;
/// Pictures that wait to be made ready. What comes while so many do is left out.
const MAX_WAITING: usize = 4;
/// How long the last picture of a publisher that has gone is shown: viewers may still have to be sent it, and the next publisher
/// may be about to come.
const LAST_SHOWN: Duration = Duration::from_millis(500);
/// What those are told who come while nobody publishes, and when to come again.
const NOBODY: &str = "nobody publishes this stream at the moment";
const PUBLISHING: &str = "a client publishes it";
const SOON: Duration = Duration::from_secs(2);

/// A medium that one client at a time may publish to, from this machine unless
/// [said otherwise](Self::with_remote_publishers). It keeps its viewers from one publisher to the next.
///
/// It is a [`Catalogue`] of this one medium. The server has to allow publishing
/// ([`Options::record`](crate::server::Options::record)).
#[derive(Clone)]
pub struct Push {
    live: Live,
    shared: Arc<Shared>,
    is_for_remote: bool,
}

struct Shared {
    is_taken: AtomicBool,
    /// Pictures that wait.
    waiting: AtomicUsize,
    /// To the thread that makes pictures ready. It ends when this is gone.
    work: Mutex<Sender<Work>>,
}

/// What the thread is told, in this order.
enum Work {
    Picture(Vec<u8>, Instant),
    /// There is a publisher.
    Begin,
    /// The publisher is gone.
    End,
}

impl Push {
    /// A medium without a publisher. `rate`: pictures per second, as descriptions announce it; `None`: it is measured.
    /// `policy`: what may be done with pictures that RTP/JPEG cannot carry.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn new(name: &str, rate: impl Into<Option<FrameRate>>, policy: Policy) -> io::Result<Self> {
        let live = Live::new(name, rate);
        live.cease(NOBODY, SOON);
        let (work, received) = mpsc::channel();
        let shared =
            Arc::new(Shared { is_taken: AtomicBool::new(false), waiting: AtomicUsize::new(0), work: Mutex::new(work) });
        let (publisher, counted) = (Publisher::new(live.clone(), policy), Arc::downgrade(&shared));
        let run = move || {
            context::enter(publisher.name());
            let mut is_ending = false;
            loop {
                let patience = if is_ending { LAST_SHOWN } else { Duration::MAX };
                match received.recv_timeout(patience) {
                    Ok(Work::Picture(jpeg, captured)) => {
                        is_ending = false;
                        if catch_unwind(AssertUnwindSafe(|| publisher.publish(jpeg, captured))).is_err() {
                            publisher.complain("a picture cannot be made ready, and is left out");
                        }
                        let Some(shared) = counted.upgrade() else { return };
                        shared.waiting.fetch_sub(1, Ordering::Relaxed);
                    }
                    Ok(Work::Begin) => publisher.await_picture(PUBLISHING),
                    Ok(Work::End) => is_ending = true,
                    Err(RecvTimeoutError::Timeout) => {
                        publisher.cease(NOBODY);
                        publisher.forget();
                        // Another one may have come meanwhile.
                        if counted.upgrade().is_some_and(|shared| shared.is_taken.load(Ordering::Relaxed)) {
                            publisher.await_picture(PUBLISHING);
                        }
                        is_ending = false;
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        };
        thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { live, shared, is_for_remote: false })
    }

    /// The same, where other machines may publish, too, if the server's door lets them
    /// ([`Server::serve_guarded`](crate::server::Server::serve_guarded)).
    #[must_use]
    pub fn with_remote_publishers(self) -> Self {
        Self { is_for_remote: true, ..self }
    }

    /// There will be no more pictures: the streams of those who watch end.
    pub fn end(&self) {
        self.live.end();
    }

    /// The name that it answers to.
    pub fn name(&self) -> &str {
        self.live.name()
    }

    /// The medium that clients publish to.
    pub(super) const fn live(&self) -> &Live {
        &self.live
    }

    /// The medium as a server has it, where a catalogue of several calls it `id`.
    pub fn medium(&self, id: usize) -> InputMedium {
        InputMedium { live: self.live.medium(id), push: Some(self.clone()) }
    }
}

impl Catalogue for Push {
    type Medium = InputMedium;

    fn find(&self, path: Path<'_>) -> Option<InputMedium> {
        names::is_named(path, self.name()).then(|| self.medium(0))
    }

    fn tell_names(&self, each: &mut dyn FnMut(&str)) {
        each(self.name());
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_taken = self.shared.is_taken.load(Ordering::Relaxed);
        f.debug_struct("Push").field("live", &self.live).field("is_taken", &is_taken).finish_non_exhaustive()
    }
}

/// An input in the hands of a server: a [`Push`], or one that is run.
#[derive(Debug)]
pub struct InputMedium {
    live: LiveMedium,
    push: Option<Push>,
}

impl From<LiveMedium> for InputMedium {
    fn from(live: LiveMedium) -> Self {
        Self { live, push: None }
    }
}

impl Medium for InputMedium {
    type Source = LiveSource;
    type Sink = PushSink;

    fn entry(&self, waker: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        self.live.entry(waker)
    }

    fn open(&self) -> Option<LiveSource> {
        self.live.open()
    }

    fn record(&self, address: IpAddr) -> Result<PushSink, NotRecorded> {
        let push = self.push.as_ref().ok_or(NotRecorded::NotDeclared)?;
        // Where nobody decides about publishers, whoever reaches the server could replace what its operator shows.
        if !push.is_for_remote && !address.to_canonical().is_loopback() {
            return Err(NotRecorded::Remote);
        }
        if push.shared.is_taken.swap(true, Ordering::Relaxed) {
            return Err(NotRecorded::Taken);
        }
        push.shared.send(Work::Begin);
        Ok(PushSink { shared: Arc::clone(&push.shared), live: push.live.clone(), anchor: None })
    }
}

/// The pictures of one publisher, on their way to the thread that makes them ready.
pub struct PushSink {
    shared: Arc<Shared>,
    live: Live,
    /// One instant on the system's clock and on that of the server.
    anchor: Option<(Instant, time::Instant)>,
}

impl FrameSink for PushSink {
    type Buffer = Vec<u8>;
    type Home<T> = Box<T>;

    fn home<T>(&self, machine: T) -> Box<T> {
        Box::new(machine)
    }

    fn buffers(&mut self) -> [Vec<u8>; 2] {
        [(); 2].map(|()| memory::zeros(MAX_PICTURE))
    }

    fn publish(&mut self, now: time::Instant, jpeg: &[u8], captured: time::Instant) {
        let (system, server) = *self.anchor.get_or_insert_with(|| (Instant::now(), now));
        if self.shared.waiting.load(Ordering::Relaxed) >= MAX_WAITING {
            self.live.leave_out(LeftOut::Unready);
            return log::debug!("a picture is left out: those before it are not ready yet");
        }
        let captured = match captured >= server {
            true => system.checked_add(captured.since(server)),
            false => system.checked_sub(server.since(captured)),
        };
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        self.shared.send(Work::Picture(jpeg.to_vec(), captured.unwrap_or(system)));
    }

    fn is_over(&self) -> bool {
        self.live.is_over()
    }

    fn note_packets(&mut self, came: u64, lost: u64) {
        self.live.note_packets(Packets { lost, came });
    }
}

impl Shared {
    fn send(&self, work: Work) {
        let sender = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        // The thread lives as long as this.
        let _ = sender.send(work);
    }
}

impl Drop for PushSink {
    fn drop(&mut self) {
        self.shared.send(Work::End);
        self.shared.is_taken.store(false, Ordering::Relaxed);
    }
}

impl fmt::Debug for PushSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushSink").field("anchor", &self.anchor).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing;
    use mutoscope::media::{Advance, FrameSource};
    use std::sync::Condvar;
    use std::task::Wake;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const NOW: time::Instant = time::Instant::from_millis(5000);

    /// Wakes whoever waits for it.
    #[derive(Default)]
    struct Bell(Mutex<bool>, Condvar);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            *self.0.lock().unwrap() = true;
            self.1.notify_all();
        }
    }

    impl Bell {
        fn wait(&self) {
            let (mut rung, _) =
                self.1.wait_timeout_while(self.0.lock().unwrap(), Duration::from_secs(60), |rung| !*rung).unwrap();
            assert!(std::mem::take(&mut *rung));
        }
    }

    /// The next picture of a viewer: its width, and when it was taken.
    fn next(viewer: &mut LiveSource) -> (u16, time::Instant) {
        let bell = Arc::new(Bell::default());
        while viewer.advance(NOW, &Arc::clone(&bell).into()) != Ok(Advance::Ready) {
            bell.wait();
        }
        let frame = viewer.frame().unwrap();
        (frame.layout.unwrap().width, frame.captured.unwrap())
    }

    #[test]
    fn one_publisher_at_a_time_and_from_this_machine_alone() {
        let push = Push::new("cam", None, Policy::default()).unwrap();
        let medium = push.find(Path::new("/cam/")).unwrap();
        let elsewhere = ["10.0.0.7", "::2", "::ffff:10.0.0.1", "0.0.0.0"].map(|address| address.parse().unwrap());
        for address in elsewhere {
            assert_eq!(medium.record(address).unwrap_err(), NotRecorded::Remote, "{address}");
        }
        for address in ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"].map(|address| address.parse().unwrap()) {
            let sink = medium.record(address).unwrap();
            assert_eq!(medium.record(HERE).unwrap_err(), NotRecorded::Taken);
            drop(sink);
        }
        let medium = push.clone().with_remote_publishers().medium(0);
        drop(medium.record(elsewhere[0]).unwrap());
        assert!(push.find(Path::new("other")).is_none());
        let run = InputMedium::from(Live::new("run", None).medium(0));
        assert_eq!(run.record(HERE).unwrap_err(), NotRecorded::NotDeclared);
    }

    #[test]
    fn viewers_stay_from_one_publisher_to_the_next_and_times_are_the_publishers() {
        let push = Push::new("cam", None, Policy::default()).unwrap();
        let medium = push.medium(3);
        assert_eq!(medium.entry(Waker::noop()).unwrap_err().reason, NOBODY);
        let mut viewer = medium.open().unwrap();
        let mut sink = medium.record(HERE).unwrap();
        let picture = |width| testing::picture(width, 16, |_| ());
        let at = |millis| NOW.after(time::Duration::from_millis(millis));
        sink.publish(at(3), &picture(16), at(0));
        let (first, begin) = next(&mut viewer);
        sink.publish(at(70), &picture(32), at(40));
        let (second, later) = next(&mut viewer);
        // Both clocks are cut to microseconds.
        let apart = later.since(begin).as_micros();
        assert!((first, second) == (16, 32) && apart.abs_diff(40_000) <= 1, "{first} {second} {apart}");
        let entry = medium.entry(Waker::noop()).unwrap();
        assert_eq!((entry.id, entry.name, entry.width), (3, "cam", 32));
        sink.publish(at(80), &picture(48), at(80));
        drop(sink);
        assert_eq!(next(&mut viewer).0, 48, "what came before the end is shown");
        while medium.entry(Waker::noop()).is_ok() {
            thread::yield_now();
        }
        let mut sink = medium.record(HERE).unwrap();
        sink.publish(at(1000), b"not a picture", at(1000));
        sink.publish(at(1040), &picture(64), at(1040));
        let (fourth, last) = next(&mut viewer);
        assert!(fourth == 64 && last > later);
    }

    #[test]
    fn pictures_that_lie_about_their_size_or_stop_in_the_middle_cost_nothing_but_themselves() {
        let push = Push::new("cam", None, Policy::default()).unwrap();
        let medium = push.medium(0);
        let mut viewer = medium.open().unwrap();
        let mut sink = medium.record(HERE).unwrap();
        let plain = testing::picture(48, 48, |_| ());
        let frame_header = plain.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        let sized = |height: u16, width: u16| {
            let mut jpeg = plain.clone();
            jpeg[frame_header + 5..][..2].copy_from_slice(&height.to_be_bytes());
            jpeg[frame_header + 7..][..2].copy_from_slice(&width.to_be_bytes());
            jpeg
        };
        let bad = [
            sized(65_535, 65_535),
            sized(0, 0),
            sized(48, 65_535),
            plain[..plain.len() / 2].to_vec(),
            plain[..frame_header].to_vec(),
            vec![],
        ];
        let mut at = NOW;
        for (width, bad) in (104..).step_by(8).zip(bad) {
            // Not so fast that any of them is left out because others wait.
            for jpeg in [bad, testing::picture(width, 16, |_| ())] {
                at = at.after(time::Duration::from_millis(40));
                sink.publish(at, &jpeg, at);
            }
            while next(&mut viewer).0 != width {}
        }
        assert_eq!(medium.record(HERE).unwrap_err(), NotRecorded::Taken);
        assert!(medium.entry(Waker::noop()).is_ok());
    }
}
