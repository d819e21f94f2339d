//! Reports as Markdown which player played which file.

use super::players::Transport;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// The result of one player with one file.
#[derive(Debug)]
pub struct Row {
    /// The player's name and version.
    pub player: String,
    /// How the stream travelled.
    pub transport: Transport,
    /// The name of the file.
    pub file: String,
    /// How many frames the file has.
    pub expected: usize,
    /// How many pictures came.
    pub received: usize,
    /// How many pictures are equal to those of the file, in their order.
    pub identical: usize,
    /// How long the player took, and how long the file lasts at the server's frame rate.
    pub time: (Duration, Duration),
    /// Anything else that the reader should know.
    pub remark: String,
}

impl Row {
    /// Whether every frame came and was right.
    pub fn good(&self) -> bool {
        self.expected == self.received && self.expected == self.identical
    }
}

/// Returns how many of `received` are in `expected` in the same order. Each is looked for behind the one before, so that a
/// missing picture does not spoil the rest. A picture out of order may, so the count is never too high.
pub fn identical(expected: &[String], received: &[String]) -> usize {
    let mut at = 0;
    let mut count = 0;
    for picture in received {
        if let Some(distance) = expected[at..].iter().position(|wanted| wanted == picture) {
            at += distance + 1;
            count += 1;
        }
    }
    count
}

/// Returns a table with a line for each row.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| player | transport | file | frames | received | identical | seconds (of) | |\n|---|---|---|---:|---:|---:|---:|---|\n",
    );
    for row in rows {
        let Row { player, transport, file, expected, received, identical, time: (time, length), remark } = row;
        let (time, length) = (time.as_secs_f64(), length.as_secs_f64());
        let _ = writeln!(
            text,
            "| {player} | {transport} | {file} | {expected} | {received} | {identical} | {time:.1} ({length:.1}) | {remark} |"
        );
    }
    text
}

/// Returns a table with a line for each player and transport.
pub fn summary(rows: &[Row]) -> String {
    let mut groups: BTreeMap<(&str, Transport), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        groups.entry((&row.player, row.transport)).or_default().push(row);
    }
    let mut text = String::from("| player | transport | files | frames | identical |\n|---|---|---:|---:|---:|\n");
    for ((player, transport), rows) in groups {
        let sum = |of: fn(&Row) -> usize| rows.iter().map(|row| of(row)).sum::<usize>();
        let (frames, identical) = (sum(|row| row.expected), sum(|row| row.identical));
        let _ = writeln!(text, "| {player} | {transport} | {} | {frames} | {identical} |", rows.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn pictures_behind_a_lost_one_still_count() {
        for (received, count) in
            [("a b c d", 4), ("a c d", 3), ("b a c d", 3), ("a x c d", 3), ("a a b c d", 4), ("x", 0)]
        {
            assert_eq!(identical(&words("a b c d"), &words(received)), count, "{received}");
        }
    }

    #[test]
    fn a_row_with_a_frame_too_many_is_not_good() {
        let row = |received, identical| Row {
            player: "p 1".into(),
            transport: Transport::Udp,
            file: "f".into(),
            expected: 4,
            received,
            identical,
            time: (Duration::ZERO, Duration::ZERO),
            remark: String::new(),
        };
        assert!(row(4, 4).good());
        assert!(!row(5, 4).good() && !row(4, 3).good());
        assert!(summary(&[row(4, 4), row(4, 3)]).contains("| p 1 | UDP | 2 | 8 | 7 |"));
    }
}
