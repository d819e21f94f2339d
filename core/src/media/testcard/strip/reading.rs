//! How a strip is read. It uses nothing else, because `xtask` takes this file in where building the whole core would take longer than
//! all that it does.

pub(super) const COLUMNS: usize = 24;
pub(super) const ROWS: usize = 2;

/// Reads the frame number from a decoded picture's luma, `stride` bytes from one row to the next.
///
/// `None` where there is no strip, the checksum does not agree, the picture is smaller than 48 x 32 or larger than 65,535 x
/// 65,535, or `luma` is shorter than its dimensions say. A picture without a strip passes for one with once in 65,536
/// times.
pub fn read(luma: &[u8], stride: usize, width: usize, height: usize) -> Option<u32> {
    // No picture is larger, and up to this size no product below overflows.
    let is_picture = (2 * COLUMNS..=65_535).contains(&width) && (16 * ROWS..=65_535).contains(&height);
    if !is_picture || stride < width {
        return None;
    }
    let mut bits = 0_u64;
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            // Read the middle half of the cell in each direction. JPEG, scaling and rounding spoil its edges.
            let (left, right) = middle(column, COLUMNS, width);
            let (top, bottom) = middle(row.wrapping_add(15 * ROWS), 16 * ROWS, height);
            let (mut sum, mut count) = (0_u64, 0_u64);
            for y in top..bottom {
                let start = y.checked_mul(stride)?;
                for &sample in luma.get(start.checked_add(left)?..start.checked_add(right)?)? {
                    sum = sum.wrapping_add(sample.into());
                    count = count.wrapping_add(1);
                }
            }
            bits = bits << 1 | u64::from(sum >= count.wrapping_mul(128));
        }
    }
    let number = (bits >> 16) as u32;
    (checksum(number) == bits as u16).then_some(number)
}

/// The middle half of one of `count` equal parts of `len`, at least a pixel.
fn middle(index: usize, count: usize, len: usize) -> (usize, usize) {
    // A number of quarters of a part, from the beginning, as a fraction: dividend and divisor.
    let quarters = |n: usize| (index.wrapping_mul(4).wrapping_add(n).wrapping_mul(len), count.wrapping_mul(4).max(1));
    let down = |(dividend, divisor): (usize, usize)| dividend.checked_div(divisor).unwrap_or(0);
    let up = |(dividend, divisor): (usize, usize)| dividend.div_ceil(divisor);
    let (from, to) = (up(quarters(1)), down(quarters(3)));
    if from < to {
        (from, to)
    } else {
        let centre = down(quarters(2));
        (centre, centre.wrapping_add(1))
    }
}

/// CRC-16/CCITT-FALSE of the number's bytes. It is not 0 for the number 0, so a black picture is no frame.
pub(super) fn checksum(number: u32) -> u16 {
    number.to_be_bytes().iter().fold(0xFFFF, |mut crc, &byte| {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
        }
        crc
    })
}
