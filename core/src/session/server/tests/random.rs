//! Anything at all, in any order.

use super::*;
use proptest::collection::vec as many;
use proptest::prelude::*;
use recording::RECORD;
use std::vec;

#[derive(Clone, Debug)]
enum Action {
    Input(Vec<u8>),
    Answer(u8),
    Transmit(usize),
    Media(u8, usize),
    Wait(u64),
    Liveness,
    EndOfStream,
    Close,
    Failure,
    ShutDown,
}

/// Bytes that have a chance of being understood.
fn phrase() -> impl Strategy<Value = Vec<u8>> {
    let texts = [
        request("OPTIONS", "*", 1, ""),
        request("DESCRIBE", URL, 2, ""),
        setup(3, UDP),
        setup(4, "RTP/AVP/TCP;interleaved=0-1"),
        setup(4, "RTP/AVP/TCP;interleaved=0-1;mode=record"),
        recording::announce(5),
        with_session("RECORD", 6),
        with_session("PLAY", 5),
        with_session("PAUSE", 6),
        with_session("TEARDOWN", 7),
        with_session("GET_PARAMETER", 8),
        request("SET_PARAMETER", URL, 9, "Content-Length: 3\r\n") + "abc",
        request("SET_PARAMETER", URL, 9, "Content-Length: 300\r\n"),
        "SETUP movie.Mjpeg RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000".into(),
        "PLAY movie.Mjpeg RTSP/1.0\nCSeq: 2\n".into(),
        "PAUSE movie.Mjpeg RTSP/1.0\nCSeq: 3\n".into(),
        "TEARDOWN movie.Mjpeg RTSP/1.0\nCSeq: 4".into(),
        "$\x01\x00\x04abcd".into(),
        "$\x00\x01\x00".into(),
        "$\x01\x7f\x7f".into(),
        "\r\n\r\n".into(),
    ];
    let text = proptest::sample::select(texts.to_vec()).prop_map(String::into_bytes);
    prop_oneof![
        8 => text.clone(),
        2 => (text, any::<prop::sample::Index>()).prop_map(|(text, end)| text[..end.index(text.len())].to_vec()),
        1 => many(any::<u8>(), 0..40),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        20 => phrase().prop_map(Action::Input),
        15 => (0..10u8).prop_map(Action::Answer),
        8 => (0..3000usize).prop_map(Action::Transmit),
        5 => (0..2u8, 0..1500usize).prop_map(|(channel, len)| Action::Media(channel, len)),
        5 => (0..100_000_000u64).prop_map(Action::Wait),
        5 => (0..100_000u64).prop_map(Action::Wait),
        1 => Just(Action::Liveness),
        1 => Just(Action::EndOfStream),
        1 => Just(Action::Close),
        1 => Just(Action::Failure),
        1 => Just(Action::ShutDown),
    ]
}

fn perform(peer: &mut Peer, action: Action) {
    let now = peer.now;
    match action {
        Action::Input(bytes) => {
            let space = peer.connection.rx_buffer();
            let n = space.len().min(bytes.len());
            space[..n].copy_from_slice(&bytes[..n]);
            peer.connection.handle_input(now, n);
        }
        Action::Answer(0) => peer.connection.answer_describe(now, &MOVIE),
        Action::Answer(1) => peer.connection.answer_setup(now, (5004, 5005), SSRC),
        Action::Answer(2) => peer.connection.answer_play(now, played(1, 2, Range::Now)),
        Action::Answer(3) => peer.connection.answer_pause(now),
        Action::Answer(4) => peer.connection.answer_teardown(now),
        Action::Answer(5) => peer.connection.refuse(now, StatusCode::NOT_FOUND, "no"),
        Action::Answer(6) => peer.connection.answer_announce(now),
        Action::Answer(7) => peer.connection.answer_record(now),
        Action::Answer(_) => {
            // What a driver would do.
            if let Some(event) = peer.connection.poll_event() {
                assert!(peer.connection.interleaved().len() <= 1024);
                peer.events.push(event);
                peer.answer(event);
            }
        }
        Action::Transmit(n) => peer.connection.consume_transmit(now, n),
        Action::Media(channel, len) => {
            let before = peer.connection.poll_transmit().len();
            let queued = peer.connection.queue_interleaved(channel, &[&std::vec![0; len]]);
            assert_eq!(peer.connection.poll_transmit().len(), before + if queued { len + 4 } else { 0 });
        }
        Action::Wait(micros) => peer.pass(Duration::from_micros(micros)),
        Action::Liveness => peer.connection.handle_liveness(now),
        Action::EndOfStream => peer.connection.handle_end_of_stream(now),
        Action::Close => peer.connection.handle_close(now),
        Action::Failure => peer.connection.handle_failure(now),
        Action::ShutDown => peer.connection.shut_down(now),
    }
}

