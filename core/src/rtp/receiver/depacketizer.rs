//! Makes the headers of a JPEG file from RTP/JPEG headers (RFC 2435 section 4).

use super::Rejected;
use super::tables::TableCache;
use crate::jpeg::header::{self, Fields};
use crate::jpeg::tables;
use crate::wire::rtp_jpeg::{self, Payload, Quantization};

/// Room for file headers in front of a frame's scan data.
pub(super) const HEADER_ROOM: usize = header::MAX_LEN;

const SOI: [u8; 2] = [0xff, 0xd8];

/// Reads a stream's payload headers.
#[derive(Clone, Debug)]
pub(super) struct Depacketizer {
    tables: TableCache,
    dimensions: Option<(u16, u16)>,
}

impl Depacketizer {
    /// `dimensions` are the width and height of `a=x-dimensions`, in pixels.
    pub(super) fn new(dimensions: Option<(u16, u16)>) -> Self {
        Self { tables: TableCache::default(), dimensions }
    }

    /// Takes an RTP payload apart. Refuses payloads of which no frame can be made.
    pub(super) fn parse<'p>(&self, payload: &'p [u8]) -> Result<Payload<'p>, Rejected> {
        let payload = Payload::parse(payload).map_err(|error| match error {
            rtp_jpeg::Error::Truncated => Rejected::Truncated,
            rtp_jpeg::Error::TablesLength => Rejected::Tables,
        })?;
        if !matches!(payload.main.kind, 0 | 1 | 64 | 65) {
            return Err(Rejected::Kind);
        }
        Ok(payload)
    }

    /// Writes the file headers for the first packet of a frame, so that they end where `room` ends. Returns their start in
    /// `room`. `dimensions` are those of a header extension, which count more than others, and for later frames as much as
    /// those of the description. If the sender sends whole files, there are none, and the start is the end of `room`.
    ///
    /// # Errors
    ///
    /// [`Rejected::Tables`], [`Rejected::Q`] or [`Rejected::Dimensions`]: the frame cannot be decoded.
    pub(super) fn write_header(
        &mut self,
        payload: &Payload<'_>,
        dimensions: Option<(u16, u16)>,
        room: &mut [u8; HEADER_ROOM],
    ) -> Result<usize, Rejected> {
        let main = &payload.main;
        if let (128..=254, Some(quantization)) = (main.q, payload.quantization)
            && quantization.split().is_some()
        {
            self.tables.insert(main.q, quantization);
        }
        // In scan data, 00 or a restart marker follows ff, so this is a whole file.
        if payload.data.starts_with(&SOI) {
            return Ok(HEADER_ROOM);
        }
        self.dimensions = dimensions.or(self.dimensions);
        let computed;
        let quantization = match main.q {
            1..=99 => {
                computed = tables::quantization(main.q);
                let (luma, chroma) = &computed;
                (&luma[..], &chroma[..], 0)
            }
            0 | 100..=127 => return Err(Rejected::Q),
            128.. => self.in_band(main.q, payload.quantization).ok_or(Rejected::Tables)?,
        };
        let (luma, chroma, precision) = quantization;
        let (width, height) = dimensions.unwrap_or_else(|| {
            let width = dimension(main.width, self.dimensions.map(|(width, _)| width));
            (width, dimension(main.height, self.dimensions.map(|(_, height)| height)))
        });
        let restart_interval = payload.restart.map_or(0, |restart| restart.restart_interval);
        let fields = Fields { kind: main.kind, width, height, restart_interval, luma, chroma, precision };
        let len = header::emit(room, &fields).ok_or(Rejected::Dimensions)?;
        let start = HEADER_ROOM.checked_sub(len).ok_or(Rejected::Dimensions)?;
        room.copy_within(..len, start);
        Ok(start)
    }

    /// The tables in the packet, or those sent before for this Q. Tables of Q 255 are valid for their frame only.
    fn in_band<'t>(&'t self, q: u8, sent: Option<Quantization<'t>>) -> Option<(&'t [u8], &'t [u8], u8)> {
        sent.and_then(|sent| sent.split()).or_else(|| self.tables.find(q)?.split())
    }

    /// Forgets the tables of a sender that is gone.
    pub(super) fn clear_tables(&mut self) {
        self.tables.clear();
    }
}

