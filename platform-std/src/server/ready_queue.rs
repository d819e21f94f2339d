//! Who is to be serviced: each client once a turn, however many reasons there are.

use std::collections::VecDeque;

/// Numbers of clients in the order in which they asked for service.
#[derive(Debug, Default)]
pub(super) struct ReadyQueue {
    waiting: VecDeque<usize>,
    /// Whether a number is among them: a client who is listed twice would be serviced twice, and one who sends faster
    /// than it can be answered would then double its share of the processor turn by turn.
    listed: Vec<bool>,
}

impl ReadyQueue {
    pub(super) fn push(&mut self, number: usize) {
        if number >= self.listed.len() {
            self.listed.resize(number + 1, false);
        }
        if !std::mem::replace(&mut self.listed[number], true) {
            self.waiting.push_back(number);
        }
    }

    /// The next one; from now on it may be listed again.
    pub(super) fn pop(&mut self) -> Option<usize> {
        let number = self.waiting.pop_front()?;
        self.listed[number] = false;
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_one_turn_however_often_it_is_listed() {
        let mut turns = ReadyQueue::default();
        // In each turn an event comes in for a client that the turn before did not finish.
        for _ in 0..10 {
            turns.push(5);
            turns.push(0);
            turns.push(5);
            for expected in [5, 0] {
                assert_eq!(turns.pop(), Some(expected));
                turns.push(5);
            }
        }
        assert_eq!(turns.pop(), Some(5));
        assert!(turns.pop().is_none());
    }
}
