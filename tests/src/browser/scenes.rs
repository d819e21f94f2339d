//! What the page must do.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::chromium::{Area, Chromium};
use super::{PATIENCE, Sender, Tile, free_port, get, publish, serve, users};
use crate::film::picture;
use crate::latency::number_of;
use crate::process::{Scratch, Server};

/// So many pictures a tile may be behind the newest one: three seconds.
const BEHIND: u32 = 72;
/// Streams of a server that has many.
const MANY: usize = 40;

/// One thing that it must do.
pub struct Scene {
    /// What it does.
    pub what: &'static str,
    /// Tries it with a server's program.
    pub play: fn(&mut Chromium, &Path) -> Result<()>,
}

/// All of them.
pub const SCENES: &[Scene] = &[
    Scene { what: "tiles move, and show the pictures of now", play: tiles_move },
    Scene { what: "a picture is shown when it has come, and not with the next one", play: pictures_are_not_kept_back },
    Scene { what: "a stream is opened and closed by mouse, by keys and by address", play: a_stream_is_opened },
    Scene { what: "the page is refused without a password, and shown with it", play: passwords },
    Scene { what: "a form in TLS lets those in who have a password, until they log out", play: the_form },
    Scene { what: "a stream that ends and returns is shown again, and so is a server", play: what_ends_returns },
    Scene { what: "what is recorded of a stream is listed, played and downloaded", play: recordings },
    Scene { what: "texts can be read in either colours, and fit into any width", play: texts_can_be_read },
    Scene { what: "forty streams are shown with the connections that there are", play: many_streams },
];

fn page(server: &Server) -> Result<&str> {
    server.page.as_deref().context("no page")
}

/// The part of the screen where a stream's pictures are.
fn picture_of(browser: &mut Chromium, stream: &str) -> Result<Area> {
    browser.area(&format!("{} a", Tile(stream)))
}

/// The number in the test card that is seen there.
fn number_at(browser: &mut Chromium, area: Area) -> Result<u32> {
    number_of(&browser.screenshot("jpeg", 100, Some(area))?)
}

fn tiles_move(browser: &mut Chromium, program: &Path) -> Result<()> {
    let port = free_port()?;
    let server = serve(program, port, &[])?;
    browser.resize(1280, 800, 1.0)?;
    browser.open(page(&server)?)?;
    for stream in ["testcard", "movie.Mjpeg"] {
        browser.wait(&Tile(stream).shows(), PATIENCE)?;
    }
    let area = picture_of(browser, "testcard")?;
    let mut last = None;
    for _ in 0..3 {
        let newest = || number_of(&get(port, "/streams/testcard/snapshot.jpg")?);
        let (before, seen, after) = (newest()?, number_at(browser, area)?, newest()?);
        ensure!(
            before.saturating_sub(BEHIND) <= seen && seen <= after,
            "{seen} is seen, and it is {before} to {after}"
        );
        ensure!(last.is_none_or(|last| last < seen), "it was {last:?}, and is {seen}");
        last = Some(seen);
        std::thread::sleep(Duration::from_millis(500));
    }
    let facts = format!("document.querySelector(`{} .facts`).textContent", Tile("testcard"));
    browser.wait(&format!("/^1 viewer · 24 pictures\\/s · \\d+ ms old$/.test({facts})"), PATIENCE)?;
    // A film waits to be looked at.
    let area = picture_of(browser, "movie.Mjpeg")?;
    let [before, after] = [number_at(browser, area)?, number_at(browser, area)?];
    ensure!((before, after) == (0, 0), "a film is at {before} and {after}");
    // A page that is not seen gives its connections back.
    browser.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true }); arrange()")?;
    let viewers = "(await (await fetch('/api/streams')).json()).streams[0].viewers";
    browser.wait(&format!("(async () => {viewers} === 0)()"), PATIENCE)
}

fn pictures_are_not_kept_back(browser: &mut Chromium, program: &Path) -> Result<()> {
    /// The colour of the first blocks of what the image shows.
    const COLOUR: &str = "(() => { const canvas = document.createElement('canvas'); canvas.width = canvas.height = 8; \
        const on = canvas.getContext('2d'); on.drawImage(rare, 0, 0); return on.getImageData(4, 4, 1, 1).data.join(); })()";
    let port = free_port()?;
    let server = serve(program, port, &["rare=push:"])?;
    browser.open(page(&server)?)?;
    browser.wait("document.readyState === 'complete'", PATIENCE)?;
    let mut sender = Sender::new(port, "rare")?;
    let mut before = "0,0,0,0".to_owned();
    for number in 0..3 {
        sender.send(&picture(number, (320, 240), 0))?;
        if number == 0 {
            let show =
                "window.rare = new Image(); rare.src = '/streams/rare/stream.mjpg'; document.body.append(rare); 0";
            browser.evaluate(show)?;
        }
        let is_seen = format!("rare.naturalWidth === 320 && {COLOUR} !== '{before}'");
        browser.wait(&is_seen, PATIENCE).with_context(|| format!("picture {number}"))?;
        before = browser.evaluate(COLOUR)?.as_str().context("no colour")?.to_owned();
    }
    Ok(())
}

