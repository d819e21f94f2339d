//! Numbered places for clients, so that an event's token leads to one without a search.

/// Values under small numbers that are given again once they are free.
#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    /// The number that [`insert`](Self::insert) will give next.
    pub(super) fn next_number(&self) -> usize {
        self.free.last().copied().unwrap_or(self.places.len())
    }

    pub(super) fn insert(&mut self, value: T) -> usize {
        let number = self.next_number();
        self.free.pop();
        match self.places.get_mut(number) {
            Some(place) => *place = Some(value),
            None => self.places.push(Some(value)),
        }
        number
    }

    pub(super) fn remove(&mut self, number: usize) -> Option<T> {
        let value = self.places.get_mut(number)?.take()?;
        self.free.push(number);
        Some(value)
    }

    pub(super) fn at(&mut self, number: usize) -> Option<&mut T> {
        self.places.get_mut(number)?.as_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(super) fn numbers(&self) -> Vec<usize> {
        self.places.iter().enumerate().filter_map(|(number, place)| place.as_ref().map(|_| number)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_numbers_are_given_again() {
        let mut slots = Slab::new();
        assert_eq!([slots.insert('a'), slots.insert('b'), slots.insert('c')], [0, 1, 2]);
        assert_eq!(slots.remove(1), Some('b'));
        assert_eq!(slots.remove(1), None);
        assert_eq!(slots.at(1), None);
        assert_eq!(slots.len(), 2);
        assert_eq!(slots.next_number(), 1);
        assert_eq!(slots.insert('d'), 1);
        assert_eq!(slots.numbers(), [0, 1, 2]);
        assert_eq!(slots.at(7), None);
    }
}
