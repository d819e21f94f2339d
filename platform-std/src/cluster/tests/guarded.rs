//! Nodes with certificates, and those that have none, or not the right ones, over Zenoh on this machine.

use std::io::Read as _;
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use mutoscope::media::catalogue::Medium;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::{Camera, PATIENCE, edge, find, place, see_until, wait};
use crate::cluster::exchange::{Exchange, Held};
use crate::cluster::testing::Authority;
use crate::cluster::zenoh::said;
use crate::cluster::{Access, Certificates, Remote, Topology, Zenoh};
use crate::media::testing::Folder;

fn access(nodes: &[&str], relays: &[&str]) -> Option<Access> {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Some(Access { nodes: owned(nodes), relays: owned(relays) })
}

/// A node that listens, and shows what the others have.
fn listening(place: &str, certificates: Certificates, access: Option<Access>) -> Remote {
    let listen = vec![place.to_owned()];
    edge(Zenoh::open(&Topology { listen, tls: Some(certificates), access, ..Topology::default() }).unwrap())
}

/// One that connects with it.
fn connecting(place: &str, certificates: Option<Certificates>, access: Option<Access>) -> Topology {
    Topology { connect: vec![place.to_owned()], tls: certificates, access, ..Topology::default() }
}

fn camera(place: &str, certificates: Certificates, name: &str) -> Camera {
    let topology = connecting(place, Some(certificates), access(&["nobody else"], &["edge"]));
    Camera::new(Arc::new(Zenoh::open(&topology).unwrap()), name, "bird")
}

#[test]
fn nodes_that_are_named_show_their_streams_and_nobody_shows_those_of_another_one() {
    let (folder, place) = (Folder::new(), place());
    let authority = Authority::new(&folder, "ours");
    let edge = listening(&place, authority.certify("edge"), access(&["garden", "kitchen"], &[]));
    // It says to be the kitchen, and its certificate says garden.
    let liar = camera(&place, authority.certify("garden"), "kitchen");
    // Nobody has named it.
    let stranger = camera(&place, authority.certify("stranger"), "stranger");
    let garden = camera(&place, authority.certify("garden"), "garden");
    wait("the garden is not there", || edge.names() == ["garden/bird"]);
    let mut viewer = find(&edge, "garden/bird").open().unwrap();
    garden.show(32);
    see_until(&mut viewer, 32);
    wait("nobody is named who lies", || {
        said(&["the machine \"garden\" at 127.0.0.1:", "in the name of \"kitchen\", which it may not"]) > 0
            && said(&["the machine \"stranger\" at 127.0.0.1:", "sees and shows nothing"]) > 0
    });
    assert_eq!(edge.names(), ["garden/bird"]);
    assert_eq!((liar.live.viewers(), stranger.live.viewers()), (0, 0));
}

/// Who has not joined after this is refused: who is not joins at once.
const WHILE: Duration = Duration::from_millis(1500);

/// Tries to join, and says what it sees.
fn look(topology: Topology, tell: &mpsc::Sender<Vec<String>>) {
    let tell = tell.clone();
    thread::spawn(move || {
        let seen = edge(Zenoh::open(&topology).unwrap());
        while seen.names().is_empty() {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = tell.send(seen.names());
    });
}

/// Speaks TLS, and shows no certificate.
fn show_no_certificate(place: &str, authority: &Path) -> std::io::Error {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let session = rustls::ClientConnection::new(config.into(), "localhost".try_into().unwrap()).unwrap();
    let mut stream = rustls::StreamOwned::new(session, TcpStream::connect(place).unwrap());
    stream.read(&mut [0; 1]).unwrap_err()
}

#[test]
fn who_has_no_certificate_or_one_of_another_authority_sees_nothing() {
    let (folder, place) = (Folder::new(), place());
    let (ours, theirs) = (Authority::new(&folder, "ours"), Authority::new(&folder, "theirs"));
    let listen = vec![place.clone()];
    let edge = ours.certify("edge");
    let router = Zenoh::open(&Topology { listen, tls: Some(edge.clone()), ..Topology::default() }).unwrap();
    let _token: Held = router.declare("mutoscope/hub/bird/live").unwrap();
    let error = show_no_certificate(&place, &edge.authority);
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
    let (tell, told) = mpsc::channel();
    look(connecting(&place, None, None), &tell);
    let foreign = Certificates { authority: edge.authority, ..theirs.certify("garden") };
    look(connecting(&place, Some(foreign), access(&[], &["edge"])), &tell);
    // It believes others, and not the edge.
    look(connecting(&place, Some(theirs.certify("garden")), access(&[], &["edge"])), &tell);
    let expected: [&[&str]; 4] = [
        &["somebody who came to take part was refused", "it has shown no certificate"],
        &["somebody who came to take part was refused", "signed by nobody whom this machine believes"],
        &["the machine at", &place, "cannot be joined by now: its certificate is signed by nobody"],
        &["the machine at", &place, "cannot be joined by now: it does not believe this machine's certificate"],
    ];
    wait("nobody is told why", || expected.iter().all(|words| said(words) > 0));
    thread::sleep(WHILE);
    assert_eq!(expected.map(said), [1; 4], "each is told once");
    assert_eq!(told.try_recv().ok(), None);
    look(connecting(&place, Some(ours.certify("garden")), access(&[], &["edge"])), &tell);
    assert_eq!(told.recv_timeout(PATIENCE).ok(), Some(vec!["hub/bird".to_owned()]));
}
