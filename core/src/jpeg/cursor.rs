//! A position in a file, and what is read there.

use super::layout::{Error, ErrorKind, Span};

/// A position in the file, which segments have their own end for.
pub(super) struct Cursor<'a> {
    /// The file up to where this cursor may go.
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
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

    /// Where the next marker is and its second byte, passing any number of fill bytes (section B.1.1.2).
    pub(super) fn marker(&mut self) -> Result<(u32, u8), Error> {
        let start = self.error(ErrorKind::Marker);
        let [first] = self.array()?;
        if first != 0xFF {
            return Err(start);
        }
        loop {
            let [code] = self.array()?;
            if code != 0xFF {
                return Ok((start.at, code));
            }
        }
    }

    /// The content of a marker segment, behind its length.
    pub(super) fn segment(&mut self) -> Result<Cursor<'a>, Error> {
        let wrong = self.error(ErrorKind::Segment);
        let len = usize::from(u16::from_be_bytes(self.array()?));
        let start = self.at;
        self.take(len.checked_sub(2).ok_or(wrong)?)?;
        Ok(Cursor { bytes: self.bytes.get(..self.at).unwrap_or(&[]), at: start })
    }
}