fn a_stream_is_opened(browser: &mut Chromium, program: &Path) -> Result<()> {
    let server = serve(program, free_port()?, &[])?;
    let url = page(&server)?;
    browser.resize(1280, 800, 1.0)?;
    browser.open(url)?;
    browser.wait(&Tile("testcard").shows(), PATIENCE)?;
    let is_open = |name: &str| {
        format!("document.getElementById('full').open && full.name === '{name}' && full.screen.hasPicture")
    };
    let is_closed = "!document.getElementById('full').open && location.hash === ''";
    browser.click(&format!("{} a", Tile("testcard")))?;
    browser.wait(&is_open("testcard"), PATIENCE)?;
    // In its full size, and nothing else is loaded.
    browser.wait("full.screen.image.naturalWidth === 640", PATIENCE)?;
    browser.wait("[...tiles.values()].every((tile) => tile.screen.mode !== 'live')", PATIENCE)?;
    let area = browser.area("#screen img")?;
    // It has the height of the screen, and black beside it.
    let width = area.height * 4.0 / 3.0;
    let area = Area { x: area.x + (area.width - width) / 2.0, width, ..area };
    let before = number_at(browser, area)?;
    std::thread::sleep(Duration::from_millis(500));
    ensure!(before < number_at(browser, area)?, "it stands still");
    let text = browser.evaluate("document.getElementById('players').innerText")?;
    let rtsp = server.urls.first().context("no URL")?;
    for line in [format!("vlc --network-caching=100 {rtsp}"), format!("{url}streams/testcard/snapshot.jpg")] {
        ensure!(text.as_str().is_some_and(|text| text.contains(&line)), "{line:?} is not in {text}");
    }
    browser.evaluate("document.querySelector('#players button').click()")?;
    browser.wait("document.querySelector('#players button').textContent === 'Copied'", PATIENCE)?;
    browser.press("ArrowRight")?;
    browser.wait(&is_open("movie.Mjpeg"), PATIENCE)?;
    browser.press("Escape")?;
    browser.wait(is_closed, PATIENCE)?;
    browser.evaluate(&format!("document.querySelector(`{} a`).focus()", Tile("testcard")))?;
    browser.press("Enter")?;
    browser.wait(&is_open("testcard"), PATIENCE)?;
    browser.evaluate("history.back()")?;
    browser.wait(is_closed, PATIENCE)?;
    browser.open("about:blank")?;
    browser.open(&format!("{url}#movie.Mjpeg"))?;
    browser.wait(&is_open("movie.Mjpeg"), PATIENCE)
}

fn passwords(browser: &mut Chromium, program: &Path) -> Result<()> {
    let scratch = Scratch::new("browser-users")?;
    let users = users(program, &scratch.0, "anna", "secret")?;
    let users = users.to_str().context("a path that is not UTF-8")?;
    let server = serve(program, free_port()?, &["--users", users])?;
    let url = page(&server)?;
    let with = |password: &str| url.replace("http://", &format!("http://anna:{password}@"));
    for url in [url.to_owned(), with("wrong")] {
        // A browser shows nothing where the page stays the same.
        browser.open("about:blank")?;
        let _ = browser.open(&url);
        browser.wait("document.readyState === 'complete' && location.href !== 'about:blank'", PATIENCE)?;
        let seen = browser.evaluate("document.querySelectorAll('.tile, #streams').length")?;
        ensure!(seen == 0, "{seen} parts of the page without a password");
    }
    browser.open(&with("secret"))?;
    browser.wait(&Tile("testcard").shows(), PATIENCE)?;
    let area = picture_of(browser, "testcard")?;
    let before = number_at(browser, area)?;
    std::thread::sleep(Duration::from_millis(500));
    ensure!(before < number_at(browser, area)?, "it stands still");
    let log = server.log();
    ensure!(!log.contains("secret"), "the log has the password: {log}");
    drop(server);
    // Where some streams are for everybody, these are seen, and the others by who logs in.
    let configuration = scratch.0.join("server.toml");
    let text = format!("users = {users:?}\n[streams.testcard]\nwatch = [\"everybody\"]\n");
    std::fs::write(&configuration, text)?;
    let configuration = configuration.to_str().context("a path that is not UTF-8")?;
    let server = serve(program, free_port()?, &["--config", configuration])?;
    let url = page(&server)?;
    browser.open(url)?;
    browser.wait(&format!("tiles.size === 1 && {}", Tile("testcard").shows()), PATIENCE)?;
    let log_in = browser
        .evaluate("document.getElementById('log-in').checkVisibility() && document.getElementById('log-in').href")?;
    let url = log_in.as_str().context("no way to log in")?;
    browser.open(&url.replace("http://", "http://anna:secret@"))?;
    browser
        .wait("tiles.size === 2 && document.getElementById('log-in').hidden && location.pathname === '/'", PATIENCE)?;
    browser.wait(&Tile("movie.Mjpeg").shows(), PATIENCE)
}

