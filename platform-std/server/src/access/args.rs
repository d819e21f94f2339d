//! The options that say who may watch and publish.

use std::path::PathBuf;

use clap::ArgAction;
use ipnet::IpNet;
use mutoscope_std::guard::parse_network;

/// Who may watch and publish.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Who may watch and publish")]
pub(crate) struct AccessArgs {
    /// Ask for a user and a password of this file, which `mutoscope-server passwd FILE NAME` makes
    #[arg(long, env = "MUTOSCOPE_USERS", value_name = "FILE")]
    pub users: Option<PathBuf>,

    /// And of this one, which `mutoscope-server passwd --onvif FILE NAME` makes: with their passwords as they are, for video recorders
    /// that log in by WS-UsernameToken (--onvif)
    #[arg(long, value_name = "FILE")]
    pub onvif_users: Option<PathBuf>,

    /// Take connections from these networks alone (10.0.0.0/8, ::1), several with commas or by several options
    #[arg(long, value_name = "NET", value_delimiter = ',', value_parser = parse_network)]
    pub allow: Vec<IpNet>,

    /// Take no connections from these networks, whatever --allow says
    #[arg(long, value_name = "NET", value_delimiter = ',', value_parser = parse_network)]
    pub deny: Vec<IpNet>,

    /// Let everybody watch who reaches the server, where the rules of a stream do not say otherwise
    #[arg(long)]
    pub open: bool,

    /// Let these users and addresses see who watches, end sessions, and add streams of other machines (/api/sessions, /api/streams), several with commas or by several options
    #[arg(long, value_name = "WHO", value_delimiter = ',')]
    pub admin: Vec<String>,

    /// The key of tokens, which is made where it is missing; servers that share it take each other's [default:
    /// mutoscope/token.key below ~/.local/state, or token.key in the directory that systemd gives]
    #[arg(long, env = "MUTOSCOPE_TOKEN_KEY", value_name = "FILE")]
    pub token_key: Option<PathBuf>,

    /// End what a token allowed when the token ends, and what older rules allowed when new ones do not; otherwise those who watch by then
    /// may go on
    #[arg(long)]
    pub cut: bool,

    /// Take passwords as they are (Basic), too, on encrypted connections alone
    #[arg(long)]
    pub basic: bool,

    /// Streams that have to be encrypted go to clients without TLS, too, with the key in the description (SDES, for FFmpeg): who
    /// listens on the way then reads that key
    #[arg(long)]
    pub sdes: bool,

    /// Append a line of JSON to this file for each who logs in or is refused; many refusals are counted. SIGHUP opens it anew
    #[arg(long, value_name = "FILE", action = ArgAction::Set)]
    pub security_log: Option<PathBuf>,
}
