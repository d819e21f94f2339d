//! `--tls`: what the program makes, prints and reads again; and what it says where TLS was left out.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

struct Running {
    child: Child,
    state: PathBuf,
}

impl Running {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let state = std::env::temp_dir().join(format!("mutoscope-{name}-{}", std::process::id()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_mutoscope-server"));
        command.args(["--rtsp-port", "0", "--tls-port", "0"]).args(arguments).env("STATE_DIRECTORY", &state);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { child: command.spawn().unwrap(), state }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.state);
    }
}

#[cfg(feature = "tls")]
#[test]
fn a_certificate_is_made_and_read_again_when_it_was_replaced() {
    use std::io::{BufRead, BufReader};
    use std::os::unix::fs::MetadataExt;
    let (mut first, mut other) =
        (Running::start("tls-first", &["--tls"]), Running::start("tls-other", &["--tls-only"]));
    let urls = |running: &mut Running, count: usize| -> Vec<String> {
        let lines = BufReader::new(running.child.stdout.as_mut().unwrap()).lines();
        lines.take(count).map(|line| line.unwrap().split("://").next().unwrap().to_owned()).collect()
    };
    assert_eq!(urls(&mut first, 4), ["rtsp", "rtsps", "rtsp", "rtsps"]);
    assert_eq!(urls(&mut other, 2), ["rtsps", "rtsps"]);
    let mut log = BufReader::new(first.child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut fingerprint = |words: &str| {
        let line = log.find(|line| line.contains(words)).unwrap();
        line.rsplit(' ').next().unwrap().to_owned()
    };
    let before = fingerprint("TLS shows our own certificate");
    assert_eq!(before.len(), 95, "{before}");
    assert_eq!(fs::metadata(first.state.join("tls/key.pem")).unwrap().mode() & 0o777, 0o600);
    for name in ["key.pem", "certificate.pem"] {
        fs::copy(other.state.join("tls").join(name), first.state.join("tls").join(name)).unwrap();
    }
    let id = first.child.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    assert_ne!(fingerprint("the certificate was read again; its SHA-256 fingerprint"), before);
}

#[cfg(feature = "tls")]
#[test]
fn the_page_has_the_same_certificate() {
    use std::io::{BufRead, BufReader};
    let mut server = Running::start("tls-web", &["--tls", "--https", "0"]);
    let mut lines = BufReader::new(server.child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let page = lines.find(|line| line.starts_with("https://")).unwrap();
    let mut log = BufReader::new(server.child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let line = log.find(|line| line.contains("fingerprint")).unwrap();
    let check = |fingerprint: &str| {
        let input = format!("card={page}testcard.mjpg#tls-pin={}", fingerprint.replace(':', ""));
        let mut command = Command::new(env!("CARGO_BIN_EXE_mutoscope-server"));
        command.args(["--check", &input]).output().unwrap()
    };
    let fingerprint = line.rsplit(' ').next().unwrap();
    let report = check(fingerprint);
    assert!(report.status.success(), "{report:?}");
    assert!(!check(&fingerprint.replace(|digit| "0123456789".contains(digit), "A")).status.success());
}

#[test]
fn what_is_missing_is_told_before_anything_is_served() {
    let said = |arguments: &[&str]| {
        let mut running = Running::start("tls-missing", arguments);
        let mut text = String::new();
        running.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(running.child.wait().unwrap().code(), Some(1), "{text}");
        text
    };
    assert!(said(&["--tls-cert", "none.pem"]).contains("--tls-cert needs its key: --tls-key FILE"));
    let missing = said(&["--tls-cert", "none.pem", "--tls-key", "none.key"]);
    let expected = if cfg!(feature = "tls") { "cannot read none.pem" } else { "--features tls builds it in" };
    assert!(missing.contains(expected), "{missing}");
}
