//! Targets of the text formats: RTSP messages and their headers, the lab's dialect, SDP, URLs.

use mutoscope::wire::lab::extra::Extra;
use mutoscope::wire::lab::payload::Payload as Form;
use mutoscope::wire::lab::{self, Layout, Parsed};
use mutoscope::wire::rtsp::headers::{self, Range, RtpInfo, Scale, Session, Speed, Transport};
use mutoscope::wire::rtsp::{self, Emitter, Message, Method};
use mutoscope::wire::sdp::Sdp;
use mutoscope::wire::url::{Control, Path, Target, Url};

/// Pieces of RTSP and of the lab's dialect.
pub const RTSP_WORDS: &[&str] = &[
    "RTSP/1.0",
    "RTSP/2.0",
    "HTTP/1.1",
    "RTSP/1.0 200 OK\r\n",
    "OPTIONS",
    "DESCRIBE",
    "SETUP",
    "PLAY",
    "PAUSE",
    "TEARDOWN",
    "GET_PARAMETER",
    "ANNOUNCE",
    "RECORD",
    "mode=record",
    "rtsp://",
    "://",
    "*",
    "\r\n",
    "\n",
    "\r\n\r\n",
    "\n\n",
    "CSeq: ",
    "Session: ",
    "Transport: ",
    "Content-Length: ",
    "Range: npt=",
    "Scale: -2.5\r\n",
    "Speed: 0.5\r\n",
    "RTP-Info: url=",
    ";client_port=",
    "client_port= ",
    ";interleaved=0-1",
    "RTP/AVP",
    "RTP/AVP/TCP",
    "RTP/UDP",
    ";timeout=60",
    ";ssrc=",
    ";mode=\"PLAY\"",
    ";seq=",
    ";rtptime=",
    "now-",
    "12:34:56.789",
    "clock=",
    "$\0\0\0",
    "$\x01\0\x04abcd",
    ",",
];

/// Pieces of session descriptions.
pub const SDP_WORDS: &[&str] = &[
    "v=0\r\n",
    "m=video 0 RTP/AVP 26\r\n",
    "m=video 0 RTP/AVP 96 26\r\n",
    "m=audio 0 RTP/AVP 0\r\n",
    "a=rtpmap:26 JPEG/90000\r\n",
    "a=rtpmap:96 JPEG/90000\r\n",
    "a=control:",
    "a=framerate:",
    "a=range:npt=",
    "a=x-dimensions:",
    "c=IN IP4 0.0.0.0\r\n",
    "c=IN IP6 ::\r\n",
    "\r\n",
    "\n",
    "a=",
    "=",
    ":",
];

/// Pieces of URLs.
pub const URL_WORDS: &[&str] = &[
    "rtsp://",
    "rtsps://",
    "RTSP://",
    "//",
    "[::1]",
    ":8554",
    ":65536",
    "@",
    "%2e%2e",
    "..",
    "%00",
    "%2F",
    "%",
    "?",
    "#",
    "trackID=0",
    "*",
    "/",
];

/// An RTSP message, and everything that is read from one.
pub fn rtsp(data: &[u8]) {
    if let Some((channel, len)) = rtsp::interleaved_header(data) {
        assert_eq!(data[0], b'$');
        assert_eq!((channel, len), (data[1], u16::from_be_bytes([data[2], data[3]])));
    }
    let _ = rtsp::announced_length(data);
    let _ = rtsp::salvage_cseq(data);
    assert!(rtsp::blank_prefix(data) <= data.len());
    let parsed = rtsp::parse(data);
    let len = match parsed {
        Ok(Some((message, len))) => {
            assert!(0 < len && len <= data.len(), "{len} of {} bytes", data.len());
            read(&message);
            len
        }
        Ok(None) => data.len() + 1,
        Err(error) => {
            assert!(usize::from(error.at) <= data.len());
            assert!(matches!(error.status().0, 400..=599), "{error:?}");
            return;
        }
    };
    // A valid beginning stays one: no beginning of a message (or of a beginning of one) is an error or a message.
    for cut in cuts(len.min(data.len()), data) {
        assert!(matches!(rtsp::parse(&data[..cut]), Ok(None)), "{cut} bytes are not a beginning");
    }
    // And nothing behind a message changes it.
    if len <= data.len() {
        assert!(matches!(rtsp::parse(&data[..len]), Ok(Some((_, same))) if same == len));
    }
}

