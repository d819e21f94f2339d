//! The real client on the simulated network.

use crate::film::Film;
use crate::net::{Network, SimulatedTcp, SimulatedUdp};
use mutoscope::io::client::{Client, Event, Received, Settings};
use mutoscope::rtp::receiver::Statistics;
use mutoscope::session::client::{self as session, Config, Connection};
use mutoscope::session::{Dialect, MediaTransport, State};
use mutoscope::time::{Duration, Instant, WallClock};
use mutoscope::wire::rtsp::headers::{NptMicros, Range};
use std::net::SocketAddr;

/// Media over UDP, to ports 25000 and 25001.
pub const UDP: MediaTransport = MediaTransport::Udp { rtp_port: 25_000, rtcp_port: 25_001 };
/// Media over the connection.
pub const TCP: MediaTransport = MediaTransport::Interleaved { rtp_channel: 0, rtcp_channel: 1 };

/// A frame that the client gave out.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The time when it came out.
    pub at: Instant,
    /// The client's information about it.
    pub received: Received,
    /// The frame's position in the film, by the client.
    pub position: Option<NptMicros>,
    /// The whole JPEG file.
    pub jpeg: Vec<u8>,
}

/// A client that describes, sets up and plays by itself.
pub struct RealClient {
    /// The client's machine.
    pub client: Client<Vec<u8>, Vec<u8>, 4>,
    /// The client's options.
    pub settings: Settings<'static>,
    /// The frames, in the order in which they came out.
    pub frames: Vec<Seen>,
    /// All other events.
    pub events: Vec<(Instant, Event)>,
    /// The socket that receives RTP.
    pub rtp_address: SocketAddr,
    transport: MediaTransport,
    control: SimulatedTcp,
    rtp: SimulatedUdp,
    rtcp: SimulatedUdp,
    now: Instant,
}

impl RealClient {
    /// A client at 10.0.0.`host` on a new connection.
    pub fn new(
        network: &Network,
        host: u8,
        control: SimulatedTcp,
        dialect: Dialect,
        transport: MediaTransport,
    ) -> Self {
        let bind = |port| network.bind(SocketAddr::from(([10, 0, 0, host], port)));
        let url = "rtsp://10.0.0.1:8554/movie.Mjpeg";
        let connection = Connection::new(vec![0; 4096], vec![0; 1024], url, dialect, Config::default());
        let server = SocketAddr::from(([10, 0, 0, 1], 8554));
        let buffers = core::array::from_fn(|_| vec![0; 20_480]);
        let mut client = Client::new(connection.expect("a URL"), buffers, server, 0xc0de_0000 | u32::from(host));
        let now = network.now();
        let begun = if dialect == Dialect::Lab { client.setup(now, transport) } else { client.describe(now) };
        begun.expect("the first request");
        Self {
            client,
            settings: Settings {
                reorder_delay: Duration::from_millis(100),
                playout_delay: Duration::ZERO,
                silence: Duration::from_secs(3),
                wall: WallClock::default(),
                cname: "watcher@simulation",
            },
            frames: vec![],
            events: vec![],
            rtp_address: SocketAddr::from(([10, 0, 0, host], 25_000)),
            transport,
            control,
            rtp: bind(25_000),
            rtcp: bind(25_001),
            now,
        }
    }

    /// Does all that can be done now, and returns the next deadline.
    pub fn service(&mut self, now: Instant) -> Option<Instant> {
        self.now = now;
        let mut events = 0;
        loop {
            let (control, rtp, rtcp) = (&mut self.control, &mut self.rtp, &mut self.rtcp);
            let Some(event) = self.client.service(now, control, rtp, rtcp, &self.settings) else {
                return self.client.poll_timeout();
            };
            events += 1;
            assert!(events < 10_000, "events without end: {event:?}");
            match event {
                Event::Frame(frame) => {
                    let jpeg = self.client.frame().to_vec();
                    self.frames.push(Seen { at: now, received: frame.received, position: frame.position, jpeg });
                    continue;
                }
                Event::Session(session::Event::Described(_)) => self.client.setup(now, self.transport).unwrap(),
                Event::Session(session::Event::SetUp(_)) => self.client.play(now, None).unwrap(),
                _ => {}
            }
            self.events.push((now, event));
        }
    }

    /// Sends PLAY, from a position or from the present one.
    pub fn play(&mut self, range: Option<Range>) {
        self.client.play(self.now, range).unwrap();
    }

    /// Sends PAUSE.
    pub fn pause(&mut self) {
        self.client.pause(self.now).unwrap();
    }

    /// Sends TEARDOWN.
    pub fn teardown(&mut self) {
        self.client.teardown(self.now).unwrap();
    }

    /// The client's state.
    pub fn state(&self) -> State {
        self.client.connection().state()
    }

    /// The counts of the client's receiver.
    pub fn statistics(&self) -> Statistics {
        self.client.statistics().expect("set up")
    }

    /// Whether such an event has come.
    pub fn saw(&self, what: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(|(_, event)| what(event))
    }

    /// Asserts that every frame is a whole one of the film, in order. Returns the numbers of the frames, which go on from
    /// round to round.
    pub fn numbers(&self, film: &Film) -> Vec<usize> {
        let begin = self.events.iter().find_map(|(_, event)| match event {
            Event::Session(session::Event::Playing(playing)) => Some(playing.rtptime),
            _ => None,
        });
        let lab = self.client.connection().dialect() == Dialect::Lab;
        let mut numbers: Vec<usize> = vec![];
        for Seen { received, jpeg, .. } in &self.frames {
            let number = match begin {
                Some(Some(rtptime)) if !lab => {
                    let ticks = u64::from(received.timestamp.wrapping_sub(rtptime));
                    film.rate.frames_in(ticks * 100 / 9 + 12) as usize
                }
                _ => received.number as usize - 1,
            };
            let expected = &film.frames[number % film.frames.len()];
            assert!(jpeg == expected, "frame {number} is not the film's, or not whole");
            assert!(numbers.last().is_none_or(|last| *last < number), "frame {number} after {numbers:?}");
            numbers.push(number);
        }
        numbers
    }
}
