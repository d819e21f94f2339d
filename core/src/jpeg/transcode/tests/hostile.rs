//! Files that are cut, damaged, or meant to do harm.

use super::super::super::encoder::{self, CHROMA_AC, CHROMA_DC, LUMA_AC, LUMA_DC};
use super::*;

fn all() -> impl Iterator<Item = &'static &'static [(usize, usize)]> {
    LOSSLESS.iter().chain(&RESAMPLED)
}

/// Either a picture within the bound, or an error that points into the file.
fn assert_harmless(file: &[u8]) {
    match transcode(file, CONVERT) {
        Ok((Change::None, _)) | Err(Error::Unsupported(_)) => {}
        Ok((_, made)) => drop(decode(&made)),
        Err(Error::Damaged(error)) => assert!(error.at as usize <= file.len(), "{error:?}"),
        Err(error) => panic!("{error:?} in a buffer that is long enough for any picture"),
    }
}

/// The blocks of a picture in the order of its MCUs, of those that are all in the picture.
fn visible(picture: &Picture) -> Vec<Vec<codec::Block>> {
    let blocks = |mcu: Vec<(usize, usize)>| {
        mcu.into_iter().map(|(component, block)| picture.components[component].blocks[block]).collect()
    };
    picture.mcus().into_iter().map(blocks).collect()
}

/// MCUs up to the cut are what they were, one is completed, and those behind it have no coefficients, whatever comes between.
#[test]
fn a_file_that_is_cut_has_the_mcus_that_are_in_it() {
    let mut random = Random(20);
    for factors in &LOSSLESS[..2] {
        let source = Picture::random(32, 32, factors, 1, &mut random);
        for restart_interval in [0, 3] {
            let style = Style { restart_interval, ..Style::random(&mut random) };
            let file = encode(&source, &style);
            let start = Layout::parse(&file).unwrap().scan.start as usize;
            let whole = decode(&transcode(&file, CONVERT).unwrap().1);
            let whole = visible(&whole);
            let mut last = usize::MAX;
            for len in (0..file.len()).rev().step_by(3) {
                let result = transcode(&file[..len], CONVERT);
                if len < start {
                    let Err(Error::Damaged(error)) = result else { panic!() };
                    assert!(error.at as usize <= len, "{error:?} of {len}");
                    continue;
                }
                let made = match result {
                    Ok((_, made)) => made,
                    // Zeros may be any codes, and make differences of DC coefficients that add up.
                    Err(Error::Damaged(error)) if error.kind == ErrorKind::Coefficient => continue,
                    Err(error) => panic!("{error:?}, cut to {len}"),
                };
                let mcus = visible(&decode(&made));
                let same = mcus.iter().zip(&whole).take_while(|(found, expected)| found == expected).count();
                assert!(mcus.iter().skip(same + 1 + restart_interval).flatten().all(|block| *block == [0; 64]));
                assert!(same <= last, "{same} MCUs of {len} bytes, {last} of more");
                last = same + 1;
            }
            assert!(last <= 2);
        }
    }
}

#[test]
fn what_was_mended_is_told() {
    let mut random = Random(21);
    let source = Picture::random(64, 32, LOSSLESS[0], 1, &mut random);
    let file = encode(&source, &Style { restart_interval: 1, ..Style::standard() });
    let scan = Layout::parse(&file).unwrap().scan;
    let flaws = |file: &[u8]| {
        let layout = Layout::parse(file).unwrap();
        let mut transcoder = Transcoder::new();
        transcoder.transcode(file, &layout, REFUSE, &mut std::vec![0; 9999]).unwrap();
        transcoder.flaws().iter().collect::<Vec<_>>()
    };
    assert_eq!(flaws(&file), []);
    let end = (scan.start + scan.len) as usize;
    assert_eq!(flaws(&file[..end]), []);
    assert_eq!(flaws(&file[..end - 4]), [Flaw::MissingData]);
    let first = (scan.start as usize..end).find(|&at| matches!(file[at..at + 2], [0xFF, 0xD0])).unwrap();
    let surplus = [&file[..first], &[0xFF, 0x00], &file[first..]].concat();
    assert_eq!(flaws(&surplus), [Flaw::Surplus]);
    assert_eq!(transcode(&surplus, REFUSE), transcode(&file, REFUSE));
    let mut renumbered = file.clone();
    (scan.start as usize..end).filter(|&at| matches!(file[at..at + 2], [0xFF, 0xD0..=0xD7])).for_each(|at| {
        renumbered[at + 1] = 0xD0 | file[at + 1].wrapping_add(3) & 7;
    });
    assert_eq!(flaws(&renumbered), [Flaw::RestartNumbers]);
    assert_eq!(transcode(&renumbered, REFUSE), transcode(&file, REFUSE));
}

