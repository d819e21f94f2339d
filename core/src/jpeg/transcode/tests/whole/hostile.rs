//! Files that are cut, damaged, or meant to do harm.

use super::*;

/// Either a picture within the bound, or an error that points into the file.
fn assert_harmless(file: &[u8]) -> Result<(), Error> {
    let layout = Layout::parse(file)?;
    let Path::Whole(whole) = path(file, &layout, CONVERT)? else { return Ok(()) };
    // As the server does it: not for pictures of any size.
    if whole.coefficients > 1 << 16 {
        return Ok(());
    }
    let mut coefficients = std::vec![7; whole.coefficients];
    let mut out = std::vec![0; whole.max_output_len];
    let (_, len) = Recoder::new().transcode(file, &layout, CONVERT, &mut coefficients, &mut out)?;
    drop(decode(&out[..len]));
    Ok(())
}

fn assert_points_into(file: &[u8]) {
    match assert_harmless(file) {
        Ok(()) | Err(Error::Unsupported(_)) => {}
        Err(Error::Damaged(error)) => assert!(error.at as usize <= file.len(), "{error:?} of {}", file.len()),
        Err(error) => panic!("{error:?} where there is room for any picture"),
    }
}

fn file(coding: (bool, bool), side: u32, random: &mut Random) -> Vec<u8> {
    let factors = LOSSLESS.iter().chain(&RESAMPLED).nth(random.next(16) as usize).unwrap();
    let count = if coding == (false, false) { 3 } else { factors.len() };
    let factors = if count == factors.len() { factors } else { LOSSLESS[0] };
    let (width, height) = (1 + random.next(side) as usize, 1 + random.next(side) as usize);
    let source = Picture::random(width, height, factors, random.next(1 + side / 16), random);
    encode(&source, &random_script(count, coding, random))
}

/// A file with one scan of each kind, and restart markers in some.
fn small_file((is_progressive, is_arithmetic): (bool, bool), random: &mut Random) -> Vec<u8> {
    let scans = if is_progressive {
        std::vec![
            Scan::progressive(&[0, 1, 2], (0, 0), (0, 1)),
            Scan { restart_interval: 2, ..Scan::progressive(&[0], (1, 63), (0, 1)) },
            Scan::progressive(&[0, 1, 2], (0, 0), (1, 0)),
            Scan { restart_interval: 1, ..Scan::progressive(&[0], (1, 63), (1, 0)) },
            Scan::progressive(&[2], (1, 63), (0, 0)),
        ]
    } else {
        std::vec![Scan::sequential(&[1, 2]), Scan { restart_interval: 2, ..Scan::sequential(&[0]) }]
    };
    let source = Picture::random(20, 12, LOSSLESS[0], 2, random);
    encode(&source, &Script::new(is_progressive, is_arithmetic, scans))
}

#[test]
fn a_file_that_is_cut_is_what_is_left_of_it() {
    let mut random = Random(80);
    for coding in CODINGS {
        let file = small_file(coding, &mut random);
        let start = Layout::parse(&file).unwrap().scan.start as usize;
        for len in 0..file.len() {
            match recode_any(&file[..len]) {
                Err(Error::Damaged(error)) => {
                    assert!(error.at as usize <= len, "{error:?} of {len}");
                    assert!(len < start || error.kind == ErrorKind::Coefficient, "{error:?} of {len}");
                }
                Err(error) => panic!("{error:?}, cut to {len}"),
                Ok((_, made)) => assert!(len >= start && Layout::parse(&made).unwrap().rtp_format().is_ok()),
            }
        }
    }
}

#[test]
fn a_scan_header_that_is_cut_goes_on_with_what_libjpeg_makes_up() {
    let mut random = Random(87);
    let mut shown = 0;
    for (seed, is_arithmetic) in (0..6).flat_map(|seed| [(seed, false), (seed, true)]) {
        let source = Picture::random(40, 24, LOSSLESS[0], 1, &mut random);
        let scans = [0, 1, 2].map(|component| Scan::sequential(&[component])).to_vec();
        let file = encode(&source, &Script { seed, ..Script::new(false, is_arithmetic, scans) });
        let last = file.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
        // No scan has such a length, so many components, or one of that name. There are 16 tables for arithmetic coding, but no more
        // than four of Huffman's.
        let first = if is_arithmetic { 6 } else { 7 };
        for len in 0..10 {
            let cut = &file[..last + len];
            let made_up = [0xFF, 0xD9].repeat(5);
            let (header, data) = made_up.split_at(10 - len.max(2));
            let data = if data[0] == 0xD9 { &data[..1] } else { &[] };
            let expected = match len < first {
                true => recode(&file[..last], REFUSE),
                // A table may have a difference that is too large for what it reads there.
                false => recode(&[cut, header, data, &[0xFF, 0xD9]].concat(), REFUSE),
            };
            assert!(recode(cut, REFUSE) == expected, "{len} bytes, {is_arithmetic}");
            assert!(recode(&[cut, &[0xFF, 0xD9]].concat(), REFUSE) == expected, "{len} bytes and EOI, {is_arithmetic}");
            shown += u32::from(len >= first && expected.is_ok());
        }
    }
    assert!(shown > 25, "{shown}");
}

