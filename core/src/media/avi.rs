//! AVI files (RIFF, with OpenDML's extensions): the chunks between the pictures.
//!
//! The chunks are walked one after the other. Lists are entered, whatever length they tell, and their index is not looked at: so a file is read
//! alike whether the camera closed it, or lost its power while it wrote, and left lengths of 0 and no index behind.
//!
//! ```text
//!  RIFF n AVI   LIST n hdrl   avih   LIST n strl  strh  strf  indx   ...
//!               LIST n movi   LIST n rec   00dc n JPEG   01wb n sound   ix00 n index   ...
//!               idx1
//!  RIFF n AVIX  LIST n movi   ...
//! ```

use super::rate::FrameRate;
use crate::time::Duration;

/// What to do behind the head of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Read four bytes more: the list's type.
    ReadType,
    /// The chunks of the list follow.
    Enter,
    /// Read the content for [`Chunks::header`].
    ReadHeader,
    /// The content is a picture, or several.
    Picture,
    /// Pass the content.
    Skip,
}

/// What is known of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunks {
    /// The chunk whose head was read last.
    id: [u8; 4],
    /// How many stream headers were read.
    streams: u8,
    /// The last stream header.
    stream: Stream,
    /// The stream of the pictures.
    video: Option<Stream>,
    /// From the main header, for files whose stream header has no rate.
    micros_per_frame: u32,
    /// The pictures have begun.
    has_pictures: bool,
    /// How many chunks of the stream have begun, empty ones included.
    pub(super) count: u32,
    /// The last one is empty, or its length was never written: then it is not counted yet.
    is_empty: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    number: u8,
    is_video: bool,
    is_jpeg: bool,
    scale: u32,
    rate: u32,
}

impl Default for Chunks {
    fn default() -> Self {
        Self::new()
    }
}

impl Chunks {
    pub(super) const fn new() -> Self {
        const STREAM: Stream = Stream { number: 0, is_video: false, is_jpeg: false, scale: 0, rate: 0 };
        Self {
            id: [0; 4],
            streams: 0,
            stream: STREAM,
            video: None,
            micros_per_frame: 0,
            has_pictures: false,
            count: 0,
            is_empty: false,
        }
    }

    /// Whether the headers have been passed.
    pub(super) fn has_pictures(&self) -> bool {
        self.has_pictures
    }

    /// Whether the headers named a stream of motion JPEG.
    pub(super) fn has_video(&self) -> bool {
        self.video.is_some()
    }

    /// The rate of the chunks.
    pub(super) fn frame_rate(&self) -> Option<FrameRate> {
        let video = self.video?;
        FrameRate::new(video.rate, video.scale).or(FrameRate::new(1_000_000, self.micros_per_frame))
    }

    /// When the last chunk's picture is due; the second field of an interlaced picture half an interval later.
    pub(super) fn time(&self, is_second: bool) -> Option<Duration> {
        let before = u64::from(self.count.saturating_sub(1));
        let halves = before.saturating_mul(2).saturating_add(u64::from(is_second));
        let micros = self.frame_rate()?.micros(halves);
        Some(Duration::from_micros(micros / 2))
    }

    /// Whether these four bytes are the name of a chunk. Names that are in no list count only where a chunk is expected.
    pub(super) fn is_name(id: [u8; 4], is_aligned: bool) -> bool {
        let [a, b, c, d] = id;
        let is_of_stream = a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_lowercase() && d.is_ascii_lowercase();
        let is_known = is_of_stream || matches!(&id, b"RIFF" | b"LIST" | b"JUNK" | b"idx1");
        is_known || is_aligned && id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_'))
    }

    /// Takes the head of a chunk.
    pub(super) fn open(&mut self, id: [u8; 4], size: u32) -> Action {
        self.id = id;
        match &id {
            b"RIFF" | b"LIST" => Action::ReadType,
            b"avih" | b"strh" | b"strf" if !self.has_pictures => Action::ReadHeader,
            _ if self.is_picture(id) => {
                self.count = self.count.saturating_add(self.is_empty.into());
                self.is_empty = size == 0;
                self.count = self.count.saturating_add((!self.is_empty).into());
                if self.is_empty { Action::Skip } else { Action::Picture }
            }
            _ => Action::Skip,
        }
    }

    /// A picture begins that is in no chunk whose length is known.
    pub(super) fn picture_begins(&mut self) {
        self.is_empty = false;
        self.count = self.count.saturating_add(1);
    }

    /// The chunk that was opened last cannot have that length.
    pub(super) fn close(&mut self) {
        self.count = self.count.saturating_sub(1);
    }

    /// Goes to a place behind a picture, behind so many chunks.
    pub(super) fn resume(&mut self, count: u32) {
        (self.count, self.is_empty) = (count, false);
    }

