//! The protocol pane: what the player and the server say to each other, beside the picture, and a bad network to try out.
//!
//! [`Pane`] is what the user has chosen and looks at; `plan` places its parts, `rows` are its lists, `sliders` the network, and `draw` and
//! `plots` draw a [`View`], without SDL. What there is to show is the [record](crate::protocol) of the stream.

mod draw;
mod plan;
mod plots;
mod rows;
mod sliders;
#[cfg(test)]
mod tests;

use crate::protocol::{Packet, Protocol, Record, packets_text};
use mutoscope_std::client::Impairments;
use rows::{Entry, List};
use sdl2::event::Event as SdlEvent;
use sdl2::keyboard::{Keycode, Mod};
use sdl2::mouse::{MouseButton, MouseWheelDirection};
use sliders::Sliders;
use std::rc::Rc;
use std::time::{Duration, Instant};

pub(crate) use draw::draw;
pub(crate) use plan::{Part, Plan, Tab, width};
pub(crate) use plots::Plots;
pub(crate) use rows::{Explained, Row, Scroll};
pub(crate) use sliders::Slider;

/// The pane shows something new so often.
const INTERVAL: Duration = Duration::from_millis(125);
/// The wheel goes so many rows.
const WHEEL: isize = 3;

/// What the user has done to the pane that others have to carry out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Done {
    /// The pane has taken it.
    Nothing,
    /// The network is to be like this.
    Impair(Impairments),
    Press(Part),
}

/// What the pane shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) plan: Plan,
    pub(crate) rows: Vec<Row>,
    pub(crate) scroll: Scroll,
    /// What is said where there are no rows.
    pub(crate) nothing: &'static str,
    pub(crate) plots: Option<Plots>,
    pub(crate) sliders: Vec<Slider>,
    pub(crate) explained: Option<Explained>,
    /// A line in the place of the names of columns.
    pub(crate) note: String,
}

/// The pane, and what the user does with it.
#[derive(Debug)]
pub(crate) struct Pane {
    is_open: bool,
    tab: Tab,
    /// Of messages, packets and reports.
    lists: [List; 3],
    /// The packets that are looked at while others come.
    held: Option<Vec<Packet>>,
    sliders: Sliders,
    /// The mouse drags the knob of the selected slider.
    drags: bool,
    /// The explanation covers the pane, where there is no room beside the list.
    explains: bool,
    mouse: (i32, i32),
    /// When something new is shown.
    due: Instant,
    /// The user has changed what is to be shown.
    stale: bool,
    view: Option<Rc<View>>,
}

