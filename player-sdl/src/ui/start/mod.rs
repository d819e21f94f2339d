//! The start page: where somebody says what is to be played, by typing, pasting, or choosing what was played lately or what servers of the
//! network have. `plan` says what is shown and where, `draw` draws it, `dropped` reads what is dragged onto the window.

mod draw;
pub(super) mod dropped;
mod plan;

pub(crate) use draw::draw;
pub(crate) use plan::{Items, Part, Plan, View, arrange};

use super::canvas::Rect;
use super::dialog::field::{Field, Move};
use crate::address::Address;
use crate::args::stream_name;
use crate::servers::{Found, Server};
use crate::wording::readable;
use plan::{Group, Row};
use sdl2::event::Event as SdlEvent;
use sdl2::keyboard::{Keycode, Mod};
use sdl2::mouse::{MouseButton, MouseWheelDirection};
use std::time::{Duration, Instant};

/// How long the caret is seen, and then not.
const BLINK: Duration = Duration::from_millis(530);
/// The most bytes of an address.
const LONGEST: usize = 1024;
/// How far the page moves by a step of the wheel, in pixels of the design.
const WHEEL: i32 = 56;
/// How many entries Page Up and Page Down go.
const LEAP: usize = 5;
/// How long servers are listened for before it is said that there are none.
const HEARING: Duration = Duration::from_secs(3);

/// What the user asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    Open(Address),
    /// What was played is not to be listed any more.
    Forget(String),
    /// Leave the page.
    Back,
    Quit,
    ToggleHelp,
    ToggleFullscreen,
}

/// What an event means, the page has to know besides.
pub(crate) struct Context<'a> {
    /// The places of its parts, in pixels of the window.
    pub(crate) parts: &'a [(Part, Rect)],
    /// How many pixels of the window one of the mouse's units is, and a pixel of the design.
    pub(crate) pixel_ratio: f32,
    pub(crate) scale: f32,
    pub(crate) clipboard: &'a dyn Fn() -> Option<String>,
}

/// What the page has, and where mouse and keyboard are.
#[derive(Debug)]
pub(crate) struct Page {
    field: Field,
    complaint: Option<String>,
    /// What was played lately.
    recent: Vec<String>,
    servers: Found,
    focus: Part,
    /// In pixels of the window.
    mouse: Option<(i32, i32)>,
    pressed: Option<Part>,
    /// How many pixels of the list are above what is seen of it.
    scroll: i32,
    /// What has the focus is to be seen.
    follows: bool,
    /// Whether there is something to go back to.
    has_way_back: bool,
    /// The key that has led here still types its character, which is not meant for the field.
    is_key_open: bool,
    opened: Instant,
    /// When a key was last pressed: then the caret is seen.
    touched: Instant,
}

/// What programs are told of the page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) parts: Vec<(Part, Rect)>,
    pub(crate) focus: String,
    pub(crate) complaint: String,
    /// How many characters are in the field.
    pub(crate) typed: usize,
    /// What the entries are called.
    pub(crate) titles: Vec<String>,
    /// What is said of the network.
    pub(crate) network: String,
}

impl Page {
    pub(crate) fn new(recent: &[String], has_way_back: bool, now: Instant) -> Self {
        Self {
            field: Field::with_room(LONGEST),
            complaint: None,
            recent: recent.to_vec(),
            servers: Ok(Vec::new()),
            focus: Part::Field,
            mouse: None,
            pressed: None,
            scroll: 0,
            follows: false,
            has_way_back,
            is_key_open: false,
            opened: now,
            touched: now,
        }
    }

    /// Leaves out the character of the key that has led here.
    pub(crate) fn swallow_key(&mut self) {
        self.is_key_open = true;
    }

    /// Writes an address into the field, as if it had been typed there.
    pub(crate) fn suggest(&mut self, text: &str) {
        self.field.clear();
        self.field.insert(text.trim());
        (self.focus, self.complaint) = (Part::Field, None);
    }

    /// Says below the field what does not work.
    pub(crate) fn complain(&mut self, why: impl Into<String>) {
        self.complaint = Some(why.into());
        self.focus = Part::Field;
    }

    /// Lists these as played lately. What has the focus keeps its place in the list.
    pub(crate) fn set_recent(&mut self, recent: &[String]) {
        self.recent = recent.to_vec();
        self.pressed = None;
        if let Part::Recent(at) = self.focus {
            self.focus = match self.recent.len() {
                0 => Part::Field,
                count => Part::Recent(at.min(count - 1)),
            };
        }
    }

    /// Lists these servers. What has the focus or is being pressed stays what it is, wherever it is now.
    pub(crate) fn set_servers(&mut self, servers: Found) {
        let urls = |found: &Found| -> Vec<String> { streams(found).map(|stream| stream.url.clone()).collect() };
        let (before, after) = (urls(&self.servers), urls(&servers));
        let moved = |part: Part| match part {
            Part::Stream(at) => {
                let url = before.get(at)?;
                after.iter().position(|other| other == url).map(Part::Stream)
            }
            part => Some(part),
        };
        self.pressed = self.pressed.and_then(moved);
        self.focus = moved(self.focus).unwrap_or(Part::Field);
        self.servers = servers;
    }

