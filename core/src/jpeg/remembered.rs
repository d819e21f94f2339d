//! Tables of earlier frames, for frames that have none (abbreviated format, section B.4).

use super::cursor::Cursor;
use super::layout::{Error, Flaw, Layout};
use super::marker;

/// So many bytes of tables are remembered: twice as many as the usual four Huffman tables and two quantisation tables take.
pub const MAX_TABLES_LEN: usize = 1280;

/// Quantisation and Huffman tables of a stream, as segments. A stream may define them once, in its first frame or before it.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    segments: heapless::Vec<u8, MAX_TABLES_LEN>,
}

impl Tables {
    /// None.
    pub const fn new() -> Self {
        Self { segments: heapless::Vec::new() }
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The tables as segments, to be put behind the SOI of a frame that lacks some. Those that the frame has come behind them, and
    /// count.
    pub fn segments(&self) -> &[u8] {
        &self.segments
    }

    /// Remembers the tables of a frame, or of a file that has nothing else. They replace those of the same names. What is too
    /// long for [`MAX_TABLES_LEN`] is not remembered.
    ///
    /// # Errors
    /// The headers cannot be understood. The tables before are remembered.
    pub fn learn(&mut self, jpeg: &[u8]) -> Result<(), Error> {
        let mut cursor = Cursor::new(jpeg, 2);
        loop {
            let (_, code, mut segment) = cursor.segment()?;
            match code {
                marker::SOS | marker::EOI | marker::SOI | 0x00..=0xBF => return Ok(()),
                marker::DQT | marker::DHT => {
                    while !segment.is_empty() {
                        let start = segment.at;
                        if code == marker::DHT {
                            segment.huffman_table()?;
                        } else {
                            let [head] = segment.array()?;
                            segment.take(if head >> 4 == 0 { 64 } else { 128 })?;
                        }
                        self.remember(code, segment.bytes.get(start..segment.at).unwrap_or(&[]));
                    }
                }
                _ => {}
            }
        }
    }

    fn remember(&mut self, code: u8, table: &[u8]) {
        // Of quantisation tables, the upper half of the first byte is no part of the name.
        let name = |code: u8, head: u8| if code == marker::DQT { head & 15 } else { head };
        let Some(&head) = table.first() else { return };
        let mut at = 0_usize;
        while let Some(&[_, other, high, low, other_head]) = self.segments.get(at..).and_then(<[u8]>::first_chunk) {
            let len = usize::from(u16::from_be_bytes([high, low])).saturating_add(2);
            if other == code && name(code, head) == name(code, other_head) {
                let end = at.saturating_add(len);
                self.segments.copy_within(end.., at);
                let left = self.segments.len().saturating_sub(len);
                self.segments.truncate(left);
                break;
            }
            at = at.saturating_add(len);
        }
        let [high, low] = (table.len().saturating_add(2) as u16).to_be_bytes();
        let room = MAX_TABLES_LEN.saturating_sub(self.segments.len());
        if table.len().saturating_add(4) <= room {
            let _ = self.segments.extend_from_slice(&[0xFF, code, high, low]);
            let _ = self.segments.extend_from_slice(table);
        }
    }

    /// The layout of a frame that has these tables behind its SOI, which says so.
    ///
    /// # Errors
    /// Those of [`Layout::parse`].
    pub fn parse_completed(jpeg: &[u8]) -> Result<Layout, Error> {
        let mut layout = Layout::parse(jpeg)?;
        layout.flaws.insert(Flaw::NoTables);
        Ok(layout)
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::{self, Fields};
    use super::super::{ErrorKind, tables};
    use super::*;
    use std::vec::Vec;

    fn frame(quality: u8) -> Vec<u8> {
        let (luma, chroma) = tables::quantization(quality);
        let fields =
            Fields { kind: 1, width: 16, height: 16, restart_interval: 0, luma: &luma, chroma: &chroma, precision: 0 };
        let mut buffer = std::vec![0; header::MAX_LEN];
        let len = header::emit(&mut buffer, &fields).unwrap();
        [&buffer[..len], &[0x28, 0xA2, 0x8A, 0x00, 0xFF, 0xD9]].concat()
    }

    /// Without segments of these codes.
    fn without(file: &[u8], codes: &[u8]) -> Vec<u8> {
        let (mut out, mut at) = (file[..2].to_vec(), 2);
        loop {
            let end = at + 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
            if !codes.contains(&file[at + 1]) {
                out.extend_from_slice(&file[at..end]);
            }
            if file[at + 1] == marker::SOS {
                return [&out[..], &file[end..]].concat();
            }
            at = end;
        }
    }

    #[test]
    fn a_frame_without_tables_has_those_of_an_earlier_one() {
        let first = frame(60);
        let mut tables = Tables::new();
        tables.learn(&first).unwrap();
        let bare = without(&first, &[marker::DQT, marker::DHT]);
        assert_eq!(Layout::parse(&bare).map_err(|error| error.kind), Err(ErrorKind::MissingTable));
        let completed = [&bare[..2], tables.segments(), &bare[2..]].concat();
        let layout = Tables::parse_completed(&completed).unwrap();
        assert!(layout.flaws.iter().eq([Flaw::NoTables]) && layout.rtp_format().is_ok());
        let own = Layout::parse(&first).unwrap().quantization.map(|table| table.of(&first));
        assert_eq!(layout.quantization.map(|table| table.of(&completed)), own);
    }

    #[test]
    fn later_tables_replace_earlier_ones_of_the_same_name() {
        let mut tables = Tables::new();
        tables.learn(&frame(60)).unwrap();
        let len = tables.segments().len();
        for quality in 1..99 {
            tables.learn(&frame(quality)).unwrap();
            assert_eq!(tables.segments().len(), len);
        }
        // Huffman tables stay where a frame has none.
        tables.learn(&without(&frame(30), &[marker::DHT])).unwrap();
        let bare = without(&frame(30), &[marker::DQT, marker::DHT]);
        let completed = [&bare[..2], tables.segments(), &bare[2..]].concat();
        let layout = Tables::parse_completed(&completed).unwrap();
        let (luma, chroma) = crate::jpeg::tables::quantization(30);
        assert_eq!(layout.quantization.map(|table| table.of(&completed)), [&luma[..], &chroma]);
        assert!(layout.has_standard_huffman);
    }

    #[test]
    fn tables_without_a_picture_are_learned_and_damage_is_not() {
        let first = frame(60);
        let at = first.windows(2).position(|pair| pair == [0xFF, marker::SOF0]).unwrap();
        let mut tables = Tables::new();
        tables.learn(&[&first[..at], &[0xFF, 0xD9]].concat()).unwrap();
        assert!(!tables.is_empty());
        let before = tables.segments().len();
        assert!(tables.learn(&first[..40]).is_err());
        assert_eq!(tables.segments().len(), before);
        // More than there is room for is not remembered.
        let many: Vec<u8> = (0..16).flat_map(|id| [&[0xFF, marker::DQT, 0, 67, id][..], &[1; 64]].concat()).collect();
        tables.learn(&[&first[..2], &many, &[0xFF, 0xD9]].concat()).unwrap();
        assert!(tables.segments().len() <= MAX_TABLES_LEN);
    }
}
