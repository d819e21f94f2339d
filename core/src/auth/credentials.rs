//! User and password.

use crate::wire::base64::{self, Base64};
use core::fmt;
use heapless::String;

/// Longest user name, in bytes.
pub const MAX_USER: usize = 128;

/// Longest password, in bytes.
pub const MAX_PASSWORD: usize = 128;

/// A user's name and password. They are shown to nobody: `Debug` leaves them out.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub(super) user: String<MAX_USER>,
    pub(super) password: String<MAX_PASSWORD>,
}

/// Why something cannot be used as user and password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Unfit {
    /// Longer than [`MAX_USER`] or [`MAX_PASSWORD`].
    TooLong,
    /// A control character, a colon in the user's name, or escapes that are no UTF-8: no scheme can carry them.
    Characters,
}

impl Credentials {
    /// User and password as they are typed.
    ///
    /// # Errors
    /// See [`Unfit`].
    pub fn new(user: &str, password: &str) -> Result<Self, Unfit> {
        let fits = |text: &str| !text.chars().any(char::is_control);
        if user.contains(':') || !fits(user) || !fits(password) {
            return Err(Unfit::Characters);
        }
        let user = String::try_from(user).map_err(|_| Unfit::TooLong)?;
        let password = String::try_from(password).map_err(|_| Unfit::TooLong)?;
        Ok(Self { user, password })
    }

    /// Those in a URL before the `@`: `user[:password]`, percent-encoded. What is no escape stands for itself, as passwords are
    /// often pasted there.
    ///
    /// # Errors
    /// See [`Unfit`].
    pub fn from_user_info(user_info: &str) -> Result<Self, Unfit> {
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        Self::new(&decoded::<MAX_USER>(user)?, &decoded::<MAX_PASSWORD>(password)?)
    }

    /// The user's name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whether the password is not empty.
    pub fn has_password(&self) -> bool {
        !self.password.is_empty()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// `text` with its percent escapes undone.
fn decoded<const N: usize>(text: &str) -> Result<String<N>, Unfit> {
    let mut bytes = heapless::Vec::<u8, N>::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let (byte, after) = match (first, tail) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => ((high << 4) | low, after),
                _ => (*first, tail),
            },
            _ => (*first, tail),
        };
        bytes.push(byte).map_err(|_| Unfit::TooLong)?;
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| Unfit::Characters)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// `user:password` in Base64, as Basic wants it.
pub(super) fn basic(credentials: &Credentials) -> impl fmt::Display {
    let Credentials { user, password } = credentials;
    Base64(user.bytes().chain([b':']).chain(password.bytes()))
}

/// The user and password in the Base64 that Basic sends.
pub(super) fn from_basic(text: &str) -> Option<Credentials> {
    let bytes = base64::decode::<{ MAX_USER + MAX_PASSWORD + 1 }>(text)?;
    let (user, password) = core::str::from_utf8(&bytes).ok()?.split_once(':')?;
    Credentials::new(user, password).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    #[test]
    fn user_info_is_decoded_and_shown_to_nobody() {
        let cases = [
            ("anna:secret", ("anna", "secret")),
            ("anna", ("anna", "")),
            (":x", ("", "x")),
            ("a%40b:p%3A%c3%A9", ("a@b", "p:\u{e9}")),
            ("a:b:c@d%", ("a", "b:c@d%")),
            ("a:100%zz", ("a", "100%zz")),
        ];
        for (text, (user, password)) in cases {
            let credentials = Credentials::from_user_info(text).unwrap();
            assert_eq!((&*credentials.user, &*credentials.password), (user, password), "{text}");
            assert_eq!(format!("{credentials:?}"), "Credentials");
        }
    }

    #[test]
    fn what_no_header_can_carry_is_refused() {
        for text in ["a%0d%0aX:y", "a:b%00", "a%3Ab:c", "a:%ff"] {
            assert_eq!(Credentials::from_user_info(text), Err(Unfit::Characters), "{text}");
        }
        let long = "x".repeat(MAX_USER + 1);
        assert_eq!(Credentials::from_user_info(&long), Err(Unfit::TooLong));
        assert_eq!(Credentials::new("a", &long), Err(Unfit::TooLong));
    }

    #[test]
    fn basic_is_that_of_the_standard() {
        let encoded = |user: &str, password: &str| basic(&Credentials::new(user, password).unwrap()).to_string();
        // RFC 7617 sections 2 and 2.1.
        assert_eq!(encoded("Aladdin", "open sesame"), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(encoded("test", "123\u{a3}"), "dGVzdDoxMjPCow==");
        assert_eq!(encoded("", ""), "Og==");
        for (user, password) in
            [("Aladdin", "open sesame"), ("", ""), ("ab", "cde"), ("test", "123\u{a3}"), ("a", "b:c")]
        {
            let credentials = Credentials::new(user, password).unwrap();
            assert_eq!(from_basic(&encoded(user, password)), Some(credentials));
        }
        for text in ["", "!", "YWI", "YWI6Y2Q-", "YQ==", "YTr/"] {
            assert_eq!(from_basic(text), None, "{text}");
        }
    }
}
