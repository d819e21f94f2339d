//! Huffman-coded scans, sequential and progressive (sections F.2.2 and G.2).

use super::super::super::layout::{Error, ErrorKind, Flaw, Flaws};
use super::super::super::tables::{self, HuffmanTable, ZIGZAG};
use super::super::block::extended;
use super::super::huffman::{Canonical, Definition, SYMBOL_BITS, SymbolTable, next_symbol, symbol_table};
use super::super::reader::{Bits, Input, Reader};
use super::frame::{Block, Decoder, Mode, Part, Scan, ScannedFrame};

/// A table that finds symbols.
#[derive(Clone, Debug)]
struct Table {
    symbols: SymbolTable,
    canonical: Canonical,
    /// It has no more codes than bits for them.
    is_sound: bool,
}

impl Table {
    const EMPTY: Self = Self { symbols: [0; 1 << SYMBOL_BITS], canonical: Canonical::EMPTY, is_sound: true };

    fn define(&mut self, definition: &Definition, jpeg: &[u8]) {
        let canonical = Canonical::new(definition);
        self.is_sound = canonical.is_ok();
        if let Ok(canonical) = canonical {
            self.canonical = canonical;
            symbol_table(&mut self.symbols, definition, jpeg);
        }
    }

    /// Takes the next symbol.
    #[inline(always)]
    fn symbol(&self, bits: &mut Bits, input: Input<'_>) -> u8 {
        next_symbol(&self.symbols, &self.canonical, bits, input)
    }
}

/// All tables of a file, as they are before a scan. Some 9 KB.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    dc: [Table; 4],
    ac: [Table; 4],
}

impl Tables {
    pub(super) const fn new() -> Self {
        Self { dc: [const { Table::EMPTY }; 4], ac: [const { Table::EMPTY }; 4] }
    }

    /// Annex K's, which motion JPEG often leaves out, and nothing else.
    pub(super) fn reset(&mut self) {
        let own: [(&mut [Table; 4], [&HuffmanTable; 2]); 2] = [
            (&mut self.dc, [&tables::LUMA_DC, &tables::CHROMA_DC]),
            (&mut self.ac, [&tables::LUMA_AC, &tables::CHROMA_AC]),
        ];
        for (tables, own) in own {
            *tables = [const { Table::EMPTY }; 4];
            for (table, own) in tables.iter_mut().zip(own) {
                table.define(&Definition::own(own), &[]);
            }
        }
    }

    /// Takes a table of a DHT segment; its class is in the upper half of `head`, its id in the lower. `None`: there is no such
    /// table.
    pub(super) fn define(&mut self, head: u8, definition: &Definition, jpeg: &[u8]) -> Option<()> {
        let tables = match head >> 4 {
            0 => &mut self.dc,
            1 => &mut self.ac,
            _ => return None,
        };
        tables.get_mut(usize::from(head & 15))?.define(definition, jpeg);
        Some(())
    }
}

/// The table of that id, where there is one that can be used.
#[inline(always)]
fn find(tables: &[Table; 4], id: u8, bits: Bits) -> Result<&Table, Error> {
    let table = tables.get(usize::from(id)).filter(|table| table.is_sound);
    table.ok_or_else(|| bits.error(ErrorKind::Code))
}

impl Bits {
    /// Takes a single bit.
    #[inline(always)]
    fn is_set(&mut self, scan: &[u8]) -> bool {
        self.ensure(scan);
        self.take(1) == 1
    }
}

/// One scan under way.
pub(super) struct Huffman<'a> {
    tables: &'a Tables,
    input: Input<'a>,
    reader: Reader,
    mode: Mode,
    first: u32,
    last: u32,
    low: u32,
    /// Blocks that have no more coefficients of their own (section G.1.2.2).
    end_of_band_run: u32,
}

impl<'a> Huffman<'a> {
    /// `data` begins behind the scan's header.
    pub(super) fn new(
        tables: &'a Tables,
        frame: &ScannedFrame,
        scan: &Scan,
        restart_interval: u16,
        jpeg: &'a [u8],
        data: &'a [u8],
    ) -> Self {
        Self {
            tables,
            input: Input { jpeg, scan: data },
            reader: Reader::new(restart_interval),
            mode: frame.mode(scan),
            first: u32::from(scan.first.max(1)),
            last: scan.last.into(),
            low: scan.low.into(),
            end_of_band_run: 0,
        }
    }

    /// Behind the scan: where reading has come to, and what was wrong.
    pub(super) fn end(mut self) -> (u32, Flaws) {
        self.reader.end();
        (self.reader.bits.position(), self.reader.flaws)
    }

    #[inline(always)]
    fn dc(&mut self, part: &Part, bits: &mut Bits, block: &mut Block) -> Result<(), Error> {
        let table = find(&self.tables.dc, part.dc, *bits)?;
        let size = u32::from(table.symbol(bits, self.input));
        if size > 15 {
            return Err(bits.error(ErrorKind::Coefficient));
        }
        bits.ensure(self.input.scan);
        let difference = extended(bits.take(size), size);
        if let (Some(last), Some(place)) = (self.reader.dc.get_mut(part.component), block.first_mut()) {
            *last = last.wrapping_add(difference);
            *place = last.wrapping_shl(self.low) as i16;
        }
        Ok(())
    }

