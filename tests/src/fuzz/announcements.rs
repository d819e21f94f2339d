//! The target of what strangers announce in the local network, and of the names under which our own streams are announced.

use std::net::SocketAddr;

use mutoscope::wire::url::Url;
use mutoscope_std::announce::testing::{KIND, listing, of_instance, told, url};
use mutoscope_std::console::OneLine;

/// Pieces of names and paths.
pub const WORDS: &[&str] = &[
    "._rtsp._tcp.local.",
    "\\",
    "\\.",
    "\\\\",
    "%2e",
    "@",
    "//",
    "?",
    "#",
    ":554",
    "[::1]",
    "\u{e9}",
    "\u{202e}",
    " on ",
    "\n",
    "{\"streams\":[{\"name\":\"a\",\"rtsp\":[\"rtsp://h:1/a\"],\"length\":1e300}]}",
    "rtsp://",
    "rtsps://",
    "\"total\":",
];

/// A path leads to the server that told of it and to no other, and so does what a page lists; names are one line that is the same when it is
/// read back.
pub fn announcements(data: &[u8]) {
    for place in ["192.0.2.7:554", "[fd00::7]:8554"] {
        let place: SocketAddr = place.parse().expect("an address");
        let found = url(place, data);
        assert_eq!(found.is_some(), data.iter().all(u8::is_ascii_graphic), "{data:?}");
        let Some(found) = found else { continue };
        assert!(found.starts_with(&format!("rtsp://{place}/")), "{found}");
        if let Some(read) = Url::parse(&found) {
            let host = read.host().trim_matches(['[', ']']).parse().ok();
            assert_eq!((host, read.port()), (Some(place.ip()), Some(place.port())), "{found}");
            assert!(read.user_info().is_none(), "{found}");
        }
    }
    let page: SocketAddr = "[fd00::7]:8080".parse().expect("an address");
    for offer in listing(data, page).map(|offers| offers.streams).unwrap_or_default() {
        let read = Url::parse(&offer.url).expect("a URL");
        assert_eq!(read.host().trim_matches(['[', ']']).parse().ok(), Some(page.ip()), "{offer:?}");
        assert!(!offer.name.is_empty() && offer.name == OneLine(&offer.name).to_string(), "{offer:?}");
    }
    assert_eq!(url("192.0.2.7:0".parse().expect("an address"), data), None);

    let text = String::from_utf8_lossy(data);
    let shown = of_instance(&text);
    assert_eq!(shown, OneLine(&shown).to_string(), "{text:?}");
    assert!(!shown.chars().any(char::is_control), "{text:?}");

    let (stream, machine) = text.split_once('\n').unwrap_or((&text, "pi"));
    let (name, host) = told(stream, &OneLine(machine).to_string(), 8554, Some(u32::MAX));
    assert!(name.len() <= 63 && !name.chars().any(char::is_control) && name.contains(" on "), "{name:?}");
    let escaped: String =
        name.chars().flat_map(|c| matches!(c, '.' | '\\').then_some('\\').into_iter().chain([c])).collect();
    assert_eq!(of_instance(&format!("{escaped}.{KIND}")), name);
    let label = host.strip_suffix(".local.").expect("it is a name of the local network");
    assert!(label.len() <= 63 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{host}");
}

/// What servers announce.
pub fn announcement_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "/a%20b",
        "cam?x=1#y",
        "@elsewhere/",
        "//elsewhere:1/x",
        "/a b\r\n",
        "porch\npi",
        "porch on pi._rtsp._tcp.local.",
        "a\\.b \\\\c._rtsp._tcp.local.",
        "\u{fc}\u{1b}[2J\n\u{f6}",
        "\\",
        "{\"streams\":[{\"name\":\"a b\",\"rtsp\":[\"rtsp://192.0.2.9:8554/a%20b\"],\"width\":640,\"height\":480,\"rate\":25.0,\"live\":true}],\"total\":1}",
    ];
    let long = ["\u{fc}".repeat(100), "a".repeat(300)];
    texts.iter().map(|text| text.as_bytes().to_vec()).chain(long.map(String::into_bytes)).collect()
}
