//! A publisher's stream: packets in, whole pictures out to a sink.

use super::Settings;
use super::hole::Claim;
use crate::io::outlet::Outlet;
use crate::io::{Datagram, Stream};
use crate::media::FrameSink;
use crate::rtp::mapping::Mapping;
use crate::rtp::protect::Protect;
use crate::rtp::receiver::{self, NoFrameReason, Receiver, Rejected, Statistics};
use crate::session::MediaTransport;
use crate::session::server::MAX_URI_LEN;
use crate::time::{Duration, Instant, WallClock};
use crate::wire::sdp::Sdp;
use crate::wire::url::Control;
use core::fmt::{self, Display, Write};

/// Ports of tracks that are not taken, as many as are remembered. What comes from others is nobody's, too, unless a viewer on the
/// same host is still waited for.
const MAX_IGNORED: usize = 8;
/// Room for the words about what cannot be published.
const MAX_WORDS: usize = 256;
/// The longest compound packet: RR, SDES with a CNAME of 255 bytes.
const REPORT_LEN: usize = 400;
/// Pictures are at least so far apart, whatever their timestamps say: time does not stand still for viewers.
const LEAST_INTERVAL: Duration = Duration::from_micros(12);

/// What an announced description says about the one track that is taken.
#[derive(Clone, Debug)]
pub(super) struct Track {
    payload_type: u8,
    dimensions: Option<(u16, u16)>,
    /// Tells the track from others of the description; `None` where there are no others.
    control: Option<heapless::String<MAX_URI_LEN>>,
}

impl Track {
    /// The JPEG video in a description. `None`: it has none.
    pub(super) fn of(description: &[u8]) -> Option<Self> {
        let sdp = Sdp::new(description);
        let video = sdp.video().filter(|video| !video.is_secure)?;
        let control = (sdp.media().nth(1).is_some()).then(|| {
            // One that is too long could not be asked for.
            video.control.and_then(|control| control.try_into().ok()).unwrap_or_default()
        });
        Some(Self { payload_type: video.payload_type, dimensions: video.dimensions, control })
    }

    /// Whether the URL of a SETUP is this track's. `base`: the URL of the description.
    fn is_at(&self, base: &str, url: &str) -> bool {
        let control = self.control.as_deref();
        control.is_none_or(|control| Control::resolve(base, None, Some(control)).is_meant_by(url))
    }
}

/// What to tell somebody whose description has no JPEG video.
pub(super) fn why_not(description: &[u8]) -> heapless::String<MAX_WORDS> {
    let mut words = heapless::String::new();
    // Cut where strangers' words are long in bytes.
    let _ = write!(words, "{}", NoJpeg(Sdp::new(description)));
    words
}

struct NoJpeg<'a>(Sdp<'a>);

impl Display for NoJpeg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut media = self.0.media();
        f.write_str("only JPEG can be published, and this is ")?;
        match media.next() {
            Some(first) => first.fmt(f)?,
            None => f.write_str("nothing")?,
        }
        media.by_ref().take(2).try_for_each(|next| write!(f, ", {next}"))?;
        if media.next().is_some() {
            f.write_str(" and more")?;
        }
        f.write_str("; ffmpeg makes JPEG of video with -c:v mjpeg -huffman default")
    }
}

/// A publisher's session, from ANNOUNCE to its end.
pub(super) struct Recorder<S: FrameSink> {
    sink: S,
    machine: S::Home<Machine<S::Buffer>>,
}

/// The part of a recorder that is large.
pub(super) struct Machine<B> {
    track: Track,
    transport: Option<MediaTransport>,
    /// Where tracks that are not taken come from over UDP.
    ignored: heapless::HistoryBuf<u16, MAX_IGNORED>,
    receiver: Receiver<B, 2>,
    mapping: Mapping,
    /// When the last picture was taken.
    captured: Option<Instant>,
    /// Between RECORD and PAUSE.
    is_recording: bool,
    /// The number of pictures when the last report was due.
    reported: u64,
    /// The log says already that nothing can be shown.
    is_warned: bool,
}

impl<S: FrameSink> Recorder<S> {
    /// `ssrc`: ours, for reports.
    pub(super) fn new(mut sink: S, track: Track, ssrc: u32) -> Self {
        let receiver = Receiver::new(sink.buffers(), ssrc, receiver::Config::default());
        let machine = sink.home(Machine {
            track,
            transport: None,
            ignored: heapless::HistoryBuf::new(),
            receiver,
            mapping: Mapping::default(),
            captured: None,
            is_recording: false,
            reported: 0,
            is_warned: false,
        });
        Self { sink, machine }
    }

