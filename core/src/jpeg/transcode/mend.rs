//! Completes a picture whose data ends before it does, in the buffer that it lies in.

use super::super::layout::{self, ErrorKind, Flaw, Flaws, Layout};
use super::super::{marker, tables};
use super::block::{self, extended};
use super::huffman::{Canonical, Definition, NO_CODE};
use super::reader::{Bits, Input, Reader};
use super::resample::Block;
use super::writer::{MAX_BLOCK, Writer};
use super::{END, Error, check_claim};
use crate::jpeg::tables::ZIGZAG;

/// What became of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mended {
    /// Its length in bytes.
    pub len: usize,
    /// Where its parts are now.
    pub layout: Layout,
    /// What was wrong. Without [`Flaw::MissingData`] nothing was missing, except perhaps the EOI.
    pub flaws: Flaws,
}

/// Completes a picture that can be sent as it is ([`Layout::rtp_format`] is `Ok`) but for what is missing at its end. It is the
/// first `len` bytes of `buffer`, and `layout` is theirs.
///
/// The MCU in which the data ends is completed as libjpeg completes it, and those behind it have no coefficients. So every
/// receiver shows what libjpeg shows, whatever it makes of missing data. This takes no memory but 2 KB of stack, and room in the
/// buffer: 4 bytes for each MCU that is missing.
///
/// # Errors
/// The picture stays as it was. [`Error::Unsupported`]: it cannot be sent as it is. [`Error::Full`]: the buffer is too short.
/// [`Error::Damaged`]: something is wrong with it other than at its end.
pub fn mend(buffer: &mut [u8], len: usize, layout: &Layout) -> Result<Mended, Error> {
    layout.rtp_format()?;
    check_claim(layout)?;
    let jpeg = buffer.get(..len).unwrap_or(buffer);
    let mender = Mender::new(layout)?;
    let scan = layout.scan.of(jpeg);
    let (flaws, end) = mender.find_end(Input { jpeg, scan })?;
    let Some(end) = end else {
        return Ok(Mended { len: jpeg.len(), layout: *layout, flaws: flaws.union(layout.flaws) });
    };
    let start = (layout.scan.start as usize).saturating_add(end.at);
    let mut needed = 0;
    mender.write(&end, |bytes| {
        needed = bytes.len().saturating_add(needed);
        Some(())
    })?;
    let needed = start.saturating_add(needed);
    let full = Error::Full { needed };
    let mut room = buffer.get_mut(start..needed).ok_or(full)?;
    mender.write(&end, |bytes| {
        let (place, rest) = core::mem::take(&mut room).split_at_mut_checked(bytes.len())?;
        place.copy_from_slice(bytes);
        room = rest;
        Some(())
    })?;
    let mut layout = Layout { flaws: layout.flaws.without(Flaw::NoEnd), ..*layout };
    let flaws = flaws.union(layout.flaws);
    layout.scan.len = needed.saturating_sub(END.len()).saturating_sub(layout.scan.start as usize) as u32;
    Ok(Mended { len: needed, layout, flaws })
}

/// Annex K's tables and the shape of a picture.
struct Mender {
    /// Of luma and of chroma: DC and AC coefficients.
    tables: [[Canonical; 2]; 2],
    /// Blocks of luma in an MCU.
    luma_blocks: u8,
    mcus: u32,
    restart_interval: u16,
}

/// No MCU has more blocks.
const MAX_BLOCKS: usize = 6;

/// The MCU in which data ends.
struct End {
    number: u32,
    /// The number of the restart marker that is missing before it.
    marker: Option<u8>,
    /// Where its first bit is, counted from the scan's start, and the bits before it in the same byte.
    at: usize,
    before: (u64, u32),
    /// The DC coefficients before it.
    dc: [i32; 3],
    /// Its coefficients.
    blocks: [Block; MAX_BLOCKS],
}

impl Mender {
    fn new(layout: &Layout) -> Result<Self, layout::Error> {
        let table = |table| Canonical::new(&Definition::own(table));
        let tables = [
            [table(&tables::LUMA_DC)?, table(&tables::LUMA_AC)?],
            [table(&tables::CHROMA_DC)?, table(&tables::CHROMA_AC)?],
        ];
        // Pictures of 4:2:0 or 4:2:2.
        let is_tall = layout.factors.first() == Some(&0x22);
        let down = u32::from(layout.height.div_ceil(if is_tall { 16 } else { 8 }));
        Ok(Self {
            tables,
            luma_blocks: if is_tall { 4 } else { 2 },
            mcus: u32::from(layout.width.div_ceil(16)).saturating_mul(down),
            restart_interval: layout.restart_interval,
        })
    }

    /// The components of the blocks of an MCU.
    fn components(&self) -> impl Iterator<Item = u8> {
        core::iter::repeat_n(0, usize::from(self.luma_blocks)).chain([1, 2])
    }

