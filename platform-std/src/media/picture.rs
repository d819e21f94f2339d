//! One picture in memory, and the cache on which viewers at the same position find it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time;

use mutoscope::jpeg::{self, Layout};
use mutoscope::media::Frame;
use mutoscope::time::Instant;

use super::converter::{Converter, Failure};

/// A loaded frame. Viewers share it; it goes when the last of them moves on.
///
/// What RTP/JPEG can carry of it is made once for all of them, at once or by another thread: until then there is no
/// [`frame`](Self::frame).
#[derive(Debug)]
pub(super) struct Picture {
    number: u32,
    captured: Option<Instant>,
    /// The file as it was.
    data: Vec<u8>,
    /// Its layout.
    found: Result<Layout, jpeg::Error>,
    made: OnceLock<Made>,
}

/// What came of a picture.
#[derive(Debug)]
struct Made {
    /// The file that RTP/JPEG can carry, where that is another one; otherwise only a buffer.
    rewritten: Vec<u8>,
    is_rewritten: bool,
    layout: Result<Layout, jpeg::Error>,
    /// Why it could not be decoded.
    failure: Option<String>,
    took: time::Duration,
}

/// The memory of a picture that nobody looks at any more.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// For the file; holds anything.
    pub data: Vec<u8>,
    /// For what is made of it; holds anything.
    pub rewritten: Vec<u8>,
}

impl Picture {
    /// A file, which is still to be [made](Self::make) ready.
    pub(super) fn new(number: u32, captured: Option<Instant>, data: Vec<u8>) -> Self {
        let found = Layout::parse(&data);
        Self { number, captured, data, found, made: OnceLock::new() }
    }

    /// Makes what RTP/JPEG can carry of the file. `buffer` holds anything.
    pub(super) fn make(&self, converter: &mut Converter, buffer: Vec<u8>) {
        self.made.get_or_init(|| {
            let start = time::Instant::now();
            let (mut rewritten, mut failure) = (buffer, None);
            let made = match self.found.map(|layout| converter.normalise(&self.data, &layout, &mut rewritten)) {
                Ok(Ok(made)) => Ok(made),
                Ok(Err(Failure::Undecodable(reason))) => {
                    failure = Some(reason);
                    Ok(None)
                }
                Ok(Err(Failure::Damaged(error))) | Err(error) => Err(error),
            };
            let is_rewritten = matches!(made, Ok(Some(_)));
            // Where nothing could be done about it, the file's own layout tells why it cannot be sent.
            let layout = made.and_then(|made| made.map_or(self.found, Ok));
            Made { rewritten, is_rewritten, layout, failure, took: start.elapsed() }
        });
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// The file and its layout, where that could be found out.
    pub(super) fn found(&self) -> Option<(&[u8], &Layout)> {
        self.found.as_ref().ok().map(|layout| (&*self.data, layout))
    }

    /// How long it took to make it ready; `None`: it is not.
    pub(super) fn took(&self) -> Option<time::Duration> {
        self.made.get().map(|made| made.took)
    }

    /// Why it could not be decoded, where that had to be.
    pub(super) fn failure(&self) -> Option<&str> {
        self.made.get()?.failure.as_deref()
    }

    /// The picture as the core's sender takes it.
    pub(super) fn frame(&self) -> Option<Frame<'_>> {
        let made = self.made.get()?;
        let data = if made.is_rewritten { &made.rewritten } else { &self.data };
        Some(Frame { number: self.number, captured: self.captured, data, layout: made.layout })
    }

    /// The file as it was, where [`frame`](Self::frame) is another one.
    pub(super) fn original(&self) -> Option<&[u8]> {
        self.made.get().is_some_and(|made| made.is_rewritten).then_some(&*self.data)
    }

    fn into_buffers(self) -> Buffers {
        let rewritten = self.made.into_inner().map(|made| made.rewritten).unwrap_or_default();
        Buffers { data: self.data, rewritten }
    }
}

/// The pictures of one medium that some viewer holds, by number. Owns none of them, so memory follows the viewers, not the
/// file.
#[derive(Debug, Default)]
pub(super) struct FrameCache {
    places: RefCell<HashMap<u32, Weak<Picture>>>,
    /// At so many places, those that are empty are looked for. Not the map's capacity, which depends on its random hashes.
    sweep_at: Cell<usize>,
}

/// So many places may be empty before they are looked for.
const SLACK: usize = 32;

