//! Where the parts of a JPEG file are.

/// A range of bytes in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Span {
    /// Bytes before the range.
    pub start: u32,
    /// Bytes in the range.
    pub len: u32,
}

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
#[non_exhaustive]
pub struct Error {
    /// The kind of mistake.
    pub kind: ErrorKind,
    /// At which byte, counted from the start of the file.
    pub at: u32,
}

/// The kinds of mistakes in a JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes do not begin with SOI.
    NoStartOfImage,
    /// The bytes end before the entropy-coded data begins.
    Truncated,
    /// A marker was expected, or this one cannot be here.
    Marker,
    /// A marker segment contradicts itself.
    Segment,
    /// The scan comes before the frame header.
    NoFrameHeader,
    /// The file ends without a scan.
    NoScan,
    /// A component uses a quantisation table that was not defined.
    MissingTable,
    /// The scan names components that the frame header does not.
    Components,
    /// More than 4 GiB.
    TooLarge,
    /// The entropy-coded data ends before the picture does.
    ScanTooShort,
    /// Bits that are no code of the Huffman table.
    Code,
    /// A coefficient that baseline has no room for, or one beyond the end of its block.
    Coefficient,
    /// A restart marker is missing or out of place.
    RestartMarker,
    /// A scan that brings nothing new, or what comes before something else; or one too many.
    Scan,
    /// There are [`Flaws`], and the caller does not want any.
    Flawed,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let what = match self.kind {
            ErrorKind::NoStartOfImage => "no start of image",
            ErrorKind::Truncated => "the file ends in its headers",
            ErrorKind::Marker => "a marker is missing or out of place",
            ErrorKind::Segment => "a marker segment contradicts itself",
            ErrorKind::NoFrameHeader => "the scan comes before the frame header",
            ErrorKind::NoScan => "no scan",
            ErrorKind::MissingTable => "a quantisation table is missing",
            ErrorKind::Components => "the scan's components are not the frame's",
            ErrorKind::TooLarge => "more than 4 GiB",
            ErrorKind::ScanTooShort => "the data ends before the picture does",
            ErrorKind::Code => "bits that are no code of the Huffman table",
            ErrorKind::Coefficient => "an impossible coefficient",
            ErrorKind::Scan => "a scan that cannot be here",
            ErrorKind::Flawed => "it is damaged",
            ErrorKind::RestartMarker => "a restart marker is missing or out of place",
        };
        write!(f, "not a valid JPEG at byte {}: {what}", self.at)
    }
}

impl core::error::Error for Error {}

/// Something that is wrong with a JPEG file, and that decoders show the picture in spite of. `Display` is what it is in a few
/// words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Flaw {
    /// Bytes between marker segments belong to none.
    BetweenSegments,
    /// A segment's length is less than the two bytes that say it.
    ShortSegment,
    /// There are restart markers among the segments.
    StrayMarker,
    /// The scan header of a sequential picture does not say that the scan holds all coefficients, or a scan brings again what there
    /// was, or its place is not the one where it belongs.
    ScanParameters,
    /// There is no EOI.
    NoEnd,
    /// A frame without tables of its own means those of an earlier one.
    NoTables,
    /// Bytes before a restart marker belong to no MCU.
    Surplus,
    /// Restart markers have other numbers than are due, or are missing.
    RestartNumbers,
    /// Entropy-coded data ends before the picture, or before a restart marker is due: what is missing has no coefficients.
    MissingData,
    /// Bits are no code of their Huffman table, or lead beyond the end of their block.
    Codes,
}

impl Flaw {
    /// All of them, in their order.
    pub const ALL: [Self; 10] = [
        Self::BetweenSegments,
        Self::ShortSegment,
        Self::StrayMarker,
        Self::ScanParameters,
        Self::NoEnd,
        Self::NoTables,
        Self::Surplus,
        Self::RestartNumbers,
        Self::MissingData,
        Self::Codes,
    ];
}

impl core::fmt::Display for Flaw {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::BetweenSegments => "bytes between segments",
            Self::ShortSegment => "segments shorter than their own length",
            Self::StrayMarker => "restart markers among the headers",
            Self::ScanParameters => "scan parameters that do not belong there",
            Self::NoEnd => "no end of image",
            Self::NoTables => "tables of an earlier frame",
            Self::Surplus => "surplus bytes before restart markers",
            Self::RestartNumbers => "restart markers out of order",
            Self::MissingData => "missing data",
            Self::Codes => "impossible codes",
        })
    }
}

