//! Many viewers: who is let in, what they report, how they share wake-ups, and what they get where there is not enough for all.

use mutoscope::io::server::Settings;
use mutoscope::rtp::reception::Reception;
use mutoscope::session::Dialect::Standard;
use mutoscope::time::{Duration, Instant};
use mutoscope::wire::rtcp::{self, ReportBlock};
use mutoscope_tests::film::{Film, picture, pictures};
use mutoscope_tests::hostile_scene::URL;
use mutoscope_tests::net::{Faults, Line, Random};
use mutoscope_tests::real_client::{TCP, UDP as DATAGRAMS};
use mutoscope_tests::strict_client::StrictClient;
use mutoscope_tests::world::{World, settings};
use std::cell::RefCell;

const WHY: &str = "the server has all that it can do";
const UDP: &str = "Transport: RTP/AVP;unicast;client_port=25000-25001\r\n";
const INTERLEAVED: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";

fn scene() -> World {
    World::new([Film::new("movie.Mjpeg", pictures(48), 24)])
}

#[test]
fn a_new_viewer_is_told_when_to_come_back_and_is_let_in_then() {
    let mut scene = scene();
    scene.server.is_full = Some(WHY);
    let mut viewer = scene.connect(2, URL);
    // Whoever only asks what there is takes nothing.
    assert_eq!(scene.ask(&mut viewer, "DESCRIBE", "Accept: application/sdp\r\n").status, 200);
    for transport in [UDP, INTERLEAVED] {
        let refusal = scene.ask(&mut viewer, "SETUP", transport);
        assert_eq!((refusal.status, refusal.header("Retry-After")), (503, Some("10")), "{}", refusal.head);
        assert_eq!((refusal.header("Session"), &refusal.body[..]), (None, WHY));
    }
    // The connection stays, and nothing is left of what was refused.
    scene.server.is_full = None;
    scene.start(&mut viewer);
    scene.run(&mut [&mut viewer], Duration::from_secs(1));
    assert!(viewer.frames.len() >= 24, "{}", viewer.frames.len());
}

#[test]
fn a_new_viewer_is_sent_to_where_there_is_room() {
    const THERE: &str = "rtsp://10.0.0.9:8554/node/movie.Mjpeg?moved=1";
    let mut scene = scene();
    scene.server.elsewhere = Some(THERE);
    let mut first = scene.connect(2, URL);
    scene.start(&mut first);
    for (is_full, max_clients) in [(Some(WHY), usize::MAX), (None, 1)] {
        (scene.server.is_full, scene.server.max_clients) = (is_full, max_clients);
        scene.server.settings.session.moves = true;
        let mut viewer = scene.connect(3, URL);
        assert_eq!(scene.ask(&mut viewer, "OPTIONS", "").status, 200);
        let answer = scene.ask(&mut viewer, "DESCRIBE", "Accept: application/sdp\r\n");
        assert_eq!((answer.status, answer.header("Location")), (302, Some(THERE)), "{}", answer.head);
        // Where nobody has room, it is as if there were nobody.
        scene.server.elsewhere = None;
        let mut viewer = scene.connect(4, URL);
        let status = scene.ask(&mut viewer, "DESCRIBE", "Accept: application/sdp\r\n").status;
        assert_eq!(status, if is_full.is_some() { 200 } else { 503 });
        scene.server.elsewhere = Some(THERE);
        // Nobody is sent to where there is nothing, and nobody who has a stream is sent anywhere.
        let mut viewer = scene.connect(5, "rtsp://10.0.0.1/other");
        assert_eq!(scene.ask(&mut viewer, "DESCRIBE", "Accept: application/sdp\r\n").status, 404);
        assert_eq!(scene.ask(&mut first, "DESCRIBE", "Accept: application/sdp\r\n").status, 200);
    }
}

#[test]
fn a_new_viewer_of_the_lab_gets_a_status_that_its_client_reads() {
    let mut scene = scene();
    scene.server.is_full = Some(WHY);
    let mut viewer = scene.connect(2, "movie.Mjpeg");
    viewer.lab = true;
    let refusal = scene.ask(&mut viewer, "SETUP", "Transport: RTP/UDP; client_port= 25000\n");
    // It reads three lines, and knows no other headers.
    assert_eq!((refusal.status, refusal.header("Retry-After"), &refusal.body[..]), (503, None, ""), "{}", refusal.head);
    scene.server.is_full = None;
    scene.start(&mut viewer);
    scene.run(&mut [&mut viewer], Duration::from_secs(1));
    assert!(viewer.frames.len() >= 24, "{}", viewer.frames.len());
}

