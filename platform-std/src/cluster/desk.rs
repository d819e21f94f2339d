//! Questions that take a while, answered by a few threads: frames of films, and the newest pictures of live streams.
//!
//! What finds no room is not answered, and who asked asks again. So nobody who asks very much takes the answers of others away, and
//! nothing here grows with what is asked.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use mutoscope::io::Clock;
use mutoscope::media::catalogue::{Catalogue, Medium};
use mutoscope::media::{Advance, Extent, FrameRate, FrameSource};
use mutoscope::wire::url::Path;

use super::exchange::{Question, Sample};
use super::film_words::{Answer, Described, FilmStamp, From, Wish};
use super::lasts::{Last, Lasts};
use super::name::{Address, Part};
use super::stamp::Stamp;
use crate::clock::MonotonicClock;
use crate::server::percent_encode;

/// Questions that wait, of all and of one stream.
const MOST_WAITING: usize = 64;
const MOST_OF_STREAM: usize = 8;
/// Threads, and those of them that one stream may have.
const MOST_THREADS: usize = 4;
const MOST_THREADS_OF_STREAM: usize = 2;
/// Those that wait for pictures of live streams: films go on beside them.
const MOST_THREADS_OF_LIVE: usize = 2;
/// How long a film may take to be looked into, a stream to begin, and one question to be answered.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a stream rests whose picture could not be read, before the next one is looked at.
const PAUSE: Duration = Duration::from_millis(10);
/// Bytes of the answers to one question, but for the last one.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// Places in films that are kept for the next question, and for how long.
const MOST_KEPT: usize = 32;
const KEPT: Duration = Duration::from_secs(10);
/// How often a thread without work looks whether that is over.
const ROUND: Duration = Duration::from_millis(2500);
/// A place so many frames before the one that is wanted is taken for it.
const NEAR: u32 = 16;

/// The thread that waits here is woken.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Where questions are answered until this is dropped.
pub(super) struct Desk<C: Catalogue>(Arc<Shared<C>>);

/// Whoever keeps films open.
pub(super) trait Closes: Send + Sync {
    /// Films that are offered no more are closed.
    fn retain(&self, is_offered: &dyn Fn(&str) -> bool);
}

impl<C: Catalogue> Drop for Desk<C> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.is_over = true;
        queue.waiting.clear();
        let kept = std::mem::take(&mut queue.kept);
        drop(queue);
        drop(kept);
        self.0.changed.notify_all();
    }
}

struct Shared<C: Catalogue> {
    catalogue: Mutex<C>,
    incarnation: u32,
    clock: MonotonicClock,
    lasts: Lasts,
    queue: Mutex<Queue<SourceOf<C>>>,
    changed: Condvar,
}

type SourceOf<C> = <<C as Catalogue>::Medium as Medium>::Source;

struct Queue<S> {
    waiting: VecDeque<Asked>,
    /// How many questions of a stream are being answered.
    answering: BTreeMap<String, usize>,
    /// How many of these are for live streams.
    live: usize,
    threads: usize,
    idle: usize,
    kept: Vec<Kept<S>>,
    is_over: bool,
}

struct Asked {
    address: Address,
    what: What,
    question: Box<dyn Question>,
}

#[derive(Clone, Copy)]
enum What {
    /// Frames of a film.
    Frames(Wish),
    /// The newest picture.
    Newest,
}

impl Asked {
    fn is_live(&self) -> bool {
        matches!(self.what, What::Newest)
    }
}

/// A place in a film.
struct Kept<S> {
    film: String,
    source: S,
    rate: FrameRate,
    extent: Extent,
    used: Instant,
}

