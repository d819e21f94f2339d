//! Threads for what takes longer than an event loop may stand still.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

/// Which medium a job is for: one and the same number for all of a medium's.
pub(super) type MediumId = u32;

/// What a worker does for one picture.
pub(super) trait Job: Send + 'static {
    /// What a worker keeps from one job to the next.
    type Tools: Default;

    /// Whether somebody still waits for it.
    fn is_wanted(&self) -> bool;

    /// Does the job.
    fn run(self, tools: &mut Self::Tools);
}

/// A job that needs nothing but what it is about, and is wanted as long as that is there.
pub(super) struct Task {
    is_wanted: Box<dyn Fn() -> bool + Send>,
    run: Box<dyn FnOnce() + Send>,
}

impl Task {
    pub(super) fn of<T: Send + Sync + 'static>(whom: Weak<T>, run: impl FnOnce(Arc<T>) + Send + 'static) -> Self {
        let wanted = Weak::clone(&whom);
        let run = move || {
            if let Some(whom) = whom.upgrade() {
                run(whom);
            }
        };
        Self { is_wanted: Box::new(move || wanted.strong_count() > 0), run: Box::new(run) }
    }
}

impl Job for Task {
    type Tools = ();

    fn is_wanted(&self) -> bool {
        (self.is_wanted)()
    }

    fn run(self, (): &mut ()) {
        (self.run)();
    }
}

/// How many workers a pool may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// What they are called in lists of threads.
    pub name: &'static str,
    /// Jobs of one medium that are done at once.
    pub per_medium: usize,
    /// Workers in all.
    pub workers: usize,
    /// How long one without a job stays.
    pub patience: Duration,
}

/// Does jobs in the order in which they were ordered, medium by medium in turns. A medium has only so many workers, so that one
/// whose jobs take seconds does not keep the others waiting. Jobs that nobody waits for any more are left out, so viewers who
/// leave or seek cost nothing.
///
/// A worker is added whenever a job could be done and all others are busy, up to [`Limits::workers`]. Those that had nothing to
/// do for a while end, and so do all of them with the pool; nobody waits for that.
pub(super) struct WorkerPool<J: Job> {
    limits: Limits,
    jobs: Arc<JobQueue<J>>,
}

impl<J: Job> WorkerPool<J> {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, jobs: Arc::new(JobQueue::new(limits.per_medium)) }
    }

    /// How many jobs of a medium are done at once.
    pub(super) fn per_medium(&self) -> usize {
        self.limits.per_medium
    }

    /// How many workers there are.
    #[cfg(test)]
    pub(super) fn workers(&self) -> usize {
        self.jobs.lock().workers
    }

    /// Has a job done, and returns at once.
    ///
    /// Only where the system gives not a single thread it is done by the caller: late is better than never.
    pub(super) fn order(&self, medium: MediumId, job: J) {
        if !self.jobs.push(medium, job, self.limits.workers) {
            return self.jobs.change.notify_one();
        }
        let (jobs, patience) = (Arc::clone(&self.jobs), self.limits.patience);
        let thread = thread::Builder::new().name(self.limits.name.to_owned());
        if let Err(error) = thread.spawn(move || jobs.work(patience)) {
            log::warn!("no further thread for {}: {error}", self.limits.name);
            let mut queues = self.jobs.lock();
            queues.workers -= 1;
            let is_alone = queues.workers == 0;
            drop(queues);
            if is_alone {
                self.jobs.work_off(&mut J::Tools::default());
            } else {
                self.jobs.change.notify_one();
            }
        }
    }
}

impl<J: Job> Drop for WorkerPool<J> {
    fn drop(&mut self) {
        self.jobs.lock().are_closed = true;
        self.jobs.change.notify_all();
    }
}

impl<J: Job> fmt::Debug for WorkerPool<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerPool").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What waits for a worker.
struct JobQueue<J> {
    queues: Mutex<Queues<J>>,
    change: Condvar,
    per_medium: usize,
}

struct Queues<J> {
    /// The medium whose turn it is comes first.
    media: VecDeque<Queue<J>>,
    /// Workers that there are or that are starting.
    workers: usize,
    are_closed: bool,
}

/// Jobs of one medium.
struct Queue<J> {
    medium: MediumId,
    waiting: VecDeque<J>,
    /// Jobs that workers are busy with.
    busy: usize,
    /// At so many jobs, those that nobody waits for are looked for.
    sweep_at: usize,
}

