//! What is done to pictures: the damage of cameras, of interrupted copies, and of chance.

use crate::net::Random;
use mutoscope::jpeg::Layout;
use std::ops::Range;

/// A kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bend {
    /// Nothing: the picture is sound.
    None,
    /// Bytes before restart markers.
    Surplus,
    /// Restart numbers begin elsewhere.
    Renumbered,
    /// Restart numbers jump, or are repeated, or are any.
    Misnumbered,
    /// Restart intervals are missing, with or without their markers.
    LostIntervals,
    /// A restart interval is announced, and there are no restart markers, or other ones.
    OtherInterval,
    /// Bytes between segments.
    BetweenSegments,
    /// Segments of length 0 or 1.
    ShortSegments,
    /// Restart markers and fill bytes between segments.
    StrayMarkers,
    /// The scan header tells of other coefficients.
    ScanParameters,
    /// The end is cut off.
    Cut,
    /// The end is cut off, and there is an EOI in its place.
    CutWithEnd,
    /// The EOI is missing.
    NoEnd,
    /// Bytes behind the EOI, or before it.
    Behind,
    /// A piece is missing in the middle.
    Hole,
    /// Bits of the data are others.
    Bits,
    /// Any byte of the file is another one.
    Bytes,
    /// Fill bytes and markers in the data.
    MarkersInData,
    /// Whole scans are missing, or come twice, or in another order, or the last ones are missing.
    Scans,
}

impl Bend {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::None,
        Self::Surplus,
        Self::Renumbered,
        Self::Misnumbered,
        Self::LostIntervals,
        Self::OtherInterval,
        Self::BetweenSegments,
        Self::ShortSegments,
        Self::StrayMarkers,
        Self::ScanParameters,
        Self::Cut,
        Self::CutWithEnd,
        Self::NoEnd,
        Self::Behind,
        Self::Hole,
        Self::Bits,
        Self::Bytes,
        Self::MarkersInData,
        Self::Scans,
    ];

    /// Whether it is one of the restart markers, and leaves other pictures alone.
    pub fn needs_restarts(self) -> bool {
        matches!(self, Self::Surplus | Self::Renumbered | Self::Misnumbered | Self::LostIntervals)
    }
}

/// The picture with that done to it.
pub fn bent(file: &[u8], bend: Bend, random: &mut Random) -> Vec<u8> {
    let mut out = file.to_vec();
    let Ok(layout) = Layout::parse(file) else { return out };
    let scan = layout.scan.start as usize..(layout.scan.start + layout.scan.len) as usize;
    bend_restarts(&mut out, bend, &scan, random);
    bend_headers(&mut out, bend, &scan, random);
    bend_data(&mut out, bend, &scan, random);
    bend_scans(&mut out, bend, &scan, random);
    out
}

/// Restart markers and the data between them.
fn bend_restarts(out: &mut Vec<u8>, bend: Bend, scan: &Range<usize>, random: &mut Random) {
    let markers = restarts(out, scan);
    match bend {
        Bend::Surplus => {
            let share = 1 + random.below(1000) as u32;
            for at in some(&markers, share, random) {
                let surplus = junk(random);
                out.splice(at..at, surplus);
            }
        }
        Bend::Renumbered => {
            let by = 1 + random.below(7) as u8;
            markers.iter().for_each(|&at| out[at + 1] = 0xd0 | (out[at + 1].wrapping_add(by) & 7));
        }
        Bend::Misnumbered => match random.below(3) {
            0 => markers.iter().for_each(|&at| out[at + 1] = 0xd0 | random.below(8) as u8),
            1 => {
                let (from, by) = (random.below(markers.len().max(1) as u64) as usize, 1 + random.below(7) as u8);
                markers.iter().skip(from).for_each(|&at| out[at + 1] = 0xd0 | (out[at + 1].wrapping_add(by) & 7));
            }
            _ => {
                let share = 1 + random.below(500) as u32;
                some(&markers, share, random).iter().for_each(|&at| out[at + 1] = 0xd0 | random.below(8) as u8);
            }
        },
        Bend::LostIntervals => {
            let first = random.below(markers.len().max(1) as u64) as usize;
            let last = (first + 1 + random.below(3) as usize).min(markers.len().saturating_sub(1));
            if let (Some(&from), Some(&to)) = (markers.get(first), markers.get(last)) {
                // With the marker before or behind, or both markers left.
                let [skip_from, skip_to] = [2 * random.below(2) as usize, 2 * random.below(2) as usize];
                out.drain(from + skip_from..(to + skip_to).max(from + skip_from));
            }
        }
        _ => {}
    }
}

/// What comes before the data.
fn bend_headers(out: &mut Vec<u8>, bend: Bend, scan: &Range<usize>, random: &mut Random) {
    let boundaries = boundaries(out);
    match bend {
        Bend::OtherInterval => {
            let interval = [1, 2, 3, 7, 12, 500, 65_535][random.below(7) as usize] as u16;
            let [high, low] = interval.to_be_bytes();
            let segment = [0xff, 0xdd, 0, 4, high, low];
            let at = boundaries.last().copied().unwrap_or(2);
            out.splice(at..at, segment);
        }
        Bend::BetweenSegments => {
            let share = 1 + random.below(1000) as u32;
            for at in some(&boundaries, share, random) {
                let surplus = junk(random);
                out.splice(at..at, surplus);
            }
        }
        Bend::ShortSegments => {
            for at in some(&boundaries, 400, random) {
                let code = [0xe0, 0xe1, 0xe5, 0xec, 0xee, 0xef, 0xfe, 0xdc][random.below(8) as usize];
                out.splice(at..at, [0xff, code, 0, random.below(3) as u8]);
            }
        }
        Bend::StrayMarkers => {
            for at in some(&boundaries, 400, random) {
                let stray: &[u8] = [&[0xff, 0xd3][..], &[0xff, 0xff, 0xff], &[0xff, 0x01], &[0xff, 0xd0, 0xff, 0xd7]]
                    [random.below(4) as usize];
                out.splice(at..at, stray.iter().copied());
            }
        }
        Bend::ScanParameters => {
            (scan.start - 3..scan.start).for_each(|at| out[at] = random.below(256) as u8);
        }
        _ => {}
    }
}

