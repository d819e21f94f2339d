//! Session descriptions (RFC 4566), as far as one JPEG stream needs them (RFC 2326 appendix C).
//!
//! [`Sdp`] reads the descriptions of other servers; our server writes a [`Description`].

#[cfg(feature = "srtp")]
use super::mikey;
use super::rtp::PAYLOAD_TYPE_JPEG;
use super::rtp_jpeg::MAX_HEADER_SIDE;
use super::rtsp::headers::{NptMicros, Range};
use super::sdes;
use super::text::{OneLine, decimal, strip_prefix_ignore_case, trim};
use core::fmt::{self, Display, Write};
use core::net::IpAddr;

/// The `a=control` of the one stream in a [`Description`].
pub const TRACK_CONTROL: &str = "trackID=0";

/// A received description. Lines may end in LF or CRLF, stand in any order, be missing or unknown. Each look-up scans it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sdp<'a> {
    bytes: &'a [u8],
}

/// The JPEG stream in a received description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Video<'a> {
    /// 26, or the dynamic type that an `rtpmap` gives to `JPEG/90000`.
    pub payload_type: u8,
    /// `a=control`, to be resolved with [`Control`](super::url::Control). If it is missing, the stream is controlled
    /// through the URL of the whole description.
    pub control: Option<&'a str>,
    /// `a=framerate`: frames per second as written, such as `24.000000` or `29.97`.
    pub framerate: Option<&'a str>,
    /// `a=x-dimensions`: width and height in pixels. Servers give it if the RTP/JPEG header has no room for them and says 0.
    pub dimensions: Option<(u16, u16)>,
    /// `a=range`, of the stream or of the session.
    pub range: Option<Range>,
    /// The address in `c=`, of the stream or of the session. Servers write 0.0.0.0, or the address of a multicast group.
    pub connection: Option<IpAddr>,
    /// It is encrypted: the profile is RTP/SAVP, or there are keys.
    pub is_secure: bool,
    /// The message of MIKEY in `a=key-mgmt`, of the stream or of the session, in Base64.
    pub mikey: Option<&'a str>,
    /// The first `a=crypto` that can be done.
    pub crypto: Option<sdes::Crypto>,
}

/// A stream in a received description, whatever it carries. `Display` names that: `video H264/90000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media<'a> {
    /// `video`, `audio` or another word.
    pub kind: &'a str,
    /// The first payload type that is listed, as written; empty where there is none.
    pub format: &'a str,
    /// What an `rtpmap` says of that payload type, as written: `H264/90000`.
    pub encoding: Option<&'a str>,
}

impl Display for Media<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Enough of each word to know it by. Strangers write them.
        let Self { kind, format, encoding } = self;
        match encoding {
            Some(encoding) => write!(OneLine(f), "{kind:.12} {encoding:.24}"),
            None => write!(OneLine(f), "{kind:.12} of payload type {format:.3}"),
        }
    }
}

