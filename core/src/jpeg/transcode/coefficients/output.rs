//! All coefficients of a picture as one scan of RTP/JPEG's type 0 or 1.

use super::super::super::header;
use super::super::super::tables::ZIGZAG;
use super::super::END;
use super::super::block;
use super::super::plan::{Carriage, Chroma};
use super::super::resample;
use super::super::writer::{BlockBuffer, MAX_BLOCK, Writer};
use super::frame::{Block, Planes, Table};
use super::smoothing::Smoothing;

/// How one component's coefficients become those of another quantisation table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Requantisation {
    /// In zig-zag order: what a coefficient is multiplied by, and what divided.
    factors: [(u16, u16); 64],
}

impl Requantisation {
    /// `scale`: how many steps of the file's samples make one of 8 bits. `None`: nothing has to be done.
    pub(super) fn new(from: &Table, to: &[u8; 64], scale: u16) -> Option<Self> {
        let mut factors = [(1, 1); 64];
        for ((factor, &from), &to) in factors.iter_mut().zip(from).zip(to) {
            *factor = (from, u16::from(to).saturating_mul(scale));
        }
        factors.iter().any(|(from, to)| from != to).then_some(Self { factors })
    }

    /// Rounds to the nearest, away from zero in the middle, within baseline's bounds (section F.1.2).
    fn apply(&self, block: &mut Block) {
        for (at, (&place, &(from, to))) in ZIGZAG.iter().zip(&self.factors).enumerate() {
            let Some(value) = block.get_mut(usize::from(place)).filter(|value| **value != 0) else { continue };
            let magnitude = u64::from(value.unsigned_abs()).wrapping_mul(from.into()).wrapping_add(u64::from(to) / 2);
            let most = if at == 0 && *value < 0 { 1024 } else { 1023 };
            let magnitude = magnitude.checked_div(to.into()).unwrap_or(0).min(most) as i16;
            *value = if *value < 0 { magnitude.wrapping_neg() } else { magnitude };
        }
    }
}

/// The tables of luma and of chroma for the picture to be, of those of its components. `scale` as in
/// [`Requantisation::new`]. Of two different tables for chroma, the smaller entries are taken, so that neither gets coarser.
/// An entry of 0 is no divisor: it stays where both are 0, and decoders make zeros of its coefficients.
pub(super) fn tables(components: &[Table; 3], scale: u16) -> [[u8; 64]; 2] {
    let [y, cb, cr] = components;
    let narrow = |entry: u16| {
        let least = entry.min(1);
        entry.saturating_add(scale / 2).checked_div(scale).unwrap_or(entry).clamp(least, u8::MAX.into()) as u8
    };
    let mut chroma = cb.map(narrow);
    for (entry, &other) in chroma.iter_mut().zip(cr) {
        *entry = match (*entry, narrow(other)) {
            (0, entry) | (entry, 0) => entry,
            (entry, other) => entry.min(other),
        };
    }
    [y.map(narrow), chroma]
}

/// The blocks of a picture as they are written.
pub(super) struct Shown<'a> {
    pub(super) planes: &'a Planes,
    pub(super) blocks: &'a [Block],
    /// What is guessed of them.
    pub(super) smoothing: Option<Smoothing>,
    /// By component: how they get to another table.
    pub(super) requantisations: [Option<Requantisation>; 3],
}

impl Shown<'_> {
    /// A block that holds some of the picture; in `made`, if it is not the one that was read.
    #[inline(always)]
    fn block<'s>(&'s self, component: usize, column: u32, row: u32, made: &'s mut Block) -> Option<&'s Block> {
        let plane = self.planes.planes.get(component)?;
        let exists = column < plane.across && row < plane.down;
        let read = self.blocks.get(plane.index(column, row)).filter(|_| exists)?;
        let requantisation = self.requantisations.get(component)?;
        if self.smoothing.is_none() && requantisation.is_none() {
            return Some(read);
        }
        *made = *read;
        if let Some(smoothing) = &self.smoothing {
            smoothing.apply(self.planes, self.blocks, component, (column, row), made);
        }
        if let Some(requantisation) = requantisation {
            requantisation.apply(made);
        }
        Some(made)
    }
}

