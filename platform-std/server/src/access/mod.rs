//! Who may watch and publish: from options and the configuration file to the rules of a [`Gate`](mutoscope_std::guard::Gate).

mod args;
mod refusal;
mod streams;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use mutoscope_std::guard::{
    Elsewhere, Journal, Networks, Passwords, Rules, StreamRules, Users, UsersError, Who, token_key,
};

use crate::config::Configuration;
use crate::state;

pub(crate) use args::AccessArgs;
pub(crate) use refusal::{TooOpen, check_reach};
pub(crate) use streams::{RULE_KEYS, RuleLine, StreamRule};

/// What a configuration says of who may watch and publish.
pub(crate) fn rules(configuration: &Configuration) -> Result<Rules> {
    let args = &configuration.args.access;
    let mut users = args.users.as_deref().map(read_users).transpose()?.unwrap_or_default();
    let passwords = args.onvif_users.as_deref().map(read_passwords).transpose()?.unwrap_or_default();
    if let Err(name) = passwords.join(&mut users) {
        bail!("{name:?} is a user of --users and of --onvif-users: nobody has two passwords");
    }
    for rule in configuration.stream_rules() {
        if let Some((name, line)) = rule.users().find(|(name, _)| !users.contains(name)) {
            let file = configuration.path().unwrap_or(Path::new("")).display();
            match &args.users {
                Some(path) => bail!("{file}, line {line}: there is no user {name:?} in {}", path.display()),
                None => bail!("{file}, line {line}: there is no user {name:?}, as there are none without --users FILE"),
            }
        }
    }
    let admin = admins(&args.admin, &users)?;
    // What the option says is said of all streams.
    let watch = args.open.then(Who::everybody);
    let streams = configuration.stream_rules().map(|rule| {
        let rules = rule.rules.clone();
        (rule.name.clone(), StreamRules { watch: rules.watch.or_else(|| watch.clone()), ..rules })
    });
    Ok(Rules {
        admin,
        token_key: key(args.token_key.as_deref(), asks(configuration))?,
        users,
        passwords,
        networks: Networks::new(args.allow.iter().copied(), args.deny.iter().copied()),
        streams: streams.collect(),
        default: StreamRules { watch, ..StreamRules::default() },
        cut: args.cut,
        basic: args.basic,
        sdes: args.sdes,
        // That is known when other machines are.
        elsewhere: Elsewhere::default(),
    })
}

/// The files that are read again later.
pub(crate) fn files(configuration: &Configuration) -> Vec<PathBuf> {
    let AccessArgs { users, onvif_users, .. } = &configuration.args.access;
    users.iter().chain(onvif_users).cloned().chain(key_file(configuration)).collect()
}

/// The file of the key of tokens, which is made where it is missing.
pub(crate) fn key_file(configuration: &Configuration) -> Option<PathBuf> {
    let chosen = configuration.args.access.token_key.clone();
    chosen.or_else(|| default_token_key().filter(|_| asks(configuration)))
}

/// Whether somebody is asked who it is, so that a token may help.
fn asks(configuration: &Configuration) -> bool {
    let AccessArgs { users, onvif_users, .. } = &configuration.args.access;
    users.is_some() || onvif_users.is_some() || configuration.stream_rules().any(|rule| rule.rules.watch.is_some())
}

/// Where the security log goes.
pub(crate) fn journal(args: &AccessArgs) -> Result<Journal> {
    let Some(path) = &args.security_log else { return Ok(Journal::default()) };
    Journal::to_file(path).with_context(|| format!("the security log cannot be written, {}", path.display()))
}

/// Says of rules that they are for no stream that there is: somebody may have mistyped a name. `names`: those of this machine's streams;
/// `node`: what it is called in a cluster.
pub(crate) fn warn_of_idle_rules(configuration: &Configuration, names: &[String], node: Option<&str>) {
    for rule in configuration.stream_rules() {
        if let Some(why) = idleness(&rule.name, names, node) {
            log::warn!("line {} has rules for {:?}, and {why}", rule.line, rule.name);
        }
    }
}

/// Why rules of a stream that is called so are of no use here, or may be of none.
fn idleness(name: &str, names: &[String], node: Option<&str>) -> Option<&'static str> {
    match (node, name.split_once('/')) {
        _ if names.iter().any(|other| other == name) => None,
        // Of this one it is the name alone that has rules.
        (Some(node), Some((machine, own))) if machine == node => Some(if names.iter().any(|other| other == own) {
            "that is a stream of this machine: its rules are those of the name without the machine's"
        } else {
            "this machine has no such stream"
        }),
        // It may come at any time.
        (Some(_), Some(_)) => None,
        (Some(_), None) => {
            Some("this machine has no such stream: they are for one of another machine that is asked for by that name")
        }
        (None, _) => Some("there is no such stream"),
    }
}

