//! The network thread: a client, what the user wants of it, and what to do when the network does not want.

use crate::decode::Pipeline;
use crate::frame::{Encoded, FrameInfo};
use crate::rates::Rate;
use crate::reconnect::{Decision, Patience, Reconnect, may_pass};
use crate::record::{Recorded, Recorder};
use crate::wording::sentence;
use mutoscope_std::client::{
    Client, Dialect, Error, Event, Frame, Handle, Options, Presentation, Retry, Statistics, Wish,
};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// A session, without playing yet.
    Setup,
    /// Play, from where it stands or from a position.
    Play { from: Option<Duration> },
    /// Stand still.
    Pause,
    /// Be somewhere else, playing or not.
    Seek { to: Duration },
    /// No session.
    Stop,
    /// No session, and no thread.
    Quit,
}

/// What happened. Frames come another way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Report {
    Connected(SocketAddr),
    SetUp(Presentation),
    /// It plays from there, as was wished for; `Playing` follows.
    Sought(Duration),
    Playing,
    Paused,
    /// Something did not work, and something else is tried at once.
    Trying(Retry),
    /// A wish was refused; what was before goes on.
    Refused(String),
    /// Nothing is recorded any more, for this reason; it plays on.
    NotRecorded(String),
    /// There have been no pictures for long; the sentence says why.
    Silence(String),
    Ended,
    Stopped,
    /// The stream is gone; the next attempt to get it back is at `at`.
    Interrupted {
        reason: String,
        at: Instant,
        attempt: u32,
    },
    /// The stream is gone, and trying again would not help.
    Failed {
        reason: String,
    },
    /// All that was asked for on the command line has been received.
    Complete,
}

/// Figures of the stream, as fresh as the last packet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    /// Of the present session.
    pub(crate) session: Statistics,
    /// Frames received in all sessions.
    pub(crate) frames: u64,
    /// Bytes of these.
    pub(crate) bytes: u64,
    /// Lost packets of earlier sessions.
    pub(crate) lost_before: u64,
    /// Packets of earlier sessions.
    pub(crate) packets_before: u64,
    /// Frames that earlier sessions could not complete.
    pub(crate) frames_dropped_before: u64,
    /// Arrivals and the octets they brought.
    pub(crate) arrivals: Rate,
    /// For how long frames are held back at present.
    pub(crate) held: Duration,
    /// The longest time between two frames that followed each other.
    pub(crate) longest_gap: Duration,
    /// Connections lost.
    pub(crate) interruptions: u32,
    pub(crate) first: Option<Instant>,
    pub(crate) last: Option<Instant>,
    /// The frame before, in this session.
    pub(crate) previous: Option<Instant>,
}

impl Live {
    /// Packets that never came, in all sessions.
    pub(crate) fn lost(&self) -> u64 {
        self.lost_before + self.session.lost
    }

    /// Packets that came, in all sessions.
    pub(crate) fn packets(&self) -> u64 {
        self.packets_before + self.session.packets
    }

    /// Frames of which a part never came or was of no use, in all sessions.
    pub(crate) fn incomplete(&self) -> u64 {
        self.frames_dropped_before + self.session.frames_dropped
    }

    fn close_session(&mut self) {
        let session = std::mem::take(&mut self.session);
        self.lost_before += session.lost;
        self.packets_before += session.packets;
        self.frames_dropped_before += session.frames_dropped;
        self.previous = None;
        self.arrivals.clear();
    }
}

/// When enough is enough.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limit {
    pub(crate) frames: Option<u64>,
    pub(crate) duration: Option<Duration>,
}

/// What it all came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Whether the limit was reached.
    pub(crate) complete: bool,
    /// The recording, where there was to be one.
    pub(crate) recorded: Option<Result<Recorded, String>>,
}

/// The network thread, from outside.
#[derive(Debug)]
pub(crate) struct Network {
    reports: Receiver<Report>,
    pub(crate) live: Arc<Mutex<Live>>,
    commands: Commander,
    thread: JoinHandle<Outcome>,
}

/// Passes commands to the network thread.
#[derive(Clone, Debug)]
pub(crate) struct Commander {
    sender: Sender<Command>,
    handle: Handle,
    /// A command has been given since a thread that is gone was told of.
    expectant: Arc<AtomicBool>,
}

impl Commander {
    pub(crate) fn send(&self, command: Command) {
        self.expectant.store(true, Ordering::Relaxed);
        // That a thread is gone is told by `poll_report`.
        let _ = self.sender.send(command);
        self.handle.wish(Wish::Wake);
    }
}

