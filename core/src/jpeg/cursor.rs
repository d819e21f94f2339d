//! A position in a file, and what is read there.

use super::layout::{Error, ErrorKind, Flaw, Flaws, Span};
use super::marker;

/// A position in the file, which segments have their own end for.
pub(super) struct Cursor<'a> {
    /// The file up to where this cursor may go.
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// What was wrong on the way.
    pub(super) flaws: Flaws,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, flaws: Flaws::NONE }
    }

    pub(super) fn error(&self, kind: ErrorKind) -> Error {
        Error { kind, at: u32::try_from(self.at).unwrap_or(u32::MAX) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or(&[])
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let end = self.at.saturating_add(len);
        let taken = self.bytes.get(self.at..end).ok_or(self.error(ErrorKind::Truncated))?;
        self.at = end;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let truncated = self.error(ErrorKind::Truncated);
        self.take(N)?.try_into().map_err(|_| truncated)
    }

    pub(super) fn span(&mut self, len: usize) -> Result<Span, Error> {
        let start = self.at;
        self.take(len)?;
        Ok(Span { start: start as u32, len: len as u32 })
    }

    /// The next table of a DHT segment: class and id, how many codes there are of each length, and where the symbols are.
    pub(super) fn huffman_table(&mut self) -> Result<(u8, [u8; 16], Span), Error> {
        let [head] = self.array()?;
        let bits: [u8; 16] = self.array()?;
        let count = bits.iter().fold(0_usize, |sum, &n| sum.saturating_add(usize::from(n)));
        Ok((head, bits, self.span(count)?))
    }

    /// Where the next marker is and its second byte, passing any number of fill bytes (section B.1.1.2), and what else lies
    /// before it: that is no marker, and decoders pass it.
    #[inline]
    pub(super) fn marker(&mut self) -> Result<(u32, u8), Error> {
        match self.rest() {
            &[0xFF, code @ 1..=0xFE, ..] => {
                let at = self.at as u32;
                self.at = self.at.saturating_add(2);
                Ok((at, code))
            }
            _ => self.distant_marker(),
        }
    }

    #[cold]
    fn distant_marker(&mut self) -> Result<(u32, u8), Error> {
        let marker = next_marker(self.bytes, self.at);
        if marker.has_surplus {
            self.flaws.insert(Flaw::BetweenSegments);
        }
        self.at = marker.behind;
        let code = marker.code.ok_or(self.error(ErrorKind::Truncated))?;
        Ok((marker.at as u32, code))
    }

    /// The next marker that begins a segment, where it is, and the segment's content, behind its length. SOI and EOI have none,
    /// and are given without.
    pub(super) fn segment(&mut self) -> Result<(u32, u8, Cursor<'a>), Error> {
        loop {
            let (at, code) = self.marker()?;
            match code {
                // Inside headers TEM has no business, and does no harm.
                marker::TEM => {}
                marker::RST0..=marker::RST7 => self.flaws.insert(Flaw::StrayMarker),
                marker::SOI | marker::EOI | 0x00..=0xBF => return Ok((at, code, self.content(0)?)),
                _ => {
                    let wrong = self.error(ErrorKind::Segment);
                    let len = usize::from(u16::from_be_bytes(self.array()?));
                    if len < 2 {
                        // Nothing is known of it but that it does not reach as far as its own length.
                        let is_needed = matches!(code, marker::SOF0..=marker::SOF15)
                            || matches!(code, marker::DQT | marker::DRI | marker::SOS);
                        if is_needed {
                            return Err(wrong);
                        }
                        self.flaws.insert(Flaw::ShortSegment);
                    }
                    return Ok((at, code, self.content(len.saturating_sub(2))?));
                }
            }
        }
    }

    fn content(&mut self, len: usize) -> Result<Cursor<'a>, Error> {
        let start = self.at;
        self.take(len)?;
        Ok(Cursor::new(self.bytes.get(..self.at).unwrap_or(&[]), start))
    }
}

/// A marker that was looked for.
pub(super) struct Marker {
    /// Its second byte. `None`: the bytes end before.
    pub(super) code: Option<u8>,
    /// Where it is; the end of the bytes where there is none.
    pub(super) at: usize,
    /// The byte behind it.
    pub(super) behind: usize,
    /// There are bytes before it that are no fill bytes.
    pub(super) has_surplus: bool,
}

/// The next marker at or behind a place. An FF with zeros behind it is a byte of data, and so are several.
pub(super) fn next_marker(bytes: &[u8], from: usize) -> Marker {
    let mut at = from;
    let mut has_surplus = false;
    loop {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let skipped = rest.iter().position(|&byte| byte == 0xFF).unwrap_or(rest.len());
        has_surplus |= skipped > 0;
        at = at.saturating_add(skipped);
        let fill = rest.iter().skip(skipped).take_while(|&&byte| byte == 0xFF).count();
        let behind = at.saturating_add(fill);
        match bytes.get(behind) {
            // The last FF is part of the marker, or of nothing.
            None => return Marker { code: None, at: bytes.len(), behind: bytes.len(), has_surplus },
            Some(0) => {
                has_surplus = true;
                at = behind.saturating_add(1);
            }
            Some(&code) => {
                return Marker {
                    code: Some(code),
                    at: behind.saturating_sub(1),
                    behind: behind.saturating_add(1),
                    has_surplus,
                };
            }
        }
    }
}
