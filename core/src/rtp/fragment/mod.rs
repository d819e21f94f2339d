//! A frame cut into the parts that its packets carry. The parts are the same for all who watch the frame.
//!
//! Each payload format has a file of its own here. A stream's [`Format`] is chosen once, at SETUP.

pub mod jpeg;
pub mod lab;

use crate::jpeg::{Error, Unsupported};
use crate::media::{Frame, FrameSource};
use crate::wire::lab::payload::Payload;
use crate::wire::onvif;
use crate::wire::rtp_jpeg::MAX_HEADER_SIDE;
use core::ops::Range;

/// Bytes of the longest headers between RTP's and the frame: ONVIF's extension, and RTP/JPEG's main, restart and quantisation
/// header with two tables, 8 + 4 + 4 + 128.
pub const MAX_HEADER: usize = onvif::HEADER_LEN + 144;

/// What one packet carries of a frame: an extension of the RTP header, a payload header, and a slice of the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Bytes of the extension of the RTP header; 0: there is none.
    pub extension_len: usize,
    /// Bytes of the payload header, which stands behind the extension.
    pub header_len: usize,
    /// The slice of the frame.
    pub payload: Range<usize>,
    /// Whether its packet has the RTP header's marker, which ends a frame.
    pub marker: bool,
    /// Whether its packet has no RTP header: it goes on with the packet before (lab dialect).
    pub is_headless: bool,
}

/// A payload format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Format {
    /// RFC 2435.
    Jpeg,
    /// The lab's: JPEG files, whole or in parts.
    Lab(Payload),
}

/// What formats have to keep to.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Largest RTP payload where a frame takes several packets, in bytes.
    pub payload_size: usize,
    /// Largest RTP packet of the lab's formats, in bytes.
    pub max_packet_size: usize,
    /// Send frames with restart markers.
    pub restart_markers: bool,
    /// Send the number of quantisation tables that RFC 2435 computes instead of the tables.
    pub computed_tables: bool,
    /// The size that the description tells, in pixels; 0 where it tells none.
    pub described: (u16, u16),
    /// In the lab's format that numbers blocks: the number of this frame's first.
    pub first_block: u32,
}

/// Why a frame cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsendable {
    /// There is nothing in it.
    Empty,
    /// It is no JPEG file.
    Damaged(Error),
    /// It is a JPEG file that the format has no words for.
    Unsupported(Unsupported),
    /// The header has no room for its size, and the description tells another one: receivers would scramble it.
    OtherSize {
        /// Width and height of the picture.
        picture: (u16, u16),
        /// Those of the description.
        described: (u16, u16),
    },
    /// It is longer than as many packets as can be told apart may be.
    TooLarge {
        /// Bytes of the frame.
        len: usize,
        /// Most bytes of a packet.
        limit: usize,
    },
}

impl Unsendable {
    /// Tells the log.
    pub(crate) fn warn(&self, number: u32) {
        match self {
            Self::Empty => warning!("frame {} is left out: there is nothing in it that could be sent", number),
            Self::Damaged(error) => warning!("frame {} is left out: {}", number, error),
            Self::Unsupported(reason) => warning!("frame {} is left out: {}", number, reason),
            Self::OtherSize { picture, described } => warning!(
                "frame {} is left out: it is {}x{}, the description says {}x{}, and above {} pixels RTP/JPEG cannot say another size",
                number,
                picture.0,
                picture.1,
                described.0,
                described.1,
                MAX_HEADER_SIDE,
            ),
            Self::TooLarge { len, limit } => warning!(
                "frame {} of {} bytes is left out: the limit is {} bytes a packet (--max-packet-size)",
                number,
                len,
                limit,
            ),
        }
    }
}

impl Format {
    /// The frame that `source` lends, as this format sends it.
    pub fn lent<S: FrameSource>(self, source: &S) -> Option<Frame<'_>> {
        let frame = source.frame()?;
        Some(match (self, source.original()) {
            (Self::Lab(_), Some(data)) => Frame { data, ..frame },
            _ => frame,
        })
    }

    /// Cuts a frame that [`lent`](Self::lent) gave.
    pub fn cut(self, frame: &Frame<'_>, rules: &Rules) -> Result<Fragments, Unsendable> {
        let fragments = match self {
            Self::Jpeg => Fragments::Jpeg(jpeg::cut(frame, rules)?),
            Self::Lab(form) => Fragments::Lab(lab::cut(frame, form, rules)?),
        };
        if fragments.fits(frame.data) { Ok(fragments) } else { Err(Unsendable::Empty) }
    }
}

/// How one frame is cut: a few numbers, while the frame is lent anew at each call.
#[derive(Clone, Copy, Debug)]
pub enum Fragments {
    /// In RTP/JPEG.
    Jpeg(jpeg::Fragments),
    /// In the lab's formats.
    Lab(lab::Fragments),
}

impl Fragments {
    /// How many there are.
    pub fn count(&self) -> u32 {
        match self {
            Self::Jpeg(fragments) => fragments.count(),
            Self::Lab(fragments) => fragments.count(),
        }
    }

    /// Whether `frame` is the one that was cut, as far as its parts show.
    pub fn fits(&self, frame: &[u8]) -> bool {
        match self {
            Self::Jpeg(fragments) => fragments.fits(frame),
            Self::Lab(fragments) => fragments.fits(frame),
        }
    }

    /// Fragment `index` of `frame`, counted from 0; its headers are written to `header`. `None` behind the last, and where the
    /// frame is not the one that was cut.
    #[inline]
    pub fn get(&self, frame: &[u8], index: u32, header: &mut [u8; MAX_HEADER]) -> Option<Fragment> {
        match self {
            Self::Jpeg(fragments) => fragments.get(frame, index, header),
            Self::Lab(fragments) => fragments.get(frame, index, header),
        }
    }
}
