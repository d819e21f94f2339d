//! Programs that write pictures to their standard output.

mod guardian;

use std::fmt;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::Input;
use super::error::InputError;
use super::feeder::Feeder;
use super::lines::Lines;
use super::publisher::Publisher;
use super::redact::Secrets;
use super::stop::{Stop, Woken};
use crate::tcp::is_ready;
use guardian::Groups;

/// How long a program may take to end when it is asked to, before it is killed.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is still read of standard error when a program has ended.
const LAST_WORDS: usize = 16 * 1024;

/// The process groups of the programs that run.
static RUNNING: Mutex<Groups> = Mutex::new(Groups::new());

fn running() -> MutexGuard<'static, Groups> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills all programs that inputs have started, for a process that is about to end without dropping its
/// [`Supervisor`](super::Supervisor).
pub fn kill_programs() {
    running().kill_all();
}

/// A program that writes pictures to its standard output. It has a process group of its own, which ends with it. What it says on
/// standard error is in our log.
pub struct Exec {
    words: Vec<String>,
    secrets: Secrets,
}

impl Exec {
    /// Runs `words`, the program and what is said to it. No shell reads them.
    pub fn new(words: Vec<String>) -> Self {
        Self::with_secrets(words, Secrets::default())
    }

    /// The same; these values are kept out of the log.
    pub(super) fn with_secrets(words: Vec<String>, secrets: Secrets) -> Self {
        Self { words, secrets }
    }
}

impl Input for Exec {
    fn run(&mut self, publisher: &Publisher, stop: &Stop) -> Result<(), InputError> {
        let (mut program, mut stdout, stderr) = Program::start(&self.words)?;
        let mut lines = Lines::new(publisher.name(), &self.secrets);
        let mut stderr = Some(stderr);
        publisher.await_picture("the program runs");
        let was_stopped = pump(&mut stdout, &mut stderr, &mut lines, publisher, stop)?;
        // A program that still writes shall notice that nobody reads.
        drop(stdout);
        let Ended { status, by_itself } = program.end(!was_stopped)?;
        if let Some(stderr) = &mut stderr {
            read_last_words(stderr, &mut lines);
        }
        if was_stopped {
            return Ok(());
        }
        let ending = if by_itself {
            ending(status)
        } else {
            "the program has closed its output without ending, and was ended".to_owned()
        };
        if let (false, Some(last)) = (status.success(), lines.handle_end()) {
            log::warn!("{}: {ending}; the last that it said: {last}", publisher.name());
        }
        Err(InputError::new(ending))
    }
}

impl fmt::Debug for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exec").field("program", &self.words.first()).finish_non_exhaustive()
    }
}

/// How a program ended, as a sentence.
fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "the program has ended".to_owned(),
        (Some(code), _) => format!("the program has failed with status {code}"),
        (None, Some(signal)) => format!("the program was ended by signal {signal}"),
        (None, None) => "the program has ended somehow".to_owned(),
    }
}

/// Publishes what a program writes until it writes no more, or (`true`) until the input is to end.
fn pump(
    stdout: &mut ChildStdout,
    stderr: &mut Option<ChildStderr>,
    lines: &mut Lines<'_>,
    publisher: &Publisher,
    stop: &Stop,
) -> Result<bool, InputError> {
    let mut feeder = Feeder::new();
    let mut words = [0; 4096];
    loop {
        let (woken, [has_picture, has_words]) = match &stderr {
            Some(stderr) => stop.wait_for_either([stdout.as_fd(), stderr.as_fd()], None)?,
            None => (stop.wait_readable(&*stdout, None)?, [true, false]),
        };
        if woken == Woken::Stopped {
            return Ok(true);
        }
        if let Some(read) = stderr.as_mut().filter(|_| has_words).map(|stderr| stderr.read(&mut words)) {
            match read {
                Ok(len @ 1..) => lines.handle_input(&words[..len]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => *stderr = None,
            }
        }
        if has_picture {
            match stdout.read(feeder.room()) {
                Ok(0) => {
                    feeder.handle_end(publisher, stop);
                    return Ok(false);
                }
                Ok(len) => {
                    if !feeder.handle_input(len, publisher, stop)? {
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Reads what is there, without waiting for more: another process of the group may have it open too.
fn read_last_words(stderr: &mut ChildStderr, lines: &mut Lines<'_>) {
    let mut words = [0; LAST_WORDS];
    let mut left = LAST_WORDS;
    while left > 0 && is_ready(stderr.as_fd(), PollFlags::POLLIN, Duration::ZERO).unwrap_or(false) {
        match stderr.read(&mut words[..left]) {
            Ok(len @ 1..) => {
                lines.handle_input(&words[..len]);
                left -= len;
            }
            Ok(0) | Err(_) => return,
        }
    }
}

/// How a program ended.
struct Ended {
    status: ExitStatus,
    /// Nobody had to tell it to.
    by_itself: bool,
}

/// Variables of a service manager, for the program that it has started alone.
const MANAGER: [&str; 6] =
    ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// A program that runs. Dropping it kills it, and all of its process group.
struct Program {
    child: Child,
    group: Pid,
    /// How it ended.
    status: Option<ExitStatus>,
}

impl Program {
    fn start(words: &[String]) -> Result<(Self, ChildStdout, ChildStderr), InputError> {
        let (program, arguments) = words.split_first().ok_or_else(|| InputError::last("there is no program to run"))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        // What the service manager has told this program is not for that one.
        MANAGER.iter().for_each(|name| _ = command.env_remove(name));
        // Whoever kills them all must find it.
        let mut running = running();
        let mut child =
            command.spawn().map_err(|error| InputError::new(format!("the program cannot be started: {error}")))?;
        let group = Pid::from_raw(child.id() as i32);
        running.add(group);
        drop(running);
        let streams = child.stdout.take().zip(child.stderr.take());
        let program = Self { child, group, status: None };
        let (stdout, stderr) = streams.ok_or_else(|| InputError::new("the program has no output"))?;
        Ok((program, stdout, stderr))
    }

    /// Has it end, with all of its group: at once where it does so by itself, else as it is asked to, else by force. Gives how
    /// it ended.
    fn end(&mut self, by_itself: bool) -> io::Result<Ended> {
        // It may take a moment from its last byte to its end.
        let is_gone = by_itself && self.wait(PATIENCE)?;
        let by_itself = self.status.is_some();
        if !is_gone {
            let _ = killpg(self.group, Signal::SIGTERM);
            if !self.wait(PATIENCE)? {
                let _ = killpg(self.group, Signal::SIGKILL);
            }
        }
        let status = match self.status {
            Some(status) => status,
            None => self.child.wait()?,
        };
        self.status = Some(status);
        running().remove(self.group);
        Ok(Ended { status, by_itself })
    }

    /// Waits until nobody of its group is left. There is no way to wait for a process and the time that all systems have, and
    /// none to wait for a group.
    fn wait(&mut self, patience: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_millis(1);
        loop {
            if self.status.is_none() {
                self.status = self.child.try_wait()?;
            }
            // The number goes to no other group while a process of this one is there.
            if self.status.is_some() && killpg(self.group, None).is_err() {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if running().contains(self.group) {
            let _ = killpg(self.group, Signal::SIGKILL);
            let _ = self.child.wait();
            running().remove(self.group);
        }
    }
}

#[cfg(test)]
mod tests;
