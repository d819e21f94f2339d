//! What libjpeg-turbo shows in place of coefficients that a progressive picture has not sent yet.
//!
//! While the first AC coefficients of a block are unknown, its DC coefficient and those of the blocks around it tell what they may
//! be (section K.8). libjpeg-turbo guesses nine of them from a window of five by five blocks, as soon as one of them is not known
//! to its last bit at the end of the file. A guess is a quantised coefficient like any other, so that it can be sent.
//!
//! The guesses are those of libjpeg-turbo 2.1.5, which Debian 12 and 13 have, also at the edges of the picture, where others of its
//! versions look at other blocks.

use super::frame::{Block, GUESSED, NOTHING, Planes, ScannedFrame, Table};
use crate::jpeg::tables::ZIGZAG;

/// What a block's neighbours, and the block itself in the middle, add to a guess, row by row, in units of 1/256 of its DC
/// coefficient.
type Weights = [[i16; 5]; 5];

/// How one coefficient is guessed.
struct Guess {
    /// Which one, in zig-zag order.
    at: usize,
    weights: &'static Weights,
    /// The weights are those of the coefficient on the other side of the block's diagonal.
    is_mirrored: bool,
}

const fn guess(at: usize, weights: &'static Weights) -> Guess {
    Guess { at, weights, is_mirrored: false }
}

const fn mirrored(at: usize, weights: &'static Weights) -> Guess {
    Guess { at, weights, is_mirrored: true }
}

/// Where nothing is known but DC coefficients: a soft picture. They are guessed anew, too.
#[rustfmt::skip]
const BLANK: [Guess; GUESSED] = {
    const DC: Weights = [
        [-2, -6,  -8, -6, -2],
        [-6,  6,  42,  6, -6],
        [-8, 42, 152, 42, -8],
        [-6,  6,  42,  6, -6],
        [-2, -6,  -8, -6, -2],
    ];
    const ACROSS: Weights = [
        [-1, -1, 0,   1, 1],
        [-3, 13, 0, -13, 3],
        [-3, 38, 0, -38, 3],
        [-3, 13, 0, -13, 3],
        [-1, -1, 0,   1, 1],
    ];
    const TWICE_ACROSS: Weights = [
        [0, 0,   0, 0, 0],
        [0, 2,  -5, 2, 0],
        [1, 7, -14, 7, 1],
        [0, 2,  -5, 2, 0],
        [0, 0,   0, 0, 0],
    ];
    const DIAGONAL: Weights = [
        [-1,  0, 0,  0,  1],
        [ 0,  9, 0, -9,  0],
        [ 0,  0, 0,  0,  0],
        [ 0, -9, 0,  9,  0],
        [ 1,  0, 0,  0, -1],
    ];
    const THRICE_ACROSS: Weights = [
        [0, 0, 0,  0, 0],
        [0, 1, 0, -1, 0],
        [0, 2, 0, -2, 0],
        [0, 1, 0, -1, 0],
        [0, 0, 0,  0, 0],
    ];
    const TWICE_ACROSS_ONCE_DOWN: Weights = [
        [0,  0,  0,  0, 0],
        [0,  1, -3,  1, 0],
        [0,  0,  0,  0, 0],
        [0, -1,  3, -1, 0],
        [0,  0,  0,  0, 0],
    ];
    [
        guess(0, &DC),
        guess(1, &ACROSS),
        mirrored(2, &ACROSS),
        mirrored(3, &TWICE_ACROSS),
        guess(4, &DIAGONAL),
        guess(5, &TWICE_ACROSS),
        guess(6, &THRICE_ACROSS),
        guess(7, &TWICE_ACROSS_ONCE_DOWN),
        mirrored(8, &TWICE_ACROSS_ONCE_DOWN),
        mirrored(9, &THRICE_ACROSS),
    ]
};

