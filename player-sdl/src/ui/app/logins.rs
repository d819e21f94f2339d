//! Names and passwords that were typed into the window, each for one server, until the player ends. They are written nowhere.

use mutoscope::wire::url::Url;
use mutoscope_std::client::{Answer, Credentials};
use std::fmt;

/// A server, as far as it decides on who is told a password: what is said in TLS is not said outside of it.
#[derive(Clone, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
    is_secure: bool,
}

impl Place {
    fn of(url: &str) -> Option<Self> {
        let url = Url::parse(url)?;
        let (host, port) = (url.host().to_ascii_lowercase(), url.port_or_default());
        Some(Self { host, port, is_secure: url.is_secure() })
    }
}

/// What was typed last for each server.
#[derive(Default)]
pub(super) struct Logins(Vec<(Place, Credentials)>);

/// Without what was typed.
impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logins").field("count", &self.0.len()).finish()
    }
}

impl Logins {
    /// Keeps what was answered to the server of this URL, if that was a name and a password.
    pub(super) fn keep(&mut self, url: &str, answer: &Answer) {
        let Answer::Credentials { user, password } = answer else { return };
        if let (Some(place), Ok(credentials)) = (Place::of(url), Credentials::new(user, password)) {
            self.0.retain(|(other, _)| *other != place);
            self.0.push((place, credentials));
        }
    }

    /// What was typed for the server of this URL. A URL that says itself who asks needs none.
    pub(super) fn of(&self, url: &str) -> Option<Credentials> {
        if Url::parse(url)?.user_info().is_some_and(|info| !info.is_empty()) {
            return None;
        }
        let place = Place::of(url)?;
        self.0.iter().find(|(other, _)| *other == place).map(|(_, credentials)| credentials.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_is_told_what_was_typed_for_it_and_no_other_one_is() {
        let mut logins = Logins::default();
        let answer = |password: &str| Answer::Credentials { user: "anna".into(), password: password.into() };
        logins.keep("rtsp://cam/a", &answer("wrong"));
        logins.keep("rtsp://CAM:554/b", &answer("hunter2"));
        logins.keep("rtsp://cam/c", &Answer::Trust);
        let known = Credentials::new("anna", "hunter2").ok();
        assert_eq!((logins.of("rtsp://cam/d"), logins.of("rtsp://cam:554/")), (known.clone(), known));
        for other in ["rtsps://cam/a", "rtsp://cam:8554/a", "rtsp://cam.example/a", "rtsp://bob@cam/a", "nonsense"] {
            assert_eq!(logins.of(other), None, "{other}");
        }
        assert!(!format!("{logins:?}").contains("hunter2"));
    }
}
