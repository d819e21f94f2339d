//! The example that serves frames of its own, as people run it, and our client.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mutoscope_std::client::{Client, Event, Goal, Options, Transport};

/// Longer than anything takes, on the slowest of machines.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program of an example, beside which the tests lie; built where only the tests were.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    if !program.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", env!("CARGO_PKG_NAME"), "--example", name]);
        assert!(build.status().unwrap().success());
    }
    program
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_example_prints_its_url_and_its_frames_come_over_udp_and_tcp() {
    let mut command = Command::new(example("serve"));
    let mut server = Running(command.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap());
    let mut url = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut url).unwrap();
    assert!(url.starts_with("rtsp://127.0.0.1:") && url.ends_with("/camera\n"), "{url}");
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut client = Client::new(Options { transport, rtp_port: 0, ..Options::new(url.trim_end()) }).unwrap();
        client.set_goal(Goal::Play { from: None });
        let end = Instant::now() + PATIENCE;
        let mut frames = 0;
        while frames < 10 {
            let event = client.next(Some(end)).unwrap().expect("frames come within the minute");
            if let Event::Frame(_) = event {
                let jpeg = client.frame();
                assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]));
                frames += 1;
            }
        }
    }
}
