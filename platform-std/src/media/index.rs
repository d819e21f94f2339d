//! Where the frames of an MJPEG file are, and whether RTP/JPEG can carry them: one pass over the file when it is opened.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use embedded_io::{ErrorType, Read, ReadExactError, Seek, SeekFrom};
use mutoscope::jpeg::{self, Layout, transcode};
use mutoscope::media::mjpeg::{self, Format, Reader};
use mutoscope::wire::rtp_jpeg::MAX_HEADER_SIDE;

use super::converter::{ConversionError, Converter};
use super::error::LibraryError;
use super::policy::{Conversion, Judgement, Policy};
use super::storage::Storage;

/// So many bytes are read at once while the pass looks for the next frame.
const CHUNK: usize = 64 * 1024;
/// Longer frames, in bytes, are left out: RTP/JPEG's offsets have 24 bits (RFC 2435 section 3.1.2), and each viewer would
/// hold such a frame in memory.
const MAX_FRAME: u32 = 1 << 24;
/// So many damaged places of a file are named in the log one by one.
const MAX_WARNINGS: u32 = 5;
/// The log says how far the pass is this often.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// The frames of a file: 12 bytes each.
#[derive(Debug)]
pub(super) struct Index {
    /// How the frames follow each other.
    pub format: Format,
    offsets: Vec<u64>,
    lengths: Vec<u32>,
    /// Width and height of the first frame that has any, in pixels.
    pub dimensions: (u16, u16),
    /// Why RTP/JPEG cannot carry the file: what is the matter with the first frame that it cannot carry, where these are most of
    /// the frames, or all that were tried.
    pub refusal: Option<String>,
}

impl Index {
    /// How many frames there are; at least one.
    pub(super) fn frames(&self) -> u32 {
        self.lengths.len() as u32
    }

    /// Offset and length of frame `number` in bytes.
    pub(super) fn span(&self, number: u32) -> Option<(u64, usize)> {
        let number = number as usize;
        Some((*self.offsets.get(number)?, *self.lengths.get(number)? as usize))
    }
}

/// What becomes of pictures for whose size RTP/JPEG's header has no room.
pub const LARGE_PICTURES: &str = "above 2040 pixels only the session description tells the size: GStreamer, VLC and \
    the player of this project read it; FFmpeg (ffplay, mpv, OpenCV), retina and go2rtc show no picture";

/// What becomes of interlaced pictures.
pub const FIELDS: &str =
    "fields of interlaced pictures (AVI1): each is sent as a picture of its own, of every other line";

/// Whether a file is one of the two fields of an interlaced picture, as capture cards for AVI write them: an APP0 segment says
/// which of the two.
pub fn is_field(jpeg: &[u8]) -> bool {
    matches!(jpeg, [0xff, 0xd8, 0xff, 0xe0, _, _, b'A', b'V', b'I', b'1', 1 | 2, ..])
}

/// Goes through a file of `len` bytes; the log calls it by its path. Fails where it is not MJPEG or cannot be read; what is
/// damaged within it is left out.
pub(super) fn build(storage: &dyn Storage, len: u64, path: &Path, policy: Policy) -> Result<Index, LibraryError> {
    let shown = &path.display().to_string();
    let cannot_read = |error| LibraryError::Read { path: path.to_owned(), error };
    let mut chunk = vec![0; CHUNK];
    let mut reader =
        Reader::new(StorageReader { storage, position: 0, len }, &mut chunk[..]).map_err(|error| match error {
            mjpeg::Error::Io(error) => cannot_read(error),
            error => LibraryError::Format { path: path.to_owned(), error },
        })?;
    let mut index =
        Index { format: reader.format(), offsets: Vec::new(), lengths: Vec::new(), dimensions: (0, 0), refusal: None };
    let mut summary = IndexSummary::new(policy);
    let mut progress = Progress::new(shown, len);
    let mut frame = Vec::new();
    let mut damages = 0;
    loop {
        let span = match reader.next_span() {
            Ok(Some(span)) => span,
            Ok(None) => break,
            Err(mjpeg::Error::Io(error)) => return Err(cannot_read(error)),
            Err(error) => {
                damages += 1;
                // A file of many damages must not fill a disk with them.
                if damages <= MAX_WARNINGS {
                    log::warn!("{shown}: {error}");
                }
                continue;
            }
        };
        progress.report(span.offset);
        if span.len > MAX_FRAME {
            log::warn!("{shown}: the frame at byte {} is left out: {} bytes are too many", span.offset, span.len);
            continue;
        }
        frame.resize(span.len as usize, 0);
        let mut file = StorageReader { storage, position: span.offset, len };
        file.read_exact(&mut frame).map_err(|error| match error {
            ReadExactError::UnexpectedEof => cannot_read(io::ErrorKind::UnexpectedEof.into()),
            ReadExactError::Other(error) => cannot_read(error),
        })?;
        let layout = Layout::parse(&frame);
        if let Ok(layout) = layout
            && index.dimensions == (0, 0)
        {
            index.dimensions = (layout.width, layout.height);
        }
        summary.count(index.frames(), &frame, layout);
        index.offsets.push(span.offset);
        index.lengths.push(span.len);
    }
    if index.lengths.is_empty() {
        return Err(LibraryError::NoPicture { path: path.to_owned() });
    }
    if damages > MAX_WARNINGS {
        log::warn!("{shown}: {damages} such places in all");
    }
    index.offsets.shrink_to_fit();
    index.lengths.shrink_to_fit();
    index.refusal = summary.verdict(index.frames(), shown);
    let (width, height) = index.dimensions;
    if index.refusal.is_none() && width.max(height) > MAX_HEADER_SIDE {
        log::warn!("{shown}: the pictures are {width}x{height}; {LARGE_PICTURES}");
    }
    log::debug!("{shown}: {} frames of {}x{}", index.frames(), index.dimensions.0, index.dimensions.1);
    Ok(index)
}