/// The data, and anything else.
fn bend_data(out: &mut Vec<u8>, bend: Bend, scan: &Range<usize>, random: &mut Random) {
    match bend {
        Bend::Cut | Bend::CutWithEnd => {
            let most = if random.happens(500) { 60 } else { scan.len() as u64 };
            out.truncate(scan.end - (random.below(most) as usize).min(scan.len()));
            if bend == Bend::CutWithEnd {
                out.extend([0xff, 0xd9]);
            }
        }
        Bend::NoEnd => out.truncate(scan.end),
        Bend::Behind => {
            let at = if random.happens(500) { scan.end } else { out.len() };
            let surplus = junk(random);
            out.splice(at..at, surplus);
        }
        Bend::Hole => {
            let from = within(scan, random);
            let len = 1 + random.below(40) as usize;
            out.drain(from..(from + len).min(scan.end));
        }
        Bend::Bits => {
            for _ in 0..1 + random.below(4) {
                let at = within(scan, random);
                out[at] ^= 1 << random.below(8);
            }
        }
        Bend::Bytes => {
            for _ in 0..1 + random.below(2) {
                let at = within(&(2..out.len()), random);
                out[at] = random.below(256) as u8;
            }
        }
        Bend::MarkersInData => {
            let at = within(scan, random);
            let marker: &[u8] = [
                &[0xff, 0xd9][..],
                &[0xff, 0x07],
                &[0xff, 0xd2],
                &[0xff, 0xff, 0xff, 0xd1],
                &[0xff, 0xff],
                &[0xff, 0xff, 0x00],
            ][random.below(6) as usize];
            out.splice(at..at, marker.iter().copied());
        }
        _ => {}
    }
}

/// The scans behind the first one, each with the tables before it.
fn bend_scans(out: &mut Vec<u8>, bend: Bend, scan: &Range<usize>, random: &mut Random) {
    let mut starts = scan_starts(out, scan);
    let Some(&first) = starts.first().filter(|_| bend == Bend::Scans) else { return };
    starts.push(scan.end);
    let mut scans: Vec<_> = starts.windows(2).map(|bounds| out[bounds[0]..bounds[1]].to_vec()).collect();
    let [at, other] = [0; 2].map(|_| random.below(scans.len() as u64) as usize);
    match random.below(4) {
        0 => drop(scans.remove(at)),
        1 => scans.insert(at, scans[other].clone()),
        2 => scans.swap(at, other),
        _ => scans.truncate(at),
    }
    out.splice(first..scan.end, scans.concat());
}

/// Where the segments before each scan but the first begin.
fn scan_starts(file: &[u8], scan: &Range<usize>) -> Vec<usize> {
    let (mut starts, mut at) = (Vec::new(), scan.start);
    while let Some(&[high, low]) = file.get(at..at + 2).and_then(<[u8]>::first_chunk).filter(|_| at < scan.end) {
        match (high, low) {
            (0xff, 0 | 0xd0..=0xd7 | 0xff) | (..0xff, _) => at += 1,
            _ => {
                starts.push(at);
                if at + 4 > file.len() {
                    break;
                }
                // The segments up to the scan's header.
                while let Some(&[0xff, code, high, low]) = file.get(at..at + 4).and_then(<[u8]>::first_chunk) {
                    at += 2 + usize::from(u16::from_be_bytes([high, low]));
                    if code == 0xda {
                        break;
                    }
                }
            }
        }
    }
    starts
}

/// A place in a range.
fn within(range: &Range<usize>, random: &mut Random) -> usize {
    range.start + random.below((range.len() as u64).max(1)) as usize
}

/// Where restart markers are.
fn restarts(file: &[u8], scan: &Range<usize>) -> Vec<usize> {
    scan.clone().filter(|&at| matches!(file.get(at..at + 2), Some([0xff, 0xd0..=0xd7]))).collect()
}

/// So many of a thousand places, the last ones first, so that others stay where they are.
fn some(places: &[usize], per_mille: u32, random: &mut Random) -> Vec<usize> {
    places.iter().rev().filter(|_| random.happens(per_mille)).copied().collect()
}

/// Bytes that belong nowhere.
fn junk(random: &mut Random) -> Vec<u8> {
    match random.below(5) {
        0 => vec![0xff, 0x00],
        1 => vec![0; 1 + random.below(9) as usize],
        2 => b"\r\n".to_vec(),
        3 => [0xff, 0x00].repeat(1 + random.below(4) as usize),
        _ => (0..1 + random.below(30)).map(|_| random.below(255) as u8).collect(),
    }
}

/// Where segments begin, up to the scan's header.
fn boundaries(file: &[u8]) -> Vec<usize> {
    let (mut found, mut at) = (Vec::new(), 2);
    while let Some(&[0xff, code, high, low]) = file.get(at..at + 4).and_then(<[u8]>::first_chunk) {
        found.push(at);
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
        if code == 0xda {
            break;
        }
    }
    found
}
