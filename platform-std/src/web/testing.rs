//! A door for the fuzz targets: what the web server makes of strangers' bytes, as plain values. It is no part of what the library offers.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Uri;
use hyper::header::{COOKIE, HeaderMap, HeaderValue};
use hyper::http::request::Builder;
use mutoscope::media::FrameSink;
use mutoscope::time::Instant;

use super::answer::claims;
use super::feed::Clocks;
use super::login;
use super::origin::Names;
use super::publish::Taker;
use super::reply::Reply;
use super::route::{self, Moment, Named, NoRoute, Route, Wish};
use crate::clock::MonotonicClock;

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// It is done with something, beside reading it.
    pub changes: bool,
    /// The names of streams and sessions that it has.
    pub names: Vec<String>,
    pub interval: Option<Duration>,
    pub width: Option<u16>,
    pub time: Option<Duration>,
    /// What is meant, in words that tell it from all others.
    pub shown: String,
}

/// What a method, a path and a query ask for; else the status and the methods that there are.
///
/// # Errors
/// They ask for nothing.
pub fn route(method: &str, path: &str, query: Option<&str>) -> Result<Asked, (u16, &'static str)> {
    let route = route::route(method, path, query).map_err(|reason| {
        let methods = if let NoRoute::Method(methods) = reason { methods } else { "" };
        (Reply::from(reason).status().as_u16(), methods)
    })?;
    let mut asked = Asked { shown: format!("{route:?}"), ..Asked::default() };
    let names = |named: Named<'_>| match named {
        Named::Exactly(name) => vec![name.as_str().to_owned()],
        Named::Either(whole, name) => vec![whole.as_str().to_owned(), name.as_str().to_owned()],
        Named::At(_) => Vec::new(),
    };
    match route {
        Route::Video(named, Wish { interval, width }) => {
            (asked.names, asked.interval, asked.width) = (names(named), interval, width);
        }
        Route::Snapshot(named, Moment { time, width }) => {
            (asked.names, asked.time, asked.width) = (names(named), time, width);
        }
        Route::Publish(name) | Route::Add(name) | Route::Remove(name) => {
            (asked.names, asked.changes) = (vec![name.as_str().to_owned()], true);
        }
        Route::End(id) => (asked.names, asked.changes) = (vec![id.to_owned()], true),
        Route::File(name, file) => asked.names = vec![name.as_str().to_owned(), file.to_owned()],
        Route::Login(query) => asked.shown = format!("the form, then {}", login::target(query)),
        Route::LogIn(query) => (asked.shown, asked.changes) = (format!("login, then {}", login::target(query)), true),
        Route::LogOut => asked.changes = true,
        Route::Recordings(name, _) => asked.names = vec![name.as_str().to_owned()],
        _ => {}
    }
    Ok(asked)
}

/// Whether a request with these headers may be answered by a server that has these names beside its own, on a connection that ends at
/// `local`; else the status. `None`: it is no request.
pub fn judge(
    names: &[String],
    method: &str,
    target: &str,
    headers: &[(&str, &[u8])],
    local: SocketAddr,
) -> Option<Result<(), u16>> {
    let uri: Uri = target.parse().ok()?;
    let begin = Builder::new().method(method).uri(uri);
    let request = headers.iter().fold(begin, |request, (name, value)| request.header(*name, *value)).body(()).ok()?;
    let judged = Names::new(names).judge(claims(&request), local);
    Some(judged.map_err(|foreign| Reply::from(foreign).status().as_u16()))
}

/// The name and the password in a form.
pub fn form(body: &[u8]) -> Option<(String, String)> {
    login::fields(body).map(|login::Form { name, password }| (name, password))
}

/// Where a query of the form leads to, and the address of the form that leads there.
pub fn target(query: &str) -> (String, String) {
    let target = login::target(query);
    let form = login::login_for(&target);
    (target, form)
}

/// The cookie among others.
pub fn cookie(values: &[&[u8]], port: u16) -> Option<String> {
    let values = values.iter().filter_map(|value| HeaderValue::from_bytes(value).ok());
    let headers: HeaderMap = values.map(|value| (COOKIE, value)).collect();
    login::cookie(&headers, port).map(str::to_owned)
}

/// What comes of the body of a request that publishes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    pub pictures: Vec<Vec<u8>>,
    /// Some were said to be of the future.
    pub foresees: bool,
}

struct Sink<'p>(&'p mut Published);

impl FrameSink for Sink<'_> {
    type Buffer = Vec<u8>;
    type Home<T> = Box<T>;

    fn home<T>(&self, machine: T) -> Box<T> {
        Box::new(machine)
    }

    fn buffers(&mut self) -> [Vec<u8>; 2] {
        Default::default()
    }

    fn publish(&mut self, now: Instant, jpeg: &[u8], captured: Instant) {
        self.0.pictures.push(jpeg.to_vec());
        self.0.foresees |= captured > now;
    }
}

/// Takes a body in pieces of so many bytes; pictures may have `room` bytes. `None`: that is room for none.
pub fn publish(body: &[u8], piece: usize, room: usize) -> Option<Published> {
    let mut published = Published::default();
    let mut taker = Taker::new(Sink(&mut published), Clocks::new(MonotonicClock::new()), vec![0; room])?;
    body.chunks(piece.max(1)).for_each(|piece| taker.take(piece));
    taker.finish();
    drop(taker);
    Some(published)
}
