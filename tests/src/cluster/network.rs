//! Machines with cables between them: network namespaces of this one, each with a cable to a switch. Where these cannot be had, all are
//! this machine, and no cable is ever cut.

use crate::interop::feeds::free_port;
use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, setns};
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What all names of namespaces begin with. The number of the process that made them comes next.
const PREFIX: &str = "mutoscope-";
/// The namespace of the switch, and the switch.
const SWITCH: &str = "switch";
const BRIDGE: &str = "bridge";
/// The end of the cable at the machine.
const CABLE: &str = "cable";
/// Ports of machines that have all to themselves.
const RTSP_PORT: u16 = 8554;
const CLUSTER_PORT: u16 = 7447;

/// One machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    namespace: Option<String>,
    /// The other end of its cable.
    socket: String,
    /// Its address.
    pub address: IpAddr,
}

/// Some machines, and the switch between them. It is all taken away when this is dropped.
#[derive(Debug)]
pub struct Network {
    /// `None`: there are no namespaces.
    prefix: Option<String>,
    places: usize,
}

/// Why no namespaces can be made here. `None`: they can.
pub fn why_not() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("network namespaces are Linux's".into());
    }
    for program in ["ip", "tc"] {
        if Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            return Some(format!("there is no {program}; install with: sudo apt-get install iproute2"));
        }
    }
    let name = format!("{PREFIX}{}-try", std::process::id());
    let made = ip(&["netns", "add", &name]).and_then(|()| ip(&["-n", &name, "link", "set", "lo", "up"]));
    let _ = ip(&["netns", "delete", &name]);
    made.err().map(|error| format!("{error:#}"))
}

/// Takes away what others have left who could not do so themselves.
pub fn sweep() {
    let Ok(output) = Command::new("ip").args(["netns", "list"]).stderr(Stdio::null()).output() else { return };
    for name in String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.split_whitespace().next()) {
        let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if maker.is_some_and(|maker| maker.parse::<u32>().is_ok() && !Path::new("/proc").join(maker).exists()) {
            remove(name);
        }
    }
}

impl Network {
    /// An empty one.
    pub fn new(namespaces: bool) -> Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let prefix = namespaces.then(|| format!("{PREFIX}{}-{number}-", std::process::id()));
        let network = Self { prefix, places: 0 };
        if let Some(switch) = network.namespace(SWITCH) {
            ip(&["netns", "add", &switch])?;
            ip(&["-n", &switch, "link", "add", BRIDGE, "type", "bridge", "forward_delay", "0"])?;
            ip(&["-n", &switch, "link", "set", BRIDGE, "up"])?;
        }
        Ok(network)
    }

    fn namespace(&self, name: &str) -> Option<String> {
        self.prefix.as_ref().map(|prefix| format!("{prefix}{name}"))
    }

    fn switch(&self) -> Result<String> {
        self.namespace(SWITCH).context("there are no cables without namespaces")
    }

    /// Whether its cables can be cut.
    pub fn has_cables(&self) -> bool {
        self.prefix.is_some()
    }

    /// One more machine.
    pub fn place(&mut self) -> Result<Place> {
        self.places += 1;
        let name = format!("m{}", self.places);
        let socket = name.clone();
        let Some(namespace) = self.namespace(&name) else {
            return Ok(Place { namespace: None, socket, address: Ipv4Addr::LOCALHOST.into() });
        };
        let last = u8::try_from(self.places).context("too many machines")?;
        let (address, switch) = (Ipv4Addr::new(10, 79, 0, last), self.switch()?);
        ip(&["netns", "add", &namespace])?;
        ip(&["-n", &switch, "link", "add", &socket, "type", "veth", "peer", "name", CABLE, "netns", &namespace])?;
        ip(&["-n", &switch, "link", "set", &socket, "master", BRIDGE, "up"])?;
        ip(&["-n", &namespace, "address", "add", &format!("{address}/24"), "dev", CABLE])?;
        ip(&["-n", &namespace, "link", "set", "lo", "up"])?;
        ip(&["-n", &namespace, "link", "set", CABLE, "up"])?;
        ip(&["-n", &namespace, "route", "add", "224.0.0.0/4", "dev", CABLE])?;
        Ok(Place { namespace: Some(namespace), socket, address: address.into() })
    }

    /// Pulls the machine's cable: nothing comes, nothing leaves, and nobody is told.
    pub fn cut(&self, place: &Place) -> Result<()> {
        ip(&["-n", &self.switch()?, "link", "set", &place.socket, "down"])
    }

    /// Puts it in again.
    pub fn mend(&self, place: &Place) -> Result<()> {
        ip(&["-n", &self.switch()?, "link", "set", &place.socket, "up"])
    }

    /// Lets no more than so many Mbit/s go to the machine.
    pub fn narrow(&self, place: &Place, mbit: u32) -> Result<()> {
        let (switch, rate) = (self.switch()?, format!("{mbit}mbit"));
        let dev = ["netns", "exec", &switch, "tc", "qdisc", "replace", "dev", &place.socket, "root"];
        ip(&[&dev[..], &["tbf", "rate", &rate, "burst", "16kb", "latency", "50ms"]].concat())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for number in 1..=self.places {
            if let Some(name) = self.namespace(&format!("m{number}")) {
                remove(&name);
            }
        }
        if let Some(name) = self.namespace(SWITCH) {
            remove(&name);
        }
    }
}

