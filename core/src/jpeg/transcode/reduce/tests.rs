//! Smaller pictures against the mean of the samples of large ones, by definition and in floating point, and against `djpeg`.

use super::super::tests::codec::{Component, Picture, Random, Style, decode, encode, segment};
use super::super::tests::decoders::{djpeg, zune};
use super::super::tests::quality::{blocks, psnr, samples, scene};
use super::super::{Transcoder, max_output_len as max_transcoded_len};
use super::*;
use crate::jpeg::layout::{Coding, ErrorKind, Flaw};
use crate::jpeg::tables;
use std::vec::Vec;
use zune_jpeg::zune_core::colorspace::ColorSpace;

const SAME: [&[(usize, usize)]; 5] = [
    &[(2, 2), (1, 1), (1, 1)],
    &[(2, 1), (1, 1), (1, 1)],
    &[(2, 2), (1, 2), (1, 2)],
    &[(4, 1), (2, 1), (2, 1)],
    &[(1, 1)],
];
/// Those whose chroma gets another width.
const RESAMPLED: [&[(usize, usize)]; 6] = [
    &[(1, 1), (1, 1), (1, 1)],
    &[(1, 2), (1, 2), (1, 2)],
    &[(2, 1), (2, 1), (2, 1)],
    &[(1, 2), (1, 1), (1, 1)],
    &[(4, 1), (1, 1), (1, 1)],
    &[(1, 4), (1, 2), (1, 2)],
];
const SIZES: [(usize, usize); 8] = [(1, 1), (8, 8), (16, 16), (17, 9), (33, 25), (47, 130), (96, 33), (161, 121)];

fn reduced(file: &[u8], scale: Scale, q: u8) -> Result<Vec<u8>, Error> {
    let layout = Layout::parse(file).map_err(Error::Damaged)?;
    let mut memory = std::vec![0x5a; memory_len(&layout, scale)?];
    let mut out = std::vec![0; max_output_len(&layout, scale)?];
    let len = Reducer::new().reduce(file, &layout, scale, &Quantizer::new(q), &mut memory, &mut out)?;
    out.truncate(len);
    Ok(out)
}

/// Slopes, waves, edges and grain, in every component.
fn drawn(width: usize, height: usize, factors: &[(usize, usize)], style: &Style, random: &mut Random) -> Picture {
    let mut picture = Picture::empty(width, height, factors);
    for (index, component) in picture.components.iter_mut().enumerate() {
        let (across, down) = (component.stride * 8, component.blocks.len() / component.stride * 8);
        // Colours differ less than brightness does.
        let contrast = if index == 0 { 1.0 } else { 0.4 };
        let scene = scene(across, down, random).into_iter().map(|sample| 128.0 + contrast * (sample - 128.0));
        component.blocks = blocks(&scene.collect::<Vec<_>>(), component.stride, &style.quantization[index.min(1)]);
    }
    picture
}

/// Samples row by row, and how many there are to a row.
#[derive(Debug)]
struct Plane {
    samples: Vec<f64>,
    width: usize,
}

impl Plane {
    /// The samples of a component that belong to the picture, if this is how many there are.
    fn of(component: &Component, table: &[u8; 64], (width, height): (usize, usize)) -> Self {
        let (all, stride) = (samples(component, table), component.stride * 8);
        let at = |(y, x): (usize, usize)| all[y * stride + x].clamp(0.0, 255.0);
        let samples = (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).map(at).collect();
        Self { samples, width }
    }

    /// Each sample is the mean of some. What is beyond the right edge is what is at it.
    fn across(&self, count: usize) -> Self {
        let mean = |row: &[f64], first: usize| {
            (first..first + count).map(|x| row[x.min(row.len() - 1)]).sum::<f64>() / count as f64
        };
        let rows = self.samples.chunks(self.width);
        let samples = rows.flat_map(|row| (0..self.width).step_by(count).map(move |first| mean(row, first)));
        Self { samples: samples.collect(), width: self.width.div_ceil(count) }
    }
}

/// The size of a component, in samples.
fn extent(picture: &Picture, component: &Component) -> (usize, usize) {
    let columns = picture.components.iter().map(|part| part.columns).max().unwrap();
    let rows = picture.components.iter().map(|part| part.rows).max().unwrap();
    match picture.components.len() {
        1 => (picture.width, picture.height),
        _ => ((picture.width * component.columns).div_ceil(columns), (picture.height * component.rows).div_ceil(rows)),
    }
}

