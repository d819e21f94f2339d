//! Makes pictures that RTP/JPEG can carry of those that it cannot: losslessly where that is possible, and otherwise as the
//! user chose.

use std::fmt;

use mutoscope::jpeg::transcode::{self, Path, Recoder, Transcoder};
use mutoscope::jpeg::{self, Coding, Flaws, Layout};

use super::policy::{Judgement, Way, pixels};

/// Why a picture that the policy lets through could not be converted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConversionError {
    /// It is damaged.
    Damaged(jpeg::Error),
    /// It has to be decoded and cannot be: why.
    Undecodable(String),
    /// It could be mended, but [is not to be](super::Policy::is_strict).
    Flawed(Flaws),
}

impl From<transcode::Error> for ConversionError {
    fn from(error: transcode::Error) -> Self {
        match error {
            transcode::Error::Damaged(error) => Self::Damaged(error),
            error => Self::Undecodable(error.to_string()),
        }
    }
}

impl fmt::Display for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(error) => error.fmt(f),
            Self::Undecodable(reason) => write!(f, "it cannot be decoded: {reason}"),
            Self::Flawed(flaws) => write!(f, "it is damaged: {flaws}"),
        }
    }
}

impl std::error::Error for ConversionError {}

/// Converts pictures, one after the other, in memory that it keeps from one to the next.
#[derive(Debug)]
pub struct Converter {
    transcoder: Box<Transcoder>,
    /// Made for the first picture that needs it.
    recoder: Option<Box<Recoder>>,
    coefficients: Vec<i16>,
    flaws: Flaws,
}

impl Default for Converter {
    fn default() -> Self {
        Self { transcoder: Box::new(Transcoder::new()), recoder: None, coefficients: Vec::new(), flaws: Flaws::NONE }
    }
}

impl Converter {
    /// Makes `out`, whatever it held, a file that RTP/JPEG can carry, and gives its layout. `None`: `jpeg` is one already.
    ///
    /// `jpeg` and `layout` are those that were [judged](super::Policy::judge). [`flaws`](Self::flaws) then tells what was mended.
    ///
    /// # Errors
    /// All of [`ConversionError`]; what `out` holds then is of no use.
    pub fn convert(
        &mut self,
        jpeg: &[u8],
        layout: &Layout,
        judgement: &Judgement,
        out: &mut Vec<u8>,
    ) -> Result<Option<Layout>, ConversionError> {
        self.flaws = layout.flaws;
        let mut is_needed = true;
        match &judgement.way {
            Way::AsIs => is_needed = false,
            Way::Transcoded(way) => self.flaws = self.flaws.union(self.transcode(jpeg, layout, way, out)?),
            Way::Mended(way) => {
                let flaws = self.transcode(jpeg, layout, way, out)?;
                is_needed = !flaws.is_empty();
                self.flaws = self.flaws.union(flaws);
            }
            #[cfg(feature = "convert")]
            Way::Encoded => {
                affordable(jpeg, layout)?;
                super::encoder::encode_anew(jpeg, layout, out).map_err(ConversionError::Undecodable)?;
            }
        }
        if judgement.is_strict && !self.flaws.is_empty() {
            return Err(ConversionError::Flawed(self.flaws));
        }
        is_needed.then(|| Layout::parse(out)).transpose().map_err(ConversionError::Damaged)
    }

    /// What is wrong with the picture that was converted last, and was mended. Of pictures that are sent as they are, only what
    /// their headers tell.
    pub fn flaws(&self) -> Flaws {
        self.flaws
    }

