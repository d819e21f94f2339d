//! The targets of what video recorders send: requests of ONVIF by HTTP, and datagrams of WS-Discovery.

use super::Cursor;
use mutoscope::time::Instant;
use mutoscope_std::onvif::{
    Call, Device, Fault, MOST_DATAGRAM, MOST_PROFILES, MOST_REQUEST, Places, Responder, Service, Stream, Token,
};
use std::cell::RefCell;
use std::net::Ipv4Addr;

/// Pieces of both.
pub const WORDS: &[&str] = &[
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">",
    "http://www.onvif.org/ver10/media/wsdl",
    "http://www.onvif.org/ver10/device/wsdl",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "<![CDATA[",
    "]]>",
    "&lt;",
    "&#0;",
    "&#xFFFF;",
    "<!--",
    "-->",
    "xmlns=\"\"",
    "<a/>",
    "<ProfileToken>p-3ce2e832336a588f</ProfileToken>",
    "<Category>All</Category>",
    "GetProfiles",
    "GetStreamUri",
    "/Probe",
    "/Resolve",
    "onvif://www.onvif.org/type",
    "2010-09-16T07:50:45Z",
    "\u{feff}",
];

const SECRET: &str = "\"><secret>&";

thread_local! {
    /// It goes on from question to question, as it does in a server.
    static RESPONDER: RefCell<(Responder, u64)> = RefCell::new((Responder::new(device(), 1), 0));
}

fn device() -> Device {
    Device::new(SECRET.to_owned(), "machine", 8554)
}

/// The request is answered or refused within bounds, in XML that can be read again, whatever it says.
pub fn request(data: &[u8]) {
    let call = match Call::read(data) {
        Ok(call) => call,
        Err(fault) => {
            assert!(matches!(fault, Fault::WellFormed | Fault::Version));
            return check(&fault.text());
        }
    };
    assert!(data.len() <= MOST_REQUEST && std::str::from_utf8(data).is_ok());
    if let Token::Username(token) = &call.token {
        assert!(!token.user().is_empty() && token.user().len() <= 128);
    }
    // Streams have names of every kind, and also those that the request has.
    let named = |name: String| Stream { name, width: 640, height: 480, rate: Some(f64::NAN) };
    let streams = [SECRET.to_owned(), "yard".to_owned(), String::from_utf8_lossy(data).into_owned()].map(named);
    let local = (Ipv4Addr::LOCALHOST, 80).into();
    let places = Places { http: "http://localhost".to_owned(), rtsp: "rtsp://localhost:8554".to_owned(), local };
    match call.answer(&device(), &streams, &places) {
        Ok(answer) => {
            assert!(call.service.is_some() && answer.len() < 16 * 1024 * MOST_PROFILES, "{} bytes", answer.len());
            check(&answer);
        }
        Err(fault) => {
            assert!(!matches!(fault, Fault::NotAuthorized | Fault::WellFormed));
            check(&fault.text());
        }
    }
    assert!(
        !call.is_for_everybody() || call.service != Some(Service::Media) || call.operation.ends_with("Capabilities")
    );
}

/// The first byte is the sender, the rest the datagram. An answer is hardly larger than the question.
pub fn discovery(data: &[u8]) {
    let mut input = Cursor(data);
    let [from] = input.array();
    let answer = RESPONDER.with_borrow_mut(|(responder, now)| {
        *now += 1;
        let now = Instant::from_millis(*now * 100);
        let address = "http://192.0.2.1/onvif/device_service";
        let answer = responder.answer(now, input.0, [192, 0, 2, from].into(), address);
        let again = responder.answer(now, input.0, [192, 0, 2, from].into(), address);
        assert_eq!(again, None, "a question is answered once");
        answer
    });
    if let Some(answer) = answer {
        assert!(input.0.len() <= MOST_DATAGRAM);
        assert!(answer.len() < input.0.len() + 2048, "{} bytes for {}", answer.len(), input.0.len());
        check(&answer);
    }
}

