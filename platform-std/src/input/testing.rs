//! What the tests of inputs share: somebody who watches.

use std::sync::{Arc, mpsc};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use mutoscope::media::catalogue::Medium;
use mutoscope::media::{Advance, FrameSource};
use mutoscope::time;

use super::spec::Start;
use super::supervisor::Supervisor;
use super::{Input, State};
use crate::media::Policy;
use crate::media::live::{Live, LiveMedium, LiveSource};

/// Longer than anything takes, on the slowest of machines.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

struct Ring(mpsc::SyncSender<()>);

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        // It has rung already.
        let _ = self.0.try_send(());
    }
}

/// A viewer that waits for pictures.
pub(super) struct Watcher {
    medium: LiveMedium,
    source: LiveSource,
    waker: Waker,
    rings: mpsc::Receiver<()>,
}

impl Watcher {
    pub(super) fn new(live: &Live) -> Self {
        let (sender, rings) = mpsc::sync_channel(1);
        let waker = Waker::from(Arc::new(Ring(sender)));
        Self { medium: live.medium(0), source: live.viewer(), waker, rings }
    }

    /// The next picture, and its number.
    pub(super) fn next(&mut self) -> (u32, Vec<u8>) {
        self.next_within(PATIENCE).expect("a picture comes")
    }

    pub(super) fn next_within(&mut self, patience: Duration) -> Option<(u32, Vec<u8>)> {
        let deadline = Instant::now() + patience;
        while self.source.advance(time::Instant::default(), &self.waker) != Ok(Advance::Ready) {
            self.rings.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()?;
        }
        let number = self.source.frame()?.number;
        let data = self.source.original().or_else(|| Some(self.source.frame()?.data))?;
        Some((number, data.to_vec()))
    }

    /// Waits until those who come are told something that `is_it`.
    pub(super) fn wait_for_reason(&self, is_it: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut reason = String::new();
        loop {
            if let Err(not_ready) = self.medium.entry(Waker::noop()) {
                reason = not_ready.reason.to_owned();
                if is_it(&reason) {
                    return;
                }
            }
            assert!(Instant::now() < deadline, "the reason is {reason:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// One input, supervised and watched.
pub(super) struct Running {
    pub(super) watcher: Watcher,
    pub(super) live: Live,
    supervisor: Supervisor,
}

impl Running {
    pub(super) fn start(input: impl Input + 'static) -> Self {
        Self::start_with(input, Policy::default())
    }

    pub(super) fn start_with(input: impl Input + 'static, policy: Policy) -> Self {
        let supervisor = Supervisor::new().unwrap();
        let live = Live::new("cam", None);
        supervisor.add(&live, Box::new(input), Start::OnDemand, policy);
        Self { watcher: Watcher::new(&live), live, supervisor }
    }

    pub(super) fn state(&self) -> State {
        self.supervisor.states()[0]
    }
}
