//! The command line, and what it says about the stream.

use crate::address::Address;
use crate::reconnect::Patience;
use clap::builder::{StringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Parser, ValueEnum};
use mutoscope::wire::url::Url;
use mutoscope_std::client::{Credentials, Dialect, Error, Impairments, Options, Transport};
use mutoscope_std::tls::Fingerprint;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Plays motion JPEG over RTSP in a window, or without one.
#[derive(Clone, Debug, Parser)]
#[command(
    version,
    after_help = "Keys: Space play/pause, S setup, Left/Right seek 5 s (with Shift 30 s), comma/period step a frame, Home/End, [ ] speed, B backwards, \
                  F full screen, P snapshot, R record, I statistics, D protocol, N bad network, O or Ctrl-V another address, Tab to the buttons, H help, Esc back, Q stop and quit. \
                  On a wall: arrows choose a stream, Enter, a click or 1 to 9 show it alone, Esc leads back.\n\nExits with 0 when it showed what was asked for, \
                  with 1 otherwise, and with 2 when it was called wrongly."
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) transport: TransportArgs,
    /// List the servers and streams that tell the local network of themselves (URL, tab, name) for so many seconds, 3 unless said, and
    /// play nothing; fails where none is heard.
    #[cfg(feature = "announce")]
    #[arg(long, value_name = "S", value_parser = seconds, num_args = 0..=1, require_equals = true, default_missing_value = "3", conflicts_with_all = ["url", "headless", "wait"])]
    pub(crate) discover: Option<Duration>,
    /// Without any window or display: receive, decode, record, and say how it went.
    #[arg(long)]
    pub(crate) headless: bool,
    /// Wait for SETUP and PLAY instead of playing at once.
    #[arg(long, conflicts_with = "headless")]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) extent: ExtentArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Give up when no picture has come for so many seconds, counted from the start or from when the stream was lost; 0:
    /// after a single attempt [default: never; when headless, no new attempt 5 s after the first has failed,
    /// or if the first took longer].
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub(crate) retry_for: Option<Duration>,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
    #[command(flatten)]
    pub(crate) testing: TestingArgs,
    /// Say more on standard error; twice for everything.
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

// The structs below have plain comments above them: clap takes a doc comment there for the description of the program.

// The stream: a URL, or the parts of one, which may come from the environment.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SourceArgs {
    /// What to play, `rtsp://[USER:PASSWORD@]HOST[:PORT]/NAME`, or rtsps:// for TLS; `${VARIABLE}` in it is a value of the environment.
    /// Several, 16 at most, are a wall of pictures [default: rtsp://SERVER_HOST:RTSP_PORT/VIDEO_FILE; in a window, where none of these
    /// is given either, the start page].
    #[arg(value_name = "URL", value_parser = Discreet(Address::given), num_args = 0..)]
    url: Vec<Address>,
    /// Another URL of the same stream, at another server, to go on at where the one before is gone; several times for several. Behind the
    /// last of them it is tried at the first one again. User, password and certificate are told to all of them.
    #[arg(long, value_name = "URL", value_parser = Discreet(Address::given), requires = "url")]
    fallback: Vec<Address>,
    /// The user's name, where the server asks for one.
    #[arg(long, env = "RTSP_USER", value_name = "NAME", value_parser = Discreet(user))]
    user: Option<String>,
    /// The user's password. Others on this machine can read a command line: rather give it in the environment, or when the player
    /// asks for it.
    #[arg(long, env = "RTSP_PASSWORD", value_name = "PASSWORD", hide_env_values = true, value_parser = Discreet(password))]
    password: Option<String>,
    /// Send the password as it is where the server takes nothing better (Basic), outside of TLS, too: whoever is on the way can
    /// read it.
    #[arg(long)]
    basic: bool,
    /// With rtsps://, believe the certificates in this file (PEM), and those for which they vouch [default: what the system
    /// believes].
    #[arg(long, env = "RTSP_TLS_CA", value_name = "FILE", conflicts_with = "tls_pin")]
    tls_ca: Option<PathBuf>,
    /// With rtsps://, believe the one certificate that has this SHA-256 fingerprint, whatever name it has [default: the player asks
    /// about those that it does not believe, and remembers the answer].
    #[arg(long, env = "RTSP_TLS_PIN", value_name = "FINGERPRINT")]
    tls_pin: Option<Fingerprint>,
    /// The server, where no URL is given [default: 127.0.0.1].
    #[arg(long, env = "SERVER_HOST", value_name = "HOST")]
    server_host: Option<String>,
    /// Its RTSP port, where no URL is given [default: 8554].
    #[arg(long, env = "RTSP_PORT", value_name = "PORT")]
    rtsp_port: Option<u16>,
    /// The stream's name, where no URL is given [default: movie.Mjpeg].
    #[arg(long, env = "VIDEO_FILE", value_name = "NAME")]
    video_file: Option<String>,
}

