//! How large a picture is decoded: not larger than it is shown.

use mutoscope::jpeg::Layout;
use mutoscope::jpeg::encoder::Quantizer;
use mutoscope::jpeg::reduce::{Q, Reducer, Scale, max_output_len, memory_len};
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

/// No picture that is made smaller gets longer than this. Real ones take a tenth of it at the most.
const MOST_LEN: usize = 16 << 20;

/// Makes pictures smaller, one after the other. What it has of memory it keeps for the next one.
pub(crate) struct Workshop {
    reducer: Box<Reducer>,
    quantizer: Quantizer,
    memory: Vec<u8>,
    out: Vec<u8>,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        Self { reducer: Box::default(), quantizer: Quantizer::new(Q), memory: Vec::new(), out: Vec::new() }
    }

    /// What is left of a picture at a scale, as a JPEG file. `None` where that cannot be done, or where anything is wrong with the
    /// picture: whoever decodes all of it judges that.
    pub(crate) fn reduce(&mut self, jpeg: &[u8], layout: &Layout, scale: Scale) -> Option<&[u8]> {
        grow(&mut self.memory, memory_len(layout, scale).ok()?);
        grow(&mut self.out, max_output_len(layout, scale).ok()?.min(MOST_LEN));
        let Self { reducer, quantizer, memory, out } = self;
        let len = reducer.reduce(jpeg, layout, scale, quantizer, memory, out).ok()?;
        reducer.flaws().is_empty().then(|| &out[..len])
    }
}

/// Memory that is not touched is not there: most pictures are far shorter than they could be.
fn grow(buffer: &mut Vec<u8>, len: usize) {
    if buffer.len() < len {
        *buffer = vec![0; len];
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
