//! The lab dialect: its requests are judged here, and answered in the three lines its client can read.

use super::input::Progress;
use super::lifetime::Deadline;
use super::policy::{MAX_URI_LEN, allowed};
use super::resource::Resource;
use super::{Connection, Event, MediaTransport, Parsed, State, Waiting};
use crate::session::buffer::Storage;
use crate::wire::lab::{self, Request};
use crate::wire::rtsp::headers::asks_to_close;
use crate::wire::rtsp::{Full, Method, StatusCode, salvage_cseq};

impl<B: Storage> Connection<B> {
    pub(super) fn step_lab(&mut self) -> Progress {
        // No more of this request will come: the peer fell silent, or closed.
        let ended = core::mem::take(&mut self.input.quiet) || self.input.ended;
        let bytes = self.channel.rx.bytes();
        let (request, len) = match lab::parse_request(bytes) {
            lab::Parsed::Complete(request, len) => (request, len),
            lab::Parsed::Pending(request, len) if ended => (request, len),
            lab::Parsed::Pending(..) => return Progress::Perhaps,
            lab::Parsed::Incomplete if self.channel.rx.free() > 0 => return Progress::Starved,
            lab::Parsed::Incomplete => {
                let cseq = salvage_cseq(bytes);
                return self.give_up_lab(StatusCode::REQUEST_ENTITY_TOO_LARGE, cseq);
            }
            lab::Parsed::Malformed(error) => {
                let cseq = salvage_cseq(bytes);
                return self.give_up_lab(error.status(), cseq);
            }
        };
        let (verdict, cseq, closes) = (self.judge_lab(&request), request.cseq, asks_to_close(&request.headers));
        let status = match verdict {
            Ok((cseq, Some((event, waiting)))) => {
                let path = request.file.split_track().0;
                let resource = Resource::locate(bytes, request.file.as_str(), path);
                self.handle_whole_lab_request();
                self.ask(event, waiting, Parsed { len, cseq, resource, closes });
                return Progress::Again;
            }
            Ok((_, None)) => StatusCode::OK,
            Err(status) => {
                info!("lab {} refused with {}", request.method.name(), status.0);
                status
            }
        };
        self.handle_whole_lab_request();
        let sent = self.reply(status, cseq);
        self.handle_answered(len, cseq, sent);
        if self.refusing || closes {
            self.begin_close();
        }
        Progress::Again
    }

    fn handle_whole_lab_request(&mut self) {
        self.timers.stop(Deadline::Request);
        self.timers.stop(Deadline::LabSilence);
    }

    /// Answers a request that cannot be read, and closes.
    fn give_up_lab(&mut self, status: StatusCode, cseq: Option<u32>) -> Progress {
        warning!("closed: a malformed lab request, answered with {}", status.0);
        let _ = self.reply(status, cseq);
        self.begin_close();
        Progress::Again
    }

    /// The `CSeq` of a request that may be carried out and what the driver is asked, if anything; or the status that
    /// refuses the request.
    fn judge_lab(&self, request: &Request<'_>) -> Result<(u32, Option<(Event, Waiting)>), StatusCode> {
        if self.refusing {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let cseq = request.cseq.ok_or(StatusCode::BAD_REQUEST)?;
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
            let rtp_port = request.client_port.filter(|_| self.config.udp).ok_or(StatusCode::UNSUPPORTED_TRANSPORT)?;
            let media = MediaTransport::Udp { rtp_port, rtcp_port: rtp_port.saturating_add(1) };
            let waiting = Waiting::Setup { media, chosen: None };
            return Ok((cseq, Some((Event::Setup { transport: media }, waiting))));
        }
        // A request without a session identifier means this connection's session. A request with one must have the right one.
        match (&self.session, request.session) {
            (Some(session), Some(named)) if named.parse() != Ok(session.id) => {
                return Err(StatusCode::SESSION_NOT_FOUND);
            }
            (Some(_), _) => {}
            (None, _) => return Err(StatusCode::SESSION_NOT_FOUND),
        }
        let question = match request.method {
            // The client's window has lost track. Playing goes on.
            Method::Play if self.state == State::Playing => None,
            Method::Play => Some((
                Event::Play { range: None, scale: None, speed: None },
                Waiting::Play { scale: false, speed: false },
            )),
            Method::Pause => Some((Event::Pause, Waiting::Pause)),
            _ => Some((Event::Teardown, Waiting::Teardown)),
        };
        Ok((cseq, question))
    }

    /// Queues a reply; before there is a session, its third line says 0.
    pub(super) fn reply(&mut self, status: StatusCode, cseq: Option<u32>) -> Result<(), Full> {
        let session = self.session.as_ref().and_then(|session| u32::try_from(session.id).ok()).unwrap_or(0);
        let len = lab::emit_reply(self.channel.tx.space(), status, cseq.unwrap_or(0), session)?;
        self.channel.tx.commit(len);
        Ok(())
    }
}
