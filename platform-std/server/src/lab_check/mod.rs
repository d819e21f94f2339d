//! `mutoscope-server lab-check`: tries a student's server and client of the streaming lab against ours, and says of each requirement
//! whether it holds.

mod args;
mod ask_client;
mod ask_server;
mod child;
mod clip;
mod display;
mod find;
mod frames;
pub(crate) mod keeper;
mod link;
mod media;
mod messages;
mod payload;
mod ports;
mod report;
mod rules;
mod sheet;
mod stand_in;
mod start;
mod statistics;
mod stream;
mod work;

use std::io::{self, Write};
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, bail, ensure};

pub(crate) use args::LabCheckArgs;
use ask_client::Client;
use ask_server::Server;
use clip::Clip;
use display::Display;
use find::Program;
use keeper::Limits;
use report::{Part, Report};
use rules::Half;
use start::{Python, Starter};
use work::Work;

/// Checks a folder, and writes the report. Its status: 0, all that counts holds; 1, something does not; 2, nothing could be checked.
pub(crate) fn run(args: &LabCheckArgs) -> io::Result<u8> {
    let mut out = io::stdout().lock();
    match check(args) {
        Ok(report) => {
            if args.json {
                writeln!(out, "{:#}", report.json())?;
            } else {
                report.write_text(&mut out, args.verbose)?;
            }
            Ok(u8::from(!report.passes()))
        }
        Err(error) => {
            crate::logging::complain(format_args!("{error:#}"));
            if args.json {
                writeln!(out, "{:#}", report::error_json(&args.folder.to_string_lossy(), &format!("{error:#}")))?;
            }
            Ok(2)
        }
    }
}

fn check(args: &LabCheckArgs) -> Result<Report> {
    ensure!(args.folder.is_dir(), "{} is no folder", args.folder.display());
    let work = Work::new()?;
    let path = work.path().to_owned();
    // What was started ends with this process, by itself.
    let _ = ctrlc::set_handler(move || {
        Work::remove(&path);
        std::process::exit(130);
    });
    let (copy, tools) = (work.path().join("copy"), work.path().join("tools"));
    let notes = find::copy(&args.folder, &copy)?;
    let server = program(args, &copy, Half::Server, args.server.as_deref())?;
    let client = program(args, &copy, Half::Client, args.client.as_deref())?;
    if server.is_none() && client.is_none() {
        bail!(
            "there is neither a server nor a client in {}: Server.py and ClientLauncher.py are looked for; see --server and --client",
            args.folder.display()
        );
    }
    let clip = Clip::draw()?;
    let folders: Vec<_> = [&server, &client].into_iter().flatten().map(Program::folder).collect();
    find::put_film(&copy, clip::NAME, &clip.file(), &folders)?;
    start::write_tools(&tools)?;
    // The lab's server in Java has a window, too.
    let needs_display =
        client.as_ref().is_some_and(start::is_pressed) || [&server, &client].into_iter().flatten().any(start::is_java);
    let display = if needs_display {
        Display::open(args.display, work.path()).map_err(|why| anyhow::anyhow!(why))?
    } else {
        Display::none()
    };
    let is_python = |program: &Option<Program>| matches!(program, Some(Program::Python(_)));
    let python =
        (is_python(&server) || is_python(&client)).then(|| Python::find(&args.python, work.path())).transpose()?;
    let starter = Starter {
        copy,
        tools,
        limits: Limits {
            seconds: args.seconds,
            memory: args.memory << 20,
            processes: args.processes,
            file: args.file << 20,
            folder: args.files << 20,
        },
        output: args.output << 20,
        python,
        display: display.name.clone(),
        payload: args.payload,
    };
    let halves = [(Half::Server, server), (Half::Client, client)].into_iter().filter(|(half, _)| args.wants(*half));
    let halves: Result<Vec<Part>> = thread::scope(|scope| {
        let (starter, clip) = (&starter, &clip);
        // What is compiled for one may be what the other runs: one after the other.
        let compiled = halves.map(|(half, program)| {
            let made = program.as_ref().map_or(Ok(()), |program| starter.compile(program, half));
            (half, program, made)
        });
        let compiled: Vec<_> = compiled.collect();
        let parts: Vec<_> = compiled
            .into_iter()
            .map(|(half, program, made)| scope.spawn(move || part(half, program, made, starter, clip)))
            .collect();
        parts.into_iter().map(|part| part.join().map_err(|_| anyhow::anyhow!("the check itself has failed"))).collect()
    });
    let halves = halves?;
    Ok(Report { folder: args.folder.display().to_string(), halves, notes, is_strict: args.strict })
}

/// The program of one half, where that is wanted and there.
fn program(args: &LabCheckArgs, copy: &Path, half: Half, command: Option<&str>) -> Result<Option<Program>> {
    if !args.wants(half) {
        return Ok(None);
    }
    match command {
        Some(command) => start::command(command).map(Some).context("--server and --client take a command"),
        None => Ok(find::program(copy, half)),
    }
}

/// Checks one of the programs.
fn part(half: Half, program: Option<Program>, made: Result<()>, starter: &Starter, clip: &Clip) -> Part {
    let Some(program) = program else {
        return Part { half, program: None, findings: Vec::new(), notes: Vec::new() };
    };
    let name = Some(program.name());
    if let Err(error) = made {
        let mut sheet = sheet::Sheet::new(half);
        sheet.fails(&format!("{}.setup", half.name()), format!("{error:#}."), Vec::new());
        let findings = sheet.finish("The program does not run.");
        return Part { half, program: name, findings, notes: Vec::new() };
    }
    let is_java = start::is_java(&program);
    let (findings, notes) = match half {
        Half::Server => {
            let start = |port| starter.server(&program, port);
            (ask_server::check(&Server { start: &start, clip, wants_line_ends: is_java }), Vec::new())
        }
        Half::Client => {
            let start = |port, rtp_port, link: &link::Link| starter.client(&program, port, rtp_port, link);
            let (has_shim, gets_port) = (start::is_pressed(&program), start::gets_port(&program));
            let payload = starter.payload;
            ask_client::check(&Client { start: &start, clip, has_shim, payload, gets_port, is_java })
        }
    };
    Part { half, program: name, findings, notes }
}
