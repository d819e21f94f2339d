//! Draws shapes with smooth edges, 16 x 16 pixels at a time, so that no picture has to be in memory.
//!
//! Positions are in sixteenths of a pixel ([`ONE`]), x to the right and y down. Pictures have at most 2032 pixels in each
//! direction, so positions stay below 2^16 and their squares need an `i64`.

use crate::jpeg::encoder::{EncodedMcu, Encoder, Full, Quantizer};
use core::hash::Hash;

/// One pixel.
pub(super) const ONE: i32 = 16;

/// Half a pixel.
const HALF: i32 = ONE / 2;

/// The edge of a tile.
const EDGE: i32 = TILE as i32 * ONE;

/// The number of pixels of a tile's edge. A tile is one MCU.
pub(super) const TILE: usize = 16;

/// The distance from a tile's centre to beyond the smooth edges of its corner pixels. A shape whose edge is farther away covers
/// all of the tile or nothing.
const REACH: i32 = 12 * ONE;

/// A colour: Y, Cb and Cr in JFIF's full range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Color([u8; 3]);

impl Color {
    pub(super) const fn rgb(r: u8, g: u8, b: u8) -> Self {
        let y = weighted([r, g, b], [299, 587, 114], 0);
        let cb = weighted([r, g, b], [-169, -331, 500], 128);
        let cr = weighted([r, g, b], [500, -419, -81], 128);
        Self([y, cb, cr])
    }

    pub(super) const fn grey(y: u8) -> Self {
        Self([y, 128, 128])
    }
}

/// `middle` and the weighted sum of a colour's parts, in thousandths and rounded.
const fn weighted([r, g, b]: [u8; 3], [of_r, of_g, of_b]: [i32; 3], middle: i32) -> u8 {
    let sum = (r as i32).wrapping_mul(of_r).wrapping_add((g as i32).wrapping_mul(of_g));
    let sum = sum.wrapping_add((b as i32).wrapping_mul(of_b)).wrapping_add(middle.wrapping_mul(1000));
    let value = sum.wrapping_add(500) / 1000;
    if value > 255 { 255 } else { value as u8 }
}

/// What a picture is painted with, one [`Surface`] after another.
pub(super) trait Scenery {
    fn paint(&self, surface: &mut impl Surface);
}

/// A part of the picture, and the area that will be painted next.
pub(super) trait Surface {
    /// Adds a shape to the area to be painted. Shapes of one area may overlap without visible edges.
    fn cover(&mut self, shape: &impl Shape) -> &mut Self;
    /// Whether anything within `bounds` may touch this surface.
    fn touches(&self, bounds: Bounds) -> bool;
    /// Adds shapes that lie within `bounds`, and that `name` stands for: the same name always means the same shapes.
    fn cover_with(&mut self, name: impl Hash, bounds: Bounds, shapes: impl FnOnce(&mut Self));
    /// Paints the area and begins a new one.
    fn paint(&mut self, color: Color);
    /// Paints the whole surface.
    fn fill(&mut self, color: Color);
}

/// Draws a picture tile by tile and encodes it into `out`; dimensions are multiples of 16.
pub(super) fn render(
    (width, height): (u16, u16),
    quantizer: &Quantizer,
    out: &mut [u8],
    scenery: &impl Scenery,
) -> Result<usize, Full> {
    let mut encoder = Encoder::new(out, width, height, quantizer)?;
    for y in (0..height).step_by(TILE) {
        for x in (0..width).step_by(TILE) {
            Tile::painted(x, y, scenery).encode(&mut encoder)?;
        }
    }
    encoder.finish()
}

