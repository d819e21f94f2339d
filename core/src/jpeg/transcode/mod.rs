//! Makes pictures of baseline JPEG files that RTP/JPEG can carry (RFC 2435), without decoding them.
//!
//! RTP/JPEG takes for granted that a picture is 4:2:0 or 4:2:2 in MCUs of one shape, with Annex K's Huffman tables and two
//! quantisation tables. Most JPEG files are something else, but what differs is how the coefficients are written, not
//! what they are. A [`Transcoder`] reads them with the file's tables and writes them anew: each decoder then shows the same
//! samples, bit by bit. It also
//! - leaves out restart markers, or keeps them on request ([`Policy::restart_markers`]);
//! - brings blocks into another order, such as those of a 4:2:2 file sampled 2x2,1x2,1x2, which is FFmpeg's way;
//! - adds neutral chroma to grey pictures;
//! - reads files of SOF1 that hold nothing but baseline;
//! - writes what libjpeg shows of damaged data, so that each decoder shows that. [`Flaws`] tell what was wrong.
//!
//! Where there is too much chroma for RTP/JPEG (4:4:4, 4:4:0) or too little (4:1:1), it resamples the chroma by its
//! coefficients: luma stays what it was and nothing is rounded to samples. Something is lost all the same, so this is done
//! only where [`Policy::convert`] asks for it.
//!
//! Progressive and arithmetic-coded pictures, and those with a scan for each component, say a little of all blocks at a time.
//! A caller that has memory for all coefficients of a picture lends it to a [`Recoder`], which carries the same without loss;
//! [`path`] tells which of the two a picture takes. The rest is refused with its reason.
//!
//! The transcoder takes no memory but its own 8 KB and some 2 KB of stack, and no more time than the file's length accounts
//! for: it keeps no blocks. Those that are needed in another order are decoded twice, but for FFmpeg's 4:2:2 in a buffer that has
//! room for a row of MCUs and half as much again: there the second row of blocks waits for the first one's end.

mod block;
mod coefficients;
mod huffman;
pub(super) mod mend;
mod plan;
mod reader;
mod recode_loop;
pub mod reduce;
mod resample;
mod rows;
mod source;
#[cfg(test)]
mod tests;
mod transcription;
mod writer;

use super::layout::{self, Coding, ErrorKind, Flaws, Layout, Span, Unsupported};
use super::{header, marker};
pub use coefficients::Recoder;
use plan::Plan;
use reader::Input;
use source::Source;
use transcription::Transcription;
use writer::{BlockBuffer, MAX_BLOCK};

/// The changes that are allowed to a picture that RTP/JPEG cannot carry as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Policy {
    /// Chroma may be resampled, and coefficients requantised, which loses something. Otherwise such pictures are refused.
    pub convert: bool,
    /// Restart markers are kept where the order of the blocks is. Otherwise they are left out: many receivers cannot
    /// read them.
    pub restart_markers: bool,
    /// What could be sent as it is is written anew as well, and so read to its end. A picture without an EOI is in any case:
    /// something may be missing before it, too.
    pub read_all: bool,
}

/// The change that a picture needs before RTP/JPEG can carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Change {
    /// Nothing.
    None,
    /// Its coefficients are written in another way.
    Lossless,
    /// Its chroma gets another width.
    Resampled,
    /// Its coefficients are rounded to multiples of other numbers, and its chroma may get another width.
    Requantised,
}

/// Why there is no picture for RTP/JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The file is damaged there.
    Damaged(layout::Error),
    /// RTP/JPEG has no means for what is in the file, or the [`Policy`] does not allow for it.
    Unsupported(Unsupported),
    /// The buffer is too short.
    Full {
        /// The length that this picture needs, in bytes.
        needed: usize,
    },
    /// The memory for coefficients is too small.
    Coefficients {
        /// The number of them that this picture has.
        needed: usize,
    },
}

impl From<layout::Error> for Error {
    fn from(error: layout::Error) -> Self {
        Self::Damaged(error)
    }
}

