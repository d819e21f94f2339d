//! The program that is run when viewers and inputs come and go.

use super::*;

/// A hook that writes down what it is told.
fn hook(folder: &Folder) -> (String, PathBuf) {
    let told = folder.0.join("told");
    let words = "$MUTOSCOPE_STREAM $MUTOSCOPE_EVENT $MUTOSCOPE_VIEWERS $MUTOSCOPE_REASON";
    let text = folder.file_of("text", format!("#!/bin/sh\necho \"{words}\" >> {}\n", told.display()).as_bytes());
    let script = folder.0.join("hook").to_str().unwrap().to_owned();
    // Nobody can run a file that this process, or one that it starts meanwhile, has open to write to it.
    let made = Command::new("sh").args(["-c", "cp \"$0\" \"$1\" && chmod 700 \"$1\"", &text, &script]).status();
    assert!(made.unwrap().success());
    (script, told)
}

/// What it has written down, as soon as these words are there.
fn wait(told: &PathBuf, words: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(told).unwrap_or_default();
        if text.contains(words) {
            return text;
        }
        assert!(Instant::now() < deadline, "{words:?} in {text:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Somebody who watches by RTSP, for as long as this is there.
fn viewer(url: &str) -> TcpStream {
    let mut viewer = TcpStream::connect(address(url)).unwrap();
    viewer.set_read_timeout(Some(PATIENCE)).unwrap();
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1";
    write!(viewer, "SETUP {url} RTSP/1.0\r\nCSeq: 1\r\n{transport}\r\n\r\n").unwrap();
    let mut answer = [0; 15];
    viewer.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"RTSP/1.0 200 OK");
    viewer
}

#[test]
fn a_program_hears_of_viewers_and_inputs_that_come_and_go() {
    let folder = Folder::new("hooks");
    let (film, (script, told)) = (folder.file("film.mjpeg"), hook(&folder));
    let input = "yard=exec:sh -c 'exit 3'#always";
    let mut server = Running::start(&[], &[&film, input, "--hook", &script]);
    let url = server.url().replace("/yard", "/film.mjpeg");
    wait(&told, "yard input-lost 0 the program has failed with status 3\n");
    let first = viewer(&url);
    wait(&told, "film.mjpeg first-viewer 1 \n");
    let second = viewer(&url);
    drop(first);
    server.signal("-TERM");
    assert_eq!(server.wait().0, Some(0));
    drop(second);
    let told = fs::read_to_string(&told).unwrap();
    assert!(told.ends_with("film.mjpeg last-viewer 0 \n"), "{told}");
    let count = |words: &str| told.matches(words).count();
    assert_eq!(["first-viewer", "last-viewer", "input-lost"].map(count), [1, 1, 1], "{told}");
}

#[test]
fn a_hook_that_is_not_there_is_told_at_the_start() {
    let (code, _, log) = Running::start(&[], &["--hook", "/nowhere/light"]).wait();
    assert!(code == Some(1) && log.contains("--hook /nowhere/light: "), "{log}");
}
