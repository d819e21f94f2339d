//! Makes pictures that RTP/JPEG can carry of those that it cannot: losslessly where that is possible, and otherwise as the
//! user chose.

use std::fmt;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use mutoscope::jpeg::transcode::{self, Change, Transcoder};
use mutoscope::jpeg::{self, Coding, Layout, Unsupported, tables};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// What is done with pictures that RTP/JPEG cannot carry without loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OnUnsupported {
    /// Nothing: they are not sent, and the log says why.
    #[default]
    Refuse,
    /// Chroma of 4:4:4, 4:4:0 and 4:1:1 is resampled, and progressive pictures are encoded anew.
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
pub(crate) enum Treatment {
    /// As it is.
    AsIs,
    /// With the same coefficients, written in another way.
    Rewritten,
    /// With chroma of another width.
    Resampled,
    /// Decoded and encoded.
    Encoded,
}

impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsIs => "sent as they are",
            Self::Rewritten => "rewritten without loss",
            Self::Resampled => "converted: chroma is resampled, luma stays as it is",
            Self::Encoded => "converted: decoded and encoded anew",
        })
    }
}

impl Policy {
    /// What a picture's headers say about its way.
    pub(crate) fn judge(self, jpeg: &[u8], layout: &Layout) -> Result<Treatment, transcode::Error> {
        match transcode::change(jpeg, layout, self.core()) {
            Ok(Change::None) => Ok(Treatment::AsIs),
            Ok(Change::Lossless) => Ok(Treatment::Rewritten),
            Ok(Change::Resampled) => Ok(Treatment::Resampled),
            Err(transcode::Error::Unsupported(reason)) if self.encodes(reason) => Ok(Treatment::Encoded),
            Err(error) => Err(error),
        }
    }

    fn core(self) -> transcode::Policy {
        transcode::Policy {
            convert: self.on_unsupported == OnUnsupported::Convert,
            restart_markers: self.restart_markers,
        }
    }

    /// Whether converting would help against this.
    pub(crate) fn can_do_more(self, error: &transcode::Error) -> bool {
        let convert = Self { on_unsupported: OnUnsupported::Convert, ..self };
        self != convert && matches!(*error, transcode::Error::Unsupported(reason) if convert.encodes(reason))
    }

    /// Whether the decoder can read what RTP/JPEG cannot carry.
    fn encodes(self, reason: Unsupported) -> bool {
        self.on_unsupported == OnUnsupported::Convert
            && match reason {
                Unsupported::Coding(coding) => matches!(coding, Coding::Progressive | Coding::ExtendedSequential),
                Unsupported::Dimensions { .. } => false,
                _ => true,
            }
    }
}

/// Does it, one picture after the other.
#[derive(Debug)]
pub(crate) struct Normaliser {
    policy: Policy,
    transcoder: Box<Transcoder>,
}

impl Normaliser {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, transcoder: Box::new(Transcoder::new()) }
    }

    /// Makes `out`, whatever it held, a file that RTP/JPEG can carry, and gives its layout. `None`: `jpeg` is one already, or
    /// nothing can be done about it.
    pub(crate) fn normalise(
        &mut self,
        jpeg: &[u8],
        layout: &Layout,
        out: &mut Vec<u8>,
    ) -> Result<Option<Layout>, jpeg::Error> {
        match self.transcode(jpeg, layout, out) {
            Ok(Change::None) => Ok(None),
            Ok(_) => Layout::parse(out).map(Some),
            Err(transcode::Error::Damaged(error)) => Err(error),
            Err(transcode::Error::Unsupported(reason)) if self.policy.encodes(reason) => {
                Ok(encode(jpeg, layout, out).and_then(|()| Layout::parse(out).ok()))
            }
            Err(_) => Ok(None),
        }
    }

    fn transcode(&mut self, jpeg: &[u8], layout: &Layout, out: &mut Vec<u8>) -> Result<Change, transcode::Error> {
        // Nearly always enough; where it is not, the error says what is.
        let mut size = jpeg.len() + jpeg.len() / 4 + 1024;
        loop {
            out.resize(size.max(out.capacity()), 0);
            match self.transcoder.transcode(jpeg, layout, self.policy.core(), out) {
                Ok((change, len)) => {
                    out.truncate(len);
                    return Ok(change);
                }
                Err(transcode::Error::Full { needed }) => size = needed,
                Err(error) => return Err(error),
            }
        }
    }
}

/// The largest picture that is decoded, in pixels to a side.
const MAX_SIDE: usize = 8192;

/// Decodes a picture and encodes it as 4:2:0, at a quality like its own. `None` where it cannot be decoded.
fn encode(jpeg: &[u8], layout: &Layout, out: &mut Vec<u8>) -> Option<()> {
    let options = DecoderOptions::default().set_max_width(MAX_SIDE).set_max_height(MAX_SIDE);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    decoder.decode_headers().ok()?;
    // YCbCr to YCbCr spares two conversions and their losses.
    let (wanted, color) = match decoder.input_colorspace()? {
        ColorSpace::YCbCr => (ColorSpace::YCbCr, ColorType::Ycbcr),
        ColorSpace::Luma => (ColorSpace::Luma, ColorType::Luma),
        _ => (ColorSpace::RGB, ColorType::Rgb),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let mut samples = decoder.decode().ok()?;
    let color = match color {
        ColorType::Luma => {
            // The encoder would write one component, which RTP/JPEG does not carry.
            samples = samples.into_iter().flat_map(|luma| [luma, 128, 128]).collect();
            ColorType::Ycbcr
        }
        color => color,
    };
    out.clear();
    let mut encoder = Encoder::new(out, quality(jpeg, layout));
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder.encode(&samples, layout.width, layout.height, color).ok()
}

/// The quality whose table of luma is nearest to the picture's own, from 1 to 99; for tables of 16 bits, a good one.
fn quality(jpeg: &[u8], layout: &Layout) -> u8 {
    const GOOD: u8 = 90;
    let Ok(table): Result<[u8; 64], _> = layout.quantization[0].of(jpeg).try_into() else { return GOOD };
    let distance = |quality: &u8| {
        let (luma, _) = tables::quantization(*quality);
        luma.iter().zip(table).map(|(&one, other)| u32::from(one.abs_diff(other))).sum::<u32>()
    };
    (1..=99).min_by_key(distance).unwrap_or(GOOD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::picture;

    const CONVERT: Policy = Policy { restart_markers: false, on_unsupported: OnUnsupported::Convert };

    fn normalise(jpeg: &[u8], policy: Policy) -> Option<Vec<u8>> {
        let layout = Layout::parse(jpeg).unwrap();
        let mut out = vec![7; 3];
        let made = Normaliser::new(policy).normalise(jpeg, &layout, &mut out).unwrap()?;
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
        assert_eq!(Policy::default().judge(&jpeg, &Layout::parse(&jpeg).unwrap()), Ok(Treatment::AsIs));
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
        let cases: [(Style, Treatment); 3] = [
            (|encoder| encoder.set_sampling_factor(SamplingFactor::R_4_4_4), Treatment::Resampled),
            // One scan per component.
            (|encoder| encoder.set_sampling_factor(SamplingFactor::R_4_1_1), Treatment::Encoded),
            (|encoder| encoder.set_progressive(true), Treatment::Encoded),
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

    #[test]
    fn the_quality_of_a_table_is_found_again() {
        for wanted in [20, 50, 75, 95] {
            let jpeg = picture(16, 16, |encoder| encoder.set_quality(wanted));
            assert_eq!(quality(&jpeg, &Layout::parse(&jpeg).unwrap()), wanted);
        }
    }
}