// How the stream travels.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TransportArgs {
    /// How media travels: udp, tcp, or auto (UDP, and TCP where that is refused or nothing arrives).
    #[arg(long, value_name = "udp|tcp|auto", default_value = "auto")]
    transport: Transport,
    /// Port for RTP over UDP, an even number; the next free pair where it is taken, any where it is 0.
    #[arg(long, env = "RTP_PORT", value_name = "PORT", default_value_t = 25_000, value_parser = even_port)]
    rtp_port: u16,
    /// What the server speaks: standard RTSP, the lab's dialect, or auto (RTSP, and the lab's where that is not answered).
    #[arg(long, value_name = "auto|standard|lab", default_value = "auto")]
    dialect: Dialect,
    /// Hold frames back for so many milliseconds, 100 at most, to even out jitter. 0: the lowest latency.
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=100))]
    buffer: u64,
}

// What a bad network does, tried out on RTP packets over UDP that have arrived.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct NetworkArgs {
    /// Try out a bad network: so many per cent of the RTP packets that arrive over UDP count as lost, always the same ones.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    loss: f64,
    /// So many per cent of them come twice.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    duplication: f64,
    /// So many per cent of them come 20 ms later than they would, so that others overtake them.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    reordering: f64,
    /// Each comes so many milliseconds later, 1000 at most.
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=1000))]
    delay: u64,
    /// Each comes up to so many milliseconds later than that, by chance, 1000 at most.
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=1000))]
    jitter: u64,
    /// The line carries so many megabits a second; what would wait longer than half a second is lost. 0: any number.
    #[arg(long, value_name = "MBIT", default_value_t = 0.0, value_parser = megabits)]
    rate: f64,
}

// Which part of the stream to play.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ExtentArgs {
    /// Quit after so many frames.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) frames: Option<u64>,
    /// Quit so many seconds after the first frame.
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,
    /// Begin at this second of the stream.
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub(crate) from: Option<Duration>,
}

// What to write besides showing pictures.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// Write every frame as it is received, one JPEG after the other.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Write the conversation with the server (RTSP, RTP, RTCP) to a file that Wireshark opens. Passwords, tokens and keys are covered in it;
    /// what goes through TLS is written as it is inside.
    #[cfg(feature = "pcap")]
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    /// Write what was said and heard as text at the end: RTSP with the client's states, the headers of the last 256 RTP packets, and
    /// RTCP. Passwords, tokens and keys are left out.
    #[arg(long, value_name = "FILE")]
    pub(crate) protocol: Option<PathBuf>,
    /// Save a picture as .png, or .jpg as it was received: the last one when headless, otherwise what the P key sees.
    #[arg(long, value_name = "FILE", value_parser = picture_file)]
    pub(crate) snapshot: Option<PathBuf>,
    /// Print statistics: one JSON object a line, each second and at the end.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) stats: Option<StatsFormat>,
}

