//! What a program says on standard error, in our log.

use std::time::Instant;

use super::redact::Secrets;
use super::throttle::Throttle;

/// Longer lines are cut.
const MAX_LINE: usize = 400;
/// Lines a second that the log has room for, and at once: programs like to say how they fare many times a second.
const MAX_RATE: f64 = 0.2;
const MAX_BURST: f64 = 20.0;

/// Puts a program's lines into the log, some of them.
pub(super) struct Lines<'a> {
    name: &'a str,
    secrets: &'a Secrets,
    line: Vec<u8>,
    last: String,
    throttle: Throttle,
    is_short: bool,
}

impl<'a> Lines<'a> {
    /// Lines of the input `name`; `secrets` are kept out of the log.
    pub(super) fn new(name: &'a str, secrets: &'a Secrets) -> Self {
        let throttle = Throttle::new(MAX_RATE, MAX_BURST);
        Self { name, secrets, line: Vec::new(), last: String::new(), throttle, is_short: false }
    }

    pub(super) fn handle_input(&mut self, bytes: &[u8]) {
        for byte in bytes {
            // Some draw over the last line instead of beginning another one.
            if matches!(byte, b'\n' | b'\r') {
                self.end_line();
            } else if self.line.len() < MAX_LINE {
                self.line.push(*byte);
            }
        }
    }

    /// The program has ended. Gives the last line that it said.
    pub(super) fn handle_end(&mut self) -> Option<&str> {
        self.end_line();
        Some(self.last.as_str()).filter(|last| !last.is_empty())
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        let line = self.secrets.hide(line.trim());
        self.line.clear();
        if line.is_empty() {
            return;
        }
        let name = self.name;
        if self.throttle.try_spend(Instant::now(), 1.0) {
            log::info!("{name} says: {line}");
        } else {
            if !std::mem::replace(&mut self.is_short, true) {
                log::info!("{name} says more than the log has room for; -v shows all of it");
            }
            log::debug!("{name} says: {line}");
        }
        self.last = line;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_any_way_are_bounded_and_hold_no_secrets() {
        let mut secrets = Secrets::default();
        secrets.add("geheim", "${P}");
        let mut lines = Lines::new("cam", &secrets);
        for (bytes, last) in [
            (&b""[..], None),
            (b"Input #0, rtsp://u:p", None),
            (b"w@cam/geheim\r\n\r\n", Some("Input #0, rtsp://cam/${P}")),
            (b"frame=1\rframe=2", Some("frame=1")),
            (b"\n\xff\n", Some("\u{fffd}")),
        ] {
            lines.handle_input(bytes);
            assert_eq!(Some(lines.last.as_str()).filter(|last| !last.is_empty()), last);
        }
        lines.handle_input(&vec![b'x'; 100_000]);
        assert_eq!(lines.handle_end().map(str::len), Some(MAX_LINE));
    }
}
