//! Many viewers of a running server at once. Counts what each of them receives.
//!
//! A viewer here believes RTP headers and does not look at pictures, so that one core can run a thousand viewers. Over UDP, the
//! kernel tells when each packet came to a viewer's socket. The time when this program reads the packet says little about the
//! server on a busy machine.
//!
//! One loop serves all viewers from the first connection on: who plays is read while others still come, so that nobody's socket
//! overflows and nobody's session ends before counting begins.

mod counter;
pub mod kernel;
mod shares;
mod viewer;

pub use counter::{LATE, StrictClient};
pub use shares::{SPAN, Shares, shares};

use crate::control::Door;
use anyhow::{Context, Result, ensure};
use counter::Window;
use mio::{Events, Poll, Token};
use std::io::ErrorKind;
use std::time::{Duration, Instant, SystemTime};
use viewer::Viewer;

/// The transport of the viewers' media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// RTP over UDP.
    Udp,
    /// Interleaved in the RTSP connection.
    Tcp,
}

/// What the viewers do while they are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// They play, and read what comes.
    #[default]
    Watching,
    /// They play, and have stopped reading.
    Stalled,
    /// They have played, and pause.
    Paused,
    /// They have sent OPTIONS once, and no more.
    Asked,
    /// They have connected, and sent nothing.
    Silent,
}

/// A point in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// All viewers are where they should be: counting begins.
    Started,
    /// Counting has ended; the viewers are still there.
    Ended,
}

/// Our server's track.
pub const OUR_TRACK: &str = "/trackID=0";

/// The viewers to run.
#[derive(Clone, Debug)]
pub struct Load {
    /// The server.
    pub door: Door,
    /// Media are encrypted, with a key that the description tells. The viewers do not decrypt them, and count them all the same.
    pub is_secret: bool,
    /// The path to play, without the leading slash.
    pub path: String,
    /// The track's part of the URL behind it, as the server's description has it: [`OUR_TRACK`], or another server's own.
    pub track: &'static str,
    /// The number of viewers.
    pub viewers: usize,
    /// The transport of their media.
    pub transport: Transport,
    /// What they do.
    pub manner: Manner,
    /// The time for which all of them do it at once.
    pub duration: Duration,
    /// Frames per second of the medium. It shows which frames were left out.
    pub frame_rate: u32,
}

/// So many connect and set up at once, at most: fewer than a server keeps waiting to be accepted.
const COMING: usize = 32;
/// So many have asked to play and have no answer yet, at most.
const STARTING: usize = 8;
/// After so long without any answer it is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often viewers give a sign of life: three times in a session's usual timeout.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long a viewer that got nothing is waited for when it asks why.
const QUESTION: Duration = Duration::from_secs(1);

impl Load {
    /// Connects all viewers, plays for the duration, and leaves without TEARDOWN. `tick` is told when counting begins and when it
    /// has ended.
    ///
    /// # Errors
    /// Those of the sockets; a viewer was refused, or the server closed its connection.
    pub fn run(&self, mut tick: impl FnMut(Moment)) -> Result<Vec<StrictClient>> {
        let mut crowd = Crowd::new(self)?;
        crowd.enter()?;
        crowd.play()?;
        crowd.pause()?;
        crowd.turn(Duration::ZERO)?;
        tick(Moment::Started);
        crowd.watch()?;
        tick(Moment::Ended);
        crowd.leave()
    }
}

/// All viewers of a run.
struct Crowd<'a> {
    load: &'a Load,
    poll: Poll,
    events: Events,
    viewers: Vec<Viewer>,
    /// What is read goes through here.
    chunk: Vec<u8>,
    keep_alive: Instant,
    is_stalled: bool,
}

impl<'a> Crowd<'a> {
    fn new(load: &'a Load) -> Result<Self> {
        Ok(Self {
            load,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            viewers: Vec::new(),
            chunk: vec![0; 1 << 18],
            keep_alive: Instant::now() + KEEP_ALIVE,
            is_stalled: false,
        })
    }

    /// Reads what came within this time, and gives signs of life where it is time for them.
    fn turn(&mut self, patience: Duration) -> Result<()> {
        if let Err(error) = self.poll.poll(&mut self.events, Some(patience)) {
            ensure!(error.kind() == ErrorKind::Interrupted, error);
        }
        if self.is_stalled {
            std::thread::sleep(patience);
            return Ok(());
        }
        for event in &self.events {
            let Token(n) = event.token();
            self.viewers[n].receive(self.load, &mut self.chunk).with_context(|| format!("viewer {n}"))?;
        }
        if Instant::now() >= self.keep_alive {
            self.keep_alive += KEEP_ALIVE;
            for viewer in self.viewers.iter_mut().filter(|viewer| viewer.may_ask()) {
                viewer.request("GET_PARAMETER", self.load, "")?;
            }
        }
        Ok(())
    }

