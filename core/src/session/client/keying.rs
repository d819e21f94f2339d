//! The key of a stream that is encrypted: where its description tells it, and how SETUP asks for the stream. Without the feature
//! `srtp` there is none.

#[cfg(feature = "srtp")]
pub(super) use known::Keying;
#[cfg(not(feature = "srtp"))]
pub(super) use unknown::Keying;

use super::events::{Error, Protection};

/// How media without a usable key may travel.
fn without_key(is_secure: bool, is_private: bool) -> Result<Protection, Error> {
    match (is_secure, is_private) {
        (_, true) => Ok(Protection::Tunnel),
        (true, false) => Err(Error::NoKey),
        (false, false) => Ok(Protection::None),
    }
}

#[cfg(feature = "srtp")]
mod known {
    use super::without_key;
    use crate::session::MediaTransport;
    use crate::session::client::events::{Error, Protection};
    use crate::srtp::{Keys, Mki, Opener, Sealer};
    use crate::wire::mikey::Message;
    use crate::wire::sdes::Crypto;
    use crate::wire::sdp::Video;
    use core::fmt;
    use heapless::String;

    /// The longest message of MIKEY that SETUP says again, in Base64. Those of known servers are half as long.
    const MAX_MESSAGE: usize = 344;

    /// The key of one stream.
    #[derive(Default)]
    pub(in crate::session::client) struct Keying {
        key: Option<Key>,
        /// All that is on the connection is private already.
        is_private: bool,
        /// SETUP asks for RTP/AVP.
        asks_plain: bool,
        /// Media are not encrypted: they travel on a connection that is.
        is_plain: bool,
    }

    struct Key {
        keys: Keys,
        /// How often the sequence numbers have begun anew.
        rollover: u32,
        exchange: Exchange,
    }

    #[allow(clippy::large_enum_variant, reason = "there is no heap to put the message on")]
    enum Exchange {
        /// The message, as it was told; empty where it is too long.
        Mikey(String<MAX_MESSAGE>),
        Sdes,
    }

    impl Keying {
        /// A stream is described. How its media may travel.
        pub(in crate::session::client) fn describe(
            &mut self,
            video: &Video<'_>,
            is_private: bool,
        ) -> Result<Protection, Error> {
            let key = video.mikey.and_then(Key::of_mikey).or_else(|| video.crypto.and_then(Key::of_sdes));
            *self = Self { key, is_private, ..Self::default() };
            if self.key.is_some() { Ok(Protection::Srtp) } else { without_key(video.is_secure, is_private) }
        }

        /// Whether SETUP asks for RTP/SAVP.
        pub(in crate::session::client) fn asks_secure(&self) -> bool {
            self.key.is_some() && !self.asks_plain
        }

        /// The message that SETUP says again, as GStreamer's client does.
        pub(in crate::session::client) fn message(&self) -> Option<&str> {
            match &self.key.as_ref().filter(|_| !self.asks_plain)?.exchange {
                Exchange::Mikey(message) => Some(message.as_str()).filter(|message| !message.is_empty()),
                Exchange::Sdes => None,
            }
        }

        /// The server refuses this transport. Whether it is to be asked for RTP/AVP instead: servers that tell the key in a line
        /// of the description have it mean encrypted media all the same (FFmpeg's client knows nothing else), and on a connection
        /// that is private it may mean plain ones.
        pub(in crate::session::client) fn handle_unsupported(&mut self, offer: MediaTransport) -> bool {
            let Some(key) = self.key.as_ref().filter(|_| !self.asks_plain) else { return false };
            self.asks_plain = match key.exchange {
                Exchange::Sdes => true,
                Exchange::Mikey(_) => self.is_private && matches!(offer, MediaTransport::Interleaved { .. }),
            };
            self.asks_plain
        }

        /// SETUP is answered: with RTP/SAVP, RTP/AVP or without a word on that. Whether media are encrypted.
        pub(in crate::session::client) fn handle_set_up(
            &mut self,
            answered: Option<bool>,
            transport: MediaTransport,
        ) -> bool {
            let is_secure = answered.unwrap_or(!self.asks_plain);
            let is_tunnelled = self.is_private && matches!(transport, MediaTransport::Interleaved { .. });
            let may_be_plain = self.key.as_ref().is_none_or(|key| matches!(key.exchange, Exchange::Mikey(_)));
            self.is_plain = self.key.is_none() || (!is_secure && is_tunnelled && may_be_plain);
            !self.is_plain
        }

        /// What opens the stream's packets, and what seals ours.
        pub(in crate::session::client) fn ciphers(&self) -> Option<(Opener, Sealer)> {
            let Key { keys, rollover, .. } = self.key.as_ref().filter(|_| !self.is_plain)?;
            Some((Opener::new(keys).at_rollover(*rollover), Sealer::new(keys)))
        }
    }

    impl Key {
        fn of_mikey(text: &str) -> Option<Self> {
            let Message { key, spi, rollover, .. } = Message::parse_base64(text)?;
            let keys = Keys::from_bytes(&key)?.with_mki(Mki::new(&spi)?);
            Some(Self { keys, rollover, exchange: Exchange::Mikey(String::try_from(text).unwrap_or_default()) })
        }

        fn of_sdes(crypto: Crypto) -> Option<Self> {
            let mki = crypto.mki.map_or(Some(Mki::default()), |(value, len)| {
                let bytes = value.to_be_bytes();
                Mki::new(bytes.get(bytes.len().checked_sub(len.into())?..)?)
            });
            Some(Self { keys: Keys::from_bytes(&crypto.key)?.with_mki(mki?), rollover: 0, exchange: Exchange::Sdes })
        }
    }

    /// A key is shown to nobody.
    impl fmt::Debug for Keying {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Keying").field("is_known", &self.key.is_some()).finish_non_exhaustive()
        }
    }
}

#[cfg(not(feature = "srtp"))]
mod unknown {
    use super::without_key;
    use crate::session::MediaTransport;
    use crate::session::client::events::{Error, Protection};
    use crate::wire::sdp::Video;

    /// Nothing is known of keys.
    #[derive(Debug, Default)]
    pub(in crate::session::client) struct Keying(());

    #[allow(clippy::unused_self, reason = "the same calls as with keys")]
    impl Keying {
        pub(in crate::session::client) fn describe(
            &mut self,
            video: &Video<'_>,
            is_private: bool,
        ) -> Result<Protection, Error> {
            without_key(video.is_secure, is_private)
        }

        pub(in crate::session::client) fn asks_secure(&self) -> bool {
            false
        }

        pub(in crate::session::client) fn message(&self) -> Option<&str> {
            None
        }

        pub(in crate::session::client) fn handle_unsupported(&mut self, _: MediaTransport) -> bool {
            false
        }

        pub(in crate::session::client) fn handle_set_up(&mut self, _: Option<bool>, _: MediaTransport) -> bool {
            false
        }
    }
}
