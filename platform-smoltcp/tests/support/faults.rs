//! What a bad network does to frames, from a seed.
#![allow(dead_code, unreachable_pub, reason = "every user has another part in mind")]

use std::time::Duration;
use std::vec::Vec;

/// How many frames of a thousand suffer what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// They are lost.
    pub drop: u32,
    /// One bit of them is wrong, behind the Ethernet header.
    pub corrupt: u32,
    /// They come twice.
    pub duplicate: u32,
    /// They are late, so that others overtake them.
    pub reorder: u32,
}

/// How late a frame is that others overtake.
const LATE: Duration = Duration::from_millis(4);

const ETHERNET_HEADER_LEN: usize = 14;

/// Does it.
#[derive(Clone, Debug)]
pub struct Injector {
    /// What happens from now on.
    pub faults: Faults,
    random: u64,
}

impl Injector {
    pub fn new(seed: u64, faults: Faults) -> Self {
        Self { faults, random: seed }
    }

    /// Gives `deliver` what becomes of `frame`, and how much later than usual it comes.
    pub fn pass(&mut self, mut frame: Vec<u8>, mut deliver: impl FnMut(Duration, Vec<u8>)) {
        let Faults { drop, corrupt, duplicate, reorder } = self.faults;
        if self.happens(drop) {
            return;
        }
        if self.happens(corrupt) && is_ip(&frame) {
            let at = ETHERNET_HEADER_LEN + self.next() as usize % (frame.len() - ETHERNET_HEADER_LEN);
            frame[at] ^= 1 << (self.next() % 8);
        }
        if self.happens(duplicate) {
            deliver(Duration::ZERO, frame.clone());
        }
        let delay = if self.happens(reorder) { LATE } else { Duration::ZERO };
        deliver(delay, frame);
    }

    fn happens(&mut self, per_mille: u32) -> bool {
        per_mille != 0 && self.next() % 1000 < u64::from(per_mille)
    }

    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.random >> 33
    }
}

/// IPv4 or IPv6, whose payloads carry checksums. What else there is, ARP, relies on the cable's own check sequence: a real
/// receiver would never see it damaged.
fn is_ip(frame: &[u8]) -> bool {
    frame.len() > ETHERNET_HEADER_LEN && matches!(frame[12..14], [0x08, 0x00] | [0x86, 0xDD])
}
