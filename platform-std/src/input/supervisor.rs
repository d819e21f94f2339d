//! The threads of inputs: one for each that runs, and one that starts and stops them.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Input;
use super::context;
use super::error::InputError;
use super::publisher::Publisher;
use super::spec::Start;
use super::stop::Stop;
use super::supervision::{Action, End, State, Supervision};
use crate::media::Policy;
use crate::media::live::Live;

/// How long inputs may take to end when all is over.
const FAREWELL: Duration = Duration::from_secs(3);
/// What those are told who come while an input has no picture yet, and when to come again.
pub(crate) const STARTING: &str = "the input is starting";
const SOON: Duration = Duration::from_secs(1);

/// Runs inputs, each on a thread of its own while it is needed: always, or while somebody watches and some seconds longer. What
/// ends is started again, ever later, until it runs well.
///
/// Dropping it ends them all, and waits a moment for them.
pub struct Supervisor {
    shared: Arc<Shared>,
    manager: Option<JoinHandle<()>>,
}

struct Shared {
    inputs: Mutex<Inputs>,
    changed: Condvar,
}

#[derive(Default)]
struct Inputs {
    all: Vec<Supervised>,
    /// Something has happened since the manager looked.
    is_stale: bool,
    is_over: bool,
}

struct Supervised {
    live: Live,
    policy: Policy,
    supervision: Supervision,
    /// `None` while it runs.
    input: Option<Box<dyn Input>>,
    stop: Option<Stop>,
    is_removed: bool,
}

impl Shared {
    fn inputs(&self) -> MutexGuard<'_, Inputs> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self) {
        self.inputs().is_stale = true;
        self.changed.notify_all();
    }
}

impl Supervisor {
    /// One that has no inputs yet.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn new() -> io::Result<Self> {
        let shared = Arc::new(Shared { inputs: Mutex::default(), changed: Condvar::new() });
        let manager = thread::Builder::new().name("inputs".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || manage(&shared)
        })?;
        Ok(Self { shared, manager: Some(manager) })
    }

    /// Runs `input`, which publishes to `live`. `policy`: what may be done with pictures that RTP/JPEG cannot carry.
    pub fn add(&self, live: &Live, input: Box<dyn Input>, start: Start, policy: Policy) {
        live.rest(STARTING, SOON);
        let shared = Arc::downgrade(&self.shared);
        live.on_change(move || {
            if let Some(shared) = shared.upgrade() {
                shared.notify();
            }
        });
        let supervision = Supervision::new(start);
        let added =
            Supervised { live: live.clone(), policy, supervision, input: Some(input), stop: None, is_removed: false };
        let mut inputs = self.shared.inputs();
        // The place of one that was removed and has ended may be taken: nothing of it will be heard of any more.
        let place = inputs.all.iter_mut().find(|supervised| supervised.is_removed && supervised.input.is_some());
        let replaced = match place {
            Some(place) => Some(std::mem::replace(place, added)),
            None => {
                inputs.all.push(added);
                None
            }
        };
        drop(inputs);
        // Only now: the end of its medium is told to us, who would wait for ourselves.
        drop(replaced);
        self.shared.notify();
    }

    /// Ends the input that publishes to `live`, and forgets it.
    pub fn remove(&self, live: &Live) {
        for supervised in self.shared.inputs().all.iter_mut().filter(|supervised| supervised.live.is(live)) {
            supervised.is_removed = true;
            supervised.supervision.shut_down();
        }
        self.shared.notify();
    }

    /// What the inputs do, in the order in which they were added.
    pub fn states(&self) -> Vec<State> {
        let inputs = self.shared.inputs();
        let all = inputs.all.iter().filter(|supervised| !supervised.is_removed);
        all.map(|supervised| supervised.supervision.state()).collect()
    }

    /// The same of the one whose medium has this address.
    #[cfg(feature = "http")]
    pub(super) fn state_of(&self, address: usize) -> Option<State> {
        let inputs = self.shared.inputs();
        let found = inputs.all.iter().find(|supervised| !supervised.is_removed && supervised.live.address() == address);
        found.map(|supervised| supervised.supervision.state())
    }

    /// The same by the addresses of their media.
    #[cfg(feature = "http")]
    pub(super) fn states_by_address(&self) -> std::collections::HashMap<usize, State> {
        let inputs = self.shared.inputs();
        let all = inputs.all.iter().filter(|supervised| !supervised.is_removed);
        all.map(|supervised| (supervised.live.address(), supervised.supervision.state())).collect()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.shared.inputs().is_over = true;
        self.shared.notify();
        if let Some(manager) = self.manager.take() {
            let _ = manager.join();
        }
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("states", &self.states()).finish_non_exhaustive()
    }
}

