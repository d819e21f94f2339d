//! The main thread: takes input, shows the newest picture, and draws what has changed.

use super::canvas::Rect;
use super::layout::{Chrome, Layout, Target};
use super::overlay;
use super::screen::{self, Layer, Screen, sdl_error};
use super::text::Fonts;
use super::theme;
use super::view;
use super::widgets::{self, Pen};
use crate::args::{Args, stream_name, stream_stem};
use crate::decode::{self, Pipeline};
use crate::figures::{self, Figures};
use crate::frame::Picture;
use crate::headless::{open_recorder, uncapitalised};
use crate::json::{Line, Output, Unprinted};
use crate::model::{Button, LONG_STEP, Model, Phase, STEP};
use crate::network::{Command, Limit, Network, Report};
use crate::{client_options, snapshot};
use anyhow::{anyhow, bail};
use sdl2::event::{Event, WindowEvent};
use sdl2::keyboard::{Keycode, Mod};
use sdl2::mouse::{MouseButton, MouseUtil};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long the controls stay in full screen after the mouse has moved.
const CHROME_STAYS: Duration = Duration::from_millis(2500);
/// A turning spinner's steps.
const SPIN: Duration = Duration::from_millis(42);

/// Shows the window until the user has had enough.
///
/// # Errors
/// Where there is no window to be had, or not all that was asked for on the command line has come.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let recorder = open_recorder(args)?;
    let url = args.url();
    let name = stream_name(&url);
    sdl2::hint::set("SDL_RENDER_SCALE_QUALITY", "linear");
    // A compositor that is asked to stand aside makes the screen flicker with each start.
    sdl2::hint::set("SDL_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR", "0");
    let sdl = sdl2::init().map_err(sdl_error("cannot start SDL"))?;
    let video = sdl.video().map_err(sdl_error("cannot use a display"))?;
    screen::ensure_visible(&video)?;
    let mut pump = sdl.event_pump().map_err(sdl_error("cannot take input"))?;
    let (canvas, scale) = screen::open(&video, args, &window_title(&name))?;
    let creator = canvas.texture_creator();
    let screen = Screen::new(canvas, &creator);

    // One event is enough to wake the main thread, however much has come.
    let woken = Arc::new(AtomicBool::new(false));
    let wake = {
        let events = sdl.event().map_err(sdl_error("cannot take input"))?;
        // SAFETY: the number is only used for events without data, which anybody may read.
        let kind = unsafe { events.register_event() }.map_err(sdl_error("cannot take input"))?;
        let (sender, woken) = (Arc::new(events.event_sender()), woken.clone());
        move || {
            if !woken.swap(true, Ordering::AcqRel) {
                let (data1, data2) = (std::ptr::null_mut(), std::ptr::null_mut());
                let event = Event::User { timestamp: 0, window_id: 0, type_: kind, code: 0, data1, data2 };
                let _ = sender.push_event(event);
            }
        }
    };
    let pipeline = Pipeline::new();
    let decoder = decode::spawn(pipeline.clone(), Duration::from_millis(args.slow_decoder), wake.clone());
    let limit = Limit { frames: args.frames, duration: args.duration };
    let network = Network::start(client_options(args), args.patience(), limit, recorder, pipeline.clone(), wake)?;

    let mut app = App::new(args, url, name, pipeline, network, screen, scale, sdl.mouse());
    if !args.wait {
        let command = app.model.start(args.from);
        app.send(command);
    }
    app.log_layout();
    while !app.over {
        let timeout = app.timeout().as_millis().clamp(1, 1000) as u32;
        let first = pump.wait_event_timeout(timeout);
        woken.store(false, Ordering::Release);
        for event in first.into_iter().chain(pump.poll_iter()) {
            app.handle_event(&event);
        }
        app.advance()?;
    }
    app.screen.hide();
    let App { network, pipeline, figures, complete, output, model, .. } = app;
    let live = network.live.clone();
    let outcome = network.finish();
    let _ = decoder.join();
    if args.stats.is_some() {
        let live = live.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let latencies = figures.latencies();
        let line = figures::line("summary", &figures, &live, &pipeline.counters)
            .number("latency_median_ms", latencies.quantile_ms(0.5))
            .number("latency_99_ms", latencies.quantile_ms(0.99))
            .number("latency_worst_ms", latencies.quantile_ms(1.0));
        output.print(line);
    }
    // Whoever watches does not mind that nobody reads along.
    if let Some(Unprinted::Error(error)) = output.failure() {
        bail!(error);
    }
    match outcome.recorded {
        Some(Ok(recorded)) if recorded.missed > 0 => {
            bail!("the disk could not keep up: {} frames are not recorded", recorded.missed)
        }
        Some(Err(error)) => bail!(error),
        _ => match model.phase {
            Phase::Failed { reason } => Err(anyhow!(uncapitalised(&reason))),
            Phase::Reconnecting { reason, .. } if !model.worked => Err(anyhow!(uncapitalised(&reason))),
            _ if (args.frames.is_some() || args.duration.is_some()) && !complete => {
                Err(anyhow!("quit before all was shown"))
            }
            _ => Ok(()),
        },
    }
}

