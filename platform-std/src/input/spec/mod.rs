//! `NAME=INPUT`: what is to be served under a name, as command lines and configurations write it.

mod error;
mod escapes;
mod foreign;
mod parameters;
mod remote;
mod variables;
mod words;

pub use error::SpecError;
pub use parameters::{Parameters, Start};
pub use remote::{Remote, expand_url};

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use super::redact::{Secrets, mask, mask_whole, redact_whole};
use crate::media::Order;
use crate::reach::Reach;
use variables::Variables;

/// An input and its name, as people write them:
///
/// | text | input |
/// |---|---|
/// | `cam=-` | standard input |
/// | `cam=exec:PROGRAM ARGUMENTS` | what a program writes to its standard output |
/// | `cam=http://camera/stream` | a stream or single pictures over HTTP; also `https://` |
/// | `cam=rtsp://camera/stream` | another server's stream; also `rtsps://` |
/// | `cam=push:` | what a client of this server records |
/// | `cam=/dev/video0` | a camera |
/// | `cam=PATH` | a FIFO; a file, or a folder of pictures, which are no live inputs but films |
///
/// Parameters stand behind `#`: `cam=http://camera/snap.jpg?x=1#poll=0.5#always`. `${VARIABLE}` is a value of the environment,
/// which is never taken apart: a password may hold anything.
///
/// ```
/// use mutoscope_std::input::{Source, Spec};
///
/// let spec = Spec::parse("cam=http://anna:secret@192.0.2.7:81/stream?key=7#rate=12.5")?;
/// let Source::Http(remote) = spec.source() else { panic!("it is a URL") };
/// assert_eq!((spec.name(), remote.host(), remote.port(), remote.target()), ("cam", "192.0.2.7", Some(81), "/stream?key=7"));
/// assert_eq!(spec.parameters().rate, Some("12.5".parse()?));
/// // What is shown of it holds no secret.
/// assert_eq!(spec.to_string(), "cam=http://192.0.2.7:81/stream?key=…#rate=12.5");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Spec {
    name: String,
    source: Source,
    parameters: Parameters,
    /// As it was written, without secrets.
    shown: String,
    secrets: Secrets,
    /// As it was written, and the values of its variables: where all of it is the same, so is the input.
    written: (String, Vec<String>),
    /// Where it may be.
    reach: Reach,
}

/// Where the pictures of an input come from. Neither `Debug` nor `Display` shows a secret.
#[derive(Clone)]
#[non_exhaustive]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A program, and what is said to it.
    Exec(Vec<String>),
    /// `http://` or `https://`.
    Http(Remote),
    /// `rtsp://` or `rtsps://`.
    Rtsp(Remote),
    /// What is sent to this server.
    Push,
    /// A camera: `/dev/video0`, `/dev/v4l/by-id/…`.
    Device(PathBuf),
    /// A FIFO, a folder or a file.
    Path(PathBuf),
}

/// Something that a command line names.
#[derive(Clone, Debug)]
pub enum Argument {
    /// A file or a folder.
    Path(PathBuf),
    /// `NAME=INPUT`.
    Spec(Box<Spec>),
}

impl Argument {
    /// Tells paths and inputs apart. What exists as a path is one, whatever it looks like.
    ///
    /// # Errors
    /// What is no path and looks like an input without being one.
    pub fn parse(text: &OsStr) -> Result<Self, SpecError> {
        let path = Path::new(text);
        let name = text.to_str().and_then(|text| text.split_once('=')).map(|(name, _)| name);
        match (name, text.to_str()) {
            (Some(name), Some(text)) if !name.contains('/') && path.symlink_metadata().is_err() => {
                Spec::parse(text).map(|spec| Self::Spec(Box::new(spec)))
            }
            _ => Ok(Self::Path(path.to_owned())),
        }
    }
}

