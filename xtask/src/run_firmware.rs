//! `cargo xtask run-firmware`: the bare-metal image on QEMU's `lm3s6965evb`, reachable from this machine.
//!
//! [`machine`] starts QEMU and reads the image's log; [`checks`] and [`hostile`] play, flood and torment it, which is a step
//! of `cargo xtask test`.

mod checks;
mod hostile;
mod machine;
mod rtsp;
mod viewer;

use crate::packages::QEMU;
use crate::shell::{require, root};
use crate::sizes::{Image, read_elf};
use crate::toolchain::{add_target, host};
use anyhow::{Context, Result, ensure};
pub(crate) use checks::check;
use clap::Args;
use machine::{Machine, Ports};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The processor of the image.
pub(crate) const TARGET: &str = "thumbv7m-none-eabi";

/// The memory of the machine in bytes.
const FLASH: u64 = 256 * 1024;
const RAM: u64 = 64 * 1024;

/// Options of the command.
#[derive(Args, Clone)]
pub(crate) struct Options {
    /// RTSP port on this machine
    #[arg(long, default_value_t = 8554, env = "RTSP_PORT")]
    port: u16,
    /// RTP port on this machine, even; RTCP has the next one
    #[arg(long, default_value_t = 6970)]
    rtp_port: u16,
    /// Pictures per second
    #[arg(long, default_value = "15", env = "FRAME_RATE")]
    frame_rate: String,
    /// Write what passes the Ethernet controller to this file
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Do not keep running: play, flood and torment it, on free ports
    #[arg(long)]
    check: bool,
    /// With --check: seconds of playing without a gap
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

/// Builds the image and runs it until Ctrl-C; `false` where a check failed.
pub(crate) fn run(options: &Options) -> Result<bool> {
    ensure!(QEMU.missing().is_none(), "{}", QEMU.missing().unwrap_or_default());
    if options.check {
        check(Duration::from_secs(options.seconds.into()))?;
        return Ok(true);
    }
    let programs = build()?;
    println!("{}", programs.sizes()?);
    let ports = Ports { rtsp: options.port, rtp: options.rtp_port };
    let mut machine = Machine::start(&programs, ports, &options.frame_rate, options.pcap.as_deref())?;
    let url = machine.url();
    println!("\n{url}\n");
    for player in [
        format!("ffplay -probesize 32 -fflags nobuffer -flags low_delay {url}"),
        format!("ffplay -probesize 32 -fflags nobuffer -flags low_delay -rtsp_transport tcp {url}"),
        format!("gst-launch-1.0 rtspsrc location={url} latency=50 ! rtpjpegdepay ! jpegdec ! autovideosink"),
        format!("vlc --network-caching=100 {url}"),
    ] {
        println!("  {player}");
    }
    println!("\nTwo viewers at once. Ctrl-C ends it.\n");
    machine.on_interrupt_stop()?;
    machine.print_log_until_end()?;
    Ok(true)
}

/// The programs that were built.
pub(crate) struct Programs {
    image: PathBuf,
    decode: PathBuf,
}

impl Programs {
    fn image(&self) -> Result<Image> {
        read_elf(&std::fs::read(&self.image)?)
    }

    fn sizes(&self) -> Result<String> {
        let Image { flash, ram } = self.image()?;
        Ok(format!("flash: {flash} of {FLASH} bytes, static RAM: {ram} of {RAM}, left for the stack: {}", RAM - ram))
    }
}

/// The figure in the last cell of the README's table row that begins with `row`.
fn promised(row: &str) -> Result<u64> {
    let text = std::fs::read_to_string(root().join("platform-smoltcp/firmware/README.md"))?;
    let line = text.lines().find(|line| line.starts_with(&format!("| {row}")));
    let cell = line.and_then(|line| line.trim_end_matches([' ', '|']).rsplit('|').next());
    let cell = cell.with_context(|| format!("platform-smoltcp/firmware/README.md has no row {row:?}"))?;
    cell.trim().replace(',', "").parse().with_context(|| format!("no number in the row {row:?}"))
}

/// The folder of the firmware's workspace.
fn folder() -> PathBuf {
    root().join("platform-smoltcp/firmware")
}

/// A cargo that works on the firmware's workspace, with that workspace's configuration.
fn cargo(target_dir: &Path) -> Command {
    let mut command = crate::shell::cargo();
    command.current_dir(folder()).env("CARGO_TARGET_DIR", target_dir);
    command
}

pub(crate) fn build() -> Result<Programs> {
    add_target(TARGET)?;
    let target_dir = crate::shell::target_dir()?.join("firmware");
    let host = host()?;
    require(cargo(&target_dir).args(["build", "--quiet", "--locked", "--release"]))?;
    require(cargo(&target_dir).args(["build", "--quiet", "--locked", "--package", "decode", "--target", &host]))?;
    Ok(Programs {
        image: target_dir.join(TARGET).join("release/firmware"),
        decode: target_dir.join(host).join("debug").join(format!("decode{}", std::env::consts::EXE_SUFFIX)),
    })
}

/// Formatting and lints of the firmware's workspace, which the main one does not see.
pub(crate) fn lint() -> Result<()> {
    add_target(TARGET)?;
    let target_dir = crate::shell::target_dir()?.join("firmware");
    require(cargo(&target_dir).args(["fmt", "--all", "--check"]))?;
    require(cargo(&target_dir).args(["clippy", "--quiet", "--locked", "--", "-D", "warnings"]))?;
    let decode = ["clippy", "--quiet", "--locked", "--package", "decode", "--target", &host()?, "--", "-D", "warnings"];
    require(cargo(&target_dir).args(decode))
}
