//! What the window is to show, as values. A part is drawn again only if its value has changed.

use super::canvas::Rect;
use super::dialog;
use super::layout::{Control, Layout, Tool};
use super::pane;
use super::theme::{self, Color};
use crate::figures::{Figures, Sample};
use crate::model::{Button, Model, Phase, clock, times};
use crate::steps::Step;
use crate::wording::readable;
use mutoscope::wire::rtsp::headers::Scale;
use mutoscope_std::client::Retry;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The title bar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) stream: String,
    pub(crate) badge: Option<&'static str>,
    /// How fast it plays, where that is not as it was recorded.
    pub(crate) pace: Option<String>,
    pub(crate) recording: bool,
    /// The buttons, in the order of [`Tool::ALL`].
    pub(crate) tools: [Look; Tool::ALL.len()],
    /// Whether the window fills the screen: then the bar lies over the picture, and its last button leaves.
    pub(crate) fullscreen: bool,
}

/// The progress bar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    /// There is no stream to have a position in.
    None,
    /// A stream with a length.
    Length {
        /// How many pixels of the line are filled. Whole pixels keep the bar from being drawn again for a change too small to
        /// see.
        filled: i32,
        position: String,
        duration: String,
        /// Whether the mouse points to the bar, or drags the position.
        pointed: bool,
    },
    /// A stream without a length. The bar shows how long pictures take through the player.
    Live { filled: i32, depth: String, flowing: bool },
}

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) state: LookState,
    /// Whether keys go to it.
    pub(crate) focused: bool,
}

impl Look {
    pub(crate) const NORMAL: Self = Self { state: LookState::Normal, focused: false };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookState {
    Disabled,
    Normal,
    Hover,
    Pressed,
    /// What the button stands for is switched on.
    On,
}

/// Where mouse and keyboard are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pointing {
    pub(crate) hovered: Option<Control>,
    pub(crate) pressed: Option<Control>,
    pub(crate) focus: Option<Control>,
}

impl Pointing {
    fn look(self, control: Control, enabled: bool, on: bool) -> Look {
        let [hovered, pressed] = [self.hovered, self.pressed].map(|at| at == Some(control));
        let state = match (enabled, hovered, pressed) {
            (false, ..) => LookState::Disabled,
            (true, true, true) => LookState::Pressed,
            (true, true, false) => LookState::Hover,
            (true, false, _) if on => LookState::On,
            (true, false, _) => LookState::Normal,
        };
        Look { state, focused: enabled && self.focus == Some(control) }
    }
}

/// A few words near what they are about: the time under the pointer, or what a button does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bubble {
    pub(crate) text: String,
    /// What it is about. The bubble stands above its middle, or below it.
    pub(crate) about: Rect,
}

/// An entry of the status bar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StatusEntry {
    pub(crate) label: &'static str,
    pub(crate) value: String,
    pub(crate) color: Color,
}

/// What the status bar says instead of the phase when the stream plays but no picture comes.
const NO_PICTURE: &str = "No picture";

/// How many entries of the status bar are shown in every window, however narrow.
pub(crate) const NEEDED_ENTRIES: usize = 6;

/// The label of each entry, and its widest value. The places are made for these, so that they do not move with the values.
pub(crate) const WIDEST: [(&str, &str); 8] = [
    ("Status: ", "Reconnecting"),
    ("Frame: ", "0000000"),
    ("Bitrate: ", "00.0 Mbit/s"),
    ("FPS: ", "000"),
    ("Loss: ", "00.0 %"),
    ("Jitter: ", "00.0 ms"),
    ("Latency: ", "00.0 ms"),
    ("Dropped: ", "0000"),
];

/// A sign in the middle of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Icon {
    Play,
    Pause,
    Replay,
    Warning,
    /// A turning ring, at this 24th of a turn.
    Spinner(u32),
}

/// A sign and text over the picture, or in its place, that tell the state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    pub(crate) icon: Icon,
    pub(crate) title: String,
    pub(crate) detail: String,
    pub(crate) hint: String,
    /// What can be done next, as buttons.
    pub(crate) steps: Vec<(Step, Look)>,
}

impl Notice {
    /// Whether the picture behind the notice is darkened, because the notice has text to read.
    pub(crate) fn dims(&self) -> bool {
        !self.title.is_empty()
    }

