//! One block at a time: from the file to the picture to be, past it, or into coefficients, and from coefficients.

use super::super::encoder::{self, CHROMA_AC, CHROMA_DC, Code, END_OF_BLOCK, LUMA_AC, LUMA_DC, SIXTEEN_ZEROS, size};
use super::super::layout::{Error, ErrorKind, Flaw, Flaws};
use super::super::tables::ZIGZAG;
use super::huffman::{self, Canonical, DC_BITS, DcTable, Entries, Entry, NO_CODE, SYMBOL_BITS, SymbolTable};
use super::reader::{Bits, Input, Reader};
use super::recode_loop::{Passed, RecodeLoop};
use super::resample::{self, Divisors};
use super::source::{Component, Source};
use super::writer::{BitWriter, BlockBuffer, MAX_BLOCK, Writer};

/// The tables of a file, ready for use: nearly all of the transcoder's memory.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    luma: Entries<LUMA_ENTRIES>,
    chroma: Chroma,
    /// Of luma and of chroma.
    dc: [DcTable; 2],
    canonical: [[Canonical; 2]; 3],
    /// The tables of Cr are those of Cb.
    shared: bool,
}

const LUMA_ENTRIES: usize = 512;
/// Fewer: codes of chroma are shorter, and so are its blocks.
const CHROMA_ENTRIES: usize = 256;

/// The treatment of chroma's AC coefficients.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "two uses of the same memory")]
enum Chroma {
    /// They become other codes.
    Recoded(Entries<CHROMA_ENTRIES>),
    /// They are resampled.
    Gathered(Gathering),
}

/// Chroma on its way to another width.
#[derive(Clone, Debug)]
pub(super) struct Gathering {
    symbols: SymbolTable,
    /// Two blocks of Cb, two of Cr.
    slots: [resample::Block; 4],
    divisors: Divisors,
}

impl Gathering {
    const NEW: Self = Self { symbols: [0; 1 << SYMBOL_BITS], slots: [[0; 64]; 4], divisors: [1; 64] };

    /// The blocks that were gathered of a component.
    pub(super) fn slots(&self, component: u8) -> [&resample::Block; 2] {
        let [cb0, cb1, cr0, cr1] = &self.slots;
        if component == 1 { [cb0, cb1] } else { [cr0, cr1] }
    }

    /// Chroma's quantisation table.
    pub(super) fn divisors(&self) -> &Divisors {
        &self.divisors
    }
}

/// For a component without tables of its own: every code is looked up one length after the other.
static NO_ENTRIES: Entries<CHROMA_ENTRIES> = [Entry::NONE; CHROMA_ENTRIES];
static NO_SYMBOLS: SymbolTable = [0; 1 << SYMBOL_BITS];
pub(super) static NO_DC: DcTable = [0; 1 << DC_BITS];

impl Tables {
    pub(super) const fn new() -> Self {
        Self {
            luma: [Entry::NONE; LUMA_ENTRIES],
            chroma: Chroma::Recoded([Entry::NONE; CHROMA_ENTRIES]),
            dc: [[0; 1 << DC_BITS]; 2],
            canonical: [[Canonical::EMPTY; 2]; 3],
            shared: true,
        }
    }

