//! From a request to its answer.

use std::borrow::Cow;
use std::future::poll_fn;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, AUTHORIZATION, HOST, HeaderName, HeaderValue, IF_NONE_MATCH, IF_RANGE, ORIGIN, RANGE, USER_AGENT,
};
use hyper::{Method, Request, StatusCode, Version};
use mutoscope::io::server::{Verdict, Visit};
use mutoscope::media::Extent;
use mutoscope::media::catalogue::Medium;
use mutoscope::session::server::Asking;
use mutoscope::time::Instant;
use mutoscope::wire::rtsp;
use mutoscope::wire::url::Path;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::api::Caller;
use super::body::{Body, Form, Video};
use super::download::{self, Download};
use super::feed::Course;
use super::origin::{Claims, Foreign};
use super::part::{self, Part};
use super::reply::{self, Reply};
use super::route::{Moment, Named, Page, Portion, Route, Wish, route};
use super::usage::{Watcher, Watching};
use super::{Connection, Directory, Listed, Site, api, change, login, metrics, page, publish, smaller};
use crate::guard::LogIn;
use crate::server::{Door, Monitor, Session, percent_encode};
use crate::{names, record};

/// So long somebody waits for the first picture of a video …
const PATIENCE: Duration = Duration::from_secs(8);
/// … and of a snapshot, which is asked for again and again.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(2);
/// … and for another machine's answer after that.
const ELSEWHERE_PATIENCE: Duration = Duration::from_secs(4);
/// How long the loops of a server may take to tell what they do …
const COUNT_PATIENCE: Duration = Duration::from_secs(1);
/// … and how long ago they may have told last if they are well.
const LIFE_PATIENCE: Duration = Duration::from_secs(5);
const ENCRYPTED: &str = "this stream is encrypted: ask for it by https";

/// The answer to a request.
pub(super) async fn answer<C, D>(site: &Arc<Site<C, D>>, connection: Connection, request: Request<Incoming>) -> Reply
where
    C: Directory,
    D: Door + Send + Sync + 'static,
    D::Visit: Send,
{
    let is_head = request.method() == Method::HEAD;
    let (request, body) = request.into_parts();
    let mut reply =
        judged(site, connection, &Request::from_parts(request, ()), body).await.unwrap_or_else(|reply| reply);
    if is_head {
        *reply.body_mut() = Body::Whole(hyper::body::Bytes::new());
    }
    reply
}

/// The outer error is an answer, too.
async fn judged<C, D>(
    site: &Arc<Site<C, D>>,
    connection: Connection,
    request: &Request<()>,
    body: Incoming,
) -> Result<Reply, Reply>
where
    C: Directory,
    D: Door + Send + Sync + 'static,
    D::Visit: Send,
{
    let uri = request.uri();
    let claims = Claims { is_private: connection.is_private, ..claims(request) };
    site.names.judge(claims, connection.local)?;
    let route = route(request.method().as_str(), uri.path(), uri.query())?;
    let asked = Asked { site, connection, request, is_of_our_page: claims.are_ours() };
    match route {
        Route::Page(part) => {
            // The others are the same on every server.
            if part == Page::Html {
                asked.listing().await?;
            }
            Ok(page::reply(part))
        }
        Route::Login(query) => asked.login(query).await,
        Route::LogIn(query) => asked.log_in(query, body).await,
        Route::LogOut => Ok(asked.log_out()),
        Route::Streams(sought, portion) => {
            let (listing, visit) = asked.listing().await?;
            Ok(api::streams(site, listing, sought, portion, &asked.caller(&visit)))
        }
        Route::Sessions => asked.sessions().await,
        Route::End(id) => asked.end(id).await,
        Route::Add(path) => asked.add(path, body).await,
        Route::Remove(path) => asked.remove(path).await,
        Route::Recordings(stream, portion) => asked.recordings(stream, portion).await,
        Route::File(stream, name) => asked.file(stream, name).await,
        Route::State => Ok(api::state(&asked.listing().await?.0)),
        Route::Health => Ok(condition(health(site).await, "the server runs")),
        Route::Ready => Ok(condition(readiness(site).await, "the server serves")),
        Route::Metrics => asked.metrics().await,
        Route::Video(named, wish) => asked.video(named, wish).await,
        Route::Snapshot(named, moment) => asked.snapshot(named, moment).await,
        Route::Publish(path) => asked.publish(path, body).await,
        #[cfg(feature = "onvif")]
        Route::Onvif => asked.onvif(body).await.map_err(super::onvif::refusal),
    }
}

