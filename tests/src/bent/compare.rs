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
    /// Viewers get none, because baseline JPEG has no room for a coefficient that djpeg read. Nothing could be done but to show
    /// something else.
    Inexpressible,
}

/// Compares what djpeg shows of the file with what it shows of the picture that a receiver puts together.
///
/// # Errors
/// djpeg cannot be run.
pub fn compare(file: &[u8], policy: Policy, converter: &mut Converter) -> Result<Verdict> {
    let Some(expected) = shown(file)? else {
        // No harm is done, whatever comes of it.
        let _ = received(file, policy, converter);
        return Ok(Verdict::NotShown);
    };
    let (received, flaws) = match received(file, policy, converter) {
        Ok(received) => received,
        Err(why) if why.ends_with("an impossible coefficient") => return Ok(Verdict::Inexpressible),
        Err(why) => return Ok(Verdict::LeftOut(why)),
    };
    let found = shown(&received)?;
    // Grey pictures are sent with neutral chroma.
    let is_same = found.is_some_and(|found| found == expected || samples(&found) == samples(&expected));
    Ok(if is_same { Verdict::Same(flaws) } else { Verdict::Differs(flaws) })
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