    /// Whether its medium is gone.
    pub(super) fn is_over(&self) -> bool {
        self.sink.is_over()
    }

    /// Where media comes from; `None` before SETUP.
    pub(super) fn transport(&self) -> Option<MediaTransport> {
        self.machine.transport
    }

    pub(super) fn statistics(&self) -> Statistics {
        self.machine.receiver.statistics()
    }

    /// Whether the URL of a SETUP is that of the track that is taken. `base`: the URL of ANNOUNCE.
    pub(super) fn is_at(&self, base: &str, url: &str) -> bool {
        self.machine.track.is_at(base, url)
    }

    pub(super) fn set_up(&mut self, transport: MediaTransport) {
        let Machine { track, receiver, .. } = &mut *self.machine;
        receiver.reconfigure(receiver::Config {
            payload_type: track.payload_type,
            dimensions: track.dimensions,
            reorder_delay: match transport {
                MediaTransport::Udp { .. } => receiver::Config::default().reorder_delay,
                // What is missing in a stream of bytes never comes.
                MediaTransport::Interleaved { .. } => Duration::ZERO,
            },
            ..receiver::Config::default()
        });
        self.machine.transport = Some(transport);
    }

    /// Another track is set up, which is not taken.
    pub(super) fn ignore(&mut self, transport: MediaTransport) {
        if let MediaTransport::Udp { rtp_port, .. } = transport {
            self.machine.ignored.write(rtp_port);
        }
    }

    /// Whether RTP from this port of the publisher's host is the publisher's. Tracks that are not taken are its own, too: nobody
    /// else may be thought to have sent them.
    pub(super) fn claim(&self, port: u16) -> Claim {
        if self.is_track(port) || self.machine.ignored.as_slice().contains(&port) {
            Claim::Own { since: u32::MAX }
        } else {
            Claim::No
        }
    }

    fn is_track(&self, port: u16) -> bool {
        matches!(self.machine.transport, Some(MediaTransport::Udp { rtp_port, .. }) if rtp_port == port)
    }

    /// RECORD: what comes from now on is taken.
    pub(super) fn record(&mut self) {
        if !self.machine.is_recording {
            self.machine.receiver.reset();
            self.machine.mapping.reset();
            self.machine.is_recording = true;
        }
    }

    /// PAUSE: what comes from now on is dropped.
    pub(super) fn pause(&mut self) {
        self.machine.is_recording = false;
    }

    /// Takes an RTP packet over UDP from this port. `true`: it is a part of the stream, and so a sign of life.
    pub(super) fn handle_datagram(&mut self, now: Instant, port: u16, packet: &[u8]) -> bool {
        self.is_track(port) && self.handle_rtp(now, packet)
    }

    /// Takes an RTP packet. `true`: it is a part of the stream, and so a sign of life.
    pub(super) fn handle_rtp(&mut self, now: Instant, packet: &[u8]) -> bool {
        if !self.machine.is_recording {
            return false;
        }
        let taken = self.machine.receiver.handle_packet(now, packet).is_ok();
        self.publish(now);
        taken
    }

    /// Takes an RTCP packet. `true`: it is one.
    pub(super) fn handle_rtcp(&mut self, now: Instant, compound: &[u8]) -> bool {
        // The publisher's time of day is of no interest, nor is its BYE: its session ends by itself.
        self.machine.receiver.handle_rtcp(now, WallClock::default(), compound).is_ok()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        if self.machine.is_recording { self.machine.receiver.poll_timeout() } else { None }
    }

    /// Does what is due.
    pub(super) fn run<B, T, D, E, P>(
        &mut self,
        now: Instant,
        outlet: &mut Outlet<'_, B, T, D, E, P>,
        settings: &Settings<'_>,
    ) where
        B: AsRef<[u8]> + AsMut<[u8]>,
        T: Stream,
        D: Datagram,
        E: Datagram,
        P: Protect,
    {
        if self.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        self.machine.receiver.handle_timeout(now);
        self.publish(now);
        let mut buffer = [0; REPORT_LEN];
        if let Some(len) = self.machine.receiver.poll_report(now, settings.cname, &mut buffer) {
            // A report that finds no room is not kept.
            let _ = outlet.report(buffer.get(..len).unwrap_or_default());
            self.machine.warn();
        }
    }

