//! Plays a URL and prints a line per frame: `cargo run -p mutoscope-std --example play -- rtsp://127.0.0.1:8554/testcard`

use std::error::Error;
use std::io::{Write, stdout};

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: play URL")?;
    print(&url, &mut stdout())
}

pub(crate) fn print(url: &str, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    for frame in mutoscope_std::play(url)? {
        let frame = frame?;
        writeln!(out, "frame {}: {} bytes of JPEG at {:?}", frame.number, frame.jpeg.len(), frame.position)?;
    }
    Ok(())
}
