//! Decodes frames to pictures, in a thread that neither the network nor the display has to wait for.

use crate::frame::{Encoded, Picture};
use crate::mailbox::{Mailbox, Pool, Woken};
use crate::smaller::{Place, SharedPlace, Workshop};
use mutoscope::jpeg::Layout;
use mutoscope::jpeg::reduce::Scale;
use mutoscope::media::testcard::strip;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The longest side of a picture, in pixels. It limits the memory that a hostile stream can make the player allocate.
pub(crate) const MAX_SIDE: usize = 8192;
/// The most pixels of a picture. 16 megapixels take 64 MB.
const MAX_PIXELS: usize = 16 << 20;

/// Counts of decoded and dropped frames, which all threads can read.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Frames that were decoded to a picture.
    pub(crate) decoded: AtomicU64,
    /// Frames that could not be decoded.
    pub(crate) damaged: AtomicU64,
    /// Frames that a newer one replaced before anybody decoded them.
    pub(crate) skipped: AtomicU64,
    /// Pictures that a newer one replaced before anybody showed them.
    pub(crate) unshown: AtomicU64,
    /// Frames that were not decoded because nobody would have seen them.
    pub(crate) unwatched: AtomicU64,
    /// How long decoding took in all, in microseconds.
    pub(crate) decoding_micros: AtomicU64,
}

impl Counters {
    /// Returns how many frames arrived and were dropped because the decoder or the display was too slow.
    pub(crate) fn dropped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed) + self.unshown.load(Ordering::Relaxed)
    }

    /// Returns how long decoding takes for a picture, on average; `None` if there was none.
    pub(crate) fn decoding_ms(&self) -> Option<f64> {
        let [decoded, micros] = [&self.decoded, &self.decoding_micros].map(|counter| counter.load(Ordering::Relaxed));
        (decoded > 0).then(|| micros as f64 / decoded as f64 / 1000.0)
    }
}

/// The way of a frame from the network thread through the decoder to the main thread, and of its buffers back.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) frames: Mailbox<Encoded>,
    pub(crate) pictures: Mailbox<Picture>,
    pub(crate) counters: Counters,
    /// Buffers for pixels.
    pub(crate) pixels: Pool,
    /// Where the pictures are shown, which decides how large they are decoded.
    place: SharedPlace,
    /// The last frame that the decoder has taken.
    last: Mutex<Option<Encoded>>,
}

