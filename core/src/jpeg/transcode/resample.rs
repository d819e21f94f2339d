//! Chroma of half or double the width, made from coefficients: no picture is decoded.
//!
//! Both resamplings are linear, so they are matrices in the frequencies across a block, and leave those down a block alone.
//! Halving takes the mean of two neighbours, as encoders do; doubling repeats each sample, as decoders do. The result is
//! what decoding, resampling and encoding would give, but for the rounding to whole samples in between, which is spared.

use super::super::tables::ZIGZAG;

/// Coefficients of a block, row by row, not in zig-zag order.
pub(super) type Block = [i16; 64];
/// Divisors of a block's coefficients, in the same order.
pub(super) type Divisors = [u8; 64];

/// Those of a quantisation table in zig-zag order.
pub(super) fn divisors(table: &[u8]) -> Divisors {
    let mut divisors = [1; 64];
    for (&place, &divisor) in ZIGZAG.iter().zip(table) {
        if let Some(slot) = divisors.get_mut(usize::from(place)) {
            *slot = divisor;
        }
    }
    divisors
}

/// How the frequencies across a block (columns here) make those of the left half of one that is half as wide (rows), in
/// units of 2^-[`FRACTION`]. The right half is the same with every other sign changed, like a chess-board.
#[rustfmt::skip]
const HALF: [[i16; 8]; 8] = [
    [ 4096,     0,     0,     0, 0,     0,     0,     0],
    [ 3711,  1670,  -283,    78, 0,   -52,   117,  -332],
    [    0,  4017,     0,     0, 0,     0,     0,  -799],
    [-1303,  3178,  1942,  -332, 0,   222,  -805,  -632],
    [    0,     0,  3784,     0, 0,     0, -1567,     0],
    [  871, -1416,  2907,  1670, 0, -1116, -1204,   282],
    [    0,     0,     0,  3406, 0, -2276,     0,     0],
    [ -738,  1116, -1420,  2948, 0, -1970,   588,  -222],
];
const FRACTION: u32 = 13;

/// Larger coefficients, dequantised, are damage: samples of 8 bits make at most 1024, times 1.3 at a few frequencies.
const LARGEST: i32 = 2047;
/// The largest coefficient that baseline has room for (table F.2).
const LARGEST_QUANTISED: i32 = 1023;

/// Two neighbours as one block.
pub(super) fn halve(left: &Block, right: &Block, divisors: &Divisors) -> Block {
    by_rows(divisors, |row, divisors| {
        let (left, right) = (dequantised(left, row, divisors), dequantised(right, row, divisors));
        core::array::from_fn(|to| {
            let factors = HALF.get(to).copied().unwrap_or_default();
            let terms = factors.iter().zip(left.iter().zip(right)).enumerate();
            sum(terms.map(|(from, (&factor, (&left, right)))| {
                let right = if (from ^ to) & 1 == 0 { right } else { right.wrapping_neg() };
                left.wrapping_add(right).wrapping_mul(i32::from(factor))
            }))
        })
    })
}

/// A block and its mirror image as one block: what is halved where the picture ends.
pub(super) fn halve_mirrored(left: &Block, divisors: &Divisors) -> Block {
    let mut right = *left;
    right.iter_mut().skip(1).step_by(2).for_each(|value| *value = value.wrapping_neg());
    halve(left, &right, divisors)
}

/// One half of a block, twice as wide.
pub(super) fn double(block: &Block, is_right: bool, divisors: &Divisors) -> Block {
    by_rows(divisors, |row, divisors| {
        let values = dequantised(block, row, divisors);
        core::array::from_fn(|to| {
            sum(HALF.iter().zip(values).enumerate().map(|(from, (factors, value))| {
                let factor = i32::from(factors.get(to).copied().unwrap_or(0)).wrapping_mul(2);
                let factor = if is_right && (from ^ to) & 1 == 1 { factor.wrapping_neg() } else { factor };
                value.wrapping_mul(factor)
            }))
        })
    })
}

fn sum(terms: impl Iterator<Item = i32>) -> i32 {
    // Of 8 terms of at most 2 * 2047 * 2^13 each.
    terms.fold(0, i32::wrapping_add)
}

/// Makes a block row by row, from rows that are 2^[`FRACTION`] times too large and not yet divided.
fn by_rows(divisors: &Divisors, make: impl Fn(usize, &[u8; 8]) -> [i32; 8]) -> Block {
    let mut out = [0; 64];
    let rows = out.as_chunks_mut::<8>().0.iter_mut().zip(divisors.as_chunks::<8>().0);
    for (row, (out, divisors)) in rows.enumerate() {
        for ((out, value), &divisor) in out.iter_mut().zip(make(row, divisors)).zip(divisors) {
            *out = quantised(value, divisor);
        }
    }
    out
}

