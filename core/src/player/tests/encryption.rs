//! Streams that are encrypted, or travel inside of TLS.

use super::*;

/// Answers OPTIONS, and DESCRIBE with these lines of the stream.
fn described(url: &str, settings: Settings, profile: &str, lines: &str) -> (Scene, Vec<Event>) {
    let mut scene = Scene::of(url, settings);
    scene.start();
    scene.request();
    scene.answer(200, "Public: DESCRIBE, SETUP, PLAY\r\n");
    scene.request();
    let events = scene.answer_with(200, "", &format!("v=0\r\nm=video 0 {profile} 26\r\na=control:t\r\n{lines}"));
    (scene, events)
}

#[test]
fn inside_of_tls_media_that_are_not_encrypted_stay_there() {
    let url = "rtsps://192.0.2.1/movie.Mjpeg";
    let (mut scene, events) = described(url, Settings::default(), "RTP/AVP", "");
    assert_eq!(events, []);
    assert!(scene.peek().contains("RTP/AVP/TCP"), "{}", scene.peek());
    let events = scene.answer(200, SETUP_UDP);
    assert!(matches!(events[..], [Event::Failed(Failure::Protocol(session::Error::Transport))]), "{events:?}");
    let udp = Settings { transport: Transport::Udp, ..Settings::default() };
    let (_, events) = described(url, udp, "RTP/AVP", "");
    assert_eq!(events, [Event::Failed(Failure::Protocol(session::Error::Exposed))]);
}

#[test]
fn what_is_encrypted_without_a_usable_key_is_not_played() {
    let (_, events) = described("rtsp://192.0.2.1/x", Settings::default(), "RTP/SAVP", "");
    assert_eq!(events, [Event::Failed(Failure::Protocol(session::Error::NoKey))]);
}

#[cfg(feature = "srtp")]
#[test]
fn packets_that_are_not_sealed_with_the_key_make_no_frames_and_that_is_told() {
    let crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";
    let settings = Settings { transport: Transport::Tcp, ..Settings::default() };
    let (mut scene, _) = described("rtsp://192.0.2.1/x", settings, "RTP/SAVP", crypto);
    scene.request();
    scene.answer(200, SETUP_TCP);
    scene.answer(200, "");
    let mut events = vec![];
    for number in 0..40 {
        events.extend(scene.interleaved(0, &packet(number, 0, b"x")));
        events.extend(scene.pass(100));
    }
    let [Event::NoFrames { cause, .. }] = events[..] else { panic!("{events:?}") };
    assert!(cause.to_string().contains("not encrypted with the key"), "{cause}");
}
