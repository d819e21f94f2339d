mod containers;

use super::*;
use crate::media::samples::{jpeg, jpeg_with, lab, segment};
use embedded_io::{ErrorKind, ErrorType};
use std::vec::Vec;

/// A file in memory that returns at most `piece` bytes at once, counts the bytes read and fails on demand.
#[derive(Debug)]
struct File {
    bytes: Vec<u8>,
    at: u64,
    piece: usize,
    read: usize,
    fails: u32,
}

impl ErrorType for File {
    type Error = ErrorKind;
}

impl Read for File {
    fn read(&mut self, room: &mut [u8]) -> Result<usize, ErrorKind> {
        assert!(!room.is_empty(), "a read without room looks like the end of the file");
        if self.fails > 0 {
            self.fails -= 1;
            self.at = 7;
            return Err(ErrorKind::Other);
        }
        let rest = self.bytes.get(self.at as usize..).unwrap_or(&[]);
        let len = rest.len().min(room.len()).min(self.piece);
        room[..len].copy_from_slice(&rest[..len]);
        self.at += len as u64;
        self.read += len;
        Ok(len)
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, ErrorKind> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => self.bytes.len().checked_add_signed(by as isize).unwrap() as u64,
            SeekFrom::Current(by) => self.at.checked_add_signed(by).unwrap(),
        };
        Ok(self.at)
    }
}

fn open(bytes: &[u8], buffer: usize, piece: usize) -> Reader<File, Vec<u8>> {
    let file = File { bytes: bytes.to_vec(), at: 0, piece, read: 0, fails: 0 };
    Reader::new(file, std::vec![0; buffer]).unwrap()
}

#[derive(Debug, PartialEq)]
enum Found {
    Frame(u32, Vec<u8>),
    Error(Error<ErrorKind>),
}

fn all(reader: &mut Reader<File, Vec<u8>>) -> Vec<Found> {
    let mut found = Vec::new();
    loop {
        match reader.advance(Instant::default(), Waker::noop()) {
            Ok(Advance::Ready) => {
                let frame = reader.frame().unwrap();
                assert_eq!(frame.number + 1, reader.position());
                found.push(Found::Frame(frame.number, frame.data.to_vec()));
            }
            Ok(_) => break,
            Err(error) => found.push(Found::Error(error)),
        }
        assert!(found.len() < 100);
    }
    assert!(reader.frame().is_none() && reader.advance(Instant::default(), Waker::noop()) == Ok(Advance::End));
    found
}

fn pictures() -> Vec<Vec<u8>> {
    [40, 900, 300, 40, 41, 2000, 7].iter().map(|&len| jpeg(len)).collect()
}

/// Both formats of the same pictures.
fn files(pictures: &[Vec<u8>]) -> [Vec<u8>; 2] {
    [pictures.concat(), pictures.iter().flat_map(|picture| lab(picture)).collect()]
}

const LONGEST: usize = 2000 + 625;

#[test]
fn every_frame_is_found_whatever_the_buffer_and_the_reads() {
    let pictures = pictures();
    let expected: Vec<_> = pictures.iter().zip(0..).map(|(picture, n)| Found::Frame(n, picture.clone())).collect();
    let longest = pictures.iter().map(Vec::len).max().unwrap();
    assert!(longest <= LONGEST);
    for file in files(&pictures) {
        for buffer in [longest, longest + 1, longest + 5, 3000, 5000, 100_000] {
            for piece in [1, 2, 3, 100, 4096, usize::MAX] {
                let mut reader = open(&file, buffer, piece);
                assert_eq!(all(&mut reader), expected, "buffer {buffer}, pieces of {piece}");
                reader.rewind();
                assert_eq!(all(&mut reader), expected);
            }
        }
    }
}

