//! SRTP and SRTCP (RFC 3711) with the cipher suite that everybody speaks: AES_CM_128_HMAC_SHA1_80.
//!
//! Keys are agreed on elsewhere (MIKEY, SDES, or before anything begins). Who has [`Keys`] makes a [`Sealer`] of them, which
//! implements [`Protect`](crate::rtp::protect::Protect) for packets on their way out, or an [`Opener`] for those that come in.
//!
//! ```
//! use mutoscope::srtp::{Keys, Opener, Rejected, Sealer};
//!
//! let keys = Keys::new([7; 16], [9; 14]);
//! let (mut sealer, mut opener) = (Sealer::new(&keys), Opener::new(&keys));
//! let report = *b"\x80\xc8\0\x01ssrc";
//! let mut packet = [0; 32];
//! let len = sealer.seal_report(&report, &mut packet).unwrap();
//! let packet = &mut packet[..len];
//! let mut copy = packet.to_vec();
//! assert_eq!(opener.open_report(packet), Ok(8));
//! assert_eq!(packet[..8], report);
//! assert_eq!(opener.open_report(&mut copy), Err(Rejected::Replayed));
//! ```
//!
//! | file | content |
//! |---|---|
//! | `keys` | master keys, and the session keys that are derived from them |
//! | `cipher` | one stream's cipher and its authentication |
//! | `sealer` | packets out |
//! | `opener` | packets in |
//! | `window` | which packets were there already |

mod cipher;
mod keys;
mod opener;
mod sealer;
mod window;

pub use keys::{Keys, MAX_MKI, Mki};
pub use opener::{Opener, Rejected};
pub use sealer::{MAX_PACKET, Sealer};

/// Bytes of the tag that proves a packet.
pub const TAG_LEN: usize = 10;