/// Only where it has an end, and is not to be read all the same.
#[test]
fn a_picture_that_could_be_sent_as_it_is_is_read_where_that_is_wanted() {
    let source = Picture::random(64, 32, LOSSLESS[0], 1, &mut Random(22));
    let file = encode(&source, &Style { extra: std::vec![0xFF, 0xFE, 0, 2], ..Style::standard() });
    let change = |file: &[u8], policy| transcode(file, policy).unwrap().0;
    assert_eq!(change(&file, REFUSE), Change::None);
    assert_eq!(change(&file, Policy { read_all: true, ..REFUSE }), Change::Lossless);
    assert_eq!(change(&file[..file.len() - 2], REFUSE), Change::Lossless);
    let same = decode(&transcode(&file, Policy { read_all: true, ..REFUSE }).unwrap().1);
    assert_eq!(same.components, source.components);
}

/// What comes of a picture, whose parts are each as long as `piece`, and what was wrong with it.
fn scan_in_pieces(file: &[u8], layout: &Layout, piece: usize) -> (Result<Vec<u8>, Error>, Flaws) {
    let mut transcoder = Transcoder::new();
    let (mut scan, mut buffer) = (Vec::new(), std::vec![0; piece]);
    let mut result = transcoder.start(file, layout, REFUSE).map(|_| piece);
    while result == Ok(piece) {
        result = transcoder.poll(file, &mut buffer);
        scan.extend_from_slice(&buffer[..result.unwrap_or(0)]);
    }
    (result.map(|_| scan), transcoder.flaws())
}

/// In a short buffer they are read block by block, in a long one row by row, as long as nothing is wrong.
#[test]
fn damaged_rows_of_tall_mcus_become_the_same_in_any_buffer() {
    let mut random = Random(23);
    let mut outcomes = [0; 3];
    for number in 0..120 {
        let (width, height) = (1 + random.next(90) as usize, 1 + random.next(70) as usize);
        let source = Picture::random(width, height, LOSSLESS[2], random.next(4), &mut random);
        let mut file = encode(&source, &Style::random(&mut random));
        let scan = Layout::parse(&file).unwrap().scan;
        for _ in 0..number % 4 {
            let at = (scan.start + random.next(scan.len.max(1))) as usize;
            match random.next(3) {
                0 => file[at] = random.next(256) as u8,
                1 => drop(file.remove(at)),
                _ => file.insert(at, random.next(256) as u8),
            }
        }
        let Ok(layout) = Layout::parse(&file) else { continue };
        let expected = scan_in_pieces(&file, &layout, 1);
        for piece in [MAX_BLOCK, 1400, 4000, 1 << 20] {
            assert_eq!(scan_in_pieces(&file, &layout, piece), expected, "picture {number} in pieces of {piece}");
        }
        outcomes[if expected.0.is_err() { 2 } else { usize::from(!expected.1.is_empty()) }] += 1;
    }
    assert!(outcomes.iter().all(|&count| count > 5), "{outcomes:?}");
}

#[test]
fn a_tiny_file_that_claims_to_be_huge_costs_nothing() {
    for factors in all() {
        let mut file = encode(&Picture::empty(16, 16, factors), &Style { restart_interval: 9999, ..Style::standard() });
        let at = file.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        file[at + 5..at + 9].copy_from_slice(&[0xFF; 4]);
        let Err(Error::Damaged(error)) = transcode(&file, CONVERT) else { panic!("{factors:?}") };
        assert_eq!(error.kind, ErrorKind::ScanTooShort);
    }
}

#[test]
fn no_symbol_grows_by_more_than_the_stated_factor() {
    let codes = |table: &'static [encoder::Code]| table.iter().enumerate().filter(|(_, code)| code.len != 0);
    for (symbol, code) in codes(&LUMA_AC).chain(codes(&CHROMA_AC)) {
        let size = symbol as u32 & 15;
        assert!(u32::from(code.len) + size <= 11 * (1 + size), "{symbol:x}");
        assert!(u32::from(code.len) + size <= 26);
    }
    for (size, code) in codes(&LUMA_DC).chain(codes(&CHROMA_DC)) {
        assert!(usize::from(code.len) + size <= 22);
    }
}

