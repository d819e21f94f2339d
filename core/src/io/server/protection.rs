//! What encrypts one viewer's media: keys that are agreed on at DESCRIBE and SETUP, and the cipher that is made of them.

use super::guard::Visit;
use crate::session::server::UnusableKey;
use crate::session::{KeyExchange, Secrecy};
use crate::srtp::{Keys, Mki, Opener, Sealer};
use crate::time::NtpTime;
use crate::wire::mikey::{Emitted, Message};
use crate::wire::rtsp::StatusCode;
use crate::wire::sdes::Crypto;
use crate::wire::sdp::Exchange;

/// The longest report that is opened, in bytes.
pub(super) const MAX_REPORT: usize = 1500;

/// The keys of one client, and what is made of them.
pub(super) struct Protection<V: Visit> {
    /// Those that the description has told, or the client, and the source that they were told for.
    offered: Option<(Keys, u32)>,
    /// Of a stream that is encrypted.
    cipher: Option<V::Home<Cipher>>,
}

pub(super) struct Cipher {
    keys: Keys,
    sealer: Sealer,
    opener: Opener,
    /// Reports of the client are not encrypted: FFmpeg's.
    takes_plain_reports: bool,
}

impl<V: Visit> Default for Protection<V> {
    fn default() -> Self {
        Self { offered: None, cipher: None }
    }
}

impl<V: Visit> Protection<V> {
    /// What a description says of the key, which is made for it. `None`: there can be none.
    pub(super) fn offer(&mut self, key: [u8; 30], ssrc: u32) -> Option<Message> {
        self.offered = Some((Keys::from_bytes(&key)?, ssrc));
        Some(Message { ssrc, rollover: 0, key, spi: heapless::Vec::new() })
    }

    /// The source that the description has named, for the first stream after it.
    pub(super) fn take_ssrc(&mut self) -> Option<u32> {
        let (_, ssrc) = self.offered.as_mut()?;
        Some(core::mem::take(ssrc)).filter(|&ssrc| ssrc != 0)
    }

    /// The keys that a SETUP agrees on; `None`: on media that are not encrypted.
    ///
    /// # Errors
    /// The status that refuses it: there is no key.
    pub(super) fn agree(
        &self,
        is_secure: bool,
        of_client: impl FnOnce() -> Result<Option<Message>, UnusableKey>,
    ) -> Result<Option<Keys>, StatusCode> {
        if !is_secure {
            return Ok(None);
        }
        self.agreed(of_client()).map(Some).ok_or(StatusCode::KEY_MANAGEMENT_FAILURE)
    }

    /// Whether media travel with these keys already. They go on then: the same key must not seal other packets under numbers that
    /// it has used.
    pub(super) fn is_with(&self, keys: Option<&Keys>) -> bool {
        self.cipher.as_ref().map(|cipher| &cipher.keys) == keys
    }

    /// A stream begins with these keys, and with numbers and a source of its own.
    pub(super) fn begin(&mut self, keys: Option<Keys>, secrecy: Secrecy) {
        self.cipher = keys.map(|keys| {
            let takes_plain_reports = secrecy.exchange == Some(KeyExchange::Sdes);
            let (sealer, opener) = (Sealer::new(&keys), Opener::new(&keys));
            Cipher { keys, sealer, opener, takes_plain_reports }.into()
        });
    }

    fn agreed(&self, of_client: Result<Option<Message>, UnusableKey>) -> Option<Keys> {
        let Message { key, spi, .. } = match of_client.ok()? {
            Some(message) => message,
            None => return self.offered.as_ref().map(|(keys, _)| keys.clone()),
        };
        match &self.offered {
            // It says again what it was told.
            Some((keys, _)) if spi.is_empty() => Some(keys.clone()),
            // A key of the client's own has a name, which it wants to see in each packet.
            _ => Some(Keys::from_bytes(&key)?.with_mki(Mki::new(&spi)?)),
        }
    }

    /// A stream ends, and with it the numbers of its packets.
    pub(super) fn end(&mut self) {
        self.cipher = None;
    }

    pub(super) fn is_on(&self) -> bool {
        self.cipher.is_some()
    }

    pub(super) fn sealer(&mut self) -> Option<&mut Sealer> {
        self.cipher.as_mut().map(|cipher| &mut cipher.sealer)
    }

    /// A client's report, opened in `room` if it is sealed. `None`: it is not the client's.
    pub(super) fn open_report<'r>(&mut self, report: &'r [u8], room: &'r mut [u8; MAX_REPORT]) -> Option<&'r [u8]> {
        let Some(cipher) = &mut self.cipher else { return Some(report) };
        let sealed = room.get_mut(..report.len())?;
        sealed.copy_from_slice(report);
        match cipher.opener.open_report(sealed) {
            Ok(len) => sealed.get(..len),
            Err(_) if cipher.takes_plain_reports => Some(report),
            Err(_) => None,
        }
    }
}

/// What a description says of a key. `random` is no secret.
pub(super) fn told(kind: KeyExchange, message: &Message, time: NtpTime, random: u64) -> Exchange<'_> {
    match kind {
        KeyExchange::Mikey => {
            let random = (u128::from(random) << 64 | u128::from(!random)).to_be_bytes();
            Exchange::Mikey(Emitted { message, time, random })
        }
        KeyExchange::Sdes => Exchange::Sdes(Crypto { tag: 1, key: message.key, mki: None }),
    }
}
