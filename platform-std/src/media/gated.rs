//! Disks for tests that let their readers wait, and drivers that wait for them.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time;

use mutoscope::media::catalogue::{Entry, Medium, NotReady};
use mutoscope::media::{Advance, FrameSource};
use mutoscope::time::Instant;

use super::film::{Film, Indexed};
use super::storage::{Status, Storage};

/// A waker that counts.
pub(super) struct WakeCount(AtomicU32);

impl WakeCount {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU32::new(0)))
    }

    pub(super) fn get(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for WakeCount {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Wakes the thread that made it.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Advances as a driver does that sleeps until it is woken.
pub(super) fn advance<S: FrameSource>(source: &mut S, now: Instant) -> Result<Advance, S::Error> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let start = time::Instant::now();
    loop {
        match source.advance(now, &waker)? {
            Advance::Pending { until: None } | Advance::Edge => thread::park_timeout(PATIENCE),
            other => return Ok(other),
        }
        assert!(start.elapsed() < PATIENCE, "nobody woke it");
    }
}

/// What a medium is, as a server learns it that waits until it is ready.
pub(super) fn entry<M: Medium>(medium: &M) -> Result<Entry<'_>, NotReady<'_>> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let start = time::Instant::now();
    loop {
        match medium.entry(&waker) {
            Err(reason) if reason.reason.contains("looked into") => thread::park_timeout(PATIENCE),
            other => return other,
        }
        assert!(start.elapsed() < PATIENCE, "nobody woke it");
    }
}

/// No test's worker takes that long.
const PATIENCE: time::Duration = time::Duration::from_secs(60);

/// A file in memory of which the disk gives the rest only while a gate is open.
#[derive(Debug)]
pub(super) struct GatedFile {
    bytes: Vec<u8>,
    /// So many bytes at the front are in memory. They come in pieces of seven.
    pub(super) in_memory: AtomicUsize,
    pub(super) gate: Arc<Gate>,
    /// Where others were read.
    pub(super) waited_at: Mutex<Vec<u64>>,
    /// The disk is broken.
    pub(super) is_broken: AtomicBool,
}

impl GatedFile {
    /// What is served of it, and the file. Its gate is open until somebody shuts it.
    pub(super) fn new(frames: &[Vec<u8>], gate: &Arc<Gate>) -> (Film, Arc<Self>) {
        let file = Arc::new(Self {
            bytes: frames.concat(),
            in_memory: AtomicUsize::new(0),
            gate: Arc::clone(gate),
            waited_at: Mutex::default(),
            is_broken: AtomicBool::new(false),
        });
        let film = Film::of(Box::new(Arc::clone(&file)), Path::new("gated.mjpeg"), None).expect("it is MJPEG");
        assert_eq!(film.index_some(PATIENCE).unwrap(), Indexed::Done);
        (film, file)
    }

    /// Where frame `number` of `frames` begins.
    pub(super) fn offset(frames: &[Vec<u8>], number: usize) -> usize {
        frames[..number].iter().map(Vec::len).sum()
    }
}

impl Storage for Arc<GatedFile> {
    fn read_now(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        let end = self.in_memory.load(Ordering::SeqCst).min(self.bytes.len());
        let cached = self.bytes.get(offset as usize..end).unwrap_or_default();
        let len = cached.len().min(buffer.len()).min(7);
        buffer[..len].copy_from_slice(&cached[..len]);
        (len > 0).then_some(len)
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.waited_at.lock().unwrap().push(offset);
        self.gate.pass();
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(io::Error::other("out of order"));
        }
        let rest = &self.bytes[offset as usize..];
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn status(&self) -> io::Result<Status> {
        Ok(Status { identity: (1, 1), len: self.bytes.len() as u64, modified: 0 })
    }
}

/// Lets threads pass while it is open.
#[derive(Debug, Default)]
pub(super) struct Gate {
    is_shut: Mutex<bool>,
    change: Condvar,
    /// Threads that stand before it.
    pub(super) standing: AtomicU32,
}

impl Gate {
    pub(super) fn shut(&self, is_shut: bool) {
        *self.is_shut.lock().unwrap() = is_shut;
        self.change.notify_all();
    }

    fn pass(&self) {
        self.standing.fetch_add(1, Ordering::SeqCst);
        let is_shut = self.is_shut.lock().unwrap();
        drop(self.change.wait_timeout_while(is_shut, PATIENCE, |is_shut| *is_shut).unwrap());
        self.standing.fetch_sub(1, Ordering::SeqCst);
    }
}
