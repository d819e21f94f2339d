//! Walls of several streams, and pictures that are as large as a core decodes, beside what decoding them takes alone.

use super::{Played, Promise, number};
use crate::bench::{TRIES, Values, measure as values_of, program};
use crate::child::Running;
use crate::shell::{release_program, target_dir};
use anyhow::{Context, Result};
use std::process::Command;

/// The most tiles of a wall, of which each takes no more of a core than the player alone may.
const TILES: [usize; 4] = [1, 4, 9, 16];
const TILE_PERCENT: f64 = 15.0;
const TILE_LATENCY_MS: f64 = 60.0;

/// Films of pictures that resemble photographs: width, height and frames a second.
const LARGE: [(u16, u16, u16); 2] = [(1920, 1080, 60), (3840, 2160, 24)];

/// Plays walls of the card behind `url`, and large films of its own.
pub(super) fn measure(url: &str, display: &str, seconds: u64) -> Result<Vec<Promise>> {
    let mut promises = Vec::new();
    for tiles in TILES {
        promises.extend(wall(url, tiles, display, seconds)?);
    }
    for film in LARGE {
        promises.push(large(film, display, seconds)?);
    }
    Ok(promises)
}

fn most(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, f64::max)
}

/// So many tiles of 640x480 at 24 frames a second in a window of 1280x1024.
fn wall(url: &str, tiles: usize, display: &str, seconds: u64) -> Result<[Promise; 2]> {
    let (mut best, mut tries) = (None::<Played>, 0);
    while tries < TRIES {
        let urls = vec![url; tiles];
        let played = Played::watch(&urls, &["--window-size", "1280x1024"], display, seconds)?;
        let age = |played: &Played| most(played.values("latency_99_ms"));
        if best.as_ref().is_none_or(|best| age(&played) < age(best)) {
            best = Some(played);
        }
        tries += 1;
        if best.as_ref().is_some_and(|best| age(best) < TILE_LATENCY_MS) {
            break;
        }
    }
    let played = best.context("it was played")?;
    let sum = |key| played.values(key).sum::<f64>();
    let (shown, dropped, age) = (sum("shown"), sum("dropped"), most(played.values("latency_99_ms")));
    let (each, decoding) = (played.processor_percent / tiles as f64, sum("decoding_ms") / tiles as f64);
    let again = if tries > 1 { format!(" (best of {tries} runs)") } else { String::new() };
    println!(
        "{tiles} at once: {shown} pictures shown, {dropped} dropped, {:.1} % of a core, {each:.1} a tile, decoding {decoding:.2} ms, latency \
         {age:.1} ms of 99 in 100 in the worst tile, {:.1} MB{again}",
        played.processor_percent, played.peak_mb
    );
    let name = if tiles == 1 { "a window of 1280x1024".into() } else { format!("a wall of {tiles} tiles") };
    Ok([
        Promise {
            what: format!("{name}: processor time a stream of 640x480; decoding a picture; memory"),
            target: format!("< {TILE_PERCENT} % of a core"),
            measured: format!("{each:.1} %; {decoding:.2} ms; {:.0} MB{again}", played.peak_mb),
            reached: each < TILE_PERCENT,
        },
        Promise {
            what: format!("{name}: age of a picture in the worst tile, 99 of 100; dropped"),
            target: format!("< {TILE_LATENCY_MS} ms"),
            measured: format!("{age:.1} ms; {dropped} of {}{again}", shown + dropped),
            reached: age < TILE_LATENCY_MS,
        },
    ])
}

/// Large pictures in a window of 1920x1080, which shows those of 1080 rows a little smaller than they are.
fn large((width, height, rate): (u16, u16, u16), display: &str, seconds: u64) -> Result<Promise> {
    let film = target_dir()?.join(format!("bench-{width}x{height}.mjpeg"));
    let sides = [width, height].map(|side| side.to_string());
    let alone: Values = values_of(program("pictures")?.arg("--size").args(&sides).arg(&film))?;
    let mut command = Command::new(release_program("mutoscope-server")?);
    command.args(["--host", "127.0.0.1", "--rtsp-port", "0", "-q", "--loop", "--frame-rate", &rate.to_string()]);
    let (_server, urls) = Running::start_server(command.arg(&film))?;
    let url = urls.first().context("the server has no film")?;
    let (mut best, mut tries) = (None::<Played>, 0);
    let dropped = |played: &Played| played.values("dropped").sum::<f64>() + played.values("incomplete").sum::<f64>();
    while tries < TRIES {
        let options = ["--window-size", "1920x1080", "--transport", "tcp"];
        let played = Played::watch(&[url.as_str()], &options, display, seconds)?;
        if best.as_ref().is_none_or(|best| dropped(&played) < dropped(best)) {
            best = Some(played);
        }
        tries += 1;
        if best.as_ref().is_some_and(|best| dropped(best) == 0.0) {
            break;
        }
    }
    let played = best.context("it was played")?;
    let (shown, missed) = (played.value(0, "shown")?, dropped(&played));
    let decoding = number(&played.summaries[0], "decoding_ms").unwrap_or_default();
    let [whole, half] = ["whole_ms", "half_ms"].map(|name| alone.of(name));
    let (whole, half) = (whole?, half?);
    let again = if tries > 1 { format!(" (best of {tries} runs)") } else { String::new() };
    let measured = format!(
        "{missed} of {}, {:.0} % of a core, decoding {decoding:.1} ms, {:.0} MB{again}; alone {whole:.1} ms ({:.0} a second), at 1/2 {half:.1} ms",
        shown + missed,
        played.processor_percent,
        played.peak_mb,
        1000.0 / whole.max(0.01),
    );
    println!("{width}x{height} at {rate}, {:.0} KB a picture: dropped {measured}", alone.of("kilobytes")?);
    Ok(Promise {
        what: format!("{width}x{height} at {rate} frames a second in a window of 1920x1080: pictures dropped"),
        target: "0".into(),
        measured,
        reached: missed == 0.0,
    })
}
