//! Searches that pass many bytes at once, without `unsafe`: the loops over blocks have no early return, so that each becomes a
//! few vector instructions.

use crate::jpeg::marker;

const BLOCK: usize = 32;

/// The first place where two bytes stand side by side that `matches` takes. The last byte has no neighbour.
#[inline(always)]
pub(super) fn find_pair(bytes: &[u8], matches: impl Fn(u8, u8) -> bool) -> Option<usize> {
    let (firsts, _) = bytes.as_chunks::<BLOCK>();
    let (seconds, _) = bytes.get(1..).unwrap_or(&[]).as_chunks::<BLOCK>();
    let mut at = 0_usize;
    for (first, second) in firsts.iter().zip(seconds) {
        let mut pairs = first.iter().zip(second);
        if pairs.clone().fold(false, |found, (&a, &b)| found | matches(a, b)) {
            return pairs.position(|(&a, &b)| matches(a, b)).map(|within| at.wrapping_add(within));
        }
        at = at.wrapping_add(BLOCK);
    }
    let mut tail = bytes.get(at..)?.windows(2);
    tail.position(|pair| matches!(pair, &[a, b] if matches(a, b))).map(|within| at.wrapping_add(within))
}

/// How many bytes of this value the bytes begin with.
pub(super) fn run_of(value: u8, bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let whole = blocks.iter().take_while(|block| block.iter().fold(true, |same, &byte| same & (byte == value))).count();
    let at = whole.wrapping_mul(BLOCK);
    let rest = bytes.get(at..).unwrap_or(&[]).iter().take_while(|&&byte| byte == value).count();
    at.wrapping_add(rest)
}

/// Whether these two bytes are a marker that means something between segments and in entropy-coded data. Stuffing, fill bytes,
/// restart markers and what no marker begins with are passed.
#[inline(always)]
pub(super) fn is_marker(first: u8, second: u8) -> bool {
    (first == 0xFF) & (second >= marker::SOF0) & (second & 0xF8 != marker::RST0) & (second != 0xFF)
}

/// Whether these two bytes are SOI.
#[inline(always)]
pub(super) fn is_start(first: u8, second: u8) -> bool {
    (first == 0xFF) & (second == marker::SOI)
}

/// How many of the bytes may be passed, where only a pair that `matches` takes has a meaning: those before it. The last byte
/// stays if it is one of `open`, because the byte behind it is not known yet.
#[inline(always)]
pub(super) fn pass(bytes: &[u8], open: [u8; 2], matches: impl Fn(u8, u8) -> bool) -> usize {
    find_pair(bytes, matches).unwrap_or_else(|| {
        let is_open = bytes.last().is_some_and(|last| open.contains(last));
        bytes.len().saturating_sub(usize::from(is_open))
    })
}

/// How many bytes stand before FF D8 FF, or before what may become that with the bytes that follow.
pub(super) fn pass_to_start(bytes: &[u8]) -> usize {
    let mut at = 0_usize;
    loop {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let next = at.saturating_add(pass(rest, [0xFF; 2], is_start));
        match bytes.get(next.saturating_add(2)) {
            Some(&byte) if byte != 0xFF => at = next.saturating_add(2),
            _ => return next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pair_is_found_wherever_it_is() {
        for len in 0..100 {
            let mut bytes = std::vec![0xFE; len];
            assert_eq!(find_pair(&bytes, is_start), None);
            for at in (0..len.saturating_sub(1)).rev() {
                (bytes[at], bytes[at + 1]) = (0xFF, 0xD8);
                assert_eq!(find_pair(&bytes, is_start), Some(at));
                assert_eq!(pass(&bytes, [0xFF; 2], is_start), at);
                bytes[at] = 0xFE;
            }
            if let Some(last) = bytes.last_mut() {
                *last = 0xFF;
                assert_eq!((pass(&bytes, [0xFF; 2], is_start), pass(&bytes, [10; 2], is_start)), (len - 1, len));
            }
        }
    }

    #[test]
    fn runs_end_where_another_byte_stands() {
        for len in 0..100 {
            let mut bytes = std::vec![0; len];
            assert_eq!(run_of(0, &bytes), len);
            for at in (0..len).rev() {
                bytes[at] = 1;
                assert_eq!(run_of(0, &bytes), at);
            }
        }
    }

    #[test]
    fn only_markers_that_mean_something_are_markers() {
        for second in 0..=255 {
            let means = matches!(second, 0xC0..=0xCF | 0xD8..=0xFE);
            assert_eq!(is_marker(0xFF, second), means, "{second:x}");
            assert!(!is_marker(0xFE, second));
        }
    }
}
