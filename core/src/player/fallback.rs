//! Which of the ways to a picture is tried, and which one comes next when it fails.
//!
//! ```text
//! RTSP, UDP ──► nothing arrives, or UDP is refused ──► RTSP, TCP
//!     └───────► RTSP is not answered ──► the lab's dialect ──► not understood either ──► RTSP without OPTIONS' answer
//! ```
//!
//! The lab's dialect is tried early, on the connection on which OPTIONS went unanswered, and then on another one. If OPTIONS is answered
//! meanwhile, RTSP is tried again with more patience.
//!
//! After the first frame the player keeps the transport and the dialect that brought it, and tries nothing else any more.

use super::event::{Event, Retry};
use super::failure::Failure;
use super::settings::{Dialect, Settings, Transport};
use crate::session;
use crate::session::client::Command;
use crate::wire::rtsp::StatusCode;

/// How the present attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) dialect: session::Dialect,
    pub(super) tcp: bool,
    /// No other dialect is left to try, so a server that does not answer OPTIONS gets another question.
    pub(super) last: bool,
}

impl Attempt {
    /// What is tried first.
    pub(super) fn first(settings: &Settings) -> Self {
        // The lab's dialect knows UDP only.
        let may_be_lab = settings.dialect == Dialect::Auto && settings.transport != Transport::Tcp;
        Self {
            dialect: match settings.dialect {
                Dialect::Auto | Dialect::Standard => session::Dialect::Standard,
                Dialect::Lab => session::Dialect::Lab,
            },
            tcp: settings.transport == Transport::Tcp,
            last: !may_be_lab,
        }
    }

    pub(super) fn is_standard(self) -> bool {
        self.dialect == session::Dialect::Standard
    }
}

/// The attempts up to now. Each of the `without_` methods chooses another one and says which, or leaves things as they
/// are (`None`) where nothing is left to try.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fallback {
    pub(super) attempt: Attempt,
    /// Why standard RTSP did not work, while the lab's dialect is tried.
    standard: Option<Failure>,
    /// Why the lab's did not either, while standard RTSP is tried again.
    lab: Option<Failure>,
    /// Transport and dialect have brought a frame, and stay.
    settled: bool,
    /// The lab's dialect is tried on the connection on which OPTIONS went unanswered.
    here: bool,
    /// The server has been too slow for that: OPTIONS has all its time.
    patient: bool,
    /// SETUP's `Transport` in the lab's dialect is without spaces.
    glued: bool,
}

impl Fallback {
    pub(super) fn new(settings: &Settings) -> Self {
        let attempt = Attempt::first(settings);
        Self { attempt, standard: None, lab: None, settled: false, here: false, patient: false, glued: false }
    }

    /// For servers that refuse UDP in SETUP (cameras and gateways behind tunnels do), and for firewalls and address
    /// translators that drop what a server sends over UDP: TCP.
    pub(super) fn without_udp(&mut self, settings: &Settings) -> Option<Retry> {
        let allowed = settings.transport == Transport::Auto && self.attempt.is_standard();
        if !allowed || self.attempt.tcp || self.settled {
            return None;
        }
        self.attempt.tcp = true;
        Some(Retry::Tcp)
    }

    /// For servers written in the classic lab, which know SETUP, PLAY, PAUSE and TEARDOWN in a dialect of their own and
    /// answer OPTIONS with silence, with the end of the connection or with 400: their dialect.
    pub(super) fn without_rtsp(&mut self, failure: Failure) -> Option<Retry> {
        if self.attempt.last || !self.attempt.is_standard() || self.settled {
            return None;
        }
        self.attempt = Attempt { dialect: session::Dialect::Lab, tcp: false, last: true };
        self.standard = Some(failure);
        Some(Retry::Lab)
    }

    /// Whether OPTIONS is given up early, because the lab's dialect can be tried on the same connection.
    pub(super) fn may_turn(&self) -> bool {
        self.attempt.is_standard() && !self.attempt.last && !self.patient && !self.settled && self.standard.is_none()
    }

    /// The same as `without_rtsp`, on the same connection.
    pub(super) fn turn_to_lab(&mut self, failure: Failure) -> Option<Retry> {
        let with = if self.may_turn() { self.without_rtsp(failure) } else { None };
        self.here = with.is_some();
        with
    }

    /// Whether the lab's dialect is tried on the connection of another attempt.
    pub(super) const fn is_here(&self) -> bool {
        self.here
    }

    /// For lab servers that OPTIONS has upset: another connection.
    pub(super) fn elsewhere(&mut self, failure: Failure) -> Option<Retry> {
        let was_here = core::mem::take(&mut self.here);
        (was_here && !is_understood(failure)).then_some(Retry::Lab)
    }

    /// For servers that take their time to answer OPTIONS: standard RTSP again.
    pub(super) fn was_late(&mut self, settings: &Settings) -> Retry {
        *self = Self { patient: true, ..Self::new(settings) };
        Retry::Standard
    }

    /// For the one lab server that finds the port only where no spaces are, and says so at PLAY.
    pub(super) fn glue(&mut self, status: StatusCode) -> Option<Retry> {
        let may_help = !self.attempt.is_standard() && !self.glued && !self.settled && (500..600).contains(&status.0);
        self.glued |= may_help;
        may_help.then_some(Retry::LabWording)
    }

