//! A server with two viewers that must not notice anything, for whoever is hostile to play on.

use crate::film::{Film, pictures};
use crate::net::Faults;
use crate::strict_client::StrictClient;
use crate::world::{World, settings};
use mutoscope::io::server::Settings;
use mutoscope::time::{Duration, Instant};

/// What the viewers watch.
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

    /// With other settings, but always repeating.
    pub fn with(settings: Settings<'static>) -> Self {
        let film = Film::new("movie.Mjpeg", pictures(10), 24);
        let settings = Settings { repeat: true, ..settings };
        let mut scene = World::with([film.clone()], settings, 1, Faults::default());
        let mut viewers = [scene.connect(201, URL), scene.connect(202, URL)];
        let [udp, tcp] = &mut viewers;
        let begun = [scene.start(udp).at, scene.start_interleaved(tcp).at];
        Self { scene, film, viewers, begun }
    }

    /// Lets everything run for `duration`, with the hostile viewer, where there is one.
    pub fn run(&mut self, hostile: Option<&mut StrictClient>, duration: Duration) {
        let [udp, tcp] = &mut self.viewers;
        match hostile {
            Some(hostile) => self.scene.run(&mut [udp, tcp, hostile], duration),
            None => self.scene.run(&mut [udp, tcp], duration),
        }
        self.check();
    }

    /// Asserts that neither viewer has missed or waited for anything, and forgets the frames they have got.
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

    /// How many connections are not the two viewers'.
    pub fn others(&self) -> usize {
        self.scene.server.connections() - self.viewers.len()
    }

    /// The viewers play a second more, and say good-bye; nothing is left of anybody.
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
