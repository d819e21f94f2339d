//! The step `package`: the libraries as a registry would get them.
//!
//! `cargo package` verifies what it packs, but it takes a library that another one needs from a cache of its own, which holds the
//! first package that ever had this version. So the packages are unpacked and compiled here, in a workspace of their own.

use crate::shell::{cargo, require, root, target_dir};
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The packages that others may depend on.
const LIBRARIES: &[&str] = &["mutoscope", "mutoscope-std", "mutoscope-smoltcp"];

pub(super) fn package() -> Result<()> {
    let folder = target_dir()?.join("package");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let mut pack = cargo();
    // Changes that are not committed are packed too, because a run tests them.
    pack.args(["package", "--locked", "--allow-dirty", "--no-verify"]);
    for library in LIBRARIES {
        pack.args(["--package", library]);
    }
    require(&mut pack)?;
    let unpacked = folder.join("unpacked");
    fs::create_dir_all(&unpacked)?;
    for name in archives(&folder)? {
        // With the time of now: in the archive all files are equally old, and cargo would take what it built of others before.
        require(Command::new("tar").arg("-xzmf").arg(folder.join(name)).arg("-C").arg(&unpacked))?;
    }
    fs::write(unpacked.join("Cargo.toml"), manifest(&unpacked)?)?;
    fs::copy(root().join("Cargo.lock"), unpacked.join("Cargo.lock"))?;
    let mut check = cargo();
    check.current_dir(&unpacked).args(["check", "--workspace", "--lib", "--target-dir"]).arg(target_dir()?);
    require(&mut check)
}

/// The names of packed libraries.
fn archives(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string().ok().filter(|name| name.ends_with(".crate")));
    }
    names.sort();
    Ok(names)
}

/// A workspace of the unpacked libraries, in which they are each other's dependencies.
fn manifest(unpacked: &Path) -> Result<String> {
    let mut patches = String::new();
    let mut members = Vec::new();
    for library in LIBRARIES {
        let folder = unpacked_folder(unpacked, library)?;
        members.push(format!("{folder:?}"));
        writeln!(patches, "{library} = {{ path = {folder:?} }}")?;
    }
    Ok(format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[patch.crates-io]\n{patches}", members.join(", ")))
}

/// The folder of a library, which is called after its version, too.
fn unpacked_folder(unpacked: &Path, library: &str) -> Result<String> {
    let is_version = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    for entry in fs::read_dir(unpacked)? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        if name.strip_prefix(library).and_then(|rest| rest.strip_prefix('-')).is_some_and(is_version) {
            return Ok(name);
        }
    }
    anyhow::bail!("cargo packed no {library}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacked_libraries_are_a_workspace_of_their_own() {
        let folder = std::env::temp_dir().join(format!("mutoscope-package-{}", std::process::id()));
        for name in ["mutoscope-std-0.2.0", "mutoscope-0.1.0", "mutoscope-smoltcp-0.3.0"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let text = manifest(&folder).unwrap();
        assert!(text.contains("members = [\"mutoscope-0.1.0\", \"mutoscope-std-0.2.0\""), "{text}");
        assert!(text.contains("\nmutoscope-std = { path = \"mutoscope-std-0.2.0\" }\n"), "{text}");
        fs::remove_dir_all(folder.join("mutoscope-0.1.0")).unwrap();
        assert!(manifest(&folder).unwrap_err().to_string().contains("mutoscope"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