impl Network {
    /// Starts the thread, which does nothing until it is told to. `wake` is called after each report.
    ///
    /// # Errors
    /// Where the options are of no use.
    pub(crate) fn start(
        options: Options,
        patience: Patience,
        limit: Limit,
        recorder: Option<Recorder>,
        pipeline: Arc<Pipeline>,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, Error> {
        let client = Client::new(options)?;
        let (sender, commands) = mpsc::channel();
        let (reporter, reports) = mpsc::channel();
        let commander = Commander { sender, handle: client.handle(), expectant: Arc::default() };
        let live = Arc::new(Mutex::new(Live::default()));
        let worker = Worker {
            client,
            commands,
            reports: reporter,
            wake: Box::new(wake),
            intent: Intent::default(),
            reconnect: Reconnect::new(patience),
            retry_at: None,
            failure: None,
            given_up: false,
            presentation: None,
            resume: None,
            worked: false,
            engaged: false,
            ended: None,
            after_teardown: None,
            quitting: None,
            complete: false,
            due: None,
            sink: Sink { pipeline, live: live.clone(), recorder, recorded: None, told: false, limit, frames: 0 },
        };
        let thread = std::thread::Builder::new().name("network".into()).spawn(move || worker.run());
        let thread = thread.map_err(|error| Error::System("start a thread", error))?;
        Ok(Self { reports, live, commands: commander, thread })
    }

    pub(crate) fn commander(&self) -> Commander {
        self.commands.clone()
    }

    /// What has happened next. Where the thread has failed, that has, once for all commands up to now: nothing comes of
    /// them any more.
    pub(crate) fn poll_report(&self) -> Option<Report> {
        match self.reports.try_recv() {
            Ok(report) => Some(report),
            Err(TryRecvError::Disconnected) if self.commands.expectant.swap(false, Ordering::Relaxed) => {
                Some(Report::Failed { reason: "The player's network thread has failed".into() })
            }
            Err(_) => None,
        }
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the session and the thread; takes two seconds where the server does not answer.
    pub(crate) fn finish(self) -> Outcome {
        self.commands.send(Command::Quit);
        self.thread.join().unwrap_or(Outcome { complete: false, recorded: None })
    }
}

/// What is to be, as far as the network allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Intent {
    session: bool,
    playing: bool,
}

/// Why there is no picture, before there is a connection.
const UNCONNECTED: &str = "The server does not take the connection in time";
/// How long the server's answer to TEARDOWN is waited for when quitting.
const FAREWELL: Duration = Duration::from_millis(1500);
/// A BYE followed by the end of the connection within this time means that the server went, not the stream.
const GOODBYE: Duration = Duration::from_secs(3);
/// A BYE so far before a stream's announced end means the same.
const END_MARGIN: Duration = Duration::from_secs(2);

struct Worker {
    client: Client,
    commands: Receiver<Command>,
    reports: Sender<Report>,
    wake: Box<dyn Fn() + Send>,
    intent: Intent,
    reconnect: Reconnect,
    retry_at: Option<Instant>,
    /// Why there is no picture: why the last attempt failed, or what the present one waits for.
    failure: Option<String>,
    /// The session that is being torn down has been told to be over.
    given_up: bool,
    presentation: Option<Presentation>,
    /// Where to go on after an interruption.
    resume: Option<Duration>,
    /// Whether a frame of this stream has ever arrived.
    worked: bool,
    /// Whether the client is connected or about to be: whether it will tell that it has been torn down.
    engaged: bool,
    /// Since when the stream has been at its end, and whether its length is not known, so that it may not be one.
    ended: Option<(Instant, bool)>,
    /// The session is given up for this reason, to be tried anew.
    after_teardown: Option<String>,
    quitting: Option<Instant>,
    complete: bool,
    /// When the duration asked for is over.
    due: Option<Instant>,
    sink: Sink,
}

impl Worker {
    fn run(mut self) -> Outcome {
        loop {
            while let Ok(command) = self.commands.try_recv() {
                self.handle_command(command);
            }
            let now = Instant::now();
            if self.quitting.is_some_and(|until| until <= now) {
                break;
            }
            if self.due.is_some_and(|due| due <= now) {
                self.due = None;
                self.finish_limit();
                continue;
            }
            if self.reconnect.deadline().is_some_and(|deadline| deadline <= now) {
                self.give_up();
                continue;
            }
            if self.retry_at.is_some_and(|at| at <= now) {
                self.begin();
            }
            let over = self.reconnect.deadline();
            let deadline = [self.retry_at, self.quitting, self.due, over].into_iter().flatten().min();
            let statistics = self.client.statistics();
            if let Some(statistics) = statistics {
                self.sink.live().session = statistics;
            }
            // What is lent ends before anything else is done with the client.
            let happened = match self.client.next(deadline) {
                Ok(None) => continue,
                Ok(Some(Event::Frame(frame))) => {
                    let position = frame.position;
                    let full = self.sink.take(&frame, statistics.unwrap_or_default());
                    self.handle_frame(position, full);
                    if let Some(reason) = self.sink.check_recorder() {
                        self.report(Report::NotRecorded(reason));
                    }
                    continue;
                }
                Ok(Some(event)) => Happened::of(&event),
                Err(error) => {
                    self.handle_error(&error);
                    continue;
                }
            };
            if self.handle_event(happened) {
                break;
            }
        }
        self.sink.pipeline.frames.close();
        Outcome { complete: self.complete, recorded: self.sink.finish_recorder() }
    }

