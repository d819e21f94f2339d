//! The file that the record is written to at the end.

use super::Protocol;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A file for the record of what is played.
#[derive(Debug)]
pub(crate) struct ProtocolFile {
    url: String,
    path: PathBuf,
    file: File,
}

impl ProtocolFile {
    /// Makes the file anew, so that a name that does not work is known at once.
    ///
    /// # Errors
    /// A sentence with the file's name, if it cannot be written.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { url: String::new(), path: path.to_owned(), file })
    }

    /// The file of what is played from this URL.
    pub(crate) fn of(self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self }
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// A sentence with the file's name.
    pub(crate) fn write(mut self, protocol: &Protocol) -> Result<(), String> {
        let mut record = protocol.lock();
        record.settle(Instant::now());
        let text = record.text(&self.url);
        drop(record);
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }
}
