//! Where the parts of a JPEG file are.

/// A range of bytes in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Span { pub start: u32, pub len: u32 }

impl Span {
    /// These bytes of `frame`; empty where `frame` is shorter than the span says.
    pub fn of<'f>(&self, frame: &'f [u8]) -> &'f [u8] {
        let start = self.start as usize;
        frame.get(start..start.saturating_add(self.len as usize)).unwrap_or(&[])
    }
}

/// Why bytes are not a JPEG, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error { pub kind: ErrorKind, pub at: u32 }

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ErrorKind { NoStartOfImage, Truncated, Marker, Segment, NoFrameHeader, NoScan, MissingTable, Components, TooLarge }

/// The coding process of the frame header (SOFn).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Coding { Baseline, ExtendedSequential, Progressive, Lossless, Arithmetic }

/// Chroma sampling of a three-component picture, or grey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Sampling { Grey, Yuv444, Yuv440, Yuv422, /** 2x2,1x2,1x2: 4:2:2 with MCUs of 16x16 */ Yuv422Tall, Yuv420, Yuv411, Other }

/// The parts of a JPEG file as ranges: nothing is copied, the layout may be kept beside the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Layout {
    pub width: u16,
    pub height: u16,
    pub coding: Coding,
    pub sampling: Sampling,
    /// 0: no restart markers.
    pub restart_interval: u16,
    /// The 64-byte quantisation tables (zig-zag order) of luma and chroma; the same span twice where the file has one.
    pub quantization: [Span; 2],
    // … whatever else RtpFormat needs: 16-bit tables, standard Huffman tables or not, …
    /// Entropy-coded data after the SOS header, without EOI and trailing bytes.
    pub scan: Span,
}

impl Layout {
    /// Walks the marker segments of one JPEG file.
    pub fn parse(jpeg: &[u8]) -> Result<Self, Error> { todo!() }
    /// What RTP/JPEG needs to carry this picture as it is, or why it cannot.
    pub fn rtp_format(&self) -> Result<RtpFormat, Unsupported> { todo!() }
}

/// Why RFC 2435 cannot carry a picture. `Display` is a sentence for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Unsupported {
    Coding(Coding),
    HuffmanTables,
    Sampling(Sampling),
    Dimensions { width: u16, height: u16 },
    QuantizationTables,
    RestartMarkers,
}

/// The fields of the RTP/JPEG headers (RFC 2435 section 3.1) and where the bytes behind them are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RtpFormat {
    /// Type 0 (4:2:2) or 1 (4:2:0); 64 and 65 where `restart_interval` is not 0.
    pub kind: u8,
    /// Width and height in units of 8 pixels, rounded up.
    pub width: u8,
    pub height: u8,
    /// 255: tables in band; 1..=99: the tables equal RFC 2435's for this Q (but we always send 255 unless told).
    pub q: u8,
    pub quantization: [Span; 2],
    pub restart_interval: u16,
    pub scan: Span,
}

impl core::fmt::Display for Unsupported { fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result { todo!() } }
