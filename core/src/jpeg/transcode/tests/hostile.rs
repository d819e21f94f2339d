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

#[test]
fn a_file_that_is_cut_is_an_error_at_its_end() {
    let mut random = Random(20);
    for factors in all() {
        let source = Picture::random(30, 20, factors, 1, &mut random);
        let style = Style { restart_interval: 2, ..Style::random(&mut random) };
        let file = encode(&source, &style);
        let scan = Layout::parse(&file).unwrap().scan;
        for len in 0..file.len() {
            let cut = &file[..len];
            let result = transcode(cut, CONVERT);
            if let Err(Error::Damaged(error)) = result {
                assert!(error.at as usize <= len, "{error:?} of {len}");
            } else {
                // Only without its last bits, which may all be padding.
                assert!(result.is_ok() && len + 3 >= file.len(), "{factors:?} cut to {len} of {}", file.len());
            }
            if len >= scan.start as usize && len + 3 < file.len() {
                let Err(Error::Damaged(error)) = result else { panic!() };
                assert!(matches!(error.kind, ErrorKind::ScanTooShort | ErrorKind::RestartMarker), "{error:?}");
                assert!(error.at as usize + 2 >= len);
            }
        }
    }
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

#[test]
fn impossible_symbols_are_errors_where_they_are() {
    let picture = |at: usize, value: i16| {
        let mut picture = Picture::empty(16, 16, LOSSLESS[2]);
        picture.components[0].blocks[3][at] = value;
        picture
    };
    // Symbols renamed behind the encoder's back: a category of 12, an AC coefficient of 11 bits, a run beyond the block.
    for (value, class, from, to, kind) in [
        (picture(0, 5), 0, 0x03, 0x0C, ErrorKind::Coefficient),
        (picture(1, 5), 1, 0x03, 0x0B, ErrorKind::Coefficient),
        (picture(63, 5), 1, 0xE3, 0xF3, ErrorKind::Coefficient),
    ] {
        let mut file = encode(&value, &Style::standard());
        let head = file.windows(2).enumerate().filter(|(_, pair)| *pair == [0xFF, 0xC4]).nth(class).unwrap().0;
        let at = head + 21 + file[head + 21..].iter().position(|&symbol| symbol == from).unwrap();
        file[at] = to;
        let Err(Error::Damaged(error)) = transcode(&file, REFUSE) else { panic!() };
        assert_eq!(error.kind, kind);
        let scan = Layout::parse(&file).unwrap().scan;
        assert!((scan.start..=scan.start + scan.len).contains(&error.at));
    }
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
