//! The examples that play, against a server of this library.

#[path = "../examples/play.rs"]
#[allow(dead_code, unreachable_pub, reason = "an example is a program, whose beginning is left out here")]
mod play;
#[cfg(feature = "futures")]
#[path = "../examples/play_stream.rs"]
#[allow(dead_code, unreachable_pub, reason = "an example is a program, whose beginning is left out here")]
mod play_stream;

use std::error::Error;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

use mutoscope_std::media::Library;
use mutoscope_std::server::{Options, Server, StopHandle};

struct Running {
    address: SocketAddr,
    stop: StopHandle,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start() -> Self {
        let server = Server::bind(&Options { rtsp_port: 0, ..Options::default() }).unwrap();
        let (address, stop) = (server.local_addr(), server.stop_handle());
        let serve = move || server.serve(Library::built_in("50".parse().unwrap())).unwrap();
        Self { address, stop, thread: Some(thread::spawn(serve)) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Plays a film of ten seconds to its end, and one that is not there.
fn play_a_film(print: impl Fn(&str, &mut Vec<u8>) -> Result<(), Box<dyn Error>>) {
    let server = Running::start();
    let mut printed = vec![];
    print(&format!("rtsp://{}/movie.Mjpeg", server.address), &mut printed).unwrap();
    let printed = String::from_utf8(printed).unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    assert!((490..=500).contains(&lines.len()), "{} lines", lines.len());
    assert!(lines[0].starts_with("frame 1: ") && lines[0].ends_with(" bytes of JPEG at Some(0ns)"), "{}", lines[0]);

    let error = print(&format!("rtsp://{}/missing", server.address), &mut vec![]).unwrap_err();
    assert!(error.to_string().contains("404"), "{error}");
}

#[test]
fn the_iterator_s_example_plays_a_film_to_its_end() {
    play_a_film(play::print);
}

#[cfg(feature = "futures")]
#[test]
fn the_stream_s_example_plays_a_film_to_its_end() {
    play_a_film(|url, out| play_stream::block_on(play_stream::print(url, out)));
}
