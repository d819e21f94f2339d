//! `mutoscope-server --check` of live inputs: runs each for a moment, and says what came.

use std::io::Write;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use anyhow::Result;
use mutoscope::media::catalogue::{Entry, Medium};
use mutoscope::media::{Advance, FrameSource};
use mutoscope::time;
use mutoscope_std::console::OneLine;
use mutoscope_std::input::{Inputs, Spec};
use mutoscope_std::media::Policy;

/// How long an input may take to its first picture.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long its pictures are counted.
const COUNTED: Duration = Duration::from_secs(2);

/// Wakes a thread that sleeps.
struct Wakes(Thread);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Checks inputs one after the other; each report goes to `out`. `true`: all of them can be served.
pub(crate) fn run(specs: &[Spec], policy: Policy, out: &mut impl Write) -> Result<bool> {
    let mut all = true;
    for spec in specs {
        match check(spec, policy, PATIENCE) {
            Ok(report) => writeln!(out, "{}: can be served\n{report}", OneLine(spec))?,
            Err(reason) => {
                all = false;
                writeln!(out, "{}: cannot be served: {}\n", OneLine(spec), OneLine(reason))?;
            }
        }
    }
    Ok(all)
}

/// What comes of an input, or why nothing does.
fn check(spec: &Spec, policy: Policy, patience: Duration) -> Result<String, String> {
    let recording = spec.parameters().recording();
    if let Some(options) = &recording {
        options.check().map_err(|error| format!("it cannot be recorded in {}: {error}", options.folder.display()))?;
    }
    let recorded = recording.map(|options| format!("  {:<13} in {}\n", "recorded", OneLine(options)));
    let inputs = Inputs::from_specs(std::slice::from_ref(spec), policy).map_err(|error| error.to_string())?;
    let medium = inputs.medium(0).ok_or("it is not there")?;
    let waker = Waker::from(Arc::new(Wakes(thread::current())));
    let begin = Instant::now();
    let size = loop {
        let left = patience.saturating_sub(begin.elapsed());
        match medium.entry(&waker) {
            Ok(Entry { refusal: Some(reason), .. }) => return Err(reason.to_owned()),
            Ok(Entry { width, height, .. }) => break (width, height),
            Err(not_ready) if left.is_zero() => return Err(not_ready.reason.to_owned()),
            Err(_) => thread::park_timeout(left),
        }
    };
    let came = begin.elapsed();
    let mut viewer = medium.open().ok_or("it takes no viewer")?;
    let (mut pictures, mut bytes, begin) = (0_u32, 0, Instant::now());
    while let Some(left) = COUNTED.checked_sub(begin.elapsed()) {
        match viewer.advance(time::Instant::default(), &waker) {
            Ok(Advance::Ready) => {
                pictures += 1;
                bytes += viewer.frame().map_or(0, |frame| frame.data.len());
            }
            _ => thread::park_timeout(left),
        }
    }
    let (width, height) = size;
    let mean = bytes / pictures.max(1) as usize;
    Ok(format!(
        "  {:<13} {width}x{height}, the first after {} ms\n  {:<13} {pictures} in {} s, of {mean} bytes on average\n{}",
        "size",
        came.as_millis(),
        "pictures",
        COUNTED.as_secs(),
        recorded.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Folder, picture};

    #[test]
    fn an_input_is_run_and_told_of() {
        let folder = Folder::new();
        let file = folder.file("picture.jpg", &picture(48, 32, |_| {}));
        let spec = Spec::parse(&format!("cam=exec:sh -c \"cat '{}'; sleep 1000\"", file.display())).unwrap();
        let report = check(&spec, Policy::default(), Duration::from_secs(60)).unwrap();
        assert!(report.contains("48x32") && report.contains("1 in 2 s"), "{report}");
        let records = folder.path().join("recordings");
        let spec = Spec::parse(&format!("{spec}#record={}#keep=7d", records.display())).unwrap();
        let report = check(&spec, Policy::default(), Duration::from_secs(60)).unwrap();
        assert!(report.contains("recordings, in segments of 10 min, kept for 7 d"), "{report}");
        assert_eq!(std::fs::read_dir(records).unwrap().count(), 0, "nothing is recorded");
        let spec = Spec::parse(&format!("cam=push:#record={}", file.display())).unwrap();
        let told = check(&spec, Policy::default(), Duration::from_millis(300)).unwrap_err();
        assert!(told.starts_with("it cannot be recorded in "), "{told}");
        for (input, reason) in [
            ("cam=exec:/no/such/program", "the program cannot be started: No such file or directory"),
            ("cam=/no/such/file", "cam: cannot open /no/such/file: No such file or directory"),
        ] {
            let spec = Spec::parse(input).unwrap();
            let told = check(&spec, Policy::default(), Duration::from_millis(300)).unwrap_err();
            assert!(told.starts_with(reason), "{told}");
        }
    }
}
