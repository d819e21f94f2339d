//! What comes, what does not, and what is said about it.

use super::*;
use crate::wire::rtsp::headers::Scale;

/// How many of the compounds that were sent say BYE.
fn byes(scene: &Scene) -> usize {
    scene.compounds().iter().filter(|(_, _, bytes)| bytes.windows(2).any(|window| window == [0x81, 203])).count()
}

#[test]
fn frames_over_udp_come_out_whole_and_in_their_place() {
    let mut scene = Scene::over_udp();
    let (port, to, opener) = scene.datagrams.first().expect("a packet that opens firewalls");
    assert_eq!((*port, *to, opener.len()), (Port::Rtp, SocketAddr::new(SERVER, 6970), 12));
    for (i, scan) in [b"first", b"other"].into_iter().enumerate() {
        let bytes = packet(10 + i as u16, 90_000 + 45_000 * i as u32, scan);
        scene.player.handle_datagram(scene.now, Port::Rtp, (SERVER, 6970).into(), &bytes);
        let event = scene.player.poll_event(scene.now).expect("a frame");
        assert_eq!(positions(&[event]), [Some(Duration::from_millis(500 * i as u64))]);
        let jpeg = scene.player.frame();
        assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]));
        assert!(jpeg.windows(5).any(|window| window == scan));
    }
    assert_eq!(scene.player.statistics().unwrap().packets, 2);
}

#[test]
fn frames_over_tcp_come_out_one_by_one_though_they_arrive_at_once() {
    let mut scene = Scene::over_tcp("npt=0-60");
    // More frames in one read than there are buffers.
    let mut bytes = vec![];
    for i in 0..20u16 {
        let packet = packet(i, 90_000 + 3750 * u32::from(i), &[i as u8; 9]);
        bytes.extend([b'$', 0, 0, packet.len() as u8]);
        bytes.extend(packet);
    }
    scene.player.rx_buffer()[..bytes.len()].copy_from_slice(&bytes);
    scene.player.handle_input(scene.now, bytes.len());
    for i in 0..20u64 {
        let event = scene.player.poll_event(scene.now).expect("a frame");
        assert_eq!(positions(&[event]), [Some(Duration::from_micros(i * 3750 * 100 / 9))]);
        assert!(scene.player.frame().windows(9).any(|window| window == [i as u8; 9]));
    }
    assert_eq!(scene.events(), []);
    assert_eq!(scene.player.statistics().unwrap().frames_dropped, 0);
    assert!(scene.datagrams.is_empty());
}

#[test]
fn packets_of_strangers_are_dropped() {
    let mut scene = Scene::over_udp();
    let stranger = |port| (IpAddr::from([198, 51, 100, 7]), port);
    assert_eq!(scene.datagram(stranger(6970), &packet(1, 90_000, b"spoof")), []);
    assert_eq!(scene.report(stranger(6971), &BYE), []);
    assert_eq!(scene.pass(1000), []);
    assert_eq!(scene.player.strangers(), 2);
    // The same server, as a socket of both families shows it.
    let mapped = "::ffff:192.0.2.1".parse().unwrap();
    assert!(matches!(scene.datagram((mapped, 6970), &packet(2, 90_000, b"right"))[..], [Event::Frame(_)]));
}

#[test]
fn reports_go_to_the_servers_port_as_announced_or_as_learnt() {
    for (answer, port) in [("RTP/AVP;unicast;server_port=6970-6971", 6971), ("RTP/AVP;unicast", 7001)] {
        let mut scene = Scene::play(Settings::default());
        scene.set_up("npt=now-", &format!("Session: 1\r\nTransport: {answer}\r\n"));
        scene.answer(200, "");
        assert_eq!(positions(&scene.datagram((SERVER, 7000), &packet(1, 90_000, b"x"))), [None]);
        scene.pass(8000);
        let compounds = scene.compounds();
        let (_, to, report) = compounds.first().expect("a report");
        assert_eq!(*to, SocketAddr::new(SERVER, port));
        assert_eq!(report[1], 201, "a receiver report");
        assert!(report.windows(10).any(|window| window == b"@mutoscope"));
    }
}

#[test]
fn media_of_a_link_local_server_is_answered_out_of_the_interface_it_came_in_by() {
    let address = core::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
    let mut scene = Scene::new(Settings::default());
    scene.player.handle_goal(Goal::Play { from: None });
    assert_eq!(scene.player.poll_event(scene.now), None);
    scene.player.poll_demand();
    scene.player.handle_connected(core::net::SocketAddrV6::new(address, 554, 0, 3).into());
    scene.events();
    scene.set_up("npt=now-", SETUP_UDP);
    let (_, to, _) = scene.datagrams.first().expect("a packet that opens firewalls");
    assert_eq!(*to, core::net::SocketAddrV6::new(address, 6970, 0, 3).into());
}