impl From<Unsupported> for Error {
    fn from(reason: Unsupported) -> Self {
        Self::Unsupported(reason)
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Damaged(error) => error.fmt(f),
            Self::Unsupported(reason) => reason.fmt(f),
            Self::Full { needed } => write!(f, "the picture needs a buffer of {needed} bytes"),
            Self::Coefficients { needed } => {
                write!(f, "the picture has {needed} coefficients, for which there is no room")
            }
        }
    }
}

impl core::error::Error for Error {}

/// The way of a picture to one that RTP/JPEG can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Path {
    /// Block by block, through a [`Transcoder`]; or there is nothing to be done.
    Streamed(Change),
    /// As a whole, through a [`Recoder`].
    Whole(Whole),
}

impl Path {
    /// The change to the picture.
    pub fn change(self) -> Change {
        match self {
            Self::Streamed(change) => change,
            Self::Whole(whole) => whole.change,
        }
    }
}

/// The task of a [`Recoder`], and its need for memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Whole {
    /// The change to the picture.
    pub change: Change,
    /// The number of coefficients that memory is needed for.
    pub coefficients: usize,
    /// No picture gets longer than this, in bytes. Real ones are some 2 to 15 % longer than baseline files with their own
    /// Huffman tables; see [`Error::Full`] for how long exactly.
    pub max_output_len: usize,
}

/// Finds out from a picture's headers which way it takes. `layout` is that of the same bytes.
///
/// A caller without memory for whole pictures asks [`change`] instead.
///
/// # Errors
/// [`Error::Unsupported`] and [`Error::Damaged`].
pub fn path(jpeg: &[u8], layout: &Layout, policy: Policy) -> Result<Path, Error> {
    Ok(judge(jpeg, layout, policy)?.path)
}

/// The verdict on the headers of one picture, for a [`Transcoder`] or a [`Recoder`] that carries it out without looking at them
/// again.
#[derive(Clone, Copy, Debug)]
pub struct Judgement {
    path: Path,
    policy: Policy,
    /// The transcoder's task. `Ok(None)`: there is nothing to do. An error: it cannot do it.
    streamed: Result<Option<(Source, Plan)>, Unsupported>,
    /// The recoder's task, where the picture takes that path.
    whole: Option<coefficients::Judgement>,
}

impl Judgement {
    /// The way of the picture.
    pub fn path(&self) -> Path {
        self.path
    }

    /// The changes that are allowed to the picture.
    pub fn policy(&self) -> Policy {
        self.policy
    }
}

/// Like [`path`], but keeps all that was found out on the way. `layout` is that of the same bytes.
///
/// # Errors
/// [`Error::Unsupported`] and [`Error::Damaged`].
pub fn judge(jpeg: &[u8], layout: &Layout, policy: Policy) -> Result<Judgement, Error> {
    match judge_streamed(jpeg, layout, policy) {
        Ok((change, plan)) => Ok(Judgement { path: Path::Streamed(change), policy, streamed: Ok(plan), whole: None }),
        Err(Error::Unsupported(reason)) => {
            let judgement = coefficients::judge(jpeg, layout, policy)?;
            let path = Path::Whole(Whole {
                change: judgement.change,
                coefficients: judgement.coefficients(),
                max_output_len: judgement.max_output_len(layout),
            });
            Ok(Judgement { path, policy, streamed: Err(reason), whole: Some(judgement) })
        }
        Err(error) => Err(error),
    }
}

/// Finds out from a picture's headers what a [`Transcoder`] has to do with it. `layout` is that of the same bytes.
///
/// # Errors
/// [`Error::Unsupported`] and [`Error::Damaged`].
pub fn change(jpeg: &[u8], layout: &Layout, policy: Policy) -> Result<Change, Error> {
    Ok(judge_streamed(jpeg, layout, policy)?.0)
}

