use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use super::disk::{Disk, Output, System};
use super::retention::segments;
use super::stream::Stream;
use super::*;
use crate::media::live::Taken;
use crate::media::played::pictures_in;
use crate::media::testing::{Folder, frames, jpeg};

const LONG: Duration = Duration::from_secs(600);

fn options(folder: &Path) -> Options {
    Options { folder: folder.to_owned(), segment: LONG, keep: None }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    segments(folder).unwrap().into_iter().map(|kept| kept.path).collect()
}

/// Pictures and their times in milliseconds.
fn played(path: &Path) -> Vec<(Vec<u8>, u64)> {
    let found = pictures_in(&fs::read(path).unwrap());
    found.into_iter().map(|(jpeg, micros)| (jpeg, micros / 1000)).collect()
}

/// Pictures that were taken at these milliseconds.
fn taken(frames: &[Vec<u8>], millis: &[u64], start: Instant) -> Vec<Taken> {
    let pictures = frames.iter().zip(millis);
    pictures.map(|(frame, &millis)| Taken::new(frame.clone(), start + Duration::from_millis(millis))).collect()
}

/// A disk on which there is room for so many bytes.
struct Small {
    room: Arc<AtomicU64>,
}

struct SmallFile {
    file: Box<dyn Output>,
    room: Arc<AtomicU64>,
}

impl Disk for Small {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn Output>> {
        Ok(Box::new(SmallFile { file: System.create(path)?, room: Arc::clone(&self.room) }))
    }

    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        System.sync_folder(folder)
    }
}

impl Output for SmallFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = self.room.load(Ordering::Relaxed);
        let fits = (bytes.len() as u64).min(room);
        self.file.append(&bytes[..fits as usize])?;
        self.room.store(room - fits, Ordering::Relaxed);
        if fits < bytes.len() as u64 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn replace_start(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.replace_start(bytes)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}

#[test]
fn a_recording_has_all_pictures_at_their_times() {
    let (folder, frames, start) = (Folder::new(), frames(6), Instant::now());
    let millis = [0, 40, 90, 1000, 61_000, 61_001];
    let mut stream = Stream::new("cam".into(), options(folder.path()));
    for picture in taken(&frames, &millis, start) {
        assert!(stream.write(&mut System, &picture, start));
    }
    let expected: Vec<_> = frames.iter().cloned().zip(millis).collect();
    let [path] = &files(folder.path())[..] else { panic!("one segment") };
    assert_eq!(played(path), expected, "while it is written");
    stream.finish_segment(&mut System);
    assert_eq!(played(path), expected, "when it is finished");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o137, 0, "others read nothing");
}

#[test]
fn wherever_a_file_breaks_off_the_pictures_before_are_there() {
    let (folder, frames, start) = (Folder::new(), frames(5), Instant::now());
    let millis = [0, 40, 80, 2000, 2040];
    let mut stream = Stream::new("cam".into(), options(folder.path()));
    let mut ends = Vec::new();
    for picture in taken(&frames, &millis, start) {
        assert!(stream.write(&mut System, &picture, start));
        ends.push(fs::metadata(&files(folder.path())[0]).unwrap().len() as usize);
    }
    let path = files(folder.path()).remove(0);
    let unfinished = fs::read(&path).unwrap();
    stream.finish_segment(&mut System);
    let finished = fs::read(&path).unwrap();
    assert!(finished.len() > unfinished.len());
    let expected: Vec<_> = frames.into_iter().zip(millis.map(|millis| millis * 1000)).collect();
    for bytes in [unfinished, finished] {
        for cut in 0..=bytes.len() {
            let whole = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(pictures_in(&bytes[..cut]), expected[..whole], "cut at byte {cut} of {}", bytes.len());
        }
    }
}

#[test]
fn segments_end_in_time_and_where_pictures_change_their_size() {
    let (folder, start) = (Folder::new(), Instant::now());
    let mut stream = Stream::new("cam".into(), options(folder.path()));
    let write = |stream: &mut Stream, width: u16, seconds: u64| {
        let picture = Taken::new(jpeg(width, 16, 0, &[]), start + Duration::from_secs(seconds));
        assert!(stream.write(&mut System, &picture, start + Duration::from_secs(seconds)));
    };
    for (width, seconds) in [(16, 0), (16, 599), (16, 600), (32, 620), (32, 621)] {
        write(&mut stream, width, seconds);
    }
    let counts =
        |folder: &Folder| -> Vec<usize> { files(folder.path()).iter().map(|path| played(path).len()).collect() };
    assert_eq!(counts(&folder), [2, 1, 2]);
    let due = start + Duration::from_secs(620) + LONG;
    assert_eq!(stream.deadline(), Some(due));
    stream.tick(&mut System, due);
    assert_eq!(stream.deadline(), None, "it is finished though no picture has come");
}

