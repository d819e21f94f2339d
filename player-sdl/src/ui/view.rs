//! What the window is to show, as values. A part is drawn again only if its value has changed.

use super::dialog;
use super::theme::{self, Color};
use crate::figures::{Figures, Sample};
use crate::model::{Button, Model, Phase, clock};
use mutoscope_std::client::Retry;
use std::time::{Duration, Instant};

/// The title bar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) stream: String,
    pub(crate) badge: Option<&'static str>,
    pub(crate) recording: bool,
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
        /// The pixel of the line that the mouse points to, and the time there.
        pointer: Option<(i32, String)>,
    },
    /// A stream without a length. The bar shows how long pictures take through the player.
    Live { filled: i32, depth: String, flowing: bool },
}

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ButtonLook {
    Disabled,
    Normal,
    Hover,
    Pressed,
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
    ("Bitrate: ", "00000 kbps"),
    ("FPS: ", "000"),
    ("Loss: ", "00.0 %"),
    ("Jitter: ", "00.0 ms"),
    ("Latency: ", "0000 ms"),
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
}

impl Notice {
    /// Whether the picture behind the notice is darkened, because the notice has text to read.
    pub(crate) fn dims(&self) -> bool {
        !self.title.is_empty()
    }
}

/// The statistics overlay.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StatisticsView {
    pub(crate) rows: Vec<(&'static str, String)>,
    pub(crate) samples: Vec<Sample>,
}

/// Everything that the window is to show besides the picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scene {
    pub(crate) header: Header,
    pub(crate) progress: Progress,
    pub(crate) buttons: [ButtonLook; 4],
    pub(crate) status: Vec<StatusEntry>,
    pub(crate) notice: Option<Notice>,
    pub(crate) toast: Option<String>,
    pub(crate) statistics: Option<StatisticsView>,
    pub(crate) help: bool,
    pub(crate) dialog: Option<dialog::View>,
}

impl Scene {
    /// Whether the picture is darkened because there is something to read above it.
    pub(crate) fn dims_picture(&self) -> bool {
        self.help || self.dialog.is_some() || self.notice.as_ref().is_some_and(Notice::dims)
    }
}

