//! Moves bytes between a [`Player`] and any [`Stream`] and [`Datagram`]s. Waiting and opening sockets are the adapter's.
//!
//! ```text
//! loop {
//!     while player.poll_demand() ── Connect ──► connect, handle_connected
//!                                ── OpenPorts ► bind two ports, handle_ports
//!                                ── Close ────► Pump::finish, drop the sockets
//!     while Pump::service gives an event: use it
//!     wait for a socket or until Pump::poll_timeout
//! }
//! ```

#[cfg(test)]
mod tests;

use super::{Datagram, Sockets, Stream, Transmit};
use crate::player::{Event, MAX_DATAGRAM, Player, Port};
use crate::time::Instant;
use embedded_io::{Error as _, ErrorKind};

/// Reads per call of [`Pump::service`], so that a flood cannot keep the caller from its goals.
const READS_PER_CALL: u32 = 256;
/// Bytes of the control connection per call, for the same reason: with a large buffer, few reads are much to go through.
const BYTES_PER_CALL: usize = 512 * 1024;
/// Reads on the way out. A connection that is closed with unread bytes is reset, and what we have said last may be lost.
const READS_AT_THE_END: u32 = 64;

/// What a pump remembers from call to call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pump {
    /// The last call stopped with work left.
    more: bool,
    /// Why the control connection broke.
    broken: Option<ErrorKind>,
}

impl Pump {
    /// Does all that can be done now, up to the next event. Never blocks.
    ///
    /// `None`: see to [`Player::poll_demand`], then call again when a socket is ready or
    /// [`poll_timeout`](Self::poll_timeout) passes.
    pub fn service<B, F, const SLOTS: usize, T, D, E>(
        &mut self,
        now: Instant,
        player: &mut Player<B, F, SLOTS>,
        sockets: Sockets<'_, T, D, E>,
    ) -> Option<Event>
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
        F: AsRef<[u8]> + AsMut<[u8]>,
        T: Stream,
        D: Datagram,
        E: Datagram,
    {
        self.more = false;
        let mut link = Link { now, player, sockets, broken: &mut self.broken };
        // Reports and requests that are due come first, because a flood of input may never end.
        link.send();
        link.receive_rtcp();
        let mut bytes = 0_usize;
        for _ in 0..READS_PER_CALL {
            if bytes >= BYTES_PER_CALL {
                break;
            }
            if let Some(event) = link.player.poll_event(now) {
                return link.give_out(event);
            }
            // RTCP waits until there is no RTP, so that a packet costs one call to the system and not two.
            let mut received = link.receive_rtp();
            if !received || link.player.takes_media_at_both_ports() {
                received |= link.receive_rtcp();
            }
            let read = link.read();
            bytes = bytes.saturating_add(read.unwrap_or(0));
            if received || read.is_some() || link.write() {
                continue;
            }
            link.player.handle_timeout(now);
            if let Some(event) = link.player.poll_event(now) {
                return link.give_out(event);
            }
            // What the deadlines have brought about.
            link.send();
            return None;
        }
        // A frame would have ended the call, so this flood brings none. Reports and requests leave all the same.
        self.more = true;
        link.player.handle_flood();
        if let Some(event) = link.player.poll_event(now) {
            return link.give_out(event);
        }
        link.send();
        None
    }

    /// Why the control connection broke, for [`Failure::Broken`](crate::player::Failure::Broken).
    pub const fn broken(&self) -> Option<ErrorKind> {
        self.broken
    }

    /// When to call [`service`](Self::service) though no socket became ready; in the past where work is left.
    pub fn poll_timeout<B, F, const SLOTS: usize>(&self, player: &Player<B, F, SLOTS>) -> Option<Instant>
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
        F: AsRef<[u8]> + AsMut<[u8]>,
    {
        if self.more { Some(Instant::default()) } else { player.poll_timeout() }
    }

