//! Draws pictures that resemble photographs, of any size, and measures how long decoding one takes: the limit of whoever shows them.

use clap::Parser;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use mutoscope::jpeg::Layout;
use mutoscope::jpeg::reduce::{Reducer, Scale, memory_len};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Makes a film of pictures that resemble photographs, and decodes them alone; prints `name=value` in milliseconds a picture, of the
/// fastest tenth: `whole_ms` by zune-jpeg, and `half_ms`, `quarter_ms` and `eighth_ms` by the core's reducer.
#[derive(Parser)]
struct Args {
    /// Width and height in pixels.
    #[arg(long, num_args = 2, value_names = ["WIDTH", "HEIGHT"])]
    size: Vec<u16>,
    /// How many different pictures.
    #[arg(long, default_value_t = 8)]
    pictures: u32,
    /// How long each way of decoding is measured, in seconds.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// The film: one JPEG file after the other.
    film: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let [width, height] = args.size[..] else { anyhow::bail!("a size has two sides") };
    let pictures: Vec<_> = (0..args.pictures).map(|seed| picture(width, height, seed)).collect::<Result<_, _>>()?;
    std::fs::write(&args.film, pictures.concat())?;
    let duration = Duration::from_secs(args.seconds);
    let whole = fastest(&pictures, duration, whole)?;
    let [half, quarter, eighth] = Scale::ALL.map(|scale| {
        let (mut reducer, mut memory) = (Box::new(Reducer::new()), Vec::new());
        fastest(&pictures, duration, move |jpeg| {
            let layout = Layout::parse(jpeg)?;
            memory.resize(memory_len(&layout, scale)?, 0);
            reducer.samples(jpeg, &layout, scale, &mut memory, |rows| _ = black_box(rows))?;
            Ok(())
        })
    });
    #[allow(clippy::print_stdout, reason = "the figures are this program's product")]
    {
        println!(
            "kilobytes={} whole_ms={whole:.2} half_ms={:.2} quarter_ms={:.2} eighth_ms={:.2}",
            pictures.concat().len() / pictures.len() / 1000,
            half?,
            quarter?,
            eighth?,
        );
    }
    Ok(())
}

/// A picture of slopes, edges and a little grain.
fn picture(width: u16, height: u16, seed: u32) -> anyhow::Result<Vec<u8>> {
    let mut noise = seed;
    let mut grain = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 27) as f32 - 16.0
    };
    let shift = seed as f32 * 3.0;
    let columns: Vec<_> =
        (0..width).map(|x| f32::from(x) + shift).map(|x| ((x / 31.0).sin(), (x / 70.0).cos(), x)).collect();
    let mut samples = Vec::with_capacity(usize::from(width) * usize::from(height) * 3);
    for y in (0..height).map(f32::from) {
        let (slope, tint) = ((y / 47.0).cos(), 20.0 * (y / 90.0).sin());
        for &(wave, colour, x) in &columns {
            let edge = if (x / 80.0) as i32 % 3 == (y / 60.0) as i32 % 3 { 35.0 } else { 0.0 };
            let luma = 110.0 + 40.0 * wave * slope + edge + 0.25 * grain();
            samples.extend([luma + tint, luma, luma + 25.0 * colour].map(|sample| sample.clamp(0.0, 255.0) as u8));
        }
    }
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, 80);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder.encode(&samples, width, height, ColorType::Rgb)?;
    Ok(out)
}

/// As the player decodes a whole picture.
fn whole(jpeg: &[u8]) -> anyhow::Result<()> {
    thread_local!(static PIXELS: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) });
    let options = DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(ColorSpace::BGRA);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    decoder.decode_headers()?;
    PIXELS.with_borrow_mut(|pixels| {
        pixels.resize(decoder.output_buffer_size().unwrap_or_default(), 0);
        decoder.decode_into(pixels)
    })?;
    Ok(())
}

/// Milliseconds that nine of ten pictures take longer than: what else the machine does shows in the others.
fn fastest(
    pictures: &[Vec<u8>],
    duration: Duration,
    mut decode: impl FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let (end, mut times) = (Instant::now() + duration, Vec::new());
    for jpeg in pictures.iter().cycle() {
        if Instant::now() > end && times.len() >= pictures.len() {
            break;
        }
        let begun = Instant::now();
        decode(jpeg)?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times.get(times.len() / 10).map_or(0.0, |time| time.as_secs_f64() * 1000.0))
}
