//! Targets of the machines: input is what arrives, and when.

use super::jpeg;
use crate::net::Random;
use mutoscope::jpeg::Layout;
use mutoscope::media::FrameRate;
use mutoscope::rtp::fragment::{self, Fragments};
use mutoscope::rtp::packet::Packet;
use mutoscope::rtp::receiver::{Config, Payload, Receiver};
use mutoscope::rtp::sender::Sender;
use mutoscope::session::Dialect;
use mutoscope::session::Secrecy;
use mutoscope::session::server::{self, Connection, Description, Event, Played};
use mutoscope::time::{Duration, Instant, WallClock};
use mutoscope::wire::lab::extra::Extra;
use mutoscope::wire::lab::{self, Parsed};
use mutoscope::wire::rtsp::headers::Range;
use mutoscope::wire::rtsp::{self, Message, StatusCode};
use mutoscope::wire::sdp::{Exchange, Sdp};

/// What an RTP receiver gets: records of an action, a pause in units of 4 ms, a length, and as many bytes of a packet.
pub fn receiver(data: &[u8]) {
    for payload in [Payload::Jpeg, Payload::Lab] {
        let mut now = Instant::from_millis(1000);
        let config = Config { payload, ..Config::default() };
        let mut receiver: Receiver<_, 2> = Receiver::new([[0_u8; 2000]; 2], 1, config);
        let (mut frames, mut rest) = (0, data);
        while let Some((&[action, pause, high, low], behind)) = rest.split_first_chunk::<4>() {
            now = now.after(Duration::from_millis(u64::from(pause) * 4));
            let len = usize::from(u16::from_be_bytes([high, low])).min(behind.len());
            let (packet, behind) = behind.split_at(len);
            rest = behind;
            match action {
                0..=199 => _ = receiver.handle_packet(now, packet),
                200..=239 => _ = receiver.handle_rtcp(now, WallClock::default(), packet),
                240..=246 => {}
                247..=249 => receiver.start_at(now, u16::from_be_bytes([high, low])),
                250..=252 => receiver.reconfigure(config),
                _ => receiver.reset(),
            }
            frames += poll(&mut receiver, payload, now);
        }
        let statistics = receiver.statistics();
        assert_eq!(statistics.frames, frames);
        assert!(statistics.loss_ppm() <= 1_000_000);
        let mut buffer = [0; 256];
        let bye = receiver.emit_bye(now, "a", "b", &mut buffer);
        assert_eq!(bye.is_some(), receiver.statistics().ssrc.is_some(), "the buffer is large enough");
        super::rtp::rtcp(&buffer[..bye.unwrap_or(0)]);
    }
}

/// Takes what is there, as a driver does; then nothing may be due at once, or the driver would spin.
fn poll<const N: usize>(receiver: &mut Receiver<[u8; N], 2>, payload: Payload, now: Instant) -> u64 {
    let mut frames = 0;
    receiver.handle_timeout(now);
    while let Some(received) = receiver.poll_frame(now) {
        let frame = receiver.frame();
        assert_eq!(frame.len(), received.len);
        assert!(received.first_arrival <= received.arrived && received.arrived <= now);
        if payload == Payload::Jpeg {
            assert!(frame.starts_with(&[0xff, 0xd8]) && frame.ends_with(&[0xff, 0xd9]), "{frame:02x?}");
        }
        frames += 1;
        assert!(frames < 100, "frames without end");
    }
    let mut buffer = [0; 256];
    if let Some(len) = receiver.poll_report(now, "cname", &mut buffer) {
        super::rtp::rtcp(&buffer[..len]);
    }
    assert!(receiver.poll_timeout().is_none_or(|at| at > now), "{:?} at {now:?}", receiver.poll_timeout());
    frames
}

/// Streams of small frames, in records; RTCP between.
pub fn receiver_seeds() -> Vec<Vec<u8>> {
    let record = |action: u8, packet: &[u8]| {
        let [high, low] = (packet.len() as u16).to_be_bytes();
        [&[action, 1, high, low], packet].concat()
    };
    let mut seeds = Vec::new();
    for file in jpeg::seeds().iter().filter(|file| is_carried(file)) {
        let packets: Vec<u8> = (0..3).flat_map(|n| packets(file, n)).flat_map(|packet| record(0, &packet)).collect();
        let report: Vec<u8> = super::rtp::rtcp_seeds().iter().flat_map(|packet| record(200, packet)).collect();
        seeds.push([packets, report].concat());
    }
    seeds.push(record(0, &[&super::rtp::large()[..], b"data"].concat()));
    for payload in super::rtp::rtp_jpeg_seeds() {
        let header = [0x80, 0x9a, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7];
        seeds.push(record(0, &[&header[..], &payload].concat()));
    }
    seeds
}

