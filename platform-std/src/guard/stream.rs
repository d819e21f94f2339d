//! The rules of one stream: who may do what with it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::networks::{Networks, contain};

/// The rules of one stream.
#[derive(Clone, Debug, Default)]
pub struct StreamRules {
    /// Who may watch. `None`: each user, and everybody where there are no users.
    pub watch: Option<Who>,
    /// Who may publish. `None`: each user, and the server's own machine where there are no users.
    pub publish: Option<Who>,
    /// Which addresses may do either.
    pub networks: Networks,
    /// Whether it is encrypted.
    pub encryption: Encryption,
    /// Nobody watches it by a token.
    pub refuses_tokens: bool,
}

/// Who may do something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// Everybody, without a password.
    pub everybody: bool,
    /// Everybody who has a password.
    pub any_user: bool,
    /// These users.
    pub users: BTreeSet<String>,
    /// Everybody at these addresses, without a password.
    pub networks: Vec<IpNet>,
}

/// Whether a stream is encrypted on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// It is as the client asks.
    #[default]
    Offered,
    /// It is not, whatever the client asks.
    Off,
    /// Nobody gets it who cannot decrypt it.
    Required,
}

impl Encryption {
    /// What holds where both do.
    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Required, _) | (_, Self::Required) => Self::Required,
            (Self::Off, _) | (_, Self::Off) => Self::Off,
            (Self::Offered, Self::Offered) => Self::Offered,
        }
    }
}

impl Who {
    /// Everybody.
    pub fn everybody() -> Self {
        Self { everybody: true, ..Self::default() }
    }

    /// Everybody who has a password.
    pub fn any_user() -> Self {
        Self { any_user: true, ..Self::default() }
    }

    /// What a configuration says: names of users, networks, `*` for each user, `everybody`.
    ///
    /// # Errors
    /// What is wrong with one of them, in words.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut who = Self::default();
        for word in words {
            match word {
                "everybody" => who.everybody = true,
                "*" => who.any_user = true,
                // No name of a user has a colon or a slash in a place where a network has one.
                _ if word.contains('/') || word.parse::<IpAddr>().is_ok() => {
                    who.networks.push(super::networks::parse_network(word)?);
                }
                "" => return Err("the name of a user is not empty".to_owned()),
                name => _ = who.users.insert(name.to_owned()),
            }
        }
        Ok(who)
    }

    /// Those who may by both.
    pub(super) fn and(&self, other: &Self) -> Self {
        let everybody = self.everybody && other.everybody;
        let lets_users = |who: &Self| who.everybody || who.any_user;
        let users = self.users.iter().filter(|user| other.everybody || other.has_user(user));
        let others = other.users.iter().filter(|user| self.everybody || self.has_user(user));
        let networks = self.networks.iter().filter(|network| other.everybody || other.networks.contains(network));
        let more = other.networks.iter().filter(|_| self.everybody);
        Self {
            everybody,
            any_user: !everybody && lets_users(self) && lets_users(other),
            users: users.chain(others).cloned().collect(),
            networks: networks.chain(more).copied().collect(),
        }
    }

    /// As [`parse`](Self::parse) reads it, without addresses: those of one machine's viewers mean nothing to another one.
    pub fn words_without_networks(&self) -> Vec<&str> {
        let all = [(self.everybody, "everybody"), (self.any_user, "*")];
        let all = all.into_iter().filter_map(|(is_so, word)| is_so.then_some(word));
        all.chain(self.users.iter().map(String::as_str)).collect()
    }

    /// Whether somebody at this address may, without saying who it is.
    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        self.everybody || contain(&self.networks, address)
    }

    pub(super) fn has_user(&self, user: &str) -> bool {
        self.any_user || self.users.contains(user)
    }
}
