use super::*;
use crate::media::testing::Folder;
use crate::tls::{Certificates, Identity};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConnection;
use std::path::PathBuf;

/// A server's certificate and key in files.
struct Files {
    folder: Folder,
    certificates: Certificates,
}

impl Files {
    fn new(certificate: &str, key: &KeyPair) -> Self {
        let folder = Folder::new();
        let certificate = folder.file("certificate.pem", certificate.as_bytes());
        let key = folder.file("key.pem", key.serialize_pem().as_bytes());
        let certificates = Certificates::open(Identity::Files { certificate, key }, &[]).unwrap();
        Self { folder, certificates }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }
}

/// One that vouches for itself.
fn own(change: impl FnOnce(&mut CertificateParams)) -> Files {
    let mut params = CertificateParams::new(["cam.example".to_owned()]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    Files::new(&params.self_signed(&key).unwrap().pem(), &key)
}

/// What comes of a handshake: nothing, or the sentence.
fn shake(connector: &Connector, host: &str, certificates: &Certificates) -> Result<(), String> {
    let mut client = connector.session(host)?;
    let mut server: ServerConnection = certificates.session().unwrap();
    let mut buffer = Vec::new();
    for _ in 0..10 {
        buffer.clear();
        client.write_tls(&mut buffer).unwrap();
        server.read_tls(&mut buffer.as_slice()).unwrap();
        server.process_new_packets().map_err(|error| sentence(&error, None))?;
        buffer.clear();
        server.write_tls(&mut buffer).unwrap();
        let mut rest = buffer.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().map_err(|error| sentence(&error, connector.shown()))?;
        }
    }
    if client.is_handshaking() { Err("it does not end".to_owned()) } else { Ok(()) }
}

#[test]
fn one_that_is_named_is_believed_for_its_names_and_a_pin_for_all() {
    let mine = own(|_| {});
    let by_file = Connector::new(Believe::Authorities(&mine.path())).unwrap();
    assert_eq!(shake(&by_file, "cam.example", &mine.certificates), Ok(()));
    let pinned = Connector::new(Believe::Pin(mine.certificates.fingerprint())).unwrap();
    for host in ["cam.example", "192.0.2.1", "fe80::1%eth0"] {
        assert_eq!(shake(&pinned, host, &mine.certificates), Ok(()), "{host}");
    }
    // What `openssl req -x509` makes says of itself that it is an authority.
    let authority = own(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let by_file = Connector::new(Believe::Authorities(&authority.path())).unwrap();
    assert_eq!(shake(&by_file, "cam.example", &authority.certificates), Ok(()));
}

#[test]
fn an_authority_vouches_for_others() {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["cam.example".to_owned(), "192.0.2.1".to_owned()]).unwrap();
    let server = Files::new(&server.signed_by(&server_key, &issuer).unwrap().pem(), &server_key);
    let folder = Folder::new();
    let ca = folder.file("ca.pem", authority.pem().as_bytes());
    let connector = Connector::new(Believe::Authorities(&ca)).unwrap();
    assert_eq!(shake(&connector, "cam.example", &server.certificates), Ok(()));
    assert_eq!(shake(&connector, "192.0.2.1", &server.certificates), Ok(()));
    let wrong_name = shake(&connector, "other.example", &server.certificates).unwrap_err();
    assert!(wrong_name.contains("is not for this name but for ") && wrong_name.contains("cam.example"), "{wrong_name}");
}

#[test]
fn each_failure_is_a_sentence_that_says_what_to_do() {
    let (mine, other) = (own(|_| {}), own(|_| {}));
    let shown = mine.certificates.fingerprint();
    let stranger = Connector::new(Believe::Authorities(&other.path())).unwrap();
    let sentence = shake(&stranger, "cam.example", &mine.certificates).unwrap_err();
    assert!(sentence.contains(&shown.to_string()) && sentence.contains("--tls-pin"), "{sentence}");
    let pinned = Connector::new(Believe::Pin(other.certificates.fingerprint())).unwrap();
    let sentence = shake(&pinned, "cam.example", &mine.certificates).unwrap_err();
    assert!(sentence.contains("not the one that was pinned") && sentence.contains(&shown.to_string()), "{sentence}");
    // Of those that an authority vouches for, so that the dates count.
    for (from, to, expected) in [(2001, 2002, "has expired"), (3001, 3002, "is not valid yet")] {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let mut server = CertificateParams::new(["cam.example".to_owned()]).unwrap();
        (server.not_before, server.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        let server_key = KeyPair::generate().unwrap();
        let server = Files::new(&server.signed_by(&server_key, &issuer).unwrap().pem(), &server_key);
        let folder = Folder::new();
        let ca = folder.file("ca.pem", authority.pem().as_bytes());
        let sentence = shake(&Connector::new(Believe::Authorities(&ca)).unwrap(), "cam.example", &server.certificates)
            .unwrap_err();
        assert!(sentence.contains(expected), "{sentence}");
    }
}

#[test]
fn what_cannot_be_believed_is_told_before_anything_is_asked() {
    let folder = Folder::new();
    let complaint = |path: &Path| Connector::new(Believe::Authorities(path)).unwrap_err();
    assert!(complaint(&folder.path().join("none")).starts_with("cannot read "));
    assert!(complaint(&folder.file("empty.pem", b"x")).starts_with("there is no certificate in "));
    let connector = Connector::new(Believe::Pin(Fingerprint([0; 32]))).unwrap();
    assert!(connector.session("no name").unwrap_err().contains("no name that a certificate can have"));
}
