//! Where a stream is: the URL that is asked for, and what of it may be shown, and written down.

use mutoscope::wire::url::Url;
use mutoscope_std::client::{Client, Error, Options, without_credentials};
use mutoscope_std::input::expand_url;
use std::fmt;

/// An example for those who have typed nothing.
const EXAMPLE: &str = "rtsp://192.168.1.20:8554/camera";

/// A URL that a client takes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) url: String,
    /// As it may be shown to anybody.
    pub(crate) shown: String,
    /// Whether it is that of the command line, which the user and the password there are for.
    pub(crate) is_given: bool,
}

/// As it may be shown to anybody.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Address {
    /// As it stands on the command line, where `${VARIABLE}` is a value of the environment.
    ///
    /// # Errors
    /// A sentence without a password in it.
    pub(crate) fn given(text: &str) -> Result<Self, String> {
        Self::given_with(text, &|name| std::env::var(name).ok())
    }

    pub(crate) fn given_with(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let url = with_scheme(&expand_url(text, lookup).map_err(|error| error.to_string())?);
        // Values may be secret wherever they stand; only what is a variable from end to end has nothing else to be shown by.
        let is_whole = text.starts_with("${") && text.ends_with('}') && text.matches("${").count() == 1;
        let shown = without_credentials(&if is_whole { url.clone() } else { with_scheme(text) });
        match Client::new(Options::new(url.clone())) {
            Err(Error::Url(_)) if text.contains("${") => {
                Err("with the values of its variables this is not a URL of the form rtsp://HOST:PORT/NAME".to_owned())
            }
            Err(error @ (Error::Url(_) | Error::Credentials)) => Err(error.to_string()),
            _ => Ok(Self { url, shown, is_given: true }),
        }
    }

    /// The one that is made of a host, a port and a name.
    pub(crate) fn of_parts(url: String) -> Self {
        Self { shown: without_credentials(&url), url, is_given: true }
    }

    /// As it was typed, pasted, dropped, kept or heard. Strangers may have written it, so that it gets nothing of the environment.
    ///
    /// # Errors
    /// Why it cannot be the address of a stream, in a sentence without a password in it.
    pub(crate) fn typed(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_matches(['"', '\'', '<', '>']).trim();
        if let Some(why) = objection(text) {
            return Err(why);
        }
        let url = with_scheme(text);
        match Client::new(Options::new(url.clone())) {
            Err(Error::Url(_)) => Err(flaw(&url).to_owned()),
            Err(Error::Credentials) => Err("The user or the password in it cannot be sent.".to_owned()),
            _ => Ok(Self { shown: without_credentials(&url), url, is_given: false }),
        }
    }

    /// Whether a text that was not meant for the player is an address all the same.
    pub(crate) fn is_likely(text: &str) -> bool {
        let text = text.trim().to_ascii_lowercase();
        (text.starts_with("rtsp://") || text.starts_with("rtsps://")) && !text.contains(char::is_whitespace)
    }

    /// The first address in a line of a file: `URL=rtsp://…`, `a=control:rtsp://…`, or the line itself.
    pub(crate) fn in_line(line: &str) -> Option<&str> {
        let lower = line.to_ascii_lowercase();
        let start = ["rtsps://", "rtsp://"].iter().filter_map(|scheme| lower.find(scheme)).min()?;
        let rest = line.get(start..)?;
        rest.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>')).next()
    }

    /// What of it may be written down: no user, no password, and nothing of the query that may be secret. `None`: it has values of the
    /// environment, and is for the command line, or its path has something secret.
    pub(crate) fn kept(&self) -> Option<String> {
        if self.shown.contains("${") {
            return None;
        }
        let url = Url::parse(&self.shown)?.to_string();
        let (before, query) = url.split_once('?').unwrap_or((&url, ""));
        // Some cameras want the password in the path.
        if before.split(['/', '&', '_', ';']).any(|part| part.contains('=') && is_secret(part)) {
            return None;
        }
        let plain: Vec<&str> = query.split('&').filter(|part| !part.is_empty() && !is_secret(part)).collect();
        Some(if plain.is_empty() { before.to_owned() } else { format!("{before}?{}", plain.join("&")) })
    }
}

/// A URL without a scheme means the usual one.
fn with_scheme(text: &str) -> String {
    if text.contains("://") { text.to_owned() } else { format!("rtsp://{text}") }
}

/// Why a text is no address, where that can be told from its look.
fn objection(text: &str) -> Option<String> {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let is_file = text.starts_with(['/', '~', '.']) || scheme.as_deref() == Some("file");
    Some(match scheme.as_deref() {
        _ if text.is_empty() => format!("Type where the stream is, such as {EXAMPLE}"),
        _ if is_file => "The player plays what a server sends. This serves a file: mutoscope-server FILE".to_owned(),
        _ if text.contains("${") => "Variables are for the command line.".to_owned(),
        Some("rtsp" | "rtsps") | None => return None,
        Some("http" | "https") => "That is for a browser: the player opens rtsp:// and rtsps://".to_owned(),
        Some(_) => "The player opens rtsp:// and rtsps:// only.".to_owned(),
    })
}