impl<C> Desk<C>
where
    C: Catalogue + Send + 'static,
    C::Medium: Send,
    SourceOf<C>: Send,
{
    pub(super) fn new(catalogue: C, incarnation: u32, clock: MonotonicClock, lasts: Lasts) -> Self {
        let (waiting, answering) = Default::default();
        let queue = Queue { waiting, answering, live: 0, threads: 0, idle: 0, kept: Vec::new(), is_over: false };
        let (catalogue, queue, changed) = (Mutex::new(catalogue), Mutex::new(queue), Condvar::new());
        Self(Arc::new(Shared { catalogue, incarnation, clock, lasts, queue, changed }))
    }

    /// A question has come. It is answered later, or not at all.
    pub(super) fn take(&self, question: Box<dyn Question>, is_offered: impl FnOnce(&Address, Part) -> bool) {
        let Ok((address, part)) = Address::parse(question.key()) else { return };
        let what = match part {
            Part::Frames => Wish::parse(question.parameters()).map(What::Frames),
            Part::Newest => Some(What::Newest),
            _ => None,
        };
        let Some(what) = what.filter(|_| is_offered(&address, part)) else { return };
        let mut queue = self.0.queue();
        let of_stream = queue.waiting.iter().filter(|asked| asked.address == address).count();
        if queue.is_over || queue.waiting.len() >= MOST_WAITING || of_stream >= MOST_OF_STREAM {
            return;
        }
        queue.waiting.push_back(Asked { address, what, question });
        // Those who are idle take one each: they may not have woken yet since the last one came.
        if queue.waiting.len() > queue.idle && queue.threads < MOST_THREADS {
            let shared = Arc::clone(&self.0);
            match thread::Builder::new().name("cluster-films".to_owned()).spawn(move || shared.work()) {
                Ok(_) => queue.threads += 1,
                Err(error) => log::warn!("cluster: no thread for questions: {error}"),
            }
        }
        drop(queue);
        self.0.changed.notify_one();
    }
}

impl<C> Closes for Desk<C>
where
    C: Catalogue + Send,
    SourceOf<C>: Send,
{
    fn retain(&self, is_offered: &dyn Fn(&str) -> bool) {
        let mut queue = self.0.queue();
        let closed: Vec<_> = queue.kept.extract_if(.., |kept| !is_offered(&kept.film)).collect();
        drop(queue);
        drop(closed);
    }
}

impl<S> Queue<S> {
    /// The next question whose stream does not have all the threads that it may have.
    fn next(&mut self) -> Option<Asked> {
        let is_free = |asked: &Asked| {
            let busy = self.answering.get(asked.address.stream());
            let has_room = !asked.is_live() || self.live < MOST_THREADS_OF_LIVE;
            has_room && busy.is_none_or(|&busy| busy < MOST_THREADS_OF_STREAM)
        };
        let at = self.waiting.iter().position(is_free)?;
        let asked = self.waiting.remove(at)?;
        *self.answering.entry(asked.address.stream().to_owned()).or_default() += 1;
        self.live += usize::from(asked.is_live());
        Some(asked)
    }

    fn finish(&mut self, asked: &Asked) {
        let stream = asked.address.stream();
        self.live -= usize::from(asked.is_live());
        if let Some(busy) = self.answering.get_mut(stream) {
            *busy -= 1;
            if *busy == 0 {
                self.answering.remove(stream);
            }
        }
    }

    /// Takes out what nobody has asked for lately.
    fn expire(&mut self, now: Instant) -> Vec<Kept<S>> {
        self.kept.extract_if(.., |kept| now.saturating_duration_since(kept.used) >= KEPT).collect()
    }

    /// A place from which frame `number` is soon reached. Whoever begins gets a new one: the file may be another one now.
    fn take_near(&mut self, film: &str, number: u32) -> Option<Kept<S>>
    where
        S: FrameSource,
    {
        let is_near = |kept: &Kept<S>| {
            let distance = number.checked_sub(kept.source.position());
            kept.film == film && number > 0 && distance.is_some_and(|distance| distance <= NEAR)
        };
        let near = self.kept.iter().enumerate().filter(|(_, kept)| is_near(kept));
        let at = near.max_by_key(|(_, kept)| kept.source.position()).map(|(at, _)| at)?;
        Some(self.kept.swap_remove(at))
    }

    /// Keeps a place for the next question; gives the one that has no room any more.
    fn keep(&mut self, kept: Kept<S>) -> Option<Kept<S>> {
        if self.is_over {
            return Some(kept);
        }
        self.kept.push(kept);
        if self.kept.len() <= MOST_KEPT {
            return None;
        }
        let oldest = self.kept.iter().enumerate().min_by_key(|(_, kept)| kept.used).map(|(at, _)| at)?;
        Some(self.kept.swap_remove(oldest))
    }
}

/// Waits until somebody wakes this thread, or that is over, as `None` tells.
fn wait_until(end: Instant) -> Option<()> {
    let rest = end.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero())?;
    thread::park_timeout(rest);
    Some(())
}

