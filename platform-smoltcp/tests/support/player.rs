//! A client that says what it is told to say and writes down what it gets.
#![allow(unreachable_pub, reason = "a module of a test")]

use std::collections::VecDeque;
use std::net::SocketAddr;

use mutoscope::wire::rtp::{Packet, Repr};
use mutoscope::wire::rtp_jpeg::Payload;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::{tcp, udp};

use crate::support::{Host, tcp_socket, udp_socket};

pub struct Player {
    pub control: SocketHandle,
    rtp: SocketHandle,
    rtcp: SocketHandle,
    pub rtp_port: u16,
    inbox: Vec<u8>,
    /// Answers that nobody has looked at.
    pub answers: VecDeque<String>,
    /// How many came in all.
    pub answered: usize,
    /// Requests that were answered when the first packet came.
    pub answered_before_media: Option<usize>,
    /// Whole frames, in the order of their last packets.
    pub frames: Vec<Vec<u8>>,
    frame: Vec<u8>,
    timestamp: Option<u32>,
    pub sequence: Vec<u16>,
    /// Bytes of the longest RTP packet.
    pub longest: usize,
    /// It speaks the lab dialect: packets up to the one with the marker carry a file.
    pub lab: bool,
    pub reports: Vec<Vec<u8>>,
    /// Where media came from.
    pub senders: Vec<SocketAddr>,
}

impl Player {
    /// Sends a few bytes from where it receives RTP, as clients do to open their firewalls.
    pub fn punch(&self, host: &mut Host, to: SocketAddr) {
        host.sockets.get_mut::<udp::Socket<'_>>(self.rtp).send_slice(b"punch", to).unwrap();
    }

    pub fn new(host: &mut Host, rtp_port: u16) -> Self {
        Self {
            control: host.sockets.add(tcp_socket(4096)),
            rtp: host.sockets.add(udp_socket(rtp_port, 64, 100_000)),
            rtcp: host.sockets.add(udp_socket(rtp_port + 1, 32, 16_384)),
            rtp_port,
            inbox: Vec::new(),
            answers: VecDeque::new(),
            answered: 0,
            answered_before_media: None,
            frames: Vec::new(),
            frame: Vec::new(),
            timestamp: None,
            sequence: Vec::new(),
            longest: 0,
            lab: false,
            reports: Vec::new(),
            senders: Vec::new(),
        }
    }

    pub fn say(&self, host: &mut Host, bytes: &[u8]) {
        let sent = host.sockets.get_mut::<tcp::Socket<'_>>(self.control).send_slice(bytes).unwrap();
        assert_eq!(sent, bytes.len());
    }

    pub fn report(&self, host: &mut Host, to: SocketAddr, bytes: &[u8]) {
        let endpoint = smoltcp::wire::IpEndpoint::from(to);
        host.sockets.get_mut::<udp::Socket<'_>>(self.rtcp).send_slice(bytes, endpoint).unwrap();
    }

    /// Takes what has come.
    pub fn pump(&mut self, host: &mut Host) {
        let socket = host.sockets.get_mut::<tcp::Socket<'_>>(self.control);
        while socket.can_recv() {
            let inbox = &mut self.inbox;
            let _ = socket.recv(|bytes| (bytes.len(), inbox.extend_from_slice(bytes)));
        }
        while self.take_message() {}
        while let Ok((bytes, from)) = host.sockets.get_mut::<udp::Socket<'_>>(self.rtp).recv() {
            self.senders.push(SocketAddr::from(from.endpoint));
            self.handle_rtp(bytes);
        }
        while let Ok((bytes, _)) = host.sockets.get_mut::<udp::Socket<'_>>(self.rtcp).recv() {
            self.reports.push(bytes.to_vec());
        }
    }

    fn take_message(&mut self) -> bool {
        let len = if self.inbox.first() == Some(&b'$') {
            let Some(&[_, channel, high, low]) = self.inbox.first_chunk() else { return false };
            let len = 4 + usize::from(u16::from_be_bytes([high, low]));
            let Some(packet) = self.inbox.get(4..len) else { return false };
            let packet = packet.to_vec();
            match channel {
                0 => self.handle_rtp(&packet),
                1 => self.reports.push(packet),
                _ => panic!("a packet on channel {channel}"),
            }
            len
        } else {
            let text = String::from_utf8_lossy(&self.inbox);
            let blank = if self.lab { "\n\n" } else { "\r\n\r\n" };
            let Some(head) = text.find(blank) else { return false };
            let body =
                text.split("\r\n").find_map(|line| line.strip_prefix("Content-Length: ")).map(str::parse::<usize>);
            let len = head + blank.len() + body.map_or(0, Result::unwrap);
            let Some(answer) = self.inbox.get(..len) else { return false };
            self.answers.push_back(String::from_utf8(answer.to_vec()).unwrap());
            self.answered += 1;
            len
        };
        self.inbox.drain(..len);
        true
    }

    fn handle_rtp(&mut self, bytes: &[u8]) {
        self.answered_before_media.get_or_insert(self.answered);
        self.longest = self.longest.max(bytes.len());
        let packet = Packet::new_checked(bytes).unwrap();
        let repr = Repr::parse(&packet);
        self.sequence.push(repr.sequence);
        if self.lab {
            self.frame.extend_from_slice(packet.payload());
            if repr.marker {
                self.frames.push(core::mem::take(&mut self.frame));
            }
            return;
        }
        let payload = Payload::parse(packet.payload()).unwrap();
        let offset = payload.main.fragment_offset as usize;
        if offset == 0 {
            self.frame.clear();
            self.timestamp = Some(repr.timestamp);
            assert_eq!(payload.quantization.unwrap().tables.len(), 128);
        }
        if self.timestamp != Some(repr.timestamp) || offset != self.frame.len() {
            // Something was lost; the rest of the frame is of no use.
            self.timestamp = None;
            return;
        }
        self.frame.extend_from_slice(payload.data);
        if repr.marker {
            self.frames.push(core::mem::take(&mut self.frame));
            self.timestamp = None;
        }
    }
}
