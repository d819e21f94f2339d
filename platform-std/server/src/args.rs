//! The command line of `mutoscope-server`.

use std::num::NonZero;
use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::builder::{PossibleValue, PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use clap::{ArgAction, ArgGroup, Parser};
use ipnet::IpNet;
use mutoscope::media::FrameRate;
use mutoscope::time::Duration;
use mutoscope::wire::lab::payload::Payload;
use mutoscope::wire::rtp::MAX_DATAGRAM;
use mutoscope_std::guard::parse_network;
use mutoscope_std::media::{OnUnsupported, Policy};
use mutoscope_std::server::Options;

use crate::access::AccessArgs;
use crate::announce::AnnounceArgs;
use crate::cluster::ClusterArgs;
use crate::harden::Harden;
use crate::logging::LogArgs;
use crate::onvif::OnvifArgs;
use crate::tls::TlsArgs;
use crate::web::WebArgs;

const EXAMPLES: &str = "\
Examples:
  mutoscope-server
          A test card and a short movie, both generated. Watch them with
          ffplay -fflags nobuffer rtsp://127.0.0.1:8554/testcard

  mutoscope-server movie.Mjpeg ~/clips --loop
          One file, and every film of a folder (MJPEG, AVI, QuickTime, MP4, Matroska), each under its name:
          rtsp://127.0.0.1:8554/movie.Mjpeg and so on.

  mutoscope-server cam='exec:rpicam-vid --codec mjpeg -t 0 -o -' yard=http://camera/stream
          What a program writes, and a camera's stream, live; also cam=- and cam=FIFO for pipes,
          'cam=http://camera/snap.jpg#poll=0.5' for single pictures, cam=rtsp://… for other servers,
          and 'cam=/dev/video0#size=1280x720#rate=30' for a camera of this machine.
          cam=push: takes what a client on this machine publishes: ffmpeg … -f rtsp URL.
          Parameters behind #: rate=FPS, size=WxH, always, on-demand, poll=SECONDS, order=exif|mtime,
          times=true, record=FOLDER, segment=10m, keep=7d|50GB,
          no-signal (a picture says so while the input is away).
          ${VARIABLE} is taken from the environment.

  mutoscope-server garden=/srv/garden 'porch=/srv/porch#order=exif' holiday=2019.mjpeg
          The JPEG files of a folder as one film, by name or in the order in which they were taken; a film under another name.

  mutoscope-server passwd users anna; mutoscope-server --users users --host 0.0.0.0 movie.Mjpeg
          For the whole network, and those who have a password: rtsp://anna:PASSWORD@host:8554/movie.Mjpeg.
          --allow 10.0.0.0/8 takes connections of this network alone; --open lets everybody watch.

  mutoscope-server token movie.Mjpeg --for 10m
          A URL with which anybody may watch that film for ten minutes.
          (A file that is called passwd, token, health or lab-check is served as ./passwd and so on.)

  mutoscope-server --tls movie.Mjpeg
          rtsps://127.0.0.1:8322/movie.Mjpeg beside rtsp://127.0.0.1:8554/movie.Mjpeg. Clients are told by the fingerprint
          in the log whom to believe: player-sdl --tls-pin FINGERPRINT rtsps://…

  ffmpeg -i holiday.mp4 -c:v mjpeg -huffman default -force_duplicated_matrix 1 -q:v 4 \\
         -pix_fmt yuvj420p -f mjpeg holiday.mjpeg
          Makes a file that every RTP/JPEG player takes.

Clients of the classic RTSP/RTP lab use the same port and the bare file name:
  python3 ClientLauncher.py 127.0.0.1 8554 25000 movie.Mjpeg
What students write in that lab is checked by: mutoscope-server lab-check DIR";

/// Streams motion JPEG files over RTSP and RTP, to any number of viewers, without decoding them.
// More than 15 fields: each is an option of the command line, in the order in which the help lists them.
#[derive(Clone, Debug, Parser)]
#[command(name = "mutoscope-server", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(group(ArgGroup::new("named").args(["media", "config"]).multiple(true)))]
pub(crate) struct Args {
    /// MJPEG files, folders of them, films under other names (NAME=FILE), and live inputs (NAME=INPUT). None: a generated test card (/testcard) and a generated
    /// movie (/movie.Mjpeg)
    #[arg(env = "VIDEO_FILE", value_name = "MEDIA")]
    pub media: Vec<PathBuf>,

    /// A file of settings (TOML): what the command line and the environment say goes before it
    #[arg(long, env = "MUTOSCOPE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Serve nothing: print all settings as such a file, and where each comes from
    #[arg(long)]
    pub print_config: bool,

    /// Address or name to listen on, several with commas or by several options; 0.0.0.0 or :: for all of the machine's
    /// addresses
    #[arg(long = "host", env = "SERVER_HOST", value_name = "HOST", default_value = "127.0.0.1", value_delimiter = ',')]
    pub hosts: Vec<String>,

    /// TCP port for RTSP; 0 takes a free one
    #[arg(long, env = "RTSP_PORT", value_name = "PORT", default_value_t = 8554)]
    pub rtsp_port: u16,

    #[command(flatten)]
    pub tls: TlsArgs,

    #[command(flatten)]
    pub web: WebArgs,

    #[command(flatten)]
    pub announce: AnnounceArgs,

    #[command(flatten)]
    pub onvif: OnvifArgs,

    /// Even UDP port for RTP, the next one is for RTCP [default: a free pair]
    #[arg(long, value_name = "PORT", value_parser = parse_even_port)]
    pub server_port: Option<u16>,

    /// Frames per second of all files: 24, 29.97, 30000/1001 [default: what a file says, or 24 where it says nothing]
    #[arg(long, env = "FRAME_RATE", value_name = "FPS", value_parser = parse_frame_rate)]
    pub frame_rate: Option<FrameRate>,

    /// Start files over at their end
    #[arg(long = "loop")]
    pub repeat: bool,

    /// So many threads serve clients [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = sizes(1, 256))]
    pub threads: Option<usize>,

    /// Most clients at once; further ones are told to come back later
    #[arg(long, value_name = "N", default_value = "100", value_parser = sizes(1, 10_000))]
    pub max_clients: usize,

    /// Network or address without limits of its own (10.0.0.0/8, fd00::/8), several with commas or by several options. All others but this
    /// machine may have a quarter of the places each, 16 at least, and connect 20 times a second
    #[arg(long, value_name = "NET", value_delimiter = ',', value_parser = parse_network, action = ArgAction::Append)]
    pub trusted: Vec<IpNet>,

    /// Most megabits that are sent in a second, over all streams: new viewers are told to come back later before it is reached [default: no
    /// limit]
    #[arg(long, value_name = "MBIT", value_parser = sizes(1, 1_000_000))]
    pub max_bandwidth: Option<usize>,

    /// Seconds without a sign of life after which a session ends
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = sizes(5, 86_400))]
    pub session_timeout: usize,

    /// Largest RTP payload in bytes; with the headers it should fit the network's packets
    #[arg(long, value_name = "BYTES", default_value = "1400", value_parser = sizes(256, 65_000))]
    pub payload_size: usize,

    /// Largest RTP packet for clients of the classic lab, in bytes: there, a frame is one packet, and a larger one leaves in parts
    #[arg(
        long,
        env = "MAX_PACKET_SIZE",
        value_name = "BYTES",
        default_value = "20480",
        value_parser = sizes(512, MAX_DATAGRAM as u64)
    )]
    pub max_packet_size: usize,

    /// How frames lie in packets for clients of the classic lab that do not say: as they are (plain), or with the header that a single
    /// copy of the lab wants (o8, i6, g8). A client says it behind the file's name: movie.Mjpeg;o8
    #[arg(long, value_name = "FORM", default_value = "plain", value_parser = lab_payload())]
    pub lab_payload: Payload,

    /// Send frames with restart markers as RTP/JPEG types 64 and 65, which some players refuse
    #[arg(long)]
    pub restart_markers: bool,

    /// Send a number instead of the quantisation tables where RFC 2435 computes the same ones: 132 bytes less per frame
    #[arg(long)]
    pub computed_tables: bool,

    /// Frames of files leave on a grid of so many milliseconds, so that viewers share wake-ups, which cost most of the time; 0: each at
    /// its own instants
    #[arg(long, value_name = "MS", default_value = "2", value_parser = sizes(0, 20))]
    pub wake_grid: usize,

    /// What to do with pictures that RTP/JPEG cannot carry without loss (4:4:4, 12 bits, RGB and others)
    #[arg(long, value_name = "WHAT", default_value = "refuse", value_parser = on_unsupported())]
    pub on_unsupported: OnUnsupported,

    /// Leave damaged frames out instead of mending them; each is read to its end before it is sent
    #[arg(long)]
    pub strict: bool,

    /// Keep this program from all files but those that are named, where the system can (Linux). A configuration that is read again and
    /// needs more takes a restart
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub harden: Harden,

    /// Run this program, without a shell, when the first viewer of a stream comes and the last one is gone, when an input is lost and when
    /// it is back. Its environment tells which: MUTOSCOPE_EVENT (first-viewer, last-viewer, input-lost, input-back) and
    /// MUTOSCOPE_STREAM; see docs/hooks.md
    #[arg(long, value_name = "PROGRAM")]
    pub hook: Option<PathBuf>,

    /// Write all conversations by RTSP, RTP and RTCP to a file that Wireshark opens: it grows with all that is sent. Passwords, tokens and keys
    /// are covered in it; what goes through TLS is written as it is inside
    #[cfg(feature = "pcap")]
    #[arg(long, value_name = "FILE")]
    pub pcap: Option<PathBuf>,

    /// Serve nothing: list the cameras of this machine (/dev/video0) and what they can give
    #[arg(long, conflicts_with_all = ["media", "check"])]
    pub list_cameras: bool,

    /// Serve nothing: say of each file what it is, what would be sent and why, and of each input what comes; fails where one
    /// cannot be served
    #[arg(long, requires = "named")]
    pub check: bool,

    #[command(flatten)]
    pub log: LogArgs,

    // Last: its heading would be that of what follows.
    #[command(flatten)]
    pub cluster: ClusterArgs,

    #[command(flatten)]
    pub access: AccessArgs,
}

