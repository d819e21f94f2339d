//! The player without a window: plays until there is enough, the stream ends or the user interrupts it, then says how it
//! went.

use crate::address::Address;
use crate::args::{Args, in_seconds};
use crate::asking::Asked;
use crate::decode::Pipeline;
use crate::figures::{self, Figures};
use crate::frame::Picture;
use crate::json::{Output, PrintError};
use crate::network::Report;
use crate::run::{Files, FinishedRun, LINE_INTERVAL, Run};
use crate::snapshot;
use crate::wording::uncapitalised;
use anyhow::{Context, Result, anyhow};
use mutoscope_std::client::{Goal, Presentation, Terminal};
use mutoscope_std::console::OneLine;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the decoder may take for the frames that have arrived when the run ends.
const SETTLING: Duration = Duration::from_secs(5);

/// Plays each stream until there is enough, it ends, or the user interrupts it. What becomes of one changes nothing for the others.
///
/// # Errors
/// A sentence, if not all that was asked for has come, or [`PrintError::ReaderGone`].
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut files = Files::open(args)?;
    let streams = args.streams();
    let (wakers, wakes): (Vec<_>, Vec<_>) = streams.iter().map(|_| mpsc::channel()).unzip();
    catch_interrupts(wakers.clone())?;
    let several = streams.len() > 1;
    let problem = |stream: &Address, result: Result<()>| {
        let error = result.err()?;
        if several && error.downcast_ref() != Some(&PrintError::ReaderGone) {
            eprintln!("player-sdl: {}: {}", OneLine(&stream.shown), OneLine(format_args!("{error:#}")));
        }
        Some(error)
    };
    let mut problems: Vec<anyhow::Error> = std::thread::scope(|scope| {
        let ways = wakers.into_iter().zip(wakes);
        let runs = streams.iter().zip(Output::several(streams.len())).zip(ways).map(|((stream, output), way)| {
            let files = files.take(&stream.shown);
            scope.spawn(move || problem(stream, play(args, (stream, output), files, way)))
        });
        let runs: Vec<_> = runs.collect();
        runs.into_iter().filter_map(|run| run.join().unwrap_or_else(|_| Some(anyhow!("a thread has failed")))).collect()
    });
    let gone = problems.iter().position(|problem| problem.downcast_ref() == Some(&PrintError::ReaderGone));
    match (gone, problems.len()) {
        (_, 0) => Ok(()),
        (Some(at), _) => Err(problems.swap_remove(at)),
        (None, failed) if several => Err(anyhow!("{failed} of {} streams failed", streams.len())),
        (None, _) => Err(problems.swap_remove(0)),
    }
}

/// Plays one stream until there is enough, the stream ends, or the user interrupts it.
fn play(
    args: &Args,
    (stream, output): (&Address, Output),
    files: Files,
    (waker, wakes): (Sender<Wake>, Receiver<Wake>),
) -> Result<()> {
    let options = args.client_options(stream);
    let run = Run::start(args, (options, output), files, LINE_INTERVAL, move || _ = waker.send(Wake::Work))?;
    run.send(Goal::Play { from: args.extent.from });
    let mut player = Headless { args, run, wakes, last: None, has_played: false };
    let end = player.play();
    player.settle();

    let Headless { run, mut last, .. } = player;
    let mut finished = run.finish();
    // The decoder may have made one more picture while the threads ended.
    take_picture(&finished.pipeline, &mut finished.figures, &mut last);
    if args.output.stats.is_some() {
        print_summary(&finished, last.as_ref(), &end);
    }
    conclude(args, &finished, last.as_ref(), &end)
}