impl Spec {
    /// Reads `NAME=INPUT`, with variables of the environment.
    ///
    /// # Errors
    /// See [`SpecError`].
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        Self::parse_with(text, |name| env::var(name).ok())
    }

    /// The same with variables of `lookup`.
    ///
    /// # Errors
    /// See [`SpecError`].
    pub fn parse_with(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SpecError> {
        let (name, input) = text.split_once('=').ok_or(SpecError::NoName)?;
        check_name(name)?;
        let mut variables = Variables::new(&lookup);
        // An input that begins with a variable may be one altogether, and is read as if its value had been written here.
        let whole = if input.starts_with("${") { Some(variables.expand(input)?) } else { None };
        let (source, parameters) = match &whole {
            Some(whole) => read(whole, &mut variables).map_err(SpecError::without_words)?,
            None => read(input, &mut variables)?,
        };
        let source = match source {
            Source::Http(remote) if whole.is_some() => Source::Http(remote.shown_as(input)),
            Source::Rtsp(remote) if whole.is_some() => Source::Rtsp(remote.shown_as(input)),
            source => source,
        };
        check_parameters(&source, &parameters)?;
        let Variables { used: secrets, values, .. } = variables;
        // Parameters are no part of a URL's query, of which nothing is shown.
        let (head, parameters_text) = text.split_at(text.len() - input.len() + parameters_at(input));
        let head = match source {
            Source::Http(_) | Source::Rtsp(_) => redact_whole(head),
            _ => head.to_owned(),
        };
        let reach = Reach::Anywhere;
        let shown = secrets.hide(&head) + &secrets.hide(parameters_text);
        Ok(Self {
            name: name.to_owned(),
            source,
            parameters,
            shown,
            secrets,
            written: (text.to_owned(), values),
            reach,
        })
    }

    /// The name under which it is served.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its pictures come from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What is said of it behind `#`.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// When it runs: what was said, or what is usual for its kind. Programs and what is in the network run on demand; whoever
    /// writes to a pipe would have to wait, so pipes are read always.
    pub fn start(&self) -> Start {
        let usual = match self.source {
            Source::Exec(_) | Source::Http(_) | Source::Rtsp(_) | Source::Device(_) => Start::OnDemand,
            Source::Stdin | Source::Push | Source::Path(_) => Start::Always,
        };
        self.parameters.start.unwrap_or(usual)
    }

    /// Which addresses it may be at.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// The input as it was written, for a file that is to be read again: variables by their names, and literal passwords of
    /// URLs, and values in their queries, masked ([`MASK`](super::MASK)). Arguments of programs are shown.
    pub fn masked(&self) -> String {
        let (text, _) = &self.written;
        let input = text.split_once('=').map_or("", |(_, input)| input);
        let (head, parameters) = input.split_at(parameters_at(input));
        let head = match self.source {
            Source::Http(_) | Source::Rtsp(_) => mask_whole(head),
            Source::Exec(_) => mask(head),
            _ => head.to_owned(),
        };
        head + parameters
    }

    /// What is hidden in what is shown of it.
    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// `text` about this input, such as what its program says, without the secrets in its description.
    pub fn hide_secrets(&self, text: &str) -> String {
        self.secrets.hide(text)
    }
}

/// Whether both describe the same, variables included.
impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written && self.reach == other.reach
    }
}

impl Eq for Spec {}

/// As it was written, without the secrets in it.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spec({self})")
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("Stdin"),
            // Words and paths may have been made of secrets.
            Self::Exec(_) => f.write_str("Exec"),
            Self::Http(remote) | Self::Rtsp(remote) => remote.fmt(f),
            Self::Push => f.write_str("Push"),
            Self::Device(_) => f.write_str("Device"),
            Self::Path(_) => f.write_str("Path"),
        }
    }
}

fn check_name(name: &str) -> Result<(), SpecError> {
    let why = match name {
        "" => "it is empty",
        "*" => "in requests it stands for the server itself",
        "." | ".." => "no URL can lead there",
        _ if name.contains(['/', '?', '#']) => "a name has no slash, question mark or hash",
        _ if name.chars().any(char::is_control) => "it holds control characters",
        _ => return Ok(()),
    };
    Err(SpecError::Name { name: name.to_owned(), why })
}

