//! The coefficients of one block, made into fewer samples than they stand for.
//!
//! The mean of neighbouring samples is what libjpeg-turbo's `jidctred.c` shows at 1/2, 1/4 and 1/8. Of a wave it is a shorter wave
//! with so many samples as are left, N to a side: frequency u appears as one of 0 to N - 1, mirrored there and weakened. So each
//! coefficient is multiplied by its weight, which the quantisation table's entry is part of, and added to one of N x N: a block is
//! *folded* while it is read. What is left is a transform of N x N. At 1/8 that is the DC coefficient alone.

use super::super::super::layout::{Error, ErrorKind, Flaw};
use super::super::super::tables::ZIGZAG;
use super::super::block::{LAST, NO_DC, extended};
use super::super::huffman::{self, Canonical, DC_BITS, DcTable, NO_CODE};
use super::super::reader::{Bits, Input, Reader};
use super::super::source::Source;
use super::Scale;
use super::steps::{self, Step, Steps};

/// What becomes of each coefficient of a block in zig-zag order: its weight in units of 2^-[`FRACTION`], quantisation included, and
/// in the lower 4 bits the place that it is added to.
type Fold = [i32; 64];

/// Sums at their places, row by row, N to a row.
type Folded = [i32; 16];

/// Bits behind the binary point of weights.
const FRACTION: u32 = 14;

/// In one dimension and for N = 4, by frequency: where it appears, and its weight in units of 2^-16. Frequency 2 brings along the
/// factor that it has in every sample.
const TO_4: [(u8, i32); 8] =
    [(0, 23170), (1, 32138), (2, 21407), (3, 27246), (0, 0), (3, -18205), (2, -8867), (1, -6393)];
/// For N = 2; so does frequency 1.
const TO_2: [(u8, i32); 8] = [(0, 23170), (1, 20995), (0, 0), (1, -7373), (0, 0), (1, 4926), (0, 0), (1, -4176)];
const ONE_DIMENSION: u32 = 16;

/// Makes the weights of a scale for a quantisation table in zig-zag order.
fn weigh(fold: &mut Fold, scale: Scale, table: &[u8; 64]) {
    let frequencies = match scale {
        Scale::Half => &TO_4,
        Scale::Quarter => &TO_2,
        Scale::Eighth => {
            // The mean of a block is an eighth of its DC coefficient.
            let ([out, ..], [entry, ..]) = (fold, table);
            *out = i32::from(*entry).wrapping_shl(FRACTION - 3 + PLACE_BITS);
            return;
        }
    };
    for (((out, &place), &entry), index) in fold.iter_mut().zip(&ZIGZAG).zip(table).zip(0..) {
        let of = |frequency: u8| frequencies.get(usize::from(frequency)).copied().unwrap_or((0, 0));
        let ((row, down), (column, across)) = (of(place >> 3), of(place & 7));
        let exact = i64::from(down).wrapping_mul(across.into()).wrapping_mul(entry.into());
        let shift = 2 * ONE_DIMENSION - FRACTION;
        let weight = exact.wrapping_add(1 << (shift - 1)) >> shift;
        if weight == 0 {
            // Adding nothing to places in turns spares waiting for one of them.
            *out = index & 15;
            continue;
        }
        *out = (weight as i32).wrapping_shl(PLACE_BITS)
            | i32::from(row.wrapping_mul(scale.samples()).wrapping_add(column));
    }
}

const PLACE_BITS: u32 = 4;

/// The tables of a file, ready for use. Some 10 KB.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    /// Of luma and of chroma.
    dc: [DcTable; 2],
    ac: [Steps; 2],
    folds: [Fold; 2],
    canonical: [[Canonical; 2]; 3],
    /// The tables of Cr are those of Cb.
    shared: bool,
}

impl Tables {
    pub(super) const fn new() -> Self {
        Self {
            dc: [[0; 1 << DC_BITS]; 2],
            ac: [[Step::NONE; 1 << steps::BITS]; 2],
            folds: [[0; 64]; 2],
            canonical: [[Canonical::EMPTY; 2]; 3],
            shared: true,
        }
    }

