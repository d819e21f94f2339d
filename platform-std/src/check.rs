//! `mutoscope-server --check`: says of each file what it is, what will be sent and why, and whether it can be served at all.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use mutoscope::jpeg::{Coding, Layout, tables};
use mutoscope::wire::sdp::MAX_HEADER_SIDE;

use crate::media::{Candidate, LARGE_PICTURES, MediaFile, Normaliser, Policy, Treatment, candidates};

/// Checks files, and the MJPEG files in folders; each report goes to `out`. Every frame is read and made ready as it would be
/// for viewers. `true`: all of them can be served.
pub fn run(paths: &[PathBuf], policy: Policy, out: &mut impl Write) -> Result<bool> {
    let mut all = true;
    for Candidate { path, .. } in candidates(paths)? {
        all &= match check(&path, policy) {
            Ok(report) => {
                writeln!(out, "{}: {report}", path.display())?;
                report.can_be_served()
            }
            Err(error) => {
                // The error names the file.
                writeln!(out, "cannot be served: {error:#}")?;
                false
            }
        };
    }
    Ok(all)
}

fn check(path: &Path, policy: Policy) -> Result<Report> {
    let file = MediaFile::open(path, policy)?;
    let bar = ProgressBar::new(file.frames().into());
    let style = "{wide_msg} {bar:32} {pos:>6}/{len} frames";
    bar.set_style(ProgressStyle::with_template(style).context("the progress bar")?);
    bar.set_message(path.display().to_string());
    let mut report = Report::new(file.format().to_string(), file.frames());
    let mut normaliser = Normaliser::new(policy);
    let (mut frame, mut made) = (Vec::new(), Vec::new());
    for number in 0..file.frames() {
        frame = file.read_frame(number, frame).with_context(|| format!("frame {number}"))?;
        report.add(number, &frame, policy, &mut normaliser, &mut made);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(report)
}

/// What is in a file, and what becomes of it.
#[derive(Debug, Default)]
struct Report {
    format: String,
    frames: u32,
    sizes: BTreeMap<(u16, u16), u32>,
    codings: BTreeMap<String, u32>,
    huffman: BTreeMap<&'static str, u32>,
    quantization: BTreeMap<String, u32>,
    restarts: BTreeMap<u16, u32>,
    treatments: BTreeMap<Treatment, u32>,
    /// Bytes of the frames that can be sent: in the file, and on their way.
    bytes: (u64, u64),
    /// Time it took to make them ready, in microseconds.
    micros: u128,
    /// Frames that cannot be sent, and the first of them.
    refused: u32,
    first_refused: Option<(u32, String)>,
    could_be_converted: bool,
}

impl Report {
    fn new(format: String, frames: u32) -> Self {
        Self { format, frames, ..Self::default() }
    }

    /// As the server judges it: some frames may be missing, most may not.
    fn can_be_served(&self) -> bool {
        self.refused <= self.frames / 2
    }

    fn add(&mut self, number: u32, jpeg: &[u8], policy: Policy, normaliser: &mut Normaliser, made: &mut Vec<u8>) {
        let layout = match Layout::parse(jpeg) {
            Ok(layout) => layout,
            Err(error) => return self.refuse(number, error.to_string()),
        };
        *self.sizes.entry((layout.width, layout.height)).or_default() += 1;
        *self.codings.entry(format!("{} {}", coding(layout.coding), layout.sampling)).or_default() += 1;
        let huffman = if layout.has_standard_huffman { "the standard's" } else { "of their own" };
        *self.huffman.entry(huffman).or_default() += 1;
        *self.quantization.entry(quantization(jpeg, &layout)).or_default() += 1;
        *self.restarts.entry(layout.restart_interval).or_default() += 1;
        let treatment = match policy.judge(jpeg, &layout) {
            Ok(treatment) => treatment,
            Err(error) => {
                self.could_be_converted |= policy.can_do_more(&error, jpeg, &layout);
                return self.refuse(number, error.to_string());
            }
        };
        let start = Instant::now();
        let len = match normaliser.normalise(jpeg, &layout, made) {
            Ok(Some(_)) => made.len(),
            Ok(None) if treatment == Treatment::AsIs => jpeg.len(),
            Ok(None) => return self.refuse(number, "nothing can be made of it".to_owned()),
            Err(error) => return self.refuse(number, error.to_string()),
        };
        self.micros += start.elapsed().as_micros();
        *self.treatments.entry(treatment).or_default() += 1;
        self.bytes = (self.bytes.0 + jpeg.len() as u64, self.bytes.1 + len as u64);
    }

    fn refuse(&mut self, number: u32, reason: String) {
        self.refused += 1;
        self.first_refused.get_or_insert((number, reason));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.can_be_served() { "can be served" } else { "cannot be served" };
        writeln!(f, "{verdict}; {}, {}", self.format, frames(self.frames))?;
        let sizes = named(&self.sizes, |f, &(width, height)| {
            write!(f, "{width}x{height}")?;
            if width.max(height) > MAX_HEADER_SIDE {
                write!(f, " ({LARGE_PICTURES})")?;
            } else if width % 8 != 0 || height % 8 != 0 {
                let whole = |pixels: u16| u32::from(pixels).next_multiple_of(8);
                write!(f, " (sent as {}x{})", whole(width), whole(height))?;
            }
            Ok(())
        });
        writeln!(f, "  pictures:            {sizes}")?;
        writeln!(f, "  coding:              {}", named(&self.codings, |f, coding| f.write_str(coding)))?;
        writeln!(f, "  Huffman tables:      {}", named(&self.huffman, |f, tables| f.write_str(tables)))?;
        writeln!(f, "  quantisation tables: {}", named(&self.quantization, |f, tables| f.write_str(tables)))?;
        let restarts = named(&self.restarts, |f, interval| match interval {
            0 => f.write_str("none"),
            interval => write!(f, "{interval} MCUs"),
        });
        writeln!(f, "  restart interval:    {restarts}")?;
        for (treatment, count) in &self.treatments {
            writeln!(f, "  {}: {treatment}", frames(*count))?;
        }
        if self.bytes.0 != self.bytes.1 {
            let (before, after) = (self.bytes.0 as f64, self.bytes.1 as f64);
            let change = (after / before - 1.0) * 100.0;
            let sent = u128::from(self.frames - self.refused).max(1);
            writeln!(f, "  {change:+.1} % of bytes, {} µs of processor per frame", self.micros / sent)?;
        }
        if let Some((number, reason)) = &self.first_refused {
            writeln!(f, "  {}: cannot be sent, the first is frame {number}: {reason}", frames(self.refused))?;
        }
        if self.could_be_converted {
            writeln!(f, "  --on-unsupported convert would send them, with some loss")?;
        }
        Ok(())
    }
}

/// All that occurs, with how often, where there is more than one; the most frequent first.
fn named<K>(counts: &BTreeMap<K, u32>, name: impl Fn(&mut String, &K) -> fmt::Result) -> String {
    const MOST: usize = 4;
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|&(_, &count)| std::cmp::Reverse(count));
    let mut text = String::new();
    for (index, (key, count)) in counts.iter().take(MOST).enumerate() {
        text.push_str(if index == 0 { "" } else { ", " });
        // Writing to a string cannot fail.
        let _ = name(&mut text, key);
        if counts.len() > 1 {
            let _ = write!(text, " in {}", frames(**count));
        }
    }
    if counts.len() > MOST {
        let _ = write!(text, ", and {} others", counts.len() - MOST);
    }
    if text.is_empty() { "unknown".to_owned() } else { text }
}

