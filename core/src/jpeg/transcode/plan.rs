//! In which order the blocks of a file become those of an RTP/JPEG picture.
//!
//! A file's MCUs are taken in *groups* that make up whole MCUs of the picture to be, and each row of them as often as it
//! holds rows of MCUs to be (*passes*). What is done with the blocks of one group in one pass is a short list of
//! [`Step`]s, the same for all groups but perhaps the last of a row. Nothing is buffered: where blocks are wanted in
//! another order than they come in, they are decoded again.

use super::super::layout::Layout;
use super::source::Source;

/// One step of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The file's next MCU begins: pass a restart marker that is due.
    BeginMcu,
    /// The next block, of this component, goes out.
    Emit(u8),
    /// The next block, of this component, is passed.
    Skip(u8),
    /// The coefficients of the next block are kept in this slot.
    Gather(u8, u8),
    /// Back to the group's first block.
    Rewind,
    /// On with the row of blocks below, or above.
    Swap,
    /// A block with no more than the DC coefficient of the one before.
    Pad(u8),
    /// A block with half the width of the two in the component's slots, or of one and its mirror image.
    Halve(u8, Mirror),
    /// A block as wide as half of the one in the component's slot.
    Double(u8, Half),
}

/// Whether the second block is missing.
pub(super) type Mirror = bool;
/// The right half rather than the left.
pub(super) type Half = bool;

/// No group takes more steps.
pub(super) const MAX_STEPS: usize = 64;
pub(super) type Program = heapless::Vec<Step, MAX_STEPS, u8>;

/// The treatment of chroma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chroma {
    /// It stays as it is.
    Same,
    /// There is none: it becomes neutral.
    Neutral,
    /// It has too many columns, two for each that is wanted.
    Halved,
    /// It has too few columns, one for two that are wanted.
    Doubled,
}

/// The form in which RTP/JPEG carries a sampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Carriage {
    /// RFC 2435's type.
    pub(super) kind: u8,
    pub(super) chroma: Chroma,
}

impl Carriage {
    /// `None` where no type carries that sampling: columns and rows of each component's blocks in an MCU, (0, 0) where there
    /// is no such component.
    pub(super) fn of([y, cb, cr]: [(u8, u8); 3]) -> Option<Self> {
        if cb == (0, 0) {
            return Some(Self { kind: 1, chroma: Chroma::Neutral });
        }
        let ratio = |luma: u8, chroma: u8| match luma.checked_rem(chroma) {
            Some(0) => luma.checked_div(chroma),
            _ => None,
        };
        let chroma = match ratio(y.0, cb.0)? {
            1 => Chroma::Halved,
            2 => Chroma::Same,
            4 => Chroma::Doubled,
            _ => return None,
        };
        let kind = match ratio(y.1, cb.1)? {
            1 => 0,
            2 => 1,
            _ => return None,
        };
        (cb == cr).then_some(Self { kind, chroma })
    }

    /// Whether chroma changes its width, which loses something.
    pub(super) fn resamples(&self) -> bool {
        matches!(self.chroma, Chroma::Halved | Chroma::Doubled)
    }

    /// Rows of luma in an MCU.
    pub(super) fn luma_rows(&self) -> u8 {
        if self.kind == 0 { 1 } else { 2 }
    }
}

/// The way of a file's blocks to those of RTP/JPEG's type 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// RFC 2435's type.
    pub(super) kind: u8,
    pub(super) chroma: Chroma,
    /// Columns and rows of blocks in an MCU of the file: luma, and each of Cb and Cr.
    luma: (u8, u8),
    chrominance: (u8, u8),
    /// MCUs of the file side by side.
    columns: u16,
    /// Rows of MCUs of the file. Of a grey picture, whose MCUs are blocks, rows of blocks.
    rows: u16,
    /// MCUs of the picture to be, side by side, and rows of them.
    new_columns: u16,
    pub(super) new_rows: u16,
}

