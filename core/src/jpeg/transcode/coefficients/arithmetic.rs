//! Arithmetic-coded scans, sequential and progressive (annex D, sections F.2.4 and G.2.3).

use super::super::super::layout::{Error, ErrorKind, Flaw, Flaws};
use super::super::reader::Restart;
use super::frame::{Block, Decoder, Mode, Part, Scan, ScannedFrame};
use super::huffman::place;

/// A DAC segment's conditioning of the tables (section B.2.4.3): the bounds L and U of small DC differences, and Kx, the last of
/// the low AC coefficients. As in libjpeg, there are 16 tables where the standard has four, and any Kx.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditioning {
    dc: [(u8, u8); 16],
    ac: [u8; 16],
}

impl Conditioning {
    pub(super) const DEFAULT: Self = Self { dc: [(0, 1); 16], ac: [5; 16] };

    /// Takes one pair of a DAC segment. `None`: there is no such table, or no such value.
    pub(super) fn define(&mut self, head: u8, value: u8) -> Option<()> {
        let id = usize::from(head & 15);
        match head >> 4 {
            0 if value & 15 <= value >> 4 => *self.dc.get_mut(id)? = (value & 15, value >> 4),
            1 => *self.ac.get_mut(id)? = value,
            _ => return None,
        }
        Some(())
    }
}

/// An estimate of how probable a decision is: the index of a state, and the more probable decision in the highest bit.
type Bin = u8;

/// So many bins has a table for DC differences (table F.4, with room for 15 bits), and one for AC coefficients (table F.5).
const DC_BINS: usize = 49;
const AC_BINS: usize = 245;

/// The statistics of a scan so far, by table: no scan has more than three. They take some 1 KB.
#[derive(Clone, Debug)]
pub(super) struct Statistics {
    dc: [[Bin; DC_BINS]; 3],
    ac: [[Bin; AC_BINS]; 3],
    /// The first bin for a component's next DC difference, which depends on the difference before.
    context: [u8; 3],
    /// The last DC coefficient of each component.
    last: [i32; 3],
}

impl Statistics {
    pub(super) const NONE: Self = Self { dc: [[0; DC_BINS]; 3], ac: [[0; AC_BINS]; 3], context: [0; 3], last: [0; 3] };
}

/// The bits, and where in the interval of possible codes they are (section D.2).
struct Coder<'a> {
    data: &'a [u8],
    at: usize,
    /// The code register: 16 bits that are compared, and then the next ones.
    code: u64,
    /// The number of bits that are filled in behind the 16.
    count: u32,
    /// The size of the interval.
    range: u32,
}

impl<'a> Coder<'a> {
    fn new(data: &'a [u8], at: usize) -> Self {
        let mut coder = Self { data, at, code: 0, count: 0, range: 0x1_0000 };
        // Figure D.23. The first 16 bits are not behind the 16, but these.
        for shift in [56, 48] {
            coder.code |= u64::from(coder.byte()).wrapping_shl(shift);
        }
        coder.refill();
        coder
    }

    /// The next byte; zeros where the data has ended, because a writer leaves out zeros at its end (section D.1.8).
    fn byte(&mut self) -> u8 {
        match (self.data.get(self.at), self.data.get(self.at.wrapping_add(1))) {
            (Some(0xFF), Some(0)) => {
                self.at = self.at.wrapping_add(2);
                0xFF
            }
            // Fill bytes, before a marker or what decoders take for a single byte of data.
            (Some(0xFF), Some(0xFF)) => {
                let fill = self.data.iter().skip(self.at).take_while(|&&byte| byte == 0xFF).count();
                self.at = self.at.wrapping_add(fill.saturating_sub(1));
                self.byte()
            }
            (Some(0xFF), _) | (None, _) => 0,
            (Some(&byte), _) => {
                self.at = self.at.wrapping_add(1);
                byte
            }
        }
    }

    fn refill(&mut self) {
        while self.count <= 40 {
            let byte = self.byte();
            self.code |= u64::from(byte).wrapping_shl(40_u32.wrapping_sub(self.count));
            self.count = self.count.wrapping_add(8);
        }
    }

