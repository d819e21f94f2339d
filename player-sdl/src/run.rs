//! One run of the player, with a window or without: starts the threads that receive, record and decode, keeps and prints
//! the figures, ends the threads, and says what went wrong.

use crate::args::{Args, StreamUrl};
use crate::decode::{self, Pipeline};
use crate::figures::{self, Figures};
use crate::json::{JsonLine, Output};
use crate::network::{Limit, Live, Network, Order, Outcome};
use crate::protocol::{Protocol, ProtocolFile};
use crate::record::Recorder;
use crate::sink::Sink;
use anyhow::{Result, bail};
use mutoscope_std::client::{Goal, Options};
use mutoscope_std::tls::KnownServers;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The time between two lines of statistics.
pub(crate) const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// The threads of a running player, and the figures of what they have done so far.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) network: Network,
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) figures: Figures,
    pub(crate) output: Output,
    /// What is said and heard, where somebody may want to know it.
    pub(crate) protocol: Protocol,
    /// Where that is written at the end.
    protocol_file: Option<ProtocolFile>,
    decoder: JoinHandle<()>,
    /// When the next line of statistics is to be printed. `None`: the user wants no statistics.
    line_due: Option<Instant>,
}

/// A run whose threads have ended.
#[derive(Debug)]
pub(crate) struct FinishedRun {
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) figures: Figures,
    pub(crate) output: Output,
    pub(crate) live: Live,
    pub(crate) outcome: Outcome,
    /// Why the protocol is not written, if it is not.
    pub(crate) protocol_problem: Option<String>,
}

/// Opens the file that the user wants the frames recorded in, if the user named one. Both kinds of run call this before
/// anything else, so that a name that does not work is known at once.
///
/// # Errors
/// A sentence with the file's name, if it cannot be opened for writing.
pub(crate) fn open_recorder(args: &Args) -> Result<Option<Recorder>> {
    let Some(path) = &args.output.record else { return Ok(None) };
    match Recorder::create(path) {
        Ok(recorder) => Ok(Some(recorder)),
        Err(error) => bail!("cannot write {}: {error}", path.display()),
    }
}

/// Has the client write the conversation down, if the user wants that.
///
/// # Errors
/// A sentence with the file's name, if it cannot be written.
#[cfg(feature = "pcap")]
fn capture(args: &Args, options: &mut Options) -> Result<()> {
    use anyhow::Context;
    use mutoscope_std::capture::Capture;

    let create = |path: &PathBuf| Capture::create(path).with_context(|| format!("cannot write {}", path.display()));
    options.capture = args.output.pcap.as_ref().map(create).transpose()?;
    Ok(())
}

#[cfg(not(feature = "pcap"))]
fn capture(_: &Args, _: &mut Options) -> Result<()> {
    Ok(())
}

impl Run {
    /// Starts all threads for a stream. The network thread does nothing until it gets a command. Both threads call `wake` after
    /// each report and each picture. If statistics are wanted, the first line of them is due after `first_line`. The lines on
    /// `output` are about this stream.
    ///
    /// # Errors
    /// A sentence, if the URL or the port cannot be used.
    pub(crate) fn start(
        args: &Args,
        (stream, output): (&StreamUrl, Output),
        recorder: Option<Recorder>,
        first_line: Duration,
        wake: impl Fn() + Clone + Send + 'static,
    ) -> Result<Self> {
        let pipeline = Pipeline::new();
        let decoder = decode::spawn(pipeline.clone(), Duration::from_millis(args.testing.slow_decoder), wake.clone());
        let limit = Limit { frames: args.extent.frames, duration: args.extent.duration };
        let (mut options, known) = (args.client_options(stream), KnownServers::user_path());
        capture(args, &mut options)?;
        let protocol = Protocol::default();
        let file = |path: &PathBuf| ProtocolFile::create(stream.shown.clone(), path);
        let protocol_file = args.output.protocol.as_ref().map(file).transpose()?;
        if !args.headless || protocol_file.is_some() {
            options.watcher = Some(Arc::new(protocol.clone()));
        }
        let sink = Sink::new(pipeline.clone(), recorder, limit);
        let network = Network::start(options, known, args.patience(), sink, wake)?;
        Ok(Self {
            network,
            pipeline,
            figures: Figures::default(),
            output,
            protocol,
            protocol_file,
            decoder,
            line_due: args.output.stats.map(|_| Instant::now() + first_line),
        })
    }

    /// Passes a goal to the network thread.
    pub(crate) fn send(&self, goal: Goal) {
        self.order(Order::Goal(goal));
    }

    /// Passes to the network thread what the user wants.
    pub(crate) fn order(&self, order: Order) {
        self.network.commander().send(order);
    }

    /// Takes a sample of the figures if one is due. Returns whether one was.
    pub(crate) fn sample(&mut self, now: Instant) -> bool {
        self.figures.sample(now, &self.network.live(), &self.pipeline.counters)
    }

    /// Returns the next line of statistics if it is due.
    pub(crate) fn statistics_line(&mut self, now: Instant) -> Option<JsonLine> {
        let due = self.line_due.as_mut().filter(|due| **due <= now)?;
        *due = now + LINE_INTERVAL;
        Some(figures::line("statistics", &self.figures, &self.network.live(), &self.pipeline.counters))
    }

    /// Ends the session with the server and all threads. This takes two seconds if the server does not answer.
    pub(crate) fn finish(self) -> FinishedRun {
        let Self { network, pipeline, figures, output, protocol, protocol_file, decoder, .. } = self;
        let live = network.live.clone();
        let outcome = network.finish();
        // The network thread has closed the mailbox of frames. The decoder ends when it has done the frame it works at.
        let _ = decoder.join();
        let live = live.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let protocol_problem = protocol_file.and_then(|file| file.write(&protocol).err());
        FinishedRun { pipeline, figures, output, live, outcome, protocol_problem }
    }
}

impl FinishedRun {
    /// Returns the figures of the whole run as one line.
    pub(crate) fn summary(&self) -> JsonLine {
        figures::line("summary", &self.figures, &self.live, &self.pipeline.counters)
    }

    /// Returns why the recording is not whole, if it is not.
    pub(crate) fn recording_problem(&self) -> Option<String> {
        match self.outcome.recorded.as_ref()? {
            Ok(recorded) if recorded.missed > 0 => {
                Some(format!("the disk could not keep up: {} frames are not recorded", recorded.missed))
            }
            Ok(_) => None,
            Err(error) => Some(error.clone()),
        }
    }
}
