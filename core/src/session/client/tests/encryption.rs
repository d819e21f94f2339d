//! Streams whose description says that they are encrypted.

use super::*;

const CRYPTO: &str = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";
const UNKNOWN: &str = "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";
const PUBLIC: &str = "rtsp://192.0.2.1/movie";
const PRIVATE: &str = "rtsps://192.0.2.1/movie";

/// A client that was told of the stream by these lines.
fn described(url: &str, profile: &str, lines: &str) -> (Peer, Option<Event>) {
    let mut peer = Peer::with(url, Dialect::Standard, 4096);
    peer.connection.describe(peer.now).unwrap();
    peer.answer("");
    let sdp = format!("v=0\r\nm=video 0 {profile} 26\r\na=control:t\r\n{lines}");
    let event = peer.answer(&format!("Content-Length: {}\r\n\r\n{sdp}", sdp.len().saturating_sub(2)));
    peer.sent();
    (peer, event)
}

fn protection(event: Option<Event>) -> Protection {
    let Some(Event::Described(described)) = event else { panic!("{event:?}") };
    described.protection
}

#[test]
fn without_a_usable_key_there_is_no_stream_but_inside_of_tls() {
    for (url, profile, lines, expected) in [
        (PUBLIC, "RTP/AVP", "", Ok(Protection::None)),
        (PRIVATE, "RTP/AVP", "", Ok(Protection::Tunnel)),
        (PUBLIC, "RTP/SAVP", "", Err(Error::NoKey)),
        (PUBLIC, "RTP/SAVP", UNKNOWN, Err(Error::NoKey)),
        (PUBLIC, "RTP/AVP", UNKNOWN, Err(Error::NoKey)),
        (PUBLIC, "RTP/SAVP", "a=key-mgmt:mikey AQAF\r\n", Err(Error::NoKey)),
        (PRIVATE, "RTP/SAVP", UNKNOWN, Ok(Protection::Tunnel)),
    ] {
        let (_, event) = described(url, profile, lines);
        match expected {
            Ok(expected) => assert_eq!(protection(event), expected, "{url} {profile} {lines}"),
            Err(error) => assert_eq!(event, Some(Event::Failed(error)), "{url} {profile} {lines}"),
        }
    }
}

#[cfg(not(feature = "srtp"))]
#[test]
fn keys_are_not_usable_here() {
    assert_eq!(described(PUBLIC, "RTP/SAVP", CRYPTO).1, Some(Event::Failed(Error::NoKey)));
}

#[cfg(feature = "srtp")]
mod keys {
    use super::*;
    use crate::time::NtpTime;
    use crate::wire::mikey::{Emitted, Message};

    fn mikey() -> String {
        let message = Message { ssrc: 7, rollover: 2, key: [3; 30], spi: heapless::Vec::new() };
        Emitted { message: &message, time: NtpTime::from_bits(9), random: [5; 16] }.to_string()
    }

    fn refuse(peer: &mut Peer) -> Option<Event> {
        let cseq = peer.connection.dialogue_cseq();
        peer.hear(&format!("RTSP/1.0 461 Unsupported Transport\r\nCSeq: {cseq}\r\n\r\n"))
    }

    fn is_encrypted(event: Option<Event>) -> bool {
        let Some(Event::SetUp(set_up)) = event else { panic!("{event:?}") };
        set_up.is_encrypted
    }

    #[test]
    fn the_key_of_mikey_is_said_again_as_gstreamer_s_client_does() {
        for (offer, transport) in [(UDP, "RTP/SAVP;unicast"), (TCP, "RTP/SAVP/TCP;unicast")] {
            let (mut peer, event) = described(PUBLIC, "RTP/SAVP", &format!("{CRYPTO}a=key-mgmt:mikey {}\r\n", mikey()));
            assert_eq!(protection(event), Protection::Srtp);
            peer.connection.setup(peer.now, offer).unwrap();
            let sent = peer.sent();
            let key = format!("KeyMgmt: prot=mikey;uri=\"{PUBLIC}/t\";data=\"{}\"\r\n", mikey());
            assert!(sent.contains(&format!("Transport: {transport}")) && sent.contains(&key), "{sent}");
            assert!(is_encrypted(peer.answer("")) && peer.connection.ciphers().is_some());
            let shown = format!("{:?}", peer.connection.dialogue);
            assert!(!shown.contains(&mikey()), "keys are shown to nobody");
        }
    }

