//! The tables that RTP/JPEG takes for granted: Annex K's quantisation tables, scaled as RFC 2435 section 4.2 says, and
//! Annex K's Huffman tables.

/// Where each coefficient of a zig-zag sequence is in an 8x8 block stored row by row (figure 5).
pub const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// The luminance quantisation table (table K.1) in zig-zag order: Q = 50.
pub const LUMA_QUANTIZATION: [u8; 64] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61,
    60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113,
    121, 112, 100, 120, 92, 101, 103, 99,
];

/// The chrominance quantisation table (table K.2) in zig-zag order: Q = 50.
pub const CHROMA_QUANTIZATION: [u8; 64] = [
    17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99,
];

/// The quantisation tables of luma and chroma that a Q of 1 to 99 stands for, in zig-zag order (RFC 2435 section 4.2
/// and appendix A). Other values are taken as the nearest of these.
pub fn quantization(q: u8) -> ([u8; 64], [u8; 64]) {
    let scale = scale(q);
    (LUMA_QUANTIZATION.map(|base| scaled(base, scale)), CHROMA_QUANTIZATION.map(|base| scaled(base, scale)))
}

/// The Q of 1 to 99 whose tables are exactly these, both 64 bytes in zig-zag order.
///
/// Almost every Q is ruled out by the first entry, so this costs little more than one comparison of two tables.
pub fn q_of(luma: &[u8], chroma: &[u8]) -> Option<u8> {
    (1..=99).find(|&q| {
        let scale = scale(q);
        let is_scaled = |table: &[u8], base: &[u8; 64]| {
            table.len() == base.len() && table.iter().zip(base).all(|(&entry, &base)| entry == scaled(base, scale))
        };
        is_scaled(luma, &LUMA_QUANTIZATION) && is_scaled(chroma, &CHROMA_QUANTIZATION)
    })
}

/// The scale factor of a Q, in percent.
fn scale(q: u8) -> u16 {
    match q.clamp(1, 99) {
        q @ ..50 => 5000_u16.checked_div(u16::from(q)).unwrap_or(5000),
        q => 200_u16.saturating_sub(u16::from(q).saturating_mul(2)),
    }
}

fn scaled(base: u8, percent: u16) -> u8 {
    let entry = u32::from(base).saturating_mul(u32::from(percent)).saturating_add(50) / 100;
    u8::try_from(entry.clamp(1, 255)).unwrap_or(u8::MAX)
}

/// A Huffman table as a DHT segment carries it (section B.2.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HuffmanTable {
    /// The number of codes of each length, from 1 to 16 bits.
    pub bits: [u8; 16],
    /// The symbols in the order of their codes; as many as `bits` adds up to.
    pub values: &'static [u8],
}

/// Luminance DC coefficients (table K.3).
pub const LUMA_DC: HuffmanTable =
    HuffmanTable { bits: [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], values: &DC_VALUES };

/// Chrominance DC coefficients (table K.4).
pub const CHROMA_DC: HuffmanTable =
    HuffmanTable { bits: [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], values: &DC_VALUES };

/// Luminance AC coefficients (table K.5).
pub const LUMA_AC: HuffmanTable =
    HuffmanTable { bits: [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d], values: &LUMA_AC_VALUES };

/// Chrominance AC coefficients (table K.6).
pub const CHROMA_AC: HuffmanTable =
    HuffmanTable { bits: [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77], values: &CHROMA_AC_VALUES };

static DC_VALUES: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

#[rustfmt::skip]
static LUMA_AC_VALUES: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71,
    0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72,
    0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37,
    0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
    0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83,
    0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3,
    0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
    0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2,
    0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
];

#[rustfmt::skip]
static CHROMA_AC_VALUES: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22,
    0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1,
    0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36,
    0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58,
    0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a,
    0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a,
    0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba,
    0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
    0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Table K.1 as the standard prints it, row by row.
    #[rustfmt::skip]
    const K1: [u8; 64] = [
        16, 11, 10, 16, 24, 40, 51, 61,      12, 12, 14, 19, 26, 58, 60, 55,
        14, 13, 16, 24, 40, 57, 69, 56,      14, 17, 22, 29, 51, 87, 80, 62,
        18, 22, 37, 56, 68, 109, 103, 77,    24, 35, 55, 64, 81, 104, 113, 92,
        49, 64, 78, 87, 103, 121, 120, 101,  72, 92, 95, 98, 112, 100, 103, 99,
    ];

    #[test]
    fn zigzag_visits_every_coefficient_once() {
        let mut seen = [false; 64];
        ZIGZAG.iter().for_each(|&at| seen[at as usize] = true);
        assert!(seen.iter().all(|&seen| seen));
    }

    #[test]
    fn the_luma_table_is_the_printed_one_in_zigzag_order() {
        assert_eq!(ZIGZAG.map(|at| K1[at as usize]), LUMA_QUANTIZATION);
    }

    #[test]
    fn q_scales_the_tables_as_rfc_2435_does() {
        // (Q, first luma, last luma, first chroma, last chroma)
        let cases = [
            (0, 255, 255, 255, 255),
            (1, 255, 255, 255, 255),
            (10, 80, 255, 85, 255),
            (49, 16, 101, 17, 101),
            (50, 16, 99, 17, 99),
            (51, 16, 97, 17, 97),
            (75, 8, 50, 9, 50),
            (99, 1, 2, 1, 2),
            (255, 1, 2, 1, 2),
        ];
        for (q, luma_first, luma_last, chroma_first, chroma_last) in cases {
            let (luma, chroma) = quantization(q);
            assert_eq!(
                (luma[0], luma[63], chroma[0], chroma[63]),
                (luma_first, luma_last, chroma_first, chroma_last),
                "Q {q}"
            );
        }
    }

    #[test]
    fn q_is_found_again_from_its_tables() {
        for q in 1..=99 {
            let (luma, chroma) = quantization(q);
            let found = q_of(&luma, &chroma).unwrap();
            assert_eq!(quantization(found), (luma, chroma), "Q {q}");
        }
        assert_eq!(q_of(&LUMA_QUANTIZATION, &CHROMA_QUANTIZATION), Some(50));
        assert_eq!(q_of(&LUMA_QUANTIZATION, &LUMA_QUANTIZATION), None);
        assert_eq!(q_of(&LUMA_QUANTIZATION[..63], &CHROMA_QUANTIZATION), None);
    }

    #[test]
    fn each_huffman_table_has_as_many_values_as_codes() {
        for table in [LUMA_DC, CHROMA_DC, LUMA_AC, CHROMA_AC] {
            assert_eq!(table.bits.iter().map(|&n| n as usize).sum::<usize>(), table.values.len());
        }
    }
}
