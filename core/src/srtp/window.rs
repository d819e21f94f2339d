//! Which packets were there already (RFC 3711 section 3.3.2).

/// The highest index that was there, and which of the 128 up to it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    highest: u64,
    /// Bit 0 is the highest one. Nothing has come where there is none.
    seen: u128,
}

impl Window {
    /// Whether anything has come.
    pub(super) const fn is_empty(&self) -> bool {
        self.seen == 0
    }

    pub(super) const fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether the packet may be taken: it has not been there, and is not so old that it cannot be told.
    pub(super) fn is_new(&self, index: u64) -> bool {
        match self.highest.checked_sub(index) {
            _ if self.is_empty() => true,
            None => true,
            Some(age) => age < u128::BITS.into() && self.seen & shifted(1, age as u32) == 0,
        }
    }

    /// The packet was genuine and is taken.
    #[inline(never)]
    pub(super) fn insert(&mut self, index: u64) {
        match index.checked_sub(self.highest) {
            Some(ahead) if ahead > 0 || self.is_empty() => {
                let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
                self.seen = shifted(self.seen, ahead) | 1;
                self.highest = index;
            }
            _ => {
                let age = self.highest.saturating_sub(index);
                self.seen |= shifted(1, u32::try_from(age).unwrap_or(u32::MAX));
            }
        }
    }
}

/// It takes much code where registers have 32 bits, so it is in a program once.
#[inline(never)]
fn shifted(bits: u128, by: u32) -> u128 {
    bits.unbounded_shl(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_packet_is_new_once_in_any_order() {
        let mut window = Window::default();
        assert!(window.is_empty() && window.is_new(0) && window.is_new(u64::MAX));
        for index in [1000, 1001, 999, 1005, 1003, 878, 1200] {
            assert!(window.is_new(index), "{index}");
            window.insert(index);
            assert!(!window.is_new(index), "{index}");
        }
        assert_eq!(window.highest(), 1200);
        assert!(window.is_new(1199) && window.is_new(1073) && !window.is_new(1072) && !window.is_new(0));
        window.insert(5000);
        assert!(!window.is_new(1200) && window.is_new(4999));
        let mut first = Window::default();
        first.insert(0);
        assert!(!first.is_new(0) && first.is_new(1));
    }
}
