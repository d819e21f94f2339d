//! Streams of other nodes: which there are, and the pictures of those that somebody watches here.
//!
//! A stream is known by its full name, `NODE/STREAM`, and by `STREAM` alone at the node that had it first of those that have it now. So
//! a stream that moves to another node goes on under its name, and nobody takes the name of another one's stream.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use mutoscope::media::Either;
use mutoscope::media::catalogue::Catalogue;
use mutoscope::wire::url::Path;

use super::about::About;
use super::bounds::Room;
use super::exchange::{Exchange, ExchangeError, Held, Sample};
use super::feed::Feed;
use super::film::{Film, FilmMedium, Films};
use super::name::{self, Address, Part};
use super::newest::{self, OnStill};
use super::work::{Changed, Next, Work};
use crate::guard::{Home, Homes, StreamRules, Who};
use crate::input::{Publisher, STARTING};
use crate::media::live::{Live, LiveMedium};
use crate::media::{LeftOut, Policy};
use crate::web::{Listed, Listing};

/// A picture that is older is shown to nobody.
const MAX_AGE: Duration = Duration::from_secs(1);
/// Streams of one node, and of all.
const MOST_OF_NODE: usize = 1000;
const MOST: usize = 10_000;
const MOST_NODES: usize = 1000;
/// Nodes of which the log has said that they are wrong.
const MOST_NAMED: usize = 100;
/// How long a node may take to tell what its streams are.
const ANSWER: Duration = Duration::from_secs(5);
/// When who asks for a stream may ask again whose pictures have not come yet …
const SOON: Duration = Duration::from_secs(1);
/// … and for one that is not there.
const RETRY: Duration = Duration::from_secs(2);

/// How long others are waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    /// Pictures are taken after the last one who watched has gone: the next one comes soon, as players do that try again.
    pub linger: Duration,
    /// A stream that is gone keeps its name: a node may be started again.
    pub patience: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self { linger: Duration::from_secs(2), patience: Duration::from_secs(60) }
    }
}

/// The streams of all other nodes. Copies are the same.
#[derive(Clone)]
pub struct Remote(Arc<Running>);

/// It ends with the last copy.
struct Running {
    shared: Arc<Shared>,
    follows: Mutex<Vec<Held>>,
}

struct Shared {
    exchange: Arc<dyn Exchange>,
    /// This node, whose streams are found elsewhere.
    node: String,
    policy: Policy,
    waits: Waits,
    films: Films,
    known: Mutex<Known>,
    room: Arc<Room>,
    work: Work<Feed>,
    start: Instant,
    /// Is told that other rules hold for a stream.
    on_rules: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// What there is.
#[derive(Default)]
struct Known {
    streams: BTreeMap<Address, Stream>,
    /// How many of them each node has.
    counts: HashMap<String, usize>,
    /// By the names of streams alone.
    names: HashMap<Arc<str>, Name>,
    /// What the log says already.
    named: HashSet<String>,
    /// Since when one is gone; none longer.
    gone: Option<Instant>,
}

/// A stream of another node.
struct Stream {
    /// Since when it is not there.
    gone: Option<Instant>,
    /// It is offered as what it is not here, too: as a film where it is live, or the other way round.
    is_also_other: bool,
    /// What its node tells of it.
    about: Option<About>,
    shown: Shown,
}

/// What it is here.
enum Shown {
    Live(Arc<Feed>),
    Film(Arc<Film>),
}

impl Shown {
    const fn part(&self) -> Part {
        match self {
            Self::Live(_) => Part::Live,
            Self::Film(_) => Part::Film,
        }
    }

    fn medium(&self) -> RemoteMedium {
        match self {
            Self::Live(feed) => Either::First(feed.live.medium(feed.live.address())),
            Self::Film(film) => Either::Second(film.medium()),
        }
    }

    /// It is not there, and may come back.
    fn cease(&self, reason: &str) {
        match self {
            Self::Live(feed) => feed.live.cease(reason, RETRY),
            Self::Film(film) => film.set_there(false),
        }
    }

