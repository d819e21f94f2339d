//! Recodes pictures that have to be read as a whole: progressive ones, those with a scan for each component, and
//! arithmetic-coded ones.
//!
//! A [`Transcoder`](super::Transcoder) works block by block. A [`Recoder`] does the same once it has all coefficients of the
//! picture, for which its caller lends the memory. Nothing is decoded to samples either: each decoder shows the same picture
//! as of the file. [`path`](super::path) tells which of the two a picture takes, and how much memory.
//!
//! Where something has to be lost, it is as little as there can be, and only with
//! [`Policy::convert`](super::Policy::convert): chroma is resampled as the transcoder does it; samples of 12 bits, tables
//! with entries above 255, and a table for Cr that is not Cb's are requantised: each coefficient is rounded to the nearest
//! multiple of the new table's entry, which is the old one, brought to 8 bits. Of two tables for chroma, the smaller entries
//! are taken.
//!
//! Coefficients that a file does not send are zero, or what libjpeg-turbo [guesses](smoothing) in their place. Arithmetic-coded data may leave out any number of
//! zeros at its end, so that damage is found in it less often.

pub(super) mod arithmetic;
mod frame;
mod huffman;
mod output;
mod smoothing;

use super::super::cursor::Cursor;
use super::super::layout::{self, Coding, ErrorKind, Flaw, Flaws, Layout, Unsupported};
use super::super::{header, marker};
use super::huffman::{Definition, Symbols};
use super::plan::Carriage;
use super::writer::{AC_BITS, BLOCK_BITS, DC_BITS};
use super::{Change, Error, Policy, check_claim};
use arithmetic::{Arithmetic, Conditioning, Statistics};
use frame::{Block, Planes, ScannedFrame, Table};
use huffman::{Huffman, Tables};
use output::{Requantisation, Shown};
use smoothing::Smoothing;

/// The task for one picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judgement {
    pub(super) change: Change,
    carriage: Carriage,
    planes: Planes,
}

impl Judgement {
    /// So many coefficients are kept.
    pub(super) fn coefficients(&self) -> usize {
        (self.planes.blocks as usize).saturating_mul(64)
    }

    /// See [`max_output_len`](super::max_output_len).
    pub(super) fn max_output_len(&self, layout: &Layout) -> usize {
        let [luma, ..] = &self.planes.planes;
        let rows = u32::from(self.carriage.luma_rows());
        let mcus = u64::from(luma.across.div_ceil(2)).saturating_mul(luma.down.div_ceil(rows).into());
        let blocks = mcus.saturating_mul(u64::from(rows).saturating_mul(2).saturating_add(2));
        let longest = blocks.saturating_mul(BLOCK_BITS.into());
        let bits = match layout.coding {
            // Any number of decisions may take no bits.
            Coding::Arithmetic => longest,
            _ if self.carriage.resamples() => longest,
            // A coefficient that is not zero takes a code and a sign, and the zeros before it become at most three codes of 11 in
            // each block, which ends with 4. Nine coefficients may be guessed. Behind each marker, data may end in an MCU, whose blocks may hold anything.
            _ => {
                let scan_bits = u64::from(layout.scan.len).saturating_mul(8);
                let guessed = if layout.coding == Coding::Progressive { 9 * AC_BITS } else { 0 };
                let blocks = blocks.saturating_mul((DC_BITS + 3 * 11 + 4).saturating_add(guessed).into());
                let ends = (scan_bits / 16).saturating_add(1).saturating_mul((10 * BLOCK_BITS).into());
                longest.min(blocks.saturating_add((scan_bits / 2).saturating_mul(AC_BITS.into())).saturating_add(ends))
            }
        };
        let scan = bits.div_ceil(8).saturating_mul(2);
        let scan = usize::try_from(scan).unwrap_or(usize::MAX);
        scan.saturating_add(header::MAX_LEN).saturating_add(super::END.len())
    }
}

