//! A JPEG writer and reader for tests: any sampling, any Huffman tables, any restart interval. They share no code with the
//! transcoder, and trade speed for being obvious.

use crate::jpeg::tables::{CHROMA_AC, CHROMA_DC, HuffmanTable, LUMA_AC, LUMA_DC};
use std::vec::Vec;

/// Coefficients in zig-zag order.
pub(in super::super) type Block = [i16; 64];

/// Numbers that look random and are the same in each run.
#[derive(Clone)]
pub(in super::super) struct Random(pub u64);

impl Random {
    pub(in super::super) fn next(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as u32) % below
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Component {
    pub(in super::super) columns: usize,
    pub(in super::super) rows: usize,
    /// Blocks side by side, whole MCUs.
    pub(in super::super) stride: usize,
    pub(in super::super) blocks: Vec<Block>,
}

impl Component {
    pub(in super::super) fn block(&self, column: usize, row: usize) -> Option<&Block> {
        (column < self.stride).then(|| self.blocks.get(row * self.stride + column)).flatten()
    }
}

/// A picture as its coefficients.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Picture {
    pub(in super::super) width: usize,
    pub(in super::super) height: usize,
    pub(in super::super) components: Vec<Component>,
}

impl Picture {
    /// Of sampling factors, all coefficients zero.
    pub(in super::super) fn empty(width: usize, height: usize, factors: &[(usize, usize)]) -> Self {
        let columns = factors.iter().map(|factor| factor.0).max().unwrap();
        let rows = factors.iter().map(|factor| factor.1).max().unwrap();
        let components = factors.iter().map(|&(h, v)| {
            // A grey picture has MCUs of one block.
            let (stride, lines) = match factors.len() {
                1 => (width.div_ceil(8), height.div_ceil(8)),
                _ => (width.div_ceil(8 * columns) * h, height.div_ceil(8 * rows) * v),
            };
            Component { columns: h, rows: v, stride, blocks: std::vec![[0; 64]; stride * lines] }
        });
        Self { width, height, components: components.collect() }
    }

    /// With coefficients from few and small (0) to many and large (3).
    pub(in super::super) fn random(
        width: usize,
        height: usize,
        factors: &[(usize, usize)],
        busy: u32,
        random: &mut Random,
    ) -> Self {
        let mut picture = Self::empty(width, height, factors);
        for block in picture.components.iter_mut().flat_map(|component| &mut component.blocks) {
            block[0] = random.next(2047) as i16 - 1023;
            let (most, bits) = [(2, 2), (8, 4), (30, 7), (300, 10)][busy as usize];
            for _ in 0..random.next(most) {
                let at = 1 + random.next(63).min(random.next(63));
                let bits = 1 + random.next(bits);
                let magnitude = random.next(1 << bits) as i16;
                block[at as usize] = if random.next(2) == 0 { magnitude } else { -magnitude };
            }
            if random.next(8) == 0 {
                block[63] = 1;
            }
        }
        picture
    }

    /// The blocks in the order in which a scan has them, MCU by MCU: component and block.
    pub(in super::super) fn mcus(&self) -> Vec<Vec<(usize, usize)>> {
        if let [grey] = &self.components[..] {
            return (0..grey.blocks.len()).map(|block| std::vec![(0, block)]).collect();
        }
        let first = &self.components[0];
        let (across, down) = (first.stride / first.columns, first.blocks.len() / first.stride / first.rows);
        let mut mcus = Vec::new();
        for (y, x) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
            let mut mcu = Vec::new();
            for (index, part) in self.components.iter().enumerate() {
                for (row, column) in (0..part.rows).flat_map(|row| (0..part.columns).map(move |column| (row, column))) {
                    mcu.push((index, (y * part.rows + row) * part.stride + x * part.columns + column));
                }
            }
            mcus.push(mcu);
        }
        mcus
    }
}

/// A Huffman table with all that Annex K's has codes for.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Table {
    pub(in super::super) bits: [u8; 16],
    pub(in super::super) symbols: Vec<u8>,
}

