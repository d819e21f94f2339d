//! The way from bytes to requests and interleaved packets. They have any length and arrive in any pieces.

use super::answer::ANSWER_ROOM;
use super::lab_memory::Lab;
use super::lifetime::{Deadline, Phase};
use super::{Connection, Dialect, Event, MediaTransport};
use crate::session::buffer::Storage;
use crate::session::channel::Packet;
use crate::wire::lab;
use crate::wire::rtsp::{Message, StatusCode, parse, salvage_cseq};

/// The result of one step of parsing, which says whether there is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The step took something, and there may be more.
    Again,
    /// The buffer holds only the beginning of a request or a packet.
    Starved,
    /// The buffer holds the beginning of a lab request, or all of it. Silence will tell.
    Perhaps,
    /// A request is there, but the transmit buffer has no room for its answer yet.
    Blocked,
}

impl<B: Storage> Connection<B> {
    /// Takes requests and packets from the receive buffer until an event has to be polled or answered.
    pub(super) fn pump(&mut self) {
        if self.event.is_none() {
            self.channel.release();
        }
        while self.phase == Phase::Open && self.event.is_none() && self.pending.is_none() {
            self.input.blocked = false;
            let progress = self.step();
            if progress != Progress::Again {
                self.stop_at(progress);
                break;
            }
        }
    }

    fn stop_at(&mut self, progress: Progress) {
        self.input.blocked = progress == Progress::Blocked;
        let partial = !self.channel.rx.is_empty() || self.channel.is_skipping();
        if self.input.blocked || !(partial || self.refusing) {
            // The peer owes us nothing: our answer has no room, and the stall deadline watches that.
            self.timers.stop(Deadline::Request);
        } else if self.phase == Phase::Open {
            self.timers.start(Deadline::Request, self.now.after(self.hurried(self.config.request_timeout)));
        }
        if progress == Progress::Perhaps {
            self.timers.start(Deadline::LabSilence, self.now.after(self.config.lab_silence));
        }
        if self.input.ended && progress != Progress::Blocked {
            self.begin_close();
        }
    }

    fn step(&mut self) -> Progress {
        let skipping = self.channel.is_skipping();
        let first = self.channel.first_byte();
        if skipping && !self.channel.is_skipping() {
            self.timers.stop(Deadline::Request);
        }
        match (first, self.dialect) {
            (None, _) => Progress::Starved,
            (Some(b'$'), None | Some(Dialect::Standard)) => self.step_interleaved(),
            _ if !self.has_answer_room() => Progress::Blocked,
            (_, None) => self.step_first_line(),
            (_, Some(Dialect::Standard)) => self.step_standard(),
            (_, Some(Dialect::Lab)) => self.step_lab(),
        }
    }

    /// The first request tells the dialect, mostly by its first line.
    fn step_first_line(&mut self) -> Progress {
        let bytes = self.channel.rx.bytes();
        let is_lab = match lab::detect(bytes) {
            Some(is_lab) => is_lab,
            None => {
                // Waiting does not help where neither dialect begins like this, nor where it fills the buffer and so
                // cannot go on.
                let hopeless = parse(bytes).is_err() && matches!(lab::parse_request(bytes), lab::Parsed::Malformed(_));
                if !hopeless && !self.input.ended && self.channel.rx.free() > 0 {
                    return Progress::Starved;
                }
                // The last line of a lab request has no end.
                lab::is_lab(bytes.split(|&byte| byte == b'\n').next().unwrap_or_default())
            }
        };
        self.lab = Lab::begin(self.channel.rx.bytes());
        self.dialect = Some(if is_lab { Dialect::Lab } else { Dialect::Standard });
        Progress::Again
    }

    fn step_standard(&mut self) -> Progress {
        let bytes = self.input.front(self.channel.rx.bytes());
        let (status, cseq) = match parse(bytes) {
            Ok(Some((Message::Request(request), len))) => {
                let judged = self.judge(&request, len);
                let head = judged.head(self);
                let offer = self.offer();
                let outcome = judged.settle(&mut self.channel.tx, head, offer, &request);
                self.timers.stop(Deadline::Request);
                self.carry_out(outcome);
                return Progress::Again;
            }
            // We have sent no request, and `step` has dealt with interleaved packets.
            Ok(Some((Message::Response(_) | Message::Interleaved(_), len))) => {
                debug!("an answer that nobody waits for is ignored");
                self.timers.stop(Deadline::Request);
                self.channel.rx.consume(len);
                return Progress::Again;
            }
            Ok(None) => {
                if self.channel.has_room_for_message() {
                    return Progress::Starved;
                }
                (StatusCode::REQUEST_ENTITY_TOO_LARGE, salvage_cseq(bytes))
            }
            Err(error) => (error.status(), salvage_cseq(bytes)),
        };
        // The beginning of the next message cannot be found any more.
        warning!("closed: a malformed request, answered with {}", status.0);
        let _ = self.respond_plain(status, cseq);
        self.begin_close();
        Progress::Again
    }

    /// Lends a packet of the session to the driver if the buffer can hold it. Skips all other packets without keeping
    /// their bytes.
    fn step_interleaved(&mut self) -> Progress {
        let transport = self.transport();
        let packet = self.channel.take_packet(|channel, payload_len| match transport {
            Some(MediaTransport::Interleaved { rtp_channel, rtcp_channel }) => {
                payload_len > 0 && (channel == rtp_channel || channel == rtcp_channel)
            }
            _ => false,
        });
        match packet {
            Packet::Incomplete => return Progress::Starved,
            Packet::Skipped { .. } => {}
            Packet::Lent { channel } => self.event = Some(Event::Interleaved { channel }),
        }
        self.timers.stop(Deadline::Request);
        if self.is_interleaved() {
            self.refresh();
        }
        Progress::Again
    }

    /// Whether every answer fits. Requests are carried out only then, because the peer must learn the result.
    fn has_answer_room(&self) -> bool {
        self.channel.tx.free() >= ANSWER_ROOM.min(self.channel.tx.capacity())
    }

    /// The number of bytes of media that can be queued now.
    pub(super) fn media_room(&self) -> usize {
        let kept_back = if self.input.blocked {
            // The request would wait for good if media kept filling the buffer.
            return 0;
        } else if self.pending.is_some() {
            ANSWER_ROOM.min(self.channel.tx.capacity())
        } else if self.channel.tx.is_empty() {
            // A small buffer may hold one packet and no more. A request will wait until it has left.
            0
        } else {
            ANSWER_ROOM.min(self.channel.tx.capacity() / 8)
        };
        self.channel.tx.free().saturating_sub(kept_back)
    }
}
