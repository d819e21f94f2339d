//! Random numbers that nobody can guess who does not know the seed.
//!
//! QEMU's machine has no noise source, so the seed comes from outside. A board has one, or derives a seed of a secret and of a number
//! that never comes twice.

use chacha20::ChaCha12Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use core::cell::RefCell;

/// Bytes of a seed.
pub(crate) const SEED: usize = 32;

/// What is shown of them tells nothing about the others.
pub(crate) struct Random(RefCell<ChaCha12Rng>);

impl Random {
    pub(crate) fn new(seed: [u8; SEED]) -> Self {
        Self(RefCell::new(ChaCha12Rng::from_seed(seed)))
    }

    pub(crate) fn bits(&self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.borrow_mut().fill_bytes(&mut bytes);
        bytes
    }
}
