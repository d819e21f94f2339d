//! Which frames a viewer is shown.

/// The numbers of the frames that a viewer is shown, one after another: all of them, or some of them as evenly as possible,
/// forwards or backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course {
    /// A boundary between two moments of the medium, in thousandths of a frame. Forwards the frame that lasts from there on comes
    /// next, backwards the one that lasts up to there.
    at: u64,
    /// From one frame to the next, in thousandths of a frame.
    stride: i32,
}

/// Thousandths of a frame.
const WHOLE: u64 = 1000;

impl Course {
    /// `boundary` counts frames: forwards frame `boundary` comes first, backwards the one before. `stride`: the distance from each
    /// frame to the next one, in thousandths of a frame; negative: backwards. Less than one frame counts as one.
    pub const fn new(boundary: u32, stride: i32) -> Self {
        let stride = match stride {
            0..1000 => 1000,
            -999..0 => -1000,
            other => other,
        };
        Self { at: (boundary as u64).wrapping_mul(WHOLE), stride }
    }

    /// The same course with other steps. It does not turn.
    pub(crate) const fn with_stride(self, stride: i32) -> Self {
        Self { stride, ..self }
    }

    /// In thousandths of a frame; negative: backwards.
    pub(crate) const fn stride(self) -> i32 {
        self.stride
    }

    /// Moves by so many frames.
    pub(crate) fn moved(self, frames: u32) -> Self {
        let distance = u64::from(frames).saturating_mul(WHOLE);
        let at = if self.is_backwards() { self.at.saturating_sub(distance) } else { self.at.saturating_add(distance) };
        Self { at, ..self }
    }

    /// The same course, which frame `number` comes next on.
    pub(crate) const fn resumed_at(self, number: u32) -> Self {
        match self.peek() {
            Some(next) if next == number => self,
            _ => Self { stride: self.stride, ..Self::new(number.saturating_add(self.is_backwards() as u32), 0) },
        }
    }

    /// The same course, but no farther than to boundary `end`.
    pub(crate) fn until(self, end: u32) -> Self {
        Self { at: self.at.min(u64::from(end).saturating_mul(WHOLE)), ..self }
    }

    /// Whether it goes backwards.
    pub const fn is_backwards(self) -> bool {
        self.stride < 0
    }

    /// The boundary before which the next frame lies, in frames: forwards its beginning, backwards its end.
    pub const fn boundary(self) -> u32 {
        let boundary = if self.is_backwards() { self.at.div_ceil(WHOLE) } else { self.at / WHOLE };
        if boundary > u32::MAX as u64 { u32::MAX } else { boundary as u32 }
    }

    /// The number of the next frame. `None`: it has come to the beginning.
    pub const fn peek(self) -> Option<u32> {
        if self.is_backwards() { self.boundary().checked_sub(1) } else { Some(self.boundary()) }
    }
}

/// Counts the numbers from the next frame on. Forwards it does not know the medium's end.
impl Iterator for Course {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let number = self.peek()?;
        self.at = self.at.saturating_add_signed(self.stride.into());
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn frames_are_counted_evenly_forwards_and_backwards() {
        for (boundary, stride, expected) in [
            (0, 1000, &[0, 1, 2, 3, 4][..]),
            (7, 0, &[7, 8, 9, 10, 11]),
            (0, 1500, &[0, 1, 3, 4, 6]),
            (10, 8000, &[10, 18, 26, 34, 42]),
            (10, -1000, &[9, 8, 7, 6, 5]),
            (10, -1500, &[9, 8, 6, 5, 3]),
            (10, -8000, &[9, 1]),
            (3, -1, &[2, 1, 0]),
            (0, -1000, &[]),
        ] {
            let course = Course::new(boundary, stride);
            assert_eq!(course.take(5).collect::<Vec<_>>(), expected, "{boundary}, {stride}");
        }
    }

    #[test]
    fn the_last_number_is_never_passed() {
        let mut course = Course::new(u32::MAX, i32::MAX);
        assert_eq!([course.next(), course.next(), course.next()], [Some(u32::MAX); 3]);
    }
}
