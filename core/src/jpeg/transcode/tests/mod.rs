//! Whole pictures through the transcoder.

pub(super) mod codec;
pub(super) mod decoders;
mod hostile;
pub(super) mod quality;
mod whole;

use super::super::layout::{ErrorKind, Flaw, Sampling};
use super::super::tables;
use super::*;
use codec::{Picture, Random, Style, Table, decode, encode};
use std::vec::Vec;

const REFUSE: Policy = Policy { convert: false, restart_markers: false, read_all: false };
const CONVERT: Policy = Policy { convert: true, restart_markers: false, read_all: false };

const LOSSLESS: [&[(usize, usize)]; 7] = [
    &[(2, 2), (1, 1), (1, 1)],
    &[(2, 1), (1, 1), (1, 1)],
    &[(2, 2), (1, 2), (1, 2)],
    &[(4, 1), (2, 1), (2, 1)],
    &[(1, 1)],
    &[(2, 2)],
    &[(1, 2)],
];
const RESAMPLED: [&[(usize, usize)]; 9] = [
    &[(1, 1), (1, 1), (1, 1)],
    &[(1, 2), (1, 2), (1, 2)],
    &[(2, 1), (2, 1), (2, 1)],
    &[(1, 2), (1, 1), (1, 1)],
    &[(2, 2), (2, 1), (2, 1)],
    &[(4, 1), (1, 1), (1, 1)],
    &[(4, 2), (1, 1), (1, 1)],
    &[(1, 3), (1, 3), (1, 3)],
    &[(1, 4), (1, 2), (1, 2)],
];
const SIZES: [(usize, usize); 8] = [(8, 8), (16, 16), (1, 1), (17, 9), (33, 25), (40, 40), (47, 70), (96, 33)];

fn transcode(file: &[u8], policy: Policy) -> Result<(Change, Vec<u8>), Error> {
    let layout = Layout::parse(file)?;
    let bound = max_output_len(file, &layout, policy)?;
    let mut out = std::vec![0; bound];
    let (change, len) = Transcoder::new().transcode(file, &layout, policy, &mut out)?;
    out.truncate(len);
    Ok((change, out))
}

/// Every block of luma, and of chroma where it was not resampled, is that of the source; what the source has not is neutral.
fn assert_same_coefficients(source: &Picture, file: &[u8], made: &[u8]) {
    let layout = Layout::parse(made).unwrap();
    let format = layout.rtp_format().unwrap();
    assert_eq!((format.restart_interval, format.q), (0, 255));
    let picture = decode(made);
    assert_eq!((picture.width, picture.height), (source.width, source.height));
    let original = Layout::parse(file).unwrap();
    for (made_table, table) in layout.quantization.iter().zip(original.quantization) {
        assert_eq!(made_table.of(made), table.of(file));
    }
    let is_resampled = source.components.len() == 3 && original.sampling != layout.sampling && {
        let ratio = |picture: &Picture| picture.components[0].columns / picture.components[1].columns;
        ratio(source) != ratio(&picture)
    };
    for (index, part) in picture.components.iter().enumerate() {
        if index > 0 && is_resampled {
            continue;
        }
        let rows = part.blocks.len() / part.stride;
        for (row, column) in (0..rows).flat_map(|row| (0..part.stride).map(move |column| (row, column))) {
            let found = part.block(column, row).unwrap();
            match source.components.get(index) {
                Some(component) => {
                    if let Some(expected) = component.block(column, row) {
                        assert_eq!(found, expected, "component {index}, block {column}, {row}");
                    }
                }
                None => assert_eq!(found, &[0; 64]),
            }
        }
    }
}

#[test]
fn coefficients_stay_what_they_are_in_every_sampling_and_size() {
    let mut random = Random(1);
    for (factors, (width, height)) in LOSSLESS.iter().flat_map(|&factors| SIZES.map(|size| (factors, size))) {
        let source = Picture::random(width, height, factors, random.next(4), &mut random);
        let file = encode(&source, &Style::random(&mut random));
        let (change, made) = transcode(&file, REFUSE).unwrap();
        assert_eq!(change, Change::Lossless);
        assert_same_coefficients(&source, &file, &made);
    }
}

