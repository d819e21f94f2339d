use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mutoscope::io::server::Open;
use mutoscope::media::FrameSink as _;
use mutoscope::media::catalogue::Catalogue;
use mutoscope::media::catalogue::Medium as _;
use mutoscope::wire::rtcp::{Emitter, ReportBlock};
use mutoscope::wire::url::Path;

use super::super::answer::{health, readiness};
use super::super::tests::{picture, run};
use super::text::Kind;
use super::*;
use crate::input::{InputMedium, Inputs, Push};
use crate::media::Policy;
use crate::server::{Monitor, Options, Server};

const PATIENCE: Duration = Duration::from_secs(60);

/// What is wrong with a text, if anything is: each family has help and type, and is told once and in one piece; no two samples are of one
/// series; names and labels are as they have to be.
fn flaw(text: &str) -> Result<(), String> {
    let (mut families, mut series) = (HashSet::new(), HashSet::new());
    let mut present: Option<(&str, &str)> = None;
    let mut helped = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or(line)?;
            if help.is_empty() || !families.insert(name) {
                return Err(format!("told twice, or without help: {line}"));
            }
            (helped, present) = (Some(name), None);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or(line)?;
            if helped != Some(name) || !["counter", "gauge", "histogram"].contains(&kind) {
                return Err(format!("no help, or no such type: {line}"));
            }
            present = Some((name, kind));
        } else {
            let (name, kind) = present.ok_or_else(|| format!("nothing before it: {line}"))?;
            let (of, value) = line.rsplit_once(' ').ok_or(line)?;
            let (base, labels) = of.split_once('{').map_or((of, ""), |(base, rest)| (base, rest));
            let is_part =
                kind == "histogram" && ["_bucket", "_sum", "_count"].iter().any(|part| base == format!("{name}{part}"));
            if !(is_part || base == name && kind != "histogram") {
                return Err(format!("not of the family {name}: {line}"));
            }
            if !labels.is_empty() && !labels.ends_with("\"}") || value.parse::<f64>().is_err() {
                return Err(format!("no sample: {line}"));
            }
            if !series.insert(of.to_owned()) {
                return Err(format!("told twice: {line}"));
            }
        }
    }
    Ok(())
}

fn value(text: &str, series: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
}

#[test]
fn the_checker_of_these_tests_finds_what_is_wrong() {
    let family = "# HELP a what\n# TYPE a gauge\n";
    assert_eq!(flaw(&format!("{family}a{{x=\"1\"}} 1\na{{x=\"2\"}} 1\n")), Ok(()));
    for wrong in ["a 1\na 2\n", "b 1\n", "a{x=\"1\" 1\n", "a x\n", "a_sum 1\n", "# HELP a what\n# TYPE a gauge\n"] {
        assert!(flaw(&format!("{family}{wrong}")).is_err(), "{wrong}");
    }
    assert!(flaw("a 1\n").is_err() && flaw("# TYPE a gauge\na 1\n").is_err());
}

#[test]
fn names_are_as_prometheus_wants_them() {
    let mut names = HashSet::new();
    for Metric { name, kind, help } in n::ALL {
        assert!(names.insert(name), "{name}");
        assert!(name.starts_with("mutoscope_") && help.ends_with('.'), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        assert!(!["_sum", "_count", "_bucket", "_milliseconds"].iter().any(|end| name.ends_with(end)), "{name}");
    }
}

#[test]
fn each_is_in_the_docs_and_the_dashboard_asks_for_no_other() {
    let words = |text: &'static str| {
        let is_end = |char: char| !char.is_ascii_alphanumeric() && char != '_';
        text.split(is_end).filter(|word| word.starts_with("mutoscope_")).collect::<HashSet<_>>()
    };
    let names: HashSet<_> = n::ALL.iter().map(|metric| metric.name).collect();
    let docs = include_str!("../../../../docs/metrics.md");
    for Metric { name, kind, .. } in n::ALL {
        let row = docs.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        assert!(row.is_some_and(|row| row.contains(&format!("{kind:?}").to_lowercase())), "{name}");
    }
    let dashboard = include_str!("../../../../docs/grafana.json");
    let histograms = n::ALL.iter().filter(|metric| metric.kind == Kind::Histogram);
    let buckets: HashSet<_> = histograms.map(|metric| format!("{}_bucket", metric.name)).collect();
    for word in words(docs).into_iter().chain(words(dashboard)) {
        assert!(names.contains(word) || buckets.contains(word), "{word}");
    }
    let dashboard: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row");
    for panel in panels {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            assert!(target["expr"].as_str().unwrap().contains("mutoscope_"), "{target}");
        }
    }
}

