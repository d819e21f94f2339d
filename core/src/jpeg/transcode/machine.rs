//! Goes through the file's blocks as a [`Plan`] says: one step at a time, so that it may be interrupted after each.

use super::super::layout::{Error, ErrorKind};
use super::super::{marker, tables};
use super::block::{self, Input, Tables};
use super::plan::{Plan, Program, Step};
use super::reader::Reader;
use super::resample;
use super::source::Source;
use super::writer::{MAX_BLOCK, Window, Writer};

/// All state of one picture on its way. Nothing in it refers to the picture's bytes.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    tables: Tables,
    plan: Plan,
    reader: Reader,
    /// The row of blocks below, where two are read in turns.
    lower: Reader,
    /// Where the row, and where the group began.
    row_mark: Reader,
    group_mark: Reader,
    writer: Writer,
    /// What is left to do in this group: `program[step..]`.
    program: Program,
    step: u8,
    row: u16,
    pass: u8,
    group: u16,
    keeps_restarts: bool,
    is_done: bool,
    /// Chroma on its way to another width: two blocks of Cb, two of Cr.
    slots: [resample::Block; 4],
    divisors: resample::Divisors,
}

impl Machine {
    pub(super) const fn new() -> Self {
        Self {
            tables: Tables::new(),
            plan: Plan::NONE,
            reader: Reader::new(0),
            lower: Reader::new(0),
            row_mark: Reader::new(0),
            group_mark: Reader::new(0),
            writer: Writer::new(),
            program: Program::new(),
            step: 0,
            row: 0,
            pass: 0,
            group: 0,
            keeps_restarts: false,
            is_done: true,
            slots: [[0; 64]; 4],
            divisors: [1; 64],
        }
    }

    /// Stands before the first block. `divisors`: chroma's quantisation table in zig-zag order.
    pub(super) fn start(
        &mut self,
        source: &Source,
        plan: Plan,
        input: Input<'_>,
        restart_interval: u16,
        keeps_restarts: bool,
        divisors: &[u8; 64],
    ) -> Result<(), Error> {
        self.is_done = true;
        self.tables.prepare(source, plan.resamples(), input.jpeg)?;
        self.plan = plan;
        self.reader = Reader::new(restart_interval);
        self.writer = Writer::new();
        self.keeps_restarts = keeps_restarts;
        for (&place, &divisor) in tables::ZIGZAG.iter().zip(divisors) {
            if let Some(slot) = self.divisors.get_mut(usize::from(place)) {
                *slot = divisor;
            }
        }
        (self.row, self.pass, self.group) = (0, 0, 0);
        self.begin_row(input)?;
        self.is_done = false;
        Ok(())
    }

