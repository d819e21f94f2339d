//! Hooks as programs: scripts of the system's shell.

use super::*;
use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

/// Longer than anything takes, on the slowest of machines.
const LONG: Duration = Duration::from_secs(60);

/// A script, and a place for what it writes.
struct Script(PathBuf);

impl Script {
    fn new(text: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("mutoscope-hook-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let (script, told) = (folder.join("hook"), folder.join("told"));
        let text = format!("#!/bin/sh\nTOLD={}\n{text}\n", told.display());
        // Nobody can run a file that this process, or one that it starts meanwhile, has open to write to it.
        let mut writer = Command::new("sh");
        writer.args(["-c", "cat > \"$0\" && chmod 700 \"$0\"", script.to_str().unwrap()]).stdin(Stdio::piped());
        let mut writer = writer.spawn().unwrap();
        writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(writer.wait().unwrap().success());
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.join("hook")
    }

    fn told(&self) -> String {
        fs::read_to_string(self.0.join("told")).unwrap_or_default()
    }

    fn wait(&self, words: &str) -> String {
        let deadline = Instant::now() + LONG;
        while !self.told().contains(words) {
            assert!(Instant::now() < deadline, "{words:?} in {:?}", self.told());
            thread::sleep(Duration::from_millis(5));
        }
        self.told()
    }

    fn run(&self, until: Duration) -> Result<(), String> {
        let (event, stop) = (event(), Stop::new().unwrap());
        run_until(&self.path(), &event, &stop, Instant::now() + until)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn event() -> Event {
    let (kind, stream) = (rule::Kind::InputLost, "back yard; $(reboot)".to_owned());
    Event { kind, stream, at: Instant::now(), viewers: 7, reason: Some("unplugged".to_owned()) }
}

#[test]
fn a_program_is_told_what_happened_and_gets_nothing_else() {
    let script = Script::new(
        "echo \"$MUTOSCOPE_EVENT|$MUTOSCOPE_STREAM|$MUTOSCOPE_VIEWERS|$MUTOSCOPE_REASON|$#\" > $TOLD\n\
         cat >> $TOLD\nls /proc/self/fd 2>&1 | wc -l >> $TOLD",
    );
    assert_eq!(script.run(LONG), Ok(()));
    let told = script.told();
    let mut lines = told.lines();
    assert_eq!(lines.next(), Some("input-lost|back yard; $(reboot)|7|unplugged|0"));
    // As many as whatever else this process starts.
    let other = Command::new("sh").args(["-c", "ls /proc/self/fd 2>&1 | wc -l"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(lines.next().map(str::trim), Some(String::from_utf8(other.stdout).unwrap().trim()));
    let event = event();
    let now = event.at + Duration::from_millis(1000);
    let told = environment(&event, UNIX_EPOCH + Duration::from_millis(1_235_567), now);
    assert!(told.contains(&("MUTOSCOPE_TIME", "1234.567".to_owned())), "{told:?}");
}

#[test]
fn what_goes_wrong_with_a_program_is_told() {
    for (text, expected) in [
        ("echo good; echo bad >&2; exit 3", "the program has failed with status 3; the last that it said: bad"),
        ("exit 4", "the program has failed with status 4"),
        ("kill -9 $$", "the program was ended by signal 9"),
        ("exec cat /dev/zero", "it was ended because it wrote more than 1 MB"),
        (
            "printf '\\033[2J\\377\\n'; exit 1",
            "the program has failed with status 1; the last that it said: \\u{1b}[2J\u{fffd}",
        ),
    ] {
        assert_eq!(Script::new(text).run(LONG), Err(expected.to_owned()), "{text}");
    }
    let none = run(Path::new("/nowhere/hook"), &event(), &Stop::new().unwrap()).unwrap_err();
    assert!(none.starts_with("the program cannot be started"), "{none}");
}

#[test]
fn a_program_that_takes_too_long_ends_with_all_that_it_started() {
    let script = Script::new("sh -c 'echo $$ > '$TOLD'; exec sleep 1000' & sleep 1000");
    let ended = script.run(Duration::from_millis(300));
    assert_eq!(ended, Err("it was ended after 10 seconds".to_owned()));
    let child: i32 = script.wait("\n").trim().parse().unwrap();
    let child = nix::unistd::Pid::from_raw(child);
    let deadline = Instant::now() + LONG;
    while nix::sys::signal::kill(child, None).is_ok() && !is_zombie(child) {
        assert!(Instant::now() < deadline, "it lives on");
        thread::sleep(Duration::from_millis(5));
    }
}

/// It has ended, and nobody has noticed yet.
fn is_zombie(process: nix::unistd::Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:\tZ"))
}

#[test]
fn what_was_watched_at_the_end_is_told_to_end() {
    let script = Script::new("echo \"$MUTOSCOPE_STREAM $MUTOSCOPE_EVENT\" >> $TOLD");
    let hook = Hook::new(&script.path()).unwrap();
    hook.handle("cam", Change::Came);
    script.wait("cam first-viewer\n");
    hook.handle("cam", Change::Left);
    hook.handle("yard", Change::Lost("unplugged"));
    script.wait("yard input-lost\n");
    hook.end();
    assert!(script.told().ends_with("cam last-viewer\n"), "{}", script.told());
}

#[test]
fn the_end_does_not_wait_for_a_program_that_hangs() {
    let script = Script::new("trap '' TERM; echo begun > $TOLD; while :; do sleep 1; done");
    let hook = Hook::new(&script.path()).unwrap();
    hook.handle("cam", Change::Came);
    script.wait("begun");
    let begun = Instant::now();
    hook.end();
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}