    #[test]
    fn a_key_in_a_line_of_the_description_holds_for_plain_profiles_too() {
        for url in [PUBLIC, PRIVATE] {
            for offer in [UDP, TCP] {
                let (mut peer, event) = described(url, "RTP/SAVP", CRYPTO);
                assert_eq!(protection(event), Protection::Srtp);
                peer.connection.setup(peer.now, offer).unwrap();
                assert!(peer.sent().contains("Transport: RTP/SAVP"));
                assert_eq!(refuse(&mut peer), None);
                let sent = peer.sent();
                assert!(sent.contains("Transport: RTP/AVP") && !sent.contains("KeyMgmt"), "{sent}");
                assert!(is_encrypted(peer.answer("")));
            }
        }
        let (mut peer, _) = described(PUBLIC, "RTP/SAVP", CRYPTO);
        peer.connection.setup(peer.now, TCP).unwrap();
        assert!(is_encrypted(peer.answer("Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")));
        // Twice is no.
        let (mut peer, _) = described(PUBLIC, "RTP/SAVP", CRYPTO);
        peer.connection.setup(peer.now, UDP).unwrap();
        assert_eq!(refuse(&mut peer), None);
        assert!(matches!(refuse(&mut peer), Some(Event::Refused { .. })));
        peer.sent();
        peer.connection.setup(peer.now, TCP).unwrap();
        assert!(peer.sent().contains("Transport: RTP/AVP/TCP"), "it has said what it does not know");
    }

    #[test]
    fn with_a_key_of_mikey_media_are_plain_inside_of_tls_alone() {
        let lines = format!("a=key-mgmt:mikey {}\r\n", mikey());
        for (url, offer, is_plain) in
            [(PUBLIC, UDP, false), (PUBLIC, TCP, false), (PRIVATE, UDP, false), (PRIVATE, TCP, true)]
        {
            let (mut peer, _) = described(url, "RTP/SAVP", &lines);
            peer.connection.setup(peer.now, offer).unwrap();
            let answer = crate::session::client::answers::offer(offer, false);
            assert_eq!(is_encrypted(peer.answer(&format!("Transport: {answer}\r\n"))), !is_plain);
            assert_eq!(peer.connection.ciphers().is_none(), is_plain);

            let (mut peer, _) = described(url, "RTP/SAVP", &lines);
            peer.connection.setup(peer.now, offer).unwrap();
            peer.sent();
            assert_eq!(refuse(&mut peer).is_none(), is_plain);
            if is_plain {
                assert!(peer.sent().contains("Transport: RTP/AVP/TCP"));
                assert!(!is_encrypted(peer.answer("")));
            }
        }
    }

    #[test]
    fn a_message_that_is_too_long_to_say_again_is_used_all_the_same() {
        use crate::wire::base64::{Base64, decode};
        // With an identity, which some cameras have in it.
        let mut long = decode::<512>(&mikey()).unwrap().to_vec();
        let next = core::mem::replace(&mut long[2], 6);
        let identity = [&[next, 0, 1, 0][..], &[b'x'; 256]].concat();
        long.splice(19..19, identity);
        let (mut peer, event) =
            described(PUBLIC, "RTP/SAVP", &format!("a=key-mgmt:mikey {}\r\n", Base64(long.iter().copied())));
        assert_eq!(protection(event), Protection::Srtp);
        peer.connection.setup(peer.now, TCP).unwrap();
        let sent = peer.sent();
        assert!(sent.contains("RTP/SAVP/TCP") && !sent.contains("KeyMgmt"));
    }
}