/// The luma plane of a picture before it is encoded.
#[cfg(test)]
pub(super) fn luma((width, height): (u16, u16), scenery: &impl Scenery) -> std::vec::Vec<u8> {
    let mut plane = std::vec![0; usize::from(width) * usize::from(height)];
    for y in (0..height).step_by(TILE) {
        for x in (0..width).step_by(TILE) {
            let mut tile = Tile::painted(x, y, scenery);
            if let Some(Color(flat)) = tile.flat {
                tile.planes[0].fill(flat[0]);
            }
            for (row, pixels) in tile.planes[0].chunks(TILE).enumerate() {
                let start = (usize::from(y) + row) * usize::from(width) + usize::from(x);
                plane[start..start + TILE].copy_from_slice(pixels);
            }
        }
    }
    plane
}

/// An MCU of the picture.
pub(super) struct Tile {
    /// The upper left corner, in pixels.
    x: i32,
    y: i32,
    /// The colour of all pixels, if they have one colour. `planes` are not in use then.
    flat: Option<Color>,
    planes: [[u8; TILE * TILE]; 3],
    cover: Cover,
    /// The covered part of each pixel, in 1/16. In use if `cover` is `Partly`.
    mask: [u8; TILE * TILE],
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Cover {
    Nothing,
    Partly,
    All,
}

impl Tile {
    fn new(x: u16, y: u16) -> Self {
        Self {
            x: i32::from(x),
            y: i32::from(y),
            flat: Some(Color::grey(0)),
            planes: [[0; TILE * TILE]; 3],
            cover: Cover::Nothing,
            mask: [0; TILE * TILE],
        }
    }

    pub(super) fn painted(x: u16, y: u16, scenery: &impl Scenery) -> Self {
        let mut tile = Self::new(x, y);
        scenery.paint(&mut tile);
        tile
    }

    fn cover_partly(&mut self, shape: &impl Shape, bounds: Bounds) {
        if self.cover == Cover::Nothing {
            self.mask.fill(0);
            self.cover = Cover::Partly;
        }
        let columns = pixels(self.x, bounds.left, bounds.right);
        let rows = pixels(self.y, bounds.top, bounds.bottom);
        for (row, mask) in self.mask.as_chunks_mut::<TILE>().0.iter_mut().enumerate().take(rows.1).skip(rows.0) {
            let y = centre(self.y, row);
            for (column, mask) in mask.iter_mut().enumerate().take(columns.1).skip(columns.0) {
                let x = centre(self.x, column);
                *mask = (*mask).max(shape.coverage(x, y).clamp(0, ONE) as u8);
            }
        }
    }

    pub(super) fn encode(&self, encoder: &mut Encoder<'_, '_>) -> Result<(), Full> {
        if let Some(Color(flat)) = self.flat {
            return encoder.flat_mcu(flat);
        }
        let (luma, cb, cr) = self.blocks();
        encoder.mcu(&luma, &cb, &cr)
    }

    /// Encodes it to be repeated.
    pub(super) fn encode_once(&self, mcu: &mut EncodedMcu, quantizer: &Quantizer) -> Result<(), Full> {
        let (luma, cb, cr) = match self.flat {
            Some(Color([y, cb, cr])) => ([[y; 64]; 4], [cb; 64], [cr; 64]),
            None => self.blocks(),
        };
        mcu.encode(&luma, &cb, &cr, quantizer)
    }

    /// Four blocks of luma, and one each of Cb and Cr.
    fn blocks(&self) -> ([[u8; 64]; 4], [u8; 64], [u8; 64]) {
        let [y, cb, cr] = &self.planes;
        let mut luma = [[0; 64]; 4];
        for (row, pixels) in y.as_chunks::<TILE>().0.iter().enumerate() {
            let (left, right) = pixels.split_at(8);
            for (block, half) in luma.iter_mut().skip((row / 8).wrapping_mul(2)).zip([left, right]) {
                for (to, from) in block.iter_mut().skip((row % 8).wrapping_mul(8)).zip(half) {
                    *to = *from;
                }
            }
        }
        (luma, halved(cb), halved(cr))
    }
}

impl Surface for Tile {
    fn cover(&mut self, shape: &impl Shape) -> &mut Self {
        let bounds = shape.bounds();
        if self.cover == Cover::All || !self.touches(bounds) {
            return self;
        }
        match covered(self.x, self.y, shape) {
            Cover::All => self.cover = Cover::All,
            Cover::Partly => self.cover_partly(shape, bounds),
            Cover::Nothing => {}
        }
        self
    }

