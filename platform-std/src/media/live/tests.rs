//! Tests of live media.

use super::*;
use crate::media::testing::{jpeg, picture};
use mutoscope::wire::url::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::Wake;

#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn live() -> Live {
    Live::new("camera", FrameRate::new(25, 1).unwrap())
}

const NOW: time::Instant = time::Instant::from_millis(1000);
const NOTHING: Result<Advance, Infallible> = Ok(Advance::Pending { until: None });

#[test]
fn a_published_picture_wakes_each_viewer_that_waits_once() {
    let live = live();
    let (mut one, mut other) = (live.viewer(), live.viewer());
    let counters = [(); 2].map(|()| Arc::new(Counter::default()));
    let wakers = counters.clone().map(Waker::from);
    let woken = || counters.each_ref().map(|counter| counter.0.load(Ordering::SeqCst));
    for (viewer, waker) in [(&mut one, &wakers[0]), (&mut other, &wakers[1])] {
        assert_eq!((viewer.advance(NOW, Waker::noop()), viewer.advance(NOW, waker)), (NOTHING, NOTHING));
    }
    assert_eq!((woken(), live.viewers()), ([0, 0], 2));
    live.publish(b"a".to_vec());
    live.publish(b"b".to_vec());
    assert_eq!(woken(), [1, 1], "who does not wait is not woken");
    for viewer in [&mut one, &mut other] {
        assert_eq!(viewer.advance(NOW, Waker::noop()), Ok(Advance::Ready));
        assert_eq!(viewer.frame().map(|frame| (frame.number, frame.data)), Some((1, &b"b"[..])));
    }
    assert_eq!(one.advance(NOW, &wakers[0]), NOTHING);
    drop(one);
    live.publish(b"c".to_vec());
    assert_eq!((woken(), live.viewers()), ([1, 1], 1), "a viewer that has gone is not woken");
}

#[test]
fn a_picture_stays_while_it_is_sent_and_those_published_meanwhile_are_left_out() {
    let live = live();
    let mut viewer = live.viewer();
    live.publish(b"a".to_vec());
    assert_eq!(viewer.advance(NOW, Waker::noop()), Ok(Advance::Ready));
    for byte in b"bcd" {
        live.publish(vec![*byte]);
    }
    assert_eq!(viewer.frame().unwrap().data, b"a");
    assert_eq!(viewer.advance(NOW, Waker::noop()), Ok(Advance::Ready));
    assert_eq!(viewer.frame().map(|frame| (frame.number, frame.data)), Some((3, &b"d"[..])));
    assert_eq!((viewer.seek(0), viewer.frame().is_none()), (Ok(()), true));
    assert_eq!((viewer.advance(NOW, Waker::noop()), viewer.position()), (NOTHING, 4));
}

#[test]
fn timestamps_are_as_far_apart_as_the_pictures_were_taken() {
    let live = live();
    let mut viewer = live.viewer();
    assert_eq!(viewer.advance(NOW, Waker::noop()), NOTHING);
    let begin = Instant::now();
    let mut captured = |millis| {
        live.publish_captured(vec![0], begin + Duration::from_millis(millis));
        viewer.advance(NOW.after(Duration::from_millis(millis + 17)), Waker::noop()).unwrap();
        viewer.frame().unwrap().captured.unwrap()
    };
    let first = captured(0);
    assert!(first.since(NOW) < Duration::from_secs(10));
    assert_eq!(
        (captured(40).since(first), captured(85).since(first)),
        (Duration::from_millis(40), Duration::from_millis(85))
    );
}

#[test]
fn a_viewer_begins_with_the_newest_picture_unless_pictures_have_ceased() {
    let live = live();
    live.publish(b"a".to_vec());
    live.publish(b"b".to_vec());
    let shown = |viewer: &mut LiveSource| {
        assert_eq!(viewer.advance(NOW, Waker::noop()), Ok(Advance::Ready));
        viewer.frame().unwrap().data.to_vec()
    };
    let (mut one, mut late) = (live.viewer(), live.viewer());
    assert_eq!((shown(&mut one), one.advance(NOW, Waker::noop())), (b"b".to_vec(), NOTHING));
    live.cease("unplugged", Duration::from_secs(3));
    let mut other = live.viewer();
    for viewer in [&mut one, &mut other] {
        assert_eq!(viewer.advance(NOW, Waker::noop()), NOTHING);
    }
    assert_eq!(shown(&mut late), b"b", "it came before");
    let mut later = live.viewer();
    later.next -= 1;
    thread::sleep(FRESH * 2);
    assert_eq!(later.advance(NOW, Waker::noop()), NOTHING, "it would be stale by now");
    live.publish(b"c".to_vec());
    assert_eq!([&mut one, &mut late, &mut other].map(shown), [b"c", b"c", b"c"]);
}

