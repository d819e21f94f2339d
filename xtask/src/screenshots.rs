//! `cargo xtask screenshots`: the web page in pictures, as the documents show it.

use crate::packages::{CHROMIUM, install_missing};
use crate::shell::{cargo, release_program, require, root};
use anyhow::{Result, bail};

/// Builds the server, has a browser open its page, and puts what it shows into `docs`.
pub(crate) fn run() -> Result<()> {
    install_missing(&[&CHROMIUM]);
    if let Some(why) = CHROMIUM.missing() {
        bail!(why);
    }
    require(cargo().args(["build", "--release", "--package", "mutoscope-server", "--bin", "mutoscope-server"]))?;
    let mut make = cargo();
    make.args(["run", "--package", "mutoscope-tests", "--bin", "browser", "--", "--server"]);
    require(make.arg(release_program("mutoscope-server")?).arg("--screenshots").arg(root().join("docs")))
}
