//! The lab dialect: its requests are found here, and answered in the three lines its client can read.

use super::input::Progress;
use super::lifetime::Deadline;
use super::policy::Asked;
use super::resource::Resource;
use super::{Connection, Parsed};
use crate::session::buffer::Storage;
use crate::wire::lab;
use crate::wire::rtsp::headers::asks_to_close;
use crate::wire::rtsp::{Full, StatusCode, salvage_cseq};

impl<B: Storage> Connection<B> {
    pub(super) fn step_lab(&mut self) -> Progress {
        // No more of this request will come: the peer fell silent, or closed.
        let ended = core::mem::take(&mut self.input.quiet) || self.input.ended || self.input.allowed.is_some();
        let bytes = self.input.front(self.channel.rx.bytes());
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
        let (verdict, cseq, closes) =
            (self.policy().judge(Asked::Lab(&request)), request.cseq, asks_to_close(&request.headers));
        let status = match verdict {
            Ok((accepted, path)) => {
                if let Some((event, waiting)) = accepted.question() {
                    let resource = Resource::locate(bytes, request.file.as_str(), path);
                    self.handle_whole_lab_request();
                    self.ask(event, waiting, Parsed { len, cseq: cseq.unwrap_or_default(), resource, closes });
                    return Progress::Again;
                }
                StatusCode::OK
            }
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

    /// Queues a reply; before there is a session, its third line says 0.
    pub(super) fn reply(&mut self, status: StatusCode, cseq: Option<u32>) -> Result<(), Full> {
        let session = self.session.as_ref().and_then(|session| u32::try_from(session.id).ok()).unwrap_or(0);
        let len = lab::emit_reply(self.channel.tx.space(), status, cseq.unwrap_or(0), session)?;
        self.channel.tx.commit(len);
        Ok(())
    }
}
