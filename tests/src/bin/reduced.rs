//! Compares what `jpeg::reduce` makes of pictures with what `djpeg -scale` shows of them.
#![allow(clippy::print_stdout, reason = "the table is this program's product")]

use anyhow::Result;
use clap::Parser;
use mutoscope_tests::reduced::comparisons;
use std::process::ExitCode;

/// Makes pictures with cjpeg, of every sampling and in odd sizes, and smaller ones of them with the core. Each component of these
/// has to be what djpeg shows at that scale.
#[derive(Parser)]
struct Args {
    /// The least PSNR of any component, in dB; 3 less for those that are smaller than a block
    #[arg(long, default_value_t = 35.0)]
    least: f64,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let comparisons = comparisons()?;
    println!("{:>5} {:>5} {:>5} {:>6} {:>7} {:>6}", "Y", "Cb", "Cr", "shown", "bytes", "of");
    let mut far = 0;
    for comparison in &comparisons {
        let [y, cb, cr] = comparison.components;
        let [large, small] = comparison.lengths;
        let is_near = comparison.is_near(args.least);
        far += u32::from(!is_near);
        println!(
            "{y:5.1} {cb:5.1} {cr:5.1} {:6.1} {small:7} {large:6} 1/{} of {}{}",
            comparison.shown,
            comparison.scale.divisor(),
            comparison.name,
            if is_near { "" } else { " TOO FAR" }
        );
    }
    println!("{} pictures, {far} of them below {} dB", comparisons.len(), args.least);
    Ok(if far == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