/// Some positions below `len`: all of them would make long inputs slow.
fn cuts(len: usize, data: &[u8]) -> impl Iterator<Item = usize> {
    let step = 1 + len / 24;
    let first = data.first().map_or(0, |&byte| usize::from(byte) % step);
    (first..len).step_by(step).chain(len.checked_sub(1))
}

fn read(message: &Message<'_>) {
    let headers = match message {
        Message::Interleaved(frame) => {
            assert!(frame.payload.len() <= 65_535);
            return;
        }
        Message::Request(request) => {
            assert!(!request.uri.is_empty() && !request.uri.contains(['\r', '\n', '\0']));
            let mut buffer = vec![0; request.method.name().len() + 3 * request.uri.len() + 256];
            let len = Emitter::request(&mut buffer, request.method, request.uri)
                .and_then(|emitter| emitter.header("CSeq", 1)?.finish())
                .expect("the buffer is large enough");
            let Ok(Some((Message::Request(again), _))) = rtsp::parse(&buffer[..len]) else {
                panic!("not read back: {:?}", String::from_utf8_lossy(&buffer[..len]))
            };
            // A dollar sign is legal in a method, but one at the start would begin an interleaved packet: none is written.
            // Nor is a space in the URI, which some clients send.
            let uri = request.uri.replace(' ', "%20").replace('\t', "%09");
            assert_eq!((again.method.name(), again.uri), (&*request.method.name().replace('$', "_"), &*uri));
            request.headers
        }
        Message::Response(response) => response.headers,
    };
    let _ = headers::cseq(&headers);
    headers::required(&headers).for_each(drop);
    for (name, value) in headers.iter() {
        assert!(!name.is_empty() && !name.contains([':', '\r', '\n']) && !value.contains(['\r', '\n', '\0']));
        assert_eq!(value, value.trim_matches([' ', '\t']));
        assert!(headers.first(name).is_some());
        // What a peer says may go into a header of ours: it must not become two.
        let mut buffer = vec![0; value.len() + 256];
        let method = Method::Options;
        let emitted =
            Emitter::request(&mut buffer, method, "*").and_then(|emitter| emitter.header("X", value)?.finish());
        let len = emitted.expect("the buffer is large enough");
        let Ok(Some((Message::Request(again), _))) = rtsp::parse(&buffer[..len]) else {
            panic!("not read back: {value:?}")
        };
        assert_eq!(again.headers.iter().count(), 1);
    }
}

/// Messages of every kind.
pub fn rtsp_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "OPTIONS rtsp://127.0.0.1:8554/movie.Mjpeg RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Lavf59.27.100\r\n\r\n",
        "DESCRIBE rtsp://[::1]:8554/a%20b RTSP/1.0\r\nAccept: application/sdp\r\nCSeq: 2\r\nRequire: a, b\r\n\r\n",
        "SETUP rtsp://h/x/trackID=0 RTSP/1.0\r\nTransport: RTP/AVP/UDP;unicast;client_port=32578-32579\r\nCSeq: 3\r\n\r\n",
        "SETUP rtsp://h/x RTSP/1.0\nTransport: RTP/AVP;multicast,RTP/AVP/TCP;unicast;interleaved=0-1\nCSeq: 3\n\n",
        "PLAY rtsp://h/x/ RTSP/1.0\r\nRange: npt=0.000-\r\nCSeq: 4\r\nSession: 1A2B3C;timeout=60\r\n\r\n",
        "SET_PARAMETER rtsp://h/x RTSP/1.0\r\nCSeq: 5\r\nContent-Length: 4\r\nContent-Type: text/parameters\r\n\r\na: b",
        "RTSP/1.0 200 OK\r\nCSeq: 4\r\nRTP-Info: url=rtsp://h/x/trackID=0;seq=24954;rtptime=3375122489\r\nRange: npt=0-120\r\n\r\n",
        "RTSP/1.0 415 Unsupported Media Type\r\nCSeq: 2\r\nContent-Length: 3\r\n\r\nno\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "$\0\0\x04abcdOPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The values of headers.
