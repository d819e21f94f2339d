//! The targets of what operators write down: users, networks, and who may do what.

use mutoscope::auth::{Algorithm, Users as _};
use mutoscope_std::guard::{Networks, Users, UsersError, Who};
use std::net::{IpAddr, Ipv4Addr};

/// Pieces of such files.
pub const WORDS: &[&str] = &[
    "anna:",
    "mutoscope:",
    "c0c6bde2d5fa55bda3638e31dd109dfd",
    ":",
    "#",
    "\r\n",
    "\n",
    " ",
    "\"",
    "\\",
    "*",
    "everybody",
    "10.0.0.0/8",
    "::1",
    "/0",
];

/// A file of users; its lines as networks, and as those who may do something.
pub fn users(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Users::parse(text) {
        Ok(users) => check(text, &users),
        Err(error @ UsersError::Line(number, _)) => {
            let line = text.lines().nth(number - 1).expect("the line is there").trim();
            assert!(!line.is_empty() && !line.starts_with('#'));
            assert!(line.len() < 24 || !error.to_string().contains(line), "it may be a password");
        }
        Err(error) => panic!("{error}"),
    }
    let words = || text.lines();
    if let Ok(networks) = Networks::parse(words(), []) {
        assert_eq!(networks.are_few(), words().count() > 0);
        let denied = Networks::parse([], words()).expect("they are networks");
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert!(!networks.are_few() || networks.let_in(here) != denied.let_in(here), "{text:?}");
    }
    if let Ok(who) = Who::parse(words()) {
        assert!(who.users.iter().all(|name| !name.is_empty() && words().any(|word| word == name)));
        assert_eq!(who.everybody, words().any(|word| word == "everybody"));
    }
}

/// Each line that is one counts, and nothing else does.
fn check(text: &str, users: &Users) {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut count = 0;
    for line in lines {
        let name = line.split(':').next().unwrap_or_default();
        let hash = line.rsplit(':').next().unwrap_or_default().to_ascii_lowercase();
        let algorithm = if hash.len() == 32 { Algorithm::Md5 } else { Algorithm::Sha256 };
        assert!(users.contains(name) && !name.is_empty());
        assert_eq!(users.secret(name, algorithm), Some(hash.as_str()), "{line}");
        count += 1;
    }
    assert_eq!(users.is_empty(), count == 0);
}

/// Files as they are.
pub fn users_seeds() -> Vec<Vec<u8>> {
    let md5 = "anna:mutoscope:c0c6bde2d5fa55bda3638e31dd109dfd";
    let texts = [
        format!("# who\n\n{md5}\r\nanna:mutoscope:{}\notto:mutoscope:{}\n", "0a".repeat(32), "1B".repeat(16)),
        format!("{md5}\n{md5}\n"),
        "anna:secret\n".to_owned(),
        "10.0.0.0/8\n::1\n127.0.0.1".to_owned(),
        "anna\n*\neverybody\nfd00::/8".to_owned(),
    ];
    texts.into_iter().map(String::into_bytes).collect()
}