/// No picture of a [`Transcoder`]'s gets longer than this, in bytes, whatever is in a file of this layout. Real files grow by
/// some 2 to 15 %; see [`Error::Full`] for how much exactly.
///
/// No symbol of AC coefficients grows by more than a factor of 11, which is Annex K's code for sixteen zeros where the file
/// spends one bit on it. DC coefficients take at most 22 bits, and so do the blocks that are added; a run of zeros that leads
/// beyond its block's end becomes three codes more. Resampled chroma may have any coefficients, and so may an MCU behind which
/// the data ends, one for each restart marker. All bytes may need stuffing.
pub fn max_output_len(jpeg: &[u8], layout: &Layout, policy: Policy) -> Result<usize, Error> {
    let (change, plan) = judge_streamed(jpeg, layout, policy)?;
    let Some((_, plan)) = plan.filter(|_| change != Change::None) else { return Ok(jpeg.len()) };
    let scan_bits = u64::from(layout.scan.len).saturating_mul(8);
    let blocks = u64::from(plan.new_blocks());
    let longest = blocks.saturating_mul(writer::BLOCK_BITS.into());
    let segments = if layout.restart_interval == 0 { 1 } else { u64::from(layout.scan.len / 2).saturating_add(1) };
    let recoded = scan_bits
        .saturating_mul(11)
        .saturating_add(blocks.saturating_mul((writer::DC_BITS + 3 * 11).into()))
        .saturating_add(segments.saturating_mul((10 * writer::BLOCK_BITS).into()));
    let bits = if plan.resamples() { longest } else { recoded.min(longest) };
    let scan = bits.div_ceil(8).saturating_mul(2);
    Ok(usize::try_from(scan).unwrap_or(usize::MAX).saturating_add(header::MAX_LEN).saturating_add(END.len()))
}

/// Blocks of luma that may be missing of a picture: all but the first of one of 7680x4320 pixels. They are made of nothing, and
/// a small file must not make a large picture.
const MAX_MISSING: u32 = 1 << 19;

/// An error where the file claims to hold so large a picture that more than [`MAX_MISSING`] blocks cannot be in its data, which
/// takes at least two bits for each. Arithmetic coding takes less than that, but not for anything that is worth looking at.
fn check_claim(layout: &Layout) -> Result<(), layout::Error> {
    let blocks = |pixels: u16| u32::from(pixels.div_ceil(8));
    let claimed = blocks(layout.width).saturating_mul(blocks(layout.height));
    if claimed.saturating_sub(layout.scan.len.saturating_mul(4)) > MAX_MISSING {
        let at = layout.scan.start.saturating_add(layout.scan.len);
        return Err(layout::Error { kind: ErrorKind::ScanTooShort, at });
    }
    Ok(())
}

/// The end of a file.
const END: [u8; 2] = [0xFF, marker::EOI];

/// A transcoder's task, and the parts that carry it out.
fn judge_streamed(jpeg: &[u8], layout: &Layout, policy: Policy) -> Result<(Change, Option<(Source, Plan)>), Error> {
    if let Ok(format) = layout.rtp_format()
        && (format.restart_interval == 0 || policy.restart_markers)
        && !policy.read_all
        && layout.has_end()
    {
        return Ok((Change::None, None));
    }
    // SOF1 may be no more than baseline; its components and samples tell.
    if !matches!(layout.coding, Coding::Baseline | Coding::ExtendedSequential) {
        return Err(Unsupported::Coding(layout.coding).into());
    }
    let (width, height) = (layout.width, layout.height);
    if width == 0 || height == 0 {
        return Err(Unsupported::Dimensions { width, height }.into());
    }
    if layout.is_rgb || !matches!(layout.components, 1 | 3) {
        return Err(Unsupported::ColorSpace.into());
    }
    if !layout.is_interleaved {
        return Err(Unsupported::Scans.into());
    }
    if !layout.shares_chroma_table || layout.quantization.iter().any(|&table| narrow(table, jpeg).is_none()) {
        return Err(Unsupported::QuantizationTables.into());
    }
    let sampling = Unsupported::Sampling(layout.sampling);
    if layout.precision != 8 {
        return Err(Unsupported::Precision(layout.precision).into());
    }
    check_claim(layout)?;
    let source = Source::parse(jpeg, layout)?;
    let plan = Plan::new(layout, &source).ok_or(sampling)?;
    match plan.resamples() {
        false => Ok((Change::Lossless, Some((source, plan)))),
        true if policy.convert => Ok((Change::Resampled, Some((source, plan)))),
        true => Err(sampling.into()),
    }
}