/// What a component becomes, before its chroma gets another width: the mean of squares of all samples of its blocks.
fn expected(picture: &Picture, component: &Component, all: &[f64], scale: Scale) -> Plane {
    let side = usize::from(scale.divisor());
    let stride = component.stride * 8;
    let (width, height) = extent(picture, component);
    let (width, height) = (width.div_ceil(side), height.div_ceil(side));
    let mean = |y: usize, x: usize| {
        let square = (0..side * side).map(|at| all[(y * side + at / side) * stride + x * side + at % side]);
        (square.sum::<f64>() / (side * side) as f64).clamp(0.0, 255.0)
    };
    let samples = (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).map(|(y, x)| mean(y, x)).collect();
    Plane { samples, width }
}

fn tables_of(file: &[u8]) -> [[u8; 64]; 2] {
    Layout::parse(file).unwrap().quantization.map(|table| table.of(file).try_into().unwrap())
}

/// The worst PSNR of a component against its expectation. `all` are the samples of the source's components.
fn worst(source: &Picture, all: &[Vec<f64>], made: &[u8], scale: Scale) -> f64 {
    let (picture, tables) = (decode(made), tables_of(made));
    let mut worst = f64::INFINITY;
    for (index, from) in source.components.iter().enumerate() {
        let to = &picture.components[index];
        let mut expected = expected(source, from, &all[index], scale);
        let extent = extent(&picture, to);
        if index > 0 {
            let ratio = |picture: &Picture| picture.components[0].columns / picture.components[1].columns;
            match (ratio(source), ratio(&picture)) {
                (1, 2) => expected = expected.across(2),
                (4, 2) => {
                    let twice = expected
                        .samples
                        .chunks(expected.width)
                        .flat_map(|row| (0..extent.0).map(|x| row[(x / 2).min(row.len() - 1)]));
                    expected = Plane { samples: twice.collect(), width: extent.0 };
                }
                _ => {}
            }
        }
        let found = Plane::of(to, &tables[index.min(1)], extent);
        assert_eq!((found.width, found.samples.len()), (expected.width, expected.samples.len()));
        worst = worst.min(psnr(&found.samples, &expected.samples));
    }
    worst
}

#[test]
fn each_component_is_the_mean_of_its_samples() {
    let mut random = Random(90);
    let same = SAME.iter().flat_map(|factors| SIZES.map(|size| (factors, size)));
    let resampled = RESAMPLED.iter().flat_map(|factors| [SIZES[0], SIZES[3], SIZES[5]].map(|size| (factors, size)));
    for (factors, (width, height)) in same.chain(resampled) {
        let style = Style::random(&mut random);
        let source = drawn(width, height, factors, &style, &mut random);
        let file = encode(&source, &style);
        let all = source.components.iter().enumerate();
        let all: Vec<_> = all.map(|(index, part)| samples(part, &style.quantization[index.min(1)])).collect();
        for scale in Scale::ALL {
            // The finest tables show what the rest takes away. In a few samples, what is taken away may be more than usual.
            for (q, least) in [(Q, if width * height > 3000 { 35.0 } else { 33.0 }), (99, 44.0)] {
                let made = reduced(&file, scale, q).unwrap();
                let layout = Layout::parse(&made).unwrap();
                assert!(layout.flaws.is_empty() && layout.rtp_format().is_ok());
                let (new_width, new_height) = scale.dimensions(width as u16, height as u16);
                assert_eq!((layout.width, layout.height), (new_width, new_height));
                let worst = worst(&source, &all, &made, scale);
                assert!(worst >= least, "{worst:.1} dB of {factors:?} {width}x{height}, {scale:?}, Q {q}");
                assert_eq!(zune(&made, ColorSpace::RGB).len(), usize::from(new_width) * usize::from(new_height) * 3);
            }
        }
    }
}

