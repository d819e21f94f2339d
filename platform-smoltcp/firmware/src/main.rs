//! A streaming server in 64 KB of RAM: an LM3S6965 (Cortex-M3) without an operating system, without an allocator, without
//! a runtime. It draws the test card and streams it over RTSP and RTP to two viewers at once.
//!
//! It is made for QEMU's machine `lm3s6965evb`; `cargo xtask run-firmware` builds and runs it. What is special to the chip
//! is in [`lm3s6965`] and [`ethernet`]; the rest is what every firmware with a smoltcp device does.
#![no_std]
#![no_main]

mod ethernet;
#[cfg(any(feature = "digest", feature = "srtp"))]
mod guard;
mod lm3s6965;
mod options;
mod pace;
mod random;
mod stack;

use core::panic::PanicInfo;
use cortex_m_rt::{ExceptionFrame, entry, exception};
use defmt::{error, info, warn};
use defmt_semihosting as _;
use ethernet::Ethernet;
use mutoscope::io::server::Settings;
use mutoscope::media::live::Live;
use mutoscope::media::testcard::TestCard;
use mutoscope::session::server::Config;
use mutoscope::time::{Duration, Instant, earliest};
use mutoscope_smoltcp::server::{Options as ServerOptions, Server, Storage};
use mutoscope_smoltcp::time::to_smoltcp;
use options::Options;
use pace::Pace;
use random::Random;
use smoltcp::iface::{Config as InterfaceConfig, Interface, SocketSet, SocketStorage};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address, Ipv4Cidr};

/// Clients that watch at the same time, and one connection more, on which the next one is told that there is no room.
const VIEWERS: usize = 2;
const CONNECTIONS: usize = VIEWERS + 1;

/// As many as viewers: whoever is slow keeps one, and nobody waits for it.
const PICTURES: usize = VIEWERS;
/// The longest file that the test card makes of [`SIZE`] and [`QUALITY`] has 7,010 bytes.
const PICTURE_LEN: usize = 7 * 1024 + 512;
const SIZE: (u16, u16) = (320, 240);
const QUALITY: u8 = 40;

/// Bytes for each connection, of which more than two segments are for what is under way, or nearly so many: the ciphers of an
/// encrypted stream take 1.5 KB of the stack for each connection, and its packets are copies.
const CONNECTION: usize = if cfg!(feature = "srtp") { 6 * 1024 } else { 7 * 1024 };
/// RTP packets that wait for the controller.
const PACKETS: usize = if cfg!(feature = "srtp") { 2 } else { 4 };

const MAC: EthernetAddress = EthernetAddress([0x02, 0x00, 0x00, 0x4D, 0x55, 0x54]);
/// The address and the router that QEMU's user-mode network gives.
const ADDRESS: Ipv4Cidr = Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24);
const ROUTER: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

/// How often it says how it is.
const STATUS: Duration = Duration::from_secs(5);

#[entry]
fn main() -> ! {
    static mut ETHERNET: Ethernet = Ethernet::new();
    static mut STORAGE: Storage<CONNECTIONS, CONNECTION, PACKETS> = Storage::new();
    static mut PICTURE_BYTES: [[u8; PICTURE_LEN]; PICTURES] = [[0; PICTURE_LEN]; PICTURES];

    let Some(mut peripherals) = cortex_m::Peripherals::take() else { stop("started twice") };
    stack::fence(&peripherals.MPU);
    lm3s6965::start(&mut peripherals);
    let options = Options::read();
    let random = random(&options);
    let Some(card) = TestCard::new(SIZE.0, SIZE.1, options.frame_rate, QUALITY) else { stop("no such test card") };

    ETHERNET.start(MAC);
    let mut config = InterfaceConfig::new(MAC.into());
    config.random_seed = random.bits();
    let mut interface = Interface::new(config, ETHERNET, to_smoltcp(lm3s6965::now()));
    interface.update_ip_addrs(|addresses| {
        let _ = addresses.push(IpCidr::Ipv4(ADDRESS));
    });
    let _ = interface.routes_mut().add_default_ipv4_route(ROUTER);

    let live = Live::new("testcard", options.frame_rate, SIZE, PICTURE_BYTES.each_mut().map(|bytes| &mut bytes[..]));
    let mut places = [SocketStorage::EMPTY; CONNECTIONS + 2];
    let mut sockets = SocketSet::new(&mut places[..]);
    let mut entropy = || random.bits();

    #[cfg(feature = "digest")]
    let key = mutoscope::auth::Key::new(random.bytes());
    #[cfg(feature = "digest")]
    let guard = guard::user::guard(&key);
    #[cfg(not(feature = "digest"))]
    let guard = mutoscope::io::server::Open;
    #[cfg(feature = "srtp")]
    let guard = guard::encrypting::Encrypting { inner: guard, random: &random };

    // Not moved from where it was made: it is too large to have twice.
    let mut server =
        Server::guarded(&mut sockets, STORAGE.lend(), &live, guard, server_options(&options), &mut entropy);
    let Ok(server) = &mut server else { stop("ports are 0 or the same") };
    info!("rtsp://{}:{}/testcard is ready", ADDRESS.address(), options.rtsp_port);

    let mut pace = Pace::new(options.frame_rate);
    let mut next_status = lm3s6965::now();
    loop {
        let now = lm3s6965::now();
        if let Some((number, due)) = pace.poll(now, live.viewers() > 0)
            && show(&live, &card, number, due)
        {
            pace.drawn();
        }
        let deadline = server.poll(lm3s6965::now(), &mut interface, ETHERNET, &mut sockets);
        if now >= next_status {
            let clients = server.clients().count();
            info!(
                "status: {} clients, {} viewers, {} pictures left out, stack {} of {} bytes",
                clients,
                live.viewers(),
                pace.left_out(),
                stack::used(),
                stack::size()
            );
            next_status = now.after(STATUS);
        }
        let deadline = [deadline, pace.due(), Some(next_status)].into_iter().fold(None, earliest);
        lm3s6965::sleep(deadline, || ETHERNET.has_received());
    }
}

type Camera<'a> = Live<'a, &'static mut [u8], PICTURES>;

/// Draws a card for all viewers; `false` where every buffer is being sent from. On a stack of its own, as the server's is:
/// they are never needed at once.
#[inline(never)]
fn show(live: &Camera<'_>, card: &TestCard, number: u32, at: Instant) -> bool {
    live.publish(at, |out| card.render(number, out)).unwrap_or_else(|_| {
        error!("picture {} does not fit its buffer", number);
        true
    })
}

fn server_options(options: &Options) -> ServerOptions<'static> {
    let usual = ServerOptions::new(VIEWERS);
    // Whoever takes no bytes keeps a picture: not for long.
    let session = Config { stall_timeout: Duration::from_secs(5), ..usual.settings.session };
    let server_port = (options.rtp_port, options.rtp_port.wrapping_add(1));
    let settings = Settings { session, server_port, cname: "mutoscope@lm3s6965", ..usual.settings };
    ServerOptions { settings, rtsp_port: options.rtsp_port, ..usual }
}

/// Secrets that can be guessed are none: then the image does not start.
fn random(options: &Options) -> Random {
    if options.seed.is_none() {
        if cfg!(any(feature = "digest", feature = "srtp")) {
            stop("no seed: its keys could be guessed");
        }
        warn!("no seed: session identifiers can be guessed");
    }
    Random::new(options.seed.unwrap_or_default())
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
