//! Who has a session, one by one: for those who run the server, not for graphs.
#![cfg_attr(not(feature = "http"), allow(dead_code, reason = "it is the web server that asks"))]

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use mutoscope::media::catalogue::Medium;
use mutoscope::session::{MediaTransport, State};

use super::clients::Clients;
use super::door::{About, Door};

/// A session of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: Id,
    pub(crate) peer: SocketAddr,
    /// `udp` or `tcp`; of a publisher nothing.
    pub(crate) transport: Option<&'static str>,
    pub(crate) about: About,
    pub(crate) is_publisher: bool,
    pub(crate) is_playing: bool,
    /// Frames of its present stream that were sent, and those that were left out.
    pub(crate) frames: (u32, u32),
}

/// What tells a session from others. The port is part of it: places of clients are given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    /// The loop.
    pub(crate) at: usize,
    pub(crate) number: usize,
    pub(crate) port: u16,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.at, self.number, self.port)
    }
}

/// A list to which each loop adds its own.
#[derive(Debug)]
pub(crate) struct Roll(Mutex<Entries>);

#[derive(Debug)]
struct Entries {
    sessions: Vec<Session>,
    /// Loops that have not been heard.
    missing: usize,
    waiting: Option<Waker>,
}

impl Roll {
    pub(super) fn new(loops: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Entries { sessions: Vec::new(), missing: loops, waiting: None })))
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loop `at` adds its sessions.
    pub(super) fn add<M: Medium, D: Door>(&self, at: usize, clients: &mut Clients<M, D>, door: &D) {
        let mut found = Vec::new();
        for number in clients.numbers() {
            let Some(slot) = clients.at(number) else { continue };
            let (peer, is_publisher) = (&slot.peer, slot.peer.received().is_some());
            if !peer.is_viewer() && !is_publisher {
                continue;
            }
            let transport = peer.transport().map(|transport| match transport {
                MediaTransport::Udp { .. } => "udp",
                MediaTransport::Interleaved { .. } => "tcp",
            });
            let counts = peer.counts();
            found.push(Session {
                id: Id { at, number, port: peer.peer().port() },
                peer: peer.peer(),
                transport,
                about: door.about(peer.visit()),
                is_publisher,
                is_playing: peer.state() == State::Playing,
                frames: (
                    counts.frames,
                    counts.skipped.saturating_add(counts.unready).saturating_add(counts.unsendable),
                ),
            });
        }
        let waiting = {
            let mut entries = self.lock();
            entries.sessions.append(&mut found);
            entries.missing = entries.missing.saturating_sub(1);
            if entries.missing == 0 { entries.waiting.take() } else { None }
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Whether all loops have been heard.
    pub(crate) fn poll(&self, waker: &Waker) -> Poll<()> {
        let mut entries = self.lock();
        if entries.missing == 0 {
            return Poll::Ready(());
        }
        entries.waiting = Some(waker.clone());
        Poll::Pending
    }

    pub(crate) fn take(&self) -> Vec<Session> {
        std::mem::take(&mut self.lock().sessions)
    }
}
