//! One picture in memory, and the shelf on which viewers at the same position find it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use mutoscope::jpeg::{self, Layout};
use mutoscope::source::Frame;
use mutoscope::time::Instant;

use super::normaliser::Normaliser;

/// A loaded frame. Viewers share it; it goes when the last of them moves on.
#[derive(Debug)]
pub(super) struct Picture {
    number: u32,
    captured: Option<Instant>,
    /// The file as it was.
    data: Vec<u8>,
    /// The file that RTP/JPEG can carry, where that is another one; otherwise only a buffer.
    rewritten: Vec<u8>,
    is_rewritten: bool,
    layout: Result<Layout, jpeg::Error>,
}

/// The memory of a picture that nobody looks at any more.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// For the file; holds anything.
    pub data: Vec<u8>,
    rewritten: Vec<u8>,
}

impl Picture {
    /// Parses the layout, and makes what RTP/JPEG can carry of the file, once for all who will look at the picture. `buffers`
    /// hold the file in `data`.
    pub(super) fn new(number: u32, captured: Option<Instant>, buffers: Buffers, normaliser: &mut Normaliser) -> Self {
        let Buffers { data, mut rewritten } = buffers;
        let layout = Layout::parse(&data);
        let made = layout.and_then(|layout| normaliser.normalise(&data, &layout, &mut rewritten));
        let is_rewritten = matches!(made, Ok(Some(_)));
        // Where nothing could be done about it, the file's own layout tells why it cannot be sent.
        let layout = made.and_then(|made| made.map_or(layout, Ok));
        Self { number, captured, data, rewritten, is_rewritten, layout }
    }

    /// The picture as the core's sender takes it.
    pub(super) fn frame(&self) -> Frame<'_> {
        let data = if self.is_rewritten { &self.rewritten } else { &self.data };
        Frame { number: self.number, captured: self.captured, data, layout: self.layout }
    }

    /// The file as it was, where [`frame`](Self::frame) is another one.
    pub(super) fn original(&self) -> Option<&[u8]> {
        self.is_rewritten.then_some(&*self.data)
    }

    fn into_buffers(self) -> Buffers {
        Buffers { data: self.data, rewritten: self.rewritten }
    }
}

/// The pictures of one medium that some viewer holds, by number. Owns none of them, so memory follows the viewers, not the
/// file.
#[derive(Debug, Default)]
pub(super) struct Shelf(RefCell<HashMap<u32, Weak<Picture>>>);

/// So many places may be empty before they are looked for.
const SLACK: usize = 32;

impl Shelf {
    /// Picture `number`: the one that another viewer holds, or a new one from `make`, which is given buffers with
    /// arbitrary contents. They are those of `spare`, the picture the viewer stood at before, where nobody else
    /// looks at it: a lone viewer plays a whole file in one allocation.
    pub(super) fn take<E>(
        &self,
        number: u32,
        spare: Option<Rc<Picture>>,
        make: impl FnOnce(Buffers) -> Result<Picture, E>,
    ) -> Result<Rc<Picture>, E> {
        let mut shelf = self.0.borrow_mut();
        if let Some(picture) = shelf.get(&number).and_then(Weak::upgrade) {
            return Ok(picture);
        }
        let left = spare.and_then(Rc::into_inner);
        if let Some(left) = &left {
            shelf.remove(&left.number);
        }
        let picture = Rc::new(make(left.map(Picture::into_buffers).unwrap_or_default())?);
        // Places of viewers who went: looked for once in a while, so that none of many viewers pays for all the others.
        if shelf.len() >= shelf.capacity().max(SLACK) {
            shelf.retain(|_, picture| picture.strong_count() > 0);
        }
        shelf.insert(number, Rc::downgrade(&picture));
        Ok(picture)
    }
}

#[cfg(test)]
mod tests {
    use super::super::normaliser::Policy;
    use super::super::testing::picture;
    use super::*;
    use jpeg_encoder::SamplingFactor;
    use std::cell::Cell;

    /// Takes a picture whose only byte is its number, and counts how many had to be made.
    fn take(shelf: &Shelf, made: &Cell<u32>, number: u32, spare: Option<Rc<Picture>>) -> Rc<Picture> {
        let make = |mut buffers: Buffers| {
            made.set(made.get() + 1);
            buffers.data.clear();
            buffers.data.push(number as u8);
            Ok::<_, ()>(Picture::new(number, None, buffers, &mut Normaliser::new(Policy::default())))
        };
        shelf.take(number, spare, make).unwrap()
    }

    #[test]
    fn viewers_at_the_same_position_share_one_picture() {
        let (shelf, made) = (Shelf::default(), Cell::new(0));
        let one = take(&shelf, &made, 7, None);
        let other = take(&shelf, &made, 7, None);
        assert!(Rc::ptr_eq(&one, &other));
        assert_eq!(made.get(), 1);
        assert_eq!(one.frame().data, [7]);
        assert!(one.frame().layout.is_err());
    }

    #[test]
    fn a_picture_goes_with_its_last_viewer() {
        let (shelf, made) = (Shelf::default(), Cell::new(0));
        drop(take(&shelf, &made, 7, None));
        let mut current = take(&shelf, &made, 7, None);
        assert_eq!(made.get(), 2);
        for number in 8..1000 {
            let next = take(&shelf, &made, number, Some(current));
            current = next;
        }
        assert_eq!(shelf.0.borrow().len(), 1);
        // Who goes in the middle leaves an empty place, but not for ever.
        for number in 0..10_000 {
            drop(take(&shelf, &made, number, None));
        }
        assert!(shelf.0.borrow().len() < 100);
    }

    #[test]
    fn a_lone_viewer_reuses_its_buffer_and_a_shared_one_stays_as_it_is() {
        let (shelf, made) = (Shelf::default(), Cell::new(0));
        let first = take(&shelf, &made, 1, None);
        let address = first.data.as_ptr();
        let second = take(&shelf, &made, 2, Some(first));
        assert_eq!(second.data.as_ptr(), address);
        let kept = Rc::clone(&second);
        let third = take(&shelf, &made, 3, Some(second));
        assert_eq!(kept.frame().data, [2]);
        assert_eq!(third.frame().data, [3]);
    }
    #[test]
    fn a_rewritten_picture_keeps_its_original_and_both_buffers() {
        let mut normaliser = Normaliser::new(Policy::default());
        let mut make = |buffers: Buffers| Picture::new(1, None, buffers, &mut normaliser);
        let original = picture(40, 40, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
            encoder.set_restart_interval(1);
        });
        let first = make(Buffers { data: original.clone(), ..Buffers::default() });
        assert_eq!(first.original(), Some(&original[..]));
        let frame = first.frame();
        assert!(frame.data != original && frame.layout.unwrap().rtp_format().is_ok());
        let standard = frame.data.to_vec();
        let address = frame.data.as_ptr();
        let buffers = first.into_buffers();
        let again = make(Buffers { data: original, ..buffers });
        assert_eq!(again.frame().data.as_ptr(), address);
        let fine = make(Buffers { data: standard.clone(), ..again.into_buffers() });
        assert_eq!((fine.frame().data, fine.original()), (&standard[..], None));
    }
}
