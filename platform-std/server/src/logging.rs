//! The log of a server that serves from one thread, on standard error.

use std::io::Write;
use std::time::SystemTime;

use env_logger::{Builder, Target, WriteStyle};
use log::LevelFilter;
use mutoscope_std::console::{LogOutput, OneLine, Timestamp, stderr_takes_colours};
use mutoscope_std::input::input_of;
use mutoscope_std::server::served_peer;

/// Logs to standard error, one line per message with the time in front, and the client or the input where it is about one; coloured
/// on a terminal only. `RUST_LOG` has the last word about the level.
pub(crate) fn start(level: LevelFilter) {
    Builder::new()
        .filter_level(level)
        .target(Target::Pipe(Box::new(LogOutput::default())))
        .write_style(if stderr_takes_colours() { WriteStyle::Always } else { WriteStyle::Never })
        .parse_default_env()
        .format(|line, record| {
            let style = line.default_level_style(record.level());
            write!(line, "{} {style}{:<5}{style:#} ", Timestamp(SystemTime::now()), record.level())?;
            if let Some(peer) = served_peer() {
                write!(line, "{peer}: ")?;
            }
            if let Some(input) = input_of(record) {
                write!(line, "{}: ", OneLine(input))?;
            }
            writeln!(line, "{}", OneLine(record.args()))
        })
        .init();
}
