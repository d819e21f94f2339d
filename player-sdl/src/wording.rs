//! Makes sentences of the texts that errors and reasons come as, and says what can be done about them.

use mutoscope_std::client::Error;
use mutoscope_std::console::OneLine;
use std::io;

/// Returns the text with a capital letter at its beginning, as a sentence has.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Returns the text with a small letter at its beginning, as it reads behind a colon.
pub(crate) fn uncapitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Why a stream cannot be shown, as far as it decides on what the user can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// There is no machine of that name.
    UnknownHost,
    /// Nobody listens at the port.
    NoListener,
    /// The machine cannot be reached.
    Unreachable,
    /// The server has no stream of that name.
    NotFound,
    /// The server has the file, but cannot send it.
    Unsendable,
    /// The server takes no more clients now.
    Full,
    /// The server does not send in the way that was asked for.
    Transport,
    /// What answers is no RTSP server.
    NotRtsp,
    /// The stream has no motion JPEG.
    NotJpeg,
    /// The server says that it plays, and nothing arrives.
    NothingArrived,
    /// The user was asked for a password, and did not answer.
    Unanswered,
    /// The user was asked whether the server's certificate is to be believed, and did not say so.
    Untrusted,
    /// User and password are wrong, or wanted in a way that is not known.
    Unauthorized,
    Other,
}

impl Cause {
    pub(crate) fn of(error: &Error) -> Self {
        use mutoscope::session::client::Error as Protocol;
        match error {
            Error::Resolve(..) => Self::UnknownHost,
            Error::Connect(_, error) if error.kind() == io::ErrorKind::ConnectionRefused => Self::NoListener,
            Error::Connect(..) => Self::Unreachable,
            Error::Unauthorized(_) => Self::Unauthorized,
            Error::Refused { status, .. } => match status.0 {
                404 | 410 => Self::NotFound,
                415 => Self::Unsendable,
                453 | 503 => Self::Full,
                461 => Self::Transport,
                _ => Self::Other,
            },
            // So do most servers of the lab say it.
            Error::NoFile(_) => Self::NotFound,
            Error::Protocol(Protocol::NoJpegVideo) => Self::NotJpeg,
            Error::Protocol(Protocol::Message(_)) => Self::NotRtsp,
            Error::NothingArrived { .. } => Self::NothingArrived,
            // What one of the dialects was told in words says more than that the other was not answered.
            Error::NoDialect(standard, lab) => match (Self::of(lab), Self::of(standard)) {
                (Self::Other, Self::Other) => Self::NotRtsp,
                (Self::Other, cause) | (cause, _) => cause,
            },
            _ => Self::Other,
        }
    }

    /// The title of the notice.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::UnknownHost | Self::NoListener | Self::Unreachable => "Cannot reach the server",
            Self::NotFound => "There is no such stream",
            Self::Unsendable => "The server cannot stream this file",
            Self::Full => "The server is full",
            Self::NotRtsp => "This is not an RTSP server",
            Self::NotJpeg => "This stream is not motion JPEG",
            Self::Unanswered | Self::Unauthorized => "The server lets nobody in unasked",
            Self::Untrusted => "The server is not trusted",
            Self::Transport | Self::NothingArrived | Self::Other => "This stream cannot be played",
        }
    }

    /// What the user can do about it, besides what the notice's buttons do.
    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Self::UnknownHost => "Check how the name is spelled, and the network.",
            Self::NoListener => "Start the server, or check the port in the URL.",
            Self::Unreachable => "Check the address and the network.",
            Self::NotFound => "Check the name in the URL, capitals too. The start page lists what is heard here.",
            Self::Unsendable => {
                "Asking again changes nothing. A Mutoscope server can convert it: --on-unsupported convert."
            }
            Self::Full => "Somebody has to leave first.",
            Self::Transport | Self::NothingArrived => "Another way may work: --transport tcp, or udp.",
            Self::NotRtsp => "Check the port in the URL: RTSP's is 554 or 8554.",
            Self::NotJpeg => "Another program has to play it: this one shows motion JPEG alone.",
            Self::Unanswered => "Who logs in may watch.",
            Self::Untrusted => "You are asked again, and shown its certificate.",
            Self::Unauthorized => "Ask whoever runs it for a user and a password.",
            Self::Other => "",
        }
    }
}

