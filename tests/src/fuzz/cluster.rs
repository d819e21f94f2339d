//! The targets of what other nodes of a cluster send: keys, what goes with pictures, and what they tell of their streams.

use std::time::Duration;

use mutoscope::wire::url::Url;
use mutoscope_std::cluster::{About, Address, Part, Stamp, Transit, Word, check_node, understood};

use super::Cursor;

/// Pieces of keys and descriptions.
pub const WORDS: &[&str] = &[
    "mutoscope/",
    "/live",
    "/jpeg",
    "/about",
    "%2F",
    "%00",
    "%2E%2E",
    "%C3%BC",
    "%1B",
    "/*/",
    "**",
    "$*",
    "@",
    "\n",
    "{\"watch\":[",
    "\"everybody\"",
    "\"*\"",
    "\"10.0.0.0/8\"",
    "],\"encrypted\":true}",
    "\"tokens\":\"00000000",
    "\"rate\":1e999",
    "{\"urls\":[\"rtsp://",
    "],\"room\":9,\"viewers\":9,\"edge\":true}",
    "\\r\\n",
];

/// A stream has one key, a key means one stream, and names in it are such as a path, a log and a terminal can have.
pub fn keys(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok((address, part)) = Address::parse(text) {
        assert_eq!(address.key(part), text);
        check(&address);
        assert_eq!(address.full_name().split_once('/'), Some((address.node(), address.stream())));
    }
    let (node, stream) = text.split_once('\n').unwrap_or((text, "cam"));
    let made = Address::new(node, stream);
    assert!(made.is_err() || check_node(node).is_ok());
    let Ok(address) = made else { return };
    check(&address);
    for part in [Part::Pictures, Part::Live, Part::Film, Part::About, Part::Newest, Part::Frames] {
        let key = address.key(part);
        assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/%-._~".contains(&byte)), "{key}");
        assert_eq!(Address::parse(&key).as_ref(), Ok(&(address.clone(), part)));
    }
}

fn check(address: &Address) {
    for name in [address.node(), address.stream()] {
        assert!(!name.is_empty() && name.len() <= 255 && ![".", "..", "*"].contains(&name), "{name:?}");
        assert!(!name.contains(|c: char| c.is_control() || "/?#".contains(c)), "{name:?}");
    }
}

/// Keys, and names of nodes and streams.
pub fn key_seeds() -> Vec<Vec<u8>> {
    let address = Address::new("garden", "front door").expect("names");
    let mut seeds: Vec<_> =
        [Part::Live, Part::Pictures, Part::Frames].map(|part| address.key(part).into_bytes()).into();
    seeds.extend(
        ["k\u{fc}che\nbird", "a\nb c%d", "mutoscope/a/%2E%2E/live", "mutoscope/**"]
            .map(|text| text.as_bytes().to_vec()),
    );
    seeds
}

/// What goes with pictures is read as it was written, and whatever a node says of its clock, the times that are made of it go on.
pub fn stamps(data: &[u8]) {
    let parsed = Stamp::parse(data);
    assert_eq!(parsed.is_some(), data.len() >= Stamp::LEN && data[0] == 1, "{data:?}");
    if let Some(stamp) = parsed {
        assert_eq!(stamp.to_bytes()[..], data[..Stamp::LEN]);
        assert_eq!(Stamp::parse(&stamp.to_bytes()), Some(stamp));
    }
    let (mut input, mut transit, mut now) = (Cursor(data), Transit::default(), 0_u64);
    let (mut last, mut captured) = (None, 0);
    while !input.0.is_empty() {
        let [incarnation, later] = input.array();
        let number = u64::from_be_bytes(input.array());
        let taken = u64::from_be_bytes(input.array());
        now += u64::from(later) * 10_000;
        let stamp = Stamp { incarnation: u32::from(incarnation % 3), number, captured: taken, sent: taken };
        let Some(passage) = transit.arrive(now, stamp) else {
            assert!(last.is_some_and(|(incarnation, last)| incarnation == stamp.incarnation && last >= number));
            continue;
        };
        last = Some((stamp.incarnation, number));
        assert!(passage.captured > captured && passage.captured <= now.max(captured + 1), "{passage:?} at {now}");
        assert!(passage.age <= Duration::from_micros(i64::MAX.unsigned_abs()), "{passage:?}");
        captured = passage.captured;
    }
}

