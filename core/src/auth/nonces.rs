//! Nonces that nobody has to remember: each proves by itself when, where and for whom it was made.

use super::hash::{hex, unhex};
use super::mac::{Key, Mac};
use crate::time::{Duration, Instant};
use core::fmt;
use core::net::IpAddr;

/// How long a nonce may be answered first. A connection that has used it may go on for as long as it likes.
const LIFE: Duration = Duration::from_secs(300);

/// A nonce: when it was made, and the proof of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonce {
    second: u32,
    mac: Mac,
}

/// What a nonce is worth that a client answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// It was made for this address, not long ago.
    Fresh,
    /// It is too old, was made for another address or with another key, or was never made.
    Stale,
}

impl Nonce {
    /// Bytes of its second and its proof.
    const LEN: usize = 4 + Mac::LEN;

    pub(super) fn new(key: &Key, now: Instant, realm: &str, address: IpAddr) -> Self {
        let second = seconds(now);
        Self { second, mac: mac(key, second, realm, address) }
    }

    /// What the client has sent, in exactly the form that was given out.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let [s0, s1, s2, s3, mac @ ..] = unhex::<{ Self::LEN }>(text)?;
        Some(Self { second: u32::from_be_bytes([s0, s1, s2, s3]), mac: Mac::from_bytes(mac) })
    }

    pub(super) fn worth(&self, key: &Key, now: Instant, realm: &str, address: IpAddr) -> Worth {
        let age = seconds(now).checked_sub(self.second);
        let is_young = age.is_some_and(|age| u64::from(age) <= LIFE.as_secs());
        let is_ours = mac(key, self.second, realm, address).is(&self.mac);
        if is_young && is_ours { Worth::Fresh } else { Worth::Stale }
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; Self::LEN];
        let both = self.second.to_be_bytes().into_iter().chain(self.mac.to_bytes());
        bytes.iter_mut().zip(both).for_each(|(place, byte)| *place = byte);
        f.write_str(&hex(&bytes))
    }
}

fn seconds(now: Instant) -> u32 {
    // What is left of 136 years suffices to tell five minutes.
    (now.as_micros() / 1_000_000) as u32
}

fn mac(key: &Key, second: u32, realm: &str, address: IpAddr) -> Mac {
    // A client of both families is the same client.
    let octets = match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    };
    key.mac(&[b"nonce", &second.to_be_bytes(), &octets, realm.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    const HERE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 7));

    #[test]
    fn a_nonce_is_good_where_it_was_made_and_for_five_minutes() {
        let (key, now) = (Key::new([7; 32]), Instant::from_millis(1_000_000));
        let text = Nonce::new(&key, now, "m", HERE).to_string();
        assert_eq!(text.len(), 2 * Nonce::LEN);
        let nonce = Nonce::parse(&text).unwrap();
        let worth = |key: &Key, seconds, realm, address: &str| {
            nonce.worth(key, now.after(Duration::from_secs(seconds)), realm, address.parse().unwrap())
        };
        assert_eq!(worth(&key, 0, "m", "10.0.0.7"), Worth::Fresh);
        assert_eq!(worth(&key, 300, "m", "::ffff:10.0.0.7"), Worth::Fresh);
        assert_eq!(worth(&key, 301, "m", "10.0.0.7"), Worth::Stale);
        assert_eq!(worth(&key, 0, "m", "10.0.0.8"), Worth::Stale);
        assert_eq!(worth(&key, 0, "n", "10.0.0.7"), Worth::Stale);
        assert_eq!(worth(&Key::new([8; 32]), 0, "m", "10.0.0.7"), Worth::Stale);
        assert_eq!(nonce.worth(&key, Instant::from_millis(1), "m", HERE), Worth::Stale, "made in the future");
    }

    #[test]
    fn every_changed_digit_makes_it_worthless() {
        let (key, now) = (Key::new([7; 32]), Instant::from_millis(1_000_000));
        let text = Nonce::new(&key, now, "m", HERE).to_string();
        for at in 0..text.len() {
            let mut changed = text.clone();
            let digit = if &text[at..=at] == "0" { "1" } else { "0" };
            changed.replace_range(at..=at, digit);
            let worth = Nonce::parse(&changed).map(|nonce| nonce.worth(&key, now, "m", HERE));
            assert_ne!(worth, Some(Worth::Fresh), "{changed}");
        }
        for text in ["", "5f", &text[1..], &text.to_uppercase(), &(text.clone() + "0"), "+0000000"] {
            assert_eq!(Nonce::parse(text), None, "{text}");
        }
    }
}
