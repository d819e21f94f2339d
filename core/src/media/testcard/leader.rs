//! A film's leader: a turning hand counts the seconds down.

use super::canvas::{self, Color, Line, ONE, Rect, Ring, Scenery, Sector, Surface};
use super::font::{Digits, Text};
use super::{DrawnTile, Format, Full, Scale, memory, strip};
use crate::media::FrameRate;

/// A movie of a given length that is a countdown, as films have before their beginning.
///
/// The number is that of the seconds to go, and the hand turns once a second. It has a [`strip`] like the test card.
#[derive(Clone, Copy, Debug)]
pub struct Leader {
    format: Format,
    frames: u32,
}

impl Leader {
    /// A movie of `frames` pictures of `width` x `height` pixels, encoded with RFC 2435's Q `quality`.
    ///
    /// `None` unless both dimensions are multiples of 16, at least 160 x 128 and at most 2032 x 2032.
    pub fn new(width: u16, height: u16, rate: FrameRate, quality: u8, frames: u32) -> Option<Self> {
        Some(Self { format: Format::new(width, height, rate, quality)?, frames })
    }

    /// The number of pictures.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// Frames per second.
    pub fn rate(&self) -> FrameRate {
        self.format.rate
    }

    /// Draws a picture and returns the length of its JPEG. Numbers behind the last give the last picture, with another strip.
    ///
    /// # Errors
    /// [`Full`] where `out` is too short.
    pub fn render(&self, number: u32, out: &mut [u8]) -> Result<usize, Full> {
        let scene = Scene::new(&self.format, self.frames, number);
        canvas::render(self.format.size, &self.format.quantizer, out, &scene)
    }

    /// As [`Design::render_changes`](super::Design::render_changes).
    pub(super) fn render_changes(&self, number: u32, out: &mut [u8], tiles: &mut [DrawnTile]) -> Result<usize, Full> {
        memory::render(
            self.format.size,
            &self.format.quantizer,
            out,
            tiles,
            &Scene::new(&self.format, self.frames, number),
        )
    }
}

/// The colour of aged celluloid.
const BASE: Color = Color::rgb(0xB8, 0xB0, 0xA0);
const PASSED: Color = Color::rgb(0x86, 0x80, 0x74);
const LIGHT: Color = Color::rgb(0xF4, 0xF0, 0xE6);
const INK: Color = Color::rgb(0x1C, 0x1A, 0x18);

struct Scene {
    size: (u16, u16),
    scale: Scale,
    number: u32,
    seconds: Digits,
    count: Digits,
    passed: Sector,
    hand: Line,
}

impl Scene {
    fn new(format: &Format, frames: u32, number: u32) -> Self {
        let left = frames.saturating_sub(number).max(1);
        let micros = format.rate.micros(left.into());
        let (turn, scale) = (turn(micros), format.scale());
        let (x, y) = (scale.x(320), scale.y(225));
        let (right, down) = canvas::hand(turn);
        let far = i32::from(format.size.0).wrapping_add(format.size.1.into()).wrapping_mul(ONE);
        let tip = (x.wrapping_add(canvas::scaled(far, right)), y.wrapping_add(canvas::scaled(far, down)));
        Self {
            size: format.size,
            scale,
            number,
            seconds: Digits::default().number(micros.div_ceil(1_000_000), 1),
            count: Digits::default().number(number.into(), 4),
            passed: Sector::new((x, y), turn),
            hand: Line::new((x, y), tip, scale.length(1).max(ONE / 2)),
        }
    }

    fn texts(&self, tile: &mut impl Surface, x: i32, y: i32) {
        let scale = self.scale;
        // Three digits still fit the inner circle.
        let height = match self.seconds.as_bytes().len() {
            1 => 176,
            2 => 140,
            3 => 96,
            _ => 64,
        };
        let number = Text {
            text: self.seconds.as_bytes(),
            x,
            y: y.wrapping_sub(scale.length(height) / 2),
            height: scale.length(height),
            weight: 9,
            gap: 18,
        };
        if number.is_level_with(tile) {
            number.centred().cover(tile);
        }
        let small =
            Text { text: b"MUTOSCOPE", x: scale.x(28), y: scale.y(24), height: scale.length(16), weight: 8, gap: 30 };
        small.cover(tile);
        if small.is_level_with(tile) {
            Text { text: self.count.as_bytes(), x: scale.x(612), ..small }.right_aligned().cover(tile);
        }
        tile.paint(INK);
    }
}

/// The hand's angle with so many microseconds to go. It has turned fully when the number changes. That is counted from the
/// end, which need not be at a whole second.
fn turn(micros: u64) -> u16 {
    (999_999_u64.saturating_sub(micros.saturating_sub(1) % 1_000_000).saturating_mul(65_536) / 1_000_000) as u16
}

impl Scenery for Scene {
    fn paint(&self, tile: &mut impl Surface) {
        let scale = self.scale;
        let (x, y) = (scale.x(320), scale.y(225));
        let (width, height) = (i32::from(self.size.0).wrapping_mul(ONE), i32::from(self.size.1).wrapping_mul(ONE));
        let thin = scale.length(1).max(ONE / 2);

        tile.fill(BASE);
        tile.cover(&self.passed).paint(PASSED);
        // These are the crosshairs and the hand, in ink.
        tile.cover(&Rect { left: 0, top: y.wrapping_sub(thin), right: width, bottom: y.wrapping_add(thin) });
        tile.cover(&Rect { left: x.wrapping_sub(thin), top: 0, right: x.wrapping_add(thin), bottom: height });
        tile.cover(&self.hand).paint(INK);
        for (outer, inner) in [(193, 187), (163, 157)] {
            let (outer, inner) = (scale.length(outer), scale.length(inner));
            tile.cover(&Ring { x, y, outer, inner });
        }
        tile.paint(LIGHT);
        self.texts(tile, x, y);
        strip::paint(tile, self.size, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_the_seconds_to_go_and_the_hand_turns_once_for_each() {
        let format = Format::new(640, 480, FrameRate::new(24, 1).unwrap(), 60).unwrap();
        // (number, text, degrees)
        let cases = [
            (0, "10", 0),
            (6, "10", 90),
            (23, "10", 345),
            (24, "9", 0),
            (228, "1", 180),
            (239, "1", 345),
            (240, "1", 345),
            (u32::MAX, "1", 345),
        ];
        for (number, text, degrees) in cases {
            let scene = Scene::new(&format, 240, number);
            assert_eq!(scene.seconds.as_bytes(), text.as_bytes(), "frame {number}");
            let left = format.rate.micros(u64::from(240_u32.saturating_sub(number).max(1)));
            assert_eq!((u32::from(turn(left)) * 360 + 32_768) >> 16, degrees, "frame {number}");
        }
    }

    #[test]
    fn an_empty_movie_is_drawn_without_complaint() {
        let leader = Leader::new(160, 128, FrameRate::new(24, 1).unwrap(), 60, 0).unwrap();
        assert!(leader.render(0, &mut [0; 16_384]).is_ok());
    }
}
