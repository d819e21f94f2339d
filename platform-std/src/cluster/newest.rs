//! The newest picture of a stream of another node, for who wants that one alone, or the last one there was.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mutoscope::jpeg::Layout;

use super::exchange::{Exchange, MAX_PICTURE, Sample};
use super::name::{Address, Part};
use super::stamp::Stamp;

/// The node waits for a picture for two seconds.
const PATIENCE: Duration = Duration::from_secs(3);
/// No picture is older.
const MAX_AGE: Duration = Duration::from_secs(366 * 24 * 3600);

/// A picture of a stream of another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    /// The file.
    pub jpeg: Vec<u8>,
    /// How old it was when it left its node.
    pub age: Duration,
}

/// Is given the picture; `None`: there is none.
pub type OnStill = Box<dyn FnOnce(Option<Still>) + Send>;

/// Asks the stream's node.
pub(super) fn ask(exchange: &dyn Exchange, address: Address, tell: OnStill) {
    let tell = Mutex::new(Some(tell));
    let key = address.key(Part::Newest);
    let answered = {
        let key = key.clone();
        move |sample: Option<Sample<'_>>| {
            let still = sample.map(|sample| read(&key, sample));
            if matches!(still, Some(None)) {
                // Others may know better.
                return;
            }
            if let Some(tell) = tell.lock().unwrap_or_else(PoisonError::into_inner).take() {
                tell(still.flatten());
            }
        }
    };
    if let Err(error) = exchange.ask_for_pictures(&key, "", PATIENCE, Box::new(answered)) {
        log::debug!("{}: it cannot be asked for: {error}", address.full_name());
    }
}

/// What another node has answered. `None`: that is no picture.
fn read(key: &str, sample: Sample<'_>) -> Option<Still> {
    let stamp = Stamp::parse(sample.attachment)?;
    let is_picture = sample.key == key && sample.payload.len() <= MAX_PICTURE && Layout::parse(sample.payload).is_ok();
    let age = Duration::from_micros(stamp.sent.saturating_sub(stamp.captured)).min(MAX_AGE);
    is_picture.then(|| Still { jpeg: sample.payload.to_vec(), age })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::jpeg;

    #[test]
    fn what_is_no_picture_is_not_taken_for_one() {
        let (file, stamp) = (jpeg(16, 16, 0, &[1]), Stamp { incarnation: 1, number: 0, captured: 5, sent: 12 });
        let attachment = stamp.to_bytes();
        let sample = Sample { key: "a", payload: &file, attachment: &attachment };
        let still = Still { jpeg: file.clone(), age: Duration::from_micros(7) };
        assert_eq!(read("a", sample), Some(still));
        let back = Stamp { captured: u64::MAX, ..stamp }.to_bytes();
        assert_eq!(read("a", Sample { attachment: &back, ..sample }).unwrap().age, Duration::ZERO);
        let ancient = Stamp { captured: 0, sent: u64::MAX, ..stamp }.to_bytes();
        assert_eq!(read("a", Sample { attachment: &ancient, ..sample }).unwrap().age, MAX_AGE);
        let long = [&file[..], &vec![0; MAX_PICTURE]].concat();
        for bad in [
            Sample { key: "b", ..sample },
            Sample { payload: b"", ..sample },
            Sample { payload: b"text", ..sample },
            Sample { payload: &long, ..sample },
            Sample { attachment: b"", ..sample },
        ] {
            assert_eq!(read("a", bad), None);
        }
    }
}
