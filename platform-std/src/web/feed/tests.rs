use super::super::tests::{Camera, picture, run};
use super::*;
use crate::media::Library;
use crate::media::live::Live;
use mutoscope::media::catalogue::Catalogue;

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
