//! Which hosts and origins are ours. A browser tells in `Host` by which name it came here, and in `Origin` and `Sec-Fetch-Site` which page
//! made it come. A name that somebody points at this machine (DNS rebinding), and the page of another site, are not answered: both would
//! read what the user of the browser may see.

use std::net::{IpAddr, SocketAddr};

use crate::server::machine_name;

/// The names by which a server may be called.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Lowercase, without brackets.
    names: Vec<String>,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// It does not say by which name it came, or by two.
    NoHost,
    /// By another one than ours.
    Host,
    /// A page of another site made it.
    Origin,
}

impl Foreign {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::NoHost => "the request names no host",
            Self::Host => {
                "this server does not answer to that name: use its address, or tell it the name with --http-name"
            }
            Self::Origin => "a page of another site may not ask for this",
        }
    }
}

/// What a browser says of where a request comes from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Claims<'a> {
    /// `Host`, or the authority of the request's target.
    pub(super) host: Option<&'a str>,
    pub(super) origin: Option<&'a str>,
    /// `Sec-Fetch-Site`.
    pub(super) site: Option<&'a str>,
    /// It came encrypted.
    pub(super) is_private: bool,
    /// The browser shows what comes, as a page or as a picture in one, and lets no other page read it.
    pub(super) is_shown: bool,
}

impl Claims<'_> {
    /// The browser itself says that a page of ours made the request. What is answered at all, and has an origin, has ours.
    pub(super) fn are_ours(self) -> bool {
        self.origin.is_some() || self.site == Some("same-origin")
    }
}

impl Names {
    /// The names that a machine has anyway, and these.
    pub(super) fn new(more: &[String]) -> Self {
        let machine = machine_name().to_lowercase();
        let mut names = vec!["localhost".to_owned(), format!("{machine}.local"), machine];
        names.extend(more.iter().map(|name| name.trim_matches(['[', ']']).to_lowercase()));
        names.retain(|name| !name.is_empty() && name != ".local");
        Self { names }
    }

    /// Whether a request may be answered on the connection that ends at `local`.
    pub(super) fn judge(&self, claims: Claims<'_>, local: SocketAddr) -> Result<(), Foreign> {
        let host = claims.host.ok_or(Foreign::NoHost)?;
        if !self.has(host, local.ip()) {
            return Err(Foreign::Host);
        }
        // A link elsewhere only opens the page, and the page of a printer may show its camera.
        if claims.is_shown && claims.origin.is_none() {
            return Ok(());
        }
        let is_same_site = claims.site.is_none_or(|site| matches!(site, "same-origin" | "none"));
        let is_same_origin = claims.origin.is_none_or(|origin| {
            // In front of a port without encryption there may be a proxy that has it.
            let is_scheme = |scheme| !claims.is_private || scheme == "https";
            let parts = origin.split_once("://");
            parts.is_some_and(|(scheme, authority)| is_scheme(scheme) && authority.eq_ignore_ascii_case(host))
        });
        if is_same_site && is_same_origin { Ok(()) } else { Err(Foreign::Origin) }
    }

    /// Whether this name is ours. An address that the connection ends at is: nobody can point that elsewhere.
    fn has(&self, host: &str, local: IpAddr) -> bool {
        let Some(name) = name_of(host) else { return false };
        if let Ok(address) = name.parse::<IpAddr>() {
            return address.to_canonical() == local.to_canonical() || self.names.iter().any(|known| known == name);
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// The name in `name[:port]`, without the brackets of an IPv6 address.
fn name_of(host: &str) -> Option<&str> {
    if let Some(rest) = host.strip_prefix('[') {
        let (name, port) = rest.split_once(']')?;
        return (port.is_empty() || is_port(port.strip_prefix(':')?)).then_some(name);
    }
    match host.split_once(':') {
        Some((name, port)) => is_port(port).then_some(name),
        None => Some(host),
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && (text.is_empty() || text.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(host: &str, claims: Claims<'_>) -> Result<(), Foreign> {
        let names = Names::new(&["cams.example".to_owned(), "203.0.113.9".to_owned()]);
        names.judge(Claims { host: Some(host), ..claims }, "192.0.2.1:8080".parse().unwrap())
    }

    #[test]
    fn only_our_own_names_are_answered() {
        for ours in [
            "192.0.2.1:8080",
            "192.0.2.1",
            "localhost:1",
            "LocalHost",
            "cams.example.",
            "Cams.Example:80",
            "203.0.113.9:",
        ] {
            assert_eq!(judge(ours, Claims::default()), Ok(()), "{ours}");
        }
        for other in [
            "evil.example",
            "192.0.2.2",
            "localhost.evil.example",
            "",
            "localhost:x",
            "localhost:99999",
            "[::1",
            "[::1]x",
            "a@localhost",
        ] {
            assert_eq!(judge(other, Claims::default()), Err(Foreign::Host), "{other}");
        }
        let names = Names::new(&[]);
        let claims = Claims { host: Some("[::1]:80"), ..Claims::default() };
        assert_eq!(names.judge(claims, "[::1]:80".parse().unwrap()), Ok(()));
        assert_eq!(names.judge(Claims::default(), "[::1]:80".parse().unwrap()), Err(Foreign::NoHost));
        // A socket for both kinds of addresses shows those of IPv4 in IPv6.
        let claims = Claims { host: Some("127.0.0.1"), ..Claims::default() };
        assert_eq!(names.judge(claims, "[::ffff:127.0.0.1]:80".parse().unwrap()), Ok(()));
    }

    #[test]
    fn pages_of_other_sites_are_not_answered() {
        let host = "192.0.2.1:8080";
        let of = |origin| Claims { origin: Some(origin), ..Claims::default() };
        assert_eq!(judge(host, of("http://192.0.2.1:8080")), Ok(()));
        for other in ["http://evil.example", "null", "http://192.0.2.1", "http://192.0.2.1:8081", "192.0.2.1:8080"] {
            assert_eq!(judge(host, of(other)), Err(Foreign::Origin), "{other}");
        }
        // One that came without encryption, where anybody may have changed it.
        let private = |origin| Claims { is_private: true, ..of(origin) };
        assert_eq!(judge(host, private("https://192.0.2.1:8080")), Ok(()));
        assert_eq!(judge(host, private("http://192.0.2.1:8080")), Err(Foreign::Origin));
        let from = |site, is_shown| Claims { site: Some(site), is_shown, ..Claims::default() };
        assert_eq!(judge(host, from("same-origin", false)), Ok(()));
        assert_eq!(judge(host, from("none", false)), Ok(()));
        // A script of another page.
        assert_eq!(judge(host, from("cross-site", false)), Err(Foreign::Origin));
        assert_eq!(judge(host, from("same-site", false)), Err(Foreign::Origin));
        // A link on another page, or an image, which that page cannot read; with an Origin it could.
        assert_eq!(judge(host, from("cross-site", true)), Ok(()));
        let readable = Claims { origin: Some("http://evil.example"), ..from("cross-site", true) };
        assert_eq!(judge(host, readable), Err(Foreign::Origin));
    }
}
