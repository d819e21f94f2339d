//! The media service: a profile for each stream, and where it is.

use sha1::{Digest, Sha1};

use super::soap::{self, Call, Fault};
use super::xml::Writer;
use super::{Places, uuid::urn};
use crate::server::percent_encode;

/// Most streams that are told of.
pub const MOST_PROFILES: usize = 64;
/// Bytes of a name (`tt:Name`).
const LONGEST_NAME: usize = 64;

/// A stream, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// Pixels; 0: not known.
    pub width: u16,
    /// Pixels; 0: not known.
    pub height: u16,
    /// Pictures per second.
    pub rate: Option<f64>,
}

impl Stream {
    /// What tells it from others, for as long as it has its name. All that belongs to it has this in its token.
    fn token(&self) -> String {
        let hash: [u8; 20] = Sha1::digest(self.name.as_bytes()).into();
        urn(hash).chars().skip("urn:uuid:".len()).filter(char::is_ascii_hexdigit).take(16).collect()
    }

    /// As people read it. Where there is no room for the machine, its own name is worth more.
    fn shown(&self) -> &str {
        let own = self.name.rsplit_once('/').filter(|_| self.name.len() > LONGEST_NAME);
        let shown = own.map_or(&*self.name, |(_, own)| own);
        let mut end = shown.len().min(LONGEST_NAME);
        while !shown.is_char_boundary(end) {
            end -= 1;
        }
        shown.get(..end).unwrap_or_default()
    }

    fn profile(&self, writer: &mut Writer, element: &str) {
        writer.element(element, &[("token", &format_args!("p-{}", self.token())), ("fixed", &true)], |inside| {
            inside.leaf("tt:Name", self.shown());
            self.source_configuration(inside, "tt:VideoSourceConfiguration");
            self.encoder_configuration(inside, "tt:VideoEncoderConfiguration");
        });
    }

    fn source(&self, writer: &mut Writer) {
        writer.element("trt:VideoSources", &[("token", &format_args!("s-{}", self.token()))], |inside| {
            inside.leaf("tt:Framerate", self.rate.unwrap_or_default());
            self.resolution(inside);
        });
    }

    fn resolution(&self, writer: &mut Writer) {
        writer.group("tt:Resolution", |inside| _ = inside.leaf("tt:Width", self.width).leaf("tt:Height", self.height));
    }

    fn source_configuration(&self, writer: &mut Writer, element: &str) {
        writer.element(element, &[("token", &format_args!("c-{}", self.token()))], |inside| {
            inside.leaf("tt:Name", self.shown()).leaf("tt:UseCount", 1);
            inside.leaf("tt:SourceToken", format_args!("s-{}", self.token()));
            let bounds: [(&str, &dyn std::fmt::Display); 4] =
                [("x", &0), ("y", &0), ("width", &self.width), ("height", &self.height)];
            inside.element("tt:Bounds", &bounds, |_| ());
        });
    }

    fn encoder_configuration(&self, writer: &mut Writer, element: &str) {
        writer.element(element, &[("token", &format_args!("e-{}", self.token()))], |inside| {
            inside.leaf("tt:Name", self.shown()).leaf("tt:UseCount", 1).leaf("tt:Encoding", "JPEG");
            self.resolution(inside);
            inside.leaf("tt:Quality", 1);
            if let Some(rate) = self.rate {
                inside.group("tt:RateControl", |inside| {
                    inside.leaf("tt:FrameRateLimit", (rate.round() as u32).clamp(1, 1000));
                    // The rest is what pictures take.
                    inside.leaf("tt:EncodingInterval", 1).leaf("tt:BitrateLimit", i32::MAX);
                });
            }
            inside.group("tt:Multicast", |inside| {
                inside
                    .group("tt:Address", |inside| _ = inside.leaf("tt:Type", "IPv4").leaf("tt:IPv4Address", "0.0.0.0"));
                inside.leaf("tt:Port", 0).leaf("tt:TTL", 0).leaf("tt:AutoStart", false);
            });
            inside.leaf("tt:SessionTimeout", "PT60S");
        });
    }
}

