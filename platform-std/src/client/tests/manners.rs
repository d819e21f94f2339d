//! Servers that refuse, are silent, or tell their time in another way.

use super::*;

/// Up to SETUP's answer over TCP, for a presentation of this range.
fn set_up(stream: &mut TcpStream, range: &str) {
    answer(stream, "200 OK", "Public: DESCRIBE, SETUP, PLAY, PAUSE\r\n", "");
    set_up_unasked(stream, range);
}

/// The same where OPTIONS has not been answered.
fn set_up_unasked(stream: &mut TcpStream, range: &str) {
    let sdp = format!("v=0\r\na=range:{range}\r\nm=video 0 RTP/AVP 26\r\na=control:trackID=0\r\n");
    assert!(answer(stream, "200 OK", "", &sdp).starts_with("DESCRIBE "));
    answer(stream, "200 OK", "Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n", "");
}

/// Answers PLAY; which range it asked for.
fn play(stream: &mut TcpStream, status: &str, headers: &str) -> Option<String> {
    let request = answer(stream, status, headers, "");
    assert!(request.starts_with("PLAY "), "{request}");
    request.lines().find_map(|line| line.strip_prefix("Range: ")).map(str::to_owned)
}

/// Answers PAUSE.
fn pause(stream: &mut TcpStream) {
    assert!(answer(stream, "200 OK", "", "").starts_with("PAUSE "));
}

/// A frame of one packet.
fn frame(stream: &mut TcpStream, sequence: u8, timestamp: u32) {
    let mut packet = [0x80, 0x9a, 0, sequence, 0, 0, 0, 0, 9, 9, 9, 9, 0, 0, 0, 0, 1, 50, 2, 1, 1, 2, 3];
    packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
    stream.write_all(&[b'$', 0, 0, packet.len() as u8]).unwrap();
    stream.write_all(&packet).unwrap();
}

