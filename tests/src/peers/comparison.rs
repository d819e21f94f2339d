//! Compares the recorded frames with those that were sent.

/// Returns how many of the `received` items, counted from the first, follow each other as they do in `source`. The source
/// starts over at its end as often as needed. If `anywhere` is set, the first item may be any of the source's; otherwise it
/// must be the source's first.
pub fn run_length<T: PartialEq>(source: &[T], received: &[T], anywhere: bool) -> usize {
    let starts = if anywhere { source.len() } else { source.len().min(1) };
    let matching = |start: usize| {
        let expected = source.iter().cycle().skip(start);
        expected.zip(received).take_while(|(expected, received)| expected == received).count()
    };
    (0..starts).map(matching).max().unwrap_or(0)
}

/// Returns the entropy-coded data of a JPEG file, which RTP/JPEG carries as it is. The search shares nothing with the code
/// under test.
pub fn scan(jpeg: &[u8]) -> Option<&[u8]> {
    let mut at = 2;
    loop {
        let &[0xff, marker, high, low] = jpeg.get(at..at + 4)? else { return None };
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
        if marker == 0xda {
            let scan = jpeg.get(at..)?;
            return Some(scan.strip_suffix(&[0xff, 0xd9]).unwrap_or(scan));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_whole_only_without_gaps_and_may_pass_the_end() {
        for (received, anywhere, length) in [
            ("abcd", false, 4),
            ("abcdab", false, 6),
            ("bcd", false, 0),
            ("bcdab", true, 5),
            ("abd", false, 2),
            ("bbc", true, 1),
            ("x", true, 0),
            ("", true, 0),
        ] {
            assert_eq!(run_length(b"abcd", received.as_bytes(), anywhere), length, "{received}");
        }
        assert_eq!(run_length::<u8>(&[], b"a", true), 0);
    }

    #[test]
    fn a_scan_lies_between_its_header_and_the_end_marker() {
        let jpeg = [0xff, 0xd8, 0xff, 0xfe, 0, 4, 0xff, 0xda, 0xff, 0xda, 0, 3, 9, 1, 2, 3, 0xff, 0xd9];
        assert_eq!(scan(&jpeg), Some(&[1, 2, 3][..]));
        assert_eq!(scan(&jpeg[..10]), None);
    }
}