impl Args {
    /// The options of the server.
    pub(crate) fn server_options(&self) -> Options {
        Options {
            hosts: self.hosts.clone(),
            rtsp_port: self.rtsp_port,
            server_port: self.server_port,
            threads: self.threads.unwrap_or_else(|| available_parallelism().map_or(1, NonZero::get)),
            max_clients: self.max_clients,
            trusted: self.trusted.clone(),
            max_bandwidth: self.max_bandwidth.map(|megabits| megabits as u64 * 1_000_000),
            session_timeout: Duration::from_secs(self.session_timeout as u64),
            payload_size: self.payload_size,
            max_packet_size: self.max_packet_size,
            lab_payload: self.lab_payload,
            repeat: self.repeat,
            restart_markers: self.restart_markers,
            computed_tables: self.computed_tables,
            wake_grid: Duration::from_millis(self.wake_grid as u64),
            // What is served decides, and what is found.
            record: false,
            tls: None,
        }
    }

    /// Somebody may add streams while the server runs, by the web.
    pub(crate) fn adds_streams(&self) -> bool {
        !self.access.admin.is_empty() && self.web.http.or(self.web.https).is_some()
    }

    /// The treatment of pictures that RTP/JPEG cannot carry as they are.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            restart_markers: self.restart_markers,
            on_unsupported: self.on_unsupported,
            is_strict: self.strict,
            reads_all: self.check,
        }
    }
}