    /// The next decision (figures D.16 to D.20).
    #[inline(always)]
    fn decide(&mut self, bin: &mut Bin) -> bool {
        let State { size, less, more } = STATES.get(usize::from(*bin & 127)).copied().unwrap_or(FIXED_STATE);
        let probable = *bin & 128;
        let size = u32::from(size);
        let rest = self.range.wrapping_sub(size);
        let split = u64::from(rest).wrapping_shl(48);
        let is_probable;
        if self.code < split {
            self.range = rest;
            if rest >= 0x8000 {
                return probable != 0;
            }
            is_probable = rest >= size;
        } else {
            self.code = self.code.wrapping_sub(split);
            self.range = size;
            is_probable = rest < size;
        }
        // The state after the less probable decision may exchange the two.
        *bin = probable ^ if is_probable { more } else { less };
        let shift = self.range.leading_zeros().wrapping_sub(16);
        self.range = self.range.wrapping_shl(shift);
        self.code = self.code.wrapping_shl(shift);
        self.count = self.count.wrapping_sub(shift);
        if self.count < 16 {
            self.refill();
        }
        (probable != 0) == is_probable
    }

    /// A decision for which nothing is learned: both are as probable.
    #[inline(always)]
    fn even(&mut self) -> bool {
        self.decide(&mut { FIXED })
    }
}

/// One scan under way.
pub(super) struct Arithmetic<'a> {
    statistics: &'a mut Statistics,
    /// By component: where the statistics of its tables are, which others may share.
    places: [(usize, usize); 3],
    conditioning: Conditioning,
    coder: Coder<'a>,
    mode: Mode,
    first: u32,
    last: u32,
    low: u32,
    restart_interval: u16,
    until_restart: u16,
    /// The number of the next restart marker, 0 to 7.
    next_restart: u8,
    /// There was what cannot be: the blocks up to the next restart marker have no coefficients.
    is_lost: bool,
    flaws: Flaws,
}

impl<'a> Arithmetic<'a> {
    /// `data` begins behind the scan's header.
    pub(super) fn new(
        statistics: &'a mut Statistics,
        conditioning: Conditioning,
        frame: &ScannedFrame,
        scan: &Scan,
        restart_interval: u16,
        data: &'a [u8],
    ) -> Self {
        *statistics = Statistics::NONE;
        let mut places = [(0, 0); 3];
        for part in &scan.parts {
            let position = |is_same: &dyn Fn(&Part) -> bool| scan.parts.iter().position(is_same).unwrap_or(0);
            if let Some(place) = places.get_mut(part.component) {
                *place = (position(&|other| other.dc == part.dc), position(&|other| other.ac == part.ac));
            }
        }
        Self {
            statistics,
            places,
            conditioning,
            coder: Coder::new(data, 0),
            mode: frame.mode(scan),
            first: u32::from(scan.first.max(1)),
            last: scan.last.into(),
            low: scan.low.into(),
            restart_interval,
            until_restart: restart_interval,
            next_restart: 0,
            is_lost: false,
            flaws: Flaws::NONE,
        }
    }

    /// Behind the scan: where reading has come to, and what was wrong.
    pub(super) fn end(self) -> (u32, Flaws) {
        (self.coder.at as u32, self.flaws)
    }

    #[cold]
    fn error(&self, kind: ErrorKind) -> Error {
        Error { kind, at: self.coder.at as u32 }
    }

    #[cold]
    fn restart(&mut self) {
        // The marker may be some bytes away: a decoder need not look at all of them.
        let restart = Restart::find(self.coder.data, self.coder.at, self.next_restart);
        if restart.flaws.contains(Flaw::RestartNumbers) {
            self.flaws.insert(Flaw::RestartNumbers);
        }
        self.coder = Coder::new(self.coder.data, restart.at);
        *self.statistics = Statistics::NONE;
        self.until_restart = self.restart_interval;
        self.next_restart = self.next_restart.wrapping_add(1) & 7;
        self.is_lost = false;
    }