impl Plan {
    /// The plan of no picture.
    pub(super) const NONE: Self = Self {
        kind: 0,
        chroma: Chroma::Same,
        luma: (2, 1),
        chrominance: (1, 1),
        columns: 0,
        rows: 0,
        new_columns: 0,
        new_rows: 0,
    };

    /// `None` where no type carries that sampling.
    pub(super) fn new(layout: &Layout, source: &Source) -> Option<Self> {
        let [y, cb, cr] = source.components.map(|component| (component.columns, component.rows));
        let (width, height) = (u32::from(layout.width), u32::from(layout.height));
        let across = |pixels: u32, blocks: u8| pixels.div_ceil(u32::from(blocks).saturating_mul(8).max(8)) as u16;
        let Carriage { kind, chroma } = Carriage::of([y, cb, cr])?;
        if chroma == Chroma::Neutral {
            // A scan of one component has MCUs of one block, whatever its factors are (section A.2.2).
            return Some(Self {
                kind,
                chroma,
                luma: (1, 1),
                chrominance: (0, 0),
                columns: across(width, 1),
                rows: across(height, 1),
                new_columns: across(width, 2),
                new_rows: across(height, 2),
            });
        }
        let blocks = |(columns, rows): (u8, u8)| columns.saturating_mul(rows);
        let mcu = blocks(y).saturating_add(blocks(cb).saturating_mul(2));
        // No MCU has more than 10 blocks (section B.2.3). One that is three blocks wide shares no edges with new ones.
        let possible = mcu <= 10 && y.0 != 3;
        possible.then(|| Self {
            kind,
            chroma,
            luma: y,
            chrominance: cb,
            columns: across(width, y.0),
            rows: across(height, y.1),
            new_columns: across(width, 2),
            new_rows: across(height, Carriage { kind, chroma }.luma_rows()),
        })
    }

    /// Whether chroma changes its width, which loses something.
    pub(super) fn resamples(&self) -> bool {
        matches!(self.chroma, Chroma::Halved | Chroma::Doubled)
    }

    /// Blocks of the picture to be.
    pub(super) fn new_blocks(&self) -> u32 {
        let mcus = u32::from(self.new_columns).saturating_mul(self.new_rows.into());
        mcus.saturating_mul(u32::from(self.luma_rows()).saturating_mul(2).saturating_add(2))
    }

    /// Whether each MCU becomes one MCU with its blocks in the same order, so that restart markers may stay.
    pub(super) fn keeps_mcus(&self) -> bool {
        self.chroma == Chroma::Same && self.luma == (2, self.luma_rows())
    }

    /// Whether each MCU becomes two without loss, one upon the other.
    pub(super) fn halves_mcus(&self) -> bool {
        self.chroma == Chroma::Same && (self.kind, self.luma, self.chrominance) == (0, (2, 2), (1, 2))
    }

    /// The number of times that a row of MCUs is gone through.
    pub(super) fn passes(&self) -> u8 {
        self.luma.1.checked_div(self.luma_rows()).unwrap_or(1).max(1)
    }

    /// Of a grey picture: the blocks from one row of them to the next.
    pub(super) fn grey_columns(&self) -> Option<u16> {
        (self.chroma == Chroma::Neutral).then_some(self.columns)
    }

    /// The groups of a row.
    pub(super) fn groups(&self) -> u16 {
        self.columns.div_ceil(self.group())
    }

    /// Whether the last group of a row is not like the others.
    pub(super) fn ends_with_other_group(&self) -> bool {
        self.columns.checked_rem(self.group()) != Some(0) || self.new_columns.checked_rem(self.new_group()) != Some(0)
    }

    /// MCUs of the file in a group.
    fn group(&self) -> u16 {
        if self.luma.0 == 1 { 2 } else { 1 }
    }

    /// MCUs to be of a group.
    fn new_group(&self) -> u16 {
        if self.luma.0 == 4 { 2 } else { 1 }
    }

