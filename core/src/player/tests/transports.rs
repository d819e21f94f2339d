//! From UDP to TCP.

use super::*;

#[test]
fn tcp_is_tried_on_the_same_connection_where_udp_is_refused() {
    let mut scene = Scene::play(Settings::default());
    scene.request();
    scene.answer(200, "Public: DESCRIBE, SETUP, PLAY\r\n");
    scene.describe("npt=0-10");
    assert!(scene.peek().contains("Transport: RTP/AVP;unicast;client_port=25000-25001\r\n"));
    let events = scene.answer(461, "");
    assert!(matches!(events[..], [Event::Retrying { with: Retry::Tcp, .. }]), "{events:?}");
    assert!(scene.peek().contains("RTP/AVP/TCP"), "{}", scene.peek());
    scene.answer(200, SETUP_TCP);
    scene.answer(200, "");
    assert!(matches!(scene.interleaved(0, &packet(1, 0, b"x"))[..], [Event::Frame(_)]));
    assert_eq!(scene.connections, 1);
}

#[test]
fn tcp_is_tried_on_a_new_connection_where_nothing_arrives_over_udp() {
    let mut scene = Scene::over_udp();
    assert_eq!(scene.pass(2999), []);
    let events = scene.pass(1);
    let after = Failure::NothingArrived { dialect: Dialect::Standard, transport: Transport::Udp };
    let retry = Event::Retrying { with: Retry::Tcp, after };
    assert_eq!(events, [retry, Event::Connected { peer: SocketAddr::new(SERVER, 554) }]);
    assert!(scene.farewells[0].starts_with("TEARDOWN "), "the first session is not left behind");
    scene.set_up("npt=0-60", SETUP_TCP);
    assert!(scene.peek().starts_with("PLAY "));
    scene.answer(200, "");
    assert!(matches!(scene.interleaved(0, &packet(1, 0, b"x"))[..], [Event::Frame(_)]));
}

#[test]
fn media_is_taken_over_tcp_where_a_server_answers_with_it_though_udp_was_offered() {
    for (transport, channel) in
        [("RTP/AVP/TCP;unicast", 0), ("RTP/AVP/TCP;unicast;interleaved=4-5", 4), ("RTP/AVP;interleaved=2-3", 2)]
    {
        let mut scene = Scene::play(Settings::default());
        scene.request();
        scene.answer(200, "");
        scene.describe("npt=0-10");
        let events = scene.answer(200, &format!("Session: 1\r\nTransport: {transport}\r\n"));
        let Event::SetUp(presentation) = events[0] else { panic!("{events:?}") };
        let expected = MediaTransport::Interleaved { rtp_channel: channel, rtcp_channel: channel + 1 };
        assert_eq!(presentation.transport, expected);
        scene.answer(200, "");
        assert!(matches!(scene.interleaved(channel, &packet(1, 0, b"x"))[..], [Event::Frame(_)]));
        assert_eq!(scene.connections, 1);
    }
}

#[test]
fn media_is_taken_over_udp_where_a_server_answers_with_open_ports_though_tcp_was_offered() {
    for (ports, taken) in [("25000-25001", true), ("30000-30001", false)] {
        let mut scene = Scene::play(Settings::default());
        scene.request();
        scene.answer(200, "");
        scene.describe("npt=0-10");
        scene.answer(461, "");
        assert!(scene.peek().contains("RTP/AVP/TCP"));
        let answer = format!("Session: 1\r\nTransport: RTP/AVP;unicast;client_port={ports};server_port=6970-6971\r\n");
        let events = scene.answer(200, &answer);
        if taken {
            assert!(matches!(events[..], [Event::SetUp(_)]), "{events:?}");
            scene.answer(200, "");
            assert!(matches!(scene.datagram((SERVER, 6970), &packet(1, 0, b"x"))[..], [Event::Frame(_)]));
        } else {
            assert_eq!(failure(&events), Failure::Protocol(session::Error::Transport));
            assert!(scene.farewells[0].starts_with("TEARDOWN "), "the session is not left behind");
        }
    }
}

