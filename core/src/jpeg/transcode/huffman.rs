//! Huffman tables of a file, made ready to be decoded with and to be replaced by Annex K's.

use super::super::encoder::{self, Code, END_OF_BLOCK, SIXTEEN_ZEROS};
use super::super::layout::{Error, ErrorKind, Span};
use super::super::tables::HuffmanTable;
use super::reader::{Bits, REFILLED};
use super::writer;

/// Where a table's symbols are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Symbols {
    /// In the file.
    File(Span),
    /// In this program: a table that the file takes for granted.
    Own(&'static [u8]),
}

impl Symbols {
    pub(super) fn of<'a>(&self, jpeg: &'a [u8]) -> &'a [u8] {
        match self {
            Self::File(span) => span.of(jpeg),
            Self::Own(symbols) => symbols,
        }
    }
}

/// A table as a DHT segment defines it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Definition {
    pub(super) bits: [u8; 16],
    pub(super) symbols: Symbols,
}

impl Definition {
    pub(super) const fn own(table: &HuffmanTable) -> Self {
        Self { bits: table.bits, symbols: Symbols::Own(table.values) }
    }

    /// Whether the two define the same codes.
    pub(super) fn equals(&self, other: &Self, jpeg: &[u8]) -> bool {
        self.bits == other.bits && self.symbols.of(jpeg) == other.symbols.of(jpeg)
    }
}

/// A table that decodes any code, one length after the other (section F.2.2.3). 120 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canonical {
    /// By length less one: the first code that is longer, left-aligned in 16 bits.
    limits: [u32; 16],
    /// By length less one: what leads from a code to the place of its symbol.
    offsets: [u16; 16],
    symbols: Symbols,
}

impl Canonical {
    pub(super) const EMPTY: Self = Self { limits: [0; 16], offsets: [0; 16], symbols: Symbols::Own(&[]) };

    /// Fails where there are more codes than bits for them.
    pub(super) fn new(definition: &Definition) -> Result<Self, Error> {
        let mut table = Self { symbols: definition.symbols, ..Self::EMPTY };
        let (mut code, mut index, mut left) = (0_u32, 0_u32, 15_u32);
        let places = table.limits.iter_mut().zip(&mut table.offsets);
        for ((limit, offset), &count) in places.zip(&definition.bits) {
            *offset = index.wrapping_sub(code) as u16;
            code = code.wrapping_add(u32::from(count));
            index = index.wrapping_add(u32::from(count));
            *limit = code.wrapping_shl(left);
            if *limit > 1 << 16 {
                return Err(Error { kind: ErrorKind::Segment, at: 0 });
            }
            code = code.wrapping_shl(1);
            left = left.saturating_sub(1);
        }
        Ok(table)
    }

    /// The next code's symbol, and how long the code is. Takes nothing from the reader, which must hold 16 bits.
    #[inline(never)]
    pub(super) fn decode(&self, reader: Bits, jpeg: &[u8]) -> Result<(u8, u32), Error> {
        let next = reader.peek(16);
        let mut len = 1_u32;
        for (&limit, &offset) in self.limits.iter().zip(&self.offsets) {
            if next < limit {
                let code = next.wrapping_shr(16_u32.wrapping_sub(len)) as u16;
                let symbol = self.symbols.of(jpeg).get(usize::from(code.wrapping_add(offset)));
                return symbol.map(|&symbol| (symbol, len)).ok_or(reader.error(ErrorKind::Code));
            }
            len = len.wrapping_add(1);
        }
        Err(reader.error(ErrorKind::Code))
    }
}

/// Calls `set` with each code that has at most `bits` bits: its length, its symbol, and the range of `bits`-bit numbers
/// that begin with it.
pub(super) fn each_prefix(
    definition: &Definition,
    jpeg: &[u8],
    bits: u32,
    mut set: impl FnMut(u32, u8, core::ops::Range<usize>),
) {
    let mut symbols = definition.symbols.of(jpeg).iter();
    let mut start = 0_usize;
    let mut len = 1_u32;
    for &count in definition.bits.iter().take(bits as usize) {
        let step = 1_usize.wrapping_shl(bits.wrapping_sub(len));
        for &symbol in symbols.by_ref().take(usize::from(count)) {
            let end = start.saturating_add(step);
            set(len, symbol, start..end);
            start = end;
        }
        len = len.wrapping_add(1);
    }
}