/// The film cannot be shown: why.
struct Refused(String);

impl<C: Catalogue> Shared<C> {
    fn queue(&self) -> MutexGuard<'_, Queue<SourceOf<C>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, stream: &str) -> Option<C::Medium> {
        let path = percent_encode(stream);
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner).find(Path::new(&path))
    }

    /// What a thread does, until there has been nothing to do for a while.
    fn work(&self) {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut queue = self.queue();
        loop {
            let expired = queue.expire(Instant::now());
            if !expired.is_empty() {
                drop(queue);
                drop(expired);
                queue = self.queue();
            }
            if let Some(asked) = queue.next() {
                drop(queue);
                self.answer(&asked, &waker);
                queue = self.queue();
                queue.finish(&asked);
                // One of the same stream may have its turn now.
                self.changed.notify_one();
                continue;
            }
            if queue.is_over {
                break;
            }
            queue.idle += 1;
            let (woken, waited) = self.changed.wait_timeout(queue, ROUND).unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            queue.idle -= 1;
            if waited.timed_out() && queue.waiting.is_empty() && queue.kept.is_empty() {
                break;
            }
        }
        queue.threads -= 1;
    }

    fn answer(&self, asked: &Asked, waker: &Waker) {
        let end = Instant::now() + PATIENCE;
        match asked.what {
            What::Frames(wish) => self.answer_frames(asked, wish, end, waker),
            What::Newest => {
                let stream = asked.address.stream();
                // It may have been long ago: how old it is goes with it.
                let last = self.newest(stream, end, waker).or_else(|| self.lasts.get(stream));
                if let Some(Last { jpeg, captured, .. }) = last {
                    let (captured, sent) = (captured.as_micros(), self.clock.now().as_micros());
                    let stamp = Stamp { incarnation: self.incarnation, number: 0, captured, sent };
                    let key = asked.address.key(Part::Newest);
                    asked.question.answer(Sample { key: &key, payload: &jpeg, attachment: &stamp.to_bytes() });
                }
            }
        }
    }

    /// The newest picture of a live stream, which is watched for that.
    fn newest(&self, stream: &str, end: Instant, waker: &Waker) -> Option<Last> {
        let medium = self.find(stream)?;
        while medium.entry(waker).is_err() {
            wait_until(end)?;
        }
        let mut source = medium.open()?;
        loop {
            let now = self.clock.now();
            match source.advance(now, waker) {
                Ok(Advance::Ready) if source.absence().is_none() => {
                    let frame = source.frame()?;
                    let jpeg = source.original().unwrap_or(frame.data);
                    self.lasts.note(stream, jpeg, frame.captured.unwrap_or(now), now);
                    return self.lasts.get(stream);
                }
                // It only says that there is none.
                Ok(Advance::Ready) => {}
                Ok(Advance::Pending { until }) => {
                    let until = until.map(|until| Instant::now() + until.since(now));
                    wait_until(until.map_or(end, |until| until.min(end)))
                        .or_else(|| (Instant::now() < end).then_some(()))?;
                }
                Ok(Advance::Edge | Advance::End) => return None,
                Err(_) => wait_until(end.min(Instant::now() + PAUSE))?,
            }
        }
    }

    fn answer_frames(&self, asked: &Asked, wish: Wish, end: Instant, waker: &Waker) {
        let film = asked.address.stream();
        let near = match wish.from {
            From::Frame(number) => self.queue().take_near(film, number),
            From::Time(_) => None,
        };
        let opened = match near {
            Some(near) => Ok(near),
            None => self.open(film, end, waker),
        };
        match opened {
            Ok(mut place) => {
                self.send(asked, wish, &mut place, end, waker);
                place.used = Instant::now();
                let left = self.queue().keep(place);
                drop(left);
            }
            Err(Refused(reason)) => {
                let film = Described { rate: crate::media::DEFAULT_RATE, extent: Extent::frames(0) };
                self.say(asked, Answer::Refused, (0, 0), film, reason.as_bytes());
            }
        }
    }

    fn open(&self, film: &str, end: Instant, waker: &Waker) -> Result<Kept<SourceOf<C>>, Refused> {
        let medium = self.find(film).ok_or_else(|| Refused("there is no such film any more".to_owned()))?;
        let (rate, extent) = loop {
            match medium.entry(waker) {
                Ok(entry) if entry.extent == Extent::Live => return Err(Refused("it is live now".to_owned())),
                Ok(entry) => match entry.refusal.filter(|_| entry.extent == Extent::frames(0)) {
                    Some(refusal) => return Err(Refused(refusal.to_owned())),
                    None => break (entry.frame_rate, entry.extent),
                },
                Err(not_ready) => {
                    if medium.is_missing() || wait_until(end).is_none() {
                        return Err(Refused(not_ready.reason.to_owned()));
                    }
                }
            }
        };
        let source = medium.open().ok_or_else(|| Refused("it is watched by too many".to_owned()))?;
        Ok(Kept { film: film.to_owned(), source, rate, extent, used: Instant::now() })
    }

    /// Answers with frames, as many as are wanted and can be had in time.
    fn send(&self, asked: &Asked, wish: Wish, place: &mut Kept<SourceOf<C>>, end: Instant, waker: &Waker) {
        let Kept { source, rate, extent, .. } = place;
        let moved = match wish.from {
            From::Frame(number) if source.position() == number => Ok(()),
            From::Frame(number) => source.seek(number),
            From::Time(micros) => source.seek_time(Duration::from_micros(micros)),
        };
        if moved.is_err() {
            return;
        }
        let (mut count, mut bytes) = (0, 0);
        while count < wish.count && bytes < MOST_BYTES {
            let advanced = source.advance(self.clock.now(), waker);
            let film = Described { rate: *rate, extent: source.extent().unwrap_or(*extent) };
            match advanced {
                Ok(Advance::Ready) => {
                    let Some(frame) = source.frame() else { return };
                    let time = frame.time.map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
                    let picture = source.original().unwrap_or(frame.data);
                    bytes += picture.len();
                    self.say(asked, Answer::Frame, (frame.number, time), film, picture);
                    count += 1;
                }
                Ok(Advance::Edge | Advance::End) => {
                    return self.say(asked, Answer::Behind, (source.position(), 0), film, b"");
                }
                Ok(Advance::Pending { .. }) => match wait_until(end) {
                    Some(()) => {}
                    None => return,
                },
                Err(error) => {
                    log::debug!("{}: a frame is not sent to other nodes: {error:?}", asked.address.stream());
                    self.say(asked, Answer::Unreadable, (source.position().saturating_sub(1), 0), film, b"");
                    count += 1;
                }
            }
        }
    }

    fn say(&self, asked: &Asked, answer: Answer, (number, time): (u32, u64), film: Described, payload: &[u8]) {
        let sent = self.clock.now().as_micros();
        let stamp = Stamp { incarnation: self.incarnation, number: number.into(), captured: time, sent };
        let attachment = FilmStamp { stamp, answer, film }.to_bytes();
        let key = asked.address.key(Part::Frames);
        asked.question.answer(Sample { key: &key, payload, attachment: &attachment });
    }
}

