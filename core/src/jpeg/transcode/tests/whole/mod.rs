//! Whole pictures through the recoder.

mod arithmetic;
mod decoders;
mod encoder;
mod hostile;
mod lossy;

use super::super::super::layout::ErrorKind;
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
fn a_picture_that_was_judged_before_becomes_the_same() {
    let mut random = Random(62);
    for factors in LOSSLESS.into_iter().chain(RESAMPLED) {
        let source = Picture::random(47, 70, factors, 3, &mut random);
        let file = encode(&source, &random_script(factors.len(), (true, false), &mut random));
        let layout = Layout::parse(&file).unwrap();
        let judgement = judge(&file, &layout, CONVERT).unwrap();
        let Path::Whole(whole) = judgement.path() else { panic!("not a picture for the recoder") };
        let (change, expected) = recode(&file, CONVERT).unwrap();
        assert_eq!(whole.change, change);
        let (mut coefficients, mut out) = (std::vec![-77; whole.coefficients], std::vec![0; expected.len()]);
        let made = Recoder::new().transcode_judged(&file, &layout, &judgement, &mut coefficients, &mut out);
        assert_eq!((made, out), (Ok((change, expected.len())), expected), "{factors:?}");
        let made = Transcoder::new().transcode_judged(&file, &layout, &judgement, &mut []);
        assert!(matches!(made, Err(Error::Unsupported(_))), "{made:?}");
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

#[test]
fn a_picture_that_is_sent_bit_by_bit_survives() {
    let mut random = Random(51);
    // Each coefficient of each component on its own, from the highest bit down, is as many scans as there may be.
    let bits = |components: &[usize], band, from: u32| {
        let first = Scan::progressive(components, band, (0, from));
        core::iter::once(first)
            .chain((0..from).rev().map(move |low| Scan {
                high: low + 1,
                low,
                ..Scan::progressive(components, band, (0, 0))
            }))
            .collect::<Vec<_>>()
    };
    let source = Picture::random(40, 24, LOSSLESS[0], 3, &mut random);
    let mut scans = bits(&[0, 1, 2], (0, 0), 10);
    (1..=63).for_each(|at| scans.extend(bits(&[0], (at, at), 2)));
    scans.extend(bits(&[1], (1, 63), 9));
    scans.extend(bits(&[2], (1, 63), 9));
    for is_arithmetic in [false, true] {
        let script = Script::new(true, is_arithmetic, scans.clone());
        let (change, made) = recode(&encode(&source, &script), REFUSE).unwrap();
        assert_same_coefficients(&source, change, &made);
    }
}

#[test]
fn coefficients_that_were_not_sent_are_zero() {
    let mut random = Random(52);
    let mut source = Picture::random(40, 24, LOSSLESS[0], 2, &mut random);
    // The first ones would be guessed.
    let mut scans = std::vec![Scan::progressive(&[0, 1, 2], (0, 0), (0, 0))];
    scans.extend([0, 1, 2].map(|component| Scan::progressive(&[component], (1, 9), (0, 0))));
    let file = encode(&source, &Script::new(true, false, scans));
    let (change, made) = recode(&file, REFUSE).unwrap();
    for block in source.components.iter_mut().flat_map(|component| &mut component.blocks) {
        block[10..].fill(0);
    }
    assert_same_coefficients(&source, change, &made);
    for block in source.components.iter_mut().flat_map(|component| &mut component.blocks) {
        block[1..].fill(0);
    }
    let luma = Scan::progressive(&[0, 1], (0, 0), (0, 0));
    let file = encode(&source, &Script::new(true, false, std::vec![luma]));
    let (change, made) = recode(&file, REFUSE).unwrap();
    source.components[2].blocks.fill([0; 64]);
    assert_same_coefficients(&source, change, &made);
}

#[test]
fn tables_and_heights_may_come_with_the_scans() {
    let mut random = Random(53);
    let source = Picture::random(40, 24, LOSSLESS[0], 2, &mut random);
    let script = Script::new(false, false, [0, 1, 2].map(|component| Scan::sequential(&[component])).to_vec());
    let file = encode(&source, &script);
    let expected = recode(&file, REFUSE).unwrap();
    // All in one id, each right before its scan.
    let find =
        |file: &[u8], code, from: usize| from + file[from..].windows(2).position(|pair| pair == [0xFF, code]).unwrap();
    let mut late = file.clone();
    let tables: Vec<_> = [0, 69, 138].map(|at| file[2 + at..2 + at + 69].to_vec()).to_vec();
    late.drain(2..2 + 3 * 69);
    let frame = find(&late, 0xC1, 0);
    [12, 15, 18].iter().for_each(|at| late[frame + at] = 0);
    let mut at = 0;
    for mut table in tables {
        table[4] = 0;
        at = find(&late, 0xDA, at);
        late.splice(at..at, table);
        at += 71;
    }
    assert_eq!(recode(&late, REFUSE).unwrap(), expected);
    // The height behind the first scan.
    let mut without = file.clone();
    let frame = find(&without, 0xC1, 0);
    without[frame + 5..frame + 7].fill(0);
    let behind = find(&without, 0xC4, find(&without, 0xDA, 0));
    without.splice(behind..behind, [0xFF, 0xDC, 0, 4, 0, 24]);
    assert_eq!(recode(&without, REFUSE).unwrap(), expected);
}

#[test]
fn the_transcoder_says_what_it_cannot_do_and_path_who_can() {
    let mut random = Random(54);
    for coding in CODINGS {
        let source = Picture::random(40, 24, LOSSLESS[0], 2, &mut random);
        let file = encode(&source, &random_script(3, coding, &mut random));
        let layout = Layout::parse(&file).unwrap();
        let refused = change(&file, &layout, CONVERT);
        assert!(matches!(refused, Err(Error::Unsupported(Unsupported::Coding(_) | Unsupported::Scans))), "{refused:?}");
        let Ok(Path::Whole(whole)) = path(&file, &layout, REFUSE) else { panic!() };
        assert_eq!((whole.change, whole.coefficients), (Change::Lossless, 3 * 2 * 6 * 64));
        let mut out = std::vec![0; whole.max_output_len];
        let mut recoder = Recoder::new();
        let mut few = std::vec![0; whole.coefficients - 1];
        let error = recoder.transcode(&file, &layout, REFUSE, &mut few, &mut out);
        assert_eq!(error, Err(Error::Coefficients { needed: whole.coefficients }));
        // Neither the memory's contents nor the picture before matter.
        let mut memory = std::vec![1234; whole.coefficients + 100];
        let (_, len) = recoder.transcode(&file, &layout, REFUSE, &mut memory, &mut out).unwrap();
        assert_eq!(recode(&file, REFUSE).unwrap().1, out[..len]);
        for short in [0, 1, 100, 600, 700, len - 500].into_iter().chain(len - 20..len) {
            let error = recoder.transcode(&file, &layout, REFUSE, &mut memory, &mut out[..short]);
            assert_eq!(error, Err(Error::Full { needed: len }), "{short}");
        }
        assert_eq!(
            recoder.transcode(&file, &layout, REFUSE, &mut memory, &mut out[..len]),
            Ok((Change::Lossless, len))
        );
    }
    let baseline = super::codec::encode(&Picture::empty(40, 24, LOSSLESS[2]), &super::codec::Style::standard());
    let layout = Layout::parse(&baseline).unwrap();
    assert_eq!(path(&baseline, &layout, REFUSE), Ok(Path::Streamed(Change::Lossless)));
}

/// Samplings that the transcoder refuses only because of the order of their blocks.
#[test]
fn three_blocks_a_side_and_large_mcus_are_no_obstacle() {
    let mut random = Random(55);
    let cases: [(&[(usize, usize)], Change); 6] = [
        (&[(3, 1), (3, 1), (3, 1)], Change::Resampled),
        (&[(3, 2), (3, 1), (3, 1)], Change::Resampled),
        (&[(4, 2), (2, 1), (2, 1)], Change::Lossless),
        (&[(2, 4), (1, 2), (1, 2)], Change::Lossless),
        (&[(4, 4), (2, 2), (2, 2)], Change::Lossless),
        (&[(4, 4), (1, 2), (1, 2)], Change::Resampled),
    ];
    for (factors, expected) in cases {
        for (width, height) in SIZES {
            let source = Picture::random(width, height, factors, 2, &mut random);
            let apart = [0, 1, 2].map(|component| Scan::sequential(&[component])).to_vec();
            let (change, made) = recode(&encode(&source, &Script::new(false, false, apart)), CONVERT).unwrap();
            assert_eq!(change, expected);
            assert_same_coefficients(&source, change, &made);
        }
    }
    // Interleaved, as baseline has it, but no more than ten blocks to an MCU.
    let source = Picture::random(70, 50, cases[0].0, 2, &mut random);
    let together = |source| encode(source, &Script::new(false, false, std::vec![Scan::sequential(&[0, 1, 2])]));
    let (change, made) = recode(&together(&source), CONVERT).unwrap();
    assert_eq!(change, Change::Resampled);
    assert_same_coefficients(&source, change, &made);
    let Err(Error::Damaged(error)) = recode(&together(&Picture::empty(70, 50, cases[4].0)), CONVERT) else { panic!() };
    assert_eq!(error.kind, ErrorKind::Components);
}

#[test]
fn it_needs_some_11_kb() {
    let size = size_of::<Recoder>();
    assert!(size < 12 * 1024 && size > 10 * 1024, "{size}");
}
