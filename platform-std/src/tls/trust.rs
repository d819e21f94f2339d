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

/// What a client is to believe of servers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Believe<'a> {
    /// Whoever the system believes vouches for it; and the one certificate that somebody has looked at, if any.
    System(Option<Fingerprint>),
    /// Those that a file in PEM holds or vouches for.
    Authorities(&'a Path),
    /// This certificate alone.
    Pin(Fingerprint),
}

/// Makes the client's side of sessions. Sessions with the same server are resumed.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    config: Arc<ClientConfig>,
    verifier: Arc<Verifier>,
}

impl Connector {
    /// Believes what it is told to. The error is a sentence for people.
    pub(crate) fn new(believe: Believe<'_>) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(Verifier::new(&provider, believe)?);
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
    /// Whom these vouch for, if there are any, and, of those that were named, these themselves: many cameras' certificates are
    /// made as if they were authorities', and are nobody else's.
    Roots(Option<Arc<WebPkiServerVerifier>>, Vec<Fingerprint>),
}

impl Verifier {
    fn new(provider: &Arc<CryptoProvider>, believe: Believe<'_>) -> Result<Self, String> {
        let believed = match believe {
            Believe::Pin(pin) => Believed::One(pin),
            Believe::Authorities(file) => {
                let certificates = read(file)?;
                let own = certificates.iter().map(|certificate| Fingerprint::of(certificate)).collect();
                Believed::Roots(Some(roots(provider, certificates)?), own)
            }
            Believe::System(known) => {
                let found = rustls_native_certs::load_native_certs();
                if found.certs.is_empty() {
                    log::warn!(
                        "this system names nobody who vouches for servers (ca-certificates): no certificate is believed by itself"
                    );
                }
                let roots = if found.certs.is_empty() { None } else { Some(roots(provider, found.certs)?) };
                Believed::Roots(roots, known.into_iter().collect())
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
            Believed::Roots(Some(roots), _) => roots.verify_server_cert(certificate, intermediates, name, ocsp, now),
            Believed::Roots(None, _) => Err(CertificateError::UnknownIssuer.into()),
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

/// Why a certificate is not believed, in one sentence for people.
pub(crate) fn doubt(error: &CertificateError) -> String {
    let what = match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired: renew it there, or look at this machine's clock"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet: is this machine's clock right?"
        }
        // A bad signature: one of that name is believed, with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "nobody whom this machine believes vouches for the server's certificate"
        }
        // webpki's way to say that one vouches for itself.
        CertificateError::Other(_) => "the server's certificate cannot be verified",
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            return format!("the server's certificate is not for this name but for {}", names(presented));
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate is not for this name"
        }
        CertificateError::ApplicationVerificationFailure => {
            "the server's certificate is not the one that was pinned (--tls-pin)"
        }
        CertificateError::Revoked => "the server's certificate has been revoked",
        error => return format!("the server's certificate cannot be believed: {error}"),
    };
    what.to_owned()
}

/// What a failed session is, in one sentence for people. `shown`: the certificate that the peer showed.
pub(crate) fn sentence(error: &Error, shown: Option<Fingerprint>) -> String {
    match error {
        Error::InvalidCertificate(error) => {
            let advice = match error {
                CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                    ": if that is what the server says of itself, believe it with --tls-pin, or its issuer with --tls-ca FILE"
                }
                CertificateError::Other(_) => ": if that is what the server says of itself, believe it with --tls-pin",
                CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
                    return doubt(error);
                }
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    ", for --tls-pin"
                }
                CertificateError::ApplicationVerificationFailure => "",
                _ => return doubt(error),
            };
            match shown {
                Some(shown) => format!("{}; its SHA-256 fingerprint is {shown}{advice}", doubt(error)),
                None => doubt(error),
            }
        }
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
