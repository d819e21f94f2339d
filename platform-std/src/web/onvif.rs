//! ONVIF by HTTP: a request's body in, and who asks, to an answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use tokio::time::timeout;

use super::body::Body;
use super::reply::{self, Reply};
use super::{Listed, Listing};
use crate::onvif::{Call, Fault, MOST_REQUEST, Stream};

/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
const SOAP: HeaderValue = HeaderValue::from_static("application/soap+xml; charset=utf-8");

/// What a request asks for.
pub(super) async fn call(body: Incoming) -> Result<Call, Reply> {
    let Ok(bytes) = timeout(PATIENCE, whole(body)).await else {
        return Err(reply::text(StatusCode::REQUEST_TIMEOUT, "the request has not come to its end in 10 seconds"));
    };
    Call::read(&bytes?).map_err(fault)
}

async fn whole(mut body: Incoming) -> Result<Vec<u8>, Reply> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| reply::text(StatusCode::BAD_REQUEST, "the request broke off"))?;
        let data = frame.into_data().unwrap_or_default();
        if bytes.len() + data.len() > MOST_REQUEST {
            return Err(reply::text(StatusCode::PAYLOAD_TOO_LARGE, "no request of ONVIF has so many bytes"));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// An answer.
pub(super) fn answer(text: String) -> Reply {
    reply::whole(SOAP, text)
}

pub(super) fn fault(fault: Fault) -> Reply {
    let mut reply = answer(fault.text());
    *reply.status_mut() = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::BAD_REQUEST);
    reply
}

/// The same refusal as clients of SOAP read it.
pub(super) fn refusal(mut reply: Reply) -> Reply {
    if matches!(reply.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        *reply.body_mut() = Body::Whole(Bytes::from(Fault::NotAuthorized.text()));
        reply.headers_mut().insert(CONTENT_TYPE, SOAP);
    }
    reply
}

pub(super) fn stream(Listed { name, about, .. }: Listed) -> Stream {
    let Listing { width, height, rate, .. } = about.unwrap_or_default();
    Stream { name, width, height, rate }
}

#[cfg(test)]
mod tests;
