//! State machines as tables.

/// Writes a state machine's transitions as a table: `on_play(Ready | Playing => Playing);`.
///
/// Each line becomes a method that takes the state by value and returns the one that follows, or `None` where the
/// line does not list the state. Nothing is allowed by omission.
macro_rules! transitions {
    ($state:ident { $( $(#[$meta:meta])* $event:ident ( $( $($from:ident)|+ => $to:ident ),+ $(,)? ); )+ }) => {
        impl $state {
            $(
                $(#[$meta])*
                pub(crate) const fn $event(self) -> Option<Self> {
                    match self {
                        $( $( Self::$from )|+ => Some(Self::$to), )+
                        #[allow(unreachable_patterns)]
                        _ => None,
                    }
                }
            )+
        }
    };
}

/// Where a server's session stands (RFC 2326 appendix A.2). Ready to play and ready to record are two states, because a session
/// does one or the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum State {
    /// No session.
    #[default]
    Init,
    /// After SETUP or PAUSE: nothing is sent.
    Ready,
    /// Media is sent.
    Playing,
    /// After ANNOUNCE: what will be published is known, and not how it travels.
    Announced,
    /// After SETUP of what was announced, or PAUSE: nothing is received.
    Prepared,
    /// Media is received.
    Recording,
}

// Requests that are not listed are answered with 455. RFC 2326 leaves SETUP while playing to the server. It is not listed,
// because a transport never changes under a running stream.
transitions!(State {
    /// ANNOUNCE; a description never changes within a session.
    on_announce(Init => Announced);
    /// SETUP; a second one replaces the transport.
    on_setup(Init | Ready => Ready, Announced | Prepared => Prepared);
    /// PLAY; while playing it seeks.
    on_play(Ready | Playing => Playing);
    /// RECORD; harmless while recording.
    on_record(Prepared | Recording => Recording);
    /// PAUSE; harmless where nothing plays.
    on_pause(Ready | Playing => Ready, Prepared | Recording => Prepared);
    /// Another file is meant (lab dialect), whether it plays or not.
    on_change(Init | Ready | Playing => Ready);
    /// TEARDOWN, and every other end of a session. (A request without the session's identifier is answered with 454 before.)
    on_teardown(Init | Ready | Playing | Announced | Prepared | Recording => Init);
    /// The media ended.
    on_end_of_stream(Playing => Ready);
});

impl State {
    /// Whether the session, if there is one, is a publisher's.
    pub const fn is_publishing(self) -> bool {
        matches!(self, Self::Announced | Self::Prepared | Self::Recording)
    }
}

#[cfg(test)]
mod tests {
    use super::State::{self, Announced, Init, Playing, Prepared, Ready, Recording};

    #[test]
    fn every_state_and_method_has_the_answer_of_the_table() {
        type Row = (fn(State) -> Option<State>, [Option<State>; 6]);
        let (ready, prepared) = (Some(Ready), Some(Prepared));
        let rows: [Row; 7] = [
            (State::on_announce, [Some(Announced), None, None, None, None, None]),
            (State::on_setup, [ready, ready, None, prepared, prepared, None]),
            (State::on_play, [None, Some(Playing), Some(Playing), None, None, None]),
            (State::on_record, [None, None, None, None, Some(Recording), Some(Recording)]),
            (State::on_pause, [None, ready, ready, None, prepared, prepared]),
            (State::on_teardown, [Some(Init); 6]),
            (State::on_end_of_stream, [None, None, ready, None, None, None]),
        ];
        for (event, expected) in rows {
            assert_eq!([Init, Ready, Playing, Announced, Prepared, Recording].map(event), expected);
        }
    }
}
