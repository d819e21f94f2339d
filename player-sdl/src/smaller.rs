//! How large a picture is decoded: not larger than it is shown.

use mutoscope::jpeg::Layout;
use mutoscope::jpeg::reduce::{Reducer, Rows, Scale, memory_len};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where the pictures of a stream are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Anywhere: they are wanted as they are.
    Any,
    /// In a rectangle of so many pixels, which each is fitted into.
    Within(u16, u16),
    /// Nowhere at present.
    Hidden,
}

impl Place {
    /// The scale that leaves the least of a picture which still need not be enlarged. `None`: all of it is wanted.
    pub(crate) fn scale(self, width: u16, height: u16) -> Option<Scale> {
        let is_enough = |scale: Scale| match self {
            Self::Any => false,
            Self::Hidden => true,
            Self::Within(w, h) => {
                let made = scale.dimensions(width, height);
                made.0 >= w || made.1 >= h
            }
        };
        Scale::ALL.into_iter().rev().find(|&scale| is_enough(scale))
    }
}

/// A [`Place`] that one thread says and another one reads.
#[derive(Debug)]
pub(crate) struct SharedPlace(AtomicU32);

const ANY: u32 = u32::MAX;
const HIDDEN: u32 = 0;

impl SharedPlace {
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(ANY))
    }

    /// Returns whether it is another one than before.
    pub(crate) fn set(&self, place: Place) -> bool {
        let code = match place {
            Place::Any => ANY,
            Place::Hidden => HIDDEN,
            Place::Within(w, h) => u32::from(w.clamp(1, u16::MAX - 1)) << 16 | u32::from(h),
        };
        self.0.swap(code, Ordering::AcqRel) != code
    }

    pub(crate) fn get(&self) -> Place {
        match self.0.load(Ordering::Acquire) {
            ANY => Place::Any,
            HIDDEN => Place::Hidden,
            code => Place::Within((code >> 16) as u16, code as u16),
        }
    }
}

/// Decodes pictures smaller than they are, one after the other. What it has of memory it keeps for the next one.
pub(crate) struct Workshop {
    reducer: Box<Reducer>,
    memory: Vec<u8>,
    chroma: [Vec<u8>; 2],
}

impl Workshop {
    pub(crate) fn new() -> Self {
        Self { reducer: Box::default(), memory: Vec::new(), chroma: [const { Vec::new() }; 2] }
    }

    /// Writes what is left of a picture at a scale to `out`: blue, green, red and an unused byte for each pixel. Returns its width and
    /// height. `None` where that cannot be done, or where anything is wrong with the picture: whoever decodes all of it judges that.
    pub(crate) fn decode(
        &mut self,
        jpeg: &[u8],
        layout: &Layout,
        scale: Scale,
        out: &mut Vec<u8>,
    ) -> Option<(usize, usize)> {
        let needed = memory_len(layout, scale).ok()?;
        if self.memory.len() < needed {
            self.memory = vec![0; needed];
        }
        let (width, height) = scale.dimensions(layout.width, layout.height);
        let (width, height) = (usize::from(width), usize::from(height));
        let len = width * height * 4;
        if out.capacity() < len {
            out.clear();
        }
        out.resize(len, 0);
        let Self { reducer, memory, chroma } = self;
        let mut left = out.chunks_exact_mut(width.max(1) * 4);
        let painted = reducer.samples(jpeg, layout, scale, memory, |[luma, blue, red]| {
            // A row of chroma may stand for several of luma.
            let down = luma.iter().len().div_ceil(blue.iter().len().max(1));
            for (row, luma) in luma.iter().enumerate() {
                for (wide, rows) in chroma.iter_mut().zip([blue, red]) {
                    widen(wide, rows, row / down.max(1), luma.len());
                }
                let [blue, red] = &*chroma;
                left.next().into_iter().for_each(|out| paint(out, luma, blue, red));
            }
        });
        (painted.is_ok() && reducer.flaws().is_empty()).then_some((width, height))
    }
}

