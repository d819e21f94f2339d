//! Answers: a status, headers and a body.

use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode, Version};

use super::body::{Body, Video};
use super::download::{Download, Portion};
use super::feed::Absent;
use super::origin::Foreign;
use super::part::{self, Part, Seconds};
use super::route::NoRoute;

pub(super) type Reply = Response<Body>;

const JPEG: HeaderValue = HeaderValue::from_static("image/jpeg");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// When a picture was taken, in seconds since 1970.
const TIMESTAMP: HeaderName = HeaderName::from_static("x-timestamp");

/// Bytes of a type, which nobody keeps.
pub(super) fn whole(content_type: HeaderValue, bytes: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Body::Whole(bytes.into()));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

/// A sentence for people.
pub(super) fn text(status: StatusCode, sentence: &str) -> Reply {
    let mut reply = whole(TEXT, format!("{sentence}\n"));
    *reply.status_mut() = status;
    reply
}

/// The pictures of a stream, in HTTP/1.0 where they are not `in_chunks`: many programs that show such streams do not know these.
pub(super) fn video(video: Video, in_chunks: bool) -> Reply {
    let mut reply = whole(HeaderValue::from_static(part::CONTENT_TYPE), Bytes::new());
    *reply.body_mut() = Body::Video(Box::new(video));
    if !in_chunks {
        *reply.version_mut() = Version::HTTP_10;
    }
    reply
}

/// One picture. `tag`: what tells it from others; `age`: how old it is where it is not the newest there could be.
pub(super) fn picture(part: &Part, tag: HeaderValue, age: Option<u64>) -> Reply {
    let mut reply = whole(JPEG, part.picture());
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ETAG, tag);
    let seconds = Seconds(part.taken).to_string();
    if let Ok(seconds) = HeaderValue::try_from(seconds) {
        headers.insert(TIMESTAMP, seconds);
    }
    if let Some(absence) = part.absence().and_then(|absence| HeaderValue::try_from(absence).ok()) {
        headers.insert(HeaderName::from_static(part::NO_SIGNAL), absence);
    }
    if let Some(age) = age {
        headers.insert(hyper::header::AGE, age.into());
    }
    reply
}

/// A file, or a part of it. `name`: what a browser calls it.
pub(super) fn file(download: Download, portion: Portion, tag: HeaderValue, name: &str) -> Reply {
    let mut reply = whole(HeaderValue::from_static("video/x-matroska"), Bytes::new());
    let headers = reply.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, portion.len().into());
    headers.insert(ETAG, tag);
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    if let Some(value) = portion.content_range().and_then(|range| HeaderValue::try_from(range).ok()) {
        headers.insert(CONTENT_RANGE, value);
        *reply.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    *reply.body_mut() = Body::File(Box::new(download));
    reply
}

/// The file is so long, and does not reach to where it was asked for.
pub(super) fn beyond_the_end(len: u64) -> Reply {
    let mut reply = text(StatusCode::RANGE_NOT_SATISFIABLE, "the file ends before that");
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{len}")) {
        reply.headers_mut().insert(CONTENT_RANGE, value);
    }
    reply
}

/// The client has that picture.
pub(super) fn not_modified(tag: HeaderValue) -> Reply {
    let mut reply = Response::new(Body::Whole(Bytes::new()));
    *reply.status_mut() = StatusCode::NOT_MODIFIED;
    reply.headers_mut().insert(ETAG, tag);
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    reply
}

/// Who asks has to say who it is.
pub(super) fn challenges(challenges: impl IntoIterator<Item = impl ToString>) -> Reply {
    let mut reply = text(StatusCode::UNAUTHORIZED, "this takes a name and a password");
    for challenge in challenges {
        if let Ok(value) = HeaderValue::try_from(challenge.to_string()) {
            reply.headers_mut().append(WWW_AUTHENTICATE, value);
        }
    }
    reply
}

/// What was asked for is done, and this is to be looked at next.
pub(super) fn see(address: &str) -> Reply {
    let mut reply = text(StatusCode::SEE_OTHER, "there is more at the other address");
    let address = HeaderValue::try_from(address).unwrap_or(HeaderValue::from_static("/"));
    reply.headers_mut().insert(LOCATION, address);
    reply
}

/// There is no room, or nothing to be seen, for so many seconds.
pub(super) fn later(reason: &str, seconds: u64) -> Reply {
    let mut reply = text(StatusCode::SERVICE_UNAVAILABLE, reason);
    reply.headers_mut().insert(RETRY_AFTER, seconds.max(1).into());
    reply
}

impl From<NoRoute> for Reply {
    fn from(reason: NoRoute) -> Self {
        match reason {
            NoRoute::NotFound => not_found(),
            NoRoute::Query(why) => text(StatusCode::BAD_REQUEST, why),
            NoRoute::Method(allowed) => {
                let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "this is not done with such a thing");
                reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
                reply
            }
        }
    }
}

impl From<Foreign> for Reply {
    fn from(foreign: Foreign) -> Self {
        let status = if foreign == Foreign::NoHost { StatusCode::BAD_REQUEST } else { StatusCode::FORBIDDEN };
        text(status, foreign.words())
    }
}

impl From<Absent> for Reply {
    fn from(absent: Absent) -> Self {
        if absent.is_missing { not_found() } else { later(&absent.reason, absent.retry_after.as_secs()) }
    }
}

pub(super) fn not_found() -> Reply {
    text(StatusCode::NOT_FOUND, "there is nothing at this address")
}
