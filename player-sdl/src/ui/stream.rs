//! A stream in the window: what is played, with its network and its decoder, the state that they have brought it to, and its picture.
//! Nothing here knows where in the window it is shown.

use super::display::Display;
use super::screen::PictureView;
use crate::address::Address;
use crate::args::{stream_name, stream_stem};
use crate::frame::Picture;
use crate::json::JsonLine;
use crate::model::{Button, Model, Phase};
use crate::network::{Order, Report};
use crate::protocol::ProtocolFile;
use crate::record::Recorder;
use crate::run::Run;
use crate::smaller::Place;
use crate::snapshot;
use crate::steps::Step;
use crate::wording::sentence;
use mutoscope_std::client::Goal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub(super) struct Stream<'t> {
    pub(super) address: Address,
    /// As it may be shown to anybody.
    pub(super) url: String,
    /// For the title bar.
    pub(super) name: String,
    pub(super) run: Run,
    pub(super) model: Model,
    /// The picture that is shown.
    picture: Option<Picture>,
    /// When it was last told to play or to connect, until its first picture is shown.
    asked: Option<Instant>,
    pub(super) view: PictureView<'t>,
    /// The phase that was last seen, and since when it has lasted.
    phase: (&'static str, Instant),
    /// Whether all that was asked for on the command line has been received.
    pub(super) complete: bool,
}

impl<'t> Stream<'t> {
    pub(super) fn new(address: Address, run: Run, records: bool, now: Instant) -> Self {
        let url = address.shown.clone();
        let mut model = Model::new();
        model.recording = records;
        Self {
            name: stream_name(&url),
            address,
            url,
            run,
            model,
            picture: None,
            asked: None,
            view: PictureView::default(),
            phase: ("", now),
            complete: false,
        }
    }

    /// Connects and plays without waiting for the user.
    pub(super) fn start(&mut self, from: Option<Duration>) {
        let goal = self.model.start(from);
        self.asked = Some(Instant::now());
        self.run.send(goal);
    }

    pub(super) fn press(&mut self, button: Button) {
        let goal = self.model.press(button);
        self.perform(goal);
    }

    pub(super) fn toggle(&mut self) {
        let goal = self.model.toggle();
        self.perform(goal);
    }

    /// Does what a button of the notice says: try now what is to be tried soon, or stop trying.
    pub(super) fn take_step(&mut self, step: Step) {
        match step {
            Step::TryNow => {
                let goal = self.model.try_now(Instant::now());
                self.perform(goal);
            }
            _ => self.press(Button::Stop),
        }
    }

    pub(super) fn order(&self, orders: impl IntoIterator<Item = Order>) {
        orders.into_iter().for_each(|order| self.run.order(order));
    }

    /// Passes a goal on, and forgets the picture if a new session begins or the old one ends.
    fn perform(&mut self, goal: Option<Goal>) {
        let Some(goal) = goal else { return };
        if self.model.phase == Phase::Idle || self.model.phase == Phase::Connecting {
            self.forget_picture();
        }
        if self.picture.is_none() {
            self.asked = Some(Instant::now());
        }
        self.run.send(goal);
    }

    fn forget_picture(&mut self) {
        self.view.clear();
        self.run.pipeline.forget();
        if let Some(picture) = self.picture.take() {
            self.run.pipeline.recycle(picture);
        }
        self.run.figures.clear();
    }

    pub(super) fn has_picture(&self) -> bool {
        self.picture.is_some()
    }

    /// The picture's width and height in pixels, and the length of its file in bytes.
    pub(super) fn picture_size(&self) -> Option<(usize, usize, usize)> {
        self.picture.as_ref().map(|picture| (picture.whole.0, picture.whole.1, picture.info.len))
    }

    /// Its pictures are shown there.
    pub(super) fn set_place(&self, place: Place) {
        self.run.pipeline.set_place(place);
    }

    /// Takes the next report of the network, and returns it.
    pub(super) fn poll_report(&mut self, now: Instant) -> Option<Report> {
        let report = self.run.network.poll_report()?;
        match &report {
            Report::Complete => self.complete = true,
            Report::Stopped => self.forget_picture(),
            _ => {}
        }
        self.model.handle_report(report.clone(), now);
        Some(report)
    }

