//! The parts of a picture of several scans: components as planes of blocks, and the coefficients that each scan brings.

use super::super::super::cursor::Cursor;
use super::super::super::layout::{Error, ErrorKind, Layout};
use super::super::super::marker;

/// A block's coefficients, row by row, not in zig-zag order.
pub(super) type Block = super::super::resample::Block;

/// A quantisation table in zig-zag order.
pub(super) type Table = [u16; 64];

/// The blocks of one component.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plane {
    /// Blocks of an interleaved MCU, side by side and one upon the other.
    pub(super) columns: u8,
    pub(super) rows: u8,
    /// Blocks one upon the other that a row of MCUs would have if there were other components: what the frame header says.
    pub(super) height: u8,
    /// Blocks that hold some of the picture, side by side and one upon the other.
    pub(super) across: u32,
    pub(super) down: u32,
    /// Blocks side by side with those that fill up the last MCU.
    pub(super) stride: u32,
    /// Of all blocks of the picture, the plane's first one.
    start: u32,
}

impl Plane {
    /// Where this block of the plane is among all blocks.
    pub(super) fn index(&self, column: u32, row: u32) -> usize {
        row.wrapping_mul(self.stride).wrapping_add(column).wrapping_add(self.start) as usize
    }
}

/// A picture as planes of blocks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Planes {
    pub(super) planes: [Plane; 3],
    /// Interleaved MCUs, side by side and one upon the other.
    pub(super) mcus: (u32, u32),
    /// Blocks of all planes.
    pub(super) blocks: u32,
}

impl Planes {
    /// `None` where the picture does not have one or three components, or no pixels.
    pub(super) fn new(layout: &Layout) -> Option<Self> {
        let (width, height) = (u32::from(layout.width), u32::from(layout.height));
        if width == 0 || height == 0 || !matches!(layout.components, 1 | 3) {
            return None;
        }
        let mut factors = layout.factors.map(|factors| (factors >> 4, factors & 15));
        if let (1, [grey, ..]) = (layout.components, &mut factors) {
            // A scan of one component has MCUs of one block, whatever its factors are (section A.2.2).
            *grey = (1, 1);
        }
        let (most_columns, most_rows) =
            factors.iter().fold((1, 1), |most: (u8, u8), one| (most.0.max(one.0), most.1.max(one.1)));
        let mcus = |pixels: u32, most: u8| pixels.div_ceil(u32::from(most).wrapping_mul(8));
        let mcus = (mcus(width, most_columns), mcus(height, most_rows));
        // The samples of a component (section A.1.1), in blocks.
        let blocks =
            |pixels: u32, factor: u8, most: u8| pixels.wrapping_mul(factor.into()).div_ceil(most.into()).div_ceil(8);
        let mut planes = Self { mcus, ..Self::default() };
        let heights = layout.factors.map(|factors| (factors & 15).max(1));
        let parts = planes.planes.iter_mut().zip(factors).zip(heights);
        for ((plane, (columns, rows)), tall) in parts.take(layout.components.into()) {
            let stride = mcus.0.wrapping_mul(columns.into());
            *plane = Plane {
                columns,
                rows,
                height: tall,
                across: blocks(width, columns, most_columns),
                down: blocks(height, rows, most_rows),
                stride,
                start: planes.blocks,
            };
            // 2^26 blocks of each component at most.
            planes.blocks = planes.blocks.wrapping_add(stride.wrapping_mul(mcus.1).wrapping_mul(rows.into()));
        }
        Some(planes)
    }
}

/// The frame header, as far as [`Layout`] does not have it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScannedFrame {
    pub(super) is_progressive: bool,
    pub(super) is_arithmetic: bool,
    /// Bits of a sample: 8 or 12.
    pub(super) precision: u8,
    pub(super) count: usize,
    /// By component: its name, and its quantisation table.
    names: [(u8, u8); 3],
    /// By component and coefficient in zig-zag order: down to which bit it has been sent.
    sent: [[u8; 64]; 3],
    /// The same of the first ones, before the component's last scan.
    sent_before: [[u8; GUESSED]; 3],
    /// The last row of MCUs that the last scan had data for.
    pub(super) reached: u32,
    scans: u16,
}

/// Nothing of a coefficient has been sent.
pub(super) const NOTHING: u8 = u8::MAX;

/// So many coefficients, in zig-zag order, are [guessed](super::smoothing) while they are not known.
pub(super) const GUESSED: usize = 10;

