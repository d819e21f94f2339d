//! Where the samples of one row of MCUs to be are kept, and how blocks of 8x8 are cut out of them.

use super::super::super::layout::Layout;
use super::super::plan::{Carriage, Chroma};
use super::Scale;
use super::fold::MIDDLE;

/// A component within a strip.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plane {
    /// Blocks of an MCU of the file, side by side and one upon the other.
    pub(super) columns: u8,
    pub(super) rows: u8,
    /// Samples to a row, those beyond the picture's edge included.
    pub(super) stride: usize,
    /// Rows of a strip.
    lines: usize,
    /// Samples of the picture: to a row, and rows.
    width: usize,
    height: usize,
}

impl Plane {
    /// Samples of a strip.
    fn len(&self) -> usize {
        self.stride.saturating_mul(self.lines)
    }
}

/// Rows of samples of one component.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'s> {
    samples: &'s [u8],
    stride: usize,
    width: usize,
}

impl<'s> Rows<'s> {
    /// One row after the other, from the upper one on.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'s [u8]> + Clone + use<'s> {
        let width = self.width;
        self.samples.chunks_exact(self.stride.max(1)).map(move |row| row.get(..width).unwrap_or(row))
    }
}

/// The shapes of a file's MCUs, of the strips that they are reduced to, and of the MCUs to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// RFC 2435's type of the picture to be.
    pub(super) kind: u8,
    chroma: Chroma,
    pub(super) planes: [Plane; 3],
    /// Samples of a block that are left, to a side.
    samples: usize,
    /// MCUs of the file, side by side, and rows of them.
    pub(super) columns: u16,
    pub(super) rows: u16,
    /// Rows of them that make up a strip.
    pub(super) rows_of_strip: u16,
    /// MCUs of the picture to be, side by side, and rows of them.
    pub(super) new_columns: u16,
    pub(super) new_rows: u16,
}

impl Shape {
    /// `None` where there is no way for that sampling.
    pub(super) fn new(layout: &Layout, scale: Scale) -> Option<Self> {
        let mut factors = layout.factors.map(|factors| (factors >> 4, factors & 15));
        let Carriage { kind, chroma } = Carriage::of(factors)?;
        if chroma == Chroma::Neutral {
            // A scan of one component has MCUs of one block, whatever its factors are (section A.2.2).
            factors = [(1, 1), (0, 0), (0, 0)];
        }
        let [(across, down), ..] = factors;
        let in_mcus = |pixels: u16, blocks: u8| pixels.div_ceil(u16::from(blocks).saturating_mul(8).max(1));
        let (columns, rows) = (in_mcus(layout.width, across), in_mcus(layout.height, down));
        let (width, height) = scale.dimensions(layout.width, layout.height);
        let samples = usize::from(scale.samples());
        let luma_rows = if kind == 0 { 1_u16 } else { 2 };
        let (lines, lines_of_mcu) = (luma_rows.saturating_mul(8), u16::from(down.saturating_mul(scale.samples())));
        if lines.checked_rem(lines_of_mcu)? != 0 {
            return None;
        }
        let rows_of_strip = lines.checked_div(lines_of_mcu)?;
        let mut planes = [Plane::default(); 3];
        for (plane, (h, v)) in planes.iter_mut().zip(factors) {
            let samples_of = |blocks: u8| usize::from(blocks).saturating_mul(samples);
            let share = |pixels: u16, blocks: u8, most: u8| {
                let all = u32::from(pixels).saturating_mul(blocks.into()).saturating_mul(scale.samples().into());
                all.div_ceil(u32::from(most).saturating_mul(8).max(1)) as usize
            };
            *plane = Plane {
                columns: h,
                rows: v,
                stride: samples_of(h).saturating_mul(columns.into()),
                lines: samples_of(v).saturating_mul(rows_of_strip.into()),
                width: share(layout.width, h, across),
                height: share(layout.height, v, down),
            };
        }
        let (new_columns, new_rows) = (width.div_ceil(16), height.div_ceil(lines));
        Some(Self { kind, chroma, planes, samples, columns, rows, rows_of_strip, new_columns, new_rows })
    }

