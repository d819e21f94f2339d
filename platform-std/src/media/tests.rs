//! Viewers of files that are not in memory.

mod files;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use mutoscope::media::{Advance, FrameRate, FrameSource};
use mutoscope::time::Instant;

use super::film::Film;
use super::gated::{Gate, GatedFile, WakeCount, advance};
use super::testing::{frames, picture};
use super::{FrameError, Library, LibrarySource, OnUnsupported, Policy};
use crate::server::{Options, Server};

const NOW: Instant = Instant::from_micros(0);
const PENDING: Advance = Advance::Pending { until: None };

fn library(files: Vec<(Film, Arc<GatedFile>)>, policy: Policy) -> Library {
    let (films, files): (Vec<_>, Vec<_>) = files.into_iter().unzip();
    let named = films.into_iter().enumerate().map(|(number, film)| (format!("{number}.mjpeg"), film)).collect();
    let library = Library::from_films(named, FrameRate::new(25, 1).unwrap(), policy);
    // They were looked into.
    files.iter().for_each(|file| file.waited_at.lock().unwrap().clear());
    library
}

/// One file.
fn gated(frames: &[Vec<u8>]) -> (Library, Arc<GatedFile>) {
    let (film, file) = GatedFile::new(frames, &Arc::new(Gate::default()));
    (library(vec![(film, Arc::clone(&file))], Policy::default()), file)
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn data(source: &LibrarySource) -> &[u8] {
    source.frame().expect("a frame").data
}

#[test]
fn media_that_block_all_workers_keep_no_other_medium_waiting() {
    let frames = frames(30);
    let stuck_gate = Arc::new(Gate::default());
    let mut files: Vec<_> = (0..8).map(|_| GatedFile::new(&frames, &stuck_gate)).collect();
    let from_disk = GatedFile::new(&frames, &Arc::new(Gate::default()));
    let from_memory = GatedFile::new(&frames, &stuck_gate);
    from_memory.1.in_memory.store(usize::MAX, Ordering::SeqCst);
    files.extend([from_disk, from_memory]);
    let library = library(files, Policy::default());

    stuck_gate.shut(true);
    let mut stuck: Vec<_> = (0..8).map(|id| library.open(id).unwrap()).collect();
    let count = WakeCount::new();
    let waker = Waker::from(Arc::clone(&count));
    for source in &mut stuck {
        assert_eq!(source.advance(NOW, &waker).unwrap(), PENDING);
    }
    wait_for("all workers are stuck", || stuck_gate.standing.load(Ordering::SeqCst) == 8);
    for id in [8, 9] {
        let mut source = library.open(id).unwrap();
        for frame in &frames {
            assert_eq!(advance(&mut source, NOW).unwrap(), Advance::Ready);
            assert_eq!(data(&source), frame);
        }
        assert_eq!(advance(&mut source, NOW).unwrap(), Advance::End);
    }
    assert_eq!((stuck_gate.standing.load(Ordering::SeqCst), count.get()), (8, 0), "they still are");
    stuck_gate.shut(false);
    for source in &mut stuck {
        assert_eq!(advance(source, NOW).unwrap(), Advance::Ready);
        assert_eq!(data(source), frames[0]);
    }
}

/// Plays over the control connection, so that each frame arrives as packets of which the last has a marker.
fn play(server: SocketAddr, medium: usize) -> BufReader<TcpStream> {
    let mut stream = BufReader::new(TcpStream::connect(server).unwrap());
    stream.get_ref().set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let url = format!("rtsp://{server}/{medium}.mjpeg");
    let mut session = String::new();
    for request in [
        format!("SETUP {url}/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"),
        format!("PLAY {url} RTSP/1.0\r\nCSeq: 2\r\n"),
    ] {
        stream.get_mut().write_all(format!("{request}{session}\r\n").as_bytes()).unwrap();
        let answer: Vec<_> = stream.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
        assert_eq!(answer[0], "RTSP/1.0 200 OK", "{answer:?}");
        let line = answer.iter().find(|line| line.starts_with("Session:")).unwrap();
        session = format!("{}\r\n", line.split(';').next().unwrap());
    }
    stream
}

#[test]
fn a_server_plays_on_while_all_its_workers_are_stuck() {
    let (stuck_frames, frames) = (frames(3), frames(25));
    let stuck_gate = Arc::new(Gate::default());
    let mut files: Vec<_> = (0..8).map(|_| GatedFile::new(&stuck_frames, &stuck_gate)).collect();
    files.push(GatedFile::new(&frames, &Arc::new(Gate::default())));
    let library = library(files, Policy::default());
    let server = Server::bind(&Options { rtsp_port: 0, ..Options::default() }).unwrap();
    let (address, stop) = (server.local_addr(), server.stop_handle());
    let serving = thread::spawn(move || server.serve(library));

    stuck_gate.shut(true);
    let mut stuck: Vec<_> = (0..8).map(|medium| play(address, medium)).collect();
    wait_for("all workers are stuck", || stuck_gate.standing.load(Ordering::SeqCst) == 8);
    // The ninth is read by a worker too.
    let (mut stream, mut shown, mut longest) = (play(address, 8), 0, Duration::ZERO);
    let mut last = std::time::Instant::now();
    while shown < frames.len() {
        let packet = packet(&mut stream);
        if packet.is_some_and(|packet| packet[1] & 0x80 != 0) {
            shown += 1;
            longest = longest.max(last.elapsed());
            last = std::time::Instant::now();
        }
    }
    // Frames are 40 ms apart; the machine may be busy with other things.
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    assert_eq!(stuck_gate.standing.load(Ordering::SeqCst), 8, "they still are");
    stuck_gate.shut(false);
    for stream in &mut stuck {
        while packet(stream).is_none() {}
    }
    stop.stop();
    serving.join().unwrap().unwrap();
}

/// The next interleaved packet; `None` where it is a report.
fn packet(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).unwrap();
    let mut packet = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
    stream.read_exact(&mut packet).unwrap();
    assert_eq!(head[0], b'$');
    (head[1] == 0).then_some(packet)
}

