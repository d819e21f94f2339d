//! What the engine says, for our log: who was refused and why, in a sentence of ours, once. The rest is for those who want to know
//! everything.
//!
//! It says so with `tracing`, as texts, which a later version may word otherwise. The tests that refuse somebody notice it.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::fmt::{self, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing_core::dispatcher::set_global_default;
use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::subscriber::Interest;
use tracing_core::{Dispatch, Event, Level, Metadata, Subscriber};

use crate::cluster::name;

/// Where the engine decides what a node may say.
const ACCESS: &str = "zenoh::net::routing::interceptor::access_control";
/// Where connections in TLS come from.
const TLS: &str = "zenoh_link_tls::unicast";
/// Where it looks for others.
const SEARCH: &str = "zenoh::net::runtime::orchestrator";
/// Where connections become those of nodes.
const ESTABLISHED: [&str; 2] =
    ["zenoh_transport::unicast::establishment::accept", "zenoh_transport::unicast::establishment::open"];
/// Most sentences that are remembered, and connections.
const MOST: usize = 100;
const MOST_NODES: usize = 1000;
/// When a sentence may be said again.
const AGAIN: Duration = Duration::from_secs(600);

/// Hears what the engine of this process says from now on, unless the program has somebody else for that.
pub(super) fn listen() {
    let _ = set_global_default(Dispatch::new(Told::default()));
}

#[derive(Default)]
struct Told(Mutex<State>);

/// Something for the log.
#[derive(Debug, PartialEq, Eq)]
struct Sentence {
    text: String,
    /// As much of it as it has in common with others of its kind, which are not said.
    kind: String,
}

