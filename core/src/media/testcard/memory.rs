//! Remembers the tiles of the picture that was drawn before, because most of them are the same in the next one.
//!
//! Whether a tile is the same is found out without a pixel: the scenery is painted on a [`Fingerprint`], which takes note
//! of the shapes and colours that come into its area. That is done for a whole row of tiles first.

use super::canvas::{Bounds, Color, Cover, Scenery, Shape, Surface, TILE, Tile, covered};
use crate::jpeg::encoder::{EncodedMcu, Encoder, Full, Quantizer};
use core::hash::{Hash, Hasher};

/// A tile as it was drawn last: 160 bytes. [`tile_count`] of them remember a picture. Whatever they hold, pictures are right.
#[derive(Clone, Copy, Debug, Default)]
pub struct DrawnTile {
    /// What it shows. `None`: it is not held.
    print: Option<Print>,
    /// What the row of tiles shows that begins here.
    row: Option<Print>,
    mcu: EncodedMcu,
}

type Print = u64;

/// The number of tiles of a picture.
pub const fn tile_count(width: u16, height: u16) -> usize {
    (width.div_ceil(TILE as u16) as usize).saturating_mul(height.div_ceil(TILE as u16) as usize)
}

/// Draws what [`canvas::render`](super::canvas::render) does, from what `tiles` remember. Tiles beyond those given are drawn.
pub(super) fn render(
    (width, height): (u16, u16),
    quantizer: &Quantizer,
    out: &mut [u8],
    tiles: &mut [DrawnTile],
    scenery: &impl Scenery,
) -> Result<usize, Full> {
    let mut encoder = Encoder::new(out, width, height, quantizer)?;
    let mut seed = Hash64(0);
    (width, height, quantizer.entries()).hash(&mut seed);
    let mut rows = tiles.chunks_mut(usize::from(width).div_ceil(TILE));
    for y in (0..height).step_by(TILE) {
        let tiles = rows.next().unwrap_or_default();
        let row = Fingerprint::of((0, y), width, seed, scenery);
        let is_known = tiles.first().is_some_and(|first| first.row == Some(row));
        // If the buffer is full, a part of the row is new.
        if let Some(first) = tiles.first_mut() {
            first.row = None;
        }
        let mut tiles_of_row = tiles.iter_mut();
        for x in (0..width).step_by(TILE) {
            match tiles_of_row.next() {
                Some(tile) => {
                    if !(is_known && tile.print.is_some()) {
                        let print = Fingerprint::of((x, y), TILE as u16, seed, scenery);
                        if tile.print != Some(print) {
                            let drawn = Tile::painted(x, y, scenery);
                            tile.print = drawn.encode_once(&mut tile.mcu, quantizer).ok().map(|()| print);
                            if tile.print.is_none() {
                                drawn.encode(&mut encoder)?;
                                continue;
                            }
                        }
                    }
                    encoder.repeat(&tile.mcu)?;
                }
                None => Tile::painted(x, y, scenery).encode(&mut encoder)?,
            }
        }
        if let Some(first) = tiles.first_mut() {
            first.row = Some(row);
        }
    }
    encoder.finish()
}

/// An area of one tile's height, of which no more is known than what was painted on it.
struct Fingerprint {
    x: i32,
    y: i32,
    width: i32,
    seed: Hash64,
    /// What was painted and is not painted over.
    painted: Hash64,
    cover: Cover,
}

impl Fingerprint {
    fn of((x, y): (u16, u16), width: u16, seed: Hash64, scenery: &impl Scenery) -> Print {
        let (x, y, width) = (i32::from(x), i32::from(y), i32::from(width));
        let mut print = Self { x, y, width, seed, painted: seed, cover: Cover::Nothing };
        scenery.paint(&mut print);
        print.painted.finish()
    }
}

impl Surface for Fingerprint {
    fn cover(&mut self, shape: &impl Shape) -> &mut Self {
        if self.cover == Cover::All || !self.touches(shape.bounds()) {
            return self;
        }
        // What covers a tile wholly does not show where its edges are.
        let cover = if self.width == TILE as i32 { covered(self.x, self.y, shape) } else { Cover::Partly };
        if cover == Cover::Partly {
            self.painted.mix(kind(shape));
            shape.hash(&mut self.painted);
        }
        if cover != Cover::Nothing {
            self.cover = cover;
        }
        self
    }

    fn cover_with(&mut self, name: impl Hash, bounds: Bounds, _: impl FnOnce(&mut Self)) {
        if self.cover != Cover::All && self.touches(bounds) {
            name.hash(&mut self.painted);
            self.cover = Cover::Partly;
        }
    }

    fn touches(&self, bounds: Bounds) -> bool {
        bounds.touch((self.x, self.y), (self.width, TILE as i32))
    }

