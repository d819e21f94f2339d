//! The player without a window: receives, decodes, records, and says how it went.

use crate::args::{Args, in_seconds};
use crate::decode::{self, Pipeline};
use crate::figures::{self, Figures};
use crate::frame::Picture;
use crate::json::{NobodyReads, Output, Unprinted};
use crate::network::{Command, Limit, Network, Report};
use crate::record::Recorder;
use crate::{client_options, snapshot};
use anyhow::{Context, anyhow, bail};
use mutoscope_std::client::Presentation;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Plays until there is enough, the stream ends, or somebody interrupts it.
///
/// # Errors
/// A sentence, where not all that was asked for has come.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let recorder = open_recorder(args)?;
    let pipeline = Pipeline::new();
    let (waker, wakes) = mpsc::channel();
    let wake = {
        let waker = waker.clone();
        move || _ = waker.send(Wake::Work)
    };
    let decoder = decode::spawn(pipeline.clone(), Duration::from_millis(args.slow_decoder), wake.clone());
    let limit = Limit { frames: args.frames, duration: args.duration };
    let network = Network::start(client_options(args), args.patience(), limit, recorder, pipeline.clone(), wake)?;
    let mut interrupts = 0;
    ctrlc::set_handler(move || {
        interrupts += 1;
        // The second time somebody has no patience for a TEARDOWN that is not answered.
        if interrupts > 1 || waker.send(Wake::Interrupt).is_err() {
            std::process::exit(130);
        }
    })
    .context("cannot handle Ctrl-C")?;
    network.commander().send(Command::Play { from: args.from });

    let mut session = Session {
        args,
        pipeline: &pipeline,
        figures: Figures::default(),
        last: None,
        begun: false,
        line_due: None,
        output: Output::default(),
    };
    let end = loop {
        let timeout = session.figures.due().map(|due| due.saturating_duration_since(Instant::now()));
        match wakes.recv_timeout(timeout.unwrap_or(figures::INTERVAL)) {
            Ok(Wake::Interrupt) | Err(RecvTimeoutError::Disconnected) => break End::Interrupted,
            Ok(Wake::Work) | Err(RecvTimeoutError::Timeout) => {}
        }
        session.take_picture();
        session.sample(&network);
        if session.output.has_failed() {
            break End::Unprinted;
        }
        if let Some(end) = std::iter::from_fn(|| network.poll_report()).find_map(|report| session.handle_report(report))
        {
            break end;
        }
    };
    // What has been received is still to be decoded, and leaving may take a while.
    let patience = Instant::now() + SETTLING;
    while !pipeline.is_settled(network.live().frames) && Instant::now() < patience {
        let _ = wakes.recv_timeout(Duration::from_millis(50));
        session.take_picture();
    }
    let live = network.live.clone();
    session.figures.sample(Instant::now() + figures::INTERVAL, &network.live(), &pipeline.counters);
    let outcome = network.finish();
    // The decoder still has the last frame; with it, its work is done.
    let _ = decoder.join();
    session.take_picture();

    let live = live.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if args.stats.is_some() {
        let latencies = session.figures.latencies();
        let seconds =
            live.first.zip(live.last).map(|(first, last)| last.saturating_duration_since(first).as_secs_f64());
        let line = figures::line("summary", &session.figures, &live, &pipeline.counters)
            .number("seconds", seconds)
            .number("latency_median_ms", latencies.quantile_ms(0.5))
            .number("latency_99_ms", latencies.quantile_ms(0.99))
            .number("latency_worst_ms", latencies.quantile_ms(1.0))
            .int("strip", session.last.as_ref().and_then(|last| last.strip).map_or(-1, i128::from))
            .text("end", end.name());
        session.output.print(line);
    }
    let decoded = pipeline.counters.decoded.load(Ordering::Relaxed);
    let mut problems = Vec::new();
    match outcome.recorded {
        Some(Ok(recorded)) if recorded.missed > 0 => {
            problems.push(format!("the disk could not keep up: {} frames are not recorded", recorded.missed));
        }
        Some(Err(error)) => problems.push(error),
        _ => {}
    }
    if let Some(path) = &args.snapshot {
        match &session.last {
            Some(picture) => problems.extend(snapshot::save(&picture.jpeg, path).err()),
            None => problems.push("there was no picture to save".into()),
        }
    }
    match end {
        _ if outcome.complete => {}
        // A recording that failed has been named.
        End::Failed(reason) if problems.contains(&reason) => {}
        End::Failed(reason) => problems.push(uncapitalised(&reason)),
        End::Ended | End::Interrupted => match (args.frames, args.duration) {
            (Some(frames), _) => problems.push(format!("{} after {} of {frames} frames", end.sentence(), live.frames)),
            (None, Some(duration)) => {
                problems.push(format!("{} before {} s were over", end.sentence(), in_seconds(duration)));
            }
            (None, None) => {}
        },
        End::Complete | End::Unprinted => {}
    }
    let unprinted = session.output.failure();
    if let Some(Unprinted::Error(error)) = &unprinted {
        problems.push(error.clone());
    } else if unprinted.is_some() && problems.is_empty() {
        return Err(NobodyReads.into());
    }
    if decoded == 0 && problems.is_empty() {
        problems.push(if live.frames == 0 { "no frame has come".into() } else { "no frame could be decoded".into() });
    }
    if problems.is_empty() { Ok(()) } else { Err(anyhow!(problems.join("; "))) }
}