    /// Takes note of how far down the page is, which knows no more than its plan.
    pub(crate) fn settle(&mut self, scroll: i32) {
        (self.scroll, self.follows) = (scroll, false);
    }

    /// Takes an event of SDL's. Returns what the user asks for by it.
    pub(crate) fn handle_event(&mut self, event: &SdlEvent, now: Instant, context: &Context<'_>) -> Option<Request> {
        match *event {
            SdlEvent::KeyDown { keycode: Some(key), keymod, repeat, .. } => {
                (self.touched, self.is_key_open) = (now, false);
                self.handle_key(key, keymod, repeat, context)
            }
            SdlEvent::TextInput { .. } if std::mem::take(&mut self.is_key_open) => None,
            SdlEvent::TextInput { ref text, .. } => {
                self.touched = now;
                self.handle_text(text);
                None
            }
            SdlEvent::MouseMotion { x, y, .. } => {
                self.mouse = Some(context.pixels(x, y));
                None
            }
            SdlEvent::MouseButtonDown { mouse_btn: MouseButton::Left, x, y, .. } => {
                self.mouse = Some(context.pixels(x, y));
                self.pressed = context.part_at(self.mouse);
                if let Some(part @ (Part::Field | Part::Recent(_) | Part::Stream(_))) = self.pressed {
                    (self.focus, self.touched) = (part, now);
                }
                None
            }
            SdlEvent::MouseButtonUp { mouse_btn: MouseButton::Left, x, y, .. } => {
                self.mouse = Some(context.pixels(x, y));
                // It counts only if the mouse has not left it in the meantime.
                let part = self.pressed.take().filter(|&part| context.part_at(self.mouse) == Some(part))?;
                self.choose(part)
            }
            SdlEvent::MouseWheel { y, direction, .. } => {
                let steps = if direction == MouseWheelDirection::Flipped { -y } else { y };
                let step = (WHEEL as f32 * context.scale) as i32;
                self.scroll = self.scroll.saturating_sub(steps.saturating_mul(step)).max(0);
                None
            }
            _ => None,
        }
    }

    fn handle_key(&mut self, key: Keycode, held: Mod, repeat: bool, context: &Context<'_>) -> Option<Request> {
        let is_control = held.intersects(Mod::LCTRLMOD | Mod::RCTRLMOD | Mod::LGUIMOD | Mod::RGUIMOD);
        let is_shift = held.intersects(Mod::LSHIFTMOD | Mod::RSHIFTMOD);
        let is_typing = self.focus == Part::Field;
        match key {
            Keycode::Escape if !repeat => return self.handle_escape(),
            Keycode::Return | Keycode::KpEnter if !repeat => return self.choose(self.focus),
            Keycode::Space if !repeat && !is_typing => return self.choose(self.focus),
            Keycode::F1 if !repeat => return Some(Request::ToggleHelp),
            Keycode::F11 if !repeat => return Some(Request::ToggleFullscreen),
            Keycode::Q if is_control => return Some(Request::Quit),
            Keycode::Delete if !is_typing => {
                let Part::Recent(at) = self.focus else { return None };
                return self.choose(Part::Remove(at));
            }
            Keycode::V if is_control => self.paste(context),
            Keycode::Insert if is_shift => self.paste(context),
            Keycode::Tab => self.step(&self.order(true), if is_shift { -1 } else { 1 }, true),
            Keycode::Down => self.step(&self.order(false), 1, false),
            Keycode::Up => self.step(&self.order(false), -1, false),
            Keycode::PageDown => self.step(&self.order(false), LEAP as isize, false),
            Keycode::PageUp => self.step(&self.order(false), -(LEAP as isize), false),
            _ if is_typing => self.edit(key, is_control),
            _ => {}
        }
        None
    }

    /// What is typed goes into the field, wherever the focus is.
    fn handle_text(&mut self, text: &str) {
        if self.focus != Part::Field {
            // The space bar has pressed what has the focus.
            if text.trim().is_empty() {
                return;
            }
            self.focus = Part::Field;
            self.field.go(Move::End);
        }
        self.field.insert(text);
        self.complaint = None;
    }

    /// Leaves the entry that has the focus, then what is typed, and then the page.
    fn handle_escape(&mut self) -> Option<Request> {
        if self.focus != Part::Field {
            self.focus = Part::Field;
            self.follows = true;
            return None;
        }
        if self.field.is_empty() && self.complaint.is_none() {
            return Some(Request::Back);
        }
        self.field.clear();
        self.complaint = None;
        None
    }

    fn edit(&mut self, key: Keycode, is_control: bool) {
        let before = self.field.text().len();
        match key {
            Keycode::U | Keycode::Backspace if is_control => self.field.clear(),
            Keycode::Backspace => self.field.backspace(),
            Keycode::Delete => self.field.delete(),
            Keycode::Left => self.field.go(Move::Left),
            Keycode::Right => self.field.go(Move::Right),
            Keycode::Home => self.field.go(Move::Home),
            Keycode::End => self.field.go(Move::End),
            _ => {}
        }
        if self.field.text().len() != before {
            self.complaint = None;
        }
    }

