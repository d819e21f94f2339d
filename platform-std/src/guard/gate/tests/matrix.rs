//! Every method for every stream, by those who watch and those who publish: nothing is carried out that somebody may not.

use super::*;
use mutoscope::session::server::Played;
use mutoscope::wire::rtsp::headers::{Range, Scale, Speed};

const METHODS: [&str; 10] = [
    "OPTIONS",
    "DESCRIBE",
    "SETUP",
    "PLAY",
    "PAUSE",
    "TEARDOWN",
    "GET_PARAMETER",
    "SET_PARAMETER",
    "ANNOUNCE",
    "RECORD",
];
const STREAMS: [&str; 3] = ["cam", "yard", "lobby"];
const HEADERS: &str = "Transport: RTP/AVP/TCP;interleaved=0-1\r\n";

/// Anna watches `cam` and publishes `yard`, Otto the reverse; neither has anything to do with `lobby`.
fn rules() -> Rules {
    let stream = |watch, publish| StreamRules { watch: who(&[watch]), publish: who(&[publish]), ..Default::default() };
    let mut rules = Rules { users: users(), ..Rules::default() };
    rules.streams.insert("cam", stream("anna", "otto"));
    rules.streams.insert("yard", stream("otto", "anna"));
    rules.streams.insert("lobby", StreamRules { watch: who(&[]), publish: who(&[]), ..Default::default() });
    rules
}

fn may_watch(user: &str, stream: &str) -> bool {
    matches!((user, stream), ("anna", "cam") | ("otto", "yard"))
}

fn may_publish(user: &str, stream: &str) -> bool {
    matches!((user, stream), ("otto", "cam") | ("anna", "yard"))
}

impl Client<'_> {
    /// What is carried out of all that waits: events, and the streams that they are about. This driver can do everything.
    fn carry_out(&mut self, now: Instant) -> Vec<(Event, String)> {
        let mut done = Vec::new();
        while let Some(event) = self.connection.poll_event() {
            if event == Event::Authorize {
                self.ask(now);
                continue;
            }
            done.push((event, self.connection.resource().as_str().to_owned()));
            let connection = &mut self.connection;
            match event {
                Event::Setup { .. } | Event::SetupRecord { .. } => connection.answer_setup(now, (5004, 5005), 1),
                Event::Play { .. } => {
                    let (range, scale, speed) = (Range::Now, Scale::NORMAL, Speed::NORMAL);
                    connection.answer_play(now, Played { sequence: 1, rtptime: 1, range, scale, speed });
                }
                Event::Pause => connection.answer_pause(now),
                Event::Teardown => connection.answer_teardown(now),
                Event::Announce => connection.answer_announce(now),
                Event::Record => connection.answer_record(now),
                _ => connection.refuse(now, StatusCode::NOT_FOUND, ""),
            }
        }
        done
    }

    /// Asks as players do, and gives what was carried out, and the status.
    fn try_to(&mut self, method: &str, uri: &str, session: &str) -> (Vec<(Event, String)>, u16) {
        for _ in 0..2 {
            let proof = self.authenticator.authorize(method, uri);
            let proof = proof.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
            let body = "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0";
            let body = if method == "ANNOUNCE" { body } else { "" };
            self.cseq += 1;
            let cseq = self.cseq;
            let request = format!("{method} {uri} RTSP/1.0\r\nCSeq: {cseq}\r\n{HEADERS}{session}{proof}{body}\r\n");
            self.connection.rx_buffer()[..request.len()].copy_from_slice(request.as_bytes());
            self.connection.handle_input(start(), request.len());
            let done = self.carry_out(start());
            let answer = self.sent(start());
            if status(&answer) != 401 {
                self.authenticator.handle_accepted();
                return (done, status(&answer));
            }
            assert_eq!(done, []);
            let challenges = answer.lines().filter_map(|line| line.strip_prefix("WWW-Authenticate: "));
            let _ = self.authenticator.handle_challenges(challenges.collect::<Vec<_>>());
        }
        (Vec::new(), 401)
    }

    /// The session that the connection has, as a header.
    fn session(&mut self, uri: &str) -> String {
        let answer = self.send(start(), "OPTIONS", uri, "");
        let line = answer.lines().find(|line| line.starts_with("Session: "));
        line.map(|line| format!("{}\r\n", line.split(';').next().unwrap())).unwrap_or_default()
    }
}

/// What somebody does before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    Watches,
    Publishes,
}

