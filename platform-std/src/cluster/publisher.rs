//! What this node has for the others: a word that each of its streams is there, and the pictures of those that somebody watches.
//!
//! One thread sends all of them, because sending may wait for a slow network. A live stream keeps its newest picture, so what is taken
//! meanwhile is left out, and nothing piles up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use mutoscope::io::Clock;
use mutoscope::media::catalogue::{Catalogue, Medium};
use mutoscope::media::{Advance, FrameSource};
use mutoscope::time::Instant;
use mutoscope::wire::url::Path;

use super::about::About;
use super::abouts::Abouts;
use super::desk::{Closes, Desk};
use super::exchange::{Exchange, ExchangeError, Held, Publication, Question};
use super::lasts::Lasts;
use super::line::Line;
use super::name::{self, Address, Part};
use super::stamp::Stamp;
use crate::clock::MonotonicClock;
use crate::server::percent_encode;

/// Frames of one stream that fail one after the other before it is given a rest.
const MOST_FAILURES: u32 = 10;
/// How long that is, and when a stream that is not there is looked for again.
const REST: Duration = Duration::from_millis(250);

/// What a stream of this node is to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// All who watch see the same at the same time.
    Live,
    /// It has an end, and everybody begins at its start.
    Film,
}

impl Kind {
    const fn part(self) -> Part {
        match self {
            Self::Live => Part::Live,
            Self::Film => Part::Film,
        }
    }
}

/// The streams that this node offers to others, for as long as this is there.
pub struct Offers {
    exchange: Arc<dyn Exchange>,
    node: String,
    offered: Arc<Mutex<Offered>>,
    /// One at a time says what is offered.
    setting: Mutex<()>,
    work: Arc<Work>,
    thread: Option<thread::JoinHandle<()>>,
    #[expect(dead_code, reason = "questions are answered until they are dropped")]
    answers: [Held; 3],
    abouts: Arc<Abouts>,
    desk: Arc<dyn Closes>,
    lasts: Lasts,
    /// Tells others to ask again.
    news: Mutex<Box<dyn Publication>>,
}

type Offered = BTreeMap<(String, Kind), Offer>;

struct Offer {
    id: u64,
    address: Address,
    /// By this the others know of it, and by its end that it is gone. `None`: they have not been told yet.
    token: Option<Held>,
}

impl Offers {
    /// A node that offers nothing yet. `catalogue`: where its streams are found, as those who watch here find them. `describe` tells what
    /// is known of a stream and who may watch it; it must not wait.
    ///
    /// # Errors
    /// The exchange's, or the system has no thread left, or no random numbers.
    pub fn new<C>(
        exchange: Arc<dyn Exchange>,
        node: &str,
        catalogue: C,
        describe: impl Fn(&str) -> Option<About> + Send + Sync + 'static,
    ) -> io::Result<Self>
    where
        C: Catalogue + Clone + Send + 'static,
        C::Medium: Send,
        <C::Medium as Medium>::Source: Send,
    {
        let incarnation = getrandom::u32().map_err(io::Error::other)?;
        let (clock, lasts) = (MonotonicClock::new(), Lasts::default());
        let desk = Arc::new(Desk::new(catalogue.clone(), incarnation, clock, lasts.clone()));
        let work = Arc::<Work>::default();
        let mut sender = Sender {
            catalogue,
            incarnation,
            clock,
            lasts: lasts.clone(),
            streams: BTreeMap::new(),
            due: BTreeSet::new(),
        };
        let thread = thread::Builder::new().name("cluster".to_owned()).spawn({
            let work = Arc::clone(&work);
            move || sender.run(&work)
        })?;
        let offered = Arc::<Mutex<Offered>>::default();
        let keys = name::all_of(node, Part::About);
        let abouts = Arc::new(Abouts::new(Box::new(describe)));
        let answer = {
            let (offered, abouts) = (Arc::downgrade(&offered), Arc::clone(&abouts));
            move |question: Box<dyn Question>| {
                if let Some(offered) = offered.upgrade() {
                    let all = || lock(&offered).values().map(|offer| offer.address.clone()).collect();
                    abouts.answer(&*question, all);
                }
            }
        };
        let told = exchange.answer(&keys, Box::new(answer)).map_err(io::Error::other)?;
        let slowly = |part| {
            let (offered, desk) = (Arc::downgrade(&offered), Arc::downgrade(&desk));
            let take = move |question: Box<dyn Question>| {
                let (Some(offered), Some(desk)) = (offered.upgrade(), desk.upgrade()) else { return };
                desk.take(question, |address, part| {
                    let kind = if part == Part::Frames { Kind::Film } else { Kind::Live };
                    lock(&offered).contains_key(&(address.stream().to_owned(), kind))
                });
            };
            exchange.answer(&name::all_of(node, part), Box::new(take)).map_err(io::Error::other)
        };
        let answers = [told, slowly(Part::Frames)?, slowly(Part::Newest)?];
        let news = exchange.publish(&name::node_key(node), Box::new(|_| ())).map_err(io::Error::other)?;
        let (node, news, setting) = (node.to_owned(), Mutex::new(news), Mutex::default());
        Ok(Self { exchange, node, offered, setting, work, thread: Some(thread), answers, abouts, desk, lasts, news })
    }