/// Where the file goes; what finds no room is counted.
struct Output<'o> {
    out: &'o mut [u8],
    len: usize,
    writer: Writer,
    spill: BlockBuffer,
}

impl Output<'_> {
    #[inline(always)]
    fn put(&mut self, write: impl FnOnce(&mut Writer, &mut BlockBuffer) -> Option<usize>) -> Option<()> {
        let len = match self.out.get_mut(self.len..).and_then(<[u8]>::first_chunk_mut) {
            Some(window) => write(&mut self.writer, window)?,
            None => {
                let len = write(&mut self.writer, &mut self.spill)?;
                self.append(len);
                len
            }
        };
        self.len = self.len.saturating_add(len);
        Some(())
    }

    #[cold]
    fn append(&mut self, len: usize) {
        let place = self.out.get_mut(self.len..self.len.saturating_add(len));
        if let (Some(place), Some(bytes)) = (place, self.spill.get(..len)) {
            place.copy_from_slice(bytes);
        }
    }
}

/// Writes the whole file. Returns how long it is, which may be more than there is room for; `None`: a coefficient is larger, or
/// two DC coefficients are further apart, than baseline has room for.
pub(super) fn write(
    shown: &Shown<'_>,
    carriage: Carriage,
    fields: &header::Fields<'_>,
    out: &mut [u8],
) -> Option<usize> {
    let mut headers = [0; header::MAX_LEN];
    let len = header::emit(&mut headers, fields)?;
    if let (Some(place), Some(headers)) = (out.get_mut(..len), headers.get(..len)) {
        place.copy_from_slice(headers);
    }
    let mut output = Output { out, len, writer: Writer::new(), spill: [0; MAX_BLOCK] };
    let divisors = resample::divisors(fields.chroma);
    let [luma, ..] = &shown.planes.planes;
    let (mut one, mut other) = ([0; 64], [0; 64]);
    let rows = u32::from(carriage.luma_rows());
    for mcu_row in 0..luma.down.div_ceil(rows) {
        for mcu in 0..luma.across.div_ceil(2) {
            for row in 0..rows {
                for column in 0..2 {
                    let column = mcu.wrapping_mul(2).wrapping_add(column);
                    let row = mcu_row.wrapping_mul(rows).wrapping_add(row);
                    match shown.block(0, column, row, &mut one) {
                        Some(block) => output.put(|writer, window| block::put(0, block, writer, window))?,
                        None => output.put(|writer, window| Some(block::pad(0, writer, window)))?,
                    }
                }
            }
            for component in [1, 2] {
                let twice = mcu.wrapping_mul(2);
                let made;
                let block = match carriage.chroma {
                    Chroma::Same => shown.block(component, mcu, mcu_row, &mut one),
                    Chroma::Neutral => None,
                    Chroma::Halved => {
                        let left = shown.block(component, twice, mcu_row, &mut one);
                        let right = shown.block(component, twice.wrapping_add(1), mcu_row, &mut other);
                        made = match (left, right) {
                            (Some(left), Some(right)) => Some(resample::halve(left, right, &divisors)),
                            (Some(left), None) => Some(resample::halve_mirrored(left, &divisors)),
                            _ => None,
                        };
                        made.as_ref()
                    }
                    Chroma::Doubled => {
                        let block = shown.block(component, mcu / 2, mcu_row, &mut one);
                        made = block.map(|block| resample::double(block, mcu % 2 == 1, &divisors));
                        made.as_ref()
                    }
                };
                match block {
                    Some(block) => output.put(|writer, window| block::put(component as u8, block, writer, window))?,
                    None => output.put(|writer, window| Some(block::pad(component as u8, writer, window)))?,
                }
            }
        }
    }
    output.put(|writer, window| Some(writer.end(window, None)))?;
    let needed = output.len.saturating_add(END.len());
    if let Some(place) = output.out.get_mut(output.len..needed) {
        place.copy_from_slice(&END);
    }
    Some(needed)
}
