//! The heads of records: the lengths of the lab's format, and the chunks of AVI.

use super::super::avi::{Action, Chunks};
use super::state::State;

/// The number of characters before each record of the lab's format.
pub(in crate::media) const DIGITS: usize = 5;
/// More characters are no length.
pub(super) const LONGEST_LENGTH: u8 = 16;
/// The number of characters of a long length.
const LONG_DIGITS: u8 = 10;
/// So many bytes between two chunks are passed without being called damage.
const MOST_GARBAGE: u8 = 32;
/// The name and the length of a chunk.
pub(super) const CHUNK_HEAD: u8 = 8;

/// The length of the head and of the record of the lab's format whose head these bytes end with.
pub(super) fn lab_record(before: u128, fits: impl Fn(&u32) -> bool) -> Option<(u8, u32)> {
    if let Some(length) = long_record_length(before).filter(&fits) {
        return Some((LONG_DIGITS, length));
    }
    let [.., a, b, c, d, e] = before.to_be_bytes();
    Some((DIGITS as u8, record_length([a, b, c, d, e]).filter(&fits)?))
}

/// The same of a chunk of pictures.
pub(super) fn chunk(before: u128, chunks: &Chunks, fits: impl Fn(&u32) -> bool) -> Option<(u8, u32)> {
    let [.., a, b, c, d, e, f, g, h] = before.to_be_bytes();
    let length = u32::from_le_bytes([e, f, g, h]);
    // Where the length was never written, the picture itself tells it.
    let length = if length > 3 && fits(&length) { length } else { 3 };
    chunks.is_picture([a, b, c, d]).then_some((CHUNK_HEAD, length))
}

/// The length that so many characters gave, which these bytes end with.
pub(super) fn told(seen: u8, before: u128) -> Option<u32> {
    let [.., a, b, c, d, e] = before.to_be_bytes();
    match seen {
        LONG_DIGITS.. => long_record_length(before).or_else(|| record_length([a, b, c, d, e])),
        5.. => record_length([a, b, c, d, e]),
        _ => None,
    }
}

/// What follows another byte of a chunk's head.
pub(super) enum Next {
    State(State),
    /// The head is whole, and so much content follows.
    Content(Action, u32),
    /// There are too many bytes that are no head.
    Damage,
}

/// Another byte of a chunk's head was read behind `seen`. `last`: the last bytes, with this one.
pub(super) fn chunk_byte(seen: u8, garbage: u8, last: u128, is_even: bool, chunks: &mut Chunks) -> Next {
    let [.., t, u, v, w, a, b, c, d] = last.to_be_bytes();
    let next = |seen| Next::State(State::Chunk { seen, garbage });
    match seen {
        3 => match Chunks::is_name([a, b, c, d], garbage == 0 && is_even) {
            true => next(4),
            false if garbage >= MOST_GARBAGE => Next::Damage,
            // An odd chunk may lack its padding, or have other padding than zeros.
            false => Next::State(State::Chunk { seen, garbage: garbage.wrapping_add(1) }),
        },
        7 => {
            let size = u32::from_le_bytes([a, b, c, d]);
            Next::Content(chunks.open([t, u, v, w], size), size)
        }
        11 => {
            let size = u32::from_le_bytes([t, u, v, w]);
            Next::Content(chunks.open_list([a, b, c, d]), size.saturating_sub(4))
        }
        _ => next(seen.saturating_add(1)),
    }
}

/// A record's length: digits with spaces before or behind them. A JPEG file has four bytes at least.
pub(super) fn record_length(characters: [u8; DIGITS]) -> Option<u32> {
    let is_space = |byte: &u8| *byte == b' ';
    let start = characters.iter().position(|byte| !is_space(byte))?;
    let end = characters.iter().rposition(|byte| !is_space(byte))?;
    number(characters.get(start..=end)?)
}

/// The same of ten digits, the last bytes of `before`.
fn long_record_length(before: u128) -> Option<u32> {
    let [_, _, _, _, _, _, digits @ ..] = before.to_be_bytes();
    number(&digits)
}

fn number(digits: &[u8]) -> Option<u32> {
    let number = digits.iter().try_fold(0_u32, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit.wrapping_sub(b'0')))?;
        number.checked_mul(10)?.checked_add(digit)
    })?;
    (number > 3).then_some(number)
}
