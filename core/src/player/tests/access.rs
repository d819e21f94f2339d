//! Servers that send the player elsewhere, and servers that ask who it is.

use super::*;

/// A player of this URL that has asked for the description.
fn describing(url: &str) -> Scene {
    let mut scene = Scene::of(url, Settings::default());
    scene.start();
    scene.request();
    scene.answer(200, "Public: DESCRIBE, SETUP, PLAY\r\n");
    assert!(scene.peek().starts_with("DESCRIBE "));
    scene
}

/// The player is sent there, and asks there for the description.
fn send_on(scene: &mut Scene, status: u16, location: &str) -> Vec<Event> {
    let events = scene.answer(status, &format!("Location: {location}\r\n"));
    if events.first() == Some(&Event::Redirected) {
        assert!(scene.request().starts_with("OPTIONS "));
        scene.answer(200, "Public: DESCRIBE, SETUP, PLAY\r\n");
    }
    events
}

#[test]
fn redirections_are_followed_to_other_servers() {
    for status in [301, 302, 303, 307, 308] {
        let mut scene = describing("rtsp://192.0.2.1/movie.Mjpeg");
        let events = send_on(&mut scene, status, "rtsp://198.51.100.7:8554/new");
        assert_eq!(events, [Event::Redirected, Event::Connected { peer: SocketAddr::new(SERVER, 554) }]);
        assert_eq!(scene.hosts, ["192.0.2.1:554", "198.51.100.7:8554"]);
        assert_eq!(scene.player.url(), "rtsp://198.51.100.7:8554/new");
        assert!(scene.peek().starts_with("DESCRIBE rtsp://198.51.100.7:8554/new RTSP/1.0\r\n"));
        scene.describe("npt=0-10");
        assert!(matches!(scene.answer(200, SETUP_UDP)[..], [Event::SetUp(_)]));
    }
}

#[test]
fn a_redirection_of_play_leaves_no_session_behind() {
    let mut scene = Scene::play(Settings::default());
    scene.set_up("npt=0-10", SETUP_UDP);
    let events = scene.answer(302, "Location: /elsewhere\r\n");
    assert_eq!(events[0], Event::Redirected);
    assert!(scene.farewells[0].starts_with("TEARDOWN "), "{:?}", scene.farewells);
    assert!(scene.peek().starts_with("OPTIONS rtsp://192.0.2.1/elsewhere "));
}

#[test]
fn redirections_without_end_come_to_one_and_the_next_start_is_at_the_first_url() {
    let mut scene = describing("rtsp://192.0.2.1/movie.Mjpeg");
    for turn in 0..5 {
        let events = send_on(&mut scene, 302, &format!("rtsp://192.0.2.1:85{turn}/x"));
        assert_eq!(events[0], Event::Redirected);
    }
    let events = send_on(&mut scene, 302, "rtsp://192.0.2.1/movie.Mjpeg");
    let refused = Failure::Refused { status: StatusCode::FOUND, during: Command::Describe };
    assert_eq!(failure(&events), refused);
    assert_eq!(scene.connections, 6);
    scene.start();
    assert!(scene.peek().starts_with("OPTIONS rtsp://192.0.2.1/movie.Mjpeg "));
}

#[test]
fn what_is_no_place_that_can_be_asked_is_a_failure() {
    for location in ["http://192.0.2.1/x", "rtspu://192.0.2.1/x", "x", ""] {
        let mut scene = describing("rtsp://192.0.2.1/movie.Mjpeg");
        let events = send_on(&mut scene, 301, location);
        assert_eq!(events.len(), 1, "{location}");
        assert!(matches!(events[0], Event::Failed(Failure::Refused { .. })), "{location}");
    }
    let mut scene = describing("rtsp://192.0.2.1/movie.Mjpeg");
    assert!(matches!(scene.answer(302, "")[..], [Event::Failed(_)]), "without a Location");
}

#[test]
fn without_a_password_a_server_that_wants_one_is_a_failure() {
    let mut scene = describing("rtsp://192.0.2.1/movie.Mjpeg");
    let events = scene.answer(401, "WWW-Authenticate: Digest realm=\"cam\", nonce=\"1\"\r\n");
    let refused = Failure::Refused { status: StatusCode::UNAUTHORIZED, during: Command::Describe };
    assert_eq!(failure(&events), refused);
    assert_eq!(scene.player.unauthorized(), Some(Unauthorized::Unknown));
}

#[cfg(feature = "auth")]
mod passwords {
    use super::*;

    const URL: &str = "rtsp://anna:hunter2@192.0.2.1/movie.Mjpeg";
    const DIGEST: &str = "WWW-Authenticate: Digest realm=\"cam\", nonce=\"1\"\r\n";
    const BASIC: &str = "WWW-Authenticate: Basic realm=\"cam\"\r\n";
    const REFUSED: Failure = Failure::Refused { status: StatusCode::UNAUTHORIZED, during: Command::Describe };

    /// Whether the request that has been sent says who we are.
    fn says_who(scene: &Scene, scheme: &str) -> bool {
        scene.peek().contains(&format!("\r\nAuthorization: {scheme} "))
    }

    #[test]
    fn a_password_is_told_once_it_is_asked_for_and_with_each_request_from_then_on() {
        let mut scene = describing(URL);
        assert!(!scene.peek().contains("Authorization"), "nobody has asked");
        assert_eq!(scene.answer(401, DIGEST), []);
        let uri = "uri=\"rtsp://192.0.2.1/movie.Mjpeg\"";
        assert!(scene.peek().contains(uri) && says_who(&scene, "Digest"), "{}", scene.peek());
        assert!(scene.peek().contains("\r\nCSeq: 3\r\n") && !scene.peek().contains("hunter2"));
        scene.describe("npt=0-10");
        assert!(says_who(&scene, "Digest") && scene.peek().contains("uri=\"rtsp://192.0.2.1/movie.Mjpeg/trackID=0\""));
        scene.answer(200, SETUP_UDP);
        assert!(says_who(&scene, "Digest"));
        scene.answer(200, "");
        scene.goal(Goal::Stop);
        assert!(scene.request().contains("TEARDOWN ") && scene.connections == 1);
    }

