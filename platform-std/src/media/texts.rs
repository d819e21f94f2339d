//! Sentences that are lent by a medium.

use std::sync::OnceLock;

/// Texts that live as long as this, so that they can be lent where only a reference to their owner is at hand. There are few.
#[derive(Default)]
pub(crate) struct Texts {
    first: OnceLock<Box<Text>>,
}

struct Text {
    text: String,
    next: OnceLock<Box<Text>>,
}

impl Texts {
    /// The same text, kept.
    pub(crate) fn keep(&self, text: &str) -> &str {
        let mut place = &self.first;
        loop {
            let kept = place.get_or_init(|| Box::new(Text { text: text.to_owned(), next: OnceLock::new() }));
            if kept.text == text {
                return &kept.text;
            }
            place = &kept.next;
        }
    }
}
