//! `cargo xtask test`: everything CI runs, on any machine, without a question.
//!
//! [`plan`] lists the steps, [`steps`] says what each does, [`schedule`] runs them side by side as far as they do not disturb
//! each other. Each runs in a process of its own, whose output is printed when it has ended. A step fails, passes or is
//! skipped, and the others run all the same. Lines that begin with `SKIPPED` say what was left out, and the last line is always
//! `N passed, N failed, N skipped`.

mod binaries;
mod package;
mod plan;
mod report;
mod schedule;
mod steps;

use crate::groups::Group;
use crate::packages::{self, Need};
use crate::shell::{on_path, target_dir};
use crate::skip::reason;
use anyhow::{Context, Result};
use clap::Args;
use plan::Step;
use report::{Report, Row, left_out, summary, words};
use schedule::{Load, Outcome, run_all};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The choice of steps.
#[derive(Args)]
pub(crate) struct Options {
    /// Leave these groups out (comma-separated)
    #[arg(long, value_enum, value_delimiter = ',')]
    skip: Vec<Group>,
    /// Run these groups only, and what they need (comma-separated)
    #[arg(long, value_enum, value_delimiter = ',', conflicts_with = "skip")]
    only: Vec<Group>,
    /// Repeat more often and play longer where a run by default does it a few times
    #[arg(long)]
    long: bool,
    /// How many steps that wait for players or for time run beside one that keeps the processors busy
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Do not install system packages, only name those that are missing
    #[arg(long)]
    no_install: bool,
    /// Print the steps and do nothing
    #[arg(long)]
    list: bool,
    /// Run one step in this process, with its output as it comes, and nothing that it needs before
    #[arg(long, conflicts_with_all = ["skip", "only", "list"])]
    step: Option<String>,
    /// With --step: where to write how it ended
    #[arg(long, hide = true, requires = "step")]
    report: Option<PathBuf>,
}

/// Runs the steps; `true` where none failed.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let steps = plan::steps(options.long);
    if let Some(name) = &options.step {
        let step = steps.iter().find(|step| step.task.name == *name);
        return run_here(step.with_context(|| format!("there is no step {name:?}"))?, options.report.as_deref());
    }
    if options.list {
        for step in &steps {
            println!("{:10} {}", step.group.map(Group::name).unwrap_or_default(), step.task.name);
        }
        return Ok(true);
    }
    let is_chosen = |group: Group| {
        if options.only.is_empty() { !options.skip.contains(&group) } else { options.only.contains(&group) }
    };
    let (chosen, left): (Vec<Step>, Vec<Step>) = plan::choose(steps, is_chosen);
    if !options.no_install {
        let needs: Vec<&Need> = chosen.iter().flat_map(|step| [step.needs, step.likes].concat()).collect();
        packages::install_missing(&needs);
    }
    let (mut rows, mut skipped) = side_by_side(&chosen, options)?;
    for step in left {
        let outcome = Outcome::Skipped("left out by --skip or --only".into());
        skipped.push(format!("SKIPPED {}: left out by --skip or --only", step.task.name));
        rows.push(Row { name: step.task.name, outcome, time: Default::default(), processor: None });
    }
    if !options.long {
        skipped.push(format!("SKIPPED with --long alone: {}", plan::LONG));
    }
    println!("\n{}\n\n{}", skipped.join("\n"), summary(&rows));
    Ok(!rows.iter().any(|row| matches!(row.outcome, Outcome::Failed(_))))
}

