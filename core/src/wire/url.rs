//! `rtsp://` and `rtsps://` URLs and the paths in them (RFC 2326 section 3.2, RFC 3986).
//!
//! Nothing is decoded into a buffer. A [`Path`] undoes percent escapes one by one while it is compared.

use super::text::{decimal, displays_as, strip_prefix_ignore_case, trim};
use core::fmt::{self, Display};

/// A checked view of an absolute RTSP URL: `rtsp://host[:port][/path][?query]`, or the same with `rtsps`, which is RTSP in TLS.
/// It may have user info, which `Display` leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url<'a> {
    scheme: &'a str,
    user_info: Option<&'a str>,
    /// Host and port as written.
    host_port: &'a str,
    host: &'a str,
    port: Option<u16>,
    /// From the slash after the host to the end.
    tail: &'a str,
}

impl<'a> Url<'a> {
    /// Checks `text`. `None` if it is not an absolute RTSP URL, or holds NUL, control characters or spaces, a bad percent
    /// escape, or a bad port.
    pub fn parse(text: &'a str) -> Option<Self> {
        let rest = strip_prefix_ignore_case(text, "rtsp")?;
        let rest = strip_prefix_ignore_case(rest, "s").unwrap_or(rest).strip_prefix("://")?;
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) || !escapes_are_valid(text) {
            return None;
        }
        let (scheme, _) = text.split_at_checked(text.len().checked_sub(rest.len())?)?;
        let (authority, tail) = rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len()))?;
        // A password may hold a raw `@`; the host begins after the last.
        let (user_info, host_port) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        let (host, port) = match host_port.strip_prefix('[') {
            Some(literal) => {
                let (host, port) = literal.split_once(']')?;
                (host, if port.is_empty() { "" } else { port.strip_prefix(':')? })
            }
            None => host_port.split_once(':').unwrap_or((host_port, "")),
        };
        if host.is_empty() || host.contains(['[', ']']) {
            return None;
        }
        let port = if port.is_empty() { None } else { Some(decimal(port).filter(|&port| port > 0)?) };
        Some(Self { scheme, user_info, host_port, host, port, tail })
    }

    /// Host as written, without the brackets of an IPv6 address.
    pub fn host(&self) -> &'a str {
        self.host
    }

    /// The port, if one is given.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The port to connect to: the one that is given, or the scheme's (RFC 2326 section 3.2, and RFC 7826 section 22.14.3 for TLS).
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(if self.is_secure() { 322 } else { 554 })
    }

    /// Whether it is `rtsps://`: everything on the connection is inside of TLS.
    pub fn is_secure(&self) -> bool {
        self.scheme.len() > "rtsp://".len()
    }

    /// `user[:password]` as written, percent-encoded.
    pub fn user_info(&self) -> Option<&'a str> {
        self.user_info
    }

    /// The path: it follows the host and ends before a query or fragment.
    pub fn path(&self) -> Path<'a> {
        Path::new(self.tail)
    }

    /// The query as written: it stands between `?` and a fragment.
    pub fn query(&self) -> Option<&'a str> {
        let (_, query) = without_fragment(self.tail).split_once('?')?;
        Some(query)
    }
}

/// Writes the URL for requests: without user info, which must not go out, and without a fragment, which means nothing there.
impl Display for Url<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme)?;
        f.write_str(self.host_port)?;
        f.write_str(without_fragment(self.tail))
    }
}

/// A checked view of what a request line names: a URL of any of RTSP's schemes, or a path alone. A server is asked by what
/// it is reached by, so scheme, host and port say nothing to it, and it is not particular about them: they may be empty, or
/// those of a gateway. Spaces, and a `%` that begins no escape, stand for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// Host and port as written; `None`: a path alone.
    host_port: Option<&'a str>,
    /// From the slash after the host to the end.
    tail: &'a str,
}

impl<'a> Target<'a> {
    /// The server itself.
    pub const SERVER: Self = Self { host_port: None, tail: "" };

