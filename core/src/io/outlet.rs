//! Where packets leave: UDP sockets, or the control connection's interleaved channels.
//!
//! A packet leaves as `[RTP header, payload header][slice of the frame][trailer]`, or as what a [`Protect`] makes of these.

use super::{Datagram, Sockets, Stream, Transmit};
use crate::address::{Addresses, at_port};
use crate::rtp::packet::Packet;
use crate::rtp::protect::{Protect, Unprotected};
use crate::session::MediaTransport;
use crate::session::server::Connection;
use crate::time::Instant;
use crate::wire::rtp::HEADER_LEN;
use crate::wire::rtsp::Interleaved;

/// What became of packets handed to an [`Outlet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// So many of them left or are queued to leave, from the first one on; fewer than there were: there is no room now for
    /// the rest. Never none.
    Taken(usize),
    /// There is no room now; nothing left.
    Full,
    /// The network refused them (no route, peer's port closed): for UDP that is a loss like any other.
    Lost,
}

/// One client's way out, over either transport.
pub(super) struct Outlet<'a, B, T, D, E, P> {
    pub now: Instant,
    pub connection: &'a mut Connection<B>,
    pub sockets: Sockets<'a, T, D, E>,
    /// Media goes to the address the RTSP connection comes from and nowhere else, whatever `destination` a client asks for.
    /// Its port is not that of media.
    pub addresses: Addresses,
    pub transport: MediaTransport,
    /// What encrypts packets between the stream and the socket, if anything does. All above it is in a program once, and not for
    /// each kind of protection.
    pub protect: Option<&'a mut P>,
}

