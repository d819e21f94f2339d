//! Nodes within one process, for tests and for a single machine: what one sends, the others have at once. Nodes can be cut off, and
//! killed.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::exchange::{
    Exchange, ExchangeError, Held, Lasting, OnAnswer, OnPresence, OnQuestion, OnSample, OnWatched, Publication,
    Question, Sample,
};
use super::name::do_match;

/// What connects the nodes. Copies are the same.
#[derive(Clone, Debug, Default)]
pub struct Hub(Arc<Mutex<State>>);

/// A node's way to the others.
#[derive(Clone, Debug)]
pub struct Node {
    hub: Hub,
    id: u32,
}

#[derive(Default)]
struct State {
    next: u32,
    entries: BTreeMap<u32, Entry>,
    /// Nodes whose cables are cut.
    cut: HashSet<u32>,
    /// Pictures that have left their nodes.
    sent: u64,
}

#[derive(Clone)]
struct Entry {
    node: u32,
    key: Arc<str>,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// With what was told last.
    Publisher(Arc<OnWatched>, bool),
    Watcher(Arc<OnSample>),
    Token,
    Follower(Arc<OnPresence>),
    Answerer(Arc<OnQuestion>),
}

/// Something to be called when nothing is locked any more.
type Call = Box<dyn FnOnce() + Send>;

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Hub {
    /// One more node.
    pub fn node(&self) -> Node {
        let mut state = self.lock();
        state.next += 1;
        Node { hub: self.clone(), id: state.next }
    }

    /// Cuts a node's cable: it has nobody, and nobody has it.
    pub fn cut(&self, node: &Node) {
        self.change(|state| {
            state.cut.insert(node.id);
        });
    }

    /// Mends it.
    pub fn mend(&self, node: &Node) {
        self.change(|state| {
            state.cut.remove(&node.id);
        });
    }

    /// How many pictures have left their nodes so far.
    pub fn sent(&self) -> u64 {
        self.lock().sent
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes who is connected with whom, and tells those whom that concerns.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let before = state.presence();
        let result = change(&mut state);
        let calls = state.news(&before);
        drop(state);
        calls.into_iter().for_each(|call| call());
        result
    }
}

impl State {
    fn reaches(&self, one: u32, other: u32) -> bool {
        one == other || !(self.cut.contains(&one) || self.cut.contains(&other))
    }

    /// The entries that `node` reaches, with keys that match this one.
    fn found<'s>(&'s self, node: u32, key: &'s str) -> impl Iterator<Item = &'s Entry> {
        self.entries.values().filter(move |entry| self.reaches(node, entry.node) && do_match(&entry.key, key))
    }

    /// Which follower knows of which token.
    fn presence(&self) -> HashSet<(u32, u32)> {
        let mut known = HashSet::new();
        for (&follower, follow) in self.entries.iter().filter(|(_, entry)| matches!(entry.kind, Kind::Follower(_))) {
            for (&token, entry) in self.entries.iter().filter(|(_, entry)| matches!(entry.kind, Kind::Token)) {
                if self.reaches(follow.node, entry.node) && do_match(&follow.key, &entry.key) {
                    known.insert((follower, token));
                }
            }
        }
        known
    }

    /// Calls that tell of what is otherwise now than it was. An entry that is gone is told of by whoever removed it.
    fn news(&mut self, before: &HashSet<(u32, u32)>) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        let after = self.presence();
        let mut changes: Vec<_> = before.symmetric_difference(&after).copied().collect();
        changes.sort_unstable();
        for (follower, token) in changes {
            let (Some(entry), Some(key)) = (self.entries.get(&follower), self.entries.get(&token)) else { continue };
            if let Kind::Follower(tell) = &entry.kind {
                let (tell, key, is_there) =
                    (Arc::clone(tell), Arc::clone(&key.key), after.contains(&(follower, token)));
                calls.push(Box::new(move || tell(&key, is_there)));
            }
        }
        let is_watched = |state: &Self, publisher: &Entry| {
            state.found(publisher.node, &publisher.key).any(|entry| matches!(entry.kind, Kind::Watcher(_)))
        };
        let now: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| matches!(entry.kind, Kind::Publisher(..)))
            .map(|(&id, entry)| (id, is_watched(self, entry)))
            .collect();
        for (id, now) in now {
            if let Some(Entry { kind: Kind::Publisher(tell, told), .. }) = self.entries.get_mut(&id)
                && *told != now
            {
                *told = now;
                let tell = Arc::clone(tell);
                calls.push(Box::new(move || tell(now)));
            }
        }
        calls
    }
}