// What the window looks like.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WindowArgs {
    /// How large the window's controls are: 1, 1.5, 2 … [default: as the display wants it].
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    pub(crate) scale: Option<f32>,
    /// What draws the window: auto (the graphics card, or the processor where there is none), or one of SDL's renderers.
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub(crate) renderer: String,
    /// Keep no list of what was played, and show none.
    #[arg(long)]
    pub(crate) no_recent: bool,
    /// The window's size at the start, in pixels.
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub(crate) window_size: Option<(u32, u32)>,
}

// Options for programs that test the player; the help leaves them out.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TestingArgs {
    /// Also print what the window shows and where, for programs that test it.
    #[arg(long, hide = true)]
    pub(crate) ui_log: bool,
    /// Listen for servers of this machine alone, at this port.
    #[arg(long, hide = true, value_name = "PORT")]
    pub(crate) mdns_port: Option<u16>,
    /// Pretend that decoding takes so many milliseconds, to see what a slow machine does.
    #[arg(long, hide = true, value_name = "MS", default_value_t = 0)]
    pub(crate) slow_decoder: u64,
    /// Pretend that drawing takes so many milliseconds.
    #[arg(long, hide = true, value_name = "MS", default_value_t = 0)]
    pub(crate) slow_display: u64,
}

/// How statistics are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatsFormat {
    /// One JSON object a line.
    Json,
}

/// The most streams that are played at once.
pub(crate) const MOST_STREAMS: usize = 16;

impl Args {
    /// Returns what to play: what is on the command line, or one stream made of host, port and name.
    pub(crate) fn streams(&self) -> Vec<Address> {
        let SourceArgs { url, server_host, rtsp_port, video_file, .. } = &self.source;
        if !url.is_empty() {
            return url.clone();
        }
        let host = server_host.as_deref().unwrap_or("127.0.0.1");
        // An IPv6 address needs brackets in a URL (RFC 3986 section 3.2.2).
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        let name = video_file.as_deref().unwrap_or("movie.Mjpeg").trim_start_matches('/');
        vec![Address::of_parts(format!("rtsp://{host}:{}/{name}", rtsp_port.unwrap_or(8554)))]
    }

    /// Whether the command line or the environment says what to play.
    pub(crate) fn names_stream(&self) -> bool {
        let SourceArgs { url, server_host, rtsp_port, video_file, .. } = &self.source;
        !url.is_empty() || server_host.is_some() || rtsp_port.is_some() || video_file.is_some()
    }

    /// Checks that so many streams can be played as it says.
    ///
    /// # Errors
    /// A sentence that says what cannot be together.
    pub(crate) fn check(&self) -> Result<(), String> {
        let count = self.source.url.len();
        if count > MOST_STREAMS {
            return Err(format!("{count} URLs were given, and at most {MOST_STREAMS} streams are played at once"));
        }
        if count > 1 && !self.source.fallback.is_empty() {
            return Err(format!("--fallback is another URL of one stream, and {count} URLs were given"));
        }
        let OutputArgs { record, snapshot, .. } = &self.output;
        let files = [
            ("--record", record.is_some()),
            #[cfg(feature = "pcap")]
            ("--pcap", self.output.pcap.is_some()),
            ("--protocol", self.output.protocol.is_some()),
            ("--snapshot with --headless", self.headless && snapshot.is_some()),
        ];
        match files.into_iter().find(|&(_, given)| given && count > 1) {
            Some((option, _)) => Err(format!("{option} writes one file, and {count} URLs were given")),
            None => Ok(()),
        }
    }

