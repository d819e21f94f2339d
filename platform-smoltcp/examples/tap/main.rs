//! A server on smoltcp behind a TAP device of this machine: the same clients, the same media, another TCP/IP stack.
//!
//! `cargo xtask tap-demo` makes the device, runs this and removes the device.

#[cfg(target_os = "linux")]
mod cable;
#[cfg(target_os = "linux")]
#[path = "../../tests/support/faults.rs"]
mod faults;
#[cfg(target_os = "linux")]
mod linux;

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    let outcome = linux::main();
    #[cfg(not(target_os = "linux"))]
    let outcome: anyhow::Result<()> = Err(anyhow::anyhow!("TAP devices are Linux's"));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
