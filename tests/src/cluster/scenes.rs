//! The machines of the scenes: cameras that are clients of edges, and players in front of these.

use super::Stage;
use super::network::Network;
use super::nodes::{Camera, Node, Plan};
use super::viewer::Viewer;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Pictures a second.
pub const RATE: u32 = 24;
/// Longer than it takes until a node is there, and has the streams of the others.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// What cameras are called at their nodes.
pub const STREAM: &str = "cam";

/// Two edges, which know each other, and cameras behind them.
#[derive(Debug)]
pub struct Edges {
    /// The first two are the edges.
    pub network: Network,
    /// Both; one may have been killed.
    pub edges: [Option<Node>; 2],
    /// The nodes of the cameras.
    pub nodes: Vec<Node>,
    /// Their cameras.
    pub cameras: Vec<Camera>,
}

/// A stream of its own, without which a server would print no URL.
pub const OWN: &str = "own=push:";
/// What edges are called.
const EDGES: [&str; 2] = ["west", "east"];

impl Edges {
    /// Edges, and nodes of these names with one camera each. A node is the client of the edge of this number, and knows the other one.
    pub fn start(stage: &Stage, nodes: &[(&str, usize)], pictures: &Arc<Vec<Vec<u8>>>) -> Result<Self> {
        let mut scene = Self::empty(stage)?;
        for &(name, home) in nodes {
            let camera = Camera::start(name, 1, pictures, RATE, &stage.scratch)?;
            scene.add(stage, name, home, camera.input(STREAM, 0)?)?;
            scene.cameras.push(camera);
        }
        scene.wait(nodes)?;
        Ok(scene)
    }

    /// The same of nodes that see the same by one camera.
    pub fn with_one_camera(stage: &Stage, nodes: &[(&str, usize)], pictures: &Arc<Vec<Vec<u8>>>) -> Result<Self> {
        let mut scene = Self::empty(stage)?;
        let camera = Camera::start("pair", nodes.len(), pictures, RATE, &stage.scratch)?;
        for (reader, &(name, home)) in nodes.iter().enumerate() {
            scene.add(stage, name, home, camera.input(STREAM, reader)?)?;
        }
        scene.cameras.push(camera);
        scene.wait(nodes)?;
        Ok(scene)
    }

    fn empty(stage: &Stage) -> Result<Self> {
        let mut network = Network::new(stage.namespaces)?;
        let first = edge(stage, &mut network, 0, &[])?;
        let second = edge(stage, &mut network, 1, &[first.cluster])?;
        Ok(Self { network, edges: [Some(first), Some(second)], nodes: Vec::new(), cameras: Vec::new() })
    }

    fn add(&mut self, stage: &Stage, name: &str, home: usize, input: String) -> Result<()> {
        let connects = [self.edge(home % 2)?.cluster, self.edge((home + 1) % 2)?.cluster];
        let plan = Plan { name, connects: &connects, arguments: &[input], ..Plan::default() };
        self.nodes.push(Node::start(&stage.program, &self.network.place()?, &plan)?);
        Ok(())
    }

    fn wait(&self, nodes: &[(&str, usize)]) -> Result<()> {
        for (name, _) in nodes {
            for edge in self.edges.iter().flatten() {
                edge.wait_for(&format!("{name}/{STREAM}"), PATIENCE)?;
            }
        }
        Ok(())
    }

    /// The player at an edge that watches a node's camera.
    pub fn watch(&self, edge: usize, name: &str, camera: usize) -> Result<Viewer> {
        let camera = self.cameras.get(camera).context("there is no such camera")?;
        Ok(Viewer::start(&self.edge(edge)?.place, &[self.url(edge, name)?], &camera.stamper))
    }

    /// An edge that has not been killed.
    pub fn edge(&self, number: usize) -> Result<&Node> {
        let edge = self.edges.get(number).and_then(Option::as_ref);
        edge.with_context(|| format!("there is no edge {number} any more"))
    }

    /// The URL of a camera at an edge.
    pub fn url(&self, edge: usize, name: &str) -> Result<String> {
        Ok(self.edge(edge)?.url(&format!("{name}/{STREAM}")))
    }

    /// Kills an edge as `kill -9` does.
    pub fn kill(&mut self, number: usize) {
        if let Some(edge) = self.edges.get_mut(number).and_then(Option::take) {
            edge.kill();
        }
    }
}

fn edge(stage: &Stage, network: &mut Network, number: usize, connects: &[SocketAddr]) -> Result<Node> {
    let place = network.place()?;
    let own = [OWN.to_owned()];
    let plan = Plan { name: EDGES[number], listens: true, connects, arguments: &own };
    Node::start(&stage.program, &place, &plan)
}

/// A node with cameras, and edges that connect with it.
#[derive(Debug)]
pub struct Star {
    /// The first place is the node's.
    pub network: Network,
    /// In the middle.
    pub node: Node,
    /// Its cameras, `cam0` and so on.
    pub cameras: Vec<Camera>,
    /// Around it.
    pub edges: Vec<Node>,
}

impl Star {
    /// So many cameras, and edges that may get so many Mbit/s.
    pub fn start(
        stage: &Stage,
        cameras: usize,
        (pictures, rate): (&Arc<Vec<Vec<u8>>>, u32),
        edges: &[Option<u32>],
    ) -> Result<Self> {
        let mut network = Network::new(stage.namespaces)?;
        let name = |number: usize| format!("{STREAM}{number}");
        let start = |number| Camera::start(&name(number), 1, pictures, rate, &stage.scratch);
        let cameras: Vec<_> = (0..cameras).map(start).collect::<Result<_>>()?;
        let inputs = cameras.iter().enumerate().map(|(number, camera)| camera.input(&name(number), 0));
        let inputs: Vec<_> = inputs.collect::<Result<_>>()?;
        let plan = Plan { name: "middle", listens: true, arguments: &inputs, ..Plan::default() };
        let node = Node::start(&stage.program, &network.place()?, &plan)?;
        let mut star = Self { network, node, cameras, edges: Vec::new() };
        for (number, &mbit) in edges.iter().enumerate() {
            let place = star.network.place()?;
            if let Some(mbit) = mbit.filter(|_| stage.namespaces) {
                star.network.narrow(&place, mbit)?;
            }
            let (name, connects) = (format!("edge{number}"), [star.node.cluster]);
            let own = [OWN.to_owned()];
            let plan = Plan { name: &name, listens: true, connects: &connects, arguments: &own };
            star.edges.push(Node::start(&stage.program, &place, &plan)?);
        }
        for edge in &star.edges {
            edge.wait_for(&format!("middle/{STREAM}0"), PATIENCE)?;
        }
        Ok(star)
    }

    /// Players at an edge, of all cameras.
    pub fn watch(&self, edge: usize) -> Result<Vec<Viewer>> {
        let edge = self.edges.get(edge).context("there is no such edge")?;
        let watch = |(number, camera): (usize, &Camera)| {
            Viewer::start(&edge.place, &[edge.url(&format!("middle/{STREAM}{number}"))], &camera.stamper)
        };
        Ok(self.cameras.iter().enumerate().map(watch).collect())
    }
}