#[test]
fn who_changes_the_size_of_each_picture_fills_few_files_and_none_is_lost() {
    let (folder, start) = (Folder::new(), Instant::now());
    let mut stream = Stream::new("cam".into(), options(folder.path()));
    for number in 0..1000_u64 {
        let millis = Duration::from_millis(40 * number);
        let picture = Taken::new(jpeg(16 + 16 * (number % 2) as u16, 16, 0, &[]), start + millis);
        assert!(stream.write(&mut System, &picture, start + millis));
    }
    stream.finish_segment(&mut System);
    let files = files(folder.path());
    assert_eq!(files.iter().map(|path| played(path).len()).sum::<usize>(), 1000);
    assert_eq!(files.len(), 4, "40 s");
}

#[test]
fn a_full_disk_stops_the_recording_until_there_is_room() {
    let (folder, frames, start) = (Folder::new(), frames(8), Instant::now());
    let room = Arc::new(AtomicU64::new(1600));
    let mut disk = Small { room: Arc::clone(&room) };
    let status = Arc::<Status>::default();
    let mut stream = Stream::new("cam".into(), options(folder.path())).telling(Arc::clone(&status));
    let told = || {
        let Progress { frames, dropped, trouble, .. } = status.progress();
        (frames as usize, dropped as usize, trouble)
    };
    let full = Some("the disk is full".to_owned());
    let pictures = taken(&frames, &[0, 1, 2, 3, 4, 5, 6, 7], start);
    let written: Vec<bool> = pictures[..5].iter().map(|picture| stream.write(&mut disk, picture, start)).collect();
    let whole = written.iter().take_while(|written| **written).count();
    assert!((1..4).contains(&whole) && written[whole..].iter().all(|written| !written), "{written:?}");
    let first = files(folder.path()).remove(0);
    let bytes = fs::read(&first).unwrap();
    assert_eq!(pictures_in(&bytes).len(), whole);
    assert_eq!(told(), (whole, 5 - whole, full.clone()));
    // Nothing is tried before its time, and nothing is left of what does not fit.
    let later = start + Duration::from_secs(31);
    room.store(50, Ordering::Relaxed);
    assert!(!stream.write(&mut disk, &pictures[5], later));
    assert_eq!((files(folder.path()), room.load(Ordering::Relaxed)), (vec![first.clone()], 0));
    room.store(1 << 20, Ordering::Relaxed);
    assert!(!stream.write(&mut disk, &pictures[6], later + Duration::from_secs(29)));
    assert_eq!(told(), (whole, 7 - whole, full));
    assert!(stream.write(&mut disk, &pictures[7], later + Duration::from_secs(30)));
    assert_eq!(told(), (whole + 1, 7 - whole, None));
    stream.finish_segment(&mut disk);
    let all = files(folder.path());
    assert_eq!((all.len(), fs::read(&first).unwrap() == bytes), (2, true));
    assert_eq!(played(all.iter().find(|path| **path != first).unwrap()), [(frames[7].clone(), 0)]);
}

#[test]
fn an_index_that_finds_no_room_is_left_out() {
    let (folder, frames, start) = (Folder::new(), frames(2), Instant::now());
    let room = Arc::new(AtomicU64::new(1 << 20));
    let mut disk = Small { room: Arc::clone(&room) };
    let mut stream = Stream::new("cam".into(), options(folder.path()));
    for picture in taken(&frames, &[0, 1], start) {
        assert!(stream.write(&mut disk, &picture, start));
    }
    let before = fs::read(&files(folder.path())[0]).unwrap();
    room.store(3, Ordering::Relaxed);
    stream.finish_segment(&mut disk);
    assert_eq!(fs::read(&files(folder.path())[0]).unwrap(), before);
}

#[test]
fn whoever_records_watches_and_nobody_waits_for_a_disk() {
    /// Makes nothing before it is let.
    struct Slow(Arc<Mutex<()>>);
    impl Disk for Slow {
        fn create(&mut self, path: &Path) -> io::Result<Box<dyn Output>> {
            drop(self.0.lock());
            System.create(path)
        }
        fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
            System.sync_folder(folder)
        }
    }
    let (folder, frames) = (Folder::new(), frames(200));
    let gate = Arc::new(Mutex::new(()));
    let shut = gate.lock().unwrap();
    let recorder = Recorder::with(Box::new(Slow(Arc::clone(&gate)))).unwrap();
    let live = Live::new("cam", None);
    let recording = recorder.record(&live, options(folder.path()));
    assert_eq!(live.viewers(), 1);
    frames.iter().for_each(|frame| live.publish(frame.clone()));
    assert_eq!(recorder.written(), 0);
    drop(shut);
    recording.end();
    assert_eq!(live.viewers(), 0);
    live.publish(frames[0].clone());
    recorder.finish();
    let [path] = &files(folder.path())[..] else { panic!("one segment") };
    let pictures: Vec<Vec<u8>> = played(path).into_iter().map(|(jpeg, _)| jpeg).collect();
    assert_eq!(pictures, frames);
}

