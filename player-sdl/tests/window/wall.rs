//! The wall of several streams.

use super::{Display, Folder, ServerProcess, Window};
use crate::common::Line;

/// Whether a line is about this stream.
fn of(stream: u32) -> impl Fn(&Line) -> bool {
    move |line| line.number("stream") == Some(f64::from(stream))
}

/// Waits until a picture of this stream is shown that was decoded so wide.
fn shown(window: &Window<'_>, stream: u32, width: u32) -> Line {
    let as_wide = |line: &Line| line.number("width") == Some(f64::from(width));
    window.player.wait_for("shown", |line| of(stream)(line) && as_wide(line))
}

fn phase(window: &Window<'_>, stream: u32, phase: &str) -> Line {
    window.player.wait_for("phase", |line| of(stream)(line) && line.text("phase") == phase)
}

/// Waits until the wall is shown, or not, with this tile chosen.
fn wall(window: &Window<'_>, on: bool, tile: u32) {
    let chosen = |line: &Line| line.number("tile") == Some(f64::from(tile));
    window.player.wait_for("wall", |line| line.text("on") == on.to_string() && chosen(line));
}

#[test]
#[ignore = "takes a display: see above"]
fn a_wall_shows_streams_as_large_as_their_tiles_and_each_alone_by_mouse_and_keyboard() {
    let (display, folder) = (Display::open(), Folder::new("wall"));
    let server = ServerProcess::start(None);
    let urls = ["testcard", "movie.Mjpeg", "nothing"].map(|name| server.url(name));
    let urls = urls.each_ref().map(String::as_str);
    let window = Window::open(&display, &[&urls[..], &["--window-size", "640x640"]].concat());
    window.player.wait_for("tile", |line| of(3)(line) && line.text("title") == "There is no such stream");
    // Half of 640x480 is a little larger than a tile.
    let card = shown(&window, 1, 320);
    assert!(card.number("strip") >= Some(0.0), "{card:?}");
    let [tile, picture] = ["tile1", "tile3"].map(|tile| window.player.layout().rect(tile));
    assert_eq!((tile[2..].to_owned(), tile[0]), (picture[2..].to_owned(), picture[0]), "two columns");
    let [x, y, w, h] = tile;
    let pixel = window.screenshot(&folder);
    assert_eq!(pixel(x - 3, y + h / 2), [255; 3], "the ring around the first tile");
    assert_ne!(pixel(x + w + 4, y + h + 4), [255; 3], "and nothing between the others");

    for (key, tile) in [("Right", 2), ("Down", 3), ("Up", 1)] {
        window.key(key);
        window.player.wait_for("chosen", |line| line.number("tile") == Some(f64::from(tile)));
    }
    window.key("Return");
    wall(&window, false, 1);
    // All of it, with all controls.
    shown(&window, 1, 640);
    window.click("pause", 0.5);
    phase(&window, 1, "Paused");
    // What stands is decoded again, as large as it is shown.
    window.click("tool_wall", 0.5);
    wall(&window, true, 1);
    assert_eq!(shown(&window, 1, 320).text("fresh"), "false");
    window.key("1");
    wall(&window, false, 1);
    assert_eq!(shown(&window, 1, 640).text("fresh"), "false");
    window.key("Escape");
    wall(&window, true, 1);
    window.key("space");
    phase(&window, 1, "Playing");
    window.click("tile2", 0.5);
    wall(&window, false, 2);
    window.key("Escape");
    wall(&window, true, 2);
    window.click("tool_fullscreen", 0.5);
    window.player.wait_for("fullscreen", |line| line.text("on") == "true");
    window.player.wait_for("layout", |line| line.rect("window")[2] == 1280 && line.rect("tile2")[0] > 400);
    shown(&window, 1, 640);
    window.key("q");
    assert_eq!(window.player.end().code(), Some(1), "one was not shown");
}

#[test]
#[ignore = "takes a display: see above"]
fn a_stream_of_a_wall_that_is_lost_comes_back_by_itself_and_changes_nothing_for_the_others() {
    let display = Display::open();
    let (mut server, other) = (ServerProcess::start(None), ServerProcess::start(None));
    let urls = [server.url("testcard"), other.url("testcard")];
    let window = Window::open(&display, &[&urls[0], &urls[1], "--window-size", "640x400"]);
    // Two of one name are told apart.
    let tile = window.player.wait_for("tile", of(2));
    assert!(tile.text("name").starts_with("testcard · 127.0.0.1:"), "{tile:?}");
    shown(&window, 1, 320);
    server.kill();
    let lost = window.player.wait_for("tile", |line| of(1)(line) && line.text("title") == "Connection lost");
    assert!(lost.text("hint").starts_with("Trying again") && lost.text("sign") == "Trouble", "{lost:?}");
    let at = shown(&window, 2, 320).number("number").unwrap();
    server.restart();
    phase(&window, 1, "Playing");
    let later = shown(&window, 2, 320);
    assert!(later.number("number").unwrap() > at, "it plays on meanwhile");
    window.display.xdotool(&["windowsize", &window.id, "420", "800"]);
    window.player.wait_for("layout", |line| line.rect("tile2")[1] > 400);
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn streams_of_a_wall_ask_for_their_passwords_one_after_the_other() {
    let display = Display::open();
    let server = ServerProcess::start_guarded("hunter2");
    let urls = ["testcard", "movie.Mjpeg"].map(|name| server.url(name).replace("rtsp://", "rtsp://anna@"));
    let window = Window::open(&display, &[&urls[0], &urls[1]]);
    let asking = std::cell::Cell::new(0);
    window.player.wait_for("tile", |line| {
        asking.set(asking.get() + usize::from(line.text("title") == "It waits for your answer"));
        asking.get() == 2
    });
    window.write("hunter2");
    window.key("Return");
    window.player.wait_for("shown", |_| true);
    window.key("Escape");
    let failed = window.player.wait_for_phase("Failed");
    assert!(failed.text("reason").contains("401"), "{failed:?}");
    window.key("q");
    window.player.end();
}