#[test]
fn samples_are_those_of_each_component_row_by_row() {
    let mut random = Random(93);
    let mut reducer = Reducer::new();
    for (factors, (width, height)) in
        SAME.iter().chain(&RESAMPLED).flat_map(|factors| SIZES.map(|size| (factors, size)))
    {
        let style = Style::random(&mut random);
        let source = drawn(width, height, factors, &style, &mut random);
        let file = encode(&source, &style);
        let layout = Layout::parse(&file).unwrap();
        for scale in Scale::ALL {
            let mut memory = std::vec![0x5a; memory_len(&layout, scale).unwrap()];
            let mut found = [const { Vec::new() }; 3];
            let take = |rows: [Rows<'_>; 3]| {
                for (found, rows) in found.iter_mut().zip(rows) {
                    rows.iter().for_each(|row| found.push(row.to_vec()));
                }
            };
            reducer.samples(&file, &layout, scale, &mut memory, take).unwrap();
            assert!(reducer.flaws().is_empty());
            for (index, found) in found.into_iter().enumerate() {
                let Some(component) = source.components.get(index) else {
                    assert!(found.is_empty(), "a grey picture has no chroma");
                    continue;
                };
                let all = samples(component, &style.quantization[index.min(1)]);
                let expected = expected(&source, component, &all, scale);
                assert!(found.iter().all(|row| row.len() == expected.width), "{factors:?} {width}x{height}, {scale:?}");
                let found: Vec<f64> = found.concat().into_iter().map(f64::from).collect();
                assert_eq!(found.len(), expected.samples.len());
                let psnr = psnr(&found, &expected.samples);
                assert!(psnr >= 48.0, "{psnr:.1} dB of {factors:?} {width}x{height}, {scale:?}");
            }
            let needed = memory.len();
            let less = reducer.samples(&file, &layout, scale, &mut memory[1..], |_| {});
            assert_eq!(less, Err(Error::Memory { needed }));
        }
    }
}

/// Where djpeg is not installed, `cargo xtask test` says so; its step "reduced frames" compares more.
#[test]
fn luma_is_what_djpeg_shows() {
    let mut random = Random(91);
    for factors in SAME.iter().chain(&RESAMPLED) {
        let style = Style::random(&mut random);
        let file = encode(&drawn(161, 121, factors, &style, &mut random), &style);
        for (scale, option) in Scale::ALL.into_iter().zip(["4/8", "2/8", "1/8"]) {
            let Some(expected) = djpeg(&file, &["-grayscale", "-scale", option]) else { return };
            let found = djpeg(&reduced(&file, scale, 99).unwrap(), &["-grayscale"]).unwrap();
            // Headers of the same length, too.
            assert_eq!(found.len(), expected.len());
            let [found, expected] = [found, expected].map(|file| file.into_iter().map(f64::from).collect::<Vec<_>>());
            let psnr = psnr(&found, &expected);
            assert!(psnr > 45.0, "{psnr:.1} dB of {factors:?}, {scale:?}");
        }
    }
}

