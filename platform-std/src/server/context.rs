//! Which client the server is busy with.

use std::cell::Cell;
use std::net::SocketAddr;

thread_local! {
    static PEER: Cell<Option<SocketAddr>> = const { Cell::new(None) };
}

/// The client that a server on this thread is serving at this moment. Inside of a logger, that is the client that the line
/// is about: the core's machines do not know whom they serve, so their lines do not say it.
pub fn served_peer() -> Option<SocketAddr> {
    PEER.get()
}

/// Does `work`, all of which is for this client.
pub(super) fn serving<R>(peer: SocketAddr, work: impl FnOnce() -> R) -> R {
    PEER.set(Some(peer));
    let result = work();
    PEER.set(None);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_known_while_it_is_served_and_no_longer() {
        let peer = SocketAddr::from(([10, 0, 0, 7], 40_000));
        assert_eq!(serving(peer, served_peer), Some(peer));
        assert_eq!(served_peer(), None);
    }
}