fn window_title(name: &str) -> String {
    format!("{} - {name}", widgets::header::TITLE)
}

struct App<'a, 't> {
    args: &'a Args,
    url: String,
    name: String,
    model: Model,
    figures: Figures,
    statistics: Option<view::Statistics>,
    pipeline: Arc<Pipeline>,
    network: Network,
    picture: Option<Picture>,
    fonts: Fonts,
    cell_widths: Vec<i32>,
    scale: f32,
    layout: Layout,
    screen: Screen<'t>,
    layers: Layers<'t>,
    cursor: MouseUtil,
    /// Where the mouse is, in pixels.
    mouse: Option<(i32, i32)>,
    moved: Instant,
    pressed: Option<Button>,
    /// Seeking with the button held down.
    dragging: Option<f64>,
    fullscreen: bool,
    help: bool,
    show_statistics: bool,
    phase_since: Instant,
    phase: &'static str,
    line_due: Option<Instant>,
    saved: (mpsc::Sender<Saved>, mpsc::Receiver<Saved>),
    dirty: bool,
    complete: bool,
    over: bool,
    output: Output,
}

/// A snapshot's file, or why there is none.
type Saved = Result<String, String>;

/// The window's parts, each drawn anew only when what it shows has changed.
struct Layers<'t> {
    header: Layer<'t, view::Header>,
    progress: Layer<'t, view::Progress>,
    controls: Layer<'t, [view::Look; 4]>,
    status: Layer<'t, Vec<view::Cell>>,
    face: Layer<'t, Option<widgets::face::Arranged>>,
    toast: Layer<'t, Option<String>>,
    statistics: Layer<'t, Option<view::Statistics>>,
    help: Layer<'t, bool>,
}

impl<'a, 't> App<'a, 't> {
    #[allow(clippy::too_many_arguments, reason = "everything the window is made of, once")]
    fn new(
        args: &'a Args,
        url: String,
        name: String,
        pipeline: Arc<Pipeline>,
        network: Network,
        screen: Screen<'t>,
        scale: f32,
        cursor: MouseUtil,
    ) -> Self {
        let mut fonts = Fonts::new();
        let cell_widths = widgets::status::widths(&mut Pen { fonts: &mut fonts, scale });
        let now = Instant::now();
        Self {
            args,
            url,
            name,
            model: Model::new(),
            figures: Figures::default(),
            statistics: None,
            pipeline,
            network,
            picture: None,
            layout: Layout::new(screen.size().0, scale, Chrome::Framed, &cell_widths, view::NEEDED_CELLS),
            fonts,
            cell_widths,
            scale,
            screen,
            layers: Layers {
                header: Layer::new(),
                progress: Layer::new(),
                controls: Layer::new(),
                status: Layer::new(),
                face: Layer::new(),
                toast: Layer::new(),
                statistics: Layer::new(),
                help: Layer::new(),
            },
            cursor,
            mouse: None,
            moved: now,
            pressed: None,
            dragging: None,
            fullscreen: false,
            help: false,
            show_statistics: false,
            phase_since: now,
            phase: "",
            line_due: None,
            saved: mpsc::channel(),
            dirty: true,
            complete: false,
            over: false,
            output: Output::default(),
        }
    }

    fn send(&self, command: Command) {
        self.network.commander().send(command);
    }

    /// When to look again though nothing happens.
    fn timeout(&self) -> Duration {
        let spins = matches!(self.model.phase, Phase::Connecting | Phase::Buffering | Phase::Reconnecting { .. });
        if spins { SPIN } else { figures::INTERVAL / 2 }
    }

