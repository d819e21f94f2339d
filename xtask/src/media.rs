//! `cargo xtask media`: MJPEG files for tests, generated from ffmpeg's own picture sources.
//!
//! The project ships no clip and needs none. The set covers both RTP/JPEG types, odd and large pictures, the lab's
//! format, and the kinds of JPEG that RFC 2435 cannot carry. A file is made again only when its recipe changed.

mod corpus;

use crate::packages::{FFMPEG, GSTREAMER, IMAGEMAGICK, JPEG_TOOLS, Need};
use crate::shell::{output, target_dir};
use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Files that are made together.
pub(crate) struct Set {
    /// Their folder within `target`.
    folder: &'static str,
    /// Frames of every file.
    frames: usize,
    /// How they are made. A file that others are made of comes before them.
    recipes: &'static [Recipe],
}

/// Clips to watch, of two seconds at 48 frames per second.
pub(crate) const CLIPS: Set = Set { folder: "media", frames: 96, recipes: RECIPES };

/// Half a second each by other encoders.
pub(crate) const CORPUS: Set = Set { folder: "corpus", frames: 12, recipes: corpus::RECIPES };

/// The list of what was made how, beside the files.
const MANIFEST: &str = "manifest.txt";

/// Chroma that every RTP/JPEG receiver takes comes from this encoder setting: standard Huffman tables (otherwise ffmpeg
/// optimises them per frame) and a quantisation table each for luma and chroma.
const STANDARD_TABLES: &[&str] = &["-huffman", "default", "-force_duplicated_matrix", "1"];

/// How one file is made.
struct Recipe {
    name: &'static str,
    make: Make,
}

