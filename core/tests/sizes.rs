//! Pins the memory that the main types take, so that growth is a decision and not an accident. `cargo xtask sizes` prints
//! the same for a Cortex-M, where pointers are half as long.

use core::convert::Infallible;
use core::mem::size_of;
use core::task::Waker;
use mutoscope::media::catalogue::{Entry, Medium, NotReady};
use mutoscope::media::{Advance, Extent, Frame, FrameRate, FrameSource, NoSink};
use mutoscope::rtp::fragment::Fragments;
use mutoscope::rtp::packet::Packet;
use mutoscope::rtp::receiver::Receiver;
use mutoscope::rtp::sender::Sender;
use mutoscope::time::Instant;
use mutoscope::{io, jpeg, session};

/// A source that is kept elsewhere, like that of a camera.
struct Elsewhere;

impl FrameSource for Elsewhere {
    type Error = Infallible;

    fn advance(&mut self, _: Instant, _: &Waker) -> Result<Advance, Infallible> {
        Ok(Advance::End)
    }

    fn frame(&self) -> Option<Frame<'_>> {
        None
    }

    fn position(&self) -> u32 {
        0
    }

    fn seek(&mut self, _: u32) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Medium for &Elsewhere {
    type Source = Elsewhere;
    type Sink = NoSink;

    fn entry(&self, _: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        let frame_rate = FrameRate::new(25, 1).unwrap();
        Ok(Entry { id: 0, name: "cam", frame_rate, extent: Extent::Live, width: 0, height: 0, refusal: None })
    }

    fn open(&self) -> Option<Elsewhere> {
        None
    }
}

/// A client that says who it is keeps user, password and the server's challenge; one that decrypts, the message with the key.
const CLIENT: usize = match (cfg!(feature = "auth"), cfg!(feature = "srtp")) {
    (false, false) => 1320,
    (true, false) => 2152,
    (false, true) => 1744,
    (true, true) => 2488,
};
/// A server's client whose media are encrypted keeps ciphers for both directions. One that knows the lab's variants remembers what has
/// been asked for.
const PEER: usize = match (cfg!(feature = "lab"), cfg!(feature = "srtp")) {
    (false, false) => 1200,
    (true, false) => 1224,
    (false, true) => 2704,
    (true, true) => 2736,
};
const LAB: usize = if cfg!(feature = "lab") { 24 } else { 0 };

#[test]
fn sizes_of_the_main_types_are_pinned() {
    let sizes = [
        ("session::server::Connection", size_of::<session::server::Connection<&mut [u8]>>(), 712 + LAB),
        // A whole client consists of control connection, stream, sender and the frame that is being sent.
        ("io::server::Peer", size_of::<io::server::Peer<&mut [u8], &Elsewhere>>(), PEER),
        ("session::client::Connection", size_of::<session::client::Connection<&mut [u8]>>(), CLIENT),
        ("rtp::Receiver, two frames open", size_of::<Receiver<&mut [u8], 2>>(), 2304),
        ("source::mjpeg::Reader", size_of::<mutoscope::media::mjpeg::Reader<(), &mut [u8]>>(), 800),
        ("Layout", size_of::<jpeg::Layout>(), 48),
        ("Fragments", size_of::<Fragments>(), 48),
        ("Delivery", size_of::<mutoscope::delivery::Delivery>(), 224),
        ("Sender", size_of::<Sender>(), 16),
        ("Packet", size_of::<Packet<'_>>(), 208),
    ];
    let too_large: Vec<_> = sizes.iter().filter(|(_, size, most)| size > most).collect();
    assert!(too_large.is_empty(), "(type, bytes, at most): {too_large:?} of {sizes:?}");
    // A limit that is far above the real size would pin nothing.
    let loose: Vec<_> = sizes.iter().filter(|(_, size, most)| size * 10 < most * 8).collect();
    assert!(loose.is_empty(), "(type, bytes, at most): {loose:?}");
}
