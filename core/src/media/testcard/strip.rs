//! The frame number for programs: black and white cells along the lower edge, which survive JPEG and scaling.
//!
//! The strip is the lowest sixteenth of the picture, two rows of 24 cells, white for one. Row by row, these are the
//! 32 bits of the number and a 16-bit checksum, most significant bits first:
//!
//! ```text
//!  +--------------------------------------------------------------+  15/16 of the height
//!  | number, bits 31 to 8                                         |
//!  +----------------------------+---------------------------------+  31/32
//!  | number, bits 7 to 0        | checksum of the number's bytes  |
//!  +----------------------------+---------------------------------+  the lower edge
//! ```
//! All lengths are fractions of the picture's size, so that the strip is found at any scale.

mod reading;

use self::reading::{COLUMNS, ROWS, checksum};
use super::canvas::{Color, ONE, Rect, Surface};

pub use self::reading::read;

/// Paints the part of a picture's strip that lies in `tile`.
pub(super) fn paint(tile: &mut impl Surface, (width, height): (u16, u16), number: u32) {
    let (width, height) = (i32::from(width), i32::from(height));
    let row_edge = |row: usize| edge(row.wrapping_add(15 * ROWS), 16 * ROWS, height);
    let column_edge = |column: usize| edge(column, COLUMNS, width);
    let strip = Rect { left: 0, top: row_edge(0), right: column_edge(COLUMNS), bottom: row_edge(ROWS) };
    if !tile.touches(super::canvas::Shape::bounds(&strip)) {
        return;
    }
    tile.cover(&strip).paint(Color::grey(0));
    let bits = u64::from(number) << 16 | u64::from(checksum(number));
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let bit = 1_u64.wrapping_shl((ROWS * COLUMNS - 1) as u32) >> row.wrapping_mul(COLUMNS).wrapping_add(column);
            if bits & bit != 0 {
                tile.cover(&Rect {
                    left: column_edge(column),
                    top: row_edge(row),
                    right: column_edge(column.wrapping_add(1)),
                    bottom: row_edge(row.wrapping_add(1)),
                });
            }
        }
    }
    tile.paint(Color::grey(255));
}

/// The start of one of `count` equal parts of `len` pixels. Large parts begin at the next multiple of 8, because an edge
/// between two blocks costs no bits, and the reader only needs the middle.
fn edge(index: usize, count: usize, len: i32) -> i32 {
    let (index, count) = (index as i32, count as i32);
    let exact = index.wrapping_mul(len).wrapping_add(count / 2).checked_div(count).unwrap_or(0);
    let is_large = len >= count.wrapping_mul(14);
    let pixels = if is_large { (exact.wrapping_add(4) / 8).wrapping_mul(8) } else { exact };
    pixels.wrapping_mul(ONE)
}

#[cfg(test)]
mod tests {
    use super::super::canvas;
    use super::*;
    use std::vec::Vec;

    /// A strip, and nothing else.
    struct Grey {
        size: (u16, u16),
        number: u32,
    }

    impl canvas::Scenery for Grey {
        fn paint(&self, surface: &mut impl Surface) {
            surface.fill(Color::grey(90));
            paint(surface, self.size, self.number);
        }
    }

    fn strip(width: u16, height: u16, number: u32) -> Vec<u8> {
        canvas::luma((width, height), &Grey { size: (width, height), number })
    }

    const NUMBERS: [u32; 6] = [0, 1, 245, 0x1234_5678, 0xAAAA_AAAA, u32::MAX];

    /// Scales by taking the nearest pixel, which is the worst kind of scaling.
    fn scaled(luma: &[u8], (width, height): (usize, usize), (to_width, to_height): (usize, usize)) -> Vec<u8> {
        let at = |x: usize, y: usize| luma[y * height / to_height * width + x * width / to_width];
        (0..to_height).flat_map(|y| (0..to_width).map(move |x| (x, y))).map(|(x, y)| at(x, y)).collect()
    }

    #[test]
    fn numbers_are_read_at_every_size_and_scale() {
        for width in (160..=2032).step_by(144) {
            for height in [128, 144, 240, 464, 480, 720, 1088, 2032] {
                let number = NUMBERS[(width as usize / 16 + height as usize / 16) % NUMBERS.len()];
                let luma = strip(width, height, number);
                let size = (usize::from(width), usize::from(height));
                assert_eq!(read(&luma, size.0, size.0, size.1), Some(number), "{width}x{height}");
                if width > 700 {
                    continue;
                }
                for to in
                    [(size.0 / 2, size.1 / 2), (size.0 * 2, size.1 * 2), (size.0 * 3 / 2, size.1 * 3 / 2), (400, 400)]
                {
                    let scaled = scaled(&luma, size, to);
                    assert_eq!(read(&scaled, to.0, to.0, to.1), Some(number), "{width}x{height} to {to:?}");
                }
            }
        }
    }

    #[test]
    fn noise_and_weak_contrast_do_no_harm() {
        for number in NUMBERS {
            let mut luma = strip(320, 240, number);
            for (at, sample) in luma.iter_mut().enumerate() {
                let noise = ((at as u32).wrapping_mul(2_654_435_761) >> 26) as i32 - 32;
                *sample = (i32::from(*sample) / 2 + 64 + noise).clamp(0, 255) as u8;
            }
            assert_eq!(read(&luma, 320, 320, 240), Some(number));
        }
    }

    #[test]
    fn the_stride_may_be_longer_than_the_width() {
        let luma = strip(160, 128, 42);
        let padded: Vec<u8> = luma.chunks(160).flat_map(|row| [row, &[128; 32]].concat()).collect();
        assert_eq!(read(&padded, 192, 160, 128), Some(42));
    }

    #[test]
    fn pictures_without_a_strip_have_no_number() {
        for shade in [0, 127, 128, 255] {
            assert_eq!(read(&[shade; 320 * 240], 320, 320, 240), None);
        }
        let mut luma = strip(320, 240, 77);
        luma[232 * 320..].iter_mut().for_each(|sample| *sample = 255 - *sample);
        assert_eq!(read(&luma, 320, 320, 240), None);
    }

    #[test]
    fn dimensions_that_lie_have_no_number() {
        let luma = strip(160, 128, 42);
        for (len, stride, width, height) in [
            (luma.len() - 1, 160, 160, 160),
            (luma.len(), 159, 160, 128),
            (luma.len(), usize::MAX, 160, 128),
            (luma.len(), 160, 47, 128),
            (luma.len(), 160, 160, 31),
            (luma.len(), usize::MAX, usize::MAX, usize::MAX),
            (0, 160, 160, 128),
        ] {
            assert_eq!(read(&luma[..len], stride, width, height), None);
        }
    }

    #[test]
    fn the_checksum_is_the_well_known_one() {
        // These are the checksums of four zero bytes, and of "1234".
        assert_eq!((checksum(0), checksum(0x3132_3334)), (0x84C0, 0x5349));
    }
}
