//! What the player tells of the protocol is what tshark reads in the server's own capture of the same conversation.
//!
//! The test needs tshark, so it is ignored by default. `cargo xtask test --only player` installs it and runs the test.
#![cfg(feature = "pcap")]

mod common;

use common::{ENVIRONMENT, Folder, Player, ServerProcess, cards, serve_if_asked};
use std::process::{Command, Stdio};

#[test]
fn the_server_s_process() {
    serve_if_asked();
}

/// What tshark says of a capture.
fn tshark(capture: &str, server: &ServerProcess, arguments: &[&str]) -> String {
    let port = server.url("").rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let mut command = Command::new("tshark");
    command.args(["-r", capture, "-d", &format!("tcp.port=={port},rtsp")]).args(arguments);
    let output = command.output().expect("tshark is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The part of the player's text with this heading.
fn part<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let begin = text.lines().skip_while(|line| !line.starts_with(&format!("{name}: "))).skip(1);
    begin.take_while(|line| !line.is_empty()).collect()
}

/// The values of a field in the lines that have it.
fn values<'a>(lines: &[&'a str], key: &str) -> Vec<&'a str> {
    let value = |line: &&'a str| line.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    lines.iter().filter_map(value).collect()
}

/// Requests and answers: methods, statuses, and the numbers behind `CSeq`.
fn compare_rtsp(text: &str, capture: &str, server: &ServerProcess) {
    let told = part(text, "RTSP").into_iter().filter_map(|line| {
        let sent = line.split_once(" > ").and_then(|(_, line)| line.split(' ').next());
        let answer = || line.split_once(" < ").and_then(|(_, line)| line.split(' ').nth(1));
        sent.or_else(answer).or_else(|| line.trim_start().strip_prefix("CSeq: "))
    });
    let seen = tshark(capture, server, &["-Y", "rtsp.request || rtsp.response", "-V", "-O", "rtsp"]);
    let seen = seen.lines().filter_map(|line| {
        let line = line.trim().trim_end_matches("\\r\\n");
        let request = line.strip_prefix("Request: ").and_then(|line| line.split(' ').next());
        let answer = || line.strip_prefix("Response: ")?.split(' ').nth(1);
        request.or_else(answer).or_else(|| line.strip_prefix("CSeq: "))
    });
    let told: Vec<&str> = told.collect();
    assert!(told.len() >= 20 && told.contains(&"TEARDOWN"), "{told:?}");
    assert_eq!(told, seen.collect::<Vec<_>>());
}

/// Fields in the player's text, and in tshark.
const FIELDS: [(&str, &str); 20] = [
    ("V", "rtp.version"),
    ("P", "rtp.padding"),
    ("X", "rtp.ext"),
    ("CC", "rtp.cc"),
    ("M", "rtp.marker"),
    ("PT", "rtp.p_type"),
    ("seq", "rtp.seq"),
    ("ts", "rtp.timestamp"),
    ("SSRC", "rtp.ssrc"),
    ("type-specific", "jpeg.main_hdr.ts"),
    ("offset", "jpeg.main_hdr.offset"),
    ("type", "jpeg.main_hdr.type"),
    ("Q", "jpeg.main_hdr.q"),
    ("width", "jpeg.main_hdr.width"),
    ("height", "jpeg.main_hdr.height"),
    ("DRI", "jpeg.restart_hdr.interval"),
    ("count", "jpeg.restart_hdr.count"),
    ("MBZ", "jpeg.qtable_hdr.mbz"),
    ("precision", "jpeg.qtable_hdr.precision"),
    ("length", "jpeg.qtable_hdr.length"),
];

/// The headers of the last packets, field by field.
fn compare_rtp(text: &str, capture: &str, server: &ServerProcess) {
    let lines = part(text, "RTP");
    let mut arguments = vec!["-Y", "rtp && jpeg", "-T", "fields", "-E", "separator=/t", "-E", "aggregator= "];
    FIELDS.iter().for_each(|(_, field)| arguments.extend(["-e", field]));
    let seen = tshark(capture, server, &arguments);
    for (at, (key, field)) in FIELDS.into_iter().enumerate() {
        let told = values(&lines, key);
        // A segment of TCP has several packets.
        let seen = seen.lines().flat_map(|line| line.split('\t').nth(at).unwrap_or("").split_whitespace());
        let seen: Vec<&str> = seen
            .map(|value| match value {
                "True" => "1",
                "False" => "0",
                value => value,
            })
            .collect();
        assert!(
            seen.len() >= told.len() && (told.len() >= 60 || at >= 15),
            "{field}: {} of {}",
            told.len(),
            seen.len()
        );
        assert_eq!(told, seen[seen.len() - told.len()..], "{field}");
    }
    assert_eq!(values(&lines, "MBZ").len(), values(&lines, "offset").iter().filter(|offset| **offset == "0").count());
}