#[test]
fn what_looks_like_an_eoi_in_a_later_segment_ends_no_picture() {
    let source = Picture::random(40, 24, LOSSLESS[0], 2, &mut Random(88));
    let scans = [0, 1, 2].map(|component| Scan::sequential(&[component])).to_vec();
    let file = encode(&source, &Script::new(false, false, scans));
    let last = file.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let expected = recode(&file, REFUSE).unwrap();
    for tail in [&[][..], &[0xFF, 0xD9], b"\xFF\xD9 and more"] {
        let comment = [0xFF, 0xFE, 0, 6, 0xFF, 0xD9, 0xFF, 0xD9];
        let file = [&file[..last], &comment, &file[last..file.len() - 2], tail].concat();
        assert!(recode(&file, REFUSE).unwrap() == expected, "{tail:?}");
    }
}

#[test]
fn a_huffman_table_of_too_many_codes_is_an_error_where_it_is_used() {
    let source = Picture::random(40, 24, LOSSLESS[0], 2, &mut Random(90));
    let scans = [0, 1, 2].map(|component| Scan::sequential(&[component])).to_vec();
    let file = encode(&source, &Script::new(false, false, scans));
    let last = file.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let used = file[last + 6] & 15;
    let expected = recode(&file, REFUSE).unwrap();
    for id in 0..4 {
        let table = [&[0xFF, 0xC4, 0, 22, 0x10 | id, 3][..], &[0; 15], &[1, 2, 3]].concat();
        match recode(&[&file[..last], &table, &file[last..]].concat(), REFUSE) {
            Ok(found) => assert!(id != used && found == expected),
            Err(error) => {
                assert!(id == used && matches!(error, Error::Damaged(error) if error.kind == ErrorKind::Code))
            }
        }
    }
}

#[test]
fn a_component_of_which_no_scan_comes_has_the_table_of_the_other() {
    let mut random = Random(91);
    let source = Picture::random(40, 24, LOSSLESS[0], 1, &mut random);
    for (component, other) in [(1, 2), (2, 1)] {
        // No DC coefficients of that one either.
        let scans =
            [Scan::progressive(&[0], (0, 0), (0, 0)), Scan::progressive(&[component], (1, 63), (0, 0))].to_vec();
        let (change, made) = recode(&encode(&source, &Script::new(true, false, scans)), REFUSE).unwrap();
        let chroma = &decode(&made).components[other].blocks;
        assert!(change == Change::Lossless && chroma.iter().all(|block| block == &[0; 64]));
    }
}

#[test]
fn tables_that_a_scan_does_not_need_may_have_any_name() {
    let mut random = Random(89);
    for is_arithmetic in [false, true] {
        let source = Picture::random(40, 24, LOSSLESS[0], 2, &mut random);
        let scans = [Scan::progressive(&[0, 1, 2], (0, 0), (0, 0)), Scan::progressive(&[1], (1, 63), (0, 0))].to_vec();
        let mut file = encode(&source, &Script::new(true, is_arithmetic, scans));
        let expected = recode(&file, REFUSE).unwrap();
        let first = Layout::parse(&file).unwrap().scan.start as usize;
        // AC tables of the first scan, and the DC table of the last one.
        [8, 6, 4].into_iter().for_each(|back| file[first - back] |= 0x0F);
        let last = file.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
        file[last + 6] |= 0xF0;
        assert!(recode(&file, REFUSE).unwrap() == expected, "{is_arithmetic}");
    }
}

/// An arithmetic coder leaves out zeros at a scan's end, and how many they were cannot be seen: none of these files is cut.
#[test]
fn arithmetic_coded_pictures_need_no_eoi() {
    let mut random = Random(86);
    for number in 0..600 {
        let (width, height) = (1 + random.next(60) as usize, 1 + random.next(60) as usize);
        let mut source = Picture::random(width, height, LOSSLESS[number % LOSSLESS.len()], random.next(4), &mut random);
        // Black below, as films have it that are wider than their picture: the longest runs of zeros.
        if number % 3 == 0 {
            for component in &mut source.components {
                let half = component.blocks.len() / 2;
                component.blocks[half..].fill([0; 64]);
            }
        }
        let script = random_script(source.components.len(), (number % 2 == 0, true), &mut random);
        let file = encode(&source, &script);
        let (without, end) = file.split_at(file.len() - 2);
        assert_eq!(end, [0xFF, 0xD9]);
        let found = recode(without, CONVERT).unwrap_or_else(|error| panic!("{error:?}: picture {number}"));
        assert!(found == recode(&file, CONVERT).unwrap(), "picture {number}");
    }
}

