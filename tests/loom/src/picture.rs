//! A picture without a content.

use crate::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct Buffers;

#[derive(Debug)]
pub(crate) struct Picture(u32);

impl Picture {
    pub(crate) fn new(number: u32, _: Option<Instant>) -> Self {
        Self(number)
    }

    pub(crate) fn number(&self) -> u32 {
        self.0
    }

    pub(crate) fn into_buffers(self) -> Buffers {
        Buffers
    }
}
