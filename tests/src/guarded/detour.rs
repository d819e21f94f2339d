//! A way to a server on which no datagram arrives: what is asked for over UDP goes to a port that nobody reads.

use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;

/// Passes connections on for as long as the process lives. Returns where it listens.
pub fn without_datagrams(server: SocketAddr) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let here = listener.local_addr()?;
    let (nobody, port) = pair()?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // Where the server takes no connection, the client's is closed.
            if let Ok(server) = TcpStream::connect(server) {
                let _ = pass(client, server, port);
            }
        }
        drop(nobody);
    });
    Ok(here)
}

/// Two sockets at an even port and the next.
fn pair() -> Result<([UdpSocket; 2], u16)> {
    let bind = |port: u16| UdpSocket::bind((Ipv4Addr::LOCALHOST, port));
    let mut attempts = (0..100).filter_map(|_| {
        let first = bind(0).ok()?;
        let port = first.local_addr().ok()?.port();
        let second = (port % 2 == 0).then(|| bind(port.checked_add(1)?).ok())??;
        Some(([first, second], port))
    });
    attempts.next().context("no two ports are free")
}

fn pass(client: TcpStream, server: TcpStream, port: u16) -> std::io::Result<()> {
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        // Clients send a request at once.
        while let Ok(len @ 1..) = from_client.read(&mut chunk) {
            if to_server.write_all(&elsewhere(&chunk[..len], port)).is_err() {
                break;
            }
        }
        let _ = to_server.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let (mut server, mut client) = (server, client);
        let _ = std::io::copy(&mut server, &mut client);
        let _ = client.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// A request whose client has these ports.
fn elsewhere(request: &[u8], port: u16) -> Vec<u8> {
    const NAME: &str = "client_port=";
    let Ok(text) = std::str::from_utf8(request) else { return request.to_vec() };
    let Some((before, after)) = text.split_once(NAME) else { return request.to_vec() };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
    format!("{before}{NAME}{port}-{}{rest}", port.saturating_add(1)).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_replaced_and_nothing_else() {
        let setup = b"SETUP x RTSP/1.0\r\nTransport: RTP/AVP;client_port=5000-5001;x=1\r\n\r\n";
        let replaced = elsewhere(setup, 40000);
        let expected = b"SETUP x RTSP/1.0\r\nTransport: RTP/AVP;client_port=40000-40001;x=1\r\n\r\n";
        assert_eq!(replaced, expected);
        for other in [&b"PLAY x RTSP/1.0\r\n\r\n"[..], &[0xff, 0, 1]] {
            assert_eq!(elsewhere(other, 40000), other);
        }
    }
}