#[test]
fn frames_without_eoi_are_found_and_found_again() {
    let pictures: Vec<_> = pictures().iter().map(|picture| picture[..picture.len() - 2].to_vec()).collect();
    let expected: Vec<_> = pictures.iter().zip(0..).map(|(picture, n)| Found::Frame(n, picture.clone())).collect();
    let file = pictures.concat();
    for buffer in [LONGEST + 1, LONGEST + 5, 100_000] {
        for piece in [1, 2, 3, 100, usize::MAX] {
            let mut reader = open(&file, buffer, piece);
            let mut bookmarks = std::vec![reader.bookmark().unwrap()];
            for found in &expected {
                assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
                let frame = reader.frame().unwrap();
                assert_eq!(&Found::Frame(frame.number, frame.data.to_vec()), found);
                bookmarks.push(reader.bookmark().unwrap());
            }
            assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::End));
            for (number, bookmark) in bookmarks.into_iter().enumerate().rev() {
                reader.resume(bookmark);
                assert_eq!(all(&mut reader), expected[number..], "buffer {buffer}, pieces of {piece}");
                reader.seek(number as u32).unwrap();
                assert_eq!(all(&mut reader), expected[number..]);
            }
        }
    }
    // A frame that is too long for the buffer is left out.
    let found = all(&mut open(&file, pictures[1].len() + 3, 64));
    let needed = pictures[5].len() as u32 + 3;
    assert_eq!(found[5], Found::Error(Error::TooLarge { number: 5, needed }));
    assert_eq!((found.len(), &found[6], &found[1]), (7, &expected[6], &expected[1]));
}

#[test]
fn a_single_picture_that_is_cut_in_its_scan_is_a_frame() {
    let picture = jpeg(300);
    let cut = &picture[..picture.len() - 2];
    assert_eq!(all(&mut open(cut, LONGEST, 64)), [Found::Frame(0, cut.to_vec())]);
    assert_eq!(all(&mut open(&cut[..100], LONGEST, 64)), [Found::Error(Error::Truncated { at: 0 })]);
}

#[test]
fn a_frame_brings_its_layout() {
    let [raw, _] = files(&pictures());
    let mut reader = open(&raw, LONGEST, 500);
    assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
    let frame = reader.frame().unwrap();
    let layout = frame.layout.unwrap();
    assert_eq!((layout.width, layout.height, layout.scan.len), (32, 16, 40));
}

#[test]
fn a_frame_larger_than_the_buffer_is_named_and_counted() {
    let pictures = pictures();
    let needed = pictures[5].len() as u32;
    for file in files(&pictures) {
        for piece in [1, 64, usize::MAX] {
            let found = all(&mut open(&file, pictures[1].len(), piece));
            assert_eq!(found.len(), pictures.len());
            assert_eq!(found[5], Found::Error(Error::TooLarge { number: 5, needed }));
            assert_eq!(found[6], Found::Frame(6, pictures[6].clone()));
        }
    }
}

#[test]
fn spans_are_found_with_the_smallest_buffer() {
    let thumbnail = jpeg_with(&segment(0xE1, &jpeg(500)), 70);
    let pictures = [&pictures()[..], &[thumbnail]].concat();
    for file in files(&pictures) {
        for piece in [1, 17, usize::MAX] {
            let mut reader = open(&file, MIN_BUFFER, piece);
            for picture in &pictures {
                let FrameSpan { offset, len, has_end: true } = reader.next_span().unwrap().unwrap() else {
                    panic!("no EOI")
                };
                assert_eq!(&file[offset as usize..][..len as usize], picture);
            }
            assert_eq!(reader.next_span(), Ok(None));
        }
    }
}

#[test]
fn seeking_leads_to_any_frame_from_any_frame() {
    let pictures = pictures();
    for file in files(&pictures) {
        let mut reader = open(&file, LONGEST, 700);
        for from in 0..=pictures.len() as u32 {
            for to in 0..=pictures.len() as u32 + 2 {
                reader.seek(from).unwrap();
                let _ = reader.advance(Instant::default(), Waker::noop());
                reader.seek(to).unwrap();
                assert!(reader.frame().is_none());
                assert_eq!(reader.position(), to.min(pictures.len() as u32));
                match pictures.get(to as usize) {
                    Some(picture) => {
                        assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
                        assert_eq!(reader.frame().map(|frame| (frame.number, frame.data)), Some((to, &picture[..])));
                    }
                    None => assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::End)),
                }
            }
        }
    }
}

