use super::elements;
use crate::wire::text::{decimal, split_quoted, trim, unquote};
use core::fmt::{self, Display};
use core::str::FromStr;

/// Lower transport of one alternative in `Transport`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LowerTransport {
    /// RTP and RTCP in datagrams of their own.
    Udp,
    /// RTP and RTCP interleaved with the messages.
    Tcp,
}

/// One alternative of a `Transport` header (RFC 2326 section 12.39). `None` and `false` mean that the parameter is missing.
///
/// `destination` and `source` are ignored: media goes to the peer of the control connection and comes from it, and from nobody
/// else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Transport {
    /// The lower transport. `None`: not RTP/AVP, RTP/AVP/UDP or RTP/AVP/TCP, nor the same with SAVP. (`RTP/UDP` and `TCP/UDP`, which the lab's clients
    /// write, count as RTP/AVP/UDP.)
    pub lower: Option<LowerTransport>,
    /// RTP/SAVP: media are encrypted (RFC 3711).
    pub secure: bool,
    /// UDP was spelled out, as in `RTP/AVP/UDP`. An answer repeats the spelling of the request.
    pub udp_named: bool,
    /// `unicast`. If neither this nor `multicast` is there, unicast is meant.
    pub unicast: bool,
    /// `multicast`
    pub multicast: bool,
    /// The client's RTP and RTCP port. A lone port implies the next one for RTCP. The RTCP port is 0 where the client has
    /// none.
    pub client_port: Option<(u16, u16)>,
    /// The server's RTP and RTCP port; `None` also if those of an answer make no sense.
    pub server_port: Option<(u16, u16)>,
    /// The channels of RTP and RTCP on the control connection.
    pub interleaved: Option<(u8, u8)>,
    /// The sender's synchronisation source.
    pub ssrc: Option<u32>,
    /// `mode=record`, or any mode but play.
    pub record: bool,
}

impl Transport {
    /// The alternatives of a header value, in the client's order. An alternative that does not follow the grammar is
    /// `Err(())`: an RTP port of 0, numbers beyond their range, no protocol.
    pub fn alternatives(value: &str) -> impl Iterator<Item = Result<Self, ()>> {
        split_quoted(value, ',').filter(|alternative| !alternative.is_empty()).map(|one| Self::parse(one).ok_or(()))
    }

    /// Reads one alternative.
    fn parse(alternative: &str) -> Option<Self> {
        let mut parts = split_quoted(alternative, ';');
        let protocol = parts.next().filter(|protocol| !protocol.is_empty())?;
        let mut transport = Self::of_protocol(protocol);
        for part in parts {
            let (name, value) = part.split_once('=').map_or((part, ""), |(name, value)| (trim(name), trim(value)));
            let value = trim(unquote(value));
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            if is("unicast") {
                transport.unicast = true;
            } else if is("multicast") {
                transport.multicast = true;
            } else if is("client_port") {
                transport.client_port = Some(ports(value)?);
            } else if is("server_port") {
                transport.server_port = ports(value).filter(|&(_, rtcp_port)| rtcp_port > 0);
            } else if is("interleaved") {
                transport.interleaved = Some(channels(value)?);
            } else if is("ssrc") {
                transport.ssrc = ssrc(value);
            } else if is("mode") {
                transport.record = !elements(value).all(|mode| mode.eq_ignore_ascii_case("play"));
            }
        }
        Some(transport)
    }

    fn of_protocol(protocol: &str) -> Self {
        let is = |known: &str| protocol.eq_ignore_ascii_case(known);
        let (lower, secure, udp_named) = if is("RTP/AVP") || is("RTP/UDP") || is("TCP/UDP") {
            (Some(LowerTransport::Udp), false, false)
        } else if is("RTP/AVP/UDP") {
            (Some(LowerTransport::Udp), false, true)
        } else if is("RTP/AVP/TCP") {
            (Some(LowerTransport::Tcp), false, false)
        } else if is("RTP/SAVP") {
            (Some(LowerTransport::Udp), true, false)
        } else if is("RTP/SAVP/UDP") {
            (Some(LowerTransport::Udp), true, true)
        } else if is("RTP/SAVP/TCP") {
            (Some(LowerTransport::Tcp), true, false)
        } else {
            (None, false, false)
        };
        Self { lower, secure, udp_named, ..Self::default() }
    }
}