fn read(input: &str, variables: &mut Variables<'_>) -> Result<(Source, Parameters), SpecError> {
    let (head, parameters) = input.split_at(parameters_at(input));
    let parameters = Parameters::parse(parameters, variables)?;
    let scheme = |scheme| strip_prefix_ignore_case(head, scheme);
    let source = if head.is_empty() {
        return Err(SpecError::Empty);
    } else if head == "-" {
        Source::Stdin
    } else if let Some(command) = scheme("exec:") {
        let words = words::words(command, variables)?;
        if words.first().is_none_or(String::is_empty) {
            return Err(SpecError::NoProgram);
        }
        Source::Exec(words)
    } else if let Some(rest) = scheme("http://") {
        Source::Http(Remote::parse("http", rest, variables)?)
    } else if let Some(rest) = scheme("https://") {
        Source::Http(Remote::parse(with_tls("https")?, rest, variables)?)
    } else if let Some(rest) = scheme("rtsp://") {
        Source::Rtsp(Remote::parse("rtsp", rest, variables)?)
    } else if let Some(rest) = scheme("rtsps://") {
        Source::Rtsp(Remote::parse(with_tls("rtsps")?, rest, variables)?)
    } else if let Some(rest) = scheme("push:") {
        if !rest.is_empty() {
            return Err(SpecError::Url { why: "nothing stands behind push:" });
        }
        Source::Push
    } else {
        let path = PathBuf::from(variables.expand(head)?);
        let is_camera = path.starts_with("/dev/v4l") || head.starts_with("/dev/video");
        if is_camera { Source::Device(path) } else { Source::Path(path) }
    };
    Ok((source, parameters))
}