    /// What is told of the streams has changed: the others ask again.
    pub fn tell_changed(&self) {
        self.abouts.forget();
        let told = self.news.lock().unwrap_or_else(PoisonError::into_inner).put(b"", b"");
        if let Err(error) = told {
            log::error!("other nodes do not hear that rules have changed: {error}");
        }
    }

    /// The others are offered these, and nothing else. A name that no key can have is said in the log.
    ///
    /// # Errors
    /// The exchange has ended.
    pub fn set(&self, streams: &[(String, Kind)]) -> Result<(), ExchangeError> {
        let _alone = self.setting.lock().unwrap_or_else(PoisonError::into_inner);
        // Questions of others need what is locked here, and the exchange may wait for those who ask: it is never called meanwhile.
        let wanted: BTreeSet<&(String, Kind)> = streams.iter().collect();
        let gone: Vec<_> = lock(&self.offered).extract_if(.., |key, _| !wanted.contains(key)).collect();
        gone.iter().for_each(|(_, offer)| self.work.order(Order::Remove(offer.id)));
        self.abouts.forget();
        drop(gone);
        let of_kind = |wanted: Kind| -> BTreeSet<&str> {
            streams.iter().filter(|(_, kind)| *kind == wanted).map(|(name, _)| &**name).collect()
        };
        let (live, films) = (of_kind(Kind::Live), of_kind(Kind::Film));
        self.lasts.retain(&|stream| live.contains(stream));
        self.desk.retain(&|film| films.contains(film));
        let is_new = |stream: &&(String, Kind)| !lock(&self.offered).contains_key(*stream);
        for stream in wanted.into_iter().filter(is_new) {
            match Address::new(&self.node, &stream.0) {
                Ok(address) => {
                    let id = self.publish(&address, stream.1)?;
                    lock(&self.offered).insert(stream.clone(), Offer { id, address, token: None });
                }
                Err(error) => log::warn!("{}: other nodes are not offered it: {error}", stream.0),
            }
        }
        self.abouts.forget();
        // At last: whoever hears of one asks what it is, and may watch at once.
        let is_untold = |(stream, offer): (&(String, Kind), &Offer)| {
            offer.token.is_none().then(|| (stream.clone(), offer.address.key(stream.1.part())))
        };
        let untold: Vec<_> = lock(&self.offered).iter().filter_map(is_untold).collect();
        for (stream, key) in untold {
            let token = self.exchange.declare(&key)?;
            lock(&self.offered).entry(stream).and_modify(|offer| offer.token = Some(token));
        }
        Ok(())
    }

    /// Makes pictures of a live stream to be had. Gives its number.
    fn publish(&self, address: &Address, kind: Kind) -> Result<u64, ExchangeError> {
        let id = self.work.next_id();
        if kind == Kind::Live {
            let on_watched = {
                let work = Arc::downgrade(&self.work);
                move |is_watched| {
                    if let Some(work) = work.upgrade() {
                        work.order(Order::Watched(id, is_watched));
                    }
                }
            };
            let publication = self.exchange.publish(&address.key(Part::Pictures), Box::new(on_watched))?;
            self.work.order(Order::Add(id, address.stream().to_owned(), publication));
        }
        Ok(id)
    }
}

