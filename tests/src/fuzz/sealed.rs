//! The target of encrypted streams: packets that are sealed, lost, repeated, swapped and changed on their way.

use super::Cursor;
use mutoscope::rtp::fragment::{Fragments, lab};
use mutoscope::rtp::packet::Packet;
use mutoscope::rtp::protect::Protect as _;
use mutoscope::rtp::sender::Sender;
use mutoscope::srtp::{Keys, Mki, Opener, Rejected, Sealer};
use std::collections::{BTreeMap, BTreeSet};

const SSRC: u32 = 0xCAFE_BABE;
/// How far behind the highest packet one is still taken (RFC 3711 section 3.3.2 wants 64 at least).
const WINDOW: u64 = 128;

/// A packet on its way.
struct Sent {
    /// Its number since the stream began, which does not begin anew.
    number: u64,
    sealed: Vec<u8>,
    clear: Vec<u8>,
}

/// The first bytes are the first sequence number and the length of the key's name; each of the following pairs sends, loses, delays,
/// repeats or changes a packet.
pub fn stream(data: &[u8]) {
    let mut input = Cursor(data);
    let [high, low, name] = input.array();
    let first = u16::from_be_bytes([high & 0x7f, low]);
    let mki = Mki::new(&[1, 2, 3, 4][..usize::from(name % 5)]).expect("it is short");
    let keys = Keys::new([7; 16], [9; 14]).with_mki(mki);
    let (mut sealer, mut opener) = (Sealer::new(&keys), Opener::new(&keys));
    let mut number = u64::from(first);
    let (mut sent, mut taken, mut reports): (Vec<Sent>, BTreeSet<u64>, u32) = (Vec::new(), BTreeSet::new(), 0);
    for operation in input.0.chunks_exact(2).take(400) {
        let &[what, how] = operation else { continue };
        match what % 8 {
            // The next one arrives.
            0 | 1 => {
                sent.push(seal(&mut sealer, number, how));
                let at = sent.len() - 1;
                number += 1;
                receive(&mut opener, &mut taken, &sent[at]);
            }
            // The next ones are late, or lost. Who misses half a round cannot tell how many.
            2 => {
                sent.push(seal(&mut sealer, number, how));
                number += 1;
            }
            3 => {
                let far = if taken.is_empty() { 0 } else { u64::from(how) * 100 };
                if number + far < taken.last().map_or(number, |&last| last + 30_000) {
                    number += far;
                }
            }
            // One from before arrives, perhaps again.
            4 => {
                if let Some(packet) = sent.iter().rev().nth(how.into()) {
                    receive(&mut opener, &mut taken, packet);
                }
            }
            // One from before is sealed again, for want of room.
            5 => {
                if let Some(packet) = sent.last() {
                    assert_eq!(seal(&mut sealer, packet.number, (packet.clear.len() - 12) as u8).sealed, packet.sealed);
                }
            }
            // A packet or a report that was changed, or is none, is nothing.
            6 => {
                let Some(packet) = sent.last() else { continue };
                let mut changed = packet.sealed.clone();
                let at = usize::from(how) % changed.len();
                changed[at] ^= (what >> 3) | 1;
                let before = changed.clone();
                assert!(opener.open(&mut changed).is_err() && changed == before);
                assert!(opener.open_report(&mut changed).is_err() && changed == before);
                let mut short = packet.sealed[..at].to_vec();
                assert!(opener.open(&mut short).is_err() && short == packet.sealed[..at]);
            }
            _ => {
                let report = [&[0x80, 200, 0, 1][..], &SSRC.to_be_bytes(), &vec![how; usize::from(what)]].concat();
                let mut buffer = [0; 600];
                let len = sealer.seal_report(&report, &mut buffer).expect("it fits");
                let mut changed = buffer;
                changed[usize::from(how) % len] ^= what | 1;
                assert!(opener.open_report(&mut changed[..len]).is_err());
                let mut again = buffer;
                assert_eq!(opener.open_report(&mut buffer[..len]), Ok(report.len()));
                assert_eq!(buffer[..report.len()], report);
                assert_eq!(opener.open_report(&mut again[..len]), Err(Rejected::Replayed));
                assert_eq!(again[report.len()..][..4], (reports | 1 << 31).to_be_bytes());
                reports += 1;
            }
        }
    }
    check_keystreams(&sent);
}

/// No two packets were encrypted with the same bytes.
fn check_keystreams(sent: &[Sent]) {
    let mut streams: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for packet in sent {
        let keystream = packet.sealed[12..].iter().zip(&packet.clear[12..]).map(|(a, b)| a ^ b);
        let begin: Vec<u8> = keystream.take(16).collect();
        if begin.len() == 16
            && let Some(other) = streams.insert(packet.number, begin.clone())
        {
            assert_eq!(other, begin);
        }
    }
    let distinct: BTreeSet<_> = streams.values().collect();
    assert_eq!(distinct.len(), streams.len(), "two packets have one keystream");
}

/// The packet with this number; `len` bytes of payload.
fn seal(sealer: &mut Sealer, number: u64, len: u8) -> Sent {
    let frame: Vec<u8> = (0..len.max(1)).map(|at| at ^ number as u8).collect();
    let fragments = Fragments::Lab(lab::Fragments::whole(frame.len() as u32));
    let packet = Packet::new(&Sender::new(SSRC, number as u16), 9000, &fragments, 0, &frame).expect("it is a frame");
    let mut room = sealer.room();
    let sealed = sealer.protect(&packet, &mut room).expect("it fits").concat();
    assert_eq!(sealed.len(), packet.len() + sealer.overhead());
    Sent { number, sealed, clear: packet.segments().concat() }
}

/// Each packet is taken once, unless it is too old.
fn receive(opener: &mut Opener, taken: &mut BTreeSet<u64>, packet: &Sent) {
    let newest = taken.last().copied();
    let is_old = newest.is_some_and(|newest| packet.number + WINDOW <= newest);
    let mut bytes = packet.sealed.clone();
    let opened = opener.open(&mut bytes);
    // The first packet that arrives says where the numbers are; in the first round nothing has gone before it.
    let is_lost = newest.is_none() && packet.number >= 1 << 16;
    match opened {
        Ok(len) => {
            assert!(taken.insert(packet.number) && !is_old && bytes[..len] == packet.clear);
        }
        Err(rejected) => {
            assert!(is_old || is_lost || taken.contains(&packet.number), "{rejected:?} of {}", packet.number);
            assert_eq!(bytes, packet.sealed, "what is rejected is left as it is");
        }
    }
}

/// Streams that begin at the end of a round, with each operation.
pub fn stream_seeds() -> Vec<Vec<u8>> {
    let all =
        [[0, 20], [2, 30], [0, 40], [4, 1], [4, 1], [5, 0], [6, 13], [14, 200], [3, 200], [1, 9], [7, 33], [0, 16]];
    let rounds = [[0, 16], [3, 255]].repeat(40);
    [[0x7f, 0xfe, 0], [0, 0, 4], [0, 1, 1]]
        .iter()
        .flat_map(|start| {
            [[start, all.as_flattened()].concat(), [start, rounds.as_flattened(), all.as_flattened()].concat()]
        })
        .collect()
}