    fn end(&self) {
        match self {
            Self::Live(feed) => feed.live.end(),
            Self::Film(film) => film.end(),
        }
    }
}

/// A stream of another node in the hands of a server.
pub type RemoteMedium = Either<LiveMedium, FilmMedium>;

/// A name without a node.
struct Name {
    shown: Arc<Publisher>,
    live: Live,
    /// Those that have it, in the order in which they came: the first one is shown.
    owners: Vec<Address>,
    /// The one that was shown last, whose rules hold for what may still be seen of it.
    shows: Address,
}

impl Remote {
    /// The streams of all nodes but this one. `policy`: what may be done with pictures that RTP/JPEG cannot carry.
    ///
    /// # Errors
    /// The exchange's, or the system has no thread left.
    pub fn new(exchange: Arc<dyn Exchange>, node: &str, policy: Policy) -> io::Result<Self> {
        Self::with_waits(exchange, node, policy, Waits::default())
    }

    pub(super) fn with_waits(
        exchange: Arc<dyn Exchange>,
        node: &str,
        policy: Policy,
        waits: Waits,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            exchange: Arc::clone(&exchange),
            node: node.to_owned(),
            policy,
            waits,
            films: Films::new(Arc::clone(&exchange), policy)?,
            known: Mutex::default(),
            room: Arc::default(),
            work: Work::default(),
            start: Instant::now(),
            on_rules: OnceLock::new(),
        });
        let mut receiver = Receiver { shared: Arc::clone(&shared), watched: HashMap::new(), next_end: None };
        thread::Builder::new().name("cluster-in".to_owned()).spawn(move || receiver.run())?;
        let remote = Self(Arc::new(Running { shared, follows: Mutex::default() }));
        let mut follows = Vec::new();
        for part in [Part::Live, Part::Film] {
            let shared = Arc::downgrade(&remote.0.shared);
            let tell = move |key: &str, is_there: bool| {
                if let Some(shared) = shared.upgrade() {
                    shared.handle_presence(key, is_there);
                }
            };
            follows.push(exchange.follow(&name::all(part), Box::new(tell)).map_err(io::Error::other)?);
        }
        let shared = Arc::downgrade(&remote.0.shared);
        let ask_again = move |sample: Sample<'_>| {
            let (Some(shared), Ok(node)) = (shared.upgrade(), name::parse_node(sample.key)) else { return };
            // More than nothing is the node's word of the room that it has: it is there, and can answer what it has not answered yet.
            let is_asked = {
                let known = shared.known();
                known.counts.contains_key(&node) && (sample.payload.is_empty() || known.lacks_words_of(&node))
            };
            if is_asked {
                shared.work.note_unknown(&node);
            }
        };
        let news = exchange.watch(&name::all_nodes(), Box::new(ask_again)).map_err(io::Error::other)?;
        follows.push(news);
        remote.0.follows.lock().unwrap_or_else(PoisonError::into_inner).extend(follows);
        Ok(remote)
    }

    /// Has `tell` called whenever a stream has other rules than before; the first one who wants to know is told. It is called by threads of
    /// the exchange, and must not wait.
    pub fn on_rules(&self, tell: impl Fn() + Send + Sync + 'static) {
        let _ = self.0.shared.on_rules.set(Box::new(tell));
    }

    /// Another node says that a key is there, or is no more.
    #[cfg(test)]
    pub(super) fn hear(&self, key: &str, is_there: bool) {
        self.0.shared.handle_presence(key, is_there);
    }

    /// Full names of all streams that are there.
    pub fn names(&self) -> Vec<String> {
        let known = self.0.shared.known();
        let present = known.streams.iter().filter(|(_, stream)| stream.gone.is_none());
        present.map(|(address, _)| address.full_name()).collect()
    }

    /// How many other nodes have streams that are there.
    pub fn nodes(&self) -> usize {
        let known = self.0.shared.known();
        let mut nodes: Vec<&str> = Vec::new();
        for (address, _) in known.streams.iter().filter(|(_, stream)| stream.gone.is_none()) {
            // Those of one node stand together.
            if nodes.last() != Some(&address.node()) {
                nodes.push(address.node());
            }
        }
        nodes.len()
    }

    /// Has `tell` given the newest picture of a live stream, or the last one that its node has: the stream is started for that, and need not
    /// be watched here. `false`: there is no such stream, and nobody will be told.
    pub fn newest(&self, path: Path<'_>, tell: OnStill) -> bool {
        let found = || {
            let asked = Asked::parse(path)?;
            let known = self.0.shared.known();
            let address = known.meant(asked)?;
            let is_live = known.feed(&address).is_some_and(|(_, is_there)| is_there);
            is_live.then_some(address)
        };
        let Some(address) = found() else { return false };
        newest::ask(&*self.0.shared.exchange, address, tell);
        true
    }

    /// All streams, as they are listed; those that are gone as well, as long as they may come back.
    pub fn list(&self) -> Vec<Listed> {
        let known = self.0.shared.known();
        known.streams.iter().map(|(address, stream)| stream.listed(address)).collect()
    }

    /// The stream that a path means, if it is there now.
    pub fn address(&self, path: Path<'_>) -> Option<Address> {
        let asked = Asked::parse(path)?;
        let known = self.0.shared.known();
        let address = known.meant(asked)?;
        known.streams.get(&address)?.gone.is_none().then_some(address)
    }
}

