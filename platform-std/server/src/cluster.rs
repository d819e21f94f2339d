//! `--cluster`: streams of other machines, and ours for them.

use std::net::IpAddr;
use std::path::PathBuf;

use mutoscope::wire::url::Url;

/// The options of clusters.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Streams of other machines")]
pub(crate) struct ClusterArgs {
    /// Share streams with other machines: `lan` finds them in the local network. Their streams are NODE/NAME here, and NAME where no
    /// other one is called so
    #[arg(long, value_name = "HOW", value_parser = ["lan"])]
    pub cluster: Option<String>,

    /// Share streams with the machines that connect here (HOST:PORT), several with commas or by several options
    #[arg(long, value_name = "PLACE", value_delimiter = ',')]
    pub cluster_listen: Vec<String>,

    /// Share streams with the machine there (HOST:PORT), several with commas or by several options: who does not listen takes the first
    /// one that answers
    #[arg(long, value_name = "PLACE", value_delimiter = ',')]
    pub cluster_connect: Vec<String>,

    /// What other machines call this one [default: whom its certificate names (--cluster-tls-cert), or the machine's name]
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,

    /// Only with machines whose certificates are signed by one of this file (PEM), in TLS 1.3
    #[arg(long, value_name = "FILE", requires_all = ["cluster_tls_cert", "cluster_tls_key"])]
    pub cluster_tls_ca: Option<PathBuf>,

    /// This machine's certificate for that, whose common name (CN) is what it is called (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["cluster_tls_ca", "cluster_tls_key"])]
    pub cluster_tls_cert: Option<PathBuf>,

    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["cluster_tls_ca", "cluster_tls_cert"])]
    pub cluster_tls_key: Option<PathBuf>,

    /// A machine that may take part, by the name in its certificate: it may watch all, and offer streams under its own name. Several with
    /// commas or by several options
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub cluster_node: Vec<String>,

    /// The same for one that others are connected with: it hands on their streams, too
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub cluster_relay: Vec<String>,

    /// By what name or address viewers reach this machine who are sent here by others of the cluster that are full; none: nobody is sent here
    /// [default: the addresses of --host that others reach]
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub cluster_address: Option<String>,
}

/// A host as URLs have it.
fn host(text: &str) -> Result<String, &'static str> {
    let is_literal = text.contains(':') && !text.starts_with('[');
    let host = if is_literal { format!("[{text}]") } else { text.to_owned() };
    let is_host = Url::parse(&format!("rtsp://{host}")).is_some_and(|url| url.port().is_none());
    if is_host && !host.contains(['/', '?', '#', '@']) { Ok(host) } else { Err("expected a name or an address") }
}

impl ClusterArgs {
    /// Whether there is one.
    pub(crate) fn is_wanted(&self) -> bool {
        self.cluster.is_some() || !self.cluster_listen.is_empty() || !self.cluster_connect.is_empty()
    }

    /// The files that are needed for as long as it lasts: who connects again reads them again.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.cluster_tls_ca, &self.cluster_tls_cert, &self.cluster_tls_key].into_iter().flatten()
    }

    /// Whether names of hosts are looked up.
    pub(crate) fn has_names(&self) -> bool {
        self.cluster_connect.iter().any(|place| address(place).is_none())
    }
}

/// The address in a place, where it is none that has to be looked up.
fn address(place: &str) -> Option<IpAddr> {
    let (host, _) = place.rsplit_once(':')?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(feature = "cluster")]
mod with_cluster {
    use std::sync::{Arc, Mutex, PoisonError};
    use std::thread;

    use anyhow::{Context, Error, Result, anyhow, ensure};
    use mutoscope_std::cluster::exchange::Exchange;
    use mutoscope_std::cluster::{
        Access, Certificates, Offers, Places, Remote, Topology, Zenoh, check_node, machine_name,
    };
    use mutoscope_std::guard::{Elsewhere, Gate, Rules};
    use mutoscope_std::media::Policy;
    use mutoscope_std::server::Server;

    use super::{ClusterArgs, address};
    use crate::streams::{Local, Streams};

