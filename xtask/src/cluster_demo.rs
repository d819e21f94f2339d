//! `cargo xtask cluster-demo`: three machines and two players; one machine dies, and the cable of another is cut.

use crate::packages::{IPROUTE, as_root, install_missing, root_prefix};
use crate::shell::{cargo, profile_program, require};
use anyhow::{Context, Result};
use clap::Args;
use std::process::Command;

/// How programs are built for it: as for who wants to see them run.
const PROFILE: &str = "quick";

/// Options of the command.
#[derive(Args)]
pub(crate) struct Options {
    /// No network namespaces, also where they can be had: all programs run beside each other, and no cable is cut
    #[arg(long)]
    loopback: bool,
}

/// Builds what it takes, and shows it.
pub(crate) fn run(options: &Options) -> Result<()> {
    install_missing(&[&IPROUTE]);
    let mut build = cargo();
    build.args(["build", "--profile", PROFILE, "--package", "mutoscope-server", "--package", "mutoscope-tests"]);
    build.args(["--bin", "mutoscope-server", "--bin", "cluster"]);
    require(build.args(["--features", "mutoscope-server/cluster,mutoscope-tests/cluster"]))?;
    // Ctrl-C reaches the program, too, which takes away what it made; this one waits for it.
    ctrlc::set_handler(|| ()).context("cannot handle Ctrl-C")?;
    let mut demo = Command::new(profile_program(PROFILE, "cluster")?);
    demo.arg("--demo").arg("--server").arg(profile_program(PROFILE, "mutoscope-server")?);
    if options.loopback {
        demo.arg("--loopback");
    }
    if root_prefix().is_none() {
        println!("SKIPPED network namespaces: they take root, or a sudo that asks for no password; so no cable is cut");
    }
    require(&mut as_root(&demo))
}
