//! The forward transform of 8x8 blocks in integers.

use super::tables::ZIGZAG;
use core::num::Wrapping;

type Int = Wrapping<i32>;

/// The coefficients of 64 samples stored row by row, level-shifted (section A.3.1) and 8 times too large. They lie
/// column by column; [`ORDER`] is their zig-zag sequence.
///
/// Loeffler, Ligtenberg and Moschytz's factorisation (12 multiplications per row or column) in 13-bit fixed point.
pub(super) fn forward(samples: &[u8; 64]) -> [i32; 64] {
    let mut rows = [[Wrapping(0); 8]; 8];
    for (row, samples) in rows.iter_mut().zip(samples.as_chunks().0) {
        // Two more bits than the result has are kept between the passes.
        *row = transform(samples.map(|sample| Wrapping(i32::from(sample)) - Wrapping(128)), 2);
    }
    let mut columns = [[Wrapping(0); 8]; 8];
    for (x, column) in columns.iter_mut().enumerate() {
        let values = rows.each_ref().map(|row| row.get(x).copied().unwrap_or_default());
        *column = transform(values, -2);
    }
    let mut coefficients = [0; 64];
    for (out, value) in coefficients.iter_mut().zip(columns.as_flattened()) {
        *out = value.0;
    }
    coefficients
}

/// Where each coefficient of the zig-zag sequence is in what [`forward`] returns.
pub(super) static ORDER: [u8; 64] = transposed(ZIGZAG);

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated while compiling, where an index out of range does not compile"
)]
const fn transposed(mut order: [u8; 64]) -> [u8; 64] {
    let mut index = 0;
    while index < order.len() {
        order[index] = order[index] % 8 * 8 + order[index] / 8;
        index += 1;
    }
    order
}

/// Bits behind the binary point of the constants.
const FRACTION: i32 = 13;

/// `round(value * 2^13)`, of a value in millionths.
#[allow(clippy::arithmetic_side_effects, reason = "evaluated while compiling")]
const fn fixed(millionths: i64) -> Int {
    Wrapping(((millionths * (1 << FRACTION) + 500_000) / 1_000_000) as i32)
}

/// One row or column, sqrt(8) times too large, shifted left by `scale`.
#[inline(always)]
fn transform(x: [Int; 8], scale: i32) -> [Int; 8] {
    let down = FRACTION.wrapping_sub(scale) as usize;
    let half = Wrapping(1) << down.wrapping_sub(1);
    let rounded = |value: Int| (value + half) >> down;

    let (sum0, sum1, sum2, sum3) = (x[0] + x[7], x[1] + x[6], x[2] + x[5], x[3] + x[4]);
    let (difference0, difference1, difference2, difference3) = (x[0] - x[7], x[1] - x[6], x[2] - x[5], x[3] - x[4]);

    let (even0, even1, even2, even3) = (sum0 + sum3, sum1 + sum2, sum1 - sum2, sum0 - sum3);
    let whole = FRACTION as usize;
    let rotated = (even2 + even3) * const { fixed(541_196) };

    let (a, b, c, d) = (difference3, difference2, difference1, difference0);
    let common = (a + c + b + d) * const { fixed(1_175_876) };
    let (ad, bc) = ((a + d) * const { fixed(899_976) }, (b + c) * const { fixed(2_562_915) });
    let ac = common - (a + c) * const { fixed(1_961_571) };
    let bd = common - (b + d) * const { fixed(390_181) };
    [
        rounded((even0 + even1) << whole),
        rounded(d * const { fixed(1_501_321) } - ad + bd),
        rounded(rotated + even3 * const { fixed(765_367) }),
        rounded(c * const { fixed(3_072_711) } - bc + ac),
        rounded((even0 - even1) << whole),
        rounded(b * const { fixed(2_053_120) } - bc + bd),
        rounded(rotated - even2 * const { fixed(1_847_759) }),
        rounded(a * const { fixed(298_631) } - ad + ac),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition (section A.3.3), times 8.
    fn reference(samples: &[u8; 64], u: usize, v: usize) -> f64 {
        let scale = |n| if n == 0 { core::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
        let wave = |x: usize, n: usize| ((2 * x + 1) as f64 * n as f64 * core::f64::consts::PI / 16.0).cos();
        let sum: f64 = (0..64).map(|at| (f64::from(samples[at]) - 128.0) * wave(at % 8, u) * wave(at / 8, v)).sum();
        2.0 * scale(u) * scale(v) * sum
    }

    #[test]
    fn the_transform_is_the_definition_within_a_fifth() {
        let extremes = core::array::from_fn(|at| if (at / 8 + at) % 2 == 0 { 0 } else { 255 });
        let noise = core::array::from_fn(|at| ((at as u32 + 3).wrapping_mul(2_654_435_761) >> 11) as u8);
        let ramp = core::array::from_fn(|at| (at * 4) as u8);
        for samples in [[0; 64], [255; 64], extremes, noise, ramp] {
            let found = forward(&samples);
            for u in 0..8 {
                for v in 0..8 {
                    let (found, exact) = (f64::from(found[u * 8 + v]), reference(&samples, u, v));
                    assert!((found - exact).abs() <= 1.5, "({u}, {v}): {found}, exactly {exact}");
                }
            }
        }
    }

    #[test]
    fn the_order_is_the_zigzag_of_columns() {
        assert_eq!(&ORDER[..6], &[0, 8, 1, 2, 9, 16]);
    }
}
