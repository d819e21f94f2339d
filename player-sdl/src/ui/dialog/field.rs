//! A line of text that is being typed.

use std::fmt;

/// The most bytes that a name or a password has.
const MAX_BYTES: usize = 128;

/// One line, and where in it the next character goes.
#[derive(Clone)]
pub(crate) struct Field {
    text: String,
    most: usize,
    /// In characters.
    caret: usize,
}

/// Where the caret goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Left,
    Right,
    Home,
    End,
}

/// Without what is typed, which may be a password.
impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("caret", &self.caret).finish_non_exhaustive()
    }
}

impl Default for Field {
    fn default() -> Self {
        Self::with_room(MAX_BYTES)
    }
}

impl Field {
    /// An empty line that takes so many bytes.
    pub(crate) const fn with_room(most: usize) -> Self {
        Self { text: String::new(), most, caret: 0 }
    }

    /// A line that has this in it, with the caret behind it.
    pub(crate) fn new(text: &str) -> Self {
        let mut field = Self::default();
        field.insert(text);
        field
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// How many characters are left of the caret.
    pub(crate) fn caret(&self) -> usize {
        self.caret
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Types or pastes text. Of several lines it takes the first; what is too long is left out.
    pub(crate) fn insert(&mut self, text: &str) {
        let line = text.trim_start_matches(['\r', '\n']).split(['\r', '\n']).next().unwrap_or("");
        for c in line.chars().filter(|c| !c.is_control()) {
            if self.text.len() + c.len_utf8() > self.most {
                break;
            }
            self.text.insert(self.at(self.caret), c);
            self.caret += 1;
        }
    }

    pub(crate) fn go(&mut self, to: Move) {
        self.caret = match to {
            Move::Left => self.caret.saturating_sub(1),
            Move::Right => (self.caret + 1).min(self.text.chars().count()),
            Move::Home => 0,
            Move::End => self.text.chars().count(),
        };
    }

    /// Deletes the character left of the caret.
    pub(crate) fn backspace(&mut self) {
        if self.caret > 0 {
            self.caret -= 1;
            self.text.remove(self.at(self.caret));
        }
    }

    /// Deletes the character right of the caret.
    pub(crate) fn delete(&mut self) {
        if self.at(self.caret) < self.text.len() {
            self.text.remove(self.at(self.caret));
        }
    }

    pub(crate) fn clear(&mut self) {
        (self.text, self.caret) = (String::new(), 0);
    }

    /// The byte at which a character begins.
    fn at(&self, character: usize) -> usize {
        self.text.char_indices().nth(character).map_or(self.text.len(), |(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_typed_and_deleted_where_the_caret_is() {
        let mut field = Field::new("añna");
        field.go(Move::Left);
        field.insert("é");
        assert_eq!((field.text(), field.caret()), ("añnéa", 4));
        field.backspace();
        field.go(Move::Home);
        field.backspace();
        field.delete();
        assert_eq!((field.text(), field.caret()), ("ñna", 0));
        for _ in 0..9 {
            field.go(Move::Right);
        }
        field.delete();
        field.insert("!");
        assert_eq!(field.text(), "ñna!");
        field.clear();
        assert!(field.is_empty() && field.caret() == 0);
    }

    #[test]
    fn what_is_pasted_is_one_line_without_controls_and_not_too_long() {
        let mut field = Field::new("\nhun\tter\u{1b}2\r\nand more");
        assert_eq!(field.text(), "hunter2");
        field.insert(&"ü".repeat(100));
        assert_eq!((field.text().len(), field.text().chars().count()), (127, 67));
        assert!(!format!("{field:?}").contains("hunter2"));
    }
}
