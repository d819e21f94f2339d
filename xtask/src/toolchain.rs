//! Targets that rustup installs, and tools that cargo installs.

use crate::shell::{cargo, on_path, output, require, succeeds};
use crate::skip::skip;
use anyhow::{Context, Result};
use std::process::Command;
use std::time::Instant;

/// Makes sure that the core library of `target` is there; skips where it cannot be had.
pub(crate) fn add_target(target: &str) -> Result<()> {
    let added = || on_path("rustup") && succeeds(Command::new("rustup").args(["target", "add", target]));
    if has_target(target) || added() {
        return Ok(());
    }
    let why = format!("target {target} is not installed and cannot be had; install with: rustup target add {target}");
    Err(skip(why))
}

/// The targets that are there or can be had. Prints a line that begins with `SKIPPED` for each other one; skips where all are missing.
pub(crate) fn available(targets: &[&'static str]) -> Result<Vec<&'static str>> {
    let (mut there, mut last) = (Vec::new(), None);
    for &target in targets {
        match add_target(target) {
            Ok(()) => there.push(target),
            Err(why) => {
                println!("SKIPPED {why}");
                last = Some(why);
            }
        }
    }
    match last {
        Some(why) if there.is_empty() => Err(why),
        _ => Ok(there),
    }
}

fn has_target(target: &str) -> bool {
    let libraries = || {
        let folder = output(Command::new("rustc").args(["--print", "target-libdir", "--target", target])).ok()?;
        let folder = String::from_utf8(folder).ok()?;
        let mut files = std::fs::read_dir(folder.trim()).ok()?.flatten();
        files.find(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
    };
    libraries().is_some()
}

/// The target that programs for this machine are built for.
pub(crate) fn host() -> Result<String> {
    let text = output(Command::new("rustc").arg("-vV"))?;
    let text = String::from_utf8_lossy(&text);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say what it is built for")
}

/// Makes sure that there is a `cargo-TOOL`; skips where it cannot be had.
pub(crate) fn install_tool(tool: &str) -> Result<()> {
    let there = || succeeds(cargo().args([tool, "--version"]));
    if there() {
        return Ok(());
    }
    let package = format!("cargo-{tool}");
    println!("installing {package}");
    let started = Instant::now();
    let installed = require(cargo().args(["install", "--locked", "--quiet", &package]));
    println!("installing {package} took {:.0} s", started.elapsed().as_secs_f64());
    match installed {
        Ok(()) if there() => Ok(()),
        _ => Err(skip(format!(
            "{package} is not there and cannot be had; install with: cargo install --locked {package}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skip::reason;

    #[test]
    fn the_target_of_this_machine_is_there() {
        let host = host().unwrap();
        assert!(has_target(&host), "{host}");
        add_target(&host).unwrap();
    }

    #[test]
    fn a_target_that_cannot_be_had_is_a_reason_to_skip_that_names_it() {
        let error = add_target("z80-none-cpm").unwrap_err();
        assert!(reason(&error).unwrap().contains("rustup target add z80-none-cpm"), "{error}");
        assert!(reason(&available(&["z80-none-cpm"]).unwrap_err()).is_some());
    }
}
