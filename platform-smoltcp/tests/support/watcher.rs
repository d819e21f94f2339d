//! The core's client on smoltcp: it sets up, plays, and says of every frame whether it is one of the movie's.
#![allow(dead_code, unreachable_pub, reason = "a module of a test")]

use crate::support::{Host, tcp_socket, udp_socket};
use mutoscope::io::client::{Client, Event, Settings};
use mutoscope::jpeg::Layout;
use mutoscope::session::client::{self as session, Connection};
use mutoscope::session::{Dialect, MediaTransport};
use mutoscope::time::{Duration, Instant, WallClock};
use mutoscope_smoltcp::tcp::TcpStream;
use mutoscope_smoltcp::udp::UdpSocket;
use smoltcp::iface::SocketHandle;
use smoltcp::phy::Device;
use smoltcp::socket::{Socket, tcp, udp};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;

const SETTINGS: Settings<'static> = Settings {
    reorder_delay: Duration::from_millis(100),
    playout_delay: Duration::ZERO,
    silence: Duration::from_secs(5),
    wall: WallClock { at_zero: mutoscope::time::NtpTime::from_bits(0) },
    cname: "watcher@test",
};

/// The scans of a movie, by which its frames are known again.
pub type Scans = Rc<HashMap<Vec<u8>, u32>>;

pub struct Watcher {
    client: Client<Vec<u8>, Vec<u8>, 3>,
    handles: [SocketHandle; 3],
    offer: MediaTransport,
    scans: Scans,
    described: bool,
    /// Frames that came, all of them whole.
    pub frames: u64,
    /// The movie's number of the last one.
    pub last: Option<u32>,
    /// How often a frame was not the one after the last.
    pub gaps: u64,
    /// Frames that are none of the movie's.
    pub damaged: u64,
    pub playing: bool,
    /// The server has closed, or what it said was no RTSP.
    pub over: Option<session::Event>,
    /// While it is not, TCP's window closes.
    pub reads: bool,
}

impl Watcher {
    /// Connects from `port`; media over UDP comes to the two ports behind it.
    pub fn connect(host: &mut Host, server: SocketAddr, url: &'static str, udp: bool, port: u16, scans: Scans) -> Self {
        let handles = [
            host.sockets.add(tcp_socket(8192)),
            host.sockets.add(udp_socket(port + 1, 64, 100_000)),
            host.sockets.add(udp_socket(port + 2, 8, 8192)),
        ];
        host.connect(handles[0], server.ip(), server.port(), port);
        let offer = if udp {
            MediaTransport::Udp { rtp_port: port + 1, rtcp_port: port + 2 }
        } else {
            MediaTransport::Interleaved { rtp_channel: 0, rtcp_channel: 1 }
        };
        let config = session::Config::default();
        let connection = Connection::new(vec![0; 8192], vec![0; 2048], url, Dialect::Standard, config).unwrap();
        let buffers = [vec![0; 32_768], vec![0; 32_768], vec![0; 32_768]];
        Self {
            client: Client::new(connection, buffers, server, u32::from(port)),
            handles,
            offer,
            scans,
            described: false,
            frames: 0,
            last: None,
            gaps: 0,
            damaged: 0,
            playing: false,
            over: None,
            reads: true,
        }
    }

    /// Resets its connection.
    pub fn abort(&self, host: &mut Host) {
        host.sockets.get_mut::<tcp::Socket<'_>>(self.handles[0]).abort();
    }

    /// Gives its sockets back.
    pub fn leave(self, host: &mut Host) {
        for handle in self.handles {
            host.sockets.remove(handle);
        }
    }

    /// Does all that can be done now, and says when it wants to be asked again.
    pub fn pump(&mut self, now: Instant, host: &mut Host) -> Option<Instant> {
        if self.over.is_some() || !self.reads {
            return None;
        }
        let connected = host.sockets.get::<tcp::Socket<'_>>(self.handles[0]).may_send();
        if connected && !self.described {
            self.described = self.client.describe(now).is_ok();
        }
        let ip_mtu = host.device.capabilities().ip_mtu();
        let [control, rtp, rtcp] = self.handles;
        let mut sockets = (None, None, None);
        for (handle, socket) in host.sockets.iter_mut() {
            match socket {
                Socket::Tcp(socket) if handle == control => sockets.0 = Some(socket),
                Socket::Udp(socket) => match handle {
                    _ if handle == rtp => sockets.1 = Some(socket),
                    _ if handle == rtcp => sockets.2 = Some(socket),
                    _ => {}
                },
                _ => {}
            }
        }
        let (Some(control), Some(rtp), Some(rtcp)) = sockets else { panic!("its sockets are gone") };
        loop {
            let mut streams = (TcpStream::new(control), udp_on(rtp, ip_mtu), udp_on(rtcp, ip_mtu));
            let event = self.client.service(now, &mut streams.0, &mut streams.1, &mut streams.2, &SETTINGS);
            let Some(event) = event else { break };
            self.handle(now, event);
        }
        self.client.poll_timeout().map(|at| at.max(now))
    }

    fn handle(&mut self, now: Instant, event: Event) {
        match event {
            Event::Frame(_) => {
                let file = self.client.frame();
                let scan = Layout::parse(file).map(|layout| layout.scan.of(file));
                let number = scan.ok().and_then(|scan| self.scans.get(scan)).copied();
                self.frames += 1;
                self.damaged += u64::from(number.is_none());
                let count = self.scans.len() as u32;
                let expected = self.last.map(|last| (last + 1) % count);
                self.gaps += u64::from(expected.is_some() && expected != number);
                self.last = number;
            }
            Event::Session(session::Event::Described(_)) => self.client.setup(now, self.offer).unwrap(),
            Event::Session(session::Event::SetUp(_)) => self.client.play(now, None).unwrap(),
            Event::Session(session::Event::Playing(_)) => self.playing = true,
            Event::Session(event @ (session::Event::ServerClosed | session::Event::Failed(_))) => {
                self.over = Some(event)
            }
            // A keep-alive that got lost on a bad network.
            Event::Session(_) | Event::Silence { .. } | Event::EndOfStream => {}
            _ => {}
        }
    }
}

fn udp_on<'s>(socket: &'s mut udp::Socket<'static>, ip_mtu: usize) -> UdpSocket<'s, 'static> {
    UdpSocket::new(socket, ip_mtu)
}
