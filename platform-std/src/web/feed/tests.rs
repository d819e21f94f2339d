use super::super::smaller;
use super::super::tests::{Camera, picture, run};
use super::*;
use crate::media::Library;
use crate::media::live::Live;
use mutoscope::jpeg::Layout;
use mutoscope::media::catalogue::Catalogue;
use mutoscope::media::testcard::TestCard;

const SOON: Duration = Duration::from_secs(1);

fn feeds() -> Arc<Feeds> {
    Arc::new(Feeds::new(MonotonicClock::new()))
}

async fn watch(feeds: &Arc<Feeds>, live: &Live) -> Viewer {
    feeds.open(live.medium(0), Course::default(), SOON).await.unwrap().viewer()
}

/// Lets what can be done be done.
async fn settle() {
    sleep(Duration::from_millis(10)).await;
}

#[test]
fn a_live_stream_is_played_once_for_all_who_watch() {
    run(async {
        let (camera, feeds) = (Camera::new(), feeds());
        let mut viewers = Vec::new();
        for _ in 0..100 {
            viewers.push(watch(&feeds, &camera.live).await);
        }
        for number in 1..4 {
            camera.publish(number, 1000);
            settle().await;
            let first = viewers[0].next().await.unwrap();
            assert_eq!(first.picture(), picture(number, 1000));
            for viewer in &mut viewers[1..] {
                assert!(Arc::ptr_eq(&viewer.next().await.unwrap(), &first), "it is made once");
            }
        }
        assert_eq!(camera.live.viewers(), 1);
    });
}

#[test]
fn who_is_slow_misses_pictures_and_nobody_else_does() {
    run(async {
        let (camera, feeds) = (Camera::new(), feeds());
        let (mut slow, mut quick) = (watch(&feeds, &camera.live).await, watch(&feeds, &camera.live).await);
        for number in 1..9 {
            camera.publish(number, 1000);
            settle().await;
            assert_eq!(quick.next().await.unwrap().picture(), picture(number, 1000));
        }
        assert_eq!(slow.next().await.unwrap().picture(), picture(8, 1000));
        let next = slow.poll_next(Waker::noop());
        assert!(next.is_pending(), "it has seen the newest one");
        assert_eq!((slow.skipped, quick.skipped), (0, 0), "what was before its first one it has not missed");
        for number in 9..12 {
            camera.publish(number, 1000);
            settle().await;
            quick.next().await.unwrap();
        }
        assert_eq!(slow.next().await.unwrap().picture(), picture(11, 1000));
        assert_eq!((slow.skipped, quick.skipped), (2, 0));
    });
}

#[test]
fn a_stream_that_nobody_watches_is_left_and_its_last_picture_kept() {
    run(async {
        let (camera, feeds) = (Camera::new(), feeds());
        assert!(feeds.last(Path::new("camera")).is_none());
        let mut viewer = watch(&feeds, &camera.live).await;
        camera.publish(7, 1000);
        settle().await;
        viewer.next().await.unwrap();
        drop(viewer);
        settle().await;
        assert_eq!(camera.live.viewers(), 0);
        assert_eq!(feeds.last(Path::new("/camera")).unwrap().picture(), picture(7, 1000));
        // It is played again for those who come.
        let mut viewer = watch(&feeds, &camera.live).await;
        camera.publish(8, 1000);
        settle().await;
        assert_eq!(viewer.next().await.unwrap().picture(), picture(8, 1000));
        camera.live.end();
        assert!(viewer.next().await.is_none());
    });
}

#[test]
fn a_stream_without_a_picture_is_waited_for_and_then_said_to_have_none() {
    run(async {
        let (live, feeds) = (Live::new("camera", None), feeds());
        live.cease("the camera is away", Duration::from_secs(7));
        let begin = tokio::time::Instant::now();
        let absent = feeds.open(live.medium(0), Course::default(), SOON).await.unwrap_err();
        assert_eq!(
            (absent.reason.as_str(), absent.retry_after.as_secs(), absent.is_missing),
            ("the camera is away", 7, false)
        );
        assert_eq!(begin.elapsed(), SOON);
        let publisher = live.clone();
        tokio::spawn(async move {
            settle().await;
            publisher.publish(picture(1, 1000));
        });
        assert_eq!(watch(&feeds, &live).await.next().await.unwrap().picture(), picture(1, 1000));
    });
}