fn the_form(browser: &mut Chromium, program: &Path) -> Result<()> {
    let scratch = Scratch::new("browser-form")?;
    let users = users(program, &scratch.0, "anna", "a secret")?;
    let users = users.to_str().context("a path that is not UTF-8")?;
    let https = free_port()?.to_string();
    let arguments = ["--users", users, "--tls", "--tls-port", "0", "--https", &https];
    let server = serve(program, free_port()?, &arguments)?;
    let url = format!("https://127.0.0.1:{https}/");
    // Nobody vouches for the certificate.
    browser.call("Security.setIgnoreCertificateErrors", json!({ "ignore": true }))?;
    // Who keeps the address of a stream gets there by the form.
    browser.open(&format!("{url}#testcard"))?;
    browser.wait("location.pathname === '/login' && document.activeElement?.id === 'name'", PATIENCE)?;
    let fill = |browser: &mut Chromium, field: &str, text: &str| -> Result<()> {
        browser.evaluate(&format!("document.getElementById('{field}').select()"))?;
        browser.call("Input.insertText", json!({ "text": text })).map(drop)
    };
    fill(browser, "name", "anna")?;
    browser.press("Tab")?;
    browser.call("Input.insertText", json!({ "text": "another" }))?;
    browser.press("Enter")?;
    let said = "document.getElementById('wrong')?.textContent === 'Wrong name or password.'";
    browser.wait(&format!("{said} && document.activeElement?.id === 'password'"), PATIENCE)?;
    let name = browser.evaluate("document.getElementById('name').value")?;
    ensure!(name == "anna", "the name is {name}");
    fill(browser, "password", "a secret")?;
    browser.click("button")?;
    browser.wait("location.pathname === '/' && full.isOpen && full.name === 'testcard'", PATIENCE)?;
    browser.press("Escape")?;
    browser.wait(&Tile("testcard").shows(), PATIENCE)?;
    let area = picture_of(browser, "testcard")?;
    let before = number_at(browser, area)?;
    std::thread::sleep(Duration::from_millis(500));
    ensure!(before < number_at(browser, area)?, "it stands still");
    browser.wait("document.getElementById('user').textContent === 'anna'", PATIENCE)?;
    let seen = browser.evaluate("document.cookie")?;
    ensure!(seen == "", "scripts see {seen}");
    // A link on a page of another site leads to the page, too, though browsers keep the cookie to themselves at first.
    browser.open(&format!("{}page.css", page(&server)?))?;
    browser.wait("location.protocol === 'http:'", PATIENCE)?;
    browser.evaluate(&format!("void (location.href = '{url}')"))?;
    browser
        .wait("location.protocol === 'https:' && document.getElementById('user')?.textContent === 'anna'", PATIENCE)?;
    browser.click("#log-out button")?;
    browser.wait("location.pathname === '/login' && document.getElementById('name').value === ''", PATIENCE)?;
    let seen = browser.evaluate("(async () => (await fetch('/api/streams')).status)()")?;
    ensure!(seen == 401, "after that, the answer is {seen}");
    let log = server.log();
    ensure!(log.contains("logged out") && !log.contains("a secret"), "{log}");
    Ok(())
}