    /// The MCU in which data ends. `None`: nothing is missing.
    fn find_end(&self, input: Input<'_>) -> Result<(Flaws, Option<End>), layout::Error> {
        let mut reader = Reader::new(self.restart_interval);
        let mut mark = reader;
        let mut missing = None;
        let mut number = 0_u32;
        for _ in 0..self.mcus {
            let marker = reader.begin_mcu(input.scan);
            if reader.is_dry {
                break;
            }
            // What is sent as it is has to have its restart markers where they belong.
            let is_wrong =
                [Flaw::Surplus, Flaw::RestartNumbers, Flaw::MissingData].map(|flaw| reader.flaws.contains(flaw));
            if is_wrong.contains(&true) {
                return Err(reader.bits.error(ErrorKind::RestartMarker));
            }
            mark = reader;
            missing = marker.filter(|&number| {
                let read = input.scan.get(..reader.bits.at as usize).unwrap_or(&[]);
                !read.ends_with(&[0xFF, marker::RST0 | number])
            });
            for component in self.components() {
                self.read(component, input, &mut reader, None);
            }
            number = number.saturating_add(1);
        }
        reader.end();
        if !reader.is_dry {
            return Ok((reader.flaws, None));
        }
        let (at, before) = place(mark.bits, input.scan);
        let mut end = End {
            number: number.saturating_sub(1),
            marker: missing,
            at,
            before,
            dc: mark.dc,
            blocks: [[0; 64]; MAX_BLOCKS],
        };
        for (component, block) in self.components().zip(&mut end.blocks) {
            self.read(component, input, &mut mark, Some(block));
        }
        Ok((reader.flaws, Some(end)))
    }

    /// Reads a block.
    fn read(&self, component: u8, input: Input<'_>, reader: &mut Reader, mut block: Option<&mut Block>) {
        let [luma, chroma] = &self.tables;
        let [dc, ac] = if component == 0 { luma } else { chroma };
        let mut bits = reader.bits;
        let mut symbol = |bits: &mut Bits, table: &Canonical| {
            bits.ensure(input.scan);
            let (symbol, len) = table.decode(*bits, input.jpeg);
            if len == NO_CODE {
                reader.flaws.insert(Flaw::Codes);
            }
            bits.consume(len);
            let size = u32::from(symbol & 15);
            (u32::from(symbol >> 4), size, extended(bits.take(size), size))
        };
        let (_, _, difference) = symbol(&mut bits, dc);
        let mut values = [0; 64];
        let mut at = 1_u32;
        while at < 64 {
            match symbol(&mut bits, ac) {
                (15, 0, _) => at = at.wrapping_add(16),
                (_, 0, _) => break,
                (zeros, _, value) => {
                    // As in the transcoder, what lies beyond the last coefficient is that.
                    at = at.wrapping_add(zeros).min(63);
                    if let Some(place) = values.get_mut(at as usize) {
                        *place = value as i16;
                    }
                    at = at.wrapping_add(1);
                }
            }
        }
        reader.bits = bits;
        let value = reader.add_dc(component, difference);
        if let Some(block) = &mut block {
            for (&place, &value) in ZIGZAG.iter().zip(&values) {
                if let Some(coefficient) = block.get_mut(usize::from(place)) {
                    *coefficient = value;
                }
            }
            if let Some(first) = block.first_mut() {
                *first = value as i16;
            }
        }
    }

    /// Gives all bytes from that MCU on to `out`, which returns `None` where it finds no room.
    fn write(&self, end: &End, mut out: impl FnMut(&[u8]) -> Option<()>) -> Result<(), layout::Error> {
        let impossible = layout::Error { kind: ErrorKind::Coefficient, at: end.at as u32 };
        let mut writer = Writer::new();
        writer.keep(end.before.0, end.before.1);
        writer.dc = end.dc;
        let mut window = [0; MAX_BLOCK];
        if let Some(number) = end.marker {
            out(&[0xFF, marker::RST0 | number]).ok_or(impossible)?;
        }
        for number in end.number..self.mcus {
            let restart = u32::from(self.restart_interval);
            if number > end.number && number.checked_rem(restart) == Some(0) {
                let marker = number.checked_div(restart).unwrap_or(0).wrapping_sub(1) as u8 & 7;
                let len = writer.end(&mut window, Some(marker::RST0 | marker));
                window.get(..len).and_then(&mut out).ok_or(impossible)?;
            }
            for (component, block) in self.components().zip(&end.blocks) {
                let len = match number == end.number {
                    true => block::put(component, block, &mut writer, &mut window),
                    false => block::put_nothing(component, &mut writer, &mut window),
                };
                len.and_then(|len| window.get(..len)).and_then(&mut out).ok_or(impossible)?;
            }
        }
        let len = writer.end(&mut window, Some(marker::EOI));
        window.get(..len).and_then(&mut out).ok_or(impossible)
    }
}