impl<'a> Sdp<'a> {
    /// Wraps a body of type `application/sdp`. It may hold any bytes: look-ups skip lines that make no sense.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// `s=`, the session's name.
    pub fn name(&self) -> Option<&'a str> {
        self.session_level().find(|(kind, _)| *kind == b's').map(|(_, value)| value)
    }

    /// `a=control` of the session: the aggregate's URL.
    pub fn control(&self) -> Option<&'a str> {
        self.session_level().find_map(|line| attribute(line, "control"))
    }

    /// `a=range` of the session: what can be played.
    pub fn range(&self) -> Option<Range> {
        self.session_level().find_map(|line| attribute(line, "range")).and_then(Range::parse)
    }

    /// `c=` of the session: its address.
    pub fn connection(&self) -> Option<IpAddr> {
        self.session_level().find_map(connection)
    }

    /// The first video stream of JPEG: one that lists payload type 26, or a type whose `rtpmap` says `JPEG/90000`.
    pub fn video(&self) -> Option<Video<'a>> {
        let mut lines = self.lines();
        while let Some((kind, value)) = lines.next() {
            if let Some((formats, is_secure)) = (kind == b'm').then(|| video_formats(value)).flatten()
                && let Some(video) = self.stream(formats, is_secure, lines.clone())
            {
                return Some(video);
            }
        }
        None
    }

    /// Reads the lines of one stream, which end at the next `m=`.
    fn stream(&self, formats: u128, is_secure: bool, lines: Lines<'a>) -> Option<Video<'a>> {
        let listed = |payload_type: u8| 1u128.checked_shl(payload_type.into()).is_some_and(|bit| formats & bit != 0);
        let mut payload_type = listed(PAYLOAD_TYPE_JPEG).then_some(PAYLOAD_TYPE_JPEG);
        let (mut control, mut framerate, mut dimensions, mut range, mut address) = (None, None, None, None, None);
        let (mut mikey, mut crypto, mut has_crypto) = (None, None, false);
        for line in lines.take_while(|(kind, _)| *kind != b'm') {
            if let Some(map) = attribute(line, "rtpmap") {
                payload_type = payload_type.or_else(|| jpeg_payload_type(map).filter(|&mapped| listed(mapped)));
            }
            control = control.or_else(|| attribute(line, "control"));
            framerate = framerate.or_else(|| attribute(line, "framerate"));
            dimensions = dimensions.or_else(|| attribute(line, "x-dimensions").and_then(sides));
            range = range.or_else(|| attribute(line, "range").and_then(Range::parse));
            address = address.or_else(|| connection(line));
            mikey = mikey.or_else(|| key_management(line));
            if let Some(crypto_line) = attribute(line, "crypto") {
                has_crypto = true;
                crypto = crypto.or_else(|| sdes::Crypto::parse(crypto_line));
            }
        }
        let mikey = mikey.or_else(|| self.session_level().find_map(key_management));
        Some(Video {
            payload_type: payload_type?,
            control,
            framerate,
            dimensions,
            range: range.or_else(|| self.range()),
            connection: address.or_else(|| self.connection()),
            is_secure: is_secure || has_crypto || mikey.is_some(),
            mikey,
            crypto,
        })
    }

    /// The streams, of whatever kind.
    pub fn media(&self) -> impl Iterator<Item = Media<'a>> + use<'a> {
        let mut lines = self.lines();
        core::iter::from_fn(move || {
            let (_, value) = lines.by_ref().find(|(kind, _)| *kind == b'm')?;
            let mut words = value.split_ascii_whitespace();
            let (kind, format) = (words.next().unwrap_or_default(), words.nth(2).unwrap_or_default());
            let maps = lines.clone().take_while(|(kind, _)| *kind != b'm').filter_map(|line| attribute(line, "rtpmap"));
            let encoding = maps.filter_map(|map| map.split_once([' ', '\t'])).find(|(mapped, _)| *mapped == format);
            Some(Media { kind, format, encoding: encoding.map(|(_, encoding)| trim(encoding)) })
        })
    }

    fn session_level(&self) -> impl Iterator<Item = (u8, &'a str)> + use<'a> {
        self.lines().take_while(|(kind, _)| *kind != b'm')
    }

    fn lines(&self) -> Lines<'a> {
        Lines { rest: self.bytes }
    }
}

/// The lines `<type>=<value>`. Lines of another shape, and lines that are not UTF-8, are left out.
#[derive(Clone, Debug)]
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = (u8, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let mut parts = self.rest.splitn(2, |&byte| byte == b'\n');
            let line = parts.next().unwrap_or_default();
            self.rest = parts.next().unwrap_or_default();
            if let [kind, b'=', value @ ..] = line.trim_ascii()
                && let Ok(value) = core::str::from_utf8(value)
            {
                return Some((*kind, trim(value)));
            }
        }
        None
    }
}

/// The value of the attribute `name`, if `line` is that attribute and its value is not empty.
fn attribute<'a>((kind, value): (u8, &'a str), name: &str) -> Option<&'a str> {
    let value = strip_prefix_ignore_case(value, name)?.strip_prefix(':')?;
    Some(trim(value)).filter(|value| kind == b'a' && !value.is_empty())
}

