//! The target of the machine that decides what a viewer is sent: input is a medium, and what happens.

use mutoscope::delivery::{Asked, AtEnd, Delivery, Fetched, LeftOut, Medium, Place, Step, Way};
use mutoscope::media::{End, Extent, FrameRate};
use mutoscope::time::{Duration, Instant};
use mutoscope::wire::rtsp::headers::{Range, Scale, Speed};

/// A source that does what bytes say.
struct Source<'d> {
    bytes: &'d [u8],
    /// `None`: live.
    frames: Option<u32>,
    /// When each frame is shown, in microseconds, where frames have their own times.
    times: Option<Vec<u64>>,
    end: End,
    next: u32,
}

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        first
    }

    fn extent(&self, rate: FrameRate) -> Extent {
        match (self.frames, &self.times) {
            (None, _) => Extent::Live,
            (Some(count), None) => Extent::Frames { count, end: self.end },
            (Some(count), Some(times)) => {
                let last = count.checked_sub(1).and_then(|last| times.get(last as usize)).copied();
                let micros = last.map_or(0, |last| last + rate.micros(1));
                Extent::Timed { duration: Duration::from_micros(micros), end: self.end }
            }
        }
    }

    fn seek(&mut self, place: Place) -> bool {
        // One in sixteen fails, and leaves it anywhere.
        if self.byte() >= 240 {
            self.next = u32::from(self.byte());
            return false;
        }
        let frames = self.frames.expect("nobody moves in what is live");
        self.next = match place {
            Place::Frame(number) => number.min(frames),
            Place::Time(time) => {
                let times = self.times.as_ref().expect("frames have no times of their own");
                let begun = times.iter().take(frames as usize).take_while(|at| u128::from(**at) <= time.as_micros());
                (begun.count() as u32).saturating_sub(1)
            }
        };
        true
    }

    fn fetch(&mut self, now: Instant) -> Fetched {
        let number = self.next;
        let action = self.byte();
        if action >= 250 {
            return Fetched::NotYet { until: (action > 252).then(|| now.after(Duration::from_millis(action.into()))) };
        }
        // A camera has no endless pictures of one moment.
        if self.frames.is_none() && action & 1 == 0 {
            return Fetched::NotYet { until: None };
        }
        if self.frames.is_some_and(|frames| number >= frames) {
            return if self.end == End::Open { Fetched::Edge } else { Fetched::End };
        }
        self.next = number.wrapping_add(1);
        if action >= 240 {
            return Fetched::LeftOut(if action < 245 { LeftOut::Unreadable } else { LeftOut::Unsendable });
        }
        let captured = (self.frames.is_none() && action & 2 == 2).then(|| now.before(Duration::from_millis(7)));
        let time = self.times.as_ref().map(|times| Duration::from_micros(times[number as usize]));
        Fetched::Ready { number, captured, time, fragments: 1 + u32::from(action) / 4 }
    }
}

/// Whatever is asked and whatever happens, timestamps never step back, no frame is outside the medium, and each round of steps
/// comes to its end with a time to go on at, or with something to wait for.
pub fn delivery(data: &[u8]) {
    let mut source = Source { bytes: data, frames: None, times: None, end: End::Known, next: 0 };
    let (kind, count, seed) = (source.byte(), source.byte(), source.byte());
    let rates = [(25, 1), (30_000, 1001), (1000, 1), (1, 10)];
    let (numerator, denominator) = rates[usize::from(seed) % 4];
    let rate = FrameRate::new(numerator, denominator).expect("a rate");
    if kind & 3 != 0 {
        source.frames = Some(count.into());
    }
    if kind & 3 > 1 {
        // Times of all kinds: some are equal, and some step back.
        let step = |n: u64| (n * 7919 * u64::from(seed) + n * n * 31) % 200_000;
        source.times = Some((0..256).map(|n| n * 40_000 + step(n)).collect());
    }
    source.end = if kind & 4 == 0 { End::Known } else { End::Open };
    let at_end = if kind & 8 == 0 { AtEnd::Stop } else { AtEnd::StartOver };
    let way = if kind & 16 == 0 { Way::Udp } else { Way::Interleaved };
    let mut now = Instant::from_millis(1000);
    let medium = Medium { rate, extent: source.extent(rate), at_end };
    let delivery = Delivery::new(now, medium, way, (kind & 32 == 0).then_some(7));
    let mut stream = Stream { delivery, source, stamp: None, last: None, rate };
    while !stream.source.bytes.is_empty() {
        match stream.source.byte() {
            0..100 => stream.play(now),
            100..120 => stream.pause(),
            120..140 => stream.delivery.handle_wake(),
            140..150 => stream.delivery.set_way(if seed & 1 == 0 { way } else { Way::Interleaved }),
            150..170 => stream.grow(),
            pause => now = now.after(Duration::from_millis(u64::from(pause - 170) * 13)),
        }
        now = stream.run(now);
    }
}