/// What a path asks for.
enum Asked {
    /// `NODE/STREAM`.
    Full(Address),
    /// `STREAM`.
    Alone(String),
}

impl Asked {
    /// `None`: no stream of another node can be meant. A slash in a name does not stand between two: rules are found by segments, too.
    fn parse(path: Path<'_>) -> Option<Self> {
        let mut segments = path.segments().map(|segment| String::from_utf8(segment.collect()).ok());
        let first = segments.next()??;
        let Some(second) = segments.next() else { return Some(Self::Alone(first)) };
        let address = Address::new(&first, &second?).ok()?;
        segments.next().is_none().then_some(Self::Full(address))
    }
}

/// The name behind that of the node `node` in a path; `None`: the path does not begin with it.
pub fn below(path: Path<'_>, node: &str) -> Option<String> {
    let segments: Option<Vec<_>> = path.segments().map(|segment| String::from_utf8(segment.collect()).ok()).collect();
    let (first, rest) = segments?.split_first().map(|(first, rest)| (first.clone(), rest.to_vec()))?;
    // One of ours has none with a slash in it.
    let is_ours = first == node && !rest.is_empty() && !rest.iter().any(|segment| segment.contains('/'));
    is_ours.then(|| rest.join("/"))
}

impl Catalogue for Remote {
    type Medium = RemoteMedium;

    fn find(&self, path: Path<'_>) -> Option<RemoteMedium> {
        let asked = Asked::parse(path)?;
        let known = self.0.shared.known();
        let name = match asked {
            Asked::Full(address) => return Some(known.streams.get(&address)?.shown.medium()),
            Asked::Alone(name) => known.names.get(&*name)?,
        };
        match known.streams.get(&name.shows).map(|stream| &stream.shown) {
            Some(film @ Shown::Film(_)) => Some(film.medium()),
            _ => Some(Either::First(name.live.medium(name.live.address()))),
        }
    }
}

