//! The server and the core's own client, each on a smoltcp stack of its own, joined by a cable that does what bad
//! networks do: on virtual time, from seeds, hours in seconds.

#[path = "support/movie.rs"]
#[allow(dead_code, reason = "another test asks for single frames")]
mod movie;
mod support;
#[path = "support/watcher.rs"]
mod watcher;

use movie::Movie;
use mutoscope::auth::Key;
use mutoscope::io::server::{Guard, Open, Password, Settings, Verdict, Visit};
use mutoscope::media::FrameRate;
use mutoscope::media::live::Live;
use mutoscope::player::Failure;
use mutoscope::session::server::Asking;
use mutoscope::session::{KeyExchange, Secrecy, State};
use mutoscope::time::{Duration, Instant, earliest};
use mutoscope::wire::rtsp::StatusCode;
use mutoscope_smoltcp::server::{Options, Server, Storage};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Waker;
use support::{Faults, Host, Network, SERVER, leak};
use watcher::{Scans, Watcher};

const PORT: u16 = 8554;
const URL: &str = "rtsp://10.0.0.1:8554/movie.Mjpeg";
const CONNECTIONS: usize = 3;
/// Frames of the movie, which starts over at its end.
const FRAMES: u32 = 48;

/// Counts what each thread has allocated and not given back.
struct Counting;

