//! What happens to machines, and what becomes of pictures meanwhile.

use super::nodes::noise;
use super::scenes::{Edges, PATIENCE, RATE, STREAM, Star};
use super::viewer::{Flaws, Viewer, age, flaws};
use super::{Row, Stage, liar, pause};
use crate::interop::feeds::{Follow, follow};
use crate::interop::players::{Player, Transport, decode};
use crate::process::Usage;
use crate::relay::{NUMBERS, Stamper};
use anyhow::{Context, Result, ensure};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Something that happens.
#[derive(Clone, Copy)]
pub struct Event {
    /// What it is called on the command line.
    pub name: &'static str,
    /// It takes cables.
    pub needs_cables: bool,
    /// Has it happen.
    pub run: fn(&Stage) -> Result<Vec<Row>>,
}

/// All of them.
pub const EVENTS: &[Event] = &[
    Event { name: "quiet", needs_cables: true, run: quiet },
    Event { name: "whole", needs_cables: false, run: whole },
    Event { name: "kill", needs_cables: false, run: kill },
    Event { name: "cut", needs_cables: true, run: cut },
    Event { name: "move", needs_cables: false, run: move_on },
    Event { name: "pair", needs_cables: false, run: pair },
    Event { name: "lie", needs_cables: false, run: lie },
    Event { name: "narrow", needs_cables: true, run: narrow },
    Event { name: "large", needs_cables: false, run: large },
];

/// Bytes of a picture: of 24 in a second, 4.8 Mbit/s.
pub const BYTES: usize = 25_000;
/// Pictures that a viewer has to have seen before something happens.
const BEFORE: usize = 12;
/// Pictures that may be missing at another edge where a node is killed.
const MISSING: usize = 2;
/// When a camera has to be back at the other edge.
const BACK: Duration = Duration::from_secs(2);
/// Older ones are not shown.
const STALE: Duration = Duration::from_secs(1);
/// How old pictures may be behind a narrow network.
const NARROW_AGE: Duration = Duration::from_millis(250);
/// When a viewer of a dead edge has to see the next picture elsewhere: where its program has died, and where its machine has.
const NEXT: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// Pictures of the usual size. So many fit into what numbers count.
fn pictures() -> Result<Arc<Vec<Vec<u8>>>> {
    noise(BYTES, 5)
}

/// Waits until all have seen a few pictures, and tells when that was.
fn begin(viewers: &[&Viewer]) -> Result<Instant> {
    for viewer in viewers {
        viewer.wait("before anything happens", Instant::now(), BEFORE)?;
    }
    Ok(Instant::now())
}

const PICTURE: &str = "
   camera --- garden ---+--- west ---+--- player 2 (has the URLs of both edges)
                        |            |
                        +--- east ---+
                              |
                              +--- player 1

Three machines: garden has a camera and sends its pictures to one edge, west, which has them for east.
";