    /// Forgets the picture.
    pub(super) fn stop(&mut self) {
        self.is_done = true;
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Goes on while `out` has room for any block, or the picture ends. Returns the bytes written; after an error there are
    /// no more.
    pub(super) fn run(&mut self, input: Input<'_>, out: &mut [u8]) -> Result<usize, Error> {
        let mut len = 0_usize;
        if self.plan.keeps_mcus() {
            self.run_plain(input, out, &mut len)?;
        }
        while let Some(window) = out.get_mut(len..).and_then(<[u8]>::first_chunk_mut)
            && !self.is_done
        {
            len = len.saturating_add(self.step(input, window)?);
        }
        Ok(len)
    }

    /// The same for whole MCUs that keep their order, by far the most frequent case, without looking at a program.
    fn run_plain(&mut self, input: Input<'_>, out: &mut [u8], len: &mut usize) -> Result<(), Error> {
        const LONGEST_MCU: usize = 8 * MAX_BLOCK;
        while !self.is_done && out.len().saturating_sub(*len) >= LONGEST_MCU {
            // An MCU that was interrupted ends step by step.
            if self.step == 0 {
                self.plain_mcu(input, out, len).inspect_err(|_| self.is_done = true)?;
                self.step = self.program.len() as u8;
            }
            if let Some(window) = out.get_mut(*len..).and_then(<[u8]>::first_chunk_mut) {
                *len = len.saturating_add(self.step(input, window)?);
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn plain_mcu(&mut self, input: Input<'_>, out: &mut [u8], len: &mut usize) -> Result<(), Error> {
        let is_tall = self.plan.kind != 0;
        let mut take = |step| -> Result<(), Error> {
            if let Some(window) = out.get_mut(*len..).and_then(<[u8]>::first_chunk_mut) {
                *len = len.saturating_add(self.take(step, input, window)?);
            }
            Ok(())
        };
        take(Step::BeginMcu)?;
        take(Step::Emit(0))?;
        take(Step::Emit(0))?;
        if is_tall {
            take(Step::Emit(0))?;
            take(Step::Emit(0))?;
        }
        take(Step::Emit(1))?;
        take(Step::Emit(2))
    }

    /// The next step; returns how many bytes it wrote.
    #[inline(always)]
    pub(super) fn step(&mut self, input: Input<'_>, window: &mut Window) -> Result<usize, Error> {
        let result = match self.program.get(usize::from(self.step)) {
            Some(&step) => {
                self.step = self.step.wrapping_add(1);
                self.take(step, input, window)
            }
            None => self.next_group(input, window),
        };
        self.is_done |= result.is_err();
        result
    }

    #[inline(always)]
    fn take(&mut self, step: Step, input: Input<'_>, window: &mut Window) -> Result<usize, Error> {
        match step {
            Step::Emit(component) => {
                return self.tables.emit(component, input, &mut self.reader, &mut self.writer, window);
            }
            Step::BeginMcu => {
                if let Some(number) = self.reader.begin_mcu(input.scan)?
                    && self.keeps_restarts
                {
                    return Ok(self.writer.end(window, Some(marker::RST0 | number)));
                }
            }
            Step::Skip(component) => self.tables.skip(component, input, &mut self.reader)?,
            Step::Gather(component, slot) => {
                if let Some(block) = self.slots.get_mut(slot_index(component, slot)) {
                    self.tables.gather(component, input, &mut self.reader, block)?;
                }
            }
            Step::Rewind => self.reader = self.group_mark,
            Step::Swap => core::mem::swap(&mut self.reader, &mut self.lower),
            Step::Pad(component) => return Ok(block::pad(component, &mut self.writer, window)),
            Step::Halve(component, is_mirrored) => {
                let [left, right] = self.slots(component);
                let block = if is_mirrored {
                    resample::halve_mirrored(left, &self.divisors)
                } else {
                    resample::halve(left, right, &self.divisors)
                };
                return self.put(component, &block, window);
            }
            Step::Double(component, is_right) => {
                let [narrow, _] = self.slots(component);
                let block = resample::double(narrow, is_right, &self.divisors);
                return self.put(component, &block, window);
            }
        }
        Ok(0)
    }

    fn slots(&self, component: u8) -> [&resample::Block; 2] {
        let [cb0, cb1, cr0, cr1] = &self.slots;
        if component == 1 { [cb0, cb1] } else { [cr0, cr1] }
    }

    fn put(&mut self, component: u8, block: &resample::Block, window: &mut Window) -> Result<usize, Error> {
        block::put(component, block, &mut self.writer, window)
            .ok_or_else(|| self.reader.bits.error(ErrorKind::Coefficient))
    }

    #[inline(never)]
    fn next_group(&mut self, input: Input<'_>, window: &mut Window) -> Result<usize, Error> {
        if self.is_done {
            return Ok(0);
        }
        self.group = self.group.saturating_add(1);
        let is_last = self.group.saturating_add(1) == self.plan.groups();
        if self.group < self.plan.groups() {
            if is_last && self.plan.ends_with_other_group() {
                self.program = self.plan.program(self.row, self.pass, self.group);
            }
        } else {
            (self.group, self.pass) = (0, self.pass.saturating_add(1));
            if self.plan.grey_columns().is_some() && self.plan.has_lower_blocks(self.row) {
                self.reader = self.lower;
            }
            if self.pass >= self.plan.passes() {
                (self.pass, self.row) = (0, self.row.saturating_add(1));
            }
            let new_row =
                u32::from(self.row).saturating_mul(self.plan.passes().into()).saturating_add(self.pass.into());
            if new_row >= u32::from(self.plan.new_rows) {
                self.is_done = true;
                return Ok(self.writer.end(window, None));
            }
            if self.pass == 0 {
                self.begin_row(input)?;
            } else {
                self.reader = self.row_mark;
                self.program = self.plan.program(self.row, self.pass, 0);
            }
        }
        self.group_mark = self.reader;
        self.step = 0;
        Ok(0)
    }

    fn begin_row(&mut self, input: Input<'_>) -> Result<(), Error> {
        self.row_mark = self.reader;
        self.group_mark = self.reader;
        self.step = 0;
        self.program = self.plan.program(self.row, 0, 0);
        if let Some(columns) = self.plan.grey_columns()
            && self.plan.has_lower_blocks(self.row)
        {
            self.lower = self.reader;
            for _ in 0..columns {
                self.lower.begin_mcu(input.scan)?;
                self.tables.skip(0, input, &mut self.lower)?;
            }
        }
        Ok(())
    }
}

fn slot_index(component: u8, slot: u8) -> usize {
    usize::from(component.saturating_sub(1)).saturating_mul(2).saturating_add(slot.into())
}
