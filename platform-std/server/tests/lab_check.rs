//! `lab-check` with programs of the lab that were written for it: good ones, and ones that do one thing wrong, each of which is found by
//! the requirement that is meant, and by no other.
#![cfg(feature = "lab-check")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
#[cfg(target_os = "linux")]
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use nix::sys::signal::{Signal, killpg};
#[cfg(target_os = "linux")]
use nix::unistd::Pid;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mutoscope-server");
/// So many checks run beside each other: most of the time they wait.
const BESIDE: usize = 24;

/// Where `python3` is a script that looks for it, that takes as long as a check.
static PYTHON: LazyLock<String> = LazyLock::new(|| {
    let told = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let told = told.map(|told| String::from_utf8_lossy(&told.stdout).trim().to_owned()).unwrap_or_default();
    if told.is_empty() { "python3".to_owned() } else { told }
});

/// A folder with the programs; it goes when the test ends.
struct Submission(PathBuf);

impl Submission {
    /// One that does this wrong.
    fn new(broken: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mutoscope-submission-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab");
        for name in ["Server.py", "Client.py", "ClientLauncher.py", "Words.py"] {
            fs::copy(programs.join(name), path.join(name)).unwrap();
        }
        fs::write(path.join("broken"), broken).unwrap();
        Self(path)
    }

    fn empty() -> Self {
        let submission = Self::new("");
        fs::read_dir(&submission.0).unwrap().for_each(|entry| fs::remove_file(entry.unwrap().path()).unwrap());
        submission
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(["lab-check", "--python", &PYTHON]).args(arguments).arg(&self.0).stdin(Stdio::null());
        command
    }

