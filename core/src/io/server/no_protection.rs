//! In place of what encrypts media, where that is left out: nothing is encrypted, and that takes no room.

use crate::rtp::protect::Unprotected;
use crate::session::Secrecy;
use crate::session::server::UnusableKey;
use crate::wire::mikey::Message;
use crate::wire::rtsp::StatusCode;
use crate::wire::sdes::Crypto;

#[derive(Default)]
pub(super) struct Protection {}

impl Protection {
    pub(super) fn offer(&mut self, _: Option<[u8; 30]>, _: u32) -> Option<Message> {
        None
    }

    pub(super) fn take_ssrc(&mut self) -> Option<u32> {
        None
    }

    pub(super) fn set_up(
        &mut self,
        is_secure: bool,
        _: Secrecy,
        _: Result<Option<Message>, UnusableKey>,
    ) -> Result<(), StatusCode> {
        if is_secure { Err(StatusCode::KEY_MANAGEMENT_FAILURE) } else { Ok(()) }
    }

    pub(super) fn end(&mut self) {}

    pub(super) fn is_on(&self) -> bool {
        false
    }

    pub(super) fn sealer(&mut self) -> Option<&mut Unprotected> {
        None
    }

    pub(super) fn with_report<R>(&mut self, report: &[u8], work: impl FnOnce(&[u8]) -> R) -> Option<R> {
        Some(work(report))
    }
}

pub(super) const fn crypto(message: &Message) -> Crypto {
    Crypto { tag: 1, key: message.key, mki: None }
}
