//! Who asks: the driver decides about each request before anything else is said about it.

use super::answer::respond;
use super::policy::Purpose;
use super::{Allowed, Connection, Dialect, Pending, Secrecy, Waiting};
use crate::session::buffer::Storage;
use crate::time::Instant;
use crate::wire::rtsp::headers::KeyMgmt;
use crate::wire::rtsp::{Message, Method, StatusCode, parse};
use crate::wire::url::Path;
use crate::wire::{lab, mikey};
use core::fmt::Display;

/// A request about which the driver decides. Everything in it was sent by the client.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The method.
    pub method: Method<'a>,
    /// The URI of the request line, to the byte; the file's name in the lab dialect.
    pub uri: &'a str,
    /// The stream that it is about, without `trackID=N`; empty where that is the server itself.
    pub path: Path<'a>,
    /// It gives the server media, or goes on with a session that does.
    pub is_to_publish: bool,
    /// The dialect that it is made in. Nobody can prove who they are in that of the lab.
    pub dialect: Dialect,
    authorization: Result<Option<&'a str>, Repeated>,
}

/// A client's key that cannot be used: the message cannot be read, is encrypted, or is for another suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnusableKey;

/// The request has more than one `Authorization`, so that it cannot be said which one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated;

impl<'a> Asking<'a> {
    /// A request of another protocol whose users are the same and prove it in the same way, such as HTTP. `authorization`: the values
    /// of all headers of that name.
    pub fn new(
        method: Method<'a>,
        uri: &'a str,
        path: Path<'a>,
        is_to_publish: bool,
        authorization: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let authorization = only(authorization);
        Self { method, uri, path, is_to_publish, dialect: Dialect::Standard, authorization }
    }

    /// The value of `Authorization`, if there is one.
    ///
    /// # Errors
    /// There are two.
    pub fn authorization(&self) -> Result<Option<&'a str>, Repeated> {
        self.authorization
    }
}

/// The first value, if there is no second one.
fn only<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Option<&'a str>, Repeated> {
    let mut values = values.into_iter();
    let first = values.next();
    if values.next().is_some() { Err(Repeated) } else { Ok(first) }
}

impl<B: Storage> Connection<B> {
    /// The request of [`Event::Authorize`](super::Event::Authorize); `None` while none waits for that answer.
    pub fn asking(&self) -> Option<Asking<'_>> {
        let Some(Pending { kind: Waiting::Authorize, request, .. }) = &self.pending else { return None };
        let (path, bytes) = (self.resource(), self.channel.rx.bytes().get(..request.len)?);
        if self.dialect == Some(Dialect::Lab) {
            let (lab::Parsed::Complete(lab, _) | lab::Parsed::Pending(lab, _)) =
                lab::parse_request_in(bytes, self.lab.layout())
            else {
                return None;
            };
            let (method, uri, headers) = (lab.method, lab.file.as_str(), lab.headers);
            // Whatever else such a request names, it is about the connection's session, unless it is about another file.
            let session = self.session.as_ref().filter(|_| method != Method::Setup && !is_change(method));
            let path = session.map_or(path, |session| session.path.of(&session.url));
            let is_to_publish = Purpose::of(method, self.state) == Purpose::Publish;
            let authorization = only(headers.all("Authorization"));
            return Some(Asking { method, uri, path, is_to_publish, dialect: Dialect::Lab, authorization });
        }
        let Ok(Some((Message::Request(standard), _))) = parse(bytes) else { return None };
        let (method, uri, headers) = (standard.method, self.url_of(request), standard.headers);
        // A sign of life that names nothing is about the connection's session.
        let session = self.session.as_ref().filter(|_| path.is_empty() && is_keep_alive(method));
        let path = session.map_or(path, |session| session.path.of(&session.url));
        let is_to_publish = Purpose::of(method, self.state) == Purpose::Publish;
        Some(Asking::new(method, uri, path, is_to_publish, headers.all("Authorization")))
    }

    /// Answers [`Event::Authorize`](super::Event::Authorize): the request is judged and carried out as if nobody had to be
    /// asked.
    ///
    /// `secrecy`: how media of the stream may travel.
    pub fn allow(&mut self, now: Instant, secrecy: Secrecy) {
        self.now = now;
        let Some(Pending { kind: Waiting::Authorize, request, .. }) = self.pending else { return };
        self.pending = None;
        self.input.allowed = Some(Allowed { len: request.len, secrecy });
        self.pump();
    }

    /// How media of the request that waits for its answer may travel.
    pub fn secrecy(&self) -> Secrecy {
        self.input.allowed.map_or(Secrecy::NONE, |allowed| allowed.secrecy)
    }

    /// Whether the SETUP that waits for its answer is about media that are encrypted.
    pub fn is_secure(&self) -> bool {
        matches!(self.pending, Some(Pending { kind: Waiting::Setup { is_secure: true, .. }, .. }))
    }

    /// The key that the client sends with the SETUP that waits for its answer (RFC 4567).
    ///
    /// # Errors
    /// There is one, and it cannot be used.
    pub fn key_management(&self) -> Result<Option<mikey::Message>, UnusableKey> {
        let Ok(Some((Message::Request(request), _))) = parse(self.channel.rx.bytes()) else { return Ok(None) };
        let Some(value) = request.headers.first("KeyMgmt") else { return Ok(None) };
        let message = KeyMgmt::parse(value).and_then(|header| mikey::Message::parse_base64(header.data));
        message.map(Some).ok_or(UnusableKey)
    }

    /// Answers [`Event::Authorize`](super::Event::Authorize) with 401 and these values of `WWW-Authenticate`, in this order.
    /// In the lab dialect, which has no such thing, the status is all.
    pub fn challenge(&mut self, now: Instant, challenges: impl IntoIterator<Item = impl Display>) {
        self.now = now;
        let Some(Pending { kind: Waiting::Authorize, request, .. }) = self.pending else { return };
        let (status, cseq) = (StatusCode::UNAUTHORIZED, Some(request.cseq));
        let sent = if self.dialect == Some(Dialect::Lab) {
            self.respond_plain(status, cseq)
        } else {
            let head = self.head(status, cseq);
            respond(&mut self.channel.tx, head, |mut answer| {
                for value in challenges {
                    answer = answer.header("WWW-Authenticate", value)?;
                }
                answer.finish()
            })
        };
        self.go_on(request, sent);
    }
}

/// Whether a method of the lab dialect means another file than that of the session.
fn is_change(method: Method<'_>) -> bool {
    matches!(method.name(), "CHANGE" | "NEXT" | "BACK" | "DESCRIBE")
}

fn is_keep_alive(method: Method<'_>) -> bool {
    matches!(method, Method::GetParameter | Method::SetParameter)
}
