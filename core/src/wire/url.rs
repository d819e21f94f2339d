//! `rtsp://` URLs and the paths in them.

/// A checked view of an absolute RTSP URL: `rtsp://host[:port][/path][?query]`. User info is accepted and not kept in `Display`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url<'a> { text: &'a str }

impl<'a> Url<'a> {
    /// `None` where it is not an absolute RTSP URL, or holds NUL, control characters or spaces, a bad percent escape, or a bad port.
    pub fn parse(text: &'a str) -> Option<Self> { todo!() }
    /// Host as written, without the brackets of an IPv6 address.
    pub fn host(&self) -> &'a str { todo!() }
    pub fn port(&self) -> Option<u16> { todo!() }
    pub fn path(&self) -> Path<'a> { todo!() }
}

/// The path of a URL (or a lab request's file name), still percent-encoded. It is compared with names, never opened as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path<'a> { text: &'a str }

impl<'a> Path<'a> {
    /// Wraps a path; leading and trailing slashes carry no meaning. (Query and fragment are not part of it.)
    pub fn new(text: &'a str) -> Self { todo!() }
    /// As written, without leading and trailing slashes.
    pub fn as_str(&self) -> &'a str { self.text }
    /// Whether it names `name` once percent escapes are undone (`..` and `.` segments never match anything; `%2F` is not a separator, `%00` matches nothing).
    pub fn names(&self, name: &str) -> bool { todo!() }
    /// Splits off a last segment `trackID=0` (the control URL of our one stream): `(rest, Some(track number))`; other paths come back whole with `None`.
    pub fn split_track(&self) -> (Path<'a>, Option<u32>) { todo!() }
}
