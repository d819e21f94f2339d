//! Bits on their way from the file to the picture to be: the loop that all the time is spent in.

use super::super::encoder::Code;
use super::super::layout::Flaws;
use super::huffman::{Entries, Entry};
use super::reader::{self, Bits, REFILLED};
use super::writer::{self, DC_BITS, Writer};

/// The state while blocks go from the file to the picture, in as few variables as possible: they are to stay in
/// registers from block to block.
pub(super) struct RecodeLoop<'a> {
    scan: &'a [u8],
    /// The bytes of the scan behind the bits that were fetched.
    rest: &'a [u8],
    /// As in [`Bits`].
    next: u64,
    padding: u32,
    sums: PackedCounters,
    /// Bits to be written, right-aligned.
    made: u64,
    out: &'a mut [u8],
    /// What was wrong on the way.
    pub(super) flaws: Flaws,
}

/// Three numbers that an [`Entry`] changes with a single addition:
/// ```text
///   31 30    23 22         16 15      8 7        0
///  +--+--------+-------------+---------+----------+
///  |end|   0   | coefficient | waiting | 63 - left |
///  +--+--------+-------------+---------+----------+
/// ```
/// how many bits of the file are left before more have to be fetched, how many wait to be written, and the number of the
/// next coefficient. The highest bit tells of a block's end.
#[derive(Clone, Copy)]
pub(super) struct PackedCounters(u32);

impl PackedCounters {
    /// The number of the next coefficient is more than 63.
    const PAST: u32 = 64 << 16;
    const END: u32 = Entry::END << 16;

    #[inline(always)]
    fn left(self) -> u32 {
        !self.0 & 63
    }

    #[inline(always)]
    fn waiting(self) -> u32 {
        self.0 >> 8 & 63
    }

    #[inline(always)]
    fn coefficient(self) -> u32 {
        self.0 >> 16 & 0x7F
    }
}

/// The distance that an entry led.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Passed {
    /// To the next entry of the same block.
    Symbols,
    /// To the block's end.
    Block,
    /// Nowhere: here is a symbol that no entry tells of, or that may be the block's last.
    Nothing,
}

/// A DC coefficient and two entries, or three entries, may follow each other before bits are exchanged, and 7 bits may be
/// left over then. From the file, no more bits are taken for a DC coefficient than it becomes, or they are exchanged behind it.
const _: () =
    assert!(DC_BITS + 2 * Entry::MAX_BITS <= REFILLED && 3 * Entry::MAX_BITS <= REFILLED && REFILLED + 7 < 64);

impl<'a> RecodeLoop<'a> {
    #[inline(always)]
    pub(super) fn new(scan: &'a [u8], bits: Bits, writer: &Writer, out: &'a mut [u8]) -> Self {
        let (made, waiting) = writer.bits();
        let rest = scan.get(bits.at as usize..).unwrap_or(&[]);
        let sums = PackedCounters(waiting << 8 | !bits.count & 63);
        Self { scan, rest, next: bits.next, padding: bits.padding, sums, made, out, flaws: Flaws::NONE }
    }

    /// The file's next bits.
    #[inline(always)]
    pub(super) fn bits(&self) -> Bits {
        let at = self.scan.len().saturating_sub(self.rest.len()) as u32;
        Bits { next: self.next, count: self.sums.left(), padding: self.padding, at }
    }

    /// Goes on elsewhere.
    #[inline(always)]
    pub(super) fn jump(&mut self, bits: Bits) {
        (self.next, self.padding) = (bits.next, bits.padding);
        self.rest = self.scan.get(bits.at as usize..).unwrap_or(&[]);
        self.sums.0 = self.sums.0 & !63 | !bits.count & 63;
    }

    /// [`Bits::are_short`].
    #[inline(always)]
    pub(super) fn are_short(&self) -> bool {
        self.sums.left() < self.padding
    }

    /// Leaves the bits that were not written in `writer`; returns how many bytes of the output are still free.
    #[inline(always)]
    pub(super) fn end(self, writer: &mut Writer) -> usize {
        writer.keep(self.made, self.sums.waiting());
        self.out.len()
    }

