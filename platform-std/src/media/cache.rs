//! Where viewers at the same position of a medium find the same picture.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, Weak};

use mutoscope::time::Instant;

use super::picture::{Buffers, Picture};
use crate::sync::Mutex;

/// The pictures of one medium that some viewer holds, by number. It owns none of them, so memory follows the viewers, not the
/// file.
#[derive(Debug, Default)]
pub(super) struct FrameCache {
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    pictures: HashMap<u32, Weak<Picture>>,
    /// At so many places, those that are empty are looked for. Not the map's capacity, which depends on its random hashes.
    sweep_at: usize,
}

/// So many places may be empty before they are looked for.
const SLACK: usize = 32;

impl FrameCache {
    /// Picture `number`: the one that another viewer holds, or a promise that the caller now has to fulfil, for which it gets
    /// buffers. They are those of `spare`, the picture the viewer stood at before, where nobody else looks at it: a lone
    /// viewer plays a whole file in one allocation.
    pub(super) fn take(
        &self,
        number: u32,
        captured: Option<Instant>,
        spare: Option<Arc<Picture>>,
    ) -> (Arc<Picture>, Option<Buffers>) {
        // Nothing is read or converted while this is held.
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let Places { pictures, sweep_at } = &mut *places;
        if let Some(picture) = pictures.get(&number).and_then(Weak::upgrade) {
            drop(places);
            return (picture, None);
        }
        // Pictures are found only under the lock, so nobody can take this one's place away in between.
        let left = spare.and_then(Arc::into_inner);
        if let Some(left) = &left {
            pictures.remove(&left.number());
        }
        // Viewers who left leave empty places. They are looked for once in a while, so that no call pays for all the others.
        if pictures.len() >= SLACK.max(*sweep_at) {
            pictures.retain(|_, picture| picture.strong_count() > 0);
            *sweep_at = 2 * pictures.len();
        }
        let picture = Arc::new(Picture::new(number, captured));
        pictures.insert(number, Arc::downgrade(&picture));
        drop(places);
        (picture, Some(left.map(Picture::into_buffers).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::picture::Made;
    use super::*;
    use mutoscope::jpeg::Layout;
    use std::cell::Cell;

    /// Takes a picture whose only byte is its number, and counts how many had to be made.
    fn take(cache: &FrameCache, made: &Cell<u32>, number: u32, spare: Option<Arc<Picture>>) -> Arc<Picture> {
        let (picture, buffers) = cache.take(number, None, spare);
        if let Some(Buffers { mut file, converted }) = buffers {
            made.set(made.get() + 1);
            file.clear();
            file.push(number as u8);
            let layout = Layout::parse(&file);
            assert!(picture.fulfil(Ok(Made::unchanged(file, layout, converted))).is_empty());
        }
        picture
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
        let places = || cache.places.lock().unwrap().pictures.len();
        drop(take(&cache, &made, 7, None));
        let mut current = take(&cache, &made, 7, None);
        assert_eq!(made.get(), 2);
        for number in 8..1000 {
            let next = take(&cache, &made, number, Some(current));
            current = next;
        }
        assert_eq!(places(), 1);
        // A viewer that goes in the middle leaves an empty place, but not for ever.
        for number in 0..10_000 {
            drop(take(&cache, &made, number, None));
        }
        assert!(places() <= SLACK);
    }

    #[test]
    fn a_lone_viewer_reuses_its_buffer_and_a_shared_one_stays_as_it_is() {
        let (cache, made) = (FrameCache::default(), Cell::new(0));
        let first = take(&cache, &made, 1, None);
        let address = first.frame().unwrap().data.as_ptr();
        let second = take(&cache, &made, 2, Some(first));
        assert_eq!(second.frame().unwrap().data.as_ptr(), address);
        let kept = Arc::clone(&second);
        let third = take(&cache, &made, 3, Some(second));
        assert_eq!(kept.frame().unwrap().data, [2]);
        assert_eq!(third.frame().unwrap().data, [3]);
    }
}