/// Where some AC coefficients are known.
#[rustfmt::skip]
const SKETCHED: [Guess; 5] = {
    const ACROSS: Weights = [
        [ 0,  0, 0,   0, 0],
        [ 0,  0, 0,   0, 0],
        [-7, 50, 0, -50, 7],
        [ 0,  0, 0,   0, 0],
        [ 0,  0, 0,   0, 0],
    ];
    const TWICE_ACROSS: Weights = [
        [ 0,  0,   0,  0,  0],
        [ 0,  0,   0,  0,  0],
        [-1, 13, -24, 13, -1],
        [ 0,  0,   0,  0,  0],
        [ 0,  0,   0,  0,  0],
    ];
    const DIAGONAL: Weights = [
        [ 0,  -1, 0,   1,  0],
        [-1,  10, 0, -10,  1],
        [ 0,   0, 0,   0,  0],
        [ 1, -10, 0,  10, -1],
        [ 0,   1, 0,  -1,  0],
    ];
    [
        guess(1, &ACROSS),
        mirrored(2, &ACROSS),
        mirrored(3, &TWICE_ACROSS),
        guess(4, &DIAGONAL),
        guess(5, &TWICE_ACROSS),
    ]
};

/// The guesses for one picture.
#[derive(Clone, Debug)]
pub(super) struct Smoothing {
    /// By component: down to which bit its first coefficients are known, and were known before its last scan.
    known: [[u8; GUESSED]; 3],
    known_before: [[u8; GUESSED]; 3],
    /// By component: its quantisation table.
    tables: [[u16; GUESSED]; 3],
    /// The last row of MCUs that the file's last scan had data for. Below, things are as they were before.
    reached: u32,
}

impl Smoothing {
    /// `None` where nothing is guessed: the picture is complete, or less is known of it than guesses need. `tables` are those of the
    /// components.
    pub(super) fn new(frame: &ScannedFrame, tables: &[Table; 3]) -> Option<Self> {
        let first = |component: usize| frame.known(component).0;
        let is_complete = |known: [u8; GUESSED]| known.iter().skip(1).all(|&bit| bit == 0);
        if !frame.is_progressive || (0..frame.count).all(|component| is_complete(first(component))) {
            return None;
        }
        let tables = tables.each_ref().map(|table| table.first_chunk().copied().unwrap_or([0; GUESSED]));
        let is_possible = |component: usize| {
            let has_divisors = tables.get(component).is_some_and(|table| !table.contains(&0));
            has_divisors && first(component).first() != Some(&NOTHING)
        };
        (0..frame.count).all(is_possible).then(|| Self {
            known: [0, 1, 2].map(first),
            known_before: [0, 1, 2].map(|component| frame.known(component).1),
            tables,
            reached: frame.reached,
        })
    }

    /// Puts guesses in the place of what is not known of this block, of which `block` is a copy.
    pub(super) fn apply(
        &self,
        planes: &Planes,
        blocks: &[Block],
        component: usize,
        (column, row): (u32, u32),
        block: &mut Block,
    ) {
        let Some(plane) = planes.planes.get(component) else { return };
        let mcu_row = row.checked_div(plane.height.into()).unwrap_or(0);
        let known = if mcu_row > self.reached { &self.known_before } else { &self.known };
        let (Some(known), Some(table)) = (known.get(component), self.tables.get(component)) else { return };
        let is_blank = known.iter().skip(1).all(|&bit| bit == NOTHING);
        let guesses = if is_blank { &BLANK[..] } else { &SKETCHED[..] };
        let columns = columns(column, plane.across);
        let window = rows(row, plane.down, plane.height.into())
            .map(|row| columns.map(|column| blocks.get(plane.index(column, row)).map_or(0, |&[dc, ..]| i32::from(dc))));
        let [step, ..] = *table;
        for Guess { at, weights, is_mirrored } in guesses {
            let known = known.get(*at).copied().unwrap_or(0);
            let (Some(&divisor), Some(&place)) = (table.get(*at), ZIGZAG.get(*at)) else { continue };
            let Some(place) = block.get_mut(usize::from(place)) else { continue };
            if *at > 0 && (known == 0 || *place != 0) {
                continue;
            }
            let most =
                if *at == 0 || known == NOTHING { i32::MAX } else { 1_i32.wrapping_shl(known.into()).wrapping_sub(1) };
            *place = rounded(weighed(&window, weights, *is_mirrored), step, divisor, most);
        }
    }
}

fn weighed(window: &[[i32; 5]; 5], weights: &Weights, is_mirrored: bool) -> i32 {
    let mut sum = 0_i32;
    for (row, line) in weights.iter().enumerate() {
        for (column, &weight) in line.iter().enumerate() {
            let (row, column) = if is_mirrored { (column, row) } else { (row, column) };
            let dc = window.get(row).and_then(|line| line.get(column)).copied().unwrap_or(0);
            sum = sum.wrapping_add(dc.wrapping_mul(weight.into()));
        }
    }
    sum
}