/// Returns what the progress bar shows. `held` is how long pictures take through the player, `line` the length of the bar's
/// line in pixels, and `pointer` the part of it that the mouse points to.
pub(crate) fn progress(model: &Model, held: Option<Duration>, line: i32, pointer: Option<f64>) -> Progress {
    if let Some(duration) = model.duration() {
        let position = model.position.unwrap_or_default().min(duration);
        let fraction = position.as_secs_f64() / duration.as_secs_f64();
        let at = |fraction: f64| (f64::from(line) * fraction).round() as i32;
        let pointer = pointer.filter(|_| model.can_seek());
        return Progress::Length {
            filled: at(fraction),
            position: clock(position),
            duration: clock(duration),
            pointer: pointer.map(|fraction| (at(fraction), clock(duration.mul_f64(fraction)))),
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

/// The time through the player that fills the bar.
const FULL_BUFFER: Duration = Duration::from_millis(200);

/// Returns how each button looks, in the order of [`Button::ALL`].
pub(crate) fn button_looks(model: &Model, hovered: Option<Button>, pressed: Option<Button>) -> [ButtonLook; 4] {
    Button::ALL.map(|button| match (model.is_enabled(button), hovered == Some(button), pressed == Some(button)) {
        (false, ..) => ButtonLook::Disabled,
        (true, true, true) => ButtonLook::Pressed,
        (true, true, false) => ButtonLook::Hover,
        (true, false, _) => ButtonLook::Normal,
    })
}

/// Returns the entries of the status bar, in their order.
pub(crate) fn status_entries(model: &Model, figures: &Figures, dropped: u64) -> Vec<StatusEntry> {
    let last = figures.last();
    let flowing = matches!(model.phase, Phase::Playing);
    let known = |known: bool, value: String| if known { value } else { "–".into() };
    let loss = figures.loss();
    let silent = model.silence.is_some() && matches!(model.phase, Phase::Playing | Phase::Buffering);
    let values = [
        if silent { NO_PICTURE } else { model.phase.name() }.to_owned(),
        model.frame.map_or_else(|| "–".into(), |frame| frame.to_string()),
        known(flowing && last.bitrate > 0.0, format!("{:.0} kbps", last.bitrate / 1000.0)),
        known(flowing && last.fps > 0.0, format!("{:.0}", last.fps)),
        known(model.worked, format!("{loss:.1} %")),
        known(model.worked, format!("{:.1} ms", last.jitter_ms)),
        figures.latency_ms().map_or_else(|| "–".into(), |ms| format!("{ms:.0} ms")),
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

/// Returns the notice for the present state; `None` while the stream plays. `since` is how long the state has lasted.
pub(crate) fn notice(model: &Model, url: &str, now: Instant, since: Duration) -> Option<Notice> {
    let spinner = Icon::Spinner((since.as_millis() / 42 % 24) as u32);
    let notice = |icon, title: &str, detail: String, hint: &str| {
        Some(Notice { icon, title: title.into(), detail, hint: hint.into() })
    };
    let peer = || model.peer.map_or_else(|| url.to_owned(), |peer| peer.to_string());
    match &model.phase {
        Phase::Idle => {
            notice(Icon::Play, "Ready to connect", url.into(), "SETUP connects, Space plays at once, H shows all keys")
        }
        Phase::Connecting => {
            let detail = match model.trying {
                Some(Retry::Tcp) => "UDP does not get through: trying TCP".into(),
                Some(Retry::Lab) => "The server does not answer RTSP: trying the lab's dialect".into(),
                Some(_) => "It is not the lab's dialect either: asking for the stream all the same".into(),
                None => peer(),
            };
            notice(spinner, "Connecting…", detail, "")
        }
        Phase::Ready => notice(Icon::Play, "Ready to play", facts(model), "PLAY or Space starts it"),
        Phase::Buffering if model.has_picture => notice(spinner, "", String::new(), ""),
        Phase::Buffering => {
            let detail = match model.trying {
                Some(Retry::Tcp) => "UDP does not get through: trying TCP".into(),
                _ => model.silence.clone().unwrap_or_default(),
            };
            notice(spinner, "Buffering…", detail, "")
        }
        // A dialog says it all.
        Phase::Playing | Phase::Asking(_) => None,
        Phase::Paused => notice(Icon::Pause, "", String::new(), ""),
        Phase::Ended => notice(Icon::Replay, "The stream has ended", facts(model), "PLAY or Space plays it again"),
        Phase::Reconnecting { reason, at, .. } => {
            let title = if model.worked { "Connection lost" } else { "Cannot reach the server" };
            let left = at.saturating_duration_since(now).as_secs_f32();
            let hint =
                if left > 0.05 { format!("Trying again in {:.0} s", left.ceil()) } else { "Trying again…".into() };
            notice(spinner, title, reason.clone(), &hint)
        }
        Phase::Failed { reason } => {
            notice(Icon::Warning, "This stream cannot be played", reason.clone(), "SETUP tries again")
        }
    }
}

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
        assert_eq!(notice(&playing, now).unwrap().title, "Buffering…");
        playing.handle_picture(1, None, now);
        assert_eq!(notice(&playing, now), None);
        playing.handle_report(Report::Paused, now);
        assert!(!notice(&playing, now).unwrap().dims(), "the picture stays bright");
        playing.handle_report(Report::Ended, now);
        assert!(notice(&playing, now).unwrap().title.contains("ended"));
        let lost = Report::Interrupted { reason: "Gone".into(), at: now + Duration::from_secs(2), attempt: 1 };
        playing.handle_report(lost.clone(), now);
        let shown = notice(&playing, now).unwrap();
        assert_eq!((shown.title.as_str(), shown.detail.as_str()), ("Connection lost", "Gone"));
        assert_eq!(shown.hint, "Trying again in 2 s");
        let (never, now) = model([lost]);
        assert_eq!(notice(&never, now).unwrap().title, "Cannot reach the server");
        let (failed, now) = model([Report::Failed { reason: "404".into() }]);
        assert_eq!(notice(&failed, now).unwrap().detail, "404");
        let (trying, now) = model([Report::Trying(Retry::Tcp)]);
        assert!(notice(&trying, now).unwrap().detail.contains("TCP"));
    }

    #[test]
    fn progress_is_position_of_length_or_the_buffer_s_depth() {
        let (mut film, now) = model([Report::SetUp(presentation(Some(60))), Report::Playing]);
        film.handle_picture(1, Some(Duration::from_secs(15)), now);
        let Progress::Length { filled, position, duration, pointer } = progress(&film, None, 400, Some(0.5)) else {
            panic!("it has a length")
        };
        assert_eq!((filled, position.as_str(), duration.as_str()), (100, "0:15", "1:00"));
        assert_eq!(pointer, Some((200, "0:30".into())));
        let (mut live, now) = model([Report::SetUp(presentation(None)), Report::Playing]);
        live.handle_picture(1, None, now);
        let shown = progress(&live, Some(Duration::from_millis(20)), 400, Some(0.5));
        assert_eq!(shown, Progress::Live { filled: 40, depth: "20 ms".into(), flowing: true });
        assert_eq!(progress(&Model::new(), None, 400, None), Progress::None);
    }

    #[test]
    fn a_button_is_pressed_only_under_the_mouse_and_when_enabled() {
        let model = Model::new();
        assert_eq!(button_looks(&model, Some(Button::Setup), None)[0], ButtonLook::Hover);
        assert_eq!(button_looks(&model, Some(Button::Setup), Some(Button::Setup))[0], ButtonLook::Pressed);
        assert_eq!(button_looks(&model, None, Some(Button::Setup))[0], ButtonLook::Normal);
        assert_eq!(button_looks(&model, Some(Button::Play), Some(Button::Play))[1], ButtonLook::Disabled);
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
