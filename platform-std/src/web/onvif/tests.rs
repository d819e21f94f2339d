use std::sync::Arc;
use std::time::SystemTime;

use mutoscope::auth::{Authenticator, Basic, Credentials};
use mutoscope::wire::base64::Base64;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::super::tests::{Camera, run};
use super::super::{Connection, Site};
use crate::calendar::Timestamp;
use crate::guard::{Gate, Passwords, Rules, StreamRules, Users, Who};
use crate::onvif::{Device, Onvif};
use crate::server::{Limits, Options};

const DEVICE: &str = "/onvif/device_service";
const MEDIA: &str = "/onvif/media_service";

/// Of anna, and of nvr, who has a token, too.
fn rules() -> Rules {
    let (mut users, passwords) = (Users::default(), Passwords::parse("nvr:secret").unwrap());
    users.set("anna", "secret").unwrap();
    passwords.join(&mut users).unwrap();
    Rules { users, passwords, ..Rules::default() }
}

fn gate(rules: Rules) -> Arc<Gate> {
    Arc::new(Gate::new(rules).unwrap())
}

/// The answer to a request with these headers, with its status in front.
fn send(gate: &Arc<Gate>, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let site = Site::within(Limits::new(&Options::default()), Camera::new().live, Arc::clone(gate));
    let place = |port| vec![([127, 0, 0, 1], port).into()];
    let device = Device::new("cam".to_owned(), "secret", 8554);
    let site = site.with_onvif(Onvif { device, rtsp: place(8554), rtsps: Vec::new() });
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    let answer = run(async move {
        let (mut client, server) = duplex(64 * 1024);
        let [peer, local] = ["192.0.2.7:40000", "127.0.0.1:80"].map(|address| address.parse().unwrap());
        let connection = Connection { peer, local, is_private: false, is_refused: false };
        tokio::spawn(connection.serve(server, Arc::new(site)));
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    });
    (answer["HTTP/1.1 ".len()..][..3].parse().unwrap(), answer)
}

fn envelope(header: &str, service: &str, operation: &str) -> String {
    let namespace = if service == DEVICE { "device" } else { "media" };
    format!(
        "<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'><e:Header>{header}</e:Header><e:Body>\
         <{operation} xmlns='http://www.onvif.org/ver10/{namespace}/wsdl'/></e:Body></e:Envelope>"
    )
}

fn ask(gate: &Arc<Gate>, header: &str, service: &str, operation: &str) -> (u16, String) {
    send(gate, "POST", service, "", &envelope(header, service, operation))
}

/// A proof by token.
fn token(user: &str, password: &str, nonce: [u8; 4]) -> String {
    let created = Timestamp(SystemTime::now()).to_string();
    let hash = Sha1::new().chain_update(nonce).chain_update(&created).chain_update(password).finalize();
    let (digest, nonce) = (Base64(hash.iter().copied()), Base64(nonce.into_iter()));
    let oasis = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss";
    format!(
        "<w:Security xmlns:w='{oasis}-wssecurity-secext-1.0.xsd'><w:UsernameToken><w:Username>{user}</w:Username>\
         <w:Password Type='{oasis}-username-token-profile-1.0#PasswordDigest'>{digest}</w:Password><w:Nonce>{nonce}</w:Nonce>\
         <u:Created xmlns:u='{oasis}-wssecurity-utility-1.0.xsd'>{created}</u:Created></w:UsernameToken></w:Security>"
    )
}

#[test]
fn what_has_to_be_known_before_is_told_to_anybody_and_the_rest_to_who_may() {
    let gate = gate(rules());
    for operation in ["GetSystemDateAndTime", "GetCapabilities", "GetServices", "GetServiceCapabilities"] {
        let (status, answer) = ask(&gate, "", DEVICE, operation);
        assert!(status == 200 && answer.contains("application/soap+xml") && !answer.contains("camera"), "{answer}");
    }
    for (service, operation) in [(DEVICE, "GetDeviceInformation"), (MEDIA, "GetProfiles"), (MEDIA, "SetName")] {
        let (status, answer) = ask(&gate, "", service, operation);
        assert!(status == 401 && answer.contains("ter:NotAuthorized") && !answer.contains("Profiles"), "{answer}");
        assert!(answer.contains("www-authenticate: Digest ") && !answer.contains("Basic"), "{answer}");
        assert!(answer.contains("application/soap+xml"), "{answer}");
    }
}

