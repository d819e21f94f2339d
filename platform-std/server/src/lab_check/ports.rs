//! Ports for programs that want to be told one.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// Below those that systems give to connections, so that none takes it before the program does.
const RANGE: (u64, u64) = (10_000, 30_000);

/// An even port that nobody has, neither for TCP nor for UDP.
pub(super) fn free() -> Result<u16> {
    let (low, high) = RANGE;
    let mut seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64);
    seed ^= u64::from(std::process::id()) << 32;
    let tries = std::iter::repeat_with(|| {
        // An odd multiplier and the upper bits: other checks that begin at the same time look elsewhere.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (low + (seed >> 33) % (high - low)) as u16 & !1
    });
    let is_free = |&port: &u16| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
    };
    tries.take(200).find(is_free).context("there is no free port")
}
