//! Measures how old pictures are when a client has them, over loopback; see `mutoscope_tests::latency`.

use clap::Parser;
use mutoscope_std::client::Transport;
use mutoscope_tests::latency::{Age, measure, percentile};
use std::time::Duration;

/// Serves and plays the test card in one process; prints `name=value` in milliseconds.
#[derive(Parser)]
struct Args {
    /// How media travels: udp or tcp.
    #[arg(long, default_value = "udp")]
    transport: Transport,
    /// How long, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let ages = measure(args.transport, Duration::from_secs(args.seconds))?;
    let of = |part: fn(&Age) -> Duration, percent| percentile(ages.iter().map(part), percent).as_secs_f64() * 1000.0;
    #[allow(clippy::print_stdout, reason = "the figures are this program's product")]
    {
        println!(
            "frames={} reassembled_ms={:.2} decoded_ms={:.2} decoded_99_ms={:.2} decoded_max_ms={:.2}",
            ages.len(),
            of(|age| age.reassembled, 50),
            of(|age| age.decoded, 50),
            of(|age| age.decoded, 99),
            of(|age| age.decoded, 100),
        );
    }
    Ok(())
}
