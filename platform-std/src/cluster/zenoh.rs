//! The exchange between machines: [Eclipse Zenoh](https://zenoh.io). All that knows of it is in this file, and in its folder.

mod told;

#[cfg(test)]
pub(super) use told::testing::said;

use std::borrow::Cow;
use std::fmt;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use zenoh::config::Config;
use zenoh::pubsub::Publisher;
use zenoh::qos::{CongestionControl, Priority};
use zenoh::query::{ConsolidationMode, Query, QueryTarget};
use zenoh::sample::{Locality, SampleKind};
use zenoh::{Session, Wait};

use super::exchange::{
    Exchange, ExchangeError, Held, Lasting, MAX_PICTURE, OnAnswer, OnPresence, OnQuestion, OnSample, OnWatched,
    Publication, Question, Sample,
};
use super::name;
use super::topology::{Access, Certificates, Role, Topology};

/// Nobody sends more at once than a picture may have, and what goes with it. What is longer is left out when so much of it has come.
const MAX_MESSAGE: usize = MAX_PICTURE + 64 * 1024;
/// A node of which nothing is heard for so long is gone.
const LEASE_MILLIS: u64 = 1000;
/// A node that does not answer for so long is not there, and the next one is tried.
const OPEN_MILLIS: u64 = 500;
/// How long it takes until a node is tried again: at first, and at last.
const RETRY_MILLIS: [u64; 2] = [100, 500];
/// Batches of 64 KB that wait for the network. More of them are no help where all cameras of a node take their pictures at one moment, and
/// make pictures old where the network is narrow: 16 of them by a second at 8 Mbit/s.
const QUEUE: u64 = 2;
/// Microseconds that a picture waits for room in the queue.
const WAIT_MICROS: u64 = 5_000;
/// Microseconds that a large one waits on its way. Less, and those that take longer than this on their network never arrive.
const WAIT_FRAGMENTS_MICROS: u64 = 1_000_000;
/// Bytes that the system keeps of what is sent: what a picture of a camera has. More would be sent when it is old.
const SEND_BUFFER: u32 = 65_536;

/// A node's session.
pub struct Zenoh {
    session: Session,
}

impl Zenoh {
    /// Joins the others. Those that are not there yet are looked for as long as it lasts. A node that does not listen is one of the cluster
    /// when the first one has answered: this waits for it.
    ///
    /// # Errors
    /// An address is none or is taken, or the files of TLS cannot be used.
    pub fn open(topology: &Topology) -> Result<Self, ExchangeError> {
        told::listen();
        topology.check().map_err(ExchangeError::new)?;
        let text = configuration(topology).to_string();
        let config = Config::from_json5(&text).map_err(ExchangeError::new)?;
        let [mut pause, longest] = RETRY_MILLIS;
        loop {
            match zenoh::open(config.clone()).wait() {
                Ok(session) => return Ok(Self { session }),
                // The engine tries each place once, and it would try only the first one if it were told to go on.
                Err(_) if topology.role() == Role::Client => {
                    thread::sleep(Duration::from_millis(pause));
                    pause = longest.min(2 * pause);
                }
                Err(error) => return Err(ExchangeError::new(told::why_not(&error.to_string()))),
            }
        }
    }
}

impl fmt::Debug for Zenoh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zenoh").field("id", &self.session.zid().to_string()).finish()
    }
}

/// All addresses of the machine, at a port that is free.
fn any_place() -> String {
    let has_six = TcpListener::bind("[::]:0").is_ok();
    if has_six { "[::]:0" } else { "0.0.0.0:0" }.to_owned()
}

