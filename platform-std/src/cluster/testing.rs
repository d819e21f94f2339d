//! Certificates for tests, made when they run.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

use super::topology::Certificates;
use crate::media::testing::Folder;

/// Somebody who signs certificates.
pub(super) struct Authority<'f> {
    folder: &'f Folder,
    name: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl<'f> Authority<'f> {
    pub(super) fn new(folder: &'f Folder, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { folder, name: name.to_owned(), issuer }
    }

    /// A certificate of this name.
    pub(super) fn certify(&self, name: &str) -> Certificates {
        self.certify_until(name, (2999, 1, 1))
    }

    /// One that ends on that day.
    pub(super) fn certify_until(&self, name: &str, (year, month, day): (i32, u8, u8)) -> Certificates {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.distinguished_name = named(name);
        params.not_after = date_time_ymd(year, month, day);
        params.not_before = date_time_ymd(2000, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file =
            |what: &str, text: String| self.folder.file(&format!("{}-{name}-{what}.pem", self.name), text.as_bytes());
        Certificates {
            authority: file("ca", self.issuer.pem()),
            certificate: file("certificate", certificate.pem()),
            key: file("key", key.serialize_pem()),
        }
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    if !name.is_empty() {
        distinguished.push(DnType::CommonName, name);
    }
    distinguished
}
