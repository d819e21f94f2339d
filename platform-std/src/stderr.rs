//! Standard error for the log of a server that serves from one thread: lines that would have to wait are left out.
//!
//! A pipe that nobody reads (a parent process that only waits, a pager) and a terminal that was stopped with Ctrl-S both
//! fill up; a write to them then blocks, and with it every viewer.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::PollFlags;

use crate::tcp::is_ready;

/// What a pipe that polls as writable takes without blocking, on every system (POSIX asks for 512).
const LINE_LIMIT: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// Writes whole lines to standard error, or leaves them out and later says how many.
#[derive(Debug, Default)]
pub(crate) struct Stderr {
    lost: u64,
}

impl Stderr {
    /// Whether lines may be coloured: on a terminal, unless the user wants none (<https://no-color.org>).
    pub(crate) fn takes_colours() -> bool {
        io::stderr().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_some_and(|terminal| terminal != "dumb")
    }

    /// Whether a line can be written at once. Where that cannot be asked, the write will tell.
    fn has_room() -> bool {
        is_ready(io::stderr().as_fd(), PollFlags::POLLOUT, Duration::ZERO).unwrap_or(true)
    }
}

impl Write for Stderr {
    /// Takes one line; what is too long for one write is cut.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lost > 0 && Self::has_room() {
            writeln!(io::stderr(), "({} lines of the log are missing here: nobody took them)", self.lost)?;
            self.lost = 0;
        }
        if !Self::has_room() {
            self.lost += 1;
        } else if let Some(part) = line.get(..LINE_LIMIT - 1) {
            io::stderr().write_all(&[part, b"\n"].concat())?;
        } else {
            io::stderr().write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
