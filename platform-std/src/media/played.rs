//! What other rooms' tests ask about films.

use super::demux::{Found, Head, Place};
use super::storage::InMemory;

/// The pictures of a film that lies in memory, each with its time in microseconds; none where it is no film.
pub(crate) fn pictures_in(bytes: &[u8]) -> Vec<(Vec<u8>, u64)> {
    let storage = InMemory(bytes);
    let len = bytes.len() as u64;
    let Ok(head) = Head::read(&storage, len) else { return Vec::new() };
    let mut demuxer = head.container.demuxer(&storage, len, Place::Start).expect("its beginning was read");
    let mut pictures = Vec::new();
    loop {
        match demuxer.next().expect("memory can be read") {
            Found::Picture(sample) => {
                let at = sample.offset as usize;
                pictures.push((bytes[at..at + sample.len as usize].to_vec(), sample.time));
            }
            Found::Damage(_) => {}
            Found::End { .. } => return pictures,
        }
    }
}
