//! Letters made of straight and circular strokes. They are sharp at any size, and small in flash.

use super::canvas::{Arc, Bounds, Line, ONE, Ring, Surface};
use super::letters::{self, Glyph, Stroke};
use Stroke::{C, Dot, L};

/// A line of text in the letters that the designs need, which are few.
pub(super) type Text<'t> = Lettering<'t, false>;

/// A line of text. `ALL`: in all letters that there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lettering<'t, const ALL: bool> {
    /// The text in ASCII. A character that the font does not have becomes a space.
    pub(super) text: &'t [u8],
    /// The left end of the first letter's middle line, in sixteenths of a pixel.
    pub(super) x: i32,
    /// The upper end of the middle lines of capitals.
    pub(super) y: i32,
    /// The height from there to the lower end.
    pub(super) height: i32,
    /// Half a stroke's width, in hundredths of `height`.
    pub(super) weight: i32,
    /// The gap between two letters, without their strokes, in hundredths of `height`.
    pub(super) gap: i32,
}

impl<const ALL: bool> Lettering<'_, ALL> {
    /// The width from the left end of the first letter to the right end of the last, between the middle lines of their strokes.
    pub(super) fn width(&self) -> i32 {
        let letters = self.text.iter().map(|&letter| self.advance(&glyph::<ALL>(letter)));
        let units = letters.fold(0_i32, i32::wrapping_add);
        self.scaled(units.wrapping_sub(self.advance_beyond()).max(0))
    }

    /// This text with `x` in its middle.
    pub(super) fn centred(self) -> Self {
        Self { x: self.x.wrapping_sub(self.width() / 2), ..self }
    }

    /// This text with `x` at its right end.
    pub(super) fn right_aligned(self) -> Self {
        Self { x: self.x.wrapping_sub(self.width()), ..self }
    }

    /// Whether some of it would touch the surface if it were long enough. How long it is takes longer to say.
    pub(super) fn is_level_with(&self, surface: &impl Surface) -> bool {
        let (top, bottom) = self.rows();
        surface.touches(Bounds { left: i32::MIN, top, right: i32::MAX, bottom })
    }

    /// Its upper and lower end, with its strokes.
    fn rows(&self) -> (i32, i32) {
        let edge = self.half().wrapping_add(ONE);
        (self.y.wrapping_sub(edge), self.y.wrapping_add(self.height).wrapping_add(edge))
    }

    /// Half of a stroke's width.
    fn half(&self) -> i32 {
        self.scaled(self.weight).max(ONE / 2)
    }

    /// Adds the letters to the area to be painted.
    pub(super) fn cover(&self, tile: &mut impl Surface) {
        let half = self.half();
        let edge = half.wrapping_add(ONE);
        if !self.is_level_with(tile) {
            return;
        }
        let (top, bottom) = self.rows();
        let mut units = 0_i32;
        for &letter in self.text {
            let glyph = glyph::<ALL>(letter);
            let left = self.x.wrapping_add(self.scaled(units));
            let begin = left.wrapping_sub(edge);
            if !tile.touches(Bounds { left: begin, top, right: i32::MAX, bottom }) {
                // The others are farther to the right, and most tiles end before the first.
                return;
            }
            let right = left.wrapping_add(self.scaled(glyph.width)).wrapping_add(edge);
            tile.cover_with(
                (letter, left, self.y, self.height, self.weight),
                Bounds { left: begin, top, right, bottom },
                |tile| {
                    for stroke in glyph.strokes {
                        self.stroke(tile, stroke, left, half);
                    }
                },
            );
            units = units.wrapping_add(self.advance(&glyph));
        }
    }

    fn stroke(&self, tile: &mut impl Surface, stroke: &Stroke, left: i32, half: i32) {
        let x = |units: i16| left.wrapping_add(self.scaled(units.into()));
        let y = |units: i16| self.y.wrapping_add(self.scaled(units.into()));
        match *stroke {
            L(from_x, from_y, to_x, to_y) => {
                tile.cover(&Line::new((x(from_x), y(from_y)), (x(to_x), y(to_y)), half));
            }
            C(centre_x, centre_y, radius, from, eighths) => {
                let radius = self.scaled(radius.into());
                tile.cover(&Arc { x: x(centre_x), y: y(centre_y), radius, half, from, eighths });
            }
            Dot(centre_x, centre_y) => {
                tile.cover(&Ring { x: x(centre_x), y: y(centre_y), outer: half.wrapping_mul(5) / 4, inner: 0 });
            }
        }
    }

    /// The way from a letter to the next one.
    fn advance(&self, glyph: &Glyph) -> i32 {
        glyph.width.wrapping_add(self.advance_beyond())
    }

    /// The gap and two halves of a stroke.
    fn advance_beyond(&self) -> i32 {
        self.weight.wrapping_mul(2).wrapping_add(self.gap)
    }

    fn scaled(&self, units: i32) -> i32 {
        units.wrapping_mul(self.height) / 100
    }
}

/// The others are asked for only where they may be needed, and so are no part of programs that need none.
fn glyph<const ALL: bool>(letter: u8) -> Glyph {
    match ALL.then(|| letters::glyph(letter)).flatten() {
        Some(glyph) => glyph,
        None => usual(letter),
    }
}

