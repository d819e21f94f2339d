//! The state of the player in a window: which buttons can be pressed, what they ask of the network, and how its reports
//! change that. Nothing here draws.

use crate::asking::Asked;
use crate::network::{Order, Report};
use crate::record::Recorded;
use crate::wording::{Cause, sentence};
use mutoscope::media::FrameRate;
use mutoscope::wire::rtsp::headers::Scale;
use mutoscope_std::client::{Dialect, Goal, MediaTransport, Presentation, Retry};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The state that the window shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    /// There is no session, and the user wants none.
    Idle,
    /// The client is connecting and setting up a session.
    Connecting,
    /// There is a session, which has not played yet.
    Ready,
    /// The stream is to play, but no picture has come yet.
    Buffering,
    Playing,
    Paused,
    /// The stream has been shown to its end.
    Ended,
    /// The stream was lost. The next attempt to get it back is at `at`.
    Reconnecting {
        reason: String,
        cause: Cause,
        at: Instant,
        attempt: u32,
    },
    /// The user has to answer before it goes on.
    Asking(Asked),
    /// The stream cannot be played, and trying again would not help.
    Failed {
        reason: String,
        cause: Cause,
    },
}

impl Phase {
    /// Returns the phase in one word, for the status bar and for programs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Idle => "Stopped",
            Self::Connecting => "Connecting",
            Self::Ready => "Ready",
            Self::Buffering => "Buffering",
            Self::Playing => "Playing",
            Self::Paused => "Paused",
            Self::Ended => "Ended",
            Self::Reconnecting { .. } => "Reconnecting",
            Self::Asking(_) => "Asking",
            Self::Failed { .. } => "Failed",
        }
    }
}

/// A button of the control panel. They stand in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Button {
    Setup,
    Play,
    Pause,
    Stop,
}

impl Button {
    pub(crate) const ALL: [Self; 4] = [Self::Setup, Self::Play, Self::Pause, Self::Stop];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Setup => "SETUP",
            Self::Play => "PLAY",
            Self::Pause => "PAUSE",
            Self::Stop => "STOP",
        }
    }
}

/// How far a seek key moves the position, without Shift and with it.
pub(crate) const STEP: Duration = Duration::from_secs(5);
pub(crate) const LONG_STEP: Duration = Duration::from_secs(30);

/// How long a short message is shown.
const TOAST: Duration = Duration::from_secs(4);

/// The last seek.
#[derive(Clone, Copy, Debug, Default)]
struct Seek {
    /// The position of one that the server has not answered yet. Until then, frames do not change the position.
    to: Option<Duration>,
    /// When the last one was answered. Frames that arrived before belong to the old position.
    answered: Option<Instant>,
}

/// How to play otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    Slower,
    Faster,
    /// In the other direction.
    Reversed,
    Normal,
}

/// How fast a film can be played, in thousandths.
const PACES: [i32; 6] = [250, 500, 1000, 2000, 4000, 8000];

/// What the window knows about its stream.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) phase: Phase,
    pub(crate) presentation: Option<Presentation>,
    pub(crate) peer: Option<SocketAddr>,
    /// The position of the shown frame or, until a seek has been answered, the position it leads to.
    pub(crate) position: Option<Duration>,
    /// The number of the shown frame.
    pub(crate) frame: Option<u32>,
    /// Whether a picture is shown.
    pub(crate) has_picture: bool,
    /// Whether a picture of this stream has ever been shown.
    pub(crate) worked: bool,
    /// Why no picture has come for a while.
    pub(crate) silence: Option<String>,
    /// The other way of playing that the client is trying, because the first one did not work.
    pub(crate) trying: Option<Retry>,
    /// The goal that the server has not reached yet.
    pending: Option<Goal>,
    /// Whether the user is dragging the position. The stream stands meanwhile and shows the frame there.
    pub(crate) scrubbing: bool,
    /// Whether frames are recorded.
    pub(crate) recording: bool,
    seek: Seek,
    /// How fast and in which direction it plays, or is to play.
    pub(crate) scale: Scale,
    toast: Option<(String, Instant)>,
}

