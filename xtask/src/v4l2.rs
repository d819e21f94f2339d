//! The step `v4l2`: the camera of a real kernel.
//!
//! Debian's kernel boots on QEMU, with its camera of coloured bars (`vivid`). The server runs in it and is watched from here.
//! Nothing is installed: the kernel's package is unpacked into a folder of its own.

use crate::child::Running;
use crate::shell::{output, release_program, require, target_dir};
use crate::skip::skip;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Depends on the newest kernel.
const LATEST: &str = "linux-image-amd64";
/// What is loaded, with all that it depends on.
const MODULES: [&str; 2] = ["vivid", "e1000"];
const SIZE: (usize, usize) = (640, 360);
const RATE: u64 = 5;
/// So many pictures are looked at, before the camera is taken away and after it.
const PICTURES: usize = 25;
/// How long anything may take in an emulated machine that has half a processor.
const PATIENCE: Duration = Duration::from_secs(120);

/// The first program of the machine. It does what it is told on the serial line, where it also says everything.
const INIT: &str = "#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
modprobe e1000
modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0x0
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
stty -echo
echo the machine is up
while read -r line; do eval \"$line\"; done
";

/// Has the camera show bars of full colours, and give pictures the time when it began them. By itself, it gives that when it will
/// have ended them, which is still to come.
const SETTINGS: &str = "v4l2-ctl -d /dev/video0 -c test_pattern=1,timestamp_source=1";

/// The bars, from the left.
const BARS: [[u8; 3]; 8] =
    [[255, 255, 255], [255, 255, 0], [0, 255, 255], [0, 255, 0], [255, 0, 255], [255, 0, 0], [0, 0, 255], [0, 0, 0]];
/// How far the mean colour of a bar may be off. If the range of values were taken wrongly, white would be off by 20 and black by 16.
const TOLERANCE: u8 = 8;

/// Watches the camera, takes it away and gives it back.
pub(crate) fn check() -> Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(skip("the kernel that it boots runs programs of x86_64 Linux alone"));
    }
    let folder = target_dir()?.join("v4l2");
    fs::create_dir_all(&folder)?;
    let kernel = Kernel::get(&folder)?;
    let image = initramfs(&folder, &kernel)?;
    let mut machine = Machine::boot(&kernel.image, &image)?;
    machine.say("mutoscope-server --list-cameras")?;
    let listed = machine.wait_for("/dev/video0:")?;
    ensure!(listed.contains("vivid: YUYV 4:2:2 up to 3840x2160, "), "the camera is listed as {listed}");
    machine.say(SETTINGS)?;
    let (width, height) = SIZE;
    machine.say(&format!(
        "mutoscope-server --host 0.0.0.0 --open 'cam=/dev/video0#size={width}x{height}#rate={RATE}' &"
    ))?;
    machine.wait_for("rtsp://")?;
    let pixels = folder.join("pictures.rgb");
    let mut viewer = Viewer::watch(&machine.url(), &pixels)?;
    // ffmpeg makes up the first times, until a report tells it the true ones.
    viewer.times(5)?;
    let before = viewer.times(PICTURES)?;
    machine.say("mutoscope-server --check cam=/dev/video0")?;
    machine.wait_for("used by another program")?;
    machine.say("echo vivid.0 > /sys/bus/platform/drivers/vivid/unbind")?;
    machine.wait_for("was unplugged")?;
    // Pictures that were on their way are none of the next camera.
    viewer.drain();
    machine.say("echo vivid.0 > /sys/bus/platform/drivers/vivid/bind")?;
    machine.wait_for("the camera is there")?;
    let after = viewer.times(PICTURES)?;
    drop(viewer);
    steady(&before)?;
    let is_ordered = before.iter().chain(&after).is_sorted_by(|one, next| one < next);
    ensure!(is_ordered, "its timestamps went back: {before:?}, then {after:?}");
    bars(&fs::read(&pixels)?)?;
    println!(
        "{PICTURES} pictures of the kernel's camera have its colours and times; it went and came back under a viewer"
    );
    Ok(())
}

/// An unpacked kernel.
struct Kernel {
    image: PathBuf,
    /// The folder that holds `lib/modules`.
    root: PathBuf,
    version: String,
}

