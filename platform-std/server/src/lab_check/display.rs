//! A display for windows: one of our own that nobody sees, the one that is there, or none.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use super::child::{Frame, Running};
use super::keeper::Limits;

/// How long Xvfb may take.
const START: Duration = Duration::from_secs(20);

/// Where a client's window opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Where {
    /// In Xvfb, where it is installed; else on the display that is there; else nowhere
    Auto,
    /// In Xvfb
    Xvfb,
    /// On the display that is there: one sees it work
    Here,
    /// Nowhere: a stand-in for tkinter draws nothing
    None,
}

/// A display while it is needed.
#[derive(Debug)]
pub(super) struct Display {
    /// The variable DISPLAY.
    pub(super) name: Option<OsString>,
    _xvfb: Option<Running>,
}

impl Display {
    /// For programs without a window.
    pub(super) fn none() -> Self {
        Self { name: None, _xvfb: None }
    }

    /// Opens one, or says why not.
    pub(super) fn open(wanted: Where, folder: &Path) -> Result<Self, &'static str> {
        let here = || std::env::var_os("DISPLAY").filter(|name| !name.is_empty());
        match wanted {
            Where::None => Ok(Self::none()),
            Where::Here => here().map(|name| Self { name: Some(name), _xvfb: None }).ok_or("DISPLAY names no display"),
            Where::Xvfb => Self::xvfb(folder).ok_or("Xvfb does not start; on Debian it is in the package xvfb"),
            Where::Auto => Ok(Self::xvfb(folder).unwrap_or(Self { name: here(), _xvfb: None })),
        }
    }

    fn xvfb(folder: &Path) -> Option<Self> {
        let limits = Limits { seconds: 3600, memory: 0, processes: 16, file: 1 << 30, folder: u64::MAX };
        let frame = Frame { limits, output: 1 << 20, folder: folder.to_owned(), variables: Vec::new() };
        let words = ["Xvfb", "-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp"].map(OsString::from);
        let mut xvfb = Running::start(&words, &frame).ok()?;
        let deadline = Instant::now() + START;
        loop {
            // It writes its number when it is ready.
            if let Some(number) = number(&xvfb.output()) {
                return Some(Self { name: Some(format!(":{number}").into()), _xvfb: Some(xvfb) });
            }
            if !xvfb.is_running() || Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The line that is a number, among complaints of what could not be had.
fn number(output: &str) -> Option<u32> {
    let mut whole = output.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.find_map(|line| line.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_is_found_among_complaints() {
        assert_eq!(number("_XSERVTransMakeAllCOTSServerListeners: server already running\n12\n"), Some(12));
        assert_eq!(number("1"), None);
        assert_eq!(number("no\n"), None);
    }
}
