//! Where else there is room for viewers: every node tells all others by which URLs viewers reach it and for how many more it has room, as
//! soon as that changes for the first or the last one and every other second anyway. So who has to send a viewer on knows where to.
//!
//! What a node says is said under its own key, and holds for itself alone. It names a host and a port, and nothing else of a URL.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use mutoscope::session::server::MAX_URI_LEN;
use mutoscope::wire::url::Url;
use serde_json::{Value, json};

use super::exchange::{Exchange, Held, Publication, Sample};
use super::name::{self, Address};
use crate::server::{Limits, percent_encode};

/// A node whose last word is older is not there.
const MAX_AGE: Duration = Duration::from_secs(8);
/// How often a node says what it has said already.
const INTERVAL: Duration = Duration::from_secs(2);
/// How often it looks whether there is something else to say.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes of the longest word.
const MAX_LEN: usize = 4096;
/// The most URLs in it, bytes of the longest, and the most viewers that are believed.
const MOST_URLS: usize = 8;
const MAX_BASE: usize = 128;
const MOST_VIEWERS: u64 = 1_000_000;
/// Nodes that are remembered.
const MOST: usize = 1000;
/// A viewer is sent on so often, one time behind the other. What nodes say of themselves may be two seconds old.
const MOST_MOVES: u8 = 3;
/// What the URL of a viewer who was sent on says, with the number of times.
const MOVED: &str = "moved=";

/// What a node says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// The beginnings of its URLs: scheme, host and port.
    pub urls: Vec<String>,
    /// Viewers that it has.
    pub viewers: u64,
    /// Viewers that it has room for beside those.
    pub room: u64,
    /// It takes viewers of other nodes' streams. A camera's node takes those of its own alone.
    pub is_edge: bool,
}

impl Word {
    /// As it is sent: an object of JSON.
    pub fn to_json(&self) -> String {
        let Self { urls, viewers, room, is_edge } = self;
        json!({ "urls": urls, "viewers": viewers, "room": room, "edge": is_edge }).to_string()
    }

    /// What another node has sent. `None`: it is none. URLs that are none, or more than beginnings, are left out.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let json: Value = (json.len() <= MAX_LEN).then(|| serde_json::from_slice(json).ok())??;
        let count = |name: &str| json.get(name)?.as_u64().filter(|count| *count <= MOST_VIEWERS);
        let urls = json.get("urls")?.as_array()?.iter().filter_map(Value::as_str).filter(|url| is_base(url));
        Some(Self {
            urls: urls.take(MOST_URLS).map(str::to_owned).collect(),
            viewers: count("viewers")?,
            room: count("room")?,
            is_edge: json.get("edge")?.as_bool()?,
        })
    }

    /// The beginning of the URLs for viewers on whose way nobody can listen, or of the others.
    fn base(&self, is_private: bool) -> Option<&str> {
        let base = self.urls.iter().find(|base| Url::parse(base).is_some_and(|url| url.is_secure() == is_private));
        base.map(String::as_str)
    }
}

/// Whether this is a scheme, a host and perhaps a port, such as a URL begins with.
fn is_base(text: &str) -> bool {
    let Some(url) = Url::parse(text) else { return false };
    let (_, host_port) = text.split_once("://").unwrap_or_default();
    let is_literal = host_port.starts_with('[');
    let is_host = match is_literal {
        true => url.host().parse::<std::net::Ipv6Addr>().is_ok(),
        false => url.host().bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')),
    };
    is_host && text.len() <= MAX_BASE && url.user_info().is_none() && !host_port.contains(['/', '?', '#'])
}

/// What a node says of itself, and knows of others. Copies are the same.
#[derive(Clone)]
pub struct Places(Arc<Running>);

/// It ends with the last copy.
struct Running {
    shared: Arc<Shared>,
    #[expect(dead_code, reason = "it ends by being dropped")]
    held: Vec<Held>,
}

struct Shared {
    /// This node.
    node: String,
    others: Mutex<BTreeMap<String, Other>>,
    /// The log says that another node is called so, too.
    is_double: AtomicBool,
    /// It is over.
    is_over: Mutex<bool>,
    changed: Condvar,
}

/// Another node.
struct Other {
    word: Word,
    heard: Instant,
    /// Viewers that were sent there since.
    sent: u64,
}

impl Other {
    fn room(&self) -> u64 {
        self.word.room.saturating_sub(self.sent)
    }

    /// How much of all that it can do it does: a number that is the larger the busier it is.
    fn load(&self) -> u64 {
        let viewers = self.word.viewers.saturating_add(self.sent);
        viewers.saturating_mul(1 << 20) / self.word.viewers.saturating_add(self.word.room).max(1)
    }
}

