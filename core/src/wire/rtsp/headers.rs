//! Typed header values. Each has `parse(&str) -> Option<Self>`/`Result` and `Display`.

/// Value of `Session` (RFC 2326 section 12.37): `id[;timeout=seconds]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session<'a> { pub id: &'a str, pub timeout: Option<u32> }

/// Lower transport of one alternative in `Transport`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LowerTransport { Udp, Tcp }

/// One alternative of a `Transport` header (RFC 2326 section 12.39). `None`/false: the parameter is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    /// `None`: a transport that is not RTP/AVP, RTP/AVP/UDP or RTP/AVP/TCP.
    pub lower: Option<LowerTransport>,
    pub unicast: bool,
    pub multicast: bool,
    /// RTP and RTCP port; a lone port implies the next one for RTCP.
    pub client_port: Option<(u16, u16)>,
    pub server_port: Option<(u16, u16)>,
    /// RTP and RTCP channel.
    pub interleaved: Option<(u8, u8)>,
    pub ssrc: Option<u32>,
    /// `mode=record` or anything else than play.
    pub record: bool,
}

impl Transport {
    /// The alternatives of a header value, in the client's order. One that does not follow the grammar (a port of 0, above 65535, or reversed; channels above 255 or reversed) comes as `Err(())`.
    pub fn alternatives(value: &str) -> impl Iterator<Item = Result<Self, ()>> { core::iter::empty() }
}

/// A normal play time in microseconds (RFC 2326 section 3.6).
pub type NptMicros = u64;

/// Value of `Range` (RFC 2326 section 12.29).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// `npt=start-end`; either side may be open.
    Npt { start: Option<NptMicros>, end: Option<NptMicros> },
    /// `npt=now-`
    Now,
    /// `clock=` or `smpte=`: understood as a range, not supported.
    Other,
}
// impl Range { pub fn parse(&str) -> Option<Range> }  // None: malformed;   impl Display

/// `RTP-Info` (RFC 2326 section 12.33): parse the first stream's parameters; Display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpInfo<'a> { pub url: &'a str, pub sequence: Option<u16>, pub rtptime: Option<u32> }