    /// Returns user and password, if they are not in the URL. A password alone belongs to the user in the URL.
    fn credentials(&self, url: &str) -> Option<Credentials> {
        let SourceArgs { user, password, .. } = &self.source;
        match (user, password) {
            (Some(user), password) => Credentials::new(user, password.as_deref().unwrap_or_default()).ok(),
            (None, Some(password)) => {
                let user = Url::parse(url)?.user_info().filter(|info| !info.is_empty() && !info.contains(':'))?;
                Credentials::from_user_info(&format!("{user}:{}", password.replace('%', "%25"))).ok()
            }
            (None, None) => None,
        }
    }

    /// Returns the options of the network client for a stream. User, password and certificate of the command line are for the servers
    /// that are named there, and no other one is told them.
    pub(crate) fn client_options(&self, stream: &Address) -> Options {
        let fallbacks = self.source.fallback.iter().filter(|_| stream.is_given).map(|other| other.url.clone());
        let options = Options {
            transport: self.transport.transport,
            dialect: self.transport.dialect,
            credentials: self.credentials(&stream.url).filter(|_| stream.is_given),
            basic: self.source.basic,
            tls_ca: self.source.tls_ca.clone(),
            tls_pin: self.source.tls_pin.filter(|_| stream.is_given),
            rtp_port: self.transport.rtp_port,
            playout_delay: Duration::from_millis(self.transport.buffer),
            // The seed is fixed so that a run can be repeated.
            impairments: self.impairments(),
            ..Options::new(stream.url.clone())
        };
        options.with_fallbacks(fallbacks)
    }

    /// Returns how media is to travel.
    pub(crate) fn transport(&self) -> Transport {
        self.transport.transport
    }

    /// Returns what the network is to be like at the start.
    pub(crate) fn impairments(&self) -> Impairments {
        let NetworkArgs { loss, duplication, reordering, delay, jitter, rate } = self.network;
        let per_mille = |percent: f64| (percent * 10.0).round() as u16;
        Impairments {
            loss: per_mille(loss),
            duplication: per_mille(duplication),
            reordering: per_mille(reordering),
            delay: Duration::from_millis(delay),
            jitter: Duration::from_millis(jitter),
            rate: (rate * 1e6) as u64,
            seed: 1,
        }
    }

    /// Returns for how long the player tries a server that it cannot reach or that sends no pictures.
    pub(crate) fn patience(&self) -> Patience {
        match self.retry_for {
            Some(Duration::ZERO) => Patience::ForAttempts(Duration::ZERO),
            Some(patience) => Patience::InAll(patience),
            None if self.headless => Patience::ForAttempts(Duration::from_secs(5)),
            None => Patience::Endless,
        }
    }
}

/// Returns the stream's name as people see it: the last part of the URL's path that is not empty, without percent-encoding.
/// If the path is empty, the name is that of the server.
pub(crate) fn stream_name(url: &str) -> String {
    let (server, path) = server_and_path(url);
    percent_decoded(last_part(path).unwrap_or(server))
}

/// Returns host and port of a URL.
pub(crate) fn server_name(url: &str) -> &str {
    server_and_path(url).0
}

/// Returns what snapshots of the stream are called after: its name without a file name's ending.
pub(crate) fn stream_stem(url: &str) -> String {
    let (server, path) = server_and_path(url);
    match last_part(path) {
        Some(name) => {
            let name = percent_decoded(name);
            let stem = Path::new(&name).file_stem().and_then(OsStr::to_str);
            stem.unwrap_or("stream").to_owned()
        }
        None => percent_decoded(server),
    }
}

/// Returns the last part of a path that is not empty.
fn last_part(path: &str) -> Option<&str> {
    path.split('/').rfind(|part| !part.is_empty())
}

/// Splits a URL into host and port, without the user's name and password, and path.
fn server_and_path(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    (server.rsplit_once('@').map_or(server, |(_, server)| server), path)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.filter(|_| first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or(&[]);
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).replace(|c: char| !crate::wording::is_harmless(c), " ")
}

