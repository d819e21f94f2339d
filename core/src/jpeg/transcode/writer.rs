//! Entropy-coded data block by block, a zero behind each FF.

use super::super::encoder::{Code, amplitude, size};
use super::reader::contains_ff;

/// No DC coefficient becomes more bits: Annex K's longest code of chroma has 11, and so have the bits behind it.
pub(super) const DC_BITS: u32 = 22;
/// No AC coefficient becomes more bits, not counting zeros before it: a code of 16, and 10 behind it.
pub(super) const AC_BITS: u32 = 26;
/// No block becomes more bits.
pub(super) const BLOCK_BITS: u32 = DC_BITS + 63 * AC_BITS;

/// No block, with 63 bits left over from the one before, makes more bytes, if all bytes are stuffed; and bytes are stored
/// eight at a time.
pub(super) const MAX_BLOCK: usize = 2 * (BLOCK_BITS as usize + 63) / 8 + 8;

/// Where one block goes.
pub(super) type BlockBuffer = [u8; MAX_BLOCK];

/// The state between blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer {
    /// See [`bits`](Self::bits).
    bits: u64,
    count: u32,
    /// The last DC coefficient of each component (section F.1.1.5.1).
    pub(super) dc: [i32; 3],
}

impl Writer {
    pub(super) const fn new() -> Self {
        Self { bits: 0, count: 0, dc: [0; 3] }
    }

    /// The bits left over, right-aligned; what is above them has been written.
    #[inline(always)]
    pub(super) fn bits(&self) -> (u64, u32) {
        (self.bits, self.count)
    }

    /// Keeps bits for later.
    #[inline(always)]
    pub(super) fn keep(&mut self, bits: u64, count: u32) {
        (self.bits, self.count) = (bits, count);
    }

    /// Takes over the bits left over of another one, at most 7, behind its own, at most as many, and its DC coefficients.
    pub(super) fn append(&mut self, other: &Self) {
        let (bits, count) = other.bits();
        let bits = bits & 1_u64.wrapping_shl(count).wrapping_sub(1);
        self.keep(self.bits.wrapping_shl(count) | bits, self.count.wrapping_add(count));
        self.dc = other.dc;
    }

    /// A pen for one block; [`BitWriter::lift`] gives the writer back.
    pub(super) fn pen<'w>(&self, window: &'w mut BlockBuffer) -> BitWriter<'w> {
        let mut pen = BitWriter { bits: self.bits, count: self.count, out: window };
        pen.drain();
        pen
    }

    /// Writes the bits left over, filled up with ones to whole bytes (section F.1.2.3), and a marker if one is to follow.
    pub(super) fn end(&mut self, window: &mut BlockBuffer, code: Option<u8>) -> usize {
        let mut pen = self.pen(window);
        // Not more ones than are missing: none, where the last byte is whole.
        let missing = 8_u32.wrapping_sub(pen.count) & 7;
        pen.put(1_u32.wrapping_shl(missing).wrapping_sub(1), missing);
        pen.drain();
        if let Some(code) = code {
            pen.out = append(append(pen.out, 0xFF), code);
        }
        let len = pen.lift(self);
        *self = Self::new();
        len
    }
}

/// Writes one block. What does not fit the window, which by [`MAX_BLOCK`] nothing does, would be dropped.
///
/// It holds 64 bits, 7 of which may be left over, and asking with each symbol whether they are full takes more time than
/// writing what is there now and then: that is left to the caller.
pub(super) struct BitWriter<'w> {
    bits: u64,
    count: u32,
    /// The rest of the window.
    out: &'w mut [u8],
}

impl BitWriter<'_> {
    /// `len` bits, at most 31; `value` has no others. Between two calls of [`drain`](Self::drain) not more than 57.
    #[inline(always)]
    pub(super) fn put(&mut self, value: u32, len: u32) {
        self.bits = self.bits.wrapping_shl(len) | u64::from(value);
        self.count = self.count.wrapping_add(len);
    }

    /// A code and the bits behind it, together at most 27.
    #[inline(always)]
    pub(super) fn put_with(&mut self, code: Code, value: u32, len: u32) {
        self.put(u32::from(code.bits).wrapping_shl(len) | value, u32::from(code.len).wrapping_add(len));
    }

    /// A coefficient, and the code that tells how many bits it has.
    pub(super) fn put_value(&mut self, code: Code, value: i32) {
        let size = size(value);
        self.put_with(code, u32::from(amplitude(value, size).bits), size);
    }

    /// Writes all bytes that are whole.
    pub(super) fn drain(&mut self) {
        self.out = write(core::mem::take(&mut self.out), self.bits, self.count);
        self.count &= 7;
    }

    /// Leaves the bits that were not drained in `writer`; returns the bytes written.
    pub(super) fn lift(self, writer: &mut Writer) -> usize {
        writer.keep(self.bits, self.count);
        MAX_BLOCK.saturating_sub(self.out.len())
    }
}

