//! Measures the time to make pictures that RTP/JPEG can carry, beside `jpegtran` and beside decoding and encoding, and the time to
//! make smaller ones.
//!
//! The pictures are made here and resemble photographs. `MUTOSCOPE_CLIP=FILE` takes the first ones of an MJPEG file of your
//! own instead. There are many, because the processor's branch prediction would learn a single one. `jpegtran` is a
//! process; the time that it takes for a picture of 8x8 is the time of its start.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use mutoscope::jpeg::Layout;
use mutoscope::jpeg::encoder::Quantizer;
use mutoscope::jpeg::reduce::{self, Reducer, Scale};
use mutoscope::jpeg::transcode::{Path, Policy, Recoder, Transcoder, path};
use std::io::Write;
use std::process::{Command, Stdio};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

fn main() {
    divan::main();
}

/// A picture of slopes, edges and grain, which has about as many coefficients as a photograph.
fn samples(width: u16, height: u16, seed: u32) -> Vec<u8> {
    let mut noise = seed;
    let mut grain = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 27) as f32 - 16.0
    };
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (x, y) = (f32::from(x), f32::from(y));
            let wave = 40.0 * (x / 31.0).sin() * (y / 47.0).cos() + 12.0 * ((x + 2.0 * y) / 5.0).sin();
            let edge = if (x / 80.0).floor() as i32 % 3 == (y / 60.0).floor() as i32 % 3 { 35.0 } else { 0.0 };
            let luma = 110.0 + wave + edge + 0.4 * grain();
            for channel in [luma + 20.0 * (y / 90.0).sin(), luma, luma + 25.0 * (x / 70.0).cos()] {
                samples.push(channel.clamp(0.0, 255.0) as u8);
            }
        }
    }
    samples
}

fn picture(width: u16, height: u16, seed: u32, style: fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, 85);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    style(&mut encoder);
    encoder.encode(&samples(width, height, seed), width, height, ColorType::Rgb).unwrap();
    out
}

const PICTURES: u32 = 16;

/// Pictures of 632x360, 4:2:0. They have Huffman tables of their own if `jpegtran` is installed to make them, and otherwise
/// restart markers.
fn sources() -> Vec<Vec<u8>> {
    if let Some(path) = std::env::var_os("MUTOSCOPE_CLIP") {
        let file = std::fs::read(path).unwrap();
        let ends = file.windows(2).enumerate().filter(|(_, pair)| *pair == [0xFF, 0xD9]).map(|(at, _)| at + 2);
        let mut start = 0;
        return ends
            .take(PICTURES as usize)
            .map(|end| file[std::mem::replace(&mut start, end)..end].to_vec())
            .collect();
    }
    let optimised = |seed| {
        let plain = picture(632, 360, seed, |_| {});
        let marked = || picture(632, 360, seed, |encoder| encoder.set_restart_interval(40));
        jpegtran(&plain, &["-optimize"]).unwrap_or_else(marked)
    };
    (0..PICTURES).map(optimised).collect()
}

/// The same pictures in FFmpeg's 4:2:2, with Huffman tables of their own, if `cjpeg` is installed to make them.
fn tall() -> Option<Vec<Vec<u8>>> {
    let options = ["-quality", "85", "-optimize", "-sample", "2x2,1x2,1x2"];
    let source = |seed| [b"P6 632 360 255\n".as_slice(), &samples(632, 360, seed)].concat();
    (0..PICTURES).map(|seed| filtered("cjpeg", &source(seed), &options)).collect()
}

/// Goes through the pictures again and again.
fn each<R>(bencher: Bencher<'_, '_>, pictures: &[Vec<u8>], mut run: impl FnMut(&[u8]) -> R) {
    let bytes = pictures.iter().map(Vec::len).sum::<usize>() / pictures.len();
    let mut next = pictures.iter().cycle();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| run(black_box(next.next().unwrap())));
}

fn jpegtran(jpeg: &[u8], options: &[&str]) -> Option<Vec<u8>> {
    filtered("jpegtran", jpeg, options)
}

/// What a program makes of its input. `None`: it is not installed.
fn filtered(program: &str, input: &[u8], options: &[&str]) -> Option<Vec<u8>> {
    let mut child = Command::new(program).args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut stdin = child.stdin.take()?;
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().ok()?.stdout;
    writer.join().ok()?.ok()?;
    Some(output)
}

fn transcode(bencher: Bencher<'_, '_>, pictures: &[Vec<u8>]) {
    let policy = Policy { convert: true, restart_markers: false, read_all: false };
    let mut transcoder = Transcoder::new();
    let mut out = vec![0; 1 << 20];
    each(bencher, pictures, |jpeg| {
        let layout = Layout::parse(jpeg).unwrap();
        transcoder.transcode(jpeg, &layout, policy, &mut out).unwrap()
    });
}

fn recode_whole(bencher: Bencher<'_, '_>, pictures: &[Vec<u8>]) {
    let mut recoder = Recoder::new();
    let (mut coefficients, mut out) = (Vec::new(), vec![0; 1 << 20]);
    each(bencher, pictures, |jpeg| {
        let layout = Layout::parse(jpeg).unwrap();
        let Path::Whole(whole) = path(jpeg, &layout, Policy::default()).unwrap() else { panic!("not progressive") };
        coefficients.resize(whole.coefficients, 0);
        recoder.transcode(jpeg, &layout, Policy::default(), &mut coefficients, &mut out).unwrap()
    });
}

/// Writes other Huffman codes, which is the most frequent case.
#[divan::bench]
fn recode(bencher: Bencher<'_, '_>) {
    transcode(bencher, &sources());
}

