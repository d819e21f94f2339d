//! The program's own rule: a server that other machines reach lets everybody watch only where somebody has said so.

use std::env;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use mutoscope_std::guard::Rules;
use mutoscope_std::input::{Argument, redact};
use mutoscope_std::server::Error;
use nix::net::if_::InterfaceFlags;

use super::AccessArgs;

/// Everybody could watch who reaches the server, and nobody has said that this is meant.
#[derive(Debug)]
pub(crate) struct TooOpen {
    address: SocketAddr,
    /// What starts the server, for people to copy.
    pub(crate) advice: Vec<String>,
}

impl std::error::Error for TooOpen {}

impl fmt::Display for TooOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ip = self.address.ip();
        let whom = if ip.is_unspecified() { "the whole network".to_owned() } else { format!("all who reach {ip}") };
        write!(f, "{whom} could watch without being asked who they are, and nobody has said that they may")
    }
}

/// Whether the server may listen at these addresses by these rules. Where that is so wherever it listens, nobody asks for the
/// addresses, which may have to be looked up.
///
/// # Errors
/// [`TooOpen`], or the addresses are not known.
pub(crate) fn check_reach(
    args: &AccessArgs,
    rules: &Rules,
    addresses: impl FnOnce() -> Result<Vec<SocketAddr>, Error>,
) -> Result<()> {
    if args.open || !rules.are_open() {
        return Ok(());
    }
    match addresses()?.into_iter().find(|address| !address.ip().to_canonical().is_loopback()) {
        Some(address) => {
            let words = env::args_os().map(|word| shown(&word.to_string_lossy())).collect::<Vec<_>>();
            Err(TooOpen { address, advice: advice(&words, &own_network()) }.into())
        }
        None => Ok(()),
    }
}

/// Three commands that start the server after all, each below a line that says what for.
fn advice(words: &[String], network: &str) -> Vec<String> {
    let (program, rest) = words.split_first().map_or(("mutoscope-server", &[][..]), |(first, rest)| (first, rest));
    let with = |options: &str| {
        let words = [program, options].into_iter().chain(rest.iter().map(String::as_str));
        words.collect::<Vec<_>>().join(" ")
    };
    let users = "mutoscope.users";
    let mut lines = vec![
        "for those who have a password; the first command asks for one:".to_owned(),
        format!("  {program} passwd {users} viewer && {}", with(&format!("--users {users}"))),
        "for this machine and its network:".to_owned(),
        format!("  {}", with(&format!("--allow 127.0.0.1,{network}"))),
        "for everybody:".to_owned(),
        format!("  {}", with("--open")),
    ];
    if rest.iter().any(|word| word.contains(mutoscope_std::input::MASK) || word.contains('…')) {
        lines.push("What is secret in an argument is not repeated here.".to_owned());
    }
    lines
}

/// A word of the command line as it may be shown and copied into a shell.
fn shown(word: &str) -> String {
    let word = match Argument::parse(word.as_ref()) {
        Ok(Argument::Spec(spec)) => format!("{}={}", spec.name(), spec.masked()),
        Ok(Argument::Path(_)) => word.to_owned(),
        Err(_) => redact(word),
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// The network of the machine's first address that is not its own alone.
fn own_network() -> String {
    let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let up = interfaces
        .filter(|it| it.flags.contains(InterfaceFlags::IFF_UP) && !it.flags.contains(InterfaceFlags::IFF_LOOPBACK));
    let mut networks = up.filter_map(|it| {
        let (address, mask) = (it.address?.as_sockaddr_in()?.ip(), it.netmask?.as_sockaddr_in()?.ip());
        Some(network(address, mask))
    });
    networks.next().unwrap_or_else(|| "192.168.0.0/16".to_owned())
}

fn network(address: Ipv4Addr, mask: Ipv4Addr) -> String {
    format!("{}/{}", Ipv4Addr::from_bits(address.to_bits() & mask.to_bits()), mask.to_bits().leading_ones())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mutoscope_std::guard::{Networks, Users};

    const ANNA: &str = "anna:mutoscope:c0c6bde2d5fa55bda3638e31dd109dfd";

    #[test]
    fn beyond_this_machine_somebody_has_to_say_who_may_watch() {
        let refused = |args: &AccessArgs, rules: &Rules, addresses: &[&str]| {
            let addresses: Vec<SocketAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
            check_reach(args, rules, || Ok(addresses)).is_err()
        };
        let (closed, open) = (AccessArgs::default(), AccessArgs { open: true, ..AccessArgs::default() });
        let few = Networks::parse(["10.0.0.0/8"], []).unwrap();
        let but_few = Networks::parse([], ["10.0.0.0/8"]).unwrap();
        let (none, users) = (Rules::default(), Rules { users: Users::parse(ANNA).unwrap(), ..Rules::default() });
        let (allowed, denied) =
            (Rules { networks: few, ..Rules::default() }, Rules { networks: but_few, ..Rules::default() });
        for address in ["0.0.0.0:8554", "[::]:8554", "192.0.2.7:1", "[fe80::1]:1", "[::ffff:192.0.2.7]:1"] {
            assert!(refused(&closed, &none, &["127.0.0.1:8554", address]), "{address}");
            assert!(refused(&closed, &denied, &[address]), "{address}: the denied are not all");
            assert!(!refused(&open, &none, &[address]) && !refused(&closed, &users, &[address]), "{address}");
            assert!(!refused(&closed, &allowed, &[address]), "{address}");
        }
        assert!(!refused(&closed, &none, &["127.0.0.1:8554", "[::1]:8554", "127.8.9.1:1", "[::ffff:127.0.0.1]:1"]));
    }

    #[test]
    fn the_advice_is_three_commands_with_the_arguments_that_were_given() {
        let words = ["/opt/x y/mutoscope-server", "--host", "0.0.0.0", "it's.mjpeg", "--loop"].map(shown);
        let lines = advice(&words, "192.0.2.0/24");
        let rest = r"--host 0.0.0.0 'it'\''s.mjpeg' --loop";
        let program = "'/opt/x y/mutoscope-server'";
        let commands: Vec<_> = lines.iter().filter(|line| line.starts_with("  ")).collect();
        assert_eq!(
            commands,
            [
                &format!("  {program} passwd mutoscope.users viewer && {program} --users mutoscope.users {rest}"),
                &format!("  {program} --allow 127.0.0.1,192.0.2.0/24 {rest}"),
                &format!("  {program} --open {rest}"),
            ]
        );
    }

    #[test]
    fn the_advice_repeats_no_secret() {
        let words =
            ["m", "cam=rtsp://anna:secret@192.0.2.1/x", "b=http://u:${HOME}@h/", "c=https://a:secret@b"].map(shown);
        let lines = advice(&words, "192.0.2.0/24").join("\n");
        assert!(!lines.contains("secret@") && lines.contains("b=http://u:${HOME}@h/"), "{lines}");
        assert!(lines.contains("'cam=rtsp://anna:***@192.0.2.1/x'") && lines.contains("not repeated"), "{lines}");
    }

    #[test]
    fn a_network_is_that_of_an_address_and_its_mask() {
        let parsed = |text: &str| text.parse::<Ipv4Addr>().unwrap();
        assert_eq!(network(parsed("192.168.7.9"), parsed("255.255.254.0")), "192.168.6.0/23");
        assert!(Networks::parse([own_network().as_str()], []).is_ok());
    }
}
