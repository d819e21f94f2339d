//! What real players say, replayed however the network may cut it.

use super::*;

/// Client's bytes, our bytes, our events.
struct Dialogue {
    client: &'static str,
    server: &'static str,
    events: &'static [Event],
}

const OPTIONS_ANSWER: &str = "RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: mutoscope/0.1.0\r\n\
    Public: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER\r\n\r\n";

/// ffmpeg 5.1 over UDP.
const FFMPEG_UDP: Dialogue = Dialogue {
    client: "OPTIONS rtsp://127.0.0.1:8554/movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Lavf59.27.100\r\n\r\n\
        DESCRIBE rtsp://127.0.0.1:8554/movie.Mjpeg RTSP/1.0\r\nAccept: application/sdp\r\nCSeq: 2\r\n\
        User-Agent: Lavf59.27.100\r\n\r\n\
        SETUP rtsp://127.0.0.1:8554/movie.Mjpeg/trackID=0 RTSP/1.0\r\n\
        Transport: RTP/AVP/UDP;unicast;client_port=32578-32579\r\nCSeq: 3\r\nUser-Agent: Lavf59.27.100\r\n\r\n\
        PLAY rtsp://127.0.0.1:8554/movie.Mjpeg/ RTSP/1.0\r\nRange: npt=0.000-\r\nCSeq: 4\r\n\
        User-Agent: Lavf59.27.100\r\nSession: e220a8397b1dcdaf\r\n\r\n\
        GET_PARAMETER rtsp://127.0.0.1:8554/movie.Mjpeg/ RTSP/1.0\r\nCSeq: 5\r\n\
        User-Agent: Lavf59.27.100\r\nSession: e220a8397b1dcdaf\r\n\r\n\
        TEARDOWN rtsp://127.0.0.1:8554/movie.Mjpeg/ RTSP/1.0\r\nCSeq: 6\r\nUser-Agent: Lavf59.27.100\r\n\
        Session: e220a8397b1dcdaf\r\n\r\n",
    server: "RTSP/1.0 200 OK\r\nCSeq: 3\r\nServer: mutoscope/0.1.0\r\nSession: e220a8397b1dcdaf;timeout=60\r\n\
        Transport: RTP/AVP/UDP;unicast;client_port=32578-32579;server_port=5004-5005;ssrc=1234ABCD;mode=play\r\n\r\n\
        RTSP/1.0 200 OK\r\nCSeq: 4\r\nServer: mutoscope/0.1.0\r\nSession: e220a8397b1dcdaf;timeout=60\r\n\
        Range: npt=0.000-10.000\r\n\
        RTP-Info: url=rtsp://127.0.0.1:8554/movie.Mjpeg/trackID=0;seq=7;rtptime=90000\r\n\r\n\
        RTSP/1.0 200 OK\r\nCSeq: 5\r\nServer: mutoscope/0.1.0\r\nSession: e220a8397b1dcdaf;timeout=60\r\n\r\n\
        RTSP/1.0 200 OK\r\nCSeq: 6\r\nServer: mutoscope/0.1.0\r\nSession: e220a8397b1dcdaf;timeout=60\r\n\r\n",
    events: &[
        Event::Describe,
        Event::Setup { transport: MediaTransport::Udp { rtp_port: 32578, rtcp_port: 32579 } },
        play_of(Some(Range::Npt { start: Some(0), end: None })),
        Event::Teardown,
    ],
};

/// GStreamer 1.22's rtspsrc over TCP, with receiver reports between its requests.
const GSTREAMER_TCP: Dialogue = Dialogue {
    client: "OPTIONS rtsp://127.0.0.1:8554/movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: GStreamer/1.22.0\r\n\r\n\
        DESCRIBE rtsp://127.0.0.1:8554/movie.Mjpeg RTSP/1.0\r\nCSeq: 2\r\nUser-Agent: GStreamer/1.22.0\r\n\
        Accept: application/sdp\r\n\r\n\
        SETUP rtsp://127.0.0.1:8554/movie.Mjpeg/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nUser-Agent: GStreamer/1.22.0\r\n\
        Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n\
        PLAY rtsp://127.0.0.1:8554/movie.Mjpeg/ RTSP/1.0\r\nCSeq: 4\r\nUser-Agent: GStreamer/1.22.0\r\n\
        Session: e220a8397b1dcdaf\r\nRange: npt=0-\r\n\r\n\
        $\x01\x00\x08\n\n$GET\r\n$\x01\x00\x01x\
        PAUSE rtsp://127.0.0.1:8554/movie.Mjpeg/ RTSP/1.0\r\nCSeq: 5\r\nUser-Agent: GStreamer/1.22.0\r\n\
        Session: e220a8397b1dcdaf\r\n\r\n\
        TEARDOWN rtsp://127.0.0.1:8554/movie.Mjpeg/ RTSP/1.0\r\nCSeq: 6\r\nUser-Agent: GStreamer/1.22.0\r\n\
        Session: e220a8397b1dcdaf\r\n\r\n",
    server: "RTSP/1.0 200 OK\r\nCSeq: 3\r\nServer: mutoscope/0.1.0\r\nSession: e220a8397b1dcdaf;timeout=60\r\n\
        Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=1234ABCD;mode=play\r\n\r\n\
        RTSP/1.0 200 OK\r\nCSeq: 4\r\nServer: mutoscope/0.1.0\r\nSession: e220a8397b1dcdaf;timeout=60\r\n\
        Range: npt=0.000-10.000\r\n\
        RTP-Info: url=rtsp://127.0.0.1:8554/movie.Mjpeg/trackID=0;seq=7;rtptime=90000\r\n\r\n\
        RTSP/1.0 200 OK\r\nCSeq: 5\r\nServer: mutoscope/0.1.0\r\nSession: e220a8397b1dcdaf;timeout=60\r\n\r\n\
        RTSP/1.0 200 OK\r\nCSeq: 6\r\nServer: mutoscope/0.1.0\r\nSession: e220a8397b1dcdaf;timeout=60\r\n\r\n",
    events: &[
        Event::Describe,
        Event::Setup { transport: MediaTransport::Interleaved { rtp_channel: 0, rtcp_channel: 1 } },
        play_of(Some(Range::Npt { start: Some(0), end: None })),
        Event::Interleaved { channel: 1 },
        Event::Interleaved { channel: 1 },
        Event::Pause,
        Event::Teardown,
    ],
};

