//! Frames to packets and back, with state.

pub mod packetizer;
pub mod pacing;
pub mod receiver;
pub mod sender;
