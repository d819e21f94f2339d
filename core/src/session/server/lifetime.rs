//! Deadlines, and every way in which a session and the connection end.

use super::{Connection, Dialect, MediaTransport, State, Waiting};
use crate::session::buffer::Storage;
use crate::session::timer::Timer;
use crate::time::{Duration, Instant};
use crate::wire::rtsp::{StatusCode, salvage_cseq};

/// The things that a connection waits for, each for a limited time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deadline {
    /// A sign of life of a standard session.
    Session,
    /// The rest of a request or of an interleaved packet; on a refused connection, the first request.
    Request,
    /// More of a lab request that may be complete.
    LabSilence,
    /// A request, while there is no session.
    Idle,
    /// The peer's taking any byte at all.
    Stall,
    /// The peer's closing its half.
    Linger,
}

impl Deadline {
    pub(super) const COUNT: usize = Self::Linger as usize + 1;
}

impl Timer for Deadline {
    fn index(self) -> usize {
        self as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// Nothing is read any more. The queued bytes still go out.
    Closing,
    Closed,
}

impl<B: Storage> Connection<B> {
    /// To be called at [`poll_timeout`](Self::poll_timeout); too early or too late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if self.timers.expire(Deadline::Stall, now) {
            warning!("closed: the peer has not taken any byte for too long");
            self.abort();
        }
        if self.timers.expire(Deadline::Linger, now) {
            self.close_now();
        }
        if self.timers.expire(Deadline::Session, now) {
            info!("session timed out");
            self.expire_session();
            self.refresh();
        }
        if self.timers.expire(Deadline::Idle, now) {
            info!("closed: no session and no request for too long");
            self.begin_close();
        }
        if self.timers.expire(Deadline::Request, now) {
            warning!("closed: the rest of a request never came");
            if !self.refusing {
                let _ = self.respond_plain(StatusCode::REQUEST_TIMEOUT, salvage_cseq(self.channel.rx.bytes()));
            }
            self.begin_close();
        }
        if self.timers.expire(Deadline::LabSilence, now) {
            self.input.quiet = true;
            self.pump();
        }
    }

    /// The server stops: the session expires, the queued bytes are still sent, then the connection closes.
    pub fn shut_down(&mut self, now: Instant) {
        self.now = now;
        self.begin_close();
    }

    /// The stream reached its end: PLAYING becomes READY (a new PLAY starts over or seeks).
    pub fn handle_end_of_stream(&mut self, now: Instant) {
        self.now = now;
        if let Some(state) = self.state.on_end_of_stream() {
            self.state = state;
        }
    }

    /// The peer has shown that it is there, or the session came or went: sets the deadline that applies from now on.
    pub(super) fn refresh(&mut self) {
        // Who is beyond the limit has the time that it has had from the beginning, however much it asks.
        if self.refusing {
            return;
        }
        self.timers.stop(Deadline::Session);
        self.timers.stop(Deadline::Idle);
        // The time that the driver takes for an answer is not the peer's silence.
        if self.phase != Phase::Open || self.pending.is_some() {
            return;
        }
        match (&self.session, self.dialect) {
            (None, _) => self.timers.set(Deadline::Idle, self.now.after(self.hurried(self.config.idle_timeout))),
            // Lab clients never say that they are alive. Their session lasts as long as the connection.
            (Some(_), Some(Dialect::Lab)) => {}
            (Some(_), _) => self.timers.set(Deadline::Session, self.now.after(self.config.session_timeout)),
        }
    }

    /// A deadline that may be shorter as long as nobody has asked for anything.
    pub(super) fn hurried(&self, usual: Duration) -> Duration {
        let half = usual.checked_div(2).filter(|_| self.config.is_hurried);
        half.unwrap_or(usual)
    }

    /// An identifier for a new session: 64 bits, or the six digits that the lab dialect reads.
    pub(super) fn new_session_id(&mut self) -> u64 {
        if let Some(id) = self.lab.connected_id() {
            return id.into();
        }
        // A client that sees its identifier could foresee the next one, but that is one of its own connection too.
        let id = self.random.bits();
        match self.dialect {
            Some(Dialect::Lab) => (id % 900_000).saturating_add(100_000),
            _ => id,
        }
    }

    /// Whether the session's media travels on this connection.
    pub(super) fn is_interleaved(&self) -> bool {
        matches!(self.transport(), Some(MediaTransport::Interleaved { .. }))
    }

    /// Bytes were put into the transmit buffer.
    pub(super) fn handle_queued(&mut self) {
        self.timers.stop(Deadline::Linger);
        self.timers.start(Deadline::Stall, self.now.after(self.config.stall_timeout));
    }

    /// The peer took bytes.
    pub(super) fn handle_progress(&mut self) {
        match self.phase {
            Phase::Open => {
                if self.channel.tx.is_empty() {
                    self.timers.stop(Deadline::Stall);
                } else {
                    self.timers.set(Deadline::Stall, self.now.after(self.config.stall_timeout));
                }
                if self.is_interleaved() {
                    self.refresh();
                }
                if self.input.blocked {
                    self.pump();
                }
            }
            // The stall deadline stays where it is: a peer that takes its last bytes one at a time must not hold the
            // connection for hours.
            Phase::Closing => self.settle(),
            Phase::Closed => {}
        }
    }

    /// The session is over, and not by TEARDOWN.
    fn expire_session(&mut self) {
        let begun = match self.pending.take() {
            // The driver may have made a stream already.
            Some(pending) if pending.polled && matches!(pending.kind, Waiting::Setup { .. } | Waiting::Announce) => {
                true
            }
            // The driver has freed the stream.
            Some(pending) if pending.polled && matches!(pending.kind, Waiting::Teardown) => {
                self.session = None;
                false
            }
            _ => false,
        };
        self.event = None;
        self.expired |= begun || self.session.is_some();
        self.session = None;
        self.state = State::Init;
    }

    /// Stops reading and ends the session. The connection closes once the queued bytes have left.
    pub(super) fn begin_close(&mut self) {
        if self.phase != Phase::Open {
            return;
        }
        self.expire_session();
        self.phase = Phase::Closing;
        self.channel.clear_input();
        self.timers.stop_all();
        self.timers.set(Deadline::Stall, self.now.after(self.config.stall_timeout));
        self.settle();
    }

    /// While closing: once everything is sent, waits for the peer to close, and not for long.
    pub(super) fn settle(&mut self) {
        if !self.channel.tx.is_empty() {
            return;
        }
        self.timers.stop(Deadline::Stall);
        if self.input.ended {
            self.close_now();
        } else {
            self.timers.start(Deadline::Linger, self.now.after(self.config.linger));
        }
    }

    /// Ends everything at once. The queued bytes are lost.
    pub(super) fn abort(&mut self) {
        self.begin_close();
        self.close_now();
    }

    fn close_now(&mut self) {
        self.phase = Phase::Closed;
        self.channel.tx.clear();
        self.timers.stop_all();
    }
}
