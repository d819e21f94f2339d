//! Tests of the real window on a virtual display, driven by mouse and keyboard.
//!
//! The tests need Xvfb, xdotool and ImageMagick's `import`, so they are ignored by default. `cargo xtask test --only player`
//! installs these programs and runs the tests. If the programs are installed,
//! `cargo test -p player-sdl --test window -- --include-ignored` runs them too.

mod common;
#[path = "window/pane.rs"]
mod pane;
#[path = "window/selection.rs"]
mod selection;
#[path = "window/start.rs"]
mod start;
#[path = "window/wall.rs"]
mod wall;

use common::{Folder, Line, Player, ServerProcess, cards, read_png, serve_if_asked};
use mutoscope::media::testcard::strip;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[test]
fn the_server_s_process() {
    serve_if_asked();
}

/// Held while a window is open. Several windows at a time would be too much work for a small machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

struct Display {
    xvfb: Child,
    name: String,
    _turn: MutexGuard<'static, ()>,
}

impl Display {
    fn open() -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let mut xvfb = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed");
        let mut number = String::new();
        BufReader::new(xvfb.stdout.take().unwrap()).read_line(&mut number).unwrap();
        assert!(!number.is_empty(), "Xvfb does not start");
        Self { xvfb, name: format!(":{}", number.trim()), _turn: turn }
    }

    fn xdotool(&self, args: &[&str]) -> String {
        let output = Command::new("xdotool").args(args).env("DISPLAY", &self.name).output();
        let output = output.expect("xdotool is installed");
        assert!(output.status.success(), "xdotool {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.xvfb.kill();
        let _ = self.xvfb.wait();
    }
}

/// A player's window on a display.
struct Window<'d> {
    display: &'d Display,
    player: Player,
    id: String,
}

impl<'d> Window<'d> {
    fn open(display: &'d Display, args: &[&str]) -> Self {
        Self::open_at(display, args, &std::env::temp_dir().join("mutoscope-player-nowhere"))
    }

    /// Opens the window of a user who keeps settings in this directory.
    fn open_at(display: &'d Display, args: &[&str], config: &Path) -> Self {
        let args = [args, &["--ui-log", "--renderer", "software"]].concat();
        let player = Player::start_at(&args, Some(&display.name), config);
        player.wait_for("layout", |_| true);
        let found = display.xdotool(&["search", "--sync", "--onlyvisible", "--name", "Video Streaming Player"]);
        let id = found.lines().last().unwrap().to_owned();
        display.xdotool(&["windowfocus", "--sync", &id]);
        Self { display, player, id }
    }

    fn key(&self, key: &str) {
        self.display.xdotool(&["key", key]);
    }

    /// Clicks on a place of the layout, at this part of its width, 0 to 1.
    fn click(&self, place: &str, part: f64) {
        self.point(place, part, &["click", "1"]);
    }

    /// Moves the mouse to a place of the layout, at this part of its width, and does something there.
    fn point(&self, place: &str, part: f64, then: &[&str]) {
        let [x, y, w, h] = self.player.layout().rect(place);
        let (x, y) = ((x + (f64::from(w) * part) as i32).to_string(), (y + h / 2).to_string());
        self.display.xdotool(&[&["mousemove", "--window", &self.id, &x, &y], then].concat());
    }

    /// Waits until a picture is shown that lies here in the film, in seconds.
    fn shown_at(&self, position: std::ops::Range<f64>) -> Line {
        self.player.wait_for("shown", |line| line.number("position").is_some_and(|at| position.contains(&at)))
    }

    /// Waits until the picture with this number in its strip is shown.
    fn strip(&self, number: u32) -> Line {
        self.player.wait_for("shown", |line| line.number("strip") == Some(f64::from(number)))
    }

