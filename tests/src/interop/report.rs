//! What was played, as Markdown.

use super::players::Transport;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// One file played by one player.
#[derive(Debug)]
pub struct Row {
    /// Name and version.
    pub player: String,
    /// How media travelled.
    pub transport: Transport,
    /// Which file.
    pub file: String,
    /// Frames in the file.
    pub expected: usize,
    /// Pictures that came.
    pub received: usize,
    /// Pictures that are those of the file, at their place.
    pub identical: usize,
    /// How long it took, and how long the file lasts at the server's frame rate.
    pub time: (Duration, Duration),
    /// What else is to be said.
    pub remark: String,
}

impl Row {
    /// Whether every frame came and was right.
    pub fn good(&self) -> bool {
        self.expected == self.received && self.expected == self.identical
    }
}

/// How many of `received` are in `expected` in this order. Each is looked for behind the one before, so that a missing picture
/// does not spoil the rest; a picture out of order may, so this never counts too many.
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

/// All rows, one line each.
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

/// One line for each player and transport.
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
