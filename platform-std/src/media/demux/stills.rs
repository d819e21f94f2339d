//! A folder of JPEG files, one after another.

use std::io;

use super::super::storage::Storage;
use super::{Demuxer, Found, Place, Sample};

pub(super) struct Stills<'a> {
    storage: &'a dyn Storage,
    next: u64,
    /// Bytes of those that have passed.
    passed: u64,
}

impl<'a> Stills<'a> {
    pub(super) fn new(storage: &'a dyn Storage, place: Place) -> Self {
        let next = if let Place::Still(number) = place { number } else { 0 };
        Self { storage, next, passed: 0 }
    }
}

impl Demuxer for Stills<'_> {
    fn next(&mut self) -> io::Result<Found> {
        let Some(file) = self.storage.whole(self.next)? else { return Ok(Found::End { is_cut: false }) };
        self.next += 1;
        self.passed += file.len;
        match u32::try_from(file.len) {
            Ok(len) if len > 0 => Ok(Found::Picture(Sample { offset: file.offset, len, time: file.time })),
            _ => Ok(Found::Damage(format!("picture {} is empty or far too long", self.next - 1))),
        }
    }

    fn place(&self) -> Option<Place> {
        Some(Place::Still(self.next))
    }

    fn offset(&self) -> u64 {
        self.passed
    }
}