#[test]
fn luma_stays_what_it_is_where_chroma_is_resampled() {
    let mut random = Random(2);
    for (factors, (width, height)) in RESAMPLED.iter().flat_map(|&factors| SIZES.map(|size| (factors, size))) {
        let source = Picture::random(width, height, factors, random.next(4), &mut random);
        let file = encode(&source, &Style::random(&mut random));
        assert!(matches!(transcode(&file, REFUSE), Err(Error::Unsupported(Unsupported::Sampling(_)))));
        let (change, made) = transcode(&file, CONVERT).unwrap();
        assert_eq!(change, Change::Resampled);
        assert_same_coefficients(&source, &file, &made);
    }
}

#[test]
fn flat_chroma_keeps_its_value_when_resampled() {
    let mut random = Random(3);
    for (factors, (width, height)) in RESAMPLED.iter().flat_map(|&factors| SIZES.map(|size| (factors, size))) {
        let mut source = Picture::empty(width, height, factors);
        for (component, value) in source.components.iter_mut().zip([3, 50, -70]) {
            component.blocks.iter_mut().for_each(|block| block[0] = value);
        }
        let (_, made) = transcode(&encode(&source, &Style::random(&mut random)), CONVERT).unwrap();
        let picture = decode(&made);
        for (component, value) in picture.components.iter().zip([3, 50, -70]) {
            let mut expected = [0; 64];
            expected[0] = value;
            assert!(component.blocks.iter().all(|&block| block == expected), "{factors:?} {width}x{height}");
        }
    }
}

#[test]
fn a_picture_that_can_be_sent_as_it_is_is_left_alone() {
    let mut random = Random(4);
    for factors in &LOSSLESS[..2] {
        let source = Picture::random(40, 24, factors, 1, &mut random);
        for (restart_interval, policy, expected) in [
            (0, REFUSE, Change::None),
            (2, REFUSE, Change::Lossless),
            (2, Policy { restart_markers: true, ..REFUSE }, Change::None),
        ] {
            let file = encode(&source, &Style { restart_interval, ..Style::standard() });
            let layout = Layout::parse(&file).unwrap();
            assert_eq!(change(&file, &layout, policy), Ok(expected));
            let mut out = std::vec![0; 2 * file.len()];
            let (change, len) = Transcoder::new().transcode(&file, &layout, policy, &mut out).unwrap();
            assert_eq!((change, len == 0), (expected, expected == Change::None));
        }
    }
}

#[test]
fn restart_markers_stay_where_they_are_wanted_and_the_order_of_blocks_allows_it() {
    let mut random = Random(5);
    let policy = Policy { restart_markers: true, ..REFUSE };
    for (factors, kept) in [(LOSSLESS[0], true), (LOSSLESS[1], true), (LOSSLESS[2], false), (LOSSLESS[4], false)] {
        let source = Picture::random(100, 60, factors, 2, &mut random);
        let style = Style { restart_interval: 3, ..Style::random(&mut random) };
        let (_, made) = transcode(&encode(&source, &style), policy).unwrap();
        let layout = Layout::parse(&made).unwrap();
        assert_eq!(layout.restart_interval, if kept { 3 } else { 0 });
        if kept {
            assert_eq!(decode(&made).components, source.components);
        }
    }
}

#[test]
fn a_picture_that_was_judged_before_becomes_the_same() {
    let mut random = Random(61);
    let mut transcoder = Transcoder::new();
    for factors in LOSSLESS.into_iter().chain(RESAMPLED) {
        let file = encode(&Picture::random(47, 70, factors, 3, &mut random), &Style::random(&mut random));
        let layout = Layout::parse(&file).unwrap();
        let judgement = judge(&file, &layout, CONVERT).unwrap();
        assert_eq!(judgement.path(), path(&file, &layout, CONVERT).unwrap());
        let (change, expected) = transcode(&file, CONVERT).unwrap();
        let mut out = std::vec![0; expected.len()];
        let made = transcoder.transcode_judged(&file, &layout, &judgement, &mut out);
        assert_eq!((made, out), (Ok((change, expected.len())), expected), "{factors:?}");
    }
}

