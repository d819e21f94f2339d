//! A baseline encoder for pictures that are made up block by block: 4:2:0, Annex K's tables, no picture in memory.

use super::tables::{self, HuffmanTable};
use super::{dct, header, marker};

/// The buffer is too short for the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Full;

impl core::fmt::Display for Full {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the buffer is too short for the picture")
    }
}

impl core::error::Error for Full {}

/// Quantisation tables and what divides by them quickly. Made once per quality; 384 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Quantizer {
    luma: Table,
    chroma: Table,
}

/// Both in zig-zag order.
#[derive(Clone, Copy, Debug)]
struct Table {
    entries: [u8; 64],
    /// 2^[`RECIPROCAL_BITS`] / (8 · entry): the transform's results are 8 times too large.
    reciprocals: [u16; 64],
}

const RECIPROCAL_BITS: u32 = 19;

impl Quantizer {
    /// The tables of RFC 2435's Q, 1 (small) to 99 (good).
    pub fn new(q: u8) -> Self {
        let (luma, chroma) = tables::quantization(q);
        Self { luma: Table::new(luma), chroma: Table::new(chroma) }
    }

    /// The divisors of luma and of chroma, in zig-zag order.
    pub(crate) fn entries(&self) -> [&[u8; 64]; 2] {
        [&self.luma.entries, &self.chroma.entries]
    }

    fn table(&self, component: Component) -> &Table {
        match component {
            Component::Y => &self.luma,
            Component::Cb | Component::Cr => &self.chroma,
        }
    }
}

impl Table {
    fn new(entries: [u8; 64]) -> Self {
        let reciprocal = |entry: u8| {
            let divisor = u32::from(entry.max(1)).saturating_mul(8);
            // Only an entry of 1 makes 65536, which 65535 divides by just as well within the 13 bits of a coefficient.
            u16::try_from((1_u32 << RECIPROCAL_BITS).checked_div(divisor).unwrap_or(0)).unwrap_or(u16::MAX)
        };
        Self { entries, reciprocals: entries.map(reciprocal) }
    }
}

/// Writes one picture, MCU by MCU from left to right and top to bottom.
///
/// Besides the caller's buffer and [`Quantizer`] it keeps some 64 bytes, and 512 on the stack within a call.
#[derive(Debug)]
pub struct Encoder<'o, 'q> {
    quantizer: &'q Quantizer,
    bits: BitWriter<'o>,
    /// The last DC coefficients of Y, Cb and Cr (section F.1.1.5.1).
    dc: [i32; 3],
    mcus_left: u32,
}

impl<'o, 'q> Encoder<'o, 'q> {
    /// Writes the headers of a picture of `width` x `height` pixels; 0 counts as 1. An MCU is 16 x 16 pixels, so there
    /// will be `width.div_ceil(16) * height.div_ceil(16)` of them.
    ///
    /// # Errors
    /// [`Full`] where `out` does not hold the headers.
    pub fn new(out: &'o mut [u8], width: u16, height: u16, quantizer: &'q Quantizer) -> Result<Self, Full> {
        let (width, height) = (width.max(1), height.max(1));
        let mcus_left = u32::from(width.div_ceil(16)).saturating_mul(u32::from(height.div_ceil(16)));
        Ok(Self { mcus_left, ..Self::of_blocks(out, 1, width, height, quantizer)? })
    }

    /// Writes the headers of a picture of RFC 2435's type `kind`, whose blocks are given one by one, all of them and in their
    /// order.
    pub(super) fn of_blocks(
        out: &'o mut [u8],
        kind: u8,
        width: u16,
        height: u16,
        quantizer: &'q Quantizer,
    ) -> Result<Self, Full> {
        let [luma, chroma] = quantizer.entries();
        let fields = header::Fields { kind, width, height, restart_interval: 0, luma, chroma, precision: 0 };
        let len = header::emit(out, &fields).ok_or(Full)?;
        Ok(Self { quantizer, bits: BitWriter { out, len, bits: 0, count: 0 }, dc: [0; 3], mcus_left: 0 })
    }