    /// What is wrong with the data of the picture.
    fn transcode(
        &mut self,
        jpeg: &[u8],
        layout: &Layout,
        judgement: &transcode::Judgement,
        out: &mut Vec<u8>,
    ) -> Result<Flaws, ConversionError> {
        // This is nearly always enough; where it is not, the error says how much would be.
        let mut size = jpeg.len() + jpeg.len() / 4 + 1024;
        if let Path::Whole(whole) = judgement.path() {
            affordable(jpeg, layout)?;
            // Files of this kind are packed more tightly than what is made of them, and a second attempt would read all again.
            size += jpeg.len();
            self.coefficients.resize(whole.coefficients, 0);
            if self.coefficients.capacity() / 8 > whole.coefficients {
                self.coefficients.shrink_to_fit();
            }
        }
        loop {
            out.resize(size.max(out.capacity()), 0);
            let made = match judgement.path() {
                Path::Streamed(_) => self.transcoder.transcode_judged(jpeg, layout, judgement, out),
                Path::Whole(_) => {
                    let recoder = self.recoder.get_or_insert_default();
                    recoder.transcode_judged(jpeg, layout, judgement, &mut self.coefficients, out)
                }
            };
            match made {
                Ok((_, len)) => {
                    out.truncate(len);
                    return Ok(match judgement.path() {
                        Path::Streamed(_) => self.transcoder.flaws(),
                        Path::Whole(_) => self.recoder.as_ref().map_or(Flaws::NONE, |recoder| recoder.flaws()),
                    });
                }
                Err(transcode::Error::Full { needed }) => size = needed,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The largest picture that is held in memory as samples or coefficients, in pixels: that takes up to 8 bytes for each.
const MAX_PIXELS: usize = 24_000_000;

/// So many blocks of such a picture may be missing: those of 3840x2160 pixels.
const MAX_MISSING: usize = 129_600;

/// Whether the picture is worth the memory and the time that its header claims.
fn affordable(jpeg: &[u8], layout: &Layout) -> Result<(), ConversionError> {
    let pixels = pixels(layout);
    if pixels > MAX_PIXELS {
        return Err(ConversionError::Undecodable(format!("{pixels} pixels are too many, the limit is {MAX_PIXELS}")));
    }
    // Huffman codes take at least one bit for each block. Arithmetic coding may take less.
    if pixels / 64 > jpeg.len() * 8 + MAX_MISSING && layout.coding != Coding::Arithmetic {
        return Err(ConversionError::Undecodable("the data ends before the picture does".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::inspect::Conversion;
    use crate::media::testing::picture;
    use crate::media::{OnUnsupported, Policy};
    use jpeg_encoder::{Encoder, SamplingFactor};
    use zune_jpeg::JpegDecoder;
    use zune_jpeg::zune_core::bytestream::ZCursor;
    use zune_jpeg::zune_core::colorspace::ColorSpace;
    use zune_jpeg::zune_core::options::DecoderOptions;

    const CONVERT: Policy =
        Policy { restart_markers: false, on_unsupported: OnUnsupported::Convert, is_strict: false, reads_all: false };

    /// What the policy does with it.
    fn judged(jpeg: &[u8], policy: Policy) -> Option<Conversion> {
        policy.judge(jpeg, &Layout::parse(jpeg).unwrap()).ok().map(|judgement| judgement.conversion())
    }

    /// `None`: nothing is done with it, or may be.
    fn convert(jpeg: &[u8], policy: Policy) -> Option<Vec<u8>> {
        let layout = Layout::parse(jpeg).unwrap();
        let mut out = vec![7; 3];
        let judgement = policy.judge(jpeg, &layout).ok()?;
        let made = Converter::default().convert(jpeg, &layout, &judgement, &mut out).unwrap()?;
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
        assert_eq!(convert(&jpeg, Policy::default()), None);
        assert_eq!(judged(&jpeg, Policy::default()), Some(Conversion::AsIs));
    }

    #[test]
    fn rewriting_changes_no_sample() {
        for sampling in [SamplingFactor::R_4_2_0, SamplingFactor::R_4_2_2] {
            let jpeg = picture(70, 50, |encoder| {
                encoder.set_sampling_factor(sampling);
                encoder.set_restart_interval(3);
            });
            assert_eq!(samples(&convert(&jpeg, Policy::default()).unwrap()), samples(&jpeg));
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
        for (style, conversion) in cases {
            let jpeg = picture(70, 50, style);
            assert_eq!(judged(&jpeg, Policy::default()), None);
            assert_eq!(convert(&jpeg, Policy::default()), None);
            assert_eq!(judged(&jpeg, CONVERT), Some(conversion));
            let off = distance(&convert(&jpeg, CONVERT).unwrap(), &jpeg);
            assert!(off < 2.5, "{conversion:?}: {off}");
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
            (claiming(65_535, 65_535, 0), "ends before"),
            (claiming(6001, 4000, 100_000), "too many"),
        ] {
            let layout = Layout::parse(&jpeg).unwrap();
            let mut out = Vec::new();
            let error = match CONVERT.judge(&jpeg, &layout) {
                Ok(judgement) => {
                    Converter::default().convert(&jpeg, &layout, &judgement, &mut out).unwrap_err().to_string()
                }
                Err(error) => error.to_string(),
            };
            assert!(error.contains(reason), "{error}");
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
            let judgement = CONVERT.judge(&jpeg, &Layout::parse(&jpeg).unwrap()).unwrap();
            assert_eq!(judgement.is_quick(), expected, "{side}, {filler}");
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
        let mut converter = Converter::default();
        for (index, (style, side)) in cases.into_iter().zip([70, 500, 30, 90]).enumerate() {
            let jpeg = picture(side, 50, style);
            let layout = Layout::parse(&jpeg).unwrap();
            let judgement = Policy::default().judge(&jpeg, &layout).unwrap();
            assert_eq!((judgement.conversion(), judgement.is_quick()), (Conversion::Rewritten, false));
            let mut out = Vec::new();
            let made = converter.convert(&jpeg, &layout, &judgement, &mut out).unwrap().unwrap();
            assert!(made.rtp_format().is_ok());
            // The decoder makes noise of the last one's file.
            if index < 3 {
                assert!(distance(&out, &jpeg) < 0.05, "case {index}");
            }
        }
    }

    #[test]
    fn memory_for_coefficients_is_that_of_the_pictures_at_hand() {
        let mut converter = Converter::default();
        let mut after = |width, height| {
            let jpeg = picture(width, height, |encoder| {
                encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
                encoder.set_progressive(true);
            });
            let layout = Layout::parse(&jpeg).unwrap();
            let judgement = Policy::default().judge(&jpeg, &layout).unwrap();
            converter.convert(&jpeg, &layout, &judgement, &mut Vec::new()).unwrap().unwrap();
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
            assert_eq!(judged(jpeg, CONVERT) == Some(Conversion::Encoded), *expected, "case {index}");
            let error = Policy::default().judge(jpeg, &layout).unwrap_err();
            assert_eq!(Policy::default().can_do_more(&error, jpeg, &layout), *expected, "case {index}");
            assert!(!CONVERT.can_do_more(&error, jpeg, &layout));
        }
    }
}
