//! What a server tells of itself to whoever asks.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread;

use mutoscope::time::{Duration, Instant};

use super::StopHandle;
use super::limits::Limits;
use super::post::Letter;
use super::register::{Register, Report};
use super::sessions::{Id, Roll};

/// Looks at a [`Server`](super::Server), from any thread and for as long as anybody likes. Copies look at the same one.
#[derive(Clone, Debug)]
pub struct Monitor {
    pub(super) stop: StopHandle,
    pub(super) limits: Arc<Limits>,
    pub(super) register: Arc<Register>,
}

impl Monitor {
    /// Asks all loops, and waits for their answers for so long at the most. Whether each has answered in that time, or not long before
    /// it: one that hangs does not.
    pub fn is_alive(&self, patience: Duration) -> bool {
        let deadline = std::time::Instant::now() + patience;
        let waker = Waker::from(Arc::new(Parked(thread::current())));
        let (mut context, mut count) = (Context::from_waker(&waker), pin!(self.count()));
        while count.as_mut().poll(&mut context).is_pending() {
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
        }
        // They are not asked more often than once a second.
        self.are_alive(patience.max(Duration::from_secs(2)))
    }

    /// How many clients there are.
    pub fn clients(&self) -> usize {
        self.limits.admissions.len()
    }

    /// Whether the server was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_stopping()
    }
}

/// A thread that waits.
struct Parked(thread::Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "it is the web server that asks"))]
impl Monitor {
    /// Asks all loops that have not been asked for a second, and is over when they have answered. One that hangs never does.
    pub(crate) async fn count(&self) {
        let now = self.limits.now();
        for (at, mailbox) in self.stop.mailboxes.iter().enumerate() {
            if self.register.begin(now, at) {
                mailbox.post(Letter::Census(Arc::clone(&self.register)));
            }
        }
        poll_fn(|context| self.register.poll(context.waker())).await;
    }

    /// Asks all loops who has a session.
    pub(crate) fn call(&self) -> Arc<Roll> {
        let roll = Roll::new(self.stop.mailboxes.len());
        self.stop.mailboxes.iter().for_each(|mailbox| mailbox.post(Letter::Roll(Arc::clone(&roll))));
        roll
    }

    /// Has a session end, soon.
    pub(crate) fn end(&self, id: Id) {
        if let Some(mailbox) = self.stop.mailboxes.get(id.at) {
            mailbox.post(Letter::End(id));
        }
    }

    /// What the loops have told last.
    pub(crate) fn report(&self) -> Report {
        self.register.report()
    }

    /// Whether each loop has answered lately.
    pub(crate) fn are_alive(&self, patience: Duration) -> bool {
        // The clock may have begun later than that.
        let now = self.limits.now().as_micros();
        self.register.have_answered_since(Instant::from_micros(now.saturating_sub(patience.as_micros() as u64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::tally::Tally;
    use crate::server::{Options, Server};

    #[test]
    fn a_loop_that_does_not_answer_is_not_taken_for_alive() {
        let server = Server::bind(&Options { rtsp_port: 0, threads: 2, ..Options::default() }).unwrap();
        let (monitor, stop) = (server.monitor(), server.stop_handle());
        assert!(!monitor.is_alive(Duration::from_millis(10)), "there are no loops yet");
        let library = crate::media::Library::built_in("25".parse().unwrap());
        let serving = thread::spawn(move || server.serve(library));
        assert!(monitor.is_alive(Duration::from_secs(60)));
        assert_eq!((monitor.clients(), monitor.is_stopping()), (0, false));
        stop.stop();
        serving.join().unwrap().unwrap();
        assert!(monitor.is_stopping());
    }

    #[test]
    fn who_waits_is_woken_when_the_last_one_has_answered() {
        let server = Server::bind(&Options { rtsp_port: 0, threads: 2, ..Options::default() }).unwrap();
        let monitor = server.monitor();
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(Arc::clone(&flag));
        let mut count = pin!(monitor.count());
        assert!(count.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let letters = |at: usize| monitor.stop.mailboxes[at].take().len();
        assert_eq!((letters(0), letters(1)), (1, 1));
        let mut other = pin!(monitor.count());
        assert!(other.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!((letters(0), letters(1)), (0, 0), "it was asked already");
        monitor.register.answer(Instant::from_millis(5), 0, Tally::default());
        assert!(!flag.is_set());
        monitor.register.answer(Instant::from_millis(5), 1, Tally::default());
        assert!(flag.is_set() && count.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    }

    #[derive(Default)]
    struct Flag(std::sync::atomic::AtomicBool);

    impl Flag {
        fn is_set(&self) -> bool {
            self.0.load(std::sync::atomic::Ordering::Relaxed)
        }
    }

    impl std::task::Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }
}
