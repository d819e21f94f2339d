//! The one place where a request, of either dialect, is judged before anything is done for it.

use super::lab_memory::Lab;
use super::ports::may_take_media;
use super::{Config, Dialect, Event, MediaTransport, Session, State, Waiting};
use crate::session::{KeyExchange, Secrecy};
use crate::wire::lab;
use crate::wire::lab::extra::{self, Extra, Listing};
use crate::wire::lab::payload::Payload;
use crate::wire::rtsp::headers::{self, APPLICATION_SDP, CSeqError, LowerTransport, Range, Scale, Speed, Transport};
use crate::wire::rtsp::{Method, Request, StatusCode};
use crate::wire::url::{Path, Target};

/// The longest URI that is carried out, in bytes; longer ones are answered with 414.
pub const MAX_URI_LEN: usize = 255;

/// The effect of a request that may be carried out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Accepted {
    /// Nothing yet: the driver is asked whether it may be judged at all.
    Authorize,
    Options,
    /// GET_PARAMETER or SET_PARAMETER without a body: a sign of life.
    KeepAlive,
    Describe {
        /// The host in the URL is an IPv6 address.
        ipv6: bool,
    },
    Setup {
        media: MediaTransport,
        /// The alternative that was taken. `None` in the lab dialect.
        chosen: Option<Transport>,
        /// Media comes from the client.
        record: bool,
        /// Media are encrypted.
        is_secure: bool,
    },
    Announce,
    Record,
    Play {
        range: Option<Range>,
        scale: Option<Scale>,
        speed: Option<Speed>,
    },
    Pause,
    Teardown,
    /// A session without a medium begins, whose client takes media at this port.
    Connect {
        rtp_port: u16,
    },
    /// Another medium.
    Change {
        media: MediaTransport,
    },
    Lab(Extra),
}

impl Accepted {
    /// The event for the driver, and the kind of answer that is then waited for. `None`: the machine answers by itself.
    pub(super) fn question(self) -> Option<(Event, Waiting)> {
        match self {
            Self::Options | Self::KeepAlive | Self::Connect { .. } => None,
            Self::Authorize => Some((Event::Authorize, Waiting::Authorize)),
            Self::Describe { ipv6 } => Some((Event::Describe, Waiting::Describe { ipv6 })),
            Self::Setup { media, chosen, record, is_secure } => {
                let transport = media;
                let event = if record { Event::SetupRecord { transport } } else { Event::Setup { transport } };
                Some((event, Waiting::Setup { media, chosen, is_secure }))
            }
            Self::Announce => Some((Event::Announce, Waiting::Announce)),
            Self::Record => Some((Event::Record, Waiting::Record)),
            Self::Play { range, scale, speed } => {
                let waiting = Waiting::Play { scale: scale.is_some(), speed: speed.is_some() };
                Some((Event::Play { range, scale, speed }, waiting))
            }
            Self::Pause => Some((Event::Pause, Waiting::Pause)),
            Self::Teardown => Some((Event::Teardown, Waiting::Teardown)),
            Self::Change { media } => {
                let waiting = Waiting::Setup { media, chosen: None, is_secure: false };
                Some((Event::Change { transport: media }, waiting))
            }
            Self::Lab(extra) => Some((Event::Lab(extra), Waiting::Lab(extra))),
        }
    }
}

/// A request that is to be judged.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked<'a, 'r> {
    Standard(&'r Request<'a>),
    Lab(&'r lab::Request<'a>),
}

/// The parts of a request by which it is admitted, the same in both dialects.
#[derive(Clone, Copy, Debug)]
struct Plea<'a> {
    dialect: Dialect,
    method: Method<'a>,
    /// `None`: there is none that can be used.
    cseq: Option<u32>,
    /// It requires a feature of the server, and none can be required.
    requires: bool,
    /// The URL or the lab's file name, as written.
    uri: &'a str,
    /// The path in it. `None`: it names nothing.
    resource: Option<Path<'a>>,
}

