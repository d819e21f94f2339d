//! MIKEY messages (RFC 3830), as far as they carry the key of one SRTP stream in the clear: on a connection that is private
//! already, in `a=key-mgmt` of a description or `KeyMgmt` of SETUP (RFC 4567).
//!
//! ```text
//! HDR  version, type, next, PRF, bundle, one crypto session: policy, SSRC, rollover counter
//! T    when it was made          RAND  16 random bytes
//! SP   AES_CM_128_HMAC_SHA1_80   KEMAC  not encrypted, without a MAC: key data (a key, its salt, a name)
//! ```

use super::base64::{self, Base64};
use super::text::SliceWriter;
use crate::time::NtpTime;
use core::fmt::{self, Display};
use heapless::Vec;

/// Bytes of a master key and its salt.
pub const KEY_LEN: usize = 30;

/// Longest message that is read, in bytes.
pub const MAX_LEN: usize = 512;

/// Longest name of a key that is read, in bytes.
pub const MAX_SPI: usize = 4;

const VERSION: u8 = 1;
/// Kinds of payloads (RFC 3830 section 6.1).
const LAST: u8 = 0;
const KEMAC: u8 = 1;
const T: u8 = 5;
const ID: u8 = 6;
const SP: u8 = 10;
const RAND: u8 = 11;
const GENERAL: u8 = 21;

/// What a message says.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The source that the key is for; 0 where the sender does not know it.
    pub ssrc: u32,
    /// How often its sequence numbers have begun anew.
    pub rollover: u32,
    /// Master key and, behind it, the salt.
    pub key: [u8; KEY_LEN],
    /// The name of the key that packets carry (MKI); mostly empty.
    pub spi: Vec<u8, MAX_SPI, u8>,
}

/// A key is shown to nobody.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ssrc, rollover, spi, key: _ } = self;
        f.debug_struct("Message")
            .field("ssrc", ssrc)
            .field("rollover", rollover)
            .field("spi", spi)
            .finish_non_exhaustive()
    }
}

/// A message that is sent: its contents, when it is made, and random bytes, of which the first four name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted<'a> {
    /// What it says.
    pub message: &'a Message,
    /// The time.
    pub time: NtpTime,
    /// Not a secret.
    pub random: [u8; 16],
}

/// Bytes of a message that is sent, with the longest name.
const EMITTED_LEN: usize = 128;

impl Emitted<'_> {
    fn bytes(&self) -> Option<Vec<u8, EMITTED_LEN>> {
        let Self { message: Message { ssrc, rollover, key, spi }, time, random } = self;
        let mut buffer = [0; EMITTED_LEN];
        let mut out = SliceWriter::new(&mut buffer);
        let mut write = |bytes: &[u8]| out.write_bytes(bytes).ok();
        let [b0, b1, b2, b3, ..] = *random;
        // A message that starts an exchange with a shared key, which is empty here; one crypto session, of SRTP.
        write(&[VERSION, 0, T, 0, b0, b1, b2, b3, 1, 0, 0])?;
        write(&ssrc.to_be_bytes())?;
        write(&rollover.to_be_bytes())?;
        write(&[RAND, 0])?;
        write(&time.bits().to_be_bytes())?;
        write(&[SP, 16])?;
        write(random)?;
        let parameters = PARAMETERS.as_flattened();
        write(&[KEMAC, 0, 0, 0, u8::try_from(parameters.len()).ok()?])?;
        write(parameters)?;
        let named = if spi.is_empty() { 0 } else { spi.len().saturating_add(1) };
        let key_data = 4_usize.saturating_add(KEY_LEN).saturating_add(named);
        write(&[LAST, 0, 0, u8::try_from(key_data).ok()?])?;
        // A key for packets themselves (TEK), and whether it has a name.
        write(&[LAST, (2 << 4) | u8::from(named > 0), 0, KEY_LEN as u8])?;
        write(key)?;
        if named > 0 {
            write(&[u8::try_from(spi.len()).ok()?])?;
            write(spi)?;
        }
        write(&[0])?;
        let len = out.len();
        Vec::from_slice(buffer.get(..len)?).ok()
    }
}

/// What every receiver of this suite reads: AES in counter mode, keys of 16 bytes, HMAC-SHA1, tags of 10 bytes (under the number
/// by which GStreamer knows them), and that all three protections are on.
const PARAMETERS: [[u8; 3]; 7] = [[0, 1, 1], [1, 1, 16], [2, 1, 1], [3, 1, 10], [7, 1, 1], [8, 1, 1], [10, 1, 1]];