/// A sum of weighed DC coefficients, whose divisor is `step`, as a coefficient that has another divisor: rounded, away from zero in
/// the middle, to one that is not larger than `most`.
fn rounded(sum: i32, step: u16, divisor: u16, most: i32) -> i16 {
    let size = u64::from(sum.unsigned_abs()).wrapping_mul(step.into());
    let divisor = u64::from(divisor);
    let size = size.wrapping_add(divisor.wrapping_mul(128)).checked_div(divisor.wrapping_mul(256)).unwrap_or(0);
    let size = (size as i32).min(most);
    if sum < 0 { size.wrapping_neg() as i16 } else { size as i16 }
}

/// The columns of a window around one of so many. At the edges, the last block stands for those beyond.
fn columns(column: u32, across: u32) -> [u32; 5] {
    match (column, across) {
        (0, 2) => [0, 0, 0, 1, 0],
        (1, 2) => [0, 0, 1, 0, 0],
        _ => {
            let last = across.saturating_sub(1);
            [-2, -1, 0, 1, 2].map(|by| column.saturating_add_signed(by).min(last))
        }
    }
}

/// The rows of a window around one of `down`, of which `height` are a row of MCUs.
fn rows(row: u32, down: u32, height: u32) -> [u32; 5] {
    let mcu_row = row.checked_div(height).unwrap_or(0);
    let start = mcu_row.wrapping_mul(height);
    let within = row.wrapping_sub(start);
    let here = down.saturating_sub(start).min(height);
    // Rows of MCUs below.
    let below = down.saturating_sub(start).saturating_sub(1).checked_div(height).unwrap_or(0);
    let above_one = row.saturating_sub(1);
    let above_two = if within > 1 || mcu_row > 1 { row.saturating_sub(2) } else { above_one };
    let below_one = if within.wrapping_add(1) < here || below > 0 { row.wrapping_add(1) } else { row };
    let below_two = if within.wrapping_add(2) < here || below > 1 { row.wrapping_add(2) } else { below_one };
    [above_two, above_one, row, below_one, below_two]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_with_the_picture() {
        assert_eq!(columns(0, 1), [0; 5]);
        assert_eq!((columns(0, 3), columns(1, 3), columns(2, 3)), ([0, 0, 0, 1, 2], [0, 0, 1, 2, 2], [0, 1, 2, 2, 2]));
        assert_eq!(columns(5, 9), [3, 4, 5, 6, 7]);
        // libjpeg-turbo 2.1.5 looks two blocks up and down where there are two rows of MCUs, of whatever height.
        assert_eq!((rows(0, 1, 1), rows(0, 2, 2), rows(1, 2, 2)), ([0; 5], [0, 0, 0, 1, 1], [0, 0, 1, 1, 1]));
        assert_eq!((rows(2, 7, 1), rows(1, 7, 1), rows(5, 7, 1)), ([0, 1, 2, 3, 4], [0, 0, 1, 2, 3], [3, 4, 5, 6, 6]));
        assert_eq!((rows(3, 7, 2), rows(4, 7, 2), rows(6, 7, 2)), ([2, 2, 3, 4, 5], [2, 3, 4, 5, 5], [4, 5, 6, 6, 6]));
    }

    #[test]
    fn weights_know_up_from_left() {
        let mut window = [[0; 5]; 5];
        window[2] = [40, 30, 20, 10, 0];
        let [across, down, ..] = &SKETCHED;
        assert_eq!(weighed(&window, across.weights, across.is_mirrored), -7 * 40 + 50 * 30 - 50 * 10);
        assert_eq!(weighed(&window, down.weights, down.is_mirrored), 0);
    }

    #[test]
    fn a_guess_is_rounded_and_stays_below_what_is_known() {
        assert_eq!(
            (rounded(128, 1, 1, i32::MAX), rounded(127, 1, 1, i32::MAX), rounded(-128, 1, 1, i32::MAX)),
            (1, 0, -1)
        );
        assert_eq!((rounded(2560, 16, 8, i32::MAX), rounded(-2560, 16, 8, 3)), (20, -3));
    }
}