    /// The colour of a pixel of a screenshot.
    fn screenshot(&self, folder: &Folder) -> impl Fn(i32, i32) -> [u8; 3] + use<> {
        let file = folder.file("screen.png");
        let taken = Command::new("import").args(["-window", "root", &file]).env("DISPLAY", &self.display.name).status();
        assert!(taken.unwrap().success());
        let (pixels, width, _) = read_png(&file);
        let place = self.display.xdotool(&["getwindowgeometry", "--shell", &self.id]);
        let side = |name: &str| -> i32 {
            let line = place.lines().find_map(|line| line.strip_prefix(name));
            line.expect("a place").parse().unwrap()
        };
        let (left, top) = (side("X="), side("Y="));
        move |x, y| {
            let at = ((y + top) as usize * width + (x + left) as usize) * 3;
            [pixels[at], pixels[at + 1], pixels[at + 2]]
        }
    }

    fn write(&self, text: &str) {
        self.display.xdotool(&["type", text]);
    }

    /// Waits for a dialog of this kind; "none": for its end.
    fn dialog(&self, kind: &str) -> Line {
        self.player.wait_for("dialog", |line| line.text("kind") == kind)
    }

    /// Clicks into the middle of a part of a dialog.
    fn click_in(&self, dialog: &Line, part: &str) {
        let [x, y, w, h] = dialog.rect(part);
        let (x, y) = ((x + w / 2).to_string(), (y + h / 2).to_string());
        self.display.xdotool(&["mousemove", "--window", &self.id, &x, &y, "click", "1"]);
    }

    /// Reads the number in the strip of the picture that is on the screen.
    fn strip_on_screen(&self, folder: &Folder) -> Option<u32> {
        let file = folder.file("screen.png");
        let shot =
            Command::new("import").args(["-window", &self.id, &file]).env("DISPLAY", &self.display.name).status();
        assert!(shot.unwrap().success());
        let (pixels, width, _) = read_png(&file);
        let [x, y, w, h] = self.player.layout().rect("video").map(|side| side as usize);
        let green = |x: usize, y: usize| pixels[(y * width + x) * 3 + 1];
        let luma: Vec<u8> =
            (y..y + h).flat_map(|row| (x..x + w).map(move |column| (column, row))).map(|(x, y)| green(x, y)).collect();
        strip::read(&luma, w, w, h)
    }

    fn quit(self) {
        self.key("q");
        assert!(self.player.end().success(), "quitting is no failure");
    }
}