#[test]
fn who_has_a_stream_keeps_it_and_may_have_it_otherwise() {
    let mut scene = scene();
    let mut viewer = scene.connect(2, URL);
    scene.start(&mut viewer);
    scene.run(&mut [&mut viewer], Duration::from_millis(500));
    scene.server.is_full = Some(WHY);
    let mut late = scene.connect(3, URL);
    assert_eq!(scene.ask(&mut late, "SETUP", UDP).status, 503);
    scene.run(&mut [&mut viewer, &mut late], Duration::from_millis(500));
    let seen = viewer.frames.len();
    assert!(seen >= 24, "{seen}");
    // Another transport, another range, and another PLAY after a rest.
    assert_eq!(scene.ask(&mut viewer, "PAUSE", "").status, 200);
    scene.run(&mut [&mut viewer], Duration::from_secs(2));
    viewer.expect_gap();
    assert_eq!(scene.ask(&mut viewer, "SETUP", INTERLEAVED).status, 200);
    assert_eq!(scene.ask(&mut viewer, "PLAY", "Range: npt=0-\r\n").status, 200);
    scene.run(&mut [&mut viewer], Duration::from_secs(1));
    assert!(viewer.frames.len() >= seen + 23, "{}", viewer.frames.len());
    // Once it has given its stream back, it is a new viewer.
    assert_eq!(scene.ask(&mut viewer, "TEARDOWN", "").status, 200);
    scene.run(&mut [&mut viewer], Duration::from_secs(1));
    let mut again = scene.connect(2, URL);
    assert_eq!(scene.ask(&mut again, "SETUP", INTERLEAVED).status, 503);
}

thread_local! {
    static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps what each test's thread says.
struct Keeper;

impl log::Log for Keeper {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LOG.with_borrow_mut(|log| log.push(record.args().to_string()));
    }

    fn flush(&self) {}
}

/// What the log says of the client's reports.
fn told() -> Vec<String> {
    let of_reports = |line: String| line.strip_prefix("the client reports ").map(str::to_owned);
    LOG.take().into_iter().filter_map(of_reports).collect()
}

#[test]
fn what_a_client_reports_is_what_the_network_did() {
    // A second test may have set it.
    let _ = log::set_logger(&Keeper);
    log::set_max_level(log::LevelFilter::Info);
    let calm = Faults { latency: Duration::from_millis(20), ..Faults::default() };
    let lossy = Faults { loss: 100, ..calm };
    let restless = Faults { reordering: 500, reordering_delay: Duration::from_millis(30), ..calm };
    for (transport, faults) in [(DATAGRAMS, calm), (DATAGRAMS, lossy), (DATAGRAMS, restless), (TCP, calm)] {
        let film = Film::new("movie.Mjpeg", pictures(48), 24);
        let mut scene = World::with([film], Settings { repeat: true, ..settings() }, 3, faults);
        let mut watcher = scene.watch(2, Standard, transport);
        scene.run_watchers(&mut [&mut watcher], Duration::from_secs(60));
        let (reception, seen) = (scene.server.receptions()[0], watcher.statistics());
        let context = format!("{transport:?} {faults:?}: {reception}, and the client saw {seen:?}");
        assert!(reception.reports >= 5, "{context}");
        let round_trip = reception.round_trip().expect("a report about one of ours");
        if transport == TCP || faults.reordering == 0 {
            assert!(round_trip.abs_diff(2 * faults.latency) < Duration::from_millis(1), "{context}");
        } else {
            assert!((2 * faults.latency..=3 * faults.latency + 2 * faults.reordering_delay).contains(&round_trip));
        }
        // The last report came a few seconds ago.
        let lost = u64::try_from(reception.lost).unwrap();
        let share = f64::from(reception.fraction_lost) / 256.0;
        if faults.loss > 0 {
            assert!(lost <= seen.lost && lost * 4 >= seen.lost * 3 && (0.05..0.2).contains(&share), "{context}");
        } else {
            // Packets that are overtaken are missing for a moment.
            assert!(lost <= u64::from(faults.reordering) / 50 && share < 0.1, "{context}");
        }
        if faults.reordering > 0 {
            let jitter = seen.jitter;
            assert!(
                (jitter / 2..=jitter * 2).contains(&reception.jitter()) && jitter > Duration::from_millis(3),
                "{context}"
            );
        } else {
            assert!(reception.jitter() < Duration::from_millis(1), "{context}");
        }
        watcher.stop();
        scene.run_watchers(&mut [&mut watcher], Duration::from_secs(1));
        // Its farewell may be a report, too, and packets that were overtaken are not lost any more.
        let told = told();
        let (lost, now) = (told[0].split(' ').next().and_then(|number| number.parse::<u64>().ok()), seen.lost);
        assert!(told.len() == 1 && lost.is_some_and(|lost| lost.abs_diff(now) <= 1), "{context}: {told:?}");
        assert!(told[0].contains(" packets lost, jitter ") && told[0].contains(" us, round trip "), "{told:?}");
    }
}