    /// The next MCU: four blocks of luma, left to right and top to bottom, and one each of Cb and Cr, samples row by
    /// row. MCUs beyond the picture's end are dropped.
    ///
    /// # Errors
    /// [`Full`]; nothing can be encoded any more then.
    pub fn mcu(&mut self, luma: &[[u8; 64]; 4], cb: &[u8; 64], cr: &[u8; 64]) -> Result<(), Full> {
        if !self.count() {
            return Ok(());
        }
        for block in luma {
            self.block(Component::Y, block)?;
        }
        self.block(Component::Cb, cb)?;
        self.block(Component::Cr, cr)
    }

    /// The next MCU, all of one colour: a few bits, without any transform.
    ///
    /// # Errors
    /// As [`mcu`](Self::mcu).
    pub fn flat_mcu(&mut self, [y, cb, cr]: [u8; 3]) -> Result<(), Full> {
        if !self.count() {
            return Ok(());
        }
        for _ in 0..4 {
            self.flat(Component::Y, y)?;
        }
        self.flat(Component::Cb, cb)?;
        self.flat(Component::Cr, cr)
    }

    /// The next MCU, which was encoded before: its bits are copied, without any transform.
    ///
    /// # Errors
    /// As [`mcu`](Self::mcu).
    pub fn repeat(&mut self, mcu: &EncodedMcu) -> Result<(), Full> {
        if !self.count() {
            return Ok(());
        }
        let [first, last, blue, red] = mcu.dc;
        let mut words = mcu.words.iter();
        for ((component, dc), &len) in
            [(Component::Y, first), (Component::Cb, blue), (Component::Cr, red)].into_iter().zip(&mcu.lens)
        {
            self.dc(component, dc.into())?;
            let mut left = u32::from(len);
            while left > 0 {
                let len = left.min(32);
                let word = words.next().copied().unwrap_or(0);
                self.bits.put_word(word.wrapping_shr(32_u32.wrapping_sub(len)), len)?;
                left = left.wrapping_sub(len);
            }
        }
        let [y, ..] = &mut self.dc;
        *y = last.into();
        Ok(())
    }

    /// Writes EOI and returns the length of the file. MCUs that were not given become repetitions of the last colour.
    ///
    /// # Errors
    /// [`Full`].
    pub fn finish(mut self) -> Result<usize, Full> {
        while self.count() {
            for component in [Component::Y, Component::Y, Component::Y, Component::Y, Component::Cb, Component::Cr] {
                let (dc, ac) = component.codes();
                self.bits.put(code(dc, 0))?;
                self.bits.put(code(ac, END_OF_BLOCK))?;
            }
        }
        self.bits.finish()
    }

    fn count(&mut self) -> bool {
        let is_inside = self.mcus_left != 0;
        self.mcus_left = self.mcus_left.saturating_sub(1);
        is_inside
    }

    /// The next block, of which all samples are the same.
    pub(super) fn flat(&mut self, component: Component, sample: u8) -> Result<(), Full> {
        self.dc(component, flat_dc(sample, self.table(component)))?;
        let (_, ac) = component.codes();
        self.bits.put(code(ac, END_OF_BLOCK))
    }

    /// The next block, samples row by row.
    pub(super) fn block(&mut self, component: Component, samples: &[u8; 64]) -> Result<(), Full> {
        if let Some(flat) = level(samples) {
            return self.flat(component, flat);
        }
        let block = Block::new(samples, self.table(component));
        self.dc(component, block.dc())?;
        block.put_ac(component, &mut self.bits)
    }

    fn dc(&mut self, component: Component, coefficient: i32) -> Result<(), Full> {
        let [y, cb, cr] = &mut self.dc;
        let last = match component {
            Component::Y => y,
            Component::Cb => cb,
            Component::Cr => cr,
        };
        let difference = coefficient.wrapping_sub(*last);
        *last = coefficient;
        put_dc(component, difference, &mut self.bits)
    }

    fn table(&self, component: Component) -> &'q Table {
        self.quantizer.table(component)
    }
}

/// The sample of a block that has only one.
fn level(samples: &[u8; 64]) -> Option<u8> {
    let [first, ..] = *samples;
    // Without an early return, so that it becomes a few vector instructions.
    let difference = samples.iter().fold(0, |difference, &sample| difference | (sample ^ first));
    (difference == 0).then_some(first)
}

/// The quantised DC coefficient of a block of equal samples.
fn flat_dc(sample: u8, table: &Table) -> i32 {
    // A flat block transforms into 8 times its level and nothing else; times 8 as all that the transform returns.
    let level = i32::from(sample).wrapping_sub(128).wrapping_mul(64);
    let Table { entries: [entry, ..], reciprocals: [reciprocal, ..] } = *table;
    quantised(level, entry, reciprocal)
}