    /// Waits until `is_done` holds for all, `begin`ning what is to be begun, for at most `at_once` of them at a time.
    fn all(
        &mut self,
        at_once: usize,
        mut begin: impl FnMut(&mut Self, usize) -> Result<bool>,
        is_done: impl Fn(&Viewer) -> bool,
    ) -> Result<()> {
        let (mut next, mut done) = (0, 0);
        let mut progress = Instant::now();
        while done < self.load.viewers {
            while next < self.load.viewers && next - done < at_once && begin(self, next)? {
                next += 1;
            }
            self.turn(Duration::from_millis(1))?;
            let now_done = self.viewers.iter().filter(|viewer| is_done(viewer)).count();
            if now_done > done {
                (done, progress) = (now_done, Instant::now());
            }
            ensure!(progress.elapsed() < PATIENCE, "{done} viewers were answered, and then none for {PATIENCE:?}");
        }
        Ok(())
    }

    /// All connect, and set up where they mean to play.
    fn enter(&mut self) -> Result<()> {
        let begin = |crowd: &mut Self, n: usize| {
            let mut viewer = Viewer::open(crowd.load).with_context(|| format!("viewer {n}"))?;
            viewer.register(&crowd.poll, Token(n))?;
            crowd.viewers.push(viewer);
            Ok(true)
        };
        self.all(COMING, begin, Viewer::is_in)
    }

    const fn plays(&self) -> bool {
        matches!(self.load.manner, Manner::Watching | Manner::Stalled | Manner::Paused)
    }

    /// All ask to play, spread over the time of a frame as far as the answers come in time.
    fn play(&mut self) -> Result<()> {
        if !self.plays() {
            return Ok(());
        }
        let first = Instant::now();
        let begin = |crowd: &mut Self, n: usize| {
            let turn = n as f64 / crowd.load.viewers as f64 / f64::from(crowd.load.frame_rate.max(1));
            if first.elapsed().as_secs_f64() < turn {
                return Ok(false);
            }
            crowd.viewers[n].request("PLAY", crowd.load, "")?;
            Ok(true)
        };
        self.all(STARTING, begin, Viewer::is_playing)
    }

    fn pause(&mut self) -> Result<()> {
        if self.load.manner != Manner::Paused {
            return Ok(());
        }
        let begin = |crowd: &mut Self, n: usize| {
            crowd.viewers[n].request("PAUSE", crowd.load, "")?;
            Ok(true)
        };
        self.all(STARTING, begin, Viewer::is_paused)?;
        // What was on its way, and the last report, is no part of the pause.
        self.rest(Duration::from_secs(1))
    }

    fn rest(&mut self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            let rest = end.saturating_duration_since(Instant::now());
            self.turn(rest.min(Duration::from_millis(200)))?;
        }
        Ok(())
    }

    /// Counts for the duration.
    fn watch(&mut self) -> Result<()> {
        self.is_stalled = self.load.manner == Manner::Stalled;
        self.keep_alive = Instant::now() + KEEP_ALIVE;
        let begin = SystemTime::now();
        let window = Window { begin, end: begin + self.load.duration };
        for viewer in &mut self.viewers {
            viewer.counter.open(window);
        }
        self.rest(self.load.duration)
    }

    /// What came to the sockets in time still counts.
    fn leave(mut self) -> Result<Vec<StrictClient>> {
        self.turn(Duration::ZERO)?;
        let seconds: Vec<_> = self.viewers.iter().map(|viewer| viewer.counter.seconds().to_vec()).collect();
        if self.load.manner == Manner::Watching {
            self.question(&shares(&seconds).silent)?;
        }
        Ok(self.viewers.into_iter().map(Viewer::finish).collect())
    }

    /// Finds out what there is to know of those that got nothing.
    fn question(&mut self, silent: &[usize]) -> Result<()> {
        if silent.is_empty() {
            return Ok(());
        }
        for &n in silent {
            self.viewers[n].ask_why(self.load);
        }
        self.rest(QUESTION)?;
        let drops = kernel::udp_drops();
        for &n in silent {
            self.viewers[n].testify(&drops);
        }
        Ok(())
    }
}
