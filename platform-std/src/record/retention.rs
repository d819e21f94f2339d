//! What is removed, so that there is room for what comes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::names::{self, Begin};
use super::options::Keep;

/// A segment of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) begin: Begin,
    pub(super) bytes: u64,
    pub(super) path: PathBuf,
}

/// The segments in a folder, the oldest one first. What is called otherwise is not ours, and neither are links and folders.
pub(super) fn segments(folder: &Path) -> io::Result<Vec<Kept>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(begin) = entry.file_name().to_str().and_then(names::parse) else { continue };
        // One may go while we look.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_file() {
            found.push(Kept { begin, bytes: metadata.len(), path: entry.path() });
        }
    }
    found.sort_by_key(|kept| kept.begin);
    Ok(found)
}

/// The segments that are not to be kept, of all that there are, the oldest one first. The one that is being written always stays.
pub(super) fn too_many(
    all: &[Kept],
    keep: Keep,
    segment: Duration,
    written: Option<Begin>,
    now: SystemTime,
) -> Vec<&Kept> {
    let others = all.iter().filter(|kept| Some(kept.begin) != written);
    match keep {
        Keep::For(age) => {
            let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            // Its last picture was taken a segment later.
            let oldest = now.saturating_sub(age).saturating_sub(segment).as_secs();
            others.filter(|kept| kept.begin.0 < oldest).collect()
        }
        Keep::Bytes(most) => {
            let mut sum: u64 = all.iter().map(|kept| kept.bytes).sum();
            let mut removed = Vec::new();
            for kept in others {
                if sum <= most {
                    break;
                }
                sum -= kept.bytes;
                removed.push(kept);
            }
            removed
        }
    }
}

/// Removes what is not to be kept; tells how many segments that were.
pub(super) fn clean(
    folder: &Path,
    keep: Keep,
    segment: Duration,
    written: Option<Begin>,
    now: SystemTime,
) -> io::Result<usize> {
    let all = segments(folder)?;
    let removed = too_many(&all, keep, segment, written, now);
    for kept in &removed {
        fs::remove_file(&kept.path)?;
        log::debug!("{} was removed: it is not to be kept any longer", kept.path.display());
    }
    Ok(removed.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::Folder;

    const HOUR: u64 = 3600;
    const SEGMENT: Duration = Duration::from_secs(600);

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn folder() -> (Folder, Vec<String>) {
        let folder = Folder::new();
        let names: Vec<String> = (0..5).map(|hour| names::name((hour * HOUR, 0))).collect();
        names.iter().for_each(|name| _ = folder.file(name, &[0; 100]));
        (folder, names)
    }

    fn names_in(folder: &Folder) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_too_old_goes_when_its_last_picture_is() {
        let (folder, names) = folder();
        let clean =
            |now| clean(folder.path(), Keep::For(Duration::from_secs(2 * HOUR)), SEGMENT, None, at(now)).unwrap();
        assert_eq!((clean(2 * HOUR + 600), clean(2 * HOUR + 601), clean(2 * HOUR + 601)), (0, 1, 0));
        assert_eq!(names_in(&folder), names[1..]);
        assert_eq!(clean(100 * HOUR), 4);
    }

    #[test]
    fn the_oldest_go_until_the_others_fit() {
        let (folder, names) = folder();
        let clean = |most| clean(folder.path(), Keep::Bytes(most), SEGMENT, None, at(0)).unwrap();
        assert_eq!((clean(500), clean(499)), (0, 1));
        assert_eq!(names_in(&folder), names[1..]);
        assert_eq!(clean(200), 2);
        assert_eq!(names_in(&folder), names[3..]);
    }

    #[test]
    fn what_is_written_stays_and_what_is_not_ours_too() {
        let (folder, names) = folder();
        let others = ["20200101T000000Z.avi", "notes.txt", "20200101T000000Z.mkv.bak"];
        others.iter().for_each(|name| _ = folder.file(name, &[0; 1000]));
        fs::create_dir(folder.path().join(names::name((7, 0)))).unwrap();
        let target = folder.file("target", b"x");
        std::os::unix::fs::symlink(&target, folder.path().join(names::name((8, 0)))).unwrap();
        for keep in [Keep::Bytes(0), Keep::For(Duration::from_secs(1))] {
            clean(folder.path(), keep, SEGMENT, Some((2 * HOUR, 0)), at(1000 * HOUR)).unwrap();
            let mut expected: Vec<String> = others.iter().map(|name| (*name).to_owned()).collect();
            expected.extend(["target".to_owned(), names::name((7, 0)), names::name((8, 0)), names[2].clone()]);
            expected.sort();
            assert_eq!(names_in(&folder), expected);
        }
    }
}
