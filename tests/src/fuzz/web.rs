//! Targets of the web server: what a request asks for, whether who makes it may ask, and the bodies of those who publish.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mutoscope::wire::url::Path;
use mutoscope_std::web::testing;

/// Pieces of requests.
pub const ROUTE_WORDS: &[&str] = &[
    "GET ",
    "POST ",
    "DELETE ",
    "PUT ",
    "/streams/",
    "/stream.mjpg",
    "/snapshot.jpg",
    "/api/streams/",
    "/recordings",
    "/recordings/20261129T185200Z.mkv",
    "/api/sessions/",
    "/login",
    "/logout",
    "to=",
    "http-1",
    "action=",
    "stream_",
    "snapshot",
    "rate=",
    "width=",
    "t=",
    "from=",
    "count=",
    "1e9",
    "nan",
    "inf",
    "-0",
    "?",
    "&",
    "=",
    "%2f",
    "..",
    "//",
    ".mjpg",
    ".jpg",
];

const BAD_REQUEST: u16 = 400;
const FORBIDDEN: u16 = 403;
const NOT_FOUND: u16 = 404;
const METHOD_NOT_ALLOWED: u16 = 405;

/// A method and a target. What reads changes nothing; what is there does not depend on the method; names are parts of the path; numbers
/// are such as can be waited for.
pub fn routes(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (method, target) = text.split_once(' ').unwrap_or(("GET", text));
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let of = |method| testing::route(method, path, query);
    let allowed = match (of("GET"), of("DELETE")) {
        // One of them is for what nobody reads, or for what nobody can end.
        (Err((METHOD_NOT_ALLOWED, methods)), _) | (_, Err((METHOD_NOT_ALLOWED, methods))) => methods,
        (Err(found), other) => {
            assert_eq!(Err(found), other, "{target:?}");
            assert!([NOT_FOUND, BAD_REQUEST].contains(&found.0), "{target:?}: {found:?}");
            assert_eq!(of(method), Err(found), "{target:?}");
            ""
        }
        (found, _) => panic!("{target:?} is for all methods: {found:?}"),
    };
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "", method] {
        match of(method) {
            Ok(asked) => {
                assert!(allowed.split(", ").any(|known| known == method), "{method:?} {target:?}");
                assert_eq!(asked.changes, !matches!(method, "GET" | "HEAD"), "{method:?} {target:?}");
                assert!(asked.names.iter().all(|name| path.contains(name.as_str())), "{target:?}: {asked:?}");
                let limits = Duration::from_millis(1)..=Duration::from_secs(3600);
                assert!(asked.interval.is_none_or(|interval| limits.contains(&interval)), "{target:?}: {asked:?}");
                assert_ne!(asked.width, Some(0), "{target:?}");
                // What nobody knows is nothing, and of what is said twice the first counts.
                let Some(query) = query else { continue };
                let more = format!("{query}&x=1");
                assert_eq!(testing::route(method, path, Some(&more)).as_ref(), Ok(&asked), "{target:?}");
                if asked.width.is_some() {
                    let more = format!("{query}&width=nonsense");
                    assert_eq!(testing::route(method, path, Some(&more)), Ok(asked), "{target:?}");
                }
            }
            Err((METHOD_NOT_ALLOWED, methods)) => {
                assert!(
                    methods == allowed && !allowed.split(", ").any(|known| known == method),
                    "{method:?} {target:?}"
                );
            }
            Err(_) => assert!(allowed.is_empty(), "{method:?} {target:?}"),
        }
    }
    // Whatever a stream is called, it has an address.
    let name = Path::new(path);
    if !name.is_empty() {
        let video = testing::route("GET", &format!("/streams/{}/stream.mjpg", name.as_str()), None);
        assert_eq!(video.map(|asked| asked.names), Ok(vec![name.as_str().to_owned()]), "{path:?}");
    }
}

/// What browsers and programs ask for.
pub fn route_seeds() -> Vec<Vec<u8>> {
    [
        "GET /",
        "GET /streams/a%20b/stream.mjpg?rate=5&width=320",
        "GET /streams/yard/snapshot.jpg?t=12.5&width=1",
        "HEAD /a/b.mjpg?rate=0.0001",
        "GET /yard.jpg?t=1e300",
        "GET /?action=stream_1&rate=1000",
        "POST /streams/yard",
        "DELETE /api/sessions/http-1",
        "PUT /api/streams/a%20b",
        "GET /api/streams?from=1&count=2",
        "POST /login?to=/yard.jpg",
        "POST /logout",
        "GET /api/streams/yard/recordings?from=0",
        "GET /streams//stream.mjpg",
        "OPTIONS *",
    ]
    .map(|request| request.as_bytes().to_vec())
    .to_vec()
}

