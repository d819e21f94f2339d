//! `decode ELF`: reads what the firmware logs on standard input and writes it as text, line by line, until the input ends.
//!
//! The image holds the format strings; the log holds their numbers and the arguments.

use anyhow::{Context, Result, bail};
use defmt_decoder::{DecodeError, Table};
use std::io::{Read, Write, stdin, stdout};

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(image), None) = (arguments.next(), arguments.next()) else { bail!("usage: decode ELF < LOG") };
    let image = std::fs::read(&image).with_context(|| format!("cannot read {}", image.to_string_lossy()))?;
    let table = Table::parse(&image)?.context("this image logs nothing through defmt")?;
    let mut decoder = table.new_stream_decoder();
    let (mut stdin, mut stdout) = (stdin().lock(), stdout().lock());
    let mut chunk = [0; 4096];
    loop {
        let len = stdin.read(&mut chunk)?;
        if len == 0 {
            return Ok(());
        }
        decoder.received(chunk.get(..len).unwrap_or(&[]));
        loop {
            match decoder.decode() {
                Ok(frame) => writeln!(stdout, "{}", frame.display(false))?,
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) if table.encoding().can_recover() => {
                    writeln!(stdout, "(a log line was damaged)")?;
                }
                Err(DecodeError::Malformed) => bail!("the log is damaged, and in an encoding that cannot be resumed"),
            }
        }
        stdout.flush()?;
    }
}
