//! Runs targets over mutated inputs: seeded, so that a failure is repeated by its seed.

use super::Target;
use super::mutate::mutate;
use crate::net::Random;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// One input that broke a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The target's name.
    pub target: &'static str,
    /// What the panic said, and where.
    pub message: String,
    /// The input, made as short as it could be.
    pub input: Vec<u8>,
}

/// How many inputs a target took, and the first that it did not.
#[derive(Debug)]
pub struct Outcome {
    /// Inputs tried.
    pub inputs: u64,
    /// The longest time that one of them took.
    pub slowest: Duration,
    /// The first failure; the run ends there.
    pub failure: Option<Failure>,
}

/// No input may take longer: a parser whose time explodes is as bad as one that panics.
const TOO_SLOW: Duration = Duration::from_secs(1);

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Feeds `target` with seeds and mutations of them for `time` or `inputs`, whichever ends first.
pub fn run(target: &Target, seed: u64, time: Duration, inputs: u64) -> Outcome {
    quiet(|| {
        let seeds = (target.seeds)();
        // Each target has its own stream of random numbers, so that it fails alone as it fails among others.
        let name = target.name.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let mut random = Random::new(seed ^ name);
        let mut pool = seeds.clone();
        let begin = Instant::now();
        let mut outcome = Outcome { inputs: 0, slowest: Duration::ZERO, failure: None };
        while outcome.inputs < inputs && begin.elapsed() < time {
            let number = outcome.inputs as usize;
            let input = match seeds.get(number) {
                Some(seed) => seed.clone(),
                None => {
                    let mut input = pool[random.below(pool.len() as u64) as usize].clone();
                    mutate(&mut input, &mut random, &seeds, target.words);
                    input
                }
            };
            let started = Instant::now();
            let message = attempt(target, &input);
            let took = started.elapsed();
            outcome.slowest = outcome.slowest.max(took);
            outcome.inputs += 1;
            let slow = (took > TOO_SLOW).then(|| format!("took {} ms", took.as_millis()));
            if let Some(message) = message {
                let input = shorten(input, |shorter| attempt(target, shorter).is_some());
                outcome.failure = Some(Failure { target: target.name, message, input });
                break;
            } else if let Some(message) = slow {
                outcome.failure = Some(Failure { target: target.name, message, input });
                break;
            }
            // Without coverage to go by, now and then a mutation becomes the parent of others.
            if random.below(64) == 0 {
                if pool.len() < 256 {
                    pool.push(input);
                } else {
                    let place = seeds.len() + random.below((256 - seeds.len().min(255)) as u64) as usize;
                    if let Some(old) = pool.get_mut(place) {
                        *old = input;
                    }
                }
            }
        }
        outcome
    })
}

/// Runs one input; what the panic said, if it panicked.
fn attempt(target: &Target, input: &[u8]) -> Option<String> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).err().map(|_| PANIC.take())
}

/// Leaves out pieces for as long as the rest still fails.
fn shorten(mut input: Vec<u8>, fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut piece = input.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at + piece <= input.len() {
            let shorter = [&input[..at], &input[at + piece..]].concat();
            if fails(&shorter) {
                input = shorter;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    input
}

/// Keeps panics of this thread from printing: they are caught, and their words kept. The panic hook belongs to the whole
/// process, so only one run at a time.
fn quiet<R>(run: impl FnOnce() -> R) -> R {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    let thread = std::thread::current().id();
    let before = std::panic::take_hook();
    let before = std::sync::Arc::new(before);
    std::panic::set_hook(Box::new({
        let before = before.clone();
        move |info| {
            if std::thread::current().id() == thread {
                PANIC.set(info.to_string());
            } else {
                before(info);
            }
        }
    }));
    let result = run();
    std::panic::set_hook(Box::new(move |info| before(info)));
    result
}

/// A Rust byte-string literal of `bytes`, to be pasted into a regression test.
pub fn literal(bytes: &[u8]) -> String {
    format!("b\"{}\"", bytes.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragile(data: &[u8]) {
        assert!(!data.windows(2).any(|pair| pair == b"21"), "twenty-one");
    }

    const FRAGILE: Target = Target {
        name: "fragile",
        run: fragile,
        seeds: || vec![b"CSeq: 1\n".to_vec(), b"Session: 2\n".to_vec()],
        words: &["21"],
    };

    #[test]
    fn a_fragile_target_breaks_on_a_short_input_and_always_the_same() {
        let outcome = run(&FRAGILE, 7, Duration::from_secs(20), 100_000);
        let failure = outcome.failure.unwrap();
        assert_eq!(failure.input, b"21");
        assert!(failure.message.contains("twenty-one"), "{}", failure.message);
        assert_eq!(run(&FRAGILE, 7, Duration::from_secs(20), 100_000).failure, Some(failure));
    }

    #[test]
    fn a_slow_input_is_a_failure() {
        let slow =
            Target { name: "slow", run: |_| std::thread::sleep(TOO_SLOW * 2), seeds: || vec![vec![]], words: &[] };
        assert!(run(&slow, 1, Duration::from_secs(1), 10).failure.unwrap().message.starts_with("took "));
    }

    #[test]
    fn inputs_print_as_literals() {
        assert_eq!(literal(b"a\"\r\n\xff"), r#"b"a\"\r\n\xff""#);
    }
}
