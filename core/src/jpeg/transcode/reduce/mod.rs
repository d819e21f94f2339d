//! Makes pictures of 1/2, 1/4 and 1/8 of the size out of JPEG files: tiles of a page, or a wall of pictures.
//!
//! No picture is decoded. Each component is scaled alone, while its coefficients are read: a block of 8x8 becomes 4x4, 2x2 or 1
//! sample, each of them the mean of those that it stands for, which is what `djpeg -scale` shows. What is beyond the picture's edge is
//! what is at the edge. The samples of one row of MCUs to be are encoded as soon as they are there, with Annex K's Huffman tables
//! and the quantisation tables of the caller's choice.
//!
//! What comes out is a whole file that RTP/JPEG can carry, too: 4:2:0 stays 4:2:0 and 4:2:2 stays 4:2:2. 4:4:4 and 4:1:1 become
//! 4:2:2, 4:4:0 becomes 4:2:0, and grey pictures get neutral chroma. It has no restart markers.
//!
//! Whoever shows the picture takes the [samples](Reducer::samples), which spares encoding and decoding them.
//!
//! Sources are baseline files of one scan. Others are made so by a [`Recoder`](super::Recoder). Of damaged ones, what is shown is what
//! a [`Transcoder`](super::Transcoder) makes of them.
//!
//! ```
//! use mutoscope::jpeg::Layout;
//! use mutoscope::jpeg::encoder::Quantizer;
//! use mutoscope::jpeg::reduce::{Q, Reducer, Scale, max_output_len, memory_len};
//!
//! # let mut file = vec![0; 100_000];
//! # let card = mutoscope::media::testcard::TestCard::new(640, 480, "25".parse()?, 60).unwrap();
//! # let len = card.render(0, &mut file)?;
//! # file.truncate(len);
//! let layout = Layout::parse(&file)?; // of 640x480
//! let scale = Scale::for_width(layout.width, 150).unwrap();
//! assert_eq!((scale, scale.dimensions(640, 480)), (Scale::Quarter, (160, 120)));
//!
//! let mut memory = vec![0; memory_len(&layout, scale)?]; // on a microcontroller: arrays
//! let mut tile = vec![0; max_output_len(&layout, scale)?];
//! let quantizer = Quantizer::new(Q); // once for all pictures
//! let len = Reducer::new().reduce(&file, &layout, scale, &quantizer, &mut memory, &mut tile)?;
//!
//! let made = Layout::parse(&tile[..len])?;
//! assert!((made.width, made.height) == (160, 120) && made.rtp_format().is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod fold;
mod steps;
mod strip;
#[cfg(test)]
mod tests;

use super::super::encoder::{Component, Encoder, Full, Quantizer};
use super::super::header;
use super::super::layout::{self, Flaws, Layout, Span, Unsupported};
use super::reader::{Input, Reader};
use super::{Policy, judge_streamed, narrow, writer};
use fold::{Block, MIDDLE, Mean, Samples, Tables};
use strip::Shape;

pub use strip::Rows;

/// A quality that serves small pictures well, as RFC 2435's Q for a [`Quantizer`]. They have more detail to a pixel than large ones, so
/// that the tables of a usual source would blur them: this is the smallest Q whose tables alone leave each component 35 dB, whatever
/// is in it. With 80, files are a third shorter.
pub const Q: u8 = 92;

/// What is left of a picture's width and height.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Scale {
    /// 1/2.
    Half,
    /// 1/4.
    Quarter,
    /// 1/8.
    Eighth,
}

impl Scale {
    /// All of them, the largest pictures first.
    pub const ALL: [Self; 3] = [Self::Half, Self::Quarter, Self::Eighth];

    /// 2, 4 or 8: pixels of the file to a side of one of the picture to be.
    pub const fn divisor(self) -> u8 {
        match self {
            Self::Half => 2,
            Self::Quarter => 4,
            Self::Eighth => 8,
        }
    }

    /// Width and height of what becomes of a picture, in pixels; a part of a pixel counts as one.
    pub const fn dimensions(self, width: u16, height: u16) -> (u16, u16) {
        let divisor = self.divisor() as u16;
        (width.div_ceil(divisor), height.div_ceil(divisor))
    }

    /// The scale that makes the smallest pictures which are still as wide as wanted, in pixels. `None`: not even
    /// [`Half`](Self::Half) does.
    pub fn for_width(width: u16, wanted: u16) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|scale| scale.dimensions(width, 1).0 >= wanted)
    }

    /// Samples to a side that are left of a block.
    const fn samples(self) -> u8 {
        match self {
            Self::Half => 4,
            Self::Quarter => 2,
            Self::Eighth => 1,
        }
    }
}

/// Why there is no smaller picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The file is damaged there.
    Damaged(layout::Error),
    /// It is no baseline file of one scan, or its sampling or its tables are unusual.
    Unsupported(Unsupported),
    /// The lent memory is too small.
    Memory {
        /// The bytes that this picture needs: [`memory_len`].
        needed: usize,
    },
    /// The buffer is too short for the picture; [`max_output_len`] bytes are always enough.
    Full,
}