/// How long the last frame of a stream is assumed to last if the server does not tell the frame rate.
const LAST_FRAME: Duration = Duration::from_millis(100);

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            phase: Phase::Idle,
            presentation: None,
            peer: None,
            position: None,
            frame: None,
            has_picture: false,
            worked: false,
            silence: None,
            trying: None,
            pending: None,
            scrubbing: false,
            recording: false,
            seek: Seek::default(),
            scale: Scale::NORMAL,
            toast: None,
        }
    }

    /// Whether a button can be pressed in the present phase.
    pub(crate) fn is_enabled(&self, button: Button) -> bool {
        let waiting = self.pending.is_some();
        match button {
            Button::Setup => matches!(self.phase, Phase::Idle | Phase::Failed { .. }),
            Button::Play => matches!(self.phase, Phase::Ready | Phase::Paused | Phase::Ended) && !waiting,
            Button::Pause => matches!(self.phase, Phase::Playing | Phase::Buffering) && !waiting,
            Button::Stop => !matches!(self.phase, Phase::Idle | Phase::Failed { .. }),
        }
    }

    /// Presses a button. Returns the goal for the network, or `None` if the button cannot be pressed.
    pub(crate) fn press(&mut self, button: Button) -> Option<Goal> {
        if !self.is_enabled(button) {
            return None;
        }
        Some(match button {
            Button::Setup => self.connect(Goal::SetUp),
            Button::Play => self.play(None),
            Button::Pause => {
                self.pending = Some(Goal::Pause);
                Goal::Pause
            }
            Button::Stop => {
                self.reset();
                Goal::Stop
            }
        })
    }

    /// Plays or pauses, as the space bar does; if there is no session, this makes one. Returns the goal for the network.
    pub(crate) fn toggle(&mut self) -> Option<Goal> {
        match self.phase {
            Phase::Idle | Phase::Failed { .. } => Some(self.connect(Goal::Play { from: None })),
            _ if self.is_enabled(Button::Play) => self.press(Button::Play),
            _ => self.press(Button::Pause),
        }
    }

    /// Connects and plays. Returns the goal for the network.
    pub(crate) fn start(&mut self, from: Option<Duration>) -> Goal {
        self.connect(Goal::Play { from })
    }

    /// Tries now what is to be tried soon. Returns the goal for the network, or `None` if it is being tried.
    pub(crate) fn try_now(&self, now: Instant) -> Option<Goal> {
        let waits = matches!(self.phase, Phase::Reconnecting { at, .. } if at > now);
        waits.then(|| self.pending.unwrap_or(Goal::Play { from: None }))
    }

    /// Whether the user can seek: there must be a session, and its stream must have a length.
    pub(crate) fn can_seek(&self) -> bool {
        let phase =
            matches!(self.phase, Phase::Ready | Phase::Buffering | Phase::Playing | Phase::Paused | Phase::Ended);
        phase && self.duration().is_some()
    }

    /// Seeks to a part of the length, 0 to 1. Returns the order for the network, or `None` if the user cannot seek.
    pub(crate) fn seek_to(&mut self, fraction: f64) -> Option<Order> {
        self.scrubbing = false;
        let duration = self.duration().filter(|_| self.can_seek())?;
        Some(self.seek(duration.mul_f64(fraction.clamp(0.0, 1.0)), duration))
    }

    /// Shows the frame at a part of the length, 0 to 1, while the user drags the position there.
    pub(crate) fn scrub_to(&mut self, fraction: f64) -> Option<Order> {
        let duration = self.duration().filter(|_| self.can_seek())?;
        self.scrubbing = true;
        let to = self.within(duration.mul_f64(fraction.clamp(0.0, 1.0)), duration);
        (self.position != Some(to) || self.seek.to.is_none()).then(|| self.show(to))
    }

    /// Seeks forward or back by a step. Returns the order for the network, or `None` if the user cannot seek.
    pub(crate) fn seek_by(&mut self, step: Duration, forward: bool) -> Option<Order> {
        let duration = self.duration().filter(|_| self.can_seek())?;
        let from = match self.phase {
            Phase::Ended => duration,
            _ => self.position.unwrap_or_default(),
        };
        let to = if forward { from.saturating_add(step) } else { from.saturating_sub(step) };
        Some(self.seek(to, duration))
    }

    /// Shows the next frame, or the one before, and stands there. Returns the orders for the network.
    pub(crate) fn step_frame(&mut self, forward: bool) -> Vec<Order> {
        let Some(duration) = self.duration().filter(|_| self.can_seek()) else { return Vec::new() };
        let rate = self.presentation.and_then(|presentation| presentation.frame_rate);
        let interval = rate.map_or(LAST_FRAME, FrameRate::interval);
        let position = self.position.unwrap_or_default();
        let frame = (position + interval / 4).as_nanos() / interval.as_nanos().max(1);
        let frame = u32::try_from(frame).unwrap_or(u32::MAX);
        let frame = if forward { frame.saturating_add(1) } else { frame.saturating_sub(1) };
        // Not at the frame's very beginning: some servers round down what they are asked for.
        let to = self.within(interval * frame + interval / 4, duration);
        let pause = self.press(Button::Pause).map(Order::Goal);
        pause.into_iter().chain([self.show(to)]).collect()
    }

    /// Plays faster, slower or backwards. Returns the order for the network, or `None` where there is nothing to change.
    pub(crate) fn change_pace(&mut self, pace: Pace) -> Option<Order> {
        self.duration().filter(|_| self.can_seek())?;
        let now = self.scale.thousandths();
        let at = PACES.iter().position(|&speed| speed >= now.abs()).unwrap_or(PACES.len() - 1);
        let speed = |at: usize| PACES[at.min(PACES.len() - 1)] * now.signum();
        let to = match pace {
            Pace::Slower => speed(at.saturating_sub(1)),
            Pace::Faster => speed(at + 1),
            Pace::Reversed => -now,
            Pace::Normal => 1000,
        };
        let to = Scale::from_thousandths(to).filter(|&to| to != self.scale)?;
        self.scale = to;
        Some(Order::Goal(Goal::Scale { to }))
    }

    /// Returns the length of the stream, if the server has told one.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.presentation.and_then(|presentation| presentation.duration).filter(|duration| !duration.is_zero())
    }

    /// Whether there is a session and the server has told no length.
    pub(crate) fn is_live(&self) -> bool {
        self.presentation.is_some_and(|presentation| presentation.duration.is_none())
    }

    /// Returns how the stream travels and which dialect the server speaks, for the title bar.
    pub(crate) fn badge(&self) -> Option<&'static str> {
        let presentation = self.presentation?;
        Some(match (presentation.dialect, presentation.transport) {
            (Dialect::Lab, _) => "LAB · UDP",
            (_, MediaTransport::Udp { .. }) => "UDP",
            (_, MediaTransport::Interleaved { .. }) => "TCP",
        })
    }

    /// Takes a report of the network thread.
    pub(crate) fn handle_report(&mut self, report: Report, now: Instant) {
        match report {
            Report::Connected(peer) => self.peer = Some(peer),
            Report::SetUp(presentation) => {
                self.presentation = Some(presentation);
                self.trying = None;
                let wants_playing = matches!(self.pending, Some(Goal::Play { .. }));
                if wants_playing {
                    self.phase = Phase::Buffering;
                } else {
                    (self.phase, self.pending) = (Phase::Ready, None);
                }
            }
            Report::Sought(to) => {
                // Only the answer to the last seek counts. Answers to earlier ones come before it.
                if self.seek.to == Some(to) {
                    (self.seek.to, self.seek.answered) = (None, Some(now));
                }
            }
            Report::Pace(scale) => {
                if scale != self.scale {
                    self.show_toast(format!("The server plays at {}× only", times(scale)), now);
                }
                self.scale = scale;
            }
            Report::Shown(to) => {
                if self.seek.to == Some(to) {
                    (self.seek.to, self.seek.answered) = (None, Some(now));
                }
            }
            Report::Playing => {
                self.pending = None;
                self.silence = None;
                if self.phase != Phase::Playing {
                    self.phase = Phase::Buffering;
                }
            }
            Report::Paused => {
                self.pending = None;
                self.silence = None;
                self.phase = Phase::Paused;
            }
            Report::Trying(retry) => self.trying = Some(retry),
            Report::Refused(what) => {
                self.pending = None;
                self.seek.to = None;
                self.show_toast(what, now);
            }
            Report::NotRecorded(reason) => {
                self.recording = false;
                self.show_toast(sentence(&reason), now);
            }
            Report::Recorded(recorded) => self.show_toast(recorded_words(recorded), now),
            Report::Silence(why) => self.silence = Some(why),
            Report::Ended => {
                (self.pending, self.silence, self.seek.to) = (None, None, None);
                self.phase = Phase::Ended;
                if self.duration().is_some() {
                    self.position = self.duration();
                }
            }
            Report::Stopped => self.reset(),
            Report::Interrupted { reason, cause, at, attempt } => {
                self.lose();
                self.phase = Phase::Reconnecting { reason, cause, at, attempt };
            }
            Report::Turned { reason, server } => self.turn(&reason, &server, now),
            Report::Asks(asked) => {
                self.lose();
                self.phase = Phase::Asking(asked);
            }
            Report::Forgetful(why) => self.show_toast(why, now),
            Report::Failed { reason, cause } => {
                (self.pending, self.silence, self.trying, self.seek.to) = (None, None, None, None);
                self.phase = Phase::Failed { reason, cause };
            }
            Report::Complete => {}
        }
    }

    /// Takes note of a picture that is about to be shown.
    pub(crate) fn handle_picture(&mut self, number: u32, position: Option<Duration>, arrived: Instant) {
        self.has_picture = true;
        self.worked = true;
        self.silence = None;
        // While a command waits for its answer, a picture that was already on its way does not change the phase.
        if self.phase == Phase::Buffering && self.pending.is_none() {
            self.phase = Phase::Playing;
        }
        let rate = self.presentation.and_then(|presentation| presentation.frame_rate);
        // The number is the frame's place in the film if that is known, and otherwise a count.
        self.frame = match position.zip(rate) {
            Some((position, rate)) => Some(frame_at(position, rate)),
            None => Some(number),
        };
        let is_there = self.seek.to.is_none() && self.seek.answered.is_none_or(|sought| sought <= arrived);
        if let (Some(position), true) = (position, is_there) {
            self.position = Some(position);
        }
    }

    /// Shows a short message for some seconds.
    pub(crate) fn show_toast(&mut self, text: impl Into<String>, now: Instant) {
        self.toast = Some((text.into(), now + TOAST));
    }

    /// Returns the short message to be shown, if there is one.
    pub(crate) fn toast(&self, now: Instant) -> Option<&str> {
        self.toast.as_ref().filter(|&&(_, until)| now < until).map(|(text, _)| text.as_str())
    }

    /// The user has answered, so that it goes on.
    pub(crate) fn handle_answer(&mut self) {
        if matches!(self.phase, Phase::Asking(_)) {
            self.phase = Phase::Connecting;
        }
    }

    /// There is no session any more. When the stream is back it goes on playing, or stands still if it did so before.
    fn lose(&mut self) {
        (self.silence, self.trying, self.seek.to) = (None, None, None);
        self.scale = Scale::NORMAL;
        self.pending = match (&self.phase, self.pending) {
            (Phase::Reconnecting { .. } | Phase::Connecting, pending) => pending,
            (Phase::Paused | Phase::Ready, _) => Some(Goal::SetUp),
            _ => Some(Goal::Play { from: None }),
        };
    }

    /// It goes on at another server.
    fn turn(&mut self, reason: &str, server: &str, now: Instant) {
        self.lose();
        self.phase = Phase::Connecting;
        self.show_toast(format!("{reason}: going on at {server}"), now);
    }

    fn play(&mut self, from: Option<Duration>) -> Goal {
        let goal = Goal::Play { from };
        self.pending = Some(goal);
        if self.phase == Phase::Ended {
            self.position = None;
            self.phase = Phase::Buffering;
        }
        goal
    }

    fn connect(&mut self, goal: Goal) -> Goal {
        self.reset();
        self.pending = Some(goal);
        self.phase = Phase::Connecting;
        goal
    }

    /// The position, with the last frame as the limit, because from the very end there is nothing to play.
    fn within(&self, to: Duration, duration: Duration) -> Duration {
        let rate = self.presentation.and_then(|presentation| presentation.frame_rate);
        to.min(duration.saturating_sub(rate.map_or(LAST_FRAME, FrameRate::interval)))
    }

    /// Seeks to a position. What stands shows the frame there, and what plays plays on from it.
    fn seek(&mut self, to: Duration, duration: Duration) -> Order {
        let to = self.within(to, duration);
        if matches!(self.phase, Phase::Paused | Phase::Ready) && self.pending.is_none() {
            return self.show(to);
        }
        (self.position, self.seek.to) = (Some(to), Some(to));
        if self.phase == Phase::Ended {
            self.pending = None;
            self.phase = Phase::Buffering;
        }
        Order::Goal(Goal::Seek { to })
    }

    fn show(&mut self, to: Duration) -> Order {
        (self.position, self.seek.to) = (Some(to), Some(to));
        Order::Show(to)
    }

    /// Forgets everything about the stream, but not a message that is shown, and what was to be recorded.
    fn reset(&mut self) {
        let (toast, recording) = (self.toast.take(), self.recording);
        *self = Self { toast, recording, ..Self::new() };
    }
}

