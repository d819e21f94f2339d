//! A server with two viewers, for tests with a hostile peer. The viewers must not notice the peer.

use crate::film::{Film, pictures};
use crate::net::Faults;
use crate::strict_client::StrictClient;
use crate::world::{World, settings};
use mutoscope::io::server::Settings;
use mutoscope::time::{Duration, Instant};

/// The path that the viewers watch.
pub const URL: &str = "rtsp://10.0.0.1:8554/movie.Mjpeg";

/// A server that plays its film in a loop to one viewer over UDP and to one over TCP.
pub struct HostileScene {
    /// Network and server.
    pub scene: World,
    film: Film,
    viewers: [StrictClient; 2],
    begun: [Instant; 2],
}

impl Default for HostileScene {
    fn default() -> Self {
        Self::new()
    }
}

impl HostileScene {
    /// Both viewers have begun.
    pub fn new() -> Self {
        Self::with(settings())
    }

    /// A scene with other settings; the film is always repeated.
    pub fn with(settings: Settings<'static>) -> Self {
        let film = Film::new("movie.Mjpeg", pictures(10), 24);
        let settings = Settings { repeat: true, ..settings };
        let mut scene = World::with([film.clone()], settings, 1, Faults::default());
        let mut viewers = [scene.connect(201, URL), scene.connect(202, URL)];
        let [udp, tcp] = &mut viewers;
        let begun = [scene.start(udp).at, scene.start_interleaved(tcp).at];
        Self { scene, film, viewers, begun }
    }

    /// Lets everything run for `duration`, with the hostile viewer, if there is one.
    pub fn run(&mut self, hostile: Option<&mut StrictClient>, duration: Duration) {
        let [udp, tcp] = &mut self.viewers;
        match hostile {
            Some(hostile) => self.scene.run(&mut [udp, tcp, hostile], duration),
            None => self.scene.run(&mut [udp, tcp], duration),
        }
        self.check();
    }

    /// Asserts that neither viewer has missed a frame or waited for one, and forgets the frames that they have received.
    fn check(&mut self) {
        let now = self.scene.network.now();
        for (viewer, begun) in self.viewers.iter_mut().zip(&mut self.begun) {
            for frame in viewer.frames.drain(..) {
                let number = viewer.seen;
                viewer.seen += 1;
                assert!(frame.is(&self.film.frames[number % self.film.frames.len()]), "frame {number}");
                let due = begun.after(Duration::from_micros(self.film.rate.micros(number as u64)));
                assert_eq!(frame.at, due, "frame {number}");
            }
            let due = self.film.rate.frames_in(now.since(*begun).as_micros() as u64) as usize + 1;
            assert_eq!((viewer.seen, viewer.abandoned, viewer.closed), (due, 0, false), "at {now:?}");
            assert_eq!(viewer.bye(), None);
            viewer.reports.clear();
        }
    }

    /// Keeps the viewer over UDP alive.
    pub fn keep_alive(&mut self) {
        let [udp, _] = &mut self.viewers;
        assert_eq!(self.scene.ask(udp, "GET_PARAMETER", "").status, 200);
    }

    /// The number of connections beside those of the two viewers.
    pub fn others(&self) -> usize {
        self.scene.server.connections() - self.viewers.len()
    }

    /// Lets the viewers play a second more and tear down. Asserts that nothing is left of any connection.
    pub fn end(mut self) {
        assert_eq!(self.others(), 0, "connections of others");
        self.run(None, Duration::from_secs(1));
        for viewer in &mut self.viewers {
            assert_eq!(self.scene.ask(viewer, "TEARDOWN", "").status, 200);
            viewer.vanish();
        }
        let [udp, tcp] = &mut self.viewers;
        self.scene.run(&mut [udp, tcp], Duration::from_millis(1));
        drop(self.viewers);
        self.scene.assert_nothing_left();
    }
}
