//! `mutoscope-server --check`: says of each file what it is, what will be sent and why, and whether it can be served at all.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use mutoscope::jpeg::{Coding, ErrorKind, Flaw, Layout, Sampling, Tables, tables};
use mutoscope::wire::rtp_jpeg::MAX_HEADER_SIDE;

use mutoscope_std::console::OneLine;
use mutoscope_std::input::{Source, Spec};
use mutoscope_std::media::Policy;
use mutoscope_std::media::inspect::{
    Candidates, Conversion, Converter, FIELDS, IndexedFile, LARGE_PICTURES, Names, candidates, is_field,
};
use mutoscope_std::server::{MAX_URL_LEN, resolve, url};

use crate::args::Args;

/// Checks files, and the MJPEG files in folders; each report goes to `out`, and where there are several, a sum. Every frame is
/// read and made ready as it would be for viewers. `true`: all of them can be served.
pub(crate) fn run(args: &Args, out: &mut impl Write) -> Result<bool> {
    let policy = args.policy();
    let Candidates { files, left_out } = candidates(&args.media)?;
    let (mut all, mut served) = (0, 0);
    let mut names = Names::default();
    for candidate in files {
        let shown = OneLine(candidate.path.display());
        let verdict = match names.are_new_with(&candidate) {
            // Named twice.
            Ok(false) => continue,
            Ok(true) => check(&candidate.path, policy),
            Err(error) => Err(error.into()),
        };
        all += 1;
        match verdict {
            Ok(report) => {
                let requestable = check_url(args, &candidate.name);
                let can_be_served = report.can_be_served() && requestable.is_ok();
                writeln!(out, "{shown}: {}", if can_be_served { "can be served" } else { "cannot be served" })?;
                if let Err(error) = requestable {
                    writeln!(out, "  {:<13} {error:#}", "name")?;
                }
                writeln!(out, "{report}")?;
                served += usize::from(can_be_served);
                names.add(&candidate);
            }
            // The error names the file.
            Err(error) => writeln!(out, "cannot be served: {}\n", OneLine(format_args!("{error:#}")))?,
        }
    }
    for why in &left_out {
        writeln!(out, "left out: {}", OneLine(why))?;
    }
    if all > 1 {
        writeln!(out, "{all} files: {served} can be served, {} cannot", all - served)?;
    } else if all == 0 {
        writeln!(out, "there is no film (.mjpeg, .mjpg, .mpjpeg, .avi, .mov, .mp4, .mkv) in what was named")?;
    }
    Ok(served == all && all > 0)
}

/// Checks files, and folders of pictures, that have a name of their own. `true`: all of them can be served.
pub(crate) fn run_on_films(films: &[Spec], policy: Policy, out: &mut impl Write) -> Result<bool> {
    let mut all = true;
    for spec in films {
        let Source::Path(folder) = spec.source() else { continue };
        match check(folder, policy) {
            Ok(report) => {
                let can_be_served = report.can_be_served();
                let verdict = if can_be_served { "can be served" } else { "cannot be served" };
                writeln!(out, "{}: {verdict}\n{report}", OneLine(spec.name()))?;
                all &= can_be_served;
            }
            Err(error) => {
                writeln!(out, "{} cannot be served: {}\n", OneLine(spec.name()), OneLine(format_args!("{error:#}")))?;
                all = false;
            }
        }
    }
    Ok(all)
}

/// Whether players can ask for the medium `name`.
fn check_url(args: &Args, name: &str) -> Result<()> {
    let host = args.hosts.first().map_or("127.0.0.1", String::as_str);
    let url = url(resolve(host, args.rtsp_port)?, name);
    if url.len() > MAX_URL_LEN {
        let len = url.len();
        bail!("its URL has {len} bytes, too long for any player but those of the classic lab: give it a shorter name");
    }
    Ok(())
}