    /// The same, with buttons for what can be done next. What has no text has none.
    pub(crate) fn with_steps(self, steps: &[Step], pointing: Pointing) -> Self {
        let look = |&step: &Step| (step, pointing.look(Control::Step(step), true, false));
        let steps = if self.dims() { steps.iter().map(look).collect() } else { Vec::new() };
        Self { steps, ..self }
    }
}

/// The statistics overlay.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StatisticsView {
    pub(crate) rows: Vec<(&'static str, String)>,
    pub(crate) samples: Vec<Sample>,
    /// Whether anything flows at present. Otherwise the graphs say nothing of now, as the status bar does.
    pub(crate) flowing: bool,
}

/// Everything that the window is to show besides the picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scene {
    pub(crate) header: Header,
    pub(crate) progress: Progress,
    pub(crate) buttons: [Look; 4],
    pub(crate) status: Vec<StatusEntry>,
    pub(crate) notice: Option<Notice>,
    /// How much of the notice is still to be seen, 0 to 255.
    pub(crate) notice_alpha: u8,
    pub(crate) bubble: Option<Bubble>,
    pub(crate) toast: Option<String>,
    pub(crate) statistics: Option<StatisticsView>,
    pub(crate) help: bool,
    pub(crate) dialog: Option<dialog::View>,
    /// The protocol pane, and how its parts look.
    pub(crate) pane: Option<(Rc<pane::View>, [Look; pane::Part::ALL.len()])>,
}

impl Scene {
    /// Whether the picture is darkened because there is something to read above it.
    pub(crate) fn dims_picture(&self) -> bool {
        self.help || self.dialog.is_some() || self.notice.as_ref().is_some_and(Notice::dims)
    }
}

/// Returns what the progress bar shows. `held` is how long pictures take through the player, `line` the length of the bar's
/// line in pixels, and `pointed` whether the mouse points to it.
pub(crate) fn progress(model: &Model, held: Option<Duration>, line: i32, pointed: bool) -> Progress {
    if let Some(duration) = model.duration() {
        let position = model.position.unwrap_or_default().min(duration);
        let fraction = position.as_secs_f64() / duration.as_secs_f64();
        return Progress::Length {
            filled: (f64::from(line) * fraction).round() as i32,
            position: clock(position),
            duration: clock(duration),
            pointed: pointed && model.can_seek(),
        };
    }
    if !model.is_live() {
        return Progress::None;
    }
    let held = held.filter(|_| matches!(model.phase, Phase::Playing));
    let full = held.unwrap_or_default().as_secs_f64() / FULL_BUFFER.as_secs_f64();
    Progress::Live {
        filled: (f64::from(line) * full.min(1.0)).round() as i32,
        depth: held.map_or_else(|| "–".into(), |held| format!("{} ms", held.as_millis())),
        flowing: model.phase == Phase::Playing && model.silence.is_none(),
    }
}

/// Returns the time at the part of the progress bar that the mouse points to, or else what the control under it does.
pub(crate) fn bubble(
    model: &Model,
    layout: &Layout,
    pointed: Option<f64>,
    hint: Option<Control>,
    fullscreen: bool,
) -> Option<Bubble> {
    if let (Some(fraction), Some(duration), true) = (pointed, model.duration(), model.can_seek()) {
        let x = layout.track.x + (f64::from(layout.track.w) * fraction).round() as i32;
        let line = layout.track.y + layout.track.h / 2 - layout.px(8);
        let about = Rect::new(x, line, 0, layout.px(16));
        return Some(Bubble { text: clock(duration.mul_f64(fraction)), about });
    }
    let control = hint?;
    let text = match control {
        Control::Button(Button::Setup) => "Connect (S)",
        Control::Button(Button::Play) => "Play (Space)",
        Control::Button(Button::Pause) => "Pause (Space)",
        Control::Button(Button::Stop) => "End the session",
        Control::Step(_) => return None,
        Control::Pane(part) => part.hint(),
        Control::Tool(Tool::Protocol) => "Protocol (D)",
        Control::Tool(Tool::Record) if model.recording => "End the recording (R)",
        Control::Tool(Tool::Record) => "Record (R)",
        Control::Tool(Tool::Snapshot) => "Save the picture (P)",
        Control::Tool(Tool::Statistics) => "Statistics (I)",
        Control::Tool(Tool::Help) => "Keys and mouse (H)",
        Control::Tool(Tool::Fullscreen) if fullscreen => "Leave full screen (F)",
        Control::Tool(Tool::Fullscreen) => "Full screen (F)",
        Control::Tool(Tool::Wall) => "All streams (Esc)",
        // What is at hand needs no words.
        Control::Tile(_) => return None,
    };
    Some(Bubble { text: text.into(), about: layout.place(control) })
}

