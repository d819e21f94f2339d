//! The bits of entropy-coded data, without stuffing, up to the next marker.

use super::super::layout::{Error, ErrorKind};
use super::super::marker;

/// The bytes that are read, and where a table says they are.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) jpeg: &'a [u8],
    pub(super) scan: &'a [u8],
}

/// A place in a scan with all that decoding from there on needs. Plain data: a copy is a mark to come back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) bits: Bits,
    /// The last DC coefficient of each component (section F.2.2.1).
    pub(super) dc: [i32; 3],
    /// MCUs before the next restart marker.
    until_restart: u32,
    restart_interval: u16,
    /// The number of the next restart marker, 0 to 7.
    next_restart: u8,
}

/// The bits at that place. Apart from the rest, because a copy of them has to stay in registers while a block is decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits {
    /// The next bits, left-aligned. What is behind the first `count` is part of the byte at `at`, and harmless.
    pub(super) next: u64,
    pub(super) count: u32,
    /// The number of bits that are zeros made up behind the end of the data. To take one of them is an error.
    pub(super) padding: u32,
    /// The next byte of the scan.
    pub(super) at: u32,
}

/// There are at least this many bits after [`Bits::refill`].
pub(super) const REFILLED: u32 = 56;
/// The longest symbol: a code of 16 bits with the 11 of a DC coefficient.
pub(super) const SYMBOL: u32 = 27;

impl Bits {
    pub(super) const fn at(at: u32) -> Self {
        Self { next: 0, count: 0, padding: 0, at }
    }

    /// Fills up to [`REFILLED`] bits or more, and never to 64: a shift by as much would be one by none.
    #[inline(always)]
    pub(super) fn refill(&mut self, scan: &[u8]) {
        if let Some(next) = scan.get(self.at as usize..).and_then(<[u8]>::first_chunk)
            && let Some(more) = plain(next, self.count)
        {
            self.next |= more;
            self.at = self.at.wrapping_add(63_u32.wrapping_sub(self.count) >> 3);
            self.count |= REFILLED;
            return;
        }
        // By value, so that a reader in use may stay in registers.
        *self = self.refilled_bytewise(scan);
    }

    #[cold]
    #[inline(never)]
    pub(super) fn refilled_bytewise(mut self, scan: &[u8]) -> Self {
        while self.count < REFILLED {
            let at = self.at as usize;
            let byte = match (scan.get(at), scan.get(at.wrapping_add(1))) {
                (Some(0xFF), Some(0)) => {
                    self.at = self.at.wrapping_add(2);
                    0xFF
                }
                // A marker, or the file was cut.
                (Some(0xFF), _) | (None, _) => {
                    self.padding = self.padding.saturating_add(8);
                    0
                }
                (Some(&byte), _) => {
                    self.at = self.at.wrapping_add(1);
                    byte
                }
            };
            self.next |= u64::from(byte).wrapping_shl(REFILLED.wrapping_sub(self.count));
            self.count = self.count.wrapping_add(8);
        }
        self
    }

    /// Passes `len` bits, at most what `count` says.
    #[inline(always)]
    pub(super) fn consume(&mut self, len: u32) {
        self.next = self.next.wrapping_shl(len);
        self.count = self.count.wrapping_sub(len);
    }

    /// The next `len` bits, 0 to 16, as a number.
    #[inline(always)]
    pub(super) fn peek(self, len: u32) -> u32 {
        leading(self.next, len)
    }

    /// Makes sure that there is a symbol with what follows it.
    #[inline(always)]
    pub(super) fn ensure(&mut self, scan: &[u8]) {
        if self.count < SYMBOL {
            self.refill(scan);
        }
    }

    /// Takes `len` bits, at most 16, of those that are there.
    #[inline(always)]
    pub(super) fn take(&mut self, len: u32) -> u32 {
        let bits = self.peek(len);
        self.consume(len);
        bits
    }

    /// An error where decoding went on behind the data's end. Asked once per block; until then, the bits were zeros.
    #[inline(always)]
    pub(super) fn check(self) -> Result<(), Error> {
        if self.count < self.padding { Err(self.error(ErrorKind::ScanTooShort)) } else { Ok(()) }
    }