fn what_ends_returns(browser: &mut Chromium, program: &Path) -> Result<()> {
    let (source_port, port) = (free_port()?, free_port()?);
    let start_source = || serve(program, source_port, &[]);
    let camera = format!("camera=http://127.0.0.1:{source_port}/testcard.mjpg");
    let arguments = [camera.as_str(), "nobody=push:"];
    let start = || serve(program, port, &arguments);
    let (source, server) = (start_source()?, start()?);
    browser.resize(1280, 800, 1.0)?;
    browser.open(page(&server)?)?;
    let tile = Tile("camera");
    browser.wait(&tile.shows(), PATIENCE)?;
    browser.wait(&Tile("nobody").covered_by("No picture"), PATIENCE)?;
    let wrong = format!("document.querySelector(`{} .wrong`).textContent", Tile("nobody"));
    browser.wait(&format!("{wrong} === 'Nobody publishes this stream at the moment.'"), PATIENCE)?;
    let picture = get(source_port, "/streams/testcard/snapshot.jpg")?;
    for _ in 0..2 {
        let sender = publish(port, "nobody", &picture)?;
        browser.wait(&Tile("nobody").shows(), PATIENCE)?;
        drop(sender);
        browser.wait(&Tile("nobody").covered_by("No picture"), PATIENCE)?;
    }
    let moves = |browser: &mut Chromium| -> Result<()> {
        // The numbers of another source begin anew.
        let area = picture_of(browser, "camera")?;
        let mut seen = number_at(browser, area)?;
        for _ in 0..2 {
            std::thread::sleep(Duration::from_millis(400));
            let next = number_at(browser, area)?;
            ensure!(next > seen, "it stands still at {seen}");
            seen = next;
        }
        Ok(())
    };
    moves(browser)?;
    drop(source);
    browser.wait(&tile.covered_by("No picture"), PATIENCE)?;
    browser.wait(&format!("document.querySelector(`{tile} .wrong`).textContent !== ''"), PATIENCE)?;
    let source = start_source()?;
    // It is tried again ever more rarely.
    browser.wait(&tile.covered_by(""), PATIENCE * 2)?;
    moves(browser)?;
    drop(server);
    browser
        .wait("document.getElementById('trouble').textContent.startsWith('The server does not answer')", PATIENCE)?;
    let server = start()?;
    browser.wait("document.getElementById('trouble').hidden", PATIENCE)?;
    browser.wait(
        &format!("{} && document.querySelector(`{tile}`).tile.info.viewers === 1", tile.covered_by("")),
        PATIENCE,
    )?;
    std::thread::sleep(Duration::from_secs(1));
    moves(browser)?;
    drop((source, server));
    Ok(())
}

fn many_streams(browser: &mut Chromium, program: &Path) -> Result<()> {
    let source_port = free_port()?;
    let source = serve(program, source_port, &[])?;
    let inputs: Vec<String> =
        (0..MANY).map(|at| format!("camera {at}=http://127.0.0.1:{source_port}/testcard.mjpg?rate=2")).collect();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let server = serve(program, free_port()?, &inputs)?;
    browser.resize(1600, 3000, 1.0)?;
    browser.open(page(&server)?)?;
    browser.wait(&format!("tiles.size === {MANY} && [...tiles.values()].every((tile) => tile.isVisible)"), PATIENCE)?;
    let all = |what: &str| format!("[...tiles.values()].every((tile) => {what})");
    browser.wait(&all("tile.screen.hasPicture"), PATIENCE * 2)?;
    // As soon as their rates are known.
    browser.wait("[...tiles.values()].filter((tile) => tile.screen.mode === 'live').length === 4", PATIENCE)?;
    // In turns, all of them are refreshed, and what is known of them comes on.
    browser.evaluate("for (const tile of tiles.values()) tile.before = tile.refreshed; polled = troubleFree")?;
    browser.wait(&all("tile.screen.mode === 'live' || tile.refreshed > tile.before"), PATIENCE)?;
    browser.wait("troubleFree > polled + 1 && budget === 4", PATIENCE)?;
    // Whoever is pointed at gets one.
    browser.evaluate("document.querySelectorAll('.tile a')[20].focus()")?;
    browser.wait(
        "tiles.get('camera 20').screen.mode === 'live' && tiles.get('camera 3').screen.mode !== 'live'",
        PATIENCE,
    )?;
    let found = "document.querySelectorAll('.tile:not([hidden])').length";
    let search = "Object.assign(document.getElementById('search'), { value: '7' }).dispatchEvent(new Event('input'))";
    browser.evaluate(search)?;
    let shown = browser.evaluate(found)?;
    ensure!(shown == 4, "7, 17, 27, 37, but {shown} are found");
    drop((source, server));
    Ok(())
}

