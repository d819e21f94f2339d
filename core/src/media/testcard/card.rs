//! The test card: colour bars, a clock, a turning reel, a ball on a track.

use super::canvas::{self, Bounds, Color, Line, ONE, Rect, Ring, Scenery, Surface};
use super::font::{Digits, Text};
use super::{DrawnTile, Format, Full, Scale, memory, strip};
use crate::media::FrameRate;

/// A test card. It shows whether colours are right and movement is smooth, the time, and the number of the frame.
///
/// 75 % colour bars and grey steps; the name's reel, which turns once in eight seconds; a ball that crosses the picture
/// at a constant speed, where judder shows; the time since frame 0 as `hh:mm:ss.frame`; the frame's number, and the same
/// for machines in a [`strip`]. About 400 bytes, and some 3 KiB of stack while it draws.
#[derive(Clone, Copy, Debug)]
pub struct TestCard {
    format: Format,
}

impl TestCard {
    /// A card of `width` x `height` pixels, encoded with RFC 2435's Q `quality`.
    ///
    /// `None` unless both dimensions are multiples of 16, at least 160 x 128 and at most 2032 x 2032.
    pub fn new(width: u16, height: u16, rate: FrameRate, quality: u8) -> Option<Self> {
        Some(Self { format: Format::new(width, height, rate, quality)? })
    }

    /// Frames per second.
    pub fn rate(&self) -> FrameRate {
        self.format.rate
    }

    /// Draws the card of a frame and returns the length of its JPEG.
    ///
    /// # Errors
    /// [`Full`] where `out` is too short.
    pub fn render(&self, number: u32, out: &mut [u8]) -> Result<usize, Full> {
        let scene = Scene::new(&self.format, number);
        canvas::render(self.format.size, &self.format.quantizer, out, &scene)
    }

    /// As [`Design::render_changes`](super::Design::render_changes).
    pub(super) fn render_changes(&self, number: u32, out: &mut [u8], tiles: &mut [DrawnTile]) -> Result<usize, Full> {
        memory::render(self.format.size, &self.format.quantizer, out, tiles, &Scene::new(&self.format, number))
    }
}

pub(super) const PANEL: Color = Color::rgb(0x18, 0x18, 0x18);
pub(super) const TEXT: Color = Color::rgb(0xF2, 0xF2, 0xF2);
pub(super) const SECONDARY: Color = Color::rgb(0x9A, 0x9A, 0x9A);
const RULE: Color = Color::rgb(0x40, 0x40, 0x40);
const ACCENT: Color = Color::rgb(0xFF, 0x3B, 0x30);

/// White, yellow, cyan, green, magenta, red, blue at 75 %, and black.
pub(super) const BARS: [Color; 8] = [
    Color::rgb(191, 191, 191),
    Color::rgb(191, 191, 0),
    Color::rgb(0, 191, 191),
    Color::rgb(0, 191, 0),
    Color::rgb(191, 0, 191),
    Color::rgb(191, 0, 0),
    Color::rgb(0, 0, 191),
    Color::rgb(0, 0, 0),
];

pub(super) const BAR_COUNT: i32 = BARS.len() as i32;

/// Grey steps from black to white.
const STEPS: i32 = 16;

/// The lower ends of the upper parts, in sixteenths of the height.
const BARS_END: i32 = 6;
const STEPS_END: i32 = 7;

/// The reel's cards.
const CARDS: usize = 16;
/// The angle from one to the next, in 1/65536 of a turn.
const CARD_TURN: u16 = u16::MAX / CARDS as u16 + 1;
const REEL_MICROS: u64 = 8_000_000;
/// The time of the ball's way to the other side and back.
const BALL_MICROS: u64 = 4_000_000;

/// The contents of one frame.
struct Scene {
    size: (u16, u16),
    scale: Scale,
    number: u32,
    clock: Digits,
    count: Digits,
    mode: Digits,
    /// The directions of the reel's cards, times 2^14.
    cards: [(i16, i16); CARDS],
    ball: i32,
}

