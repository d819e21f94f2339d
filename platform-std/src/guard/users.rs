//! Users and the hashes of their passwords, in a file in the manner of Apache's `htdigest`.
//!
//! A line is `name:realm:hash`. The hash is that of `name:realm:password`, in hexadecimal digits: 32 of MD5, 64 of SHA-256. A user
//! has a line for each. Empty lines, and those that begin with `#`, are left out.

use std::collections::HashMap;
use std::fmt;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use mutoscope::auth::{self, Algorithm, MAX_PASSWORD, MAX_USER};

use crate::files;

/// What a password is for, as browsers and players say it, where a file says nothing else.
pub const REALM: &str = "mutoscope";

/// Those who have a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Users {
    realm: Option<String>,
    secrets: HashMap<String, Secrets>,
}

/// A user, and which password that one had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: String,
    /// A number that changes with the password. It means nothing in another program.
    pub(super) password: u64,
}

#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Secrets {
    md5: Option<String>,
    sha256: Option<String>,
}

/// Why users cannot be read, or a user not be written.
#[derive(Debug)]
#[non_exhaustive]
pub enum UsersError {
    /// The file cannot be read or written.
    Io(PathBuf, io::Error),
    /// This line is none.
    Line(usize, &'static str),
    /// The name or the password cannot be one.
    Unfit(&'static str),
}

impl std::error::Error for UsersError {}

impl fmt::Display for UsersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Line(line, what) => write!(f, "line {line}: {what}"),
            Self::Unfit(what) => f.write_str(what),
        }
    }
}

/// The names alone: hashes are as good as passwords.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.secrets.keys()).finish()
    }
}

impl Users {
    /// Reads a file.
    ///
    /// # Errors
    /// See [`UsersError`].
    pub fn read(path: &Path) -> Result<Self, UsersError> {
        let text = std::fs::read_to_string(path).map_err(|error| UsersError::Io(path.to_owned(), error))?;
        if files::is_open_to_others(path) {
            log::warn!("{} can be read by others, who can log in with what it holds: chmod 600", path.display());
        }
        Self::parse(&text)
    }

    /// Reads what a file holds.
    ///
    /// # Errors
    /// See [`UsersError`].
    pub fn parse(text: &str) -> Result<Self, UsersError> {
        let mut users = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                users.take(line).map_err(|what| UsersError::Line(number + 1, what))?;
            }
        }
        Ok(users)
    }

    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        let mut parts = line.rsplitn(2, ':');
        let (hash, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (name, realm) = rest.split_once(':').ok_or("it is not name:realm:hash")?;
        if name.is_empty() || name.len() > MAX_USER || name.chars().any(char::is_control) {
            return Err("a name has 1 to 128 bytes, and no control characters");
        }
        if realm.is_empty() || realm.contains(['"', '\\']) || realm.chars().any(char::is_control) {
            return Err("a realm is not empty, and has no quotes, backslashes or control characters");
        }
        if self.realm.get_or_insert_with(|| realm.to_owned()) != realm {
            return Err("its realm is another one than that of the lines before: a server has one");
        }
        if !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("its hash has other characters than hexadecimal digits");
        }
        let secrets = self.secrets.entry(name.to_owned()).or_default();
        let place = match hash.len() {
            32 => &mut secrets.md5,
            64 => &mut secrets.sha256,
            _ => return Err("a hash has 32 hexadecimal digits (MD5) or 64 (SHA-256)"),
        };
        if place.replace(hash.to_ascii_lowercase()).is_some() {
            return Err("this user has such a line already");
        }
        Ok(())
    }

    /// Gives a user a password, in place of any that this one has.
    ///
    /// # Errors
    /// [`UsersError::Unfit`].
    pub fn set(&mut self, name: &str, password: &str) -> Result<(), UsersError> {
        let fits = |text: &str, most| !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control);
        if !fits(name, MAX_USER) || name.contains(':') || name.starts_with('#') || name.trim() != name {
            return Err(UsersError::Unfit(
                "a name has 1 to 128 bytes, no colons and control characters, no # and no space at its ends",
            ));
        }
        if !fits(password, MAX_PASSWORD) {
            return Err(UsersError::Unfit("a password has 1 to 128 bytes, and no control characters"));
        }
        let hash = |algorithm| Some(auth::secret(algorithm, name, self.realm(), password).as_str().to_owned());
        let secrets = Secrets { md5: hash(Algorithm::Md5), sha256: hash(Algorithm::Sha256) };
        self.secrets.insert(name.to_owned(), secrets);
        Ok(())
    }

    /// Takes a user out; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.secrets.remove(name).is_some()
    }

    /// What passwords are for.
    pub fn realm(&self) -> &str {
        self.realm.as_deref().unwrap_or(REALM)
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Whether there is such a user.
    pub fn contains(&self, name: &str) -> bool {
        self.secrets.contains_key(name)
    }

    /// The user of this name, as it is now.
    pub(super) fn known(&self, name: &str) -> Option<Known> {
        let mut hasher = DefaultHasher::new();
        self.secrets.get(name)?.hash(&mut hasher);
        Some(Known { name: name.to_owned(), password: hasher.finish() })
    }

    /// Whether there is still that user, with the same password.
    pub(super) fn know(&self, user: &Known) -> bool {
        self.known(&user.name).as_ref() == Some(user)
    }

    /// Writes a file that only its owner can read, whole or not at all.
    ///
    /// # Errors
    /// [`UsersError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), UsersError> {
        let mut names: Vec<_> = self.secrets.iter().collect();
        names.sort_by_key(|(name, _)| *name);
        let mut text = String::new();
        for (name, Secrets { md5, sha256 }) in names {
            for hash in [md5, sha256].into_iter().flatten() {
                let _ = writeln!(text, "{name}:{}:{hash}", self.realm());
            }
        }
        files::write_private(path, text.as_bytes()).map_err(|error| UsersError::Io(path.to_owned(), error))
    }
}