/// The use that a request is made for: the one notion of that, for what the server can do and for what a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Watch,
    Publish,
    /// It is about the server.
    Neither,
}

/// The facts that decide whether a request is carried out.
pub(super) struct RequestPolicy<'a> {
    /// The connection is beyond the limit.
    pub(super) refusing: bool,
    pub(super) state: State,
    pub(super) session: Option<&'a Session>,
    pub(super) config: &'a Config,
    pub(super) lab: &'a Lab,
    /// The driver has allowed the request, if media travel like this.
    pub(super) allowed: Option<Secrecy>,
}

impl RequestPolicy<'_> {
    /// Whether a request may be carried out, and the path of the stream that it is about; or the status that refuses it.
    ///
    /// There is no other way to carry a request out. It is admitted first. Then the driver is asked about who asks, where
    /// there is a guard, before anything is said of what there is. Then each dialect has an order of its own for the rest:
    /// whether it is the session's, whether the state allows it, and the details of each method.
    pub(super) fn judge<'a>(&self, asked: Asked<'a, '_>) -> Result<(Accepted, Path<'a>), StatusCode> {
        let plea = Plea::of(asked);
        let path = self.admit(&plea)?;
        if self.config.guarded && self.allowed.is_none() && plea.method != Method::Options {
            // What lies below that which is published is decided as that is.
            let is_track = plea.method == Method::Setup && self.state.is_publishing();
            let own = is_track.then(|| self.judge_track(path).ok()).flatten();
            return Ok((Accepted::Authorize, own.unwrap_or(path.split_track().0)));
        }
        match asked {
            Asked::Standard(request) => self.judge_standard(request, path),
            Asked::Lab(request) => Ok((self.judge_lab(request)?, path.split_track().0)),
        }
    }

    /// Whether who asks may ask for this, and the path that it is about. The order is: is there room for this client, can the
    /// request be understood, is it addressed to something.
    fn admit<'a>(&self, plea: &Plea<'a>) -> Result<Path<'a>, StatusCode> {
        if self.refusing && !(self.config.moves && plea.asks_what_there_is()) {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        plea.cseq.ok_or(StatusCode::BAD_REQUEST)?;
        if plea.requires {
            return Err(StatusCode::OPTION_NOT_SUPPORTED);
        }
        let publishes = Purpose::of(plea.method, self.state) == Purpose::Publish;
        if !is_known(plea.dialect, plea.method) || (publishes && !self.config.record) {
            return Err(StatusCode::NOT_IMPLEMENTED);
        }
        if plea.uri.len() > MAX_URI_LEN {
            return Err(StatusCode::REQUEST_URI_TOO_LONG);
        }
        plea.resource.ok_or(StatusCode::BAD_REQUEST)
    }

    fn judge_standard<'a>(&self, request: &Request<'a>, path: Path<'a>) -> Result<(Accepted, Path<'a>), StatusCode> {
        self.judge_session(request)?;
        self.judge_state(request.method)?;
        let accepted = match request.method {
            Method::Options => Ok(Accepted::Options),
            Method::GetParameter | Method::SetParameter if request.body.is_empty() => Ok(Accepted::KeepAlive),
            Method::GetParameter | Method::SetParameter => Err(StatusCode::PARAMETER_NOT_UNDERSTOOD),
            Method::Describe => judge_describe(request, path),
            Method::Setup if self.state.is_publishing() => {
                let setup = self.judge_setup(request);
                return setup.and_then(|accepted| Ok((accepted, self.judge_track(path)?)));
            }
            Method::Setup => stream(path).and_then(|_| self.judge_setup(request)),
            Method::Announce => judge_announce(request, path).map(|()| Accepted::Announce),
            Method::Record => self.judge_aggregate(path).map(|()| Accepted::Record),
            Method::Play => self.judge_aggregate(path).and_then(|()| judge_play(request)),
            Method::Pause => self.judge_aggregate(path).map(|()| Accepted::Pause),
            Method::Teardown => self.judge_aggregate(path).map(|()| Accepted::Teardown),
            Method::Other(_) => Err(StatusCode::NOT_IMPLEMENTED),
        }?;
        Ok((accepted, path.split_track().0))
    }

    /// Lab requests have few details but SETUP's port.
    fn judge_lab(&self, request: &lab::Request<'_>) -> Result<Accepted, StatusCode> {
        if extra::is_known(request.method.name()) {
            return self.judge_extra(request);
        }
        self.judge_state(request.method)?;
        if request.method == Method::Setup {
            let media = self.lab_media(request)?;
            return Ok(Accepted::Setup { media, chosen: None, record: false, is_secure: false });
        }
        self.judge_lab_session(request)?;
        Ok(match request.method {
            // The client's window has lost track. Playing goes on.
            Method::Play if self.state == State::Playing => Accepted::KeepAlive,
            Method::Play => Accepted::Play { range: None, scale: None, speed: None },
            Method::Pause => Accepted::Pause,
            _ => Accepted::Teardown,
        })
    }

    /// A request without a session identifier means this connection's session. A request with one must have the right one.
    fn judge_lab_session(&self, request: &lab::Request<'_>) -> Result<(), StatusCode> {
        let session = self.session.ok_or(SESSION_NOT_FOUND)?;
        let is_ours = request.session.is_none_or(|named| named.parse() == Ok(session.id));
        is_ours.then_some(()).ok_or(SESSION_NOT_FOUND)
    }

    /// Where media goes: to the port that the request names, or to that which has been named before.
    fn lab_media(&self, request: &lab::Request<'_>) -> Result<MediaTransport, StatusCode> {
        let named = self.session.and_then(|session| session.transport);
        let rtp_port = match (request.client_port.or_else(|| self.lab.port()), named) {
            (Some(port), _) => port,
            (None, Some(MediaTransport::Udp { rtp_port, .. })) if request.method != Method::Setup => rtp_port,
            _ => return Err(StatusCode::UNSUPPORTED_TRANSPORT),
        };
        let media = self.over_udp((rtp_port, rtp_port.saturating_add(1))).filter(|_| self.secrecy().plain_udp);
        media.ok_or(StatusCode::UNSUPPORTED_TRANSPORT)
    }

    /// Methods that copies of the exercise have added.
    fn judge_extra(&self, request: &lab::Request<'_>) -> Result<Accepted, StatusCode> {
        let is_repeated = request.cseq.is_some() && request.cseq == self.lab.last_cseq();
        let extra = Extra::of(request, is_repeated).ok_or(StatusCode::BAD_REQUEST)?;
        if self.session.is_some() && extra != Extra::Connect {
            self.judge_lab_session(request)?;
        }
        Ok(match extra {
            Extra::Connect if self.session.is_some() => return Err(StatusCode::METHOD_NOT_VALID_IN_THIS_STATE),
            Extra::Connect => match self.lab_media(request)? {
                MediaTransport::Udp { rtp_port, .. } => Accepted::Connect { rtp_port },
                MediaTransport::Interleaved { .. } => return Err(StatusCode::UNSUPPORTED_TRANSPORT),
            },
            Extra::Change => Accepted::Change { media: self.lab_media(request)? },
            Extra::Describe | Extra::List(Listing::All) => Accepted::Lab(extra),
            Extra::Nothing => Accepted::KeepAlive,
            // One copy sends each request twice, and means it once.
            Extra::Move(_) | Extra::Faster if is_repeated && request.layout == lab::Layout::BrokenOrder => {
                Accepted::KeepAlive
            }
            _ if self.session.is_none() => return Err(StatusCode::METHOD_NOT_VALID_IN_THIS_STATE),
            _ => Accepted::Lab(extra),
        })
    }

    /// A session that is named must be this connection's, whatever is asked for; PLAY, RECORD, PAUSE and TEARDOWN must
    /// name it. A header without a value names none.
    fn judge_session(&self, request: &Request<'_>) -> Result<(), StatusCode> {
        let named = match request.headers.first("Session").filter(|value| !value.is_empty()) {
            Some(value) => headers::Session::parse(value).map(|session| session.id),
            None if !names_session(request.method) => return Ok(()),
            // There is no session that could have been named: it is the state that forbids it.
            None if self.session.is_none() => return self.judge_state(request.method).and(Err(SESSION_NOT_FOUND)),
            None => None,
        };
        match (named, self.session) {
            (Some(id), Some(session)) if session.is_named(id) => Ok(()),
            _ => Err(SESSION_NOT_FOUND),
        }
    }

    fn judge_state(&self, method: Method<'_>) -> Result<(), StatusCode> {
        allowed(self.state, method).then_some(()).ok_or(StatusCode::METHOD_NOT_VALID_IN_THIS_STATE)
    }

    /// Whether `path` is the session's resource or its one track.
    ///
    /// RFC 2326 has no status for "another resource's URL with this session"; for this session there is no such
    /// resource, hence 404.
    fn judge_aggregate(&self, path: Path<'_>) -> Result<(), StatusCode> {
        let own = self.session.map(|session| session.path.of(&session.url));
        let path = stream(path)?;
        if own.is_some_and(|own| own.is_same(path)) { Ok(()) } else { Err(StatusCode::NOT_FOUND) }
    }

    /// The session's path, where `path` is that or lies below it. Only who has announced tracks knows what they are called.
    fn judge_track<'a>(&self, path: Path<'a>) -> Result<Path<'a>, StatusCode> {
        let own = self.session.map(|session| session.path.of(&session.url)).ok_or(StatusCode::NOT_FOUND)?;
        match path.as_str().split_at_checked(own.as_str().len()) {
            Some((start, rest)) if start == own.as_str() && (rest.is_empty() || rest.starts_with('/')) => {
                Ok(Path::new(start))
            }
            _ => Err(StatusCode::NOT_FOUND),
        }
    }

    fn judge_setup(&self, request: &Request<'_>) -> Result<Accepted, StatusCode> {
        let values = || request.headers.all("Transport");
        if values().all(str::is_empty) {
            return Err(StatusCode::BAD_REQUEST);
        }
        values()
            .flat_map(Transport::alternatives)
            // One that cannot be read cannot be done; another one may.
            .filter_map(Result::ok)
            .find_map(|alternative| self.judge_alternative(alternative))
            .ok_or(StatusCode::UNSUPPORTED_TRANSPORT)
    }

    fn secrecy(&self) -> Secrecy {
        self.allowed.unwrap_or(Secrecy::NONE)
    }

    /// `None`: the server cannot serve it, or must not.
    fn judge_alternative(&self, alternative: Transport) -> Option<Accepted> {
        let media = self.media_transport(&alternative)?;
        let (record, Secrecy { exchange, plain_udp, plain_tcp }) = (self.state.is_publishing(), self.secrecy());
        // Clients that have read a key in the description expect encrypted media, whatever they ask for.
        let is_secure = !record && (alternative.secure || exchange == Some(KeyExchange::Sdes));
        let may = match media {
            _ if record && alternative.secure => false,
            _ if is_secure => exchange.is_some(),
            MediaTransport::Udp { .. } => plain_udp,
            MediaTransport::Interleaved { .. } => plain_tcp,
        };
        may.then_some(Accepted::Setup { media, chosen: Some(alternative), record, is_secure })
    }

    /// The way media would travel by this alternative. `None`: the server cannot serve it.
    fn media_transport(&self, alternative: &Transport) -> Option<MediaTransport> {
        // Who has announced means to record, and need not say it again.
        if alternative.multicast || (alternative.record && !self.state.is_publishing()) {
            return None;
        }
        match alternative.lower? {
            // A client that names channels means the connection, whatever it calls that.
            LowerTransport::Udp if alternative.client_port.is_none() && alternative.interleaved.is_some() => {
                let (rtp_channel, rtcp_channel) = alternative.interleaved?;
                Some(MediaTransport::Interleaved { rtp_channel, rtcp_channel })
            }
            LowerTransport::Udp => self.over_udp(alternative.client_port?),
            LowerTransport::Tcp => {
                let (rtp_channel, rtcp_channel) = alternative.interleaved.unwrap_or((0, 1));
                Some(MediaTransport::Interleaved { rtp_channel, rtcp_channel })
            }
        }
    }
}

