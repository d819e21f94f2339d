//! Text for terminals and logs: lines that strangers had a hand in, and lines that would have to wait or would fill a disk.

use std::fmt::{self, Display, Write as _};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use log::LevelFilter;
use nix::poll::PollFlags;

use crate::tcp::is_ready;

pub use crate::calendar::Timestamp;

/// The number of bytes that a pipe takes without blocking if it polls as writable. POSIX asks for 512; Linux takes a page.
pub const LINE_LIMIT: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };
/// Lines that may come at once.
const BURST: u32 = 1000;
/// How often another one may come after those: ten a second are some 100 MB a day.
const LINE_INTERVAL: Duration = Duration::from_millis(100);

/// Shows what the other side may have had a hand in as one line that cannot do anything to a terminal: control characters
/// appear as escapes, and so do those that change the direction of text.
#[derive(Clone, Copy, Debug)]
pub struct OneLine<T>(pub T);

impl<T: Display> Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);
        impl fmt::Write for Escaping<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|c| match c {
                    '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                        write!(self.0, "{}", c.escape_unicode())
                    }
                    c if c.is_control() => write!(self.0, "{}", c.escape_default()),
                    c => self.0.write_char(c),
                })
            }
        }
        write!(Escaping(f), "{}", self.0)
    }
}

/// Whether lines on standard error may be coloured: on a terminal, unless the user wants none (<https://no-color.org>).
pub fn stderr_takes_colours() -> bool {
    io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_some_and(|terminal| terminal != "dumb")
}

/// How many lines may still come.
#[derive(Debug)]
struct Budget {
    lines: u32,
    /// Up to when lines have been added.
    since: Instant,
}

impl Default for Budget {
    fn default() -> Self {
        Self { lines: BURST, since: Instant::now() }
    }
}

impl Budget {
    /// Whether one may come now.
    fn take(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.since).as_millis() / LINE_INTERVAL.as_millis();
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        self.since += LINE_INTERVAL.saturating_mul(earned);
        self.lines = self.lines.saturating_add(earned).min(BURST);
        let may = self.lines > 0;
        self.lines = self.lines.saturating_sub(1);
        may
    }
}

/// Writes whole lines to standard error, or leaves them out and later says how many. A logger that writes to it never blocks.
///
/// Lines for which there is no room at once are left out: a log that nobody reads must not stop the pictures. So are lines
/// beyond some hundred a minute, unless [`log::max_level`] says that everything is wanted: strangers who knock on and on
/// must not fill a disk. A line of its own says how many are missing.
#[derive(Debug)]
pub struct LogOutput {
    lost: u64,
    budget: Budget,
    /// `None`: the level decides.
    is_limited: Option<bool>,
    notice: fn(u64) -> String,
}

impl Default for LogOutput {
    fn default() -> Self {
        let notice = |lost| format!("({})\n", missing(lost));
        Self { lost: 0, budget: Budget::default(), is_limited: None, notice }
    }
}

/// That so many lines of a log are missing, in words.
pub fn missing(lines: u64) -> String {
    format!("{lines} lines of the log are missing here: too many, or nobody took them")
}

impl LogOutput {
    /// `notice` makes the line, with its end, that says how many are missing. Where it `is_limited`, further lines are left out
    /// whatever the level is.
    pub fn new(is_limited: bool, notice: fn(u64) -> String) -> Self {
        Self { is_limited: Some(is_limited), notice, ..Self::default() }
    }

    /// Whether a line can be written at once. Where that cannot be asked, the write will tell.
    fn has_room() -> bool {
        is_ready(io::stderr().as_fd(), PollFlags::POLLOUT, Duration::ZERO).unwrap_or(true)
    }
}

impl Write for LogOutput {
    /// Takes one line; what is too long for one write is cut.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let is_limited = self.is_limited.unwrap_or_else(|| log::max_level() <= LevelFilter::Info);
        if !Self::has_room() || is_limited && !self.budget.take(Instant::now()) {
            self.lost += 1;
            return Ok(line.len());
        }
        if self.lost > 0 {
            let lost = std::mem::take(&mut self.lost);
            // A pipe that had room for a line may not have it for two.
            io::stderr().write_all((self.notice)(lost).as_bytes())?;
            if !Self::has_room() {
                self.lost = 1;
                return Ok(line.len());
            }
        }
        if let Some(part) = line.get(..LINE_LIMIT - 1) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_strangers_say_does_anything_to_a_terminal() {
        let hostile = "a\n\x1b[31mé\t\u{9b}2J\u{202e}gnp.\u{2028}\\ \"ok\"\0";
        let shown = OneLine(format_args!("{hostile} {}", 7)).to_string();
        assert_eq!(shown, r#"a\n\u{1b}[31mé\t\u{9b}2J\u{202e}gnp.\u{2028}\ "ok"\u{0} 7"#);
    }

    #[test]
    fn a_flood_of_lines_is_cut_to_a_trickle_and_calm_makes_up_for_it() {
        let begin = Instant::now();
        let mut budget = Budget { lines: BURST, since: begin };
        let mut taken = |from: u64, millis: u64| {
            (from..from + millis).filter(|&at| budget.take(begin + Duration::from_millis(at))).count()
        };
        // A line each millisecond: the burst, and what is earned meanwhile.
        assert_eq!(taken(0, 10_000), 1000 + 99);
        assert_eq!(taken(10_000, 60_000), 600);
        // An hour of silence is worth no more than one burst.
        assert_eq!(taken(3_670_000, 10_000), 1000 + 99);
    }

    #[test]
    fn names_cannot_command_a_terminal_or_make_lines_of_their_own() {
        for (text, shown) in [
            ("a b ü 漢 \\.mjpeg", "a b ü 漢 \\.mjpeg"),
            ("\u{1b}]0;title\u{7}.mjpeg", "\\u{1b}]0;title\\u{7}.mjpeg"),
            ("one\ntwo\r\t\u{9b}31m\u{7f}", "one\\ntwo\\r\\t\\u{9b}31m\\u{7f}"),
        ] {
            assert_eq!(OneLine(text).to_string(), shown);
        }
    }
}
