//! What is remembered of a lab connection between its requests.

use crate::time::Duration;
use crate::wire::lab::payload::Payload;
use crate::wire::lab::{self, Layout, Length};
use crate::wire::rtsp::blank_prefix;

/// What is remembered of a lab connection, in few bytes, because every connection has room for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lab {
    /// Frames of the medium that was set up; 0: nobody knows.
    frames: u32,
    /// Its length in hundredths of a second.
    hundredths: u32,
    /// `CSeq` of the request before, if there was one.
    last_cseq: u32,
    has_cseq: bool,
    layout: Layout,
    /// The form of the payload that SETUP has asked for.
    payload: Option<Payload>,
    /// The session and the port of CONNECT; 0: there was none.
    id: u32,
    rtp_port: u16,
}

impl Lab {
    /// A connection that begins with `input`.
    pub(super) fn begin(input: &[u8]) -> Self {
        Self { layout: lab::layout(input.get(blank_prefix(input)..).unwrap_or_default()), ..Self::default() }
    }

    pub(super) const fn layout(&self) -> Layout {
        self.layout
    }

    pub(super) fn last_cseq(&self) -> Option<u32> {
        self.has_cseq.then_some(self.last_cseq)
    }

    pub(super) fn note_cseq(&mut self, cseq: Option<u32>) {
        (self.last_cseq, self.has_cseq) = (cseq.unwrap_or(0), cseq.is_some());
    }

    pub(super) fn port(&self) -> Option<u16> {
        (self.id > 0).then_some(self.rtp_port)
    }

    pub(super) fn connected_id(&self) -> Option<u32> {
        (self.id > 0).then_some(self.id)
    }

    /// CONNECT has made a session without a medium.
    pub(super) fn connect(&mut self, id: u32, rtp_port: u16) {
        (self.id, self.rtp_port) = (id, rtp_port);
    }

    pub(super) const fn payload(&self) -> Option<Payload> {
        self.payload
    }

    pub(super) const fn set_payload(&mut self, payload: Option<Payload>) {
        self.payload = payload;
    }

    /// How long the medium is that was set up, to a hundredth of a second.
    pub(super) fn length(&self) -> Length {
        let Self { frames, hundredths, .. } = *self;
        let time = Duration::from_millis(u64::from(hundredths).saturating_mul(10));
        Length { frames: (frames > 0).then_some(frames), time: (hundredths > 0).then_some(time) }
    }

    pub(super) fn set_length(&mut self, length: Length) {
        let hundredths = length.time.map_or(0, |time| time.as_millis() / 10);
        self.hundredths = u32::try_from(hundredths).unwrap_or(0);
        self.frames = length.frames.unwrap_or(0);
    }
}