fn enabled(phase: &Line) -> String {
    ["setup", "play", "pause", "stop"]
        .into_iter()
        .filter(|button| phase.text(button) == "true")
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
#[ignore = "takes a display: see above"]
fn the_buttons_set_up_play_pause_play_on_and_stop() {
    let display = Display::open();
    let folder = Folder::new("buttons");
    let server = ServerProcess::start(None);
    for options in [["--transport", "udp"], ["--transport", "tcp"], ["--dialect", "lab"]] {
        press_all_buttons(&display, &folder, &[&[&server.url("movie.Mjpeg"), "--wait"], &options[..]].concat());
    }
}

fn press_all_buttons(display: &Display, folder: &Folder, args: &[&str]) {
    let window = Window::open(display, args);
    assert_eq!(enabled(&window.player.wait_for_phase("Stopped")), "setup");
    window.click("play", 0.5);
    window.click("setup", 0.5);
    assert_eq!(enabled(&window.player.wait_for_phase("Ready")), "play stop");
    window.click("play", 0.5);
    assert_eq!(enabled(&window.player.wait_for_phase("Playing")), "pause stop");
    window.player.wait_for("shown", |line| line.number("strip") >= Some(20.0));
    window.click("pause", 0.5);
    assert_eq!(enabled(&window.player.wait_for_phase("Paused")), "play stop");
    let paused = window.player.last_shown().number("strip").unwrap();
    assert_eq!(window.strip_on_screen(folder), Some(paused as u32), "the screen shows what the player says");
    window.click("play", 0.5);
    let next = window.player.wait_for("shown", |_| true).number("strip").unwrap();
    assert!(next > paused && next < paused + 8.0, "it plays on where it stood: {paused}, {next}");
    window.click("stop", 0.5);
    assert_eq!(enabled(&window.player.wait_for_phase("Stopped")), "setup");
    assert_eq!(window.strip_on_screen(folder), None, "the picture is gone");
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn after_any_presses_in_any_order_it_plays_when_told_to() {
    let display = Display::open();
    let server = ServerProcess::start(None);
    let window = Window::open(&display, &[&server.url("movie.Mjpeg")]);
    window.player.wait_for("shown", |_| true);
    let mut random = 1_u32;
    for _ in 0..12 {
        let mut presses = Vec::new();
        for _ in 0..16 {
            // A linear congruential generator chooses an order that is the same in each run.
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let choice = (random >> 16) % 8;
            match ["setup", "play", "pause", "stop", "track"].get(choice as usize) {
                Some(place) => {
                    let [x, y, w, h] = window.player.layout().rect(place);
                    presses.extend(["mousemove", "--window", &window.id].map(str::to_owned));
                    presses.extend([(x + w / 3).to_string(), (y + h / 2).to_string(), "click".into(), "1".into()]);
                }
                None => presses.extend(["key", ["space", "s", "Right"][choice as usize - 5]].map(str::to_owned)),
            }
        }
        display.xdotool(&presses.iter().map(String::as_str).collect::<Vec<_>>());
    }
    window.click("stop", 0.5);
    window.player.last_shown();
    window.key("space");
    window.player.wait_for_phase("Playing");
    window.player.wait_for("shown", |line| line.number("strip").is_some_and(|strip| strip < 24.0));
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn keys_play_seek_show_overlays_save_and_fill_the_screen() {
    let display = Display::open();
    let folder = Folder::new("keys");
    let film = folder.file("film.mjpeg");
    // The film takes ten seconds.
    std::fs::write(&film, cards(240).concat()).unwrap();
    let server = ServerProcess::start(Some(film.as_ref()));
    let snapshot = folder.file("saved.png");
    let window = Window::open(&display, &[&server.url("film.mjpeg"), "--snapshot", &snapshot]);
    window.player.wait_for_phase("Playing");
    window.click("track", 0.7);
    window
        .player
        .wait_for("shown", |line| line.number("position").is_some_and(|position| (6.8..8.5).contains(&position)));
    window.key("Left");
    window
        .player
        .wait_for("shown", |line| line.number("position").is_some_and(|position| (1.5..4.5).contains(&position)));
    for (key, name, on) in [
        ("i", "statistics", "true"),
        ("h", "help", "true"),
        ("Escape", "help", "false"),
        ("question", "help", "true"),
        ("h", "help", "false"),
        ("i", "statistics", "false"),
    ] {
        window.key(key);
        window.player.wait_for("overlay", |line| line.text("name") == name && line.text("on") == on);
        window.player.wait_for("shown", |_| true);
    }
    window.key("space");
    window.player.wait_for_phase("Paused");
    let paused = window.player.last_shown().number("strip").unwrap();
    window.key("p");
    window.player.wait_for("snapshot", |line| line.text("path") == snapshot);
    let (pixels, width, height) = read_png(&snapshot);
    let luma: Vec<u8> = pixels.chunks(3).map(|pixel| pixel[1]).collect();
    assert_eq!(strip::read(&luma, width, width, height), Some(paused as u32));
    window.key("f");
    window.player.wait_for("fullscreen", |line| line.text("on") == "true");
    window.player.wait_for("layout", |line| line.rect("window")[2] == 1280);
    window.key("Escape");
    window.player.wait_for("fullscreen", |line| line.text("on") == "false");
    window.key("space");
    window.player.wait_for_phase("Playing");
    window.click("track", 0.97);
    assert_eq!(enabled(&window.player.wait_for_phase("Ended")), "play stop");
    window.key("space");
    window.player.wait_for_phase("Playing");
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn an_interruption_is_told_the_picture_stays_and_it_plays_on() {
    let display = Display::open();
    let folder = Folder::new("interruption");
    for transport in ["udp", "tcp"] {
        interrupt(&display, &folder, transport);
    }
}

fn interrupt(display: &Display, folder: &Folder, transport: &str) {
    let mut server = ServerProcess::start(None);
    let args = [&server.url("movie.Mjpeg"), "--from", "1", "--transport", transport];
    let window = Window::open(display, &args);
    window.player.wait_for("shown", |line| line.number("position") >= Some(2.0));
    server.kill();
    let lost = window.player.wait_for_phase("Reconnecting");
    assert!(!lost.text("reason").is_empty());
    assert_eq!(enabled(&lost), "stop");
    // The strip cannot be read while the picture is darkened, but the picture must still be there.
    let shown = folder.file("lost.png");
    Command::new("import").args(["-window", &window.id, &shown]).env("DISPLAY", &display.name).status().unwrap();
    let (pixels, width, _) = read_png(&shown);
    let [x, y, _, _] = window.player.layout().rect("video").map(|side| side as usize);
    let corner = (y + 200) * width + x + 20;
    assert!(pixels[corner * 3] > 0x20, "the last picture stays");
    server.restart();
    window.player.wait_for_phase("Playing");
    // The first pictures may come before the answer that says which position they have.
    let shown = window.player.wait_for("shown", |line| line.number("position").is_some());
    let position = shown.number("position").unwrap();
    assert!((1.5..6.0).contains(&position), "it goes on where it was: {position}");
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn a_server_that_says_goodbye_is_waited_for_like_one_that_does_not() {
    let display = Display::open();
    let mut server = ServerProcess::start(None);
    for stream in ["testcard", "movie.Mjpeg"] {
        let window = Window::open(&display, &[&server.url(stream)]);
        window.player.wait_for_phase("Playing");
        window.player.wait_for("shown", |_| true);
        server.stop();
        window.player.wait_for_phase("Reconnecting");
        server.restart();
        window.player.wait_for_phase("Playing");
        window.quit();
    }
}

#[test]
#[ignore = "takes a display: see above"]
fn a_window_starts_before_its_server_and_waits_for_it() {
    let display = Display::open();
    let mut server = ServerProcess::start(None);
    server.kill();
    let window = Window::open(&display, &[&server.url("testcard")]);
    window.player.wait_for_phase("Reconnecting");
    server.restart();
    window.player.wait_for_phase("Playing");
    window.player.wait_for("shown", |line| line.number("strip").is_some_and(|strip| strip >= 0.0));
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn a_slow_display_drops_pictures_and_latency_stays_flat() {
    let display = Display::open();
    let server = ServerProcess::start(None);
    let url = server.url("testcard");
    let window = Window::open(&display, &[&url, "--slow-display", "120", "--stats", "json"]);
    // If these pictures waited instead of being dropped, the stream would be three seconds late.
    let statistics = window.player.wait_for("statistics", |line| line.number("dropped") > Some(70.0));
    assert!(statistics.number("latency_ms").unwrap() < 1000.0, "{statistics:?}");
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn a_stream_that_cannot_be_played_is_reported_and_the_window_stays() {
    let display = Display::open();
    let server = ServerProcess::start(None);
    let window = Window::open(&display, &[&server.url("nothing")]);
    let failed = window.player.wait_for_phase("Failed");
    assert!(failed.text("reason").contains("404"), "{failed:?}");
    assert_eq!(enabled(&failed), "setup");
    window.key("q");
    assert_eq!(window.player.end().code(), Some(1), "what was asked for was not shown");
}

#[test]
#[ignore = "takes a display: see above"]
fn a_password_is_asked_for_until_it_is_right_and_kept_for_reconnections() {
    let display = Display::open();
    let mut server = ServerProcess::start_guarded("hunter 2!");
    let window = Window::open(&display, &[&server.url("movie.Mjpeg"), "--stats", "json"]);
    assert_eq!(enabled(&window.player.wait_for_phase("Asking")), "stop");
    let dialog = window.dialog("password");
    window.click_in(&dialog, "name");
    window.write("anna");
    window.key("Tab");
    window.write("hunter2");
    window.key("Return");
    window.dialog("wrong password");
    // The name is still there. The keys that do other things elsewhere are text here.
    window.write("hunter 2!");
    window.key("Return");
    window.player.wait_for_phase("Playing");
    window.player.wait_for("shown", |_| true);
    server.kill();
    window.player.wait_for_phase("Reconnecting");
    server.restart();
    let next = window.player.wait_for("phase", |line| ["Asking", "Playing"].contains(&line.text("phase")));
    assert_eq!(next.text("phase"), "Playing", "what was typed is still known");
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn who_does_not_answer_is_told_what_is_wanted_and_may_try_again() {
    let display = Display::open();
    let server = ServerProcess::start_guarded("hunter2");
    let with_name = server.url("movie.Mjpeg").replace("rtsp://", "rtsp://anna@");
    let window = Window::open(&display, &[&with_name]);
    // No password was given yet, so that none was wrong.
    window.dialog("password");
    window.key("Escape");
    let failed = window.player.wait_for_phase("Failed");
    assert!(failed.text("reason").contains("401"), "{failed:?}");
    window.click("setup", 0.5);
    window.dialog("password");
    window.write("hunter2");
    window.key("Return");
    assert_eq!(enabled(&window.player.wait_for_phase("Ready")), "play stop");
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn an_unknown_certificate_is_asked_about_once_and_a_changed_one_is_a_warning() {
    let display = Display::open();
    let folder = Folder::new("certificates");
    let (identity, config) = (folder.0.join("identity"), folder.0.join("config"));
    let mut server = ServerProcess::start_private(&identity);
    let url = server.url("movie.Mjpeg");
    let window = Window::open_at(&display, &[&url], &config);
    let dialog = window.dialog("unknown certificate");
    window.click_in(&dialog, "accept");
    window.player.wait_for_phase("Playing");
    window.quit();
    let file = config.join("mutoscope/known_servers");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let window = Window::open_at(&display, &[&url], &config);
    let first = window.player.wait_for("phase", |line| ["Asking", "Playing"].contains(&line.text("phase")));
    assert_eq!(first.text("phase"), "Playing", "it is remembered");
    window.quit();

    server.kill();
    std::fs::remove_dir_all(&identity).unwrap();
    server.restart();
    let window = Window::open_at(&display, &[&url], &config);
    window.dialog("changed certificate");
    window.key("Return");
    let failed = window.player.wait_for_phase("Failed");
    assert!(failed.text("reason").starts_with("THE CERTIFICATE OF 127.0.0.1"), "{failed:?}");
    window.key("space");
    let dialog = window.dialog("changed certificate");
    window.click_in(&dialog, "accept");
    window.click_in(&dialog, "tick");
    window.click_in(&dialog, "accept");
    window.player.wait_for_phase("Playing");
    window.quit();
    let known = std::fs::read_to_string(&file).unwrap();
    assert_eq!(known.lines().filter(|line| !line.starts_with('#')).count(), 1, "{known}");
}

/// A server with a film of ten seconds, whose frames have their numbers in their strips.
fn film(folder: &Folder) -> (ServerProcess, String) {
    let film = folder.file("film.mjpeg");
    std::fs::write(&film, cards(240).concat()).unwrap();
    let server = ServerProcess::start(Some(film.as_ref()));
    let url = server.url("film.mjpeg");
    (server, url)
}

#[test]
#[ignore = "takes a display: see above"]
fn what_stands_shows_the_frame_that_is_sought_dragged_or_stepped_to() {
    let (display, folder) = (Display::open(), Folder::new("still"));
    let (_server, url) = film(&folder);
    for transport in ["udp", "tcp"] {
        let window = Window::open(&display, &[&url, "--transport", transport]);
        window.player.wait_for("shown", |_| true);
        window.key("space");
        window.player.wait_for_phase("Paused");
        window.click("track", 0.5);
        let there = window.shown_at(4.9..5.1).number("strip").unwrap() as u32;
        // The time at the pointer lies over the strip.
        window.point("header", 0.3, &[]);
        window.player.wait_for("bubble", |line| line.text("text").is_empty());
        assert_eq!(window.strip_on_screen(&folder), Some(there), "it is on the screen");
        for (key, frame) in
            [("period", there + 1), ("period", there + 2), ("comma", there + 1), ("Home", 0), ("End", 239)]
        {
            window.key(key);
            window.strip(frame);
        }
        for (key, position) in [("Left", 4.7..5.1), ("shift+Left", 0.0..0.1), ("Right", 4.8..5.1)] {
            window.key(key);
            window.shown_at(position);
        }
        drag(&window, &folder);
        window.key("space");
        window.player.wait_for_phase("Playing");
        window.shown_at(6.0..6.6);
        window.quit();
    }
}

/// Drags the position of a paused film, and looks at what is shown meanwhile.
fn drag(window: &Window<'_>, folder: &Folder) {
    let [x, y, w, h] = window.player.layout().rect("track");
    window.point("track", 0.2, &["mousedown", "1"]);
    for part in [0.3, 0.45, 0.6] {
        window.point("track", part, &[]);
        let bubble = window.player.wait_for("bubble", |line| {
            line.number("knob").is_some_and(|knob| (knob - part * f64::from(w)).abs() < 3.0)
        });
        let (time, [left, top, width, height]) = (format!("0:0{:.0}", (part * 10.0).floor()), bubble.rect("place"));
        assert_eq!((bubble.text("text"), bubble.text("elapsed")), (time.as_str(), time.as_str()));
        let middle = f64::from(left) + f64::from(width) / 2.0 - f64::from(x);
        assert!((middle - part * f64::from(w)).abs() < 4.0 && top + height <= y + h / 2, "{bubble:?}");
        window.shown_at(part * 10.0 - 0.2..part * 10.0 + 0.1);
    }
    let pixel = window.screenshot(folder);
    let middle = y + h / 2;
    assert_eq!(pixel(x + w * 6 / 10, middle), [255, 0, 0], "the knob");
    assert_eq!(pixel(x + w * 3 / 10, middle), [255, 0, 0], "what is played");
    assert_eq!(pixel(x + w * 8 / 10, middle), [0x33, 0x33, 0x33], "and nothing that looks like a buffer");
    window.display.xdotool(&["mouseup", "1"]);
    window.shown_at(5.8..6.1);
}

#[test]
#[ignore = "takes a display: see above"]
fn what_plays_stands_while_it_is_dragged_and_then_plays_on() {
    let (display, folder) = (Display::open(), Folder::new("drag"));
    let (_server, url) = film(&folder);
    let window = Window::open(&display, &[&url]);
    window.player.wait_for_phase("Playing");
    window.point("track", 0.1, &["mousedown", "1"]);
    window.point("track", 0.5, &[]);
    window.shown_at(4.8..5.1);
    window.point("track", 0.3, &[]);
    window.shown_at(2.8..3.1);
    let stood = window.player.last_shown().number("position").unwrap();
    assert!((2.8..3.1).contains(&stood), "it stands there: {stood}");
    window.display.xdotool(&["mouseup", "1"]);
    window.shown_at(3.2..4.5);
    window.key("space");
    assert_eq!(enabled(&window.player.wait_for_phase("Paused")), "play stop");
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn the_picture_is_clicked_to_pause_and_play_double_clicked_to_fill_the_screen_and_the_wheel_seeks() {
    let (display, folder) = (Display::open(), Folder::new("click"));
    let (_server, url) = film(&folder);
    // Without a window manager nobody would make the window as large as the screen.
    let window = Window::open(&display, &[&url, "--window-size", "1280x1024"]);
    window.player.wait_for_phase("Playing");
    window.click("video", 0.5);
    window.player.wait_for_phase("Paused");
    window.player.wait_for("sign", |line| line.text("faded") == "true");
    let [x, y, w, h] = window.player.layout().rect("video");
    let bar = window.screenshot(&folder)(x + w / 2 - 6, y + h / 2);
    assert!(bar[0] < 0xe0, "no bar of the sign is left where the test card is dark: {bar:?}");
    for (button, position) in [("4", 4.5..9.0), ("5", 0.0..3.9)] {
        window.point("video", 0.5, &["click", button]);
        window.shown_at(position);
    }
    window.click("video", 0.4);
    window.player.wait_for_phase("Playing");
    window.point("video", 0.3, &["click", "--repeat", "2", "--delay", "60", "1"]);
    window.player.wait_for("fullscreen", |line| line.text("on") == "true");
    let full = window.player.wait_for("layout", |line| line.rect("video")[3] == 1024);
    let [_, top, ..] = full.rect("track");
    assert!(1024 - top <= 84 && full.rect("header")[3] <= 48, "the controls are no slab: {full:?}");
    // Two clicks are no pause.
    window.shown_at(0.0..9.0);
    window.shown_at(0.0..9.0);
    // The controls go after a while, and come when the mouse moves.
    window.player.wait_for("layout", |line| line.rect("header")[3] == 0);
    window.point("video", 0.6, &[]);
    window.player.wait_for("layout", |line| line.rect("header")[3] > 0);
    window.click("tool_fullscreen", 0.5);
    window.player.wait_for("fullscreen", |line| line.text("on") == "false");
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn the_keyboard_alone_reaches_every_button() {
    let display = Display::open();
    let server = ServerProcess::start(None);
    let window = Window::open(&display, &[&server.url("testcard"), "--wait"]);
    window.player.wait_for_phase("Stopped");
    let focus = |key: &str, control: &str| {
        window.key(key);
        window.player.wait_for("focus", |line| line.text("control") == control);
    };
    focus("Tab", "step_play");
    focus("Tab", "step_other_address");
    focus("Tab", "setup");
    window.key("Return");
    window.player.wait_for_phase("Ready");
    focus("Tab", "play");
    window.key("space");
    window.player.wait_for_phase("Playing");
    focus("Tab", "pause");
    focus("Tab", "stop");
    focus("Tab", "tool_record");
    focus("Tab", "tool_snapshot");
    focus("Tab", "tool_statistics");
    window.key("Return");
    window.player.wait_for("overlay", |line| line.text("name") == "statistics" && line.text("on") == "true");
    focus("shift+Tab", "tool_snapshot");
    focus("Escape", "none");
    window.click("stop", 0.5);
    window.player.wait_for_phase("Stopped");
    // The mouse rests on a button.
    window.point("tool_fullscreen", 0.5, &[]);
    window.player.wait_for("bubble", |line| line.text("text") == "Full screen (F)");
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn overlays_never_cover_each_other_and_leave_half_of_the_picture_free() {
    let (display, folder) = (Display::open(), Folder::new("overlays"));
    let (_server, url) = film(&folder);
    let snapshot = folder.file("saved.png");
    for shape in [&["--scale", "2"][..], &["--window-size", "640x480"], &["--window-size", "320x320"]] {
        let window = Window::open(&display, &[&[&url, "--snapshot", &snapshot, "--from", "9.2"], shape].concat());
        window.key("i");
        let [_, _, w, h] = window.player.layout().rect("video");
        assert!(window.player.layout().number("entries") >= Some(6.0));
        let [_, top, _, height] = window.player.layout().rect("status");
        assert!(top + height <= window.player.layout().rect("window")[3], "the status bar is whole");
        let check = |line: &Line| {
            let [.., width, height] = line.rect("statistics");
            assert!(2 * width * height <= w * h, "{line:?}");
            let names = ["notice", "toast", "bubble", "statistics", "help"];
            for (at, a) in names.iter().enumerate() {
                for b in &names[at + 1..] {
                    let ([ax, ay, aw, ah], [bx, by, bw, bh]) = (line.rect(a), line.rect(b));
                    let apart = aw.min(ah).min(bw).min(bh) == 0
                        || ax + aw <= bx
                        || bx + bw <= ax
                        || ay + ah <= by
                        || by + bh <= ay;
                    assert!(apart, "{a} and {b}: {line:?}");
                }
            }
        };
        window.player.wait_for_phase("Ended");
        window.key("p");
        window.player.wait_for("overlays", |line| {
            check(line);
            line.rect("toast")[2] > 0 && line.rect("notice")[2] > 0
        });
        window.point("track", 0.5, &[]);
        window.player.wait_for("overlays", |line| {
            check(line);
            line.rect("bubble")[2] > 0
        });
        window.quit();
    }
}

#[test]
#[ignore = "takes a display: see above"]
fn each_failure_says_in_words_for_people_what_to_do_next() {
    let display = Display::open();
    let server = ServerProcess::start(None);
    let window = Window::open(&display, &[&server.url("nothing")]);
    let notice = window.player.wait_for("notice", |line| line.text("title") == "There is no such stream");
    assert!(notice.text("hint").contains("Check the name"), "{notice:?}");
    window.key("q");
    let window = Window::open(&display, &["rtsp://nowhere.invalid/x"]);
    let notice = window.player.wait_for("notice", |line| line.text("title") == "Cannot reach the server");
    assert!(notice.text("detail").starts_with("No machine called nowhere.invalid is known here"), "{notice:?}");
    assert!(!notice.text("detail").contains("lookup") && notice.text("hint").contains("STOP"), "{notice:?}");
    window.key("q");
}

#[test]
#[ignore = "takes a display: see above"]
fn the_window_is_as_large_as_the_desktop_s_settings_want_it() {
    use x11rb::connection::Connection;
    use x11rb::protocol::xproto::{AtomEnum, PropMode};
    use x11rb::wrapper::ConnectionExt;
    let (display, folder) = (Display::open(), Folder::new("dpi"));
    let (connection, screen) = x11rb::connect(Some(&display.name)).unwrap();
    let root = connection.setup().roots[screen].root;
    let resources = b"Xft.dpi:\t144\n";
    let (property, kind) = (AtomEnum::RESOURCE_MANAGER, AtomEnum::STRING);
    connection.change_property8(PropMode::REPLACE, root, property, kind, resources).unwrap();
    connection.sync().unwrap();
    let name = "%D7%A9%D7%9C%D7%95%D7%9D%20%E7%94%B5%E5%BD%B1%20%D9%85%D8%B1%D8%AD%D8%A8%D8%A7";
    let window = Window::open(&display, &[&format!("rtsp://127.0.0.1:9/{name}"), "--wait"]);
    assert_eq!((window.player.layout().number("scale"), window.player.layout().rect("window")[2]), (Some(1.5), 960));
    // The name is written in the title bar, whatever its script.
    window.player.wait_for("notice", |line| line.text("detail").contains("שלום 电影 مرحبا"));
    let pixel = window.screenshot(&folder);
    let ink = (300..500).filter(|&x| (10..56).any(|y| pixel(x, y)[0] > 0x80)).count();
    assert!(ink > 20, "{ink} columns have ink");
    window.quit();
}

#[test]
#[ignore = "takes a display: see above"]
fn a_film_plays_faster_and_backwards_to_its_beginning() {
    let (display, folder) = (Display::open(), Folder::new("pace"));
    let (_server, url) = film(&folder);
    let window = Window::open(&display, &[&url, "--from", "2"]);
    window.player.wait_for_phase("Playing");
    window.key("bracketright");
    window.key("bracketright");
    let strips = |count: usize| -> Vec<f64> {
        (0..count).map(|_| window.player.wait_for("shown", |_| true).number("strip").unwrap()).collect()
    };
    let positions = || -> Vec<f64> {
        (0..2).map(|_| window.player.wait_for("shown", |_| true).number("position").unwrap()).collect()
    };
    // Frames that were on their way come first.
    window.shown_at(4.0..9.0);
    let fast = strips(3);
    assert!(fast.windows(2).all(|pair| pair[1] - pair[0] >= 4.0), "every fourth frame: {fast:?}");
    window.key("b");
    let turned = window.player.wait_for("shown", |line| line.number("strip").is_some_and(|strip| strip < fast[2]));
    let back = positions();
    assert!(back[1] < back[0] && back[0] < turned.number("position").unwrap(), "{turned:?} {back:?}");
    assert_eq!(enabled(&window.player.wait_for_phase("Ended")), "play stop");
    window.quit();
}