fn configuration(topology: &Topology) -> Value {
    let (role, send_buffer) = (topology.role(), topology.send_buffer.unwrap_or(SEND_BUFFER));
    let protocol = if topology.tls.is_some() { "tls" } else { "tcp" };
    let endpoint = |place: &String| format!("{protocol}/{place}#so_sndbuf={send_buffer}");
    let endpoints = |places: &[String]| places.iter().map(endpoint).collect::<Vec<_>>();
    let [first, last] = RETRY_MILLIS;
    // Those who are found have to be let in.
    let listen = if topology.lan && topology.listen.is_empty() { vec![any_place()] } else { topology.listen.clone() };
    let mut configuration = json!({
        "mode": role.word(),
        "listen": { "endpoints": endpoints(&listen) },
        "connect": {
            "endpoints": endpoints(&topology.connect),
            // Whoever is not there yet is no reason to end: it is tried again behind our back, or by ourselves.
            "timeout_ms": if role == Role::Client { 0 } else { -1 },
            "exit_on_failure": role == Role::Client,
            "retry": { "period_init_ms": first, "period_max_ms": last, "period_increase_factor": 2 },
        },
        "open": { "return_conditions": { "connect_scouted": false, "declares": false } },
        "scouting": {
            "delay": 0,
            "multicast": { "enabled": topology.lan },
            "gossip": { "enabled": topology.lan },
        },
        "adminspace": { "enabled": false },
        "transport": {
            "shared_memory": { "enabled": false },
            "unicast": { "open_timeout": OPEN_MILLIS, "accept_timeout": 2 * OPEN_MILLIS },
            "link": {
                "tx": {
                    "lease": LEASE_MILLIS,
                    "queue": {
                        "size": { "data": QUEUE },
                        "congestion_control": { "drop": {
                            "wait_before_drop": WAIT_MICROS,
                            "max_wait_before_drop_fragments": WAIT_FRAGMENTS_MICROS,
                        } },
                    },
                },
                "rx": { "max_message_size": MAX_MESSAGE },
            },
        },
    });
    if let Some(Certificates { authority, certificate, key }) = &topology.tls {
        configuration["transport"]["link"]["tls"] = json!({
            "root_ca_certificate": authority,
            "enable_mtls": true,
            "listen_certificate": certificate,
            "listen_private_key": key,
            "connect_certificate": certificate,
            "connect_private_key": key,
            // Who is who tells the list of names: nodes have addresses of all kinds. The engine believes all authorities of the web
            // besides, where it connects, so there is a list then.
            "verify_name_on_connect": false,
            "close_link_on_expiration": true,
        });
    }
    if let Some(access) = &topology.access {
        configuration["access_control"] = rules(access);
    }
    configuration
}

/// What each certificate may do: all that is not named is forbidden.
fn rules(access: &Access) -> Value {
    const SAYING: [&str; 5] = ["put", "delete", "declare_queryable", "reply", "liveliness_token"];
    const ASKING: [&str; 4] = ["declare_subscriber", "query", "declare_liveliness_subscriber", "liveliness_query"];
    let (all, both) = (format!("{}/**", name::ROOT), SAYING.iter().chain(&ASKING).collect::<Vec<_>>());
    let mut rules = vec![
        json!({ "id": "heard", "permission": "allow", "flows": ["egress"], "messages": both, "key_exprs": [all] }),
        json!({ "id": "asks", "permission": "allow", "flows": ["ingress"], "messages": ASKING, "key_exprs": [all] }),
        json!({ "id": "relays", "permission": "allow", "flows": ["ingress"], "messages": SAYING, "key_exprs": [all] }),
    ];
    let (mut subjects, mut policies) = (Vec::new(), Vec::new());
    let mut add = |id: String, name: &String, rules: Vec<String>| {
        subjects.push(json!({ "id": id, "cert_common_names": [name] }));
        policies.push(json!({ "rules": rules, "subjects": [id] }));
    };
    for (number, node) in access.nodes.iter().enumerate() {
        let (id, key) = (format!("node{number}"), name::node_key(node));
        let own = [key.clone(), format!("{key}/**")];
        let flows = ["ingress"];
        rules.push(json!({ "id": id, "permission": "allow", "flows": flows, "messages": SAYING, "key_exprs": own }));
        add(id.clone(), node, vec!["heard".into(), "asks".into(), id]);
    }
    for (number, relay) in access.relays.iter().enumerate() {
        add(format!("relay{number}"), relay, ["heard", "asks", "relays"].map(String::from).into());
    }
    json!({
        "enabled": true,
        "default_permission": "deny",
        "rules": rules,
        "subjects": subjects,
        "policies": policies,
    })
}

struct Published {
    publisher: Publisher<'static>,
    /// It was said that pictures are left out.
    has_told: bool,
}

