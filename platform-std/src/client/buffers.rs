//! Frame buffers that outlive a connection.

use std::sync::{Arc, Mutex, PoisonError};

/// Buffers of one length, which come back when they are no longer used.
///
/// Fresh memory costs nothing until it is written to, however large a frame might be. What an allocator hands out a
/// second time it must fill with zeros first: a client that reconnects would hold all of its buffers resident.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    len: usize,
    free: Arc<Mutex<Vec<Box<[u8]>>>>,
}

/// A buffer, and where it goes back to. What is in it is whatever was.
#[derive(Debug)]
pub(super) struct Pooled {
    bytes: Box<[u8]>,
    pool: Pool,
}

impl Pool {
    pub(super) fn new(len: usize) -> Self {
        Self { len, free: Arc::default() }
    }

    pub(super) fn take(&self) -> Pooled {
        let used = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Pooled { bytes: used.unwrap_or_else(|| vec![0; self.len].into_boxed_slice()), pool: self.clone() }
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.pool.free.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsMut<[u8]> for Pooled {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_was_given_back_is_the_next_one_taken() {
        let pool = Pool::new(64);
        let (mut first, second) = (pool.take(), pool.take());
        assert_eq!((first.as_ref().len(), second.as_ref().len()), (64, 64));
        first.as_mut()[0] = 7;
        let place = first.as_ref().as_ptr();
        drop(first);
        let again = pool.take();
        assert_eq!((again.as_ref().as_ptr(), again.as_ref()[0]), (place, 7));
        drop((second, again));
        assert_eq!(pool.free.lock().unwrap().len(), 2);
    }
}