#[test]
fn what_comes_in_pieces_is_what_comes_as_a_whole() {
    let mut random = Random(6);
    let mut transcoder = Transcoder::new();
    for factors in LOSSLESS.into_iter().chain(RESAMPLED) {
        let source = Picture::random(70, 50, factors, 3, &mut random);
        let file = encode(&source, &Style::random(&mut random));
        let (_, whole) = transcode(&file, CONVERT).unwrap();
        let layout = Layout::parse(&file).unwrap();
        let scan = Layout::parse(&whole).unwrap().scan;
        for piece in [1, 7, 100, MAX_BLOCK - 1, MAX_BLOCK, 1400] {
            transcoder.start(&file, &layout, CONVERT).unwrap();
            let mut headers = [0; header::MAX_LEN];
            let len = header::emit(&mut headers, &transcoder.fields()).unwrap();
            assert_eq!(headers[..len], whole[..scan.start as usize]);
            let (mut pieces, mut buffer) = (Vec::new(), std::vec![0; piece]);
            loop {
                let len = transcoder.poll(&file, &mut buffer).unwrap();
                pieces.extend_from_slice(&buffer[..len]);
                if len < piece {
                    break;
                }
            }
            assert_eq!(transcoder.poll(&file, &mut buffer), Ok(0));
            assert_eq!(pieces, scan.of(&whole), "{factors:?} in pieces of {piece}");
        }
    }
}

#[test]
fn a_buffer_that_is_too_short_is_told_how_long_it_must_be() {
    let mut random = Random(7);
    let source = Picture::random(70, 50, LOSSLESS[2], 2, &mut random);
    let file = encode(&source, &Style::random(&mut random));
    let (_, whole) = transcode(&file, REFUSE).unwrap();
    let layout = Layout::parse(&file).unwrap();
    let mut transcoder = Transcoder::new();
    let lens = [0, 1, 100, 600, 700, whole.len() - 500].into_iter().chain(whole.len() - 20..whole.len());
    for len in lens {
        let mut short = std::vec![0; len];
        let error = transcoder.transcode(&file, &layout, REFUSE, &mut short);
        assert_eq!(error, Err(Error::Full { needed: whole.len() }), "{len}");
    }
    let mut exact = std::vec![0; whole.len()];
    assert_eq!(transcoder.transcode(&file, &layout, REFUSE, &mut exact), Ok((Change::Lossless, whole.len())));
    assert_eq!(exact, whole);
}

#[test]
fn segments_that_do_not_matter_are_passed_whatever_their_length() {
    let mut random = Random(8);
    let source = Picture::random(40, 40, LOSSLESS[0], 2, &mut random);
    let style = Style::random(&mut random);
    let expected = transcode(&encode(&source, &style), REFUSE).unwrap();
    let application = [&[0xFF, 0xE2, 0xFF, 0xFF][..], &std::vec![0xDA; 65533]].concat();
    let comment = [0xFF, 0xFF, 0xFF, 0xFE, 0, 2];
    let unused = [&[0xFF, 0xC4, 0, 20, 0x13, 1][..], &[0; 15], &[9]].concat();
    let extra = [&application[..], &comment, &unused, &[0xFF, 0x01]].concat();
    let file = encode(&source, &Style { extra, ..style });
    assert_eq!(transcode(&file, REFUSE).unwrap().1, expected.1);
}

#[test]
fn huffman_tables_that_a_file_leaves_out_are_annex_ks() {
    let mut random = Random(9);
    let source = Picture::random(40, 40, LOSSLESS[2], 2, &mut random);
    let file = encode(&source, &Style::standard());
    let start = file.windows(2).position(|pair| pair == [0xFF, 0xC4]).unwrap();
    let scan = file.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let without = [&file[..start], &file[scan..]].concat();
    assert_eq!(transcode(&without, REFUSE), transcode(&file, REFUSE));
}

