//! The log on standard error: which lines there are, and how they look.

use std::env;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::SystemTime;

use clap::{ArgAction, ValueEnum};
use env_logger::{Builder, Target, WriteStyle};
use log::{Level, LevelFilter};
use mutoscope_std::console::{self, LINE_LIMIT, LogOutput, OneLine, Timestamp, stderr_takes_colours};
use mutoscope_std::input::input_of;
use mutoscope_std::server::served_peer;
use nix::sys::stat::fstat;

/// Parts of the program that have short names, and how the targets of their lines begin.
const PARTS: &[(&str, &[&str])] = &[
    (
        "rtsp",
        &["mutoscope::", "mutoscope_std::server", "mutoscope_std::link", "mutoscope_std::tcp", "mutoscope_std::udp"],
    ),
    ("web", &["mutoscope_std::web", "mutoscope_server::web"]),
    ("input", &["mutoscope_std::input", "mutoscope_std::client"]),
    ("media", &["mutoscope_std::media"]),
    ("record", &["mutoscope_std::record"]),
    ("access", &["mutoscope_std::guard", "mutoscope_server::access", "mutoscope_security"]),
    ("tls", &["mutoscope_std::tls", "mutoscope_server::tls"]),
    ("announce", &["mutoscope_std::announce", "mutoscope_std::onvif", "mutoscope_server::announce"]),
    ("cluster", &["mutoscope_std::cluster", "mutoscope_server::cluster"]),
];

/// What there is in front of a message's text and behind it, at the most, where it is the last of a line's values.
const END: &str = "…\"}\n";

/// How lines look; known when the log has begun.
static STYLE: OnceLock<Style> = OnceLock::new();

/// The options of the log.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LogArgs {
    /// What the log says: off, error, warn, info, debug or trace, or that of one part of the program alone, as in web=debug: rtsp, web,
    /// input, media, record, access, tls, announce, cluster, or a module of its source (mutoscope_std::web). Several with commas or by several options;
    /// -v and -q go before a level without a part, RUST_LOG before all
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = Rule::from_str, action = ArgAction::Append)]
    pub log: Vec<Rule>,

    /// How the log's lines look
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: Format,

    /// Say more: -v what clients ask, -vv everything
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// Say less: -q only warnings, -qq only errors
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "verbose")]
    pub quiet: u8,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: time, level, client or input, message
    #[default]
    Text,
    /// For programs: an object of JSON with time, level, target, peer, input and message
    Json,
}

/// The level of a part of the program, or of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// How the targets of its lines begin; none: it is about all others.
    targets: Vec<String>,
    level: LevelFilter,
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let level = |word: &str| {
            let level = word.parse();
            level.map_err(|_| format!("{word:?} is no level: off, error, warn, info, debug or trace"))
        };
        let Some((part, word)) = text.split_once('=') else {
            return Ok(Self { targets: Vec::new(), level: level(text)? });
        };
        let named = PARTS.iter().find(|(name, _)| *name == part);
        let targets = match named {
            Some((_, targets)) => targets.iter().map(|&target| target.to_owned()).collect(),
            None if part.contains("::") || part.starts_with("mutoscope") => vec![part.to_owned()],
            None => {
                let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
                return Err(format!("{part:?} is no part of the program: {}, or a module with ::", names.join(", ")));
            }
        };
        Ok(Self { targets, level: level(word)? })
    }
}

impl LogArgs {
    /// The level of what no rule names. A report (`is_check`) says it all by itself.
    fn level(&self, is_check: bool) -> LevelFilter {
        let of_all = self.log.iter().rfind(|rule| rule.targets.is_empty()).map(|rule| rule.level);
        match (self.verbose, self.quiet) {
            (0, _) if is_check => LevelFilter::Error,
            (0, 0) => of_all.unwrap_or(LevelFilter::Info),
            (0, 1) => LevelFilter::Warn,
            (0, _) => LevelFilter::Error,
            (1, _) => LevelFilter::Debug,
            _ => LevelFilter::Trace,
        }
    }
}

/// How all lines of this process look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Style {
    format: Format,
    /// systemd's journal reads it: it knows the time, and wants to be told how bad it is.
    is_journal: bool,
}

/// What a line says.
struct Line<'a> {
    level: Level,
    target: &'a str,
    peer: Option<SocketAddr>,
    input: Option<&'a str>,
    message: &'a str,
}

