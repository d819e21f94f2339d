//! Where the pictures of a file are, in little memory: places some megabytes apart for the whole file, and for a few stretches
//! between them all that is there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Weak};

use mutoscope::media::{End, Extent, FrameRate};
use mutoscope::time::Duration;

use super::demux::{Place, Sample};

/// So many bytes of the file lie between two checkpoints, at least: with the 72 bytes of one, 100 GB take less than 1 MB.
const SPACING: u64 = 8 << 20;
/// A page has no more pictures.
const MAX_ON_PAGE: usize = 1 << 16;
/// Pages that nobody looks at are kept up to so many bytes of memory.
const MAX_IDLE: usize = 256 << 10;
/// Memory for checkpoints is taken for so many at once.
const MORE: usize = 256;

/// The places of the pictures of a file.
///
/// A page holds the pictures from one checkpoint to the next. Whoever reads pictures holds their page, so memory follows the
/// viewers; any other page is read again from its checkpoint when it is needed.
#[derive(Debug)]
pub(super) struct Index {
    /// Pictures have times of their own.
    is_timed: bool,
    checkpoints: Vec<Checkpoint>,
    /// The page behind the last checkpoint, which still grows.
    tail: Page,
    /// How far into the file that page begins.
    tail_offset: u64,
    /// The time of the last picture.
    last_time: u64,
    /// The number of pictures.
    frames: u32,
    end: End,
    /// Those that somebody looks at, by number.
    pages: BTreeMap<usize, Weak<Page>>,
    /// Those that were used last.
    recent: VecDeque<Arc<Page>>,
    /// Those that a worker was told to read.
    ordered: BTreeSet<usize>,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checkpoint {
    pub(super) place: Place,
    /// The number of its first picture.
    pub(super) number: u32,
    /// The time of its first picture.
    time: u64,
}

/// Pictures one after another.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The number of the first one.
    first: u32,
    offsets: Vec<u64>,
    lens: Vec<u32>,
    /// Empty where the frame rate tells.
    times: Vec<u64>,
}

/// What is known of a picture's place.
#[derive(Debug)]
pub(super) enum Lookup {
    /// It is there. Whoever holds the page finds the next ones too.
    At(Sample, Option<Arc<Page>>),
    /// In this page, which has to be read.
    Page(usize),
    /// Nowhere, by now.
    Beyond,
}

impl Index {
    /// Of a file of which nothing was read yet.
    pub(super) fn new(is_timed: bool) -> Self {
        let start = Checkpoint { place: Place::Start, number: 0, time: 0 };
        Self {
            is_timed,
            checkpoints: vec![start],
            tail: Page::default(),
            tail_offset: 0,
            last_time: 0,
            frames: 0,
            end: End::Open,
            pages: BTreeMap::new(),
            recent: VecDeque::new(),
            ordered: BTreeSet::new(),
        }
    }

    pub(super) fn frames(&self) -> u32 {
        self.frames
    }

    /// The time of the last picture.
    pub(super) fn last_time(&self) -> u64 {
        self.last_time
    }

    pub(super) fn is_timed(&self) -> bool {
        self.is_timed
    }

    /// How far the medium reaches.
    pub(super) fn extent(&self, rate: FrameRate) -> Extent {
        let end = self.end;
        if !self.is_timed {
            return Extent::Frames { count: self.frames, end };
        }
        let micros = if self.frames == 0 { 0 } else { self.last_time.saturating_add(rate.micros(1)) };
        Extent::Timed { duration: Duration::from_micros(micros), end }
    }

    pub(super) fn set_end(&mut self, end: End) {
        self.end = end;
    }

    /// Takes note of the next picture. `place` is behind it, and `offset` how far that is into the file.
    pub(super) fn push(&mut self, sample: Sample, place: Option<Place>, offset: u64) {
        if self.tail.offsets.is_empty()
            && let Some(checkpoint) = self.checkpoints.last_mut()
        {
            checkpoint.time = sample.time;
        }
        self.tail.push(sample, self.is_timed);
        self.frames = self.frames.saturating_add(1);
        self.last_time = sample.time;
        if let Some(place) = place
            && (offset.saturating_sub(self.tail_offset) >= SPACING || self.tail.lens.len() >= MAX_ON_PAGE)
        {
            self.start_page(place, offset);
        }
    }

