//! An MJPEG file, opened once and read by position, so that any number of viewers share one descriptor.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use mutoscope::media::mjpeg::Format;

use super::converter::Policy;
use super::index::{self, Index};
use super::medium::FrameError;

/// An open MJPEG file and where its frames are.
#[derive(Debug)]
pub struct MediaFile {
    file: File,
    index: Index,
}

impl MediaFile {
    /// Opens and indexes a file. What is wrong comes back as one sentence that names the file.
    pub fn open(path: &Path, policy: Policy) -> Result<Self> {
        let shown = path.display();
        let metadata = path.metadata().with_context(|| format!("cannot open {shown}"))?;
        // Before it is opened: opening a FIFO would wait for whoever writes to it.
        if !metadata.is_file() {
            bail!("{shown} is neither a file nor a folder");
        }
        let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
        let index = index::build(&file, metadata.len(), &shown.to_string(), policy)?;
        Ok(Self { file, index })
    }

    /// How many frames the file has; at least one.
    pub fn frames(&self) -> u32 {
        self.index.frames()
    }

    /// Width and height of the first frame in pixels.
    pub fn dimensions(&self) -> (u16, u16) {
        self.index.dimensions
    }

    /// How its frames follow each other.
    pub fn format(&self) -> Format {
        self.index.format
    }

    /// Why RTP/JPEG cannot carry the file, as a sentence; `None` where it can.
    pub fn refusal(&self) -> Option<String> {
        self.index.refusal.clone()
    }

    /// Reads frame `number` into `buffer`, whatever it held.
    pub fn read_frame(&self, number: u32, mut buffer: Vec<u8>) -> Result<Vec<u8>, FrameError> {
        let Some((offset, len)) = self.index.span(number) else { return Err(FrameError::Shortened) };
        buffer.clear();
        buffer.resize(len, 0);
        match self.file.read_exact_at(&mut buffer, offset) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(FrameError::Shortened),
            Err(error) => return Err(FrameError::Read(error)),
        }
        // Every frame in the index began so.
        if !buffer.starts_with(&[0xff, 0xd8]) {
            return Err(FrameError::Overwritten);
        }
        Ok(buffer)
    }
}
