//! What can go wrong, as sentences for people.

use super::{Dialect, Transport};
use crate::console::OneLine;
use crate::tls::Fingerprint;
use mutoscope::player::NoFrames;
use mutoscope::session::client::{self as session, Command, Unauthorized};
use mutoscope::wire::rtsp::StatusCode;
use mutoscope::wire::url::Url;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Why a client cannot go on. Its `Display` is one sentence for people.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not an absolute `rtsp://` or `rtsps://` URL, or too long. User and password in it are left out.
    Url(String),
    /// User and password in the URL are too long or cannot be sent.
    Credentials,
    /// An RTP port is an even number below 65535.
    RtpPort(u16),
    /// The system did not give what it takes: an event queue, a thread, sockets.
    System(&'static str, io::Error),
    /// The server's name means no address.
    Resolve(String, io::Error),
    /// No address of the server took the connection; this is what the last one said.
    Connect(SocketAddr, io::Error),
    /// The TLS session with the server failed, or cannot be begun: why, in a sentence.
    Tls(String),
    /// The server shows a certificate that is not believed: why, in a sentence, and which one it is. Who looks at it may decide to
    /// believe it: [`Client::trust`](super::Client::trust), [`Options::tls_pin`](super::Options::tls_pin).
    Certificate {
        /// Why, with the fingerprint, and what to do.
        reason: String,
        /// Why, and no more.
        doubt: String,
        /// The server, `HOST:PORT`.
        server: String,
        /// The certificate.
        fingerprint: Fingerprint,
    },
    /// The connection ended. The kind of error is known where it broke instead of being closed.
    Closed(Option<io::ErrorKind>),
    /// The server refused a request.
    Refused {
        /// Its answer's status.
        status: StatusCode,
        /// The request.
        during: Command,
        /// Where a redirection leads.
        location: Option<String>,
    },
    /// The server wants to know who we are, and has not been told what it believes.
    Unauthorized(Unauthorized),
    /// The server did not answer a request.
    NoAnswer(Command),
    /// A lab server did not answer a request, as most of them do where they do not have the file.
    NoFile(Command),
    /// It answered neither dialect: what became of each.
    NoDialect(Box<Error>, Box<Error>),
    /// The server said what cannot be understood.
    Protocol(session::Error),
    /// Playing, and no packet came for this long.
    Stalled(Duration),
    /// Playing, and not a single packet ever came.
    NothingArrived {
        /// What the server is spoken to in.
        dialect: Dialect,
        /// How it was to come; `Auto`: first over UDP and then over TCP.
        transport: Transport,
    },
    /// Playing, and packets come, but for long they have made no frame.
    NoFrames(NoFrames),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => {
                write!(
                    f,
                    "{url:?} is not a URL of the form rtsp://HOST:PORT/NAME (of at most {} bytes)",
                    session::MAX_URL
                )
            }
            Self::Credentials => {
                f.write_str("a user's name or password is too long, or holds a colon or characters that cannot be sent")
            }
            Self::RtpPort(port) => {
                write!(f, "the RTP port must be even, because RTCP takes the next one; {port} is not")
            }
            Self::System(what, error) => write!(f, "cannot {what}: {error}"),
            Self::Resolve(host, error) => {
                let text = error.to_string();
                // What the standard library puts before the system's words says nothing to people.
                let why = text.rsplit_once(": ").map_or(&*text, |(_, why)| why).to_lowercase();
                write!(f, "no machine called {} is known here ({why})", OneLine(host))
            }
            Self::Connect(address, error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                write!(f, "nobody listens at {address}: is the server running?")
            }
            Self::Connect(address, error) => write!(f, "cannot connect to {address}: {error}"),
            Self::Tls(reason) | Self::Certificate { reason, .. } => f.write_str(reason),
            Self::Closed(None) => f.write_str("the server closed the connection"),
            Self::Closed(Some(kind)) => write!(f, "the connection to the server broke: {kind}"),
            Self::Refused { status, during, location } => refused(f, *status, *during, location.as_deref()),
            Self::Unauthorized(why) => f.write_str(unauthorized(*why)),
            Self::NoAnswer(command) => write!(f, "the server does not answer {}", command.name()),
            Self::NoFile(command) => write!(
                f,
                "the server does not answer {}: most servers of the lab do that when they have no file of that name",
                command.name()
            ),
            Self::NoDialect(standard, lab)
                if matches!((&**standard, &**lab), (Self::NoAnswer(_), Self::NoAnswer(_))) =>
            {
                f.write_str("the server takes the connection and answers nothing: is it an RTSP server?")
            }
            Self::NoDialect(standard, lab) => {
                write!(f, "the server speaks neither standard RTSP ({standard}) nor the lab's dialect ({lab})")
            }
            Self::Protocol(error) => protocol(f, *error),
            Self::Stalled(lasting) => write!(f, "nothing has arrived for {:.0} s", lasting.as_secs_f32()),
            Self::NothingArrived { dialect, transport } => {
                f.write_str("the server says it plays, but no packet arrives")?;
                f.write_str(match (dialect, transport) {
                    (Dialect::Lab, _) => {
                        ": a firewall may drop them, or every frame is larger than the server's packets may be"
                    }
                    (_, Transport::Udp) => " over UDP: a firewall may drop them, or TCP may be what it needs",
                    (_, Transport::Tcp) => " over the connection: it may have nothing to show, or need UDP",
                    (_, Transport::Auto) => ", neither over UDP nor over TCP: it may have nothing to show",
                })
            }
            Self::NoFrames(trouble) => trouble.fmt(f),
        }
    }
}