fn put_dc(component: Component, difference: i32, bits: &mut impl Bits) -> Result<(), Full> {
    let size = size(difference);
    let (dc, _) = component.codes();
    bits.put_with(code(dc, size as u8), amplitude(difference, size))
}

/// Quantised coefficients in zig-zag order.
struct Block {
    coefficients: [i16; 64],
    /// Bit n: coefficient n is not zero. Few are, and the writer jumps from one to the next.
    set: u64,
}

impl Block {
    #[inline]
    fn new(samples: &[u8; 64], Table { entries, reciprocals }: &Table) -> Self {
        let transformed = dct::forward(samples);
        let mut coefficients = [0_i16; 64];
        let mut set = 0_u64;
        for (index, (out, &at)) in coefficients.iter_mut().zip(&dct::ORDER).enumerate() {
            let coefficient = transformed.get(usize::from(at)).copied().unwrap_or(0);
            let entry = entries.get(index).copied().unwrap_or(1);
            let value = quantised(coefficient, entry, reciprocals.get(index).copied().unwrap_or(0));
            *out = value as i16;
            set |= u64::from(value != 0).wrapping_shl(index as u32);
        }
        Self { coefficients, set }
    }

    fn dc(&self) -> i32 {
        let [dc, ..] = self.coefficients;
        dc.into()
    }

    #[inline]
    fn put_ac(&self, component: Component, bits: &mut impl Bits) -> Result<(), Full> {
        let (_, ac) = component.codes();
        let mut last = 0_u32;
        let mut set = self.set & !1;
        while set != 0 {
            let index = set.trailing_zeros();
            let mut zeros = index.wrapping_sub(last).wrapping_sub(1);
            while zeros >= 16 {
                bits.put(code(ac, SIXTEEN_ZEROS))?;
                zeros = zeros.wrapping_sub(16);
            }
            let value = self.coefficients.get(index as usize).copied().map_or(0, i32::from);
            let size = size(value);
            bits.put_with(code(ac, (zeros << 4 | size) as u8), amplitude(value, size))?;
            last = index;
            set &= set.wrapping_sub(1);
        }
        if last != 63 {
            bits.put(code(ac, END_OF_BLOCK))?;
        }
        Ok(())
    }
}

/// 32-bit words that an [`EncodedMcu`] has for its bits.
const WORDS: usize = 28;

/// An MCU whose bits are kept, to be written again by [`Encoder::repeat`]. They are the same wherever it stands, but for those
/// of three DC coefficients.
#[derive(Clone, Copy, Debug, Default)]
pub struct EncodedMcu {
    /// Of the first and the last block of luma, of Cb and of Cr.
    dc: [i16; 4],
    /// How many bits follow the first DC coefficient of each component. Each component's begin in a new word.
    lens: [u16; 3],
    words: [u32; WORDS],
}

impl EncodedMcu {
    /// Encodes an MCU as [`Encoder::mcu`] does.
    ///
    /// # Errors
    /// [`Full`]: it takes more bits than there is room for, and must not be repeated.
    pub fn encode(
        &mut self,
        luma: &[[u8; 64]; 4],
        cb: &[u8; 64],
        cr: &[u8; 64],
        quantizer: &Quantizer,
    ) -> Result<(), Full> {
        let mut packer = Packer { words: self.words.iter_mut(), bits: 0, count: 0, len: 0 };
        let [first, last, blue, red] = &mut self.dc;
        let [luma_len, blue_len, red_len] = &mut self.lens;
        let mut before = None;
        for block in luma {
            let dc = packer.block(Component::Y, block, quantizer, before)?;
            if before.is_none() {
                *first = dc as i16;
            }
            before = Some(dc);
        }
        *last = before.unwrap_or(0) as i16;
        *luma_len = packer.end()?;
        *blue = packer.block(Component::Cb, cb, quantizer, None)? as i16;
        *blue_len = packer.end()?;
        *red = packer.block(Component::Cr, cr, quantizer, None)? as i16;
        *red_len = packer.end()?;
        Ok(())
    }
}

/// Collects bits in words.
struct Packer<'w> {
    words: core::slice::IterMut<'w, u32>,
    /// The last `count` bits, right-aligned.
    bits: u64,
    count: u32,
    /// The bits in words.
    len: u16,
}

