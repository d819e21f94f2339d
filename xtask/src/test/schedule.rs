//! Runs steps side by side, as far as they do not disturb each other.
//!
//! A step says what has to be ready before it ([`Task::after`]), what it must not share ([`Task::alone_with`]) and how it
//! loads the machine ([`Load`]). Among those that may start, the first in the list starts first.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// How a step loads the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// It keeps all processors busy, as a build does: one of these at a time.
    Busy,
    /// It keeps one processor busy, as a test or a linker does: one of these at a time, beside one that is [`Busy`](Self::Busy).
    Single,
    /// It waits most of its time, for players or for seconds to pass: several run beside a busy one.
    Waiting,
}

/// One step, as the scheduler sees it.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) name: String,
    /// Names of steps that have to end before. Where one of them did not pass, this one does not run.
    pub(crate) after: Vec<&'static str>,
    /// Steps that have a name in common here never run at the same time.
    pub(crate) alone_with: Vec<&'static str>,
    pub(crate) load: Load,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

/// Runs all tasks, at most `waiting` of those that wait at once, and gives their outcomes in the order of the list.
///
/// `run` is called with a task's number, in a thread of its own; `ended` in this thread, as soon as a task has ended.
pub(crate) fn run_all(
    tasks: &[Task],
    waiting: usize,
    run: impl Fn(usize) -> Outcome + Sync,
    mut ended: impl FnMut(usize, &Outcome, Duration),
) -> Vec<Outcome> {
    let mut states = vec![State::Pending; tasks.len()];
    let (sender, results) = channel();
    std::thread::scope(|scope| {
        loop {
            while let Some(next) = next(tasks, &states, waiting) {
                match next {
                    Next::Start(number) => {
                        states[number] = State::Running;
                        let (sender, run) = (sender.clone(), &run);
                        scope.spawn(move || {
                            let started = Instant::now();
                            // A step that panics has failed, and the others still run.
                            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(number)));
                            let outcome = caught.unwrap_or_else(|_| Outcome::Failed("it panicked".into()));
                            let _ = sender.send((number, outcome, started.elapsed()));
                        });
                    }
                    Next::GiveUp(number, outcome) => {
                        ended(number, &outcome, Duration::ZERO);
                        states[number] = State::Ended(outcome);
                    }
                }
            }
            if !states.contains(&State::Running) {
                break;
            }
            let Ok((number, outcome, time)) = results.recv() else { break };
            ended(number, &outcome, time);
            states[number] = State::Ended(outcome);
        }
    });
    let stuck = || Outcome::Failed("it waits for a step that never ends".into());
    states.into_iter().map(|state| if let State::Ended(outcome) = state { outcome } else { stuck() }).collect()
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Pending,
    Running,
    Ended(Outcome),
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    Start(usize),
    GiveUp(usize, Outcome),
}