impl Publication for Published {
    fn put(&mut self, picture: &[u8], attachment: &[u8]) -> Result<(), ExchangeError> {
        if picture.len() > MAX_PICTURE {
            if !self.has_told {
                let (key, len) = (self.publisher.key_expr(), picture.len());
                log::warn!("{key}: a picture of {len} bytes is not sent to other machines: {MAX_PICTURE} are the most");
            }
            self.has_told = true;
            return Ok(());
        }
        self.publisher.put(picture).attachment(attachment).wait().map_err(ExchangeError::new)
    }
}

/// Something of the engine's that ends by being dropped.
struct Kept<T>(#[allow(dead_code, reason = "it ends by being dropped")] T);

impl<T: Send + Sync> Lasting for Kept<T> {}

struct Asked(Query);

impl Question for Asked {
    fn key(&self) -> &str {
        self.0.key_expr().as_str()
    }

    fn parameters(&self) -> &str {
        self.0.parameters().as_str()
    }

    fn answer(&self, sample: Sample<'_>) {
        let reply = self.0.reply(sample.key, sample.payload).attachment(sample.attachment);
        if let Err(error) = reply.wait() {
            log::debug!("cluster: an answer did not leave: {error}");
        }
    }
}

/// Is told that there will be no more answers when the engine drops what it calls.
struct Asker(OnAnswer);

impl Drop for Asker {
    fn drop(&mut self) {
        (self.0)(None);
    }
}

fn taken(sample: &zenoh::sample::Sample, take: impl FnOnce(Sample<'_>)) {
    let (payload, key) = (sample.payload().to_bytes(), sample.key_expr().as_str());
    let attachment = sample.attachment().map_or(Cow::Borrowed(&[][..]), zenoh::bytes::ZBytes::to_bytes);
    take(Sample { key, payload: &payload, attachment: &attachment });
}

impl Exchange for Zenoh {
    fn publish(&self, key: &str, on_watched: OnWatched) -> Result<Box<dyn Publication>, ExchangeError> {
        let publisher = self
            .session
            .declare_publisher(key.to_owned())
            // The newest picture is worth more than all: what finds no room is left out.
            .congestion_control(CongestionControl::Drop)
            .priority(Priority::Data)
            .express(false)
            .allowed_destination(Locality::Remote)
            .wait()
            .map_err(ExchangeError::new)?;
        let listener = publisher.matching_listener().callback(move |status| on_watched(status.matching()));
        listener.background().wait().map_err(ExchangeError::new)?;
        Ok(Box::new(Published { publisher, has_told: false }))
    }

    fn watch(&self, key: &str, take: OnSample) -> Result<Held, ExchangeError> {
        let take = move |sample: zenoh::sample::Sample| {
            if sample.kind() == SampleKind::Put {
                taken(&sample, &take);
            }
        };
        let watched = self.session.declare_subscriber(key.to_owned()).callback(take);
        let watched = watched.allowed_origin(Locality::Remote);
        Ok(Box::new(Kept(watched.wait().map_err(ExchangeError::new)?)))
    }

    fn declare(&self, key: &str) -> Result<Held, ExchangeError> {
        let token = self.session.liveliness().declare_token(key.to_owned());
        Ok(Box::new(Kept(token.wait().map_err(ExchangeError::new)?)))
    }

    fn follow(&self, keys: &str, tell: OnPresence) -> Result<Held, ExchangeError> {
        let tell = move |sample: zenoh::sample::Sample| {
            tell(sample.key_expr().as_str(), sample.kind() == SampleKind::Put);
        };
        let follower = self.session.liveliness().declare_subscriber(keys.to_owned()).history(true).callback(tell);
        Ok(Box::new(Kept(follower.wait().map_err(ExchangeError::new)?)))
    }

    fn answer(&self, key: &str, answer: OnQuestion) -> Result<Held, ExchangeError> {
        let answers =
            self.session.declare_queryable(key.to_owned()).callback(move |query| answer(Box::new(Asked(query))));
        Ok(Box::new(Kept(answers.complete(true).wait().map_err(ExchangeError::new)?)))
    }

    fn ask(&self, keys: &str, parameters: &str, patience: Duration, tell: OnAnswer) -> Result<(), ExchangeError> {
        // Beside pictures, and before them.
        let how = (Priority::InteractiveHigh, CongestionControl::Block);
        self.get(&format!("{keys}?{parameters}"), how, patience, tell)
    }

    fn ask_for_pictures(
        &self,
        keys: &str,
        parameters: &str,
        patience: Duration,
        tell: OnAnswer,
    ) -> Result<(), ExchangeError> {
        self.get(&format!("{keys}?{parameters}"), (Priority::DataLow, CongestionControl::Drop), patience, tell)
    }
}

impl Zenoh {
    /// Asks; answers come as the question goes.
    fn get(
        &self,
        selector: &str,
        (priority, congestion): (Priority, CongestionControl),
        patience: Duration,
        tell: OnAnswer,
    ) -> Result<(), ExchangeError> {
        let asker = Mutex::new(Asker(tell));
        let tell = move |reply: zenoh::query::Reply| {
            if let Ok(sample) = reply.result() {
                let mut asker = asker.lock().unwrap_or_else(PoisonError::into_inner);
                taken(sample, |sample| (asker.0)(Some(sample)));
            }
        };
        self.session
            .get(selector.to_owned())
            .target(QueryTarget::All)
            .consolidation(ConsolidationMode::None)
            .priority(priority)
            .congestion_control(congestion)
            .allowed_destination(Locality::Remote)
            .timeout(patience)
            .callback(tell)
            .wait()
            .map_err(ExchangeError::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_listens_where_it_is_told_and_looks_for_others_where_that_is_wanted() {
        let places = |places: &[&str]| places.iter().map(|&place| place.to_owned()).collect::<Vec<_>>();
        let [a, b] = ["127.0.0.1:1", "edge:2"];
        for (lan, listen, connect, mode) in [
            (false, places(&[]), places(&[b]), "client"),
            (false, places(&[a]), places(&[]), "router"),
            (false, places(&[a, b]), places(&[b]), "router"),
            (true, places(&[]), places(&[]), "peer"),
            (true, places(&[a]), places(&[b]), "peer"),
        ] {
            let topology = Topology { lan, listen, connect, ..Topology::default() };
            let configuration = configuration(&topology);
            let endpoints = |of: &str| -> Vec<String> {
                let endpoints = configuration[of]["endpoints"].as_array().unwrap();
                endpoints.iter().map(|endpoint| endpoint.as_str().unwrap().replace("#so_sndbuf=65536", "")).collect()
            };
            let tcp = |places: &[String]| places.iter().map(|place| format!("tcp/{place}")).collect::<Vec<_>>();
            if lan && topology.listen.is_empty() {
                assert!(endpoints("listen").len() == 1 && endpoints("listen")[0].ends_with(":0"), "{configuration}");
            } else {
                assert_eq!(endpoints("listen"), tcp(&topology.listen));
            }
            assert_eq!(endpoints("connect"), tcp(&topology.connect));
            assert_eq!(configuration["mode"], mode);
            for how in ["multicast", "gossip"] {
                assert_eq!(configuration["scouting"][how]["enabled"], lan);
            }
            assert_eq!(configuration["adminspace"]["enabled"], false);
            assert!(configuration["access_control"].is_null());
            Config::from_json5(&configuration.to_string()).unwrap();
        }
    }

    #[test]
    fn whoever_is_named_may_say_what_is_said_in_its_own_name() {
        let access = Access { nodes: vec!["k\u{fc}che".to_owned()], relays: vec!["edge".to_owned()] };
        let rules = rules(&access);
        assert_eq!((&rules["enabled"], &rules["default_permission"]), (&json!(true), &json!("deny")));
        let rule = |id: &str| rules["rules"].as_array().unwrap().iter().find(|rule| rule["id"] == id).unwrap();
        assert_eq!(rule("node0")["key_exprs"], json!(["mutoscope/k%C3%BCche", "mutoscope/k%C3%BCche/**"]));
        assert_eq!(rule("relays")["key_exprs"], json!(["mutoscope/**"]));
        let policy = |at: usize| (&rules["policies"][at]["rules"], &rules["subjects"][at]["cert_common_names"]);
        assert_eq!(policy(0), (&json!(["heard", "asks", "node0"]), &json!(["k\u{fc}che"])));
        assert_eq!(policy(1), (&json!(["heard", "asks", "relays"]), &json!(["edge"])));
        assert_eq!(rules["policies"].as_array().map(Vec::len), Some(2));
    }
}