impl Places {
    /// Tells others of the node `node`, whose viewers have these `limits` and which they reach by URLs that begin like these, and hears
    /// of others. `is_edge`: it takes viewers of their streams. Without a URL that is of use to others, nobody is sent to it.
    ///
    /// # Errors
    /// The exchange's, or the system has no thread left.
    pub fn new(
        exchange: &dyn Exchange,
        node: &str,
        urls: Vec<String>,
        is_edge: bool,
        limits: Arc<Limits>,
    ) -> io::Result<Self> {
        let key = name::node_key(node);
        let shared = Arc::new(Shared {
            node: node.to_owned(),
            others: Mutex::default(),
            is_double: AtomicBool::default(),
            is_over: Mutex::default(),
            changed: Condvar::new(),
        });
        let (hearing, following) = (Arc::downgrade(&shared), Arc::downgrade(&shared));
        let hear = move |sample: Sample<'_>| {
            if let Some(shared) = hearing.upgrade() {
                shared.hear(sample, Instant::now());
            }
        };
        let tell = move |key: &str, is_there: bool| {
            if let (Some(shared), Ok(node), false) = (following.upgrade(), name::parse_node(key), is_there) {
                shared.others().remove(&node);
            }
        };
        let exchange_error = io::Error::other;
        let held = vec![
            exchange.watch(&name::all_nodes(), Box::new(hear)).map_err(exchange_error)?,
            exchange.follow(&name::all_nodes(), Box::new(tell)).map_err(exchange_error)?,
            exchange.declare(&key).map_err(exchange_error)?,
        ];
        let urls = urls.into_iter().filter(|url| is_base(url)).take(MOST_URLS).collect();
        let publication = exchange.publish(&key, Box::new(|_| ())).map_err(exchange_error)?;
        let teller = Teller { shared: Arc::clone(&shared), publication, limits, urls, is_edge };
        thread::Builder::new().name("cluster-room".to_owned()).spawn(move || teller.run())?;
        Ok(Self(Arc::new(Running { shared, held })))
    }

    /// Whether some other node has room for viewers.
    pub fn has_room(&self) -> bool {
        let now = Instant::now();
        let has_room = |other: &Other| other.heard + MAX_AGE > now && other.room() > 0 && !other.word.urls.is_empty();
        self.0.shared.others().values().any(has_room)
    }

    /// The URL at which another node has this stream and room for a viewer, who counts there from now on. `query`: of the URL that the
    /// viewer has asked for. Nobody is sent on with a token, which is for this node, nor again and again.
    pub fn find(&self, stream: &Address, query: &str, is_private: bool) -> Option<String> {
        self.0.shared.find(stream, query, is_private, Instant::now())
    }
}

impl Shared {
    fn others(&self) -> MutexGuard<'_, BTreeMap<String, Other>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, sample: Sample<'_>, now: Instant) {
        // Nothing at all says that streams have changed.
        let Ok(node) = name::parse_node(sample.key) else { return };
        if sample.payload.is_empty() {
            return;
        }
        if node == self.node {
            // Between machines nobody hears his own words.
            if !self.is_double.swap(true, Ordering::Relaxed) {
                log::warn!("another machine is called {node:?}, too, and others take the two for one: --node NAME");
            }
            return;
        }
        let mut others = self.others();
        if others.len() >= MOST {
            // Somebody may have spoken for nodes that never were.
            others.retain(|_, other| other.heard + MAX_AGE > now);
        }
        match Word::parse(sample.payload) {
            Some(word) if others.len() < MOST || others.contains_key(&node) => {
                others.insert(node, Other { word, heard: now, sent: 0 });
            }
            Some(_) => {}
            None => _ = others.remove(&node),
        }
    }

    fn find(&self, stream: &Address, query: &str, is_private: bool, now: Instant) -> Option<String> {
        let mut parts = query.split('&');
        let moves = parts.clone().find_map(|part| part.strip_prefix(MOVED)).map_or(Some(0), |count| count.parse().ok());
        let moves = moves.filter(|moves| *moves < MOST_MOVES && !parts.any(|part| part.starts_with("token=")))?;
        let mut others = self.others();
        let may_take = |node: &str, other: &Other| {
            let has_it = other.word.is_edge || node == stream.node();
            has_it && other.room() > 0 && other.heard + MAX_AGE > now
        };
        let candidates = others.iter_mut().filter(|(node, other)| may_take(node, other));
        let candidates = candidates.filter(|(_, other)| other.word.base(is_private).is_some());
        // The stream's own node is spared where an edge has room.
        let (_, other) = candidates.min_by_key(|(_, other)| (!other.word.is_edge, other.load()))?;
        let base = other.word.base(is_private)?;
        let (node, name) = (percent_encode(stream.node()), percent_encode(stream.stream()));
        let url = format!("{base}/{node}/{name}?{MOVED}{}", moves + 1);
        if url.len() > MAX_URI_LEN {
            return None;
        }
        other.sent += 1;
        Some(url)
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("node", &self.0.shared.node).finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *self.shared.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.changed.notify_all();
    }
}