    fn report(&self, report: Report) {
        log::debug!("{report:?}");
        let _ = self.reports.send(report);
        (self.wake)();
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Setup => {
                self.intent = Intent { session: true, playing: false };
                self.begin();
            }
            Command::Play { from } => {
                self.intent = Intent { session: true, playing: true };
                if from.is_some() {
                    self.resume = from;
                }
                // What waits for the next attempt need not wait any longer.
                match self.retry_at {
                    Some(_) => self.begin(),
                    None => {
                        self.engaged = true;
                        self.reconnect.begin(Instant::now());
                        self.client.play(from);
                    }
                }
                self.ended = None;
            }
            Command::Pause => {
                self.intent.playing = false;
                if self.retry_at.is_none() {
                    self.client.pause();
                }
            }
            Command::Seek { to } => {
                self.resume = Some(to);
                if self.ended.take().is_some() {
                    self.intent = Intent { session: true, playing: true };
                }
                match (self.retry_at, self.intent.playing) {
                    (Some(_), _) => {}
                    (None, true) => {
                        self.engaged = true;
                        self.client.play(Some(to));
                    }
                    (None, false) => self.client.seek(to),
                }
            }
            Command::Stop => self.stop(),
            Command::Quit => {
                let patience = if self.engaged { FAREWELL } else { Duration::ZERO };
                self.quitting = Some(Instant::now() + patience);
                self.stop();
            }
        }
    }

    /// Makes or renews what is intended.
    fn begin(&mut self) {
        self.retry_at = None;
        self.ended = None;
        self.engaged = self.intent.session;
        if self.engaged {
            self.reconnect.begin(Instant::now());
        }
        if self.intent.playing {
            self.client.play(self.resume);
        } else if self.intent.session {
            self.client.setup();
            if let Some(position) = self.resume {
                self.client.seek(position);
            }
        }
    }

    fn stop(&mut self) {
        self.intent = Intent::default();
        (self.retry_at, self.resume, self.after_teardown, self.ended) = (None, None, None, None);
        (self.failure, self.given_up) = (None, false);
        self.reconnect.succeeded();
        self.client.teardown();
        if !self.engaged && self.quitting.is_none() {
            self.report(Report::Stopped);
        }
    }

    fn handle_frame(&mut self, position: Option<Duration>, full: bool) {
        self.worked = true;
        self.failure = None;
        self.reconnect.succeeded();
        if position.is_some() {
            // A film that is played again and again goes on beyond its length, where nothing can be asked for.
            let duration = self.presentation.and_then(|presentation| presentation.duration);
            self.resume = position.filter(|&position| duration.is_none_or(|duration| position < duration));
        }
        if self.due.is_none() && !self.complete {
            let live = self.sink.live();
            self.due = live.first.zip(self.sink.limit.duration).map(|(first, duration)| first + duration);
        }
        if full {
            self.finish_limit();
        }
    }

    fn finish_limit(&mut self) {
        if !self.complete {
            self.complete = true;
            self.due = None;
            self.report(Report::Complete);
        }
    }

