//! Makes pictures that RTP/JPEG can carry of those that it cannot: losslessly where that is possible, and otherwise as the
//! user chose.

use std::fmt;

use mutoscope::jpeg::transcode::{self, Change, Path, Recoder, Transcoder};
use mutoscope::jpeg::{self, Coding, Layout, Unsupported};

/// What is done with pictures that RTP/JPEG cannot carry without loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnsupported {
    /// Nothing: they are not sent, and the log says why.
    #[default]
    Refuse,
    /// Chroma of 4:4:4, 4:4:0 and 4:1:1 is resampled, samples of 12 bits become 8, and other colours than YCbCr are encoded
    /// anew. The last of these needs the feature `convert`.
    Convert,
}

/// What may be done with pictures, and which of them may be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Frames with restart markers are sent with them; otherwise the markers are left out.
    pub restart_markers: bool,
    /// What is done with pictures that RTP/JPEG cannot carry without loss.
    pub on_unsupported: OnUnsupported,
}

/// How a picture gets to its viewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conversion {
    /// As it is.
    AsIs,
    /// With the same coefficients, written in another way.
    Rewritten,
    /// With chroma of another width.
    Resampled,
    /// With coefficients rounded to multiples of other numbers.
    Requantised,
    /// Decoded and encoded.
    Encoded,
}

impl From<Change> for Conversion {
    fn from(change: Change) -> Self {
        match change {
            Change::None => Self::AsIs,
            Change::Lossless => Self::Rewritten,
            Change::Resampled => Self::Resampled,
            Change::Requantised => Self::Requantised,
        }
    }
}

impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsIs => "as they are",
            Self::Rewritten => "rewritten without loss",
            Self::Resampled => "with resampled chroma and luma as it is",
            Self::Requantised => "with coefficients requantised",
            Self::Encoded => "decoded and encoded anew",
        })
    }
}

impl Policy {
    /// What a picture's headers say about its way.
    pub fn judge(self, jpeg: &[u8], layout: &Layout) -> Result<Conversion, transcode::Error> {
        match self.path(jpeg, layout) {
            Ok(Path::Streamed(change)) => Ok(change.into()),
            Ok(Path::Whole(whole)) => Ok(whole.change.into()),
            Err(transcode::Error::Unsupported(reason)) if self.encodes(reason, layout) => Ok(Conversion::Encoded),
            Err(error) => Err(error),
        }
    }

    fn path(self, jpeg: &[u8], layout: &Layout) -> Result<Path, transcode::Error> {
        transcode::path(jpeg, layout, self.core())
    }

    fn core(self) -> transcode::Policy {
        transcode::Policy {
            convert: self.on_unsupported == OnUnsupported::Convert,
            restart_markers: self.restart_markers,
        }
    }

    /// Whether a picture is made ready so soon that others may wait for it: within some 2 ms on a slow machine.
    pub(super) fn is_quick(self, jpeg: &[u8], layout: &Layout) -> bool {
        let pixels = pixels(layout);
        match self.path(jpeg, layout) {
            Ok(Path::Streamed(Change::None)) => true,
            Ok(Path::Streamed(Change::Lossless)) => jpeg.len() <= 128 * 1024 && pixels <= 1920 * 1088,
            Ok(Path::Streamed(_)) => jpeg.len() <= 64 * 1024 && pixels <= 640 * 480,
            // Each scan may go through all blocks again.
            Ok(Path::Whole(_)) => false,
            Err(transcode::Error::Unsupported(reason)) => !self.encodes(reason, layout),
            Err(_) => true,
        }
    }

    /// Whether converting would help where this is the error.
    pub fn can_do_more(self, error: &transcode::Error, jpeg: &[u8], layout: &Layout) -> bool {
        let convert = Self { on_unsupported: OnUnsupported::Convert, ..self };
        self != convert && matches!(error, transcode::Error::Unsupported(_)) && convert.judge(jpeg, layout).is_ok()
    }

    /// Whether a decoder is to read what RTP/JPEG cannot carry.
    fn encodes(self, reason: Unsupported, layout: &Layout) -> bool {
        cfg!(feature = "convert")
            && self.on_unsupported == OnUnsupported::Convert
            && matches!(reason, Unsupported::ColorSpace | Unsupported::Sampling(_))
            && is_decoded_well(layout)
    }
}

