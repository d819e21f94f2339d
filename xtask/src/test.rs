//! `cargo xtask test`: everything CI runs, on any machine, without a question.
//!
//! A step fails, passes or is skipped; the others run all the same. Each skipped step has a line of its own that starts
//! with `SKIPPED`, and the last line is always `N passed, N failed, N skipped`.

use crate::packages::{
    self, DISPLAY, FFMPEG, GSTREAMER, GSTREAMER_SERVER, IMAGEMAGICK, JPEG_TOOLS, Need, QEMU, SDL2, VENV, VLC,
};
use crate::shell::{cargo, line, on_path, release_program, require, succeeds};
use crate::{check, media, peers, run_firmware, sizes, tap_demo};
use anyhow::{Context as _, Result, ensure};
use clap::Args;
use std::process::Command;
use std::time::{Duration, Instant};

/// What to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Leave these groups out (comma-separated)
    #[arg(long, value_delimiter = ',', value_parser = group_names())]
    skip: Vec<String>,
    /// Run these groups only (comma-separated)
    #[arg(long, value_delimiter = ',', value_parser = group_names(), conflicts_with = "skip")]
    only: Vec<String>,
    /// Do not install system packages, only name those that are missing
    #[arg(long)]
    no_install: bool,
    /// Print the steps and do nothing
    #[arg(long)]
    list: bool,
}

/// Steps that are chosen together.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    steps: fn() -> Vec<Step>,
}

/// All groups in the order in which they run: what fails fast comes first.
pub(crate) const GROUPS: &[Group] = &[
    Group { name: "fmt", steps: || vec![Step::new("fmt", || require(cargo().args(["fmt", "--all", "--check"])))] },
    Group { name: "check", steps: || vec![Step::new("check", rules)] },
    Group { name: "clippy", steps: || vec![Step::new("clippy", clippy)] },
    Group { name: "unit", steps: || vec![Step::new("unit", unit).likes(&[&JPEG_TOOLS])] },
    Group { name: "player", steps: player },
    Group { name: "doc", steps: || vec![Step::new("doc-tests", doc_tests), Step::new("doc", doc)] },
    Group { name: "no_std", steps: no_std },
    Group { name: "sizes", steps: || vec![Step::new("sizes", sizes)] },
    Group { name: "fuzz", steps: || vec![Step::new("fuzz", fuzz)] },
    Group {
        name: "interop",
        steps: || {
            vec![
                Step::new("interop", || interop(&media::CLIPS)).needs(&[&FFMPEG]).likes(&[&JPEG_TOOLS, &GSTREAMER]),
                Step::new("interop corpus", || interop(&media::CORPUS)).needs(&[&FFMPEG]).likes(&[
                    &JPEG_TOOLS,
                    &GSTREAMER,
                    &IMAGEMAGICK,
                ]),
            ]
        },
    },
    Group { name: "peers", steps: foreign_servers },
    Group { name: "tap", steps: || vec![Step::new("tap", tap).needs(&[&FFMPEG]).likes(&[&GSTREAMER])] },
    Group { name: "firmware", steps: firmware },
    Group { name: "deny", steps: || vec![Step::new("deny", deny)] },
];

fn group_names() -> clap::builder::PossibleValuesParser {
    GROUPS.iter().map(|group| group.name).collect::<Vec<_>>().into()
}

/// What must build without an operating system, the targets it must build for, and the features it must build with there.
const NO_STD: &[&str] = &["mutoscope", "mutoscope-smoltcp"];
const TARGETS: &[&str] = &["thumbv7em-none-eabihf", "thumbv7m-none-eabi", "riscv32imac-unknown-none-elf"];
const FEATURES: &[&str] = &["", "defmt", "log"];

/// The package that links a system library; left out of what runs for the others.
const PLAYER: &[&str] = &["--exclude", "player-sdl"];

struct Step {
    name: String,
    needs: &'static [&'static Need],
    likes: &'static [&'static Need],
    run: Box<dyn Fn() -> Result<()>>,
}

impl Step {
    fn new(name: impl Into<String>, run: impl Fn() -> Result<()> + 'static) -> Self {
        Self { name: name.into(), needs: &[], likes: &[], run: Box::new(run) }
    }

    /// Without these system packages the step is skipped.
    fn needs(mut self, needs: &'static [&'static Need]) -> Self {
        self.needs = needs;
        self
    }

    /// Without these it does less, and says so.
    fn likes(mut self, likes: &'static [&'static Need]) -> Self {
        self.likes = likes;
        self
    }
}

/// A reason to skip, returned as an error by a step.
#[derive(Debug)]
struct Skip(String);

impl std::fmt::Display for Skip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

struct Row {
    name: String,
    outcome: Outcome,
    time: Duration,
}