/// Starts and stops inputs until all is over.
fn manage(shared: &Arc<Shared>) {
    let mut inputs = shared.inputs();
    let mut deadline = None;
    loop {
        inputs.is_stale = false;
        let now = Instant::now();
        if inputs.is_over && deadline.is_none() {
            deadline = Some(now + FAREWELL);
            inputs.all.iter_mut().for_each(|supervised| supervised.supervision.shut_down());
        }
        let mut next = deadline;
        for (index, supervised) in inputs.all.iter_mut().enumerate() {
            let viewers = supervised.live.viewers();
            match supervised.supervision.poll(now, viewers) {
                Some(Action::Start) => supervised.start(shared, index),
                Some(Action::Stop) => supervised.end(),
                None if supervised.input.is_some() && viewers == 0 => supervised.live.forget(),
                None => {}
            }
            next = [next, supervised.supervision.poll_timeout()].into_iter().flatten().min();
        }
        if let Some(deadline) = deadline {
            let running = inputs.all.iter().filter(|supervised| supervised.input.is_none()).count();
            if running == 0 || now >= deadline {
                if running > 0 {
                    log::warn!("{running} inputs do not end, and are left behind");
                }
                return;
            }
        }
        let patience = next.map(|next| next.saturating_duration_since(Instant::now()));
        let is_fresh = |inputs: &mut Inputs| !inputs.is_stale;
        inputs = match patience {
            Some(patience) => {
                let waited = shared.changed.wait_timeout_while(inputs, patience, is_fresh);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => shared.changed.wait_while(inputs, is_fresh).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

impl Supervised {
    fn start(&mut self, shared: &Arc<Shared>, index: usize) {
        // It runs already only where `Supervision` is wrong.
        let Some(mut input) = self.input.take() else { return };
        let stop = match Stop::new() {
            Ok(stop) => stop,
            Err(error) => return self.handle_end(input, Err(error.into())),
        };
        self.stop = Some(stop.clone());
        let on_picture = {
            let shared = Arc::downgrade(shared);
            move || {
                if let Some(shared) = shared.upgrade()
                    && let Some(supervised) = shared.inputs().all.get_mut(index)
                {
                    supervised.supervision.handle_picture(Instant::now());
                }
            }
        };
        let publisher = Publisher::with(self.live.clone(), self.policy, on_picture);
        log::debug!("{}: starts", self.live.name());
        // Both keep the input, of which the thread, where there is one, takes it out.
        let place = Arc::new(Mutex::new(Some(input)));
        let spawned = thread::Builder::new().name(self.live.name().to_owned()).spawn({
            let (shared, place) = (Arc::clone(shared), Arc::clone(&place));
            move || {
                context::enter(publisher.name());
                let taken = place.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some(mut input) = taken else { return };
                let outcome = catch_unwind(AssertUnwindSafe(|| input.run(&publisher, &stop)))
                    .unwrap_or_else(|_| Err(InputError::last("the input failed: this is a mistake in the program")));
                drop(publisher);
                if let Some(supervised) = shared.inputs().all.get_mut(index) {
                    supervised.handle_end(input, outcome);
                }
                shared.notify();
            }
        });
        if let Err(error) = spawned
            && let Some(back) = place.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            input = back;
            self.handle_end(input, Err(error.into()));
        }
    }

    fn end(&self) {
        if let Some(stop) = &self.stop {
            stop.stop();
        }
    }

    /// Tells those who wait, and the log, how it ended.
    fn handle_end(&mut self, input: Box<dyn Input>, outcome: Result<(), InputError>) {
        self.input = Some(input);
        self.stop = None;
        let end = if outcome.as_ref().is_err_and(InputError::is_final) { End::Final } else { End::Temporary };
        let backoff = self.supervision.handle_end(Instant::now(), end);
        let name = self.live.name();
        let reason = match &outcome {
            Ok(()) => "the input has ended",
            Err(error) => error.reason(),
        };
        match (self.supervision.state(), backoff) {
            (State::Over, _) => {
                log::warn!("{name}: {reason}; it cannot be started again");
                self.live.cease(reason, Duration::from_secs(3600));
            }
            (_, Some(backoff)) => {
                log::warn!("{name}: {reason}; it is tried again in {} s", backoff.as_secs_f32());
                self.live.cease(reason, backoff.max(SOON));
            }
            (_, None) => {
                log::debug!("{name}: stopped");
                self.live.rest(STARTING, SOON);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::jpeg;
    use mutoscope::media::catalogue::{Catalogue, Medium};
    use mutoscope::media::{Advance, FrameSource};
    use mutoscope::time;
    use mutoscope::wire::url::Path;
    use std::sync::mpsc;
    use std::task::{Wake, Waker};

    const PATIENCE: Duration = Duration::from_secs(30);

    /// An input that tells when it runs, and does what it is told then.
    struct Scripted {
        runs: mpsc::Sender<()>,
        ends: Result<(), InputError>,
    }

    impl Input for Scripted {
        fn run(&mut self, publisher: &Publisher, stop: &Stop) -> Result<(), InputError> {
            self.runs.send(()).unwrap();
            assert!(self.ends != Err(InputError::last("panic")), "as it was told");
            self.ends.clone()?;
            publisher.publish(jpeg(32, 48, 0, b"x"), Instant::now());
            while stop.sleep(PATIENCE) {}
            Ok(())
        }
    }

    fn supervised(start: Start, ends: Result<(), InputError>) -> (Supervisor, Live, mpsc::Receiver<()>) {
        let supervisor = Supervisor::new().unwrap();
        let live = Live::new("camera", None);
        let (sender, runs) = mpsc::channel();
        supervisor.add(&live, Box::new(Scripted { runs: sender, ends }), start, Policy::default());
        (supervisor, live, runs)
    }

    #[test]
    fn the_place_of_an_input_that_was_removed_is_taken_by_another() {
        let (supervisor, live, runs) = supervised(Start::Always, Ok(()));
        runs.recv_timeout(PATIENCE).unwrap();
        supervisor.remove(&live);
        assert_eq!(supervisor.states(), []);
        // Nobody but the supervisor has it any more.
        drop(live);
        let mut count = 0;
        for _ in 0..5 {
            // Until the first one has ended, another place is needed.
            let (sender, runs) = mpsc::channel();
            let live = Live::new("camera", None);
            supervisor.add(&live, Box::new(Scripted { runs: sender, ends: Ok(()) }), Start::Always, Policy::default());
            runs.recv_timeout(PATIENCE).unwrap();
            supervisor.remove(&live);
            count = supervisor.shared.inputs().all.len();
            let deadline = Instant::now() + PATIENCE;
            while supervisor.shared.inputs().all.iter().any(|supervised| supervised.input.is_none()) {
                assert!(Instant::now() < deadline, "an input that was removed does not end");
                thread::yield_now();
            }
        }
        assert!(count <= 2, "{count} places");
    }

    struct Ring(mpsc::SyncSender<()>);

    impl Wake for Ring {
        fn wake(self: Arc<Self>) {
            let _ = self.0.try_send(());
        }
    }

    #[test]
    fn a_request_starts_it_and_is_woken_by_its_first_picture() {
        let (supervisor, live, runs) = supervised(Start::OnDemand, Ok(()));
        assert!(runs.recv_timeout(Duration::from_millis(20)).is_err(), "nobody watches");
        let medium = live.find(Path::new("camera")).unwrap();
        let (sender, rings) = mpsc::sync_channel(1);
        let waker = Waker::from(Arc::new(Ring(sender)));
        let reason = medium.entry(&waker).err().map(|not_ready| not_ready.reason.to_owned());
        if let Some(reason) = reason {
            assert_eq!(reason, "the input is starting");
            rings.recv_timeout(PATIENCE).unwrap();
        }
        assert_eq!(medium.entry(&waker).map(|entry| (entry.width, entry.height)), Ok((32, 48)));
        let mut viewer = medium.open().unwrap();
        assert_eq!(viewer.advance(time::Instant::default(), &waker), Ok(Advance::Ready));
        assert!(matches!(supervisor.states()[..], [State::Running { .. }]));
        drop(supervisor);
        assert_eq!(viewer.advance(time::Instant::default(), &waker), Ok(Advance::Pending { until: None }));
        assert_eq!(runs.iter().count(), 1, "it ends with its supervisor");
    }

    #[test]
    fn who_waits_is_told_why_an_input_failed() {
        for (ends, reason) in [
            (InputError::new("nobody answers"), "nobody answers"),
            (InputError::last("it is broken"), "it is broken"),
            (InputError::last("panic"), "the input failed: this is a mistake in the program"),
        ] {
            let (supervisor, live, runs) = supervised(Start::Always, Err(ends.clone()));
            runs.recv_timeout(PATIENCE).unwrap();
            let medium = live.medium(0);
            let told = || medium.entry(Waker::noop()).unwrap_err().reason.to_owned();
            let deadline = Instant::now() + PATIENCE;
            while told() == STARTING {
                assert!(Instant::now() < deadline);
                thread::yield_now();
            }
            assert_eq!(told(), reason);
            assert_eq!(supervisor.states()[0] == State::Over, ends.is_final());
        }
    }
}
