//! The way of a picture from its input to the viewers.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::stop::Stop;
use super::throttle::Throttle;
use crate::media::live::Live;
use crate::media::{LeftOut, Packets, Policy, Preparer};
use crate::memory;

/// Pictures a second that an input may have, and at once.
const MAX_RATE: f64 = 250.0;
const MAX_BURST: f64 = 50.0;

/// What an input gives its pictures to. Pictures are mended and made what RTP/JPEG can carry on the input's thread, and viewers
/// are woken as soon as that is done.
pub struct Publisher {
    live: Live,
    working: Mutex<Working>,
    /// Called for the first picture.
    on_picture: Box<dyn Fn() + Send + Sync>,
}

struct Working {
    preparer: Preparer,
    /// For what is made of the next picture; holds anything.
    converted: Vec<u8>,
    throttle: Throttle,
    has_picture: bool,
    has_flooded: bool,
    /// What was said about pictures that are left out.
    complaint: Option<String>,
}

impl Publisher {
    /// Publishes to `live`; `policy` is what may be done with pictures that RTP/JPEG cannot carry.
    pub fn new(live: Live, policy: Policy) -> Self {
        Self::with(live, policy, || {})
    }

    /// The same; `on_picture` is called for the first picture.
    pub(super) fn with(live: Live, policy: Policy, on_picture: impl Fn() + Send + Sync + 'static) -> Self {
        let working = Working {
            preparer: Preparer::new(policy),
            converted: Vec::new(),
            throttle: Throttle::new(MAX_RATE, MAX_BURST),
            has_picture: false,
            has_flooded: false,
            complaint: None,
        };
        Self { live, working: Mutex::new(working), on_picture: Box::new(on_picture) }
    }

    /// What became of the packets in which pictures come.
    pub(super) fn note_packets(&self, packets: Packets) {
        self.live.note_packets(packets);
    }

    /// The name of the medium.
    pub fn name(&self) -> &str {
        self.live.name()
    }

    /// An empty buffer for a picture: memory of one that nobody sends any more.
    pub fn buffer(&self) -> Vec<u8> {
        let (mut buffer, converted) = self.live.spare();
        self.working().converted = converted;
        buffer.clear();
        buffer
    }

    /// A copy of a picture in such a buffer.
    pub(super) fn copy(&self, jpeg: &[u8]) -> Vec<u8> {
        let mut copy = self.buffer();
        memory::reserve(&mut copy, jpeg.len());
        // What is made of it is about as long.
        memory::reserve(&mut self.working().converted, jpeg.len());
        copy.extend_from_slice(jpeg);
        copy
    }

    /// Makes a JPEG file the newest picture. `captured`: when it was taken, or came. One that cannot be shown is left out, and so
    /// is one that comes too soon after very many others.
    pub fn publish(&self, jpeg: Vec<u8>, captured: Instant) {
        self.publish_at(Instant::now(), jpeg, captured);
    }

    /// The same where the time is told: `now` never steps back.
    pub fn publish_at(&self, now: Instant, jpeg: Vec<u8>, captured: Instant) {
        let mut working = self.working();
        if working.throttle.try_spend(now, 1.0) {
            self.publish_anyway(&mut working, jpeg, captured);
        } else {
            self.live.leave_out(LeftOut::TooMany);
            self.complain_of_flood(&mut working);
        }
    }

    /// The same for an input that can be made to wait: it is, where very many pictures have come. `false`: it is to end.
    pub fn publish_in_turn(&self, jpeg: Vec<u8>, captured: Instant, stop: &Stop) -> bool {
        let wait = self.publish_in_turn_at(Instant::now(), jpeg, captured);
        if wait.is_zero() { !stop.is_stopping() } else { stop.sleep(wait) }
    }

    /// The same where the time is told. Gives how long the input has to wait before its next picture.
    pub fn publish_in_turn_at(&self, now: Instant, jpeg: Vec<u8>, captured: Instant) -> Duration {
        let mut working = self.working();
        let wait = working.throttle.spend(now, 1.0);
        if !wait.is_zero() {
            self.complain_of_flood(&mut working);
        }
        self.publish_anyway(&mut working, jpeg, captured);
        wait
    }

    /// There are no pictures for the time being, though the input has not ended: its camera was unplugged, who pushed it has
    /// gone. Viewers stay; those who come are told the reason.
    pub fn cease(&self, reason: &str) {
        self.live.cease(reason, Duration::from_secs(2));
    }

    /// Gives back the memory of pictures that nobody is shown any more.
    pub(super) fn forget(&self) {
        self.live.forget();
    }

