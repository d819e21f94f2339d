//! ONVIF's header extensions of RTP packets (ONVIF Streaming Specification, "JPEG over RTP" and "RTP header extension" of replay):
//! what RTP/JPEG has no room for, such as sides above 2040 pixels.
//!
//! ```text
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |             FFD8              |     length in 32-bit words    |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  segments of a JPEG file's header, filled up with bytes of FF |
//! ```
//!
//! It stands in the first packet of a frame. In a replay it may follow 12 bytes of the extension ABAC, within it.

/// The extension whose data are segments of a JPEG file's header.
pub const JPEG: u16 = 0xffd8;

/// The extension of replays.
pub const REPLAY: u16 = 0xabac;

/// Length of [`header`], its first four bytes included.
pub const HEADER_LEN: usize = 24;

/// The header extension that tells the size of a picture, and its sampling by the type of RTP/JPEG (0: 4:2:2, 1: 4:2:0; 64 more
/// with restart markers). It holds one segment, the frame header (SOF0), with the component numbers that JFIF files have.
pub const fn header(kind: u8, width: u16, height: u16) -> [u8; HEADER_LEN] {
    let [p1, p0] = JPEG.to_be_bytes();
    let ([h1, h0], [w1, w0]) = (height.to_be_bytes(), width.to_be_bytes());
    let luma = if kind & 1 == 0 { 0x21 } else { 0x22 };
    [p1, p0, 0, 5, 0xff, 0xc0, 0, 17, 8, h1, h0, w1, w0, 3, 1, luma, 0, 2, 0x11, 1, 3, 0x11, 1, 0xff]
}

/// Time, flags and number, which come first in the extension of replays.
const REPLAY_LEN: usize = 12;

/// Width and height in pixels, which the frame header (SOFn) in an extension tells; other segments are passed over. `profile` and
/// `data` are what [`Packet::extension`](super::rtp::Packet::extension) gives.
pub fn dimensions(profile: u16, data: &[u8]) -> Option<(u16, u16)> {
    match profile {
        JPEG => find(data),
        REPLAY => {
            let (&[high, low, words @ ..], segments) = data.get(REPLAY_LEN..)?.split_first_chunk::<4>()?;
            let len = usize::from(u16::from_be_bytes(words)).saturating_mul(4);
            if u16::from_be_bytes([high, low]) == JPEG { find(segments.get(..len)?) } else { None }
        }
        _ => None,
    }
}

fn find(mut segments: &[u8]) -> Option<(u16, u16)> {
    loop {
        let fill = segments.iter().position(|&byte| byte != 0xff)?;
        let (&marker, after) = segments.get(fill..)?.split_first()?;
        if fill == 0 {
            return None;
        }
        segments = match marker {
            // SOI: some begin as a file does.
            0xd8 => after,
            _ => {
                let (&len, _) = after.split_first_chunk::<2>()?;
                let len = usize::from(u16::from_be_bytes(len));
                let segment = after.get(2..len)?;
                if let (0xc0..=0xc2, &[_, h1, h0, w1, w0, ..]) = (marker, segment) {
                    let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
                    return (width > 0 && height > 0).then_some((width, height));
                }
                after.get(len..)?
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOF0: &[u8] = &[0xff, 0xc0, 0, 17, 8, 0x0b, 0x40, 0x14, 0, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
    const DRI: &[u8] = &[0xff, 0xdd, 0, 4, 0, 9];
    const COMMENT: &[u8] = &[0xff, 0xfe, 0, 6, 0xff, 0xc0, 0, 17];

    #[test]
    fn the_size_is_found_among_other_segments_and_filling() {
        let all = [SOF0, DRI, COMMENT, &[0xff; 3]].concat();
        let behind = [COMMENT, DRI, &[0xff; 2], SOF0, &[0xff]].concat();
        let whole = [&[0xff, 0xd8][..], DRI, SOF0].concat();
        for data in [SOF0, &all, &behind, &whole] {
            assert_eq!(dimensions(JPEG, data), Some((5120, 2880)), "{data:x?}");
            assert_eq!(dimensions(0xbede, data), None);
            let words = (data.len() as u16).div_ceil(4).to_be_bytes();
            let mut replay = [&[7; REPLAY_LEN][..], &[0xff, 0xd8, words[0], words[1]], data].concat();
            replay.resize(replay.len().next_multiple_of(4), 0xff);
            assert_eq!(dimensions(REPLAY, &replay), Some((5120, 2880)));
        }
    }

    #[test]
    fn a_header_is_that_of_the_file_and_read_back() {
        let bytes = header(1, 5120, 2880);
        assert_eq!(bytes[..4], [0xff, 0xd8, 0, 5]);
        assert_eq!(bytes[4..], [SOF0, &[0xff]].concat());
        assert_eq!(header(64, 5120, 2880)[15], 0x21);
        let packet = [&[0x90, 26, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..], &bytes, b"payload"].concat();
        let packet = crate::wire::rtp::Packet::new_checked(&packet).unwrap();
        let (profile, data) = packet.extension().unwrap();
        assert_eq!((dimensions(profile, data), packet.payload()), (Some((5120, 2880)), &b"payload"[..]));
    }

    #[test]
    fn what_tells_no_size_is_none() {
        let zero = [&SOF0[..5], &[0; 4], &SOF0[9..]].concat();
        for data in
            [&[][..], &[0xff; 8], DRI, COMMENT, &zero, &SOF0[1..], &[0xff, 0, 0, 2], &[0xff, 0xfe, 0, 1], &[9; 16]]
        {
            assert_eq!(dimensions(JPEG, data), None, "{data:x?}");
        }
        for cut in 0..SOF0.len() {
            assert_eq!(dimensions(JPEG, &SOF0[..cut]), None, "{cut}");
        }
        assert_eq!(dimensions(REPLAY, SOF0), None);
        assert_eq!(dimensions(REPLAY, &[7; REPLAY_LEN]), None);
    }
}