    fn cover_with(&mut self, _: impl Hash, bounds: Bounds, shapes: impl FnOnce(&mut Self)) {
        if self.touches(bounds) {
            shapes(self);
        }
    }

    fn touches(&self, bounds: Bounds) -> bool {
        bounds.touch((self.x, self.y), (TILE as i32, TILE as i32))
    }

    fn paint(&mut self, color: Color) {
        match self.cover {
            Cover::Nothing => {}
            Cover::All => self.flat = Some(color),
            Cover::Partly if self.flat == Some(color) => {}
            Cover::Partly => {
                if let Some(Color(flat)) = self.flat.take() {
                    for (plane, value) in self.planes.iter_mut().zip(flat) {
                        plane.fill(value);
                    }
                }
                for (plane, value) in self.planes.iter_mut().zip(color.0) {
                    for (pixel, &mask) in plane.iter_mut().zip(&self.mask) {
                        let (old, new) = (i32::from(*pixel), i32::from(value));
                        let change = new.wrapping_sub(old).wrapping_mul(mask.into()).wrapping_add(HALF) / ONE;
                        *pixel = old.wrapping_add(change) as u8;
                    }
                }
            }
        }
        self.cover = Cover::Nothing;
    }

    fn fill(&mut self, color: Color) {
        self.flat = Some(color);
        self.cover = Cover::Nothing;
    }
}

/// How much of the tile with this corner, in pixels, a shape covers whose bounds touch it.
pub(super) fn covered(x: i32, y: i32, shape: &impl Shape) -> Cover {
    let middle = |corner: i32| corner.wrapping_mul(ONE).wrapping_add(EDGE / 2);
    let distance = shape.distance(middle(x), middle(y));
    if distance >= REACH {
        Cover::All
    } else if distance > -REACH {
        Cover::Partly
    } else {
        Cover::Nothing
    }
}

/// The middle of a pixel, `index` pixels behind a tile's corner.
fn centre(corner: i32, index: usize) -> i32 {
    corner.wrapping_add(index as i32).wrapping_mul(ONE).wrapping_add(HALF)
}

/// The pixels of a tile that a range touches: the first, and the one behind the last.
fn pixels(origin: i32, from: i32, to: i32) -> (usize, usize) {
    let within = |position: i32| position.div_euclid(ONE).wrapping_sub(origin).clamp(0, TILE as i32) as usize;
    (within(from), within(to.wrapping_add(ONE - 1)))
}

/// A chroma plane in half resolution.
fn halved(plane: &[u8; TILE * TILE]) -> [u8; 64] {
    let mut half = [0; 64];
    for (to, rows) in half.as_chunks_mut::<8>().0.iter_mut().zip(plane.as_chunks::<{ 2 * TILE }>().0) {
        let (upper, lower) = rows.split_at(TILE);
        for (to, ([a, b], [c, d])) in to.iter_mut().zip(upper.as_chunks().0.iter().zip(lower.as_chunks().0)) {
            let sum = [*a, *b, *c, *d].iter().fold(2_u16, |sum, &pixel| sum.wrapping_add(pixel.into()));
            *to = (sum / 4) as u8;
        }
    }
    half
}

/// A rectangle that contains a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
}

impl Bounds {
    /// Whether they touch an area with this corner and size, in pixels.
    pub(super) fn touch(&self, (x, y): (i32, i32), (width, height): (i32, i32)) -> bool {
        let (left, top) = (x.wrapping_mul(ONE), y.wrapping_mul(ONE));
        let (right, bottom) = (left.wrapping_add(width.wrapping_mul(ONE)), top.wrapping_add(height.wrapping_mul(ONE)));
        self.left < right && self.right > left && self.top < bottom && self.bottom > top
    }
}