fn is_carried(file: &[u8]) -> bool {
    Layout::parse(file).is_ok_and(|layout| layout.rtp_format().is_ok())
}

/// The packets of frame `number` of a stream that shows `file` again and again.
pub(super) fn packets(file: &[u8], number: u16) -> Vec<Vec<u8>> {
    let Some(format) = Layout::parse(file).ok().and_then(|layout| layout.rtp_format().ok()) else { return Vec::new() };
    let mut sender = Sender::new(7, 65_530);
    let mut packets = Vec::new();
    for n in 0..=number {
        packets.clear();
        let fragments = Fragments::Jpeg(fragment::jpeg::Fragments::new(&format, 300));
        let timestamp = 3750 * u32::from(n) + 1;
        while let Some(packet) = Packet::new(&sender, timestamp, &fragments, packets.len() as u32, file) {
            packets.push(packet.segments().concat());
            sender.commit(packet.payload_len());
        }
    }
    packets
}

/// What a network does to a stream: byte n says what happens to packet n. Whatever it is, a frame comes out whole or not at
/// all, and in order; and where nothing happened to its packets nor to their order, it comes.
pub fn reassembly(data: &[u8]) {
    const FRAMES: u16 = 8;
    let file = &jpeg::seeds()[1];
    let format = Layout::parse(file).ok().and_then(|layout| layout.rtp_format().ok()).expect("a seed that is carried");
    let scan = format.scan.of(file);
    // Frames that differ: the first bytes of the scan are the frame's number.
    let start = format.scan.start as usize;
    let frame = |number: u16| {
        let mut file = file.clone();
        file[start..start + 2].copy_from_slice(&number.to_be_bytes());
        file
    };
    let mut now = Instant::from_millis(1000);
    let mut receiver: Receiver<_, 2> = Receiver::new([[0_u8; 2000]; 2], 1, Config::default());
    let mut sent: Vec<(u16, Vec<u8>)> = Vec::new();
    let mut untouched = [true; FRAMES as usize];
    let mut in_order = true;
    let mut actions = data.iter();
    for number in 0..FRAMES {
        for packet in packets(&frame(number), number) {
            let action = actions.next().copied().unwrap_or(0);
            match action & 7 {
                6 => untouched[usize::from(number)] = false,
                5 => {
                    sent.push((number, packet.clone()));
                    sent.push((number, packet));
                }
                4 => {
                    in_order = false;
                    let place = sent.len().saturating_sub(usize::from(action >> 3) % 8);
                    sent.insert(place, (number, packet));
                }
                _ => sent.push((number, packet)),
            }
        }
    }
    let mut received = Vec::new();
    for (step, (_, packet)) in sent.iter().enumerate() {
        let pause = data.get(step).map_or(0, |&action| u64::from(action >> 6));
        now = now.after(Duration::from_millis(pause));
        let _ = receiver.handle_packet(now, packet);
        take(&mut receiver, now, &mut received, scan.len());
    }
    now = now.after(Duration::from_secs(1));
    receiver.handle_timeout(now);
    take(&mut receiver, now, &mut received, scan.len());
    assert!(received.is_sorted_by(|a, b| a < b), "frames {received:?} are not in order");
    if in_order {
        let whole: Vec<u16> = (0..FRAMES).filter(|&number| untouched[usize::from(number)]).collect();
        assert_eq!(received, whole, "whole frames came in order, but not out");
    }
}

/// Takes all frames; checks each against what was sent and keeps its number.
fn take(receiver: &mut Receiver<[u8; 2000], 2>, now: Instant, received: &mut Vec<u16>, len: usize) {
    while receiver.poll_frame(now).is_some() {
        let frame = receiver.frame();
        let scan = frame[..frame.len() - 2].split_at(frame.len() - 2 - len).1;
        assert_eq!(scan.len(), len);
        assert!(scan[2..].starts_with(&[0x5a; 600]), "a frame with a hole");
        received.push(u16::from_be_bytes([scan[0], scan[1]]));
    }
}