/// Brings the blocks of FFmpeg's 4:2:2 into another order, too.
#[divan::bench]
fn recode_tall(bencher: Bencher<'_, '_>) {
    if let Some(pictures) = tall() {
        transcode(bencher, &pictures);
    }
}

/// The same, packet by packet, where the second row of blocks has nowhere to wait.
#[divan::bench]
fn recode_tall_in_packets(bencher: Bencher<'_, '_>) {
    if let Some(pictures) = tall() {
        in_packets(bencher, &pictures);
    }
}

/// Writes other Huffman codes packet by packet, as a microcontroller does it.
#[divan::bench]
fn recode_in_packets(bencher: Bencher<'_, '_>) {
    in_packets(bencher, &sources());
}

fn in_packets(bencher: Bencher<'_, '_>, pictures: &[Vec<u8>]) {
    let mut transcoder = Transcoder::new();
    let mut packet = [0; 1400];
    each(bencher, pictures, |jpeg| {
        let layout = Layout::parse(jpeg).unwrap();
        transcoder.start(jpeg, &layout, Policy::default()).unwrap();
        while transcoder.poll(jpeg, &mut packet).unwrap() != 0 {
            black_box(&packet);
        }
    });
}

/// The work before the first coefficient: reading headers and making tables.
#[divan::bench]
fn prepare(bencher: Bencher<'_, '_>) {
    let mut transcoder = Transcoder::new();
    each(bencher, &sources(), |jpeg| {
        let layout = Layout::parse(jpeg).unwrap();
        transcoder.start(jpeg, &layout, Policy::default()).unwrap()
    });
}

/// Resamples chroma from 4:4:4 to 4:2:2.
#[divan::bench]
fn resample(bencher: Bencher<'_, '_>) {
    let full = |seed| picture(632, 360, seed, |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_4_4));
    transcode(bencher, &(0..PICTURES).map(full).collect::<Vec<_>>());
}

/// Makes pictures smaller.
fn reduce(bencher: Bencher<'_, '_>, scale: Scale) {
    let quantizer = Quantizer::new(reduce::Q);
    let mut reducer = Reducer::new();
    let (mut memory, mut out) = (Vec::new(), vec![0; 1 << 20]);
    each(bencher, &sources(), |jpeg| {
        let layout = Layout::parse(jpeg).unwrap();
        memory.resize(reduce::memory_len(&layout, scale).unwrap(), 0);
        reducer.reduce(jpeg, &layout, scale, &quantizer, &mut memory, &mut out).unwrap()
    });
}

#[divan::bench]
fn reduce_to_half(bencher: Bencher<'_, '_>) {
    reduce(bencher, Scale::Half);
}

#[divan::bench]
fn reduce_to_quarter(bencher: Bencher<'_, '_>) {
    reduce(bencher, Scale::Quarter);
}

#[divan::bench]
fn reduce_to_eighth(bencher: Bencher<'_, '_>) {
    reduce(bencher, Scale::Eighth);
}

/// Converts progressive pictures through their samples.
fn progressive() -> Vec<Vec<u8>> {
    (0..PICTURES).map(|seed| picture(632, 360, seed, |encoder| encoder.set_progressive(true))).collect()
}

/// Converts progressive pictures through their coefficients.
#[divan::bench]
fn recode_progressive(bencher: Bencher<'_, '_>) {
    recode_whole(bencher, &progressive());
}

/// The same with arithmetic-coded pictures, if `jpegtran` is installed to make them.
#[divan::bench]
fn recode_arithmetic(bencher: Bencher<'_, '_>) {
    let pictures: Option<Vec<_>> = progressive().iter().map(|jpeg| jpegtran(jpeg, &["-arithmetic"])).collect();
    if let Some(pictures) = pictures {
        recode_whole(bencher, &pictures);
    }
}

/// Decodes and encodes progressive pictures, as other servers do.
#[divan::bench]
fn decode_and_encode_progressive(bencher: Bencher<'_, '_>) {
    decode_and_encode_all(bencher, &progressive());
}

/// The time of a process for the smallest picture.
#[divan::bench]
fn jpegtran_start(bencher: Bencher<'_, '_>) {
    let tiny = picture(8, 8, 0, |_| {});
    if jpegtran(&tiny, &[]).is_some() {
        bencher.bench_local(|| jpegtran(black_box(&tiny), &[]));
    }
}

/// Runs a process for each picture.
#[divan::bench]
fn jpegtran_process(bencher: Bencher<'_, '_>) {
    let pictures = sources();
    if jpegtran(&pictures[0], &[]).is_some() {
        each(bencher, &pictures, |jpeg| jpegtran(jpeg, &[]));
    }
}

/// Decodes and encodes pictures, as servers do that cannot recode.
#[divan::bench]
fn decode_and_encode(bencher: Bencher<'_, '_>) {
    decode_and_encode_all(bencher, &sources());
}

fn decode_and_encode_all(bencher: Bencher<'_, '_>, pictures: &[Vec<u8>]) {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::YCbCr);
    each(bencher, pictures, |jpeg| {
        let layout = Layout::parse(jpeg).unwrap();
        let samples = JpegDecoder::new_with_options(ZCursor::new(jpeg), options).decode().unwrap();
        let mut out = Vec::with_capacity(2 * jpeg.len());
        let mut encoder = Encoder::new(&mut out, 85);
        encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
        encoder.encode(&samples, layout.width, layout.height, ColorType::Ycbcr).unwrap();
        out
    });
}
