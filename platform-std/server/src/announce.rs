//! `--announce`: the local network is told of what everybody may watch.

use std::net::SocketAddr;

use mutoscope_std::server::Server;

#[cfg(feature = "announce")]
pub(crate) use told::Announcement;
#[cfg(not(feature = "announce"))]
pub(crate) use untold::Announcement;

/// The options of announcements.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct AnnounceArgs {
    /// Tell the local network of the page and of the streams that everybody may watch, so that players list them (mDNS: _rtsp._tcp and
    /// _http._tcp). Names of other streams are not told
    #[arg(long)]
    pub announce: bool,
}

/// Where players and browsers find the server, without TLS.
#[derive(Debug)]
#[cfg_attr(not(feature = "announce"), allow(dead_code, reason = "nobody is told"))]
pub(crate) struct Places {
    rtsp: Vec<SocketAddr>,
    http: Vec<SocketAddr>,
}

impl Places {
    /// `pages`: addresses and URLs of the page.
    pub(crate) fn new(server: &Server, pages: impl Iterator<Item = (SocketAddr, String)>) -> Self {
        let plain = |(address, url): (SocketAddr, String)| (!url.split(':').next()?.ends_with('s')).then_some(address);
        Self {
            rtsp: server.local_addrs().zip(server.urls("")).filter_map(plain).collect(),
            http: pages.filter_map(plain).collect(),
        }
    }
}

impl AnnounceArgs {
    /// The name by which browsers come that heard of the page.
    #[cfg(all(feature = "announce", feature = "http"))]
    pub(crate) fn host_name(self, places: &Places) -> Option<String> {
        let place = places.rtsp.first().filter(|_| self.announce)?;
        Some(mutoscope_std::announce::host_name(place.port()))
    }

    /// There are none.
    #[cfg(all(not(feature = "announce"), feature = "http"))]
    pub(crate) const fn host_name(self, _: &Places) -> Option<String> {
        None
    }
}

#[cfg(feature = "announce")]
mod told {
    use std::sync::{Arc, Mutex, PoisonError};

    use anyhow::Result;
    use mutoscope::wire::url::Path;
    use mutoscope_std::announce::{Announcer, Error};
    use mutoscope_std::guard::Rules;
    use mutoscope_std::server::percent_encode;

    use super::{AnnounceArgs, Places};

    /// What is told of, if anything. Copies are the same.
    #[derive(Clone, Debug)]
    pub(crate) struct Announcement(Arc<Mutex<Option<Announcer>>>);

    impl Announcement {
        /// Tells of those of the streams that everybody may watch.
        pub(crate) fn start(args: AnnounceArgs, places: &Places, rules: &Rules, names: &[String]) -> Result<Self> {
            let announcer = args.announce.then(|| Announcer::new(&places.rtsp, &places.http));
            let announcer = match announcer.transpose() {
                Ok(announcer) => announcer,
                // It would mislead: whoever hears of it cannot reach it.
                Err(Error::OnlyThisMachine) => {
                    log::warn!("nothing is announced, because only this machine can reach the server: --host 0.0.0.0");
                    None
                }
                Err(error) => {
                    log::error!("nothing is announced: {error}");
                    None
                }
            };
            let announcement = Self(Arc::new(Mutex::new(announcer)));
            announcement.update(rules, names);
            Ok(announcement)
        }

        /// Tells of these from now on.
        pub(crate) fn update(&self, rules: &Rules, names: &[String]) {
            let Some(announcer) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) else { return };
            let is_open = |name: &&String| rules.are_open_for(Path::new(&percent_encode(name)));
            match announcer.tell(names.iter().filter(is_open)) {
                Ok(number) if number == names.len() => log::info!("the network is told of the server and its streams"),
                Ok(number) => log::info!(
                    "the network is told of the server and {number} of its {} streams: those that everybody may watch, as far as there is room",
                    names.len()
                ),
                Err(error) => log::error!("not all is announced: {error}"),
            }
        }

        /// Says goodbye.
        pub(crate) fn end(&self) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}

#[cfg(not(feature = "announce"))]
mod untold {
    use mutoscope_std::guard::Rules;

    use super::{AnnounceArgs, Places};

    /// Nothing.
    #[derive(Clone, Debug)]
    pub(crate) struct Announcement;

    impl Announcement {
        pub(crate) fn start(args: AnnounceArgs, _: &Places, _: &Rules, _: &[String]) -> anyhow::Result<Self> {
            anyhow::ensure!(!args.announce, "this program cannot announce itself: build it with the feature announce");
            Ok(Self)
        }

        pub(crate) fn update(&self, _: &Rules, _: &[String]) {}

        pub(crate) fn end(&self) {}
    }
}
