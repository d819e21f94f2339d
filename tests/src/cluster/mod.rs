//! Several machines with cameras, edges and players: what happens to pictures when one dies, when a cable is cut, when a network is
//! narrow, and when a node lies. The step of the tests, the demonstration and the measurements are made of the same scenes.

pub mod bare;
pub mod events;
pub mod liar;
pub mod measure;
pub mod network;
pub mod nodes;
pub mod scenes;
pub mod viewer;

use crate::process::Scratch;
use anyhow::{Result, bail};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Somebody wants this program to end.
static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Everything ends as soon as it can, and takes away what it made.
pub fn interrupt() {
    IS_INTERRUPTED.store(true, Ordering::Relaxed);
}

/// Waits, unless all is to end.
pub fn pause(duration: Duration) -> Result<()> {
    let end = Instant::now() + duration;
    loop {
        if IS_INTERRUPTED.load(Ordering::Relaxed) {
            bail!("interrupted");
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

/// What all scenes need.
#[derive(Debug)]
pub struct Stage {
    /// The server's program, with the feature `cluster`.
    pub program: PathBuf,
    /// Machines are namespaces.
    pub namespaces: bool,
    /// For FIFOs.
    pub scratch: Scratch,
    /// Says what happens, as it happens.
    pub tells: bool,
}

impl Stage {
    /// Says what happens.
    #[allow(clippy::print_stdout, reason = "it is for people who look on")]
    pub fn tell(&self, what: impl fmt::Display) {
        if self.tells {
            println!("{what}");
        }
    }
}

/// What was measured, beside what it has to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What it has to be.
    pub target: String,
    /// What it was.
    pub measured: String,
    /// Whether that is so.
    pub reached: bool,
}

impl Row {
    /// A time that may be so long at most.
    pub fn time(what: impl Into<String>, most: Duration, found: Duration) -> Self {
        let millis = |duration: Duration| format!("{:.0} ms", duration.as_secs_f64() * 1e3);
        let target = format!("<= {}", millis(most));
        Self { what: what.into(), target, measured: millis(found), reached: found <= most }
    }

    /// A number that may be so large at most.
    pub fn count(what: impl Into<String>, most: usize, found: usize) -> Self {
        let target = if most == 0 { "0".to_owned() } else { format!("<= {most}") };
        Self { what: what.into(), target, measured: found.to_string(), reached: found <= most }
    }

    /// Something that is so, or is not.
    pub fn fact(what: impl Into<String>, is_so: bool) -> Self {
        let measured = if is_so { "yes" } else { "no" };
        Self { what: what.into(), target: "yes".into(), measured: measured.into(), reached: is_so }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, target, measured, reached } = self;
        write!(f, "| {what} | {target} | {measured} | {} |", if *reached { "yes" } else { "NO" })
    }
}

/// The head of a table of [`Row`]s.
pub const HEAD: &str = "| what | target | measured | reached |\n|---|---:|---:|---|";