    /// Checks `text`. `None` if it is neither an absolute URL of RTSP nor begins with a slash, or has control characters.
    pub fn parse(text: &'a str) -> Option<Self> {
        if text.chars().any(char::is_control) {
            return None;
        }
        if text.starts_with('/') {
            return Some(Self { host_port: None, tail: text });
        }
        let (scheme, rest) = text.split_once("://")?;
        // rtsp, rtspu, rtsps, rtspt
        let variant = strip_prefix_ignore_case(scheme, "rtsp")?;
        if variant.len() > 1 || !variant.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return None;
        }
        let (authority, tail) = rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len()))?;
        let host_port = authority.rsplit_once('@').map_or(authority, |(_, host_port)| host_port);
        Some(Self { host_port: Some(host_port), tail })
    }

    /// The path: it follows the host and ends before a query or fragment.
    pub fn path(&self) -> Path<'a> {
        Path::new(self.tail)
    }

    /// Whether it has a scheme and a host, so that other URLs can be made of it.
    pub fn is_absolute(&self) -> bool {
        self.host_port.is_some()
    }

    /// Whether the host is an IPv6 address.
    pub fn is_ipv6(&self) -> bool {
        self.host_port.is_some_and(|host_port| host_port.starts_with('['))
    }
}

/// The path of a URL (or a lab request's file name), still percent-encoded. It is compared with names, never opened as
/// a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path<'a> {
    text: &'a str,
}

impl<'a> Path<'a> {
    /// Wraps a path without query and fragment. Leading and trailing slashes carry no meaning, nor does a leading `./`.
    pub fn new(text: &'a str) -> Self {
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let mut text = path.trim_matches('/');
        // Clients of the lab write `./movie.Mjpeg`.
        while let Some(rest) = text.strip_prefix("./") {
            text = rest.trim_start_matches('/');
        }
        Self { text }
    }

    /// The path as written, without leading and trailing slashes.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// Whether the path is empty.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether it is `name` once percent escapes are undone. Segments `..` and `.` never match anything, `%2F` is not a
    /// separator, and `%00` matches nothing.
    ///
    /// A `%` that begins no escape stands for itself: file names of the lab dialect are not encoded.
    pub fn names(&self, name: &str) -> bool {
        let mut names = name.trim_matches('/').split('/');
        let mut segments = self.text.split('/');
        loop {
            match (segments.next(), names.next()) {
                (None, None) => return true,
                (Some(segment), Some(name)) if segment_names(segment, name) => {}
                _ => return false,
            }
        }
    }

    /// Whether `other` is the same path, however either of them is escaped.
    pub fn is_same(&self, other: Path<'_>) -> bool {
        let mut others = other.text.split('/');
        self.text.split('/').all(|segment| others.next().is_some_and(|other| decode(segment).eq(decode(other))))
            && others.next().is_none()
    }

    /// The bytes of each segment, with percent escapes undone. Whoever compares them has to refuse what [`names`](Self::names)
    /// refuses.
    pub fn segments(&self) -> impl Iterator<Item = impl Iterator<Item = u8> + use<'a>> + use<'a> {
        self.text.split('/').map(decode)
    }

    /// Splits off a last segment like `trackID=0`, the control URL of our one stream: `(rest, Some(track number))`. Other
    /// paths come back whole, with `None`.
    pub fn split_track(&self) -> (Path<'a>, Option<u32>) {
        let (rest, last) = self.text.rsplit_once('/').unwrap_or(("", self.text));
        match strip_prefix_ignore_case(last, "trackID=").and_then(decimal) {
            Some(track) => (Self::new(rest), Some(track)),
            None => (*self, None),
        }
    }
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text)
    }
}

/// The URL that a client asks for. It consists of a base and an `a=control` attribute of the description, which `Display`
/// combines (RFC 2326 appendix C.1.1).
///
/// A relative control is appended to the base with a slash between them, as ffmpeg, GStreamer and live555 do. (RFC 3986 would
/// replace the base's last segment, and servers do not expect that.) User info is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control<'a> {
    base: &'a str,
    /// The attribute's value. Empty means the base itself.
    control: &'a str,
}

impl<'a> Control<'a> {
    /// `request` is the URL that was described. `content_base` is the value of `Content-Base` or `Content-Location`; one
    /// that is not an absolute URL is ignored. `control` is the attribute's value; `*`, an empty and a missing one mean the
    /// base.
    pub fn resolve(request: &'a str, content_base: Option<&'a str>, control: Option<&'a str>) -> Self {
        let base = content_base.map(trim).filter(|base| Url::parse(base).is_some()).unwrap_or(request);
        match control.map(trim).unwrap_or_default() {
            "*" => Self { base, control: "" },
            absolute if is_absolute(absolute) => Self { base: absolute, control: "" },
            relative => Self { base, control: relative },
        }
    }

