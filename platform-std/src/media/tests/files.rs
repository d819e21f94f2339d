//! Files that are opened when somebody asks for them, grow, and are replaced.

use std::fs::{File, OpenOptions, rename};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use mutoscope::media::catalogue::{Catalogue, Medium, NotReady};
use mutoscope::media::{Advance, End, Extent, FrameRate, FrameSource};
use mutoscope::wire::url;

use super::super::gated::{advance, entry};
use super::super::testing::{Folder, frames, jpeg, lab_file};
use super::super::{Arrangement, Library, LibraryMedium, LibrarySource, Order, Policy};
use super::{NOW, data, wait_for};

fn library(path: &Path) -> Library {
    Library::from_paths(&[path.to_owned()], FrameRate::new(25, 1), Policy::default()).unwrap()
}

fn find(library: &Library, path: &Path) -> LibraryMedium {
    library.find(url::Path::new(path.file_name().unwrap().to_str().unwrap())).unwrap()
}

fn extent(library: &Library, path: &Path) -> Option<Extent> {
    entry(&find(library, path)).ok().filter(|entry| entry.refusal.is_none()).map(|entry| entry.extent)
}

fn shown(source: &mut LibrarySource) -> Option<Vec<u8>> {
    match advance(source, NOW).unwrap() {
        Advance::Ready => Some(data(source).to_vec()),
        Advance::End => None,
        other => panic!("{other:?}"),
    }
}

fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// Larger pictures, so that a file has several pages.
fn large_frames(count: u32) -> Vec<Vec<u8>> {
    (0..count).map(|number| jpeg(16, 16, 0, &number.to_le_bytes().map(|byte| byte & 0x7F).repeat(50_000))).collect()
}

/// The files of a folder that this process has open.
fn descriptors(folder: &Folder) -> usize {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return 0 };
    open.flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter(|path| path.starts_with(folder.path()))
        .count()
}

#[test]
fn files_are_opened_when_asked_for_and_closed_when_nobody_watches() {
    let (folder, expected) = (Folder::new(), frames(3));
    for number in 0..100 {
        folder.file(&format!("{number}.mjpeg"), &expected.concat());
    }
    let library = library(folder.path());
    assert_eq!((library.names().count(), descriptors(&folder)), (100, 0));
    let mut sources: Vec<_> = (0..100).map(|index| library.open(index).unwrap()).collect();
    for source in &mut sources {
        assert_eq!(shown(source), Some(expected[0].clone()));
    }
    drop(sources.split_off(1));
    wait_for("all but one are closed", || descriptors(&folder) <= 1);
    assert_eq!(shown(&mut sources[0]), Some(expected[1].clone()));
    for path in (0..100).map(|number| folder.path().join(format!("{number}.mjpeg"))) {
        assert_eq!(extent(&library, &path), Some(Extent::frames(3)));
        assert!(descriptors(&folder) < 30, "those who ask one after another do not have all of them opened");
    }
}

#[test]
fn every_frame_of_a_file_of_several_pages_is_found_forwards_backwards_and_by_number() {
    let (folder, expected) = (Folder::new(), large_frames(100));
    let path = folder.file("movie.mjpeg", &expected.concat());
    let library = library(&path);
    let mut source = library.open(0).unwrap();
    for frame in &expected {
        assert!(shown(&mut source).as_ref() == Some(frame));
    }
    assert_eq!(shown(&mut source), None);
    let backwards = (0..100).rev().map(|number| (number, mutoscope::media::Course::new(number, -1000)));
    let anywhere = [3, 77, 40, 41, 0, 99].map(|number| (number, mutoscope::media::Course::new(number + 1, 1000)));
    for (number, course) in backwards.chain(anywhere) {
        source.seek(number).unwrap();
        source.expect(course);
        assert!(shown(&mut source).as_ref() == Some(&expected[number as usize]), "{number}");
        assert_eq!(source.position(), number + 1);
    }
}

#[test]
fn a_film_that_grows_plays_on_and_ends_when_it_no_longer_grows() {
    let (folder, expected) = (Folder::new(), frames(30));
    let (first, later) = expected.split_at(10);
    for (name, write) in [("raw.mjpeg", <[Vec<u8>]>::concat as fn(&[Vec<u8>]) -> Vec<u8>), ("lab.mjpeg", lab_file)] {
        let path = folder.file(name, &write(first));
        let library = library(&path);
        let mut source = library.open(0).unwrap();
        assert_eq!(source.extent(), Some(Extent::frames(10)));
        let mut seen = vec![shown(&mut source).unwrap()];
        let bytes = write(later);
        let (some, rest) = bytes.split_at(bytes.len() / 2 + 7);
        append(&path, some);
        wait_for("the growth", || matches!(source.extent(), Some(Extent::Frames { count: 11.., end: End::Open })));
        // Of a frame that is not whole yet nobody sees anything.
        let whole = source.extent();
        append(&path, rest);
        wait_for("the rest", || source.extent() != whole);
        seen.extend(std::iter::from_fn(|| shown(&mut source)));
        assert!(seen == expected, "{name}: {} frames", seen.len());
        assert_eq!(source.extent(), Some(Extent::frames(30)));
    }
}

