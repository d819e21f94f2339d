//! What libjpeg-turbo and zune-jpeg make of pictures before and after, those of this writer and those of libjpeg-turbo's.

use super::super::decoders::{djpeg, zune};
use super::*;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use std::io::Write;
use std::process::{Command, Stdio};
use std::string::String;
use zune_jpeg::zune_core::colorspace::ColorSpace;

/// A picture of libjpeg-turbo's encoder, where that is installed.
fn cjpeg(samples: &[u8], options: &[&str]) -> Option<Vec<u8>> {
    let mut command = Command::new("cjpeg");
    let mut child = command.args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    child.stdin.take().unwrap().write_all(samples).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "cjpeg cannot write it: {options:?}");
    Some(output.stdout)
}

/// Waves, edges and grain as a PPM file.
fn scene(width: usize, height: usize, random: &mut Random) -> Vec<u8> {
    let mut file = std::format!("P6 {width} {height} 255\n").into_bytes();
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x as f64, y as f64))) {
        let edge = if (x / 13.0) as u32 % 2 == (y / 17.0) as u32 % 2 { 40.0 } else { -20.0 };
        for phase in [0.0, 1.0, 2.5] {
            let wave = 128.0 + edge + 50.0 * (x / 9.0 + phase).sin() * (y / 11.0).cos() + f64::from(random.next(21));
            file.push(wave.clamp(0.0, 255.0) as u8);
        }
    }
    file
}

/// Both decoders see the same picture; `false`: djpeg is not installed.
fn assert_looks_the_same(file: &[u8], made: &[u8], what: &str) -> bool {
    let is_grey = Layout::parse(file).unwrap().components == 1;
    let Some(expected) = djpeg(file, if is_grey { &["-grayscale"] } else { &[] }) else { return false };
    let found = djpeg(made, if is_grey { &["-grayscale"] } else { &[] }).unwrap();
    assert!(found == expected, "djpeg: {what}");
    true
}

/// A file that goes when the test ends.
struct Scans(std::path::PathBuf);

