//! The tool that checks what Prometheus reads. Debian has it with the server alone, which nobody wants to run because of a test: the package
//! is unpacked into the target directory, not installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::shell::{on_path, require, target_dir};
use crate::skip::skip;

const PACKAGE: &str = "prometheus";

/// Where it is.
pub(crate) fn promtool() -> Result<PathBuf> {
    if on_path("promtool") {
        return Ok("promtool".into());
    }
    let folder = target_dir()?.join("promtool");
    let tool = folder.join("root/usr/bin/promtool");
    if !tool.exists() {
        fs::create_dir_all(&folder)?;
        unpack(&folder).map_err(|error| skip(format!("promtool is not here and cannot be had: {error:#}")))?;
    }
    Ok(tool)
}

fn unpack(folder: &Path) -> Result<()> {
    require(Command::new("apt-get").current_dir(folder).args(["-qq", "download", PACKAGE]))?;
    // Under another name until it is whole.
    let (part, root) = (folder.join("part"), folder.join("root"));
    let _ = fs::remove_dir_all(&part);
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            require(Command::new("dpkg").arg("-x").arg(&file).arg(&part))?;
            fs::remove_file(&file)?;
        }
    }
    Ok(fs::rename(part, root)?)
}