    #[test]
    fn a_nonce_that_has_become_too_old_is_replaced_in_the_middle_of_a_session() {
        let mut scene = describing(URL);
        scene.answer(401, DIGEST);
        scene.describe("npt=0-10");
        scene.answer(200, SETUP_UDP);
        for (nonce, stale) in [(2, ", stale=true"), (3, "")] {
            let challenge = format!("WWW-Authenticate: Digest realm=\"cam\", nonce=\"{nonce}\"{stale}\r\n");
            assert_eq!(scene.answer(401, &challenge), []);
            assert!(scene.peek().starts_with("PLAY ") && scene.peek().contains(&format!("nonce=\"{nonce}\"")));
            assert!(scene.range().is_some(), "it is the same request");
            let events = scene.answer(200, "");
            assert!(matches!(events[..], [Event::Playing { .. }]), "{events:?}");
            scene.goal(Goal::Pause);
            scene.answer(200, "");
            scene.goal(Goal::Play { from: Some(seconds(1)) });
        }
    }

    #[test]
    fn a_wrong_password_is_tried_once() {
        let mut scene = describing(URL);
        scene.answer(401, DIGEST);
        let events = scene.answer(401, "WWW-Authenticate: Digest realm=\"cam\", nonce=\"2\"\r\n");
        assert_eq!(events, [Event::Failed(REFUSED)]);
        assert_eq!(scene.player.unauthorized(), Some(Unauthorized::Credentials));
        assert_eq!(scene.peek(), "");

        // Even where OPTIONS is refused already, which is usually ignored.
        let mut scene = Scene::of(URL, Settings { basic: true, ..Settings::default() });
        scene.start();
        assert_eq!(scene.answer(401, BASIC), []);
        assert!(scene.peek().starts_with("OPTIONS ") && says_who(&scene, "Basic"));
        let refused = Failure::Refused { status: StatusCode::UNAUTHORIZED, during: Command::Options };
        assert_eq!(scene.answer(401, BASIC), [Event::Failed(refused)]);
        assert_eq!(scene.connections, 1);
    }

    #[test]
    fn what_cannot_be_answered_is_told() {
        for (basic, challenge, why) in [
            (true, "WWW-Authenticate: Bearer\r\n", Unauthorized::Scheme),
            (true, "", Unauthorized::Scheme),
            (false, BASIC, Unauthorized::Basic),
        ] {
            let mut scene = Scene::of(URL, Settings { basic, ..Settings::default() });
            scene.start();
            scene.request();
            scene.answer(200, "Public: DESCRIBE\r\n");
            assert_eq!(scene.answer(401, challenge), [Event::Failed(REFUSED)]);
            assert_eq!(scene.player.unauthorized(), Some(why));
        }
    }

    #[test]
    fn the_password_as_it_is_goes_into_tls_and_elsewhere_only_where_that_is_allowed() {
        for (scheme, basic, told) in [("rtsp", false, false), ("rtsp", true, true), ("rtsps", false, true)] {
            let url = URL.replace("rtsp", scheme);
            let mut scene = Scene::of(&url, Settings { basic, ..Settings::default() });
            scene.start();
            let events = scene.answer(401, BASIC);
            assert_eq!((says_who(&scene, "Basic"), events.is_empty()), (told, told), "{url}");
            assert!(told || scene.player.unauthorized() == Some(Unauthorized::Basic));
        }
    }

    #[test]
    fn only_the_server_that_the_password_is_for_is_told() {
        for (location, told) in [
            ("rtsp://192.0.2.1:554/y", true),
            ("/y", true),
            ("rtsp://192.0.2.1:8554/y", false),
            ("rtsp://anna:hunter2@198.51.100.7/y", false),
        ] {
            let mut scene = describing(URL);
            send_on(&mut scene, 302, location);
            let events = scene.answer(401, DIGEST);
            assert_eq!(says_who(&scene, "Digest"), told, "{location}");
            if !told {
                assert_eq!(failure(&events), REFUSED);
                assert_eq!(scene.player.unauthorized(), Some(Unauthorized::Elsewhere));
                // The next time begins with the server that may know.
                scene.start();
                scene.answer(401, DIGEST);
                assert!(says_who(&scene, "Digest") && scene.connections == 3);
            }
        }
    }

    #[test]
    fn a_new_connection_tells_nothing_before_it_is_asked() {
        let mut scene = describing(URL);
        scene.answer(401, DIGEST);
        scene.describe("npt=0-10");
        scene.answer(200, SETUP_UDP);
        scene.answer(200, "");
        scene.pass(3000);
        assert_eq!(scene.connections, 2, "over TCP");
        assert!(!scene.peek().contains("Authorization"));
        scene.answer(401, DIGEST);
        assert!(says_who(&scene, "Digest"));
    }

    #[test]
    fn a_password_that_no_header_can_carry_is_refused_at_once() {
        let frames = [vec![0; 64], vec![0; 64]];
        let url = "rtsp://a:%0d%0ab@h/x";
        let player = Player::new(url, vec![0; 64], vec![0; 64], frames, Settings::default(), 7);
        assert_eq!(player.err(), Some(session::Error::Credentials));
    }
}