/// Runs the steps; `true` where none failed.
pub(crate) fn run(options: &Options) -> Result<bool> {
    if options.list {
        for group in GROUPS {
            for step in (group.steps)() {
                println!("{:8} {}", group.name, step.name);
            }
        }
        return Ok(true);
    }
    let chosen = |group: &Group| {
        let name = |list: &[String]| list.iter().any(|name| name == group.name);
        if options.only.is_empty() { !name(&options.skip) } else { name(&options.only) }
    };
    if !options.no_install {
        let steps = GROUPS.iter().filter(|group| chosen(group)).flat_map(|group| (group.steps)());
        let needs: Vec<&Need> = steps.flat_map(|step| [step.needs, step.likes].concat()).collect();
        packages::install_missing(&needs);
    }
    let mut rows = Vec::new();
    for group in GROUPS {
        for step in (group.steps)() {
            let started = Instant::now();
            let outcome = if !chosen(group) {
                Outcome::Skipped("left out by --skip or --only".into())
            } else if let Some(why) = step.needs.iter().find_map(|need| need.missing()) {
                Outcome::Skipped(why)
            } else {
                println!("\n=== {} ===", step.name);
                match (step.run)() {
                    Ok(()) => Outcome::Passed,
                    Err(error) => match error.downcast::<Skip>() {
                        Ok(Skip(why)) => Outcome::Skipped(why),
                        Err(error) => Outcome::Failed(format!("{error:#}")),
                    },
                }
            };
            match &outcome {
                Outcome::Passed => {}
                Outcome::Failed(why) => println!("FAILED {}: {why}", step.name),
                Outcome::Skipped(why) => println!("SKIPPED {}: {why}", step.name),
            }
            rows.push(Row { name: step.name, outcome, time: started.elapsed() });
        }
    }
    println!("\n{}", summary(&rows));
    Ok(!rows.iter().any(|row| matches!(row.outcome, Outcome::Failed(_))))
}

fn summary(rows: &[Row]) -> String {
    let mut text = String::new();
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for Row { name, outcome, time } in rows {
        let (word, why) = match outcome {
            Outcome::Passed => {
                passed += 1;
                ("passed", "")
            }
            Outcome::Failed(why) => {
                failed += 1;
                ("FAILED", why.as_str())
            }
            Outcome::Skipped(why) => {
                skipped += 1;
                ("SKIPPED", why.as_str())
            }
        };
        let line =
            format!("{name:width$}  {:>7.1} s  {word:7}  {}", time.as_secs_f64(), why.lines().next().unwrap_or(""));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&format!("{passed} passed, {failed} failed, {skipped} skipped"));
    text
}

fn rules() -> Result<()> {
    ensure!(check::run()?, "a rule is broken");
    Ok(())
}

/// All packages, or all but the player where SDL2 is missing: the step `player` says so.
fn all_packages() -> &'static [&'static str] {
    if SDL2.missing().is_none() { &[] } else { PLAYER }
}

fn clippy() -> Result<()> {
    let workspace = ["clippy", "--workspace", "--all-targets"];
    require(cargo().args(workspace).args(all_packages()).args(["--", "-D", "warnings"]))
}

fn unit() -> Result<()> {
    require(cargo().args(["test", "--workspace", "--all-targets"]).args(PLAYER))
}

fn player() -> Vec<Step> {
    let player = || require(cargo().args(["test", "--package", "player-sdl", "--all-targets"]));
    // Ignored by default, because they take a display and programs that touch it.
    let window =
        || require(cargo().args(["test", "--package", "player-sdl", "--test", "window", "--", "--include-ignored"]));
    vec![Step::new("player", player).needs(&[&SDL2]), Step::new("player window", window).needs(&[&SDL2, &DISPLAY])]
}

/// Our player against servers that others wrote, a step for each.
fn foreign_servers() -> Vec<Step> {
    let step = |name: &'static str| Step::new(format!("peers {name}"), move || peers::run(name));
    let espp = || match peers::espp()? {
        Ok(()) => peers::run("espp"),
        Err(why) => Err(Skip(why).into()),
    };
    vec![
        step("lab").needs(&[&SDL2, &FFMPEG]),
        step("gstreamer").needs(&[&SDL2, &FFMPEG, &GSTREAMER_SERVER]),
        step("vlc").needs(&[&SDL2, &FFMPEG, &VLC]),
        Step::new("peers espp", espp).needs(&[&SDL2, &FFMPEG, &JPEG_TOOLS, &VENV]),
    ]
}

fn doc_tests() -> Result<()> {
    require(cargo().args(["test", "--workspace", "--doc"]).args(PLAYER))
}

fn doc() -> Result<()> {
    let arguments = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    require(cargo().args(arguments).args(all_packages()).env("RUSTDOCFLAGS", "-D warnings"))
}

