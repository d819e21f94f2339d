//! Days and dates of the Gregorian calendar.

use std::fmt;
use std::time::SystemTime;

/// Days from 1970 on, to a date after that.
pub(crate) fn days(year: u64, month: u64, day: u64) -> u64 {
    // Years that begin in March have their leap day at the end.
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day.saturating_sub(1);
    (year * 365 + year / 4 - year / 100 + year / 400 + in_year).saturating_sub(719_468)
}

/// The date that is so many days after the beginning of 1970: year, month and day.
fn date(days: u64) -> (u64, u64, u64) {
    // 400 years have 146,097 days. The first of March of the year 0 is the first of them.
    let days = days + 719_468;
    let (era, days) = (days / 146_097, days % 146_097);
    let year = (days - days / 1460 + days / 36_524 - days / 146_096) / 365;
    let in_year = days - (year * 365 + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let is_next = month >= 10;
    (era * 400 + year + u64::from(is_next), if is_next { month - 9 } else { month + 3 }, day)
}

/// Year, month, day, hour, minute and second, UTC.
pub(crate) fn civil(time: SystemTime) -> [u64; 6] {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = date(seconds / 86_400);
    [year, month, day, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60]
}

/// A time of day as logs show it: UTC, to a millisecond (RFC 3339).
#[derive(Clone, Copy, Debug)]
pub struct Timestamp(pub SystemTime);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_millis();
        let [year, month, day, hour, minute, second] = civil(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// A time of day as names of files have it: UTC, to a second, without what they cannot hold (ISO 8601, basic format).
pub(crate) fn compact(time: SystemTime) -> String {
    let [year, month, day, hour, minute, second] = civil(time);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn days_are_counted() {
        for (date, expected) in
            [((1970, 1, 1), 0), ((2000, 2, 29), 11_016), ((2026, 11, 29), 20_786), ((1960, 1, 1), 0)]
        {
            assert_eq!(days(date.0, date.1, date.2), expected, "{date:?}");
        }
    }

    #[test]
    fn every_day_has_its_date() {
        let mut last = (1969, 12, 31);
        for day in 0..400_000 {
            let found = date(day);
            assert_eq!(days(found.0, found.1, found.2), day);
            assert!(found > last && found.1 <= 12 && found.2 <= 31, "{last:?} {found:?}");
            last = found;
        }
    }

    #[test]
    fn times_are_shown_as_logs_have_them() {
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (1_795_949_445_060, "2026-11-29T10:50:45.060Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
            assert_eq!(Timestamp(time).to_string(), expected);
        }
    }
}
