//! A streaming server in 64 KB of RAM: an LM3S6965 (Cortex-M3) without an operating system, without an allocator, without
//! a runtime. It draws the test card and streams it over RTSP and RTP to two viewers at once.
//!
//! It is made for QEMU's machine `lm3s6965evb`; `cargo xtask run-firmware` builds and runs it. What is special to the chip
//! is in [`lm3s6965`] and [`ethernet`]; the rest is what every firmware with a smoltcp device does.
#![no_std]
#![no_main]

mod ethernet;
mod lm3s6965;
mod options;
mod stack;

use core::panic::PanicInfo;
use cortex_m_rt::{ExceptionFrame, entry, exception};
use defmt::{error, info, warn};
use defmt_semihosting as _;
use ethernet::Ethernet;
use mutoscope::io::server::Settings;
use mutoscope::session::server::Config;
use mutoscope::source::testcard::TestCard;
use mutoscope::time::{Duration, Instant, WallClock, earliest};
use options::Options;
use platform_smoltcp::live::Live;
use platform_smoltcp::server::{Options as ServerOptions, Server, Storage};
use platform_smoltcp::time::to_smoltcp;
use smoltcp::iface::{Config as InterfaceConfig, Interface, SocketSet, SocketStorage};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address, Ipv4Cidr};

/// Clients that watch at the same time, and one connection more, on which the next one is told that there is no room.
const VIEWERS: usize = 2;
const CONNECTIONS: usize = VIEWERS + 1;

/// As many as viewers: whoever is slow keeps one, and nobody waits for it.
const PICTURES: usize = VIEWERS;
/// The longest file that the test card makes of [`SIZE`] and [`QUALITY`] has 7,600 bytes.
const PICTURE_LEN: usize = 8 * 1024;
const SIZE: (u16, u16) = (320, 240);
const QUALITY: u8 = 50;

/// Each connection's four buffers: an interleaved packet of 1,416 bytes fits.
const BUFFER: usize = 1536;
/// RTP packets that wait for the controller.
const PACKETS: usize = 6;

const MAC: EthernetAddress = EthernetAddress([0x02, 0x00, 0x00, 0x4D, 0x55, 0x54]);
/// The address and the router that QEMU's user-mode network gives.
const ADDRESS: Ipv4Cidr = Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24);
const ROUTER: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

/// How often it says how it is.
const STATUS: Duration = Duration::from_secs(5);

#[entry]
fn main() -> ! {
    static mut ETHERNET: Ethernet = Ethernet::new();
    static mut STORAGE: Storage<CONNECTIONS, BUFFER, PACKETS> = Storage::new();
    static mut PICTURE_BYTES: [[u8; PICTURE_LEN]; PICTURES] = [[0; PICTURE_LEN]; PICTURES];

    let Some(mut peripherals) = cortex_m::Peripherals::take() else { stop("started twice") };
    stack::fence(&peripherals.MPU);
    lm3s6965::start(&mut peripherals);
    let options = Options::read();
    let mut random = Random::new(options.seed);
    let Some(card) = TestCard::new(SIZE.0, SIZE.1, options.frame_rate, QUALITY) else { stop("no such test card") };

    ETHERNET.start(MAC);
    let mut config = InterfaceConfig::new(MAC.into());
    config.random_seed = random.next();
    let mut interface = Interface::new(config, ETHERNET, to_smoltcp(lm3s6965::now()));
    interface.update_ip_addrs(|addresses| {
        let _ = addresses.push(IpCidr::Ipv4(ADDRESS));
    });
    let _ = interface.routes_mut().add_default_ipv4_route(ROUTER);

    let live = Live::new("testcard", options.frame_rate, SIZE, PICTURE_BYTES.each_mut().map(|bytes| &mut bytes[..]));
    let mounts = &live;
    let mut places = [SocketStorage::EMPTY; CONNECTIONS + 2];
    let mut sockets = SocketSet::new(&mut places[..]);
    let mut entropy = || random.next();
    let mut place = None;
    let server = listen(&mut place, &mut sockets, STORAGE, &mounts, &options, &mut entropy);
    info!("rtsp://{}:{}/testcard is ready", ADDRESS.address(), options.rtsp_port);

    let mut next_card = lm3s6965::now();
    let mut next_status = next_card;
    let mut late = 0_u32;
    loop {
        let now = lm3s6965::now();
        if live.viewers() > 0 && now >= next_card {
            let number = options.frame_rate.frames_in(now.as_micros());
            let at = |number| Instant::from_micros(options.frame_rate.micros(number));
            let shown = show(&live, &card, number as u32, at(number));
            late = late.saturating_add((!shown).into());
            next_card = at(number + 1);
        }
        let deadline = server.poll(lm3s6965::now(), &mut interface, ETHERNET, &mut sockets);
        if now >= next_status {
            let clients = server.clients().count();
            info!(
                "status: {} clients, {} viewers, {} pictures left out, stack {} of {} bytes",
                clients,
                live.viewers(),
                late,
                stack::used(),
                stack::size()
            );
            next_status = now.after(STATUS);
        }
        let card_due = (live.viewers() > 0).then_some(next_card);
        let deadline = [deadline, card_due, Some(next_status)].into_iter().fold(None, earliest);
        lm3s6965::sleep(deadline, || ETHERNET.has_received());
    }
}

