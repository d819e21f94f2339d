//! Quantisation tables that a sender sends once (RFC 2435 section 4.2).

use crate::wire::rtp_jpeg::Quantization;
use heapless::Vec;

/// The number of values of Q for which tables are kept. Senders use one or two.
const CAPACITY: usize = 4;

/// Two tables of up to 128 bytes.
const MAX_LEN: usize = 256;

/// The tables last sent for each Q from 128 to 254.
#[derive(Clone, Debug, Default)]
pub(super) struct TableCache {
    entries: Vec<Entry, CAPACITY, u8>,
}

#[derive(Clone, Debug)]
struct Entry {
    q: u8,
    precision: u8,
    tables: Vec<u8, MAX_LEN, u16>,
}

impl TableCache {
    /// Keeps the tables that came with a frame of this Q. The tables of the Q that came longest ago are forgotten if there
    /// is no room.
    ///
    /// RFC 2435 says that they never change for a Q. If a sender changes them all the same, the newer ones are right.
    pub(super) fn insert(&mut self, q: u8, quantization: Quantization<'_>) {
        // Bytes beyond two tables have no meaning.
        let used = quantization.tables.get(..MAX_LEN).unwrap_or(quantization.tables);
        let Ok(tables) = Vec::from_slice(used) else { return };
        self.entries.retain(|entry| entry.q != q);
        if self.entries.is_full() {
            self.entries.remove(0);
        }
        // There is room for one entry now.
        let _ = self.entries.push(Entry { q, precision: quantization.precision, tables });
    }

    /// The tables for this Q, if they have come.
    pub(super) fn find(&self, q: u8) -> Option<Quantization<'_>> {
        let entry = self.entries.iter().find(|entry| entry.q == q)?;
        Some(Quantization { precision: entry.precision, tables: &entry.tables })
    }

    /// Forgets all tables, since those of another sender may differ.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(fill: u8) -> [u8; 128] {
        [fill; 128]
    }

    #[test]
    fn tables_are_found_by_their_q() {
        let mut cache = TableCache::default();
        for q in 128..132 {
            cache.insert(q, Quantization { precision: 0, tables: &tables(q) });
        }
        for q in 128..132 {
            assert_eq!(cache.find(q), Some(Quantization { precision: 0, tables: &tables(q) }));
        }
        assert_eq!(cache.find(132), None);
        cache.clear();
        assert_eq!(cache.find(128), None);
    }

    #[test]
    fn the_longest_unsent_tables_are_forgotten_first() {
        let mut cache = TableCache::default();
        for q in [128, 129, 130, 131, 128, 200] {
            cache.insert(q, Quantization { precision: 0, tables: &tables(q) });
        }
        assert_eq!(cache.find(129), None);
        assert!([128, 130, 131, 200].iter().all(|&q| cache.find(q).is_some()));
    }

    #[test]
    fn newer_tables_replace_older_ones() {
        let mut cache = TableCache::default();
        cache.insert(128, Quantization { precision: 0, tables: &tables(1) });
        cache.insert(128, Quantization { precision: 3, tables: &[2; 256] });
        assert_eq!(cache.find(128), Some(Quantization { precision: 3, tables: &[2; 256] }));
        cache.insert(128, Quantization { precision: 3, tables: &[3; 1000] });
        assert_eq!(cache.find(128), Some(Quantization { precision: 3, tables: &[3; 256] }));
    }
}
