//! Runs a server for minutes, with viewers that stay and viewers that come and go. Its resources must not grow.

use crate::control::Door;
use crate::interop::lab::{LabClient, SPELLINGS};
use crate::load::{Load, Manner, OUR_TRACK, Transport};
use crate::net::Random;
use crate::process::{Server, Usage};
use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The number of viewers that stay for the whole time, of each kind: over UDP, over TCP, and in the lab's dialect.
pub const STAYING: [usize; 3] = [4, 4, 2];

/// The server, and the load for it.
#[derive(Debug)]
pub struct Soak<'a> {
    /// The server, which repeats its files.
    pub server: &'a Server,
    /// A path that standard clients play.
    pub path: &'a str,
    /// A path of frames that fit the packets of the lab's client.
    pub lab_path: &'a str,
    /// The duration.
    pub duration: Duration,
    /// The time between two samples of the server's resources.
    pub interval: Duration,
}

/// The result.
#[derive(Debug)]
pub struct Outcome {
    /// The server's resources, sample by sample.
    pub samples: Vec<Usage>,
    /// The number of sessions that began and ended meanwhile.
    pub sessions: u64,
    /// The number of frames that the viewers that stayed did not receive.
    pub lost_frames: u64,
    /// The longest time between two frames of a viewer that stayed.
    pub longest_gap: Duration,
}

