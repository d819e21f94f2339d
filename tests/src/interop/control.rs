//! Sends single RTSP requests and reads the answers, without a client in between that could make mistakes too.

use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer to a request.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The whole text, head and body.
    pub text: String,
}

/// Sends DESCRIBE for `path` and returns the answer.
pub fn describe(server: SocketAddr, path: &str) -> Result<Answer> {
    ask(server, &format!("DESCRIBE rtsp://{server}/{path} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"))
}

/// Sends `request` on a connection of its own and reads one answer with its body.
pub fn ask(server: SocketAddr, request: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(request.as_bytes())?;
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    while !complete(&bytes) {
        let n = stream.read(&mut chunk).context("no whole answer within 5 s")?;
        if n == 0 {
            break;
        }
        bytes.extend(&chunk[..n]);
    }
    let text = String::from_utf8(bytes).context("an answer that is not UTF-8")?;
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    Ok(Answer { status: status.with_context(|| format!("no status in {text:?}"))?, text })
}

fn complete(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let announced = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok());
    body.len() >= announced.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_its_body() {
        for (text, whole) in [
            ("RTSP/1.0 200 OK\r\nCSeq: 1\r\n", false),
            ("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", true),
            ("RTSP/1.0 415 No\r\ncontent-length: 3\r\n\r\nab", false),
            ("RTSP/1.0 415 No\r\ncontent-length: 3\r\n\r\nabc", true),
        ] {
            assert_eq!(complete(text.as_bytes()), whole, "{text}");
        }
    }
}