    fn handle_event(&mut self, event: &Event) {
        match *event {
            Event::Quit { .. } => self.over = true,
            Event::KeyDown { keycode: Some(key), keymod, repeat, .. } => self.handle_key(key, keymod, repeat),
            Event::TextInput { ref text, .. } if text == "?" => self.toggle_help(),
            Event::MouseMotion { x, y, .. } => self.handle_motion(x, y),
            Event::MouseButtonDown { mouse_btn: MouseButton::Left, clicks, x, y, .. } => {
                self.handle_motion(x, y);
                match self.target() {
                    // What lies under the help cannot be meant.
                    _ if self.help => self.toggle_help(),
                    Target::Button(button) => {
                        self.pressed = Some(button).filter(|&button| self.model.is_enabled(button))
                    }
                    Target::Track(fraction) if self.model.can_seek() => self.dragging = Some(fraction),
                    Target::Video if clicks >= 2 => self.toggle_fullscreen(),
                    _ => {}
                }
            }
            Event::MouseButtonUp { mouse_btn: MouseButton::Left, x, y, .. } => {
                self.handle_motion(x, y);
                let pressed = self.pressed.take();
                if let (Some(button), true) = (pressed, pressed == self.hovered()) {
                    self.press(button);
                }
                if let Some(fraction) = self.dragging.take() {
                    let command = self.model.seek_to(fraction);
                    command.into_iter().for_each(|command| self.send(command));
                }
            }
            Event::Window { win_event, .. } => match win_event {
                WindowEvent::Leave => self.mouse = None,
                WindowEvent::Exposed | WindowEvent::SizeChanged(..) | WindowEvent::Restored => self.dirty = true,
                WindowEvent::Close => self.over = true,
                _ => {}
            },
            Event::RenderTargetsReset { .. } | Event::RenderDeviceReset { .. } => self.redraw_all(),
            _ => {}
        }
    }

    fn handle_key(&mut self, key: Keycode, held: Mod, repeat: bool) {
        let shift = held.intersects(Mod::LSHIFTMOD | Mod::RSHIFTMOD);
        if held.intersects(Mod::LCTRLMOD | Mod::RCTRLMOD | Mod::LALTMOD | Mod::LGUIMOD | Mod::RGUIMOD) {
            return;
        }
        // A key held down seeks on; it does not start and stop.
        match key {
            Keycode::Left | Keycode::Right => {
                let step = if shift { LONG_STEP } else { STEP };
                let command = self.model.seek_by(step, key == Keycode::Right);
                command.into_iter().for_each(|command| self.send(command));
            }
            _ if repeat => {}
            Keycode::Space => {
                let command = self.model.toggle();
                self.perform(command);
            }
            Keycode::S => self.press(Button::Setup),
            Keycode::F => self.toggle_fullscreen(),
            Keycode::P => self.save_snapshot(),
            Keycode::I => {
                self.show_statistics = !self.show_statistics;
                self.log_overlay("statistics", self.show_statistics);
            }
            Keycode::H | Keycode::F1 => self.toggle_help(),
            Keycode::Escape if self.help => self.toggle_help(),
            Keycode::Escape if self.fullscreen => self.toggle_fullscreen(),
            Keycode::Escape | Keycode::Q => self.over = true,
            _ => {}
        }
    }

    fn handle_motion(&mut self, x: i32, y: i32) {
        let (_, ratio) = self.screen.size();
        self.mouse = Some(((x as f32 * ratio) as i32, (y as f32 * ratio) as i32));
        self.moved = Instant::now();
        if let (Some(_), Some((x, _))) = (self.dragging, self.mouse) {
            self.dragging = Some(self.layout.fraction(x));
        }
    }

    fn target(&self) -> Target {
        self.mouse.map_or(Target::Nothing, |(x, y)| self.layout.target(x, y))
    }

    fn hovered(&self) -> Option<Button> {
        match self.target() {
            Target::Button(button) => Some(button),
            _ => None,
        }
    }

    fn press(&mut self, button: Button) {
        let command = self.model.press(button);
        self.perform(command);
    }

    fn perform(&mut self, command: Option<Command>) {
        let Some(command) = command else { return };
        if self.model.phase == Phase::Idle || self.model.phase == Phase::Connecting {
            self.forget_picture();
        }
        self.send(command);
    }

    fn forget_picture(&mut self) {
        self.screen.clear_picture();
        if let Some(picture) = self.picture.take() {
            self.pipeline.recycle(picture);
        }
        self.figures.clear();
    }