/// Where steps keep their output.
fn folder() -> Result<PathBuf> {
    let folder = target_dir()?.join("xtask");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Runs the steps, each in a process of its own; their rows, and the lines that say what was left out.
fn side_by_side(steps: &[Step], options: &Options) -> Result<(Vec<Row>, Vec<String>)> {
    let folder = folder()?;
    // Steps build this program too, and must not run one that is half written.
    let program = folder.join(format!("xtask{}", std::env::consts::EXE_SUFFIX));
    let this = std::env::current_exe().context("cannot tell where this program is")?;
    std::fs::copy(this, &program).with_context(|| format!("cannot copy this program to {}", program.display()))?;
    let started = Instant::now();
    let tasks: Vec<_> = steps.iter().map(|step| step.task.clone()).collect();
    let processor = std::sync::Mutex::new(vec![None; steps.len()]);
    let run = |number: usize| {
        let step = &steps[number];
        if let Some(why) = step.needs.iter().find_map(|need| need.missing()) {
            return Outcome::Skipped(why);
        }
        println!("[{:4.0} s] {} begins", started.elapsed().as_secs_f64(), step.task.name);
        let report = match run_alone(&program, &folder, step, options.long) {
            Ok(report) => report,
            Err(error) => return Outcome::Failed(format!("{error:#}")),
        };
        if let Ok(mut times) = processor.lock() {
            times[number] = report.processor;
        }
        report.outcome
    };
    let mut rows: Vec<Option<Row>> = steps.iter().map(|_| None).collect();
    let mut skipped = Vec::new();
    run_all(&tasks, options.jobs, run, |number, outcome, time| {
        let name = &steps[number].task.name;
        println!("\n=== {name} ({:.1} s) ===", time.as_secs_f64());
        let output = std::fs::read(log_file(&folder, name)).unwrap_or_default();
        let output = String::from_utf8_lossy(&output);
        println!("{}", output.trim_end());
        skipped.extend(left_out(&output).map(|line| format!("{line} (in {name})")));
        if *outcome != Outcome::Passed {
            let (word, why) = words(outcome);
            println!("{word} {name}: {why}");
            if let Outcome::Skipped(why) = outcome {
                skipped.push(format!("SKIPPED {name}: {why}"));
            }
        }
        println!();
        let processor = processor.lock().ok().and_then(|times| times[number]);
        rows[number] = Some(Row { name: name.clone(), outcome: outcome.clone(), time, processor });
    });
    Ok((rows.into_iter().flatten().collect(), skipped))
}

/// Where the output of a step is; while it runs, too.
fn log_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{}.log", name.replace([' ', '/'], "-")))
}

/// Runs a step in a process of its own, whose output goes to its file.
fn run_alone(program: &Path, folder: &Path, step: &Step, long: bool) -> Result<Report> {
    let path = log_file(folder, &step.task.name);
    let report = path.with_extension("report");
    let _ = std::fs::remove_file(&report);
    let log = std::fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    // Steps that have to be in time come first, then those that need one processor alone.
    let niceness = match step.task.load {
        Load::Busy => "19",
        Load::Single => "10",
        Load::Waiting => "0",
    };
    let mut command = if on_path("nice") { Command::new("nice") } else { Command::new(program) };
    if on_path("nice") {
        command.args(["-n", niceness]).arg(program);
    }
    command.args(["test", "--step", &step.task.name, "--report"]).arg(&report).args(long.then_some("--long"));
    let status = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).status()?;
    let killed = || Report { outcome: Outcome::Failed(format!("it ended with {status}")), processor: None };
    Ok(Report::read(&report).unwrap_or_else(killed))
}

/// Runs a step in this process; `false` where it failed.
fn run_here(step: &Step, report: Option<&Path>) -> Result<bool> {
    let outcome = match (step.run)() {
        Ok(()) => Outcome::Passed,
        Err(error) => match reason(&error) {
            Some(why) => Outcome::Skipped(why.to_owned()),
            None => Outcome::Failed(format!("{error:#}")),
        },
    };
    let passed = !matches!(outcome, Outcome::Failed(_));
    match report {
        Some(path) => Report { outcome, processor: report::processor_time() }.write(path)?,
        None => {
            let (word, why) = words(&outcome);
            println!("{word} {}: {why}", step.task.name);
        }
    }
    Ok(passed)
}
