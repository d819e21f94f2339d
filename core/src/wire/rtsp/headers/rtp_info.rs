use crate::wire::text::{decimal, strip_prefix_ignore_case, trim, unquote};
use core::fmt::{self, Display};

/// One stream of `RTP-Info` (RFC 2326 section 12.33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RtpInfo<'a> {
    /// The stream's control URL; empty if the server did not give it. Players compare it byte by byte with theirs.
    pub url: &'a str,
    /// The first packet's sequence number.
    pub sequence: Option<u16>,
    /// The RTP timestamp that belongs to the start of the range. ffmpeg ignores the header if it is 0.
    pub rtptime: Option<u32>,
}

impl<'a> RtpInfo<'a> {
    /// Reads the first stream of a value. `None` if the value describes none.
    pub fn parse(value: &'a str) -> Option<Self> {
        Self::streams(value).next()
    }

    /// All streams of a value. Numbers that make no sense count as missing, and so do streams without any parameter.
    pub fn streams(value: &'a str) -> impl Iterator<Item = Self> {
        let mut rest = value;
        core::iter::from_fn(move || {
            loop {
                if rest.is_empty() {
                    return None;
                }
                let (stream, next) = split_stream(rest);
                rest = next;
                if let Some(stream) = Self::parse_stream(stream) {
                    return Some(stream);
                }
            }
        })
    }

    fn parse_stream(text: &'a str) -> Option<Self> {
        let mut info = Self { url: "", sequence: None, rtptime: None };
        for part in text.split(';') {
            let Some((name, value)) = part.split_once('=') else { continue };
            let (name, value) = (trim(name), unquote(trim(value)));
            if name.eq_ignore_ascii_case("url") {
                info.url = value;
            } else if name.eq_ignore_ascii_case("seq") {
                info.sequence = decimal(value);
            } else if name.eq_ignore_ascii_case("rtptime") {
                info.rtptime = decimal(value);
            }
        }
        let says_nothing = info.url.is_empty() && info.sequence.is_none() && info.rtptime.is_none();
        (!says_nothing).then_some(info)
    }
}

impl Display for RtpInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "url={}", self.url)?;
        self.sequence.map_or(Ok(()), |sequence| write!(f, ";seq={sequence}"))?;
        self.rtptime.map_or(Ok(()), |rtptime| write!(f, ";rtptime={rtptime}"))
    }
}

/// Splits off the first stream. A comma belongs to the URL it stands in unless another `url=` follows it.
fn split_stream(text: &str) -> (&str, &str) {
    let end = text.match_indices(',').find(|&(at, _)| {
        let after = text.get(at..).unwrap_or_default().trim_start_matches([',', ' ', '\t']);
        strip_prefix_ignore_case(after, "url").is_some_and(|after| trim(after).starts_with('='))
    });
    match end.and_then(|(at, _)| text.split_at_checked(at)) {
        Some((stream, rest)) => (stream, rest.trim_start_matches([',', ' ', '\t'])),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    const GSTREAMER: &str = "url=rtsp://127.0.0.1:8554/avi420/stream=0;seq=24954;rtptime=3375122489";

    #[test]
    fn what_servers_send_is_read_and_written_alike() {
        let url = "rtsp://127.0.0.1:8554/avi420/stream=0";
        let info = RtpInfo { url, sequence: Some(24954), rtptime: Some(3_375_122_489) };
        assert_eq!(RtpInfo::parse(GSTREAMER), Some(info));
        assert_eq!(info.to_string(), GSTREAMER);
    }

    #[test]
    fn missing_and_impossible_numbers_are_not_there() {
        let cases = [
            ("url=x", Some(("x", None, None))),
            (" URL = \"x\" ; SEQ = 1 ; rtptime=2 ;", Some(("x", Some(1), Some(2)))),
            ("seq=65536;rtptime=4294967296;url=x", Some(("x", None, None))),
            ("seq=-1;rtptime=0", Some(("", None, Some(0)))),
            ("seq=", None),
            ("", None),
            (",,", None),
        ];
        for (value, expected) in cases {
            let expected = expected.map(|(url, sequence, rtptime)| RtpInfo { url, sequence, rtptime });
            assert_eq!(RtpInfo::parse(value), expected, "{value:?}");
        }
    }

    #[test]
    fn streams_are_told_apart_though_urls_may_hold_commas() {
        let value = "url=rtsp://h/a,b/0;seq=1, url=rtsp://h/a,b/1;seq=2;rtptime=3 ,URL=c";
        let streams = RtpInfo::streams(value).map(|stream| (stream.url, stream.sequence));
        assert!(streams.eq([("rtsp://h/a,b/0", Some(1)), ("rtsp://h/a,b/1", Some(2)), ("c", None)]));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_loop(value in "(url=|seq=|rtptime=|[ ,;=\"aé1]){0,30}") {
            prop_assert!(RtpInfo::streams(&value).count() <= 30);
        }
    }
}