#[test]
fn a_frame_that_many_wait_for_is_read_once_and_wakes_each_once() {
    let frames = frames(3);
    let (library, file) = gated(&frames);
    file.gate.shut(true);
    let counts: Vec<_> = (0..20).map(|_| WakeCount::new()).collect();
    let mut sources: Vec<_> = (0..20).map(|_| library.open(0).unwrap()).collect();
    // A viewer that asks twice is woken once all the same.
    for _ in 0..2 {
        for (source, count) in sources.iter_mut().zip(&counts) {
            assert_eq!(source.advance(NOW, &Waker::from(Arc::clone(count))).unwrap(), PENDING);
            assert_eq!((source.position(), source.frame().is_none()), (0, true));
        }
    }
    file.gate.shut(false);
    wait_for("all are woken", || counts.iter().all(|count| count.get() == 1));
    for source in &mut sources {
        assert_eq!(source.advance(NOW, Waker::noop()).unwrap(), Advance::Ready);
        assert_eq!(data(source), frames[0]);
    }
    assert!(sources.iter().all(|source| std::ptr::eq(data(source), data(&sources[0]))), "they share it");
    // The second frame is the one ahead.
    wait_for("the frame ahead", || file.waited_at.lock().unwrap().len() == 2);
    let second = GatedFile::offset(&frames, 1) as u64;
    assert_eq!(*file.waited_at.lock().unwrap(), [0, second]);
    assert!(counts.iter().all(|count| count.get() == 1));
}

#[test]
fn what_is_in_memory_of_a_frame_is_not_read_again() {
    let frames = frames(3);
    let (library, file) = gated(&frames);
    let boundary = GatedFile::offset(&frames, 1) + 10;
    file.in_memory.store(boundary, Ordering::SeqCst);
    file.gate.shut(true);
    let mut source = library.open(0).unwrap();
    assert_eq!(source.advance(NOW, Waker::noop()).unwrap(), Advance::Ready);
    assert_eq!(data(&source), frames[0]);
    assert_eq!(source.advance(NOW, Waker::noop()).unwrap(), PENDING);
    file.gate.shut(false);
    assert_eq!(advance(&mut source, NOW).unwrap(), Advance::Ready);
    assert_eq!(data(&source), frames[1]);
    assert_eq!(file.waited_at.lock().unwrap()[0], boundary as u64);
}

