//! The bits of entropy-coded data, without stuffing, up to the next marker.
//!
//! Damaged data is read as libjpeg does it, whose pictures people take for what is in a file. Where data ends, zeros follow it to
//! the end of the MCU, and all MCUs up to the next restart marker have no coefficients, their DC coefficients not excepted. A
//! restart marker that is not the one that is due is passed, or waited for, as its number suggests.

use super::super::cursor::next_marker;
use super::super::layout::{Error, ErrorKind, Flaw, Flaws};
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
    /// The data before the next restart marker has ended: the MCUs that are left have no coefficients, and are not read.
    pub(super) is_dry: bool,
    /// What was wrong on the way here.
    pub(super) flaws: Flaws,
}

/// The bits at that place. Apart from the rest, because a copy of them has to stay in registers while a block is decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits {
    /// The next bits, left-aligned. What is behind the first `count` is part of the byte at `at`, and harmless.
    pub(super) next: u64,
    pub(super) count: u32,
    /// The number of bits that are zeros made up behind the end of the data.
    pub(super) padding: u32,
    /// The next byte of the scan.
    pub(super) at: u32,
}

/// There are at least this many bits after [`Bits::refill`].
pub(super) const REFILLED: u32 = 56;
/// The longest symbol: a code of 16 bits, and 15 behind it, though no picture has so large a coefficient.
pub(super) const SYMBOL: u32 = 31;

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
                // Fill bytes, before a marker or what decoders take for a single byte of data.
                (Some(0xFF), Some(0xFF)) => {
                    let fill = scan.iter().skip(at).take_while(|&&byte| byte == 0xFF).count();
                    self.at = self.at.wrapping_add(fill.saturating_sub(1) as u32);
                    continue;
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

    /// Whether zeros that were made up were taken for data.
    #[inline(always)]
    pub(super) fn are_short(self) -> bool {
        self.count < self.padding
    }

    /// An error here, counted from the start of the scan.
    #[cold]
    pub(super) fn error(self, kind: ErrorKind) -> Error {
        Error { kind, at: self.position() }
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
            is_dry: false,
            flaws: Flaws::NONE,
        }
    }

    /// Begins an MCU: passes the restart marker where one is due, and gives its number.
    #[inline(always)]
    pub(super) fn begin_mcu(&mut self, scan: &[u8]) -> Option<u8> {
        if self.bits.are_short() {
            self.run_dry();
        }
        if self.restart_interval == 0 {
            return None;
        }
        if self.until_restart > 0 {
            self.until_restart = self.until_restart.wrapping_sub(1);
            return None;
        }
        Some(self.restart(scan))
    }

    /// Ends an MCU that ran into the data's end.
    #[cold]
    pub(super) fn run_dry(&mut self) {
        self.is_dry = true;
        self.flaws.insert(Flaw::MissingData);
    }

    /// Behind the last MCU.
    pub(super) fn end(&mut self) {
        if self.bits.are_short() {
            self.run_dry();
        }
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

    /// The number of the marker that is due.
    #[cold]
    fn restart(&mut self, scan: &[u8]) -> u8 {
        let number = self.next_restart;
        // Nothing lies between a segment's last bits and its marker but fill bytes (section B.1.1.2).
        if self.bits.left() >= 8 {
            self.flaws.insert(Flaw::Surplus);
        }
        let restart = Restart::find(scan, self.bits.at as usize, number);
        self.flaws = self.flaws.union(restart.flaws);
        self.bits = Bits::at(restart.at as u32);
        self.dc = [0; 3];
        self.until_restart = u32::from(self.restart_interval).wrapping_sub(1);
        self.next_restart = number.wrapping_add(1) & 7;
        self.is_dry &= !restart.is_passed;
        number
    }
}

/// How data goes on where a restart marker is due.
pub(super) struct Restart {
    /// Behind a restart marker, not necessarily this one. Otherwise there is no data for the MCUs up to the next one.
    pub(super) is_passed: bool,
    /// Where reading goes on.
    pub(super) at: usize,
    /// What was wrong.
    pub(super) flaws: Flaws,
}

