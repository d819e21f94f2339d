//! `--onvif`: video recorders find the server and its streams.

#[cfg(feature = "http")]
pub(crate) use with_http::Onvif;

/// The options of ONVIF.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct OnvifArgs {
    /// Let video recorders find the server in the network and ask for its streams (ONVIF, WS-Discovery); takes --http or --https. Who
    /// asks has the rights that it has in the web
    #[arg(long)]
    pub onvif: bool,
}

#[cfg(feature = "http")]
mod with_http {
    use anyhow::{Result, ensure};
    #[cfg(feature = "onvif")]
    pub(crate) use mutoscope_std::onvif::Onvif;
    use mutoscope_std::server::Server;

    use super::OnvifArgs;

    /// There is none.
    #[cfg(not(feature = "onvif"))]
    #[derive(Debug)]
    pub(crate) enum Onvif {}

    impl OnvifArgs {
        /// What `server` tells by ONVIF, if it is to. `has_web`: there is an address for that.
        pub(crate) fn of(self, server: &Server, has_web: bool) -> Result<Option<Onvif>> {
            ensure!(!self.onvif || has_web, "ONVIF is spoken by HTTP: --onvif takes --http PORT or --https PORT");
            if self.onvif { told(server).map(Some) } else { Ok(None) }
        }
    }

    #[cfg(feature = "onvif")]
    fn told(server: &Server) -> Result<Onvif> {
        let places = server.local_addrs().zip(server.urls(""));
        let (rtsps, rtsp): (Vec<_>, Vec<_>) = places.partition(|(_, url)| url.starts_with("rtsps:"));
        let [rtsp, rtsps] =
            [rtsp, rtsps].map(|places| places.into_iter().map(|(address, _)| address).collect::<Vec<_>>());
        let port = rtsp.first().map_or(0, std::net::SocketAddr::port);
        Ok(Onvif { device: mutoscope_std::onvif::Device::of_machine(port), rtsp, rtsps })
    }

    #[cfg(not(feature = "onvif"))]
    fn told(_: &Server) -> Result<Onvif> {
        anyhow::bail!("this program has no ONVIF: build it with the feature onvif")
    }
}