/// How many bits the tables of AC coefficients look at.
pub(super) const AC_BITS: u32 = 9;
/// How many bits the tables of DC coefficients look at.
pub(super) const DC_BITS: u32 = 8;

/// By the next [`DC_BITS`] bits: the length of the code in the upper half and the category in the lower; 0: look further.
pub(super) type DcTable = [u8; 1 << DC_BITS];

pub(super) fn dc_table(table: &mut DcTable, definition: &Definition, jpeg: &[u8]) {
    *table = [0; 1 << DC_BITS];
    each_prefix(definition, jpeg, DC_BITS, |len, symbol, range| {
        if symbol <= 11 {
            let entry = (len.wrapping_shl(4) as u8) | symbol;
            table.get_mut(range).unwrap_or_default().fill(entry);
        }
    });
}

/// By the next [`AC_BITS`] bits, what to do: an [`Entry`] where blocks are recoded, a plain symbol where their
/// coefficients are wanted.
pub(super) type AcTable = [u32; 1 << AC_BITS];

/// Up to several symbols of a block at once, as they are in the file and as they will be:
/// ```text
///  31                                15 14        9 8     5 4       0
/// +------------------------------------+-----------+-------+---------+
/// |    a one, then up to 16 bits out   |  advance  |  raw  |  total  |
/// +------------------------------------+-----------+-------+---------+
/// ```
/// `total` bits of the file are taken. All but the last `raw` become the bits out; these, the last coefficient's, follow
/// unchanged. `advance` coefficients are passed, not counting what an EOB passes. Behind an EOB there is no coefficient, and
/// `raw` is [`ENDS`](Self::ENDS).
#[derive(Clone, Copy)]
pub(super) struct Entry(pub(super) u32);

impl Entry {
    /// No code that short: its advance is more than any block has room for.
    pub(super) const NONE: Self = Self(63 << 9);
    /// More bits than a coefficient has.
    const ENDS: u32 = 15;
    /// How many entries may follow each other before bits are fetched and written.
    pub(super) const TRAIN: u32 = 3;
    /// No entry takes more bits of the file: a train of them is no more than [`REFILLED`].
    pub(super) const MAX_TOTAL: u32 = 18;
    /// No entry makes more bits: a train of them is no more than a [`Pen`](super::writer::Pen) holds.
    pub(super) const MAX_OUT: u32 = 19;

    #[inline(always)]
    pub(super) fn total(self) -> u32 {
        self.0 & 31
    }

    #[inline(always)]
    pub(super) fn raw(self) -> u32 {
        self.0 >> 5 & 15
    }

    #[inline(always)]
    pub(super) fn advance(self) -> u32 {
        self.0 >> 9 & 63
    }

    #[inline(always)]
    pub(super) fn ends_block(self) -> bool {
        self.raw() == Self::ENDS
    }

    /// The bits out and how many they are.
    #[inline(always)]
    pub(super) fn out(self) -> (u32, u32) {
        let len = 16_u32.wrapping_sub(self.0.leading_zeros());
        ((self.0 >> 15) ^ 1_u32.wrapping_shl(len), len)
    }
}

const _: () = assert!(Entry::TRAIN * Entry::MAX_TOTAL <= REFILLED && Entry::TRAIN * Entry::MAX_OUT <= writer::PEN_BITS);

/// Makes the table that turns AC coefficients into those of `codes`, Annex K's.
pub(super) fn recoding_table(table: &mut AcTable, definition: &Definition, jpeg: &[u8], codes: &[Code; 256]) {
    // Length of the code and symbol.
    let mut singles = [(0_u8, 0_u8); 1 << AC_BITS];
    each_prefix(definition, jpeg, AC_BITS, |len, symbol, range| {
        singles.get_mut(range).unwrap_or_default().fill((len as u8, symbol));
    });
    for (index, entry) in table.iter_mut().enumerate() {
        *entry = combined(index as u32, &singles, codes).0;
    }
}