#[test]
fn leaving_says_bye_before_teardown() {
    let mut scene = Scene::over_udp();
    scene.datagram((SERVER, 6970), &packet(1, 90_000, b"x"));
    scene.player.handle_goal(Goal::Stop);
    assert_eq!(scene.peek(), "");
    scene.events();
    assert!(scene.peek().starts_with("TEARDOWN "));
    assert_eq!(byes(&scene), 1);
    assert_eq!(scene.answer(200, ""), [Event::TornDown]);

    let mut scene = Scene::over_tcp("npt=0-60");
    scene.interleaved(0, &packet(1, 90_000, b"x"));
    scene.goal(Goal::Stop);
    assert!(scene.outgoing.starts_with(b"$\x01"));
    assert!(scene.outgoing.windows(9).any(|window| window == b"TEARDOWN "));
}

#[test]
fn bye_is_said_once_though_teardown_has_to_wait() {
    let mut scene = Scene::over_udp();
    scene.datagram((SERVER, 6970), &packet(1, 90_000, b"x"));
    // Nothing leaves: requests pile up until the buffer has no room for TEARDOWN.
    while scene.player.connection.queue_interleaved(1, &[&[0; 100]]) {}
    scene.player.handle_goal(Goal::Stop);
    let mut buffer = [0; MAX_DATAGRAM];
    let mut said = 0;
    for _ in 0..3 {
        assert_eq!(scene.player.poll_event(scene.now), None);
        while scene.player.poll_datagram(scene.now, &mut buffer).is_some() {
            said += 1;
        }
    }
    assert_eq!(said, 1);
    scene.events();
    scene.events();
    assert!(scene.peek().contains("TEARDOWN "));
    assert_eq!(byes(&scene), 0, "not again");
}

#[test]
fn a_player_that_has_heard_nothing_says_no_bye() {
    let mut scene = Scene::over_udp();
    scene.goal(Goal::Stop);
    assert!(scene.peek().starts_with("TEARDOWN "));
    assert_eq!(byes(&scene), 0, "RFC 3550 section 6.3.7");
}

#[test]
fn bye_ends_the_stream_after_what_it_overtook() {
    let mut scene = Scene::over_udp();
    assert_eq!(scene.report((SERVER, 6971), &BYE), []);
    scene.now = scene.now.after(Duration::from_millis(50));
    assert!(matches!(scene.datagram((SERVER, 6970), &packet(1, 90_000, b"late"))[..], [Event::Frame(_)]));
    assert_eq!(scene.pass(49), []);
    assert_eq!(scene.pass(1), [Event::EndOfStream { announced: true }]);
    assert_eq!(scene.pass(20_000), [], "said once, and silence is no news any more");
    assert_eq!(scene.player.state(), State::Playing);
}

#[test]
fn another_session_brings_its_own_payload_type_source_and_totals() {
    let mut scene = Scene::over_udp();
    assert!(matches!(scene.datagram((SERVER, 6970), &packet(1, 90_000, b"first"))[..], [Event::Frame(_)]));
    scene.goal(Goal::Stop);
    assert_eq!(scene.answer(200, ""), [Event::TornDown]);
    scene.goal(Goal::Play { from: None });
    scene.answer(200, "Public: DESCRIBE\r\n");
    let sdp = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 JPEG/90000\r\na=x-dimensions:2048,8\r\n";
    scene.answer_with(200, "", sdp);
    scene.answer(200, "Session: abc\r\nTransport: RTP/AVP;server_port=6970-6971;ssrc=00000007\r\n");
    scene.answer(200, "");
    // Another source, another type, dimensions that only the description knows.
    for (number, sequence) in [(1u32, 50_000u16), (2, 50_001)] {
        let mut bytes = packet(sequence, 1000 * number, b"other");
        bytes[1] = 0x80 | 96;
        bytes[8..12].copy_from_slice(&[0, 0, 0, 7]);
        bytes[18..20].copy_from_slice(&[0, 0]);
        scene.player.handle_datagram(scene.now, Port::Rtp, (SERVER, 6970).into(), &bytes);
        let event = scene.player.poll_event(scene.now);
        assert!(matches!(event, Some(Event::Frame(frame)) if frame.received.number == number), "{event:?}");
        assert!(scene.player.frame().windows(4).any(|window| window == [0, 8, 8, 0]), "8 x 2048 pixels");
    }
    assert_eq!(scene.player.statistics().unwrap().packets, 2);
}

