use super::super::testing::{PATIENCE, Running};
use super::super::{LINGER, State};
use super::*;
use crate::media::testing::{Folder, frames};
use std::thread;
use std::time::Instant;

fn shell(script: &str) -> Exec {
    Exec::new(["sh", "-c", script].map(str::to_owned).to_vec())
}

/// Whether a process is there, and no zombie.
fn is_there(process: i32) -> bool {
    let status = std::process::Command::new("ps").args(["-o", "stat=", "-p", &process.to_string()]).output().unwrap();
    status.stdout.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|state| *state != b'Z')
}

fn wait_until_gone(processes: &[i32]) {
    let deadline = Instant::now() + PATIENCE;
    while processes.iter().any(|process| is_there(*process)) {
        assert!(Instant::now() < deadline, "they live on: {processes:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_program_starts_when_somebody_watches_and_ends_with_all_that_it_has_started() {
    let folder = Folder::new();
    let expected = frames(1);
    let (picture, pids) = (folder.file("picture.jpg", &expected[0]), folder.path().join("pids"));
    let script = format!("sleep 1000 & echo $$ $! > '{}'; cat '{}'; wait", pids.display(), picture.display());
    let mut running = Running::start(shell(&script));
    assert_eq!(running.watcher.next().1, expected[0]);
    let pids: Vec<i32> =
        std::fs::read_to_string(pids).unwrap().split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.len() == 2 && pids.iter().all(|process| is_there(*process)));
    let before = Instant::now();
    drop(running);
    wait_until_gone(&pids);
    assert!(before.elapsed() < LINGER, "it ends with its supervisor");
}

#[test]
fn one_that_does_not_end_when_asked_is_killed() {
    let expected = frames(1);
    let folder = Folder::new();
    let picture = folder.file("picture.jpg", &expected[0]);
    let pid = folder.path().join("pid");
    let script = format!(
        "trap '' TERM; echo $$ > '{}'; cat '{}'; while :; do sleep 0.1; done",
        pid.display(),
        picture.display()
    );
    let mut running = Running::start(shell(&script));
    running.watcher.next();
    let pid = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    drop(running);
    wait_until_gone(&[pid]);
}

#[test]
fn why_it_ended_is_told_and_it_is_tried_again() {
    let cases = [
        (shell("echo 'cannot open http://u:p@cam/' >&2; exit 3"), "the program has failed with status 3"),
        (shell("true"), "the program has ended"),
        (shell("exec >&-; sleep 1000"), "the program has closed its output without ending, and was ended"),
        (
            shell("exec >&-; trap '' TERM; while :; do sleep 0.1; done"),
            "the program has closed its output without ending",
        ),
        (shell("sleep 1000 >&- 2>&- & exit 3"), "the program has failed with status 3"),
        (shell("kill -9 $$"), "the program was ended by signal 9"),
        (Exec::new(vec!["/no/such/program".into()]), "the program cannot be started: No such file or directory"),
    ];
    // Some take their time.
    thread::scope(|scope| {
        for (program, reason) in cases {
            scope.spawn(move || {
                let running = Running::start(program);
                running.watcher.wait_for_reason(|told| told.starts_with(reason));
                assert!(matches!(running.state(), State::Waiting { .. } | State::Starting), "{:?}", running.state());
            });
        }
    });
}

#[test]
fn one_that_says_nothing_is_told_to_run() {
    let running = Running::start(shell("sleep 1000"));
    running.watcher.wait_for_reason(|told| told == "the program runs, but no picture has come yet");
}

#[test]
fn viewers_stay_while_a_program_comes_back() {
    let folder = Folder::new();
    let expected = frames(2);
    for (name, frame) in ["0", "1"].iter().zip(&expected) {
        folder.file(name, frame);
    }
    // Each time it runs it shows the next picture.
    let script = "cd '$FOLDER'; if [ -e ran ]; then cat 1; sleep 1000; fi; touch ran; cat 0"
        .replace("$FOLDER", folder.path().to_str().unwrap());
    let mut running = Running::start(shell(&script));
    assert_eq!(running.watcher.next(), (0, expected[0].clone()));
    assert_eq!(running.watcher.next(), (1, expected[1].clone()));
}

#[test]
fn a_flood_is_taken_no_faster_than_it_can_be_of_use_and_a_stream_of_nothing_ends() {
    let mut running = Running::start(shell("cat /dev/zero"));
    running.watcher.wait_for_reason(|told| told.contains("no JPEG pictures"));
    let folder = Folder::new();
    let picture = folder.file("picture.jpg", &frames(1)[0].repeat(100));
    let script = format!("while :; do cat '{}'; done", picture.display());
    running = Running::start(shell(&script));
    running.watcher.next();
    let (first, begin) = (running.watcher.next().0, Instant::now());
    thread::sleep(Duration::from_millis(500));
    let last = running.watcher.next().0;
    let most = begin.elapsed().as_secs_f64() * 250.0 + 60.0;
    assert!(f64::from(last - first) <= most, "{first} to {last}");
}
