//! From bytes to requests and interleaved packets, of any length and however they are cut.

use super::answer::ANSWER_ROOM;
use super::lifetime::{Deadline, Phase};
use super::{Connection, Dialect, Event, MediaTransport};
use crate::wire::lab::{self, Parsed};
use crate::wire::rtsp::{
    Interleaved, Message, StatusCode, announced_length, blank_prefix, interleaved_header, parse, salvage_cseq,
};

/// Why parsing goes on or stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Something was taken: look again.
    Again,
    /// What is there is the beginning of something.
    Starved,
    /// What is there is the beginning of a lab request, or all of it: silence will tell.
    Perhaps,
    /// A request is there, but its answer would not fit yet.
    Blocked,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Connection<B> {
    /// Takes from `rx` what can be taken, until an event stands in the way.
    pub(super) fn pump(&mut self) {
        if self.event.is_none() && self.lent > 0 {
            self.rx.consume(core::mem::take(&mut self.lent));
        }
        while self.phase == Phase::Open && self.event.is_none() && self.pending.is_none() {
            self.blocked = false;
            let step = self.step();
            if step == Step::Again {
                continue;
            }
            self.stop_at(step);
            break;
        }
    }

    fn stop_at(&mut self, step: Step) {
        self.blocked = step == Step::Blocked;
        let partial = !self.rx.is_empty() || self.skip > 0;
        if self.blocked || !(partial || self.refusing) {
            // Nothing is owed by the peer: what is missing is room for our answer, which the stall deadline watches.
            self.timers.stop(Deadline::Request);
        } else if self.phase == Phase::Open {
            self.timers.start(Deadline::Request, self.now.after(self.config.request_timeout));
        }
        if step == Step::Perhaps {
            self.timers.start(Deadline::LabSilence, self.now.after(self.config.lab_silence));
        }
        if self.end_of_input && step != Step::Blocked {
            self.begin_close();
        }
    }

    fn step(&mut self) -> Step {
        if self.skip > 0 {
            return self.skip_packet();
        }
        self.rx.consume(blank_prefix(self.rx.bytes()));
        let first = self.rx.bytes().first().copied();
        match (first, self.dialect) {
            (None, _) => Step::Starved,
            (Some(b'$'), None | Some(Dialect::Standard)) => self.step_interleaved(),
            _ if !self.has_answer_room() => Step::Blocked,
            (_, None) => self.step_first_line(),
            (_, Some(Dialect::Standard)) => self.step_standard(),
            (_, Some(Dialect::Lab)) => self.step_lab(),
        }
    }

    /// The first request line tells the dialect.
    fn step_first_line(&mut self) -> Step {
        let bytes = self.rx.bytes();
        let line = match bytes.iter().position(|&byte| byte == b'\n') {
            Some(end) => bytes.get(..end).unwrap_or_default(),
            // The last line of a lab request has no end.
            None if self.end_of_input => bytes,
            None => {
                // What neither dialect can begin with will not become better by waiting, and a line that fills the
                // buffer will not end.
                let hopeless = parse(bytes).is_err() && matches!(lab::parse_request(bytes), Parsed::Malformed(_));
                if !hopeless && self.rx.free() > 0 {
                    return Step::Starved;
                }
                bytes
            }
        };
        self.dialect = Some(if lab::is_lab(line) { Dialect::Lab } else { Dialect::Standard });
        Step::Again
    }

    fn step_standard(&mut self) -> Step {
        let bytes = self.rx.bytes();
        let (status, cseq) = match parse(bytes) {
            Ok(Some((Message::Request(_), len))) => {
                self.timers.stop(Deadline::Request);
                self.handle_request(len);
                return Step::Again;
            }
            // We have asked nothing, and interleaved packets were dealt with before.
            Ok(Some((Message::Response(_) | Message::Interleaved(_), len))) => {
                debug!("an answer that nobody waits for is ignored");
                self.timers.stop(Deadline::Request);
                self.rx.consume(len);
                return Step::Again;
            }
            Ok(None) => {
                let fits = match announced_length(bytes) {
                    Some((head, body)) => {
                        u64::try_from(head).unwrap_or(u64::MAX).saturating_add(body) <= self.rx.capacity() as u64
                    }
                    None => self.rx.free() > 0,
                };
                if fits {
                    return Step::Starved;
                }
                (StatusCode::REQUEST_ENTITY_TOO_LARGE, salvage_cseq(bytes))
            }
            Err(error) => (error.status(), salvage_cseq(bytes)),
        };
        // Where the next message begins cannot be known any more.
        warning!("closed: a malformed request, answered with {}", status.0);
        let _ = self.respond_plain(status, cseq);
        self.begin_close();
        Step::Again
    }

    /// `$`, channel, length: of the session's packets those that fit are lent to the driver, all others are skipped
    /// without being kept.
    fn step_interleaved(&mut self) -> Step {
        let bytes = self.rx.bytes();
        let Some((channel, payload_len)) = interleaved_header(bytes) else { return Step::Starved };
        let len = usize::from(payload_len).saturating_add(Interleaved::HEADER_LEN);
        let wanted = match self.transport() {
            Some(MediaTransport::Interleaved { rtp_channel, rtcp_channel }) => {
                payload_len > 0 && (channel == rtp_channel || channel == rtcp_channel)
            }
            _ => false,
        };
        if !wanted || len > self.rx.capacity() {
            self.rx.consume(Interleaved::HEADER_LEN);
            self.skip = payload_len;
        } else if bytes.len() < len {
            return Step::Starved;
        } else {
            self.lent = len;
            self.event = Some(Event::Interleaved { channel });
        }
        self.timers.stop(Deadline::Request);
        if self.is_interleaved() {
            self.refresh();
        }
        Step::Again
    }

    fn skip_packet(&mut self) -> Step {
        if self.rx.is_empty() {
            return Step::Starved;
        }
        let n = self.rx.len().min(usize::from(self.skip));
        self.rx.consume(n);
        self.skip = self.skip.saturating_sub(u16::try_from(n).unwrap_or(u16::MAX));
        if self.skip == 0 {
            self.timers.stop(Deadline::Request);
        }
        Step::Again
    }

    /// Whether every answer fits: a request is carried out only then, because what was done must be told.
    fn has_answer_room(&self) -> bool {
        self.tx.free() >= ANSWER_ROOM.min(self.tx.capacity())
    }

    /// How many bytes of media can be queued now.
    pub(super) fn media_room(&self) -> usize {
        let kept_back = if self.blocked {
            // Media that goes on flowing would keep the request waiting for good.
            return 0;
        } else if self.pending.is_some() {
            ANSWER_ROOM.min(self.tx.capacity())
        } else if self.tx.is_empty() {
            // A small buffer may hold one packet and no more. A request will wait until it has left.
            0
        } else {
            ANSWER_ROOM.min(self.tx.capacity() / 8)
        };
        self.tx.free().saturating_sub(kept_back)
    }
}
