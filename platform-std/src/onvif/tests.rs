use super::xml::{self, child};
use super::*;

fn device() -> Device {
    Device::new("front <door>".to_owned(), "secret", 8554)
}

fn streams() -> Vec<Stream> {
    let stream = |name: &str| Stream { name: name.to_owned(), width: 640, height: 480, rate: Some(24.4) };
    let unknown = Stream { rate: None, width: 0, height: 0, ..stream("unknown") };
    vec![stream("yard"), stream("a&b <c> \"d\" é"), unknown, stream("garden/front door")]
}

fn onvif() -> Onvif {
    let places = |port| vec![SocketAddr::from(([0, 0, 0, 0], port))];
    Onvif { device: device(), rtsp: places(8554), rtsps: places(8322) }
}

fn places() -> Places {
    Places::new(&onvif(), false, "192.0.2.1:8080", "192.0.2.1:8080".parse().unwrap())
}

/// What is answered to a request for this, and a fault where there is one.
fn ask(service: &str, body: &str) -> Result<String, Fault> {
    let body = body.replacen("/>", &format!(" xmlns='{service}'/>"), 1);
    let body = if body.contains("xmlns=") { body } else { body.replacen('>', &format!(" xmlns='{service}'>"), 1) };
    let text = format!("<e:Envelope xmlns:e='{}'><e:Body>{body}</e:Body></e:Envelope>", soap::SOAP);
    let answer = Call::read(text.as_bytes()).unwrap().answer(&device(), &streams(), &places())?;
    let response = xml::read(answer.as_bytes(), |envelope| {
        let body = child(envelope, soap::SOAP, "Body")?;
        Some(body.first_element_child()?.tag_name().name().to_owned())
    });
    assert!(response.is_some_and(|name| name.ends_with("Response")), "{answer}");
    Ok(answer)
}

/// The texts of all elements of this name in it, and the tokens of those that have one.
fn found(text: &str, name: &str) -> Vec<String> {
    let names = |root: roxmltree::Node<'_, '_>| {
        let found = root.descendants().filter(|node| node.tag_name().name() == name);
        Some(found.map(|node| node.attribute("token").map_or_else(|| xml::text(node), str::to_owned)).collect())
    };
    xml::read(text.as_bytes(), names).unwrap()
}

#[test]
fn every_operation_that_there_is_has_an_answer_and_others_a_fault() {
    for operation in [
        "GetSystemDateAndTime",
        "GetDeviceInformation",
        "GetCapabilities",
        "GetServices",
        "GetServiceCapabilities",
        "GetScopes",
        "GetNetworkInterfaces",
    ] {
        assert!(ask(soap::DEVICE, &format!("<{operation}/>")).is_ok(), "{operation}");
    }
    for operation in [
        "GetServiceCapabilities",
        "GetProfiles",
        "GetVideoSources",
        "GetVideoSourceConfigurations",
        "GetVideoEncoderConfigurations",
    ] {
        assert!(ask(soap::MEDIA, &format!("<{operation}/>")).is_ok(), "{operation}");
    }
    for (service, operation) in [
        (soap::DEVICE, "SystemReboot"),
        (soap::MEDIA, "GetScopes"),
        ("urn:x", "GetProfiles"),
        (soap::DEVICE, "GetUsers"),
    ] {
        assert_eq!(ask(service, &format!("<{operation}/>")), Err(Fault::NotSupported), "{operation}");
    }
}

#[test]
fn each_stream_is_a_profile_that_leads_to_its_addresses() {
    let profiles = ask(soap::MEDIA, "<GetProfiles/>").unwrap();
    let tokens = found(&profiles, "Profiles");
    assert_eq!(tokens.len(), 4);
    assert_eq!(found(&profiles, "Encoding"), ["JPEG"; 4]);
    assert_eq!(found(&profiles, "FrameRateLimit"), ["24", "24", "24"]);
    assert_eq!(found(&profiles, "Width"), ["640", "640", "0", "640"]);
    // It is the one of the stream's name, at each start and in each place of the list.
    assert_eq!(tokens[0], "p-3ce2e832336a588f");
    let names = ["yard", "a%26b%20%3Cc%3E%20%22d%22%20%C3%A9", "unknown", "garden/front%20door"];
    for ((token, stream), name) in tokens.iter().zip(streams()).zip(names) {
        let argument = format!("<ProfileToken>{token}</ProfileToken>");
        let one = ask(soap::MEDIA, &format!("<GetProfile>{argument}</GetProfile>")).unwrap();
        assert_eq!(found(&one, "Profile"), [token.as_str()]);
        assert_eq!(found(&one, "Name"), [stream.name.as_str(); 3]);
        let uri = ask(soap::MEDIA, &format!("<GetStreamUri>{argument}</GetStreamUri>")).unwrap();
        assert_eq!(found(&uri, "Uri"), [format!("rtsp://192.0.2.1:8554/{name}")]);
        let uri = ask(soap::MEDIA, &format!("<GetSnapshotUri>{argument}</GetSnapshotUri>")).unwrap();
        assert_eq!(found(&uri, "Uri"), [format!("http://192.0.2.1:8080/streams/{name}/snapshot.jpg")]);
        for (element, operation) in [
            ("VideoSourceConfiguration", "GetVideoSourceConfiguration"),
            ("VideoEncoderConfiguration", "GetVideoEncoderConfiguration"),
        ] {
            let configuration = &found(&one, element)[0];
            let asked = |token: &str| {
                let token = format!("<{operation}><ConfigurationToken>{token}</ConfigurationToken></{operation}>");
                ask(soap::MEDIA, &token)
            };
            assert_eq!(found(&asked(configuration).unwrap(), "Configuration"), [configuration.as_str()]);
            assert_eq!(asked(token), Err(Fault::NoConfiguration));
        }
    }
    for (body, fault) in [
        ("<GetStreamUri/>", Fault::NoProfile),
        ("<GetProfile><ProfileToken>p-0</ProfileToken></GetProfile>", Fault::NoProfile),
        ("<GetProfile><ProfileToken>3ce2e832336a588f</ProfileToken></GetProfile>", Fault::NoProfile),
        ("<GetSnapshotUri><ProfileToken></ProfileToken></GetSnapshotUri>", Fault::NoProfile),
    ] {
        assert_eq!(ask(soap::MEDIA, body), Err(fault), "{body}");
    }
}

