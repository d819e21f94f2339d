//! What relaying takes: time, and the processor; beside the same load without our server.

use super::bare::{self, Part};
use super::events::BYTES;
use super::network::Network;
use super::nodes::{Camera, Node, Plan, noise};
use super::scenes::{OWN, PATIENCE, RATE, STREAM};
use super::viewer::{Viewer, later};
use super::{Row, Stage, pause};
use crate::latency::percentile;
use crate::process::Usage;
use anyhow::{Context, Result, ensure};
use mutoscope_std::cluster::{Remote, Topology, Zenoh};
use mutoscope_std::media::Policy;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Streams of the load.
const STREAMS: usize = 40;
/// Streams that are watched at their node, too, for the time that relaying adds.
const COMPARED: usize = 4;
/// Targets: milliseconds of processor a stream and second, at the node, the edge and the router between them; time that is added.
const PROCESSOR_MS: [f64; 3] = [2.0, 2.0, 2.5];
const ADDED: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(10)];
/// Streams of a catalogue, and when it has to be complete.
const CATALOGUE: usize = 500;
const COMPLETE: Duration = Duration::from_secs(1);

/// Everything, `seconds` for each figure.
pub fn measure(stage: &Stage, seconds: u64) -> Result<Vec<Row>> {
    let mut rows = limit(seconds)?;
    rows.extend(load(stage, seconds)?);
    rows.push(catalogue(stage)?);
    Ok(rows)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Processor time of these processes meanwhile, in milliseconds a stream and second.
fn processor<const N: usize>(ids: [u32; N], seconds: u64) -> Result<[f64; N]> {
    let usage = |id| Usage::of(id).map(|usage| usage.processor);
    let before = ids.map(usage);
    pause(Duration::from_secs(seconds))?;
    let mut found = [0.0; N];
    for ((found, before), id) in found.iter_mut().zip(before).zip(ids) {
        *found = millis(usage(id)? - before?) / (STREAMS as u64 * seconds) as f64;
    }
    Ok(found)
}

/// No server at all.
fn limit(seconds: u64) -> Result<Vec<Row>> {
    let place = Network::new(false)?.place()?;
    let [_, node] = place.ports()?;
    let start = |part| bare::start(&place, part, node, STREAMS, seconds);
    let router = start(Part::Relay)?;
    let (publisher, mut taker) = (start(Part::Put)?, start(Part::Take)?);
    pause(Duration::from_millis(1500))?;
    let [put, took, relayed] = processor([publisher.id(), taker.id(), router.id()], seconds.saturating_sub(1).max(1))?;
    let (half, most, came) = bare::ages(&mut taker)?;
    let expected = STREAMS * RATE as usize * seconds as usize;
    Ok(vec![Row {
        what: format!(
            "Zenoh alone, {STREAMS} streams of {RATE} pictures a second, {} KB each: latency, half and 99 of 100; processor ms a stream-second of who sends, who gets, and the router",
            BYTES / 1000
        ),
        target: String::new(),
        measured: format!(
            "{:.2}, {:.2} ms; {put:.2}, {took:.2}, {relayed:.2}; {came} of {expected} came",
            millis(half),
            millis(most)
        ),
        reached: true,
    }])
}

/// A node with cameras, a router, and an edge with a viewer for each.
fn load(stage: &Stage, seconds: u64) -> Result<Vec<Row>> {
    let pictures = noise(BYTES, 5)?;
    // Cameras take their pictures when they like. Where all do so at one moment, the last one waits for all before it.
    let after = |number: usize| Duration::from_secs(1) / RATE * number as u32 / STREAMS as u32;
    let start =
        |number| Camera::start_after(after(number), &format!("load{number}"), 1, (&pictures, RATE), &stage.scratch);
    let cameras: Vec<_> = (0..STREAMS).map(start).collect::<Result<_>>()?;
    let name = |number: usize| format!("{STREAM}{number}");
    let inputs = cameras.iter().enumerate().map(|(number, camera)| camera.input(&name(number), 0));
    let inputs: Vec<_> = inputs.collect::<Result<_>>()?;
    let mut network = Network::new(false)?;
    let mut start = |plan: Plan<'_>| Node::start(&stage.program, &network.place()?, &plan);
    let own = [OWN.to_owned()];
    let router = start(Plan { name: "router", listens: true, arguments: &own, ..Plan::default() })?;
    let connects = [router.cluster];
    let node = start(Plan { name: "node", connects: &connects, arguments: &inputs, ..Plan::default() })?;
    let edge = start(Plan { name: "edge", listens: true, connects: &connects, arguments: &own })?;
    edge.wait_for(&format!("node/{STREAM}{}", STREAMS - 1), PATIENCE)?;
    // The one who asked is remembered for a while.
    pause(Duration::from_secs(4))?;
    let [alone] = processor([node.server.id()], seconds)?;
    let watch = |at: &Node, path: String, camera: &Camera| Viewer::start(&at.place, &[at.url(&path)], &camera.stamper);
    let all = cameras.iter().enumerate();
    let viewers: Vec<_> = all.map(|(number, camera)| watch(&edge, format!("node/{STREAM}{number}"), camera)).collect();
    for viewer in &viewers {
        viewer.wait("before it counts", Instant::now(), 1)?;
    }
    pause(Duration::from_secs(1))?;
    let began = Instant::now();
    let used = processor([node.server.id(), edge.server.id(), router.server.id()], seconds)?;
    let came: usize = viewers.iter().map(|viewer| viewer.since(began).len()).sum();
    let expected = STREAMS * RATE as usize * seconds as usize;
    let few = cameras.iter().enumerate().take(COMPARED);
    let near: Vec<_> = few.map(|(number, camera)| watch(&node, name(number), camera)).collect();
    for viewer in &near {
        viewer.wait("before it is compared", Instant::now(), 12)?;
    }
    let began = Instant::now();
    pause(Duration::from_secs(seconds.min(8)))?;
    let mut added = Vec::new();
    for (near, far) in near.iter().zip(&viewers) {
        added.extend(later(&near.since(began), &far.since(began))?);
    }
    Ok(rows(alone, used, (came, expected), &added))
}

fn rows(alone: f64, used: [f64; 3], (came, expected): (usize, usize), added: &[Duration]) -> Vec<Row> {
    let [node, edge, router] = used;
    let all = (came * 100) as f64 / expected as f64;
    let figures = [
        ("the node that has the cameras, above what these take", node - alone, format!(" (the cameras {alone:.2})")),
        ("the edge, which serves a viewer of each stream", edge, format!("; {all:.1} % of all pictures came")),
        ("the router between them", router, String::new()),
    ];
    let processor = figures.into_iter().zip(PROCESSOR_MS).map(|((who, found, more), most)| Row {
        what: format!("processor ms a relayed stream-second: {who}"),
        target: format!("<= {most}"),
        measured: format!("{found:.2}{more}"),
        reached: found <= most,
    });
    let latency =
        [(50, "half of the pictures"), (99, "99 of 100")].into_iter().zip(ADDED).map(|((percent, of), most)| {
            let found = percentile(added.iter().copied(), percent);
            Row {
                what: format!("latency that a router and an edge add, {STREAMS} streams: {of}"),
                target: format!("<= {:.0} ms", millis(most)),
                measured: format!("{:.2} ms", millis(found)),
                reached: found <= most,
            }
        });
    processor.chain(latency).collect()
}

/// A new node, and all streams that another one has.
fn catalogue(stage: &Stage) -> Result<Row> {
    let inputs: Vec<_> = (0..CATALOGUE).map(|number| format!("s{number}=push:")).collect();
    let place = Network::new(false)?.place()?;
    let plan = Plan { name: "many", listens: true, arguments: &inputs, ..Plan::default() };
    let node = Node::start(&stage.program, &place, &plan)?;
    pause(Duration::from_secs(1))?;
    let begin = Instant::now();
    let topology = Topology { connect: vec![node.cluster.to_string()], ..Topology::default() };
    let exchange = Zenoh::open(&topology).context("the node cannot be joined")?;
    let remote = Remote::new(Arc::new(exchange), "new", Policy::default())?;
    while remote.names().iter().filter(|name| name.starts_with("many/s")).count() < CATALOGUE {
        ensure!(begin.elapsed() < PATIENCE, "{} streams of {CATALOGUE}", remote.names().len());
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(Row::time(format!("{CATALOGUE} streams of a node: a new one knows them all"), COMPLETE, begin.elapsed()))
}