/// Whether the decoder reads such pictures, and makes of them what others do. zune-jpeg 0.5 makes noise where luma has fewer
/// samples than chroma, and where a baseline picture has a scan for each component and less chroma vertically.
fn is_decoded_well(layout: &Layout) -> bool {
    let most = |shift: u32| layout.factors.iter().map(|factors| factors >> shift & 15).max();
    let luma = |shift: u32| layout.factors.first().map(|factors| factors >> shift & 15);
    let is_full = luma(4) == most(4) && luma(0) == most(0);
    let is_apart = !layout.is_interleaved && layout.coding != Coding::Progressive;
    let is_read = matches!(layout.coding, Coding::Baseline | Coding::ExtendedSequential | Coding::Progressive);
    is_read && layout.precision == 8 && (layout.components != 3 || is_full && !(is_apart && most(0) > Some(1)))
}

/// Why nothing came of a picture that the policy lets through.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// It is damaged.
    Damaged(jpeg::Error),
    /// It has to be decoded and cannot be: why.
    Undecodable(String),
}

impl From<transcode::Error> for Failure {
    fn from(error: transcode::Error) -> Self {
        match error {
            transcode::Error::Damaged(error) => Self::Damaged(error),
            error => Self::Undecodable(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(error) => error.fmt(f),
            Self::Undecodable(reason) => write!(f, "it cannot be decoded: {reason}"),
        }
    }
}

/// Does it, one picture after the other.
#[derive(Debug)]
pub struct Converter {
    policy: Policy,
    transcoder: Box<Transcoder>,
    /// Only where a picture needs them.
    recoder: Option<Box<Recoder>>,
    coefficients: Vec<i16>,
}

impl Converter {
    /// A converter that does what `policy` says.
    pub fn new(policy: Policy) -> Self {
        Self { policy, transcoder: Box::new(Transcoder::new()), recoder: None, coefficients: Vec::new() }
    }

    /// Makes `out`, whatever it held, a file that RTP/JPEG can carry, and gives its layout. `None`: `jpeg` is one already, or
    /// the policy does not let it through.
    pub fn normalise(&mut self, jpeg: &[u8], layout: &Layout, out: &mut Vec<u8>) -> Result<Option<Layout>, Failure> {
        match self.policy.path(jpeg, layout) {
            Ok(Path::Streamed(Change::None)) => return Ok(None),
            Ok(path) => self.transcode(path, jpeg, layout, out)?,
            #[cfg(feature = "convert")]
            Err(transcode::Error::Unsupported(reason)) if self.policy.encodes(reason, layout) => {
                affordable(jpeg, layout)?;
                super::encoder::encode_anew(jpeg, layout, out).map_err(Failure::Undecodable)?;
            }
            Err(transcode::Error::Damaged(error)) => return Err(Failure::Damaged(error)),
            Err(_) => return Ok(None),
        }
        Layout::parse(out).map(Some).map_err(Failure::Damaged)
    }

