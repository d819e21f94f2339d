//! Who has logged in by a form, and shows a cookie since then.
//!
//! A cookie is 256 bits that nobody can guess. Only its hash is kept, so that what is compared tells nothing about it, and whoever
//! reads this memory cannot use it. Nothing of it outlives the program.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mutoscope::auth::{Algorithm, Hex, secret};
use mutoscope::time::{Duration, Instant};

use super::users::Known;

/// A cookie that is not shown for so long is forgotten …
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);
/// … and so is one that is as old as this. Browsers are told the same.
pub(crate) const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Most cookies of a user, …
const MOST_OF_ONE: usize = 16;
/// … and of all. Beyond that those are forgotten that were not shown for the longest time.
const MOST: usize = 4096;
/// Bytes of a cookie.
const LEN: usize = 32;

/// Somebody who has logged in.
#[derive(Debug)]
pub(super) struct Login {
    user: Arc<Known>,
    begun: Instant,
    is_over: AtomicBool,
}

impl Login {
    pub(super) const fn user(&self) -> &Arc<Known> {
        &self.user
    }

    /// When it ends, or that it has ended long ago.
    pub(super) fn ends(&self) -> Instant {
        if self.is_over.load(Ordering::Relaxed) { Instant::default() } else { self.begun.after(LONGEST) }
    }
}

/// A login as long as it is one, and when its cookie was shown last.
#[derive(Debug)]
struct Held {
    login: Arc<Login>,
    shown: Instant,
}

impl Held {
    fn is_old(&self, now: Instant) -> bool {
        // What plays since then is as good as a request.
        let is_idle = now >= self.shown.after(IDLE) && Arc::strong_count(&self.login) == 1;
        is_idle || now >= self.login.ends()
    }
}

/// Whatever still plays by it ends.
impl Drop for Held {
    fn drop(&mut self) {
        self.login.is_over.store(true, Ordering::Relaxed);
    }
}

/// All logins, by the hashes of their cookies.
#[derive(Debug, Default)]
pub(super) struct Logins(HashMap<Hex, Held>);

impl Logins {
    /// A user has logged in. Gives the cookie; `None`: the system has no random numbers.
    pub(super) fn begin(&mut self, now: Instant, user: Known) -> Option<String> {
        let mut bytes = [0; LEN];
        getrandom::fill(&mut bytes).ok()?;
        let cookie = bytes.iter().fold(String::with_capacity(2 * LEN), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        });
        self.0.retain(|_, held| !held.is_old(now));
        self.make_room(MOST_OF_ONE, |held| held.login.user.name == user.name);
        self.make_room(MOST, |_| true);
        let login = Arc::new(Login { user: Arc::new(user), begun: now, is_over: AtomicBool::new(false) });
        self.0.insert(hash(&cookie)?, Held { login, shown: now });
        Some(cookie)
    }

    /// Forgets of those that count the one that was not shown for the longest time, if there are so many.
    fn make_room(&mut self, most: usize, counts: impl Fn(&Held) -> bool) {
        let counted = || self.0.iter().filter(|(_, held)| counts(held));
        if counted().count() >= most
            && let Some(oldest) = counted().min_by_key(|(_, held)| held.shown).map(|(hash, _)| hash.clone())
        {
            self.0.remove(&oldest);
        }
    }

    /// Whose cookie that is. It is shown now.
    pub(super) fn find(&mut self, now: Instant, cookie: &str) -> Option<Arc<Login>> {
        let hash = hash(cookie)?;
        let held = self.0.get_mut(&hash)?;
        if held.is_old(now) {
            self.0.remove(&hash);
            return None;
        }
        held.shown = now;
        Some(Arc::clone(&held.login))
    }

    /// Forgets a cookie; whose it was.
    pub(super) fn end(&mut self, cookie: &str) -> Option<Arc<Login>> {
        self.0.remove(&hash(cookie)?).map(|held| Arc::clone(&held.login))
    }

    /// Forgets those of other users than these.
    pub(super) fn retain(&mut self, is_known: impl Fn(&Known) -> bool) {
        self.0.retain(|_, held| is_known(&held.login.user));
    }
}