    /// Makes the tables for a file. `divisors`: chroma's quantisation table in zig-zag order, where chroma is to be resampled.
    pub(super) fn prepare(&mut self, source: &Source, divisors: Option<&[u8; 64]>, jpeg: &[u8]) -> Result<(), Error> {
        let [y, cb, cr] = &source.components;
        for (canonical, component) in self.canonical.iter_mut().zip(&source.components) {
            *canonical = [Canonical::new(&component.dc)?, Canonical::new(&component.ac)?];
        }
        self.shared = cb.dc.equals(&cr.dc, jpeg) && cb.ac.equals(&cr.ac, jpeg);
        let [luma_dc, chroma_dc] = &mut self.dc;
        huffman::dc_table(luma_dc, &y.dc, jpeg);
        huffman::recoding_table(&mut self.luma, &y.ac, jpeg, &LUMA_AC);
        if is_missing(cb) {
            return Ok(());
        }
        huffman::dc_table(chroma_dc, &cb.dc, jpeg);
        if let Some(divisors) = divisors {
            self.chroma = Chroma::Gathered(Gathering::NEW);
            if let Chroma::Gathered(gathering) = &mut self.chroma {
                huffman::symbol_table(&mut gathering.symbols, &cb.ac, jpeg);
                gathering.divisors = resample::divisors(divisors);
            }
        } else {
            self.chroma = Chroma::Recoded([Entry::NONE; CHROMA_ENTRIES]);
            if let Chroma::Recoded(entries) = &mut self.chroma {
                huffman::recoding_table(entries, &cb.ac, jpeg, &CHROMA_AC);
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn decoder(&self, component: u8) -> Decoder<'_> {
        let [luma_dc, chroma_dc] = &self.dc;
        let [y, cb, cr] = &self.canonical;
        let (canonical, dc) = match component {
            0 => (y, luma_dc),
            1 => (cb, chroma_dc),
            _ if self.shared => (cr, chroma_dc),
            _ => (cr, &NO_DC),
        };
        Decoder::new(component, canonical, dc)
    }

    /// Chroma's entries: none where there are others for this component, or coefficients are gathered.
    #[inline(always)]
    fn chroma_entries(&self, component: u8) -> &Entries<CHROMA_ENTRIES> {
        match &self.chroma {
            Chroma::Recoded(entries) if component == 1 || self.shared => entries,
            _ => &NO_ENTRIES,
        }
    }

    /// The gathered coefficients. `None` if they are recoded instead.
    pub(super) fn gathering(&self) -> Option<&Gathering> {
        match &self.chroma {
            Chroma::Gathered(gathering) => Some(gathering),
            Chroma::Recoded(_) => None,
        }
    }
}

fn is_missing(component: &Component) -> bool {
    component.columns == 0
}

/// The tables of one component, without the entries that recode it.
struct Decoder<'t> {
    component: u8,
    dc: &'t DcTable,
    canonical_dc: &'t Canonical,
    canonical_ac: &'t Canonical,
    dc_codes: &'static [Code; 12],
    ac_codes: &'static [Code; 256],
}

impl<'t> Decoder<'t> {
    #[inline(always)]
    fn new(component: u8, canonical: &'t [Canonical; 2], dc: &'t DcTable) -> Self {
        let [canonical_dc, canonical_ac] = canonical;
        let (dc_codes, ac_codes) = codes(component);
        Self { component, dc, canonical_dc, canonical_ac, dc_codes, ac_codes }
    }
}

/// Annex K's codes for a component: of DC and of AC coefficients.
fn codes(component: u8) -> (&'static [Code; 12], &'static [Code; 256]) {
    if component == 0 { (&LUMA_DC, &LUMA_AC) } else { (&CHROMA_DC, &CHROMA_AC) }
}

/// Blocks one after the other: how many MCUs end among them, and the number of a block within its MCU: before the first of
/// them, or behind the last.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) mcus: u32,
    pub(super) block: u8,
}

/// One of two places that blocks are written to in turns.
pub(super) struct Lane<'o> {
    pub(super) writer: &'o mut Writer,
    pub(super) out: &'o mut [u8],
}

/// The blocks of an MCU sampled 2x2, 1x2, 1x2: their components, and whether they are of the lower one of the two MCUs that it
/// becomes.
pub(super) const TALL_MCU: [(u8, bool); 8] =
    [(0, false), (0, false), (0, true), (0, true), (1, false), (1, true), (2, false), (2, true)];