impl Pane {
    /// A closed one. `start`: what the network is like.
    pub(crate) fn new(start: Impairments, now: Instant) -> Self {
        Self {
            is_open: false,
            tab: Tab::default(),
            lists: Default::default(),
            held: None,
            sliders: Sliders::new(start),
            drags: false,
            explains: false,
            mouse: (-1, -1),
            due: now,
            stale: true,
            view: None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    pub(crate) fn tab(&self) -> Tab {
        self.tab
    }

    /// Opens it, or closes it.
    pub(crate) fn toggle(&mut self) {
        (self.is_open, self.explains, self.drags) = (!self.is_open, false, false);
        self.refresh();
    }

    /// Opens it at the network, or closes it where that is shown.
    pub(crate) fn toggle_network(&mut self) {
        if self.is_open && self.tab == Tab::Network {
            self.toggle();
        } else {
            self.is_open = true;
            self.show(Tab::Network);
        }
    }

    /// Closes what lies over it. Returns whether there was anything.
    pub(crate) fn close_explanation(&mut self) -> bool {
        self.refresh();
        std::mem::take(&mut self.explains)
    }

    /// Whether the list of the present tab shows what comes.
    pub(crate) fn follows(&self) -> bool {
        self.list_at().is_none_or(|at| self.lists[at].follows())
    }

    /// What it shows at present; `None` while it is closed.
    pub(crate) fn view(&self) -> Option<Rc<View>> {
        self.view.clone()
    }

    /// When it has something new to show, if it is shown.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.view.as_ref().map(|_| self.due)
    }

    /// Carries out what is to be done to the pane itself.
    pub(crate) fn press(&mut self, part: Part) -> Done {
        self.refresh();
        match part {
            Part::Tab(tab) => self.show(tab),
            Part::Close => self.toggle(),
            Part::Follow => self.follow(),
            Part::Reset => {
                self.sliders.reset_all();
                return Done::Impair(self.sliders.now);
            }
            Part::Copy | Part::Save => return Done::Press(part),
        }
        Done::Nothing
    }

    fn show(&mut self, tab: Tab) {
        (self.tab, self.explains, self.drags) = (tab, false, false);
        self.refresh();
    }

    fn follow(&mut self) {
        self.held = None;
        if let Some(at) = self.list_at() {
            self.lists[at].follow();
        }
    }

    fn refresh(&mut self) {
        self.stale = true;
    }

    fn list_at(&self) -> Option<usize> {
        match self.tab {
            Tab::Rtsp => Some(0),
            Tab::Rtp => Some(1),
            Tab::Rtcp => Some(2),
            Tab::Network => None,
        }
    }

    /// Brings what is shown up to date, if that is due or the pane has another place.
    pub(crate) fn update(&mut self, now: Instant, plan: Option<&Plan>, protocol: Option<&Protocol>) {
        let (Some(plan), true) = (plan, self.is_open) else {
            self.view = None;
            return;
        };
        let is_due = std::mem::take(&mut self.stale) || self.due <= now;
        if !is_due && self.view.as_ref().is_some_and(|view| view.plan == *plan) {
            return;
        }
        self.due = now + INTERVAL;
        let nobody = Record::default();
        let mut record = protocol.map(Protocol::lock);
        if let Some(record) = &mut record {
            record.settle(now);
        }
        let record = record.as_deref().unwrap_or(&nobody);
        self.hold(record);
        let view = self.look(plan, record);
        self.view = Some(Rc::new(view));
    }

    /// Keeps the packets that are looked at.
    fn hold(&mut self, record: &Record) {
        if self.lists[1].follows() {
            self.held = None;
        } else if self.held.is_none() {
            self.held = Some(record.media().packets().iter().cloned().collect());
        }
    }

    fn look(&mut self, plan: &Plan, record: &Record) -> View {
        let held = self.held.take();
        let (at, fit) = (self.list_at(), plan.rows());
        let entries = entries(self.tab, record, held.as_deref());
        let (rows, scroll) = at.map_or_else(Default::default, |at| self.lists[at].rows(&entries, fit));
        let explained = match at.map(|at| self.lists[at].selected) {
            Some(Some((number, line))) => {
                entries.iter().find(|entry| entry.number() == number).map(|entry| entry.explain(line))
            }
            Some(None) => None,
            None => Some(self.explain_network(record)),
        };
        self.explains &= explained.is_some();
        let explained = explained.filter(|_| self.explains || !plan.is_explanation_over);
        self.held = held;
        // A slider that is out of sight is shown when it is selected.
        let shown = self.sliders.shown();
        let first = (self.sliders.selected + 1).saturating_sub(fit.max(1));
        let sliders = if at.is_none() { shown.into_iter().skip(first).take(fit).collect() } else { Vec::new() };
        let has_plots = plan.plots.iter().any(|plot| !plot.is_empty());
        View {
            plan: plan.clone(),
            rows,
            scroll,
            nothing: nothing(self.tab),
            plots: has_plots.then(|| Plots::new(record.media())),
            sliders,
            explained,
            note: self.note(record),
        }
    }

    /// What is said above the list.
    fn note(&self, record: &Record) -> String {
        match self.tab {
            Tab::Network if record.is_interleaved() => "Over TCP nothing happens to packets".into(),
            Tab::Network => "What happens to packets over UDP".into(),
            _ => String::new(),
        }
    }

    fn explain_network(&self, record: &Record) -> Explained {
        let evil = self.sliders.evil();
        let text = if record.is_interleaved() {
            "Media come within the connection here, where TCP repeats what is lost. Play with --transport udp to try out a bad network."
        } else {
            evil.text()
        };
        let bits = "Left and Right change it, Home resets it".into();
        Explained { title: evil.name().into(), bits, section: String::new(), text: text.into() }
    }

    /// The text of what is shown, to be copied.
    pub(crate) fn text(&self, protocol: &Protocol, url: &str) -> String {
        let record = protocol.lock();
        match (self.tab, &self.held) {
            (Tab::Rtsp, _) => record.messages_text(),
            (Tab::Rtp, Some(held)) => packets_text(held.iter(), &record),
            (Tab::Rtp, None) => packets_text(record.media().packets().iter(), &record),
            (Tab::Rtcp, _) => record.reports_text(),
            (Tab::Network, _) => record.text(url),
        }
    }
}

/// What a list has entries of.
fn entries<'r>(tab: Tab, record: &'r Record, held: Option<&'r [Packet]>) -> Vec<&'r dyn Entry> {
    match tab {
        Tab::Rtsp => record.messages().iter().map(|message| message as &dyn Entry).collect(),
        Tab::Rtp => match held {
            Some(held) => held.iter().map(|packet| packet as &dyn Entry).collect(),
            None => record.media().packets().iter().map(|packet| packet as &dyn Entry).collect(),
        },
        Tab::Rtcp => record.reports().iter().map(|report| report as &dyn Entry).collect(),
        Tab::Network => Vec::new(),
    }
}

const fn nothing(tab: Tab) -> &'static str {
    match tab {
        Tab::Rtsp => "Nothing has been said yet",
        Tab::Rtp => "No packet has come yet",
        Tab::Rtcp => "No report has come or gone yet",
        Tab::Network => "",
    }
}

