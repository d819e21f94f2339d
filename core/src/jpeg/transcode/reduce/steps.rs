//! AC coefficients by the next bits of the file: two with their values where values are wanted, and otherwise as many as the bits hold.

use super::super::block::{LAST, extended};
use super::super::huffman::{Definition, each_prefix};

/// The number of bits that are looked at.
pub(super) const BITS: u32 = 10;
const COUNT: usize = 1 << BITS;
/// By the next bits, as a number.
pub(super) type Steps = [Step; COUNT];

/// What to do with the next bits. Of a table of [`several`] coefficients:
/// ```text
///  31    24 23    16 15  13 12     5 4     0
/// +--------+--------+------+--------+-------+
/// | symbol | length |  0   | passed | taken |
/// +--------+--------+------+--------+-------+
/// ```
/// `taken` bits of the file are passed, and so many coefficients; [`END`] more where the block ends. `symbol` is the first of them, and
/// `length` that of its code.
///
/// Of a table of [`pairs`]:
/// ```text
///  31     24 23     16 15 14    10 9      5  4  3     0
/// +---------+---------+--+--------+--------+---+-------+
/// | value 2 | value 1 |0 | step 2 | step 1 |end| taken |
/// +---------+---------+--+--------+--------+---+-------+
/// ```
/// The first value is so many coefficients further, and the second as many further than that; 0 steps: there is none. Behind them the
/// block may end. What does not fit is a symbol and the length of its code, as above, and nothing is `taken`.
///
/// Where the length is 0, the code is longer than the bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step(u32);

/// Added to the coefficients that are passed, of which there are fewer: the block ends.
pub(super) const END: u32 = 128;

impl Step {
    /// The code is longer than the bits. No block has so many coefficients, with or without an end.
    pub(super) const NONE: Self = Self(255 << 5);
    const ENDS: u32 = 1 << 4;

    /// The first symbol, and the length of its code.
    #[inline(always)]
    pub(super) fn symbol(self) -> (u8, u32) {
        ((self.0 >> 24) as u8, self.0 >> 16 & 255)
    }

    /// Bits of the file.
    #[inline(always)]
    pub(super) fn taken(self) -> u32 {
        self.0 & 31
    }

    /// Coefficients.
    #[inline(always)]
    pub(super) fn passed(self) -> u32 {
        self.0 >> 5 & 255
    }

    /// Bits of the file that a pair takes; 0: there is none.
    #[inline(always)]
    pub(super) fn taken_by_pair(self) -> u32 {
        self.0 & 15
    }

    /// The block ends behind the pair.
    #[inline(always)]
    pub(super) fn ends(self) -> bool {
        self.0 & Self::ENDS != 0
    }

    /// The steps to the two coefficients.
    #[inline(always)]
    pub(super) fn steps(self) -> [u32; 2] {
        [self.0 >> 5 & 31, self.0 >> 10 & 31]
    }

    /// The two coefficients.
    #[inline(always)]
    pub(super) fn values(self) -> [i32; 2] {
        [self.0.wrapping_shl(8) as i32 >> 24, self.0 as i32 >> 24]
    }
}

/// The coefficients that a symbol passes before its own.
pub(super) fn passed(symbol: u8) -> u32 {
    match (symbol >> 4, symbol & 15) {
        (15, _) => 15,
        // Symbols that section F.1.2.2.1 leaves undefined are taken for an end, as the common decoders do.
        (_, 0) => END,
        (zeros, _) => zeros.into(),
    }
}

/// By the next bits, the first symbol and the length of its code.
fn symbols(definition: &Definition, jpeg: &[u8]) -> [(u8, u8); COUNT] {
    let mut symbols = [(0, 0); COUNT];
    each_prefix(definition, jpeg, BITS, |len, symbol, range| {
        symbols.get_mut(range).unwrap_or_default().fill((symbol, len as u8));
    });
    symbols
}

/// The next symbol of these, with the number of bits of its code, where `taken` of the bits are passed. `None`: it is not within them.
fn next(symbols: &[(u8, u8); COUNT], bits: usize, taken: u32) -> Option<(u8, u32)> {
    let rest = bits.wrapping_shl(taken) & (COUNT - 1);
    let &(symbol, len) = symbols.get(rest)?;
    (len != 0 && taken.wrapping_add(len.into()) <= BITS).then_some((symbol, len.into()))
}

/// Makes steps of two coefficients each.
pub(super) fn pairs(steps: &mut Steps, definition: &Definition, jpeg: &[u8]) {
    let symbols = symbols(definition, jpeg);
    for (bits, step) in steps.iter_mut().enumerate() {
        let &(symbol, len) = symbols.get(bits).unwrap_or(&(0, 0));
        *step = Step(u32::from(symbol).wrapping_shl(24) | u32::from(len).wrapping_shl(16));
        let mut pair = 0_u32;
        let mut taken = 0_u32;
        for (step_at, value_at) in [(5, 16), (10, 24)] {
            let Some((symbol, len)) = next(&symbols, bits, taken) else { break };
            let (passed, size) = (passed(symbol), u32::from(symbol & 15));
            let end = taken.wrapping_add(len).wrapping_add(size);
            if passed == END || end > BITS || size > 7 {
                break;
            }
            let raw = bits.wrapping_shr(BITS.wrapping_sub(end)) as u32 & 1_u32.wrapping_shl(size).wrapping_sub(1);
            let value = extended(raw, size) as u32 & 255;
            pair |= value.wrapping_shl(value_at) | passed.wrapping_add(1).wrapping_shl(step_at);
            taken = end;
        }
        if let Some((symbol, len)) = next(&symbols, bits, taken)
            && passed(symbol) == END
        {
            pair |= Step::ENDS;
            taken = taken.wrapping_add(len);
        }
        if taken != 0 {
            *step = Step(pair | taken);
        }
    }
}

