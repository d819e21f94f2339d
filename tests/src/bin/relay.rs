//! Measures the server's live inputs; see `mutoscope_tests::relay`.

use clap::Parser;
use mutoscope_std::client::Transport;
use mutoscope_tests::interop::clip::Clip;
use mutoscope_tests::latency::percentile;
use mutoscope_tests::process::Scratch;
use mutoscope_tests::relay::{Kind, Measured, measure};
use std::path::PathBuf;
use std::time::Duration;

/// Puts pictures into an input of the server, plays them, and prints `name=value` in milliseconds.
#[derive(Parser)]
struct Args {
    /// The kind of input.
    #[arg(value_enum)]
    kind: Kind,
    /// The server's program.
    #[arg(long, default_value = "target/release/mutoscope-server")]
    server: PathBuf,
    /// A file of JPEG pictures.
    #[arg(long)]
    film: PathBuf,
    /// How media travels: udp or tcp.
    #[arg(long, default_value = "udp")]
    transport: Transport,
    /// How long, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let frames = Clip::load(&args.film)?.frames;
    let scratch = Scratch::new("relay")?;
    let measured =
        measure(args.kind, &args.server, frames, args.transport, Duration::from_secs(args.seconds), &scratch.0)?;
    let Measured { ages, processor } = measured;
    let age = |percent| percentile(ages.iter().copied(), percent).as_secs_f64() * 1000.0;
    let (pictures, processor) = (ages.len(), processor.as_secs_f64() * 1000.0);
    #[allow(clippy::print_stdout, reason = "the figures are this program's product")]
    {
        println!(
            "pictures={pictures} age_ms={:.2} age_99_ms={:.2} age_max_ms={:.2} processor_ms={processor:.2}",
            age(50),
            age(99),
            age(100)
        );
    }
    Ok(())
}