fn recode_any(file: &[u8]) -> Result<(Change, Vec<u8>), Error> {
    let layout = Layout::parse(file)?;
    match path(file, &layout, CONVERT)? {
        Path::Whole(_) => recode(file, CONVERT),
        Path::Streamed(_) => panic!("not a picture for the recoder"),
    }
}

#[test]
fn every_byte_changed_is_a_picture_or_an_error_in_the_file() {
    let mut random = Random(81);
    for coding in CODINGS {
        let file = small_file(coding, &mut random);
        for at in 0..file.len() {
            for change in [1, 0x80, 0xFF, random.next(255) as u8 + 1] {
                let mut file = file.clone();
                file[at] ^= change;
                assert_points_into(&file);
            }
        }
    }
}

#[test]
fn a_tiny_file_that_claims_to_be_huge_costs_nothing() {
    let mut random = Random(82);
    for coding in CODINGS.into_iter().filter(|coding| !coding.1) {
        let mut file = file(coding, 20, &mut random);
        let at = file.windows(2).position(|pair| matches!(pair, [0xFF, 0xC1 | 0xC2])).unwrap();
        file[at + 5..at + 9].copy_from_slice(&[0xFF; 4]);
        let Err(Error::Damaged(error)) = path(&file, &Layout::parse(&file).unwrap(), CONVERT) else { panic!() };
        assert_eq!((error.kind, error.at as usize), (ErrorKind::ScanTooShort, file.len() - 2));
    }
}

#[test]
fn scans_out_of_turn_are_read_and_impossible_ones_are_errors() {
    let mut random = Random(83);
    let source = Picture::random(24, 24, LOSSLESS[0], 1, &mut random);
    let p = Scan::progressive;
    let (dc, all) = ((0, 0), [0, 1, 2]);
    let cases: [(bool, &[Scan]); 13] = [
        // Twice the same, or the same bit twice.
        (false, &[Scan::sequential(&[0]), Scan::sequential(&[1, 2]), Scan::sequential(&[0])]),
        (true, &[p(&all, dc, (0, 0)), p(&all, dc, (0, 0))]),
        (true, &[p(&all, dc, (0, 1)), p(&all, dc, (1, 0)), p(&all, dc, (1, 0))]),
        (true, &[p(&all, dc, (0, 0)), p(&[0], (1, 5), (0, 0)), p(&[0], (5, 9), (0, 0))]),
        // A bit left out, or before the first ones.
        (true, &[p(&all, dc, (0, 2)), p(&all, dc, (1, 0))]),
        (true, &[p(&all, dc, (0, 3)), p(&all, dc, (3, 1))]),
        (true, &[p(&all, dc, (0, 0)), p(&[0], (1, 5), (2, 1))]),
        // No such band.
        (true, &[p(&[0], (0, 5), (0, 0))]),
        (true, &[p(&all, dc, (0, 0)), p(&[0], (6, 5), (0, 0))]),
        (true, &[p(&all, dc, (0, 0)), p(&[0], (1, 64), (0, 0))]),
        (true, &[p(&all, dc, (0, 0)), p(&[0, 1], (1, 5), (0, 0))]),
        (true, &[p(&all, dc, (0, 14))]),
        (true, &[p(&all, dc, (1, 0))]),
    ];
    for (number, (is_progressive, scans)) in cases.into_iter().enumerate() {
        let is_out_of_turn = matches!(number, 0..=4 | 6 | 12);
        // What no writer can write is a scan of nothing but its header.
        let (last, before) = scans.split_last().unwrap();
        let is_possible = last.first <= last.last && last.last <= 63;
        let written = if is_possible { scans } else { before };
        let mut file = encode(&source, &Script::new(is_progressive, false, written.to_vec()));
        if !is_possible {
            let end = file.len() - 2;
            file.splice(end..end, [0xFF, 0xDA, 0, 8, 1, 1, 0, last.first as u8, last.last as u8, 0]);
        }
        // libjpeg warns of the same ones that are read here, and refuses the same ones.
        let layout = Layout::parse(&file).unwrap();
        let Path::Whole(whole) = path(&file, &layout, REFUSE).unwrap() else { panic!("{scans:?}") };
        let mut recoder = Recoder::new();
        let mut coefficients = std::vec![0; whole.coefficients];
        let mut out = std::vec![0; whole.max_output_len];
        match recoder.transcode(&file, &layout, REFUSE, &mut coefficients, &mut out) {
            Ok(_) => assert!(is_out_of_turn && recoder.flaws().contains(layout::Flaw::ScanParameters), "{scans:?}"),
            Err(Error::Damaged(error)) => {
                assert!(!is_out_of_turn && error.kind == ErrorKind::Scan, "{error:?}: {scans:?}");
            }
            Err(error) => panic!("{error:?}: {scans:?}"),
        }
    }
}