/// A viewer over TCP with these channels, a few seconds into a film, and what of our last sender report its own ones name.
fn interleaved(channels: &str) -> (World, StrictClient, ReportBlock) {
    let film = Film::new("movie.Mjpeg", pictures(48), 24);
    let mut scene = World::with([film], Settings { repeat: true, ..settings() }, 3, Faults::default());
    let mut viewer = scene.connect(2, URL);
    let setup = scene.ask(&mut viewer, "SETUP", &format!("Transport: RTP/AVP/TCP;unicast;interleaved={channels}\r\n"));
    let ssrc = u32::from_str_radix(setup.parameter("Transport", "ssrc").unwrap(), 16).unwrap();
    assert_eq!(scene.ask(&mut viewer, "PLAY", "").status, 200);
    scene.run(&mut [&mut viewer], Duration::from_secs(6));
    let last_sr = viewer.reports.last().expect("a sender report").info.ntp.middle();
    let block = ReportBlock {
        ssrc,
        fraction_lost: 0,
        cumulative_lost: 0,
        extended_highest_sequence: 0,
        jitter: 0,
        last_sr,
        delay_since_last_sr: 0,
    };
    (scene, viewer, block)
}

/// Sends a receiver report on this channel.
fn report(scene: &mut World, viewer: &mut StrictClient, channel: u8, blocks: &[ReportBlock]) -> Reception {
    let mut buffer = [0; 1024];
    let len = rtcp::Emitter::new(&mut buffer).receiver_report(7, blocks).unwrap().cname(7, "viewer").unwrap().finish();
    viewer.send(&[&[b'$', channel, 0, len as u8][..], &buffer[..len]].concat());
    scene.run(&mut [viewer], Duration::from_millis(100));
    scene.server.receptions()[0]
}

#[test]
fn what_a_client_reports_in_its_connection_counts_on_the_channel_that_was_agreed_on() {
    for (channels, agreed) in [("0-1", 1), ("2-3", 3)] {
        let (mut scene, mut viewer, block) = interleaved(channels);
        let block = ReportBlock { fraction_lost: 64, cumulative_lost: 120, jitter: 900, ..block };
        for channel in (0..5).filter(|&channel| channel != agreed) {
            let reception = report(&mut scene, &mut viewer, channel, &[block]);
            assert_eq!(reception.reports, 0, "{channels}: channel {channel}");
        }
        let reception = report(&mut scene, &mut viewer, agreed, &[block]);
        assert_eq!((reception.reports, reception.lost, reception.fraction_lost), (1, 120, 64), "{channels}");
        assert_eq!(reception.jitter(), Duration::from_millis(10));
        // The sender report was some seconds old, and the client says that it answered at once.
        assert!(reception.round_trip().is_some_and(|time| time < Duration::from_secs(7)), "{reception}");
        // What it reports later is what counts, and media go on.
        let before = viewer.frames.len();
        let better = ReportBlock { fraction_lost: 0, cumulative_lost: 121, ..block };
        let reception = report(&mut scene, &mut viewer, agreed, &[better]);
        assert_eq!((reception.reports, reception.lost, reception.fraction_lost), (2, 121, 0));
        scene.run(&mut [&mut viewer], Duration::from_secs(1));
        assert!(viewer.frames.len() >= before + 24);
    }
}

