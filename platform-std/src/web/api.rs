//! What programs ask about the streams.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::HeaderValue;
use mutoscope::wire::url::Path;
use serde_json::{Map, Value, json};

use super::reply::{self, Reply};
use super::route::{Portion, Sought};
use super::usage::Watcher;
use super::{Listed, Listing, Site};
use crate::names;
use crate::record::{FOLDER, Progress, Recorded};
use crate::server::{Session, percent_encode};

/// So many recordings are told at once.
pub(super) const MOST_RECORDINGS: usize = 1000;

/// Who asks.
pub(super) struct Caller {
    pub(super) user: Option<String>,
    /// More might be seen by who says who it is.
    pub(super) may_log_in: bool,
    /// It has logged in by the form.
    pub(super) may_log_out: bool,
}

/// Some of those streams that somebody may watch.
pub(super) fn streams<C, D>(
    site: &Site<C, D>,
    mut listing: Vec<Listed>,
    sought: Sought<'_>,
    portion: Portion,
    caller: &Caller,
) -> Reply {
    let nodes: Vec<Value> =
        nodes(&listing).iter().map(|(name, streams)| json!({ "name": name, "streams": streams })).collect();
    let [text, node] = [sought.text, sought.node].map(|escaped| names::decoded(Path::new(escaped)).unwrap_or_default());
    let text = text.to_lowercase();
    listing.retain(|listed| {
        (node.is_empty() || listed.node.as_ref() == Some(&node)) && listed.name.to_lowercase().contains(&text)
    });
    let chosen = listing.iter().skip(portion.from).take(portion.count);
    let streams: Vec<Value> = chosen.map(|listed| stream(site, listed)).collect();
    json(&json!({
        "streams": streams,
        "total": listing.len(),
        "nodes": nodes,
        "rtsp": site.rtsp,
        "user": caller.user,
        "may_log_in": caller.may_log_in,
        "may_log_out": caller.may_log_out,
        // Whoever asks again sees by it that the server is another one, and its streams have begun anew.
        "began": site.began,
    }))
}

/// The machines that have them, in their order, and how many each has. None: there is no cluster.
fn nodes(listing: &[Listed]) -> Vec<(&str, usize)> {
    let mut nodes: Vec<(&str, usize)> = Vec::new();
    for name in listing.iter().filter_map(|listed| listed.node.as_deref()) {
        // Those of one machine stand together.
        match nodes.last_mut() {
            Some((last, count)) if *last == name => *count += 1,
            _ => nodes.push((name, 1)),
        }
    }
    nodes
}

/// One stream alone.
pub(super) fn one<C, D>(site: &Site<C, D>, listed: &Listed) -> Reply {
    json(&stream(site, listed))
}

fn stream<C, D>(site: &Site<C, D>, Listed { name, node, about }: &Listed) -> Value {
    let mut fields = named(site, name, &percent_encode(name));
    if let Some(node) = node {
        fields.insert("node".to_owned(), json!(node));
    }
    let Some(about) = about else { return fields.into() };
    let (viewers, age) = present(site, name, about);
    let known = [
        ("width", json!(Some(about.width).filter(|width| *width > 0))),
        ("height", json!(Some(about.height).filter(|height| *height > 0))),
        ("rate", json!(about.rate.map(|rate| (rate * 100.0).round() / 100.0))),
        ("live", json!(about.is_live)),
        ("length", json!(about.length.map(|length| length.as_secs_f64()))),
        ("viewers", json!(viewers)),
        ("age", json!(age.map(|age| age.as_millis() as f64 / 1000.0))),
        ("loss", json!(about.loss)),
        ("state", json!(about.condition.word())),
        ("absence", json!(about.absence)),
    ];
    fields.extend(known.map(|(name, value)| (name.to_owned(), value)));
    if let Some(progress) = &about.recording {
        fields.insert("recording".to_owned(), recording(progress));
    }
    fields.into()
}

/// What has become of a recording.
fn recording(Progress { frames, bytes, dropped, trouble }: &Progress) -> Value {
    json!({
        "running": trouble.is_none(),
        "frames": frames,
        "bytes": bytes,
        "dropped": dropped,
        "trouble": trouble,
    })
}

