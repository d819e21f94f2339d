//! What copies of the lab's exercise ask for beside the classic four.

use super::{Context, Guard, Peer, Sockets};
use crate::io::outlet::Outlet;
use crate::io::{Datagram, Stream};
use crate::media::Extent;
use crate::media::catalogue::{Catalogue, Entry, Medium};
use crate::session::State;
use crate::time::{Duration, Instant};
use crate::wire::lab::Length;
use crate::wire::lab::extra::{Extra, Listing};
use crate::wire::rtsp::StatusCode;

impl<B: AsRef<[u8]> + AsMut<[u8]>, M: Medium, G: Guard> Peer<B, M, G> {
    pub(super) fn handle_lab<C: Catalogue<Medium = M>>(
        &mut self,
        context: Context<'_>,
        extra: Extra,
        catalogue: &C,
        guard: &G,
    ) {
        let Context { now, waker, .. } = context;
        let is_playing = self.connection.state() == State::Playing;
        match (extra, &mut self.stream) {
            (Extra::Describe, Some(_)) => {
                let frames = self.connection.lab_length().frames.unwrap_or(0);
                self.connection.answer_description(now, frames);
            }
            (Extra::Describe, None) => match catalogue.find(self.connection.resource()) {
                Some(medium) => {
                    let length = medium.entry(waker).ok().map(|entry| length(&entry)).unwrap_or_default();
                    self.connection.answer_description(now, length.frames.unwrap_or(0));
                }
                None => self.connection.refuse(now, StatusCode::NOT_FOUND, ""),
            },
            (Extra::List(listing), stream) => {
                if let (Listing::Switch, Some(stream)) = (listing, stream) {
                    stream.pause();
                }
                let visit = &self.visit;
                let mut tell = |each: &mut dyn FnMut(&str) -> bool| {
                    // To ask the guard takes longer than to pass over what there is no room for.
                    let mut wants_more = true;
                    catalogue.tell_names(&mut |name| {
                        if wants_more && guard.may_know(visit, name) {
                            wants_more = each(name);
                        }
                    });
                };
                self.connection.answer_list(now, &mut tell);
            }
            (Extra::Move(moved), stream) => {
                if let Some(stream) = stream {
                    stream.jump(now, moved.to, is_playing && !moved.stops, self.connection.lab_length());
                }
                self.connection.answer_lab(now);
            }
            (_, stream) => {
                if let (Extra::Faster, Some(stream), true) = (extra, stream, is_playing) {
                    stream.hasten(now);
                }
                self.connection.answer_lab(now);
            }
        }
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, M: Medium, G: Guard> Peer<B, M, G> {
    /// What is under way is sent to its end, before something else is.
    pub(super) fn finish_frame<T: Stream, D: Datagram, E: Datagram>(
        &mut self,
        now: Instant,
        sockets: Sockets<'_, T, D, E>,
    ) {
        let Some(stream) = &mut self.stream else { return };
        let (connection, addresses, transport) = (&mut self.connection, self.addresses, stream.transport());
        let protect = self.protection.sealer();
        stream.finish_frame(now, &mut Outlet { now, connection, sockets, addresses, transport, protect });
    }
}

/// How long a medium is, where it has an end.
pub(super) fn length(entry: &Entry<'_>) -> Length {
    let Some(micros) = entry.extent.micros(entry.frame_rate).filter(|_| entry.extent.has_end()) else {
        return Length::default();
    };
    let frames = match entry.extent {
        Extent::Frames { count, .. } => count.into(),
        _ => entry.frame_rate.frames_in(micros),
    };
    Length {
        frames: u32::try_from(frames).ok().filter(|&frames| frames > 0),
        time: Some(Duration::from_micros(micros)),
    }
}
