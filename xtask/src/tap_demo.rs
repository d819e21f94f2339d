//! `cargo xtask tap-demo`: the server on smoltcp behind a TAP device of this machine, for as long as one likes.
//!
//! The device is made, given an address and removed here; the server is the example `tap` of `platform-smoltcp`.

use crate::packages::root_prefix;
use crate::shell::{cargo, line, require, target_dir};
use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// Options of the command.
#[derive(Args)]
pub(crate) struct Options {
    /// The TAP device; one that exists already is used as it is, and stays
    #[arg(long, default_value = "mutoscope0")]
    interface: String,
    /// This machine's address on it
    #[arg(long, default_value = "192.168.69.100")]
    host_address: std::net::Ipv4Addr,
    /// MEDIA and options of the server: --pcap FILE, --drop-chance, --corrupt-chance, --duplicate-chance, --reorder-chance
    /// (percent), --loop, --frame-rate, --rtsp-port; `-- --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Runs until Ctrl-C.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "TAP devices are Linux's");
    // This check comes before a build that takes a minute.
    let address = options.host_address.to_string();
    may_make(&options.interface, &address)?;
    build()?;
    // The server says goodbye and ends; what was made here goes after it. Ctrl-C reaches it by itself, `kill` does not.
    let (server, stopped) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let (of_server, of_stop) = (server.clone(), stopped.clone());
    let handler = move || {
        of_stop.store(true, Ordering::SeqCst);
        let server = of_server.load(Ordering::SeqCst);
        if server != 0 {
            let _ = Command::new("kill").args(["-INT", &server.to_string()]).stderr(Stdio::null()).status();
        }
    };
    ctrlc::set_handler(handler).context("cannot catch Ctrl-C")?;
    let _tap = Tap::up(&options.interface, &address)?;
    if stopped.load(Ordering::SeqCst) {
        return Ok(());
    }
    let mut command = Command::new(program()?);
    command.args(["--interface", &options.interface]).args(&options.arguments);
    let mut child = command.spawn().with_context(|| format!("cannot run {}", line(&command)))?;
    server.store(child.id(), Ordering::SeqCst);
    let status = child.wait()?;
    server.store(0, Ordering::SeqCst);
    ensure!(status.success(), "`{}` ended with {status}", line(&command));
    Ok(())
}

/// The device of the check, and this machine's address on it.
const CHECKED: (&str, &str) = ("mutoscope1", "192.168.79.100");

/// Plays a clip with ffmpeg through smoltcp, over UDP and TCP at once: every picture has to be the file's own.
/// The example has been built before.
pub(crate) fn check(clip: &Path) -> Result<()> {
    let _tap = Tap::up(CHECKED.0, CHECKED.1)?;
    let mut server = Command::new(program()?);
    server.args(["--interface", CHECKED.0, "--address", "192.168.79.1"]).arg(clip);
    let mut server = server.stdout(Stdio::piped()).spawn().context("cannot start the server")?;
    let outcome = play(&mut server, clip);
    let ended = interrupt(&mut server);
    outcome?;
    ensure!(ended? == Some(0), "the server does not exit with 0 after Ctrl-C");
    Ok(())
}

fn play(server: &mut Child, clip: &Path) -> Result<()> {
    let stdout = server.stdout.take().context("no stdout")?;
    let name = clip.file_name().and_then(OsStr::to_str).context("a clip without a name")?;
    let is_url = |line: &String| line.starts_with("rtsp://") && line.ends_with(name);
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let url = lines.find(is_url).context("the server does not start")?;
    // The server has more to print, and would take a closed pipe for its end.
    spawn(move || lines.for_each(drop));
    let expected = pictures(&[], &clip.to_string_lossy())?;
    ensure!(!expected.is_empty(), "ffmpeg reads nothing from {}", clip.display());
    let players = ["udp", "tcp"].map(|transport| {
        let url = url.clone();
        (transport, spawn(move || pictures(&["-rtsp_transport", transport, "-buffer_size", "2000000"], &url)))
    });
    for (transport, player) in players {
        let seen = player.join().map_err(|_| anyhow!("a player's thread panicked"))??;
        ensure!(
            seen == expected,
            "over {transport}: {} pictures, and not the {} of the file",
            seen.len(),
            expected.len()
        );
        println!("ffmpeg over {transport}: all {} pictures, each as in the file", seen.len());
    }
    Ok(())
}

