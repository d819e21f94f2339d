//! Ports for programs that want to be told one.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use anyhow::{Context, Result};

use super::work::random;

/// Below those that systems give to connections, so that none takes it before the program does.
const RANGE: (u64, u64) = (10_000, 30_000);

/// An even port that a program may take for one protocol. It is kept from other checks, which look at both, by what holds the other.
#[derive(Debug)]
pub(super) struct Port<T> {
    pub(super) number: u16,
    _held: T,
}

/// A port for a program that listens for connections.
pub(super) fn for_tcp() -> Result<Port<UdpSocket>> {
    let (number, _, held) = free()?;
    Ok(Port { number, _held: held })
}

/// A port for a program that receives datagrams.
pub(super) fn for_udp() -> Result<Port<TcpListener>> {
    let (number, held, _) = free()?;
    Ok(Port { number, _held: held })
}

/// A port that nobody has, for neither.
fn free() -> Result<(u16, TcpListener, UdpSocket)> {
    let (low, high) = RANGE;
    let tries = std::iter::repeat_with(|| (low + random() % (high - low)) as u16 & !1);
    let hold = |port| {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        Some((port, tcp, UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).ok()?))
    };
    tries.take(200).find_map(hold).context("there is no free port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_can_be_taken_for_what_it_is_meant_and_is_given_to_nobody_else() {
        let (tcp, udp) = (for_tcp().unwrap(), for_udp().unwrap());
        assert!(TcpListener::bind((Ipv4Addr::UNSPECIFIED, tcp.number)).is_ok());
        assert!(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, udp.number)).is_ok());
        assert!(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, tcp.number)).is_err());
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, udp.number)).is_err());
        assert_ne!(tcp.number, udp.number);
    }
}
