//! Threads that make pictures ready whose making takes longer than the event loop may stand still.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use super::converter::{Converter, Policy};
use super::picture::Picture;

/// Pictures of one medium that are worked on at once, at most: each may be decoded in memory.
const MAX_AT_ONCE: usize = 4;

/// Which medium a picture is of: one and the same number for all of a medium's.
pub(super) type MediumId = usize;

/// Makes pictures in the order in which they were ordered, medium by medium in turns. No medium has all threads, so that one
/// whose pictures take seconds does not keep the others waiting. Those that nobody waits for any more are left out, so viewers
/// who leave or seek cost nothing.
///
/// The threads begin with the first order and end with the conversion_pool.
pub(super) struct ConversionPool {
    policy: Policy,
    at_once: usize,
    jobs: OnceCell<Arc<JobQueue>>,
}

impl ConversionPool {
    pub(super) fn new(policy: Policy) -> Self {
        let at_once = thread::available_parallelism().map_or(1, usize::from).min(MAX_AT_ONCE);
        Self { policy, at_once, jobs: OnceCell::new() }
    }

    /// What is done with pictures.
    pub(super) fn policy(&self) -> Policy {
        self.policy
    }

    /// How many pictures of a medium it works on at once.
    pub(super) fn at_once(&self) -> usize {
        self.at_once
    }

    /// Has a picture made ready. [`Picture::took`] tells when it is.
    pub(super) fn order(&self, medium: MediumId, picture: &Arc<Picture>) {
        let jobs = self.jobs.get_or_init(|| start(self.at_once, self.policy));
        if !jobs.push(medium, Arc::downgrade(picture)) {
            // Not a single thread could be started. Late is better than never.
            picture.make(&mut Converter::new(self.policy), Vec::new());
        }
    }
}

impl Drop for ConversionPool {
    fn drop(&mut self) {
        if let Some(jobs) = self.jobs.get() {
            jobs.lock().are_closed = true;
            jobs.change.notify_all();
        }
    }
}

impl fmt::Debug for ConversionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConversionPool").field("at_once", &self.at_once).finish_non_exhaustive()
    }
}

/// What waits for a thread.
#[derive(Default)]
struct JobQueue {
    queues: Mutex<Queues>,
    change: Condvar,
    /// Pictures of one medium at once.
    at_once: usize,
}

#[derive(Default)]
struct Queues {
    /// The medium whose turn it is comes first.
    media: VecDeque<Queue>,
    /// Threads that there are.
    threads: usize,
    are_closed: bool,
}

/// JobQueue of one medium.
struct Queue {
    medium: MediumId,
    waiting: VecDeque<Weak<Picture>>,
    /// Pictures that threads are busy with.
    busy: usize,
}

impl JobQueue {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `false`: there is no thread.
    fn push(&self, medium: MediumId, picture: Weak<Picture>) -> bool {
        let mut queues = self.lock();
        if queues.threads == 0 {
            return false;
        }
        match queues.media.iter_mut().find(|queue| queue.medium == medium) {
            Some(queue) => queue.waiting.push_back(picture),
            None => queues.media.push_back(Queue { medium, waiting: [picture].into(), busy: 0 }),
        }
        drop(queues);
        self.change.notify_one();
        true
    }