/// Writes the whole bytes of the last `count` bits, 63 at most, with a zero behind each FF, and returns where to go on. What
/// finds no room is dropped.
#[inline(always)]
pub(super) fn write(out: &mut [u8], bits: u64, count: u32) -> &mut [u8] {
    let word = bits.wrapping_shl(64_u32.wrapping_sub(count));
    let bytes = (count >> 3 & 7) as usize;
    if contains_ff(word) {
        return stuffed(out, word, bytes);
    }
    match out.first_chunk_mut() {
        Some(place) => {
            *place = word.to_be_bytes();
            out.get_mut(bytes..).unwrap_or_default()
        }
        None => &mut [],
    }
}

#[cold]
#[inline(never)]
fn stuffed(out: &mut [u8], word: u64, bytes: usize) -> &mut [u8] {
    word.to_be_bytes().iter().take(bytes).fold(out, |out, &byte| {
        let out = append(out, byte);
        if byte == 0xFF { append(out, 0) } else { out }
    })
}

fn append(out: &mut [u8], byte: u8) -> &mut [u8] {
    if let Some(place) = out.first_mut() {
        *place = byte;
    }
    out.get_mut(1..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::super::encoder::{CHROMA_AC, CHROMA_DC, LUMA_AC, LUMA_DC};
    use super::*;
    use crate::jpeg::marker;
    use std::vec::Vec;

    fn written(values: &[(u32, u32)]) -> Vec<u8> {
        let mut writer = Writer::new();
        let mut window = [0; MAX_BLOCK];
        let mut out = Vec::new();
        for &(value, len) in values {
            let mut pen = writer.pen(&mut window);
            pen.put(value, len);
            let len = pen.lift(&mut writer);
            out.extend_from_slice(&window[..len]);
        }
        let len = writer.end(&mut window, Some(marker::EOI));
        out.extend_from_slice(&window[..len]);
        out
    }

    #[test]
    fn bits_are_filled_up_with_ones_before_the_marker() {
        assert_eq!(written(&[]), [0xFF, 0xD9]);
        assert_eq!(written(&[(0b0, 1)]), [0x7F, 0xFF, 0xD9]);
        assert_eq!(written(&[(0b1010, 4), (0b0, 1)]), [0xA7, 0xFF, 0xD9]);
        assert_eq!(written(&[(0x12, 8)]), [0x12, 0xFF, 0xD9]);
        assert_eq!(written(&[(1, 1)]), [0xFF, 0x00, 0xFF, 0xD9]);
        let bytes = [(0x11, 8); 9];
        assert_eq!(written(&bytes), [&[0x11; 9][..], &[0xFF, 0xD9]].concat());
        assert_eq!(written(&bytes[..8]), [&[0x11; 8][..], &[0xFF, 0xD9]].concat());
    }

    #[test]
    fn every_ff_is_stuffed() {
        let out = written(&[(0x12FF, 16), (0x34FF, 16), (0xFFFF, 16), (0xFFFF, 16), (0x5, 3)]);
        assert_eq!(out, [0x12, 0xFF, 0, 0x34, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xBF, 0xFF, 0xD9]);
    }

    #[test]
    fn no_coefficient_becomes_more_bits_than_are_reckoned_with() {
        let longest = |codes: &[&[Code]], bits: fn(usize) -> u32| {
            let each = codes.iter().flat_map(|codes| codes.iter().enumerate());
            each.filter(|(_, code)| code.len > 0).map(|(symbol, code)| u32::from(code.len) + bits(symbol)).max()
        };
        assert_eq!(longest(&[&LUMA_DC, &CHROMA_DC], |size| size as u32), Some(DC_BITS));
        assert_eq!(longest(&[&LUMA_AC, &CHROMA_AC], |symbol| symbol as u32 & 15), Some(AC_BITS));
    }

    #[test]
    fn the_longest_block_fits_its_window() {
        let mut writer = Writer::new();
        let mut window = [0; MAX_BLOCK];
        let mut pen = writer.pen(&mut window);
        pen.put(u32::MAX >> 1, 31);
        pen.put(u32::MAX >> 1, 31);
        pen.put(1, 1);
        assert_eq!(pen.lift(&mut writer), 0);
        let mut pen = writer.pen(&mut window);
        pen.put((1 << 22) - 1, 22);
        for _ in 0..63 {
            pen.drain();
            pen.put((1 << 26) - 1, 26);
        }
        pen.drain();
        let len = pen.lift(&mut writer);
        let bits = 63 + 22 + 63 * 26;
        assert_eq!(len, bits / 8 * 2);
        assert!(len + 8 <= MAX_BLOCK && window[..len].chunks(2).all(|pair| pair == [0xFF, 0]));
        assert_eq!(writer.count as usize, bits % 8);
        assert!(writer.end(&mut window, Some(marker::EOI)) <= 18);
    }
}
