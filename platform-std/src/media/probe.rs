//! What the first pictures of a file say about all of them: their size, and whether RTP/JPEG can carry them.

use mutoscope::jpeg::{self, Layout, Tables, transcode};
use mutoscope::wire::rtp_jpeg::MAX_HEADER_SIDE;

use super::converter::{ConversionError, Converter};
use super::mending::parse_with;
use super::policy::{Conversion, Judgement, Policy};

/// So many pictures are looked at. A file whose pictures change later shows that when it is played.
const MAX_FRAMES: u32 = 32;
/// No more are looked at once they have had so many bytes.
const MAX_BYTES: usize = 32 << 20;

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

/// Counts what has to be done with frames before RTP/JPEG can carry them.
#[derive(Debug)]
pub(super) struct Probe {
    policy: Policy,
    /// Frames that were looked at, and their bytes.
    frames: u32,
    bytes: usize,
    /// Width and height of the first frame that has any, in pixels.
    pub(super) dimensions: (u16, u16),
    /// Frames by [`Conversion`].
    conversions: [u32; 5],
    unservable: u32,
    /// The first frame that RTP/JPEG cannot carry, and what is the matter with it.
    first: Option<(u32, transcode::Error)>,
    /// [`OnUnsupported::Convert`](super::OnUnsupported::Convert) would help against that.
    could_be_converted: bool,
    /// Tries now and then whether what the headers promise can be had: a stream without pictures would be worse than none.
    attempts: ProbeConversion,
    /// Frames that are fields.
    fields: u32,
    /// Frames that are not JPEG pictures at all.
    damaged: u32,
    first_damaged: Option<(u32, jpeg::Error)>,
    /// Those of the first frame that has any.
    pub(super) tables: Box<Tables>,
}

impl Probe {
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            policy,
            frames: 0,
            bytes: 0,
            dimensions: (0, 0),
            conversions: [0; 5],
            unservable: 0,
            first: None,
            could_be_converted: false,
            attempts: ProbeConversion::default(),
            fields: 0,
            damaged: 0,
            first_damaged: None,
            tables: Box::default(),
        }
    }

    /// Whether another picture would tell more.
    pub(super) fn wants_more(&self) -> bool {
        self.frames < MAX_FRAMES && self.bytes < MAX_BYTES
    }

    /// Looks at a picture.
    pub(super) fn count(&mut self, number: u32, jpeg: &mut Vec<u8>) {
        self.frames += 1;
        self.bytes += jpeg.len();
        if self.tables.is_empty() {
            // What cannot be learned is told below.
            let _ = self.tables.learn(jpeg);
        }
        let layout = parse_with(&self.tables, jpeg);
        if let Ok(layout) = layout
            && self.dimensions == (0, 0)
        {
            self.dimensions = (layout.width, layout.height);
        }
        self.fields += u32::from(is_field(jpeg));
        match layout.map(|layout| self.policy.judge(jpeg, &layout)) {
            Ok(Ok(judgement)) => {
                let conversion = judgement.conversion();
                self.conversions[conversion as usize] += 1;
                if let (Ok(layout), true) = (layout, conversion != Conversion::AsIs || self.policy.is_strict) {
                    self.attempts.consider(number, jpeg, &layout, &judgement);
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

    /// Why RTP/JPEG cannot carry the file, if it cannot: a few frames may be left out, but not most of those that were looked
    /// at. The log says the sums and calls the file `shown`.
    pub(super) fn verdict(&self, shown: &str) -> Option<String> {
        let frames = self.frames;
        for conversion in [Conversion::Rewritten, Conversion::Resampled, Conversion::Requantised, Conversion::Encoded] {
            let count = self.conversions[conversion as usize];
            if count > 0 {
                log::info!("{shown}: {count} of the first {frames} frames are sent {conversion}");
            }
        }
        if self.fields > 0 {
            log::warn!("{shown}: {} of the first {frames} frames are {FIELDS}", self.fields);
        }
        if let Some((number, error)) = self.first_damaged {
            let count = self.damaged;
            log::warn!("{shown}: {count} of the first {frames} frames are damaged, at first frame {number}: {error}");
        }
        let is_all_damaged = self.damaged == frames;
        let mut refusal = self.first_damaged.filter(|_| is_all_damaged).map(|(_, error)| error.to_string());
        if let Some((number, reason)) = &self.first {
            let count = self.unservable;
            log::warn!(
                "{shown}: RTP/JPEG cannot carry {count} of the first {frames} frames, at first frame {number}: {reason}"
            );
            if self.could_be_converted {
                log::warn!("{shown}: --on-unsupported convert would send them, with some loss");
            }
            refusal = refusal.or_else(|| (count > frames / 2).then(|| reason.to_string()));
        }
        if let Some((number, failure)) = self.attempts.failure()
            && (self.conversions[Conversion::AsIs as usize] <= frames / 2 || self.policy.is_strict)
        {
            log::warn!("{shown}: no frame that was tried can be made ready, at first frame {number}: {failure}");
            refusal.get_or_insert_with(|| failure.to_string());
        }
        if refusal.is_some() {
            log::warn!("{shown} is served to clients of the classic lab only");
        }
        let (width, height) = self.dimensions;
        if refusal.is_none() && width.max(height) > MAX_HEADER_SIDE {
            log::warn!("{shown}: the pictures are {width}x{height}; {LARGE_PICTURES}");
        }
        refusal
    }
}

/// Converts some of the frames that need it until one succeeds: the first, the second, the fourth, the eighth and so on.
#[derive(Debug, Default)]
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