/// The name of something that is watched, and where that is, which is at `path` of our servers.
fn named<C, D>(site: &Site<C, D>, name: &str, path: &str) -> Map<String, Value> {
    let rtsp: Vec<String> = site.rtsp.iter().map(|base| format!("{base}/{path}")).collect();
    let fields = [
        ("name", json!(name)),
        ("rtsp", json!(rtsp)),
        ("video", json!(format!("/streams/{path}/stream.mjpg"))),
        ("snapshot", json!(format!("/streams/{path}/snapshot.jpg"))),
    ];
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

/// Some of the recordings of a stream, the newest first, of so many.
pub(super) fn recordings<C, D>(site: &Site<C, D>, stream: &str, chosen: &[Recorded], total: usize) -> Reply {
    let recording = |recorded: &Recorded| {
        let path = format!("{}/{FOLDER}/{}", percent_encode(stream), recorded.name);
        let mut fields = named(site, &recorded.name, &path);
        let known = [
            ("begin", json!(recorded.begin)),
            ("bytes", json!(recorded.bytes)),
            ("length", json!(recorded.length.map(|length| length.as_secs_f64()))),
            ("file", json!(format!("/streams/{path}"))),
        ];
        fields.extend(known.map(|(name, value)| (name.to_owned(), value)));
        Value::from(fields)
    };
    let recordings: Vec<Value> = chosen.iter().map(recording).collect();
    json(&json!({ "stream": stream, "recordings": recordings, "total": total }))
}

/// How many watch a stream, each browser counted, and how old its newest picture is.
pub(super) fn present<C, D>(site: &Site<C, D>, name: &str, about: &Listing) -> (usize, Option<Duration>) {
    let Some((browsers, newest)) = site.feeds.watched(name).filter(|_| about.is_live) else {
        return (about.viewers, about.age);
    };
    let clocks = site.feeds.clocks;
    let shown = newest.map(|newest| Duration::from_micros(clocks.unix_micros(clocks.now()).saturating_sub(newest)));
    (about.viewers.saturating_sub(1) + browsers, about.age.or(shown))
}

/// What the numbers of sessions by HTTP have in front.
pub(super) const HTTP: &str = "http-";

/// Sessions by RTSP and by HTTP.
pub(super) fn sessions(rtsp: &[Session], http: &[(u64, Arc<Watcher>)]) -> Reply {
    let of_rtsp = rtsp.iter().map(|session| {
        json!({
            "id": session.id.to_string(),
            "address": session.peer.to_string(),
            "user": session.about.user,
            "stream": session.about.path,
            "transport": session.transport,
            "publishes": session.is_publisher,
            "playing": session.is_playing,
            "frames": session.frames.0,
            "left_out": session.frames.1,
        })
    });
    let of_http = http.iter().map(|(number, watcher)| {
        json!({
            "id": format!("{HTTP}{number}"),
            "address": watcher.peer.to_string(),
            "user": watcher.user,
            "stream": watcher.stream,
            "transport": "http",
            "publishes": false,
            "playing": true,
        })
    });
    json(&json!({ "sessions": of_rtsp.chain(of_http).collect::<Vec<_>>() }))
}

/// The first stream, in the words of ustreamer.
pub(super) fn state(listing: &[Listed]) -> Reply {
    let about = listing.first().and_then(|first| first.about.as_ref());
    let size = about.map_or((0, 0), |about| (about.width, about.height));
    let is_online = about.is_some_and(|about| about.absence.is_none());
    json(&json!({
        "ok": true,
        "result": {
            "source": {
                "resolution": { "width": size.0, "height": size.1 },
                "online": is_online,
                "captured_fps": about.and_then(|about| about.rate).unwrap_or_default().round() as u32,
            },
            "stream": { "clients": about.map_or(0, |about| about.viewers) },
        },
    }))
}

fn json(value: &Value) -> Reply {
    reply::whole(HeaderValue::from_static("application/json"), Bytes::from(value.to_string()))
}