/// A set of [`Flaw`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Flaws(u16);

impl Flaws {
    /// None.
    pub const NONE: Self = Self(0);

    /// Adds one.
    pub fn insert(&mut self, flaw: Flaw) {
        self.0 |= 1_u16.wrapping_shl(flaw as u32);
    }

    /// Whether this one is among them.
    pub fn contains(self, flaw: Flaw) -> bool {
        self.0 & 1_u16.wrapping_shl(flaw as u32) != 0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// All but this one.
    #[must_use]
    pub fn without(self, flaw: Flaw) -> Self {
        Self(self.0 & !1_u16.wrapping_shl(flaw as u32))
    }

    /// Those of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The error of a caller that takes no picture with flaws. `None`: there are none.
    pub fn as_error(self) -> Option<Error> {
        (!self.is_empty()).then_some(Error { kind: ErrorKind::Flawed, at: 0 })
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = Flaw> {
        Flaw::ALL.into_iter().filter(move |&flaw| self.contains(flaw))
    }
}

impl core::fmt::Display for Flaws {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (number, flaw) in self.iter().enumerate() {
            write!(f, "{}{flaw}", if number == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// The coding process of the frame header (SOFn, table B.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Coding {
    /// SOF0.
    Baseline,
    /// SOF1: more tables, 12-bit samples, or 16-bit quantisation tables.
    ExtendedSequential,
    /// SOF2: several scans that refine the picture.
    Progressive,
    /// SOF3 and SOF11.
    Lossless,
    /// SOF5 to SOF7 and SOF13 to SOF15: differential frames.
    Hierarchical,
    /// SOF9 and SOF10: sequential or progressive, with arithmetic coding.
    Arithmetic,
}

impl Coding {
    /// Whether a scan holds all coefficients of its components, and needs Huffman tables of both classes.
    pub(super) fn is_sequential(self) -> bool {
        matches!(self, Self::Baseline | Self::ExtendedSequential)
    }
}

/// Chroma sampling of a three-component picture, or grey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Sampling {
    /// One component.
    Grey,
    /// Three components of the same resolution, in whatever factors.
    Yuv444,
    /// Chroma has half of the lines.
    Yuv440,
    /// 2x1,1x1,1x1: chroma has half of the columns; MCUs of 16x8.
    Yuv422,
    /// 2x2,1x2,1x2: 4:2:2 with MCUs of 16x16.
    Yuv422Tall,
    /// 2x2,1x1,1x1: chroma has half of the columns and lines; MCUs of 16x16.
    Yuv420,
    /// 4x1,1x1,1x1: chroma has a quarter of the columns.
    Yuv411,
    /// Anything else, also four components.
    Other,
}

impl core::fmt::Display for Sampling {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Grey => "grey",
            Self::Yuv444 => "4:4:4",
            Self::Yuv440 => "4:4:0",
            Self::Yuv422 => "4:2:2",
            Self::Yuv422Tall => "4:2:2 in blocks of 16x16",
            Self::Yuv420 => "4:2:0",
            Self::Yuv411 => "4:1:1",
            Self::Other => "unusual",
        })
    }
}