/// What must hold at any time.
fn check(peer: &mut Peer) {
    let connection = &mut peer.connection;
    assert!(connection.poll_transmit().len() <= connection.channel.tx.capacity());
    let _ = connection.resource();
    let _ = connection.interleaved();
    let (state, is_asking) = (connection.state(), !connection.url().is_empty());
    assert_eq!(matches!(state, State::Init | State::Announced), connection.transport().is_none());
    assert_eq!(state == State::Init, connection.session_url().is_empty());
    assert!(is_asking || connection.body().is_empty());
    assert!(connection.config.record || !state.is_publishing());
    if connection.is_closed() {
        assert_eq!(connection.poll_timeout(), None);
        assert!(connection.poll_transmit().is_empty() && connection.rx_buffer().is_empty());
    } else if connection.pending.is_none() && connection.event.is_none() && connection.channel.lent().is_empty() {
        // Nothing but a lab session lasts without a deadline.
        let lab_session = connection.dialect == Some(Dialect::Lab) && connection.session.is_some();
        assert!(connection.poll_timeout().is_some() || lab_session);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_makes_it_panic_loop_or_forget_a_deadline(actions in many(action(), 0..60), small: bool, record: bool) {
        let mut peer = if small {
            Peer::sized(200, 120, RECORD)
        } else {
            Peer::with(Config { record, ..RECORD })
        };
        peer.answers = false;
        for action in actions {
            perform(&mut peer, action);
            check(&mut peer);
            peer.connection.handle_timeout(peer.now);
            prop_assert!(peer.connection.poll_timeout().is_none_or(|at| at > peer.now));
            check(&mut peer);
        }
        // Whatever happened, a driver that does its work and a peer that goes away bring it to an end.
        peer.answers = true;
        peer.connection.refuse(peer.now, StatusCode::NOT_FOUND, "");
        peer.connection.handle_close(peer.now);
        for _ in 0..100 {
            peer.drive();
            peer.sent();
        }
        peer.pass(Duration::from_secs(100));
        prop_assert!(peer.connection.is_closed());
    }

    #[test]
    fn every_session_that_begins_ends_once(actions in many(action(), 0..80)) {
        let mut peer = Peer::with(RECORD);
        let mut sessions = 0i32;
        for action in actions.into_iter().chain([Action::Failure]) {
            let before = peer.connection.session.as_ref().map(|session| session.id);
            perform(&mut peer, action);
            peer.drive();
            let after = peer.connection.session.as_ref().map(|session| session.id);
            sessions += i32::from(after.is_some() && after != before);
        }
        peer.drive();
        let torn_down = peer.events.iter().filter(|&&event| event == Event::Teardown).count();
        let ended = i32::try_from(torn_down + peer.expirations()).unwrap();
        prop_assert!(ended >= sessions, "{} sessions, {} ends", sessions, ended);
    }

    /// (In the lab dialect, whose requests end where the next one seems to begin, this holds for requests but not for
    /// halves of them; see `lab`. So these begin in the standard dialect.)
    #[test]
    fn bytes_mean_the_same_however_they_are_cut(phrases in many(phrase(), 1..6), cuts in many(1..50usize, 1..8)) {
        let bytes = [request("OPTIONS", "*", 1, "").into_bytes(), phrases.concat()].concat();
        let mut whole = Peer::sized(2048, 4096, RECORD);
        whole.feed(&bytes);
        let mut sent = whole.sent();
        whole.pass(Duration::from_millis(60));
        sent += &whole.sent();

        let mut cut = Peer::sized(2048, 4096, RECORD);
        let (mut rest, mut pieces) = (&bytes[..], String::new());
        for size in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            cut.feed(piece);
            pieces += &cut.sent();
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        cut.pass(Duration::from_millis(60));
        pieces += &cut.sent();
        // The sequence number in the answer to a malformed request is salvaged from what has come by then.
        let statuses = |sent: &str| Vec::from_iter(sent.match_indices("RTSP/1.0 ").map(|(at, _)| status_of(&sent[at..])));
        prop_assert_eq!(statuses(&sent), statuses(&pieces));
        prop_assert_eq!(whole.events, cut.events);
        prop_assert_eq!(whole.packets, cut.packets);
    }
}
