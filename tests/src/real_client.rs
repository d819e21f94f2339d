//! The real client on the simulated network.

use crate::film::Film;
use crate::net::{Network, SimulatedTcp, SimulatedUdp};
use mutoscope::io::Sockets;
use mutoscope::io::client::Pump;
use mutoscope::player::{self, Demand, Event, Goal, Player, Received, Settings, Statistics, Transport};
use mutoscope::session::{Dialect, MediaTransport, State};
use mutoscope::time::{Duration, Instant};
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
    pub position: Option<Duration>,
    /// The whole JPEG file.
    pub jpeg: Vec<u8>,
}

/// A client that plays by itself, in one dialect and over one transport, and waits for frames for as long as it takes.
pub struct RealClient {
    /// The client's machine.
    pub player: Player<Vec<u8>, Vec<u8>, 4>,
    /// The frames, in the order in which they came out.
    pub frames: Vec<Seen>,
    /// All other events.
    pub events: Vec<(Instant, Event)>,
    /// The socket that receives RTP.
    pub rtp_address: SocketAddr,
    pump: Pump,
    control: SimulatedTcp,
    rtp: SimulatedUdp,
    rtcp: SimulatedUdp,
}

/// How a client plays that knows what the server speaks.
pub fn settings(dialect: Dialect, transport: MediaTransport) -> Settings {
    Settings {
        dialect: match dialect {
            Dialect::Standard => player::Dialect::Standard,
            Dialect::Lab => player::Dialect::Lab,
        },
        transport: match transport {
            MediaTransport::Udp { .. } => Transport::Udp,
            MediaTransport::Interleaved { .. } => Transport::Tcp,
        },
        stall_timeout: Duration::from_secs(24 * 3600),
        ..Settings::default()
    }
}

impl RealClient {
    /// A client at 10.0.0.`host` on a connection that has just been made.
    pub fn new(network: &Network, host: u8, control: SimulatedTcp, settings: Settings) -> Self {
        let bind = |port| network.bind(SocketAddr::from(([10, 0, 0, host], port)));
        let frames = core::array::from_fn(|_| vec![0; 20_480]);
        let url = "rtsp://10.0.0.1:8554/movie.Mjpeg";
        let mut player = Player::new(url, vec![0; 4096], vec![0; 1024], frames, settings, host.into()).expect("a URL");
        player.handle_goal(Goal::Play { from: None });
        Self {
            player,
            frames: vec![],
            events: vec![],
            rtp_address: SocketAddr::from(([10, 0, 0, host], 25_000)),
            pump: Pump::default(),
            control,
            rtp: bind(25_000),
            rtcp: bind(25_001),
        }
    }

    /// Does all that can be done now; gives the next deadline.
    pub fn service(&mut self, now: Instant) -> Option<Instant> {
        for _ in 0..10_000 {
            let Self { pump, player, control, rtp, rtcp, .. } = self;
            let event = pump.service(now, player, Sockets { control, rtp, rtcp });
            match event {
                Some(Event::Frame(frame)) => {
                    let jpeg = self.player.frame().to_vec();
                    self.frames.push(Seen { at: now, received: frame.received, position: frame.position, jpeg });
                }
                Some(event) => self.events.push((now, event)),
                None if self.meet_demand(now) => {}
                None => return self.pump.poll_timeout(&self.player),
            }
        }
        panic!("events without end: {:?}", self.events);
    }

    /// Whether there was a demand. The connection and the ports are there already, and stay until the client is dropped.
    fn meet_demand(&mut self, now: Instant) -> bool {
        match self.player.poll_demand() {
            None => return false,
            Some(Demand::Connect { .. }) => {
                let connected = self.player.handle_connected(SocketAddr::from(([10, 0, 0, 1], 8554)));
                self.events.push((now, connected));
            }
            Some(Demand::OpenPorts) => self.player.handle_ports(Some((25_000, 25_001))),
            Some(Demand::Close) => {
                let Self { pump, player, control, rtp, rtcp, .. } = self;
                pump.finish(now, player, Sockets { control, rtp, rtcp });
            }
        }
        true
    }

    /// Plays on, or from somewhere.
    pub fn play(&mut self, from: Option<Duration>) {
        self.player.handle_goal(Goal::Play { from });
    }

    /// Pauses.
    pub fn pause(&mut self) {
        self.player.handle_goal(Goal::Pause);
    }

    /// Ends the session.
    pub fn stop(&mut self) {
        self.player.handle_goal(Goal::Stop);
    }

    /// Where its session stands.
    pub fn state(&self) -> State {
        self.player.state()
    }

    /// What it has counted.
    pub fn statistics(&self) -> Statistics {
        self.player.statistics().expect("set up")
    }

    /// Whether something like this has happened.
    pub fn saw(&self, what: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(|(_, event)| what(event))
    }

    /// Asserts that every frame is one of the film's, whole and in order, and gives their numbers (rounds counted in).
    pub fn numbers(&self, film: &Film) -> Vec<usize> {
        let begin = self.events.iter().find_map(|(_, event)| match event {
            Event::Playing { answer, .. } => Some(answer.rtptime),
            _ => None,
        });
        let lab = self.player.dialect() == Dialect::Lab;
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
