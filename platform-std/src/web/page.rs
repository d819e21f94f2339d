//! The page, and what belongs to it.

use hyper::header::HeaderValue;

use super::reply::{self, Reply};
use super::route::Page;

const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One of the page's files.
pub(super) fn reply(page: Page) -> Reply {
    let (content_type, bytes): (_, &'static [u8]) = match page {
        Page::Html => ("text/html; charset=utf-8", include_bytes!("page/page.html")),
        Page::Style => ("text/css; charset=utf-8", include_bytes!("page/page.css")),
        Page::Script => ("text/javascript; charset=utf-8", include_bytes!("page/page.js")),
        Page::Icon => ("image/svg+xml", include_bytes!("page/favicon.svg")),
    };
    let mut reply = reply::whole(HeaderValue::from_static(content_type), bytes);
    let headers = reply.headers_mut();
    headers.insert("content-security-policy", HeaderValue::from_static(POLICY));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    reply
}
