//! The dialog that asks for a password, or about a certificate: what is typed and chosen, and what comes of it. `field` is a line
//! of text, `plan` says what is shown and where, `draw` draws it.

mod draw;
pub(crate) mod field;
mod plan;

pub(crate) use draw::draw;
pub(crate) use plan::{Part, Plan, View, arrange};

use super::canvas::Rect;
use crate::wording::sentence;
use field::{Field, Move};
use mutoscope_std::client::{Answer, Question};
use plan::{FieldView, Tone};
use sdl2::event::Event as SdlEvent;
use sdl2::keyboard::{Keycode, Mod};
use sdl2::mouse::MouseButton;
use std::time::{Duration, Instant};

/// How long the caret is seen, and then not.
const BLINK: Duration = Duration::from_millis(530);

/// A question, and what has been typed so far.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    question: Question,
    name: Field,
    password: Field,
    is_ticked: bool,
    is_caps_lock: bool,
    focus: Part,
    hovered: Option<Part>,
    /// Where the mouse's button was pressed and not yet released.
    pressed: Option<Part>,
    /// When a key was last pressed: then the caret is seen.
    touched: Instant,
}

/// How a dialog ends.
#[derive(Debug, PartialEq)]
pub(crate) enum Closing {
    Answer(Answer),
    Cancel,
}

/// What an event means a dialog has to know besides.
pub(crate) struct Context<'a> {
    /// The places of its parts, in pixels of the window.
    pub(crate) parts: &'a [(Part, Rect)],
    /// How many pixels of the window one of the mouse's units is.
    pub(crate) pixel_ratio: f32,
    pub(crate) clipboard: &'a dyn Fn() -> Option<String>,
}

impl Dialog {
    pub(crate) fn new(question: Question, now: Instant) -> Self {
        let (name, focus) = match &question {
            Question::Password { user, .. } if user.is_empty() => (Field::default(), Part::Name),
            Question::Password { user, .. } => (Field::new(user), Part::Password),
            // What a key that was meant for something else does must do no harm.
            Question::Certificate { .. } => (Field::default(), Part::Cancel),
        };
        Self {
            question,
            name,
            password: Field::default(),
            is_ticked: false,
            is_caps_lock: false,
            focus,
            hovered: None,
            pressed: None,
            touched: now,
        }
    }