#[test]
fn a_client_that_lies_in_its_reports_harms_nobody_and_is_written_down_in_one_line() {
    let _ = log::set_logger(&Keeper);
    log::set_max_level(log::LevelFilter::Info);
    let (mut scene, mut viewer, block) = interleaved("0-1");
    let most = ReportBlock {
        fraction_lost: u8::MAX,
        cumulative_lost: 0x7F_FFFF,
        extended_highest_sequence: u32::MAX,
        jitter: u32::MAX,
        delay_since_last_sr: u32::MAX,
        ..block
    };
    // About a sender report of the future, of which we know nothing.
    let future = ReportBlock { last_sr: block.last_sr.wrapping_add(3600 << 16), ..most };
    let reception = report(&mut scene, &mut viewer, 1, &[future]);
    assert_eq!((reception.fraction_lost, reception.round_trip()), (255, None));
    // No more than were sent.
    assert!((500..5000).contains(&reception.lost), "{reception}");
    assert_eq!(reception.jitter(), Duration::from_micros(47_721_858_833));
    // It kept the last one for longer than there was time.
    let reception = report(&mut scene, &mut viewer, 1, &[most]);
    assert!(reception.round_trip().is_some_and(|time| time < Duration::from_millis(1)), "{reception}");
    // As many at once as a report may have, and more duplicates than anybody can have got.
    let fewest = ReportBlock { cumulative_lost: -0x80_0000, ..future };
    let reception = report(&mut scene, &mut viewer, 1, &[fewest; 5]);
    assert_eq!((reception.reports, reception.lost), (7, -0x80_0000));
    let before = viewer.frames.len();
    scene.run(&mut [&mut viewer], Duration::from_secs(1));
    assert!(viewer.frames.len() >= before + 24);
    assert_eq!(scene.ask(&mut viewer, "TEARDOWN", "").status, 200);
    scene.run(&mut [&mut viewer], Duration::from_secs(1));
    let told = told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("-8388608 packets lost, jitter 47721858833 us, round trip "), "{told:?}");
}

/// Viewers that play a film of `rate` frames a second at random times of a second, for `duration`.
fn at_random_times(scene: &mut World, count: u8, duration: Duration) -> Vec<StrictClient> {
    let mut random = Random::new(7);
    let mut viewers: Vec<StrictClient> = Vec::new();
    for host in 0..count {
        let mut others: Vec<&mut StrictClient> = viewers.iter_mut().collect();
        scene.run(&mut others, Duration::from_micros(random.below(1_000_000 / u64::from(count) * 2)));
        let mut viewer = scene.connect(host + 2, URL);
        scene.start(&mut viewer);
        viewers.push(viewer);
    }
    let mut all: Vec<&mut StrictClient> = viewers.iter_mut().collect();
    scene.run(&mut all, duration);
    viewers
}

/// Pictures of one packet each.
fn small_pictures(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|seed| picture(seed, (32, 32), 10)).collect()
}

/// The phases in the interval at which frames begin, in microseconds, each once. A frame's number times the interval is rounded
/// down.
fn phases(viewers: &[StrictClient], rate: u64) -> Vec<u64> {
    let phase = |at: Instant| {
        let micros = at.as_micros();
        let frame = (micros + 1) * rate / 1_000_000;
        micros.saturating_sub(frame * 1_000_000 / rate)
    };
    let mut phases: Vec<u64> = viewers.iter().map(|viewer| phase(viewer.frames[0].begun)).collect();
    phases.sort_unstable();
    phases.dedup_by(|a, b| a.abs_diff(*b) <= 1);
    phases
}

#[test]
fn viewers_share_wake_ups() {
    for rate in [24, 30] {
        let mut wakes = Vec::new();
        for grid in [0, 2] {
            let film = Film::new("movie.Mjpeg", small_pictures(24), rate);
            let wake_grid = Duration::from_millis(grid);
            let mut scene =
                World::with([film], Settings { repeat: true, wake_grid, ..settings() }, 1, Faults::default());
            let viewers = at_random_times(&mut scene, 40, Duration::from_secs(1));
            wakes.push(scene.server.wakes);
            let phases = phases(&viewers, rate.into());
            if grid == 0 {
                assert!(phases.len() > 35, "each at its own: {phases:?}");
            } else {
                assert!(phases.len() <= (1000 / rate as usize).div_ceil(2), "{phases:?}");
                assert!(phases.iter().all(|phase| phase % 2000 <= 1 || phase % 2000 == 1999), "{phases:?}");
            }
        }
        // There are 40 viewers, and some 15 phases.
        assert!(wakes[1] * 4 < wakes[0] * 3, "{wakes:?}");
    }
}