/// Logs to standard error, one line per message, with the client or the input where it is about one; coloured on a terminal only.
/// `RUST_LOG` has the last word about levels.
pub(crate) fn start(args: &LogArgs, is_check: bool) {
    let style = *STYLE.get_or_init(|| Style { format: args.log_format, is_journal: is_journal() });
    let level = args.level(is_check);
    // Whoever wants everything gets it; a part of it may be wanted for years.
    let is_limited = level <= LevelFilter::Info && env::var_os("RUST_LOG").is_none_or(|rules| rules.is_empty());
    let mut builder = Builder::new();
    builder.filter_level(level);
    if level > LevelFilter::Error && is_limited {
        // It warns of what strangers send, whom nobody has to hear of.
        builder.filter_module("rustls", LevelFilter::Error);
    }
    for rule in &args.log {
        rule.targets.iter().for_each(|target| _ = builder.filter_module(target, rule.level));
    }
    builder
        .target(Target::Pipe(Box::new(LogOutput::new(is_limited, notice))))
        .write_style(if stderr_takes_colours() { WriteStyle::Always } else { WriteStyle::Never })
        .parse_default_env()
        .format(move |out, record| {
            let input = input_of(record);
            let (level, message) = (record.level(), record.args().to_string());
            let (peer, input) = (served_peer(), input.as_deref());
            let line = Line { level, target: record.target(), peer, input, message: &message };
            match style.format {
                Format::Text => {
                    let colour = out.default_level_style(level);
                    write_text(out, style, &line, format_args!("{colour}{level:<5}{colour:#}"))
                }
                Format::Json => out.write_all(json(style, SystemTime::now(), &line).as_bytes()),
            }
        })
        .init();
}

/// Tells why the program ends, in the same form as all else.
pub(crate) fn complain(message: fmt::Arguments<'_>) {
    let style = STYLE.get().copied().unwrap_or_else(|| Style { is_journal: is_journal(), ..Style::default() });
    let line = match style.format {
        Format::Text => format!("{}mutoscope-server: {}\n", priority(style, Level::Error), OneLine(message)),
        Format::Json => said(style, Level::Error, &message.to_string()),
    };
    // Where nobody listens there, the exit code still tells.
    let _ = io::stderr().write_all(line.as_bytes());
}

/// The line that says how many are missing.
fn notice(lost: u64) -> String {
    let style = STYLE.get().copied().unwrap_or_default();
    let missing = console::missing(lost);
    match style.format {
        Format::Text => format!("{}({missing})\n", priority(style, Level::Warn)),
        Format::Json => said(style, Level::Warn, &missing),
    }
}

/// A line of JSON that this program says of itself.
fn said(style: Style, level: Level, message: &str) -> String {
    let line = Line { level, target: "mutoscope_server", peer: None, input: None, message };
    json(style, SystemTime::now(), &line)
}

fn write_text(out: &mut impl Write, style: Style, line: &Line<'_>, level: fmt::Arguments<'_>) -> io::Result<()> {
    write!(out, "{}", priority(style, line.level))?;
    if !style.is_journal {
        write!(out, "{} ", Timestamp(SystemTime::now()))?;
    }
    write!(out, "{level} ")?;
    if let Some(peer) = line.peer {
        write!(out, "{peer}: ")?;
    }
    if let Some(input) = line.input {
        write!(out, "{}: ", OneLine(input))?;
    }
    writeln!(out, "{}", OneLine(line.message))
}

/// The line as an object of JSON. One that would be longer than what can be written at once has a shorter message.
fn json(style: Style, time: SystemTime, line: &Line<'_>) -> String {
    let Line { level, target, peer, input, message } = line;
    let mut text = format!("{}{{\"time\":\"{}\"", priority(style, *level), Timestamp(time));
    let mut add = |name: &str, value: &str| _ = write!(text, ",\"{name}\":\"{}\"", escaped(value));
    add("level", &level.as_str().to_ascii_lowercase());
    add("target", target);
    peer.iter().for_each(|peer| add("peer", &peer.to_string()));
    input.iter().for_each(|input| add("input", input));
    text.push_str(",\"message\":\"");
    let room = LINE_LIMIT.saturating_sub(text.len() + END.len());
    let whole = escaped(message);
    if whole.len() <= room {
        text.push_str(&whole);
        text.push_str("\"}\n");
        return text;
    }
    let end = text.len() + room;
    for character in message.chars() {
        let one = escaped(character.encode_utf8(&mut [0; 4]));
        if text.len() + one.len() > end {
            break;
        }
        text.push_str(&one);
    }
    text.push_str(END);
    text
}