fn check(path: &Path, policy: Policy) -> Result<Report> {
    let file = IndexedFile::open(path)?;
    let bar = ProgressBar::new(file.frames().into());
    let style = "{wide_msg} {bar:32} {pos:>6}/{len} frames {eta:>4}";
    bar.set_style(ProgressStyle::with_template(style).context("the progress bar")?);
    bar.set_message(OneLine(path.display()).to_string());
    let mut report = Report::new(file.format().to_string(), file.frames());
    let mut converter = Converter::default();
    let (mut frame, mut made) = (Vec::new(), Vec::new());
    for number in 0..file.frames() {
        frame = file.read_frame(number, frame).with_context(|| format!("frame {number}"))?;
        report.add(number, &frame, policy, &mut converter, &mut made);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(report)
}

/// A file's contents, and how its frames would be sent.
// More than 15 fields: each is one count of the report, and all are filled frame by frame in one place.
#[derive(Debug, Default)]
struct Report {
    format: String,
    frames: u32,
    /// Bytes of all frames, and of the longest.
    len: (u64, usize),
    sizes: BTreeMap<(u16, u16), u32>,
    fields: u32,
    codings: BTreeMap<String, u32>,
    huffman: BTreeMap<&'static str, u32>,
    quantization: BTreeMap<String, u32>,
    restarts: BTreeMap<u16, u32>,
    /// How many frames are converted in which way, and for which reasons.
    conversions: BTreeMap<(Conversion, String), u32>,
    /// RTP/JPEG's types.
    kinds: BTreeMap<u8, u32>,
    /// Bytes of the frames that can be sent: in the file, and on their way.
    bytes: (u64, u64),
    /// Time it took to make them ready.
    took: Duration,
    /// Frames that were mended, or whose damage does no harm; and how many had which.
    mended: u32,
    flaws: BTreeMap<Flaw, u32>,
    /// Those of the first frame that has any.
    tables: Tables,
    /// Frames that RTP/JPEG has no means for.
    unservable: u32,
    /// All frames that cannot be sent, damaged ones among them, and the first of them.
    refused: u32,
    first_refused: Option<(u32, String)>,
    could_be_converted: bool,
}

impl Report {
    fn new(format: String, frames: u32) -> Self {
        Self { format, frames, ..Self::default() }
    }

    /// As the server judges it: it plays what is left of a damaged file, but no file of which RTP/JPEG can carry the least.
    fn can_be_served(&self) -> bool {
        self.unservable <= self.frames / 2 && self.refused < self.frames
    }

    fn add(&mut self, number: u32, jpeg: &[u8], policy: Policy, converter: &mut Converter, made: &mut Vec<u8>) {
        self.len = (self.len.0 + jpeg.len() as u64, self.len.1.max(jpeg.len()));
        if self.tables.is_empty() {
            // What cannot be learned is told below.
            let _ = self.tables.learn(jpeg);
        }
        match Layout::parse(jpeg) {
            Ok(layout) => self.add_parsed(number, jpeg, layout, policy, converter, made),
            Err(error) if error.kind == ErrorKind::MissingTable && !self.tables.is_empty() => {
                let completed = [&jpeg[..2], self.tables.segments(), &jpeg[2..]].concat();
                match Tables::parse_completed(&completed) {
                    Ok(layout) => self.add_parsed(number, &completed, layout, policy, converter, made),
                    Err(_) => self.refuse(number, error.to_string()),
                }
            }
            Err(error) => self.refuse(number, error.to_string()),
        }
    }

    fn add_parsed(
        &mut self,
        number: u32,
        jpeg: &[u8],
        layout: Layout,
        policy: Policy,
        converter: &mut Converter,
        made: &mut Vec<u8>,
    ) {
        self.fields += u32::from(is_field(jpeg));
        *self.sizes.entry((layout.width, layout.height)).or_default() += 1;
        *self.codings.entry(coding(&layout)).or_default() += 1;
        if !matches!(layout.coding, Coding::Arithmetic) {
            let huffman = if layout.has_standard_huffman { "the standard's tables" } else { "tables of their own" };
            *self.huffman.entry(huffman).or_default() += 1;
        }
        *self.quantization.entry(quantization(jpeg, &layout)).or_default() += 1;
        *self.restarts.entry(layout.restart_interval).or_default() += 1;
        let judgement = match policy.judge(jpeg, &layout) {
            Ok(judgement) => judgement,
            Err(error) => {
                self.unservable += 1;
                self.could_be_converted |= policy.can_do_more(&error, jpeg, &layout);
                return self.refuse(number, error.to_string());
            }
        };
        let start = Instant::now();
        let (len, sent) = match converter.convert(jpeg, &layout, &judgement, made) {
            Ok(Some(made_layout)) => (made.len(), made_layout),
            Ok(None) => (jpeg.len(), layout),
            Err(error) => return self.refuse(number, error.to_string()),
        };
        self.took += start.elapsed();
        let flaws = converter.flaws();
        self.mended += u32::from(!flaws.is_empty());
        flaws.iter().for_each(|flaw| *self.flaws.entry(flaw).or_default() += 1);
        let kind = sent.rtp_format().map_or(0, |format| format.kind);
        *self.kinds.entry(kind).or_default() += 1;
        let conversion = judgement.conversion();
        *self.conversions.entry((conversion, reasons(conversion, &layout, policy))).or_default() += 1;
        self.bytes = (self.bytes.0 + jpeg.len() as u64, self.bytes.1 + len as u64);
    }

    fn refuse(&mut self, number: u32, reason: String) {
        self.refused += 1;
        self.first_refused.get_or_insert((number, reason));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, text: &str| writeln!(f, "  {name:<13} {text}");
        let average = bytes(self.len.0 / u64::from(self.frames.max(1)));
        let longest = bytes(self.len.1 as u64);
        row("format", &format!("{}, {} of {average} on average, {longest} at most", self.format, frames(self.frames)))?;
        row("pictures", &named(&self.sizes, |f, &size| write_size(f, size)))?;
        if self.fields > 0 {
            row("interlaced", &format!("{} are {FIELDS}", frames(self.fields)))?;
        }
        row("coding", &named(&self.codings, |f, coding| f.write_str(coding)))?;
        if !self.huffman.is_empty() {
            row("Huffman", &named(&self.huffman, |f, tables| f.write_str(tables)))?;
        }
        row("quantisation", &named(&self.quantization, |f, tables| f.write_str(tables)))?;
        let restarts = named(&self.restarts, |f, interval| match interval {
            0 => f.write_str("none"),
            interval => write!(f, "every {interval} MCUs"),
        });
        row("restarts", &restarts)?;
        for ((conversion, reasons), count) in &self.conversions {
            let because = if reasons.is_empty() { String::new() } else { format!(" ({reasons})") };
            row("sent", &format!("{} {conversion}{because}", frames(*count)))?;
        }
        if !self.kinds.is_empty() {
            row("RTP", &named(&self.kinds, |f, &kind| write_kind(f, kind)))?;
        }
        if self.bytes.0 != self.bytes.1 {
            let change = (self.bytes.1 as f64 / self.bytes.0 as f64 - 1.0) * 100.0;
            let each = self.took.as_secs_f64() * 1000.0 / f64::from(self.frames - self.refused).max(1.0);
            row("cost", &format!("{change:+.1} % of bytes, {each:.2} ms a frame here"))?;
        }
        if self.mended > 0 {
            let flaws: Vec<_> =
                self.flaws.iter().map(|(flaw, &count)| format!("{flaw} in {}", frames(count))).collect();
            row("mended", &format!("{}: {}", frames(self.mended), flaws.join("; ")))?;
        }
        if let Some((number, reason)) = &self.first_refused {
            row("not sent", &format!("{}, the first is frame {number}: {reason}", frames(self.refused)))?;
        }
        if self.could_be_converted {
            row("but", "--on-unsupported convert would send them, with some loss")?;
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
        text.push_str(if index == 0 { "" } else { "; " });
        // Writing to a string cannot fail.
        let _ = name(&mut text, key);
        if counts.len() > 1 {
            let _ = write!(text, " in {}", frames(**count));
        }
    }
    if counts.len() > MOST {
        let _ = write!(text, "; and {} others", counts.len() - MOST);
    }
    if text.is_empty() { "unknown".to_owned() } else { text }
}

fn frames(count: u32) -> String {
    format!("{count} frame{}", if count == 1 { "" } else { "s" })
}

fn bytes(count: u64) -> String {
    if count < 1000 { format!("{count} bytes") } else { format!("{:.1} KB", count as f64 / 1000.0) }
}

fn write_size(f: &mut String, (width, height): (u16, u16)) -> fmt::Result {
    write!(f, "{width}x{height}")?;
    if width.max(height) > MAX_HEADER_SIDE {
        write!(f, " ({LARGE_PICTURES})")?;
    } else if width % 8 != 0 || height % 8 != 0 {
        let whole = |pixels: u16| u32::from(pixels).next_multiple_of(8);
        write!(f, " (sent as {}x{}, the description has the true size)", whole(width), whole(height))?;
    }
    Ok(())
}

fn write_kind(f: &mut String, kind: u8) -> fmt::Result {
    let sampling = if kind & 1 == 0 { "4:2:2" } else { "4:2:0" };
    let restarts = if kind < 64 { "" } else { " with restart markers" };
    write!(f, "type {kind} ({sampling}{restarts})")
}

fn coding(layout: &Layout) -> String {
    let coding = match layout.coding {
        Coding::Baseline => "baseline",
        Coding::ExtendedSequential => "extended sequential",
        Coding::Progressive => "progressive",
        Coding::Lossless => "lossless",
        Coding::Hierarchical => "hierarchical",
        Coding::Arithmetic => "arithmetic",
    };
    let coding = match layout.precision {
        8 => coding.to_owned(),
        bits => format!("{coding} of {bits} bits"),
    };
    let sampling = match (layout.components, layout.is_rgb) {
        (1, _) => return format!("{coding}, grey"),
        (3, false) => layout.sampling.to_string(),
        (3, true) => "RGB".to_owned(),
        (count, _) => return format!("{coding}, {count} components"),
    };
    let [y, cb, cr] = layout.factors.map(|factors| format!("{}x{}", factors >> 4, factors & 15));
    let has_several_scans = matches!(layout.coding, Coding::Progressive | Coding::Arithmetic);
    let scans = if layout.is_interleaved || has_several_scans { "" } else { ", separate scans" };
    format!("{coding}, {sampling} ({y},{cb},{cr}){scans}")
}

/// The reasons for which a picture cannot be sent as it is.
fn reasons(conversion: Conversion, layout: &Layout, policy: Policy) -> String {
    let mut reasons = Vec::new();
    let mut add = |applies: bool, reason: &'static str| reasons.extend(applies.then_some(reason));
    let has_several_scans = matches!(layout.coding, Coding::Progressive | Coding::Arithmetic);
    let is_other_ratio = layout.components == 3 && layout.factors[0] >> 4 != 2 * (layout.factors[1] >> 4);
    match conversion {
        Conversion::AsIs => {}
        Conversion::Rewritten | Conversion::Resampled | Conversion::Requantised => {
            add(layout.coding == Coding::Progressive, "progressive");
            add(layout.coding == Coding::Arithmetic, "arithmetic coding");
            add(layout.precision != 8, "samples of more than 8 bits");
            add(!layout.is_interleaved && !has_several_scans, "separate scans");
            add(!layout.shares_chroma_table, "three quantisation tables");
            add(is_other_ratio, "chroma sampling");
            add(!layout.has_standard_huffman && layout.coding != Coding::Arithmetic, "Huffman tables");
            add(layout.restart_interval != 0 && !policy.restart_markers, "restart markers");
            add(layout.sampling == Sampling::Grey, "no chroma");
            let is_reordered = !matches!(layout.sampling, Sampling::Grey | Sampling::Yuv420 | Sampling::Yuv422);
            add(is_reordered && !is_other_ratio, "order of blocks");
            add(layout.has_wide_tables, "quantisation tables of 16 bits");
            add(layout.coding == Coding::ExtendedSequential, "frame header");
        }
        Conversion::Encoded => {
            let has_colours = layout.is_rgb || !matches!(layout.components, 1 | 3);
            add(has_colours, "colours");
            add(!has_colours, "chroma sampling");
        }
    }
    reasons.join(", ")
}

fn quantization(jpeg: &[u8], layout: &Layout) -> String {
    let [luma, chroma] = layout.quantization.map(|table| table.of(jpeg));
    match tables::q_of(luma, chroma) {
        _ if layout.has_wide_tables => "tables of 16 bits".to_owned(),
        _ if !layout.shares_chroma_table => "three tables".to_owned(),
        Some(q) => format!("tables of RFC 2435's Q {q}"),
        None if luma == chroma => "one table for all components".to_owned(),
        None => "two tables".to_owned(),
    }
}

/// [`run`] with its reports on standard output; nobody may be reading them.
pub(crate) fn run_on_stdout(args: &Args) -> Result<bool> {
    let all = run(args, &mut io::stdout().lock())?;
    io::stdout().flush()?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Folder, jpeg, lab_file, picture};
    use clap::Parser as _;
    use jpeg_encoder::SamplingFactor;
    use mutoscope::session::server::MAX_URI_LEN;
    use mutoscope_std::media::OnUnsupported;

    fn report(paths: &[&Path], policy: Policy) -> (bool, String) {
        let mut args = Args::parse_from(["mutoscope-server"]);
        args.media = paths.iter().map(|path| path.to_path_buf()).collect();
        (args.restart_markers, args.on_unsupported) = (policy.restart_markers, policy.on_unsupported);
        (args.strict, args.check) = (policy.is_strict, true);
        let mut out = Vec::new();
        let all = run(&args, &mut out).unwrap();
        (all, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_file_that_can_be_sent_as_it_is_says_so() {
        let folder = Folder::new();
        let path = folder.file("movie.Mjpeg", &lab_file(&testing::frames(3)));
        let (all, text) = report(&[&path], Policy::default());
        assert!(all);
        for words in [
            "movie.Mjpeg: can be served\n",
            "lab records, 3 frames of 624 bytes on average, 625 bytes at most",
            "16x16\n",
            "baseline, 4:2:0 (2x2,1x1,1x1)",
            "the standard's tables",
            "Q 50",
            "3 frames as they are\n",
            "type 1 (4:2:0)",
        ] {
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
        for words in [
            "raw",
            "70x50 (sent as 72x56",
            "4:2:2 (2x1,1x1,1x1)",
            "every 2 MCUs",
            "2 frames rewritten without loss (restart markers)\n",
            "type 0 (4:2:2)",
            "ms a frame",
        ] {
            assert!(text.contains(words), "{words} in {text}");
        }
    }

    #[test]
    fn sizes_that_the_header_cannot_say_are_told_with_what_becomes_of_them() {
        let folder = Folder::new();
        for (size, words) in [
            ((64, 48), "64x48\n"),
            ((2040, 8), "2040x8\n"),
            ((2033, 9), "2033x9 (sent as 2040x16, the description has the true size)\n"),
            ((2041, 8), "2041x8 (above 2040 pixels only the session description tells the size: GStreamer, VLC and"),
            ((8, 2048), "8x2048 (above 2040 pixels"),
        ] {
            let path = folder.file("a.mjpeg", &picture(size.0, size.1, |_| {}));
            let (all, text) = report(&[&path], Policy::default());
            assert!(all && text.contains(words), "{words} in {text}");
        }
    }

    #[test]
    fn fields_of_interlaced_pictures_are_told_from_pictures() {
        let folder = Folder::new();
        let field = |polarity: u8| {
            let mut file = jpeg(16, 16, 0, b"x");
            let avi1 = [&[0xff, 0xe0, 0, 16], &b"AVI1"[..], &[polarity, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
            file.splice(2..2, avi1);
            file
        };
        for (polarities, words) in [([1, 2], Some("2 frames are fields")), ([0, 0], None)] {
            let path = folder.file("a.mjpeg", &polarities.map(field).concat());
            let (all, text) = report(&[&path], Policy::default());
            assert!(all && text.contains("2 frames of"), "{text}");
            assert!(
                text.contains(words.unwrap_or("16x16\n")) && words.is_some() == text.contains("interlaced"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_served_has_a_reason_and_fails() {
        let folder = Folder::new();
        let frame = picture(70, 50, |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_4_4));
        let full = folder.file("a.mjpeg", &frame);
        let text = folder.file("b.mjpeg", b"no film");
        let (all, said) = report(&[&full, &text], Policy::default());
        assert!(!all);
        assert!(said.ends_with("\n2 files: 0 can be served, 2 cannot\n"), "{said}");
        assert!(
            said.contains("a.mjpeg: cannot be served\n")
                && said.contains("the sampling is 4:4:4")
                && said.contains("--on-unsupported convert"),
            "{said}"
        );
        assert!(said.contains("cannot be served: ") && said.contains("b.mjpeg: not an MJPEG file"), "{said}");
        let convert = Policy { on_unsupported: OnUnsupported::Convert, ..Policy::default() };
        let (all, said) = report(&[&full], convert);
        assert!(all && said.contains("1 frame with resampled chroma and luma as it is (chroma sampling)\n"), "{said}");
    }

    #[test]
    fn what_has_several_scans_is_said_to_lose_nothing() {
        let folder = Folder::new();
        let progressive = picture(70, 50, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
            encoder.set_progressive(true);
        });
        let apart = picture(70, 50, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
            encoder.set_optimized_huffman_tables(true);
        });
        for (frame, coding, reason) in [
            (progressive, "progressive, 4:2:0 (2x2,1x1,1x1)\n", "(progressive"),
            (apart, "baseline, 4:2:0 (2x2,1x1,1x1), separate scans\n", "(separate scans"),
        ] {
            let path = folder.file("a.mjpeg", &frame);
            let (all, said) = report(&[&path], Policy::default());
            let sent = format!("1 frame rewritten without loss {reason}");
            assert!(all && said.contains(coding) && said.contains(&sent), "{said}");
        }
    }

    #[test]
    fn damage_inside_the_data_is_found() {
        let folder = Folder::new();
        // Its scan is no picture, which only somebody who reads it notices.
        for interval in [0, 4] {
            let path = folder.file("a.mjpeg", &jpeg(16, 16, interval, b"x"));
            let (all, said) = report(&[&path], Policy::default());
            assert!(all && said.contains("mended        1 frame: missing data in 1 frame"), "{said}");
            let (all, said) = report(&[&path], Policy { is_strict: true, ..Policy::default() });
            assert!(!all && said.contains("it is damaged: missing data"), "{said}");
        }
    }

    #[test]
    fn two_files_of_one_name_fail_as_they_do_when_served_and_one_named_twice_does_not() {
        let (one, other) = (Folder::new(), Folder::new());
        let first = one.file("movie.mjpeg", &testing::frames(1).concat());
        let second = other.file("movie.mjpeg", &testing::frames(1).concat());
        let (all, text) = report(&[&first, &second], Policy::default());
        assert!(!all && text.contains("would both be served as \"movie.mjpeg\""), "{text}");
        assert!(text.ends_with("2 files: 1 can be served, 1 cannot\n"), "{text}");
        let (all, text) = report(&[&first, one.path()], Policy::default());
        assert!(all && text.matches("can be served").count() == 1, "{text}");
    }

    #[test]
    fn what_a_folder_holds_and_does_not_show_is_named() {
        let (folder, elsewhere) = (Folder::new(), Folder::new());
        folder.file("good.mjpeg", &testing::frames(1).concat());
        let secret = elsewhere.file("secret.mjpeg", &testing::frames(1).concat());
        std::os::unix::fs::symlink(&secret, folder.path().join("out.mjpeg")).unwrap();
        std::os::unix::fs::symlink("gone", folder.path().join("dangling.mjpeg")).unwrap();
        std::fs::create_dir(folder.path().join("folder.mjpeg")).unwrap();
        let (all, text) = report(&[folder.path()], Policy::default());
        assert!(all, "{text}");
        let left_out: Vec<_> = text.lines().filter(|line| line.starts_with("left out: ")).collect();
        assert_eq!(left_out.len(), 3, "{text}");
        for words in ["dangling.mjpeg", "folder.mjpeg is no file", "out.mjpeg links to"] {
            assert!(left_out.iter().any(|line| line.contains(words)), "{words} in {text}");
        }
    }

    #[test]
    fn a_name_that_is_too_long_for_a_request_is_told() {
        let folder = Folder::new();
        let at_most = MAX_URI_LEN - "rtsp://127.0.0.1:8554//trackID=0".len();
        for (len, fits) in [(at_most, true), (at_most + 1, false)] {
            let path = folder.file(&format!("{}.mjpeg", "x".repeat(len - 6)), &testing::frames(1).concat());
            let (all, text) = report(&[&path], Policy::default());
            assert_eq!((all, text.contains("shorter name")), (fits, !fits), "{text}");
        }
    }

    #[test]
    fn names_of_files_are_shown_on_one_line_without_commands_to_a_terminal() {
        let folder = Folder::new();
        let path = folder.file("a\n\u{1b}[2Jb.mjpeg", &testing::frames(1).concat());
        let bad = folder.file("bad\u{1b}[2J.mjpeg", b"");
        let (all, text) = report(&[&path, &bad], Policy::default());
        assert!(!all && !text.contains('\u{1b}'), "{text:?}");
        assert!(
            text.contains("a\\n\\u{1b}[2Jb.mjpeg: can be served") && text.contains("bad\\u{1b}[2J.mjpeg"),
            "{text:?}"
        );
    }

    #[test]
    fn what_is_left_of_a_damaged_file_can_be_served_as_the_server_does_it() {
        let folder = Folder::new();
        let whole = picture(70, 50, |encoder| encoder.set_restart_interval(3));
        let cut = [&whole[..whole.len() - 100], &[0xff, 0xd9]].concat();
        let most = folder.file("most.mjpeg", &[&whole[..], &cut, &cut, &cut].concat());
        let none = folder.file("none.mjpeg", &[&cut[..], &cut].concat());
        let lossy = Policy { on_unsupported: OnUnsupported::Convert, ..Policy::default() };
        let (all, said) = report(&[&most, &none], lossy);
        assert!(all && said.contains("mended        3 frames: missing data in 3 frames"), "{said}");
        let strict = Policy { is_strict: true, ..lossy };
        let (all, said) = report(&[&most], strict);
        assert!(
            all && said.contains("not sent      3 frames, the first is frame 1: it is damaged: missing data"),
            "{said}"
        );
        let (all, said) = report(&[&none], strict);
        assert!(!all && said.contains("none.mjpeg: cannot be served"), "{said}");
    }
}
