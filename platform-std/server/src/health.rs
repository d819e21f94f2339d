//! `mutoscope-server health`: whether a server is well, for containers that hold no other program that could ask.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;

/// A server that is well answers at once, or when its loops have.
const PATIENCE: Duration = Duration::from_secs(4);

/// Ask a server whether it is well: succeeds where it is
#[derive(Debug, Parser)]
#[command(name = "mutoscope-server health", bin_name = "mutoscope-server health", max_term_width = 100)]
pub(crate) struct HealthArgs {
    /// Where its web page is (--http)
    #[arg(default_value = "127.0.0.1:8080")]
    address: String,
}

/// Asks for `/healthz`.
///
/// # Errors
/// It does not answer, or is not well.
pub(crate) fn run(HealthArgs { address }: &HealthArgs) -> Result<()> {
    let found = address.to_socket_addrs().with_context(|| format!("{address} is not HOST:PORT"))?.next();
    let found = found.with_context(|| format!("{address} has no address"))?;
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&found, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: {found}\r\nConnection: close\r\n\r\n")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line)
    };
    let line = ask().with_context(|| format!("the server at {address} does not answer"))?;
    match line.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => bail!("the server at {address} is not well: {}", line.trim_end()),
    }
}
