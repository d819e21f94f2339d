//! Programs that write pictures to their standard output.

use std::fmt;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{ChildStderr, ChildStdout, Command};
use std::time::Duration;

use nix::poll::PollFlags;

use super::Input;
use super::error::InputError;
use super::feeder::Feeder;
use super::lines::Lines;
use super::program::{Ended, Program, ending};
use super::publisher::Publisher;
use super::redact::Secrets;
use super::stop::{Stop, Woken};
use crate::tcp::is_ready;

/// What is still read of standard error when a program has ended.
const LAST_WORDS: usize = 16 * 1024;

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
        let (program, arguments) =
            self.words.split_first().ok_or_else(|| InputError::last("there is no program to run"))?;
        let mut command = Command::new(program);
        command.args(arguments);
        let (mut program, mut stdout, stderr) = Program::start(command)?;
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

#[cfg(test)]
mod tests;
