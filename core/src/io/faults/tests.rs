//! Which datagrams come through, and when.

use super::*;
use core::convert::Infallible;
use core::net::{Ipv4Addr, SocketAddr};
use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

const SOMEBODY: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5004);

/// What is sent comes back; there is room for so many.
struct Loopback {
    queue: VecDeque<Vec<u8>>,
    room: usize,
}

impl ErrorType for Loopback {
    type Error = Infallible;
}

impl Datagram for Loopback {
    fn send(&mut self, transmit: &Transmit<'_>) -> Result<usize, Infallible> {
        let sent = self.queue.len() < self.room;
        if sent {
            self.queue.push_back(transmit.segments.concat());
        }
        Ok(sent.into())
    }

    fn max_datagrams(&self) -> usize {
        8
    }

    fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, Infallible> {
        let meta = Meta { from: SOMEBODY, to: None };
        Ok(self.queue.pop_front().map(|bytes| f(meta, &bytes)))
    }
}

fn network(room: usize, per_mille: u16, seed: u64) -> Faults<Loopback> {
    Faults::new(
        Loopback { queue: VecDeque::new(), room },
        Impairments { loss: per_mille, seed, ..Impairments::default() },
    )
}

/// Which of a thousand datagrams come out of a socket that they wait in.
fn survivors(per_mille: u16, seed: u64) -> (Vec<u16>, u64) {
    let mut network = network(1000, per_mille, seed);
    for number in 0..1000_u16 {
        assert_eq!(network.inner_mut().send(&Transmit::one(SOMEBODY, &[&number.to_be_bytes()])), Ok(1));
    }
    let mut numbers = Vec::new();
    while let Ok(Some(number)) = network.recv(|_, bytes| u16::from_be_bytes(bytes.try_into().unwrap())) {
        numbers.push(number);
    }
    assert!(network.inner().queue.is_empty(), "nothing left means nothing left");
    (numbers, network.dropped())
}

#[test]
fn about_the_share_that_was_asked_for_is_lost() {
    for (per_mille, least, most) in [(0, 1000, 1000), (50, 930, 970), (500, 450, 550), (1000, 0, 0), (9999, 0, 0)] {
        let (numbers, dropped) = survivors(per_mille, 7);
        assert!((least..=most).contains(&numbers.len()), "{per_mille} per mille: {} are left", numbers.len());
        assert_eq!(numbers.len() as u64 + dropped, 1000);
    }
}

#[test]
fn a_seed_always_loses_the_same_datagrams_and_another_one_others() {
    assert_eq!(survivors(100, 1), survivors(100, 1));
    assert_ne!(survivors(100, 1), survivors(100, 2));
}

#[test]
fn a_lost_datagram_counts_as_sent() {
    let mut network = network(1000, 300, 3);
    for _ in 0..1000 {
        assert_eq!(network.send(&Transmit::one(SOMEBODY, &[b"head", b"payload"])), Ok(1));
    }
    assert_eq!(network.inner().queue.len() as u64 + network.dropped(), 1000);
    assert!(network.inner().queue.iter().all(|bytes| bytes == b"headpayload"));
}

#[test]
fn asking_in_vain_changes_no_fate() {
    let (mut patient, mut impatient) = (network(1000, 500, 5), network(1000, 500, 5));
    for number in 0..100_u8 {
        for _ in 0..number % 3 {
            assert_eq!(impatient.recv(|_, _| ()), Ok(None));
        }
        patient.inner_mut().send(&Transmit::one(SOMEBODY, &[&[number]])).unwrap();
        impatient.inner_mut().send(&Transmit::one(SOMEBODY, &[&[number]])).unwrap();
        let read = |_: Meta, bytes: &[u8]| bytes.to_vec();
        assert_eq!(patient.recv(read), impatient.recv(read));
    }
}

#[test]
fn no_room_is_passed_on_and_is_no_loss() {
    let mut network = network(0, 400, 11);
    let refused = (0..100).filter(|_| network.send(&Transmit::one(SOMEBODY, &[b"x"])) == Ok(0)).count();
    // The fate of the first that would have left does not change by waiting.
    assert!(refused > 0 && refused as u64 + network.dropped() == 100);
}

#[test]
fn trains_leave_one_by_one_only_where_some_may_be_lost() {
    assert_eq!((network(1, 0, 0).max_datagrams(), network(1, 1, 0).max_datagrams()), (8, 1));
    let mut perfect = network(1, 0, 0);
    assert_eq!(perfect.send(&Transmit { segment_size: Some(4), ..Transmit::one(SOMEBODY, &[b"train"]) }), Ok(1));
    assert_eq!(perfect.inner().queue, [b"train".to_vec()]);
}