#[test]
fn on_the_grid_each_viewer_sees_its_frames_as_evenly_as_without() {
    for grid in [0, 2] {
        for rate in [24, 30] {
            let film = Film::new("movie.Mjpeg", small_pictures(24), rate);
            let wake_grid = Duration::from_millis(grid);
            let mut scene =
                World::with([film], Settings { repeat: true, wake_grid, ..settings() }, 1, Faults::default());
            for viewer in at_random_times(&mut scene, 3, Duration::from_secs(60)) {
                let (first, frames) = (&viewer.frames[0], &viewer.frames);
                assert!(frames.len() as u64 >= 60 * u64::from(rate) - 1, "{} frames", frames.len());
                for (frame, n) in frames.iter().zip(0_u64..) {
                    // As exact after a minute as in the beginning.
                    let due = first.begun.after(Duration::from_micros(n * 1_000_000 / u64::from(rate)));
                    assert!(frame.begun >= due && frame.begun.since(due) <= Duration::from_micros(1), "frame {n}");
                    let ticks = frame.timestamp.wrapping_sub(first.timestamp);
                    assert!(u64::from(ticks).abs_diff(n * 90_000 / u64::from(rate)) <= 1, "frame {n}: {ticks}");
                }
            }
        }
    }
}

/// The frames that each viewer has got since.
fn taken(viewers: &mut [StrictClient]) -> Vec<usize> {
    let mut counts: Vec<usize> = viewers.iter_mut().map(|viewer| std::mem::take(&mut viewer.frames).len()).collect();
    counts.sort_unstable();
    counts
}

/// Viewers who began at random times, and what one second of all has: packets, and bytes with their headers.
fn crowd(count: u8, transport: &str, noise: u32) -> (World, Vec<StrictClient>, [u32; 2]) {
    let frames: Vec<_> = (0..24).map(|seed| picture(seed, (320, 240), noise)).collect();
    let bytes: usize = frames.iter().map(Vec::len).sum();
    let packets: usize = frames.iter().map(|frame| frame.len().div_ceil(1400)).sum();
    let film = Film::new("movie.Mjpeg", frames, 24);
    let mut scene = World::with([film], Settings { repeat: true, ..settings() }, 1, Faults::default());
    let mut random = Random::new(7);
    let mut viewers = Vec::new();
    for host in 0..count {
        let mut viewer = scene.connect(host + 2, URL);
        if transport == "UDP" {
            scene.start(&mut viewer)
        } else {
            scene.start_interleaved(&mut viewer)
        };
        viewers.push(viewer);
        scene.run_busy(&mut viewers, Duration::from_micros(random.below(40_000)), Duration::ZERO);
    }
    let count = usize::from(count);
    (scene, viewers, [packets * count, (bytes + packets * 20) * count].map(|count| count as u32))
}

/// Asserts that in each of the next few 5 seconds everybody gets about as much as the others, and so much altogether of what there
/// is for all.
fn assert_fair(scene: &mut World, viewers: &mut [StrictClient], each: Duration, share: f64, context: &str) {
    // Until everybody is as late as it will be.
    scene.run_busy(viewers, Duration::from_secs(3), each);
    taken(viewers);
    for _ in 0..2 {
        scene.run_busy(viewers, Duration::from_secs(5), each);
        assert_shared(&taken(viewers), share, context);
    }
}

/// Asserts that everybody has got about as much as the others in 5 seconds, and so much altogether of what there is for all.
fn assert_shared(counts: &[usize], share: f64, context: &str) {
    let (least, median, most) = (counts[0], counts[counts.len() / 2], counts[counts.len() - 1]);
    assert!(least * 10 >= median * 9 && most * 10 <= median * 11, "{context}: {counts:?}");
    let all = counts.iter().sum::<usize>() as f64 / (counts.len() as f64 * 120.0);
    assert!((share * 0.9..share * 1.2).contains(&all), "{context}: {counts:?}");
}

#[test]
fn a_server_with_too_much_to_do_gives_everybody_a_fair_share() {
    for transport in ["UDP", "TCP"] {
        let (mut scene, mut viewers, [packets, bytes]) = crowd(30, transport, 20);
        let offered = if transport == "UDP" { packets } else { bytes };
        for percent in [90_u32, 130] {
            let each = Duration::from_secs(1) * percent / 100 / offered;
            let share = (100.0 / f64::from(percent)).min(1.0);
            assert_fair(&mut scene, &mut viewers, each, share, &format!("{transport}, {percent} %"));
        }
    }
}

