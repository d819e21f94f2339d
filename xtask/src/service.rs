//! What makes a service of the server program: units of systemd, manual pages, a package's metadata.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell::{cargo, on_path, output, require, root, target_dir};
use crate::skip::skip;

/// The worst that `systemd-analyze security` may think of the unit; 10 is worst, in tenths.
const MOST_EXPOSED: &str = "20";

/// Makes the manual pages and completions, by the test that makes them.
pub(crate) fn make_pages(folder: &Path) -> Result<()> {
    let mut make = cargo();
    make.args(["test", "--quiet", "--package", "mutoscope-server", "--features", "tls", "--bin", "mutoscope-server"]);
    require(make.arg("manual::").env("MUTOSCOPE_PAGES", folder))?;
    check_pages(folder)
}

/// Has mandoc look at the pages, where it is there.
pub(crate) fn check_pages(folder: &Path) -> Result<()> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder)? {
        pages.extend(Some(entry?.path()).filter(|path| path.extension().is_some_and(|extension| extension == "1")));
    }
    ensure!(pages.len() >= 3, "there are no manual pages in {}", folder.display());
    if !on_path("mandoc") {
        println!("SKIPPED mandoc is not here, so nothing has looked at the manual pages");
        return Ok(());
    }
    require(Command::new("mandoc").args(["-T", "lint", "-W", "error"]).args(pages))
}

/// Whether all that the package is made of is there.
pub(crate) fn check_metadata() -> Result<()> {
    let folder = root().join("platform-std/server");
    let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
    let (_, metadata) = manifest.split_once("[package.metadata.deb]").context("there is no package for Debian")?;
    let sources = metadata.split('"').filter(|text| text.starts_with("../../") && !text.contains("/target/"));
    let mut count = 0;
    for source in sources {
        ensure!(folder.join(source).exists(), "the package for Debian needs {source}, which is not there");
        count += 1;
    }
    ensure!(count > 5, "the package for Debian holds nothing");
    Ok(())
}

/// Whether systemd understands the units, and how much of the machine they leave to the server.
pub(crate) fn check_units() -> Result<()> {
    if !on_path("systemd-analyze") {
        return Err(skip("systemd-analyze is not here, so nothing has looked at the units"));
    }
    let folder = target_dir()?.join("units");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let mut units = Vec::new();
    for entry in fs::read_dir(root().join("packaging/systemd"))? {
        let path = entry?.path();
        // The program is not installed here.
        let text = fs::read_to_string(&path)?.replace("ExecStart=/usr/bin/mutoscope-server", "ExecStart=/bin/true");
        let unit = folder.join(path.file_name().unwrap_or_default());
        fs::write(&unit, text)?;
        units.push(unit);
    }
    let mut verify = Command::new("systemd-analyze");
    let found = verify.args(["verify", "--man=no"]).args(&units).output()?;
    let words = String::from_utf8_lossy(&found.stderr);
    ensure!(found.status.success() && words.trim().is_empty(), "systemd-analyze verify: {words}");
    let service = folder.join("mutoscope-server.service");
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=true", "--no-pager", "--threshold", MOST_EXPOSED]).arg(service);
    let report = output(&mut security)?;
    let report = String::from_utf8_lossy(&report);
    let overall = report.lines().find(|line| line.contains("Overall exposure")).context("it says nothing overall")?;
    println!("{}", overall.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skip::reason;

    #[test]
    fn the_package_names_files_that_are_there() {
        check_metadata().unwrap();
    }

    #[test]
    fn systemd_understands_the_units_and_they_allow_little() {
        if let Err(error) = check_units() {
            let why = reason(&error).unwrap_or_else(|| panic!("{error:#}"));
            eprintln!("SKIPPED: {why}");
        }
    }
}