impl<B, T, D, E, P> Outlet<'_, B, T, D, E, P>
where
    B: AsRef<[u8]> + AsMut<[u8]>,
    T: Stream,
    D: Datagram,
    E: Datagram,
    P: Protect,
{
    /// Most packets that [`send`](Self::send) takes in one call.
    pub(super) fn max_train(&self) -> usize {
        match self.transport {
            MediaTransport::Udp { .. } => self.sockets.rtp.max_datagrams().max(1),
            MediaTransport::Interleaved { .. } => usize::MAX,
        }
    }

    /// The largest RTP payload that can leave, so that the packet is no larger than with `wanted` bytes of it after
    /// protection has added its own. A packet longer than the whole transmit buffer could not be kept where the socket takes a
    /// part of it.
    pub(super) fn payload_limit(&self, wanted: usize) -> usize {
        let most = match self.transport {
            MediaTransport::Udp { .. } => wanted,
            MediaTransport::Interleaved { .. } => {
                wanted.min(self.connection.max_interleaved().saturating_sub(HEADER_LEN))
            }
        };
        match &self.protect {
            Some(protect) if P::PROTECTS => {
                most.saturating_sub(protect.overhead()).min(P::MAX_PACKET.saturating_sub(HEADER_LEN))
            }
            _ => most,
        }
    }

    /// Of packets that are on their way, no more than so many bytes are worth keeping.
    pub(super) fn limit_backlog(&mut self, bytes: usize) {
        if let MediaTransport::Interleaved { .. } = self.transport {
            self.sockets.control.limit_backlog(bytes);
        }
    }

    /// Whether somebody tells when there is room again.
    pub(super) fn tells_room(&self) -> bool {
        match self.transport {
            MediaTransport::Udp { .. } => self.sockets.rtp.tells_room(),
            MediaTransport::Interleaved { .. } => true,
        }
    }

    /// Whether all that was said on the control connection has left.
    pub(super) fn is_answered(&self) -> bool {
        self.connection.poll_transmit().is_empty()
    }

    /// Sends a train of packets of one frame, which all have the size of the first but for the last.
    pub(super) fn send<const TRAIN: usize>(&mut self, packets: &[Packet<'_>]) -> Sent {
        match self.protect.take() {
            Some(protect) if P::PROTECTS => {
                let sent = self.send_by::<TRAIN, P>(protect, packets);
                self.protect = Some(protect);
                sent
            }
            _ => self.send_by::<TRAIN, _>(&mut Unprotected, packets),
        }
    }

    fn send_by<const TRAIN: usize, Q: Protect>(&mut self, protect: &mut Q, packets: &[Packet<'_>]) -> Sent {
        let Some(first) = packets.first() else { return Sent::Taken(0) };
        let mut rooms: heapless::Vec<Q::Room, TRAIN> = packets.iter().map(|_| protect.room()).collect();
        let mut protected: heapless::Vec<[&[u8]; 3], TRAIN> = heapless::Vec::new();
        for (packet, room) in packets.iter().zip(&mut rooms) {
            // What cannot be protected does not leave in the clear.
            let Some(segments) = protect.protect(packet, room) else { return Sent::Lost };
            let _ = protected.push(segments);
        }
        match self.transport {
            MediaTransport::Udp { rtp_port, .. } => {
                let size = first.len().saturating_add(protect.overhead());
                let segment_size = (packets.len() > 1).then_some(size);
                let (to, from) = (at_port(self.addresses.peer, rtp_port), self.addresses.local);
                outcome(self.sockets.rtp.send(&Transmit { to, from, segments: protected.as_flattened(), segment_size }))
            }
            MediaTransport::Interleaved { rtp_channel, .. } => self.interleave::<TRAIN>(rtp_channel, &protected),
        }
    }

    /// Writes packets to the control connection, straight from the frame. Of one that leaves in part, the rest is queued: nothing
    /// comes between, and the frame may be given back.
    fn interleave<const TRAIN: usize>(&mut self, channel: u8, packets: &[[&[u8]; 3]]) -> Sent {
        if !self.flush() {
            return Sent::Full;
        }
        let mut headers: heapless::Vec<[u8; Interleaved::HEADER_LEN], TRAIN> = heapless::Vec::new();
        for packet in packets {
            let len = packet.iter().fold(0_usize, |len, segment| len.saturating_add(segment.len()));
            if !self.connection.lets_pass(len) {
                break;
            }
            let _ = headers.push(Interleaved::header(channel, len as u16));
        }
        let mut segments: heapless::Vec<[&[u8]; 4], TRAIN> = heapless::Vec::new();
        for (header, &[head, payload, trailer]) in headers.iter().zip(packets) {
            let _ = segments.push([header, head, payload, trailer]);
        }
        if segments.is_empty() {
            return Sent::Full;
        }
        let mut written = match self.sockets.control.try_write(segments.as_flattened()) {
            Ok(None | Some(0)) => {
                self.connection.handle_no_room(self.now);
                return Sent::Full;
            }
            Ok(Some(written)) => written,
            Err(_) => {
                self.connection.handle_failure(self.now);
                return Sent::Full;
            }
        };
        let (mut taken, mut rest) = (0_usize, [&[][..]; 4]);
        for packet in segments {
            if written == 0 {
                break;
            }
            taken = taken.saturating_add(1);
            rest = packet.map(|segment| {
                let left = written.min(segment.len());
                written = written.saturating_sub(left);
                segment.get(left..).unwrap_or_default()
            });
        }
        self.connection.handle_passed(self.now, &rest);
        Sent::Taken(taken)
    }

    /// Writes what waits in the transmit buffer. `true`: nothing does any more.
    fn flush(&mut self) -> bool {
        let bytes = self.connection.poll_transmit();
        if bytes.is_empty() {
            return true;
        }
        match self.sockets.control.try_write(&[bytes]) {
            Ok(None) => {}
            Ok(Some(n)) => self.connection.consume_transmit(self.now, n),
            Err(_) => self.connection.handle_failure(self.now),
        }
        self.connection.poll_transmit().is_empty() && !self.connection.is_closed()
    }

    /// Sends one RTCP compound packet.
    pub(super) fn report(&mut self, compound: &[u8]) -> Sent {
        match self.protect.take() {
            Some(protect) if P::PROTECTS => {
                let mut room = protect.room();
                let sent = protect.protect_report(compound, &mut room).map(|protected| self.send_report(&protected));
                self.protect = Some(protect);
                sent.unwrap_or(Sent::Lost)
            }
            _ => self.send_report(&[compound, &[], &[]]),
        }
    }

    fn send_report(&mut self, protected: &[&[u8]; 3]) -> Sent {
        match self.transport {
            MediaTransport::Udp { rtcp_port: 0, .. } => Sent::Taken(1),
            MediaTransport::Udp { rtcp_port, .. } => {
                let (to, from) = (at_port(self.addresses.peer, rtcp_port), self.addresses.local);
                outcome(self.sockets.rtcp.send(&Transmit { to, from, segments: protected, segment_size: None }))
            }
            MediaTransport::Interleaved { rtcp_channel, .. } => {
                if self.connection.queue_interleaved(rtcp_channel, protected) { Sent::Taken(1) } else { Sent::Full }
            }
        }
    }
}

fn outcome<E>(sent: Result<usize, E>) -> Sent {
    match sent {
        Ok(0) => Sent::Full,
        Ok(count) => Sent::Taken(count),
        Err(_) => Sent::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Meta;
    use crate::rtp::fragment::{Fragments, lab};
    use crate::rtp::protect::Unprotected;
    use crate::rtp::sender::Sender;
    use crate::session::server::{Config, Event};
    use crate::time::Instant;
    use core::convert::Infallible;
    use core::net::SocketAddr;
    use embedded_io::ErrorType;
    use std::vec;
    use std::vec::Vec;

    static FRAME: &[u8] = b"\xff\xd8 a picture \xff\xd9";
    const UDP: MediaTransport = MediaTransport::Udp { rtp_port: 25_000, rtcp_port: 25_001 };
    const TCP: MediaTransport = MediaTransport::Interleaved { rtp_channel: 0, rtcp_channel: 1 };

    /// What was sent, and the size of the datagrams of each call.
    #[derive(Default)]
    struct Socket(Vec<(Vec<u8>, Option<usize>)>);

    impl ErrorType for Socket {
        type Error = Infallible;
    }

    impl Datagram for Socket {
        fn send(&mut self, transmit: &Transmit<'_>) -> Result<usize, Infallible> {
            self.0.push((transmit.segments.concat(), transmit.segment_size));
            Ok(transmit.datagrams())
        }

        fn recv<R>(&mut self, _: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, Infallible> {
            Ok(None)
        }
    }

    /// Adds the packet's place to every byte behind the RTP header, and a sum as a tag.
    struct Toy;

    fn toy(header: &[u8], rest: &[u8]) -> Vec<u8> {
        let encrypted = rest.iter().enumerate().map(|(at, byte)| byte ^ 0x5a ^ header[3] ^ at as u8);
        let mut bytes: Vec<u8> = header.iter().copied().chain(encrypted).collect();
        let sum = bytes.iter().fold(0_u16, |sum, byte| sum.rotate_left(3) ^ u16::from(*byte));
        bytes.extend(sum.to_be_bytes());
        bytes
    }

    impl Protect for Toy {
        type Room = [u8; 256];

        const MAX_PACKET: usize = 256;

        fn overhead(&self) -> usize {
            2
        }

        fn room(&self) -> [u8; 256] {
            [0; 256]
        }

        fn protect<'p>(&mut self, packet: &'p Packet<'_>, room: &'p mut [u8; 256]) -> Option<[&'p [u8]; 3]> {
            let rest = [packet.payload_header(), packet.payload()].concat();
            let bytes = toy(packet.rtp_header(), &rest);
            let (encrypted, tag) = bytes[12..].split_at(rest.len());
            let (place, others) = room.split_at_mut_checked(encrypted.len())?;
            place.copy_from_slice(encrypted);
            others.get_mut(..2)?.copy_from_slice(tag);
            Some([packet.rtp_header(), place, &others[..2]])
        }

        fn protect_report<'p>(&mut self, compound: &'p [u8], room: &'p mut [u8; 256]) -> Option<[&'p [u8]; 3]> {
            let bytes = toy(compound.get(..8)?, &compound[8..]);
            let place = room.get_mut(..bytes.len() - 8)?;
            place.copy_from_slice(&bytes[8..]);
            Some([&compound[..8], place, &[]])
        }
    }

    /// A connection that has agreed on interleaved media.
    fn connection() -> Connection<Vec<u8>> {
        let now = Instant::default();
        let mut connection = Connection::new(now, vec![0; 1024], vec![0; 1024], 7, Config::default());
        let setup = b"SETUP rtsp://10.0.0.1/film/trackID=0 RTSP/1.0\r\nCSeq: 1\r\n\
            Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n";
        connection.rx_buffer()[..setup.len()].copy_from_slice(setup);
        connection.handle_input(now, setup.len());
        assert!(matches!(connection.poll_event(), Some(Event::Setup { .. })));
        connection.answer_setup(now, (6970, 6971), 7);
        connection.consume_transmit(now, connection.poll_transmit().len());
        connection
    }

    /// Takes so many bytes, and keeps them.
    struct Control {
        bytes: Vec<u8>,
        room: usize,
    }

    impl Control {
        fn new(room: usize) -> Self {
            Self { bytes: Vec::new(), room }
        }
    }

    impl ErrorType for Control {
        type Error = Infallible;
    }

    impl embedded_io::Read for Control {
        fn read(&mut self, _: &mut [u8]) -> Result<usize, Infallible> {
            Ok(0)
        }
    }

    impl embedded_io::ReadReady for Control {
        fn read_ready(&mut self) -> Result<bool, Infallible> {
            Ok(false)
        }
    }

    impl embedded_io::Write for Control {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
            let taken = bytes.len().min(self.room);
            self.room -= taken;
            self.bytes.extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }

    impl embedded_io::WriteReady for Control {
        fn write_ready(&mut self) -> Result<bool, Infallible> {
            Ok(self.room > 0)
        }
    }

    impl Stream for Control {}

    /// A client's way out, and what is at its end.
    struct Way<P> {
        connection: Connection<Vec<u8>>,
        control: Control,
        rtp: Socket,
        rtcp: Socket,
        protect: Option<P>,
    }

    impl<P: Protect> Way<P> {
        fn new(room: usize, protect: Option<P>) -> Self {
            let (rtp, rtcp) = (Socket::default(), Socket::default());
            Self { connection: connection(), control: Control::new(room), rtp, rtcp, protect }
        }

        fn outlet(&mut self, transport: MediaTransport) -> Outlet<'_, Vec<u8>, Control, Socket, Socket, P> {
            let Self { connection, control, rtp, rtcp, protect } = self;
            let protect = protect.as_mut();
            let addresses = Addresses { peer: SocketAddr::from(([10, 0, 0, 2], 4000)), local: None };
            let sockets = Sockets { control, rtp, rtcp };
            Outlet { now: Instant::default(), connection, sockets, addresses, transport, protect }
        }
    }

    /// Two packets and a report, as they leave: bytes of the RTP socket, of the RTCP socket and of the connection.
    fn sent<P: Protect>(protect: Option<P>, transport: MediaTransport) -> (Socket, Socket, Vec<u8>) {
        let mut way = Way::new(usize::MAX, protect);
        let mut outlet = way.outlet(transport);
        assert_eq!(outlet.send::<2>(&packets()), Sent::Taken(2));
        assert_eq!(outlet.report(b"report of the sender"), Sent::Taken(1));
        assert!(outlet.flush());
        (way.rtp, way.rtcp, way.control.bytes)
    }

    #[test]
    fn of_a_packet_that_leaves_in_part_the_rest_leaves_before_anything_else() {
        let whole = sent(Some(Toy), TCP).2;
        for room in 0..whole.len() {
            let mut way = Way::new(room, Some(Toy));
            let mut train = &packets()[..];
            let mut answered = false;
            while way.control.bytes.len() < whole.len() {
                let mut outlet = way.outlet(TCP);
                match outlet.send::<2>(train) {
                    Sent::Taken(count) => train = &train[count..],
                    Sent::Full => {
                        let (_, waiting) = outlet.connection.buffered();
                        assert!(
                            waiting <= 4 + train.first().map_or(0, |packet| packet.len() + 2),
                            "more than one packet"
                        );
                        outlet.sockets.control.room += 1;
                    }
                    Sent::Lost => panic!("it can be protected"),
                }
                if train.is_empty() && !answered {
                    answered = outlet.report(b"report of the sender") == Sent::Taken(1);
                }
                outlet.flush();
                outlet.sockets.control.room += usize::from(train.is_empty());
            }
            assert_eq!(way.control.bytes, whole, "with room for {room}");
        }
    }

    #[test]
    fn a_client_that_takes_nothing_for_too_long_is_dropped_though_nothing_is_buffered() {
        let mut way = Way::new(0, None::<Toy>);
        assert_eq!(way.outlet(TCP).send::<2>(&packets()), Sent::Full);
        assert_eq!(way.connection.buffered(), (0, 0));
        let stalled = Config::default().stall_timeout;
        way.connection.handle_timeout(Instant::default().after(stalled));
        assert!(way.connection.is_closed());
    }

    fn packets() -> Vec<Packet<'static>> {
        let mut sender = Sender::new(7, 40);
        let fragments = Fragments::Lab(lab::Fragments::whole(FRAME.len() as u32));
        let packet = |_| {
            let packet = Packet::new(&sender, 9000, &fragments, 0, FRAME).unwrap();
            sender.commit(packet.payload_len());
            packet
        };
        (0..2).map(packet).collect()
    }

    #[test]
    fn what_encrypts_packets_fits_between_stream_and_socket_over_both_transports() {
        let clear = packets().map_bytes();
        let encrypted: Vec<Vec<u8>> = clear.iter().map(|packet| toy(&packet[..12], &packet[12..])).collect();
        let report = toy(b"report o", b"f the sender");
        let interleaved = |channel: u8, bytes: &[u8]| [&[b'$', channel, 0, bytes.len() as u8], bytes].concat();

        let (rtp, rtcp, control) = sent(Some(Toy), UDP);
        assert_eq!(rtp.0, [(encrypted.concat(), Some(encrypted[0].len()))]);
        assert_eq!((rtcp.0, control), (vec![(report.clone(), None)], vec![]));
        let (rtp, rtcp, control) = sent(Some(Toy), TCP);
        assert!(rtp.0.is_empty() && rtcp.0.is_empty());
        let expected = [interleaved(0, &encrypted[0]), interleaved(0, &encrypted[1]), interleaved(1, &report)];
        assert_eq!(control, expected.concat());

        for (rtp, rtcp, _) in [sent(Some(Unprotected), UDP), sent(None::<Toy>, UDP)] {
            assert_eq!(rtp.0, [(clear.concat(), Some(clear[0].len()))]);
            assert_eq!(rtcp.0, [(b"report of the sender".to_vec(), None)]);
        }
    }

    #[test]
    fn packets_leave_room_for_what_protection_adds() {
        let mut way = Way::new(0, Some(Toy));
        let mut outlet = way.outlet(TCP);
        assert_eq!(outlet.payload_limit(1400), 256 - 12, "the most that it can protect");
        assert_eq!(outlet.payload_limit(200), 200 - 2);
        outlet.transport = UDP;
        assert_eq!(outlet.payload_limit(200), 200 - 2);
        let mut way = Way::new(0, None::<Toy>);
        let outlet = way.outlet(TCP);
        // The transmit buffer without `$`, channel, length and RTP header.
        assert_eq!(outlet.payload_limit(1400), 1024 - 4 - 12);
    }

    #[test]
    fn without_protection_nothing_is_copied_and_no_memory_needed() {
        let (packet, mut room) = (packets()[0], ());
        let [head, payload, trailer] = Unprotected.protect(&packet, &mut room).unwrap();
        assert!(core::ptr::eq(payload, FRAME) && core::ptr::eq(head, packet.head()) && trailer.is_empty());
        assert_eq!((size_of::<Unprotected>(), size_of::<<Unprotected as Protect>::Room>()), (0, 0));
    }

    trait MapBytes {
        fn map_bytes(&self) -> Vec<Vec<u8>>;
    }

    impl MapBytes for Vec<Packet<'static>> {
        fn map_bytes(&self) -> Vec<Vec<u8>> {
            self.iter().map(|packet| packet.segments().concat()).collect()
        }
    }
}