impl Node {
    /// Ends all that it has, as if its process were killed.
    pub fn kill(&self) {
        let ids: Vec<_> = {
            let state = self.hub.lock();
            state.entries.iter().filter(|(_, entry)| entry.node == self.id).map(|(&id, _)| id).collect()
        };
        ids.into_iter().for_each(|id| self.hub.remove(id));
    }

    fn add(&self, key: &str, kind: Kind) -> Entered {
        let id = self.hub.change(|state| {
            state.next += 1;
            let id = state.next;
            state.entries.insert(id, Entry { node: self.id, key: key.into(), kind });
            id
        });
        Entered { hub: Arc::downgrade(&self.hub.0), id }
    }
}

impl Hub {
    fn remove(&self, id: u32) {
        let told = self.change(|state| {
            let entry = state.entries.remove(&id)?;
            let is_token = matches!(entry.kind, Kind::Token);
            let followers = state.found(entry.node, &entry.key).filter_map(|other| match &other.kind {
                Kind::Follower(tell) if is_token => Some(Arc::clone(tell)),
                _ => None,
            });
            Some((followers.collect::<Vec<_>>(), entry.key))
        });
        if let Some((followers, key)) = told {
            followers.iter().for_each(|tell| tell(&key, false));
        }
    }
}

/// What lasts until it is dropped.
struct Entered {
    hub: Weak<Mutex<State>>,
    id: u32,
}

impl Lasting for Entered {}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            Hub(hub).remove(self.id);
        }
    }
}

struct Publisher {
    node: Node,
    key: Arc<str>,
    #[expect(dead_code, reason = "it ends by being dropped")]
    entered: Entered,
}

impl Publication for Publisher {
    fn put(&mut self, picture: &[u8], attachment: &[u8]) -> Result<(), ExchangeError> {
        let watchers: Vec<_> = {
            let mut state = self.node.hub.lock();
            let watchers: Vec<_> = state
                .found(self.node.id, &self.key)
                .filter_map(|entry| match &entry.kind {
                    Kind::Watcher(take) => Some((entry.node, Arc::clone(take))),
                    _ => None,
                })
                .collect();
            state.sent += watchers.iter().filter(|(node, _)| *node != self.node.id).count() as u64;
            watchers
        };
        let sample = Sample { key: &self.key, payload: picture, attachment };
        watchers.iter().for_each(|(_, take)| take(sample));
        Ok(())
    }
}

struct Asked {
    key: Arc<str>,
    parameters: Arc<str>,
    asker: Arc<Mutex<Asker>>,
}

/// Is told that there will be no more answers when the last one who might give one has dropped the question.
struct Asker(OnAnswer);

impl Drop for Asker {
    fn drop(&mut self) {
        (self.0)(None);
    }
}

impl Question for Asked {
    fn key(&self) -> &str {
        &self.key
    }

    fn parameters(&self) -> &str {
        &self.parameters
    }

    fn answer(&self, sample: Sample<'_>) {
        (self.asker.lock().unwrap_or_else(PoisonError::into_inner).0)(Some(sample));
    }
}

impl Exchange for Node {
    fn publish(&self, key: &str, on_watched: OnWatched) -> Result<Box<dyn Publication>, ExchangeError> {
        let entered = self.add(key, Kind::Publisher(Arc::new(on_watched), false));
        Ok(Box::new(Publisher { node: self.clone(), key: key.into(), entered }))
    }

    fn watch(&self, key: &str, take: OnSample) -> Result<Held, ExchangeError> {
        Ok(Box::new(self.add(key, Kind::Watcher(Arc::new(take)))))
    }

    fn declare(&self, key: &str) -> Result<Held, ExchangeError> {
        Ok(Box::new(self.add(key, Kind::Token)))
    }

    fn follow(&self, keys: &str, tell: OnPresence) -> Result<Held, ExchangeError> {
        Ok(Box::new(self.add(keys, Kind::Follower(Arc::new(tell)))))
    }

    fn answer(&self, key: &str, answer: OnQuestion) -> Result<Held, ExchangeError> {
        Ok(Box::new(self.add(key, Kind::Answerer(Arc::new(answer)))))
    }

