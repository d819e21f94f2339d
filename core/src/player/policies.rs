//! What is done about servers that do not behave as RFC 2326 says, or leave open what it leaves open.

use super::failure::Failure;
use crate::rtp::receiver::NoFrameReason;
use crate::session::State;
use crate::session::client::{Command, Described};
use crate::time::Duration;
use crate::wire::rtsp::StatusCode;
use crate::wire::rtsp::headers::{Range, Scale};

/// The longest length that is believed: a thousand hours. Some say with a larger one that there is no end.
const LONGEST: Duration = Duration::from_secs(3_600_000);

/// How far before its announced end a presentation may fall silent and count as played: its last frame lasts a while,
/// and announced lengths are rounded.
const END_MARGIN: Duration = Duration::from_millis(1500);

/// What is known of a server on one connection, and of the stream there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// PLAY has been answered once.
    pub(super) played: bool,
    /// Frames have come.
    pub(super) arrived: bool,
    /// It played to its end; the next PLAY starts over.
    pub(super) ended: bool,
    /// The server refuses to keep the session alive: if media stops now, it is gone.
    pub(super) doubtful: Option<StatusCode>,
    /// The server refused to pause, so a seek has to do without.
    pub(super) no_pause: bool,
    /// The server refused a range that nobody asked for, so the first PLAY goes without.
    pub(super) no_range: bool,
    /// The position asked for by the goal that the PLAY under way carries.
    pub(super) asked: Option<Duration>,
    /// Whether the PLAY under way carries any range.
    pub(super) ranged: bool,
    /// Where the last frame was.
    pub(super) position: Option<Duration>,
    /// What the last PLAY asked for, whatever the server does of it.
    pub(super) scale: Scale,
}

/// What a session that exists needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Play,
    Pause,
    Nothing,
}

impl Standing {
    /// The request that leads from a session's state to the goal: to play or not, and from where.
    ///
    /// Pauses before a seek: servers that follow RFC 2326 to the letter queue a PLAY behind the range that plays
    /// (section 10.5), and many that play files refuse it. Two kinds need no pause: what has ended is not playing, and
    /// servers that refuse PAUSE (live cameras do) take a PLAY at once or not at all.
    pub(super) fn next(&self, state: State, playing: bool, seeking: bool) -> Next {
        match state {
            // The last three are a publisher's.
            State::Init | State::Announced | State::Prepared | State::Recording => Next::Nothing,
            State::Ready if playing => Next::Play,
            State::Ready => Next::Nothing,
            State::Playing if self.ended => {
                if playing {
                    Next::Play
                } else {
                    Next::Nothing
                }
            }
            State::Playing if playing && seeking && self.no_pause => Next::Play,
            State::Playing if !playing || seeking => Next::Pause,
            State::Playing => Next::Nothing,
        }
    }

    /// Where PLAY asks to play from when the goal says nothing: the beginning, the first time and after the end.
    ///
    /// For servers that play on from the end of what has ended, or from where another client stands. Some refuse this
    /// range, and then get none.
    pub(super) fn opening(&self) -> Option<Duration> {
        let first = !self.played || self.ended;
        (first && !self.no_range).then_some(Duration::ZERO)
    }

    /// PLAY was refused: whether a PLAY without a range may be taken, because the range was ours, and may be what the
    /// server does not want.
    ///
    /// For live cameras and relays that know no `Range` and say so with 457, 456, 451, 501 or a plain 400. Other refusals
    /// have other reasons, which asking again does not change.
    pub(super) fn retry_without_range(&mut self, status: StatusCode) -> bool {
        let retry = self.ranged && matches!(status.0, 400 | 451 | 456 | 457 | 501);
        self.no_range |= retry;
        retry
    }

    /// The keep-alive was refused while media comes: whether the session is gone is seen by the media.
    ///
    /// For servers that forget about sessions and play on, and for those that know no keep-alive at all. If media stops
    /// ([`failure_by_doubt`](Self::failure_by_doubt)), the refusal was true.
    pub(super) fn doubt(&mut self, status: StatusCode) {
        self.doubtful = Some(status);
    }

    /// Why the session is over where media has stopped; `None` where the server has not refused to keep it alive.
    pub(super) fn failure_by_doubt(&self) -> Option<Failure> {
        self.doubtful.map(|status| Failure::Refused { status, during: Command::KeepAlive })
    }

    /// Whether silence means the end of a presentation of this `duration`, at which its last frame was.
    ///
    /// For servers that send no BYE at the end of a file. What has played on beyond its length is repeated, and has no
    /// end.
    pub(super) fn is_at_its_end(&self, duration: Option<Duration>) -> bool {
        let end = if self.scale.is_backwards() { duration.map(|_| Duration::ZERO) } else { duration };
        end.zip(self.position).is_some_and(|(end, position)| end.abs_diff(position) <= END_MARGIN)
    }

    /// Whether silence means the end in the lab's dialect, whose servers have no way to say it: after frames, and for as
    /// long as elsewhere a stream counts as lost.
    pub(super) fn is_lab_s_end(&self, lasting: Duration, stall_timeout: Duration) -> bool {
        self.arrived && lasting >= stall_timeout
    }
}

/// Whether this refusal means that the server does not know DESCRIBE. The lab's own server does not answer it at all, but
/// some servers that are derived from it answer with one of these.
pub(super) fn knows_no_describe(status: StatusCode) -> bool {
    matches!(status.0, 400 | 405 | 501)
}

