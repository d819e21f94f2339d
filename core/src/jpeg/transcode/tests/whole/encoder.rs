//! A JPEG writer for tests: scans of any kind, Huffman-coded or arithmetic-coded. It shares nothing with what it tests but
//! table D.3, and trades speed for being obvious.

use super::super::codec::{Bits, Block, Component, Picture, Random, Table, segment};
use super::arithmetic::Coder;
use crate::jpeg::tables::HuffmanTable;
use std::vec::Vec;

/// What one scan brings, and how.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    pub(super) components: Vec<usize>,
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) high: u32,
    pub(super) low: u32,
    pub(super) restart_interval: usize,
}

impl Scan {
    /// All of these components, sequentially.
    pub(super) fn sequential(components: &[usize]) -> Self {
        Self { components: components.to_vec(), first: 0, last: 63, high: 0, low: 0, restart_interval: 0 }
    }

    pub(super) fn progressive(components: &[usize], (first, last): (usize, usize), (high, low): (u32, u32)) -> Self {
        Self { first, last, high, low, ..Self::sequential(components) }
    }
}

/// How a file is written.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) is_progressive: bool,
    pub(super) is_arithmetic: bool,
    pub(super) precision: u8,
    /// Of each component, in zig-zag order.
    pub(super) quantization: [[u16; 64]; 3],
    pub(super) scans: Vec<Scan>,
    /// For Huffman tables and whatever else is the writer's choice.
    pub(super) seed: u64,
}

impl Script {
    pub(super) fn new(is_progressive: bool, is_arithmetic: bool, scans: Vec<Scan>) -> Self {
        let (luma, chroma) = crate::jpeg::tables::quantization(60);
        let quantization = [luma, chroma, chroma].map(|table| table.map(u16::from));
        Self { is_progressive, is_arithmetic, precision: 8, quantization, scans, seed: 1 }
    }

    /// Any of the scripts that the standard allows.
    pub(super) fn random(count: usize, is_progressive: bool, is_arithmetic: bool, random: &mut Random) -> Self {
        let mut groups = groups(count, random);
        let mut scans = Vec::new();
        if !is_progressive {
            scans.extend(groups.iter().map(|group| Scan::sequential(group)));
        } else {
            // Chains of scans that have their order, DC before AC; several of them may be under way at once.
            let mut chains: Vec<Vec<Scan>> = Vec::new();
            groups.iter_mut().for_each(|group| group.sort_unstable());
            for group in groups {
                chains.push(chain(&group, (0, 0), random));
            }
            let mut bands = Vec::new();
            for component in 0..count {
                let mut first = 1;
                while first <= 63 {
                    let last = first + random.next(64 - first as u32).min(random.next(40)) as usize;
                    bands.push((component, (first, last)));
                    first = last + 1;
                }
            }
            let mut waiting: Vec<(usize, Vec<Scan>)> =
                bands.into_iter().map(|(component, band)| (component, chain(&[component], band, random))).collect();
            let mut has_dc = [false; 3];
            while !chains.is_empty() || !waiting.is_empty() {
                let (ready, rest) = waiting.into_iter().partition(|(component, _)| has_dc[*component]);
                let _: &Vec<(usize, Vec<Scan>)> = &ready;
                waiting = rest;
                chains.extend(ready.into_iter().map(|(_, chain)| chain));
                let at = random.next(chains.len() as u32) as usize;
                let scan = chains[at].remove(0);
                if chains[at].is_empty() {
                    chains.swap_remove(at);
                }
                scan.components.iter().for_each(|&component| has_dc[component] = true);
                scans.push(scan);
            }
        }
        let interval = [0, 0, 1, 3, 7];
        for scan in &mut scans {
            scan.restart_interval = interval[random.next(5) as usize];
        }
        Self { seed: u64::from(random.next(1 << 30)), ..Self::new(is_progressive, is_arithmetic, scans) }
    }
}

/// The components in any order and grouping.
fn groups(count: usize, random: &mut Random) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..count).collect();
    (1..count).for_each(|at| order.swap(at, random.next(at as u32 + 1) as usize));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for component in order {
        match groups.last_mut() {
            Some(group) if random.next(2) == 0 => group.push(component),
            _ => groups.push(std::vec![component]),
        }
    }
    groups
}

/// A band sent at once, or bit by bit.
fn chain(components: &[usize], band: (usize, usize), random: &mut Random) -> Vec<Scan> {
    let low = random.next(5).min(random.next(5));
    let first = Scan::progressive(components, band, (0, low));
    core::iter::once(first)
        .chain((0..low).rev().map(|low| Scan::progressive(components, band, (low + 1, low))))
        .collect()
}

