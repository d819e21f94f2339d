use super::*;
use crate::media::testing::Folder;
use std::os::unix::fs::MetadataExt;

fn self_signed(folder: &Folder) -> Identity {
    Identity::SelfSigned { directory: folder.path().join("tls") }
}

fn open(identity: Identity) -> Result<Certificates, IdentityError> {
    Certificates::open(identity, &["localhost".to_owned(), "127.0.0.1".to_owned()])
}

#[test]
fn a_pair_is_made_once_and_its_key_is_nobody_else_s() {
    let folder = Folder::new();
    let first = open(self_signed(&folder)).unwrap();
    let (certificate, key) = paths(&first.identity);
    assert_eq!(fs::metadata(&key).unwrap().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&certificate).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(open(self_signed(&folder)).unwrap().fingerprint(), first.fingerprint());
    let other = open(self_signed(&Folder::new())).unwrap();
    assert_ne!(other.fingerprint(), first.fingerprint());
    // As files of the operator's they are the same.
    assert_eq!(open(Identity::Files { certificate, key }).unwrap().fingerprint(), first.fingerprint());
}

#[test]
fn a_certificate_that_is_replaced_is_shown_from_then_on_and_one_that_cannot_be_used_is_not() {
    let (folder, other) = (Folder::new(), Folder::new());
    let (mine, theirs) = (open(self_signed(&folder)).unwrap(), open(self_signed(&other)).unwrap());
    let before = mine.fingerprint();
    let ((certificate, key), (new, new_key)) = (paths(&mine.identity), paths(&theirs.identity));
    fs::copy(&new, &certificate).unwrap();
    assert!(matches!(mine.reload(), Err(IdentityError::Strangers { .. })));
    assert_eq!(mine.fingerprint(), before);
    fs::copy(&new_key, &key).unwrap();
    mine.reload().unwrap();
    assert_eq!(mine.fingerprint(), theirs.fingerprint());
}

#[test]
fn what_is_wrong_with_files_is_told() {
    let folder = Folder::new();
    let empty = folder.file("empty.pem", b"");
    let (good, good_key) = paths(&open(self_signed(&folder)).unwrap().identity);
    let complaint = |certificate: &Path, key: &Path| {
        let identity = Identity::Files { certificate: certificate.to_owned(), key: key.to_owned() };
        open(identity).expect_err("it must be refused").to_string()
    };
    assert!(complaint(&folder.path().join("none"), &good_key).starts_with("cannot read "));
    assert!(complaint(&empty, &good_key).starts_with("there is no certificate in "));
    assert!(complaint(&good_key, &good_key).starts_with("there is no certificate in "));
    assert!(complaint(&good, &empty).starts_with("there is no key in "));
    let other = Folder::new();
    let (_, other_key) = paths(&open(self_signed(&other)).unwrap().identity);
    assert!(complaint(&good, &other_key).contains(" is not that of the certificate in "));
}

#[test]
fn ciphers_that_cost_the_least_come_first() {
    let order = |has_aes| {
        let mut suites = ring::default_provider().cipher_suites;
        suites.sort_by_key(|suite| cost(suite.suite(), has_aes));
        (suites.first().unwrap().suite(), suites.len())
    };
    let count = ring::default_provider().cipher_suites.len();
    assert_eq!(order(true), (CipherSuite::TLS13_AES_128_GCM_SHA256, count));
    assert_eq!(order(false), (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, count));
}