/// The parts of a JPEG file as ranges: nothing is copied, the layout may be kept beside the bytes.
///
/// More than 15 fields: each is one fact of the file's headers, and all of them are read where a picture's way is chosen. Groups
/// would have to be named after the segments that they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Layout {
    /// Pixels; may be 0 in a damaged file.
    pub width: u16,
    /// Pixels, from the DNL segment behind the scan where the frame header leaves it to that; may be 0 in a damaged file.
    pub height: u16,
    /// The frame header's process.
    pub coding: Coding,
    /// Bits of a sample.
    pub precision: u8,
    /// The frame header's sampling factors, classified.
    pub sampling: Sampling,
    /// The number of the frame's components.
    pub components: u8,
    /// Sampling factors of the first three components, horizontal in the upper half, vertical in the lower; 0: no such
    /// component.
    pub factors: [u8; 3],
    /// MCUs between restart markers; 0: no restart markers.
    pub restart_interval: u16,
    /// The 64-byte quantisation tables (zig-zag order) of luma and chroma; the same span twice where the file has one.
    ///
    /// 128 bytes where [`has_wide_tables`](Self::has_wide_tables); empty where a component of a later scan uses a table that
    /// is defined only behind the first one.
    pub quantization: [Span; 2],
    /// Whether a quantisation table has 16-bit entries.
    pub has_wide_tables: bool,
    /// Whether Cb and Cr use tables of equal content; true of a grey picture.
    pub shares_chroma_table: bool,
    /// Whether the Huffman tables are Annex K's, luma's for the first component and chroma's for the others. A file
    /// that defines none, as some cameras and AVI files do, means these.
    pub has_standard_huffman: bool,
    /// Whether the first scan holds all components, in the frame's order and all coefficients.
    pub is_interleaved: bool,
    /// Whether an Adobe segment says that the components are not YCbCr.
    pub is_rgb: bool,
    /// What is wrong with the headers, and whether the EOI is missing. Entropy-coded data was not looked at.
    pub flaws: Flaws,
    /// Entropy-coded data after the SOS header, without EOI and trailing bytes. Where a picture has several scans,
    /// this holds the later ones' headers too.
    pub scan: Span,
}

impl Layout {
    /// Whether an EOI ends the scan; without one, the file was cut or its writer left it out.
    pub fn has_end(&self) -> bool {
        !self.flaws.contains(Flaw::NoEnd)
    }

    /// The fields with which RTP/JPEG carries this picture as it is, or the reason why it cannot (RFC 2435 sections 3.1 and
    /// 4.1).
    ///
    /// A restart interval is passed on: whether to send restart markers is the caller's policy, and
    /// [`Unsupported::RestartMarkers`] the error for a policy that does not.
    pub fn rtp_format(&self) -> Result<RtpFormat, Unsupported> {
        if self.coding != Coding::Baseline {
            return Err(Unsupported::Coding(self.coding));
        }
        if !matches!(self.components, 1 | 3) {
            return Err(Unsupported::ColorSpace);
        }
        let kind = match self.sampling {
            Sampling::Yuv422 => 0,
            Sampling::Yuv420 => 1,
            other => return Err(Unsupported::Sampling(other)),
        };
        if self.width == 0 || self.height == 0 {
            return Err(Unsupported::Dimensions { width: self.width, height: self.height });
        }
        let units = |pixels: u16| u8::try_from(pixels.div_ceil(8)).ok();
        // Neither says anything then.
        let (width, height) = units(self.width).zip(units(self.height)).unwrap_or((0, 0));
        if self.is_rgb {
            return Err(Unsupported::ColorSpace);
        }
        if !self.is_interleaved {
            return Err(Unsupported::Scans);
        }
        if !self.has_standard_huffman {
            return Err(Unsupported::HuffmanTables);
        }
        if self.has_wide_tables || !self.shares_chroma_table {
            return Err(Unsupported::QuantizationTables);
        }
        let restarts = if self.restart_interval == 0 { 0 } else { RESTART_KIND };
        Ok(RtpFormat {
            kind: kind | restarts,
            width,
            height,
            q: 255,
            quantization: self.quantization,
            restart_interval: self.restart_interval,
            scan: self.scan,
        })
    }
}

/// Added to the type of pictures with restart markers (RFC 2435 section 3.1.3).
const RESTART_KIND: u8 = 64;

/// Why RFC 2435 cannot carry a picture. `Display` is a sentence for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Unsupported {
    /// Only baseline is carried.
    Coding(Coding),
    /// Only samples of 8 bits are carried; these have so many.
    Precision(u8),
    /// Only Annex K's Huffman tables are carried.
    HuffmanTables,
    /// Only 4:2:2 and 4:2:0 are carried.
    Sampling(Sampling),
    /// A picture without pixels.
    Dimensions {
        /// Pixels.
        width: u16,
        /// Pixels.
        height: u16,
    },
    /// Only two 8-bit tables are carried, one of them for both chroma components.
    QuantizationTables,
    /// Only one scan that interleaves all components is carried.
    Scans,
    /// Only YCbCr is carried.
    ColorSpace,
    /// Restart markers are carried, but the sender's policy is not to: many receivers cannot read them.
    RestartMarkers,
}