/// The time through the player that fills the bar.
const FULL_BUFFER: Duration = Duration::from_millis(200);

/// Returns how each button looks, in the order of [`Button::ALL`].
pub(crate) fn button_looks(model: &Model, pointing: Pointing) -> [Look; 4] {
    Button::ALL.map(|button| pointing.look(Control::Button(button), model.is_enabled(button), false))
}

/// Returns how each button of the title bar looks, in the order of [`Tool::ALL`]. `on`: what is switched on.
pub(crate) fn tool_looks(model: &Model, pointing: Pointing, on: &[Tool]) -> [Look; Tool::ALL.len()] {
    Tool::ALL.map(|tool| pointing.look(Control::Tool(tool), tool.is_enabled(model), on.contains(&tool)))
}

/// Returns how each part of the pane looks that can be pressed, in the order of [`pane::Part::ALL`].
pub(crate) fn pane_looks(pointing: Pointing) -> [Look; pane::Part::ALL.len()] {
    pane::Part::ALL.map(|part| pointing.look(Control::Pane(part), true, false))
}

/// Returns how fast a stream plays, if that is not as it was recorded.
pub(crate) fn pace(model: &Model) -> Option<String> {
    (model.scale != Scale::NORMAL).then(|| format!("{}×", times(model.scale)))
}

/// The present figures as text. The status bar and the statistics say the same because they say these.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Readings {
    pub(crate) bitrate: String,
    pub(crate) fps: String,
    pub(crate) jitter: String,
    /// Of the last half minute, and since the last sample.
    pub(crate) loss: (String, String),
    pub(crate) latency: (String, String),
    /// Whether anything flows: a figure of now is a dash otherwise.
    pub(crate) flowing: bool,
}

/// Returns a bit rate with its unit, never longer than "00.0 Mbit/s".
pub(crate) fn bitrate(kbits: f64) -> String {
    match kbits {
        ..9_999.5 => format!("{kbits:.0} kbit/s"),
        ..99_950.0 => format!("{:.1} Mbit/s", kbits / 1000.0),
        ..999_500.0 => format!("{:.0} Mbit/s", kbits / 1000.0),
        _ => format!("{:.1} Gbit/s", kbits / 1e6),
    }
}

/// Returns a number of milliseconds, never longer than "00.0 ms".
pub(crate) fn milliseconds(ms: f64) -> String {
    match ms {
        ..99.95 => format!("{ms:.1} ms"),
        ..999.5 => format!("{ms:.0} ms"),
        ..99_950.0 => format!("{:.1} s", ms / 1000.0),
        _ => format!("{:.0} s", ms / 1000.0),
    }
}

pub(crate) fn readings(model: &Model, figures: &Figures) -> Readings {
    let last = figures.last();
    let flowing = matches!(model.phase, Phase::Playing) && !model.scrubbing;
    let known = |known: bool, value: String| if known { value } else { DASH.into() };
    let percent = |value: f64| format!("{value:.1} %");
    let ms = |value: Option<f64>| value.map_or_else(|| DASH.into(), milliseconds);
    Readings {
        bitrate: known(flowing && last.bitrate > 0.0, bitrate(last.bitrate / 1000.0)),
        fps: known(flowing && last.fps > 0.0, format!("{:.0}", last.fps)),
        jitter: known(flowing, milliseconds(last.jitter_ms)),
        loss: (known(model.worked, percent(figures.loss())), known(flowing, percent(last.loss))),
        latency: (ms(figures.average_latency_ms()), ms(last.latency_ms.filter(|_| flowing))),
        flowing,
    }
}

/// What is not known.
pub(crate) const DASH: &str = "–";