    fn publish(&mut self, now: Instant) {
        let Self { sink, machine } = self;
        let Machine { receiver, mapping, captured, .. } = &mut **machine;
        while let Some(received) = receiver.poll_frame(now) {
            let at = mapping.at(received.timestamp, received.first_arrival);
            let at = captured.map_or(at, |last| at.max(last.after(LEAST_INTERVAL)));
            *captured = Some(at);
            sink.publish(now, receiver.frame(), at);
            let Statistics { packets, lost, .. } = receiver.statistics();
            sink.note_packets(packets, lost);
        }
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Machine<B> {
    /// Says once why packets come and no pictures, if they still do not.
    fn warn(&mut self) {
        let frames = self.receiver.statistics().frames;
        if core::mem::replace(&mut self.reported, frames) != frames {
            self.is_warned = false;
        } else if let Some(reason) = self.receiver.trouble().filter(|_| !self.is_warned) {
            self.is_warned = true;
            warning!("what is published cannot be shown: {}", words(reason));
        }
    }
}

fn words(reason: NoFrameReason) -> &'static str {
    match reason {
        NoFrameReason::Incomplete => "parts of all pictures are missing",
        NoFrameReason::Rejected(Rejected::PayloadType(_)) => "packets have another payload type than was announced",
        NoFrameReason::Rejected(Rejected::TooLarge) => "pictures are too large",
        NoFrameReason::Rejected(_) => "packets make no JPEG (RFC 2435)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "rtsp://10.0.0.1/cam";

    fn track(streams: &str) -> Option<Track> {
        Track::of(std::format!("v=0\r\ns=x\r\n{streams}").as_bytes())
    }

    #[test]
    fn a_single_track_is_known_by_any_url_and_one_of_several_by_its_own() {
        let jpeg = "m=video 0 RTP/AVP 26\r\na=control:streamid=1\r\n";
        let single = track(jpeg).unwrap();
        assert!(single.is_at(BASE, BASE) && single.is_at(BASE, "rtsp://10.0.0.1/cam/streamid=1"));
        let audio = "m=audio 0 RTP/AVP 0\r\na=control:streamid=0\r\n";
        let second = track(&std::format!("{audio}{jpeg}")).unwrap();
        assert!(second.is_at(BASE, "rtsp://10.0.0.1/cam/streamid=1"));
        for other in [BASE, "rtsp://10.0.0.1/cam/streamid=0", "rtsp://10.0.0.1/cam/streamid=11"] {
            assert!(!second.is_at(BASE, other), "{other}");
        }
        let absolute = jpeg.replace("streamid", "rtsp://10.0.0.1/cam/x");
        assert!(track(&std::format!("{audio}{absolute}")).unwrap().is_at(BASE, "rtsp://10.0.0.1/cam/x=1"));
        // It is at the URL of the whole, then.
        let unnamed = track(&std::format!("{audio}m=video 0 RTP/AVP 26\r\n")).unwrap();
        assert!(unnamed.is_at(BASE, BASE) && !unnamed.is_at(BASE, "rtsp://10.0.0.1/cam/streamid=0"));
        let long = jpeg.replace("streamid", &"x".repeat(MAX_URI_LEN));
        let long = track(&std::format!("{audio}{long}")).unwrap();
        assert!(!long.is_at(BASE, "rtsp://10.0.0.1/cam/streamid=0"));
    }

    #[test]
    fn what_is_no_jpeg_is_named() {
        let said =
            |streams: &str| std::string::String::from(why_not(std::format!("v=0\r\n{streams}").as_bytes()).as_str());
        let advice = "; ffmpeg makes JPEG of video with -c:v mjpeg -huffman default";
        let h264 = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
        let audio = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/44100/2\r\n";
        for (streams, named) in [
            (std::string::String::new(), "nothing"),
            (h264.into(), "video H264/90000"),
            (std::format!("{h264}{audio}"), "video H264/90000, audio MPEG4-GENERIC/44100/2"),
            (h264.repeat(4), "video H264/90000, video H264/90000, video H264/90000 and more"),
        ] {
            assert_eq!(said(&streams), std::format!("only JPEG can be published, and this is {named}{advice}"));
        }
        let longest = std::format!("m={0} 0 x 9\r\na=rtpmap:9 {0}\r\n", "x".repeat(99)).repeat(9);
        assert!(said(&longest).ends_with(advice));
        assert!(said(&longest.replace('x', "\u{e9}")).len() <= MAX_WORDS);
    }

    #[test]
    fn without_jpeg_there_is_no_track() {
        for streams in ["", "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", "m=audio 0 RTP/AVP 26\r\n"] {
            assert!(track(streams).is_none(), "{streams}");
        }
    }
}