/// The address of `c=IN IP4 <address>[/<ttl>]`.
fn connection((kind, value): (u8, &str)) -> Option<IpAddr> {
    let address = value.split_ascii_whitespace().nth(2)?.split('/').next()?;
    if kind == b'c' { address.parse().ok() } else { None }
}

/// The payload types of `m=video <port> RTP/AVP <types>` as a set of bits, and whether it says RTP/SAVP.
fn video_formats(media: &str) -> Option<(u128, bool)> {
    let mut words = media.split_ascii_whitespace();
    let (kind, _port, protocol) = (words.next()?, words.next()?, words.next()?);
    let is_secure = strip_prefix_ignore_case(protocol, "RTP/SAVP").is_some();
    let is_known = is_secure || strip_prefix_ignore_case(protocol, "RTP/AVP").is_some();
    if !kind.eq_ignore_ascii_case("video") || !is_known {
        return None;
    }
    let bits = words.filter_map(|word| 1u128.checked_shl(decimal(word)?));
    Some((bits.fold(0, |set, bit| set | bit), is_secure))
}

/// The message of `a=key-mgmt:mikey <message>`.
fn key_management(line: (u8, &str)) -> Option<&str> {
    let (protocol, message) = attribute(line, "key-mgmt")?.split_once([' ', '\t'])?;
    protocol.eq_ignore_ascii_case("mikey").then_some(trim(message))
}

/// The payload type of `a=rtpmap:<type> JPEG/90000`.
fn jpeg_payload_type(map: &str) -> Option<u8> {
    let mut words = map.split_ascii_whitespace();
    let payload_type = decimal(words.next()?)?;
    let mut encoding = words.next()?.split('/');
    let is_jpeg = encoding.next()?.eq_ignore_ascii_case("JPEG") && encoding.next() == Some("90000");
    is_jpeg.then_some(payload_type)
}

/// Reads `W,H`; neither of them may be 0.
fn sides(value: &str) -> Option<(u16, u16)> {
    let (width, height) = value.split_once(',')?;
    let side = |text| decimal(trim(text)).filter(|&side| side > 0);
    Some((side(width)?, side(height)?))
}

/// Our own description of one JPEG stream; `Display` writes it.
///
/// Every tested player reads it. It leaves addresses open, since players know the address of the server. The stream has a
/// relative control URL. The frame rate is there because some players watch for many seconds without it before they show
/// anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description<'a, R> {
    /// Identifies the session together with the address. Any number is allowed.
    pub session_id: u64,
    /// The version of the description. Raise it when the description changes.
    pub version: u64,
    /// The session's name. Control characters in it become spaces.
    pub name: &'a str,
    /// Whether the control connection is over IPv6.
    pub ipv6: bool,
    /// The range that can be played: with or without an end, or [`Range::Now`] if it is live.
    pub range: Range,
    /// Frames per second, as `24` or `29.97`.
    pub framerate: Option<R>,
    /// How the stream's key is told, where it is encrypted.
    pub exchange: Exchange<'a>,
    /// Width and height in pixels. They are written only if the RTP/JPEG header cannot hold them: above
    /// [`MAX_HEADER_SIDE`], and if they are no multiples of 8. A receiver that reads them can crop then.
    pub dimensions: Option<(u16, u16)>,
}

