//! A program that is run when the first viewer of a stream comes and the last one goes, when an input is lost and when it is back.
//!
//! Its environment tells what happened: `MUTOSCOPE_EVENT` (`first-viewer`, `last-viewer`, `input-lost`, `input-back`),
//! `MUTOSCOPE_STREAM`, `MUTOSCOPE_TIME` (seconds since 1970), `MUTOSCOPE_VIEWERS`, and `MUTOSCOPE_REASON` of an input that is lost.
//! `rule` says when there is something to tell; it is told on threads that nobody waits for.

mod rule;

use std::fmt;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdout, Command};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::console::OneLine;
use crate::input::program::{Ended, Program, ending};
use crate::input::{Stop, Woken};
use crate::media::{Change, Observer};
use rule::{Event, Rule};

/// So many programs run at once.
const MOST_AT_ONCE: usize = 4;
/// So long a program may run.
const PATIENCE: Duration = Duration::from_secs(10);
/// So long all of them may take when the server ends, before they are told to end, and after that.
const FAREWELL: Duration = Duration::from_secs(3);
/// What is kept of a program's output, in bytes …
const MAX_KEPT: usize = 4096;
/// … and so many lines of that are in the log …
const MAX_LINES: usize = 20;
/// … and so much of it is read. A program that writes more is ended.
const MAX_OUTPUT: usize = 1024 * 1024;

/// Runs a program for what happens to streams, as an [`Observer`]. [`end`](Self::end) ends it. Copies are the same.
#[derive(Clone)]
pub struct Hook(Arc<Shared>);

struct Shared {
    program: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
    /// Tells programs to end.
    stop: Stop,
    manager: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct State {
    rule: Rule,
    running: usize,
    /// Something has happened since the manager looked.
    is_stale: bool,
    /// The server ends; no program runs on after this.
    deadline: Option<Instant>,
}

impl Hook {
    /// Has `program` run, without a shell and without arguments.
    ///
    /// # Errors
    /// The system has no thread or no descriptors left.
    pub fn new(program: &Path) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            program: program.to_owned(),
            state: Mutex::default(),
            changed: Condvar::new(),
            stop: Stop::new()?,
            manager: Mutex::default(),
        });
        let managed = Arc::clone(&shared);
        let manager = thread::Builder::new().name("hooks".to_owned()).spawn(move || manage(&managed))?;
        *shared.manager.lock().unwrap_or_else(PoisonError::into_inner) = Some(manager);
        Ok(Self(shared))
    }

    /// Has the program run once more for each stream that was watched, and waits for it for some seconds. Nothing is told after that.
    pub fn end(&self) {
        let mut state = self.0.state();
        state.rule.end();
        state.deadline.get_or_insert(Instant::now() + FAREWELL);
        drop(state);
        self.0.notify();
        let manager = self.0.manager.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(manager) = manager {
            let _ = manager.join();
        }
    }
}

impl Observer for Hook {
    fn handle(&self, stream: &str, change: Change<'_>) {
        let mut state = self.0.state();
        state.rule.handle(Instant::now(), stream, change);
        state.is_stale = true;
        drop(state);
        self.0.changed.notify_all();
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").field("program", &self.0.program).finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self) {
        self.state().is_stale = true;
        self.changed.notify_all();
    }
}

