//! Files for the tests of this folder.

use crate::jpeg::{header, tables};
use std::vec::Vec;

/// A JPEG whose scan is `len` bytes, with stuffing but without meaning.
pub(super) fn jpeg(len: usize) -> Vec<u8> {
    jpeg_with(&[], len)
}

/// The same JPEG, with segments inserted behind SOI.
pub(super) fn jpeg_with(segments: &[u8], len: usize) -> Vec<u8> {
    let (luma, chroma) = tables::quantization(50);
    let fields = header::Fields {
        kind: 1,
        width: 32,
        height: 16,
        restart_interval: 0,
        luma: &luma,
        chroma: &chroma,
        precision: 0,
    };
    let mut buffer = [0; header::MAX_LEN];
    let header_len = header::emit(&mut buffer, &fields).unwrap();
    let mut scan: Vec<u8> = (0..len).map(|at| if at % 16 == 3 { 0xFF } else { (at % 16 * 13) as u8 }).collect();
    scan.iter_mut().skip(4).step_by(16).for_each(|stuffing| *stuffing = 0);
    // If the last byte were FF, it would swallow the EOI.
    scan.iter_mut().last().into_iter().for_each(|last| *last = 0);
    [&buffer[..2], segments, &buffer[2..header_len], &scan, &[0xFF, 0xD9]].concat()
}

pub(super) fn segment(code: u8, content: &[u8]) -> Vec<u8> {
    [&[0xFF, code][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
}

/// A record of the lab's format.
pub(super) fn lab(jpegs: &[u8]) -> Vec<u8> {
    [std::format!("{:05}", jpegs.len()).as_bytes(), jpegs].concat()
}