impl Kernel {
    /// Downloads and unpacks it, where that has not been done before.
    fn get(folder: &Path) -> Result<Self> {
        let no_kernel =
            |_| skip(format!("there is no package {LATEST}: this system is not Debian, or apt-get update is due"));
        let depends = output(Command::new("apt-cache").args(["depends", LATEST])).map_err(no_kernel)?;
        let depends = String::from_utf8_lossy(&depends).into_owned();
        let mut names = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: linux-image-"));
        let version = names.next().ok_or_else(|| skip(format!("{LATEST} names no kernel")))?.to_owned();
        let root = folder.join(&version);
        if !root.exists() {
            let package = format!("linux-image-{version}");
            println!("downloading {package}");
            let downloaded = require(Command::new("apt-get").current_dir(folder).args(["-qq", "download", &package]));
            downloaded.map_err(|error| skip(format!("the kernel cannot be had: {error:#}")))?;
            let file = file_that_begins(folder, &format!("{package}_"))?;
            // Under another name until it is whole.
            let part = folder.join("part");
            let _ = fs::remove_dir_all(&part);
            require(Command::new("dpkg").arg("-x").arg(&file).arg(&part))?;
            fs::remove_file(&file)?;
            let xz = ["-name", "*.ko.xz", "-exec", "unxz", "{}", "+"];
            require(Command::new("find").arg(part.join("lib/modules")).args(xz))?;
            require(Command::new("busybox").args(["depmod", "-b"]).arg(&part).arg(&version))?;
            fs::rename(&part, &root)?;
        }
        Ok(Self { image: root.join("boot").join(format!("vmlinuz-{version}")), root, version })
    }

    /// Paths of [`MODULES`] and of all that they depend on, below the folder of this version's modules.
    fn modules(&self) -> Result<Vec<String>> {
        let all = fs::read_to_string(self.folder_of_modules().join("modules.dep"))?;
        let mut files = vec!["modules.dep".to_owned()];
        for name in MODULES {
            let end = format!("/{name}.ko");
            let mut lines = all.lines().filter_map(|line| line.split_once(':'));
            let (file, others) = lines
                .find(|(file, _)| file.ends_with(&end))
                .ok_or_else(|| skip(format!("the kernel {} has no module {name}", self.version)))?;
            files.push(file.to_owned());
            files.extend(others.split_whitespace().map(str::to_owned));
        }
        Ok(files)
    }

    fn folder_of_modules(&self) -> PathBuf {
        self.root.join("lib/modules").join(&self.version)
    }
}

fn file_that_begins(folder: &Path, name: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(name) {
            return Ok(entry.path());
        }
    }
    bail!("there is no {name}… in {}", folder.display())
}

/// Packs what the machine needs: the modules, the server with its libraries, and a shell.
fn initramfs(folder: &Path, kernel: &Kernel) -> Result<PathBuf> {
    let root = folder.join("root");
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    for name in ["bin", "proc", "sys", "dev", "tmp"] {
        fs::create_dir_all(root.join(name))?;
    }
    let copy = |from: &Path, to: &Path| -> Result<()> {
        let to = root.join(to);
        fs::create_dir_all(to.parent().context("a path without a folder")?)?;
        fs::copy(from, &to).map(drop).with_context(|| format!("cannot copy {}", from.display()))
    };
    let modules = kernel.folder_of_modules();
    for file in kernel.modules()? {
        copy(&modules.join(&file), &Path::new("lib/modules").join(&kernel.version).join(&file))?;
    }
    let settings =
        PathBuf::from(String::from_utf8(output(Command::new("sh").args(["-c", "command -v v4l2-ctl"]))?)?.trim());
    for program in [release_program("mutoscope-server")?, settings] {
        let libraries = output(Command::new("ldd").arg(&program))?;
        for file in String::from_utf8_lossy(&libraries).split_whitespace().filter(|word| word.starts_with('/')) {
            copy(Path::new(file), Path::new(file.trim_start_matches('/')))?;
        }
        copy(&program, &Path::new("bin").join(program.file_name().context("a program without a name")?))?;
    }
    let shell = output(Command::new("sh").args(["-c", "command -v busybox"]))?;
    copy(Path::new(String::from_utf8_lossy(&shell).trim()), Path::new("bin/busybox"))?;
    fs::write(root.join("init"), INIT)?;
    require(Command::new("chmod").arg("755").arg(root.join("init")))?;
    let image = folder.join("initramfs");
    let pack = "find . | cpio --quiet -o -H newc";
    require(Command::new("sh").current_dir(&root).args(["-c", pack]).stdout(fs::File::create(&image)?))?;
    Ok(image)
}

/// A running kernel. Dropping it ends it.
struct Machine {
    qemu: Running,
    port: u16,
    log: Vec<String>,
}

impl Machine {
    fn boot(kernel: &Path, initramfs: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = Command::new("qemu-system-x86_64");
        command.args(["-m", "512", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"]);
        command.arg("-kernel").arg(kernel).arg("-initrd").arg(initramfs);
        command.args(["-append", "console=ttyS0 panic=-1 quiet nokaslr"]);
        command.args(["-netdev", &format!("user,id=net,hostfwd=tcp:127.0.0.1:{port}-:8554")]);
        command.args(["-device", "e1000,netdev=net"]);
        let qemu = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let mut machine = Self { qemu, port, log: Vec::new() };
        machine.wait_for("the machine is up").context("the kernel does not start")?;
        Ok(machine)
    }

    fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}/cam", self.port)
    }

    /// Has its shell run `line`.
    fn say(&mut self, line: &str) -> Result<()> {
        self.qemu.say(line)
    }