impl Restart {
    /// Looks for marker `number` from a place of the scan on. What is done about another one is what libjpeg's
    /// `jpeg_resync_to_restart` does.
    pub(super) fn find(scan: &[u8], from: usize, number: u8) -> Self {
        let mut flaws = Flaws::NONE;
        let mut found = next_marker(scan, from);
        if found.has_surplus {
            flaws.insert(Flaw::Surplus);
        }
        // Behind the scan there is EOI, or as good as that.
        let mut code = found.code.unwrap_or(marker::EOI);
        if code != marker::RST0 | number && code != marker::EOI {
            flaws.insert(Flaw::RestartNumbers);
        }
        let is_passed = loop {
            match (code, code.wrapping_sub(number) & 7) {
                // One of the next two: those before it are missing. Or no restart marker at all.
                (marker::RST0..=marker::RST7, 1 | 2) => break false,
                // One of the last two: here it is out of place.
                (marker::RST0..=marker::RST7, 6 | 7) | (..marker::SOF0, _) => {}
                (marker::RST0..=marker::RST7, _) => break true,
                _ => break false,
            }
            found = next_marker(scan, found.behind);
            code = found.code.unwrap_or(marker::EOI);
        };
        Self { is_passed, at: if is_passed { found.behind } else { found.at }, flaws }
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
            if reader.are_short() {
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
        assert_eq!(bits(&[0x12, 0xFF, 0xFF, 0xFF, 0x00, 0x34], 8), [0x12, 0xFF, 0x34]);
    }

    #[test]
    fn data_ends_at_a_marker_or_with_the_file() {
        for end in [&[0xFF, 0xD9][..], &[0xFF, 0xD0, 0x55], &[0xFF], &[0xFF, 0xFF, 0xD9], &[]] {
            assert_eq!(bits(&[&[0x12, 0x34], end].concat(), 8), [0x12, 0x34]);
        }
    }

    /// One byte of an MCU, and the number of the restart marker before it. No byte: the MCU has no coefficients.
    type Mcu = (Option<u32>, Option<u8>);

    fn mcus(scan: &[u8], count: usize) -> (std::vec::Vec<Mcu>, Flaws) {
        let mut reader = Reader::new(1);
        let mut mcu = || {
            let restart = reader.begin_mcu(scan);
            reader.dc = [7; 3];
            let byte = (!reader.is_dry).then(|| {
                reader.bits.refill(scan);
                reader.bits.take(8)
            });
            (byte, restart)
        };
        let found = (0..count).map(|_| mcu()).collect();
        reader.end();
        (found, reader.flaws)
    }

    #[test]
    fn restart_markers_are_passed_in_their_order() {
        let scan = [0x12, 0xFF, 0xD0, 0x34, 0xFF, 0xFF, 0xD1, 0x56];
        let expected = [(Some(0x12), None), (Some(0x34), Some(0)), (Some(0x56), Some(1))];
        assert_eq!(mcus(&scan, 3), (expected.to_vec(), Flaws::NONE));
    }

    #[test]
    fn restart_markers_out_of_order_are_passed_or_waited_for() {
        use Flaw::*;
        // What is read of each of five MCUs; 0: zeros behind the data's end.
        type Case = (&'static [u8], [Option<u32>; 5], &'static [Flaw]);
        let cases: [Case; 10] = [
            // Surplus bytes.
            (
                b"\x12\x34\xFF\xD0\x56\xFF\0\xFF\xD1\x78\xFF\xD2\x11\xFF\xD3\x22",
                [Some(0x12), Some(0x56), Some(0x78), Some(0x11), Some(0x22)],
                &[Surplus],
            ),
            // Numbers from 3.
            (
                b"\x12\xFF\xD3\x34\xFF\xD4\x56\xFF\xD5\x78\xFF\xD6\x11",
                [Some(0x12), Some(0x34), Some(0x56), Some(0x78), Some(0x11)],
                &[RestartNumbers],
            ),
            // One is missing, with its data, or without; the data before it is passed.
            (
                b"\x12\xFF\xD1\x34\xFF\xD2\x56\xFF\xD3\x78",
                [Some(0x12), Some(0), Some(0x34), Some(0x56), Some(0x78)],
                &[RestartNumbers, MissingData],
            ),
            (
                b"\x12\x34\xFF\xD1\x56\xFF\xD2\x78\xFF\xD3\x11",
                [Some(0x12), Some(0), Some(0x56), Some(0x78), Some(0x11)],
                &[Surplus, RestartNumbers, MissingData],
            ),
            // Two are missing.
            (
                b"\x12\xFF\xD2\x34\xFF\xD3\x56",
                [Some(0x12), Some(0), None, Some(0x34), Some(0x56)],
                &[RestartNumbers, MissingData],
            ),
            // One comes twice.
            (
                b"\x12\xFF\xD0\x34\xFF\xD0\x56\xFF\xD1\x78\xFF\xD2\x11\xFF\xD3\x22",
                [Some(0x12), Some(0x34), Some(0x78), Some(0x11), Some(0x22)],
                &[RestartNumbers],
            ),
            // Something that is no marker of a scan, and something that is none at all.
            (b"\x12\xFF\xC4\x34\xFF\xD0\x56", [Some(0x12), Some(0), None, None, None], &[RestartNumbers, MissingData]),
            (
                b"\x12\xFF\x05\x34\xFF\xD0\x56\xFF\xD1\x78\xFF\xD2\x11\xFF\xD3\x22",
                [Some(0x12), Some(0x56), Some(0x78), Some(0x11), Some(0x22)],
                &[RestartNumbers],
            ),
            // There are none.
            (b"\x12\x34\x56\x78\x11", [Some(0x12), Some(0), None, None, None], &[Surplus, MissingData]),
            // Data that ends before its marker.
            (
                b"\xFF\xD0\x34\xFF\xD1\xFF\xD2\x56\xFF\xD3\x78",
                [Some(0), Some(0x34), Some(0), Some(0x56), Some(0x78)],
                &[MissingData],
            ),
        ];
        for (scan, bytes, flaws) in cases {
            let (found, noted) = mcus(scan, 5);
            assert_eq!(found.iter().map(|(byte, _)| *byte).collect::<std::vec::Vec<_>>(), bytes, "{scan:x?}");
            assert!(found.iter().skip(1).map(|(_, number)| *number).eq((0..4).map(Some)));
            assert_eq!(noted.iter().collect::<std::vec::Vec<_>>(), flaws, "{scan:x?}");
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