enum Make {
    /// By ffmpeg's encoder: source, pixel format, quality (2 is best), further options.
    Ffmpeg { source: &'static str, pixels: &'static str, quality: &'static str, options: &'static [&'static str] },
    /// By libjpeg's encoder, frame by frame.
    Cjpeg { source: &'static str, options: &'static [&'static str] },
    /// By ImageMagick.
    ImageMagick { source: &'static str, options: &'static [&'static str] },
    /// By GStreamer's encoder, from its own source of pictures: their format and size, options of the encoder.
    Jpegenc { caps: &'static str, options: &'static [&'static str] },
    /// From the frames of another file, without loss.
    Jpegtran { of: &'static str, options: &'static [&'static str] },
    /// Another file's frames in the lab's format: five digits of length before each.
    Lab { of: &'static str },
}

/// The clips.
#[rustfmt::skip]
const RECIPES: &[Recipe] = &[
    // RTP/JPEG as they are.
    Recipe { name: "std-420-320x240.mjpeg", make: Make::Ffmpeg { source: "testsrc2=s=320x240", pixels: "yuvj420p", quality: "8", options: STANDARD_TABLES } },
    Recipe { name: "std-420-640x480.mjpeg", make: Make::Ffmpeg { source: "testsrc2=s=640x480", pixels: "yuvj420p", quality: "5", options: STANDARD_TABLES } },
    Recipe { name: "std-420-1280x720.mjpeg", make: Make::Ffmpeg { source: "mandelbrot=s=1280x720", pixels: "yuvj420p", quality: "3", options: STANDARD_TABLES } },
    // Not a multiple of 8 either way: RTP/JPEG rounds up.
    Recipe { name: "odd-420-319x241.mjpeg", make: Make::Ffmpeg { source: "testsrc=s=319x241", pixels: "yuvj420p", quality: "5", options: STANDARD_TABLES } },
    // 4:2:2 sampled 2x1,1x1,1x1, which is type 0.
    Recipe { name: "std-422-640x480.mjpeg", make: Make::Cjpeg { source: "testsrc2=s=640x480", options: &["-quality", "85", "-sample", "2x1"] } },
    // Tables equal to those RFC 2435 computes for Q = 50.
    Recipe { name: "q50-420-640x480.mjpeg", make: Make::Cjpeg { source: "mandelbrot=s=640x480", options: &["-quality", "50", "-sample", "2x2"] } },
    // RFC 2435 cannot carry these.
    Recipe { name: "optimal-420-632x360.mjpeg", make: Make::Ffmpeg { source: "testsrc2=s=632x360", pixels: "yuvj420p", quality: "6", options: &["-huffman", "optimal"] } },
    Recipe { name: "444-384x288.mjpeg", make: Make::Ffmpeg { source: "testsrc2=s=384x288", pixels: "yuvj444p", quality: "8", options: STANDARD_TABLES } },
    Recipe { name: "tall-422-640x480.mjpeg", make: Make::Ffmpeg { source: "smptehdbars=s=640x480,hue=H=t", pixels: "yuvj422p", quality: "6", options: STANDARD_TABLES } },
    Recipe { name: "gray-640x480.mjpeg", make: Make::Cjpeg { source: "testsrc2=s=640x480", options: &["-quality", "85", "-grayscale"] } },
    Recipe { name: "restart-420-640x480.mjpeg", make: Make::Jpegtran { of: "std-420-640x480.mjpeg", options: &["-restart", "1"] } },
    Recipe { name: "progressive-420-640x480.mjpeg", make: Make::Jpegtran { of: "std-420-640x480.mjpeg", options: &["-progressive"] } },
    // The lab's format; the first keeps within the 20,480 bytes that the lab's client reads.
    Recipe { name: "movie.Mjpeg", make: Make::Lab { of: "std-420-320x240.mjpeg" } },
    Recipe { name: "movie-444.Mjpeg", make: Make::Lab { of: "444-384x288.mjpeg" } },
    // The picture grows more detailed: first frames fit, then they do not.
    Recipe { name: "movie-640.Mjpeg", make: Make::Lab { of: "q50-420-640x480.mjpeg" } },
];

/// Makes all clips that are missing or whose recipe changed, in `directory` or `target/media`.
pub(crate) fn run(directory: Option<PathBuf>) -> Result<()> {
    let directory = match directory {
        Some(directory) => directory,
        None => default_directory()?,
    };
    let skipped = CLIPS.make(&directory)?;
    for why in &skipped {
        println!("SKIPPED {why}");
    }
    println!("{}", directory.display());
    Ok(())
}

/// Where the clips are.
pub(crate) fn default_directory() -> Result<PathBuf> {
    CLIPS.directory()
}

/// Makes the clips; returns a line for every file that could not be made for want of a tool.
pub(crate) fn make(directory: &Path) -> Result<Vec<String>> {
    CLIPS.make(directory)
}

impl Set {
    /// Where the interop run finds the files.
    pub(crate) fn directory(&self) -> Result<PathBuf> {
        Ok(target_dir()?.join(self.folder))
    }

    /// Makes all files that are missing or whose recipe changed; returns a line for every file that could not be made for
    /// want of a tool.
    pub(crate) fn make(&self, directory: &Path) -> Result<Vec<String>> {
        if let Some(why) = FFMPEG.missing() {
            bail!("{why}");
        }
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let manifest = fs::read_to_string(directory.join(MANIFEST)).unwrap_or_default();
        let mut skipped = Vec::new();
        let mut wanted = Vec::new();
        let missing: Vec<_> = TOOLS.iter().map(|tool| tool.missing()).collect();
        for recipe in self.recipes {
            let needed =
                TOOLS.iter().zip(&missing).filter(|(tool, _)| recipe.needs().any(|need| need.what == tool.what));
            match needed.into_iter().find_map(|(_, why)| why.as_ref()) {
                Some(why) => skipped.push(format!("{}: {why}", recipe.name)),
                None => wanted.push(recipe),
            }
        }
        let line = |recipe: &Recipe| manifest_line(directory, recipe, self.frames);
        let stale = |recipe: &Recipe| line(recipe).is_none_or(|line| !manifest.lines().any(|old| old == line));
        // A file that is made of a stale file is stale too, even if it looks unchanged.
        let stale = |recipe: &Recipe| stale(recipe) || recipe.origin().is_some_and(stale);
        let work: Vec<&Recipe> = wanted.iter().copied().filter(|recipe| stale(recipe)).collect();
        if !work.is_empty() {
            make_all(directory, &work, self.frames)?;
            let mut manifest = String::new();
            for line in wanted.iter().filter_map(|recipe| line(recipe)) {
                let _ = writeln!(manifest, "{line}");
            }
            fs::write(directory.join(MANIFEST), manifest)?;
        }
        Ok(skipped)
    }
}

/// The tools that recipes may need beside ffmpeg.
const TOOLS: [&Need; 3] = [&JPEG_TOOLS, &IMAGEMAGICK, &GSTREAMER];

fn make_all(directory: &Path, work: &[&Recipe], frames: usize) -> Result<()> {
    let bar = ProgressBar::new((work.len() * frames) as u64).with_style(
        ProgressStyle::with_template("{bar:32} {pos:>4}/{len} frames  {wide_msg}").context("progress bar")?,
    );
    // In two rounds, because some files are made of others; inside a round on all processors.
    let (first, second): (Vec<&Recipe>, Vec<&Recipe>) = work.iter().partition(|recipe| recipe.origin().is_none());
    for round in [first, second] {
        let next = AtomicUsize::new(0);
        let failure = Mutex::new(None);
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    while let Some(recipe) = round.get(next.fetch_add(1, Ordering::Relaxed)) {
                        bar.set_message(recipe.name);
                        let made = recipe
                            .make(directory, frames, &bar)
                            .with_context(|| format!("cannot make {}", recipe.name));
                        if let (Err(error), Ok(mut failure)) = (made, failure.lock()) {
                            failure.get_or_insert(error);
                        }
                    }
                });
            }
        });
        if let Some(error) = failure.into_inner().ok().flatten() {
            return Err(error);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Name, size and recipe: what must be unchanged for a file to be kept. `None` where there is no file.
fn manifest_line(directory: &Path, recipe: &Recipe, frames: usize) -> Option<String> {
    let size = fs::metadata(directory.join(recipe.name)).ok()?.len();
    Some(format!("{} {size} {}", recipe.name, recipe.text(frames)))
}

impl Recipe {
    fn text(&self, frames: usize) -> String {
        match &self.make {
            Make::Ffmpeg { source, pixels, quality, options } => {
                format!("ffmpeg {source} {frames} {pixels} q{quality} {}", options.join(" "))
            }
            Make::Cjpeg { source, options } => format!("cjpeg {source} {frames} {}", options.join(" ")),
            Make::ImageMagick { source, options } => format!("ImageMagick {source} {frames} {}", options.join(" ")),
            Make::Jpegenc { caps, options } => format!("jpegenc {caps} {frames} {}", options.join(" ")),
            Make::Jpegtran { of, options } => format!("jpegtran {of} {}", options.join(" ")),
            Make::Lab { of } => format!("lab {of}"),
        }
    }

    /// The file this one is made of.
    fn origin(&self) -> Option<&'static Recipe> {
        let (Make::Jpegtran { of, .. } | Make::Lab { of }) = &self.make else { return None };
        RECIPES.iter().chain(corpus::RECIPES).find(|recipe| recipe.name == *of)
    }

    /// The tools that it takes beside ffmpeg, and those that its origin takes.
    fn needs(&self) -> impl Iterator<Item = &'static Need> {
        let own = |recipe: &Recipe| match recipe.make {
            Make::Cjpeg { .. } | Make::Jpegtran { .. } => Some(&JPEG_TOOLS),
            Make::ImageMagick { .. } => Some(&IMAGEMAGICK),
            Make::Jpegenc { .. } => Some(&GSTREAMER),
            Make::Ffmpeg { .. } | Make::Lab { .. } => None,
        };
        own(self).into_iter().chain(self.origin().and_then(own))
    }

    fn make(&self, directory: &Path, count: usize, bar: &ProgressBar) -> Result<()> {
        let bytes = match &self.make {
            Make::Ffmpeg { source, pixels, quality, options } => {
                let mut command = ffmpeg(source, count);
                command.args(["-c:v", "mjpeg", "-pix_fmt", pixels, "-q:v", quality]).args(*options);
                let bytes = output(command.args(["-f", "mjpeg", "-"]))?;
                ensure!(frames(&bytes).count() == count, "ffmpeg made {} frames", frames(&bytes).count());
                bar.inc(count as u64);
                bytes
            }
            Make::Cjpeg { source, options } => {
                let scratch = Scratch::new(directory, self.name)?;
                let mut bytes = Vec::new();
                for picture in scratch.pictures(source, count)? {
                    bytes.extend(output(Command::new("cjpeg").args(*options).arg(picture))?);
                    bar.inc(1);
                }
                bytes
            }
            Make::ImageMagick { source, options } => {
                let scratch = Scratch::new(directory, self.name)?;
                let pictures = scratch.pictures(source, count)?;
                // Not `convert`, a name that newer versions do not have and that other programs have too.
                output(Command::new("mogrify").args(*options).args(["-format", "jpg"]).args(&pictures))?;
                let mut bytes = Vec::new();
                for picture in pictures {
                    bytes.extend(fs::read(picture.with_extension("jpg"))?);
                    bar.inc(1);
                }
                bytes
            }
            Make::Jpegenc { caps, options } => {
                let scratch = Scratch::new(directory, self.name)?;
                let file = scratch.0.join("film");
                let mut command = Command::new("gst-launch-1.0");
                command.args(["-q", "videotestsrc", "pattern=smpte", "horizontal-speed=3"]);
                command.args([&format!("num-buffers={count}"), "!", &format!("video/x-raw,{caps},framerate=24/1")]);
                command.args(["!", "jpegenc"]).args(*options);
                output(command.args(["!", "filesink", &format!("location={}", file.display())]))?;
                bar.inc(count as u64);
                fs::read(file)?
            }
            Make::Jpegtran { of, options } => {
                let scratch = Scratch::new(directory, self.name)?;
                let mut bytes = Vec::new();
                for frame in frames(&fs::read(directory.join(of))?) {
                    let file = scratch.0.join("frame.jpg");
                    fs::write(&file, frame)?;
                    bytes.extend(output(Command::new("jpegtran").args(*options).arg(&file))?);
                    bar.inc(1);
                }
                bytes
            }
            Make::Lab { of } => {
                let mut bytes = Vec::new();
                for frame in frames(&fs::read(directory.join(of))?) {
                    ensure!(frame.len() < 100_000, "a frame of {} bytes does not fit five digits", frame.len());
                    bytes.extend(format!("{:05}", frame.len()).into_bytes());
                    bytes.extend(frame);
                }
                bar.inc(count as u64);
                bytes
            }
        };
        // The file gets its name when it is whole, so that a partial file is never taken for one.
        let partial = directory.join(format!("{}.partial", self.name));
        fs::write(&partial, bytes)?;
        fs::rename(&partial, directory.join(self.name))?;
        Ok(())
    }
}

/// ffmpeg, reading `count` frames of a generated source and no input of ours.
fn ffmpeg(source: &str, count: usize) -> Command {
    // The rate is the first filter's option, so that each frame of the source is used once.
    let (first, rest) =
        source.split_once(',').map_or((source, String::new()), |(first, rest)| (first, format!(",{rest}")));
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-threads", "1", "-f", "lavfi", "-i", &format!("{first}:r=24{rest}")]);
    command.args(["-frames:v", &count.to_string(), "-bitexact"]);
    command
}

/// The JPEG files of a raw stream. The encoders used here write no thumbnails, so the end of image is the next `ff d9`.
fn frames(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let start = rest.windows(2).position(|pair| pair == [0xff, 0xd8])?;
        let len = rest[start..].windows(2).position(|pair| pair == [0xff, 0xd9])? + 2;
        let frame = &rest[start..start + len];
        rest = &rest[start + len..];
        Some(frame)
    })
}

/// A folder for the time of its value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(directory: &Path, name: &str) -> Result<Self> {
        let path = directory.join(format!(".{name}.scratch"));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// The first `count` pictures of a source of ffmpeg's, as files in the folder.
    fn pictures(&self, source: &str, count: usize) -> Result<Vec<PathBuf>> {
        output(ffmpeg(source, count).args(["-f", "image2"]).arg(self.0.join("%04d.ppm")))?;
        Ok((1..=count).map(|number| self.0.join(format!("{number:04}.ppm"))).collect())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_made_of_files_that_are_made_before() {
        for recipe in RECIPES.iter().chain(corpus::RECIPES) {
            if let Make::Jpegtran { of, .. } | Make::Lab { of } = &recipe.make {
                let origin = recipe.origin().unwrap_or_else(|| panic!("{}: there is no {of}", recipe.name));
                assert!(origin.origin().is_none(), "{} is two steps away", recipe.name);
            }
        }
    }

    #[test]
    fn frames_end_with_their_end_of_image() {
        let stream = [0xff, 0xd8, 1, 0xff, 0xd9, 0, 0xff, 0xd8, 2, 3, 0xff, 0xd9, 0xff, 0xd8, 4];
        let lengths: Vec<_> = frames(&stream).map(<[u8]>::len).collect();
        assert_eq!(lengths, [5, 6]);
    }

    #[test]
    fn a_changed_recipe_changes_its_text() {
        for set in [CLIPS, CORPUS] {
            let mut texts: Vec<_> = set.recipes.iter().map(|recipe| recipe.text(set.frames)).collect();
            texts.sort();
            texts.dedup();
            assert_eq!(texts.len(), set.recipes.len());
        }
    }
}
