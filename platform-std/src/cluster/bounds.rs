//! How much one node can have another one do and remember, whatever it sends.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Streams of one node, and of all; and nodes.
pub(super) const MOST_OF_NODE: usize = 1000;
pub(super) const MOST: usize = 10_000;
pub(super) const MOST_NODES: usize = 1000;
/// A node is asked no more often than this what its streams are.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// When a stream has had no picture for so long, another node may go on with it.
const TAKEOVER: Duration = Duration::from_secs(1);

/// What is to be done, each once, in the order in which it came.
#[derive(Debug)]
pub(super) struct Once<T> {
    queue: VecDeque<T>,
    known: HashSet<T>,
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self { queue: VecDeque::new(), known: HashSet::new() }
    }
}

impl<T: Clone + Eq + Hash> Once<T> {
    /// `false`: it is to be done already.
    pub(super) fn push(&mut self, item: T) -> bool {
        let is_new = self.known.insert(item.clone());
        if is_new {
            self.queue.push_back(item);
        }
        is_new
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let item = self.queue.pop_front()?;
        self.known.remove(&item);
        Some(item)
    }
}

/// How many streams each node has.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    nodes: HashMap<Arc<str>, usize>,
    all: usize,
}

impl Crowd {
    /// One more stream of a node. `Err`: there is no room, for this reason.
    pub(super) fn add(&mut self, node: &str) -> Result<(), String> {
        let of_node = self.nodes.get(node).copied();
        if of_node.is_some_and(|count| count >= MOST_OF_NODE) {
            return Err(format!("{node:?} offers more than {MOST_OF_NODE} streams: the others are left out"));
        }
        if self.all >= MOST {
            return Err(format!("all machines offer more than {MOST} streams: the others are left out"));
        }
        match of_node {
            None if self.nodes.len() >= MOST_NODES => {
                return Err(format!("there are more than {MOST_NODES} machines: the others are left out"));
            }
            None => _ = self.nodes.insert(node.into(), 1),
            Some(count) => _ = self.nodes.insert(node.into(), count + 1),
        }
        self.all += 1;
        Ok(())
    }

    /// One less.
    pub(super) fn remove(&mut self, node: &str) {
        let Some(count) = self.nodes.get_mut(node) else { return };
        *count -= 1;
        if *count == 0 {
            self.nodes.remove(node);
        }
        self.all -= 1;
    }

    /// Whether a node has one.
    pub(super) fn has(&self, node: &str) -> bool {
        self.nodes.contains_key(node)
    }
}

/// Nodes that are to be asked what their streams are: soon, and not over and over again.
#[derive(Debug, Default)]
pub(super) struct Asks {
    /// From when on.
    wanted: BTreeMap<String, Instant>,
    /// When they were asked, of those that were asked lately.
    asked: HashMap<String, Instant>,
}

impl Asks {
    /// There is something new of this node.
    pub(super) fn want(&mut self, node: &str, now: Instant) {
        if self.wanted.contains_key(node) || self.wanted.len() >= MOST_NODES {
            return;
        }
        let from = self.asked.get(node).map_or(now, |&asked| now.max(asked + ASK_EVERY));
        self.wanted.insert(node.to_owned(), from);
    }

    /// Who is asked now.
    pub(super) fn next(&mut self, now: Instant) -> Option<String> {
        let node = self.wanted.iter().find(|&(_, &from)| from <= now).map(|(node, _)| node.clone())?;
        self.wanted.remove(&node);
        self.asked.retain(|_, asked| now.saturating_duration_since(*asked) < ASK_EVERY);
        self.asked.insert(node.clone(), now);
        Some(node)
    }

    /// When somebody is asked next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.wanted.values().copied().min()
    }
}

/// Whose pictures a stream has: of two that send them at the same time under one key, the one that was first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Holder(Option<(u32, Instant)>);

impl Holder {
    /// Whether a picture is one of the stream's. `incarnation`: who says so.
    pub(super) fn has(&mut self, incarnation: u32, now: Instant) -> bool {
        let is_other = |(holder, last): (u32, Instant)| holder != incarnation && now.saturating_duration_since(last) < TAKEOVER;
        if self.0.is_some_and(is_other) {
            return false;
        }
        self.0 = Some((incarnation, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_done_is_done_once_and_in_turns() {
        let mut once = Once::default();
        for _ in 0..10_000 {
            once.push(1);
            once.push(2);
        }
        assert_eq!([once.pop(), once.pop(), once.pop()], [Some(1), Some(2), None]);
        assert!(once.push(1) && once.known.len() == 1);
    }

    #[test]
    fn neither_one_node_nor_many_can_offer_without_end() {
        let mut crowd = Crowd::default();
        let offer = |crowd: &mut Crowd, node: &str, count| (0..count).filter(|_| crowd.add(node).is_ok()).count();
        assert_eq!(offer(&mut crowd, "liar", 10_000), MOST_OF_NODE);
        assert_eq!(offer(&mut crowd, "honest", 10), 10, "others are not touched");
        let many = (0..20_000).filter(|node| crowd.add(&format!("n{node}")).is_ok()).count();
        assert_eq!((many, crowd.nodes.len()), (MOST_NODES - 2, MOST_NODES));
        assert!(crowd.add("liar").unwrap_err().contains("\"liar\" offers more than 1000"));
        assert_eq!(offer(&mut crowd, "honest", 10_000), MOST_OF_NODE - 10);
        let more: usize = (0..8).map(|node| offer(&mut crowd, &format!("n{node}"), 10_000)).sum();
        assert_eq!((crowd.all, more), (MOST, MOST - 2 * MOST_OF_NODE - (MOST_NODES - 2)));
        (0..MOST_OF_NODE).for_each(|_| crowd.remove("liar"));
        crowd.remove("liar");
        assert!(!crowd.has("liar") && crowd.has("honest") && crowd.all == MOST - MOST_OF_NODE);
    }

    #[test]
    fn a_node_whose_streams_come_and_go_is_asked_four_times_a_second() {
        let (mut asks, start) = (Asks::default(), Instant::now());
        let mut asked = [0; 2];
        for milli in 0..1000 {
            let now = start + Duration::from_millis(milli);
            for _ in 0..10 {
                asks.want("flapping", now);
            }
            if milli == 500 {
                asks.want("quiet", now);
            }
            while let Some(node) = asks.next(now) {
                asked[usize::from(node == "quiet")] += 1;
            }
        }
        assert_eq!(asked, [4, 1]);
        assert_eq!(asks.due(), Some(start + Duration::from_secs(1)));
        for node in 0..100_000 {
            asks.want(&format!("n{node}"), start);
        }
        assert!(asks.wanted.len() <= MOST_NODES && asks.asked.len() <= 2);
    }

    #[test]
    fn who_was_first_keeps_the_stream_for_as_long_as_it_sends() {
        let (mut holder, start) = (Holder::default(), Instant::now());
        let mut has = |who, millis| holder.has(who, start + Duration::from_millis(millis));
        assert!(has(1, 0));
        for millis in 1..5000 {
            assert_eq!((has(2, millis), has(1, millis)), (false, true));
        }
        assert!(!has(2, 5998) && has(2, 5999) && !has(1, 6000), "it has had none for a second");
    }
}