#[test]
fn hopping_reads_no_media() {
    let pictures = std::vec![jpeg(9000); 20];
    let [_, file] = files(&pictures);
    let mut reader = open(&file, 10_000, usize::MAX);
    reader.seek(19).unwrap();
    assert_eq!(reader.file.read, 16 + 8 * 18);
    assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
    assert_eq!(reader.frame().unwrap().number, 19);
}

#[test]
fn records_of_several_jpegs_are_counted_rather_than_hopped_over() {
    let pair = lab(&[jpeg(40), jpeg(50)].concat());
    let file = [&pair[..], &pair, &pair].concat();
    let mut reader = open(&file, LONGEST, usize::MAX);
    assert_eq!(all(&mut reader).len(), 6);
    reader.seek(3).unwrap();
    assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
    assert_eq!(reader.frame().unwrap().data, jpeg(50));
    // This is in the middle of a record.
    reader.seek(1).unwrap();
    let bookmark = reader.bookmark().unwrap();
    reader.seek(5).unwrap();
    reader.resume(bookmark);
    assert_eq!(bookmark.number(), 1);
    assert_eq!(all(&mut reader).len(), 5);
}

#[test]
fn bookmarks_lead_back() {
    let pictures = pictures();
    for file in files(&pictures) {
        let mut reader = open(&file, LONGEST, 700);
        let mut bookmarks = Vec::new();
        for _ in &pictures {
            bookmarks.push(reader.bookmark().unwrap());
            reader.advance(Instant::default(), Waker::noop()).unwrap();
        }
        for bookmark in bookmarks.into_iter().rev() {
            reader.resume(bookmark);
            assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
            assert_eq!(reader.frame().unwrap().data, pictures[bookmark.number() as usize]);
        }
    }
}

#[test]
fn a_truncated_last_frame_is_a_frame_if_its_scan_has_begun() {
    let pictures = [jpeg(40), jpeg(300)];
    let [raw, lab] = files(&pictures);
    for (file, is_lab) in [(raw, false), (lab, true)] {
        let start = file.len() - pictures[1].len();
        for cut in start + 3..file.len() {
            let found = all(&mut open(&file[..cut], LONGEST, 100));
            let truncated = || Found::Error(Error::Truncated { at: start as u64 });
            let has_scan = cut >= file.len() - 302;
            let last = if has_scan { Found::Frame(1, file[start..cut].to_vec()) } else { truncated() };
            // The length of a lab record tells it first.
            let expected =
                [Found::Frame(0, pictures[0].clone())].into_iter().chain(is_lab.then(truncated)).chain([last]);
            assert!(found.into_iter().eq(expected), "cut at {cut}");
        }
    }
}

#[test]
fn damage_is_reported_and_passed() {
    let pictures = pictures();
    let [_, mut file] = files(&pictures);
    let second = lab(&pictures[0]).len();
    file[second + 2] = b'x';
    let mut reader = open(&file, LONGEST, 100);
    let found = all(&mut reader);
    // The picture behind a length that cannot be read is there nevertheless.
    assert_eq!(found[1], Found::Error(Error::Damaged { at: second as u64 + 6 }));
    assert_eq!(found[2], Found::Frame(1, pictures[1].clone()));
    assert_eq!(found.len(), pictures.len() + 1);
    reader.seek(2).unwrap();
    assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
    assert_eq!(reader.frame().unwrap().data, pictures[2]);
}

#[test]
fn a_failed_read_loses_nothing() {
    let pictures = pictures();
    for file in files(&pictures) {
        for good in 0..40 {
            let mut reader = open(&file, LONGEST, 150);
            let mut found = Vec::new();
            for call in 0.. {
                reader.file.fails = u32::from(call == good);
                match reader.step(true) {
                    Ok(Some(_)) => found.push(reader.frame().unwrap().data.to_vec()),
                    Ok(None) => break,
                    Err(error) => assert_eq!(error, Error::Io(ErrorKind::Other)),
                }
            }
            assert_eq!(found, pictures, "failing at call {good}");
        }
    }
}

