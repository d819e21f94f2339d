//! What the window shows and does: passes the user's actions and the network's reports to the model, and the newest
//! picture and the model's state to the display.

use super::canvas::Rect;
use super::dialog::{self, Closing, Dialog};
use super::display::Display;
use super::input::{Action, Input, InputContext};
use super::layout::Chrome;
use super::overlay;
use super::view::{self, Scene};
use crate::args::{Args, stream_name, stream_stem};
use crate::figures;
use crate::frame::Picture;
use crate::json::JsonLine;
use crate::model::{Button, Model, Phase};
use crate::network::Report;
use crate::run::Run;
use crate::snapshot::{self, Saver};
use crate::wording::sentence;
use anyhow::Result;
use mutoscope_std::client::Goal;
use sdl2::clipboard::ClipboardUtil;
use sdl2::event::Event as SdlEvent;
use std::time::{Duration, Instant};

/// How long the controls stay visible in full screen after the mouse has moved.
const CHROME_STAYS: Duration = Duration::from_millis(2500);
/// The time between two steps of a turning spinner.
const SPIN: Duration = Duration::from_millis(42);

/// The player behind the window.
pub(super) struct App<'a, 't> {
    args: &'a Args,
    url: String,
    /// The stream's name, for the title bar.
    name: String,
    pub(super) run: Run,
    pub(super) model: Model,
    display: Display<'t>,
    input: Input,
    overlays: Overlays,
    asking: Asking,
    /// The picture that is shown.
    picture: Option<Picture>,
    saver: Saver,
    /// The phase that was last reported to programs, and since when it has lasted.
    phase: (&'static str, Instant),
    /// Whether all that was asked for on the command line has been received.
    pub(super) complete: bool,
    /// Whether the window is to be closed.
    over: bool,
}

/// The overlays that the user can switch on.
#[derive(Debug, Default)]
struct Overlays {
    help: bool,
    show_statistics: bool,
    /// What the statistics said at the last sample.
    statistics: Option<view::StatisticsView>,
}

/// The dialog, and what it takes to use it.
struct Asking {
    dialog: Option<Dialog>,
    clipboard: ClipboardUtil,
    /// Where its parts were when that was last reported to programs.
    reported: Vec<(dialog::Part, Rect)>,
}

impl<'a, 't> App<'a, 't> {
    pub(super) fn new(args: &'a Args, run: Run, display: Display<'t>, clipboard: ClipboardUtil) -> Self {
        let (url, now) = (args.shown_url(), Instant::now());
        let app = Self {
            args,
            name: stream_name(&url),
            url,
            run,
            model: Model::new(),
            display,
            input: Input::new(now),
            overlays: Overlays::default(),
            asking: Asking { dialog: None, clipboard, reported: Vec::new() },
            picture: None,
            saver: Saver::new(),
            phase: ("", now),
            complete: false,
            over: false,
        };
        app.log_layout();
        app
    }

