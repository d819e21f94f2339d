//! The work of each step of `cargo xtask test`.

use super::binaries::{self, program, run_tests, run_tests_within};
use crate::packages::{SDL2, as_root};
use crate::shell::{cargo, line, output, release_program, require, root, target_dir};
use crate::skip::skip;
use crate::toolchain::{add_target, available, host, install_tool};
use crate::{check, media, peers, promtool, run_firmware, service, sizes, tap_demo, v4l2};
use anyhow::{Context as _, Result, ensure};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Packages that must build without an operating system, and with which features. The targets are below.
pub(super) const NO_STD: &[NoStd] = &[
    NoStd {
        package: "mutoscope",
        everywhere: &["", "sha256,srtp,lab,defmt"],
        once: &["auth", "sha256", "srtp", "lab", "defmt", "log"],
    },
    NoStd { package: "mutoscope-smoltcp", everywhere: &[""], once: &["defmt", "log"] },
];
const BARE_METAL: &[&str] = &[
    "thumbv6m-none-eabi",
    run_firmware::TARGET,
    sizes::TARGET,
    "thumbv8m.main-none-eabihf",
    "riscv32imc-unknown-none-elf",
    "riscv32imac-unknown-none-elf",
];

/// Targets of [`BARE_METAL`] that have no instruction to compare and swap.
const WEAKEST: &[&str] = &["thumbv6m-none-eabi", "riscv32imc-unknown-none-elf"];

/// One package and its features.
///
/// What one target can refuse is in other people's crates, as our own code asks for none: these come along with nothing or
/// with everything. That a feature leaves nothing undefined where it is alone shows on any target.
#[derive(Clone, Copy)]
pub(super) struct NoStd {
    pub(super) package: &'static str,
    everywhere: &'static [&'static str],
    once: &'static [&'static str],
}

/// Systems that the server and the client must compile for, beside this one.
const SYSTEMS: &[&str] = &[
    "armv7-unknown-linux-gnueabihf",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-apple-darwin",
    "x86_64-unknown-freebsd",
];

/// The folder of the package that links a system library.
const PLAYER: &str = "player-sdl";

/// What all are built with, in release too.
const TLS: &str = "mutoscope-server/tls,mutoscope-tests/tls";
/// What they are built with where tests run. Zenoh takes minutes, so it is built here alone, and once.
const CLUSTER: &str = "mutoscope-server/cluster,mutoscope-tests/cluster";

/// All packages with these features, or all but the player where SDL2 is missing: the step `player` says so.
fn packages(features: &[&str]) -> Vec<String> {
    let mut arguments = vec!["--features".to_owned(), features.join(",")];
    if SDL2.missing().is_some() {
        arguments.extend(["--exclude".to_owned(), PLAYER.to_owned()]);
    }
    arguments
}

pub(super) fn fmt() -> Result<()> {
    require(cargo().args(["fmt", "--all", "--check"]))
}

pub(super) fn rules() -> Result<()> {
    ensure!(check::run()?, "a rule is broken");
    Ok(())
}

/// Gets all targets at once. Steps that need a target that cannot be had say so.
pub(super) fn get_targets() -> Result<()> {
    for target in BARE_METAL.iter().chain(SYSTEMS) {
        if let Err(why) = add_target(target) {
            println!("{why}");
        }
    }
    Ok(())
}

/// Builds all programs in one call. Calls for one package each would choose other features, and build much twice.
pub(super) fn build_programs() -> Result<()> {
    let mut command = cargo();
    command.args(["build", "--release", "--workspace", "--bin", "mutoscope-server", "--example", "tap"]);
    // Optimising across crates takes much of the time, and no test looks at speed.
    command.args(["--config", "profile.release.lto=false", "--config", "profile.release.codegen-units=16"]);
    if SDL2.missing().is_none() {
        command.args(["--bin", "player-sdl"]);
    }
    require(command.args(packages(&[TLS])))
}

pub(super) fn build_tests() -> Result<()> {
    binaries::build(&packages(&[TLS, CLUSTER]))
}

pub(super) fn make_clips() -> Result<()> {
    clips(&media::CLIPS)?;
    clips(&media::CORPUS)
}

fn clips(set: &media::Set) -> Result<()> {
    for why in set.make(&set.directory()?)? {
        println!("SKIPPED {why}");
    }
    Ok(())
}

pub(super) fn clippy() -> Result<()> {
    let workspace = ["clippy", "--workspace", "--all-targets"];
    require(cargo().args(workspace).args(packages(&[TLS])).args(["--", "-D", "warnings"]))
}

/// Lints what only the feature `cluster` brings, where it stands in programs: the compiler that lints goes by what the tests were built
/// with. `cargo clippy` would check all of Zenoh anew for that, which takes as long as half a build of it.
pub(super) fn clippy_cluster() -> Result<()> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let driver = Path::new(String::from_utf8_lossy(&sysroot).trim()).join("bin/clippy-driver");
    ensure!(driver.exists(), "there is no {}", driver.display());
    let mut command = cargo();
    command.env("RUSTC_WORKSPACE_WRAPPER", driver);
    // As `cargo clippy` hands on what stands behind `--`.
    command.env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
    command.args(["test", "--workspace", "--no-run", "--bin", "mutoscope-server", "--bin", "cluster"]);
    require(command.args(packages(&[TLS, CLUSTER])))
}

