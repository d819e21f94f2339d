//! Who has a browser: the form that asks, and the cookie that stands for the answer. Both are for encrypted connections alone.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use hyper::body::{Body, Bytes};
use hyper::header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use hyper::{Method, StatusCode};
use tokio::time::timeout;

use super::page;
use super::reply::{self, Reply};
use crate::guard::LONGEST_LOGIN;

/// Bytes of a form. Name and password have 128 each at the most, which may be three times as many in it.
const MOST: usize = 4096;
/// How long it may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an address to go to.
const MOST_TARGET: usize = 2048;
const FORM_TYPE: &[u8] = b"application/x-www-form-urlencoded";
/// A challenge that no browser has a dialog for: its page knows what to do.
const BY_FORM: HeaderValue = HeaderValue::from_static("Cookie realm=\"mutoscope\", form-action=\"/login\"");

/// What somebody typed. It is shown to nobody.
pub(super) struct Form {
    pub(super) name: String,
    pub(super) password: String,
}

/// Reads a form.
pub(super) async fn form<B>(headers: &HeaderMap, body: B) -> Result<Form, Reply>
where
    B: Body<Data = Bytes> + Unpin,
{
    let content_type = headers.get(CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
    let content_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if !content_type.eq_ignore_ascii_case(FORM_TYPE) {
        let sentence = "this takes a form: application/x-www-form-urlencoded";
        return Err(reply::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence));
    }
    let late = |_| reply::text(StatusCode::REQUEST_TIMEOUT, "the form takes too long to come");
    let bytes = timeout(PATIENCE, whole(body)).await.map_err(late)??;
    fields(&bytes).ok_or_else(|| reply::text(StatusCode::BAD_REQUEST, "the form has one name and one password"))
}

async fn whole<B: Body<Data = Bytes> + Unpin>(mut body: B) -> Result<Vec<u8>, Reply> {
    let large = || reply::text(StatusCode::PAYLOAD_TOO_LARGE, "the form is too large");
    if body.size_hint().lower() > MOST as u64 {
        return Err(large());
    }
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else { return Err(reply::text(StatusCode::BAD_REQUEST, "the request broke off")) };
        if let Ok(more) = frame.into_data() {
            if bytes.len() + more.len() > MOST {
                return Err(large());
            }
            bytes.extend_from_slice(&more);
        }
    }
    Ok(bytes)
}

/// Name and password, if each is there once.
pub(super) fn fields(bytes: &[u8]) -> Option<Form> {
    Some(Form { name: field(bytes, "name")?, password: field(bytes, "password")? })
}

fn field(bytes: &[u8], name: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(bytes).filter(|(found, _)| found == name).map(|(_, value)| value);
    let value = values.next()?.into_owned();
    values.next().is_none().then_some(value)
}

/// Where to go after the login, as a query says: an address of ours, whoever has made the query.
pub(super) fn target(query: &str) -> String {
    // Browsers take a backslash for a slash, and leave out what cannot be seen; two slashes begin the name of another server.
    let is_ours = |target: &String| {
        let bytes = target.as_bytes();
        bytes.len() <= MOST_TARGET
            && bytes.first() == Some(&b'/')
            && bytes.get(1) != Some(&b'/')
            && bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'\\')
    };
    field(query.as_bytes(), "to").filter(is_ours).unwrap_or_else(|| "/".to_owned())
}

/// The address of the form that leads to `target` afterwards.
pub(super) fn login_for(target: &str) -> String {
    if target == "/" {
        return "/login".to_owned();
    }
    ["/login?to="].into_iter().chain(form_urlencoded::byte_serialize(target.as_bytes())).collect()
}

/// What is answered to who has to log in, in place of a challenge by Digest; `None`: that is what it understands.
pub(super) fn instead(method: &Method, headers: &HeaderMap, target: &str) -> Option<Reply> {
    let is = |name, value: &str| headers.get(name).is_some_and(|found| found == value);
    let has = |name| headers.contains_key(name);
    let accepts = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let is_navigation = is("sec-fetch-mode", "navigate") || !has("sec-fetch-mode");
    if method.is_safe() && is_navigation && accepts.contains("text/html") {
        let is_led = is("sec-fetch-site", "cross-site") || is("sec-fetch-site", "same-site");
        let address = login_for(target);
        return Some(if is_led { page::onwards(&address) } else { reply::see(&address) });
    }
    is("sec-fetch-site", "same-origin")
        .then(|| by_form(reply::text(StatusCode::UNAUTHORIZED, "log in at /login first")))
}

fn by_form(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(WWW_AUTHENTICATE, BY_FORM);
    reply
}

/// The form once more.
pub(super) fn wrong(name: &str) -> Reply {
    by_form(page::login(StatusCode::UNAUTHORIZED, name, "Wrong name or password."))
}

