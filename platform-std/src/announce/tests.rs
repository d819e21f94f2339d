//! One hears the other, on this machine.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use super::*;

fn daemon(port: u16) -> Daemon {
    Daemon::within_machine(port).unwrap()
}

/// Waits for what is told to be heard.
fn wait(browser: &mut Browser, is_there: impl Fn(&[Heard]) -> bool) -> Vec<Heard> {
    let late = Instant::now() + Duration::from_secs(20);
    loop {
        let heard = browser.heard();
        if is_there(&heard) {
            return heard;
        }
        assert!(Instant::now() < late, "{heard:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_server_is_heard_with_its_streams_until_it_says_goodbye() {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = "127.0.0.1:8554".parse().unwrap();
    let mut announcer =
        Announcer::within_machine(daemon(port), place, Some("127.0.0.1:8080".parse().unwrap())).unwrap();
    assert_eq!(announcer.tell(["porch", "the garden"]), Ok(2));
    let mut browser = Browser::within(daemon(port)).unwrap().with_pages().unwrap();
    let heard = wait(&mut browser, |heard| heard.len() == 2);
    let late = Instant::now() + Duration::from_secs(20);
    while browser.pages() != ["127.0.0.1:8080".parse().unwrap()] {
        assert!(Instant::now() < late, "{:?}", browser.pages());
        std::thread::sleep(Duration::from_millis(20));
    }
    let urls: Vec<_> = heard.iter().map(|heard| heard.url.as_str()).collect();
    assert_eq!(urls, ["rtsp://127.0.0.1:8554/porch", "rtsp://127.0.0.1:8554/the%20garden"]);
    assert!(heard[0].name.starts_with("porch on ") && heard[1].name.starts_with("the garden on "), "{heard:?}");
    // A stream that is gone, and one that is new.
    assert_eq!(announcer.tell(["porch", "attic"]), Ok(2));
    wait(&mut browser, |heard| heard.len() == 2 && heard[0].name.starts_with("attic on "));
    // A stream that goes takes no address from those that stay.
    assert_eq!(announcer.tell(["porch"]), Ok(1));
    let is_porch = |heard: &[Heard]| heard.len() == 1 && heard[0].name.starts_with("porch on ");
    wait(&mut browser, is_porch);
    let settled = Instant::now() + Duration::from_secs(2);
    while Instant::now() < settled {
        std::thread::sleep(Duration::from_millis(20));
        assert!(is_porch(&browser.heard()), "{:?}", browser.heard());
    }
    // The server alone, whose streams are not for everybody.
    assert_eq!(announcer.tell::<&str>([]), Ok(0));
    let heard = wait(&mut browser, |heard| heard.len() == 1 && heard[0].name.starts_with("Mutoscope on "));
    assert_eq!(heard[0].url, "rtsp://127.0.0.1:8554/");
    drop(announcer);
    wait(&mut browser, <[Heard]>::is_empty);
}

#[test]
fn the_goodbye_of_one_stream_takes_the_address_of_no_other() {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = "127.0.0.1:8554".parse().unwrap();
    let mut announcer =
        Announcer::within_machine(daemon(port), place, Some("127.0.0.1:8080".parse().unwrap())).unwrap();
    announcer.tell(["porch", "attic"]).unwrap();
    let listener = daemon(port);
    let hosts_of = |kind, number| {
        let events = listener.0.browse(kind).unwrap();
        let mut hosts = std::collections::BTreeSet::new();
        while hosts.len() < number {
            let event = events.recv_timeout(Duration::from_secs(20)).expect("a host for each");
            if let mdns_sd::ServiceEvent::ServiceResolved(service) = event {
                hosts.insert(service.host);
            }
        }
        hosts
    };
    // A goodbye withdraws the addresses of its host, too.
    let (streams, page) = (hosts_of(RTSP, 2), hosts_of(HTTP, 1));
    assert!(streams.is_disjoint(&page), "{streams:?} {page:?}");
    let page = page.first().map(|name| name.trim_end_matches('.').to_lowercase());
    assert_eq!(page, Some(host_name(8554).to_lowercase()));
}

#[test]
fn of_many_streams_the_first_ones_are_told() {
    let mut announcer = Announcer::within_machine(daemon(0), "127.0.0.1:8554".parse().unwrap(), None).unwrap();
    let many = (0..100).map(|number| format!("camera {number}"));
    assert_eq!(announcer.tell(many), Ok(MOST_STREAMS));
    // A path that no record has room for.
    assert_eq!(announcer.tell(["ü".repeat(100)]), Ok(0));
}

#[test]
fn a_server_for_this_machine_alone_is_not_announced() {
    let places = ["127.0.0.1:8554".parse().unwrap(), "[::1]:8554".parse().unwrap()];
    assert_eq!(Announcer::new(&places, &[]).err(), Some(Error::OnlyThisMachine));
    assert_eq!(Announcer::new(&[], &[]).err(), Some(Error::OnlyThisMachine));
}
