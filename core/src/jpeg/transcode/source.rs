//! The facts about a file that recoding needs beyond its [`Layout`]: sampling factors and Huffman tables.

use super::super::cursor::Cursor;
use super::super::layout::{Error, ErrorKind, Layout, Span};
use super::super::{marker, tables};
use super::huffman::{Definition, Symbols};

/// A component with its share of each MCU.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component {
    /// Blocks of an MCU, side by side and one upon the other.
    pub(super) columns: u8,
    pub(super) rows: u8,
    pub(super) dc: Definition,
    pub(super) ac: Definition,
}

/// The components of the scan: one, or three.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    pub(super) components: [Component; 3],
}

/// A frame component as its header has it: id and sampling factors.
type Factors = (u8, u8);

impl Source {
    /// Walks the headers again. `layout` is that of the same bytes: a single scan that interleaves one or three components.
    pub(super) fn parse(jpeg: &[u8], layout: &Layout) -> Result<Self, Error> {
        let mut cursor = Cursor::new(jpeg.get(..layout.scan.start as usize).unwrap_or(&[]), 2);
        let mut huffman = Huffman::default();
        let mut frame = None;
        loop {
            let (at, code, mut segment) = cursor.segment()?;
            match code {
                marker::DHT => huffman.define(&mut segment)?,
                marker::SOF0 | marker::SOF1 => frame = Some(frame_header(&mut segment)?),
                marker::SOS => {
                    let (count, factors) = frame.ok_or(Error { kind: ErrorKind::NoFrameHeader, at })?;
                    return huffman.scan(&mut segment, count, &factors);
                }
                _ => {}
            }
        }
    }
}

fn frame_header(segment: &mut Cursor<'_>) -> Result<(u8, [Factors; 3]), Error> {
    let [_, _, _, _, _, count] = segment.array()?;
    let mut factors = [Factors::default(); 3];
    for place in factors.iter_mut().take(usize::from(count)) {
        let [id, sampling, _] = segment.array()?;
        *place = (id, sampling);
    }
    Ok((count, factors))
}

/// The tables that are defined so far, by id.
#[derive(Default)]
struct Huffman {
    dc: [Option<Definition>; 4],
    ac: [Option<Definition>; 4],
}

impl Huffman {
    fn define(&mut self, segment: &mut Cursor<'_>) -> Result<(), Error> {
        while !segment.is_empty() {
            let wrong = segment.error(ErrorKind::Segment);
            let (head, bits, symbols) = segment.huffman_table()?;
            let tables = if head >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *tables.get_mut(usize::from(head & 0x0F)).ok_or(wrong)? =
                Some(Definition { bits, symbols: Symbols::File(symbols) });
        }
        Ok(())
    }

    fn scan(&self, segment: &mut Cursor<'_>, count: u8, factors: &[Factors; 3]) -> Result<Source, Error> {
        let wrong = segment.error(ErrorKind::Components);
        let none = Definition { bits: [0; 16], symbols: Symbols::File(Span { start: 0, len: 0 }) };
        let mut components = [Component { columns: 0, rows: 0, dc: none, ac: none }; 3];
        segment.take(1)?;
        for (component, &(frame_id, sampling)) in components.iter_mut().zip(factors).take(usize::from(count)) {
            let [id, selectors] = segment.array()?;
            if id != frame_id {
                return Err(wrong);
            }
            let find = |tables: &[Option<Definition>; 4], id: u8, own: [&tables::HuffmanTable; 2]| {
                let id = usize::from(id);
                // Motion JPEG often leaves Annex K's tables out.
                let default = || own.get(id).map(|&table| Definition::own(table));
                tables.get(id).copied().flatten().or_else(default).ok_or(wrong)
            };
            *component = Component {
                columns: sampling >> 4,
                rows: sampling & 0x0F,
                dc: find(&self.dc, selectors >> 4, [&tables::LUMA_DC, &tables::CHROMA_DC])?,
                ac: find(&self.ac, selectors & 0x0F, [&tables::LUMA_AC, &tables::CHROMA_AC])?,
            };
        }
        Ok(Source { components })
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::super::super::layout::{Coding, Flaws, Sampling};
    use super::*;

    /// A component with these factors and Annex K's tables of luma.
    pub(in super::super) fn component(columns: u8, rows: u8) -> Component {
        let (dc, ac) = (Definition::own(&tables::LUMA_DC), Definition::own(&tables::LUMA_AC));
        Component { columns, rows, dc, ac }
    }

    /// A layout of which only the dimensions mean anything.
    pub(in super::super) fn layout(width: u16, height: u16) -> Layout {
        Layout {
            width,
            height,
            coding: Coding::Baseline,
            precision: 8,
            sampling: Sampling::Other,
            restart_interval: 0,
            quantization: [Span::default(); 2],
            has_wide_tables: false,
            shares_chroma_table: true,
            has_standard_huffman: true,
            is_interleaved: true,
            is_rgb: false,
            components: 3,
            factors: [0; 3],
            flaws: Flaws::NONE,
            scan: Span::default(),
        }
    }
}
