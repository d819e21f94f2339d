//! Files for the tests of this folder.

use crate::jpeg::{header, tables};
use std::vec::Vec;

/// A JPEG whose scan is `len` bytes, with stuffing but without meaning.
pub(super) fn jpeg(len: usize) -> Vec<u8> {
    jpeg_with(&[], len)
}

/// The same JPEG, with segments inserted behind SOI.
pub(super) fn jpeg_with(segments: &[u8], len: usize) -> Vec<u8> {
    let (luma, chroma) = tables::quantization(50);
    let fields = header::Fields {
        kind: 1,
        width: 32,
        height: 16,
        restart_interval: 0,
        luma: &luma,
        chroma: &chroma,
        precision: 0,
    };
    let mut buffer = [0; header::MAX_LEN];
    let header_len = header::emit(&mut buffer, &fields).unwrap();
    let mut scan: Vec<u8> = (0..len).map(|at| if at % 16 == 3 { 0xFF } else { (at % 16 * 13) as u8 }).collect();
    scan.iter_mut().skip(4).step_by(16).for_each(|stuffing| *stuffing = 0);
    // If the last byte were FF, it would swallow the EOI.
    scan.iter_mut().last().into_iter().for_each(|last| *last = 0);
    [&buffer[..2], segments, &buffer[2..header_len], &scan, &[0xFF, 0xD9]].concat()
}

pub(super) fn segment(code: u8, content: &[u8]) -> Vec<u8> {
    [&[0xFF, code][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
}

/// A record of the lab's format.
pub(super) fn lab(jpegs: &[u8]) -> Vec<u8> {
    [std::format!("{:05}", jpegs.len()).as_bytes(), jpegs].concat()
}

/// AVI files.
pub(super) mod avi {
    use std::vec::Vec;

    /// What an AVI file is like.
    #[derive(Clone, Debug)]
    pub(in crate::media) struct Avi {
        /// The contents of the chunks.
        pub(in crate::media) pictures: Vec<Vec<u8>>,
        pub(in crate::media) codec: &'static [u8; 4],
        /// A chunk of sound stands before each picture.
        pub(in crate::media) has_sound: bool,
        /// Picture and sound are in a list of their own.
        pub(in crate::media) has_records: bool,
        /// OpenDML: so many pictures are in one RIFF list.
        pub(in crate::media) per_riff: usize,
        pub(in crate::media) has_index: bool,
        /// The lengths of the lists were never written.
        pub(in crate::media) is_open: bool,
        /// It stands before each picture.
        pub(in crate::media) garbage: &'static [u8],
        /// Odd chunks have no padding.
        pub(in crate::media) is_unpadded: bool,
    }

    impl Default for Avi {
        fn default() -> Self {
            Self {
                pictures: Vec::new(),
                codec: b"MJPG",
                has_sound: false,
                has_records: false,
                per_riff: usize::MAX,
                has_index: true,
                is_open: false,
                garbage: b"",
                is_unpadded: false,
            }
        }
    }

    pub(in crate::media) fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let padding = &[0][..content.len() % 2];
        [&name[..], &(content.len() as u32).to_le_bytes(), content, padding].concat()
    }

    pub(in crate::media) fn list(name: &[u8; 4], kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        chunk(name, &[kind, content].concat())
    }

    /// A stream of sound and one of pictures, 25 a second.
    pub(in crate::media) fn avi(avi: &Avi) -> Vec<u8> {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        let stream = |kind: &[u8; 4], codec: &[u8; 4]| {
            let strh = [&kind[..], codec, &words(&[0, 0, 0, 2, 50, 0, 99, 0, 0, 0, 0, 0])].concat();
            let strf = [&words(&[40, 32, 16, 0x18_0001]), &codec[..], &words(&[1536, 0, 0, 0, 0])].concat();
            list(b"LIST", b"strl", &[chunk(b"strh", &strh), chunk(b"strf", &strf), chunk(b"indx", &[0; 24])].concat())
        };
        let headers = [chunk(b"avih", &[0; 56]), stream(b"auds", b"\0\0\0\0"), stream(b"vids", avi.codec)].concat();
        let mut file = Vec::new();
        for (number, pictures) in avi.pictures.chunks(avi.per_riff.min(avi.pictures.len()).max(1)).enumerate() {
            let mut movi = Vec::new();
            for picture in pictures {
                let mut pair = avi.garbage.to_vec();
                if avi.has_sound {
                    pair.extend(chunk(b"00wb", b"\xFF\xD8\xFF sound"));
                }
                pair.extend(chunk(b"01dc", picture));
                if avi.is_unpadded && picture.len() % 2 == 1 {
                    pair.pop();
                }
                movi.extend(if avi.has_records { list(b"LIST", b"rec ", &pair) } else { pair });
            }
            if number > 0 {
                movi.extend(chunk(b"ix01", &[7; 33]));
            }
            let movi = list(b"LIST", b"movi", &movi);
            let index = if avi.has_index { chunk(b"idx1", b"\xFF\xD8\xFF which is wrong") } else { Vec::new() };
            let (kind, headers) = if number == 0 {
                (b"AVI ", [list(b"LIST", b"hdrl", &headers), chunk(b"JUNK", &[0; 101])].concat())
            } else {
                (b"AVIX", Vec::new())
            };
            file.extend(list(b"RIFF", kind, &[headers, movi, index].concat()));
        }
        if avi.is_open {
            let movi = file.windows(4).position(|name| name == b"movi").unwrap();
            file[4..8].fill(0);
            file[movi - 4..movi].fill(0);
        }
        file
    }
}