/// The entries of a quantisation table, where all of them fit 8 bits.
fn narrow(table: Span, jpeg: &[u8]) -> Option<[u8; 64]> {
    let bytes = table.of(jpeg);
    if let Ok(entries) = bytes.try_into() {
        return Some(entries);
    }
    let mut entries = [0; 64];
    let wide = bytes.as_chunks::<2>().0;
    for (entry, &[high, low]) in entries.iter_mut().zip(wide) {
        *entry = if high == 0 { low } else { return None };
    }
    (wide.len() == entries.len()).then_some(entries)
}

/// Writes pictures anew, one after the other. Some 8 KB: where the stack is short, keep it in a `static`.
///
/// [`transcode`](Self::transcode) makes whole files, for those who keep them. Where there is no room for a second picture,
/// [`start`](Self::start) and [`poll`](Self::poll) give the entropy-coded data piece by piece, each as long as the caller's
/// buffer, such as one packet's payload.
#[derive(Clone, Debug)]
pub struct Transcoder {
    machine: Transcription,
    scan: Span,
    fields: [u16; 3],
    kind: u8,
    quantization: [[u8; 64]; 2],
    /// A block that did not fit the caller's buffer: what of it is still to be given.
    spill: BlockBuffer,
    spilled: core::ops::Range<u16>,
}

impl Default for Transcoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Transcoder {
    /// Without a picture.
    pub const fn new() -> Self {
        Self {
            machine: Transcription::new(),
            scan: Span { start: 0, len: 0 },
            fields: [0; 3],
            kind: 0,
            quantization: [[0; 64]; 2],
            spill: [0; MAX_BLOCK],
            spilled: 0..0,
        }
    }

    /// Writes the picture as a JPEG file for which [`Layout::rtp_format`] is `Ok`. `layout` is that of the bytes of `jpeg`.
    ///
    /// Returns what was done and the length of the file; where that is [`Change::None`], nothing was written, and the
    /// picture can be sent as it is.
    ///
    /// # Errors
    /// All of [`Error`]; what `out` holds then is of no use.
    pub fn transcode(
        &mut self,
        jpeg: &[u8],
        layout: &Layout,
        policy: Policy,
        out: &mut [u8],
    ) -> Result<(Change, usize), Error> {
        let change = self.start(jpeg, layout, policy)?;
        self.write(change, jpeg, out)
    }

    /// [`transcode`](Self::transcode) of a picture that [`judge`] has judged. `jpeg` and `layout` are those it was given.
    ///
    /// # Errors
    /// All of [`Error`]; [`Error::Unsupported`] where the picture's path is [`Path::Whole`].
    pub fn transcode_judged(
        &mut self,
        jpeg: &[u8],
        layout: &Layout,
        judgement: &Judgement,
        out: &mut [u8],
    ) -> Result<(Change, usize), Error> {
        // After an error there is no picture under way.
        self.stop();
        let plan = judgement.streamed.as_ref().map_err(|&reason| reason)?;
        self.begin(jpeg, layout, judgement.policy, plan.as_ref())?;
        self.write(judgement.path.change(), jpeg, out)
    }

    /// Writes the whole of the picture that was begun.
    fn write(&mut self, change: Change, jpeg: &[u8], out: &mut [u8]) -> Result<(Change, usize), Error> {
        if change == Change::None {
            return Ok((change, 0));
        }
        let mut len = match header::emit(out, &self.fields()) {
            Some(len) => len,
            None => header::emit(&mut [0; header::MAX_LEN], &self.fields()).unwrap_or(header::MAX_LEN),
        };
        if let Some(rest) = out.get_mut(len..) {
            len = len.saturating_add(self.poll(jpeg, rest)?);
        }
        // Bytes that find no room are counted.
        let mut piece = [0; MAX_BLOCK];
        loop {
            match self.poll(jpeg, &mut piece)? {
                0 => break,
                more => len = len.saturating_add(more),
            }
        }
        let needed = len.saturating_add(END.len());
        match out.get_mut(len..needed) {
            Some(place) => {
                place.copy_from_slice(&END);
                Ok((change, needed))
            }
            None => Err(Error::Full { needed }),
        }
    }