    /// Goes on writing elsewhere, and leaves in `writer` and `out` where it was.
    #[inline(always)]
    pub(super) fn swap(&mut self, writer: &mut Writer, out: &mut &'a mut [u8]) {
        let (made, waiting) = writer.bits();
        writer.keep(self.made, self.sums.waiting());
        self.made = made;
        self.sums.0 = self.sums.0 & !0xFF00 | waiting << 8;
        core::mem::swap(&mut self.out, out);
    }

    /// Writes all that is left to be read as it is. `None`: there is no room.
    pub(super) fn copy(&mut self) -> Option<()> {
        // Both this time's bytes and those of before may all be stuffed.
        while self.room() >= 32 {
            self.exchange();
            let len = self.sums.left().saturating_sub(self.padding).min(REFILLED);
            if len == 0 {
                return Some(());
            }
            self.made = self.made.wrapping_shl(len) | self.next.wrapping_shr(64_u32.wrapping_sub(len));
            self.next = self.next.wrapping_shl(len);
            self.sums.0 = self.sums.0.wrapping_add(len << 8 | len);
        }
        None
    }

    /// Bytes of the output that are free.
    #[inline(always)]
    pub(super) fn room(&self) -> usize {
        self.out.len()
    }

    /// Fetches at least [`REFILLED`] bits and writes all bytes that are whole.
    #[inline(always)]
    pub(super) fn exchange(&mut self) {
        self.fetch();
        self.out = writer::write(core::mem::take(&mut self.out), self.made, self.sums.waiting());
        self.sums.0 &= 0x00FF_0707;
    }

    /// [`Bits::refill`].
    #[inline(always)]
    fn fetch(&mut self) {
        if let Some(next) = self.rest.first_chunk()
            && let Some(more) = reader::plain(next, self.sums.left())
        {
            self.next |= more;
            self.rest = self.rest.get((self.sums.0 >> 3 & 7) as usize..).unwrap_or_default();
            return;
        }
        let bits = self.bits().refilled_bytewise(self.scan);
        self.jump(bits);
    }

    /// The next bits, up to 16, as a number.
    #[inline(always)]
    pub(super) fn peek(&self, len: u32) -> u32 {
        reader::leading(self.next, len)
    }

    /// Passes bits of the file.
    #[inline(always)]
    pub(super) fn take(&mut self, len: u32) {
        self.next = self.next.wrapping_shl(len);
        self.sums.0 = self.sums.0.wrapping_add(len);
    }

    /// Bits to be written: a code and the `len` bits of `value` behind it, together at most 27.
    #[inline(always)]
    pub(super) fn put(&mut self, code: Code, value: u32, len: u32) {
        let all = u32::from(code.len).wrapping_add(len);
        self.made = self.made.wrapping_shl(all) | u64::from(u32::from(code.bits).wrapping_shl(len) | value);
        self.sums.0 = self.sums.0.wrapping_add(all << 8);
    }

    /// The number of the next coefficient.
    #[inline(always)]
    pub(super) fn coefficient(&self) -> u32 {
        self.sums.coefficient()
    }

    /// Makes this the number of the next coefficient.
    #[inline(always)]
    pub(super) fn set_coefficient(&mut self, number: u32) {
        self.sums.0 = self.sums.0 & 0xFFFF | number << 16;
    }

    /// Recodes the symbols of one entry.
    #[inline(always)]
    pub(super) fn step<const LEN: usize>(&mut self, entries: &Entries<LEN>) -> Passed {
        let index = self.next.wrapping_shr(64_u32.wrapping_sub(LEN.ilog2())) as usize;
        let entry = entries.get(index).copied().unwrap_or(Entry::NONE);
        let sums = PackedCounters(self.sums.0.wrapping_add(entry.sums()));
        if sums.0 & (PackedCounters::PAST | PackedCounters::END) == 0 {
            self.recode(entry, sums);
            return Passed::Symbols;
        }
        if sums.0 & PackedCounters::PAST == 0 {
            self.recode(entry, sums);
            return Passed::Block;
        }
        Passed::Nothing
    }

    #[inline(always)]
    fn recode(&mut self, entry: Entry, sums: PackedCounters) {
        let same = self.next.rotate_left(entry.taken()) & entry.mask();
        self.next = self.next.wrapping_shl(entry.taken());
        self.made = self.made.wrapping_shl(entry.made()) | entry.out() | same;
        self.sums = sums;
    }
}