const fn unauthorized(why: Unauthorized) -> &'static str {
    match why {
        Unauthorized::Credentials => "the server refuses this user and password (401 Unauthorized)",
        Unauthorized::Basic => {
            "the server wants the password as it is (Basic), which others on the way could read: that has to be allowed (401)"
        }
        Unauthorized::Elsewhere => {
            "the server that we were sent on to wants a user name and a password, which only the server of the URL is told (401)"
        }
        Unauthorized::Scheme => "the server wants a user name and a password in a way that is not known here (401)",
        _ => "the server wants a user name and a password: rtsp://USER:PASSWORD@HOST/NAME (401 Unauthorized)",
    }
}

fn refused(f: &mut fmt::Formatter<'_>, status: StatusCode, during: Command, location: Option<&str>) -> fmt::Result {
    let (code, reason, name) = (status.0, status.reason(), during.name());
    match (code, location) {
        (300..=399, Some(location)) => {
            let reason = match Url::parse(location) {
                // From rtsps:// it may lead out of TLS.
                Some(url) if !url.is_secure() => "one time too many, or to where others could listen",
                Some(_) => "one time too many",
                None => "which is no rtsp:// URL",
            };
            write!(f, "the server sends us on to {} ({code}), {reason}", OneLine(&without_credentials(location)))
        }
        (300..=399, None) => write!(f, "the server sends us elsewhere ({code}), which is not followed"),
        (404, _) => f.write_str("the server has nothing of that name (404 Not Found)"),
        (415, _) => f.write_str("the server cannot send this file as standard RTP (415 Unsupported Media Type)"),
        (454, _) => f.write_str("the server has dropped our session (454 Session Not Found)"),
        (461, _) => f.write_str("the server does not offer this transport (461 Unsupported Transport)"),
        (503, _) => f.write_str("the server takes no more clients now (503 Service Unavailable)"),
        _ => write!(f, "the server refuses {name}: {code} {reason}"),
    }
}

fn protocol(f: &mut fmt::Formatter<'_>, error: session::Error) -> fmt::Result {
    match error {
        session::Error::NoJpegVideo => f.write_str("the stream has no motion JPEG video"),
        session::Error::NoKey => {
            f.write_str("the stream is encrypted, and the server tells no key that can be used here (SRTP with AES-128 and HMAC-SHA1-80)")
        }
        session::Error::Exposed => {
            f.write_str("over UDP others could watch, because the server does not encrypt the stream itself: TCP stays inside of TLS")
        }
        session::Error::Transport => f.write_str("the server chose a transport that cannot be used here"),
        session::Error::MessageTooLarge => f.write_str("the server's answer is too large"),
        session::Error::Message(error) => {
            log::debug!("no RTSP: {:?} at byte {}", error.kind, error.at);
            f.write_str("what the server sends is not RTSP: is this its port?")
        }
        session::Error::SessionTooLong => f.write_str("the server's session identifier is too long"),
        session::Error::Url | session::Error::UrlTooLong => f.write_str("a URL of the server's is too long"),
        _ => f.write_str("the server's answer cannot be used"),
    }
}

/// A URL as it may be shown to anybody: without user and password, whether or not it is a proper one.
pub fn without_credentials(url: &str) -> String {
    match (Url::parse(url), url.rsplit_once('@')) {
        (Some(url), _) => url.to_string(),
        (None, Some((before, rest))) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
        }
        (None, None) => url.to_owned(),
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(_, error) | Self::Resolve(_, error) | Self::Connect(_, error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_to_do() {
        let refused = |code, location: Option<&str>| {
            Error::Refused { status: StatusCode(code), during: Command::Describe, location: location.map(Into::into) }
                .to_string()
        };
        assert!(refused(302, Some("rtsp://elsewhere/x")).contains("rtsp://elsewhere/x (302), one time too many"));
        assert!(refused(302, Some("http://a:secret@x/")).contains("to http://x/ (302), which is no rtsp:// URL"));
        assert!(!refused(302, Some("rtsp://x/\u{9b}2J\x1b[2J")).contains(char::is_control));
        assert!(refused(404, None).contains("nothing of that name"));
        assert!(refused(500, None).contains("DESCRIBE"));
    }

    #[test]
    fn a_name_that_nobody_knows_is_told_in_words_for_people() {
        let error = io::Error::other("failed to lookup address information: Name or service not known");
        let told = Error::Resolve("nowhere".into(), error).to_string();
        assert_eq!(told, "no machine called nowhere is known here (name or service not known)");
    }

    #[test]
    fn passwords_are_shown_to_nobody() {
        for (url, shown) in [
            ("rtsp://anna:hunter2@cam:554/x?y", "rtsp://cam:554/x?y"),
            ("rtsp://anna:hunter2@cam:99999/x", "rtsp://cam:99999/x"),
            ("rtsp://anna:hun/ter2@cam/x", "rtsp://cam/x"),
            ("http://anna:hunter2@cam/x", "http://cam/x"),
            ("anna:hunter2@cam/x", "cam/x"),
            ("cam/x", "cam/x"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }

    #[test]
    fn advice_is_about_what_was_not_tried() {
        let nothing = |transport| Error::NothingArrived { dialect: Dialect::Standard, transport }.to_string();
        assert!(nothing(Transport::Udp).contains("TCP may be"));
        assert!(nothing(Transport::Tcp).contains("need UDP") && !nothing(Transport::Tcp).contains("firewall"));
        assert!(nothing(Transport::Auto).contains("neither over UDP nor over TCP"));
    }
}