impl Packer<'_> {
    /// A block, with its DC coefficient as the difference to the one `before`; without it where that is not known yet.
    fn block(
        &mut self,
        component: Component,
        samples: &[u8; 64],
        quantizer: &Quantizer,
        before: Option<i32>,
    ) -> Result<i32, Full> {
        let table = quantizer.table(component);
        let block = level(samples).ok_or_else(|| Block::new(samples, table));
        let dc = block.as_ref().map_or_else(Block::dc, |&flat| flat_dc(flat, table));
        if let Some(before) = before {
            put_dc(component, dc.wrapping_sub(before), self)?;
        }
        match block {
            Ok(_) => self.put(code(component.codes().1, END_OF_BLOCK))?,
            Err(block) => block.put_ac(component, self)?,
        }
        Ok(dc)
    }

    /// Returns the number of bits, and begins a new word.
    fn end(&mut self) -> Result<u16, Full> {
        let len = self.len.wrapping_add(self.count as u16);
        if self.count > 0 {
            *self.words.next().ok_or(Full)? = self.bits.wrapping_shl(32_u32.wrapping_sub(self.count)) as u32;
        }
        (self.bits, self.count, self.len) = (0, 0, 0);
        Ok(len)
    }
}

impl Bits for Packer<'_> {
    fn add(&mut self, bits: u32, len: u32) {
        self.bits = self.bits.wrapping_shl(len) | u64::from(bits);
        self.count = self.count.wrapping_add(len);
    }

    fn drain(&mut self) -> Result<(), Full> {
        if self.count >= 32 {
            self.count = self.count.wrapping_sub(32);
            self.len = self.len.wrapping_add(32);
            *self.words.next().ok_or(Full)? = self.bits.wrapping_shr(self.count) as u32;
        }
        Ok(())
    }
}

/// What takes codes: the file, or words that are kept.
trait Bits {
    /// Adds up to 32 bits. There is room for 32 more than a call of `drain` leaves.
    fn add(&mut self, bits: u32, len: u32);
    /// Writes what fills a word.
    fn drain(&mut self) -> Result<(), Full>;

    fn put(&mut self, code: Code) -> Result<(), Full> {
        self.add(code.bits.into(), code.len.into());
        self.drain()
    }

    /// A code and the bits that follow it, together at most 27.
    fn put_with(&mut self, code: Code, amplitude: Code) -> Result<(), Full> {
        self.add(code.bits.into(), code.len.into());
        self.put(amplitude)
    }

    /// Up to 32 bits, right-aligned.
    fn put_word(&mut self, bits: u32, len: u32) -> Result<(), Full> {
        self.add(bits, len);
        self.drain()
    }
}

#[derive(Clone, Copy)]
pub(super) enum Component {
    Y,
    Cb,
    Cr,
}

impl Component {
    /// The codes of DC and of AC coefficients.
    fn codes(self) -> (&'static [Code], &'static [Code]) {
        match self {
            Self::Y => (&LUMA_DC, &LUMA_AC),
            Self::Cb | Self::Cr => (&CHROMA_DC, &CHROMA_AC),
        }
    }
}

/// A coefficient, 8 times too large, divided and rounded to the nearest.
///
/// Kept to the 10 bits that baseline has for AC coefficients (table F.2); DC never leaves them but at -1024, where 1 is
/// not seen.
fn quantised(coefficient: i32, entry: u8, reciprocal: u16) -> i32 {
    let rounded = coefficient.unsigned_abs().saturating_add(u32::from(entry).wrapping_mul(4));
    let magnitude = (rounded.saturating_mul(u32::from(reciprocal)) >> RECIPROCAL_BITS).min(1023) as i32;
    if coefficient < 0 { magnitude.wrapping_neg() } else { magnitude }
}

/// The bits a value needs (tables F.1 and F.2).
pub(super) fn size(value: i32) -> u32 {
    u32::BITS.wrapping_sub(value.unsigned_abs().leading_zeros())
}

/// The bits that follow a code, which says how many they are: negative values count from all zeros.
pub(super) fn amplitude(value: i32, size: u32) -> Code {
    let offset = value >> 31;
    let mask = 1_i32.wrapping_shl(size).wrapping_sub(1);
    Code { bits: (value.wrapping_add(offset) & mask) as u16, len: size as u8 }
}

