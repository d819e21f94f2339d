use super::*;

/// A probe as PyPI's WSDiscovery sends it, with these types, scopes and number.
fn probe(types: &str, scopes: &str, id: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:a=\"{ADDRESSING}\" xmlns:d=\"{DISCOVERY}\" xmlns:s=\"{SOAP}\">\
         <s:Header><a:Action>{DISCOVERY}/Probe</a:Action><a:MessageID>{id}</a:MessageID><a:To>{TO_ALL}</a:To></s:Header>\
         <s:Body><d:Probe>{types}{scopes}</d:Probe></s:Body></s:Envelope>"
    )
}

fn resolve(endpoint: &str) -> String {
    probe("", "", "urn:uuid:1").replace("/Probe<", "/Resolve<").replace(
        "<d:Probe></d:Probe>",
        &format!("<d:Resolve><a:EndpointReference><a:Address>{endpoint}</a:Address></a:EndpointReference></d:Resolve>"),
    )
}

fn device() -> Device {
    Device::new("front door".to_owned(), "secret", 8554)
}

fn responder() -> Responder {
    Responder::new(device(), 1_000_000)
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(1_000_000 + millis)
}

const ADDRESS: &str = "http://192.0.2.1:8080/onvif/device_service";

fn here() -> IpAddr {
    [192, 0, 2, 9].into()
}

fn is_answered(question: &str) -> bool {
    responder().answer(at(0), question.as_bytes(), here(), ADDRESS).is_some()
}

fn found(text: &str, name: &str) -> Vec<String> {
    let names = |root: Node<'_, '_>| {
        let found = root.descendants().filter(|node| node.tag_name().name() == name).map(xml::text);
        Some(found.collect())
    };
    xml::read(text.as_bytes(), names).unwrap()
}

#[test]
fn an_answer_says_to_whom_and_where_and_in_which_order() {
    let mut responder = responder();
    let question = probe("", "", "urn:uuid:<![CDATA[a<&]]>");
    let answer = responder.answer(at(0), question.as_bytes(), here(), ADDRESS).unwrap();
    for (name, expected) in [
        ("RelatesTo", "urn:uuid:a<&"),
        ("Action", &format!("{DISCOVERY}/ProbeMatches")),
        ("To", TO_ASKER),
        ("XAddrs", ADDRESS),
        ("Address", &device().endpoint),
        ("Types", "dn:NetworkVideoTransmitter tds:Device"),
    ] {
        assert_eq!(found(&answer, name), [expected], "{answer}");
    }
    assert!(found(&answer, "Scopes")[0].contains("onvif://www.onvif.org/name/front%20door"), "{answer}");
    let bye = responder.bye();
    assert!(bye.contains("InstanceId=\"1000000\" MessageNumber=\"2\"") && found(&bye, "To") == [TO_ALL], "{bye}");
    assert_ne!(found(&answer, "MessageID"), found(&bye, "MessageID"));
    let hello = responder.hello(ADDRESS);
    assert!(hello.contains("MessageNumber=\"3\"") && found(&hello, "XAddrs") == [ADDRESS], "{hello}");
    assert!(answer.len() < 2 * question.len() + 1024, "{} bytes for {}", answer.len(), question.len());
}

#[test]
fn only_what_fits_the_device_is_answered() {
    let typed =
        |types: &str| probe(&format!("<d:Types xmlns:n=\"{NETWORK}\" xmlns:t=\"{DEVICE}\">{types}</d:Types>"), "", "1");
    for (types, expected) in [
        ("n:NetworkVideoTransmitter", true),
        ("t:Device n:NetworkVideoTransmitter", true),
        (" ", true),
        ("n:NetworkVideoDisplay", false),
        ("t:Device n:NetworkVideoDisplay", false),
        ("t:NetworkVideoTransmitter", false),
        ("NetworkVideoTransmitter", false),
        ("x:NetworkVideoTransmitter", false),
    ] {
        assert_eq!(is_answered(&typed(types)), expected, "{types}");
    }
    assert!(is_answered(&resolve(&device().endpoint)) && !is_answered(&resolve("urn:uuid:0")));
    for wrong in ["", "<a/>", &probe("", "", ""), &probe("", "", &"1".repeat(200)), &probe("", "", "1")[..300]] {
        assert!(!is_answered(wrong), "{wrong}");
    }
    for (from, to) in [(SOAP, "urn:x"), (DISCOVERY, "urn:x"), (ADDRESSING, "urn:x"), ("/Probe<", "/ProbeMatches<")] {
        assert!(!is_answered(&probe("", "", "1").replace(from, to)), "{to} for {from}");
    }
    let long = probe("", &format!("<d:Scopes>{}</d:Scopes>", " ".repeat(MOST_DATAGRAM)), "1");
    assert!(!is_answered(&long));
}

#[test]
fn scopes_fit_by_their_rules() {
    let ours = "onvif://www.onvif.org/type/video_encoder";
    let rule = |name: &str| format!("{DISCOVERY}/{name}");
    for (wanted, by, expected) in [
        (ours, None, true),
        ("onvif://www.onvif.org", None, true),
        ("ONVIF://WWW.onvif.org/type/", None, true),
        ("onvif://www.onvif.org/type", Some("rfc3986"), true),
        ("onvif://www.onvif.org/ty", None, false),
        ("onvif://www.onvif.org/Type", None, false),
        ("onvif://www.onvif.org/type/./video_encoder", None, false),
        ("onvif://www.onvif.org/type/video_encoder/more", None, false),
        ("onvif://www.onvif.com/type", None, false),
        ("urn:x", None, false),
        (ours, Some("strcmp0"), true),
        ("onvif://www.onvif.org/type", Some("strcmp0"), false),
        (ours, Some("ldap"), false),
        (ours, Some("none"), false),
    ] {
        let by = by.map(rule);
        assert_eq!(matches(ours, wanted, by.as_deref()), expected, "{wanted} by {by:?}");
    }
    let scoped = |scopes: &str| is_answered(&probe("", &format!("<d:Scopes>{scopes}</d:Scopes>"), "1"));
    assert!(scoped("onvif://www.onvif.org/type onvif://www.onvif.org/name/front%20door"));
    assert!(!scoped("onvif://www.onvif.org/type onvif://www.onvif.org/name/back"));
}

#[test]
fn a_question_is_answered_once_and_a_flood_hardly() {
    let mut responder = responder();
    let mut ask = |millis: u64, id: &str, from: [u8; 4]| {
        responder.answer(at(millis), probe("", "", id).as_bytes(), from.into(), ADDRESS).is_some()
    };
    let [one, two] = [[192, 0, 2, 1], [192, 0, 2, 2]];
    assert!(ask(0, "1", one) && !ask(0, "1", one) && !ask(59_999, "1", one), "each question once");
    assert!(ask(60_000, "1", two) && ask(120_001, "1", one), "of each host");
    // One host that asks a thousand times in ten seconds.
    let answered = (0..1000).filter(|number| ask(200_000 + number * 10, &format!("a{number}"), one)).count();
    assert_eq!(answered, 4 + 19);
    // Ten thousand that ask once in a second each.
    let answered = (0..10_000_u32)
        .filter(|number| ask(400_000 + u64::from(number / 10), &format!("b{number}"), number.to_be_bytes()));
    assert!(answered.count() <= 20 + 20);
    assert!(responder.hosts.len() <= MOST_HOSTS && responder.seen.len() <= MOST_SEEN);
}