impl Pipeline {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            frames: Mailbox::new(),
            pictures: Mailbox::new(),
            counters: Counters::default(),
            pixels: Pool::default(),
            place: SharedPlace::new(),
            last: Mutex::default(),
        })
    }

    /// Pictures are shown there from now on, the last one too.
    pub(crate) fn set_place(&self, place: Place) {
        if self.place.set(place) {
            self.frames.nudge();
        }
    }

    /// The last frame is not to be decoded again.
    pub(crate) fn forget(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn keep(&self, frame: &Encoded) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(frame.clone());
    }

    fn kept(&self) -> Option<Encoded> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hands in a frame that has arrived.
    pub(crate) fn put_frame(&self, frame: Encoded) {
        if self.frames.put(frame).is_some() {
            self.counters.skipped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether all of `received` frames have been decoded, dropped or passed over, and the main thread has taken the last picture.
    pub(crate) fn is_settled(&self, received: u64) -> bool {
        let Counters { decoded, damaged, skipped, unwatched, .. } = &self.counters;
        let done =
            [decoded, damaged, skipped, unwatched].map(|counter| counter.load(Ordering::Acquire)).iter().sum::<u64>();
        done >= received && self.pictures.is_empty()
    }

    /// Takes back the buffers of a picture that is not shown any more.
    pub(crate) fn recycle(&self, picture: Picture) {
        self.pixels.give(picture.pixels);
    }

    fn put_picture(&self, picture: Picture) {
        if let Some(replaced) = self.pictures.put(picture) {
            self.counters.unshown.fetch_add(1, Ordering::Relaxed);
            self.recycle(replaced);
        }
    }
}

/// Starts the decoder's thread, which works until the mailbox of frames is closed. It calls `wake` after each frame. `delay`
/// makes each frame take so much longer, which only tests want.
pub(crate) fn spawn(pipeline: Arc<Pipeline>, delay: Duration, wake: impl Fn() + Send + 'static) -> JoinHandle<()> {
    let mut decoder =
        Decoder { pipeline, delay, workshop: None, luma: Vec::new(), size: (0, 0), made: None, made_at: None };
    let run = move || loop {
        match decoder.pipeline.frames.wait() {
            Woken::With(frame) => decoder.handle_frame(frame),
            Woken::Nudged => decoder.handle_place(),
            Woken::Closed => break,
        }
        wake();
    };
    std::thread::Builder::new().name("decoder".into()).spawn(run).expect("a thread can be started")
}

/// How often a picture is decoded that nobody sees: its stream's state is known by it.
const HIDDEN_INTERVAL: Duration = Duration::from_secs(1);

/// What the decoder's thread has.
struct Decoder {
    pipeline: Arc<Pipeline>,
    delay: Duration,
    /// There is none until a picture is to be made smaller.
    workshop: Option<Workshop>,
    luma: Vec<u8>,
    size: (usize, usize),
    /// The scale at which the last frame was decoded, if it was.
    made: Option<Option<Scale>>,
    made_at: Option<Instant>,
}

impl Decoder {
    fn handle_frame(&mut self, frame: Encoded) {
        self.pipeline.keep(&frame);
        let is_hidden = self.pipeline.place.get() == Place::Hidden;
        if is_hidden && self.made_at.is_some_and(|at| at.elapsed() < HIDDEN_INTERVAL) {
            self.made = None;
            self.pipeline.counters.unwatched.fetch_add(1, Ordering::Release);
            return;
        }
        let (number, counters) = (frame.info.number, &self.pipeline.clone().counters);
        match self.make(frame, true) {
            Ok(took) => {
                counters.decoding_micros.fetch_add(took.as_micros() as u64, Ordering::Relaxed);
                // The picture is put first, so that a thread that sees the count also finds the picture.
                counters.decoded.fetch_add(1, Ordering::Release);
            }
            Err(error) => {
                if counters.damaged.fetch_add(1, Ordering::Relaxed) == 0 {
                    log::warn!("frame {number} cannot be decoded: {error}");
                } else {
                    log::debug!("frame {number} cannot be decoded: {error}");
                }
            }
        }
    }

    /// Pictures are shown elsewhere. The last frame is decoded again if that takes more of it, or less.
    fn handle_place(&mut self) {
        let place = self.pipeline.place.get();
        let Some(frame) = self.pipeline.kept().filter(|_| place != Place::Hidden) else { return };
        if self.made != Some(scale_of(&frame.jpeg, place).map(|(_, scale)| scale)) {
            // What is wrong with it was said when it came.
            let _ = self.make(frame, false);
        }
    }

    /// Decodes a frame as large as it is shown, and hands the picture on. Returns how long that took.
    fn make(&mut self, frame: Encoded, is_fresh: bool) -> Result<Duration, String> {
        let started = Instant::now();
        let pipeline = self.pipeline.clone();
        let mut pixels = pipeline.pixels.take();
        let Encoded { jpeg, info } = frame;
        let [(width, height), whole] = match self.decode(&jpeg, pipeline.place.get(), &mut pixels) {
            Ok(sizes) => sizes,
            Err(error) => {
                pipeline.pixels.give(pixels);
                return Err(error);
            }
        };
        if self.size != (width, height) {
            // The pool holds buffers of the old size, which would be too large or have to grow one by one.
            pipeline.pixels.clear();
            self.size = (width, height);
        }
        let strip = read_strip(&pixels, width, height, &mut self.luma);
        std::thread::sleep(self.delay);
        self.made_at = Some(Instant::now());
        let decoding = started.elapsed();
        pipeline.put_picture(Picture { pixels, width, height, whole, is_fresh, jpeg, info, strip, decoding });
        Ok(decoding)
    }

    /// Decodes a frame for a place. Returns the width and height of what is in `out` then, and of the whole picture.
    fn decode(&mut self, jpeg: &[u8], place: Place, out: &mut Vec<u8>) -> Result<[(usize, usize); 2], String> {
        if let Some((layout, scale)) = scale_of(jpeg, place) {
            let workshop = self.workshop.get_or_insert_with(Workshop::new);
            if let Some(size) = workshop.decode(jpeg, &layout, scale, out) {
                self.made = Some(Some(scale));
                return Ok([size, (layout.width.into(), layout.height.into())]);
            }
        }
        let size = decode(jpeg, ColorSpace::BGRA, out)?;
        self.made = Some(None);
        Ok([size, size])
    }
}

/// The scale at which a file is to be decoded for a place. `None`: all of it.
fn scale_of(jpeg: &[u8], place: Place) -> Option<(Layout, Scale)> {
    if place == Place::Any {
        return None;
    }
    let layout = Layout::parse(jpeg).ok()?;
    let scale = place.scale(layout.width, layout.height)?;
    (usize::from(layout.width) * usize::from(layout.height) <= MAX_PIXELS).then_some((layout, scale))
}

/// Decodes a whole JPEG file into `out`. Returns its width and height in pixels.
///
/// # Errors
/// A few words, if the file is not a JPEG, is cut short or damaged so that the decoder notices, or is larger than
/// [`MAX_SIDE`] or 16 megapixels.
pub(crate) fn decode(jpeg: &[u8], to: ColorSpace, out: &mut Vec<u8>) -> Result<(usize, usize), String> {
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        // Otherwise the decoder fills what is missing with grey. The last good picture is a better sight.
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(to);
    // If a hostile file makes the decoder panic, the player must go on.
    DECODING.set(true);
    let attempt = catch_unwind(AssertUnwindSafe(|| {
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
        decoder.decode_headers().map_err(|error| error.to_string())?;
        let info = decoder.info().ok_or("no picture")?;
        let (width, height) = (usize::from(info.width), usize::from(info.height));
        if width == 0 || height == 0 || width * height > MAX_PIXELS {
            return Err(format!("{width} x {height} pixels"));
        }
        let len = decoder.output_buffer_size().ok_or("no size")?;
        if len != width * height * to.num_components() {
            return Err(format!("{len} bytes for {width} x {height} pixels"));
        }
        if out.capacity() < len {
            out.clear();
        }
        out.resize(len, 0);
        decoder.decode_into(out).map_err(|error| error.to_string())?;
        Ok((width, height))
    }));
    DECODING.set(false);
    attempt.unwrap_or_else(|_| Err("the decoder failed".into()))
}

thread_local! {
    /// Whether this thread is inside the JPEG decoder.
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Keeps panics of the JPEG decoder out of standard error. They are caught and counted as damaged frames, so a report would
/// only worry the user. All other panics are reported as before.
pub(crate) fn silence_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| if DECODING.get() { log::debug!("{info}") } else { report(info) }));
}

