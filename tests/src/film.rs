//! Media in memory: pictures made for tests, and a film as a source of frames.

use crate::net::Random;
use core::task::Waker;
use mutoscope::jpeg::Layout;
use mutoscope::jpeg::encoder::{Encoder, Quantizer};
use mutoscope::media::catalogue::{Catalogue, Entry, Medium, NotReady};
use mutoscope::media::{Advance, End, Extent, Frame, FrameRate, FrameSource, NoSink};
use mutoscope::time::{Duration, Instant};
use mutoscope::wire::url::Path;
use std::cell::Cell;
use std::rc::Rc;

/// A JPEG of random blocks, 4:2:0. `noise` of a hundred blocks are full of detail and the others are flat, so it sets the size.
pub fn picture(seed: u64, (width, height): (u16, u16), noise: u32) -> Vec<u8> {
    let mut random = Random::new(seed);
    let quantizer = Quantizer::new(70);
    let mcus = usize::from(width.div_ceil(16)) * usize::from(height.div_ceil(16));
    let mut out = vec![0; 1024 + mcus * 800];
    let mut encoder = Encoder::new(&mut out, width, height, &quantizer).expect("room for the headers");
    for n in 0..mcus {
        let colour = random.bits().to_be_bytes();
        // Detailed blocks are spread evenly, so that pictures of the same size and noise have much the same length.
        let coded = if n * noise as usize % 100 < noise as usize {
            let mut block = || core::array::from_fn(|_| random.bits() as u8);
            let luma = core::array::from_fn(|_| block());
            encoder.mcu(&luma, &block(), &block())
        } else {
            encoder.flat_mcu([colour[0], colour[1], colour[2]])
        };
        coded.expect("room for the picture");
    }
    let len = encoder.finish().expect("room for the end");
    out.truncate(len);
    out
}

/// Pictures of 160x128 that differ from each other, some 8 KB each: six or seven packets of 1400 bytes.
pub fn pictures(count: usize) -> Vec<Vec<u8>> {
    (0..count as u64).map(|n| picture(n, (160, 128), 50)).collect()
}

/// The parts of a JPEG file that RTP/JPEG carries: its scan without EOI, and its quantisation tables.
pub fn carried(jpeg: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let format = Layout::parse(jpeg).expect("a JPEG").rtp_format().expect("one that RTP/JPEG carries");
    (format.scan.of(jpeg).to_vec(), format.quantization.map(|table| table.of(jpeg)).concat())
}

/// A medium in memory.
#[derive(Clone)]
pub struct Film {
    /// Its name in URLs.
    pub name: &'static str,
    /// Whole JPEG files.
    pub frames: Rc<Vec<Vec<u8>>>,
    /// Its frame rate.
    pub rate: FrameRate,
    /// The reason why the standard dialect cannot carry it.
    pub refusal: Option<&'static str>,
    /// Whether it is a camera: frame n is taken n / rate after time zero, and the frames repeat without end.
    pub live: bool,
    /// When each frame is shown, where its frames have times of their own.
    pub times: Option<Rc<Vec<Duration>>>,
    /// Its faults. A test may change them while it is watched.
    pub damage: Rc<Damage>,
}

/// The ways in which a medium may fail its viewers.
#[derive(Debug, Default)]
pub struct Damage {
    /// It has become shorter than it was at first.
    pub shortened_to: Cell<Option<usize>>,
    /// It grows, and has so many frames by now.
    pub grown_to: Cell<Option<usize>>,
    /// One frame in so many cannot be read, beginning with the first.
    pub unreadable: Cell<Option<usize>>,
    /// It makes each frame ready only when a viewer asks for it, and takes so long.
    pub takes: Cell<Option<Duration>>,
    /// It gives no frame although it announced one, or takes back a frame that it gave.
    pub withheld: Cell<bool>,
    /// It cannot be described or opened, as a camera that is starting.
    pub absent: Cell<bool>,
    /// While it is absent: it turns out that there is no such medium.
    pub missing: Cell<bool>,
}

/// A frame could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl Film {
    /// A film at so many frames per second.
    pub fn new(name: &'static str, frames: Vec<Vec<u8>>, rate: u32) -> Self {
        let rate = FrameRate::new(rate, 1).expect("a frame rate");
        Self { name, frames: Rc::new(frames), rate, refusal: None, live: false, times: None, damage: Rc::default() }
    }

    /// One whose frames have times of their own, in milliseconds. The last one lasts as the frame rate says.
    pub fn with_times(self, millis: &[u64]) -> Self {
        let times = millis.iter().map(|millis| Duration::from_millis(*millis)).collect();
        Self { times: Some(Rc::new(times)), ..self }
    }

    fn extent(&self) -> Extent {
        let grown = self.damage.grown_to.get();
        let (count, end) = (grown.unwrap_or(self.frames.len()), if grown.is_some() { End::Open } else { End::Known });
        match &self.times {
            _ if self.live => Extent::Live,
            None => Extent::Frames { count: count as u32, end },
            Some(times) => Extent::Timed { duration: times[count - 1] + self.rate.interval(), end },
        }
    }
}