/// Plays from second 30 instead; what PLAY's answer says of the packet it begins with.
fn seek(scene: &mut Scene, answer: &str) {
    scene.goal(Goal::Seek { to: seconds(30) });
    scene.answer(200, "");
    let events = scene.answer(200, answer);
    assert!(matches!(events[..], [Event::Playing { from: Some(_), .. }]), "{events:?}");
}

#[test]
fn after_a_seek_packets_from_before_it_are_dropped() {
    let mut scene = Scene::over_udp();
    for sequence in 10..13 {
        let old = packet(sequence, 90_000 + 3750 * u32::from(sequence), b"old");
        assert!(matches!(scene.datagram((SERVER, 6970), &old)[..], [Event::Frame(_)]));
    }
    seek(&mut scene, "RTP-Info: url=x;seq=15;rtptime=500000\r\nRange: npt=30-60\r\n");
    let packets = [
        packet(13, 140_000, b"old"),
        packet(15, 500_000, b"new"),
        packet(14, 143_750, b"old"),
        packet(16, 503_750, b"new"),
    ];
    let events: Vec<_> = packets.iter().flat_map(|packet| scene.datagram((SERVER, 6970), packet)).collect();
    let expected = [30_000_000, 30_041_666].map(|micros| Some(Duration::from_micros(micros)));
    assert_eq!(positions(&events), expected);
    assert_eq!(scene.player.statistics().unwrap().lost, 0, "they were not wanted, and not lost either");
}

#[test]
fn a_server_that_announces_a_number_far_ahead_costs_half_a_second() {
    let mut scene = Scene::over_udp();
    scene.datagram((SERVER, 6970), &packet(10, 90_000, b"old"));
    seek(&mut scene, "RTP-Info: url=x;seq=1000;rtptime=500000\r\n");
    let mut frames = 0;
    for sequence in 11..111u16 {
        let new = packet(sequence, 500_000 + 900 * u32::from(sequence), b"new");
        frames += scene.datagram((SERVER, 6970), &new).len();
        frames += scene.pass(10).len();
    }
    assert!((45..=51).contains(&frames), "{frames}");
}

#[test]
fn silence_while_playing_is_told_at_every_interval() {
    let mut scene = Scene::over_tcp_with(Settings { stall_timeout: seconds(99), ..Settings::default() }, "npt=now-");
    let told = |lasting| Event::Silence { lasting: seconds(lasting) };
    assert_eq!(scene.pass(6000), [told(3), told(6)]);
    assert!(matches!(scene.interleaved(0, &packet(1, 90_000, b"x"))[..], [Event::Frame(_)]));
    assert_eq!(scene.pass(2999), []);
    assert_eq!(scene.pass(1), [told(3)]);
    scene.request();
    scene.goal(Goal::Pause);
    assert_eq!(scene.answer(200, ""), [Event::Paused]);
    assert_eq!(scene.pass(20_000), [], "paused is quiet");
}

#[test]
fn packets_that_make_no_frames_are_told_apart_from_silence() {
    let mut scene = Scene::over_tcp_with(Settings { stall_timeout: seconds(9), ..Settings::default() }, "npt=now-");
    let mut events = Vec::new();
    for sequence in 1..31u16 {
        let mut other = packet(sequence, 90_000, b"x");
        other[1] = 97;
        events.extend(scene.interleaved(0, &other));
        events.extend(scene.pass(200));
    }
    let reason = NoFrameReason::Rejected(Rejected::PayloadType(97));
    for (event, seconds) in events.iter().zip([3, 6]) {
        let Event::NoFrames { lasting, cause } = event else { panic!("{events:?}") };
        assert_eq!((lasting.as_secs(), cause.reason, cause.described, cause.tcp), (seconds, reason, 26, true));
    }
    assert_eq!(events.len(), 2, "{events:?}");
    // They come no more, and never was there one of any use.
    let nothing = Failure::NothingArrived { dialect: Dialect::Standard, transport: Transport::Tcp };
    assert_eq!(failure(&scene.pass(3000)), nothing);
}

#[test]
fn packets_out_of_order_make_frames_over_tcp_too() {
    let mut scene = Scene::over_tcp("npt=0-60");
    // Two threads of the server, one of which is late.
    let packets: Vec<Vec<u8>> = (1..41u16).map(|at| packet(at, 90_000 + 3750 * u32::from(at), b"x")).collect();
    let mut events = Vec::new();
    for pair in packets.chunks(2) {
        for packet in pair.iter().rev() {
            events.extend(scene.interleaved(0, packet));
        }
        events.extend(scene.pass(80));
    }
    let positions = positions(&events);
    assert!(positions.is_sorted(), "{positions:?}");
    // Nobody knows that anything came before the first one.
    assert_eq!(positions.len(), 39);
}

