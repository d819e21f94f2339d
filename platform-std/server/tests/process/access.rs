//! Who may watch: users, tokens, networks, and what the program refuses to do without them.

use super::*;
use mutoscope::auth::{Authenticator, Basic, Credentials};

const PASSWORD: &str = "geheim-4711";

/// Runs the program to its end, with a line on standard input: its exit code, standard output and error.
fn run(arguments: &[&str], line: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(PROGRAM);
    let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have ended by now.
    let _ = writeln!(child.stdin.take().unwrap(), "{line}");
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn passwd(users: &str, name: &str, password: &str) {
    let (code, out, complaint) = run(&["passwd", users, name], password);
    assert_eq!((code, out.as_str(), complaint.as_str()), (Some(0), "", ""));
}

/// A connection that answers challenges.
struct Asker(TcpStream, Authenticator, u32);

impl Asker {
    fn new(url: &str, password: &str, basic: Basic) -> Self {
        let stream = TcpStream::connect(address(url)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream, Authenticator::new(Credentials::new("anna", password).unwrap(), basic, 7), 0)
    }

    /// The head of the answer to DESCRIBE, with these lines.
    fn ask(&mut self, url: &str, headers: &str) -> String {
        self.ask_to("DESCRIBE", url, headers)
    }

    fn ask_to(&mut self, method: &str, url: &str, headers: &str) -> String {
        self.2 += 1;
        write!(self.0, "{method} {url} RTSP/1.0\r\nCSeq: {}\r\n{headers}\r\n", self.2).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
        let answer = String::from_utf8(answer).unwrap();
        let len = answer.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap_or("0");
        self.0.read_exact(&mut vec![0; len.parse().unwrap()]).unwrap();
        answer
    }

    /// The status of the answer, and what proved who asks.
    fn status(&mut self, url: &str) -> (String, String) {
        let status = |answer: &str| answer.split(' ').nth(1).unwrap().to_owned();
        let answer = self.ask(url, "");
        let challenges = answer.lines().filter_map(|line| line.strip_prefix("WWW-Authenticate: "));
        if self.1.handle_challenges(challenges).is_err() {
            return (status(&answer), String::new());
        }
        let proof = self.1.authorize("DESCRIBE", url).unwrap().to_string();
        (status(&self.ask(url, &format!("Authorization: {proof}\r\n"))), proof)
    }
}

fn status(url: &str, password: &str) -> String {
    Asker::new(url, password, Basic::Refused).status(url).0
}

#[test]
fn nobody_listens_beyond_this_machine_unless_somebody_has_said_who_may_watch() {
    let folder = Folder::new("reach");
    let film = folder.file("a film.mjpeg");
    let (code, out, refusal) = run(&["--host", "0.0.0.0", "--rtsp-port", "0", &film], "");
    assert_eq!((code, out.as_str()), (Some(2), ""), "{refusal}");
    let commands: Vec<&str> = refusal.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert!(commands.len() == 3 && commands[0].contains(" passwd mutoscope.users viewer && "), "{refusal}");
    assert!(commands[1].contains(" --allow 127.0.0.1,") && commands[2].contains(" --open "), "{refusal}");
    // As somebody does who copies it.
    let start = |command: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec {command}")]).stdin(Stdio::null());
        Running(shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    for command in &commands[1..] {
        let mut server = start(command);
        let url = server.url();
        let port = url.rsplit_once(':').unwrap().1.split('/').next().unwrap();
        assert!(answers(&format!("rtsp://127.0.0.1:{port}/")), "{command}");
    }
}

#[test]
fn users_are_asked_for_a_password_and_the_file_is_read_again() {
    let folder = Folder::new("users");
    let path = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let (users, key, journal) = (path("users"), path("state/token.key"), path("journal"));
    passwd(&users, "anna", PASSWORD);
    let hashes = fs::read_to_string(&users).unwrap();
    assert!(hashes.lines().count() == 2 && !hashes.contains(PASSWORD), "{hashes}");
    let options = ["--users", &users, "--token-key", &key, "--security-log", &journal, "-v"];
    let mut server = Running::start(&[], &options);
    let url = server.url();
    assert_eq!([status(&url, PASSWORD), status(&url, "wrong")], ["200", "401"]);
    // A token opens one stream, for anybody.
    let root = url.rsplit_once('/').unwrap().0;
    let (code, token, _) = run(&["token", "testcard", "--for", "10m", "--key", &key, "--url", root], "");
    assert_eq!(code, Some(0));
    let query = token.trim().split_once('?').unwrap().1;
    assert!(describe(token.trim()).contains(" 200 ") && describe(&url).contains(" 401 "));
    assert!(describe(&format!("{root}/movie.Mjpeg?{query}")).contains(" 401 "));
    let last = if query.ends_with('0') { '1' } else { '0' };
    assert!(describe(&format!("{url}?{}{last}", &query[..query.len() - 1])).contains(" 401 "));
    // What cannot be used changes nothing; what can does.
    let said = |server: &mut Running, words: &str| {
        server.signal("-HUP");
        server.log_until(words)
    };
    fs::write(&users, "anna\n").unwrap();
    let log = said(&mut server, "users was read again and cannot be used");
    assert!(log.contains("line 1: it is not name:realm:hash"), "{log}");
    assert_eq!(status(&url, PASSWORD), "200");
    fs::write(&users, "").unwrap();
    assert!(said(&mut server, "holds no user").contains("all stays as it is"));
    assert_eq!(status(&url, PASSWORD), "200");
    passwd(&users, "otto", "x");
    said(&mut server, "users was read again: ");
    assert_eq!(status(&url, PASSWORD), "401");
    assert_eq!(run(&["passwd", "--delete", &users, "otto"], "").0, Some(0));
    assert_eq!(run(&["passwd", "--delete", &users, "otto"], "").0, Some(1));
    let events = fs::read_to_string(&journal).unwrap();
    for said in ["\"event\":\"logged in\"", "\"reason\":\"by a token\"", "\"reason\":\"the token has ended, or is"] {
        assert!(events.contains(said), "{said}: {events}");
    }
}

#[test]
fn a_security_log_that_was_given_another_name_is_made_anew() {
    let folder = Folder::new("rotated");
    let path = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    fs::create_dir_all(folder.0.join("log")).unwrap();
    let (users, key) = (path("users"), path("state/token.key"));
    let [journal, old] = ["log/journal", "log/journal.1"].map(path);
    passwd(&users, "anna", PASSWORD);
    for options in [&["--users", &users, "--token-key", &key][..], &["--allow", "::1,127.0.0.0/8"]] {
        let mut server = Running::start(&[], &[options, &["--security-log", &journal]].concat());
        let url = server.url();
        let ask = || status(&url, "wrong");
        let refused = |path: &str| fs::read_to_string(path).unwrap_or_default().matches("\"refused\"").count();
        let is_asked = options[0] == "--users";
        assert_eq!(ask(), if is_asked { "401" } else { "200" });
        fs::rename(&journal, &old).unwrap();
        server.signal("-HUP");
        let deadline = Instant::now() + PATIENCE;
        while !fs::exists(&journal).unwrap() {
            assert!(Instant::now() < deadline, "it is not made anew");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(ask(), if is_asked { "401" } else { "200" });
        assert_eq!((refused(&old), refused(&journal)), (usize::from(is_asked), usize::from(is_asked)));
        if is_asked {
            server.log_until("users was read again");
            // Not even a key that is gone is made without a word.
            fs::remove_file(&key).unwrap();
            server.signal("-HUP");
            let log = server.log_until("users was read again");
            assert!(log.contains("restart needed") || fs::exists(&key).unwrap(), "{log}");
        }
        drop(server);
        fs::remove_file(&journal).unwrap();
    }
}

#[test]
fn who_is_no_user_any_more_watches_on_unless_the_server_cuts() {
    for cuts in [false, true] {
        let folder = Folder::new("cut");
        let path = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
        let (users, key) = (path("users"), path("state/token.key"));
        passwd(&users, "anna", PASSWORD);
        passwd(&users, "otto", "x");
        let options = ["--users", &users, "--token-key", &key, "--cut"];
        let mut server = Running::start(&[], &options[..if cuts { 5 } else { 4 }]);
        let url = server.url();
        let mut anna = Asker::new(&url, PASSWORD, Basic::Refused);
        assert_eq!(anna.status(&url).0, "200");
        let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
        let answer = anna.ask_to("SETUP", &format!("{url}/trackID=0"), transport);
        let session = answer.lines().find_map(|line| line.strip_prefix("Session: ")).unwrap();
        let session = format!("Session: {}\r\n", session.split(';').next().unwrap());
        assert!(anna.ask_to("PLAY", &url, &session).contains(" 200 "));
        assert_eq!(run(&["passwd", "--delete", &users, "anna"], "").0, Some(0));
        server.signal("-HUP");
        server.log_until("users was read again: ");
        if !cuts {
            anna.0.read_exact(&mut vec![0; 1 << 20]).unwrap();
            continue;
        }
        let deadline = Instant::now() + PATIENCE;
        while anna.0.read(&mut [0; 65_536]).unwrap() > 0 {
            assert!(Instant::now() < deadline, "she watches on");
        }
    }
}

#[test]
fn a_name_to_listen_at_is_not_looked_up_again() {
    let folder = Folder::new("name");
    let config = folder.file_of("mutoscope.toml", b"host = [\"localhost\"]\n");
    let mut server = Running::start(&[], &["--config", &config]);
    server.url();
    server.signal("-HUP");
    let log = server.log_until("was read again");
    assert!(!log.contains("cannot be used"), "{log}");
}

#[test]
fn rules_of_streams_are_for_films_of_the_command_line_and_name_users_that_there_are() {
    let folder = Folder::new("rules");
    let path = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let (users, config, key) = (path("users"), path("mutoscope.toml"), path("key"));
    passwd(&users, "anna", PASSWORD);
    let write = |watch: &str| {
        let text = format!("users = {users:?}\ntoken-key = {key:?}\n[streams.testcard]\nwatch = [{watch}]\n");
        fs::write(&config, text + "[streams.tesctard]\nwatch = []\n").unwrap();
    };
    write("\"otto\"");
    let (code, _, complaint) = run(&["--config", &config], "");
    assert!(code == Some(1) && complaint.contains("mutoscope.toml, line 4: there is no user \"otto\""), "{complaint}");
    write("\"everybody\"");
    let mut server = Running::start(&[], &["--config", &config]);
    let url = server.url();
    let other = url.replace("testcard", "movie.Mjpeg");
    assert!(describe(&url).contains(" 200 ") && describe(&other).contains(" 401 "));
    server.log_until("line 5 has rules for \"tesctard\", and there is no such stream");
    write("");
    server.signal("-HUP");
    server.log_until("was read again");
    assert_eq!([status(&url, PASSWORD), status(&other, PASSWORD)], ["403", "200"]);
}

#[test]
fn a_film_may_be_called_as_a_subcommand() {
    let folder = Folder::new("subcommands");
    for name in ["passwd", "token"] {
        folder.file(name);
        let (code, _, complaint) = run(&[name], "");
        assert!(code == Some(2) && complaint.contains(&format!("mutoscope-server ./{name}")), "{complaint}");
        let mut command = Command::new(PROGRAM);
        let command = command.current_dir(&folder.0).args([&format!("./{name}"), "--rtsp-port", "0"]);
        let mut server = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        assert!(server.url().ends_with(name));
    }
}

/// Those of `secrets` that stand in `log`.
fn leaks<'s>(log: &str, secrets: &[&'s str]) -> Vec<&'s str> {
    secrets.iter().copied().filter(|secret| log.contains(secret)).collect()
}

