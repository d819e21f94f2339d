//! What letters consist of, and the letters and signs that the designs do without.

/// A part of a letter. Its unit is a hundredth of a capital's height, from the letter's upper left corner.
pub(super) enum Stroke {
    /// A line from x, y to x, y.
    L(i16, i16, i16, i16),
    /// A part of a circle: x and y of its centre, its radius, the eighth of a turn at which it starts (clockwise from the
    /// right), and the number of eighths.
    C(i16, i16, i16, u8, u8),
    /// A dot at x, y.
    Dot(i16, i16),
}
use Stroke::{C, Dot, L};

pub(super) struct Glyph {
    pub(super) width: i32,
    pub(super) strokes: &'static [Stroke],
}

/// What stands for a character that there is no letter for: a box.
pub(super) const UNKNOWN: u8 = 0x7F;

/// Capitals, and signs as they stand in names and sentences. `None`: see [`font`](super::font).
#[rustfmt::skip]
pub(super) fn glyph(letter: u8) -> Option<Glyph> {
    let (width, strokes): (i32, &'static [Stroke]) = match letter {
        b'B' => (57, &[L(0, 100, 0, 0), L(0, 0, 30, 0), C(30, 24, 24, 6, 4), L(0, 48, 30, 48), C(31, 74, 26, 6, 4), L(31, 100, 0, 100)]),
        b'D' => (62, &[L(0, 100, 0, 0), L(0, 0, 28, 0), C(28, 34, 34, 6, 2), L(62, 34, 62, 66), C(28, 66, 34, 0, 2), L(28, 100, 0, 100)]),
        b'G' => (64, &[C(32, 32, 32, 4, 3), L(0, 32, 0, 68), C(32, 68, 32, 0, 4), L(64, 68, 64, 54), L(64, 54, 38, 54)]),
        b'H' => (62, &[L(0, 0, 0, 100), L(62, 0, 62, 100), L(0, 50, 62, 50)]),
        b'I' => (2, &[L(1, 0, 1, 100)]),
        b'J' => (46, &[L(46, 0, 46, 77), C(23, 77, 23, 0, 4)]),
        b'K' => (58, &[L(0, 0, 0, 100), L(56, 0, 0, 62), L(20, 41, 58, 100)]),
        b'L' => (46, &[L(0, 0, 0, 100), L(0, 100, 46, 100)]),
        b'N' => (64, &[L(0, 100, 0, 0), L(0, 0, 64, 100), L(64, 100, 64, 0)]),
        b'Q' => (68, &[C(33, 33, 33, 4, 4), L(66, 33, 66, 67), C(33, 67, 33, 0, 4), L(0, 67, 0, 33), L(42, 78, 68, 106)]),
        b'V' => (66, &[L(0, 0, 33, 100), L(33, 100, 66, 0)]),
        b'W' => (92, &[L(0, 0, 23, 100), L(23, 100, 46, 18), L(46, 18, 69, 100), L(69, 100, 92, 0)]),
        b'X' => (62, &[L(0, 0, 62, 100), L(62, 0, 0, 100)]),
        b'Y' => (64, &[L(0, 0, 32, 50), L(64, 0, 32, 50), L(32, 50, 32, 100)]),
        b'Z' => (60, &[L(0, 0, 60, 0), L(60, 0, 0, 100), L(0, 100, 60, 100)]),
        b'-' => (34, &[L(0, 54, 34, 54)]),
        b'_' => (50, &[L(0, 108, 50, 108)]),
        b',' => (8, &[L(8, 94, 0, 116)]),
        b';' => (8, &[Dot(6, 36), L(8, 94, 0, 116)]),
        b'\'' => (2, &[L(1, 0, 1, 24)]),
        b'"' => (24, &[L(1, 0, 1, 24), L(23, 0, 23, 24)]),
        b'(' => (20, &[C(61, 50, 61, 3, 2)]),
        b')' => (20, &[C(-41, 50, 61, 7, 2)]),
        b'[' => (18, &[L(18, 0, 0, 0), L(0, 0, 0, 100), L(0, 100, 18, 100)]),
        b']' => (18, &[L(0, 0, 18, 0), L(18, 0, 18, 100), L(18, 100, 0, 100)]),
        b'+' => (50, &[L(25, 29, 25, 79), L(0, 54, 50, 54)]),
        b'=' => (46, &[L(0, 42, 46, 42), L(0, 68, 46, 68)]),
        b'!' => (2, &[L(1, 0, 1, 64), Dot(1, 98)]),
        b'?' => (52, &[C(26, 26, 26, 4, 5), L(44, 44, 26, 68), Dot(26, 98)]),
        b'%' => (72, &[C(14, 16, 14, 0, 8), C(58, 84, 14, 0, 8), L(66, 0, 6, 100)]),
        b'*' => (40, &[L(20, 6, 20, 50), L(0, 17, 40, 39), L(40, 17, 0, 39)]),
        b'#' => (62, &[L(22, 0, 12, 100), L(50, 0, 40, 100), L(2, 32, 62, 32), L(0, 68, 60, 68)]),
        b'@' => (76, &[C(38, 50, 38, 1, 7), C(38, 50, 15, 0, 8), L(53, 50, 76, 50)]),
        b'<' => (44, &[L(44, 24, 0, 54), L(0, 54, 44, 84)]),
        b'>' => (44, &[L(0, 24, 44, 54), L(44, 54, 0, 84)]),
        b'|' => (2, &[L(1, -4, 1, 110)]),
        b'\\' => (40, &[L(0, 0, 40, 100)]),
        UNKNOWN => (48, &[L(0, 16, 48, 16), L(48, 16, 48, 100), L(48, 100, 0, 100), L(0, 100, 0, 16)]),
        _ => return None,
    };
    Some(Glyph { width, strokes })
}

/// The letters that a character is written in: capitals without accents, or a box.
#[rustfmt::skip]
pub(super) fn written(character: char) -> &'static [u8] {
    match character {
        'À'..='Å' | 'à'..='å' => b"A",
        'Æ' | 'æ' => b"AE",
        'Ç' | 'ç' => b"C",
        'È'..='Ë' | 'è'..='ë' => b"E",
        'Ì'..='Ï' | 'ì'..='ï' => b"I",
        'Ñ' | 'ñ' => b"N",
        'Ò'..='Ö' | 'Ø' | 'ò'..='ö' | 'ø' => b"O",
        'Œ' | 'œ' => b"OE",
        'Ù'..='Ü' | 'ù'..='ü' => b"U",
        'Ý' | 'ý' | 'ÿ' => b"Y",
        'ß' => b"SS",
        '–' | '—' | '~' => b"-",
        '…' => b"...",
        '‘' | '’' | '`' | '´' => b"'",
        '“' | '”' | '„' | '«' | '»' => b"\"",
        '{' => b"(",
        '}' => b")",
        '&' => b"+",
        '×' => b"x",
        character if character.is_whitespace() => b" ",
        _ => &[UNKNOWN],
    }
}