#[test]
fn packets_that_a_server_leaves_out_of_tcp_delay_nothing() {
    let mut scene = Scene::over_tcp("npt=0-60");
    assert!(matches!(scene.interleaved(0, &packet(1, 90_000, b"x"))[..], [Event::Frame(_)]));
    assert_eq!(scene.interleaved(0, &packet(3, 97_500, b"x")), [], "there may be more to read");
    assert!(matches!(scene.pass(0)[..], [Event::Frame(_)]));
    // Threads of the server have mixed up two: from then on, the others are waited for.
    assert_eq!(scene.interleaved(0, &packet(5, 105_000, b"x")), []);
    assert!(matches!(scene.interleaved(0, &packet(4, 101_250, b"x"))[..], [Event::Frame(_), Event::Frame(_)]));
    assert_eq!(scene.interleaved(0, &packet(7, 112_500, b"x")), []);
    assert_eq!(scene.pass(49), []);
    assert!(matches!(scene.pass(1)[..], [Event::Frame(_)]));
}

#[test]
fn pictures_above_2040_pixels_have_the_size_that_onvif_s_extension_tells() {
    let mut scene = Scene::over_udp();
    let mut large = packet(1, 90_000, b"x");
    large[0] |= 0x10;
    large.splice(18..20, [0, 0]);
    let sof0 = [0xff, 0xc0, 0, 17, 8, 0x0b, 0x40, 0x14, 0, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1, 0xff];
    large.splice(12..12, [&[0xff, 0xd8, 0, 5][..], &sof0].concat());
    scene.player.handle_datagram(scene.now, Port::Rtp, (SERVER, 6970).into(), &large);
    assert!(matches!(scene.player.poll_event(scene.now), Some(Event::Frame(_))));
    let layout = crate::jpeg::Layout::parse(scene.player.frame()).unwrap();
    assert_eq!((layout.width, layout.height), (5120, 2880));
}

#[test]
fn the_end_of_the_connection_is_told_after_what_it_brought() {
    let mut scene = Scene::over_tcp("npt=0-60");
    let packet = packet(1, 90_000, b"x");
    let bytes = [&[b'$', 0, 0, packet.len() as u8], &packet[..]].concat();
    scene.player.rx_buffer()[..bytes.len()].copy_from_slice(&bytes);
    scene.player.handle_input(scene.now, bytes.len());
    let events = scene.close();
    assert!(matches!(events[..], [Event::Frame(_), Event::Failed(Failure::Closed)]), "{events:?}");
    assert_eq!(scene.pass(100_000), []);

    let mut scene = Scene::over_udp();
    scene.player.handle_broken(scene.now);
    assert_eq!(scene.events(), [Event::Failed(Failure::Broken)]);
}

#[test]
fn another_scale_is_asked_for_after_a_pause_and_positions_pass_as_the_server_says() {
    let mut scene = Scene::over_udp();
    scene.datagram((SERVER, 6970), &packet(10, 90_000, b"old"));
    let backwards = Scale::from_thousandths(-2000).unwrap();
    scene.goal(Goal::Scale { to: backwards });
    assert_eq!(scene.answer(200, ""), [], "nobody asked for the pause");
    assert!(scene.peek().contains("\r\nScale: -2.0\r\n"), "{}", scene.peek());
    let told = "RTP-Info: url=x;seq=15;rtptime=500000\r\nRange: npt=30-0\r\nScale: -2\r\n";
    let events = scene.answer(200, told);
    assert!(matches!(events[..], [Event::Playing { from: None, answer }] if answer.scale == Some(backwards)));
    let packets = [packet(15, 500_000, b"new"), packet(16, 545_000, b"new")];
    let events: Vec<_> = packets.iter().flat_map(|packet| scene.datagram((SERVER, 6970), packet)).collect();
    assert_eq!(positions(&events), [Some(seconds(30)), Some(seconds(29))]);
    scene.goal(Goal::Scale { to: Scale::NORMAL });
    scene.answer(200, "");
    assert!(scene.peek().contains("\r\nScale: 1.0\r\n"), "it is told that it is over: {}", scene.peek());
    scene.answer(200, "");
    seek(&mut scene, "");
    assert!(!scene.peek().contains("Scale"), "and then no more");
}