#[test]
fn wide_quantisation_tables_of_small_entries_become_narrow() {
    let mut random = Random(10);
    let source = Picture::random(40, 40, LOSSLESS[0], 2, &mut random);
    let file = encode(&source, &Style { frame_header: 0xC1, ..Style::standard() });
    let widened = |high: u8| {
        let mut wide = file.clone();
        let at = wide.windows(2).position(|pair| pair == [0xFF, 0xDB]).unwrap();
        let entries: Vec<u8> = wide[at + 5..at + 69].iter().flat_map(|&entry| [high, entry]).collect();
        wide.splice(at..at + 69, [&[0xFF, 0xDB, 0, 131, 0x10][..], &entries].concat());
        wide
    };
    let (change, made) = transcode(&widened(0), REFUSE).unwrap();
    assert_eq!(change, Change::Lossless);
    assert_same_coefficients(&source, &file, &made);
    let error = transcode(&widened(1), CONVERT).unwrap_err();
    assert_eq!(error, Error::Unsupported(Unsupported::QuantizationTables));
}

#[test]
fn what_cannot_be_carried_is_refused_with_its_reason() {
    let picture = |width, height, factors| encode(&Picture::empty(width, height, factors), &Style::standard());
    let good = picture(16, 16, LOSSLESS[2]);
    let replaced = |from: &[u8], to: &[u8]| {
        let at = good.windows(from.len()).position(|window| window == from).unwrap();
        [&good[..at], to, &good[at + from.len()..]].concat()
    };
    let adobe = [0xFF, 0xD8, 0xFF, 0xEE, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, 0];
    let cases = [
        (replaced(&[0xFF, 0xC0], &[0xFF, 0xC2]), Unsupported::Coding(Coding::Progressive)),
        (replaced(&[0xFF, 0xC0, 0, 17, 8], &[0xFF, 0xC1, 0, 17, 12]), Unsupported::Precision(12)),
        (replaced(&[0xFF, 0xC0], &[0xFF, 0xC9]), Unsupported::Coding(Coding::Arithmetic)),
        (replaced(&[0xFF, 0xD8], &adobe), Unsupported::ColorSpace),
        (replaced(&[1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0], &[1, 0x00, 3, 0x11, 2, 0x11, 0, 63, 0]), Unsupported::Scans),
        (replaced(&[3, 1, 0x22, 0, 2, 0x12], &[3, 1, 0x22, 0, 2, 0x11]), Unsupported::Sampling(Sampling::Other)),
        (replaced(&[0, 16, 0, 16, 3], &[0, 0, 0, 16, 3]), Unsupported::Dimensions { width: 16, height: 0 }),
        (picture(16, 16, &[(1, 1); 4][..3]), Unsupported::Sampling(Sampling::Yuv444)),
    ];
    for (file, reason) in cases {
        assert_eq!(transcode(&file, REFUSE), Err(Error::Unsupported(reason)));
    }
}

#[test]
fn three_sets_of_huffman_tables_are_as_good_as_two() {
    let mut random = Random(11);
    for factors in LOSSLESS[..4].iter().chain(&RESAMPLED) {
        let source = Picture::random(40, 40, factors, 3, &mut random);
        let mut style = Style::random(&mut random);
        style.frame_header = 0xC1;
        style.tables[2] = [tables::LUMA_DC, tables::LUMA_AC].map(|like| Table::random(like, &mut random));
        let file = encode(&source, &style);
        assert_same_coefficients(&source, &file, &transcode(&file, CONVERT).unwrap().1);
    }
}

