//! What is given to others: packages for Debian of three kinds of machines, and a program that needs no library of the system. Each is
//! tried before it is told of.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::child::Running;
use crate::packages::{CROSS_ARM64, CROSS_ARMHF, FFMPEG, MUSL, Need, QEMU_USER, install_missing};
use crate::service;
use crate::shell::{cargo, on_path, output, require, root, target_dir};
use crate::toolchain::{add_target, host, install_tool};

const PROGRAM: &str = "mutoscope-server";
const FEATURES: &str = "cluster,tls";
/// Longest that anything takes on an emulated processor.
const PATIENCE: Duration = Duration::from_secs(60);
/// What each package has to hold.
const CONTENTS: &[&str] = &[
    "usr/bin/mutoscope-server",
    "etc/mutoscope/mutoscope.toml",
    "usr/lib/systemd/system/mutoscope-server.service",
    "usr/lib/systemd/system/mutoscope-server.socket",
    "usr/lib/systemd/system/mutoscope-server-http.socket",
    "usr/lib/sysusers.d/mutoscope-server.conf",
    "usr/share/man/man1/mutoscope-server.1.gz",
    "usr/share/man/man1/mutoscope-server-passwd.1.gz",
    "usr/share/bash-completion/completions/mutoscope-server",
    "usr/share/doc/mutoscope-server/copyright",
];

/// What to build.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Kinds of machines; all where none is named
    #[arg(value_enum)]
    kinds: Vec<Kind>,
}

/// A kind of machine, as Debian calls it; or a program of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A package for PCs
    Amd64,
    /// A package for a Raspberry Pi 3 and later with a system of 64 bits
    Arm64,
    /// A package for a Raspberry Pi 2 and later with one of 32 bits
    Armhf,
    /// A program for any Linux on a PC, and for the container
    Musl,
}

impl Kind {
    const fn triple(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::Armhf => "armv7-unknown-linux-gnueabihf",
            Self::Musl => "x86_64-unknown-linux-musl",
        }
    }

    /// The prefix of the tools of another machine, and what runs its programs here.
    const fn foreign(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Arm64 => Some(("aarch64-linux-gnu", "qemu-aarch64")),
            Self::Armhf => Some(("arm-linux-gnueabihf", "qemu-arm")),
            Self::Amd64 | Self::Musl => None,
        }
    }

    const fn needs(self) -> &'static [&'static Need] {
        match self {
            Self::Amd64 => &[&FFMPEG],
            Self::Arm64 => &[&FFMPEG, &CROSS_ARM64, &QEMU_USER],
            Self::Armhf => &[&FFMPEG, &CROSS_ARMHF, &QEMU_USER],
            Self::Musl => &[&FFMPEG, &MUSL],
        }
    }

    /// A command that runs a program for this machine.
    fn run(self, program: &Path) -> Command {
        match self.foreign().filter(|_| !host().is_ok_and(|host| host == self.triple())) {
            Some((prefix, emulator)) => {
                let mut command = Command::new(emulator);
                command.arg("-L").arg(format!("/usr/{prefix}")).arg(program);
                command
            }
            None => Command::new(program),
        }
    }
}

/// Builds and tries all of it. `false`: something was left out.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let kinds = if options.kinds.is_empty() { Kind::value_variants() } else { &options.kinds };
    install_missing(&kinds.iter().flat_map(|kind| kind.needs()).copied().collect::<Vec<_>>());
    install_tool("deb")?;
    // The manifest takes the pages from there, wherever cargo builds.
    let folder = root().join("target/dist");
    fs::create_dir_all(&folder)?;
    service::make_pages(&folder.join("pages"))?;
    let mut rows = Vec::new();
    let mut is_whole = true;
    for &kind in kinds {
        let name = kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        if let Some(why) = kind.needs().iter().find_map(|need| need.missing()) {
            rows.push(format!("SKIPPED {name}: {why}"));
            is_whole = false;
            continue;
        }
        let made = make(kind, &folder).with_context(|| format!("{name} is not made"))?;
        rows.push(format!("{name}: {made}"));
    }
    println!();
    rows.iter().for_each(|row| println!("{row}"));
    Ok(is_whole)
}