    /// A whole address takes the place of what was typed, and everything does where the focus is elsewhere.
    fn paste(&mut self, context: &Context<'_>) {
        let Some(text) = (context.clipboard)() else { return };
        if self.focus == Part::Field && !Address::is_likely(&text) {
            self.field.insert(text.trim());
            self.complaint = None;
        } else {
            self.suggest(&text);
        }
    }

    fn choose(&mut self, part: Part) -> Option<Request> {
        match part {
            Part::Field | Part::Open => self.open(Address::typed(self.field.text())),
            Part::Recent(at) => self.open(Address::typed(self.recent.get(at)?)),
            Part::Stream(at) => {
                let stream = streams(&self.servers).nth(at).cloned()?;
                self.open(Address::typed(&stream.url))
            }
            Part::Remove(at) => self.recent.get(at).cloned().map(Request::Forget),
            Part::Back => Some(Request::Back),
        }
    }

    fn open(&mut self, address: Result<Address, String>) -> Option<Request> {
        match address {
            Ok(address) => Some(Request::Open(address)),
            Err(why) => {
                self.complain(why);
                None
            }
        }
    }

    /// The parts that keys go to, in their order. `all`: with the buttons, which the arrows pass.
    fn order(&self, all: bool) -> Vec<Part> {
        let buttons = |part: Part, is_there: bool| (all && is_there).then_some(part);
        let mut order = vec![Part::Field];
        order.extend(buttons(Part::Open, true));
        order.extend((0..self.recent.len()).map(Part::Recent));
        order.extend((0..streams(&self.servers).count()).map(Part::Stream));
        order.extend(buttons(Part::Back, self.has_way_back));
        order
    }

    /// Moves the focus by so many parts, round and round or up to the ends.
    fn step(&mut self, order: &[Part], by: isize, goes_round: bool) {
        let count = order.len() as isize;
        let at = order.iter().position(|&part| part == self.focus).unwrap_or(0) as isize;
        let to = if goes_round { (at + by).rem_euclid(count) } else { (at + by).clamp(0, count - 1) };
        if let Some(&part) = order.get(to as usize) {
            (self.focus, self.follows) = (part, true);
        }
    }

    /// What is to be shown now.
    pub(crate) fn view(&self, now: Instant) -> View {
        let blinks = now.saturating_duration_since(self.touched).as_millis() / BLINK.as_millis();
        let recent = self.recent.iter().map(|url| Row { title: stream_name(url), detail: readable(url) });
        let listed = self.servers.as_deref().unwrap_or_default();
        let is_early = now.saturating_duration_since(self.opened) < HEARING;
        let network = match &self.servers {
            Err(why) => why.clone(),
            Ok(servers) if !servers.is_empty() => String::new(),
            Ok(_) if is_early => "Listening for servers…".to_owned(),
            Ok(_) => "No server has told of itself so far. Ours do with --announce, and many cameras do by themselves."
                .to_owned(),
        };
        View {
            text: self.field.text().to_owned(),
            caret: self.field.caret(),
            shows_caret: blinks.is_multiple_of(2),
            complaint: self.complaint.clone(),
            recent: recent.collect(),
            groups: listed.iter().map(group).collect(),
            network,
            focus: self.focus,
            mouse: self.mouse,
            pressed: self.pressed,
            scroll: self.scroll,
            follows: self.follows,
            has_way_back: self.has_way_back,
        }
    }

    /// What programs are told. Nothing of what is typed is in it.
    pub(crate) fn told(&self, parts: &[(Part, Rect)], view: &View) -> Told {
        let rows = view.recent.iter().chain(view.groups.iter().flat_map(|group| &group.rows));
        Told {
            parts: parts.to_vec(),
            focus: self.focus.name(),
            complaint: view.complaint.clone().unwrap_or_default(),
            typed: view.text.chars().count(),
            titles: rows.map(|row| row.title.clone()).collect(),
            network: view.network.clone(),
        }
    }
}

/// All streams of all servers, in the order in which they are listed.
fn streams(found: &Found) -> impl Iterator<Item = &crate::servers::Listed> {
    found.iter().flatten().flat_map(|server| &server.streams)
}

fn group(server: &Server) -> Group {
    let row = |stream: &crate::servers::Listed| {
        let detail = if stream.about.is_empty() { readable(&stream.url) } else { stream.about.clone() };
        Row { title: stream.name.clone(), detail }
    };
    Group {
        title: server.name.clone(),
        detail: if server.name == server.place { String::new() } else { server.place.clone() },
        rows: server.streams.iter().map(row).collect(),
        note: server.note.clone(),
    }
}

impl Context<'_> {
    fn pixels(&self, x: i32, y: i32) -> (i32, i32) {
        let pixels = |units: i32| (units as f32 * self.pixel_ratio) as i32;
        (pixels(x), pixels(y))
    }

    fn part_at(&self, mouse: Option<(i32, i32)>) -> Option<Part> {
        plan::part_at(self.parts, mouse)
    }
}

#[cfg(test)]
mod tests;
