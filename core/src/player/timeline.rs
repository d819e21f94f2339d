//! From RTP timestamps to places in the presentation, reckoned from its start: where the description's range begins
//! elsewhere than at 0, normal play time is not the time since the start.

use crate::rtp::clock;
use crate::session::client::Playing;
use crate::wire::rtsp::headers::{NptMicros, Range, Scale};

/// Timestamps further than this from what PLAY's answer announces do not belong to it: the announcement is wrong, as it
/// is with some servers.
const MAX_RTPTIME_ERROR: u32 = 10 * clock::RATE;

/// Where in the presentation an RTP timestamp lies (RFC 2326 section 12.33, `rtptime`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timeline {
    /// Time since the presentation's start that belongs to `announced`, or else to the first frame.
    start: Option<NptMicros>,
    announced: Option<u32>,
    /// The last frame's timestamp and its distance from the start in clock ticks: timestamps wrap within 14 hours.
    last: Option<(u32, i64)>,
    /// How fast the presentation passes while RTP's clock does, as far as the server says.
    scale: Scale,
}

impl Timeline {
    /// PLAY was answered: `asked` is what it asked for, `whole` what the description says there is.
    pub(super) fn start(&mut self, playing: Playing, asked: Option<Range>, whole: Option<Range>) {
        let before = self.last.and_then(|(timestamp, _)| self.position(timestamp));
        let of = |range: Option<Range>| match range {
            Some(Range::Npt { start, .. }) => start,
            _ => None,
        };
        let begins = match whole {
            // A range without an end has positions too: a client that returns to a repeated film goes on where it was.
            Some(Range::Npt { start, .. }) => Some(start.unwrap_or(0)),
            _ => None,
        };
        let told = of(playing.range).or_else(|| of(asked));
        let start = begins.map(|begins| match told {
            Some(start) => start.saturating_sub(begins),
            None => before.unwrap_or(0),
        });
        let scale = playing.scale.unwrap_or_default();
        *self = Self { start, announced: playing.rtptime, last: None, scale };
    }

    /// The place of the frame with this timestamp, in microseconds from the presentation's start.
    pub(super) fn position(&mut self, timestamp: u32) -> Option<NptMicros> {
        let start = self.start?;
        let distance = |from: u32| i64::from(timestamp.wrapping_sub(from).cast_signed());
        let ticks = match (self.last, self.announced) {
            (Some((last, ticks)), _) => ticks.saturating_add(distance(last)),
            (None, Some(rtptime)) if distance(rtptime).unsigned_abs() <= MAX_RTPTIME_ERROR.into() => distance(rtptime),
            (None, _) => 0,
        };
        self.last = Some((timestamp, ticks));
        let passed = clock::micros(ticks).saturating_mul(self.scale.thousandths().into()) / 1000;
        Some(start.saturating_add_signed(passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn playing(range: Option<&str>, rtptime: Option<u32>) -> Playing {
        Playing { sequence: None, rtptime, range: range.and_then(Range::parse), scale: None }
    }

    fn started(range: Option<&str>, rtptime: Option<u32>, asked: Option<&str>, whole: Option<&str>) -> Timeline {
        let mut timeline = Timeline::default();
        timeline.start(playing(range, rtptime), asked.and_then(Range::parse), whole.and_then(Range::parse));
        timeline
    }

    #[test]
    fn the_start_is_what_the_answer_says_or_else_what_was_asked_or_else_the_beginning() {
        let whole = Some("npt=0-60");
        let cases = [
            (Some("npt=5-60"), Some("npt=4-"), whole, Some(5 * SECOND)),
            (None, Some("npt=4-"), whole, Some(4 * SECOND)),
            (Some("npt=-"), None, whole, Some(0)),
            (None, None, whole, Some(0)),
            (Some("npt=5-"), None, Some("npt=now-"), None),
            (Some("npt=5-"), None, Some("npt=0-"), Some(5 * SECOND)),
            (Some("npt=1-"), None, Some("npt=-"), Some(SECOND)),
            (Some("npt=5-"), None, None, None),
            (Some("npt=7-15"), Some("npt=6-"), Some("npt=5-15"), Some(2 * SECOND)),
            (None, Some("npt=6-"), Some("npt=5-15"), Some(SECOND)),
            (None, None, Some("npt=5-15"), Some(0)),
            (Some("npt=0-"), None, Some("npt=5-15"), Some(0)),
        ];
        for (range, asked, whole, expected) in cases {
            let mut timeline = started(range, None, asked, whole);
            assert_eq!(timeline.position(1234), expected, "{range:?} {asked:?} {whole:?}");
        }
    }

    #[test]
    fn frames_are_placed_by_their_distance_from_rtptime_across_its_wrap() {
        let rtptime = u32::MAX - 44_999;
        let mut timeline = started(Some("npt=10-60"), Some(rtptime), None, Some("npt=0-60"));
        assert_eq!(timeline.position(rtptime), Some(10 * SECOND));
        assert_eq!(timeline.position(rtptime.wrapping_add(90_000)), Some(11 * SECOND));
        assert_eq!(timeline.position(rtptime.wrapping_add(45_000)), Some(10 * SECOND + SECOND / 2), "out of order");
        let mut timestamp = rtptime;
        for _ in 0..100_000u32 {
            timestamp = timestamp.wrapping_add(90_000);
            timeline.position(timestamp);
        }
        assert_eq!(timeline.position(timestamp), Some(100_010 * SECOND));
    }

    #[test]
    fn an_rtptime_that_cannot_be_true_is_not_believed() {
        let mut timeline = started(Some("npt=10-60"), Some(7), None, Some("npt=0-60"));
        assert_eq!(timeline.position(3_000_000_000), Some(10 * SECOND));
        assert_eq!(timeline.position(3_000_090_000), Some(11 * SECOND));
    }

    #[test]
    fn a_frame_before_the_start_is_at_the_start() {
        let mut timeline = started(Some("npt=0-60"), Some(90_000), None, Some("npt=0-60"));
        assert_eq!(timeline.position(0), Some(0));
    }

    #[test]
    fn playing_on_after_a_pause_continues_where_it_stood() {
        let mut timeline = started(Some("npt=0-60"), Some(0), None, Some("npt=0-60"));
        timeline.position(90_000 * 5);
        timeline.start(playing(None, None), None, Range::parse("npt=0-60"));
        assert_eq!(timeline.position(77), Some(5 * SECOND));
    }
}
