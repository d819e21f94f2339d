//! RTCP packets (RFC 3550 section 6): checked iteration over compound packets, and an emitter for the ones we send.
//!
//! Every RTCP packet starts alike:
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |V=2|P|  count  |  packet type  |  length in 32-bit words - 1   |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use crate::time::NtpTime;

/// Why bytes are not RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// A packet is longer than what is left of the compound packet, or than its own count of parts allows.
    Truncated,
    /// Not version 2.
    Version,
    /// The first packet's type is not one of RTCP's (192 to 223). It may be an RTP packet on the wrong port.
    PacketType,
    /// Padding of length zero, longer than its packet, or before the last packet.
    Padding,
}

const VERSION: u8 = 2;
const PADDING_BIT: u8 = 0x20;
const HEADER_LEN: usize = 4;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;

const CNAME: u8 = 1;

/// A checked compound packet. Iterate over it to get its packets.
///
/// RFC 3550 requires a report first and at least two packets. This accepts less, since reduced-size packets (RFC 5506) do no
/// harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

impl<'a> Compound<'a> {
    /// Checks the length, version, padding and number of parts of every packet in `bytes`.
    ///
    /// # Errors
    ///
    /// The first fault. Nothing of the compound packet should be believed then.
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Error> {
        let first_type = *bytes.get(1).ok_or(Error::Truncated)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (_, after) = split_packet(rest)?;
            rest = after;
        }
        if !matches!(first_type, 192..=223) {
            return Err(Error::PacketType);
        }
        Ok(Self { rest: bytes })
    }
}

impl<'a> Iterator for Compound<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let (packet, rest) = split_packet(self.rest).ok()?;
        self.rest = rest;
        Some(packet)
    }
}

/// One packet of a compound packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packet<'a> {
    /// SR (section 6.4.1): a sender reports what it has sent, and when.
    SenderReport {
        /// The sender's clock and counts.
        info: SenderInfo,
        /// Its reports about what it receives from others.
        reports: Reports<'a>,
    },
    /// RR (section 6.4.2): a receiver reports.
    ReceiverReport {
        /// The SSRC of the receiver.
        ssrc: u32,
        /// One block for each sender it hears.
        reports: Reports<'a>,
    },
    /// SDES (section 6.5).
    SourceDescription(SourceDescription<'a>),
    /// BYE (section 6.6).
    Goodbye(Goodbye<'a>),
    /// APP, or a type that is not known here.
    Other {
        /// The type, as it stands in the packet.
        packet_type: u8,
    },
}

/// Takes one packet off the front.
fn split_packet(bytes: &[u8]) -> Result<(Packet<'_>, &[u8]), Error> {
    let (&[first, packet_type, length_high, length_low], rest) =
        bytes.split_first_chunk::<HEADER_LEN>().ok_or(Error::Truncated)?;
    if first >> 6 != VERSION {
        return Err(Error::Version);
    }
    let body_len = usize::from(u16::from_be_bytes([length_high, length_low])).wrapping_mul(4);
    let (mut body, rest) = rest.split_at_checked(body_len).ok_or(Error::Truncated)?;
    if first & PADDING_BIT != 0 {
        let padding = body.last().map_or(0, |&count| usize::from(count));
        if padding == 0 || !rest.is_empty() {
            return Err(Error::Padding);
        }
        let unpadded = body.len().checked_sub(padding).ok_or(Error::Padding)?;
        body = body.get(..unpadded).ok_or(Error::Padding)?;
    }
    let count = usize::from(first & 0x1f);
    let packet = match packet_type {
        SENDER_REPORT => {
            let (info, body) = body.split_first_chunk::<{ SenderInfo::LEN }>().ok_or(Error::Truncated)?;
            Packet::SenderReport { info: SenderInfo::parse(info), reports: Reports::new_checked(body, count)? }
        }
        RECEIVER_REPORT => {
            let (ssrc, body) = body.split_first_chunk::<4>().ok_or(Error::Truncated)?;
            let reports = Reports::new_checked(body, count)?;
            Packet::ReceiverReport { ssrc: u32::from_be_bytes(*ssrc), reports }
        }
        SOURCE_DESCRIPTION => Packet::SourceDescription(SourceDescription { chunks: body }),
        GOODBYE => {
            let (ssrcs, reason) = body.split_at_checked(count.wrapping_mul(4)).ok_or(Error::Truncated)?;
            Packet::Goodbye(Goodbye { ssrcs, reason })
        }
        packet_type => Packet::Other { packet_type },
    };
    Ok((packet, rest))
}

/// A sender's statement about itself in a sender report.
///
/// ```text
/// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
/// |                        SSRC of sender                         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |            NTP timestamp, seconds and fraction (64)           |
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |            RTP timestamp of the same instant                  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     sender's packet count                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      sender's octet count                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SenderInfo {
    /// The SSRC of the sender.
    pub ssrc: u32,
    /// When the report left.
    pub ntp: NtpTime,
    /// The same instant in units of the RTP timestamps.
    pub rtp_timestamp: u32,
    /// RTP packets sent so far, modulo 2^32.
    pub packets: u32,
    /// Payload bytes sent so far, without headers and padding, modulo 2^32.
    pub octets: u32,
}

impl SenderInfo {
    /// Length in bytes, the SSRC included.
    pub const LEN: usize = 24;

    fn parse(buffer: &[u8; Self::LEN]) -> Self {
        let [ssrc, ntp_high, ntp_low, rtp_timestamp, packets, octets] = words(buffer);
        let ntp = NtpTime::from_bits((u64::from(ntp_high) << 32) | u64::from(ntp_low));
        Self { ssrc, ntp, rtp_timestamp, packets, octets }
    }
}

/// The statement of one receiver about one sender (RFC 3550 section 6.4.1).
///
/// ```text
/// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
/// |                         SSRC of sender                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | fraction lost |      cumulative number of packets lost        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          extended highest sequence number received            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     interarrival jitter                       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     LSR: middle 32 bits of the last SR's NTP timestamp        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     DLSR: delay since the last SR, in 1/65536 s               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReportBlock {
    /// The SSRC of that sender.
    pub ssrc: u32,
    /// Share of the packets since the previous report that were lost, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the start; negative if there were more duplicates than losses. Clamped to 24 bits when it is written.
    pub cumulative_lost: i32,
    /// Highest sequence number received, with the count of its wraps in the upper 16 bits.
    pub extended_highest_sequence: u32,
    /// Interarrival jitter, in timestamp units.
    pub jitter: u32,
    /// LSR: the middle 32 bits of the last sender report's NTP timestamp; 0 if none came.
    pub last_sr: u32,
    /// DLSR: the time since that report came, in 1/65536 s; 0 if none came.
    pub delay_since_last_sr: u32,
}