    /// Connects and plays without waiting for the user.
    pub(super) fn start(&mut self) {
        let goal = self.model.start(self.args.extent.from);
        self.run.send(goal);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn hide(&mut self) {
        self.display.hide();
    }

    /// How long to wait for an event before the window may have to be drawn all the same.
    pub(super) fn timeout(&self) -> Duration {
        let spins = matches!(self.model.phase, Phase::Connecting | Phase::Buffering | Phase::Reconnecting { .. });
        if spins { SPIN } else { figures::INTERVAL / 2 }
    }

    pub(super) fn handle_event(&mut self, event: &SdlEvent) {
        let is_window_s = matches!(
            event,
            SdlEvent::Quit { .. }
                | SdlEvent::Window { .. }
                | SdlEvent::RenderTargetsReset { .. }
                | SdlEvent::RenderDeviceReset { .. }
        );
        if let (Some(dialog), false) = (&mut self.asking.dialog, is_window_s) {
            let clipboard = &self.asking.clipboard;
            let context = dialog::Context {
                parts: self.display.dialog_parts(),
                pixel_ratio: self.display.pixel_ratio(),
                clipboard: &|| clipboard.clipboard_text().ok(),
            };
            if let Some(closing) = dialog.handle_event(event, Instant::now(), &context) {
                self.close_dialog(closing);
            }
            return;
        }
        let context = InputContext {
            layout: self.display.layout(),
            model: &self.model,
            help: self.overlays.help,
            pixel_ratio: self.display.pixel_ratio(),
        };
        if let Some(action) = self.input.handle_event(event, Instant::now(), context) {
            self.act(action);
        }
    }

    fn close_dialog(&mut self, closing: Closing) {
        self.asking.dialog = None;
        let answer = match closing {
            Closing::Answer(answer) => Some(answer),
            Closing::Cancel => None,
        };
        if answer.is_some() {
            self.model.handle_answer();
        }
        self.run.network.commander().answer(answer);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Press(button) => {
                let goal = self.model.press(button);
                self.perform(goal);
            }
            Action::TogglePlaying => {
                let goal = self.model.toggle();
                self.perform(goal);
            }
            Action::SeekTo(fraction) => self.model.seek_to(fraction).into_iter().for_each(|seek| self.run.send(seek)),
            Action::SeekBy { step, forward } => {
                self.model.seek_by(step, forward).into_iter().for_each(|seek| self.run.send(seek));
            }
            Action::ToggleHelp => self.toggle_help(),
            Action::ToggleStatistics => {
                self.overlays.show_statistics = !self.overlays.show_statistics;
                self.log_overlay("statistics", self.overlays.show_statistics);
            }
            Action::ToggleFullscreen => self.toggle_fullscreen(),
            Action::SaveSnapshot => self.save_snapshot(),
            Action::Back if self.overlays.help => self.toggle_help(),
            Action::Back if self.display.is_fullscreen() => self.toggle_fullscreen(),
            Action::Back | Action::Quit => self.over = true,
            Action::Redraw => self.display.mark_dirty(),
            Action::Restore => self.display.restore(self.picture.as_ref()),
        }
    }

    /// Passes a goal on, and forgets the picture if a new session begins or the old one ends.
    fn perform(&mut self, goal: Option<Goal>) {
        let Some(goal) = goal else { return };
        if self.model.phase == Phase::Idle || self.model.phase == Phase::Connecting {
            self.forget_picture();
        }
        self.run.send(goal);
    }

    fn forget_picture(&mut self) {
        self.display.clear_picture();
        if let Some(picture) = self.picture.take() {
            self.run.pipeline.recycle(picture);
        }
        self.run.figures.clear();
    }

    fn toggle_help(&mut self) {
        self.overlays.help = !self.overlays.help;
        self.log_overlay("help", self.overlays.help);
    }

    fn toggle_fullscreen(&mut self) {
        if self.display.toggle_fullscreen() {
            self.input.touch(Instant::now());
            if self.args.testing.ui_log {
                self.run.output.print(JsonLine::new("fullscreen").bool("on", self.display.is_fullscreen()));
            }
        }
    }

    fn save_snapshot(&mut self) {
        let Some(picture) = &self.picture else {
            self.model.show_toast("There is no picture to save yet", Instant::now());
            return;
        };
        let number = self.model.frame.unwrap_or(picture.info.number);
        let path =
            self.args.output.snapshot.clone().unwrap_or_else(|| snapshot::new_name(&stream_stem(&self.url), number));
        if let Err(error) = self.saver.save(picture.jpeg.clone(), path) {
            self.model.show_toast(format!("Cannot save the picture: {error}"), Instant::now());
        }
    }

