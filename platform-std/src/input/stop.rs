//! How an input is told to end, at once, whatever it waits for.

use std::fmt;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Tells an input to end. An input that waits for a descriptor waits for this too: by [`wait_readable`](Self::wait_readable), or
/// by watching the descriptor of its own ([`AsFd`]), which becomes readable and stays so.
///
/// Copies are the same.
#[derive(Clone)]
pub struct Stop {
    shared: Arc<Shared>,
}

struct Shared {
    is_requested: AtomicBool,
    reader: PipeReader,
    /// Dropped when the input is to end: that makes the other end readable, for everybody and for ever.
    writer: Mutex<Option<PipeWriter>>,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The descriptor is ready, or closed, or failed: the next call on it will tell.
    Ready,
    /// It was late enough.
    TimedOut,
    /// The input is to end.
    Stopped,
}

impl Stop {
    /// One that has not been called for.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self {
            shared: Arc::new(Shared { is_requested: AtomicBool::new(false), reader, writer: Mutex::new(Some(writer)) }),
        })
    }

    /// Tells the input to end.
    pub fn stop(&self) {
        self.shared.is_requested.store(true, Ordering::Release);
        self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether it was told to.
    pub fn is_stopping(&self) -> bool {
        self.shared.is_requested.load(Ordering::Acquire)
    }

    /// Waits until `fd` can be read, no longer than `until`.
    ///
    /// # Errors
    /// The system does not let us wait.
    pub fn wait_readable(&self, fd: impl AsFd, until: Option<Instant>) -> io::Result<Woken> {
        self.wait(&[(fd.as_fd(), PollFlags::POLLIN)], until).map(|(woken, _)| woken)
    }

    /// Waits until `fd` can be written to, no longer than `until`.
    ///
    /// # Errors
    /// The system does not let us wait.
    pub fn wait_writable(&self, fd: impl AsFd, until: Option<Instant>) -> io::Result<Woken> {
        self.wait(&[(fd.as_fd(), PollFlags::POLLOUT)], until).map(|(woken, _)| woken)
    }

    /// Waits for a while. `false`: the input is to end.
    pub fn sleep(&self, duration: Duration) -> bool {
        let until = Instant::now() + duration;
        matches!(self.wait(&[], Some(until)), Ok((Woken::TimedOut, _)))
    }

    /// Waits until one of two descriptors can be read, and tells which of them can.
    pub(crate) fn wait_for_either(
        &self,
        fds: [BorrowedFd<'_>; 2],
        until: Option<Instant>,
    ) -> io::Result<(Woken, [bool; 2])> {
        self.wait(&fds.map(|fd| (fd, PollFlags::POLLIN)), until)
    }

    /// Waits, and tells which of the first two descriptors are ready.
    fn wait(&self, fds: &[(BorrowedFd<'_>, PollFlags)], until: Option<Instant>) -> io::Result<(Woken, [bool; 2])> {
        loop {
            let own = (self.as_fd(), PollFlags::POLLIN);
            let mut polled: Vec<_> =
                [&[own], fds].concat().into_iter().map(|(fd, events)| PollFd::new(fd, events)).collect();
            match poll(&mut polled, timeout(until)) {
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let is_ready = |index: usize| polled.get(index).is_some_and(|fd| fd.any().unwrap_or(true));
            let ready = [is_ready(1), is_ready(2)];
            if is_ready(0) || self.is_stopping() {
                return Ok((Woken::Stopped, ready));
            }
            if ready != [false; 2] {
                return Ok((Woken::Ready, ready));
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok((Woken::TimedOut, ready));
            }
        }
    }
}

/// Rounded up: a wait that ends too early would be repeated.
fn timeout(until: Option<Instant>) -> PollTimeout {
    let Some(until) = until else { return PollTimeout::NONE };
    let millis = until.saturating_duration_since(Instant::now()).as_micros().div_ceil(1000);
    i32::try_from(millis).ok().and_then(|millis| millis.try_into().ok()).unwrap_or(PollTimeout::MAX)
}

/// Readable once the input is to end. Nothing is to be read from it.
impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.reader.as_fd()
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").field("is_stopping", &self.is_stopping()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::thread;

    #[test]
    fn whoever_waits_is_told_at_once_and_so_is_whoever_comes_later() {
        let stop = Stop::new().unwrap();
        let (reader, _writer) = io::pipe().unwrap();
        let waiting = thread::spawn({
            let stop = stop.clone();
            move || (stop.wait_readable(&reader, None).unwrap(), stop.sleep(Duration::from_secs(60)))
        });
        assert!(!stop.is_stopping());
        stop.stop();
        assert_eq!(waiting.join().unwrap(), (Woken::Stopped, false));
        stop.stop();
        assert!(stop.is_stopping() && !stop.sleep(Duration::from_secs(60)));
    }

    #[test]
    fn a_descriptor_that_is_ready_or_closed_ends_the_wait_and_so_does_time() {
        let stop = Stop::new().unwrap();
        let (reader, mut writer) = io::pipe().unwrap();
        let soon = || Some(Instant::now() + Duration::from_millis(2));
        assert_eq!(stop.wait_readable(&reader, soon()).unwrap(), Woken::TimedOut);
        assert_eq!(stop.wait_writable(&writer, None).unwrap(), Woken::Ready);
        writer.write_all(b"x").unwrap();
        assert_eq!(stop.wait_readable(&reader, None).unwrap(), Woken::Ready);
        drop(writer);
        assert_eq!(stop.wait_readable(&reader, None).unwrap(), Woken::Ready);
        assert!(stop.sleep(Duration::from_millis(1)));
    }
}