/// A viewer's position in a [`Film`].
pub struct FilmViewer {
    film: Film,
    next: usize,
    now: Option<usize>,
    /// The time when the next frame was first asked for.
    asked: Option<Instant>,
}

impl FilmViewer {
    fn is_unreadable(&self, number: usize) -> bool {
        self.film.damage.unreadable.get().is_some_and(|every| number.is_multiple_of(every))
    }

    fn advance_live(&mut self, now: Instant) -> Advance {
        let rate = self.film.rate;
        let newest = rate.frames_in(now.as_micros());
        if (newest as usize) < self.next {
            self.now = None;
            return Advance::Pending { until: Some(Instant::from_micros(rate.micros(self.next as u64))) };
        }
        self.now = Some(newest as usize);
        self.next = newest as usize + 1;
        Advance::Ready
    }
}

impl FrameSource for FilmViewer {
    type Error = Unreadable;

    fn advance(&mut self, now: Instant, _: &Waker) -> Result<Advance, Self::Error> {
        let advance = if self.film.live {
            // The camera has lost its cable.
            if self.is_unreadable(1) {
                return Err(Unreadable);
            }
            self.advance_live(now)
        } else {
            if let Some(takes) = self.film.damage.takes.get() {
                let ready = self.asked.get_or_insert(now).after(takes);
                if now < ready {
                    return Ok(Advance::Pending { until: Some(ready) });
                }
                self.asked = None;
            }
            let damage = &self.film.damage;
            if damage.grown_to.get().is_some_and(|grown| self.next >= grown) {
                self.now = None;
                return Ok(Advance::Edge);
            }
            let len = damage.shortened_to.get().unwrap_or(self.film.frames.len());
            self.now = (self.next < len).then_some(self.next);
            self.next = self.next.saturating_add(1).min(len);
            if self.now.is_some() { Advance::Ready } else { Advance::End }
        };
        match self.now {
            Some(number) if self.is_unreadable(number) => {
                self.now = None;
                Err(Unreadable)
            }
            _ => Ok(advance),
        }
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let number = self.now.filter(|_| !self.film.damage.withheld.get())?;
        let data = self.film.frames.get(number % self.film.frames.len().max(1))?;
        let taken = Duration::from_micros(self.film.rate.micros(number as u64));
        let captured = self.film.live.then(|| Instant::default().after(taken));
        let time = self.film.times.as_ref().map(|times| times[number]);
        Some(Frame { number: number as u32, data, captured, time, layout: Layout::parse(data) })
    }

    fn position(&self) -> u32 {
        self.next as u32
    }

    fn seek(&mut self, number: u32) -> Result<(), Self::Error> {
        if !self.film.live {
            self.next = (number as usize).min(self.film.frames.len());
            self.now = None;
        }
        Ok(())
    }

    fn seek_time(&mut self, time: Duration) -> Result<(), Self::Error> {
        let times = self.film.times.iter().flat_map(|times| times.iter());
        self.next = times.take_while(|begun| **begun <= time).count().saturating_sub(1);
        self.now = None;
        Ok(())
    }

    fn extent(&self) -> Option<Extent> {
        Some(self.film.extent())
    }
}

/// The catalogue of the simulated server.
#[derive(Clone, Default)]
pub struct Films(pub Vec<Film>);

impl Catalogue for Films {
    type Medium = ListedFilm;

    fn find(&self, path: Path<'_>) -> Option<ListedFilm> {
        let id = self.0.iter().position(|film| path.names(film.name))?;
        Some(ListedFilm { id, film: self.0[id].clone() })
    }

    fn tell_names(&self, each: &mut dyn FnMut(&str)) {
        self.0.iter().for_each(|film| each(film.name));
    }
}

/// A film by its place in the list.
#[derive(Clone)]
pub struct ListedFilm {
    id: usize,
    film: Film,
}

impl Medium for ListedFilm {
    type Source = FilmViewer;
    type Sink = NoSink;

    fn entry(&self, _: &Waker) -> Result<Entry<'_>, NotReady<'_>> {
        let Self { id, film } = self;
        if film.damage.absent.get() {
            return Err(NotReady { reason: "the camera is starting", retry_after: Duration::from_secs(7) });
        }
        let layout = film.frames.first().and_then(|frame| Layout::parse(frame).ok());
        Ok(Entry {
            id: *id,
            name: film.name,
            frame_rate: film.rate,
            extent: film.extent(),
            width: layout.map_or(0, |layout| layout.width),
            height: layout.map_or(0, |layout| layout.height),
            refusal: film.refusal,
        })
    }

    fn is_missing(&self) -> bool {
        self.film.damage.missing.get()
    }

    fn open(&self) -> Option<FilmViewer> {
        Some(FilmViewer { film: self.film.clone(), next: 0, now: None, asked: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_have_the_sizes_that_tests_count_on() {
        for picture in pictures(20) {
            assert!((7_000..10_000).contains(&picture.len()), "{}", picture.len());
            let (scan, tables) = carried(&picture);
            assert!(scan.len() > 4_000 && tables.len() == 128);
        }
    }
}
