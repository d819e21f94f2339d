//! Streams that not everybody may watch, and what each player must get of them.

pub mod cases;
pub mod detour;
pub mod opencv;
pub mod ours;

use crate::interop::report::identical;
use anyhow::Result;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How often a playing is tried of which pictures are missing: players lose some where they wait for the processor.
const TRIES: usize = 3;

/// What came of a playing.
#[derive(Debug, Default)]
pub struct Playing {
    /// A digest of each picture, in the order in which they came.
    pub pictures: Vec<String>,
    /// What the player said.
    pub complaints: String,
}

/// A way to play.
pub type Play<'a> = Box<dyn Fn(&Path) -> Result<Playing> + Send + Sync + 'a>;

/// One player and what it asks for.
pub struct Case<'a> {
    /// What lets it in, or keeps it out.
    pub what: &'static str,
    /// The player, for people.
    pub player: String,
    /// How the pictures travel.
    pub way: String,
    /// The pictures that it must get. If there are none, it must get none.
    pub expected: &'a [String],
    /// What it must say besides.
    pub says: &'static str,
    /// Plays. The folder is empty, and for the player's files.
    pub play: Play<'a>,
}

impl Case<'_> {
    /// Whether it is as it must be, and a line of the table.
    pub fn judge(&self, folder: &Path) -> Result<(bool, String)> {
        let Self { what, player, way, expected, .. } = self;
        let mut outcome = self.try_once(folder)?;
        for _ in 1..TRIES {
            if outcome.1 {
                break;
            }
            outcome = self.try_once(folder)?;
        }
        let (count, is_good, complaint) = outcome;
        let remark = if is_good { String::new() } else { format!("**{complaint}**") };
        Ok((is_good, format!("| {what} | {player} | {way} | {count} of {} | {remark} |", expected.len())))
    }

    /// The number of right pictures, whether all is as it must be, and what else there is to say.
    fn try_once(&self, folder: &Path) -> Result<(usize, bool, String)> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let scratch = folder.join(format!("playing-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&scratch)?;
        let Playing { pictures, complaints } = (self.play)(&scratch)?;
        let count = identical(self.expected, &pictures);
        let is_good = pictures.len() == count && count == self.expected.len() && complaints.contains(self.says);
        let complaint = complaints.lines().next().unwrap_or_default().replace('|', "/");
        Ok((count, is_good, format!("{} came, {complaint}", pictures.len())))
    }
}