    fn start_page(&mut self, place: Place, offset: u64) {
        let next = Page { first: self.frames, ..Page::default() };
        let mut full = std::mem::replace(&mut self.tail, next);
        full.shrink();
        self.keep(self.checkpoints.len() - 1, Arc::new(full));
        if self.checkpoints.len() == self.checkpoints.capacity() {
            self.checkpoints.reserve_exact(MORE);
        }
        self.tail_offset = offset;
        self.checkpoints.push(Checkpoint { place, number: self.frames, time: self.last_time });
    }

    /// Where picture `number` is.
    pub(super) fn look_up(&mut self, number: u32) -> Lookup {
        if number >= self.frames {
            return Lookup::Beyond;
        }
        if let Some(sample) = self.tail.get(number) {
            return Lookup::At(sample, None);
        }
        let page = self.page_of(number);
        match self.pages.get(&page).and_then(Weak::upgrade) {
            Some(found) => match found.get(number) {
                Some(sample) => Lookup::At(sample, Some(found)),
                // The file is not what it was.
                None => Lookup::Beyond,
            },
            None => Lookup::Page(page),
        }
    }

    /// The number of the picture that is shown at `micros`, or the page that tells.
    pub(super) fn number_at(&mut self, micros: u64) -> Result<u32, usize> {
        if self.tail.times.first().is_some_and(|&first| first <= micros) {
            return Ok(self.tail.number_at(micros));
        }
        let page = self.checkpoints.partition_point(|point| point.time <= micros).saturating_sub(1);
        if page + 1 == self.checkpoints.len() {
            // A page that has no picture yet begins with the last one's time.
            return Ok(if self.tail.times.is_empty() { self.tail.first.saturating_sub(1) } else { self.tail.first });
        }
        match self.pages.get(&page).and_then(Weak::upgrade) {
            Some(found) => Ok(found.number_at(micros)),
            None => Err(page),
        }
    }

    fn page_of(&self, number: u32) -> usize {
        self.checkpoints.partition_point(|point| point.number <= number).saturating_sub(1)
    }

    /// The page that a viewer at `number` probably needs next, where a worker should read it now. It is told once.
    pub(super) fn order_next(&mut self, number: u32) -> Option<usize> {
        let page = self.page_of(number);
        let first = self.checkpoints.get(page)?.number;
        let behind = self.checkpoints.get(page + 1)?.number;
        // Viewers may go backwards.
        let is_far = number - first >= (behind - first) / 2;
        let next = if is_far { page + 1 } else { page.checked_sub(1)? };
        if next + 1 >= self.checkpoints.len() {
            return None;
        }
        let is_there = self.pages.get(&next).is_some_and(|page| page.strong_count() > 0);
        (!is_there && self.ordered.insert(next)).then_some(next)
    }

    /// From where to where a page has to be read: its checkpoint, and the number of its pictures.
    pub(super) fn page(&self, page: usize) -> Option<(Checkpoint, u32)> {
        let checkpoint = *self.checkpoints.get(page)?;
        let end = self.checkpoints.get(page + 1).map_or(self.frames, |next| next.number);
        Some((checkpoint, end - checkpoint.number))
    }

    /// Takes a page that was read.
    pub(super) fn keep(&mut self, number: usize, page: Arc<Page>) {
        self.ordered.remove(&number);
        self.pages.retain(|_, page| page.strong_count() > 0);
        self.pages.insert(number, Arc::downgrade(&page));
        self.recent.push_back(page);
        let mut size: usize = self.recent.iter().map(|page| page.size()).sum();
        // The last one stays, and the one before: a viewer is about to go from one to the other.
        while size > MAX_IDLE && self.recent.len() > 2 {
            size -= self.recent.pop_front().map_or(0, |page| page.size());
        }
    }

    /// Gives back what nobody needs now.
    pub(super) fn forget_pages(&mut self) {
        self.recent.clear();
        self.pages.retain(|_, page| page.strong_count() > 0);
    }

    /// Bytes of memory that it takes, without the pages that viewers hold.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        let pages: usize = self.recent.iter().map(|page| page.size()).sum();
        self.checkpoints.capacity() * size_of::<Checkpoint>() + self.tail.size() + pages
    }
}

impl Page {
    pub(super) fn from(first: u32, samples: &[Sample], is_timed: bool) -> Self {
        let mut page = Self { first, ..Self::default() };
        samples.iter().for_each(|&sample| page.push(sample, is_timed));
        page.shrink();
        page
    }

    fn push(&mut self, sample: Sample, is_timed: bool) {
        self.offsets.push(sample.offset);
        self.lens.push(sample.len);
        if is_timed {
            self.times.push(sample.time);
        }
    }

