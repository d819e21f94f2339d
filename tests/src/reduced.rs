//! Smaller pictures as `jpeg::reduce` makes them, against what `djpeg -scale` shows of the large ones.
//!
//! Both are compared component by component, and chroma with so many samples as it has in the file that was made: 4:2:0 stays
//! 4:2:0, and shows less of its colours than djpeg, which scales them up again.

use crate::bent::{cjpeg, fed, scene};
use crate::net::Random;
use anyhow::{Context, Result, bail, ensure};
use mutoscope::jpeg::encoder::Quantizer;
use mutoscope::jpeg::reduce::{Q, Reducer, Scale, max_output_len, memory_len};
use mutoscope::jpeg::{Layout, Sampling};
use std::process::Command;

/// A picture and a scale.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The options of cjpeg, and the size of the large picture.
    pub name: String,
    /// The scale.
    pub scale: Scale,
    /// The lengths of the large file and of the small one, in bytes.
    pub lengths: [usize; 2],
    /// PSNR of Y, Cb and Cr, in dB.
    pub components: [f64; 3],
    /// The samples of the smallest component.
    pub samples: usize,
    /// That of the colours that are shown in the end, in dB.
    pub shown: f64,
}

impl Comparison {
    /// Whether each component has so much, in dB. A component that is less than a block may have 3 dB less: what quantisation takes
    /// from a block is the same in all, but where only a few of its samples are seen, these may have more of it.
    pub fn is_near(&self, least: f64) -> bool {
        let least = if self.samples < 64 { least - 3.0 } else { least };
        self.components.into_iter().all(|psnr| psnr >= least)
    }
}

const SIZES: [(usize, usize); 5] = [(641, 479), (320, 240), (33, 25), (17, 9), (1, 1)];
const SHAPES: [&[&str]; 7] = [
    &["-sample", "2x2"],
    &["-sample", "2x1"],
    &["-sample", "1x1"],
    &["-sample", "2x2,1x2,1x2"],
    &["-sample", "1x2"],
    &["-sample", "4x1"],
    &["-grayscale"],
];
const CODINGS: [&[&str]; 4] = [&[], &["-optimize"], &["-restart", "1", "-quality", "90"], &["-restart", "5B"]];

/// All samplings in all sizes, by turns with optimised tables and restart markers.
///
/// # Errors
/// cjpeg or djpeg cannot be run, or the core makes no picture.
pub fn comparisons() -> Result<Vec<Comparison>> {
    let mut random = Random::new(1);
    let mut comparisons = Vec::new();
    for (number, (width, height)) in SIZES.into_iter().enumerate() {
        let samples = scene(width, height, &mut random);
        for (at, shape) in SHAPES.into_iter().enumerate() {
            let options = [shape, CODINGS[(number + at) % CODINGS.len()]].concat();
            let file = cjpeg(&samples, &options)?;
            let name = format!("{width}x{height} {}", options.join(" "));
            for scale in Scale::ALL {
                comparisons.push(compare(&file, scale, &name).with_context(|| format!("{name}, {scale:?}"))?);
            }
        }
    }
    Ok(comparisons)
}

fn compare(file: &[u8], scale: Scale, name: &str) -> Result<Comparison> {
    let layout = Layout::parse(file)?;
    let mut made = vec![0; max_output_len(&layout, scale)?];
    let mut memory = vec![0; memory_len(&layout, scale)?];
    let len = Reducer::new().reduce(file, &layout, scale, &Quantizer::new(Q), &mut memory, &mut made)?;
    made.truncate(len);
    let option = format!("{}/8", 8 / scale.divisor());
    let expected = Picture::shown(file, &["-scale", &option])?;
    let found = Picture::shown(&made, &[])?;
    let (width, height) = scale.dimensions(layout.width, layout.height);
    for picture in [&expected, &found] {
        ensure!((picture.width, picture.height) == (width.into(), height.into()), "it has another size");
    }
    let rows = if Layout::parse(&made)?.sampling == Sampling::Yuv420 { 2 } else { 1 };
    let mut samples = usize::MAX;
    let components = [0, 1, 2].map(|component| {
        let share = if component == 0 { (1, 1) } else { (2, rows) };
        let found = found.component(component, share);
        samples = samples.min(found.len());
        psnr(&found, &expected.component(component, share))
    });
    let shown = psnr(&found.samples, &expected.samples);
    Ok(Comparison { name: name.into(), scale, lengths: [file.len(), len], components, samples, shown })
}

/// Peak signal to noise, in dB.
fn psnr(one: &[f64], other: &[f64]) -> f64 {
    let square = one.iter().zip(other).map(|(one, other)| (one - other).powi(2)).sum::<f64>() / one.len() as f64;
    10.0 * (255.0_f64.powi(2) / square.max(1e-6)).log10()
}

/// Red, green and blue.
struct Picture {
    width: usize,
    height: usize,
    samples: Vec<f64>,
}

impl Picture {
    /// What djpeg shows, each sample of chroma as it is in the file.
    fn shown(file: &[u8], options: &[&str]) -> Result<Self> {
        let output = fed(Command::new("djpeg").arg("-nosmooth").args(options), file)?;
        ensure!(output.status.success(), "djpeg ended with {}", output.status);
        let mut lines = output.stdout.splitn(4, |&byte| byte == b'\n');
        let (Some(kind), Some(size), Some(_), Some(samples)) = (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            bail!("djpeg wrote no picture");
        };
        let (width, height) = str::from_utf8(size)?.split_once(' ').context("no size")?;
        let times = if kind == b"P5" { 3 } else { 1 };
        let samples = samples.iter().flat_map(|&sample| std::iter::repeat_n(f64::from(sample), times)).collect();
        Ok(Self { width: width.parse()?, height: height.parse()?, samples })
    }

    /// A component (ITU-R BT.601, as JFIF has it), of which there is one sample for so many pixels across and down.
    fn component(&self, component: usize, (columns, rows): (usize, usize)) -> Vec<f64> {
        const WEIGHTS: [[f64; 3]; 3] = [[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]];
        let value = |x: usize, y: usize| {
            let pixel = self.samples.iter().skip((y * self.width + x) * 3);
            pixel.zip(WEIGHTS[component]).map(|(sample, weight)| sample * weight).sum::<f64>()
        };
        let mean = |left: usize, top: usize| {
            let right = (left + columns).min(self.width);
            let inside = (top..(top + rows).min(self.height)).flat_map(|y| (left..right).map(move |x| (x, y)));
            let (count, sum) = inside.fold((0.0, 0.0), |(count, sum), (x, y)| (count + 1.0, sum + value(x, y)));
            sum / count
        };
        let tops = (0..self.height).step_by(rows);
        tops.flat_map(|top| (0..self.width).step_by(columns).map(move |left| (left, top)))
            .map(|(left, top)| mean(left, top))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_those_of_the_colours() {
        let picture = Picture { width: 3, height: 1, samples: [[255.0; 3], [100.0; 3], [200.0, 0.0, 0.0]].concat() };
        let rounded =
            |component, share| picture.component(component, share).into_iter().map(f64::round).collect::<Vec<_>>();
        assert_eq!(rounded(0, (1, 1)), [255.0, 100.0, 60.0]);
        assert_eq!(rounded(2, (2, 2)), [0.0, 100.0]);
        assert_eq!(psnr(&[0.0, 255.0], &[255.0, 0.0]), 0.0);
    }
}