    fn toggle_help(&mut self) {
        self.help = !self.help;
        self.log_overlay("help", self.help);
    }

    fn log_overlay(&self, name: &str, on: bool) {
        if self.args.ui_log {
            self.output.print(Line::new("overlay").text("name", name).bool("on", on));
        }
    }

    fn toggle_fullscreen(&mut self) {
        let on = !self.fullscreen;
        if self.screen.set_fullscreen(on) {
            self.fullscreen = on;
            self.moved = Instant::now();
            if self.args.ui_log {
                self.output.print(Line::new("fullscreen").bool("on", on));
            }
        }
    }

    /// Saves what is seen, in a thread of its own: a large PNG takes a while.
    fn save_snapshot(&mut self) {
        let Some(picture) = &self.picture else {
            self.model.show_toast("There is no picture to save yet", Instant::now());
            return;
        };
        let number = self.model.frame.unwrap_or(picture.info.number);
        let path = self.args.snapshot.clone().unwrap_or_else(|| snapshot::new_name(&stream_stem(&self.url), number));
        let (jpeg, sender) = (picture.jpeg.clone(), self.saved.0.clone());
        let save = move || {
            let shown = path.display().to_string();
            // A window that is gone does not want to know.
            let _ = sender.send(snapshot::save(&jpeg, &path).map(|()| shown));
        };
        if let Err(error) = std::thread::Builder::new().name("snapshot".into()).spawn(save) {
            self.model.show_toast(format!("Cannot save the picture: {error}"), Instant::now());
        }
    }

    /// Takes what the other threads have for us, and draws what has changed.
    fn advance(&mut self) -> anyhow::Result<()> {
        let now = Instant::now();
        while let Some(report) = self.network.poll_report() {
            if report == Report::Complete {
                self.complete = true;
            }
            if report == Report::Stopped {
                self.forget_picture();
            }
            self.model.handle_report(report, now);
        }
        while let Ok(saved) = self.saved.1.try_recv() {
            if let (Ok(path), true) = (&saved, self.args.ui_log) {
                self.output.print(Line::new("snapshot").text("path", path));
            }
            let text = saved.map_or_else(|error| crate::network::sentence(&error), |path| format!("Saved {path}"));
            self.model.show_toast(text, now);
        }
        let shown = self.take_picture();
        self.sample(now);
        self.log_phase(now);
        self.arrange(now);
        let changed = self.update_layers(now)?;
        if shown || changed || std::mem::take(&mut self.dirty) {
            self.draw();
            if shown {
                self.handle_shown();
            }
            std::thread::sleep(Duration::from_millis(self.args.slow_display));
        }
        // What was asked for has been received; it is over when it has been shown.
        self.over |= self.complete && self.pipeline.is_settled(self.network.live().frames);
        Ok(())
    }

    /// Whether there is a new picture to be drawn.
    fn take_picture(&mut self) -> bool {
        let Some(picture) = self.pipeline.pictures.take() else { return false };
        // STOP was pressed while this one was under way.
        if self.model.phase == Phase::Idle || !self.screen.set_picture(&picture.pixels, picture.width, picture.height) {
            self.pipeline.recycle(picture);
            return false;
        }
        let number = match (picture.strip, self.model.is_live()) {
            // The test card says which of its frames this is.
            (Some(strip), true) => strip,
            _ => picture.info.number,
        };
        self.model.handle_picture(number, picture.info.position, picture.info.arrived);
        if let Some(before) = self.picture.replace(picture) {
            self.pipeline.recycle(before);
        }
        true
    }

    /// The newest picture is on the screen.
    fn handle_shown(&mut self) {
        let Some(picture) = &self.picture else { return };
        let now = Instant::now();
        // Only of the test card it is certain that its timestamps are those of its making.
        let latency = picture.strip.and_then(|_| picture.info.age(now));
        let local = now.saturating_duration_since(picture.info.arrived);
        self.figures.handle_shown(latency, local);
        if self.args.ui_log {
            let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
            let line = Line::new("shown")
                .int("number", picture.info.number)
                .int("strip", picture.strip.map_or(-1, i128::from))
                .number("position", picture.info.position.map(|position| position.as_secs_f64()))
                .number("latency_ms", latency.map(ms))
                .number("local_ms", ms(local))
                .number("decoding_ms", ms(picture.decoding));
            self.output.print(line);
        }
    }

