//! The pictures of one stream of another node, on their way to the thread that shows them.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::bounds::{Holder, Room};
use super::exchange::{MAX_PICTURE, Sample};
use super::name::Address;
use super::stamp::Stamp;
use super::transit::Transit;
use super::work::Work;
use crate::input::Publisher;
use crate::media::live::Live;
use crate::media::{LeftOut, Packets};

/// The pictures of one stream.
pub(super) struct Feed {
    pub(super) address: Address,
    pub(super) live: Live,
    pub(super) shown: Publisher,
    /// What all streams have for pictures that nobody has looked at yet.
    room: Arc<Room>,
    slot: Mutex<Slot>,
    /// Known also while nobody watches.
    passed: Mutex<Passed>,
}

#[derive(Default)]
struct Slot {
    /// The newest picture that nobody has looked at yet.
    arrived: Option<Arrived>,
    /// Whose pictures it has.
    holder: Holder,
    /// It was said that there are others.
    has_told: bool,
}

/// A picture that has come.
pub(super) struct Arrived {
    pub(super) picture: Vec<u8>,
    pub(super) stamp: Stamp,
    pub(super) at: Instant,
    /// How many came and nobody has looked at since the one before.
    pub(super) replaced: u32,
}

/// The pictures so far.
#[derive(Default)]
pub(super) struct Passed {
    pub(super) transit: Transit,
    pub(super) packets: Packets,
}

impl Feed {
    pub(super) fn new(address: Address, live: Live, shown: Publisher, room: Arc<Room>) -> Self {
        Self { address, live, shown, room, slot: Mutex::default(), passed: Mutex::default() }
    }

    pub(super) fn passed(&self) -> MutexGuard<'_, Passed> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody watches it from now on.
    pub(super) fn begin(&self) {
        self.passed().transit.pause();
        self.slot().holder = Holder::default();
    }

    /// Another node has sent this; `work` will look at it, if nothing newer comes before that. `true`: two nodes send pictures of this
    /// stream, which is told once.
    pub(super) fn take(self: &Arc<Self>, sample: Sample<'_>, work: &Work<Self>) -> bool {
        let (Sample { payload, attachment, .. }, at) = (sample, Instant::now());
        let (stamp, mut slot) = (Stamp::parse(attachment), self.slot());
        let is_held = stamp.is_none_or(|stamp| slot.holder.has(stamp.incarnation, at));
        let is_news = !is_held && !mem::replace(&mut slot.has_told, true);
        let left_out = match stamp {
            _ if payload.len() > MAX_PICTURE || !is_held => Some(LeftOut::TooMany),
            None => Some(LeftOut::Damaged),
            Some(stamp) => self.keep(slot, payload, stamp, at, work),
        };
        if let Some(why) = left_out {
            self.live.leave_out(why);
        }
        is_news
    }

    /// Keeps a picture until it is looked at. Gives why one is left out, if one is.
    fn keep(
        self: &Arc<Self>,
        mut slot: MutexGuard<'_, Slot>,
        payload: &[u8],
        stamp: Stamp,
        at: Instant,
        work: &Work<Self>,
    ) -> Option<LeftOut> {
        let before = slot.arrived.as_ref().map_or(0, |before| before.picture.len());
        if !self.room.exchange(before, payload.len()) {
            return Some(LeftOut::Unready);
        }
        // Whoever replaces one that waits takes its memory and its turn.
        let before = slot.arrived.take();
        let replaced = before.as_ref().map_or(0, |before| before.replaced.saturating_add(1));
        let mut picture = before.map_or_else(|| self.shown.buffer(), |before| before.picture);
        picture.clear();
        picture.extend_from_slice(payload);
        slot.arrived = Some(Arrived { picture, stamp, at, replaced });
        drop(slot);
        if replaced > 0 {
            return Some(LeftOut::Unready);
        }
        work.note_arrived(Arc::clone(self));
        None
    }

    /// The picture that has come.
    pub(super) fn arrived(&self) -> Option<Arrived> {
        let arrived = self.slot().arrived.take()?;
        self.room.exchange(arrived.picture.len(), 0);
        Some(arrived)
    }
}