/// Lets viewers over UDP share a line that has room for a part of what they are to get, and gives what each gets in 5 seconds.
fn crowded(noise: u32, percent: u32, loops: usize, dealt: fn(usize) -> usize) -> Vec<usize> {
    let (mut scene, mut viewers, [_, bytes]) = crowd(12, "UDP", noise);
    let line = Line::new(u64::from(bytes) * 100 / u64::from(percent), 100_000);
    scene.server.share_line(line, loops, dealt);
    let mut all: Vec<&mut StrictClient> = viewers.iter_mut().collect();
    scene.run(&mut all, Duration::from_secs(1));
    all.iter_mut().for_each(|viewer| viewer.frames.clear());
    scene.run(&mut all, Duration::from_secs(5));
    taken(&mut viewers)
}

#[test]
fn a_network_with_too_little_room_is_shared_fairly() {
    // Frames of one burst, and of several.
    for noise in [20, 60] {
        for percent in [90_u32, 130, 200] {
            let share = (100.0 / f64::from(percent)).min(1.0);
            assert_shared(&crowded(noise, percent, 1, |_| 0), share, &format!("{noise}, {percent} %"));
        }
    }
}

#[test]
fn it_is_shared_fairly_by_the_viewers_of_all_threads() {
    // As many each, and ten of one for two of the other.
    for dealt in [|n| n % 2, |n| usize::from(n < 2)] {
        for (noise, percent) in [(20, 130_u32), (60, 200)] {
            let share = (100.0 / f64::from(percent)).min(1.0);
            assert_shared(&crowded(noise, percent, 2, dealt), share, &format!("{noise}, {percent} %, two threads"));
        }
    }
}

#[test]
fn who_leaves_or_pauses_while_the_network_is_full_holds_nobody_up() {
    let (mut scene, mut viewers, [_, bytes]) = crowd(12, "UDP", 60);
    scene.server.share_line(Line::new(u64::from(bytes) / 2, 100_000), 2, |n| n % 2);
    let mut all: Vec<&mut StrictClient> = viewers.iter_mut().collect();
    scene.run(&mut all, Duration::from_secs(1));
    // Nearly all of them wait at any time, so this catches some in the middle of a frame.
    for (n, method) in [(0, "PAUSE"), (1, "PAUSE"), (2, "TEARDOWN"), (3, "TEARDOWN"), (4, "PAUSE"), (5, "TEARDOWN")] {
        all[n].request(method, "");
        scene.run(&mut all, Duration::from_millis(7));
    }
    scene.run(&mut all, Duration::from_secs(1));
    for (n, viewer) in all.iter_mut().enumerate().take(6) {
        assert_eq!(viewer.answers.pop_front().map(|answer| answer.status), Some(200), "{n}");
    }
    for n in [2, 3, 5] {
        assert!(all[n].reports.iter().any(|report| report.bye.is_some()), "{n}: {:?}", all[n].reports.last());
    }
    // What six of them are to get fits.
    let now = scene.network.now();
    scene.run(&mut all, Duration::from_secs(5));
    for (n, viewer) in all.iter_mut().enumerate() {
        let frames = viewer.frames.iter().filter(|frame| frame.begun >= now).count();
        assert!(if n < 6 { frames == 0 } else { frames >= 115 }, "{n}: {frames}");
        assert!(n < 6 || viewer.reports.last().is_some_and(|report| report.at >= now), "{n}: no report");
    }
    // Those who go on have their share, and one whose connection breaks leaves the rest of it to them.
    for n in [0, 1, 4] {
        all[n].expect_gap();
        all[n].request("PLAY", "");
    }
    scene.run(&mut all, Duration::from_secs(2));
    assert!([0, 1, 4].iter().all(|&n| all[n].answers.pop_front().is_some_and(|answer| answer.status == 200)));
    all.iter_mut().for_each(|viewer| viewer.frames.clear());
    scene.run(&mut all, Duration::from_secs(5));
    let mut counts: Vec<usize> = all.iter().map(|viewer| viewer.frames.len()).filter(|count| *count > 0).collect();
    counts.sort_unstable();
    assert_eq!(counts.len(), 9);
    assert_shared(&counts, 6.0 / 9.0, "nine of twelve");
}