struct Stream<'d> {
    delivery: Delivery,
    source: Source<'d>,
    /// The timestamp of the last frame that was fetched, and of the last one that has left.
    stamp: Option<Instant>,
    last: Option<Instant>,
    rate: FrameRate,
}

impl Stream<'_> {
    fn play(&mut self, now: Instant) {
        let mut time = || match self.source.byte() {
            0..80 => None,
            byte => Some(u64::from(byte - 80) * 61_111),
        };
        let range = match (time(), time()) {
            (None, None) => None,
            (start, end) => Some(Range::Npt { start, end }),
        };
        let scale = Scale::from_thousandths((i32::from(self.source.byte()) - 128) * 70);
        let speed = Speed::from_thousandths(u32::from(self.source.byte()) * 40);
        self.delivery.set_extent(self.source.extent(self.rate));
        let Some(plan) = self.delivery.plan(Asked { range, scale, speed }, self.source.next) else { return };
        if plan.seek.is_some_and(|place| !self.source.seek(place)) {
            return;
        }
        let played = self.delivery.handle_play(now, plan);
        assert!((250..=8000).contains(&played.scale.thousandths().unsigned_abs()));
        assert!(self.source.frames.is_some() || played.scale == Scale::NORMAL);
        assert!(self.last.is_none_or(|last| played.at >= last), "{:?} is announced behind {:?}", played.at, self.last);
        self.delivery.handle_answered();
    }

    fn pause(&mut self) {
        if let (Some(number), Some(frames)) = (self.delivery.handle_pause(), self.source.frames) {
            assert!(number < frames, "frame {number} of {frames} was under way");
            self.source.next = number;
        }
    }

    fn grow(&mut self) {
        if self.source.end == End::Open {
            self.source.frames = self.source.frames.map(|frames| (frames + 3).min(255));
            self.source.end = if self.source.byte() < 50 { End::Known } else { End::Open };
            self.delivery.set_extent(self.source.extent(self.rate));
            self.delivery.handle_wake();
        }
    }

    /// Does what there is to do now, as a driver does.
    fn run(&mut self, mut now: Instant) -> Instant {
        let (mut steps, mut idle) = (0, 0);
        loop {
            steps += 1;
            assert!(steps < 50_000, "no end at {now:?}: {:?}", self.delivery);
            match self.delivery.poll(now) {
                Step::Fetch { from } => self.fetch(now, from),
                Step::Send { fragments } => {
                    assert!(!fragments.is_empty());
                    match self.source.byte() {
                        action @ 0..230 => {
                            if fragments.start == 0 {
                                // Before that, a frame that waits until it is due may be given back with its timestamp.
                                assert!(self.last < self.stamp, "{:?} after {:?}", self.stamp, self.last);
                                self.last = self.stamp;
                            }
                            let all = fragments.end - fragments.start;
                            self.delivery.handle_sent(now, if action < 200 { all } else { 1 });
                        }
                        230..235 => self.delivery.handle_taken_back(),
                        action => self.delivery.handle_full(now, action % 2 == 0),
                    }
                }
                Step::Report => {}
                Step::Bye => self.delivery.handle_bye(),
                Step::Ended => return now,
                Step::Nothing => {
                    let _ = self.delivery.handle_room();
                    idle += 1;
                    let Some(at) = self.delivery.poll_timeout().filter(|_| idle < 12) else { return now };
                    now = now.max(at);
                }
            }
        }
    }

    fn fetch(&mut self, now: Instant, from: Option<Place>) {
        let is_moved = from.is_none_or(|place| self.source.seek(place));
        if let Some(course) = self.delivery.course() {
            assert!(self.source.frames.is_some() && course.take(3).count() <= 3);
        }
        let fetched = if is_moved { self.source.fetch(now) } else { Fetched::CannotMove };
        if fetched == Fetched::End {
            self.delivery.set_extent(self.source.extent(self.rate));
        }
        let Some(stamp) = self.delivery.handle_frame(now, fetched) else { return };
        assert!(matches!(fetched, Fetched::Ready { .. }));
        self.stamp = Some(stamp.at);
    }
}

/// Films of both kinds and a camera, played, sought, and played backwards.
pub fn delivery_seeds() -> Vec<Vec<u8>> {
    let events = |scale: u8, speed: u8| {
        let mut bytes = vec![0, 0, 0, scale, speed];
        bytes.extend([1; 40]);
        bytes.extend([0, 200, 90, 255 - scale, 25]);
        bytes.extend([1; 40]);
        bytes.extend([110, 0, 0, 0, scale, speed, 160, 60, 130]);
        bytes.extend([1; 20]);
        bytes
    };
    let media = [[0, 0, 0], [1, 100, 0], [9, 20, 1], [2, 50, 3], [10, 9, 2], [5, 9, 4], [14, 30, 5], [17, 200, 6]];
    media.iter().flat_map(|medium| [142, 100, 200].map(|scale| [&medium[..], &events(scale, 25)].concat())).collect()
}
