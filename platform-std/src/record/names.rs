//! What segments are called: when they begin, in UTC, so that names sort as times do and need no escapes.

use std::time::{Duration, SystemTime};

use crate::calendar;

const EXTENSION: &str = ".mkv";

/// What a name tells: seconds since 1970, and which one of those that begin within this second.
pub(super) type Begin = (u64, u32);

/// `20261129T185200Z.mkv`, `20261129T185200Z-1.mkv`.
pub(super) fn name((seconds, number): Begin) -> String {
    let time = calendar::compact(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    if number == 0 { format!("{time}{EXTENSION}") } else { format!("{time}-{number}{EXTENSION}") }
}

/// When a segment of this name begins. `None`: no segment is called so.
pub(super) fn parse(text: &str) -> Option<Begin> {
    let stem = text.strip_suffix(EXTENSION)?;
    let (time, number) = match stem.split_once('-') {
        Some((time, number)) => (time, number.parse().ok().filter(|number| *number > 0)?),
        None => (stem, 0),
    };
    let bytes = time.as_bytes();
    let digits = |from: usize, to: usize| {
        let digits = time.get(from..to).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse::<u64>().ok())
    };
    if bytes.len() != 16 || bytes.get(8) != Some(&b'T') || bytes.get(15) != Some(&b'Z') {
        return None;
    }
    let date = (digits(0, 4)?, digits(4, 6)?, digits(6, 8)?);
    let time = (digits(9, 11)?, digits(11, 13)?, digits(13, 15)?);
    let begin = (calendar::days(date.0, date.1, date.2) * 86_400 + time.0 * 3600 + time.1 * 60 + time.2, number);
    // There is one name for each time, and no other is ours.
    (name(begin) == text).then_some(begin)
}

/// Whether a file of this name is a segment.
pub(crate) fn is_segment(text: &str) -> bool {
    parse(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_times_that_sort() {
        let begin = 1_795_978_320;
        assert_eq!(name((begin, 0)), "20261129T185200Z.mkv");
        for at in [(begin, 0), (begin, 1), (begin, 12), (begin + 1, 0), (0, 0), (951_868_799, 3)] {
            assert_eq!(parse(&name(at)), Some(at));
        }
        assert!(name((begin + 86_400, 0)) > name((begin, 0)));
    }

    #[test]
    fn what_is_called_otherwise_is_not_ours() {
        for text in [
            "holiday.mkv",
            "20261129T185200Z.avi",
            "20261129T185200Z",
            "20261329T185200Z.mkv",
            "20260230T185200Z.mkv",
            "20261129T245200Z.mkv",
            "20261129T185260Z.mkv",
            "20261129T185200Z-0.mkv",
            "20261129T185200Z-01.mkv",
            "20261129T185200Z-x.mkv",
            "20261129t185200z.mkv",
            "+0261129T185200Z.mkv",
            "2026112\u{e9}185200Z.mkv",
            ".20261129T185200Z.mkv",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
