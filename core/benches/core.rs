//! Measures the hot paths of the core. Run with `cargo xtask bench`, or `cargo bench -p mutoscope`.

use core::task::Waker;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use mutoscope::jpeg::Layout;
use mutoscope::media::mjpeg::Reader;
use mutoscope::media::testcard::{DEFAULT_QUALITY, DEFAULT_SIZE, Design, DrawnTile, Leader, TestCard, tile_count};
use mutoscope::media::{Advance, FrameRate, FrameSource};
use mutoscope::rtp::fragment::{Fragments, jpeg};
use mutoscope::rtp::packet::Packet;
use mutoscope::rtp::receiver::{Config, Receiver};
use mutoscope::rtp::sender::Sender;
use mutoscope::time::{Duration, Instant};
use mutoscope::wire::rtsp;

fn main() {
    divan::main();
}

/// A real picture whose file is grown to `len` bytes inside its scan. That is allowed because nothing here decodes it.
fn frame(len: usize) -> Vec<u8> {
    let mut frame = picture();
    frame.truncate(frame.len() - 2);
    while frame.len() < len - 2 {
        frame.push((frame.len() % 251) as u8);
    }
    frame.truncate(len - 2);
    frame.extend([0xFF, 0xD9]);
    frame
}

fn card(width: u16, height: u16) -> TestCard {
    TestCard::new(width, height, FrameRate::new(24, 1).unwrap(), 50).unwrap()
}

fn picture() -> Vec<u8> {
    let mut out = vec![0; 64 * 1024];
    let len = card(320, 240).render(7, &mut out).unwrap();
    out.truncate(len);
    out
}

const SIZES: [usize; 2] = [5_000, 40_000];

fn packets(frame: &[u8], first_sequence: u16, timestamp: u32) -> Vec<Vec<u8>> {
    let format = Layout::parse(frame).unwrap().rtp_format().unwrap();
    let mut sender = Sender::new(7, first_sequence);
    let fragments = Fragments::Jpeg(jpeg::Fragments::new(&format, 1400));
    let mut packets = Vec::new();
    for index in 0..fragments.count() {
        let packet = Packet::new(&sender, timestamp, &fragments, index, frame).unwrap();
        packets.push(packet.segments().concat());
        sender.commit(packet.payload_len());
    }
    packets
}

/// Makes all packets of one frame: writes the headers and lends the scan.
#[divan::bench(args = SIZES)]
fn packetize(bencher: Bencher<'_, '_>, len: usize) {
    let frame = frame(len);
    let format = Layout::parse(&frame).unwrap().rtp_format().unwrap();
    let mut sender = Sender::new(7, 1);
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        let fragments = Fragments::Jpeg(jpeg::Fragments::new(black_box(&format), 1400));
        let frame = black_box(&frame);
        for index in 0..fragments.count() {
            let Some(packet) = Packet::new(&sender, 90_000, &fragments, index, frame) else { break };
            black_box(packet.segments());
            sender.commit(packet.payload_len());
        }
    });
}

/// Puts one packet after the other into a frame, and writes the file's headers before it.
#[divan::bench(args = SIZES)]
fn reassemble(bencher: Bencher<'_, '_>, len: usize) {
    let frame = frame(len);
    let config = Config { reorder_delay: Duration::from_millis(100), ..Config::default() };
    let mut receiver: Receiver<Vec<u8>, 2> = Receiver::new([(); 2].map(|()| vec![0; 256 * 1024]), 1, config);
    let (mut sequence, mut timestamp, mut now) = (0_u16, 0_u32, Instant::default());
    bencher
        .counter(BytesCount::new(len))
        .with_inputs(|| {
            let packets = packets(&frame, sequence, timestamp);
            sequence = sequence.wrapping_add(packets.len() as u16);
            timestamp = timestamp.wrapping_add(3750);
            packets
        })
        .bench_local_values(|packets| {
            now = now.after(Duration::from_micros(41_667));
            for packet in &packets {
                let _ = receiver.handle_packet(now, packet);
            }
            assert!(receiver.poll_frame(now).is_some());
            black_box(receiver.frame().len())
        });
}

/// Finds the parts of a JPEG file.
#[divan::bench(args = SIZES)]
fn layout(bencher: Bencher<'_, '_>, len: usize) {
    let frame = frame(len);
    bencher.bench_local(|| Layout::parse(black_box(&frame)).unwrap().rtp_format().unwrap());
}

/// Parses a PLAY request of ffmpeg.
#[divan::bench]
fn parse_request(bencher: Bencher<'_, '_>) {
    const REQUEST: &[u8] = b"PLAY rtsp://127.0.0.1:8554/movie.Mjpeg/ RTSP/1.0\r\nRange: npt=0.000-\r\nCSeq: 4\r\n\
        User-Agent: Lavf59.27.100\r\nSession: 3f0a9c1d2b4e5f60\r\n\r\n";
    bencher.counter(BytesCount::new(REQUEST.len())).bench_local(|| rtsp::parse(black_box(REQUEST)).unwrap().unwrap().1);
}

/// Draws and encodes a test card.
#[divan::bench(args = [(320, 240), (640, 480), (1280, 720)])]
fn render_test_card(bencher: Bencher<'_, '_>, (width, height): (u16, u16)) {
    let card = card(width, height);
    let mut out = vec![0; 256 * 1024];
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        card.render(number, &mut out).unwrap()
    });
}

