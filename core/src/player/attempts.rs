//! What is done when something did not work: another way is tried, on this connection or on another one.

use super::settings::{Dialect, Settings};
use super::stage::Stage;
use super::{Event, Failure, Player, Retry};
use crate::session as spoken;
use crate::time::{Duration, Instant};

/// How long SETUP in the lab's dialect may stay unanswered on a connection on which OPTIONS was not answered before.
const LAB_HERE: Duration = Duration::from_secs(1);

impl<B, F, const SLOTS: usize> Player<B, F, SLOTS>
where
    B: AsRef<[u8]> + AsMut<[u8]>,
    F: AsRef<[u8]> + AsMut<[u8]>,
{
    /// How long the first requests are waited for. A network that takes long to connect takes long to answer, too.
    pub(super) fn set_patience(&mut self, now: Instant) {
        let Settings { dialect, dialect_timeout, lab_after, response_timeout, .. } = self.settings;
        let slow = now.since(self.connecting).saturating_mul(4);
        let options = if self.fallback.may_turn() { lab_after.max(slow).min(dialect_timeout) } else { dialect_timeout };
        let lab = match dialect {
            Dialect::Lab => response_timeout,
            Dialect::Auto | Dialect::Standard => dialect_timeout.min(response_timeout),
        };
        let lab = if self.fallback.is_here() { lab.min(LAB_HERE) } else { lab };
        self.connection.set_patience(options, lab);
    }

    /// Whether it is known that the server speaks the lab's dialect.
    pub(super) fn is_surely_lab(&self) -> bool {
        let is_chosen = self.settings.dialect == Dialect::Lab || self.has_session();
        is_chosen && self.connection.dialect() == spoken::Dialect::Lab
    }

    /// Tries the lab's dialect where nobody has answered OPTIONS.
    pub(super) fn turn_to_lab(&mut self, now: Instant, failure: Failure) -> Event {
        match self.fallback.turn_to_lab(failure) {
            Some(with) => {
                self.connection.turn_to_lab();
                Event::Retrying { with, after: failure }
            }
            None => self.fail(now, failure),
        }
    }

    /// Goes on over TCP, on the same connection where it is as good as before, or else on a new one.
    pub(super) fn try_tcp(&mut self, now: Instant, failure: Failure, connected: bool) -> Event {
        match self.fallback.without_udp(&self.settings) {
            Some(with) if connected => Event::Retrying { with, after: failure },
            Some(with) => self.reconnect(now, with, failure),
            None => self.fail(now, failure),
        }
    }

    pub(super) fn try_lab(&mut self, now: Instant, failure: Failure) -> Event {
        match self.fallback.without_rtsp(failure) {
            Some(with) => self.reconnect(now, with, failure),
            None => self.fail(now, failure),
        }
    }

    pub(super) fn fail_or_retry(&mut self, now: Instant, failure: Failure) -> Event {
        match self.fallback.elsewhere(failure).or_else(|| self.fallback.without_lab(failure)) {
            Some(with) => self.reconnect(now, with, failure),
            None => self.fail(now, failure),
        }
    }

    pub(super) fn reconnect(&mut self, now: Instant, with: Retry, after: Failure) -> Event {
        self.leave(now);
        // Nobody wants another session.
        if self.wanted.session { Event::Retrying { with, after } } else { Event::TornDown }
    }

    /// When to ask the server for a sign of life.
    pub(super) fn probe_due(&self) -> Option<Instant> {
        let is_playing = self.stage == Stage::Linked && self.connection.state() == spoken::State::Playing;
        let after = self.settings.probe.filter(|_| is_playing && self.dialect() == spoken::Dialect::Standard)?;
        self.media.probe_due(after)
    }

    /// Asks for it, if that is due. Where another request is under way, that one waits for its answer.
    pub(super) fn probe(&mut self, now: Instant) {
        if let Some(patience) = self.settings.probe
            && self.probe_due().is_some_and(|due| due <= now)
        {
            self.media.silence().handle_probe(now);
            let _ = self.connection.probe(now, patience);
        }
    }

    /// Whether media come to the second port, too: the lab's dialect has no reports, and one of its servers sends every other packet
    /// to the port that is [two further](Self::port_distance).
    pub fn takes_media_at_both_ports(&self) -> bool {
        self.dialect() == spoken::Dialect::Lab
    }

    /// How far the second of our ports should be from the first, when they are [demanded](super::Demand::OpenPorts). In the lab's dialect
    /// nothing is missed where it is not.
    pub fn port_distance(&self) -> u16 {
        if self.takes_media_at_both_ports() { 2 } else { 1 }
    }
}