/// Checks a value that may hold a password: what is wrong is told without the value.
#[derive(Clone, Copy)]
struct Discreet<T>(fn(&str) -> Result<T, String>);

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Discreet<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        let text = StringValueParser::new().parse_ref(command, argument, value)?;
        (self.0)(&text).map_err(|reason| clap::Error::raw(ErrorKind::ValueValidation, format!("{reason}\n")))
    }
}

fn percent(text: &str) -> Result<f64, String> {
    within(text, 100.0, "expected per cent, 0 to 100")
}

fn megabits(text: &str) -> Result<f64, String> {
    within(text, 100_000.0, "expected megabits a second, 0 to 100000")
}

fn within(text: &str, most: f64, expected: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number| (0.0..=most).contains(number)).ok_or_else(|| expected.to_owned())
}

fn user(text: &str) -> Result<String, String> {
    Credentials::new(text, "").map(|_| text.to_owned()).map_err(|_| Error::Credentials.to_string())
}

fn password(text: &str) -> Result<String, String> {
    Credentials::new("", text).map(|_| text.to_owned()).map_err(|_| Error::Credentials.to_string())
}

fn even_port(text: &str) -> Result<u16, String> {
    let port = text.parse::<u16>().map_err(|error| error.to_string())?;
    if port.is_multiple_of(2) { Ok(port) } else { Err(Error::RtpPort(port).to_string()) }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    match Duration::try_from_secs_f64(seconds) {
        Err(_) if seconds.is_finite() && seconds > 0.0 => Ok(LONGEST),
        Err(error) => Err(error.to_string()),
        Ok(duration) => Ok(duration.min(LONGEST)),
    }
}

/// A hundred years. Longer durations are cut to this, because the system's clock cannot hold an instant much further ahead.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Returns a duration in seconds, rounded to a millisecond so that it prints with few digits.
pub(crate) fn in_seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

fn factor(text: &str) -> Result<f32, String> {
    let factor = text.parse::<f32>().map_err(|error| error.to_string())?;
    if (0.5..=4.0).contains(&factor) { Ok(factor) } else { Err("expected 0.5 to 4".into()) }
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once(['x', 'X']).and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    sides
        .filter(|&(w, h)| (1..=16_384).contains(&w) && (1..=16_384).contains(&h))
        .ok_or("expected e.g. 1280x720".into())
}