/// What the user does with the pane by mouse and keyboard.
impl Pane {
    /// Takes an event of SDL's. `None`: it is not the pane's. `has_focus`: whether keys go to a control.
    pub(crate) fn handle_event(
        &mut self,
        event: &SdlEvent,
        (plan, scale, ratio): (&Plan, f32, f32),
        protocol: Option<&Protocol>,
        has_focus: bool,
    ) -> Option<Done> {
        let pixels = |units: i32| (units as f32 * ratio) as i32;
        match *event {
            SdlEvent::KeyDown { keycode: Some(key), keymod, .. } => {
                self.press_key(key, keymod, (plan, protocol), has_focus)
            }
            SdlEvent::MouseMotion { x, y, .. } => {
                self.mouse = (pixels(x), pixels(y));
                if self.drags { Some(self.drag(plan, scale)) } else { None }
            }
            SdlEvent::MouseButtonDown { mouse_btn: MouseButton::Left, x, y, .. } => {
                self.mouse = (pixels(x), pixels(y));
                self.click(plan, scale)
            }
            SdlEvent::MouseButtonUp { mouse_btn: MouseButton::Left, .. } => {
                std::mem::take(&mut self.drags).then_some(Done::Nothing)
            }
            SdlEvent::MouseWheel { y, direction, .. } if plan.rect.contains(self.mouse.0, self.mouse.1) => {
                let rows = if direction == MouseWheelDirection::Flipped { y } else { -y };
                self.scroll(rows as isize * WHEEL, plan, protocol);
                Some(Done::Nothing)
            }
            _ => None,
        }
    }

    /// Does something with the present list, if there is one.
    fn with_list(&mut self, protocol: Option<&Protocol>, change: impl FnOnce(&mut List, &[&dyn Entry])) {
        let (Some(at), Some(protocol)) = (self.list_at(), protocol) else { return };
        let record = protocol.lock();
        let held = self.held.take();
        change(&mut self.lists[at], &entries(self.tab, &record, held.as_deref()));
        self.held = held;
        self.hold(&record);
        self.refresh();
    }

