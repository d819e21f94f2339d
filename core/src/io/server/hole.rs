//! Who a datagram is from that comes to the server's RTP socket, and the port that a client turns out to receive at.
//!
//! Behind an address translator a client may send from another port than it names at SETUP, and what goes to the port that it
//! named never comes in. So clients punch a hole: they send to our RTP port before PLAY, and media have to go where that came
//! from. Nothing in such a datagram says whose it is, so it is believed narrowly: it moves a stream once, from SETUP to a few
//! seconds after PLAY, to another port of the host that the control connection comes from, and only if no other client of
//! that host could have sent it.

use crate::time::Instant;

/// For how many seconds after the first PLAY a hole may still be punched: datagrams overtake each other.
const AFTER_PLAY: u32 = 5;

/// What a client says of a datagram that came to the RTP socket; see [`Peer::claim_rtp`](super::Peer::claim_rtp).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It comes from where this client's media go.
    Own {
        /// The second in which a viewer was set up or played first, by the platform's clock. A publisher is always the newest.
        since: u32,
    },
    /// This client may have punched a hole with it.
    Perhaps,
    /// It is somebody else's.
    No,
}

/// Finds whose a datagram is, from what the clients of the host that it came from say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Claims {
    own: Option<(u32, usize)>,
    perhaps: Option<usize>,
    is_ambiguous: bool,
}

impl Claims {
    /// The client with this number says `claim`.
    pub fn add(&mut self, number: usize, claim: Claim) {
        match claim {
            // A client may have two sessions with one port, of which it has forgotten the older one.
            Claim::Own { since } => {
                if self.own.is_none_or(|(newest, _)| since >= newest) {
                    self.own = Some((since, number));
                }
            }
            Claim::Perhaps => self.is_ambiguous |= self.perhaps.replace(number).is_some(),
            Claim::No => {}
        }
    }

    /// The number of the client that it is from; `None`: nobody's, or it cannot be told whose.
    pub fn recipient(&self) -> Option<usize> {
        match self.own {
            Some((_, number)) => Some(number),
            None => self.perhaps.filter(|_| !self.is_ambiguous),
        }
    }
}

/// The hole of one session over UDP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hole {
    /// The second in which the client was set up, or played for the first time after that. A whole `Instant` would be too
    /// precious: each client has one of these.
    since: u32,
    rtp: Rtp,
    /// RTCP has come from the port that the client named, or from the one that it turned out to have.
    is_rtcp_settled: bool,
}

/// Whether the hole for RTP may be punched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rtp {
    UntilPlay,
    AfterPlay,
    /// It is punched, or was not needed.
    Settled,
}

impl Hole {
    /// The client was set up.
    pub(super) fn new(now: Instant) -> Self {
        Self { since: second(now), rtp: Rtp::UntilPlay, is_rtcp_settled: false }
    }

    /// The second in which the client was set up or played first.
    pub(super) const fn since(&self) -> u32 {
        self.since
    }

    /// Whether a datagram from elsewhere may be this client's.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        match self.rtp {
            Rtp::UntilPlay => true,
            Rtp::AfterPlay => second(now).saturating_sub(self.since) < AFTER_PLAY,
            Rtp::Settled => false,
        }
    }

    /// The stream plays.
    pub(super) fn handle_play(&mut self, now: Instant) {
        if self.rtp == Rtp::UntilPlay {
            (self.since, self.rtp) = (second(now), Rtp::AfterPlay);
        }
    }

    /// A datagram of the client has come, from wherever.
    pub(super) fn settle(&mut self) {
        self.rtp = Rtp::Settled;
    }

    /// Whether the RTCP port stays where it is.
    pub(super) const fn is_rtcp_settled(&self) -> bool {
        self.is_rtcp_settled
    }

    /// RTCP of the client has come.
    pub(super) fn settle_rtcp(&mut self) {
        self.is_rtcp_settled = true;
    }
}

fn second(now: Instant) -> u32 {
    u32::try_from(now.as_micros() / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    fn recipient(claims: &[Claim]) -> Option<usize> {
        let mut found = Claims::default();
        claims.iter().enumerate().for_each(|(number, claim)| found.add(number, *claim));
        found.recipient()
    }

    #[test]
    fn a_datagram_is_the_client_s_whose_port_it_is_from_or_the_only_one_s_that_may_have_sent_it() {
        use Claim::{No, Perhaps};
        let own = |since| Claim::Own { since };
        for (claims, expected) in [
            (&[][..], None),
            (&[No, No], None),
            (&[No, Perhaps], Some(1)),
            (&[Perhaps, No, Perhaps], None),
            (&[Perhaps, Perhaps, Perhaps], None),
            (&[Perhaps, own(1), Perhaps], Some(1)),
            (&[own(2), own(1)], Some(0)),
            (&[own(1), own(2), Perhaps], Some(1)),
        ] {
            assert_eq!(recipient(claims), expected, "{claims:?}");
        }
    }

    #[test]
    fn a_hole_is_open_from_setup_to_a_moment_after_the_first_play_and_punched_once() {
        let mut hole = Hole::new(at(0));
        assert!(hole.is_open(at(1000)));
        hole.handle_play(at(1000));
        assert!(hole.is_open(at(1004)) && !hole.is_open(at(1005)));
        hole.handle_play(at(2000));
        assert!(!hole.is_open(at(2000)));
        let mut hole = Hole::new(at(0));
        hole.settle();
        hole.handle_play(at(0));
        assert!(!hole.is_open(at(0)));
    }
}