/// As many symbols as the index holds entirely, and the code of one more.
fn combined(index: u32, singles: &[(u8, u8); 1 << AC_BITS], codes: &[Code; 256]) -> Entry {
    let (mut bits, mut len) = (0_u32, 0_u32);
    let (mut code, mut raw, mut advance) = (0_u32, 0_u32, 0_u32);
    let mut end = false;
    while !end {
        let used = code.wrapping_add(raw);
        let window = index.wrapping_shl(used) & (1_u32.wrapping_shl(AC_BITS).wrapping_sub(1));
        let (next_len, symbol) = singles.get(window as usize).copied().unwrap_or_default();
        let out = encoder::code(codes, symbol);
        let (next_len, out_len) = (u32::from(next_len), u32::from(out.len));
        let total = used.wrapping_add(next_len);
        let out_total = len.wrapping_add(raw).wrapping_add(out_len);
        if next_len == 0 || out_len == 0 || total > AC_BITS || out_total > 16 {
            break;
        }
        let size = u32::from(symbol & 15);
        if total.wrapping_add(size) > Entry::MAX_TOTAL || out_total.wrapping_add(size) > Entry::MAX_OUT {
            break;
        }
        let step = match symbol {
            END_OF_BLOCK => 0,
            SIXTEEN_ZEROS => 16,
            _ => u32::from(symbol >> 4).wrapping_add(1),
        };
        if advance.wrapping_add(step) >= Entry::NONE.advance() {
            break;
        }
        // The bits of the coefficient before, which are in the index as a whole.
        let known = index.wrapping_shr(AC_BITS.wrapping_sub(used)) & 1_u32.wrapping_shl(raw).wrapping_sub(1);
        bits = (bits.wrapping_shl(raw) | known).wrapping_shl(out_len) | u32::from(out.bits);
        (len, code, raw) = (out_total, total, size);
        advance = advance.wrapping_add(step);
        end = symbol == END_OF_BLOCK;
    }
    if code == 0 {
        return Entry::NONE;
    }
    let marked = bits | 1_u32.wrapping_shl(len);
    let total = code.wrapping_add(raw);
    let raw = if end { Entry::ENDS } else { raw };
    Entry(marked << 15 | advance << 9 | raw << 5 | total)
}

/// Makes a table of plain symbols: the length of the code in the lower 8 bits and the symbol above them; 0: look further.
pub(super) fn symbol_table(table: &mut AcTable, definition: &Definition, jpeg: &[u8]) {
    *table = [0; 1 << AC_BITS];
    each_prefix(definition, jpeg, AC_BITS, |len, symbol, range| {
        table.get_mut(range).unwrap_or_default().fill(u32::from(symbol) << 8 | len);
    });
}

#[cfg(test)]
mod tests {
    use super::super::super::encoder::{CHROMA_AC, LUMA_AC};
    use super::super::super::tables;
    use super::*;

    /// A reader that stands before these bits.
    fn reader(bits: u32, len: u32) -> Bits {
        let mut reader = Bits::at(0);
        (reader.next, reader.count) = (u64::from(bits) << (64 - len), 64);
        reader
    }

    #[test]
    fn every_code_of_annex_k_is_decoded() {
        for (table, codes) in [(tables::LUMA_AC, &LUMA_AC), (tables::CHROMA_AC, &CHROMA_AC)] {
            let canonical = Canonical::new(&Definition::own(&table)).unwrap();
            for &symbol in table.values {
                let code = codes[symbol as usize];
                let found = canonical.decode(reader(code.bits.into(), code.len.into()), &[]);
                assert_eq!(found, Ok((symbol, code.len.into())));
            }
            let unused = canonical.decode(reader(0xFFFF, 16), &[]);
            assert_eq!(unused.map_err(|error| error.kind), Err(ErrorKind::Code));
        }
    }

