//! What programs ask about the streams.

use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use super::reply::{self, Reply};
use super::{Directory, Listed, Site};
use crate::server::percent_encode;

/// All streams.
pub(super) fn streams<C: Directory, D>(site: &Site<C, D>) -> Reply {
    let streams: Vec<Value> = site.catalogue.list().iter().map(|listed| stream(site, listed)).collect();
    json(&json!({ "streams": streams }))
}

fn stream<C, D>(site: &Site<C, D>, Listed { name, about }: &Listed) -> Value {
    let path = percent_encode(name);
    let rtsp: Vec<String> = site.rtsp.iter().map(|base| format!("{base}/{path}")).collect();
    let about = about.as_ref();
    json!({
        "name": name,
        "rtsp": rtsp,
        "video": format!("/streams/{path}/stream.mjpg"),
        "snapshot": format!("/streams/{path}/snapshot.jpg"),
        "width": about.map(|about| about.width).filter(|width| *width > 0),
        "height": about.map(|about| about.height).filter(|height| *height > 0),
        "rate": about.map(|about| about.rate),
        "live": about.map(|about| about.length.is_none()),
        "length": about.and_then(|about| about.length).map(|length| length.as_secs_f64()),
        "viewers": about.map(|about| about.viewers),
        "absence": about.and_then(|about| about.absence.as_deref()),
    })
}

/// The first stream, in the words of ustreamer.
pub(super) fn state<C: Directory, D>(site: &Site<C, D>) -> Reply {
    let first = site.catalogue.list().into_iter().next();
    let about = first.as_ref().and_then(|first| first.about.as_ref());
    let size = about.map_or((0, 0), |about| (about.width, about.height));
    let is_online = about.is_some_and(|about| about.absence.is_none());
    json(&json!({
        "ok": true,
        "result": {
            "source": {
                "resolution": { "width": size.0, "height": size.1 },
                "online": is_online,
                "captured_fps": about.map_or(0.0, |about| about.rate).round() as u32,
            },
            "stream": { "clients": about.map_or(0, |about| about.viewers) },
        },
    }))
}

fn json(value: &Value) -> Reply {
    reply::whole(HeaderValue::from_static("application/json"), Bytes::from(value.to_string()))
}