/// Writes it as requests and answers carry it, in the order of other servers. An alternative with `server_port` or `ssrc` is an
/// answer, and ends in `mode=play`.
impl Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "RTP/SAVP" } else { "RTP/AVP" })?;
        match (self.lower, self.udp_named) {
            (Some(LowerTransport::Tcp), _) => f.write_str("/TCP")?,
            (_, true) => f.write_str("/UDP")?,
            (_, false) => {}
        }
        if self.unicast {
            f.write_str(";unicast")?;
        }
        if self.multicast {
            f.write_str(";multicast")?;
        }
        if let Some((rtp, rtcp)) = self.interleaved {
            write!(f, ";interleaved={rtp}-{rtcp}")?;
        }
        if let Some((rtp, rtcp)) = self.client_port {
            write!(f, ";client_port={rtp}-{rtcp}")?;
        }
        if let Some((rtp, rtcp)) = self.server_port {
            write!(f, ";server_port={rtp}-{rtcp}")?;
        }
        if let Some(ssrc) = self.ssrc {
            write!(f, ";ssrc={ssrc:08X}")?;
        }
        if self.record {
            f.write_str(";mode=record")
        } else if self.server_port.is_some() || self.ssrc.is_some() {
            f.write_str(";mode=play")
        } else {
            Ok(())
        }
    }
}

/// Reads `first["-"second]`. A lone number implies the next one. The two may lie in any order and apart: clients whose system
/// gives them ports one by one name them as they are. 0 in the second place, and nothing behind 65535: no such port.
fn ports(value: &str) -> Option<(u16, u16)> {
    let (first, second) = pair::<u16>(value)?;
    Some((first, second.unwrap_or(first.wrapping_add(1)))).filter(|&(first, _)| first > 0)
}

fn channels(value: &str) -> Option<(u8, u8)> {
    let (first, second) = pair::<u8>(value)?;
    Some((first, second.or(first.checked_add(1))?))
}

fn pair<T: FromStr>(value: &str) -> Option<(T, Option<T>)> {
    match value.split_once('-') {
        // `25000-` is a lone number, too.
        Some((first, second)) if trim(second).is_empty() => Some((decimal(trim(first))?, None)),
        Some((first, second)) => Some((decimal(trim(first))?, Some(decimal(trim(second))?))),
        None => Some((decimal(value)?, None)),
    }
}

