//! Where frames go from the network thread: to the recorder, to the decoder, and into the figures. A frame is copied once,
//! out of the receiver's buffer; all that have it share the copy.

use crate::decode::Pipeline;
use crate::frame::{Encoded, FrameInfo};
use crate::rates::Rate;
use crate::record::{Recorded, Recorder};
use mutoscope::player;
use mutoscope_std::client::{Client, PlayedFrame, Statistics};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

// More than 15 fields: each is a figure.
/// Figures of the stream, as fresh as the last packet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    /// Of the present session.
    pub(crate) session: Statistics,
    /// Frames received in all sessions.
    pub(crate) frames: u64,
    /// Bytes of these.
    pub(crate) bytes: u64,
    /// Lost packets of earlier sessions.
    pub(crate) lost_before: u64,
    /// Packets of earlier sessions.
    pub(crate) packets_before: u64,
    /// Frames that earlier sessions could not complete.
    pub(crate) frames_dropped_before: u64,
    /// Arrivals and the octets they brought.
    pub(crate) arrivals: Rate,
    /// For how long frames are held back at present.
    pub(crate) held: Duration,
    /// The longest time between two frames that followed each other.
    pub(crate) longest_gap: Duration,
    /// Connections lost.
    pub(crate) interruptions: u32,
    /// When the last frame came before the connection was lost, while none has come since.
    pub(crate) interrupted: Option<Instant>,
    /// The longest time from there to the next frame.
    pub(crate) longest_interruption: Duration,
    /// Who sends it, or has sent it last.
    pub(crate) server: Option<SocketAddr>,
    pub(crate) first: Option<Instant>,
    pub(crate) last: Option<Instant>,
    /// The frame before, in this session.
    pub(crate) previous: Option<Instant>,
}

impl Live {
    /// Packets that never came, in all sessions.
    pub(crate) fn lost(&self) -> u64 {
        self.lost_before + self.session.lost
    }

    /// Packets that came, in all sessions.
    pub(crate) fn packets(&self) -> u64 {
        self.packets_before + self.session.packets
    }

    /// Frames of which a part never came or was of no use, in all sessions.
    pub(crate) fn incomplete(&self) -> u64 {
        self.frames_dropped_before + self.session.frames_dropped
    }

    /// The connection is lost, or an attempt to get another one has failed.
    pub(crate) fn interrupt(&mut self) {
        self.interruptions += 1;
        self.interrupted = self.interrupted.or(self.last);
    }

    pub(crate) fn close_session(&mut self) {
        let session = std::mem::take(&mut self.session);
        self.lost_before += session.lost;
        self.packets_before += session.packets;
        self.frames_dropped_before += session.frames_dropped;
        self.previous = None;
        self.arrivals.clear();
    }
}

/// When enough is enough.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limit {
    pub(crate) frames: Option<u64>,
    pub(crate) duration: Option<Duration>,
}

/// Takes frames, up to a limit.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) pipeline: Arc<Pipeline>,
    live: Arc<Mutex<Live>>,
    recorder: Option<Recorder>,
    /// What became of the recorder when it could not go on.
    recorded: Option<Result<Recorded, String>>,
    /// That has been reported.
    told: bool,
    limit: Limit,
    frames: u64,
}

impl Sink {
    pub(crate) fn new(pipeline: Arc<Pipeline>, recorder: Option<Recorder>, limit: Limit) -> Self {
        let live = Arc::new(Mutex::new(Live::default()));
        Self { pipeline, live, recorder, recorded: None, told: false, limit, frames: 0 }
    }

    /// The figures, for other threads.
    pub(crate) fn shared_live(&self) -> Arc<Mutex<Live>> {
        self.live.clone()
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the duration that is wanted is over; `None` before the first frame, and where all is wanted.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.live().first.zip(self.limit.duration).map(|(first, duration)| first + duration)
    }

    /// Records to this from now on, or nowhere. Returns what was recorded to.
    pub(crate) fn replace_recorder(&mut self, recorder: Option<Recorder>) -> Option<Recorder> {
        (self.recorded, self.told) = (None, false);
        std::mem::replace(&mut self.recorder, recorder)
    }

    /// Why nothing is recorded any more, once.
    pub(crate) fn check_recorder(&mut self) -> Option<String> {
        let failed = self.recorded.as_ref()?.as_ref().err()?;
        (!std::mem::replace(&mut self.told, true)).then(|| failed.clone())
    }

    /// Waits for the disk. `None` where there was nothing to record to.
    pub(crate) fn finish_recorder(&mut self) -> Option<Result<Recorded, String>> {
        self.recorder.take().map(Recorder::finish).or_else(|| self.recorded.take())
    }

    /// Passes on the frame that the client lends, unless there have been enough. Whether this was the last one wanted.
    pub(crate) fn take(&mut self, client: &Client, frame: &player::ReceivedFrame) -> bool {
        let now = Instant::now();
        let enough = self.limit.frames.is_some_and(|frames| self.frames >= frames);
        if enough || self.due().is_some_and(|due| due <= now) {
            return false;
        }
        self.frames += 1;
        let frame = client.copy_frame(frame);
        if let Some(recorder) = &mut self.recorder
            && !recorder.append(frame.jpeg.clone())
        {
            self.recorded = self.finish_recorder();
        }
        let arrived = now.checked_sub(frame.age).unwrap_or(now);
        let session = client.statistics().unwrap_or_default();
        {
            let mut live = self.live();
            live.frames += 1;
            live.bytes += frame.jpeg.len() as u64;
            live.session = session;
            live.held = frame.age;
            live.first.get_or_insert(now);
            if let Some(since) = live.interrupted.take() {
                live.longest_interruption = live.longest_interruption.max(now.saturating_duration_since(since));
            }
            live.last = Some(now);
            if let Some(previous) = live.previous.replace(arrived) {
                live.longest_gap = live.longest_gap.max(arrived.saturating_duration_since(previous));
            }
            live.arrivals.add(arrived, session.octets);
        }
        self.put(frame, arrived, now);
        self.limit.frames == Some(self.frames)
    }

    /// Passes on a frame of a stream that stands still, for which it was asked: it is shown and counted, but is no part of what is played
    /// and recorded.
    pub(crate) fn show(&mut self, client: &Client, frame: &player::ReceivedFrame, position: Duration) {
        let now = Instant::now();
        // A frame that comes before the answer to PLAY is counted from where the stream stood before.
        let told = frame.position.filter(|told| told.abs_diff(position) < Duration::from_secs(1));
        let frame = PlayedFrame { position: told.or(Some(position)), ..client.copy_frame(frame) };
        let arrived = now.checked_sub(frame.age).unwrap_or(now);
        {
            let mut live = self.live();
            live.frames += 1;
            live.bytes += frame.jpeg.len() as u64;
        }
        // It may have been made long ago, and its age says nothing about the way that it came.
        self.put(PlayedFrame { since_capture: None, ..frame }, arrived, now);
    }

    fn put(&self, frame: PlayedFrame, arrived: Instant, now: Instant) {
        let info = FrameInfo {
            number: frame.number,
            position: frame.position,
            arrived,
            captured: frame.since_capture.map(|micros| (now, micros)),
            len: frame.jpeg.len(),
        };
        self.pipeline.put_frame(Encoded { jpeg: frame.jpeg, info });
    }
}