impl FrameCache {
    /// Picture `number`: the one that another viewer holds, or a new one from `make`, which is given buffers with
    /// arbitrary contents. They are those of `spare`, the picture the viewer stood at before, where nobody else
    /// looks at it: a lone viewer plays a whole file in one allocation.
    pub(super) fn take<E>(
        &self,
        number: u32,
        spare: Option<Arc<Picture>>,
        make: impl FnOnce(Buffers) -> Result<Arc<Picture>, E>,
    ) -> Result<Arc<Picture>, E> {
        let mut cache = self.places.borrow_mut();
        if let Some(picture) = cache.get(&number).and_then(Weak::upgrade) {
            return Ok(picture);
        }
        let left = spare.and_then(Arc::into_inner);
        if let Some(left) = &left {
            cache.remove(&left.number);
        }
        let picture = make(left.map(Picture::into_buffers).unwrap_or_default())?;
        // Places of viewers who went: looked for once in a while, so that none of many viewers pays for all the others.
        if cache.len() >= self.sweep_at.get().max(SLACK) {
            cache.retain(|_, picture| picture.strong_count() > 0);
            self.sweep_at.set(2 * cache.len());
        }
        cache.insert(number, Arc::downgrade(&picture));
        Ok(picture)
    }
}

#[cfg(test)]
mod tests {
    use super::super::converter::Policy;
    use super::super::testing::picture;
    use super::*;
    use jpeg_encoder::SamplingFactor;

    /// Takes a picture whose only byte is its number, and counts how many had to be made.
    fn take(cache: &FrameCache, made: &Cell<u32>, number: u32, spare: Option<Arc<Picture>>) -> Arc<Picture> {
        let make = |mut buffers: Buffers| {
            made.set(made.get() + 1);
            buffers.data.clear();
            buffers.data.push(number as u8);
            let picture = Picture::new(number, None, buffers.data);
            picture.make(&mut Converter::new(Policy::default()), buffers.rewritten);
            Ok::<_, ()>(Arc::new(picture))
        };
        cache.take(number, spare, make).unwrap()
    }

    #[test]
    fn viewers_at_the_same_position_share_one_picture() {
        let (cache, made) = (FrameCache::default(), Cell::new(0));
        let one = take(&cache, &made, 7, None);
        let other = take(&cache, &made, 7, None);
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(made.get(), 1);
        assert_eq!(one.frame().unwrap().data, [7]);
        assert!(one.frame().unwrap().layout.is_err());
    }

    #[test]
    fn a_picture_goes_with_its_last_viewer() {
        let (cache, made) = (FrameCache::default(), Cell::new(0));
        drop(take(&cache, &made, 7, None));
        let mut current = take(&cache, &made, 7, None);
        assert_eq!(made.get(), 2);
        for number in 8..1000 {
            let next = take(&cache, &made, number, Some(current));
            current = next;
        }
        assert_eq!(cache.places.borrow().len(), 1);
        // Who goes in the middle leaves an empty place, but not for ever.
        for number in 0..10_000 {
            drop(take(&cache, &made, number, None));
        }
        assert!(cache.places.borrow().len() <= SLACK);
    }

    #[test]
    fn a_lone_viewer_reuses_its_buffer_and_a_shared_one_stays_as_it_is() {
        let (cache, made) = (FrameCache::default(), Cell::new(0));
        let first = take(&cache, &made, 1, None);
        let address = first.data.as_ptr();
        let second = take(&cache, &made, 2, Some(first));
        assert_eq!(second.data.as_ptr(), address);
        let kept = Arc::clone(&second);
        let third = take(&cache, &made, 3, Some(second));
        assert_eq!(kept.frame().unwrap().data, [2]);
        assert_eq!(third.frame().unwrap().data, [3]);
    }

    #[test]
    fn a_rewritten_picture_keeps_its_original_and_both_buffers() {
        let mut converter = Converter::new(Policy::default());
        let mut make = |buffers: Buffers| {
            let picture = Picture::new(1, None, buffers.data);
            assert!(picture.frame().is_none() && picture.took().is_none());
            picture.make(&mut converter, buffers.rewritten);
            picture
        };
        let original = picture(40, 40, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
            encoder.set_restart_interval(1);
        });
        let first = make(Buffers { data: original.clone(), ..Buffers::default() });
        assert_eq!(first.original(), Some(&original[..]));
        let frame = first.frame().unwrap();
        assert!(frame.data != original && frame.layout.unwrap().rtp_format().is_ok());
        let standard = frame.data.to_vec();
        let address = frame.data.as_ptr();
        let buffers = first.into_buffers();
        let again = make(Buffers { data: original, ..buffers });
        assert_eq!(again.frame().unwrap().data.as_ptr(), address);
        let fine = make(Buffers { data: standard.clone(), ..again.into_buffers() });
        assert_eq!((fine.frame().unwrap().data, fine.original()), (&standard[..], None));
    }
}