    /// Sends BYE and TEARDOWN as far as the sockets take them at once, before the sockets are closed.
    pub fn finish<B, F, const SLOTS: usize, T, D, E>(
        &mut self,
        now: Instant,
        player: &mut Player<B, F, SLOTS>,
        sockets: Sockets<'_, T, D, E>,
    ) where
        B: AsRef<[u8]> + AsMut<[u8]>,
        F: AsRef<[u8]> + AsMut<[u8]>,
        T: Stream,
        D: Datagram,
        E: Datagram,
    {
        self.more = false;
        let mut link = Link { now, player, sockets, broken: &mut self.broken };
        link.send();
        for _ in 0..READS_AT_THE_END {
            let into = link.player.rx_buffer();
            let ready = !into.is_empty() && link.sockets.control.read_ready().unwrap_or(false);
            if !ready || !link.sockets.control.read(into).is_ok_and(|n| n > 0) {
                break;
            }
        }
    }
}

/// A player and its sockets in one call.
struct Link<'a, 'p, B, F, const SLOTS: usize, T, D, E> {
    now: Instant,
    player: &'p mut Player<B, F, SLOTS>,
    sockets: Sockets<'a, T, D, E>,
    broken: &'p mut Option<ErrorKind>,
}

impl<B, F, const SLOTS: usize, T, D, E> Link<'_, '_, B, F, SLOTS, T, D, E>
where
    B: AsRef<[u8]> + AsMut<[u8]>,
    F: AsRef<[u8]> + AsMut<[u8]>,
    T: Stream,
    D: Datagram,
    E: Datagram,
{
    /// Sends reports and requests that are due.
    fn send(&mut self) {
        let mut buffer = [0; MAX_DATAGRAM];
        while let Some(outgoing) = self.player.poll_datagram(self.now, &mut buffer) {
            let bytes = buffer.get(..outgoing.len).unwrap_or_default();
            let (segments, to) = ([bytes], outgoing.to);
            let transmit = Transmit::one(to, &segments);
            let sent = match outgoing.port {
                Port::Rtp => self.sockets.rtp.send(&transmit).unwrap_or(0),
                Port::Rtcp => self.sockets.rtcp.send(&transmit).unwrap_or(0),
            };
            if sent == 0 {
                debug!("a datagram to the server was not sent");
            }
        }
        self.write();
    }

    /// Requests that the event has brought about leave with it. Reports wait for the next call: what the event lends is
    /// gone when the player is asked for them.
    fn give_out(&mut self, event: Event) -> Option<Event> {
        self.write();
        Some(event)
    }

    fn receive_rtp(&mut self) -> bool {
        let Self { now, player, sockets, .. } = self;
        player.takes_datagrams()
            && receive(sockets.rtp, |from, bytes| player.handle_datagram(*now, Port::Rtp, from, bytes))
    }

    fn receive_rtcp(&mut self) -> bool {
        let Self { now, player, sockets, .. } = self;
        player.takes_datagrams()
            && receive(sockets.rtcp, |from, bytes| player.handle_datagram(*now, Port::Rtcp, from, bytes))
    }

    /// Bytes that came, 0 where it ended; `None` where there is nothing to read.
    fn read(&mut self) -> Option<usize> {
        let into = self.player.rx_buffer();
        if into.is_empty() {
            return None;
        }
        let read = match self.sockets.control.read_ready() {
            Ok(false) => return None,
            Ok(true) => self.sockets.control.read(into),
            Err(error) => Err(error),
        };
        match read {
            Ok(0) => self.player.handle_close(self.now),
            Ok(n) => self.player.handle_input(self.now, n),
            Err(ref error) => self.fail(error.kind()),
        }
        Some(read.unwrap_or(0))
    }

    fn write(&mut self) -> bool {
        let bytes = self.player.poll_transmit();
        if bytes.is_empty() {
            return false;
        }
        match self.sockets.control.try_write(&[bytes]) {
            Ok(None) => return false,
            Ok(Some(n)) => self.player.consume_transmit(self.now, n),
            Err(error) => self.fail(error.kind()),
        }
        true
    }

    fn fail(&mut self, kind: ErrorKind) {
        *self.broken = Some(kind);
        self.player.handle_broken(self.now);
    }
}

/// Whether anything came. What a socket reports of earlier datagrams is no reason to stop.
fn receive<D: Datagram>(socket: &mut D, take: impl FnOnce(core::net::SocketAddr, &[u8])) -> bool {
    matches!(socket.recv(|meta, bytes| take(meta.from, bytes)), Ok(Some(())))
}
