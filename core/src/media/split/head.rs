//! The first bytes of a segment or a chunk, kept until it has passed.

/// So many bytes are kept: as far as the number of images in an MPF segment.
const KEPT: usize = 38;

#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    bytes: [u8; KEPT],
    len: u8,
}

impl Head {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; KEPT], len: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Keeps of these bytes what there is room for.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let room = self.bytes.get_mut(usize::from(self.len)..).unwrap_or(&mut []);
        let mut taken = 0_u8;
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
            taken = taken.wrapping_add(1);
        }
        self.len = self.len.saturating_add(taken);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }
}