impl RequestPolicy<'_> {
    /// Media over UDP to these ports, where that may be. A client may have no port for RTCP, which is 0 then.
    fn over_udp(&self, (rtp_port, rtcp_port): (u16, u16)) -> Option<MediaTransport> {
        let may_be = self.config.udp && may_take_media(rtp_port) && (rtcp_port == 0 || may_take_media(rtcp_port));
        may_be.then_some(MediaTransport::Udp { rtp_port, rtcp_port })
    }
}

impl<'a> Plea<'a> {
    fn of(asked: Asked<'a, '_>) -> Self {
        match asked {
            Asked::Standard(request) => Self {
                dialect: Dialect::Standard,
                method: request.method,
                cseq: match headers::cseq(&request.headers) {
                    // Port scanners ask what speaks here, and number nothing.
                    Err(CSeqError::Missing) if request.method == Method::Options => Some(0),
                    cseq => cseq.ok(),
                },
                requires: headers::required(&request.headers).next().is_some(),
                uri: request.uri,
                resource: target(request).map(|target| target.path()),
            },
            Asked::Lab(request) => Self {
                dialect: Dialect::Lab,
                method: request.method,
                cseq: request.cseq,
                requires: false,
                uri: request.file.as_str(),
                // The form of the payload may stand behind the name.
                resource: Some(Path::new(Payload::split_name(request.file.as_str()).0)),
            },
        }
    }

