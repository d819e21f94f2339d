//! `--hook`: the program that is run when viewers and inputs come and go.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use mutoscope_std::hook::Hook;
use mutoscope_std::media::Observer;

/// A hook that ends with the server.
#[derive(Debug)]
pub(crate) struct Running(Option<Hook>);

impl Running {
    /// Starts what runs `program`, where there is one.
    pub(crate) fn start(program: Option<&Path>) -> Result<Self> {
        let Some(program) = program else { return Ok(Self(None)) };
        let hook = Hook::new(&found(program)?).context("cannot run hooks")?;
        Ok(Self(Some(hook)))
    }

    /// Who is to be told of viewers and inputs.
    pub(crate) fn observer(&self) -> Option<Arc<dyn Observer>> {
        Some(Arc::new(self.0.clone()?))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(hook) = &self.0 {
            hook.end();
        }
    }
}

/// The program, which is looked at now: later, when it would be needed, nobody may be there to read that it is missing. One without a
/// slash is looked for where programs are.
fn found(program: &Path) -> Result<PathBuf> {
    if program.components().count() < 2 && !program.has_root() && !program.starts_with(".") {
        return Ok(program.to_owned());
    }
    let path = std::path::absolute(program).with_context(|| format!("--hook {}", program.display()))?;
    let metadata = path.metadata().with_context(|| format!("--hook {}", program.display()))?;
    let is_program = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
    ensure!(is_program, "--hook {}: it is no program that can be run", program.display());
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_that_cannot_run_is_told_at_the_start() {
        let why = |program: &str| found(Path::new(program)).map_err(|error| format!("{error:#}"));
        assert!(why("/nowhere/light").is_err_and(|why| why.starts_with("--hook /nowhere/light: ")));
        assert!(why("/etc/passwd").is_err_and(|why| why.ends_with("it is no program that can be run")));
        assert!(why("/").is_err());
        assert_eq!(why("true"), Ok(PathBuf::from("true")));
        assert_eq!(why("/bin/sh"), Ok(PathBuf::from("/bin/sh")));
    }
}