/// So many jobs of a medium may wait before those that nobody waits for are looked for.
const SLACK: usize = 8;

impl<J: Job> JobQueue<J> {
    fn new(per_medium: usize) -> Self {
        let queues = Queues { media: VecDeque::new(), workers: 0, are_closed: false };
        Self { queues: Mutex::new(queues), change: Condvar::new(), per_medium }
    }

    /// Nothing takes long while this is held.
    fn lock(&self) -> MutexGuard<'_, Queues<J>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `true`: all workers are busy, another one is to be started, and is counted already.
    fn push(&self, medium: MediumId, job: J, most: usize) -> bool {
        let mut queues = self.lock();
        match queues.media.iter_mut().find(|queue| queue.medium == medium) {
            Some(queue) => queue.push(job),
            None => queues.media.push_back(Queue { medium, waiting: [job].into(), busy: 0, sweep_at: SLACK }),
        }
        let is_one_missing = queues.doable(self.per_medium) > queues.free() && queues.workers < most;
        queues.workers += usize::from(is_one_missing);
        is_one_missing
    }

    /// The life of a worker.
    fn work(&self, patience: Duration) {
        let mut tools = J::Tools::default();
        while let Some((medium, job)) = self.take(patience) {
            job.run(&mut tools);
            self.finish(medium);
        }
    }

    /// Does what can be done now.
    fn work_off(&self, tools: &mut J::Tools) {
        loop {
            let next = self.lock().next(self.per_medium);
            let Some((medium, job)) = next else { return };
            job.run(tools);
            self.finish(medium);
        }
    }

    /// Waits for the next job. `None`: the worker ends.
    fn take(&self, patience: Duration) -> Option<(MediumId, J)> {
        let mut queues = self.lock();
        let mut is_over = false;
        loop {
            // A job that came while patience ended is still done.
            match queues.next(self.per_medium) {
                Some(next) if !queues.are_closed => return Some(next),
                _ if queues.are_closed || is_over => {
                    queues.workers -= 1;
                    return None;
                }
                _ => {}
            }
            let (woken, timeout) = self.change.wait_timeout(queues, patience).unwrap_or_else(PoisonError::into_inner);
            queues = woken;
            is_over = timeout.timed_out();
        }
    }

    /// A job of this medium is done. Its next one needs no other worker: the one that is done takes it, or the one that was
    /// started or woken for the job that is taken instead.
    fn finish(&self, medium: MediumId) {
        let mut queues = self.lock();
        if let Some(queue) = queues.media.iter_mut().find(|queue| queue.medium == medium) {
            queue.busy -= 1;
        }
        queues.media.retain(|queue| queue.busy > 0 || !queue.waiting.is_empty());
    }
}

impl<J: Job> Queue<J> {
    fn push(&mut self, job: J) {
        if self.waiting.len() >= self.sweep_at {
            self.waiting.retain(J::is_wanted);
            self.sweep_at = SLACK.max(2 * self.waiting.len());
        }
        self.waiting.push_back(job);
    }
}

impl<J: Job> Queues<J> {
    /// How many jobs could be done if there were workers for all of them.
    fn doable(&self, per_medium: usize) -> usize {
        self.media.iter().map(|queue| queue.waiting.len().min(per_medium - queue.busy)).sum()
    }

    /// How many workers do nothing, or are about to look for a job.
    fn free(&self) -> usize {
        self.workers.saturating_sub(self.media.iter().map(|queue| queue.busy).sum())
    }

