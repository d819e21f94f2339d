//! Checks that no two of the player's outputs go to the same file, where they would overwrite each other.

use crate::args::Args;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// How many symbolic links in a row are followed: as many as Linux follows.
const MAX_LINKS: usize = 40;

/// Identifies a file whatever name it goes by: by the numbers of its device and of the file, or, for a file that is still to
/// be made, by those of its folder and its name there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileId(u64, u64, Option<OsString>);

/// Checks all outputs of the command line without opening any of them.
///
/// # Errors
/// A sentence that names two outputs which would go to the same file.
pub(crate) fn check(args: &Args) -> Result<(), String> {
    let mut files = Vec::new();
    let named = |path: &Option<PathBuf>| path.as_deref().and_then(file_id);
    files.extend(named(&args.output.record).map(|id| ("the recording", id)));
    #[cfg(feature = "pcap")]
    files.extend(named(&args.output.pcap).map(|id| ("the capture", id)));
    files.extend(named(&args.output.protocol).map(|id| ("the protocol", id)));
    files.extend(named(&args.output.snapshot).map(|id| ("the picture", id)));
    if args.output.stats.is_some() || args.testing.ui_log {
        let shared = |file: &Metadata| file.is_file() || file.file_type().is_fifo() || file.file_type().is_socket();
        let id = metadata(io::stdout()).filter(shared).as_ref().map(id_of);
        files.extend(id.map(|id| ("standard output", id)));
    }
    let log = metadata(io::stderr()).filter(Metadata::is_file).as_ref().map(id_of);
    if let Some(log) = log.filter(|log| files.iter().all(|(name, id)| id != log || *name != "standard output")) {
        files.push(("standard error", log));
    }
    for (at, (name, id)) in files.iter().enumerate() {
        if let Some((other, _)) = files.iter().take(at).find(|(_, other)| other == id) {
            return Err(format!("{other} and {name} would be written to the same file"));
        }
    }
    Ok(())
}

/// Returns the file that a path leads to. `None`: no file can be there, and opening it will say why.
fn file_id(path: &Path) -> Option<FileId> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if let Ok(file) = fs::metadata(&path) {
            return Some(id_of(&file));
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match fs::read_link(&path) {
            // The link leads to a file that is still to be made.
            Ok(target) => path = parent.join(target),
            Err(_) => {
                let FileId(device, number, _) = id_of(&fs::metadata(parent).ok()?);
                return Some(FileId(device, number, Some(path.file_name()?.to_owned())));
            }
        }
    }
    None
}

fn id_of(file: &Metadata) -> FileId {
    FileId(file.dev(), file.ino(), None)
}

fn metadata(stream: impl AsFd) -> Option<Metadata> {
    File::from(stream.as_fd().try_clone_to_owned().ok()?).metadata().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_is_known_by_any_of_its_names() {
        let folder = std::env::temp_dir().join(format!("mutoscope-outputs-{}", std::process::id()));
        fs::create_dir_all(folder.join("sub")).unwrap();
        let at = |name: &str| folder.join(name).display().to_string();
        fs::write(at("old.jpg"), "old").unwrap();
        fs::hard_link(at("old.jpg"), at("hard.jpg")).unwrap();
        for (target, link) in [("old.jpg", "soft.jpg"), ("new.jpg", "dangling.jpg"), ("loop.jpg", "loop.jpg")] {
            symlink(target, at(link)).unwrap();
        }
        symlink(folder.join("sub"), at("folder")).unwrap();
        let refused = |record: &str, snapshot: &str| {
            check(&Args::parse_from(["player-sdl", "--record", &at(record), "--snapshot", &at(snapshot)])).is_err()
        };
        for (record, snapshot, same) in [
            ("old.jpg", "old.jpg", true),
            ("old.jpg", "./sub/../old.jpg", true),
            ("old.jpg", "hard.jpg", true),
            ("soft.jpg", "old.jpg", true),
            ("new.jpg", "new.jpg", true),
            ("./new.jpg", "sub/../new.jpg", true),
            ("dangling.jpg", "new.jpg", true),
            ("folder/new.jpg", "sub/new.jpg", true),
            ("new.jpg", "sub/new.jpg", false),
            ("new.jpg", "old.jpg", false),
            ("loop.jpg", "loop.jpg", false),
            ("no/such.jpg", "no/such.jpg", false),
        ] {
            assert_eq!(refused(record, snapshot), same, "{record} {snapshot}");
        }
        assert_eq!(fs::read(at("old.jpg")).unwrap(), b"old");
        assert!(!folder.join("new.jpg").exists());
        fs::remove_dir_all(folder).unwrap();
    }
}
