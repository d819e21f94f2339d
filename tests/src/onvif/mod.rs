//! What a video recorder of others' libraries says of a server.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The lines of such a recorder, each in its words.
#[derive(Debug)]
pub struct Report(Vec<Vec<String>>);

/// Names and passwords of the accounts that it has.
#[derive(Clone, Copy, Debug)]
pub struct Accounts<'a> {
    /// One that proves itself by a token.
    pub token: (&'a str, &'a str),
    /// And one that does by Digest.
    pub digest: (&'a str, &'a str),
}

/// Runs it with a Python that has the libraries. The picture that it gets goes into `snapshot`.
///
/// # Errors
/// It ended in another way than it should; with what it said.
pub fn record(
    python: &Path,
    folder: &Path,
    (host, port): (&str, u16),
    accounts: Accounts<'_>,
    snapshot: &Path,
    searches: bool,
) -> Result<Report> {
    let script: PathBuf = folder.join("recorder.py");
    std::fs::write(&script, include_str!("recorder.py"))?;
    let mut command = Command::new(python);
    command.arg(&script).args([host, &port.to_string()]);
    for (user, password) in [accounts.token, accounts.digest] {
        command.args([user, password]);
    }
    command.arg(snapshot).args(searches.then_some("search"));
    let output = command.stdin(Stdio::null()).output().context("cannot run Python")?;
    let (said, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        bail!("the recorder ended with {}:\n{said}{complaints}", output.status);
    }
    Ok(Report(said.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()))
}

impl Report {
    /// The rest of each line that begins with this.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a [String]> {
        self.0
            .iter()
            .filter_map(move |line| line.split_first().filter(|(first, _)| *first == key).map(|(_, rest)| rest))
    }

    /// The first word behind this.
    ///
    /// # Errors
    /// There is no such line.
    pub fn one<'a>(&'a self, key: &'a str) -> Result<&'a str> {
        let found = self.all(key).next().and_then(|rest| rest.first());
        found.map(String::as_str).with_context(|| format!("the recorder says nothing of {key}: {:?}", self.0))
    }
}