/// Symbols of the AC tables with a meaning of their own (section F.1.2.2).
pub(super) const END_OF_BLOCK: u8 = 0x00;
pub(super) const SIXTEEN_ZEROS: u8 = 0xF0;

/// Up to 16 bits, right-aligned.
#[derive(Clone, Copy)]
pub(super) struct Code {
    pub(super) bits: u16,
    pub(super) len: u8,
}

pub(super) static LUMA_DC: [Code; 12] = codes(&tables::LUMA_DC);
pub(super) static CHROMA_DC: [Code; 12] = codes(&tables::CHROMA_DC);
pub(super) static LUMA_AC: [Code; 256] = codes(&tables::LUMA_AC);
pub(super) static CHROMA_AC: [Code; 256] = codes(&tables::CHROMA_AC);

/// The code of each symbol (section C.2).
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated while compiling, where an index out of range does not compile"
)]
const fn codes<const N: usize>(table: &HuffmanTable) -> [Code; N] {
    let mut codes = [Code { bits: 0, len: 0 }; N];
    let mut next = 0;
    let mut value = 0;
    let mut len = 0;
    while len < table.bits.len() {
        let mut left = table.bits[len];
        while left > 0 {
            codes[table.values[value] as usize] = Code { bits: next, len: len as u8 + 1 };
            next += 1;
            value += 1;
            left -= 1;
        }
        next = next.wrapping_shl(1);
        len += 1;
    }
    codes
}

pub(super) fn code(codes: &[Code], symbol: u8) -> Code {
    codes.get(usize::from(symbol)).copied().unwrap_or(Code { bits: 0, len: 0 })
}

/// Collects bits and writes them 32 at a time, a zero behind each FF (section F.1.2.3).
#[derive(Debug)]
struct BitWriter<'o> {
    out: &'o mut [u8],
    len: usize,
    /// The last `count` bits, right-aligned; what is above them has been written.
    bits: u64,
    count: u32,
}

impl Bits for BitWriter<'_> {
    fn add(&mut self, bits: u32, len: u32) {
        self.bits = self.bits.wrapping_shl(len) | u64::from(bits);
        self.count = self.count.wrapping_add(len);
    }

    fn drain(&mut self) -> Result<(), Full> {
        if self.count < 32 { Ok(()) } else { self.flush() }
    }
}

