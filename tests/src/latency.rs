//! Measures how old a picture is when a client has it. The built-in test card is served and played in one process, over
//! loopback.
//!
//! The card's frame `n` belongs to the instant `n / rate` after the server began, and every picture shows its number. The
//! time from that instant until the picture is decoded covers the whole way: drawing, encoding, cutting into packets,
//! sending, receiving, putting together, decoding.

use anyhow::{Context, Result, bail, ensure};
use mutoscope::media::FrameRate;
use mutoscope::media::testcard::strip;
use mutoscope_std::client::{self, Client, Event, Goal};
use mutoscope_std::media::Library;
use mutoscope_std::server::{self, Server};
use std::time::{Duration, Instant};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The age of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// The age when all of its JPEG was there.
    pub reassembled: Duration,
    /// The age when it was decoded.
    pub decoded: Duration,
}

/// Plays the test card for `duration`. Returns the ages of its pictures, in order.
pub fn measure(transport: client::Transport, duration: Duration) -> Result<Vec<Age>> {
    let rate = FrameRate::new(24, 1).context("a frame rate")?;
    let server = Server::bind(&server::Options { rtsp_port: 0, ..server::Options::default() })?;
    let (url, stop) = (format!("rtsp://{}/testcard", server.local_addr()), server.stop_handle());
    let (sender, started) = std::sync::mpsc::channel();
    let serving = std::thread::spawn(move || {
        let library = Library::built_in(rate);
        // The card's clock begins with this call.
        let _ = sender.send(Instant::now());
        server.serve(&library)
    });
    let began = started.recv().context("the server did not start")?;
    let ages = play(&url, transport, duration, rate, began);
    stop.stop();
    serving.join().ok().context("the server panicked")??;
    ages
}

fn play(
    url: &str,
    transport: client::Transport,
    duration: Duration,
    rate: FrameRate,
    began: Instant,
) -> Result<Vec<Age>> {
    let mut client = Client::new(client::Options { transport, rtp_port: 0, ..client::Options::new(url) })?;
    client.set_goal(Goal::Play { from: None });
    let end = Instant::now() + duration;
    let mut ages = Vec::new();
    while Instant::now() < end {
        let Some(event) = client.next(Some(end))? else { break };
        let Event::Frame(_) = event else { continue };
        let reassembled = Instant::now();
        let number = number_of(client.frame())?;
        let decoded = Instant::now();
        let taken = began + Duration::from_micros(rate.micros(number.into()));
        let since = |at: Instant| at.saturating_duration_since(taken);
        ages.push(Age { reassembled: since(reassembled), decoded: since(decoded) });
    }
    ensure!(!ages.is_empty(), "not one frame came");
    client.set_goal(Goal::Stop);
    let patience = Some(Instant::now() + Duration::from_secs(2));
    while let Some(event) = client.next(patience)? {
        if event == Event::TornDown {
            return Ok(ages);
        }
    }
    bail!("no end of the session")
}

/// Decodes to RGB, as a player does, and reads the picture's number.
pub fn number_of(jpeg: &[u8]) -> Result<u32> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let pixels = decoder.decode().ok().context("a frame that is not JPEG")?;
    let (width, height) = decoder.dimensions().context("a picture without a size")?;
    // The strip is black and white, so any channel is luma.
    let green: Vec<u8> = pixels.iter().skip(1).step_by(3).copied().collect();
    strip::read(&green, width, width, height).context("a picture without its number")
}

/// The value below which `percent` of the values lie.
pub fn percentile(values: impl Iterator<Item = Duration>, percent: usize) -> Duration {
    let mut values: Vec<Duration> = values.collect();
    values.sort();
    let last = values.len().saturating_sub(1);
    values.get(last * percent / 100).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_the_test_card_have_an_age() {
        for transport in [client::Transport::Udp, client::Transport::Tcp] {
            let ages = measure(transport, Duration::from_secs(1)).unwrap();
            assert!(ages.len() > 5, "{} frames", ages.len());
            assert!(ages.iter().all(|age| age.reassembled <= age.decoded && age.decoded < Duration::from_secs(1)));
        }
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values = || (1..=100).rev().map(Duration::from_millis);
        assert_eq!(percentile(values(), 0), Duration::from_millis(1));
        assert_eq!(percentile(values(), 50), Duration::from_millis(50));
        assert_eq!(percentile(values(), 100), Duration::from_millis(100));
        assert_eq!(percentile(std::iter::empty(), 50), Duration::ZERO);
    }
}
