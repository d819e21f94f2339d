//! Clients behind address translators: where RTP goes that is asked for from one port and received at another, and that nobody
//! else's datagram moves a stream.

use mutoscope::io::{Datagram, Transmit};
use mutoscope::time::Duration;
use mutoscope_tests::film::{Film, pictures};
use mutoscope_tests::net::SimulatedUdp;
use mutoscope_tests::strict_client::{Answer, StrictClient};
use mutoscope_tests::world::{SERVER, SERVER_PORT, World};
use std::net::SocketAddr;

const URL: &str = "rtsp://10.0.0.1:8554/movie.Mjpeg";
const UDP: &str = "Transport: RTP/AVP;unicast;client_port=25000-25001\r\n";
/// What FFmpeg punches holes with; others send anything.
const PUNCH: &[u8] = &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn world() -> World {
    World::new([Film::new("movie.Mjpeg", pictures(240), 24)])
}

fn socket(world: &World, host: u8, port: u16) -> SimulatedUdp {
    world.network.bind(SocketAddr::from(([10, 0, 0, host], port)))
}

fn punch(socket: &mut SimulatedUdp) {
    let to = SocketAddr::from((SERVER, SERVER_PORT.0));
    socket.send(&Transmit::one(to, &[PUNCH])).unwrap();
}

/// The number of datagrams that have come.
fn count(socket: &mut SimulatedUdp) -> usize {
    std::iter::from_fn(|| socket.recv(|_, _| ()).unwrap()).count()
}

fn setup(world: &mut World, viewer: &mut StrictClient) -> Answer {
    let answer = world.ask(viewer, "SETUP", UDP);
    assert_eq!(answer.status, 200);
    answer
}

fn run(world: &mut World, viewer: &mut StrictClient, millis: u64) {
    world.run(&mut [viewer], Duration::from_millis(millis));
}

#[test]
fn rtp_goes_to_a_port_of_a_service_only_where_the_viewers_datagram_came_from_there() {
    for port in [123, 1900] {
        let mut world = world();
        let mut viewer = world.connect(2, URL);
        let refused =
            world.ask(&mut viewer, "SETUP", &format!("Transport: RTP/AVP;unicast;client_port={port}-25001\r\n"));
        assert_eq!(refused.status, 461, "{port}");
        let mut mapped = socket(&world, 2, port);
        setup(&mut world, &mut viewer);
        punch(&mut mapped);
        run(&mut world, &mut viewer, 10);
        assert_eq!(world.ask(&mut viewer, "PLAY", "").status, 200);
        run(&mut world, &mut viewer, 500);
        assert!(count(&mut mapped) > 20, "{port}");
    }
}

#[test]
fn rtp_goes_to_the_port_that_the_hole_was_punched_from() {
    let mut world = world();
    let mut viewer = world.connect(2, URL);
    let mut mapped = socket(&world, 2, 31_000);
    setup(&mut world, &mut viewer);
    punch(&mut mapped);
    run(&mut world, &mut viewer, 10);
    assert_eq!(world.ask(&mut viewer, "PLAY", "").status, 200);
    run(&mut world, &mut viewer, 500);
    assert_eq!(viewer.packets, 0, "at the port that SETUP named");
    let received = count(&mut mapped);
    assert!(received > 20, "{received} packets");
    // It stays so over a pause, and over a seek.
    for (method, headers) in [("PAUSE", ""), ("PLAY", ""), ("PLAY", "Range: npt=1-\r\n")] {
        assert_eq!(world.ask(&mut viewer, method, headers).status, 200);
    }
    run(&mut world, &mut viewer, 500);
    assert_eq!(viewer.packets, 0);
    assert!(count(&mut mapped) > 20);
}

#[test]
fn a_datagram_that_is_overtaken_by_play_moves_the_stream_while_it_plays() {
    let mut world = world();
    let mut viewer = world.connect(2, URL);
    let mut mapped = socket(&world, 2, 31_000);
    setup(&mut world, &mut viewer);
    world.ask(&mut viewer, "PLAY", "");
    run(&mut world, &mut viewer, 500);
    let before = viewer.packets;
    assert!(before > 0);
    punch(&mut mapped);
    run(&mut world, &mut viewer, 500);
    assert!(viewer.packets - before < 10, "one frame may have been under way");
    assert!(count(&mut mapped) > 20);
}