#[test]
fn digest_lets_in_as_everywhere_else() {
    let gate = gate(rules());
    let body = envelope("", MEDIA, "GetProfiles");
    for (user, password, expected) in [("anna", "secret", 200), ("nvr", "secret", 200), ("anna", "wrong", 401)] {
        let (_, refusal) = send(&gate, "POST", MEDIA, "", &body);
        let mut authenticator = Authenticator::new(Credentials::new(user, password).unwrap(), Basic::Refused, 7);
        let challenges = refusal.lines().filter_map(|line| line.strip_prefix("www-authenticate: "));
        authenticator.handle_challenges(challenges).unwrap();
        let authorization = format!("Authorization: {}\r\n", authenticator.authorize("POST", MEDIA).unwrap());
        let (status, answer) = send(&gate, "POST", MEDIA, &authorization, &body);
        assert_eq!(status, expected, "{user}: {answer}");
        // A proof in the head counts, whatever is said below it.
        let (status, _) =
            send(&gate, "POST", MEDIA, &authorization, &envelope(&token("nvr", "x", [0; 4]), MEDIA, "GetProfiles"));
        assert_eq!(status, expected, "{user}");
    }
}

#[test]
fn a_token_lets_in_once_and_only_those_whose_password_is_known() {
    let gate = gate(rules());
    let good = token("nvr", "secret", [1; 4]);
    let (status, answer) = ask(&gate, &good, MEDIA, "GetProfiles");
    assert!(status == 200 && answer.contains("<tt:Name>camera</tt:Name>"), "{answer}");
    // Again, and for something else.
    for operation in ["GetProfiles", "GetVideoSources"] {
        assert_eq!(ask(&gate, &good, MEDIA, operation).0, 401, "{operation}");
    }
    assert_eq!(ask(&gate, &token("nvr", "secret", [2; 4]), MEDIA, "GetProfiles").0, 200);
    for (user, password) in [("nvr", "wrong"), ("anna", "secret"), ("nobody", "secret"), ("", "")] {
        let (status, answer) = ask(&gate, &token(user, password, [3; 4]), MEDIA, "GetProfiles");
        assert!(status == 401 && answer.contains("ter:NotAuthorized"), "{user}: {answer}");
    }
    // The password itself is no proof: who listens on the way would have it.
    let plain = token("nvr", "secret", [4; 4]).replace("#PasswordDigest", "#PasswordText");
    assert_eq!(ask(&gate, &plain, MEDIA, "GetProfiles").0, 401);
}

#[test]
fn nobody_sees_a_stream_that_is_not_for_all_who_ask() {
    let mut rules = rules();
    let watch = |word: &str| StreamRules { watch: Some(Who::parse([word]).unwrap()), ..StreamRules::default() };
    rules.streams.insert("camera", watch("anna"));
    let gate = gate(rules);
    let (status, answer) = ask(&gate, &token("nvr", "secret", [1; 4]), MEDIA, "GetProfiles");
    assert!(status == 200 && !answer.contains("camera"), "{answer}");
    // Without users it is for all, and so it is with a password that nobody asked for.
    let gate = self::gate(Rules::default());
    for header in ["", &token("admin", "12345", [1; 4])] {
        let (status, answer) = ask(&gate, header, MEDIA, "GetProfiles");
        assert!(status == 200 && answer.contains("camera"), "{answer}");
    }
}

#[test]
fn what_is_no_request_has_the_status_that_says_so() {
    let gate = gate(Rules::default());
    let soap = envelope("", DEVICE, "GetScopes");
    for (method, headers, body, status, words) in [
        ("POST", "", &*envelope("", DEVICE, "SystemReboot"), 500, "ter:ActionNotSupported"),
        ("POST", "", "<a/>", 400, "ter:WellFormed"),
        ("POST", "", "", 400, "ter:WellFormed"),
        ("POST", "", &soap.replace("2003/05", "2001/12"), 400, "ter:WellFormed"),
        ("POST", "", &format!("<!DOCTYPE a [<!ENTITY b 'c'>]>{soap}"), 400, "ter:WellFormed"),
        ("POST", "", &" ".repeat(20_000), 413, "bytes"),
        ("GET", "", "", 405, "allow: POST"),
        ("POST", "Origin: http://evil.example\r\n", &soap, 403, "another site"),
    ] {
        let (found, answer) = send(&gate, method, DEVICE, headers, body);
        assert!(found == status && answer.contains(words), "{status} {words}: {answer}");
    }
    // Either address takes requests of both services.
    assert_eq!(send(&gate, "POST", MEDIA, "", &soap).0, 200);
}