    /// Takes the newest picture from the decoder. Returns whether there is one to be drawn.
    pub(super) fn take_picture(&mut self, display: &mut Display<'t>) -> bool {
        let Some(picture) = self.run.pipeline.pictures.take() else { return false };
        // After STOP was pressed, the decoder may still bring a picture, which is not to be shown.
        if self.model.phase == Phase::Idle || !display.set_picture(&mut self.view, &picture) {
            self.run.pipeline.recycle(picture);
            return false;
        }
        let is_same = |before: &Picture| before.info == picture.info;
        if self.picture.as_ref().is_some_and(is_same) {
            // It is only larger or smaller than before.
            self.picture.replace(picture).into_iter().for_each(|before| self.run.pipeline.recycle(before));
            return true;
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

    /// Gives the picture to the graphics card again, which has lost it.
    pub(super) fn restore(&mut self, display: &mut Display<'t>) {
        self.view.clear();
        if let Some(picture) = &self.picture {
            display.set_picture(&mut self.view, picture);
        }
    }

    /// Counts the picture that has just come onto the screen. Returns a line about it, for programs.
    pub(super) fn handle_shown(&mut self) -> Option<JsonLine> {
        let picture = self.picture.as_ref()?;
        let now = Instant::now();
        let ages = picture.ages(now);
        if picture.is_fresh {
            self.run.figures.handle_shown(ages.latency, ages.local);
            let waited = self.asked.take().map(|asked| now.saturating_duration_since(asked));
            waited.into_iter().for_each(|waited| self.run.figures.handle_first(waited));
        }
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let line = JsonLine::new("shown")
            .int("number", picture.info.number)
            .int("strip", picture.strip.map_or(-1, i128::from))
            .number("position", picture.info.position.map(|position| position.as_secs_f64()))
            .number("latency_ms", ages.latency.map(ms))
            .number("local_ms", ms(ages.local))
            .number("decoding_ms", ms(picture.decoding))
            .int("width", picture.width as i128)
            .bool("fresh", picture.is_fresh);
        Some(line)
    }

    /// Whether all that was asked for has been received and shown.
    pub(super) fn is_over(&self) -> bool {
        self.complete && self.run.pipeline.is_settled(self.run.network.live().frames)
    }

    /// Takes note of the phase. Returns whether it is a new one.
    pub(super) fn note_phase(&mut self, now: Instant) -> bool {
        let phase = self.model.phase.name();
        let is_new = phase != self.phase.0;
        if is_new {
            self.phase = (phase, now);
        }
        is_new
    }

    /// How long the present phase has lasted.
    pub(super) fn phase_age(&self, now: Instant) -> Duration {
        now.duration_since(self.phase.1)
    }

    /// Begins to record into a new file, or ends it. Returns a line about it, for programs.
    pub(super) fn toggle_recording(&mut self, now: Instant) -> Option<JsonLine> {
        if self.model.recording {
            self.model.recording = false;
            self.run.network.commander().record(None);
            return Some(JsonLine::new("recording").bool("on", false));
        }
        let path = snapshot::new_film_name(&stream_stem(&self.url));
        match Recorder::create(&path) {
            Ok(recorder) => {
                self.model.recording = true;
                self.run.network.commander().record(Some(recorder));
                self.model.show_toast(format!("Recording to {}", path.display()), now);
                Some(JsonLine::new("recording").bool("on", true).text("path", &path.display().to_string()))
            }
            Err(error) => {
                self.model.show_toast(format!("Cannot write {}: {error}", path.display()), now);
                None
            }
        }
    }

    /// Writes what was said and heard into a new file. Returns a line about it, for programs.
    pub(super) fn save_protocol(&mut self, now: Instant) -> Option<JsonLine> {
        let path = snapshot::new_text_name(&stream_stem(&self.url));
        let saved = ProtocolFile::create(&path).map_err(|error| format!("{error:#}"));
        let saved = saved.and_then(|file| file.of(&self.url).write(&self.run.protocol));
        match saved {
            Ok(()) => {
                self.model.show_toast(format!("Saved {}", path.display()), now);
                Some(JsonLine::new("protocol").text("path", &path.display().to_string()))
            }
            Err(error) => {
                self.model.show_toast(sentence(&error), now);
                None
            }
        }
    }

    /// What the picture is saved as: the file that the user has named, or a new one, and the JPEG file itself.
    pub(super) fn snapshot(&self, named: Option<&PathBuf>) -> Option<(PathBuf, mutoscope_std::client::Jpeg)> {
        let picture = self.picture.as_ref()?;
        let number = self.model.frame.unwrap_or(picture.info.number);
        let path = named.cloned().unwrap_or_else(|| snapshot::new_name(&stream_stem(&self.url), number));
        Some((path, picture.jpeg.clone()))
    }
}