#[test]
fn no_secret_is_in_the_log_at_any_level() {
    let log = log_of_secrets("secrets", "text");
    assert!(log.contains(" TRACE ") && log.contains("logged in") && log.contains("wrong user or password"), "{log}");
}

#[test]
fn no_secret_is_in_a_log_of_json_and_each_of_its_lines_is_an_object() {
    let log = log_of_secrets("secrets-json", "json");
    let lines: Vec<_> = log.lines().map(crate::logs::object).collect();
    let has = |name: &str, value: &str| lines.iter().any(|line| line[name].as_str().is_some_and(|v| v.contains(value)));
    assert!(has("level", "trace") && has("message", "logged in") && has("message", "wrong user or password"), "{log}");
    assert!(has("peer", "127.0.0.1:") && has("target", "mutoscope_std::server"), "{log}");
}

/// What a server logs that is asked with many secrets, in this format. None of them may be there.
fn log_of_secrets(name: &str, format: &str) -> String {
    let folder = Folder::new(name);
    let path = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let (users, key, journal) = (path("users"), path("key"), path("journal"));
    passwd(&users, "anna", PASSWORD);
    let film = folder.file("film.mjpeg");
    // What a program says is logged: this is the leak that must be found.
    let leaky = "leaky=exec:sh -c 'echo planted-leak >&2; sleep 1000'#always";
    let options = [
        "--users",
        &users,
        "--token-key",
        &key,
        "--security-log",
        &journal,
        "--basic",
        leaky,
        &format!("testcard={film}"),
    ];
    let mut server = Running::start(&[], &[&options[..], &["-vv", "--log-format", format]].concat());
    let mut stderr = server.0.stderr.take().unwrap();
    let reader = thread::spawn(move || {
        let mut log = String::new();
        stderr.read_to_string(&mut log).map(|_| log)
    });
    let url = server.url();
    let root = url.rsplit_once('/').unwrap().0;
    let (_, token, _) = run(&["token", "testcard", "--for", "1h", "--key", &key, "--url", root], "");
    let with_token = token.trim();
    let testcard = with_token.split('?').next().unwrap();
    let with_user = testcard.replace("rtsp://", "rtsp://anna:user-info-secret@");
    let mut proofs = Vec::new();
    for (password, basic) in [(PASSWORD, Basic::Refused), ("wrong-secret", Basic::Refused), (PASSWORD, Basic::Allowed)]
    {
        for url in [testcard, with_token, &with_user, root] {
            proofs.push(Asker::new(testcard, password, basic).status(url).1);
        }
    }
    let mut raw = Asker::new(testcard, PASSWORD, Basic::Refused);
    // anna:geheim-4711
    let in_base64 = "YW5uYTpnZWhlaW0tNDcxMQ==";
    for headers in [
        format!("Authorization: Basic {in_base64}\r\n"),
        "Authorization: raw-secret\r\nAuthorization: raw-secret\r\n".to_owned(),
        "Authorization: Digest username=\"anna\", response=\"raw-secret\"\r\n".to_owned(),
        format!("X-Other: raw-secret\r\nAuthorization: Digest raw-secret{}\r\n", "x".repeat(1000)),
    ] {
        raw.ask(testcard, &headers);
        raw.ask(with_token, &headers);
        raw.ask(&with_user, &headers);
    }
    // In the dialect of the lab, and where nothing can be understood.
    for request in [
        format!("SETUP testcard?{with_token} RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 25000\n\n"),
        format!("DESCRIBE {with_token}\r\nAuthorization: raw-secret\r\n\r\n"),
        format!("NONSENSE {with_user} RTSP/1.0\r\nCSeq: 1\r\nAuthorization: raw-secret\r\n\r\n"),
    ] {
        let mut stream = TcpStream::connect(address(testcard)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        assert!(stream.read(&mut [0; 1024]).is_ok());
    }
    server.signal("-INT");
    server.0.wait().unwrap();
    let said = reader.join().unwrap().unwrap();
    // As it is, and as programs read it.
    let messages = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let messages: String = messages.filter_map(|line| Some(line["message"].as_str()?.to_owned() + "\n")).collect();
    let log = [&said, &messages, &fs::read_to_string(&journal).unwrap()].map(String::as_str).concat();
    let hashes = fs::read_to_string(&users).unwrap();
    let mut secrets = vec![PASSWORD, "wrong-secret", "user-info-secret", "raw-secret", in_base64];
    secrets.extend(hashes.lines().filter_map(|line| line.rsplit(':').next()));
    secrets.extend(with_token.rsplit('=').next());
    let key = fs::read_to_string(&key).unwrap();
    secrets.push(key.trim());
    secrets.extend(proofs.iter().filter(|proof| !proof.is_empty()).map(String::as_str));
    let responses = proofs.iter().filter_map(|proof| proof.split_once("response=\"")?.1.split('"').next());
    secrets.extend(responses);
    assert!(secrets.len() > 18, "{secrets:?}");
    assert_eq!(leaks(&log, &secrets), [""; 0], "{log}");
    assert_eq!(leaks(&log, &["planted-leak"]), ["planted-leak"], "the log is looked through");
    said
}