/// Makes Ctrl-C end all runs through `wakers`, and the second Ctrl-C end the program at once.
fn catch_interrupts(wakers: Vec<Sender<Wake>>) -> Result<()> {
    let mut interrupts = 0;
    let handle = move || {
        interrupts += 1;
        let told = wakers.iter().filter(|waker| waker.send(Wake::Interrupt).is_ok()).count();
        // The user who presses it twice does not want to wait for a server that does not answer TEARDOWN.
        if interrupts > 1 || told == 0 {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(handle).context("cannot handle Ctrl-C")
}

/// Why the main thread wakes up.
enum Wake {
    /// Another thread has a report or a picture.
    Work,
    /// The user has pressed Ctrl-C.
    Interrupt,
}

/// Why the run is over.
enum EndReason {
    /// The limit on the command line has been reached.
    Complete,
    /// The stream has ended.
    Ended,
    /// The user has pressed Ctrl-C.
    Interrupted,
    /// The stream cannot be played, or not recorded, for this reason.
    Failed(String),
    /// Standard output cannot be written to.
    Unprinted,
}

impl EndReason {
    const fn name(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Ended => "ended",
            Self::Interrupted => "interrupted",
            Self::Failed(_) | Self::Unprinted => "failed",
        }
    }

    const fn sentence(&self) -> &'static str {
        match self {
            Self::Interrupted => "interrupted",
            _ => "the stream ended",
        }
    }
}

struct Headless<'a> {
    args: &'a Args,
    run: Run,
    wakes: Receiver<Wake>,
    /// The newest picture: the one that `--snapshot` saves.
    last: Option<Picture>,
    /// Whether the server has ever answered PLAY.
    has_played: bool,
}

impl Headless<'_> {
    /// Works until the run is over.
    fn play(&mut self) -> EndReason {
        loop {
            let timeout = self.run.figures.due().map(|due| due.saturating_duration_since(Instant::now()));
            match self.wakes.recv_timeout(timeout.unwrap_or(figures::INTERVAL)) {
                Ok(Wake::Interrupt) | Err(RecvTimeoutError::Disconnected) => return EndReason::Interrupted,
                Ok(Wake::Work) | Err(RecvTimeoutError::Timeout) => {}
            }
            take_picture(&self.run.pipeline, &mut self.run.figures, &mut self.last);
            let now = Instant::now();
            self.run.sample(now);
            if let Some(line) = self.run.statistics_line(now) {
                self.run.output.print(line);
            }
            if self.run.output.has_failed() {
                return EndReason::Unprinted;
            }
            while let Some(report) = self.run.network.poll_report() {
                if let Some(end) = self.handle_report(report) {
                    return end;
                }
            }
        }
    }

    /// Waits until all frames that have arrived are decoded, and takes a last sample.
    fn settle(&mut self) {
        let deadline = Instant::now() + SETTLING;
        while !self.run.pipeline.is_settled(self.run.network.live().frames) && Instant::now() < deadline {
            let _ = self.wakes.recv_timeout(Duration::from_millis(50));
            take_picture(&self.run.pipeline, &mut self.run.figures, &mut self.last);
        }
        self.run.sample(Instant::now() + figures::INTERVAL);
    }

    /// Returns why the run is over if this report ends it.
    fn handle_report(&mut self, report: Report) -> Option<EndReason> {
        match report {
            Report::Complete => return Some(EndReason::Complete),
            Report::Ended | Report::Stopped => return Some(EndReason::Ended),
            Report::Failed { reason, .. } | Report::NotRecorded(reason) => return Some(EndReason::Failed(reason)),
            Report::SetUp(presentation) => return self.check_start(&presentation).err().map(EndReason::Failed),
            // The server can only have refused a position: without a window nothing pauses.
            Report::Refused(what) => match self.args.extent.from.filter(|_| !self.has_played) {
                Some(from) => {
                    let reason = format!("cannot begin at {} s: {}", in_seconds(from), uncapitalised(&what));
                    return Some(EndReason::Failed(reason));
                }
                None => log::warn!("{what}: playing from the beginning"),
            },
            Report::Playing => self.has_played = true,
            Report::Asks(asked) => return self.ask(asked),
            Report::Forgetful(why) => log::warn!("{}", uncapitalised(&why)),
            Report::Turned { reason, server } => log::warn!("{reason}: going on at {server}"),
            Report::Interrupted { reason, .. } => log::warn!("{reason}: trying again"),
            Report::Silence(why) => log::warn!("{}", uncapitalised(&why)),
            _ => {}
        }
        None
    }

    /// Asks on the terminal, if there is somebody. Returns why the run is over if that ends it.
    fn ask(&self, asked: Asked) -> Option<EndReason> {
        // One question at a time, however many streams there are.
        static TERMINAL: Mutex<()> = Mutex::new(());
        let Some(mut terminal) = Terminal::open() else { return Some(EndReason::Failed(asked.reason)) };
        let _turn = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner);
        match terminal.ask(&asked.question) {
            Ok(Some(answer)) => self.run.network.commander().answer(Some(answer)),
            Ok(None) => return Some(EndReason::Failed(asked.reason)),
            Err(error) => return Some(EndReason::Failed(format!("{}; the terminal: {error}", asked.reason))),
        }
        None
    }

    /// Checks that the stream is long enough to begin where `--from` says. Some servers play from anywhere, whatever
    /// position they are asked for.
    fn check_start(&self, presentation: &Presentation) -> Result<(), String> {
        match self.args.extent.from.zip(presentation.duration) {
            Some((from, duration)) if from >= duration => {
                Err(format!("cannot begin at {} s: the stream is {} s long", in_seconds(from), in_seconds(duration)))
            }
            _ => Ok(()),
        }
    }
}

