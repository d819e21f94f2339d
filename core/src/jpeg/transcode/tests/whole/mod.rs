//! Whole pictures through the recoder.

mod arithmetic;
mod encoder;

use super::super::*;
use super::codec::{Picture, Random, decode};
use super::{CONVERT, LOSSLESS, REFUSE, RESAMPLED, SIZES};
use encoder::{Scan, Script, encode, extent};
use std::vec::Vec;

/// Progressive, arithmetic.
const CODINGS: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

fn recode(file: &[u8], policy: Policy) -> Result<(Change, Vec<u8>), Error> {
    let layout = Layout::parse(file)?;
    let Path::Whole(whole) = path(file, &layout, policy)? else { panic!("not a picture for the recoder") };
    // Whatever was there before.
    let mut coefficients = std::vec![-77; whole.coefficients];
    let mut out = std::vec![0; whole.max_output_len.min(1 << 24)];
    let (change, len) = Recoder::new().transcode(file, &layout, policy, &mut coefficients, &mut out)?;
    out.truncate(len);
    Ok((change, out))
}

/// Every block that holds some of the picture is that of the source; only luma where chroma was resampled.
fn assert_same_coefficients(source: &Picture, change: Change, made: &[u8]) {
    let layout = Layout::parse(made).unwrap();
    assert_eq!(layout.rtp_format().unwrap().restart_interval, 0);
    let picture = decode(made);
    assert_eq!((picture.width, picture.height), (source.width, source.height));
    for (index, found) in picture.components.iter().enumerate() {
        let Some(component) = source.components.get(index) else {
            assert!(found.blocks.iter().all(|block| block == &[0; 64]));
            continue;
        };
        if index > 0 && change != Change::Lossless {
            continue;
        }
        let (across, down) = extent(source, component);
        for (row, column) in (0..down).flat_map(|row| (0..across).map(move |column| (row, column))) {
            let expected = component.block(column, row).unwrap();
            assert_eq!(found.block(column, row), Some(expected), "component {index}, block {column}, {row}");
        }
    }
}

/// Scripts are never those of the transcoder: all components in one scan, in their order.
fn random_script(count: usize, coding: (bool, bool), random: &mut Random) -> Script {
    loop {
        let script = Script::random(count, coding.0, coding.1, random);
        if coding != (false, false) || (count > 1 && script.scans[0].components != [0, 1, 2]) {
            return script;
        }
    }
}

#[test]
fn coefficients_stay_what_they_are_in_every_coding_sampling_and_size() {
    let mut random = Random(50);
    let cases = LOSSLESS.iter().chain(&RESAMPLED).flat_map(|&factors| SIZES.map(|size| (factors, size)));
    for (factors, (width, height)) in cases {
        for coding in CODINGS {
            if coding == (false, false) && factors.len() == 1 {
                continue;
            }
            let source = Picture::random(width, height, factors, random.next(4), &mut random);
            let script = random_script(factors.len(), coding, &mut random);
            let file = encode(&source, &script);
            let is_lossless = LOSSLESS.contains(&factors);
            let (change, made) =
                recode(&file, CONVERT).unwrap_or_else(|error| panic!("{error:?}: {factors:?} {script:?}"));
            assert_eq!(change, if is_lossless { Change::Lossless } else { Change::Resampled });
            assert_same_coefficients(&source, change, &made);
            match recode(&file, REFUSE) {
                Ok(again) => assert!(is_lossless && again == (change, made)),
                Err(error) => assert!(!is_lossless && matches!(error, Error::Unsupported(Unsupported::Sampling(_)))),
            }
        }
    }
}