thread_local! {
    /// The key for which the engine finds out beforehand what somebody may do, who has done nothing of that.
    static FORESEEN: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What was heard.
#[derive(Default)]
struct State {
    /// Who has come by which address, by the names of certificates; the newest last.
    certificates: VecDeque<(String, String)>,
    /// Nodes that no rule is for, by the engine's numbers.
    strangers: VecDeque<String>,
    /// Who the others are, by the engine's numbers.
    nodes: HashMap<String, String>,
    /// What the log says already, and since when.
    said: HashMap<String, Instant>,
}

impl Subscriber for Told {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_wanted(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_wanted(metadata)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message::default();
        event.record(&mut message);
        let (target, message) = (event.metadata().target(), message.0);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sentence = state.understand(target, &message);
        let is_new = |sentence: &Sentence, state: &mut State| state.is_new(&sentence.kind, Instant::now());
        let sentence = sentence.map(|sentence| is_new(&sentence, &mut state).then_some(sentence.text));
        drop(state);
        #[cfg(test)]
        testing::hear(sentence.as_ref().and_then(Option::as_deref));
        match sentence {
            Some(Some(sentence)) => log::warn!("cluster: {sentence}"),
            None if *event.metadata().level() <= Level::WARN => log::debug!("{target}: {message}"),
            Some(None) | None => {}
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What is asked of each place of the engine's that says something, once.
fn is_wanted(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let most = match target {
        ACCESS => Level::TRACE,
        TLS | SEARCH => Level::DEBUG,
        _ if ESTABLISHED.contains(&target) => Level::DEBUG,
        _ => Level::WARN,
    };
    metadata.is_event() && target.starts_with("zenoh") && *metadata.level() <= most
}

/// The text of an event.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}

impl State {
    /// The sentence that a message is worth. `None`: none of ours.
    fn understand(&mut self, target: &str, message: &str) -> Option<Sentence> {
        match target {
            TLS => self.understand_tls(message),
            ACCESS => self.understand_access(message),
            SEARCH => understand_search(message),
            _ if ESTABLISHED.contains(&target) => self.understand_established(message),
            _ => None,
        }
    }

    fn understand_tls(&mut self, message: &str) -> Option<Sentence> {
        if let Some(accepted) = message.strip_prefix("Accepted TLS connection on ") {
            let (_, accepted) = accepted.split_once(": ")?;
            let (address, name) = accepted.split_once(". ")?;
            let name = name.strip_prefix("Common Name: ").unwrap_or(name);
            let name = name.strip_suffix('.').unwrap_or(name);
            push(&mut self.certificates, (address.to_owned(), name.to_owned()));
            return None;
        }
        // What is advised has to do with one of the reasons.
        let why = message.strip_suffix(". Hint: increase the system open file limit.")?;
        Some(with_reason("somebody who came to take part was refused".to_owned(), why))
    }

    fn understand_access(&mut self, message: &str) -> Option<Sentence> {
        if let Some((number, _)) = message.split_once(" did not match any configured ACL subject") {
            push(&mut self.strangers, number.to_owned());
            return None;
        }
        if let Some((_, key)) = message.split_once("caching permissions for `") {
            FORESEEN.set(key.split('`').next().unwrap_or_default().to_owned());
            return None;
        }
        let (who, what) =
            message.split_once(" is unauthorized to ").or_else(|| message.split_once(" is authorized to "))?;
        let (action, key) = what.split_once(" on ")?;
        let is_foreseen = FORESEEN.with_borrow(|foreseen| foreseen == key) && !who.contains("cached result");
        if is_foreseen && action.starts_with("Declare Liveliness Subscriber") {
            // It is the last of them.
            FORESEEN.take();
        }
        let is_refused = action.ends_with("(ingress)") && message.contains(" is unauthorized to ");
        if is_foreseen || !is_refused {
            return None;
        }
        let number = who.rsplit_once("cached result: ").map_or(who, |(_, number)| number).split(' ').next()?;
        // Of strangers it was said that they may do nothing.
        let who = self.nodes.get(number)?;
        let mut chunks = key.split('/').filter(|chunk| *chunk != name::ROOT);
        let of = name::parse_node(&format!("{}/{}", name::ROOT, chunks.next()?)).unwrap_or_else(|_| "all".to_owned());
        let text = format!("{who} says something in the name of {of:?}, which it may not: that is left out");
        Some(Sentence { kind: text.clone(), text })
    }

    /// A node is there: the engine's number of it, who it is, and whether somebody has named it.
    fn understand_established(&mut self, message: &str) -> Option<Sentence> {
        let (has_come, rest) = match message.strip_prefix("New transport link accepted from ") {
            Some(rest) => (true, rest),
            None => (false, message.strip_prefix("New transport link opened from ")?),
        };
        let (numbers, link) = rest.split_once(": ")?;
        let (from, to) = numbers.split_once(" to ")?;
        let number = if has_come { from } else { to };
        let known = self.certificates.iter().rev().find(|(address, _)| link.contains(&**address));
        let who = match known {
            Some((address, name)) => format!("the machine {name:?} at {address}"),
            None => format!("the machine at {}", address_in(link)),
        };
        if !self.strangers.iter().any(|stranger| stranger == number) {
            if self.nodes.len() >= MOST_NODES {
                self.nodes.clear();
            }
            self.nodes.insert(number.to_owned(), who);
            return None;
        }
        self.strangers.retain(|stranger| stranger != number);
        // Its port is another one each time.
        let kind = who.rsplit_once(':').map_or(&*who, |(who, _)| who).to_owned();
        Some(Sentence {
            text: format!("{who} sees and shows nothing: nobody has named it as one that takes part"),
            kind,
        })
    }

    /// Whether the log does not say that by now.
    fn is_new(&mut self, kind: &str, now: Instant) -> bool {
        self.said.retain(|_, said| now.duration_since(*said) < AGAIN);
        let is_new = self.said.len() < MOST && !self.said.contains_key(kind);
        if is_new {
            self.said.insert(kind.to_owned(), now);
        }
        is_new
    }
}

fn push<T>(queue: &mut VecDeque<T>, new: T) {
    if queue.len() >= MOST {
        queue.pop_front();
    }
    queue.push_back(new);
}

/// The other side's address in the description of a connection.
fn address_in(link: &str) -> &str {
    let address = link.split_once("dst: ").map_or("", |(_, address)| address);
    let end = address.find([',', ' ', '#', '?', '}']).unwrap_or(address.len());
    let address = address.get(..end).unwrap_or_default();
    address.rsplit('/').next().unwrap_or(address)
}

/// Somebody cannot be reached.
fn understand_search(message: &str) -> Option<Sentence> {
    let rest = message.strip_prefix("Unable to connect to ")?;
    let (place, why) = rest.strip_prefix("configured peer ").unwrap_or(rest).split_once("! ")?;
    if place.contains(' ') {
        // Each of them was told of.
        return None;
    }
    let place = place.split(['#', '?']).next().unwrap_or(place);
    let place = place.rsplit('/').next().unwrap_or(place);
    let why = why.split_once(". Retry in ").map_or(why, |(why, _)| why);
    Some(with_reason(format!("the machine at {place} cannot be joined by now"), why))
}

/// Why a connection has come to nothing, in words.
fn with_reason(what: String, why: &str) -> Sentence {
    let known = [
        ("peer sent no certificates", "it has shown no certificate"),
        ("UnknownIssuer", "its certificate is signed by nobody whom this machine believes"),
        ("BadSignature", "its certificate is signed by nobody whom this machine believes"),
        ("Expired", "its certificate has expired"),
        ("NotValidYet", "its certificate is not valid yet, or this machine's clock is wrong"),
        ("fatal alert", "it does not believe this machine's certificate"),
        ("InvalidContentType", "it does not speak TLS"),
        ("Connection refused", "nobody listens there"),
        ("eof", "it has closed the connection"),
        ("Connection reset", "it has closed the connection"),
        ("deadline has elapsed", "it has not answered in time"),
    ];
    if let Some((_, reason)) = known.iter().find(|(word, _)| why.contains(word)) {
        let text = format!("{what}: {reason}");
        return Sentence { kind: text.clone(), text };
    }
    // A place in the engine's source says nothing to anybody.
    let bare = why.split(" at /").next().unwrap_or(why).trim_end_matches('.');
    Sentence { text: format!("{what}: {}", bare.chars().take(200).collect::<String>()), kind: what }
}

/// Why the engine cannot begin, in a sentence.
pub(super) fn why_not(error: &str) -> String {
    // A place in the engine's source says nothing to anybody.
    let bare = error.split(" at /").next().unwrap_or(error).trim_end_matches(['.', ']']);
    let listening = [" listener bound to ", " listener on "].iter().find_map(|words| bare.split_once(words));
    let Some((_, listening)) = listening else { return bare.to_owned() };
    // It is told in the engine's words and then in the usual ones.
    let why = listening.split_once(": [").map_or(listening, |(_, why)| why);
    format!("this machine cannot listen at {why}")
}

#[cfg(test)]
pub(in crate::cluster) mod testing {
    use std::sync::{Mutex, PoisonError};

    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

    pub(super) fn hear(sentence: Option<&str>) {
        SAID.lock().unwrap_or_else(PoisonError::into_inner).extend(sentence.map(str::to_owned));
    }

    /// How many sentences there were so far that have all of these words.
    pub(in crate::cluster) fn said(words: &[&str]) -> usize {
        let said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().filter(|sentence| words.iter().all(|word| sentence.contains(word))).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the log says of these messages.
    fn log(messages: &[(&str, &str)]) -> Vec<String> {
        let (mut state, now) = (State::default(), Instant::now());
        let hear = |(target, message): &(&str, &str)| {
            let sentence = state.understand(target, message)?;
            state.is_new(&sentence.kind, now).then_some(sentence.text)
        };
        messages.iter().filter_map(hear).collect()
    }

    #[test]
    fn why_the_engine_cannot_begin_is_said_without_its_source() {
        let why = "[h:1: Address already in use (os error 98) at /src/tcp.rs:61.] at /src/unicast.rs:338.";
        let error = format!("Can not create a new TCP listener bound to tcp/h:1#so_sndbuf=65536: {why}");
        assert_eq!(why_not(&error), "this machine cannot listen at h:1: Address already in use (os error 98)");
        let error =
            "Can not create a new TLS listener on 127.0.0.1:1: Address already in use (os error 98) at /src/x.rs:1.";
        assert_eq!(why_not(error), "this machine cannot listen at 127.0.0.1:1: Address already in use (os error 98)");
        assert_eq!(why_not("something odd at /src/x.rs:1."), "something odd");
    }

    const LINK: &str =
        "TransportLinkUnicast { link: Link { src: tls/10.0.0.1:7447, dst: tls/10.0.0.2:5000, mtu: 49152 } }";

    #[test]
    fn who_is_refused_is_named_once() {
        let [accept, open] = ESTABLISHED;
        let came = format!("New transport link accepted from aa to ff: {LINK}");
        let found = format!("New transport link opened from ff to bb: {LINK}");
        let stranger =
            |number: &str| format!("{number} did not match any configured ACL subject. Default permission `Deny`");
        let [a, b] = [stranger("aa"), stranger("bb")];
        let certificate = "Accepted TLS connection on 10.0.0.1:7447: 10.0.0.2:5000. Common Name: x\"y.";
        let strange = [(TLS, certificate), (ACCESS, &*a), (accept, &*came), (ACCESS, &*a), (accept, &*came)];
        let nothing = "sees and shows nothing: nobody has named it as one that takes part";
        assert_eq!(log(&strange), [format!("the machine \"x\\\"y\" at 10.0.0.2:5000 {nothing}")]);
        assert_eq!(log(&[(ACCESS, &b), (open, &found)]), [format!("the machine at 10.0.0.2:5000 {nothing}")]);
        let says = |number: &str, how: &str, action: &str, key: &str| {
            format!("{how}{number} on Interface(lo) is unauthorized to {action} (ingress) on mutoscope/{key}")
        };
        let cached = "Using cached result: ";
        let lies = [
            says("aa", cached, "Put", "other/x/jpeg"),
            says("aa", cached, "Put", "other/y/jpeg"),
            says("aa", "", "Liveliness Token", "other/x/live"),
            says("aa", "", "Put", "**"),
            says("zz", cached, "Put", "other/x/jpeg"),
        ];
        let mut messages = vec![(TLS, certificate), (accept, &*came)];
        messages.extend(lies.iter().map(|lie| (ACCESS, &**lie)));
        let of = |name: &str| {
            format!(
                "the machine \"x\\\"y\" at 10.0.0.2:5000 says something in the name of {name:?}, which it may not: that is left out"
            )
        };
        assert_eq!(log(&messages), [of("other"), of("all")]);
    }

    #[test]
    fn what_nobody_has_done_is_nobodys_fault() {
        let key = "other/x/jpeg";
        let came = format!("New transport link accepted from aa to ff: {LINK}");
        let foreseen = |action: &str| format!("aa on lo is unauthorized to {action} (ingress) on {key}");
        let actions = ["Put", "Declare/Undeclare Liveliness Token", "Declare Liveliness Subscriber"].map(foreseen);
        let begin = format!("ACL (ingress): caching permissions for `{key}` ...");
        let mut messages = vec![(ESTABLISHED[0], &*came), (ACCESS, &*begin)];
        messages.extend(actions.iter().map(|action| (ACCESS, &**action)));
        let allowed = "aa on lo is authorized to Put (ingress) on other/x/jpeg";
        messages.push((ACCESS, allowed));
        assert_eq!(log(&messages), [""; 0]);
        // And now it does it.
        messages.push((ACCESS, &actions[0]));
        assert_eq!(log(&messages).len(), 1);
    }

    #[test]
    fn why_a_connection_came_to_nothing_is_said_in_words_and_once_for_each_place() {
        let hint = ". Hint: increase the system open file limit.";
        let strange = |port: u32| format!("something odd about port {port} at /src/x.rs:1.");
        let (one, other) = (strange(1), strange(2));
        let unable = |place: &str, why: &str| format!("Unable to connect to tls/{place}#so_sndbuf=65536! {why}");
        let messages = [
            (TLS, format!("invalid peer certificate: UnknownIssuer{hint}")),
            (TLS, format!("peer sent no certificates{hint}")),
            (TLS, format!("peer sent no certificates{hint}")),
            (SEARCH, unable("h:1", "Read error: early eof at /src/x.rs:1.")),
            (SEARCH, unable("h:1", "Read error: early eof at /src/y.rs:2.")),
            (SEARCH, unable("h:2", &one)),
            (SEARCH, unable("h:2", &other)),
            (SEARCH, "Unable to connect to any of [Single(tls/h:2), Single(tls/h:1)]! ".to_owned()),
            (SEARCH, format!("Unable to connect to configured peer tls/h:3! {one}. Retry in 1s.")),
            (SEARCH, "Zenoh can be reached at: tcp/h:1".to_owned()),
        ];
        let messages: Vec<_> = messages.iter().map(|(target, message)| (*target, &**message)).collect();
        let expected = [
            "somebody who came to take part was refused: its certificate is signed by nobody whom this machine believes",
            "somebody who came to take part was refused: it has shown no certificate",
            "the machine at h:1 cannot be joined by now: it has closed the connection",
            "the machine at h:2 cannot be joined by now: something odd about port 1",
            "the machine at h:3 cannot be joined by now: something odd about port 1",
        ];
        assert_eq!(log(&messages), expected);
    }

    #[test]
    fn a_flood_of_refusals_fills_neither_the_log_nor_memory() {
        let mut state = State::default();
        let now = Instant::now();
        let mut said = 0;
        for number in 0..10_000 {
            let certificate =
                format!("Accepted TLS connection on 10.0.0.1:1: 10.0.0.2:{number}. Common Name: n{number}.");
            let stranger = format!("{number} did not match any configured ACL subject");
            let link = format!("Link {{ dst: tls/10.0.0.2:{number}, mtu: 1 }}");
            let came = format!("New transport link accepted from {number} to ff: {link}");
            for (target, message) in [(TLS, &certificate), (ACCESS, &stranger), (ESTABLISHED[0], &came)] {
                if let Some(sentence) = state.understand(target, message) {
                    said += u32::from(state.is_new(&sentence.kind, now));
                }
            }
            let honest = format!("New transport link accepted from h{number} to ff: {link}");
            assert_eq!(state.understand(ESTABLISHED[0], &honest), None);
        }
        assert_eq!(said, MOST as u32);
        let State { certificates, strangers, nodes, said } = &state;
        let most = [certificates.len(), strangers.len(), said.len()].into_iter().max();
        assert!(most <= Some(MOST) && nodes.len() <= MOST_NODES);
        assert!(state.is_new("n1", now + AGAIN), "and later it is said again");
    }
}
