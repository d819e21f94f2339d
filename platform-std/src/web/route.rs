//! What a request asks for: method, path and query to one of the things that there are. Nothing is looked up here.

use std::time::Duration;

use mutoscope::wire::url::Path;

use crate::record;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Route<'a> {
    /// The page, or a part of it.
    Page(Page),
    /// A stream's pictures, one after the other.
    Video(Named<'a>, Wish),
    /// One picture of a stream.
    Snapshot(Named<'a>, Moment),
    /// Pictures for a stream are sent along.
    Publish(Path<'a>),
    /// The streams, for programs: those that are meant, and of these so many.
    Streams(Sought<'a>, Portion),
    /// Who has a session.
    Sessions,
    /// A session is to end.
    End(&'a str),
    /// A stream is to be added, with what is sent along.
    Add(Path<'a>),
    /// One that was added is to be removed.
    Remove(Path<'a>),
    /// The recordings of a stream, for programs.
    Recordings(Path<'a>, Portion),
    /// A file of the recordings of this stream.
    File(Path<'a>, &'a str),
    /// Who asks wants to say who it is, and to go where the query says.
    Login(&'a str),
    /// It says so by a form.
    LogIn(&'a str),
    /// That is to be forgotten.
    LogOut,
    /// The first stream, as ustreamer tells it.
    State,
    /// The server runs.
    Health,
    /// It serves.
    Ready,
    /// What is measured of it.
    Metrics,
    /// A request of ONVIF is sent along.
    #[cfg(feature = "onvif")]
    Onvif,
}

/// The files of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Html,
    Style,
    Theme,
    Script,
    Icon,
}

/// Which stream is meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Named<'a> {
    /// The one of this name.
    Exactly(Path<'a>),
    /// The one that has the first name, or else the second one, which lacks the ending that says what is wanted of it.
    Either(Path<'a>, Path<'a>),
    /// The one at this place among those that the client may watch, counted from 0.
    At(usize),
}

/// Which of the streams that the client may watch are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Portion {
    /// Without so many at the beginning.
    pub(super) from: usize,
    /// No more than so many.
    pub(super) count: usize,
}

/// Which streams are meant, in the escapes of a query. Empty: all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sought<'a> {
    /// Those that have this in their names, in letters of either case.
    pub(super) text: &'a str,
    /// Those of the machine that is called so.
    pub(super) node: &'a str,
}

/// How pictures are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Wish {
    /// No more than one in so long a time.
    pub(super) interval: Option<Duration>,
    /// No narrower than so many pixels, if there are as many.
    pub(super) width: Option<u16>,
}

/// Which picture is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Moment {
    /// Of a recorded stream: the one that is shown then.
    pub(super) time: Option<Duration>,
    pub(super) width: Option<u16>,
}

/// Why a request asks for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRoute {
    /// There is nothing at this path.
    NotFound,
    /// There is, but for these methods alone.
    Method(&'static str),
    /// A value of the query cannot be understood, for this reason.
    Query(&'static str),
}

const READ: &str = "GET, HEAD";
const FORM: &str = "GET, HEAD, POST";
const BAD_RATE: &str = "rate= is a number of pictures per second above 0, up to 1000";
const BAD_WIDTH: &str = "width= is a number of pixels from 1 to 65535";
const BAD_NUMBER: &str = "from and count are numbers";
const BAD_TIME: &str = "t= is a time in seconds, such as 12.5";

/// What `method` asks for at a path and query.
pub(super) fn route<'a>(method: &str, path: &'a str, query: Option<&'a str>) -> Result<Route<'a>, NoRoute> {
    let found = find(path, query.unwrap_or_default())?;
    let is_read = matches!(method, "GET" | "HEAD");
    match (found, method) {
        #[cfg(feature = "onvif")]
        (Found::Service, "POST") => Ok(Route::Onvif),
        #[cfg(feature = "onvif")]
        (Found::Service, _) => Err(NoRoute::Method("POST")),
        (Found::Stream(stream), "POST" | "PUT") => Ok(Route::Publish(stream)),
        (Found::Stream(_), _) => Err(NoRoute::Method("POST, PUT")),
        (Found::Entry(stream), "PUT") => Ok(Route::Add(stream)),
        (Found::Entry(stream), "DELETE") => Ok(Route::Remove(stream)),
        (Found::Entry(_), _) => Err(NoRoute::Method("PUT, DELETE")),
        (Found::Session(id), "DELETE") => Ok(Route::End(id)),
        (Found::Session(_), _) => Err(NoRoute::Method("DELETE")),
        (Found::Login(query), "POST") => Ok(Route::LogIn(query)),
        (Found::Login(query), _) if is_read => Ok(Route::Login(query)),
        (Found::Login(_), _) => Err(NoRoute::Method(FORM)),
        (Found::Logout, "POST") => Ok(Route::LogOut),
        (Found::Logout, _) => Err(NoRoute::Method("POST")),
        (Found::Read(route), _) if is_read => Ok(route),
        (Found::Read(_), _) => Err(NoRoute::Method(READ)),
    }
}

/// `/streams/NAME/recordings/FILE`: the name of the stream, and the file.
fn recorded(path: &str) -> Option<(Path<'_>, &str)> {
    let (rest, file) = path.strip_prefix("/streams/")?.rsplit_once('/')?;
    let stream = rest.strip_suffix(record::FOLDER)?.strip_suffix('/').filter(|stream| !stream.is_empty())?;
    record::is_segment(file).then_some((Path::new(stream), file))
}

enum Found<'a> {
    /// It is read.
    Read(Route<'a>),
    /// A stream, which takes pictures.
    Stream(Path<'a>),
    /// A stream, which may be added and removed.
    Entry(Path<'a>),
    /// A session, which may be ended.
    Session(&'a str),
    /// It takes requests of ONVIF.
    #[cfg(feature = "onvif")]
    Service,
    /// Where people say who they are.
    Login(&'a str),
    /// Where that ends.
    Logout,
}

fn find<'a>(path: &'a str, query: &'a str) -> Result<Found<'a>, NoRoute> {
    let read = |route| Ok(Found::Read(route));
    match path {
        "/" => read(action(query)?.unwrap_or(Route::Page(Page::Html))),
        "/page.css" => read(Route::Page(Page::Style)),
        "/page.js" => read(Route::Page(Page::Script)),
        "/favicon.svg" => read(Route::Page(Page::Icon)),
        "/theme.js" => read(Route::Page(Page::Theme)),
        "/login" => Ok(Found::Login(query)),
        "/logout" => Ok(Found::Logout),
        "/api/streams" => read(Route::Streams(sought(query), portion(query)?)),
        "/api/sessions" => read(Route::Sessions),
        "/healthz" => read(Route::Health),
        "/readyz" => read(Route::Ready),
        "/metrics" => read(Route::Metrics),
        #[cfg(feature = "onvif")]
        path if crate::onvif::PATHS.contains(&path) => Ok(Found::Service),
        // What ustreamer has. A stream of such a name is found below /streams.
        "/stream" => read(Route::Video(Named::At(0), wish(query)?)),
        "/snapshot" => read(Route::Snapshot(Named::At(0), moment(query)?)),
        "/state" => read(Route::State),
        _ => {
            let entry = path.strip_prefix("/api/streams/").filter(|name| !name.is_empty() && !name.starts_with('/'));
            let recorded = entry.and_then(|rest| rest.strip_suffix("/recordings")).filter(|name| !name.is_empty());
            match (recorded, entry, path.strip_prefix("/api/sessions/")) {
                (Some(name), ..) => read(Route::Recordings(Path::new(name), portion(query)?)),
                (_, Some(name), _) => Ok(Found::Entry(Path::new(name))),
                (.., Some(id)) => Ok(Found::Session(id)),
                _ => stream(path, query),
            }
        }
    }
}

fn stream<'a>(path: &'a str, query: &'a str) -> Result<Found<'a>, NoRoute> {
    if let Some((stream, file)) = recorded(path) {
        return Ok(Found::Read(Route::File(stream, file)));
    }
    if let Some(rest) = path.strip_prefix("/streams/") {
        let named = |name: &'a str| if name.is_empty() { Err(NoRoute::NotFound) } else { Ok(Path::new(name)) };
        return Ok(if let Some(name) = rest.strip_suffix("/stream.mjpg") {
            Found::Read(Route::Video(Named::Exactly(named(name)?), wish(query)?))
        } else if let Some(name) = rest.strip_suffix("/snapshot.jpg") {
            Found::Read(Route::Snapshot(Named::Exactly(named(name)?), moment(query)?))
        } else {
            Found::Stream(named(rest)?)
        });
    }
    let either = |ending: &str| {
        let name = path.strip_suffix(ending).filter(|name| name.len() > 1)?;
        Some(Named::Either(Path::new(path), Path::new(name)))
    };
    if let Some(named) = either(".mjpg") {
        Ok(Found::Read(Route::Video(named, wish(query)?)))
    } else if let Some(named) = either(".jpg") {
        Ok(Found::Read(Route::Snapshot(named, moment(query)?)))
    } else {
        Err(NoRoute::NotFound)
    }
}

/// What mjpg-streamer has: `?action=stream`, `?action=snapshot`, with `_N` behind it for a stream that is not the first one.
fn action(query: &str) -> Result<Option<Route<'_>>, NoRoute> {
    let Some(action) = value(query, "action") else { return Ok(None) };
    let (action, at) = match action.rsplit_once('_') {
        Some((action, at)) => (action, at.parse().map_err(|_| NoRoute::NotFound)?),
        None => (action, 0),
    };
    match action {
        "stream" => Ok(Some(Route::Video(Named::At(at), wish(query)?))),
        "snapshot" => Ok(Some(Route::Snapshot(Named::At(at), moment(query)?))),
        _ => Err(NoRoute::NotFound),
    }
}

fn portion(query: &str) -> Result<Portion, NoRoute> {
    let number =
        |name| value(query, name).map(|number| number.parse().map_err(|_| NoRoute::Query(BAD_NUMBER))).transpose();
    Ok(Portion { from: number("from")?.unwrap_or(0), count: number("count")?.unwrap_or(usize::MAX) })
}

fn sought(query: &str) -> Sought<'_> {
    let [text, node] = ["find", "node"].map(|name| value(query, name).unwrap_or_default());
    Sought { text, node }
}

fn wish(query: &str) -> Result<Wish, NoRoute> {
    let interval = value(query, "rate").map(|rate| {
        let rate = rate.parse().ok().filter(|rate: &f64| *rate > 0.0 && *rate <= 1000.0);
        // A picture in an hour is as slow as anybody can mean.
        rate.map(|rate| Duration::from_secs_f64((1.0 / rate).min(3600.0))).ok_or(NoRoute::Query(BAD_RATE))
    });
    Ok(Wish { interval: interval.transpose()?, width: width(query)? })
}

fn moment(query: &str) -> Result<Moment, NoRoute> {
    let time = value(query, "t").map(|time| {
        let seconds = time.parse().ok().filter(|time: &f64| *time >= 0.0);
        seconds.and_then(|time| Duration::try_from_secs_f64(time).ok()).ok_or(NoRoute::Query(BAD_TIME))
    });
    Ok(Moment { time: time.transpose()?, width: width(query)? })
}

fn width(query: &str) -> Result<Option<u16>, NoRoute> {
    let width = value(query, "width").map(|width| width.parse().ok().filter(|width| *width > 0));
    width.map(|width| width.ok_or(NoRoute::Query(BAD_WIDTH))).transpose()
}

/// The first value of this name, as it is written. Most values here are numbers and plain words, which nobody escapes.
fn value<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(target: &str) -> Result<Route<'_>, NoRoute> {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        route("GET", path, query)
    }

    #[test]
    fn streams_and_snapshots_have_the_addresses_that_programs_know() {
        let (path, both) = (Path::new, |whole, name| Named::Either(Path::new(whole), Path::new(name)));
        let video = |named| Ok(Route::Video(named, Wish::default()));
        let snapshot = |named| Ok(Route::Snapshot(named, Moment::default()));
        for (target, expected) in [
            ("/streams/yard/stream.mjpg", video(Named::Exactly(path("yard")))),
            ("/streams/a/b%20c/stream.mjpg", video(Named::Exactly(path("a/b%20c")))),
            ("/streams/stream.mjpg/snapshot.jpg", snapshot(Named::Exactly(path("stream.mjpg")))),
            ("/yard.mjpg", video(both("yard.mjpg", "yard"))),
            ("/a/b.jpg", snapshot(both("a/b.jpg", "a/b"))),
            ("/?action=stream", video(Named::At(0))),
            ("/?action=snapshot_2", snapshot(Named::At(2))),
            ("/?x=1&action=stream_1", video(Named::At(1))),
            ("/stream", video(Named::At(0))),
            ("/snapshot", snapshot(Named::At(0))),
            ("/state", Ok(Route::State)),
            ("/", Ok(Route::Page(Page::Html))),
            ("/?utm=1", Ok(Route::Page(Page::Html))),
            ("/login?to=/", Ok(Route::Login("to=/"))),
            ("/api/streams", Ok(Route::Streams(Sought::default(), Portion { from: 0, count: usize::MAX }))),
            (
                "/api/streams?count=60&from=120&find=a%20b&node=yard",
                Ok(Route::Streams(Sought { text: "a%20b", node: "yard" }, Portion { from: 120, count: 60 })),
            ),
            (
                "/api/streams/a%20b/recordings?count=2",
                Ok(Route::Recordings(path("a%20b"), Portion { from: 0, count: 2 })),
            ),
            ("/streams/a%20b/recordings/20261129T185200Z.mkv", Ok(Route::File(path("a%20b"), "20261129T185200Z.mkv"))),
            ("/api/streams?from=-1", Err(NoRoute::Query(BAD_NUMBER))),
        ] {
            assert_eq!(get(target), expected, "{target}");
        }
        for nothing in [
            "/x",
            "/api/streams//recordings",
            "/api/streams/",
            "/.mjpg",
            "/.jpg",
            "/streams/",
            "/streams//stream.mjpg",
            "/?action=",
            "/?action=stream_x",
        ] {
            assert_eq!(get(nothing), Err(NoRoute::NotFound), "{nothing}");
        }
    }

    #[test]
    fn a_query_says_how_fast_how_large_and_when() {
        let Ok(Route::Video(_, wish)) = get("/a.mjpg?rate=2.5&width=320") else { panic!() };
        assert_eq!(wish, Wish { interval: Some(Duration::from_millis(400)), width: Some(320) });
        let Ok(Route::Snapshot(_, moment)) = get("/a.jpg?width=1&t=12.5") else { panic!() };
        assert_eq!(moment, Moment { time: Some(Duration::from_millis(12_500)), width: Some(1) });
        let Ok(Route::Video(_, slow)) = get("/a.mjpg?rate=1e-300") else { panic!() };
        assert_eq!(slow.interval, Some(Duration::from_secs(3600)));
        for rate in ["0", "-1", "nan", "inf", "1001", "", "x"] {
            assert_eq!(get(&format!("/a.mjpg?rate={rate}")), Err(NoRoute::Query(BAD_RATE)), "{rate}");
        }
        for width in ["0", "-1", "65536", "", "1.5"] {
            assert_eq!(get(&format!("/a.jpg?width={width}")), Err(NoRoute::Query(BAD_WIDTH)), "{width}");
        }
        for time in ["-1", "nan", "inf", "1e300", ""] {
            assert_eq!(get(&format!("/a.jpg?t={time}")), Err(NoRoute::Query(BAD_TIME)), "{time}");
        }
    }

    #[test]
    fn what_is_read_is_not_written_and_the_other_way_round() {
        assert_eq!(route("POST", "/streams/yard", None), Ok(Route::Publish(Path::new("yard"))));
        assert_eq!(route("GET", "/streams/yard", None), Err(NoRoute::Method("POST, PUT")));
        assert_eq!(route("PUT", "/api/streams/a%20b", None), Ok(Route::Add(Path::new("a%20b"))));
        assert_eq!(route("DELETE", "/api/streams/recordings", None), Ok(Route::Remove(Path::new("recordings"))));
        assert_eq!(route("POST", "/api/streams/yard", None), Err(NoRoute::Method("PUT, DELETE")));
        assert_eq!(route("PUT", "/api/streams", None), Err(NoRoute::Method(READ)));
        assert_eq!(route("DELETE", "/api/streams/yard/recordings", None), Err(NoRoute::Method(READ)));
        assert_eq!(route("HEAD", "/", None), Ok(Route::Page(Page::Html)));
        assert_eq!(route("POST", "/", None), Err(NoRoute::Method(READ)));
        assert_eq!(route("POST", "/login", Some("to=/")), Ok(Route::LogIn("to=/")));
        assert_eq!(route("PUT", "/login", None), Err(NoRoute::Method(FORM)));
        assert_eq!(route("POST", "/logout", None), Ok(Route::LogOut));
        assert_eq!(route("GET", "/logout", None), Err(NoRoute::Method("POST")));
        assert_eq!(route("DELETE", "/yard.mjpg", None), Err(NoRoute::Method(READ)));
    }
}