/// Makes a row of chroma as wide as luma.
fn widen(out: &mut Vec<u8>, rows: Rows<'_>, row: usize, width: usize) {
    out.clear();
    let samples = rows.iter().nth(row).unwrap_or(&[]);
    match width.div_ceil(samples.len().max(1)) {
        1 => out.extend_from_slice(samples),
        2 => out.extend(samples.iter().flat_map(|&sample| [sample; 2])),
        // As there is in 4:1:1. Without chroma, it is grey.
        across => out.extend(samples.iter().flat_map(|&sample| std::iter::repeat_n(sample, across))),
    }
    out.resize(width, 128);
}

/// Converts a row to pixels (ITU-T T.871), in numbers that many of fit into a register.
fn paint(out: &mut [u8], luma: &[u8], blue: &[u8], red: &[u8]) {
    let share = |value: i16| (value + 64) >> 7;
    let sample = |value: i16| value.clamp(0, 255) as u8;
    for (((pixel, &y), &cb), &cr) in out.as_chunks_mut::<4>().0.iter_mut().zip(luma).zip(blue).zip(red) {
        let (y, cb, cr) = (i16::from(y), i16::from(cb) - 128, i16::from(cr) - 128);
        let green = y - share(44 * cb + 91 * cr);
        *pixel = [sample(y + share(227 * cb)), sample(green), sample(y + share(179 * cr)), 255];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_little_is_decoded_as_need_not_be_enlarged() {
        let within = |w, h, picture: (u16, u16)| Place::Within(w, h).scale(picture.0, picture.1).map(Scale::divisor);
        assert_eq!(within(640, 480, (640, 480)), None);
        assert_eq!(within(321, 241, (640, 480)), None, "half of it would be a pixel too small");
        assert_eq!(within(320, 240, (640, 480)), Some(2));
        assert_eq!(within(160, 999, (640, 480)), Some(4), "it is as wide as the place, which is higher");
        assert_eq!(within(999, 60, (640, 480)), Some(8));
        assert_eq!(within(1, 1, (640, 480)), Some(8));
        assert_eq!(within(313, 200, (1920, 1080)), Some(4));
        assert_eq!(within(1920, 1080, (320, 240)), None);
        assert_eq!((Place::Any.scale(8192, 8192), Place::Hidden.scale(640, 480)), (None, Some(Scale::Eighth)));
    }

    #[test]
    fn a_smaller_picture_is_the_mean_of_the_large_one() {
        use crate::decode::{decode, tests::card};
        use zune_jpeg::zune_core::colorspace::ColorSpace;
        let (mut workshop, mut whole, mut small) = (Workshop::new(), Vec::new(), Vec::new());
        for (width, height) in [(640, 480), (320, 240)] {
            let jpeg = card(width, height, 77);
            let layout = Layout::parse(&jpeg).unwrap();
            let (width, height) = decode(&jpeg, ColorSpace::BGRA, &mut whole).unwrap();
            for scale in Scale::ALL {
                let (w, h) = workshop.decode(&jpeg, &layout, scale, &mut small).unwrap();
                let side = usize::from(scale.divisor());
                assert_eq!((w, h, small.len()), (width.div_ceil(side), height.div_ceil(side), w * h * 4));
                let mean = |x: usize, y: usize, channel: usize| {
                    let across = x * side..(x * side + side).min(width);
                    let square = (y * side..(y * side + side).min(height))
                        .flat_map(|y| across.clone().map(move |x| (y * width + x) * 4 + channel));
                    let (sum, count) = square.fold((0, 0), |(sum, count), at| (sum + i32::from(whole[at]), count + 1));
                    sum / count
                };
                let off = (0..h * w * 4).filter(|at| at % 4 < 3).map(|at| {
                    let (pixel, channel) = (at / 4, at % 4);
                    (i32::from(small[at]) - mean(pixel % w, pixel / w, channel)).abs()
                });
                let off = f64::from(off.sum::<i32>()) / (w * h * 3) as f64;
                assert!(off < 6.0, "{off:.2} on average: {width}x{height}, {scale:?}");
            }
        }
    }

    #[test]
    fn a_place_is_passed_on_as_it_is() {
        let shared = SharedPlace::new();
        assert_eq!(shared.get(), Place::Any);
        for place in
            [Place::Within(640, 480), Place::Hidden, Place::Within(1, 1), Place::Within(8000, 65_535), Place::Any]
        {
            assert!(shared.set(place) && !shared.set(place));
            assert_eq!(shared.get(), place);
        }
    }
}
