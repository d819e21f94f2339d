//! Keeps account of the bytes of a frame that are still missing.

use heapless::Vec;

/// The largest number of holes in one frame. With more, the frame is given up.
const MAX_HOLES: usize = 16;

/// The frame has more holes than can be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

/// Bytes arrived that lie beyond the frame's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BeyondEnd;

/// Ranges of a frame that have not arrived, in order. Until the frame's end is known, the last one has no end.
#[derive(Clone, Debug)]
pub(super) struct Holes(Vec<Hole, MAX_HOLES, u8>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hole {
    start: u32,
    end: u32,
}

/// Stands for the end of a frame as long as it is not known.
const OPEN_END: u32 = u32::MAX;

impl Holes {
    /// No byte has arrived yet.
    pub(super) fn new() -> Self {
        Self(Vec::from_array([Hole { start: 0, end: OPEN_END }]))
    }

    /// The bytes from `start` to before `end` arrived. Returns whether any of them is new. An empty range changes nothing.
    pub(super) fn fill(&mut self, start: u32, end: u32) -> Result<bool, TooMany> {
        if start >= end {
            return Ok(false);
        }
        let mut is_new = false;
        let mut index = 0usize;
        while let Some(hole) = self.0.get_mut(index) {
            let next = index.wrapping_add(1);
            if end <= hole.start {
                break;
            }
            if hole.end <= start {
                index = next;
                continue;
            }
            is_new = true;
            match (hole.start < start, end < hole.end) {
                (false, false) => {
                    self.0.remove(index);
                    continue;
                }
                (true, false) => hole.end = start,
                (false, true) => hole.start = end,
                (true, true) => {
                    let behind = Hole { start: end, end: hole.end };
                    hole.end = start;
                    self.0.insert(next, behind).map_err(|_| TooMany)?;
                    break;
                }
            }
            index = next;
        }
        Ok(is_new)
    }

    /// Sets the frame's end. Call it once.
    pub(super) fn close(&mut self, end: u32) -> Result<(), BeyondEnd> {
        let last = self.0.last_mut().ok_or(BeyondEnd)?;
        if last.start > end {
            return Err(BeyondEnd);
        }
        if last.start == end {
            self.0.pop();
        } else {
            last.end = end;
        }
        Ok(())
    }

    /// Whether nothing is missing. It can be true only once the end is known.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether bytes have arrived that lie behind missing bytes.
    pub(super) fn is_gapped(&self) -> bool {
        self.0.len() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holes(filled: &[(u32, u32)]) -> Holes {
        let mut holes = Holes::new();
        for &(start, end) in filled {
            holes.fill(start, end).unwrap();
        }
        holes
    }

    #[test]
    fn in_any_order_the_parts_make_the_whole() {
        let orders: [[usize; 4]; 6] =
            [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 0, 3, 1], [0, 3, 1, 2], [3, 0, 2, 1]];
        let parts = [(0, 10), (10, 20), (20, 21), (21, 40)];
        for order in orders {
            let mut holes = Holes::new();
            for (count, &part) in order.iter().enumerate() {
                assert!(!holes.is_empty(), "{count} parts of {order:?}");
                let (start, end) = parts[part];
                assert_eq!(holes.fill(start, end), Ok(true));
                if part == 3 {
                    holes.close(end).unwrap();
                }
            }
            assert!(holes.is_empty(), "{order:?}");
        }
    }

    #[test]
    fn only_new_bytes_are_new() {
        let mut holes = holes(&[(10, 20), (30, 40)]);
        for (range, is_new) in
            [((10, 20), false), ((12, 13), false), ((35, 40), false), ((5, 5), false), ((15, 31), true)]
        {
            assert_eq!(holes.fill(range.0, range.1), Ok(is_new), "{range:?}");
        }
        assert_eq!(holes.fill(0, 50), Ok(true));
        assert!(!holes.is_gapped());
        holes.close(50).unwrap();
        assert!(holes.is_empty());
    }

    #[test]
    fn a_missing_first_or_middle_part_is_a_gap_and_a_missing_rest_is_not() {
        assert!(!holes(&[(0, 10), (10, 20)]).is_gapped());
        assert!(holes(&[(10, 20)]).is_gapped());
        assert!(holes(&[(0, 10), (20, 30)]).is_gapped());
    }

    #[test]
    fn an_end_before_received_bytes_is_refused() {
        assert_eq!(holes(&[(0, 10), (20, 30)]).close(25), Err(BeyondEnd));
        assert_eq!(holes(&[(0, 10)]).close(9), Err(BeyondEnd));
        assert_eq!(holes(&[(0, 10)]).close(10), Ok(()));
        let mut missing_tail = holes(&[(0, 10)]);
        missing_tail.close(15).unwrap();
        assert!(!missing_tail.is_empty());
        missing_tail.fill(10, 15).unwrap();
        assert!(missing_tail.is_empty());
        assert_eq!(missing_tail.close(15), Err(BeyondEnd), "there is no second end");
    }

    #[test]
    fn holes_without_number_are_refused() {
        let mut holes = Holes::new();
        for hole in 0..MAX_HOLES as u32 - 1 {
            assert_eq!(holes.fill(hole * 10 + 1, hole * 10 + 2), Ok(true), "{hole}");
        }
        assert_eq!(holes.fill(1000, 1001), Err(TooMany));
    }

    proptest::proptest! {
        #[test]
        fn holes_are_what_a_bitmap_says_they_are(parts: std::vec::Vec<(u8, u8)>) {
            let mut holes = Holes::new();
            let mut arrived = [false; 512];
            for (start, len) in parts {
                let (start, end) = (usize::from(start), usize::from(start) + usize::from(len));
                let is_new = arrived[start..end].contains(&false);
                match holes.fill(start as u32, end as u32) {
                    Ok(new) => assert_eq!(new, is_new),
                    Err(TooMany) => return Ok(()),
                }
                arrived[start..end].fill(true);
            }
            let gapped = arrived.windows(2).any(|pair| pair == [false, true]);
            assert_eq!(holes.is_gapped(), gapped);
        }
    }
}