impl Soak<'_> {
    /// Plays for the duration. Calls `tick` with every sample.
    pub fn run(&self, mut tick: impl FnMut(Duration, Usage)) -> Result<Outcome> {
        let begin = Instant::now();
        let end = begin + self.duration;
        let sessions = AtomicU64::new(0);
        let failures = Mutex::new(Vec::new());
        let note = |result: Result<()>| {
            if let (Err(error), Ok(mut failures)) = (result, failures.lock()) {
                failures.push(format!("{error:#}"));
            }
        };
        let mut samples = Vec::new();
        let viewers = std::thread::scope(|scope| -> Result<_> {
            let [udp, tcp, lab] = STAYING;
            let staying = [(Transport::Udp, udp), (Transport::Tcp, tcp)].map(|(transport, viewers)| {
                scope.spawn(move || self.load(transport, viewers, self.duration).run(|_| ()))
            });
            for _ in 0..lab {
                scope.spawn(|| note(self.stay_in_lab(end)));
            }
            for number in 0..COMING.len() {
                let (sessions, note) = (&sessions, &note);
                scope.spawn(move || note(self.come_and_go(number, end, sessions)));
            }
            while Instant::now() < end {
                let usage = Usage::of(self.server.id()).context("the server is gone")?;
                tick(begin.elapsed(), usage);
                samples.push(usage);
                std::thread::sleep(self.interval.min(end.saturating_duration_since(Instant::now())));
            }
            let mut viewers = Vec::new();
            for thread in staying {
                viewers.extend(thread.join().ok().context("a viewer panicked")??);
            }
            Ok(viewers)
        })?;
        let failures = failures.into_inner().unwrap_or_default();
        ensure!(failures.is_empty(), "{}", failures.join("; "));
        Ok(Outcome {
            samples,
            sessions: sessions.into_inner(),
            lost_frames: viewers.iter().map(|viewer| viewer.lost_frames).sum(),
            longest_gap: viewers.iter().map(|viewer| viewer.longest_gap).max().unwrap_or_default(),
        })
    }

    fn load(&self, transport: Transport, viewers: usize, duration: Duration) -> Load {
        let (door, path) = (Door::Plain(self.server.address), self.path.into());
        let (track, manner) = (OUR_TRACK, Manner::Watching);
        Load { door, is_secret: false, path, track, viewers, transport, manner, duration, frame_rate: 24 }
    }

    fn stay_in_lab(&self, end: Instant) -> Result<()> {
        let mut client = LabClient::connect(self.server.address, self.lab_path, SPELLINGS[0])?;
        ensure!(client.setup()?.status == 200 && client.request("PLAY")?.status == 200, "the lab client was refused");
        while Instant::now() < end {
            // The file repeats, and its frame numbers go on to 65,535, which takes 45 minutes.
            let frame = client.frame(Duration::from_secs(3))?;
            ensure!(frame.is_some(), "a lab viewer got no frame for 3 s");
        }
        Ok(())
    }

    /// Plays one session after the other. Each has another kind, length and end.
    fn come_and_go(&self, number: usize, end: Instant, sessions: &AtomicU64) -> Result<()> {
        let mut random = Random::new(number as u64);
        while Instant::now() < end {
            let duration = Duration::from_millis(20 + random.below(400));
            match COMING.get(number) {
                Some(Coming::Standard(transport)) => _ = self.load(*transport, 1, duration).run(|_| ())?,
                Some(Coming::Lab) => self.visit_in_lab(duration, random.below(2) == 0)?,
                Some(Coming::Stranger) | None => stranger(self.server.address, random.below(3))?,
            }
            sessions.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn visit_in_lab(&self, duration: Duration, politely: bool) -> Result<()> {
        let mut client = LabClient::connect(self.server.address, self.lab_path, SPELLINGS[0])?;
        ensure!(client.setup()?.status == 200 && client.request("PLAY")?.status == 200, "the lab client was refused");
        let end = Instant::now() + duration;
        while Instant::now() < end {
            client.frame(Duration::from_millis(20))?;
        }
        if politely {
            ensure!(client.request("TEARDOWN")?.status == 200, "TEARDOWN was refused");
        }
        Ok(())
    }
}

/// The kinds of sessions that come and go.
enum Coming {
    Standard(Transport),
    Lab,
    /// A peer that speaks another protocol, or nothing.
    Stranger,
}

const COMING: [Coming; 4] =
    [Coming::Standard(Transport::Udp), Coming::Standard(Transport::Tcp), Coming::Lab, Coming::Stranger];

fn stranger(server: SocketAddr, kind: u64) -> Result<()> {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(server)?;
    let words: &[u8] = match kind {
        0 => b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
        1 => {
            b"SETUP rtsp://here/nowhere RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n"
        }
        _ => b"",
    };
    stream.write_all(words)?;
    std::thread::sleep(Duration::from_millis(30));
    Ok(())
}

/// The growth of memory that is no leak. An allocator's free lists settle slowly: it adds a page now and then, while the
/// number of live bytes stays the same.
const SLACK_KIB: u64 = 128;

/// Says whether memory or descriptors have grown: a sentence for each.
///
/// Both go up and down as viewers come and go. A leak shows when the lowest sample of the last fifth is above the highest
/// of the first. A leak of a few bytes a session is larger after five minutes than the slack for memory.
pub fn growth(samples: &[Usage]) -> Vec<String> {
    let fifth = samples.len() / 5;
    let (Some(first), Some(last)) = (samples.get(..fifth), samples.get(samples.len() - fifth..)) else { return vec![] };
    let grown = |name: &str, of: fn(&Usage) -> u64, slack: u64| {
        let (before, after) = (first.iter().map(of).max()?, last.iter().map(of).min()?);
        let sentence = format!("{name}: at most {before} in the first fifth, at least {after} in the last");
        (after > before + slack).then_some(sentence)
    };
    let (resident, open) = (|usage: &Usage| usage.resident_kib, |usage: &Usage| usage.descriptors as u64);
    [grown("resident KiB", resident, SLACK_KIB), grown("descriptors", open, 0)].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[u64]) -> Vec<Usage> {
        let sample = |&resident_kib: &u64| Usage {
            processor: Duration::ZERO,
            resident_kib,
            peak_kib: resident_kib,
            descriptors: 20,
            waited: Duration::ZERO,
            sleeps: 0,
            first_sleeps: 0,
        };
        values.iter().map(sample).collect()
    }

    #[test]
    fn what_ends_higher_than_it_ever_began_has_grown() {
        assert!(growth(&samples(&[500, 900, 500, 900, 500, 900, 500, 900, 500, 900])).is_empty(), "up and down");
        assert!(growth(&samples(&[500, 900, 900, 900, 900, 900, 900, 900, 1000, 1000])).is_empty(), "it settles");
        assert_eq!(growth(&samples(&[500, 600, 600, 700, 700, 800, 800, 900, 900, 1000])).len(), 1, "a leak");
        assert!(growth(&samples(&[500, 600])).is_empty(), "too short to tell");
        let mut open = samples(&[500; 10]);
        open.iter_mut().zip(20..).for_each(|(sample, count)| sample.descriptors = count);
        assert_eq!(growth(&open).len(), 1, "a descriptor at a time");
    }
}
