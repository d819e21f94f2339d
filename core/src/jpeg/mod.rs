//! The JPEG image format, as far as RTP/JPEG needs it.

mod layout;
pub use layout::{Coding, Error, ErrorKind, Layout, RtpFormat, Sampling, Span, Unsupported};