impl Tables {
    /// Reads blocks and writes them in the same order with Annex K's tables, as long as `out` has room for any, up to the end
    /// of MCU `run.mcus` or of the one in which the data ends: by far the most frequent case. The DC coefficients before them
    /// have to be the same in the file as in the picture to be, and no restart marker may be among them. Returns how far it
    /// came, and the bytes written.
    pub(super) fn emit_run(
        &self,
        run: Run,
        luma_blocks: u8,
        input: Input<'_>,
        (reader, writer): (&mut Reader, &mut Writer),
        out: &mut [u8],
    ) -> Result<(Run, usize), Error> {
        let room = out.len();
        let [y, cb, cr] = [self.decoder(0), self.decoder(1), self.decoder(2)];
        let [cb_entries, cr_entries] = [self.chroma_entries(1), self.chroma_entries(2)];
        let mut recoding = RecodeLoop::new(input.scan, reader.bits, writer, out);
        // The DC coefficients are needed at restart markers, and otherwise only where the data ends.
        let mut dc = reader.has_restarts().then_some(reader.dc);
        let (mut mcus, mut block) = (0_u32, run.block);
        while mcus < run.mcus && recoding.room() >= MAX_BLOCK {
            if block < luma_blocks {
                y.recode(&self.luma, input, &mut recoding, dc.as_mut())?;
                block = block.wrapping_add(1);
            } else if block == luma_blocks {
                cb.recode(cb_entries, input, &mut recoding, dc.as_mut())?;
                block = block.wrapping_add(1);
            } else {
                cr.recode(cr_entries, input, &mut recoding, dc.as_mut())?;
                (mcus, block) = (mcus.wrapping_add(1), 0);
                if recoding.are_short() {
                    break;
                }
            }
        }
        reader.bits = recoding.bits();
        reader.flaws = reader.flaws.union(recoding.flaws);
        if let Some(dc) = dc {
            (reader.dc, writer.dc) = (dc, dc);
        }
        let left = recoding.end(writer);
        Ok((Run { mcus, block }, room.saturating_sub(left)))
    }

