//! The targets of encrypted media: messages that carry keys, and packets that pretend to be encrypted with them.

use super::Cursor;
use mutoscope::srtp::{Keys, Mki, Opener, Sealer};
use mutoscope::time::NtpTime;
use mutoscope::wire::rtsp::headers::KeyMgmt;
use mutoscope::wire::sdp::Sdp;
use mutoscope::wire::{mikey, sdes};

/// Pieces of what carries keys.
pub const WORDS: &[&str] = &[
    "prot=mikey",
    ";data=",
    ";uri=",
    "inline:",
    "AES_CM_128_HMAC_SHA1_80",
    "|2^48",
    "|1:4",
    "a=crypto:",
    "AQAF",
    "==",
];

/// A message of MIKEY, the same in Base64, a header and a description that have it, and a line of SDES.
pub fn key_exchange(data: &[u8]) {
    if let Some(message) = mikey::Message::parse(data) {
        let emitted = mikey::Emitted { message: &message, time: NtpTime::from_bits(7), random: [1; 16] };
        let text = emitted.to_string();
        assert_eq!(mikey::Message::parse_base64(&text).as_ref(), Some(&message), "it is read as it was written");
        let header = KeyMgmt { uri: "rtsp://h/cam", data: &text }.to_string();
        assert_eq!(KeyMgmt::parse(&header).map(|header| header.data.to_owned()), Some(text));
        assert!(!format!("{message:?}").contains(&format!("{:?}", message.key)));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = mikey::Message::parse_base64(text);
    if let Some(header) = KeyMgmt::parse(text) {
        assert!(text.contains(header.data) && text.contains(header.uri));
    }
    if let Some(crypto) = sdes::Crypto::parse(text) {
        assert_eq!(sdes::Crypto::parse(&crypto.to_string()), Some(crypto));
        let sdp = format!("m=video 0 RTP/SAVP 26\r\na=crypto:{crypto}\r\n");
        assert_eq!(Sdp::new(sdp.as_bytes()).video().and_then(|video| video.crypto), Some(crypto));
    }
}

/// A message as we write it, one with a salt and a name, and lines of descriptions.
pub fn key_exchange_seeds() -> Vec<Vec<u8>> {
    let key = std::array::from_fn(|at| at as u8);
    let message = mikey::Message { ssrc: 7, rollover: 1, key, spi: Default::default() };
    let time = NtpTime::from_bits(7);
    let text = mikey::Emitted { message: &message, time, random: [1; 16] }.to_string();
    let crypto = sdes::Crypto { tag: 1, key, mki: Some((1, 4)) }.to_string();
    let named = [
        &b"\x01\0\x01\0\x55\x55\x55\x55\x01\0\0\xca\xfe\xba\xbe\0\0\0\0"[..],
        b"\0\0\0\x27\0\x31\0\x10",
        &key[..16],
        b"\0\x0e",
        &key[16..],
        b"\x02ab\0",
    ];
    vec![
        named.concat(),
        // RFC 4568 section 4.1.
        b"1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4".to_vec(),
        format!("prot=mikey;uri=\"rtsp://h/cam\";data=\"{text}\"").into_bytes(),
        text.into_bytes(),
        crypto.into_bytes(),
    ]
}

/// Keys are told as they are, by either exchange, and what is cut short or not Base64 tells none.
pub fn made(data: &[u8]) {
    let mut input = Cursor(data);
    let [a, b, c, d, e, f, g, h] = input.array();
    let (ssrc, rollover) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    let [count, name, at, byte] = input.array();
    let key: [u8; 30] = input.array();
    let spi: [u8; 4] = input.array();
    let spi = &spi[..usize::from(name % 5)];
    let (random, time) = (input.array(), NtpTime::from_bits(u64::from_be_bytes(input.array())));
    let message = mikey::Message { ssrc, rollover, key, spi: spi.iter().copied().collect() };
    let text = mikey::Emitted { message: &message, time, random }.to_string();
    assert!(text.len() < 192 && text.len().is_multiple_of(4));
    assert_eq!(mikey::Message::parse_base64(&text).as_ref(), Some(&message));
    let bare = text.trim_end_matches('=');
    assert_eq!(mikey::Message::parse_base64(bare).as_ref(), Some(&message));
    // The last byte is the kind of a code that is not there; all before it is needed.
    for len in 0..bare.len().saturating_sub(2) {
        assert_eq!(mikey::Message::parse_base64(&bare[..len]), None, "{len} of {text}");
    }
    let uri = std::str::from_utf8(input.0).unwrap_or("").replace('"', "");
    let header = KeyMgmt { uri: &uri, data: &text }.to_string();
    let parsed = KeyMgmt::parse(&header).map(|header| (header.uri.to_owned(), header.data.to_owned()));
    assert_eq!(parsed, Some((uri, text.clone())));

    let mki = (name % 5 > 0).then_some((rollover, name % 5));
    let crypto = sdes::Crypto { tag: ssrc, key, mki };
    let line = crypto.to_string();
    assert_eq!(sdes::Crypto::parse(&line), Some(crypto));
    assert_eq!(sdes::Crypto::parse(&line.replace("80 inline", "32 inline")), None);

    // Where a character is changed, what is read holds other keys or the same, and never more than was sent.
    let mut changed = text.into_bytes();
    for step in 0..=usize::from(count % 4) {
        let place = (usize::from(at) + step * 7) % changed.len();
        changed[place] = byte.wrapping_add(step as u8);
    }
    let Ok(changed) = std::str::from_utf8(&changed) else { return };
    if let Some(other) = mikey::Message::parse_base64(changed) {
        let again = mikey::Emitted { message: &other, time, random }.to_string();
        assert_eq!(mikey::Message::parse_base64(&again), Some(other));
    }
}

/// A key with a name of each length.
pub fn made_seeds() -> Vec<Vec<u8>> {
    let seed = |len: u8| -> Vec<u8> {
        (0_u8..90).map(|at| if at == 9 { len } else { at.wrapping_mul(3) }).chain(*b"rtsp://h/cam").collect()
    };
    (0..5).map(seed).collect()
}

/// Packets of strangers: none is taken, whatever it says, and those of the stream still are.
pub fn srtp(data: &[u8]) {
    for mki in [&b""[..], b"\0\x01"] {
        let keys = Keys::new([7; 16], [9; 14]).with_mki(Mki::new(mki).expect("it is short"));
        let (mut opener, mut sealer) = (Opener::new(&keys), Sealer::new(&keys));
        let mut packet = data.to_vec();
        assert!(opener.open(&mut packet).is_err(), "nobody else has the key");
        assert_eq!(packet, data, "what is rejected is left as it is");
        assert!(opener.open_report(&mut packet).is_err(), "nobody else has the key");
        assert_eq!(packet, data);
        let mut report = [0; 2048];
        if let Some(len) = sealer.seal_report(data, &mut report) {
            assert_eq!(opener.open_report(&mut report[..len]), Ok(data.len()));
            assert_eq!(report[..data.len()], *data);
        }
    }
}

/// A packet and a report, sealed with other keys.
pub fn srtp_seeds() -> Vec<Vec<u8>> {
    let mut sealer = Sealer::new(&Keys::new([1; 16], [2; 14]));
    let mut report = [0; 64];
    let len = sealer.seal_report(b"\x80\xc8\0\x01ssrcmore", &mut report).expect("it fits");
    vec![report[..len].to_vec(), [&b"\x90\x1a\0\x01\0\0\0\x02ssrc\xff\xd8\0\x01extn"[..], &[5; 40]].concat()]
}
