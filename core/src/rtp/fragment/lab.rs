//! The lab dialect's payload: a whole JPEG file in one packet where it fits, and otherwise in parts, in one of the forms that its
//! clients read.

use super::{Fragment, MAX_HEADER, Rules, Unsendable};
use crate::media::Frame;
use crate::wire::lab::VARIANTS;
use crate::wire::lab::payload::{Header, Payload};
use crate::wire::rtp::{HEADER_LEN, MAX_DATAGRAM};

/// A file, and how it is cut.
#[derive(Clone, Copy, Debug)]
pub struct Fragments {
    form: Payload,
    len: u32,
    /// Bytes of the file in each packet but the last.
    part: u32,
    /// The number of the first block, in the form that has blocks.
    block: u32,
}

impl Fragments {
    /// A file of `len` bytes that leaves whole.
    pub const fn whole(len: u32) -> Self {
        Self { form: Payload::Plain, len, part: len, block: 0 }
    }

    /// Whether `frame` is the file.
    pub const fn fits(&self, frame: &[u8]) -> bool {
        !frame.is_empty() && frame.len() == self.len as usize
    }

    /// How it is cut. Where there are no other forms, the compiler knows.
    const fn form(&self) -> Payload {
        if VARIANTS { self.form } else { Payload::Plain }
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.len.saturating_add(self.missing()).div_ceil(self.part.max(1))
    }

    /// Bytes by which the first part is shorter than the others: where these have no RTP header, it leaves room for its own.
    const fn missing(&self) -> u32 {
        if matches!(self.form(), Payload::Bare) { HEADER_LEN as u32 } else { 0 }
    }

    /// Fragment `index` of the file; its header is written to `header`.
    #[inline]
    pub fn get(&self, frame: &[u8], index: u32, header: &mut [u8; MAX_HEADER]) -> Option<Fragment> {
        if !self.fits(frame) {
            return None;
        }
        let next = index.checked_add(1)?;
        let start = index.checked_mul(self.part)?.saturating_sub(self.missing());
        let end = next.saturating_mul(self.part).saturating_sub(self.missing()).min(self.len);
        if start >= end {
            return None;
        }
        let form = self.form();
        let says = match form {
            Payload::Plain | Payload::Bare => None,
            Payload::O8 => Some(Header::Offset { offset: start, total: self.len }),
            // There are no more parts than that.
            Payload::I4 | Payload::I6 => Some(Header::Index { index: index as u16, count: self.count() as u16 }),
            Payload::G8 => Some(Header::Block { block: self.block.wrapping_add(index), index: 0, len: 1 }),
        };
        if let (Some(says), Some(room)) = (says, header.first_chunk_mut()) {
            says.emit(form, self.len, room);
        }
        let is_bare = form == Payload::Bare;
        Some(Fragment {
            extension_len: 0,
            header_len: form.header_len(),
            payload: start as usize..end as usize,
            marker: end == self.len && !is_bare,
            is_headless: is_bare && index > 0,
        })
    }
}