/// A side of the picture in pixels. The header counts in units of 8, rounded up, and wraps beyond 2040. The description's
/// number is used if the header says 0 or agrees with it. 0 if the length is not known.
fn dimension(units: u8, described: Option<u16>) -> u16 {
    let pixels = u16::from(units).wrapping_mul(8);
    match described {
        Some(described) if units == 0 || described.div_ceil(8) as u8 == units => described,
        _ => pixels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg::Layout;
    use crate::wire::rtp_jpeg::{MainHeader, RestartHeader};
    use std::vec::Vec;

    const MAIN: MainHeader = MainHeader { type_specific: 0, fragment_offset: 0, kind: 1, q: 80, width: 40, height: 30 };
    const SCAN: &[u8] = &[0x11, 0x22, 0x33];

    fn payload(main: MainHeader, quantization: Option<Quantization<'_>>) -> Payload<'_> {
        let restart = main.has_restart_header().then(|| RestartHeader::unaligned(20));
        Payload { main, restart, quantization, data: SCAN }
    }

    /// The file that this frame would be, and its layout.
    fn file(depacketizer: &mut Depacketizer, payload: &Payload<'_>) -> Result<(Vec<u8>, Layout), Rejected> {
        let mut room = [0xee; HEADER_ROOM];
        let start = depacketizer.write_header(payload, None, &mut room)?;
        let file = [&room[start..], payload.data, &[0xff, 0xd9]].concat();
        let layout = Layout::parse(&file).unwrap();
        Ok((file, layout))
    }

    fn tables_of(depacketizer: &mut Depacketizer, q: u8, sent: Option<(u8, &[u8])>) -> Result<[u8; 2], Rejected> {
        let quantization = sent.map(|(precision, tables)| Quantization { precision, tables });
        let (file, layout) = file(depacketizer, &payload(MainHeader { q, ..MAIN }, quantization))?;
        let [luma, chroma] = layout.quantization;
        assert_eq!((luma.len, chroma.len), (64, 64));
        Ok([luma.of(&file)[0], chroma.of(&file)[0]])
    }

    #[test]
    fn headers_end_where_the_scan_starts() {
        for kind in [0, 1, 64, 65] {
            let mut depacketizer = Depacketizer::new(None);
            let (file, layout) = file(&mut depacketizer, &payload(MainHeader { kind, ..MAIN }, None)).unwrap();
            assert_eq!((layout.width, layout.height), (320, 240));
            assert_eq!(layout.restart_interval, if kind < 64 { 0 } else { 20 });
            assert_eq!(layout.scan.of(&file), SCAN);
            assert_eq!(layout.rtp_format().unwrap().kind, kind);
        }
    }

    #[test]
    fn tables_are_computed_sent_or_remembered() {
        let [mut old, mut new] = [[7; 128], [9; 128]];
        (old[64], new[64]) = (8, 10);
        let mut depacketizer = Depacketizer::new(None);
        let mut tables = |q, sent: Option<&[u8]>| tables_of(&mut depacketizer, q, sent.map(|sent| (0, sent)));
        assert_eq!(tables(50, None), Ok([16, 17]));
        for q in [128, 254] {
            assert_eq!(tables(q, Some(&[])), Err(Rejected::Tables), "not yet sent");
            assert_eq!(tables(q, Some(&old)), Ok([7, 8]));
            assert_eq!(tables(q, Some(&[])), Ok([7, 8]), "sent before");
            assert_eq!(tables(q, None), Ok([7, 8]), "sent before, header forgotten");
            assert_eq!(tables(q, Some(&new)), Ok([9, 10]), "sent again");
        }
        assert_eq!(tables(255, Some(&old)), Ok([7, 8]));
        assert_eq!(tables(255, Some(&[])), Err(Rejected::Tables), "those of Q 255 are not remembered");
        assert_eq!(tables(255, Some(&old[..63])), Err(Rejected::Tables));
        assert_eq!(tables(255, Some(&old[..64])), Ok([7, 7]), "one for both");
        for q in [0, 100, 127] {
            assert_eq!(tables(q, None), Err(Rejected::Q));
        }
        depacketizer.clear_tables();
        assert_eq!(tables_of(&mut depacketizer, 128, Some((0, &[]))), Err(Rejected::Tables));
    }

    #[test]
    fn tables_too_short_do_not_replace_good_ones() {
        let mut depacketizer = Depacketizer::new(None);
        assert_eq!(tables_of(&mut depacketizer, 128, Some((0, &[5; 128]))), Ok([5, 5]));
        assert_eq!(tables_of(&mut depacketizer, 128, Some((0, &[6; 10]))), Ok([5, 5]));
        assert_eq!(tables_of(&mut depacketizer, 128, Some((0, &[]))), Ok([5, 5]));
    }

    #[test]
    fn tables_of_16_bits_that_fit_8_bits_are_written_so() {
        let wide: Vec<u8> = [0, 3].repeat(64);
        let mut mixed = wide.clone();
        mixed.extend([4; 64]);
        let mut depacketizer = Depacketizer::new(None);
        assert_eq!(tables_of(&mut depacketizer, 255, Some((3, &wide.repeat(2)))), Ok([3, 3]));
        assert_eq!(tables_of(&mut depacketizer, 255, Some((1, &mixed))), Ok([3, 4]));
        assert_eq!(tables_of(&mut depacketizer, 255, Some((1, &wide))), Ok([3, 3]), "one for both");
    }

    #[test]
    fn dimensions_come_from_the_header_or_the_description() {
        let cases = [
            ("only the header", (40, 30), None, Ok((320, 240))),
            ("none", (0, 0), None, Err(Rejected::Dimensions)),
            ("one of two", (40, 0), None, Err(Rejected::Dimensions)),
            ("only the description", (0, 0), Some((2560, 1440)), Ok((2560, 1440))),
            ("the description is exact", (40, 31), Some((319, 241)), Ok((319, 241))),
            ("the header wrapped", (64, 180), Some((2560, 1440)), Ok((2560, 1440))),
            ("2048 wraps to 0", (0, 144), Some((2048, 1152)), Ok((2048, 1152))),
            ("they contradict", (40, 30), Some((640, 480)), Ok((320, 240))),
            ("the description says 0", (40, 30), Some((0, 0)), Ok((320, 240))),
            ("both say 0", (0, 0), Some((0, 0)), Err(Rejected::Dimensions)),
        ];
        for (name, (width, height), described, expected) in cases {
            let mut depacketizer = Depacketizer::new(described);
            let file = file(&mut depacketizer, &payload(MainHeader { width, height, ..MAIN }, None));
            assert_eq!(file.map(|(_, layout)| (layout.width, layout.height)), expected, "{name}");
        }
    }

    #[test]
    fn dimensions_of_a_header_extension_count_most_and_for_later_frames() {
        let mut depacketizer = Depacketizer::new(Some((320, 240)));
        let main = MainHeader { width: 0, height: 0, ..MAIN };
        let mut size = |dimensions, main| {
            let mut room = [0; HEADER_ROOM];
            let start = depacketizer.write_header(&payload(main, None), dimensions, &mut room).unwrap();
            let layout = Layout::parse(&[&room[start..], SCAN, &[0xff, 0xd9]].concat()).unwrap();
            (layout.width, layout.height)
        };
        assert_eq!(size(None, main), (320, 240));
        assert_eq!(size(Some((5120, 2880)), main), (5120, 2880));
        assert_eq!(size(None, main), (5120, 2880));
        assert_eq!(size(Some((2049, 99)), MAIN), (2049, 99));
        assert_eq!(size(None, MAIN), (320, 240), "the header says something else");
    }

    #[test]
    fn a_whole_file_keeps_its_own_headers() {
        let mut depacketizer = Depacketizer::new(None);
        for q in [0, 50, 128, 255] {
            let main = MainHeader { q, width: 0, height: 0, ..MAIN };
            let payload = Payload { main, restart: None, quantization: None, data: &[0xff, 0xd8, 0xff, 0xe0] };
            assert_eq!(depacketizer.write_header(&payload, None, &mut [0; HEADER_ROOM]), Ok(HEADER_ROOM));
        }
    }

    #[test]
    fn reserved_types_are_refused() {
        let depacketizer = Depacketizer::new(None);
        for kind in 0..=255 {
            let mut bytes = [0; 12];
            MainHeader { kind, ..MAIN }.emit(bytes.first_chunk_mut().unwrap());
            let expected = if [0, 1, 64, 65].contains(&kind) { None } else { Some(Rejected::Kind) };
            assert_eq!(depacketizer.parse(&bytes).err(), expected, "type {kind}");
        }
    }
}
