//! The protocol pane, and the bad network.

use super::common::{Folder, Line, ServerProcess};
use super::{Display, Window, film};

impl Window<'_> {
    /// Waits until the pane is as wanted.
    fn pane(&self, wanted: impl Fn(&Line) -> bool) -> Line {
        self.player.wait_for("pane", |line| line.text("open") == "true" && wanted(line))
    }

    /// Moves the mouse to a row of the pane's list, at this part of its width, and does something there.
    fn point_to_row(&self, pane: &Line, row: i32, part: f64, then: &[&str]) {
        let ([x, y, w, _], height) = (pane.rect("list"), pane.number("row").unwrap() as i32);
        let (x, y) = (x + (f64::from(w) * part) as i32, y + row * height + height / 2);
        let (x, y) = (x.to_string(), y.to_string());
        self.display.xdotool(&[&["mousemove", "--window", &self.id, &x, &y], then].concat());
    }

    /// Presses a key so many times.
    fn keys(&self, key: &str, times: usize) {
        self.display.xdotool(&[&["key", "--delay", "15"][..], &vec![key; times]].concat());
    }

    fn explained(&self, title: &str, section: &str) {
        self.pane(|pane| pane.text("title").starts_with(title) && pane.text("section").contains(section));
    }
}

#[test]
#[ignore = "takes a display: see above"]
fn the_dialogue_and_packets_are_read_by_mouse_and_keys_and_saved() {
    let (display, folder) = (Display::open(), Folder::new("pane"));
    let (_server, url) = film(&folder);
    let window = Window::open(&display, &[&url, "--transport", "udp", "--password", "S3cret", "--user", "anna"]);
    window.player.wait_for_phase("Playing");
    window.key("d");
    let pane = window.pane(|pane| pane.text("tab") == "RTSP" && pane.number("total") >= Some(9.0));
    let [left, ..] = pane.rect("place");
    assert_eq!(window.player.layout().rect("video")[2], left, "it stands beside the picture");
    // The connection, OPTIONS, DESCRIBE with their answers, and then SETUP.
    window.point_to_row(&pane, 5, 0.5, &["click", "1"]);
    window.explained("SETUP rtsp://", "section 10.4");
    window.keys("Down", 4);
    window.explained("Transport: RTP/AVP;unicast;client_port=", "section 12.39");
    window.click("pane_rtp", 0.5);
    let pane = window.pane(|pane| pane.text("tab") == "RTP" && pane.text("plots") == "true");
    window.point_to_row(&pane, 0, 0.5, &["click", "1"]);
    window.explained("A packet of ", "section 5.1");
    window.keys("Down", 5);
    window.explained("Marker: ", "RFC 2435");
    window.key("ctrl+c");
    window.player.wait_for("copied", |line| line.number("bytes") > Some(1000.0));
    window.key("ctrl+s");
    let saved = window.player.wait_for("protocol", |_| true).text("path").to_owned();
    let text = std::fs::read_to_string(&saved).unwrap();
    std::fs::remove_file(&saved).unwrap();
    assert!(
        text.contains(" > SETUP rtsp://") && text.contains("[Ready -> Playing]") && text.contains(" seq="),
        "{text}"
    );
    assert!(!text.contains("S3cret"), "{text}");
    // The keyboard reaches what can be pressed: the list goes on.
    window.key("shift+Tab");
    window.player.wait_for("focus", |line| line.text("control") == "pane_follow");
    window.key("Return");
    window.pane(|pane| pane.text("title").is_empty());
    window.key("Escape");
    window.key("Escape");
    window.player.wait_for("pane", |line| line.text("open") == "false");
    assert_eq!(window.player.layout().rect("video")[2], 640);
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn a_bad_network_is_made_on_sliders_while_it_plays() {
    let display = Display::open();
    let server = ServerProcess::start(None);
    let window = Window::open(&display, &[&server.url("testcard"), "--transport", "udp", "--loss", "0.5"]);
    window.player.wait_for("shown", |_| true);
    window.key("n");
    let pane = window.pane(|pane| pane.text("tab") == "Network" && pane.text("Loss") == "0.5 %");
    window.point_to_row(&pane, 0, 0.4, &["mousedown", "1"]);
    window.point_to_row(&pane, 0, 0.99, &["mouseup", "1"]);
    window.pane(|pane| pane.text("Loss") == "100 %");
    let last = window.player.last_shown().number("strip");
    window.key("Home");
    window.pane(|pane| pane.text("Loss") == "0 %");
    window.player.wait_for("shown", |line| line.number("strip") > last.map(|strip| strip + 6.0));
    window.keys("Down", 3);
    window.pane(|pane| pane.text("title") == "Delay");
    window.keys("Right", 11);
    window.pane(|pane| pane.text("Delay") == "200 ms");
    window.player.wait_for("shown", |line| line.number("latency_ms") > Some(200.0));
    window.click("pane_reset", 0.5);
    window.pane(|pane| pane.text("Delay") == "0 ms");
    window.player.wait_for("shown", |line| line.number("latency_ms") < Some(200.0));
    window.key("n");
    window.player.wait_for("pane", |line| line.text("open") == "false");
    window.quit();
}