#[test]
fn frames_from_a_disk_are_read_one_ahead_in_two_buffers() {
    let frames = frames(20);
    let (library, file) = gated(&frames);
    let mut source = library.open(0).unwrap();
    let mut addresses = BTreeSet::new();
    for (number, frame) in frames.iter().enumerate() {
        assert_eq!(advance(&mut source, NOW).unwrap(), Advance::Ready);
        assert_eq!(data(&source), frame);
        addresses.insert(data(&source).as_ptr());
        let read = frames.len().min(number + 2);
        wait_for("the frame ahead", || file.waited_at.lock().unwrap().len() == read);
    }
    // The frames grow, so a buffer may have to move.
    assert!(addresses.len() < frames.len() / 2, "{}", addresses.len());
    assert_eq!(advance(&mut source, NOW).unwrap(), Advance::End);
}

#[test]
fn a_disk_that_fails_costs_the_frames_it_does_not_give() {
    let frames = frames(4);
    let (library, file) = gated(&frames);
    let (mut one, mut other) = (library.open(0).unwrap(), library.open(0).unwrap());
    file.is_broken.store(true, Ordering::SeqCst);
    for source in [&mut one, &mut other] {
        let error = advance(source, NOW).expect_err("the disk is broken");
        assert!(matches!(error, FrameError::Read(_)) && error.to_string().contains("out of order"), "{error}");
        assert_eq!((source.position(), source.frame().is_none()), (1, true));
    }
    file.is_broken.store(false, Ordering::SeqCst);
    one.seek(2).unwrap();
    assert_eq!(advance(&mut one, NOW).unwrap(), Advance::Ready);
    assert_eq!(data(&one), frames[2]);
}

#[test]
fn a_viewer_that_leaves_or_seeks_is_waited_for_by_no_worker() {
    let frames = frames(20);
    let (library, file) = gated(&frames);
    file.gate.shut(true);
    let mut leaving = library.open(0).unwrap();
    assert_eq!(leaving.advance(NOW, Waker::noop()).unwrap(), PENDING);
    wait_for("a worker", || file.gate.standing.load(Ordering::SeqCst) == 1);
    let mut seeking = library.open(0).unwrap();
    for number in 1..19 {
        seeking.seek(number).unwrap();
        assert_eq!(seeking.advance(NOW, Waker::noop()).unwrap(), PENDING);
    }
    drop(leaving);
    file.gate.shut(false);
    assert_eq!(advance(&mut seeking, NOW).unwrap(), Advance::Ready);
    assert_eq!(data(&seeking), frames[18]);
    // The one that was under way, the one that was wanted, and the one ahead.
    wait_for("the frame ahead", || file.waited_at.lock().unwrap().len() == 3);
}

#[test]
fn pictures_that_are_read_by_one_worker_and_converted_by_another_come_in_their_order() {
    let frames: Vec<_> =
        (0..6).map(|number| picture(70 + number, 50, |encoder| encoder.set_progressive(true))).collect();
    let policy = Policy { on_unsupported: OnUnsupported::Convert, ..Policy::default() };
    let library = library(vec![GatedFile::new(&frames, &Arc::new(Gate::default()))], policy);
    let mut source = library.open(0).unwrap();
    for (number, frame) in frames.iter().enumerate() {
        assert_eq!(advance(&mut source, NOW).unwrap(), Advance::Ready);
        let shown = source.frame().unwrap();
        assert_eq!((shown.number as usize, shown.layout.unwrap().width), (number, 70 + number as u16));
        assert_eq!(source.original(), Some(&frame[..]));
    }
    assert_eq!(advance(&mut source, NOW).unwrap(), Advance::End);
}

#[test]
fn threads_share_pictures_and_each_sees_all_of_them() {
    let frames = frames(100);
    let (library, file) = gated(&frames);
    file.in_memory.store(GatedFile::offset(&frames, 50), Ordering::SeqCst);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut source = library.open(0).unwrap();
                for frame in &frames {
                    assert_eq!(advance(&mut source, NOW).unwrap(), Advance::Ready);
                    assert_eq!(data(&source), frame);
                }
                assert_eq!(advance(&mut source, NOW).unwrap(), Advance::End);
            });
        }
    });
}