impl Homes for Remote {
    fn home_of(&self, path: Path<'_>) -> Option<Home> {
        let asked = Asked::parse(path)?;
        let known = self.0.shared.known();
        let address = known.meant(asked)?;
        let stream = known.streams.get(&address)?;
        let nobody = || StreamRules { watch: Some(Who::default()), ..StreamRules::default() };
        let rules = stream.about.as_ref().map_or_else(nobody, About::rules);
        let tokens = stream.about.as_ref().and_then(|about| about.tokens.clone());
        Some(Home::There { name: address.full_name(), rules, tokens })
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("node", &self.0.shared.node).finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.work.end();
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A node says that a stream is there, or that it is no more.
    fn handle_presence(self: &Arc<Self>, key: &str, is_there: bool) {
        let (address, part) = match Address::parse(key) {
            Ok((address, _)) if address.node() == self.node => return,
            Ok(found) => found,
            Err(error) => {
                let what = format!("a node offers {:?}, which cannot be served: {error}", shortened(key));
                return self.known().complain(what);
            }
        };
        let mut known = self.known();
        let shown = known.shown_as(address.stream());
        if is_there {
            known.add(self, address.clone(), part);
        } else {
            known.remove(self, &address, part);
        }
        let has_moved = shown.is_some() && known.shown_as(address.stream()) != shown;
        let is_served = known.streams.get(&address).is_some_and(|stream| stream.gone.is_none());
        drop(known);
        if has_moved {
            self.tell_rules();
        }
        if is_served {
            self.work.note_unknown(address.node());
        }
        self.work.note_change(Changed::Stream(address));
    }

    /// A node has told of one of its streams.
    fn handle_about(&self, sample: Sample<'_>) {
        let Ok((address, Part::About)) = Address::parse(sample.key) else { return };
        let about = About::parse(sample.payload);
        let rules = |about: &Option<About>| {
            about.as_ref().map(|about| (about.watch.clone(), about.is_encrypted, about.tokens.clone()))
        };
        let mut known = self.known();
        let Some(stream) = known.streams.get_mut(&address) else { return };
        let has_changed = rules(&stream.about) != rules(&about);
        stream.about = about;
        drop(known);
        if has_changed {
            self.tell_rules();
        }
    }

    /// Other rules hold for a stream than before.
    fn tell_rules(&self) {
        self.on_rules.get().into_iter().for_each(|tell| tell());
    }

    /// A medium whose viewers are noticed.
    fn live(self: &Arc<Self>, name: &str, changed: Changed) -> Live {
        let live = Live::new(name, None);
        live.rest(STARTING, SOON);
        let shared = Arc::downgrade(self);
        live.on_change(move || {
            if let Some(shared) = shared.upgrade() {
                shared.work.note_change(changed.clone());
            }
        });
        live
    }
}

/// As much of what a stranger has written as a log needs.
fn shortened(text: &str) -> &str {
    let end = text.char_indices().nth(100).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or(text)
}

impl Known {
    /// Says what is wrong, once.
    fn complain(&mut self, what: String) {
        if self.named.len() < MOST_NAMED && self.named.insert(what.clone()) {
            log::warn!("cluster: {what}");
        }
    }

    fn add(&mut self, shared: &Arc<Shared>, address: Address, part: Part) {
        if let Some(stream) = self.streams.get_mut(&address).filter(|stream| stream.shown.part() != part) {
            if stream.gone.is_none() {
                // What it was first it is until that goes: somebody else may say this.
                stream.is_also_other = true;
                return;
            }
            // It was a film, and is live now, or the other way round.
            self.take(&address).into_iter().for_each(|other| other.shown.end());
        }
        if let Some(stream) = self.streams.get_mut(&address) {
            stream.gone = None;
            match &stream.shown {
                Shown::Live(feed) => feed.live.explain(STARTING, SOON),
                Shown::Film(film) => film.set_there(true),
            }
        } else {
            let of_node = self.counts.get(address.node()).copied().unwrap_or(0);
            if of_node >= MOST_OF_NODE {
                let node = address.node();
                return self
                    .complain(format!("{node:?} offers more than {MOST_OF_NODE} streams: the others are left out"));
            }
            if self.streams.len() >= MOST || of_node == 0 && self.counts.len() >= MOST_NODES {
                let what =
                    format!("there are more than {MOST} streams, or {MOST_NODES} machines: the others are left out");
                return self.complain(what);
            }
            let shown = match part {
                Part::Film => Shown::Film(shared.films.add(&address)),
                _ => {
                    let live = shared.live(&address.full_name(), Changed::Stream(address.clone()));
                    let shown = Publisher::new(live.clone(), shared.policy);
                    Shown::Live(Arc::new(Feed::new(address.clone(), live, shown, Arc::clone(&shared.room))))
                }
            };
            self.streams.insert(address.clone(), Stream { gone: None, is_also_other: false, about: None, shown });
            *self.counts.entry(address.node().to_owned()).or_default() += 1;
        }
        let name: Arc<str> = address.stream().into();
        let entry = self.names.entry(Arc::clone(&name)).or_insert_with(|| {
            let live = shared.live(&name, Changed::Name(Arc::clone(&name)));
            let shown = Arc::new(Publisher::new(live.clone(), shared.policy));
            Name { shown, live, owners: Vec::new(), shows: address.clone() }
        });
        if !entry.owners.contains(&address) {
            entry.owners.push(address);
            entry.choose();
            entry.live.explain(STARTING, SOON);
        }
    }