    fn shrink(&mut self) {
        self.offsets.shrink_to_fit();
        self.lens.shrink_to_fit();
        self.times.shrink_to_fit();
    }

    pub(super) fn get(&self, number: u32) -> Option<Sample> {
        let at = number.checked_sub(self.first)? as usize;
        let time = self.times.get(at).copied().unwrap_or(0);
        Some(Sample { offset: *self.offsets.get(at)?, len: *self.lens.get(at)?, time })
    }

    /// The last picture that begins no later; otherwise the first one.
    fn number_at(&self, micros: u64) -> u32 {
        let at = self.times.partition_point(|&time| time <= micros).saturating_sub(1);
        self.first + at as u32
    }

    fn size(&self) -> usize {
        self.offsets.capacity() * 8 + self.lens.capacity() * 4 + self.times.capacity() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: u32 = 40_000;

    fn place(number: u32) -> Place {
        Place::Mjpeg(mutoscope::media::mjpeg::Bookmark::between_frames(number, u64::from(number) * u64::from(LEN)))
    }

    fn sample(number: u32) -> Sample {
        Sample { offset: u64::from(number) * u64::from(LEN), len: LEN, time: u64::from(number) * 40_000 }
    }

    fn index(frames: u32, is_timed: bool) -> Index {
        let mut index = Index::new(is_timed);
        for number in 0..frames {
            index.push(sample(number), Some(place(number + 1)), sample(number + 1).offset);
        }
        index
    }

    fn page(index: &Index, number: usize) -> Arc<Page> {
        let (checkpoint, count) = index.page(number).unwrap();
        let samples: Vec<_> = (checkpoint.number..checkpoint.number + count).map(sample).collect();
        Arc::new(Page::from(checkpoint.number, &samples, index.is_timed))
    }

    #[test]
    fn an_index_of_100_gb_takes_less_than_1_mb() {
        for is_timed in [false, true] {
            let mut index = index(2_500_000, is_timed);
            index.forget_pages();
            assert!(index.size() < 1_000_000, "{}", index.size());
            let extent = index.extent(FrameRate::new(25, 1).unwrap());
            assert_eq!(extent.micros(FrameRate::new(25, 1).unwrap()), Some(100_000_000_000));
        }
    }

    #[test]
    fn every_picture_is_found_on_its_page_and_pages_that_nobody_holds_are_few() {
        let mut index = index(100_000, true);
        let mut held = None;
        for number in 0..100_000 {
            let found = match index.look_up(number) {
                Lookup::At(found, page) => {
                    held = page.or(held);
                    found
                }
                Lookup::Page(missing) => {
                    let page = page(&index, missing);
                    let found = page.get(number).unwrap();
                    index.keep(missing, Arc::clone(&page));
                    held = Some(page);
                    found
                }
                Lookup::Beyond => panic!("{number}"),
            };
            assert_eq!(found, sample(number));
        }
        assert!(held.is_some() && index.recent.iter().map(|page| page.size()).sum::<usize>() <= MAX_IDLE);
        assert!(matches!(index.look_up(100_000), Lookup::Beyond));
    }

    #[test]
    fn the_next_page_is_ordered_once_in_the_direction_in_which_a_viewer_goes() {
        let mut index = index(10_000, false);
        index.forget_pages();
        let per_page = index.checkpoints[1].number;
        let (early, late) = (5 * per_page + 1, 6 * per_page - 1);
        assert_eq!([index.order_next(late), index.order_next(late)], [Some(6), None]);
        assert_eq!([index.order_next(early), index.order_next(early)], [Some(4), None]);
        let read = page(&index, 6);
        index.keep(6, Arc::clone(&read));
        assert_eq!(index.order_next(late), None, "it is there");
        let last = index.checkpoints.last().unwrap().number - 1;
        assert_eq!(index.order_next(last), None, "what still grows is always there");
    }

    #[test]
    fn pictures_are_found_by_their_times() {
        let mut index = index(10_000, true);
        for (micros, number) in [(0, 0), (39_999, 0), (40_000, 1), (200_000_123, 5000), (u64::MAX, 9999)] {
            let found = index.number_at(micros).unwrap_or_else(|missing| {
                let page = page(&index, missing);
                index.keep(missing, Arc::clone(&page));
                index.number_at(micros).unwrap()
            });
            assert_eq!(found, number, "{micros}");
        }
    }
}
