//! What the window shows and does: passes the user's actions and the network's reports to the stream, and the newest
//! picture and the stream's state to the display.

mod logins;
mod opening;
mod protocol;

use super::canvas::Rect;
use super::dialog::{self, Closing, Dialog};
use super::display::{Display, Shown};
use super::input::{Action, Input, InputContext};
use super::layout::{Chrome, Control, Target, Tool};
use super::overlay;
use super::pane::Pane;
use super::start::{self, Page};
use super::stream::Stream;
use super::told::{self, Told};
use super::view::{self, Pointing, Scene};
use super::wall::{self, grid, pace::Pace, tile::Tile};
use crate::args::{Args, server_name};
use crate::asking::Asked;
use crate::figures::{self, Figures};
use crate::json::JsonLine;
use crate::model::{Model, Phase};
use crate::network::Report;
use crate::run::{Files, FinishedRun, Run};
use crate::smaller::Place;
use crate::snapshot::{self, Saver};
use crate::steps;
use crate::wording::sentence;
use anyhow::Result;
use opening::Home;
pub(super) use opening::Wake;
use sdl2::clipboard::ClipboardUtil;
use sdl2::event::Event as SdlEvent;
use std::collections::VecDeque;
use std::thread::JoinHandle;
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
    /// Whether it shows all streams instead, as a wall.
    on_wall: bool,
    pace: Pace,
    display: Display<'t>,
    input: Input,
    overlays: Overlays,
    pane: Pane,
    asking: Asking,
    saver: Saver,
    told: Told,
    home: Home,
    /// Whether the window is to be closed.
    over: bool,
}

/// What a closed window has left.
pub(super) struct Closed {
    /// What was played, with its URL as it may be shown and its threads still running, how it ended, and whether all of it was shown that
    /// was asked for.
    pub(super) last: Vec<(String, Run, Model, bool)>,
    /// What was left before.
    pub(super) left: Vec<JoinHandle<FinishedRun>>,
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
    /// The stream that the dialog is about.
    stream: usize,
    /// What others ask when it has been answered.
    waiting: VecDeque<(usize, Asked)>,
    clipboard: ClipboardUtil,
}

impl<'a, 't> App<'a, 't> {
    /// A window that shows nothing yet. `files`: those that the command line wants written. `wake` wakes the main thread.
    pub(super) fn new(
        args: &'a Args,
        (files, wake): (Files, Wake),
        display: Display<'t>,
        clipboard: ClipboardUtil,
    ) -> Self {
        let now = Instant::now();
        let app = Self {
            args,
            on_wall: false,
            streams: Vec::new(),
            chosen: 0,
            pace: Pace::new(now),
            display,
            input: Input::new(now),
            overlays: Overlays::default(),
            pane: Pane::new(args.impairments(), now),
            asking: Asking { dialog: None, stream: 0, waiting: VecDeque::new(), clipboard },
            saver: Saver::new(),
            told: Told::default(),
            home: Home::new(args, files, wake),
            over: false,
        };
        app.log_layout();
        app
    }

    fn shown(&self) -> Shown {
        match self.streams.len() {
            0 | 1 => Shown::Single,
            several if self.on_wall => Shown::Wall(several),
            _ => Shown::OneOfSeveral,
        }
    }

