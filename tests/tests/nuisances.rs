//! Crowds that cost nobody else a frame: connections that trickle, that are half open, whose readers have stopped, and receivers
//! whose ports are closed. Each frame of two viewers has to come at its instant meanwhile.

use embedded_io::{Write, WriteReady};
use mutoscope::io::server::Settings;
use mutoscope::session::server::Config;
use mutoscope::time::Duration;
use mutoscope_tests::hostile_scene::{HostileScene, URL};
use mutoscope_tests::net::SimulatedTcp;
use mutoscope_tests::strict_client::StrictClient;
use mutoscope_tests::world::settings;
use std::net::SocketAddr;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Connections from as many hosts, which hold few unread bytes.
fn crowd(stage: &mut HostileScene, size: u16) -> Vec<SimulatedTcp> {
    let server = &mut stage.scene.server;
    server.buffers = (1024, 4096);
    let hosts = (0..size).map(|number| [10, 1, number.to_be_bytes()[0], number.to_be_bytes()[1]]);
    let crowd = hosts.map(|host| server.connect(SocketAddr::from((host, 40_000)), 256)).collect();
    server.buffers = (4096, 32_768);
    crowd
}

/// Sends a byte where the server still reads.
fn trickle(connection: &mut SimulatedTcp, byte: u8) {
    if connection.write_ready().unwrap() {
        let _ = connection.write(&[byte]);
    }
}

#[test]
fn a_thousand_connections_that_send_a_byte_every_ten_seconds() {
    let mut stage = HostileScene::new();
    let mut crowd = crowd(&mut stage, 1000);
    // Some begin a request, some send what comes before one, some a packet, and some a request of the other dialect.
    let texts = [&b"OPTIONS"[..], b"\r\n\r\n\r\n", b"$\0\x01\0x", b"SETUP movie.Mjpeg RTSP/1.0\n"];
    for (begun, left) in [(0, 1000), (10, 250)] {
        for (connection, text) in crowd.iter_mut().zip(texts.into_iter().cycle()) {
            trickle(connection, text[begun / 10]);
        }
        stage.keep_alive();
        stage.run(None, Duration::from_millis(9_999));
        assert!(stage.others() >= left, "{} are left after {begun} s", stage.others());
    }
    // What has begun has to be whole after ten seconds.
    stage.run(None, seconds(2));
    assert!(stage.others() <= 250, "{} are left", stage.others());
    drop(crowd);
    stage.run(None, seconds(1));
    stage.end();
}

/// A scene whose sessions and connections end after fifteen seconds of silence.
fn impatient() -> HostileScene {
    let session = Config { session_timeout: seconds(15), idle_timeout: seconds(15), ..Config::default() };
    HostileScene::with(Settings { session, ..settings() })
}

/// Fifteen seconds and a little, in which the viewers say that they are there.
fn pass(stage: &mut HostileScene) {
    for _ in 0..2 {
        stage.keep_alive();
        stage.run(None, seconds(8));
    }
}

#[test]
fn connections_that_are_half_open() {
    let mut stage = impatient();
    // Their hosts have gone without a word: nothing comes from them, and what is sent to them fills what is between.
    let connected = crowd(&mut stage, 200);
    let transports = ["RTP/AVP;unicast;client_port=25000-25001", "RTP/AVP/TCP;unicast;interleaved=0-1"];
    let mut gone: Vec<StrictClient> = Vec::new();
    for host in 10..40 {
        let mut viewer = stage.scene.connect(host, URL);
        stage.scene.start_over(&mut viewer, transports[usize::from(host % 2)]);
        viewer.reading = false;
        gone.push(viewer);
    }
    assert_eq!(stage.others(), 230);
    // A session ends first, and then its connection.
    pass(&mut stage);
    pass(&mut stage);
    assert_eq!(stage.others(), 0);
    drop((connected, gone));
    stage.end();
}

#[test]
fn readers_that_stop_for_twenty_seconds() {
    let mut stage = HostileScene::new();
    // Each at another place in a packet.
    let mut stopped: Vec<StrictClient> = (0..60)
        .map(|number| {
            let mut viewer = stage.scene.connect_with_window(10 + number, URL, 3_000 + 997 * usize::from(number));
            stage.scene.start_interleaved(&mut viewer);
            viewer
        })
        .collect();
    stage.run(None, seconds(10));
    stage.keep_alive();
    assert!(stage.others() > 0, "they are waited for");
    stage.run(None, seconds(10));
    stage.keep_alive();
    // Nobody is waited for who takes nothing for ten seconds. What they read now is whole up to the end.
    for viewer in &mut stopped {
        viewer.tolerate_gaps = true;
    }
    stage.run(None, seconds(5));
    assert_eq!(stage.others(), 0);
    drop(stopped);
    stage.end();
}

#[test]
fn receivers_whose_ports_are_closed() {
    let mut stage = impatient();
    let mut closed = Vec::new();
    for host in 10..40 {
        let mut viewer = stage.scene.connect(host, URL);
        // Nobody is there.
        stage.scene.start_over(&mut viewer, "RTP/AVP;unicast;client_port=31000-31001");
        closed.push(viewer);
    }
    stage.run(None, seconds(10));
    assert_eq!(stage.others(), 30);
    for viewer in &closed {
        let to = SocketAddr::from((viewer.ip, 31_000));
        assert!(stage.scene.network.traffic(to).sent > 240, "nothing tells that they are not there");
        assert_eq!(stage.scene.network.traffic(to).delivered, 0);
    }
    stage.keep_alive();
    pass(&mut stage);
    pass(&mut stage);
    assert_eq!(stage.others(), 0, "those who never say that they are there");
    drop(closed);
    stage.end();
}