/// Pieces of forms, of addresses to go to, and of cookies.
pub const FORM_WORDS: &[&str] = &[
    "name=",
    "password=",
    "to=",
    "&",
    "=",
    "%",
    "%00",
    "%2f",
    "%5c",
    "%0d%0a",
    "+",
    "/",
    "//",
    "\\",
    "\t",
    "https:",
    "@",
    "evil.example",
    ";",
    "; ",
    "__Host-mutoscope-443=",
    "\n",
];

/// A form, a query and lines of cookies. Nobody is led to another server, or two headers made of one, and what is there twice counts for
/// nothing.
pub fn forms(data: &[u8]) {
    if let Some((name, password)) = testing::form(data) {
        // Each escape takes three bytes, and what is no text becomes a character of three.
        assert!(name.len() + password.len() <= 3 * data.len(), "{name:?} {password:?}");
        assert_eq!(testing::form(&[data, b"&name=x"].concat()), None);
        assert_eq!(testing::form(&[data, b"&other=x"].concat()), Some((name, password)));
    }
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    if let Some(cookie) = testing::cookie(&lines, 443) {
        assert!(!cookie.contains(';') && String::from_utf8_lossy(data).contains(&cookie));
        assert_eq!(testing::cookie(&[&lines[..], &[b"__Host-mutoscope-443=x"]].concat(), 443), None);
    }
    let Ok(query) = std::str::from_utf8(data) else { return };
    let (target, form) = testing::target(query);
    assert!(target.starts_with('/') && !target.starts_with("//"), "{target:?}");
    assert!(target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'), "{target:?}");
    // What leads there does so, and is an address like that itself.
    let again = form.strip_prefix("/login").expect("that of the form");
    assert_eq!(testing::target(again.trim_start_matches('?')).0, target);
    assert!(again.is_empty() || again.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"?=%.-_*+".contains(&byte)));
}

/// What browsers send.
pub fn form_seeds() -> Vec<Vec<u8>> {
    let forms =
        ["name=anna&password=a+b%26%C3%A9", "to=%2Fcamera.mjpg%3Frate%3D2", "a=b; __Host-mutoscope-443=00ff; c=d"];
    forms.map(|form| form.as_bytes().to_vec()).to_vec()
}

/// Pieces of what browsers say of themselves.
pub const ORIGIN_WORDS: &[&str] = &[
    "Host: ",
    "Origin: ",
    "Sec-Fetch-Site: ",
    "Sec-Fetch-Mode: ",
    "Sec-Fetch-Dest: ",
    "localhost",
    "127.0.0.1",
    "[::1]",
    "cams.example",
    "evil.example",
    ":80",
    ":",
    "http://",
    "https://",
    "null",
    "navigate",
    "image",
    "cors",
    "same-origin",
    "same-site",
    "cross-site",
    "none",
    "\n",
    ".",
    "@",
    "[",
    "]",
    "POST ",
    "http://localhost/",
];

/// The names that the server has beside its own.
const NAMES: [&str; 2] = ["cams.example", "203.0.113.9"];

/// A method and a target, and headers, one a line. Who is answered came by one of our names, and from a page of ours, or is shown what no
/// page can read.
pub fn origins(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let Some(first) = lines.next().and_then(|line| std::str::from_utf8(line).ok()) else { return };
    let (method, target) = first.split_once(' ').unwrap_or(("GET", first));
    let headers: Vec<(&str, &[u8])> = lines
        .filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b':')?;
            Some((std::str::from_utf8(&line[..at]).ok()?, line[at + 1..].trim_ascii()))
        })
        .collect();
    let names = NAMES.map(str::to_owned);
    for local in ["127.0.0.1:80", "[::1]:80", "[::ffff:192.0.2.1]:8080"] {
        let local: SocketAddr = local.parse().expect("an address");
        let Some(judged) = testing::judge(&names, method, target, &headers, local) else { return };
        let values = |name: &str| {
            let of_name = headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
            of_name.map(|(_, value)| *value).collect::<Vec<_>>()
        };
        // A target may have a host of its own, which counts then.
        let hosts = if target.starts_with(['/', '*']) {
            values("Host")
        } else {
            let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
            rest.split(['/', '?', '#']).next().map(str::as_bytes).into_iter().collect()
        };
        let host = match &hosts[..] {
            [host] => std::str::from_utf8(host).ok(),
            _ => None,
        };
        let is_ours = host.is_some_and(|host| is_ours(host, local.ip()));
        let (sites, origins) = (values("Sec-Fetch-Site"), values("Origin"));
        let is_shown = origins.is_empty()
            && ["GET", "HEAD", "OPTIONS", "TRACE"].contains(&method)
            && (values("Sec-Fetch-Mode") == [b"navigate"] || values("Sec-Fetch-Dest") == [b"image"]);
        let is_of_ours = match (&sites[..], &origins[..]) {
            ([], origins) | ([b"same-origin" | b"none"], origins) => match origins {
                [] => true,
                // What is no text is nobody's.
                [origin] if origin.iter().all(|byte| (b' '..=b'~').contains(byte)) => {
                    let after = origin.windows(3).position(|part| part == b"://").map(|at| &origin[at + 3..]);
                    after.zip(host).is_some_and(|(after, host)| after.eq_ignore_ascii_case(host.as_bytes()))
                }
                _ => false,
            },
            _ => false,
        };
        match judged {
            Ok(()) => assert!(is_ours && (is_shown || is_of_ours), "{local}: {:?}", String::from_utf8_lossy(data)),
            Err(status) => {
                assert!(!is_ours || !(is_shown || is_of_ours), "{local}: {:?}", String::from_utf8_lossy(data));
                assert!([BAD_REQUEST, FORBIDDEN].contains(&status));
            }
        }
    }
}