    fn remove(&mut self, shared: &Arc<Shared>, address: &Address, part: Part) {
        let reason = format!("the machine {} is not there", address.node());
        let Some(stream) = self.streams.get_mut(address) else { return };
        let is_also_other = std::mem::take(&mut stream.is_also_other);
        if stream.shown.part() != part {
            return;
        }
        let now = Instant::now();
        stream.gone = Some(now);
        stream.shown.cease(&reason);
        self.gone.get_or_insert(now);
        if let Some(name) = self.names.get_mut(address.stream()) {
            name.owners.retain(|owner| owner != address);
            name.choose();
            if name.owners.is_empty() {
                name.live.cease(&reason, RETRY);
            }
        }
        if is_also_other {
            let other = if part == Part::Film { Part::Live } else { Part::Film };
            self.add(shared, address.clone(), other);
        }
    }

    fn take(&mut self, address: &Address) -> Option<Stream> {
        let stream = self.streams.remove(address)?;
        if let Some(count) = self.counts.get_mut(address.node()) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(address.node());
            }
        }
        Some(stream)
    }

    /// Forgets what has been gone for too long. Gives when that is to be asked again.
    fn expire(&mut self, now: Instant, patience: Duration) -> Option<Instant> {
        let first = self.gone? + patience;
        if first > now {
            return Some(first);
        }
        let is_due = |stream: &Stream| stream.gone.is_some_and(|gone| gone + patience <= now);
        let due: Vec<_> =
            self.streams.iter().filter(|(_, stream)| is_due(stream)).map(|(due, _)| due.clone()).collect();
        for address in due {
            self.take(&address).into_iter().for_each(|stream| stream.shown.end());
            if self.names.get(address.stream()).is_some_and(|name| name.owners.is_empty())
                && let Some(name) = self.names.remove(address.stream())
            {
                name.live.end();
            }
        }
        self.gone = self.streams.values().filter_map(|stream| stream.gone).min();
        Some(self.gone? + patience)
    }

    /// The stream that is asked for, whether it is there or was.
    fn meant(&self, asked: Asked) -> Option<Address> {
        match asked {
            Asked::Full(address) => Some(address),
            Asked::Alone(name) => self.shown_as(&name),
        }
    }

    /// The stream that is shown under this name alone, or was last.
    fn shown_as(&self, name: &str) -> Option<Address> {
        self.names.get(name).map(|name| name.shows.clone())
    }

    /// What shows the stream's pictures under its name alone, if anybody watches that.
    fn named(&self, address: &Address) -> Option<&Name> {
        let name = self.names.get(address.stream())?;
        (name.owners.first() == Some(address) && name.live.viewers() > 0).then_some(name)
    }

    /// Whether the node has streams of which it has not told.
    fn lacks_words_of(&self, node: &str) -> bool {
        let of_node = self.streams.range(Address::before_all_of(node)..);
        let mut of_node = of_node.take_while(|(address, _)| address.node() == node);
        of_node.any(|(_, stream)| stream.gone.is_none() && stream.about.is_none())
    }

    fn is_watched(&self, address: &Address) -> bool {
        let Some(stream) = self.streams.get(address) else { return false };
        let Shown::Live(feed) = &stream.shown else { return false };
        stream.gone.is_none() && (feed.live.viewers() > 0 || self.named(address).is_some())
    }

    /// Where a live stream's pictures go, and whether it is there.
    fn feed(&self, address: &Address) -> Option<(Arc<Feed>, bool)> {
        let stream = self.streams.get(address)?;
        let Shown::Live(feed) = &stream.shown else { return None };
        Some((Arc::clone(feed), stream.gone.is_none()))
    }
}