pub fn headers(data: &[u8]) {
    let Ok(value) = std::str::from_utf8(data) else { return };
    for transport in Transport::alternatives(value).flatten() {
        assert!(transport.client_port.is_none_or(|(rtp, _)| rtp != 0), "{transport:?}");
        assert!(transport.server_port.is_none_or(|(rtp, rtcp)| rtp != 0 && rtcp != 0), "{transport:?}");
        if transport.lower.is_some() {
            let text = transport.to_string();
            let again: Vec<_> = Transport::alternatives(&text).collect();
            let [Ok(again)] = again[..] else { panic!("{text:?} is not one transport") };
            assert_eq!(
                (again.lower, again.client_port, again.interleaved, again.ssrc),
                (transport.lower, transport.client_port, transport.interleaved, transport.ssrc),
                "{text:?}"
            );
        }
    }
    if let Some(session) = Session::parse(value) {
        assert_eq!(Session::parse(&session.to_string()), Some(session));
    }
    if let Some(range) = Range::parse(value)
        && !matches!(range, Range::Other | Range::ToOrFromNow | Range::Negative | Range::TimeOfDay)
    {
        assert_eq!(Range::parse(&range.to_string()), Some(range), "{range}");
    }
    if let Some(scale) = Scale::parse(value) {
        assert_eq!(Scale::parse(&scale.to_string()), Some(scale), "{scale}");
    }
    if let Some(speed) = Speed::parse(value) {
        assert_eq!(Speed::parse(&speed.to_string()), Some(speed), "{speed}");
    }
    for info in RtpInfo::streams(value) {
        assert!(!info.url.is_empty() || info.sequence.is_some() || info.rtptime.is_some());
        let _ = info.to_string();
    }
    headers::elements(value).for_each(drop);
    let _ = (headers::lists(value, "OPTIONS"), headers::accepts(value, "application/sdp"));
}

/// One value of each kind.
pub fn header_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "RTP/AVP;unicast;client_port=4588-4589;server_port=6256-6257;ssrc=1A2B3C4D;mode=\"PLAY\"",
        "RTP/AVP/TCP;unicast;interleaved=0-1, RTP/AVP/UDP;unicast;client_port=25000",
        "TCP/UDP ; client_port = 25000",
        "Uh8KybaGi4vvwWje;timeout=60",
        "npt=1.500-12:34:56.789",
        "npt=now-",
        "clock=20260101T000000Z-",
        "RTP/AVP;unicast;client_port=57228-53853;mode=,RTP/AVP;interleaved=255-0",
        "0.000-",
        "npt=-5.5-10",
        "npt=0,5-1,npt=7-",
        "smpte-25=10:07:00-10:07:33:05.01",
        "-3.5",
        "0.25",
        "url=rtsp://h/a;seq=1;rtptime=2,url=\"rtsp://h/b;c\";seq=3",
        "OPTIONS, DESCRIBE, SETUP",
        "text/*;q=0.5, application/sdp",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The lab's dialect, requests and replies.
