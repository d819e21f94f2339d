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

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("TAP devices are Linux's")
}