impl Scans {
    fn new(number: usize, text: &str) -> Self {
        let path = std::env::temp_dir().join(std::format!("mutoscope-scans-{}-{number}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for Scans {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn pictures_of_libjpeg_turbo_look_the_same() {
    let mut random = Random(60);
    let scripts = [
        "0;\n1;\n2;\n",
        "1,2;\n0;\n",
        "0,2;\n1;\n",
        "0,1,2: 0-0, 0, 1;\n0: 1-5, 0, 2;\n2: 1-63, 0, 1;\n1: 1-63, 0, 1;\n0: 6-63, 0, 2;\n0: 1-63, 2, 1;\n\
         0,1,2: 0-0, 1, 0;\n2: 1-63, 1, 0;\n1: 1-63, 1, 0;\n0: 1-63, 1, 0;\n",
        "2: 0-0, 0, 3;\n0: 0-0, 0, 0;\n1: 0-0, 0, 1;\n0: 1-1, 0, 0;\n2: 0-0, 3, 2;\n2: 0-0, 2, 1;\n1: 0-0, 1, 0;\n\
         2: 0-0, 1, 0;\n0: 2-63, 0, 4;\n0: 2-30, 4, 3;\n1: 1-63, 0, 0;\n2: 1-63, 0, 0;\n0: 31-63, 4, 3;\n0: 2-63, 3, 2;\n\
         0: 2-63, 2, 1;\n0: 2-63, 1, 0;\n",
    ];
    let files: Vec<Scans> = (0..).zip(scripts).map(|(number, text)| Scans::new(number, text)).collect();
    let mut compared = 0;
    for (width, height) in [(16, 16), (1, 1), (17, 9), (47, 70), (200, 101)] {
        let samples = scene(width, height, &mut random);
        for sampling in ["1x1", "2x1", "1x2", "2x2", "4x1", "grey"] {
            let scripts = files.iter().filter(|_| sampling != "grey").map(|file| file.0.to_str().unwrap());
            let modes = core::iter::once(std::vec!["-progressive"])
                .chain(scripts.map(|path| std::vec!["-scans", path]))
                .flat_map(|mode| [mode.clone(), [&["-arithmetic"][..], &mode].concat()])
                .chain([std::vec!["-arithmetic"]]);
            for (number, mode) in modes.enumerate() {
                let shape = if sampling == "grey" { &["-grayscale"][..] } else { &["-sample", sampling] };
                let restarts = [&[][..], &["-restart", "1"], &["-restart", "3B"]][number % 3];
                let quality = ["30", "75", "100"][number / 2 % 3];
                let options = [&mode[..], shape, restarts, &["-quality", quality]].concat();
                let Some(file) = cjpeg(&samples, &options) else { return };
                let what = std::format!("{width}x{height} {options:?}");
                let (change, made) = recode(&file, CONVERT).unwrap_or_else(|error| panic!("{error:?}: {what}"));
                if options.contains(&"-arithmetic") {
                    // Whatever zeros were left out at its end.
                    let without_end = recode(&file[..file.len() - 2], CONVERT);
                    assert!(without_end.is_ok_and(|found| found == (change, made.clone())), "{what}");
                }
                if matches!(sampling, "2x1" | "2x2" | "grey") {
                    assert_eq!(change, Change::Lossless, "{what}");
                    assert_eq!(recode(&file, REFUSE).unwrap(), (change, made.clone()), "{what}");
                    compared += usize::from(assert_looks_the_same(&file, &made, &what));
                } else {
                    assert_eq!(change, Change::Resampled, "{what}");
                    let luma = djpeg(&file, &["-grayscale"]).unwrap();
                    assert!(djpeg(&made, &["-grayscale"]).unwrap() == luma, "{what}");
                }
            }
        }
    }
    assert!(compared > 100);
}

/// And what this writer makes is what libjpeg-turbo reads, so that both of them may be believed.
#[test]
fn pictures_of_any_scans_look_the_same_to_libjpeg_turbo() {
    let mut random = Random(61);
    for (factors, (width, height)) in LOSSLESS.iter().flat_map(|&factors| SIZES.map(|size| (factors, size))) {
        for coding in CODINGS {
            if coding == (false, false) && factors.len() == 1 {
                continue;
            }
            let source = Picture::random(width, height, factors, 2, &mut random);
            let mut script = random_script(factors.len(), coding, &mut random);
            // This decoder insists on the frame's order of components (section B.2.3).
            script.scans.iter_mut().for_each(|scan| scan.components.sort_unstable());
            let file = encode(&source, &script);
            if matches!(path(&file, &Layout::parse(&file).unwrap(), REFUSE), Ok(Path::Streamed(_))) {
                continue;
            }
            let (_, made) = recode(&file, REFUSE).unwrap();
            let what: String = std::format!("{factors:?} {width}x{height} {script:?}");
            if !assert_looks_the_same(&file, &made, &what) {
                return;
            }
        }
    }
}

/// zune-jpeg reads no arithmetic coding, and rounds a little differently in progressive pictures than in others.
#[test]
fn zune_jpeg_sees_the_same_picture_as_of_another_encoder() {
    let mut random = Random(62);
    for (width, height) in [(16, 16), (47, 70), (200, 101)] {
        let header = std::format!("P6 {width} {height} 255\n").len();
        let samples = scene(width, height, &mut random).split_off(header);
        for (sampling, scans) in
            [(SamplingFactor::R_4_2_0, 4), (SamplingFactor::R_4_2_2, 30), (SamplingFactor::R_4_2_2, 0)]
        {
            let mut file = Vec::new();
            let mut encoder = Encoder::new(&mut file, 85);
            encoder.set_sampling_factor(sampling);
            match scans {
                // Tables of its own make this encoder write a scan for each component.
                0 => encoder.set_optimized_huffman_tables(true),
                scans => encoder.set_progressive_scans(scans),
            }
            encoder.encode(&samples, width as u16, height as u16, ColorType::Rgb).unwrap();
            let (change, made) = recode(&file, REFUSE).unwrap();
            assert_eq!(change, Change::Lossless);
            let _ = assert_looks_the_same(&file, &made, "of jpeg-encoder");
            // Of separate scans it makes noise.
            if scans == 0 {
                continue;
            }
            let (before, after) = (zune(&file, ColorSpace::RGB), zune(&made, ColorSpace::RGB));
            assert_eq!(before.len(), after.len());
            let most = before.iter().zip(&after).map(|(before, after)| before.abs_diff(*after)).max().unwrap();
            assert!(most <= 3, "{most}: {width}x{height}, {scans} scans");
        }
    }
}