#[test]
fn there_may_be_no_more_scans_than_some() {
    let source = Picture::empty(8, 8, LOSSLESS[0]);
    let mut scans = std::vec![Scan::progressive(&[0, 1, 2], (0, 0), (0, 0))];
    for component in 0..3 {
        for low in (0..3).rev() {
            let high = if low == 2 { 0 } else { low + 1 };
            scans.extend((1..=63).map(|at| Scan::progressive(&[component], (at, at), (high, low))));
        }
    }
    scans.truncate(256);
    let script = Script::new(true, true, scans.clone());
    assert!(recode(&encode(&source, &script), REFUSE).is_ok());
    scans.push(Scan::progressive(&[2], (63, 63), (0, 9)));
    let script = Script::new(true, true, scans);
    let Err(Error::Damaged(error)) = recode(&encode(&source, &script), REFUSE) else { panic!() };
    assert_eq!(error.kind, ErrorKind::Scan);
}

/// The bound for Huffman-coded files: a bit for a code and one for a sign become 26, with zeros before each.
#[test]
fn the_bound_holds_where_a_file_is_made_to_grow() {
    let mut random = Random(84);
    let mut most = 0.0_f64;
    for busy in 0..4 {
        for is_arithmetic in [false, true] {
            let mut source = Picture::random(160, 160, LOSSLESS[0], busy, &mut random);
            for block in source.components.iter_mut().flat_map(|component| &mut component.blocks) {
                (block[17], block[34], block[51], block[63]) = (1, -1, 1, 1);
            }
            let scans = std::vec![
                Scan::progressive(&[0, 1, 2], (0, 0), (0, 0)),
                Scan::progressive(&[0], (1, 63), (0, 0)),
                Scan::progressive(&[1], (1, 63), (0, 0)),
                Scan::progressive(&[2], (1, 63), (0, 0)),
            ];
            let file = encode(&source, &Script::new(true, is_arithmetic, scans));
            let layout = Layout::parse(&file).unwrap();
            let Ok(Path::Whole(whole)) = path(&file, &layout, REFUSE) else { panic!() };
            let (_, made) = recode(&file, REFUSE).unwrap();
            assert!(made.len() <= whole.max_output_len);
            most = most.max(made.len() as f64 / whole.max_output_len as f64);
        }
    }
    assert!(most > 0.15, "{most}: a bound far above the truth bounds nothing");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(256))]
    #[test]
    fn damage_anywhere_does_no_harm(
        seed: u64, coding in 0_usize..4,
        damage in proptest::collection::vec((proptest::num::u16::ANY, proptest::num::u8::ANY), 1..6),
    ) {
        let mut file = file(CODINGS[coding], 56, &mut Random(seed));
        for (at, value) in damage {
            let at = usize::from(at) % file.len();
            file[at] = value;
        }
        assert_points_into(&file);
    }

    #[test]
    fn noise_behind_a_scan_header_does_no_harm(
        seed: u64, coding in 0_usize..4, noise in proptest::collection::vec(proptest::num::u8::ANY, 0..600),
    ) {
        let file = file(CODINGS[coding], 56, &mut Random(seed));
        let scan = Layout::parse(&file).unwrap().scan;
        let clean: Vec<u8> = noise.iter().flat_map(|&byte| [byte, 0].into_iter().take(1 + usize::from(byte == 0xFF))).collect();
        for noise in [noise, clean] {
            assert_points_into(&[&file[..scan.start as usize], &noise, &[0xFF, 0xD9]].concat());
        }
    }

    #[test]
    fn any_scans_of_any_picture_survive(
        seed: u64, sampling in 0_usize..16, coding in 0_usize..4,
        width in 1_usize..150, height in 1_usize..90, busy in 0_u32..4,
    ) {
        let mut random = Random(seed);
        let factors = LOSSLESS.iter().chain(&RESAMPLED).nth(sampling).unwrap();
        proptest::prop_assume!(CODINGS[coding] != (false, false) || factors.len() == 3);
        let source = Picture::random(width, height, factors, busy, &mut random);
        let file = encode(&source, &random_script(factors.len(), CODINGS[coding], &mut random));
        let (change, made) = recode(&file, CONVERT).unwrap();
        assert_same_coefficients(&source, change, &made);
    }
}