/// What reports are of.
fn compare_rtcp(text: &str, capture: &str, server: &ServerProcess) {
    let names = part(text, "RTCP").into_iter().flat_map(|line| {
        let named = line.split([',', ' ']).filter(|word| ["SR", "RR", "SDES", "BYE"].contains(word));
        named.map(str::to_owned).collect::<Vec<_>>()
    });
    let seen = tshark(capture, server, &["-Y", "rtcp", "-T", "fields", "-E", "aggregator= ", "-e", "rtcp.pt"]);
    let seen = seen
        .split_whitespace()
        .map(|kind| ["SR", "RR", "SDES", "BYE"][kind.parse::<usize>().unwrap() - 200].to_owned());
    // Those of both sides may cross on the way.
    let (mut told, mut seen): (Vec<String>, Vec<String>) = (names.collect(), seen.collect());
    told.sort();
    seen.sort();
    assert!(told.len() >= 6, "{told:?}");
    assert_eq!(told, seen);
}

#[test]
#[ignore = "takes tshark: see above"]
fn the_text_of_the_protocol_is_what_tshark_reads_in_the_server_s_capture() {
    let folder = Folder::new("protocol");
    std::fs::write(folder.file("film.mjpeg"), cards(36).concat()).unwrap();
    for transport in ["udp", "tcp"] {
        let (capture, text) = (folder.file("server.pcap"), folder.file("protocol.txt"));
        let mut server = ServerProcess::start_captured(&folder.0.join("film.mjpeg"), capture.as_ref());
        let url = server.url("film.mjpeg").replace("rtsp://", "rtsp://anna:S3cret@");
        let player = Player::start(&[&url, "--headless", "--transport", transport, "--protocol", &text], None);
        assert!(player.end().success());
        server.stop();
        let text = std::fs::read_to_string(&text).unwrap();
        assert!(!text.contains("S3cret"), "{text}");
        compare_rtsp(&text, &capture, &server);
        compare_rtp(&text, &capture, &server);
        compare_rtcp(&text, &capture, &server);
    }
}

/// Plays two pictures, and returns what was said on standard error, and the protocol.
fn play(url: &str, options: &[&str], folder: &Folder) -> (String, String) {
    let text = folder.file("protocol.txt");
    let mut command = Command::new(env!("CARGO_BIN_EXE_player-sdl"));
    ENVIRONMENT.iter().for_each(|name| _ = command.env_remove(name));
    command.args([url, "--headless", "--frames", "2", "--protocol", &text]).args(options);
    command.env("RTP_PORT", "0").env("XDG_CONFIG_HOME", "/nowhere").stdin(Stdio::null());
    let output = command.output().unwrap();
    (String::from_utf8(output.stderr).unwrap(), std::fs::read_to_string(&text).unwrap())
}

#[test]
fn proofs_are_not_told_and_what_is_within_tls_is_told_as_it_is_inside() {
    let folder = Folder::new("secrets");
    let server = ServerProcess::start_guarded("S3cret");
    let (_, text) = play(&server.url("movie.Mjpeg"), &["--user", "anna", "--password", "S3cret"], &folder);
    for told in [" < RTSP/1.0 401 Unauthorized", "Authorization: Digest (hidden)\n", "[Ready -> Playing]", " seq="] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(!text.contains("S3cret") && !text.contains("anna") && !text.contains("response="), "{text}");
    let server = ServerProcess::start_private(&folder.0.join("identity"));
    let url = server.url("movie.Mjpeg");
    let (log, _) = play(&url, &[], &folder);
    let pin = log.split("fingerprint is ").nth(1).and_then(|rest| rest.split(": ").next());
    let (log, text) = play(&url, &["--tls-pin", pin.unwrap_or_else(|| panic!("{log}"))], &folder);
    // Media are encrypted once more there, with a key that is told within TLS.
    for told in [" > DESCRIBE rtsps://", "[Ready -> Playing]", " seq=", "KeyMgmt: (hidden)\n", " encrypted="] {
        assert!(text.contains(told), "{told}: {log} {text}");
    }
}