/// How many blocks of a component hold some of the picture, across and down.
pub(super) fn extent(picture: &Picture, component: &Component) -> (usize, usize) {
    if picture.components.len() == 1 {
        return (picture.width.div_ceil(8), picture.height.div_ceil(8));
    }
    let most = |of: fn(&Component) -> usize| picture.components.iter().map(of).max().unwrap();
    (
        (picture.width * component.columns).div_ceil(most(|part| part.columns)).div_ceil(8),
        (picture.height * component.rows).div_ceil(most(|part| part.rows)).div_ceil(8),
    )
}

/// The MCUs of a scan: of one component, its blocks that hold some of the picture.
fn mcus(picture: &Picture, components: &[usize]) -> Vec<Vec<(usize, usize)>> {
    if let [index] = *components {
        let part = &picture.components[index];
        let (across, down) = extent(picture, part);
        let blocks = (0..down).flat_map(|row| (0..across).map(move |column| row * part.stride + column));
        return blocks.map(|block| std::vec![(index, block)]).collect();
    }
    let of_scan = |mcu: Vec<(usize, usize)>| {
        components.iter().flat_map(|&wanted| mcu.iter().copied().filter(move |one| one.0 == wanted)).collect()
    };
    picture.mcus().into_iter().map(of_scan).collect()
}

static ALL_SYMBOLS: [u8; 256] = {
    let (mut all, mut at) = ([0; 256], 0);
    while at < 256 {
        all[at] = at as u8;
        at += 1;
    }
    all
};

pub(super) fn encode(picture: &Picture, script: &Script) -> Vec<u8> {
    let mut random = Random(script.seed);
    let mut file = std::vec![0xFF, 0xD8];
    for (id, table) in (0..).zip(&script.quantization).take(picture.components.len()) {
        let is_wide = script.precision > 8 || table.iter().any(|&entry| entry > 255);
        let mut content = std::vec![u8::from(is_wide) << 4 | id];
        table.iter().for_each(|entry| content.extend(&entry.to_be_bytes()[usize::from(!is_wide)..]));
        file.extend(segment(0xDB, &content));
    }
    let mut header = std::vec![script.precision];
    header.extend((picture.height as u16).to_be_bytes());
    header.extend((picture.width as u16).to_be_bytes());
    header.push(picture.components.len() as u8);
    for (index, part) in picture.components.iter().enumerate() {
        header.extend([index as u8 + 1, (part.columns << 4 | part.rows) as u8, index as u8]);
    }
    let code = match (script.is_progressive, script.is_arithmetic) {
        (false, false) => 0xC1,
        (true, false) => 0xC2,
        (false, true) => 0xC9,
        (true, true) => 0xCA,
    };
    file.extend(segment(code, &header));
    let (mut interval, mut conditioning) = (0, [(0, 1, 5); 4]);
    for scan in &script.scans {
        if scan.restart_interval != interval {
            interval = scan.restart_interval;
            file.extend(segment(0xDD, &(interval as u16).to_be_bytes()));
        }
        write_scan(picture, script, scan, &mut conditioning, &mut random, &mut file);
    }
    file.extend([0xFF, 0xD9]);
    file
}