fn dequantised(block: &Block, row: usize, divisors: &[u8; 8]) -> [i32; 8] {
    let mut out = [0; 8];
    let values = block.as_chunks::<8>().0.get(row).copied().unwrap_or_default();
    for ((out, value), &divisor) in out.iter_mut().zip(values).zip(divisors) {
        *out = i32::from(value).wrapping_mul(i32::from(divisor)).clamp(-LARGEST, LARGEST);
    }
    out
}

/// Divided and rounded to the nearest.
fn quantised(value: i32, divisor: u8) -> i16 {
    let divisor = u32::from(divisor.max(1)).wrapping_shl(FRACTION);
    let magnitude = value.unsigned_abs().wrapping_add(divisor / 2).checked_div(divisor).unwrap_or(0);
    let magnitude = (magnitude as i32).min(LARGEST_QUANTISED) as i16;
    if value < 0 { magnitude.wrapping_neg() } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Row `u` of the transform's matrix (section A.3.3, in one dimension).
    fn wave(u: usize, x: usize) -> f64 {
        let scale = if u == 0 { (1.0_f64 / 8.0).sqrt() } else { 0.5 };
        scale * ((2 * x + 1) as f64 * u as f64 * core::f64::consts::PI / 16.0).cos()
    }

    fn samples(block: &Block, divisors: &Divisors) -> Vec<f64> {
        let sample = |at: usize| {
            (0..64)
                .map(|k| f64::from(block[k]) * f64::from(divisors[k]) * wave(k / 8, at / 8) * wave(k % 8, at % 8))
                .sum()
        };
        (0..64).map(sample).collect()
    }

    fn coefficients(samples: &[f64], divisors: &Divisors) -> Vec<f64> {
        let sum = |k: usize| -> f64 { (0..64).map(|at| samples[at] * wave(k / 8, at / 8) * wave(k % 8, at % 8)).sum() };
        (0..64).map(|k| sum(k) / f64::from(divisors[k])).collect()
    }

    fn block(seed: u32) -> Block {
        core::array::from_fn(|at| {
            let noise = (at as u32 + seed * 64).wrapping_mul(2_654_435_761) >> 20;
            (noise % 61) as i16 - 30
        })
    }

    fn assert_near(found: &Block, exact: &[f64]) {
        for (at, (&found, exact)) in found.iter().zip(exact).enumerate() {
            assert!((f64::from(found) - exact).abs() < 0.52, "{at}: {found}, exactly {exact}");
        }
    }

    #[test]
    fn halving_is_the_mean_of_neighbours() {
        let divisors: Divisors = core::array::from_fn(|at| 3 + at as u8 / 4);
        for seed in 0..20 {
            let (left, right) = (block(seed), block(seed + 100));
            let (a, b) = (samples(&left, &divisors), samples(&right, &divisors));
            let narrow: Vec<f64> = (0..64)
                .map(|at| {
                    let (source, x) = if at % 8 < 4 { (&a, at % 8) } else { (&b, at % 8 - 4) };
                    (source[at / 8 * 8 + 2 * x] + source[at / 8 * 8 + 2 * x + 1]) / 2.0
                })
                .collect();
            assert_near(&halve(&left, &right, &divisors), &coefficients(&narrow, &divisors));
        }
    }

    #[test]
    fn doubling_repeats_every_sample() {
        let divisors: Divisors = core::array::from_fn(|at| 3 + at as u8 / 4);
        for (seed, is_right) in (0..20).flat_map(|seed| [(seed, false), (seed, true)]) {
            let narrow = samples(&block(seed), &divisors);
            let first = if is_right { 4 } else { 0 };
            let wide: Vec<f64> = (0..64).map(|at| narrow[at / 8 * 8 + first + at % 8 / 2]).collect();
            assert_near(&double(&block(seed), is_right, &divisors), &coefficients(&wide, &divisors));
        }
    }

    #[test]
    fn an_edge_goes_on_as_its_mirror_image() {
        let divisors = [4; 64];
        let found = samples(&halve_mirrored(&block(1), &divisors), &divisors);
        for at in 0..64 {
            assert!((found[at] - found[at / 8 * 8 + 7 - at % 8]).abs() < 1e-9);
        }
    }

    #[test]
    fn impossible_coefficients_do_no_harm() {
        for extreme in [i16::MIN, -1023, 1023, i16::MAX] {
            for divisor in [0, 1, 255] {
                let (block, divisors) = ([extreme; 64], [divisor; 64]);
                let made = [halve(&block, &block, &divisors), double(&block, true, &divisors)];
                assert!(made.iter().flatten().all(|value| value.unsigned_abs() <= 1023));
            }
        }
    }
}
