//! The lab dialect's payload: a whole JPEG file in one packet, without a header of its own and without a marker.

use super::{Fragment, Rules, Unsendable};
use crate::media::Frame;
use crate::wire::rtp::{HEADER_LEN, MAX_DATAGRAM};

/// A file that leaves whole.
#[derive(Clone, Copy, Debug)]
pub struct Fragments {
    len: u32,
}

impl Fragments {
    /// A file of `len` bytes.
    pub const fn new(len: u32) -> Self {
        Self { len }
    }

    /// Whether `frame` is the file.
    pub const fn fits(&self, frame: &[u8]) -> bool {
        !frame.is_empty() && frame.len() == self.len as usize
    }

    /// Fragment 0 is the file; there is no other.
    #[inline]
    pub fn get(&self, frame: &[u8], index: u32) -> Option<Fragment> {
        if index != 0 || !self.fits(frame) {
            return None;
        }
        let payload = 0..frame.len();
        Some(Fragment { extension_len: 0, header_len: 0, payload, marker: false })
    }
}

pub(super) fn cut(frame: &Frame<'_>, rules: &Rules) -> Result<Fragments, Unsendable> {
    let (len, limit) = (frame.data.len(), rules.max_packet_size.min(MAX_DATAGRAM));
    match u32::try_from(len) {
        Ok(short) if len.saturating_add(HEADER_LEN) <= limit => Ok(Fragments::new(short)),
        _ => Err(Unsendable::TooLarge { len, limit }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_one_fragment_without_header_and_marker() {
        let fragments = Fragments::new(5);
        assert_eq!(
            fragments.get(b"whole", 0),
            Some(Fragment { extension_len: 0, header_len: 0, payload: 0..5, marker: false })
        );
        assert!(fragments.get(b"whole", 1).is_none());
        assert!(fragments.get(b"other file", 0).is_none());
        assert!(Fragments::new(0).get(b"", 0).is_none());
    }
}