/// What comes out of a network in the course of a second, with the milliseconds at which it does. A datagram with its number comes in
/// each millisecond.
fn second(impairments: Impairments, len: usize) -> (Vec<(u64, u16)>, u64) {
    let inner = Loopback { queue: VecDeque::new(), room: 1000 };
    let mut network = Faults::<_, _, 512>::with_memory(inner, impairments, vec![0; 256 * 1024]);
    let mut came = Vec::new();
    for milli in 0..3000_u64 {
        network.set_now(Instant::from_millis(milli));
        if milli < 1000 {
            let mut bytes = vec![0; len];
            bytes[..2].copy_from_slice(&(milli as u16).to_be_bytes());
            network.inner_mut().send(&Transmit::one(SOMEBODY, &[&bytes])).unwrap();
        }
        while let Ok(Some(number)) = network.recv(|meta, bytes| {
            assert_eq!((meta.from, bytes.len()), (SOMEBODY, len));
            u16::from_be_bytes([bytes[0], bytes[1]])
        }) {
            came.push((milli, number));
        }
    }
    assert!(network.poll_timeout().is_none(), "nothing waits for ever");
    (came, network.dropped())
}

#[test]
fn a_delay_is_that_of_each_datagram() {
    let (came, dropped) = second(Impairments { delay: Duration::from_millis(80), ..Impairments::default() }, 100);
    assert_eq!((came.len(), dropped), (1000, 0));
    assert!(came.iter().all(|(milli, number)| *milli == u64::from(*number) + 80));
}

#[test]
fn jitter_spreads_them_evenly_up_to_its_bound() {
    let (came, dropped) = second(Impairments { jitter: Duration::from_millis(40), ..Impairments::default() }, 100);
    assert_eq!((came.len(), dropped), (1000, 0));
    let late: Vec<u64> = came.iter().map(|(milli, number)| milli - u64::from(*number)).collect();
    let mean = late.iter().sum::<u64>() / 1000;
    assert!(late.iter().all(|late| *late <= 41) && (18..=23).contains(&mean), "{mean}");
    assert!(came.windows(2).any(|pair| pair[0].1 > pair[1].1), "some overtake others");
}

#[test]
fn some_come_twice_and_some_are_overtaken() {
    let (came, dropped) = second(Impairments { duplication: 100, ..Impairments::default() }, 100);
    assert!((1070..=1130).contains(&came.len()) && dropped == 0, "{}", came.len());
    let mut numbers: Vec<_> = came.iter().map(|(_, number)| *number).collect();
    numbers.dedup();
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
    let (came, dropped) = second(Impairments { reordering: 50, ..Impairments::default() }, 100);
    let late = came.iter().filter(|(milli, number)| *milli == u64::from(*number) + 20).count();
    let in_time = came.iter().filter(|(milli, number)| *milli == u64::from(*number)).count();
    assert!((30..=70).contains(&late) && late + in_time == 1000 && dropped == 0, "{late}");
}

#[test]
fn a_narrow_line_makes_a_queue_and_loses_what_is_too_far_behind() {
    // 1000 datagrams of 1000 bytes in a second are 8 Mbit/s.
    let (came, dropped) = second(Impairments { rate: 4_000_000, ..Impairments::default() }, 1000);
    assert_eq!(came.len() as u64 + dropped, 1000);
    assert!((230..=270).contains(&dropped), "{dropped}: half a second of a line's time waits, and the rest is lost");
    assert!(came.windows(2).all(|pair| pair[0].1 < pair[1].1));
    let longest = came.iter().map(|(milli, number)| milli - u64::from(*number)).max().unwrap();
    assert!((495..=505).contains(&longest), "{longest}");
    let (came, dropped) = second(Impairments { rate: 9_000_000, ..Impairments::default() }, 1000);
    assert_eq!((came.len(), dropped), (1000, 0));
}

#[test]
fn all_together_lose_nothing_silently_and_do_the_same_again() {
    let all = Impairments {
        loss: 50,
        duplication: 30,
        reordering: 30,
        delay: Duration::from_millis(30),
        jitter: Duration::from_millis(10),
        rate: 20_000_000,
        seed: 4,
    };
    let (came, dropped) = second(all, 500);
    assert_eq!(second(all, 500), (came.clone(), dropped));
    assert_ne!(second(Impairments { seed: 5, ..all }, 500).0, came);
    let mut numbers: Vec<_> = came.iter().map(|(_, number)| *number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len() as u64 + dropped, 1000);
}

#[test]
fn what_waits_comes_after_all_is_well_again() {
    let inner = Loopback { queue: VecDeque::new(), room: 10 };
    let delay = Impairments { delay: Duration::from_millis(50), ..Impairments::default() };
    let mut network = Faults::<_, _, 8>::with_memory(inner, delay, [0; 64]);
    network.inner_mut().send(&Transmit::one(SOMEBODY, &[b"old"])).unwrap();
    assert_eq!(network.recv(|_, _| ()), Ok(None));
    network.set_impairments(Impairments::default());
    network.inner_mut().send(&Transmit::one(SOMEBODY, &[b"new"])).unwrap();
    assert_eq!(network.poll_timeout(), Some(Instant::from_millis(50)));
    let read = |_: Meta, bytes: &[u8]| bytes.to_vec();
    assert_eq!(network.recv(read), Ok(Some(b"new".to_vec())));
    network.set_now(Instant::from_millis(50));
    assert_eq!(network.recv(read), Ok(Some(b"old".to_vec())));
    assert_eq!((network.recv(read), network.poll_timeout()), (Ok(None), None));
}