fn over_tcp(address: SocketAddr) -> Options {
    Options { transport: Transport::Tcp, stall_timeout: Duration::from_millis(350), ..options(address) }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The first error.
fn failure(client: &mut Client) -> Error {
    loop {
        match next(client) {
            Ok(seen) => assert!(!matches!(seen, Seen::EndOfStream { .. }), "{seen:?}"),
            Err(error) => return error,
        }
    }
}

#[test]
fn a_refused_seek_is_told_and_the_next_one_is_made_all_the_same() {
    let (address, server) = scripted(vec![|stream| {
        set_up(stream, "npt=0-10");
        assert_eq!(play(stream, "200 OK", "").as_deref(), Some("npt=0.000-"));
        pause(stream);
        assert_eq!(play(stream, "457 Invalid Range", "").as_deref(), Some("npt=60.000-"));
        assert_eq!(play(stream, "200 OK", ""), None, "it plays on");
        pause(stream);
        assert_eq!(play(stream, "200 OK", "").as_deref(), Some("npt=3.000-"));
    }]);
    let mut client = Client::new(over_tcp(address)).unwrap();
    client.play(None);
    until(&mut client, |seen| *seen == Seen::Playing);
    client.play(Some(seconds(60)));
    assert_eq!(next(&mut client).unwrap(), Seen::Refused(457));
    assert_eq!(next(&mut client).unwrap(), Seen::Playing);
    client.play(Some(seconds(3)));
    assert_eq!(next(&mut client).unwrap(), Seen::From(seconds(3)));
    server.join().unwrap();
}

#[test]
fn a_server_that_takes_no_range_at_first_is_asked_for_one_when_somebody_seeks() {
    let (address, server) = scripted(vec![|stream| {
        set_up(stream, "npt=0-10");
        assert_eq!(play(stream, "501 Not Implemented", "").as_deref(), Some("npt=0.000-"));
        assert_eq!(play(stream, "200 OK", ""), None);
        pause(stream);
        assert_eq!(play(stream, "200 OK", "").as_deref(), Some("npt=3.000-"));
    }]);
    let mut client = Client::new(over_tcp(address)).unwrap();
    client.play(None);
    until(&mut client, |seen| *seen == Seen::Playing);
    client.play(Some(seconds(3)));
    assert_eq!(next(&mut client).unwrap(), Seen::From(seconds(3)));
    server.join().unwrap();
}

#[test]
fn what_no_range_is_to_blame_for_is_not_asked_again() {
    let (address, server) = scripted(vec![|stream| {
        set_up(stream, "npt=0-10");
        play(stream, "453 Not Enough Bandwidth", "");
        assert!(!request(stream).starts_with("PLAY "));
    }]);
    let mut client = Client::new(over_tcp(address)).unwrap();
    client.play(None);
    let error = failure(&mut client);
    assert!(matches!(error, Error::Refused { status: StatusCode(453), during: Command::Play, .. }), "{error}");
    server.join().unwrap();
}

#[test]
fn without_another_dialect_to_try_a_server_silent_on_options_is_asked_to_describe() {
    let (address, server) = scripted(vec![|stream| {
        assert!(request(stream).starts_with("OPTIONS "));
        set_up_unasked(stream, "npt=0-10");
        play(stream, "200 OK", "");
        frame(stream, 1, 0);
        request(stream);
    }]);
    let mut client = Client::new(over_tcp(address)).unwrap();
    client.play(None);
    until(&mut client, is_frame);
    drop(client);
    server.join().unwrap();
}

#[test]
fn a_server_silent_on_options_is_asked_again_where_it_is_no_lab_either() {
    let (address, server) = scripted(vec![
        |stream| while !request(stream).is_empty() {},
        |stream| assert!(request(stream).starts_with("SETUP x RTSP/1.0\n")),
        |stream| {
            assert!(request(stream).starts_with("OPTIONS "));
            set_up_unasked(stream, "npt=0-10");
            play(stream, "200 OK", "");
            frame(stream, 1, 0);
            request(stream);
        },
    ]);
    let mut client = Client::new(options(address)).unwrap();
    client.play(None);
    until(&mut client, |seen| *seen == Seen::Retrying(Retry::Lab));
    until(&mut client, |seen| *seen == Seen::Retrying(Retry::Standard));
    // The script knows TCP only.
    client.attempt.tcp = true;
    until(&mut client, is_frame);
    drop(client);
    server.join().unwrap();
}

#[test]
fn what_a_lab_server_says_of_its_files_is_not_asked_again() {
    let (address, server) = scripted(vec![|stream| while !request(stream).is_empty() {}, |stream| {
        request(stream);
        stream.write_all(b"RTSP/1.0 404 NOT FOUND\nCSeq: 1\nSession: 0").unwrap();
        request(stream);
    }]);
    let mut client = Client::new(options(address)).unwrap();
    client.play(None);
    assert!(matches!(failure(&mut client), Error::NoDialect(..)));
    server.join().unwrap();
}

#[test]
fn a_range_that_begins_later_is_played_from_there_and_counted_from_there() {
    let (address, server) = scripted(vec![|stream| {
        set_up(stream, "npt=5-15");
        assert_eq!(play(stream, "200 OK", "Range: npt=5-15\r\n").as_deref(), Some("npt=5.000-"));
        frame(stream, 1, 0);
        pause(stream);
        assert_eq!(play(stream, "200 OK", "Range: npt=7-15\r\n").as_deref(), Some("npt=7.000-"));
        frame(stream, 2, 90_000);
        request(stream);
    }]);
    let mut client = Client::new(over_tcp(address)).unwrap();
    client.play(None);
    let seen = until(&mut client, |seen| matches!(seen, Seen::SetUp(_)));
    assert!(matches!(seen, Seen::SetUp(presentation) if presentation.duration == Some(seconds(10))), "{seen:?}");
    let at = |seconds| Seen::Frame { position: Some(Duration::from_secs(seconds)), len: 0 };
    let without_len = |seen| match seen {
        Seen::Frame { position, .. } => Seen::Frame { position, len: 0 },
        other => other,
    };
    assert_eq!(without_len(until(&mut client, is_frame)), at(0));
    client.play(Some(seconds(2)));
    until(&mut client, |seen| *seen == Seen::From(seconds(2)));
    assert_eq!(without_len(until(&mut client, is_frame)), at(2));
    drop(client);
    server.join().unwrap();
}

#[test]
fn silence_is_no_end_where_nothing_says_that_there_is_one() {
    // Without an end, and long beyond it: both are repeated.
    for script in [
        (|stream| {
            set_up(stream, "npt=0-");
            play(stream, "200 OK", "Range: npt=0-\r\n");
            frame(stream, 1, 0);
            frame(stream, 2, 10 * 90_000);
            request(stream);
        }) as fn(&mut TcpStream),
        |stream| {
            set_up(stream, "npt=0-10");
            play(stream, "200 OK", "Range: npt=0-10\r\n");
            frame(stream, 1, 0);
            frame(stream, 2, 13 * 90_000);
            request(stream);
        },
    ] {
        let (address, server) = scripted(vec![script]);
        let mut client = Client::new(over_tcp(address)).unwrap();
        client.play(None);
        let error = failure(&mut client);
        assert!(matches!(error, Error::Stalled(_)), "{error}");
        server.join().unwrap();
    }
}

#[test]
fn silence_near_the_announced_end_is_the_end() {
    let (address, server) = scripted(vec![|stream| {
        set_up(stream, "npt=5-15");
        play(stream, "200 OK", "Range: npt=5-15\r\n");
        frame(stream, 1, 0);
        frame(stream, 2, 9 * 90_000);
        request(stream);
    }]);
    let mut client = Client::new(over_tcp(address)).unwrap();
    client.play(None);
    until(&mut client, |seen| *seen == Seen::EndOfStream { announced: false });
    drop(client);
    server.join().unwrap();
}

#[test]
fn a_position_in_the_labs_dialect_is_told_to_be_none() {
    let (address, server) = scripted(vec![|stream| {
        request(stream);
        stream.write_all(b"RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\n\n").unwrap();
        assert_eq!(request(stream), "PLAY x RTSP/1.0\nCSeq: 2\nSession: 123456");
        stream.write_all(b"RTSP/1.0 200 OK\nCSeq: 2\nSession: 123456\n\n").unwrap();
        request(stream);
    }]);
    let mut client = Client::new(Options { dialect: Dialect::Lab, ..options(address) }).unwrap();
    client.play(Some(seconds(60)));
    until(&mut client, |seen| *seen == Seen::Unseekable);
    until(&mut client, |seen| *seen == Seen::Playing);
    drop(client);
    server.join().unwrap();
}

/// RTP/JPEG of 16x8 pixels, Q 50, in a packet of its own or in two.
fn rtp(payload_type: u8, sequence: u8, offset: u8, scan: &[u8]) -> Vec<u8> {
    let head = [0x80, payload_type, 0, sequence, 0, 0, 0, sequence / 2, 9, 9, 9, 9, 0, 0, 0, offset, 1, 50, 2, 1];
    [&head, scan].concat()
}

/// Plays over TCP, and sends what this makes of a number, for as long as somebody listens.
fn play_over_tcp(stream: &mut TcpStream, packet: impl Fn(u8) -> Vec<u8>) {
    set_up(stream, "npt=now-");
    play(stream, "200 OK", "");
    for number in (0..=255).cycle() {
        let packet = packet(number);
        if stream.write_all(&[&[b'$', 0, 0, packet.len() as u8], &packet[..]].concat()).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_is_wrong_with_packets_over_tcp_is_said() {
    for (script, expected) in [
        ((|stream| play_over_tcp(stream, |at| rtp(0x80 | 97, at, 0, &[1]))) as fn(&mut TcpStream), "payload type 97"),
        (|stream| play_over_tcp(stream, |at| rtp(26, at, at % 2 * 2, &[1])), "leaves parts out"),
        (|stream| play_over_tcp(stream, |at| rtp(0x80 | 26, at, 0, &[1])[..18].to_vec()), "(RFC 2435): a packet ends"),
        (
            |stream| {
                set_up(stream, "npt=now-");
                play(stream, "200 OK", "");
                request(stream);
            },
            "over the connection",
        ),
    ] {
        let (address, server) = scripted(vec![script]);
        let silence = Duration::from_millis(100);
        let mut client = Client::new(Options { silence, ..over_tcp(address) }).unwrap();
        client.play(None);
        let error = failure(&mut client).to_string();
        assert!(error.contains(expected), "{error}");
        drop(client);
        server.join().unwrap();
    }
}

/// Plays over UDP and sends all but each second packet of a frame of two.
fn play_half_over_udp(stream: &mut TcpStream) {
    describe(stream);
    let request = answer(stream, "200 OK", "Session: 1\r\n", "");
    let port = request.split_once("client_port=").unwrap().1.split_once('-').unwrap().0.parse::<u16>().unwrap();
    play(stream, "200 OK", "");
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
    for number in (0..=254).step_by(2).cycle() {
        socket.send_to(&rtp(26, number, 0, &[1]), ("127.0.0.1", port)).unwrap();
        // Until it leaves.
        if stream.read(&mut [0; 4096]).is_ok() {
            break;
        }
    }
}

#[test]
fn where_no_frame_arrives_whole_over_udp_tcp_is_tried() {
    let (address, server) = scripted(vec![play_half_over_udp, |stream| {
        set_up(stream, "npt=now-");
        play(stream, "200 OK", "");
        frame(stream, 1, 0);
        request(stream);
    }]);
    let silence = Duration::from_millis(300);
    let mut client = Client::new(Options { silence, ..options(address) }).unwrap();
    client.play(None);
    until(&mut client, |seen| *seen == Seen::Retrying(Retry::Tcp));
    until(&mut client, is_frame);
    drop(client);
    server.join().unwrap();
}

#[test]
fn a_server_that_forgets_the_session_and_plays_on_is_listened_to_until_it_stops() {
    let (address, server) = scripted(vec![|stream| {
        describe(stream);
        answer(stream, "200 OK", "Session: 1;timeout=1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n", "");
        play(stream, "200 OK", "");
        frame(stream, 1, 0);
        assert!(answer(stream, "454 Session Not Found", "", "").starts_with("OPTIONS "));
        frame(stream, 2, 3750);
        while !request(stream).is_empty() {}
    }]);
    let mut client =
        Client::new(Options { stall_timeout: seconds(60), silence: seconds(1), ..over_tcp(address) }).unwrap();
    client.play(None);
    until(&mut client, is_frame);
    until(&mut client, is_frame);
    let error = failure(&mut client).to_string();
    assert!(error.contains("454"), "{error}");
    drop(client);
    server.join().unwrap();
}

#[test]
fn who_has_said_that_he_speaks_rtsp_is_not_asked_in_the_labs_dialect() {
    let (address, server) = scripted(vec![|stream| {
        answer(stream, "200 OK", "Public: DESCRIBE, SETUP, PLAY\r\n", "");
        request(stream);
        stream.write_all(b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 500\r\n\r\nv=0\r\n").unwrap();
    }]);
    let mut client = Client::new(options(address)).unwrap();
    client.play(None);
    assert!(matches!(failure(&mut client), Error::Closed(None)));
    server.join().unwrap();
}
