//! What a client believes of a server's certificate, and what it says where it does not.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, InvalidMessage,
    RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::Fingerprint;

/// Makes the client's side of sessions. Sessions with the same server are resumed.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    config: Arc<ClientConfig>,
    verifier: Arc<Verifier>,
}

impl Connector {
    /// Believes the certificate `pin` alone; or else those that `ca`, a file in PEM, holds or vouches for; or else what the system
    /// believes. The error is a sentence for people.
    pub(crate) fn new(ca: Option<&Path>, pin: Option<Fingerprint>) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(Verifier::new(&provider, ca, pin)?);
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| format!("TLS cannot be used: {error}"))?;
        let believed = Arc::<Verifier>::clone(&verifier);
        let config = builder.dangerous().with_custom_certificate_verifier(believed).with_no_client_auth();
        Ok(Self { config: Arc::new(config), verifier })
    }

    /// The client's side of a session with `host`, an address or a name.
    pub(crate) fn session(&self, host: &str) -> Result<ClientConnection, String> {
        // The zone of an address is this machine's business.
        let address = host.split('%').next().and_then(|address| address.parse::<IpAddr>().ok());
        let name = match address {
            Some(address) => ServerName::from(address),
            None => ServerName::try_from(host.to_owned())
                .map_err(|_| format!("{host:?} is no name that a certificate can have"))?,
        };
        ClientConnection::new(Arc::clone(&self.config), name).map_err(|error| sentence(&error, None))
    }

    /// The certificate that was shown last.
    pub(crate) fn shown(&self) -> Option<Fingerprint> {
        *self.verifier.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Verifier {
    believed: Believed,
    algorithms: WebPkiSupportedAlgorithms,
    /// That of the certificate that was shown last.
    shown: Mutex<Option<Fingerprint>>,
}

#[derive(Debug)]
enum Believed {
    One(Fingerprint),
    /// Whom these vouch for, and, of those that were named, these themselves: many cameras' certificates are made as if they
    /// were authorities', and are nobody else's.
    Roots(Arc<WebPkiServerVerifier>, Vec<Fingerprint>),
}

impl Verifier {
    fn new(provider: &Arc<CryptoProvider>, ca: Option<&Path>, pin: Option<Fingerprint>) -> Result<Self, String> {
        let believed = match (pin, ca) {
            (Some(pin), _) => Believed::One(pin),
            (None, Some(file)) => {
                let certificates = read(file)?;
                let own = certificates.iter().map(|certificate| Fingerprint::of(certificate)).collect();
                Believed::Roots(roots(provider, certificates)?, own)
            }
            (None, None) => {
                let found = rustls_native_certs::load_native_certs();
                if found.certs.is_empty() {
                    return Err("this system names nobody who vouches for servers (ca-certificates): \
                                --tls-ca FILE or --tls-pin FINGERPRINT says whom to believe"
                        .to_owned());
                }
                Believed::Roots(roots(provider, found.certs)?, Vec::new())
            }
        };
        Ok(Self { believed, algorithms: provider.signature_verification_algorithms, shown: Mutex::new(None) })
    }
}

fn read(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.unwrap_or_default();
    if certificates.is_empty() {
        return Err(format!("there is no certificate in {}: expected PEM, \"BEGIN CERTIFICATE\"", file.display()));
    }
    Ok(certificates)
}

fn roots(
    provider: &Arc<CryptoProvider>,
    certificates: Vec<CertificateDer<'static>>,
) -> Result<Arc<WebPkiServerVerifier>, String> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates);
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    builder.build().map_err(|error| format!("these certificates cannot be used: {error}"))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Fingerprint::of(certificate);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        match &self.believed {
            Believed::One(pin) if *pin == shown => Ok(ServerCertVerified::assertion()),
            Believed::One(_) => Err(CertificateError::ApplicationVerificationFailure.into()),
            Believed::Roots(_, own) if own.contains(&shown) => Ok(ServerCertVerified::assertion()),
            Believed::Roots(roots, _) => roots.verify_server_cert(certificate, intermediates, name, ocsp, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// What a failed session is, in one sentence for people. `shown`: the certificate that the peer showed.
pub(crate) fn sentence(error: &Error, shown: Option<Fingerprint>) -> String {
    let with_fingerprint = |what: &str, advice: &str| match shown {
        Some(shown) => format!("{what}; its SHA-256 fingerprint is {shown}{advice}"),
        None => what.to_owned(),
    };
    match error {
        Error::InvalidCertificate(error) => match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the server's certificate has expired: renew it there, or look at this machine's clock".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet: is this machine's clock right?".to_owned()
            }
            // A bad signature: one of that name is believed, with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => with_fingerprint(
                "nobody whom this machine believes vouches for the server's certificate",
                ": if that is what the server says of itself, believe it with --tls-pin, or its issuer with --tls-ca FILE",
            ),
            // webpki's way to say that one vouches for itself.
            CertificateError::Other(_) => with_fingerprint(
                "the server's certificate cannot be verified",
                ": if that is what the server says of itself, believe it with --tls-pin",
            ),
            CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
                format!("the server's certificate is not for this name but for {}", names(presented))
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                with_fingerprint("the server's certificate is not for this name", ", for --tls-pin")
            }
            CertificateError::ApplicationVerificationFailure => {
                with_fingerprint("the server's certificate is not the one that was pinned (--tls-pin)", "")
            }
            CertificateError::Revoked => "the server's certificate has been revoked".to_owned(),
            error => format!("the server's certificate cannot be believed: {error}"),
        },
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the other side does not speak TLS there".to_owned()
        }
        Error::AlertReceived(
            AlertDescription::UnknownCA | AlertDescription::BadCertificate | AlertDescription::CertificateUnknown,
        ) => "the other side does not believe the certificate".to_owned(),
        Error::AlertReceived(alert) => format!("the other side ends the TLS session: {alert:?}"),
        Error::PeerIncompatible(reason) => {
            format!(
                "the other side has no version of TLS, or no ciphers, that are known here (1.2 and 1.3): {reason:?}"
            )
        }
        error => format!("TLS failed: {error}"),
    }
}

/// A few names of a certificate, without what a terminal would make of their characters.
fn names(presented: &[String]) -> String {
    let clean = |name: &String| name.chars().filter(|c| !c.is_control()).take(100).collect::<String>();
    presented.iter().take(4).map(clean).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