    pub(super) const fn is_glued(&self) -> bool {
        self.glued
    }

    /// For servers that ignore OPTIONS, but would answer DESCRIBE, and know nothing of the lab's dialect: standard RTSP
    /// again, where DESCRIBE follows OPTIONS though there is no answer.
    pub(super) fn without_lab(&mut self, failure: Failure) -> Option<Retry> {
        let unasked = matches!(self.standard, Some(Failure::NoAnswer(Command::Options)));
        if !unasked || is_understood(failure) || self.lab.is_some() {
            return None;
        }
        self.attempt = Attempt { dialect: session::Dialect::Standard, tcp: false, last: true };
        self.lab = Some(failure);
        Some(Retry::Standard)
    }

    /// Whether standard RTSP is tried again because OPTIONS has gone unanswered.
    pub(super) fn is_options_unanswered(&self) -> bool {
        self.lab.is_some()
    }

    /// There is a session: the dialect is the right one.
    pub(super) fn handle_set_up(&mut self) {
        (self.standard, self.lab, self.here) = (None, None, false);
    }

    /// A frame has come: the transport is the right one as well.
    pub(super) fn handle_frame(&mut self) {
        self.settled = true;
    }

    /// Nothing is left to try. What was only guessed is guessed again the next time.
    pub(super) fn fail(&mut self, failure: Failure, settings: &Settings) -> Event {
        if !self.settled {
            self.attempt = Attempt::first(settings);
            (self.patient, self.glued) = (false, false);
        }
        self.here = false;
        match (self.standard.take(), self.lab.take()) {
            (_, Some(lab)) => Event::NoDialect { standard: failure, lab },
            (Some(standard), None) => Event::NoDialect { standard, lab: failure },
            (None, None) => Event::Failed(failure),
        }
    }
}

/// What a lab server says of a file that it does not have, or cannot read.
const fn is_understood(failure: Failure) -> bool {
    matches!(failure, Failure::Refused { status: StatusCode(404 | 500), .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENT: Failure = Failure::NoAnswer(Command::Options);
    const CLOSED: Failure = Failure::Closed;

    fn with(transport: Transport, dialect: Dialect) -> (Fallback, Settings) {
        let settings = Settings { transport, dialect, ..Settings::default() };
        (Fallback::new(&settings), settings)
    }

    #[test]
    fn each_way_is_tried_once_and_then_what_became_of_both_dialects_is_told() {
        let (mut fallback, settings) = with(Transport::Auto, Dialect::Auto);
        assert_eq!(fallback.without_rtsp(SILENT), Some(Retry::Lab));
        assert_eq!(fallback.without_udp(&settings), None, "the lab's dialect knows no TCP");
        assert_eq!(fallback.without_rtsp(CLOSED), None);
        assert_eq!(fallback.without_lab(CLOSED), Some(Retry::Standard));
        assert_eq!(fallback.without_udp(&settings), Some(Retry::Tcp));
        assert_eq!(fallback.without_udp(&settings), None);
        assert_eq!(fallback.without_rtsp(SILENT), None);
        let told = fallback.fail(Failure::NoAnswer(Command::Describe), &settings);
        assert_eq!(told, Event::NoDialect { standard: Failure::NoAnswer(Command::Describe), lab: CLOSED });
        assert_eq!(fallback.attempt, Attempt::first(&settings), "the next time everything is open again");
    }

    #[test]
    fn nothing_is_tried_that_was_not_allowed() {
        let (mut udp, settings) = with(Transport::Udp, Dialect::Standard);
        assert_eq!((udp.without_udp(&settings), udp.without_rtsp(SILENT)), (None, None));
        let (mut tcp, settings) = with(Transport::Tcp, Dialect::Auto);
        assert_eq!((tcp.without_udp(&settings), tcp.without_rtsp(SILENT)), (None, None));
        let (mut lab, settings) = with(Transport::Auto, Dialect::Lab);
        assert_eq!((lab.without_udp(&settings), lab.without_lab(SILENT)), (None, None));
        assert_eq!(lab.fail(SILENT, &settings), Event::Failed(SILENT));
    }

    #[test]
    fn what_has_brought_a_frame_is_kept() {
        let (mut fallback, settings) = with(Transport::Auto, Dialect::Auto);
        fallback.without_udp(&settings);
        fallback.handle_frame();
        assert_eq!(fallback.without_rtsp(SILENT), None);
        assert_eq!(fallback.fail(CLOSED, &settings), Event::Failed(CLOSED));
        assert!(fallback.attempt.tcp);
    }

    #[test]
    fn rtsp_is_tried_again_only_where_it_was_not_heard_and_the_lab_s_dialect_not_understood() {
        let not_found = Failure::Refused { status: StatusCode::NOT_FOUND, during: Command::Setup };
        for (standard, lab, expected) in
            [(SILENT, CLOSED, Some(Retry::Standard)), (SILENT, not_found, None), (CLOSED, CLOSED, None)]
        {
            let (mut fallback, _) = with(Transport::Auto, Dialect::Auto);
            fallback.without_rtsp(standard);
            assert_eq!(fallback.without_lab(lab), expected, "{standard:?} {lab:?}");
        }
    }
}