    /// The question in one word, for programs.
    pub(crate) fn kind(&self) -> &'static str {
        match self.question {
            Question::Password { is_wrong: false, .. } => "password",
            Question::Password { is_wrong: true, .. } => "wrong password",
            Question::Certificate { known: None, .. } => "unknown certificate",
            Question::Certificate { known: Some(_), .. } => "changed certificate",
        }
    }

    /// Takes an event of SDL's. Returns how the dialog ends, if it does.
    pub(crate) fn handle_event(&mut self, event: &SdlEvent, now: Instant, context: &Context<'_>) -> Option<Closing> {
        match *event {
            SdlEvent::KeyDown { keycode: Some(key), keymod, repeat, .. } => {
                self.touched = now;
                self.is_caps_lock = keymod.contains(Mod::CAPSMOD);
                self.handle_key(key, keymod, repeat, context)
            }
            SdlEvent::TextInput { ref text, .. } => {
                self.touched = now;
                if let Some(field) = self.field() {
                    field.insert(text);
                }
                None
            }
            SdlEvent::MouseMotion { x, y, .. } => {
                self.hovered = context.part_at(x, y);
                None
            }
            SdlEvent::MouseButtonDown { mouse_btn: MouseButton::Left, x, y, .. } => {
                self.hovered = context.part_at(x, y);
                self.pressed = self.hovered;
                if let Some(part) = self.pressed.filter(|&part| part != Part::Accept || self.can_accept()) {
                    (self.focus, self.touched) = (part, now);
                }
                None
            }
            SdlEvent::MouseButtonUp { mouse_btn: MouseButton::Left, x, y, .. } => {
                self.hovered = context.part_at(x, y);
                // It counts only if the mouse has not left it in the meantime.
                let part = self.pressed.take().filter(|&part| self.hovered == Some(part))?;
                self.choose(part)
            }
            _ => None,
        }
    }

    fn handle_key(&mut self, key: Keycode, held: Mod, repeat: bool, context: &Context<'_>) -> Option<Closing> {
        let is_control = held.intersects(Mod::LCTRLMOD | Mod::RCTRLMOD | Mod::LGUIMOD | Mod::RGUIMOD);
        let is_shift = held.intersects(Mod::LSHIFTMOD | Mod::RSHIFTMOD);
        match key {
            Keycode::Escape if !repeat => return Some(Closing::Cancel),
            Keycode::Return | Keycode::KpEnter if !repeat => return self.handle_enter(),
            Keycode::Space if !repeat && self.field().is_none() => return self.choose(self.focus),
            Keycode::Tab => self.step(!is_shift),
            Keycode::Down if self.field().is_some() => self.step(true),
            Keycode::Up if self.field().is_some() => self.step(false),
            Keycode::V if is_control => self.paste(context),
            Keycode::Insert if is_shift => self.paste(context),
            _ => self.edit(key, is_control),
        }
        None
    }

    fn edit(&mut self, key: Keycode, is_control: bool) {
        let Some(field) = self.field() else { return };
        match key {
            Keycode::U if is_control => field.clear(),
            Keycode::Backspace if is_control => field.clear(),
            Keycode::Backspace => field.backspace(),
            Keycode::Delete => field.delete(),
            Keycode::Left => field.go(Move::Left),
            Keycode::Right => field.go(Move::Right),
            Keycode::Home => field.go(Move::Home),
            Keycode::End => field.go(Move::End),
            _ => {}
        }
    }

    fn paste(&mut self, context: &Context<'_>) {
        if let (Some(field), Some(text)) = (self.field(), (context.clipboard)()) {
            field.insert(&text);
        }
    }

    /// In a field, Enter goes on to what is still missing.
    fn handle_enter(&mut self) -> Option<Closing> {
        match self.focus {
            Part::Name if !self.name.is_empty() && self.password.is_empty() => {
                self.focus = Part::Password;
                None
            }
            Part::Password if self.name.is_empty() => {
                self.focus = Part::Name;
                None
            }
            Part::Name | Part::Password => self.choose(Part::Accept),
            part => self.choose(part),
        }
    }

    fn choose(&mut self, part: Part) -> Option<Closing> {
        match part {
            Part::Cancel => Some(Closing::Cancel),
            Part::Accept => self.can_accept().then(|| Closing::Answer(self.answer())),
            Part::Tick => {
                self.is_ticked = !self.is_ticked;
                None
            }
            Part::Name | Part::Password => None,
        }
    }

    fn answer(&self) -> Answer {
        match self.question {
            Question::Password { .. } => {
                Answer::Credentials { user: self.name.text().to_owned(), password: self.password.text().to_owned() }
            }
            Question::Certificate { .. } => Answer::Trust,
        }
    }

    fn can_accept(&self) -> bool {
        match self.question {
            Question::Password { .. } => !self.name.is_empty() && !self.name.text().contains(':'),
            Question::Certificate { known, .. } => known.is_none() || self.is_ticked,
        }
    }

    /// The parts in the order of the Tab key.
    fn parts(&self) -> &'static [Part] {
        match self.question {
            Question::Password { .. } => &[Part::Name, Part::Password, Part::Cancel, Part::Accept],
            Question::Certificate { known: None, .. } => &[Part::Cancel, Part::Accept],
            Question::Certificate { known: Some(_), .. } => &[Part::Tick, Part::Cancel, Part::Accept],
        }
    }

    fn step(&mut self, forward: bool) {
        let parts = self.parts();
        let at = parts.iter().position(|&part| part == self.focus).unwrap_or(0);
        // Backwards is forwards as often as there are others.
        let by = if forward { 1 } else { parts.len() - 1 };
        for steps in 1..=parts.len() {
            let part = parts[(at + by * steps) % parts.len()];
            if part != Part::Accept || self.can_accept() {
                self.focus = part;
                break;
            }
        }
    }

    fn field(&mut self) -> Option<&mut Field> {
        match self.focus {
            Part::Name => Some(&mut self.name),
            Part::Password => Some(&mut self.password),
            Part::Tick | Part::Cancel | Part::Accept => None,
        }
    }

    /// What is to be shown now.
    pub(crate) fn view(&self, now: Instant) -> View {
        let blinks = now.saturating_duration_since(self.touched).as_millis() / BLINK.as_millis();
        let shown = match &self.question {
            Question::Password { server, is_wrong, .. } => self.password_view(server, *is_wrong),
            Question::Certificate { server, fingerprint, doubt, known } => {
                let now_shown = fingerprint.in_lines();
                match known {
                    None => View {
                        title: format!("Do you trust {server}?"),
                        text: format!("{}.", sentence(doubt)),
                        prints: vec![("SHA-256 FINGERPRINT", now_shown)],
                        note: "Trust it if the server says the same of itself. It is remembered.",
                        accept: "TRUST",
                        ..self.blank()
                    },
                    Some(known) => View {
                        tone: Tone::Alarm,
                        title: "The certificate has changed!".to_owned(),
                        text: format!(
                            "Somebody may be listening in between, or {server} was given a new certificate. Ask whoever runs \
                             it before you go on."
                        ),
                        prints: vec![("TRUSTED UNTIL NOW", known.in_lines()), ("SHOWN NOW", now_shown)],
                        tick: Some(self.is_ticked),
                        accept: "REPLACE",
                        ..self.blank()
                    },
                }
            }
        };
        View { caret: blinks.is_multiple_of(2), ..shown }
    }

    fn password_view(&self, server: &str, is_wrong: bool) -> View {
        let dots = "•".repeat(self.password.text().chars().count());
        let field = |part, label, text: &str, field: &Field| FieldView {
            part,
            label,
            text: text.to_owned(),
            caret: field.caret(),
        };
        let has_colon = self.name.text().contains(':');
        let complaint = match (self.is_caps_lock, has_colon, is_wrong) {
            (_, true, _) => Some("A name has no colon."),
            (true, ..) => Some("Caps Lock is on."),
            (_, _, true) => Some("The server does not accept this name and password."),
            _ => None,
        };
        View {
            title: format!("Log in to {server}"),
            text: "This server shows its streams to those whom it knows.".to_owned(),
            complaint,
            fields: vec![
                field(Part::Name, "NAME", self.name.text(), &self.name),
                field(Part::Password, "PASSWORD", &dots, &self.password),
            ],
            note: "It is kept until the player closes, and written nowhere.",
            accept: "LOG IN",
            ..self.blank()
        }
    }

    /// A dialog that says nothing.
    fn blank(&self) -> View {
        View {
            tone: Tone::Calm,
            title: String::new(),
            text: String::new(),
            complaint: None,
            fields: Vec::new(),
            prints: Vec::new(),
            tick: None,
            note: "",
            accept: "",
            can_accept: self.can_accept(),
            focus: self.focus,
            hovered: self.hovered,
            pressed: self.pressed,
            caret: false,
        }
    }
}

impl Context<'_> {
    fn part_at(&self, x: i32, y: i32) -> Option<Part> {
        let pixels = |units: i32| (units as f32 * self.pixel_ratio) as i32;
        self.parts.iter().find(|(_, place)| place.contains(pixels(x), pixels(y))).map(|&(part, _)| part)
    }
}

#[cfg(test)]
mod tests;
