//! The whole receiver, with packets of all kinds of senders.

mod frames;
mod lab;
mod order;
mod reports;
mod robustness;

use super::*;
use crate::jpeg::{Layout, RtpFormat, Span};
use crate::rtp::fragment::{Fragments, jpeg};
use crate::rtp::packet::Packet;
use crate::rtp::sender::Sender;
use crate::wire::rtp_jpeg::{MainHeader, QuantizationHeader};
use std::vec::Vec;

/// Ticks of a frame at 25 frames a second.
const FRAME_TICKS: u32 = 3600;

const OURS: u32 = 0x0be5;
const THEIRS: u32 = 0xcafe;

fn ms(millis: u64) -> Instant {
    Instant::from_millis(10_000 + millis)
}

fn receiver_of<const SLOTS: usize>(config: Config) -> Receiver<Vec<u8>, SLOTS> {
    Receiver::new(core::array::from_fn(|_| std::vec![0xee; 20_000]), OURS, config)
}

fn receiver() -> Receiver<Vec<u8>, 2> {
    receiver_of(Config::default())
}

/// The scan data of frame `number`. It differs from that of every other frame and holds no ff.
fn scan(number: u32, len: usize) -> Vec<u8> {
    (0..len).map(|at| ((at + 31 * number as usize) % 251) as u8).collect()
}

/// A sender whose frames are `scan(number, len)`, in fragments of some 1000 bytes.
struct Stream {
    sender: Sender,
    number: u32,
    len: usize,
    timestamp: u32,
    format: RtpFormat,
}

impl Stream {
    fn new(len: usize) -> Self {
        let tables = [Span { start: 0, len: 64 }, Span { start: 64, len: 64 }];
        let (kind, width, height) = (1, 40, 30);
        let format =
            RtpFormat { kind, width, height, q: 255, quantization: tables, restart_interval: 0, scan: Span::default() };
        // Sequence number and timestamp wrap within the first frames.
        Self {
            sender: Sender::new(THEIRS, 65_530),
            number: 0,
            len,
            timestamp: 0u32.wrapping_sub(2 * FRAME_TICKS),
            format,
        }
    }

    /// The packets of the next frame.
    fn frame(&mut self) -> Vec<Vec<u8>> {
        let file = [&[1; 64][..], &[2; 64], &scan(self.number, self.len)].concat();
        self.format.scan = Span { start: 128, len: self.len as u32 };
        let fragments = Fragments::Jpeg(jpeg::Fragments::new(&self.format, 1000));
        let mut packets = Vec::new();
        for index in 0..fragments.count() {
            let packet = Packet::new(&self.sender, self.timestamp, &fragments, index, &file).unwrap();
            packets.push(packet.segments().concat());
            self.sender.commit(packet.payload_len());
        }
        self.number += 1;
        self.timestamp = self.timestamp.wrapping_add(FRAME_TICKS);
        packets
    }

    /// The packets of several frames.
    fn frames(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).flat_map(|_| self.frame()).collect()
    }
}

/// Hands packets over and fetches frames as a pump does. Returns the files that came out.
fn run<'p, const SLOTS: usize>(
    receiver: &mut Receiver<Vec<u8>, SLOTS>,
    now: Instant,
    packets: impl IntoIterator<Item = &'p Vec<u8>>,
) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for packet in packets {
        let _ = receiver.handle_packet(now, packet);
        files.extend(fetch(receiver, now));
    }
    files
}

/// The files that can be fetched now.
fn fetch<const SLOTS: usize>(receiver: &mut Receiver<Vec<u8>, SLOTS>, now: Instant) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    while let Some(received) = receiver.poll_frame(now) {
        assert_eq!(received.len, receiver.frame().len());
        files.push(receiver.frame().to_vec());
    }
    files
}

/// The scan data of a file, which must be a JPEG file from SOI to EOI.
fn scan_of(file: &[u8]) -> Vec<u8> {
    assert!(file.ends_with(&[0xff, 0xd9]));
    Layout::parse(file).unwrap().scan.of(file).to_vec()
}

/// The numbers of the frames that these files are.
fn numbers(files: &[Vec<u8>], len: usize) -> Vec<u32> {
    let number = |file: &Vec<u8>| {
        let found = scan_of(file);
        (0..1000).find(|&number| scan(number, len) == found).expect("a frame that was never sent")
    };
    files.iter().map(number).collect()
}

/// One RTP packet, made by hand.
#[derive(Clone, Copy)]
struct Raw {
    sequence: u16,
    timestamp: u32,
    marker: bool,
    main: MainHeader,
}

impl Raw {
    const FIRST: Self = Self {
        sequence: 100,
        timestamp: 1000,
        marker: false,
        main: MainHeader { type_specific: 0, fragment_offset: 0, kind: 1, q: 80, width: 40, height: 30 },
    };

    fn at(self, sequence: u16, fragment_offset: u32) -> Self {
        Self { sequence, main: MainHeader { fragment_offset, ..self.main }, ..self }
    }

    fn last(self) -> Self {
        Self { marker: true, ..self }
    }

    fn bytes(self, rest: &[u8]) -> Vec<u8> {
        let mut header = [0; rtp::HEADER_LEN];
        let Self { marker, sequence, timestamp, .. } = self;
        rtp::Repr { marker, payload_type: 26, sequence, timestamp, ssrc: THEIRS }.emit(&mut header);
        let mut main = [0; MainHeader::LEN];
        self.main.emit(&mut main);
        [&header[..], &main, rest].concat()
    }
}

/// A quantisation header and what follows it.
fn tables(precision: u8, tables: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut header = [0; QuantizationHeader::LEN];
    QuantizationHeader { mbz: 0, precision, length: tables.len() as u16 }.emit(&mut header);
    [&header[..], tables, rest].concat()
}
