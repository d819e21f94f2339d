//! What the window shows and does: passes the user's actions and the network's reports to the stream, and the newest
//! picture and the stream's state to the display.

use super::dialog::{self, Closing, Dialog};
use super::display::Display;
use super::input::{Action, Input, InputContext};
use super::layout::{Chrome, Target, Tool};
use super::overlay;
use super::stream::Stream;
use super::told::{self, Told};
use super::view::{self, Pointing, Scene};
use crate::args::Args;
use crate::figures::{self, Figures};
use crate::json::JsonLine;
use crate::model::{Model, Phase};
use crate::network::Report;
use crate::run::Run;
use crate::snapshot::{self, Saver};
use crate::wording::sentence;
use anyhow::Result;
use sdl2::clipboard::ClipboardUtil;
use sdl2::event::Event as SdlEvent;
use std::time::{Duration, Instant};

/// How long the controls stay visible in full screen after the mouse has moved.
const CHROME_STAYS: Duration = Duration::from_millis(2500);
/// The time between two steps of a turning spinner, or of a sign that fades.
const SPIN: Duration = Duration::from_millis(42);

/// The player behind the window.
pub(super) struct App<'a, 't> {
    args: &'a Args,
    /// What is played. The window shows the one that is [chosen](Self::chosen), and knows what to show where there is none.
    streams: Vec<Stream<'t>>,
    chosen: usize,
    display: Display<'t>,
    input: Input,
    overlays: Overlays,
    asking: Asking,
    saver: Saver,
    told: Told,
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
}

impl<'a, 't> App<'a, 't> {
    pub(super) fn new(args: &'a Args, run: Run, display: Display<'t>, clipboard: ClipboardUtil) -> Self {
        let now = Instant::now();
        let app = Self {
            args,
            streams: vec![Stream::new(args.shown_url(), run, args.output.record.is_some(), now)],
            chosen: 0,
            display,
            input: Input::new(now),
            overlays: Overlays::default(),
            asking: Asking { dialog: None, clipboard },
            saver: Saver::new(),
            told: Told::default(),
            over: false,
        };
        app.log_layout();
        app
    }