    /// There may be pictures soon: `how` it is by now ("connected"). Those who come before the first one are told.
    pub fn await_picture(&self, how: &str) {
        self.live.explain(&format!("{how}, but no picture has come yet"), Duration::from_secs(1));
    }

    /// Says once about this input what is wrong with what it gives.
    pub fn complain(&self, complaint: &str) {
        self.complain_once(&mut self.working(), complaint);
    }

    fn working(&self) -> MutexGuard<'_, Working> {
        self.working.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish_anyway(&self, working: &mut Working, jpeg: Vec<u8>, captured: Instant) {
        let buffer = std::mem::take(&mut working.converted);
        let picture = match working.preparer.prepare(jpeg, buffer) {
            Ok(picture) => picture,
            Err(reason) => {
                self.live.leave_out(LeftOut::Damaged);
                return self.complain_once(working, &format!("a picture is left out: {reason}"));
            }
        };
        if let Some(complaint) = &picture.complaint {
            self.complain_once(working, complaint);
        }
        if !std::mem::replace(&mut working.has_picture, true) {
            (self.on_picture)();
        }
        self.live.publish_prepared(picture, captured);
    }

    fn complain_of_flood(&self, working: &mut Working) {
        if !std::mem::replace(&mut working.has_flooded, true) {
            log::warn!("{}: pictures come too fast, it is taken no more than {MAX_RATE} a second", self.name());
        }
    }

    fn complain_once(&self, working: &mut Working, complaint: &str) {
        if working.complaint.as_deref() != Some(complaint) {
            // The next one is about the same, and a flood of them would fill the log.
            let level = if working.complaint.is_none() { log::Level::Warn } else { log::Level::Debug };
            log::log!(level, "{}: {complaint}", self.name());
            working.complaint = Some(complaint.to_owned());
        }
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("live", &self.live).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::OnUnsupported;
    use crate::media::testing::{jpeg, picture};
    use jpeg_encoder::SamplingFactor;
    use mutoscope::media::catalogue::Medium;
    use mutoscope::media::{Advance, FrameSource};
    use mutoscope::time;
    use std::task::Waker;

    fn published(policy: Policy, file: &[u8]) -> (Live, Publisher) {
        let live = Live::new("cam", None);
        let publisher = Publisher::new(live.clone(), policy);
        publisher.publish(file.to_vec(), Instant::now());
        (live, publisher)
    }

    #[test]
    fn a_live_picture_becomes_what_rtp_carries_and_the_lab_gets_the_original() {
        let rewritten = picture(40, 40, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
            encoder.set_restart_interval(1);
        });
        let converted = picture(40, 40, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
            encoder.set_progressive(true);
        });
        let convert = Policy { on_unsupported: OnUnsupported::Convert, ..Policy::default() };
        for (policy, file) in [(Policy::default(), &rewritten), (convert, &converted)] {
            let (live, publisher) = published(policy, file);
            let mut viewer = live.viewer();
            for _ in 0..2 {
                assert_eq!(viewer.advance(time::Instant::default(), Waker::noop()), Ok(Advance::Ready));
                let frame = viewer.frame().unwrap();
                assert!(frame.layout.unwrap().rtp_format().is_ok());
                assert_eq!(viewer.original(), Some(&file[..]));
                // The next one goes into memory of those before.
                let mut again = publisher.buffer();
                again.extend_from_slice(file);
                publisher.publish(again, Instant::now());
            }
        }
    }

    #[test]
    fn what_rtp_cannot_carry_is_refused_in_words_and_what_is_no_picture_left_out() {
        let (live, publisher) = published(Policy::default(), b"no picture");
        let medium = live.medium(0);
        assert!(medium.entry(Waker::noop()).is_err());
        publisher
            .publish(picture(40, 40, |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_4_4)), Instant::now());
        assert!(medium.entry(Waker::noop()).unwrap().refusal.unwrap().contains("4:4:4"));
        // It may be another camera by now.
        publisher.publish(jpeg(16, 16, 0, b"x"), Instant::now());
        assert_eq!(medium.entry(Waker::noop()).unwrap().refusal, None);
    }

    #[test]
    fn more_than_an_input_may_have_is_left_out() {
        let (live, publisher) = published(Policy::default(), &jpeg(16, 16, 0, b"x"));
        let begin = Instant::now();
        for _ in 0..2000 {
            publisher.publish(jpeg(16, 16, 0, b"x"), begin);
        }
        let mut viewer = live.viewer();
        viewer.advance(time::Instant::default(), Waker::noop()).unwrap();
        let most = MAX_BURST + MAX_RATE * begin.elapsed().as_secs_f64() + 1.0;
        assert!(f64::from(viewer.frame().unwrap().number) <= most);
    }
}
