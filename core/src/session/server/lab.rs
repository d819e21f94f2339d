//! The lab dialect: its requests are found here, and answered in the three lines its client can read, and what some look for behind
//! them.

use super::input::Progress;
use super::lifetime::Deadline;
use super::policy::{Accepted, Asked};
use super::resource::Resource;
use super::{Connection, Parsed, Pending, Waiting};
use crate::session::buffer::Storage;
use crate::time::Instant;
use crate::wire::lab::extra::{Extra, Listing};
use crate::wire::lab::payload::Payload;
use crate::wire::lab::{self, Layout, Length, More, Visitor};
use crate::wire::rtsp::headers::asks_to_close;
use crate::wire::rtsp::{Full, StatusCode, salvage_cseq};

/// The form of the payload that a request asks for: by its layout, a header, or what stands behind the file's name.
fn payload(request: &lab::Request<'_>) -> Option<Payload> {
    let prefers_hd = request.headers.all("Prefer").any(|value| value.eq_ignore_ascii_case("HD"));
    match request.layout {
        Layout::Url => Some(Payload::Bare),
        _ if prefers_hd => Some(Payload::I4),
        _ => Payload::split_name(request.file.as_str()).1,
    }
}

impl<B: Storage> Connection<B> {
    pub(super) fn step_lab(&mut self) -> Progress {
        // No more of this request will come: the peer fell silent, or closed.
        let ended = core::mem::take(&mut self.input.quiet) || self.input.ended || self.input.allowed.is_some();
        let bytes = self.input.front(self.channel.rx.bytes());
        self.input.is_whole = false;
        let (request, len) = match lab::parse_request_in(bytes, self.lab.layout()) {
            lab::Parsed::Complete(request, len) | lab::Parsed::Pending(request, len) if ended => (request, len),
            // Some clients note a request only when they have sent it, and take what comes at once for the answer to another one.
            lab::Parsed::Complete(..) => {
                self.input.is_whole = true;
                return Progress::Perhaps;
            }
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
        let (verdict, cseq, closes) =
            (self.policy().judge(Asked::Lab(&request)), request.cseq, asks_to_close(&request.headers));
        let (method, form) = (request.method, payload(&request));
        let status = match verdict {
            Ok((accepted, path)) => {
                if let Some((event, waiting)) = accepted.question() {
                    let resource = Resource::locate(bytes, request.file.as_str(), path);
                    let is_chosen = matches!(accepted, Accepted::Setup { .. });
                    let is_judged = !matches!(accepted, Accepted::Authorize);
                    self.handle_whole_lab_request();
                    if is_chosen {
                        self.lab.set_payload(form);
                    }
                    if is_judged {
                        self.lab.note_cseq(cseq);
                    }
                    self.ask(event, waiting, Parsed { len, cseq: cseq.unwrap_or_default(), resource, closes });
                    return Progress::Again;
                }
                if let Accepted::Connect { rtp_port } = accepted {
                    let id = self.new_session_id() as u32;
                    self.lab.connect(id, rtp_port);
                }
                StatusCode::OK
            }
            Err(status) => {
                info!("lab {} refused with {}", method.name(), status.0);
                status
            }
        };
        self.handle_whole_lab_request();
        self.lab.note_cseq(cseq);
        let sent = self.reply(status, cseq, More::Nothing);
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
        let _ = self.reply(status, cseq, More::Nothing);
        self.begin_close();
        Progress::Again
    }

    /// The form of the payload that the client asks for, if it does.
    pub fn lab_payload(&self) -> Option<Payload> {
        self.lab.payload()
    }

    /// How long the medium is that was set up, as far as it is known, to a hundredth of a second.
    pub fn lab_length(&self) -> Length {
        self.lab.length()
    }

    /// How long the medium is that is being set up; the answer tells it.
    pub fn set_lab_length(&mut self, length: Length) {
        self.lab.set_length(length);
    }

    /// Answers [`Event::Lab`](super::Event::Lab) of [`Extra::Describe`]: the medium has so many frames, 0 where nobody knows.
    pub fn answer_description(&mut self, now: Instant, frames: u32) {
        self.now = now;
        let Some(Pending { kind: Waiting::Lab(Extra::Describe), request, .. }) = self.pending else { return };
        let sent = self.reply(StatusCode::OK, Some(request.cseq), More::Description(frames));
        self.go_on(request, sent);
    }

    /// Answers [`Event::Lab`](super::Event::Lab) of [`Extra::List`] with names, which `visit` gives. After SWITCH nothing plays.
    pub fn answer_list(&mut self, now: Instant, visit: &mut Visitor<'_>) {
        self.now = now;
        let Some(Pending { kind: Waiting::Lab(Extra::List(listing)), request, .. }) = self.pending else { return };
        if let (Listing::Switch, Some(state)) = (listing, self.state.on_pause()) {
            self.state = state;
        }
        let session = self.lab_session();
        let written = lab::emit_list(self.channel.tx.space(), request.cseq, session, listing, visit);
        let sent = written.map(|len| self.channel.tx.commit(len));
        self.go_on(request, sent);
    }

    /// Answers [`Event::Lab`](super::Event::Lab) of any other kind: it was carried out. Some clients expect no answer to that.
    pub fn answer_lab(&mut self, now: Instant) {
        self.now = now;
        let Some(Pending { kind: Waiting::Lab(extra), request, .. }) = self.pending else { return };
        if let (Extra::Move(moved), Some(state)) = (extra, self.state.on_pause())
            && moved.stops
        {
            self.state = state;
        }
        if matches!(extra, Extra::Move(moved) if !moved.is_answered) {
            return self.go_on_silently(request);
        }
        let sent = self.reply(StatusCode::OK, Some(request.cseq), More::Nothing);
        self.go_on(request, sent);
    }

    pub(super) fn reply_to_setup(&mut self, cseq: u32) -> Result<(), Full> {
        self.reply(StatusCode::OK, Some(cseq), More::Length(self.lab_length()))
    }

    pub(super) fn reply_to_play(&mut self, cseq: u32) -> Result<(), Full> {
        self.reply(StatusCode::OK, Some(cseq), self.lab_length().frames.map_or(More::Nothing, More::Frames))
    }

    /// The number of the session; 0 before there is one.
    fn lab_session(&self) -> u32 {
        let session = self.session.as_ref().and_then(|session| u32::try_from(session.id).ok());
        session.or_else(|| self.lab.connected_id()).unwrap_or(0)
    }

    /// Queues a reply; before there is a session, its third line says 0.
    pub(super) fn reply(&mut self, status: StatusCode, cseq: Option<u32>, more: More) -> Result<(), Full> {
        let session = self.lab_session();
        let len = lab::emit_reply(self.channel.tx.space(), status, cseq.unwrap_or(0), session, more)?;
        self.channel.tx.commit(len);
        Ok(())
    }
}