    /// Reads MCUs as [`TALL_MCU`] has them, and writes those that they become: the upper ones with the first of the lanes, the
    /// lower ones with the second. No restart marker may be among them. Returns the bytes written with each; `None` where there
    /// is no room for them, or something is wrong with them.
    pub(super) fn emit_tall(
        &self,
        mcus: u32,
        input: Input<'_>,
        reader: &mut Reader,
        [upper, mut lower]: [Lane<'_>; 2],
    ) -> Option<[usize; 2]> {
        let rooms = [upper.out.len(), lower.out.len()];
        let [y, cb, cr] = [self.decoder(0), self.decoder(1), self.decoder(2)];
        let [cb_entries, cr_entries] = [self.chroma_entries(1), self.chroma_entries(2)];
        let mut recoding = RecodeLoop::new(input.scan, reader.bits, upper.writer, upper.out);
        let mut read = reader.dc;
        let mut written = [upper.writer.dc, lower.writer.dc];
        for _ in 0..mcus {
            if recoding.are_short() {
                return None;
            }
            for written in &mut written {
                if recoding.room() < 2 * MAX_BLOCK {
                    return None;
                }
                if !y.recode_moved(&self.luma, input, &mut recoding, (&mut read, written)).ok()? {
                    return None;
                }
                // The second block is behind the first one here and there.
                y.recode(&self.luma, input, &mut recoding, Some(written)).ok()?;
                let ([read, ..], [written, ..]) = (&mut read, written);
                *read = *written;
                recoding.swap(lower.writer, &mut lower.out);
            }
            for (decoder, entries) in [(&cb, cb_entries), (&cr, cr_entries)] {
                for written in &mut written {
                    if recoding.room() < MAX_BLOCK {
                        return None;
                    }
                    if !decoder.recode_moved(entries, input, &mut recoding, (&mut read, written)).ok()? {
                        return None;
                    }
                    recoding.swap(lower.writer, &mut lower.out);
                }
            }
        }
        reader.bits = recoding.bits();
        reader.flaws = reader.flaws.union(recoding.flaws);
        reader.dc = read;
        [upper.writer.dc, lower.writer.dc] = written;
        let left = recoding.end(upper.writer);
        let [room, lower_room] = rooms;
        Some([room.saturating_sub(left), lower_room.saturating_sub(lower.out.len())])
    }

    /// Reads a block and writes it with Annex K's tables. Returns the bytes written. In an MCU that has no data any more, that is
    /// a block without coefficients.
    pub(super) fn emit(
        &self,
        component: u8,
        input: Input<'_>,
        reader: &mut Reader,
        writer: &mut Writer,
        window: &mut BlockBuffer,
    ) -> Result<usize, Error> {
        if reader.is_dry {
            let impossible = || reader.bits.error(ErrorKind::Coefficient);
            return put_nothing(component, writer, window).ok_or_else(impossible);
        }
        let room = window.len();
        let decoder = self.decoder(component);
        let mut recoding = RecodeLoop::new(input.scan, reader.bits, writer, window);
        let last = (&mut reader.dc, &mut writer.dc);
        let is_possible = match component {
            0 => decoder.recode_moved(&self.luma, input, &mut recoding, last),
            component => decoder.recode_moved(self.chroma_entries(component), input, &mut recoding, last),
        };
        if !is_possible? {
            return Err(reader.bits.error(ErrorKind::Coefficient));
        }
        reader.bits = recoding.bits();
        reader.flaws = reader.flaws.union(recoding.flaws);
        let left = recoding.end(writer);
        Ok(room.saturating_sub(left))
    }

    /// Passes a block.
    pub(super) fn skip(&mut self, component: u8, input: Input<'_>, reader: &mut Reader) -> Result<(), Error> {
        if reader.is_dry {
            return Ok(());
        }
        if component != 0 && self.gathering().is_some() {
            return self.gather(component, None, input, reader);
        }
        let decoder = self.decoder(component);
        decoder.pass_dc(input, reader)?;
        match component {
            0 => decoder.pass_ac(&self.luma, input, reader),
            component => decoder.pass_ac(self.chroma_entries(component), input, reader),
        }
    }

    /// Reads the coefficients of a block of chroma, and keeps them in a slot; only where the tables were prepared for it.
    pub(super) fn gather(
        &mut self,
        component: u8,
        slot: Option<u8>,
        input: Input<'_>,
        reader: &mut Reader,
    ) -> Result<(), Error> {
        let Self { chroma: Chroma::Gathered(gathering), dc: [_, dc], canonical: [_, cb, cr], shared, .. } = self else {
            return Ok(());
        };
        let Gathering { symbols, slots, .. } = gathering;
        let (canonical, dc, symbols) = match component {
            1 => (&*cb, &*dc, &*symbols),
            _ if *shared => (&*cr, &*dc, &*symbols),
            _ => (&*cr, &NO_DC, &NO_SYMBOLS),
        };
        let decoder = Decoder::new(component, canonical, dc);
        let mut unwanted = [0; 64];
        let slot =
            slot.map(|slot| usize::from(component.saturating_sub(1)).saturating_mul(2).saturating_add(slot.into()));
        let block = slot.and_then(|slot| slots.get_mut(slot)).unwrap_or(&mut unwanted);
        *block = [0; 64];
        if reader.is_dry {
            return Ok(());
        }
        decoder.pass_dc(input, reader)?;
        let mut bits = reader.bits;
        let value = reader.dc.get(usize::from(component)).copied().unwrap_or(0);
        if let Some(first) = block.first_mut() {
            *first = value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
        let mut at = 1_u32;
        while at < 64 {
            let symbol = huffman::next_symbol(symbols, decoder.canonical_ac, &mut bits, input);
            let size = u32::from(symbol & 15);
            let zeros = u32::from(symbol >> 4);
            match (size, zeros) {
                (0, 15) => at = at.wrapping_add(16),
                (0, _) => break,
                _ => {
                    at = at.wrapping_add(zeros);
                    if at > LAST {
                        reader.flaws.insert(Flaw::Codes);
                        at = LAST;
                    }
                    let value = extended(bits.take(size), size) as i16;
                    if let Some(place) = ZIGZAG.get(at as usize).and_then(|&place| block.get_mut(usize::from(place))) {
                        *place = value;
                    }
                    at = at.wrapping_add(1);
                }
            }
        }
        reader.bits = bits;
        Ok(())
    }
}

/// The last coefficient of a block. Decoders take those that a run of zeros leads beyond for it.
pub(super) const LAST: u32 = 63;

impl Decoder<'_> {
    /// Recodes the next block, whose DC coefficient is the same difference as in the file, and so the same bits. `last` are the
    /// DC coefficients before it, if they are of interest.
    #[inline(always)]
    fn recode<const LEN: usize>(
        &self,
        entries: &Entries<LEN>,
        input: Input<'_>,
        recoding: &mut RecodeLoop<'_>,
        last: Option<&mut [i32; 3]>,
    ) -> Result<(), Error> {
        let dc = self.dc(input, recoding)?;
        if let Some(last) = last.and_then(|last| last.get_mut(usize::from(self.component))) {
            *last = last.wrapping_add(dc.difference());
        }
        recoding.put(encoder::code(self.dc_codes, dc.size as u8), dc.raw, dc.size);
        self.ac(entries, input, recoding)
    }

    /// Recodes the next block, before which there is another one in the picture than in the file. `read` and `written` are the
    /// DC coefficients before it here and there. `false`: they are too far apart.
    #[inline(always)]
    fn recode_moved<const LEN: usize>(
        &self,
        entries: &Entries<LEN>,
        input: Input<'_>,
        recoding: &mut RecodeLoop<'_>,
        (read, written): (&mut [i32; 3], &mut [i32; 3]),
    ) -> Result<bool, Error> {
        let dc = self.dc(input, recoding)?;
        let mut value = dc.difference();
        if let Some(last) = read.get_mut(usize::from(self.component)) {
            value = last.wrapping_add(value);
            *last = value;
        }
        let Some((difference, size)) = dc_difference(self.component, value, written) else { return Ok(false) };
        let bits = u32::from(encoder::amplitude(difference, size).bits);
        recoding.put(encoder::code(self.dc_codes, size as u8), bits, size);
        self.ac(entries, input, recoding)?;
        Ok(true)
    }

    /// The next block's DC coefficient (section F.2.2.1).
    #[inline(always)]
    fn dc(&self, input: Input<'_>, recoding: &mut RecodeLoop<'_>) -> Result<Dc, Error> {
        recoding.exchange();
        let entry = u32::from(self.dc.get(recoding.peek(DC_BITS) as usize).copied().unwrap_or(0));
        let (size, len) = (entry & 15, entry >> 4);
        if entry != 0 {
            recoding.take(len);
            let raw = recoding.peek(size);
            recoding.take(size);
            return Ok(Dc { raw, size });
        }
        let long = long_dc(self.canonical_dc, input, recoding.bits());
        recoding.jump(long.behind);
        recoding.exchange();
        recoding.flaws = recoding.flaws.union(long.flaws);
        match long.error {
            Some(error) => Err(error),
            None => Ok(Dc { raw: long.raw, size: long.size }),
        }
    }

    /// Reads the next block's DC coefficient, which becomes the reader's last one.
    #[inline(always)]
    fn pass_dc(&self, input: Input<'_>, reader: &mut Reader) -> Result<(), Error> {
        let mut bits = reader.bits;
        bits.refill(input.scan);
        let entry = u32::from(self.dc.get(bits.peek(DC_BITS) as usize).copied().unwrap_or(0));
        let (size, len) = (entry & 15, entry >> 4);
        let dc = if entry != 0 {
            bits.consume(len);
            Dc { raw: bits.take(size), size }
        } else {
            let long = long_dc(self.canonical_dc, input, bits);
            bits = long.behind;
            reader.flaws = reader.flaws.union(long.flaws);
            if let Some(error) = long.error {
                return Err(error);
            }
            Dc { raw: long.raw, size: long.size }
        };
        reader.add_dc(self.component, dc.difference());
        reader.bits = bits;
        Ok(())
    }

    /// Reads the next block's AC coefficients.
    #[inline(always)]
    fn pass_ac<const LEN: usize>(
        &self,
        entries: &Entries<LEN>,
        input: Input<'_>,
        reader: &mut Reader,
    ) -> Result<(), Error> {
        let mut bits = reader.bits;
        let mut at = 1_u32;
        'block: loop {
            bits.refill(input.scan);
            for _ in 0..3 {
                let entry = entries.get(bits.peek(LEN.ilog2()) as usize).copied().unwrap_or(Entry::NONE);
                let next = at.wrapping_add(entry.advance());
                if next <= 63 {
                    bits.consume(entry.taken());
                    at = next;
                    continue;
                }
                if next & !Entry::END <= 63 {
                    bits.consume(entry.taken());
                    break 'block;
                }
                bits.refill(input.scan);
                let single = symbol(self.canonical_ac, self.ac_codes, input, bits, at);
                if let Some(error) = single.error {
                    return Err(error);
                }
                bits = single.behind;
                reader.flaws = reader.flaws.union(single.flaws);
                at = single.next;
                if at > 63 {
                    break 'block;
                }
                continue 'block;
            }
        }
        reader.bits = bits;
        Ok(())
    }

