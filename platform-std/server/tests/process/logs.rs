//! The log: which lines it has, and how they look.

use super::*;

/// A line of a log in JSON, which has all that each of them has.
pub(super) fn object(line: &str) -> serde_json::Value {
    let object: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    for name in ["time", "level", "target", "message"] {
        assert!(object[name].is_string(), "{name}: {line}");
    }
    assert!(object["time"].as_str().is_some_and(|time| time.len() == 24 && time.ends_with('Z')), "{line}");
    object
}

/// All that a server logs that somebody asks for its streams.
fn log_of(launcher: &[&str], arguments: &[&str]) -> String {
    let mut server = Running::start(launcher, arguments);
    assert!(answers(&server.url()));
    server.signal("-INT");
    let (code, _, log) = server.wait();
    assert_eq!(code, Some(0));
    log
}

#[test]
fn parts_of_the_program_have_levels_of_their_own() {
    let log = log_of(&[], &["--log", "rtsp=off,media=debug"]);
    assert!(!log.contains(" is here"), "{log}");
    let log = log_of(&[], &["--log", "error", "--log", "rtsp=info"]);
    assert!(log.contains(" is here") && log.contains("stopped"), "{log}");
    // That has the last word.
    let log = log_of(&["env", "RUST_LOG=mutoscope_std::server=off"], &["--log", "rtsp=info"]);
    assert!(!log.contains(" is here"), "{log}");
    let folder = Folder::new("log-config");
    let config = folder.file_of("mutoscope.toml", b"log = [\"warn\", \"rtsp=info\"]\nlog-format = \"json\"\n");
    let log = log_of(&[], &["--config", &config]);
    assert!(log.lines().map(object).any(|line| line["message"].as_str().unwrap().contains(" is here")), "{log}");
}

#[test]
fn why_it_cannot_begin_is_told_in_the_form_that_was_asked_for() {
    let arguments = ["--log-format", "json", "/no/such/\"file\".mjpeg", "--rtsp-port", "0"];
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    let last = object(log.lines().last().unwrap());
    assert_eq!((&last["level"], output.status.code()), (&"error".into(), Some(1)));
    assert!(last["message"].as_str().unwrap().contains("/no/such/"), "{last}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_journal_is_told_how_bad_a_line_is_and_only_where_it_reads() {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;
    let log_for = |is_the_journal: bool, format: &str| {
        let (mut reader, writer) = io::pipe().unwrap();
        let pipe = fs::metadata(format!("/proc/self/fd/{}", writer.as_raw_fd())).unwrap();
        let stream = format!("{}:{}", pipe.dev(), pipe.ino() + u64::from(!is_the_journal));
        let mut command = Command::new(PROGRAM);
        command.args(["--rtsp-port", "0", "--log-format", format]).env("JOURNAL_STREAM", stream);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(writer);
        let mut server = Running(command.spawn().unwrap());
        // The writer that it holds would keep the pipe open.
        drop(command);
        assert!(answers(&server.url()));
        server.signal("-TERM");
        server.0.wait().unwrap();
        let mut log = String::new();
        reader.read_to_string(&mut log).unwrap();
        log
    };
    let log = log_for(true, "text");
    assert!(log.lines().count() > 1 && log.lines().all(|line| line.starts_with("<6>INFO ")), "{log}");
    let log = log_for(true, "json");
    log.lines().for_each(|line| _ = object(line.strip_prefix("<6>").unwrap()));
    let log = log_for(false, "text");
    assert!(log.lines().all(|line| line.starts_with("20") && line.contains("Z INFO ")), "{log}");
}