impl BitWriter<'_> {
    fn flush(&mut self) -> Result<(), Full> {
        const LOW: u32 = 0x0101_0101;
        const HIGH: u32 = 0x8080_8080;
        self.count = self.count.wrapping_sub(32);
        let word = self.bits.wrapping_shr(self.count) as u32;
        let bytes = word.to_be_bytes();
        // A byte that is FF is 0 in the inverse.
        if (!word).wrapping_sub(LOW) & word & HIGH == 0 {
            return self.bytes(&bytes);
        }
        bytes.iter().try_for_each(|&byte| self.stuffed(byte))
    }

    fn stuffed(&mut self, byte: u8) -> Result<(), Full> {
        if byte == 0xFF { self.bytes(&[0xFF, 0]) } else { self.bytes(&[byte]) }
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let end = self.len.saturating_add(bytes.len());
        self.out.get_mut(self.len..end).ok_or(Full)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    /// The last bits, filled up with ones, and EOI.
    fn finish(mut self) -> Result<usize, Full> {
        self.put(Code { bits: 0x7F, len: 7 })?;
        while self.count >= 8 {
            self.count = self.count.wrapping_sub(8);
            self.stuffed(self.bits.wrapping_shr(self.count) as u8)?;
        }
        self.bytes(&[0xFF, marker::EOI])?;
        Ok(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Layout, Sampling};
    use super::*;
    use std::vec::Vec;

    fn encode(width: u16, height: u16, q: u8, mut mcu: impl FnMut(u32, &mut Encoder<'_, '_>)) -> Vec<u8> {
        let mut out = std::vec![0; 1 << 20];
        let quantizer = Quantizer::new(q);
        let mut encoder = Encoder::new(&mut out, width, height, &quantizer).unwrap();
        for index in 0..encoder.mcus_left {
            mcu(index, &mut encoder);
        }
        let len = encoder.finish().unwrap();
        out.truncate(len);
        out
    }

    /// A pattern with something of every frequency.
    fn busy(seed: u32) -> [u8; 64] {
        core::array::from_fn(|at| ((at as u32).wrapping_add(seed).wrapping_mul(2_654_435_761) >> 13) as u8)
    }

    #[test]
    fn a_picture_is_a_baseline_jpeg_that_rtp_carries() {
        for (width, height) in [(1, 1), (16, 16), (17, 31), (640, 480)] {
            let file = encode(width, height, 75, |index, encoder| {
                let luma = [busy(index), busy(index + 1), [7; 64], busy(index + 3)];
                encoder.mcu(&luma, &busy(index + 5), &[128; 64]).unwrap();
            });
            let layout = Layout::parse(&file).unwrap();
            assert_eq!((layout.width, layout.height, layout.sampling), (width, height, Sampling::Yuv420));
            assert!(layout.has_end() && layout.rtp_format().is_ok());
            let luma = layout.quantization[0].of(&file);
            assert_eq!(tables::q_of(luma, layout.quantization[1].of(&file)), Some(75));
        }
    }

    #[test]
    fn every_ff_of_the_scan_is_stuffed() {
        let file = encode(320, 240, 99, |index, encoder| {
            encoder.mcu(&[busy(index); 4], &busy(!index), &busy(index ^ 7)).unwrap();
        });
        let scan = Layout::parse(&file).unwrap().scan;
        assert_eq!(scan.len as usize + scan.start as usize + 2, file.len());
        let stuffed = scan.of(&file).windows(2).filter(|pair| pair[0] == 0xFF).map(|pair| pair[1]).collect::<Vec<_>>();
        assert!(stuffed.len() > 10 && stuffed.iter().all(|&byte| byte == 0));
    }

    #[test]
    fn flat_blocks_given_either_way_are_the_same_bits() {
        let given = encode(64, 64, 50, |index, encoder| {
            let [y, cb, cr] = [index as u8 * 16, 90, 200];
            encoder.mcu(&[[y; 64]; 4], &[cb; 64], &[cr; 64]).unwrap();
        });
        let flat = encode(64, 64, 50, |index, encoder| encoder.flat_mcu([index as u8 * 16, 90, 200]).unwrap());
        assert_eq!(given, flat);
    }

    #[test]
    fn mcus_that_were_not_given_repeat_the_last_and_surplus_ones_are_dropped() {
        let all = encode(48, 48, 50, |_, encoder| encoder.flat_mcu([50, 100, 150]).unwrap());
        let first = encode(48, 48, 50, |index, encoder| {
            if index == 0 {
                encoder.flat_mcu([50, 100, 150]).unwrap();
            }
        });
        let surplus = encode(48, 48, 50, |_, encoder| {
            encoder.flat_mcu([50, 100, 150]).unwrap();
            encoder.flat_mcu([50, 100, 150]).unwrap();
        });
        assert_eq!(all, first);
        assert_eq!(all, surplus);
    }

    #[test]
    fn a_buffer_that_is_too_short_is_full_and_never_overrun() {
        let quantizer = Quantizer::new(75);
        let render = |out: &mut [u8]| {
            let mut encoder = Encoder::new(out, 32, 32, &quantizer)?;
            for index in 0..4 {
                encoder.mcu(&[busy(index); 4], &busy(9), &busy(10))?;
            }
            encoder.finish()
        };
        let mut out = [0; 8192];
        let len = render(&mut out).unwrap();
        for short in 0..len {
            assert_eq!(render(&mut out[..short]), Err(Full));
        }
        assert_eq!(render(&mut out[..len]), Ok(len));
    }

    #[test]
    fn division_by_reciprocal_is_division() {
        for entry in [1_u8, 2, 3, 7, 16, 99, 255] {
            let table = Table::new([entry; 64]);
            for coefficient in (-8192..=8192).step_by(13) {
                let exact = f64::from(coefficient) / 8.0 / f64::from(entry);
                let found = f64::from(quantised(coefficient, entry, table.reciprocals[0]));
                assert!((found - exact.clamp(-1023.0, 1023.0)).abs() <= 0.52, "{coefficient} / {entry}: {found}");
            }
        }
    }

    #[test]
    fn state_is_small() {
        assert!(size_of::<Quantizer>() <= 384 && size_of::<Encoder<'_, '_>>() <= 72);
    }
}