    fn ask(&self, keys: &str, parameters: &str, _: Duration, tell: OnAnswer) -> Result<(), ExchangeError> {
        let asker = Arc::new(Mutex::new(Asker(tell)));
        let answerers: Vec<_> = {
            let state = self.hub.lock();
            let answerer = |entry: &Entry| match &entry.kind {
                Kind::Answerer(answer) => Some(Arc::clone(answer)),
                _ => None,
            };
            state.found(self.id, keys).filter_map(answerer).collect()
        };
        let asked = || Asked { key: keys.into(), parameters: parameters.into(), asker: Arc::clone(&asker) };
        let questions: Vec<_> = answerers.into_iter().map(|answer| (asked(), answer)).collect();
        drop(asker);
        questions.into_iter().for_each(|(question, answer)| answer(Box::new(question)));
        Ok(())
    }

    fn ask_for_pictures(
        &self,
        keys: &str,
        parameters: &str,
        patience: Duration,
        tell: OnAnswer,
    ) -> Result<(), ExchangeError> {
        self.ask(keys, parameters, patience, tell)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn told<T: Send + 'static>() -> (Arc<Mutex<mpsc::Sender<T>>>, mpsc::Receiver<T>) {
        let (tell, told) = mpsc::channel();
        (Arc::new(Mutex::new(tell)), told)
    }

    fn tell<T>(to: &Mutex<mpsc::Sender<T>>, what: T) {
        to.lock().unwrap().send(what).unwrap();
    }

    #[test]
    fn nothing_leaves_before_somebody_watches() {
        let hub = Hub::default();
        let (camera, edge) = (hub.node(), hub.node());
        let (watched, heard) = told();
        let mut publication = camera.publish("a/b", Box::new(move |is| tell(&watched, is))).unwrap();
        publication.put(b"one", b"").unwrap();
        let (took, taken) = told();
        let held = edge.watch("a/b", Box::new(move |sample| tell(&took, sample.payload.to_vec()))).unwrap();
        publication.put(b"two", b"").unwrap();
        let second = edge.watch("a/b", Box::new(|_| ())).unwrap();
        drop(second);
        hub.cut(&camera);
        publication.put(b"three", b"").unwrap();
        hub.mend(&camera);
        publication.put(b"four", b"").unwrap();
        drop(held);
        publication.put(b"five", b"").unwrap();
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [true, false, true, false]);
        assert_eq!(taken.try_iter().collect::<Vec<_>>(), [&b"two"[..], b"four"]);
        // The second watcher had none.
        assert_eq!(hub.sent(), 2);
    }

    #[test]
    fn who_is_there_is_known_and_who_is_killed_is_not() {
        let hub = Hub::default();
        let (camera, edge) = (hub.node(), hub.node());
        let first = camera.declare("a/b").unwrap();
        let (heard, presence) = told();
        let _follow = edge.follow("*/b", Box::new(move |key, is| tell(&heard, (key.to_owned(), is)))).unwrap();
        let second = camera.declare("c/b").unwrap();
        let _other = camera.declare("c/d").unwrap();
        drop(first);
        hub.cut(&edge);
        hub.mend(&edge);
        camera.kill();
        drop(second);
        let news: Vec<_> = presence.try_iter().collect();
        let expected = [("a/b", true), ("c/b", true), ("a/b", false), ("c/b", false), ("c/b", true), ("c/b", false)];
        assert_eq!(news, expected.map(|(key, is)| (key.to_owned(), is)));
    }

    #[test]
    fn questions_are_answered_by_all_who_can_and_end() {
        let hub = Hub::default();
        let (one, other, asker) = (hub.node(), hub.node(), hub.node());
        let answer = |key: &'static str| {
            move |question: Box<dyn Question>| {
                let payload = [question.key(), question.parameters()].concat();
                question.answer(Sample { key, payload: payload.as_bytes(), attachment: b"" });
            }
        };
        let _one = one.answer("a/q", Box::new(answer("a/q"))).unwrap();
        let _other = other.answer("b/q", Box::new(answer("b/q"))).unwrap();
        let (heard, answers) = told();
        for keys in ["*/q", "none/q"] {
            let heard = Arc::clone(&heard);
            let tell = move |sample: Option<Sample<'_>>| {
                tell(&heard, sample.map(|sample| (sample.key.to_owned(), sample.payload.to_vec())));
            };
            asker.ask(keys, "who", Duration::ZERO, Box::new(tell)).unwrap();
        }
        let word = b"*/qwho".to_vec();
        let expected = [Some(("a/q".to_owned(), word.clone())), Some(("b/q".to_owned(), word)), None, None];
        assert_eq!(answers.try_iter().collect::<Vec<_>>(), expected);
    }
}
