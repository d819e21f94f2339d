//! The core's client on smoltcp: it sets up, plays, and says of every frame whether it is one of the movie's.
#![allow(dead_code, unreachable_pub, reason = "a module of a test")]

use crate::support::{Host, tcp_socket, udp_socket};
use mutoscope::io::Sockets;
use mutoscope::io::client::Pump;
use mutoscope::jpeg::Layout;
use mutoscope::player::{Demand, Dialect, Event, Failure, Goal, Player, Settings, Transport};
use mutoscope::time::{Duration, Instant};
use mutoscope_smoltcp::tcp::TcpStream;
use mutoscope_smoltcp::udp::UdpSocket;
use smoltcp::iface::SocketHandle;
use smoltcp::phy::Device;
use smoltcp::socket::{Socket, tcp, udp};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;

/// The scans of a movie, by which its frames are known again.
pub type Scans = Rc<HashMap<Vec<u8>, u32>>;

pub struct Watcher {
    player: Player<Vec<u8>, Vec<u8>, 3>,
    pump: Pump,
    handles: [SocketHandle; 3],
    server: SocketAddr,
    ports: (u16, u16),
    connected: bool,
    scans: Scans,
    /// Frames that came, all of them whole.
    pub frames: u64,
    /// The movie's number of the last one.
    pub last: Option<u32>,
    /// How often a frame was not the one after the last.
    pub gaps: u64,
    /// Frames that are none of the movie's.
    pub damaged: u64,
    pub playing: bool,
    /// Why it has ended.
    pub over: Option<Failure>,
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
        let settings = Settings {
            dialect: Dialect::Standard,
            transport: if udp { Transport::Udp } else { Transport::Tcp },
            silence: Duration::from_secs(5),
            // A bad network may be silent for long.
            stall_timeout: Duration::from_secs(24 * 3600),
            ..Settings::default()
        };
        let frames = [vec![0; 32_768], vec![0; 32_768], vec![0; 32_768]];
        let mut player = Player::new(url, vec![0; 8192], vec![0; 2048], frames, settings, port.into()).unwrap();
        player.handle_goal(Goal::Play { from: None });
        Self {
            player,
            pump: Pump::default(),
            handles,
            server,
            ports: (port + 1, port + 2),
            connected: false,
            scans,
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
        let socket = host.sockets.get::<tcp::Socket<'_>>(self.handles[0]);
        self.connected |= socket.may_send();
        if !self.connected {
            self.over = (!socket.is_open()).then_some(Failure::Unreachable);
            return None;
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
            let (mut control, mut rtp, mut rtcp) = (TcpStream::new(control), udp_on(rtp, ip_mtu), udp_on(rtcp, ip_mtu));
            let sockets = Sockets { control: &mut control, rtp: &mut rtp, rtcp: &mut rtcp };
            match self.pump.service(now, &mut self.player, sockets) {
                Some(event) => self.handle(event),
                None => match self.player.poll_demand() {
                    Some(Demand::Connect { .. }) => _ = self.player.handle_connected(self.server),
                    Some(Demand::OpenPorts) => self.player.handle_ports(Some(self.ports)),
                    Some(Demand::Close) => {}
                    None => break,
                },
            }
        }
        self.pump.poll_timeout(&self.player).map(|at| at.max(now))
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Frame(_) => {
                let file = self.player.frame();
                let scan = Layout::parse(file).map(|layout| layout.scan.of(file));
                let number = scan.ok().and_then(|scan| self.scans.get(scan)).copied();
                self.frames += 1;
                self.damaged += u64::from(number.is_none());
                let count = self.scans.len() as u32;
                let expected = self.last.map(|last| (last + 1) % count);
                self.gaps += u64::from(expected.is_some() && expected != number);
                self.last = number;
            }
            Event::Playing { .. } => self.playing = true,
            Event::Failed(failure) => self.over = Some(failure),
            _ => {}
        }
    }
}

fn udp_on<'s>(socket: &'s mut udp::Socket<'static>, ip_mtu: usize) -> UdpSocket<'s, 'static> {
    UdpSocket::new(socket, ip_mtu)
}