    /// An error here, counted from the start of the scan. What is wrong with a symbol that reaches into made-up bits is that
    /// they were made up.
    #[cold]
    pub(super) fn error(self, kind: ErrorKind) -> Error {
        let is_short = self.padding > 0 && self.left() < SYMBOL;
        Error {
            kind: if is_short { ErrorKind::ScanTooShort } else { kind },
            at: self.at.saturating_sub(self.left() / 8),
        }
    }

    /// The byte of the scan that the next bit is in, or the marker behind all of them.
    pub(super) fn position(self) -> u32 {
        self.at.saturating_sub(self.left() / 8)
    }

    /// Bits that are left of the file's, of those that were filled in.
    fn left(self) -> u32 {
        self.count.saturating_sub(self.padding)
    }
}

impl Reader {
    pub(super) const fn new(restart_interval: u16) -> Self {
        Self {
            bits: Bits::at(0),
            dc: [0; 3],
            until_restart: restart_interval as u32,
            restart_interval,
            next_restart: 0,
        }
    }

    /// Passes the restart marker where one is due before the next MCU, and gives its number.
    #[inline(always)]
    pub(super) fn begin_mcu(&mut self, scan: &[u8]) -> Result<Option<u8>, Error> {
        if self.restart_interval == 0 {
            return Ok(None);
        }
        if self.until_restart > 0 {
            self.until_restart = self.until_restart.wrapping_sub(1);
            return Ok(None);
        }
        self.restart(scan).map(Some)
    }

    /// The DC coefficient that differs by this from the component's last one (section F.2.2.1).
    #[inline(always)]
    pub(super) fn add_dc(&mut self, component: u8, difference: i32) -> i32 {
        self.dc.get_mut(usize::from(component)).map_or(difference, |last| {
            *last = last.wrapping_add(difference);
            *last
        })
    }

    pub(super) fn has_restarts(&self) -> bool {
        self.restart_interval != 0
    }

    /// MCUs that come before the next restart marker.
    pub(super) fn mcus_before_restart(&self) -> u32 {
        if self.restart_interval == 0 { u32::MAX } else { self.until_restart }
    }

    /// Passes MCUs, not more than come before the next restart marker.
    pub(super) fn pass_mcus(&mut self, count: u32) {
        self.until_restart = self.until_restart.saturating_sub(count);
    }

    #[cold]
    fn restart(&mut self, scan: &[u8]) -> Result<u8, Error> {
        let wrong = Error { kind: ErrorKind::RestartMarker, ..self.bits.error(ErrorKind::RestartMarker) };
        // Nothing lies between a segment's last bits and its marker but fill bytes (section B.1.1.2); whole bytes that were
        // not decoded would be a sign of damage.
        let unread = self.bits.left() / 8;
        let rest = scan.get(self.bits.at as usize..).unwrap_or(&[]);
        let fill = rest.iter().take_while(|&&byte| byte == 0xFF).count();
        let number = self.next_restart;
        if unread != 0 || fill == 0 || rest.get(fill) != Some(&(marker::RST0 | number)) {
            return Err(wrong);
        }
        let passed = u32::try_from(fill).unwrap_or(u32::MAX).saturating_add(1);
        *self = Self {
            bits: Bits::at(self.bits.at.saturating_add(passed)),
            until_restart: u32::from(self.restart_interval).wrapping_sub(1),
            next_restart: number.wrapping_add(1) & 7,
            ..Self::new(self.restart_interval)
        };
        Ok(number)
    }
}

/// The first `len` of these bits, 0 to 16, as a number.
#[inline(always)]
pub(super) fn leading(bits: u64, len: u32) -> u32 {
    (bits >> 1).wrapping_shr(63_u32.wrapping_sub(len)) as u32
}