    fn stream(&self) -> Option<&Stream<'t>> {
        self.streams.get(self.chosen)
    }

    fn stream_mut(&mut self) -> Option<&mut Stream<'t>> {
        self.streams.get_mut(self.chosen)
    }

    /// Connects and plays without waiting for the user.
    fn start(&mut self) {
        let from = self.args.extent.from;
        self.streams.iter_mut().for_each(|stream| stream.start(from));
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Closes the window.
    pub(super) fn close(mut self) -> Closed {
        self.display.hide();
        let parts = |Stream { url, run, model, complete, .. }| (url, run, model, complete);
        Closed { last: self.streams.into_iter().map(parts).collect(), left: self.home.into_leaving() }
    }

    /// How long to wait for an event before the window may have to be drawn all the same.
    pub(super) fn timeout(&self) -> Duration {
        let now = Instant::now();
        let moves = self.visible().any(|(_, stream)| match stream.model.phase {
            Phase::Connecting | Phase::Buffering | Phase::Reconnecting { .. } => true,
            Phase::Paused if !self.on_wall => view::notice_alpha(&stream.model, stream.phase_age(now)) > 0,
            _ => false,
        });
        let most = if moves { SPIN } else { figures::INTERVAL / 2 };
        let due = self.pane.due().map(|due| due.saturating_duration_since(now));
        [self.input.timeout(now), due].into_iter().flatten().fold(most, Duration::min)
    }

    /// How long nothing need be done, whatever happens.
    pub(super) fn rest(&self) -> Duration {
        if self.on_wall { self.pace.rest(Instant::now()) } else { Duration::ZERO }
    }

    /// The streams that are shown, with their numbers.
    fn visible(&self) -> impl Iterator<Item = (usize, &Stream<'t>)> {
        self.streams.iter().enumerate().filter(|&(index, _)| self.on_wall || index == self.chosen)
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
        if self.take_in(event) || (!is_window_s && self.give_to_page(event)) {
            return;
        }
        if !is_window_s && self.give_to_pane(event) {
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
        if let (Some(answer), Some(stream)) = (&answer, self.streams.get(self.asking.stream)) {
            self.home.logins.keep(&stream.address.url, answer);
        }
        if let Some(stream) = self.streams.get_mut(self.asking.stream) {
            if answer.is_some() {
                stream.model.handle_answer();
            }
            stream.run.network.commander().answer(answer);
        }
        // What one asks who has been stopped meanwhile is not to be answered any more.
        let is_open = |streams: &[Stream<'_>], index: usize, asked: &Asked| matches!(streams.get(index).map(|stream| &stream.model.phase), Some(Phase::Asking(now)) if now == asked);
        while let Some((index, asked)) = self.asking.waiting.pop_front() {
            if is_open(&self.streams, index, &asked) {
                self.asking.open(index, asked, Instant::now());
                break;
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::ToggleHelp => self.toggle_help(),
            Action::ToggleStatistics => {
                self.overlays.show_statistics = !self.overlays.show_statistics;
                self.log_overlay("statistics", self.overlays.show_statistics);
            }
            Action::TogglePane => self.pane.toggle(),
            Action::ToggleNetwork => self.pane.toggle_network(),
            Action::Pane(part) => {
                let done = self.pane.press(part);
                self.finish(done);
            }
            Action::ToggleFullscreen => self.toggle_fullscreen(),
            Action::SaveSnapshot => self.save_snapshot(),
            Action::ToggleRecording => {
                let line = self.stream_mut().and_then(|stream| stream.toggle_recording(Instant::now()));
                line.into_iter().for_each(|line| self.log(line));
            }
            Action::Choose(way) => self.choose(way),
            Action::Open(stream) => self.open(stream.unwrap_or(self.chosen)),
            Action::ShowWall => self.show_wall(),
            Action::Back if self.overlays.help => self.toggle_help(),
            Action::Back if self.pane.is_open() && !self.on_wall => {
                if !self.pane.close_explanation() {
                    self.pane.toggle();
                }
            }
            Action::Back if self.streams.len() > 1 && !self.on_wall => self.show_wall(),
            Action::Back if self.display.is_fullscreen() => self.toggle_fullscreen(),
            Action::Back if self.home.was_chosen => self.return_to_page(),
            Action::Back | Action::Quit => self.over = true,
            Action::ShowPage => {
                self.show_page();
                self.home.page.iter_mut().for_each(Page::swallow_key);
            }
            Action::Take(step) => self.take_step(step),
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

    /// Goes from the chosen tile of the wall to another one.
    fn choose(&mut self, way: grid::Way) {
        if self.on_wall {
            self.chosen = grid::beside(&self.display.layout().tiles, self.chosen, way);
            self.log(JsonLine::new("chosen").int("tile", self.chosen as i128 + 1));
        }
    }

    /// Shows one of several streams alone.
    fn open(&mut self, stream: usize) {
        if self.streams.len() > 1 && stream < self.streams.len() {
            (self.chosen, self.on_wall) = (stream, false);
            self.log_wall();
        }
    }

    /// Shows all streams, where there are several.
    fn show_wall(&mut self) {
        if self.streams.len() > 1 {
            self.on_wall = true;
            self.log_wall();
        }
    }

    fn log_wall(&mut self) {
        let now = Instant::now();
        self.input.touch(now);
        self.display.mark_dirty();
        self.log(JsonLine::new("wall").bool("on", self.on_wall).int("tile", self.chosen as i128 + 1));
        self.arrange(now);
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
        let Self { streams, display, chosen, on_wall, .. } = self;
        let mut taken: Vec<_> = streams.iter_mut().map(|stream| stream.take_picture(display)).collect();
        // What is hidden is taken all the same, for what is known by it.
        taken.iter_mut().enumerate().for_each(|(index, new)| *new &= *on_wall || index == *chosen);
        self.take_servers();
        self.sample(now);
        self.log_phases(now);
        self.arrange(now);
        let page = self.home.page.as_ref().map(|page| page.view(now));
        let (scene, wall) = (self.scene(now), (self.on_wall && page.is_none()).then(|| self.wall(now)));
        let has_picture = self.stream().is_some_and(Stream::has_picture) && !self.on_wall;
        let changed = self.display.update(&scene, (wall.as_ref(), page.as_ref()), has_picture)?;
        if let (Some(page), Some(scroll)) = (&mut self.home.page, self.display.page_scroll()) {
            page.settle(scroll);
        }
        self.input.leave_hidden(self.display.layout());
        self.log_scene(&scene, wall.as_ref(), page.as_ref());
        if taken.contains(&true) || changed || self.display.take_dirty() {
            self.draw(&scene, wall.as_ref(), &taken);
        }
        // When all that was asked for has been received, the last picture of it is still to be shown.
        self.over |= !self.streams.is_empty() && self.streams.iter().all(Stream::is_over);
        Ok(())
    }

    /// Draws the window, and takes note of the pictures that are new in it.
    fn draw(&mut self, scene: &Scene, wall: Option<&wall::View>, new: &[bool]) {
        let began = Instant::now();
        let Self { streams, chosen, display, .. } = self;
        match wall {
            Some(wall) => display.draw_wall(streams.iter().map(|stream| &stream.view), wall, scene),
            None => display.draw(streams.get(*chosen).map(|stream| &stream.view), scene),
        }
        self.pace.handle_drawn(began, Instant::now());
        for (stream, &new) in self.streams.iter_mut().zip(new) {
            let line = if new { stream.handle_shown() } else { None };
            if let Some(line) = line.filter(|_| self.args.testing.ui_log) {
                stream.run.output.print(line);
            }
        }
        std::thread::sleep(Duration::from_millis(self.args.testing.slow_display));
    }

    fn take_reports(&mut self, now: Instant) {
        let Self { streams, asking, overlays, home, .. } = self;
        for (index, stream) in streams.iter_mut().enumerate() {
            while let Some(report) = stream.poll_report(now) {
                if matches!(report, Report::SetUp(_)) {
                    home.recent.add(&stream.address);
                }
                let Report::Asks(asked) = report else { continue };
                if asking.dialog.is_some() && asking.stream != index {
                    asking.waiting.push_back((index, asked));
                } else {
                    overlays.help = false;
                    asking.open(index, asked, now);
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
        let shown = self.streams.get(self.chosen).filter(|_| self.overlays.show_statistics && !self.on_wall);
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
        let plays = self.on_wall || self.stream().is_some_and(|stream| stream.model.phase == Phase::Playing);
        let has_pane = self.pane.is_open() && !self.on_wall && self.home.page.is_none();
        let is_used = self.input.is_active(now, CHROME_STAYS) || self.input.focus().is_some() || has_pane;
        let stays = is_used || !plays;
        let chrome = match (self.display.is_fullscreen() && self.home.page.is_none(), stays) {
            (false, _) => Chrome::Framed,
            (true, true) => Chrome::Overlaid,
            (true, false) => Chrome::Hidden,
        };
        self.display.set_pane(has_pane.then(|| (self.pane.tab(), self.pane.follows())));
        if self.display.arrange(chrome, self.shown()) {
            self.log_layout();
        }
        let layout = self.display.layout();
        for (index, stream) in self.streams.iter().enumerate() {
            stream.set_place(match () {
                () if self.on_wall => place(layout.place(Control::Tile(index))),
                () if index == self.chosen => place(layout.video),
                () => Place::Hidden,
            });
        }
        let protocol = self.streams.get(self.chosen).map(|stream| &stream.run.protocol);
        self.pane.update(now, self.display.layout().pane.as_ref(), protocol);
        if self.home.page.is_some() && self.asking.dialog.is_none() {
            self.display.point_to_page();
            return;
        }
        let target = match (self.asking.dialog.is_some(), self.input.hovered(self.display.layout())) {
            (false, Some(control)) => Target::Control(control),
            (false, None) => self.input.pointed(self.display.layout()).map_or(Target::Nothing, Target::Track),
            (true, _) => Target::Nothing,
        };
        self.display.point_to(target);
    }

    /// Returns what the window is to show now besides the tiles of the wall.
    fn wall_scene(&self, now: Instant) -> Scene {
        let (layout, asks) = (self.display.layout(), self.asking.dialog.is_some());
        let (fullscreen, nothing) = (self.display.is_fullscreen(), Model::new());
        let (help, is_covered) = (self.overlays.help, self.overlays.help || self.home.page.is_some());
        let on: &[Tool] = if help { &[Tool::Help] } else { &[] };
        let hint = self.input.hint(layout, now).filter(|_| !asks && !is_covered);
        Scene {
            header: view::Header {
                stream: wall_name(&self.streams),
                badge: None,
                pace: None,
                recording: false,
                tools: view::tool_looks(&nothing, self.pointing(), on),
                fullscreen,
            },
            progress: view::Progress::None,
            buttons: view::button_looks(&nothing, Pointing::default()),
            status: Vec::new(),
            notice: None,
            notice_alpha: 255,
            bubble: view::bubble(&nothing, layout, None, hint, fullscreen),
            toast: self.stream().and_then(|stream| stream.model.toast(now)).map(str::to_owned),
            statistics: None,
            help,
            dialog: self.asking.dialog.as_ref().map(|dialog| dialog.view(now)),
            pane: None,
        }
    }

    fn pointing(&self) -> Pointing {
        let (layout, asks) = (self.display.layout(), self.asking.dialog.is_some());
        Pointing {
            hovered: self.input.hovered(layout).filter(|_| !asks),
            pressed: self.input.pressed(),
            focus: self.input.focus().filter(|_| !asks),
        }
    }

    /// Returns what the window is to show now.
    fn scene(&self, now: Instant) -> Scene {
        if self.on_wall {
            return self.wall_scene(now);
        }
        let (layout, asks) = (self.display.layout(), self.asking.dialog.is_some());
        let fullscreen = self.display.is_fullscreen();
        let pointing = self.pointing();
        let (pointed, hint) = (self.input.pointed(layout).filter(|_| !asks), self.input.hint(layout, now));
        let (nothing, no_figures) = (Model::new(), Figures::default());
        let (stream, dialog) = (self.stream(), self.asking.dialog.as_ref());
        let model = stream.map_or(&nothing, |stream| &stream.model);
        let on = [
            (Tool::Record, model.recording),
            (Tool::Statistics, self.overlays.show_statistics),
            (Tool::Protocol, self.pane.is_open()),
            (Tool::Help, self.overlays.help),
        ];
        let on: Vec<Tool> = on.into_iter().filter_map(|(tool, on)| on.then_some(tool)).collect();
        let figures = stream.map_or(&no_figures, |stream| &stream.run.figures);
        let held = Some(Duration::from_secs_f64(figures.local_ms().unwrap_or_default() / 1000.0));
        let age = stream.map_or(Duration::ZERO, |stream| stream.phase_age(now));
        let url = stream.map_or("", |stream| &stream.url);
        let steps = steps::steps(model, age, self.transport());
        let notice = view::notice(model, url, now, age).map(|notice| notice.with_steps(&steps, pointing));
        // The start page covers what lies over the picture.
        let is_covered = self.overlays.help || self.home.page.is_some();
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
            notice: notice.filter(|_| !is_covered && !layout.is_covered()),
            notice_alpha: view::notice_alpha(model, age),
            bubble: view::bubble(model, layout, pointed, hint.filter(|_| !asks), fullscreen).filter(|_| !is_covered),
            toast: view::toast(model, now),
            statistics: self.overlays.statistics.clone().filter(|_| self.home.page.is_none() && !layout.is_covered()),
            help: self.overlays.help,
            dialog: dialog.map(|dialog| dialog.view(now)),
            pane: self.pane.view().map(|view| (view, view::pane_looks(pointing))),
        }
    }

    /// Returns what the tiles say besides their pictures.
    fn wall(&self, now: Instant) -> wall::View {
        let tile =
            |stream: &Stream<'_>| Tile::new(&stream.name, &stream.url, &stream.model, now, stream.phase_age(now));
        let hovered = match self.input.hovered(self.display.layout()) {
            Some(Control::Tile(tile)) if self.asking.dialog.is_none() && !self.overlays.help => Some(tile),
            _ => None,
        };
        wall::View { tiles: self.streams.iter().map(tile).collect(), focus: self.chosen, hovered }
    }

    fn log_phases(&mut self, now: Instant) {
        for stream in &mut self.streams {
            if stream.note_phase(now) && (self.args.output.stats.is_some() || self.args.testing.ui_log) {
                stream.run.output.print(told::phase(&stream.model));
            }
        }
    }

    fn log_scene(&mut self, scene: &Scene, wall: Option<&wall::View>, page: Option<&start::View>) {
        let Self { streams, told, display, asking, home, .. } = self;
        if !self.args.testing.ui_log {
            return;
        }
        if let Some(wall) = wall {
            told.tell_tiles(&wall.tiles, streams.iter().map(|stream| &stream.run.output));
        }
        let page = home.page.as_ref().zip(page);
        told.tell_page(&home.output, page.map(|(page, view)| page.told(display.page_parts(), view)));
        let output = streams.get(self.chosen).map_or(&home.output, |stream| &stream.run.output);
        told.tell(output, scene, (display.placed(), display.layout()), self.input.focus());
        told.tell_pane(output, scene.pane.as_ref().map(|(view, _)| view));
        told.tell_dialog(output, asking.dialog.as_ref(), display.dialog_parts());
    }

    fn log_overlay(&self, name: &str, on: bool) {
        self.log(JsonLine::new("overlay").text("name", name).bool("on", on));
    }

    fn log_layout(&self) {
        let picture = self.stream().and_then(|stream| stream.view.size());
        self.log(told::layout(self.display.layout(), picture));
    }

    fn log(&self, line: JsonLine) {
        if self.args.testing.ui_log {
            self.stream().map_or(&self.home.output, |stream| &stream.run.output).print(line);
        }
    }
}

impl Asking {
    fn open(&mut self, stream: usize, asked: Asked, now: Instant) {
        (self.dialog, self.stream) = (Some(Dialog::new(asked.question, now)), stream);
    }
}

/// Where pictures are shown that are fitted into a rectangle.
fn place(rect: Rect) -> Place {
    let side = |length: i32| u16::try_from(length.max(1)).unwrap_or(u16::MAX);
    Place::Within(side(rect.w), side(rect.h))
}

/// Streams of one name are told apart by their servers.
fn name_apart(streams: &mut [Stream<'_>]) {
    let names: Vec<String> = streams.iter().map(|stream| stream.name.clone()).collect();
    for stream in streams {
        let server = server_name(&stream.url);
        if names.iter().filter(|name| **name == stream.name).count() > 1 && server != stream.name {
            stream.name = format!("{} · {server}", stream.name);
        }
    }
}

/// What the title bar says of all streams.
fn wall_name(streams: &[Stream<'_>]) -> String {
    let playing = streams.iter().filter(|stream| stream.model.phase == Phase::Playing).count();
    let all = streams.len();
    if playing == all { format!("{all} streams") } else { format!("{all} streams, {playing} playing") }
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
