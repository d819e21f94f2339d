//! Frames to packets and back, with state.
//!
//! | module | what it remembers |
//! |---|---|
//! | [`sender`] | sequence numbers and counts of one stream, and how its clock maps to RTP timestamps |
//! | `clock` | nothing: 90 kHz and microseconds |
//! | [`packetizer`] | how much of a frame has left |
//! | [`pacing`] | when the next frame and the next report are due |
//! | [`receiver`] | frames being put together, what was lost, when reports are due |

pub(crate) mod clock;
pub mod pacing;
pub mod packetizer;
pub mod receiver;
pub mod sender;