impl Scene {
    fn new(format: &Format, number: u32) -> Self {
        let (width, height) = format.size;
        let rate = format.rate;
        let seconds = rate.micros(number.into()) / 1_000_000;
        // The first frame of this second.
        let first = seconds.saturating_mul(rate.numerator().into()).div_ceil(u64::from(rate.denominator()).max(1));
        let clock = Digits::default()
            .number(seconds / 3600, 2)
            .push(b":")
            .number(seconds / 60 % 60, 2)
            .push(b":")
            .number(seconds % 60, 2)
            .push(b".")
            .number(
                u64::from(number).saturating_sub(first),
                if rate.numerator().checked_div(rate.denominator()).is_some_and(|whole| whole > 100) { 3 } else { 2 },
            );
        let mode = Digits::default().number(width.into(), 1).push(b"x").number(height.into(), 1);
        let way = i32::from(format.phase(number, BALL_MICROS));
        Self {
            size: format.size,
            scale: format.scale(),
            number,
            clock,
            count: Digits::default().number(number.into(), 6),
            mode: rate_text(mode.push(b"  "), rate).push(b" FPS"),
            cards: core::array::from_fn(|card| {
                let turn = (card as u16).wrapping_mul(CARD_TURN);
                let (right, down) = canvas::hand(format.phase(number, REEL_MICROS).wrapping_add(turn));
                (right as i16, down as i16)
            }),
            ball: if way < 1 << 15 { way } else { (1_i32 << 16).wrapping_sub(way) },
        }
    }

    fn bars(&self, tile: &mut impl Surface) {
        let width = i32::from(self.size.0);
        let bottom = self.part(BARS_END);
        if !tile.touches(Bounds { left: 0, top: 0, right: width.wrapping_mul(ONE), bottom }) {
            return;
        }
        // Edges are even, because chroma has half of the columns.
        let edge = |index: i32| (index.wrapping_mul(width) / (2 * BAR_COUNT)).wrapping_mul(2 * ONE);
        for (index, &color) in (0..).zip(&BARS) {
            let bar = Rect { left: edge(index), top: 0, right: edge(index.wrapping_add(1)), bottom };
            tile.cover(&bar).paint(color);
        }
    }

    fn steps(&self, tile: &mut impl Surface) {
        let edge = |index: i32| (index.wrapping_mul(self.size.0.into()) / STEPS).wrapping_mul(ONE);
        let (top, bottom) = (self.part(BARS_END), self.part(STEPS_END));
        if !tile.touches(Bounds { left: 0, top, right: edge(STEPS), bottom }) {
            return;
        }
        for index in 0..STEPS {
            let step = Rect { left: edge(index), top, right: edge(index.wrapping_add(1)), bottom };
            tile.cover(&step).paint(Color::grey((index.wrapping_mul(255) / (STEPS - 1)) as u8));
        }
    }

    /// A number of sixteenths of the height, rounded to a block's edge.
    fn part(&self, sixteenths: i32) -> i32 {
        (i32::from(self.size.1).wrapping_mul(sixteenths) / 16 / 8).wrapping_mul(8 * ONE)
    }

    /// A mutoscope's reel from the side: cards around a hub. One of the cards is being shown.
    fn reel(&self, tile: &mut impl Surface) {
        let scale = self.scale;
        let (x, y) = (scale.x(538), scale.y(312));
        let (outer, inner, half) = (scale.length(64), scale.length(26), scale.length(2));
        if !tile.touches(canvas::Shape::bounds(&Ring { x, y, outer: outer.wrapping_add(half), inner: 0 })) {
            return;
        }
        for (card, &(right, down)) in self.cards.iter().enumerate() {
            let at = |length: i32| {
                let end = |middle: i32, part: i16| middle.wrapping_add(canvas::scaled(length, part.into()));
                (end(x, right), end(y, down))
            };
            let (from, to) = (at(inner), at(outer));
            // Few tiles have more than two cards, and a line's length takes long.
            if tile.touches(canvas::line_bounds(from, to, half)) {
                tile.cover(&Line::new(from, to, half));
            }
            if card == 0 {
                tile.paint(ACCENT);
            }
        }
        tile.paint(SECONDARY);
        tile.cover(&Ring { x, y, outer: scale.length(14), inner: 0 }).paint(SECONDARY);
        tile.cover(&Ring { x, y, outer: scale.length(5), inner: 0 }).paint(PANEL);
    }