impl Stream {
    fn listed(&self, address: &Address) -> Listed {
        let (name, node, is_there) = (address.full_name(), address.node(), self.gone.is_none());
        let mut listed = match &self.shown {
            Shown::Live(feed) => Listed::of_remote(name, node, &feed.live, is_there),
            Shown::Film(film) => Listed::of_remote_film(name, node, film.glance(), is_there),
        };
        if let (Some(about), Some(Listing { width: width @ 0, height, rate, length, .. })) =
            (&self.about, &mut listed.about)
        {
            // Nobody watches it here: its node knows more.
            (*width, *height, *rate) = (about.width, about.height, about.rate);
            *length = about.seconds.map(Duration::from_secs_f64);
        }
        listed
    }
}

impl Name {
    /// Shows the first one.
    fn choose(&mut self) {
        self.shows = self.owners.first().unwrap_or(&self.shows).clone();
    }
}

/// The thread that watches other nodes' streams.
struct Receiver {
    shared: Arc<Shared>,
    watched: HashMap<Address, Watched>,
    /// When one of these may end; none before that.
    next_end: Option<Instant>,
}

/// A stream whose pictures come here.
struct Watched {
    #[expect(dead_code, reason = "it ends by being dropped")]
    held: Held,
    /// Where they go.
    feed: Arc<Feed>,
    /// Nobody watches any more, and it ends then.
    end: Option<Instant>,
}

impl Receiver {
    fn run(&mut self) {
        loop {
            let now = Instant::now();
            let expiry = self.shared.known().expire(now, self.shared.waits.patience);
            let until = self.leave(now).into_iter().chain(expiry).min();
            match self.shared.work.next(until) {
                Next::Changed(Changed::Stream(address)) => self.reconsider(&address),
                Next::Changed(Changed::Name(name)) => {
                    let owners = self.shared.known().names.get(&name).map(|name| name.owners.clone());
                    owners.into_iter().flatten().for_each(|owner| self.reconsider(&owner));
                }
                Next::Ask(node) => self.ask(&node),
                Next::Arrived(feed) => self.show(&feed),
                Next::Time => {}
                Next::End => return,
            }
        }
    }

    /// Watches a stream, or watches it no more, whichever is wanted now.
    fn reconsider(&mut self, address: &Address) {
        let known = self.shared.known();
        let is_wanted = known.is_watched(address);
        let feed = known.feed(address);
        drop(known);
        if let (Some(watched), Some((feed, _))) = (self.watched.get(address), &feed)
            && !Arc::ptr_eq(&watched.feed, feed)
        {
            // It was something else for a moment, and is another stream of that name now.
            self.watched.remove(address);
        }
        let linger = self.shared.waits.linger;
        match (self.watched.get_mut(address), feed) {
            (Some(watched), Some((_, true))) => {
                watched.end = (!is_wanted).then(|| watched.end.unwrap_or_else(|| Instant::now() + linger));
                self.next_end = self.next_end.into_iter().chain(watched.end).min();
            }
            (Some(_), _) => drop(self.watched.remove(address)),
            (None, Some((feed, true))) if is_wanted => match self.watch(&feed) {
                Ok(held) => {
                    self.watched.insert(address.clone(), Watched { held, feed, end: None });
                }
                Err(error) => log::error!("{}: it cannot be watched: {error}", address.full_name()),
            },
            (None, _) => {}
        }
        // The next one that has the name shows it now.
        let next = self.shared.known().names.get(address.stream()).and_then(|name| name.owners.first().cloned());
        if let Some(next) = next.filter(|next| next != address && !self.watched.contains_key(next)) {
            self.reconsider(&next);
        }
    }