/// Starts programs until the server has ended.
fn manage(shared: &Arc<Shared>) {
    let mut state = shared.state();
    loop {
        state.is_stale = false;
        let now = Instant::now();
        if state.running < MOST_AT_ONCE
            && !shared.stop.is_stopping()
            && let Some(event) = state.rule.poll(now)
        {
            state.running += 1;
            drop(state);
            start(shared, event);
            state = shared.state();
            continue;
        }
        let mut next = state.rule.poll_timeout().filter(|_| state.running < MOST_AT_ONCE);
        if let Some(deadline) = state.deadline {
            if state.running == 0 && (state.rule.is_quiet() || shared.stop.is_stopping()) || now >= deadline + FAREWELL
            {
                return;
            }
            if now >= deadline {
                shared.stop.stop();
            }
            next = Some(if now < deadline { deadline } else { deadline + FAREWELL });
        }
        let is_fresh = |state: &mut State| !state.is_stale;
        state = match next.map(|next| next.saturating_duration_since(now)) {
            Some(patience) => {
                let waited = shared.changed.wait_timeout_while(state, patience, is_fresh);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => shared.changed.wait_while(state, is_fresh).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

/// Runs the program on a thread of its own.
fn start(shared: &Arc<Shared>, event: Event) {
    let stream = event.stream.clone();
    let run = {
        let shared = Arc::clone(shared);
        move || {
            let done = catch_unwind(AssertUnwindSafe(|| run(&shared.program, &event, &shared.stop)));
            if let Err(why) = done.unwrap_or_else(|_| Err("it failed: this is a mistake in the program".to_owned())) {
                log::warn!("{}: the hook for {}: {why}", event.stream, event.kind.word());
            }
            handle_end(&shared, &event.stream);
        }
    };
    if let Err(error) = thread::Builder::new().name("hook".to_owned()).spawn(run) {
        log::warn!("{stream}: a hook is left out: {error}");
        handle_end(shared, &stream);
    }
}

fn handle_end(shared: &Shared, stream: &str) {
    let mut state = shared.state();
    state.running -= 1;
    state.rule.handle_end(Instant::now(), stream);
    drop(state);
    shared.notify();
}

/// Runs the program to its end, or until it takes too long. What went wrong is a sentence.
fn run(program: &Path, event: &Event, stop: &Stop) -> Result<(), String> {
    run_until(program, event, stop, Instant::now() + PATIENCE)
}

fn run_until(program: &Path, event: &Event, stop: &Stop, until: Instant) -> Result<(), String> {
    let mut command = Command::new(program);
    command.envs(environment(event, SystemTime::now(), Instant::now()));
    let (mut running, stdout, stderr) = Program::start(command).map_err(|error| error.reason().to_owned())?;
    log::debug!("{}: {} is run for {}", event.stream, program.display(), event.kind.word());
    let mut output = Output::default();
    let pumped = pump(stdout, stderr, &mut output, stop, until);
    let is_done = matches!(pumped, Ok(Woken::Ready));
    let ended = running.end(is_done);
    output.lines().take(MAX_LINES).for_each(|line| log::debug!("{}: the hook says: {}", event.stream, OneLine(line)));
    let Ended { status, by_itself } = ended.map_err(|error| error.to_string())?;
    match pumped.map_err(|error| error.to_string())? {
        Woken::Stopped => Ok(()),
        Woken::TimedOut => Err(format!("it was ended after {} seconds", PATIENCE.as_secs())),
        Woken::Ready if !by_itself => Err("it closed its output without ending, and was ended".to_owned()),
        Woken::Ready if status.success() => Ok(()),
        Woken::Ready => Err(match output.lines().last() {
            Some(last) => format!("{}; the last that it said: {}", ending(status), OneLine(last)),
            None => ending(status),
        }),
    }
}

/// Reads what a program says until it says no more.
fn pump(
    mut stdout: ChildStdout,
    mut stderr: ChildStderr,
    output: &mut Output,
    stop: &Stop,
    until: Instant,
) -> io::Result<Woken> {
    let mut is_open = [true; 2];
    loop {
        let (woken, ready) = match is_open {
            [true, true] => stop.wait_for_either([stdout.as_fd(), stderr.as_fd()], Some(until))?,
            [true, false] => (stop.wait_readable(&stdout, Some(until))?, [true, false]),
            [false, true] => (stop.wait_readable(&stderr, Some(until))?, [false, true]),
            [false, false] => return Ok(Woken::Ready),
        };
        if woken != Woken::Ready {
            return Ok(woken);
        }
        if output.len > MAX_OUTPUT {
            return Err(io::Error::other("it was ended because it wrote more than 1 MB"));
        }
        let streams: [&mut dyn Read; 2] = [&mut stdout, &mut stderr];
        for ((stream, ready), is_open) in streams.into_iter().zip(ready).zip(&mut is_open) {
            if ready && *is_open {
                *is_open = output.take(stream);
            }
        }
    }
}

/// The beginning of what a program says.
#[derive(Default)]
struct Output {
    kept: Vec<u8>,
    /// How long it is.
    len: usize,
}

impl Output {
    /// Reads once; `false`: there is no more.
    fn take(&mut self, stream: &mut dyn Read) -> bool {
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes) {
            Ok(len @ 1..) => {
                let room = MAX_KEPT.saturating_sub(self.kept.len());
                self.kept.extend_from_slice(&bytes[..len.min(room)]);
                self.len += len;
                true
            }
            Err(error) => error.kind() == io::ErrorKind::Interrupted,
            Ok(0) => false,
        }
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        let lines = self.kept.split(|byte| *byte == b'\n');
        let lines = lines.map(|line| String::from_utf8_lossy(line).trim().to_owned());
        lines.filter(|line| !line.is_empty())
    }
}

/// What the program is told.
fn environment(event: &Event, system: SystemTime, now: Instant) -> Vec<(&'static str, String)> {
    let at = system.checked_sub(now.saturating_duration_since(event.at)).unwrap_or(system);
    let at = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut told = vec![
        ("MUTOSCOPE_EVENT", event.kind.word().to_owned()),
        ("MUTOSCOPE_STREAM", event.stream.clone()),
        ("MUTOSCOPE_TIME", format!("{}.{:03}", at.as_secs(), at.subsec_millis())),
        ("MUTOSCOPE_VIEWERS", event.viewers.to_string()),
    ];
    told.extend(event.reason.clone().map(|reason| ("MUTOSCOPE_REASON", reason)));
    told
}

#[cfg(test)]
mod tests;