/// Pictures of more scans are refused: libjpeg makes 10, the standard's own example 6. This bounds the time that a small file can
/// take, whether its scans bring anything new or not.
const MAX_SCANS: u16 = 256;

impl ScannedFrame {
    pub(super) fn parse(code: u8, segment: &mut Cursor<'_>) -> Result<Self, Error> {
        let wrong = segment.error(ErrorKind::Segment);
        let [precision, _, _, _, _, count] = segment.array()?;
        let count = usize::from(count);
        let mut names = [(0, 0); 3];
        if count > names.len() || !matches!(precision, 8 | 12) {
            return Err(wrong);
        }
        for place in names.iter_mut().take(count) {
            let [id, _, table] = segment.array()?;
            *place = (id, table);
        }
        let code = code.wrapping_sub(marker::SOF0);
        Ok(Self {
            is_progressive: matches!(code, 2 | 10),
            is_arithmetic: code >= 9,
            precision,
            count,
            names,
            sent: [[NOTHING; 64]; 3],
            sent_before: [[NOTHING; GUESSED]; 3],
            reached: 0,
            scans: 0,
        })
    }

    /// The quantisation table of a component.
    pub(super) fn table(&self, component: usize) -> u8 {
        self.names.get(component).map_or(0, |&(_, table)| table)
    }

    /// Whether a component has DC coefficients, if it is one of the picture's; AC coefficients that were not sent are zero.
    pub(super) fn is_sent(&self, component: usize) -> bool {
        component >= self.count || self.sent.get(component).is_some_and(|sent| sent.first() != Some(&NOTHING))
    }

    /// Whether a component has any coefficients, and a quantisation table with them.
    pub(super) fn is_begun(&self, component: usize) -> bool {
        self.sent.get(component).is_some_and(|sent| sent.iter().any(|&bit| bit != NOTHING))
    }

    /// Down to which bit a component's first coefficients have been sent, now, and before its last scan. libjpeg takes it for granted
    /// that they were complete before the file's first scan, where there are others, and so does this.
    pub(super) fn known(&self, component: usize) -> ([u8; GUESSED], [u8; GUESSED]) {
        let now = self.sent.get(component).and_then(|sent| sent.first_chunk()).copied().unwrap_or([0; GUESSED]);
        let before = self.sent_before.get(component).filter(|_| self.scans > 1).copied();
        (now, before.unwrap_or([NOTHING; GUESSED]))
    }

    /// The effect of this scan on its blocks.
    pub(super) fn mode(&self, scan: &Scan) -> Mode {
        match (self.is_progressive, scan.first, scan.high) {
            (false, ..) => Mode::Sequential,
            (_, 0, 0) => Mode::DcFirst,
            (_, 0, _) => Mode::DcRefined,
            (_, _, 0) => Mode::AcFirst,
            _ => Mode::AcRefined,
        }
    }

    /// Reads a scan header, and notes what the scan brings.
    pub(super) fn scan(&mut self, segment: &mut Cursor<'_>, planes: &Planes) -> Result<Scan, Error> {
        let components = segment.error(ErrorKind::Components);
        let wrong = segment.error(ErrorKind::Scan);
        let [count] = segment.array()?;
        let mut scan = Scan { parts: heapless::Vec::new(), first: 0, last: 63, high: 0, low: 0, is_due: true };
        let mut blocks = 0_u8;
        for _ in 0..count {
            let [id, selectors] = segment.array()?;
            let named = self.names.iter().take(self.count).position(|&(name, _)| name == id);
            let component = named.filter(|&named| scan.parts.iter().all(|part| part.component != named));
            let (component, plane) = component.and_then(|at| Some((at, planes.planes.get(at)?))).ok_or(components)?;
            let is_first = self.sent.get(component).is_some_and(|sent| sent.iter().all(|&bit| bit == NOTHING));
            let part = Part { component, is_first, plane: *plane, dc: selectors >> 4, ac: selectors & 15 };
            scan.parts.push(part).map_err(|_| components)?;
            blocks = blocks.saturating_add(plane.columns.saturating_mul(plane.rows));
        }
        // Section B.2.3.
        if scan.parts.is_empty() || (scan.parts.len() > 1 && blocks > 10) {
            return Err(components);
        }
        let [first, last, approximation] = segment.array()?;
        if self.is_progressive {
            (scan.first, scan.last, scan.high, scan.low) = (first, last, approximation >> 4, approximation & 15);
        }
        self.scans = self.scans.saturating_add(1);
        scan.is_due = self.note(&scan).filter(|_| self.scans <= MAX_SCANS).ok_or(wrong)?;
        Ok(scan)
    }

