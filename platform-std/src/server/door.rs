//! Who decides about clients: what a [`Guard`] needs of a server.

use std::net::{IpAddr, SocketAddr};

use mutoscope::io::server::{Guard, Open};

use crate::guard::Gate;

/// A guard of a server's clients.
pub trait Door: Guard {
    /// Whether a connection from there is taken at all.
    fn lets_in(&self, peer: SocketAddr) -> bool;

    /// Whether there is anybody who could log in. Then those who have not are strangers, who may not take all places.
    fn asks_who_it_is(&self) -> bool;

    /// Whether somebody has logged in from there and is still there.
    fn is_inside(&self, address: IpAddr) -> bool;
}

impl Door for Open {
    fn lets_in(&self, _: SocketAddr) -> bool {
        true
    }

    fn asks_who_it_is(&self) -> bool {
        false
    }

    fn is_inside(&self, _: IpAddr) -> bool {
        false
    }
}

impl Door for Gate {
    fn lets_in(&self, peer: SocketAddr) -> bool {
        self.lets_in(peer)
    }

    fn asks_who_it_is(&self) -> bool {
        !self.rules().users.is_empty()
    }

    fn is_inside(&self, address: IpAddr) -> bool {
        self.is_inside(address)
    }
}

impl<D: Door> Door for &D {
    fn lets_in(&self, peer: SocketAddr) -> bool {
        (**self).lets_in(peer)
    }

    fn asks_who_it_is(&self) -> bool {
        (**self).asks_who_it_is()
    }

    fn is_inside(&self, address: IpAddr) -> bool {
        (**self).is_inside(address)
    }
}