    /// Makes the tables for a file. `quantization` are those of luma and chroma, in zig-zag order.
    pub(super) fn prepare(
        &mut self,
        source: &Source,
        scale: Scale,
        quantization: &[[u8; 64]; 2],
        jpeg: &[u8],
    ) -> Result<(), Error> {
        let [y, cb, cr] = &source.components;
        for (canonical, component) in self.canonical.iter_mut().zip([y, cb, cr]) {
            *canonical = [Canonical::new(&component.dc)?, Canonical::new(&component.ac)?];
        }
        self.shared = cb.dc.equals(&cr.dc, jpeg) && cb.ac.equals(&cr.ac, jpeg);
        for (((dc, ac), fold), (component, table)) in
            self.dc.iter_mut().zip(&mut self.ac).zip(&mut self.folds).zip([y, cb].into_iter().zip(quantization))
        {
            huffman::dc_table(dc, &component.dc, jpeg);
            match scale {
                Scale::Eighth => steps::several(ac, &component.ac, jpeg),
                _ => steps::pairs(ac, &component.ac, jpeg),
            }
            weigh(fold, scale, table);
        }
        Ok(())
    }

    /// Those of a component, 0 to 2.
    pub(super) fn decoder(&self, component: u8) -> Decoder<'_> {
        let ([luma_dc, chroma_dc], [luma_ac, chroma_ac]) = (&self.dc, &self.ac);
        let ([luma, chroma], [y, cb, cr]) = (&self.folds, &self.canonical);
        let (dc, ac, fold, [canonical_dc, canonical_ac]) = match component {
            0 => (luma_dc, luma_ac, luma, y),
            1 => (chroma_dc, chroma_ac, chroma, cb),
            _ if self.shared => (chroma_dc, chroma_ac, chroma, cr),
            _ => (&NO_DC, &NO_STEPS, chroma, cr),
        };
        Decoder { component, dc, ac, fold, canonical_dc, canonical_ac }
    }
}

/// For a component without tables of its own: every code is looked up one length after the other.
static NO_STEPS: Steps = [Step::NONE; 1 << steps::BITS];

/// The tables of one component.
#[derive(Clone, Copy)]
pub(super) struct Decoder<'t> {
    component: u8,
    dc: &'t DcTable,
    ac: &'t Steps,
    fold: &'t Fold,
    canonical_dc: &'t Canonical,
    canonical_ac: &'t Canonical,
}