impl Drop for Offers {
    fn drop(&mut self) {
        self.work.order(Order::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Offers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offers").field("node", &self.node).finish_non_exhaustive()
    }
}

fn lock(offered: &Mutex<Offered>) -> MutexGuard<'_, Offered> {
    offered.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the thread is to do.
#[derive(Default)]
struct Work {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    last_id: u64,
    orders: VecDeque<Order>,
    /// Streams that may have a picture, in the order in which they had one.
    ready: Line<u64>,
}

enum Order {
    /// A stream of this name is published there.
    Add(u64, String, Box<dyn Publication>),
    Remove(u64),
    Watched(u64, bool),
    End,
}

impl Work {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_id(&self) -> u64 {
        let mut queue = self.queue();
        queue.last_id += 1;
        queue.last_id
    }

    fn order(&self, order: Order) {
        self.queue().orders.push_back(order);
        self.changed.notify_one();
    }

    /// The stream may have a picture.
    fn note_ready(&self, id: u64) {
        if self.queue().ready.push(id) {
            self.changed.notify_one();
        }
    }

    /// What is to be done next; `until` that time there may be nothing.
    fn next(&self, until: Option<Duration>) -> Next {
        let mut queue = self.queue();
        loop {
            if let Some(order) = queue.orders.pop_front() {
                return Next::Order(order);
            }
            if let Some(id) = queue.ready.pop() {
                return Next::Ready(id);
            }
            queue = match until {
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let waited = self.changed.wait_timeout(queue, patience);
                    let (queue, waited) = waited.unwrap_or_else(PoisonError::into_inner);
                    if waited.timed_out() && queue.orders.is_empty() && queue.ready.is_empty() {
                        return Next::Time;
                    }
                    queue
                }
            };
        }
    }
}

enum Next {
    Order(Order),
    Ready(u64),
    Time,
}

/// Wakes the thread for one stream.
struct Bell {
    id: u64,
    work: Weak<Work>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(work) = self.work.upgrade() {
            work.note_ready(self.id);
        }
    }
}

/// What the thread has.
struct Sender<C: Catalogue> {
    catalogue: C,
    incarnation: u32,
    clock: MonotonicClock,
    lasts: Lasts,
    streams: BTreeMap<u64, Published<C::Medium>>,
    /// When streams are asked again whatever happens.
    due: BTreeSet<(Instant, u64)>,
}

/// A stream of this node.
struct Published<M: Medium> {
    name: String,
    publication: Box<dyn Publication>,
    waker: Waker,
    watched: Watched<M>,
    /// Its place among those that are due.
    due: Option<Instant>,
    /// The number of the last picture, and as the source has it.
    number: (u64, Option<u32>),
    failures: u32,
}

enum Watched<M: Medium> {
    /// Nobody does.
    No,
    /// Somebody does, and it is to be looked for.
    Sought,
    /// It is asked for, and has no picture yet.
    Awaited(M),
    /// There are pictures.
    Open(M::Source),
}

