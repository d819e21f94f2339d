//! What is read again when the program is asked to.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use mutoscope_std::guard::Gate;

use crate::access;
use crate::announce::Announcement;
use crate::cluster::Cluster;
use crate::config::Configuration;
use crate::harden::Hardening;
use crate::streams::Streams;

/// Reads the configuration file, users and keys again, and opens the security log anew. What cannot be used changes nothing.
pub(crate) struct Reload {
    pub(crate) current: Configuration,
    pub(crate) streams: Streams,
    pub(crate) gate: Arc<Gate>,
    pub(crate) announcement: Announcement,
    pub(crate) cluster: Option<Arc<Cluster>>,
    pub(crate) hardening: Hardening,
    /// Where the server listens, which is decided once.
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Reload {
    /// Streams and rules are those that the files name now, or all stays as it is, and the log says why (`false`).
    pub(crate) fn run(&mut self) -> bool {
        // It may have another name by now, whatever becomes of the rest.
        if let Err(error) = self.gate.reopen_journal() {
            log::error!("the security log cannot be opened anew, the old file goes on: {error}");
        }
        // The file, or one of those that the command line names.
        let access = &self.current.args.access;
        let path = self
            .current
            .path()
            .or(access.users.as_deref())
            .or(access.onvif_users.as_deref())
            .or(access.token_key.as_deref());
        let Some(path) = path.map(|path| path.display().to_string()) else { return true };
        match self.try_run() {
            Ok(report) => log::info!("{path} was read again: {report}"),
            Err(error) => {
                log::error!("{path} was read again and cannot be used, all stays as it is: {error:#}");
                return false;
            }
        }
        true
    }

    fn try_run(&mut self) -> Result<String> {
        let new = self.current.reload()?;
        self.hardening.check(&new)?;
        let rules = access::rules(&new)?;
        // Names are not looked up again: this program may have kept itself from the files that it takes.
        access::check_reach(&new.args.access, &rules, || Ok(self.addresses.clone()))?;
        let streams = self.streams.prepare(&new)?;
        for setting in self.current.differing_settings(&new) {
            log::warn!("{setting} has changed; that takes effect when the server is started again");
        }
        self.gate.replace(rules);
        let report = self.streams.show(streams);
        let names = self.streams.names();
        access::warn_of_idle_rules(&new, &names, self.cluster.as_ref().map(|cluster| cluster.node()));
        self.announcement.update(&self.gate.rules(), &names);
        self.cluster.iter().for_each(|cluster| cluster.update());
        self.current = new;
        Ok(report)
    }
}