thread_local! {
    static LIVE_BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    LIVE_BYTES.with(|live| live.set(live.get() + bytes));
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: all is left to the system's allocator, with the arguments as they came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: our caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: our caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn options() -> Options<'static> {
    let usual = Options::new(CONNECTIONS);
    Options { settings: Settings { repeat: true, ..usual.settings }, rtsp_port: PORT, ..usual }
}

fn scans(movie: &Movie) -> Scans {
    Rc::new((0..FRAMES).map(|number| (movie.scan(number as usize).to_vec(), number)).collect::<HashMap<_, _>>())
}

struct World<G: Guard = Open> {
    network: Network,
    server: Server<'static, &'static Movie, CONNECTIONS, G>,
    scans: Scans,
    next_port: u16,
    watchers: Vec<Watcher>,
    /// How often the server was polled.
    polls: u64,
}

impl World {
    fn new(seed: u64, mtu: usize, size: u16) -> Self {
        Self::guarded(seed, mtu, size, Open)
    }
}

impl<G: Guard> World<G> {
    fn guarded(seed: u64, mtu: usize, size: u16, guard: G) -> Self {
        let mut network = Network::with_mtu(seed, mtu);
        let movie: &'static Movie = leak(Movie::new(FRAMES, size));
        let storage = leak(Storage::<CONNECTIONS, 16_384, 8>::new());
        let mut entropy = seed;
        let entropy = leak(move || {
            entropy = entropy.wrapping_add(0x1234_5678_9abc_def1);
            entropy
        });
        let sockets = &mut network.server.sockets;
        let server = Server::guarded(sockets, storage.lend(), movie, guard, options(), entropy).unwrap();
        Self { network, server, scans: scans(movie), next_port: 50_000, watchers: Vec::new(), polls: 0 }
    }

    fn watch(&mut self, udp: bool) {
        self.watch_at(URL, udp);
    }

    fn watch_at(&mut self, url: &'static str, udp: bool) {
        self.next_port += 10;
        let server = SocketAddr::new(SERVER, PORT);
        let (host, scans) = (&mut self.network.client, self.scans.clone());
        self.watchers.push(Watcher::connect(host, server, url, udp, self.next_port, scans));
    }

    fn run_for(&mut self, duration: Duration) {
        let Self { network, server, watchers, polls, .. } = self;
        network.run(
            duration,
            |now, Host { interface, sockets, device, .. }| {
                *polls += 1;
                server.poll(now, interface, device, sockets)
            },
            |now, host| {
                host.wake = watchers.iter_mut().map(|watcher| watcher.pump(now, host)).fold(None, earliest);
                false
            },
        );
    }

    fn states(&self) -> Vec<State> {
        self.server.clients().map(|client| client.state()).collect()
    }

    fn assert_no_damage(&self, what: &str) {
        for watcher in &self.watchers {
            assert_eq!(watcher.damaged, 0, "{what}: a frame that is none of the movie's");
            let desynchronised = matches!(watcher.over, Some(Failure::Protocol(_)));
            assert!(!desynchronised, "{what}: {:?}", watcher.over);
        }
    }
}

#[test]
fn thirty_minutes_over_both_transports_lose_nothing_and_take_no_memory() {
    let mut world = World::new(1, 1500, 32);
    world.watch(true);
    world.watch(false);
    world.run_for(Duration::from_secs(60));
    let before = LIVE_BYTES.get();
    world.run_for(Duration::from_secs(29 * 60));
    let grown = LIVE_BYTES.get() - before;
    for watcher in &world.watchers {
        assert!(watcher.frames.abs_diff(24 * 1800) <= 2, "{} frames", watcher.frames);
        assert_eq!((watcher.gaps, watcher.damaged, watcher.over), (0, 0, None));
    }
    assert_eq!(world.states(), [State::Playing, State::Playing]);
    assert_eq!(world.server.discards(), 0);
    // It sleeps between frames: for each of them some arrivals and deadlines at either end wake it up.
    let polls = world.polls / (24 * 1800);
    assert!(polls < 20, "{polls} polls a frame");
    assert!(world.network.crowd() <= 40, "{} frames on the cable", world.network.crowd());
    // Frames on the cable at either moment.
    assert!(grown.abs() < 64 * 1024, "{grown} bytes more after 29 minutes");
}

#[test]
fn whatever_the_network_does_every_frame_that_comes_is_whole() {
    const NONE: Faults = Faults { drop: 0, corrupt: 0, duplicate: 0, reorder: 0 };
    // (what happens to frames, the least of 20 s of frames that come over UDP, and over TCP)
    let cases = [
        (NONE, 475, 475),
        (Faults { drop: 10, ..NONE }, 400, 300),
        (Faults { drop: 50, ..NONE }, 250, 50),
        (Faults { drop: 200, ..NONE }, 20, 0),
        (Faults { reorder: 100, ..NONE }, 440, 200),
        (Faults { duplicate: 200, ..NONE }, 475, 400),
        (Faults { corrupt: 50, ..NONE }, 250, 50),
        (Faults { drop: 20, corrupt: 20, duplicate: 50, reorder: 50 }, 250, 50),
        (Faults { drop: 200, corrupt: 50, duplicate: 200, reorder: 200 }, 20, 0),
    ];
    for (mtu, round) in [(576, 1), (1006, 2), (1280, 3), (1500, 4), (576, 5), (1500, 6)] {
        for (number, (faults, udp, tcp)) in (1..).zip(cases) {
            let seed = round * 1000 + number;
            let what = format!("{faults:?}, MTU {mtu}, seed {seed}");
            let mut world = World::new(seed, mtu, 48);
            for over_udp in [true, false] {
                world.watch(over_udp);
            }
            world.run_for(Duration::from_secs(1));
            assert!(world.watchers.iter().all(|watcher| watcher.playing), "{what}");
            world.network.set_faults(faults);
            world.run_for(Duration::from_secs(20));
            world.assert_no_damage(&what);
            // The device refuses what is longer, and nothing is cut shorter than need be.
            assert!(world.network.longest() > mtu - 60, "{what}: packets of {} bytes", world.network.longest());
            for (watcher, least) in world.watchers.iter().zip([udp, tcp]) {
                assert!(watcher.frames >= least, "{what}: {} frames of {least}", watcher.frames);
            }
        }
    }
}

#[test]
fn a_partition_heals_or_ends_the_session_and_the_next_one_plays() {
    for udp in [true, false] {
        let mut world = World::new(3, 1500, 32);
        world.watch(udp);
        world.run_for(Duration::from_secs(5));
        // Shorter than any deadline.
        world.network.set_cut(true);
        world.run_for(Duration::from_secs(6));
        world.network.set_cut(false);
        let before = world.watchers[0].frames;
        world.run_for(Duration::from_secs(20));
        let healed = world.watchers[0].frames - before;
        assert!(healed > 24 * 8, "{healed} frames in the 20 s after 6 s without a network");
        assert_eq!(world.states(), [State::Playing]);
        // Longer than the server's patience.
        world.network.set_cut(true);
        world.run_for(Duration::from_secs(40));
        assert_eq!(world.states(), [], "udp: {udp}");
        world.network.set_cut(false);
        world.run_for(Duration::from_secs(5));
        world.watch(udp);
        world.run_for(Duration::from_secs(5));
        assert!(world.watchers[1].frames > 24 * 4, "{} frames", world.watchers[1].frames);
        world.assert_no_damage("after a partition");
        assert_eq!(world.server.discards(), 0);
    }
}

#[test]
fn a_client_that_hangs_while_its_machine_answers_is_gone_after_its_timeout() {
    // Over UDP it is RTCP that does not come any more (60 s since the last report, which came up to 5 s before, and 10 s of a
    // connection without a session); over TCP the window closes (10 s).
    for (udp, is_there, is_gone) in [(true, 64, 75), (false, 7, 15)] {
        let mut world = World::new(8, 1500, 32);
        world.watch(udp);
        world.watch(!udp);
        world.run_for(Duration::from_secs(5));
        world.watchers[0].reads = false;
        world.run_for(Duration::from_secs(is_there));
        assert_eq!(world.states().len(), 2, "udp: {udp}");
        world.run_for(Duration::from_secs(is_gone - is_there));
        assert_eq!(world.states(), [State::Playing], "udp: {udp}");
        let other = &world.watchers[1];
        assert_eq!((other.gaps, other.damaged), (0, 0), "udp: {udp}");
    }
}

#[test]
fn a_network_that_comes_and_goes_for_ten_minutes_leaves_nothing_behind() {
    for seed in 20..24 {
        let mut world = World::new(seed, 1500, 32);
        world.network.set_faults(Faults { drop: 20, reorder: 20, ..Faults::default() });
        world.watch(true);
        world.watch(false);
        world.run_for(Duration::from_secs(10));
        let mut random = seed;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let (before, end) = (LIVE_BYTES.get(), world.network.now.after(Duration::from_secs(600)));
        let (mut reconnected, mut frames) = (0, 0);
        while world.network.now < end {
            let cut = next(2) == 0;
            world.network.set_cut(cut);
            world.run_for(Duration::from_millis(500 + next(if cut { 45_000 } else { 20_000 })));
            world.assert_no_damage(&format!("seed {seed}"));
            for (place, udp) in [(0, true), (1, false)] {
                if world.watchers[place].over.is_some() {
                    let watcher = world.watchers.remove(place);
                    frames += watcher.frames;
                    watcher.leave(&mut world.network.client);
                    world.watch(udp);
                    let watcher = world.watchers.pop().unwrap();
                    world.watchers.insert(place, watcher);
                    reconnected += 1;
                }
            }
        }
        world.network.set_cut(false);
        world.network.set_faults(Faults::default());
        world.run_for(Duration::from_secs(1));
        for watcher in std::mem::take(&mut world.watchers) {
            frames += watcher.frames;
            watcher.abort(&mut world.network.client);
            world.run_for(Duration::from_secs(1));
            watcher.leave(&mut world.network.client);
        }
        // What the server had not noticed yet.
        world.run_for(Duration::from_secs(40));
        assert_eq!(world.states(), [], "seed {seed}");
        assert!(reconnected > 2 && frames > 2000, "seed {seed}: {reconnected} times again, {frames} frames");
        world.watch(true);
        world.watch(false);
        world.run_for(Duration::from_secs(5));
        for watcher in &world.watchers {
            assert!(watcher.frames > 100, "seed {seed}: {} frames at the end", watcher.frames);
        }
        let grown = LIVE_BYTES.get() - before;
        assert!(grown.abs() < 64 * 1024, "seed {seed}: {grown} bytes more");
    }
}

#[test]
fn a_hundred_visitors_leave_nothing_behind() {
    let mut world = World::new(4, 1500, 32);
    for round in 0..100 {
        world.watch(round % 2 == 0);
        world.run_for(Duration::from_millis(400));
        let watcher = world.watchers.pop().unwrap();
        assert!(watcher.frames > 0 && watcher.damaged == 0, "round {round}");
        // Without TEARDOWN.
        watcher.abort(&mut world.network.client);
        world.run_for(Duration::from_millis(100));
        watcher.leave(&mut world.network.client);
        assert_eq!(world.states(), [], "round {round}");
    }
}

const LIVE_URL: &str = "rtsp://10.0.0.1:8554/camera";

#[test]
fn a_window_that_closes_holds_up_nobody_at_a_shared_camera() {
    let movie = Movie::new(FRAMES, 48);
    let rate = FrameRate::new(24, 1).unwrap();
    let buffers = [0; 2].map(|_| &mut leak([0_u8; 16_384])[..]);
    let live = leak(Live::new("camera", rate, (48, 48), buffers));
    let mut network = Network::new(5);
    let storage = leak(Storage::<CONNECTIONS, 8192, 8>::new());
    let server = Server::new(&mut network.server.sockets, storage.lend(), &*live, options(), leak(|| 7_u64));
    let mut server = server.unwrap();
    let scans = scans(&movie);
    let address = SocketAddr::new(SERVER, PORT);
    let mut stuck = Watcher::connect(&mut network.client, address, LIVE_URL, false, 50_000, scans.clone());
    let mut fast = Watcher::connect(&mut network.client, address, LIVE_URL, true, 50_010, scans);
    let (mut number, mut left_out) = (0, 0);
    let mut run = |network: &mut Network, stuck: &mut Watcher, fast: &mut Watcher, seconds| {
        let mut serve = |now: Instant, Host { interface, sockets, device, .. }: &mut Host| {
            let due = |number| Instant::from_micros(rate.micros(number));
            while due(number) <= now {
                let picture = movie.frame((number % u64::from(FRAMES)) as usize);
                let fill = |out: &mut [u8]| {
                    out[..picture.len()].copy_from_slice(picture);
                    Ok::<_, ()>(picture.len())
                };
                left_out += u32::from(!live.publish(due(number), fill).unwrap());
                number += 1;
            }
            earliest(server.poll(now, interface, device, sockets), Some(due(number)))
        };
        network.run(Duration::from_secs(seconds), &mut serve, |now, host| {
            host.wake = earliest(stuck.pump(now, host), fast.pump(now, host));
            false
        });
        (server.clients().count(), left_out)
    };
    assert_eq!(run(&mut network, &mut stuck, &mut fast, 2), (2, 0));
    assert!(stuck.frames > 24, "{} frames", stuck.frames);
    stuck.reads = false;
    assert_eq!(run(&mut network, &mut stuck, &mut fast, 5), (2, 0));
    // It is shown the door after `stall_timeout`.
    assert_eq!(run(&mut network, &mut stuck, &mut fast, 30), (1, 0));
    assert!(fast.frames > 24 * 36, "{} frames", fast.frames);
    for watcher in [&stuck, &fast] {
        assert_eq!((watcher.gaps, watcher.damaged), (0, 0));
    }
}

const ANNAS_URL: &str = "rtsp://anna:right@10.0.0.1:8554/movie.Mjpeg";

fn password() -> Password<'static> {
    static KEY: Key = Key::new([7; 32]);
    Password::new(&KEY, "camera", "anna", "right")
}

