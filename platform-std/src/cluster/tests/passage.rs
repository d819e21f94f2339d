//! What becomes of live pictures on their way.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};

use mutoscope::media::catalogue::Medium;
use mutoscope::wire::url::Path;

use super::super::exchange::{Exchange, Held, Publication};
use super::super::in_process::{Hub, Node};
use super::super::{Remote, Stamp, Still};
use super::{Camera, edge, find, see_until, wait};
use crate::media::testing::picture;
use crate::web::Listing;

/// A node whose pictures are as old as a test wants.
struct Home {
    node: Node,
    publication: Box<dyn Publication>,
    number: u64,
    _token: Held,
}

impl Home {
    fn new(hub: &Hub) -> Self {
        let node = hub.node();
        let publication = node.publish("mutoscope/home/door/jpeg", Box::new(|_| ())).unwrap();
        let _token = node.declare("mutoscope/home/door/live").unwrap();
        Self { node, publication, number: 0, _token }
    }

    /// Sends a picture of this width that was taken so many seconds ago, and says when it has gone, as `hub` knows.
    fn send(&mut self, hub: &Hub, width: u16, age: u64) {
        // So quick that the clock stands still.
        let captured = 1_000_000_000 - age * 1_000_000;
        let stamp = Stamp { incarnation: 1, number: self.number, captured, sent: captured };
        self.number += 1;
        let before = hub.sent();
        wait("nobody watches", || {
            self.publication.put(&picture(width, 16, |_| ()), &stamp.to_bytes()).unwrap();
            hub.sent() > before
        });
    }
}

fn listing(remote: &Remote) -> Listing {
    remote.list().into_iter().find_map(|listed| listed.about).unwrap()
}

#[test]
fn pictures_older_than_a_second_are_never_shown_after_a_cable_was_mended_and_count_as_lost() {
    let hub = Hub::default();
    let mut home = Home::new(&hub);
    let edge = edge(hub.node());
    let mut viewer = find(&edge, "home/door").open().unwrap();
    home.send(&hub, 16, 0);
    see_until(&mut viewer, 16);
    hub.cut(&home.node);
    wait("it is there still", || edge.names().is_empty());
    hub.mend(&home.node);
    for (number, age) in [8, 7, 5, 2].into_iter().enumerate() {
        home.send(&hub, 32, age);
        // One after the other: the newest one of several is looked at alone.
        wait("nobody has looked at it", || listing(&edge).totals.old == number as u64 + 1);
    }
    home.send(&hub, 48, 0);
    let seen = see_until(&mut viewer, 48);
    assert!(!seen.contains(&32), "{seen:?}");
    let listing = listing(&edge);
    assert_eq!((listing.totals.frames, listing.totals.old), (2, 4));
    assert!(listing.loss.is_some_and(|loss| loss > 0.5), "{:?}", listing.loss);
}

#[test]
fn holes_count_as_lost() {
    let hub = Hub::default();
    let mut home = Home::new(&hub);
    let edge = edge(hub.node());
    let mut viewer = find(&edge, "door").open().unwrap();
    for width in [16, 32] {
        home.send(&hub, width, 0);
        see_until(&mut viewer, width);
        home.number += 9;
    }
    home.send(&hub, 48, 0);
    see_until(&mut viewer, 48);
    // Nobody knows of the first one what it is a part of.
    assert_eq!(listing(&edge).loss, Some(0.9));
}

#[test]
fn what_is_recorded_at_its_home_is_offered_and_leaves_only_while_somebody_watches() {
    let hub = Hub::default();
    let camera = Camera::new(Arc::new(hub.node()), "garden", "bird");
    let kept = Arc::<AtomicU32>::default();
    let count = Arc::clone(&kept);
    let keep = move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    };
    camera.live.keep(Some(Box::new(keep)));
    // As whoever records does.
    let _seat = camera.live.medium(0);
    let edge = edge(hub.node());
    camera.live.publish(picture(16, 16, |_| ()));
    assert_eq!((edge.names().len(), hub.sent()), (1, 0));
    let mut viewer = find(&edge, "garden/bird").open().unwrap();
    wait("nobody watches", || camera.live.viewers() == 2);
    camera.live.publish(picture(32, 16, |_| ()));
    see_until(&mut viewer, 32);
    drop(viewer);
    wait("it is watched still", || camera.live.viewers() == 1);
    let sent = hub.sent();
    camera.live.publish(picture(48, 16, |_| ()));
    assert_eq!((edge.names().len(), hub.sent(), kept.load(Ordering::SeqCst)), (1, sent, 3));
}

/// What the stream's node answers to who asks for its newest picture.
fn ask(remote: &Remote, path: &str) -> mpsc::Receiver<Option<Still>> {
    let (tell, told) = mpsc::channel();
    let tell = move |still| tell.send(still).unwrap();
    assert!(remote.newest(Path::new(path), Box::new(tell)), "{path}");
    told
}

#[test]
fn whoever_asks_for_the_newest_picture_gets_it_without_watching_and_the_last_one_where_there_is_none() {
    let hub = Hub::default();
    let camera = Camera::new(Arc::new(hub.node()), "garden", "bird");
    let edge = edge(hub.node());
    let file = picture(32, 16, |_| ());
    let asked = ask(&edge, "bird");
    // The camera is started for that.
    wait("nobody watches", || camera.live.viewers() > 0);
    camera.live.publish(file.clone());
    let still = asked.recv().unwrap().unwrap();
    assert!(still.jpeg == file && still.age < std::time::Duration::from_secs(1), "{:?}", still.age);
    wait("it is watched still", || camera.live.viewers() == 0);
    assert_eq!(hub.sent(), 0);
    // It is there no more, and nobody can make it come back.
    camera.live.end();
    let late = ask(&edge, "garden/bird").recv().unwrap().unwrap();
    assert!(late.jpeg == file && late.age > still.age);
    assert!(!edge.newest(Path::new("other"), Box::new(|_| ())));
}