/// The least contrast of a text with what is behind it, as the Web Content Accessibility Guidelines reckon it, and which text that is.
const LEAST_CONTRAST: &str = r#"(() => {
  const parts = (color) => color.match(/[\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor;
      if ((parts(color)[3] ?? 1) > 0.5) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const contrast = (element) => {
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
    return (a + 0.05) / (b + 0.05);
  };
  const has = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
  const texts = [...document.body.querySelectorAll('*')].filter((element) => has(element) && element.checkVisibility() && !element.disabled);
  texts.sort((a, b) => contrast(a) - contrast(b));
  return [contrast(texts[0]), texts[0].textContent, texts.length];
})()"#;

fn recordings(browser: &mut Chromium, program: &Path) -> Result<()> {
    let (source_port, port, folder) = (free_port()?, free_port()?, Scratch::new("browser-recordings")?);
    let source = serve(program, source_port, &[])?;
    let records = folder.0.join("camera");
    let camera = format!("camera=http://127.0.0.1:{source_port}/testcard.mjpg#record={}", records.display());
    let server = serve(program, port, &[&camera])?;
    browser.resize(1280, 800, 1.0)?;
    browser.open(page(&server)?)?;
    browser.wait(&Tile("camera").shows(), PATIENCE)?;
    let facts = format!("document.querySelector(`{} .facts`).textContent", Tile("camera"));
    browser.wait(&format!("{facts}.endsWith('recorded')"), PATIENCE)?;
    browser.evaluate("location.hash = 'camera'")?;
    browser.wait("document.querySelectorAll('#recordings li').length === 1", PATIENCE)?;
    browser.wait("document.querySelector('#recordings p').textContent === 'It is being recorded.'", PATIENCE)?;
    let file = "(await fetch(document.querySelector('#recordings a').href)).arrayBuffer()";
    browser.wait(&format!("(async () => new Uint8Array(await {file})[0] === 0x1a)()"), PATIENCE)?;
    browser.evaluate("document.querySelector('#recordings .play').click()")?;
    let title = "document.querySelector('#full .facts').textContent";
    browser.wait(&format!("{title}.startsWith('Recording of ')"), PATIENCE)?;
    browser.wait("full.screen.image.naturalWidth === 640", PATIENCE)?;
    let area = browser.area("#screen img")?;
    let width = area.height * 4.0 / 3.0;
    let area = Area { x: area.x + (area.width - width) / 2.0, width, ..area };
    let before = number_at(browser, area)?;
    std::thread::sleep(Duration::from_millis(500));
    ensure!(before < number_at(browser, area)?, "the recording stands still");
    browser.evaluate("document.getElementById('live').click()")?;
    browser.wait("!recordings.played && full.screen.hasPicture && document.getElementById('live').hidden", PATIENCE)?;
    drop((source, server));
    Ok(())
}

fn texts_can_be_read(browser: &mut Chromium, program: &Path) -> Result<()> {
    let long = format!("{}=push:", "a_name_without_an_end_".repeat(5));
    let arguments = ["חצר אחורית=push:", "<b>yard &amp;=push:", &long];
    let server = serve(program, free_port()?, &arguments)?;
    let url = page(&server)?;
    let check = |browser: &mut Chromium, what: &str| -> Result<()> {
        let found = browser.evaluate(LEAST_CONTRAST)?;
        let (contrast, texts) = (found[0].as_f64().unwrap_or_default(), found[2].as_u64().unwrap_or_default());
        ensure!(contrast >= 4.5 && texts > 5, "{what}: a contrast of {contrast:.2}: {}", found[1]);
        let overflow = "document.documentElement.scrollWidth > innerWidth || \
            document.getElementById('full').scrollWidth > innerWidth";
        ensure!(browser.evaluate(overflow)? == Value::Bool(false), "{what}: something is wider than the page");
        Ok(())
    };
    for scheme in ["light", "dark"] {
        browser.prefer(scheme)?;
        for width in [320, 768, 1920] {
            let what = format!("{scheme}, {width} pixels");
            browser.resize(width, 800, 1.0)?;
            browser.open("about:blank")?;
            browser.open(url)?;
            browser.wait("document.querySelectorAll('.tile .wrong').length === 3", PATIENCE)?;
            check(browser, &what)?;
            let names =
                browser.evaluate("[...document.querySelectorAll('.tile h2')].map((name) => name.textContent)")?;
            ensure!(names[0] == "חצר אחורית" && names[1] == "<b>yard &amp;", "{names}");
            browser.evaluate("location.hash = document.querySelectorAll('.tile a')[2].hash")?;
            browser.wait("full.isOpen", PATIENCE)?;
            check(browser, &format!("{what}, in full"))?;
        }
    }
    Ok(())
}