fn picture_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    crate::snapshot::Format::of(&path).map(|_| path).ok_or("the name must end in .png, .jpg or .jpeg".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn the_url_comes_from_the_environment_s_defaults_where_none_is_given() {
        let parsed = |args: &[&str]| Args::parse_from([&["player-sdl"], args].concat());
        let url = |args: &[&str]| parsed(args).streams().swap_remove(0).url;
        assert_eq!(url(&["rtsp://x/y"]), "rtsp://x/y");
        assert_eq!(url(&["x:8554/y"]), "rtsp://x:8554/y");
        assert_eq!(url(&["--server-host", "::1", "--video-file", "/a b"]), "rtsp://[::1]:8554/a b");
        assert!(parsed(&["x"]).names_stream() && parsed(&["--rtsp-port", "554"]).names_stream());
    }

    #[cfg(feature = "announce")]
    #[test]
    fn what_others_tell_of_is_listed_for_three_seconds_or_so_long() {
        let parsed = |args: &[&str]| Args::try_parse_from([&["player-sdl"], args].concat());
        let patience = |args: &[&str]| parsed(args).unwrap().discover;
        assert_eq!(patience(&[]), None);
        assert_eq!(patience(&["--discover"]), Some(Duration::from_secs(3)));
        assert_eq!(patience(&["--discover=0.5", "-v"]), Some(Duration::from_millis(500)));
        for wrong in [&["--discover=-1"][..], &["--discover", "rtsp://x/y"], &["--discover", "--headless"]] {
            assert_eq!(parsed(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
    }

    #[test]
    fn passwords_are_taken_and_not_shown() {
        let parsed = |args: &[&str]| Args::try_parse_from([&["player-sdl"], args].concat());
        let anna = Credentials::new("anna", "hun%ter:2").ok();
        let options = |args: &[&str]| {
            let args = parsed(args).unwrap();
            let stream = args.streams().swap_remove(0);
            (args.client_options(&stream), stream.shown)
        };
        let (given, _) = options(&["--user", "anna", "--password", "hun%ter:2", "rtsp://x/y"]);
        assert_eq!((given.credentials, given.basic), (anna.clone(), false));
        let (given, _) = options(&["--password", "hun%ter:2", "--basic", "anna@x/y"]);
        assert_eq!((given.credentials, given.basic), (anna, true));
        let elsewhere = Address::typed("rtsp://z/y").unwrap();
        let elsewhere =
            parsed(&["--user", "anna", "--password", "x", "rtsp://x/y"]).unwrap().client_options(&elsewhere);
        assert_eq!((elsewhere.credentials, elsewhere.tls_pin), (None, None), "another server is told no password");
        let (given, shown) = options(&["rtsp://anna:hunter2@x/y"]);
        assert_eq!((given.credentials, shown.as_str()), (None, "rtsp://x/y"));
        for wrong in [
            &["rtsp://anna:hunter2@x:99999/y"][..],
            &["http://anna:hunter2@x/y"],
            &["rtsp://anna:hunter2%00@x/y"],
            &["--password", "hunter2\n"],
            &["--user", "hunter2:"],
        ] {
            let error = parsed(wrong).unwrap_err();
            assert!(!error.to_string().contains("hunter2") && error.exit_code() == 2, "{error}");
        }
    }

    #[test]
    fn other_urls_are_those_of_the_one_stream() {
        let parsed = |args: &[&str]| Args::try_parse_from([&["player-sdl"], args].concat());
        let fallbacks = ["--fallback", "b:8554/y", "--fallback", "rtsp://anna:hunter2@c/y"];
        let args = parsed(&[&["rtsp://a/y"][..], &fallbacks].concat()).unwrap();
        let options = args.client_options(&args.streams()[0]);
        assert_eq!((args.check(), options.url.as_str()), (Ok(()), "rtsp://a/y"));
        assert_eq!(options.fallbacks, ["rtsp://b:8554/y", "rtsp://anna:hunter2@c/y"]);
        assert!(!format!("{options:?}{args:?}").contains("hunter2"));
        let typed = args.client_options(&Address::typed("rtsp://z/y").unwrap());
        assert_eq!((typed.fallbacks, typed.probe), (vec![], None), "they are of another stream");
        let wall = parsed(&[&["rtsp://a/y", "rtsp://b/y"][..], &fallbacks].concat()).unwrap();
        assert!(wall.check().unwrap_err().starts_with("--fallback is another URL of one stream"));
        assert!(parsed(&fallbacks).is_err() && parsed(&["a/y", "--fallback", "http://b/y"]).is_err());
    }

    #[test]
    fn variables_in_the_url_have_values_that_are_not_shown() {
        let lookup = |name: &str| {
            let value = match name {
                "PASSWORD" => "h@n/er:2",
                "TOKEN" => "17.c2VjcmV0",
                "CAMERA" => "rtsp://anna:hunter2@cam/x",
                "HOST" => "cam:8554",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let url = |text: &str| Address::given_with(text, &lookup);
        for (text, expanded, shown) in [
            ("rtsp://anna:${PASSWORD}@cam/x", "rtsp://anna:h%40n%2Fer%3A2@cam/x", "rtsp://cam/x"),
            ("anna:${PASSWORD}@${HOST}/x", "rtsp://anna:h%40n%2Fer%3A2@cam:8554/x", "rtsp://${HOST}/x"),
            ("rtsps://cam/x?token=${TOKEN}", "rtsps://cam/x?token=17.c2VjcmV0", "rtsps://cam/x?token=${TOKEN}"),
            ("${CAMERA}", "rtsp://anna:hunter2@cam/x", "rtsp://cam/x"),
        ] {
            let given = url(text).unwrap();
            assert_eq!((given.url.as_str(), given.shown.as_str()), (expanded, shown), "{text}");
            assert_eq!(format!("{given:?}"), shown);
        }
        for (text, why) in [
            ("rtsp://anna:hunter2${MISSING}@cam/x", "the environment variable MISSING is not set"),
            ("rtsp://anna:hunter2@cam:${TOKEN}/x", "with the values of its variables this is not a URL"),
            ("rtsp://anna:hunter2${@cam/x", "\"${\" begins a variable"),
        ] {
            let error = url(text).unwrap_err();
            assert!(error.starts_with(why) && !error.contains("hunter2") && !error.contains("c2V"), "{error}");
        }
    }

    #[test]
    fn a_stream_is_called_by_the_last_part_of_its_url() {
        for (url, name) in [
            ("rtsp://127.0.0.1:8554/movie.Mjpeg", "movie.Mjpeg"),
            ("rtsp://cam/live/main/?x=1/2", "main"),
            ("rtsp://cam/my%20movie%", "my movie%"),
            ("rtsp://cam:554", "cam:554"),
            ("rtsp://me:secret@cam:554/?x", "cam:554"),
            ("rtsp://cam/phim%20%C4%91%E1%BA%B9p", "phim đẹp"),
            ("rtsp://cam/a@b", "a@b"),
            ("", ""),
        ] {
            assert_eq!(stream_name(url), name);
        }
    }

    #[test]
    fn files_are_called_after_the_stream_without_its_ending() {
        for (url, stem) in [
            ("rtsp://127.0.0.1:8554/movie.Mjpeg", "movie"),
            ("rtsp://127.0.0.1:8554", "127.0.0.1:8554"),
            ("rtsp://me:secret@127.0.0.1:8554/", "127.0.0.1:8554"),
            ("rtsp://cam.example.org/?a=b.c", "cam.example.org"),
            ("rtsp://cam/..", "stream"),
        ] {
            assert_eq!(stream_stem(url), stem);
        }
    }

    #[test]
    fn a_time_that_nobody_lives_through_is_as_long_as_any() {
        assert_eq!(seconds("18446744073709551615"), Ok(LONGEST));
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        assert!(seconds("NaN").is_err() && seconds("inf").is_err());
    }

    #[test]
    fn up_to_sixteen_streams_are_played_and_none_is_written_over_another() {
        let checked = |count: usize, args: &[&str]| {
            let urls = vec!["rtsp://x/y"; count];
            let args = Args::try_parse_from([&["player-sdl"], args, &urls[..]].concat()).unwrap();
            args.check().map(|()| args.streams().len())
        };
        assert_eq!([1, 2, 16].map(|count| checked(count, &[])), [Ok(1), Ok(2), Ok(16)]);
        assert!(checked(17, &[]).unwrap_err().contains("17 URLs were given, and at most 16"));
        let file = ["--record", "x.mjpeg"];
        assert_eq!(checked(1, &file), Ok(1));
        assert!(checked(2, &file).unwrap_err().starts_with("--record writes one file"));
        let picture = ["--headless", "--snapshot", "x.png"];
        assert!(checked(2, &picture).is_err() && checked(2, &picture[1..]).is_ok(), "a key saves one of them");
    }

    #[test]
    fn nonsense_is_refused_with_usage() {
        for args in [
            &["--frames", "0"][..],
            &["--scale", "9"],
            &["--snapshot", "x.gif"],
            &["--duration", "-1"],
            &["--window-size", "0x4"],
            &["--transport", "smoke"],
            &["--rtp-port", "25001"],
            &["http://x/y"],
            &[""],
        ] {
            assert!(Args::try_parse_from([&["player-sdl"], args].concat()).is_err(), "{args:?}");
        }
    }
}