    /// Rows of luma in an MCU to be.
    fn luma_rows(&self) -> u8 {
        if self.kind == 0 { 1 } else { 2 }
    }

    /// Whether there is a second row of blocks in this row of a grey picture's MCUs to be.
    pub(super) fn has_lower_blocks(&self, row: u16) -> bool {
        row.saturating_mul(2).saturating_add(1) < self.rows
    }

    /// The steps for group `group` of row `row`, in pass `pass`.
    pub(super) fn program(&self, row: u16, pass: u8, group: u16) -> Program {
        let left = |all: u16, each: u16| all.saturating_sub(group.saturating_mul(each)).min(each) as u8;
        let mut builder = Builder {
            plan: self,
            first_row: pass.saturating_mul(self.luma_rows()),
            chroma_row: pass,
            mcus: left(self.columns, self.group()),
            program: Program::new(),
        };
        if self.chroma == Chroma::Neutral {
            builder.grey(self.has_lower_blocks(row));
        } else {
            (0..left(self.new_columns, self.new_group())).for_each(|new| builder.mcu(new));
        }
        builder.program
    }
}

const Y: u8 = 0;
const CB: u8 = 1;
const CR: u8 = 2;

/// A component, and the row and column of a block in its group.
type Block = (u8, u8, u8);

/// Lists the steps of one group.
struct Builder<'p> {
    plan: &'p Plan,
    /// The pass's first row of luma, and its row of chroma.
    first_row: u8,
    chroma_row: u8,
    /// MCUs of the file in the group.
    mcus: u8,
    program: Program,
}