/// Takes the newest picture, if there is one, and counts it as shown.
fn take_picture(pipeline: &Pipeline, figures: &mut Figures, last: &mut Option<Picture>) {
    let Some(picture) = pipeline.pictures.take() else { return };
    let ages = picture.ages(Instant::now());
    figures.handle_shown(ages.latency, ages.local);
    if let Some(before) = last.replace(picture) {
        pipeline.recycle(before);
    }
}

fn print_summary(finished: &FinishedRun, last: Option<&Picture>, end: &EndReason) {
    let FinishedRun { live, figures, output, .. } = finished;
    let seconds = live.first.zip(live.last).map(|(first, last)| last.saturating_duration_since(first).as_secs_f64());
    let line = figures.add_latencies(finished.summary().number("seconds", seconds));
    let strip = last.and_then(|picture| picture.strip).map_or(-1, i128::from);
    output.print(line.int("strip", strip).text("end", end.name()));
}

/// Saves the snapshot, and turns all that went wrong into one error.
fn conclude(args: &Args, finished: &FinishedRun, last: Option<&Picture>, end: &EndReason) -> Result<()> {
    let mut problems = Vec::from_iter(finished.recording_problem());
    problems.extend(finished.protocol_problem.clone());
    if let Some(path) = &args.output.snapshot {
        match last {
            Some(picture) => problems.extend(snapshot::save(&picture.jpeg, path).err()),
            None => problems.push("there was no picture to save".into()),
        }
    }
    problems.extend(shortfall(args, finished, end).filter(|reason| !problems.contains(reason)));
    match finished.output.failure() {
        Some(PrintError::ReaderGone) if problems.is_empty() => return Err(PrintError::ReaderGone.into()),
        Some(error @ PrintError::Io(_)) => problems.push(error.to_string()),
        _ => {}
    }
    if problems.is_empty() && finished.pipeline.counters.decoded.load(Ordering::Relaxed) == 0 {
        let none = if finished.live.frames == 0 { "no frame has come" } else { "no frame could be decoded" };
        problems.push(none.into());
    }
    if problems.is_empty() { Ok(()) } else { Err(anyhow!(problems.join("; "))) }
}

/// Returns why the stream has not brought all that was asked for, if it has not.
fn shortfall(args: &Args, finished: &FinishedRun, end: &EndReason) -> Option<String> {
    match end {
        _ if finished.outcome.complete => None,
        EndReason::Failed(reason) => Some(uncapitalised(reason)),
        EndReason::Ended | EndReason::Interrupted => match (args.extent.frames, args.extent.duration) {
            (Some(frames), _) => Some(format!("{} after {} of {frames} frames", end.sentence(), finished.live.frames)),
            (None, Some(duration)) => Some(format!("{} before {} s were over", end.sentence(), in_seconds(duration))),
            (None, None) => None,
        },
        EndReason::Complete | EndReason::Unprinted => None,
    }
}
