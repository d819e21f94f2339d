//! Bytes to types and back, without state: one module per format.
//!
//! | module | format | standard |
//! |---|---|---|
//! | [`rtsp`] | requests, responses, interleaved frames, typed header values | RFC 2326 |
//! | [`url`] | `rtsp://` URLs and the paths in them | RFC 2326 section 3.2, RFC 3986 |
//! | [`sdp`] | session descriptions | RFC 4566, RFC 2326 appendix C |
//! | [`lab`] | the teaching dialect of RTSP | none |
//! | [`rtp`] | data packets | RFC 3550 section 5 |
//! | [`rtcp`] | control packets | RFC 3550 section 6 |
//! | [`rtp_jpeg`] | the payload headers of motion JPEG | RFC 2435 |
//! | [`mikey`] | keys of encrypted media, in headers and descriptions | RFC 3830, RFC 4567 |
//! | [`sdes`] | the same, in a description alone | RFC 4568 |
//! | [`onvif`] | the size of pictures that RTP/JPEG has no room for, in a header extension | ONVIF Streaming Specification |
//!
//! Everything here reads what strangers send, so nothing in it may panic. The lints of the crate forbid what could.

pub mod base64;
pub mod lab;
pub mod mikey;
pub mod onvif;
pub mod rtcp;
pub mod rtp;
pub mod rtp_jpeg;
pub mod rtsp;
pub mod sdes;
pub mod sdp;
pub(crate) mod text;
pub mod url;