/// Returns what a recording came to as people read it.
fn recorded_words(recorded: Recorded) -> String {
    let missed = match recorded.missed {
        0 => String::new(),
        missed => format!(", {missed} are missing: the disk could not keep up"),
    };
    format!("{} frames are recorded{missed}", recorded.written)
}

/// Returns a scale as people read it.
pub(crate) fn times(scale: Scale) -> String {
    (f64::from(scale.thousandths()) / 1000.0).to_string().replace('-', "−")
}

/// Returns the number of the frame nearest to a position, counted from 1.
fn frame_at(position: Duration, rate: FrameRate) -> u32 {
    let middle = position + rate.interval() / 2;
    let before = rate.frames_in(u64::try_from(middle.as_micros()).unwrap_or(u64::MAX));
    u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
}

/// Returns a time as minutes and seconds, and hours if there are any.
pub(crate) fn clock(position: Duration) -> String {
    let seconds = position.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use mutoscope_std::client::Question;

    pub(crate) fn presentation(duration: Option<u64>) -> Presentation {
        Presentation {
            dialect: Dialect::Standard,
            transport: MediaTransport::Udp { rtp_port: 25_000, rtcp_port: 25_001 },
            duration: duration.map(Duration::from_secs),
            frame_rate: FrameRate::new(24, 1),
        }
    }

    fn enabled(model: &Model) -> String {
        Button::ALL.iter().filter(|button| model.is_enabled(**button)).map(|button| &button.label()[..2]).collect()
    }

    /// A model after SETUP of a minute's film.
    fn ready(now: Instant) -> Model {
        let mut model = Model::new();
        assert_eq!(model.press(Button::Setup), Some(Goal::SetUp));
        model.handle_report(Report::SetUp(presentation(Some(60))), now);
        model
    }

    fn playing(now: Instant) -> Model {
        let mut model = ready(now);
        assert_eq!(model.press(Button::Play), Some(Goal::Play { from: None }));
        model.handle_report(Report::Playing, now);
        model.handle_picture(1, Some(Duration::ZERO), now);
        model
    }

    #[test]
    fn buttons_follow_the_state_machine() {
        let now = Instant::now();
        let mut model = Model::new();
        assert_eq!((model.phase.clone(), enabled(&model).as_str()), (Phase::Idle, "SE"));
        assert_eq!(model.press(Button::Play), None);
        model.press(Button::Setup);
        assert_eq!((model.phase.clone(), enabled(&model).as_str()), (Phase::Connecting, "ST"));
        model.handle_report(Report::SetUp(presentation(Some(60))), now);
        assert_eq!((model.phase.clone(), enabled(&model).as_str()), (Phase::Ready, "PLST"));
        model.press(Button::Play);
        assert_eq!(enabled(&model), "ST", "an answer is waited for");
        model.handle_report(Report::Playing, now);
        assert_eq!((model.phase.clone(), enabled(&model).as_str()), (Phase::Buffering, "PAST"));
        model.handle_picture(1, None, now);
        assert_eq!((model.phase.clone(), enabled(&model).as_str()), (Phase::Playing, "PAST"));
        model.press(Button::Pause);
        model.handle_report(Report::Paused, now);
        assert_eq!((model.phase.clone(), enabled(&model).as_str()), (Phase::Paused, "PLST"));
        model.handle_report(Report::Ended, now);
        assert_eq!((model.phase.clone(), enabled(&model).as_str()), (Phase::Ended, "PLST"));
        model.handle_report(Report::Interrupted { reason: "x".into(), cause: Cause::Other, at: now, attempt: 1 }, now);
        assert_eq!(enabled(&model), "ST");
        model.handle_report(Report::Failed { reason: "x".into(), cause: Cause::Other }, now);
        assert_eq!(enabled(&model), "SE");
        model.press(Button::Setup);
        assert_eq!(model.press(Button::Stop), Some(Goal::Stop));
        assert_eq!(model.phase, Phase::Idle);
    }

    #[test]
    fn setup_alone_is_answered_by_ready() {
        let model = ready(Instant::now());
        assert_eq!((model.phase.clone(), enabled(&model).as_str()), (Phase::Ready, "PLST"));
    }

    #[test]
    fn the_space_bar_plays_and_pauses_and_makes_a_session_where_there_is_none() {
        let now = Instant::now();
        let mut model = Model::new();
        assert_eq!(model.toggle(), Some(Goal::Play { from: None }));
        assert_eq!(model.toggle(), None, "it is on its way");
        model.handle_report(Report::SetUp(presentation(None)), now);
        assert_eq!(model.phase, Phase::Buffering);
        model.handle_report(Report::Playing, now);
        assert_eq!(model.toggle(), Some(Goal::Pause));
        model.handle_report(Report::Paused, now);
        assert_eq!(model.toggle(), Some(Goal::Play { from: None }));
    }

    #[test]
    fn seeking_takes_a_length_and_stays_within_it() {
        let now = Instant::now();
        let mut model = playing(now);
        let to = |seconds| Some(Order::Goal(Goal::Seek { to: Duration::from_secs(seconds) }));
        assert_eq!(model.seek_to(0.5), to(30));
        assert_eq!(model.seek_by(STEP, true), to(35));
        assert_eq!(model.seek_to(-3.0), to(0));
        assert_eq!(model.seek_by(STEP, false), to(0));
        let mut live = playing(now);
        live.presentation = Some(presentation(None));
        assert_eq!((live.seek_to(0.5), live.seek_by(STEP, true)), (None, None));
        assert_eq!(Model::new().seek_to(0.5), None);
    }

    #[test]
    fn seeking_to_the_end_shows_the_last_frame() {
        let now = Instant::now();
        let rate = FrameRate::new(24, 1).unwrap();
        let last = Some(Order::Goal(Goal::Seek { to: Duration::from_secs(60) - rate.interval() }));
        let mut model = playing(now);
        assert_eq!(model.seek_to(1.0), last);
        model.position = Some(Duration::from_secs(50));
        assert_eq!(model.seek_by(LONG_STEP, true), last);
        model.handle_report(Report::Ended, now);
        assert_eq!(model.seek_by(STEP, true), last);
        model.presentation = Some(Presentation { frame_rate: None, ..presentation(Some(60)) });
        assert_eq!(model.seek_to(1.0), Some(Order::Goal(Goal::Seek { to: Duration::from_millis(59_900) })));
    }

    #[test]
    fn the_position_of_a_seek_is_kept_until_its_frames_come() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut model = playing(now);
        model.seek_to(0.25);
        model.seek_to(0.5);
        model.handle_picture(25, Some(second), now);
        assert_eq!(model.position, Some(30 * second));
        model.handle_report(Report::Sought(15 * second), now);
        model.handle_report(Report::Playing, now);
        model.handle_picture(26, Some(15 * second), now);
        assert_eq!(model.position, Some(30 * second), "the first seek's frames are not the last one's");
        model.handle_report(Report::Sought(30 * second), now + second);
        model.handle_report(Report::Playing, now + second);
        model.handle_picture(27, Some(16 * second), now + second / 2);
        assert_eq!(model.position, Some(30 * second), "it arrived before the answer");
        model.handle_picture(28, Some(33 * second), now + 2 * second);
        assert_eq!(model.position, Some(33 * second), "wherever the server went");
    }

    #[test]
    fn what_stands_shows_the_frame_that_is_sought_and_so_does_what_is_dragged() {
        let (now, seconds) = (Instant::now(), Duration::from_secs);
        let mut model = playing(now);
        assert_eq!(model.scrub_to(0.5), Some(Order::Show(seconds(30))));
        assert_eq!((model.scrub_to(0.5), model.position), (None, Some(seconds(30))), "it is on its way");
        model.handle_picture(25, Some(seconds(1)), now);
        assert_eq!(model.position, Some(seconds(30)), "the knob stays where the pointer is");
        assert_eq!(model.seek_to(0.75), Some(Order::Goal(Goal::Seek { to: seconds(45) })), "it plays on from there");
        assert!(!model.scrubbing);
        model.handle_report(Report::Paused, now);
        assert_eq!(model.seek_to(0.25), Some(Order::Show(seconds(15))));
        model.handle_report(Report::Shown(seconds(15)), now);
        model.handle_report(Report::Paused, now);
        assert_eq!((model.position, model.phase.clone()), (Some(seconds(15)), Phase::Paused));
        assert_eq!(model.seek_by(STEP, true), Some(Order::Show(seconds(20))));
    }

    #[test]
    fn frames_are_stepped_through_one_by_one() {
        let now = Instant::now();
        let mut model = playing(now);
        let interval = FrameRate::new(24, 1).unwrap().interval();
        let at = |frame: u32| Order::Show(interval * frame + interval / 4);
        assert_eq!(model.step_frame(true), [Order::Goal(Goal::Pause), at(1)]);
        model.handle_report(Report::Paused, now);
        for frame in 2..200 {
            assert_eq!(model.step_frame(true), [at(frame)]);
        }
        assert_eq!(model.step_frame(false), [at(198)]);
        model.position = Some(Duration::ZERO);
        assert_eq!(model.step_frame(false), [at(0)]);
        assert_eq!(Model::new().step_frame(true), []);
    }

    #[test]
    fn a_film_is_played_faster_slower_and_backwards_as_far_as_the_server_can() {
        let now = Instant::now();
        let mut model = playing(now);
        let mut pace = |pace| match model.change_pace(pace) {
            Some(Order::Goal(Goal::Scale { to })) => to.thousandths(),
            order => panic!("{order:?}"),
        };
        assert_eq!([pace(Pace::Faster), pace(Pace::Faster), pace(Pace::Faster)], [2000, 4000, 8000]);
        assert_eq!([pace(Pace::Reversed), pace(Pace::Slower), pace(Pace::Normal)], [-8000, -4000, 1000]);
        assert_eq!([pace(Pace::Slower), pace(Pace::Slower)], [500, 250]);
        assert_eq!(model.change_pace(Pace::Slower), None);
        model.handle_report(Report::Pace(Scale::NORMAL), now);
        assert_eq!((model.toast(now), model.scale), (Some("The server plays at 1× only"), Scale::NORMAL));
        let mut live = playing(now);
        live.presentation = Some(presentation(None));
        assert_eq!(live.change_pace(Pace::Faster), None);
    }

    #[test]
    fn a_frame_is_counted_by_its_place_in_the_film() {
        let now = Instant::now();
        let mut model = playing(now);
        model.handle_picture(3, Some(Duration::from_secs(10)), now);
        assert_eq!(model.frame, Some(241));
        model.handle_picture(4, None, now);
        assert_eq!(model.frame, Some(4));
    }

    #[test]
    fn after_an_interruption_it_plays_on_or_stands_still_as_before() {
        let now = Instant::now();
        let lost = |model: &mut Model| {
            let turned = Report::Turned { reason: "The server is gone".into(), server: "b:8554".into() };
            model.handle_report(turned, now);
            assert_eq!(model.toast(now), Some("The server is gone: going on at b:8554"));
            model.handle_report(
                Report::Interrupted { reason: "gone".into(), cause: Cause::Other, at: now, attempt: 2 },
                now,
            );
            assert!(model.has_picture, "the last picture stays");
            model.handle_report(Report::SetUp(presentation(Some(60))), now);
        };
        let mut model = playing(now);
        lost(&mut model);
        assert_eq!(model.phase, Phase::Buffering);
        let mut model = playing(now);
        model.handle_report(Report::Paused, now);
        lost(&mut model);
        assert_eq!((model.phase.clone(), enabled(&model).as_str()), (Phase::Ready, "PLST"));
    }

    #[test]
    fn a_question_waits_for_its_answer_and_then_goes_on_as_before() {
        let now = Instant::now();
        let question = Question::Password { server: "cam:554".into(), user: String::new(), is_wrong: false };
        let asks = || Report::Asks(Asked { question: question.clone(), reason: "x".into() });
        let mut model = Model::new();
        model.press(Button::Setup);
        model.handle_report(asks(), now);
        assert_eq!((model.phase.name(), enabled(&model).as_str(), model.toggle()), ("Asking", "ST", None));
        model.handle_answer();
        assert_eq!(model.phase, Phase::Connecting);
        model.handle_report(asks(), now);
        model.handle_answer();
        model.handle_report(Report::SetUp(presentation(None)), now);
        assert_eq!(model.phase, Phase::Ready, "it was not to play");
        model.handle_answer();
        assert_eq!(model.phase, Phase::Ready, "nothing was asked");
        let mut model = playing(now);
        model.handle_report(asks(), now);
        model.handle_answer();
        model.handle_report(Report::SetUp(presentation(None)), now);
        assert_eq!(model.phase, Phase::Buffering, "it plays on");
        model.handle_report(asks(), now);
        assert_eq!((model.press(Button::Stop), model.phase.clone()), (Some(Goal::Stop), Phase::Idle));
    }

    #[test]
    fn a_refused_seek_is_told_and_forgotten() {
        let now = Instant::now();
        let mut model = playing(now);
        model.seek_to(0.5);
        model.handle_report(Report::Refused("no".into()), now);
        assert_eq!(model.toast(now), Some("no"));
        assert_eq!(model.toast(now + TOAST), None);
        model.handle_picture(2, Some(Duration::from_secs(1)), now);
        assert_eq!(model.position, Some(Duration::from_secs(1)));
    }

    #[test]
    fn playing_again_after_the_end_begins_at_the_beginning() {
        let now = Instant::now();
        let mut model = playing(now);
        model.handle_report(Report::Ended, now);
        assert_eq!(model.position, Some(Duration::from_secs(60)));
        assert_eq!(model.press(Button::Play), Some(Goal::Play { from: None }));
        assert_eq!((model.position, model.phase.clone()), (None, Phase::Buffering));
        let mut model = playing(now);
        model.handle_report(Report::Ended, now);
        assert_eq!(model.seek_by(STEP, false), Some(Order::Goal(Goal::Seek { to: Duration::from_secs(55) })));
    }

    #[test]
    fn clocks_have_hours_only_when_they_need_them() {
        for (seconds, text) in [(0, "0:00"), (59, "0:59"), (61, "1:01"), (3600, "1:00:00"), (36_061, "10:01:01")] {
            assert_eq!(clock(Duration::from_secs(seconds)), text);
        }
    }
}
