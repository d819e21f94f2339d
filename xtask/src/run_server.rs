//! `cargo xtask run-server`: the server, freshly built, in the place of this process.

use crate::shell::{cargo, release_program, require};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::process::Command;

/// Where the page of a first run is: at the first one of these that is free.
const PAGE_PORTS: RangeInclusive<u16> = 8080..=8099;

/// Builds the release server and becomes it, so that Ctrl-C and the exit code are the server's own.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--release", "--package", "mutoscope-server", "--bin", "mutoscope-server"]);
    if needs_tls(arguments) {
        build.args(["--features", "tls"]);
    }
    require(&mut build)?;
    let server = release_program("mutoscope-server")?;
    // The working directory stays the caller's: MEDIA arguments are relative to it.
    replace_process(Command::new(&server).args(arguments).args(page(arguments)))
        .with_context(|| format!("cannot run {}", server.display()))
}

/// What a first run gets beside the streams: a page that shows them.
fn page(arguments: &[OsString]) -> Option<String> {
    let port = arguments.is_empty().then(|| free_port(PAGE_PORTS))??;
    Some(format!("--http={port}"))
}

/// The first of these that nobody on this machine listens at.
fn free_port(mut ports: RangeInclusive<u16>) -> Option<u16> {
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}

/// Whether the arguments, or the configuration file among them, ask for what takes TLS: to build that costs time, and a C compiler.
fn needs_tls(arguments: &[OsString]) -> bool {
    let is_asked = |text: &str| {
        text.contains("--tls") || text.contains("--https") || text.contains("rtsps://") || text.contains("https://")
    };
    let texts = arguments.iter().map(|argument| argument.to_string_lossy());
    let files = texts.clone().filter_map(|text| fs::read_to_string(text.trim_start_matches("--config=")).ok());
    let is_set = |text: String| {
        is_asked(&text)
            || text.lines().any(|line| line.trim_start().starts_with("tls") || line.trim_start().starts_with("https"))
    };
    texts.clone().any(|text| is_asked(&text)) || files.filter(|_| arguments.iter().any(is_config)).any(is_set)
}

fn is_config(argument: &OsString) -> bool {
    argument.to_string_lossy().starts_with("--config")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_run_has_a_page_at_a_port_that_is_free() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_eq!(free_port(port..=port), None);
        assert!(free_port(port..=u16::MAX).is_none_or(|free| free > port));
        assert!(page(&[]).is_none_or(|argument| argument.starts_with("--http=80")));
        assert_eq!(page(&["movie.mjpeg".into()]), None);
    }
}
