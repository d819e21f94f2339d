//! One block at a time: from the file to the picture to be, past it, or into coefficients, and from coefficients.

use super::super::encoder::{self, CHROMA_AC, CHROMA_DC, Code, END_OF_BLOCK, LUMA_AC, LUMA_DC, SIXTEEN_ZEROS, size};
use super::super::layout::{Error, ErrorKind};
use super::super::tables::ZIGZAG;
use super::huffman::{self, AC_BITS, AcTable, Canonical, DC_BITS, DcTable, Entry};
use super::reader::{Bits, Reader, SYMBOL};
use super::resample;
use super::source::{Component, Source};
use super::writer::{Pen, Window, Writer};

/// The tables of a file, ready for use: nearly all of the transcoder's memory.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    /// Of luma and of chroma.
    ac: [AcTable; 2],
    dc: [DcTable; 2],
    canonical: [[Canonical; 2]; 3],
    /// The tables of Cr are those of Cb.
    shared: bool,
    /// Chroma is resampled: its table of AC coefficients holds symbols.
    gathers: bool,
}

/// For a component without tables of its own: every code is looked up one length after the other.
static NO_AC: AcTable = [Entry::NONE.0; 1 << AC_BITS];
static NO_SYMBOLS: AcTable = [0; 1 << AC_BITS];
static NO_DC: DcTable = [0; 1 << DC_BITS];

impl Tables {
    pub(super) const fn new() -> Self {
        Self {
            ac: [[0; 1 << AC_BITS]; 2],
            dc: [[0; 1 << DC_BITS]; 2],
            canonical: [[Canonical::EMPTY; 2]; 3],
            shared: true,
            gathers: false,
        }
    }

    /// Makes the tables for a file. `gathers`: chroma is to become coefficients instead of going out as it is.
    pub(super) fn prepare(&mut self, source: &Source, gathers: bool, jpeg: &[u8]) -> Result<(), Error> {
        let [y, cb, cr] = &source.components;
        for (canonical, component) in self.canonical.iter_mut().zip(&source.components) {
            *canonical = [Canonical::new(&component.dc)?, Canonical::new(&component.ac)?];
        }
        self.shared = cb.dc.equals(&cr.dc, jpeg) && cb.ac.equals(&cr.ac, jpeg);
        self.gathers = gathers;
        let [luma_ac, chroma_ac] = &mut self.ac;
        let [luma_dc, chroma_dc] = &mut self.dc;
        huffman::dc_table(luma_dc, &y.dc, jpeg);
        huffman::recoding_table(luma_ac, &y.ac, jpeg, &LUMA_AC);
        if !is_missing(cb) {
            huffman::dc_table(chroma_dc, &cb.dc, jpeg);
            if gathers {
                huffman::symbol_table(chroma_ac, &cb.ac, jpeg);
            } else {
                huffman::recoding_table(chroma_ac, &cb.ac, jpeg, &CHROMA_AC);
            }
        }
        Ok(())
    }

    fn of(&self, component: u8) -> Decoder<'_> {
        let [luma_ac, chroma_ac] = &self.ac;
        let [luma_dc, chroma_dc] = &self.dc;
        let [y, cb, cr] = &self.canonical;
        let (canonical, dc, ac) = match component {
            0 => (y, luma_dc, luma_ac),
            1 => (cb, chroma_dc, chroma_ac),
            _ if self.shared => (cr, chroma_dc, chroma_ac),
            _ => (cr, &NO_DC, if self.gathers { &NO_SYMBOLS } else { &NO_AC }),
        };
        let [canonical_dc, canonical_ac] = canonical;
        Decoder { dc, ac, canonical_dc, canonical_ac }
    }
}

fn is_missing(component: &Component) -> bool {
    component.columns == 0
}

/// The tables of one component.
struct Decoder<'t> {
    dc: &'t DcTable,
    ac: &'t AcTable,
    canonical_dc: &'t Canonical,
    canonical_ac: &'t Canonical,
}