#[test]
fn a_recorded_stream_is_played_for_each_viewer_at_its_pace() {
    run(async {
        let (library, feeds) = (Library::built_in("24".parse().unwrap()), feeds());
        let movie = || library.find(Path::new("movie.Mjpeg")).unwrap();
        let begin = tokio::time::Instant::now();
        let mut viewer = feeds.open(movie(), Course::default(), SOON).await.unwrap().viewer();
        let mut pictures = Vec::new();
        while let Some(part) = viewer.next().await {
            pictures.push(part.picture());
        }
        assert_eq!(pictures.len(), 240);
        let took = begin.elapsed().as_millis();
        assert!((9900..10_100).contains(&took), "{took} ms");
        // From the middle, and again from the beginning.
        let course = Course { from: Duration::from_secs(9), repeats: true };
        let mut viewer = feeds.open(movie(), course, SOON).await.unwrap().viewer();
        for number in (216..240).chain(0..240).chain(0..10) {
            assert!(viewer.next().await.unwrap().picture() == pictures[number], "{number}");
        }
        let course = Course { from: Duration::from_secs(11), repeats: false };
        assert!(feeds.open(movie(), course, SOON).await.unwrap().viewer().next().await.is_none());
    });
}

/// A picture of 640x480, with its number on it.
fn card(number: u32) -> Vec<u8> {
    let mut file = vec![0; 200_000];
    let card = TestCard::new(640, 480, "25".parse().unwrap(), 60).unwrap();
    let len = card.render(number, &mut file).unwrap();
    file.truncate(len);
    file
}

/// Width and height.
fn size(jpeg: &[u8]) -> (u16, u16) {
    let layout = Layout::parse(jpeg).unwrap();
    (layout.width, layout.height)
}

async fn open(feeds: &Arc<Feeds>, live: &Live) -> Arc<Feed> {
    feeds.open(live.medium(0), Course::default(), SOON).await.unwrap()
}

#[test]
fn smaller_pictures_are_made_once_for_all_who_watch_them() {
    run(async {
        let (live, feeds) = (Live::new("camera", None), feeds());
        live.publish(card(0));
        let feed = open(&feeds, &live).await;
        let mut small: Vec<_> = (0..100).map(|_| feed.at_width(Some(160)).viewer()).collect();
        let (mut half, mut full) = (feed.at_width(Some(161)).viewer(), Arc::clone(&feed).viewer());
        drop(feed);
        assert_eq!(feeds.watched("camera").unwrap().0, 102);
        for number in 1..4 {
            live.publish(card(number));
            settle().await;
            let first = small[0].next().await.unwrap();
            assert_eq!(size(&first.picture()), (160, 120));
            for viewer in &mut small[1..] {
                assert!(Arc::ptr_eq(&viewer.next().await.unwrap(), &first), "it is made once");
            }
            let (half, full) = (half.next().await.unwrap(), full.next().await.unwrap());
            assert_eq!(size(&half.picture()), (320, 240));
            assert_eq!(full.picture(), card(number));
            assert!(first.taken == full.taken && half.taken == full.taken);
        }
        assert_eq!(live.viewers(), 1);
        // Nothing is made for nobody.
        let feed = Arc::downgrade(&small[0].feed);
        drop((small, half));
        settle().await;
        assert_eq!((feed.strong_count(), feeds.watched("camera").unwrap().0), (0, 1));
        live.publish(card(4));
        assert_eq!(full.next().await.unwrap().picture(), card(4));
    });
}

#[test]
fn pictures_that_come_while_one_is_made_smaller_replace_each_other() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build();
    runtime.unwrap().block_on(async {
        // Until a picture has come, and a while, in which who waits for it takes it.
        async fn comes(feed: &Feed, number: u32) {
            while feed.newest().is_none_or(|newest| newest.picture() != card(number)) {
                tokio::task::yield_now().await;
            }
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        }
        let (live, feeds) = (Live::new("camera", None), feeds());
        live.publish(card(1));
        let feed = open(&feeds, &live).await;
        let mut viewer = feed.at_width(Some(160)).viewer();
        // Nothing is made until this one is done.
        let (gate, opens) = std::sync::mpsc::channel::<()>();
        let held = spawn_blocking(move || opens.recv());
        comes(&feed, 1).await;
        for number in 2..6 {
            live.publish(card(number));
            comes(&feed, number).await;
        }
        drop(gate);
        assert!(held.await.unwrap().is_err());
        let small =
            |number| Workshop::default().reduce(Arc::new(Part::new(0, &card(number))), |_| Some(Scale::Quarter));
        let (first, last) = (small(1).picture(), small(5).picture());
        // The first one may be replaced before it is looked at.
        let mut seen = viewer.next().await.unwrap().picture();
        if seen == first {
            seen = viewer.next().await.unwrap().picture();
        }
        assert!(seen == last, "those between are not made");
        assert!(viewer.poll_next(Waker::noop()).is_pending());
    });
}