#[test]
fn a_transport_that_was_ruled_out_is_not_taken() {
    for (transport, answer) in [(Transport::Udp, SETUP_TCP), (Transport::Tcp, SETUP_UDP)] {
        let mut scene = Scene::play(Settings { transport, ..Settings::default() });
        scene.request();
        scene.answer(200, "");
        scene.describe("npt=0-10");
        let events = scene.answer(200, answer);
        assert_eq!(failure(&events), Failure::Protocol(session::Error::Transport));
    }
}

#[test]
fn tcp_is_tried_where_no_frame_arrives_whole_over_udp() {
    let mut scene = Scene::over_udp();
    let mut events = vec![];
    for sequence in (1..200).step_by(2) {
        let mut half = packet(sequence, 90_000 + 3750 * u32::from(sequence), b"x");
        half[1] = 26;
        events.extend(scene.datagram((SERVER, 6970), &half));
        events.extend(scene.pass(40));
    }
    let after = events.iter().find_map(|event| match event {
        Event::Retrying { with: Retry::Tcp, after: Failure::NoFrames(after) } => Some(after),
        _ => None,
    });
    assert!(after.is_some_and(|after| !after.tcp && after.reason == NoFrameReason::Incomplete), "{events:?}");
}

#[test]
fn what_was_chosen_is_not_replaced() {
    for (transport, refused) in [(Transport::Udp, true), (Transport::Tcp, true), (Transport::Udp, false)] {
        let mut scene = Scene::play(Settings { transport, ..Settings::default() });
        scene.request();
        scene.answer(200, "Public: DESCRIBE\r\n");
        scene.describe("npt=0-10");
        let failure = if refused {
            failure(&scene.answer(461, ""))
        } else {
            scene.answer(200, SETUP_UDP);
            scene.answer(200, "");
            failure(&scene.pass(12_000))
        };
        let expected = if refused {
            Failure::Refused { status: StatusCode::UNSUPPORTED_TRANSPORT, during: Command::Setup }
        } else {
            Failure::NothingArrived { dialect: Dialect::Standard, transport }
        };
        assert_eq!(failure, expected);
    }
}

#[test]
fn where_nothing_arrives_over_tcp_either_the_player_says_so_and_begins_with_udp_the_next_time() {
    let mut scene = Scene::over_udp();
    scene.pass(3000);
    scene.set_up("npt=0-60", SETUP_TCP);
    scene.answer(200, "");
    let failure = failure(&scene.pass(12_000));
    let expected = Failure::NothingArrived { dialect: Dialect::Standard, transport: Transport::Auto };
    assert_eq!(failure, expected);
    assert_eq!((scene.connected, scene.player.poll_timeout()), (false, None), "idle");
    scene.goal(Goal::SetUp);
    scene.request();
    scene.answer(200, "");
    scene.describe("npt=0-60");
    assert!(scene.peek().contains("client_port="));
}

#[test]
fn transports_that_have_brought_frames_are_kept() {
    let mut scene = Scene::over_udp();
    scene.datagram((SERVER, 6970), &packet(1, 90_000, b"x"));
    let stalled = failure(&scene.pass(20_000));
    assert!(matches!(stalled, Failure::Stalled(_)), "{stalled:?}");
    scene.goal(Goal::Play { from: None });
    scene.set_up("npt=0-60", SETUP_UDP);
    scene.answer(200, "");
    assert!(matches!(failure(&scene.pass(20_000)), Failure::NothingArrived { .. } | Failure::Stalled(_)));
}

#[test]
fn ports_that_cannot_be_opened_are_a_failure() {
    let mut scene = Scene::play(Settings::default());
    scene.request();
    scene.answer(200, "");
    assert!(scene.request().starts_with("DESCRIBE "));
    let sdp = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 25\r\n\r\nm=video 0 RTP/AVP 26\r\n\r\n\r\n";
    let into = scene.player.rx_buffer();
    into[..sdp.len()].copy_from_slice(sdp);
    scene.player.handle_input(scene.now, sdp.len());
    assert_eq!(scene.player.poll_event(scene.now), None);
    assert_eq!(scene.player.poll_demand(), Some(Demand::OpenPorts));
    scene.player.handle_ports(None);
    assert_eq!(scene.events(), [Event::Failed(Failure::NoPorts)]);
}