/// Counts what has to be done with the frames before RTP/JPEG can carry them.
struct IndexSummary {
    policy: Policy,
    /// Frames by [`Conversion`].
    conversions: [u32; 5],
    unservable: u32,
    /// The first frame that RTP/JPEG cannot carry, and what is the matter with it.
    first: Option<(u32, transcode::Error)>,
    /// [`OnUnsupported::Convert`](super::OnUnsupported::Convert) would help against that.
    could_be_converted: bool,
    /// Tries now and then whether what the headers promise can be had: a stream without pictures would be worse than none.
    probe: ProbeConversion,
    /// Frames that are fields.
    fields: u32,
    /// Frames that are not JPEG pictures at all.
    damaged: u32,
    first_damaged: Option<(u32, jpeg::Error)>,
}

impl IndexSummary {
    fn new(policy: Policy) -> Self {
        Self {
            policy,
            conversions: [0; 5],
            unservable: 0,
            first: None,
            could_be_converted: false,
            probe: ProbeConversion::default(),
            fields: 0,
            damaged: 0,
            first_damaged: None,
        }
    }

    fn count(&mut self, number: u32, jpeg: &[u8], layout: Result<Layout, jpeg::Error>) {
        self.fields += u32::from(is_field(jpeg));
        match layout.map(|layout| self.policy.judge(jpeg, &layout)) {
            Ok(Ok(judgement)) => {
                let conversion = judgement.conversion();
                self.conversions[conversion as usize] += 1;
                if let (Ok(layout), true) = (layout, conversion != Conversion::AsIs) {
                    self.probe.consider(number, jpeg, &layout, &judgement);
                }
            }
            Ok(Err(transcode::Error::Damaged(error))) | Err(error) => {
                self.damaged += 1;
                self.first_damaged.get_or_insert((number, error));
            }
            Ok(Err(reason)) => {
                self.unservable += 1;
                if self.first.is_none() {
                    self.first = Some((number, reason));
                    self.could_be_converted =
                        layout.is_ok_and(|layout| self.policy.can_do_more(&reason, jpeg, &layout));
                }
            }
        }
    }

    /// Logs the sums, and returns why the file is refused, if it is: a few frames may be left out, but not most of a file.
    fn verdict(&self, frames: u32, shown: &str) -> Option<String> {
        for conversion in [Conversion::Rewritten, Conversion::Resampled, Conversion::Requantised, Conversion::Encoded] {
            let count = self.conversions[conversion as usize];
            if count > 0 {
                log::info!("{shown}: {count} of {frames} frames are sent {conversion}");
            }
        }
        if self.fields > 0 {
            log::warn!("{shown}: {} of {frames} frames are {FIELDS}", self.fields);
        }
        if let Some((number, error)) = self.first_damaged {
            let count = self.damaged;
            log::warn!("{shown}: {count} of {frames} frames are damaged, the first is frame {number}: {error}");
        }
        let mut refusal = None;
        if let Some((number, reason)) = &self.first {
            let count = self.unservable;
            log::warn!(
                "{shown}: RTP/JPEG cannot carry {count} of {frames} frames, the first is frame {number}: {reason}"
            );
            if self.could_be_converted {
                log::warn!("{shown}: --on-unsupported convert would send them, with some loss");
            }
            refusal = (count > frames / 2).then(|| reason.to_string());
        }
        if let Some((number, failure)) = self.probe.failure()
            && self.conversions[Conversion::AsIs as usize] <= frames / 2
        {
            log::warn!("{shown}: no frame that was tried can be made ready, the first is frame {number}: {failure}");
            refusal.get_or_insert_with(|| failure.to_string());
        }
        if refusal.is_some() {
            log::warn!("{shown} is served to clients of the classic lab only");
        }
        refusal
    }
}

/// Converts some of the frames that need it until one succeeds: the first, the second, the fourth, the eighth and so on.
#[derive(Default)]
struct ProbeConversion {
    seen: u32,
    succeeded: bool,
    first_failure: Option<(u32, ConversionError)>,
}

impl ProbeConversion {
    fn consider(&mut self, number: u32, jpeg: &[u8], layout: &Layout, judgement: &Judgement) {
        self.seen += 1;
        if self.succeeded || !self.seen.is_power_of_two() {
            return;
        }
        match Converter::default().convert(jpeg, layout, judgement, &mut Vec::new()) {
            Ok(_) => self.succeeded = true,
            Err(failure) => {
                self.first_failure.get_or_insert((number, failure));
            }
        }
    }

    /// The first failure, where no attempt succeeded.
    fn failure(&self) -> Option<&(u32, ConversionError)> {
        self.first_failure.as_ref().filter(|_| !self.succeeded)
    }
}

/// Logs how far a long pass is.
struct Progress<'a> {
    shown: &'a str,
    len: u64,
    last: Instant,
}

impl<'a> Progress<'a> {
    fn new(shown: &'a str, len: u64) -> Self {
        Self { shown, len, last: Instant::now() }
    }

    fn report(&mut self, offset: u64) {
        if self.last.elapsed() >= PROGRESS_INTERVAL {
            self.last = Instant::now();
            let percent = u128::from(offset) * 100 / u128::from(self.len.max(1));
            log::info!("{}: looking for frames, {percent} % of {} MB", self.shown, self.len / 1_000_000);
        }
    }
}

/// A storage as the core reads it, with a position of its own.
struct StorageReader<'a> {
    storage: &'a dyn Storage,
    position: u64,
    len: u64,
}

impl ErrorType for StorageReader<'_> {
    type Error = io::Error;
}

impl Read for StorageReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.storage.read(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for StorageReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
