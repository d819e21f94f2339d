//! All coefficients of a picture as one scan of RTP/JPEG's type 0 or 1.

use super::super::super::header;
use super::super::super::tables::ZIGZAG;
use super::super::END;
use super::super::block;
use super::super::plan::{Carriage, Chroma};
use super::super::resample;
use super::super::writer::{BlockBuffer, MAX_BLOCK, Writer};
use super::frame::{Block, Plane, Planes};

/// A quantisation table in zig-zag order.
pub(super) type Table = [u16; 64];

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
pub(super) fn tables(components: &[Table; 3], scale: u16) -> [[u8; 64]; 2] {
    let [y, cb, cr] = components;
    let narrow =
        |entry: u16| entry.saturating_add(scale / 2).checked_div(scale).unwrap_or(entry).clamp(1, u8::MAX.into()) as u8;
    let mut chroma = cb.map(narrow);
    for (entry, &other) in chroma.iter_mut().zip(cr) {
        *entry = (*entry).min(narrow(other));
    }
    [y.map(narrow), chroma]
}

/// Brings the coefficients of a component to another table.
pub(super) fn requantise(plane: &Plane, blocks: &mut [Block], requantisation: &Requantisation) {
    for row in 0..plane.down {
        let start = plane.index(0, row);
        let end = start.saturating_add(plane.across as usize);
        blocks.get_mut(start..end).unwrap_or_default().iter_mut().for_each(|block| requantisation.apply(block));
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
    planes: &Planes,
    blocks: &[Block],
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
    let [luma, cb, cr] = &planes.planes;
    let find = |plane: &Plane, column: u32, row: u32| {
        let exists = column < plane.across && row < plane.down;
        blocks.get(plane.index(column, row)).filter(|_| exists)
    };
    let rows = u32::from(carriage.luma_rows());
    for mcu_row in 0..luma.down.div_ceil(rows) {
        for mcu in 0..luma.across.div_ceil(2) {
            for row in 0..rows {
                for column in 0..2 {
                    let column = mcu.wrapping_mul(2).wrapping_add(column);
                    let row = mcu_row.wrapping_mul(rows).wrapping_add(row);
                    match find(luma, column, row) {
                        Some(block) => output.put(|writer, window| block::put(0, block, writer, window))?,
                        None => output.put(|writer, window| Some(block::pad(0, writer, window)))?,
                    }
                }
            }
            for (component, plane) in [(1, cb), (2, cr)] {
                let twice = mcu.wrapping_mul(2);
                let made;
                let block = match carriage.chroma {
                    Chroma::Same => find(plane, mcu, mcu_row),
                    Chroma::Neutral => None,
                    Chroma::Halved => {
                        made = match (find(plane, twice, mcu_row), find(plane, twice.wrapping_add(1), mcu_row)) {
                            (Some(left), Some(right)) => Some(resample::halve(left, right, &divisors)),
                            (Some(left), None) => Some(resample::halve_mirrored(left, &divisors)),
                            _ => None,
                        };
                        made.as_ref()
                    }
                    Chroma::Doubled => {
                        let block = find(plane, mcu / 2, mcu_row);
                        made = block.map(|block| resample::double(block, mcu % 2 == 1, &divisors));
                        made.as_ref()
                    }
                };
                match block {
                    Some(block) => output.put(|writer, window| block::put(component, block, writer, window))?,
                    None => output.put(|writer, window| Some(block::pad(component, writer, window)))?,
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