/// In Base64, as headers and descriptions carry it.
impl Display for Emitted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes().ok_or(fmt::Error)?;
        Base64(bytes.iter().copied()).fmt(f)
    }
}

impl Message {
    /// Reads a message in Base64. `None`: it is no message, its key is encrypted or of another length, or it is for another suite
    /// than AES_CM_128_HMAC_SHA1_80.
    pub fn parse_base64(text: &str) -> Option<Self> {
        Self::parse(&base64::decode::<MAX_LEN>(text)?)
    }

    /// Reads a message.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let [version, kind, mut next, _prf] = input.array()?;
        let [_, _, _, _, sessions, map] = input.array()?;
        // Pre-shared key, or public key, of which the key data are read only if they are not encrypted. SRTP.
        if version != VERSION || kind > 2 || map != 0 || sessions == 0 {
            return None;
        }
        let mut first = None;
        for _ in 0..sessions {
            let [policy] = input.array()?;
            let (ssrc, rollover) = (u32::from_be_bytes(input.array()?), u32::from_be_bytes(input.array()?));
            first.get_or_insert((policy, ssrc, rollover));
        }
        let (policy, ssrc, rollover) = first?;
        let mut key_data = None;
        while next != LAST {
            let kind = next;
            [next] = input.array()?;
            match kind {
                T => input.timestamp()?,
                RAND => {
                    let [len] = input.array()?;
                    input.take(len.into())?;
                }
                ID | GENERAL => {
                    let [_kind] = input.array()?;
                    let len = u16::from_be_bytes(input.array()?);
                    input.take(len.into())?;
                }
                SP => {
                    let [number, protocol] = input.array()?;
                    let len = u16::from_be_bytes(input.array()?);
                    let parameters = input.take(len.into())?;
                    if number == policy && (protocol != 0 || !is_our_suite(parameters)?) {
                        return None;
                    }
                }
                KEMAC => {
                    let [encryption] = input.array()?;
                    let len = u16::from_be_bytes(input.array()?);
                    let data = input.take(len.into())?;
                    let [authentication] = input.array()?;
                    if encryption != 0 || authentication > 1 {
                        return None;
                    }
                    input.take(if authentication == 1 { 20 } else { 0 })?;
                    key_data.get_or_insert(data);
                }
                _ => return None,
            }
        }
        let (key, spi) = key_of(Input(key_data?))?;
        Some(Self { ssrc, rollover, key, spi })
    }
}

/// Whether the parameters of a policy (RFC 3830 section 6.10.1) mean AES_CM_128_HMAC_SHA1_80. Those that are not named are as in
/// that suite. `None`: they cannot be read.
fn is_our_suite(parameters: &[u8]) -> Option<bool> {
    let mut input = Input(parameters);
    let mut is_ours = true;
    while !input.0.is_empty() {
        let [kind, len] = input.array()?;
        let value = input
            .take(len.into())?
            .iter()
            .try_fold(0_u32, |sum, &byte| sum.checked_mul(256)?.checked_add(byte.into()))?;
        is_ours &= match kind {
            // Ciphers, and whether each protection is on.
            0 | 2 | 7 | 8 | 10 => value == 1,
            1 => value == 16,
            // Some write the length of the tag where that of the key belongs.
            3 => value == 20 || value == 10,
            4 => value == 14,
            11 => value == 10,
            // Keys are derived once, by AES, and nothing stands before the packets.
            5 | 6 | 9 | 12 => value == 0,
            _ => true,
        };
    }
    Some(is_ours)
}