impl From<super::Error> for Error {
    fn from(error: super::Error) -> Self {
        match error {
            super::Error::Damaged(error) => Self::Damaged(error),
            super::Error::Unsupported(reason) => Self::Unsupported(reason),
            super::Error::Full { .. } => Self::Full,
            super::Error::Coefficients { needed } => Self::Memory { needed },
        }
    }
}

impl From<Full> for Error {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Damaged(error) => error.fmt(f),
            Self::Unsupported(reason) => reason.fmt(f),
            Self::Memory { needed } => write!(f, "the picture needs {needed} bytes of memory"),
            Self::Full => f.write_str("the buffer is too short for the picture"),
        }
    }
}

impl core::error::Error for Error {}

/// The memory that a [`Reducer`] is lent for a picture, in bytes: all samples of one row of MCUs to be.
///
/// With the width that is left of whole MCUs, these are 24 bytes for each column of 4:2:0 and 4:4:4, 16 of 4:2:2 and of grey, and 12
/// of 4:1:1: 7680 bytes for 640x480 in 4:2:0 at 1/2.
///
/// # Errors
/// [`Error::Unsupported`]: there is no way for that sampling.
pub fn memory_len(layout: &Layout, scale: Scale) -> Result<usize, Error> {
    Ok(shape(layout, scale)?.strip_len())
}

/// No picture gets longer than this, in bytes, whatever it shows: 415 bytes for each block of 8x8. Real ones at [`Q`] take some 10 to
/// 25.
///
/// # Errors
/// [`Error::Unsupported`]: there is no way for that sampling.
pub fn max_output_len(layout: &Layout, scale: Scale) -> Result<usize, Error> {
    let shape = shape(layout, scale)?;
    let mcus = usize::from(shape.new_columns).saturating_mul(shape.new_rows.into());
    let blocks = mcus.saturating_mul(if shape.kind == 0 { 4 } else { 6 });
    Ok(blocks.saturating_mul(BLOCK_LEN).saturating_add(AROUND))
}

/// No block gets longer, if all bytes are stuffed.
const BLOCK_LEN: usize = (writer::BLOCK_BITS as usize * 2).div_ceil(8);
/// Headers, the last byte and EOI.
const AROUND: usize = header::MAX_LEN + 4;

fn shape(layout: &Layout, scale: Scale) -> Result<Shape, Error> {
    Shape::new(layout, scale).ok_or(Error::Unsupported(Unsupported::Sampling(layout.sampling)))
}

/// Makes pictures smaller, one after the other. Some 10 KB: where the stack is short, keep it in a `static`; a call takes 4 KB of the
/// stack.
#[derive(Clone, Debug)]
pub struct Reducer {
    tables: Tables,
    flaws: Flaws,
}

impl Default for Reducer {
    fn default() -> Self {
        Self::new()
    }
}

impl Reducer {
    /// Without a picture.
    pub const fn new() -> Self {
        Self { tables: Tables::new(), flaws: Flaws::NONE }
    }

    /// Writes what is left of a picture at this scale as a JPEG file to `out`, and returns its length in bytes. `layout` is that of the
    /// bytes of `jpeg`. `memory` may hold anything; [`memory_len`] says how much is needed.
    ///
    /// # Errors
    /// All of [`Error`]; what `out` holds then is of no use.
    pub fn reduce(
        &mut self,
        jpeg: &[u8],
        layout: &Layout,
        scale: Scale,
        quantizer: &Quantizer,
        memory: &mut [u8],
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let shape = self.prepare(jpeg, layout, scale)?;
        let planes = shape.split(memory).ok_or(Error::Memory { needed: shape.strip_len() })?;
        let (width, height) = scale.dimensions(layout.width, layout.height);
        let mut encoder = Encoder::of_blocks(out, shape.kind, width, height, quantizer)?;
        self.run((jpeg, layout), scale, (shape, planes), |run, strip| run.encode(strip, &mut encoder))?;
        Ok(encoder.finish()?)
    }

