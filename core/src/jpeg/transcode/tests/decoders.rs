//! What two decoders that know nothing of this project make of the pictures.

use super::*;
use std::io::Write;
use std::process::{Command, Stdio};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

pub(in super::super) fn zune(file: &[u8], color: ColorSpace) -> Vec<u8> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(color);
    JpegDecoder::new_with_options(ZCursor::new(file), options).decode().expect("a picture")
}

/// libjpeg-turbo's decoder, where it is installed.
pub(in super::super) fn djpeg(file: &[u8], options: &[&str]) -> Option<Vec<u8>> {
    let mut child = Command::new("djpeg").args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut input = child.stdin.take().unwrap();
    let file = file.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&file));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "djpeg cannot read it");
    Some(output.stdout)
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]
    #[test]
    fn zune_jpeg_sees_the_same_samples(
        seed: u64, sampling in 0_usize..2, width in 1_usize..200, height in 1_usize..120, busy in 0_u32..3,
    ) {
        let mut random = Random(seed);
        let source = Picture::random(width, height, LOSSLESS[sampling], busy, &mut random);
        let file = encode(&source, &Style { frame_header: 0xC0, ..Style::random(&mut random) });
        let (_, made) = transcode(&file, REFUSE).unwrap();
        assert_eq!(zune(&made, ColorSpace::RGB), zune(&file, ColorSpace::RGB));
    }
}

#[test]
fn libjpeg_turbo_sees_the_same_samples() {
    let mut random = Random(30);
    for (factors, (width, height)) in LOSSLESS.iter().flat_map(|&factors| SIZES.map(|size| (factors, size))) {
        let source = Picture::random(width, height, factors, 2, &mut random);
        let file = encode(&source, &Style::random(&mut random));
        let (_, made) = transcode(&file, REFUSE).unwrap();
        // A grey picture has no colours to compare.
        let options: &[&str] = if factors.len() == 1 { &["-grayscale"] } else { &[] };
        let Some(expected) = djpeg(&file, options) else { return };
        assert!(djpeg(&made, options).unwrap() == expected, "{factors:?} {width}x{height}");
    }
}

#[test]
fn libjpeg_turbo_sees_the_same_luma_where_chroma_is_resampled() {
    let mut random = Random(31);
    for (factors, (width, height)) in RESAMPLED.iter().flat_map(|&factors| SIZES.map(|size| (factors, size))) {
        let source = Picture::random(width, height, factors, 2, &mut random);
        let file = encode(&source, &Style::random(&mut random));
        let (_, made) = transcode(&file, CONVERT).unwrap();
        let Some(expected) = djpeg(&file, &["-grayscale"]) else { return };
        assert!(djpeg(&made, &["-grayscale"]).unwrap() == expected, "{factors:?} {width}x{height}");
    }
}
