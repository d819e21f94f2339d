//! `cargo xtask run-server`: the server, freshly built, in the place of this process.

use crate::shell::{cargo, release_program, require};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::process::Command;

/// Builds the release server and becomes it, so that Ctrl-C and the exit code are the server's own.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    require(cargo().args(["build", "--release", "--package", "mutoscope-server", "--bin", "mutoscope-server"]))?;
    let server = release_program("mutoscope-server")?;
    // The working directory stays the caller's: MEDIA arguments are relative to it.
    replace_process(Command::new(&server).args(arguments)).with_context(|| format!("cannot run {}", server.display()))
}

#[cfg(unix)]
fn replace_process(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(command.exec().into())
}

#[cfg(not(unix))]
fn replace_process(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    std::process::exit(status.code().unwrap_or(1));
}
