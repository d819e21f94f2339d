//! Answers to the question what the streams of this node are. Anybody may ask as often as they like: what is told is made once in a
//! second, and so much is told in a second.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::about::About;
use super::bounds::Allowance;
use super::exchange::{Question, Sample};
use super::name::{self, Address, Part};

/// How long the same is told, if nobody says that it has changed.
const FRESH: Duration = Duration::from_secs(1);
/// Most descriptions in a second. Who gets none asks again.
const MOST: usize = 20_000;

/// What is known of a stream, by its name.
pub(super) type Describe = Box<dyn Fn(&str) -> Option<About> + Send + Sync>;

/// Tells of streams.
pub(super) struct Abouts {
    describe: Describe,
    state: Mutex<State>,
}

struct State {
    /// Keys with what is told of their streams, and when that was made.
    told: Arc<[(String, String)]>,
    made: Option<Instant>,
    allowance: Allowance,
}

impl Abouts {
    pub(super) fn new(describe: Describe) -> Self {
        let state = State { told: Arc::default(), made: None, allowance: Allowance::new(MOST, Instant::now()) };
        Self { describe, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Streams, or what is to be told of them, are others now.
    pub(super) fn forget(&self) {
        self.state().made = None;
    }

    /// Answers a question; `offered` gives all streams.
    pub(super) fn answer(&self, question: &dyn Question, offered: impl FnOnce() -> Vec<Address>) {
        let (mut state, now) = (self.state(), Instant::now());
        if state.made.is_none_or(|made| now.saturating_duration_since(made) >= FRESH) {
            let tell = |address: &Address| {
                let about = (self.describe)(address.stream())?;
                Some((address.key(Part::About), about.to_json()))
            };
            state.told = offered().iter().filter_map(tell).collect();
            state.made = Some(now);
        }
        let told = Arc::clone(&state.told);
        let asked: Vec<_> = told.iter().filter(|(key, _)| name::do_match(key, question.key())).collect();
        let may_be_told = state.allowance.take(asked.len(), now);
        // Whoever asks may be slow to take the answers. Others are answered meanwhile.
        drop(state);
        if may_be_told {
            for (key, json) in asked {
                question.answer(Sample { key, payload: json.as_bytes(), attachment: b"" });
            }
        }
    }
}

impl fmt::Debug for Abouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Abouts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever asks, and what is done with each answer.
    struct Asks<F>(F);

    impl<F: Fn(&str) + Send> Question for Asks<F> {
        fn key(&self) -> &str {
            "mutoscope/node/*/about"
        }

        fn parameters(&self) -> &str {
            ""
        }

        fn answer(&self, sample: Sample<'_>) {
            (self.0)(sample.key);
        }
    }

    #[test]
    fn others_are_answered_while_somebody_takes_an_answer() {
        let abouts = Arc::new(Abouts::new(Box::new(|_| Some(About::default()))));
        let offered = || vec![Address::new("node", "bird").unwrap()];
        let keys = Arc::new(Mutex::new(Vec::new()));
        let note = |keys: &Mutex<Vec<String>>, key: &str| keys.lock().unwrap().push(key.to_owned());
        let slow = {
            let (abouts, keys) = (Arc::clone(&abouts), Arc::clone(&keys));
            move |key: &str| {
                let other = Arc::clone(&keys);
                abouts.answer(&Asks(move |key: &str| note(&other, key)), offered);
                abouts.forget();
                note(&keys, key);
            }
        };
        abouts.answer(&Asks(slow), offered);
        assert_eq!(*keys.lock().unwrap(), ["mutoscope/node/bird/about"; 2]);
    }
}
