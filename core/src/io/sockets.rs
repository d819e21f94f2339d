//! What a pump moves bytes between, for one call.

/// The sockets of one control connection and its media, of a server's client as of a player, lent for one call.
#[derive(Debug)]
pub struct Sockets<'a, T, D, E> {
    /// The control connection.
    pub control: &'a mut T,
    /// For RTP. A server may share it among all clients; a player does not use it before it has asked for ports, nor
    /// where media comes over the control connection.
    pub rtp: &'a mut D,
    /// For RTCP; the same holds. What a server's receives is handed over by
    /// [`Peer::handle_rtcp`](crate::io::server::Peer::handle_rtcp).
    pub rtcp: &'a mut E,
}

impl<T, D, E> Sockets<'_, T, D, E> {
    /// The same, for a part of the turn.
    pub(super) const fn reborrow(&mut self) -> Sockets<'_, T, D, E> {
        Sockets { control: self.control, rtp: self.rtp, rtcp: self.rtcp }
    }
}
