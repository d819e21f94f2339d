//! Publishing on the simulated network: a medium that takes publishers, and a publisher.

use crate::strict_client::{Answer, StrictClient};
use crate::world::{SERVER, SERVER_PORT, World};
use core::convert::Infallible;
use core::net::{IpAddr, SocketAddr};
use core::task::Waker;
use mutoscope::jpeg::Layout;
use mutoscope::media::catalogue::{Catalogue, Entry, Medium, NotReady, NotRecorded};
use mutoscope::media::{Advance, Extent, Frame, FrameRate, FrameSink, FrameSource};
use mutoscope::rtp::fragment::{Fragments, jpeg};
use mutoscope::rtp::packet::Packet;
use mutoscope::rtp::sender::Sender;
use mutoscope::time::{Duration, Instant};
use mutoscope::wire::url::Path;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The name of the medium.
pub const NAME: &str = "stage";
/// Its URL.
pub const URL: &str = "rtsp://10.0.0.1/stage";
/// Memory for each picture.
const ROOM: usize = 64 * 1024;

/// A medium of one name that takes publishers of the server's own host. A copy is the same medium.
#[derive(Clone, Default)]
pub struct Stage(Rc<Inner>);

#[derive(Default)]
struct Inner {
    newest: RefCell<Option<Rc<Picture>>>,
    next: Cell<u32>,
    taken: Cell<bool>,
    ends: Cell<u32>,
}

struct Picture {
    number: u32,
    captured: Instant,
    jpeg: Vec<u8>,
}

impl Stage {
    /// The number of pictures that were published.
    pub fn published(&self) -> u32 {
        self.0.next.get()
    }

    /// The number of publishers that came and went.
    pub fn ends(&self) -> u32 {
        self.0.ends.get()
    }
}

impl Catalogue for Stage {
    type Medium = Self;

    fn find(&self, path: Path<'_>) -> Option<Self> {
        path.names(NAME).then(|| self.clone())
    }
}

impl Medium for Stage {
    type Source = Seat;
    type Sink = Performance;

    fn entry(&self, _: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        let newest = self.0.newest.borrow();
        let newest = newest.as_ref().ok_or(NotReady { reason: "nobody", retry_after: Duration::from_secs(2) })?;
        let layout = Layout::parse(&newest.jpeg).expect("a JPEG was published");
        let frame_rate = FrameRate::new(25, 1).expect("a rate");
        let (width, height) = (layout.width, layout.height);
        Ok(Entry { id: 77, name: NAME, frame_rate, extent: Extent::Live, width, height, refusal: None })
    }

    fn open(&self) -> Option<Seat> {
        Some(Seat { stage: self.clone(), next: self.published().saturating_sub(1), held: None })
    }

    fn record(&self, address: IpAddr) -> Result<Performance, NotRecorded> {
        if address != IpAddr::from(SERVER) {
            return Err(NotRecorded::Remote);
        }
        if self.0.taken.replace(true) { Err(NotRecorded::Taken) } else { Ok(Performance(self.clone())) }
    }
}

/// A viewer's source.
pub struct Seat {
    stage: Stage,
    next: u32,
    held: Option<Rc<Picture>>,
}

impl FrameSource for Seat {
    type Error = Infallible;

    fn advance(&mut self, now: Instant, _: &Waker) -> Result<Advance, Infallible> {
        let newest = self.stage.0.newest.borrow().clone();
        self.held = newest.filter(|picture| picture.number >= self.next);
        match &self.held {
            Some(picture) => {
                self.next = picture.number + 1;
                Ok(Advance::Ready)
            }
            // Whoever was served before the publisher in this turn looks again.
            None => Ok(Advance::Pending { until: Some(now.after(Duration::from_millis(1))) }),
        }
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let Picture { number, captured, jpeg } = self.held.as_deref()?;
        let layout = Layout::parse(jpeg);
        Some(Frame { number: *number, data: jpeg, captured: Some(*captured), time: None, layout })
    }

    fn position(&self) -> u32 {
        self.next
    }

    fn seek(&mut self, _: u32) -> Result<(), Infallible> {
        self.held = None;
        Ok(())
    }
}

/// Where a publisher's pictures go.
pub struct Performance(Stage);

impl FrameSink for Performance {
    type Buffer = Vec<u8>;
    type Home<T> = Box<T>;

    fn home<T>(&self, machine: T) -> Box<T> {
        Box::new(machine)
    }

    fn buffers(&mut self) -> [Vec<u8>; 2] {
        [vec![0; ROOM], vec![0; ROOM]]
    }

    fn publish(&mut self, now: Instant, jpeg: &[u8], captured: Instant) {
        assert!(captured <= now, "a picture of the future");
        let number = self.0.0.next.get();
        self.0.0.next.set(number + 1);
        let before = self.0.0.newest.replace(Some(Rc::new(Picture { number, captured, jpeg: jpeg.to_vec() })));
        assert!(before.is_none_or(|before| before.captured < captured), "time goes on");
    }
}

impl Drop for Performance {
    fn drop(&mut self) {
        self.0.0.taken.set(false);
        self.0.0.ends.set(self.0.0.ends.get() + 1);
    }
}

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
            let [high, low] = (packet.len() as u16).to_be_bytes();
            self.client.send(&[&[b'$', 0, high, low], packet].concat());
        }
    }

    /// Sends a picture that is taken at `now`.
    pub fn publish(&mut self, picture: &[u8], now: Instant) {
        self.packets(picture, now).iter().for_each(|packet| self.send(packet));
    }
}