/// All sampling factors there are: what is accepted must be right, and what can be accepted must be.
#[test]
fn each_sampling_that_is_accepted_is_right() {
    let mut random = Random(12);
    let factors = || (1..=4).flat_map(|columns| (1..=4).map(move |rows| (columns, rows)));
    let mut accepted = [0; 2];
    for (luma, chroma) in factors().flat_map(|luma| factors().map(move |chroma| (luma, chroma))) {
        if luma.0 * luma.1 + 2 * chroma.0 * chroma.1 > 10 {
            continue;
        }
        let (width, height) = (1 + random.next(90) as usize, 1 + random.next(90) as usize);
        let source = Picture::random(width, height, &[luma, chroma, chroma], random.next(4), &mut random);
        let file = encode(&source, &Style::random(&mut random));
        let (across, down) = (luma.0 as f64 / chroma.0 as f64, luma.1 as f64 / chroma.1 as f64);
        // Three blocks across are the exception: they share no edges with two.
        let is_possible = [1.0, 2.0, 4.0].contains(&across) && [1.0, 2.0].contains(&down) && luma.0 != 3;
        match transcode(&file, CONVERT) {
            Ok((change, made)) => {
                assert!(is_possible, "{luma:?} {chroma:?}");
                accepted[usize::from(change == Change::Resampled)] += 1;
                if change != Change::None {
                    assert_same_coefficients(&source, &file, &made);
                }
            }
            Err(error) => {
                assert!(matches!(error, Error::Unsupported(Unsupported::Sampling(_))), "{error:?}");
                assert!(!is_possible, "{luma:?} {chroma:?}");
            }
        }
    }
    assert!(accepted[0] >= 4 && accepted[1] >= 8, "{accepted:?}");
}

#[test]
fn tables_of_a_single_symbol_are_tables() {
    let single = |len: usize, symbol| {
        let mut bits = [0; 16];
        bits[len - 1] = 1;
        Table { bits, symbols: std::vec![symbol] }
    };
    for (factors, len) in LOSSLESS.iter().chain(&RESAMPLED).flat_map(|&factors| [1, 9, 16].map(|len| (factors, len))) {
        let source = Picture::empty(70, 50, factors);
        let tables = [single(len, 0), single(17 - len, 0)];
        let style = Style { tables: [tables.clone(), tables.clone(), tables], ..Style::standard() };
        let file = encode(&source, &style);
        let (_, made) = transcode(&file, CONVERT).unwrap();
        assert_same_coefficients(&source, &file, &made);
    }
}

/// Differences of 11 bits, coefficients of 10, runs of 62 zeros, blocks without an end: what baseline has room for.
#[test]
fn the_largest_coefficients_and_the_longest_runs_survive() {
    let mut random = Random(13);
    for factors in LOSSLESS {
        let mut source = Picture::empty(50, 40, factors);
        for component in &mut source.components {
            for (number, block) in component.blocks.iter_mut().enumerate() {
                let sign = if number % 2 == 0 { 1 } else { -1 };
                block[0] = sign * 1023;
                match number % 3 {
                    0 => block[63] = sign * 1023,
                    1 => block[1..].fill(-sign * 1023),
                    _ => block[1 + random.next(62) as usize] = sign,
                }
            }
        }
        let file = encode(&source, &Style::random(&mut random));
        let (_, made) = transcode(&file, REFUSE).unwrap();
        assert_same_coefficients(&source, &file, &made);
    }
}

#[test]
fn it_needs_less_than_8_kb() {
    let size = size_of::<Transcoder>();
    assert!(size < 8 * 1024, "{size}");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]
    #[test]
    fn any_coefficients_tables_samplings_and_restart_intervals_survive(
        seed: u64, sampling in 0_usize..16, width in 1_usize..200, height in 1_usize..120, busy in 0_u32..4,
    ) {
        let mut random = Random(seed);
        let factors = LOSSLESS.iter().chain(&RESAMPLED).nth(sampling).unwrap();
        let source = Picture::random(width, height, factors, busy, &mut random);
        let file = encode(&source, &Style::random(&mut random));
        assert_eq!(decode(&file).components, source.components);
        let (_, made) = transcode(&file, CONVERT).unwrap();
        assert_same_coefficients(&source, &file, &made);
    }
}