/// Nothing, everything lost, and some of everything.
pub fn reassembly_seeds() -> Vec<Vec<u8>> {
    vec![
        vec![0; 24],
        vec![6; 24],
        (0..64_u8).map(|n| n.wrapping_mul(37)).collect(),
        vec![0, 0, 6, 0, 12, 5, 0, 0, 20, 4, 0, 64, 192],
    ]
}

/// What a server's connection gets: a byte that decides how the rest is cut, answered and taken, and the rest.
pub fn server_session(data: &[u8]) {
    let Some((&seed, input)) = data.split_first() else { return };
    let mut random = Random::new(u64::from(seed));
    let mut now = Instant::from_millis(1000);
    let (record, guarded, moves) = (seed & 1 == 1, seed & 2 == 2, seed & 4 == 4);
    let config = server::Config { record, guarded, moves, ..server::Config::default() };
    let (rx, tx) = (vec![0; 1024], vec![0; 2048]);
    // Of these there is less to see.
    let mut connection = match seed & 0x18 {
        0x18 => Connection::refusing(now, rx, tx, config),
        _ => Connection::new(now, rx, tx, ENTROPY, config),
    };
    let (mut rest, mut output, mut steps) = (input, Vec::new(), 0);
    while !rest.is_empty() && !connection.is_closed() {
        steps += 1;
        assert!(steps < 20 * input.len() + 1000, "no progress with {} bytes left", rest.len());
        let space = connection.rx_buffer();
        let most = space.len().min(rest.len());
        let n = if seed == 0 { most } else { most.min(1 + random.below(64) as usize) };
        space[..n].copy_from_slice(&rest[..n]);
        rest = &rest[n..];
        connection.handle_input(now, n);
        drive(&mut connection, now, &mut random, &mut output);
        if connection.rx_buffer().is_empty() && !connection.is_closed() {
            // A request that only silence ends, or an end that must be waited for.
            let at = connection.poll_timeout().expect("nothing is read and nothing is waited for");
            now = now.after(at.since(now));
            pass(&mut connection, now);
        } else if random.below(16) == 0 {
            now = now.after(Duration::from_millis(random.below(100)));
            pass(&mut connection, now);
        }
    }
    connection.handle_close(now);
    // Lab requests that came together are answered one after the other, and a peer may take the answers byte by byte.
    for _ in 0..1000 {
        drive(&mut connection, now, &mut random, &mut output);
        let Some(at) = connection.poll_timeout().filter(|_| !connection.is_closed()) else {
            // What the peer has taken last may have let the next request in.
            if drive(&mut connection, now, &mut random, &mut output) == 0 {
                break;
            }
            continue;
        };
        now = now.after(at.since(now));
        pass(&mut connection, now);
    }
    assert!(connection.is_closed(), "open for ever");
    match connection.dialect() {
        Some(Dialect::Standard) => assert_answers(&output),
        Some(Dialect::Lab) => assert_replies(&output),
        None => {}
    }
}

const ENTROPY: u64 = 0x0123_4567_89ab_cdef;

/// Lets time pass: what was due is no longer.
fn pass(connection: &mut Connection<Vec<u8>>, now: Instant) {
    connection.handle_timeout(now);
    assert!(connection.poll_timeout().is_none_or(|at| at > now), "due again at once");
}