    /// Takes the type of a list.
    pub(super) fn open_list(&mut self, kind: [u8; 4]) -> Action {
        match &kind {
            b"movi" => {
                self.has_pictures = true;
                Action::Enter
            }
            b"AVI " | b"AVIX" | b"hdrl" | b"strl" | b"rec " => Action::Enter,
            _ => Action::Skip,
        }
    }

    /// Whether a chunk of this name holds the stream's pictures, compressed (dc) or, as some writers say, not (db).
    pub(super) fn is_picture(&self, id: [u8; 4]) -> bool {
        let [tens, ones, b'd', b'c' | b'b'] = id else { return false };
        let number = tens.wrapping_sub(b'0').wrapping_mul(10).wrapping_add(ones.wrapping_sub(b'0'));
        tens.is_ascii_digit() && ones.is_ascii_digit() && self.video.is_some_and(|video| video.number == number)
    }

    /// Takes the first bytes of a header's content.
    ///
    /// ```text
    ///  strh  type, handler, flags, priority and language, initial frames, scale, rate, ...: 4 bytes each
    ///  strf  size, width, height, planes and bits, compression, ...: the same
    /// ```
    pub(super) fn header(&mut self, content: &[u8]) {
        let (words, _) = content.as_chunks::<4>();
        match (&self.id, words) {
            (b"avih", [micros, ..]) => self.micros_per_frame = u32::from_le_bytes(*micros),
            (b"strh", [kind, handler, _, _, _, scale, rate, ..]) => {
                self.stream = Stream {
                    number: self.streams,
                    is_video: kind == b"vids",
                    is_jpeg: is_jpeg(*handler),
                    scale: u32::from_le_bytes(*scale),
                    rate: u32::from_le_bytes(*rate),
                };
                self.streams = self.streams.saturating_add(1);
            }
            (b"strf", [_, _, _, _, compression, ..]) => {
                let stream = self.stream;
                if stream.is_video && (stream.is_jpeg || is_jpeg(*compression)) {
                    self.video.get_or_insert(stream);
                }
            }
            _ => {}
        }
    }
}

/// The names that motion JPEG goes by.
fn is_jpeg(name: [u8; 4]) -> bool {
    let name = name.map(|byte| byte.to_ascii_uppercase());
    matches!(
        &name,
        b"MJPG" | b"JPEG" | b"IJPG" | b"DMB1" | b"AVRN" | b"AVDJ" | b"ADJV" | b"MJPA" | b"CJPG" | b"QIVG" | b"ACDV"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(handler: &[u8; 4], compression: &[u8; 4], scale: u32, rate: u32) -> Chunks {
        let mut chunks = Chunks::new();
        assert_eq!(chunks.open(*b"avih", 56), Action::ReadHeader);
        chunks.header(&40_000_u32.to_le_bytes());
        for kind in [b"auds", b"vids"] {
            assert_eq!(chunks.open(*b"strh", 56), Action::ReadHeader);
            let zeros = [0; 12];
            chunks.header(&[&kind[..], handler, &zeros, &scale.to_le_bytes(), &rate.to_le_bytes()].concat());
            assert_eq!(chunks.open(*b"strf", 40), Action::ReadHeader);
            chunks.header(&[&[0; 16][..], compression].concat());
        }
        chunks
    }

    #[test]
    fn the_stream_of_motion_jpeg_is_found() {
        for (handler, compression, is_found) in [
            (b"MJPG", b"MJPG", true),
            (b"\0\0\0\0", b"mjpg", true),
            (b"dmb1", b"\0\0\0\0", true),
            (b"XVID", b"XVID", false),
        ] {
            let mut chunks = chunks(handler, compression, 1, 25);
            assert_eq!(chunks.has_video(), is_found);
            assert_eq!(chunks.is_picture(*b"01dc"), is_found);
            assert!(!chunks.is_picture(*b"00dc") && !chunks.is_picture(*b"01wb"));
            assert_eq!(chunks.open_list(*b"movi"), Action::Enter);
            assert!(chunks.has_pictures());
        }
    }

    #[test]
    fn chunks_are_due_at_the_streams_rate() {
        let mut ntsc = chunks(b"MJPG", b"MJPG", 1001, 30_000);
        assert_eq!(ntsc.frame_rate(), FrameRate::new(30_000, 1001));
        assert_eq!(ntsc.open(*b"01dc", 500), Action::Picture);
        assert_eq!(ntsc.time(false), Some(Duration::ZERO));
        assert_eq!(ntsc.time(true), Some(Duration::from_micros(16_683)));
        // A chunk without content is a picture that was left out: its time passes.
        assert_eq!(ntsc.open(*b"01dc", 0), Action::Skip);
        assert_eq!(ntsc.open(*b"01db", 500), Action::Picture);
        assert_eq!(ntsc.time(false), Some(Duration::from_micros(66_733)));
        assert_eq!(chunks(b"MJPG", b"MJPG", 0, 0).frame_rate(), FrameRate::new(1_000_000, 40_000));
    }
}
