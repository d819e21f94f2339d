//! Records an RTSP stream into an MJPEG file, frame by frame as it was received, and says how well it arrived.
//!
//! ```sh
//! cargo run --release -p mutoscope-std --example record -- rtsp://127.0.0.1:8554/testcard -o card.mjpeg --frames 100
//! ```

use clap::{Parser, ValueEnum};
use mutoscope_std::client::{
    Client, Credentials, Dialect, Error, Event, Goal, Inquiry, MediaTransport, Options, Presentation, Statistics,
    Terminal, Transport,
};
use mutoscope_std::input::expand_url;
use mutoscope_std::tls::{Fingerprint, KnownServers};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Records a motion JPEG stream from an RTSP server.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exits with 0 when all that was asked for has been received or the stream has ended, \
                                 with 1 otherwise, and with 2 when it was called wrongly."
)]
struct Args {
    /// What to record: rtsp://[USER:PASSWORD@]HOST[:PORT]/NAME, or rtsps:// for TLS; `${VARIABLE}` in it is a value of the environment.
    #[arg(default_value = "rtsp://127.0.0.1:8554/movie.Mjpeg")]
    url: String,
    /// The user's name, where it is not in the URL; its password is RTSP_PASSWORD in the environment, or asked for.
    #[arg(long, env = "RTSP_USER", value_name = "NAME")]
    user: Option<String>,
    /// Send the password as it is where the server takes nothing better (Basic).
    #[arg(long)]
    basic: bool,
    /// With rtsps://, believe the certificates in this file (PEM), and those for which they vouch.
    #[arg(long, env = "RTSP_TLS_CA", value_name = "FILE", conflicts_with = "tls_pin")]
    tls_ca: Option<PathBuf>,
    /// With rtsps://, believe the one certificate that has this SHA-256 fingerprint.
    #[arg(long, env = "RTSP_TLS_PIN", value_name = "FINGERPRINT")]
    tls_pin: Option<Fingerprint>,
    /// The file to write: JPEG files one after the other. Without it, frames are only counted.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Stop after so many frames.
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,
    /// Stop after so many seconds, counted from the first frame.
    #[arg(short, long, value_name = "S", value_parser = seconds)]
    duration: Option<Duration>,
    /// Begin at this second of the presentation.
    #[arg(long, value_name = "S", value_parser = seconds)]
    from: Option<Duration>,
    /// How media travels: udp, tcp, or auto (UDP, and TCP where that fails).
    #[arg(long, default_value = "auto")]
    transport: Transport,
    /// What the server speaks: standard, lab, or auto (RTSP, and the lab's dialect where it is not answered).
    #[arg(long, default_value = "auto")]
    dialect: Dialect,
    /// Port for RTP over UDP, an even number; the next free pair where it is taken, any where it is 0.
    #[arg(long, env = "RTP_PORT", value_name = "PORT", default_value_t = 25_000)]
    rtp_port: u16,
    /// How the statistics are printed.
    #[arg(long, value_enum, default_value_t = Stats::Human)]
    stats: Stats,
    /// Say more; twice for everything.
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stats {
    Human,
    Json,
    None,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    let args = Args::parse();
    let level = ["warn", "info", "debug"].get(usize::from(args.verbose)).copied().unwrap_or("trace");
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level)).init();
    match record(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("record: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all that was asked for has come.
fn record(args: &Args) -> Result<bool, Box<dyn std::error::Error>> {
    let mut output = match &args.output {
        Some(path) => {
            let file = File::create(path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            Some(BufWriter::with_capacity(1 << 20, file))
        }
        None => None,
    };
    let password = || std::env::var("RTSP_PASSWORD").unwrap_or_default();
    let credentials = args.user.as_ref().map(|user| Credentials::new(user, &password()));
    let options = Options {
        credentials: credentials.transpose().map_err(|_| Error::Credentials)?,
        basic: args.basic,
        tls_ca: args.tls_ca.clone(),
        tls_pin: args.tls_pin,
        transport: args.transport,
        dialect: args.dialect,
        rtp_port: args.rtp_port,
        ..Options::new(expand_url(&args.url, &|name| std::env::var(name).ok())?)
    };
    let mut client = Client::new(options.clone())?;
    let mut questions = Questions::new(&options, &mut client);
    let interrupted = Arc::new(AtomicBool::new(false));
    let (handle, flag) = (client.handle(), interrupted.clone());
    ctrlc::set_handler(move || {
        // The second time somebody has no patience for a TEARDOWN that is not answered.
        if flag.swap(true, Ordering::Relaxed) || !handle.wake() {
            std::process::exit(130);
        }
    })?;

    client.set_goal(Goal::Play { from: args.from });
    let mut tally = Tally::default();
    let result = receive(args, &mut client, &mut questions, output.as_mut(), &interrupted, &mut tally);
    if let Some(output) = &mut output {
        output.flush()?;
    }
    tally.print(args.stats, result.as_ref().map_or_else(ToString::to_string, |end| end.name().to_owned()))?;
    Ok(match result? {
        End::Complete | End::Ended { announced: true } => true,
        End::Ended { announced: false } => args.frames.is_none() && args.duration.is_none() && tally.frames > 0,
        End::Interrupted => args.frames.is_none() && args.duration.is_none(),
        End::Gone => false,
    })
}

/// Why recording stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Complete,
    Ended { announced: bool },
    Interrupted,
    Gone,
}

impl End {
    const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Ended { .. } => "end of stream",
            Self::Interrupted => "interrupted",
            Self::Gone => "ended by the server",
        }
    }
}