/// Where in a scan a reader's next bit is: the byte, and those of its bits that come before.
fn place(bits: Bits, scan: &[u8]) -> (usize, (u64, u32)) {
    let left = bits.count.saturating_sub(bits.padding);
    let mut at = bits.at as usize;
    for _ in 0..left.div_ceil(8) {
        let before = scan.get(..at).unwrap_or(&[]);
        at = match before {
            // With the zero behind it, and perhaps with fill bytes before it.
            [rest @ .., 0] if rest.last() == Some(&0xFF) => {
                rest.iter().rposition(|&byte| byte != 0xFF).map_or(0, |last| last.saturating_add(1))
            }
            _ => at.saturating_sub(1),
        };
    }
    let unread = left % 8;
    let byte = scan.get(at).copied().unwrap_or(0);
    match unread {
        0 => (at, (0, 0)),
        unread => (at, (u64::from(byte).wrapping_shr(unread), 8_u32.wrapping_sub(unread))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::codec::{Picture, Random, Style, decode, encode};
    use super::*;
    use crate::jpeg::transcode::{Policy, Transcoder};
    use std::vec::Vec;

    const SHAPES: [&[(usize, usize)]; 2] = [&[(2, 2), (1, 1), (1, 1)], &[(2, 1), (1, 1), (1, 1)]];

    fn mended(file: &[u8], room: usize) -> Result<(Vec<u8>, Mended), Error> {
        let mut buffer = std::vec![0x55; file.len() + room];
        buffer[..file.len()].copy_from_slice(file);
        let result = mend(&mut buffer, file.len(), &Layout::parse(file).unwrap());
        match result {
            Ok(mended) => {
                buffer.truncate(mended.len);
                assert_eq!(Layout::parse(&buffer), Ok(mended.layout));
                Ok((buffer, mended))
            }
            Err(error) => {
                assert!(buffer.starts_with(file));
                Err(error)
            }
        }
    }

    #[test]
    fn a_picture_that_is_cut_anywhere_becomes_what_the_transcoder_makes_of_it() {
        let mut random = Random(90);
        let policy = Policy { restart_markers: true, ..Policy::default() };
        for (factors, restart_interval) in SHAPES.into_iter().flat_map(|shape| [(shape, 0), (shape, 3)]) {
            let source = Picture::random(80, 40, factors, 1, &mut random);
            let file = encode(&source, &Style { restart_interval, ..Style::standard() });
            let scan = Layout::parse(&file).unwrap().scan;
            let mut compared = 0;
            for len in (scan.start as usize..file.len()).step_by(11) {
                let cut = &file[..len];
                let layout = Layout::parse(cut).unwrap();
                let mut made = std::vec![0; 9999];
                let transcoded = Transcoder::new().transcode(cut, &layout, policy, &mut made);
                let found = mended(cut, 400);
                // A difference that was cut may lead a DC coefficient too far away to come back from.
                let Ok((_, made_len)) = transcoded else {
                    assert!(matches!(found, Err(Error::Damaged(_))));
                    continue;
                };
                let (whole, report) = found.unwrap();
                if !report.flaws.contains(Flaw::MissingData) {
                    assert!(whole == cut && len + 4 > file.len());
                    continue;
                }
                assert_eq!(decode(&whole).components, decode(&made[..made_len]).components, "cut to {len}");
                compared += 1;
                // What was mended needs no mending.
                let (again, report) = mended(&whole, 0).unwrap();
                assert!(
                    again == whole
                        && report.flaws.is_empty()
                        && whole[..scan.start as usize] == file[..scan.start as usize]
                );
            }
            assert!(compared * 20 > scan.len as usize);
        }
    }

    #[test]
    fn a_buffer_that_is_too_short_leaves_the_picture_as_it_was() {
        let source = Picture::random(80, 40, SHAPES[0], 1, &mut Random(91));
        let file = encode(&source, &Style::standard());
        let cut = &file[..file.len() - 200];
        let Err(Error::Full { needed }) = mended(cut, 0) else { panic!() };
        let room = needed - cut.len();
        assert_eq!(mended(cut, room - 1), Err(Error::Full { needed }));
        assert_eq!(mended(cut, room).unwrap().0.len(), needed);
    }

    #[test]
    fn what_is_not_to_be_sent_as_it_is_is_refused() {
        let source = Picture::random(80, 40, SHAPES[0], 1, &mut Random(92));
        let file = encode(&source, &Style::random(&mut Random(93)));
        assert!(matches!(mended(&file[..file.len() - 20], 500), Err(Error::Unsupported(_))));
        let mut file = encode(&source, &Style { restart_interval: 1, ..Style::standard() });
        let at = file.windows(2).position(|pair| pair == [0xFF, 0xD1]).unwrap();
        file[at + 1] = 0xD5;
        assert!(matches!(mended(&file, 500), Err(Error::Damaged(_))));
    }
}