    /// The bytes of a strip.
    pub(super) fn strip_len(&self) -> usize {
        self.planes.iter().fold(0, |sum, plane| sum.saturating_add(plane.len()))
    }

    /// The bytes of each component; `None` where there are too few.
    pub(super) fn split<'m>(&self, memory: &'m mut [u8]) -> Option<[&'m mut [u8]; 3]> {
        let [y, cb, cr] = &self.planes;
        let (luma, rest) = memory.split_at_mut_checked(y.len())?;
        let (blue, rest) = rest.split_at_mut_checked(cb.len())?;
        Some([luma, blue, rest.get_mut(..cr.len())?])
    }

    /// The rows of a component that are in a strip, without what is beyond the picture's edge.
    pub(super) fn rows<'s>(&self, component: usize, samples: &'s [u8], strip: u16) -> Rows<'s> {
        let plane = self.planes.get(component).copied().unwrap_or_default();
        let above = usize::from(strip).saturating_mul(plane.lines);
        let lines = plane.height.saturating_sub(above).min(plane.lines);
        let samples = samples.get(..lines.saturating_mul(plane.stride)).unwrap_or(&[]);
        Rows { samples, stride: plane.stride, width: plane.width }
    }

    /// Where the first block of an MCU begins in the plane of a component: of the one at `column` in row `row` of its strip.
    pub(super) fn start(&self, plane: &Plane, column: u16, row: u16) -> usize {
        let across = usize::from(column).saturating_mul(usize::from(plane.columns)).saturating_mul(self.samples);
        let down = usize::from(row).saturating_mul(usize::from(plane.rows)).saturating_mul(self.samples);
        down.saturating_mul(plane.stride).saturating_add(across)
    }

    pub(super) fn is_grey(&self) -> bool {
        self.chroma == Chroma::Neutral
    }

    /// The block of luma at this column and row of blocks of strip `strip`, edges replicated.
    pub(super) fn luma(&self, samples: &[u8], strip: u16, (column, row): (u16, u16)) -> [u8; 64] {
        let [plane, ..] = &self.planes;
        cut(plane, samples, strip, (column, row), Chroma::Same)
    }

    /// The same of chroma, whose width becomes half of luma's.
    pub(super) fn chroma(&self, component: u8, samples: &[u8], strip: u16, column: u16) -> [u8; 64] {
        let plane = self.planes.get(usize::from(component)).copied().unwrap_or_default();
        cut(&plane, samples, strip, (column, 0), self.chroma)
    }
}

fn cut(plane: &Plane, samples: &[u8], strip: u16, (column, row): (u16, u16), chroma: Chroma) -> [u8; 64] {
    // Rows of the strip that are rows of the picture: at least one.
    let above = usize::from(strip).saturating_mul(plane.lines);
    let last_line = plane.height.saturating_sub(above).min(plane.lines).saturating_sub(1);
    let first = usize::from(column).saturating_mul(8);
    let mut block = [0; 64];
    let mut line = usize::from(row).saturating_mul(8);
    for out in block.as_chunks_mut::<8>().0 {
        let start = line.min(last_line).saturating_mul(plane.stride);
        let samples = samples.get(start..start.saturating_add(plane.width)).unwrap_or(&[]);
        *out = cut_row(samples, first, chroma);
        line = line.saturating_add(1);
    }
    block
}

/// Eight samples of a row, from `first` on.
fn cut_row(row: &[u8], first: usize, chroma: Chroma) -> [u8; 8] {
    if chroma == Chroma::Same
        && let Some(&samples) = row.get(first..).and_then(<[u8]>::first_chunk)
    {
        return samples;
    }
    let at = |at: usize| row.get(at).or(row.last()).copied().unwrap_or(MIDDLE);
    core::array::from_fn(|index| {
        let to = first.saturating_add(index);
        match chroma {
            Chroma::Same | Chroma::Neutral => at(to),
            Chroma::Halved => {
                let from = to.saturating_mul(2);
                u8::midpoint(at(from), at(from.saturating_add(1)))
            }
            Chroma::Doubled => at(to / 2),
        }
    })
}
