//! A port for RTP, which notes when each packet comes.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::frames::Packet;

/// More packets than any lab's server sends in the time of a check, and more bytes.
const MOST: usize = 20_000;
const MOST_BYTES: usize = 64 << 20;

/// A port that is listened at until this value goes.
#[derive(Debug)]
pub(super) struct Media {
    pub(super) port: u16,
    packets: Arc<Mutex<Vec<Packet>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Media {
    pub(super) fn open() -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let port = socket.local_addr()?.port();
        let (packets, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let thread = thread::spawn({
            let (packets, stop) = (Arc::clone(&packets), Arc::clone(&stop));
            move || {
                let (mut buffer, mut bytes) = (vec![0; 65_536], 0);
                while !stop.load(Ordering::Relaxed) {
                    let Ok(len) = socket.recv(&mut buffer) else { continue };
                    let mut packets = packets.lock().unwrap_or_else(PoisonError::into_inner);
                    bytes += len;
                    if packets.len() < MOST && bytes < MOST_BYTES {
                        packets.push(Packet { at: Instant::now(), bytes: buffer[..len].to_vec() });
                    }
                }
            }
        });
        Ok(Self { port, packets, stop, thread: Some(thread) })
    }

    /// What has come since the last call.
    pub(super) fn take(&self) -> Vec<Packet> {
        std::mem::take(&mut *self.packets.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many have come since the last [`take`](Self::take).
    pub(super) fn count(&self) -> usize {
        self.packets.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}
