//! Boxes of QuickTime and MP4 (ISO/IEC 14496-12 section 4.2), and the fields in them.

/// What a box is.
pub(super) type Kind = [u8; 4];

/// A box's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// Bytes of the head.
    pub(super) len: usize,
    /// Bytes behind the head. `None`: it reaches as far as what it is in.
    pub(super) content: Option<u64>,
}

impl Header {
    /// Such heads have no more bytes.
    pub(super) const MAX_LEN: usize = 16;

    /// The head that begins with these bytes.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let size = u32_at(bytes, 0)?;
        let kind = *bytes.get(4..)?.first_chunk()?;
        let (len, content) = match size {
            0 => (8, None),
            1 => (16, Some(u64_at(bytes, 8)?.checked_sub(16)?)),
            _ => (8, Some(u64::from(size.checked_sub(8)?))),
        };
        Some(Self { kind, len, content })
    }
}

/// The boxes within a box: kinds and contents. What is no box ends them.
pub(super) fn children(mut bytes: &[u8]) -> impl Iterator<Item = (Kind, &[u8])> {
    std::iter::from_fn(move || {
        let header = Header::parse(bytes)?;
        let rest = bytes.get(header.len..)?;
        let len = header.content.map_or(Some(rest.len()), |len| usize::try_from(len).ok())?;
        let content = rest.get(..len)?;
        bytes = rest.get(len..)?;
        Some((header.kind, content))
    })
}

/// The first box of each kind, one within the other.
pub(super) fn child<'a>(bytes: &'a [u8], path: &[&Kind]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |bytes, wanted| children(bytes).find(|(kind, _)| kind == *wanted).map(|found| found.1))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|field| u32::from_be_bytes(*field))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|field| u64::from_be_bytes(*field))
}

/// Fields behind the times at which a track, its media or a film was made and changed: these have 4 bytes, or 8 in version 1.
pub(super) fn behind_dates(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, if is_version_1(bytes)? { 20 } else { 12 })
}

/// Whether times have 8 bytes.
pub(super) fn is_version_1(bytes: &[u8]) -> Option<bool> {
    bytes.first().map(|&version| version == 1)
}

/// The flags of a box that has a version.
pub(super) fn flags(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, 0).map(|word| word & 0xff_ffff)
}

/// The entries of a table, each of `N` bytes: as many as are told and there. `counted`: where their number stands.
pub(super) fn entries<const N: usize>(bytes: &[u8], counted: usize) -> Option<&[[u8; N]]> {
    let count = u32_at(bytes, counted)? as usize;
    let (entries, _) = bytes.get(counted + 4..)?.as_chunks();
    Some(&entries[..count.min(entries.len())])
}

/// The words of an entry.
pub(super) fn words<const N: usize, const WORDS: usize>(entry: &[u8; N]) -> [u32; WORDS] {
    const { assert!(N == 4 * WORDS) };
    std::array::from_fn(|at| u32_at(entry, 4 * at).unwrap_or(0))
}

/// Fields that stand one behind another, where flags tell which are there.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Option<Self> {
        Some(Self { rest: bytes.get(at..)? })
    }

    /// The next field, where it is there. The outer `None`: the box ends before that.
    pub(super) fn u32_if(&mut self, is_there: bool) -> Option<Option<u32>> {
        if !is_there {
            return Some(None);
        }
        let (field, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(Some(u32::from_be_bytes(*field)))
    }

    /// The next field of 8 bytes, likewise.
    pub(super) fn u64_if(&mut self, is_there: bool) -> Option<Option<u64>> {
        if !is_there {
            return Some(None);
        }
        let (field, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(Some(u64::from_be_bytes(*field)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_tell_sizes_in_three_ways() {
        let of = |size: &[u8], rest: &[u8]| Header::parse(&[size, b"moov", rest].concat());
        let header = |len, content| Some(Header { kind: *b"moov", len, content });
        assert_eq!(of(&[0, 0, 1, 0], &[]), header(8, Some(248)));
        assert_eq!(of(&[0; 4], &[]), header(8, None));
        assert_eq!(of(&[0, 0, 0, 1], &[0, 0, 0, 1, 0, 0, 0, 16]), header(16, Some(0x1_0000_0000)));
        // Sizes below that of the head, and heads that are cut.
        assert_eq!(of(&[0, 0, 0, 7], &[]), None);
        assert_eq!(of(&[0, 0, 0, 1], &[0, 0, 0, 0, 0, 0, 0, 15]), None);
        assert_eq!(of(&[0, 0, 0, 1], &[0; 7]), None);
        assert_eq!(Header::parse(&[0, 0, 0, 8, 1, 2, 3]), None);
    }

    #[test]
    fn tables_have_no_more_entries_than_bytes() {
        let table = [&[0; 4][..], &[0xff; 4], &[1, 2, 3, 4, 5, 6, 7, 8, 9]].concat();
        assert_eq!(entries::<4>(&table, 4), Some(&[[1, 2, 3, 4], [5, 6, 7, 8]][..]));
        assert_eq!(entries::<8>(&table, 8), None.or(Some(&[][..])));
        assert_eq!(entries::<4>(&table[..7], 4), None);
    }
}
