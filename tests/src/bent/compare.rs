//! What djpeg shows of a picture, and of what viewers get.

use super::sources::fed;
use anyhow::Result;
use mutoscope::jpeg::{Flaws, Layout, header};
use mutoscope_std::media::Policy;
use mutoscope_std::media::inspect::Converter;
use std::process::Command;

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// djpeg shows no picture, or says that it is no good.
    NotShown,
    /// Viewers get what djpeg shows.
    Same(Flaws),
    /// Viewers get another picture.
    Differs(Flaws),
    /// Viewers get none: why.
    LeftOut(String),
    /// Viewers get none, because RTP/JPEG has no room for a coefficient or a sampling that djpeg read. Nothing could be done but to
    /// show something else.
    Inexpressible,
}

/// Reasons that say so.
const INEXPRESSIBLE: [&str; 2] = ["an impossible coefficient", "the sampling is unusual"];

/// Damaged headers tell of pictures that take all memory there is. Larger ones are not looked at.
const MAX_PIXELS: u32 = 1 << 25;

/// Compares what djpeg shows of the file with what it shows of the picture that a receiver puts together.
///
/// # Errors
/// djpeg cannot be run.
pub fn compare(file: &[u8], policy: Policy, converter: &mut Converter) -> Result<Verdict> {
    let is_large = |layout: Layout| u32::from(layout.width) * u32::from(layout.height) > MAX_PIXELS;
    let is_too_large = Layout::parse(file).is_ok_and(is_large);
    let Some(expected) = (if is_too_large { None } else { shown(file)? }) else {
        // No harm is done, whatever comes of it.
        let _ = received(file, policy, converter);
        return Ok(Verdict::NotShown);
    };
    let (received, flaws) = match received(file, policy, converter) {
        Ok(received) => received,
        Err(why) if INEXPRESSIBLE.iter().any(|words| why.contains(words)) => return Ok(Verdict::Inexpressible),
        Err(why) => return Ok(Verdict::LeftOut(why)),
    };
    let is_same = shown(&received)?.is_some_and(|found| are_equal(&found, &expected))
        || match [file, &received].map(without_fill) {
            [None, None] => false,
            [of_file, of_received] => {
                let [expected, found] =
                    [of_file.as_deref().unwrap_or(file), of_received.as_deref().unwrap_or(&received)];
                shown(expected)?.zip(shown(found)?).is_some_and(|(expected, found)| are_equal(&found, &expected))
            }
        };
    Ok(if is_same { Verdict::Same(flaws) } else { Verdict::Differs(flaws) })
}

/// The file without fill bytes before the zeros that are stuffed into its data; `None`: there are none.
///
/// They are FF and belong before markers, but damage puts them before such zeros, too. libjpeg-turbo passes them, and reads one byte
/// of data. Where much of the file is left in its buffer, it has read the block once before, as if data ended there, and
/// coefficients of that are left behind: its picture depends on the length of a comment. Without these bytes it shows what it shows
/// of the file where the buffer is short.
fn without_fill(file: &[u8]) -> Option<Vec<u8>> {
    let layout = Layout::parse(file).ok()?;
    let (headers, data) = file.split_at_checked(layout.scan.start as usize)?;
    let mut out = headers.to_vec();
    for (at, &byte) in data.iter().enumerate() {
        let behind = data[at + 1..].iter().find(|&&byte| byte != 0xff);
        let is_fill = byte == 0xff && data.get(at + 1) == Some(&0xff) && behind == Some(&0);
        out.extend(Some(byte).filter(|_| !is_fill));
    }
    (out.len() < file.len()).then_some(out)
}

/// Whether two PPM or PGM files show the same. Grey pictures are sent with neutral chroma.
fn are_equal(one: &[u8], other: &[u8]) -> bool {
    one == other || samples(one) == samples(other)
}

/// The samples of a PPM or PGM file, as RGB.
fn samples(file: &[u8]) -> Option<Vec<u8>> {
    let is_grey = file.starts_with(b"P5");
    let mut ends = file.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let (end, _) = ends.nth(2)?;
    let samples = file.get(end + 1..)?;
    Some(if is_grey { samples.iter().flat_map(|&sample| [sample; 3]).collect() } else { samples.to_vec() })
}

/// What djpeg shows of the file, with no more than warnings.
fn shown(file: &[u8]) -> Result<Option<Vec<u8>>> {
    const WARNINGS: i32 = 2;
    let output = fed(&mut Command::new("djpeg"), file)?;
    Ok(matches!(output.status.code(), Some(0 | WARNINGS)).then_some(output.stdout))
}

/// The file that a receiver makes of the picture, and what was mended.
fn received(file: &[u8], policy: Policy, converter: &mut Converter) -> Result<(Vec<u8>, Flaws), String> {
    let layout = Layout::parse(file).map_err(|error| error.to_string())?;
    let judgement = policy.judge(file, &layout).map_err(|error| error.to_string())?;
    let mut made = Vec::new();
    let converted = converter.convert(file, &layout, &judgement, &mut made).map_err(|error| error.to_string())?;
    let (sent, layout) = converted.map_or((file, layout), |layout| (&made, layout));
    let format = layout.rtp_format().map_err(|error| error.to_string())?;
    let [luma, chroma] = format.quantization.map(|table| table.of(sent));
    let fields = header::Fields {
        kind: format.kind,
        width: layout.width,
        height: layout.height,
        restart_interval: format.restart_interval,
        luma,
        chroma,
        precision: 0,
    };
    let mut headers = [0; header::MAX_LEN];
    let len = header::emit(&mut headers, &fields).ok_or("no header")?;
    Ok(([&headers[..len], format.scan.of(sent), &[0xff, 0xd9]].concat(), converter.flaws()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bent::sources;
    use crate::net::Random;

    #[test]
    fn fill_bytes_before_stuffed_zeros_are_read_as_one_byte_wherever_they_are() {
        // djpeg is not everywhere.
        let Ok(sources) = sources(&mut Random::new(1)) else { return };
        let mut converter = Converter::default();
        let mut compared = 0;
        for source in sources.iter().filter(|source| !source.name.contains("-restart")) {
            let data = Layout::parse(&source.file).unwrap().scan.start as usize;
            for at in (data..source.file.len() - 2).filter(|&at| source.file[at..].starts_with(&[0xff, 0])) {
                let file = [&source.file[..at], &[0xff, 0xff], &source.file[at..]].concat();
                assert_eq!(without_fill(&file).as_ref(), Some(&source.file));
                // One of each picture's will do: starting djpeg takes time.
                if at % 8 == 0 && compared < 40 {
                    let policy = Policy { reads_all: at % 16 == 0, ..Policy::default() };
                    let verdict = compare(&file, policy, &mut converter).unwrap();
                    assert!(matches!(verdict, Verdict::Same(_)), "{} at {at}: {verdict:?}", source.name);
                    compared += 1;
                }
            }
        }
        assert!(compared > 20, "{compared}");
    }
}
