//! Elements of Matroska (RFC 9559), as far as a film of JPEGs takes them. Times are microseconds.

use std::time::{Duration, SystemTime};

/// A segment whose end is not known yet.
const UNKNOWN: u64 = (1 << 56) - 1;
/// Seconds from 1970 to 2001, from which Matroska counts.
const EPOCH: Duration = Duration::from_secs(978_307_200);

/// An element: its ID, how long it is, and its contents.
fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    [id, &size(content.len() as u64), content].concat()
}

/// A length, in the fewest bytes that hold it; one of all ones would be unknown.
fn size(len: u64) -> Vec<u8> {
    let bytes = (1..8_u32).find(|bytes| len < (1 << (7 * bytes)) - 1).unwrap_or(8);
    (len | 1 << (7 * bytes)).to_be_bytes()[8 - bytes as usize..].to_vec()
}

/// Room that is filled later.
fn void(len: usize) -> Vec<u8> {
    element(&[0xec], &vec![0; len.saturating_sub(2)])
}

/// What is known of a film.
#[derive(Clone, Copy, Debug)]
pub(super) struct Film {
    /// When its first picture was taken.
    pub(super) begin: SystemTime,
    pub(super) width: u16,
    pub(super) height: u16,
}

/// What is known of it at its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    /// How long it is, in microseconds.
    pub(super) length: u64,
    /// Where its index begins.
    pub(super) index: u64,
    /// Where the file ends.
    pub(super) end: u64,
}

/// What the file is, up to the length of what it contains.
fn start() -> Vec<u8> {
    let ebml = [
        element(&[0x42, 0x86], &[1]),
        element(&[0x42, 0xf7], &[1]),
        element(&[0x42, 0xf2], &[4]),
        element(&[0x42, 0xf3], &[8]),
        element(&[0x42, 0x82], b"matroska"),
        element(&[0x42, 0x87], &[4]),
        element(&[0x42, 0x85], &[2]),
    ];
    [&element(&[0x1a, 0x45, 0xdf, 0xa3], &ebml.concat())[..], &[0x18, 0x53, 0x80, 0x67]].concat()
}

/// The beginning of a file. It is as long at the end of a film as it was at its beginning.
pub(super) fn head(film: Film, ending: Option<Ending>) -> Vec<u8> {
    let mut out = start();
    // Places are counted from here.
    let contents = out.len() as u64 + 8;
    let len = ending.map_or(UNKNOWN, |ending| ending.end.saturating_sub(contents));
    out.extend((len | 1 << 56).to_be_bytes());
    // Players read it to its end, and it begins with where the index is.
    let seek_id = element(&[0x53, 0xab], &[0x1c, 0x53, 0xbb, 0x6b]);
    let place = ending.map_or(0, |ending| ending.index.saturating_sub(contents));
    let seek = [seek_id, element(&[0x53, 0xac], &place.to_be_bytes())].concat();
    let seek = element(&[0x11, 0x4d, 0x9b, 0x74], &element(&[0x4d, 0xbb], &seek));
    out.extend(if ending.is_some() { seek } else { void(seek.len()) });
    let length = element(&[0x44, 0x89], &ending.map_or(0.0, |ending| ending.length as f64).to_be_bytes());
    let length = if ending.is_some() { length } else { void(length.len()) };
    let since = film.begin.duration_since(SystemTime::UNIX_EPOCH + EPOCH).unwrap_or_default();
    let date = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX).to_be_bytes();
    let info = [
        element(&[0x2a, 0xd7, 0xb1], &1000_u32.to_be_bytes()),
        length,
        element(&[0x44, 0x61], &date),
        element(&[0x4d, 0x80], b"mutoscope"),
        element(&[0x57, 0x41], concat!("mutoscope ", env!("CARGO_PKG_VERSION")).as_bytes()),
    ];
    out.extend(element(&[0x15, 0x49, 0xa9, 0x66], &info.concat()));
    let video = [element(&[0xb0], &film.width.to_be_bytes()), element(&[0xba], &film.height.to_be_bytes())];
    let track = [
        element(&[0xd7], &[1]),
        element(&[0x73, 0xc5], &[1]),
        element(&[0x83], &[1]),
        element(&[0x9c], &[0]),
        element(&[0x86], b"V_MJPEG"),
        element(&[0xe0], &video.concat()),
    ];
    out.extend(element(&[0x16, 0x54, 0xae, 0x6b], &element(&[0xae], &track.concat())));
    out
}

/// How long a film is, in microseconds, of which this is the beginning; `None`: it has not ended as it should, or is none of ours.
pub(super) fn length(beginning: &[u8]) -> Option<u64> {
    let id = [0x44, 0x89, 0x88];
    let at = beginning.windows(id.len()).position(|bytes| bytes == id)? + id.len();
    let length = f64::from_be_bytes(beginning.get(at..at + 8)?.try_into().ok()?);
    (0.0..=1e15).contains(&length).then_some(length as u64)
}

/// What stands before a picture of `len` bytes: a cluster of its own, with its time.
pub(super) fn before_picture(time: u64, len: usize) -> Vec<u8> {
    let timestamp = element(&[0xe7], &time.to_be_bytes());
    // Track 1, at the time of the cluster, a picture that needs no other.
    let block = [0x81, 0, 0, 0x80];
    let block_len = (block.len() + len) as u64;
    let block_head = [&[0xa3][..], &size(block_len)].concat();
    let cluster_len = (timestamp.len() + block_head.len()) as u64 + block_len;
    [&[0x1f, 0x43, 0xb6, 0x75][..], &size(cluster_len), &timestamp, &block_head, &block].concat()
}

/// The index: times, and where in the file the clusters of these times begin.
pub(super) fn index(points: &[(u64, u64)]) -> Vec<u8> {
    let contents = start().len() as u64 + 8;
    let point = |&(time, offset): &(u64, u64)| {
        let place = offset.saturating_sub(contents).to_be_bytes();
        let track = [element(&[0xf7], &[1]), element(&[0xf1], &place)];
        element(&[0xbb], &[element(&[0xb3], &time.to_be_bytes()), element(&[0xb7], &track.concat())].concat())
    };
    element(&[0x1c, 0x53, 0xbb, 0x6b], &points.iter().flat_map(point).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_as_few_bytes_as_they_can() {
        for (len, bytes) in [(0, &[0x80][..]), (126, &[0xfe]), (127, &[0x40, 127]), (0x3ffe, &[0x7f, 0xfe])] {
            assert_eq!(size(len), bytes, "{len}");
        }
        assert_eq!(size(0x3fff), [0x20, 0x3f, 0xff]);
    }

    #[test]
    fn the_beginning_keeps_its_length() {
        let film = Film { begin: SystemTime::UNIX_EPOCH, width: 640, height: 480 };
        let ending = Ending { length: u64::MAX, index: 1 << 40, end: 1 << 41 };
        assert_eq!(head(film, None).len(), head(film, Some(ending)).len());
    }

    #[test]
    fn the_beginning_tells_the_length_of_what_has_ended() {
        let film = Film { begin: SystemTime::UNIX_EPOCH, width: 640, height: 480 };
        let ended = head(film, Some(Ending { length: 600_012_345, index: 1 << 40, end: 1 << 41 }));
        assert_eq!((length(&ended), length(&head(film, None))), (Some(600_012_345), None));
        for cut in 0..ended.len() {
            assert!(length(&ended[..cut]).is_none_or(|length| length == 600_012_345));
        }
    }
}
