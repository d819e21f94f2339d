//! Huffman tables of a file, made ready to be decoded with and to be replaced by Annex K's.

use super::super::encoder::{self, Code, END_OF_BLOCK, SIXTEEN_ZEROS};
use super::super::layout::{Error, ErrorKind, Span};
use super::super::tables::HuffmanTable;
use super::reader::{Bits, Input};

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

    /// The next code's symbol, and how long the code is. Takes nothing from the reader, which must hold [`NO_CODE`] bits.
    ///
    /// Where no code has that many bits, libjpeg's decoder has taken one more, and goes on as if there were no coefficient.
    #[inline(never)]
    pub(super) fn decode(&self, reader: Bits, jpeg: &[u8]) -> (u8, u32) {
        let next = reader.peek(16);
        let mut len = 1_u32;
        for (&limit, &offset) in self.limits.iter().zip(&self.offsets) {
            if next < limit {
                let code = next.wrapping_shr(16_u32.wrapping_sub(len)) as u16;
                let symbol = self.symbols.of(jpeg).get(usize::from(code.wrapping_add(offset)));
                return symbol.map_or((0, NO_CODE), |&symbol| (symbol, len));
            }
            len = len.wrapping_add(1);
        }
        (0, NO_CODE)
    }
}

/// The length of what is no code.
pub(super) const NO_CODE: u32 = 17;

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

/// The number of bits that the tables of DC coefficients look at.
pub(super) const DC_BITS: u32 = 7;

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

/// By the next bits, as many as the table's length needs, what to do with the AC coefficients behind them.
pub(super) type Entries<const LEN: usize> = [Entry; LEN];

/// Up to several symbols of a block at once, as they are in the file and as they will be:
/// ```text
///  63      54 53               32 31 30    23 22     16 15      8 7       0
/// +----------+-------------------+--+--------+---------+---------+---------+
/// |   mask   |        out        |end|   0   | advance |  made   |  taken  |
/// +----------+-------------------+--+--------+---------+---------+---------+
/// ```
/// `taken` bits of the file are passed. `made` bits take their place: those of `out`, and at their end the bits of the last
/// coefficient, which `mask` selects from the last ones taken and which stay what they were. `advance` coefficients are
/// passed, not counting what an EOB passes; behind an EOB there is no coefficient. The lower half is made to be added up:
/// see [`PackedCounters`](super::recode_loop::PackedCounters).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry(u64);

impl Entry {
    /// No code that short: its advance is more than any block has room for.
    pub(super) const NONE: Self = Self(64 << 16);
    /// Added to the advance: the block ends.
    pub(super) const END: u32 = 1 << 15;
    /// No entry takes more bits of the file, or makes more.
    pub(super) const MAX_BITS: u32 = 17;

    /// The summand for the packed counters.
    #[inline(always)]
    pub(super) fn sums(self) -> u32 {
        self.0 as u32
    }

    #[inline(always)]
    pub(super) fn taken(self) -> u32 {
        self.sums() & 0xFF
    }

    #[inline(always)]
    pub(super) fn made(self) -> u32 {
        self.sums() >> 8 & 0xFF
    }

    /// The coefficients that are passed, and [`END`](Self::END) where the block ends.
    #[inline(always)]
    pub(super) fn advance(self) -> u32 {
        self.sums() >> 16
    }

    #[inline(always)]
    pub(super) fn out(self) -> u64 {
        self.0 >> 32 & 0x3F_FFFF
    }

    #[inline(always)]
    pub(super) fn mask(self) -> u64 {
        self.0 >> 54
    }
}

/// Makes the table that turns AC coefficients into those of `codes`, Annex K's.
pub(super) fn recoding_table<const LEN: usize>(
    table: &mut Entries<LEN>,
    definition: &Definition,
    jpeg: &[u8],
    codes: &[Code; 256],
) {
    // Length of the code and symbol.
    let mut singles = [(0_u8, 0_u8); LEN];
    let bits = LEN.ilog2();
    each_prefix(definition, jpeg, bits, |len, symbol, range| {
        singles.get_mut(range).unwrap_or_default().fill((len as u8, symbol));
    });
    for (index, entry) in table.iter_mut().enumerate() {
        *entry = combined(index as u32, bits, &singles, codes);
    }
}

/// As many symbols as the index of `bits` bits holds entirely, and the code of one more.
fn combined(index: u32, bits: u32, singles: &[(u8, u8)], codes: &[Code; 256]) -> Entry {
    let (mut out, mut made) = (0_u32, 0_u32);
    let (mut taken, mut raw, mut advance) = (0_u32, 0_u32, 0_u32);
    let mut end = 0_u64;
    while end == 0 {
        let used = taken.wrapping_add(raw);
        let window = index.wrapping_shl(used) & (1_u32.wrapping_shl(bits).wrapping_sub(1));
        let (len, symbol) = singles.get(window as usize).copied().unwrap_or_default();
        let code = encoder::code(codes, symbol);
        let (len, code_len) = (u32::from(len), u32::from(code.len));
        let size = u32::from(symbol & 15);
        let now_taken = used.wrapping_add(len);
        let now_made = made.wrapping_add(raw).wrapping_add(code_len);
        if len == 0 || code_len == 0 || now_taken > bits || now_taken.max(now_made).wrapping_add(size) > Entry::MAX_BITS
        {
            break;
        }
        let step = match symbol {
            END_OF_BLOCK => 0,
            SIXTEEN_ZEROS => 16,
            _ => u32::from(symbol >> 4).wrapping_add(1),
        };
        if advance.wrapping_add(step) > 63 {
            break;
        }
        // The bits of the coefficient before, which are in the index as a whole.
        let known = index.wrapping_shr(bits.wrapping_sub(used)) & 1_u32.wrapping_shl(raw).wrapping_sub(1);
        out = (out.wrapping_shl(raw) | known).wrapping_shl(code_len) | u32::from(code.bits);
        (taken, made, raw) = (now_taken, now_made, size);
        advance = advance.wrapping_add(step);
        end = u64::from(symbol == END_OF_BLOCK);
    }
    if taken == 0 {
        return Entry::NONE;
    }
    let (taken, made) = (u64::from(taken.wrapping_add(raw)), u64::from(made.wrapping_add(raw)));
    let mask = 1_u64.wrapping_shl(raw).wrapping_sub(1);
    let out = u64::from(out.wrapping_shl(raw));
    Entry(mask << 54 | out << 32 | end << 31 | u64::from(advance) << 16 | made << 8 | taken)
}