pub fn lab(data: &[u8]) {
    let _ = (lab::detect(data), lab::is_lab(data), lab::layout(data));
    for layout in [Layout::Classic, Layout::BrokenOrder, Layout::Url] {
        if let Parsed::Complete(request, len) | Parsed::Pending(request, len) = lab::parse_request_in(data, layout) {
            assert!(0 < len && len <= data.len());
            let extra = Extra::of(&request, false);
            assert!(extra.is_none() || lab::extra::is_known(request.method.name()));
            if let Some(Extra::Move(moved)) = extra {
                assert!(moved.to.resolve(u32::MAX, 500) < 500);
            }
            let (name, form) = Form::split_name(request.file.as_str());
            assert_eq!(form.is_some(), name.len() < request.file.as_str().len());
        }
    }
    match lab::parse_request(data) {
        Parsed::Complete(request, len) | Parsed::Pending(request, len) => {
            assert!(0 < len && len <= data.len());
            assert!(request.client_port != Some(0));
            let mut buffer = vec![0; 2 * data.len() + 256];
            let session = request.session.unwrap_or("");
            let emitted = lab::emit_request(
                &mut buffer,
                request.method,
                request.file.as_str(),
                request.cseq.unwrap_or(0),
                session,
            );
            let len = emitted.expect("the buffer is large enough");
            assert_eq!(buffer[..len].iter().filter(|&&byte| byte == b'\n').count(), 2);
        }
        Parsed::Incomplete => {}
        Parsed::Malformed(error) => assert!(usize::from(error.at) <= data.len()),
    }
    if let Parsed::Complete(reply, len) | Parsed::Pending(reply, len) = lab::parse_reply(data) {
        assert!(0 < len && len <= data.len());
        let mut buffer = [0; 256];
        let (cseq, session) = (reply.cseq.unwrap_or(7), 123_456);
        let len = lab::emit_reply(&mut buffer, reply.status, cseq, session, lab::More::Length(reply.length))
            .expect("the buffer is large enough");
        let (Parsed::Complete(again, _) | Parsed::Pending(again, _)) = lab::parse_reply(&buffer[..len]) else {
            panic!("not read back: {:?}", String::from_utf8_lossy(&buffer[..len]))
        };
        assert_eq!((again.status, again.cseq, again.session), (reply.status, Some(cseq), Some("123456")));
        assert_eq!(again.length.frames, reply.length.frames);
    }
}

/// Requests in the spellings of the wild, and replies.
pub fn lab_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000",
        "PLAY movie.Mjpeg RTSP/1.0\nCSeq: 2\nSession: 123456",
        "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: TCP/UDP ; client_port = 25000\n",
        "SETUP movie.Mjpeg RTSP/1.0\r\nCSEQ: 1\r\nTRANSPORT: RTP/UDP; Client_port= 25000\r\n\r\n",
        "SETUP movie.Mjpeg\n1\n RTSP/1.0 RTP/UDP 25000",
        "PAUSE movie.Mjpeg RTSP/1.0\nCSeq: 3\nSession: 123456\nTEARDOWN movie.Mjpeg RTSP/1.0\nCSeq: 4\nSession: 123456",
        "SETUP rtsp://movie.mjpeg RTSP/1.0\r\nCSeq: 0\r\nTransport: RTP/UDP;client_port=25000\r\n",
        "SETUP ./movie.Mjpeg;o8 RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP;client_port=25000\nPrefer: HD",
        "CONNECT RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000\n",
        "SETTIME movie.Mjpeg RTSP/1.0\nCSeq: 5\nSession: 123456\nFRAME: 40",
        "SEEK movie.Mjpeg RTSP/1.0\nCSeq: 5\nSession: 123456\nX-Seek: 0.500000",
        "FASTFORWARD \n 3REWIND \n 4STOP \n 5SPEEDUP movie.Mjpeg\n 6",
        "RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\nTotalTime: 20.83\nFrames: 500\nX-TotalFrames: 500\n\n",
        "RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456\nTTtime: 500",
        "RTSP/1.0 200 OK\nCSeq: 1\nSession: 123456",
        "RTSP/1.0 404 Not Found\nCSeq: 1\nSession: 0\n\n",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A session description.
