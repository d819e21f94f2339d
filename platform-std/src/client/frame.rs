//! Frames that outlive the call that gave them out.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The most free buffers that are kept. A few frames are in use at a time; the memory of a longer queue is given back.
const POOLED: usize = 8;

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayedFrame {
    /// A complete JPEG file.
    pub jpeg: Jpeg,
    /// Counted from 1; in the lab dialect the frame number that the server gives.
    pub number: u32,
    /// The RTP timestamp: 90 kHz, or seconds in the lab dialect.
    pub timestamp: u32,
    /// Where in the presentation it lies, from its start on, if that is known.
    pub position: Option<Duration>,
    /// How long ago its last packet arrived.
    pub age: Duration,
    /// How long ago it was sampled, by our clock: distances between frames are those of their RTP timestamps, without the jitter
    /// of the network, and the shortest time on the way counts as none. Needs no report of the sender's.
    pub since_sampled: Duration,
    /// How long ago it was captured, in microseconds, by the sender's clock and ours. Only as true as the two agree:
    /// exact on one machine, and negative where the sender's clock is ahead. `None`: the sender has not told yet.
    pub since_capture: Option<i64>,
}

/// The bytes of a JPEG file, shared: a clone copies nothing. The memory is used for another frame once the last clone is
/// gone.
#[derive(Clone)]
pub struct Jpeg(Arc<Pooled>);

struct Pooled {
    bytes: Vec<u8>,
    pool: Pool,
}

/// Where buffers come from and go back to.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

impl Pool {
    /// A copy of a file.
    pub(super) fn copy(&self, file: &[u8]) -> Jpeg {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(file);
        Jpeg(Arc::new(Pooled { bytes, pool: self.clone() }))
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let mut free = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < POOLED {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

impl Deref for Jpeg {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl AsRef<[u8]> for Jpeg {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Jpeg {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Pooled { bytes, pool: Pool::default() }))
    }
}

impl PartialEq for Jpeg {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Jpeg {}

impl fmt::Debug for Jpeg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jpeg({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_once_the_last_clone_is_gone() {
        let pool = Pool::default();
        let first = pool.copy(&[1; 1000]);
        let (place, clone) = (first.as_ptr(), first.clone());
        drop(first);
        let second = pool.copy(&[2; 10]);
        assert!(clone.iter().all(|&byte| byte == 1), "it is not touched while somebody has it");
        assert_ne!(second.as_ptr(), place);
        drop(clone);
        let third = pool.copy(&[3; 100]);
        assert_eq!((third.as_ptr(), &third[..]), (place, &[3; 100][..]));
    }

    #[test]
    fn a_pool_keeps_a_few_buffers_and_no_more() {
        let pool = Pool::default();
        let frames: Vec<Jpeg> = (0..3 * POOLED).map(|_| pool.copy(&[0; 16])).collect();
        drop(frames);
        assert_eq!(pool.0.lock().unwrap().len(), POOLED);
    }
}