/// How a description tells the key of an encrypted stream. Whoever reads the description can read the stream then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Exchange<'a> {
    /// It is not encrypted.
    #[default]
    None,
    /// By a message of MIKEY (RFC 4567).
    #[cfg(feature = "srtp")]
    Mikey(mikey::Emitted<'a>),
    /// In the clear (RFC 4568).
    #[cfg(feature = "srtp")]
    Sdes(sdes::Crypto),
    /// Never: it gives the type its lifetime where there is no encryption.
    #[cfg(not(feature = "srtp"))]
    Never(core::convert::Infallible, core::marker::PhantomData<&'a ()>),
}

impl<R: Display> Display for Description<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = if self.ipv6 { "IN IP6 ::" } else { "IN IP4 0.0.0.0" };
        write!(f, "v=0\r\no=- {} {} {address}\r\ns=", self.session_id, self.version)?;
        // The name must not be empty (RFC 4566 section 5.3).
        OneLine(f).write_str(if self.name.is_empty() { "-" } else { self.name })?;
        write!(f, "\r\nc={address}\r\nt=0 0\r\na=tool:mutoscope\r\na=control:*\r\n")?;
        match self.range {
            Range::Npt { start, end } => {
                write!(f, "a=range:npt={}-", Seconds(start.unwrap_or(0)))?;
                end.map_or(Ok(()), |end| Seconds(end).fmt(f))?;
                f.write_str("\r\n")?;
            }
            Range::Now => f.write_str("a=range:npt=now-\r\n")?,
            // Such a range says nothing that a player could use.
            Range::Other | Range::ToOrFromNow | Range::Negative | Range::TimeOfDay => {}
        }
        let profile = if self.exchange == Exchange::None { "RTP/AVP" } else { "RTP/SAVP" };
        write!(f, "m=video 0 {profile} {PAYLOAD_TYPE_JPEG}\r\na=rtpmap:{PAYLOAD_TYPE_JPEG} JPEG/90000\r\n")?;
        match &self.exchange {
            Exchange::None => {}
            #[cfg(not(feature = "srtp"))]
            Exchange::Never(never, _) => match *never {},
            #[cfg(feature = "srtp")]
            Exchange::Mikey(message) => write!(f, "a=key-mgmt:mikey {message}\r\n")?,
            // FFmpeg takes the last such line for the only one.
            #[cfg(feature = "srtp")]
            Exchange::Sdes(crypto) => write!(f, "a=crypto:{crypto}\r\n")?,
        }
        write!(f, "a=control:{TRACK_CONTROL}\r\n")?;
        if let Some(framerate) = &self.framerate {
            write!(f, "a=framerate:{framerate}\r\n")?;
        }
        match self.dimensions {
            Some((width, height)) if !is_exact_in_header(width) || !is_exact_in_header(height) => {
                write!(f, "a=x-dimensions:{width},{height}\r\n")
            }
            _ => Ok(()),
        }
    }
}

/// Whether the RTP/JPEG header, which counts in units of 8 pixels, can hold this length exactly.
fn is_exact_in_header(side: u16) -> bool {
    side <= MAX_HEADER_SIDE && side.is_multiple_of(8)
}