impl auth::Users for Users {
    fn secret(&self, user: &str, algorithm: Algorithm) -> Option<&str> {
        let secrets = self.secrets.get(user)?;
        match algorithm {
            Algorithm::Md5 => secrets.md5.as_deref(),
            Algorithm::Sha256 => secrets.sha256.as_deref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::Folder;
    use mutoscope::auth::Users as _;

    /// What `htdigest` makes of anna, "mutoscope" and "secret".
    const ANNA: &str = "anna:mutoscope:c0c6bde2d5fa55bda3638e31dd109dfd";

    #[test]
    fn a_file_of_htdigest_is_read_and_ours_is_written() {
        let mut users = Users::parse(&format!("# who\n\n{ANNA}\r\n")).unwrap();
        let md5 = ANNA.rsplit(':').next();
        assert_eq!((users.secret("anna", Algorithm::Md5), users.secret("anna", Algorithm::Sha256)), (md5, None));
        assert_eq!((users.realm(), users.contains("otto")), ("mutoscope", false));
        users.set("anna", "secret").unwrap();
        users.set("otto", "x:y").unwrap();
        assert_eq!(users.secret("anna", Algorithm::Md5), md5);
        let folder = Folder::new();
        let path = folder.path().join("users");
        users.write(&path).unwrap();
        assert!(!files::is_open_to_others(&path));
        assert_eq!(Users::read(&path).unwrap(), users);
        assert!(users.remove("otto") && !users.remove("otto"));
        users.write(&path).unwrap();
        assert!(!Users::read(&path).unwrap().contains("otto"));
        let shown = format!("{users:?}");
        assert_eq!(shown, "{\"anna\"}");
    }

    #[test]
    fn a_line_that_is_none_is_told_with_its_number() {
        for (line, what) in [
            ("anna", "name:realm:hash"),
            ("anna:secret", "name:realm:hash"),
            (":m:00000000000000000000000000000000", "a name has"),
            ("anna::00000000000000000000000000000000", "a realm is not empty"),
            ("anna:other:00000000000000000000000000000000", "a server has one"),
            ("otto:mutoscope:secret", "other characters"),
            ("otto:mutoscope:0000", "32 hexadecimal digits"),
            (ANNA, "already"),
        ] {
            let error = Users::parse(&format!("{ANNA}\n{line}")).unwrap_err().to_string();
            assert!(error.starts_with("line 2: ") && error.contains(what), "{line}: {error}");
        }
        let mut users = Users::default();
        for (name, password) in [("", "x"), ("a:b", "x"), ("#a", "x"), (" a", "x"), ("a", ""), ("a", "x\n")] {
            assert!(matches!(users.set(name, password), Err(UsersError::Unfit(_))), "{name:?} {password:?}");
        }
        assert!(users.is_empty());
    }
}