/// Answers every event in one way or another, and takes some or all of the output. Gives the number of events.
fn drive(connection: &mut Connection<Vec<u8>>, now: Instant, random: &mut Random, output: &mut Vec<u8>) -> u32 {
    let mut events = 0;
    while let Some(event) = connection.poll_event() {
        events += 1;
        assert!(events < 2000, "events without end");
        let refused = random.below(8) == 0;
        let all = Range::Npt { start: Some(0), end: Some(10_000_000) };
        match event {
            Event::Authorize => {
                let asking = connection.asking().expect("it is asked about");
                assert!(asking.uri.len() <= server::MAX_URI_LEN);
                let _ = asking.authorization();
                match random.below(4) {
                    0 => connection.challenge(now, ["Digest realm=\"m\", nonce=\"0\"", "Basic realm=\"m\""]),
                    1 => connection.refuse(now, StatusCode::FORBIDDEN, ""),
                    _ => connection.allow(now, Secrecy::NONE),
                }
            }
            Event::Describe
            | Event::Setup { .. }
            | Event::Change { .. }
            | Event::Lab(_)
            | Event::SetupRecord { .. }
            | Event::Play { .. }
            | Event::Pause
            | Event::Announce
            | Event::Record
                if refused =>
            {
                connection.refuse(now, StatusCode::NOT_FOUND, "there is no such file\r\n");
            }
            Event::Describe if random.below(4) == 0 => {
                assert!(connection.answer_moved(now, "rtsp://elsewhere:8554/movie.Mjpeg?moved=1"));
            }
            Event::Describe => {
                let frame_rate = FrameRate::new(24, 1).expect("a rate");
                let exchange = Exchange::None;
                let description =
                    Description { name: "movie", frame_rate, range: all, width: 640, height: 480, exchange };
                connection.answer_describe(now, &description);
            }
            Event::Setup { .. } | Event::Change { .. } => {
                connection.set_lab_length(lab::Length { frames: Some(500), time: Some(Duration::from_secs(20)) });
                connection.answer_setup(now, (6970, 6971), 7);
            }
            Event::Lab(Extra::Describe) => connection.answer_description(now, 500),
            Event::Lab(Extra::List(_)) => connection.answer_list(now, &mut |each| _ = ["a", "b"].into_iter().all(each)),
            Event::Lab(_) => connection.answer_lab(now),
            Event::Play { scale, speed, .. } => {
                let (scale, speed) = (scale.unwrap_or_default(), speed.unwrap_or_default());
                connection.answer_play(now, Played { sequence: 1, rtptime: 2, range: all, scale, speed });
            }
            Event::Pause => connection.answer_pause(now),
            Event::Teardown => connection.answer_teardown(now),
            Event::Announce => {
                let _ = Sdp::new(connection.body()).video();
                connection.answer_announce(now);
            }
            Event::SetupRecord { .. } => {
                assert!(connection.url().len() <= server::MAX_URI_LEN, "a URL that is too long");
                if connection.url().ends_with('1') {
                    connection.answer_setup_ignored(now, (6970, 6971));
                } else {
                    connection.answer_setup(now, (6970, 6971), 7);
                }
            }
            Event::Record => connection.answer_record(now),
            Event::Interleaved { .. } => assert!(connection.interleaved().len() <= 65_535),
            Event::Expired => {}
        }
        assert!(!connection.resource().names(".."), "a path that leads out");
        if random.below(4) == 0 && connection.dialect() == Some(Dialect::Standard) {
            connection.queue_interleaved(0, &[b"head", b"payload"]);
        }
        transmit(connection, now, random, output);
    }
    transmit(connection, now, random, output);
    events
}

fn transmit(connection: &mut Connection<Vec<u8>>, now: Instant, random: &mut Random, output: &mut Vec<u8>) {
    // A peer that takes everything, or a part; one that takes nothing for long is a matter of time-outs.
    while !connection.poll_transmit().is_empty() {
        let bytes = connection.poll_transmit();
        let n = if random.below(2) == 0 { bytes.len() } else { 1 + random.below(bytes.len() as u64) as usize };
        output.extend(&bytes[..n]);
        connection.consume_transmit(now, n);
    }
}

/// All output is whole answers and interleaved packets.
fn assert_answers(mut output: &[u8]) {
    while !output.is_empty() {
        match rtsp::parse(output) {
            Ok(Some((Message::Response(_) | Message::Interleaved(_), len))) => output = &output[len..],
            other => panic!("{other:?} in {:?}", String::from_utf8_lossy(output)),
        }
    }
}

/// All output is replies that the student's client can read: three lines, and what it ignores.
fn assert_replies(output: &[u8]) {
    let text = std::str::from_utf8(output).expect("text");
    let begins = text.match_indices("RTSP/1.0 ").map(|(at, _)| at);
    let ends = begins.clone().skip(1).chain([text.len()]);
    assert!(text.is_empty() || text.starts_with("RTSP/1.0 "), "{text:?}");
    for reply in begins.zip(ends).map(|(begin, end)| &text[begin..end]) {
        let read = lab::parse_reply(reply.as_bytes());
        assert!(matches!(read, Parsed::Complete(..) | Parsed::Pending(..)), "{reply:?}");
        assert!(reply.lines().count() >= 3 && reply.len() <= 1024, "{reply:?}");
        let session = reply.lines().nth(2).and_then(|line| line.strip_prefix("Session: "));
        assert!(session.is_some_and(|session| session.bytes().all(|byte| byte.is_ascii_digit())), "{reply:?}");
    }
}