    fn scroll(&mut self, by: isize, plan: &Plan, protocol: Option<&Protocol>) {
        if self.tab == Tab::Network {
            self.step(by.signum(), plan, protocol);
        } else {
            self.with_list(protocol, |list, entries| list.scroll(by, entries, plan.rows()));
        }
    }

    fn step(&mut self, by: isize, plan: &Plan, protocol: Option<&Protocol>) {
        if self.tab == Tab::Network {
            let last = sliders::Evil::ALL.len() - 1;
            self.sliders.selected = self.sliders.selected.saturating_add_signed(by).min(last);
            self.refresh();
        } else {
            self.with_list(protocol, |list, entries| list.step(by, entries, plan.rows()));
        }
    }

    fn press_key(
        &mut self,
        key: Keycode,
        held: Mod,
        (plan, protocol): (&Plan, Option<&Protocol>),
        has_focus: bool,
    ) -> Option<Done> {
        if held.intersects(Mod::LALTMOD | Mod::RALTMOD | Mod::LGUIMOD | Mod::RGUIMOD) {
            return None;
        }
        if held.intersects(Mod::LCTRLMOD | Mod::RCTRLMOD) {
            return match key {
                Keycode::C => Some(Done::Press(Part::Copy)),
                Keycode::S => Some(Done::Press(Part::Save)),
                _ => None,
            };
        }
        let page = plan.rows().saturating_sub(1).max(1) as isize;
        let on_network = self.tab == Tab::Network;
        match key {
            Keycode::Up => self.step(-1, plan, protocol),
            Keycode::Down => self.step(1, plan, protocol),
            Keycode::PageUp => self.scroll(-page, plan, protocol),
            Keycode::PageDown => self.scroll(page, plan, protocol),
            Keycode::Left | Keycode::Right if on_network => self.sliders.step(key == Keycode::Right),
            Keycode::Home if on_network => self.sliders.reset(),
            Keycode::Return | Keycode::KpEnter if !has_focus && !on_network => {
                let at = self.list_at().filter(|at| self.lists[*at].selected.is_some())?;
                if self.explains {
                    self.explains = false;
                } else {
                    self.lists[at].toggle();
                    self.explains = plan.is_explanation_over;
                }
            }
            _ => return None,
        }
        self.refresh();
        let changes = on_network && matches!(key, Keycode::Left | Keycode::Right | Keycode::Home);
        Some(if changes { Done::Impair(self.sliders.now) } else { Done::Nothing })
    }

    fn click(&mut self, plan: &Plan, scale: f32) -> Option<Done> {
        let (x, y) = self.mouse;
        if !plan.rect.contains(x, y) {
            return None;
        }
        if self.close_explanation() {
            return Some(Done::Nothing);
        }
        if plan.parts.iter().any(|part| part.contains(x, y)) {
            return None;
        }
        let Some(row) = plan.row_at(x, y) else { return Some(Done::Nothing) };
        match self.list_at() {
            None => {
                let first = (self.sliders.selected + 1).saturating_sub(plan.rows().max(1));
                self.sliders.selected = (first + row).min(sliders::Evil::ALL.len() - 1);
                // Left of the line is the name.
                let track = plan.track(row, scale);
                if x >= track.x - track.h / 2 {
                    self.drags = true;
                    return Some(self.drag(plan, scale));
                }
            }
            Some(at) => {
                let rows = self.view.as_ref().map_or(&[][..], |view| &view.rows);
                let (Some(clicked), Some(first)) = (rows.get(row), rows.first()) else { return Some(Done::Nothing) };
                let was_selected = self.lists[at].selected == Some(clicked.id);
                self.lists[at].select(clicked.id, Some(first.id));
                self.lists[at].toggle();
                // A second click goes back to the list.
                self.explains = plan.is_explanation_over && !was_selected;
            }
        }
        Some(Done::Nothing)
    }

    fn drag(&mut self, plan: &Plan, scale: f32) -> Done {
        let track = plan.track(0, scale);
        self.sliders.drag((self.mouse.0 - track.x) as f32 / track.w as f32);
        self.refresh();
        Done::Impair(self.sliders.now)
    }
}