    /// The next block's AC coefficients (section F.2.2.2).
    #[inline(always)]
    fn ac<const LEN: usize>(
        &self,
        entries: &Entries<LEN>,
        input: Input<'_>,
        recoding: &mut RecodeLoop<'_>,
    ) -> Result<(), Error> {
        recoding.set_coefficient(1);
        'block: loop {
            'symbol: {
                for _ in 0..2 {
                    match recoding.step(entries) {
                        Passed::Symbols => {}
                        Passed::Block => break 'block,
                        Passed::Nothing => break 'symbol,
                    }
                }
                recoding.exchange();
                match recoding.step(entries) {
                    Passed::Symbols => continue 'block,
                    Passed::Block => break 'block,
                    Passed::Nothing => {}
                }
            }
            recoding.exchange();
            let single = symbol(self.canonical_ac, self.ac_codes, input, recoding.bits(), recoding.coefficient());
            if let Some(error) = single.error {
                return Err(error);
            }
            recoding.jump(single.behind);
            recoding.flaws = recoding.flaws.union(single.flaws);
            for _ in 0..single.sixteens {
                recoding.put(encoder::code(self.ac_codes, SIXTEEN_ZEROS), 0, 0);
                recoding.exchange();
            }
            recoding.put(single.code, single.raw, single.size);
            if single.next > 63 {
                break;
            }
            recoding.set_coefficient(single.next);
            recoding.exchange();
        }
        Ok(())
    }
}