fn frames(count: u32) -> String {
    format!("{count} frame{}", if count == 1 { "" } else { "s" })
}

fn coding(coding: Coding) -> &'static str {
    match coding {
        Coding::Baseline => "baseline",
        Coding::ExtendedSequential => "extended sequential",
        Coding::Progressive => "progressive",
        Coding::Lossless => "lossless",
        Coding::Hierarchical => "hierarchical",
        Coding::Arithmetic => "arithmetic",
    }
}

fn quantization(jpeg: &[u8], layout: &Layout) -> String {
    let [luma, chroma] = layout.quantization.map(|table| table.of(jpeg));
    match tables::q_of(luma, chroma) {
        _ if layout.has_wide_tables => "of 16 bits".to_owned(),
        _ if !layout.shares_chroma_table => "three".to_owned(),
        Some(q) => format!("RFC 2435's for Q {q}"),
        None if luma == chroma => "one for all components".to_owned(),
        None => "two".to_owned(),
    }
}

/// [`run`] with its reports on standard output; nobody may be reading them.
pub fn run_on_stdout(paths: &[PathBuf], policy: Policy) -> Result<bool> {
    let all = run(paths, policy, &mut io::stdout().lock())?;
    io::stdout().flush()?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::OnUnsupported;
    use crate::media::testing::{self, Folder, jpeg, lab_file, picture};
    use jpeg_encoder::SamplingFactor;

    fn report(paths: &[&Path], policy: Policy) -> (bool, String) {
        let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
        let mut out = Vec::new();
        let all = run(&paths, policy, &mut out).unwrap();
        (all, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_file_that_can_be_sent_as_it_is_says_so() {
        let folder = Folder::new();
        let path = folder.file("movie.Mjpeg", &lab_file(&testing::frames(3)));
        let (all, text) = report(&[&path], Policy::default());
        assert!(all);
        for words in
            ["can be served; lab", "3 frames", "16x16", "baseline 4:2:0", "the standard's", "Q 50", "sent as they are"]
        {
            assert!(text.contains(words), "{words} in {text}");
        }
    }

    #[test]
    fn what_is_done_is_said_with_its_cost() {
        let folder = Folder::new();
        let frame = picture(70, 50, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
            encoder.set_restart_interval(2);
        });
        let path = folder.file("a.mjpeg", &[&frame[..], &frame].concat());
        let (all, text) = report(&[&path], Policy::default());
        assert!(all);
        for words in ["raw", "70x50 (sent as 72x56)", "4:2:2", "2 MCUs", "2 frames: rewritten without loss", "µs"] {
            assert!(text.contains(words), "{words} in {text}");
        }
    }

    #[test]
    fn what_cannot_be_served_has_a_reason_and_fails() {
        let folder = Folder::new();
        let frame = picture(70, 50, |encoder| encoder.set_progressive(true));
        let progressive = folder.file("a.mjpeg", &frame);
        let text = folder.file("b.mjpeg", b"no film");
        let (all, said) = report(&[&progressive, &text], Policy::default());
        assert!(!all);
        assert!(
            said.contains("a.mjpeg: cannot be served")
                && said.contains("progressive")
                && said.contains("--on-unsupported convert"),
            "{said}"
        );
        assert!(said.contains("cannot be served: ") && said.contains("b.mjpeg: not an MJPEG file"), "{said}");
        let convert = Policy { on_unsupported: OnUnsupported::Convert, ..Policy::default() };
        let (all, said) = report(&[&progressive], convert);
        assert!(all && said.contains("encoded anew"), "{said}");
    }

    #[test]
    fn damage_inside_the_data_is_found() {
        let folder = Folder::new();
        // Its scan is no picture, which only somebody who reads it notices.
        let path = folder.file("a.mjpeg", &jpeg(16, 16, 4, b"x"));
        let (all, said) = report(&[&path], Policy::default());
        assert!(!all && said.contains("the data ends before the picture does"), "{said}");
    }
}