    /// Waits for a line on the serial console that contains `text`, and returns it.
    fn wait_for(&mut self, text: &str) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        while let Some(line) = self.qemu.next_line(deadline.saturating_duration_since(Instant::now())) {
            println!("{line}");
            self.log.push(line.clone());
            if line.contains(text) {
                return Ok(line);
            }
        }
        let tail = self.log.get(self.log.len().saturating_sub(20)..).unwrap_or_default();
        bail!("no `{text}` on its console within {PATIENCE:?}:\n{}", tail.join("\n"))
    }
}

/// ffmpeg, which stays whatever happens to the camera.
struct Viewer(Running);

impl Viewer {
    /// Plays over TCP, and writes the first pictures to `pixels`.
    fn watch(url: &str, pixels: &Path) -> Result<Self> {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-y", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", url]);
        command.args(["-map", "0:v", "-c", "copy", "-copyts", "-flush_packets", "1", "-f", "framecrc", "-"]);
        command.args(["-map", "0:v", "-frames:v", &PICTURES.to_string(), "-fps_mode", "passthrough"]);
        command.args(["-pix_fmt", "rgb24", "-f", "rawvideo"]).arg(pixels);
        Running::start(command.stdout(Stdio::piped())).map(Self)
    }

    /// The timestamps of the next pictures, in 90 kHz.
    fn times(&mut self, count: usize) -> Result<Vec<u64>> {
        let deadline = Instant::now() + PATIENCE;
        let mut times = Vec::new();
        while times.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.0.next_line(left).with_context(|| format!("{} of {count} pictures came", times.len()))?;
            times.extend(timestamp(&line));
        }
        Ok(times)
    }

    fn drain(&mut self) {
        while self.0.next_line(Duration::from_millis(500)).is_some() {}
    }
}

/// The presentation time in a line of ffmpeg's `framecrc`: stream, decoding and presentation time, length, size, checksum.
fn timestamp(line: &str) -> Option<u64> {
    let mut fields = line.split(',').map(str::trim);
    (fields.next()? == "0").then_some(())?;
    fields.nth(1)?.parse().ok()
}

/// Fails unless most pictures are one period apart: vivid's own times are off by some milliseconds, and an emulated machine may leave
/// out pictures.
fn steady(times: &[u64]) -> Result<()> {
    const PERIOD: u64 = 90_000 / RATE;
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    let single = gaps.iter().filter(|gap| gap.abs_diff(PERIOD) <= PERIOD / 10).count();
    ensure!(single * 2 > gaps.len(), "its pictures are not {PERIOD} apart: {gaps:?}");
    Ok(())
}

/// Fails unless the last of `pictures` shows the bars. Its upper half also has text.
fn bars(pictures: &[u8]) -> Result<()> {
    let (width, height) = SIZE;
    let whole = pictures.chunks_exact(width * height * 3);
    ensure!(whole.len() >= 20, "{} pictures were decoded", whole.len());
    let last = whole.last().context("no picture")?;
    let bar = width / BARS.len();
    for (number, expected) in BARS.iter().enumerate() {
        let mut sums = [0; 3];
        let mut count = 0;
        for line in last.chunks_exact(width * 3).skip(height * 2 / 3).take(height / 4) {
            // Chroma runs over at the edges of bars.
            for pixel in line.chunks_exact(3).skip(number * bar + bar / 4).take(bar / 2) {
                count += 1;
                sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u64::from(*value));
            }
        }
        let mean = sums.map(|sum| u8::try_from(sum / count).unwrap_or(u8::MAX));
        let is_near = mean.iter().zip(expected).all(|(mean, expected)| mean.abs_diff(*expected) <= TOLERANCE);
        ensure!(is_near, "bar {number} is {mean:?} and should be {expected:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_pictures_have_to_come_at_the_rate() {
        assert!(steady(&[0, 18_000, 36_001, 72_000, 89_600]).is_ok());
        assert!(steady(&[0, 36_000, 72_000, 108_000]).is_err());
        assert!(steady(&[0, 18_000, 18_000, 36_000, 36_001]).is_err());
    }

    #[test]
    fn times_are_read_and_comments_are_not() {
        assert_eq!(timestamp("0,      90000,      90001,     9000,     5120, 0x5a2f8b1c"), Some(90_001));
        assert_eq!(timestamp("#tb 0: 1/90000"), None);
    }

    #[test]
    fn bars_have_to_have_their_colours() {
        let (width, height) = SIZE;
        let line: Vec<u8> = (0..width).flat_map(|x| BARS[x * BARS.len() / width]).collect();
        let picture = line.repeat(height);
        assert!(bars(&picture.repeat(20)).is_ok());
        assert!(bars(&picture.repeat(19)).is_err());
        let narrow: Vec<u8> = picture.iter().map(|value| 16 + (u16::from(*value) * 219 / 255) as u8).collect();
        assert!(bars(&narrow.repeat(20)).is_err());
    }
}
