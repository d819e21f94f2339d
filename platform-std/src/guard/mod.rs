//! Who may watch and publish: users with passwords, networks, tokens, and what becomes of those who guess.
//!
//! A [`Gate`] decides about the requests of a [`Server`](crate::server::Server) by [`Rules`], which may be replaced while it
//! serves:
//!
//! ```
//! use mutoscope_std::guard::{Gate, Networks, Rules, Users};
//!
//! let users = Users::parse("anna:mutoscope:c0c6bde2d5fa55bda3638e31dd109dfd")?;
//! let rules = Rules { users, networks: Networks::new(["10.0.0.0/8".parse()?], []), ..Rules::default() };
//! let gate = Gate::new(rules)?;
//! gate.replace(Rules::default()); // everybody may do everything
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | file | content |
//! |---|---|
//! | `gate` | the decision about a request, and what is remembered of a connection |
//! | `rules` | what is decided by: for the server, and for each stream |
//! | `stream` | the rules of one stream, and who may do what |
//! | `users` | users and the hashes of their passwords, in a file |
//! | `passwords` | passwords as they are, in a file, for ONVIF |
//! | `username_token` | a proof of who asks, in SOAP |
//! | `elsewhere` | rules of streams that other machines have |
//! | `networks` | networks that are let in or kept out |
//! | `guesses` | who has guessed passwords, and how long that one has to wait |
//! | `logins` | who has logged in by a form, and shows a cookie since then |
//! | `token_key` | the key of tokens, in a file |
//! | `journal` | what is told to the log, and to a file of JSON lines |
//! | `arrivals` | which of those who are let in are told, where they ask again and again |
//! | `refusals` | which of many refusals are told, and how many each stands for |

mod arrivals;
mod elsewhere;
mod gate;
mod guesses;
mod journal;
mod logins;
mod networks;
mod passwords;
mod reasons;
mod refusals;
mod rules;
mod stream;
mod token_key;
mod username_token;
mod users;

pub use elsewhere::{Elsewhere, ForOthers, Home, Homes, KeyMark};
pub use gate::{Gate, GateVisit, LogIn};
pub use journal::Journal;
#[cfg(feature = "http")]
pub(crate) use logins::LONGEST as LONGEST_LOGIN;
pub use networks::{Networks, parse_network};
pub use passwords::Passwords;
pub(crate) use reasons::KEPT_OUT;
pub use rules::{Rules, StreamTable};
pub use stream::{Encryption, StreamRules, Who};
pub use token_key::{TokenKeyError, token_key};
pub use username_token::UsernameToken;
pub use users::{REALM, Users, UsersError};

use std::net::IpAddr;

/// The network that an address stands for where things are counted: an IPv6 host has a whole /64 of them.
pub(crate) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}
