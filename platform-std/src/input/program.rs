//! Programs that run for us, each in a process group of its own, which ends with it and with this process.

mod guardian;

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::error::InputError;
use guardian::Groups;

/// How long a program may take to end when it is asked to, before it is killed.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process groups of the programs that run.
static RUNNING: Mutex<Groups> = Mutex::new(Groups::new());

fn running() -> MutexGuard<'static, Groups> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills all programs that inputs and hooks have started, for a process that is about to end without dropping its
/// [`Supervisor`](super::Supervisor).
pub fn kill_programs() {
    running().kill_all();
}

/// How a program ended, as a sentence.
pub(crate) fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "the program has ended".to_owned(),
        (Some(code), _) => format!("the program has failed with status {code}"),
        (None, Some(signal)) => format!("the program was ended by signal {signal}"),
        (None, None) => "the program has ended somehow".to_owned(),
    }
}

/// How a program ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Nobody had to tell it to.
    pub(crate) by_itself: bool,
}

/// Variables of a service manager, for the program that it has started alone.
const MANAGER: [&str; 6] =
    ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// A program that runs. Dropping it kills it, and all of its process group.
pub(crate) struct Program {
    child: Child,
    group: Pid,
    /// How it ended.
    status: Option<ExitStatus>,
}

impl Program {
    /// Starts it; what it writes can be read.
    pub(crate) fn start(mut command: Command) -> Result<(Self, ChildStdout, ChildStderr), InputError> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
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
    pub(crate) fn end(&mut self, by_itself: bool) -> io::Result<Ended> {
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
