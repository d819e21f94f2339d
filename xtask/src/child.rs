//! Programs that run beside this one: started, listened to, and never left behind.

use crate::shell::line;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// How long a program that was asked to end may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// A running program; dropping it ends it.
pub(crate) struct Running {
    name: String,
    child: Child,
    lines: Option<Receiver<String>>,
}

impl Running {
    /// Starts `command`. Ctrl-C in the terminal does not reach it, only [`ask_to_end`](Self::ask_to_end) does: who
    /// started it decides in which order things end.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut child = command.spawn().with_context(|| format!("cannot run {}", line(command)))?;
        let lines = child.stdout.take().map(|stdout| {
            let (sender, lines) = mpsc::channel();
            // Reads to the end even where nobody listens any more, so that the program never waits for a reader.
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
            lines
        });
        Ok(Self { name: line(command), child, lines })
    }

    /// Starts a server and waits until it has printed the URLs it serves.
    pub(crate) fn start_server(command: &mut Command) -> Result<(Self, Vec<String>)> {
        // Long films are indexed before they are served.
        const FIRST: Duration = Duration::from_secs(60);
        const NEXT: Duration = Duration::from_millis(200);
        let mut server = Self::start(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let mut urls = Vec::new();
        while let Some(line) = server.next_line(if urls.is_empty() { FIRST } else { NEXT }) {
            urls.extend(line.split_whitespace().find(|word| word.starts_with("rtsp://")).map(str::to_owned));
        }
        if urls.is_empty() {
            match server.wait(FAREWELL)? {
                Some(status) => bail!("`{}` ended with {status}", server.name),
                None => bail!("`{}` named no URL", server.name),
            }
        }
        Ok((server, urls))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its standard output; `None` where none comes in time, or ever.
    pub(crate) fn next_line(&self, patience: Duration) -> Option<String> {
        self.lines.as_ref()?.recv_timeout(patience).ok()
    }

    /// Writes a line to its standard input, which has to be a pipe.
    pub(crate) fn say(&mut self, line: &str) -> Result<()> {
        let input = self.child.stdin.as_mut().with_context(|| format!("`{}` does not listen", self.name))?;
        writeln!(input, "{line}").with_context(|| format!("`{}` does not listen any more", self.name))
    }

    /// Whether it has ended, and how.
    pub(crate) fn status(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("cannot tell whether `{}` runs", self.name))
    }

    /// Its status, once it has ended; `None` where it still runs after that time.
    pub(crate) fn wait(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        loop {
            match self.status()? {
                None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
                status => return Ok(status),
            }
        }
    }

    /// Asks it to end as Ctrl-C would; where that cannot be asked, it is killed.
    pub(crate) fn ask_to_end(&mut self) {
        let id = self.child.id().to_string();
        let asked =
            cfg!(unix) && Command::new("kill").args(["-TERM", &id]).status().is_ok_and(|status| status.success());
        if !asked {
            self.kill();
        }
    }

    pub(crate) fn kill(&mut self) {
        // It may have ended meanwhile, which is as good.
        let _ = self.child.kill();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.status(), Ok(None)) {
            return;
        }
        self.ask_to_end();
        if !matches!(self.wait(FAREWELL), Ok(Some(_))) {
            self.kill();
            let _ = self.child.wait();
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_server_is_ready_when_it_has_named_its_urls() {
        let script = "echo rtsp://h/a; echo 'serving rtsp://h/b now'; exec sleep 60";
        let (mut server, urls) = Running::start_server(&mut shell(script)).unwrap();
        assert_eq!(urls, ["rtsp://h/a", "rtsp://h/b"]);
        assert!(server.status().unwrap().is_none());
        server.ask_to_end();
        assert!(server.wait(FAREWELL).unwrap().is_some());
    }

    #[test]
    fn a_server_that_cannot_start_is_named_with_its_exit_code() {
        let error = Running::start_server(&mut shell("exit 3")).err().unwrap().to_string();
        assert!(error.contains("sh -c 'exit 3'") && error.contains('3'), "{error}");
    }

    #[test]
    fn nothing_is_left_behind() {
        let running = Running::start(&mut shell("exec sleep 60")).unwrap();
        let id = running.id().to_string();
        drop(running);
        assert!(!crate::shell::succeeds(Command::new("kill").args(["-0", &id])));
    }
}
