//! Live inputs from their first byte to a client's picture.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use mutoscope::jpeg::Layout;
use mutoscope_std::client::{Client, Event, Goal, Options, Transport};
use mutoscope_std::input::{Inputs, Spec};
use mutoscope_std::media::Policy;

mod support;
use support::{Folder, Running, film};

/// Longer than anything takes, on the slowest of machines.
const PATIENCE: Duration = Duration::from_secs(60);

/// The part of a picture that a receiver does not make itself.
fn scan(jpeg: &[u8]) -> &[u8] {
    let scan = Layout::parse(jpeg).unwrap().scan;
    &jpeg[scan.start as usize..][..scan.len as usize]
}

fn serve(spec: String) -> Running {
    Running::with(support::options(), move || {
        Inputs::from_specs(&[Spec::parse(&spec).unwrap()], Policy::default()).unwrap()
    })
}

/// A client that plays.
struct Viewer(Client);

impl Viewer {
    fn of(address: SocketAddr, transport: Transport) -> Self {
        let url = format!("rtsp://{address}/cam");
        let mut client = Client::new(Options { transport, rtp_port: 0, ..Options::new(url) }).unwrap();
        client.set_goal(Goal::Play { from: None });
        Self(client)
    }

    /// The next picture; nothing may happen to the session before it.
    fn next(&mut self) -> Vec<u8> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.0.next(Some(end)).unwrap().expect("a picture comes") {
                Event::Frame(_) => return self.0.frame().to_vec(),
                event @ (Event::EndOfStream { .. } | Event::TornDown) => panic!("{event:?}"),
                _ => {}
            }
        }
    }
}

fn fifo(folder: &Folder) -> PathBuf {
    let path = folder.0.join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

#[test]
fn every_picture_of_a_pipe_comes_as_it_was_and_who_comes_late_sees_the_newest_at_once() {
    let folder = Folder::new("pipe");
    let path = fifo(&folder);
    let server = serve(format!("cam={}", path.display()));
    let mut pipe = OpenOptions::new().write(true).open(&path).unwrap();
    let film = film(60);
    let (first, rest) = film.split_first().unwrap();
    pipe.write_all(first).unwrap();
    let mut viewers: Vec<_> =
        [Transport::Udp, Transport::Tcp].map(|transport| Viewer::of(server.address, transport)).into();
    let check = |viewers: &mut [Viewer], frame: &[u8]| {
        for viewer in viewers {
            assert!(scan(&viewer.next()) == scan(frame));
        }
    };
    check(&mut viewers, first);
    let mut took = Vec::new();
    for (number, frame) in rest.iter().enumerate() {
        if number == 20 {
            // Nothing comes until it has seen what there is.
            viewers.push(Viewer::of(server.address, Transport::Tcp));
            check(&mut viewers[2..], &film[20]);
        }
        let before = Instant::now();
        // A piece of it is no picture, and does not hurt.
        let (begin, end) = frame.split_at(700);
        pipe.write_all(begin).unwrap();
        pipe.write_all(end).unwrap();
        check(&mut viewers, frame);
        took.push(before.elapsed());
    }
    took.sort_unstable();
    assert!(took[took.len() / 2] < Duration::from_millis(100), "{:?}", took[took.len() / 2]);
}

/// Writes a program that shows a picture more each time it is run, then ends.
fn program(folder: &Path, film: &[Vec<u8>]) -> String {
    for (number, frame) in film.iter().enumerate() {
        std::fs::write(folder.join(number.to_string()), frame).unwrap();
    }
    let folder = folder.display();
    format!("cd '{folder}'; n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) > n; cat $n; sleep 0.2")
}

#[test]
fn viewers_stay_while_an_input_dies_and_comes_back() {
    let folder = Folder::new("dying");
    let film = film(3);
    let script = program(&folder.0, &film);
    let server = serve(format!("cam=exec:sh -c \"{}\"", script.replace('$', "\\$")));
    let mut viewer = Viewer::of(server.address, Transport::Udp);
    for frame in &film {
        assert!(scan(&viewer.next()) == scan(frame));
    }
}