/// What is kept of a cookie; `None`: it is none of ours.
fn hash(cookie: &str) -> Option<Hex> {
    let is_one = cookie.len() == 2 * LEN && cookie.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_one.then(|| secret(Algorithm::Sha256, "", "cookie", cookie))
}

#[cfg(test)]
mod tests {
    use super::super::Users;
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(1_000_000 + seconds * 1000)
    }

    fn user(name: &str) -> Known {
        let mut users = Users::default();
        users.set(name, "secret").unwrap();
        users.known(name).unwrap()
    }

    #[test]
    fn a_cookie_is_told_once_and_kept_as_its_hash() {
        let mut logins = Logins::default();
        let [first, second] = [0, 1].map(|second| logins.begin(at(second), user("anna")).unwrap());
        assert!(first.len() == 64 && first != second);
        assert_eq!(logins.find(at(2), &first).unwrap().user().as_ref(), &user("anna"));
        let kept = format!("{logins:?}");
        assert!(!kept.contains(&first) && !kept.contains(&second), "{kept}");
        for other in ["", &first[1..], &first.to_uppercase(), &first.replace(&first[..1], "x"), &"0".repeat(64)] {
            assert!(logins.find(at(2), other).is_none(), "{other}");
        }
        assert!(logins.end(&first).is_some() && logins.end(&first).is_none());
        assert!(logins.find(at(2), &first).is_none() && logins.find(at(2), &second).is_some());
    }

    #[test]
    fn a_cookie_ends_when_it_is_not_shown_or_after_thirty_days() {
        let mut logins = Logins::default();
        let cookie = logins.begin(at(0), user("anna")).unwrap();
        let (hour, day) = (3600, 86_400);
        let mut now = 0;
        while now + 23 * hour < 30 * day {
            now += 23 * hour;
            assert!(logins.find(at(now), &cookie).is_some(), "{now}");
        }
        let playing = logins.find(at(now), &cookie).unwrap();
        assert!(playing.ends() == at(30 * day) && logins.find(at(30 * day), &cookie).is_none());
        assert_eq!(playing.ends(), Instant::default());
        let cookie = logins.begin(at(0), user("anna")).unwrap();
        // What plays all the while keeps it.
        let playing = logins.find(at(0), &cookie).unwrap();
        assert!(logins.find(at(25 * hour), &cookie).is_some());
        drop(playing);
        assert!(logins.find(at(49 * hour), &cookie).is_none());
    }

    #[test]
    fn there_are_so_many_of_a_user_and_of_all() {
        let mut logins = Logins::default();
        let first = logins.begin(at(0), user("anna")).unwrap();
        let playing = logins.find(at(0), &first).unwrap();
        let other = logins.begin(at(0), user("otto")).unwrap();
        let anna = user("anna");
        for second in 0..10_000 {
            logins.begin(at(1), anna.clone()).unwrap();
            assert!(logins.find(at(second / 10), &other).is_some(), "one who logs in often drives nobody else out");
        }
        assert_eq!((logins.0.len(), playing.ends()), (MOST_OF_ONE + 1, Instant::default()));
        for number in logins.0.len()..MOST {
            let user = Known { name: number.to_string(), ..anna.clone() };
            let login = Arc::new(Login { user: Arc::new(user), begun: at(2000), is_over: AtomicBool::new(false) });
            logins.0.insert(hash(&format!("{number:064}")).unwrap(), Held { login, shown: at(2000) });
        }
        let last = user("last");
        for _ in 0..MOST_OF_ONE + 1 {
            logins.begin(at(2000), last.clone()).unwrap();
        }
        assert_eq!(logins.0.len(), MOST);
        assert!(logins.find(at(2000), &other).is_some() && logins.find(at(2000), &first).is_none());
        logins.retain(|user| *user == last);
        assert_eq!(logins.0.len(), MOST_OF_ONE);
    }
}
