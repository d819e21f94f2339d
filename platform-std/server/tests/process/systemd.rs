//! systemd, as the program sees it.

use super::*;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;

/// Starts the program with a descriptor that somebody has opened, as number 3, with `variables` as a shell writes them.
fn start_with(descriptor: impl Into<OwnedFd>, variables: &str, arguments: &[&str]) -> Running {
    let script = format!("{variables} exec \"$@\" 3<&0 < /dev/null");
    let mut command = Command::new("sh");
    command
        .args(["-c", &script, "sh", PROGRAM, "--rtsp-port", "0"])
        .args(arguments)
        .stdin(Stdio::from(descriptor.into()));
    Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[test]
fn it_is_told_that_the_server_is_ready_lives_reads_its_file_again_and_stops() {
    let folder = Folder::new("notify");
    let path = folder.0.join("socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let news_with = |words: &str| {
        let mut news = [0; 1024];
        loop {
            let len = socket.recv(&mut news).expect("there are news");
            let text = String::from_utf8_lossy(&news[..len]).into_owned();
            if text.contains(words) {
                return text;
            }
            assert!(["STATUS=", "READY=1\n", "WATCHDOG=1\n"].iter().any(|known| text.starts_with(known)), "{text}");
        }
    };
    let config = folder.file_of("mutoscope.toml", b"http = 0\n[streams.cam]\ninput = \"push:\"\n");
    let notify = format!("NOTIFY_SOCKET={}", path.display());
    let mut server = Running::start(&["env", &notify, "WATCHDOG_USEC=400000"], &["--config", &config]);
    assert_eq!(news_with("STATUS"), "STATUS=Serves 1 stream to 0 clients\n");
    assert_eq!(news_with("READY"), "READY=1\n");
    assert!(answers(&server.url()));
    (0..3).for_each(|_| assert_eq!(news_with("WATCHDOG"), "WATCHDOG=1\n"));
    fs::write(&config, "http = 0\n[streams.cam]\ninput = \"push:\"\n[streams.two]\ninput = \"push:\"\n").unwrap();
    server.signal("-HUP");
    let news = news_with("RELOADING");
    let began = news.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().trim_end();
    assert!(began.parse::<u64>().is_ok_and(|micros| micros > 0), "{news}");
    news_with("READY");
    news_with("STATUS=Serves 2 streams");
    fs::write(&config, "nonsense = 1\n").unwrap();
    server.signal("-HUP");
    news_with("RELOADING");
    news_with("READY");
    news_with("the new configuration cannot be used");
    server.signal("-TERM");
    news_with("STOPPING=1\n");
    assert_eq!(server.wait().0, Some(0));
}

#[test]
fn a_socket_that_it_has_opened_is_served() {
    let (rtsp, address) = listener();
    let mut server = start_with(rtsp, "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=rtsp", &["--host", "192.0.2.1"]);
    let url = server.url();
    assert!(url.starts_with(&format!("rtsp://{address}/")) && answers(&url), "{url}");
    // One that is meant for another process is not there.
    let (other, address) = listener();
    let mut server = start_with(other, "LISTEN_PID=1 LISTEN_FDS=1 LISTEN_FDNAMES=rtsp", &[]);
    let url = server.url();
    assert!(!url.contains(&address) && answers(&url), "{url}");
}

#[test]
#[cfg(feature = "http")]
fn a_socket_for_browsers_is_served_without_a_port() {
    let (http, address) = listener();
    let mut server = start_with(http, "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=http", &[]);
    assert!(answers(&server.url()));
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let answer = io::read_to_string(stream).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let health = |address: &str| Command::new(PROGRAM).args(["health", address]).output().unwrap();
    assert_eq!(health(&address).status.code(), Some(0));
    server.signal("-TERM");
    assert_eq!(server.wait().0, Some(0));
    let output = health(&address);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && complaint.contains("does not answer"), "{complaint}");
}