#[test]
fn what_a_stream_is_called_is_escaped() {
    let mut text = Text::default();
    let stream = |name: &str| Stream { name: name.to_owned(), live: Some(Live::default()), ..Stream::default() };
    let names = ["a\"} 1\nmutoscope_streams 9", "b\\", "\u{e9}\r\t"];
    let far = Stream { node: Some("gar\"den".to_owned()), ..stream("gar\"den/door") };
    write_streams(&mut text, &added_up(names.map(stream).into_iter().chain([far]).collect::<Vec<_>>().into_iter(), 9));
    let text = text.finish();
    assert_eq!(flaw(&text), Ok(()));
    assert_eq!(value(&text, "mutoscope_streams"), 4.0);
    assert_eq!(value(&text, r#"mutoscope_stream_up{node="gar\"den",stream="gar\"den/door"}"#), 0.0);
    let left_out = r#"mutoscope_stream_left_out_frames_total{node="gar\"den",stream="gar\"den/door",reason="unready"}"#;
    assert_eq!(value(&text, left_out), 0.0);
    assert_eq!(value(&text, r#"mutoscope_stream_up{stream="a\"} 1\nmutoscope_streams 9"}"#), 0.0);
    assert_eq!(value(&text, r#"mutoscope_stream_up{stream="b\\"}"#), 0.0);
}

#[test]
fn streams_beyond_the_limit_are_added_up() {
    let stream = |number: u64| {
        let trouble = (number == 2).then(|| "the disk is full".to_owned());
        let recording = (number > 1).then_some(Progress { frames: number, bytes: 100, dropped: 1, trouble });
        let totals = Totals { frames: 10 + number, ..Totals::default() };
        let live = Some(Live { totals, age: Some(1.0), loss: None, recording });
        let name = if number == 0 { "other".to_owned() } else { format!("cam-{number}") };
        Stream { name, node: None, viewers: 1, live, is_up: number < 4, is_idle: false }
    };
    let all = || (0..6).map(stream).collect::<Vec<_>>().into_iter();
    let mut text = Text::default();
    write_streams(&mut text, &added_up(all(), 2));
    let text = text.finish();
    assert_eq!(flaw(&text), Ok(()));
    let frames = |name: &str| value(&text, &format!("mutoscope_stream_frames_total{{stream=\"{name}\"}}"));
    assert_eq!([frames("cam-1"), frames("cam-2"), frames("other")], [11.0, 12.0, 10.0 + 13.0 + 14.0 + 15.0]);
    assert_eq!(value(&text, "mutoscope_streams_up"), 4.0);
    assert_eq!(value(&text, "mutoscope_stream_viewers{stream=\"other\"}"), 4.0);
    let recorded = |name: &str| value(&text, &format!("mutoscope_recording_frames_total{{stream=\"{name}\"}}"));
    assert_eq!([recorded("cam-2"), recorded("other")], [2.0, 3.0 + 4.0 + 5.0]);
    assert_eq!(value(&text, "mutoscope_recording_running{stream=\"cam-2\"}"), 0.0, "its disk is full");
    assert!(!text.contains("mutoscope_recording_running{stream=\"cam-1\"}"), "it is not recorded");
    // The age of several has no meaning.
    assert!(!text.contains("mutoscope_stream_age_seconds{stream=\"other\"}"));
    let whole = added_up(all(), 6);
    assert!(whole.rest.is_none() && whole.each.len() == 6);
}

/// Inputs that two servers have in common.
#[derive(Clone, Copy)]
struct Shared(&'static Inputs);

impl Catalogue for Shared {
    type Medium = InputMedium;

    fn find(&self, path: Path<'_>) -> Option<InputMedium> {
        self.0.find(path)
    }
}

impl Directory for Shared {
    fn list(&self) -> Vec<Listed> {
        self.0.list()
    }
}

/// Waits until all loops have been asked anew, and gives what the site says then.
fn measured(monitor: &Monitor, site: &Site<Shared, Open>) -> String {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
        tokio::time::timeout(PATIENCE, monitor.count()).await.unwrap();
        let text = text(site);
        assert_eq!(flaw(&text), Ok(()), "{text}");
        text
    })
}

/// What is measured as soon as it is so.
fn wait(monitor: &Monitor, site: &Site<Shared, Open>, is_so: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = measured(monitor, site);
        if is_so(&text) {
            return text;
        }
        assert!(Instant::now() < deadline, "{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn ask(client: &mut TcpStream, request: &str) -> String {
    client.write_all(request.as_bytes()).unwrap();
    let (mut answer, mut byte) = (String::new(), [0]);
    while !answer.ends_with("\r\n\r\n") {
        client.read_exact(&mut byte).unwrap();
        answer.push(byte[0].into());
    }
    assert!(answer.starts_with("RTSP/1.0 200"), "{answer}");
    answer
}

/// A viewer that plays on its connection.
fn play(address: std::net::SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).unwrap();
    let url = format!("rtsp://{address}/yard");
    let transport = "Transport: RTP/AVP/TCP;interleaved=0-1\r\n";
    let answer = ask(&mut client, &format!("SETUP {url} RTSP/1.0\r\nCSeq: 1\r\n{transport}\r\n"));
    let session = answer.split("Session: ").nth(1).unwrap().split([';', '\r']).next().unwrap();
    ask(&mut client, &format!("PLAY {url} RTSP/1.0\r\nCSeq: 2\r\nSession: {session}\r\n\r\n"));
    client
}

/// Reports that a quarter of the packets was lost, millions in all, and a jitter of hours.
fn report(client: &mut TcpStream) {
    let (mut head, mut packet) = ([0; 4], vec![0; 65_536]);
    let ssrc = loop {
        client.read_exact(&mut head).unwrap();
        let packet = &mut packet[..usize::from(u16::from_be_bytes([head[2], head[3]]))];
        client.read_exact(packet).unwrap();
        if head[1] == 0 {
            break u32::from_be_bytes(packet[8..12].try_into().unwrap());
        }
    };
    let block = ReportBlock {
        ssrc,
        fraction_lost: 64,
        cumulative_lost: 0x7F_FFFF,
        extended_highest_sequence: 0,
        jitter: u32::MAX,
        last_sr: 0,
        delay_since_last_sr: 0,
    };
    let mut buffer = [0; 64];
    let len = Emitter::new(&mut buffer).receiver_report(9, &[block]).unwrap().finish();
    client.write_all(&[&[b'$', 1, 0, len as u8], &buffer[..len]].concat()).unwrap();
}

#[test]
fn what_two_loops_do_is_added_up_and_what_is_gone_stays_counted() {
    let mut inputs = Inputs::new(Policy::default()).unwrap();
    inputs.add_push(Push::new("yard", None, Policy::default()).unwrap()).unwrap();
    let inputs = Shared(Box::leak(Box::new(inputs)));
    let mut sink = inputs.find(Path::new("yard")).unwrap().record([127, 0, 0, 1].into()).unwrap();
    let now = mutoscope::time::Instant::from_millis(1);
    sink.publish(now, &picture(0, 1000), now);
    let server = Server::bind(&Options { rtsp_port: 0, threads: 2, ..Options::default() }).unwrap();
    let (address, stop, monitor) = (server.local_addr(), server.stop_handle(), server.monitor());
    let site = Site::within(server.limits(), inputs, Arc::new(Open)).with_monitor(monitor.clone());
    let before = text(&site);
    assert_eq!((flaw(&before), value(&before, "mutoscope_event_loops_missing")), (Ok(()), 2.0));
    // In virtual time nobody waits for it.
    assert_eq!(run(health(&site)), Err("the RTSP server does not answer"));
    let serving = std::thread::spawn(move || server.serve(inputs).unwrap());
    let tcp = |metric: &str| format!("mutoscope_{metric}{{transport=\"tcp\"}}");
    let viewers = wait(&monitor, &site, |text| value(text, "mutoscope_stream_frames_total{stream=\"yard\"}") >= 1.0);
    assert_eq!(value(&viewers, &tcp("viewers")), 0.0);
    let mut players = [play(address), play(address)];
    let text = wait(&monitor, &site, |text| value(text, &tcp("sent_frames_total")) >= 2.0);
    assert_eq!((value(&text, &tcp("viewers")), value(&text, &tcp("playing_viewers"))), (2.0, 2.0));
    assert_eq!(value(&text, "mutoscope_viewers{transport=\"udp\"}"), 0.0);
    players.iter_mut().for_each(report);
    let text = wait(&monitor, &site, |text| value(text, &tcp("loss_ratio_count")) == 2.0);
    assert_eq!((value(&text, &tcp("loss_ratio_sum")), value(&text, &tcp("jitter_seconds_sum"))), (0.5, 20.0));
    assert_eq!(value(&text, "mutoscope_loss_ratio_bucket{transport=\"tcp\",le=\"0.2\"}"), 0.0);
    assert_eq!(value(&text, "mutoscope_loss_ratio_bucket{transport=\"tcp\",le=\"0.3\"}"), 2.0);
    assert_eq!(value(&text, "mutoscope_loss_ratio_bucket{transport=\"udp\",le=\"+Inf\"}"), 0.0);
    // More than were sent cannot be lost.
    assert!(value(&text, &tcp("lost_packets_total")) <= 8.0, "{text}");
    assert_eq!(value(&text, "mutoscope_stream_viewers{stream=\"yard\"}"), 2.0);
    assert_eq!(value(&text, "mutoscope_event_loops_missing"), 0.0);
    assert!(value(&text, "mutoscope_stream_bytes_total{stream=\"yard\"}") >= 1000.0);
    assert!(value(&text, "mutoscope_rtsp_sent_bytes_total") >= 200.0);
    assert_eq!((run(health(&site)), run(readiness(&site))), (Ok(()), Ok(())));
    let sessions = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let roll = monitor.call();
        runtime.block_on(std::future::poll_fn(|context| roll.poll(context.waker())));
        roll.take()
    };
    let mut ports: Vec<_> = players.iter().map(|player| player.local_addr().unwrap().port()).collect();
    let ended = sessions().into_iter().find(|session| session.peer.port() == ports[0]).unwrap();
    assert_eq!((ended.transport, ended.is_playing, ended.is_publisher), (Some("tcp"), true, false));
    assert_eq!(sessions().len(), 2);
    // Another client may have its place by then.
    monitor.end(crate::server::SessionId { port: ended.id.port ^ 1, ..ended.id });
    assert_eq!(sessions().len(), 2);
    monitor.end(ended.id);
    wait(&monitor, &site, |text| value(text, &tcp("viewers")) == 1.0);
    ports.remove(0);
    assert_eq!(sessions().iter().map(|session| session.peer.port()).collect::<Vec<_>>(), ports);
    drop(players);
    let text = wait(&monitor, &site, |text| value(text, &tcp("viewers")) == 0.0);
    assert_eq!(value(&text, &tcp("loss_ratio_count")), 2.0, "they were reported all the same");
    assert_eq!(value(&text, &tcp("sent_frames_total")), 2.0, "they were sent all the same");
    stop.stop();
    serving.join().unwrap();
    assert_eq!(run(readiness(&site)), Err("the server is stopping"));
    check_with_promtool(&text);
}

/// Debian's `prometheus` has it. Where it is missing, the whole test says so.
fn check_with_promtool(text: &str) {
    use std::process::{Command, Stdio};
    let promtool = std::env::var_os("PROMTOOL").unwrap_or_else(|| "promtool".into());
    let (input, output) = (Stdio::piped(), Stdio::piped());
    let started =
        Command::new(&promtool).args(["check", "metrics"]).stdin(input).stdout(output).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = started else { return eprintln!("SKIPPED promtool check metrics: it is not here") };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}
