//! Whose a datagram is: one loop reads the UDP sockets, and the clients of all are asked.

use std::net::SocketAddr;
use std::sync::Arc;

use mutoscope::io::server::{Claims, Guard};
use mutoscope::media::catalogue::Medium;
use mutoscope::time::Instant;

use super::clients::Clients;
use super::post::{Known, Letter, Mailbox, Vote};
use super::schedule::Schedule;

/// One loop, while it takes datagrams.
pub(super) struct Reception<'a, M: Medium, G: Guard> {
    pub(super) now: Instant,
    /// The loop's number.
    pub(super) at: usize,
    /// Of all loops.
    pub(super) mailboxes: &'a [Mailbox],
    pub(super) clients: &'a mut Clients<M, G>,
    pub(super) schedule: &'a mut Schedule,
    pub(super) known: &'a mut Known,
}

impl<M: Medium, G: Guard> Reception<'_, M, G> {
    /// A datagram came to the RTP socket: it opens a firewall and tells by which port its client is reached, or it is what a publisher
    /// sends.
    pub(super) fn handle_rtp(&mut self, from: SocketAddr, packet: &[u8]) {
        if self.mailboxes.len() == 1 {
            let mut claims = Claims::default();
            self.clients.claim_rtp(self.now, from, &mut claims, |number| number);
            match claims.recipient() {
                Some(number) => self.take(number, from, packet),
                None => log::trace!("{} bytes of RTP from a stranger, {from}", packet.len()),
            }
        } else if let Some(name) = self.known.recipient(self.now, from) {
            self.deliver(name, from, packet);
        } else {
            let vote = Vote::new(from, packet, self.mailboxes.len());
            self.known.learn(self.now, &vote);
            for mailbox in self.others() {
                mailbox.post(Letter::Vote(Arc::clone(&vote)));
            }
            self.vote(&vote);
        }
    }

    /// A datagram came to the RTCP socket: a report, which tells by itself whose it is.
    pub(super) fn handle_rtcp(&mut self, from: SocketAddr, compound: &[u8]) {
        if self.mailboxes.len() > 1 {
            let compound: Arc<[u8]> = compound.into();
            for mailbox in self.others() {
                mailbox.post(Letter::Rtcp { from, compound: Arc::clone(&compound) });
            }
        }
        self.take_report(from, compound);
    }

    /// Something came from another loop. What is not for here is given back.
    pub(super) fn handle_letter(&mut self, letter: Letter) -> Option<Letter> {
        match letter {
            Letter::Rtp { number, from, packet } => self.take(number, from, &packet),
            Letter::Rtcp { from, compound } => self.take_report(from, &compound),
            Letter::Vote(vote) => self.vote(&vote),
            Letter::Connection(_) | Letter::Census(_) | Letter::Roll(_) | Letter::End(_) => return Some(letter),
        }
        None
    }

    /// This loop is heard.
    fn vote(&mut self, vote: &Vote) {
        let (at, loops) = (self.at, self.mailboxes.len());
        let from = vote.from;
        let name = vote.cast(|claims| self.clients.claim_rtp(self.now, from, claims, |number| number * loops + at));
        if let Some(name) = name {
            self.deliver(name, from, &vote.packet);
        }
    }

    /// `name`: the client's number and its loop's in one.
    fn deliver(&mut self, name: usize, from: SocketAddr, packet: &[u8]) {
        let loops = self.mailboxes.len();
        let (number, at) = (name / loops, name % loops);
        if at == self.at {
            self.take(number, from, packet);
        } else {
            self.mailboxes[at].post(Letter::Rtp { number, from, packet: packet.into() });
        }
    }

    fn take(&mut self, number: usize, from: SocketAddr, packet: &[u8]) {
        if self.clients.handle_rtp(self.now, number, from, packet) {
            self.schedule.push(number);
        }
    }

    fn take_report(&mut self, from: SocketAddr, compound: &[u8]) {
        // A report can only make a client's deadline later, so its timer may stay.
        if !self.clients.handle_rtcp(self.now, from, compound) {
            log::trace!("{} bytes of RTCP from a stranger, {from}", compound.len());
        }
    }

    fn others(&self) -> impl Iterator<Item = &Mailbox> {
        let at = self.at;
        self.mailboxes.iter().enumerate().filter(move |&(number, _)| number != at).map(|(_, mailbox)| mailbox)
    }
}