/// Three machines and two players, for people who look on.
pub fn show(stage: &Stage) -> Result<Vec<Row>> {
    let mut scene = Edges::start(stage, &[("garden", 0)], &pictures()?)?;
    let place = scene.network.place()?;
    let stamper = scene.cameras.first().context("no camera")?.stamper.clone();
    let first = scene.watch(1, "garden", 0)?;
    let second = Viewer::start(&place, &[scene.url(0, "garden")?, scene.url(1, "garden")?], &stamper);
    stage.tell(PICTURE);
    let mut rows = Vec::new();
    let mut now = begin(&[&first, &second])?;
    stage.tell(format_args!(
        "Both players see {RATE} pictures a second, {:.0} ms old.",
        millis(age(&first.since(now - Duration::from_millis(400)), 50))
    ));
    if scene.network.has_cables() {
        let west = scene.edge(0)?.place.clone();
        scene.network.cut(&west)?;
        stage.tell("The cable of west is cut.");
        for (viewer, what, most) in [(&first, "player 1", BACK), (&second, "player 2, now at east", NEXT[1])] {
            viewer.wait(what, now + Duration::from_millis(200), BEFORE)?;
            let gap = flaws(&viewer.around(now)).gap;
            stage.tell(format_args!("  {what} sees the next picture after {:.0} ms", millis(gap)));
            rows.push(Row::time(format!("cable of west cut: gap at {what}"), most, gap));
        }
        let mended = Instant::now();
        scene.network.mend(&west)?;
        stage.tell("It is mended.");
        scene.edge(0)?.wait_for(&format!("garden/{STREAM}"), PATIENCE)?;
        pause(Duration::from_secs(1))?;
        let stale = [&first, &second].map(|viewer| viewer.since(mended).iter().filter(|seen| seen.age > STALE).count());
        rows.push(Row::count("mended: pictures older than 1 s that players see", 0, stale.iter().sum()));
        now = begin(&[&first, &second])?;
        scene.kill(1);
        stage.tell("The program of east is killed, with -9.");
    } else {
        scene.kill(0);
        stage.tell("The program of west is killed, with -9.");
        first.wait("player 1", now + Duration::from_millis(200), BEFORE)?;
        let found = flaws(&first.around(now));
        stage.tell(format_args!("  player 1 misses {} pictures", found.missing));
        rows.push(Row::count("west killed: pictures that player 1 at east misses", MISSING, found.missing));
    }
    second.wait("player 2", now + Duration::from_millis(100), BEFORE)?;
    let gap = flaws(&second.around(now)).gap;
    stage.tell(format_args!("  player 2, now at the other edge, sees the next picture after {:.0} ms", millis(gap)));
    rows.push(Row::time("edge killed: gap at player 2, which goes on at the other one", NEXT[0], gap));
    Ok(rows)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Nobody watches.
fn quiet(stage: &Stage) -> Result<Vec<Row>> {
    let (pictures, time) = (pictures()?, Duration::from_secs(2));
    let scene = Edges::start(stage, &[("garden", 0)], &pictures)?;
    let place = &scene.nodes.first().context("no node")?.place;
    let sent = |time: Duration| -> Result<u64> {
        let [_, before] = place.bytes()?;
        pause(time)?;
        Ok(place.bytes()?[1] - before)
    };
    // The last one who asked is still remembered for a while.
    let began = Instant::now();
    while sent(Duration::from_millis(500))? > BYTES as u64 / 2 && began.elapsed() < PATIENCE {}
    let sent = sent(time)?;
    stage.tell(format_args!("a camera that nobody watches has sent {sent} bytes in {time:?}"));
    let what = format!("bytes of a camera that nobody watches, in {time:?}: less than half a picture");
    Ok(vec![Row::count(what, BYTES / 2, sent as usize)])
}

/// Every picture is as it was taken.
fn whole(stage: &Stage) -> Result<Vec<Row>> {
    const PICTURES: usize = 36;
    let ffmpeg = Player::Ffmpeg.find(None).context("ffmpeg is not installed")?;
    let taken = pictures()?;
    let scene = Edges::start(stage, &[("garden", 0)], &taken)?;
    let mut again = Stamper::new(Arc::clone(&taken));
    let source = decode(&(0..NUMBERS).map(|_| again.take()).collect::<Vec<_>>())?;
    let url = scene.url(1, "garden")?;
    let played = scene.edge(1)?.place.within(|| ffmpeg.watch(&url, Transport::Tcp, PICTURES, PATIENCE))?;
    let Follow { right, changed, .. } = follow(&source, &played.pictures);
    let what = "pictures of a camera in ffmpeg, behind two other machines: as they were taken";
    let measured = format!("{right}, and {changed} others");
    let reached = right == PICTURES && changed == 0;
    Ok(vec![Row { what: what.into(), target: PICTURES.to_string(), measured, reached }])
}

/// An edge dies.
fn kill(stage: &Stage) -> Result<Vec<Row>> {
    let mut scene = Edges::start(stage, &[("garden", 0), ("yard", 1)], &pictures()?)?;
    let (garden, yard) = (scene.watch(1, "garden", 0)?, scene.watch(1, "yard", 1)?);
    let begin = begin(&[&garden, &yard])?;
    scene.kill(0);
    stage.tell("the edge west is killed; garden was behind it, and yard is behind east");
    pause(BACK)?;
    garden.wait("a camera whose edge was killed", Instant::now(), BEFORE)?;
    let [moved, stayed] = [&garden, &yard].map(|viewer| flaws(&viewer.around(begin)));
    let [moved_gap, stayed_gap] = [moved.gap, stayed.gap].map(|gap| gap.as_millis());
    let of = |what: &str, gap: u128, flaws: Flaws| {
        Row::count(format!("{what} (longest gap {gap} ms)"), MISSING, flaws.missing + flaws.backwards)
    };
    Ok(vec![
        of("edge killed: pictures missing at the other one, of a camera there", stayed_gap, stayed),
        of("the same of a camera that was behind the dead edge", moved_gap, moved),
    ])
}

/// The cable of an edge is cut, and mended.
fn cut(stage: &Stage) -> Result<Vec<Row>> {
    let scene = Edges::start(stage, &[("garden", 0)], &pictures()?)?;
    let (east, west) = (scene.watch(1, "garden", 0)?, scene.watch(0, "garden", 0)?);
    let place = scene.edge(0)?.place.clone();
    let cut = begin(&[&east, &west])?;
    scene.network.cut(&place)?;
    stage.tell("the cable of the edge west is cut; garden was behind it");
    east.wait("a camera whose edge is cut off", cut + Duration::from_millis(200), BEFORE)?;
    pause(Duration::from_secs(3).saturating_sub(cut.elapsed()))?;
    let gap = flaws(&east.around(cut)).gap;
    let mended = Instant::now();
    scene.network.mend(&place)?;
    stage.tell("it is mended");
    let back = west.wait("a camera at the edge that was cut off", mended, BEFORE)?;
    pause(Duration::from_secs(1))?;
    let stale = [&east, &west].map(|viewer| viewer.since(mended).iter().filter(|seen| seen.age > STALE).count());
    let first = back.first().map_or(Duration::MAX, |first| first.at - mended);
    Ok(vec![
        Row::time("cable of an edge cut: its camera is back at the other edge", BACK, gap),
        Row::time("mended: it is seen at the first one again", Duration::from_secs(4), first),
        Row::count("pictures older than 1 s shown after that", 0, stale.iter().sum()),
    ])
}

/// Viewers of a dead edge go on at another one.
fn move_on(stage: &Stage) -> Result<Vec<Row>> {
    let mut scene = Edges::start(stage, &[("garden", 1)], &pictures()?)?;
    let place = scene.network.place()?;
    let urls = [scene.url(0, "garden")?, scene.url(1, "garden")?];
    let stamper = scene.cameras.first().context("no camera")?.stamper.clone();
    let mut rows = Vec::new();
    if scene.network.has_cables() {
        let viewer = Viewer::start(&place, &urls, &stamper);
        let west = scene.edge(0)?.place.clone();
        let cut = begin(&[&viewer])?;
        scene.network.cut(&west)?;
        stage.tell("the machine of the edge west has no power any more; a player has both edges");
        viewer.wait("the next edge", cut + Duration::from_millis(200), BEFORE)?;
        let what = "power of an edge lost: next picture at the next edge, player with two URLs";
        rows.push(Row::time(what, NEXT[1], flaws(&viewer.around(cut)).gap));
        drop(viewer);
        scene.network.mend(&west)?;
        scene.edge(0)?.wait_for(&format!("garden/{STREAM}"), PATIENCE)?;
    }
    let viewer = Viewer::start(&place, &urls, &stamper);
    let killed = begin(&[&viewer])?;
    scene.kill(0);
    stage.tell("the edge west is killed; a player has both edges");
    viewer.wait("the next edge", killed + Duration::from_millis(100), BEFORE)?;
    let what = "program of an edge killed: next picture at the next edge, player with two URLs";
    rows.push(Row::time(what, NEXT[0], flaws(&viewer.around(killed)).gap));
    Ok(rows)
}

/// One of two nodes that see the same dies.
fn pair(stage: &Stage) -> Result<Vec<Row>> {
    let mut scene = Edges::with_one_camera(stage, &[("first", 0), ("second", 1)], &pictures()?)?;
    let edge = scene.edge(1)?;
    let camera = scene.cameras.first().context("no camera")?;
    let viewer = Viewer::start(&edge.place, &[edge.url(STREAM)], &camera.stamper);
    let killed = begin(&[&viewer])?;
    scene.nodes.remove(0).kill();
    stage.tell("of two nodes that see the same, the first one is killed");
    pause(Duration::from_millis(500))?;
    viewer.wait("the other one of two", Instant::now(), BEFORE)?;
    let flaws = flaws(&viewer.around(killed));
    Ok(vec![
        Row::time("one of two that see the same killed: the other one goes on under its name", BACK, flaws.gap),
        Row::count("pictures that were older than those before them", 0, flaws.backwards),
    ])
}

/// A node lies, shouts, and takes names of others.
fn lie(stage: &Stage) -> Result<Vec<Row>> {
    let mut scene = Edges::start(stage, &[("garden", 0)], &pictures()?)?;
    let place = scene.network.place()?;
    let (west, east) = (scene.edge(0)?, scene.edge(1)?);
    let garden = scene.watch(1, "garden", 0)?;
    let camera = scene.cameras.first().context("no camera")?;
    let named = Viewer::start(&east.place, &[east.url(STREAM)], &camera.stamper);
    let began = begin(&[&garden, &named])?;
    let mut liar = liar::start(&place, west.cluster)?;
    let watches = Viewer::start(&east.place, &[east.url(&format!("{}/{}", liar::NAME, liar::FLOOD))], &camera.stamper);
    stage.tell(
        "a node shouts, offers 10,000 streams with names of all kinds, and one that is called as that of another",
    );
    pause(liar::TIME)?;
    drop(watches);
    ensure!(liar.is_running()?, "the liar has ended before it had said all");
    let [seen, of_name] = [&garden, &named].map(|viewer| viewer.around(began));
    let (found, of_name) = (flaws(&seen), flaws(&of_name));
    drop(liar);
    garden.wait("after the liar", Instant::now(), BEFORE)?;
    let most = [west, east].into_iter().map(|edge| Usage::of(edge.server.id()).map(|usage| usage.peak_kib));
    let most = most.collect::<Result<Vec<_>>>()?.into_iter().max().unwrap_or_default();
    let is_named = east.server.log().contains(liar::NAME);
    let second = Duration::from_secs(1);
    Ok(vec![
        Row::time("a node lies and shouts: longest gap of another one's camera", second, found.gap),
        Row::time("the same under the camera's name, which the liar has, too", second, of_name.gap),
        Row::count("memory of an edge meanwhile, MB", 400, most as usize / 1024),
        Row::fact("the log names it", is_named),
    ])
}

/// A network that is too narrow for what is watched behind it.
fn narrow(stage: &Stage) -> Result<Vec<Row>> {
    let star = Star::start(stage, 3, (&pictures()?, RATE), &[None, Some(8)])?;
    let (wide, narrow) = (star.watch(0)?, star.watch(1)?);
    for viewer in wide.iter().chain(&narrow) {
        viewer.wait("before it counts", Instant::now(), 1)?;
    }
    pause(Duration::from_secs(1))?;
    let began = Instant::now();
    pause(Duration::from_secs(5))?;
    let missing: usize = wide.iter().map(|viewer| flaws(&viewer.since(began)).missing).sum();
    let seen: Vec<_> = narrow.iter().flat_map(|viewer| viewer.since(began)).collect();
    let came = seen.len();
    let what = |word: &str| format!("14 Mbit/s on a network of 8: age of the {came} pictures that come, {word}");
    let oldest = age(&seen, 100);
    let mut oldest = Row::time(what("at most"), Duration::ZERO, oldest);
    (oldest.target, oldest.reached) = (String::new(), came > 0);
    Ok(vec![
        Row::time(what("median"), NARROW_AGE, age(&seen, 50)),
        oldest,
        Row::count("the same: pictures missing at the edge beside it", 0, missing),
    ])
}

/// Pictures of 2 MB.
fn large(stage: &Stage) -> Result<Vec<Row>> {
    let pictures = noise(2_000_000, 1)?;
    let star = Star::start(stage, 1, (&pictures, 2), &[Some(100)])?;
    let viewers = star.watch(0)?;
    let viewer = viewers.first().context("no viewer")?;
    viewer.wait("the first picture", Instant::now(), 2)?;
    let began = Instant::now();
    let seen = viewer.wait("more pictures", began, 8)?;
    let size = pictures.first().map_or(0, Vec::len) as f64 / 1e6;
    let median = age(&seen, 50).as_millis();
    let network = if star.network.has_cables() { "over 100 Mbit/s" } else { "on this machine" };
    let what = format!("pictures of {size:.1} MB {network}, missing of {} (median age {median} ms)", seen.len());
    Ok(vec![Row::count(what, 0, flaws(&seen).missing)])
}