type Camera<'a> = Live<'a, &'static mut [u8], PICTURES>;

/// On a stack of its own: what moves through it until the server has its place is as large as the server.
#[inline(never)]
fn listen<'p, 'a>(
    place: &'p mut Option<Server<'a, &'a Camera<'a>, CONNECTIONS>>,
    sockets: &mut SocketSet<'a>,
    storage: &'a mut Storage<CONNECTIONS, BUFFER, PACKETS>,
    mounts: &'a &'a Camera<'a>,
    options: &Options,
    entropy: &'a mut dyn FnMut() -> u64,
) -> &'p mut Server<'a, &'a Camera<'a>, CONNECTIONS> {
    let options = ServerOptions { settings: settings(options), rtsp_port: options.rtsp_port, max_clients: VIEWERS };
    *place = Server::new(sockets, storage.lend(), mounts, options, entropy).ok();
    match place {
        Some(server) => server,
        None => stop("ports are 0 or the same"),
    }
}

/// Draws a card for all viewers. On a stack of its own, as the server's is: they are never needed at once.
#[inline(never)]
fn show(live: &Camera<'_>, card: &TestCard, number: u32, at: Instant) -> bool {
    live.publish(at, |out| card.render(number, out)).unwrap_or_else(|_| {
        error!("picture {} does not fit its buffer", number);
        false
    })
}

fn settings(options: &Options) -> Settings<'static> {
    Settings {
        // Whoever takes no bytes keeps a picture buffer: not for long.
        session: Config {
            stall_timeout: Duration::from_secs(5),
            // Nor may whoever says nothing keep one of three connections.
            idle_timeout: Duration::from_secs(10),
            ..Config::default()
        },
        wall: WallClock::default(),
        server_port: (options.rtp_port, options.rtp_port.wrapping_add(1)),
        payload_size: 1400,
        max_packet_size: 1472,
        repeat: false,
        restart_markers: false,
        cname: "mutoscope@lm3s6965",
    }
}

/// SplitMix64 over a seed from outside: session identifiers are no better than that seed. A board has a noise source.
struct Random(u64);

impl Random {
    fn new(seed: Option<u64>) -> Self {
        if seed.is_none() {
            warn!("no seed: session identifiers can be guessed");
        }
        Self(seed.unwrap_or(0) ^ lm3s6965::now().as_micros())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

defmt::timestamp!("{=u64:us}", lm3s6965::now().as_micros());

/// Exit statuses, as QEMU hands them on.
const STOPPED: i32 = 100;
const PANICKED: i32 = 101;
const FAULTED: i32 = 102;

fn stop(why: &str) -> ! {
    error!("{}", why);
    semihosting::process::exit(STOPPED)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    error!("{}", defmt::Display2Format(info));
    semihosting::process::exit(PANICKED)
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    error!("fault at {=u32:#x}, stack {} of {} bytes", frame.pc(), stack::used(), stack::size());
    semihosting::process::exit(FAULTED)
}