impl Table {
    pub(in super::super) fn standard(table: HuffmanTable) -> Self {
        Self { bits: table.bits, symbols: table.values.to_vec() }
    }

    /// The symbols of Annex K in any order, with codes of any lengths.
    pub(in super::super) fn random(like: HuffmanTable, random: &mut Random) -> Self {
        let mut symbols = like.values.to_vec();
        (1..symbols.len()).for_each(|at| symbols.swap(at, random.next(at as u32 + 1) as usize));
        // Leaves of a tree that is split at random; one more than symbols, because no code is all ones.
        let mut leaves = std::vec![0_u32];
        while leaves.len() <= symbols.len() {
            let at = random.next(leaves.len() as u32).min(random.next(leaves.len() as u32)) as usize;
            if leaves[at] < 16 {
                leaves[at] += 1;
                leaves.push(leaves[at]);
            }
        }
        leaves.sort_unstable();
        leaves.pop();
        let mut bits = [0; 16];
        leaves.iter().for_each(|&len| bits[len as usize - 1] += 1);
        Self { bits, symbols }
    }

    /// Code and length by symbol.
    pub(in super::super) fn codes(&self) -> [(u32, u32); 256] {
        let (mut codes, mut code, mut symbols) = ([(0, 0); 256], 0_u32, self.symbols.iter());
        for (len, &count) in (1..).zip(&self.bits) {
            for &symbol in symbols.by_ref().take(count.into()) {
                codes[symbol as usize] = (code, len);
                code += 1;
            }
            code <<= 1;
        }
        codes
    }
}

/// How a file is written.
#[derive(Clone, Debug)]
pub(in super::super) struct Style {
    /// DC and AC tables of each component.
    pub(in super::super) tables: [[Table; 2]; 3],
    pub(in super::super) restart_interval: usize,
    /// Quantisation tables of luma and chroma; the same: one table in the file.
    pub(in super::super) quantization: [[u8; 64]; 2],
    /// Segments that mean nothing here, behind SOI.
    pub(in super::super) extra: Vec<u8>,
    pub(in super::super) frame_header: u8,
}

impl Style {
    pub(in super::super) fn standard() -> Self {
        let (luma, chroma) = ([LUMA_DC, LUMA_AC], [CHROMA_DC, CHROMA_AC]);
        let quantization = crate::jpeg::tables::quantization(60);
        Self {
            tables: [luma, chroma, chroma].map(|tables| tables.map(Table::standard)),
            restart_interval: 0,
            quantization: [quantization.0, quantization.1],
            extra: Vec::new(),
            frame_header: 0xC0,
        }
    }

    pub(in super::super) fn random(random: &mut Random) -> Self {
        let mut style = Self::standard();
        let mut tables = || [LUMA_DC, LUMA_AC].map(|like| Table::random(like, random));
        style.tables[0] = tables();
        style.tables[1] = tables();
        style.tables[2] = style.tables[1].clone();
        match random.next(4) {
            0 => style.quantization[1] = style.quantization[0],
            1 => style.tables[1] = style.tables[0].clone(),
            // Three sets of tables: more than baseline has, but within reach of SOF1.
            2 => style.frame_header = 0xC1,
            _ => {}
        }
        style.restart_interval = match random.next(4) {
            0 | 1 => 0,
            2 => 1 + random.next(8) as usize,
            _ => 1 + random.next(2000) as usize,
        };
        style
    }
}

pub(in super::super) struct Bits {
    pub(in super::super) out: Vec<u8>,
    pub(in super::super) byte: u32,
    pub(in super::super) count: u32,
}

impl Bits {
    pub(in super::super) fn put(&mut self, value: u32, len: u32) {
        for bit in (0..len).rev() {
            self.byte = self.byte << 1 | value >> bit & 1;
            self.count += 1;
            if self.count == 8 {
                self.out.push(self.byte as u8);
                if self.byte == 0xFF {
                    self.out.push(0);
                }
                (self.byte, self.count) = (0, 0);
            }
        }
    }