    /// What this program is to others, as long as this is there.
    #[derive(Debug)]
    pub(crate) struct Cluster {
        /// What others call this one.
        node: String,
        /// `None`: it has not met anybody yet.
        offers: Mutex<Option<Offers>>,
        streams: Streams,
    }

    impl Cluster {
        /// Joins the others, if that is wanted. A machine that does not listen is one of them when somebody has answered, which is not
        /// waited for.
        pub(crate) fn join(
            args: &ClusterArgs,
            streams: &Streams,
            gate: &Arc<Gate>,
            policy: Policy,
            server: &Server,
        ) -> Result<Option<Arc<Self>>> {
            let Some((node, topology)) = prepare(args)? else { return Ok(None) };
            warn_of_reach(&topology);
            if !gate.rules().networks.are_all() {
                log::warn!(
                    "--allow and --deny say who may watch by addresses, so other machines show these streams to nobody"
                );
            }
            gate.replace(Rules { elsewhere: Elsewhere::new(Arc::new(streams.clone())), ..Rules::clone(&gate.rules()) });
            log::info!("other machines call this one {node:?}");
            let cluster = Arc::new(Self { node: node.clone(), offers: Mutex::default(), streams: streams.clone() });
            let (urls, is_edge, limits) = (bases(args, server), topology.is_edge(), server.limits());
            let begin = {
                let (cluster, gate, waits) = (Arc::clone(&cluster), Arc::clone(gate), !topology.listens());
                move || -> Result<()> {
                    let exchange = Zenoh::open(&topology).context("the cluster cannot be joined")?;
                    if waits {
                        log::info!(
                            "another machine has answered: its streams are here, and ours there, if it lets this one take part"
                        );
                    }
                    let places = Places::new(&exchange, &node, urls, is_edge, limits);
                    cluster.streams.send_on(places.context("the cluster cannot be joined")?);
                    cluster.begin(Arc::new(exchange), &node, &gate, policy)
                }
            };
            if args.cluster.is_some() || !args.cluster_listen.is_empty() {
                begin()?;
            } else {
                let begin = move || begin().unwrap_or_else(|error| log::error!("{error:#}"));
                thread::Builder::new().name("cluster-join".to_owned()).spawn(begin).context("cannot start a thread")?;
            }
            Ok(Some(cluster))
        }

        fn begin(&self, exchange: Arc<dyn Exchange>, node: &str, gate: &Arc<Gate>, policy: Policy) -> Result<()> {
            let remote = Remote::new(Arc::clone(&exchange), node, policy).context("the cluster cannot be joined")?;
            let describe = {
                let (streams, gate) = (self.streams.clone(), Arc::clone(gate));
                move |name: &str| streams.about(name, &gate.rules())
            };
            let offers = Offers::new(exchange, node, Local(self.streams.clone()), describe);
            let offers = offers.context("nothing can be shared")?;
            remote.on_rules({
                let gate = Arc::downgrade(gate);
                move || gate.upgrade().into_iter().for_each(|gate| gate.reconsider())
            });
            self.streams.join(remote, node);
            *self.offers.lock().unwrap_or_else(PoisonError::into_inner) = Some(offers);
            self.update();
            Ok(())
        }

        /// What others call this one.
        pub(crate) fn node(&self) -> &str {
            &self.node
        }

        /// Offers others what there is now, by the rules that it has now.
        pub(crate) fn update(&self) {
            let offers = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(offers) = &*offers else { return };
            if let Err(error) = offers.set(&self.streams.offers()) {
                log::error!("other machines do not hear of all streams: {error}");
            }
            offers.tell_changed();
        }
    }

    /// What the URLs begin with by which others' viewers reach this machine.
    fn bases(args: &ClusterArgs, server: &Server) -> Vec<String> {
        if args.cluster_address.as_deref() == Some("none") {
            return Vec::new();
        }
        let entrances = server.local_addrs().zip(server.urls(""));
        let urls = entrances.filter_map(|(listening, url)| {
            let scheme = url.split_once("://")?.0;
            match &args.cluster_address {
                Some(host) => Some(format!("{scheme}://{host}:{}", listening.port())),
                None if listening.ip().is_loopback() => None,
                None => Some(url.trim_end_matches('/').to_owned()),
            }
        });
        let mut bases: Vec<String> = Vec::new();
        urls.for_each(|url| {
            if !bases.contains(&url) {
                bases.push(url);
            }
        });
        bases
    }