/// Returns the number in the test card's strip, which fills the lowest sixteenth of the picture.
fn read_strip(bgra: &[u8], width: usize, height: usize, luma: &mut Vec<u8>) -> Option<u32> {
    luma.resize(width * height, 0);
    // The strip is black and white, so its green is as good as its luma.
    let first = (height * 15 / 16).saturating_sub(1) * width;
    let rows = luma.get_mut(first..)?;
    for (luma, pixel) in rows.iter_mut().zip(bgra.get(first * 4..)?.chunks_exact(4)) {
        *luma = pixel[1];
    }
    strip::read(luma, width, width, height)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::frame::FrameInfo;
    use mutoscope::media::FrameRate;
    use mutoscope::media::testcard::{TestCard, buffer_len};

    /// Returns frame `number` of the test card.
    pub(crate) fn card(width: u16, height: u16, number: u32) -> Vec<u8> {
        let card = TestCard::new(width, height, FrameRate::new(24, 1).unwrap(), 60).unwrap();
        let mut jpeg = vec![0; buffer_len(width, height)];
        let len = card.render(number, &mut jpeg).unwrap();
        jpeg.truncate(len);
        jpeg
    }

    pub(crate) fn info(number: u32) -> FrameInfo {
        FrameInfo { number, position: None, arrived: Instant::now(), captured: None, len: 0 }
    }

    #[test]
    fn the_test_card_is_decoded_and_its_strip_read() {
        let (mut pixels, mut luma) = (Vec::new(), Vec::new());
        for (width, height, number) in [(640, 480, 245), (320, 240, 1), (160, 128, 0xffff_ffff), (1280, 720, 7)] {
            let size = decode(&card(width, height, number), ColorSpace::BGRA, &mut pixels).unwrap();
            assert_eq!(size, (usize::from(width), usize::from(height)));
            assert_eq!(read_strip(&pixels, size.0, size.1, &mut luma), Some(number));
        }
        let grey = vec![90; 320 * 240 * 4];
        assert_eq!(read_strip(&grey, 320, 240, &mut luma), None);
        assert_eq!(read_strip(&grey, 0, 0, &mut luma), None);
    }

    #[test]
    fn a_picture_cut_short_anywhere_is_no_picture() {
        let whole = card(160, 128, 9);
        let mut pixels = Vec::new();
        // The decoder reads ahead and takes zeros for what is missing, so it does not notice that the last bytes are cut off.
        for len in (0..whole.len() - 64).step_by(7) {
            assert!(decode(&whole[..len], ColorSpace::BGRA, &mut pixels).is_err(), "{len} of {}", whole.len());
        }
        assert!(decode(&whole, ColorSpace::BGRA, &mut pixels).is_ok());
    }

    #[test]
    fn broken_bytes_do_no_harm() {
        let whole = card(160, 128, 9);
        let mut pixels = Vec::new();
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        for _ in 0..2000 {
            let mut broken = whole.clone();
            for _ in 0..1 + random() % 4 {
                let at = random() as usize % broken.len();
                broken[at] = random() as u8;
            }
            let _ = decode(&broken, ColorSpace::BGRA, &mut pixels);
            assert!(pixels.capacity() <= MAX_PIXELS * 4);
        }
    }

    #[test]
    fn dimensions_that_are_a_threat_are_refused() {
        let mut bomb = card(160, 128, 9);
        let sof = bomb.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
        bomb[sof + 5..sof + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
        let mut pixels = Vec::new();
        assert!(decode(&bomb, ColorSpace::BGRA, &mut pixels).is_err());
        bomb[sof + 5..sof + 9].copy_from_slice(&[0x20, 0x00, 0x20, 0x00]);
        assert!(decode(&bomb, ColorSpace::BGRA, &mut pixels).is_err());
        assert_eq!(pixels.capacity(), 0);
    }

    #[test]
    fn a_slow_decoder_skips_to_the_newest_frame() {
        let pipeline = Pipeline::new();
        for number in 1..=5 {
            pipeline.put_frame(Encoded { jpeg: card(160, 128, number).into(), info: info(number) });
        }
        let (sender, woken) = std::sync::mpsc::channel();
        let thread = spawn(pipeline.clone(), Duration::ZERO, move || sender.send(()).unwrap());
        woken.recv().unwrap();
        let picture = pipeline.pictures.take().unwrap();
        assert_eq!((picture.info.number, picture.strip), (5, Some(5)));
        assert_eq!(pipeline.counters.dropped(), 4);
        pipeline.recycle(picture);

        // A damaged frame wakes the main thread too, so that its count is seen.
        pipeline.put_frame(Encoded { jpeg: vec![0xff; 10].into(), info: info(6) });
        woken.recv().unwrap();
        assert!(pipeline.pictures.is_empty());
        assert_eq!(pipeline.counters.damaged.load(Ordering::Relaxed), 1);
        pipeline.frames.close();
        thread.join().unwrap();
    }

    /// A decoder at work, and what tells that it has done something.
    fn at_work() -> (Arc<Pipeline>, std::sync::mpsc::Receiver<()>) {
        let pipeline = Pipeline::new();
        let (sender, woken) = std::sync::mpsc::channel();
        // It ends with the test.
        spawn(pipeline.clone(), Duration::ZERO, move || _ = sender.send(()));
        (pipeline, woken)
    }

    fn frame(number: u32) -> Encoded {
        Encoded { jpeg: card(640, 480, number).into(), info: info(number) }
    }

    #[test]
    fn a_picture_is_decoded_as_large_as_it_is_shown_and_again_when_that_changes() {
        let (pipeline, woken) = at_work();
        let shown = |place, decoded| {
            pipeline.set_place(place);
            woken.recv().unwrap();
            let picture = pipeline.pictures.take().expect("a picture");
            assert_eq!((picture.width, picture.height, picture.whole), (decoded, decoded / 4 * 3, (640, 480)));
            assert_eq!((picture.strip, picture.is_fresh), (Some(7), false));
        };
        pipeline.place.set(Place::Within(150, 150));
        pipeline.put_frame(frame(7));
        woken.recv().unwrap();
        let picture = pipeline.pictures.take().unwrap();
        assert_eq!((picture.width, picture.height, picture.is_fresh), (160, 120, true));
        shown(Place::Within(1280, 900), 640);
        shown(Place::Within(300, 300), 320);
        shown(Place::Any, 640);
        shown(Place::Within(70, 70), 80);
        pipeline.set_place(Place::Within(75, 75));
        woken.recv().unwrap();
        assert!(pipeline.pictures.is_empty(), "that takes no more of it");
        pipeline.forget();
        pipeline.set_place(Place::Any);
        woken.recv().unwrap();
        assert!(pipeline.pictures.is_empty(), "it is not to come back");
        assert_eq!(pipeline.counters.decoded.load(Ordering::Relaxed), 1, "there was one frame");
        pipeline.frames.close();
    }

    #[test]
    fn what_is_hidden_is_decoded_once_a_second_and_at_once_when_it_is_to_be_seen() {
        let (pipeline, woken) = at_work();
        pipeline.place.set(Place::Hidden);
        for number in 1..=3 {
            pipeline.put_frame(frame(number));
            woken.recv().unwrap();
        }
        let picture = pipeline.pictures.take().unwrap();
        assert_eq!((picture.info.number, picture.width), (1, 80));
        assert!(pipeline.is_settled(3) && pipeline.counters.dropped() == 0);
        pipeline.set_place(Place::Within(640, 480));
        woken.recv().unwrap();
        let picture = pipeline.pictures.take().unwrap();
        assert_eq!((picture.info.number, picture.width, picture.is_fresh), (3, 640, false));
        pipeline.set_place(Place::Hidden);
        woken.recv().unwrap();
        assert!(pipeline.pictures.is_empty());
        pipeline.frames.close();
    }

    #[test]
    fn what_cannot_be_made_smaller_is_decoded_whole() {
        let mut decoder = Decoder {
            pipeline: Pipeline::new(),
            delay: Duration::ZERO,
            workshop: None,
            luma: Vec::new(),
            size: (0, 0),
            made: None,
            made_at: None,
        };
        let (place, mut pixels) = (Place::Within(99, 99), Vec::new());
        let whole = card(640, 480, 9);
        assert_eq!(decoder.decode(&whole, place, &mut pixels), Ok([(160, 120), (640, 480)]));
        let cut = &whole[..whole.len() / 2];
        assert!(decoder.decode(cut, place, &mut pixels).is_err(), "the last good picture stays");
        assert!(decoder.decode(b"no JPEG", place, &mut pixels).is_err());
    }
}