/// A file made to grow: one bit for what Annex K spends eleven on.
#[test]
fn the_bound_holds_where_a_file_is_made_to_grow() {
    let mut picture = Picture::empty(320, 320, LOSSLESS[0]);
    for block in picture.components.iter_mut().flat_map(|component| &mut component.blocks) {
        block[63] = 1;
    }
    let mut style = Style::standard();
    for tables in &mut style.tables {
        let ac = &mut tables[1];
        ac.symbols.retain(|&symbol| symbol != 0xF0 && symbol != 0xE1 && symbol != 0);
        ac.symbols.splice(0..0, [0xF0, 0xE1, 0]);
        ac.bits = [1, 1, 1, 0, 0, 0, 0, 0, 50, 0, 0, 0, 0, 0, 0, 109];
        tables[0].bits = [1, 0, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    }
    let file = encode(&picture, &style);
    let (_, made) = transcode(&file, REFUSE).unwrap();
    let layout = Layout::parse(&file).unwrap();
    let grown = Layout::parse(&made).unwrap().scan.len / layout.scan.len;
    let bound = max_output_len(&file, &layout, REFUSE).unwrap();
    assert!((6..=11).contains(&grown) && made.len() <= bound, "{grown} times, {} of at most {bound}", made.len());
    assert_eq!(decode(&made).components, picture.components);
}

/// Symbols renamed behind the encoder's back.
fn renamed(picture: &Picture, class: usize, from: u8, to: u8) -> Vec<u8> {
    let mut file = encode(picture, &Style::standard());
    let head = file.windows(2).enumerate().filter(|(_, pair)| *pair == [0xFF, 0xC4]).nth(class).unwrap().0;
    let at = head + 21 + file[head + 21..].iter().position(|&symbol| symbol == from).unwrap();
    file[at] = to;
    file
}

fn single(at: usize, value: i16) -> Picture {
    let mut picture = Picture::empty(16, 16, LOSSLESS[2]);
    picture.components[0].blocks[3][at] = value;
    picture
}

#[test]
fn coefficients_that_baseline_has_no_room_for_are_errors_where_they_are() {
    // A category of 12, and an AC coefficient of 11 bits.
    for (picture, class, from, to) in [(single(0, 5), 0, 0x03, 0x0C), (single(1, 5), 1, 0x03, 0x0B)] {
        let file = renamed(&picture, class, from, to);
        let Err(Error::Damaged(error)) = transcode(&file, REFUSE) else { panic!() };
        assert_eq!(error.kind, ErrorKind::Coefficient);
        let scan = Layout::parse(&file).unwrap().scan;
        assert!((scan.start..=scan.start + scan.len).contains(&error.at));
    }
}

#[test]
fn a_run_of_zeros_beyond_its_block_leads_to_the_last_coefficient() {
    let file = renamed(&single(63, 5), 1, 0xE3, 0xF3);
    assert_same_coefficients(&single(63, 5), &file, &transcode(&file, REFUSE).unwrap().1);
    // Sixteen zeros where fewer find room are an end, and so is what is no code.
    let file = renamed(&single(62, 5), 1, 0xD3, 0xF0);
    let (_, made) = transcode(&file, REFUSE).unwrap();
    assert_eq!(decode(&made).components[0].blocks[3], [0; 64]);
}

#[test]
fn a_huffman_table_of_too_many_codes_is_an_error() {
    let mut file = encode(&Picture::empty(16, 16, LOSSLESS[2]), &Style::standard());
    let at = file.windows(2).position(|pair| pair == [0xFF, 0xC4]).unwrap();
    file[at + 5..at + 10].copy_from_slice(&[3, 1, 2, 1, 1]);
    let Err(Error::Damaged(error)) = transcode(&file, REFUSE) else { panic!() };
    assert_eq!(error.kind, ErrorKind::Segment);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(256))]
    #[test]
    fn damage_anywhere_does_no_harm(
        seed: u64, sampling in 0_usize..16,
        damage in proptest::collection::vec((proptest::num::u16::ANY, proptest::num::u8::ANY), 1..6),
    ) {
        let mut random = Random(seed);
        let source = Picture::random(60, 40, all().nth(sampling).unwrap(), random.next(4), &mut random);
        let mut file = encode(&source, &Style::random(&mut random));
        for (at, value) in damage {
            let at = usize::from(at) % file.len();
            file[at] = value;
        }
        assert_harmless(&file);
    }

    #[test]
    fn noise_for_a_scan_does_no_harm(
        seed: u64, sampling in 0_usize..16, noise in proptest::collection::vec(proptest::num::u8::ANY, 0..600),
    ) {
        let mut random = Random(seed);
        let file = encode(&Picture::empty(60, 40, all().nth(sampling).unwrap()), &Style::random(&mut random));
        let scan = Layout::parse(&file).unwrap().scan;
        let clean: Vec<u8> = noise.iter().flat_map(|&byte| [byte, 0].into_iter().take(1 + usize::from(byte == 0xFF))).collect();
        for noise in [noise, clean] {
            assert_harmless(&[&file[..scan.start as usize], &noise, &[0xFF, 0xD9]].concat());
        }
    }
}
