//! Goes through the file's blocks as a [`Plan`] says: one step at a time, so that it may be interrupted after each.

use super::super::layout::{Error, ErrorKind, Flaws};
use super::super::marker;
use super::block::{self, Run, Tables};
use super::plan::{Plan, Program, Step};
use super::reader::{Input, Reader};
use super::resample;
use super::rows;
use super::source::Source;
use super::writer::{BlockBuffer, MAX_BLOCK, Writer};

/// All state of one picture on its way. Nothing in it refers to the picture's bytes.
#[derive(Clone, Debug)]
pub(super) struct Transcription {
    tables: Tables,
    plan: Plan,
    reader: Reader,
    /// The row of blocks below, where two are read in turns.
    lower: Reader,
    /// Where the row, and where the group began.
    row_mark: Reader,
    group_mark: Reader,
    writer: Writer,
    /// The steps that are left in this group are `program[step..]`.
    program: Program,
    step: u8,
    row: u16,
    pass: u8,
    group: u16,
    keeps_restarts: bool,
    is_done: bool,
}

impl Transcription {
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
        self.tables.prepare(source, plan.resamples().then_some(divisors), input.jpeg)?;
        self.plan = plan;
        self.reader = Reader::new(restart_interval);
        self.lower = self.reader;
        self.writer = Writer::new();
        self.keeps_restarts = keeps_restarts;
        (self.row, self.pass, self.group) = (0, 0, 0);
        self.begin_row(input)?;
        self.is_done = false;
        Ok(())
    }

    /// Forgets the picture.
    pub(super) fn stop(&mut self) {
        self.is_done = true;
    }

    /// What is wrong with the data that was read so far.
    pub(super) fn flaws(&self) -> Flaws {
        self.reader.flaws.union(self.lower.flaws)
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Goes on while `out` has room for any block, or the picture ends. Returns the bytes written; after an error there are
    /// no more.
    pub(super) fn run(&mut self, input: Input<'_>, out: &mut [u8]) -> Result<usize, Error> {
        let mut len = 0_usize;
        while let Some(rest) = out.get_mut(len..)
            && rest.len() >= MAX_BLOCK
            && !self.is_done
        {
            let written = if let Some(run) = self.next_run() {
                self.take_run(run, input, rest)?
            } else if let Some(written) = self.take_row(input, rest) {
                written
            } else if let Some(window) = rest.first_chunk_mut() {
                self.step(input, window)?
            } else {
                break;
            };
            len = len.saturating_add(written);
        }
        Ok(len)
    }

    /// The blocks from here on that keep their order and their bits, up to the end of the row or the next restart marker.
    fn next_run(&self) -> Option<Run> {
        // Behind a restart marker that was left out, the first differences are not the file's.
        if !self.plan.keeps_mcus() || self.reader.dc != self.writer.dc || self.reader.is_dry {
            return None;
        }
        // Those that have not begun.
        let left = self.plan.groups().saturating_sub(self.group);
        let next = |left: u16| self.reader.mcus_before_restart().min(left.into());
        match self.step {
            // It runs dry before the next one begins.
            0 if self.reader.bits.are_short() => None,
            0 => Some(Run { mcus: next(left), block: 0 }).filter(|run| run.mcus > 0),
            step if usize::from(step) < self.program.len() => {
                Some(Run { mcus: next(left.saturating_sub(1)).saturating_add(1), block: step.saturating_sub(1) })
            }
            _ => None,
        }
    }

    /// Takes the run, or what of it `out` has room for. Returns the bytes written.
    fn take_run(&mut self, run: Run, input: Input<'_>, out: &mut [u8]) -> Result<usize, Error> {
        let luma_blocks = if self.plan.kind == 0 { 2 } else { 4 };
        let ends = (&mut self.reader, &mut self.writer);
        let result = self.tables.emit_run(run, luma_blocks, input, ends, out);
        let (done, written) = result.inspect_err(|_| self.is_done = true)?;
        let is_inside = done.block > 0;
        let begun = done.mcus.saturating_add(is_inside.into()).saturating_sub(u32::from(self.step > 0));
        self.reader.pass_mcus(begun);
        if is_inside {
            self.group = self.group.saturating_add(done.mcus as u16);
            self.step = done.block.saturating_add(1);
        } else {
            // Behind the last one, which is still under way.
            self.group = self.group.saturating_add(done.mcus.saturating_sub(1) as u16);
            self.step = self.program.len() as u8;
        }
        Ok(written)
    }

    /// Takes a row of MCUs at once, where each becomes two and `out` lends the memory for it. Returns the bytes written.
    fn take_row(&mut self, input: Input<'_>, out: &mut [u8]) -> Option<usize> {
        if (self.step, self.group, self.pass) != (0, 0, 0) || !self.plan.halves_mcus() || self.reader.is_dry {
            return None;
        }
        let is_single = u32::from(self.row).saturating_mul(2).saturating_add(1) >= self.plan.new_rows.into();
        // An attempt without the room for a row would be in vain. Rows that are longer than others get one all the same.
        let usual = input.scan.len().checked_div(self.plan.new_rows.div_ceil(2).into())?;
        if is_single || out.len() < usual.saturating_mul(2) {
            return None;
        }
        let ends = (&mut self.reader, &mut self.writer);
        let written = rows::emit(&mut self.tables, self.plan.groups(), input, ends, out)?;
        // Behind the last group, which is still under way.
        (self.pass, self.group) = (1, self.plan.groups().saturating_sub(1));
        self.step = self.program.len() as u8;
        Some(written)
    }

    /// The next step; returns how many bytes it wrote.
    #[inline(always)]
    pub(super) fn step(&mut self, input: Input<'_>, window: &mut BlockBuffer) -> Result<usize, Error> {
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
    fn take(&mut self, step: Step, input: Input<'_>, window: &mut BlockBuffer) -> Result<usize, Error> {
        match step {
            Step::Emit(component) => {
                return self.tables.emit(component, input, &mut self.reader, &mut self.writer, window);
            }
            Step::BeginMcu => {
                let was_dry = self.reader.is_dry;
                let restart = self.reader.begin_mcu(input.scan);
                if self.reader.is_dry && !was_dry {
                    self.sum_up_dc(input)?;
                }
                if let Some(number) = restart
                    && self.keeps_restarts
                {
                    return Ok(self.writer.end(window, Some(marker::RST0 | number)));
                }
            }
            Step::Skip(component) => self.tables.skip(component, input, &mut self.reader)?,
            Step::Gather(component, slot) => self.tables.gather(component, Some(slot), input, &mut self.reader)?,
            Step::Rewind => self.reader = self.group_mark,
            Step::Swap => core::mem::swap(&mut self.reader, &mut self.lower),
            Step::Pad(component) => return Ok(block::pad(component, &mut self.writer, window)),
            Step::Halve(component, is_mirrored) => {
                let Some(gathering) = self.tables.gathering() else { return Ok(0) };
                let [left, right] = gathering.slots(component);
                let block = if is_mirrored {
                    resample::halve_mirrored(left, gathering.divisors())
                } else {
                    resample::halve(left, right, gathering.divisors())
                };
                return self.put(component, &block, window);
            }
            Step::Double(component, is_right) => {
                let Some(gathering) = self.tables.gathering() else { return Ok(0) };
                let [narrow, _] = gathering.slots(component);
                let block = resample::double(narrow, is_right, gathering.divisors());
                return self.put(component, &block, window);
            }
        }
        Ok(0)
    }

    /// Finds out where the DC coefficients are that were not summed up on the way, because blocks were written with the
    /// differences that they had.
    #[cold]
    fn sum_up_dc(&mut self, input: Input<'_>) -> Result<(), Error> {
        if !self.plan.keeps_mcus() || self.reader.has_restarts() {
            return Ok(());
        }
        let luma_blocks = if self.plan.kind == 0 { 2 } else { 4 };
        let mcus = u32::from(self.row).saturating_mul(self.plan.groups().into()).saturating_add(self.group.into());
        let mut reader = Reader::new(0);
        for _ in 0..mcus {
            for _ in 0..luma_blocks {
                self.tables.skip(0, input, &mut reader)?;
            }
            self.tables.skip(1, input, &mut reader)?;
            self.tables.skip(2, input, &mut reader)?;
        }
        self.writer.dc = reader.dc;
        Ok(())
    }

    fn put(&mut self, component: u8, block: &resample::Block, window: &mut BlockBuffer) -> Result<usize, Error> {
        block::put(component, block, &mut self.writer, window)
            .ok_or_else(|| self.reader.bits.error(ErrorKind::Coefficient))
    }

    #[inline(never)]
    fn next_group(&mut self, input: Input<'_>, window: &mut BlockBuffer) -> Result<usize, Error> {
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
                self.reader.end();
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
                self.lower.begin_mcu(input.scan);
                self.tables.skip(0, input, &mut self.lower)?;
            }
        }
        Ok(())
    }
}