    /// Takes what the other threads have brought, and draws what has changed.
    ///
    /// # Errors
    /// A sentence, if the window cannot be drawn any more.
    pub(super) fn advance(&mut self) -> Result<()> {
        let now = Instant::now();
        while let Some(report) = self.run.network.poll_report() {
            self.handle_report(report, now);
        }
        while let Some(saved) = self.saver.poll() {
            self.handle_saved(saved, now);
        }
        let new_picture = self.take_picture();
        self.sample(now);
        self.log_phase(now);
        self.arrange(now);
        let scene = self.scene(now);
        let changed = self.display.update(&scene, self.picture.is_some())?;
        self.log_dialog();
        if new_picture || changed || self.display.take_dirty() {
            self.display.draw(self.picture.as_ref(), scene.dims_picture(), scene.help);
            if new_picture {
                self.handle_shown();
            }
            std::thread::sleep(Duration::from_millis(self.args.testing.slow_display));
        }
        // When all that was asked for has been received, the last picture of it is still to be shown.
        self.over |= self.complete && self.run.pipeline.is_settled(self.run.network.live().frames);
        Ok(())
    }

    fn handle_report(&mut self, report: Report, now: Instant) {
        match &report {
            Report::Complete => self.complete = true,
            Report::Stopped => self.forget_picture(),
            Report::Asks(asked) => {
                self.overlays.help = false;
                self.asking.dialog = Some(Dialog::new(asked.question.clone(), now));
            }
            _ => {}
        }
        self.model.handle_report(report, now);
    }

    fn handle_saved(&mut self, saved: snapshot::Saved, now: Instant) {
        if let (Ok(path), true) = (&saved, self.args.testing.ui_log) {
            self.run.output.print(JsonLine::new("snapshot").text("path", path));
        }
        let text = saved.map_or_else(|error| sentence(&error), |path| format!("Saved {path}"));
        self.model.show_toast(text, now);
    }

    /// Takes the newest picture from the decoder. Returns whether there is one to be drawn.
    fn take_picture(&mut self) -> bool {
        let Some(picture) = self.run.pipeline.pictures.take() else { return false };
        // After STOP was pressed, the decoder may still bring a picture, which is not to be shown.
        if self.model.phase == Phase::Idle || !self.display.set_picture(&picture) {
            self.run.pipeline.recycle(picture);
            return false;
        }
        let number = match (picture.strip, self.model.is_live()) {
            // The test card's strip says which frame of the stream this is.
            (Some(strip), true) => strip,
            _ => picture.info.number,
        };
        self.model.handle_picture(number, picture.info.position, picture.info.arrived);
        if let Some(before) = self.picture.replace(picture) {
            self.run.pipeline.recycle(before);
        }
        true
    }

    /// Counts the picture that has just come onto the screen.
    fn handle_shown(&mut self) {
        let Some(picture) = &self.picture else { return };
        let ages = picture.ages(Instant::now());
        self.run.figures.handle_shown(ages.latency, ages.local);
        if self.args.testing.ui_log {
            let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
            let line = JsonLine::new("shown")
                .int("number", picture.info.number)
                .int("strip", picture.strip.map_or(-1, i128::from))
                .number("position", picture.info.position.map(|position| position.as_secs_f64()))
                .number("latency_ms", ages.latency.map(ms))
                .number("local_ms", ms(ages.local))
                .number("decoding_ms", ms(picture.decoding));
            self.run.output.print(line);
        }
    }

    /// Takes a sample of the figures, and brings the statistics on paper and on the screen up to date.
    fn sample(&mut self, now: Instant) {
        let sampled = self.run.sample(now);
        if let Some(line) = self.run.statistics_line(now) {
            self.run.output.print(line.text("phase", self.model.phase.name()));
        }
        if !self.overlays.show_statistics {
            self.overlays.statistics = None;
        } else if sampled || self.overlays.statistics.is_none() {
            let picture = self.picture.as_ref().map(|picture| (picture.width, picture.height, picture.info.len));
            let Run { figures, network, pipeline, .. } = &self.run;
            self.overlays.statistics = Some(overlay::statistics(figures, &network.live(), pipeline, picture));
        }
    }

