//! Noticing that nothing comes, or nothing of use.

use crate::rtp::receiver::NoFrameReason;
use crate::time::{Duration, Instant};

/// Watches for the absence of packets, and of frames where there are packets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    /// The last packet of the stream.
    packet: Instant,
    /// The last packet of any kind.
    heard: Instant,
    frame: Instant,
    /// When the server was asked for a sign of life.
    probed: Instant,
    pub(super) due: Option<Instant>,
}

impl Silence {
    pub(super) fn start(&mut self, now: Instant, interval: Duration) {
        *self = Self { packet: now, frame: now, due: Some(now.after(interval)), ..Self::default() };
    }

    pub(super) fn stop(&mut self) {
        self.due = None;
    }

    /// A packet came, and was `taken` for one of the stream's. The deadline is left alone, so that this costs next to
    /// nothing: `poll` moves it.
    pub(super) fn handle_packet(&mut self, now: Instant, taken: bool) {
        self.heard = now;
        if taken {
            self.packet = now;
        }
    }

    /// A frame came out.
    pub(super) fn handle_frame(&mut self, now: Instant) {
        self.frame = now;
    }

    /// When the server is to be asked for a sign of life: so long after the last packet, and as long after it had the time to answer.
    pub(super) fn probe_due(&self, after: Duration) -> Option<Instant> {
        self.due.map(|_| self.last().max(self.probed.after(after)).after(after))
    }

    /// The server is asked for a sign of life.
    pub(super) fn handle_probe(&mut self, now: Instant) {
        self.probed = now;
    }

    /// Whether it was, and no packet has come since.
    pub(super) fn is_probed(&self) -> bool {
        self.probed > self.last()
    }

    fn last(&self) -> Instant {
        self.packet.max(self.heard)
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// For how long nothing has come; or nothing of use, because of this trouble with what comes.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        interval: Duration,
        trouble: Option<NoFrameReason>,
    ) -> Option<(Duration, Option<NoFrameReason>)> {
        if !self.is_due(now) {
            return None;
        }
        // A reason is told only while packets still come; after that the silence itself is the news.
        let trouble = trouble.filter(|_| now.since(self.heard) < interval);
        let since = if trouble.is_some() { self.frame } else { self.packet };
        let lasting = now.since(since);
        if lasting < interval {
            self.due = Some(since.after(interval));
            return None;
        }
        self.due = Some(now.after(interval));
        Some((lasting, trouble))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(3);

    const fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    fn seconds(seconds: u64) -> Option<(Duration, Option<NoFrameReason>)> {
        Some((Duration::from_secs(seconds), None))
    }

    #[test]
    fn silence_is_told_at_every_interval_until_a_packet_breaks_it() {
        let mut silence = Silence::default();
        assert_eq!(silence.poll(at(100), INTERVAL, None), None);
        silence.start(at(10), INTERVAL);
        assert_eq!(silence.poll(at(12), INTERVAL, None), None);
        assert_eq!(silence.poll(at(13), INTERVAL, None), seconds(3));
        assert_eq!(silence.poll(at(13), INTERVAL, None), None);
        assert_eq!(silence.poll(at(16), INTERVAL, None), seconds(6));
        silence.handle_packet(at(17), true);
        assert_eq!(silence.poll(at(19), INTERVAL, None), None);
        assert_eq!(silence.due, Some(at(20)), "three seconds after the packet");
        assert_eq!(silence.poll(at(20), INTERVAL, None), seconds(3));
        silence.stop();
        assert_eq!((silence.poll(at(99), INTERVAL, None), silence.due), (None, None));
    }

    #[test]
    fn trouble_is_told_as_long_as_packets_come_and_frames_do_not() {
        let (mut silence, trouble) = (Silence::default(), Some(NoFrameReason::Incomplete));
        silence.start(at(10), INTERVAL);
        for second in 11..20 {
            silence.handle_packet(at(second), true);
        }
        silence.handle_frame(at(14));
        assert_eq!(silence.poll(at(16), INTERVAL, trouble), None);
        assert_eq!(silence.poll(at(19), INTERVAL, trouble), Some((Duration::from_secs(5), trouble)));
        silence.handle_packet(at(21), false);
        assert_eq!(silence.poll(at(22), INTERVAL, trouble), Some((Duration::from_secs(8), trouble)));
        assert_eq!(silence.poll(at(25), INTERVAL, trouble), seconds(6), "since the last packet that was of any use");
    }

    #[test]
    fn packets_that_may_still_make_a_frame_are_no_trouble() {
        let mut silence = Silence::default();
        silence.start(at(10), INTERVAL);
        for second in 11..100 {
            silence.handle_packet(at(second), true);
            assert_eq!(silence.poll(at(second), INTERVAL, None), None);
        }
    }

    #[test]
    fn a_server_is_asked_for_a_sign_of_life_when_nothing_comes() {
        let mut silence = Silence::default();
        let due = |silence: &Silence| silence.probe_due(Duration::from_secs(1));
        assert_eq!((due(&silence), silence.is_probed()), (None, false));
        silence.start(at(10), INTERVAL);
        assert_eq!(due(&silence), Some(at(11)));
        silence.handle_packet(at(12), false);
        assert_eq!(due(&silence), Some(at(13)));
        silence.handle_probe(at(13));
        assert_eq!((due(&silence), silence.is_probed()), (Some(at(15)), true));
        silence.handle_packet(at(15), true);
        assert_eq!((due(&silence), silence.is_probed()), (Some(at(16)), false));
        silence.stop();
        assert_eq!(due(&silence), None);
    }

    #[test]
    fn a_late_look_does_not_bring_a_burst_of_news() {
        let mut silence = Silence::default();
        silence.start(at(0), INTERVAL);
        assert_eq!(silence.poll(at(1000), INTERVAL, None), seconds(1000));
        assert_eq!(silence.poll(at(1000), INTERVAL, None), None);
        assert_eq!(silence.due, Some(at(1003)));
    }
}