#[test]
fn a_width_asks_for_the_smallest_pictures_that_are_no_narrower() {
    run(async {
        let (live, feeds) = (Live::new("camera", None), feeds());
        live.publish(card(0));
        let feed = open(&feeds, &live).await;
        for (wanted, width) in
            [(1, 80), (80, 80), (81, 160), (160, 160), (161, 320), (320, 320), (321, 640), (9999, 640)]
        {
            let chosen = feed.at_width(Some(wanted));
            assert_eq!(chosen.about.width, width, "{wanted}");
            assert_eq!(size(&chosen.viewer().next().await.unwrap().picture()).0, width, "{wanted}");
        }
        for same in [None, Some(321), Some(640), Some(u16::MAX)] {
            assert!(Arc::ptr_eq(&feed.at_width(same), &feed), "{same:?}");
        }
    });
}

#[test]
fn where_pictures_change_their_size_smaller_ones_stay_as_wide_as_they_are_wanted() {
    run(async {
        let (live, feeds) = (Live::new("camera", None), feeds());
        live.publish(card(0));
        let mut viewer = open(&feeds, &live).await.at_width(Some(160)).viewer();
        assert_eq!(size(&viewer.next().await.unwrap().picture()).0, 160);
        for (width, expected) in [(320, 160), (1280, 160), (160, 160), (64, 64)] {
            live.publish(crate::media::testing::picture(width, 48, |_| ()));
            settle().await;
            assert_eq!(size(&viewer.next().await.unwrap().picture()).0, expected, "{width}");
        }
    });
}

#[test]
fn what_cannot_be_made_smaller_itself_is_so_as_it_is_sent_by_rtp() {
    let picture =
        |is_progressive| crate::media::testing::picture(320, 240, |encoder| encoder.set_progressive(is_progressive));
    let (progressive, rewritten) = (picture(true), picture(false));
    let part = Arc::new(Part::new(7, &progressive).rewritten_as(&rewritten));
    assert_eq!(part.picture(), progressive);
    let made = Workshop::default().reduce(part, |_| Some(Scale::Quarter));
    assert_eq!((size(&made.picture()), made.taken), ((80, 60), 7));
    // Else it stays what it is.
    for strange in [&progressive[..], &progressive[..100], b"", b"strange"] {
        let part = Arc::new(Part::new(0, strange));
        let made = Workshop::default().reduce(Arc::clone(&part), |_| Some(Scale::Half));
        assert!(Arc::ptr_eq(&made, &part));
    }
}

#[test]
fn a_recorded_stream_is_made_smaller_for_each_viewer_to_its_end() {
    run(async {
        let (library, feeds) = (Library::built_in("24".parse().unwrap()), feeds());
        let movie = library.find(Path::new("movie.Mjpeg")).unwrap();
        let course = Course { from: Duration::from_millis(9500), repeats: false };
        let feed = feeds.open(movie, course, SOON).await.unwrap();
        let width = feed.about.width.div_ceil(4);
        let mut viewer = feed.at_width(Some(width)).viewer();
        drop(feed);
        let mut count = 0;
        while let Some(part) = viewer.next().await {
            assert_eq!(size(&part.picture()).0, width);
            count += 1;
        }
        assert_eq!(count, 12);
    });
}

#[test]
fn one_picture_is_made_as_wide_as_wanted() {
    run(async {
        let part = Arc::new(Part::new(0, &card(0)));
        assert!(Arc::ptr_eq(&smaller::once(Arc::clone(&part), None).await, &part));
        assert!(Arc::ptr_eq(&smaller::once(Arc::clone(&part), Some(600)).await, &part));
        assert_eq!(size(&smaller::once(part, Some(100)).await.picture()), (160, 120));
    });
}

#[test]
fn the_last_picture_of_a_stream_is_not_that_of_another_one_that_has_its_name_now() {
    run(async {
        let (one, other, feeds) = (Camera::new(), Camera::new(), feeds());
        let mut slow = watch(&feeds, &one.live).await;
        slow.next().await.unwrap();
        one.live.end();
        feeds.forget("camera");
        let viewer = watch(&feeds, &other.live).await;
        drop(slow);
        settle().await;
        assert!(feeds.last(Path::new("camera")).is_none());
        drop(viewer);
    });
}