pub fn sdp(data: &[u8]) {
    let sdp = Sdp::new(data);
    let _ = (sdp.name(), sdp.control(), sdp.range(), sdp.connection());
    for media in sdp.media() {
        let named = media.to_string();
        assert!(named.chars().count() <= 40 && !named.contains(char::is_control), "{named:?}");
    }
    if let Some(video) = sdp.video() {
        assert!(video.payload_type < 128);
        let base = "rtsp://127.0.0.1:8554/movie.Mjpeg";
        let control = Control::resolve(base, sdp.control(), video.control);
        let url = control.to_string();
        if Url::parse(&url).is_some() {
            assert!(control.is_meant_by(&url), "{url:?}");
        }
        // Whatever a server calls its stream, the client's request stays one request to one URL.
        let mut buffer = vec![0; 3 * url.len() + 256];
        let len = Emitter::request(&mut buffer, Method::Setup, control)
            .and_then(Emitter::finish)
            .expect("the buffer is large enough");
        let Ok(Some((Message::Request(request), _))) = rtsp::parse(&buffer[..len]) else {
            panic!("not read back: {url:?}")
        };
        assert_eq!((request.method, request.headers.iter().count()), (Method::Setup, 0), "{url:?}");
    }
}

/// What servers of the field send.
pub fn sdp_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "v=0\r\no=- 17947953332670372980 1 IN IP4 127.0.0.1\r\ns=x\r\ni=rtsp-server\r\nt=0 0\r\na=tool:GStreamer\r\na=control:*\r\na=range:npt=0-120\r\nm=video 0 RTP/AVP 26\r\nc=IN IP4 0.0.0.0\r\nb=AS:4899\r\na=rtpmap:26 JPEG/90000\r\na=framerate:24.000000\r\na=control:stream=0\r\n",
        "v=0\ns=m\na=range:npt=now-\nm=audio 0 RTP/AVP 0\na=control:track0\nm=video 0 RTP/AVP 96\na=rtpmap:96 JPEG/90000\na=x-dimensions:2560,1440\na=control:rtsp://h/x/track1\n",
        "m=video 0 RTP/AVP 26\r\n",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A URL, the path in it, and what a client makes of it.
pub fn url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let path = match Url::parse(text) {
        Some(url) => {
            let shown = url.to_string();
            let again = Url::parse(&shown).unwrap_or_else(|| panic!("{shown:?} is not read back"));
            assert_eq!((again.host(), again.port(), again.path()), (url.host(), url.port(), url.path()), "{shown:?}");
            assert!(again.user_info().is_none(), "{shown:?} tells who asks");
            url.path()
        }
        None => Path::new(text),
    };
    for outside in ["..", ".", "", "../movie.Mjpeg", "a/../movie.Mjpeg", "/etc/passwd", "a\0"] {
        assert!(!path.names(outside) || outside == path.as_str(), "{path:?} names {outside:?}");
    }
    assert!(!path.names("..") && !path.names("."), "{path:?} leads out");
    if let Some(target) = Target::parse(text) {
        // What both understand, both understand alike.
        assert!(Url::parse(text).is_none_or(|url| url.path() == target.path()), "{text:?}");
        assert!(target.is_absolute() != text.starts_with('/') && (target.is_absolute() || !target.is_ipv6()));
    } else {
        assert!(Url::parse(text).is_none(), "{text:?} is a URL");
    }
    assert!(path.is_same(path), "{path:?}");
    assert!(path.segments().map(Iterator::count).sum::<usize>() <= path.as_str().len());
    let (rest, track) = path.split_track();
    assert!(rest.as_str().len() <= path.as_str().len() && (track.is_some() || rest == path));
    let control = Control::resolve("rtsp://h/x", Some(text), Some(text));
    let _ = (control.to_string(), control.is_meant_by(text));
}

/// URLs and paths, good and bad.
pub fn url_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "rtsp://127.0.0.1:8554/movie.Mjpeg",
        "rtsp://user:pw@[fe80::1]:554/a%20b/trackID=0?x=y#z",
        "RTSP://Host/",
        "movie.Mjpeg",
        "/a/../%2e%2e/b",
        "rtspu://:0/my film%zz",
        "rtsps:///e%CC%81?x",
        "*",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