    fn check(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

impl Drop for Submission {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Says aloud, past what collects the output of tests and in one piece, what was not tried.
fn skip(what: &str, why: &str) {
    let _ = io::stderr().write_all(format!("SKIPPED lab-check, {what}: {why}\n").as_bytes());
}

/// Whether Python is there, perhaps with a module of it. Otherwise it is said aloud what was not tried.
fn has_python(probe: &str, what: &str) -> bool {
    let found = Command::new("python3").args(["-c", probe]).output().is_ok_and(|output| output.status.success());
    if !found {
        skip(what, &format!("python3 does not run {probe:?}"));
    }
    found
}

/// The report, and the requirements that do not hold. What a busy machine has a hand in does not count.
fn failing(output: &Output) -> (Value, BTreeSet<String>) {
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let programs = report["programs"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let all = programs.iter().flat_map(|program| program["requirements"].as_array().unwrap());
    let failing = all.filter(|finding| finding["outcome"] == "fails" && finding["id"] != "server.rate");
    let failing = failing.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect();
    (report, failing)
}

/// What does not hold, in full.
fn shown(report: &Value) -> String {
    let programs = report["programs"].as_array().into_iter().flatten();
    let all = programs.flat_map(|program| program["requirements"].as_array().into_iter().flatten());
    let bad = all.filter(|finding| finding["outcome"] == "fails");
    bad.map(|finding| format!("  {}: {} {}\n", finding["id"], finding["said"], finding["seen"])).collect()
}

/// What is checked, and the requirements that must not hold then.
struct Case {
    name: String,
    rules: &'static str,
    submission: Submission,
    arguments: Vec<String>,
}

impl Case {
    fn new(name: &str, rules: &'static str, submission: Submission, arguments: &[&str]) -> Self {
        let arguments = ["--json"].iter().chain(arguments).map(|&word| word.to_owned()).collect();
        Self { name: name.to_owned(), rules, submission, arguments }
    }

    /// What is wrong with the report.
    fn flaw(&self) -> Option<String> {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let output = self.submission.check(&arguments);
        let (report, failing) = failing(&output);
        let expected: BTreeSet<String> = self.rules.split_whitespace().map(str::to_owned).collect();
        // A frame rate that a busy machine has spoilt is the one thing that may be wrong besides.
        let is_status = match output.status.code() {
            Some(0) => expected.is_empty() || !arguments.contains(&"--strict"),
            Some(1) => !expected.is_empty() || report.to_string().contains("frames a second"),
            _ => false,
        };
        let is_good = failing == expected && is_status;
        (!is_good).then(|| format!("{}: {:?}\n{}", self.name, output.status, shown(&report)))
    }
}

/// Servers that do one thing wrong.
const SERVERS: &[(&str, &str)] = &[
    ("", ""),
    ("in-parts", ""),
    // A fixed port of its own, which two servers cannot have at the same time.
    ("second-port", ""),
    ("cseq", "server.cseq"),
    ("no-session", "server.session server.session-checked"),
    ("session-changes", "server.session"),
    ("order", "server.reply"),
    ("play-in-init", "server.state"),
    ("play-after-teardown", "server.state"),
    ("play-ends-it", "server.state"),
    ("pause-keeps-sending", "server.pause"),
    ("rewinds", "server.pause"),
    ("teardown-keeps-sending", "server.teardown"),
    ("version", "server.rtp-header"),
    ("payload-type", "server.payload-type"),
    ("sequence-stuck", "server.sequence"),
    ("sequence-repeats", "server.sequence"),
    ("timestamp-stuck", "server.timestamp"),
    ("timestamp-back", "server.timestamp"),
    ("ssrc", "server.ssrc"),
    ("no-marker", "server.marker"),
    ("part-missing", "server.fragments"),
    ("cut", "server.payload"),
];

/// Clients that do.
const CLIENTS: &[(&str, &str)] = &[
    ("", ""),
    ("three-buttons", ""),
    ("no-version", "client.setup client.play client.pause client.teardown"),
    ("cseq-stuck", "client.cseq"),
    ("cseq-skips", "client.cseq"),
    ("session", "client.session"),
    ("port", "client.transport"),
    ("play-in-init", "client.state client.status"),
    ("setup-twice", "client.state"),
    ("no-pause", "client.pause"),
    ("no-teardown", "client.teardown"),
    ("any-status", "client.status"),
    ("any-session", "client.reply-session"),
    ("header", "client.frames client.fragments"),
    ("late", "client.late"),
    ("whole-only", "client.fragments"),
    ("statistics", "client.statistics"),
    ("lives-on", "client.end"),
];

/// Whether these programs are there. Otherwise it is said aloud what was not tried.
fn has_programs(names: &[&str], what: &str) -> bool {
    let missing = names.iter().find(|name| Command::new(name).arg("-version").output().is_err());
    if let Some(missing) = missing {
        skip(what, &format!("{missing} not found"));
    }
    missing.is_none()
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (half, faults) in [("server", SERVERS), ("client", CLIENTS)] {
        for &(fault, rules) in faults {
            let arguments = ["--strict", "--display", "none", "--only", half];
            cases.push(Case::new(&format!("{half} {fault}"), rules, Submission::new(fault), &arguments));
        }
    }
    if has_programs(&["Xvfb"], "windows") && has_python("import tkinter", "windows") {
        let arguments = ["--strict", "--display", "xvfb", "--only", "client"];
        cases.push(Case::new("a window that nobody sees", "", Submission::new(""), &arguments));
    }
    let own = format!("{PROGRAM} --rtsp-port {{port}} movie.Mjpeg");
    cases.push(Case::new("our own server", "", Submission::new(""), &["--only", "server", "--server", &own]));

    let renamed = Submission::new("");
    for (name, other) in [("Server.py", "rtsp.py"), ("ClientLauncher.py", "gui.py")] {
        fs::rename(renamed.0.join(name), renamed.0.join(other)).unwrap();
    }
    fs::write(renamed.0.join("run.sh"), "#!/bin/sh\nexec python3 rtsp.py \"$1\"\n").unwrap();
    let client = "python3 gui.py {host} {port} {rtp_port} {file}";
    let arguments = ["--strict", "--display", "none", "--server", "sh run.sh {port}", "--client", client];
    cases.push(Case::new("other names", "", renamed, &arguments));

    for form in ["o8", "i6"] {
        let arguments = ["--strict", "--display", "none", "--only", "client", "--payload", form];
        cases.push(Case::new(form, "", Submission::new(form), &arguments));
    }
    let client = format!("'{}' -u Words.py {{host}} {{port}} {{rtp_port}} {{file}}", *PYTHON);
    cases.push(Case::new(
        "words",
        "client.statistics",
        Submission::new(""),
        &["--only", "client", "--client", &client],
    ));

    if has_programs(&["java", "javac", "Xvfb"], "Java") {
        let submission = Submission::empty();
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/java");
        for name in ["Server.java", "Client.java"] {
            fs::copy(programs.join(name), submission.0.join(name)).unwrap();
        }
        // Such servers look at no session.
        cases.push(Case::new("Java", "server.session-checked", submission, &[]));
    }
    // What takes longest begins first.
    cases.reverse();
    cases
}

// It takes real time, and a machine that is not busy with other things.
#[test]
#[ignore = "cargo xtask test runs it as a step of its own"]
fn each_fault_is_found_by_the_requirement_that_is_meant_and_good_programs_have_none() {
    if !has_python("", "programs") {
        return;
    }
    let (cases, next, wrong) = (cases(), AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..BESIDE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // A fault is there each time. What a busy machine spoils is not.
                    let flaw = case.flaw().and_then(|_| case.flaw());
                    wrong.lock().unwrap().extend(flaw);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn people_read_what_is_wrong_and_where_it_is_written() {
    if !has_python("", "reports") {
        return;
    }
    let submission = Submission::new("cseq");
    let before: Vec<_> = fs::read_dir(&submission.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    fs::remove_file(submission.0.join("ClientLauncher.py")).unwrap();
    fs::remove_file(submission.0.join("Client.py")).unwrap();
    let output = submission.check(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in [
        "  FAILS  CSeq                      The reply to PLAY has CSeq 1; the request had 2.\n",
        "         rule: Each reply has the sequence number of the request that it answers. (RFC 2326, 12.17)\n",
        "check says: PLAY movie.Mjpeg RTSP/1.0\\nCSeq: 2\\nSession: ",
        "program says: RTSP/1.0 200 OK\\nCSeq: 1\\nSession: ",
        "client: there is none; it was not checked\n",
        "\nFails: server.cseq\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    // Nothing of the submission has changed.
    let after: Vec<_> = fs::read_dir(&submission.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(after.len(), before.len() - 2);
}

#[test]
fn what_cannot_be_checked_has_a_status_of_its_own() {
    let empty = Submission::empty();
    let output = empty.check(&["--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), report["status"].as_i64()), (Some(2), Some(2)), "{}", shown(&report));
    assert!(report["error"].as_str().unwrap().contains("neither a server nor a client"), "{}", shown(&report));
    for arguments in [&["--only", "both"][..], &["--seconds", "1"], &["--display", "xvfb", "--loud"]] {
        assert_eq!(empty.check(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let nowhere = Command::new(PROGRAM).args(["lab-check", "/no/such/folder"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(2));
}

/// The process that runs `sleep` for so long.
#[cfg(target_os = "linux")]
fn sleeper(seconds: &str) -> bool {
    let commands = fs::read_dir("/proc").unwrap().flatten().map(|entry| fs::read(entry.path().join("cmdline")));
    commands.flatten().any(|command| command == format!("sleep\0{seconds}\0").as_bytes())
}

#[cfg(target_os = "linux")]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Kills a check at the end, whatever happens.
#[cfg(target_os = "linux")]
struct Killed(Child);

#[cfg(target_os = "linux")]
impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_that_a_program_has_started_outlives_the_check() {
    if !has_python("", "processes") {
        return;
    }
    let id = std::process::id();
    let seconds = format!("10000.{id}");
    let submission = Submission::new(&format!("leaves {seconds}"));
    let output = submission.check(&["--json", "--only", "server"]);
    assert_eq!(failing(&output).1, BTreeSet::new());
    assert!(!sleeper(&seconds), "what left its group lives on");

    // Nor where the check is killed.
    let seconds = format!("20000.{id}");
    let submission = Submission::new(&format!("leaves {seconds}"));
    let mut command = submission.command(&["--only", "server"]);
    // It cannot take its folder away any more.
    let work = Submission::empty();
    command.env("TMPDIR", &work.0);
    let mut check = Killed(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    wait_until("it does not start", || sleeper(&seconds));
    check.0.kill().unwrap();
    wait_until("it lives on", || !sleeper(&seconds));

    // Nor where a terminal's Ctrl-C reaches all of its group.
    let seconds = format!("30000.{id}");
    let submission = Submission::new(&format!("leaves {seconds}"));
    let mut command = submission.command(&["--only", "server"]);
    command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
    let mut check = Killed(command.spawn().unwrap());
    wait_until("it does not start", || sleeper(&seconds));
    killpg(Pid::from_raw(check.0.id() as i32), Signal::SIGINT).unwrap();
    assert_eq!(check.0.wait().unwrap().code(), Some(130));
    wait_until("it lives on after Ctrl-C", || !sleeper(&seconds));
}

#[cfg(target_os = "linux")]
#[test]
fn programs_that_take_too_much_are_ended_and_it_is_said() {
    if !has_python("", "limits") {
        return;
    }
    for (fault, said) in [
        ("forks", "it had more processes than it may, and was ended"),
        ("memory", "it ended with status 1"),
        ("output", "it wrote more than it may, and was ended"),
        ("files", "it wrote more files than it may, and was ended"),
    ] {
        let output = Submission::new(fault).check(&["--json", "--only", "server", "--files", "4"]);
        let (report, failing) = failing(&output);
        assert_eq!(failing, BTreeSet::from(["server.setup".to_owned()]), "{fault}: {}", shown(&report));
        assert!(
            report["programs"][0]["requirements"][0]["said"].as_str().unwrap().contains(said),
            "{fault}: {}",
            shown(&report)
        );
    }
}