    #[test]
    fn a_table_of_more_codes_than_bits_is_refused_and_a_full_one_is_not() {
        let table = |counts: &[u8]| {
            let mut bits = [0; 16];
            bits[..counts.len()].copy_from_slice(counts);
            Canonical::new(&Definition { bits, symbols: Symbols::Own(&[0; 300]) })
        };
        for full in [&[2][..], &[1, 2], &[0, 4], &[1, 1, 2], &[], &[0, 0, 0, 0, 0, 0, 0, 255, 2]] {
            assert!(table(full).is_ok(), "{full:?}");
        }
        for over in [&[3][..], &[2, 1], &[1, 3], &[1, 1, 1, 255]] {
            assert!(table(over).is_err(), "{over:?}");
        }
    }

    /// What an entry says, checked against decoding its index symbol by symbol.
    #[test]
    fn an_entry_says_what_its_symbols_say_one_by_one() {
        for (table, from, to) in [
            (tables::LUMA_AC, &LUMA_AC, &CHROMA_AC),
            (tables::CHROMA_AC, &CHROMA_AC, &LUMA_AC),
            (tables::LUMA_AC, &LUMA_AC, &LUMA_AC),
        ] {
            let definition = Definition::own(&table);
            let canonical = Canonical::new(&definition).unwrap();
            let mut entries = [0; 1 << AC_BITS];
            recoding_table(&mut entries, &definition, &[], to);
            let mut several = 0;
            for (index, &entry) in entries.iter().enumerate() {
                let entry = Entry(entry);
                if entry.0 == Entry::NONE.0 {
                    let longer = canonical.decode(reader(index as u32, AC_BITS), &[]);
                    let is_long = longer.is_ok_and(|(symbol, len)| {
                        let size = u32::from(symbol & 15);
                        let out = u32::from(to[symbol as usize].len) + size;
                        len > AC_BITS || len + size > Entry::MAX_TOTAL || out > Entry::MAX_OUT
                    });
                    assert!(is_long || longer.is_err());
                    continue;
                }
                let mut reader = reader(index as u32, AC_BITS);
                let (mut code, mut advance, mut symbols) = (0, 0, 0);
                let (mut bits, mut len) = (0_u64, 0);
                let (mut raw, mut end) = (0, false);
                let last = if entry.ends_block() { 0 } else { entry.raw() };
                while code + raw < entry.total() - last {
                    bits = bits << raw | u64::from(reader.peek(raw));
                    reader.consume(raw);
                    let (symbol, symbol_len) = canonical.decode(reader, &[]).unwrap();
                    assert_eq!(u32::from(from[symbol as usize].len), symbol_len);
                    reader.consume(symbol_len);
                    bits = bits << to[symbol as usize].len | u64::from(to[symbol as usize].bits);
                    len += raw + u32::from(to[symbol as usize].len);
                    code += raw + symbol_len;
                    raw = u32::from(symbol & 15);
                    end = symbol == END_OF_BLOCK;
                    advance += if end { 0 } else { u32::from(symbol >> 4) + 1 };
                    symbols += 1;
                }
                assert_eq!((entry.total() - last, last, entry.advance()), (code, raw, advance), "{index:b}");
                assert_eq!((entry.out(), entry.ends_block()), ((bits as u32, len), end), "{index:b}");
                several += u32::from(symbols > 1);
                assert!(entry.total() <= Entry::MAX_TOTAL && len + last <= Entry::MAX_OUT);
            }
            assert!(several > 200, "{several}");
        }
    }

    #[test]
    fn dc_categories_beyond_eleven_are_left_to_the_error_path() {
        let definition = Definition { bits: Definition::own(&tables::LUMA_DC).bits, symbols: Symbols::Own(&[12; 12]) };
        let mut table = [1; 1 << DC_BITS];
        dc_table(&mut table, &definition, &[]);
        assert_eq!(table, [0; 1 << DC_BITS]);
        dc_table(&mut table, &Definition::own(&tables::LUMA_DC), &[]);
        assert_eq!((table[0], table[0xFF], table[0b1110_0000]), (0x20, 0, 0x46));
    }
}