#[rustfmt::skip]
fn usual(letter: u8) -> Glyph {
    let (width, strokes): (i32, &'static [Stroke]) = match letter {
        b'0' => (60, &[C(30, 30, 30, 4, 4), L(60, 30, 60, 70), C(30, 70, 30, 0, 4), L(0, 70, 0, 30)]),
        // It is as wide as the other digits, so that a running number does not move.
        b'1' => (60, &[L(12, 22, 36, 0), L(36, 0, 36, 100)]),
        b'2' => (60, &[C(30, 30, 30, 4, 5), L(51, 51, 2, 100), L(2, 100, 60, 100)]),
        b'3' => (60, &[C(30, 25, 25, 4, 6), C(30, 75, 25, 6, 6), L(24, 50, 30, 50)]),
        b'4' => (60, &[L(42, 0, 0, 70), L(0, 70, 60, 70), L(42, 0, 42, 100)]),
        b'5' => (60, &[L(54, 0, 8, 0), L(8, 0, 8, 47), C(30, 69, 31, 5, 6)]),
        b'6' => (60, &[C(30, 70, 30, 0, 8), L(5, 53, 42, 0)]),
        b'7' => (60, &[L(0, 0, 60, 0), L(60, 0, 22, 100)]),
        b'8' => (60, &[C(30, 24, 24, 0, 8), C(30, 73, 27, 0, 8)]),
        b'9' => (60, &[C(30, 30, 30, 0, 8), L(55, 47, 18, 100)]),
        b':' => (2, &[Dot(1, 28), Dot(1, 76)]),
        b'.' => (2, &[Dot(1, 98)]),
        b'/' => (40, &[L(40, 0, 0, 100)]),
        b'x' => (36, &[L(0, 46, 36, 82), L(36, 46, 0, 82)]),
        b'A' => (66, &[L(0, 100, 33, 0), L(33, 0, 66, 100), L(11, 68, 55, 68)]),
        b'C' => (60, &[C(32, 32, 32, 4, 3), L(0, 32, 0, 68), C(32, 68, 32, 1, 3)]),
        b'E' => (50, &[L(50, 0, 0, 0), L(0, 0, 0, 100), L(0, 100, 50, 100), L(0, 50, 44, 50)]),
        b'F' => (50, &[L(50, 0, 0, 0), L(0, 0, 0, 100), L(0, 50, 44, 50)]),
        b'M' => (74, &[L(0, 100, 0, 0), L(0, 0, 37, 60), L(37, 60, 74, 0), L(74, 0, 74, 100)]),
        b'O' => (66, &[C(33, 33, 33, 4, 4), L(66, 33, 66, 67), C(33, 67, 33, 0, 4), L(0, 67, 0, 33)]),
        b'P' => (56, &[L(0, 100, 0, 0), L(0, 0, 28, 0), C(28, 28, 28, 6, 4), L(28, 56, 0, 56)]),
        b'R' => (56, &[L(0, 100, 0, 0), L(0, 0, 28, 0), C(28, 28, 28, 6, 4), L(28, 56, 0, 56), L(28, 56, 56, 100)]),
        b'S' => (52, &[C(26, 25, 25, 2, 5), C(26, 75, 25, 6, 5)]),
        b'T' => (62, &[L(0, 0, 62, 0), L(31, 0, 31, 100)]),
        b'U' => (62, &[L(0, 0, 0, 69), C(31, 69, 31, 0, 4), L(62, 69, 62, 0)]),
        _ => (30, &[]),
    };
    Glyph { width, strokes }
}

/// Decimal digits without `alloc`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Digits {
    bytes: [u8; 24],
    len: usize,
}

impl Digits {
    pub(super) fn push(mut self, text: &[u8]) -> Self {
        for &byte in text {
            if let Some(slot) = self.bytes.get_mut(self.len) {
                *slot = byte;
                self.len = self.len.saturating_add(1);
            }
        }
        self
    }

    /// Writes a number with at least so many digits.
    pub(super) fn number(mut self, value: u64, at_least: usize) -> Self {
        let mut digits = [b'0'; 20];
        let mut rest = value;
        let mut used = 0_usize;
        for digit in digits.iter_mut().rev() {
            if rest == 0 && used >= at_least.max(1) {
                break;
            }
            *digit = b'0' | (rest % 10) as u8;
            rest /= 10;
            used = used.saturating_add(1);
        }
        self = self.push(digits.get(digits.len().saturating_sub(used)..).unwrap_or(&[]));
        self
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_leading_zeros() {
        let cases = [
            (0, 1, "0"),
            (0, 6, "000000"),
            (245, 6, "000245"),
            (1_234_567, 6, "1234567"),
            (u64::MAX, 0, "18446744073709551615"),
        ];
        for (value, at_least, text) in cases {
            assert_eq!(Digits::default().number(value, at_least).as_bytes(), text.as_bytes());
        }
        assert_eq!(Digits::default().number(12, 2).push(b":").number(3, 2).as_bytes(), b"12:03");
        assert_eq!(Digits::default().push(&[b'1'; 30]).as_bytes().len(), 24);
    }

    #[test]
    fn digits_are_equally_wide() {
        let width = |text: &'static [u8]| Text { text, x: 0, y: 0, height: 1600, weight: 7, gap: 16 }.width();
        for digit in [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"] {
            assert_eq!(width(digit), 960);
        }
        assert_eq!(width(b""), 0);
        assert_eq!(width(b"00"), 960 * 2 + 30 * 16);
    }
}