    pub(in super::super) fn align(&mut self) {
        while self.count != 0 {
            self.put(1, 1);
        }
    }

    pub(in super::super) fn value(&mut self, codes: &[(u32, u32); 256], zeros: u32, value: i32) {
        let size = 32 - value.unsigned_abs().leading_zeros();
        let (code, len) = codes[(zeros << 4 | size) as usize];
        assert_ne!(len, 0, "the table has no code for {zeros}/{size}");
        self.put(code, len);
        self.put(if value < 0 { (value - 1) as u32 } else { value as u32 } & ((1 << size) - 1), size);
    }
}

pub(in super::super) fn segment(code: u8, content: &[u8]) -> Vec<u8> {
    [&[0xFF, code][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
}

pub(in super::super) fn encode(picture: &Picture, style: &Style) -> Vec<u8> {
    let mut file = std::vec![0xFF, 0xD8];
    file.extend_from_slice(&style.extra);
    let [luma, chroma] = &style.quantization;
    let is_single = luma == chroma;
    file.extend(segment(0xDB, &[&[0][..], luma].concat()));
    if !is_single {
        file.extend(segment(0xDB, &[&[1][..], chroma].concat()));
    }
    let mut header = std::vec![8];
    header.extend((picture.height as u16).to_be_bytes());
    header.extend((picture.width as u16).to_be_bytes());
    header.push(picture.components.len() as u8);
    for (index, part) in picture.components.iter().enumerate() {
        let table = u8::from(index > 0 && !is_single);
        header.extend([index as u8 + 1, (part.columns << 4 | part.rows) as u8, table]);
    }
    file.extend(segment(style.frame_header, &header));
    let three = style.tables[1] != style.tables[2];
    for (index, tables) in style.tables.iter().enumerate().take(2 + usize::from(three)) {
        for (class, table) in tables.iter().enumerate() {
            let head = [(class << 4 | index) as u8];
            file.extend(segment(0xC4, &[&head[..], &table.bits, &table.symbols].concat()));
        }
    }
    if style.restart_interval != 0 {
        file.extend(segment(0xDD, &(style.restart_interval as u16).to_be_bytes()));
    }
    let mut header = std::vec![picture.components.len() as u8];
    for index in 0..picture.components.len() {
        let table = if three { index } else { index.min(1) } as u8;
        header.extend([index as u8 + 1, table << 4 | table]);
    }
    header.extend([0, 63, 0]);
    file.extend(segment(0xDA, &header));

    let codes = style.tables.each_ref().map(|tables| tables.each_ref().map(Table::codes));
    let mut bits = Bits { out: file, byte: 0, count: 0 };
    let mut dc = [0; 3];
    for (number, mcu) in picture.mcus().iter().enumerate() {
        if style.restart_interval != 0 && number != 0 && number % style.restart_interval == 0 {
            bits.align();
            bits.out.extend([0xFF, 0xD0 + ((number / style.restart_interval - 1) % 8) as u8]);
            dc = [0; 3];
        }
        for &(index, block) in mcu {
            let block = &picture.components[index].blocks[block];
            bits.value(&codes[index][0], 0, i32::from(block[0]) - dc[index]);
            dc[index] = block[0].into();
            let (ac, mut zeros) = (&codes[index][1], 0);
            for &value in &block[1..] {
                if value == 0 {
                    zeros += 1;
                    continue;
                }
                while zeros > 15 {
                    bits.put(ac[0xF0].0, ac[0xF0].1);
                    zeros -= 16;
                }
                bits.value(ac, zeros, value.into());
                zeros = 0;
            }
            if zeros > 0 {
                bits.put(ac[0].0, ac[0].1);
            }
        }
    }
    bits.align();
    bits.out.extend([0xFF, 0xD9]);
    bits.out
}

/// Reads a file as [`encode`] or the transcoder writes it. Panics where anything is out of place.
pub(in super::super) fn decode(file: &[u8]) -> Picture {
    let mut tables = std::collections::BTreeMap::new();
    let (mut at, mut interval, mut frame) = (2, 0, Vec::new());
    let header = loop {
        let (code, len) = (file[at + 1], usize::from(file[at + 2]) << 8 | usize::from(file[at + 3]));
        assert_eq!(file[at], 0xFF);
        let content = &file[at + 4..at + 2 + len];
        at += 2 + len;
        match code {
            0xC0 | 0xC1 => frame = content.to_vec(),
            0xC4 => {
                let mut rest = content;
                while !rest.is_empty() {
                    let bits: [u8; 16] = rest[1..17].try_into().unwrap();
                    let count = bits.iter().map(|&n| usize::from(n)).sum::<usize>();
                    let table = Table { bits, symbols: rest[17..17 + count].to_vec() };
                    let by_code: std::collections::BTreeMap<_, _> =
                        (0..=255_u8).map(|symbol| (table.codes()[symbol as usize], symbol)).collect();
                    tables.insert(rest[0], by_code);
                    rest = &rest[17 + count..];
                }
            }
            0xDA => break content,
            0xDD => interval = usize::from(content[0]) << 8 | usize::from(content[1]),
            _ => {}
        }
    };
    let factors: Vec<_> = frame[6..].chunks(3).map(|c| (usize::from(c[1] >> 4), usize::from(c[1] & 15))).collect();
    let size = |at: usize| usize::from(frame[at]) << 8 | usize::from(frame[at + 1]);
    let mut picture = Picture::empty(size(3), size(1), &factors);

    // All segments between restart markers as bits.
    let mut segments = std::vec![Vec::new()];
    while !(file[at] == 0xFF && file[at + 1] == 0xD9) {
        match (file[at], file[at + 1]) {
            (0xFF, 0xD0..=0xD7) => {
                assert_eq!(file[at + 1], 0xD0 + ((segments.len() - 1) % 8) as u8);
                segments.push(Vec::new());
                at += 2;
            }
            (byte, next) => {
                assert!(byte != 0xFF || next == 0, "a marker inside the data");
                let bits = (0..8).rev().map(|bit| u32::from(byte >> bit & 1));
                segments.last_mut().unwrap().extend(bits);
                at += 1 + usize::from(byte == 0xFF);
            }
        }
    }
    assert_eq!(at + 2, file.len());
    let mut segments = segments.into_iter();
    let mut bits = segments.next().unwrap().into_iter();
    let mut dc = [0; 3];
    for (number, mcu) in picture.mcus().into_iter().enumerate() {
        if interval != 0 && number != 0 && number % interval == 0 {
            assert!(bits.all(|bit| bit == 1));
            bits = segments.next().unwrap().into_iter();
            dc = [0; 3];
        }
        for (index, block) in mcu {
            let selectors = header[2 + 2 * index];
            let mut symbol = |id: u8| {
                let (mut code, mut len) = (0, 0);
                loop {
                    (code, len) = (code << 1 | bits.next().expect("more bits"), len + 1);
                    assert!(len <= 16, "no such code");
                    if let Some(&symbol) = tables[&id].get(&(code, len)) {
                        let size = u32::from(symbol & 15);
                        let value = (0..size).fold(0, |value, _| value << 1 | bits.next().expect("more bits") as i32);
                        return (
                            symbol >> 4,
                            size,
                            if value < 1 << size >> 1 { value + 1 - (1 << size) } else { value },
                        );
                    }
                }
            };
            dc[index] += symbol(selectors >> 4).2;
            let mut coefficients = [0; 64];
            coefficients[0] = dc[index] as i16;
            let mut at = 1;
            while at < 64 {
                match symbol(selectors & 15 | 0x10) {
                    (15, 0, _) => at += 16,
                    (_, 0, _) => break,
                    (zeros, _, value) => {
                        coefficients[at + usize::from(zeros)] = value as i16;
                        at += usize::from(zeros) + 1;
                    }
                }
            }
            picture.components[index].blocks[block] = coefficients;
        }
    }
    assert!(bits.len() < 8 && bits.all(|bit| bit == 1) && segments.next().is_none());
    picture
}
