//! One static for each type in each configuration, as long as the type: `cargo xtask sizes` reads their lengths from the
//! compiler's output, so that sizes are those of the target and not of the machine that builds.
#![no_std]

use core::mem::size_of;
use core::task::Waker;
use mutoscope::io::server::Peer;
use mutoscope::jpeg::transcode::{Recoder, Transcoder};
use mutoscope::delivery::Delivery;
use mutoscope::rtp::fragment::Fragments;
use mutoscope::rtp::packet::Packet;
use mutoscope::rtp::receiver::Receiver;
use mutoscope::rtp::sender::Sender;
use mutoscope::session::server::Connection;
use mutoscope::media::catalogue::{Entry, Medium, NotReady};
use mutoscope::media::mjpeg::{LabAndRaw, Reader};
use mutoscope::time::Duration;

macro_rules! sizes {
    ($($name:ident: $type:ty;)*) => {
        $(
            #[unsafe(no_mangle)]
            pub static $name: [u8; size_of::<$type>()] = [1; size_of::<$type>()];
        )*
    };
}

/// A source that is a pointer to the application's own.
type Borrowed<'a> = Reader<&'a mut File, &'a mut [u8]>;

/// Nothing: what a file handle takes is the application's.
pub struct File;

impl embedded_io::ErrorType for File {
    type Error = core::convert::Infallible;
}

impl embedded_io::Read for File {
    fn read(&mut self, _: &mut [u8]) -> Result<usize, Self::Error> {
        Ok(0)
    }
}

impl embedded_io::Seek for File {
    fn seek(&mut self, _: embedded_io::SeekFrom) -> Result<u64, Self::Error> {
        Ok(0)
    }
}

/// A medium that needs no state.
pub struct OneMedium;

impl Medium for OneMedium {
    type Source = Borrowed<'static>;
    type Sink = mutoscope::media::NoSink;

    fn entry(&self, _: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        Err(NotReady { reason: "", retry_after: Duration::from_secs(0) })
    }

    fn open(&self) -> Option<Self::Source> {
        None
    }
}

sizes! {
    SIZE_01_CONNECTION_LENT: Connection<&'static mut [u8]>;
    SIZE_02_CONNECTION_1K_2K: (Connection<&'static mut [u8]>, [u8; 1024], [u8; 2048]);
    SIZE_03_CLIENT_LENT: Peer<&'static mut [u8], OneMedium>;
    SIZE_04_CLIENT_1K_2K: (Peer<&'static mut [u8], OneMedium>, [u8; 1024], [u8; 2048]);
    SIZE_05_CLIENT_1K_4K: (Peer<&'static mut [u8], OneMedium>, [u8; 1024], [u8; 4096]);
    SIZE_06_READER_LENT: Borrowed<'static>;
    SIZE_15_READER_LAB_AND_RAW: Reader<&'static mut File, &'static mut [u8], LabAndRaw>;
    SIZE_07_READER_20K: (Borrowed<'static>, [u8; 20_480]);
    SIZE_08_RECEIVER_2_LENT: Receiver<&'static mut [u8], 2>;
    SIZE_09_RECEIVER_2_32K: Receiver<[u8; 32_768], 2>;
    SIZE_10_SENDER_FRAGMENTS: (Sender, Fragments);
    SIZE_14_DELIVERY: Delivery;
    SIZE_11_PACKET: Packet<'static>;
    SIZE_12_TRANSCODER: Transcoder;
    SIZE_13_RECODER: Recoder;
}