    fn paint(&mut self, color: Color) {
        match self.cover {
            Cover::Nothing => {}
            Cover::Partly => color.hash(&mut self.painted),
            Cover::All => self.fill(color),
        }
        self.cover = Cover::Nothing;
    }

    fn fill(&mut self, color: Color) {
        self.painted = self.seed;
        color.hash(&mut self.painted);
        self.cover = Cover::Nothing;
    }
}

fn kind<S: Shape>(_: &S) -> u64 {
    S::KIND.into()
}

/// A hash of 64 bits, fast for a few numbers: each is mixed in by a multiplication whose upper half comes down again.
#[derive(Clone, Copy, Debug)]
struct Hash64(u64);

impl Hash64 {
    #[inline(always)]
    fn mix(&mut self, value: u64) {
        let mixed = (self.0 ^ value).wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        self.0 = mixed ^ mixed >> 32;
    }
}

impl Hasher for Hash64 {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.mix(byte.into());
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(value.into());
    }

    fn write_i32(&mut self, value: i32) {
        self.mix(u64::from(value as u32));
    }

    fn write_u16(&mut self, value: u16) {
        self.mix(value.into());
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::designs;
    use super::super::{Design, buffer_len};
    use super::*;
    use std::vec;
    use std::vec::Vec;

    fn drawn(design: &Design, number: u32) -> Vec<u8> {
        let mut out = vec![0; 1 << 20];
        let len = design.render(number, &mut out).unwrap();
        out.truncate(len);
        out
    }

    #[test]
    fn pictures_from_memory_are_those_that_are_drawn() {
        for (width, height, quality) in [(640, 480, 60), (160, 128, 95), (176, 144, 10)] {
            for design in designs(width, height, quality) {
                let mut tiles = vec![DrawnTile::default(); tile_count(width, height)];
                let mut out = vec![0; 1 << 20];
                for number in (22..27).chain([95, 96, 2399, 888_888, u32::MAX, 0, 0]) {
                    let len = design.render_changes(number, &mut out, &mut tiles).unwrap();
                    assert!(out[..len] == drawn(&design, number), "{width}x{height}, frame {number}");
                }
            }
        }
    }

    #[test]
    fn memory_of_anything_else_does_no_harm() {
        // One memory for all, and one that is too small for the largest.
        for len in [0, 1, 79, tile_count(320, 240)] {
            let mut tiles = vec![DrawnTile::default(); len];
            let mut out = vec![0; 1 << 20];
            for round in 0..3 {
                for (width, height, quality) in [(160, 128, 60), (320, 240, 60), (320, 240, 61)] {
                    for design in designs(width, height, quality) {
                        let len = design.render_changes(round * 7, &mut out, &mut tiles).unwrap();
                        assert!(out[..len] == drawn(&design, round * 7));
                    }
                }
            }
        }
    }

    #[test]
    fn a_picture_that_did_not_fit_leaves_nothing_wrong_behind() {
        for design in designs(160, 128, 60) {
            let mut tiles = vec![DrawnTile::default(); tile_count(160, 128)];
            let mut out = vec![0; buffer_len(160, 128)];
            for number in 0..10 {
                let whole = drawn(&design, number);
                let short = whole.len() * (number as usize % 10) / 10;
                assert_eq!(design.render_changes(number, &mut out[..short], &mut tiles), Err(Full));
                // The one before again, some of whose tiles were just drawn anew.
                for number in [number.saturating_sub(1), number] {
                    let len = design.render_changes(number, &mut out, &mut tiles).unwrap();
                    assert!(out[..len] == drawn(&design, number));
                }
            }
        }
    }

    #[test]
    fn most_tiles_are_the_same_in_the_next_picture() {
        for (design, most) in designs(640, 480, 60).into_iter().zip([200, 200]) {
            let mut tiles = vec![DrawnTile::default(); tile_count(640, 480)];
            let mut out = vec![0; 1 << 20];
            let mut before: Vec<Option<Print>> = vec![None; tiles.len()];
            for number in 97..107 {
                design.render_changes(number, &mut out, &mut tiles).unwrap();
                let now: Vec<_> = tiles.iter().map(|tile| tile.print).collect();
                let changed = now.iter().zip(&before).filter(|(now, before)| now != before).count();
                assert!(number == 97 || changed <= most, "{changed} tiles of frame {number}");
                let not_held = now.iter().filter(|print| print.is_none()).count();
                assert_eq!(not_held, 0, "tiles of frame {number} do not fit their place");
                before = now;
            }
        }
    }

    #[test]
    fn a_tile_takes_160_bytes() {
        assert_eq!(size_of::<DrawnTile>(), 160);
    }
}