impl ReportBlock {
    /// Length in bytes.
    pub const LEN: usize = 24;

    fn parse(buffer: &[u8; Self::LEN]) -> Self {
        let [ssrc, lost, extended_highest_sequence, jitter, last_sr, delay_since_last_sr] = words(buffer);
        let [fraction_lost, ..] = lost.to_be_bytes();
        // Shifted up and back down, so that bit 23 becomes the sign.
        let cumulative_lost = (lost << 8).cast_signed() >> 8;
        Self { ssrc, fraction_lost, cumulative_lost, extended_highest_sequence, jitter, last_sr, delay_since_last_sr }
    }

    fn to_words(self) -> [u32; 6] {
        let lost = self.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff).cast_unsigned() & 0xff_ffff;
        let lost = lost | (u32::from(self.fraction_lost) << 24);
        [self.ssrc, lost, self.extended_highest_sequence, self.jitter, self.last_sr, self.delay_since_last_sr]
    }
}

/// The report blocks of an SR or RR, at most 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reports<'a> {
    blocks: &'a [[u8; ReportBlock::LEN]],
}

impl<'a> Reports<'a> {
    /// Profile-specific extensions behind the blocks are ignored.
    fn new_checked(body: &'a [u8], count: usize) -> Result<Self, Error> {
        let blocks = body.as_chunks().0.get(..count).ok_or(Error::Truncated)?;
        Ok(Self { blocks })
    }
}

impl Iterator for Reports<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.blocks.split_first()?;
        self.blocks = rest;
        Some(ReportBlock::parse(block))
    }
}

/// Descriptions of sources (RFC 3550 section 6.5): chunks, each of an SSRC and a list of text items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceDescription<'a> {
    chunks: &'a [u8],
}

