//! The real server as a child process. It is started on a free port, measured, and always ended.

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A running `mutoscope-server`. Dropping it kills the process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The address on which it listens.
    pub address: SocketAddr,
    /// The URLs it printed when it was ready.
    pub urls: Vec<String>,
    /// The URL of its page, where it has one.
    pub page: Option<String>,
    /// Host and port of its URLs in TLS, where it has such.
    pub tls: Option<String>,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts it on a free port of 127.0.0.1 and waits until it has printed a URL.
    pub fn start(program: &Path, args: &[&str]) -> Result<Self> {
        Self::start_with(program, args, Stdio::null())
    }

    /// The same with a standard input.
    pub fn start_with(program: &Path, args: &[&str], stdin: Stdio) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut command = Command::new(program);
        command.stdin(stdin);
        Self::run(command, SocketAddr::from(([127, 0, 0, 1], port)), args)
    }

    /// Has `command` start it, which may have words of its own before these, so that it listens at this address.
    pub fn run(mut command: Command, address: SocketAddr, args: &[&str]) -> Result<Self> {
        let mut child = command
            .args(["--host", &address.ip().to_string(), "--rtsp-port", &address.port().to_string()])
            .args(args)
            // Not the user's: it may make a key.
            .env("STATE_DIRECTORY", state_directory())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let (stdout, mut stderr) =
            (child.stdout.take().context("no stdout")?, child.stderr.take().context("no stderr")?);
        let log = Arc::new(Mutex::new(String::new()));
        let reader = std::thread::spawn({
            let log = log.clone();
            move || {
                let mut chunk = [0; 4096];
                while let Ok(n @ 1..) = stderr.read(&mut chunk) {
                    if let Ok(mut log) = log.lock() {
                        log.push_str(&String::from_utf8_lossy(&chunk[..n]));
                    }
                }
            }
        });
        let mut server = Self { child, address, urls: vec![], page: None, tls: None, log, reader: Some(reader) };
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        // The first line may take as long as indexing takes; the others follow at once.
        let mut patience = Duration::from_secs(20);
        while let Ok(line) = lines.recv_timeout(patience) {
            server.urls.extend(line.split_whitespace().find(|word| word.starts_with("rtsp://")).map(str::to_owned));
            if let Some((_, url)) = line.split_once("rtsps://") {
                server.tls = url.split('/').next().map(str::to_owned);
            }
            if line.starts_with("http://") {
                server.page.get_or_insert(line);
            }
            patience = Duration::from_millis(200);
        }
        if server.urls.is_empty() {
            bail!("the server printed no URL; its log:\n{}", server.log());
        }
        Ok(server)
    }

    /// Its process identifier.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The text that it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().map(|log| log.clone()).unwrap_or_default()
    }

    /// Sends SIGINT, as Ctrl-C does. Returns the exit status and the whole log.
    pub fn interrupt(mut self) -> Result<(Option<i32>, String)> {
        let status = Command::new("kill").args(["-INT", &self.id().to_string()]).status()?;
        ensure!(status.success(), "kill: {status}");
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                if let Some(reader) = self.reader.take() {
                    let _ = reader.join();
                }
                return Ok((status.code(), self.log()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("the server is still there 10 s after SIGINT; its log:\n{}", self.log())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the servers of these tests keep their state, such as their certificate (`tls/certificate.pem`) and its key (`tls/key.pem`).
pub fn state_directory() -> PathBuf {
    std::env::temp_dir().join("mutoscope-tests-state")
}

/// The resources that a process has used, from `/proc` (Linux).
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Processor time, user and system, of the threads that live.
    pub processor: Duration,
    /// Resident memory now.
    pub resident_kib: u64,
    /// The most resident memory since the start.
    pub peak_kib: u64,
    /// How long threads that live could have run, and waited for a processor that did something else.
    pub waited: Duration,
    /// The number of open file descriptors.
    pub descriptors: usize,
    /// How often one of the threads that live has gone to sleep by itself.
    pub sleeps: u64,
    /// The same of its first thread, in which a server of one thread serves everybody.
    pub first_sleeps: u64,
}

impl Usage {
    /// Reads the resources of the process `id`.
    pub fn of(id: u32) -> Result<Self> {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{id}/{name}"));
        let (mut nanoseconds, mut waited, mut sleeps, mut first_sleeps) = (0_u64, 0_u64, 0_u64, 0_u64);
        for task in std::fs::read_dir(format!("/proc/{id}/task"))? {
            let task = task?.path();
            // A thread may end after it was listed and before it is read.
            let Ok(schedstat) = std::fs::read_to_string(task.join("schedstat")) else { continue };
            let Ok(status) = std::fs::read_to_string(task.join("status")) else { continue };
            let mut numbers = schedstat.split_whitespace();
            nanoseconds += numbers.next().unwrap_or("0").parse::<u64>()?;
            waited += numbers.next().unwrap_or("0").parse::<u64>()?;
            let of_task = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            let of_task = of_task.unwrap_or("0").trim().parse::<u64>()?;
            sleeps += of_task;
            first_sleeps += if task.file_name() == Some(id.to_string().as_ref()) { of_task } else { 0 };
        }
        let status = read("status")?;
        let field = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| name.to_owned())?;
            Ok(line.trim().trim_end_matches(" kB").parse()?)
        };
        Ok(Self {
            processor: Duration::from_nanos(nanoseconds),
            waited: Duration::from_nanos(waited),
            resident_kib: field("VmRSS:")?,
            peak_kib: field("VmHWM:")?,
            descriptors: std::fs::read_dir(format!("/proc/{id}/fd"))?.count(),
            sleeps,
            first_sleeps,
        })
    }
}

/// Keeps a process, with all its threads, to one core. What it starts afterwards stays there, too.
pub fn pin(id: u32, core: usize) -> Result<()> {
    let mut taskset = Command::new("taskset");
    taskset.args(["--all-tasks", "--pid", "--cpu-list", &core.to_string(), &id.to_string()]);
    let status = taskset.stdout(Stdio::null()).status().context("taskset")?;
    ensure!(status.success(), "taskset: {status}");
    Ok(())
}

/// Lets this process, and what it starts, open as many files as it may.
pub fn raise_descriptors() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

/// A folder of this process for the time of its value.
#[derive(Debug)]
pub struct Scratch(
    /// Its path.
    pub PathBuf,
);

impl Scratch {
    /// An empty folder. `name` tells it from the other folders of this process.
    pub fn new(name: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("mutoscope-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a program of the tests ends with, after saying what went wrong. `false`: it has found mistakes, and named them.
pub fn exit_code(result: Result<bool>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