impl core::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Coding(coding) => {
                let name = match coding {
                    Coding::Baseline => "baseline",
                    Coding::ExtendedSequential => "extended sequential",
                    Coding::Progressive => "progressive",
                    Coding::Lossless => "lossless",
                    Coding::Hierarchical => "hierarchical",
                    Coding::Arithmetic => "arithmetic-coded",
                };
                let remedy = match coding {
                    Coding::Progressive | Coding::Arithmetic => "convert each picture with jpegtran (no loss), or ",
                    _ => "",
                };
                write!(
                    f,
                    "the coding is {name}; RTP/JPEG carries baseline only; \
                     {remedy}encode with: ffmpeg -c:v mjpeg -huffman default"
                )
            }
            Self::Precision(bits) => {
                write!(f, "the samples have {bits} bits; RTP/JPEG carries 8; encode the picture anew")
            }
            Self::HuffmanTables => f.write_str(
                "Huffman tables are optimised for this picture; RTP/JPEG carries only the standard ones; \
                 convert each picture with jpegtran (no loss), or encode with: ffmpeg -c:v mjpeg -huffman default",
            ),
            Self::Sampling(sampling) => write!(
                f,
                "the sampling is {sampling}; RTP/JPEG carries only 4:2:2 (2x1,1x1,1x1) and 4:2:0 (2x2,1x1,1x1); \
                 encode with: ffmpeg -pix_fmt yuvj420p"
            ),
            Self::Dimensions { width, height } => {
                write!(f, "the picture is {width}x{height} pixels, which is no picture")
            }
            Self::QuantizationTables => f.write_str(
                "the quantisation tables are not two of 8 bits, one for luma and one for both chroma components; \
                 RTP/JPEG carries nothing else; encode the picture anew",
            ),
            Self::Scans => f.write_str(
                "the components are in separate scans or in another order; RTP/JPEG carries one interleaved scan; \
                 convert each picture with jpegtran (no loss)",
            ),
            Self::ColorSpace => {
                f.write_str("the components are not YCbCr, which is all that RTP/JPEG carries; encode the picture anew")
            }
            Self::RestartMarkers => f.write_str(
                "the picture has restart markers, which many receivers cannot read; jpegtran removes them without loss",
            ),
        }
    }
}

impl core::error::Error for Unsupported {}