/// Whole dialogues, with the session identifier that the connection will give.
pub fn server_session_seeds() -> Vec<Vec<u8>> {
    let url = "rtsp://127.0.0.1:8554/movie.Mjpeg";
    let setups = [
        format!(
            "SETUP {url}/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/UDP;unicast;client_port=5000-5001\r\n\r\n"
        ),
        format!("SETUP {url} RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"),
    ];
    let mut seeds = Vec::new();
    for setup in setups {
        let session = session_after(&setup);
        let mut dialogue = format!(
            "OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\n\r\nDESCRIBE {url} RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n{setup}"
        );
        for (cseq, method) in ["PLAY", "PAUSE", "GET_PARAMETER", "PLAY", "TEARDOWN"].iter().enumerate() {
            let cseq = cseq + 4;
            dialogue +=
                &format!("{method} {url} RTSP/1.0\r\nCSeq: {cseq}\r\nSession: {session}\r\nRange: npt=1-\r\n\r\n");
            dialogue += "$\x01\0\x04abcd";
        }
        for seed in [0, 1, 77] {
            seeds.push([&[seed], dialogue.as_bytes()].concat());
        }
    }
    let description = "v=0\r\nm=video 0 RTP/AVP 26\r\na=control:streamid=0\r\n";
    let announce = format!(
        "ANNOUNCE {url} RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{description}",
        description.len()
    );
    let setup = format!("SETUP {url}/streamid=0 RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;mode=record\r\n\r\n");
    let mut dialogue = announce + &setup;
    // The identifier of the connection's first session, whichever request makes it.
    let session = session_after(&setup.replace(";mode=record", ""));
    for (cseq, method) in ["RECORD", "PAUSE", "RECORD", "TEARDOWN"].iter().enumerate() {
        dialogue += &format!("{method} {url} RTSP/1.0\r\nCSeq: {cseq}\r\nSession: {session}\r\n\r\n$\x00\0\x04abcd");
    }
    seeds.extend([1, 3, 2].map(|seed| [&[seed], dialogue.as_bytes()].concat()));
    let setup = "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000\n";
    let session = session_after(&format!("{setup}\n"));
    let mut dialogue = setup.to_owned();
    let methods = [
        "PLAY",
        "PAUSE",
        "FASTFORWARD",
        "PLAY",
        "SETTIME",
        "SWITCH",
        "NEXT",
        "GETLIST",
        "DESCRIBE",
        "EXPLODE",
        "TEARDOWN",
    ];
    for (cseq, method) in methods.iter().enumerate() {
        let cseq = cseq + 2;
        dialogue += &format!("{method} movie.Mjpeg RTSP/1.0\nCSeq: {cseq}\nSession: {session}\nFRAME: 9\n");
    }
    seeds.extend([0, 5].map(|seed| [&[seed], dialogue.as_bytes()].concat()));
    seeds
}

/// The session identifier in the answer to `setup`.
fn session_after(setup: &str) -> String {
    let now = Instant::from_millis(1000);
    let mut connection = Connection::new(now, vec![0; 1024], vec![0; 2048], ENTROPY, server::Config::default());
    connection.rx_buffer()[..setup.len()].copy_from_slice(setup.as_bytes());
    connection.handle_input(now, setup.len());
    connection.handle_timeout(now.after(Duration::from_millis(50)));
    while let Some(event) = connection.poll_event() {
        assert!(matches!(event, Event::Setup { .. }), "{event:?}");
        connection.answer_setup(now, (6970, 6971), 7);
    }
    let answer = String::from_utf8_lossy(connection.poll_transmit()).into_owned();
    let line = answer.lines().find_map(|line| line.strip_prefix("Session: ")).unwrap_or_else(|| panic!("{answer:?}"));
    line.split(';').next().unwrap_or_default().to_owned()
}
