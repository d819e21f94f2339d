//! Streams that are added and removed while the server runs.

use std::time::Duration;

use hyper::StatusCode;
use hyper::body::{Body, Bytes};
use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::publish;
use super::reply::{self, Reply};

/// The longest description of a stream, in bytes, and how long it may take to come.
const MOST: usize = 8 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

const EXPECTED: &str = "expected JSON such as {\"input\": \"http://camera/stream#poll=0.5\"}";

/// Why a stream is not added or removed, as a sentence for those who administer the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotChanged {
    /// What is asked for cannot be understood.
    Unfit(String),
    /// Nobody may do that here.
    Forbidden(String),
    /// What there is does not go with it.
    Conflict(String),
    /// There is no such stream.
    Missing,
    /// It fails for now.
    Failed(String),
}

impl From<NotChanged> for Reply {
    fn from(why: NotChanged) -> Self {
        match why {
            NotChanged::Unfit(why) => reply::text(StatusCode::BAD_REQUEST, &why),
            NotChanged::Forbidden(why) => reply::text(StatusCode::FORBIDDEN, &why),
            NotChanged::Conflict(why) => reply::text(StatusCode::CONFLICT, &why),
            NotChanged::Missing => reply::not_found(),
            NotChanged::Failed(why) => reply::later(&why, 10),
        }
    }
}

/// Does what may take a while.
pub(super) async fn changed<R: Send + 'static>(
    change: impl FnOnce() -> Result<R, NotChanged> + Send + 'static,
) -> Result<R, Reply> {
    let done = spawn_blocking(change).await;
    done.unwrap_or_else(|_| Err(NotChanged::Failed("that failed, by a mistake in the program".to_owned())))
        .map_err(Reply::from)
}

/// The input that a body describes.
pub(super) async fn input<B: Body<Data = Bytes> + Unpin>(mut body: B) -> Result<String, Reply> {
    let mut text = Vec::new();
    let read = async {
        while let Some(bytes) = publish::next(&mut body).await? {
            if text.len() + bytes.len() > MOST {
                return Err(reply::text(StatusCode::PAYLOAD_TOO_LARGE, EXPECTED));
            }
            text.extend_from_slice(&bytes);
        }
        Ok(())
    };
    match timeout(PATIENCE, read).await {
        Ok(read) => read?,
        Err(_) => return Err(reply::text(StatusCode::REQUEST_TIMEOUT, "the request does not come to its end")),
    }
    parse(&text).ok_or_else(|| reply::text(StatusCode::BAD_REQUEST, EXPECTED))
}

/// `{"input": "…"}`, without anything else, which would have been meant to do something.
fn parse(text: &[u8]) -> Option<String> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(text) else { return None };
    match fields.iter().collect::<Vec<_>>()[..] {
        [(key, Value::String(input))] if key == "input" => Some(input.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_has_an_input_and_nothing_else() {
        assert_eq!(parse(br#"{"input": "push:"}"#).as_deref(), Some("push:"));
        assert_eq!(parse(b"{\"input\": \"caf\\u00e9\\u0000\"}").as_deref(), Some("caf\u{e9}\0"));
        let deep = ["[".repeat(4000), "]".repeat(4000)].concat();
        for text in [
            "",
            "push:",
            "\"push:\"",
            "{}",
            "[]",
            "null",
            r#"{"input": 7}"#,
            r#"{"input": ["push:"]}"#,
            r#"{"Input": "push:"}"#,
            r#"{"input": "push:", "record": "/srv"}"#,
            r#"{"input": "push:"} x"#,
            r#"{"input": "\ud800"}"#,
            &deep,
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"{\"input\": \"\xff\"}"), None);
    }
}
