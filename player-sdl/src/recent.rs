//! What was played lately, in a file of the user's: the newest first, without anything secret.

use crate::address::Address;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// So many are kept.
pub(crate) const MOST: usize = 10;
/// The most bytes of the file that are read.
const MOST_BYTES: u64 = 64 * 1024;
const HEAD: &str = "# What the player played lately, the newest first. It can be removed.\n";

/// The addresses, and the file that they are in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    /// `None`: nothing is kept.
    path: Option<PathBuf>,
    urls: Vec<String>,
}

impl Recent {
    /// The user's file: `mutoscope/recent` in `$XDG_STATE_HOME`, or else in `~/.local/state`. `None`: there is no home.
    pub(crate) fn user_path() -> Option<PathBuf> {
        user_path(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"))
    }

    /// Those in this file. One that cannot be read is told in the log, and taken for none.
    pub(crate) fn open(path: Option<PathBuf>) -> Self {
        let urls = path.as_deref().map(read).unwrap_or_default();
        Self { path, urls }
    }

    /// Looks into the file again: another player may have written it.
    pub(crate) fn reload(&mut self) {
        if let Some(path) = &self.path {
            self.urls = read(path);
        }
    }

    /// Their URLs, the newest first.
    pub(crate) fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Keeps an address as the newest one, without what is secret in it.
    pub(crate) fn add(&mut self, address: &Address) {
        if let Some(url) = address.kept() {
            self.change(|urls| {
                urls.retain(|kept| *kept != url);
                urls.insert(0, url);
                urls.truncate(MOST);
            });
        }
    }

    pub(crate) fn remove(&mut self, url: &str) {
        self.change(|urls| urls.retain(|kept| kept != url));
    }

    /// Changes the list as it is in the file: another player may have written it meanwhile.
    fn change(&mut self, change: impl FnOnce(&mut Vec<String>)) {
        let Some(path) = &self.path else { return };
        self.urls = read(path);
        let before = self.urls.clone();
        change(&mut self.urls);
        if self.urls != before
            && let Err(error) = write(path, &self.urls)
        {
            log::warn!("what was played is not kept: cannot write {}: {error}", path.display());
        }
    }
}

fn user_path(state: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    // The specification wants relative paths to be left alone.
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let state = state.and_then(absolute);
    let folder = state.or_else(|| home.and_then(absolute).map(|home| home.join(".local/state")))?;
    Some(folder.join("mutoscope/recent"))
}

fn read(path: &Path) -> Vec<String> {
    let text = match text_of(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            log::warn!("cannot read {}: {error}; nothing that was played lately is listed", path.display());
            return Vec::new();
        }
    };
    let mut urls: Vec<String> = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        // Nothing but what is written here is believed.
        match Address::typed(line).ok().and_then(|address| address.kept()).filter(|url| url == line) {
            Some(url) if urls.len() < MOST && !urls.contains(&url) => urls.push(url),
            Some(_) => {}
            None => log::warn!("{}, line {}: expected the URL of a stream", path.display(), number + 1),
        }
    }
    urls
}

fn text_of(path: &Path) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no small file"));
    }
    let mut text = String::new();
    fs::File::open(path)?.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Whoever reads the file meanwhile sees the old one or the new one, whole.
fn write(path: &Path, urls: &[String]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let _ = fs::remove_file(&new);
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).and_then(|mut file| {
        let lines = urls.iter().fold(HEAD.to_owned(), |text, url| text + url + "\n");
        file.write_all(lines.as_bytes())?;
        fs::rename(&new, path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// A file of its own in a folder that is not there yet.
    fn file(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("mutoscope-recent-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder.join("mutoscope/recent")
    }

    fn forget(path: &Path) {
        let _ = fs::remove_dir_all(path.parent().and_then(Path::parent).unwrap());
    }

    fn address(text: &str) -> Address {
        Address::typed(text).unwrap()
    }

    #[test]
    fn the_newest_is_first_and_ten_are_kept_without_passwords_for_the_user_alone() {
        let path = file("list");
        let mut recent = Recent::open(Some(path.clone()));
        assert!(recent.urls().is_empty() && !path.exists(), "to look takes no file");
        for number in 0..12 {
            recent.add(&address(&format!("anna:hunter2@cam/{number}?token=hunter2")));
        }
        recent.add(&address("rtsp://bob@cam/5"));
        let expected: Vec<String> =
            [5, 11, 10, 9, 8, 7, 6, 4, 3, 2].map(|number| format!("rtsp://cam/{number}")).into();
        assert_eq!((recent.urls(), Recent::open(Some(path.clone())).urls()), (&expected[..], &expected[..]));
        assert!(!fs::read_to_string(&path).unwrap().contains("hunter2"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let folder = path.parent().unwrap();
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "nothing else is left there");
        forget(&path);
    }

    #[test]
    fn another_player_s_are_kept_and_one_can_be_removed() {
        let path = file("two");
        let mut recents = [(); 2].map(|()| Recent::open(Some(path.clone())));
        recents[0].add(&address("cam/a"));
        recents[1].add(&address("cam/b"));
        recents[0].reload();
        assert_eq!(recents[0].urls(), recents[1].urls());
        assert_eq!(recents[1].urls(), ["rtsp://cam/b", "rtsp://cam/a"]);
        recents[0].remove("rtsp://cam/a");
        assert_eq!(recents[0].urls(), ["rtsp://cam/b"]);
        forget(&path);
    }

    #[test]
    fn a_damaged_file_is_left_out_and_written_anew() {
        let path = file("damaged");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let contents: [&[u8]; 4] =
            [b"\xff\xfe", &[b'x'; 70_000], b"\0", b"rtsp://anna:hunter2@cam/x\nrtsp://cam/${HOME}\n"];
        for contents in contents {
            fs::write(&path, contents).unwrap();
            let mut recent = Recent::open(Some(path.clone()));
            assert!(recent.urls().is_empty());
            recent.add(&address("cam/a"));
            assert_eq!(Recent::open(Some(path.clone())).urls(), ["rtsp://cam/a"]);
        }
        fs::write(&path, "# a comment\nnonsense ${\n\nrtsp://cam/a\nrtsp://cam/a").unwrap();
        assert_eq!(Recent::open(Some(path.clone())).urls(), ["rtsp://cam/a"]);
        forget(&path);
        // A folder in its place, or a place where nothing can be written.
        let mut nowhere = Recent::open(Some("/dev/null/recent".into()));
        nowhere.add(&address("cam/a"));
        assert_eq!(nowhere.urls(), ["rtsp://cam/a"], "as long as this runs");
    }

    #[test]
    fn who_wants_nothing_kept_has_no_file() {
        let mut none = Recent::default();
        none.add(&address("cam/a"));
        assert!(none.urls().is_empty());
        let path = |state: &str, home: &str| user_path(Some(state.into()), Some(home.into()));
        assert_eq!(path("/s", "/h"), Some("/s/mutoscope/recent".into()));
        assert_eq!(path("", "/h"), Some("/h/.local/state/mutoscope/recent".into()));
        assert_eq!((path("s", ""), user_path(None, None)), (None, None));
    }
}