#[test]
fn a_viewer_at_the_edge_is_woken_by_what_comes() {
    let (folder, expected) = (Folder::new(), frames(4));
    let path = folder.file("movie.mjpeg", &expected[..2].concat());
    let library = library(&path);
    let mut source = library.open(0).unwrap();
    append(&path, &expected[2]);
    wait_for("the growth", || source.extent() == Some(Extent::Frames { count: 3, end: End::Open }));
    source.seek(3).unwrap();
    assert_eq!(source.advance(NOW, std::task::Waker::noop()).unwrap(), Advance::Edge);
    append(&path, &expected[3]);
    assert_eq!(shown(&mut source), Some(expected[3].clone()));
}

#[test]
fn a_replaced_film_is_new_for_new_viewers_and_ends_for_those_who_watch_it() {
    let (folder, old) = (Folder::new(), frames(5));
    let new: Vec<_> = (0..8).map(|number| jpeg(32, 32, 0, &[number; 30])).collect();
    let replace = |path: &Path, way: u32| match way {
        // Another file of this name.
        0 => rename(folder.file("new", &new.concat()), path).unwrap(),
        // Written anew, in place.
        1 => std::fs::write(path, new.concat()).unwrap(),
        // Shortened, and then no film at all.
        2 => File::create(path).map(drop).unwrap(),
        _ => std::fs::remove_file(path).unwrap(),
    };
    for way in 0..4 {
        let path = folder.file("movie.mjpeg", &old.concat());
        let library = library(&path);
        let mut source = library.open(0).unwrap();
        assert_eq!(shown(&mut source), Some(old[0].clone()));
        replace(&path, way);
        let after = (way < 2).then_some(Extent::frames(8));
        wait_for("the new one", || extent(&library, &path) == after);
        let rest: Vec<_> = std::iter::from_fn(|| {
            loop {
                match advance(&mut source, NOW) {
                    Ok(Advance::Ready) => return Some(data(&source).to_vec()),
                    Ok(Advance::End) => return None,
                    Ok(other) => panic!("{other:?}"),
                    // What is left of it may be anything.
                    Err(_) => {}
                }
            }
        })
        .collect();
        if [0, 3].contains(&way) {
            assert_eq!(rest, old[1..], "an open file plays to its end");
        }
    }
}

#[test]
fn what_cannot_be_opened_is_not_ready_and_is_tried_again() {
    let (folder, expected) = (Folder::new(), frames(2));
    let path = folder.file("movie.mjpeg", &expected.concat());
    let library = library(&path);
    let elsewhere = folder.path().join("elsewhere");
    rename(&path, &elsewhere).unwrap();
    let medium = find(&library, &path);
    let Err(NotReady { reason, .. }) = entry(&medium) else { panic!("it is not there") };
    assert!(reason.contains("No such file") && !reason.contains("movie"), "{reason}");
    assert!(medium.open().is_none());
    rename(&elsewhere, &path).unwrap();
    wait_for("it to come back", || extent(&library, &path) == Some(Extent::frames(2)));
}

#[test]
fn a_hole_of_many_gigabytes_is_passed_at_once() {
    let (folder, expected) = (Folder::new(), frames(4));
    let path: PathBuf = folder.file("movie.mjpeg", &expected[..2].concat());
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    if file.write_all_at(&expected[2..].concat(), 100_000_000_000).is_err() {
        // The file system has no files of that length.
        return;
    }
    file.set_len(200_000_000_000).unwrap();
    let library = library(&path);
    let mut source = library.open(0).unwrap();
    assert_eq!(std::iter::from_fn(|| shown(&mut source)).collect::<Vec<_>>(), expected);
}

#[test]
fn frames_above_16_mb_are_said_to_be_too_large() {
    let folder = Folder::new();
    let path = folder.file("movie.mjpeg", &jpeg(16, 16, 0, &vec![1; 17 << 20]));
    let error = Library::from_paths(&[path], None, Policy::default()).err();
    // A slow machine has no time to see it at the start.
    assert!(error.is_none_or(|error| error.to_string().contains("too large")));
}

