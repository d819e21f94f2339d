//! Frames to packets and back, with state.
//!
//! | module | what it remembers |
//! |---|---|
//! | [`sender`] | sequence numbers and counts of one stream, and how its clock maps to RTP timestamps |
//! | `clock` | nothing: 90 kHz and microseconds |
//! | [`fragment`] | how a frame is cut into what its packets carry, in each payload format |
//! | [`packet`] | nothing: a header and a fragment on their way out |
//! | [`protect`] | what encrypts packets, where something does |
//! | [`pacing`] | when the next frame and the next report are due |
//! | `mapping` | how a sender's timestamps relate to our clock |
//! | [`reception`] | what the receiver of a stream reports about it |
//! | [`receiver`] | frames being put together, what was lost, when reports are due |

pub(crate) mod clock;
pub mod fragment;
pub(crate) mod mapping;
pub mod pacing;
pub mod packet;
pub mod protect;
pub mod receiver;
pub mod reception;
pub mod sender;
