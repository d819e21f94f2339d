//! What was mended of the frames of one medium, and what that means for those that come.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use mutoscope::jpeg::{self, ErrorKind, Flaw, Flaws, Layout, Tables};

use super::policy::Policy;

/// The layout of a file, which gets the tables of an earlier frame where it lacks some.
pub(super) fn parse_with(tables: &Tables, file: &mut Vec<u8>) -> Result<Layout, jpeg::Error> {
    match Layout::parse(file) {
        Err(error) if error.kind == ErrorKind::MissingTable && !tables.is_empty() => {
            file.splice(2..2, tables.segments().iter().copied());
            Tables::parse_completed(file).map_err(|_| error)
        }
        result => result,
    }
}

/// Counts the frames that were mended, and tells the log once.
#[derive(Debug, Default)]
pub(super) struct Mending {
    /// The data of a frame was damaged.
    is_suspect: AtomicBool,
    mended: AtomicU32,
}

impl Mending {
    /// The policy for the next frame. Where the data of one was damaged, others are read to their end.
    pub(super) fn policy(&self, policy: Policy) -> Policy {
        Policy { reads_all: policy.reads_all || self.is_suspect.load(Ordering::Relaxed), ..policy }
    }

    /// Takes note of a frame's flaws. Gives what is to be said about them, once.
    pub(super) fn note(&self, flaws: Flaws) -> Option<String> {
        if flaws.is_empty() {
            return None;
        }
        if [Flaw::Surplus, Flaw::RestartNumbers, Flaw::MissingData, Flaw::Codes]
            .iter()
            .any(|&flaw| flaws.contains(flaw))
        {
            self.is_suspect.store(true, Ordering::Relaxed);
        }
        let is_first = self.mended.fetch_add(1, Ordering::Relaxed) == 0;
        is_first.then(|| format!("is damaged ({flaws}) and was mended, as others like it will be"))
    }

    /// How many frames were mended, as often as they were made ready.
    pub(super) fn mended(&self) -> u32 {
        self.mended.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::picture;
    use super::*;

    #[test]
    fn a_damaged_frame_is_told_once_and_makes_others_be_read() {
        let mending = Mending::default();
        let policy = Policy::default();
        let mut flaws = Flaws::NONE;
        assert_eq!((mending.note(flaws), mending.policy(policy)), (None, policy));
        flaws.insert(Flaw::NoEnd);
        assert!(mending.note(flaws).unwrap().contains("no end of image"));
        assert!(!mending.policy(policy).reads_all);
        flaws.insert(Flaw::MissingData);
        assert_eq!(mending.note(flaws), None);
        assert!(mending.policy(policy).reads_all);
        assert_eq!(mending.mended(), 2);
    }

    #[test]
    fn a_file_without_tables_gets_those_that_are_remembered() {
        let whole = picture(16, 16, |_| {});
        let mut tables = Tables::new();
        let mut bare = whole.clone();
        while let Some(at) = bare.windows(2).position(|pair| pair == [0xff, 0xdb]) {
            let len = usize::from(u16::from_be_bytes([bare[at + 2], bare[at + 3]]));
            bare.drain(at..at + 2 + len);
        }
        assert!(parse_with(&tables, &mut bare.clone()).is_err());
        tables.learn(&whole).unwrap();
        let layout = parse_with(&tables, &mut bare).unwrap();
        assert!(layout.flaws.contains(Flaw::NoTables));
        let own = Layout::parse(&whole).unwrap().quantization.map(|table| table.of(&whole).to_vec());
        assert_eq!(layout.quantization.map(|table| table.of(&bare).to_vec()), own);
        assert!(parse_with(&tables, &mut whole.clone()).unwrap().flaws.is_empty());
    }
}