    fn stream(&self) -> Option<&Stream<'t>> {
        self.streams.get(self.chosen)
    }

    fn stream_mut(&mut self) -> Option<&mut Stream<'t>> {
        self.streams.get_mut(self.chosen)
    }

    /// Connects and plays without waiting for the user.
    pub(super) fn start(&mut self) {
        let from = self.args.extent.from;
        self.streams.iter_mut().for_each(|stream| stream.start(from));
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Closes the window. Returns what was played, with its threads still running, how it ended, and whether all of it was shown that
    /// was asked for.
    pub(super) fn close(mut self) -> Vec<(Run, Model, bool)> {
        self.display.hide();
        let parts = |Stream { run, model, complete, .. }| (run, model, complete);
        self.streams.into_iter().map(parts).collect()
    }

    /// How long to wait for an event before the window may have to be drawn all the same.
    pub(super) fn timeout(&self) -> Duration {
        let now = Instant::now();
        let moves = self.stream().is_some_and(|stream| match stream.model.phase {
            Phase::Connecting | Phase::Buffering | Phase::Reconnecting { .. } => true,
            Phase::Paused => view::notice_alpha(&stream.model, stream.phase_age(now)) > 0,
            _ => false,
        });
        let most = if moves { SPIN } else { figures::INTERVAL / 2 };
        self.input.timeout(now).map_or(most, |due| due.min(most))
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
        let nothing = Model::new();
        let context = InputContext {
            layout: self.display.layout(),
            model: self.streams.get(self.chosen).map_or(&nothing, |stream| &stream.model),
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
        let Some(stream) = self.stream_mut() else { return };
        if answer.is_some() {
            stream.model.handle_answer();
        }
        stream.run.network.commander().answer(answer);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::ToggleHelp => self.toggle_help(),
            Action::ToggleStatistics => {
                self.overlays.show_statistics = !self.overlays.show_statistics;
                self.log_overlay("statistics", self.overlays.show_statistics);
            }
            Action::ToggleFullscreen => self.toggle_fullscreen(),
            Action::SaveSnapshot => self.save_snapshot(),
            Action::ToggleRecording => {
                let line = self.stream_mut().and_then(|stream| stream.toggle_recording(Instant::now()));
                line.into_iter().for_each(|line| self.log(line));
            }
            Action::Back if self.overlays.help => self.toggle_help(),
            Action::Back if self.display.is_fullscreen() => self.toggle_fullscreen(),
            Action::Back | Action::Quit => self.over = true,
            Action::Redraw => self.display.mark_dirty(),
            Action::Restore => {
                self.display.restore();
                let Self { streams, display, .. } = self;
                streams.iter_mut().for_each(|stream| stream.restore(display));
            }
            _ => {
                if let Some(stream) = self.stream_mut() {
                    act_on(stream, action);
                }
            }
        }
    }

    fn toggle_help(&mut self) {
        self.overlays.help = !self.overlays.help;
        self.log_overlay("help", self.overlays.help);
    }

    fn toggle_fullscreen(&mut self) {
        if self.display.toggle_fullscreen() {
            self.input.touch(Instant::now());
            self.log(JsonLine::new("fullscreen").bool("on", self.display.is_fullscreen()));
        }
    }

    fn save_snapshot(&mut self) {
        let now = Instant::now();
        let named = self.args.output.snapshot.as_ref();
        let Some(stream) = self.streams.get_mut(self.chosen) else { return };
        let Some((path, jpeg)) = stream.snapshot(named) else {
            stream.model.show_toast("There is no picture to save yet", now);
            return;
        };
        if let Err(error) = self.saver.save(jpeg, path) {
            stream.model.show_toast(format!("Cannot save the picture: {error}"), now);
        }
    }

    /// Takes what the other threads have brought, and draws what has changed.
    ///
    /// # Errors
    /// A sentence, if the window cannot be drawn any more.
    pub(super) fn advance(&mut self) -> Result<()> {
        let now = Instant::now();
        if let Some(action) = self.input.poll(now) {
            self.act(action);
        }
        self.take_reports(now);
        while let Some(saved) = self.saver.poll() {
            self.handle_saved(saved, now);
        }
        let Self { streams, display, .. } = self;
        let mut new_pictures = streams.iter_mut().map(|stream| stream.take_picture(display)).collect::<Vec<_>>();
        self.sample(now);
        self.log_phases(now);
        self.arrange(now);
        let scene = self.scene(now);
        let changed = self.display.update(&scene, self.stream().is_some_and(Stream::has_picture))?;
        self.log_scene(&scene);
        let is_new = new_pictures.iter().any(|&new| new);
        if is_new || changed || self.display.take_dirty() {
            let Self { streams, chosen, display, .. } = self;
            display.draw(streams.get(*chosen).map(|stream| &stream.view), &scene);
            for (stream, new) in self.streams.iter_mut().zip(new_pictures.drain(..)) {
                let line = if new { stream.handle_shown() } else { None };
                if let Some(line) = line.filter(|_| self.args.testing.ui_log) {
                    stream.run.output.print(line);
                }
            }
            std::thread::sleep(Duration::from_millis(self.args.testing.slow_display));
        }
        // When all that was asked for has been received, the last picture of it is still to be shown.
        self.over |= !self.streams.is_empty() && self.streams.iter().all(Stream::is_over);
        Ok(())
    }

    fn take_reports(&mut self, now: Instant) {
        let Self { streams, asking, overlays, .. } = self;
        for stream in streams {
            while let Some(report) = stream.poll_report(now) {
                if let Report::Asks(asked) = report {
                    overlays.help = false;
                    asking.dialog = Some(Dialog::new(asked.question, now));
                }
            }
        }
    }

    fn handle_saved(&mut self, saved: snapshot::Saved, now: Instant) {
        if let Ok(path) = &saved {
            self.log(JsonLine::new("snapshot").text("path", path));
        }
        let text = saved.map_or_else(|error| sentence(&error), |path| format!("Saved {path}"));
        if let Some(stream) = self.stream_mut() {
            stream.model.show_toast(text, now);
        }
    }

    /// Takes a sample of the figures, and brings the statistics on paper and on the screen up to date.
    fn sample(&mut self, now: Instant) {
        let mut sampled = false;
        for stream in &mut self.streams {
            sampled |= stream.run.sample(now);
            if let Some(line) = stream.run.statistics_line(now) {
                stream.run.output.print(line.text("phase", stream.model.phase.name()));
            }
        }
        let shown = self.streams.get(self.chosen).filter(|_| self.overlays.show_statistics);
        let Some(stream) = shown else {
            self.overlays.statistics = None;
            return;
        };
        let readings = view::readings(&stream.model, &stream.run.figures);
        let stands = self.overlays.statistics.as_ref().is_none_or(|view| view.flowing != readings.flowing);
        if sampled || stands {
            let Run { figures, network, pipeline, .. } = &stream.run;
            let view = overlay::statistics(&readings, figures, &network.live(), pipeline, stream.picture_size());
            self.overlays.statistics = Some(view);
        }
    }

    /// Places everything anew if the window or the controls have changed.
    fn arrange(&mut self, now: Instant) {
        let plays = self.stream().is_some_and(|stream| stream.model.phase == Phase::Playing);
        let stays = self.input.is_active(now, CHROME_STAYS) || self.input.focus().is_some() || !plays;
        let chrome = match (self.display.is_fullscreen(), stays) {
            (false, _) => Chrome::Framed,
            (true, true) => Chrome::Overlaid,
            (true, false) => Chrome::Hidden,
        };
        if self.display.arrange(chrome) {
            self.log_layout();
        }
        let target = match (self.asking.dialog.is_some(), self.input.hovered(self.display.layout())) {
            (false, Some(control)) => Target::Control(control),
            (false, None) => self.input.pointed(self.display.layout()).map_or(Target::Nothing, Target::Track),
            (true, _) => Target::Nothing,
        };
        self.display.point_to(target);
    }

    /// Returns what the window is to show now.
    fn scene(&self, now: Instant) -> Scene {
        let (layout, asks) = (self.display.layout(), self.asking.dialog.is_some());
        let fullscreen = self.display.is_fullscreen();
        let pointing = Pointing {
            hovered: self.input.hovered(layout).filter(|_| !asks),
            pressed: self.input.pressed(),
            focus: self.input.focus().filter(|_| !asks),
        };
        let (pointed, hint) = (self.input.pointed(layout).filter(|_| !asks), self.input.hint(layout, now));
        let (nothing, no_figures) = (Model::new(), Figures::default());
        let (stream, dialog) = (self.stream(), self.asking.dialog.as_ref());
        let model = stream.map_or(&nothing, |stream| &stream.model);
        let on = [
            (Tool::Record, model.recording),
            (Tool::Statistics, self.overlays.show_statistics),
            (Tool::Help, self.overlays.help),
        ];
        let on: Vec<Tool> = on.into_iter().filter_map(|(tool, on)| on.then_some(tool)).collect();
        let figures = stream.map_or(&no_figures, |stream| &stream.run.figures);
        let held = Some(Duration::from_secs_f64(figures.local_ms().unwrap_or_default() / 1000.0));
        let age = stream.map_or(Duration::ZERO, |stream| stream.phase_age(now));
        let url = stream.map_or("", |stream| &stream.url);
        Scene {
            header: view::Header {
                stream: stream.map_or_else(String::new, |stream| stream.name.clone()),
                badge: model.badge(),
                pace: view::pace(model),
                recording: model.recording && model.phase == Phase::Playing,
                tools: view::tool_looks(model, pointing, &on),
                fullscreen,
            },
            progress: view::progress(model, held, layout.track.w, pointed.is_some()),
            buttons: view::button_looks(model, pointing),
            status: view::status_entries(
                model,
                figures,
                stream.map_or(0, |stream| stream.run.pipeline.counters.dropped()),
            ),
            notice: view::notice(model, url, now, age).filter(|_| !self.overlays.help),
            notice_alpha: view::notice_alpha(model, age),
            bubble: view::bubble(model, layout, pointed, hint.filter(|_| !asks), fullscreen)
                .filter(|_| !self.overlays.help),
            toast: view::toast(model, now),
            statistics: self.overlays.statistics.clone(),
            help: self.overlays.help,
            dialog: dialog.map(|dialog| dialog.view(now)),
        }
    }

    fn log_phases(&mut self, now: Instant) {
        for stream in &mut self.streams {
            if stream.note_phase(now) && (self.args.output.stats.is_some() || self.args.testing.ui_log) {
                stream.run.output.print(told::phase(&stream.model));
            }
        }
    }

    fn log_scene(&mut self, scene: &Scene) {
        let Self { streams, chosen, told, display, asking, .. } = self;
        if let Some(stream) = streams.get(*chosen).filter(|_| self.args.testing.ui_log) {
            let output = &stream.run.output;
            told.tell(output, scene, display.placed(), self.input.focus());
            told.tell_dialog(output, asking.dialog.as_ref(), display.dialog_parts());
        }
    }

    fn log_overlay(&self, name: &str, on: bool) {
        self.log(JsonLine::new("overlay").text("name", name).bool("on", on));
    }

    fn log_layout(&self) {
        let picture = self.stream().and_then(|stream| stream.view.size());
        self.log(told::layout(self.display.layout(), picture));
    }

    fn log(&self, line: JsonLine) {
        if let Some(stream) = self.stream().filter(|_| self.args.testing.ui_log) {
            stream.run.output.print(line);
        }
    }
}

/// Does what the user asks of a stream.
fn act_on(stream: &mut Stream<'_>, action: Action) {
    match action {
        Action::Press(button) => stream.press(button),
        Action::TogglePlaying => stream.toggle(),
        Action::SeekTo(fraction) => {
            let order = stream.model.seek_to(fraction);
            stream.order(order);
        }
        Action::ScrubTo(fraction) => {
            let order = stream.model.scrub_to(fraction);
            stream.order(order);
        }
        Action::SeekBy { step, forward } => {
            let order = stream.model.seek_by(step, forward);
            stream.order(order);
        }
        Action::ChangePace(pace) => {
            let order = stream.model.change_pace(pace);
            stream.order(order);
        }
        Action::StepFrame { forward } => {
            let orders = stream.model.step_frame(forward);
            stream.order(orders);
        }
        _ => {}
    }
}
