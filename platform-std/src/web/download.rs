//! Files as they are, or parts of them (RFC 9110 section 14): read piece by piece, as fast as the client takes them.

use std::fs::File;
use std::future::Future;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::Bytes;
use hyper::header::HeaderValue;
use tokio::task::{JoinHandle, spawn_blocking};

use super::usage::{Watcher, Watching};
use crate::record;

/// So much is read at once.
const PIECE: u64 = 128 << 10;

/// Bytes of a file that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Portion {
    from: u64,
    to: u64,
    /// Of the whole file, where this may be a part of it.
    of: Option<u64>,
}

impl Portion {
    pub(super) const fn len(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }

    /// What is said of a part.
    pub(super) fn content_range(&self) -> Option<String> {
        let of = self.of?;
        Some(format!("bytes {}-{}/{of}", self.from, self.to.saturating_sub(1)))
    }
}

/// What a `Range` header asks for of a file that is so long: one part of it, or all of it where it asks for something else.
/// `None`: for nothing that there is.
pub(super) fn portion(range: Option<&str>, len: u64) -> Option<Portion> {
    let whole = Portion { from: 0, to: len, of: None };
    let Some((first, last)) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) else {
        return Some(whole);
    };
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let (from, to) = match (number(first), number(last)) {
        (Some(from), None) if last.is_empty() => (from, len),
        (Some(from), Some(last)) if from <= last => (from, last.saturating_add(1).min(len)),
        (None, Some(count)) if first.is_empty() => (len.saturating_sub(count), len),
        _ => return Some(whole),
    };
    (from < to).then_some(Portion { from, to, of: Some(len) })
}

/// A recording, how long it is, and what tells this version of it from others. It may wait for a disk.
pub(super) fn open(folder: &Path, name: &str) -> io::Result<(File, u64, HeaderValue)> {
    let file = record::open(folder, name)?;
    let about = file.metadata()?;
    let tag = format!("\"{:x}-{:x}-{:x}\"", about.len(), about.mtime(), about.mtime_nsec());
    let tag = HeaderValue::try_from(tag).map_err(io::Error::other)?;
    Ok((file, about.len(), tag))
}

/// A file on its way to one client.
pub(super) struct Download {
    /// `None` while it is read from.
    file: Option<File>,
    reading: Option<JoinHandle<(File, io::Result<Vec<u8>>)>>,
    at: u64,
    to: u64,
    watching: Watching,
    /// Whether what the client was allowed has ended by now.
    ends: Box<dyn Fn() -> bool + Send>,
}

impl Download {
    pub(super) fn new(
        file: File,
        portion: Portion,
        watching: Watching,
        ends: impl Fn() -> bool + Send + 'static,
    ) -> Self {
        let Portion { from, to, .. } = portion;
        Self { file: Some(file), reading: None, at: from, to, watching, ends: Box::new(ends) }
    }

    /// Who gets it.
    pub(super) const fn watcher(&self) -> &Arc<Watcher> {
        self.watching.watcher()
    }

    /// Bytes that are still to come.
    pub(super) const fn left(&self) -> u64 {
        self.to.saturating_sub(self.at)
    }

    /// The next bytes. `None`: that was all, or there is no more to be had, which the client sees by the length.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.left() == 0 || (self.ends)() {
            return Poll::Ready(None);
        }
        if self.reading.is_none() {
            let Some(file) = self.file.take() else { return Poll::Ready(None) };
            let (at, len) = (self.at, self.left().min(PIECE) as usize);
            self.reading = Some(spawn_blocking(move || {
                let read = read_at(&file, at, len);
                (file, read)
            }));
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let read = std::task::ready!(Pin::new(reading).poll(context));
        self.reading = None;
        let Ok((file, Ok(bytes))) = read else { return Poll::Ready(None) };
        if bytes.is_empty() {
            // It has become shorter.
            return Poll::Ready(None);
        }
        self.file = Some(file);
        self.at += bytes.len() as u64;
        self.watching.count(bytes.len());
        Poll::Ready(Some(bytes.into()))
    }
}

fn read_at(file: &File, at: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let read = loop {
        match file.read_at(&mut bytes, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other?,
        }
    };
    bytes.truncate(read);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_is_given_and_all_of_it_where_something_else_is_asked_for() {
        let part = |from, to| Some(Portion { from, to, of: Some(1000) });
        let all = Portion { from: 0, to: 1000, of: None };
        let whole = Some(all);
        for (range, expected) in [
            (None, whole),
            (Some("bytes=0-99"), part(0, 100)),
            (Some("bytes=990-"), part(990, 1000)),
            (Some("bytes=990-5000"), part(990, 1000)),
            (Some("bytes=-10"), part(990, 1000)),
            (Some("bytes=-5000"), part(0, 1000)),
            (Some("bytes=999-999"), part(999, 1000)),
            (Some("bytes=1000-"), None),
            (Some("bytes=99999999999999999999-"), None),
            (Some("bytes=-0"), None),
            (Some("bytes=5-2"), whole),
            (Some("bytes=-"), whole),
            (Some("bytes=+1-2"), whole),
            (Some("bytes=0-1,5-6"), whole),
            (Some("pages=1-2"), whole),
            (Some("bytes"), whole),
        ] {
            assert_eq!(portion(range, 1000), expected, "{range:?}");
        }
        assert_eq!(portion(Some("bytes=0-"), 0), None);
        assert_eq!(part(10, 20).unwrap().content_range().as_deref(), Some("bytes 10-19/1000"));
        assert_eq!(all.content_range(), None);
    }
}
