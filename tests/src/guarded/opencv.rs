//! OpenCV as a player. It gives out pictures in its own colours, so what it must get is what it makes of the file.

use super::Playing;
use crate::interop::players::{Transport, run};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A Python that has OpenCV.
#[derive(Debug)]
pub struct OpenCv {
    python: PathBuf,
    script: PathBuf,
    /// The version of OpenCV.
    pub version: String,
}

impl OpenCv {
    /// Looks whether this Python has it. `folder` is for the script.
    pub fn find(python: &Path, folder: &Path) -> Result<Option<Self>> {
        let probe = Command::new(python).args(["-c", "import cv2; print(cv2.__version__)"]).output();
        let Some(output) = probe.ok().filter(|output| output.status.success()) else { return Ok(None) };
        let script = folder.join("opencv_player.py");
        std::fs::write(&script, include_str!("opencv_player.py"))?;
        let version = String::from_utf8(output.stdout)?.trim().to_owned();
        Ok(Some(Self { python: python.to_owned(), script, version }))
    }

    /// Plays to the end.
    pub fn play(&self, url: &str, transport: Transport, patience: Duration) -> Result<Playing> {
        let mut command = Command::new(&self.python);
        command.arg(&self.script).arg(url).arg(transport.to_string().to_lowercase());
        let (stdout, complaints) = run(&mut command, patience)?;
        let pictures = String::from_utf8(stdout)?.lines().map(str::to_owned).collect();
        Ok(Playing { pictures, complaints })
    }

    /// What it makes of the file of which `count` pictures are to come.
    pub fn expected(&self, file: &Path, count: usize) -> Result<Vec<String>> {
        let file = file.to_str().context("a name that is not UTF-8")?;
        let Playing { pictures, complaints } = self.play(file, Transport::Tcp, Duration::from_secs(20))?;
        ensure!(pictures.len() == count, "OpenCV reads {} of {count} pictures: {complaints}", pictures.len());
        Ok(pictures)
    }
}
