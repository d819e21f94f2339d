//! Changes that keep an input almost valid, which is where parsers go wrong.

use crate::net::Random;

/// Inputs are kept below this, so that a run is not spent on length alone.
const LONGEST: usize = 8192;

/// Numbers at the edges of what fields hold.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "+1",
    "1",
    "99",
    "255",
    "256",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "1e9",
    "0x10",
    "",
    "999999999999999999999999",
];

/// Bytes that mean something in one format or another.
const BYTES: &[u8] =
    &[0, 1, 0x7f, 0x80, 0xff, b'\r', b'\n', b' ', b':', b';', b'=', b',', b'$', b'/', b'%', b'"', 0xd8, 0xd9, 0xda];

/// Changes `input` in one to four ways. `seeds` lend pieces, `words` are pieces of the grammar.
pub fn mutate(input: &mut Vec<u8>, random: &mut Random, seeds: &[Vec<u8>], words: &[&str]) {
    for _ in 0..=random.below(4) {
        once(input, random, seeds, words);
    }
    input.truncate(LONGEST);
}

fn once(input: &mut Vec<u8>, random: &mut Random, seeds: &[Vec<u8>], words: &[&str]) {
    let len = input.len();
    let at = index(random, len + 1);
    let end = (at + 1 + index(random, 32)).min(len);
    match random.below(14) {
        // Cut short, or cut a piece out.
        0 => input.truncate(at),
        1 => _ = input.drain(at..end.max(at)),
        // One bit, one byte, an interesting byte.
        2 if at < len => input[at] ^= 1 << random.below(8),
        3 if at < len => input[at] = random.bits() as u8,
        4 if at < len => input[at] = BYTES[index(random, BYTES.len())],
        5 => input.insert(at, BYTES[index(random, BYTES.len())]),
        // A 16- or 32-bit field at its edges.
        6 => overwrite(input, at, &EDGES16[index(random, EDGES16.len())].to_be_bytes()),
        7 => overwrite(input, at, &(random.bits() as u32 >> random.below(32)).to_be_bytes()),
        // A number in a text.
        8 => {
            let digits = number_at(input, at);
            input.splice(digits, NUMBERS[index(random, NUMBERS.len())].bytes());
        }
        // A piece twice, or many times.
        9 => {
            let piece = input[at..end.max(at)].to_vec();
            let times = if random.below(8) == 0 { 100 } else { 1 };
            input.splice(at..at, piece.repeat(times));
        }
        // A line twice, or a line moved to the front.
        10 => {
            let line = line_at(input, at);
            let copy = input[line.clone()].to_vec();
            let to = if random.below(2) == 0 { line.end } else { 0 };
            input.splice(to..to, copy);
        }
        // A word of the grammar.
        11 if !words.is_empty() => {
            let word = words[index(random, words.len())].bytes();
            let replaced = if random.below(2) == 0 { at } else { end.max(at) };
            input.splice(at..replaced, word);
        }
        // The tail of another input, or all of it behind this one.
        12 if !seeds.is_empty() => {
            let other = &seeds[index(random, seeds.len())];
            input.truncate(at);
            input.extend(&other[index(random, other.len() + 1)..]);
        }
        13 if !seeds.is_empty() => input.extend(&seeds[index(random, seeds.len())]),
        _ => input.push(random.bits() as u8),
    }
}

const EDGES16: &[u16] = &[0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xfffe, 0xffff, 0xff00, 0xffd8, 0xffd9];

fn index(random: &mut Random, bound: usize) -> usize {
    if bound == 0 { 0 } else { random.below(bound as u64) as usize }
}

fn overwrite(input: &mut [u8], at: usize, bytes: &[u8]) {
    for (to, from) in input.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

/// The first run of digits at or behind `at`.
fn number_at(input: &[u8], at: usize) -> std::ops::Range<usize> {
    let digit = |byte: &u8| byte.is_ascii_digit();
    let start = input[at..].iter().position(digit).map_or(at, |distance| at + distance);
    let len = input[start..].iter().take_while(|byte| digit(byte)).count();
    start..start + len
}

/// The line that `at` lies in, with its end.
fn line_at(input: &[u8], at: usize) -> std::ops::Range<usize> {
    let start = input[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let len = input[start..].iter().position(|&byte| byte == b'\n').map_or(input.len() - start, |end| end + 1);
    start..start + len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_input_can_be_mutated_and_the_same_seed_gives_the_same() {
        let seeds = [b"CSeq: 12\r\nSession: 5\r\n".to_vec(), vec![]];
        for first in [&[][..], b"x", b"CSeq: 12\r\n"] {
            let run = |seed| {
                let (mut random, mut input) = (Random::new(seed), first.to_vec());
                for _ in 0..2000 {
                    mutate(&mut input, &mut random, &seeds, &["RTSP/1.0"]);
                    assert!(input.len() <= LONGEST);
                }
                input
            };
            assert_eq!(run(3), run(3));
        }
    }

    #[test]
    fn numbers_and_lines_are_found() {
        assert_eq!(number_at(b"CSeq: 12\r\n", 2), 6..8);
        assert_eq!(number_at(b"none", 2), 2..2);
        assert_eq!(line_at(b"ab\ncd\nef", 4), 3..6);
        assert_eq!(line_at(b"ab\ncd\nef", 8), 6..8);
    }
}
