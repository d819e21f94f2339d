//! The lab dialect: its requests are judged here, and answered in the three lines its client can read.

use super::input::Step;
use super::lifetime::Deadline;
use super::policy::{MAX_URI_LEN, allowed};
use super::{Connection, Event, MediaTransport, State, Waiting};
use crate::wire::lab::{self, Parsed, Request};
use crate::wire::rtsp::{Full, Method, StatusCode, salvage_cseq};

impl<B: AsRef<[u8]> + AsMut<[u8]>> Connection<B> {
    pub(super) fn step_lab(&mut self) -> Step {
        // No more of this request will come: the peer fell silent, or closed.
        let ended = core::mem::take(&mut self.quiet) || self.end_of_input;
        let bytes = self.rx.bytes();
        let (status, cseq) = match lab::parse_request(bytes) {
            Parsed::Complete(_, len) => return self.handle_lab_request(len),
            Parsed::Pending(_, len) if ended => return self.handle_lab_request(len),
            Parsed::Pending(..) => return Step::Perhaps,
            Parsed::Incomplete if self.rx.free() > 0 => return Step::Starved,
            Parsed::Incomplete => (StatusCode::REQUEST_ENTITY_TOO_LARGE, salvage_cseq(bytes)),
            Parsed::Malformed(error) => (error.status(), salvage_cseq(bytes)),
        };
        warning!("closed: a malformed lab request, answered with {}", status.0);
        let _ = self.reply(status, cseq);
        self.begin_close();
        Step::Again
    }

    /// The request in the first `len` bytes of `rx`: judged, and answered or handed to the driver.
    fn handle_lab_request(&mut self, len: usize) -> Step {
        self.timers.stop(Deadline::Request);
        self.timers.stop(Deadline::LabSilence);
        let Some(request) = request(self.rx.bytes().get(..len).unwrap_or_default()) else { return Step::Starved };
        let (method, cseq) = (request.method, request.cseq);
        let verdict = self.judge_lab(&request);
        let status = match verdict {
            Ok(Method::Setup) => match request.client_port {
                Some(rtp_port) => {
                    let media = MediaTransport::Udp { rtp_port, rtcp_port: rtp_port.saturating_add(1) };
                    let kind = Waiting::Setup { media, chosen: None };
                    self.ask(Event::Setup { transport: media }, kind, len, cseq);
                    return Step::Again;
                }
                None => StatusCode::UNSUPPORTED_TRANSPORT,
            },
            // Already playing: the client's window lost track; nothing starts over.
            Ok(Method::Play) if self.state == State::Playing => StatusCode::OK,
            Ok(Method::Play) => {
                self.ask(Event::Play { range: None }, Waiting::Play, len, cseq);
                return Step::Again;
            }
            Ok(Method::Pause) => {
                self.ask(Event::Pause, Waiting::Pause, len, cseq);
                return Step::Again;
            }
            Ok(Method::Teardown) => {
                self.ask(Event::Teardown, Waiting::Teardown, len, cseq);
                return Step::Again;
            }
            Ok(_) => StatusCode::NOT_IMPLEMENTED,
            Err(status) => status,
        };
        if status != StatusCode::OK {
            info!("lab {} refused with {}", method.name(), status.0);
        }
        let sent = self.reply(status, cseq);
        self.handle_answered(len, cseq, sent);
        if self.refusing {
            self.begin_close();
        }
        Step::Again
    }

    fn judge_lab<'a>(&self, request: &Request<'a>) -> Result<Method<'a>, StatusCode> {
        if self.refusing {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        if request.cseq.is_none() {
            return Err(StatusCode::BAD_REQUEST);
        }
        if !matches!(request.method, Method::Setup | Method::Play | Method::Pause | Method::Teardown) {
            return Err(StatusCode::NOT_IMPLEMENTED);
        }
        if request.file.as_str().len() > MAX_URI_LEN {
            return Err(StatusCode::REQUEST_URI_TOO_LONG);
        }
        if !allowed(self.state, request.method) {
            return Err(StatusCode::METHOD_NOT_VALID_IN_THIS_STATE);
        }
        if request.method == Method::Setup {
            return if self.config.udp { Ok(Method::Setup) } else { Err(StatusCode::UNSUPPORTED_TRANSPORT) };
        }
        // A session that is not named is this connection's; one that is must be.
        match (&self.session, request.session) {
            (Some(session), Some(named)) if named.parse() != Ok(session.id) => Err(StatusCode::SESSION_NOT_FOUND),
            (Some(_), _) => Ok(request.method),
            (None, _) => Err(StatusCode::SESSION_NOT_FOUND),
        }
    }

    /// Queues a reply; before there is a session, its third line says 0.
    pub(super) fn reply(&mut self, status: StatusCode, cseq: Option<u32>) -> Result<(), Full> {
        let session = self.session.as_ref().and_then(|session| u32::try_from(session.id).ok()).unwrap_or(0);
        let len = lab::emit_reply(self.tx.space(), status, cseq.unwrap_or(0), session)?;
        self.tx.commit(len);
        Ok(())
    }
}

/// The file that a complete request names.
pub(super) fn file_name(request: &[u8]) -> &str {
    self::request(request).map_or("", |request| request.file.as_str())
}

/// What was found complete before is read again.
fn request(bytes: &[u8]) -> Option<Request<'_>> {
    match lab::parse_request(bytes) {
        Parsed::Complete(request, _) | Parsed::Pending(request, _) => Some(request),
        Parsed::Incomplete | Parsed::Malformed(_) => None,
    }
}