fn is_player(folder: &Path) -> bool {
    folder == root().join(PLAYER)
}

pub(super) fn unit() -> Result<()> {
    run_tests(|folder| !is_player(folder), None, &[])
}

/// Programs of students, good and broken, as `lab-check` finds them. They run in real time.
pub(super) fn lab_check() -> Result<()> {
    let folder = root().join("platform-std/server");
    run_tests(|other| other == folder, Some("lab_check"), &["--ignored"])
}

/// What the server tells Prometheus, as Prometheus's own tool judges it.
pub(super) fn metrics() -> Result<()> {
    let tool = promtool::promtool()?;
    let folder = root().join("platform-std");
    run_tests_within(|other| other == folder, Some("mutoscope_std"), &["web::metrics::"], &[("PROMTOOL", &tool)])
}

/// What makes a service of the server: units, manual pages, the package's metadata. `cargo xtask dist` makes the packages themselves.
pub(super) fn service() -> Result<()> {
    service::check_metadata()?;
    let pages = target_dir()?.join("pages");
    let folder = root().join("platform-std/server");
    let variables = [("MUTOSCOPE_PAGES", pages.as_path())];
    run_tests_within(|other| other == folder, Some("mutoscope-server"), &["manual::"], &variables)?;
    service::check_pages(&pages)?;
    println!("SKIPPED packages were not built: cargo xtask dist does that");
    service::check_units()
}

/// What threads share, in every order of their steps, in a package of its own that nothing else builds.
pub(super) fn loom() -> Result<()> {
    let manifest = ["--locked", "--manifest-path", "tests/loom/Cargo.toml"];
    if require(cargo().args(["fetch", "--target", &host()?]).args(manifest)).is_err() {
        return Err(skip("loom cannot be had: no order of threads' steps was tried"));
    }
    require(cargo().args(["run", "--quiet", "--target-dir", "target/loom"]).args(manifest))
}

/// The server's threads under ThreadSanitizer, which needs a standard library that is built with it.
pub(super) fn thread_sanitizer() -> Result<()> {
    let sysroot = output(Command::new("rustc").args(["+nightly", "--print", "sysroot"])).unwrap_or_default();
    let sources = Path::new(String::from_utf8_lossy(&sysroot).trim()).join("lib/rustlib/src/rust/library/std");
    if !sources.is_absolute() || !sources.is_dir() {
        return Err(skip(
            "ThreadSanitizer takes a nightly toolchain with its sources; install with: rustup +nightly component add rust-src",
        ));
    }
    let mut command = Command::new("cargo");
    command.env("RUSTFLAGS", "-Zsanitizer=thread").current_dir(root());
    command.args(["+nightly", "test", "-Zbuild-std", "--target", &host()?, "--target-dir", "target/tsan"]);
    require(command.args(["-p", "mutoscope-std", "--test", "threads"]))
}

pub(super) fn player() -> Result<()> {
    run_tests(is_player, None, &[])
}

/// Runs the tests that are ignored by default, because they take a display and programs that use it.
pub(super) fn player_window() -> Result<()> {
    run_tests(is_player, Some("window"), &["--ignored"])
}

/// Runs the test that is ignored by default, because it takes tshark.
pub(super) fn player_protocol() -> Result<()> {
    run_tests(is_player, Some("protocol"), &["--ignored"])
}

pub(super) fn doc_tests() -> Result<()> {
    require(cargo().args(["test", "--workspace", "--doc"]).args(packages(&[TLS, CLUSTER])))
}