/// Annex K's codes for a component: of DC and of AC coefficients.
fn codes(component: u8) -> (&'static [Code; 12], &'static [Code; 256]) {
    if component == 0 { (&LUMA_DC, &LUMA_AC) } else { (&CHROMA_DC, &CHROMA_AC) }
}

/// The bytes that are read, and where a table says they are.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) jpeg: &'a [u8],
    pub(super) scan: &'a [u8],
}

/// What becomes of the AC coefficients of a block that is gone through.
trait Sink {
    /// The bits of an [`Entry`]; `raw` are the bits of its last coefficient.
    fn entry(&mut self, entry: Entry, raw: u32);
    /// The bits of an [`Entry`] that ends the block.
    fn end(&mut self, entry: Entry);
    /// Room for a train of them, or for a symbol.
    fn drain(&mut self);
    /// One symbol and the `size` bits behind it.
    fn symbol(&mut self, code: Code, raw: u32, size: u32);
}

impl Sink for Pen<'_> {
    #[inline(always)]
    fn entry(&mut self, entry: Entry, raw: u32) {
        let (bits, len) = entry.out();
        self.put(bits.wrapping_shl(entry.raw()) | raw, len.wrapping_add(entry.raw()));
    }

    #[inline(always)]
    fn end(&mut self, entry: Entry) {
        let (bits, len) = entry.out();
        self.put(bits, len);
    }

    #[inline(always)]
    fn drain(&mut self) {
        Pen::drain(self);
    }

    #[inline(always)]
    fn symbol(&mut self, code: Code, raw: u32, size: u32) {
        self.put_with(code, raw, size);
    }
}

/// Nothing.
struct Nowhere;

impl Sink for Nowhere {
    #[inline(always)]
    fn entry(&mut self, _: Entry, _: u32) {}
    #[inline(always)]
    fn end(&mut self, _: Entry) {}
    #[inline(always)]
    fn drain(&mut self) {}
    #[inline(always)]
    fn symbol(&mut self, _: Code, _: u32, _: u32) {}
}

impl Tables {
    /// Reads a block and writes it with Annex K's tables. Returns the bytes written.
    pub(super) fn emit(
        &self,
        component: u8,
        input: Input<'_>,
        reader: &mut Reader,
        writer: &mut Writer,
        window: &mut Window,
    ) -> Result<usize, Error> {
        let decoder = self.of(component);
        let (dc, bits) = decoder.dc(component, input, reader.bits, &mut reader.dc)?;
        let (dc_codes, ac_codes) = codes(component);
        let mut pen = writer.pen(window);
        let written = writer.dc.get_mut(usize::from(component));
        if let Some(last) = written.filter(|last| **last == dc.value.wrapping_sub(dc.difference)) {
            // The same difference as in the file, so the same bits: the rule, but for new orders and restarts.
            *last = dc.value;
            pen.put_with(encoder::code(dc_codes, dc.size as u8), dc.raw, dc.size);
        } else {
            put_dc(component, dc.value, &mut writer.dc, &mut pen).ok_or_else(|| bits.error(ErrorKind::Coefficient))?;
        }
        reader.bits = decoder.ac(ac_codes, input, bits, &mut pen)?;
        Ok(pen.lift(writer))
    }

    /// Passes a block.
    pub(super) fn skip(&self, component: u8, input: Input<'_>, reader: &mut Reader) -> Result<(), Error> {
        if self.gathers && component != 0 {
            return self.gather(component, input, reader, &mut [0; 64]);
        }
        let decoder = self.of(component);
        let (_, bits) = decoder.dc(component, input, reader.bits, &mut reader.dc)?;
        reader.bits = decoder.ac(codes(component).1, input, bits, &mut Nowhere)?;
        Ok(())
    }

