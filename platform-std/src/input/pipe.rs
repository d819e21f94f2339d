//! Standard input and FIFOs.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Input;
use super::error::InputError;
use super::feeder::Feeder;
use super::publisher::Publisher;
use super::stop::{Stop, Woken};

/// How long the last picture stays when a FIFO's writer has gone: a script may open the FIFO for each picture.
const PATIENCE: Duration = Duration::from_secs(5);

/// Standard input. It ends once.
#[derive(Debug)]
pub struct Stdin {
    _private: (),
}

impl Stdin {
    /// Reads standard input.
    ///
    /// # Errors
    /// It is a terminal.
    pub fn new() -> Result<Self, InputError> {
        if io::stdin().is_terminal() {
            return Err(InputError::last(
                "standard input is a terminal; a program has to write to it: PROGRAM | mutoscope-server cam=-",
            ));
        }
        Ok(Self { _private: () })
    }
}

impl Input for Stdin {
    fn run(&mut self, publisher: &Publisher, stop: &Stop) -> Result<(), InputError> {
        let mut file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let mut feeder = Feeder::new();
        match pump(&mut file, &mut feeder, None, publisher, stop)? {
            Pumped::End => Err(InputError::last("standard input has ended")),
            Pumped::Stopped | Pumped::TimedOut => Ok(()),
        }
    }
}

/// A FIFO. Programs that write to it may come and go.
#[derive(Debug)]
pub struct Fifo {
    path: PathBuf,
}

impl Fifo {
    /// Reads the FIFO at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn open(&self) -> Result<File, InputError> {
        // Opening one that nobody writes to would wait otherwise.
        let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(&self.path);
        file.map_err(|error| InputError::new(format!("the pipe cannot be opened: {error}")))
    }
}

impl Input for Fifo {
    fn run(&mut self, publisher: &Publisher, stop: &Stop) -> Result<(), InputError> {
        publisher.cease("no program writes to the pipe yet");
        let mut feeder = Feeder::new();
        let mut patience = None;
        loop {
            let mut file = self.open()?;
            loop {
                match pump(&mut file, &mut feeder, patience.take(), publisher, stop)? {
                    Pumped::Stopped => return Ok(()),
                    Pumped::TimedOut => publisher.cease("the program that wrote to the pipe has gone"),
                    Pumped::End => break,
                }
            }
            feeder.reset();
            patience = Some(Instant::now() + PATIENCE);
            // Where a system says at once that there is no writer, this keeps it from being asked all the time.
            if !stop.sleep(Duration::from_millis(20)) {
                return Ok(());
            }
        }
    }
}

/// Why [`pump`] has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pumped {
    /// The file has.
    End,
    /// Nothing came in time.
    TimedOut,
    /// The input is to end.
    Stopped,
}

/// Publishes the pictures of a file until it ends, or until nothing has come by `until`.
fn pump(
    file: &mut File,
    feeder: &mut Feeder,
    mut until: Option<Instant>,
    publisher: &Publisher,
    stop: &Stop,
) -> Result<Pumped, InputError> {
    loop {
        match stop.wait_readable(&*file, until)? {
            Woken::Ready => {}
            Woken::TimedOut => return Ok(Pumped::TimedOut),
            Woken::Stopped => return Ok(Pumped::Stopped),
        }
        match file.read(feeder.room()) {
            Ok(0) => {
                feeder.handle_end(publisher, stop);
                return Ok(Pumped::End);
            }
            Ok(len) => {
                until = None;
                if feeder.is_new() {
                    publisher.await_picture("a program writes");
                }
                if !feeder.handle_input(len, publisher, stop)? {
                    return Ok(Pumped::Stopped);
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{PATIENCE as LONG, Running};
    use super::*;
    use crate::media::testing::{Folder, frames};
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;
    use std::io::Write;
    use std::thread;

    #[test]
    fn writers_of_a_fifo_come_and_go_and_viewers_see_every_picture() {
        let folder = Folder::new();
        let path = folder.path().join("fifo");
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        let mut running = Running::start(Fifo::new(&path));
        running.watcher.wait_for_reason(|reason| reason.contains("no program writes"));
        let expected = frames(6);
        for (number, frame) in expected.iter().enumerate() {
            // It waits for the other end.
            let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
            let (first, second) = frame.split_at(30);
            writer.write_all(first).unwrap();
            if number == 0 {
                running.watcher.wait_for_reason(|reason| reason == "a program writes, but no picture has come yet");
            }
            assert!(running.watcher.next_within(Duration::from_millis(5)).is_none(), "half a picture is none");
            writer.write_all(second).unwrap();
            assert_eq!(running.watcher.next(), (number as u32, frame.clone()));
            assert_eq!(running.live.viewers(), 2);
        }
    }

    #[test]
    fn pictures_come_through_a_pipe_one_by_one_and_it_ends_once() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut file = File::from(std::os::fd::OwnedFd::from(reader));
        struct Once(Option<File>);
        impl Input for Once {
            fn run(&mut self, publisher: &Publisher, stop: &Stop) -> Result<(), InputError> {
                let mut file = self.0.take().unwrap();
                pump(&mut file, &mut Feeder::new(), None, publisher, stop)?;
                Err(InputError::last("standard input has ended"))
            }
        }
        let mut running = Running::start(Once(Some(std::mem::replace(&mut file, File::open("/dev/null").unwrap()))));
        for frame in frames(50) {
            writer.write_all(&frame).unwrap();
            assert_eq!(running.watcher.next().1, frame);
        }
        drop(writer);
        running.watcher.wait_for_reason(|reason| reason == "standard input has ended");
        assert_eq!(running.state(), super::super::State::Over);
        let before = Instant::now();
        thread::spawn(move || drop(running)).join().unwrap();
        assert!(before.elapsed() < LONG);
    }
}
