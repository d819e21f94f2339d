//! A fair share of one turn: a client that asks faster than it can be answered must not keep the others waiting.

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use mutoscope::io::Stream;

/// Reads per client and turn; each fills what is free of its receive buffer.
const READS: u8 = 2;

/// A stream that seems to have nothing more to read once its ration for this turn is used up.
pub(super) struct Rationed<'a, S> {
    stream: &'a mut S,
    reads_left: u8,
    cut_short: bool,
}

impl<'a, S: Stream> Rationed<'a, S> {
    pub(super) fn new(stream: &'a mut S) -> Self {
        Self { stream, reads_left: READS, cut_short: false }
    }

    /// More waits that no event will report: service the client again in the next turn.
    pub(super) fn was_cut_short(&self) -> bool {
        self.cut_short
    }
}

impl<S: ErrorType> ErrorType for Rationed<'_, S> {
    type Error = S::Error;
}

impl<S: Stream> ReadReady for Rationed<'_, S> {
    fn read_ready(&mut self) -> Result<bool, S::Error> {
        let ready = self.stream.read_ready()?;
        self.cut_short = ready && self.reads_left == 0;
        Ok(ready && !self.cut_short)
    }
}

impl<S: Stream> Read for Rationed<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, S::Error> {
        self.reads_left = self.reads_left.saturating_sub(1);
        self.stream.read(buffer)
    }
}

impl<S: Stream> WriteReady for Rationed<'_, S> {
    fn write_ready(&mut self) -> Result<bool, S::Error> {
        self.stream.write_ready()
    }
}

impl<S: Stream> Write for Rationed<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, S::Error> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> Result<(), S::Error> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Always has one more byte.
    struct Endless;

    impl ErrorType for Endless {
        type Error = Infallible;
    }

    impl ReadReady for Endless {
        fn read_ready(&mut self) -> Result<bool, Infallible> {
            Ok(true)
        }
    }

    impl Read for Endless {
        fn read(&mut self, _: &mut [u8]) -> Result<usize, Infallible> {
            Ok(1)
        }
    }

    impl WriteReady for Endless {
        fn write_ready(&mut self) -> Result<bool, Infallible> {
            Ok(true)
        }
    }

    impl Write for Endless {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }

    #[test]
    fn an_endless_stream_of_requests_is_interrupted_and_not_forgotten() {
        let mut endless = Endless;
        let mut turn = Rationed::new(&mut endless);
        let mut reads = 0;
        while turn.read_ready().unwrap() {
            assert!(!turn.was_cut_short());
            reads += turn.read(&mut [0]).unwrap();
        }
        assert_eq!(reads, usize::from(READS));
        assert!(turn.was_cut_short());
        assert!(turn.write_ready().unwrap(), "answers may leave all the same");
    }
}
