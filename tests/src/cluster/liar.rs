//! A node that says what is not so, and more of it than anybody can hear.

use super::network::Place;
use anyhow::{Context, Result, anyhow};
use mutoscope_std::cluster::exchange::{Exchange, Question, Sample};
use mutoscope_std::cluster::{About, Stamp, Topology, Zenoh};
use mutoscope_std::guard::Who;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::interop::feeds::{Running, spawn};

/// What it calls itself.
pub const NAME: &str = "liar";
/// Under this it shouts.
pub const FLOOD: &str = "flood";
/// How long it takes to say it all.
pub const TIME: Duration = Duration::from_secs(5);

/// The word of the command line that makes a process one.
pub const WORD: &str = "lie";

/// Starts one there; it connects with that node.
pub fn start(place: &Place, node: SocketAddr) -> Result<Running> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    spawn(place.command(&program).arg(WORD).arg(node.to_string()))
}

/// Says it all, until it is killed.
pub fn lie(node: &str) -> Result<()> {
    let topology = Topology { connect: vec![node.to_owned()], ..Topology::default() };
    let zenoh = Zenoh::open(&topology)?;
    let mut kept = Vec::new();
    let (is_watched, watched) = mpsc::channel();
    // Everybody may watch the flood; of another stream it says more than anybody can want to know.
    let about = About { watch: Who::everybody(), ..About::default() }.to_json();
    let answer = move |question: Box<dyn Question>| {
        let tell = |stream: &str, words: &[u8]| {
            let key = format!("mutoscope/{NAME}/{stream}/about");
            question.answer(Sample { key: &key, payload: words, attachment: b"" });
        };
        tell(FLOOD, about.as_bytes());
        tell("cam", &vec![b'['; 1 << 20]);
    };
    kept.push(zenoh.answer(&format!("mutoscope/{NAME}/*/about"), Box::new(answer))?);
    for stream in ["a%2Fb", "%00", "%2E%2E", "%ff", "x%2", "cam", FLOOD] {
        kept.push(zenoh.declare(&format!("mutoscope/{NAME}/{stream}/live"))?);
    }
    for key in ["mutoscope/%2E/x/live", "mutoscope/a/b/c/d/live", &format!("mutoscope/{}/x/live", "n".repeat(5000))] {
        kept.push(zenoh.declare(key)?);
    }
    let mut flood =
        zenoh.publish(&format!("mutoscope/{NAME}/{FLOOD}/jpeg"), Box::new(move |is| _ = is_watched.send(is)))?;
    // Where nobody watches, nothing leaves.
    watched.recv_timeout(TIME / 2).context("nobody watches")?;
    let stamp = |number: u64| Stamp { incarnation: 1, number, captured: u64::MAX - number, sent: number }.to_bytes();
    let mut number = 0;
    let begin = Instant::now();
    let small = vec![0xff; 60_000];
    // Those who watch it get nothing else for a second.
    while begin.elapsed() < Duration::from_secs(2) {
        number += 1;
        flood.put(&small, &stamp(number))?;
    }
    for mebibytes in [17, 31, 33, 100] {
        number += 1;
        flood.put(&vec![0xff; mebibytes << 20], &stamp(number))?;
    }
    for stream in 0..10_000 {
        kept.push(zenoh.declare(&format!("mutoscope/{NAME}/s{stream}/live"))?);
    }
    loop {
        std::thread::sleep(Duration::from_secs(1));
        if kept.is_empty() {
            return Err(anyhow!("there is nothing to say"));
        }
    }
}