    #[inline(always)]
    fn ac(&mut self, part: &Part, bits: &mut Bits, block: &mut Block) -> Result<(), Error> {
        let table = find(&self.tables.ac, part.ac, *bits)?;
        let mut at = self.first;
        while at <= self.last {
            let symbol = table.symbol(bits, self.input);
            let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            if size == 0 {
                if run < 15 {
                    self.end_band(bits, run);
                    break;
                }
                at = at.wrapping_add(16);
                continue;
            }
            at = at.wrapping_add(run);
            bits.ensure(self.input.scan);
            let value = extended(bits.take(size), size).wrapping_shl(self.low);
            if at > self.last {
                self.reader.flaws.insert(Flaw::Codes);
            }
            if let Some(place) = place(block, at) {
                *place = value as i16;
            }
            at = at.wrapping_add(1);
        }
        Ok(())
    }

    /// The block ends here, and so do some behind it. In sequential scans, other symbols than EOB mean the same, as the
    /// common decoders have it.
    #[inline(always)]
    fn end_band(&mut self, bits: &mut Bits, run: u32) {
        if matches!(self.mode, Mode::AcFirst | Mode::AcRefined) {
            bits.ensure(self.input.scan);
            self.end_of_band_run = 1_u32.wrapping_shl(run).wrapping_add(bits.take(run)).wrapping_sub(1);
        }
    }

    fn refine(&mut self, part: &Part, bits: &mut Bits, block: &mut Block) -> Result<(), Error> {
        let table = find(&self.tables.ac, part.ac, *bits)?;
        let one = 1_i16.wrapping_shl(self.low);
        let mut at = self.first;
        let mut has_ended = self.end_of_band_run > 0;
        if has_ended {
            self.end_of_band_run = self.end_of_band_run.wrapping_sub(1);
        }
        while at <= self.last {
            let (mut zeros, mut new) = (u32::MAX, 0);
            if !has_ended {
                let symbol = table.symbol(bits, self.input);
                let (run, size) = (u32::from(symbol >> 4), symbol & 15);
                match (size, run) {
                    (0, 15) => zeros = 15,
                    (0, _) => {
                        self.end_band(bits, run);
                        has_ended = true;
                    }
                    _ => {
                        zeros = run;
                        new = if bits.take(1) == 1 { one } else { one.wrapping_neg() };
                    }
                }
            }
            // Those that are not zero get another bit each; of those that are, some are passed.
            while at <= self.last {
                let place = place(block, at).ok_or_else(|| bits.error(ErrorKind::Coefficient))?;
                if *place != 0 {
                    if bits.is_set(self.input.scan) && *place & one == 0 {
                        *place = place.wrapping_add(if *place < 0 { one.wrapping_neg() } else { one });
                    }
                } else if zeros == 0 {
                    break;
                } else {
                    zeros = zeros.wrapping_sub(1);
                }
                at = at.wrapping_add(1);
            }
            if new != 0 {
                if at > self.last {
                    self.reader.flaws.insert(Flaw::Codes);
                }
                if let Some(place) = place(block, at) {
                    *place = new;
                }
            }
            at = at.wrapping_add(1);
        }
        Ok(())
    }
}

impl Decoder for Huffman<'_> {
    #[inline(always)]
    fn has_data(&self) -> bool {
        !(self.reader.is_dry || self.reader.bits.are_short())
    }

    #[inline(always)]
    fn begin_mcu(&mut self) -> Result<(), Error> {
        if self.reader.begin_mcu(self.input.scan).is_some() {
            self.end_of_band_run = 0;
        }
        Ok(())
    }

    #[inline(always)]
    fn block(&mut self, part: &Part, block: &mut Block) -> Result<(), Error> {
        if self.reader.is_dry {
            return Ok(());
        }
        let mut bits = self.reader.bits;
        match self.mode {
            Mode::Sequential => {
                self.dc(part, &mut bits, block)?;
                self.ac(part, &mut bits, block)?;
            }
            Mode::DcFirst => self.dc(part, &mut bits, block)?,
            Mode::DcRefined => {
                if let (Some(place), true) = (block.first_mut(), bits.is_set(self.input.scan)) {
                    *place |= 1_i16.wrapping_shl(self.low);
                }
            }
            Mode::AcFirst if self.end_of_band_run > 0 => {
                self.end_of_band_run = self.end_of_band_run.wrapping_sub(1);
                return Ok(());
            }
            Mode::AcFirst => self.ac(part, &mut bits, block)?,
            Mode::AcRefined => self.refine(part, &mut bits, block)?,
        }
        self.reader.bits = bits;
        Ok(())
    }
}

/// The coefficient at a place of the zig-zag order. Beyond the last one there is only that, as decoders have it.
#[inline(always)]
pub(super) fn place(block: &mut Block, at: u32) -> Option<&mut i16> {
    ZIGZAG.get(at.min(63) as usize).and_then(|&place| block.get_mut(usize::from(place)))
}