/// Who may end sessions of others.
fn admins(words: &[String], users: &Users) -> Result<Who> {
    let who = Who::parse(words.iter().map(String::as_str)).map_err(|error| anyhow!("--admin: {error}"))?;
    match who.users.iter().find(|name| !users.contains(name)) {
        Some(name) => bail!("--admin: there is no user {name:?}, whom --users FILE would have to name"),
        None => Ok(who),
    }
}

fn read_users(path: &Path) -> Result<Users> {
    some(path, "passwd", Users::read(path), Users::is_empty)
}

fn read_passwords(path: &Path) -> Result<Passwords> {
    some(path, "passwd --onvif", Passwords::read(path), Passwords::is_empty)
}

/// What was read of a file that has a user at least.
fn some<T>(path: &Path, made_by: &str, read: Result<T, UsersError>, is_empty: impl Fn(&T) -> bool) -> Result<T> {
    let advice = || format!("mutoscope-server {made_by} {} NAME", path.display());
    let users = read.map_err(|error| match error {
        UsersError::Io(_, error) if error.kind() == std::io::ErrorKind::NotFound => {
            anyhow!("there are no users in {}, as it is not there; make one: {}", path.display(), advice())
        }
        UsersError::Line(line, what) => anyhow!("{}, line {line}: {what}", path.display()),
        error => anyhow!("users cannot be read from {error}"),
    })?;
    // Everybody might watch otherwise, which is not what somebody wants who names a file of users.
    if is_empty(&users) {
        bail!("{} holds no user; make one: {}", path.display(), advice());
    }
    Ok(users)
}

/// The key of tokens. Where nobody is asked for anything, nobody needs a token.
fn key(chosen: Option<&Path>, is_asked: bool) -> Result<Option<mutoscope::auth::Key>> {
    if let Some(path) = chosen {
        return Ok(Some(token_key(path)?));
    }
    if !is_asked {
        return Ok(None);
    }
    let Some(path) = default_token_key() else { return Ok(None) };
    match token_key(&path) {
        Ok(key) => Ok(Some(key)),
        Err(error) => {
            log::warn!("no tokens are accepted, as there is no key: {error}; --token-key names another file");
            Ok(None)
        }
    }
}

/// The file of the key where nobody names one.
pub(crate) fn default_token_key() -> Option<PathBuf> {
    Some(state::directory()?.join("token.key"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn those_who_run_the_server_are_users_that_there_are_or_addresses() {
        let mut users = Users::default();
        users.set("anna", "secret").unwrap();
        let said = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            admins(&words, &users).map_err(|error| error.to_string())
        };
        assert_eq!(said(&[]), Ok(Who::default()));
        assert!(said(&["anna", "10.0.0.0/8"]).is_ok_and(|who| who.users.contains("anna") && who.networks.len() == 1));
        assert!(said(&["otto"]).is_err_and(|error| error.contains("no user \"otto\"")));
        assert!(said(&["10.0.0.1/8"]).is_err_and(|error| error.starts_with("--admin: ")));
    }

    #[test]
    fn rules_of_other_machines_streams_are_not_taken_for_typing_errors() {
        let names = ["yard".to_owned(), "cam/x".to_owned()];
        let said = |name: &str, node| idleness(name, &names, node).unwrap_or_default();
        assert_eq!((said("yard", None), said("yard", Some("hub"))), ("", ""));
        assert_eq!((said("cam/x", None), said("gate", None)), ("", "there is no such stream"));
        assert_eq!((said("garden/gate", None), said("garden/gate", Some("hub"))), ("there is no such stream", ""));
        assert!(said("hub/yard", Some("hub")).contains("the name without"));
        assert!(said("hub/gate", Some("hub")).contains("no such stream"));
        assert!(said("gate", Some("hub")).contains("of another machine"));
    }

    #[test]
    fn a_file_of_users_that_names_nobody_lets_nobody_in() {
        let folder = Folder::new();
        let missing = folder.path().join("none");
        let said = |path: &Path| read_users(path).unwrap_err().to_string();
        assert!(said(&missing).contains("make one: mutoscope-server passwd"), "{}", said(&missing));
        let empty = folder.file("empty", b"# anna\n");
        assert!(said(&empty).contains("holds no user"), "{}", said(&empty));
        let wrong = folder.file("wrong", b"# anna\nanna:secret\n");
        assert!(said(&wrong).ends_with("wrong, line 2: it is not name:realm:hash"), "{}", said(&wrong));
    }
}