    fn sample(&mut self, now: Instant) {
        let live = self.network.live();
        let sampled = self.figures.sample(now, &live, &self.pipeline.counters);
        if self.args.stats.is_some() && self.line_due.is_none_or(|due| due <= now) {
            self.line_due = Some(now + Duration::from_secs(1));
            let line = figures::line("statistics", &self.figures, &live, &self.pipeline.counters);
            self.output.print(line.text("phase", self.model.phase.name()));
        }
        if self.show_statistics && (sampled || self.statistics.is_none()) {
            let picture = self.picture.as_ref().map(|picture| (picture.width, picture.height, picture.info.len));
            self.statistics = Some(overlay::statistics(&self.figures, &live, &self.pipeline, picture));
        } else if !self.show_statistics {
            self.statistics = None;
        }
    }

    fn log_phase(&mut self, now: Instant) {
        let phase = self.model.phase.name();
        if phase == self.phase {
            return;
        }
        (self.phase, self.phase_since) = (phase, now);
        if self.args.stats.is_some() || self.args.ui_log {
            let reason = match &self.model.phase {
                Phase::Reconnecting { reason, .. } | Phase::Failed { reason } => reason.as_str(),
                _ => "",
            };
            let mut line = Line::new("phase").text("phase", phase).text("reason", reason);
            for button in Button::ALL {
                line = line.bool(&button.label().to_lowercase(), self.model.is_enabled(button));
            }
            self.output.print(line);
        }
    }

    /// Places everything anew where the window or the controls have changed.
    fn arrange(&mut self, now: Instant) {
        let stays = now.duration_since(self.moved) < CHROME_STAYS || self.dragging.is_some();
        let chrome = match (self.fullscreen, stays || self.model.phase != Phase::Playing) {
            (false, _) => Chrome::Framed,
            (true, true) => Chrome::Overlaid,
            (true, false) => Chrome::Hidden,
        };
        let (size, _) = self.screen.size();
        let layout = Layout::new(size, self.scale, chrome, &self.cell_widths, view::NEEDED_CELLS);
        if layout != self.layout {
            self.cursor.show_cursor(chrome != Chrome::Hidden);
            self.layout = layout;
            self.dirty = true;
            self.log_layout();
        }
    }

    fn log_layout(&self) {
        if !self.args.ui_log {
            return;
        }
        let ints = |rect: Rect| [rect.x, rect.y, rect.w, rect.h];
        let mut line = Line::new("layout")
            .ints("window", &ints(self.layout.window))
            .ints("video", &ints(self.layout.video))
            .ints("track", &ints(self.layout.track))
            .number("scale", f64::from(self.scale));
        if let Some(picture) = &self.picture {
            line = line.ints("picture", &ints(self.layout.fit(picture.width, picture.height)));
        }
        for (button, rect) in Button::ALL.into_iter().zip(self.layout.buttons) {
            line = line.ints(&button.label().to_lowercase(), &ints(rect));
        }
        self.output.print(line);
    }

