//! Requests of real players, captured from them, played against the simulated server.
//!
//! `{S}` stands for the session's identifier and `{P}` for the player's ports.

use mutoscope::io::server::Settings;
use mutoscope::session::State;
use mutoscope::session::server::Config;
use mutoscope::time::Duration;
use mutoscope_tests::film::{Film, pictures};
use mutoscope_tests::net::Faults;
use mutoscope_tests::strict_client::{Answer, StrictClient};
use mutoscope_tests::world::{World, settings};

const FFMPEG_UDP: &str = "\
OPTIONS rtsp://10.0.0.1:8554/movie.Mjpeg RTSP/1.0
CSeq: 1
User-Agent: Lavf59.27.100

DESCRIBE rtsp://10.0.0.1:8554/movie.Mjpeg RTSP/1.0
Accept: application/sdp
CSeq: 2
User-Agent: Lavf59.27.100

SETUP rtsp://10.0.0.1:8554/movie.Mjpeg/trackID=0 RTSP/1.0
Transport: RTP/AVP/UDP;unicast;client_port={P}
CSeq: 3
User-Agent: Lavf59.27.100

PLAY rtsp://10.0.0.1:8554/movie.Mjpeg/ RTSP/1.0
Range: npt=0.000-
CSeq: 4
User-Agent: Lavf59.27.100
Session: {S}

TEARDOWN rtsp://10.0.0.1:8554/movie.Mjpeg/ RTSP/1.0
CSeq: 5
User-Agent: Lavf59.27.100
Session: {S}

";

const FFMPEG_TCP: &str = "\
OPTIONS rtsp://10.0.0.1:8554/movie.Mjpeg RTSP/1.0
CSeq: 1
User-Agent: Lavf59.27.100

DESCRIBE rtsp://10.0.0.1:8554/movie.Mjpeg RTSP/1.0
Accept: application/sdp
CSeq: 2
User-Agent: Lavf59.27.100

SETUP rtsp://10.0.0.1:8554/movie.Mjpeg/trackID=0 RTSP/1.0
Transport: RTP/AVP/TCP;unicast;interleaved=0-1
CSeq: 3
User-Agent: Lavf59.27.100

PLAY rtsp://10.0.0.1:8554/movie.Mjpeg/ RTSP/1.0
Range: npt=0.000-
CSeq: 4
User-Agent: Lavf59.27.100
Session: {S}

GET_PARAMETER rtsp://10.0.0.1:8554/movie.Mjpeg/ RTSP/1.0
CSeq: 5
User-Agent: Lavf59.27.100
Session: {S}

TEARDOWN rtsp://10.0.0.1:8554/movie.Mjpeg/ RTSP/1.0
CSeq: 6
User-Agent: Lavf59.27.100
Session: {S}

";

const GSTREAMER_UDP: &str = "\
OPTIONS rtsp://10.0.0.1:8554/movie.Mjpeg RTSP/1.0
CSeq: 1
User-Agent: GStreamer/1.22.0
Date: Mon, 23 Nov 2026 01:17:42 GMT

DESCRIBE rtsp://10.0.0.1:8554/movie.Mjpeg RTSP/1.0
CSeq: 2
User-Agent: GStreamer/1.22.0
Accept: application/sdp
Date: Mon, 23 Nov 2026 01:17:42 GMT

SETUP rtsp://10.0.0.1:8554/movie.Mjpeg/trackID=0 RTSP/1.0
CSeq: 3
User-Agent: GStreamer/1.22.0
Transport: RTP/AVP;unicast;client_port={P}
Date: Mon, 23 Nov 2026 01:17:42 GMT

PLAY rtsp://10.0.0.1:8554/movie.Mjpeg/ RTSP/1.0
CSeq: 4
User-Agent: GStreamer/1.22.0
Range: npt=0-2
Session: {S}
Date: Mon, 23 Nov 2026 01:17:42 GMT

PAUSE rtsp://10.0.0.1:8554/movie.Mjpeg/ RTSP/1.0
CSeq: 5
User-Agent: GStreamer/1.22.0
Session: {S}
Date: Mon, 23 Nov 2026 01:17:43 GMT

TEARDOWN rtsp://10.0.0.1:8554/movie.Mjpeg/ RTSP/1.0
CSeq: 6
User-Agent: GStreamer/1.22.0
Session: {S}
Date: Mon, 23 Nov 2026 01:17:43 GMT

";

/// live555's client, inside VLC. Its first CSeq is 2.
const VLC_UDP: &str = "\
OPTIONS rtsp://10.0.0.1:8554/movie.Mjpeg RTSP/1.0
CSeq: 2
User-Agent: LibVLC/3.0.16 (LIVE555 Streaming Media v2016.11.28)

DESCRIBE rtsp://10.0.0.1:8554/movie.Mjpeg RTSP/1.0
CSeq: 3
User-Agent: LibVLC/3.0.16 (LIVE555 Streaming Media v2016.11.28)
Accept: application/sdp

SETUP rtsp://10.0.0.1:8554/movie.Mjpeg/trackID=0 RTSP/1.0
CSeq: 4
User-Agent: LibVLC/3.0.16 (LIVE555 Streaming Media v2016.11.28)
Transport: RTP/AVP;unicast;client_port={P}

