//! Writing messages into a caller's buffer.

use super::{Method, StatusCode};
use crate::wire::text::{OneLine, SliceWriter, is_token_byte};
use core::fmt::{self, Display, Write};

/// The buffer is too small for the message. Send nothing of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Full;

impl From<fmt::Error> for Full {
    fn from(_: fmt::Error) -> Self {
        Self
    }
}

/// Writes one message: start line, headers, then [`finish`](Self::finish).
///
/// No value given to it can end a line or the header block. Control characters become spaces in values, underscores in names,
/// and percent escapes in URIs. Only the body is written as it is.
///
/// ```
/// use mutoscope::wire::rtsp::{Emitter, StatusCode};
///
/// let mut buffer = [0; 64];
/// let len = Emitter::response(&mut buffer, StatusCode::OK)?.header("CSeq", 1)?.finish()?;
/// assert_eq!(&buffer[..len], b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
/// # Ok::<(), mutoscope::wire::rtsp::Full>(())
/// ```
#[derive(Debug)]
pub struct Emitter<'b> {
    out: SliceWriter<'b>,
}

impl<'b> Emitter<'b> {
    /// Begins a response (RFC 2326 section 7.1).
    ///
    /// # Errors
    /// [`Full`] where the status line does not fit.
    pub fn response(buffer: &'b mut [u8], status: StatusCode) -> Result<Self, Full> {
        let mut out = SliceWriter::new(buffer);
        write!(out, "RTSP/1.0 {status} {}\r\n", status.reason())?;
        Ok(Self { out })
    }

    /// Begins a request (RFC 2326 section 6.1). `uri` is anything that displays as a URI.
    ///
    /// # Errors
    /// [`Full`] where the request line does not fit.
    pub fn request(buffer: &'b mut [u8], method: Method<'_>, uri: impl Display) -> Result<Self, Full> {
        let mut out = SliceWriter::new(buffer);
        write!(Token(&mut out), "{method}")?;
        out.write_str(" ")?;
        write!(out, "{} RTSP/1.0\r\n", RequestUri(uri))?;
        Ok(Self { out })
    }

    /// Adds a header.
    ///
    /// # Errors
    /// [`Full`] where it does not fit, or where `value` fails to format.
    pub fn header(self, name: &str, value: impl Display) -> Result<Self, Full> {
        self.line(name, format_args!("{value}"))
    }

    /// The same, once in a program and not for each type that displays.
    #[inline(never)]
    fn line(mut self, name: &str, value: fmt::Arguments<'_>) -> Result<Self, Full> {
        Token(&mut self.out).write_str(name)?;
        self.out.write_str(": ")?;
        OneLine(&mut self.out).write_fmt(value)?;
        self.out.write_str("\r\n")?;
        Ok(self)
    }

    /// Ends the header block; returns the message's length.
    ///
    /// # Errors
    /// [`Full`] where the blank line does not fit.
    pub fn finish(mut self) -> Result<usize, Full> {
        self.out.write_str("\r\n")?;
        Ok(self.out.len())
    }

    /// Adds `Content-Type`, `Content-Length` and a body that `body` formats; returns the message's length.
    ///
    /// # Errors
    /// [`Full`] where it does not fit. `body` is formatted twice and must be the same both times.
    pub fn finish_with_body(self, content_type: &str, body: impl Display) -> Result<usize, Full> {
        let mut counted = Count(0);
        write!(counted, "{body}")?;
        let mut message = self.header("Content-Type", content_type)?.header("Content-Length", counted.0)?;
        message.out.write_str("\r\n")?;
        let head_len = message.out.len();
        write!(message.out, "{body}")?;
        let len = message.out.len();
        if len.checked_sub(head_len) == Some(counted.0) { Ok(len) } else { Err(Full) }
    }
}

/// Counts bytes.
struct Count(usize);

impl Write for Count {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.checked_add(text.len()).ok_or(fmt::Error)?;
        Ok(())
    }
}

/// Passes token characters on, and writes underscores for all others. A dollar sign becomes an underscore too, since no message
/// may begin with one.
struct Token<'w, 'b>(&'w mut SliceWriter<'b>);

impl Write for Token<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let allowed = |byte| is_token_byte(byte) && byte != b'$';
        text.bytes().try_for_each(|byte| self.0.write_bytes(&[if allowed(byte) { byte } else { b'_' }]))
    }
}

/// A URI as it stands in a request line: the characters that would end it there, spaces and control characters, are
/// percent-encoded.
pub(crate) struct RequestUri<U>(pub(crate) U);