    /// Draws in memory what has changed; whether anything has.
    fn update_layers(&mut self, now: Instant) -> anyhow::Result<bool> {
        let layout = &self.layout;
        let pointer = match (self.dragging, self.target()) {
            (Some(fraction), _) | (None, Target::Track(fraction)) => Some(fraction),
            _ => None,
        };
        let header = view::Header {
            stream: self.name.clone(),
            badge: self.model.badge(),
            recording: self.args.record.is_some() && self.model.phase == Phase::Playing,
        };
        let held = Some(Duration::from_secs_f64(self.figures.local_ms().unwrap_or_default() / 1000.0));
        let progress = view::progress(&self.model, held, layout.track.w, pointer);
        let looks = view::looks(&self.model, self.hovered(), self.pressed);
        let cells = view::cells(&self.model, &self.figures, self.pipeline.counters.dropped());
        let since = now.duration_since(self.phase_since);
        let face = view::face(&self.model, &self.url, now, since).filter(|_| !self.help);
        let toast = view::toast(&self.model, now);

        let (fonts, scale, screen, layers) = (&mut self.fonts, self.scale, &mut self.screen, &mut self.layers);
        let mut pen = Pen { fonts, scale };
        let margin = layout.px(12);
        let over_picture = self.picture.is_some();
        let face = face.map(|face| widgets::face::arrange(&mut pen, &face, layout.video, over_picture));
        let face_size = face.as_ref().map_or((0, 0), |face| face.size);
        let face_place = layout.video.centred(face_size.0, face_size.1);
        let room = layout.video.shrunk(margin);
        let toast_size = toast.as_ref().map_or((0, 0), |toast| widgets::toast_size(&mut pen, toast, room.w));
        let toast_place = Rect { y: room.y, h: toast_size.1, ..room.centred(toast_size.0, 0) };
        let plan = self.statistics.as_ref().map(|view| overlay::arrange_statistics(&pen, view, room));
        let statistics_size = plan.map_or((0, 0), |plan| plan.size);
        let statistics_place = Rect::new(room.x, room.y, statistics_size.0, statistics_size.1);
        let help_size = if self.help { overlay::help_size(&pen) } else { (0, 0) };
        // In a small window the help lies over the controls too, rather than show half of itself.
        let help_room = if help_size.1 <= room.h { layout.video } else { layout.window };
        let help_place = help_room.centred(help_size.0.min(room.w), help_size.1.min(layout.window.h));

        let clear = theme::BLACK.alpha(0);
        let mut changed = false;
        changed |= screen.update(&mut layers.header, header, layout.header, theme::PANEL, |canvas, view| {
            widgets::header::draw(canvas, &mut pen, view);
        })?;
        let track = layout.track.within(layout.progress);
        changed |=
            screen.update(&mut layers.progress, progress, layout.progress, theme::CONTROL_PANEL, |canvas, view| {
                widgets::progress::draw(canvas, &mut pen, view, track);
            })?;
        let places = layout.buttons.map(|button| button.within(layout.controls));
        changed |=
            screen.update(&mut layers.controls, looks, layout.controls, theme::CONTROL_PANEL, |canvas, looks| {
                widgets::buttons::draw(canvas, &mut pen, looks, &places);
            })?;
        let places: Vec<Rect> = layout.cells.iter().map(|cell| cell.within(layout.status)).collect();
        changed |= screen.update(&mut layers.status, cells, layout.status, theme::PANEL, |canvas, cells| {
            widgets::status::draw(canvas, &mut pen, cells, &places);
        })?;
        changed |= screen.update(&mut layers.face, face, face_place, clear, |canvas, face| {
            face.iter().for_each(|face| widgets::face::draw(canvas, &mut pen, face));
        })?;
        changed |= screen.update(&mut layers.toast, toast, toast_place, clear, |canvas, toast| {
            toast.iter().for_each(|toast| widgets::draw_toast(canvas, &mut pen, toast));
        })?;
        let statistics = self.statistics.clone();
        changed |= screen.update(&mut layers.statistics, statistics, statistics_place, clear, |canvas, view| {
            view.iter().zip(plan).for_each(|(view, plan)| overlay::draw_statistics(canvas, &mut pen, view, &plan));
        })?;
        changed |= screen.update(&mut layers.help, self.help, help_place, clear, |canvas, _| {
            overlay::draw_help(canvas, &mut pen);
        })?;
        Ok(changed)
    }

    fn draw(&mut self) {
        let (layout, screen, layers) = (&self.layout, &mut self.screen, &self.layers);
        screen.clear(if self.fullscreen { theme::BLACK } else { theme::BACKGROUND });
        if let Some(picture) = &self.picture {
            screen.draw_picture(layout.fit(picture.width, picture.height));
            let face = view::face(&self.model, "", Instant::now(), Duration::ZERO);
            if self.help || face.is_some_and(|face| face.dims()) {
                screen.fill(layout.video, theme::DIM);
            }
        }
        screen.draw(&layers.face);
        if !self.help {
            screen.draw(&layers.statistics);
        }
        screen.draw(&layers.header);
        screen.draw(&layers.progress);
        screen.draw(&layers.controls);
        screen.draw(&layers.status);
        screen.draw(&layers.help);
        screen.draw(&layers.toast);
        screen.present();
    }

    /// The graphics card has lost what it was given.
    fn redraw_all(&mut self) {
        self.layers = Layers {
            header: Layer::new(),
            progress: Layer::new(),
            controls: Layer::new(),
            status: Layer::new(),
            face: Layer::new(),
            toast: Layer::new(),
            statistics: Layer::new(),
            help: Layer::new(),
        };
        self.screen.clear_picture();
        if let Some(picture) = &self.picture {
            self.screen.set_picture(&picture.pixels, picture.width, picture.height);
        }
        self.dirty = true;
    }
}
