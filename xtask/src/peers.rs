//! Our player against servers that others wrote.

use crate::media;
use crate::shell::{line, output, release_program, require, succeeds, target_dir};
use crate::skip::skip;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// The server from PyPI, as it was looked at.
const ESPP: Packages = Packages { names: &["espp==1.3.10"], from_source: &[], venv: "venv", imports: "espp" };
/// What a video recorder is made of, as it was looked at: the library of Home Assistant, and one that finds cameras.
const ONVIF: Packages = Packages {
    names: &["onvif-zeep-async==4.3.0", "WSDiscovery==2.1.2", "requests==2.34.2"],
    // It is all Python, and there is nothing else of it.
    from_source: &["--no-binary", "WSDiscovery"],
    venv: "venv-onvif",
    imports: "onvif, requests, wsdiscovery, zeep",
};

/// Packages of PyPI in an environment of their own.
struct Packages {
    names: &'static [&'static str],
    /// Options of pip for those that there are without a wheel.
    from_source: &'static [&'static str],
    venv: &'static str,
    imports: &'static str,
}

/// Plays one of them with `command`, which runs `peers`; `name` is as `peers --help` lists it.
pub(crate) fn play(mut command: Command, name: &str) -> Result<()> {
    command.arg(name).arg("--player").arg(release_program("player-sdl")?);
    command.arg("--media").arg(media::default_directory()?).arg("--espp-python").arg(ESPP.python()?);
    require(&mut command).with_context(|| format!("repeat with `{}`", line(&command)))
}

/// Makes sure that espp is there, in an environment of its own under `target`; skips where it cannot be had.
pub(crate) fn espp() -> Result<()> {
    ESPP.install().map(drop)
}

/// The Python of a video recorder; skips where its libraries cannot be had.
pub(crate) fn onvif() -> Result<PathBuf> {
    ONVIF.install()
}

impl Packages {
    /// Gives the Python that has them.
    fn install(&self) -> Result<PathBuf> {
        let (venv, python, names) = (self.venv()?, self.python()?, self.names.join(", "));
        let there = || succeeds(Command::new(&python).args(["-c", &format!("import {}", self.imports)]));
        if there() {
            return Ok(python);
        }
        println!("installing {names} into {}", venv.display());
        let made = output(Command::new("python3").args(["-m", "venv"]).arg(&venv)).and_then(|_| {
            let pip = ["-m", "pip", "install", "--quiet", "--only-binary", ":all:"];
            output(Command::new(&python).args(pip).args(self.from_source).args(self.names))
        });
        match made {
            Ok(_) if there() => Ok(python),
            Ok(_) => Err(skip(format!("{names} were installed, and cannot be imported"))),
            Err(error) => {
                let why = format!("{error:#}");
                Err(skip(format!("{names} cannot be had: {}", why.lines().last().unwrap_or_default())))
            }
        }
    }

    fn venv(&self) -> Result<PathBuf> {
        Ok(target_dir()?.join(self.venv))
    }

    fn python(&self) -> Result<PathBuf> {
        Ok(self.venv()?.join("bin/python"))
    }
}