fn check(dialogue: &Dialogue, peer: &Peer, sent: &str) {
    let describe_answer = std::format!(
        "RTSP/1.0 200 OK\r\nCSeq: 2\r\nServer: mutoscope/0.1.0\r\nContent-Base: {URL}/\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    );
    assert_eq!(sent, [OPTIONS_ANSWER, &describe_answer, dialogue.server].concat());
    assert_eq!(peer.events, dialogue.events);
    assert_eq!(peer.connection.state(), State::Init);
    assert_eq!(peer.connection.dialect(), Some(Dialect::Standard));
}

#[test]
fn real_dialogues_come_out_the_same_cut_at_every_byte() {
    for dialogue in [FFMPEG_UDP, GSTREAMER_TCP] {
        let bytes = dialogue.client.as_bytes();
        for cut in 0..=bytes.len() {
            let mut peer = Peer::sized(2048, 4096, Config::default());
            let (a, b) = bytes.split_at(cut);
            peer.feed(a);
            let mut sent = peer.sent();
            peer.feed(b);
            sent += &peer.sent();
            check(&dialogue, &peer, &sent);
        }
    }
}

#[test]
fn real_dialogues_come_out_the_same_byte_by_byte_and_all_at_once() {
    for dialogue in [FFMPEG_UDP, GSTREAMER_TCP] {
        let mut peer = Peer::new();
        let mut sent = String::new();
        for byte in dialogue.client.as_bytes().chunks(1) {
            peer.feed(byte);
            sent += &peer.sent();
        }
        check(&dialogue, &peer, &sent);

        // In one piece, with a transmit buffer that holds one answer at a time.
        let mut peer = Peer::sized(2048, 1024, Config::default());
        peer.feed(dialogue.client.as_bytes());
        let sent = peer.sent();
        check(&dialogue, &peer, &sent);
    }
}

#[test]
fn requests_that_were_pipelined_wait_for_each_other() {
    let mut peer = Peer::new();
    peer.answers = false;
    let pipelined = [request("DESCRIBE", URL, 1, ""), request("OPTIONS", "*", 2, ""), setup(3, UDP)].concat();
    assert_eq!(peer.ask(&pipelined), "");
    assert_eq!(peer.events, [Event::Describe]);
    peer.connection.answer_describe(peer.now, &MOVIE);
    let sent = peer.sent();
    assert!(sent.contains("CSeq: 1\r\n") && sent.contains("CSeq: 2\r\n"), "{sent}");
    assert!(matches!(peer.events[..], [Event::Describe, Event::Setup { .. }]));
    assert_eq!(peer.connection.resource().as_str(), "movie.Mjpeg");
    // The wrong answer changes nothing.
    peer.connection.answer_pause(peer.now);
    peer.connection.answer_play(peer.now, played(0, 0, Range::Now));
    assert_eq!(peer.sent(), "");
    peer.connection.answer_setup(peer.now, (5004, 5005), SSRC);
    assert_eq!(status_of(&peer.sent()), 200);
}

/// VLC and other clients of live555 use the aggregate's URL throughout where there is one stream.
#[test]
fn a_client_may_pass_over_the_track() {
    let mut peer = Peer::new();
    let answer = peer.expect(&request("SETUP", URL, 1, &std::format!("Transport: {UDP}\r\n")), 200);
    assert_eq!(header(&answer, "Session"), Some("e220a8397b1dcdaf;timeout=60"));
    let answer = peer.expect(&with_session("PLAY", 2), 200);
    assert_eq!(header(&answer, "RTP-Info"), Some("url=rtsp://127.0.0.1:8554/movie.Mjpeg;seq=7;rtptime=90000"));
}

#[test]
fn a_client_that_closes_its_half_gets_its_answers_first() {
    let mut peer = Peer::new();
    peer.answers = false;
    peer.feed([request("DESCRIBE", URL, 1, ""), setup(2, UDP), "PLAY rtsp".into()].concat().as_bytes());
    peer.connection.handle_close(peer.now);
    assert!(peer.connection.rx_buffer().is_empty());
    peer.drive();
    assert_eq!(peer.events, [Event::Describe]);
    peer.answers = true;
    peer.answer(Event::Describe);
    peer.drive();
    let sent = peer.sent();
    assert_eq!(sent.matches("RTSP/1.0 200 OK").count(), 2, "{sent}");
    assert_eq!(peer.expirations(), 1);
    assert!(peer.connection.is_closed());
}