/// One step for each package, target and feature: workspace builds unify features, so only this shows that they need no std.
fn no_std() -> Vec<Step> {
    let mut steps = Vec::new();
    for &package in NO_STD {
        for &target in TARGETS {
            for &feature in FEATURES {
                steps.push(Step::new(format!("no_std {package} {target} {feature}").trim_end(), move || {
                    add_target(target)?;
                    let mut command = cargo();
                    command.args(["build", "--package", package, "--lib", "--target", target]);
                    if !feature.is_empty() {
                        command.args(["--features", feature]);
                    }
                    require(&mut command)
                }));
            }
        }
    }
    steps
}

/// Makes sure that the core library of `target` is there; skips where it cannot be had.
pub(crate) fn add_target(target: &str) -> Result<()> {
    let probe = || {
        let root = Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output().ok()?;
        let folder = String::from_utf8(root.stdout).ok()?;
        let mut files = std::fs::read_dir(folder.trim()).ok()?.flatten();
        files.any(|file| file.file_name().to_string_lossy().starts_with("libcore-")).then_some(())
    };
    if probe().is_some() || on_path("rustup") && succeeds(Command::new("rustup").args(["target", "add", target])) {
        return Ok(());
    }
    Err(Skip(format!("target {target} is not installed and cannot be had; install with: rustup target add {target}"))
        .into())
}

fn sizes() -> Result<()> {
    add_target(sizes::TARGET)?;
    ensure!(sizes::run()?, "something is larger than it may be");
    Ok(())
}

/// Seconds for each fuzz target: enough to notice what broke, short enough for every run.
const FUZZ_SECONDS: &str = "1";

fn fuzz() -> Result<()> {
    // Not in release: overflow checks and debug assertions are half of what a fuzz run looks for.
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "mutoscope-tests", "--bin", "fuzz", "--"]);
    require(command.args(["--seconds", FUZZ_SECONDS]))
}

/// Real players against the real server, with one set of files.
fn interop(files: &media::Set) -> Result<()> {
    let media_folder = files.directory()?;
    for why in files.make(&media_folder)? {
        println!("SKIPPED {why}");
    }
    require(cargo().args(["build", "--release", "--package", "mutoscope-server", "--bin", "mutoscope-server"]))?;
    let server = release_program("mutoscope-server")?;
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "mutoscope-tests", "--bin", "interop", "--"]);
    command.arg("--server").arg(&server).arg("--media").arg(&media_folder);
    require(&mut command).with_context(|| format!("repeat with `{}`", line(&command)))
}

/// Files of this machine through smoltcp and a TAP device.
fn tap() -> Result<()> {
    if let Some(why) = tap_demo::missing() {
        return Err(Skip(why).into());
    }
    let media_folder = media::default_directory()?;
    for why in media::make(&media_folder)? {
        println!("SKIPPED {why}");
    }
    tap_demo::check(&media_folder.join("std-420-640x480.mjpeg"))
}

/// How long players watch the firmware without a gap.
const FIRMWARE_SECONDS: u64 = 60;

fn firmware() -> Vec<Step> {
    let check = || run_firmware::check(Duration::from_secs(FIRMWARE_SECONDS));
    vec![Step::new("firmware lint", run_firmware::lint), Step::new("firmware", check).needs(&[&FFMPEG, &QEMU])]
}

fn deny() -> Result<()> {
    if !on_path("cargo-deny") {
        return Err(Skip("cargo-deny not found; install with: cargo install --locked cargo-deny".into()).into());
    }
    // It looks at what other systems would need too, which no build here has fetched.
    require(cargo().args(["fetch", "--locked"]))?;
    require(cargo().args(["deny", "--offline", "check", "bans", "licenses", "sources"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, outcome: Outcome) -> Row {
        Row { name: name.into(), outcome, time: Duration::from_millis(1500) }
    }

    #[test]
    fn the_last_line_counts_the_steps() {
        let rows = [
            row("fmt", Outcome::Passed),
            row("clippy", Outcome::Failed("exit code 101\nmore".into())),
            row("interop", Outcome::Skipped("ffmpeg not found".into())),
            row("unit", Outcome::Passed),
        ];
        let text = summary(&rows);
        assert_eq!(text.lines().last(), Some("2 passed, 1 failed, 1 skipped"));
        assert!(text.contains("clippy       1.5 s  FAILED   exit code 101\n"), "{text}");
    }

    #[test]
    fn steps_have_distinct_names() {
        let mut names: Vec<_> = GROUPS.iter().flat_map(|group| (group.steps)()).map(|step| step.name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_reason_to_skip_is_told_from_a_failure() {
        let error = anyhow::Error::from(Skip("no network".into()));
        assert_eq!(error.downcast::<Skip>().unwrap().0, "no network");
    }
}
