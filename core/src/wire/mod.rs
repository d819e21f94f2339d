//! Bytes to types and back, without state: one module per format.

pub mod lab;
pub mod rtcp;
pub mod rtp;
pub mod rtp_jpeg;
pub mod rtsp;
pub mod sdp;
pub mod url;
