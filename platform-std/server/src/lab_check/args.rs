//! The command line of `mutoscope-server lab-check`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::display::Where;
use super::payload::Payload;
use super::rules::Half;

const EXAMPLES: &str = "\
Examples:
  mutoscope-server lab-check submissions/anna
          Server.py and ClientLauncher.py (or Client.py) of that folder.

  mutoscope-server lab-check submissions/bert --server 'python3 rtsp/main.py {port}' --only server --json
          Another command, one half, and a report for programs.

  for each in submissions/*/; do mutoscope-server lab-check --json \"$each\" > \"${each%/}.json\"; done
          A class.

Status: 0, all that counts holds; 1, something does not; 2, nothing could be checked.
docs/lab-check-teacher.md and docs/lab-check-student.md say more.";

/// Which of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Only {
    Server,
    Client,
}

/// Try a student's server and client of the streaming lab against ours, and say of each requirement whether it holds
///
/// The programs run on this machine, in a copy of the folder, with your rights: limits keep them from harm by mistake, not from harm
/// by intent. There is no sandbox.
// More than 15 fields: each is an option of the command line, in the order in which the help lists them.
#[derive(Debug, Parser)]
#[command(name = "mutoscope-server lab-check", bin_name = "mutoscope-server lab-check", after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct LabCheckArgs {
    /// The student's folder. Nothing in it is changed
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,

    /// Write a report for programs: one JSON object
    #[arg(long)]
    pub(super) json: bool,

    /// Show rules and bytes also of what holds
    #[arg(short, long)]
    pub(super) verbose: bool,

    /// Count what the exercise leaves open, too (level should)
    #[arg(long)]
    pub(super) strict: bool,

    /// Check one of the programs
    #[arg(long, value_name = "WHICH")]
    pub(super) only: Option<Only>,

    /// How the server starts, where it has another name; {port} stands for its port
    #[arg(long, value_name = "COMMAND")]
    pub(super) server: Option<String>,

    /// How the client starts, where it has another name, with {host}, {port}, {rtp_port} and {file}. One that is not Python's reads the
    /// words setup, play, pause and teardown, a line each, instead of having its buttons pressed
    #[arg(long, value_name = "COMMAND")]
    pub(super) client: Option<String>,

    /// The interpreter for programs in Python
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub(super) python: String,

    /// Where the client's window opens
    #[arg(long, value_name = "WHERE", default_value = "auto")]
    pub(super) display: Where,

    /// The form of packets that the client wants, where its exercise has another
    #[arg(long, value_name = "FORM", default_value = "plain")]
    pub(super) payload: Payload,

    /// Seconds after which a program is ended, of the clock and of a processor
    #[arg(long, value_name = "N", default_value = "60", value_parser = clap::value_parser!(u64).range(10..=3600))]
    pub(super) seconds: u64,

    /// Megabytes of memory (addresses) that a program gets; 0: as many as there are. Programs in Java get 256 for their objects
    #[arg(long, value_name = "MB", default_value = "2048", value_parser = clap::value_parser!(u64).range(0..=1 << 20))]
    pub(super) memory: u64,

    /// Processes that a program may have at a time
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) processes: u64,

    /// Megabytes that a program may write to its output
    #[arg(long, value_name = "MB", default_value = "4", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) output: u64,

    /// Megabytes that a file may have which a program writes
    #[arg(long, value_name = "MB", default_value = "64", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(super) file: u64,

    /// Megabytes that all files in a program's folder may have, with those of the submission; 20,000 files are too many
    #[arg(long, value_name = "MB", default_value = "1024", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(super) files: u64,
}

impl LabCheckArgs {
    /// Whether this program is to be checked.
    pub(super) fn wants(&self, half: Half) -> bool {
        match self.only {
            None => true,
            Some(Only::Server) => half == Half::Server,
            Some(Only::Client) => half == Half::Client,
        }
    }
}