#[test]
fn a_link_that_leads_out_of_its_folder_later_is_not_followed() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    let path = folder.file("movie.mjpeg", &frames(2).concat());
    let secret = elsewhere.file("secret.mjpeg", &frames(3).concat());
    let library = library(folder.path());
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&secret, &path).unwrap();
    assert_eq!(extent(&library, &path), None);
}

/// Whether the library finds a film of this name, once it has looked.
fn is_found(library: &Library, name: &str) -> bool {
    let Some(medium) = library.find(url::Path::new(name)) else { return false };
    let is_there = entry(&medium).is_ok();
    assert_eq!(is_there, !medium.is_missing(), "{name}");
    is_there
}

#[test]
fn a_film_that_is_put_into_a_folder_later_is_found_and_one_that_is_removed_is_not() {
    let (folder, expected) = (Folder::new(), frames(3));
    let old = folder.file("old.mjpeg", &expected.concat());
    let library = library(folder.path());
    assert!(!is_found(&library, "new.mjpeg") && is_found(&library, "old.mjpeg"));
    let new = folder.file("new.mjpeg", &expected.concat());
    folder.file("new.txt", &expected.concat());
    // At once, however short a time before somebody has asked for it.
    let medium = find(&library, &new);
    assert_eq!(entry(&medium).ok().map(|entry| (entry.name, entry.extent)), Some(("new.mjpeg", Extent::frames(3))));
    let mut source = medium.open().unwrap();
    assert!(is_found(&library, "NEW.mjpeg") == new.with_file_name("NEW.mjpeg").exists());
    assert!(!is_found(&library, "new.txt"));
    for path in [&old, &new] {
        std::fs::remove_file(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        wait_for("it to be missed", || !is_found(&library, name));
    }
    assert_eq!(
        std::iter::from_fn(|| shown(&mut source)).collect::<Vec<_>>(),
        expected,
        "who has it plays it to its end"
    );
    folder.file("new.mjpeg", &expected[..2].concat());
    wait_for("another one", || extent(&library, &new) == Some(Extent::frames(2)));
}

#[test]
fn recordings_of_streams_are_found_below_their_names_and_nothing_else_of_their_folders() {
    let (folder, other, expected) = (Folder::new(), Folder::new(), frames(2));
    let mut library = Library::new(None, Policy::default());
    library.add_recordings("cam", folder.path());
    library.add_recordings("caf\u{e9}", other.path());
    assert!(!is_found(&library, "cam/recordings/20261129T185200Z.mkv"));
    let path = folder.file("20261129T185200Z.mkv", &expected.concat());
    folder.file("holiday.mkv", &expected.concat());
    other.file("20261129T185200Z-1.mkv", &expected.concat());
    for name in ["cam/recordings/20261129T185200Z.mkv", "cafe%CC%81/recordings/20261129T185200Z-1.mkv"] {
        assert!(is_found(&library, name), "{name}");
    }
    for name in [
        "20261129T185200Z.mkv",
        "cam/20261129T185200Z.mkv",
        "cam/recordings/holiday.mkv",
        "cam/recordings",
        "cam/recordings/20261129T185200Z-1.mkv",
        "cam/recordings/../recordings/20261129T185200Z.mkv",
    ] {
        assert!(!is_found(&library, name), "{name}");
    }
    std::fs::remove_file(&path).unwrap();
    wait_for("it to be missed", || !is_found(&library, "cam/recordings/20261129T185200Z.mkv"));
}

#[test]
fn a_folder_whose_time_of_change_is_old_is_not_read_again_and_a_young_one_is() {
    let (folder, expected) = (Folder::new(), frames(1));
    folder.file("old.mjpeg", &expected[0]);
    let set_time = |age| {
        let time = std::time::SystemTime::now() - std::time::Duration::from_secs(age);
        File::open(folder.path()).unwrap().set_modified(time).unwrap();
    };
    set_time(1000);
    let library = library(folder.path());
    folder.file("new.mjpeg", &expected[0]);
    set_time(1000);
    assert!(is_found(&library, "new.mjpeg"), "the two times differ by some microseconds");
    let modified = folder.path().metadata().unwrap().modified().unwrap();
    folder.file("newer.mjpeg", &expected[0]);
    File::open(folder.path()).unwrap().set_modified(modified).unwrap();
    assert!(!is_found(&library, "newer.mjpeg"), "nothing tells that it has come");
    folder.file("newest.mjpeg", &expected[0]);
    assert!(is_found(&library, "newest.mjpeg") && is_found(&library, "newer.mjpeg"));
}

#[test]
fn what_comes_into_a_folder_has_neither_the_name_of_another_film_nor_leads_out_of_it() {
    let (folder, other, elsewhere) = (Folder::new(), Folder::new(), Folder::new());
    let first = folder.file("movie.mjpeg", &frames(2).concat());
    other.file("other.mjpeg", &frames(1).concat());
    let paths = [folder.path().to_owned(), other.path().to_owned()];
    let library = Library::from_paths(&paths, FrameRate::new(25, 1), Policy::default()).unwrap();
    other.file("movie.mjpeg", &frames(5).concat());
    let secret = elsewhere.file("secret.mjpeg", &frames(3).concat());
    std::os::unix::fs::symlink(&secret, other.path().join("secret.mjpeg")).unwrap();
    assert!(!is_found(&library, "secret.mjpeg"));
    assert_eq!(extent(&library, &first), Some(Extent::frames(2)));
    std::fs::remove_file(&secret).unwrap();
    // What is not there cannot be asked for, and who asks is told so.
    drop(other);
    assert!(!is_found(&library, "nothing.mjpeg") && is_found(&library, "movie.mjpeg"));
}

#[test]
fn a_folder_of_pictures_is_one_film_in_the_order_of_names_and_new_ones_are_shown_as_they_come() {
    let (folder, expected) = (Folder::new(), frames(14));
    for (number, frame) in expected[..12].iter().enumerate() {
        folder.file(&format!("picture{number}.jpg"), frame);
    }
    folder.file("notes.txt", b"no picture");
    let mut library = Library::new(FrameRate::new(25, 1), Policy::default());
    library.add_stills("garden", folder.path(), Arrangement::default()).unwrap();
    assert!(library.add_stills("garden", folder.path().parent().unwrap(), Arrangement::default()).is_err());
    assert!(library.add_stills("other", &folder.path().join("notes.txt"), Arrangement::default()).is_err());
    let mut source = library.open(0).unwrap();
    assert_eq!(source.extent(), Some(Extent::frames(12)));
    let mut seen = vec![shown(&mut source).unwrap()];
    // Written in two pieces: it is shown when it is whole.
    let late = folder.file("aaa.jpg", &expected[12][..30]);
    append(&late, &expected[12][30..]);
    wait_for("the new one", || source.extent() == Some(Extent::Frames { count: 13, end: End::Open }));
    folder.file("zzz.jpg", &expected[13]);
    wait_for("the newest one", || source.extent() == Some(Extent::Frames { count: 14, end: End::Open }));
    seen.extend((1..14).map(|_| shown(&mut source).unwrap()));
    assert_eq!(seen, expected);
    assert_eq!(source.advance(NOW, std::task::Waker::noop()).unwrap(), Advance::Edge);
}

/// A folder of three pictures, given in the order in which they were written: at once, and one after 100 seconds.
fn folder_with_times(expected: &[Vec<u8>]) -> Folder {
    let folder = Folder::new();
    let start = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    for (name, frame, micros) in
        [("a.jpg", &expected[2], 100_000_000), ("c.jpg", &expected[0], 0), ("b.jpg", &expected[1], 13_000)]
    {
        let file = File::options().write(true).open(folder.file(name, frame)).unwrap();
        file.set_modified(start + std::time::Duration::from_micros(micros)).unwrap();
    }
    folder
}

#[test]
fn a_folder_in_the_order_of_times_shows_a_picture_in_each_interval() {
    let expected = frames(3);
    let folder = folder_with_times(&expected);
    for order in [Order::Modified, Order::Exif] {
        let mut library = Library::new(FrameRate::new(25, 1), Policy::default());
        library.add_stills("garden", folder.path(), Arrangement { order, ..Arrangement::default() }).unwrap();
        let mut source = library.open(0).unwrap();
        assert_eq!(source.extent(), Some(Extent::frames(3)));
        for frame in &expected {
            assert_eq!(shown(&mut source).as_ref(), Some(frame));
            assert_eq!(source.frame().and_then(|frame| frame.time), None);
        }
    }
}

#[test]
fn a_folder_that_is_to_keep_its_times_shows_pictures_at_these_and_never_two_at_once() {
    let expected = frames(3);
    let folder = folder_with_times(&expected);
    for order in [Order::Modified, Order::Exif] {
        let mut library = Library::new(FrameRate::new(25, 1), Policy::default());
        library.add_stills("garden", folder.path(), Arrangement { order, is_timed: true, rate: None }).unwrap();
        let mut source = library.open(0).unwrap();
        let mut times = Vec::new();
        for frame in &expected {
            assert_eq!(shown(&mut source).as_ref(), Some(frame));
            times.extend(source.frame().and_then(|frame| frame.time).map(|time| time.as_millis()));
        }
        assert_eq!(times, [0, 40, 100_000]);
        source.seek_time(mutoscope::time::Duration::from_secs(8)).unwrap();
        assert_eq!(shown(&mut source).as_ref(), Some(&expected[1]));
    }
}
