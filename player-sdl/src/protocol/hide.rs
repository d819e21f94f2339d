//! What nobody is shown: passwords, tokens, cookies and keys.

use mutoscope_std::secrets::{self, Cover};

/// What stands in the place of a secret. Its length says nothing.
pub(super) const HIDDEN: &str = "(hidden)";

/// Headers that are hidden, too: they prove who the server is.
const PROOFS: [&str; 2] = ["authentication-info", "proxy-authentication-info"];
/// Ways to prove who one is, of which the name may be known.
const SCHEMES: [&str; 3] = ["Basic", "Digest", "Bearer"];

/// Returns a line of a message's head or body as it may be shown.
pub(super) fn line(line: &str) -> String {
    // Of a description: the key of what it describes (RFC 4566 section 5.12).
    if line.starts_with("k=") {
        return format!("k={HIDDEN}");
    }
    // It goes on with the line before (RFC 2326, section 4.1), which may be a secret.
    if line.starts_with([' ', '\t']) {
        return format!(" {HIDDEN}");
    }
    if let Some((name, value)) = line.split_once(':')
        && is_secret(&name.trim().to_ascii_lowercase())
    {
        let first = value.split_whitespace().next().unwrap_or("");
        let scheme = SCHEMES.into_iter().find(|scheme| scheme.eq_ignore_ascii_case(first));
        return match scheme {
            Some(scheme) => format!("{name}: {scheme} {HIDDEN}"),
            None => format!("{name}: {HIDDEN}"),
        };
    }
    without_users(&without_values(line))
}

/// Whether a header of this name, in small letters, is hidden.
fn is_secret(name: &str) -> bool {
    PROOFS.contains(&name) || secrets::is_header(name)
}

/// Without what the capture covers: tokens and passwords of URLs, keys of descriptions.
fn without_values(line: &str) -> String {
    let covered = Cover::default().cover_values(line.as_bytes()).into_owned();
    let covered = String::from_utf8_lossy(&covered);
    if covered == line {
        return line.to_owned();
    }
    // From the first character that is covered to the last.
    let same = |(a, b): &(char, char)| a == b;
    let before = line.chars().zip(covered.chars()).take_while(same).map(|(c, _)| c).collect::<String>();
    let after: String = line.chars().rev().zip(covered.chars().rev()).take_while(same).map(|(c, _)| c).collect();
    format!("{before}{HIDDEN}{}", after.chars().rev().collect::<String>())
}

/// Without user and password of URLs.
fn without_users(line: &str) -> String {
    let mut shown = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let ends = |c: char| c.is_whitespace() || "/?#\"<>".contains(c);
        let (server, path) = after.split_at(after.find(ends).unwrap_or(after.len()));
        match server.rfind('@') {
            Some(user) => shown.push_str(&format!("{HIDDEN}{}", &server[user..])),
            None => shown.push_str(server),
        }
        rest = path;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_nothing_else_is() {
        for same in [
            "DESCRIBE rtsp://h:8554/a?x=1 RTSP/1.0",
            "WWW-Authenticate: Digest realm=\"a\", nonce=\"b\"",
            "Session: 123;timeout=60",
            "Public: OPTIONS, *",
            "",
            "v=0",
        ] {
            assert_eq!(line(same), same);
        }
        for (said, shown) in [
            ("Authorization: Digest username=\"anna\", response=\"ab\"", "Authorization: Digest (hidden)"),
            ("authorization : basic YW5uYQ==", "authorization : Basic (hidden)"),
            ("Authorization: S3cret", "Authorization: (hidden)"),
            ("Set-Cookie: id=7", "Set-Cookie: (hidden)"),
            ("X-Auth-Token: ab", "X-Auth-Token: (hidden)"),
            ("X-API-Key: ab", "X-API-Key: (hidden)"),
            (" response=\"ab\"", " (hidden)"),
            ("PLAY rtsp://h/a?jwt=e.y&pw=b RTSP/1.0", "PLAY rtsp://h/a?jwt=(hidden) RTSP/1.0"),
            ("KeyMgmt: prot=mikey; uri=\"x\"; data=\"AQAF\"", "KeyMgmt: (hidden)"),
            ("a=key-mgmt:mikey AQAFgAAA", "a=key-mgmt:(hidden)"),
            (
                "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc|2^20",
                "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:(hidden)",
            ),
            ("k=clear:S3cret", "k=(hidden)"),
            ("PLAY rtsp://h/a?token=69äb&y=2 RTSP/1.0", "PLAY rtsp://h/a?token=(hidden)&y=2 RTSP/1.0"),
            ("PLAY rtsp://h/user=a&password=b&c=1 RTSP/1.0", "PLAY rtsp://h/user=a&password=(hidden)&c=1 RTSP/1.0"),
            ("Location: rtsp://anna:p@ss@h:8554/a", "Location: rtsp://(hidden)@h:8554/a"),
            (
                "RTP-Info: url=rtsp://u@h/a;seq=1,url=rtsp://v:w@h/b",
                "RTP-Info: url=rtsp://(hidden)@h/a;seq=1,url=rtsp://(hidden)@h/b",
            ),
        ] {
            assert_eq!(line(said), shown);
        }
    }
}