/// A request, and whom it is asked of.
struct Asked<'a, C, D> {
    site: &'a Arc<Site<C, D>>,
    connection: Connection,
    request: &'a Request<()>,
    /// The browser says so.
    is_of_our_page: bool,
}

impl<C, D> Asked<'_, C, D>
where
    C: Directory,
    D: Door + Send + Sync + 'static,
    D::Visit: Send,
{
    /// The streams that who asks may watch. Who may watch none is asked who it is.
    async fn listing(&self) -> Result<(Vec<Listed>, D::Visit), Reply> {
        let visit = self.identified().await?;
        // There may be very many streams, and strangers ask often.
        if self.is_stranger(&visit) && !self.site.door.may_watch_something(&visit) {
            return Err(self.challenges(&visit, false));
        }
        let all = self.watchable(&visit);
        if all.is_empty() && self.is_stranger(&visit) {
            return Err(self.challenges(&visit, false));
        }
        Ok((all, visit))
    }

    /// The streams that somebody may watch.
    fn watchable(&self, visit: &D::Visit) -> Vec<Listed> {
        let Asked { site, .. } = self;
        let mut all = site.catalogue.list();
        all.retain(|listed| site.door.may_watch(visit, Path::new(&percent_encode(&listed.name))));
        all
    }

    /// What a video recorder asks.
    #[cfg(feature = "onvif")]
    async fn onvif(&self, body: Incoming) -> Result<Reply, Reply> {
        use super::onvif::{answer, call, fault, stream};
        use crate::onvif::{Places, Token};
        let Asked { site, connection, request, .. } = self;
        let onvif = site.onvif.as_ref().ok_or_else(reply::not_found)?;
        let call = call(body).await?;
        let places =
            Places::new(onvif, connection.is_private, claims(request).host.unwrap_or_default(), connection.local);
        let streams = if call.is_for_everybody() {
            Vec::new()
        } else {
            let door = &site.door;
            // A proof in the head counts first. Where nobody has a password, clients send theirs all the same.
            let is_in_head = request.headers().contains_key(AUTHORIZATION);
            match &call.token {
                Token::Username(token) if !is_in_head && door.asks_who_it_is() => {
                    let visit =
                        self.decided("", false, |visit, now, asking| door.identify_by_token(visit, now, asking, token));
                    self.watchable(&visit.await?)
                }
                _ => self.listing().await?.0,
            }
        };
        let streams: Vec<_> = streams.into_iter().map(stream).collect();
        call.answer(&onvif.device, &streams, &places).map(answer).map_err(fault)
    }

    /// What is recorded of a stream, for those who may watch it.
    async fn recordings(&self, stream: Path<'_>, portion: Portion) -> Result<Reply, Reply> {
        self.may(stream.as_str(), false).await?;
        let (name, folder) = self.site.catalogue.recordings(stream).ok_or_else(reply::not_found)?;
        // A disk may make it wait.
        let look = move || {
            let found = record::recorded(&folder)?;
            let (total, chosen) = (found.len(), found.into_iter().rev().skip(portion.from));
            let chosen = chosen.take(portion.count.min(api::MOST_RECORDINGS));
            Ok::<_, io::Error>((chosen.map(|recorded| recorded.measured(&folder)).collect::<Vec<_>>(), total))
        };
        let found = spawn_blocking(look).await.ok().and_then(Result::ok);
        let (found, total) = found.ok_or_else(|| reply::later("the folder of the recordings cannot be read", 10))?;
        Ok(api::recordings(self.site, &name, &found, total))
    }

    /// A file of a recording, for those who may watch it.
    async fn file(&self, stream: Path<'_>, name: &str) -> Result<Reply, Reply> {
        let site = self.site;
        let path = format!("{}/{}/{name}", stream.as_str(), record::FOLDER);
        let visit = self.may(&path, false).await?;
        let (of, folder) = site.catalogue.recordings(stream).ok_or_else(reply::not_found)?;
        if let Some(lack) = site.usage.lack() {
            site.usage.refuse();
            return Err(reply::later(lack, 10));
        }
        let file_name = name.to_owned();
        let opened = spawn_blocking(move || download::open(&folder, &file_name)).await.ok().and_then(Result::ok);
        let (file, len, tag) = opened.ok_or_else(reply::not_found)?;
        let text = |name: HeaderName| self.request.headers().get(name).and_then(|value| value.to_str().ok());
        // A part of another version would not fit to what the client has.
        let is_same = text(IF_RANGE).is_none_or(|known| known.as_bytes() == tag.as_bytes());
        let portion =
            download::portion(text(RANGE).filter(|_| is_same), len).ok_or_else(|| reply::beyond_the_end(len))?;
        let watcher = Watcher::new(
            self.connection.peer,
            site.door.about(&visit).user,
            names::decoded(Path::new(&path)).unwrap_or_default(),
        );
        let watching = Watching::new(&site.usage, &site.limits, watcher);
        let clocks = site.feeds.clocks;
        let ends = move || visit.ends().is_some_and(|end| end <= clocks.now());
        let called: String =
            of.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
        Ok(reply::file(Download::new(file, portion, watching, ends), portion, tag, &format!("{called}-{name}")))
    }

    /// It could say who it is, and has not.
    fn is_stranger(&self, visit: &D::Visit) -> bool {
        let door = &self.site.door;
        door.asks_who_it_is() && !self.request.headers().contains_key(AUTHORIZATION) && door.about(visit).user.is_none()
    }

    fn caller(&self, visit: &D::Visit) -> Caller {
        let user = self.site.door.about(visit).user;
        let is_by_cookie = self.cookie().is_some() && !self.request.headers().contains_key(AUTHORIZATION);
        Caller { may_log_in: self.is_stranger(visit), may_log_out: is_by_cookie && user.is_some(), user }
    }

    /// Passwords may come by the form.
    fn has_form(&self) -> bool {
        self.connection.is_private && self.site.door.has_form()
    }

    /// The cookie of who has logged in. Without encryption anybody may have seen it.
    fn cookie(&self) -> Option<&str> {
        let port = self.connection.local.port();
        login::cookie(self.request.headers(), port).filter(|_| self.connection.is_private)
    }

    /// Has who asks say who it is, and sends it to where it wanted to be.
    async fn login(&self, query: &str) -> Result<Reply, Reply> {
        let visit = self.identified().await?;
        if !self.is_stranger(&visit) {
            Ok(reply::see(&login::target(query)))
        } else if self.has_form() {
            Ok(page::login(StatusCode::OK, "", ""))
        } else {
            Err(self.challenges(&visit, false))
        }
    }

    /// Somebody says by the form who it is.
    async fn log_in(&self, query: &str, body: Incoming) -> Result<Reply, Reply> {
        let Asked { site, connection, request, .. } = self;
        let asking = self.asking("", false);
        let mut visit = site.door.visit(connection.peer, connection.is_private);
        if site.door.asks_who_it_is() && !connection.is_private {
            // What came is not even read.
            let refused = site.door.log_in(&mut visit, site.feeds.clocks.now(), &asking, ("", ""));
            let why = if let LogIn::Refused(why) = refused { why } else { "this takes https" };
            return Err(reply::text(StatusCode::FORBIDDEN, why));
        }
        if !self.has_form() {
            return Ok(reply::see(&login::target(query)));
        }
        let login::Form { name, password } = login::form(request.headers(), body).await?;
        loop {
            let now = site.feeds.clocks.now();
            return Ok(match site.door.log_in(&mut visit, now, &asking, (&name, &password)) {
                LogIn::Done(cookie) => {
                    // Nobody goes on with what there was before.
                    self.cookie().inspect(|old| site.door.log_out(&visit, now, &asking, old));
                    login::welcome(&login::target(query), connection.local.port(), &cookie)
                }
                LogIn::Wait => {
                    let until = visit.asks_again().unwrap_or(now);
                    sleep(until.since(now).max(Duration::from_millis(10))).await;
                    continue;
                }
                LogIn::Wrong => login::wrong(&name),
                LogIn::Locked(rest) => login::locked(&name, rest),
                LogIn::Refused(why) => reply::text(StatusCode::FORBIDDEN, why),
            });
        }
    }

    /// Forgets who asks.
    fn log_out(&self) -> Reply {
        let Asked { site, connection, .. } = self;
        if let Some(cookie) = self.cookie() {
            if !self.is_of_our_page {
                return Foreign::Origin.into();
            }
            let visit = site.door.visit(connection.peer, connection.is_private);
            site.door.log_out(&visit, site.feeds.clocks.now(), &self.asking("", false), cookie);
        }
        login::farewell(connection.local.port())
    }

    /// Asks who it is: people by the form, where there is one, and programs, and all others without encryption, by Digest.
    fn challenges(&self, visit: &D::Visit, is_stale: bool) -> Reply {
        let headers = self.request.headers();
        if self.has_form() && !headers.contains_key(AUTHORIZATION) {
            let target = self.request.uri().path_and_query().map_or("/", |target| target.as_str());
            if let Some(reply) = login::instead(self.request.method(), headers, target) {
                return reply;
            }
        }
        reply::challenges(self.site.door.challenges(visit, self.site.feeds.clocks.now(), is_stale))
    }

    async fn video(&self, named: Named<'_>, wish: Wish) -> Result<Reply, Reply> {
        let (path, visit, medium) = self.find(named).await?;
        let course = Course { repeats: self.site.repeats, ..Course::default() };
        let feed = self.site.feeds.open(medium.ok_or_else(reply::not_found)?, course, PATIENCE).await?;
        let feed = feed.at_width(wish.width);
        if self.request.method() == Method::HEAD {
            return Ok(reply::whole(HeaderValue::from_static(part::CONTENT_TYPE), ""));
        }
        if let Some(lack) = self.site.usage.lack() {
            self.site.usage.refuse();
            return Err(reply::later(lack, 10));
        }
        let stream = names::decoded(Path::new(&path)).unwrap_or_default();
        let watcher = Watcher::new(self.connection.peer, self.site.door.about(&visit).user, stream);
        let watching = Watching::new(&self.site.usage, &self.site.limits, watcher);
        let ends = move |now| visit.ends().is_some_and(|end| end <= now);
        let (in_chunks, clocks) = (self.is_ffmpeg(), self.site.feeds.clocks);
        let is_ahead = self.is_image_of_browser();
        let (closing, begin) = (if in_chunks { &[] } else { part::CLOSING }, is_ahead.then_some(part::NEXT));
        let form = Form { closing, begin, is_ahead };
        let video = Video::new(feed.viewer(), wish.interval, form, clocks, watching, ends);
        Ok(reply::video(video, in_chunks))
    }

    /// FFmpeg's library asks. A stream that ends by closing the connection it calls broken, and one that ends as RFC 2046 says it calls
    /// invalid; the end of chunks it understands.
    fn is_ffmpeg(&self) -> bool {
        let agent = self.request.headers().get(USER_AGENT);
        self.request.version() == Version::HTTP_11 && agent.is_some_and(|agent| agent.as_bytes().starts_with(b"Lavf/"))
    }

    /// A browser wants to show it as an image of a page. Scripts, and programs that say that they are browsers, ask for anything.
    fn is_image_of_browser(&self) -> bool {
        let begins = |name, text: &[u8]| {
            let value = self.request.headers().get(name);
            value.is_some_and(|value: &HeaderValue| value.as_bytes().starts_with(text))
        };
        begins(USER_AGENT, b"Mozilla/") && begins(ACCEPT, b"image/")
    }

    async fn snapshot(&self, named: Named<'_>, moment: Moment) -> Result<Reply, Reply> {
        let (path, _, medium) = self.find(named).await?;
        let medium = medium.ok_or_else(reply::not_found)?;
        let (part, is_newest) = match timeout(SNAPSHOT_PATIENCE, self.picture(medium, moment)).await {
            Ok(Ok(part)) => (part, true),
            refused => {
                let refused = match refused {
                    Ok(refused) => refused,
                    Err(_) => Err(reply::later("there is no picture yet", 1)),
                };
                // What was seen last is better than nothing; how old it is is told with it.
                let is_away = refused.as_ref().is_err_and(|reply| reply.status() == StatusCode::SERVICE_UNAVAILABLE);
                let last = match self.site.feeds.last(Path::new(&path)).filter(|_| is_away) {
                    None if is_away => self.last_elsewhere(&path).await,
                    last => last,
                };
                match last {
                    Some(last) => (smaller::once(last, moment.width).await, false),
                    None => return refused.map(|_| reply::not_found()),
                }
            }
        };
        let tag = tag(&part);
        let known = self.request.headers().get_all(IF_NONE_MATCH);
        if known.iter().any(|known| known.as_bytes().windows(tag.len()).any(|part| part == tag.as_bytes())) {
            return Ok(reply::not_modified(tag));
        }
        let clocks = self.site.feeds.clocks;
        let age = clocks.unix_micros(clocks.now()).saturating_sub(part.taken) / 1_000_000;
        Ok(reply::picture(&part, tag, (!is_newest).then_some(age)))
    }

    /// The last picture that another machine has of a stream.
    async fn last_elsewhere(&self, path: &str) -> Option<Arc<Part>> {
        let (tell, told) = oneshot::channel();
        let tell = move |newest| {
            // Whoever asked may have gone.
            let _ = tell.send(newest);
        };
        let (jpeg, age) = if self.site.catalogue.newest_elsewhere(Path::new(path), Box::new(tell)) {
            timeout(ELSEWHERE_PATIENCE, told).await.ok()?.ok()??
        } else {
            return None;
        };
        let clocks = self.site.feeds.clocks;
        let age = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
        Some(Arc::new(Part::new(clocks.unix_micros(clocks.now()).saturating_sub(age), &jpeg)))
    }

    /// Who asks is one of those who may add and remove streams, see all sessions and end them.
    async fn administers(&self) -> Result<D::Visit, Reply> {
        let door = &self.site.door;
        let visit = self.identified().await?;
        if door.may_administer(&visit) {
            Ok(visit)
        } else if self.is_stranger(&visit) {
            Err(self.challenges(&visit, false))
        } else {
            Err(reply::text(StatusCode::FORBIDDEN, "this is for those whom --admin names"))
        }
    }

    async fn present(&self) -> Vec<Session> {
        let Some(monitor) = &self.site.monitor else { return Vec::new() };
        let roll = monitor.call();
        let _ = timeout(COUNT_PATIENCE, poll_fn(|context| roll.poll(context.waker()))).await;
        roll.take()
    }

    async fn sessions(&self) -> Result<Reply, Reply> {
        self.administers().await?;
        Ok(api::sessions(&self.present().await, &self.site.usage.watchers()))
    }

    async fn end(&self, id: &str) -> Result<Reply, Reply> {
        self.administers().await?;
        let number = id.strip_prefix(api::HTTP).and_then(|number| number.parse().ok());
        let is_there = match (number, &self.site.monitor) {
            (Some(number), _) => self.site.usage.end(number),
            (None, Some(monitor)) => {
                let found = self.present().await.into_iter().find(|session| session.id.to_string() == id);
                found.iter().for_each(|session| monitor.end(session.id));
                found.is_some()
            }
            (None, None) => false,
        };
        if is_there { Ok(reply::text(StatusCode::OK, "it ends")) } else { Err(reply::not_found()) }
    }

    async fn add(&self, path: Path<'_>, body: Incoming) -> Result<Reply, Reply> {
        let visit = self.administers().await?;
        let name = names::decoded(path).ok_or_else(reply::not_found)?;
        let input = change::input(body).await?;
        let (site, added) = (Arc::clone(self.site), name.clone());
        let is_new = change::changed(move || site.catalogue.add_stream(&added, &input)).await?;
        // What was seen under that name is another stream's.
        self.site.feeds.forget(&name);
        log::info!("{name}: it was added by {}", self.described(&visit));
        let listed = self.site.catalogue.list().into_iter().find(|listed| listed.name == name);
        let listed = listed.ok_or_else(reply::not_found)?;
        let mut reply = api::one(self.site, &listed);
        *reply.status_mut() = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Ok(reply)
    }

    async fn remove(&self, path: Path<'_>) -> Result<Reply, Reply> {
        let visit = self.administers().await?;
        let name = names::decoded(path).ok_or_else(reply::not_found)?;
        let (site, removed) = (Arc::clone(self.site), name.clone());
        change::changed(move || site.catalogue.remove_stream(&removed)).await?;
        self.site.feeds.forget(&name);
        log::info!("{name}: it was removed by {}", self.described(&visit));
        Ok(reply::text(StatusCode::OK, "it is removed"))
    }

    /// Who asks, for the log.
    fn described(&self, visit: &D::Visit) -> String {
        let user = self.site.door.about(visit).user;
        let address = self.connection.peer.ip();
        user.map_or_else(|| address.to_string(), |user| format!("{user}, {address}"))
    }

    /// What is measured, for those who may do what no rule says otherwise of.
    async fn metrics(&self) -> Result<Reply, Reply> {
        self.may("", false).await?;
        count(self.site).await;
        Ok(reply::whole(metrics::CONTENT_TYPE, metrics::text(self.site)))
    }

    async fn publish(&self, path: Path<'_>, body: Incoming) -> Result<Reply, Reply> {
        let visit = self.may(path.as_str(), true).await?;
        let medium = self.site.catalogue.find(path).ok_or_else(reply::not_found)?;
        let sink = medium.record(self.connection.peer.ip()).map_err(publish::refusal)?;
        drop(medium);
        let clocks = self.site.feeds.clocks;
        let ends = move || visit.ends().is_some_and(|end| end <= clocks.now());
        publish::publish(body, sink, clocks, ends).await
    }

    /// The newest picture of a live stream, or one of a recorded stream.
    async fn picture(&self, medium: C::Medium, moment: Moment) -> Result<Arc<Part>, Reply> {
        let course = Course { from: moment.time.unwrap_or_default(), repeats: false };
        let feed = self.site.feeds.open(medium, course, SNAPSHOT_PATIENCE).await?;
        let is_live = feed.about.extent == Extent::Live;
        if is_live && moment.time.is_some() {
            return Err(reply::text(StatusCode::BAD_REQUEST, "t= is for recorded streams, and this one is live"));
        }
        let over = || {
            if is_live {
                reply::later("the stream has ended", 5)
            } else {
                reply::text(StatusCode::NOT_FOUND, "the stream ends before that")
            }
        };
        feed.at_width(moment.width).viewer().next().await.ok_or_else(over)
    }

    /// Which stream is meant, that who asks may watch it, and its medium if there is one. Before that nothing is looked at that would start
    /// a camera.
    async fn find<'n>(&self, named: Named<'n>) -> Result<(Cow<'n, str>, D::Visit, Option<C::Medium>), Reply> {
        let catalogue = &self.site.catalogue;
        let found = |path: &str| catalogue.find(Path::new(path)).filter(|medium| !medium.is_missing());
        let path: Cow<'n, str> = match named {
            Named::Exactly(path) => path.as_str().into(),
            Named::Either(whole, name) => {
                if catalogue.knows(whole) {
                    let visit = self.may(whole.as_str(), false).await?;
                    if let Some(medium) = found(whole.as_str()) {
                        return Ok((whole.as_str().into(), visit, Some(medium)));
                    }
                }
                // What would have to be looked for comes after what is there.
                let is_whole = !catalogue.knows(whole) && !catalogue.knows(name) && found(whole.as_str()).is_some();
                if is_whole { whole.as_str() } else { name.as_str() }.into()
            }
            Named::At(at) => {
                let name = self.listing().await?.0.into_iter().nth(at).ok_or_else(reply::not_found)?.name;
                percent_encode(&name).into()
            }
        };
        let visit = self.may(&path, false).await?;
        let medium = catalogue.find(Path::new(&path));
        Ok((path, visit, medium))
    }

    /// Who asks may watch this stream; an empty path is the server itself.
    /// `is_to_publish`: or give it its pictures.
    async fn may(&self, path: &str, is_to_publish: bool) -> Result<D::Visit, Reply> {
        let door = &self.site.door;
        self.decided(path, is_to_publish, |visit, now, asking| door.judge(visit, now, asking, Waker::noop())).await
    }

    /// Whoever asks, as far as that one says who it is.
    async fn identified(&self) -> Result<D::Visit, Reply> {
        let door = &self.site.door;
        self.decided("", false, |visit, now, asking| door.identify(visit, now, asking)).await
    }

    /// The request, as guards see it.
    fn asking<'p>(&'p self, path: &'p str, is_to_publish: bool) -> Asking<'p> {
        let request = self.request;
        let method = rtsp::Method::Other(request.method().as_str());
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let proofs = request.headers().get_all(AUTHORIZATION).iter().filter_map(|value| value.to_str().ok());
        Asking::new(method, target, Path::new(path), is_to_publish, proofs)
    }

    /// What `decide` allows.
    async fn decided(
        &self,
        path: &str,
        is_to_publish: bool,
        decide: impl Fn(&mut D::Visit, Instant, &Asking<'_>) -> Verdict,
    ) -> Result<D::Visit, Reply> {
        let Asked { site, connection, .. } = self;
        // Each request proves anew who makes it: behind one connection there may be many (RFC 9110 section 11.6.1).
        let mut visit = site.door.visit(connection.peer, connection.is_private);
        let is_resumed =
            self.cookie().is_some_and(|cookie| site.door.resume(&mut visit, site.feeds.clocks.now(), cookie));
        // Browsers send cookies without being asked, whichever page makes them.
        if is_resumed && !self.request.method().is_safe() && !self.is_of_our_page {
            return Err(Foreign::Origin.into());
        }
        let asking = self.asking(path, is_to_publish);
        loop {
            let now = site.feeds.clocks.now();
            match decide(&mut visit, now, &asking) {
                Verdict::Allowed(secrecy) if secrecy.plain_tcp => return Ok(visit),
                Verdict::Allowed(_) => return Err(reply::text(StatusCode::FORBIDDEN, ENCRYPTED)),
                Verdict::Challenged { is_stale } => {
                    return Err(self.challenges(&visit, is_stale));
                }
                Verdict::Refused(status, why) => {
                    let status = StatusCode::from_u16(status.0).unwrap_or(StatusCode::FORBIDDEN);
                    return Err(reply::text(status, why));
                }
                Verdict::Wait => {
                    let until = visit.asks_again().unwrap_or(now);
                    sleep(until.since(now).max(Duration::from_millis(10))).await;
                }
            }
        }
    }
}