    /// Waits for the next picture; `None`: there will be no more.
    fn take(&self) -> Option<(MediumId, Arc<Picture>)> {
        let mut queues = self.lock();
        loop {
            if queues.are_closed {
                return None;
            }
            match queues.next(self.at_once) {
                Some(next) => return Some(next),
                None => queues = self.change.wait(queues).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// A picture of this medium is no longer worked on.
    fn finish(&self, medium: MediumId) {
        let mut queues = self.lock();
        if let Some(queue) = queues.media.iter_mut().find(|queue| queue.medium == medium) {
            queue.busy -= 1;
        }
        queues.media.retain(|queue| queue.busy > 0 || !queue.waiting.is_empty());
        drop(queues);
        // Its next one may be what a thread has been waiting for.
        self.change.notify_one();
    }
}

impl Queues {
    fn next(&mut self, at_once: usize) -> Option<(MediumId, Arc<Picture>)> {
        for index in 0..self.media.len() {
            let queue = &mut self.media[index];
            if queue.busy >= at_once {
                continue;
            }
            let Some(picture) = std::iter::from_fn(|| queue.waiting.pop_front()).find_map(|order| order.upgrade())
            else {
                continue;
            };
            queue.busy += 1;
            let medium = queue.medium;
            // The others come first then.
            if let Some(queue) = self.media.remove(index) {
                self.media.push_back(queue);
            }
            return Some((medium, picture));
        }
        None
    }
}

fn start(at_once: usize, policy: Policy) -> Arc<JobQueue> {
    let jobs = Arc::new(JobQueue { at_once, ..JobQueue::default() });
    // One more than a medium may have.
    for _ in 0..=at_once {
        let own = Arc::clone(&jobs);
        match thread::Builder::new().name("pictures".to_owned()).spawn(move || work(&own, policy)) {
            Ok(_) => jobs.lock().threads += 1,
            Err(error) => log::warn!("no thread for pictures that have to be converted: {error}"),
        }
    }
    jobs
}

/// Until the conversion_pool ends.
fn work(jobs: &JobQueue, policy: Policy) {
    let mut converter = Converter::new(policy);
    while let Some((medium, picture)) = jobs.take() {
        picture.make(&mut converter, Vec::new());
        drop(picture);
        jobs.finish(medium);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::OnUnsupported;
    use crate::media::testing::picture;
    use std::time::{Duration, Instant};

    const CONVERT: Policy = Policy { restart_markers: false, on_unsupported: OnUnsupported::Convert };

    fn progressive(number: u32) -> Arc<Picture> {
        Arc::new(Picture::new(number, None, picture(40, 40, |encoder| encoder.set_progressive(true))))
    }

    fn is_made(picture: &Picture) -> bool {
        let start = Instant::now();
        while picture.took().is_none() {
            if start.elapsed() > Duration::from_secs(60) {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }

    #[test]
    fn what_is_ordered_gets_made_and_what_nobody_waits_for_does_not() {
        let mut conversion_pool = ConversionPool::new(CONVERT);
        conversion_pool.at_once = 1;
        let forgotten = progressive(0);
        conversion_pool.order(0, &forgotten);
        drop(forgotten);
        let pictures: Vec<_> = (1..20).map(progressive).collect();
        pictures.iter().for_each(|picture| conversion_pool.order(picture.number() as usize % 3, picture));
        let last = progressive(20);
        conversion_pool.order(0, &last);
        for picture in pictures.iter().chain([&last]) {
            assert!(is_made(picture));
            assert!(picture.frame().unwrap().layout.unwrap().rtp_format().is_ok());
        }
    }

    #[test]
    fn media_take_turns_and_none_has_all_threads() {
        let pictures: Vec<_> = (0..9).map(progressive).collect();
        let jobs = JobQueue { at_once: 2, ..JobQueue::default() };
        assert!(!jobs.push(0, Weak::new()), "there is no thread");
        jobs.lock().threads = 3;
        for (medium, picture) in [0, 0, 0, 0, 1, 1, 2].into_iter().zip(&pictures) {
            assert!(jobs.push(medium, Arc::downgrade(picture)));
        }
        assert!(jobs.push(3, Weak::new()), "nobody waits for it");
        let next = || jobs.lock().next(2).map(|(medium, picture)| (medium, picture.number()));
        assert_eq!([next(), next(), next(), next()], [Some((0, 0)), Some((1, 4)), Some((2, 6)), Some((0, 1))]);
        assert_eq!([next(), next()], [Some((1, 5)), None], "medium 0 has two others under way");
        jobs.finish(0);
        assert_eq!([next(), next()], [Some((0, 2)), None]);
        for medium in [0, 0, 1, 1, 2] {
            jobs.finish(medium);
        }
        assert_eq!(jobs.lock().media.len(), 1);
        assert_eq!([next(), next()], [Some((0, 3)), None]);
        jobs.finish(0);
        assert!(jobs.lock().media.is_empty());
    }

    #[test]
    fn the_threads_end_with_the_workshop() {
        let conversion_pool = ConversionPool::new(Policy::default());
        let picture = progressive(0);
        conversion_pool.order(0, &picture);
        assert!(is_made(&picture));
        let jobs = Arc::downgrade(conversion_pool.jobs.get().unwrap());
        drop(conversion_pool);
        let start = Instant::now();
        while jobs.strong_count() > 0 {
            assert!(start.elapsed() < Duration::from_secs(60));
            thread::sleep(Duration::from_millis(1));
        }
    }
}
