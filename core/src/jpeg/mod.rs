//! The JPEG image format, as far as motion JPEG over RTP needs it: where the parts of a file are, the headers that
//! RTP/JPEG leaves out, the standard's own tables, a small encoder for generated pictures, a transcoder for pictures
//! that RTP/JPEG cannot carry as they are, and smaller ones of large ones ([`reduce`]).
//!
//! Section, figure and table numbers without an RFC are those of ITU-T T.81.

mod cursor;
mod dct;
pub mod encoder;
pub mod header;
mod layout;
pub(crate) mod marker;
mod remembered;
pub mod tables;
pub mod transcode;
mod walk;

pub use layout::{Coding, Error, ErrorKind, Flaw, Flaws, Layout, RtpFormat, Sampling, Span, Unsupported};
pub use remembered::{MAX_TABLES_LEN, Tables};
pub use transcode::mend::{Mended, mend};
pub use transcode::reduce;