impl<'a> SourceDescription<'a> {
    /// All items of all chunks, in order. Ends early if the items run beyond the packet.
    pub fn items(&self) -> Items<'a> {
        Items { ssrc: None, rest: self.chunks }
    }

    /// The canonical name of a source: the bytes of its CNAME item. They are UTF-8 if the peer keeps to the RFC.
    pub fn cname(&self, ssrc: u32) -> Option<&'a [u8]> {
        self.items().find(|item| item.ssrc == ssrc && item.kind == CNAME).map(|item| item.text)
    }
}

/// One item of a source description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The source it describes.
    pub ssrc: u32,
    /// 1 is CNAME (RFC 3550 section 6.5.1 and following).
    pub kind: u8,
    /// At most 255 bytes.
    pub text: &'a [u8],
}

/// Iterator over the items of a source description.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a> {
    /// The chunk the iterator stands in.
    ssrc: Option<u32>,
    rest: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            let Some(ssrc) = self.ssrc else {
                let (ssrc, rest) = self.rest.split_first_chunk::<4>()?;
                self.ssrc = Some(u32::from_be_bytes(*ssrc));
                self.rest = rest;
                continue;
            };
            let (&kind, rest) = self.rest.split_first()?;
            if kind == 0 {
                // A chunk ends on a 32-bit boundary, so the rest of the packet is a multiple of 4 bytes there.
                let boundary = rest.len() % 4;
                self.rest = rest.get(boundary..)?;
                self.ssrc = None;
                continue;
            }
            let (&len, rest) = rest.split_first()?;
            let (text, rest) = rest.split_at_checked(usize::from(len))?;
            self.rest = rest;
            return Some(Item { ssrc, kind, text });
        }
    }
}

/// A BYE packet: sources that leave (RFC 3550 section 6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goodbye<'a> {
    ssrcs: &'a [u8],
    reason: &'a [u8],
}

impl<'a> Goodbye<'a> {
    /// The SSRCs of the sources that leave.
    pub fn ssrcs(&self) -> impl Iterator<Item = u32> + 'a {
        self.ssrcs.as_chunks::<4>().0.iter().map(|&ssrc| u32::from_be_bytes(ssrc))
    }

    /// The reason, if the packet gives one.
    pub fn reason(&self) -> Option<&'a [u8]> {
        let (&len, text) = self.reason.split_first()?;
        text.get(..usize::from(len))
    }
}