    fn transcode(&mut self, path: Path, jpeg: &[u8], layout: &Layout, out: &mut Vec<u8>) -> Result<(), Failure> {
        let policy = self.policy.core();
        // Nearly always enough; where it is not, the error says what is.
        let mut size = jpeg.len() + jpeg.len() / 4 + 1024;
        if let Path::Whole(whole) = &path {
            affordable(jpeg, layout)?;
            // Those that were read whole were packed more tightly, and reading them twice takes long.
            size += jpeg.len();
            self.coefficients.resize(whole.coefficients, 0);
            if self.coefficients.capacity() / 8 > whole.coefficients {
                self.coefficients.shrink_to_fit();
            }
        }
        loop {
            out.resize(size.max(out.capacity()), 0);
            let made = match path {
                Path::Streamed(_) => self.transcoder.transcode(jpeg, layout, policy, out),
                Path::Whole(_) => {
                    let recoder = self.recoder.get_or_insert_default();
                    recoder.transcode(jpeg, layout, policy, &mut self.coefficients, out)
                }
            };
            match made {
                Ok((_, len)) => {
                    out.truncate(len);
                    return Ok(());
                }
                Err(transcode::Error::Full { needed }) => size = needed,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The largest picture that is held in memory as samples or coefficients, in pixels: that takes up to 8 bytes for each.
const MAX_PIXELS: usize = 24_000_000;

/// Whether the picture is worth the memory and the time that its header claims.
fn affordable(jpeg: &[u8], layout: &Layout) -> Result<(), Failure> {
    let pixels = pixels(layout);
    if pixels > MAX_PIXELS {
        return Err(Failure::Undecodable(format!("{pixels} pixels are too many, the limit is {MAX_PIXELS}")));
    }
    // Each block takes at least one bit, but of an arithmetic coder.
    if pixels / 64 > jpeg.len() * 8 && layout.coding != Coding::Arithmetic {
        return Err(Failure::Undecodable("the data ends before the picture does".to_owned()));
    }
    Ok(())
}

fn pixels(layout: &Layout) -> usize {
    usize::from(layout.width) * usize::from(layout.height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::picture;
    use jpeg_encoder::{Encoder, SamplingFactor};
    use zune_jpeg::JpegDecoder;
    use zune_jpeg::zune_core::bytestream::ZCursor;
    use zune_jpeg::zune_core::colorspace::ColorSpace;
    use zune_jpeg::zune_core::options::DecoderOptions;

    const CONVERT: Policy = Policy { restart_markers: false, on_unsupported: OnUnsupported::Convert };

    fn normalise(jpeg: &[u8], policy: Policy) -> Option<Vec<u8>> {
        let layout = Layout::parse(jpeg).unwrap();
        let mut out = vec![7; 3];
        let made = Converter::new(policy).normalise(jpeg, &layout, &mut out).unwrap()?;
        assert_eq!(Layout::parse(&out).unwrap(), made);
        made.rtp_format().unwrap();
        Some(out)
    }

    fn samples(jpeg: &[u8]) -> Vec<u8> {
        let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
        JpegDecoder::new_with_options(ZCursor::new(jpeg), options).decode().unwrap()
    }

    /// Mean difference of the samples.
    fn distance(one: &[u8], other: &[u8]) -> f64 {
        let (one, other) = (samples(one), samples(other));
        assert_eq!(one.len(), other.len());
        one.iter().zip(&other).map(|(one, other)| f64::from(one.abs_diff(*other))).sum::<f64>() / one.len() as f64
    }

    #[test]
    fn a_picture_that_is_fine_stays_as_it_is() {
        let jpeg = picture(70, 50, |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_2_0));
        assert_eq!(normalise(&jpeg, Policy::default()), None);
        assert_eq!(Policy::default().judge(&jpeg, &Layout::parse(&jpeg).unwrap()), Ok(Conversion::AsIs));
    }

    #[test]
    fn rewriting_changes_no_sample() {
        for sampling in [SamplingFactor::R_4_2_0, SamplingFactor::R_4_2_2] {
            let jpeg = picture(70, 50, |encoder| {
                encoder.set_sampling_factor(sampling);
                encoder.set_restart_interval(3);
            });
            assert_eq!(samples(&normalise(&jpeg, Policy::default()).unwrap()), samples(&jpeg));
        }
    }

    #[test]
    fn what_loses_something_is_done_only_where_it_is_asked_for() {
        type Style = fn(&mut Encoder<&mut Vec<u8>>);
        let cases: [(Style, Conversion); 3] = [
            (|encoder| encoder.set_sampling_factor(SamplingFactor::R_4_4_4), Conversion::Resampled),
            // One scan per component.
            (|encoder| encoder.set_sampling_factor(SamplingFactor::R_4_1_1), Conversion::Resampled),
            (
                |encoder| {
                    encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
                    encoder.set_progressive(true);
                },
                Conversion::Resampled,
            ),
        ];
        for (style, treatment) in cases {
            let jpeg = picture(70, 50, style);
            let layout = Layout::parse(&jpeg).unwrap();
            assert!(Policy::default().judge(&jpeg, &layout).is_err());
            assert_eq!(normalise(&jpeg, Policy::default()), None);
            assert_eq!(CONVERT.judge(&jpeg, &layout), Ok(treatment));
            let off = distance(&normalise(&jpeg, CONVERT).unwrap(), &jpeg);
            assert!(off < 2.5, "{treatment:?}: {off}");
        }
    }

    /// A picture whose header claims another size.
    fn claiming(width: u16, height: u16, filler: usize, style: fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
        let mut jpeg = picture(70, 50, style);
        let at = jpeg.windows(2).position(|pair| matches!(pair, [0xff, 0xc0 | 0xc2])).unwrap();
        jpeg[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
        jpeg[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
        let end = jpeg.len() - 2;
        jpeg.splice(end..end, vec![0x55; filler]);
        jpeg
    }

    #[test]
    fn a_header_that_claims_more_than_there_is_costs_neither_memory_nor_time() {
        let claiming = |width, height, filler| claiming(width, height, filler, |encoder| encoder.set_progressive(true));
        for (jpeg, reason) in [
            (claiming(8000, 3000, 0), "ends before"),
            (claiming(65_535, 65_535, 0), "too many"),
            (claiming(6001, 4000, 100_000), "too many"),
        ] {
            let layout = Layout::parse(&jpeg).unwrap();
            let mut out = Vec::new();
            let error = Converter::new(CONVERT).normalise(&jpeg, &layout, &mut out).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
            assert_eq!(out.capacity(), 0);
        }
    }

    #[test]
    fn only_what_is_soon_made_ready_is_made_while_others_wait() {
        type Style = fn(&mut Encoder<&mut Vec<u8>>);
        let plain: Style = |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
        let marked: Style = |encoder| {
            encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
            encoder.set_restart_interval(3);
        };
        let full: Style = |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
        let cases = [
            (64, 0, plain, true),
            (4000, 1_000_000, plain, true),
            (64, 0, marked, true),
            (64, 200_000, marked, false),
            (2100, 0, marked, false),
            (64, 0, full, true),
            (64, 70_000, full, false),
            (900, 0, full, false),
            (64, 0, |encoder| encoder.set_progressive(true), false),
        ];
        for (side, filler, style, expected) in cases {
            let jpeg = claiming(side, side, filler, style);
            assert_eq!(CONVERT.is_quick(&jpeg, &Layout::parse(&jpeg).unwrap()), expected, "{side}, {filler}");
        }
    }

    #[test]
    fn pictures_of_several_scans_keep_their_samples() {
        type Style = fn(&mut Encoder<&mut Vec<u8>>);
        let cases: [Style; 4] = [
            |encoder| {
                encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
                encoder.set_progressive(true);
            },
            |encoder| {
                encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
                encoder.set_progressive_scans(20);
                encoder.set_restart_interval(3);
            },
            // Tables of its own make this encoder write a scan for each component.
            |encoder| {
                encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
                encoder.set_optimized_huffman_tables(true);
            },
            |encoder| {
                encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
                encoder.set_optimized_huffman_tables(true);
            },
        ];
        let mut converter = Converter::new(Policy::default());
        for (index, (style, side)) in cases.into_iter().zip([70, 500, 30, 90]).enumerate() {
            let jpeg = picture(side, 50, style);
            let layout = Layout::parse(&jpeg).unwrap();
            assert_eq!(Policy::default().judge(&jpeg, &layout), Ok(Conversion::Rewritten));
            assert!(!Policy::default().is_quick(&jpeg, &layout));
            let mut out = Vec::new();
            let made = converter.normalise(&jpeg, &layout, &mut out).unwrap().unwrap();
            assert!(made.rtp_format().is_ok());
            // The decoder makes noise of the last one's file.
            if index < 3 {
                assert!(distance(&out, &jpeg) < 0.05, "case {index}");
            }
        }
    }

    #[test]
    fn memory_for_coefficients_is_that_of_the_pictures_at_hand() {
        let mut converter = Converter::new(Policy::default());
        let mut after = |width, height| {
            let jpeg = picture(width, height, |encoder| {
                encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
                encoder.set_progressive(true);
            });
            converter.normalise(&jpeg, &Layout::parse(&jpeg).unwrap(), &mut Vec::new()).unwrap().unwrap();
            converter.coefficients.capacity()
        };
        let large = after(640, 480);
        assert!((460_800..500_000).contains(&large), "{large}");
        assert_eq!(after(600, 400), large);
        assert!(after(64, 64) < 10_000);
    }

    #[test]
    fn colours_are_encoded_and_what_the_decoder_cannot_read_is_refused() {
        // Components named R, G and B, and no JFIF segment.
        let mut rgb = picture(16, 16, |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_4_4));
        rgb.drain(2..20);
        for (code, first, step) in [(0xc0, 10, 3), (0xda, 5, 2)] {
            let at = rgb.windows(2).position(|pair| pair == [0xff, code]).unwrap();
            (0..).zip(*b"RGB").for_each(|(index, id)| rgb[at + first + step * index] = id);
        }
        let with = |mut jpeg: Vec<u8>, code, factors: [u8; 3]| {
            let at = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
            jpeg[at + 1] = code;
            (0..).zip(factors).for_each(|(index, factors)| jpeg[at + 11 + 3 * index] = factors);
            jpeg
        };
        let plain = || picture(16, 16, |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_2_0));
        let cases = [
            (rgb.clone(), true),
            (with(rgb.clone(), 0xc9, [0x11, 0x11, 0x11]), false),
            (with(rgb, 0xc3, [0x11, 0x11, 0x11]), false),
            // Three columns of luma to one of chroma; and less luma than chroma, of which the decoder makes noise.
            (with(plain(), 0xc0, [0x31, 0x11, 0x11]), true),
            (with(plain(), 0xc9, [0x31, 0x11, 0x11]), false),
            (with(plain(), 0xc0, [0x11, 0x22, 0x22]), false),
        ];
        for (index, (jpeg, expected)) in cases.iter().enumerate() {
            let layout = Layout::parse(jpeg).unwrap();
            assert_eq!(CONVERT.judge(jpeg, &layout) == Ok(Conversion::Encoded), *expected, "case {index}");
            let error = Policy::default().judge(jpeg, &layout).unwrap_err();
            assert_eq!(Policy::default().can_do_more(&error, jpeg, &layout), *expected, "case {index}");
            assert!(!CONVERT.can_do_more(&error, jpeg, &layout));
        }
    }
}
