//! WS-UsernameToken (OASIS WS-Security, UsernameToken Profile 1.0): a proof that somebody knows a password, for SOAP. It is a hash of the
//! password, of a number that is used once, and of the time at which it was made.
//!
//! Nothing of the request is in the hash, so that whoever listens could send it again with another one. Each is taken once for that reason,
//! and none that is much older or newer than the time here.

use std::collections::HashMap;
use std::fmt;

use mutoscope::auth::{MAX_PASSWORD, MAX_USER};
use mutoscope::wire::base64;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::passwords::Passwords;
use crate::calendar;

/// Clocks may differ by so many seconds.
const MOST_SKEW: u64 = 300;
/// So many tokens are remembered for as long as they would be taken.
const MOST_REMEMBERED: usize = 8192;
/// Bytes of a nonce and of a time.
const MOST_NONCE: usize = 64;
const MOST_TIME: usize = 40;

type Hash = [u8; 20];

/// What somebody says to prove who it is.
#[derive(Clone, PartialEq, Eq)]
pub struct UsernameToken {
    user: String,
    digest: Hash,
    nonce: Vec<u8>,
    created: String,
}

/// The user alone.
impl fmt::Debug for UsernameToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UsernameToken").field(&self.user).finish()
    }
}

/// Why a token proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    /// There is no such user, or the password is another one.
    Wrong,
    /// The password is right, and the token was made too long ago, or will be made.
    Clock,
    /// It was taken before.
    Again,
    /// Too many were taken lately.
    Many,
}

impl UsernameToken {
    /// The fields of a `UsernameToken` whose password is a `PasswordDigest`; digest and nonce are in Base64. `None`: it cannot be one.
    pub fn new(user: &str, digest: &str, nonce: &str, created: &str) -> Option<Self> {
        let fits = !user.is_empty() && user.len() <= MAX_USER && created.len() <= MOST_TIME;
        let digest = base64::decode::<20>(digest.trim())?.into_array().ok()?;
        let nonce = base64::decode::<MOST_NONCE>(nonce.trim())?.to_vec();
        fits.then(|| Self { user: user.to_owned(), digest, nonce, created: created.to_owned() })
    }

    /// Who it says it is.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What tells it from others.
    pub(super) fn digest(&self) -> &[u8] {
        &self.digest
    }

    fn expected(&self, password: &str) -> Hash {
        Sha1::new()
            .chain_update(&self.nonce)
            .chain_update(self.created.as_bytes())
            .chain_update(password.as_bytes())
            .finalize()
            .into()
    }
}

/// The tokens that were taken, until nobody would take them any more.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// By their hashes: the seconds since 1970 after which they are too old.
    all: HashMap<Hash, u64>,
}

impl Taken {
    /// Takes a token `now`, in seconds since 1970.
    ///
    /// # Errors
    /// See [`Unproven`].
    pub(super) fn take(&mut self, token: &UsernameToken, passwords: &Passwords, now: u64) -> Result<(), Unproven> {
        // Whether there is such a user shall not be told by the time that it takes.
        let nobody = "?".repeat(MAX_PASSWORD / 8);
        let password = passwords.of(&token.user);
        let is_right = token.expected(password.unwrap_or(&nobody)).ct_eq(&token.digest);
        if !bool::from(is_right) || password.is_none() {
            return Err(Unproven::Wrong);
        }
        let made = seconds(&token.created).filter(|made| made.abs_diff(now) <= MOST_SKEW).ok_or(Unproven::Clock)?;
        if self.all.contains_key(&token.digest) {
            return Err(Unproven::Again);
        }
        if self.all.len() >= MOST_REMEMBERED {
            self.all.retain(|_, end| *end >= now);
            // To forget one would let it be used again.
            if self.all.len() >= MOST_REMEMBERED {
                return Err(Unproven::Many);
            }
        }
        self.all.insert(token.digest, made + MOST_SKEW);
        Ok(())
    }
}