/// The verdict on a picture that the transcoder cannot take, from the headers up to the first scan.
pub(super) fn judge(jpeg: &[u8], layout: &Layout, policy: Policy) -> Result<Judgement, Error> {
    let is_known = matches!(
        layout.coding,
        Coding::Baseline | Coding::ExtendedSequential | Coding::Progressive | Coding::Arithmetic
    );
    if !is_known {
        return Err(Unsupported::Coding(layout.coding).into());
    }
    if layout.is_rgb || !matches!(layout.components, 1 | 3) {
        return Err(Unsupported::ColorSpace.into());
    }
    if !matches!(layout.precision, 8 | 12) {
        return Err(Unsupported::Precision(layout.precision).into());
    }
    let (width, height) = (layout.width, layout.height);
    let planes = Planes::new(layout).ok_or(Unsupported::Dimensions { width, height })?;
    let sampling = Unsupported::Sampling(layout.sampling);
    check_claim(layout)?;
    let carriage = Carriage::of(planes.planes.map(|plane| (plane.columns, plane.rows))).ok_or(sampling)?;
    let is_large = |table: layout::Span| table.len == 128 && table.of(jpeg).iter().step_by(2).any(|&high| high != 0);
    let has_other_tables = !layout.shares_chroma_table || layout.quantization.iter().any(|&table| is_large(table));
    let (change, reason) = if layout.precision != 8 {
        (Change::Requantised, Unsupported::Precision(layout.precision))
    } else if has_other_tables {
        (Change::Requantised, Unsupported::QuantizationTables)
    } else if carriage.resamples() {
        (Change::Resampled, sampling)
    } else {
        (Change::Lossless, sampling)
    };
    if change != Change::Lossless && !policy.convert {
        return Err(reason.into());
    }
    Ok(Judgement { change, carriage, planes })
}

/// The circumstances in which scans are read.
struct Context<'a> {
    file: &'a [u8],
    planes: &'a Planes,
    conditioning: Conditioning,
    restart_interval: u16,
}

/// A scan header is not longer, behind its length: three components (section B.2.3).
const MAX_SCAN_HEADER: usize = 10;

/// Recodes pictures that have to be read as a whole. Some 11 KB: where the stack is short, keep it in a `static`.
#[derive(Clone, Debug)]
pub struct Recoder {
    huffman: Tables,
    statistics: Statistics,
    /// Quantisation tables by id, as they are now.
    quantization: [Option<Table>; 4],
    /// Those of the components, as they were at their first scans.
    components: [Table; 3],
    /// What was wrong with the last picture's scans and what lies between them.
    flaws: Flaws,
}

impl Default for Recoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recoder {
    /// Without a picture.
    pub const fn new() -> Self {
        Self {
            huffman: Tables::new(),
            statistics: Statistics::NONE,
            quantization: [None; 4],
            components: [[1; 64]; 3],
            flaws: Flaws::NONE,
        }
    }

    /// What is wrong with the entropy-coded data of the last picture.
    pub fn flaws(&self) -> Flaws {
        self.flaws
    }

    /// Writes a picture for which [`path`](super::path) is [`Path::Whole`](super::Path::Whole) as a JPEG file for which
    /// [`Layout::rtp_format`] is `Ok`, without restart markers. `layout` is that of the bytes of `jpeg`; `coefficients` is
    /// memory with whatever contents, at least as much as `path` says.
    ///
    /// Returns what was done and the length of the file.
    ///
    /// # Errors
    /// All of [`Error`]; what `out` holds then is of no use. [`Error::Unsupported`] may come only now: tables may be defined
    /// anew before later scans.
    pub fn transcode(
        &mut self,
        jpeg: &[u8],
        layout: &Layout,
        policy: Policy,
        coefficients: &mut [i16],
        out: &mut [u8],
    ) -> Result<(Change, usize), Error> {
        self.recode(jpeg, layout, policy, &judge(jpeg, layout, policy)?, coefficients, out)
    }

    /// [`transcode`](Self::transcode) of a picture that [`judge`](super::judge) has judged. `jpeg` and `layout` are those it
    /// was given.
    ///
    /// # Errors
    /// Those of [`transcode`](Self::transcode).
    pub fn transcode_judged(
        &mut self,
        jpeg: &[u8],
        layout: &Layout,
        judgement: &super::Judgement,
        coefficients: &mut [i16],
        out: &mut [u8],
    ) -> Result<(Change, usize), Error> {
        let policy = judgement.policy;
        // A picture that a transcoder takes can be recoded as well.
        let judgement = judgement.whole.map_or_else(|| judge(jpeg, layout, policy), Ok)?;
        self.recode(jpeg, layout, policy, &judgement, coefficients, out)
    }