/// The next thing to do; `None` until a step ends.
fn next(tasks: &[Task], states: &[State], waiting: usize) -> Option<Next> {
    let running = || tasks.iter().zip(states).filter(|(_, state)| **state == State::Running).map(|(task, _)| task);
    let pending = tasks.iter().zip(states).enumerate().filter(|(_, (_, state))| **state == State::Pending);
    for (number, (task, _)) in pending {
        let mut ready = true;
        for &name in &task.after {
            // A step that is not in the list does not run, and nothing waits for it.
            match tasks.iter().position(|task| task.name == name).map(|before| &states[before]) {
                None | Some(State::Ended(Outcome::Passed)) => {}
                Some(State::Pending | State::Running) => ready = false,
                Some(State::Ended(Outcome::Failed(_))) => {
                    return Some(Next::GiveUp(number, Outcome::Skipped(format!("`{name}`, which it needs, failed"))));
                }
                Some(State::Ended(Outcome::Skipped(why))) => {
                    return Some(Next::GiveUp(number, Outcome::Skipped(why.clone())));
                }
            }
        }
        let room = match task.load {
            Load::Busy | Load::Single => 1,
            Load::Waiting => waiting.max(1),
        };
        let alike = running().filter(|other| other.load == task.load).count();
        let disturbed = running().any(|other| other.alone_with.iter().any(|name| task.alone_with.contains(name)));
        if ready && alike < room && !disturbed {
            return Some(Next::Start(number));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread::sleep;

    fn task(name: &str, load: Load) -> Task {
        Task { name: name.into(), after: vec![], alone_with: vec![], load }
    }

    /// Runs tasks that take a moment each; gives their outcomes and the most of a kind that ran at once.
    fn play(tasks: &[Task], waiting: usize, outcome: impl Fn(&str) -> Outcome + Sync) -> (Vec<Outcome>, [usize; 3]) {
        let (now, most) = ([const { AtomicUsize::new(0) }; 3], [const { AtomicUsize::new(0) }; 3]);
        let run = |number: usize| {
            let kind = tasks[number].load as usize;
            most[kind].fetch_max(now[kind].fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_millis(20));
            now[kind].fetch_sub(1, Ordering::SeqCst);
            outcome(&tasks[number].name)
        };
        let outcomes = run_all(tasks, waiting, run, |_, _, _| {});
        (outcomes, most.map(|most| most.load(Ordering::SeqCst)))
    }

    #[test]
    fn one_busy_step_runs_at_a_time_with_others_beside_it() {
        let mut tasks: Vec<_> = (0..4).map(|number| task(&format!("busy {number}"), Load::Busy)).collect();
        tasks.extend((0..4).map(|number| task(&format!("single {number}"), Load::Single)));
        tasks.extend((0..6).map(|number| task(&format!("waiting {number}"), Load::Waiting)));
        let (outcomes, most) = play(&tasks, 2, |_| Outcome::Passed);
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Passed));
        assert_eq!(most, [1, 1, 2]);
    }

    #[test]
    fn a_failing_step_does_not_stop_the_others() {
        let tasks = ["a", "b", "c"].map(|name| task(name, Load::Busy));
        let failed = || Outcome::Failed("no".into());
        let (outcomes, _) = play(&tasks, 1, |name| if name == "a" { failed() } else { Outcome::Passed });
        assert_eq!(outcomes, [failed(), Outcome::Passed, Outcome::Passed]);
    }

    #[test]
    fn a_step_that_panics_has_failed() {
        let tasks = ["a", "b"].map(|name| task(name, Load::Waiting));
        let run = |number| if number == 0 { std::panic::resume_unwind(Box::new(())) } else { Outcome::Passed };
        let outcomes = run_all(&tasks, 2, run, |_, _, _| {});
        assert_eq!(outcomes, [Outcome::Failed("it panicked".into()), Outcome::Passed]);
    }

    #[test]
    fn a_step_runs_when_what_it_needs_has_passed() {
        let order = Mutex::new(Vec::new());
        let mut tasks = ["plays", "builds", "also plays"].map(|name| task(name, Load::Waiting));
        tasks[0].after = vec!["builds", "nobody chose this"];
        let run = |number: usize| {
            order.lock().unwrap().push(tasks[number].name.clone());
            Outcome::Passed
        };
        run_all(&tasks, 1, run, |_, _, _| {});
        assert_eq!(*order.lock().unwrap(), ["builds", "plays", "also plays"]);
    }

    #[test]
    fn a_step_does_not_run_where_what_it_needs_did_not_pass() {
        let mut tasks = ["builds", "plays", "compares"].map(|name| task(name, Load::Busy));
        tasks[1].after = vec!["builds"];
        tasks[2].after = vec!["plays"];
        let (outcomes, _) = play(&tasks, 1, |_| Outcome::Failed("no compiler".into()));
        let why = Outcome::Skipped("`builds`, which it needs, failed".into());
        assert_eq!(outcomes, [Outcome::Failed("no compiler".into()), why.clone(), why]);
        let (outcomes, _) = play(&tasks, 1, |_| Outcome::Skipped("no network".into()));
        assert_eq!(outcomes, vec![Outcome::Skipped("no network".into()); 3]);
    }

    #[test]
    fn steps_that_need_the_same_thing_alone_take_turns() {
        let mut tasks = ["a", "b", "c"].map(|name| task(name, Load::Waiting));
        for task in &mut tasks {
            task.alone_with = vec!["display"];
        }
        assert_eq!(play(&tasks, 3, |_| Outcome::Passed).1, [0, 0, 1]);
    }

    #[test]
    fn a_circle_of_needs_is_a_failure_and_no_standstill() {
        let mut tasks = ["a", "b", "c"].map(|name| task(name, Load::Busy));
        tasks[0].after = vec!["b"];
        tasks[1].after = vec!["a"];
        let (outcomes, _) = play(&tasks, 1, |_| Outcome::Passed);
        assert!(matches!(&outcomes[..], [Outcome::Failed(_), Outcome::Failed(_), Outcome::Passed]), "{outcomes:?}");
    }

    #[test]
    fn each_end_is_told_once() {
        let mut tasks = ["a", "b"].map(|name| task(name, Load::Busy));
        tasks[1].after = vec!["a"];
        let mut told = Vec::new();
        run_all(&tasks, 1, |_| Outcome::Failed("no".into()), |number, _, _| told.push(number));
        assert_eq!(told, [0, 1]);
    }
}