#[test]
fn nothing_is_carried_out_that_somebody_may_not() {
    let gate = gate(rules());
    let mut carried_out = 0;
    for (user, password) in [("anna", "secret"), ("otto", "hunter2")] {
        for before in [Before::Nothing, Before::Watches, Before::Publishes] {
            for (method, stream, tail) in METHODS.into_iter().flat_map(|method| {
                let paths = STREAMS
                    .into_iter()
                    .flat_map(|stream| ["", "/", "/trackID=0", "/streamid=0", "?token=x"].map(|tail| (stream, tail)));
                paths.chain([("", "")]).map(move |(stream, tail)| (method, stream, tail))
            }) {
                let mut client = Client::at(&gate, "192.0.2.7").logging_in(user, password);
                let own = match before {
                    Before::Nothing => "",
                    Before::Watches => STREAMS.into_iter().find(|stream| may_watch(user, stream)).unwrap(),
                    Before::Publishes => STREAMS.into_iter().find(|stream| may_publish(user, stream)).unwrap(),
                };
                let uri = format!("rtsp://h/{own}");
                let first = match before {
                    Before::Nothing => "OPTIONS",
                    Before::Watches => "SETUP",
                    Before::Publishes => "ANNOUNCE",
                };
                assert_eq!(client.try_to(first, &uri, "").1, 200);
                if before == Before::Publishes {
                    // Tracks of what is published are called as the publisher likes.
                    assert_eq!(client.try_to("SETUP", &format!("{uri}/streamid=0"), "").1, 200);
                }
                let session = client.session(&uri);
                assert_eq!(session.is_empty(), before == Before::Nothing);
                let (done, status) = client.try_to(method, &format!("rtsp://h/{stream}{tail}"), &session);
                let said = format!("{user} {before:?}: {method} {stream}{tail}: {status} {done:?}");
                for (event, about) in done {
                    carried_out += 1;
                    // What nobody has a rule for is each user's.
                    let about = about.trim_matches('/');
                    let is_ruled = STREAMS.contains(&about);
                    let is_right = match event {
                        Event::Describe | Event::Setup { .. } => !is_ruled || may_watch(user, about),
                        Event::Play { .. } => may_watch(user, about) && about == own,
                        Event::Announce => !is_ruled || may_publish(user, about),
                        Event::SetupRecord { .. } | Event::Record => may_publish(user, about) && about == own,
                        Event::Pause | Event::Teardown => about == own,
                        _ => false,
                    };
                    assert!(is_right, "{said}");
                }
                // Nobody is told anything about what they have nothing to do with.
                let is_open = method == "OPTIONS" || stream.is_empty();
                let is_nobody_s = stream == "lobby" && tail != "/streamid=0";
                assert!(is_open || !is_nobody_s || status == 403, "{said}");
                // Signs of life of a session are taken.
                let is_alive = method == "GET_PARAMETER" && (stream == own || stream.is_empty()) && tail.is_empty();
                assert!(!is_alive || status == 200, "{said}");
            }
        }
    }
    assert!(carried_out > 50, "{carried_out}");
}

#[test]
fn in_the_lab_s_dialect_a_session_is_about_what_it_was_set_up_for() {
    let mut rules = Rules { users: users(), ..Rules::default() };
    rules.streams.insert("cam", StreamRules { watch: who(&["10.0.0.0/8"]), ..Default::default() });
    let gate = gate(rules);
    for method in ["SETUP", "PLAY", "PAUSE", "TEARDOWN", "DESCRIBE", "ANNOUNCE", "RECORD"] {
        for name in ["cam", "yard"] {
            for is_set_up in [false, true] {
                let mut client = Client::at(&gate, "10.0.0.1");
                let mut now = start();
                let mut say = |client: &mut Client<'_>, text: String| {
                    let space = client.connection.rx_buffer();
                    space[..text.len()].copy_from_slice(text.as_bytes());
                    client.connection.handle_input(now, text.len());
                    let mut done = client.carry_out(now);
                    now = now.after(Duration::from_millis(100));
                    client.connection.handle_timeout(now);
                    done.extend(client.carry_out(now));
                    (done, client.sent(now))
                };
                if is_set_up {
                    let setup = "SETUP cam RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000\n\n";
                    assert!(say(&mut client, setup.to_owned()).1.starts_with("RTSP/1.0 200"));
                }
                let text = format!("{method} {name} RTSP/1.0\nCSeq: 2\nTransport: RTP/UDP; client_port= 25000\n\n");
                let (done, answer) = say(&mut client, text);
                for (event, about) in done {
                    let is_for_session = is_set_up && method != "SETUP";
                    assert!(is_for_session || about == "cam", "{method} {name}: {event:?} {about}, {answer}");
                    assert!(!matches!(event, Event::Announce | Event::Record | Event::Describe), "{event:?}");
                }
                if !is_set_up && name == "yard" {
                    assert!(!answer.starts_with("RTSP/1.0 200"), "{method} {name}: {answer}");
                }
            }
        }
    }
}