/// The number of bits that a table of plain symbols looks at.
pub(super) const SYMBOL_BITS: u32 = 9;
/// Plain symbols: the length of the code in the lower 8 bits and the symbol above them; 0: look further.
pub(super) type SymbolTable = [u16; 1 << SYMBOL_BITS];

pub(super) fn symbol_table(table: &mut SymbolTable, definition: &Definition, jpeg: &[u8]) {
    *table = [0; 1 << SYMBOL_BITS];
    each_prefix(definition, jpeg, SYMBOL_BITS, |len, symbol, range| {
        table.get_mut(range).unwrap_or_default().fill(u16::from(symbol) << 8 | len as u16);
    });
}

/// Takes the next symbol. There are enough bits left then for what follows it, if that is no more than 15.
#[inline(always)]
pub(super) fn next_symbol(table: &SymbolTable, canonical: &Canonical, bits: &mut Bits, input: Input<'_>) -> u8 {
    bits.ensure(input.scan);
    let entry = table.get(bits.peek(SYMBOL_BITS) as usize).copied().unwrap_or(0);
    let (symbol, len) = match entry {
        0 => canonical.decode(*bits, input.jpeg),
        _ => ((entry >> 8) as u8, u32::from(entry & 0xFF)),
    };
    bits.consume(len);
    symbol
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
                assert_eq!(found, (symbol, code.len.into()));
            }
            assert_eq!(canonical.decode(reader(0xFFFF, 16), &[]), (0, NO_CODE));
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

    /// Checks entries against decoding their index symbol by symbol.
    fn check_entries<const LEN: usize>(table: HuffmanTable, from: &[Code; 256], to: &[Code; 256]) {
        let definition = Definition::own(&table);
        let canonical = Canonical::new(&definition).unwrap();
        let mut entries = [Entry::NONE; LEN];
        recoding_table(&mut entries, &definition, &[], to);
        let bits = LEN.ilog2();
        let mut several = 0;
        for (index, &entry) in entries.iter().enumerate() {
            if entry == Entry::NONE {
                let longer = canonical.decode(reader(index as u32, bits), &[]);
                let (symbol, len) = longer;
                let size = u32::from(symbol & 15);
                let out = u32::from(to[symbol as usize].len) + size;
                assert!(len > bits || len.max(out - size) + size > Entry::MAX_BITS);
                continue;
            }
            let last = entry.mask().count_ones();
            let mut reader = reader(index as u32, bits);
            let (mut taken, mut made, mut advance, mut symbols) = (0, 0, 0, 0);
            let (mut out, mut raw, mut end) = (0_u64, 0, false);
            while taken + raw < entry.taken() - last {
                out = out << raw | u64::from(reader.peek(raw));
                reader.consume(raw);
                let (symbol, len) = canonical.decode(reader, &[]);
                assert_eq!(u32::from(from[symbol as usize].len), len);
                reader.consume(len);
                let code = to[symbol as usize];
                out = out << code.len | u64::from(code.bits);
                made += raw + u32::from(code.len);
                taken += raw + len;
                raw = u32::from(symbol & 15);
                end = symbol == END_OF_BLOCK;
                advance += if end { 0 } else { u32::from(symbol >> 4) + 1 };
                symbols += 1;
            }
            assert_eq!((entry.taken(), entry.made(), entry.out()), (taken + raw, made + raw, out << raw), "{index:b}");
            assert_eq!(entry.mask(), (1 << raw) - 1, "{index:b}");
            assert_eq!(entry.advance(), if end { advance | Entry::END } else { advance }, "{index:b}");
            assert!(entry.taken() <= Entry::MAX_BITS && entry.made() <= Entry::MAX_BITS);
            several += usize::from(symbols > 1);
        }
        assert!(several > LEN / 3, "{several}");
    }

    #[test]
    fn an_entry_says_what_its_symbols_say_one_by_one() {
        check_entries::<512>(tables::LUMA_AC, &LUMA_AC, &CHROMA_AC);
        check_entries::<512>(tables::LUMA_AC, &LUMA_AC, &LUMA_AC);
        check_entries::<256>(tables::CHROMA_AC, &CHROMA_AC, &LUMA_AC);
        check_entries::<256>(tables::LUMA_AC, &LUMA_AC, &CHROMA_AC);
    }

    #[test]
    fn dc_categories_beyond_eleven_are_left_to_the_error_path() {
        let definition = Definition { bits: Definition::own(&tables::LUMA_DC).bits, symbols: Symbols::Own(&[12; 12]) };
        let mut table = [1; 1 << DC_BITS];
        dc_table(&mut table, &definition, &[]);
        assert_eq!(table, [0; 1 << DC_BITS]);
        dc_table(&mut table, &Definition::own(&tables::LUMA_DC), &[]);
        assert_eq!((table[0], table[0x7F], table[0b111_0000]), (0x20, 0, 0x46));
    }
}