/// The bits of the next bytes, behind `count` others; `None` where stuffing or a marker may be among those that find room.
#[inline(always)]
pub(super) fn plain(next: &[u8; 8], count: u32) -> Option<u64> {
    let word = u64::from_be_bytes(*next);
    // Only what is taken matters, and the byte behind it.
    (!contains_ff(word.wrapping_shr(count & 56))).then(|| word.wrapping_shr(count))
}

/// Whether a byte of the word is FF, which means that a byte of its inverse is 0.
#[inline(always)]
pub(super) fn contains_ff(word: u64) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    (!word).wrapping_sub(LOW) & word & HIGH != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All bits of the scan, up to its first marker.
    fn bits(scan: &[u8], step: u32) -> std::vec::Vec<u32> {
        let mut reader = Bits::at(0);
        let mut found = std::vec::Vec::new();
        loop {
            reader.refill(scan);
            let value = reader.peek(step);
            reader.consume(step);
            if reader.check().is_err() {
                return found;
            }
            found.push(value);
        }
    }

    #[test]
    fn bits_come_in_order_whatever_the_steps() {
        let scan: std::vec::Vec<u8> =
            (0..200_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 & 0xFE).collect();
        for step in 1..=16 {
            let found = bits(&scan, step);
            assert_eq!(found.len(), scan.len() * 8 / step as usize);
            for (index, value) in found.iter().enumerate() {
                let expected = (0..step as usize).fold(0, |sum, bit| {
                    let at = index * step as usize + bit;
                    sum << 1 | u32::from(scan[at / 8]) >> (7 - at % 8) & 1
                });
                assert_eq!(*value, expected, "step {step}, index {index}");
            }
        }
    }

    #[test]
    fn a_stuffed_zero_is_not_data() {
        assert_eq!(bits(&[0xFF, 0x00, 0x12, 0xFF, 0x00, 0xFF, 0x00], 8), [0xFF, 0x12, 0xFF, 0xFF]);
        let long = [[0x11; 7].as_slice(), &[0xFF, 0x00], &[0x22; 9]].concat();
        let found = bits(&long, 8);
        assert_eq!((found.len(), found[6], found[7], found[8]), (17, 0x11, 0xFF, 0x22));
    }

    #[test]
    fn data_ends_at_a_marker_or_with_the_file() {
        for end in [&[0xFF, 0xD9][..], &[0xFF, 0xD0, 0x55], &[0xFF], &[0xFF, 0xFF, 0xD9], &[]] {
            assert_eq!(bits(&[&[0x12, 0x34], end].concat(), 8), [0x12, 0x34]);
        }
    }

    #[test]
    fn restart_markers_are_expected_in_their_order_and_place() {
        let scan = [0x12, 0xFF, 0xD0, 0x34, 0xFF, 0xFF, 0xD1, 0x56];
        let mut reader = Reader::new(1);
        for (expected, restart) in [(0x12, None), (0x34, Some(0)), (0x56, Some(1))] {
            assert_eq!(reader.begin_mcu(&scan), Ok(restart));
            reader.dc = [7; 3];
            reader.bits.refill(&scan);
            assert_eq!(reader.bits.peek(8), expected);
            reader.bits.consume(8);
        }
        let wrong: [&[u8]; 4] = [&[0x12, 0xFF, 0xD1], &[0x12, 0x13, 0xFF, 0xD0], &[0x12, 0xFF], &[0x12]];
        for scan in wrong {
            let mut reader = Reader::new(1);
            assert_eq!(reader.begin_mcu(scan), Ok(None));
            reader.bits.refill(scan);
            reader.bits.consume(8);
            assert_eq!(reader.begin_mcu(scan).map_err(|error| error.kind), Err(ErrorKind::RestartMarker));
        }
    }

    #[test]
    fn an_ff_is_found_in_each_byte() {
        for byte in 0..8 {
            assert!(contains_ff(0xFF << (8 * byte)));
            assert!(!contains_ff(0xFE << (8 * byte)) && !contains_ff(0x7F << (8 * byte)));
        }
        assert!(!contains_ff(0) && contains_ff(u64::MAX) && !contains_ff(0xFEFE_FEFE_FEFE_FEFE));
    }
}
