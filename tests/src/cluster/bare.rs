//! The limit: pictures from one program to another over Zenoh, settings as ours, with nothing around it.

use super::network::Place;
use crate::interop::feeds::{Running, spawn};
use crate::latency::percentile;
use anyhow::{Context, Result, ensure};
use mutoscope_std::cluster::exchange::{Exchange, Sample};
use mutoscope_std::cluster::{Stamp, Topology, Zenoh};
use nix::time::{ClockId, clock_gettime};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a process of these does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// It hands on.
    Relay,
    /// It sends pictures.
    Put,
    /// It gets them, and prints their ages in microseconds at the end: half of them, and 99 of 100, and how many there were.
    Take,
}

/// The word of the command line that makes a process one.
pub const WORD: &str = "bare";

/// Starts one; it listens there, or connects there.
pub fn start(place: &Place, part: Part, node: SocketAddr, streams: usize, seconds: u64) -> Result<Running> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let word = clap::ValueEnum::to_possible_value(&part).context("no word")?;
    let mut command = place.command(&program);
    command.args([WORD, word.get_name(), &node.to_string(), &streams.to_string(), &seconds.to_string()]);
    spawn(command.stdout(Stdio::piped()))
}

/// What one that takes has printed.
pub fn ages(taker: &mut Running) -> Result<(Duration, Duration, usize)> {
    let mut line = String::new();
    BufReader::new(taker.stdout().context("it prints nothing")?).read_line(&mut line)?;
    let mut numbers = line.split_whitespace().map(str::parse::<u64>);
    let mut next = || numbers.next().context("too few numbers")?.context("no number");
    Ok((Duration::from_micros(next()?), Duration::from_micros(next()?), next()? as usize))
}

/// Does what it is.
pub fn run(part: Part, node: &str, streams: usize, seconds: u64) -> Result<()> {
    let place = vec![node.to_owned()];
    let topology = match part {
        Part::Relay => Topology { listen: place, ..Topology::default() },
        Part::Put | Part::Take => Topology { connect: place, ..Topology::default() },
    };
    let zenoh = Zenoh::open(&topology)?;
    let key = |stream: usize| format!("mutoscope/bare/s{stream}/jpeg");
    match part {
        Part::Relay => std::thread::sleep(Duration::from_secs(3600)),
        Part::Put => {
            let picture = vec![0xa5; super::events::BYTES];
            let publish = |stream| zenoh.publish(&key(stream), Box::new(|_| ()));
            let mut all = (0..streams).map(publish).collect::<Result<Vec<_>, _>>()?;
            let step = Duration::from_secs(1) / (super::scenes::RATE * streams as u32);
            let mut due = Instant::now();
            for number in 0_usize.. {
                let captured = now()?;
                let stamp = Stamp { incarnation: 1, number: number as u64, captured, sent: captured };
                all[number % streams].put(&picture, &stamp.to_bytes())?;
                due += step;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        }
        Part::Take => {
            let ages = Arc::new(Mutex::new(Vec::new()));
            let mut held = Vec::new();
            for stream in 0..streams {
                let ages = Arc::clone(&ages);
                let take = move |sample: Sample<'_>| {
                    if let (Some(stamp), Ok(now)) = (Stamp::parse(sample.attachment), now()) {
                        let age = Duration::from_micros(now.saturating_sub(stamp.captured));
                        ages.lock().unwrap_or_else(PoisonError::into_inner).push(age);
                    }
                };
                held.push(zenoh.watch(&key(stream), Box::new(take))?);
            }
            std::thread::sleep(Duration::from_secs(1));
            ages.lock().unwrap_or_else(PoisonError::into_inner).clear();
            std::thread::sleep(Duration::from_secs(seconds));
            let ages = std::mem::take(&mut *ages.lock().unwrap_or_else(PoisonError::into_inner));
            ensure!(!ages.is_empty(), "nothing came");
            let of = |percent| percentile(ages.iter().copied(), percent).as_micros();
            #[allow(clippy::print_stdout, reason = "the figures are this process's product")]
            {
                println!("{} {} {}", of(50), of(99), ages.len());
            }
        }
    }
    Ok(())
}

/// Microseconds of a clock that all processes of this machine have.
fn now() -> Result<u64> {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(time.tv_sec() as u64 * 1_000_000 + time.tv_nsec() as u64 / 1000)
}
