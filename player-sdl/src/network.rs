//! The network thread: a client, what the user wants of it, and what to do when the network does not want.

use crate::args::server_name;
use crate::asking::{self, Asked, Asking};
use crate::glimpse::{Glimpse, Seen, Step};
use crate::reconnect::{Decision, Patience, Reconnect, may_pass};
use crate::record::{Recorded, Recorder};
use crate::sink::Sink;
use crate::wording::{Cause, sentence};
use mutoscope::wire::rtsp::StatusCode;
use mutoscope::wire::rtsp::headers::Scale;
use mutoscope_std::client::{
    Answer, Client, Command, Dialect, Error, Event, Goal, Handle, Impairments, NoFrames, Options, Presentation, Retry,
};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub(crate) use crate::sink::{Limit, Live};

/// What happened. Frames come another way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Report {
    Connected(SocketAddr),
    SetUp(Presentation),
    /// It plays from there, as was wished for; `Playing` follows.
    Sought(Duration),
    /// It plays so fast; `Playing` follows.
    Pace(Scale),
    /// The frame at this position has come, as was wished for ([`Order::Show`]), and the stream does not go on.
    Shown(Duration),
    Playing,
    Paused,
    /// Something did not work, and something else is tried at once.
    Trying(Retry),
    /// A wish was refused; what was before goes on.
    Refused(String),
    /// It goes on when this has been answered ([`Commander::answer`]).
    Asks(Asked),
    /// What was answered is not known any more when the player has ended, for this reason.
    Forgetful(String),
    /// Nothing is recorded any more, for this reason; it plays on.
    NotRecorded(String),
    /// What has been recorded on the user's wish is on disk.
    Recorded(Recorded),
    /// There have been no pictures for long; the sentence says why.
    Silence(String),
    Ended,
    Stopped,
    /// The stream is gone from one server, and it goes on at another.
    Turned {
        reason: String,
        /// Host and port.
        server: String,
    },
    /// The stream is gone; the next attempt to get it back is at `at`.
    Interrupted {
        reason: String,
        cause: Cause,
        at: Instant,
        attempt: u32,
    },
    /// The stream is gone, and trying again would not help.
    Failed {
        reason: String,
        cause: Cause,
    },
    /// All that was asked for on the command line has been received.
    Complete,
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

/// What the user wants of the stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    Goal(Goal),
    /// Show the frame at this position, and stand there.
    Show(Duration),
}

/// What the network thread is told.
#[derive(Debug)]
enum Wish {
    Order(Order),
    /// Record to this from now on, instead of where it was recorded to; with `None`: nowhere.
    Record(Option<Recorder>),
    /// What was asked, with `None`: there is no answer.
    Answer(Option<Answer>),
    /// The last: no session, and no thread.
    Quit,
}

/// Passes the user's goals to the network thread.
#[derive(Clone, Debug)]
pub(crate) struct Commander {
    sender: Sender<Wish>,
    handle: Handle,
    /// A goal has been set since a thread that is gone was told of.
    expectant: Arc<AtomicBool>,
}

impl Commander {
    pub(crate) fn send(&self, order: Order) {
        self.pass_on(Wish::Order(order));
    }

    /// Records to this from now on; `None`: nowhere.
    pub(crate) fn record(&self, recorder: Option<Recorder>) {
        self.pass_on(Wish::Record(recorder));
    }

    /// Answers what was asked; `None`: there is no answer.
    pub(crate) fn answer(&self, answer: Option<Answer>) {
        self.pass_on(Wish::Answer(answer));
    }

    /// From now on this happens to media over UDP.
    pub(crate) fn impair(&self, impairments: Impairments) {
        self.handle.impair(impairments);
    }

    fn pass_on(&self, wish: Wish) {
        self.expectant.store(true, Ordering::Relaxed);
        // That a thread is gone is told by `poll_report`.
        let _ = self.sender.send(wish);
        self.handle.wake();
    }
}

