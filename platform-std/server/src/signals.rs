//! Ctrl-C and the other signals that end a program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use mutoscope_std::input::kill_programs;
use mutoscope_std::server::StopHandle;
use nix::sys::signal::{SigSet, Signal};

use crate::systemd::Manager;

/// The first Ctrl-C stops the server, a second one does not wait for clients any more. While `serving` is not set, the first
/// one ends the program at once.
pub(crate) fn handle_ctrl_c(stop: StopHandle, serving: Arc<AtomicBool>, manager: Manager) -> Result<()> {
    if is_ignored(Signal::SIGHUP) {
        // Started by nohup: the handler below would end the server with its terminal after all. The handler's thread
        // inherits what is blocked.
        let blocked = SigSet::from(Signal::SIGHUP).thread_block();
        blocked.context("cannot block the hang-up signal")?;
    }
    let handler = move || {
        if stop.is_stopping() {
            kill_programs();
            std::process::exit(130);
        }
        stop.stop();
        manager.stopping();
        // There is no client to say BYE to, and nothing looks at the request while files are being indexed.
        if !serving.load(Ordering::Acquire) {
            kill_programs();
            std::process::exit(0);
        }
    };
    ctrlc::set_handler(handler).context("cannot handle Ctrl-C")
}

/// Hang-up signals, which ask for the configuration to be read again.
pub(crate) struct HangUps(SigSet);

/// Keeps hang-up signals from ending the program. Threads that are started later keep them away too.
pub(crate) fn block_hang_ups() -> Result<HangUps> {
    let signals = SigSet::from(Signal::SIGHUP);
    signals.thread_block().context("cannot block the hang-up signal")?;
    Ok(HangUps(signals))
}

impl HangUps {
    /// Calls `handle` for each of them, on a thread of its own.
    pub(crate) fn handle(self, mut handle: impl FnMut() + Send + 'static) -> Result<()> {
        let wait = move || {
            while self.0.wait().is_ok() {
                handle();
            }
        };
        thread::Builder::new().name("configuration".to_owned()).spawn(wait).context("cannot start a thread")?;
        Ok(())
    }
}

/// Whether the program was started with `signal` ignored. Known only where there is `/proc`.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal as u32 - 1) & 1 == 1
}
