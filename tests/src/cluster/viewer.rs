//! Viewers who write down when each picture came, which one it was, and how old.

use super::network::Place;
use crate::relay::{NUMBERS, Stamper, number_of};
use anyhow::{Context, Result, ensure};
use mutoscope_std::client::{self, Client, Event, Goal, Transport};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// One picture that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// Its number, less than [`NUMBERS`].
    pub number: usize,
    /// How old it was.
    pub age: Duration,
}

/// A player of ours that plays until this is dropped.
#[derive(Debug)]
pub struct Viewer {
    seen: Arc<Mutex<Vec<Seen>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Longer than any picture is awaited here.
const PATIENCE: Duration = Duration::from_secs(20);

impl Viewer {
    /// Begins to watch, from there; at the next URL where one gives nothing more.
    pub fn start(place: &Place, urls: &[String], stamper: &Stamper) -> Self {
        let (seen, is_over) = (Arc::<Mutex<Vec<Seen>>>::default(), Arc::<AtomicBool>::default());
        let thread = std::thread::spawn({
            let (place, urls, stamper) = (place.clone(), urls.to_vec(), stamper.clone());
            let (seen, is_over) = (Arc::clone(&seen), Arc::clone(&is_over));
            move || {
                if place.enter().is_err() {
                    return;
                }
                while !is_over.load(Ordering::Relaxed) {
                    // What went wrong shows in what is missing.
                    let _ = watch(&urls, &stamper, &seen, &is_over);
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        });
        Self { seen, is_over, thread: Some(thread) }
    }

    /// What came since then.
    pub fn since(&self, begin: Instant) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter(|seen| seen.at >= begin).copied().collect()
    }

    /// Waits until so many have come since then.
    pub fn wait(&self, what: &str, begin: Instant, pictures: usize) -> Result<Vec<Seen>> {
        let started = Instant::now();
        loop {
            let seen = self.since(begin);
            if seen.len() >= pictures {
                return Ok(seen);
            }
            ensure!(started.elapsed() < PATIENCE, "{what}: {} pictures of {pictures} came", seen.len());
            super::pause(Duration::from_millis(5))?;
        }
    }

    /// What was the last that came before then, and all that came since.
    pub fn around(&self, moment: Instant) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let first = seen.iter().position(|seen| seen.at >= moment).unwrap_or(seen.len());
        seen[first.saturating_sub(1)..].to_vec()
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Plays, and goes on at the next URL where one gives nothing more. Who has no other begins anew.
fn watch(urls: &[String], stamper: &Stamper, seen: &Mutex<Vec<Seen>>, is_over: &AtomicBool) -> Result<()> {
    let (first, others) = urls.split_first().context("there is no URL")?;
    let options = client::Options { transport: Transport::Tcp, max_frame: 1 << 24, ..client::Options::new(first) };
    let mut client = Client::new(options.with_fallbacks(others))?;
    client.set_goal(Goal::Play { from: None });
    while !is_over.load(Ordering::Relaxed) {
        match client.next(Some(Instant::now() + Duration::from_millis(50))) {
            Ok(Some(Event::Frame(_))) => {
                let (at, frame) = (Instant::now(), client.frame());
                let age = at.saturating_duration_since(stamper.sent(frame)?);
                let number = number_of(frame)?;
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen { at, number, age });
            }
            Ok(Some(Event::EndOfStream { .. } | Event::TornDown)) | Err(_) if others.is_empty() => return Ok(()),
            Ok(Some(Event::EndOfStream { .. } | Event::TornDown)) | Err(_) => {
                if !client.turn() {
                    std::thread::sleep(Duration::from_millis(100));
                }
                client.set_goal(Goal::Play { from: None });
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

/// What was wrong with a viewer's pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// Pictures that were left out between those that came.
    pub missing: usize,
    /// Pictures that were older than those before them.
    pub backwards: usize,
    /// The longest time between two.
    pub gap: Duration,
    /// The age of the oldest.
    pub oldest: Duration,
}

/// Looks at pictures one after the other.
pub fn flaws(seen: &[Seen]) -> Flaws {
    let mut flaws = Flaws::default();
    for pair in seen.windows(2) {
        let [before, after] = pair else { continue };
        let step = (after.number + NUMBERS - before.number) % NUMBERS;
        // Of numbers that go round, the shorter way is meant.
        if step == 0 || step > NUMBERS - 30 {
            flaws.backwards += 1;
        } else {
            flaws.missing += step - 1;
        }
        flaws.gap = flaws.gap.max(after.at - before.at);
    }
    flaws.oldest = seen.iter().map(|seen| seen.age).max().unwrap_or_default();
    flaws
}

/// The ages of pictures, `percent` of which are not more than that.
pub fn age(seen: &[Seen], percent: usize) -> Duration {
    crate::latency::percentile(seen.iter().map(|seen| seen.age), percent)
}

/// How much later one viewer had each picture than the other.
pub fn later(first: &[Seen], second: &[Seen]) -> Result<Vec<Duration>> {
    let mut found = Vec::new();
    for seen in second {
        // Numbers go round, so the same one is meant that came not much before.
        let same = first.iter().find(|other| {
            other.number == seen.number && seen.at.checked_duration_since(other.at).is_none_or(|by| by < PATIENCE / 4)
        });
        found.extend(same.map(|same| seen.at.saturating_duration_since(same.at)));
    }
    ensure!(!found.is_empty(), "they have no picture in common");
    Some(found).context("nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(begin: Instant, pictures: &[(u64, usize)]) -> Vec<Seen> {
        let of = |&(millis, number): &(u64, usize)| {
            let at = begin + Duration::from_millis(millis);
            Seen { at, number, age: Duration::from_millis(millis / 10) }
        };
        pictures.iter().map(of).collect()
    }

    #[test]
    fn flaws_are_found() {
        let begin = Instant::now();
        let whole = seen(begin, &[(0, 248), (40, 249), (80, 0), (120, 1)]);
        assert_eq!(
            flaws(&whole),
            Flaws { gap: Duration::from_millis(40), oldest: Duration::from_millis(12), ..Flaws::default() }
        );
        let bad = flaws(&seen(begin, &[(0, 249), (900, 5), (901, 3), (940, 4), (980, 4)]));
        assert_eq!((bad.missing, bad.backwards, bad.gap), (5, 2, Duration::from_millis(900)));
    }

    #[test]
    fn the_same_pictures_are_compared() {
        let begin = Instant::now();
        let (first, second) = (seen(begin, &[(0, 7), (40, 8), (80, 9)]), seen(begin, &[(3, 7), (85, 9), (120, 10)]));
        assert_eq!(later(&first, &second).unwrap(), [3, 5].map(Duration::from_millis));
        assert!(later(&first, &[]).is_err());
    }
}