/// An area of the picture. Its kind and its hash stand for all of it.
pub(super) trait Shape: Hash {
    /// Another number for each kind of shape.
    const KIND: u8;
    /// A rectangle that contains the area and its smooth edges.
    fn bounds(&self) -> Bounds;
    /// The distance from a point to the edge, positive inside. Inside it is at most the true distance. Outside it is negative,
    /// and may be far below the true one.
    fn distance(&self, x: i32, y: i32) -> i32;
    /// The covered part of the pixel around a point, 0 to 16. A value outside means the nearer of the two.
    fn coverage(&self, x: i32, y: i32) -> i32 {
        self.distance(x, y).wrapping_add(HALF)
    }
}

/// A rectangle whose edges may lie anywhere between pixels.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Rect {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
}

impl Shape for Rect {
    const KIND: u8 = 0;

    fn bounds(&self) -> Bounds {
        Bounds { left: self.left, top: self.top, right: self.right, bottom: self.bottom }
    }

    fn distance(&self, x: i32, y: i32) -> i32 {
        let across = x.wrapping_sub(self.left).min(self.right.wrapping_sub(x));
        across.min(y.wrapping_sub(self.top)).min(self.bottom.wrapping_sub(y))
    }

    fn coverage(&self, x: i32, y: i32) -> i32 {
        let part = |position: i32, from: i32, to: i32| {
            let (begin, end) = (position.wrapping_sub(HALF).max(from), position.wrapping_add(HALF).min(to));
            end.wrapping_sub(begin).max(0)
        };
        part(x, self.left, self.right).wrapping_mul(part(y, self.top, self.bottom)) / ONE
    }
}

/// A circular line, or a disc if `inner` is 0.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Ring {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) outer: i32,
    pub(super) inner: i32,
}

impl Shape for Ring {
    const KIND: u8 = 1;

    fn bounds(&self) -> Bounds {
        around(self.x, self.y, self.outer)
    }

    fn distance(&self, x: i32, y: i32) -> i32 {
        let from_centre = length(x.wrapping_sub(self.x), y.wrapping_sub(self.y));
        let from_outer = self.outer.wrapping_sub(from_centre);
        if self.inner > 0 { from_outer.min(from_centre.wrapping_sub(self.inner)) } else { from_outer }
    }

    fn coverage(&self, x: i32, y: i32) -> i32 {
        let squared = squared(x.wrapping_sub(self.x), y.wrapping_sub(self.y));
        let from_outer = from_circle(squared, self.outer);
        let from_inner = || from_circle(squared, self.inner).wrapping_neg();
        let distance = if self.inner > 0 { from_outer.min(from_inner()) } else { from_outer };
        distance.wrapping_add(HALF)
    }
}

/// A straight stroke with round ends.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Line {
    x: i32,
    y: i32,
    to_x: i32,
    to_y: i32,
    half: i32,
    /// The direction, times 2^14.
    unit_x: i32,
    unit_y: i32,
    length: i32,
}

impl Line {
    /// A stroke from one point to another, with a width of `half` to either side.
    pub(super) fn new((x, y): (i32, i32), (to_x, to_y): (i32, i32), half: i32) -> Self {
        let (dx, dy) = (to_x.wrapping_sub(x), to_y.wrapping_sub(y));
        let length = length(dx, dy);
        let unit =
            |part: i32| i64::from(part).saturating_mul(1 << 14).checked_div(i64::from(length)).unwrap_or(0) as i32;
        Self { x, y, to_x, to_y, half, unit_x: unit(dx), unit_y: unit(dy), length }
    }

    /// The distance of a point to the stroke's middle line. `Err`: the point lies beyond an end; its offset from that end.
    fn across(&self, x: i32, y: i32) -> Result<i32, (i32, i32)> {
        let (dx, dy) = (x.wrapping_sub(self.x), y.wrapping_sub(self.y));
        let along = product(dx, self.unit_x, dy, self.unit_y);
        if along < 0 || self.length == 0 {
            Err((dx, dy))
        } else if along > self.length {
            Err((x.wrapping_sub(self.to_x), y.wrapping_sub(self.to_y)))
        } else {
            Ok(product(dx, self.unit_y, dy.wrapping_neg(), self.unit_x).wrapping_abs())
        }
    }
}

