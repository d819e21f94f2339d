//! Runs what threads of the server share in every order that the steps of two or three threads can have, and asserts that an order that
//! would lose something is found: each model has a twin with a mistake in it.
//!
//! The files are the server's own. Only the locks and atomics that they use are loom's; `Arc` is the standard library's, so its counts
//! are not taken apart.
#![forbid(unsafe_code)]
#![allow(dead_code, reason = "a model uses a part of each file")]

extern crate self as mutoscope;

#[path = "../../../platform-std/src/media/awaited.rs"]
mod awaited;
#[path = "../../../platform-std/src/media/cache.rs"]
mod cache;
mod picture;
mod time;
#[path = "../../../platform-std/src/server/wake.rs"]
mod wake;

/// What threads share by, as the server's files name it.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
}

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Wake, Waker};

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

/// A source publishes and wakes; the loop waits until it is interrupted, takes who was woken and services them. It must have seen
/// everything when it would sleep for ever. `is_late`: clients are serviced before they may be woken again, the planted mistake.
fn ready_queue(is_late: bool) {
    let interrupts = Arc::new(AtomicU32::new(0));
    let list = {
        let interrupts = Arc::clone(&interrupts);
        wake::WakeList::new(move || _ = interrupts.fetch_add(1, Ordering::SeqCst))
    };
    let client = wake::Client::new(7, &list);
    let newest = Arc::new(AtomicU32::new(0));
    let source = {
        let (newest, waker) = (Arc::clone(&newest), client.waker());
        thread::spawn(move || {
            for number in 1..=2 {
                newest.store(number, Ordering::SeqCst);
                waker.wake_by_ref();
            }
        })
    };
    let (mut seen, mut handled) = (0, 0);
    let mut turn = |handled: &mut u32| {
        // What interrupts from now on ends the next wait at once.
        *handled = interrupts.load(Ordering::SeqCst);
        let early = newest.load(Ordering::SeqCst);
        for client in list.take_woken() {
            assert_eq!(client.number(), 7);
            seen = if is_late { early } else { newest.load(Ordering::SeqCst) };
        }
    };
    turn(&mut handled);
    source.join().unwrap();
    while interrupts.load(Ordering::SeqCst) != handled {
        turn(&mut handled);
    }
    assert_eq!(seen, 2, "the loop sleeps, and a frame was not seen");
}

/// Tells a viewer that there is something.
struct Bell(AtomicU32);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A camera publishes two pictures, and a viewer takes the newest until it has to wait. It must be woken where it has not seen the last.
/// `is_torn`: it looks, and waits, in two steps.
fn newest_picture(is_torn: bool) {
    let newest = Arc::new(awaited::Awaited::new(0));
    let camera = {
        let newest = Arc::clone(&newest);
        thread::spawn(move || (1..=2).for_each(|number| newest.change(|state| *state = number)))
    };
    let bell = Arc::new(Bell(AtomicU32::new(0)));
    let waker = Waker::from(Arc::clone(&bell));
    let mut seen = 0;
    let mut take = || {
        let found = if is_torn {
            let found = Some(*newest.lock()).filter(|number| *number > seen).ok_or(());
            found.or_else(|()| newest.take_or_wait(7, &waker, |_| Err(())))
        } else {
            newest.take_or_wait(7, &waker, |number| Some(*number).filter(|number| *number > seen).ok_or(()))
        };
        found.map(|number| seen = number).is_ok()
    };
    while take() {}
    let mut rung = 0;
    camera.join().unwrap();
    while bell.0.load(Ordering::SeqCst) > rung {
        rung = bell.0.load(Ordering::SeqCst);
        while take() {}
    }
    assert_eq!(seen, 2, "the viewer sleeps, and a picture was not seen");
}

/// Two viewers go from one picture to the next. `is_torn`: they look whether it is there, and take it, in two steps.
fn frame_cache(is_torn: bool) {
    let cache = Arc::new(cache::FrameCache::default());
    let made = Arc::new(AtomicU32::new(0));
    let other = torn::Cache::default();
    let viewer = || {
        let (cache, made, other) = (Arc::clone(&cache), Arc::clone(&made), other.clone());
        move || {
            let mut held = None;
            for number in 1..=2 {
                let picture = if is_torn {
                    other.take(number, &made)
                } else {
                    let (picture, buffers) = cache.take(number, None, held.take());
                    if buffers.is_some() {
                        made.fetch_add(1, Ordering::SeqCst);
                    }
                    picture
                };
                assert_eq!(picture.number(), number);
                held = Some(picture);
            }
            held
        }
    };
    let one = thread::spawn(viewer());
    let theirs = viewer()();
    let ours = one.join().unwrap();
    // Both stand at the second picture: it is one, and where they met at the first, that was one, too.
    assert!(Arc::ptr_eq(&theirs.unwrap(), &ours.unwrap()), "one picture was made twice");
    assert!((2..=3).contains(&made.load(Ordering::SeqCst)));
}

/// The mistake: the lock is let go between looking and taking.
mod torn {
    use super::picture::Picture;
    use loom::sync::Mutex;
    use loom::sync::atomic::{AtomicU32, Ordering};
    use std::collections::HashMap;
    use std::sync::{Arc, Weak};

    #[derive(Clone, Default)]
    pub(super) struct Cache(Arc<Mutex<HashMap<u32, Weak<Picture>>>>);

    impl Cache {
        pub(super) fn take(&self, number: u32, made: &AtomicU32) -> Arc<Picture> {
            if let Some(picture) = self.0.lock().unwrap().get(&number).and_then(Weak::upgrade) {
                return picture;
            }
            made.fetch_add(1, Ordering::SeqCst);
            let picture = Arc::new(Picture::new(number, None));
            self.0.lock().unwrap().insert(number, Arc::downgrade(&picture));
            picture
        }
    }
}

fn main() -> ExitCode {
    let models: [(&str, fn(bool)); 3] =
        [("ready queue", ready_queue), ("newest picture", newest_picture), ("frame cache", frame_cache)];
    let mut is_well = true;
    for (name, model) in models {
        loom::model(move || model(false));
        println!("ok     {name}: every order");
        let hook = take_hook();
        set_hook(Box::new(|_| {}));
        let is_found = catch_unwind(AssertUnwindSafe(|| loom::model(move || model(true)))).is_err();
        set_hook(hook);
        println!(
            "{}",
            if is_found { "ok     its planted mistake is found" } else { "FAILED its planted mistake is not found" }
        );
        is_well &= is_found;
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