    fn texts(&self, tile: &mut impl Surface) {
        let scale = self.scale;
        let small = |text, x: i32, y: i32| Text {
            text,
            x: scale.x(x),
            y: scale.y(y),
            height: scale.length(18),
            weight: 7,
            gap: 36,
        };
        let large = |text, y: i32, height: i32| Text {
            text,
            x: scale.x(44),
            y: scale.y(y),
            height: scale.length(height),
            weight: 8,
            gap: 14,
        };
        small(b"MUTOSCOPE", 43, 242).cover(tile);
        large(self.clock.as_bytes(), 284, 52).cover(tile);
        tile.paint(TEXT);
        small(self.mode.as_bytes(), 43, 371).cover(tile);
        tile.paint(SECONDARY);
        let count = Text { gap: 20, ..small(self.count.as_bytes(), 598, 412) };
        if count.is_level_with(tile) {
            count.right_aligned().cover(tile);
        }
        tile.paint(TEXT);
    }

    fn track(&self, tile: &mut impl Surface) {
        let scale = self.scale;
        let (left, right, y) = (scale.x(48), scale.x(456), scale.y(421));
        let radius = scale.length(10);
        if !tile.touches(canvas::line_bounds((left, y), (right, y), radius)) {
            return;
        }
        tile.cover(&Line::new((left, y), (right, y), scale.length(1).max(ONE / 2))).paint(RULE);
        let way = i64::from(right.wrapping_sub(left)).wrapping_mul(self.ball.into()) >> 15;
        let x = left.wrapping_add(way as i32);
        tile.cover(&Ring { x, y, outer: radius, inner: 0 }).paint(ACCENT);
    }
}

impl Scenery for Scene {
    fn paint(&self, surface: &mut impl Surface) {
        surface.fill(PANEL);
        self.bars(surface);
        self.steps(surface);
        self.reel(surface);
        self.texts(surface);
        self.track(surface);
        strip::paint(surface, self.size, self.number);
    }
}

/// `24` or `29.97`.
fn rate_text(digits: Digits, rate: FrameRate) -> Digits {
    let (numerator, denominator) = (u64::from(rate.numerator()), u64::from(rate.denominator()));
    let rounded = numerator.saturating_mul(100).saturating_add(denominator / 2);
    let hundredths = rounded.checked_div(denominator).unwrap_or(0);
    let digits = digits.number(hundredths / 100, 1);
    if hundredths.is_multiple_of(100) { digits } else { digits.push(b".").number(hundredths % 100, 2) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn texts(rate: &str, number: u32) -> (String, String) {
        let format = Format::new(640, 480, rate.parse().unwrap(), 60).unwrap();
        let scene = Scene::new(&format, number);
        let string = |digits: Digits| String::from_utf8(digits.as_bytes().to_vec()).unwrap();
        (string(scene.clock), string(scene.mode))
    }

    #[test]
    fn the_clock_counts_frames_within_the_second() {
        let cases = [
            ("24", 0, "00:00:00.00"),
            ("24", 23, "00:00:00.23"),
            ("24", 24, "00:00:01.00"),
            ("24", 24 * 3661 + 5, "01:01:01.05"),
            ("25", 25 * 360_000, "100:00:00.00"),
            ("29.97", 29, "00:00:00.29"),
            ("29.97", 30, "00:00:01.00"),
            ("0.5", 1, "00:00:02.00"),
            ("240", 241, "00:00:01.001"),
        ];
        for (rate, number, clock) in cases {
            assert_eq!(texts(rate, number).0, clock, "frame {number} at {rate}");
        }
    }

    #[test]
    fn the_mode_names_size_and_rate() {
        assert_eq!(texts("24", 0).1, "640x480  24 FPS");
        assert_eq!(texts("29.97", 0).1, "640x480  29.97 FPS");
        assert_eq!(texts("12.5", 0).1, "640x480  12.50 FPS");
    }

    #[test]
    fn the_ball_goes_there_and_back_at_one_speed() {
        let format = Format::new(640, 480, FrameRate::new(24, 1).unwrap(), 60).unwrap();
        let at = |number| Scene::new(&format, number).ball;
        assert_eq!((at(0), at(48), at(96)), (0, 1 << 15, 0));
        for number in 0..48 {
            assert!((at(number + 1) - at(number) - (1 << 15) / 48).abs() <= 1);
        }
    }
}