impl Shape for Line {
    const KIND: u8 = 2;

    fn bounds(&self) -> Bounds {
        line_bounds((self.x, self.y), (self.to_x, self.to_y), self.half)
    }

    fn distance(&self, x: i32, y: i32) -> i32 {
        self.half.wrapping_sub(self.across(x, y).unwrap_or_else(|(dx, dy)| length(dx, dy)))
    }

    fn coverage(&self, x: i32, y: i32) -> i32 {
        let distance = match self.across(x, y) {
            Ok(across) => self.half.wrapping_sub(across),
            Err((dx, dy)) => from_circle(squared(dx, dy), self.half),
        };
        distance.wrapping_add(HALF)
    }
}

/// The bounds of a [`Line`].
pub(super) fn line_bounds((x, y): (i32, i32), (to_x, to_y): (i32, i32), half: i32) -> Bounds {
    let edge = half.wrapping_add(ONE);
    Bounds {
        left: x.min(to_x).wrapping_sub(edge),
        top: y.min(to_y).wrapping_sub(edge),
        right: x.max(to_x).wrapping_add(edge),
        bottom: y.max(to_y).wrapping_add(edge),
    }
}

/// A circular stroke over some eighths of the circle, with round ends.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Arc {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) radius: i32,
    pub(super) half: i32,
    /// The start, in eighths of a turn clockwise from the right.
    pub(super) from: u8,
    /// The number of eighths, up to 8.
    pub(super) eighths: u8,
}

impl Arc {
    fn ring(&self) -> Ring {
        let (outer, inner) = (self.radius.wrapping_add(self.half), self.radius.wrapping_sub(self.half));
        Ring { x: self.x, y: self.y, outer, inner: inner.max(1) }
    }

    fn has(&self, dx: i32, dy: i32) -> bool {
        let eighth = match (dx >= 0, dy >= 0) {
            (true, true) => u8::from(dx < dy),
            (false, true) => 2 | u8::from(dx.wrapping_neg() > dy),
            (false, false) => 4 | u8::from(dx > dy),
            (true, false) => 6 | u8::from(dx > dy.wrapping_neg()),
        };
        eighth.wrapping_sub(self.from) % 8 < self.eighths
    }

    fn ends(&self) -> [(i32, i32); 2] {
        [self.from, self.from.wrapping_add(self.eighths)].map(|eighth| {
            let (cosine, sine) = direction(u32::from(eighth) << 13);
            let end = |middle: i32, part: i32| middle.wrapping_add(scaled(self.radius, part));
            (end(self.x, cosine), end(self.y, sine))
        })
    }
}

impl Shape for Arc {
    const KIND: u8 = 3;

    fn bounds(&self) -> Bounds {
        self.ring().bounds()
    }

    fn distance(&self, x: i32, y: i32) -> i32 {
        if self.has(x.wrapping_sub(self.x), y.wrapping_sub(self.y)) {
            return self.ring().distance(x, y);
        }
        let from_end = |(end_x, end_y)| length(x.wrapping_sub(end_x), y.wrapping_sub(end_y));
        let [a, b] = self.ends().map(|end| self.half.wrapping_sub(from_end(end)));
        a.max(b)
    }

    fn coverage(&self, x: i32, y: i32) -> i32 {
        if self.has(x.wrapping_sub(self.x), y.wrapping_sub(self.y)) {
            return self.ring().coverage(x, y);
        }
        let from_end = |(end_x, end_y)| squared(x.wrapping_sub(end_x), y.wrapping_sub(end_y));
        let [a, b] = self.ends().map(|end| from_circle(from_end(end), self.half));
        a.max(b).wrapping_add(HALF)
    }
}