    /// Whether a URL, such as one of `RTP-Info`, means this one: it is equal, or it is relative and equal to this one's end.
    pub fn is_meant_by(&self, url: &str) -> bool {
        if is_absolute(url) {
            displays_as(self, url)
        } else {
            let own = if self.control.is_empty() { self.base } else { self.control };
            let url = url.trim_start_matches('/');
            !url.is_empty() && own.strip_suffix(url).is_some_and(|before| before.is_empty() || before.ends_with('/'))
        }
    }
}

impl Display for Control<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Url::parse(self.base) {
            Some(url) => url.fmt(f)?,
            None => f.write_str(self.base)?,
        }
        if self.control.is_empty() {
            return Ok(());
        }
        let slash = if without_fragment(self.base).ends_with('/') { "" } else { "/" };
        f.write_str(slash)?;
        f.write_str(self.control.trim_start_matches('/'))
    }
}

/// Whether text begins with a scheme and an authority.
pub(super) fn is_absolute(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

fn without_fragment(text: &str) -> &str {
    text.split('#').next().unwrap_or_default()
}

/// Whether every `%` is followed by two hexadecimal digits.
fn escapes_are_valid(text: &str) -> bool {
    text.split('%').skip(1).all(|after| escape(after.as_bytes()).is_some())
}

/// The byte whose value two hexadecimal digits give.
fn escape(digits: &[u8]) -> Option<u8> {
    let [high, low, ..] = *digits else { return None };
    let nibble = |digit| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some((nibble(high)? << 4) | nibble(low)?)
}

/// The bytes of a path segment with its escapes undone.
fn decode(segment: &str) -> impl Iterator<Item = u8> {
    let mut rest = segment.as_bytes();
    core::iter::from_fn(move || {
        let (&first, tail) = rest.split_first()?;
        match escape(tail).filter(|_| first == b'%') {
            Some(byte) => {
                rest = tail.get(2..).unwrap_or_default();
                Some(byte)
            }
            None => {
                rest = tail;
                Some(first)
            }
        }
    })
}

fn segment_names(segment: &str, name: &str) -> bool {
    let is_dots = decode(segment).eq(*b".") || decode(segment).eq(*b"..");
    !is_dots && decode(segment).eq(name.bytes()) && !name.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::{String, ToString};

    #[test]
    fn the_parts_of_a_url_are_found() {
        let cases = [
            ("rtsp://h", ("h", None, "", None)),
            ("RTSP://192.0.2.1:8554/movie.Mjpeg", ("192.0.2.1", Some(8554), "movie.Mjpeg", None)),
            ("rtsp://h:/a/b/?q=1/2", ("h", None, "a/b", Some("q=1/2"))),
            ("rtsp://h?q", ("h", None, "", Some("q"))),
            ("rtsp://[::1]:554//x#f?g", ("::1", Some(554), "x", None)),
            ("rtsp://[fe80::1%25eth0]", ("fe80::1%25eth0", None, "", None)),
            ("rtsp://user:p@ss@h:1/%41", ("h", Some(1), "%41", None)),
            ("rtsp://h/\u{e9}", ("h", None, "\u{e9}", None)),
        ];
        for (text, expected) in cases {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.host(), url.port(), url.path().as_str(), url.query()), expected, "{text:?}");
        }
        assert_eq!(Url::parse("rtsp://user:p@ss@h:1/x").unwrap().user_info(), Some("user:p@ss"));
    }

    #[test]
    fn tls_is_a_scheme_with_a_port_of_its_own() {
        for (text, port, is_secure) in [
            ("rtsp://h/x", 554, false),
            ("rtsp://s/x", 554, false),
            ("rtsps://h/x", 322, true),
            ("RTSPS://h:554/x", 554, true),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.port_or_default(), url.is_secure()), (port, is_secure), "{text:?}");
            assert_eq!(url.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_rtsp_url_is_refused() {
        for text in [
            "",
            "*",
            "movie.Mjpeg",
            "/x",
            "http://h/x",
            "rtspu://h/x",
            "rtspss://h/x",
            "rtsps:///x",
            "rtsp:/h/x",
            "rtsp://",
            "rtsp:///x",
            "rtsp://:8554/x",
            "rtsp://u@/x",
            "rtsp://h:0/",
            "rtsp://h:65536/",
            "rtsp://h:+1/",
            "rtsp://h:x/",
            "rtsp://::1/",
            "rtsp://[::1/",
            "rtsp://[]/",
            "rtsp://[::1]x/",
            "rtsp://h/a b",
            "rtsp://h/a\0",
            "rtsp://h/a\r\nX: y",
            "rtsp://h/%",
            "rtsp://h/%4",
            "rtsp://h/%4g",
            "rtsp://h/%+1",
        ] {
            assert_eq!(Url::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn user_info_is_not_shown() {
        let url = Url::parse("rtsp://user:secret@h:8554/x?q#f").unwrap();
        assert_eq!(url.to_string(), "rtsp://h:8554/x?q");
        assert_eq!(Url::parse("rtsp://[::1]").unwrap().to_string(), "rtsp://[::1]");
    }

    #[test]
    fn a_path_is_compared_with_its_escapes_undone() {
        for (path, name) in [
            ("/movie.Mjpeg/", "movie.Mjpeg"),
            ("m%6fvie.%4Djpeg", "movie.Mjpeg"),
            ("cams/front%20door", "cams/front door"),
            ("%c3%A9", "\u{e9}"),
            ("100%.mjpeg", "100%.mjpeg"),
            ("%4", "%4"),
            ("%2541", "%41"),
            ("", ""),
            ("...", "..."),
        ] {
            assert!(Path::new(path).names(name), "{path:?} {name:?}");
        }
    }

    #[test]
    fn a_dot_before_a_path_means_nothing() {
        for path in ["b", "./b", "/./b", "././b/", ".//b"] {
            assert!(Path::new(path).names("b"), "{path:?}");
            assert_eq!(Path::new(path).as_str(), "b");
        }
    }

    #[test]
    fn no_path_leaves_its_folder() {
        for (path, name) in [
            ("..", ".."),
            ("%2e%2E", ".."),
            ("a/../b", "b"),
            ("a/../b", "a/../b"),
            ("./../b", "b"),
            ("././..", ".."),
            ("a/./b", "a/b"),
            ("%2e/b", "./b"),
            ("a%2Fb", "a/b"),
            ("a//b", "a/b"),
            ("a%00", "a"),
            ("a%00", "a\0"),
            ("a/b", "a"),
            ("a", "a/b"),
            ("A", "a"),
            ("%c3", "\u{e9}"),
        ] {
            assert!(!Path::new(path).names(name), "{path:?} {name:?}");
        }
    }

    #[test]
    fn what_a_request_names_may_be_a_path_and_any_url_of_rtsp() {
        for (text, path, is_absolute, is_ipv6) in [
            ("rtsp://h/a b.mjpeg", "a b.mjpeg", true, false),
            ("RTSPS://[::1]:322/x?q", "x", true, true),
            ("rtspu://u:p@h/x", "x", true, false),
            ("rtspt://h", "", true, false),
            ("rtsp:///x", "x", true, false),
            ("rtsp://:8554/x", "x", true, false),
            ("rtsp://h:99999/x", "x", true, false),
            ("rtsp://[::1/x", "x", true, true),
            ("rtsp://h/100%", "100%", true, false),
            ("rtsp://h/e\u{301}", "e\u{301}", true, false),
            ("/", "", false, false),
            ("/a/b/", "a/b", false, false),
            ("//h/x", "h/x", false, false),
        ] {
            let target = Target::parse(text).unwrap_or_else(|| panic!("{text:?}"));
            let found = (target.path().as_str(), target.is_absolute(), target.is_ipv6());
            assert_eq!(found, (path, is_absolute, is_ipv6), "{text:?}");
        }
        for text in
            ["", "*", "x", "x/y", "http://h/x", "rtspxx://h/x", "rtsp2://h/x", "rtsp:/x", "rtsp://h/\u{85}", "/a\0"]
        {
            assert_eq!(Target::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn paths_are_the_same_in_any_escaping() {
        for (one, other) in [("a b/c", "a%20b/%63"), ("", ""), ("%e9", "%E9"), ("%", "%25"), ("..", "%2e.")] {
            assert!(Path::new(one).is_same(Path::new(other)), "{one:?} {other:?}");
            assert!(Path::new(other).is_same(Path::new(one)), "{other:?} {one:?}");
        }
        for (one, other) in [("a/b", "a%2Fb"), ("a", "a/b"), ("a", "A"), ("", "a"), ("a", "a%00")] {
            assert!(!Path::new(one).is_same(Path::new(other)), "{one:?} {other:?}");
            assert!(!Path::new(other).is_same(Path::new(one)), "{other:?} {one:?}");
        }
    }

    #[test]
    fn a_track_is_split_off_the_end_only() {
        let cases = [
            ("x/trackID=0", ("x", Some(0))),
            ("/a/b/trackid=12/", ("a/b", Some(12))),
            ("trackID=0", ("", Some(0))),
            ("x", ("x", None)),
            ("x/trackID=", ("x/trackID=", None)),
            ("x/trackID=+1", ("x/trackID=+1", None)),
            ("x/trackID=4294967296", ("x/trackID=4294967296", None)),
            ("trackID=0/x", ("trackID=0/x", None)),
        ];
        for (path, (rest, track)) in cases {
            assert_eq!(Path::new(path).split_track(), (Path::new(rest), track), "{path:?}");
        }
    }

    #[test]
    fn controls_resolve_as_servers_expect() {
        const REQUEST: &str = "rtsp://127.0.0.1:8554/x";
        const BASE: &str = "rtsp://127.0.0.1:8554/x/";
        let cases = [
            (None, Some("trackID=0"), "rtsp://127.0.0.1:8554/x/trackID=0"),
            (Some(BASE), Some("trackID=0"), "rtsp://127.0.0.1:8554/x/trackID=0"),
            (Some(BASE), Some("/trackID=0"), "rtsp://127.0.0.1:8554/x/trackID=0"),
            (Some(BASE), Some("*"), BASE),
            (Some(BASE), Some(" "), BASE),
            (Some(BASE), None, BASE),
            (None, Some("*"), REQUEST),
            (Some("/x/"), Some("stream=0"), "rtsp://127.0.0.1:8554/x/stream=0"),
            (Some(BASE), Some("rtsp://h/x/trackID=0"), "rtsp://h/x/trackID=0"),
            (Some("rtsp://u:p@h/x"), Some("track1"), "rtsp://h/x/track1"),
        ];
        for (base, control, expected) in cases {
            assert_eq!(Control::resolve(REQUEST, base, control).to_string(), expected, "{base:?} {control:?}");
        }
        let secret = Control::resolve("rtsp://u:p@h/x?q", None, Some("t"));
        assert_eq!(secret.to_string(), "rtsp://h/x?q/t");
    }

    #[test]
    fn an_rtp_info_url_is_recognised_whole_or_by_its_end() {
        let control = Control::resolve("rtsp://u:p@h/x", None, Some("trackID=0"));
        for url in ["rtsp://h/x/trackID=0", "trackID=0", "/trackID=0"] {
            assert!(control.is_meant_by(url), "{url:?}");
        }
        for url in ["rtsp://h/x/trackID=1", "rtsp://h/x", "ID=0", "", "trackID=00"] {
            assert!(!control.is_meant_by(url), "{url:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "(rtsp://)?[a-z%0-9:/?#@\\[\\]. \0é]{0,40}", name in "[a-z./%]{0,12}") {
            let target = Target::parse(&text);
            if let Some(url) = Url::parse(&text) {
                prop_assert_eq!(target.map(|target| target.path()), Some(url.path()));
                let shown = url.to_string();
                prop_assert_eq!(Url::parse(&shown).map(|again| again.path()), Some(url.path()));
            }
            let _ = (Path::new(&text).names(&name), Path::new(&text).split_track());
            let _ = Control::resolve(&text, Some(&text), Some(&name)).to_string();
        }

        #[test]
        fn an_encoded_name_is_recognised(name in "[ -.0-~é]{1,20}") {
            prop_assume!(name != "." && name != "..");
            let mut encoded = String::new();
            name.bytes().for_each(|byte| encoded.push_str(&std::format!("%{byte:02x}")));
            prop_assert!(Path::new(&encoded).names(&name));
        }
    }
}
