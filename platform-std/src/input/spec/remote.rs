//! URLs of inputs, taken apart with their secrets.

use std::fmt::{self, Write as _};

use mutoscope::auth::{Credentials, Unfit};
use mutoscope::session::client::MAX_URL;
use mutoscope::wire::url::Url;

use super::super::redact::redact_whole;
use super::error::SpecError;
use super::escapes::{self, is_blank};
use super::variables::Variables;

const BAD_HOST: &str = "the host or its port is wrong";

/// Where an input is in the network. What is printed of it holds no secret.
#[derive(Clone)]
pub struct Remote {
    scheme: &'static str,
    host: String,
    port: Option<u16>,
    target: String,
    credentials: Option<Credentials>,
    /// What is printed of it.
    shown: String,
}

impl Remote {
    /// Reads what stands behind `scheme://`.
    pub(super) fn parse(scheme: &'static str, text: &str, variables: &mut Variables<'_>) -> Result<Self, SpecError> {
        let wrong = |why| SpecError::Url { why };
        let end = authority_len(text);
        let (authority, target) = text.split_at(end);
        let (user_info, host_port) =
            authority.rsplit_once('@').map_or((None, authority), |(user_info, host)| (Some(user_info), host));
        let credentials = user_info.map(|text| credentials(text, variables)).transpose()?;
        let host_port = variables.expand(host_port)?;
        let (host, port) = split_port(&host_port).ok_or(wrong(BAD_HOST))?;
        if host.is_empty() || host.contains(is_blank) {
            return Err(wrong(if host.is_empty() { "it has no host" } else { "there is a space in its host" }));
        }
        escapes::check(target).map_err(wrong)?;
        let target =
            escapes::escape(&variables.expand_with(target, |value, out| out.push_str(&escapes::escape(value)))?);
        let target = if target.starts_with('/') { target } else { format!("/{target}") };
        let shown = redact_whole(&format!("{scheme}://{text}"));
        let remote = Self { scheme, host: host.to_owned(), port, target, credentials, shown };
        if scheme.starts_with("rtsp") {
            remote.check_rtsp().map_err(wrong)?;
        }
        Ok(remote)
    }

    /// What the client would find wrong with it later.
    fn check_rtsp(&self) -> Result<(), &'static str> {
        let url = self.url();
        match Url::parse(&url) {
            None => Err(BAD_HOST),
            Some(_) if url.len() > MAX_URL => Err("it is longer than 256 bytes, with the values of its variables"),
            Some(_) => Ok(()),
        }
    }

    /// The scheme, in small letters.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Whether it is inside of TLS.
    pub fn is_secure(&self) -> bool {
        self.scheme.ends_with('s')
    }

    /// The host, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where the URL has one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Path and query, as a request has them. They may hold secrets.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// User and password, where the URL has them.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Host and port as a `Host` header has them.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        self.port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
    }

    /// The URL without user and password. Its query may hold secrets.
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority(), self.target)
    }

    /// What is printed of it is `shown`.
    pub(super) fn shown_as(self, shown: &str) -> Self {
        Self { shown: shown.to_owned(), ..self }
    }

    /// The same place with another path and query, which a server told.
    pub(crate) fn with_target(&self, target: &str) -> Self {
        let target = escapes::escape(target);
        // It may hold what is not to be printed of the first one.
        Self { target, shown: format!("where {} leads", self.shown), ..self.clone() }
    }

    /// Another URL's scheme, host, port, path and query, with the same user and password. `text` is what stands behind `scheme://`; no
    /// variable in it means anything. `None`: it is no URL.
    pub(crate) fn parse_other(&self, scheme: &'static str, text: &str) -> Option<Self> {
        let (authority, target) = text.split_at(authority_len(text));
        let text = authority.replace("${", "$%7B") + &escapes::escape(target);
        let other = Self::parse(scheme, &text, &mut Variables::new(&|_| None)).ok()?;
        let shown = format!("where {} leads", self.shown);
        Some(Self { credentials: self.credentials.clone(), shown, ..other })
    }
}

/// The URL as it was written: variables by their names, without user info, and without the values in its query.
impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({self})")
    }
}

/// A URL with the values of its variables: `${VARIABLE}` is what `lookup` finds. In user and password, and behind the host, a value
/// is taken as it is, whatever characters it has: it is percent-encoded. A variable may also be the whole URL.
///
/// ```
/// use mutoscope_std::input::expand_url;
///
/// let lookup = |name: &str| (name == "PASSWORD").then(|| "h@n/er:2".to_owned());
/// let url = expand_url("rtsp://anna:${PASSWORD}@cam/x", &lookup)?;
/// assert_eq!(url, "rtsp://anna:h%40n%2Fer%3A2@cam/x");
/// # Ok::<(), mutoscope_std::input::SpecError>(())
/// ```
///
/// # Errors
/// A variable that is not set, or is none. The error holds no value.
pub fn expand_url(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, SpecError> {
    let mut variables = Variables::new(lookup);
    let is_whole = text.starts_with("${") && text.find('}').is_some_and(|end| end + 1 == text.len());
    if is_whole || !text.contains("${") {
        return variables.expand(text);
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains("${") => (format!("{scheme}://"), rest),
        _ => (String::new(), text),
    };
    let (authority, target) = rest.split_at(authority_len(rest));
    let mut url = scheme;
    let host_port = match authority.rsplit_once('@') {
        Some((user_info, host_port)) => {
            url.push_str(&variables.expand_with(user_info, percent_encode)?);
            url.push('@');
            host_port
        }
        None => authority,
    };
    url.push_str(&variables.expand(host_port)?);
    url.push_str(&variables.expand_with(target, |value, out| out.push_str(&escapes::escape(value)))?);
    Ok(url)
}

fn percent_encode(value: &str, out: &mut String) {
    for byte in value.bytes() {
        match char::from(byte) {
            c if c.is_ascii_alphanumeric() || "-._~".contains(c) => out.push(c),
            _ => _ = write!(out, "%{byte:02X}"),
        }
    }
}

/// How long user info, host and port are. A password may be a variable, and a raw `@` or `/` in it is the user's mistake.
fn authority_len(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' if text[..at].ends_with('$') => depth = 1,
            '}' => depth = 0,
            '/' | '?' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(literal) => {
            let (host, port) = literal.split_once(']')?;
            (host, if port.is_empty() { "" } else { port.strip_prefix(':')? })
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = if port.is_empty() { None } else { Some(port.parse().ok().filter(|&port| port > 0 && is_number)?) };
    Some((host, port))
}

/// Percent escapes are undone in what was written; values of variables are taken as they are.
fn credentials(text: &str, variables: &mut Variables<'_>) -> Result<Credentials, SpecError> {
    if let Some((_, password)) = text.split_once(':').filter(|(_, password)| !password.contains("${")) {
        variables.used.add(password, "…");
    }
    let encoded = variables.expand_with(text, percent_encode)?;
    Credentials::from_user_info(&encoded).map_err(|unfit| SpecError::Url {
        why: match unfit {
            Unfit::TooLong => "its user or its password is too long",
            _ => "its user or its password has characters that cannot be sent",
        },
    })
}