/// Writes a compound packet, packet by packet, into a caller's buffer.
///
/// Each method returns `None` if its packet does not fit, or if a text is longer than 255 bytes.
///
/// ```
/// # use mutoscope::wire::rtcp::Emitter;
/// fn farewell(buffer: &mut [u8]) -> Option<usize> {
///     Some(Emitter::new(buffer).receiver_report(7, &[])?.cname(7, "camera")?.bye(7, "done")?.finish())
/// }
/// assert_eq!(farewell(&mut [0; 64]), Some(8 + 20 + 16));
/// assert_eq!(farewell(&mut [0; 32]), None);
/// ```
#[derive(Debug)]
pub struct Emitter<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> Emitter<'b> {
    /// Starts with nothing written.
    pub fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// The bytes written: the length of the compound packet.
    pub fn finish(self) -> usize {
        self.len
    }

    /// Adds an SR; at most 31 `blocks`.
    pub fn sender_report(self, info: &SenderInfo, blocks: &[ReportBlock]) -> Option<Self> {
        let ntp = info.ntp.bits();
        let ntp_high = u32::try_from(ntp >> 32).ok()?;
        let ntp_low = u32::try_from(ntp & 0xffff_ffff).ok()?;
        let words = [info.ssrc, ntp_high, ntp_low, info.rtp_timestamp, info.packets, info.octets];
        self.packet(SENDER_REPORT, blocks.len(), |body| body.words(&words)?.blocks(blocks))
    }

    /// Adds an RR; at most 31 `blocks`.
    pub fn receiver_report(self, ssrc: u32, blocks: &[ReportBlock]) -> Option<Self> {
        self.packet(RECEIVER_REPORT, blocks.len(), |body| body.words(&[ssrc])?.blocks(blocks))
    }

    /// Adds an SDES with one chunk of one item, the CNAME.
    pub fn cname(self, ssrc: u32, cname: &str) -> Option<Self> {
        let len = u8::try_from(cname.len()).ok()?;
        self.packet(SOURCE_DESCRIPTION, 1, |body| {
            // The item list ends with a zero byte, and `packet` pads with zeros.
            body.words(&[ssrc])?.bytes(&[CNAME, len])?.bytes(cname.as_bytes())?.bytes(&[0])
        })
    }

    /// Adds a BYE of one source; an empty `reason` is left out.
    pub fn bye(self, ssrc: u32, reason: &str) -> Option<Self> {
        let len = u8::try_from(reason.len()).ok()?;
        self.packet(GOODBYE, 1, |body| {
            let body = body.words(&[ssrc])?;
            if reason.is_empty() { Some(body) } else { body.bytes(&[len])?.bytes(reason.as_bytes()) }
        })
    }

    /// Writes a header, the body, and zeros up to a 32-bit boundary. Then it writes the header again, with the length.
    fn packet(self, packet_type: u8, count: usize, body: impl FnOnce(Self) -> Option<Self>) -> Option<Self> {
        let start = self.len;
        let count = u8::try_from(count).ok().filter(|&count| count <= 31)?;
        let mut this = body(self.bytes(&[0; HEADER_LEN])?)?;
        while !this.len.is_multiple_of(4) {
            this = this.bytes(&[0])?;
        }
        let words = this.len.checked_sub(start)? / 4;
        let [length_high, length_low] = u16::try_from(words.checked_sub(1)?).ok()?.to_be_bytes();
        let header = this.buffer.get_mut(start..)?.first_chunk_mut::<HEADER_LEN>()?;
        *header = [(VERSION << 6) | count, packet_type, length_high, length_low];
        Some(this)
    }

    fn blocks(self, blocks: &[ReportBlock]) -> Option<Self> {
        blocks.iter().try_fold(self, |this, block| this.words(&block.to_words()))
    }

    fn words(self, words: &[u32]) -> Option<Self> {
        words.iter().try_fold(self, |this, word| this.bytes(&word.to_be_bytes()))
    }

    fn bytes(mut self, bytes: &[u8]) -> Option<Self> {
        let end = self.len.checked_add(bytes.len())?;
        self.buffer.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(self)
    }
}

