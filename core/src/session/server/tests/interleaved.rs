//! Binary packets on the control connection, in both directions.

use super::*;

fn packet(channel: u8, len: u16) -> Vec<u8> {
    let mut bytes = Interleaved::header(channel, len).to_vec();
    // Payloads that look like anything but themselves.
    bytes.extend(b"$PLAY RTSP/1.0\r\n\r\n\x00".iter().cycle().take(len.into()));
    bytes
}

#[test]
fn packets_of_every_length_stand_between_requests() {
    for len in [0u16, 1, 2, 100, 1019, 1020, 1021, 1024, 2000, 65535] {
        for piece in [1, 7, 1000, 70_000] {
            let mut peer = Peer::playing();
            let mut bytes = packet(1, len);
            bytes.extend_from_slice(with_session("GET_PARAMETER", 3).as_bytes());
            bytes.extend_from_slice(&packet(0, 4));
            for part in bytes.chunks(piece) {
                peer.feed(part);
            }
            assert_eq!(status_of(&peer.sent()), 200);
            // Those that do not fit the buffer of 1024 bytes, and empty ones, are skipped.
            let expected: &[u8] = if len == 0 || len > 1020 { &[0] } else { &[1, 0] };
            let channels = peer.events.iter().map(|event| match event {
                Event::Interleaved { channel } => *channel,
                other => panic!("{other:?}"),
            });
            assert!(channels.eq(expected.iter().copied()), "length {len}");
            if let [payload, _] = &peer.packets[..] {
                assert_eq!(payload[..], packet(1, len)[4..]);
            }
        }
    }
}

#[test]
fn packets_that_belong_to_no_session_are_skipped() {
    let mut peer = Peer::new();
    peer.feed(&packet(0, 10));
    peer.expect(&request("OPTIONS", "*", 1, ""), 200);
    assert_eq!(peer.connection.dialect(), Some(Dialect::Standard));
    // A session over UDP has no channels, one over TCP just two.
    peer.expect(&setup(2, UDP), 200);
    peer.feed(&packet(0, 10));
    peer.expect(&setup(3, "RTP/AVP/TCP;interleaved=4-5"), 200);
    peer.events.clear();
    for channel in 0..=255 {
        peer.feed(&packet(channel, 3));
    }
    assert_eq!(peer.events, [Event::Interleaved { channel: 4 }, Event::Interleaved { channel: 5 }]);
}

#[test]
fn a_lent_packet_stays_until_the_next_event_is_asked_for() {
    let mut peer = Peer::playing();
    peer.answers = false;
    let bytes = [packet(1, 5), packet(0, 6), with_session("GET_PARAMETER", 3).into_bytes()].concat();
    peer.connection.rx_buffer()[..bytes.len()].copy_from_slice(&bytes);
    peer.connection.handle_input(peer.now, bytes.len());
    assert_eq!(peer.connection.poll_event(), Some(Event::Interleaved { channel: 1 }));
    assert_eq!(peer.connection.interleaved(), b"$PLAY");
    assert_eq!(peer.connection.poll_event(), Some(Event::Interleaved { channel: 0 }));
    assert_eq!(peer.connection.interleaved(), b"$PLAY ");
    assert_eq!(peer.sent(), "");
    assert_eq!(peer.connection.poll_event(), None);
    assert_eq!(peer.connection.interleaved(), b"");
    assert_eq!(status_of(&peer.sent()), 200);
}

#[test]
fn media_is_queued_whole_or_not_at_all() {
    let mut peer = Peer::playing();
    assert!(peer.connection.queue_interleaved(0, &[b"head", b"", b"payload"]));
    assert_eq!(peer.connection.poll_transmit(), b"$\x00\x00\x0bheadpayload");
    // 15 of 2048 bytes are queued, and an eighth is kept back for answers.
    let room = 2048 - 256 - 15 - 4;
    assert!(!peer.connection.queue_interleaved(0, &[&[7; 1000], &std::vec![7; room - 999]]));
    assert_eq!(peer.connection.poll_transmit().len(), 15);
    assert!(peer.connection.queue_interleaved(0, &[&[7; 1000], &std::vec![7; room - 1000]]));
    assert_eq!(peer.connection.poll_transmit().len(), 2048 - 256);
    assert!(!peer.connection.queue_interleaved(1, &[]));
    assert!(!peer.connection.queue_interleaved(0, &[&[0; 40_000], &[0; 40_000]]));
}

#[test]
fn an_empty_buffer_takes_a_packet_that_fills_it() {
    let mut peer = Peer::playing();
    assert!(!peer.connection.queue_interleaved(0, &[&[1; 2045]]));
    assert!(peer.connection.queue_interleaved(0, &[&[1; 2044]]));
    peer.connection.consume_transmit(peer.now, 100);
    assert!(!peer.connection.queue_interleaved(0, &[&[1; 1]]));
}

/// Without this a client that plays at full speed would wait for its PAUSE for good.
#[test]
fn a_request_that_waits_for_room_is_not_overtaken_by_media() {
    let mut peer = Peer::playing();
    while peer.connection.queue_interleaved(0, &[&[1; 500]]) {}
    peer.feed(with_session("PAUSE", 3).as_bytes());
    assert_eq!(peer.events, []);
    let mut taken = 0;
    while peer.events.is_empty() {
        assert!(taken < 2048, "the request was forgotten");
        peer.connection.consume_transmit(peer.now, 50);
        taken += 50;
        peer.drive();
        assert_eq!(peer.events.is_empty(), !peer.connection.queue_interleaved(0, &[&[1; 10]]));
    }
    assert_eq!(peer.connection.state(), State::Ready);
}

#[test]
fn while_a_request_is_being_carried_out_room_for_its_answer_is_kept() {
    let mut peer = Peer::playing();
    peer.answers = false;
    peer.feed(request("DESCRIBE", URL, 3, "").as_bytes());
    while peer.connection.queue_interleaved(0, &[&[1; 50]]) {}
    peer.connection.answer_describe(peer.now, &MOVIE);
    assert!(!peer.connection.is_closing());
    let sent = peer.connection.poll_transmit();
    assert!(sent.ends_with(SDP.as_bytes()));
}

#[test]
fn bye_still_goes_out_when_the_server_stops() {
    let mut peer = Peer::playing();
    peer.connection.shut_down(peer.now);
    assert_eq!(peer.connection.poll_event(), Some(Event::Expired));
    assert!(peer.connection.queue_interleaved(1, &[b"bye"]));
    assert_eq!(peer.sent(), "$\x01\x00\x03bye");
    peer.pass(Duration::from_secs(1));
    assert!(peer.connection.is_closed());
    assert!(!peer.connection.queue_interleaved(1, &[b"bye"]));
}
