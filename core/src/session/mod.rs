//! Control machines: one RTSP connection, seen from the server and from the client.

pub mod client;
pub mod server;