/// Digests of all pictures as ffmpeg decodes them.
fn pictures(options: &[&str], input: &str) -> Result<Vec<String>> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error"]).args(options).args(["-i", input]);
    let output = crate::shell::output(command.args(["-fps_mode", "passthrough", "-f", "framemd5", "-"]))?;
    let text = String::from_utf8_lossy(&output);
    let digest = |line: &str| line.rsplit(',').next().unwrap_or(line).trim().to_owned();
    Ok(text.lines().filter(|line| !line.starts_with('#')).map(digest).collect())
}

/// Ends it as Ctrl-C does; its exit code.
fn interrupt(server: &mut Child) -> Result<Option<i32>> {
    require(Command::new("kill").args(["-INT", &server.id().to_string()]))?;
    for _ in 0..100 {
        if let Some(status) = server.try_wait()? {
            return Ok(status.code());
        }
        sleep(Duration::from_millis(100));
    }
    let _ = server.kill();
    server.wait()?;
    Ok(None)
}

/// Where TAP devices are opened.
const TUN: &str = "/dev/net/tun";

/// Why no TAP device can be had here.
pub(crate) fn missing() -> Option<String> {
    may_make(CHECKED.0, CHECKED.1).err().map(|why| why.to_string())
}

fn build() -> Result<()> {
    require(cargo().args(["build", "--quiet", "--release", "--package", "mutoscope-smoltcp", "--example", "tap"]))
}

fn program() -> Result<PathBuf> {
    Ok(target_dir()?.join("release/examples/tap"))
}

/// A TAP device that goes when this is dropped, if it came with it.
struct Tap {
    made: Option<String>,
}

impl Tap {
    /// Makes the device where it is missing, for the user who runs this, gives it `address` in a network of 24 bits, and
    /// turns it on.
    fn up(interface: &str, address: &str) -> Result<Self> {
        if exists(interface) {
            return Ok(Self { made: None });
        }
        let Some(prefix) = root_prefix() else { return may_make(interface, address).map(|()| Self { made: None }) };
        let tap = Self { made: Some(interface.to_owned()) };
        for step in steps(interface, address)? {
            let mut command = ip(prefix, &step.iter().map(String::as_str).collect::<Vec<_>>());
            let output = command.output().with_context(|| format!("cannot run {}", line(&command)))?;
            ensure!(
                output.status.success(),
                "`{}` failed: {} (it takes CAP_NET_ADMIN and {TUN}; a container gets them by --cap-add NET_ADMIN --device {TUN})",
                line(&command),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(tap)
    }
}

/// The arguments of `ip`, one call after another, that make the device for the user who runs this.
fn steps(interface: &str, address: &str) -> Result<[Vec<String>; 3]> {
    let user = String::from_utf8(crate::shell::output(Command::new("id").arg("-u"))?)?;
    let words = |text: String| text.split(' ').map(str::to_owned).collect();
    Ok([
        words(format!("tuntap add dev {interface} mode tap user {}", user.trim())),
        words(format!("addr add {address}/24 dev {interface}")),
        words(format!("link set dev {interface} up")),
    ])
}

/// Whether the device is there or can be made; if not, why, and the command that makes it.
fn may_make(interface: &str, address: &str) -> Result<()> {
    ensure!(Path::new(TUN).exists(), "there is no {TUN}; the kernel's module makes it: sudo modprobe tun");
    let mut commands = Vec::new();
    if std::fs::File::options().read(true).write(true).open(TUN).is_err() {
        commands.push(format!("chmod 666 {TUN}"));
    }
    if !exists(interface) && root_prefix().is_none() {
        commands.extend(steps(interface, address)?.map(|step| format!("ip {}", step.join(" "))));
    }
    ensure!(
        commands.is_empty(),
        "a TAP device takes CAP_NET_ADMIN and {TUN}, which you lack; have them made: sudo sh -c '{}'",
        commands.join(" && ")
    );
    Ok(())
}

impl Drop for Tap {
    fn drop(&mut self) {
        let (Some(interface), Some(prefix)) = (&self.made, root_prefix()) else { return };
        // The device is busy for a moment after its user has ended.
        for _ in 0..20 {
            let mut delete = ip(prefix, &["link", "delete", "dev", interface]);
            if delete.stderr(Stdio::null()).status().is_ok_and(|status| status.success()) || !exists(interface) {
                return;
            }
            sleep(Duration::from_millis(50));
        }
        eprintln!("the TAP device {interface} could not be removed");
    }
}

fn exists(interface: &str) -> bool {
    Path::new("/sys/class/net").join(interface).exists()
}

fn ip(prefix: &[&str], arguments: &[&str]) -> Command {
    let mut words = prefix.iter().copied().chain(["ip"]);
    let mut command = Command::new(words.next().unwrap_or("ip"));
    command.args(words).args(arguments);
    command
}