/// Makes steps of as many coefficients as there is room for, without their values.
pub(super) fn several(steps: &mut Steps, definition: &Definition, jpeg: &[u8]) {
    /// No step takes more bits, so that three may follow each other.
    const MAX_BITS: u32 = 18;
    let symbols = symbols(definition, jpeg);
    for (bits, step) in steps.iter_mut().enumerate() {
        let (mut taken, mut coefficients) = (0_u32, 0_u32);
        while coefficients < END
            && let Some((symbol, len)) = next(&symbols, bits, taken)
        {
            let more = match passed(symbol) {
                END => END,
                passed => passed.wrapping_add(1),
            };
            let end = taken.wrapping_add(len).wrapping_add(u32::from(symbol & 15));
            let all = coefficients.wrapping_add(more);
            if end > MAX_BITS || all & !END > LAST {
                break;
            }
            (taken, coefficients) = (end, all);
        }
        let &(symbol, len) = symbols.get(bits).unwrap_or(&(0, 0));
        let first = u32::from(symbol).wrapping_shl(24) | u32::from(len).wrapping_shl(16);
        let rest = if taken == 0 { Step::NONE.0 } else { coefficients.wrapping_shl(5) | taken };
        *step = Step(first | rest);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::encoder::{Code, LUMA_AC};
    use super::super::super::super::tables;
    use super::*;

    /// The step for Annex K's codes of these symbols, each with the bits behind it.
    fn step(make: fn(&mut Steps, &Definition, &[u8]), symbols: &[(u8, u32)]) -> Step {
        let mut steps = [Step::NONE; COUNT];
        make(&mut steps, &Definition::own(&tables::LUMA_AC), &[]);
        let (mut bits, mut count) = (0_u64, 0);
        for &(symbol, raw) in symbols {
            let Code { bits: code, len } = LUMA_AC[usize::from(symbol)];
            let size = u32::from(symbol & 15);
            bits = (bits << len | u64::from(code)) << size | u64::from(raw);
            count += u32::from(len) + size;
        }
        steps[(bits << 32 >> count >> (32 - BITS)) as usize & (COUNT - 1)]
    }

    #[test]
    fn a_pair_is_two_coefficients_and_perhaps_an_end() {
        let pair = |symbols: &[(u8, u32)]| {
            let step = step(pairs, symbols);
            (step.taken_by_pair(), step.steps(), step.values(), step.ends())
        };
        // Codes of Annex K: 00 is 1 bit without zeros, 01 2 bits, 1100 1 bit behind a zero, 1010 the end.
        assert_eq!(pair(&[(0x01, 1), (0x01, 0), (0x00, 0)]), (10, [1, 1], [1, -1], true));
        assert_eq!(pair(&[(0x11, 0), (0x02, 3), (0x02, 0)]), (9, [2, 1], [-1, 3], false));
        assert_eq!(pair(&[(0x01, 1), (0x00, 0), (0x01, 0)]), (7, [1, 0], [1, 0], true));
        assert_eq!(pair(&[(0x00, 0), (0x01, 1), (0x01, 1)]), (4, [0, 0], [0, 0], true));
        assert_eq!(pair(&[(0x02, 2), (0x05, 16)]), (4, [1, 0], [2, 0], false));
    }

    #[test]
    fn what_does_not_fit_is_a_symbol() {
        // Five bits and six behind them, and a code of sixteen.
        let far = step(pairs, &[(0x05, 31), (0x06, 9)]);
        assert_ne!(far.taken_by_pair(), 0);
        let far = step(pairs, &[(0x06, 9)]);
        assert_eq!((far.taken_by_pair(), far.symbol()), (0, (0x06, 7)));
        let long = step(pairs, &[(0x0A, 1)]);
        assert_eq!((long.taken_by_pair(), long.symbol()), (0, (0, 0)));
    }

    #[test]
    fn several_coefficients_are_passed_at_once() {
        let passed = |symbols: &[(u8, u32)]| {
            let step = step(several, symbols);
            (step.taken(), step.passed(), step.symbol())
        };
        assert_eq!(passed(&[(0x01, 1), (0x01, 0), (0x00, 0)]), (10, 2 + END, (0x01, 2)));
        assert_eq!(passed(&[(0x01, 1), (0x11, 0), (0x06, 0)]), (8, 3, (0x01, 2)));
        // The last one's bits may be further away.
        assert_eq!(passed(&[(0x01, 1), (0x06, 0)]), (16, 2, (0x01, 2)));
        assert_eq!(passed(&[(0x0A, 1)]), (0, 255, (0, 0)));
    }
}
