//! A device behind a bad cable: drops, damages, doubles and delays frames, both ways.

use crate::faults::Injector;
use smoltcp::phy::{Device, DeviceCapabilities, RxToken, TxToken};
use smoltcp::time::{Duration, Instant};
use std::collections::BinaryHeap;

/// Frames on their way, the earliest first; frames of the same instant in the order in which they came.
#[derive(Debug, Default)]
struct Queue {
    frames: BinaryHeap<Waiting>,
    count: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    order: std::cmp::Reverse<(i64, u64)>,
    frame: Vec<u8>,
}

impl Queue {
    fn put(&mut self, now: Instant, injector: &mut Injector, frame: Vec<u8>) {
        injector.pass(frame, |delay, frame| {
            self.count += 1;
            let due = now + Duration::from(delay);
            self.frames.push(Waiting { order: std::cmp::Reverse((due.total_micros(), self.count)), frame });
        });
    }

    fn due(&self) -> Option<Instant> {
        self.frames.peek().map(|waiting| Instant::from_micros(waiting.order.0.0))
    }

    fn take(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.due()? > now {
            return None;
        }
        self.frames.pop().map(|waiting| waiting.frame)
    }
}

/// `D` behind the cable.
#[derive(Debug)]
pub(crate) struct Cable<D> {
    device: D,
    injector: Injector,
    rx: Queue,
    tx: Queue,
}

impl<D: Device> Cable<D> {
    pub(crate) fn new(device: D, injector: Injector) -> Self {
        Self { device, injector, rx: Queue::default(), tx: Queue::default() }
    }

    /// Sends what was put on the cable and has reached its end.
    pub(crate) fn flush(&mut self, now: Instant) {
        while self.tx.due().is_some_and(|due| due <= now) {
            let Some(token) = self.device.transmit(now) else { break };
            let Some(frame) = self.tx.take(now) else { break };
            token.consume(frame.len(), |out| out.copy_from_slice(&frame));
        }
    }

    /// When something that is on its way arrives.
    pub(crate) fn due(&self) -> Option<Instant> {
        [self.rx.due(), self.tx.due()].into_iter().flatten().min()
    }
}

impl<D: Device> Device for Cable<D> {
    type RxToken<'a>
        = Received
    where
        D: 'a;
    type TxToken<'a>
        = Sending<'a>
    where
        D: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Received, Sending<'_>)> {
        if let Some((token, _)) = self.device.receive(now) {
            let frame = token.consume(<[u8]>::to_vec);
            self.rx.put(now, &mut self.injector, frame);
        }
        let frame = self.rx.take(now)?;
        Some((Received(frame), Sending { queue: &mut self.tx, injector: &mut self.injector, now }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Sending<'_>> {
        Some(Sending { queue: &mut self.tx, injector: &mut self.injector, now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame that came through.
pub(crate) struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// A place on the cable.
pub(crate) struct Sending<'a> {
    queue: &'a mut Queue,
    injector: &'a mut Injector,
    now: Instant,
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.queue.put(self.now, self.injector, frame);
        result
    }
}
