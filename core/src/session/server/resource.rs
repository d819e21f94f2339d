//! The URL of a request and the path in it, kept as ranges: slices would borrow the receive buffer.

use super::MAX_URI_LEN;
use crate::wire::url::Path;
use core::ops::Range;

/// Where the URL of a request (or a lab file name) and the path in it lie.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Resource {
    /// The URL's first byte, from the beginning of the request.
    start: u16,
    len: u8,
    pub(super) path: PathRange,
}

/// Where a stream's path lies in its URL.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PathRange {
    start: u8,
    len: u8,
}

// A URL that is carried out fits its one byte of length.
const _: () = assert!(MAX_URI_LEN <= u8::MAX as usize);

impl Resource {
    /// `url` has to be a slice of `request`, and `path` one of `url`. Otherwise they become empty.
    pub(super) fn locate(request: &[u8], url: &str, path: Path<'_>) -> Self {
        let at = range(request, url).unwrap_or_default();
        let start = u16::try_from(at.start).unwrap_or_default();
        let len = u8::try_from(at.len()).unwrap_or_default();
        Self { start, len, path: PathRange::locate(url, path) }
    }

    /// The URL, given the bytes that the request begins.
    pub(super) fn url<'a>(&self, request: &'a [u8]) -> &'a str {
        let start = usize::from(self.start);
        let url = request.get(start..start.saturating_add(self.len.into())).unwrap_or_default();
        core::str::from_utf8(url).unwrap_or_default()
    }
}

impl PathRange {
    fn locate(url: &str, path: Path<'_>) -> Self {
        let at = range(url.as_bytes(), path.as_str()).unwrap_or_default();
        Self { start: u8::try_from(at.start).unwrap_or_default(), len: u8::try_from(at.len()).unwrap_or_default() }
    }

    /// The path in its URL.
    pub(super) fn of<'a>(&self, url: &'a str) -> Path<'a> {
        let start = usize::from(self.start);
        Path::new(url.get(start..start.saturating_add(self.len.into())).unwrap_or_default())
    }
}

/// Where `part` lies in `whole`, told by their addresses; `None` where it is not a slice of it.
fn range(whole: &[u8], part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (end <= whole.len()).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_located_is_found_again_where_the_bytes_have_moved() {
        let request = "PLAY  rtsp://h/cam/trackID=0?x RTSP/1.0\r\n";
        let url = &request[6..30];
        let (stream, _) = Path::new(&url[8..]).split_track();
        let resource = Resource::locate(request.as_bytes(), url, stream);
        let moved = request.as_bytes().to_vec();
        assert_eq!(resource.url(&moved), "rtsp://h/cam/trackID=0?x");
        assert_eq!(resource.path.of(resource.url(&moved)).as_str(), "cam");
    }

    #[test]
    fn what_lies_elsewhere_or_nowhere_is_empty() {
        let request = b"OPTIONS * RTSP/1.0\r\n";
        let resource = Resource::locate(request, "elsewhere", Path::new(""));
        assert_eq!((resource.url(request), resource.path.of("rtsp://h/x").as_str()), ("", ""));
        assert_eq!(Resource { start: 15, len: 9, ..resource }.url(request), "", "beyond the end");
    }
}
