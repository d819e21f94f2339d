//! What is dragged onto the window: an address, or a file that has one.

use crate::address::Address;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// The most bytes of a file that are looked through.
const MOST_BYTES: u64 = 64 * 1024;

/// Returns the address in a text that was dropped.
///
/// # Errors
/// Why there is none, in a sentence.
pub(crate) fn in_text(text: &str) -> Result<Address, String> {
    match text.lines().find_map(Address::in_line) {
        Some(url) => Address::typed(url),
        None => Address::typed(text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default()),
    }
}

/// Returns the first address in a file that was dropped: a playlist, a link, a session description, or a plain text.
///
/// # Errors
/// What to do with it instead, in a sentence.
pub(crate) fn in_file(path: &Path) -> Result<Address, String> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let films = ["mjpeg", "mjpg", "jpeg", "jpg", "avi", "mov", "mp4", "mkv"];
    // A device or a pipe would never end.
    let metadata = std::fs::metadata(path).map_err(|error| format!("Cannot read {name}: {error}."))?;
    if metadata.is_dir() || films.contains(&ending.as_str()) {
        return Err(format!("The player plays what a server sends. This serves it: mutoscope-server {}", quoted(path)));
    }
    if !metadata.is_file() {
        return Err(format!("{name} is no file."));
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
    read.map_err(|error| format!("Cannot read {name}: {error}."))?;
    let text = String::from_utf8_lossy(&bytes);
    let found = text.lines().find_map(Address::in_line);
    found.map_or_else(|| Err(format!("{name} has no address that begins with rtsp:// or rtsps://")), Address::typed)
}

/// As a shell takes it.
fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = path.chars().all(|c| c.is_alphanumeric() || "/._-+,@".contains(c));
    if is_plain { path.into_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_address_of_a_text_or_file_counts() {
        let url = |found: Result<Address, String>| found.map(|address| address.url);
        assert_eq!(url(in_text("see\r\nrtsp://cam/x here")), Ok("rtsp://cam/x".into()));
        assert_eq!(url(in_text("\n cam:554/x\n")), Ok("rtsp://cam:554/x".into()));
        assert!(in_text("https://example.org/").unwrap_err().starts_with("That is for a browser"));
        let folder = std::env::temp_dir().join(format!("mutoscope-dropped-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (name, contents, expected) in [
            ("a.m3u", "#EXTM3U\n#EXTINF:-1,porch\nrtsp://cam/porch\nrtsp://cam/attic\n", Ok("rtsp://cam/porch")),
            ("a.url", "[InternetShortcut]\r\nURL=rtsps://cam/x\r\n", Ok("rtsps://cam/x")),
            (
                "a.sdp",
                "v=0\r\no=- 1 1 IN IP4 cam\r\na=control:rtsp://cam/x/\r\nm=video 0 RTP/AVP 26\r\n",
                Ok("rtsp://cam/x/"),
            ),
            ("noise", "\u{0}\u{1}", Err("noise has no address")),
            ("it's a film.MJPEG", "", Err("The player plays what a server sends. This serves it: mutoscope-server '")),
        ] {
            let path = folder.join(name);
            std::fs::write(&path, contents).unwrap();
            let found = url(in_file(&path));
            match expected {
                Ok(address) => assert_eq!(found, Ok(address.to_owned()), "{name}"),
                Err(why) => assert!(found.unwrap_err().starts_with(why), "{name}"),
            }
        }
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(in_file(&folder).unwrap_err().starts_with("Cannot read"));
        assert!(in_file(Path::new("/")).unwrap_err().ends_with("mutoscope-server /"));
        assert_eq!(in_file(Path::new("/dev/zero")).unwrap_err(), "zero is no file.");
        assert_eq!(quoted(Path::new("/a/it's")), r"'/a/it'\''s'");
    }
}