/// The seconds since 1970 of a time in the manner of XML Schema (ISO 8601): `2026-11-29T20:33:00.5Z`, or with `+01:00`. One without a zone
/// is UTC.
fn seconds(text: &str) -> Option<u64> {
    let number = |text: &str, most: u64| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &u64| is_number && *number <= most)
    };
    let (date, time) = text.trim().split_once('T')?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = (number(year, 9999)?, number(month, 12)?, number(day, 31)?);
    if parts.next().is_some() || year < 1970 || month == 0 || day == 0 {
        return None;
    }
    let (time, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, "Z"),
    };
    let mut parts = time.split('.').next()?.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let (hour, minute, second) = (number(hour, 24)?, number(minute, 59)?, number(second, 60)?);
    let local = calendar::days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let offset = |zone: &str| {
        let (hours, minutes) = zone.split_once(':')?;
        Some(number(hours, 14)? * 3600 + number(minutes, 59)? * 60)
    };
    match zone.split_at_checked(1)? {
        ("Z", "") if parts.next().is_none() => Some(local),
        ("+", ahead) => local.checked_sub(offset(ahead)?),
        ("-", behind) => Some(local + offset(behind)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: &str = "2010-09-16T07:50:45Z";
    const THEN: u64 = 1_284_623_445;

    fn passwords() -> Passwords {
        Passwords::parse("user:userpassword").unwrap()
    }

    /// The example of the ONVIF Application Programmer's Guide.
    fn token() -> UsernameToken {
        UsernameToken::new("user", "tuOSpGlFlIXsozq4HFNeeGeFLEI=", "LKqI6G/AikKCQrN0zqZFlg==", CREATED).unwrap()
    }

    #[test]
    fn the_example_of_the_standard_is_taken_once() {
        let mut taken = Taken::default();
        assert_eq!(taken.take(&token(), &passwords(), THEN), Ok(()));
        assert_eq!(taken.take(&token(), &passwords(), THEN + 1), Err(Unproven::Again));
        assert_eq!(format!("{:?}", token()), "UsernameToken(\"user\")");
    }

    #[test]
    fn what_is_wrong_or_of_another_time_is_not_taken() {
        let mut taken = Taken::default();
        let other = Passwords::parse("user:other\nuserpassword:user").unwrap();
        assert_eq!(taken.take(&token(), &other, THEN), Err(Unproven::Wrong));
        assert_eq!(taken.take(&token(), &Passwords::default(), THEN), Err(Unproven::Wrong));
        // A wrong password is that, whatever the clock says.
        assert_eq!(taken.take(&token(), &other, 0), Err(Unproven::Wrong));
        for (now, expected) in [
            (THEN - MOST_SKEW - 1, Err(Unproven::Clock)),
            (THEN + MOST_SKEW + 1, Err(Unproven::Clock)),
            (0, Err(Unproven::Clock)),
            (THEN - MOST_SKEW, Ok(())),
        ] {
            assert_eq!(taken.take(&token(), &passwords(), now), expected, "{now}");
        }
        for (digest, nonce, created) in
            [("", "AAAA", CREATED), ("tuOSpGlFlIXsozq4HFNeeGeFLA==", "AAAA", CREATED), ("!", "AAAA", CREATED)]
        {
            assert_eq!(UsernameToken::new("user", digest, nonce, created), None);
        }
        let long = "A".repeat(400);
        assert_eq!(UsernameToken::new("user", "tuOSpGlFlIXsozq4HFNeeGeFLEI=", &long, CREATED), None);
        assert_eq!(UsernameToken::new(&long, "tuOSpGlFlIXsozq4HFNeeGeFLEI=", "", CREATED), None);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_never_forgotten_too_early() {
        let (mut taken, passwords) = (Taken::default(), Passwords::parse("u:p").unwrap());
        let made = |number: u32| {
            let blank = UsernameToken {
                user: "u".to_owned(),
                digest: [0; 20],
                nonce: number.to_be_bytes().to_vec(),
                created: CREATED.to_owned(),
            };
            UsernameToken { digest: blank.expected("p"), ..blank }
        };
        for number in 0..MOST_REMEMBERED as u32 {
            assert_eq!(taken.take(&made(number), &passwords, THEN), Ok(()));
        }
        let one_more = made(MOST_REMEMBERED as u32);
        assert_eq!(taken.take(&one_more, &passwords, THEN + MOST_SKEW), Err(Unproven::Many));
        assert_eq!(taken.take(&made(0), &passwords, THEN + MOST_SKEW), Err(Unproven::Again));
        assert_eq!(taken.take(&made(0), &passwords, THEN + MOST_SKEW + 1), Err(Unproven::Clock));
        assert_eq!(taken.all.len(), MOST_REMEMBERED);
    }

    #[test]
    fn times_are_read_with_their_zone() {
        for (text, expected) in [
            (CREATED, Some(THEN)),
            ("2010-09-16T07:50:45.123456Z", Some(THEN)),
            ("2010-09-16T07:50:45", Some(THEN)),
            ("2010-09-16T09:50:45+02:00", Some(THEN)),
            ("2010-09-16T00:20:45.0-07:30", Some(THEN)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T00:00:00+01:00", None),
            ("2010-09-16", None),
            ("2010-13-16T07:50:45Z", None),
            ("2010-09-16T07:50Z", None),
            ("2010-09-16T07:50:45Zx", None),
            ("2010-09-16T07:50:45+2", None),
            ("-2010-09-16T07:50:45Z", None),
            ("99999999999999999999-01-01T00:00:00Z", None),
            ("TZ", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