    /// Gives what is left of a picture at this scale to `each`, from its upper edge on: some rows of luma, and those of blue and of red
    /// chroma (ITU-T T.871) that belong to them, which may be shorter or fewer, and of a grey picture are none. The file's sampling says
    /// how many samples of luma one of chroma stands for. The rest is as for [`reduce`](Self::reduce).
    ///
    /// # Errors
    /// All of [`Error`] but [`Error::Full`]; `each` may have been given some of it.
    pub fn samples(
        &mut self,
        jpeg: &[u8],
        layout: &Layout,
        scale: Scale,
        memory: &mut [u8],
        mut each: impl FnMut([Rows<'_>; 3]),
    ) -> Result<(), Error> {
        let shape = self.prepare(jpeg, layout, scale)?;
        let planes = shape.split(memory).ok_or(Error::Memory { needed: shape.strip_len() })?;
        self.run((jpeg, layout), scale, (shape, planes), |run, strip| {
            let [luma, blue, red] = &run.planes;
            each([(0, luma), (1, blue), (2, red)].map(|(component, samples)| shape.rows(component, samples, strip)));
            Ok(())
        })
    }

    /// Makes the tables for a picture.
    fn prepare(&mut self, jpeg: &[u8], layout: &Layout, scale: Scale) -> Result<Shape, Error> {
        self.flaws = Flaws::NONE;
        // Whatever is missing is noticed, and any sampling will do.
        let policy = Policy { convert: true, restart_markers: false, read_all: true };
        let (_, task) = judge_streamed(jpeg, layout, policy)?;
        let unusual = Error::Unsupported(Unsupported::Sampling(layout.sampling));
        let (source, _) = task.ok_or(unusual)?;
        let shape = shape(layout, scale)?;
        let quantization = layout.quantization.map(|table| narrow(table, jpeg).unwrap_or([1; 64]));
        self.tables.prepare(&source, scale, &quantization, jpeg).map_err(|error| located(error, layout.scan))?;
        Ok(shape)
    }

    /// Reads a picture, strip by strip.
    fn run(
        &mut self,
        (jpeg, layout): (&[u8], &Layout),
        scale: Scale,
        (shape, planes): (Shape, [&mut [u8]; 3]),
        put: impl FnMut(&Run<'_>, u16) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let input = Input { jpeg, scan: layout.scan.of(jpeg) };
        let mut run = Run { tables: &self.tables, shape, planes, input, reader: Reader::new(layout.restart_interval) };
        let result = match scale {
            Scale::Half => run.all::<Samples<4>>(put),
            Scale::Quarter => run.all::<Samples<2>>(put),
            Scale::Eighth => run.all::<Mean>(put),
        };
        self.flaws = run.reader.flaws;
        result.map_err(|error| match error {
            Error::Damaged(error) => located(error, layout.scan),
            error => error,
        })
    }

    /// What is wrong with the entropy-coded data of the last picture, as far as it was read.
    pub fn flaws(&self) -> Flaws {
        self.flaws
    }
}

/// An error of the scan, counted from the start of the file.
#[cold]
fn located(error: layout::Error, scan: Span) -> Error {
    Error::Damaged(layout::Error { at: error.at.saturating_add(scan.start), ..error })
}

/// One picture on its way.
struct Run<'r> {
    tables: &'r Tables,
    shape: Shape,
    planes: [&'r mut [u8]; 3],
    input: Input<'r>,
    reader: Reader,
}

impl Run<'_> {
    fn all<B: Block>(&mut self, mut put: impl FnMut(&Self, u16) -> Result<(), Error>) -> Result<(), Error> {
        let mut left = self.shape.rows;
        for strip in 0..self.shape.new_rows {
            let rows = left.min(self.shape.rows_of_strip);
            for row in 0..rows {
                self.read_row::<B>(row).map_err(Error::Damaged)?;
            }
            left = left.saturating_sub(rows);
            put(self, strip)?;
        }
        self.reader.end();
        Ok(())
    }

    /// Reads a row of MCUs of the file, which becomes this one of its strip.
    fn read_row<B: Block>(&mut self, row: u16) -> Result<(), layout::Error> {
        let decoders = [0, 1, 2].map(|component| self.tables.decoder(component));
        let Self { shape, planes, input, reader, .. } = self;
        let side = B::SIDE;
        for column in 0..shape.columns {
            reader.begin_mcu(input.scan);
            let mut bits = reader.bits;
            for ((decoder, plane), samples) in decoders.iter().zip(&shape.planes).zip(planes.iter_mut()) {
                let mut start = shape.start(plane, column, row);
                for _ in 0..plane.rows {
                    let mut at = start;
                    for _ in 0..plane.columns {
                        decoder.read::<B>(*input, &mut bits, reader)?.put(samples, at, plane.stride);
                        at = at.saturating_add(side);
                    }
                    start = start.saturating_add(plane.stride.saturating_mul(side));
                }
            }
            reader.bits = bits;
        }
        Ok(())
    }

    /// Writes the row of MCUs that a strip is.
    fn encode(&self, strip: u16, encoder: &mut Encoder<'_, '_>) -> Result<(), Error> {
        let shape = &self.shape;
        let [luma, cb, cr] = &self.planes;
        let luma_rows = if shape.kind == 0 { 1 } else { 2 };
        for column in 0..shape.new_columns {
            let left = column.saturating_mul(2);
            for (row, side) in (0..luma_rows).flat_map(|row| [(row, 0), (row, 1)]) {
                let block = shape.luma(luma, strip, (left.saturating_add(side), row));
                encoder.block(Component::Y, &block)?;
            }
            for (component, number, samples) in [(Component::Cb, 1, cb), (Component::Cr, 2, cr)] {
                if shape.is_grey() {
                    encoder.flat(component, MIDDLE)?;
                } else {
                    encoder.block(component, &shape.chroma(number, samples, strip, column))?;
                }
            }
        }
        Ok(())
    }
}