    /// A DC difference (figures F.19 to F.24), and the coefficient that it makes.
    fn dc(&mut self, part: &Part, block: &mut Block) -> Result<(), Error> {
        let id = usize::from(part.dc);
        let bounds = self.conditioning.dc.get(id).copied();
        let bins = self.places.get(part.component).and_then(|&(dc, _)| self.statistics.dc.get_mut(dc));
        let context = self.statistics.context.get_mut(part.component);
        let last = self.statistics.last.get_mut(part.component);
        let (Some((lower, upper)), Some(bins), Some(context), Some(last)) = (bounds, bins, context, last) else {
            return Err(self.error(ErrorKind::Components));
        };
        let coder = &mut self.coder;
        let mut decide = |at: usize| bins.get_mut(at).is_some_and(|bin| coder.decide(bin));
        let start = usize::from(*context);
        if !decide(start) {
            *context = 0;
        } else {
            let is_negative = decide(start.wrapping_add(1));
            let size_bin = start.wrapping_add(if is_negative { 3 } else { 2 });
            let mut size = 0_u32;
            let mut bin = size_bin;
            if decide(size_bin) {
                // X1 and those behind it; their magnitude bits have bins 14 further.
                (size, bin) = (1, 20);
                while decide(bin) {
                    size = size.wrapping_add(1);
                    bin = bin.wrapping_add(1);
                    if size > 15 {
                        return Err(self.error(ErrorKind::Coefficient));
                    }
                }
            }
            // A difference of `size` has magnitudes, less one, from half of 2^size on.
            let half = 1_u32.wrapping_shl(size) >> 1;
            *context = match half {
                half if half < 1_u32.wrapping_shl(lower.into()) >> 1 => 0,
                half if half > 1_u32.wrapping_shl(upper.into()) >> 1 => 12,
                _ => 4,
            };
            if is_negative && *context != 0 {
                *context = context.wrapping_add(4);
            }
            let magnitude = magnitude(half, |_| decide(bin.wrapping_add(14)));
            *last = last.wrapping_add(if is_negative { magnitude.wrapping_neg() } else { magnitude });
        }
        if let Some(first) = block.first_mut() {
            *first = last.wrapping_shl(self.low) as i16;
        }
        Ok(())
    }

    /// The AC coefficients of a band (figure F.20).
    fn ac(&mut self, part: &Part, block: &mut Block) -> Result<(), Error> {
        let id = usize::from(part.ac);
        let bins = self.places.get(part.component).and_then(|&(_, ac)| self.statistics.ac.get_mut(ac));
        let (Some(&low_ones), Some(bins)) = (self.conditioning.ac.get(id), bins) else {
            return Err(self.error(ErrorKind::Components));
        };
        let coder = &mut self.coder;
        let mut at = self.first;
        while at <= self.last {
            let mut start = first_bin(at);
            if decide(coder, bins, start) {
                break;
            }
            while !decide(coder, bins, start.wrapping_add(1)) {
                at = at.wrapping_add(1);
                start = start.wrapping_add(3);
                if at > self.last {
                    return Err(self.error(ErrorKind::Coefficient));
                }
            }
            let is_negative = coder.even();
            let mut bin = start.wrapping_add(2);
            let mut size = 0_u32;
            if decide(coder, bins, bin) {
                size = 1;
                if decide(coder, bins, bin) {
                    size = 2;
                    bin = if at <= u32::from(low_ones) { 189 } else { 217 };
                    while decide(coder, bins, bin) {
                        size = size.wrapping_add(1);
                        bin = bin.wrapping_add(1);
                        if size > 14 {
                            return Err(self.error(ErrorKind::Coefficient));
                        }
                    }
                }
            }
            let half = 1_u32.wrapping_shl(size) >> 1;
            let magnitude = magnitude(half, |_| decide(coder, bins, bin.wrapping_add(14))).wrapping_shl(self.low);
            if let Some(place) = place(block, at) {
                *place = if is_negative { magnitude.wrapping_neg() } else { magnitude } as i16;
            }
            at = at.wrapping_add(1);
        }
        Ok(())
    }

    /// One more bit of a band's AC coefficients (section G.1.3.3).
    fn refine(&mut self, part: &Part, block: &mut Block) -> Result<(), Error> {
        let bins = self.places.get(part.component).and_then(|&(_, ac)| self.statistics.ac.get_mut(ac));
        let Some(bins) = bins else {
            return Err(self.error(ErrorKind::Components));
        };
        let coder = &mut self.coder;
        let one = 1_i16.wrapping_shl(self.low);
        // Before the last coefficient that is not zero, the block cannot end.
        let end = (self.first..=self.last).rev().find(|&at| place(block, at).is_some_and(|place| *place != 0));
        let end = end.unwrap_or(0);
        let mut at = self.first;
        while at <= self.last {
            let mut start = first_bin(at);
            if at > end && decide(coder, bins, start) {
                break;
            }
            loop {
                let Some(place) = place(block, at) else { return Err(self.error(ErrorKind::Coefficient)) };
                if *place != 0 {
                    if decide(coder, bins, start.wrapping_add(2)) {
                        *place = place.wrapping_add(if *place < 0 { one.wrapping_neg() } else { one });
                    }
                    break;
                }
                if decide(coder, bins, start.wrapping_add(1)) {
                    *place = if coder.even() { one.wrapping_neg() } else { one };
                    break;
                }
                at = at.wrapping_add(1);
                start = start.wrapping_add(3);
                if at > self.last {
                    return Err(self.error(ErrorKind::Coefficient));
                }
            }
            at = at.wrapping_add(1);
        }
        Ok(())
    }
}

