//! `cargo xtask run-firmware`: the bare-metal image on QEMU's `lm3s6965evb`, reachable from this machine.
//!
//! [`machine`] starts QEMU and reads the image's log; [`checks`] and [`hostile`] play, flood and torment it, and
//! [`guarded`] plays the images that not everybody may watch, which is a step of `cargo xtask test`.

mod checks;
mod guarded;
mod hostile;
mod machine;
mod rtsp;
mod viewer;

use crate::packages::QEMU;
use crate::shell::{require, root};
use crate::sizes::{Image, read_elf};
use crate::toolchain::{add_target, host};
use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
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
    /// What to build in: `digest` asks for the user and the password that FIRMWARE_USER and FIRMWARE_PASSWORD hold while it
    /// is built, `srtp` encrypts the pictures
    #[arg(long, value_delimiter = ',')]
    features: Vec<Feature>,
    /// Do not keep running: play, flood and torment it, on free ports
    #[arg(long, conflicts_with = "features")]
    check: bool,
    /// With --check: seconds of playing without a gap
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

/// A feature of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Feature {
    Digest,
    Srtp,
}

impl Feature {
    fn name(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Srtp => "srtp",
        }
    }
}

/// Who may watch.
#[derive(Clone, Copy)]
struct User {
    name: &'static str,
    password: &'static str,
}

/// The variables that the image takes them from.
const USER: [&str; 2] = ["FIRMWARE_USER", "FIRMWARE_PASSWORD"];

/// Builds the image and runs it until Ctrl-C; `false` where a check failed.
pub(crate) fn run(options: &Options) -> Result<bool> {
    ensure!(QEMU.missing().is_none(), "{}", QEMU.missing().unwrap_or_default());
    if options.check {
        check(Duration::from_secs(options.seconds.into()))?;
        return Ok(true);
    }
    if options.features.contains(&Feature::Digest) {
        for variable in USER {
            ensure!(std::env::var_os(variable).is_some(), "{variable} is not set: who may watch is built in");
        }
    }
    let programs = build_for(&options.features, None)?;
    println!("{}", programs.sizes()?);
    let ports = Ports { rtsp: options.port, rtp: options.rtp_port };
    let mut machine = Machine::start(&programs, ports, &options.frame_rate, options.pcap.as_deref())?;
    let url = machine.url();
    println!("\n{url}\n");
    let players = [
        format!("ffplay -probesize 32 -fflags nobuffer -flags low_delay {url}"),
        format!("ffplay -probesize 32 -fflags nobuffer -flags low_delay -rtsp_transport tcp {url}"),
        format!("gst-launch-1.0 rtspsrc location={url} latency=50 ! rtpjpegdepay ! jpegdec ! autovideosink"),
        format!("vlc --network-caching=100 {url}"),
    ];
    // The others read no key in a description.
    let count = if options.features.contains(&Feature::Srtp) { 2 } else { players.len() };
    for player in players.iter().take(count) {
        println!("  {player}");
    }
    if options.features.contains(&Feature::Digest) {
        println!("\nThe URL takes user and password: rtsp://USER:PASSWORD@…");
    }
    println!("\nTwo viewers at once. Ctrl-C ends it.\n");
    machine.on_interrupt_stop()?;
    machine.print_log_until_end()?;
    Ok(true)
}

/// Plays the image for so long, and all the other trials.
pub(crate) fn check(duration: Duration) -> Result<()> {
    checks::check(duration)?;
    guarded::check()
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

/// The figures in the cells of the README's table row that begins with `row`.
fn promised(row: &str) -> Result<Vec<u64>> {
    let text = std::fs::read_to_string(root().join("platform-smoltcp/firmware/README.md"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("| ")?.strip_prefix(row));
    let line = line.with_context(|| format!("platform-smoltcp/firmware/README.md has no row {row:?}"))?;
    let figures: Vec<u64> = line.split('|').filter_map(|cell| cell.trim().replace(',', "").parse().ok()).collect();
    ensure!(!figures.is_empty(), "no number in the row {row:?}");
    Ok(figures)
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

/// Builds all images, or finds them built.
pub(crate) fn build_all() -> Result<()> {
    build()?;
    guarded::build().map(drop)
}

fn build() -> Result<Programs> {
    build_for(&[], None)
}

/// Builds the image with these features; where `user` says nothing else, for the user of our own environment.
fn build_for(features: &[Feature], user: Option<User>) -> Result<Programs> {
    add_target(TARGET)?;
    let target_dir = crate::shell::target_dir()?.join("firmware");
    let host = host()?;
    let names: Vec<_> = features.iter().map(|feature| feature.name()).collect();
    let image: Vec<_> = ["image"].into_iter().chain(names.iter().copied()).collect();
    let mut command = cargo(&target_dir);
    command.args(["build", "--quiet", "--locked", "--release", "--features", &names.join(",")]);
    command.envs(user.iter().flat_map(|user| USER.into_iter().zip([user.name, user.password])));
    require(&mut command)?;
    require(cargo(&target_dir).args(["build", "--quiet", "--locked", "--package", "decode", "--target", &host]))?;
    let built = target_dir.join(TARGET).join("release/firmware");
    // The next one has the same name.
    let image = built.with_file_name(image.join("+"));
    std::fs::copy(&built, &image).with_context(|| format!("cannot copy {}", built.display()))?;
    Ok(Programs {
        image,
        decode: target_dir.join(host).join("debug").join(format!("decode{}", std::env::consts::EXE_SUFFIX)),
    })
}

/// Formatting and lints of the firmware's workspace, which the main one does not see.
pub(crate) fn lint() -> Result<()> {
    add_target(TARGET)?;
    let target_dir = crate::shell::target_dir()?.join("firmware");
    require(cargo(&target_dir).args(["fmt", "--all", "--check"]))?;
    // With each feature alone it is built.
    for features in ["", "digest,srtp"] {
        let mut command = cargo(&target_dir);
        command.args(["clippy", "--quiet", "--locked", "--features", features, "--", "-D", "warnings"]);
        require(command.envs(USER.map(|variable| (variable, "nobody"))))?;
    }
    let decode = ["clippy", "--quiet", "--locked", "--package", "decode", "--target", &host()?, "--", "-D", "warnings"];
    require(cargo(&target_dir).args(decode))
}