#[test]
fn it_answers_to_its_name_and_is_ready_once_it_has_a_picture() {
    let live = live();
    assert!(live.find(Path::new("movie")).is_none());
    let medium = live.find(Path::new("/camera/")).unwrap();
    assert_eq!(live.viewers(), 1, "who asks may be waiting for a camera to start");
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(Arc::clone(&counter));
    let reason = |medium: &LiveMedium| {
        let NotReady { reason, retry_after } = medium.entry(&waker).unwrap_err();
        (reason.to_owned(), retry_after.as_secs())
    };
    assert_eq!(reason(&medium), ("there is no picture yet".to_owned(), 1));
    live.cease("unplugged", Duration::from_secs(3));
    assert_eq!(reason(&medium), ("unplugged".to_owned(), 3));
    live.publish(jpeg(32, 48, 0, b"x"));
    assert_eq!(counter.0.load(Ordering::SeqCst), 1);
    let entry = medium.entry(&waker).unwrap();
    assert_eq!((entry.extent, entry.width, entry.height, entry.refusal), (Extent::Live, 32, 48, None));
    assert_eq!((entry.name, entry.frame_rate), ("camera", FrameRate::new(25, 1).unwrap()));
    live.publish(picture(16, 16, |encoder| encoder.set_progressive(true)));
    assert!(medium.entry(&waker).unwrap().refusal.is_some());
    drop(medium);
    assert_eq!(live.viewers(), 0);
}

#[test]
fn the_memory_of_a_picture_is_used_again_once_nobody_sends_it() {
    let live = live();
    let mut viewer = live.viewer();
    let publish = |byte| {
        let mut file = live.spare().0;
        file.clear();
        file.push(byte);
        let address = file.as_ptr();
        live.publish(file);
        address
    };
    let first = publish(1);
    viewer.advance(NOW, Waker::noop()).unwrap();
    let second = publish(2);
    let third = publish(3);
    assert!(first != second && second != third && first != third, "the first one is being sent");
    assert_eq!(publish(4), second);
    viewer.advance(NOW, Waker::noop()).unwrap();
    assert_eq!(viewer.frame().unwrap().data, [4]);
    assert_eq!(publish(5), first);
}

#[test]
fn pictures_that_have_ceased_and_that_nobody_watches_are_forgotten() {
    let live = live();
    let viewer = live.viewer();
    for byte in 0..3 {
        live.publish(vec![byte]);
    }
    let kept = |live: &Live| {
        live.forget();
        let state = live.shared.state();
        (state.newest.is_some(), state.spare.len())
    };
    live.explain("connected", Duration::ZERO);
    assert_eq!((kept(&live), &*live.shared.state().absence.0), ((true, 0), "there is no picture yet"));
    live.cease("unplugged", Duration::ZERO);
    live.explain("connected", Duration::ZERO);
    assert_eq!((kept(&live), &*live.shared.state().absence.0), ((true, 0), "connected"));
    drop(viewer);
    assert_eq!(kept(&live), (false, 0));
}

#[test]
fn a_function_is_called_while_there_are_viewers_and_its_thread_ends_with_the_medium() {
    let (sender, calls) = mpsc::channel();
    let live = Live::from_fn("camera", FrameRate::new(1000, 1).unwrap(), move |number| {
        sender.send(number).unwrap();
        vec![0]
    });
    let live = live.unwrap();
    assert!(calls.recv_timeout(Duration::from_millis(20)).is_err(), "nobody watches");
    let viewer = live.viewer();
    let numbers: Vec<u32> = calls.iter().take(5).collect();
    assert!(numbers[0] >= 20 && numbers.is_sorted(), "{numbers:?}");
    drop(viewer);
    let other = live.viewer();
    assert!(calls.recv().unwrap() >= numbers[4]);
    drop((live, other));
    // Ends when the thread has dropped the other end.
    assert!(calls.iter().count() < 1000);
}

/// Remembers what happens.
#[derive(Default)]
struct Notes(std::sync::Mutex<Vec<String>>);

impl Observer for Notes {
    fn handle(&self, stream: &str, change: Change<'_>) {
        self.0.lock().unwrap().push(format!("{stream}: {change:?}"));
    }
}

#[test]
fn nothing_is_told_of_what_has_ended() {
    let (live, notes) = (live(), Arc::new(Notes::default()));
    live.observe(notes.clone());
    live.publish(b"a".to_vec());
    live.end();
    // Who published it may not know that yet.
    live.cease("the publisher has gone", Duration::ZERO);
    live.publish(b"b".to_vec());
    assert_eq!(*notes.0.lock().unwrap(), ["camera: Back"]);
}