/// The first of three bins for an AC coefficient.
fn first_bin(at: u32) -> usize {
    at.wrapping_sub(1).wrapping_mul(3) as usize
}

#[inline(always)]
fn decide(coder: &mut Coder<'_>, bins: &mut [Bin; AC_BINS], at: usize) -> bool {
    bins.get_mut(at).is_some_and(|bin| coder.decide(bin))
}

/// A magnitude of which the highest bit, less one, is known (figure F.24).
#[inline(always)]
fn magnitude(half: u32, mut decide: impl FnMut(u32) -> bool) -> i32 {
    let (mut bit, mut value) = (half >> 1, half);
    while bit != 0 {
        if decide(bit) {
            value |= bit;
        }
        bit >>= 1;
    }
    value.wrapping_add(1) as i32
}

impl Decoder for Arithmetic<'_> {
    /// Always: how many zeros were left out at the data's end cannot be seen.
    #[inline(always)]
    fn has_data(&self) -> bool {
        true
    }

    #[inline(always)]
    fn begin_mcu(&mut self) -> Result<(), Error> {
        if self.restart_interval != 0 {
            if self.until_restart == 0 {
                self.restart();
            }
            self.until_restart = self.until_restart.wrapping_sub(1);
        }
        Ok(())
    }

    fn block(&mut self, part: &Part, block: &mut Block) -> Result<(), Error> {
        if self.is_lost {
            return Ok(());
        }
        let result = match self.mode {
            Mode::Sequential => self.dc(part, block).and_then(|()| self.ac(part, block)),
            Mode::DcFirst => self.dc(part, block),
            Mode::DcRefined => {
                if let (Some(place), true) = (block.first_mut(), self.coder.even()) {
                    *place |= 1_i16.wrapping_shl(self.low);
                }
                Ok(())
            }
            Mode::AcFirst => self.ac(part, block),
            Mode::AcRefined => self.refine(part, block),
        };
        match result {
            Err(Error { kind: ErrorKind::Coefficient, .. }) => {
                self.flaws.insert(Flaw::Codes);
                self.is_lost = true;
                Ok(())
            }
            result => result,
        }
    }
}

/// One line of table D.3.
#[derive(Clone, Copy)]
pub(in super::super) struct State {
    /// Qe, the share of the interval that the less probable decision has.
    pub(in super::super) size: u16,
    /// The next state after the less probable decision; the highest bit exchanges the two.
    pub(in super::super) less: u8,
    /// The next state after the more probable decision.
    pub(in super::super) more: u8,
}

/// The state in which nothing is learned (section F.1.4.4.2).
const FIXED: Bin = 113;
const FIXED_STATE: State = State { size: 0x5A1D, less: FIXED, more: FIXED };

const fn state(size: u16, less: u8, more: u8, exchanges: u8) -> State {
    State { size, less: less | exchanges << 7, more }
}

