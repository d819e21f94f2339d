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

/// Where a server's session stands (RFC 2326 appendix A.2).
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
}

// Requests that are not listed are answered with 455. RFC 2326 leaves SETUP while playing to the server. It is not listed,
// because a transport never changes under a running stream.
transitions!(State {
    /// SETUP; a second one replaces the transport.
    on_setup(Init | Ready => Ready);
    /// PLAY; while playing it seeks.
    on_play(Ready | Playing => Playing);
    /// PAUSE; harmless where nothing plays.
    on_pause(Ready | Playing => Ready);
    /// TEARDOWN, and every other end of a session. (A request without the session's identifier is answered with 454 before.)
    on_teardown(Init | Ready | Playing => Init);
    /// The media ended.
    on_end_of_stream(Playing => Ready);
});

#[cfg(test)]
mod tests {
    use super::State::{self, Init, Playing, Ready};

    #[test]
    fn every_state_and_method_has_the_answer_of_the_table() {
        type Row = (fn(State) -> Option<State>, [Option<State>; 3]);
        let rows: [Row; 5] = [
            (State::on_setup, [Some(Ready), Some(Ready), None]),
            (State::on_play, [None, Some(Playing), Some(Playing)]),
            (State::on_pause, [None, Some(Ready), Some(Ready)]),
            (State::on_teardown, [Some(Init), Some(Init), Some(Init)]),
            (State::on_end_of_stream, [None, None, Some(Ready)]),
        ];
        for (event, expected) in rows {
            assert_eq!([Init, Ready, Playing].map(event), expected);
        }
    }
}