impl Decoder<'_> {
    /// Reads a block as samples, N x N of them. In an MCU that has no data any more, that is a grey block. `bits` are the reader's, which
    /// would not stay in registers there.
    #[inline(always)]
    pub(super) fn read<B: Block>(&self, input: Input<'_>, bits: &mut Bits, reader: &mut Reader) -> Result<B, Error> {
        if reader.is_dry {
            return Ok(B::flat(MIDDLE));
        }
        let difference = self.dc_difference(input, bits, reader)?;
        // Decoders keep 16 bits of the sum of all differences.
        let dc = i32::from(reader.add_dc(self.component, difference) as i16);
        let mut folded = [0; 16];
        let is_flat = if B::SIDE == 1 {
            self.pass_ac(input, bits, reader);
            true
        } else {
            self.fold_ac(input, bits, reader, &mut folded)
        };
        let [weight, ..] = *self.fold;
        let level = dc.saturating_mul(weight >> PLACE_BITS).saturating_add(MIDDLE_LEVEL);
        if is_flat {
            return Ok(B::flat(sample(level, FRACTION)));
        }
        let [first, ..] = &mut folded;
        *first = first.wrapping_add(level);
        Ok(B::transformed(&folded))
    }

    /// The difference of the next block's DC coefficient (section F.2.2.1).
    #[inline(always)]
    fn dc_difference(&self, input: Input<'_>, bits: &mut Bits, reader: &mut Reader) -> Result<i32, Error> {
        bits.refill(input.scan);
        let entry = u32::from(self.dc.get(bits.peek(DC_BITS) as usize).copied().unwrap_or(0));
        let size = if entry != 0 {
            bits.consume(entry >> 4);
            entry & 15
        } else {
            let (size, len) = self.long_dc(input, *bits, reader)?;
            bits.consume(len);
            size
        };
        Ok(extended(bits.take(size), size))
    }

    /// The category of a DC coefficient whose code is too long for the table, and the length of that.
    #[cold]
    fn long_dc(&self, input: Input<'_>, bits: Bits, reader: &mut Reader) -> Result<(u32, u32), Error> {
        let (size, len) = self.canonical_dc.decode(bits, input.jpeg);
        if size > 11 {
            // Not even the difference of the two that are furthest apart.
            return Err(bits.error(ErrorKind::Coefficient));
        }
        if len == NO_CODE {
            reader.flaws.insert(Flaw::Codes);
        }
        Ok((size.into(), len))
    }

    /// Passes the AC coefficients of a block.
    #[inline(always)]
    fn pass_ac(&self, input: Input<'_>, bits: &mut Bits, reader: &mut Reader) {
        let mut at = 1_u32;
        loop {
            bits.refill(input.scan);
            for _ in 0..3 {
                let step = self.step(*bits);
                let next = at.wrapping_add(step.passed());
                if next <= LAST {
                    bits.consume(step.taken());
                    at = next;
                    continue;
                }
                if next.wrapping_sub(steps::END) <= LAST {
                    bits.consume(step.taken());
                    return;
                }
                // Near the block's end, or a code that is longer than what was looked at.
                bits.refill(input.scan);
                let (symbol, len) = match step.symbol() {
                    (_, 0) => self.long_symbol(input, *bits, reader),
                    found => found,
                };
                let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
                bits.consume(len.wrapping_add(size));
                at = at.wrapping_add(zeros).wrapping_add(1);
                if size == 0 && zeros != 15 || at > LAST {
                    if size != 0 && at > 64 {
                        reader.flaws.insert(Flaw::Codes);
                    }
                    return;
                }
                break;
            }
        }
    }

    /// Adds the AC coefficients of a block to the sums that they appear in (section F.2.2.2). `true`: there are none.
    #[inline(always)]
    fn fold_ac(&self, input: Input<'_>, bits: &mut Bits, reader: &mut Reader, folded: &mut Folded) -> bool {
        let mut at = 1_u32;
        // Of 10 bits each at most; behind a DC coefficient there are 28 left.
        let mut most = 2;
        loop {
            for _ in 0..most {
                let step = self.step(*bits);
                let [first, second] = step.steps();
                let place = at.wrapping_add(first);
                let next = place.wrapping_add(second);
                if (step.taken_by_pair() == 0) | (next > LAST) {
                    // A large one, a long code, or near the block's end.
                    let (passed, value) = self.single(step, input, bits, reader);
                    let place = at.wrapping_add(passed);
                    if place >= LAST {
                        if value != 0 {
                            if place > LAST {
                                reader.flaws.insert(Flaw::Codes);
                            }
                            self.add(LAST, value, folded);
                        }
                        return at == 1 && value == 0;
                    }
                    self.add(place, value, folded);
                    at = place.wrapping_add(1);
                    break;
                }
                bits.consume(step.taken_by_pair());
                let [value, other] = step.values();
                self.add(place.wrapping_sub(1), value, folded);
                self.add(next.wrapping_sub(1), other, folded);
                if step.ends() {
                    return next == 1;
                }
                at = next;
            }
            bits.refill(input.scan);
            most = 5;
        }
    }

    /// Adds a coefficient to the sum that it appears in.
    #[inline(always)]
    fn add(&self, place: u32, value: i32, folded: &mut Folded) {
        let entry = self.fold.get(place as usize).copied().unwrap_or(0);
        if let Some(sum) = folded.get_mut((entry & 15) as usize) {
            *sum = sum.wrapping_add(value.wrapping_mul(entry >> PLACE_BITS));
        }
    }

    /// The coefficients before the next one, and its value; 0 where the block ends.
    #[inline(always)]
    fn single(&self, step: Step, input: Input<'_>, bits: &mut Bits, reader: &mut Reader) -> (u32, i32) {
        bits.refill(input.scan);
        let known = if step.taken_by_pair() == 0 { step.symbol() } else { (0, 0) };
        let (symbol, len) = match known {
            (_, 0) => self.long_symbol(input, *bits, reader),
            known => known,
        };
        bits.consume(len);
        let size = u32::from(symbol & 15);
        (steps::passed(symbol), extended(bits.take(size), size))
    }

    /// What the next bits say.
    #[inline(always)]
    fn step(&self, bits: Bits) -> Step {
        self.ac.get(bits.peek(steps::BITS) as usize).copied().unwrap_or(Step::NONE)
    }

    /// The next symbol, whose code is too long for the table, and the length of that.
    #[cold]
    fn long_symbol(&self, input: Input<'_>, bits: Bits, reader: &mut Reader) -> (u8, u32) {
        let (symbol, len) = self.canonical_ac.decode(bits, input.jpeg);
        if len == NO_CODE {
            reader.flaws.insert(Flaw::Codes);
        }
        (symbol, len)
    }
}

/// What a block without coefficients shows (section A.3.1).
pub(super) const MIDDLE: u8 = 128;
/// With the half that rounds to the nearest sample.
const MIDDLE_LEVEL: i32 = (128 << FRACTION) + (1 << (FRACTION - 1));

/// A sample of a value with so many bits behind its binary point, the half that rounds it included.
#[inline(always)]
fn sample(value: i32, fraction: u32) -> u8 {
    value.wrapping_shr(fraction).clamp(0, 255) as u8
}

