//! Where a splitter stands, and what it finds.

use super::preview::Previews;

/// An event of [`Splitter::feed`](super::Splitter::feed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media) enum SplitEvent {
    /// A frame began at [`Splitter::start`](super::Splitter::start), a few bytes ago.
    Start,
    /// The frame ended so many bytes ago.
    End {
        /// The number of bytes.
        ago: u8,
        /// Its last bytes are EOI. Otherwise the next frame, its record's length or the next part ended it.
        has_end: bool,
    },
    /// What began three bytes or more ago is no frame: it is a preview of the one before, or has tables and no picture.
    Passed,
    /// A frame or a record's length is damaged here. The search for the next one has begun.
    Damage,
    /// The length of the record whose content began a byte ago points behind the end of the file. The record is read anyway.
    Beyond,
}

/// A place between two frames, and what the frames before it mean for the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(in crate::media) struct Place {
    pub offset: u64,
    pub(super) record_left: u32,
    pub(super) previews: Previews,
    pub(super) chunks: u32,
}

impl Place {
    /// A place between two records, of which nothing else is known.
    pub(in crate::media) fn at(offset: u64) -> Self {
        Self { offset, ..Self::default() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Lab format: `seen` characters of a length were read, perhaps behind padding.
    Length {
        seen: u8,
        padded: bool,
    },
    /// Lab format: behind the first byte (1) or the second byte (2) of a record, which must be SOI.
    RecordStart {
        seen: u8,
    },
    /// AVI: `seen` bytes of a chunk's head were read, behind so many others that are none.
    Chunk {
        seen: u8,
        garbage: u8,
    },
    /// AVI: in a header.
    Header {
        left: u32,
    },
    /// AVI: in a chunk of something else.
    Skip {
        left: u32,
    },
    /// Lab and AVI: looking for the head of a record and a JPEG file.
    HuntRecord,
    /// Looking for a JPEG file; in lab format and AVI within the record.
    Hunt,
    /// FF D8 FF was read where the frame should have gone on. The next frame, or its record, begins `back` bytes ago.
    Again {
        back: u8,
        record_left: u32,
    },
    /// A part's delimiter was read where the frame should have gone on. It begins `back` bytes ago.
    Delimited {
        back: u8,
    },
    /// In the headers, before the FF of a marker.
    Marker,
    /// Behind the FF.
    Code,
    /// Before a segment's length.
    LengthHigh {
        code: u8,
    },
    LengthLow {
        code: u8,
        high: u8,
    },
    Segment {
        code: u8,
        left: u16,
    },
    Entropy,
    /// Behind an FF in entropy-coded data.
    EntropyCode,
    /// Behind FF D8 where no frame may begin: damage, or the next frame.
    NextStart,
    /// Behind `matched` characters of a delimiter that stands behind a line end of so many bytes.
    Delimiter {
        matched: u8,
        line_end: u8,
    },
}

/// Between two chunks.
pub(super) const CHUNK: State = State::Chunk { seen: 0, garbage: 0 };
/// Between two records of the lab's format.
pub(super) const LENGTH: State = State::Length { seen: 0, padded: false };

impl State {
    /// Whether the bytes fed last belong to a frame.
    pub(super) fn is_in_frame(self) -> bool {
        use State::{Code, Entropy, EntropyCode, LengthHigh, LengthLow, Marker, NextStart, Segment};
        let in_headers = matches!(self, Marker | Code | LengthHigh { .. } | LengthLow { .. } | Segment { .. });
        in_headers || matches!(self, Entropy | EntropyCode | NextStart | Self::Delimiter { .. })
    }
}