/// A scheme that takes TLS.
fn with_tls(scheme: &'static str) -> Result<&'static str, SpecError> {
    if cfg!(feature = "tls") { Ok(scheme) } else { Err(SpecError::NoTls { scheme }) }
}

/// Parameters that mean nothing to an input are mistakes.
fn check_parameters(source: &Source, parameters: &Parameters) -> Result<(), SpecError> {
    let Parameters { poll, size, order, times, tls_pin, record, segment, keep, .. } = parameters;
    let is_secure = matches!(source, Source::Http(remote) | Source::Rtsp(remote) if remote.is_secure());
    if tls_pin.is_some() && !is_secure {
        return Err(SpecError::Parameter { key: "tls-pin", of: "https:// and rtsps://" });
    }
    if poll.is_some() && !matches!(source, Source::Http(_)) {
        return Err(SpecError::Parameter { key: "poll", of: "http://" });
    }
    if size.is_some() && !matches!(source, Source::Device(_)) {
        return Err(SpecError::Parameter { key: "size", of: "cameras (/dev/video0)" });
    }
    if order.is_some() && !matches!(source, Source::Path(_)) {
        return Err(SpecError::Parameter { key: "order", of: "folders of pictures" });
    }
    for (key, is_there) in [("segment", segment.is_some()), ("keep", keep.is_some())] {
        if is_there && record.is_none() {
            return Err(SpecError::Parameter { key, of: "recordings (#record=FOLDER)" });
        }
    }
    if *times == Some(true) && !matches!(order, Some(Order::Exif | Order::Modified)) {
        let of = "folders of pictures in the order of their times (#order=exif, #order=mtime)";
        return Err(SpecError::Parameter { key: "times", of });
    }
    Ok(())
}

/// Where the parameters of an input begin: at the first `#`, which words of a program may hold in quotes.
fn parameters_at(input: &str) -> usize {
    let is_program = strip_prefix_ignore_case(input, "exec:").is_some();
    let hash = if is_program { words::unquoted_hash(input) } else { input.find('#') };
    hash.unwrap_or(input.len())
}

fn strip_prefix_ignore_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn lookup(name: &str) -> Option<String> {
        let value = match name {
            "PASSWORD" => "p@s:s/w%41#?",
            "HOST" => "192.0.2.9:81",
            "ODD" => "50% \u{fc}#%41&b",
            "LONG" => return Some("x".repeat(300)),
            "ALL" => "http://u:geheim@h/x?k=${PASSWORD}#always",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn parse(text: &str) -> Result<Spec, SpecError> {
        Spec::parse_with(text, lookup)
    }

    fn source(text: &str) -> String {
        format!("{:?}", parse(text).unwrap().source())
    }

    #[test]
    fn variables_of_urls_are_taken_as_they_are_and_never_told() {
        let lookup = |name: &str| {
            let value = match name {
                "USER" => "an:na",
                "SECRET" => "a@b/${USER}%41",
                "HOST" => "cam.example",
                "URL" => "rtsp://u:p@cam/x y",
                _ => return None,
            };
            Some(value.to_owned())
        };
        for (text, url) in [
            ("rtsp://cam/x", "rtsp://cam/x"),
            ("rtsp://${USER}:${SECRET}@${HOST}:8554/x", "rtsp://an%3Ana:a%40b%2F%24%7BUSER%7D%2541@cam.example:8554/x"),
            ("anna:x%20${SECRET}@cam/y", "anna:x%20a%40b%2F%24%7BUSER%7D%2541@cam/y"),
            ("rtsp://cam/x?token=${SECRET}", "rtsp://cam/x?token=a@b/$%7BUSER%7D%41"),
            ("${URL}", "rtsp://u:p@cam/x y"),
            ("${HOST}/x", "cam.example/x"),
        ] {
            assert_eq!(expand_url(text, &lookup).as_deref(), Ok(url), "{text}");
        }
        for (text, error) in [
            ("rtsp://anna:hunter2${NONE}@cam/x", SpecError::Variable { name: "NONE".into() }),
            ("${SECRET}${NONE}", SpecError::Variable { name: "NONE".into() }),
            ("rtsp://anna:${SECRET@cam/x", SpecError::BadVariable),
            ("rtsp://cam/${}", SpecError::BadVariable),
        ] {
            assert_eq!(expand_url(text, &lookup), Err(error.clone()), "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn each_kind_is_told_by_how_it_begins() {
        for (text, shown) in [
            ("cam=-", "Stdin"),
            ("cam=exec:rpicam-vid --codec mjpeg -o -", "Exec"),
            ("cam=HTTP://h", "Remote(http://h)"),
            ("cam=http://h:81?a=b", "Remote(http://h:81?a=…)"),
            ("cam=http://[fe80::1]:81/x#rate=5", "Remote(http://[fe80::1]:81/x)"),
            ("cam=rtsp://u:p@h/x", "Remote(rtsp://h/x)"),
            ("cam=push:", "Push"),
            ("cam=/dev/video0#size=1280x720#rate=30", "Device"),
            ("cam=/dev/v4l/by-id/usb", "Device"),
            ("cam=/tmp/fifo", "Path"),
            ("cam=a=b", "Path"),
        ] {
            assert_eq!(source(text), shown, "{text}");
        }
    }

    #[test]
    fn parameters_stand_behind_hashes_and_leave_queries_alone() {
        let spec = parse("a b=http://h/snap.jpg?rate=7&x#poll=0.5#always#rate=29.97").unwrap();
        let Source::Http(remote) = spec.source() else { panic!("{spec:?}") };
        assert_eq!((spec.name(), remote.target()), ("a b", "/snap.jpg?rate=7&x"));
        let Parameters { rate, start, poll, size, .. } = *spec.parameters();
        assert_eq!((rate, poll, size), ("29.97".parse().ok(), Some(Duration::from_millis(500)), None));
        assert_eq!((start, spec.start()), (Some(Start::Always), Start::Always));
        let spec = parse("c=exec:convert -fill '#ff0000' \"a#b\" \\#c#rate=5").unwrap();
        let Source::Exec(words) = spec.source() else { panic!("{spec:?}") };
        assert_eq!(words, &["convert", "-fill", "#ff0000", "a#b", "#c"]);
        assert_eq!((spec.parameters().rate, spec.start()), ("5".parse().ok(), Start::OnDemand));
        assert_eq!(parse("c=/dev/video0#size=1280x720").unwrap().parameters().size, Some((1280, 720)));
        assert_eq!(parse("c=-#on-demand").unwrap().start(), Start::OnDemand);
    }

    #[test]
    fn mistakes_are_told_in_a_sentence() {
        for (text, sentence) in [
            ("cam", "expected NAME=INPUT, such as cam=http://camera/stream"),
            ("=-", "the name \"\" cannot be served: it is empty"),
            ("*=-", "the name \"*\" cannot be served: in requests it stands for the server itself"),
            ("a/b=-", "the name \"a/b\" cannot be served: a name has no slash, question mark or hash"),
            ("cam=", "there is no input behind the name"),
            ("cam=#always", "there is no input behind the name"),
            ("cam=exec:", "expected a program behind exec:"),
            ("cam=exec:'a", "a quotation mark lacks its other one"),
            ("cam=http:///x", "not a URL: it has no host"),
            ("cam=http://h:0/", "not a URL: the host or its port is wrong"),
            ("cam=http://h/a b", "not a URL: there is a space in it; %20 is one"),
            ("cam=http://a b/", "not a URL: there is a space in its host"),
            (
                "cam=rtsp://h/x?k=50%",
                "not a URL: a % in it lacks its two hexadecimal digits; %25 is one that stands for itself",
            ),
            ("cam=rtsp://h%/x", "not a URL: the host or its port is wrong"),
            ("cam=rtsp://h/${LONG}", "not a URL: it is longer than 256 bytes, with the values of its variables"),
            #[cfg(not(feature = "tls"))]
            (
                "cam=https://h/",
                "https:// takes TLS, which was left out when this program was built (the feature \"tls\")",
            ),
            (
                "cam=http://h/#tls-pin=x",
                "#tls-pin takes the SHA-256 fingerprint of a certificate, 64 hexadecimal digits",
            ),
            ("cam=http://h/${NONE}", "the environment variable NONE is not set"),
            ("cam=http://h/${", "\"${\" begins a variable and needs its name and \"}\""),
            (
                "cam=-#rat=5",
                "there is no parameter \"rat\"; those there are: rate, always, on-demand, poll, size, order, times, tls-pin, record, segment, keep, no-signal",
            ),
            ("cam=-#rate=fast", "#rate takes pictures per second: 25, 29.97 or 30000/1001"),
            ("cam=-#always=1", "#always takes no value"),
            ("cam=http://h/#poll=0", "#poll takes seconds from 0.01 to 86400"),
            ("cam=-#poll=1", "#poll is for http://"),
            ("cam=-#record=", "#record takes a folder, for the recordings of this stream alone"),
            ("cam=-#record=/r#segment=1s", "#segment takes a time from 10s to 24h: 10m"),
            ("cam=-#no-signal=maybe", "#no-signal takes true, false or no value"),
            ("cam=-#record=/r#keep=long", "#keep takes a time or a size: 7d, 12h, 50GB"),
            ("cam=-#keep=7d", "#keep is for recordings (#record=FOLDER)"),
            ("cam=-#order=name", "#order is for folders of pictures"),
            ("cam=http://h/#size=1x1", "#size is for cameras (/dev/video0)"),
            ("cam=/tmp#order=time", "#order takes name, exif or mtime"),
            ("cam=/tmp#order=exif#times", "#times takes true or false"),
            (
                "cam=/tmp#times=true#order=name",
                "#times is for folders of pictures in the order of their times (#order=exif, #order=mtime)",
            ),
            ("cam=/dev/video0#size=0x1", "#size takes width and height in pixels: 1280x720"),
        ] {
            assert_eq!(parse(text).expect_err(text).to_string(), sentence, "{text}");
        }
    }

    #[test]
    fn values_of_variables_become_what_urls_can_hold() {
        for scheme in ["http", "rtsp"] {
            let spec = parse(&format!("cam={scheme}://${{ODD}}:${{ODD}}@h/${{ODD}}/%41?k=${{ODD}}&ü")).unwrap();
            let (Source::Http(remote) | Source::Rtsp(remote)) = spec.source() else { panic!("{spec:?}") };
            let value = "50%25%20%C3%BC%23%41&b";
            assert_eq!(remote.target(), format!("/{value}/%41?k={value}&%C3%BC"));
            let odd = lookup("ODD").unwrap();
            assert!(remote.credentials() == mutoscope::auth::Credentials::new(&odd, &odd).ok().as_ref());
        }
        let refused = parse("cam=http://h/${ODD}${NONE}").unwrap_err();
        assert_eq!(refused, SpecError::Variable { name: "NONE".into() });
        // One that begins the next literal's escape does not.
        let spec = parse("cam=http://h/${ODD}41").unwrap();
        let Source::Http(remote) = spec.source() else { panic!("{spec:?}") };
        assert!(remote.target().ends_with("&b41"));
    }

    #[test]
    fn secrets_are_used_and_never_shown() {
        let spec = parse("cam=http://anna:${PASSWORD}@${HOST}/x?pw=${HOST}").unwrap();
        let Source::Http(remote) = spec.source() else { panic!("{spec:?}") };
        assert_eq!((remote.host(), remote.port(), remote.target()), ("192.0.2.9", Some(81), "/x?pw=192.0.2.9:81"));
        let credentials = mutoscope::auth::Credentials::new("anna", "p@s:s/w%41#?").unwrap();
        assert!(remote.credentials() == Some(&credentials));
        assert_eq!(spec.to_string(), "cam=http://${HOST}/x?pw=…");
        assert_eq!(spec.hide_secrets("login p@s:s/w%41#? at http://x:y@h/"), "login ${PASSWORD} at http://h/");
        let spec = parse("cam=exec:curl -u a:${PASSWORD} http://u:secret@h/").unwrap();
        let Source::Exec(words) = spec.source() else { panic!("{spec:?}") };
        assert_eq!(words[2], "a:p@s:s/w%41#?");
        assert_eq!(spec.to_string(), "cam=exec:curl -u a:${PASSWORD} http://h/");
        assert_eq!(parse("cam=http://anna:a<b'c@h/x").unwrap().to_string(), "cam=http://h/x");
        let spec = parse("cam=${ALL}").unwrap();
        assert_eq!(spec.to_string(), "cam=${ALL}");
        assert_eq!(spec.start(), Start::Always);
        for shown in [format!("{spec:?}"), format!("{:?}", spec.source())] {
            assert!(!shown.contains("geheim") && !shown.contains("PASSWORD"), "{shown}");
        }
    }

    #[test]
    fn what_is_written_to_a_file_loads_again_and_holds_no_secret() {
        for (input, masked) in [
            (
                "rtsp://anna:geheim@${HOST}/x?pw=geheim&k=${PASSWORD}#rate=5",
                "rtsp://anna:***@${HOST}/x?pw=***&k=${PASSWORD}#rate=5",
            ),
            ("http://${ODD}:${PASSWORD}@h/${ODD}#poll=1", "http://${ODD}:${PASSWORD}@h/${ODD}#poll=1"),
            ("http://a:gehe'im<@h/", "http://a:***@h/"),
            ("${ALL}", "${ALL}"),
            (
                "exec:curl -u 'a:b' \"u:${PASSWORD}\" http://u:geheim@h/ '#'#always",
                "exec:curl -u 'a:b' \"u:${PASSWORD}\" http://u:***@h/ '#'#always",
            ),
            ("/dev/video0#size=1x1", "/dev/video0#size=1x1"),
        ] {
            let spec = parse(&format!("cam={input}")).unwrap();
            assert_eq!(spec.masked(), masked);
            let again = parse(&format!("cam={masked}")).unwrap();
            assert_eq!(again.masked(), masked);
            assert_eq!(again.to_string(), spec.to_string());
        }
    }

    #[test]
    fn what_exists_is_a_path_whatever_it_looks_like() {
        let folder = crate::media::testing::Folder::new();
        let file = folder.file("cam=-", b"");
        let argument = |text: &OsStr| Argument::parse(text);
        assert!(matches!(argument(file.as_os_str()), Ok(Argument::Path(path)) if path == file));
        assert!(matches!(argument(OsStr::new("cam=-")), Ok(Argument::Spec(_))));
        assert!(matches!(argument(OsStr::new("films/a=b.mjpeg")), Ok(Argument::Path(_))));
        assert!(matches!(argument(OsStr::new("film.mjpeg")), Ok(Argument::Path(_))));
        assert!(matches!(argument(OsStr::new("cam=")), Err(SpecError::Empty)));
    }
}