/// Asks the loops of the server beside this one what they do. What hangs does not make others wait for long.
async fn count<C, D>(site: &Site<C, D>) {
    if let Some(monitor) = &site.monitor {
        let _ = timeout(COUNT_PATIENCE, monitor.count()).await;
    }
}

/// What is wrong with the server; this thread runs, or nobody would hear of it.
pub(super) async fn health<C, D>(site: &Site<C, D>) -> Result<(), &'static str> {
    count(site).await;
    match &site.monitor {
        Some(monitor) if !monitor.are_alive(LIFE_PATIENCE) => Err("the RTSP server does not answer"),
        _ => Ok(()),
    }
}

/// Why it does not serve.
pub(super) async fn readiness<C: Directory, D>(site: &Site<C, D>) -> Result<(), &'static str> {
    if site.monitor.as_ref().is_some_and(Monitor::is_stopping) {
        return Err("the server is stopping");
    }
    health(site).await?;
    if site.catalogue.list().is_empty() { Err("there are no streams") } else { Ok(()) }
}

fn condition(found: Result<(), &'static str>, well: &'static str) -> Reply {
    found.map_or_else(|wrong| reply::later(wrong, 1), |()| reply::text(StatusCode::OK, well))
}

/// What a browser says of where a request comes from.
pub(super) fn claims<B>(request: &Request<B>) -> Claims<'_> {
    // What is there twice, or is no text, says nothing that could be believed: it is as good as the page of another site.
    let text = |name: HeaderName| {
        let mut values = request.headers().get_all(name).iter();
        let first = values.next()?;
        Some(first.to_str().ok().filter(|_| values.next().is_none()).unwrap_or_default())
    };
    // That of a target with a host counts (RFC 9112 section 3.2.2).
    let named = || text(HOST).filter(|host| !host.is_empty());
    let host = request.uri().authority().map(hyper::http::uri::Authority::as_str).or_else(named);
    let is_shown = text(HeaderName::from_static("sec-fetch-mode")) == Some("navigate")
        || text(HeaderName::from_static("sec-fetch-dest")) == Some("image");
    let site = text(HeaderName::from_static("sec-fetch-site"));
    let is_shown = is_shown && request.method().is_safe();
    Claims { host, origin: text(ORIGIN), site, is_private: false, is_shown }
}

/// What tells a picture from others.
fn tag(part: &Part) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    hasher.write(&part.picture());
    let text = format!("\"{:016x}\"", hasher.finish());
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}