/// The sector that a clock's hand has passed since it stood upright.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Sector {
    x: i32,
    y: i32,
    is_small: bool,
    /// The hand's direction, times 2^14.
    hand: (i32, i32),
}

impl Sector {
    /// A hand at this angle, in 1/65536 of a turn clockwise.
    pub(super) fn new((x, y): (i32, i32), turn: u16) -> Self {
        Self { x, y, is_small: turn < 1 << 15, hand: hand(turn) }
    }
}

impl Shape for Sector {
    const KIND: u8 = 4;

    fn bounds(&self) -> Bounds {
        around(self.x, self.y, i32::MAX / 4)
    }

    fn distance(&self, x: i32, y: i32) -> i32 {
        let (dx, dy) = (x.wrapping_sub(self.x), y.wrapping_sub(self.y));
        let (right, down) = self.hand;
        let behind = product(dx, down, dy.wrapping_neg(), right);
        if self.is_small { dx.min(behind) } else { dx.max(behind) }
    }
}

/// The direction of a clock's hand, times 2^14. `turn` is in 1/65536 of a turn clockwise from upright.
pub(super) fn hand(turn: u16) -> (i32, i32) {
    direction(u32::from(turn) + (3 << 14))
}

/// The end of a hand of this length.
pub(super) fn scaled(length: i32, direction: i32) -> i32 {
    product(length, direction, 0, 0)
}

/// Cosine and sine times 2^14 of an angle in 1/65536 of a turn.
fn direction(turn: u32) -> (i32, i32) {
    (sine(turn.wrapping_add(1 << 14)), sine(turn))
}

fn sine(turn: u32) -> i32 {
    let (quarter, within) = ((turn >> 14) & 3, (turn & 0x3FFF) as i32);
    let rising = if quarter & 1 == 0 { within } else { (1_i32 << 14).wrapping_sub(within) };
    let value = quarter_sine(rising);
    if quarter < 2 { value } else { value.wrapping_neg() }
}

/// sin(x π/2) for x from 0 to 1, both times 2^14: the odd polynomial of degree 5 that is nearest, within 2^-13.
fn quarter_sine(x: i32) -> i32 {
    // These are 1.5706268, 0.6432292 and 0.0727102, times 2^14.
    let times = |a: i32, b: i32| a.wrapping_mul(b) >> 14;
    let square = times(x, x);
    let inner = 10_539_i32.wrapping_sub(times(square, 1191));
    let outer = 25_733_i32.wrapping_sub(times(square, inner));
    (x.wrapping_mul(outer).wrapping_add(1 << 13) >> 14).min(1 << 14)
}

/// `(a * b + c * d) / 2^14`, `b` and `d` being parts of a direction. It fits 32 bits: positions stay below 2^16, and a
/// direction is 2^14 long.
fn product(a: i32, b: i32, c: i32, d: i32) -> i32 {
    a.wrapping_mul(b).wrapping_add(c.wrapping_mul(d)) >> 14
}

fn squared(dx: i32, dy: i32) -> i64 {
    let square = |part: i32| i64::from(part).wrapping_mul(part.into());
    square(dx).wrapping_add(square(dy))
}

fn length(dx: i32, dy: i32) -> i32 {
    squared(dx, dy).isqrt() as i32
}

/// The distance from a point to a circle, positive inside, from the squared distance of the point to the centre. It needs
/// no root, and is right near the circle, where it matters.
fn from_circle(squared: i64, radius: i32) -> i32 {
    let radius = i64::from(radius.max(1));
    let beyond = radius.wrapping_mul(radius).wrapping_sub(squared);
    beyond.checked_div(radius.wrapping_mul(2)).unwrap_or(0).clamp(-4096, 4096) as i32
}

