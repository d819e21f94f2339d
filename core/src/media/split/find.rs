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

/// Five bytes, as iterators that were zipped give them.
type Zipped<'b> = ((((&'b u8, &'b u8), &'b u8), &'b u8), &'b u8);

/// The first place of `N` bytes of which `matches` takes those at these offsets.
#[inline(always)]
fn find_run<const N: usize>(
    bytes: &[u8],
    [first, second, third, fourth, fifth]: [usize; 5],
    matches: impl Fn(u8, u8, u8, u8, u8) -> bool,
) -> Option<usize> {
    let shifted = |by: usize| bytes.get(by..).unwrap_or(&[]).as_chunks::<BLOCK>().0.iter();
    let pairs = shifted(first).zip(shifted(second));
    let mut at = 0_usize;
    for ((((a, b), c), d), e) in pairs.zip(shifted(third)).zip(shifted(fourth)).zip(shifted(fifth)) {
        let mut runs = a.iter().zip(b).zip(c).zip(d).zip(e);
        let takes = |((((a, b), c), d), e): Zipped<'_>| matches(*a, *b, *c, *d, *e);
        if runs.clone().fold(false, |found, run| found | takes(run)) {
            return runs.position(takes).map(|within| at.wrapping_add(within));
        }
        at = at.wrapping_add(BLOCK);
    }
    let mut tail = bytes.get(at..)?.windows(N);
    let byte = |run: &[u8], at: usize| run.get(at).copied().unwrap_or(0);
    let takes = |run: &[u8]| {
        matches(byte(run, first), byte(run, second), byte(run, third), byte(run, fourth), byte(run, fifth))
    };
    let found = tail.position(takes);
    found.map(|within| at.wrapping_add(within))
}

/// How many bytes stand before such a run, or before what may become one with the bytes that follow.
#[inline(always)]
fn pass_run<const N: usize>(bytes: &[u8], offsets: [usize; 5], matches: impl Fn(u8, u8, u8, u8, u8) -> bool) -> usize {
    find_run::<N>(bytes, offsets, matches).unwrap_or(bytes.len().saturating_sub(N.saturating_sub(1)))
}

/// The longest run that is looked for, without its last byte.
const SEAM: u8 = 8;

/// What is known of the next bytes where runs are looked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Runs {
    /// So many of the next bytes begin no run.
    clear: usize,
    /// So many bytes were looked at one by one since that is known: they may have ended a run that began before.
    singly: u8,
}

impl Runs {
    /// How many bytes may be passed at once. Where there are none, one byte is taken.
    pub(super) fn pass(&mut self, bytes: &[u8], pass_to_run: impl Fn(&[u8]) -> usize) -> usize {
        if self.clear == 0 {
            *self = Self { clear: pass_to_run(bytes), singly: 0 };
        }
        if self.singly < SEAM {
            self.clear = self.clear.saturating_sub(1);
            self.singly = self.singly.saturating_add(1);
            return 0;
        }
        core::mem::take(&mut self.clear).min(bytes.len())
    }
}

/// How many bytes stand before FF D8 FF, or before what may become that with the bytes that follow.
pub(super) fn pass_to_start(bytes: &[u8]) -> usize {
    pass_run::<3>(bytes, [0, 1, 2, 2, 2], |a, b, c, _, _| is_start(a, b) & (c == 0xFF))
}

/// The same of [`is_picture`].
pub(super) fn pass_to_picture(bytes: &[u8]) -> usize {
    pass_run::<5>(bytes, [0, 1, 2, 3, 4], is_picture)
}

/// The same of a byte that may end the head of a record of the lab's format, and FF D8 FF.
pub(super) fn pass_to_record(bytes: &[u8]) -> usize {
    pass_run::<4>(bytes, [0, 1, 2, 3, 3], |a, b, c, d, _| {
        (a.is_ascii_digit() | (a == b' ')) & is_start(b, c) & (d == 0xFF)
    })
}

/// The same of the second half of the name of AVI's chunks of pictures, their length, and FF D8 FF.
pub(super) fn pass_to_chunk(bytes: &[u8]) -> usize {
    pass_run::<9>(bytes, [0, 1, 6, 7, 8], |a, b, c, d, e| {
        (a == b'd') & ((b == b'c') | (b == b'b')) & is_start(c, d) & (e == 0xFF)
    })
}

/// Whether these bytes are SOI and a marker with the first byte of its segment's length. Fill bytes may stand before a marker,
/// tables are no longer than 4 KB.
#[inline(always)]
pub(super) fn is_picture(a: u8, b: u8, c: u8, code: u8, length: u8) -> bool {
    let is_table = (marker::SOF0..marker::RST0).contains(&code) | (marker::SOS..marker::APP0).contains(&code);
    let is_other = (marker::APP0..0xFF).contains(&code);
    let is_filled = (code == 0xFF) & (length >= marker::SOF0) & (length != marker::SOI);
    is_start(a, b) & (c == 0xFF) & ((is_table & (length < 16)) | is_other | is_filled)
}

/// How many of the bytes of headers or entropy-coded data may be passed: those before a marker that means something. SOI means
/// something only where FF is behind it.
pub(super) fn pass_to_marker(bytes: &[u8]) -> usize {
    let at = pass(bytes, [0xFF; 2], is_marker);
    match bytes.get(at..) {
        Some(&[0xFF, marker::SOI, third, ..]) if third != 0xFF => {
            let rest = bytes.get(at..).unwrap_or(&[]);
            let means = |a, b, c, _, _| is_marker(a, b) & ((b != marker::SOI) | (c == 0xFF));
            at.saturating_add(pass_run::<3>(rest, [0, 1, 2, 2, 2], means))
        }
        _ => at,
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
    fn the_first_run_is_found_wherever_it_is() {
        type Pass = fn(&[u8]) -> usize;
        let runs: [(&[u8], Pass); 5] = [
            (&[0xFF, 0xD8, 0xFF], pass_to_start),
            (&[0xFF, 0xD8, 0xFF, 0xDB, 0], pass_to_picture),
            (&[b'4', 0xFF, 0xD8, 0xFF], pass_to_record),
            (b"dc1234\xFF\xD8\xFF", pass_to_chunk),
            (&[0xFF, 0xD8, 0xFF], pass_to_marker),
        ];
        for (run, pass) in runs {
            for len in run.len()..100 {
                let without = std::vec![0x77; len];
                assert!((len - run.len()..=len).contains(&pass(&without)), "{run:?}");
                for at in 0..=len - run.len() {
                    let mut bytes = without.clone();
                    bytes[at..at + run.len()].copy_from_slice(run);
                    assert_eq!(pass(&bytes), at, "{run:?}");
                }
            }
        }
    }

    #[test]
    fn the_bytes_of_a_run_are_taken_one_by_one_wherever_pieces_end() {
        for (at, end) in (0..90).flat_map(|at| (0..100).map(move |end| (at, end))) {
            let mut bytes = [0x77; 100];
            bytes[at..at + 9].copy_from_slice(b"dc1234\xFF\xD8\xFF");
            let mut singly = std::vec::Vec::new();
            for piece in [0..end, end..100] {
                let (mut runs, mut next) = (Runs::default(), piece.start);
                while next < piece.end {
                    let passed = runs.pass(&bytes[next..piece.end], pass_to_chunk);
                    singly.extend((passed == 0).then_some(next));
                    next += passed.max(1);
                }
            }
            assert!((at..at + 9).all(|byte| singly.contains(&byte)), "{at}, {end}: {singly:?}");
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
