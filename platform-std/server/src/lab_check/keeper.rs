//! Keeps a student's program within its limits: this program, started once more, with the other one as its child.
//!
//! It sets limits for itself, which its child inherits, and becomes the parent of all that the child leaves behind. It ends them all when the
//! child has ended, when time is over, when there are too many of them, when its folder is too full, and when its standard input closes, which it does with
//! whoever started it, however that one ends.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The first word of its command line.
pub(crate) const WORD: &str = "lab-check:keep";
/// Its statuses, where it had to end the program.
pub(super) const TOO_FULL: i32 = 249;
pub(super) const TOO_LONG: i32 = 250;
pub(super) const TOO_MANY: i32 = 251;
pub(super) const NOT_STARTED: i32 = 252;

/// How often it looks whether the program has ended.
const TICK: Duration = Duration::from_millis(20);
/// And how many processes there are, which takes longer.
const COUNTING: Duration = Duration::from_millis(100);
/// And what lies in the program's folder.
const MEASURING: Duration = Duration::from_millis(500);
/// So many files and folders are too many, whatever is in them: to take them away takes its time, too.
const MOST_ENTRIES: usize = 20_000;

/// What a program may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Seconds, both of the clock and of a processor.
    pub(super) seconds: u64,
    /// Bytes of addresses; 0: what the system gives.
    pub(super) memory: u64,
    /// Processes at a time.
    pub(super) processes: u64,
    /// Bytes of a file that it writes.
    pub(super) file: u64,
    /// Bytes of all files in its folder.
    pub(super) folder: u64,
}

impl Limits {
    /// As words of a command line.
    pub(super) fn words(self) -> [String; 5] {
        [self.seconds, self.memory, self.processes, self.file, self.folder].map(|limit| limit.to_string())
    }

    fn parse(words: &[OsString]) -> Option<Self> {
        let [seconds, memory, processes, file, folder] = words else { return None };
        let number = |word: &OsString| word.to_str()?.parse().ok();
        Some(Self {
            seconds: number(seconds)?,
            memory: number(memory)?,
            processes: number(processes)?,
            file: number(file)?,
            folder: number(folder)?,
        })
    }
}

/// Runs a program within limits; the words are those behind [`WORD`]: limits, and the program with its arguments. Gives its status.
pub(crate) fn run(words: &[OsString]) -> Result<u8> {
    let (limits, program) = words.split_at_checked(5).context("limits and a program are missing")?;
    let (limits, [program, arguments @ ..]) = (Limits::parse(limits).context("limits are numbers")?, program) else {
        bail!("a program is missing")
    };
    apply(limits)?;
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_child_subreaper(true).context("processes that are left behind cannot be found")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{} cannot be started: {error}", program.display());
            return Ok(NOT_STARTED as u8);
        }
    };
    let group = Pid::from_raw(i32::try_from(child.id())?);
    let is_over = pass_on(&mut child);
    let status = watch(&mut child, &is_over, limits);
    end_all(group);
    let _ = child.wait();
    Ok(status.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "{error}");
        NOT_STARTED as u8
    }))
}

fn apply(limits: Limits) -> Result<()> {
    let lower = |resource, limit: u64| -> Result<()> {
        let (_, hard) = getrlimit(resource)?;
        let limit = rlim_t::try_from(limit).unwrap_or(hard).min(hard);
        Ok(setrlimit(resource, limit, limit)?)
    };
    if limits.memory > 0 {
        #[cfg(target_os = "linux")]
        lower(Resource::RLIMIT_AS, limits.memory).context("memory cannot be limited")?;
        #[cfg(not(target_os = "linux"))]
        lower(Resource::RLIMIT_DATA, limits.memory).context("memory cannot be limited")?;
    }
    lower(Resource::RLIMIT_CPU, limits.seconds).context("time cannot be limited")?;
    lower(Resource::RLIMIT_FSIZE, limits.file).context("files cannot be limited")?;
    lower(Resource::RLIMIT_CORE, 0).context("dumps of memory cannot be forbidden")?;
    lower(Resource::RLIMIT_NOFILE, 256).context("open files cannot be limited")?;
    Ok(())
}

/// Gives the child what comes at standard input. `true`, when that has closed.
fn pass_on(child: &mut Child) -> Arc<AtomicBool> {
    let is_over = Arc::new(AtomicBool::new(false));
    let mut input = child.stdin.take();
    thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            let (mut buffer, mut stdin) = ([0; 256], io::stdin());
            while let Ok(len @ 1..) = stdin.read(&mut buffer) {
                // It need not read.
                if input.as_mut().is_some_and(|input| input.write_all(&buffer[..len]).is_err()) {
                    input = None;
                }
            }
            is_over.store(true, Ordering::Relaxed);
        }
    });
    is_over
}

/// Waits until the program has ended or has to end.
fn watch(child: &mut Child, is_over: &AtomicBool, limits: Limits) -> io::Result<u8> {
    let begun = Instant::now();
    let (mut counted, mut measured) = (begun, begun);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(code(status));
        }
        if is_over.load(Ordering::Relaxed) {
            return Ok(0);
        }
        if begun.elapsed() >= Duration::from_secs(limits.seconds) {
            return Ok(TOO_LONG as u8);
        }
        if counted.elapsed() >= COUNTING {
            counted = Instant::now();
            if descendants().len() as u64 > limits.processes {
                return Ok(TOO_MANY as u8);
            }
        }
        if measured.elapsed() >= MEASURING {
            if size_of(Path::new("."), limits.folder) > limits.folder {
                return Ok(TOO_FULL as u8);
            }
            measured = Instant::now();
        }
        thread::sleep(TICK);
    }
}

/// The bytes of a folder's files, and of those below, until that is more than `most`. Too many files are more than anything.
fn size_of(folder: &Path, most: u64) -> u64 {
    let (mut size, mut entries, mut folders) = (0, 0, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            entries += 1;
            if entries > MOST_ENTRIES {
                return u64::MAX;
            }
            match entry.metadata() {
                Ok(found) if found.is_dir() => folders.push(entry.path()),
                Ok(found) => size += found.len(),
                Err(_) => {}
            }
            if size > most {
                return size;
            }
        }
    }
    size
}

/// A status as shells tell it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

/// Kills the group, and all that has left it.
fn end_all(group: Pid) {
    let _ = killpg(group, Signal::SIGKILL);
    // Who dies may leave others behind, which are ours then; who forks without end is killed more often than it forks.
    for _ in 0..100 {
        let left = descendants();
        if left.is_empty() {
            return;
        }
        left.iter().for_each(|&pid| _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL));
        while let Ok(status) = nix::sys::wait::waitpid(Pid::from_raw(-1), Some(nix::sys::wait::WaitPidFlag::WNOHANG)) {
            if status == nix::sys::wait::WaitStatus::StillAlive {
                break;
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// All processes below this one. Empty where the system does not tell.
fn descendants() -> Vec<i32> {
    let mut found: Vec<i32> = Vec::new();
    let mut next = vec![std::process::id() as i32];
    while let Some(pid) = next.pop() {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            let children: Vec<i32> = children.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            found.extend(&children);
            next.extend(children);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_survive_a_command_line() {
        let limits = Limits { seconds: 1, memory: 2, processes: 3, file: 4, folder: 5 };
        assert_eq!(Limits::parse(&limits.words().map(OsString::from)), Some(limits));
        assert_eq!(Limits::parse(&["1".into(), "2".into(), "x".into(), "4".into(), "5".into()]), None);
    }
}
