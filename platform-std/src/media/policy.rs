//! What may be done with pictures that RTP/JPEG cannot carry, and what a picture's headers say about its way.

use std::fmt;

use mutoscope::jpeg::Layout;
use mutoscope::jpeg::transcode::{self, Change, Path};
#[cfg(feature = "convert")]
use mutoscope::jpeg::{Coding, Unsupported};

/// What is done with pictures that RTP/JPEG cannot carry without loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnsupported {
    /// Nothing: they are not sent, and the log says why.
    #[default]
    Refuse,
    /// Chroma of 4:4:4, 4:4:0 and 4:1:1 is resampled, samples of 12 bits become 8, and other colours than YCbCr are encoded
    /// anew. The last of these needs the feature `convert`.
    Convert,
}

/// What may be done with pictures, and which of them may be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Frames with restart markers are sent with them; otherwise the markers are left out.
    pub restart_markers: bool,
    /// What is done with pictures that RTP/JPEG cannot carry without loss.
    pub on_unsupported: OnUnsupported,
    /// Damaged pictures are refused. Otherwise they are mended where libjpeg shows them with no more than warnings: viewers get what
    /// it shows.
    pub is_strict: bool,
    /// Each picture is read to its end, and so all damage is found. Otherwise pictures that have an end and need not be written
    /// anew are sent unread.
    pub reads_all: bool,
}

/// How a picture gets to its viewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conversion {
    /// As it is.
    AsIs,
    /// With the same coefficients, written in another way.
    Rewritten,
    /// With chroma of another width.
    Resampled,
    /// With coefficients rounded to multiples of other numbers.
    Requantised,
    /// Decoded and encoded.
    Encoded,
}

impl From<Change> for Conversion {
    fn from(change: Change) -> Self {
        match change {
            Change::None => Self::AsIs,
            Change::Lossless => Self::Rewritten,
            Change::Resampled => Self::Resampled,
            Change::Requantised => Self::Requantised,
        }
    }
}

impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsIs => "as they are",
            Self::Rewritten => "rewritten without loss",
            Self::Resampled => "with resampled chroma and luma as it is",
            Self::Requantised => "with coefficients requantised",
            Self::Encoded => "decoded and encoded anew",
        })
    }
}

/// What the headers of one picture say about its way. It is found out once, by [`Policy::judge`], and a
/// [`Converter`](super::inspect::Converter) carries it out.
#[derive(Clone, Copy, Debug)]
pub struct Judgement {
    pub(super) way: Way,
    is_quick: bool,
    pub(super) is_strict: bool,
}

/// Which part of the project makes the picture that is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// None: the file is sent.
    AsIs,
    /// The core's transcoder or recoder.
    Transcoded(transcode::Judgement),
    /// The core's transcoder where something is wrong with the data, and otherwise none.
    Mended(transcode::Judgement),
    /// A decoder and an encoder.
    #[cfg(feature = "convert")]
    Encoded,
}

impl Judgement {
    /// What is done with the picture.
    pub fn conversion(&self) -> Conversion {
        match &self.way {
            Way::AsIs | Way::Mended(_) => Conversion::AsIs,
            Way::Transcoded(judgement) => judgement.path().change().into(),
            #[cfg(feature = "convert")]
            Way::Encoded => Conversion::Encoded,
        }
    }

    /// Whether the file itself is sent.
    pub(super) fn changes_nothing(&self) -> bool {
        matches!(self.way, Way::AsIs)
    }

    /// Whether a picture is made ready so soon that others may wait for it: within some 2 ms on a slow machine.
    pub(super) fn is_quick(&self) -> bool {
        self.is_quick
    }
}

impl Policy {
    /// What a picture's headers say about its way. `layout` is that of the bytes of `jpeg`.
    ///
    /// # Errors
    /// [`transcode::Error::Damaged`], and [`transcode::Error::Unsupported`] where the policy does not let the picture through.
    pub fn judge(self, jpeg: &[u8], layout: &Layout) -> Result<Judgement, transcode::Error> {
        let is_strict = self.is_strict;
        let policy = transcode::Policy {
            convert: self.on_unsupported == OnUnsupported::Convert,
            restart_markers: self.restart_markers,
            // Not many receivers read restart markers, and fewer read them where they are out of order.
            read_all: self.reads_all || is_strict || self.restart_markers && layout.restart_interval != 0,
        };
        match transcode::judge(jpeg, layout, policy) {
            Ok(judgement) if judgement.path() == Path::Streamed(Change::None) => {
                Ok(Judgement { way: Way::AsIs, is_quick: true, is_strict })
            }
            Ok(judgement) => {
                let is_quick = is_quick(judgement.path(), jpeg, layout);
                let can_be_sent =
                    layout.rtp_format().is_ok_and(|format| format.restart_interval == 0 || self.restart_markers);
                let way = if can_be_sent { Way::Mended(judgement) } else { Way::Transcoded(judgement) };
                Ok(Judgement { way, is_quick, is_strict })
            }
            #[cfg(feature = "convert")]
            Err(transcode::Error::Unsupported(reason)) if self.encodes(reason, layout) => {
                Ok(Judgement { way: Way::Encoded, is_quick: false, is_strict })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a picture that is refused with this error would be sent under [`OnUnsupported::Convert`].
    pub fn can_do_more(self, error: &transcode::Error, jpeg: &[u8], layout: &Layout) -> bool {
        let convert = Self { on_unsupported: OnUnsupported::Convert, ..self };
        self != convert && matches!(error, transcode::Error::Unsupported(_)) && convert.judge(jpeg, layout).is_ok()
    }

    /// Whether a decoder is to read what RTP/JPEG cannot carry.
    #[cfg(feature = "convert")]
    fn encodes(self, reason: Unsupported, layout: &Layout) -> bool {
        self.on_unsupported == OnUnsupported::Convert
            && matches!(reason, Unsupported::ColorSpace | Unsupported::Sampling(_))
            && is_decoded_well(layout)
    }
}

fn is_quick(path: Path, jpeg: &[u8], layout: &Layout) -> bool {
    let pixels = pixels(layout);
    match path {
        Path::Streamed(Change::None) => true,
        Path::Streamed(Change::Lossless) => jpeg.len() <= 128 * 1024 && pixels <= 1920 * 1088,
        Path::Streamed(_) => jpeg.len() <= 64 * 1024 && pixels <= 640 * 480,
        // Each scan may go through all blocks again.
        Path::Whole(_) => false,
    }
}

/// How many pixels the header claims.
pub(super) fn pixels(layout: &Layout) -> usize {
    usize::from(layout.width) * usize::from(layout.height)
}

/// Whether the decoder reads such pictures, and makes of them what others do. zune-jpeg 0.5 makes noise where luma has fewer
/// samples than chroma, and where a baseline picture has a scan for each component and less chroma vertically.
#[cfg(feature = "convert")]
fn is_decoded_well(layout: &Layout) -> bool {
    let most = |shift: u32| layout.factors.iter().map(|factors| factors >> shift & 15).max();
    let luma = |shift: u32| layout.factors.first().map(|factors| factors >> shift & 15);
    let is_full = luma(4) == most(4) && luma(0) == most(0);
    let is_apart = !layout.is_interleaved && layout.coding != Coding::Progressive;
    let is_read = matches!(layout.coding, Coding::Baseline | Coding::ExtendedSequential | Coding::Progressive);
    is_read && layout.precision == 8 && (layout.components != 3 || is_full && !(is_apart && most(0) > Some(1)))
}
