//! A server's certificate and key: files of the operator's, or a pair that is made once.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::crypto::ring;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, ServerConfig, ServerConnection};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::{Fingerprint, Identity};
use crate::files;

/// The files of a pair that is made here.
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// Why a certificate cannot be used. Its `Display` is one sentence for people.
#[derive(Debug)]
#[non_exhaustive]
pub enum IdentityError {
    /// A file cannot be read.
    Read(PathBuf, io::Error),
    /// A file cannot be written.
    Write(PathBuf, io::Error),
    /// There is no certificate in the file.
    NoCertificate(PathBuf),
    /// There is no key in the file, or one that takes a password.
    NoKey(PathBuf),
    /// The key is not the certificate's.
    Strangers {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
    },
    /// They are there and cannot be used.
    Unusable(PathBuf, String),
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::Write(path, error) => write!(f, "cannot write {}: {error}", path.display()),
            Self::NoCertificate(path) => {
                write!(f, "there is no certificate in {}: expected PEM, \"BEGIN CERTIFICATE\"", path.display())
            }
            Self::NoKey(path) => {
                let path = path.display();
                write!(
                    f,
                    "there is no key in {path} that can be used: expected PEM, \"BEGIN PRIVATE KEY\", without a password"
                )
            }
            Self::Strangers { certificate, key } => {
                write!(f, "the key in {} is not that of the certificate in {}", key.display(), certificate.display())
            }
            Self::Unusable(path, error) => write!(f, "the certificate in {} cannot be used: {error}", path.display()),
        }
    }
}

/// Without a `source`: the sentence says it.
impl std::error::Error for IdentityError {}

/// A server's certificate, which may be replaced while it serves. Copies are the same.
#[derive(Clone)]
pub struct Certificates {
    identity: Identity,
    shared: Arc<Shared>,
    config: Arc<ServerConfig>,
}

#[derive(Debug)]
struct Shared(RwLock<Arc<CertifiedKey>>);

impl Certificates {
    /// Reads a certificate and its key, and makes them first where they are to be made. `names`: those that one which is made is
    /// good for.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn open(identity: Identity, names: &[String]) -> Result<Self, IdentityError> {
        if let Identity::SelfSigned { directory } = &identity {
            make(directory, names)?;
        }
        let shared = Arc::new(Shared(RwLock::new(Arc::new(read(&identity)?))));
        let config = config(Arc::<Shared>::clone(&shared)).map_err(|error| {
            let (certificate, _) = paths(&identity);
            IdentityError::Unusable(certificate, error.to_string())
        })?;
        Ok(Self { identity, shared, config: Arc::new(config) })
    }

    /// Reads the files again; connections that come from now on see what is there. Where they cannot be used, all stays as it is.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn reload(&self) -> Result<(), IdentityError> {
        let read = Arc::new(read(&self.identity)?);
        *self.shared.0.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// That of the certificate which is shown now.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.shared.current().cert.first().map_or(&[], |certificate| certificate))
    }

    /// The file that the certificate is in.
    pub fn path(&self) -> PathBuf {
        paths(&self.identity).0
    }

    /// Whether the certificate vouches for itself, so that clients have to be told of it.
    pub fn is_self_signed(&self) -> bool {
        matches!(self.identity, Identity::SelfSigned { .. })
    }

    /// The server's side of a session with a new client.
    ///
    /// # Errors
    /// Where the configuration is one that cannot be used.
    pub fn session(&self) -> Result<ServerConnection, rustls::Error> {
        ServerConnection::new(Arc::clone(&self.config))
    }
}

#[cfg(feature = "https")]
impl Certificates {
    /// For others who speak TLS.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Shared {
    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Shared {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn config(shared: Arc<Shared>) -> Result<ServerConfig, rustls::Error> {
    let mut provider = ring::default_provider();
    provider.cipher_suites.sort_by_key(|suite| cost(suite.suite(), has_aes()));
    let builder = ServerConfig::builder_with_provider(Arc::new(provider));
    let mut config = builder.with_safe_default_protocol_versions()?.with_no_client_auth().with_cert_resolver(shared);
    // What is resumed is in the clients' tickets: it costs no memory here.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = ring::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    // What a client prefers is seldom a choice of its user's, and it decrypts one stream where the server encrypts a hundred.
    config.ignore_client_order = true;
    Ok(config)
}

/// The place of a cipher among those that the server would rather use: the least work first. All of them are good.
fn cost(suite: CipherSuite, has_aes: bool) -> u8 {
    use CipherSuite as Suite;
    match suite {
        Suite::TLS13_AES_128_GCM_SHA256
        | Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        | Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => 1,
        Suite::TLS13_CHACHA20_POLY1305_SHA256
        | Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        | Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => u8::from(has_aes) * 3,
        _ => 2,
    }
}

/// Whether this processor has instructions for AES in Galois counter mode. Without them ChaCha20 is several times as fast.
fn has_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    let has_aes = std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    let has_aes = std::arch::is_aarch64_feature_detected!("aes") && std::arch::is_aarch64_feature_detected!("pmull");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    let has_aes = false;
    has_aes
}

fn paths(identity: &Identity) -> (PathBuf, PathBuf) {
    match identity {
        Identity::Files { certificate, key } => (certificate.clone(), key.clone()),
        Identity::SelfSigned { directory } => (directory.join(CERTIFICATE), directory.join(KEY)),
    }
}

/// Makes a pair where there is none. The certificate is written last: where it is, the key is too.
fn make(directory: &Path, names: &[String]) -> Result<(), IdentityError> {
    let (certificate_path, key_path) = (directory.join(CERTIFICATE), directory.join(KEY));
    if certificate_path.exists() && key_path.exists() {
        return Ok(());
    }
    let unusable = |error: rcgen::Error| IdentityError::Unusable(certificate_path.clone(), error.to_string());
    let mut params = CertificateParams::new(names).map_err(unusable)?;
    params.distinguished_name.push(DnType::CommonName, "mutoscope");
    let key = KeyPair::generate().map_err(unusable)?;
    let certificate = params.self_signed(&key).map_err(unusable)?;
    let written = fs::create_dir_all(directory)
        .and_then(|()| files::write_private(&key_path, key.serialize_pem().as_bytes()))
        .map_err(|error| IdentityError::Write(key_path.clone(), error));
    written?;
    // One that was there without its key is of no use.
    fs::write(&certificate_path, certificate.pem()).map_err(|error| IdentityError::Write(certificate_path, error))
}

/// The certificate and the key of an identity that is there.
pub(crate) fn read(identity: &Identity) -> Result<CertifiedKey, IdentityError> {
    let (certificate, key) = paths(identity);
    if files::is_open_to_others(&key) {
        log::warn!("others on this machine may read the key in {}: chmod 600 would keep it private", key.display());
    }
    let text = fs::read(&certificate).map_err(|error| IdentityError::Read(certificate.clone(), error))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.unwrap_or_default();
    if chain.is_empty() {
        return Err(IdentityError::NoCertificate(certificate));
    }
    let text = fs::read(&key).map_err(|error| IdentityError::Read(key.clone(), error))?;
    let secret = PrivateKeyDer::from_pem_slice(&text).map_err(|_: pem::Error| IdentityError::NoKey(key.clone()))?;
    CertifiedKey::from_der(chain, secret, &ring::default_provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => IdentityError::Strangers { certificate, key },
        error => IdentityError::Unusable(certificate, error.to_string()),
    })
}

#[cfg(test)]
mod tests;
