//! What is wanted, and how far it has come.

use crate::time::{Duration, Instant};
use crate::wire::rtsp::headers::Scale;

/// What the goals up to now add up to. Where the session does not stand there yet, the player takes the next step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    pub(super) session: bool,
    pub(super) playing: bool,
    /// Play from here; taken when PLAY leaves.
    pub(super) from: Option<Duration>,
    pub(super) scale: Scale,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Idle,
    /// A connection is asked for, or is about to be.
    Connecting {
        asked: bool,
    },
    Linked,
    /// TEARDOWN has left; its answer is waited for until then.
    Leaving {
        until: Instant,
    },
}

/// Our UDP ports on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    Closed,
    Wanted,
    Asked,
    Open { rtp: u16, rtcp: u16 },
    Unavailable,
}

/// How much of what has arrived the player has been given by now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum HandedOver {
    #[default]
    Part,
    /// There is more than one turn takes.
    Much,
    All,
}
