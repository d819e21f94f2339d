//! Answers of the standard dialect, read with the tolerance that servers in the field need.
//!
//! | seen in the field | what is done |
//! |---|---|
//! | header spelled `Cseq`, `session` | names are compared in any case, by `wire::rtsp` |
//! | `Content-Base` without a slash at its end | controls are appended with one, by `wire::url` |
//! | no `Content-Base` | `Content-Location`, then the URL that was asked for (RFC 2326 appendix C.1.1) |
//! | no `a=control` of the stream, or the same absolute one everywhere | the aggregate's is used |
//! | SETUP answered without `Transport` or `server_port`, or with ports of 0 | what was offered counts |
//! | other interleaved channels than offered | the server's count |
//! | channels, but `RTP/AVP` for the transport | it is TCP, unless our ports are there, too |
//! | TCP, though UDP was offered | it is TCP, on channels 0 and 1 if it does not say which |
//! | UDP to ports of ours, though TCP was offered | the driver decides |
//! | RTP/AVP, though RTP/SAVP was offered | it is encrypted with the key that was told, unless the connection is TLS |
//! | `destination`, `source` in `Transport` | ignored: media is taken from the server alone |
//! | `RTP-Info` with URLs that are not ours | believed where it tells of one stream only |
//! | PLAY answered without `Session`, `RTP-Info` or `Range` | none is needed |

use super::MAX_URL;
use super::events::{Described, Error, Playing, SetUp};
use super::keying::Keying;
use crate::session::MediaTransport;
use crate::time::Duration;
use crate::wire::rtsp::headers::{LowerTransport, Range, RtpInfo, Scale, Transport};
use crate::wire::rtsp::{Headers, Response};
use crate::wire::sdp::Sdp;
use crate::wire::url::{Control, Url};
use core::fmt::{Display, Write};
use heapless::String;

/// The channels of a server that goes over to TCP without saying which.
const UNTOLD_CHANNELS: MediaTransport = MediaTransport::Interleaved { rtp_channel: 0, rtcp_channel: 1 };

/// Whether `Public` lists GET_PARAMETER; `None` where there is no such header.
pub(super) fn public(headers: &Headers<'_>) -> Option<bool> {
    headers.first("Public")?;
    let mut methods = headers.all("Public").flat_map(|value| value.split(','));
    Some(methods.any(|method| method.trim().eq_ignore_ascii_case("GET_PARAMETER")))
}

/// The `Transport` of a SETUP request.
pub(super) fn offer(offer: MediaTransport, secure: bool) -> Transport {
    let (lower, client_port, interleaved) = match offer {
        MediaTransport::Udp { rtp_port, rtcp_port } => (LowerTransport::Udp, Some((rtp_port, rtcp_port)), None),
        MediaTransport::Interleaved { rtp_channel, rtcp_channel } => {
            (LowerTransport::Tcp, None, Some((rtp_channel, rtcp_channel)))
        }
    };
    Transport { lower: Some(lower), secure, unicast: true, client_port, interleaved, ..Transport::default() }
}

/// Reads the answer to DESCRIBE. The strings are the URLs of the aggregate and of the video stream.
pub(super) fn describe(
    response: &Response<'_>,
    url: &str,
    keying: &mut Keying,
) -> Result<(Described, String<MAX_URL, u16>, String<MAX_URL, u16>), Error> {
    let sdp = Sdp::new(response.body);
    let video = sdp.video().ok_or(Error::NoJpegVideo)?;
    let headers = &response.headers;
    let base = headers.first("Content-Base").or_else(|| headers.first("Content-Location"));
    let aggregate = bounded(Control::resolve(url, base, sdp.control()))?;
    let stream = match video.control {
        Some(_) => bounded(Control::resolve(url, base, video.control))?,
        None => aggregate.clone(),
    };
    let described = Described {
        payload_type: video.payload_type,
        frame_rate: video.framerate.and_then(|rate| rate.parse().ok()),
        range: video.range.or_else(|| sdp.range()),
        dimensions: video.dimensions,
        protection: keying.describe(&video, is_private(url))?,
    };
    Ok((described, aggregate, stream))
}

/// Whether all that is said about this URL is inside of TLS.
fn is_private(url: &str) -> bool {
    Url::parse(url).is_some_and(|url| url.is_secure())
}

/// Reads the answer to SETUP.
pub(super) fn setup(
    headers: &Headers<'_>,
    offer: MediaTransport,
    session_timeout: Duration,
    keying: &mut Keying,
) -> Result<SetUp, Error> {
    let answered = headers.first("Transport").and_then(|value| Transport::alternatives(value).next()?.ok());
    let answered = answered.unwrap_or_default();
    let transport = match (offer, answered.lower, answered.interleaved) {
        _ if answered.multicast => return Err(Error::Transport),
        (MediaTransport::Udp { .. }, Some(LowerTransport::Udp) | None, Some(_)) if answered.client_port.is_some() => {
            offer
        }
        (_, _, Some((rtp_channel, rtcp_channel))) => MediaTransport::Interleaved { rtp_channel, rtcp_channel },
        (MediaTransport::Interleaved { .. }, Some(LowerTransport::Udp), None) => {
            let (rtp_port, rtcp_port) = answered.client_port.ok_or(Error::Transport)?;
            MediaTransport::Udp { rtp_port, rtcp_port }
        }
        (MediaTransport::Udp { .. }, Some(LowerTransport::Tcp), None) => UNTOLD_CHANNELS,
        (_, _, None) => offer,
    };
    let is_encrypted = keying.handle_set_up(answered.lower.map(|_| answered.secure), transport);
    Ok(SetUp { transport, server_port: answered.server_port, ssrc: answered.ssrc, session_timeout, is_encrypted })
}

/// Reads the answer to PLAY, as far as it is about the stream that `control` set up.
pub(super) fn play(headers: &Headers<'_>, control: &str) -> Playing {
    let streams = || headers.all("RTP-Info").flat_map(RtpInfo::streams);
    let control = Control::resolve(control, None, None);
    // Servers behind address translation give URLs of their own. If there is one stream only, it is the one that is meant.
    let info = streams().find(|info| control.is_meant_by(info.url)).or_else(|| {
        let mut streams = streams();
        streams.next().filter(|_| streams.next().is_none())
    });
    Playing {
        sequence: info.and_then(|info| info.sequence),
        rtptime: info.and_then(|info| info.rtptime),
        range: headers.first("Range").and_then(Range::parse),
        scale: headers.first("Scale").and_then(Scale::parse),
    }
}

/// A bounded copy of a value's text.
pub(super) fn bounded<const N: usize>(value: impl Display) -> Result<String<N, u16>, Error> {
    let mut copy = String::new();
    write!(copy, "{value}").map_err(|_| Error::UrlTooLong)?;
    Ok(copy)
}
