//! What one client may do in one turn, so that the others have theirs.

use std::cell::Cell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::task::Waker;

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use mutoscope::io::server::{Addresses, Context, Guard, Outcome, Peer, Settings, Sockets, Verdict, Visit};
use mutoscope::io::{Datagram, Meta, Stream, Transmit};
use mutoscope::media::catalogue::Catalogue;
use mutoscope::session::Secrecy;
use mutoscope::session::server::Asking;
use mutoscope::time::Instant;
use mutoscope::wire::url::Path;
use mutoscope_std::media::live::Live;

/// A connection whose other side has sent all of this already.
struct Pipelined {
    input: Vec<u8>,
    read: usize,
    output: Vec<u8>,
}

impl ErrorType for Pipelined {
    type Error = Infallible;
}

impl ReadReady for Pipelined {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.read < self.input.len())
    }
}

impl Read for Pipelined {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let rest = &self.input[self.read..];
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.read += len;
        Ok(len)
    }
}

impl WriteReady for Pipelined {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(true)
    }
}

impl Write for Pipelined {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.output.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Stream for Pipelined {}

struct NoUdp;

impl ErrorType for NoUdp {
    type Error = Infallible;
}

impl Datagram for NoUdp {
    fn send(&mut self, _: &Transmit<'_>) -> Result<usize, Infallible> {
        Ok(0)
    }

    fn recv<R>(&mut self, _: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, Infallible> {
        Ok(None)
    }
}

/// Counts how often a name is looked for.
struct Counting {
    live: Live,
    looks: Cell<usize>,
}

impl Catalogue for Counting {
    type Medium = <Live as Catalogue>::Medium;

    fn find(&self, path: Path<'_>) -> Option<Self::Medium> {
        self.looks.set(self.looks.get() + 1);
        self.live.find(path)
    }
}

/// The most names that are looked for in one turn of a client that sends all of these requests at once, and its answers.
fn most_in_a_turn(request: impl Fn(usize) -> String, count: usize) -> (usize, String) {
    let (settings, catalogue) =
        (Settings::default(), Counting { live: Live::new("camera", None), looks: Cell::new(0) });
    let addresses = Addresses { peer: ([10, 0, 0, 66], 40_000).into(), local: None };
    let mut peer = Peer::new(Instant::default(), addresses, vec![0; 4096], vec![0; 32_768], 7, &settings);
    let input = (0..count).flat_map(|number| request(number).into_bytes()).collect();
    let mut control = Pipelined { input, read: 0, output: Vec::new() };
    let mut most = 0;
    for _ in 0..10_000 {
        let now = Instant::from_millis(1);
        let context = Context::new(now, Waker::noop(), &settings);
        let sockets = Sockets { control: &mut control, rtp: &mut NoUdp, rtcp: &mut NoUdp };
        let before = catalogue.looks.get();
        assert_eq!(peer.service::<1, _, _, _, _>(context, sockets, &catalogue), Outcome::Open);
        most = most.max(catalogue.looks.get() - before);
        if peer.poll_timeout().is_none_or(|due| due > now) {
            break;
        }
    }
    (most, String::from_utf8(control.output).unwrap())
}

#[test]
fn a_client_that_pipelines_requests_has_few_carried_out_in_a_turn_and_all_in_the_end() {
    for method in ["DESCRIBE", "ANNOUNCE", "SETUP"] {
        let headers = if method == "SETUP" { "Transport: RTP/AVP/TCP;interleaved=0-1\r\n" } else { "" };
        let request = |number| format!("{method} rtsp://h/{number} RTSP/1.0\r\nCSeq: {number}\r\n{headers}\r\n");
        let (most, answers) = most_in_a_turn(request, 1000);
        assert!(most <= 8, "{method}: {most} names in one turn");
        assert_eq!(answers.matches("RTSP/1.0 ").count(), 1000, "{method}");
        assert!(answers.contains("CSeq: 999\r\n"), "{method}");
    }
}

/// Lets everybody in for a second.
struct Brief;

impl Guard for Brief {
    type Visit = Second;
    type Challenge = Infallible;

    fn visit(&self, _: SocketAddr, _: bool) -> Second {
        Second
    }

    fn judge(&self, _: &mut Second, _: Instant, _: &Asking<'_>, _: &Waker) -> Verdict {
        Verdict::Allowed(Secrecy::NONE)
    }

    fn challenges(&self, _: &Second, _: Instant, _: bool) -> impl IntoIterator<Item = Infallible> {
        []
    }
}

struct Second;

impl Visit for Second {
    type Home<T> = Box<T>;

    fn ends(&self) -> Option<Instant> {
        Some(Instant::from_millis(1000))
    }
}

#[test]
fn a_client_whose_time_is_up_is_closed_and_asks_for_no_more_turns() {
    let (settings, catalogue) = (Settings::default(), Live::new("camera", None));
    let addresses = Addresses { peer: ([10, 0, 0, 66], 40_000).into(), local: None };
    let visit = Brief.visit(addresses.peer, false);
    let (rx, tx) = (vec![0; 4096], vec![0; 32_768]);
    let mut peer = Peer::guarded(Instant::default(), addresses, rx, tx, 7, &settings, visit);
    let input = b"GET_PARAMETER rtsp://h/camera RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_vec();
    let mut control = Pipelined { input, read: 0, output: Vec::new() };
    let mut turn = |peer: &mut Peer<_, _, Brief>, now| {
        let context = Context::new(now, Waker::noop(), &settings);
        let sockets = Sockets { control: &mut control, rtp: &mut NoUdp, rtcp: &mut NoUdp };
        peer.service_guarded::<1, _, _, _, _>(context, sockets, &catalogue, &Brief)
    };
    let (first, last) = (Instant::from_millis(1), Instant::from_millis(1000));
    assert_eq!(turn(&mut peer, first), Outcome::Open);
    assert_eq!(peer.poll_timeout(), Some(last));
    assert_eq!(turn(&mut peer, last), Outcome::Closing);
    assert!(
        peer.poll_timeout().is_some_and(|due| due > last),
        "it waits for the other side to close, and does not spin"
    );
}
