//! The files of TLS between nodes, looked at before they are used: what others would say of them, who only close the connection, is said
//! here in words.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::ring;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::topology::{Certificates, Topology};
use crate::tls::{Identity, IdentityError, read_identity};

impl Certificates {
    /// Whom the node's certificate names. `topology`: what the certificate is used for.
    ///
    /// # Errors
    /// A file cannot be read, or other nodes would not believe the certificate.
    pub fn check(&self, topology: &Topology) -> Result<String, IdentityError> {
        let Self { authority, certificate, key } = self;
        let roots = Arc::new(roots(authority)?);
        let identity = read_identity(&Identity::Files { certificate: certificate.clone(), key: key.clone() })?;
        let unusable = |why: String| IdentityError::Unusable(certificate.clone(), why);
        let (leaf, chain) = identity.cert.split_first().ok_or_else(|| unusable("there is none".to_owned()))?;
        let (provider, now) = (Arc::new(ring::default_provider()), UnixTime::now());
        let why = |error| unusable(sentence(&error, authority));
        if topology.connects() {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider)).build();
            let verifier = verifier.map_err(|error| IdentityError::Unusable(authority.clone(), error.to_string()))?;
            verifier.verify_client_cert(leaf, chain, now).map_err(why)?;
        }
        if topology.listens() {
            let algorithms = provider.signature_verification_algorithms.all;
            let parsed = ParsedCertificate::try_from(leaf).map_err(why)?;
            verify_server_cert_signed_by_trust_anchor(&parsed, &roots, chain, now, algorithms).map_err(why)?;
        }
        common_name(leaf).ok_or_else(|| unusable("it names nobody: it has no common name (CN)".to_owned()))
    }
}

/// Those who vouch for nodes.
fn roots(path: &Path) -> Result<RootCertStore, IdentityError> {
    let text = fs::read(path).map_err(|error| IdentityError::Read(path.to_owned(), error))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.unwrap_or_default();
    if certificates.is_empty() {
        return Err(IdentityError::NoCertificate(path.to_owned()));
    }
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| IdentityError::Unusable(path.to_owned(), error.to_string()))?;
    }
    Ok(roots)
}

/// Whom a certificate names, as the engine reads it.
fn common_name(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let name = certificate.subject().iter_common_name().next()?.as_str().ok()?.to_owned();
    Some(name)
}

/// What is wrong with our own certificate.
fn sentence(error: &Error, authority: &Path) -> String {
    let Error::InvalidCertificate(error) = error else { return error.to_string() };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired: renew it, or look at this machine's clock".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet: is this machine's clock right?".to_owned()
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!("nobody in {} has signed it", authority.display())
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for this purpose: a node that listens takes one for servers (serverAuth), one that connects takes one for \
             clients (clientAuth)"
                .to_owned()
        }
        // What openssl makes of a request without extensions.
        CertificateError::Other(why) if format!("{why:?}").contains("UnsupportedCertVersion") => {
            "it is one of X.509 version 1: in TLS it takes version 3, which has extensions (subjectAltName)".to_owned()
        }
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::testing::Authority;
    use crate::media::testing::Folder;

    fn place() -> Vec<String> {
        vec!["127.0.0.1:1".to_owned()]
    }

    fn topologies() -> [Topology; 2] {
        [Topology { listen: place(), ..Topology::default() }, Topology { connect: place(), ..Topology::default() }]
    }

    #[test]
    fn a_certificate_that_others_believe_names_the_node() {
        let folder = Folder::new();
        let authority = Authority::new(&folder, "ca");
        let certificates = authority.certify("k\u{fc}che");
        for topology in topologies() {
            assert_eq!(certificates.check(&topology).as_deref().ok(), Some("k\u{fc}che"));
        }
    }

    #[test]
    fn what_others_would_not_believe_is_said_in_words() {
        let folder = Folder::new();
        let (ours, theirs) = (Authority::new(&folder, "ours"), Authority::new(&folder, "theirs"));
        let [good, other] = [ours.certify("garden"), theirs.certify("garden")];
        let expired = ours.certify_until("old", (2001, 1, 1));
        let nameless = ours.certify("");
        let file = |name: &str, contents: &[u8]| folder.file(name, contents);
        let (junk, missing) = (file("junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n"), folder.path().join("none"));
        for (certificates, expected) in [
            (Certificates { authority: missing.clone(), ..good.clone() }, "cannot read "),
            (Certificates { certificate: missing.clone(), ..good.clone() }, "cannot read "),
            (Certificates { key: missing, ..good.clone() }, "cannot read "),
            (Certificates { authority: junk.clone(), ..good.clone() }, "there is no certificate in "),
            (Certificates { authority: good.key.clone(), ..good.clone() }, "there is no certificate in "),
            (Certificates { certificate: junk.clone(), ..good.clone() }, "there is no certificate in "),
            (Certificates { key: junk, ..good.clone() }, "there is no key in "),
            (Certificates { key: other.key.clone(), ..good.clone() }, " is not that of the certificate in "),
            (Certificates { authority: other.authority, ..good.clone() }, " has signed it"),
            (Certificates { authority: good.certificate.clone(), ..good }, " cannot be used: "),
            (expired, ": it has expired: "),
            (nameless, ": it names nobody: "),
        ] {
            for topology in topologies() {
                let error = certificates.check(&topology).unwrap_err().to_string();
                assert!(error.contains(expected), "{expected}: {error}");
            }
        }
    }
}