#[test]
fn a_socket_that_cannot_be_used_is_told_by_its_name() {
    let tcp = || OwnedFd::from(listener().0);
    let udp = || OwnedFd::from(UdpSocket::bind("127.0.0.1:0").unwrap());
    let file = || OwnedFd::from(fs::File::open("/dev/null").unwrap());
    let connection = || {
        let (far, address) = listener();
        let near = TcpStream::connect(address).unwrap();
        drop(far);
        OwnedFd::from(near)
    };
    for (descriptor, name, code, expected) in [
        (
            udp(),
            "rtsp",
            1,
            "the socket \"rtsp\" that systemd has opened cannot be used, fd 3 is not a valid tcp socket",
        ),
        (file(), "http", 1, "the socket \"http\" that systemd has opened cannot be used, fd 3 is not a socket"),
        (tcp(), "rtp", 1, "a socket that it calls \"rtp\" (descriptor 3): FileDescriptorName= is rtsp, rtsps, http or"),
        (tcp(), "", 1, "a socket that it calls \"\" (descriptor 3)"),
        (tcp(), "rtsps", 1, "it is for TLS, which was not asked for"),
        (connection(), "rtsp", 1, "no connections come to it (systemd: Accept=no)"),
        (OwnedFd::from(TcpListener::bind("0.0.0.0:0").unwrap()), "rtsp", 2, "everybody"),
    ] {
        let server = start_with(descriptor, &format!("LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES={name}"), &[]);
        let (found, out, complaint) = server.wait();
        assert_eq!((found, out.as_str()), (Some(code), ""), "{name}: {complaint}");
        assert!(complaint.contains(expected), "{name}: {complaint}");
    }
}

#[test]
fn programs_of_inputs_get_nothing_of_what_it_has_given() {
    let folder = Folder::new("inherited");
    let found = folder.0.join("found");
    let program = format!(
        "cam=exec:sh -c 'env > {0}.new; ls /proc/self/fd >> {0}.new; mv {0}.new {0}; sleep 1000'#always",
        found.display()
    );
    let variables = "NOTIFY_SOCKET=/nowhere WATCHDOG_USEC=9000000 LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=rtsp";
    let mut server = start_with(listener().0, variables, &[&program]);
    assert!(answers(&server.url()));
    let deadline = Instant::now() + PATIENCE;
    while !found.exists() {
        assert!(Instant::now() < deadline, "the program does not run");
        thread::sleep(Duration::from_millis(10));
    }
    let found = fs::read_to_string(found).unwrap();
    assert!(found.contains("PATH="), "{found}");
    for name in ["NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_"] {
        assert!(!found.contains(name), "{found}");
    }
    // Its standard streams, its file, and the folder that is listed.
    assert!(!found.lines().any(|line| line == "4"), "{found}");
}

#[test]
fn it_starts_the_server_when_somebody_connects() {
    const TOOL: &str = "systemd-socket-activate";
    if Command::new(TOOL).arg("--version").output().is_err() {
        eprintln!("SKIPPED: {TOOL} is not here, so nothing was started by a connection");
        return;
    }
    // It takes no port of its own choice.
    let [rtsp, http] = [listener(), listener()].map(|(listener, address)| {
        drop(listener);
        address
    });
    let mut command = Command::new(TOOL);
    command.args(["-l", &rtsp, "-l", &http, "--fdname=rtsp:http", PROGRAM]).stdin(Stdio::null());
    let mut server = Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    server.log_until("Listening on");
    let url = format!("rtsp://{rtsp}/testcard");
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(&rtsp).is_err() {
        assert!(Instant::now() < deadline, "nobody listens");
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(describe(&url), "RTSP/1.0 200 OK\r\n");
    assert!(server.url().starts_with(&format!("rtsp://{rtsp}/")));
    server.signal("-TERM");
    assert_eq!(server.wait().0, Some(0));
}