fn parse_frame_rate(text: &str) -> Result<FrameRate, &'static str> {
    text.parse().map_err(|_| "expected frames per second from 0.001 to 1000, such as 24, 29.97 or 30000/1001")
}

fn parse_even_port(text: &str) -> Result<u16, &'static str> {
    match text.parse() {
        Ok(port @ 1..) if port % 2 == 0 => Ok(port),
        _ => Err("expected an even port from 2 to 65534: RTP takes it, RTCP the next one"),
    }
}

/// With the help that an enum of clap's own would have.
fn on_unsupported() -> impl TypedValueParser<Value = OnUnsupported> {
    let refuse = PossibleValue::new("refuse").help("Nothing: they are not sent, and the log says why");
    let convert = PossibleValue::new("convert").help(
        "Chroma of 4:4:4, 4:4:0 and 4:1:1 is resampled, samples of 12 bits become 8, and other colours than YCbCr are encoded anew",
    );
    PossibleValuesParser::new([refuse, convert])
        .map(|word| if word == "convert" { OnUnsupported::Convert } else { OnUnsupported::Refuse })
}

/// I4 has no line of its own: its client asks for it.
fn lab_payload() -> impl TypedValueParser<Value = Payload> {
    PossibleValuesParser::new(["plain", "o8", "i6", "g8"]).map(|word| word.parse().unwrap_or_default())
}

