//! The streams by HTTP: its options, its thread.

#[cfg(feature = "http")]
pub(crate) use with_http::{bind, start};

/// The options of HTTP.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WebArgs {
    /// Show the streams to browsers, too, at this TCP port; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    pub http: Option<u16>,

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
    use mutoscope_std::server;
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

    /// Opens the port at these hosts, where one is asked for.
    pub(crate) fn bind(args: &WebArgs, hosts: &[String]) -> Result<Option<Web>> {
        let Some(port) = args.http else { return Ok(None) };
        let web = Web::bind(&Options { hosts: hosts.to_vec(), port });
        web.map(Some).map_err(|error| match &error {
            server::Error::Listen { error: taken, .. } if taken.kind() == io::ErrorKind::AddrInUse => {
                anyhow!("{error}: stop what listens there, or choose another with --http")
            }
            _ => error.into(),
        })
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