    /// Whether others can be joined as the options say. `true`: they are to be.
    pub(crate) fn check(args: &ClusterArgs) -> Result<bool> {
        prepare(args).map(|prepared| prepared.is_some())
    }

    /// What this machine is called, and how it is connected. `None`: that is not wanted.
    pub(super) fn prepare(args: &ClusterArgs) -> Result<Option<(String, Topology)>> {
        let has_names = !args.cluster_node.is_empty() || !args.cluster_relay.is_empty();
        let tls = match [&args.cluster_tls_ca, &args.cluster_tls_cert, &args.cluster_tls_key] {
            [Some(authority), Some(certificate), Some(key)] => {
                let (authority, certificate, key) = (authority.clone(), certificate.clone(), key.clone());
                Some(Certificates { authority, certificate, key })
            }
            [None, None, None] => None,
            _ => return Err(anyhow!("--cluster-tls-ca, --cluster-tls-cert and --cluster-tls-key take each other")),
        };
        if !args.is_wanted() {
            let advice = "--cluster lan, --cluster-listen HOST:PORT or --cluster-connect HOST:PORT";
            ensure!(tls.is_none() && !has_names, "it is not said where other machines are: {advice}");
            return Ok(None);
        }
        ensure!(
            tls.is_some() || !has_names,
            "--cluster-node and --cluster-relay name certificates: --cluster-tls-ca, --cluster-tls-cert and --cluster-tls-key"
        );
        ensure!(
            tls.is_none() || has_names || args.cluster.is_none() && args.cluster_connect.is_empty(),
            "name the machines that this one connects with, as their certificates do: --cluster-relay NAME for those that \
             others are connected with, --cluster-node NAME for all others"
        );
        let topology = Topology {
            lan: args.cluster.is_some(),
            listen: args.cluster_listen.clone(),
            connect: args.cluster_connect.clone(),
            access: has_names.then(|| Access { nodes: args.cluster_node.clone(), relays: args.cluster_relay.clone() }),
            tls,
            ..Topology::default()
        };
        topology.check().map_err(|error| anyhow!("the cluster cannot be joined: {error}"))?;
        let certified = topology.tls.as_ref().map(|tls| tls.check(&topology)).transpose();
        let certified = certified.map_err(|error| Error::new(error).context("the cluster cannot be joined"))?;
        Ok(Some((node(args, certified)?, topology)))
    }

    /// What strangers may do who reach this machine, or are on the way.
    fn warn_of_reach(topology: &Topology) {
        let is_far = |place: &&String| {
            !place.starts_with("localhost:") && address(place).is_none_or(|address| !address.is_loopback())
        };
        if let Some(tls) = &topology.tls {
            if topology.access.is_none() {
                let authority = tls.authority.display();
                log::warn!(
                    "whoever has a certificate by {authority} may offer streams under any name: --cluster-node NAME"
                );
            }
            return;
        }
        let what = "may watch what all machines show each other, whatever rules say, and show others something else";
        let advice = "--cluster-tls-ca and its like keep them out";
        if topology.lan {
            log::warn!("whoever is in the local network {what}: {advice}");
        }
        for place in topology.listen.iter().filter(is_far) {
            log::warn!("whoever reaches {place} {what}: {advice}");
        }
        for place in topology.connect.iter().filter(is_far) {
            log::warn!("whoever is on the way to {place} {what}: {advice}");
        }
    }

