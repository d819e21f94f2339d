//! Samples of 12 bits and tables that RTP/JPEG has no room for.

use super::super::codec::Component;
use super::*;

/// What is decoded, before it is rounded to samples: coefficients times the table's entries.
fn dequantised(component: &Component, column: usize, row: usize, table: impl Fn(usize) -> f64) -> Vec<f64> {
    let block = component.block(column, row).unwrap();
    block.iter().enumerate().map(|(at, &value)| f64::from(value) * table(at)).collect()
}

/// Each coefficient is within half of a step of the new table of what it was; returns the tables.
fn assert_near(source: &Picture, script: &Script, made: &[u8]) -> [[u8; 64]; 2] {
    let layout = Layout::parse(made).unwrap();
    layout.rtp_format().unwrap();
    let tables = layout.quantization.map(|span| <[u8; 64]>::try_from(span.of(made)).unwrap());
    let scale = if script.precision == 12 { 16.0 } else { 1.0 };
    let picture = decode(made);
    for (index, (from, to)) in source.components.iter().zip(&picture.components).enumerate() {
        let table = tables[index.min(1)];
        let (across, down) = extent(source, from);
        for (row, column) in (0..down).flat_map(|row| (0..across).map(move |column| (row, column))) {
            let before = dequantised(from, column, row, |at| f64::from(script.quantization[index][at]) / scale);
            let after = dequantised(to, column, row, |at| f64::from(table[at]));
            for (at, (before, after)) in before.iter().zip(&after).enumerate() {
                let step = f64::from(table[at]);
                // Baseline has room for so much.
                let before = before.clamp(-step * if at == 0 { 1024.0 } else { 1023.0 }, step * 1023.0);
                assert!((before - after).abs() <= step / 2.0 + 1e-9, "{before} became {after}, step {step}, at {at}");
            }
        }
    }
    tables
}

fn apart() -> Vec<Scan> {
    [0, 1, 2].map(|component| Scan::sequential(&[component])).to_vec()
}

#[test]
fn samples_of_12_bits_become_8_in_every_coding() {
    let mut random = Random(70);
    for coding in CODINGS {
        for (width, height) in SIZES {
            let mut source = Picture::random(width, height, LOSSLESS[0], 2, &mut random);
            for block in source.components.iter_mut().flat_map(|component| &mut component.blocks) {
                // As large as 12 bits make them.
                block[0] *= 16;
                block[1 + random.next(63) as usize] = random.next(32766) as i16 / 2 - 8191;
            }
            let mut script = random_script(3, coding, &mut random);
            script.precision = 12;
            script.quantization = [0, 1, 1].map(|chroma| core::array::from_fn(|at| 1 + (at * at) as u16 * 2 + chroma));
            let file = encode(&source, &script);
            assert_eq!(recode(&file, REFUSE).unwrap_err(), Error::Unsupported(Unsupported::Precision(12)));
            let (change, made) = recode(&file, CONVERT).unwrap();
            assert_eq!(change, Change::Requantised);
            let [luma, chroma] = assert_near(&source, &script, &made);
            assert_eq!((luma[0], luma[10], luma[63], chroma[63]), (1, 13, 255, 255));
        }
    }
}

#[test]
fn large_entries_become_255_and_coefficients_grow() {
    let mut random = Random(71);
    let source = Picture::random(70, 50, LOSSLESS[1], 2, &mut random);
    let mut script = Script::new(false, false, apart());
    script.quantization[0][5] = 256;
    script.quantization[0][63] = 65_535;
    let file = encode(&source, &script);
    assert_eq!(recode(&file, REFUSE).unwrap_err(), Error::Unsupported(Unsupported::QuantizationTables));
    let (change, made) = recode(&file, CONVERT).unwrap();
    assert_eq!(change, Change::Requantised);
    let [luma, _] = assert_near(&source, &script, &made);
    assert_eq!((luma[5], luma[63], u16::from(luma[6])), (255, 255, script.quantization[0][6]));
    // All components in one scan, as the transcoder would have them.
    let together = Script { scans: std::vec![Scan::sequential(&[0, 1, 2])], ..script };
    assert_eq!(recode(&encode(&source, &together), CONVERT).unwrap(), (change, made));
}

#[test]
fn two_tables_for_chroma_become_the_finer_one() {
    let mut random = Random(72);
    let source = Picture::random(70, 50, LOSSLESS[0], 2, &mut random);
    let mut script = Script::new(false, false, apart());
    script.quantization[1][3] = 7;
    script.quantization[2][3] = 20;
    script.quantization[2][4] = 3;
    let file = encode(&source, &script);
    assert_eq!(recode(&file, REFUSE).unwrap_err(), Error::Unsupported(Unsupported::QuantizationTables));
    let (change, made) = recode(&file, CONVERT).unwrap();
    assert_eq!(change, Change::Requantised);
    let [_, chroma] = assert_near(&source, &script, &made);
    assert_eq!((chroma[3], chroma[4], u16::from(chroma[5])), (7, 3, script.quantization[1][5]));
    // What is within the finer table stays as it is.
    let (before, after) = (&source.components[1].blocks, &decode(&made).components[1].blocks);
    assert!(before.iter().zip(after).all(|(before, after)| before[3] == after[3] && before[5..] == after[5..]));
}

#[test]
fn tables_that_turn_out_to_differ_only_later_are_refused_then() {
    let mut random = Random(73);
    let source = Picture::random(40, 24, LOSSLESS[0], 2, &mut random);
    let file = encode(&source, &Script::new(false, false, apart()));
    // Another table for Cr, before the last scan.
    let last = file.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let other = [&[0xFF, 0xDB, 0, 67, 2][..], &[9; 64]].concat();
    let file = [&file[..last], &other, &file[last..]].concat();
    assert_eq!(recode(&file, REFUSE).unwrap_err(), Error::Unsupported(Unsupported::QuantizationTables));
    assert_eq!(recode(&file, CONVERT).unwrap().0, Change::Requantised);
}

#[test]
fn entries_of_zero_stay_where_there_is_no_other() {
    let source = Picture::random(40, 24, LOSSLESS[0], 2, &mut Random(74));
    let mut script = Script::new(false, false, apart());
    (script.quantization[0][3], script.quantization[1][3], script.quantization[2][3]) = (0, 0, 0);
    let (change, made) = recode(&encode(&source, &script), REFUSE).unwrap();
    assert_eq!(change, Change::Lossless);
    let [luma, chroma] = assert_near(&source, &script, &made);
    assert_eq!((luma[3], chroma[3]), (0, 0));
    assert_same_coefficients(&source, change, &made);
    script.quantization[2][3] = 20;
    let (change, made) = recode(&encode(&source, &script), CONVERT).unwrap();
    assert_eq!(change, Change::Requantised);
    assert_eq!(assert_near(&source, &script, &made)[1][3], 20);
}