/// What goes with pictures.
pub fn stamp_seeds() -> Vec<Vec<u8>> {
    let stamp = |number, captured| Stamp { incarnation: 1, number, captured, sent: captured }.to_bytes();
    vec![
        stamp(1, 1_000_000).to_vec(),
        [stamp(1, 0), stamp(2, 40_000), stamp(u64::MAX, u64::MAX)].concat(),
        [stamp(3, 1 << 63), stamp(2, 0)].concat(),
    ]
}

/// A question for frames is understood in one way, and asks for no more than there is an answer for.
pub fn questions(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(understood_as) = understood(text) else { return };
    assert_eq!(understood(&understood_as).as_ref(), Some(&understood_as), "{text:?}");
    let (from, count) = understood_as.split_once(";count=").expect("a count");
    assert!(count.parse().is_ok_and(|count: u32| (1..=8).contains(&count)), "{understood_as}");
    assert!(from.strip_prefix("from=").or(from.strip_prefix("at=")).is_some_and(|from| from.parse::<u64>().is_ok()));
}

/// Questions.
pub fn question_seeds() -> Vec<Vec<u8>> {
    ["from=7;count=2", "at=1500000;count=1", "from=4294967296;count=1", "at=0;count=99999999999"]
        .map(|question| question.as_bytes().to_vec())
        .into()
}

/// What a node says of itself is the same when it is told on, and its URLs are such as a `Location` may begin with.
pub fn words(data: &[u8]) {
    let Some(word) = Word::parse(data) else { return };
    assert_eq!(Word::parse(word.to_json().as_bytes()), Some(word.clone()));
    assert!(word.viewers <= 1_000_000 && word.room <= 1_000_000 && word.urls.len() <= 8, "{word:?}");
    for base in &word.urls {
        let whole = format!("{base}/garden/bird?moved=1");
        let url = Url::parse(&whole).expect("a URL");
        assert!(base.len() <= 128 && base.is_ascii() && url.user_info().is_none(), "{base:?}");
        assert_eq!((url.path().as_str(), url.query()), ("garden/bird", Some("moved=1")), "{base:?}");
    }
}

/// Words of nodes.
pub fn word_seeds() -> Vec<Vec<u8>> {
    let urls = vec!["rtsp://192.0.2.7:8554".to_owned(), "rtsps://[2001:db8::7]:8322".to_owned()];
    vec![
        Word { urls, viewers: 3, room: 97, is_edge: true }.to_json().into_bytes(),
        br#"{"urls":["rtsp://u@h","rtsp://h/x","rtsp://h\r\nX: y"],"viewers":1e9,"room":-1,"edge":1}"#.to_vec(),
        br#"{"urls":["rtsp://h"],"viewers":0,"room":0,"edge":false}"#.to_vec(),
    ]
}

/// A description is what it is when it is told on, has no addresses, and lets nobody watch whom it does not name.
pub fn about(data: &[u8]) {
    let Some(about) = About::parse(data) else { return };
    assert!(about.watch.networks.is_empty(), "{about:?}");
    assert!(about.rate.is_none_or(|rate| (0.0..=1000.0).contains(&rate)), "{about:?}");
    let again = About::parse(about.to_json().as_bytes()).expect("it was one");
    // Numbers are told in decimals.
    assert!(again.rate.zip(about.rate).is_none_or(|(one, other)| (one - other).abs() < 1e-9), "{about:?}");
    assert_eq!(About { rate: None, ..again }, About { rate: None, ..about.clone() });
    let text = String::from_utf8_lossy(data);
    // A word of JSON may be written with escapes.
    if !text.contains('\\') {
        assert!(!about.watch.everybody || text.contains("everybody"), "{text}");
        assert!(about.watch.users.iter().all(|user| text.contains(user.as_str())), "{text}");
    }
}

/// Descriptions.
pub fn about_seeds() -> Vec<Vec<u8>> {
    let about = About { width: 640, height: 480, rate: Some(29.97), ..About::default() };
    vec![
        about.to_json().into_bytes(),
        br#"{"watch":["anna","*"],"encrypted":true,"tokens":"0000000000000000000000000000000000000000"}"#.to_vec(),
        br#"{"watch":["everybody","10.0.0.0/8"],"encrypted":false,"width":70000,"rate":-1,"more":[[[{}]]]}"#.to_vec(),
        br#"{"watch":"everybody"}"#.to_vec(),
    ]
}