/// The first key among key data (RFC 3830 section 6.13) that packets are encrypted with, and its name.
fn key_of(mut input: Input<'_>) -> Option<([u8; KEY_LEN], Vec<u8, MAX_SPI, u8>)> {
    let [_next, kind] = input.array()?;
    let len = u16::from_be_bytes(input.array()?);
    let data = input.take(len.into())?;
    let salt = match kind >> 4 {
        2 => &[],
        3 => {
            let len = u16::from_be_bytes(input.array()?);
            input.take(len.into())?
        }
        // Of other keys those of packets would have to be derived.
        _ => return None,
    };
    let mut key = [0; KEY_LEN];
    if data.len().checked_add(salt.len())? != KEY_LEN {
        return None;
    }
    key.iter_mut().zip(data.iter().chain(salt)).for_each(|(place, byte)| *place = *byte);
    let spi = if kind & 15 == 1 {
        let [len] = input.array()?;
        input.take(len.into())?
    } else {
        &[]
    };
    Some((key, Vec::from_slice(spi).ok()?))
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// The rest of T: NTP times have 64 bits, counters 32.
    fn timestamp(&mut self) -> Option<()> {
        let [kind] = self.array()?;
        self.take(if kind == 2 { 4 } else { 8 }).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn message(spi: &[u8]) -> Message {
        let key = core::array::from_fn(|at| at as u8);
        Message { ssrc: 0xCAFE_BABE, rollover: 0, key, spi: Vec::from_slice(spi).unwrap() }
    }

    fn bytes(message: &Message) -> std::vec::Vec<u8> {
        let time = NtpTime::from_bits(0x0123_4567_89ab_cdef);
        Emitted { message, time, random: [0x55; 16] }.bytes().unwrap().to_vec()
    }

    #[test]
    fn what_is_written_is_read() {
        for spi in [&b""[..], b"\0\0\0\x01"] {
            let message = message(spi);
            let bytes = bytes(&message);
            assert_eq!(Message::parse(&bytes), Some(message.clone()));
            let time = NtpTime::from_bits(0x0123_4567_89ab_cdef);
            let text = Emitted { message: &message, time, random: [0x55; 16] }.to_string();
            assert_eq!(Message::parse_base64(&text), Some(message));
            for len in 0..bytes.len() - 1 {
                assert_eq!(Message::parse(&bytes[..len]), None, "{len}");
            }
        }
        assert!(!std::format!("{:?}", message(b"")).contains("key"));
    }

    #[test]
    fn bytes_lie_where_the_standard_has_them() {
        let expected = [
            &b"\x01\0\x05\0\x55\x55\x55\x55\x01\0\0\xca\xfe\xba\xbe\0\0\0\0"[..],
            b"\x0b\0\x01\x23\x45\x67\x89\xab\xcd\xef",
            b"\x0a\x10\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55",
            b"\x01\0\0\0\x15\0\x01\x01\x01\x01\x10\x02\x01\x01\x03\x01\x0a\x07\x01\x01\x08\x01\x01\x0a\x01\x01",
            b"\0\0\0\x22\0\x20\0\x1e\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14",
            b"\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\0",
        ];
        assert_eq!(bytes(&message(b"")), expected.concat());
    }

    /// The offset of a value among the parameters.
    fn parameter(bytes: &[u8], kind: u8) -> usize {
        let parameters = 19 + 10 + 18 + 5;
        (parameters..bytes.len()).step_by(3).find(|&at| bytes[at] == kind).unwrap() + 2
    }

    #[test]
    fn other_suites_and_encrypted_keys_are_refused() {
        let good = bytes(&message(b""));
        let changed = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            Message::parse(&bytes)
        };
        for (kind, value) in [(0, 2), (1, 32), (2, 0), (3, 4), (7, 0), (8, 0), (10, 0)] {
            assert_eq!(changed(parameter(&good, kind), value), None, "{kind} is {value}");
        }
        assert!(changed(parameter(&good, 3), 20).is_some());
        let kemac = good.len() - KEY_LEN - 9;
        assert!(changed(0, 2).is_none() && changed(2, 99).is_none() && changed(8, 0).is_none());
        assert!(changed(10 - 1, 1).is_none(), "another kind of map");
        assert!(changed(kemac + 1, 1).is_none(), "encrypted");
        assert!(changed(kemac + 5, 0x10).is_none(), "a key of which others are derived");
    }

    #[test]
    fn a_salt_may_stand_apart_and_payloads_in_any_order() {
        let Message { key, .. } = message(b"");
        let mut bytes = b"\x01\0\x01\0\x55\x55\x55\x55\x01\0\0\xca\xfe\xba\xbe\0\0\0\0".to_vec();
        let key_data = [&b"\0\x31\0\x10"[..], &key[..16], b"\0\x0e", &key[16..], b"\x02ab"].concat();
        bytes.extend([&b"\x06\0\0"[..], &[key_data.len() as u8], &key_data, &[1], &[7; 20]].concat());
        bytes.extend(b"\x0a\0\0\x03me!\x05\0\0\0\0\0\x02\0\0\0\x07".iter());
        // The last payload is T with a counter.
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.key, &*message.spi), (key, &b"ab"[..]));
    }
}
