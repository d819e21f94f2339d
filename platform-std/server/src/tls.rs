//! `rtsps://`: its options, its certificate.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use mutoscope_std::server::{Server, TlsOptions};
use mutoscope_std::tls::{CUSTOMARY_PORT, Identity};

use crate::state;

/// The options of TLS.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TlsArgs {
    /// Serve rtsps:// too: nobody on the way sees or changes anything. Without --tls-cert, a certificate is made at the first
    /// start
    #[arg(long)]
    pub tls: bool,

    /// The same, and no connection without TLS
    #[arg(long)]
    pub tls_only: bool,

    /// TCP port for RTSP in TLS; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = CUSTOMARY_PORT)]
    pub tls_port: u16,

    /// The certificate for TLS, and those that lead to its root (PEM); read again on SIGHUP
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

impl TlsArgs {
    /// What the server is told; `None`: there is no TLS.
    pub(crate) fn options(&self) -> Result<Option<TlsOptions>> {
        let identity = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Identity::Files { certificate: certificate.clone(), key: key.clone() },
            (None, None) if !self.tls && !self.tls_only => return Ok(None),
            (None, None) => {
                let directory = state::directory().map(|state| state.join("tls"));
                let advice =
                    "there is no place to keep a certificate: name files with --tls-cert and --tls-key, or set HOME";
                Identity::SelfSigned { directory: directory.context(advice)? }
            }
            (Some(_), None) => bail!("--tls-cert needs its key: --tls-key FILE"),
            (None, Some(_)) => bail!("--tls-key needs its certificate: --tls-cert FILE"),
        };
        Ok(Some(TlsOptions { port: self.tls_port, identity, only: self.tls_only }))
    }

    /// The files that it needs, or the folder that they are in.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> {
        let given = match self.options() {
            Ok(Some(TlsOptions { identity: Identity::Files { certificate, key }, .. })) => {
                [Some(certificate), Some(key)]
            }
            Ok(Some(TlsOptions { identity: Identity::SelfSigned { directory }, .. })) => [Some(directory), None],
            _ => [None, None],
        };
        given.into_iter().flatten()
    }
}

/// Says which certificate is shown, for people to compare.
#[cfg(feature = "tls")]
pub(crate) fn announce(server: &Server) {
    if let Some(certificates) = server.certificates() {
        let (path, fingerprint) = (certificates.path(), certificates.fingerprint());
        let whose = if certificates.is_self_signed() { "our own certificate" } else { "the certificate" };
        log::info!("TLS shows {whose}, {}; its SHA-256 fingerprint: {fingerprint}", path.display());
    }
}

/// Reads the certificate again, as a function of its own: the server is busy by then. `None`: there is none.
#[cfg(feature = "tls")]
pub(crate) fn reload(server: &Server) -> Option<impl FnMut() + Send + use<>> {
    let certificates = server.certificates()?.clone();
    Some(move || match certificates.reload() {
        Ok(()) => log::info!("the certificate was read again; its SHA-256 fingerprint: {}", certificates.fingerprint()),
        Err(error) => log::error!("the certificate was read again and cannot be used, the old one stays: {error}"),
    })
}

#[cfg(not(feature = "tls"))]
pub(crate) fn announce(_: &Server) {}

#[cfg(not(feature = "tls"))]
pub(crate) fn reload(_: &Server) -> Option<fn()> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::Parser;

    fn options(arguments: &[&str]) -> Result<Option<TlsOptions>, String> {
        let args = Args::try_parse_from([&["mutoscope-server"], arguments].concat()).unwrap();
        args.tls.options().map_err(|error| error.to_string())
    }

    #[test]
    fn any_of_its_options_but_the_port_turns_it_on() {
        assert!(options(&["--tls-port", "1"]).unwrap().is_none());
        let both = ["--tls-cert", "a", "--tls-key", "b"];
        let tls = options(&both).unwrap().unwrap();
        assert_eq!((tls.port, tls.only), (8322, false));
        assert_eq!(tls.identity, Identity::Files { certificate: "a".into(), key: "b".into() });
        let tls = options(&[&both[..], &["--tls-only", "--tls-port", "0"]].concat()).unwrap().unwrap();
        assert_eq!((tls.port, tls.only), (0, true));
        assert!(options(&both[..2]).unwrap_err().contains("--tls-key FILE"));
        assert!(options(&both[2..]).unwrap_err().contains("--tls-cert FILE"));
    }
}
