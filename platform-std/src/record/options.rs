//! What is recorded where, and how long it is kept.

use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// How long a segment is where nobody says so.
pub const DEFAULT_SEGMENT: Duration = Duration::from_secs(600);
/// Shorter segments would be many, longer ones are lost as a whole.
const SEGMENTS: std::ops::RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(86_400);

/// How a stream is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where its segments are, and those of no other stream.
    pub folder: PathBuf,
    /// How long each of them is.
    pub segment: Duration,
    /// How long they are kept; `None`: until somebody else removes them.
    pub keep: Option<Keep>,
}

/// How long recordings are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// This long.
    For(Duration),
    /// As long as they have so many bytes together; one segment more at times.
    Bytes(u64),
}

/// Text that says no time or size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionsError;

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a time or a size: 7d, 12h, 50GB")
    }
}

impl std::error::Error for OptionsError {}

/// A number, and the unit behind it.
fn split(text: &str) -> Option<(u64, &str)> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(at)?;
    Some((number.parse().ok().filter(|number| *number > 0)?, unit))
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let seconds = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    // A hundred years are more than anybody means.
    number.checked_mul(seconds).filter(|seconds| *seconds <= 100 * 366 * 86_400).map(Duration::from_secs)
}

/// How long a segment is: `10m`, from `10s` to `24h`.
///
/// # Errors
/// It is something else.
pub fn parse_segment(text: &str) -> Result<Duration, OptionsError> {
    duration(text).filter(|duration| SEGMENTS.contains(duration)).ok_or(OptionsError)
}

impl FromStr for Keep {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<Self, OptionsError> {
        if let Some(duration) = duration(text) {
            return Ok(Self::For(duration));
        }
        let (number, unit) = split(text).ok_or(OptionsError)?;
        let bytes = match unit {
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return Err(OptionsError),
        };
        number.checked_mul(bytes).map(Self::Bytes).ok_or(OptionsError)
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(duration) => write!(f, "for {}", Span(*duration)),
            Self::Bytes(bytes) => write!(f, "up to {} MB", bytes / 1_000_000),
        }
    }
}

/// A time in the largest unit that it is a multiple of.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [(86_400, "d"), (3600, "h"), (60, "min")];
        match units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{} {name}", seconds / unit),
            None => write!(f, "{seconds} s"),
        }
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, segment, keep } = self;
        write!(f, "{}, in segments of {}, kept ", folder.display(), Span(*segment))?;
        match keep {
            Some(keep) => keep.fmt(f),
            None => f.write_str("for ever"),
        }
    }
}

impl Options {
    /// Makes the folder where there is none, for its owner and group alone.
    ///
    /// # Errors
    /// What the system says.
    pub fn make_folder(&self) -> io::Result<()> {
        if self.folder.is_dir() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o750).create(&self.folder)
    }

    /// The same, and finds out whether files can be made in it.
    ///
    /// # Errors
    /// What the system says.
    pub fn check(&self) -> io::Result<()> {
        self.make_folder()?;
        let probe = self.folder.join(format!(".mutoscope-{}", std::process::id()));
        fs::OpenOptions::new().write(true).create_new(true).open(&probe)?;
        fs::remove_file(probe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::Folder;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn times_and_sizes_are_read() {
        for (text, expected) in [
            ("7d", Keep::For(Duration::from_secs(7 * 86_400))),
            ("12h", Keep::For(Duration::from_secs(12 * 3600))),
            ("50GB", Keep::Bytes(50_000_000_000)),
            ("1TiB", Keep::Bytes(1 << 40)),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in
            ["", "7", "d", "0d", "7 d", "-1d", "7days", "99999999999999999999d", "18446744073709551615TB", "200000d"]
        {
            assert_eq!(text.parse::<Keep>(), Err(OptionsError), "{text}");
        }
        assert_eq!(parse_segment("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(
            (parse_segment("9s"), parse_segment("25h"), parse_segment("1GB")),
            (Err(OptionsError), Err(OptionsError), Err(OptionsError))
        );
    }

    #[test]
    fn options_are_told_in_words() {
        let options = Options { folder: "/r".into(), segment: DEFAULT_SEGMENT, keep: "7d".parse().ok() };
        assert_eq!(options.to_string(), "/r, in segments of 10 min, kept for 7 d");
        let options = Options { keep: Some(Keep::Bytes(50_000_000_000)), ..options };
        assert_eq!(options.to_string(), "/r, in segments of 10 min, kept up to 50000 MB");
        assert_eq!(Options { keep: None, ..options }.to_string(), "/r, in segments of 10 min, kept for ever");
    }

    #[test]
    fn a_folder_is_made_for_its_owner_and_group() {
        let folder = Folder::new();
        let options = Options { folder: folder.path().join("a/b"), segment: DEFAULT_SEGMENT, keep: None };
        options.check().unwrap();
        let made = fs::metadata(&options.folder).unwrap();
        assert_eq!((made.mode() & 0o027, fs::read_dir(&options.folder).unwrap().count()), (made.mode() & 0o020, 0));
        let file = folder.file("file", b"");
        assert!(Options { folder: file, ..options }.check().is_err());
    }
}
