//! The formats, and those of others.

/// The way in which frames follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Format {
    /// Records: a length in bytes as five characters, which are ASCII decimal digits, padded with zeros or spaces, and a JPEG
    /// file of that length. Ten digits do as well.
    Lab,
    /// JPEGs one after another.
    Raw,
    /// JPEGs, with the lines of `multipart/x-mixed-replace` before each.
    Multipart,
    /// The chunks of an AVI file.
    Avi,
}

impl core::fmt::Display for Format {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Lab => "lab records",
            Self::Raw => "raw JPEGs",
            Self::Multipart => "multipart/x-mixed-replace",
            Self::Avi => "AVI",
        })
    }
}

/// Whether files that begin so are known to be something else, which may have pictures in it nevertheless.
pub(in crate::media) fn is_foreign(bytes: &[u8]) -> bool {
    const NAMES: [&[u8]; 10] = [
        b"%PDF",
        b"PK\x03\x04",
        b"\x89PNG",
        b"GIF8",
        b"\x1A\x45\xDF\xA3",
        b"OggS",
        b"ID3",
        b"fLaC",
        b"7z\xBC\xAF",
        b"\x7FELF",
    ];
    let is_iso_media =
        bytes.get(4..8).is_some_and(|kind| matches!(kind, b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free"));
    let is_other_riff = bytes.starts_with(b"RIFF") && bytes.get(8..12).is_some_and(|kind| kind != b"AVI ");
    is_iso_media || is_other_riff || NAMES.iter().any(|name| bytes.starts_with(name))
}