/// The thread that says how much room there is.
struct Teller {
    shared: Arc<Shared>,
    publication: Box<dyn Publication>,
    limits: Arc<Limits>,
    urls: Vec<String>,
    is_edge: bool,
}

impl Teller {
    fn run(mut self) {
        let mut told: Option<(Instant, bool)> = None;
        loop {
            let (viewers, room) = self.limits.room();
            let (now, has_room) = (Instant::now(), room > 0);
            if told.is_none_or(|(at, had_room)| had_room != has_room || at + INTERVAL <= now) {
                told = Some((now, has_room));
                let count = |count: usize| (count as u64).min(MOST_VIEWERS);
                let (viewers, room, is_edge) = (count(viewers), count(room), self.is_edge);
                let word = Word { urls: self.urls.clone(), viewers, room, is_edge };
                if let Err(error) = self.publication.put(word.to_json().as_bytes(), b"") {
                    return log::error!("other nodes do not hear of the room that there is here: {error}");
                }
            }
            let is_over = self.shared.is_over.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = self.shared.changed.wait_timeout_while(is_over, LOOK, |is_over| !*is_over);
            if *waited.unwrap_or_else(PoisonError::into_inner).0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::in_process::Hub;
    use crate::server::Options;

    fn word(host: &str, viewers: u64, room: u64, is_edge: bool) -> Word {
        let urls = vec![format!("rtsp://{host}:8554"), format!("rtsps://{host}:8322")];
        Word { urls, viewers, room, is_edge }
    }

    fn shared() -> Shared {
        Shared {
            node: "here".to_owned(),
            others: Mutex::default(),
            is_double: AtomicBool::default(),
            is_over: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn hear(shared: &Shared, node: &str, word: &Word, now: Instant) {
        let (key, json) = (name::node_key(node), word.to_json());
        shared.hear(Sample { key: &key, payload: json.as_bytes(), attachment: b"" }, now);
    }

    fn bird() -> Address {
        Address::new("garden", "bird house").unwrap()
    }

    #[test]
    fn words_are_written_and_read_and_those_of_liars_are_not() {
        let own = word("edge.example", 3, 7, true);
        assert_eq!(Word::parse(own.to_json().as_bytes()), Some(own.clone()));
        for json in [
            "",
            "[]",
            "{}",
            r#"{"urls":[],"viewers":-1,"room":1,"edge":true}"#,
            r#"{"urls":[],"viewers":1,"room":1e9,"edge":true}"#,
            r#"{"urls":[],"viewers":1,"room":9999999,"edge":true}"#,
            r#"{"urls":"rtsp://h","viewers":1,"room":1,"edge":true}"#,
            r#"{"urls":[],"viewers":1,"room":1}"#,
        ] {
            assert_eq!(Word::parse(json.as_bytes()), None, "{json}");
        }
        let long = format!("{{{}", " ".repeat(MAX_LEN));
        assert_eq!(Word::parse(long.as_bytes()), None);
        let urls = ["rtsp://192.0.2.7:8554", "rtsps://[2001:db8::7]:8322", "RTSP://edge-1.example"];
        for url in urls {
            assert!(is_base(url), "{url}");
        }
        for url in [
            "http://h",
            "rtsp://",
            "rtsp://h/",
            "rtsp://h/x",
            "rtsp://h?x",
            "rtsp://u@h",
            "rtsp://u:p@h:8554",
            "rtsp://h:0",
            "rtsp://h:99999",
            "rtsp://h\r\nX: y",
            "rtsp://h h",
            "rtsp://h%0d",
            "rtsp://h\u{fc}",
            "rtsp://[::1",
            "rtsp://[h]:8554",
            "rtsp://[fe80::1%25eth0]:8554",
            "rtsp://_",
            &format!("rtsp://{}", "h".repeat(MAX_BASE)),
        ] {
            assert!(!is_base(url), "{url}");
        }
        let many = Word { urls: vec!["rtsp://h".to_owned(); 20], ..own };
        assert_eq!(Word::parse(many.to_json().as_bytes()).unwrap().urls.len(), MOST_URLS);
    }

    #[test]
    fn a_viewer_goes_to_the_edge_with_the_least_load_and_counts_there() {
        let (shared, now) = (shared(), Instant::now());
        assert!(!shared.is_double.load(Ordering::Relaxed));
        hear(&shared, "here", &word("here", 0, 100, true), now);
        let find = |query: &str| shared.find(&bird(), query, false, now);
        assert_eq!(find(""), None, "nobody is sent to where he is");
        assert!(shared.is_double.load(Ordering::Relaxed), "somebody else has said it");
        hear(&shared, "full", &word("full", 5, 0, true), now);
        hear(&shared, "board", &word("board", 0, 100, false), now);
        assert_eq!(find(""), None, "the one is full, and the other takes viewers of its own streams");
        hear(&shared, "garden", &word("garden", 0, 1, false), now);
        hear(&shared, "small", &word("small", 1, 1, true), now);
        hear(&shared, "large", &word("large", 5, 15, true), now);
        // A quarter of the one's places are taken, and half of the other's.
        let hosts: Vec<_> = (0..18).map_while(|_| find("")).collect();
        let at = |host: &str| hosts.iter().filter(|url| url.contains(&format!("//{host}:"))).count();
        assert_eq!(hosts[0], "rtsp://large:8554/garden/bird%20house?moved=1");
        assert_eq!((hosts.len(), at("large"), at("small"), at("garden")), (17, 15, 1, 1), "{hosts:?}");
        assert!(hosts[16].contains("garden:"), "its own node is the last");
        hear(&shared, "small", &word("small", 1, 1, true), now);
        assert!(find("").unwrap().starts_with("rtsp://small:"), "it has said that there is room again");
    }

    #[test]
    fn nobody_is_sent_in_circles_nor_with_a_token_nor_out_of_tls_nor_to_the_dead() {
        let (shared, now) = (shared(), Instant::now());
        hear(&shared, "edge", &word("edge", 0, 100, true), now);
        let find = |query: &str| shared.find(&bird(), query, false, now);
        for (query, next) in [("x=1", Some("moved=1")), ("moved=1", Some("moved=2")), ("a&moved=2", Some("moved=3"))] {
            let found = find(query);
            assert_eq!(found.as_deref().and_then(|url| url.split('?').nth(1)), next, "{query}");
        }
        for query in ["moved=3", "moved=255", "moved=256", "moved=-1", "moved=", "token=abc", "moved=1&token=abc"] {
            assert_eq!(find(query), None, "{query}");
        }
        assert!(shared.find(&bird(), "", true, now).unwrap().starts_with("rtsps://edge:8322/"));
        let plain = Word { urls: vec!["rtsp://edge:8554".to_owned()], ..word("", 0, 100, true) };
        hear(&shared, "edge", &plain, now);
        assert_eq!(shared.find(&bird(), "", true, now), None);
        assert_eq!(shared.find(&bird(), "", false, now + MAX_AGE), None, "nothing was heard of it for long");
        let long = Address::new("garden", &"x".repeat(240)).unwrap();
        assert_eq!(shared.find(&long, "", false, now), None);
        assert!(find("").is_some());
        let key = name::node_key("edge");
        shared.hear(Sample { key: &key, payload: b"nonsense", attachment: b"" }, now);
        assert_eq!(find(""), None);
        (0..2 * MOST).for_each(|number| hear(&shared, &format!("n{number}"), &plain, now));
        assert_eq!(shared.others().len(), MOST);
        hear(&shared, "late", &plain, now + MAX_AGE);
        assert_eq!(shared.others().keys().collect::<Vec<_>>(), ["late"], "the others have said nothing for long");
    }

    #[test]
    fn nodes_hear_of_each_other_and_of_the_end() {
        let hub = Hub::default();
        let join = |name: &str, urls: &[&str]| {
            let (urls, limits) = (urls.iter().map(|url| (*url).to_owned()).collect(), Limits::new(&Options::default()));
            let node = hub.node();
            (Places::new(&node, name, urls, true, limits).unwrap(), node)
        };
        let (watcher, _) = join("watcher", &[]);
        let (edge, node) = join("edge", &["rtsp://192.0.2.7:8554", "rtsp://192.0.2.7:8554/x"]);
        let end = Instant::now() + Duration::from_secs(20);
        while !watcher.has_room() {
            assert!(Instant::now() < end, "nothing was heard");
            thread::sleep(Duration::from_millis(1));
        }
        let found = watcher.find(&bird(), "", false);
        assert_eq!(found.as_deref(), Some("rtsp://192.0.2.7:8554/garden/bird%20house?moved=1"));
        assert!(!edge.has_room(), "the watcher is reached by nobody");
        node.kill();
        assert!(!watcher.has_room());
    }
}