#[test]
fn what_is_beyond_the_edge_is_what_is_at_the_edge() {
    let mut random = Random(92);
    for factors in &SAME[..2] {
        let style = Style::standard();
        let mut source = drawn(70, 41, factors, &style, &mut random);
        // Beyond the picture's edge there is anything, but in blocks that the picture has a part of.
        for component in &mut source.components {
            for (at, block) in component.blocks.iter_mut().enumerate() {
                if at % component.stride * 8 * 2 / component.columns >= 70 {
                    block[0] = if at % 2 == 0 { 60 } else { -60 };
                }
            }
        }
        for scale in Scale::ALL {
            let made = reduced(&encode(&source, &style), scale, 99).unwrap();
            let (picture, tables) = (decode(&made), tables_of(&made));
            for (index, component) in picture.components.iter().enumerate() {
                let (width, height) = extent(&picture, component);
                let stride = component.stride * 8;
                let all = samples(component, &tables[index.min(1)]);
                for (y, x) in (0..all.len() / stride).flat_map(|y| (0..stride).map(move |x| (y, x))) {
                    let at_edge = all[y.min(height - 1) * stride + x.min(width - 1)];
                    let found = all[y * stride + x];
                    assert!(
                        (found - at_edge).abs() < 6.0,
                        "{scale:?}, component {index}, {x}, {y}: {found}, {at_edge}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_flat_picture_stays_as_it_is() {
    let style = Style { quantization: [[8; 64]; 2], ..Style::standard() };
    for factors in SAME.iter().chain(&RESAMPLED) {
        for level in [-127, -31, 0, 1, 77, 127] {
            let mut source = Picture::empty(37, 21, factors);
            source.components.iter_mut().flat_map(|part| &mut part.blocks).for_each(|block| block[0] = level);
            for scale in Scale::ALL {
                let picture = decode(&reduced(&encode(&source, &style), scale, 99).unwrap());
                for (index, component) in picture.components.iter().enumerate() {
                    let expected = if index < factors.len() { level } else { 0 };
                    // Q 99 divides a DC coefficient of 8 times the level by 1.
                    let is_same = |block: &[i16; 64]| block[0] == expected * 8 && block[1..] == [0; 63];
                    assert!(component.blocks.iter().all(is_same), "{factors:?} {scale:?} {level}");
                }
            }
        }
    }
}

/// What is shown of damage is what the transcoder makes of it.
#[test]
fn of_damaged_pictures_there_is_what_the_transcoder_makes_of_them() {
    let mut random = Random(93);
    let policy = Policy { convert: false, restart_markers: false, read_all: true };
    let mut compared = 0;
    for round in 0..600 {
        let factors = SAME[round % SAME.len()];
        let style = Style::random(&mut random);
        let mut file = encode(&Picture::random(61, 45, factors, 1, &mut random), &style);
        let start = Layout::parse(&file).unwrap().scan.start;
        for _ in 0..random.next(4) {
            let at = start + random.next(file.len() as u32 - start);
            match random.next(3) {
                0 => file.truncate((at as usize).max(start as usize + 1)),
                1 => file[at as usize] = random.next(256) as u8,
                _ => drop(file.remove(at as usize)),
            }
        }
        let layout = Layout::parse(&file).unwrap();
        let mut transcoder = Transcoder::new();
        let mut whole = std::vec![0; max_transcoded_len(&file, &layout, policy).unwrap()];
        let result = transcoder.transcode(&file, &layout, policy, &mut whole);
        for scale in Scale::ALL {
            let mut memory = std::vec![0x5a; memory_len(&layout, scale).unwrap()];
            let mut out = std::vec![0; max_output_len(&layout, scale).unwrap()];
            let mut reducer = Reducer::new();
            let found = reducer.reduce(&file, &layout, scale, &Quantizer::new(80), &mut memory, &mut out);
            match result {
                Ok((_, len)) => {
                    assert_eq!(reducer.flaws(), transcoder.flaws(), "round {round}, {scale:?}");
                    assert!(
                        out[..found.unwrap()] == reduced(&whole[..len], scale, 80).unwrap(),
                        "round {round}, {scale:?}"
                    );
                    compared += 1;
                }
                // What cannot be written can be shown all the same, but for the worst.
                Err(_) => assert!(matches!(found, Ok(_) | Err(Error::Damaged(_)))),
            }
        }
    }
    assert!(compared > 1000, "{compared}");
}

#[test]
fn a_picture_that_is_cut_is_grey_from_there_on() {
    let mut random = Random(94);
    let source = Picture::random(64, 64, SAME[0], 2, &mut random);
    let file = encode(&source, &Style::standard());
    let scan = Layout::parse(&file).unwrap().scan;
    let cut = &file[..(scan.start + scan.len / 2) as usize];
    let layout = Layout::parse(cut).unwrap();
    let (mut memory, mut out) = ([0; 2000], [0; 8000]);
    let mut reducer = Reducer::new();
    let len = reducer.reduce(cut, &layout, Scale::Eighth, &Quantizer::new(99), &mut memory, &mut out).unwrap();
    assert!(reducer.flaws().contains(Flaw::MissingData) && Layout::parse(&out[..len]).unwrap().has_end());
    let luma = zune(&out[..len], ColorSpace::Luma);
    assert!(
        luma[..8].iter().any(|&sample| sample.abs_diff(128) > 40)
            && luma[56..].iter().all(|&sample| sample.abs_diff(128) < 4)
    );
    // Flaws are those of the last picture.
    reducer
        .reduce(&file, &Layout::parse(&file).unwrap(), Scale::Half, &Quantizer::new(99), &mut memory, &mut out)
        .unwrap();
    assert!(reducer.flaws().is_empty());
}

#[test]
fn neither_the_memory_nor_the_buffer_is_overrun() {
    let mut random = Random(95);
    for factors in SAME.iter().chain(&RESAMPLED) {
        let source = Picture::random(61, 45, factors, 3, &mut random);
        let file = encode(&source, &Style::random(&mut random));
        let layout = Layout::parse(&file).unwrap();
        for scale in Scale::ALL {
            let made = reduced(&file, scale, 99).unwrap();
            let quantizer = Quantizer::new(99);
            let needed = memory_len(&layout, scale).unwrap();
            let mut reducer = Reducer::new();
            let mut reduce = |memory: usize, room: usize| {
                let mut out = std::vec![0; room];
                let mut memory = std::vec![0xa5; memory];
                reducer.reduce(&file, &layout, scale, &quantizer, &mut memory, &mut out)
            };
            assert_eq!(reduce(needed - 1, made.len()), Err(Error::Memory { needed }));
            assert_eq!(reduce(needed, made.len()), Ok(made.len()));
            for short in (0..made.len()).step_by(97).chain(made.len() - 5..made.len()) {
                assert_eq!(reduce(needed + 7, short), Err(Error::Full));
            }
        }
    }
}

#[test]
fn the_memory_is_what_the_documentation_says() {
    let cases: [(&[(usize, usize)], usize); 6] =
        [(SAME[0], 24), (SAME[1], 16), (SAME[2], 16), (SAME[4], 16), (RESAMPLED[0], 24), (RESAMPLED[4], 12)];
    for (factors, bytes) in cases {
        let file = encode(&Picture::empty(640, 480, factors), &Style::standard());
        let layout = Layout::parse(&file).unwrap();
        for scale in Scale::ALL {
            assert_eq!(memory_len(&layout, scale), Ok(bytes * 640 / usize::from(scale.divisor())), "{factors:?}");
        }
    }
    assert!(size_of::<Reducer>() < 10 * 1024, "{}", size_of::<Reducer>());
}

#[test]
fn the_bound_holds_for_the_worst_pictures() {
    let mut random = Random(96);
    for factors in SAME {
        let source = Picture::random(64, 48, factors, 3, &mut random);
        let file = encode(&source, &Style { quantization: [[255; 64]; 2], ..Style::standard() });
        for scale in Scale::ALL {
            // Nothing but the buffer's end could go wrong.
            reduced(&file, scale, 99).unwrap();
        }
    }
}

#[test]
fn what_is_no_baseline_file_of_a_usual_kind_is_refused() {
    let file = encode(&Picture::empty(40, 24, SAME[0]), &Style::standard());
    let frame = file.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    let changed = |code: u8, at: usize, byte: u8| {
        let mut file = file.clone();
        (file[frame + 1], file[frame + at]) = (code, byte);
        reduced(&file, Scale::Half, 80)
    };
    assert_eq!(changed(0xC2, 4, 8), Err(Error::Unsupported(Unsupported::Coding(Coding::Progressive))));
    assert_eq!(changed(0xC1, 4, 12), Err(Error::Unsupported(Unsupported::Precision(12))));
    assert_eq!(changed(0xC0, 6, 0), Err(Error::Unsupported(Unsupported::Dimensions { width: 40, height: 0 })));
    // Three rows of blocks to an MCU.
    let tall = encode(&Picture::empty(40, 24, &[(1, 3), (1, 3), (1, 3)]), &Style::standard());
    assert!(matches!(reduced(&tall, Scale::Half, 80), Err(Error::Unsupported(Unsupported::Sampling(_)))));
    // A picture of 65535x65535 in 20 bytes.
    let mut huge = file.clone();
    huge[frame + 5..frame + 9].fill(0xFF);
    let Err(Error::Damaged(error)) = reduced(&huge, Scale::Eighth, 80) else { panic!() };
    assert_eq!(error.kind, ErrorKind::ScanTooShort);
    // A DC coefficient that no baseline picture has.
    let table = [&[0][..], &[1], &[0; 15], &[15]].concat();
    let style = Style { extra: segment(0xC4, &table), ..Style::standard() };
    let mut odd = encode(&Picture::empty(40, 24, SAME[0]), &style);
    let standard = odd.windows(5).rposition(|bytes| bytes[..2] == [0xFF, 0xC4] && bytes[4] == 0).unwrap();
    odd[standard + 4] = 2;
    let scan = Layout::parse(&odd).unwrap().scan;
    odd[scan.start as usize..].fill(0);
    let Err(Error::Damaged(error)) = reduced(&odd, Scale::Half, 80) else { panic!() };
    assert_eq!((error.kind, error.at), (ErrorKind::Coefficient, scan.start));
}

#[test]
fn the_scale_is_the_smallest_that_is_wide_enough() {
    let cases = [
        (640, 641, None),
        (640, 321, None),
        (640, 320, Some(Scale::Half)),
        (640, 161, Some(Scale::Half)),
        (640, 160, Some(Scale::Quarter)),
        (640, 81, Some(Scale::Quarter)),
        (640, 80, Some(Scale::Eighth)),
        (640, 0, Some(Scale::Eighth)),
        (641, 81, Some(Scale::Eighth)),
        (1, 1, Some(Scale::Eighth)),
    ];
    for (width, wanted, expected) in cases {
        assert_eq!(Scale::for_width(width, wanted), expected, "{width} to {wanted}");
    }
    assert_eq!(Scale::Eighth.dimensions(641, 479), (81, 60));
    assert_eq!(Scale::Half.dimensions(65535, 1), (32768, 1));
    assert!(tables::q_of(&tables::quantization(Q).0, &tables::quantization(Q).1) == Some(Q));
}
