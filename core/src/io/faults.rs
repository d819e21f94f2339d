//! A network that loses packets, on demand.

use super::{Datagram, Meta, Transmit};
use crate::random::Random;
use embedded_io::ErrorType;

/// How many datagrams are lost, and which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Loss {
    /// Datagrams lost of each thousand, on average; 0 loses none, 1000 and above all.
    pub per_mille: u16,
    /// Decides which ones: the same seed loses the same ones of the same sequence of datagrams.
    pub seed: u64,
}

/// A [`Datagram`] socket that loses some of what is sent and received through it, as networks do: a decorator for tests
/// and for trying out what a viewer will see.
///
/// Each datagram is lost or not for itself. The sender of a lost one is told that it left. Trains are not taken
/// ([`max_datagrams`](Datagram::max_datagrams) is 1) while anything is to be lost, so that each datagram of a frame has a fate of
/// its own.
#[derive(Debug)]
pub struct Faults<D> {
    inner: D,
    loss: Loss,
    /// Of the random numbers.
    state: Random,
    dropped: u64,
}

impl<D> Faults<D> {
    /// Around `inner`.
    pub const fn new(inner: D, loss: Loss) -> Self {
        Self { inner, loss, state: Random::new(loss.seed), dropped: 0 }
    }

    /// The socket inside.
    pub const fn inner(&self) -> &D {
        &self.inner
    }

    /// The socket inside; what is sent and received there is not lost.
    pub const fn inner_mut(&mut self) -> &mut D {
        &mut self.inner
    }

    /// Datagrams lost so far, in both directions.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The fate of the next datagram, and the state after it: kept when there is such a datagram.
    const fn peek(&self) -> (bool, Random) {
        if self.loss.per_mille == 0 {
            return (false, self.state);
        }
        let mut state = self.state;
        (state.bits() % 1000 < self.loss.per_mille as u64, state)
    }

    const fn commit_loss(&mut self, state: Random) {
        self.state = state;
        self.dropped = self.dropped.saturating_add(1);
    }
}

impl<D: ErrorType> ErrorType for Faults<D> {
    type Error = D::Error;
}

impl<D: Datagram> Datagram for Faults<D> {
    fn send(&mut self, transmit: &Transmit<'_>) -> Result<usize, Self::Error> {
        let (lost, state) = self.peek();
        if lost {
            self.commit_loss(state);
            return Ok(1);
        }
        let sent = self.inner.send(transmit)?;
        if sent > 0 {
            self.state = state;
        }
        Ok(sent)
    }

    fn max_datagrams(&self) -> usize {
        if self.loss.per_mille == 0 { self.inner.max_datagrams() } else { 1 }
    }

    fn tells_room(&self) -> bool {
        self.inner.tells_room()
    }

    /// Lends the next datagram that is not lost. Lost ones before it are taken from the socket, so `None` still means that
    /// nothing waits there.
    fn recv<R>(&mut self, f: impl FnOnce(Meta, &[u8]) -> R) -> Result<Option<R>, Self::Error> {
        loop {
            let (lost, state) = self.peek();
            if !lost {
                let received = self.inner.recv(f)?;
                if received.is_some() {
                    self.state = state;
                }
                return Ok(received);
            }
            if self.inner.recv(|_, _| ())?.is_none() {
                return Ok(None);
            }
            self.commit_loss(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;
    use core::net::{Ipv4Addr, SocketAddr};
    use std::collections::VecDeque;
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
        Faults::new(Loopback { queue: VecDeque::new(), room }, Loss { per_mille, seed })
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
}