PLAY rtsp://10.0.0.1:8554/movie.Mjpeg/ RTSP/1.0
CSeq: 5
User-Agent: LibVLC/3.0.16 (LIVE555 Streaming Media v2016.11.28)
Session: {S}
Range: npt=0.000-

GET_PARAMETER rtsp://10.0.0.1:8554/movie.Mjpeg/ RTSP/1.0
CSeq: 6
User-Agent: LibVLC/3.0.16 (LIVE555 Streaming Media v2016.11.28)
Session: {S}

TEARDOWN rtsp://10.0.0.1:8554/movie.Mjpeg/ RTSP/1.0
CSeq: 7
User-Agent: LibVLC/3.0.16 (LIVE555 Streaming Media v2016.11.28)
Session: {S}

";

/// The requests of a transcript, one after the other.
fn requests(transcript: &str) -> impl Iterator<Item = &str> {
    transcript.split_inclusive("\n\n")
}

fn say(scene: &mut World, viewer: &mut StrictClient, request: &str) -> Answer {
    let session = viewer.session.clone().unwrap_or_default();
    let text = request.replace("{S}", &session).replace("{P}", "25000-25001").replace('\n', "\r\n");
    viewer.send(text.as_bytes());
    scene.answer(viewer)
}

fn film() -> Film {
    Film::new("movie.Mjpeg", pictures(48), 24)
}

#[test]
fn every_player_gets_what_it_came_for() {
    let tcp = GSTREAMER_UDP.replace("RTP/AVP;unicast;client_port={P}", "RTP/AVP/TCP;unicast;interleaved=0-1");
    for transcript in [FFMPEG_UDP, FFMPEG_TCP, GSTREAMER_UDP, &tcp, VLC_UDP] {
        let film = film();
        let mut scene = World::new([film.clone()]);
        let mut viewer = scene.connect(2, "rtsp://10.0.0.1:8554/movie.Mjpeg");
        for request in requests(transcript) {
            let answer = say(&mut scene, &mut viewer, request);
            let cseq = request.lines().find_map(|line| line.strip_prefix("CSeq: "));
            assert_eq!((answer.status, answer.header("CSeq")), (200, cseq), "{request}");
            if request.starts_with("PLAY") {
                scene.run(&mut [&mut viewer], Duration::from_millis(800));
                let frames = viewer.frames.len();
                assert!(frames == 20 && viewer.frames.iter().zip(film.frames.iter()).all(|(seen, jpeg)| seen.is(jpeg)));
            }
        }
        assert_eq!(scene.server.sessions(State::Init), 1);
        let packets = viewer.packets;
        scene.run(&mut [&mut viewer], Duration::from_secs(1));
        assert_eq!(viewer.packets, packets);
        drop(viewer);
        scene.run(&mut [], Duration::from_millis(1));
        scene.assert_nothing_left();
    }
}

#[test]
fn ffmpeg_reads_exactly_this() {
    let mut scene = World::new([film()]);
    let mut viewer = scene.connect(2, "rtsp://10.0.0.1:8554/movie.Mjpeg");
    let answers: Vec<_> = requests(FFMPEG_UDP).map(|request| say(&mut scene, &mut viewer, request)).collect();
    let id = viewer.session.clone().unwrap();
    let ssrc = answers[2].parameter("Transport", "ssrc").unwrap();
    let (seq, rtptime) = answers[3].rtp_info();
    let version = env!("CARGO_PKG_VERSION");
    let head = |cseq: u32| format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nServer: mutoscope/{version}\r\n");
    let session = format!("Session: {id};timeout=60\r\n");
    let url = "rtsp://10.0.0.1:8554/movie.Mjpeg";
    let public = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";
    let length = answers[1].body.len();
    let expected = [
        format!("{}Public: {public}\r\n\r\n", head(1)),
        format!("{}Content-Base: {url}/\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n", head(2)),
        format!(
            "{}{session}Transport: RTP/AVP/UDP;unicast;client_port=25000-25001;server_port=6970-6971;ssrc={ssrc};\
            mode=play\r\n\r\n",
            head(3)
        ),
        format!(
            "{}{session}Range: npt=0.000-2.000\r\nRTP-Info: url={url}/trackID=0;seq={seq};rtptime={rtptime}\r\n\r\n",
            head(4)
        ),
        format!("{}{session}\r\n", head(5)),
    ];
    for (answer, expected) in answers.iter().zip(expected) {
        assert_eq!(answer.head, expected);
    }
}

#[test]
fn ffmpeg_falls_back_to_tcp_where_udp_is_not_offered() {
    let config = Config { udp: false, ..Config::default() };
    let mut scene = World::with([film()], Settings { session: config, ..settings() }, 1, Faults::default());
    let mut viewer = scene.connect(2, "rtsp://10.0.0.1:8554/movie.Mjpeg");
    let udp: Vec<_> = requests(FFMPEG_UDP).collect();
    let tcp: Vec<_> = requests(FFMPEG_TCP).collect();
    for (request, status) in [(udp[0], 200), (udp[1], 200), (udp[2], 461), (tcp[2], 200), (tcp[3], 200)] {
        assert_eq!(say(&mut scene, &mut viewer, request).status, status);
    }
    scene.run(&mut [&mut viewer], Duration::from_secs(1));
    assert_eq!(viewer.frames.len(), 25);
}
