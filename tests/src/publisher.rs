//! One who publishes on the simulated network.

use crate::stage::URL;
use crate::strict_client::{Answer, StrictClient};
use crate::world::{SERVER, SERVER_PORT, World};
use core::net::SocketAddr;
use mutoscope::jpeg::Layout;
use mutoscope::rtp::fragment::{Fragments, jpeg};
use mutoscope::rtp::packet::Packet;
use mutoscope::rtp::sender::Sender;
use mutoscope::time::Instant;

/// One who publishes.
pub struct Publisher {
    /// The connection.
    pub client: StrictClient,
    /// Makes RTP headers.
    pub sender: Sender,
    /// The payload type that packets have.
    pub payload_type: u8,
    /// The timestamp of time zero.
    pub first_timestamp: u32,
    /// Media go over UDP.
    is_over_udp: bool,
}

impl Publisher {
    /// A publisher at 10.0.0.`host` that is connected.
    pub fn new(scene: &mut World, host: u8, is_over_udp: bool) -> Self {
        let client = scene.connect(host, URL);
        let sender = Sender::new(0xCAFE + u32::from(host), 65_500);
        Self { client, sender, payload_type: 26, first_timestamp: 1000, is_over_udp }
    }

    /// Announces a description with these streams.
    pub fn announce(&mut self, scene: &mut World, streams: &str) -> Answer {
        let body = format!("v=0\r\no=- 0 0 IN IP4 10.0.0.1\r\ns=No Name\r\nt=0 0\r\n{streams}");
        self.client
            .request("ANNOUNCE", &format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n", body.len()));
        self.client.send(body.as_bytes());
        scene.answer(&mut self.client)
    }

    /// Asks to set up the one stream.
    pub fn set_up(&mut self, scene: &mut World) -> Answer {
        let transport = if self.is_over_udp {
            "RTP/AVP/UDP;unicast;client_port=25000-25001;mode=record"
        } else {
            "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"
        };
        scene.ask(&mut self.client, "SETUP", &format!("Transport: {transport}\r\n"))
    }

    /// Asks to set up a track by its control, over what transport it says.
    pub fn set_up_track(&mut self, scene: &mut World, control: &str, transport: &str) -> Answer {
        self.client.cseq += 1;
        let (cseq, session) = (self.client.cseq, self.client.session.clone().expect("a session"));
        let request = format!(
            "SETUP {URL}/{control} RTSP/1.0\r\nCSeq: {cseq}\r\nSession: {session}\r\nTransport: {transport};mode=record\r\n\r\n"
        );
        self.client.send(request.as_bytes());
        scene.answer(&mut self.client)
    }

    /// Does all that comes before media.
    pub fn start(&mut self, scene: &mut World) {
        let streams = match self.payload_type {
            26 => "m=video 0 RTP/AVP 26\r\na=control:streamid=0\r\n".to_owned(),
            other => format!("m=video 0 RTP/AVP {other}\r\na=rtpmap:{other} JPEG/90000\r\na=control:streamid=0\r\n"),
        };
        assert_eq!(self.announce(scene, &streams).status, 200);
        assert_eq!(self.set_up(scene).status, 200);
        assert_eq!(scene.ask(&mut self.client, "RECORD", "Range: npt=0.000-\r\n").status, 200);
    }

    /// The packets of a picture that is taken at `now`.
    pub fn packets(&mut self, picture: &[u8], now: Instant) -> Vec<Vec<u8>> {
        let timestamp = self.first_timestamp.wrapping_add((now.as_micros() * 9 / 100) as u32);
        let format = Layout::parse(picture).expect("a JPEG").rtp_format().expect("one that RTP/JPEG carries");
        let fragments = Fragments::Jpeg(jpeg::Fragments::new(&format, 1200));
        let mut packets = vec![];
        while let Some(packet) = Packet::new(&self.sender, timestamp, &fragments, packets.len() as u32, picture) {
            let mut bytes = packet.segments().concat();
            bytes[1] = bytes[1] & 0x80 | self.payload_type;
            packets.push(bytes);
            self.sender.commit(packet.payload_len());
        }
        packets
    }

    /// Sends a packet.
    pub fn send(&mut self, packet: &[u8]) {
        if self.is_over_udp {
            self.client.send_rtp(SocketAddr::from((SERVER, SERVER_PORT.0)), packet);
        } else {
            self.send_on(0, packet);
        }
    }

    /// Sends a packet on a channel of the connection.
    pub fn send_on(&mut self, channel: u8, packet: &[u8]) {
        let [high, low] = (packet.len() as u16).to_be_bytes();
        self.client.send(&[&[b'$', channel, high, low], packet].concat());
    }

    /// Sends a picture that is taken at `now`.
    pub fn publish(&mut self, picture: &[u8], now: Instant) {
        self.packets(picture, now).iter().for_each(|packet| self.send(packet));
    }
}