    /// Whether that was the last thing to happen.
    fn handle_event(&mut self, happened: Happened) -> bool {
        match happened {
            Happened::Connected(peer) => {
                self.failure = Some("The server takes the connection, but does not answer in time".into());
                self.report(Report::Connected(peer));
            }
            Happened::SetUp(presentation) => {
                self.presentation = Some(presentation);
                self.failure = Some("The server has a stream, but no picture of it has come in time".into());
                if !self.intent.playing {
                    self.reconnect.succeeded();
                }
                self.report(Report::SetUp(presentation));
            }
            Happened::Playing { from } => {
                // A pause is no gap.
                self.sink.live().previous = None;
                if let Some(from) = from {
                    self.report(Report::Sought(from));
                }
                self.report(Report::Playing);
            }
            Happened::Paused => {
                self.reconnect.succeeded();
                self.report(Report::Paused);
            }
            Happened::Trying(retry) => self.report(Report::Trying(retry)),
            Happened::Refused { what, position } => {
                if position {
                    // To be there after an interruption would be refused again.
                    self.resume = None;
                }
                self.report(Report::Refused(what));
            }
            Happened::Silence(what) => {
                self.failure = Some(what.clone());
                self.report(Report::Silence(what));
            }
            Happened::Ended { announced } => self.handle_end(announced),
            Happened::TornDown => return self.handle_torn_down(),
            Happened::Nothing => {}
        }
        false
    }

    /// The stream has come to its end, or says so: a server that is stopped says BYE as well.
    fn handle_end(&mut self, announced: bool) {
        let duration = self.presentation.and_then(|presentation| presentation.duration);
        let early = duration.zip(self.resume).is_some_and(|(duration, position)| position + END_MARGIN < duration);
        if announced && early {
            self.after_teardown = Some("the server left in the middle of the stream".into());
            self.client.teardown();
            return;
        }
        let standard = self.presentation.is_some_and(|presentation| presentation.dialect == Dialect::Standard);
        self.ended = Some((Instant::now(), announced && duration.is_none() && standard));
        self.intent.playing = false;
        self.resume = None;
        self.reconnect.succeeded();
        self.report(Report::Ended);
    }

    fn handle_torn_down(&mut self) -> bool {
        self.close_session();
        if let Some(reason) = self.after_teardown.take() {
            self.lose(reason);
        } else if self.quitting.is_some() {
            return true;
        } else if std::mem::take(&mut self.given_up) {
            // Nobody needs to know any more.
        } else if self.intent.session && self.server_left() {
            self.lose("the server left".into());
        } else if !self.intent.session {
            self.report(Report::Stopped);
        }
        false
    }

    fn handle_error(&mut self, error: &Error) {
        log::info!("{error}");
        self.close_session();
        if self.quitting.is_some() {
            // There is nobody left to say farewell to.
            self.quitting = Some(Instant::now());
        } else if std::mem::take(&mut self.given_up) && !self.intent.session {
            // Nobody needs to know any more.
        } else if let Some(reason) = self.after_teardown.take() {
            self.lose(reason);
        } else if !self.intent.session {
            self.report(Report::Stopped);
        } else if self.ended.is_some() && !self.server_left() {
            // A server may close what has ended. Playing it again makes a new connection.
        } else if may_pass(error, self.worked) {
            self.lose(sentence(&error.to_string()));
        } else {
            self.intent = Intent::default();
            self.report(Report::Failed { reason: sentence(&error.to_string()) });
        }
    }

    /// Whether what looked like the stream's end was the server's.
    fn server_left(&mut self) -> bool {
        match self.ended {
            Some((at, doubtful)) if doubtful && at.elapsed() < GOODBYE => {
                self.intent.playing = true;
                self.ended = None;
                true
            }
            Some(_) => false,
            None => true,
        }
    }

    fn close_session(&mut self) {
        (self.presentation, self.engaged) = (None, false);
        self.sink.live().close_session();
    }

    /// It has been long enough, whatever is under way.
    fn give_up(&mut self) {
        let reason = self.failure.take().unwrap_or_else(|| UNCONNECTED.into());
        let engaged = self.engaged;
        // What is under way ends without a word.
        self.given_up = engaged;
        self.intent = Intent::default();
        (self.retry_at, self.resume, self.after_teardown, self.ended) = (None, None, None, None);
        self.reconnect.succeeded();
        self.client.teardown();
        self.report(Report::Failed { reason });
    }

    fn lose(&mut self, reason: String) {
        let reason = sentence(&reason);
        self.failure = Some(reason.clone());
        self.sink.live().interruptions += 1;
        match self.reconnect.failed(Instant::now()) {
            Decision::Retry { at, attempt } => {
                self.retry_at = Some(at);
                self.report(Report::Interrupted { reason, at, attempt });
            }
            Decision::GiveUp => {
                self.intent = Intent::default();
                self.report(Report::Failed { reason });
            }
        }
    }
}

/// An event without what it lends.
enum Happened {
    Connected(SocketAddr),
    SetUp(Presentation),
    Playing {
        from: Option<Duration>,
    },
    Paused,
    Trying(Retry),
    /// Whether it was a position that was refused.
    Refused {
        what: String,
        position: bool,
    },
    Silence(String),
    Ended {
        announced: bool,
    },
    TornDown,
    Nothing,
}

