//! The target of the file readers.

use super::jpeg;
use core::task::Waker;
use mutoscope::media::mjpeg::{Bookmark, Error, Format, FrameSpan, MIN_BUFFER, Reader};
use mutoscope::media::{Advance, FrameSource};
use mutoscope::time::Instant;
use std::convert::Infallible;

/// A file in memory. Its first byte decides how much one read returns at the most.
struct File<'d> {
    data: &'d [u8],
    at: usize,
    most: usize,
}

impl embedded_io::ErrorType for File<'_> {
    type Error = Infallible;
}

impl embedded_io::Read for File<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let rest = self.data.get(self.at..).unwrap_or(&[]);
        let n = rest.len().min(buffer.len()).min(self.most);
        buffer[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        Ok(n)
    }
}

impl embedded_io::Seek for File<'_> {
    fn seek(&mut self, to: embedded_io::SeekFrom) -> Result<u64, Infallible> {
        self.at = match to {
            embedded_io::SeekFrom::Start(at) => at as usize,
            embedded_io::SeekFrom::End(by) => self.data.len().saturating_add_signed(by as isize),
            embedded_io::SeekFrom::Current(by) => self.at.saturating_add_signed(by as isize),
        };
        Ok(self.at as u64)
    }
}

/// A file of motion JPEG: read through, indexed and sought, it holds the same frames.
pub fn mjpeg(data: &[u8]) {
    let most = data.last().map_or(1, |&byte| 1 + usize::from(byte) * 8);
    let open = |len: usize| Reader::new(File { data, at: 0, most }, vec![0; len]);
    let Ok(mut scanner) = open(MIN_BUFFER) else { return };
    let mut reader = open(data.len().max(MIN_BUFFER)).expect("the same file");

    let Index { spans, bookmarks } = index(&mut scanner, data.len());
    check_spans(&spans, data);
    check_reading(&mut reader, &spans, data);

    // From the end to some frames, by number and by bookmark. Seeking hops over records of the lab's format unread, so that
    // it takes each for one frame; where that is not so, it may land elsewhere.
    let hops_well =
        scanner.format() == Format::Raw || spans.iter().map(Some).eq(records(data).iter().map(Option::as_ref));
    for number in [0, spans.len() / 2, spans.len().saturating_sub(1)] {
        let Some(span) = spans.get(number) else { break };
        let bytes = bytes_of(data, span);
        reader.seek(number as u32).expect("memory does not fail");
        if hops_well {
            assert_eq!(next(&mut reader, bytes), Some((number as u32, true)), "sought");
        }
        for &bookmark in bookmarks.iter().filter(|mark| mark.number() as usize == number) {
            reader.resume(bookmark);
            assert_eq!(next(&mut reader, bytes), Some((number as u32, true)), "resumed");
        }
    }
}

/// Where the frames of a file are, and how to come back to some of them.
struct Index {
    spans: Vec<FrameSpan>,
    bookmarks: Vec<Bookmark>,
}

/// Reads the whole file for its spans, past all damage.
fn index(scanner: &mut Reader<File<'_>, Vec<u8>>, len: usize) -> Index {
    let mut index = Index { spans: Vec::new(), bookmarks: Vec::new() };
    let (mut steps, mut time) = (0, None);
    loop {
        index.bookmarks.extend(scanner.bookmark());
        match scanner.next_span() {
            Ok(Some(span)) => {
                index.spans.push(span);
                assert!(scanner.time() >= time, "{:?} behind {time:?}", scanner.time());
                time = scanner.time();
            }
            Ok(None) => return index,
            Err(Error::Damaged { at } | Error::Truncated { at }) => {
                assert!(at <= len as u64);
                assert_eq!(scanner.bookmark(), None, "behind an error");
            }
            Err(error) => panic!("{error:?}"),
        }
        steps += 1;
        assert!(steps <= len + 1, "errors without end");
    }
}

/// Spans follow each other inside the file, and each begins and ends as a JPEG does, or says that it does not.
fn check_spans(spans: &[FrameSpan], data: &[u8]) {
    let mut end = 0;
    for span in spans {
        assert!(span.offset >= end, "{span:?} begins before {end}");
        end = span.offset + u64::from(span.len);
        assert!(end <= data.len() as u64, "{span:?} in {} bytes", data.len());
        assert!(data[span.offset as usize..].starts_with(&[0xff, 0xd8]));
        assert!(!span.has_end || data[..end as usize].ends_with(&[0xff, 0xd9]), "{span:?} has no end of image");
    }
}

/// As a source, the file gives the frames of these spans and then its end.
fn check_reading(reader: &mut Reader<File<'_>, Vec<u8>>, spans: &[FrameSpan], data: &[u8]) {
    let mut number = 0;
    loop {
        match reader.advance(Instant::default(), Waker::noop()) {
            Ok(Advance::Ready) => {
                let frame = reader.frame().expect("a frame that is ready");
                let span = &spans[number];
                assert_eq!(frame.number as usize, number);
                assert!(frame.data == bytes_of(data, span), "frame {number} is not what is in {span:?}");
                number += 1;
                assert_eq!(reader.position() as usize, number);
            }
            Ok(Advance::End) => break,
            Ok(Advance::Pending { .. } | Advance::Edge) => panic!("a file that is live"),
            Err(_) => {}
        }
    }
    assert_eq!(number, spans.len());
}

fn bytes_of<'d>(data: &'d [u8], span: &FrameSpan) -> &'d [u8] {
    &data[span.offset as usize..][..span.len as usize]
}

/// The records of the lab's format by their lengths; `None` where one is none.
fn records(data: &[u8]) -> Vec<Option<FrameSpan>> {
    let (mut records, mut at) = (Vec::new(), 0);
    while at < data.len() {
        let digits = data.get(at..at + 5).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        records.push(digits.map(|len| FrameSpan { offset: at as u64 + 5, len, has_end: true }));
        let Some(len) = digits else { break };
        at += 5 + len as usize;
    }
    records
}

/// The number of the next frame behind any damage, and whether it is these bytes (which are too many to print).
fn next<B: AsRef<[u8]> + AsMut<[u8]>>(reader: &mut Reader<File<'_>, B>, bytes: &[u8]) -> Option<(u32, bool)> {
    loop {
        match reader.advance(Instant::default(), Waker::noop()) {
            Ok(Advance::Ready) => return reader.frame().map(|frame| (frame.number, frame.data == bytes)),
            Ok(_) => return None,
            Err(_) => {}
        }
    }
}

/// Both formats, whole and damaged.
pub fn mjpeg_seeds() -> Vec<Vec<u8>> {
    let files = jpeg::seeds();
    let lab = |files: &[Vec<u8>]| -> Vec<u8> {
        files.iter().flat_map(|file| [format!("{:05}", file.len()).as_bytes(), file].concat()).collect()
    };
    let two = files[..2].concat();
    // One record with two JPEGs, and a thumbnail inside a segment.
    let record = lab(&[two.clone(), files[4].clone()]);
    let thumbnail = [&[0xff, 0xd8, 0xff, 0xe1, 0, 8, 0xff, 0xd8, 0xff, 0xd9, 1, 2][..], &files[1][2..]].concat();
    let small = files[4].repeat(12);
    let without_ends = files.iter().take(3).flat_map(|file| file[..file.len() - 2].to_vec()).collect();
    vec![
        lab(&files),
        files.concat(),
        without_ends,
        record,
        thumbnail,
        small,
        [&two[..two.len() - 40], &files[4]].concat(),
    ]
}
