//! Our player, without a window.

use super::Playing;
use crate::interop::clip::Clip;
use crate::interop::players::{decode, run};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Our player's program.
#[derive(Debug)]
pub struct Ours {
    /// Its path.
    pub program: PathBuf,
    /// The certificate that it believes.
    pub certificate: PathBuf,
}

impl Ours {
    /// Plays `frames` of them, or to the end. `options` are the player's, and `scratch` is an empty folder.
    pub fn play(
        &self,
        url: &str,
        options: &[&str],
        frames: Option<usize>,
        scratch: &Path,
        patience: Duration,
    ) -> Result<Playing> {
        let record = scratch.join("recording.mjpeg");
        let mut command = Command::new(&self.program);
        // The server may be starting.
        command.arg(url).args(["--headless", "--rtp-port", "0", "--retry-for", "20"]).args(options);
        command.arg("--record").arg(&record);
        if url.starts_with("rtsps://") {
            command.arg("--tls-ca").arg(&self.certificate);
        }
        if let Some(frames) = frames {
            command.args(["--frames", &frames.to_string()]);
        }
        let (_, complaints) = run(&mut command, patience)?;
        // Where no picture came, the file may be empty or missing.
        let is_recorded = record.metadata().is_ok_and(|file| file.len() > 0);
        let pictures = if is_recorded { decode(&Clip::load(&record)?.frames)? } else { Vec::new() };
        Ok(Playing { pictures, complaints })
    }
}
