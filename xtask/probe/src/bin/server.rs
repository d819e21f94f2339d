//! A server of one client, as far as it is this project's: control over a stream, media from a file over datagrams or the
//! stream, both dialects. The platform is behind functions that the compiler cannot look into.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::hint::black_box;
use core::net::{IpAddr, SocketAddr};
use core::task::Waker;
use embedded_io::{ErrorType, Read, ReadReady, Seek, SeekFrom, Write, WriteReady};
use mutoscope::io::server::{Addresses, Context, Guard, Outcome, Peer, Settings, Sockets};
use mutoscope::io::{Datagram, Meta, Stream, Transmit};
use mutoscope::media::catalogue::{Catalogue, Entry, Medium, NotReady};

use mutoscope::media::{Extent, FrameRate, NoSink};
use mutoscope::media::mjpeg::{LabAndRaw, Reader};
use mutoscope::time::{Instant};
use mutoscope::wire::url::Path;

struct Platform;

impl ErrorType for Platform {
    type Error = Infallible;
}

impl Read for Platform {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok(black_box(buffer).len() / 2)
    }
}

impl Seek for Platform {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, Infallible> {
        black_box(to);
        Ok(black_box(0))
    }
}

impl Write for Platform {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(black_box(bytes).len())
    }
    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl ReadReady for Platform {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(black_box(true))
    }
}

impl WriteReady for Platform {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(black_box(true))
    }
}

impl Stream for Platform {}

impl Datagram for Platform {
    fn send(&mut self, transmit: &Transmit<'_>) -> Result<usize, Infallible> {
        black_box(transmit);
        Ok(black_box(1))
    }
    fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, Infallible> {
        let from = black_box(SocketAddr::from(([10, 0, 0, 1], 5000)));
        Ok(Some(f(Meta { from, to: None }, black_box(&[]))))
    }
}

const RATE: FrameRate = match FrameRate::new(24, 1) {
    Some(rate) => rate,
    None => unreachable!(),
};

#[derive(Clone, Copy)]
struct OneFile;

impl Catalogue for OneFile {
    type Medium = Self;

    fn find(&self, path: Path<'_>) -> Option<Self> {
        path.names("movie.Mjpeg").then_some(*self)
    }
}

impl Medium for OneFile {
    type Source = Reader<Platform, [u8; 20_480], LabAndRaw>;
    type Sink = NoSink;

    fn entry(&self, _: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        let (extent, refusal) = (Extent::frames(240), None);
        Ok(Entry { id: 0, name: "movie.Mjpeg", frame_rate: RATE, extent, width: 640, height: 480, refusal })
    }

    fn open(&self) -> Option<Self::Source> {
        Reader::open(Platform, [0; 20_480]).ok()
    }
}

/// Who may watch.
#[cfg(feature = "digest")]
mod guard {
    use core::hint::black_box;
    use mutoscope::auth::Key;
    pub(super) use mutoscope::io::server::Password as Guarding;

    static KEY: Key = Key::new([7; 32]);

    pub(super) fn guard() -> Guarding<'static> {
        Guarding::new(&KEY, "camera", black_box("anna"), black_box("secret"))
    }
}

/// How media travel: encrypted.
#[cfg(all(feature = "srtp", not(feature = "digest")))]
mod guard {
    use core::convert::Infallible;
    use core::hint::black_box;
    use core::net::SocketAddr;
    use core::task::Waker;
    use mutoscope::io::server::{Guard, Verdict, Visit};
    use mutoscope::session::server::Asking;
    use mutoscope::session::{KeyExchange, Secrecy};
    use mutoscope::time::Instant;

    pub(super) struct Guarding;
    pub(super) struct Shared;

    impl Guard for Guarding {
        type Visit = Shared;
        type Challenge = Infallible;

        fn visit(&self, _: SocketAddr, _: bool) -> Shared {
            Shared
        }

        fn judge(&self, _: &mut Shared, _: Instant, _: &Asking<'_>, _: &Waker) -> Verdict {
            let exchange = black_box(Some(KeyExchange::Mikey));
            Verdict::Allowed(Secrecy { exchange, plain_udp: false, plain_tcp: false })
        }

        fn challenges(&self, _: &Shared, _: Instant, _: bool) -> impl IntoIterator<Item = Infallible> {
            []
        }
    }

    impl Visit for Shared {
        type Home<T> = mutoscope::io::server::Inline<T>;

        fn stream_key(&self) -> Option<[u8; 30]> {
            Some(black_box([7; 30]))
        }
    }

    pub(super) fn guard() -> Guarding {
        Guarding
    }
}

/// Everybody may watch.
#[cfg(not(any(feature = "srtp", feature = "digest")))]
mod guard {
    pub(super) use mutoscope::io::server::Open as Guarding;

    pub(super) fn guard() -> Guarding {
        Guarding
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let guard = guard::guard();
    let settings = Settings { repeat: true, ..Settings::default() };
    let mut client = None;
    let mut now = 0;
    loop {
        now += black_box(1000);
        let at = Instant::from_micros(now);
        let peer = black_box(SocketAddr::from(([10, 0, 0, 2], 5000)));
        let addresses = Addresses { peer, local: black_box(Some(IpAddr::from([10, 0, 0, 1]))) };
        let client = client.get_or_insert_with(|| {
            let visit = guard.visit(addresses.peer, false);
            Peer::guarded(at, addresses, [0; 4096], [0; 4096], black_box(7), &settings, visit)
        });
        let (mut control, mut rtp, mut rtcp) = (Platform, Platform, Platform);
        if let Ok(Some((from, len, bytes))) = rtcp.recv(|meta, bytes| {
            let mut copy = [0; 256];
            copy[..bytes.len().min(256)].copy_from_slice(&bytes[..bytes.len().min(256)]);
            (meta.from, bytes.len().min(256), copy)
        }) {
            client.handle_rtcp(at, from, &bytes[..len]);
        }
        let context = Context::new(at, Waker::noop(), &settings);
        let sockets = Sockets { control: &mut control, rtp: &mut rtp, rtcp: &mut rtcp };
        let outcome = client.service_guarded::<1, _, _, _, _>(context, sockets, &OneFile, &guard);
        black_box((outcome == Outcome::Closed, client.poll_timeout()));
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
