//! Lists the servers and streams that tell the local network of themselves.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mutoscope_std::announce::{Heard, browse};

use crate::json::PrintError;

/// The time between two looks at what has been heard.
const INTERVAL: Duration = Duration::from_millis(50);

/// Listens for so long, and prints a line for each address that is told of as soon as it is heard: the URL, a tab, and the name.
///
/// # Errors
/// A sentence, if the network cannot be listened to or nobody told of anything.
pub(crate) fn run(patience: Duration) -> Result<()> {
    let mut browser = browse().context("cannot listen for servers")?;
    let end = Instant::now() + patience;
    let mut list = List::default();
    while Instant::now() < end {
        list.print(&browser.heard(), &mut io::stdout().lock()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => PrintError::ReaderGone.into(),
            _ => anyhow::Error::new(error).context("cannot print what was heard"),
        })?;
        thread::sleep(INTERVAL);
    }
    if list.known.is_empty() {
        bail!("no server in this network told of itself within {} s", patience.as_secs_f64());
    }
    Ok(())
}

/// What has been printed.
#[derive(Debug, Default)]
struct List {
    known: BTreeSet<Heard>,
}

impl List {
    fn print(&mut self, heard: &[Heard], out: &mut impl Write) -> io::Result<()> {
        for heard in heard {
            if self.known.insert(heard.clone()) {
                writeln!(out, "{}\t{}", heard.url, heard.name)?;
            }
        }
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_printed_once_when_it_is_heard() {
        let heard = |name: &str, url: &str| Heard { name: name.into(), url: url.into() };
        let porch = heard("porch on pi", "rtsp://192.0.2.7:8554/porch");
        let attic = heard("attic on pi", "rtsp://192.0.2.7:8554/attic");
        let (mut list, mut out) = (List::default(), Vec::new());
        list.print(&[], &mut out).unwrap();
        list.print(std::slice::from_ref(&porch), &mut out).unwrap();
        list.print(&[attic, porch], &mut out).unwrap();
        let expected = "rtsp://192.0.2.7:8554/porch\tporch on pi\nrtsp://192.0.2.7:8554/attic\tattic on pi\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
