//! The last pictures of live streams, for those who ask while there are none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mutoscope::time::Instant;

/// Bytes of all of them.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// Of a stream that somebody watches, a picture is kept this often.
const INTERVAL: Duration = Duration::from_secs(5);

/// The pictures, by the names of their streams. Copies are the same.
#[derive(Clone, Default)]
pub(super) struct Lasts(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    pictures: BTreeMap<String, Last>,
    bytes: usize,
}

/// The last picture of a stream.
#[derive(Clone)]
pub(super) struct Last {
    pub jpeg: Arc<[u8]>,
    pub captured: Instant,
    kept: Instant,
}

impl Lasts {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a picture of a stream that somebody watches, unless that has just been done.
    pub(super) fn note_watched(&self, stream: &str, jpeg: &[u8], captured: Instant, now: Instant) {
        let is_new = |last: &Last| now.since(last.kept) < INTERVAL;
        if !self.kept().pictures.get(stream).is_some_and(is_new) {
            self.note(stream, jpeg, captured, now);
        }
    }

    /// Keeps a picture. Where all together are too large, that of the stream is forgotten that was kept longest ago.
    pub(super) fn note(&self, stream: &str, jpeg: &[u8], captured: Instant, now: Instant) {
        let last = Last { jpeg: jpeg.into(), captured, kept: now };
        let mut kept = self.kept();
        kept.remove(stream);
        kept.bytes += jpeg.len();
        kept.pictures.insert(stream.to_owned(), last);
        while kept.bytes > MOST_BYTES
            && let Some(oldest) = kept.pictures.iter().min_by_key(|(_, last)| last.kept).map(|(name, _)| name.clone())
        {
            kept.remove(&oldest);
        }
    }

    pub(super) fn get(&self, stream: &str) -> Option<Last> {
        self.kept().pictures.get(stream).cloned()
    }

    /// Those of other streams are forgotten.
    pub(super) fn retain(&self, is_offered: &dyn Fn(&str) -> bool) {
        let mut kept = self.kept();
        kept.pictures.retain(|stream, _| is_offered(stream));
        kept.bytes = kept.pictures.values().map(|last| last.jpeg.len()).sum();
    }
}

impl Kept {
    fn remove(&mut self, stream: &str) {
        if let Some(last) = self.pictures.remove(stream) {
            self.bytes -= last.jpeg.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_picture_of_each_stream_is_kept_while_there_is_room() {
        let (lasts, at) = (Lasts::default(), Instant::from_millis);
        let len = |stream: &str| lasts.get(stream).map(|last| last.jpeg.len());
        lasts.note_watched("a", &[1; 10], at(0), at(0));
        lasts.note_watched("a", &[1; 20], at(4_999), at(4_999));
        assert_eq!(len("a"), Some(10));
        lasts.note_watched("a", &[1; 20], at(5_000), at(5_000));
        lasts.note("b", &[1; 30], at(1_000), at(5_001));
        assert_eq!((len("a"), len("b"), len("c")), (Some(20), Some(30), None));
        lasts.note("c", &vec![1; MOST_BYTES - 35], at(0), at(5_002));
        assert_eq!((len("a"), len("b").is_some(), len("c").is_some()), (None, true, true));
        lasts.retain(&|stream| stream == "b");
        assert_eq!((len("b"), len("c"), lasts.kept().bytes), (Some(30), None, 30));
    }
}