/// Returns the entries of the status bar, in their order.
pub(crate) fn status_entries(model: &Model, figures: &Figures, dropped: u64) -> Vec<StatusEntry> {
    let readings = readings(model, figures);
    let loss = figures.loss();
    let silent = model.silence.is_some() && matches!(model.phase, Phase::Playing | Phase::Buffering);
    let phase = match model.phase {
        // It cannot be again what it never was.
        Phase::Reconnecting { .. } if !model.worked => "Connecting",
        _ => model.phase.name(),
    };
    let values = [
        if silent { NO_PICTURE } else { phase }.to_owned(),
        model.frame.map_or_else(|| DASH.into(), |frame| frame.to_string()),
        readings.bitrate,
        readings.fps,
        readings.loss.0,
        readings.jitter,
        readings.latency.0,
        dropped.to_string(),
    ];
    let color = |index| match (index, &model.phase) {
        (0, _) if silent => theme::WARNING,
        (0, Phase::Playing) => theme::GOOD.mix(theme::TEXT, 90),
        (0, Phase::Reconnecting { .. } | Phase::Asking(_)) => theme::WARNING,
        (0, Phase::Failed { .. }) => theme::PLAY.mix(theme::TEXT, 90),
        (4, _) if loss >= 0.05 => theme::WARNING,
        _ => theme::TEXT,
    };
    let entry = |(index, value): (usize, String)| StatusEntry { label: WIDEST[index].0, value, color: color(index) };
    values.into_iter().enumerate().map(entry).collect()
}

/// For how long the sign of a pause is seen, and how long it takes to fade.
const BADGE: (Duration, Duration) = (Duration::from_millis(700), Duration::from_millis(300));

/// Returns how much of the notice is still to be seen, 0 to 255: the sign of a pause goes, so that the picture can be looked at.
pub(crate) fn notice_alpha(model: &Model, since: Duration) -> u8 {
    if model.phase != Phase::Paused {
        return 255;
    }
    let faded = since.saturating_sub(BADGE.0).as_secs_f64() / BADGE.1.as_secs_f64();
    (255.0 * (1.0 - faded.min(1.0))).round() as u8
}

/// Returns the notice for the present state; `None` while the stream plays. `since` is how long the state has lasted.
pub(crate) fn notice(model: &Model, url: &str, now: Instant, since: Duration) -> Option<Notice> {
    let spinner = Icon::Spinner((since.as_millis() / 42 % 24) as u32);
    let notice = |icon, title: &str, detail: String, hint: &str| {
        Some(Notice { icon, title: title.into(), detail, hint: hint.into(), steps: Vec::new() })
    };
    if model.scrubbing {
        return None;
    }
    match &model.phase {
        Phase::Idle => notice(
            Icon::Play,
            "Ready to connect",
            readable(url),
            "SETUP connects, Space plays at once, H shows all keys",
        ),
        Phase::Connecting => {
            let detail = match model.trying {
                Some(Retry::Tcp) => UDP_FAILS.into(),
                Some(Retry::Lab) => "The server does not answer RTSP: asking as in the lab".into(),
                Some(_) => "No answer to that: asking for the stream once more".into(),
                None => model.peer.map_or_else(|| readable(url), |peer| peer.to_string()),
            };
            notice(spinner, "Connecting…", detail, "STOP ends it")
        }
        Phase::Ready => notice(Icon::Play, "Ready to play", facts(model), "PLAY, Space or a click starts it"),
        Phase::Buffering if model.has_picture => notice(spinner, "", String::new(), ""),
        Phase::Buffering => {
            let detail = match model.trying {
                Some(Retry::Tcp) => UDP_FAILS.into(),
                _ => model.silence.clone().unwrap_or_default(),
            };
            notice(spinner, "Waiting for the first picture…", detail, "STOP ends it")
        }
        // A dialog says it all.
        Phase::Playing | Phase::Asking(_) => None,
        Phase::Paused => notice(Icon::Pause, "", String::new(), ""),
        Phase::Ended => {
            notice(Icon::Replay, "The stream has ended", facts(model), "PLAY, Space or a click plays it again")
        }
        Phase::Reconnecting { reason, cause, at, .. } => {
            let title = if model.worked { "Connection lost" } else { cause.title() };
            let left = at.saturating_duration_since(now).as_secs_f32();
            let again =
                if left > 0.05 { format!("Trying again in {:.0} s", left.ceil()) } else { "Trying again…".into() };
            notice(spinner, title, reason.clone(), &format!("{again}, until STOP is pressed"))
        }
        Phase::Failed { reason, cause } => notice(Icon::Warning, cause.title(), reason.clone(), cause.advice()),
    }
}