/// Displays seconds with as many decimals as the value needs.
struct Seconds(NptMicros);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, mut fraction) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if fraction == 0 {
            return write!(f, "{seconds}");
        }
        let mut decimals = 6usize;
        while fraction % 10 == 0 {
            fraction /= 10;
            decimals = decimals.saturating_sub(1);
        }
        write!(f, "{seconds}.{fraction:0decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};
    use proptest::prelude::*;
    use std::string::ToString;
    use std::vec::Vec;

    const GSTREAMER: &str = "v=0\r\no=- 17947953332670372980 1 IN IP4 127.0.0.1\r\ns=Session streamed with GStreamer\r\n\
        i=rtsp-server\r\nt=0 0\r\na=tool:GStreamer\r\na=type:broadcast\r\na=control:*\r\na=range:npt=0-120\r\n\
        m=video 0 RTP/AVP 26\r\nc=IN IP4 0.0.0.0\r\nb=AS:4899\r\na=rtpmap:26 JPEG/90000\r\na=framerate:24.000000\r\n\
        a=control:stream=0\r\na=ts-refclk:local\r\na=ssrc:1897128860 cname:user2503402221@host\r\n";
    const LIVE555: &str = "v=0\r\no=- 1795338380190888 1 IN IP4 192.0.2.2\r\ns=mjpeg\r\ni=x\r\nt=0 0\r\na=control:*\r\n\
        a=range:npt=now-\r\nm=video 0 RTP/AVP 26\r\nc=IN IP4 0.0.0.0\r\nb=AS:5000\r\na=control:track1\r\n";
    const ESPP: &str = "v=0\r\no=- 1251457587 1 IN IP4 127.0.0.1:8556\r\ns=MJPEG Stream\r\nt=0 0\r\n\
        a=control:rtsp://127.0.0.1:8556/mjpeg/1\r\na=mimetype:string;\"video/x-motion-jpeg\"\r\nm=video 0 RTP/AVP 26\r\n\
        c=IN IP4 0.0.0.0\r\nb=AS:256\r\na=control:rtsp://127.0.0.1:8556/mjpeg/1\r\na=udp-only\r\n";
    const VLC: &str = "v=0\r\no=- 17198454343290262660 17198454343290262660 IN IP4 vm\r\ns=Unnamed\r\ni=N/A\r\n\
        c=IN IP4 0.0.0.0\r\nt=0 0\r\na=recvonly\r\na=control:rtsp://127.0.0.1:8555/x\r\nm=video 0 RTP/AVP 26\r\n\
        b=RR:0\r\na=rtpmap:26 JPEG/90000\r\na=control:rtsp://127.0.0.1:8555/x/trackID=0\r\n";

    const VIDEO: Video<'_> = Video {
        payload_type: 26,
        control: None,
        framerate: None,
        dimensions: None,
        range: None,
        connection: Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        is_secure: false,
        mikey: None,
        crypto: None,
    };

    #[test]
    fn the_streams_are_counted_and_the_first_jpeg_is_the_one() {
        let audio = "m=audio 0 RTP/AVP 97\r\na=control:streamid=0\r\n";
        let video = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 JPEG/90000\r\na=control:streamid=1\r\n";
        let both = std::format!("v=0\r\ns=No Name\r\n{audio}{video}");
        let sdp = Sdp::new(both.as_bytes());
        let found = sdp.video().map(|video| (video.payload_type, video.control));
        assert_eq!((sdp.media().count(), found), (2, Some((96, Some("streamid=1")))));
        assert_eq!(Sdp::new(audio.as_bytes()).video(), None);
        assert_eq!((Sdp::new(audio.as_bytes()).media().count(), Sdp::new(b"v=0").media().count()), (1, 0));
    }

    #[test]
    fn every_stream_is_named() {
        let text = "v=0\nm=video 0 RTP/AVP 96 97\na=rtpmap:97 VP8/90000\na=rtpmap:96 H264/90000\n\
            m=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/44100/2\nm=audio 0 RTP/AVP 14\na=rtpmap:140 x\nm=\n\
            m=a\u{1b}[2J 0 x\nm=video 0 x 9\na=rtpmap:9 \u{7}0123456789012345678901234567890\n";
        let named: Vec<_> = Sdp::new(text.as_bytes()).media().map(|media| media.to_string()).collect();
        let expected = [
            "video H264/90000",
            "audio MPEG4-GENERIC/44100/2",
            "audio of payload type 14",
            " of payload type ",
            "a [2J of payload type ",
            "video  01234567890123456789012",
        ];
        assert_eq!(named, expected);
    }

    #[test]
    fn what_servers_send_is_understood() {
        let two_minutes = Some(Range::Npt { start: Some(0), end: Some(120_000_000) });
        let cases = [
            (
                GSTREAMER,
                Some("*"),
                Video { control: Some("stream=0"), framerate: Some("24.000000"), range: two_minutes, ..VIDEO },
            ),
            (LIVE555, Some("*"), Video { control: Some("track1"), range: Some(Range::Now), ..VIDEO }),
            (
                ESPP,
                Some("rtsp://127.0.0.1:8556/mjpeg/1"),
                Video { control: Some("rtsp://127.0.0.1:8556/mjpeg/1"), ..VIDEO },
            ),
            (
                VLC,
                Some("rtsp://127.0.0.1:8555/x"),
                Video { control: Some("rtsp://127.0.0.1:8555/x/trackID=0"), ..VIDEO },
            ),
        ];
        for (text, control, video) in cases {
            for text in [text.to_string(), text.replace("\r\n", "\n")] {
                let sdp = Sdp::new(text.as_bytes());
                assert_eq!(sdp.video(), Some(video), "{text}");
                assert_eq!(sdp.control(), control, "{text}");
            }
        }
        assert_eq!(Sdp::new(LIVE555.as_bytes()).name(), Some("mjpeg"));
    }

    #[test]
    fn the_first_stream_of_jpeg_is_found_among_others() {
        let text = "m=audio 0 RTP/AVP 26\na=control:audio\nm=video 0 RTP/AVP 96 97\na=rtpmap:96 H264/90000\n\
            a=control:h264\nm=video 0 RTP/AVP 98 99\na=rtpmap:97 JPEG/90000\na=rtpmap:99 jpeg/90000/1\n\
            a=x-dimensions: 2592, 1944\nnonsense\n=\na=control:jpeg\nm=video 0 RTP/AVP 26\na=control:later";
        let video = Sdp::new(text.as_bytes()).video().unwrap();
        assert_eq!((video.payload_type, video.control), (99, Some("jpeg")));
        assert_eq!(video.dimensions, Some((2592, 1944)));
        assert_eq!((video.range, video.connection), (None, None));
    }

    #[test]
    fn a_description_may_have_almost_nothing() {
        let video = Sdp::new(b"m=video 0 RTP/AVP 26").video().unwrap();
        assert_eq!(video, Video { connection: None, ..VIDEO });
        for text in ["", "v=0\n", "m=video", "m=video 0 RTP/AVP", "m=video 0 RTP/AVP 300 -1 x"] {
            assert_eq!(Sdp::new(text.as_bytes()).video(), None, "{text}");
        }
    }

    #[test]
    fn a_name_in_another_encoding_does_not_spoil_the_rest() {
        let sdp = Sdp::new(b"v=0\ns=caf\xe9\nm=video 0 RTP/AVP 26\na=control:x\n");
        assert_eq!(sdp.name(), None);
        assert_eq!(sdp.video().unwrap().control, Some("x"));
    }

    #[test]
    fn what_makes_no_sense_is_not_there() {
        let sdp = Sdp::new(
            b"c=IN IP4 host\nc=IN IP6 ff02::1/3\na=range:x\nm=video 0 RTP/AVP 26\na=control:\na=x-dimensions:0,9\n",
        );
        let multicast = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
        assert_eq!(sdp.video(), Some(Video { connection: Some(multicast.into()), ..VIDEO }));
    }

    #[test]
    fn our_description_is_written_line_by_line() {
        let file = Description {
            session_id: 17,
            version: 1,
            name: "movie.Mjpeg",
            ipv6: false,
            range: Range::Npt { start: Some(0), end: Some(20_833_333) },
            framerate: Some(24),
            exchange: Exchange::None,
            dimensions: Some((640, 480)),
        };
        let text = "v=0\r\no=- 17 1 IN IP4 0.0.0.0\r\ns=movie.Mjpeg\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=tool:mutoscope\r\n\
            a=control:*\r\na=range:npt=0-20.833333\r\nm=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\n\
            a=control:trackID=0\r\na=framerate:24\r\n";
        assert_eq!(file.to_string(), text);

        let endless = Description { range: Range::Npt { start: Some(0), end: None }, ..file.clone() };
        assert_eq!(endless.to_string(), text.replace("npt=0-20.833333", "npt=0-"));

        let live = Description {
            name: "a\r\na=control:b",
            ipv6: true,
            range: Range::Now,
            framerate: Some("29.97"),
            exchange: Exchange::None,
            dimensions: Some((2048, 1536)),
            session_id: u64::MAX,
            version: 2,
        };
        let text = "v=0\r\no=- 18446744073709551615 2 IN IP6 ::\r\ns=a  a=control:b\r\nc=IN IP6 ::\r\nt=0 0\r\n\
            a=tool:mutoscope\r\na=control:*\r\na=range:npt=now-\r\nm=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\n\
            a=control:trackID=0\r\na=framerate:29.97\r\na=x-dimensions:2048,1536\r\n";
        assert_eq!(live.to_string(), text);
    }

    #[cfg(feature = "srtp")]
    #[test]
    fn keys_are_written_and_read_where_the_stream_is_encrypted() {
        let message = mikey::Message { ssrc: 7, rollover: 0, key: [5; 30], spi: heapless::Vec::new() };
        let time = crate::time::NtpTime::from_bits(1 << 40);
        let emitted = mikey::Emitted { message: &message, time, random: [1; 16] };
        let crypto = sdes::Crypto { tag: 1, key: [5; 30], mki: None };
        let describe = |exchange| {
            let (range, framerate, dimensions) = (Range::Now, Some(24), None);
            Description { session_id: 1, version: 1, name: "x", ipv6: false, range, framerate, exchange, dimensions }
        };
        let text = describe(Exchange::Mikey(emitted)).to_string();
        let video = Sdp::new(text.as_bytes()).video().unwrap();
        assert!(text.contains("\r\nm=video 0 RTP/SAVP 26\r\n") && video.is_secure && video.crypto.is_none());
        assert_eq!(mikey::Message::parse_base64(video.mikey.unwrap()), Some(message.clone()));
        let text = describe(Exchange::Sdes(crypto)).to_string();
        let video = Sdp::new(text.as_bytes()).video().unwrap();
        assert_eq!((video.is_secure, video.mikey, video.crypto), (true, None, Some(crypto)));
        // Keys of the session are those of the stream, and a suite that we cannot do is still encryption.
        let sdp = Sdp::new(b"a=key-mgmt:MIKEY  AQAF\nm=video 0 RTP/AVP 26\na=crypto:1 F8_128_HMAC_SHA1_80 inline:x\n");
        let video = sdp.video().unwrap();
        assert_eq!((video.is_secure, video.mikey, video.crypto), (true, Some("AQAF"), None));
        assert!(Sdp::new(b"m=video 0 RTP/SAVPF 26\n").video().unwrap().is_secure);
    }

    #[test]
    fn seconds_have_as_many_decimals_as_they_need() {
        for (micros, text) in
            [(0, "0"), (120_000_000, "120"), (10_500_000, "10.5"), (1, "0.000001"), (1_010_000, "1.01")]
        {
            assert_eq!(Seconds(micros).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn our_description_is_understood_by_ourselves(
            name in "[ -~\r\n\0é]{0,30}", end: Option<u64>, live: bool, width in 1u16.., height in 1u16.., ipv6: bool,
        ) {
            let range = if live { Range::Now } else { Range::Npt { start: Some(0), end } };
            let ours = Description {
                session_id: 1, version: 1, name: &name, ipv6, range, framerate: Some("24"),
                exchange: Exchange::None, dimensions: Some((width, height)),
            };
            let text = ours.to_string();
            let sdp = Sdp::new(text.as_bytes());
            let video = sdp.video().unwrap();
            prop_assert_eq!(sdp.control(), Some("*"));
            prop_assert_eq!((video.payload_type, video.control, video.framerate), (26, Some("trackID=0"), Some("24")));
            prop_assert_eq!(video.range, Some(range));
            prop_assert_eq!(video.dimensions, (width.max(height) > MAX_HEADER_SIDE || width % 8 != 0 || height % 8 != 0).then_some((width, height)));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let prefixed: Vec<u8> = [b"m=video 0 RTP/AVP 26\n", &bytes[..]].concat();
            let _ = (Sdp::new(&bytes).video(), Sdp::new(&prefixed).video(), Sdp::new(&bytes).range());
            Sdp::new(&prefixed).media().for_each(|media| drop(media.to_string()));
        }
    }
}
