//! `mutoscope-server token`: makes a URL with which somebody may watch a stream for a while.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Parser;
use mutoscope::auth::Token;
use mutoscope_std::guard::token_key;
use mutoscope_std::server::percent_encode;

use crate::access::default_token_key;

/// Ten years.
const LONGEST: Duration = Duration::from_secs(3650 * 24 * 3600);

/// Prints a URL with which anybody may watch a stream for a while, without a password.
///
/// Servers take it that have the same key: that of this user on this machine, or that of the file which --key here and --token-key
/// there name. It lets nobody publish, and nobody in from an address that is kept out.
#[derive(Debug, Parser)]
#[command(name = "mutoscope-server token", bin_name = "mutoscope-server token", max_term_width = 100)]
pub(crate) struct TokenArgs {
    /// The stream's name, as the server has it
    stream: String,

    /// How long it lasts: 90s, 10m, 8h, 30d
    #[arg(long = "for", value_name = "TIME", value_parser = parse_time)]
    lasts: Duration,

    /// The key of tokens, which is made where it is missing [default: that of the server of this user]
    #[arg(long, env = "MUTOSCOPE_TOKEN_KEY", value_name = "FILE")]
    key: Option<PathBuf>,

    /// Where people find the server
    #[arg(long, value_name = "URL", default_value = "rtsp://127.0.0.1:8554", value_parser = parse_server)]
    url: String,
}

/// The URL.
pub(crate) fn run(args: &TokenArgs) -> Result<String> {
    let path = args.key.clone().or_else(default_token_key);
    let path = path.context("there is no home directory for a key: name a file with --key")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock of the system is wrong")?;
    let ends = u32::try_from((now + args.lasts).as_secs()).context("a token cannot last that long")?;
    let name = args.stream.trim_matches('/');
    let token = Token::new(&token_key(&path)?, name, ends);
    Ok(format!("{}/{}?token={token}", args.url, percent_encode(name)))
}

fn parse_time(text: &str) -> Result<Duration, &'static str> {
    let wrong = "expected a time of ten years at most, such as 90s, 10m, 8h or 30d";
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(wrong)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(wrong),
    };
    let seconds = number.parse::<u32>().ok().and_then(|number| u64::from(number).checked_mul(seconds));
    seconds.map(Duration::from_secs).filter(|time| !time.is_zero() && *time <= LONGEST).ok_or(wrong)
}

fn parse_server(text: &str) -> Result<String, &'static str> {
    let text = text.trim_end_matches('/');
    let host = text.strip_prefix("rtsp://").or_else(|| text.strip_prefix("rtsps://")).unwrap_or_default();
    let is_host =
        !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control() || "/?#@".contains(c));
    if is_host { Ok(text.to_owned()) } else { Err("expected rtsp://HOST:PORT or rtsps://HOST:PORT alone") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn a_url_opens_the_stream_until_its_time() {
        let key = Folder::new();
        let key = key.path().join("key");
        let words = ["", "caf\u{e9} 1", "--for", "10m", "--url", "rtsps://[::1]:8322/", "--key", key.to_str().unwrap()];
        let url = run(&TokenArgs::try_parse_from(words).unwrap()).unwrap();
        assert!(url.starts_with("rtsps://[::1]:8322/caf%C3%A9%201?token="), "{url}");
        let token = Token::find(&url).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!((now + 590..=now + 600).contains(&token.ends().into()));
        assert!(token == Token::new(&token_key(&key).unwrap(), "caf\u{e9} 1", token.ends()));
    }

    #[test]
    fn times_and_servers_are_what_people_write() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("8h", 28_800), ("30d", 2_592_000)] {
            assert_eq!(parse_time(text), Ok(Duration::from_secs(seconds)));
        }
        for text in ["", "s", "10", "0m", "-1m", "1.5h", "4000d", "4294967295d", "99999999999s", "10é"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
        for text in ["", "rtsp://", "http://h", "rtsp://h/cam", "rtsp://u:p@h", "rtsp://h?x", "rtsp://a b"] {
            assert!(parse_server(text).is_err(), "{text}");
        }
    }
}