/// The form, for whom it is of no use for a while.
pub(super) fn locked(name: &str, rest: Duration) -> Reply {
    let seconds = rest.as_secs() + 1;
    let minutes = match seconds.div_ceil(60) {
        1 => "in a minute".to_owned(),
        minutes => format!("in {minutes} minutes"),
    };
    let wrong = format!("There were too many wrong passwords. Try again {minutes}.");
    let mut reply = page::login(StatusCode::TOO_MANY_REQUESTS, name, &wrong);
    reply.headers_mut().insert(RETRY_AFTER, seconds.into());
    reply
}

/// Cookies are those of a host, whatever the port. So each port has a name of its own. That prefix keeps others from setting it.
fn cookie_name(port: u16) -> String {
    format!("__Host-mutoscope-{port}")
}

/// Our cookie. Two of them are none: it cannot be said which one counts.
pub(super) fn cookie(headers: &HeaderMap, port: u16) -> Option<&str> {
    let name = cookie_name(port);
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
    let mut values = pairs.filter_map(|pair| pair.trim().strip_prefix(&name)?.strip_prefix('='));
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

fn with_cookie(mut reply: Reply, port: u16, value: &str, seconds: u64) -> Reply {
    let name = cookie_name(port);
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict");
    if let Ok(mut cookie) = HeaderValue::try_from(cookie) {
        cookie.set_sensitive(true);
        reply.headers_mut().insert(SET_COOKIE, cookie);
    }
    reply
}

/// Somebody has logged in, and has that cookie now.
pub(super) fn welcome(target: &str, port: u16, cookie: &str) -> Reply {
    with_cookie(reply::see(target), port, cookie, LONGEST_LOGIN.as_secs())
}

/// Nobody has logged in any more.
pub(super) fn farewell(port: u16) -> Reply {
    with_cookie(reply::see("/"), port, "", 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_server() {
        for (query, expected) in [
            ("to=%2Fstreams%2Fa%2520b%2Fstream.mjpg%3Frate%3D2", "/streams/a%20b/stream.mjpg?rate=2"),
            ("to=/x", "/x"),
            ("x=1&to=/%23yard", "/#yard"),
            ("", "/"),
            ("to=", "/"),
            ("to=//evil.example", "/"),
            ("to=/\\evil.example", "/"),
            ("to=/%5Cevil.example", "/"),
            ("to=%09//evil.example", "/"),
            ("to=/%09/evil.example", "/"),
            ("to=/%0A/evil.example", "/"),
            ("to=/%0d%0aSet-Cookie:x=y", "/"),
            ("to=https://evil.example", "/"),
            ("to=javascript:alert(1)", "/"),
            ("to=/%E2%80%AE", "/"),
            ("to=/+/evil", "/"),
            ("to=/a&to=/b", "/"),
        ] {
            assert_eq!(target(query), expected, "{query}");
        }
        assert_eq!(target(&format!("to=/{}", "x".repeat(MOST_TARGET))), "/");
        for address in ["/", "/streams/a%20b/stream.mjpg?rate=2&x=%22", "/?action=stream"] {
            let login = login_for(address);
            assert_eq!(target(login.strip_prefix("/login").unwrap().trim_start_matches('?')), address, "{login}");
        }
    }

    #[test]
    fn a_form_has_one_name_and_one_password() {
        let read = |text: &str| fields(text.as_bytes()).map(|Form { name, password }| (name, password));
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(read("name=anna&password=a+b%26%3D%C3%A9"), pair("anna", "a b&=é"));
        assert_eq!(read("x=1&password=&name="), pair("", ""));
        for none in ["", "name=anna", "name=a&name=b&password=c", "name=a&password=b&password=b", "name", "&&=&"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn the_cookie_of_this_port_is_found_among_others() {
        let read = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            lines.iter().for_each(|line| _ = headers.append(COOKIE, HeaderValue::from_str(line).unwrap()));
            cookie(&headers, 8443).map(str::to_owned)
        };
        assert_eq!(read(&["a=b; __Host-mutoscope-8443=ab;c"]).as_deref(), Some("ab"));
        assert_eq!(read(&["a=b", "__Host-mutoscope-8443="]).as_deref(), Some(""));
        for none in [
            &["__Host-mutoscope-84430=ab; mutoscope-8443=ab; x__Host-mutoscope-8443=ab; __Host-mutoscope-8443"][..],
            &["__Host-mutoscope-8443=ab; __Host-mutoscope-8443=cd"],
            &["__Host-mutoscope-8443=ab", "__Host-mutoscope-8443=ab"],
            &[],
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
        let given = welcome("/", 8443, "ab");
        let expected = "__Host-mutoscope-8443=ab; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Strict";
        assert_eq!(given.headers()[SET_COOKIE], expected);
        assert!(!format!("{:?}", given.headers()).contains("=ab"), "it is in no log");
    }
}
