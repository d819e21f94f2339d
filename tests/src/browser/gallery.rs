//! Pictures of the page for the documents.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::chromium::Chromium;
use super::{PATIENCE, Tile, free_port, get, serve};
use crate::process::Scratch;

/// The most bytes of a picture.
const MOST: u64 = 150_000;
/// Pictures of a film of half the length of the built-in one.
const FILM: u32 = 120;

/// Makes them all in a folder.
///
/// # Errors
/// A page does not show what it shall, or a picture is too large for a repository.
pub fn make(program: &Path, folder: &Path) -> Result<()> {
    let scratch = Scratch::new("gallery")?;
    let source_port = free_port()?;
    let source = serve(program, source_port, &[])?;
    let mut browser = Chromium::start("gallery")?;
    let mut film = Vec::new();
    for at in (0..FILM).step_by(24) {
        film.extend(get(source_port, &format!("/streams/movie.Mjpeg/snapshot.jpg?t={}", f64::from(at) / 24.0))?);
    }
    let films = scratch.0.join("films");
    std::fs::create_dir_all(&films)?;
    for name in
        ["2026-07-12 A film of the summer holidays at the sea, with a name that is too long.mjpeg", "night.mjpeg"]
    {
        std::fs::write(films.join(name), &film)?;
    }
    std::fs::write(films.join("notes.mjpeg"), "no film")?;
    let camera = |name: &str, rate: f64| format!("{name}=http://127.0.0.1:{source_port}/testcard.mjpg?rate={rate}");
    let films = films.to_str().context("a path that is not UTF-8")?;
    let [door, yard, printer] = [camera("front door", 12.0), camera("חצר אחורית", 5.0), camera("printer", 24.0)];
    let [barn, workshop] = [camera("barn", 1.0), camera("workshop bench 2", 2.0)];
    let garage = format!("garage=http://127.0.0.1:{}/stream", free_port()?);
    let inputs = [&*door, &yard, &printer, "phone=push:", &garage, &barn, &workshop, films];
    let server = serve(program, free_port()?, &inputs)?;
    let many = server.page.clone().context("no page")?;
    let few = source.page.as_deref().context("no page")?;

    let settled = |browser: &mut Chromium, streams: &[&str]| -> Result<()> {
        for stream in streams {
            browser.wait(&Tile(stream).shows(), PATIENCE)?;
        }
        // Figures come with the next answer.
        std::thread::sleep(Duration::from_secs(5));
        Ok(())
    };
    browser.resize(1280, 1060, 1.0)?;
    browser.prefer("dark")?;
    browser.open(&many)?;
    settled(&mut browser, &["front door", "printer", "night.mjpeg"])?;
    save(&mut browser, folder, "web-dark.webp")?;
    browser.prefer("light")?;
    browser.resize(390, 844, 2.0)?;
    settled(&mut browser, &["front door"])?;
    save(&mut browser, folder, "web-phone.webp")?;
    // Whoever watched its pictures there would be counted here.
    drop(server);
    browser.resize(1280, 640, 1.0)?;
    browser.open(few)?;
    settled(&mut browser, &["testcard", "movie.Mjpeg"])?;
    save(&mut browser, folder, "web-light.webp")?;
    browser.resize(1280, 860, 1.0)?;
    browser.prefer("dark")?;
    browser.click(&format!("{} a", Tile("testcard")))?;
    browser.wait("full.screen.hasPicture", PATIENCE)?;
    std::thread::sleep(Duration::from_secs(3));
    save(&mut browser, folder, "web-full.webp")
}

fn save(browser: &mut Chromium, folder: &Path, name: &str) -> Result<()> {
    let path = folder.join(name);
    browser.save_screenshot(&path, 80)?;
    let len = std::fs::metadata(&path)?.len();
    ensure!(len <= MOST, "{name} has {len} bytes");
    Ok(())
}
