//! The receive and the transmit buffer, which all clients of a loop share: each has them for its turn. Between two turns, a client
//! keeps as much memory as there is in them, which mostly is none.

use mutoscope::io::server::{Guard, Peer};
use mutoscope::media::catalogue::Medium;

/// What a client keeps is rounded up to this, so that it need not be moved for each byte that comes.
const GRAIN: usize = 256;

type Bytes = Box<[u8]>;

/// The two buffers, while nobody has them.
#[derive(Debug)]
pub(super) struct Buffers {
    rx: Bytes,
    tx: Bytes,
}

impl Buffers {
    pub(super) fn new(rx: usize, tx: usize) -> Self {
        Self { rx: zeroed(rx), tx: zeroed(tx) }
    }

    /// Lends them to a client for its turn, and gives what it kept since its last one.
    pub(super) fn lend<M: Medium, G: Guard>(&mut self, peer: &mut Peer<Bytes, M, G>) -> (Bytes, Bytes) {
        peer.exchange_buffers(std::mem::take(&mut self.rx), std::mem::take(&mut self.tx))
    }

    /// Takes them back. `kept`: what the client had before, which it gets again where that fits.
    pub(super) fn take_back<M: Medium, G: Guard>(&mut self, peer: &mut Peer<Bytes, M, G>, kept: (Bytes, Bytes)) {
        let (rx, tx) = peer.buffered();
        (self.rx, self.tx) = peer.exchange_buffers(fitting(kept.0, rx), fitting(kept.1, tx));
    }
}

fn zeroed(len: usize) -> Bytes {
    vec![0; len].into_boxed_slice()
}

/// Memory for `len` bytes, and not for many more.
fn fitting(kept: Bytes, len: usize) -> Bytes {
    let wanted = len.next_multiple_of(GRAIN);
    if kept.len() == wanted { kept } else { zeroed(wanted) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_keeps_is_what_it_has_in_its_buffers() {
        for (len, expected) in [(0, 0), (1, GRAIN), (GRAIN, GRAIN), (GRAIN + 1, 2 * GRAIN)] {
            assert_eq!(fitting(Bytes::default(), len).len(), expected);
        }
        let kept = zeroed(GRAIN);
        let at = kept.as_ptr();
        let again = fitting(kept, 7);
        assert_eq!(again.as_ptr(), at, "it was moved without need");
    }
}
