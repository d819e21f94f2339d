//! Bends pictures in every way that cameras do, and others, and compares what djpeg shows of them with what viewers get.
#![allow(clippy::print_stdout, reason = "the table is this program's product")]

use anyhow::{Context, Result};
use clap::Parser;
use mutoscope_std::media::Policy;
use mutoscope_std::media::inspect::Converter;
use mutoscope_tests::bent::{Bend, Source, Verdict, bent, compare, sources};
use mutoscope_tests::net::Random;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

/// Compares what djpeg shows of damaged pictures with what viewers get of them. The same seed makes the same pictures.
#[derive(Parser)]
struct Args {
    /// The number of pictures
    #[arg(long, default_value_t = 2400)]
    files: u64,
    /// Where the random numbers begin
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where pictures go of which viewers get another one, or none
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// Comparisons of one kind of damage.
#[derive(Default)]
struct Tally {
    same: u32,
    not_shown: u32,
    inexpressible: u32,
    differs: Vec<u64>,
    left_out: Vec<(u64, String)>,
}

/// The damage of picture `number`: one kind, or two or three of them.
fn bends(number: u64, random: &mut Random) -> Vec<Bend> {
    let all = Bend::ALL.len() as u64;
    let count = if number % 3 < 2 { 1 } else { 2 + random.below(2) };
    (0..count).map(|at| Bend::ALL[((number / 3 + at * random.below(all)) % all) as usize]).collect()
}

/// Picture `number`, with what was done to it.
fn picture(number: u64, seed: u64, sources: &[Source]) -> (Vec<u8>, Vec<Bend>, String) {
    let mut random = Random::new(seed.wrapping_add(number).wrapping_mul(0x1234_5678_9abc_def1));
    let bends = bends(number, &mut random);
    let needs_restarts = bends.iter().any(|bend| bend.needs_restarts());
    let source = loop {
        let source = &sources[random.below(sources.len() as u64) as usize];
        if !needs_restarts || source.name.contains("-restart") {
            break source;
        }
    };
    let file = bends.iter().fold(source.file.clone(), |file, &bend| bent(&file, bend, &mut random));
    (file, bends, source.name.clone())
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let sources = sources(&mut Random::new(args.seed))?;
    let threads = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let run = |first: u64| -> Result<Vec<(u64, Verdict)>> {
        let mut converter = Converter::default();
        (first..args.files)
            .step_by(threads as usize)
            .map(|number| {
                let (file, ..) = picture(number, args.seed, &sources);
                // Both ways of restart markers.
                let policy =
                    Policy { restart_markers: number % 5 == 0, reads_all: number % 2 == 0, ..Policy::default() };
                Ok((number, compare(&file, policy, &mut converter)?))
            })
            .collect()
    };
    let mut verdicts = Vec::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|first| scope.spawn(move || run(first))).collect();
        for worker in workers {
            verdicts.extend(worker.join().ok().context("a worker failed")??);
        }
        anyhow::Ok(())
    })?;
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for (number, verdict) in verdicts {
        let (file, bends, source) = picture(number, args.seed, &sources);
        let name = match bends[..] {
            [one] => format!("{one:?}"),
            _ => "Several".to_owned(),
        };
        let tally = tallies.entry(name).or_default();
        let is_bad = !matches!(verdict, Verdict::Same(_) | Verdict::NotShown | Verdict::Inexpressible);
        match verdict {
            Verdict::NotShown => tally.not_shown += 1,
            Verdict::Inexpressible => tally.inexpressible += 1,
            Verdict::Same(_) => tally.same += 1,
            Verdict::Differs(_) => tally.differs.push(number),
            Verdict::LeftOut(why) => tally.left_out.push((number, why)),
        }
        if let (Some(folder), true) = (&args.keep, is_bad) {
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join(format!("{number}.jpg")), file)?;
            println!("{number}: {bends:?} of {source}");
        }
    }
    let (mut differing, mut compared, mut lost) = (0, 0, 0);
    println!(
        "{:16} {:>6} {:>8} {:>8} {:>13} {:>9}",
        "damage", "same", "differs", "left out", "inexpressible", "not shown"
    );
    for (name, tally) in &tallies {
        let Tally { same, not_shown, inexpressible, differs, left_out } = tally;
        let (differ, out) = (differs.len(), left_out.len());
        println!("{name:16} {same:>6} {differ:>8} {out:>8} {inexpressible:>13} {not_shown:>9}");
        for number in differs.iter().take(3) {
            println!("  picture {number} is another one");
        }
        for (number, why) in left_out.iter().take(3) {
            println!("  picture {number} is left out: {why}");
        }
        differing += differs.len() + left_out.len();
        compared += *same as usize + differs.len() + left_out.len() + *inexpressible as usize;
        lost += *inexpressible as usize;
    }
    println!(
        "{compared} pictures of {} that djpeg shows, {differing} of them wrong, {lost} beyond what baseline can express",
        args.files
    );
    // Chance alone makes them, and rarely.
    Ok(if differing == 0 && lost * 200 <= compared { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