/// Ends what runs in a namespace, and takes it away.
fn remove(name: &str) {
    if let Ok(output) = Command::new("ip").args(["netns", "pids", name]).stderr(Stdio::null()).output() {
        for id in String::from_utf8_lossy(&output.stdout).split_whitespace() {
            // Threads of this process are in there, too.
            if id != std::process::id().to_string() {
                let _ = Command::new("kill").args(["-KILL", id]).stderr(Stdio::null()).status();
            }
        }
    }
    let _ = ip(&["netns", "delete", name]);
}

impl Place {
    /// A command that runs a program there. It ends with this program, however that ends; so it has to be started by a thread that lasts as
    /// long.
    pub fn command(&self, program: &Path) -> Command {
        let mut words: Vec<&str> = Vec::new();
        if let Some(namespace) = &self.namespace {
            words.extend(["ip", "netns", "exec", namespace]);
        }
        if cfg!(target_os = "linux") {
            words.extend(["setpriv", "--pdeathsig", "KILL"]);
        }
        let Some((first, rest)) = words.split_first() else { return Command::new(program) };
        let mut command = Command::new(first);
        command.args(rest).arg(program);
        command
    }

    /// Moves this thread there, with the sockets that it opens and the programs that it starts from now on.
    pub fn enter(&self) -> Result<()> {
        let Some(namespace) = &self.namespace else { return Ok(()) };
        let path = Path::new("/run/netns").join(namespace);
        let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        setns(file, CloneFlags::CLONE_NEWNET).with_context(|| format!("cannot enter {namespace}"))
    }

    /// Does something there, in a thread of its own.
    pub fn within<T: Send>(&self, what: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let work = || self.enter().and_then(|()| what());
        std::thread::scope(|scope| scope.spawn(work).join().ok().context("a thread panicked")?)
    }

    /// Bytes that have come and gone by its cable so far.
    pub fn bytes(&self) -> Result<[u64; 2]> {
        ensure!(self.namespace.is_some(), "there is no cable without namespaces");
        self.within(|| {
            let text = fs::read_to_string("/proc/thread-self/net/dev")?;
            bytes(&text).with_context(|| format!("no {CABLE} in {text}"))
        })
    }

    /// Where a server there listens for players, and for other nodes.
    pub fn ports(&self) -> Result<[SocketAddr; 2]> {
        let ports = match self.namespace {
            Some(_) => [RTSP_PORT, CLUSTER_PORT],
            None => [free_port()?, free_port()?],
        };
        Ok(ports.map(|port| SocketAddr::new(self.address, port)))
    }
}

/// Received and sent, of a table that the kernel prints.
fn bytes(table: &str) -> Option<[u64; 2]> {
    let line = table.lines().find_map(|line| line.trim().strip_prefix(CABLE)?.strip_prefix(':'))?;
    let mut numbers = line.split_whitespace().map(|word| word.parse().ok());
    Some([numbers.next()??, numbers.nth(7)??])
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(arguments).stdin(Stdio::null()).output().context("cannot run ip")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`ip {}` failed: {}", arguments.join(" "), error.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_cable_are_read() {
        let table = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       1       2    3    4    5     6          7         8        9      10   11   12   13    14      15         16
 cable:   12345      21    0    0    0     0          0         0      678       9    0    0    0     0       0          0
";
        assert_eq!(bytes(table), Some([12345, 678]));
        assert_eq!(bytes("cable: 1"), None);
    }

    #[test]
    fn without_namespaces_all_are_this_machine() {
        let mut network = Network::new(false).unwrap();
        let (one, other) = (network.place().unwrap(), network.place().unwrap());
        assert_eq!((one.address, one == other), (other.address, false));
        assert!(one.ports().unwrap()[0] != one.ports().unwrap()[1]);
        assert!(network.cut(&one).is_err() && one.bytes().is_err());
        assert_eq!(one.within(|| Ok(7)).unwrap(), 7);
    }
}
