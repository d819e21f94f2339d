//! Counts what one viewer receives within a window of time, and nothing before it or after it.

use mutoscope::wire::rtp::{Packet, Repr};
use std::time::{Duration, SystemTime};

/// RTP clock ticks in a second (RFC 3551 section 6).
const CLOCK_RATE: u32 = 90_000;

/// A longer gap between frames is visible. This is the project's own limit at 24 frames a second.
pub const LATE: Duration = Duration::from_millis(60);

/// The counts of one viewer.
#[derive(Clone, Debug, Default)]
pub struct StrictClient {
    /// The number of frames of which every packet came.
    pub frames: u64,
    /// The number of frames that did not come, or not whole.
    pub lost_frames: u64,
    /// The number of packets that came.
    pub packets: u64,
    /// The number of packets that are missing between the first and the last.
    pub lost: u64,
    /// The number of bytes of RTP packets.
    pub octets: u64,
    /// The longest time between the ends of two consecutive frames, or between the last one and the end of the count.
    pub longest_gap: Duration,
    /// The number of times that it was longer than [`LATE`].
    pub late: u64,
    /// Whole frames of each second.
    pub seconds: Vec<u32>,
    /// What is known of a viewer that got nothing for a while, in words; of others, nothing.
    pub testimony: Option<String>,
}

/// The time in which things count: from `begin` on, and before `end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) begin: SystemTime,
    pub(super) end: SystemTime,
}

impl Window {
    /// How long after the beginning that is, where it counts.
    fn at(&self, time: SystemTime) -> Option<Duration> {
        if time < self.end { time.duration_since(self.begin).ok() } else { None }
    }

    fn seconds(&self) -> usize {
        self.end.duration_since(self.begin).unwrap_or_default().as_secs_f64().ceil() as usize
    }
}

/// Follows a viewer's packets, and counts those in its window.
#[derive(Debug)]
pub(super) struct Counter {
    counts: StrictClient,
    window: Option<Window>,
    next_sequence: Option<u16>,
    frame_whole: bool,
    last_frame: Option<SystemTime>,
    last_timestamp: Option<u32>,
    /// When the last packet came, and how many came in all, in the window or not.
    pub(super) last_packet: Option<SystemTime>,
    pub(super) all_packets: u64,
    /// RTP clock ticks from one frame to the next.
    interval: u32,
}

impl Counter {
    pub(super) fn new(frame_rate: u32) -> Self {
        Self {
            counts: StrictClient::default(),
            window: None,
            next_sequence: None,
            frame_whole: true,
            last_frame: None,
            last_timestamp: None,
            last_packet: None,
            all_packets: 0,
            interval: (CLOCK_RATE / frame_rate.max(1)).max(1),
        }
    }

    /// From now on, what comes in this window counts.
    pub(super) fn open(&mut self, window: Window) {
        self.counts.seconds = vec![0; window.seconds()];
        self.window = Some(window);
    }

    pub(super) fn seconds(&self) -> &[u32] {
        &self.counts.seconds
    }

    pub(super) const fn window(&self) -> Option<Window> {
        self.window
    }

    pub(super) fn packet(&mut self, now: SystemTime, bytes: &[u8]) {
        let Ok(packet) = Packet::new_checked(bytes) else { return };
        let Repr { sequence, marker, timestamp, .. } = Repr::parse(&packet);
        let missing = self.next_sequence.map_or(0, |next| sequence.wrapping_sub(next));
        self.next_sequence = Some(sequence.wrapping_add(1));
        self.last_packet = Some(now);
        self.all_packets += 1;
        let at = self.window.and_then(|window| window.at(now));
        if at.is_some() {
            self.counts.packets += 1;
            self.counts.octets += bytes.len() as u64;
            self.counts.lost += u64::from(missing);
        }
        self.frame_whole &= missing == 0;
        if marker {
            let is_whole = std::mem::replace(&mut self.frame_whole, true);
            let before = self.last_timestamp.replace(timestamp);
            let last_frame = self.last_frame.replace(now);
            if let Some(at) = at {
                self.frame(at, is_whole, before.map(|before| timestamp.wrapping_sub(before)));
                self.gap(last_frame, now);
            }
        }
    }

    /// A frame has ended so long after the window's beginning, and so many ticks after the one before it.
    fn frame(&mut self, at: Duration, is_whole: bool, ticks: Option<u32>) {
        self.counts.frames += u64::from(is_whole);
        self.counts.lost_frames += u64::from(!is_whole);
        if let Some(second) = self.counts.seconds.get_mut(at.as_secs() as usize) {
            *second += u32::from(is_whole);
        }
        if let Some(ticks) = ticks {
            // A live source's timestamps are rounded, so the nearest number of frames is meant. What was left out before the
            // window does not count.
            let steps = ticks.saturating_add(self.interval / 2) / self.interval;
            let most = (at.as_secs_f64() * f64::from(CLOCK_RATE) / f64::from(self.interval)).ceil() as u64;
            self.counts.lost_frames += u64::from(steps.saturating_sub(1)).min(most);
        }
    }

