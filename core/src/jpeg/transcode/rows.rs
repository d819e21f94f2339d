//! A row of MCUs each of which becomes two, one upon the other, as FFmpeg's of 4:2:2 do: all its blocks are read once.
//!
//! The upper MCUs to be go where they belong. The lower ones wait for the end of the row in the last third of the same buffer,
//! and are brought up to the bit behind the upper ones then. Only the first lower MCU is read twice: the DC coefficients
//! before it are not known when it comes by.

use super::block::{Lane, TALL_MCU, Tables};
use super::reader::{Bits, Input, Reader};
use super::recode_loop::RecodeLoop;
use super::writer::Writer;

/// Writes a row of `mcus` MCUs: all the upper ones to be, and all the lower ones behind them. Returns the bytes written.
///
/// `None` where `out` has no room to do it in, or the data is damaged: then nothing has changed but what `out` holds, and the
/// blocks have to be taken one after the other.
pub(super) fn emit(
    tables: &mut Tables,
    mcus: u16,
    input: Input<'_>,
    (reader, writer): (&mut Reader, &mut Writer),
    out: &mut [u8],
) -> Option<usize> {
    let (out, waiting) = out.split_at_mut_checked(out.len().checked_div(3)?.saturating_mul(2))?;
    let (mut end, mut upper, mut lower) = (*reader, *writer, *writer);
    let [mut len, mut waiting_len] = [0_usize; 2];
    let mut left = u32::from(mcus);
    while left > 0 {
        end.begin_mcu(input.scan);
        if end.is_dry {
            return None;
        }
        let is_first = left == u32::from(mcus);
        let run = if is_first { 1 } else { left.min(end.mcus_before_restart().saturating_add(1)) };
        let lanes = [
            Lane { writer: &mut upper, out: out.get_mut(len..)? },
            Lane { writer: &mut lower, out: waiting.get_mut(waiting_len..)? },
        ];
        let [more, more_waiting] = tables.emit_tall(run, input, &mut end, lanes)?;
        (len, waiting_len) = (len.saturating_add(more), waiting_len.saturating_add(more_waiting));
        end.pass_mcus(run.saturating_sub(1));
        left = left.saturating_sub(run);
        if is_first {
            waiting_len = 0;
            lower.keep(0, 0);
        }
    }
    len = len.saturating_add(emit_first_lower(tables, input, *reader, &mut upper, out.get_mut(len..)?)?);
    waiting_len = waiting_len.saturating_add(flush(&mut lower, waiting.get_mut(waiting_len..)?)?);
    len = len.saturating_add(copy(waiting.get(..waiting_len)?, &mut upper, out.get_mut(len..)?)?);
    len = len.saturating_add(flush(&mut upper, out.get_mut(len..)?)?);
    upper.append(&lower);
    (*reader, *writer) = (end, upper);
    Some(len)
}

/// The lower one of the two MCUs to be of the first MCU, behind the upper ones of all.
fn emit_first_lower(
    tables: &mut Tables,
    input: Input<'_>,
    mut reader: Reader,
    writer: &mut Writer,
    out: &mut [u8],
) -> Option<usize> {
    let mut len = 0_usize;
    reader.begin_mcu(input.scan);
    for (component, is_lower) in TALL_MCU {
        if is_lower {
            let window = out.get_mut(len..)?.first_chunk_mut()?;
            len = len.saturating_add(tables.emit(component, input, &mut reader, writer, window).ok()?);
        } else {
            tables.skip(component, input, &mut reader).ok()?;
        }
    }
    Some(len)
}

/// Writes the whole bytes of the bits left over.
fn flush(writer: &mut Writer, out: &mut [u8]) -> Option<usize> {
    Some(writer.pen(out.first_chunk_mut()?).lift(writer))
}

/// Writes entropy-coded data behind that which ends in the middle of a byte.
fn copy(data: &[u8], writer: &mut Writer, out: &mut [u8]) -> Option<usize> {
    let room = out.len();
    let mut copying = RecodeLoop::new(data, Bits::at(0), writer, out);
    copying.copy()?;
    let left = copying.end(writer);
    Some(room.saturating_sub(left))
}

#[cfg(test)]
mod tests {
    use super::super::super::layout::Layout;
    use super::super::source::Source;
    use super::super::tests::codec::{Picture, Random, Style, encode};
    use super::*;

    #[test]
    fn a_row_is_written_where_there_is_room_for_it_and_left_alone_otherwise() {
        let source = Picture::random(200, 16, &[(2, 2), (1, 2), (1, 2)], 1, &mut Random(1));
        let file = encode(&source, &Style::standard());
        let layout = Layout::parse(&file).unwrap();
        let mut tables = Tables::new();
        tables.prepare(&Source::parse(&file, &layout).unwrap(), None, &file).unwrap();
        let scan = layout.scan.of(&file);
        let mut row = |scan, room: usize| {
            let (mut reader, mut writer) = (Reader::new(0), Writer::new());
            let input = Input { jpeg: &file, scan };
            let written = emit(&mut tables, 13, input, (&mut reader, &mut writer), &mut std::vec![0; room]);
            (written.is_some(), reader.bits.at > 0, writer.dc != [0; 3])
        };
        assert_eq!(row(scan, 2 * scan.len() + 3000), (true, true, true));
        for room in [0, 1, 700, scan.len()] {
            assert_eq!(row(scan, room), (false, false, false), "{room}");
        }
        assert_eq!(row(&scan[..scan.len() / 2], 9 * scan.len()), (false, false, false));
    }
}
