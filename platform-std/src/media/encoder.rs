//! Pictures whose coefficients RTP/JPEG cannot carry: they are decoded, and encoded anew.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use mutoscope::jpeg::{Layout, tables};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Decodes a picture and encodes it as 4:2:0, at a quality like its own. Errors are reasons for people.
pub(super) fn encode_anew(jpeg: &[u8], layout: &Layout, out: &mut Vec<u8>) -> Result<(), String> {
    // The decoder is not ours, and neither is the file: a mistake in the one that the other finds costs a picture.
    catch_unwind(AssertUnwindSafe(|| encode(jpeg, layout, out)))
        .unwrap_or_else(|_| Err("the decoder failed".to_owned()))
}

fn encode(jpeg: &[u8], layout: &Layout, out: &mut Vec<u8>) -> Result<(), String> {
    let options = DecoderOptions::default().set_max_width(usize::from(u16::MAX)).set_max_height(usize::from(u16::MAX));
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    decoder.decode_headers().map_err(reason)?;
    // YCbCr to YCbCr spares two conversions and their losses.
    let (wanted, color) = match decoder.input_colorspace() {
        Some(ColorSpace::YCbCr) => (ColorSpace::YCbCr, ColorType::Ycbcr),
        Some(ColorSpace::Luma) => (ColorSpace::Luma, ColorType::Luma),
        _ => (ColorSpace::RGB, ColorType::Rgb),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let mut samples = decoder.decode().map_err(reason)?;
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
    encoder.encode(&samples, layout.width, layout.height, color).map_err(reason)
}

/// An error as words: the decoder's are in quotation marks.
fn reason(error: impl fmt::Display) -> String {
    error.to_string().trim_matches('"').to_owned()
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

    #[test]
    fn the_quality_of_a_table_is_found_again() {
        for wanted in [20, 50, 75, 95] {
            let jpeg = picture(16, 16, |encoder| encoder.set_quality(wanted));
            assert_eq!(quality(&jpeg, &Layout::parse(&jpeg).unwrap()), wanted);
        }
    }
}
