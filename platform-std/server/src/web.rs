//! The streams by HTTP: its options, its thread.

#[cfg(feature = "http")]
pub(crate) use with_http::{Running, bind, start};

/// The options of HTTP.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WebArgs {
    /// Show the streams to browsers, too, at this TCP port; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    pub http: Option<u16>,

    /// The same in TLS, with the certificate of --tls
    #[arg(long, value_name = "PORT")]
    pub https: Option<u16>,

    /// Answer browsers that came here by this name (repeatable), beside the server's addresses, localhost and the machine's name
    #[arg(long = "http-name", value_name = "NAME")]
    pub http_names: Vec<String>,
}

#[cfg(feature = "http")]
mod with_http {
    use std::io;
    use std::thread::{self, JoinHandle};

    use anyhow::{Context, Result, anyhow};
    use mutoscope_std::guard::Gate;
    use mutoscope_std::server::{self, Listeners, Server};
    use mutoscope_std::web::{Options, Site, StopHandle, Web};

    use super::WebArgs;
    use crate::streams::Streams;

    /// A web server that runs until this is dropped.
    pub(crate) struct Running {
        stop: StopHandle,
        thread: Option<JoinHandle<()>>,
    }

    impl Drop for Running {
        fn drop(&mut self) {
            self.stop.stop();
            if let Some(thread) = self.thread.take() {
                let _ = thread.join();
            }
        }
    }

    /// Opens the ports at these hosts, where any are asked for, but those for which there are listeners. With the certificate of
    /// `server`.
    pub(crate) fn bind(args: &WebArgs, hosts: &[String], server: &Server, listeners: Listeners) -> Result<Option<Web>> {
        if args.http.is_none() && args.https.is_none() && listeners.is_empty() {
            return Ok(None);
        }
        let web = Web::bind_with(&options(args, hosts, server, &listeners)?, listeners);
        web.map(Some).map_err(|error| match &error {
            server::Error::Listen { error: taken, address, .. } if taken.kind() == io::ErrorKind::AddrInUse => {
                let option = if Some(address.port()) == args.https { "--https" } else { "--http" };
                anyhow!("{error}: stop what listens there, or choose another with {option}")
            }
            _ => error.into(),
        })
    }

    #[cfg(feature = "tls")]
    fn options(args: &WebArgs, hosts: &[String], server: &Server, listeners: &Listeners) -> Result<Options> {
        let with_certificate = |port| {
            let certificates = server.certificates().context("--https takes the certificate of --tls: ask for both")?;
            Ok::<_, anyhow::Error>((port, certificates.clone()))
        };
        // The port of listeners is theirs.
        let https = args.https.or((!listeners.tls.is_empty()).then_some(0));
        Ok(Options { hosts: hosts.to_vec(), port: args.http, tls: https.map(with_certificate).transpose()? })
    }

    #[cfg(not(feature = "tls"))]
    fn options(args: &WebArgs, hosts: &[String], _: &Server, _: &Listeners) -> Result<Options> {
        anyhow::ensure!(
            args.https.is_none(),
            "{}: cargo build --release -p mutoscope-server --features tls builds it in",
            server::Error::NoTls
        );
        Ok(Options::new(hosts.to_vec(), args.http))
    }

    /// Serves on a thread of its own.
    pub(crate) fn start(web: Web, site: Site<Streams, Gate>) -> Result<Running> {
        let stop = web.stop_handle();
        let serve = move || {
            if let Err(error) = web.serve(site) {
                log::error!("the web server has ended: {error}");
            }
        };
        let thread = thread::Builder::new().name("http".to_owned()).spawn(serve).context("cannot start a thread")?;
        Ok(Running { stop, thread: Some(thread) })
    }
}