/// What has to be asked on the terminal before the first frame can come.
struct Questions {
    inquiry: Inquiry,
    terminal: Option<Terminal>,
}

impl Questions {
    fn new(options: &Options, client: &mut Client) -> Self {
        let known = KnownServers::read_or_warn(KnownServers::user_path().as_deref());
        let inquiry = Inquiry::new(options, known);
        inquiry.prepare(client);
        Self { inquiry, terminal: Terminal::open() }
    }

    /// Asks, where that helps. An error: it does not, or nobody answers.
    fn ask(&mut self, error: Error, client: &mut Client) -> Result<(), Box<dyn std::error::Error>> {
        let Some(question) = self.inquiry.question(&error) else { return Err(error.into()) };
        let answer = self.terminal.as_mut().map(|terminal| terminal.ask(&question)).transpose()?;
        let Some(answer) = answer.flatten() else {
            return Err(self.inquiry.reason(&question).map_or_else(|| error.into(), Into::into));
        };
        if let Err(error) = self.inquiry.answer(&question, answer, client)? {
            log::warn!("it will be asked again: {error}");
        }
        Ok(())
    }
}

fn receive(
    args: &Args,
    client: &mut Client,
    questions: &mut Questions,
    mut output: Option<&mut BufWriter<File>>,
    interrupted: &AtomicBool,
    tally: &mut Tally,
) -> Result<End, Box<dyn std::error::Error>> {
    let mut end = None;
    loop {
        if end.is_none() && interrupted.load(Ordering::Relaxed) {
            end = Some(End::Interrupted);
            client.set_goal(Goal::Stop);
        }
        let deadline =
            args.duration.zip(tally.first).filter(|_| end.is_none()).map(|(duration, first)| first + duration);
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            end = Some(End::Complete);
            client.set_goal(Goal::Stop);
            continue;
        }
        tally.received = client.statistics().or(tally.received.take());
        let event = match client.next(deadline) {
            Ok(Some(event)) => event,
            Ok(None) => continue,
            Err(error) if end.is_none() && tally.frames == 0 => {
                questions.ask(error, client)?;
                client.set_goal(Goal::Play { from: args.from });
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        match event {
            Event::Connected { peer } => log::info!("connected to {peer}"),
            Event::SetUp(presentation) => {
                log::info!("set up: {presentation:?}");
                tally.presentation = Some(presentation);
            }
            // Behind the last frame that was asked for, others come until TEARDOWN is answered.
            Event::Frame(_) if end.is_none() => {
                let jpeg = client.frame();
                tally.take(jpeg.len());
                let written = output.as_mut().map_or(Ok(()), |output| output.write_all(jpeg));
                if let Err(error) = written {
                    return Err(format!("cannot write the recording: {error}").into());
                }
                if args.frames.is_some_and(|frames| tally.frames >= frames) {
                    end = Some(End::Complete);
                    client.set_goal(Goal::Stop);
                }
            }
            Event::EndOfStream { announced } if end.is_none() => {
                end = Some(End::Ended { announced });
                client.set_goal(Goal::Stop);
            }
            Event::Refused { status, during } if args.from.is_some() => {
                let (method, reason) = (during.name(), status.reason());
                return Err(format!("the server refuses {method} from there ({} {reason})", status.0).into());
            }
            Event::Unseekable => return Err("the lab's dialect knows no positions".into()),
            Event::Redirected => log::warn!("sent on to {}", client.url()),
            Event::Retrying { with, .. } => log::warn!("trying again with {with:?}"),
            Event::Silence { lasting } => log::warn!("nothing has arrived for {:.1} s", lasting.as_secs_f32()),
            Event::NoFrames { lasting, cause } => log::warn!("for {:.1} s, {cause}", lasting.as_secs_f32()),
            Event::TornDown => return Ok(end.unwrap_or(End::Gone)),
            _ => {}
        }
    }
}

/// What came, as the recorder saw it.
#[derive(Debug, Default)]
struct Tally {
    presentation: Option<Presentation>,
    received: Option<Statistics>,
    frames: u64,
    bytes: u64,
    first: Option<Instant>,
    last: Option<Instant>,
    longest_gap: Duration,
}

impl Tally {
    fn take(&mut self, len: usize) {
        let now = Instant::now();
        self.frames += 1;
        self.bytes += len as u64;
        self.first.get_or_insert(now);
        if let Some(last) = self.last.replace(now) {
            self.longest_gap = self.longest_gap.max(now - last);
        }
    }

    fn print(&self, stats: Stats, end: String) -> io::Result<()> {
        let seconds = self.first.zip(self.last).map_or(0.0, |(first, last)| (last - first).as_secs_f64());
        // Between n frames lie n - 1 intervals.
        let intervals = self.frames.saturating_sub(1) as f64;
        let rate = |amount: f64| if seconds > 0.0 { amount / seconds } else { 0.0 };
        let fps = rate(intervals);
        let kbps =
            if self.frames > 0 { rate(self.bytes as f64 * intervals / self.frames as f64) * 8.0 / 1000.0 } else { 0.0 };
        let gap_ms = self.longest_gap.as_secs_f64() * 1000.0;
        let transport = match self.presentation.map(|presentation| presentation.transport) {
            Some(MediaTransport::Udp { .. }) => "udp",
            Some(MediaTransport::Interleaved { .. }) => "tcp",
            None => "none",
        };
        let dialect = match self.presentation.map(|presentation| presentation.dialect) {
            Some(Dialect::Lab) => "lab",
            Some(_) => "standard",
            None => "none",
        };
        let received = self.received.unwrap_or_default();
        let jitter_ms = received.jitter.as_secs_f64() * 1000.0;
        let (packets, lost, frames_dropped) = (received.packets, received.lost, received.frames_dropped);
        let mut out = io::stdout().lock();
        match stats {
            Stats::None => Ok(()),
            Stats::Human => {
                writeln!(
                    out,
                    "{} frames, {} bytes in {seconds:.2} s ({dialect}, {transport}): {end}",
                    self.frames, self.bytes
                )?;
                writeln!(
                    out,
                    "{fps:.2} frames/s, {kbps:.0} kbit/s, longest gap {gap_ms:.1} ms, jitter {jitter_ms:.2} ms"
                )?;
                writeln!(out, "{packets} packets, {lost} lost, {frames_dropped} frames dropped")
            }
            Stats::Json => writeln!(
                out,
                "{{\"frames\":{},\"bytes\":{},\"seconds\":{seconds:.3},\"fps\":{fps:.3},\"kbps\":{kbps:.1},\
                 \"longest_gap_ms\":{gap_ms:.2},\"jitter_ms\":{jitter_ms:.3},\"packets\":{packets},\"lost\":{lost},\
                 \"frames_dropped\":{frames_dropped},\"dialect\":\"{dialect}\",\"transport\":\"{transport}\",\"end\":{}}}",
                self.frames,
                self.bytes,
                quoted(&end)
            ),
        }
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
