//! An arithmetic coder for tests (sections D.1, F.1.4 and G.1.3).

use super::super::super::coefficients::arithmetic::STATES;
use super::super::codec::Block;
use super::encoder::Scan;
use std::vec::Vec;

pub(super) struct Coder {
    /// The code register with 16 bits below the point, and the interval.
    code: u64,
    range: u64,
    /// Shifts before the next byte.
    count: u32,
    /// Without stuffing: a carry may still change them.
    bytes: Vec<u8>,
    dc: [[u8; 64]; 4],
    ac: [[u8; 256]; 4],
    context: [usize; 3],
    last: [i32; 3],
    /// By table: L, U and Kx.
    conditioning: [(u8, u8, u8); 4],
}

/// A state in which nothing is learned.
const FIXED: u8 = 113;

impl Coder {
    pub(super) fn new(conditioning: [(u8, u8, u8); 4]) -> Self {
        Self {
            code: 0,
            range: 0x1_0000,
            count: 11,
            bytes: Vec::new(),
            dc: [[0; 64]; 4],
            ac: [[0; 256]; 4],
            context: [0; 3],
            last: [0; 3],
            conditioning,
        }
    }

    fn carry(&mut self) {
        for byte in self.bytes.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                return;
            }
        }
        panic!("the code is more than all there are");
    }

    /// Returns the bin's next state.
    fn code(&mut self, bin: u8, decision: bool) -> u8 {
        let state = &STATES[usize::from(bin & 127)];
        let (probable, size) = (bin & 128, u64::from(state.size));
        let rest = self.range - size;
        let is_probable = decision == (probable != 0);
        // The larger part is that of the more probable decision, whatever its place.
        let is_lower = is_probable == (rest >= size);
        if is_probable && rest >= 0x8000 {
            self.range = rest;
            return bin;
        }
        if is_lower {
            self.range = rest;
        } else {
            self.code += rest;
            self.range = size;
        }
        while self.range < 0x8000 {
            self.range <<= 1;
            self.code <<= 1;
            self.count -= 1;
            if self.count == 0 {
                self.byte();
                self.count = 8;
            }
        }
        probable ^ if is_probable { state.more } else { state.less }
    }

    fn byte(&mut self) {
        let byte = self.code >> 19;
        if byte > 0xFF {
            self.carry();
        }
        self.bytes.push(byte as u8);
        self.code &= 0x7_FFFF;
    }

    /// The data, without zeros at its end (section D.1.8).
    pub(super) fn finish(mut self) -> Vec<u8> {
        // Of the codes in the interval, the one that ends with the most zeros.
        let highest = (self.code + self.range - 1) & !0xFFFF;
        self.code = if highest < self.code { highest + 0x8000 } else { highest };
        self.code <<= self.count;
        self.byte();
        self.code <<= 8;
        self.byte();
        while self.bytes.last() == Some(&0) {
            self.bytes.pop();
        }
        self.bytes.iter().flat_map(|&byte| [byte, 0].into_iter().take(1 + usize::from(byte == 0xFF))).collect()
    }

    fn dc_bin(&mut self, table: usize, at: usize, decision: bool) {
        self.dc[table][at] = self.code(self.dc[table][at], decision);
    }

    fn ac_bin(&mut self, table: usize, at: usize, decision: bool) {
        self.ac[table][at] = self.code(self.ac[table][at], decision);
    }

    fn even(&mut self, decision: bool) {
        self.code(FIXED, decision);
    }

    pub(super) fn block(&mut self, component: usize, table: usize, block: &Block, scan: &Scan, is_progressive: bool) {
        if scan.first == 0 {
            let value = i32::from(block[0]) >> scan.low;
            if scan.high > 0 {
                self.even(value & 1 == 1);
            } else {
                self.difference(component, table, value - self.last[component]);
                self.last[component] = value;
            }
        }
        match scan.high {
            _ if is_progressive && scan.first == 0 => {}
            0 => self.band(table, block, scan),
            _ => self.refine(table, block, scan),
        }
    }

    fn difference(&mut self, component: usize, table: usize, value: i32) {
        let start = self.context[component];
        self.dc_bin(table, start, value != 0);
        if value == 0 {
            self.context[component] = 0;
            return;
        }
        let is_negative = value < 0;
        self.dc_bin(table, start + 1, is_negative);
        let rest = value.unsigned_abs() - 1;
        let size = 32 - rest.leading_zeros();
        let mut bin = start + 2 + usize::from(is_negative);
        if size > 0 {
            self.dc_bin(table, bin, true);
            bin = 20;
            for _ in 1..size {
                self.dc_bin(table, bin, true);
                bin += 1;
            }
        }
        self.dc_bin(table, bin, false);
        for bit in (0..size.saturating_sub(1)).rev() {
            self.dc_bin(table, bin + 14, rest >> bit & 1 == 1);
        }
        let (lower, upper, _) = self.conditioning[table];
        let half = (1_u32 << size) >> 1;
        self.context[component] = if half < (1 << lower) >> 1 {
            0
        } else {
            let sign = if is_negative { 4 } else { 0 };
            sign + if half > (1 << upper) >> 1 { 12 } else { 4 }
        };
    }

    fn band(&mut self, table: usize, block: &Block, scan: &Scan) {
        let magnitude = |at: usize| u32::from(block[at].unsigned_abs()) >> scan.low;
        let end = (scan.first.max(1)..=scan.last).rev().find(|&at| magnitude(at) > 0).unwrap_or(0);
        let mut at = scan.first.max(1);
        while at <= end {
            self.ac_bin(table, 3 * (at - 1), false);
            while magnitude(at) == 0 {
                self.ac_bin(table, 3 * (at - 1) + 1, false);
                at += 1;
            }
            let start = 3 * (at - 1);
            self.ac_bin(table, start + 1, true);
            self.even(block[at] < 0);
            let rest = magnitude(at) - 1;
            let size = 32 - rest.leading_zeros();
            let mut bin = start + 2;
            if size > 0 {
                self.ac_bin(table, bin, true);
                if size > 1 {
                    self.ac_bin(table, bin, true);
                    bin = if at <= usize::from(self.conditioning[table].2) { 189 } else { 217 };
                    for _ in 2..size {
                        self.ac_bin(table, bin, true);
                        bin += 1;
                    }
                }
            }
            self.ac_bin(table, bin, false);
            for bit in (0..size.saturating_sub(1)).rev() {
                self.ac_bin(table, bin + 14, rest >> bit & 1 == 1);
            }
            at += 1;
        }
        if at <= scan.last {
            self.ac_bin(table, 3 * (at - 1), true);
        }
    }

    fn refine(&mut self, table: usize, block: &Block, scan: &Scan) {
        let magnitude = |at: usize| u32::from(block[at].unsigned_abs()) >> scan.low;
        let end = (scan.first..=scan.last).rev().find(|&at| magnitude(at) > 0).unwrap_or(0);
        let known = (scan.first..=scan.last).rev().find(|&at| magnitude(at) > 1).unwrap_or(0);
        let mut at = scan.first;
        while at <= end {
            if at > known {
                self.ac_bin(table, 3 * (at - 1), false);
            }
            while magnitude(at) == 0 {
                self.ac_bin(table, 3 * (at - 1) + 1, false);
                at += 1;
            }
            let start = 3 * (at - 1);
            if magnitude(at) > 1 {
                self.ac_bin(table, start + 2, magnitude(at) & 1 == 1);
            } else {
                self.ac_bin(table, start + 1, true);
                self.even(block[at] < 0);
            }
            at += 1;
        }
        if at <= scan.last {
            self.ac_bin(table, 3 * (at - 1), true);
        }
    }
}