/// The fields of the RTP/JPEG headers (RFC 2435 section 3.1) and where the bytes behind them are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RtpFormat {
    /// Type 0 (4:2:2) or 1 (4:2:0); 64 and 65 where `restart_interval` is not 0.
    pub kind: u8,
    /// Width in units of 8 pixels, rounded up; 0 where one side has more than 2040 pixels: then only the description
    /// (`a=x-dimensions`) can tell, which not every receiver reads.
    pub width: u8,
    /// Height in units of 8 pixels, rounded up, or 0 likewise.
    pub height: u8,
    /// 255: tables in band; 1..=99: the tables equal RFC 2435's for this Q.
    ///
    /// [`Layout::rtp_format`] says 255, which every receiver reads;
    /// [`tables::q_of`](super::tables::q_of) finds the Q of those tables that have one.
    pub q: u8,
    /// The tables of luma and chroma, 64 bytes each in zig-zag order.
    pub quantization: [Span; 2],
    /// MCUs between restart markers; 0: there are none.
    pub restart_interval: u16,
    /// The payload: entropy-coded data without EOI.
    pub scan: Span,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    const GOOD: Layout = Layout {
        width: 640,
        height: 480,
        coding: Coding::Baseline,
        precision: 8,
        sampling: Sampling::Yuv420,
        components: 3,
        factors: [0x22, 0x11, 0x11],
        restart_interval: 0,
        quantization: [Span { start: 25, len: 64 }, Span { start: 94, len: 64 }],
        has_wide_tables: false,
        shares_chroma_table: true,
        has_standard_huffman: true,
        is_interleaved: true,
        is_rgb: false,
        flaws: Flaws::NONE,
        scan: Span { start: 623, len: 4711 },
    };

    #[test]
    fn a_layout_is_small_enough_to_be_copied() {
        assert!(size_of::<Layout>() <= 44, "{}", size_of::<Layout>());
    }

    #[test]
    fn sampling_and_restart_interval_make_the_type() {
        let cases =
            [(Sampling::Yuv422, 0, 0), (Sampling::Yuv420, 0, 1), (Sampling::Yuv422, 5, 64), (Sampling::Yuv420, 40, 65)];
        for (sampling, restart_interval, kind) in cases {
            let format = Layout { sampling, restart_interval, ..GOOD }.rtp_format().unwrap();
            assert_eq!((format.kind, format.restart_interval), (kind, restart_interval));
            assert_eq!((format.q, format.quantization, format.scan), (255, GOOD.quantization, GOOD.scan));
        }
    }

    #[test]
    fn dimensions_are_rounded_up_to_units_of_8() {
        let cases = [
            (640, 480, Some((80, 60))),
            (1, 1, Some((1, 1))),
            (319, 241, Some((40, 31))),
            (2033, 2040, Some((255, 255))),
            (2041, 16, Some((0, 0))),
            (16, 2041, Some((0, 0))),
            (0, 16, None),
            (16, 0, None),
            (65535, 65535, Some((0, 0))),
        ];
        for (width, height, units) in cases {
            let format = Layout { width, height, ..GOOD }.rtp_format();
            assert_eq!(format.ok().map(|format| (format.width, format.height)), units, "{width}x{height}");
            if units.is_none() {
                assert_eq!(format, Err(Unsupported::Dimensions { width, height }));
            }
        }
    }

    #[test]
    fn what_rtp_jpeg_cannot_carry_is_named_with_its_reason() {
        let cases = [
            (Layout { coding: Coding::Progressive, ..GOOD }, "progressive"),
            (Layout { coding: Coding::ExtendedSequential, ..GOOD }, "extended sequential"),
            (Layout { coding: Coding::Arithmetic, ..GOOD }, "arithmetic"),
            (Layout { sampling: Sampling::Grey, ..GOOD }, "grey"),
            (Layout { sampling: Sampling::Yuv444, ..GOOD }, "4:4:4"),
            (Layout { sampling: Sampling::Yuv422Tall, ..GOOD }, "16x16"),
            (Layout { has_standard_huffman: false, ..GOOD }, "-huffman default"),
            (Layout { has_wide_tables: true, ..GOOD }, "quantisation"),
            (Layout { shares_chroma_table: false, ..GOOD }, "both chroma"),
            (Layout { is_interleaved: false, ..GOOD }, "separate scans"),
            (Layout { is_rgb: true, ..GOOD }, "YCbCr"),
            (Layout { components: 4, sampling: Sampling::Other, ..GOOD }, "YCbCr"),
            (Layout { width: 0, ..GOOD }, "0x480"),
        ];
        for (layout, words) in cases {
            let sentence = layout.rtp_format().unwrap_err().to_string();
            assert!(sentence.contains(words), "{sentence}");
        }
        assert!(Unsupported::RestartMarkers.to_string().contains("jpegtran"));
    }

    #[test]
    fn a_set_of_flaws_holds_what_was_inserted() {
        let mut flaws = Flaws::NONE;
        assert!(flaws.is_empty() && flaws.to_string().is_empty());
        for (count, flaw) in Flaw::ALL.into_iter().enumerate() {
            assert!(!flaws.contains(flaw) && flaws.iter().count() == count);
            flaws.insert(flaw);
            assert!(flaws.contains(flaw));
        }
        assert!(flaws.iter().eq(Flaw::ALL));
        let some = |flaw| {
            let mut flaws = Flaws::NONE;
            flaws.insert(flaw);
            flaws
        };
        let both = some(Flaw::NoEnd).union(some(Flaw::Surplus));
        assert_eq!(both.to_string(), "no end of image, surplus bytes before restart markers");
    }

    #[test]
    fn a_span_beyond_the_frame_is_empty() {
        assert_eq!(Span { start: 1, len: 2 }.of(&[1, 2, 3]), [2, 3]);
        assert!(Span { start: 1, len: 3 }.of(&[1, 2, 3]).is_empty());
        assert!(Span { start: u32::MAX, len: u32::MAX }.of(&[1, 2, 3]).is_empty());
    }
}
