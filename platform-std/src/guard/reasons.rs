//! Why requests are refused, in words, and how often each of these was the reason.

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const KEPT_OUT: &str = "this address is not let in";
pub(super) const NOT_THIS_USER: &str = "this user may not do this";
pub(super) const NO_PASSWORD_HELPS: &str = "this may be done from some addresses only";
pub(super) const TOO_MANY: &str = "too many wrong passwords: try again in a few minutes";
pub(super) const ENCRYPTED: &str = "this stream is encrypted: ask for it by rtsps";
pub(super) const OTHER_TOKEN: &str = "the token has ended, or is another stream's or of another key";
pub(super) const LAB: &str = "the lab's client cannot log in";
pub(super) const CLOCK: &str = "the proof is of another time: the clocks differ by more than five minutes";
pub(super) const AGAIN: &str = "the proof was used before";
pub(super) const IN_THE_CLEAR: &str = "a password is not taken without encryption: ask by https";
pub(super) const NO_CHANCE: &str = "there are no random numbers";
pub(super) const TWICE: &str = "there are two proofs of who asks";

/// What each is called where it is counted. All others are wrong users or passwords.
const NAMES: [(&str, &str); 11] = [
    (KEPT_OUT, "address"),
    (NOT_THIS_USER, "user"),
    (NO_PASSWORD_HELPS, "address_without_users"),
    (TOO_MANY, "guesses"),
    (ENCRYPTED, "encryption"),
    (IN_THE_CLEAR, "in_the_clear"),
    (OTHER_TOKEN, "token"),
    (LAB, "lab"),
    (TWICE, "two_proofs"),
    (CLOCK, "clock"),
    (AGAIN, "used_proof"),
];
const PASSWORD: &str = "password";

/// How often requests were refused, by the reason.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    named: [AtomicU64; NAMES.len()],
    password: AtomicU64,
}

impl Reasons {
    pub(super) fn count(&self, why: &str) {
        let named = NAMES.iter().zip(&self.named).find(|((words, _), _)| *words == why);
        named.map_or(&self.password, |(_, count)| count).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let named = NAMES.iter().zip(&self.named).map(|((_, name), count)| (*name, count));
        named.chain([(PASSWORD, &self.password)]).map(|(name, count)| (name, count.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_name_of_its_own_is_a_wrong_password() {
        let reasons = Reasons::default();
        [KEPT_OUT, TWICE, TWICE, "wrong user or password, number 7"].iter().for_each(|why| reasons.count(why));
        let counts: Vec<_> = reasons.counts().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counts, [("address", 1), ("two_proofs", 2), ("password", 1)]);
    }
}