    /// Whether it leads to no session.
    fn asks_what_there_is(&self) -> bool {
        self.dialect == Dialect::Standard && matches!(self.method, Method::Options | Method::Describe)
    }
}

impl Purpose {
    /// The purpose of a request of this method where the session stands like this.
    pub(super) fn of(method: Method<'_>, state: State) -> Self {
        match method {
            Method::Announce | Method::Record => Self::Publish,
            // Whoever publishes may ask what others publish, if that one may watch it.
            Method::Describe | Method::Play => Self::Watch,
            Method::Setup | Method::Pause | Method::Teardown | Method::GetParameter | Method::SetParameter => {
                if state.is_publishing() { Self::Publish } else { Self::Watch }
            }
            Method::Options | Method::Other(_) => Self::Neither,
        }
    }
}

const SESSION_NOT_FOUND: StatusCode = StatusCode::SESSION_NOT_FOUND;

/// Whether the dialect has a method, in one state or another.
fn is_known(dialect: Dialect, method: Method<'_>) -> bool {
    match dialect {
        Dialect::Standard => !matches!(method, Method::Other(_)),
        Dialect::Lab => {
            matches!(method, Method::Setup | Method::Play | Method::Pause | Method::Teardown)
                || extra::is_known(method.name())
        }
    }
}

