//! Arguments, the stack, and the loop.

use crate::cable::Cable;
use crate::faults::{Faults, Injector};
use anyhow::{Context, Result, anyhow};
use clap::Parser;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use mutoscope::io::server::Settings;
use mutoscope::media::FrameRate;
use mutoscope::media::catalogue::Catalogue;
use mutoscope::time::{Instant, NtpTime, WallClock};
use mutoscope::wire::url::Path;
use mutoscope_smoltcp::server::{Options, Server, Storage};
use mutoscope_smoltcp::time::{from_smoltcp, to_smoltcp};
use mutoscope_std::media::{Library, LibraryMedium};
use smoltcp::iface::{Config as InterfaceConfig, Interface, SocketSet};
use smoltcp::phy::{Medium, PcapMode, PcapWriter, TunTapInterface};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address, Ipv4Cidr};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::{Duration, SystemTime};

/// Serves the test card, a generated movie and MJPEG files on smoltcp, behind a TAP device.
#[derive(Parser)]
struct Arguments {
    /// Files and folders to serve beside the test card
    media: Vec<PathBuf>,
    /// The TAP device, which exists
    #[arg(long, default_value = "mutoscope0")]
    interface: String,
    /// The server's address, in the network of the device
    #[arg(long, default_value = "192.168.69.1")]
    address: Ipv4Address,
    /// Bits of the network's part of the address
    #[arg(long, default_value_t = 24)]
    prefix: u8,
    #[arg(long, default_value_t = 8554, env = "RTSP_PORT")]
    rtsp_port: u16,
    #[arg(long, default_value = "24", env = "FRAME_RATE")]
    frame_rate: FrameRate,
    /// Start files over at their end
    #[arg(long = "loop")]
    repeat: bool,
    /// Write all frames to this file
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Frames lost, in percent, each way
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    drop_chance: f32,
    /// Frames with a wrong bit
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    corrupt_chance: f32,
    /// Frames that come twice
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    duplicate_chance: f32,
    /// Frames that others overtake
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    reorder_chance: f32,
    /// Of the faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

const CLIENTS: usize = 17;
const CONNECTION: usize = 128 * 1024;
const PACKETS: usize = 64;
const MAC: EthernetAddress = EthernetAddress([0x02, 0x00, 0x00, 0x4D, 0x55, 0x54]);

pub(crate) fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = stop.clone();
    ctrlc::set_handler(move || stopping.store(true, Ordering::Relaxed))?;
    let shelves = Shelves::new(&arguments)?;

    let tap = TunTapInterface::new(&arguments.interface, Medium::Ethernet)
        .with_context(|| format!("cannot open the TAP device {}", arguments.interface))?;
    let descriptor = tap.as_raw_fd();
    let sink: Box<dyn Write> = match &arguments.pcap {
        Some(path) => Box::new(File::create(path).with_context(|| format!("cannot write {}", path.display()))?),
        None => Box::new(io::sink()),
    };
    let tap = PcapWriter::new(tap, sink, PcapMode::Both);
    let mut device = Cable::new(tap, Injector::new(arguments.seed, arguments.faults()));

    let started = std::time::Instant::now();
    let clock = || Instant::from_micros(started.elapsed().as_micros() as u64);
    let mut config = InterfaceConfig::new(MAC.into());
    config.random_seed = getrandom::u64().map_err(|error| anyhow!("no random numbers: {error}"))?;
    let mut interface = Interface::new(config, &mut device, to_smoltcp(clock()));
    interface.update_ip_addrs(|addresses| {
        let _ = addresses.push(IpCidr::Ipv4(Ipv4Cidr::new(arguments.address, arguments.prefix)));
    });

    let mut poll = Poll::new()?;
    poll.registry().register(&mut SourceFd(&descriptor), Token(0), Interest::READABLE)?;
    let waker = Waker::from(Arc::new(Bell(mio::Waker::new(poll.registry(), Token(1))?)));
    let mut events = Events::with_capacity(2);
    let mut storage = Box::new(Storage::<CLIENTS, CONNECTION, PACKETS>::new());
    // A system without random numbers has failed above.
    let mut entropy = || getrandom::u64().unwrap_or_default();
    let mut sockets = SocketSet::new(vec![]);
    let mut server = Server::new(&mut sockets, storage.lend(), &shelves, arguments.options(&waker), &mut entropy)?;
    shelves.announce(&arguments)?;
    loop {
        let now = clock();
        let deadline = server.poll(now, &mut interface, &mut device, &mut sockets);
        device.flush(to_smoltcp(clock()));
        if stop.swap(false, Ordering::Relaxed) {
            server.shut_down(now);
        }
        if server.is_stopped(&sockets) {
            return Ok(());
        }
        let due = device.due().map(from_smoltcp);
        let pause = [deadline, due].into_iter().flatten().min().map_or(Duration::MAX, |at| at.since(clock()));
        match poll.poll(&mut events, Some(pause.min(Duration::from_millis(100)))) {
            // Ctrl-C, which the next turn sees.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => outcome?,
        }
    }
}

/// Ends the wait for the device when a source has a frame, from any thread.
struct Bell(mio::Waker);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // If the system refuses, the next turn of the loop comes a little later all the same.
        let _ = self.0.wake();
    }
}

impl Arguments {
    fn faults(&self) -> Faults {
        let per_mille = |percent: f32| (percent.clamp(0.0, 100.0) * 10.0).round() as u32;
        Faults {
            drop: per_mille(self.drop_chance),
            corrupt: per_mille(self.corrupt_chance),
            duplicate: per_mille(self.duplicate_chance),
            reorder: per_mille(self.reorder_chance),
        }
    }

    fn options<'a>(&self, waker: &'a Waker) -> Options<'a> {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let settings = Settings {
            wall: WallClock { at_zero: NtpTime::from_unix_micros(unix.as_micros() as u64) },
            max_packet_size: 1472,
            repeat: self.repeat,
            cname: "mutoscope@tap",
            ..Settings::default()
        };
        Options { settings, rtsp_port: self.rtsp_port, max_clients: CLIENTS - 1, waker }
    }
}

/// What is generated, then what is read.
struct Shelves([Option<Library>; 2]);

impl Shelves {
    fn new(arguments: &Arguments) -> Result<Self> {
        let files = match arguments.media.as_slice() {
            [] => None,
            paths => Some(Library::from_paths(paths, arguments.frame_rate, mutoscope_std::media::Policy::default())?),
        };
        Ok(Self([Some(Library::built_in(arguments.frame_rate)), files]))
    }

    /// One line for each medium, then commands for players.
    fn announce(&self, arguments: &Arguments) -> Result<()> {
        let mut out = io::stdout().lock();
        let Arguments { address, rtsp_port, .. } = arguments;
        let names: Vec<&str> = self.0.iter().flatten().flat_map(Library::names).collect();
        for name in &names {
            writeln!(out, "rtsp://{address}:{rtsp_port}/{name}")?;
        }
        let url = format!("rtsp://{address}:{rtsp_port}/{}", names.last().unwrap_or(&"testcard"));
        writeln!(out, "\n  ffplay -probesize 32 -fflags nobuffer -flags low_delay {url}")?;
        writeln!(out, "  ffplay -probesize 32 -fflags nobuffer -flags low_delay -rtsp_transport tcp {url}")?;
        writeln!(out, "  vlc --network-caching=100 {url}\n")?;
        Ok(())
    }
}

impl Catalogue for Shelves {
    type Medium = LibraryMedium;

    fn find(&self, path: Path<'_>) -> Option<LibraryMedium> {
        self.0.iter().flatten().find_map(|library| library.find(path))
    }
}
