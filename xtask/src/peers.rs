//! Our player against servers that others wrote: builds the player, makes the clips, gets espp.

use crate::media;
use crate::shell::{cargo, line, output, release_program, require, succeeds, target_dir};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// The server from PyPI, as it was looked at.
const ESPP: &str = "espp==1.3.10";

/// Plays one of them; `name` is as `peers --help` lists it.
pub(crate) fn run(name: &str) -> Result<()> {
    let media_folder = media::default_directory()?;
    for why in media::make(&media_folder)? {
        println!("SKIPPED {why}");
    }
    require(cargo().args(["build", "--release", "--package", "player-sdl"]))?;
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "mutoscope-tests", "--bin", "peers", "--", name]);
    command.arg("--player").arg(release_program("player-sdl")?).arg("--media").arg(&media_folder);
    command.arg("--espp-python").arg(venv()?.join("bin/python"));
    require(&mut command).with_context(|| format!("repeat with `{}`", line(&command)))
}

/// Makes sure that espp is there, in an environment of its own under `target`; why not, where it cannot be had.
pub(crate) fn espp() -> Result<Result<(), String>> {
    let venv = venv()?;
    let python = venv.join("bin/python");
    if succeeds(Command::new(&python).args(["-c", "import espp"])) {
        return Ok(Ok(()));
    }
    println!("installing {ESPP} into {}", venv.display());
    let made = output(Command::new("python3").args(["-m", "venv"]).arg(&venv)).and_then(|_| {
        output(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--only-binary", ":all:", ESPP]))
    });
    Ok(match made {
        Ok(_) if succeeds(Command::new(&python).args(["-c", "import espp"])) => Ok(()),
        Ok(_) => Err(format!("{ESPP} was installed, and cannot be imported")),
        Err(error) => {
            let why = format!("{error:#}");
            Err(format!("{ESPP} cannot be had: {}", why.lines().last().unwrap_or_default()))
        }
    })
}

fn venv() -> Result<PathBuf> {
    Ok(target_dir()?.join("venv"))
}