fn is_refusal(failure: Failure) -> bool {
    matches!(failure, Failure::Refused { status: StatusCode::UNAUTHORIZED, .. })
}

#[test]
fn those_who_know_the_password_watch_side_by_side_and_others_do_not() {
    let mut world = World::guarded(6, 1500, 32, password());
    world.watch_at(ANNAS_URL, true);
    world.watch_at("rtsp://anna:wrong@10.0.0.1:8554/movie.Mjpeg", true);
    world.run_for(Duration::from_secs(5));
    // Nobody gets the place of one who was refused, and the next one does.
    let refused = world.watchers.remove(1);
    assert!(refused.over.is_some_and(is_refusal), "{:?}", refused.over);
    assert_eq!(refused.frames, 0);
    refused.abort(&mut world.network.client);
    world.run_for(Duration::from_secs(1));
    world.watch_at(ANNAS_URL, false);
    world.watch(true);
    // Nonces are answered for five minutes, and go on on the connections that have used them.
    world.run_for(Duration::from_secs(330));
    assert!(world.watchers[2].over.is_some_and(is_refusal), "{:?}", world.watchers[2].over);
    assert_eq!(world.states(), [State::Playing, State::Playing]);
    for (watcher, least) in world.watchers.iter().zip([24 * 335, 24 * 329]) {
        assert_eq!((watcher.gaps, watcher.damaged, watcher.over), (0, 0, None));
        assert!(watcher.frames >= least, "{} frames", watcher.frames);
    }
}