    fn recode(
        &mut self,
        jpeg: &[u8],
        layout: &Layout,
        policy: Policy,
        judgement: &Judgement,
        coefficients: &mut [i16],
        out: &mut [u8],
    ) -> Result<(Change, usize), Error> {
        let Judgement { carriage, planes, .. } = *judgement;
        let end = layout.scan.start.saturating_add(layout.scan.len) as usize;
        let file = jpeg.get(..end).unwrap_or(jpeg);
        let blocks = coefficients.as_chunks_mut::<64>().0;
        let needed = (planes.blocks as usize).saturating_mul(64);
        let blocks = blocks.get_mut(..planes.blocks as usize).ok_or(Error::Coefficients { needed })?;
        blocks.fill([0; 64]);
        let frame = self.read(file, layout, &planes, blocks)?;

        let scale = if frame.precision == 8 { 1 } else { 16 };
        let [luma, chroma] = match layout.components {
            1 => {
                let [grey, ..] = self.components;
                output::tables(&[grey; 3], scale)
            }
            _ => output::tables(&self.components, scale),
        };
        let mut change = if carriage.resamples() { Change::Resampled } else { Change::Lossless };
        let smoothing = Smoothing::new(&frame, &self.components);
        let mut shown = Shown { planes: &planes, blocks, smoothing, requantisations: [const { None }; 3] };
        let to = [&luma, &chroma, &chroma];
        for (((from, to), place), _) in
            self.components.iter().zip(to).zip(&mut shown.requantisations).zip(0..layout.components)
        {
            *place = Requantisation::new(from, to, scale);
            if place.is_some() {
                change = Change::Requantised;
            }
        }
        if change != Change::Lossless && !policy.convert {
            return Err(Unsupported::QuantizationTables.into());
        }
        let fields = header::Fields {
            kind: carriage.kind,
            width: layout.width,
            height: layout.height,
            restart_interval: 0,
            luma: &luma,
            chroma: &chroma,
            precision: 0,
        };
        let impossible = layout::Error { kind: ErrorKind::Coefficient, at: layout.scan.start };
        match output::write(&shown, carriage, &fields, out).ok_or(impossible)? {
            len if len <= out.len() => Ok((change, len)),
            needed => Err(Error::Full { needed }),
        }
    }

    /// Reads all scans.
    fn read(
        &mut self,
        file: &[u8],
        layout: &Layout,
        planes: &Planes,
        blocks: &mut [Block],
    ) -> Result<ScannedFrame, layout::Error> {
        self.huffman.reset();
        self.quantization = [None; 4];
        self.components = [[1; 64]; 3];
        self.flaws = Flaws::NONE;
        let mut context = Context { file, planes, conditioning: Conditioning::DEFAULT, restart_interval: 0 };
        let mut frame: Option<ScannedFrame> = None;
        let mut cursor = Cursor::new(file, 2);
        loop {
            let (at, code, mut segment) = match cursor.segment() {
                Ok(segment) => segment,
                // What there is of a picture is shown.
                Err(layout::Error { kind: ErrorKind::Truncated, .. }) if cursor.at >= layout.scan.start as usize => {
                    if let Some(frame) = frame.as_mut().filter(|frame| !frame.is_progressive) {
                        self.read_cut_scan(frame, &context, &cursor, blocks);
                    }
                    break;
                }
                Err(error) => return Err(error),
            };
            let wrong = |kind| layout::Error { kind, at };
            match code {
                marker::EOI => break,
                0x00..=0xBF | marker::SOI => return Err(wrong(ErrorKind::Marker)),
                marker::DQT => self.quantization_tables(&mut segment)?,
                marker::DHT => self.huffman_tables(&mut segment, file)?,
                marker::DAC => {
                    while !segment.is_empty() {
                        let here = segment.error(ErrorKind::Segment);
                        let [head, value] = segment.array()?;
                        context.conditioning.define(head, value).ok_or(here)?;
                    }
                }
                marker::DRI => context.restart_interval = u16::from_be_bytes(segment.array()?),
                marker::JPG => {}
                marker::SOF0..=marker::SOF15 if frame.is_some() => return Err(wrong(ErrorKind::Marker)),
                marker::SOF0..=marker::SOF15 => frame = Some(ScannedFrame::parse(code, &mut segment)?),
                marker::SOS => {
                    let frame = frame.as_mut().ok_or(wrong(ErrorKind::NoFrameHeader))?;
                    self.read_scan(frame, &context, &mut segment, &mut cursor, blocks)?;
                }
                _ => {}
            }
        }
        let frame = frame.ok_or(cursor.error(ErrorKind::NoScan))?;
        self.complete(&frame);
        Ok(frame)
    }

