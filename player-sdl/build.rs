//! Says in one line what to install if SDL2 is missing. Otherwise the linker would say it in many.

use std::path::PathBuf;
use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PKG_CONFIG_PATH");
    println!("cargo::rerun-if-env-changed=LIBRARY_PATH");
    let bundled = std::env::var_os("CARGO_FEATURE_BUNDLED").is_some();
    let unix = std::env::var_os("CARGO_CFG_UNIX").is_some();
    // When building for another machine or another system, this script cannot tell where libraries are.
    let native = std::env::var("HOST") == std::env::var("TARGET");
    if bundled || !unix || !native {
        return;
    }
    if let Some(folders) = pkg_config() {
        for folder in folders {
            println!("cargo::rustc-link-search=native={folder}");
        }
    } else if !links() {
        println!(
            "cargo::error=libSDL2 is not installed: run `apt-get install libsdl2-dev` (Fedora: dnf install SDL2-devel; \
             Arch: pacman -S sdl2; macOS: brew install sdl2 pkg-config), or build it along with `--features bundled`, \
             which takes cmake and a C compiler"
        );
    }
}

/// Returns the folders in which the linker should look for libSDL2 besides its own. `None`: pkg-config knows no SDL2.
fn pkg_config() -> Option<Vec<String>> {
    let output = Command::new("pkg-config").args(["--libs-only-L", "sdl2"]).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(text.split_whitespace().filter_map(|flag| flag.strip_prefix("-L")).map(str::to_owned).collect())
}

/// Whether the C compiler that Rust links with finds the library. Without a C compiler the answer is yes, because Rust then
/// says itself what is missing.
fn links() -> bool {
    let Some(out) = std::env::var_os("OUT_DIR") else { return true };
    let probe = PathBuf::from(out).join("probe-sdl2");
    let status = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-shared", "-x", "c", "/dev/null", "-lSDL2", "-o"])
        .arg(probe)
        .stderr(Stdio::null())
        .status();
    status.is_err() || status.is_ok_and(|status| status.success())
}