    /// Notes what the scan brings, and whether its place is the one that the standard has for it (sections G.1.1.1 and G.1.1.2): it
    /// begins something, or goes on by a bit. `None`: there are no such scans.
    fn note(&mut self, scan: &Scan) -> Option<bool> {
        let Scan { first, last, high, low, .. } = *scan;
        let is_band = if first == 0 { last == 0 || !self.is_progressive } else { scan.parts.len() == 1 };
        let before = if high == 0 { NOTHING } else { high };
        if !is_band || first > last || last > 63 || low > 13 || (high != 0 && high != low.wrapping_add(1)) {
            return None;
        }
        let mut is_due = true;
        for part in &scan.parts {
            let places = (self.sent.get_mut(part.component), self.sent_before.get_mut(part.component));
            let (Some(sent), Some(sent_before)) = places else { return None };
            let known = sent.first_chunk().copied().unwrap_or([NOTHING; GUESSED]);
            *sent_before = if self.scans > 1 { known } else { [0; GUESSED] };
            for sent in sent.get_mut(usize::from(first)..=usize::from(last)).unwrap_or_default() {
                is_due &= core::mem::replace(sent, low) == before;
            }
        }
        Some(is_due)
    }
}

/// The effect of a scan on a block.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    Sequential,
    DcFirst,
    DcRefined,
    AcFirst,
    AcRefined,
}

/// A component in a scan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) component: usize,
    /// No scan has had it before.
    pub(super) is_first: bool,
    pub(super) plane: Plane,
    /// Ids of the entropy coder's tables.
    pub(super) dc: u8,
    pub(super) ac: u8,
}

/// The contents of a scan header.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    pub(super) parts: heapless::Vec<Part, 3, u8>,
    /// The first and the last coefficient in zig-zag order: Ss and Se.
    pub(super) first: u8,
    pub(super) last: u8,
    /// The bit positions of successive approximation, Ah and Al: what was sent, and what is sent now.
    pub(super) high: u8,
    pub(super) low: u8,
    /// It brings what was missing, and no more.
    pub(super) is_due: bool,
}

/// Reads the blocks of one scan, one after the other.
pub(super) trait Decoder {
    /// Before each MCU.
    fn begin_mcu(&mut self) -> Result<(), Error>;
    /// Whether there is data for the next MCU.
    fn has_data(&self) -> bool;
    /// The next block, of this component.
    fn block(&mut self, part: &Part, block: &mut Block) -> Result<(), Error>;
}

impl Scan {
    /// Has all its blocks read (section A.2), and gives the last row of MCUs that there was data for, as if all components had been
    /// in the scan.
    #[inline(always)]
    pub(super) fn read(&self, planes: &Planes, blocks: &mut [Block], decoder: &mut impl Decoder) -> Result<u32, Error> {
        let mut reached = 0;
        if let [part] = self.parts.as_slice() {
            for row in 0..part.plane.down {
                let mut has_data = false;
                let start = part.plane.index(0, row);
                let end = start.saturating_add(part.plane.across as usize);
                for block in blocks.get_mut(start..end).unwrap_or_default() {
                    has_data = has_data || decoder.has_data();
                    decoder.begin_mcu()?;
                    decoder.block(part, block)?;
                }
                if has_data {
                    reached = row.checked_div(part.plane.height.into()).unwrap_or(0);
                }
            }
            return Ok(reached);
        }
        for mcu_row in 0..planes.mcus.1 {
            let mut has_data = false;
            for mcu in 0..planes.mcus.0 {
                has_data = has_data || decoder.has_data();
                decoder.begin_mcu()?;
                for part in &self.parts {
                    let (columns, rows) = (u32::from(part.plane.columns), u32::from(part.plane.rows));
                    for row in 0..rows {
                        let row = mcu_row.wrapping_mul(rows).wrapping_add(row);
                        let start = part.plane.index(mcu.wrapping_mul(columns), row);
                        let end = start.saturating_add(columns as usize);
                        for block in blocks.get_mut(start..end).unwrap_or_default() {
                            decoder.block(part, block)?;
                        }
                    }
                }
            }
            if has_data {
                reached = mcu_row;
            }
        }
        Ok(reached)
    }
}