/// Builds and tries one of them, and tells what it is.
fn make(kind: Kind, folder: &Path) -> Result<String> {
    let triple = kind.triple();
    add_target(triple)?;
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--package", PROGRAM, "--features", FEATURES, "--target", triple]);
    if let Some((prefix, _)) = kind.foreign() {
        let name = triple.to_ascii_uppercase().replace('-', "_");
        build.env(format!("CARGO_TARGET_{name}_LINKER"), format!("{prefix}-gcc"));
    }
    require(&mut build)?;
    let built = target_dir()?.join(triple).join("release").join(PROGRAM);
    let (product, program) = match kind {
        Kind::Musl => {
            let program = folder.join(format!("{PROGRAM}-musl"));
            // The container's volume begins as this.
            fs::create_dir_all(folder.join("state"))?;
            require(Command::new("strip").arg("-o").arg(&program).arg(&built))?;
            ensure!(is_static(&program)?, "{} needs libraries of the system", program.display());
            (program.clone(), program)
        }
        _ => package(kind, folder)?,
    };
    let tried = try_out(kind, &program)?;
    let size = |path: &Path| fs::metadata(path).map(|file| file.len() as f64 / 1e6);
    let whole = if product == program { String::new() } else { format!("{:.1} MB, ", size(&product)?) };
    Ok(format!("{} ({whole}the program {:.1} MB); {tried}", product.display(), size(&program)?))
}

/// Whether a program needs no other file: no interpreter is named in its header.
fn is_static(program: &Path) -> Result<bool> {
    let headers = output(Command::new("readelf").args(["--program-headers", "--wide"]).arg(program))?;
    Ok(!String::from_utf8_lossy(&headers).contains("INTERP"))
}

/// Packs what was built; gives the package, and the program as it is in there.
fn package(kind: Kind, folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let triple = kind.triple();
    let unpacked = folder.join(triple);
    let _ = fs::remove_dir_all(&unpacked);
    let mut pack = cargo();
    pack.args(["deb", "--locked", "--no-build", "--strip", "--package", PROGRAM, "--target", triple, "--output"]);
    let printed = output(pack.arg(folder).stderr(Stdio::inherit()))?;
    let printed = String::from_utf8_lossy(&printed);
    let deb = PathBuf::from(printed.lines().last().context("cargo deb names no package")?.trim());
    println!("{}", String::from_utf8_lossy(&output(Command::new("dpkg-deb").arg("--info").arg(&deb))?));
    require(Command::new("dpkg-deb").arg("-x").arg(&deb).arg(&unpacked))?;
    for path in CONTENTS {
        ensure!(unpacked.join(path).exists(), "{} has no {path}", deb.display());
    }
    if on_path("lintian") {
        // What it finds is for people: much of it is about archives that this is not for.
        let _ = Command::new("lintian").args(["--tag-display-limit", "0"]).arg(&deb).status();
    }
    let program = unpacked.join("usr/bin").join(PROGRAM);
    Ok((deb, program))
}

/// Has the program serve its test card to ffmpeg and by HTTP.
fn try_out(kind: Kind, program: &Path) -> Result<String> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let config = root().join("packaging/mutoscope.toml");
    let mut command = kind.run(program);
    command.args(["--rtsp-port", "0", "--http", &port.to_string(), "--config"]).arg(config);
    let (mut server, urls) = Running::start_server(&mut command)?;
    let url = urls.iter().find(|url| url.ends_with("/testcard")).context("there is no test card")?;
    for transport in ["udp", "tcp"] {
        let mut play = Command::new("ffmpeg");
        play.args(["-v", "error", "-xerror", "-rtsp_transport", transport, "-i", url, "-frames:v", "20"]);
        let frames = output(play.args(["-f", "framecrc", "-"]))?;
        let frames = String::from_utf8_lossy(&frames).lines().filter(|line| !line.starts_with('#')).count();
        ensure!(frames == 20, "ffmpeg had {frames} pictures of 20 over {transport}");
    }
    let len = snapshot(port)?;
    require(kind.run(program).args(["health", &format!("127.0.0.1:{port}")]))?;
    server.ask_to_end();
    let status = server.wait(PATIENCE)?.context("the server does not end")?;
    ensure!(status.success(), "the server ended with {status}");
    let by = command.get_program().to_string_lossy().into_owned();
    let by = if kind.foreign().is_some() { format!(", run by {by}") } else { String::new() };
    Ok(format!("served ffmpeg 20 pictures over UDP and TCP each, and one of {len} bytes by HTTP{by}"))
}

/// The length of a picture by HTTP.
fn snapshot(port: u16) -> Result<usize> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = "GET /streams/testcard/snapshot.jpg HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1";
    write!(stream, "{head}:{port}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n").context("there is no answer")?;
    let (head, picture) = answer.split_at(at + 4);
    ensure!(head.starts_with(b"HTTP/1.1 200") && picture.starts_with(&[0xff, 0xd8]), "there is no picture by HTTP");
    ensure!(picture.ends_with(&[0xff, 0xd9]), "the picture by HTTP is not whole");
    Ok(picture.len())
}
