//! The page, and what belongs to it.

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::HeaderValue;

use super::reply::{self, Reply};
use super::route::Page;

const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const LOGIN: &str = include_str!("page/login.html");
const ONWARDS: &str = include_str!("page/onwards.html");

/// One of the page's files.
pub(super) fn reply(page: Page) -> Reply {
    const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
    let (content_type, bytes): (_, &'static [u8]) = match page {
        Page::Html => (HTML, include_bytes!("page/page.html")),
        Page::Style => (HeaderValue::from_static("text/css; charset=utf-8"), include_bytes!("page/page.css")),
        Page::Theme => (SCRIPT, include_bytes!("page/theme.js")),
        Page::Script => (SCRIPT, include_bytes!("page/page.js")),
        Page::Icon => (HeaderValue::from_static("image/svg+xml"), include_bytes!("page/favicon.svg")),
    };
    protected(content_type, bytes)
}

/// The form that asks for a name and a password. `name`: what was typed before; `wrong`: what is wrong with it.
pub(super) fn login(status: StatusCode, name: &str, wrong: &str) -> Reply {
    let (of_name, of_password) = if name.is_empty() { (" autofocus", "") } else { ("", " autofocus") };
    // What a client has said comes last: it may look like one of these.
    let html = LOGIN.replace("{WRONG}", wrong).replace("{OF-NAME}", of_name).replace("{OF-PASSWORD}", of_password);
    let mut reply = protected(HTML, html.replace("{NAME}", &escaped(name)));
    *reply.status_mut() = status;
    reply
}

/// A page that goes on to an address of ours by itself. Browsers tell us then who has logged in, which they do not while another site
/// leads to us.
pub(super) fn onwards(address: &str) -> Reply {
    protected(HTML, ONWARDS.replace("{ADDRESS}", &escaped(address)))
}

/// As text, and as the value of an attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Something that browsers show by itself, and that nothing from elsewhere gets into.
fn protected(content_type: HeaderValue, bytes: impl Into<Bytes>) -> Reply {
    let mut reply = reply::whole(content_type, bytes);
    let headers = reply.headers_mut();
    headers.insert("content-security-policy", HeaderValue::from_static(POLICY));
    // Not `no-referrer`: then forms would not say where they come from either.
    headers.insert("referrer-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::body::Body;

    #[test]
    fn what_was_typed_is_shown_again_and_is_no_markup() {
        let name = "\"><script>'{WRONG}&";
        let reply = login(StatusCode::UNAUTHORIZED, name, "Wrong.");
        let Body::Whole(bytes) = reply.body() else { panic!() };
        let html = std::str::from_utf8(bytes).unwrap();
        assert!(html.contains("value=\"&quot;&gt;&lt;script&gt;&#39;{WRONG}&amp;\""), "{html}");
        assert!(html.matches("Wrong.").count() == 1 && html.matches("<script").count() == 1, "{html}");
        for html in [LOGIN, ONWARDS] {
            assert!(!html.contains("style=") && !html.contains("<style") && !html.contains("<script>"), "{html}");
        }
    }
}
