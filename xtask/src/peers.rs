//! Our player against servers that others wrote.

use crate::media;
use crate::shell::{line, output, release_program, require, succeeds, target_dir};
use crate::skip::skip;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// The server from PyPI, as it was looked at.
const ESPP: &str = "espp==1.3.10";

/// Plays one of them with `command`, which runs `peers`; `name` is as `peers --help` lists it.
pub(crate) fn play(mut command: Command, name: &str) -> Result<()> {
    command.arg(name).arg("--player").arg(release_program("player-sdl")?);
    command.arg("--media").arg(media::default_directory()?).arg("--espp-python").arg(venv()?.join("bin/python"));
    require(&mut command).with_context(|| format!("repeat with `{}`", line(&command)))
}

/// Makes sure that espp is there, in an environment of its own under `target`; skips where it cannot be had.
pub(crate) fn espp() -> Result<()> {
    let venv = venv()?;
    let python = venv.join("bin/python");
    let there = || succeeds(Command::new(&python).args(["-c", "import espp"]));
    if there() {
        return Ok(());
    }
    println!("installing {ESPP} into {}", venv.display());
    let made = output(Command::new("python3").args(["-m", "venv"]).arg(&venv)).and_then(|_| {
        output(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--only-binary", ":all:", ESPP]))
    });
    match made {
        Ok(_) if there() => Ok(()),
        Ok(_) => Err(skip(format!("{ESPP} was installed, and cannot be imported"))),
        Err(error) => {
            let why = format!("{error:#}");
            Err(skip(format!("{ESPP} cannot be had: {}", why.lines().last().unwrap_or_default())))
        }
    }
}

fn venv() -> Result<PathBuf> {
    Ok(target_dir()?.join("venv"))
}
