//! QEMU with the image in it.

use super::Programs;
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where the guest's ports appear on this machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) rtsp: u16,
    /// Even; RTCP has the next one.
    pub(super) rtp: u16,
}

impl Ports {
    /// Finds ports that nobody uses now.
    pub(super) fn free() -> Result<Self> {
        let rtsp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let rtp = (20_000..30_000).step_by(2).find(|&port| pair_is_free(port)).context("no free pair of UDP ports")?;
        Ok(Self { rtsp, rtp })
    }
}

fn pair_is_free(port: u16) -> bool {
    [port, port + 1].iter().all(|&port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}

/// A running image. Dropping it ends it.
pub(super) struct Machine {
    qemu: Arc<Mutex<Child>>,
    decode: Child,
    lines: Receiver<String>,
    log: Vec<String>,
    pub(super) ports: Ports,
}

impl Machine {
    /// Starts it and waits until it serves. Connecting earlier would take seconds: QEMU's network asks again and again.
    pub(super) fn start(programs: &Programs, ports: Ports, frame_rate: &str, pcap: Option<&Path>) -> Result<Self> {
        ensure!(ports.rtp.is_multiple_of(2) && ports.rtp != 0, "the RTP port has to be even");
        let Ports { rtsp, rtp } = ports;
        let rtcp = rtp + 1;
        // The guest's UDP ports have the host's numbers, so that what it announces in SETUP is true.
        let forward = |protocol, host, guest| format!(",hostfwd={protocol}:127.0.0.1:{host}-:{guest}");
        let network = [
            "user,id=net,ipv6=off".into(),
            forward("tcp", rtsp, 8554),
            forward("udp", rtp, rtp),
            forward("udp", rtcp, rtcp),
        ];
        let mut command = Command::new("qemu-system-arm");
        command.args(["-M", "lm3s6965evb", "-display", "none", "-serial", "none", "-monitor", "none"]);
        command.args(["-semihosting-config", "enable=on,target=native"]);
        command.arg("-kernel").arg(&programs.image);
        command.args(["-append", &format!("fps={frame_rate} rtp={rtp} seed={}", seed()?)]);
        command.args(["-netdev", &network.concat(), "-net", "nic,netdev=net"]);
        if let Some(pcap) = pcap {
            let path = pcap.to_str().filter(|path| !path.contains(',')).context("QEMU takes no such file name")?;
            command.args(["-object", &format!("filter-dump,id=dump,netdev=net,file={path}")]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut qemu = command.spawn().context("cannot run qemu-system-arm")?;
        let (stdout, stderr) = (qemu.stdout.take().context("no stdout")?, qemu.stderr.take().context("no stderr")?);
        let mut decode = Command::new(&programs.decode);
        decode.arg(&programs.image).stdin(stdout).stdout(Stdio::piped());
        let mut decode = decode.spawn().context("cannot run the log's decoder")?;
        let text = decode.stdout.take().context("no stdout")?;
        let (sender, lines) = channel();
        let complaints = sender.clone();
        std::thread::spawn(move || forward_lines(text, |line| sender.send(line).is_ok()));
        std::thread::spawn(move || {
            // QEMU 7 says this of a timer of its own whenever it resets the machine.
            let is_news = |line: &str| !line.starts_with("Timer with period zero");
            forward_lines(stderr, |line| !is_news(&line) || complaints.send(line).is_ok());
        });
        let mut machine = Self { qemu: Arc::new(Mutex::new(qemu)), decode, lines, log: Vec::new(), ports };
        machine
            .wait_for("is ready", Duration::from_secs(20))
            .with_context(|| format!("the image does not start (ports {rtsp}, {rtp} and {rtcp})"))?;
        Ok(machine)
    }

    /// The URL that players open.
    pub(super) fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}/testcard", self.ports.rtsp)
    }

    /// Waits for a line of the log that contains `text`, and returns it.
    pub(super) fn wait_for(&mut self, text: &str, patience: Duration) -> Result<String> {
        let deadline = std::time::Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    let found = line.contains(text);
                    self.log.push(line.clone());
                    if found {
                        return Ok(line);
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("no `{text}` in its log within {patience:?}:\n{}", self.tail()),
                Err(RecvTimeoutError::Disconnected) => bail!("QEMU has ended:\n{}", self.tail()),
            }
        }
    }

    /// All that was logged so far.
    pub(super) fn log(&mut self) -> &[String] {
        self.log.extend(self.lines.try_iter());
        &self.log
    }

    /// The end of the log.
    pub(super) fn tail(&mut self) -> String {
        let log = self.log();
        log.get(log.len().saturating_sub(20)..).unwrap_or(log).join("\n")
    }

    /// Has Ctrl-C end QEMU and not us, so that [`print_log_until_end`](Self::print_log_until_end) comes to an end.
    pub(super) fn on_interrupt_stop(&self) -> Result<()> {
        let qemu = self.qemu.clone();
        ctrlc::set_handler(move || kill(&qemu)).context("cannot catch Ctrl-C")
    }

    /// Prints what was logged and what will be, until QEMU ends.
    pub(super) fn print_log_until_end(&mut self) -> Result<()> {
        for line in self.log.drain(..).chain(self.lines.iter()) {
            println!("{line}");
        }
        Ok(())
    }

    /// Whether it still runs.
    pub(super) fn is_alive(&self) -> bool {
        self.qemu.lock().is_ok_and(|mut qemu| matches!(qemu.try_wait(), Ok(None)))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        kill(&self.qemu);
        // Its input has ended.
        let _ = self.decode.wait();
    }
}

fn kill(qemu: &Mutex<Child>) {
    if let Ok(mut qemu) = qemu.lock() {
        let _ = qemu.kill();
        let _ = qemu.wait();
    }
}

fn forward_lines(from: impl Read, mut to: impl FnMut(String) -> bool) {
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        if !to(line) {
            break;
        }
    }
}

/// What the guest, which has no noise source, makes its secrets of: 256 bits of this machine's, in hexadecimal digits.
fn seed() -> Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("no random numbers")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