/// Whether TCP may help where no frame comes over UDP. It helps against loss and firewalls, but not against a server that
/// sends something else than frames.
pub(super) fn may_help_over_tcp(reason: Option<NoFrameReason>) -> bool {
    reason.is_none_or(|reason| reason == NoFrameReason::Incomplete)
}

/// Where the described range begins, in normal play time; positions are reckoned from there.
pub(super) fn begins(described: Option<Described>) -> u64 {
    match described.and_then(|described| described.range) {
        Some(Range::Npt { start, .. }) => start.unwrap_or(0),
        _ => 0,
    }
}

/// How long the presentation is. `None` where its range has no end, as a live stream's and a repeated film's, or an end
/// too far away to be true.
pub(super) fn duration(described: Option<Described>) -> Option<Duration> {
    match described?.range? {
        Range::Npt { start, end: Some(end) } => {
            let length = Duration::from_micros(end.saturating_sub(start.unwrap_or(0)));
            (length <= LONGEST).then_some(length)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::receiver::Rejected;
    use crate::session::client::Protection;

    #[test]
    fn a_seek_pauses_first_but_where_there_is_nothing_to_pause_or_pausing_is_refused() {
        let usual = Standing { played: true, ..Standing::default() };
        let ended = Standing { ended: true, ..usual };
        let unpausable = Standing { no_pause: true, ..usual };
        let cases = [
            (usual, State::Ready, true, true, Next::Play),
            (usual, State::Ready, false, true, Next::Nothing),
            (usual, State::Playing, true, false, Next::Nothing),
            (usual, State::Playing, true, true, Next::Pause),
            (usual, State::Playing, false, false, Next::Pause),
            (ended, State::Playing, true, true, Next::Play),
            (ended, State::Playing, true, false, Next::Play),
            (ended, State::Playing, false, false, Next::Nothing),
            (unpausable, State::Playing, true, true, Next::Play),
            (unpausable, State::Playing, true, false, Next::Nothing),
            (unpausable, State::Playing, false, false, Next::Pause),
        ];
        for (standing, state, playing, seeking, expected) in cases {
            assert_eq!(standing.next(state, playing, seeking), expected, "{standing:?} {state:?} {playing} {seeking}");
        }
    }

    #[test]
    fn a_range_of_ours_is_left_out_after_refusals_that_may_mean_it() {
        for (code, ranged, retried) in [(457, true, true), (501, true, true), (453, true, false), (457, false, false)] {
            let mut standing = Standing { ranged, ..Standing::default() };
            assert_eq!(standing.opening(), Some(Duration::ZERO));
            assert_eq!(standing.retry_without_range(StatusCode(code)), retried, "{code}");
            assert_eq!(standing.opening().is_none(), retried, "{code}");
        }
        let playing = Standing { played: true, ..Standing::default() };
        assert_eq!(playing.opening(), None, "it plays on where it stands");
        assert_eq!(Standing { ended: true, ..playing }.opening(), Some(Duration::ZERO), "it starts over");
    }

    #[test]
    fn silence_is_the_end_near_the_announced_end_and_not_beyond_it() {
        let seconds = Duration::from_secs;
        for (duration, position, end) in [
            (Some(10), Some(9), true),
            (Some(10), Some(8), false),
            (Some(10), Some(11), true),
            (Some(10), Some(13), false),
            (None, Some(9), false),
            (Some(10), None, false),
        ] {
            let standing = Standing { position: position.map(seconds), ..Standing::default() };
            assert_eq!(standing.is_at_its_end(duration.map(seconds)), end, "{duration:?} {position:?}");
        }
        let lab = Standing { arrived: true, ..Standing::default() };
        assert!(lab.is_lab_s_end(seconds(10), seconds(10)) && !lab.is_lab_s_end(seconds(9), seconds(10)));
        assert!(!Standing::default().is_lab_s_end(seconds(99), seconds(10)), "it never began");
    }

    #[test]
    fn a_refused_keep_alive_is_the_reason_once_media_stops() {
        let mut standing = Standing::default();
        assert_eq!(standing.failure_by_doubt(), None);
        standing.doubt(StatusCode::SESSION_NOT_FOUND);
        let refused = Failure::Refused { status: StatusCode::SESSION_NOT_FOUND, during: Command::KeepAlive };
        assert_eq!(standing.failure_by_doubt(), Some(refused));
    }

    #[test]
    fn tcp_helps_against_loss_and_silence_only() {
        assert!(may_help_over_tcp(None) && may_help_over_tcp(Some(NoFrameReason::Incomplete)));
        assert!(!may_help_over_tcp(Some(NoFrameReason::Rejected(Rejected::NotJpeg))));
    }

    #[test]
    fn lengths_are_counted_from_the_range_s_start_and_believed_up_to_a_limit() {
        let described = |range| {
            let range = Range::parse(range);
            Some(Described {
                payload_type: 26,
                frame_rate: None,
                range,
                dimensions: None,
                protection: Protection::None,
            })
        };
        assert_eq!(duration(described("npt=5-15")), Some(Duration::from_secs(10)));
        assert_eq!(begins(described("npt=5-15")), 5_000_000);
        for endless in ["npt=0-", "npt=now-", "npt=0-9999999"] {
            assert_eq!(duration(described(endless)), None, "{endless}");
        }
        assert_eq!((duration(None), begins(None)), (None, 0));
    }
}
