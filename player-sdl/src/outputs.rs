//! Where everything is written: no two things may go to the same file, or one would be lost in the other.

use crate::args::Args;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Symbolic links that may lead to one another: what Linux follows.
const MAX_LINKS: usize = 40;

/// A file, whatever it is called: device and number of it, or of the folder that it will be made in and its name there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place(u64, u64, Option<OsString>);

/// Looks for two outputs in one file, without touching any.
///
/// # Errors
/// A sentence that names both.
pub(crate) fn check(args: &Args) -> Result<(), String> {
    let mut places = Vec::new();
    let named = |path: &Option<PathBuf>| path.as_deref().and_then(place);
    places.extend(named(&args.output.record).map(|place| ("the recording", place)));
    places.extend(named(&args.output.snapshot).map(|place| ("the picture", place)));
    if args.output.stats.is_some() || args.testing.ui_log {
        let shared = |file: &Metadata| file.is_file() || file.file_type().is_fifo() || file.file_type().is_socket();
        let place = opened(io::stdout()).filter(shared).as_ref().map(existing);
        places.extend(place.map(|place| ("standard output", place)));
    }
    let log = opened(io::stderr()).filter(Metadata::is_file).as_ref().map(existing);
    if let Some(log) = log.filter(|log| places.iter().all(|(name, place)| place != log || *name != "standard output")) {
        places.push(("standard error", log));
    }
    for (at, (name, place)) in places.iter().enumerate() {
        if let Some((other, _)) = places.iter().take(at).find(|(_, other)| other == place) {
            return Err(format!("{other} and {name} would be written to the same file"));
        }
    }
    Ok(())
}

/// Where a path leads; `None` where that is nowhere: opening it will say why.
fn place(path: &Path) -> Option<Place> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if let Ok(file) = fs::metadata(&path) {
            return Some(existing(&file));
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match fs::read_link(&path) {
            // To a file that is still to be made.
            Ok(target) => path = parent.join(target),
            Err(_) => {
                let Place(device, number, _) = existing(&fs::metadata(parent).ok()?);
                return Some(Place(device, number, Some(path.file_name()?.to_owned())));
            }
        }
    }
    None
}

fn existing(file: &Metadata) -> Place {
    Place(file.dev(), file.ino(), None)
}

fn opened(stream: impl AsFd) -> Option<Metadata> {
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