impl Network {
    /// Starts the thread, which does nothing until it is told to. `wake` is called after each report. `known_servers`: the file
    /// of the certificates that were trusted before.
    ///
    /// # Errors
    /// Where the options are of no use.
    pub(crate) fn start(
        options: Options,
        known_servers: Option<PathBuf>,
        patience: Patience,
        sink: Sink,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, Error> {
        let mut client = Client::new(options.clone())?;
        let asking = Asking::new(&options, &mut client, known_servers.as_deref());
        let (sender, wishes) = mpsc::channel();
        let (reporter, reports) = mpsc::channel();
        let commander = Commander { sender, handle: client.handle(), expectant: Arc::default() };
        let live = sink.shared_live();
        let worker = Worker {
            client,
            wishes,
            asking,
            glimpse: Glimpse::default(),
            reporter: Reporter { reports: reporter, wake: Box::new(wake) },
            goal: Goal::Stop,
            resume: None,
            recovery: Recovery::new(patience),
            presentation: None,
            engaged: false,
            ended: None,
            quitting: None,
            complete: false,
            due: None,
            sink,
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
                Some(Report::Failed { reason: "The player's network thread has failed".into(), cause: Cause::Other })
            }
            Err(_) => None,
        }
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the session and the thread; takes two seconds where the server does not answer.
    pub(crate) fn finish(self) -> Outcome {
        self.commands.pass_on(Wish::Quit);
        self.thread.join().unwrap_or(Outcome { complete: false, recorded: None })
    }
}

/// Why there is no picture, before there is a connection.
const UNCONNECTED: &str = "The server does not take the connection in time";
/// How long the server's answer to TEARDOWN is waited for when quitting.
const LAST_PATIENCE: Duration = Duration::from_millis(1500);
/// A BYE followed by the end of the connection within this time means that the server went, not the stream.
const GOODBYE: Duration = Duration::from_secs(3);
/// A BYE so far before a stream's announced end means the same.
const END_MARGIN: Duration = Duration::from_secs(2);

/// Tells the other threads what happens.
struct Reporter {
    reports: Sender<Report>,
    wake: Box<dyn Fn() + Send>,
}

impl Reporter {
    fn report(&self, report: Report) {
        log::debug!("{report:?}");
        let _ = self.reports.send(report);
        (self.wake)();
    }
}

/// What is done to get a lost stream back.
struct Recovery {
    reconnect: Reconnect,
    retry_at: Option<Instant>,
    /// Whether a frame of this stream has ever arrived.
    worked: bool,
    /// Why there is no picture: why the last attempt failed, or what the present one waits for.
    failure: Option<(String, Cause)>,
    /// The session that is being torn down has been told to be over.
    given_up: bool,
    /// It plays towards its beginning, where its end is then.
    backwards: bool,
    /// The session is given up for this reason, to be tried anew.
    after_teardown: Option<String>,
}

impl Recovery {
    fn new(patience: Patience) -> Self {
        Self {
            reconnect: Reconnect::new(patience),
            retry_at: None,
            worked: false,
            failure: None,
            given_up: false,
            backwards: false,
            after_teardown: None,
        }
    }