/// Reads up to eight hexadecimal digits; some servers write fewer. `None` if it is no number.
fn ssrc(value: &str) -> Option<u32> {
    // `from_str_radix` would accept a sign.
    let digits = value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits { u32::from_str_radix(value, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;
    use std::vec::Vec;

    const UDP: Transport = Transport {
        lower: Some(LowerTransport::Udp),
        secure: false,
        udp_named: false,
        unicast: true,
        multicast: false,
        client_port: Some((25000, 25001)),
        server_port: None,
        interleaved: None,
        ssrc: None,
        record: false,
    };
    const TCP: Transport =
        Transport { lower: Some(LowerTransport::Tcp), client_port: None, interleaved: Some((0, 1)), ..UDP };

    fn one(value: &str) -> Result<Transport, ()> {
        let mut alternatives = Transport::alternatives(value);
        let first = alternatives.next().unwrap();
        assert_eq!(alternatives.next(), None);
        first
    }

    #[test]
    fn every_spelling_of_clients_and_servers_is_read() {
        let bare = Transport { unicast: false, ..UDP };
        let answer = Transport { server_port: Some((44248, 44249)), ssrc: Some(0x7113_E39C), ..UDP };
        let cases = [
            ("RTP/AVP;unicast;client_port=25000-25001", UDP),
            ("RTP/AVP;unicast;client_port=25000", UDP),
            ("RTP/AVP;unicast;client_port=25000-", UDP),
            ("RTP/AVP;unicast;client_port=25000-0", Transport { client_port: Some((25000, 0)), ..UDP }),
            ("RTP/AVP;unicast;client_port=65535", Transport { client_port: Some((65535, 0)), ..UDP }),
            ("RTP/AVP/TCP;unicast;interleaved=255-0", Transport { interleaved: Some((255, 0)), ..TCP }),
            ("RTP/AVP;unicast;client_port=57228-53853", Transport { client_port: Some((57228, 53853)), ..UDP }),
            ("RTP/AVP;unicast;client_port=9000-9000;mode=", Transport { client_port: Some((9000, 9000)), ..UDP }),
            ("rtp/avp ; UNICAST ; Client_Port = 25000 - 25001 ;", UDP),
            ("RTP/AVP;unicast;client_port=\"25000-25001\";mode=\"PLAY\"", UDP),
            ("RTP/AVP/UDP;unicast;client_port=25000-25001", Transport { udp_named: true, ..UDP }),
            ("RTP/AVP/TCP;unicast;interleaved=0-1", TCP),
            ("RTP/AVP/TCP;unicast;interleaved=0", TCP),
            ("RTP/AVP/TCP;interleaved=254-255", Transport { interleaved: Some((254, 255)), unicast: false, ..TCP }),
            ("RTP/UDP; client_port= 25000", bare),
            ("RTP/UDP;client_port=25000", bare),
            ("TCP/UDP ; client_port = 25000", bare),
            ("RTP/UDP; Client_port= 25000", bare),
            ("RTP/AVP;unicast;client_port=25000-25001;server_port=44248-44249;ssrc=7113E39C;mode=\"PLAY\"", answer),
            (
                "RTP/AVP;unicast;destination=127.0.0.1;source=127.0.0.1;client_port=25000-25001;server_port=6970-6971",
                Transport { server_port: Some((6970, 6971)), ..UDP },
            ),
            ("RTP/AVP;unicast;client_port=25000;server_port=0;ssrc=xyz", UDP),
            ("RTP/AVP;unicast;client_port=25000;mode=record", Transport { record: true, ..UDP }),
            ("RTP/AVP;unicast;client_port=25000;mode=\"PLAY, RECORD\"", Transport { record: true, ..UDP }),
            ("RTP/AVP;multicast;ttl=127;port=5000-5001", {
                Transport { multicast: true, unicast: false, client_port: None, ..UDP }
            }),
            ("RTP/SAVP;unicast;client_port=25000-25001", Transport { secure: true, ..UDP }),
            ("rtp/savp/udp;unicast;client_port=25000", Transport { secure: true, udp_named: true, ..UDP }),
            ("RTP/SAVP/TCP;unicast;interleaved=0-1", Transport { secure: true, ..TCP }),
            ("RTP/SAVPF;unicast;client_port=25000-25001", Transport { lower: None, ..UDP }),
            ("RAW/RAW/UDP;unicast;client_port=25000-25001", Transport { lower: None, ..UDP }),
        ];
        for (value, expected) in cases {
            assert_eq!(one(value), Ok(expected), "{value:?}");
        }
    }

    #[test]
    fn ports_and_channels_that_cannot_be_make_the_alternative_an_error() {
        for parameter in [
            "client_port=0",
            "client_port=0-1",
            "client_port=65536",
            "client_port=65535-65536",
            "client_port=-1",
            "client_port=+25000",
            "client_port=",
            "client_port",
            "client_port=-25000",
            "client_port=25000-25001-25002",
            "client_port=4294967296",
            "interleaved=-1",
            "interleaved=0-1-2",
            "interleaved=255",
            "interleaved=0-256",
            "interleaved=",
        ] {
            let mut value = std::string::String::from("RTP/AVP;unicast;");
            value.push_str(parameter);
            assert_eq!(one(&value), Err(()), "{parameter}");
        }
        assert_eq!(one(";unicast"), Err(()));
    }

    #[test]
    fn alternatives_keep_their_order_and_quotes_hide_commas() {
        let value = "RAW/RAW/UDP, RTP/AVP;client_port=0 ,,RTP/AVP/TCP;unicast;interleaved=0-1;x=\"a,b\",RTP/AVP";
        let found: Vec<_> = Transport::alternatives(value).collect();
        let udp = Transport { lower: Some(LowerTransport::Udp), ..Transport::default() };
        assert_eq!(found, [Ok(Transport::default()), Err(()), Ok(TCP), Ok(udp)]);
        assert_eq!(Transport::alternatives("").count(), 0);
        assert_eq!(Transport::alternatives(&"RTP/AVP,".repeat(40)).count(), 40);
    }

    #[test]
    fn requests_and_answers_are_written_as_peers_expect() {
        let answer = Transport { server_port: Some((6970, 6971)), ssrc: Some(0xAB), ..UDP };
        let cases = [
            (UDP, "RTP/AVP;unicast;client_port=25000-25001"),
            (TCP, "RTP/AVP/TCP;unicast;interleaved=0-1"),
            (answer, "RTP/AVP;unicast;client_port=25000-25001;server_port=6970-6971;ssrc=000000AB;mode=play"),
            (
                Transport { udp_named: true, ..answer },
                "RTP/AVP/UDP;unicast;client_port=25000-25001;server_port=6970-6971;ssrc=000000AB;mode=play",
            ),
            (
                Transport { ssrc: Some(0x7113_E39C), ..TCP },
                "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=7113E39C;mode=play",
            ),
        ];
        for (transport, text) in cases {
            assert_eq!(transport.to_string(), text);
            assert_eq!(one(text), Ok(transport));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(value in "[ -~\t]{0,80}") {
            let _ = Transport::alternatives(&value).count();
        }

        #[test]
        fn what_is_written_is_read_back(
            tcp: bool, secure: bool, udp_named: bool, unicast: bool, multicast: bool, record: bool,
            client_port in prop::option::of((1..=u16::MAX, any::<u16>())),
            interleaved: Option<(u8, u8)>,
            ssrc: Option<u32>,
        ) {
            let lower = Some(if tcp { LowerTransport::Tcp } else { LowerTransport::Udp });
            let udp_named = udp_named && !tcp;
            let server_port = client_port.filter(|&(_, rtcp_port)| rtcp_port > 0);
            let transport = Transport {
                lower, secure, udp_named, unicast, multicast, client_port, server_port, interleaved, ssrc, record,
            };
            prop_assert_eq!(one(&transport.to_string()), Ok(transport));
        }
    }
}
