//! Accounts whose passwords are kept as they are, in a file: WS-UsernameToken, with which ONVIF clients prove who they are, takes the
//! password itself, where Digest takes a hash of it.
//!
//! A line is `name:password`. Empty lines, and those that begin with `#`, are left out.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

use super::users::{Users, UsersError};
use crate::files;

/// Passwords as they are, by the names of their users.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Passwords(BTreeMap<String, String>);

/// The names alone.
impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Passwords {
    /// Reads a file that none but its owner and its group can read.
    ///
    /// # Errors
    /// See [`UsersError`]. Others could read it: a password in it is known to them.
    pub fn read(path: &Path) -> Result<Self, UsersError> {
        let error = |error| UsersError::Io(path.to_owned(), error);
        if files::is_open_to_all(path) {
            return Err(error(std::io::Error::other(
                "it holds passwords as they are, and everybody on this machine can read it: chmod 600",
            )));
        }
        Self::parse(&std::fs::read_to_string(path).map_err(error)?)
    }

    /// Reads what a file holds.
    ///
    /// # Errors
    /// See [`UsersError`].
    pub fn parse(text: &str) -> Result<Self, UsersError> {
        let mut passwords = Self::default();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |what| UsersError::Line(number + 1, what);
            let (name, password) = line.split_once(':').ok_or(wrong("it is not name:password"))?;
            if passwords.contains(name) {
                return Err(wrong("this user has such a line already"));
            }
            passwords.set(name, password).map_err(|error| match error {
                UsersError::Unfit(what) => wrong(what),
                error => error,
            })?;
        }
        Ok(passwords)
    }

    /// Gives a user a password, in place of any that this one has.
    ///
    /// # Errors
    /// [`UsersError::Unfit`].
    pub fn set(&mut self, name: &str, password: &str) -> Result<(), UsersError> {
        // What is none there is none here.
        Users::default().set(name, password)?;
        self.0.insert(name.to_owned(), password.to_owned());
        Ok(())
    }

    /// Takes a user out; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is such a user.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn of(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Makes them users like others, who log in by RTSP and HTTP, too: a recorder has one account for everything.
    ///
    /// # Errors
    /// The name of one who is a user already: it would have two passwords.
    pub fn join(&self, users: &mut Users) -> Result<(), String> {
        for (name, password) in &self.0 {
            if users.contains(name) || users.set(name, password).is_err() {
                return Err(name.clone());
            }
        }
        Ok(())
    }

    /// Writes a file that only its owner can read, whole or not at all.
    ///
    /// # Errors
    /// [`UsersError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), UsersError> {
        let mut text = String::from("# Passwords as they are, for ONVIF: let nobody else read them.\n");
        for (name, password) in &self.0 {
            let _ = writeln!(text, "{name}:{password}");
        }
        files::write_private(path, text.as_bytes()).map_err(|error| UsersError::Io(path.to_owned(), error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::Folder;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn passwords_are_written_and_read_and_shown_to_nobody() {
        let folder = Folder::new();
        let path = folder.path().join("onvif");
        let mut passwords = Passwords::default();
        passwords.set("nvr", " a:b ").unwrap();
        passwords.set("anna", "secret").unwrap();
        passwords.write(&path).unwrap();
        assert!(!files::is_open_to_others(&path));
        assert_eq!(Passwords::read(&path).unwrap(), passwords);
        assert_eq!(format!("{passwords:?}"), "{\"anna\", \"nvr\"}");
        assert!(passwords.remove("anna") && !passwords.remove("anna") && !passwords.is_empty());
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(Passwords::read(&path).is_ok(), "the group of a server");
        fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
        let said = Passwords::read(&path).unwrap_err().to_string();
        assert!(said.contains("chmod 600") && !said.contains("a:b"), "{said}");
    }

    #[test]
    fn a_line_that_is_none_is_told_with_its_number_and_without_what_is_in_it() {
        for line in ["secret", ":secret", "anna:secret", " b:secret", "b:", "b:se\u{7}cret"] {
            let said = Passwords::parse(&format!("# who\nanna:x\n{line}\n")).unwrap_err().to_string();
            assert!(said.starts_with("line 3: ") && !said.contains("secret"), "{line:?}: {said}");
        }
    }

    #[test]
    fn they_are_users_like_others_and_nobody_has_two_passwords() {
        let passwords = Passwords::parse("nvr:secret").unwrap();
        let mut users = Users::default();
        passwords.join(&mut users).unwrap();
        let mut same = Users::default();
        same.set("nvr", "secret").unwrap();
        assert_eq!(users, same);
        assert_eq!(passwords.join(&mut users), Err("nvr".to_owned()));
    }
}