/// Whether a request of this method is about a session that exists, so that it has to name it.
fn names_session(method: Method<'_>) -> bool {
    matches!(method, Method::Play | Method::Record | Method::Pause | Method::Teardown)
}

/// Whether the state's table lists the method. Methods without a line in it are always allowed.
pub(super) fn allowed(state: State, method: Method<'_>) -> bool {
    match method {
        Method::Setup => state.on_setup().is_some(),
        Method::Play => state.on_play().is_some(),
        Method::Pause => state.on_pause().is_some(),
        Method::Teardown => state.on_teardown().is_some(),
        Method::Announce => state.on_announce().is_some(),
        Method::Record => state.on_record().is_some(),
        Method::Options | Method::Describe | Method::GetParameter | Method::SetParameter | Method::Other(_) => true,
    }
}

/// The object of a request; `*` stands for the server, for methods that can be asked of it. OPTIONS is answered for the server
/// whatever it names.
fn target<'a>(request: &Request<'a>) -> Option<Target<'a>> {
    let is_for_server = match request.method {
        Method::Options => true,
        Method::GetParameter | Method::SetParameter => request.uri == "*",
        _ => false,
    };
    Target::parse(request.uri).or_else(|| is_for_server.then_some(Target::SERVER))
}

/// The resource `path` is about: itself, or what its track 0 belongs to. There is no other track.
fn stream(path: Path<'_>) -> Result<Path<'_>, StatusCode> {
    match path.split_track() {
        (stream, None | Some(0)) => Ok(stream),
        (_, Some(_)) => Err(StatusCode::NOT_FOUND),
    }
}

fn judge_describe(request: &Request<'_>, path: Path<'_>) -> Result<Accepted, StatusCode> {
    stream(path)?;
    let mut accepted = request.headers.all("Accept").peekable();
    let acceptable = accepted.peek().is_none() || accepted.any(|value| headers::accepts(value, APPLICATION_SDP));
    let ipv6 = target(request).is_some_and(|target| target.is_ipv6());
    if acceptable { Ok(Accepted::Describe { ipv6 }) } else { Err(StatusCode::NOT_ACCEPTABLE) }
}

/// Whether a description comes, of a type that is read.
fn judge_announce(request: &Request<'_>, path: Path<'_>) -> Result<(), StatusCode> {
    stream(path)?;
    let media_type = request.headers.first("Content-Type").unwrap_or(APPLICATION_SDP);
    if !headers::accepts(media_type, APPLICATION_SDP) {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    if request.body.is_empty() { Err(StatusCode::BAD_REQUEST) } else { Ok(()) }
}

/// The part that PLAY asks for, and how it is to be played.
fn judge_play(request: &Request<'_>) -> Result<Accepted, StatusCode> {
    // A header without a value says nothing.
    let value = |name| request.headers.first(name).filter(|value| !value.is_empty());
    let scale = value("Scale").map(|value| Scale::parse(value).ok_or(StatusCode::BAD_REQUEST)).transpose()?;
    let speed = value("Speed").map(|value| Speed::parse(value).ok_or(StatusCode::BAD_REQUEST)).transpose()?;
    let is_backwards = scale.is_some_and(Scale::is_backwards);
    let range = value("Range").map_or(Ok(None), |value| judge_range(value, is_backwards))?;
    Ok(Accepted::Play { range, scale, speed })
}

fn judge_range(value: &str, is_backwards: bool) -> Result<Option<Range>, StatusCode> {
    match Range::parse(value).ok_or(StatusCode::BAD_REQUEST)? {
        // RFC 2326 section 12.29: a unit that the server does not understand.
        Range::Other => Err(StatusCode::NOT_IMPLEMENTED),
        // Ranges are half open, so there is nothing from a time to itself. Backwards, a range begins at its later end.
        Range::Npt { start: Some(start), end: Some(end) } if start == end || (end < start && !is_backwards) => {
            Err(StatusCode::INVALID_RANGE)
        }
        Range::ToOrFromNow | Range::Negative => Err(StatusCode::INVALID_RANGE),
        // Recorders are asked for a time of day. Where none is known it plays as without; the answer says from where.
        Range::TimeOfDay => Ok(None),
        range => Ok(Some(range)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_made_to_watch_or_to_publish_or_for_neither() {
        for state in [State::Init, State::Ready, State::Playing, State::Announced, State::Prepared, State::Recording] {
            let session = if state.is_publishing() { Purpose::Publish } else { Purpose::Watch };
            for (method, purpose) in [
                (Method::Describe, Purpose::Watch),
                (Method::Play, Purpose::Watch),
                (Method::Announce, Purpose::Publish),
                (Method::Record, Purpose::Publish),
                (Method::Setup, session),
                (Method::Pause, session),
                (Method::Teardown, session),
                (Method::Options, Purpose::Neither),
                (Method::GetParameter, session),
                (Method::SetParameter, session),
                (Method::Other("REDIRECT"), Purpose::Neither),
            ] {
                assert_eq!(Purpose::of(method, state), purpose, "{method:?} {state:?}");
            }
        }
    }
}
