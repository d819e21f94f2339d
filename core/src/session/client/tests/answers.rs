//! Answers that say less than the standard asks for, or something else.

use super::*;

#[test]
fn a_server_that_numbers_its_answers_0_is_believed() {
    let mut peer = Peer::new();
    peer.connection.describe(peer.now).unwrap();
    peer.sent();
    assert_eq!(peer.hear("RTSP/1.0 200 OK\r\nCSeq: 0\r\n\r\n"), None);
    assert!(peer.sent_line().starts_with("DESCRIBE "));
    // Not answered at all: the number of what is given up is not 0 either.
    assert_eq!(peer.pass(10_000), [Event::TimedOut { during: Command::Describe }]);
    peer.connection.describe(peer.now).unwrap();
    let body = "v=0\r\nm=video 0 RTP/AVP 26\r\n";
    let event = peer.hear(&format!("RTSP/1.0 200 OK\r\nCSeq: 0\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    assert!(matches!(event, Some(Event::Described(_))), "{event:?}");
}

#[test]
fn channels_make_an_answer_one_over_tcp_whatever_its_profile() {
    let mut peer = Peer::new();
    peer.described();
    peer.connection.setup(peer.now, TCP).unwrap();
    let event = peer.answer("Session: 1\r\nTransport: RTP/AVP;unicast;interleaved=2-3\r\n");
    let channels = MediaTransport::Interleaved { rtp_channel: 2, rtcp_channel: 3 };
    assert!(matches!(event, Some(Event::SetUp(SetUp { transport, .. })) if transport == channels), "{event:?}");
    let mut peer = Peer::new();
    peer.described();
    peer.connection.setup(peer.now, TCP).unwrap();
    let event = peer.answer("Session: 1\r\nTransport: RTP/AVP;unicast\r\n");
    assert_eq!(event, Some(Event::Failed(Error::Transport)), "nobody has told it a port");
}

#[test]
fn of_several_streams_in_rtp_info_ours_counts() {
    let cases = [
        (
            "url=rtsp://192.0.2.1:8554/movie.Mjpeg/audio;seq=1, url=rtsp://192.0.2.1:8554/movie.Mjpeg/trackID=0;seq=2",
            Some(2),
        ),
        ("url=audio;seq=1,url=trackID=0;seq=2", Some(2)),
        ("url=rtsp://behind.example/nat;seq=3", Some(3)),
        ("seq=4", Some(4)),
        ("url=rtsp://behind.example/audio;seq=5,url=rtsp://behind.example/video;seq=6", None),
    ];
    for (info, sequence) in cases {
        let mut peer = Peer::new();
        peer.described();
        peer.connection.setup(peer.now, UDP).unwrap();
        peer.answer("Session: 1\r\n");
        peer.connection.play(peer.now, None).unwrap();
        let event = peer.answer(&format!("RTP-Info: {info}\r\n"));
        assert!(matches!(event, Some(Event::Playing(playing)) if playing.sequence == sequence), "{info}: {event:?}");
    }
}

#[test]
fn answers_are_taken_as_they_come() {
    // No CSeq, a wrong one, no Session in PLAY's answer, no reason, LF line ends, 100 Continue before it.
    for answer in [
        "RTSP/1.0 200 OK\r\n\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: 77\r\n\r\n",
        "RTSP/1.0 200\nCSeq: 5\n\n",
        "RTSP/1.0 100 Continue\r\nCSeq: 5\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n",
    ] {
        let mut peer = Peer::new();
        peer.playing();
        peer.connection.pause(peer.now).unwrap();
        assert_eq!(peer.hear(answer), Some(Event::Paused), "{answer:?}");
    }
}

#[test]
fn setup_takes_the_servers_channels_and_the_transport_that_it_chose() {
    let other = MediaTransport::Interleaved { rtp_channel: 4, rtcp_channel: 5 };
    let failed = Err(Error::Transport);
    let cases = [
        (TCP, "Transport: RTP/AVP/TCP;unicast;interleaved=4-5\r\n", Ok(other)),
        (TCP, "Transport: RTP/AVP/TCP\r\n", Ok(TCP)),
        (TCP, "", Ok(TCP)),
        (UDP, "Transport: RTP/AVP/UDP;unicast;client_port=0-0;server_port=0\r\n", Ok(UDP)),
        (UDP, "Transport: RTP/AVP/TCP;interleaved=4-5\r\n", Ok(other)),
        (UDP, "Transport: RTP/AVP;unicast;interleaved=4-5\r\n", Ok(other)),
        (UDP, "Transport: RTP/AVP/TCP\r\n", Ok(TCP)),
        (UDP, "Transport: RTP/AVP;unicast;client_port=25000-25001;interleaved=0-1\r\n", Ok(UDP)),
        (UDP, "Transport: RTP/AVP;multicast;destination=224.0.0.1\r\n", failed),
        (TCP, "Transport: RTP/AVP;unicast;client_port=25000-25001\r\n", Ok(UDP)),
    ];
    for (offer, headers, expected) in cases {
        let mut peer = Peer::new();
        peer.described();
        peer.connection.setup(peer.now, offer).unwrap();
        let event = peer.answer(&format!("Session: 1\r\n{headers}"));
        match (event, expected) {
            (Some(Event::SetUp(set_up)), Ok(transport)) => assert_eq!(set_up.transport, transport),
            (Some(Event::Failed(error)), Err(expected)) => assert_eq!(error, expected),
            other => panic!("{headers}: {other:?}"),
        }
    }
}