impl Builder<'_> {
    fn push(&mut self, step: Step) {
        let pushed = self.program.push(step);
        debug_assert!(pushed.is_ok(), "more steps than were thought possible");
    }

    /// Two blocks each of two rows.
    fn grey(&mut self, has_lower_blocks: bool) {
        for (row, exists) in [true, has_lower_blocks].into_iter().enumerate() {
            if row == 1 && exists {
                self.push(Step::Swap);
            }
            for column in 0..2 {
                if exists && column < self.mcus {
                    self.push(Step::BeginMcu);
                    self.push(Step::Emit(Y));
                } else {
                    self.push(Step::Pad(Y));
                }
            }
        }
        if has_lower_blocks {
            self.push(Step::Swap);
        }
        self.push(Step::Pad(CB));
        self.push(Step::Pad(CR));
    }

    /// The MCU to be that is number `new` of the group.
    fn mcu(&mut self, new: u8) {
        let mut wanted: heapless::Vec<Block, 6> = heapless::Vec::new();
        let left = new.saturating_mul(2);
        for row in 0..self.plan.luma_rows() {
            let row = row.saturating_add(self.first_row);
            let _ = wanted.push((Y, row, left));
            let _ = wanted.push((Y, row, left.saturating_add(1)));
        }
        if self.plan.chroma == Chroma::Same {
            let _ = wanted.push((CB, self.chroma_row, new));
            let _ = wanted.push((CR, self.chroma_row, new));
        }
        let mut wanted = wanted.as_slice();
        let mut gathered = [[self.plan.chroma == Chroma::Same; 2]; 2];
        if self.plan.chroma == Chroma::Doubled || self.mcus_are_missing() {
            gathered.iter_mut().for_each(|slots| *slots = [slots[0], true]);
        }
        while !wanted.is_empty() || gathered != [[true; 2]; 2] {
            let before = (wanted.len(), gathered);
            if !self.program.is_empty() {
                self.push(Step::Rewind);
            }
            self.sweep(new, &mut wanted, &mut gathered);
            if before == (wanted.len(), gathered) {
                debug_assert!(false, "a wanted block is not in the group");
                break;
            }
        }
        for component in [CB, CR] {
            match self.plan.chroma {
                Chroma::Halved => self.push(Step::Halve(component, self.mcus_are_missing())),
                Chroma::Doubled => self.push(Step::Double(component, new % 2 == 1)),
                Chroma::Same | Chroma::Neutral => {}
            }
        }
    }

    /// Whether the group lacks its right half, beyond the picture's edge.
    fn mcus_are_missing(&self) -> bool {
        u16::from(self.mcus) < self.plan.group()
    }

    /// Once through the group's blocks.
    fn sweep(&mut self, new: u8, wanted: &mut &[Block], gathered: &mut [[bool; 2]; 2]) {
        self.pad(wanted);
        for mcu in 0..self.mcus {
            self.push(Step::BeginMcu);
            for component in [Y, CB, CR] {
                let (columns, rows) = if component == Y { self.plan.luma } else { self.plan.chrominance };
                let first = mcu.saturating_mul(columns);
                for row in 0..rows {
                    for column in first..first.saturating_add(columns) {
                        let block = (component, row, column);
                        let slot = self.slot(new, block).filter(|&slot| is_open(gathered, component, slot));
                        if wanted.first() == Some(&block) {
                            self.push(Step::Emit(component));
                            *wanted = wanted.get(1..).unwrap_or(&[]);
                            self.pad(wanted);
                        } else if let Some(slot) = slot {
                            self.push(Step::Gather(component, slot));
                            close(gathered, component, slot);
                        } else {
                            self.push(Step::Skip(component));
                        }
                    }
                }
            }
        }
    }

    /// Luma that is beyond the picture's edge.
    fn pad(&mut self, wanted: &mut &[Block]) {
        let columns = self.plan.luma.0.saturating_mul(self.mcus);
        while let Some(&(Y, _, column)) = wanted.first()
            && column >= columns
        {
            self.push(Step::Pad(Y));
            *wanted = wanted.get(1..).unwrap_or(&[]);
        }
    }

    /// The place of this block among the two that make up new chroma.
    fn slot(&self, new: u8, (component, row, column): Block) -> Option<u8> {
        if component == Y || row != self.chroma_row {
            return None;
        }
        match self.plan.chroma {
            Chroma::Halved => column.checked_sub(new.saturating_mul(2)).filter(|&slot| slot < 2),
            Chroma::Doubled => (column == new / 2).then_some(0),
            Chroma::Same | Chroma::Neutral => None,
        }
    }
}

fn is_open(gathered: &[[bool; 2]; 2], component: u8, slot: u8) -> bool {
    let slots = if component == CB { gathered.first() } else { gathered.last() };
    slots.and_then(|slots| slots.get(usize::from(slot))) == Some(&false)
}

