//! What is decided by.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use mutoscope::auth::Key;
use mutoscope::wire::url::Path;

use super::elsewhere::{Elsewhere, ForOthers, Home, KeyMark};
use super::networks::{Networks, contain};
use super::passwords::Passwords;
use super::stream::{Encryption, StreamRules, Who};
use super::users::Users;
use crate::names::Index;
use crate::server::percent_encode;

/// The addresses by which a machine reaches itself.
const LOOPBACK: [IpNet; 2] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
];

/// All rules of a server. By default everybody may do everything, but publish only from the server's own machine.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Who has a password.
    pub users: Users,
    /// Those of them who may prove who they are by a token of ONVIF, too.
    pub passwords: Passwords,
    /// Which addresses are let in at all.
    pub networks: Networks,
    /// Rules of streams, by their names. Those without a rule here are [`default`](Self::default).
    pub streams: StreamTable,
    /// The rule of streams that have none of their own.
    pub default: StreamRules,
    /// Who may see the sessions of all, and end them. By default nobody.
    pub admin: Who,
    /// Accepts tokens that were made with this key.
    pub token_key: Option<Key>,
    /// What a token allowed ends with it, and what older rules allowed ends where these do not. Otherwise, those who watch by then may
    /// go on.
    pub cut: bool,
    /// Passwords are taken as they are, on private connections.
    pub basic: bool,
    /// Keys of streams that have to be encrypted are told in descriptions on connections that are not private. Whoever listens
    /// on the way can decrypt them.
    pub sdes: bool,
    /// Who knows the rules of streams of other machines, which hold beside those here.
    pub elsewhere: Elsewhere,
}

/// Rules of streams by their names. They are found in a time that does not depend on how many there are: strangers ask for names.
#[derive(Clone, Debug, Default)]
pub struct StreamTable {
    streams: Vec<(String, StreamRules)>,
    index: Index,
    /// The networks whose addresses may do something without a password, each once.
    known: Vec<IpNet>,
}

impl StreamTable {
    /// The rules of one more stream. Of several with one name the first ones count.
    pub fn insert(&mut self, name: impl Into<String>, rules: StreamRules) {
        let name = name.into();
        self.index.add(&name);
        for network in [&rules.watch, &rules.publish].into_iter().flatten().flat_map(|who| &who.networks) {
            if !self.known.contains(network) {
                self.known.push(*network);
            }
        }
        self.streams.push((name, rules));
    }

    /// The rules of the stream that a path means. A stream's recordings, which stand below its name, have its rules where they have none
    /// of their own.
    fn find(&self, path: Path<'_>) -> Option<&StreamRules> {
        self.find_exactly(path).or_else(|| {
            // Names of streams have no slash.
            let (stream, below) = path.as_str().trim_start_matches('/').split_once('/')?;
            let is_below = !below.trim_end_matches('/').is_empty();
            self.find_exactly(Path::new(stream)).filter(|_| is_below)
        })
    }

    fn find_exactly(&self, path: Path<'_>) -> Option<&StreamRules> {
        let name_at = |at: usize| self.streams.get(at).map(|(name, _)| name.as_str());
        self.index.find(path, name_at).and_then(|at| self.streams.get(at)).map(|(_, rules)| rules)
    }
}

impl<N: Into<String>> FromIterator<(N, StreamRules)> for StreamTable {
    fn from_iter<I: IntoIterator<Item = (N, StreamRules)>>(streams: I) -> Self {
        let mut table = Self::default();
        streams.into_iter().for_each(|(name, rules)| table.insert(name, rules));
        table
    }
}

