//! `--cluster`: streams of other machines, and ours for them.

/// The options of clusters.
#[derive(Clone, Debug, clap::Args)]
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

    /// What other machines call this one [default: the machine's name]
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,
}

impl ClusterArgs {
    /// Whether there is one.
    pub(crate) fn is_wanted(&self) -> bool {
        self.cluster.is_some() || !self.cluster_listen.is_empty() || !self.cluster_connect.is_empty()
    }
}

#[cfg(feature = "cluster")]
mod with_cluster {
    use std::sync::Arc;

    use anyhow::{Context, Result, anyhow};
    use mutoscope_std::cluster::exchange::Exchange;
    use mutoscope_std::cluster::{Offers, Remote, Topology, Zenoh, check_node, machine_name};
    use mutoscope_std::guard::{Elsewhere, Gate, Rules};
    use mutoscope_std::media::Policy;

    use super::ClusterArgs;
    use crate::streams::{Local, Streams};

    /// What this program is to others, as long as this is there.
    #[derive(Debug)]
    pub(crate) struct Cluster {
        offers: Offers,
        streams: Streams,
    }

    impl Cluster {
        /// Joins the others, if that is wanted.
        pub(crate) fn join(
            args: &ClusterArgs,
            streams: &Streams,
            gate: &Arc<Gate>,
            policy: Policy,
        ) -> Result<Option<Self>> {
            if !args.is_wanted() {
                return Ok(None);
            }
            let node = node(args)?;
            let topology = Topology {
                lan: args.cluster.is_some(),
                listen: args.cluster_listen.clone(),
                connect: args.cluster_connect.clone(),
                ..Topology::default()
            };
            let exchange: Arc<dyn Exchange> = Arc::new(Zenoh::open(&topology).context("the cluster cannot be joined")?);
            let remote = Remote::new(Arc::clone(&exchange), &node, policy).context("the cluster cannot be joined")?;
            let describe = {
                let (streams, gate) = (streams.clone(), Arc::clone(gate));
                move |name: &str| streams.about(name, &gate.rules())
            };
            let offers = Offers::new(exchange, &node, Local(streams.clone()), describe);
            let offers = offers.context("nothing can be shared")?;
            streams.join(remote, &node);
            gate.replace(Rules { elsewhere: Elsewhere::new(Arc::new(streams.clone())), ..Rules::clone(&gate.rules()) });
            log::info!("other machines call this one {node:?}");
            let cluster = Self { offers, streams: streams.clone() };
            cluster.update();
            Ok(Some(cluster))
        }

        /// Offers others what there is now.
        pub(crate) fn update(&self) {
            if let Err(error) = self.offers.set(&self.streams.offers()) {
                log::error!("other machines do not hear of all streams: {error}");
            }
            self.offers.tell_changed();
        }
    }

    fn node(args: &ClusterArgs) -> Result<String> {
        let (node, checked) = match &args.node {
            Some(node) => (node.clone(), check_node(node).map(|()| node.clone())),
            None => ("the machine's name".to_owned(), machine_name()),
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

    use super::ClusterArgs;
    use crate::streams::Streams;

    /// There is none.
    #[derive(Debug)]
    pub(crate) enum Cluster {}

    impl Cluster {
        pub(crate) fn join(args: &ClusterArgs, _: &Streams, _: &Arc<Gate>, _: Policy) -> Result<Option<Self>> {
            ensure!(!args.is_wanted(), "this program shares no streams with others: build it with the feature cluster");
            Ok(None)
        }

        pub(crate) fn update(&self) {}
    }
}

#[cfg(feature = "cluster")]
pub(crate) use with_cluster::Cluster;
#[cfg(not(feature = "cluster"))]
pub(crate) use without_cluster::Cluster;