    /// Asks a node what its streams are.
    fn ask(&self, node: &str) {
        let (shared, asked) = (Arc::downgrade(&self.shared), node.to_owned());
        let tell = move |sample: Option<Sample<'_>>| match (shared.upgrade(), sample) {
            (Some(shared), Some(sample)) => shared.handle_about(sample),
            (Some(shared), None) => shared.work.note_told(&asked),
            (None, _) => {}
        };
        let asked = self.shared.exchange.ask(&name::all_of(node, Part::About), "", ANSWER, Box::new(tell));
        if let Err(error) = asked {
            log::error!("{node}: it cannot be asked what its streams are: {error}");
            self.shared.work.note_told(node);
        }
    }

    fn watch(&self, feed: &Arc<Feed>) -> Result<Held, ExchangeError> {
        let (feed, shared): (_, Weak<Shared>) = (Arc::clone(feed), Arc::downgrade(&self.shared));
        let key = feed.address.key(Part::Pictures);
        feed.begin();
        let take = move |sample: Sample<'_>| {
            if let Some(shared) = shared.upgrade()
                && feed.take(sample, &shared.work)
            {
                let name = feed.address.full_name();
                let what = format!("two machines send pictures of {name:?}: those of the second one are left out");
                shared.known().complain(what);
            }
        };
        self.shared.exchange.watch(&key, Box::new(take))
    }

    /// Ends what nobody has watched for a while. Gives when that is to be asked again.
    fn leave(&mut self, now: Instant) -> Option<Instant> {
        if self.next_end? > now {
            return self.next_end;
        }
        let shared = &self.shared;
        self.watched.retain(|address, watched| {
            let is_kept = watched.end.is_none_or(|end| end > now);
            if !is_kept && let Some((feed, _)) = shared.known().feed(address) {
                feed.live.rest(STARTING, SOON);
            }
            is_kept
        });
        self.next_end = self.watched.values().filter_map(|watched| watched.end).min();
        self.next_end
    }

    /// Shows the picture that has come.
    fn show(&mut self, feed: &Feed) {
        let Some(arrived) = feed.arrived() else { return };
        if !self.watched.contains_key(&feed.address) {
            return;
        }
        let micros = |at: Instant| u64::try_from(at.duration_since(self.shared.start).as_micros()).unwrap_or(u64::MAX);
        let mut passed = feed.passed();
        let Some(passage) = passed.transit.arrive(micros(arrived.at), arrived.stamp) else { return };
        let is_old = passage.age > MAX_AGE;
        // Those that came and were replaced by newer ones have not been lost.
        let missing = passage.missing.saturating_sub(arrived.replaced);
        passed.packets.came += u64::from(arrived.replaced) + u64::from(!is_old);
        passed.packets.lost += u64::from(missing) + u64::from(is_old);
        let packets = passed.packets;
        drop(passed);
        feed.live.note_packets(packets);
        if is_old {
            return feed.live.leave_out(LeftOut::Old);
        }
        let captured = self.shared.start + Duration::from_micros(passage.captured);
        let named = self.shared.known().named(&feed.address).map(|name| Arc::clone(&name.shown));
        if let Some(named) = named {
            if feed.live.viewers() == 0 {
                return named.publish(arrived.picture, captured);
            }
            named.publish(arrived.picture.clone(), captured);
        }
        feed.shown.publish(arrived.picture, captured);
    }
}
