//! Sound pictures of every kind that is served without loss, by libjpeg-turbo's encoder.

use crate::net::Random;
use crate::process::Scratch;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::thread;

/// A sound picture.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it is, as options of cjpeg.
    pub name: String,
    /// The file.
    pub file: Vec<u8>,
}

/// Pictures of several scans: how cjpeg is asked for them, and the script of their scans, if it is not cjpeg's own.
const SCANS: [(&[&str], Option<&str>); 9] = [
    (&["-progressive"], None),
    (&["-progressive", "-restart", "3B"], None),
    (&["-progressive", "-arithmetic"], None),
    (&["-arithmetic", "-restart", "2B"], None),
    (&[], Some("0; 1; 2;")),
    // DC coefficients one by one and bit by bit; high frequencies before low ones.
    (
        &["-restart", "1"],
        Some("0,1,2: 0-0, 0, 0; 2: 1-63, 0, 0; 0: 6-63, 0, 1; 0: 1-5, 0, 0; 0: 6-63, 1, 0; 1: 1-63, 0, 0;"),
    ),
    (
        &[],
        Some(
            "0: 0-0, 0, 2; 1,2: 0-0, 0, 1; 0: 0-0, 2, 1; 0: 1-2, 0, 3; 1: 1-63, 0, 0; 0: 0-0, 1, 0; 0: 1-2, 3, 2; 1,2: 0-0, 1, 0; 0: 10-63, 0, 0;",
        ),
    ),
    (
        &["-arithmetic"],
        Some("0,1: 0-0, 0, 1; 2: 0-0, 0, 0; 0: 3-9, 0, 1; 0,1: 0-0, 1, 0; 0: 1-2, 0, 1; 0: 3-9, 1, 0; 1: 1-63, 0, 2;"),
    ),
    (
        &["-quality", "97"],
        Some(
            "0,1,2: 0-0, 0, 3; 0,1,2: 0-0, 3, 2; 0: 1-63, 0, 4; 0,1,2: 0-0, 2, 1; 1: 1-63, 0, 4; 2: 1-63, 0, 4; 0: 1-63, 4, 3;",
        ),
    ),
];

const SIZES: [(usize, usize); 4] = [(64, 48), (40, 40), (17, 25), (96, 33)];

/// One picture of each kind and size.
///
/// # Errors
/// cjpeg cannot be run.
pub fn sources(random: &mut Random) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    let shapes: [&[&str]; 6] = [
        &["-sample", "2x2"],
        &["-sample", "2x1"],
        &["-sample", "2x2,1x2,1x2"],
        &["-sample", "4x1,2x1,2x1"],
        &["-grayscale"],
        &["-sample", "2x2", "-quality", "95"],
    ];
    let codings: [&[&str]; 6] = [
        &[],
        &["-optimize"],
        &["-restart", "1B"],
        &["-restart", "3B"],
        &["-optimize", "-restart", "1"],
        &["-optimize", "-restart", "5B"],
    ];
    for (number, (width, height)) in SIZES.into_iter().enumerate() {
        let samples = scene(width, height, random);
        for (shape, coding) in shapes.iter().flat_map(|shape| codings.map(|coding| (shape, coding))) {
            // Not all of them in all sizes: starting cjpeg takes time.
            if (sources.len() + number) % 2 == 0 || number == 0 {
                let options = [*shape, coding].concat();
                sources.push(Source { name: options.join(" "), file: cjpeg(&samples, &options)? });
            }
        }
    }
    let folder = Scratch::new("scans")?;
    let script = folder.0.join("scans");
    let sizes = [(70, 90), (17, 25), (96, 33), (8, 100)];
    for (number, (width, height)) in sizes.into_iter().enumerate() {
        let samples = scene(width, height, random);
        for (at, (coding, scans)) in SCANS.into_iter().enumerate() {
            let shape = shapes[(at + number * 2) % 4];
            let mut options = [shape, coding].concat();
            let name = format!("{} {}", options.join(" "), scans.unwrap_or_default());
            if let Some(scans) = scans {
                fs::write(&script, scans)?;
                options.extend(["-scans", script.to_str().context("no name")?]);
            }
            sources.push(Source { name, file: cjpeg(&samples, &options)? });
        }
        let options = ["-grayscale", "-progressive"];
        sources.push(Source { name: options.join(" "), file: cjpeg(&samples, &options)? });
    }
    Ok(sources)
}

/// What libjpeg-turbo's encoder makes of a PPM file.
pub(crate) fn cjpeg(samples: &[u8], options: &[&str]) -> Result<Vec<u8>> {
    let output = fed(Command::new("cjpeg").args(options), samples)?;
    ensure!(output.status.success(), "cjpeg {options:?} ended with {}", output.status);
    Ok(output.stdout)
}

/// Runs a program with this for its input, of which it need not read all.
pub(crate) fn fed(command: &mut Command, input: &[u8]) -> Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    // It may write before it has read, and a pipe may hold as little as one page.
    thread::scope(|scope| {
        scope.spawn(move || drop(stdin.write_all(input)));
        Ok(child.wait_with_output()?)
    })
}

/// Waves, edges and grain as a PPM file.
pub(crate) fn scene(width: usize, height: usize, random: &mut Random) -> Vec<u8> {
    let mut file = format!("P6 {width} {height} 255\n").into_bytes();
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x as f64, y as f64))) {
        let edge = if (x / 13.0) as u32 % 2 == (y / 17.0) as u32 % 2 { 40.0 } else { -20.0 };
        for phase in [0.0, 1.0, 2.5] {
            let wave = 128.0 + edge + 50.0 * (x / 9.0 + phase).sin() * (y / 11.0).cos() + random.below(21) as f64;
            file.push(wave.clamp(0.0, 255.0) as u8);
        }
    }
    file
}