impl<C: Catalogue> Sender<C> {
    fn run(&mut self, work: &Arc<Work>) {
        loop {
            let now = self.clock.now();
            match work.next(self.due.first().map(|(due, _)| due.since(now))) {
                Next::Order(Order::End) => return,
                Next::Order(order) => self.handle(order, work),
                Next::Ready(id) => self.advance(id, work),
                Next::Time => {}
            }
            let now = self.clock.now();
            while let Some(&(due, id)) = self.due.first().filter(|&&(due, _)| due <= now) {
                self.due.remove(&(due, id));
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.due = None;
                }
                work.note_ready(id);
            }
        }
    }

    /// Has a stream asked again at this time, and at no other one.
    fn schedule(&mut self, id: u64, at: Option<Instant>) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if let Some(before) = std::mem::replace(&mut stream.due, at) {
            self.due.remove(&(before, id));
        }
        self.due.extend(at.map(|at| (at, id)));
    }

    fn handle(&mut self, order: Order, work: &Arc<Work>) {
        match order {
            Order::Add(id, name, publication) => {
                let waker = Waker::from(Arc::new(Bell { id, work: Arc::downgrade(work) }));
                let watched = Watched::No;
                let stream = Published { name, publication, waker, watched, due: None, number: (0, None), failures: 0 };
                self.streams.insert(id, stream);
            }
            Order::Remove(id) => {
                self.schedule(id, None);
                self.streams.remove(&id);
            }
            Order::Watched(id, is_watched) => {
                self.schedule(id, None);
                let Some(stream) = self.streams.get_mut(&id) else { return };
                stream.watched = if is_watched { Watched::Sought } else { Watched::No };
                work.note_ready(id);
            }
            Order::End => {}
        }
    }

    /// Opens a stream that somebody watches and that is not open. It may not be there yet, or have no room: it is looked for again.
    fn open(&mut self, id: u64, now: Instant) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if let Watched::Sought = stream.watched {
            let path = percent_encode(&stream.name);
            stream.watched = self.catalogue.find(Path::new(&path)).map_or(Watched::Sought, Watched::Awaited);
        }
        if let Watched::Awaited(medium) = &stream.watched {
            match medium.entry(&stream.waker) {
                Ok(_) => stream.watched = medium.open().map_or(Watched::Sought, Watched::Open),
                Err(_) if medium.is_missing() => stream.watched = Watched::Sought,
                Err(_) => {}
            }
        }
        if let Watched::Sought = stream.watched {
            self.schedule(id, Some(now.after(REST)));
        }
    }

    /// Sends the next picture of a stream, if there is one.
    fn advance(&mut self, id: u64, work: &Arc<Work>) {
        let now = self.clock.now();
        self.open(id, now);
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let Watched::Open(source) = &mut stream.watched else { return };
        match source.advance(now, &stream.waker) {
            Ok(Advance::Ready) => {
                stream.failures = 0;
                if stream.send(self.incarnation, now, &self.clock, &self.lasts).is_err() {
                    stream.watched = Watched::No;
                    return;
                }
                // After all others that have one.
                work.note_ready(id);
            }
            Ok(Advance::Pending { until }) => self.schedule(id, until),
            Ok(Advance::Edge) => {}
            // There may be another stream of this name.
            Ok(Advance::End) => {
                stream.watched = Watched::Sought;
                self.schedule(id, Some(now.after(REST)));
            }
            Err(error) => {
                log::debug!("{}: a picture is not sent to other nodes: {error:?}", stream.name);
                stream.failures += 1;
                if stream.failures < MOST_FAILURES {
                    work.note_ready(id);
                } else {
                    stream.failures = 0;
                    self.schedule(id, Some(now.after(REST)));
                }
            }
        }
    }
}

impl<M: Medium> Published<M> {
    /// Sends the picture that the source lends.
    fn send(
        &mut self,
        incarnation: u32,
        now: Instant,
        clock: &MonotonicClock,
        lasts: &Lasts,
    ) -> Result<(), ExchangeError> {
        let Watched::Open(source) = &self.watched else { return Ok(()) };
        let Some(frame) = source.frame() else { return Ok(()) };
        if source.absence().is_some() {
            // Each node says so itself.
            return Ok(());
        }
        let (number, last) = self.number;
        let step = last.map_or(1, |last| frame.number.wrapping_sub(last));
        // One that was opened anew may stand where it stood.
        let number = number.saturating_add(u64::from(step.clamp(1, u32::MAX / 2)));
        self.number = (number, Some(frame.number));
        let (picture, captured) = (source.original().unwrap_or(frame.data), frame.captured.unwrap_or(now));
        lasts.note_watched(&self.name, picture, captured, now);
        let stamp = Stamp { incarnation, number, captured: captured.as_micros(), sent: clock.now().as_micros() };
        self.publication.put(picture, &stamp.to_bytes())
    }
}
