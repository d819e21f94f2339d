//! A student's program while it runs: its output, as far as it is kept, and its end.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::keeper::{self, Limits};

/// Variables that a program gets beside those that are made for it: what interpreters need to find themselves.
const KEPT: [&str; 8] =
    ["PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "PYTHONPATH", "JAVA_HOME", "LD_LIBRARY_PATH", "XAUTHORITY"];
/// What of the output is kept: so many bytes of its beginning, and of its end.
const KEPT_BEGIN: usize = 64 * 1024;
const KEPT_END: usize = 64 * 1024;

/// How programs are started.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) limits: Limits,
    /// Bytes that a program may write.
    pub(super) output: u64,
    pub(super) folder: std::path::PathBuf,
    /// More variables.
    pub(super) variables: Vec<(OsString, OsString)>,
}

/// What a program has written.
#[derive(Debug, Default)]
struct Output {
    begin: Vec<u8>,
    end: Vec<u8>,
    total: u64,
    is_too_much: bool,
}

impl Output {
    fn take(&mut self, mut bytes: &[u8], most: u64) {
        self.total += bytes.len() as u64;
        self.is_too_much |= self.total > most;
        let room = KEPT_BEGIN.saturating_sub(self.begin.len()).min(bytes.len());
        self.begin.extend(&bytes[..room]);
        bytes = &bytes[room..];
        self.end.extend(bytes);
        let excess = self.end.len().saturating_sub(KEPT_END);
        self.end.drain(..excess);
    }
}

/// A program that runs. It ends with this value.
#[derive(Debug)]
pub(super) struct Running {
    keeper: Child,
    input: Arc<Mutex<Option<ChildStdin>>>,
    output: Arc<Mutex<Output>>,
    status: Option<i32>,
    readers: Vec<thread::JoinHandle<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Running {
    /// Starts these words within limits.
    pub(super) fn start(words: &[OsString], frame: &Frame) -> Result<Self> {
        let own = std::env::current_exe().context("this program cannot be found")?;
        let mut command = Command::new(own);
        command.arg(keeper::WORD).args(frame.limits.words()).args(words);
        command.current_dir(&frame.folder).env_clear();
        let kept = KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.envs(kept).envs(frame.variables.iter().map(|(name, value)| (name, value)));
        for name in ["HOME", "TMPDIR"] {
            command.env(name, &frame.folder);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C reaches all of a terminal's group: the keeper stays to end what it keeps.
        command.process_group(0);
        let mut keeper = command.spawn().context("this program cannot be started once more")?;
        let input = Arc::new(Mutex::new(keeper.stdin.take()));
        let output = Arc::new(Mutex::new(Output::default()));
        let mut readers = Vec::new();
        let streams = [
            keeper.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
            keeper.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
        ];
        for mut stream in streams.into_iter().flatten() {
            let (input, output, most) = (Arc::clone(&input), Arc::clone(&output), frame.output);
            readers.push(thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(len @ 1..) = stream.read(&mut buffer) {
                    let mut output = lock(&output);
                    output.take(&buffer[..len], most);
                    if output.is_too_much {
                        // The keeper ends it.
                        lock(&input).take();
                    }
                }
            }));
        }
        Ok(Self { keeper, input, output, status: None, readers })
    }

    /// Whether it still runs.
    pub(super) fn is_running(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.keeper.try_wait().ok().flatten().map(|status| status.code().unwrap_or(-1));
        }
        self.status.is_none()
    }

    /// Waits for its end.
    pub(super) fn ends_within(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.is_running() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// A line for its standard input.
    pub(super) fn say(&self, line: &str) {
        if let Some(input) = &mut *lock(&self.input) {
            // It need not read.
            let _ = input.write_all(format!("{line}\n").as_bytes());
        }
    }

    /// What it has written so far.
    pub(super) fn output(&self) -> String {
        let output = lock(&self.output);
        let gap: &[u8] = if output.total as usize > output.begin.len() + output.end.len() { b"\n[...]\n" } else { b"" };
        String::from_utf8_lossy(&[&output.begin, gap, &output.end].concat()).into_owned()
    }

    /// The last lines that it has written, which say why it ended.
    pub(super) fn last_words(&self) -> Vec<String> {
        let output = self.output();
        let lines: Vec<&str> = output.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(4)..]
            .iter()
            .map(|line| format!("output: {}", super::sheet::quoted(line.as_bytes(), 200)))
            .collect()
    }

    /// How it ended, in words; `None` while it runs, or where it was well.
    pub(super) fn trouble(&mut self) -> Option<String> {
        if lock(&self.output).is_too_much {
            return Some("it wrote more than it may, and was ended".to_owned());
        }
        let _ = self.is_running();
        match self.status? {
            0 => None,
            keeper::TOO_LONG => Some("it ran longer than it may, and was ended".to_owned()),
            keeper::TOO_FULL => Some("it wrote more files than it may, and was ended".to_owned()),
            keeper::TOO_MANY => Some("it had more processes than it may, and was ended".to_owned()),
            keeper::NOT_STARTED => Some("it cannot be started".to_owned()),
            // As shells have it, and as the kernel ends who takes too much.
            152 => Some("it took more of a processor's time than it may, and was ended".to_owned()),
            status @ 129..=192 => Some(format!("it was ended by signal {}", status - 128)),
            status => Some(format!("it ended with status {status}")),
        }
    }

    /// Ends it, with all that it has started.
    pub(super) fn end(&mut self) {
        lock(&self.input).take();
        if !self.ends_within(Duration::from_secs(3)) {
            let _ = self.keeper.kill();
            let _ = self.keeper.wait();
        }
        // A process that has got away would keep them waiting.
        let deadline = Instant::now() + Duration::from_millis(300);
        while self.readers.iter().any(|reader| !reader.is_finished()) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a program of the system says, where it succeeds within some seconds.
pub(super) fn ask(program: &OsStr, arguments: &[&str], folder: &Path) -> Option<String> {
    let output = Command::new(program).args(arguments).current_dir(folder).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_output_beginning_and_end_are_kept() {
        let mut output = Output::default();
        output.take(b"begin", 1_000_000);
        (0..100).for_each(|_| output.take(&[b'x'; 4096], 1_000_000));
        output.take(b"end", 1_000_000);
        assert!(output.begin.starts_with(b"begin") && output.end.ends_with(b"end") && !output.is_too_much);
        assert_eq!((output.begin.len(), output.end.len()), (KEPT_BEGIN, KEPT_END));
        output.take(&[b'x'; 4096], 400_000);
        assert!(output.is_too_much);
    }
}
