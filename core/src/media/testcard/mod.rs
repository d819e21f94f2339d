//! Generated pictures, drawn and encoded tile by tile: a [`TestCard`] for live streams, a film [`Leader`] for a movie.
//!
//! A picture depends on its number and nothing else. Both designs carry that number in a [`strip`]. A program can read it
//! back from the picture that a player shows, and so learn how many frames were lost, and how old this one is.
//! A [`Notice`] is a single picture that says in words why there is no other one.

mod canvas;
mod card;
mod font;
mod generated;
mod leader;
mod letters;
mod memory;
mod notice;
pub mod strip;

pub use crate::jpeg::encoder::Full;
pub use card::TestCard;
pub use generated::{Design, Generated};
pub use leader::Leader;
pub use memory::{DrawnTile, tile_count};
pub use notice::Notice;

use super::FrameRate;
use crate::jpeg::encoder::Quantizer;

/// A good default for the designs' size in pixels.
pub const DEFAULT_SIZE: (u16, u16) = (640, 480);

/// A good default for the designs' quality, RFC 2435's Q: edges are sharp, and a frame of [`DEFAULT_SIZE`] fits the lab
/// dialect's packets of 20,480 bytes.
pub const DEFAULT_QUALITY: u8 = 60;

/// A buffer length that holds any frame of either design at a quality of up to 90.
pub const fn buffer_len(width: u16, height: u16) -> usize {
    let mcus = (width.div_ceil(16) as usize).saturating_mul(height.div_ceil(16) as usize);
    mcus.saturating_mul(32).saturating_add(6144)
}

/// The properties of both designs.
#[derive(Clone, Copy, Debug)]
struct Format {
    size: (u16, u16),
    rate: FrameRate,
    quantizer: Quantizer,
}

impl Format {
    /// `None` unless both dimensions are multiples of 16, at least 160 x 128 and at most 2032 x 2032.
    fn new(width: u16, height: u16, rate: FrameRate, quality: u8) -> Option<Self> {
        let fits = |len: u16, least: u16| len.is_multiple_of(16) && (least..=2032).contains(&len);
        (fits(width, 160) && fits(height, 128)).then(|| Self {
            size: (width, height),
            rate,
            quantizer: Quantizer::new(quality),
        })
    }

    /// The scale for a design of 640 x 480, in the largest frame of that shape that fits.
    fn scale(&self) -> Scale {
        let (width, height) = (i32::from(self.size.0), i32::from(self.size.1));
        let unit = width.wrapping_mul(3).min(height.wrapping_mul(4));
        // Half of what the design leaves free, in sixteenths.
        let margin = |pixels: i32, used: i32| pixels.wrapping_mul(16).wrapping_sub(used) / 2;
        let length = unit.wrapping_mul(16);
        Scale { unit, left: margin(width, length / 3), top: margin(height, length / 4) }
    }

    /// The part of a period that has passed when a frame is shown, in 1/65536.
    fn phase(&self, number: u32, period_micros: u64) -> u16 {
        let within = self.rate.micros(number.into()).checked_rem(period_micros).unwrap_or(0);
        within.wrapping_mul(65_536).checked_div(period_micros).unwrap_or(0) as u16
    }
}

/// Converts positions of a design for 640 x 480 to sixteenths of a pixel.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// 1920 at 640 x 480.
    unit: i32,
    left: i32,
    top: i32,
}

impl Scale {
    /// A length in design pixels.
    fn length(&self, pixels: i32) -> i32 {
        self.sixteenths(pixels.wrapping_mul(16))
    }

    /// A length in sixteenths of design pixels.
    fn sixteenths(&self, length: i32) -> i32 {
        length.wrapping_mul(self.unit) / 1920
    }

    fn x(&self, pixels: i32) -> i32 {
        self.left.wrapping_add(self.length(pixels))
    }

    fn y(&self, pixels: i32) -> i32 {
        self.top.wrapping_add(self.length(pixels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg::{Layout, Sampling};

    fn rate() -> FrameRate {
        FrameRate::new(24, 1).unwrap()
    }

    pub(super) fn designs(width: u16, height: u16, quality: u8) -> [Design; 2] {
        [
            Design::Card(TestCard::new(width, height, rate(), quality).unwrap()),
            Design::Leader(Leader::new(width, height, rate(), quality, 2400).unwrap()),
        ]
    }

    #[test]
    fn frames_of_the_default_size_fit_a_packet_of_the_lab() {
        let (width, height) = DEFAULT_SIZE;
        let mut out = std::vec![0; 100_000];
        for design in designs(width, height, DEFAULT_QUALITY) {
            for number in [0, 5, 95, 101, 239, 1199, 2399, 888_888, 88_888_888, u32::MAX] {
                let len = design.render(number, &mut out).unwrap();
                assert!(len < 20_000, "frame {number}: {len} bytes");
            }
        }
    }

    #[test]
    fn the_promised_buffer_is_enough_and_rtp_carries_what_is_in_it() {
        for (width, height) in [(160, 128), (160, 2032), (2032, 128), (176, 144), (320, 240), (1280, 720)] {
            let mut out = std::vec![0; buffer_len(width, height)];
            for design in designs(width, height, 90) {
                for number in [0, 250, 888_888] {
                    let len = design.render(number, &mut out).unwrap();
                    let layout = Layout::parse(&out[..len]).unwrap();
                    assert_eq!((layout.width, layout.height, layout.sampling), (width, height, Sampling::Yuv420));
                    assert!(layout.has_end() && layout.rtp_format().is_ok());
                }
            }
        }
    }

    #[test]
    fn a_picture_depends_on_its_number_alone() {
        let (mut a, mut b, mut c) = ([0; 16_384], [0; 16_384], [0; 16_384]);
        for design in designs(160, 128, 60) {
            let again = design;
            let (a_len, b_len) = (design.render(77, &mut a).unwrap(), again.render(77, &mut b).unwrap());
            let c_len = design.render(78, &mut c).unwrap();
            assert_eq!(a[..a_len], b[..b_len]);
            assert_ne!(a[..a_len], c[..c_len]);
        }
    }

    #[test]
    fn a_buffer_that_is_too_short_is_full() {
        for design in designs(160, 128, 60) {
            let len = design.render(3, &mut [0; 16_384]).unwrap();
            for short in [0, 10, 622, 700, len / 2, len - 1] {
                assert_eq!(design.render(3, &mut std::vec![0; short]), Err(Full));
            }
        }
    }

    #[test]
    fn sizes_are_multiples_of_16_within_limits() {
        for (width, height) in
            [(0, 0), (159, 128), (144, 128), (160, 112), (168, 128), (160, 136), (2048, 128), (65_520, 480)]
        {
            assert!(TestCard::new(width, height, rate(), 60).is_none(), "{width}x{height}");
            assert!(Leader::new(width, height, rate(), 60, 10).is_none());
        }
        assert!(TestCard::new(2032, 2032, rate(), 60).is_some());
    }

    #[test]
    fn state_is_a_few_hundred_bytes() {
        assert!(size_of::<Design>() <= 416, "{}", size_of::<Design>());
    }
}