    /// Nothing ended between these; what lies before the window does not count.
    fn gap(&mut self, last: Option<SystemTime>, now: SystemTime) {
        let Some(window) = self.window else { return };
        let since = last.map_or(window.begin, |last| last.max(window.begin));
        // The system's clock may have been set back.
        let gap = now.duration_since(since).unwrap_or_default();
        self.counts.longest_gap = self.counts.longest_gap.max(gap);
        self.counts.late += u64::from(gap > LATE);
    }

    /// The window is over.
    pub(super) fn finish(mut self) -> StrictClient {
        if let Some(window) = self.window {
            self.gap(self.last_frame, window.end);
        }
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn packet(counter: &mut Counter, at: SystemTime, (sequence, timestamp, marker): (u16, u32, bool)) {
        let mut bytes = [0; 13];
        let repr = Repr { marker, payload_type: 26, sequence, timestamp, ssrc: 1 };
        repr.emit(bytes.first_chunk_mut().unwrap());
        counter.packet(at, &bytes);
    }

    fn window(duration: Duration) -> Window {
        let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        Window { begin, end: begin + duration }
    }

    #[test]
    fn lost_and_skipped_frames_are_counted() {
        /// Frames of two packets each. `packets` are the sequence number, timestamp and marker of those that came.
        type Packets = &'static [(u16, u32, bool)];
        const WHOLE: Packets = &[(65_535, 0, false), (0, 0, true), (1, 3750, false), (2, 3750, true)];
        const FIRST_LOST: Packets = &[(1, 0, false), (2, 0, true), (4, 3750, true), (5, 7500, false), (6, 7500, true)];
        const LEFT_OUT: Packets = &[(1, 0, false), (2, 0, true), (3, 11_249, false), (4, 11_249, true)];
        for (packets, frames, lost_frames, lost) in [(WHOLE, 2, 0, 0), (FIRST_LOST, 2, 1, 1), (LEFT_OUT, 2, 2, 0)] {
            let mut counter = Counter::new(24);
            let window = window(1000 * MS);
            counter.open(window);
            for &one in packets {
                packet(&mut counter, window.begin + 500 * MS, one);
            }
            let counts = counter.finish();
            assert_eq!((counts.frames, counts.lost_frames, counts.lost), (frames, lost_frames, lost), "{packets:?}");
        }
    }

    #[test]
    fn only_what_comes_in_the_window_counts() {
        let mut counter = Counter::new(25);
        let window = window(2000 * MS);
        // 25 frames a second, one packet each, from a second before the window to a second behind it. Some are read late.
        let mut at = window.begin - 1000 * MS;
        for n in 0..100_u16 {
            if n == 20 {
                counter.open(window);
            }
            packet(&mut counter, at, (n, u32::from(n) * 3600, true));
            at += 40 * MS;
        }
        let counts = counter.finish();
        assert_eq!((counts.frames, counts.packets, counts.lost_frames), (50, 50, 0));
        assert_eq!(counts.seconds, [25, 25]);
        assert_eq!((counts.longest_gap, counts.late), (40 * MS, 0));
    }

    #[test]
    fn what_was_lost_before_the_window_does_not_count() {
        let mut counter = Counter::new(25);
        let window = window(1000 * MS);
        counter.open(window);
        packet(&mut counter, window.begin - 1000 * MS, (0, 0, true));
        packet(&mut counter, window.begin + 30 * MS, (1, 25 * 3600, true));
        packet(&mut counter, window.begin + 70 * MS, (3, 26 * 3600, true));
        let counts = counter.finish();
        assert_eq!((counts.frames, counts.lost_frames, counts.lost), (1, 2, 1));
    }

    #[test]
    fn silence_to_the_end_is_a_gap() {
        let mut counter = Counter::new(24);
        counter.open(window(1000 * MS));
        let nothing = counter.finish();
        assert_eq!((nothing.longest_gap, nothing.late, nothing.frames), (1000 * MS, 1, 0));
        let mut counter = Counter::new(24);
        let window = window(1000 * MS);
        counter.open(window);
        packet(&mut counter, window.begin + 10 * MS, (0, 0, true));
        assert_eq!(counter.finish().longest_gap, 990 * MS);
    }
}