/// A single symbol: one whose code is too long for the table, or one near the block's end. The bits go in and out by value,
/// or they could not stay in registers.
#[inline(never)]
fn symbol(canonical: &Canonical, codes: &[Code; 256], input: Input<'_>, bits: Bits, at: u32) -> Single {
    let mut single = Single::end(codes, bits);
    let (symbol, len) = canonical.decode(bits, input.jpeg);
    if len == NO_CODE {
        single.flaws.insert(Flaw::Codes);
    }
    single.behind.consume(len);
    single.size = u32::from(symbol & 15);
    let next = at.wrapping_add(u32::from(symbol >> 4)).wrapping_add(1);
    if single.size == 0 {
        // Symbols that section F.1.2.2.1 leaves undefined are taken for an end, as the common decoders do; and so are sixteen
        // zeros where there is nothing behind them.
        if symbol == SIXTEEN_ZEROS && next <= LAST {
            (single.code, single.next) = (encoder::code(codes, symbol), next);
        }
        return single;
    }
    single.raw = single.behind.take(single.size);
    if single.size > 10 {
        single.error = Some(bits.error(ErrorKind::Coefficient));
        return single;
    }
    single.next = next;
    let mut symbol = symbol;
    if next > LAST.wrapping_add(1) {
        single.flaws.insert(Flaw::Codes);
        single.next = LAST.wrapping_add(1);
        let zeros = LAST.saturating_sub(at);
        single.sixteens = zeros.wrapping_shr(4) as u8;
        symbol = (zeros.wrapping_shl(4) & 0xF0 | single.size) as u8;
    }
    single.code = encoder::code(codes, symbol);
    single
}