/// It is XML in which nothing stands that was not meant: each tag ends, each `&` is one of ours.
fn check(text: &str) {
    assert!(!text.contains("<secret>") && !text.contains('\0'), "{text}");
    let mut open = Vec::new();
    let body = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").expect("its declaration");
    for part in body.split('<').skip(1) {
        let (tag, between) = part.split_once('>').unwrap_or_else(|| panic!("a tag has no end: {part}"));
        assert!(!between.contains('>'), "{part}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{text}"),
            None => open.push(tag.split(' ').next().unwrap_or_default()),
        }
        for escape in part.split('&').skip(1) {
            let (name, _) = escape.split_once(';').unwrap_or_else(|| panic!("{escape}"));
            assert!(["lt", "gt", "amp", "quot", "apos", "#9", "#10", "#13"].contains(&name), "{escape}");
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// What zeep sends, with a token, and what it sends without.
pub fn request_seeds() -> Vec<Vec<u8>> {
    let oasis = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss";
    let security = format!(
        "<wsse:Security xmlns:wsse=\"{oasis}-wssecurity-secext-1.0.xsd\"><wsse:UsernameToken><wsse:Username>nvr</wsse:Username>\
         <wsse:Password Type=\"{oasis}-username-token-profile-1.0#PasswordDigest\">tuOSpGlFlIXsozq4HFNeeGeFLEI=</wsse:Password>\
         <wsse:Nonce>LKqI6G/AikKCQrN0zqZFlg==</wsse:Nonce><wsu:Created xmlns:wsu=\"{oasis}-wssecurity-utility-1.0.xsd\">\
         2010-09-16T07:50:45Z</wsu:Created></wsse:UsernameToken></wsse:Security>"
    );
    let envelope = |header: &str, service: &str, body: &str| {
        format!(
            "<?xml version='1.0' encoding='utf-8'?>\n<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">\
             <s:Header>{header}</s:Header><s:Body><n:{body} xmlns:n=\"http://www.onvif.org/ver10/{service}/wsdl\"/></s:Body></s:Envelope>"
        )
        .into_bytes()
    };
    let mut seeds = vec![envelope("", "device", "GetSystemDateAndTime"), envelope(&security, "media", "GetProfiles")];
    for operation in
        ["GetCapabilities", "GetServices", "GetScopes", "GetNetworkInterfaces", "GetDeviceInformation", "Reboot"]
    {
        seeds.push(envelope("", "device", operation));
    }
    for operation in ["GetVideoSources", "GetVideoEncoderConfigurations", "GetVideoSourceConfigurations"] {
        seeds.push(envelope("", "media", operation));
    }
    let uri = "<GetStreamUri xmlns=\"http://www.onvif.org/ver10/media/wsdl\"><StreamSetup><Stream>RTP-Unicast</Stream>\
         <Transport><Protocol>UDP</Protocol></Transport></StreamSetup><ProfileToken>p-3ce2e832336a588f</ProfileToken></GetStreamUri>";
    seeds.push(
        format!("<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'><e:Body>{uri}</e:Body></e:Envelope>")
            .into_bytes(),
    );
    seeds
}

/// Probes as PyPI's WSDiscovery and others send them.
pub fn discovery_seeds() -> Vec<Vec<u8>> {
    let (discovery, addressing) =
        ("http://schemas.xmlsoap.org/ws/2005/04/discovery", "http://schemas.xmlsoap.org/ws/2004/08/addressing");
    let envelope = |action: &str, body: &str| {
        format!(
            "\u{1}<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:a=\"{addressing}\" xmlns:d=\"{discovery}\" \
             xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header><a:Action>{discovery}/{action}</a:Action>\
             <a:MessageID>urn:uuid:0a6dc791-2be6-4991-9af1-454778a1917a</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>\
             </s:Header><s:Body>{body}</s:Body></s:Envelope>"
        )
        .into_bytes()
    };
    let types = "<d:Types xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\">dn:NetworkVideoTransmitter</d:Types>";
    let scopes = format!("<d:Scopes MatchBy=\"{discovery}/rfc3986\">onvif://www.onvif.org/type</d:Scopes>");
    let endpoint = device().endpoint;
    vec![
        envelope("Probe", &format!("<d:Probe>{types}{scopes}</d:Probe>")),
        envelope("Probe", "<d:Probe/>"),
        envelope(
            "Resolve",
            &format!(
                "<d:Resolve><a:EndpointReference><a:Address>{endpoint}</a:Address></a:EndpointReference></d:Resolve>"
            ),
        ),
        envelope("Hello", "<d:Hello/>"),
    ]
}