#[test]
fn nobody_else_s_datagram_moves_a_stream() {
    let unmoved = |name: &str, scene: &dyn Fn(&mut World, &mut StrictClient) -> SimulatedUdp| {
        let mut world = world();
        let mut viewer = world.connect(2, URL);
        let mut other = scene(&mut world, &mut viewer);
        viewer.packets = 0;
        let _ = count(&mut other);
        run(&mut world, &mut viewer, 1000);
        assert!(viewer.packets > 20, "{name}: {} packets", viewer.packets);
        assert_eq!(count(&mut other), 0, "{name}");
    };
    unmoved("another host", &|world, viewer| {
        let mut other = socket(world, 3, 25_000);
        setup(world, viewer);
        punch(&mut other);
        run(world, viewer, 10);
        world.ask(viewer, "PLAY", "");
        punch(&mut other);
        other
    });
    unmoved("before SETUP", &|world, viewer| {
        let mut other = socket(world, 2, 31_000);
        punch(&mut other);
        run(world, viewer, 10);
        setup(world, viewer);
        world.ask(viewer, "PLAY", "");
        other
    });
    unmoved("after the client's own", &|world, viewer| {
        let mut other = socket(world, 2, 31_000);
        setup(world, viewer);
        viewer.punch(SocketAddr::from((SERVER, SERVER_PORT.0)));
        run(world, viewer, 10);
        punch(&mut other);
        run(world, viewer, 10);
        world.ask(viewer, "PLAY", "");
        punch(&mut other);
        other
    });
    unmoved("long after PLAY", &|world, viewer| {
        let mut other = socket(world, 2, 31_000);
        setup(world, viewer);
        world.ask(viewer, "PLAY", "");
        run(world, viewer, 5_000);
        punch(&mut other);
        run(world, viewer, 10);
        other
    });
    unmoved("from its own RTCP port", &|world, viewer| {
        let other = socket(world, 2, 31_000);
        setup(world, viewer);
        viewer.send_rtcp(SocketAddr::from((SERVER, SERVER_PORT.0)), PUNCH);
        run(world, viewer, 10);
        world.ask(viewer, "PLAY", "");
        other
    });
}

#[test]
fn a_stream_moves_once() {
    let mut world = world();
    let mut viewer = world.connect(2, URL);
    let (mut first, mut second) = (socket(&world, 2, 31_000), socket(&world, 2, 32_000));
    setup(&mut world, &mut viewer);
    punch(&mut first);
    run(&mut world, &mut viewer, 10);
    punch(&mut second);
    run(&mut world, &mut viewer, 10);
    world.ask(&mut viewer, "PLAY", "");
    punch(&mut second);
    run(&mut world, &mut viewer, 500);
    assert_eq!((viewer.packets, count(&mut second)), (0, 0));
    assert!(count(&mut first) > 20);
}

#[test]
fn two_sessions_of_one_host_are_not_confused() {
    // Each of two clients behind one address may have sent it: it moves neither.
    let mut world = world();
    let mut one = world.connect(2, URL);
    let mut mapped = socket(&world, 2, 31_000);
    setup(&mut world, &mut one);
    let mut other = world.connect_beside(&one, 26_000, URL);
    let ports = "Transport: RTP/AVP;unicast;client_port=26000-26001\r\n";
    assert_eq!(world.ask(&mut other, "SETUP", ports).status, 200);
    punch(&mut mapped);
    world.run(&mut [&mut one, &mut other], Duration::from_millis(10));
    world.ask(&mut one, "PLAY", "");
    world.ask(&mut other, "PLAY", "");
    world.run(&mut [&mut one, &mut other], Duration::from_millis(500));
    assert_eq!(count(&mut mapped), 0);
    assert!(one.packets > 20 && other.packets > 20, "{} and {}", one.packets, other.packets);

    // Where one of them has been heard from the port that it named, it is the other one's.
    let mut world = self::world();
    let mut one = world.connect(2, URL);
    let mut mapped = socket(&world, 2, 31_000);
    setup(&mut world, &mut one);
    one.punch(SocketAddr::from((SERVER, SERVER_PORT.0)));
    world.run(&mut [&mut one], Duration::from_millis(10));
    let mut other = world.connect_beside(&one, 26_000, URL);
    assert_eq!(world.ask(&mut other, "SETUP", ports).status, 200);
    punch(&mut mapped);
    world.run(&mut [&mut one, &mut other], Duration::from_millis(10));
    world.ask(&mut one, "PLAY", "");
    world.ask(&mut other, "PLAY", "");
    world.run(&mut [&mut one, &mut other], Duration::from_millis(500));
    assert_eq!(other.packets, 0);
    assert!(one.packets > 20 && count(&mut mapped) > 20);
}

#[test]
fn a_session_lives_on_reports_from_another_port_that_name_its_source() {
    /// RR with one block about `ssrc`.
    fn report(ssrc: u32) -> Vec<u8> {
        let mut compound = vec![0x81, 201, 0, 7, 0, 0, 0, 9];
        compound.extend(ssrc.to_be_bytes());
        compound.extend([0; 20]);
        compound
    }
    for (host, mistake, is_alive) in [(2, 0, true), (2, 1, false), (3, 0, false)] {
        let mut world = world();
        let mut viewer = world.connect(2, URL);
        let mut mapped = socket(&world, host, 31_001);
        let answer = setup(&mut world, &mut viewer);
        let ssrc = u32::from_str_radix(answer.parameter("Transport", "ssrc").unwrap(), 16).unwrap();
        for _ in 0..5 {
            run(&mut world, &mut viewer, 20_000);
            let to = SocketAddr::from((SERVER, SERVER_PORT.1));
            mapped.send(&Transmit::one(to, &[&report(ssrc ^ mistake)])).unwrap();
            run(&mut world, &mut viewer, 10);
        }
        assert_eq!(world.ask(&mut viewer, "PLAY", "").status == 200, is_alive, "{host} {mistake}");
        run(&mut world, &mut viewer, 500);
        assert_eq!(count(&mut mapped) > 0, is_alive, "our reports");
    }
}