/// Has media encrypted of those whom another guard lets in, by keys that stand in the description.
struct Encrypting<G>(G);

struct EncryptingVisit<V>(V, Cell<u8>);

impl<G: Guard> Guard for Encrypting<G> {
    type Visit = EncryptingVisit<G::Visit>;
    type Challenge = G::Challenge;

    fn visit(&self, peer: SocketAddr, is_private: bool) -> Self::Visit {
        assert!(!is_private, "there is no encrypted connection here");
        EncryptingVisit(self.0.visit(peer, is_private), Cell::new(peer.port() as u8))
    }

    fn judge(&self, visit: &mut Self::Visit, now: Instant, request: &Asking<'_>, waker: &Waker) -> Verdict {
        match self.0.judge(&mut visit.0, now, request, waker) {
            Verdict::Allowed(_) => {
                let exchange = Some(KeyExchange::Sdes);
                Verdict::Allowed(Secrecy { exchange, plain_udp: false, plain_tcp: false })
            }
            other => other,
        }
    }

    fn challenges(&self, visit: &Self::Visit, now: Instant, is_stale: bool) -> impl IntoIterator<Item = G::Challenge> {
        self.0.challenges(&visit.0, now, is_stale)
    }
}

impl<V: Visit> Visit for EncryptingVisit<V> {
    type Home<T> = V::Home<T>;

