//! Names and passwords that come by a form.

use super::*;

fn asking() -> Asking<'static> {
    Asking::new(Method::Other("POST"), "/login", Path::new(""), false, [])
}

fn private(gate: &Gate, address: &str) -> GateVisit {
    gate.visit(SocketAddr::new(address.parse().unwrap(), 40_000), true)
}

fn log_in(gate: &Gate, now: Instant, address: &str, name: &str, password: &str) -> LogIn {
    gate.log_in(&mut private(gate, address), now, &asking(), (name, password))
}

fn with_users() -> Gate {
    gate(Rules { users: users(), ..Rules::default() })
}

#[test]
fn guesses_are_counted_with_those_of_players() {
    let gate = with_users();
    let (mut now, mut wrong) = (start(), 0);
    let rest = loop {
        let mut visit = private(&gate, "192.0.2.7");
        match gate.log_in(&mut visit, now, &asking(), ("anna", &format!("guess {wrong}"))) {
            LogIn::Wrong => wrong += 1,
            LogIn::Wait => now = visit.asks_again().unwrap(),
            LogIn::Locked(rest) => break rest,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((wrong, rest), (10, Duration::from_secs(300)));
    // Nor is the right one listened to, by either way; others are.
    assert!(matches!(log_in(&gate, now, "192.0.2.7", "anna", "secret"), LogIn::Locked(_)));
    let mut player = Client::at(&gate, "192.0.2.7").logging_in("anna", "secret");
    assert_eq!((player.request_at(now, "DESCRIBE", CAM), player.request_at(now, "DESCRIBE", CAM)), (401, 403));
    assert!(matches!(log_in(&gate, now, "192.0.2.8", "anna", "secret"), LogIn::Done(_)));
    assert!(matches!(log_in(&gate, now, "192.0.2.7", "otto", "hunter2"), LogIn::Done(_)));
    let later = now.after(Duration::from_secs(300));
    assert!(matches!(log_in(&gate, later, "192.0.2.7", "anna", "secret"), LogIn::Done(_)));
    assert_eq!(gate.refusals().iter().find(|(name, _)| *name == "password").unwrap().1, 10);
}

#[test]
fn a_password_is_taken_on_private_connections_from_where_anybody_may_come() {
    let rules =
        Rules { users: users(), networks: Networks::new(["192.0.2.0/24".parse().unwrap()], []), ..Rules::default() };
    let gate = gate(rules);
    let mut plain = gate.visit("192.0.2.7:40000".parse().unwrap(), false);
    assert_eq!(gate.log_in(&mut plain, start(), &asking(), ("anna", "secret")), LogIn::Refused(IN_THE_CLEAR));
    assert_eq!(log_in(&gate, start(), "198.51.100.1", "anna", "secret"), LogIn::Refused(KEPT_OUT));
    let LogIn::Done(cookie) = log_in(&gate, start(), "192.0.2.7", "anna", "secret") else { panic!() };
    assert!(!gate.resume(&mut plain, start(), &cookie) && plain.about().0.is_none());
    for (address, status) in [("192.0.2.8", true), ("198.51.100.1", false)] {
        let mut visit = private(&gate, address);
        assert!(gate.resume(&mut visit, start(), &cookie));
        let cam = Asking::new(Method::Other("GET"), "/cam.mjpg", Path::new("cam"), false, []);
        let verdict = gate.judge(&mut visit, start(), &cam, Waker::noop());
        assert_eq!(matches!(verdict, Verdict::Allowed(_)), status, "the rules of addresses hold with a cookie, too");
        assert_eq!(gate.may_watch(&visit, Path::new("cam")), status);
    }
}

#[test]
fn what_is_no_name_or_password_is_a_wrong_one() {
    let gate = with_users();
    let long = "x".repeat(1000);
    for (at, (name, password)) in [
        ("", ""),
        ("anna", ""),
        ("anna", &*long),
        (&long, "x"),
        ("a:b", "x"),
        ("anna:mutoscope", "secret"),
        ("\n", "x"),
    ]
    .into_iter()
    .enumerate()
    {
        let address = format!("192.0.2.{at}");
        assert_eq!(log_in(&gate, start(), &address, name, password), LogIn::Wrong, "{name:.20} {password:.20}");
    }
    assert!(!gate.resume(&mut private(&gate, "192.0.2.9"), start(), ""));
}