impl<C: Catalogue> fmt::Debug for Desk<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use mutoscope::media::Frame;
    use mutoscope::media::catalogue::{Entry, NotReady};
    use mutoscope::media::{End, NoSink};

    use super::*;
    use crate::media::testing::frames;

    /// A film that is looked into for as long as somebody else wants.
    #[derive(Clone)]
    struct Slow(Arc<Mutex<mpsc::Receiver<()>>>);

    struct Shown {
        film: Vec<Vec<u8>>,
        next: usize,
    }

    impl Catalogue for Slow {
        type Medium = Self;

        fn find(&self, _: Path<'_>) -> Option<Self> {
            let _ = self.0.lock().unwrap().recv();
            Some(self.clone())
        }
    }

    impl Medium for Slow {
        type Source = Shown;
        type Sink = NoSink;

        fn entry(&self, _: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
            let (frame_rate, extent) = (crate::media::DEFAULT_RATE, Extent::Frames { count: 9, end: End::Open });
            Ok(Entry { id: 0, name: "film", frame_rate, extent, width: 0, height: 0, refusal: None })
        }

        fn open(&self) -> Option<Shown> {
            Some(Shown { film: frames(9), next: 0 })
        }
    }

    impl FrameSource for Shown {
        type Error = ();

        fn advance(&mut self, _: mutoscope::time::Instant, _: &Waker) -> Result<Advance, ()> {
            self.next += 1;
            match self.next {
                4 => Err(()),
                next if next > self.film.len() => Ok(Advance::Edge),
                _ => Ok(Advance::Ready),
            }
        }

        fn frame(&self) -> Option<Frame<'_>> {
            let number = self.next.checked_sub(1)?;
            let data = self.film.get(number)?;
            let layout = mutoscope::jpeg::Layout::parse(data);
            Some(Frame { number: number as u32, data, captured: None, time: None, layout })
        }

        fn position(&self) -> u32 {
            self.next.min(self.film.len()) as u32
        }

        fn seek(&mut self, number: u32) -> Result<(), ()> {
            self.next = number as usize;
            Ok(())
        }
    }

    struct Asks {
        key: String,
        wish: String,
        answers: mpsc::Sender<(Answer, u64, usize)>,
    }

    impl Question for Asks {
        fn key(&self) -> &str {
            &self.key
        }

        fn parameters(&self) -> &str {
            &self.wish
        }

        fn answer(&self, sample: Sample<'_>) {
            let FilmStamp { stamp, answer, .. } = FilmStamp::parse(sample.attachment).unwrap();
            self.answers.send((answer, stamp.number, sample.payload.len())).unwrap();
        }
    }

    fn desk() -> (mpsc::Sender<()>, Desk<Slow>) {
        let (go, gate) = mpsc::channel();
        (go, Desk::new(Slow(Arc::new(Mutex::new(gate))), 1, MonotonicClock::new(), Lasts::default()))
    }

    /// Asks, and gives what will have been answered when that is over.
    fn ask(desk: &Desk<Slow>, film: &str, wish: &str) -> mpsc::Receiver<(Answer, u64, usize)> {
        let (answers, answered) = mpsc::channel();
        let key = format!("mutoscope/node/{film}/frames");
        desk.take(Box::new(Asks { key, wish: wish.to_owned(), answers }), |address, _| address.stream() != "secret");
        answered
    }

    #[test]
    fn frames_are_sent_as_they_are_asked_for_and_what_cannot_be_is_told() {
        let (go, desk) = desk();
        let lengths: Vec<_> = frames(9).iter().map(Vec::len).collect();
        go.send(()).unwrap();
        let first: Vec<_> = ask(&desk, "film", "from=2;count=3").iter().collect();
        let frame = |number: usize| (Answer::Frame, number as u64, lengths[number]);
        assert_eq!(first, [frame(2), (Answer::Unreadable, 3, 0), frame(4)]);
        // The place is kept: nobody has to look for the film again.
        let last: Vec<_> = ask(&desk, "film", "from=7;count=8").iter().collect();
        assert_eq!(last, [frame(7), frame(8), (Answer::Behind, 9, 0)]);
        for (film, wish) in [("film", "from=0"), ("secret", "from=0;count=1"), ("film", "count=1;from=0"), ("*", "")] {
            assert_eq!(ask(&desk, film, wish).iter().count(), 0, "{film} {wish}");
        }
    }

    #[test]
    fn whoever_asks_too_much_is_not_answered_and_others_are() {
        let (go, desk) = desk();
        let flood: Vec<_> = (0..100).map(|_| ask(&desk, "flood", "from=0;count=1")).collect();
        let other = ask(&desk, "film", "from=0;count=1");
        (0..102).for_each(|_| go.send(()).unwrap());
        assert_eq!(other.iter().count(), 1);
        let answered = flood.iter().filter(|answers| answers.iter().count() == 1).count();
        assert!((MOST_OF_STREAM..=MOST_OF_STREAM + MOST_THREADS_OF_STREAM).contains(&answered), "{answered}");
        let many: Vec<_> = (0..100).map(|film| ask(&desk, &format!("film{film}"), "from=0;count=1")).collect();
        drop(go);
        let answered = many.iter().filter(|answers| answers.iter().count() == 1).count();
        assert!((MOST_WAITING..=100).contains(&answered), "{answered}");
    }

    #[test]
    fn what_waits_is_over_with_the_desk() {
        let (go, desk) = desk();
        let asked: Vec<_> = (0..10).map(|film| ask(&desk, &format!("film{film}"), "from=0;count=1")).collect();
        drop(desk);
        drop(go);
        let answered = asked.iter().map(|answers| answers.iter().count()).sum::<usize>();
        assert!(answered <= MOST_THREADS, "{answered}");
    }
}