/// Six words: both a sender's information and a report block consist of that many.
fn words(bytes: &[u8; 24]) -> [u32; 6] {
    let mut words = [0; 6];
    for (word, &bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(bytes);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// SR with one block, SDES with a CNAME, BYE with a reason.
    const COMPOUND: [u8; 88] = [
        0x81, 200, 0, 12, // SR, one block
        0, 0, 0, 1, // SSRC
        0xe0, 0, 0, 1, 0x80, 0, 0, 0, // NTP
        0, 1, 0x5f, 0x90, // RTP timestamp
        0, 0, 0, 9, // packets
        0, 0, 0x10, 0, // octets
        0, 0, 0, 2, // about SSRC 2
        0x40, 0xff, 0xff, 0xfe, // a quarter lost, cumulative -2
        0, 1, 0, 5, // extended highest sequence
        0, 0, 0, 7, // jitter
        0, 1, 0x80, 0, // LSR
        0, 0, 0x80, 0, // DLSR: half a second
        0x81, 202, 0, 4, // SDES, one chunk
        0, 0, 0, 1, 1, 9, b'c', b'a', b'm', b'@', b'h', b'o', b's', b't', b'!',
        0, // CNAME and the end of the list
        0x81, 203, 0, 3, // BYE
        0, 0, 0, 1, 3, b'e', b'n', b'd', 0, 0, 0, 0,
    ];
    const INFO: SenderInfo = SenderInfo {
        ssrc: 1,
        ntp: NtpTime::from_bits(0xe000_0001_8000_0000),
        rtp_timestamp: 90_000,
        packets: 9,
        octets: 4096,
    };
    const BLOCK: ReportBlock = ReportBlock {
        ssrc: 2,
        fraction_lost: 64,
        cumulative_lost: -2,
        extended_highest_sequence: 0x1_0005,
        jitter: 7,
        last_sr: 0x1_8000,
        delay_since_last_sr: 0x8000,
    };

    fn packets(bytes: &[u8]) -> Result<Vec<Packet<'_>>, Error> {
        Compound::new_checked(bytes).map(|compound| compound.collect())
    }

    #[test]
    fn a_compound_packet_is_read_part_by_part() {
        let packets = packets(&COMPOUND).unwrap();
        let [Packet::SenderReport { info, mut reports }, Packet::SourceDescription(description), Packet::Goodbye(bye)] =
            packets[..]
        else {
            panic!("{packets:?}")
        };
        assert_eq!((info, reports.next(), reports.next()), (INFO, Some(BLOCK), None));
        assert_eq!(description.cname(1), Some(&b"cam@host!"[..]));
        assert_eq!(description.cname(2), None);
        assert!(bye.ssrcs().eq([1]));
        assert_eq!(bye.reason(), Some(&b"end"[..]));
    }

    #[test]
    fn the_same_bytes_are_written() {
        let mut buffer = [0xaa; 100];
        let emitter = Emitter::new(&mut buffer).sender_report(&INFO, &[BLOCK]).unwrap();
        let len = emitter.cname(1, "cam@host!").unwrap().bye(1, "end\0\0\0\0").unwrap().finish();
        // Four bytes longer than needed, as some senders pad: written here as part of the reason.
        let mut expected = COMPOUND;
        expected[80] = 7;
        assert_eq!(buffer[..len], expected);
    }

    #[test]
    fn texts_are_padded_to_words_and_the_item_list_always_ends_with_zero() {
        for (cname, reason) in
            [("", ""), ("a", "b"), ("ab", "bc"), ("abc", "bcd"), ("abcd", "bcde"), ("abcde", "bcdef")]
        {
            let mut buffer = [0xaa; 100];
            let emitter = Emitter::new(&mut buffer).receiver_report(5, &[]).unwrap();
            let len = emitter.cname(5, cname).unwrap().bye(5, reason).unwrap().finish();
            let packets = packets(&buffer[..len]).unwrap();
            let [
                Packet::ReceiverReport { ssrc: 5, reports },
                Packet::SourceDescription(description),
                Packet::Goodbye(bye),
            ] = packets[..]
            else {
                panic!("{packets:?}")
            };
            assert_eq!(reports.count(), 0);
            assert_eq!(description.items().count(), 1, "{cname}");
            assert_eq!(description.cname(5), Some(cname.as_bytes()));
            assert_eq!(bye.reason(), Some(reason.as_bytes()).filter(|reason| !reason.is_empty()));
        }
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        for len in 0..88 {
            let mut buffer = std::vec![0; len];
            let written = Emitter::new(&mut buffer)
                .sender_report(&INFO, &[BLOCK])
                .and_then(|emitter| emitter.cname(1, "cam@host!"))
                .and_then(|emitter| emitter.bye(1, "end the"));
            assert!(written.is_none(), "{len}");
        }
        let long = "x".repeat(256);
        let mut buffer = [0; 2000];
        assert!(Emitter::new(&mut buffer).cname(1, &long).is_none());
        assert!(Emitter::new(&mut buffer).bye(1, &long).is_none());
        assert!(Emitter::new(&mut buffer).receiver_report(1, &[BLOCK; 32]).is_none());
        assert!(Emitter::new(&mut buffer).receiver_report(1, &[BLOCK; 31]).is_some());
    }

    #[test]
    fn losses_stay_within_24_bits() {
        for (lost, kept) in [(i32::MAX, 0x7f_ffff), (i32::MIN, -0x80_0000), (-1, -1), (5, 5)] {
            let mut buffer = [0; 32];
            let block = ReportBlock { cumulative_lost: lost, ..BLOCK };
            let len = Emitter::new(&mut buffer).receiver_report(1, &[block]).unwrap().finish();
            let Packet::ReceiverReport { mut reports, .. } = packets(&buffer[..len]).unwrap()[0] else { panic!() };
            assert_eq!(reports.next(), Some(ReportBlock { cumulative_lost: kept, ..BLOCK }));
        }
    }

    #[test]
    fn broken_lengths_are_refused() {
        let cases: [(&str, &[u8], Error); 13] = [
            ("nothing", &[], Error::Truncated),
            ("three bytes", &[0x80, 201, 0], Error::Truncated),
            ("RR of length 0 has no SSRC", &[0x80, 201, 0, 0], Error::Truncated),
            ("length 65535", &[0x80, 201, 0xff, 0xff, 0, 0, 0, 1], Error::Truncated),
            ("SR too short for its sender", &[0x80, 200, 0, 1, 0, 0, 0, 1], Error::Truncated),
            ("31 blocks and none there", &[0x9f, 201, 0, 1, 0, 0, 0, 1], Error::Truncated),
            ("BYE of 31 and none there", &[0x9f, 203, 0, 1, 0, 0, 0, 1], Error::Truncated),
            ("trailing bytes", &[0x80, 201, 0, 1, 0, 0, 0, 1, 0x80, 201], Error::Truncated),
            ("version 1", &[0x40, 201, 0, 1, 0, 0, 0, 1], Error::Version),
            ("an RTP packet", &[0x80, 26, 0, 1, 0, 0, 0, 1], Error::PacketType),
            ("padding of 0", &[0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0], Error::Padding),
            ("padding into the header", &[0xa0, 201, 0, 1, 0, 0, 0, 5], Error::Padding),
            (
                "padding before the last packet",
                &[0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0x80, 203, 0, 0],
                Error::Padding,
            ),
        ];
        for (name, bytes, error) in cases {
            assert_eq!(packets(bytes), Err(error), "{name}");
        }
    }

    #[test]
    fn harmless_deviations_are_tolerated() {
        let bye_first = [0x81, 203, 0, 1, 0, 0, 0, 7];
        assert!(matches!(packets(&bye_first).unwrap()[..], [Packet::Goodbye(_)]));
        let empty_bye = [0x80, 203, 0, 0];
        assert!(matches!(packets(&empty_bye).unwrap()[..], [Packet::Goodbye(bye)] if bye.ssrcs().count() == 0));
        let app_then_unknown = [0x80, 204, 0, 2, 0, 0, 0, 1, b'n', b'a', b'm', b'e', 0x80, 250, 0, 0];
        assert_eq!(
            packets(&app_then_unknown).unwrap(),
            [Packet::Other { packet_type: 204 }, Packet::Other { packet_type: 250 }]
        );
        let padded = [0xa0, 201, 0, 2, 0, 0, 0, 7, 0, 0, 0, 4];
        assert!(matches!(packets(&padded).unwrap()[..], [Packet::ReceiverReport { ssrc: 7, .. }]));
        let extended = [0x80, 201, 0, 2, 0, 0, 0, 7, 1, 2, 3, 4];
        assert!(matches!(packets(&extended).unwrap()[..], [Packet::ReceiverReport { ssrc: 7, .. }]));
    }

    #[test]
    fn a_source_description_may_hold_several_chunks_and_items() {
        let bytes = [
            &[0x82, 202, 0, 7][..],
            &[0, 0, 0, 1, 1, 1, b'a', 2, 1, b'b', 0, 0],
            &[0, 0, 0, 2, 1, 2, b'c', b'd', 0, 0, 0, 0],
            &[0, 0, 0, 3],
        ]
        .concat();
        let Packet::SourceDescription(description) = packets(&bytes).unwrap()[0] else { panic!() };
        let items: Vec<_> = description.items().map(|item| (item.ssrc, item.kind, item.text)).collect();
        assert_eq!(items, [(1, 1, &b"a"[..]), (1, 2, b"b"), (2, 1, b"cd")]);
        let overlong = [0x81, 202, 0, 2, 0, 0, 0, 1, 1, 200, b'a', b'b'];
        let Packet::SourceDescription(description) = packets(&overlong).unwrap()[0] else { panic!() };
        assert_eq!(description.items().count(), 0);
    }

    #[test]
    fn a_reason_longer_than_its_packet_is_none() {
        let bytes = [0x81, 203, 0, 2, 0, 0, 0, 1, 200, b'a', b'b', b'c'];
        let Packet::Goodbye(bye) = packets(&bytes).unwrap()[0] else { panic!() };
        assert_eq!(bye.reason(), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(mut bytes: Vec<u8>, version: bool) {
            if let (true, Some(first)) = (version, bytes.first_mut()) {
                *first = 0x80 | (*first & 0x3f);
            }
            if let Ok(compound) = Compound::new_checked(&bytes) {
                for packet in compound {
                    match packet {
                        Packet::SenderReport { reports, .. } | Packet::ReceiverReport { reports, .. } => {
                            reports.count();
                        }
                        Packet::SourceDescription(description) => {
                            description.items().count();
                        }
                        Packet::Goodbye(bye) => {
                            bye.reason();
                        }
                        Packet::Other { .. } => {}
                    }
                }
            }
        }
    }
}