impl<U: Display> Display for RequestUri<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Uri(f), "{}", self.0)
    }
}

struct Uri<'w, W>(&'w mut W);

impl<W: Write> Write for Uri<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            ' ' | '\x7f' | ..'\x20' => write!(self.0, "%{:02X}", u32::from(c)),
            _ => self.0.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rtsp::{Message, parse};
    use proptest::prelude::*;
    use std::string::String;

    #[test]
    fn a_response_is_written_as_the_standard_wants() {
        let mut buffer = [0; 128];
        let emitter = Emitter::response(&mut buffer, StatusCode::SESSION_NOT_FOUND).unwrap();
        let len = emitter.header("CSeq", 302).unwrap().finish().unwrap();
        assert_eq!(&buffer[..len], b"RTSP/1.0 454 Session Not Found\r\nCSeq: 302\r\n\r\n");
    }

    #[test]
    fn a_body_brings_its_length() {
        let mut buffer = [0; 128];
        let emitter = Emitter::request(&mut buffer, Method::SetParameter, "rtsp://h/x").unwrap();
        let len = emitter.finish_with_body("text/parameters", "a: b\r\n").unwrap();
        let expected = "SET_PARAMETER rtsp://h/x RTSP/1.0\r\n\
            Content-Type: text/parameters\r\nContent-Length: 6\r\n\r\na: b\r\n";
        assert_eq!(core::str::from_utf8(&buffer[..len]), Ok(expected));
    }

    #[test]
    fn no_value_can_begin_a_new_line() {
        let mut buffer = [0; 256];
        let emitter = Emitter::request(&mut buffer, Method::Other("PL\nAY X"), "rtsp://h/a b\r\nX: y").unwrap();
        let len = emitter.header("A\r\nB", "1\r\n\r\n\0RTSP/1.0").unwrap().finish().unwrap();
        let expected = "PL_AY_X rtsp://h/a%20b%0D%0AX:%20y RTSP/1.0\r\nA__B: 1     RTSP/1.0\r\n\r\n";
        assert_eq!(core::str::from_utf8(&buffer[..len]), Ok(expected));
    }

    #[test]
    fn a_buffer_one_byte_short_is_full_and_an_exact_one_is_not() {
        fn message(buffer: &mut [u8]) -> Result<usize, Full> {
            Emitter::response(buffer, StatusCode::OK)?.header("CSeq", 1)?.finish_with_body("text/plain", "body")
        }
        let len = message(&mut [0; 256]).unwrap();
        let mut buffer = [0; 256];
        assert_eq!(message(&mut buffer[..len]), Ok(len));
        for short in 0..len {
            assert_eq!(message(&mut buffer[..short]), Err(Full));
        }
    }

    #[test]
    fn a_body_that_changes_its_length_is_refused() {
        struct Fickle(core::cell::Cell<bool>);
        impl Display for Fickle {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(if self.0.replace(true) { "longer" } else { "short" })
            }
        }
        let mut buffer = [0; 256];
        let emitter = Emitter::response(&mut buffer, StatusCode::OK).unwrap();
        assert_eq!(emitter.finish_with_body("text/plain", Fickle(false.into())), Err(Full));
    }

    proptest! {
        #[test]
        fn whatever_is_emitted_parses_as_one_message_of_these_headers(
            method in "[!-~\\PC\r\n]{1,12}",
            uri in "[ -~\r\n\0é]{1,40}",
            name in "[ -~\r\n\0]{1,20}",
            value in "[ -~\t\r\n\0\u{85}é]{0,40}",
            body in "[ -~\r\n]{0,40}",
        ) {
            let mut buffer = [0; 1024];
            let emitter = Emitter::request(&mut buffer, Method::from_name(&method), &uri).unwrap();
            let emitter = emitter.header(&name, &value).unwrap();
            let len = emitter.finish_with_body("text/plain", &body).unwrap();
            // A random name may be Content-Length, and its value may contradict the real one.
            prop_assume!(!name.eq_ignore_ascii_case("content-length"));
            let Ok(Some((Message::Request(request), taken))) = parse(&buffer[..len]) else {
                return Err(TestCaseError::fail(String::from_utf8_lossy(&buffer[..len]).into_owned()));
            };
            prop_assert_eq!(taken, len);
            prop_assert_eq!(request.headers.iter().count(), 3);
            prop_assert_eq!(request.body, body.as_bytes());
        }
    }
}
