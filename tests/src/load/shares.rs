//! How evenly viewers are served.

/// Every so many seconds, each viewer should have got about what the others did.
pub const SPAN: usize = 5;

/// What viewers got in the spans of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Shares {
    /// The least that any viewer got in any span, of the median's frames in the same span.
    pub least: f64,
    /// Who got nothing in some span.
    pub silent: Vec<usize>,
}

/// Of each viewer's frames second by second. A span is any [`SPAN`] seconds that follow one another, or the whole of a run that is
/// shorter.
pub fn shares(viewers: &[Vec<u32>]) -> Shares {
    let seconds = viewers.iter().map(Vec::len).min().unwrap_or(0);
    let span = SPAN.min(seconds);
    let mut found = Shares { least: 1.0, silent: Vec::new() };
    if span == 0 {
        return found;
    }
    for begin in 0..=seconds - span {
        let frames = |viewer: &Vec<u32>| viewer[begin..begin + span].iter().sum::<u32>();
        let of_each: Vec<_> = viewers.iter().map(frames).collect();
        found.silent.extend(of_each.iter().enumerate().filter(|(_, frames)| **frames == 0).map(|(n, _)| n));
        let mut sorted = of_each;
        sorted.sort_unstable();
        let median = sorted[sorted.len() / 2];
        if median > 0 {
            found.least = found.least.min(f64::from(sorted[0]) / f64::from(median));
        }
    }
    found.silent.sort_unstable();
    found.silent.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_share_is_that_of_the_worst_span() {
        let even = vec![24; 12];
        let mut starved = even.clone();
        starved[4..9].fill(18);
        let found = shares(&[even.clone(), starved, even.clone()]);
        assert_eq!(found, Shares { least: 0.75, silent: vec![] });
    }

    #[test]
    fn who_got_nothing_in_some_span_is_silent() {
        let even = vec![24; 12];
        let (mut five, mut four, none) = (even.clone(), even.clone(), vec![0; 12]);
        five[6..11].fill(0);
        four[6..10].fill(0);
        let found = shares(&[even.clone(), none, five, four, even]);
        assert_eq!(found.silent, [1, 2]);
        assert_eq!(found.least, 0.0);
    }

    #[test]
    fn a_short_run_is_one_span() {
        assert_eq!(shares(&[vec![10, 0], vec![10, 10], vec![10, 10]]), Shares { least: 0.5, silent: vec![] });
        assert_eq!(shares(&[vec![0, 0], vec![10, 10]]).silent, [0]);
        assert_eq!(shares(&[]), Shares { least: 1.0, silent: vec![] });
        assert_eq!(shares(&[vec![], vec![]]), Shares { least: 1.0, silent: vec![] });
    }

    #[test]
    fn where_nobody_gets_anything_all_are_silent_and_none_is_worse_off() {
        assert_eq!(shares(&[vec![0; 5], vec![0; 5]]), Shares { least: 1.0, silent: vec![0, 1] });
    }
}