fn around(x: i32, y: i32, radius: i32) -> Bounds {
    let radius = radius.saturating_add(ONE);
    Bounds {
        left: x.wrapping_sub(radius),
        top: y.wrapping_sub(radius),
        right: x.wrapping_add(radius),
        bottom: y.wrapping_add(radius),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_are_right_within_a_ten_thousandth() {
        for turn in (0..65_536).step_by(97) {
            let angle = f64::from(turn) * core::f64::consts::TAU / 65_536.0;
            let (cosine, sine) = direction(turn);
            assert!((f64::from(sine) / 16_384.0 - angle.sin()).abs() < 3e-4, "sine of {turn}");
            assert!((f64::from(cosine) / 16_384.0 - angle.cos()).abs() < 3e-4, "cosine of {turn}");
        }
        assert_eq!(hand(0), (0, -(1 << 14)));
        assert_eq!(hand(1 << 14), (1 << 14, 0));
    }

    /// The area of a shape in the middle of four tiles, in pixels.
    fn area(shape: &impl Shape) -> f64 {
        let mut sum = 0;
        for (x, y) in [(0, 0), (16, 0), (0, 16), (16, 16)] {
            let mut tile = Tile::new(x, y);
            tile.cover(shape);
            sum += match tile.cover {
                Cover::Nothing => 0,
                Cover::Partly => tile.mask.iter().map(|&mask| u32::from(mask)).sum(),
                Cover::All => 256 * 16,
            };
        }
        f64::from(sum) / 16.0
    }

    #[test]
    fn shapes_cover_their_area() {
        use core::f64::consts::PI;
        let (x, y) = (15 * ONE + 5, 16 * ONE + 3);
        let ring = |outer, inner| Ring { x, y, outer: outer * ONE, inner: inner * ONE };
        let quarter = Arc { x, y, radius: 8 * ONE, half: 2 * ONE, from: 1, eighths: 2 };
        let cases = [
            ("disc", area(&ring(10, 0)), 100.0 * PI),
            ("ring", area(&ring(12, 8)), 80.0 * PI),
            ("line", area(&Line::new((5 * ONE, 6 * ONE), (25 * ONE, 21 * ONE), 2 * ONE)), 100.0 + 4.0 * PI),
            ("arc", area(&quarter), 64.0 * PI / 4.0 + 4.0 * PI),
            ("rectangle", area(&Rect { left: 40, top: 88, right: 200, bottom: 140 }), 160.0 * 52.0 / 256.0),
        ];
        for (what, found, exact) in cases {
            assert!((found - exact).abs() < exact * 0.03, "{what}: {found}, exactly {exact}");
        }
    }

    #[test]
    fn a_sector_grows_with_its_hand() {
        for eighth in 0..8_u16 {
            let share = area(&Sector::new((16 * ONE, 16 * ONE), eighth << 13)) / 1024.0;
            assert!((share - f64::from(eighth) / 8.0).abs() < 0.02, "{eighth} eighths: {share}");
        }
    }

    #[test]
    fn a_tile_covered_by_one_colour_is_flat() {
        let mut tile = Tile::new(32, 32);
        tile.fill(Color::grey(20));
        tile.cover(&Rect { left: 0, top: 0, right: 16 * ONE, bottom: 600 * ONE }).paint(Color::grey(200));
        assert_eq!(tile.flat, Some(Color::grey(20)));
        tile.cover(&Ring { x: 40 * ONE, y: 40 * ONE, outer: 5 * ONE, inner: 0 }).paint(Color::grey(200));
        assert_eq!(tile.flat, None);
        tile.cover(&Rect { left: 0, top: 0, right: 64 * ONE, bottom: 600 * ONE }).paint(Color::grey(90));
        assert_eq!(tile.flat, Some(Color::grey(90)));
    }

    #[test]
    fn colours_are_those_of_jfif() {
        assert_eq!(Color::rgb(255, 255, 255), Color([255, 128, 128]));
        assert_eq!(Color::rgb(255, 0, 0), Color([76, 85, 255]));
        assert_eq!(Color::rgb(0, 0, 255), Color([29, 255, 107]));
    }
}
