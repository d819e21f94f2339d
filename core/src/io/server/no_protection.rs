//! In place of what encrypts media, where that is left out: nothing is encrypted, and that takes no room.

use crate::rtp::protect::Unprotected;
use crate::session::server::UnusableKey;
use crate::session::{KeyExchange, Secrecy};
use crate::time::NtpTime;
use crate::wire::mikey::Message;
use crate::wire::rtsp::StatusCode;
use crate::wire::sdp::Exchange;
use core::convert::Infallible;
use core::marker::PhantomData;

/// Nothing has to be opened anywhere.
pub(super) const MAX_REPORT: usize = 0;

pub(super) struct Protection<V>(PhantomData<fn() -> V>);

impl<V> Default for Protection<V> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<V> Protection<V> {
    pub(super) fn offer(&mut self, _: [u8; 30], _: u32) -> Option<Message> {
        None
    }

    pub(super) fn take_ssrc(&mut self) -> Option<u32> {
        None
    }

    pub(super) fn agree(
        &self,
        is_secure: bool,
        _: impl FnOnce() -> Result<Option<Message>, UnusableKey>,
    ) -> Result<Option<Infallible>, StatusCode> {
        if is_secure { Err(StatusCode::KEY_MANAGEMENT_FAILURE) } else { Ok(None) }
    }

    pub(super) fn is_with(&self, _: Option<&Infallible>) -> bool {
        true
    }

    pub(super) fn begin(&mut self, _: Option<Infallible>, _: Secrecy) {}

    pub(super) fn end(&mut self) {}

    pub(super) fn is_on(&self) -> bool {
        false
    }

    pub(super) fn sealer(&mut self) -> Option<&mut Unprotected> {
        None
    }

    pub(super) fn open_report<'r>(&mut self, report: &'r [u8], _: &'r mut [u8; MAX_REPORT]) -> Option<&'r [u8]> {
        Some(report)
    }
}

pub(super) fn told(_: KeyExchange, _: &Message, _: NtpTime, _: u64) -> Exchange<'static> {
    Exchange::None
}
