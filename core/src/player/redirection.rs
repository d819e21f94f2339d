//! Servers that have what is wanted elsewhere: load balancers, and cameras that have moved.

use crate::session::client::{Error, MAX_URL};
use crate::wire::rtsp::StatusCode;
use crate::wire::url::Url;
use core::fmt::Write;
use heapless::String;

/// The most that are followed one after the other.
const MOST: u8 = 5;

/// Whether an answer says to ask elsewhere. RFC 2326 has 301, 302 and 303; servers that were made for HTTP say 307 and 308.
pub(super) fn is_redirection(status: StatusCode) -> bool {
    matches!(status.0, 301 | 302 | 303 | 307 | 308)
}

/// The way from the URL that was given to where it has led.
#[derive(Debug)]
pub(super) struct Redirections {
    /// The URL that was given, without user and password.
    home: String<MAX_URL>,
    followed: u8,
}

impl Redirections {
    pub(super) fn new(home: &str) -> Result<Self, Error> {
        Ok(Self { home: String::try_from(home).map_err(|_| Error::UrlTooLong)?, followed: 0 })
    }

    /// The URL that `location` means to who has asked for `current`. User and password in it are left out: these come from the
    /// user alone. `None`: it is none that can be asked for here, one too many, or one that leads out of TLS: what was to be
    /// private stays so.
    pub(super) fn resolve(&self, location: &str, current: &str) -> Option<String<MAX_URL>> {
        let mut url = String::new();
        let location = location.trim_matches([' ', '\t', '"', '<', '>']);
        match Url::parse(location) {
            Some(absolute) => write!(url, "{absolute}").ok()?,
            // Some give a path alone, as HTTP allows.
            None if location.starts_with('/') => {
                let (scheme, rest) = current.split_once("://")?;
                let host = rest.split(['/', '?']).next()?;
                write!(url, "{scheme}://{host}{location}").ok()?;
                Url::parse(&url)?;
            }
            None => return None,
        }
        let is_secure = |url: &str| Url::parse(url).is_some_and(|url| url.is_secure());
        (self.followed < MOST && (is_secure(&url) || !is_secure(current))).then_some(url)
    }

    /// Whether this is on another server than the URL that was given: another host by name, or another port.
    pub(super) fn leads_elsewhere(&self, url: &str) -> bool {
        let (Some(home), Some(there)) = (Url::parse(&self.home), Url::parse(url)) else { return true };
        !home.host().eq_ignore_ascii_case(there.host()) || home.port_or_default() != there.port_or_default()
    }

    /// One more is followed.
    pub(super) fn count(&mut self) {
        self.followed = self.followed.saturating_add(1);
    }

    /// The URL that was given, if another one is meant now. From now on it is meant again.
    pub(super) fn forget(&mut self) -> Option<&str> {
        (core::mem::take(&mut self.followed) > 0).then_some(&self.home)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn locations_are_resolved_and_lose_their_passwords() {
        let redirections = Redirections::new("rtsp://cam/x").unwrap();
        let resolved = |location: &str| redirections.resolve(location, "rtsp://cam:8554/x?y");
        for (location, url) in [
            ("rtsp://other:554/y", "rtsp://other:554/y"),
            (" <rtsp://u:p@other/y> ", "rtsp://other/y"),
            ("/new?z", "rtsp://cam:8554/new?z"),
            ("rtsps://cam/x", "rtsps://cam/x"),
        ] {
            assert_eq!(resolved(location).as_deref(), Some(url), "{location}");
        }
        for location in ["", "y", "http://cam/x", "rtspu://cam/x", "rtsp://", "/a b", "//\u{7f}"] {
            assert_eq!(resolved(location), None, "{location}");
        }
        assert_eq!(resolved(&format!("rtsp://cam/{}", "x".repeat(MAX_URL))), None);
    }

    #[test]
    fn nothing_leads_out_of_tls() {
        let redirections = Redirections::new("rtsps://cam/x").unwrap();
        let resolved = |location: &str| redirections.resolve(location, "RTSPS://cam/x");
        assert_eq!(resolved("/y").as_deref(), Some("RTSPS://cam/y"));
        assert_eq!(resolved("rtsps://other/y").as_deref(), Some("rtsps://other/y"));
        assert_eq!(resolved("rtsp://cam/y"), None);
    }

    #[test]
    fn another_port_is_another_server() {
        let redirections = Redirections::new("rtsp://Cam/x").unwrap();
        for (url, elsewhere) in [
            ("rtsp://cam:554/y", false),
            ("rtsp://cam:8554/x", true),
            ("rtsp://cam.evil.example/x", true),
            ("rtsp://192.0.2.1/x", true),
            ("rtsps://cam/x", true),
            ("rtsps://cam:554/x", false),
        ] {
            assert_eq!(redirections.leads_elsewhere(url), elsewhere, "{url}");
        }
    }

    #[test]
    fn they_come_to_an_end() {
        let mut redirections = Redirections::new("rtsp://cam/x").unwrap();
        assert_eq!(redirections.forget(), None, "it has led nowhere yet");
        for _ in 0..MOST {
            assert!(redirections.resolve("/y", "rtsp://cam/x").is_some());
            redirections.count();
        }
        assert_eq!(redirections.resolve("/y", "rtsp://cam/x"), None);
        assert_eq!(redirections.forget(), Some("rtsp://cam/x"));
        assert!(redirections.resolve("/y", "rtsp://cam/x").is_some());
    }
}