/// How long a decoder may take for its last frame.
const SETTLING: Duration = Duration::from_secs(5);

/// Opens the file to record to, where one was named.
pub(crate) fn open_recorder(args: &Args) -> anyhow::Result<Option<Recorder>> {
    let Some(path) = &args.record else { return Ok(None) };
    match Recorder::create(path) {
        Ok(recorder) => Ok(Some(recorder)),
        Err(error) => bail!("cannot write {}: {error}", path.display()),
    }
}

enum Wake {
    Work,
    Interrupt,
}

/// Why it is over.
enum End {
    Complete,
    Ended,
    Interrupted,
    Failed(String),
    /// Not all can be printed.
    Unprinted,
}

impl End {
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

struct Session<'a> {
    args: &'a Args,
    pipeline: &'a Pipeline,
    figures: Figures,
    last: Option<Picture>,
    /// It has played once.
    begun: bool,
    line_due: Option<Instant>,
    output: Output,
}

impl Session<'_> {
    fn take_picture(&mut self) {
        let Some(picture) = self.pipeline.pictures.take() else { return };
        let now = Instant::now();
        let local = now.saturating_duration_since(picture.info.arrived);
        let latency = picture.strip.and_then(|_| picture.info.age(now));
        self.figures.handle_shown(latency, local);
        if let Some(shown) = self.last.replace(picture) {
            self.pipeline.recycle(shown);
        }
    }

    fn sample(&mut self, network: &Network) {
        let now = Instant::now();
        let live = network.live();
        self.figures.sample(now, &live, &self.pipeline.counters);
        if self.args.stats.is_some() && self.line_due.get_or_insert(now + Duration::from_secs(1)) <= &mut now.clone() {
            self.line_due = Some(now + Duration::from_secs(1));
            self.output.print(figures::line("statistics", &self.figures, &live, &self.pipeline.counters));
        }
    }

    /// Whether the stream has the second that is to be its first. Some servers play whatever they are asked for.
    fn check_start(&self, presentation: &Presentation) -> Result<(), String> {
        match self.args.from.zip(presentation.duration) {
            Some((from, duration)) if from >= duration => {
                Err(format!("cannot begin at {} s: the stream is {} s long", in_seconds(from), in_seconds(duration)))
            }
            _ => Ok(()),
        }
    }

    fn handle_report(&mut self, report: Report) -> Option<End> {
        match report {
            Report::Complete => Some(End::Complete),
            Report::Ended | Report::Stopped => Some(End::Ended),
            Report::Failed { reason } | Report::NotRecorded(reason) => Some(End::Failed(reason)),
            Report::SetUp(presentation) => self.check_start(&presentation).err().map(End::Failed),
            // Nothing but a position can be refused: nobody pauses.
            Report::Refused(what) => match self.args.from.filter(|_| !self.begun) {
                Some(from) => {
                    let end = format!("cannot begin at {} s: {}", in_seconds(from), uncapitalised(&what));
                    Some(End::Failed(end))
                }
                None => {
                    log::warn!("{what}: playing from the beginning");
                    None
                }
            },
            Report::Playing => {
                self.begun = true;
                None
            }
            Report::Interrupted { reason, .. } => {
                log::warn!("{reason}: trying again");
                None
            }
            Report::Silence(why) => {
                log::warn!("{}", uncapitalised(&why));
                None
            }
            _ => None,
        }
    }
}

/// A sentence that follows a colon.
pub(crate) fn uncapitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