/// The samples that are left of a block.
pub(super) trait Block: Sized {
    /// So many to a side.
    const SIDE: usize;
    /// All samples are the same.
    fn flat(sample: u8) -> Self;
    /// From the sums of a block.
    fn transformed(folded: &Folded) -> Self;
    /// Writes them where they belong: at a place of a plane with so many samples to a row.
    fn put(&self, plane: &mut [u8], at: usize, stride: usize);
}

/// At 1/8.
pub(super) struct Mean(u8);

impl Block for Mean {
    const SIDE: usize = 1;

    fn flat(sample: u8) -> Self {
        Self(sample)
    }

    fn transformed(_: &Folded) -> Self {
        Self(MIDDLE)
    }

    #[inline(always)]
    fn put(&self, plane: &mut [u8], at: usize, _: usize) {
        if let Some(place) = plane.get_mut(at) {
            *place = self.0;
        }
    }
}

/// At 1/4 and 1/2.
pub(super) struct Samples<const N: usize>([[u8; N]; N]);

#[inline(always)]
fn put<const N: usize>(rows: &[[u8; N]; N], plane: &mut [u8], at: usize, stride: usize) {
    let mut at = at;
    for row in rows {
        if let Some(place) = plane.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *place = *row;
        }
        at = at.saturating_add(stride);
    }
}

impl Block for Samples<2> {
    const SIDE: usize = 2;

    fn flat(sample: u8) -> Self {
        Self([[sample; 2]; 2])
    }

    #[inline(always)]
    fn transformed(folded: &Folded) -> Self {
        let [mean, across, down, both, ..] = *folded;
        let (left, right) = (mean.wrapping_add(across), mean.wrapping_sub(across));
        let (left_down, right_down) = (down.wrapping_add(both), down.wrapping_sub(both));
        let upper = [left.wrapping_add(left_down), right.wrapping_add(right_down)];
        let lower = [left.wrapping_sub(left_down), right.wrapping_sub(right_down)];
        Self([upper, lower].map(|row| row.map(|value| sample(value, FRACTION))))
    }

    #[inline(always)]
    fn put(&self, plane: &mut [u8], at: usize, stride: usize) {
        put(&self.0, plane, at, stride);
    }
}

/// Bits behind the binary point between the passes, and of the waves' samples.
const BETWEEN: u32 = 6;
const WAVE: u32 = 12;
/// cos(pi / 8) and cos(3 pi / 8).
const COSINE_1: i32 = 3784;
const COSINE_3: i32 = 1567;

/// A row or column of four, [`WAVE`] bits longer behind the point.
#[inline(always)]
fn four([zero, one, two, three]: [i32; 4]) -> [i32; 4] {
    let (outer, inner) = (zero.wrapping_add(two), zero.wrapping_sub(two));
    let (outer, inner) = (outer.wrapping_shl(WAVE), inner.wrapping_shl(WAVE));
    let steep = one.wrapping_mul(COSINE_1).wrapping_add(three.wrapping_mul(COSINE_3));
    let gentle = one.wrapping_mul(COSINE_3).wrapping_sub(three.wrapping_mul(COSINE_1));
    [outer.wrapping_add(steep), inner.wrapping_add(gentle), inner.wrapping_sub(gentle), outer.wrapping_sub(steep)]
}

impl Block for Samples<4> {
    const SIDE: usize = 4;

    fn flat(sample: u8) -> Self {
        Self([[sample; 4]; 4])
    }

    #[inline(always)]
    fn transformed(folded: &Folded) -> Self {
        let rounded = |value: i32, bits: u32| value.wrapping_add(1_i32.wrapping_shl(bits) >> 1).wrapping_shr(bits);
        let mut rows = [[0; 4]; 4];
        for (row, sums) in rows.iter_mut().zip(folded.as_chunks::<4>().0) {
            let sums = sums.map(|sum| rounded(sum, FRACTION - BETWEEN));
            *row = four(sums).map(|value| rounded(value, WAVE));
        }
        let mut samples = [[0; 4]; 4];
        for column in 0..4 {
            let values = rows.each_ref().map(|row| row.get(column).copied().unwrap_or(0));
            for (row, value) in samples.iter_mut().zip(four(values)) {
                if let Some(place) = row.get_mut(column) {
                    *place = sample(value, WAVE + BETWEEN);
                }
            }
        }
        Self(samples)
    }

    #[inline(always)]
    fn put(&self, plane: &mut [u8], at: usize, stride: usize) {
        put(&self.0, plane, at, stride);
    }
}