pub(super) fn answer(call: &Call, streams: &[Stream], places: &Places) -> Result<String, Fault> {
    let streams = streams.get(..MOST_PROFILES).unwrap_or(streams);
    let response = |inside: &dyn Fn(&mut Writer)| {
        let name = format!("trt:{}Response", call.operation);
        soap::envelope(|body| _ = body.group(&name, inside))
    };
    let each = |write: &dyn Fn(&Stream, &mut Writer)| {
        response(&|inside| streams.iter().for_each(|stream| write(stream, inside)))
    };
    let one = |argument: &str, kind: &str, missing| {
        let token = call.argument(argument).and_then(|token| token.strip_prefix(kind)).ok_or(missing)?;
        streams.iter().find(|stream| stream.token() == token).ok_or(missing)
    };
    let profile = || one("ProfileToken", "p-", Fault::NoProfile);
    let configuration = |kind| one("ConfigurationToken", kind, Fault::NoConfiguration);
    Ok(match call.operation.as_str() {
        "GetServiceCapabilities" => response(&own_capabilities),
        "GetProfiles" => each(&|stream, inside| stream.profile(inside, "trt:Profiles")),
        "GetProfile" => {
            let stream = profile()?;
            response(&|inside| stream.profile(inside, "trt:Profile"))
        }
        "GetVideoSources" => each(&Stream::source),
        "GetVideoSourceConfigurations" => {
            each(&|stream, inside| stream.source_configuration(inside, "trt:Configurations"))
        }
        "GetVideoSourceConfiguration" => {
            let stream = configuration("c-")?;
            response(&|inside| stream.source_configuration(inside, "trt:Configuration"))
        }
        "GetVideoEncoderConfigurations" => {
            each(&|stream, inside| stream.encoder_configuration(inside, "trt:Configurations"))
        }
        "GetVideoEncoderConfiguration" => {
            let stream = configuration("e-")?;
            response(&|inside| stream.encoder_configuration(inside, "trt:Configuration"))
        }
        "GetStreamUri" => {
            let stream = profile()?;
            // The same address is for RTP over UDP and over the connection: SETUP says which.
            let is_sent = call.argument("Stream").is_none_or(|kind| kind == "RTP-Unicast")
                && call.argument("Protocol").is_none_or(|protocol| ["UDP", "TCP", "RTSP"].contains(&protocol));
            let uri = Some(format!("{}/{}", places.rtsp, percent_encode(&stream.name))).filter(|_| is_sent);
            let uri = uri.ok_or(Fault::StreamSetup)?;
            response(&|inside| media_uri(inside, &uri))
        }
        "GetSnapshotUri" => {
            let uri = format!("{}/streams/{}/snapshot.jpg", places.http, percent_encode(&profile()?.name));
            response(&|inside| media_uri(inside, &uri))
        }
        _ => return Err(Fault::NotSupported),
    })
}

fn media_uri(inside: &mut Writer, uri: &str) {
    inside.group("trt:MediaUri", |inside| {
        inside.leaf("tt:Uri", uri).leaf("tt:InvalidAfterConnect", false).leaf("tt:InvalidAfterReboot", false);
        inside.leaf("tt:Timeout", "PT0S");
    });
}

/// What this service can do.
pub(super) fn own_capabilities(inside: &mut Writer) {
    inside.element("trt:Capabilities", &[("SnapshotUri", &true), ("Rotation", &false)], |inside| {
        inside.element("trt:ProfileCapabilities", &[("MaximumNumberOfProfiles", &MOST_PROFILES)], |_| ());
        let streaming: [(&str, &dyn std::fmt::Display); 3] =
            [("RTPMulticast", &false), ("RTP_TCP", &true), ("RTP_RTSP_TCP", &true)];
        inside.element("trt:StreamingCapabilities", &streaming, |_| ());
    });
}