pub(super) fn cut(frame: &Frame<'_>, form: Payload, rules: &Rules) -> Result<Fragments, Unsendable> {
    let form = if VARIANTS { form } else { Payload::Plain };
    let limit = rules.max_packet_size.min(MAX_DATAGRAM);
    let too_large = || Unsendable::TooLarge { len: frame.data.len(), limit };
    let len = u32::try_from(frame.data.len()).map_err(|_| too_large())?;
    let room = limit.saturating_sub(HEADER_LEN.saturating_add(form.header_len()));
    let room = u32::try_from(room).unwrap_or(u32::MAX);
    let part = match form {
        _ if form.may_be_whole() && len <= room => len,
        // Its client takes a single part for a file without a header.
        Payload::I6 => form.part_len().min(len.div_ceil(2)),
        Payload::Bare => return Ok(Fragments { form, len, part: form.part_len(), block: 0 }),
        _ => form.part_len(),
    };
    let fragments = Fragments { form, len, part: part.min(room).max(1), block: rules.first_block };
    let is_counted = matches!(form, Payload::I4 | Payload::I6);
    if room == 0 || (is_counted && fragments.count() > u16::MAX.into()) { Err(too_large()) } else { Ok(fragments) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg::Layout;
    use std::vec::Vec;

    fn rules(max_packet_size: usize) -> Rules {
        let described = (0, 0);
        let (restart_markers, computed_tables) = (false, false);
        Rules { payload_size: 1400, max_packet_size, restart_markers, computed_tables, described, first_block: 40 }
    }

    fn whole(data: &[u8]) -> Frame<'_> {
        Frame { number: 0, data, captured: None, time: None, layout: Layout::parse(data) }
    }

    /// The packets' payloads with their headers, whether each has the marker, and whether it has no RTP header.
    fn packets(form: Payload, len: usize, max_packet_size: usize) -> Vec<(Vec<u8>, bool, bool)> {
        let file: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let frame = whole(&file);
        let fragments = cut(&frame, form, &rules(max_packet_size)).unwrap();
        let packet = |index| {
            let mut header = [0; MAX_HEADER];
            let Fragment { header_len, payload, marker, is_headless, .. } = fragments.get(&file, index, &mut header)?;
            Some(([&header[..header_len], &file[payload]].concat(), marker, is_headless))
        };
        let all: Vec<_> = (0..).map_while(packet).collect();
        assert_eq!(all.len(), fragments.count() as usize);
        let data: Vec<u8> = all.iter().flat_map(|(packet, ..)| &packet[form.header_len()..]).copied().collect();
        assert_eq!(data, file, "{form:?}");
        all
    }

    #[test]
    fn a_file_that_fits_is_one_packet_with_the_marker_and_a_larger_one_is_cut_and_has_it_on_the_last() {
        for (len, limit, parts) in
            [(1, 20_480, 1), (20_468, 20_480, 1), (20_469, 20_480, 15), (4200, 1472, 3), (90, 32, 5)]
        {
            let packets = packets(Payload::Plain, len, limit);
            assert_eq!(packets.len(), parts, "{len} {limit}");
            assert!(packets.iter().rev().skip(1).all(|(packet, marker, _)| !marker && packet.len() <= 1400));
            assert!(packets.last().unwrap().1);
        }
    }

    #[cfg(feature = "lab")]
    #[test]
    fn each_form_cuts_as_its_server_does() {
        for (form, len, limit, lens) in [
            (Payload::O8, 3000, 20_480, &[3008][..]),
            (Payload::O8, 3000, 1500, &[1400, 1400, 224]),
            (Payload::I4, 2401, 20_480, &[1204, 1204, 5]),
            (Payload::I4, 1200, 20_480, &[1204]),
            (Payload::I6, 4001, 20_480, &[2006, 2006, 7]),
            (Payload::I6, 2000, 20_480, &[1006, 1006]),
            (Payload::I6, 3, 20_480, &[8, 7]),
            (Payload::G8, 2200, 20_480, &[1108, 1108]),
            (Payload::Bare, 4084 + 4096 + 1, 20_480, &[4084, 4096, 1]),
        ] {
            let packets = packets(form, len, limit);
            let found: Vec<usize> = packets.iter().map(|(packet, ..)| packet.len()).collect();
            assert_eq!(found, lens, "{form:?}");
            let marked: Vec<bool> = packets.iter().map(|&(_, marker, _)| marker).collect();
            assert_eq!(marked.iter().filter(|&&marker| marker).count(), usize::from(form != Payload::Bare));
            let headless = packets.iter().filter(|&&(_, _, is_headless)| is_headless).count();
            assert_eq!(headless, if form == Payload::Bare { 2 } else { 0 });
        }
        let blocks = packets(Payload::G8, 2200, 20_480);
        let block = |(packet, ..): &(Vec<u8>, bool, bool)| Header::parse(Payload::G8, packet).map(|(header, _)| header);
        let counted = [40, 41].map(|block| Some(Header::Block { block, index: 0, len: 1 }));
        assert_eq!(blocks.iter().map(block).collect::<Vec<_>>(), counted, "they are counted on, one for each packet");
    }

    #[cfg(feature = "lab")]
    #[test]
    fn what_cannot_be_counted_or_has_no_room_is_too_large() {
        let file = std::vec![0; 1200 * 65_536];
        let frame = whole(&file);
        assert!(matches!(cut(&frame, Payload::I4, &rules(20_480)), Err(Unsendable::TooLarge { .. })));
        assert!(cut(&frame, Payload::Plain, &rules(20_480)).is_ok());
        assert!(matches!(cut(&frame, Payload::Plain, &rules(12)), Err(Unsendable::TooLarge { .. })));
        assert!(!cut(&whole(&[]), Payload::Plain, &rules(20_480)).unwrap().fits(&[]));
    }

    #[test]
    fn nothing_is_found_beyond_the_end_or_in_another_file() {
        let fragments = Fragments::whole(5);
        let mut header = [0; MAX_HEADER];
        assert_eq!(fragments.get(b"whole", 0, &mut header).map(|fragment| fragment.payload), Some(0..5));
        for (file, index) in [(&b"whole"[..], 1), (b"whole", u32::MAX), (b"other file", 0)] {
            assert!(fragments.get(file, index, &mut header).is_none());
        }
        assert!(Fragments::whole(0).get(b"", 0, &mut header).is_none());
    }
}