/// What is wrong with a URL that no client takes.
fn flaw(url: &str) -> &'static str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = host.rsplit_once(']').map_or(host, |(_, port)| port).split_once(':').map(|(_, port)| port);
    if url.contains(char::is_whitespace) {
        "An address has no spaces: in a name they are written %20"
    } else if host.is_empty() || host.starts_with(':') {
        "There is no host in it: rtsp://HOST:PORT/NAME"
    } else if host.starts_with('[') && !host.contains(']') {
        "The bracket of its host is not closed."
    } else if port.is_some_and(|port| port.parse::<u16>().map_or(!port.is_empty(), |port| port == 0)) {
        "Its port is no number from 1 to 65535."
    } else if rest.contains('%') {
        "A % in it is followed by two digits: %25 means the character itself."
    } else {
        "This is no address of the form rtsp://HOST:PORT/NAME"
    }
}

/// Whether a part of a query may say who somebody is.
fn is_secret(part: &str) -> bool {
    const WORDS: [&str; 14] = [
        "pass", "pw", "psw", "token", "secret", "auth", "key", "sig", "user", "usr", "login", "session", "jwt", "cred",
    ];
    let name = part.split('=').next().unwrap_or_default().to_ascii_lowercase();
    // An escape may hide what it is.
    name.contains('%') || WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_gets_its_scheme_and_no_value_of_the_environment() {
        for (text, url) in [
            ("cam", "rtsp://cam"),
            (" cam:8554/a%20b \n", "rtsp://cam:8554/a%20b"),
            ("RTSP://cam/x", "RTSP://cam/x"),
            ("<rtsps://cam/x?channel=1>", "rtsps://cam/x?channel=1"),
            ("[::1]:8554/x", "rtsp://[::1]:8554/x"),
        ] {
            let typed = Address::typed(text).unwrap();
            assert_eq!((typed.url.as_str(), typed.is_given), (url, false));
        }
        let typed = Address::typed("anna:hunter2@cam/x").unwrap();
        assert_eq!((typed.url.as_str(), typed.shown.as_str()), ("rtsp://anna:hunter2@cam/x", "rtsp://cam/x"));
        assert_eq!(format!("{typed:?}"), "rtsp://cam/x");
    }

    #[test]
    fn what_cannot_be_an_address_says_why() {
        for (text, why) in [
            ("  ", "Type where the stream is"),
            ("http://cam/x", "That is for a browser"),
            ("ftp://cam/x", "The player opens rtsp://"),
            ("/films/film.mjpeg", "The player plays what a server sends"),
            ("file:///film.mjpeg", "The player plays what a server sends"),
            ("rtsp://cam/${HOME}", "Variables are for the command line"),
            ("rtsp://", "There is no host"),
            ("rtsp://anna:hunter2@/x", "There is no host"),
            ("cam/a b", "An address has no spaces"),
            ("cam:99999/x", "Its port is no number"),
            ("rtsp://anna:hunter2@cam:x/y", "Its port is no number"),
            ("rtsp://[::1/x", "The bracket"),
            ("cam/100%", "A % in it"),
            ("rtsp://anna:hunter2%00@cam/x", "The user or the password"),
        ] {
            let error = Address::typed(text).unwrap_err();
            assert!(error.starts_with(why) && !error.contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn addresses_are_found_in_lines_of_files() {
        for (line, found) in [
            ("rtsp://cam/x", Some("rtsp://cam/x")),
            ("URL=rtsp://cam/x\r", Some("rtsp://cam/x")),
            ("a=control:rtsps://cam/x/", Some("rtsps://cam/x/")),
            ("<a href=\"RTSP://cam/x\">camera</a>", Some("RTSP://cam/x")),
            ("#EXTINF:-1,İ rtsp://cam/x", Some("rtsp://cam/x")),
            ("http://cam/x", None),
        ] {
            assert_eq!(Address::in_line(line), found);
        }
        assert!(Address::is_likely("\nrtsp://cam/x ") && !Address::is_likely("rtsp://cam x"));
        assert!(!Address::is_likely("see rtsp://cam/x"));
    }

    #[test]
    fn nothing_secret_is_kept() {
        let kept = |text: &str| Address::typed(text).unwrap().kept();
        for (text, url) in [
            ("rtsp://anna:hunter2@cam/x", "rtsp://cam/x"),
            ("rtsp://anna:hun@ter2@cam/x", "rtsp://cam/x"),
            ("rtsp://cam/x?token=hunter2", "rtsp://cam/x"),
            ("rtsp://cam/x?channel=1&Password=hunter2&subtype=0", "rtsp://cam/x?channel=1&subtype=0"),
            ("rtsp://cam/x?p%61ssword=hunter2", "rtsp://cam/x"),
            ("rtsp://cam/x?pw=hunter2&jwt=hunter2&codec=1", "rtsp://cam/x?codec=1"),
            ("rtsp://cam/x#hunter2", "rtsp://cam/x"),
        ] {
            assert_eq!(kept(text).as_deref(), Some(url));
        }
        assert_eq!(kept("rtsp://cam/user=admin&password=hunter2&channel=1"), None);
        assert_eq!(kept("rtsp://cam/user=admin_password=hunter2_channel=1.sdp?real_stream"), None);
        assert_eq!(kept("rtsp://cam/channel=1/keynote").as_deref(), Some("rtsp://cam/channel=1/keynote"));
        let value = |_: &str| Some("hunter2".to_owned());
        assert_eq!(Address::given_with("rtsp://cam/x?a=${TOKEN}", &value).unwrap().kept(), None);
    }
}
