//! Certificates that somebody has decided to believe, each of one server, in a file.
//!
//! A line is `HOST:PORT FINGERPRINT`. Empty lines, and those that begin with `#`, are left out.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Fingerprint;
use crate::files;

const HEAD: &str = "# Certificates of rtsps:// servers that were trusted when a player asked. A line may be removed.\n";

/// Servers whose certificates are believed because somebody has looked at them.
#[derive(Clone, Debug, Default)]
pub struct KnownServers {
    path: Option<PathBuf>,
    servers: BTreeMap<String, Fingerprint>,
}

impl KnownServers {
    /// None, and none are kept beyond this program's end.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// The user's file: `mutoscope/known_servers` in `$XDG_CONFIG_HOME`, or else in `~/.config`. `None`: there is no home.
    pub fn user_path() -> Option<PathBuf> {
        user_path(env::var_os("XDG_CONFIG_HOME"), env::var_os("HOME"))
    }

    /// Those in this file; none where there is no file yet. Lines that are none are told in the log and left alone.
    ///
    /// # Errors
    /// Where there is a file that cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = text_of(path)?;
        let mut servers = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            match parse(line) {
                Ok(Some((server, fingerprint))) => _ = servers.insert(server, fingerprint),
                Ok(None) => {}
                Err(()) => log::warn!("{}, line {}: expected HOST:PORT FINGERPRINT", path.display(), number + 1),
            }
        }
        Ok(Self { path: Some(path.to_owned()), servers })
    }

    /// The same for programs that go on all the same: a file that cannot be read is told in the log, and taken for none.
    pub fn read_or_warn(path: Option<&Path>) -> Self {
        let Some(path) = path else { return Self::in_memory() };
        Self::read(path).unwrap_or_else(|error| {
            log::warn!("cannot read {}: {error}; what was trusted before is asked for again", path.display());
            Self::in_memory()
        })
    }

    /// The file, if there is to be one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The certificate that is believed of this server, `HOST:PORT` as in [`server_name`].
    pub fn get(&self, server: &str) -> Option<Fingerprint> {
        self.servers.get(server).copied()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Fingerprint)> {
        self.servers.iter().map(|(server, fingerprint)| (server.as_str(), *fingerprint))
    }

    /// Believes this certificate of this server from now on, instead of any other one, and writes that down where there is a
    /// file. What others have written there meanwhile stays.
    ///
    /// # Errors
    /// Where it cannot be written; it is believed all the same, until this program ends.
    pub fn remember(&mut self, server: &str, fingerprint: Fingerprint) -> io::Result<()> {
        self.servers.insert(server.to_owned(), fingerprint);
        let Some(path) = &self.path else { return Ok(()) };
        let text = text_of(path)?;
        let is_other = |line: &&str| !matches!(parse(line), Ok(Some((name, _))) if name == server);
        let mut written = String::new();
        if text.is_empty() {
            written.push_str(HEAD);
        }
        for line in text.lines().filter(is_other) {
            written.extend([line, "\n"]);
        }
        written.push_str(&format!("{server} {fingerprint}\n"));
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        files::write_private(path, written.as_bytes())
    }
}

/// A server as people and files name it: `HOST:PORT`, an IPv6 address in brackets, letters small.
pub fn server_name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn user_path(config: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    // A relative one is to be ignored (XDG Base Directory Specification).
    let config = config.map(PathBuf::from).filter(|config| config.is_absolute());
    let home = || home.filter(|home| !home.is_empty()).map(|home| PathBuf::from(home).join(".config"));
    Some(config.or_else(home)?.join("mutoscope").join("known_servers"))
}

fn text_of(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        text => text,
    }
}

fn parse(line: &str) -> Result<Option<(String, Fingerprint)>, ()> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (server, fingerprint) = line.split_once(char::is_whitespace).ok_or(())?;
    let port = server.rsplit_once(':').and_then(|(host, port)| port.parse::<u16>().ok().filter(|_| !host.is_empty()));
    port.ok_or(())?;
    Ok(Some((server.to_ascii_lowercase(), fingerprint.parse().map_err(|_| ())?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::Folder;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_remembered_is_known_again_and_nobody_else_can_read_it() {
        let folder = Folder::new();
        let path = folder.path().join("config/mutoscope/known_servers");
        let (first, second) = (Fingerprint([1; 32]), Fingerprint([2; 32]));
        let mut known = KnownServers::read(&path).unwrap();
        assert_eq!(known.iter().count(), 0);
        known.remember("cam:322", first).unwrap();
        // Another program has looked at the file before, and writes after us.
        let mut other = KnownServers::read(&path).unwrap();
        known.remember("[::1]:8322", second).unwrap();
        other.remember("cam:322", second).unwrap();
        let known = KnownServers::read(&path).unwrap();
        assert_eq!(known.iter().collect::<Vec<_>>(), [("[::1]:8322", second), ("cam:322", second)]);
        assert_eq!((known.get("cam:322"), known.get("cam:8322")), (Some(second), None));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn lines_that_are_none_are_left_alone() {
        let folder = Folder::new();
        let path = folder.file("known", b"# mine\n\ncam:322\nCam:322  nothing\nno-port 00\n");
        let mut known = KnownServers::read(&path).unwrap();
        known.remember("cam:322", Fingerprint([0; 32])).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# mine\n\ncam:322\nCam:322  nothing\nno-port 00\ncam:322 00:00:"), "{text}");
        assert!(KnownServers::read(folder.path()).is_err(), "a folder is no file");
    }

    #[test]
    fn without_a_home_nothing_is_kept() {
        let path = |config: &str, home: &str| user_path(Some(config.into()), Some(home.into()));
        assert_eq!(path("/c", "/h"), Some("/c/mutoscope/known_servers".into()));
        assert_eq!(path("c", "/h"), Some("/h/.config/mutoscope/known_servers".into()));
        assert_eq!((path("", ""), user_path(None, None)), (None, None));
        assert!(KnownServers::in_memory().remember("x:1", Fingerprint([0; 32])).is_ok());
        assert_eq!((&*server_name("FE80::1%eth0", 322), &*server_name("Cam", 1)), ("[fe80::1%eth0]:322", "cam:1"));
    }
}