/// Draws and encodes what has changed since the picture before.
#[divan::bench(args = ["card", "leader"])]
fn render_changes(bencher: Bencher<'_, '_>, name: &str) {
    let (width, height) = DEFAULT_SIZE;
    let rate = FrameRate::new(24, 1).unwrap();
    let design = match name {
        "card" => Design::Card(TestCard::new(width, height, rate, DEFAULT_QUALITY).unwrap()),
        _ => Design::Leader(Leader::new(width, height, rate, DEFAULT_QUALITY, 240).unwrap()),
    };
    let mut tiles = vec![DrawnTile::default(); tile_count(width, height)];
    let mut out = vec![0; 256 * 1024];
    let mut number = 0;
    bencher.bench_local(|| {
        number = (number + 1) % 240;
        design.render_changes(number, &mut out, &mut tiles).unwrap()
    });
}

/// The bytes of a film in memory, as a file would give them.
struct Film<'a>(&'a [u8], usize);

impl embedded_io::ErrorType for Film<'_> {
    type Error = core::convert::Infallible;
}

impl embedded_io::Read for Film<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let n = buffer.len().min(self.0.len() - self.1);
        buffer[..n].copy_from_slice(&self.0[self.1..self.1 + n]);
        self.1 += n;
        Ok(n)
    }
}

impl embedded_io::Seek for Film<'_> {
    fn seek(&mut self, to: embedded_io::SeekFrom) -> Result<u64, Self::Error> {
        use embedded_io::SeekFrom::{Current, End, Start};
        let at = match to {
            Start(at) => at as i64,
            Current(by) => self.1 as i64 + by,
            End(by) => self.0.len() as i64 + by,
        };
        self.1 = at.clamp(0, self.0.len() as i64) as usize;
        Ok(self.1 as u64)
    }
}

/// Finds and reads twenty frames of a file in memory.
#[divan::bench(args = ["raw", "lab"])]
fn read_frames(bencher: Bencher<'_, '_>, format: &str) {
    let frame = frame(25_000);
    let film: Vec<u8> = (0..20)
        .flat_map(|_| match format {
            "lab" => [format!("{:05}", frame.len()).into_bytes(), frame.clone()].concat(),
            _ => frame.clone(),
        })
        .collect();
    let mut buffer = vec![0; 64 * 1024];
    bencher.counter(BytesCount::new(film.len())).bench_local(|| {
        let mut reader = Reader::new(Film(&film, 0), &mut buffer[..]).unwrap();
        let mut frames = 0;
        while reader.advance(Instant::default(), Waker::noop()).unwrap() == Advance::Ready {
            frames += 1;
        }
        assert_eq!(frames, 20);
    });
}

/// Looks through junk of one kind, between the frames of a file in memory: how fast a reader is in step again.
#[divan::bench(args = ["zeros", "noise", "text", "short lines", "SOI", "SOI and zero", "SOI and fill", "SOI and table", "SOI and EOI", "markers", "cut scans", "lab digits"])]
fn pass_junk(bencher: Bencher<'_, '_>, kind: &str) {
    const LEN: usize = 4 << 20;
    let mut random = 1_u64;
    let mut noise = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 56) as u8
    };
    let repeated = |pattern: &[u8]| pattern.iter().copied().cycle().take(LEN).collect::<Vec<u8>>();
    let frame = frame(25_000);
    let mut buffer = vec![0; 64 * 1024];
    let junk = match kind {
        "zeros" => repeated(&[0]),
        "noise" => (0..LEN).map(|_| noise()).collect(),
        "text" => repeated(b"The quick brown fox\r\njumps: over\r\nthe lazy dog.\r\n"),
        "short lines" => repeated(b"a\n"),
        "SOI" => repeated(&[0xff, 0xd8]),
        "SOI and zero" => repeated(&[0xff, 0xd8, 0]),
        "SOI and fill" => repeated(&[0xff, 0xd8, 0xff, 0]),
        "SOI and table" => repeated(&[0xff, 0xd8, 0xff, 0xdb]),
        "SOI and EOI" => repeated(&[0xff, 0xd8, 0xff, 0xd9]),
        "markers" => (0..LEN).map(|_| [0xff, 0xd8, 0xda, 0xc0, 0xd9, 0xe0, 0, 2][usize::from(noise() % 8)]).collect(),
        // The scan of a frame that has lost its end.
        "cut scans" => [&frame[..frame.len() / 2], &repeated(&[0xff, 0xd8, 0])].concat(),
        _ => repeated(b"00044\xff\xd8\xff"),
    };
    let film = if kind == "lab digits" {
        let record = [format!("{:05}", frame.len()).as_bytes(), &frame].concat();
        [&record[..], &junk, &record, &record].concat()
    } else {
        [&frame[..], &junk, &frame, &frame].concat()
    };
    bencher.counter(BytesCount::new(film.len())).bench_local(|| {
        let mut reader = Reader::new(Film(&film, 0), &mut buffer[..]).unwrap();
        let mut frames = 0;
        loop {
            match reader.advance(Instant::default(), Waker::noop()) {
                Ok(Advance::Ready) => frames += 1,
                Ok(_) => break,
                Err(_) => {}
            }
        }
        // Noise of markers may end within a segment that takes the frames behind it.
        assert!(frames >= 1);
    });
}