fn close(gathered: &mut [[bool; 2]; 2], component: u8, slot: u8) {
    let slots = if component == CB { gathered.first_mut() } else { gathered.last_mut() };
    if let Some(place) = slots.and_then(|slots| slots.get_mut(usize::from(slot))) {
        *place = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Step::*;
    use std::vec::Vec;

    fn plan(luma: (u8, u8), chroma: (u8, u8), width: u16, height: u16) -> Option<Plan> {
        let component = |(columns, rows)| super::super::source::testing::component(columns, rows);
        let components = [component(luma), component(chroma), component(chroma)];
        Plan::new(&super::super::source::testing::layout(width, height), &Source { components })
    }

    fn steps(luma: (u8, u8), chroma: (u8, u8), pass: u8) -> Vec<Step> {
        plan(luma, chroma, 640, 480).unwrap().program(0, pass, 0).to_vec()
    }

    #[test]
    fn samplings_find_their_type() {
        let cases = [
            ((2, 1), (1, 1), Some((0, Chroma::Same))),
            ((2, 2), (1, 2), Some((0, Chroma::Same))),
            ((4, 1), (2, 1), Some((0, Chroma::Same))),
            ((2, 2), (1, 1), Some((1, Chroma::Same))),
            ((4, 2), (2, 1), None),
            ((2, 4), (1, 2), None),
            ((1, 1), (1, 1), Some((0, Chroma::Halved))),
            ((1, 2), (1, 2), Some((0, Chroma::Halved))),
            ((1, 3), (1, 3), Some((0, Chroma::Halved))),
            ((3, 1), (3, 1), None),
            ((1, 2), (1, 1), Some((1, Chroma::Halved))),
            ((2, 2), (2, 1), Some((1, Chroma::Halved))),
            ((4, 1), (1, 1), Some((0, Chroma::Doubled))),
            ((4, 2), (1, 1), Some((1, Chroma::Doubled))),
            ((0, 0), (0, 0), Some((1, Chroma::Neutral))),
            ((1, 1), (2, 2), None),
            ((4, 4), (1, 1), None),
            ((3, 2), (1, 1), None),
        ];
        for (luma, chroma, expected) in cases {
            let found = plan(luma, chroma, 640, 480).map(|plan| (plan.kind, plan.chroma));
            assert_eq!(found, expected, "{luma:?} {chroma:?}");
        }
    }

    #[test]
    fn pictures_that_are_rtp_jpeg_already_keep_their_order() {
        assert_eq!(steps((2, 2), (1, 1), 0), [BeginMcu, Emit(Y), Emit(Y), Emit(Y), Emit(Y), Emit(CB), Emit(CR)]);
        assert_eq!(steps((2, 1), (1, 1), 0), [BeginMcu, Emit(Y), Emit(Y), Emit(CB), Emit(CR)]);
        assert!(plan((2, 1), (1, 1), 99, 99).unwrap().keeps_mcus());
        assert!(plan((2, 2), (1, 1), 99, 99).unwrap().keeps_mcus());
        assert!(!plan((2, 2), (1, 2), 99, 99).unwrap().keeps_mcus());
        assert!(!plan((4, 1), (2, 1), 99, 99).unwrap().keeps_mcus());
    }

    #[test]
    fn tall_mcus_are_gone_through_once_per_row_of_blocks() {
        let (first, second) = (steps((2, 2), (1, 2), 0), steps((2, 2), (1, 2), 1));
        let skip = |component| Skip(component);
        assert_eq!(first, [BeginMcu, Emit(Y), Emit(Y), skip(Y), skip(Y), Emit(CB), skip(CB), Emit(CR), skip(CR)]);
        assert_eq!(second, [BeginMcu, skip(Y), skip(Y), Emit(Y), Emit(Y), skip(CB), Emit(CB), skip(CR), Emit(CR)]);
        assert_eq!(plan((2, 2), (1, 2), 319, 241).unwrap().passes(), 2);
    }

    #[test]
    fn wide_mcus_are_gone_through_once_per_new_mcu() {
        let sweep = |y: [Step; 4], c: [Step; 2]| {
            [BeginMcu, y[0], y[1], y[2], y[3], c[0], c[1], if c[0] == Emit(CB) { Emit(CR) } else { Skip(CR) }, {
                if c[1] == Emit(CB) { Emit(CR) } else { Skip(CR) }
            }]
        };
        let (e, s) = (Emit(Y), Skip(Y));
        let expected =
            [&sweep([e, e, s, s], [Emit(CB), Skip(CB)])[..], &[Rewind], &sweep([s, s, e, e], [Skip(CB), Emit(CB)])]
                .concat();
        assert_eq!(steps((4, 1), (2, 1), 0), expected);
        // 47 pixels are two MCUs of 32, but only three of 16.
        let plan = plan((4, 1), (2, 1), 47, 8).unwrap();
        assert!(plan.ends_with_other_group());
        assert_eq!(plan.program(0, 0, 1).to_vec(), sweep([e, e, s, s], [Emit(CB), Skip(CB)]));
    }

    #[test]
    fn full_chroma_is_gathered_on_the_way() {
        let mcu = |slot| [BeginMcu, Emit(Y), Gather(CB, slot), Gather(CR, slot)];
        let expected = [&mcu(0)[..], &mcu(1), &[Halve(CB, false), Halve(CR, false)]].concat();
        assert_eq!(steps((1, 1), (1, 1), 0), expected);
        let edge = plan((1, 1), (1, 1), 24, 8).unwrap();
        assert!(edge.ends_with_other_group());
        let expected = [&mcu(0)[..1], &[Emit(Y), Pad(Y)], &mcu(0)[2..], &[Halve(CB, true), Halve(CR, true)]].concat();
        assert_eq!(edge.program(0, 0, 1).to_vec(), expected);
    }

    #[test]
    fn a_second_row_of_luma_is_fetched_by_going_back() {
        let expected = [
            &[BeginMcu, Emit(Y), Skip(Y), Gather(CB, 0), Gather(CR, 0)][..],
            &[BeginMcu, Emit(Y), Skip(Y), Gather(CB, 1), Gather(CR, 1), Rewind],
            &[BeginMcu, Skip(Y), Emit(Y), Skip(CB), Skip(CR), BeginMcu, Skip(Y), Emit(Y), Skip(CB), Skip(CR)],
            &[Halve(CB, false), Halve(CR, false)],
        ]
        .concat();
        assert_eq!(steps((1, 2), (1, 1), 0), expected);
    }

    #[test]
    fn grey_takes_turns_between_two_rows() {
        let pair = [BeginMcu, Emit(Y), BeginMcu, Emit(Y)];
        let expected = [&pair[..], &[Swap], &pair, &[Swap, Pad(CB), Pad(CR)]].concat();
        assert_eq!(steps((0, 0), (0, 0), 0), expected);
        let edge = plan((0, 0), (0, 0), 8, 8).unwrap();
        assert!(edge.ends_with_other_group());
        let expected = [BeginMcu, Emit(Y), Pad(Y), Pad(Y), Pad(Y), Pad(CB), Pad(CR)];
        assert_eq!(edge.program(0, 0, 0).to_vec(), expected);
    }

    /// Every block of every picture to be is made, in the standard's order, and every MCU of the file is passed.
    #[test]
    fn no_sampling_and_no_edge_leaves_anything_out() {
        for luma in (1..=4).flat_map(|columns| (1..=4).map(move |rows| (columns, rows))) {
            for chroma in (1..=4).flat_map(|columns| (1..=4).map(move |rows| (columns, rows))) {
                for (width, height) in [(1, 1), (16, 16), (17, 9), (33, 25), (56, 40), (65, 64)] {
                    let Some(plan) = plan(luma, chroma, width, height) else { continue };
                    let mut made = 0;
                    for pass in 0..plan.passes() {
                        for group in 0..plan.groups() {
                            let program = plan.program(0, pass, group);
                            let count = |wanted: fn(&Step) -> bool| program.iter().filter(|step| wanted(step)).count();
                            let y = count(|step| matches!(step, Emit(Y) | Pad(Y)));
                            let c = count(|step| matches!(step, Emit(CB | CR) | Halve(..) | Double(..)));
                            assert_eq!(
                                (y % (2 * usize::from(plan.luma_rows())), y / usize::from(plan.luma_rows())),
                                (0, c)
                            );
                            let after = program.iter().rposition(|&step| step == Rewind).map_or(0, |at| at + 1);
                            let begun = program[after..].iter().filter(|&&step| step == BeginMcu).count();
                            let left = usize::from(plan.columns) - usize::from(group * plan.group());
                            assert_eq!(begun, left.min(usize::from(plan.group())));
                            made += c / 2;
                        }
                    }
                    assert_eq!(made, usize::from(plan.new_columns) * usize::from(plan.passes()), "{luma:?} {chroma:?}");
                    assert!(u32::from(plan.rows) * u32::from(plan.passes()) >= u32::from(plan.new_rows));
                }
            }
        }
    }
}