#[test]
fn streams_travel_by_the_ways_that_there_are() {
    let token = &found(&ask(soap::MEDIA, "<GetProfiles/>").unwrap(), "Profiles")[0];
    let setup = |stream: &str, protocol: &str| {
        ask(
            soap::MEDIA,
            &format!(
                "<GetStreamUri><StreamSetup><Stream>{stream}</Stream><Transport><Protocol>{protocol}</Protocol></Transport></StreamSetup>\
                 <ProfileToken>{token}</ProfileToken></GetStreamUri>"
            ),
        )
        .map(|answer| found(&answer, "Uri").len())
    };
    for protocol in ["UDP", "TCP", "RTSP"] {
        assert_eq!(setup("RTP-Unicast", protocol), Ok(1));
    }
    assert_eq!(setup("RTP-Unicast", "HTTP"), Err(Fault::StreamSetup));
    assert_eq!(setup("RTP-Multicast", "UDP"), Err(Fault::StreamSetup));
}

#[test]
fn many_streams_are_bounded() {
    let many: Vec<_> =
        (0..1000).map(|number| Stream { name: format!("{number}é").repeat(40), ..Stream::default() }).collect();
    let text = format!(
        "<e:Envelope xmlns:e='{}'><e:Body><GetProfiles xmlns='{}'/></e:Body></e:Envelope>",
        soap::SOAP,
        soap::MEDIA
    );
    let answer = Call::read(text.as_bytes()).unwrap().answer(&device(), &many, &places()).unwrap();
    assert_eq!(answer.matches("<trt:Profiles ").count(), MOST_PROFILES);
    assert!(answer.len() < 128 * 1024, "{}", answer.len());
}

#[test]
fn services_are_told_with_what_they_can_do() {
    let all = ask(soap::DEVICE, "<GetCapabilities/>").unwrap();
    let [device, media] = PATHS.map(|path| format!("http://192.0.2.1:8080{path}"));
    assert_eq!(found(&all, "XAddr"), [device.clone(), media.clone()]);
    let of = |category: &str| {
        let asked = ask(soap::DEVICE, &format!("<GetCapabilities><Category>{category}</Category></GetCapabilities>"));
        asked.map(|answer| found(&answer, "XAddr"))
    };
    assert_eq!(of("Media"), Ok(vec![media.clone()]));
    assert_eq!(of("All"), Ok(vec![device.clone(), media.clone()]));
    assert_eq!(of("PTZ"), Err(Fault::NoService));
    let services = ask(soap::DEVICE, "<GetServices><IncludeCapability>true</IncludeCapability></GetServices>").unwrap();
    assert_eq!(found(&services, "XAddr"), [device, media]);
    assert!(services.contains("SnapshotUri=\"true\"") && services.contains("HttpDigest=\"true\""), "{services}");
}

#[test]
fn addresses_are_those_by_which_somebody_came() {
    let of = |is_private, authority: &str, local: &str| {
        let places = Places::new(&onvif(), is_private, authority, local.parse().unwrap());
        (places.http, places.rtsp)
    };
    let pair = |http: &str, rtsp: &str| (http.to_owned(), rtsp.to_owned());
    assert_eq!(of(false, "cams.example", "192.0.2.1:80"), pair("http://cams.example", "rtsp://cams.example:8554"));
    assert_eq!(
        of(false, "[2001:db8::1]:8080", "[2001:db8::1]:8080"),
        pair("http://[2001:db8::1]:8080", "rtsp://[2001:db8::1]:8554")
    );
    assert_eq!(of(true, "localhost:8443", "127.0.0.1:8443"), pair("https://localhost:8443", "rtsps://localhost:8322"));
    // Of several, the one at that address.
    let onvif = Onvif { rtsp: vec!["127.0.0.1:1".parse().unwrap(), "192.0.2.1:2".parse().unwrap()], ..onvif() };
    let places = Places::new(&onvif, false, "cam", "192.0.2.1:80".parse().unwrap());
    assert_eq!(places.rtsp, "rtsp://cam:2");
}

#[test]
fn who_asks_is_not_asked_for_what_has_to_be_known_before() {
    let of = |service: &str, operation: &str| {
        let text = format!(
            "<e:Envelope xmlns:e='{}'><e:Body><{operation} xmlns='{service}'/></e:Body></e:Envelope>",
            soap::SOAP
        );
        Call::read(text.as_bytes()).unwrap().is_for_everybody()
    };
    assert!(of(soap::DEVICE, "GetSystemDateAndTime") && of(soap::DEVICE, "GetCapabilities"));
    assert!(of(soap::MEDIA, "GetServiceCapabilities") && of("urn:x", "GetProfiles"));
    for (service, operation) in [
        (soap::DEVICE, "GetDeviceInformation"),
        (soap::DEVICE, "GetScopes"),
        (soap::DEVICE, "GetNetworkInterfaces"),
        (soap::DEVICE, "GetProfiles"),
        (soap::MEDIA, "GetProfiles"),
        (soap::MEDIA, "GetStreamUri"),
        (soap::MEDIA, "GetSystemDateAndTime"),
    ] {
        assert!(!of(service, operation), "{operation}");
    }
}