/// A DC coefficient whose code is too long for the table.
#[inline(never)]
fn long_dc(canonical: &Canonical, input: Input<'_>, bits: Bits) -> Single {
    let mut single = Single::end(&[], bits);
    let (size, len) = canonical.decode(bits, input.jpeg);
    if len == NO_CODE {
        single.flaws.insert(Flaw::Codes);
    }
    single.behind.consume(len);
    single.size = size.into();
    if size > 11 {
        // Not even the difference of the two that are furthest apart.
        single.error = Some(bits.error(ErrorKind::Coefficient));
        return single;
    }
    single.raw = single.behind.take(single.size);
    single
}

/// A DC coefficient: its bits, and how many they are.
struct Dc {
    raw: u32,
    size: u32,
}

impl Dc {
    /// From the block before.
    #[inline(always)]
    fn difference(&self) -> i32 {
        extended(self.raw, self.size)
    }
}

/// A symbol of AC coefficients.
struct Single {
    /// Sixteen zeros so often before it.
    sixteens: u8,
    code: Code,
    /// The coefficient behind the code.
    raw: u32,
    /// The number of its bits.
    size: u32,
    /// The next coefficient in zig-zag order; 64: the block has ended.
    next: u32,
    /// The bits behind the symbol.
    behind: Bits,
    /// What was wrong with it.
    flaws: Flaws,
    /// No such coefficient can be written.
    error: Option<Error>,
}

impl Single {
    /// The end of a block, of which no bits have been taken.
    fn end(codes: &[Code], bits: Bits) -> Self {
        Self {
            sixteens: 0,
            code: encoder::code(codes, END_OF_BLOCK),
            raw: 0,
            size: 0,
            next: LAST.wrapping_add(1),
            behind: bits,
            flaws: Flaws::NONE,
            error: None,
        }
    }
}

/// Writes a block of coefficients. `None`: one of them is larger than baseline has room for.
pub(super) fn put(
    component: u8,
    block: &resample::Block,
    writer: &mut Writer,
    window: &mut BlockBuffer,
) -> Option<usize> {
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
        let size = size(value) as u8;
        if size > 10 {
            return None;
        }
        pen.put_value(encoder::code(codes, zeros << 4 | size), value);
        zeros = 0;
    }
    if zeros > 0 {
        pen.drain();
        pen.put_with(encoder::code(codes, END_OF_BLOCK), 0, 0);
    }
    Some(pen.lift(writer))
}

/// Writes a block that repeats the one before.
pub(super) fn pad(component: u8, writer: &mut Writer, window: &mut BlockBuffer) -> usize {
    let (dc_codes, ac_codes) = codes(component);
    let mut pen = writer.pen(window);
    pen.put_with(encoder::code(dc_codes, 0), 0, 0);
    pen.put_with(encoder::code(ac_codes, END_OF_BLOCK), 0, 0);
    pen.lift(writer)
}

/// Writes a block without any coefficients. `None`: the last DC coefficient is too far from that.
pub(super) fn put_nothing(component: u8, writer: &mut Writer, window: &mut BlockBuffer) -> Option<usize> {
    let mut pen = writer.pen(window);
    put_dc(component, 0, &mut writer.dc, &mut pen)?;
    pen.put_with(encoder::code(codes(component).1, END_OF_BLOCK), 0, 0);
    Some(pen.lift(writer))
}

/// Writes a DC coefficient as its difference; `None` where the difference is more than baseline has room for.
#[inline(always)]
fn put_dc(component: u8, dc: i32, last: &mut [i32; 3], pen: &mut BitWriter<'_>) -> Option<()> {
    let (difference, size) = dc_difference(component, dc, last)?;
    pen.put_value(encoder::code(codes(component).0, size as u8), difference);
    Some(())
}

/// The difference of a DC coefficient from the last one, which it becomes, and how many bits that has. `None`: more than baseline
/// has room for.
///
/// Decoders keep 16 bits of the sum of all differences, so that the shorter way around serves as well.
#[inline(always)]
fn dc_difference(component: u8, dc: i32, last: &mut [i32; 3]) -> Option<(i32, u32)> {
    let last = last.get_mut(usize::from(component))?;
    let difference = i32::from(dc.wrapping_sub(*last) as i16);
    *last = dc;
    let size = size(difference);
    (size <= 11).then_some((difference, size))
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