#[test]
fn what_is_too_old_goes_before_a_segment_begins() {
    let folder = Folder::new();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let old = folder.file(&super::names::name((now - 10_000, 0)), b"x");
    let young = folder.file(&super::names::name((now - 100, 0)), b"x");
    let keep = Some(Keep::For(Duration::from_secs(3600)));
    let mut stream = Stream::new("cam".into(), Options { keep, ..options(folder.path()) });
    stream.tick(&mut System, Instant::now());
    assert_eq!((old.exists(), young.exists()), (false, true));
    assert!(stream.deadline().is_some(), "it looks again");
}

#[test]
fn inputs_are_recorded_as_their_descriptions_say() {
    use crate::input::{Inputs, InputsError, Spec};
    use crate::media::Policy;
    let (folder, picture) = (Folder::new(), Folder::new());
    let file = picture.file("picture.jpg", &jpeg(16, 16, 0, &[]));
    let input = format!("cam=exec:sh -c \"cat '{}'; sleep 1000\"", file.display());
    let recorded = Spec::parse(&format!("{input}#record={}", folder.path().display())).unwrap();
    let plain = Inputs::from_specs(std::slice::from_ref(&recorded), Policy::default()).unwrap();
    let inputs = Inputs::new(Policy::default()).unwrap().with_recordings();
    // On demand, and nobody else watches.
    let inputs = inputs.updated(std::slice::from_ref(&recorded)).unwrap();
    let begin = Instant::now();
    while files(folder.path()).iter().all(|path| played(path).is_empty()) {
        assert!(begin.elapsed() < Duration::from_secs(60), "it is not recorded");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(plain);
    let same = Spec::parse(&format!("other=push:#record={}/", folder.path().display())).unwrap();
    let refused = inputs.updated(&[recorded.clone(), same.clone()]);
    assert!(matches!(refused, Err(InputsError::SameFolder(_))));
    // The recording goes on with the input, and ends with it.
    let again = inputs.updated(std::slice::from_ref(&recorded)).unwrap();
    inputs.retire(&again);
    drop(inputs);
    assert_eq!(files(folder.path()).len(), 1);
    let without = again.updated(&[]).unwrap();
    again.retire(&without);
    again.finish_recordings();
    assert_eq!(files(folder.path()).iter().map(|path| played(path).len()).collect::<Vec<_>>(), [1]);
}

const CHILD: &str = "MUTOSCOPE_TEST_RECORDS_IN";

/// Records tiny pictures as fast as it can, and tells how many the system has.
fn record_until_killed(folder: &Path) {
    let recorder = Recorder::new().unwrap();
    let live = Live::new("cam", None);
    let _recording = recorder.record(&live, Options { segment: Duration::from_millis(20), ..options(folder) });
    for number in 0_u32.. {
        live.publish(jpeg(16, 16, 0, format!("{number:08}").as_bytes()));
        while recorder.written() < u64::from(number) {
            std::thread::yield_now();
        }
        writeln!(io::stdout(), "written {}", recorder.written()).unwrap();
    }
}

#[test]
fn nothing_is_lost_of_what_was_written_when_a_recording_is_killed_fifty_times() {
    if let Some(folder) = std::env::var_os(CHILD) {
        return record_until_killed(Path::new(&folder));
    }
    let name = "record::tests::nothing_is_lost_of_what_was_written_when_a_recording_is_killed_fifty_times";
    for round in 0..50_u64 {
        let folder = Folder::new();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut told = 0;
        let number = |line: String| line.rsplit_once("written ").and_then(|(_, number)| number.parse::<usize>().ok());
        // Somewhere within a segment, or between two.
        while told < 5 + round as usize * 7 {
            told = lines.next().map(number).expect("it is alive").unwrap_or(told);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        told = lines.filter_map(number).last().unwrap_or(told);
        let pictures: Vec<Vec<u8>> =
            files(folder.path()).iter().flat_map(|path| played(path)).map(|(jpeg, _)| jpeg).collect();
        assert!(pictures.len() >= told, "{} of {told}", pictures.len());
        for (number, picture) in pictures.iter().enumerate() {
            assert_eq!(*picture, jpeg(16, 16, 0, format!("{number:08}").as_bytes()));
        }
    }
}
