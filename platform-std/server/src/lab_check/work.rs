//! The folder in which a check works, and which goes with it.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A number that nobody can guess from outside.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A folder that nobody else may read.
#[derive(Debug)]
pub(super) struct Work(PathBuf);

impl Work {
    pub(super) fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("mutoscope-lab-check-{:016x}", random()));
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Takes it away, for a process that is about to end.
    pub(super) fn remove(path: &Path) {
        let _ = fs::remove_dir_all(path);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        Self::remove(&self.0);
    }
}