    fn next(&mut self, per_medium: usize) -> Option<(MediumId, J)> {
        for index in 0..self.media.len() {
            let queue = &mut self.media[index];
            if queue.busy >= per_medium {
                continue;
            }
            let Some(job) = std::iter::from_fn(|| queue.waiting.pop_front()).find(J::is_wanted) else { continue };
            queue.busy += 1;
            let medium = queue.medium;
            // The other media come first next time.
            if let Some(queue) = self.media.remove(index) {
                self.media.push_back(queue);
            }
            return Some((medium, job));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};

    const LIMITS: Limits = Limits { name: "tests", per_medium: 1, workers: 3, patience: Duration::from_secs(60) };

    /// Waits until its gate is opened, and then says its number.
    struct Gated {
        number: u32,
        is_wanted: bool,
        gate: Option<Receiver<()>>,
        done: Sender<u32>,
    }

    impl Job for Gated {
        type Tools = ();

        fn is_wanted(&self) -> bool {
            self.is_wanted
        }

        fn run(self, (): &mut ()) {
            if let Some(gate) = self.gate {
                let _ = gate.recv();
            }
            let _ = self.done.send(self.number);
        }
    }

    struct Numbered(u32);

    impl Job for Numbered {
        type Tools = ();

        fn is_wanted(&self) -> bool {
            self.0 > 0
        }

        fn run(self, (): &mut ()) {}
    }

    fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
        let start = std::time::Instant::now();
        while !is_so() {
            assert!(start.elapsed() < Duration::from_secs(60), "{what}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn media_take_turns_and_none_has_all_workers() {
        let jobs = JobQueue::new(2);
        for (medium, number) in [(0, 1), (0, 2), (0, 3), (0, 4), (1, 5), (1, 6), (2, 7), (3, 0)] {
            jobs.push(medium, Numbered(number), 0);
        }
        let next = || jobs.lock().next(2).map(|(medium, job)| (medium, job.0));
        assert_eq!([next(), next(), next(), next()], [Some((0, 1)), Some((1, 5)), Some((2, 7)), Some((0, 2))]);
        assert_eq!([next(), next()], [Some((1, 6)), None], "medium 0 has two others under way, and medium 3 no viewer");
        jobs.finish(0);
        assert_eq!([next(), next()], [Some((0, 3)), None]);
        for medium in [0, 0, 1, 1, 2] {
            jobs.finish(medium);
        }
        assert_eq!(jobs.lock().media.len(), 1);
        assert_eq!([next(), next()], [Some((0, 4)), None]);
        jobs.finish(0);
        assert!(jobs.lock().media.is_empty());
    }

    #[test]
    fn a_worker_is_added_while_all_others_are_stuck_and_no_medium_has_a_second_one() {
        let pool = WorkerPool::new(LIMITS);
        let (done, results) = channel();
        let job = |number, gate| Gated { number, is_wanted: true, gate, done: done.clone() };
        let (open_first, first) = channel();
        let (open_second, second) = channel();
        pool.order(0, job(0, Some(first)));
        pool.order(0, job(1, None));
        assert_eq!(pool.workers(), 1);
        pool.order(1, job(2, Some(second)));
        for number in 3..10 {
            pool.order(2, job(number, None));
        }
        assert_eq!(pool.workers(), 3);
        assert_eq!(results.iter().take(7).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8, 9]);
        drop(open_first);
        assert_eq!(results.iter().take(2).collect::<Vec<_>>(), [0, 1]);
        drop(open_second);
        assert_eq!(results.recv(), Ok(2));
        assert_eq!(pool.workers(), 3, "no more than are allowed");
    }

    #[test]
    fn jobs_that_nobody_waits_for_neither_run_nor_pile_up() {
        let pool = WorkerPool::new(LIMITS);
        let (done, results) = channel();
        let (open, gate) = channel();
        pool.order(0, Gated { number: 0, is_wanted: true, gate: Some(gate), done: done.clone() });
        for number in 1..1000 {
            pool.order(0, Gated { number, is_wanted: false, gate: None, done: done.clone() });
        }
        assert!(pool.jobs.lock().media.iter().map(|queue| queue.waiting.len()).sum::<usize>() <= SLACK);
        pool.order(0, Gated { number: 1000, is_wanted: true, gate: None, done });
        drop(open);
        assert_eq!(results.iter().collect::<Vec<_>>(), [0, 1000]);
    }

    #[test]
    fn workers_end_when_there_is_nothing_to_do_and_with_the_pool() {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        struct Counted;
        impl Job for Counted {
            type Tools = ();
            fn is_wanted(&self) -> bool {
                true
            }
            fn run(self, (): &mut ()) {
                RUNS.fetch_add(1, Ordering::Relaxed);
            }
        }
        let pool = WorkerPool::new(Limits { patience: Duration::from_millis(5), ..LIMITS });
        for round in 1..5 {
            pool.order(0, Counted);
            wait_for("the job", || RUNS.load(Ordering::Relaxed) == round);
            wait_for("the end of its worker", || pool.workers() == 0);
        }
        let pool = WorkerPool::new(LIMITS);
        pool.order(0, Counted);
        let jobs = Arc::downgrade(&pool.jobs);
        drop(pool);
        wait_for("the end of all", || jobs.strong_count() == 0);
    }
}