impl Happened {
    fn of(event: &Event<'_>) -> Self {
        match *event {
            Event::Connected { peer } => Self::Connected(peer),
            Event::SetUp(presentation) => Self::SetUp(presentation),
            Event::Playing { from } => Self::Playing { from },
            Event::Paused => Self::Paused,
            Event::Retrying(retry) => Self::Trying(retry),
            Event::Refused { status, during } => Self::Refused {
                what: format!("The server refuses {} ({} {})", during.name(), status.0, status.reason()),
                position: during == mutoscope_std::client::Command::Play,
            },
            Event::Unseekable => Self::Refused { what: "The lab's dialect knows no positions".into(), position: true },
            Event::Silence { lasting } => {
                Self::Silence(format!("Nothing has arrived for {:.0} s", lasting.as_secs_f32()))
            }
            Event::Troubled { trouble, .. } => Self::Silence(sentence(&trouble.to_string())),
            Event::EndOfStream { announced } => Self::Ended { announced },
            Event::TornDown => Self::TornDown,
            _ => Self::Nothing,
        }
    }
}

/// Where frames go.
struct Sink {
    pipeline: Arc<Pipeline>,
    live: Arc<Mutex<Live>>,
    recorder: Option<Recorder>,
    /// What became of the recorder when it could not go on.
    recorded: Option<Result<Recorded, String>>,
    /// That has been reported.
    told: bool,
    limit: Limit,
    frames: u64,
}

impl Sink {
    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing is recorded any more, once.
    fn check_recorder(&mut self) -> Option<String> {
        let failed = self.recorded.as_ref()?.as_ref().err()?;
        (!std::mem::replace(&mut self.told, true)).then(|| failed.clone())
    }

    /// Waits for the disk. `None` where there was nothing to record to.
    fn finish_recorder(&mut self) -> Option<Result<Recorded, String>> {
        self.recorder.take().map(Recorder::finish).or_else(|| self.recorded.take())
    }

    /// Passes a frame on, unless there have been enough. Whether this was the last one wanted.
    fn take(&mut self, frame: &Frame<'_>, session: Statistics) -> bool {
        let now = Instant::now();
        if self.limit.frames.is_some_and(|frames| self.frames >= frames) {
            return false;
        }
        let first = self.live().first;
        if first.zip(self.limit.duration).is_some_and(|(first, duration)| first + duration <= now) {
            return false;
        }
        self.frames += 1;
        if let Some(recorder) = &mut self.recorder
            && !recorder.append(frame.data)
        {
            self.recorded = self.finish_recorder();
        }
        let arrived = now.checked_sub(frame.age).unwrap_or(now);
        {
            let mut live = self.live();
            live.frames += 1;
            live.bytes += frame.data.len() as u64;
            live.session = session;
            live.held = frame.age;
            live.first.get_or_insert(now);
            live.last = Some(now);
            if let Some(previous) = live.previous.replace(arrived) {
                live.longest_gap = live.longest_gap.max(arrived.saturating_duration_since(previous));
            }
            live.arrivals.add(arrived, session.octets);
        }
        let mut jpeg = self.pipeline.files.take();
        jpeg.clear();
        jpeg.extend_from_slice(frame.data);
        let info = FrameInfo {
            number: frame.number,
            position: frame.position,
            arrived,
            captured: frame.since_capture.map(|micros| (now, micros)),
            len: frame.data.len(),
        };
        self.pipeline.put_frame(Encoded { jpeg, info });
        self.limit.frames == Some(self.frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_fails_is_told_of_and_does_not_leave_commands_unanswered() {
        let options = Options::new("rtsp://127.0.0.1:9/x");
        // The first report kills it.
        let wake = || panic!("the window is gone");
        let network =
            Network::start(options, Patience::Endless, Limit::default(), None, Pipeline::new(), wake).unwrap();
        let commander = network.commander();
        for command in [Command::Stop, Command::Setup] {
            commander.send(command);
            let deadline = Instant::now() + Duration::from_secs(30);
            let failed = loop {
                match network.poll_report() {
                    Some(Report::Failed { reason }) => break reason,
                    Some(_) => {}
                    None => std::thread::sleep(Duration::from_millis(5)),
                }
                assert!(Instant::now() < deadline, "{command:?} is never answered");
            };
            assert_eq!(failed, "The player's network thread has failed");
            assert_eq!(network.poll_report(), None, "once");
        }
        assert!(!network.finish().complete);
    }
}
