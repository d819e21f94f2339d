//! Whether what a client writes about lost packets is near the truth.

/// What was really lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Losses {
    pub(super) lost: u32,
    pub(super) expected: u32,
}

/// So many of the last lines of the output that speak of losses are looked at: those before tell of what was so then.
const LAST: usize = 3;

/// A line that speaks of losses, and whether a number of it is right. `None`: no line does.
pub(super) fn told(window: &str, output: &str, losses: Losses) -> Option<(bool, String)> {
    let speaks = |line: &&str| {
        let line = line.to_lowercase();
        ["loss", "lost", "drop", "missing"].iter().any(|word| line.contains(word)) && !numbers(&line).is_empty()
    };
    let last = output.lines().rev().filter(speaks).take(LAST);
    let lines: Vec<&str> = last.chain(window.lines().filter(speaks)).collect();
    let right = lines.iter().find(|line| numbers(line).into_iter().any(|number| is_near(number, losses)));
    let line = right.or(lines.first())?;
    Some((right.is_some(), (*line).to_owned()))
}

/// As a count, a percentage, or a part of one.
fn is_near(number: f64, Losses { lost, expected }: Losses) -> bool {
    let (lost, part) = (f64::from(lost), f64::from(lost) / f64::from(expected.max(1)));
    (number - lost).abs() <= 1.0
        || (number - 100.0 * part).abs() <= 5.0
        || number > 0.0 && (number - part).abs() <= 0.05
}

fn numbers(line: &str) -> Vec<f64> {
    line.split(|c: char| !c.is_ascii_digit() && c != '.')
        .map(|word| word.trim_matches('.'))
        .filter_map(|word| word.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_told_as_a_count_a_percentage_or_a_part() {
        let losses = Losses { lost: 6, expected: 50 };
        let is_right = |text: &str| told("", text, losses).map(|(is_right, _)| is_right);
        for text in
            ["Packets lost: 6", "Loss rate: 12.0 %", "packet loss 0.12", "x\nLost 5 of 50.\ny", "lost 0\nlost 6"]
        {
            assert_eq!(is_right(text), Some(true), "{text}");
        }
        for text in ["Packets lost: 0", "Loss rate: 44 %", "lost 0.0"] {
            assert_eq!(is_right(text), Some(false), "{text}");
        }
        assert_eq!(is_right("Data received\nno loss"), None);
        // What was so when frame 6 came.
        let counting: String = (1..50).map(|frame| format!("frame {frame}, lost 0\n")).collect();
        assert_eq!(is_right(&counting), Some(false));
        assert_eq!(told("Lost: 6", &counting, losses), Some((true, "Lost: 6".to_owned())));
    }
}
