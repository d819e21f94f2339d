//! One hears the other, on this machine.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use super::*;

/// Within this machine, at a port where nobody else talks.
fn daemon(port: u16) -> Daemon {
    let daemon = ServiceDaemon::new_with_port(port).unwrap();
    daemon.disable_interface(mdns_sd::IfKind::All).unwrap();
    daemon.enable_interface(mdns_sd::IfKind::LoopbackV4).unwrap();
    Daemon(daemon)
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
    let mut browser = Browser::within(daemon(port)).unwrap();
    let heard = wait(&mut browser, |heard| heard.len() == 2);
    let urls: Vec<_> = heard.iter().map(|heard| heard.url.as_str()).collect();
    assert_eq!(urls, ["rtsp://127.0.0.1:8554/porch", "rtsp://127.0.0.1:8554/the%20garden"]);
    assert!(heard[0].name.starts_with("porch on ") && heard[1].name.starts_with("the garden on "), "{heard:?}");
    // A stream that is gone, and one that is new.
    assert_eq!(announcer.tell(["porch", "attic"]), Ok(2));
    wait(&mut browser, |heard| heard.len() == 2 && heard[0].name.starts_with("attic on "));
    // The server alone, whose streams are not for everybody.
    assert_eq!(announcer.tell::<&str>([]), Ok(0));
    let heard = wait(&mut browser, |heard| heard.len() == 1 && heard[0].name.starts_with("Mutoscope on "));
    assert_eq!(heard[0].url, "rtsp://127.0.0.1:8554/");
    drop(announcer);
    wait(&mut browser, <[Heard]>::is_empty);
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
