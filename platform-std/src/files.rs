//! Files that hold secrets.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Whether somebody else than its owner may read a file. One that is not there is open to nobody.
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0)
}

/// Whether others than its owner and its group may read a file.
pub(crate) fn is_open_to_all(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o007 != 0)
}

/// Writes a file that only its owner can read; where it takes the place of another one, those who could read that one. Whoever
/// reads it meanwhile sees the old one or the new one, whole.
pub(crate) fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::other("it is no name of a file"))?;
    let mut temporary = name.to_os_string();
    temporary.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let _ = fs::remove_file(&temporary);
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).and_then(|mut file| {
        keep_owner(path, &file);
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Gives a new file the owner and the rights of the one that it replaces: root changes the password of a user in the file of a
/// server that does not run as root. Where that cannot be done, the file stays our own.
fn keep_owner(old: &Path, new: &File) {
    let Ok(old) = fs::metadata(old) else { return };
    if std::os::unix::fs::fchown(new, Some(old.uid()), Some(old.gid())).is_ok() {
        let _ = new.set_permissions(fs::Permissions::from_mode(old.mode() & 0o640));
    }
}

/// Makes a file that only its owner can read, and the folders before it. `false`: there is one already.
pub(crate) fn create_private(path: &Path, contents: &[u8]) -> io::Result<bool> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    if path.exists() {
        return Ok(false);
    }
    write_private(path, contents).map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::Folder;

    #[test]
    fn a_secret_is_its_owner_s_and_replaced_whole() {
        let folder = Folder::new();
        let path = folder.path().join("a/b/key");
        assert!(create_private(&path, b"one").unwrap() && !create_private(&path, b"two").unwrap());
        assert_eq!((fs::read(&path).unwrap(), is_open_to_others(&path)), (b"one".to_vec(), false));
        write_private(&path, b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert!(is_open_to_others(&folder.file("open", b"")) && !is_open_to_others(&folder.path().join("none")));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_private(&path, b"four").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640, "its group could read it, and others shall not");
        assert!(write_private(&folder.path().join("none/key"), b"").is_err());
    }
}