/// Whether a host is one of the server's own, with a port or without.
fn is_ours(host: &str, local: IpAddr) -> bool {
    let is_port = |rest: &str| {
        let digits = rest.strip_prefix(':').unwrap_or_default();
        let number = digits.trim_start_matches('0');
        rest.is_empty()
            || rest.starts_with(':')
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && (number.is_empty() || number.parse::<u32>().is_ok_and(|number| number <= 65_535))
    };
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_ascii_lowercase();
    let host = host.to_ascii_lowercase();
    let names =
        ["localhost".to_owned(), machine.clone(), format!("{machine}.local"), NAMES[0].to_owned(), NAMES[1].to_owned()];
    let is_named = names.iter().filter(|name| !name.is_empty()).any(|name| {
        let is_address = name.parse::<IpAddr>().is_ok();
        let mut forms = vec![name.clone(), format!("[{name}]")];
        forms.extend((!is_address).then(|| [format!("{name}."), format!("[{name}.]")]).into_iter().flatten());
        forms.iter().any(|form| host.strip_prefix(form.as_str()).is_some_and(is_port))
    });
    // The end of an address is where a bracket says, or the last colon.
    let address = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']'),
        None => Some(host.find(':').map_or((host.as_str(), ""), |at| host.split_at(at))),
    };
    let is_local = address.is_some_and(|(address, rest)| {
        address.parse::<IpAddr>().is_ok_and(|address| address.to_canonical() == local.to_canonical()) && is_port(rest)
    });
    is_named || is_local
}

/// What browsers say.
pub fn origin_seeds() -> Vec<Vec<u8>> {
    [
        "GET /\nHost: localhost:80\nSec-Fetch-Site: none\nSec-Fetch-Mode: navigate",
        "GET /x\nHost: [::1]:80\nOrigin: http://[::1]:80\nSec-Fetch-Site: same-origin",
        "GET /x\nHost: 127.0.0.1\nSec-Fetch-Site: cross-site\nSec-Fetch-Dest: image",
        "POST /x\nHost: cams.example.\nOrigin: https://cams.example.",
        "GET /x\nHost: evil.example\nOrigin: http://evil.example",
        "GET /x\nHost: 192.0.2.1:8080\nOrigin: null\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: cors",
        "GET http://localhost/\nHost: evil.example",
        "GET /\nHost: localhost\nHost: localhost",
        "DELETE /x\nHost: 203.0.113.9:\nSec-Fetch-Dest: image\nSec-Fetch-Site: same-site",
    ]
    .map(|request| request.as_bytes().to_vec())
    .to_vec()
}

/// However a body is cut, the same pictures come of it, one behind the other as they stand in it, none longer than there is room for, and
/// none from the future.
pub fn publish(data: &[u8]) {
    // Byte by byte, more takes too long.
    let data = &data[..data.len().min(4096)];
    for room in [data.len().max(64), 100] {
        let whole = testing::publish(data, usize::MAX, room).expect("there is room");
        assert!(!whole.foresees);
        for piece in [1, 100] {
            assert!(testing::publish(data, piece, room).as_ref() == Some(&whole), "in pieces of {piece}");
        }
        let mut rest = data;
        for picture in &whole.pictures {
            assert!(picture.len() <= room && picture.starts_with(&[0xFF, 0xD8]));
            let at = rest.windows(picture.len()).position(|part| part == picture).expect("it was sent");
            rest = &rest[at + picture.len()..];
        }
    }
}