fn write_scan(
    picture: &Picture,
    script: &Script,
    scan: &Scan,
    conditioning: &mut [(u8, u8, u8); 4],
    random: &mut Random,
    file: &mut Vec<u8>,
) {
    // Tables of its own for each component; which ids they have is as it comes.
    let ids: [u8; 3] = [[0, 1, 2], [3, 0, 1], [2, 2, 2]][random.next(3) as usize];
    let all = [&ALL_SYMBOLS[..16], &ALL_SYMBOLS].map(|values| HuffmanTable { bits: [0; 16], values });
    let mut tables = all.map(|all| core::array::from_fn::<_, 3, _>(|_| Table::random(all, random)));
    let is_used = [scan.first == 0 && scan.high == 0, scan.last > 0];
    if script.is_arithmetic {
        let mut content = Vec::new();
        for (id, place) in (0..).zip(conditioning.iter_mut()).take(random.next(5) as usize) {
            let upper = random.next(16) as u8;
            *place = (random.next(u32::from(upper) + 1) as u8, upper, 1 + random.next(63) as u8);
            content.extend([id, place.1 << 4 | place.0, 0x10 | id, place.2]);
        }
        if !content.is_empty() {
            file.extend(segment(0xCC, &content));
        }
    } else {
        for (class, tables) in (0..).zip(&mut tables).filter(|(class, _)| is_used[usize::from(*class)]) {
            for &index in &scan.components {
                // The last one with an id is the one that counts.
                let last = scan.components.iter().rfind(|&&other| ids[other] == ids[index]).copied().unwrap();
                tables[index] = tables[last].clone();
                let head = [class << 4 | ids[index]];
                file.extend(segment(0xC4, &[&head[..], &tables[index].bits, &tables[index].symbols].concat()));
            }
        }
    }
    let mut header = std::vec![scan.components.len() as u8];
    scan.components.iter().for_each(|&index| header.extend([index as u8 + 1, ids[index] << 4 | ids[index]]));
    header.extend([scan.first as u8, scan.last as u8, (scan.high << 4 | scan.low) as u8]);
    file.extend(segment(0xDA, &header));

    let mcus = mcus(picture, &scan.components);
    let interval = if scan.restart_interval == 0 { mcus.len() } else { scan.restart_interval };
    for (number, segment) in mcus.chunks(interval).enumerate() {
        if number > 0 {
            file.extend([0xFF, 0xD0 + ((number - 1) % 8) as u8]);
        }
        let blocks = segment.iter().flatten().map(|&(index, block)| (index, &picture.components[index].blocks[block]));
        if script.is_arithmetic {
            let mut coder = Coder::new(*conditioning);
            for (index, block) in blocks {
                coder.block(index, ids[index].into(), block, scan, script.is_progressive);
            }
            file.extend(coder.finish());
        } else {
            let codes = [0, 1].map(|class: usize| tables[class].each_ref().map(Table::codes));
            let bits = Bits { out: core::mem::take(file), byte: 0, count: 0 };
            let mut huffman = Huffman { bits, codes, run: 0, corrections: Vec::new(), ac: 0, last: [0; 3] };
            let longest = [1, 3, 0x7FFF][random.next(3) as usize];
            for (index, block) in blocks {
                huffman.block(index, block, scan, script.is_progressive, longest);
            }
            huffman.end_run();
            huffman.bits.align();
            *file = huffman.bits.out;
        }
    }
}

/// A Huffman-coded scan (sections F.1.2 and G.1.2).
struct Huffman {
    bits: Bits,
    /// Of DC and AC coefficients, by component.
    codes: [[[(u32, u32); 256]; 3]; 2],
    /// Blocks that ended, and the bits of their coefficients that are to follow.
    run: u32,
    corrections: Vec<u32>,
    /// The component whose blocks they are.
    ac: usize,
    last: [i32; 3],
}

impl Huffman {
    fn symbol(&mut self, class: usize, component: usize, symbol: u32) {
        let (code, len) = self.codes[class][component][symbol as usize];
        assert_ne!(len, 0);
        self.bits.put(code, len);
    }

    fn end_run(&mut self) {
        if self.run > 0 {
            let size = self.run.ilog2();
            self.symbol(1, self.ac, size << 4);
            self.bits.put(self.run & ((1 << size) - 1), size);
            self.run = 0;
        }
        self.corrections.drain(..).for_each(|bit| self.bits.put(bit, 1));
    }

    fn block(&mut self, component: usize, block: &Block, scan: &Scan, is_progressive: bool, longest: u32) {
        self.ac = component;
        if scan.first == 0 {
            let value = i32::from(block[0]) >> scan.low;
            if scan.high > 0 {
                self.bits.put(value as u32 & 1, 1);
            } else {
                let codes = self.codes[0][component];
                self.bits.value(&codes, 0, value - self.last[component]);
                self.last[component] = value;
            }
        }
        let band = scan.first.max(1)..=scan.last;
        let magnitude = |at: usize| u32::from(block[at].unsigned_abs()) >> scan.low;
        let last_new = band.clone().rev().find(|&at| magnitude(at) == 1 || magnitude(at) > 0 && scan.high == 0);
        let (mut zeros, mut corrections) = (0, Vec::new());
        for at in band {
            if magnitude(at) == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 && last_new.is_some_and(|last| at <= last) {
                self.end_run();
                self.symbol(1, component, 0xF0);
                corrections.drain(..).for_each(|bit| self.bits.put(bit, 1));
                zeros -= 16;
            }
            if scan.high > 0 && magnitude(at) > 1 {
                corrections.push(magnitude(at) & 1);
                continue;
            }
            self.end_run();
            if scan.high > 0 {
                self.symbol(1, component, zeros << 4 | 1);
                self.bits.put(u32::from(block[at] > 0), 1);
            } else {
                let value = magnitude(at) as i32 * i32::from(block[at].signum());
                let codes = self.codes[1][component];
                self.bits.value(&codes, zeros, value);
            }
            corrections.drain(..).for_each(|bit| self.bits.put(bit, 1));
            zeros = 0;
        }
        if zeros > 0 || !corrections.is_empty() {
            if !is_progressive {
                self.symbol(1, component, 0);
                return;
            }
            self.run += 1;
            self.corrections.append(&mut corrections);
            if self.run == longest {
                self.end_run();
            }
        }
    }
}
