//! One picture in memory, and the shelf on which viewers at the same position find it.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use mutoscope::jpeg::{self, Layout};
use mutoscope::source::Frame;
use mutoscope::time::Instant;

/// A loaded frame. Viewers share it; it goes when the last of them moves on.
#[derive(Debug)]
pub(super) struct Picture {
    number: u32,
    captured: Option<Instant>,
    data: Vec<u8>,
    layout: Result<Layout, jpeg::Error>,
}

impl Picture {
    /// Parses the layout, once for all who will look at the picture.
    ///
    /// A lossless rewriting step (another order of blocks, standard Huffman tables) belongs here: behind the reading of
    /// `data`, before it is parsed and shared. Every viewer then profits from work done once.
    pub(super) fn new(number: u32, captured: Option<Instant>, data: Vec<u8>) -> Self {
        let layout = Layout::parse(&data);
        Self { number, captured, data, layout }
    }

    /// The picture as the core's sender takes it.
    pub(super) fn frame(&self) -> Frame<'_> {
        Frame { number: self.number, captured: self.captured, data: &self.data, layout: self.layout }
    }
}

/// The pictures of one medium that some viewer holds. Owns none of them, so memory follows the viewers, not the file.
#[derive(Debug, Default)]
pub(super) struct Shelf(RefCell<Vec<Weak<Picture>>>);

impl Shelf {
    /// Picture `number`: the one that another viewer holds, or a new one from `make`, which is given a buffer with
    /// arbitrary contents. The buffer is that of `spare`, the picture the viewer stood at before, where nobody else
    /// looks at it: a lone viewer plays a whole file in one allocation.
    pub(super) fn take<E>(
        &self,
        number: u32,
        spare: Option<Rc<Picture>>,
        make: impl FnOnce(Vec<u8>) -> Result<Picture, E>,
    ) -> Result<Rc<Picture>, E> {
        let shared = self.0.borrow().iter().filter_map(Weak::upgrade).find(|picture| picture.number == number);
        if let Some(picture) = shared {
            return Ok(picture);
        }
        let buffer = spare.and_then(Rc::into_inner).map(|picture| picture.data).unwrap_or_default();
        let picture = Rc::new(make(buffer)?);
        let mut shelf = self.0.borrow_mut();
        shelf.retain(|picture| picture.strong_count() > 0);
        shelf.push(Rc::downgrade(&picture));
        Ok(picture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Takes a picture whose only byte is its number, and counts how many had to be made.
    fn take(shelf: &Shelf, made: &Cell<u32>, number: u32, spare: Option<Rc<Picture>>) -> Rc<Picture> {
        let make = |mut buffer: Vec<u8>| {
            made.set(made.get() + 1);
            buffer.clear();
            buffer.push(number as u8);
            Ok::<_, ()>(Picture::new(number, None, buffer))
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
}