impl Rules {
    /// The rules of the stream that a path means: its name is compared as the catalogue compares it.
    pub(super) fn of(&self, path: Path<'_>) -> Cow<'_, StreamRules> {
        let here = |path: Path<'_>| self.streams.find(path).unwrap_or(&self.default);
        match self.elsewhere.home_of(path) {
            None => Cow::Borrowed(here(path)),
            Some(Home::Here(name)) => Cow::Borrowed(here(Path::new(&percent_encode(&name)))),
            Some(Home::There { name, rules, tokens }) => {
                let own = self.token_key.as_ref().map(|key| KeyMark::new(key, &name));
                let refuses_tokens = rules.refuses_tokens || tokens.is_none() || own != tokens;
                Cow::Owned(StreamRules { refuses_tokens, ..self.with_home(path, &name, &rules) })
            }
        }
    }

    /// What may be done here with a stream of another machine: what all allow that say something of it. `path`: as it is asked for;
    /// `name`: what means it alone.
    fn with_home(&self, path: Path<'_>, name: &str, home: &StreamRules) -> StreamRules {
        let full = percent_encode(name);
        let full = Path::new(&full);
        // What stands below a name here is another stream's there.
        let asked = self.streams.find_exactly(path).filter(|_| !path.is_same(full));
        let own = self.streams.find_exactly(full);
        let here = asked.into_iter().chain(own);
        let here = here.chain([&self.default].into_iter().filter(|_| asked.or(own).is_none()));
        let nobody = Who::default();
        let mut all = StreamRules {
            watch: Some(home.watch.clone().unwrap_or_else(|| nobody.clone())),
            publish: Some(nobody),
            networks: Networks::default(),
            encryption: home.encryption,
            refuses_tokens: home.refuses_tokens,
        };
        for rules in here {
            all.watch = all.watch.map(|watch| watch.and(&self.who(rules, false)));
            all.networks = all.networks.and(&rules.networks);
            all.encryption = all.encryption.and(rules.encryption);
            all.refuses_tokens |= rules.refuses_tokens;
        }
        all
    }

    /// Whether some stream may be watched from there by who does not say who it is.
    pub(super) fn let_strangers_watch(&self, address: IpAddr) -> bool {
        let mut all = self.streams.streams.iter().map(|(_, rules)| rules).chain([&self.default]);
        all.any(|stream| self.who(stream, false).has_address(address))
    }

    /// Who may watch a stream, or publish it.
    pub(super) fn who<'r>(&'r self, stream: &'r StreamRules, is_to_publish: bool) -> Cow<'r, Who> {
        match if is_to_publish { &stream.publish } else { &stream.watch } {
            Some(who) => Cow::Borrowed(who),
            None if !self.users.is_empty() => Cow::Owned(Who::any_user()),
            None if is_to_publish => Cow::Owned(Who { networks: LOOPBACK.to_vec(), ..Who::default() }),
            None => Cow::Owned(Who::everybody()),
        }
    }

    /// Whether somebody at this address may watch or publish something by the address alone, where others need a password.
    pub(crate) fn know(&self, address: IpAddr) -> bool {
        let default = [&self.default.watch, &self.default.publish].into_iter().flatten();
        contain(&self.streams.known, address) || default.into_iter().any(|who| contain(&who.networks, address))
    }

    /// Whether whoever may connect may watch the stream of that path, without a password and without encryption.
    pub fn are_open_for(&self, path: mutoscope::wire::url::Path<'_>) -> bool {
        let stream = &*self.of(path);
        let is_limited = stream.networks.are_few() || stream.encryption == Encryption::Required;
        !is_limited && self.who(stream, false).everybody
    }

    /// What another machine has to know of the rules of a stream of this one. `name`: what it is called there, `NODE/STREAM`. Where only
    /// some addresses are let in, nobody may watch it there: which they are is of no use elsewhere.
    pub fn for_others(&self, path: Path<'_>, name: &str) -> ForOthers {
        let stream = self.of(path);
        let is_for_all = self.networks.are_all() && stream.networks.are_all();
        let watch = if is_for_all { self.who(&stream, false).into_owned() } else { Who::default() };
        let key = self.token_key.as_ref().filter(|_| is_for_all && !stream.refuses_tokens);
        let tokens = key.map(|key| KeyMark::new(key, name));
        ForOthers { watch, is_encrypted: stream.encryption == Encryption::Required, tokens }
    }

    /// Whether a stranger who reaches the server may watch something.
    pub fn are_open(&self) -> bool {
        self.users.is_empty() && !self.networks.are_few()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_of_a_stream_have_its_rules() {
        let of = |user: &str| StreamRules { watch: Who::parse([user]).ok(), ..StreamRules::default() };
        let names = [("cam", of("anna")), ("caf\u{e9}", of("bert")), ("cam/recordings/open.mkv", of("everybody"))];
        let rules = Rules { streams: names.into_iter().collect(), ..Rules::default() };
        let watches = |path: &str, user: &str| {
            rules.of(Path::new(path)).watch.as_ref().is_some_and(|who| who.has_user(user) || who.everybody)
        };
        for path in ["cam", "cam/recordings/a.mkv", "/cam/recordings/a.mkv/", "%63am/recordings/a.mkv", "cam/x"] {
            assert!(watches(path, "anna") && !watches(path, "bert"), "{path}");
        }
        assert!(watches("cafe%CC%81/recordings/a.mkv", "bert") && watches("cam/recordings/open.mkv", "bert"));
        for path in ["camera/recordings/a.mkv", "other/cam/a", "cam%2Frecordings%2Fa.mkv"] {
            assert!(!watches(path, "anna"), "{path}");
        }
    }

    #[test]
    fn of_two_rules_both_hold() {
        let who = |words: &str| Who::parse(words.split_whitespace()).unwrap();
        for (one, other, both) in [
            ("everybody", "everybody", "everybody"),
            ("everybody", "*", "*"),
            ("everybody", "anna 10.0.0.0/8", "anna 10.0.0.0/8"),
            ("*", "*", "*"),
            ("*", "anna bert", "anna bert"),
            ("anna bert", "bert carl", "bert"),
            ("anna", "bert", ""),
            ("", "everybody", ""),
            ("* 10.0.0.0/8", "* 10.0.0.0/8", "* 10.0.0.0/8"),
            ("10.0.0.0/8", "* 10.1.0.0/16", ""),
        ] {
            assert_eq!(who(one).and(&who(other)), who(both), "{one} and {other}");
            assert_eq!(who(other).and(&who(one)), who(both), "{other} and {one}");
        }
    }

    #[test]
    fn the_rules_of_another_machine_hold_here_beside_ours() {
        struct Garden;

        impl super::super::elsewhere::Homes for Garden {
            fn home_of(&self, path: Path<'_>) -> Option<Home> {
                let (name, watch) = match path.as_str() {
                    "garden/closed" => ("garden/closed", None),
                    "garden/anna" => ("garden/anna", Who::parse(["anna"]).ok()),
                    "garden/open" => ("garden/open", Some(Who::everybody())),
                    "garden/door" | "door" => ("garden/door", Some(Who::everybody())),
                    "gate" => ("yard/gate", Some(Who::everybody())),
                    "here/garden" => return Some(Home::Here("garden".to_owned())),
                    "here/cam/recordings/x.mkv" => return Some(Home::Here("cam/recordings/x.mkv".to_owned())),
                    _ => return None,
                };
                let rules = StreamRules { watch, ..StreamRules::default() };
                Some(Home::There { name: name.to_owned(), rules, tokens: None })
            }
        }

        let of = |user: &str| StreamRules { watch: Who::parse([user]).ok(), ..StreamRules::default() };
        // A stream of this machine is called as the other machine is.
        let near = StreamRules { networks: Networks::new(["10.0.0.0/8".parse().unwrap()], []), ..of("*") };
        let names = [
            ("garden", of("everybody")),
            ("garden/door", of("bert")),
            ("gate", StreamRules { encryption: Encryption::Off, ..of("bert") }),
            ("yard/gate", StreamRules { encryption: Encryption::Required, ..near }),
            ("cam", of("carl")),
        ];
        let elsewhere = Elsewhere::new(std::sync::Arc::new(Garden));
        let rules = Rules { streams: names.into_iter().collect(), elsewhere, default: of("*"), ..Rules::default() };
        let who = |path: &str| rules.of(Path::new(path)).watch.clone().unwrap();
        assert_eq!(who("garden/closed"), Who::default());
        assert_eq!(who("garden/anna"), Who::parse(["anna"]).unwrap());
        assert_eq!(who("garden/open"), Who::any_user());
        assert_eq!(who("garden/door"), Who::parse(["bert"]).unwrap());
        assert_eq!(who("door"), Who::parse(["bert"]).unwrap(), "under whichever name");
        assert_eq!(who("garden/recordings"), Who::everybody(), "it is none of the other machine's");
        assert_eq!(who("here/garden"), Who::everybody());
        assert_eq!(who("here/cam/recordings/x.mkv"), Who::parse(["carl"]).unwrap());
        let both = rules.of(Path::new("gate"));
        assert_eq!((&both.watch, both.encryption), (&Who::parse(["bert"]).ok(), Encryption::Required));
        assert!(both.networks.let_in([10, 1, 1, 1].into()) && !both.networks.let_in([11, 1, 1, 1].into()));
        assert!(!rules.are_open_for(Path::new("garden/open")));
    }

    #[test]
    fn others_are_told_of_nobody_where_addresses_count() {
        let key = || Key::new([7; 32]);
        let networks = |allowed: &[&str], denied: &[&str]| {
            Networks::parse(allowed.iter().copied(), denied.iter().copied()).unwrap()
        };
        let few = [networks(&["10.0.0.0/8"], &[]), networks(&[], &["10.0.0.0/8"])];
        let stream = |networks: &Networks| StreamRules { networks: networks.clone(), ..StreamRules::default() };
        let told = |server: &Networks, stream: StreamRules| {
            let rules = Rules {
                networks: server.clone(),
                token_key: Some(key()),
                streams: [("cam", stream)].into_iter().collect(),
                ..Rules::default()
            };
            rules.for_others(Path::new("cam"), "garden/cam")
        };
        let all = Networks::default();
        let open = told(&all, stream(&all));
        assert_eq!((open.watch, open.tokens), (Who::everybody(), Some(KeyMark::new(&key(), "garden/cam"))));
        for few in &few {
            for told in [told(&all, stream(few)), told(few, stream(&all)), told(few, stream(few))] {
                assert_eq!((told.watch, told.tokens), (Who::default(), None), "{few:?}");
            }
        }
        let closed = StreamRules { refuses_tokens: true, ..StreamRules::default() };
        assert_eq!(told(&all, closed).tokens, None);
    }

    #[test]
    fn marks_of_keys_are_those_of_one_stream_and_good_for_nothing_else() {
        let [key, other] = [7, 8].map(|byte| Key::new([byte; 32]));
        let mark = KeyMark::new(&key, "garden/cam");
        assert_eq!(KeyMark::parse(mark.as_str()), Some(mark.clone()));
        assert_ne!(KeyMark::new(&other, "garden/cam"), mark);
        assert_ne!(KeyMark::new(&key, "kitchen/cam"), mark);
        let token = mutoscope::auth::Token::find(&format!("rtsp://h/garden/cam?token={}", mark.as_str())).unwrap();
        assert_eq!(token.ends(), 0);
        let long = "a".repeat(41);
        for text in ["", "token", &long, &long[2..], &"A".repeat(40), &"\0".repeat(40)] {
            assert_eq!(KeyMark::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_stream_is_open_where_nothing_is_asked_of_anybody() {
        let mut rules = Rules::default();
        let stream = |watch: &str| StreamRules { watch: Some(Who::parse([watch]).unwrap()), ..StreamRules::default() };
        let few = Networks::new(["10.0.0.0/8".parse().unwrap()], []);
        let sealed = StreamRules { encryption: Encryption::Required, ..StreamRules::default() };
        let near = StreamRules { networks: few, ..StreamRules::default() };
        let anybody = stream("everybody");
        let named = [
            ("all", anybody),
            ("users", stream("*")),
            ("net", stream("10.0.0.0/8")),
            ("near", near),
            ("sealed", sealed),
        ];
        rules.streams = named.into_iter().collect();
        let open = |rules: &Rules| {
            let names = ["all", "users", "net", "near", "sealed", "other"];
            names.into_iter().filter(|name| rules.are_open_for(Path::new(name))).collect::<Vec<_>>()
        };
        assert_eq!(open(&rules), ["all", "other"]);
        rules.users.set("anna", "a password").unwrap();
        assert_eq!(open(&rules), ["all"]);
    }

    #[test]
    fn words_of_a_configuration_say_who() {
        let who = Who::parse(["anna", "10.0.0.0/8", "::1", "*"]).unwrap();
        assert!(who.any_user && !who.everybody && who.users.contains("anna") && who.networks.len() == 2);
        assert!(who.has_address("10.1.1.1".parse().unwrap()) && !who.has_address("11.1.1.1".parse().unwrap()));
        assert!(Who::parse(["everybody"]).unwrap().has_address("11.1.1.1".parse().unwrap()));
        assert!(Who::parse(["10.0.0.1/8"]).is_err() && Who::parse([""]).is_err() && Who::parse(["a/b"]).is_err());
    }

    #[test]
    fn a_stream_has_its_rule_however_its_name_is_written() {
        let mut rules = Rules::default();
        let mine = StreamRules { watch: Some(Who::parse(["anna"]).unwrap()), ..StreamRules::default() };
        rules.streams.insert("caf\u{e9}/yard", mine);
        for path in ["caf%C3%A9/yard", "/caf%c3%a9/yard/", "cafe%CC%81/yard", "caf\u{e9}/y%61rd?token=x"] {
            assert!(rules.of(Path::new(path)).watch.is_some(), "{path}");
        }
        for path in ["caf%C3%A9", "", "cafe/yard"] {
            assert!(rules.of(Path::new(path)).watch.is_none(), "{path}");
        }
    }

    #[test]
    fn the_rules_of_one_of_ten_thousand_streams_are_found_among_all() {
        let rules = |network: String| StreamRules { watch: Who::parse([&*network]).ok(), ..StreamRules::default() };
        let streams = (0..10_000).map(|number| (format!("cam-{number}"), rules(format!("10.0.{}.0/24", number % 7))));
        let rules = Rules { streams: streams.collect(), ..Rules::default() };
        assert_eq!(rules.streams.known.len(), 7, "each network is looked at once");
        for number in 0..10_000 {
            let path = format!("cam%2D{number}");
            assert!(
                rules.of(Path::new(&path)).watch.as_ref().is_some_and(|who| {
                    who.has_address(std::net::Ipv4Addr::new(10, 0, (number % 7) as u8, 1).into())
                })
            );
            assert!(rules.of(Path::new(&format!("none-{number}"))).watch.is_none());
        }
        assert!(rules.know("10.0.3.9".parse().unwrap()) && !rules.know("10.0.7.9".parse().unwrap()));
    }

    #[test]
    fn without_users_everybody_watches_and_the_own_machine_publishes() {
        let rules = Rules::default();
        let (watch, publish) = (rules.who(&rules.default, false), rules.who(&rules.default, true));
        assert!(watch.everybody && !publish.everybody);
        assert!(
            publish.has_address("::ffff:127.0.0.1".parse().unwrap()) && publish.has_address("::1".parse().unwrap())
        );
        assert!(!publish.has_address("10.0.0.1".parse().unwrap()) && rules.are_open());
    }
}
