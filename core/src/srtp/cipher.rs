//! One stream's cipher, AES in counter mode (RFC 3711 section 4.1.1), and its authentication, HMAC with SHA-1 (section 4.2.1).

use super::TAG_LEN;
use aes::Aes128Enc;
use ctr::CtrCore;
use ctr::cipher::{Block, InnerIvInit, KeyInit, StreamCipher, StreamCipherCore, StreamCipherCoreWrapper};
use ctr::flavors::Ctr128BE;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

pub(super) const SALT_LEN: usize = 14;

/// Whether a program should rather be small than fast.
const IS_SMALL: bool = cfg!(target_os = "none");

/// Session keys, ready for use.
#[derive(Clone)]
pub(super) struct Cipher {
    aes: Aes128Enc,
    hmac: Hmac<Sha1>,
    salt: [u8; SALT_LEN],
}

impl Cipher {
    pub(super) fn new(key: &[u8; 16], auth: &[u8; 20], salt: &[u8; SALT_LEN]) -> Self {
        // An HMAC takes keys of any length, so the other one is never made.
        let hmac = Hmac::<Sha1>::new_from_slice(auth).unwrap_or_else(|_| Hmac::new(&Default::default()));
        Self { aes: Aes128Enc::new(key.into()), hmac, salt: *salt }
    }

    /// Encrypts or decrypts, which is the same, what a packet with this source and index holds behind its header.
    pub(super) fn apply(&self, ssrc: u32, index: u64, bytes: &mut [u8]) {
        let mut input = self.salt;
        let [_, _, i0, i1, i2, i3, i4, i5] = index.to_be_bytes();
        let [s0, s1, s2, s3] = ssrc.to_be_bytes();
        let changed = [0, 0, 0, 0, s0, s1, s2, s3, i0, i1, i2, i3, i4, i5];
        input.iter_mut().zip(changed).for_each(|(place, byte)| *place ^= byte);
        encrypt(&self.aes, &input, bytes);
    }

    /// The tag of these bytes, in order.
    pub(super) fn tag(&self, parts: &[&[u8]]) -> [u8; TAG_LEN] {
        let mut hmac = self.hmac.clone();
        parts.iter().for_each(|part| hmac.update(part));
        let mut tag = [0; TAG_LEN];
        tag.iter_mut().zip(hmac.finalize().into_bytes()).for_each(|(place, byte)| *place = byte);
        tag
    }

    /// Whether `tag` is that of these bytes. The time that this takes tells nothing about where it differs.
    pub(super) fn is_tag(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.tag(parts).ct_eq(tag).into()
    }
}

/// Fills `bytes` with what AES in counter mode makes of this key and input.
pub(super) fn keystream(key: &[u8; 16], input: &[u8; SALT_LEN], bytes: &mut [u8]) {
    bytes.fill(0);
    encrypt(&Aes128Enc::new(key.into()), input, bytes);
}

/// Adds to `bytes` what AES in counter mode makes of this input.
#[inline(never)]
fn encrypt(aes: &Aes128Enc, input: &[u8; SALT_LEN], bytes: &mut [u8]) {
    let core = CounterMode::inner_iv_init(aes, &counter(input).into());
    if IS_SMALL {
        apply_in_pairs(core, bytes);
    } else {
        StreamCipherCoreWrapper::from_core(core).apply_keystream(bytes);
    }
}

/// The same as `apply_keystream`, in a third of its code: blocks are always made in pairs, as the cipher does it without
/// instructions of the processor for it, so that nothing is there for one alone.
fn apply_in_pairs(mut core: CounterMode<'_>, bytes: &mut [u8]) {
    for pair in bytes.chunks_mut(32) {
        let mut keystream = [Block::<CounterMode<'_>>::default(); 2];
        core.write_keystream_blocks(&mut keystream);
        pair.iter_mut().zip(keystream.iter().flatten()).for_each(|(byte, key)| *byte ^= key);
    }
}

type CounterMode<'a> = CtrCore<&'a Aes128Enc, Ctr128BE>;

/// The first counter: 16 bits of it count blocks.
fn counter(input: &[u8; SALT_LEN]) -> [u8; 16] {
    let mut counter = [0; 16];
    counter.iter_mut().zip(input).for_each(|(place, byte)| *place = *byte);
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keystream_is_that_of_the_standard() {
        // RFC 3711 appendix B.2.
        let key = 0x2B7E_1516_28AE_D2A6_ABF7_1588_09CF_4F3C_u128.to_be_bytes();
        let salt = 0xF0F1_F2F3_F4F5_F6F7_F8F9_FAFB_FCFD_u128.to_be_bytes();
        let cipher = Cipher::new(&key, &[0; 20], &salt[2..].try_into().unwrap());
        let mut bytes = [0; 48];
        cipher.apply(0, 0, &mut bytes);
        assert_eq!(bytes[..16], 0xE03E_AD09_35C9_5E80_E166_B16D_D92B_4EB4_u128.to_be_bytes());
        assert_eq!(bytes[16..32], 0xD235_1316_2B02_D0F7_2A43_A2FE_4A5F_97AB_u128.to_be_bytes());
        assert_eq!(bytes[32..], 0x41E9_5B3B_B0A2_E8DD_4779_01E4_FCA8_94C0_u128.to_be_bytes());
    }

    #[test]
    fn small_programs_encrypt_the_same() {
        let (aes, input) = (Aes128Enc::new(&[7; 16].into()), [9; SALT_LEN]);
        for len in 0..100 {
            let (mut expected, mut bytes) = ([5; 100], [5; 100]);
            encrypt(&aes, &input, &mut expected[..len]);
            apply_in_pairs(CounterMode::inner_iv_init(&aes, &counter(&input).into()), &mut bytes[..len]);
            assert_eq!(bytes, expected, "{len}");
        }
    }
}
