//! One run of the player, with a window or without: starts the threads that receive, record and decode, keeps and prints
//! the figures, ends the threads, and says what went wrong.

use crate::args::Args;
use crate::decode::{self, Pipeline};
use crate::figures::{self, Figures};
use crate::json::{JsonLine, Output};
use crate::network::{Limit, Live, Network, Order, Outcome};
use crate::protocol::{Protocol, ProtocolFile};
use crate::record::Recorder;
use crate::sink::Sink;
use anyhow::{Result, anyhow};
#[cfg(feature = "pcap")]
use mutoscope_std::capture::Capture;
use mutoscope_std::client::{Goal, Options};
use mutoscope_std::tls::KnownServers;
use std::io;
use std::path::Path;
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

/// The files that the command line wants written, opened once, whatever is played.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) recorder: Option<Recorder>,
    protocol: Option<ProtocolFile>,
    #[cfg(feature = "pcap")]
    capture: Option<Capture>,
}

impl Files {
    /// Opens them. Both kinds of run call this before anything else, so that a name that does not work is known at once.
    ///
    /// # Errors
    /// A sentence with the file's name, if it cannot be opened for writing.
    pub(crate) fn open(args: &Args) -> Result<Self> {
        let cannot = |path: &Path, error: io::Error| anyhow!("cannot write {}: {error}", path.display());
        let recorder = args.output.record.as_ref();
        let recorder = recorder.map(|path| Recorder::create(path).map_err(|error| cannot(path, error))).transpose()?;
        let protocol = args.output.protocol.as_deref().map(ProtocolFile::create).transpose()?;
        #[cfg(feature = "pcap")]
        let capture = args.output.pcap.as_ref();
        #[cfg(feature = "pcap")]
        let capture = capture.map(|path| Capture::create(path).map_err(|error| cannot(path, error))).transpose()?;
        Ok(Self {
            recorder,
            protocol,
            #[cfg(feature = "pcap")]
            capture,
        })
    }

    /// Those for the next stream, which is played from `url`: the first one is recorded and its protocol written, and captures have all.
    pub(crate) fn take(&mut self, url: &str) -> Self {
        Self {
            recorder: self.recorder.take(),
            protocol: self.protocol.take().map(|file| file.of(url)),
            #[cfg(feature = "pcap")]
            capture: self.capture.clone(),
        }
    }
}

impl Run {
    /// Starts all threads for the stream of these options. The network thread does nothing until it gets a command. Both threads call `wake` after
    /// each report and each picture. If statistics are wanted, the first line of them is due after `first_line`. The lines on
    /// `output` are about this stream.
    ///
    /// # Errors
    /// A sentence, if the URL or the port cannot be used.
    pub(crate) fn start(
        args: &Args,
        (options, output): (Options, Output),
        files: Files,
        first_line: Duration,
        wake: impl Fn() + Clone + Send + 'static,
    ) -> Result<Self> {
        let pipeline = Pipeline::new();
        let decoder = decode::spawn(pipeline.clone(), Duration::from_millis(args.testing.slow_decoder), wake.clone());
        let limit = Limit { frames: args.extent.frames, duration: args.extent.duration };
        let (protocol, protocol_file) = (Protocol::default(), files.protocol);
        let watcher = (!args.headless || protocol_file.is_some()).then(|| Arc::new(protocol.clone()) as Arc<_>);
        let options = Options {
            watcher,
            #[cfg(feature = "pcap")]
            capture: files.capture,
            ..options
        };
        let known = KnownServers::user_path();
        let sink = Sink::new(pipeline.clone(), files.recorder, limit);
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
