//! What the kernel holds meanwhile, and whether the machine stands still, from `/proc` (Linux).

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Memory of sockets of the whole machine, both directions, in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Of TCP.
    pub tcp_kib: u64,
    /// Of UDP.
    pub udp_kib: u64,
}

/// What waits in TCP between a server and its clients on this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queues {
    /// Bytes that the server has sent and that were not acknowledged, or could not be sent.
    pub sent: u64,
    /// Bytes that came to its clients, and that they have not read.
    pub unread: u64,
}

impl Memory {
    /// That of now.
    pub fn now() -> Self {
        let text = std::fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
        Self { tcp_kib: pages(&text, "TCP:") * 4, udp_kib: pages(&text, "UDP:") * 4 }
    }

    fn max(self, other: Self) -> Self {
        Self { tcp_kib: self.tcp_kib.max(other.tcp_kib), udp_kib: self.udp_kib.max(other.udp_kib) }
    }
}

impl Queues {
    /// Those of now; the server listens at `port`.
    pub fn now(port: u16) -> Self {
        queues(&std::fs::read_to_string("/proc/net/tcp").unwrap_or_default(), port)
    }
}

/// Of `/proc/net/sockstat`. The kernel counts pages; those of 4 KiB are meant.
fn pages(sockstat: &str, protocol: &str) -> u64 {
    let words = sockstat.lines().find(|line| line.starts_with(protocol)).unwrap_or_default();
    words.split("mem ").nth(1).and_then(|pages| pages.trim().parse().ok()).unwrap_or(0)
}

/// The port of an address, and both queues, of a line of `/proc/net/tcp` or `/proc/net/udp`.
fn line(line: &str) -> Option<(u16, u16, u64, u64)> {
    let mut words = line.split_whitespace();
    let port = |word: Option<&str>| u16::from_str_radix(word?.split_once(':')?.1, 16).ok();
    let (local, remote) = (port(words.nth(1))?, port(words.next())?);
    let (sent, read) = words.nth(1)?.split_once(':')?;
    Some((local, remote, u64::from_str_radix(sent, 16).ok()?, u64::from_str_radix(read, 16).ok()?))
}

fn queues(tcp: &str, port: u16) -> Queues {
    let mut found = Queues::default();
    for (local, remote, sent, read) in tcp.lines().filter_map(line) {
        // What a socket that listens has in its queue are connections.
        found.sent += if local == port && remote != 0 { sent } else { 0 };
        found.unread += if remote == port { read } else { 0 };
    }
    found
}

/// How many datagrams the kernel has thrown away at each UDP port.
pub(super) fn udp_drops() -> BTreeMap<u16, u64> {
    drops(&std::fs::read_to_string("/proc/net/udp").unwrap_or_default())
}

fn drops(udp: &str) -> BTreeMap<u16, u64> {
    let of = |text: &str| Some((line(text)?.0, text.split_whitespace().last()?.parse().ok()?));
    udp.lines().filter_map(of).collect()
}

/// The most memory that the kernel held for sockets: a thread looks at it again and again.
#[derive(Debug)]
pub struct Held {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Memory>,
}

impl Held {
    /// From now on.
    pub fn watch() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let is_over = is_over.clone();
            move || {
                let mut most = Memory::default();
                while !is_over.load(Relaxed) {
                    most = most.max(Memory::now());
                    std::thread::sleep(Duration::from_millis(200));
                }
                most
            }
        });
        Self { is_over, thread }
    }

    /// The most of each until now.
    pub fn most(self) -> Memory {
        self.is_over.store(true, Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

/// How long this machine stood still at most: a thread on each core sleeps for a moment, and sees how much longer it took.
#[derive(Debug)]
pub struct Stillness {
    is_over: Arc<AtomicBool>,
    most_us: Arc<AtomicU64>,
}

/// How long such a thread sleeps.
const NAP: Duration = Duration::from_millis(10);

impl Stillness {
    /// Watches these cores; none: wherever the threads run.
    pub fn watch(cores: &[usize]) -> Self {
        let (is_over, most_us) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        for place in if cores.is_empty() { vec![None] } else { cores.iter().copied().map(Some).collect() } {
            let (is_over, most_us) = (is_over.clone(), most_us.clone());
            std::thread::spawn(move || {
                place.into_iter().for_each(keep_to);
                while !is_over.load(Relaxed) {
                    let begin = Instant::now();
                    std::thread::sleep(NAP);
                    most_us.fetch_max((begin.elapsed() - NAP).as_micros() as u64, Relaxed);
                }
            });
        }
        Self { is_over, most_us }
    }

    /// The longest that one of them was late since this was asked last.
    pub fn take_most(&self) -> Duration {
        Duration::from_micros(self.most_us.swap(0, Relaxed))
    }
}

impl Drop for Stillness {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
    }
}

/// Keeps this thread to a core, where `taskset` can.
fn keep_to(core: usize) {
    let Ok(thread) = std::fs::read_link("/proc/thread-self") else { return };
    let Some(thread) = thread.file_name().and_then(|name| name.to_str()) else { return };
    let mut taskset = Command::new("taskset");
    taskset.args(["--pid", "--cpu-list", &core.to_string(), thread]);
    let _ = taskset.stdout(Stdio::null()).stderr(Stdio::null()).status();
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:216A 00000000:0000 0A 00000003:00000002 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:216A 0100007F:9C40 01 00001000:00000007 01:00000015 00000000     0        0 2 2 0 20 4 30 10 -1
   2: 0100007F:9C40 0100007F:216A 01 00000005:00002000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
   3: 0100007F:1F90 0100007F:9C41 01 00009999:00009999 00:00000000 00000000     0        0 4 1 0 20 4 30 10 -1
";

    #[test]
    fn only_what_the_server_sends_is_queued() {
        assert_eq!(queues(TCP, 8554), Queues { sent: 0x1000, unread: 0x2000 });
        assert_eq!(queues("", 8554), Queues::default());
    }

    #[test]
    fn drops_are_found_by_port() {
        let udp = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  129: 0100007F:0050 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 77 2 0000000000000000 12
";
        assert_eq!(drops(udp), BTreeMap::from([(80, 12)]));
    }

    #[test]
    fn memory_is_counted_in_pages() {
        let text =
            "sockets: used 21\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 104\nUDP: inuse 0 mem 3\nUDPLITE: inuse 0\n";
        assert_eq!((pages(text, "TCP:"), pages(text, "UDP:"), pages(text, "RAW:")), (104, 3, 0));
    }
}