pub(super) fn doc() -> Result<()> {
    let arguments = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    require(cargo().args(arguments).args(packages(&[TLS])).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Compiles one package with each of its features: a build of the workspace unifies features, and would not show that it needs
/// no std.
///
/// Checking finds what building does but for what the code generator refuses, which it would on the weakest processors first:
/// for these they are built, too. (`firmware` and `sizes` build and link for others.)
pub(super) fn no_std(tried: NoStd) -> Result<()> {
    let call = |subcommand: &str, features: &str, targets: &[&str]| {
        let mut command = cargo();
        command.args([subcommand, "--package", tried.package, "--lib", "--features", features]);
        command.args(["--config", "profile.dev.package.mutoscope.opt-level=0"]);
        for target in targets {
            command.args(["--target", target]);
        }
        println!("{}", line(&command));
        require(&mut command)
    };
    let targets = available(BARE_METAL)?;
    for features in tried.everywhere {
        call("check", features, &targets)?;
    }
    for features in tried.once {
        call("check", features, targets.get(..1).unwrap_or_default())?;
    }
    let weakest: Vec<_> = targets.into_iter().filter(|target| WEAKEST.contains(target)).collect();
    if weakest.is_empty() { Ok(()) } else { call("build", "", &weakest) }
}

/// Server and client are checked, not linked, so that no other system's linker is needed.
pub(super) fn other_systems() -> Result<()> {
    let mut command = cargo();
    command.args([
        "check",
        "--package",
        "mutoscope-std",
        "--package",
        "mutoscope-server",
        "--lib",
        "--bins",
        // No examples: what these and the tests take is more, such as TLS, which takes a C compiler for each target.
    ]);
    for target in available(SYSTEMS)? {
        command.args(["--target", target]);
    }
    require(&mut command)
}

pub(super) fn sizes() -> Result<()> {
    add_target(sizes::TARGET)?;
    ensure!(sizes::run()?, "something is larger than it may be");
    Ok(())
}

/// Fuzzes the debug build: overflow checks and debug assertions are half of what a fuzz run looks for.
pub(super) fn fuzz(seconds: &str) -> Result<()> {
    require(program("fuzz")?.args(["--seconds", seconds]))
}

/// So many damaged pictures against djpeg.
pub(super) fn bent(files: u32) -> Result<()> {
    require(program("bent")?.arg("--files").arg(files.to_string()))
}

/// Smaller pictures against what djpeg shows of the large ones.
pub(super) fn reduced() -> Result<()> {
    require(&mut program("reduced")?)
}

/// Real players against the real server, with one set of files.
pub(super) fn interop(files: &media::Set) -> Result<()> {
    against_server("interop", files)
}

/// Every kind of input through the real server to ffmpeg.
pub(super) fn inputs() -> Result<()> {
    against_server("inputs", &media::CLIPS)
}

/// Films by HTTP, in programs of others and in our own input.
pub(super) fn multipart() -> Result<()> {
    against_server("multipart", &media::CLIPS)
}

/// Streams that not everybody may watch, in the players of others and in ours.
pub(super) fn guarded() -> Result<()> {
    let mut command = program("guarded")?;
    command.arg("--player").arg(release_program("player-sdl")?);
    against_server_with(command, &media::CLIPS)
}

/// A video recorder of others' libraries finds the server, and plays what it is led to.
pub(super) fn onvif() -> Result<()> {
    let mut command = program("onvif")?;
    command.arg("--server").arg(release_program("mutoscope-server")?);
    // Without the libraries, discovery is tried all the same.
    let recorder = peers::onvif();
    command.args(recorder.iter().flat_map(|python| [std::ffi::OsStr::new("--python"), python.as_os_str()]));
    require(&mut command).with_context(|| format!("repeat with `{}`", line(&command)))?;
    recorder.map(drop)
}

/// Machines that die, cables that are cut, and nodes that lie, in namespaces where these can be had.
pub(super) fn cluster() -> Result<()> {
    let (of_tests, server) = (program("cluster")?, program("mutoscope-server")?);
    let mut command = as_root(&of_tests);
    command.arg("--server").arg(server.get_program());
    if SDL2.missing().is_none() {
        command.arg("--player").arg(release_program("player-sdl")?);
    }
    require(&mut command).with_context(|| format!("repeat with `{}`", line(&command)))
}

/// The page in a browser.
pub(super) fn browser() -> Result<()> {
    let mut command = program("browser")?;
    command.arg("--server").arg(release_program("mutoscope-server")?);
    require(&mut command).with_context(|| format!("repeat with `{}`", line(&command)))
}

/// A program of the tests that starts the real server.
fn against_server(name: &str, files: &media::Set) -> Result<()> {
    against_server_with(program(name)?, files)
}

fn against_server_with(mut command: Command, files: &media::Set) -> Result<()> {
    command.arg("--server").arg(release_program("mutoscope-server")?).arg("--media").arg(files.directory()?);
    require(&mut command).with_context(|| format!("repeat with `{}`", line(&command)))
}

/// Our player against a server that others wrote; `name` is as `peers --help` lists it.
pub(super) fn peer(name: &str) -> Result<()> {
    if name == "espp" {
        peers::espp()?;
    }
    peers::play(program("peers")?, name)
}

/// Files of this machine through smoltcp and a TAP device.
pub(super) fn tap() -> Result<()> {
    if let Some(why) = tap_demo::missing() {
        return Err(skip(why));
    }
    tap_demo::check(&media::default_directory()?.join("std-420-640x480.mjpeg"))
}

pub(super) fn build_firmware() -> Result<()> {
    run_firmware::build_all()
}

/// Players watch it for so long without a gap.
pub(super) fn firmware(seconds: u64) -> Result<()> {
    run_firmware::check(Duration::from_secs(seconds))
}

pub(super) fn firmware_lint() -> Result<()> {
    run_firmware::lint()
}

/// The camera of a real kernel.
pub(super) fn v4l2() -> Result<()> {
    v4l2::check()
}

/// The other encoder of cameras' pictures, and the same tests of what it makes.
pub(super) fn turbojpeg() -> Result<()> {
    require(cargo().args(["test", "--package", "mutoscope-std", "--features", "turbojpeg", "--lib", "pixels"]))
}

pub(super) fn deny() -> Result<()> {
    install_tool("deny")?;
    // It looks at what other systems would need too, which no build here has fetched.
    require(cargo().args(["fetch", "--locked"]))?;
    require(cargo().args(["deny", "--offline", "check", "bans", "licenses", "sources"]))
}
