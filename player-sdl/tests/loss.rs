//! Tests with a bad network, which the player tries out on what has arrived. In standard RTP a frame is many packets, and an incomplete frame
//! is not shown.

mod common;

use common::{Folder, Player, ServerProcess, cards, scan, serve_if_asked, split};

#[test]
fn the_server_s_process() {
    serve_if_asked();
}

/// How many frames the player is to receive. The film is long enough to make up for the lost ones.
const WANTED: usize = 60;

#[test]
fn with_lost_packets_it_plays_on_and_every_frame_recorded_is_one_of_the_source() {
    let folder = Folder::new("loss");
    let frames = cards(240);
    std::fs::write(folder.file("film.mjpeg"), frames.concat()).unwrap();
    let server = ServerProcess::start(Some(&folder.0.join("film.mjpeg")));
    let (url, recording) = (server.url("film.mjpeg"), folder.file("out.mjpeg"));
    let wanted = WANTED.to_string();
    let args = [&url, "--headless", "--dialect", "standard", "--transport", "udp", "--frames", &wanted];
    let player =
        Player::start(&[&args[..], &["--stats", "json", "--record", &recording, "--loss", "5"]].concat(), None);
    let summary = player.wait_for("summary", |_| true);
    assert!(player.end().success());

    let number = |key: &str| summary.number(key).unwrap();
    assert_eq!((summary.text("frames"), summary.text("end")), (wanted.as_str(), "complete"), "{summary:?}");
    // Of more than a hundred packets, one in twenty is lost.
    assert!(number("lost") > 0.0 && number("loss_percent") > 0.0, "{summary:?}");
    assert!(number("incomplete") > 0.0 && number("incomplete") <= number("lost"), "{summary:?}");
    // Incomplete frames never reach the decoder, and lost packets do not count as a lost connection.
    assert_eq!((summary.text("damaged"), summary.text("interruptions")), ("0", "0"), "{summary:?}");

    let recorded = std::fs::read(&recording).unwrap();
    let recorded = split(&recorded);
    assert_eq!(recorded.len(), WANTED);
    let mut source = frames.iter().enumerate();
    let mut last = 0;
    for (at, recorded) in recorded.iter().enumerate() {
        // The frames come in the film's order, so each search begins where the one before ended.
        let found = source.find(|(_, frame)| scan(frame) == scan(recorded));
        last = found.unwrap_or_else(|| panic!("frame {at} of the recording is not in the rest of the film")).0;
    }
    assert!(last >= WANTED, "some frames of the film are missing");
}

#[test]
fn where_nothing_arrives_over_udp_it_plays_over_tcp() {
    let server = ServerProcess::start(None);
    let url = server.url("testcard");
    let args = [&url, "--headless", "--frames", "5", "--stats", "json", "--loss", "100"];
    let player = Player::start(&args, None);
    let summary = player.wait_for("summary", |_| true);
    assert!(player.end().success());
    assert_eq!((summary.text("frames"), summary.text("interruptions")), ("5", "0"), "{summary:?}");
}

#[test]
fn what_is_late_twice_or_out_of_order_is_shown_all_the_same_and_each_frame_once() {
    let folder = Folder::new("disorder");
    let frames = cards(60);
    std::fs::write(folder.file("film.mjpeg"), frames.concat()).unwrap();
    let server = ServerProcess::start(Some(&folder.0.join("film.mjpeg")));
    let (url, recording) = (server.url("film.mjpeg"), folder.file("out.mjpeg"));
    let network = ["--duplication", "20", "--reordering", "10", "--delay", "150", "--jitter", "5"];
    let args = [&url, "--headless", "--transport", "udp", "--stats", "json", "--frames", "48", "--record", &recording];
    let player = Player::start(&[&args[..], &network].concat(), None);
    let summary = player.wait_for("summary", |_| true);
    assert!(player.end().success());
    assert_eq!((summary.text("frames"), summary.text("incomplete")), ("48", "0"), "{summary:?}");
    assert!(summary.number("latency_median_ms").unwrap() >= 150.0, "{summary:?}");
    let recorded = std::fs::read(&recording).unwrap();
    for (number, (recorded, source)) in split(&recorded).iter().zip(&frames).enumerate() {
        assert!(scan(recorded) == scan(source), "frame {number}");
    }
}

#[test]
fn a_narrow_line_makes_a_queue() {
    let server = ServerProcess::start(None);
    let args = [&server.url("testcard"), "--headless", "--transport", "udp", "--stats", "json", "--rate", "1.5"];
    let player = Player::start(&[&args[..], &["--duration", "2"]].concat(), None);
    let summary = player.wait_for("summary", |_| true);
    assert!(player.end().success());
    // The test card takes about twice as much.
    assert!(summary.number("lost").unwrap() > 20.0, "{summary:?}");
    assert!((200.0..2000.0).contains(&summary.number("latency_median_ms").unwrap()), "{summary:?}");
}