/// What is said while TCP is tried.
const UDP_FAILS: &str = "UDP does not get through: trying TCP";

/// Returns the line of text at the upper edge of the picture: a short message, or why no picture comes.
pub(crate) fn toast(model: &Model, now: Instant) -> Option<String> {
    let silence = model.silence.clone().filter(|_| model.phase == Phase::Playing);
    model.toast(now).map(str::to_owned).or(silence)
}

/// Returns the stream's length, frame rate and transport in one line.
fn facts(model: &Model) -> String {
    let rate = model.presentation.and_then(|presentation| presentation.frame_rate);
    let length = if model.is_live() { Some("live".into()) } else { model.duration().map(clock) };
    let facts = [length, rate.map(|rate| format!("{rate} frames a second")), model.badge().map(str::to_owned)];
    facts.into_iter().flatten().collect::<Vec<_>>().join("  ·  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::presentation;
    use crate::network::Report;
    use crate::wording::Cause;

    const URL: &str = "rtsp://127.0.0.1:8554/movie.Mjpeg";

    fn model(reports: impl IntoIterator<Item = Report>) -> (Model, Instant) {
        let (mut model, now) = (Model::new(), Instant::now());
        model.start(None);
        reports.into_iter().for_each(|report| model.handle_report(report, now));
        (model, now)
    }

    #[test]
    fn every_state_but_playing_has_a_face() {
        let notice = |model: &Model, now| super::notice(model, URL, now, Duration::ZERO);
        assert!(notice(&Model::new(), Instant::now()).unwrap().detail.contains(URL));
        let (mut playing, now) = model([Report::SetUp(presentation(Some(60))), Report::Playing]);
        assert_eq!(notice(&playing, now).unwrap().title, "Waiting for the first picture…");
        playing.handle_picture(1, None, now);
        assert_eq!(notice(&playing, now), None);
        playing.handle_report(Report::Paused, now);
        assert!(!notice(&playing, now).unwrap().dims(), "the picture stays bright");
        playing.handle_report(Report::Ended, now);
        assert!(notice(&playing, now).unwrap().title.contains("ended"));
        let lost = Report::Interrupted {
            reason: "Gone".into(),
            cause: Cause::NoListener,
            at: now + Duration::from_secs(2),
            attempt: 1,
        };
        playing.handle_report(lost.clone(), now);
        let shown = notice(&playing, now).unwrap();
        assert_eq!((shown.title.as_str(), shown.detail.as_str()), ("Connection lost", "Gone"));
        assert_eq!(shown.hint, "Trying again in 2 s, until STOP is pressed");
        let (never, now) = model([lost]);
        assert_eq!(notice(&never, now).unwrap().title, "Cannot reach the server");
        let (failed, now) = model([Report::Failed { reason: "404".into(), cause: Cause::NotFound }]);
        assert_eq!(notice(&failed, now).unwrap().detail, "404");
        let (trying, now) = model([Report::Trying(Retry::Tcp)]);
        assert!(notice(&trying, now).unwrap().detail.contains("TCP"));
    }

    #[test]
    fn progress_is_position_of_length_or_the_buffer_s_depth() {
        let (mut film, now) = model([Report::SetUp(presentation(Some(60))), Report::Playing]);
        film.handle_picture(1, Some(Duration::from_secs(15)), now);
        let Progress::Length { filled, position, duration, pointed } = progress(&film, None, 400, true) else {
            panic!("it has a length")
        };
        assert_eq!((filled, position.as_str(), duration.as_str(), pointed), (100, "0:15", "1:00", true));
        let layout = Layout::new((640, 640), 1.0, crate::ui::layout::Chrome::Framed, &[], 0);
        let there = bubble(&film, &layout, Some(0.5), None, false).unwrap();
        assert_eq!((there.text.as_str(), there.about.x), ("0:30", layout.track.x + layout.track.w / 2));
        assert_eq!(bubble(&Model::new(), &layout, Some(0.5), None, false), None);
        film.scrub_to(0.75);
        let dragged = progress(&film, None, 400, true);
        assert!(matches!(dragged, Progress::Length { filled: 300, .. }), "the knob is at the pointer: {dragged:?}");
        let (mut live, now) = model([Report::SetUp(presentation(None)), Report::Playing]);
        live.handle_picture(1, None, now);
        let shown = progress(&live, Some(Duration::from_millis(20)), 400, true);
        assert_eq!(shown, Progress::Live { filled: 40, depth: "20 ms".into(), flowing: true });
        assert_eq!(progress(&Model::new(), None, 400, false), Progress::None);
    }

    #[test]
    fn a_button_is_pressed_only_under_the_mouse_and_when_enabled() {
        let [setup, play] = [Button::Setup, Button::Play].map(|button| Some(Control::Button(button)));
        let looks = |hovered, pressed, focus| button_looks(&Model::new(), Pointing { hovered, pressed, focus });
        assert_eq!(looks(setup, None, None)[0].state, LookState::Hover);
        assert_eq!(looks(setup, setup, None)[0].state, LookState::Pressed);
        assert_eq!(looks(None, setup, setup)[0], Look { state: LookState::Normal, focused: true });
        assert_eq!(looks(play, play, play)[1], Look { state: LookState::Disabled, focused: false });
    }

    #[test]
    fn the_sign_of_a_pause_fades_and_others_stay() {
        let (mut model, now) = model([Report::SetUp(presentation(Some(60))), Report::Playing]);
        model.handle_report(Report::Paused, now);
        let alpha = |model: &Model, ms| notice_alpha(model, Duration::from_millis(ms));
        assert_eq!([0, 700, 1000, 99_999].map(|ms| alpha(&model, ms)), [255, 255, 0, 0]);
        assert!((1..255).contains(&alpha(&model, 850)));
        model.handle_report(Report::Ended, now);
        assert_eq!(alpha(&model, 99_999), 255);
    }

    #[test]
    fn figures_have_their_units_and_fit_their_places() {
        for (kbits, text) in [
            (0.0, "0 kbit/s"),
            (9_999.4, "9999 kbit/s"),
            (9_999.6, "10.0 Mbit/s"),
            (33_059.0, "33.1 Mbit/s"),
            (99_960.0, "100 Mbit/s"),
            (1_234_567.0, "1.2 Gbit/s"),
        ] {
            assert_eq!(bitrate(kbits), text);
        }
        assert_eq!([9.24, 99.96, 999.6, 123_456.0].map(milliseconds), ["9.2 ms", "100 ms", "1.0 s", "123 s"]);
        let mut fonts = crate::ui::text::Fonts::new();
        let font = crate::ui::text::Font::regular(12.0);
        let widest = WIDEST.map(|(_, value)| fonts.width(font, value));
        for value in [9_999.0, 99_900.0, 999_000.0, 9e6].map(bitrate) {
            assert!(fonts.width(font, &value) <= widest[2], "{value}");
        }
        for value in [99.9, 999.0, 99_900.0].map(milliseconds) {
            assert!(fonts.width(font, &value) <= widest[6], "{value}");
        }
    }

    #[test]
    fn nobody_reconnects_who_never_was_connected() {
        let lost = |now| Report::Interrupted { reason: "x".into(), cause: Cause::Other, at: now, attempt: 1 };
        let (model, _) = model([lost(Instant::now())]);
        assert_eq!(status_entries(&model, &Figures::default(), 0)[0].value, "Connecting");
    }

    #[test]
    fn unknown_figures_are_dashes() {
        let entries = status_entries(&Model::new(), &Figures::default(), 3);
        let values: Vec<&str> = entries.iter().map(|entry| entry.value.as_str()).collect();
        assert_eq!(values, ["Stopped", "–", "–", "–", "–", "–", "–", "3"]);
    }

    #[test]
    fn silence_is_told_above_the_picture_and_in_the_status_bar() {
        let (mut model, now) = model([Report::SetUp(presentation(None)), Report::Playing]);
        model.handle_picture(1, None, now);
        model.handle_report(Report::Silence("Nothing has arrived for 3 s".into()), now);
        assert_eq!(toast(&model, now).unwrap(), "Nothing has arrived for 3 s");
        let status = |model: &Model| status_entries(model, &Figures::default(), 0).swap_remove(0);
        assert_eq!((status(&model).value.as_str(), status(&model).color), (NO_PICTURE, theme::WARNING));
        model.handle_picture(2, None, now);
        assert_eq!(toast(&model, now), None);
        assert_eq!(status(&model).value, "Playing");
    }
}