    /// Reads the coefficients of a block of chroma; only where the tables were prepared for it.
    pub(super) fn gather(
        &self,
        component: u8,
        input: Input<'_>,
        reader: &mut Reader,
        block: &mut resample::Block,
    ) -> Result<(), Error> {
        let decoder = self.of(component);
        *block = [0; 64];
        let (dc, mut bits) = decoder.dc(component, input, reader.bits, &mut reader.dc)?;
        if let Some(first) = block.first_mut() {
            *first = dc.value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
        let mut at = 1_u32;
        while at < 64 {
            if bits.count < SYMBOL {
                bits.refill(input.scan);
            }
            let entry = decoder.ac.get(bits.peek(AC_BITS) as usize).copied().unwrap_or(0);
            let (symbol, len) = match entry {
                0 => decoder.canonical_ac.decode(bits, input.jpeg)?,
                _ => ((entry >> 8) as u8, entry & 0xFF),
            };
            bits.consume(len);
            let size = u32::from(symbol & 15);
            let zeros = u32::from(symbol >> 4);
            match (size, zeros) {
                (0, 15) => at = at.wrapping_add(16),
                (0, _) => break,
                _ => {
                    at = at.wrapping_add(zeros);
                    let place = ZIGZAG.get(at as usize).and_then(|&place| block.get_mut(usize::from(place)));
                    let place = place.filter(|_| size <= 10).ok_or_else(|| bits.error(ErrorKind::Coefficient))?;
                    *place = extended(bits.peek(size), size) as i16;
                    bits.consume(size);
                    at = at.wrapping_add(1);
                }
            }
        }
        reader.bits = bits;
        bits.check()
    }
}

impl Decoder<'_> {
    /// The next block's DC coefficient (section F.2.2.1), and the bits behind it. `last` are those before it.
    #[inline(always)]
    fn dc(&self, component: u8, input: Input<'_>, mut bits: Bits, last: &mut [i32; 3]) -> Result<(Dc, Bits), Error> {
        if bits.count < SYMBOL {
            bits.refill(input.scan);
        }
        let entry = self.dc.get(bits.peek(DC_BITS) as usize).copied().unwrap_or(0);
        let (size, len) = match entry {
            0 => self.canonical_dc.decode(bits, input.jpeg)?,
            _ => (entry & 15, u32::from(entry >> 4)),
        };
        let size = u32::from(size);
        if size > 11 {
            return Err(bits.error(ErrorKind::Coefficient));
        }
        bits.consume(len);
        let raw = bits.peek(size);
        bits.consume(size);
        let difference = extended(raw, size);
        let value = match last.get_mut(usize::from(component)) {
            Some(last) => {
                *last = last.wrapping_add(difference);
                *last
            }
            None => difference,
        };
        Ok((Dc { value, difference, raw, size }, bits))
    }

    /// The next block's AC coefficients (section F.2.2.2), as they are to be written with `codes`. Returns the bits behind
    /// them.
    #[inline(always)]
    fn ac(&self, codes: &[Code; 256], input: Input<'_>, mut from: Bits, sink: &mut impl Sink) -> Result<Bits, Error> {
        let mut at = 1_u32;
        'block: loop {
            from.refill(input.scan);
            sink.drain();
            // Asking before each entry whether there are enough bits, and enough room for them, would take longer.
            for _ in 0..Entry::TRAIN {
                let index = (from.next >> (64 - AC_BITS)) as usize;
                let entry = Entry(self.ac.get(index).copied().unwrap_or(0));
                let next = at.wrapping_add(entry.advance());
                if next > 63 {
                    let single = self.symbol(codes, input, from, at)?;
                    sink.drain();
                    sink.symbol(single.code, single.raw, single.size);
                    from = single.behind;
                    at = single.next;
                    if at > 63 {
                        break 'block;
                    }
                    break;
                }
                if entry.ends_block() {
                    sink.end(entry);
                    from.consume(entry.total());
                    break 'block;
                }
                sink.entry(entry, from.last_of(entry.total(), entry.raw()));
                from.consume(entry.total());
                at = next;
            }
        }
        from.check()?;
        Ok(from)
    }

    /// A single symbol: one whose code is too long for the table, or one near the block's end. The bits go in and out by
    /// value, or they could not stay in registers.
    #[inline(never)]
    fn symbol(&self, codes: &[Code; 256], input: Input<'_>, mut bits: Bits, at: u32) -> Result<Single, Error> {
        if bits.count < SYMBOL {
            bits.refill(input.scan);
        }
        let (symbol, len) = self.canonical_ac.decode(bits, input.jpeg)?;
        let size = u32::from(symbol & 15);
        // Symbols that section F.1.2.2.1 leaves undefined are taken for an end, as the common decoders do.
        let symbol = if size == 0 && symbol != SIXTEEN_ZEROS { END_OF_BLOCK } else { symbol };
        let next = match symbol {
            END_OF_BLOCK => 64,
            _ => at.wrapping_add(u32::from(symbol >> 4)).wrapping_add(1),
        };
        if next > 64 || size > 10 {
            return Err(bits.error(ErrorKind::Coefficient));
        }
        bits.consume(len);
        let raw = bits.peek(size);
        bits.consume(size);
        Ok(Single { code: encoder::code(codes, symbol), raw, size, next, behind: bits })
    }
}