#[test]
fn what_is_no_mjpeg_is_refused() {
    for bytes in [&b""[..], b"RIFF....AVI LIST", &[0xFF, 0xD8], b"12345"] {
        let file = File { bytes: bytes.to_vec(), at: 0, piece: 1, read: 0, fails: 0 };
        assert!(matches!(Reader::new(file, [0; 64]), Err(Error::NotMjpeg)));
    }
    let file = File { bytes: jpeg(40), at: 0, piece: 1, read: 0, fails: 0 };
    assert!(matches!(Reader::new(file, [0; 63]), Err(Error::BufferTooShort)));
}

proptest::proptest! {
    /// Whatever fault a file has, reading it ends, and its index agrees with what is read.
    #[test]
    fn damaged_files_end_and_are_indexed_as_they_are_read(
        damage in proptest::collection::vec((0_usize..6800, proptest::num::u8::ANY), 1..20),
        cut in 20_usize..6800,
        is_lab in proptest::bool::ANY,
    ) {
        let mut file = files(&pictures())[usize::from(is_lab)].clone();
        for (at, value) in damage {
            // The first bytes tell the format.
            if let Some(byte) = file.get_mut(at.max(8)) {
                *byte = value;
            }
        }
        file.truncate(cut);
        // A lab file that ends before its first frame does is none.
        if is_lab && cut < lab(&pictures()[0]).len() {
            return Ok(());
        }
        let (mut reader, mut index) = (open(&file, 8000, 100), open(&file, MIN_BUFFER, 33));
        for call in 0.. {
            assert!(call < 200);
            let read = reader.step(true);
            assert_eq!(read, index.next_span());
            let Ok(Some(FrameSpan { offset, len, .. })) = read else {
                if read == Ok(None) { break } else { continue }
            };
            assert_eq!(reader.frame().unwrap().data, &file[offset as usize..][..len as usize]);
        }
    }
}

#[test]
fn behind_damage_there_is_no_bookmark() {
    // The start of the next frame breaks the first one. A reader that resumed behind that start would miss the next frame.
    let whole = jpeg(40);
    let broken = [&[0xFF, 0xD8][..], &whole].concat();
    for file in [broken.clone(), lab(&broken)] {
        let mut reader = open(&file, LONGEST, 7);
        assert!(matches!(reader.advance(Instant::default(), Waker::noop()), Err(Error::Damaged { .. })));
        assert_eq!(reader.bookmark(), None);
        assert_eq!(all(&mut reader), [Found::Frame(0, whole.clone())]);
        assert_eq!(reader.bookmark().map(|bookmark| bookmark.number()), Some(1));
    }
}

#[test]
fn behind_a_frame_that_is_too_large_there_is_a_bookmark() {
    let pictures = [jpeg(900), jpeg(40)];
    for file in files(&pictures) {
        let mut reader = open(&file, pictures[1].len(), 100);
        assert!(matches!(reader.advance(Instant::default(), Waker::noop()), Err(Error::TooLarge { .. })));
        let bookmark = reader.bookmark().unwrap();
        reader.rewind();
        reader.resume(bookmark);
        assert_eq!(all(&mut reader), [Found::Frame(1, pictures[1].clone())]);
    }
}

#[test]
fn a_failed_read_leaves_no_bookmark_until_one_succeeds() {
    for file in files(&pictures()) {
        let mut reader = open(&file, LONGEST, 100);
        assert_eq!(reader.advance(Instant::default(), Waker::noop()), Ok(Advance::Ready));
        let bookmark = reader.bookmark();
        assert!(bookmark.is_some());
        reader.file.fails = 1;
        assert_eq!(reader.seek(5), Err(Error::Io(ErrorKind::Other)));
        assert_eq!(reader.bookmark(), None);
        reader.resume(bookmark.unwrap());
        assert_eq!(reader.bookmark(), bookmark);
    }
}