/// A text within the quotes of JSON. What would command a terminal is escaped, too, though JSON allows it.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let bare = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    let mut out = String::with_capacity(bare.len());
    for character in bare.chars() {
        let is_hostile = character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if is_hostile {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

/// What systemd's journal takes from the beginning of a line (sd-daemon(3)).
fn priority(style: Style, level: Level) -> &'static str {
    match level {
        _ if !style.is_journal => "",
        Level::Error => "<3>",
        Level::Warn => "<4>",
        Level::Info => "<6>",
        Level::Debug | Level::Trace => "<7>",
    }
}

/// Whether standard error is what systemd has connected to its journal, and not something that came later.
fn is_journal() -> bool {
    let Ok(named) = env::var("JOURNAL_STREAM") else { return false };
    fstat(io::stderr()).is_ok_and(|stat| named == format!("{}:{}", stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::Parser;
    use std::time::Duration;

    const JOURNAL: Style = Style { format: Format::Json, is_journal: true };
    const PLAIN: Style = Style { format: Format::Json, is_journal: false };

    fn args(words: &[&str]) -> LogArgs {
        Args::try_parse_from([&["mutoscope-server"], words].concat()).unwrap().log
    }

    fn line(message: &str) -> Line<'_> {
        Line { level: Level::Warn, target: "mutoscope_std::web", peer: None, input: None, message }
    }

    fn object(line: &str) -> serde_json::Value {
        assert!(line.ends_with("}\n") && line.lines().count() == 1 && line.len() <= LINE_LIMIT, "{line}");
        assert!(!line.trim_end().chars().any(char::is_control), "{line:?}");
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn levels_are_those_of_all_or_of_a_part() {
        let level = |words: &[&str]| args(words).level(false);
        assert_eq!(level(&[]), LevelFilter::Info);
        assert_eq!([level(&["-q"]), level(&["-qq"])], [LevelFilter::Warn, LevelFilter::Error]);
        assert_eq!([level(&["-v"]), level(&["-vv"])], [LevelFilter::Debug, LevelFilter::Trace]);
        assert_eq!(
            [level(&["--log", "web=debug,warn"]), level(&["--log", "warn", "-v"])],
            [LevelFilter::Warn, LevelFilter::Debug]
        );
        assert_eq!(level(&["--log", "web=debug"]), LevelFilter::Info);
        assert_eq!(args(&["--log", "debug"]).level(true), LevelFilter::Error, "a report says it all");
        let rules = args(&["--log", "web=debug,mutoscope_std::input=TRACE", "--log", "hyper::=off"]).log;
        let rules: Vec<_> = rules.iter().map(|rule| (rule.targets.join(" "), rule.level)).collect();
        assert_eq!(
            rules,
            [
                ("mutoscope_std::web mutoscope_server::web".to_owned(), LevelFilter::Debug),
                ("mutoscope_std::input".to_owned(), LevelFilter::Trace),
                ("hyper::".to_owned(), LevelFilter::Off),
            ]
        );
    }

    #[test]
    fn the_help_names_all_parts() {
        let help = <Args as clap::CommandFactory>::command().render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        assert!(help.contains(&format!("{}, or a module", names.join(", "))), "{help}");
    }

    #[test]
    fn a_line_is_an_object_whatever_it_says() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_949_445_060);
        let peer = Some(SocketAddr::from(([192, 0, 2, 1], 80)));
        let hostile = "a\n\x1b[31m\"é\"\t\u{9b}2J\u{202e}\\\0\u{7f}{}";
        let said = Line { peer, input: Some(hostile), ..line(hostile) };
        let whole = object(&json(PLAIN, time, &said));
        let value = |name: &str| whole[name].as_str().unwrap().to_owned();
        assert_eq!([value("message"), value("input")], [hostile, hostile]);
        assert_eq!([value("time"), value("level")], ["2026-11-29T10:50:45.060Z", "warn"]);
        assert_eq!([value("peer"), value("target")], ["192.0.2.1:80", "mutoscope_std::web"]);
        let short = object(&json(PLAIN, time, &line("x")));
        assert_eq!(short.as_object().unwrap().keys().collect::<Vec<_>>(), ["level", "message", "target", "time"]);
    }

    #[test]
    fn a_line_that_is_too_long_stays_an_object_with_a_shorter_message() {
        for text in ["x", "\0", "é", "\u{202e}", "漢"] {
            for count in [1, LINE_LIMIT / 8, LINE_LIMIT - 150, LINE_LIMIT, 3 * LINE_LIMIT] {
                let text = text.repeat(count);
                let line = json(PLAIN, SystemTime::now(), &line(&text));
                let whole = object(&line);
                let message = whole["message"].as_str().unwrap();
                let is_whole = message == text;
                let is_shorter = message.strip_suffix('…').is_some_and(|begin| text.starts_with(begin));
                assert!(is_whole || is_shorter && line.len() > LINE_LIMIT - 12, "{message}");
            }
        }
    }

    #[test]
    fn the_journal_is_told_how_bad_it_is_and_not_when_it_was() {
        let text = |style| {
            let mut out = Vec::new();
            let peer = Some(SocketAddr::from(([192, 0, 2, 1], 80)));
            write_text(&mut out, style, &Line { peer, ..line("it\nis") }, format_args!("WARN ")).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(JOURNAL), "<4>WARN  192.0.2.1:80: it\\nis\n");
        assert!(text(PLAIN).ends_with("Z WARN  192.0.2.1:80: it\\nis\n"));
        let json = json(JOURNAL, SystemTime::now(), &line("x"));
        object(json.strip_prefix("<4>").unwrap());
        let levels = [Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace];
        assert_eq!(levels.map(|level| priority(JOURNAL, level)), ["<3>", "<4>", "<6>", "<7>", "<7>"]);
    }
}