/// Returns a URL as people read it: characters of other scripts, and spaces, instead of their percent-encoding. What has a meaning in
/// URLs stays encoded, and so do characters that would turn the order of the others around.
pub(crate) fn readable(url: &str) -> String {
    let bytes = url.as_bytes();
    let byte_at = |at: usize| -> Option<u8> {
        let hex = bytes.get(at + 1..at + 3).filter(|_| bytes.get(at) == Some(&b'%'))?;
        u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
    };
    let (mut out, mut at) = (String::with_capacity(url.len()), 0);
    while let Some(rest) = url.get(at..).filter(|rest| !rest.is_empty()) {
        let encoded: Vec<u8> = (0..4).map_while(|index| byte_at(at + 3 * index)).collect();
        let whole = (1..=encoded.len()).find_map(|len| {
            let c = std::str::from_utf8(&encoded[..len]).ok()?.chars().next()?;
            (c == ' ' || (!c.is_ascii() && is_harmless(c))).then_some((c, 3 * len))
        });
        let (c, len) = whole.unwrap_or_else(|| rest.chars().next().map_or((' ', 1), |c| (c, c.len_utf8())));
        out.push(c);
        at += len;
    }
    OneLine(out).to_string()
}

/// Whether a character changes nothing about the others around it.
pub(crate) fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use mutoscope::wire::rtsp::StatusCode;
    use mutoscope_std::client::Command;

    #[test]
    fn urls_are_readable_and_stay_unambiguous() {
        for (url, shown) in [
            ("rtsp://cam:554/%D7%A9%D7%9C%D7%95%D7%9D.mjpeg", "rtsp://cam:554/שלום.mjpeg"),
            ("rtsp://cam/a%20b%2Fc%3Fd%25", "rtsp://cam/a b%2Fc%3Fd%25"),
            ("rtsp://cam/%E7%94%B5%E5%BD%B1", "rtsp://cam/电影"),
            ("rtsp://cam/%E2%80%AEgpj", "rtsp://cam/%E2%80%AEgpj"),
            ("rtsp://cam/%ff%zz%", "rtsp://cam/%ff%zz%"),
            ("rtsp://cam/é", "rtsp://cam/é"),
            ("", ""),
        ] {
            assert_eq!(readable(url), shown);
        }
    }

    #[test]
    fn each_failure_says_what_can_be_done() {
        let refused = |code| Error::Refused { status: StatusCode(code), during: Command::Describe, location: None };
        assert_eq!(Cause::of(&refused(404)), Cause::NotFound);
        assert_eq!(Cause::of(&Error::NoFile(Command::Play)), Cause::NotFound);
        assert_eq!(Cause::of(&refused(415)), Cause::Unsendable);
        let silent = || Box::new(Error::NoAnswer(Command::Options));
        assert_eq!(Cause::of(&Error::NoDialect(silent(), silent())), Cause::NotRtsp);
        assert_eq!(Cause::of(&Error::NoDialect(silent(), Box::new(refused(404)))), Cause::NotFound);
        let failed = |kind| Error::Connect(([127, 0, 0, 1], 1).into(), io::Error::from(kind));
        assert_eq!(Cause::of(&failed(io::ErrorKind::ConnectionRefused)), Cause::NoListener);
        assert_eq!(Cause::of(&failed(io::ErrorKind::TimedOut)), Cause::Unreachable);
        for cause in [Cause::Other, Cause::NotFound, Cause::Full, Cause::NotJpeg, Cause::Unauthorized] {
            let advice = cause.advice();
            assert!(!cause.title().is_empty() && (advice.is_empty() || advice.ends_with('.')), "{cause:?}");
        }
    }
}