    /// Begins a picture; [`poll`](Self::poll) and [`fields`](Self::fields) then give it. `layout` is that of the bytes of
    /// `jpeg`. Where this returns [`Change::None`], they give nothing, and the picture can be sent as it is.
    ///
    /// # Errors
    /// [`Error::Unsupported`] and [`Error::Damaged`].
    pub fn start(&mut self, jpeg: &[u8], layout: &Layout, policy: Policy) -> Result<Change, Error> {
        // After an error there is no picture under way.
        self.stop();
        let (change, plan) = judge_streamed(jpeg, layout, policy)?;
        self.begin(jpeg, layout, policy, plan.as_ref())?;
        Ok(change)
    }

    fn stop(&mut self) {
        self.machine.stop();
        self.spilled = 0..0;
    }

    /// Begins a picture with the plan for it; `None`: there is nothing to be done.
    fn begin(
        &mut self,
        jpeg: &[u8],
        layout: &Layout,
        policy: Policy,
        plan: Option<&(Source, Plan)>,
    ) -> Result<(), Error> {
        let Some((source, plan)) = plan else { return Ok(()) };
        let keeps_restarts = policy.restart_markers && layout.restart_interval != 0 && plan.keeps_mcus();
        let [luma, chroma] = layout.quantization.map(|table| narrow(table, jpeg).unwrap_or([1; 64]));
        self.quantization = [luma, chroma];
        self.kind = plan.kind;
        self.fields = [layout.width, layout.height, if keeps_restarts { layout.restart_interval } else { 0 }];
        self.scan = layout.scan;
        let input = Input { jpeg, scan: self.scan.of(jpeg) };
        self.machine
            .start(source, *plan, input, layout.restart_interval, keeps_restarts, &chroma)
            .map_err(|error| self.located(error))
    }

    /// What is wrong with the entropy-coded data of the picture under way, or of the last one, as far as it was read.
    pub fn flaws(&self) -> Flaws {
        self.machine.flaws()
    }

    /// The fields from which the headers of the picture under way are made, and those of its RTP packets.
    pub fn fields(&self) -> header::Fields<'_> {
        let [width, height, restart_interval] = self.fields;
        let [luma, chroma] = &self.quantization;
        header::Fields { kind: self.kind, width, height, restart_interval, luma, chroma, precision: 0 }
    }

    /// The next bytes of entropy-coded data, of the same `jpeg` that was begun with: fills `out`, but for the last bytes
    /// of the picture, and returns how many there are; 0: that was all. There is no EOI among them.
    ///
    /// # Errors
    /// [`Error::Damaged`], which ends the picture.
    pub fn poll(&mut self, jpeg: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let input = Input { jpeg, scan: self.scan.of(jpeg) };
        let mut len = 0_usize;
        loop {
            len = len.saturating_add(self.unspill(out.get_mut(len..).unwrap_or_default()));
            let rest = out.get_mut(len..).unwrap_or_default();
            if rest.is_empty() || self.machine.is_done() {
                return Ok(len);
            }
            // A window in the buffer itself spares a copy.
            let result = if rest.len() < MAX_BLOCK {
                self.machine.step(input, &mut self.spill).map(|written| self.spilled = 0..written as u16)
            } else {
                self.machine.run(input, rest).map(|written| len = len.saturating_add(written))
            };
            result.map_err(|error| self.located(error))?;
        }
    }

    /// Gives what was left over from the last block.
    fn unspill(&mut self, out: &mut [u8]) -> usize {
        if self.spilled.is_empty() {
            return 0;
        }
        let left = self.spill.get(usize::from(self.spilled.start)..usize::from(self.spilled.end)).unwrap_or(&[]);
        let len = left.len().min(out.len());
        if let (Some(place), Some(bytes)) = (out.get_mut(..len), left.get(..len)) {
            place.copy_from_slice(bytes);
        }
        self.spilled.start = self.spilled.start.saturating_add(len as u16);
        len
    }

    /// An error of the scan, counted from the start of the file.
    #[cold]
    fn located(&self, error: layout::Error) -> Error {
        Error::Damaged(layout::Error { at: error.at.saturating_add(self.scan.start), ..error })
    }
}
