//! Another server's stream, pulled once, however many watch it here.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use super::error::InputError;
use super::publisher::Publisher;
use super::spec::Remote;
use super::stop::Stop;
use super::{Input, redact};
use crate::client::{Client, Error, Event, Goal, Options, Statistics};
use crate::media::Packets;
use crate::reach::Reach;
use crate::tls::Fingerprint;

/// How long the other server may take to let us go.
const FAREWELL: Duration = Duration::from_secs(1);

/// A stream behind an `rtsp://` URL. It is played over UDP, and over TCP where nothing comes that way.
pub struct Rtsp {
    remote: Remote,
    pin: Option<Fingerprint>,
    reach: Reach,
    rtp_port: u16,
}

impl Rtsp {
    /// The stream at `remote`.
    pub fn new(remote: Remote) -> Self {
        Self { remote, pin: None, reach: Reach::default(), rtp_port: 0 }
    }

    /// Of `rtsps://`, this certificate alone is believed, if there is one.
    pub fn with_pin(self, pin: Option<Fingerprint>) -> Self {
        Self { pin, ..self }
    }

    /// Only such addresses are connected to.
    pub fn with_reach(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }

    fn options(&self) -> Options {
        let mut options = Options::new(self.remote.url());
        options.credentials = self.remote.credentials().cloned();
        options.tls_pin = self.pin;
        options.reach = self.reach;
        // As over HTTP: cameras that know nothing else would be of no use.
        options.basic = true;
        options.rtp_port = self.rtp_port;
        options.teardown_timeout = FAREWELL;
        options
    }
}

impl Input for Rtsp {
    fn run(&mut self, publisher: &Publisher, stop: &Stop) -> Result<(), InputError> {
        let mut client = Client::new(self.options()).map_err(in_words)?;
        client.wake_on(stop).map_err(in_words)?;
        client.set_goal(Goal::Play { from: None });
        while !stop.is_stopping() {
            match client.next(None).map_err(in_words)? {
                Some(Event::Frame(frame)) => {
                    let sampled = client.sampled(&frame);
                    publisher.publish(publisher.copy(client.frame()), sampled);
                    if let Some(Statistics { lost, packets, .. }) = client.statistics() {
                        publisher.note_packets(Packets { lost, came: packets });
                    }
                }
                Some(Event::EndOfStream { .. }) => {
                    leave(&mut client);
                    return Err(InputError::new("the stream has ended"));
                }
                Some(Event::Connected { .. }) => publisher.await_picture("connected"),
                Some(Event::Retrying { after, .. }) => log::debug!("{}: {after:?}", publisher.name()),
                _ => {}
            }
        }
        leave(&mut client);
        Ok(())
    }
}

/// Ends the session. A server that is not told would keep it for a minute, and a camera may have only one.
fn leave(client: &mut Client) {
    client.set_goal(Goal::Stop);
    let deadline = Instant::now() + FAREWELL;
    while !client.is_idle() && Instant::now() < deadline {
        match client.next(Some(deadline)) {
            Ok(Some(Event::TornDown)) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// What viewers may be told: no address, no path, no user.
fn in_words(error: Error) -> InputError {
    // A URL that cannot be read cannot be freed of its secrets either.
    if !matches!(error, Error::Url(_)) {
        log::debug!("{}", redact(&error.to_string()));
    }
    InputError::new(match error {
        Error::Url(_) => return InputError::last("its URL cannot be used"),
        Error::Credentials => return InputError::last("its user or password cannot be sent"),
        Error::Resolve(..) => "its host's name means no address".to_owned(),
        Error::Connect(_, error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "nobody listens there".to_owned()
        }
        Error::Connect(_, error) => format!("cannot connect: {error}"),
        Error::Refused { status, .. } if (300..=399).contains(&status.0) => {
            "it sends us on where we do not go".to_owned()
        }
        // The fingerprint is no secret, and what helps; the options that the sentence names are other programs'.
        Error::Certificate { reason, .. } => reason.replace("--tls-pin", "#tls-pin="),
        Error::Unauthorized(_) => "it wants another user or password (401 Unauthorized)".to_owned(),
        error => error.to_string(),
    })
}

impl fmt::Debug for Rtsp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rtsp").field(&self.remote).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::{Source, Spec, Start};
    use super::super::testing::{Running, Watcher};
    use super::*;
    use crate::input::Supervisor;
    use crate::media::Policy;
    use crate::media::live::Live;
    use crate::media::testing::jpeg;
    use crate::server::{self, Server};
    use std::thread::{self, JoinHandle};

    /// A server with a camera, on a port that stays the same when it is started again.
    struct Camera {
        live: Live,
        port: u16,
        stop: server::StopHandle,
        thread: JoinHandle<()>,
    }

    impl Camera {
        fn start(port: u16) -> Self {
            let options = server::Options { rtsp_port: port, ..server::Options::default() };
            let server = Server::bind(&options).unwrap();
            let (stop, port) = (server.stop_handle(), server.local_addr().port());
            let live = Live::new("door", "25".parse().ok());
            live.publish(jpeg(16, 16, 0, b"first"));
            let served = live.clone();
            let thread = thread::spawn(move || server.serve(served).unwrap());
            Self { live, port, stop, thread }
        }

        fn end(self) -> u16 {
            self.stop.stop();
            self.thread.join().unwrap();
            self.port
        }
    }

    fn input(port: u16) -> Rtsp {
        let spec = Spec::parse(&format!("cam=rtsp://anna:secret@127.0.0.1:{port}/door")).unwrap();
        let Source::Rtsp(remote) = spec.source() else { panic!("it is a URL") };
        Rtsp::new(remote.clone())
    }

    #[test]
    fn a_stream_is_pulled_once_for_all_and_again_when_its_server_is_back() {
        let camera = Camera::start(0);
        let (live, supervisor) = (Live::new("cam", None), Supervisor::new().unwrap());
        supervisor.add(&live, Box::new(input(camera.port)), Start::OnDemand, Policy::default());
        let (mut one, mut other) = (Watcher::new(&live), Watcher::new(&live));
        for watcher in [&mut one, &mut other] {
            assert_eq!(watcher.next().1, jpeg(16, 16, 0, b"first"));
        }
        assert_eq!(camera.live.viewers(), 1);
        camera.live.publish(jpeg(32, 16, 0, b"second"));
        for watcher in [&mut one, &mut other] {
            assert_eq!(mutoscope::jpeg::Layout::parse(&watcher.next().1).unwrap().width, 32);
        }
        let camera = Camera::start(camera.end());
        for watcher in [&mut one, &mut other] {
            assert_eq!(mutoscope::jpeg::Layout::parse(&watcher.next().1).unwrap().width, 16);
        }
        drop((one, other, supervisor));
        camera.end();
    }

    #[test]
    fn of_one_that_is_connected_and_says_nothing_that_is_told() {
        let camera = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let running = Running::start(input(camera.local_addr().unwrap().port()));
        running.watcher.wait_for_reason(|reason| reason == "connected, but no picture has come yet");
    }

    #[test]
    fn what_is_said_of_failures_names_neither_place_nor_user() {
        let publisher = Publisher::new(Live::new("cam", None), Policy::default());
        let camera = Camera::start(0);
        let port = camera.end();
        let mut input = input(port);
        let error = input.run(&publisher, &Stop::new().unwrap()).unwrap_err();
        assert_eq!(error.reason(), "nobody listens there");
        assert!(!format!("{input:?}").contains("secret"));
    }
}