    /// Reads the scan whose header is in `segment`, and leaves the cursor behind its data.
    fn read_scan(
        &mut self,
        frame: &mut ScannedFrame,
        context: &Context<'_>,
        segment: &mut Cursor<'_>,
        cursor: &mut Cursor<'_>,
        blocks: &mut [Block],
    ) -> Result<(), layout::Error> {
        let Context { file, planes, conditioning, restart_interval } = *context;
        let scan = frame.scan(segment, planes)?;
        self.latch(frame, &scan).ok_or(segment.error(ErrorKind::MissingTable))?;
        if !scan.is_due {
            self.flaws.insert(Flaw::ScanParameters);
        }
        let start = cursor.at as u32;
        let data = cursor.rest();
        let read = if frame.is_arithmetic {
            let statistics = &mut self.statistics;
            let mut decoder = Arithmetic::new(statistics, conditioning, frame, &scan, restart_interval, data);
            scan.read(planes, blocks, &mut decoder).map(|reached| (reached, decoder.end()))
        } else {
            let mut decoder = Huffman::new(&self.huffman, frame, &scan, restart_interval, file, data);
            scan.read(planes, blocks, &mut decoder).map(|reached| (reached, decoder.end()))
        };
        let located = |error: layout::Error| layout::Error { at: error.at.saturating_add(start), ..error };
        let (reached, (len, flaws)) = read.map_err(located)?;
        frame.reached = reached;
        self.flaws = self.flaws.union(flaws);
        cursor.at = cursor.at.saturating_add(len as usize);
        Ok(())
    }

    /// Reads the scan in whose header a sequential file ends, if it does so in one: the cursor is behind that header's length.
    ///
    /// libjpeg reads on as if an EOI followed, and another one, and takes them for the rest of the header. If it is a header then, a
    /// scan begins whose data are no more than the second byte of one of them, or nothing.
    fn read_cut_scan(
        &mut self,
        frame: &mut ScannedFrame,
        context: &Context<'_>,
        cursor: &Cursor<'_>,
        blocks: &mut [Block],
    ) {
        let read = cursor.bytes.get(..cursor.at).unwrap_or(&[]);
        let Some(&[0xFF, marker::SOS, high, low]) = read.last_chunk() else { return };
        let rest = cursor.rest();
        let len = usize::from(u16::from_be_bytes([high, low])).saturating_sub(2);
        let mut header = [0; MAX_SCAN_HEADER];
        let Some(header) = header.get_mut(..len) else { return };
        for (at, place) in header.iter_mut().enumerate() {
            let made_up = [0xFF, marker::EOI].into_iter().cycle().nth(at.saturating_sub(rest.len()));
            *place = rest.get(at).copied().or(made_up).unwrap_or(0);
        }
        let data = if len.saturating_sub(rest.len()) % 2 == 0 { &[][..] } else { &[marker::EOI] };
        let before = *frame;
        let mut header = Cursor::new(header, 0);
        if self.read_scan(frame, context, &mut header, &mut Cursor::new(data, 0), blocks).is_err() {
            *frame = before;
        }
        self.flaws.insert(Flaw::MissingData);
    }

    /// Components that no scan has brought are neutral, whatever their quantisation tables: those of others do.
    fn complete(&mut self, frame: &ScannedFrame) {
        if [0, 1, 2].iter().any(|&component| !frame.is_sent(component)) {
            self.flaws.insert(Flaw::MissingData);
        }
        let [_, cb_table, cr_table] = &mut self.components;
        match (frame.is_begun(1), frame.is_begun(2)) {
            (false, true) => *cb_table = *cr_table,
            (true, false) => *cr_table = *cb_table,
            _ => {}
        }
    }

    fn quantization_tables(&mut self, segment: &mut Cursor<'_>) -> Result<(), layout::Error> {
        while !segment.is_empty() {
            let wrong = segment.error(ErrorKind::Segment);
            let [head] = segment.array()?;
            let mut table = [0; 64];
            for entry in &mut table {
                *entry = match head >> 4 {
                    0 => u16::from(u8::from_be_bytes(segment.array()?)),
                    _ => u16::from_be_bytes(segment.array()?),
                };
            }
            *self.quantization.get_mut(usize::from(head & 15)).ok_or(wrong)? = Some(table);
        }
        Ok(())
    }

    fn huffman_tables(&mut self, segment: &mut Cursor<'_>, file: &[u8]) -> Result<(), layout::Error> {
        while !segment.is_empty() {
            let wrong = segment.error(ErrorKind::Segment);
            let (head, bits, symbols) = segment.huffman_table()?;
            let definition = Definition { bits, symbols: Symbols::File(symbols) };
            // One of more codes than bits is none, which matters where it is used.
            self.huffman.define(head, &definition, file).ok_or(wrong)?;
        }
        Ok(())
    }

    /// Keeps the quantisation tables of components whose first scan this is. `None`: there are none.
    fn latch(&mut self, frame: &ScannedFrame, scan: &frame::Scan) -> Option<()> {
        for part in scan.parts.iter().filter(|part| part.is_first) {
            let table = self.quantization.get(usize::from(frame.table(part.component))).copied().flatten()?;
            *self.components.get_mut(part.component)? = table;
        }
        Some(())
    }
}