    fn stream_key(&self) -> Option<[u8; 30]> {
        Some([self.1.replace(self.1.get().wrapping_add(1)); 30])
    }
}

#[test]
fn encrypted_pictures_come_whole_whatever_fits_the_link() {
    let movie = Movie::new(FRAMES, 48);
    let piece = movie.scan(0)[100..116].to_vec();
    // Packets with their tag fill the link, and do not fit it without room for that.
    for mtu in [576, 1500] {
        let mut world = World::guarded(7, mtu, 48, Encrypting(password()));
        world.network.look_for(&piece);
        world.watch_at(ANNAS_URL, true);
        world.watch_at(ANNAS_URL, false);
        world.run_for(Duration::from_secs(20));
        assert!(world.network.longest() > mtu - 60, "MTU {mtu}: packets of {} bytes", world.network.longest());
        for watcher in &world.watchers {
            assert_eq!((watcher.gaps, watcher.damaged, watcher.over), (0, 0, None), "MTU {mtu}");
            assert!(watcher.frames >= 24 * 19, "MTU {mtu}: {} frames", watcher.frames);
        }
        assert_eq!(world.network.found(), 0, "MTU {mtu}: a piece of a picture in the clear");
    }
    let mut world = World::new(7, 1500, 48);
    world.network.look_for(&piece);
    world.watch(true);
    world.run_for(Duration::from_secs(5));
    assert!(world.network.found() > 1, "this is how it is found");
}