    /// Nothing is to be got back any more.
    fn forget(&mut self) {
        (self.retry_at, self.after_teardown) = (None, None);
        self.reconnect.succeeded();
    }
}

struct Worker {
    client: Client,
    wishes: Receiver<Wish>,
    asking: Asking,
    glimpse: Glimpse,
    reporter: Reporter,
    /// What is to be, as far as the network allows: playing, a session, or nothing ([`Goal::Stop`]).
    goal: Goal,
    /// Where to go on after an interruption.
    resume: Option<Duration>,
    recovery: Recovery,
    presentation: Option<Presentation>,
    /// Whether the client is connected or about to be: whether it will tell that it has been torn down.
    engaged: bool,
    /// Since when the stream has been at its end, and whether its length is not known, so that it may not be one.
    ended: Option<(Instant, bool)>,
    quitting: Option<Instant>,
    complete: bool,
    /// When the duration asked for is over.
    due: Option<Instant>,
    sink: Sink,
}

impl Worker {
    fn run(mut self) -> Outcome {
        loop {
            while let Ok(wish) = self.wishes.try_recv() {
                match wish {
                    Wish::Order(Order::Goal(goal)) => self.handle_goal(goal),
                    Wish::Order(Order::Show(to)) => self.handle_show(to),
                    Wish::Record(recorder) => self.record(recorder),
                    Wish::Answer(answer) => self.handle_answer(answer),
                    Wish::Quit => self.quit(),
                }
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
            if self.recovery.reconnect.deadline().is_some_and(|deadline| deadline <= now) {
                self.give_up();
                continue;
            }
            if self.recovery.retry_at.is_some_and(|at| at <= now) {
                self.begin();
            }
            let over = self.recovery.reconnect.deadline();
            let deadline = [self.recovery.retry_at, self.quitting, self.due, over].into_iter().flatten().min();
            if let Some(statistics) = self.client.statistics() {
                self.sink.live().session = statistics;
            }
            match self.client.next(deadline) {
                Ok(None) => {}
                Ok(Some(Event::TornDown)) => {
                    if self.handle_torn_down() {
                        break;
                    }
                }
                Ok(Some(event)) => self.handle_event(event),
                Err(error) => self.handle_error(&error),
            }
        }
        self.sink.pipeline.frames.close();
        Outcome { complete: self.complete, recorded: self.sink.finish_recorder() }
    }

    fn report(&self, report: Report) {
        self.reporter.report(report);
    }

    fn wants_session(&self) -> bool {
        self.goal != Goal::Stop
    }

    fn wants_playing(&self) -> bool {
        matches!(self.goal, Goal::Play { .. })
    }

    fn handle_answer(&mut self, answer: Option<Answer>) {
        match self.asking.answer(answer, &mut self.client) {
            asking::Outcome::TryAgain { goal, forgetful } => {
                if let Some(why) = forgetful {
                    self.report(Report::Forgetful(why));
                }
                self.goal = goal;
                self.begin();
            }
            asking::Outcome::Over(reason, cause) => self.report(Report::Failed { reason, cause }),
            asking::Outcome::Stale => {}
        }
    }

    fn handle_goal(&mut self, goal: Goal) {
        self.asking.forget();
        let waits = self.recovery.retry_at.is_some();
        match goal {
            Goal::SetUp => {
                self.goal = Goal::SetUp;
                self.begin();
            }
            Goal::Play { from } => {
                self.goal = Goal::Play { from: None };
                // The server stands a little behind the frame that was shown last.
                let from = from.or_else(|| self.glimpse.take_position());
                self.resume = from.or(self.resume);
                // What waits for the next attempt need not wait any longer.
                if waits {
                    self.begin();
                } else {
                    self.recovery.reconnect.begin(Instant::now());
                    self.engage(Goal::Play { from });
                }
                self.ended = None;
            }
            Goal::Pause => {
                if self.wants_playing() {
                    self.goal = Goal::SetUp;
                }
                if self.glimpse.stands() && !self.glimpse.is_active() {
                    self.report(Report::Paused);
                } else if !waits {
                    self.client.set_goal(Goal::Pause);
                }
            }
            Goal::Seek { to } => {
                self.resume = Some(to);
                if self.ended.take().is_some() {
                    self.goal = Goal::Play { from: None };
                }
                match (waits, self.wants_playing()) {
                    (true, _) => {}
                    (false, true) => self.engage(Goal::Play { from: Some(to) }),
                    (false, false) => self.client.set_goal(goal),
                }
            }
            Goal::Scale { .. } => self.client.set_goal(goal),
            Goal::Stop => self.stop(),
        }
    }

    /// Shows the frame at a position of a stream that stands still, or is to stand still meanwhile.
    fn handle_show(&mut self, to: Duration) {
        self.resume = Some(to);
        self.ended = None;
        if self.recovery.retry_at.is_none() && self.presentation.is_some() {
            let step = self.glimpse.show(to);
            self.take_step(step);
        }
    }

    fn take_step(&mut self, step: Option<Step>) {
        match step {
            Some(Step::Pause) => self.client.set_goal(Goal::Pause),
            Some(Step::Play(from)) => {
                self.engaged = true;
                self.client.set_goal(Goal::Play { from: Some(from) });
            }
            Some(Step::Stand) if !self.wants_playing() => self.report(Report::Paused),
            Some(Step::Stand) | None => {}
        }
    }

    fn record(&mut self, recorder: Option<Recorder>) {
        let Some(before) = self.sink.replace_recorder(recorder) else { return };
        let reports = self.reporter.reports.clone();
        // The disk may be slow, and nothing waits for it here. Whoever reads the reports looks for them often enough.
        let finish = move || {
            let report = match before.finish() {
                Ok(recorded) => Report::Recorded(recorded),
                Err(reason) => Report::NotRecorded(reason),
            };
            let _ = reports.send(report);
        };
        if let Err(error) = std::thread::Builder::new().name("recorded".into()).spawn(finish) {
            self.report(Report::NotRecorded(format!("cannot finish the recording: {error}")));
        }
    }

    fn quit(&mut self) {
        let patience = if self.engaged { LAST_PATIENCE } else { Duration::ZERO };
        self.quitting = Some(Instant::now() + patience);
        self.stop();
    }

    fn engage(&mut self, goal: Goal) {
        self.engaged = true;
        self.glimpse.handle_play();
        self.client.set_goal(goal);
    }

    /// Makes or renews what is wanted.
    fn begin(&mut self) {
        self.recovery.retry_at = None;
        self.ended = None;
        self.engaged = self.wants_session();
        if self.engaged {
            self.recovery.reconnect.begin(Instant::now());
        }
        self.glimpse.reset();
        if self.wants_playing() {
            self.glimpse.handle_play();
            self.client.set_goal(Goal::Play { from: self.resume });
        } else if self.wants_session() {
            self.client.set_goal(Goal::SetUp);
            if let Some(to) = self.resume {
                self.client.set_goal(Goal::Seek { to });
            }
        }
    }

    fn stop(&mut self) {
        self.abandon();
        (self.recovery.failure, self.recovery.given_up) = (None, false);
        if !self.engaged && self.quitting.is_none() {
            self.report(Report::Stopped);
        }
    }

    /// Wants nothing any more.
    fn abandon(&mut self) {
        self.goal = Goal::Stop;
        (self.resume, self.ended) = (None, None);
        self.recovery.forget();
        self.client.set_goal(Goal::Stop);
    }

    fn handle_frame(&mut self, position: Option<Duration>, full: bool) {
        self.recovery.worked = true;
        self.recovery.failure = None;
        self.recovery.reconnect.succeeded();
        if position.is_some() {
            // A film that is played again and again goes on beyond its length, where nothing can be asked for.
            let duration = self.presentation.and_then(|presentation| presentation.duration);
            self.resume = position.filter(|&position| duration.is_none_or(|duration| position < duration));
        }
        if self.due.is_none() && !self.complete {
            self.due = self.sink.due();
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

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Frame(frame) => match self.glimpse.handle_frame() {
                Seen::Usual => {
                    let full = self.sink.take(&self.client, &frame);
                    self.handle_frame(frame.position, full);
                    if let Some(reason) = self.sink.check_recorder() {
                        self.report(Report::NotRecorded(reason));
                    }
                }
                Seen::Wanted(at) => {
                    self.client.set_goal(Goal::Pause);
                    self.sink.show(&self.client, &frame, at);
                    self.handle_frame(Some(at), false);
                    self.report(Report::Shown(at));
                }
                Seen::Surplus => {}
            },
            Event::Connected { peer } => {
                let why = "The server takes the connection, but does not answer in time";
                self.recovery.failure = Some((why.into(), Cause::Other));
                self.sink.live().server = Some(peer);
                self.report(Report::Connected(peer));
            }
            Event::SetUp(presentation) => {
                self.presentation = Some(presentation);
                let why = "The server has a stream, but no picture of it has come in time";
                self.recovery.failure = Some((why.into(), Cause::Other));
                if !self.wants_playing() {
                    self.recovery.reconnect.succeeded();
                }
                self.report(Report::SetUp(presentation));
            }
            Event::Playing { from, answer } => {
                // A pause is no gap.
                self.sink.live().previous = None;
                if self.glimpse.is_active() {
                    return;
                }
                if let Some(from) = from {
                    self.report(Report::Sought(from));
                }
                let scale = answer.scale.unwrap_or_default();
                self.recovery.backwards = scale.is_backwards();
                self.report(Report::Pace(scale));
                self.report(Report::Playing);
            }
            Event::Paused => {
                self.recovery.reconnect.succeeded();
                match self.glimpse.handle_stand() {
                    None => self.report(Report::Paused),
                    step => self.take_step(step),
                }
            }
            Event::Retrying { with, .. } => self.report(Report::Trying(with)),
            Event::Refused { status, during } => self.handle_refusal(status, during),
            Event::Unseekable => {
                self.resume = None;
                self.report(Report::Refused("The lab's dialect knows no positions".into()));
            }
            Event::Silence { lasting } => {
                self.handle_silence(format!("Nothing has arrived for {:.0} s", lasting.as_secs_f32()));
            }
            Event::NoFrames { cause, .. } => self.handle_no_frames(&cause),
            Event::EndOfStream { announced } => match self.glimpse.handle_stand() {
                None => self.handle_end(announced),
                step => self.take_step(step),
            },
            _ => {}
        }
    }

    /// The server refused a wish. What plays plays on.
    fn handle_refusal(&mut self, status: StatusCode, during: Command) {
        let was_glimpse = self.glimpse.is_active();
        if during == Command::Pause || was_glimpse {
            self.glimpse.handle_refusal(during == Command::Pause, self.wants_playing());
        }
        if was_glimpse && !self.wants_playing() {
            // It stood before, and is to stand on.
            self.client.set_goal(Goal::Pause);
        }
        if during == Command::Play {
            // To be there after an interruption would be refused again.
            self.resume = None;
        }
        let (name, reason) = (during.name(), status.reason());
        self.report(Report::Refused(format!("The server refuses {name} ({} {reason})", status.0)));
    }

    fn handle_no_frames(&mut self, cause: &NoFrames) {
        self.handle_silence(sentence(&cause.to_string()));
    }

    fn handle_silence(&mut self, why: String) {
        self.recovery.failure = Some((why.clone(), Cause::Other));
        self.report(Report::Silence(why));
    }

    /// The stream has come to its end, or says so: a server that is stopped says BYE as well.
    fn handle_end(&mut self, announced: bool) {
        let duration = self.presentation.and_then(|presentation| presentation.duration);
        let early = duration.zip(self.resume).is_some_and(|(duration, position)| match self.recovery.backwards {
            false => position + END_MARGIN < duration,
            true => position > END_MARGIN,
        });
        let standard = self.presentation.is_some_and(|presentation| presentation.dialect == Dialect::Standard);
        // A live stream has no end but that of the server, or of what it shows; another one may have it still.
        let has_others = !self.client.options().fallbacks.is_empty();
        let may_go_on = has_others && standard && duration.is_none();
        if announced && (early || may_go_on) {
            self.recovery.after_teardown = Some("the server left in the middle of the stream".into());
            self.client.set_goal(Goal::Stop);
            return;
        }
        self.ended = Some((Instant::now(), announced && duration.is_none() && standard));
        if self.wants_playing() {
            self.goal = Goal::SetUp;
        }
        self.resume = None;
        self.recovery.reconnect.succeeded();
        self.report(Report::Ended);
    }

    /// Whether that was the last thing to happen.
    fn handle_torn_down(&mut self) -> bool {
        self.close_session();
        if let Some(reason) = self.recovery.after_teardown.take() {
            self.lose(&reason, Cause::Other);
        } else if self.quitting.is_some() {
            return true;
        } else if std::mem::take(&mut self.recovery.given_up) {
            // Nobody needs to know any more.
        } else if self.wants_session() && self.server_left() {
            self.lose("the server left", Cause::Other);
        } else if !self.wants_session() {
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
        } else if std::mem::take(&mut self.recovery.given_up) && !self.wants_session() {
            // Nobody needs to know any more.
        } else if let Some(reason) = self.recovery.after_teardown.take() {
            self.lose(&reason, Cause::Other);
        } else if !self.wants_session() {
            self.report(Report::Stopped);
        } else if self.ended.is_some() && !self.server_left() {
            // A server may close what has ended. Playing it again makes a new connection.
        } else if self.client.has_untried() {
            // Nobody is asked anything while there is another server.
            self.lose(&error.to_string(), Cause::of(error));
        } else if let Some(asked) = self.asking.ask(error, self.goal) {
            // However long somebody thinks about it.
            self.recovery.forget();
            self.goal = Goal::Stop;
            self.report(Report::Asks(asked));
        } else if may_pass(error, self.recovery.worked) {
            self.lose(&error.to_string(), Cause::of(error));
        } else {
            self.goal = Goal::Stop;
            self.report(Report::Failed { reason: sentence(&error.to_string()), cause: Cause::of(error) });
        }
    }

    /// Whether what looked like the stream's end was the server's.
    fn server_left(&mut self) -> bool {
        match self.ended {
            Some((at, doubtful)) if doubtful && at.elapsed() < GOODBYE => {
                self.goal = Goal::Play { from: None };
                self.ended = None;
                true
            }
            Some(_) => false,
            None => true,
        }
    }

    fn close_session(&mut self) {
        (self.presentation, self.engaged) = (None, false);
        self.glimpse.reset();
        self.sink.live().close_session();
    }

    /// It has been long enough, whatever is under way.
    fn give_up(&mut self) {
        let failure = self.recovery.failure.take();
        let (reason, cause) = failure.unwrap_or_else(|| (UNCONNECTED.into(), Cause::Other));
        let engaged = self.engaged;
        // What is under way ends without a word.
        self.recovery.given_up = engaged;
        self.abandon();
        self.report(Report::Failed { reason, cause });
    }

    fn lose(&mut self, reason: &str, cause: Cause) {
        let reason = sentence(reason);
        self.recovery.failure = Some((reason.clone(), cause));
        self.sink.live().interrupt();
        let is_untried = self.client.turn();
        if !self.client.options().fallbacks.is_empty() {
            self.asking.turn(&mut self.client);
        }
        if is_untried {
            self.recovery.retry_at = Some(Instant::now());
            let server = server_name(self.client.url()).to_owned();
            return self.report(Report::Turned { reason, server });
        }
        match self.recovery.reconnect.failed(Instant::now()) {
            Decision::Retry { at, attempt } => {
                self.recovery.retry_at = Some(at);
                self.report(Report::Interrupted { reason, cause, at, attempt });
            }
            Decision::GiveUp => {
                self.goal = Goal::Stop;
                self.report(Report::Failed { reason, cause });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Pipeline;

    #[test]
    fn a_thread_that_fails_is_told_of_and_does_not_leave_commands_unanswered() {
        let options = Options::new("rtsp://127.0.0.1:9/x");
        // The first report kills it.
        let wake = || panic!("the window is gone");
        let sink = Sink::new(Pipeline::new(), None, Limit::default());
        let network = Network::start(options, None, Patience::Endless, sink, wake).unwrap();
        let commander = network.commander();
        for goal in [Goal::Stop, Goal::SetUp] {
            commander.send(Order::Goal(goal));
            let deadline = Instant::now() + Duration::from_secs(30);
            let failed = loop {
                match network.poll_report() {
                    Some(Report::Failed { reason, .. }) => break reason,
                    Some(_) => {}
                    None => std::thread::sleep(Duration::from_millis(5)),
                }
                assert!(Instant::now() < deadline, "{goal:?} is never answered");
            };
            assert_eq!(failed, "The player's network thread has failed");
            assert_eq!(network.poll_report(), None, "once");
        }
        assert!(!network.finish().complete);
    }
}