/// Table D.3, and one more that leads only to itself.
#[rustfmt::skip]
pub(in super::super) static STATES: [State; 114] = [
    state(0x5A1D, 1, 1, 1), state(0x2586, 14, 2, 0), state(0x1114, 16, 3, 0), state(0x080B, 18, 4, 0),
    state(0x03D8, 20, 5, 0), state(0x01DA, 23, 6, 0), state(0x00E5, 25, 7, 0), state(0x006F, 28, 8, 0),
    state(0x0036, 30, 9, 0), state(0x001A, 33, 10, 0), state(0x000D, 35, 11, 0), state(0x0006, 9, 12, 0),
    state(0x0003, 10, 13, 0), state(0x0001, 12, 13, 0), state(0x5A7F, 15, 15, 1), state(0x3F25, 36, 16, 0),
    state(0x2CF2, 38, 17, 0), state(0x207C, 39, 18, 0), state(0x17B9, 40, 19, 0), state(0x1182, 42, 20, 0),
    state(0x0CEF, 43, 21, 0), state(0x09A1, 45, 22, 0), state(0x072F, 46, 23, 0), state(0x055C, 48, 24, 0),
    state(0x0406, 49, 25, 0), state(0x0303, 51, 26, 0), state(0x0240, 52, 27, 0), state(0x01B1, 54, 28, 0),
    state(0x0144, 56, 29, 0), state(0x00F5, 57, 30, 0), state(0x00B7, 59, 31, 0), state(0x008A, 60, 32, 0),
    state(0x0068, 62, 33, 0), state(0x004E, 63, 34, 0), state(0x003B, 32, 35, 0), state(0x002C, 33, 9, 0),
    state(0x5AE1, 37, 37, 1), state(0x484C, 64, 38, 0), state(0x3A0D, 65, 39, 0), state(0x2EF1, 67, 40, 0),
    state(0x261F, 68, 41, 0), state(0x1F33, 69, 42, 0), state(0x19A8, 70, 43, 0), state(0x1518, 72, 44, 0),
    state(0x1177, 73, 45, 0), state(0x0E74, 74, 46, 0), state(0x0BFB, 75, 47, 0), state(0x09F8, 77, 48, 0),
    state(0x0861, 78, 49, 0), state(0x0706, 79, 50, 0), state(0x05CD, 48, 51, 0), state(0x04DE, 50, 52, 0),
    state(0x040F, 50, 53, 0), state(0x0363, 51, 54, 0), state(0x02D4, 52, 55, 0), state(0x025C, 53, 56, 0),
    state(0x01F8, 54, 57, 0), state(0x01A4, 55, 58, 0), state(0x0160, 56, 59, 0), state(0x0125, 57, 60, 0),
    state(0x00F6, 58, 61, 0), state(0x00CB, 59, 62, 0), state(0x00AB, 61, 63, 0), state(0x008F, 61, 32, 0),
    state(0x5B12, 65, 65, 1), state(0x4D04, 80, 66, 0), state(0x412C, 81, 67, 0), state(0x37D8, 82, 68, 0),
    state(0x2FE8, 83, 69, 0), state(0x293C, 84, 70, 0), state(0x2379, 86, 71, 0), state(0x1EDF, 87, 72, 0),
    state(0x1AA9, 87, 73, 0), state(0x174E, 72, 74, 0), state(0x1424, 72, 75, 0), state(0x119C, 74, 76, 0),
    state(0x0F6B, 74, 77, 0), state(0x0D51, 75, 78, 0), state(0x0BB6, 77, 79, 0), state(0x0A40, 77, 48, 0),
    state(0x5832, 80, 81, 1), state(0x4D1C, 88, 82, 0), state(0x438E, 89, 83, 0), state(0x3BDD, 90, 84, 0),
    state(0x34EE, 91, 85, 0), state(0x2EAE, 92, 86, 0), state(0x299A, 93, 87, 0), state(0x2516, 86, 71, 0),
    state(0x5570, 88, 89, 1), state(0x4CA9, 95, 90, 0), state(0x44D9, 96, 91, 0), state(0x3E22, 97, 92, 0),
    state(0x3824, 99, 93, 0), state(0x32B4, 99, 94, 0), state(0x2E17, 93, 86, 0), state(0x56A8, 95, 96, 1),
    state(0x4F46, 101, 97, 0), state(0x47E5, 102, 98, 0), state(0x41CF, 103, 99, 0), state(0x3C3D, 104, 100, 0),
    state(0x375E, 99, 93, 0), state(0x5231, 105, 102, 0), state(0x4C0F, 106, 103, 0), state(0x4639, 107, 104, 0),
    state(0x415E, 103, 99, 0), state(0x5627, 105, 106, 1), state(0x50E7, 108, 107, 0), state(0x4B85, 109, 103, 0),
    state(0x5597, 110, 109, 0), state(0x504F, 111, 107, 0), state(0x5A10, 110, 111, 1), state(0x5522, 112, 109, 0),
    state(0x59EB, 112, 111, 1),
    FIXED_STATE,
];