fn sizes(least: u64, most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(least..=most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    fn parse(arguments: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from([&["mutoscope-server"], arguments].concat())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn flags_and_media_mix_in_any_order() {
        let args = parse(&["a b.mjpeg", "--loop", "--frame-rate", "30000/1001", "clips", "-vv"]).unwrap();
        assert_eq!(args.media, [PathBuf::from("a b.mjpeg"), PathBuf::from("clips")]);
        assert!(args.repeat && !args.restart_markers);
        assert_eq!(args.frame_rate, FrameRate::new(30_000, 1001));
        assert_eq!(args.log.verbose, 2);
    }

    #[test]
    fn hosts_come_one_by_one_or_with_commas() {
        let hosts = |arguments: &[&str]| parse(arguments).unwrap().hosts;
        assert_eq!(hosts(&[]), ["127.0.0.1"]);
        assert_eq!(hosts(&["--host", "localhost"]), ["localhost"]);
        assert_eq!(hosts(&["--host", "::1,127.0.0.2", "--host", "192.0.2.1"]), ["::1", "127.0.0.2", "192.0.2.1"]);
    }

    #[test]
    fn networks_and_addresses_can_be_trusted() {
        let trusted = |arguments: &[&str]| parse(arguments).unwrap().trusted;
        assert_eq!(trusted(&[]), []);
        let nets = ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"].map(|net| net.parse().unwrap());
        assert_eq!(trusted(&["--trusted", "10.0.0.0/8,192.0.2.7", "--trusted", "fd00::/8"]), nets);
    }

    #[test]
    fn bad_values_are_usage_errors() {
        let cases: &[&[&str]] = &[
            &["--frame-rate", "0"],
            &["--frame-rate", "fast"],
            &["--rtsp-port", "65536"],
            &["--server-port", "25001"],
            &["--server-port", "0"],
            &["--max-clients", "0"],
            &["--trusted", "10.0.0.0/33"],
            &["--trusted", "010.0.0.0/8"],
            &["--trusted", "localhost"],
            &["--trusted", "10.0.0.7/8"],
            &["--allow", "10.0.0.7/8"],
            &["--payload-size", "100"],
            &["--max-packet-size", "65508"],
            &["--session-timeout", "-1"],
            &["-v", "-q"],
            &["--log", "loud"],
            &["--log", "wbe=debug"],
            &["--log", "web=loud"],
            &["--log-format", "xml"],
            &["--on-unsupported", "ignore"],
            &["--colour"],
            &["--check"],
        ];
        for case in cases {
            let error = parse(case).expect_err("must be refused");
            assert_eq!(error.exit_code(), 2, "{case:?}");
        }
        assert_eq!(parse(&["--help"]).unwrap_err().kind(), ErrorKind::DisplayHelp);
    }
}