    /// Places everything anew if the window or the controls have changed.
    fn arrange(&mut self, now: Instant) {
        let stays = self.input.is_active(now, CHROME_STAYS) || self.model.phase != Phase::Playing;
        let chrome = match (self.display.is_fullscreen(), stays) {
            (false, _) => Chrome::Framed,
            (true, true) => Chrome::Overlaid,
            (true, false) => Chrome::Hidden,
        };
        if self.display.arrange(chrome) {
            self.log_layout();
        }
    }

    /// Returns what the window is to show now.
    fn scene(&self, now: Instant) -> Scene {
        let (model, figures, layout) = (&self.model, &self.run.figures, self.display.layout());
        let held = Some(Duration::from_secs_f64(figures.local_ms().unwrap_or_default() / 1000.0));
        let (_, since) = self.phase;
        let hovered = self.input.hovered(layout).filter(|_| self.asking.dialog.is_none());
        Scene {
            header: view::Header {
                stream: self.name.clone(),
                badge: model.badge(),
                recording: self.args.output.record.is_some() && model.phase == Phase::Playing,
            },
            progress: view::progress(model, held, layout.track.w, self.input.pointed(layout)),
            buttons: view::button_looks(model, hovered, self.input.pressed()),
            status: view::status_entries(model, figures, self.run.pipeline.counters.dropped()),
            notice: view::notice(model, &self.url, now, now.duration_since(since)).filter(|_| !self.overlays.help),
            toast: view::toast(model, now),
            statistics: self.overlays.statistics.clone(),
            help: self.overlays.help,
            dialog: self.asking.dialog.as_ref().map(|dialog| dialog.view(now)),
        }
    }

    fn log_phase(&mut self, now: Instant) {
        let phase = self.model.phase.name();
        if phase == self.phase.0 {
            return;
        }
        self.phase = (phase, now);
        if self.args.output.stats.is_some() || self.args.testing.ui_log {
            let reason = match &self.model.phase {
                Phase::Reconnecting { reason, .. } | Phase::Failed { reason } => reason.as_str(),
                Phase::Asking(asked) => asked.reason.as_str(),
                _ => "",
            };
            let mut line = JsonLine::new("phase").text("phase", phase).text("reason", reason);
            for button in Button::ALL {
                line = line.bool(&button.label().to_lowercase(), self.model.is_enabled(button));
            }
            self.run.output.print(line);
        }
    }

    fn log_overlay(&self, name: &str, on: bool) {
        if self.args.testing.ui_log {
            self.run.output.print(JsonLine::new("overlay").text("name", name).bool("on", on));
        }
    }

    /// Reports which dialog is open and where its parts are, but nothing of what is typed.
    fn log_dialog(&mut self) {
        if !self.args.testing.ui_log || self.asking.reported == self.display.dialog_parts() {
            return;
        }
        self.asking.reported = self.display.dialog_parts().to_vec();
        let kind = self.asking.dialog.as_ref().map_or("none", Dialog::kind);
        let mut line = JsonLine::new("dialog").text("kind", kind);
        for (part, rect) in &self.asking.reported {
            line = line.ints(&format!("{part:?}").to_lowercase(), &[rect.x, rect.y, rect.w, rect.h]);
        }
        self.run.output.print(line);
    }

    fn log_layout(&self) {
        if !self.args.testing.ui_log {
            return;
        }
        let layout = self.display.layout();
        let ints = |rect: Rect| [rect.x, rect.y, rect.w, rect.h];
        let mut line = JsonLine::new("layout")
            .ints("window", &ints(layout.window))
            .ints("video", &ints(layout.video))
            .ints("track", &ints(layout.track))
            .number("scale", f64::from(layout.scale));
        if let Some(picture) = &self.picture {
            line = line.ints("picture", &ints(layout.fit(picture.width, picture.height)));
        }
        for (button, rect) in Button::ALL.into_iter().zip(layout.buttons) {
            line = line.ints(&button.label().to_lowercase(), &ints(rect));
        }
        self.run.output.print(line);
    }
}
