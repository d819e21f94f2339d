//! Master keys, and what is derived from them (RFC 3711 section 4.3).

use super::cipher::{Cipher, SALT_LEN, keystream};
use core::fmt;

/// Longest master key identifier, in bytes.
pub const MAX_MKI: usize = 4;

/// The name of a master key (MKI), which a sender puts into each packet where its peer wants that; mostly empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mki {
    bytes: [u8; MAX_MKI],
    len: u8,
}

impl Mki {
    /// These bytes; `None` where there are more than [`MAX_MKI`].
    pub fn new(mki: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_MKI];
        bytes.get_mut(..mki.len())?.copy_from_slice(mki);
        Some(Self { bytes, len: u8::try_from(mki.len()).ok()? })
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// A master key and its salt. They are shown to nobody, and wiped by nobody either: whoever can read the memory of the program
/// can read its pictures.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    master_key: [u8; Self::KEY_LEN],
    master_salt: [u8; Self::SALT_LEN],
    mki: Mki,
}

impl Keys {
    /// Bytes of a master key.
    pub const KEY_LEN: usize = 16;
    /// Bytes of a master salt.
    pub const SALT_LEN: usize = SALT_LEN;

    /// This key and this salt, which nobody must be able to guess.
    pub const fn new(master_key: [u8; Self::KEY_LEN], master_salt: [u8; Self::SALT_LEN]) -> Self {
        Self { master_key, master_salt, mki: Mki { bytes: [0; MAX_MKI], len: 0 } }
    }

    /// The key and, behind it, the salt, as key exchanges carry them; `None`: there are not 30 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (key, salt) = bytes.split_first_chunk()?;
        Some(Self::new(*key, <[u8; Self::SALT_LEN]>::try_from(salt).ok()?))
    }

    /// The key and, behind it, the salt.
    pub fn to_bytes(&self) -> [u8; Self::KEY_LEN + Self::SALT_LEN] {
        let mut bytes = [0; Self::KEY_LEN + Self::SALT_LEN];
        let both = self.master_key.iter().chain(&self.master_salt);
        bytes.iter_mut().zip(both).for_each(|(place, byte)| *place = *byte);
        bytes
    }

    /// The same, under a name that each packet carries.
    #[must_use]
    pub fn with_mki(self, mki: Mki) -> Self {
        Self { mki, ..self }
    }

    /// Its name.
    pub const fn mki(&self) -> Mki {
        self.mki
    }

    /// The cipher of RTP packets.
    pub(super) fn rtp(&self) -> Cipher {
        Cipher::new(&self.derived(0), &self.derived(1), &self.derived(2))
    }

    /// The cipher of reports.
    pub(super) fn rtcp(&self) -> Cipher {
        Cipher::new(&self.derived(3), &self.derived(4), &self.derived(5))
    }

    /// The session key of this label.
    fn derived<const N: usize>(&self, label: u8) -> [u8; N] {
        let mut input = self.master_salt;
        if let Some(place) = input.get_mut(7) {
            *place ^= label;
        }
        let mut key = [0; N];
        keystream(&self.master_key, &input, &mut key);
        key
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_keys_are_those_of_the_standard() {
        // RFC 3711 appendix B.3.
        let key = 0xE1F9_7A0D_3E01_8BE0_D64F_A32C_06DE_4139_u128.to_be_bytes();
        let salt = 0x0EC6_75AD_498A_FEEB_B696_0B3A_ABE6_u128.to_be_bytes();
        let keys = Keys::new(key, salt[2..].try_into().unwrap());
        assert_eq!(keys.derived(0), 0xC61E_7A93_744F_39EE_1073_4AFE_3FF7_A087_u128.to_be_bytes());
        assert_eq!(keys.derived::<14>(2)[..], 0x30CB_BC08_863D_8C85_D49D_B34A_9AE1_u128.to_be_bytes()[2..]);
        let auth: [u8; 20] = keys.derived(1);
        assert_eq!(auth[..16], 0xCEBE_321F_6FF7_716B_6FD4_AB49_AF25_6A15_u128.to_be_bytes());
        assert_eq!(auth[16..], [0x6D, 0x38, 0xBA, 0xA4]);
        assert_eq!(Keys::from_bytes(&keys.to_bytes()), Some(keys.clone()));
        assert_eq!(Keys::from_bytes(&keys.to_bytes()[1..]), None);
        assert_eq!(std::format!("{keys:?}"), "Keys");
    }

    #[test]
    fn a_key_may_have_a_name_of_up_to_four_bytes() {
        assert_eq!(Mki::new(b"abcd").unwrap().as_bytes(), b"abcd");
        assert_eq!((Mki::new(b"").unwrap(), Mki::new(b"abcde")), (Mki::default(), None));
    }
}