    fn node(args: &ClusterArgs, certified: Option<String>) -> Result<String> {
        let (node, checked) = match (&args.node, certified) {
            (Some(node), Some(certified)) if *node != certified => {
                return Err(anyhow!(
                    "other machines would not let this one be {node:?}: its certificate is that of {certified:?}"
                ));
            }
            (_, Some(node)) => (node.clone(), check_node(&node).map(|()| node)),
            (Some(node), None) => (node.clone(), check_node(node).map(|()| node.clone())),
            (None, None) => ("the machine's name".to_owned(), machine_name()),
        };
        checked.map_err(|error| anyhow!("no machine can be called {node:?} by others: {error}: --node NAME"))
    }
}

#[cfg(not(feature = "cluster"))]
mod without_cluster {
    use std::sync::Arc;

    use anyhow::{Result, ensure};
    use mutoscope_std::guard::Gate;
    use mutoscope_std::media::Policy;
    use mutoscope_std::server::Server;

    use super::ClusterArgs;
    use crate::streams::Streams;

    /// There is none.
    #[derive(Debug)]
    pub(crate) enum Cluster {}

    impl Cluster {
        pub(crate) fn join(
            args: &ClusterArgs,
            _: &Streams,
            _: &Arc<Gate>,
            _: Policy,
            _: &Server,
        ) -> Result<Option<Arc<Self>>> {
            check(args).map(|_| None)
        }

        pub(crate) fn node(&self) -> &str {
            match *self {}
        }

        pub(crate) fn update(&self) {}
    }

    pub(crate) fn check(args: &ClusterArgs) -> Result<bool> {
        ensure!(!args.is_wanted(), "this program shares no streams with others: build it with the feature cluster");
        Ok(false)
    }
}

#[cfg(feature = "cluster")]
pub(crate) use with_cluster::{Cluster, check};
#[cfg(not(feature = "cluster"))]
pub(crate) use without_cluster::{Cluster, check};

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Args;

    fn args(words: &[&str]) -> ClusterArgs {
        Args::try_parse_from([&["mutoscope-server"], words].concat()).unwrap().cluster
    }

    #[test]
    fn addresses_are_not_looked_up_and_names_are() {
        for (place, has_names) in
            [("127.0.0.1:1", false), ("[::1]:1", false), ("edge:1", true), ("10.0.0.1:1,edge:1", true)]
        {
            assert_eq!(args(&["--cluster-connect", place]).has_names(), has_names, "{place}");
        }
        assert!(!args(&["--cluster-listen", "edge:1"]).has_names());
    }

    #[cfg(feature = "cluster")]
    #[test]
    fn what_cannot_be_is_said_before_anybody_is_joined() {
        let complaint = |words: &[&str]| format!("{:#}", check(&args(words)).expect_err("it cannot be"));
        let tls = [
            "--cluster-tls-ca",
            "/none/ca.pem",
            "--cluster-tls-cert",
            "/none/c.pem",
            "--cluster-tls-key",
            "/none/k.pem",
        ];
        let with_tls = |words: &[&str]| complaint(&[words, &tls].concat());
        assert!(matches!(check(&args(&[])), Ok(false)));
        for (said, expected) in [
            (with_tls(&[]), "it is not said where other machines are"),
            (complaint(&["--cluster-node", "a"]), "it is not said where other machines are"),
            (complaint(&["--cluster-listen", "h:1", "--cluster-node", "a"]), "name certificates: --cluster-tls-ca"),
            (with_tls(&["--cluster-connect", "h:1"]), "name the machines that this one connects with"),
            (with_tls(&["--cluster", "lan"]), "name the machines that this one connects with"),
            (complaint(&["--cluster-listen", "h"]), "\"h\" is no place, HOST:PORT: it has no port"),
            (with_tls(&["--cluster-connect", "h:1", "--cluster-relay", "a/b"]), "no node can be called \"a/b\""),
            (with_tls(&["--cluster-listen", "h:1"]), "the cluster cannot be joined: cannot read /none/ca.pem: "),
            (complaint(&["--cluster-listen", "h:1", "--node", "a/b"]), "no machine can be called \"a/b\""),
        ] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
        let some = Args::try_parse_from(["mutoscope-server", "--cluster-listen", "h:1", "--cluster-tls-ca", "x"]);
        assert!(some.unwrap_err().to_string().contains("--cluster-tls-cert <FILE>"));
    }
}
