//! `cargo xtask run-server`: the server, freshly built, in the place of this process.

use crate::shell::{cargo, profile_program, require};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::process::Command;

/// Where the page of a first run is: at the first one of these that is free.
const PAGE_PORTS: RangeInclusive<u16> = 8080..=8099;

/// How the server is built here: see the profile's comment in Cargo.toml.
const PROFILE: &str = "quick";

/// A part of the server that takes time to build, and is built only for who asks for it.
struct Part {
    feature: &'static str,
    /// What an argument contains that asks for it.
    options: &'static [&'static str],
    /// How a line of a configuration file begins that asks for it.
    keys: &'static [&'static str],
    /// How a URL begins that takes it, in an argument or a configuration file.
    schemes: &'static [&'static str],
}

const PARTS: [Part; 6] = [
    Part { feature: "announce", options: &["--announce"], keys: &["announce"], schemes: &[] },
    Part { feature: "cluster", options: &["--cluster"], keys: &["cluster", "[cluster"], schemes: &[] },
    Part { feature: "lab-check", options: &["lab-check"], keys: &[], schemes: &[] },
    Part { feature: "onvif", options: &["--onvif"], keys: &["onvif"], schemes: &[] },
    Part { feature: "pcap", options: &["--pcap"], keys: &["pcap"], schemes: &[] },
    Part {
        feature: "tls",
        options: &["--tls", "--https"],
        keys: &["tls", "https"],
        schemes: &["rtsps://", "https://"],
    },
];

/// Those that take a C compiler, and minutes.
const WITH_COMPILER: [&str; 2] = ["cluster", "tls"];

/// Builds the server and becomes it, so that Ctrl-C and the exit code are the server's own.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--profile", PROFILE, "--package", "mutoscope-server", "--bin", "mutoscope-server"]);
    build.args(["--no-default-features", "--features", &features(arguments).join(",")]);
    require(&mut build)?;
    let server = profile_program(PROFILE, "mutoscope-server")?;
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

/// What the server has to be able to, for these arguments and the configuration file among them.
fn features(arguments: &[OsString]) -> Vec<&'static str> {
    let texts: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    // Helps list all options, but for those that are built with a C compiler.
    let is_help = texts.iter().any(|text| matches!(&**text, "--help" | "-h"));
    // Films among the arguments, which may be large or without an end, are not read.
    let behind = texts.windows(2).filter_map(|pair| (pair[0] == "--config").then_some(&*pair[1]));
    let paths = behind.chain(texts.iter().filter_map(|text| text.strip_prefix("--config=")));
    let file: String = paths.filter_map(|path| fs::read_to_string(path).ok()).collect();
    let is_asked = |part: &&Part| {
        let has_url = |text: &str| part.schemes.iter().any(|scheme| text.contains(scheme));
        let is_option = |text: &str| part.options.iter().any(|option| text.contains(option));
        let is_setting = |line: &str| part.keys.iter().any(|key| line.trim_start().starts_with(key));
        texts.iter().any(|text| is_option(text) || has_url(text))
            || file.lines().any(|line| is_setting(line) || has_url(line))
            || (is_help && !WITH_COMPILER.contains(&part.feature))
    };
    let parts = PARTS.iter().filter(is_asked).map(|part| part.feature);
    std::iter::once("http").chain(parts).collect()
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

    #[test]
    fn parts_are_built_for_who_asks_for_them() {
        let of = |arguments: &[&str]| features(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of(&[]), ["http"]);
        assert_eq!(of(&["movie.mjpeg", "--port", "9000"]), ["http"]);
        assert_eq!(of(&["--announce", "--pcap=all.pcap"]), ["http", "announce", "pcap"]);
        assert_eq!(of(&["door=rtsps://camera/"]), ["http", "tls"]);
        assert_eq!(of(&["--help"]), ["http", "announce", "lab-check", "onvif", "pcap"]);
        assert_eq!(of(&["lab-check", "submissions/anna"]), ["http", "lab-check"]);
        assert_eq!(of(&["--cluster-connect", "edge:7447"]), ["http", "cluster"]);
        assert_eq!(of(&["--cluster=lan", "movie.mjpeg"]), ["http", "cluster"]);
    }

    #[test]
    fn a_configuration_file_asks_as_arguments_do() {
        let file = std::env::temp_dir().join(format!("mutoscope-xtask-{}.toml", std::process::id()));
        fs::write(&file, "onvif = true\n[streams]\ndoor = \"rtsps://camera/\"\n").unwrap();
        let path = file.to_string_lossy();
        let of = |arguments: &[&str]| features(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        let found = [of(&["--config", &path]), of(&[&format!("--config={path}")]), of(&[&path])];
        assert_eq!(of(&["--config", "/dev/null", &path]), ["http"], "a film is not read");
        assert_eq!(found, [vec!["http", "onvif", "tls"], vec!["http", "onvif", "tls"], vec!["http"]]);
        for text in ["[cluster]\nconnect = [\"edge:7447\"]\n", "cluster = \"lan\"\n", "[cluster.tls]\n"] {
            fs::write(&file, text).unwrap();
            assert_eq!(of(&["--config", &path]), ["http", "cluster"], "{text}");
        }
        fs::remove_file(&file).unwrap();
    }
}