/// A DC coefficient.
struct Dc {
    value: i32,
    /// From the block before.
    difference: i32,
    /// The difference's bits in the file, and how many they are.
    raw: u32,
    size: u32,
}

/// A symbol of AC coefficients.
struct Single {
    code: Code,
    /// The coefficient behind the code.
    raw: u32,
    /// How many bits it has.
    size: u32,
    /// The next coefficient in zig-zag order; 64: the block has ended.
    next: u32,
    /// The bits behind the symbol.
    behind: Bits,
}

/// Writes a block of coefficients.
pub(super) fn put(component: u8, block: &resample::Block, writer: &mut Writer, window: &mut Window) -> Option<usize> {
    let [dc, ..] = *block;
    let (_, codes) = codes(component);
    let mut pen = writer.pen(window);
    put_dc(component, dc.into(), &mut writer.dc, &mut pen)?;
    let mut zeros = 0_u8;
    for &place in ZIGZAG.iter().skip(1) {
        let value = i32::from(block.get(usize::from(place)).copied().unwrap_or(0));
        if value == 0 {
            zeros = zeros.wrapping_add(1);
            continue;
        }
        pen.drain();
        while zeros >= 16 {
            pen.put_with(encoder::code(codes, SIXTEEN_ZEROS), 0, 0);
            zeros = zeros.wrapping_sub(16);
            pen.drain();
        }
        pen.put_value(encoder::code(codes, zeros << 4 | size(value) as u8), value);
        zeros = 0;
    }
    if zeros > 0 {
        pen.drain();
        pen.put_with(encoder::code(codes, END_OF_BLOCK), 0, 0);
    }
    Some(pen.lift(writer))
}

/// Writes a block that repeats the one before.
pub(super) fn pad(component: u8, writer: &mut Writer, window: &mut Window) -> usize {
    let (dc_codes, ac_codes) = codes(component);
    let mut pen = writer.pen(window);
    pen.put_with(encoder::code(dc_codes, 0), 0, 0);
    pen.put_with(encoder::code(ac_codes, END_OF_BLOCK), 0, 0);
    pen.lift(writer)
}

/// Writes a DC coefficient as its difference; `None` where the difference is more than baseline has room for.
#[inline(always)]
fn put_dc(component: u8, dc: i32, last: &mut [i32; 3], pen: &mut Pen<'_>) -> Option<()> {
    let last = last.get_mut(usize::from(component))?;
    let difference = dc.wrapping_sub(*last);
    *last = dc;
    let size = size(difference);
    if size > 11 {
        return None;
    }
    pen.put_value(encoder::code(codes(component).0, size as u8), difference);
    Some(())
}

/// The value of a coefficient of `size` bits (section F.2.2.1).
#[inline(always)]
pub(super) fn extended(bits: u32, size: u32) -> i32 {
    let half = 1_u32.wrapping_shl(size) >> 1;
    let below = if bits < half { 1_i32.wrapping_shl(size).wrapping_sub(1) } else { 0 };
    (bits as i32).wrapping_sub(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_are_extended_as_the_standard_does() {
        let cases = [(0, 0, 0), (0, 1, -1), (1, 1, 1), (0, 2, -3), (1, 2, -2), (2, 2, 2), (3, 2, 3), (0, 11, -2047)];
        for (bits, size, value) in cases {
            assert_eq!(extended(bits, size), value);
        }
    }
}
