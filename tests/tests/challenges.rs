//! Servers that ask for user and password in every form that is known of them: what our client proves, and what it says where it
//! does not. The answers are computed once more here, with nothing of the code under test.

use md5::{Digest as _, Md5};
use mutoscope_std::client::{Client, Goal, Options};
use sha2::Sha256;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

const PASSWORD: &str = "open:sesame @";
/// The password in a URL.
const ENCODED: &str = "open:sesame%20%40";
/// What the client says once it was let in: the server has nothing to show.
const LET_IN: &str = "the server has nothing of that name (404 Not Found)";
const WRONG: &str = "the server refuses this user and password (401 Unauthorized)";
const UNKNOWN: &str = "the server wants a user name and a password in a way that is not known here (401)";
const AS_IT_IS: &str = "the server wants the password as it is (Basic)";

const MD5: &str = "Digest realm=\"cam\", nonce=\"5f3a\"";
const MD5_AUTH: &str = "Digest realm=\"cam\", nonce=\"5f3b\", algorithm=MD5, qop=\"auth\"";
const SHA256_AUTH: &str = "Digest realm=\"cam\", nonce=\"5f3c\", algorithm=SHA-256, qop=\"auth\"";
const BASIC: &str = "Basic realm=\"cam\"";

/// What the client sends in answer to a challenge.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sends {
    /// RFC 2617 without `qop`.
    Md5,
    Md5Auth,
    Sha256,
    Sha256Auth,
}
use Sends::{Md5 as OldMd5, Md5Auth, Sha256 as OldSha256, Sha256Auth};

/// A server that answers 401 with these headers, one time after the other, and then takes everybody.
struct Form {
    asks: &'static [&'static [&'static str]],
    sends: &'static [Sends],
    says: &'static str,
}

const FORMS: &[Form] = &[
    Form { asks: &[&[MD5]], sends: &[OldMd5], says: LET_IN },
    Form { asks: &[&[MD5_AUTH]], sends: &[Md5Auth], says: LET_IN },
    Form { asks: &[&[SHA256_AUTH]], sends: &[Sha256Auth], says: LET_IN },
    Form { asks: &[&["Digest realm=\"cam\", nonce=\"1\", algorithm=SHA-256"]], sends: &[OldSha256], says: LET_IN },
    // Both orders, and Basic before and behind.
    Form { asks: &[&[SHA256_AUTH, MD5_AUTH]], sends: &[Sha256Auth], says: LET_IN },
    Form { asks: &[&[MD5_AUTH, SHA256_AUTH]], sends: &[Sha256Auth], says: LET_IN },
    Form { asks: &[&[BASIC, MD5]], sends: &[OldMd5], says: LET_IN },
    Form { asks: &[&[MD5_AUTH, BASIC]], sends: &[Md5Auth], says: LET_IN },
    // Several in one header.
    Form {
        asks: &[&["Basic realm=\"cam\", Digest realm=\"cam\", nonce=\"1\", qop=\"auth\", Digest realm=\"cam\", \
                   nonce=\"2\", algorithm=SHA-256, qop=\"auth\", Negotiate"]],
        sends: &[Sha256Auth],
        says: LET_IN,
    },
    // Without quotes, in other letters, with spaces, in another order.
    Form {
        asks: &[&["digest  QOP = auth ,Algorithm=md5,stale=false, opaque=xyz, NONCE=5f3a,realm=cam"]],
        sends: &[Md5Auth],
        says: LET_IN,
    },
    Form { asks: &[&["Digest realm=\"\", nonce=\"\""]], sends: &[OldMd5], says: LET_IN },
    Form {
        asks: &[&[r#"Digest realm="the \"best\" \\cam, of all", nonce="a\"b", opaque="c\\d""#]],
        sends: &[OldMd5],
        says: LET_IN,
    },
    Form { asks: &[&["Digest realm=\"cam\", nonce=\"1\", qop=\"auth-int,auth\""]], sends: &[Md5Auth], says: LET_IN },
    Form { asks: &[&["Digest realm=\"cam\", nonce=\"1\", qop=\"auth-int\""]], sends: &[], says: UNKNOWN },
    // What is not known is passed over.
    Form { asks: &[&["Digest realm=\"cam\", nonce=\"1\", algorithm=SHA-512-256"]], sends: &[], says: UNKNOWN },
    Form { asks: &[&["Digest realm=\"cam\", nonce=\"1\", algorithm=MD5-sess", MD5]], sends: &[OldMd5], says: LET_IN },
    Form { asks: &[&["Bearer"]], sends: &[], says: UNKNOWN },
    Form { asks: &[&["Digest realm=\"cam\""]], sends: &[], says: UNKNOWN },
    Form { asks: &[&["Digest realm=\"cam\", nonce=\"1"]], sends: &[], says: UNKNOWN },
    Form { asks: &[&[]], sends: &[], says: UNKNOWN },
    // The password itself is sent to nobody on the way.
    Form { asks: &[&[BASIC]], sends: &[], says: AS_IT_IS },
    Form { asks: &[&["Digest realm=\"cam\", nonce=\"1\", algorithm=SHA-512-256", BASIC]], sends: &[], says: AS_IT_IS },
    // Again: with what was answered, and with something new that it does not call new.
    Form { asks: &[&[MD5], &[MD5]], sends: &[OldMd5], says: WRONG },
    Form { asks: &[&[MD5], &["Digest realm=\"cam\", nonce=\"new\""]], sends: &[OldMd5], says: WRONG },
    Form { asks: &[&[SHA256_AUTH], &[MD5]], sends: &[Sha256Auth], says: WRONG },
    Form { asks: &[&[MD5], &[BASIC]], sends: &[OldMd5], says: AS_IT_IS },
    // Too old: answered anew, but not for ever, and not where nothing is new.
    Form {
        asks: &[&[MD5_AUTH], &["Digest realm=\"cam\", nonce=\"new\", qop=auth, stale=true"]],
        sends: &[Md5Auth, Md5Auth],
        says: LET_IN,
    },
    Form {
        asks: &[
            &[MD5],
            &["Digest realm=\"cam\", nonce=\"2\", stale=TRUE"],
            &["Digest realm=\"cam\", nonce=\"3\", stale=\"true\""],
        ],
        sends: &[OldMd5, OldMd5, OldMd5],
        says: LET_IN,
    },
    Form {
        asks: &[
            &[MD5],
            &["Digest realm=\"cam\", nonce=\"2\", stale=true"],
            &["Digest realm=\"cam\", nonce=\"3\", stale=true"],
            &["Digest realm=\"cam\", nonce=\"4\", stale=true"],
        ],
        sends: &[OldMd5, OldMd5, OldMd5],
        says: WRONG,
    },
    Form { asks: &[&[MD5], &["Digest realm=\"cam\", nonce=\"5f3a\", stale=true"]], sends: &[OldMd5], says: WRONG },
    Form { asks: &[&["Digest realm=\"cam\", nonce=\"1\", stale=true"]], sends: &[OldMd5], says: LET_IN },
];

#[test]
fn each_form_of_challenge_is_answered_or_refused_in_words() {
    for Form { asks, sends, says } in FORMS {
        let (said, sent) = dialogue(asks, |options| options);
        assert!(said.starts_with(says), "{asks:?}: {said}");
        let proven: Vec<Sends> = sent.iter().map(check).collect();
        assert_eq!(proven, *sends, "{asks:?}");
        assert!(!said.contains("sesame"), "{said}");
    }
}

#[test]
fn the_password_itself_is_sent_only_by_who_allows_that() {
    let (said, sent) = dialogue(&[&[BASIC]], |options| Options { basic: true, ..options });
    assert!(said.starts_with(LET_IN), "{said}");
    assert_eq!(
        sent.iter().map(|answer| answer.header.as_str()).collect::<Vec<_>>(),
        ["Basic YW5uYTpvcGVuOnNlc2FtZSBA"]
    );
    // Even then not twice, and not where something better will do.
    let (said, sent) = dialogue(&[&[BASIC], &[BASIC]], |options| Options { basic: true, ..options });
    assert!(said.starts_with(WRONG) && sent.len() == 1, "{said}");
    let (_, sent) = dialogue(&[&[BASIC, MD5]], |options| Options { basic: true, ..options });
    assert_eq!(check(&sent[0]), OldMd5);
}

#[test]
fn a_challenge_without_end_is_refused() {
    let long: &'static str = format!("Digest realm=\"{}\", nonce=\"1\"", "x".repeat(600)).leak();
    let (said, sent) = dialogue(vec![vec![long].leak() as &[_]].leak(), |options| options);
    assert!(said.starts_with(UNKNOWN) && sent.is_empty(), "{said}");
}

#[test]
fn nothing_is_sent_that_nobody_knows() {
    let (said, sent) = dialogue(&[&[MD5, BASIC]], |mut options| {
        options.url = options.url.replace(&format!("anna:{ENCODED}@"), "");
        options
    });
    assert!(said.starts_with("the server wants a user name and a password: rtsp://USER:PASSWORD@HOST/NAME"), "{said}");
    assert_eq!(sent.len(), 0);
}

/// An `Authorization`, and what it is for.
#[derive(Debug)]
struct Answer {
    header: String,
    method: String,
    uri: String,
    /// The challenges that came before it.
    asked: &'static [&'static str],
}

/// What the client says at the end, and the answers that it sent.
fn dialogue(
    asks: &'static [&'static [&'static str]],
    change: impl FnOnce(Options) -> Options,
) -> (String, Vec<Answer>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        serve(stream, asks)
    });
    let options = change(Options::new(format!("rtsp://anna:{ENCODED}@{address}/cam")));
    let mut client = Client::new(options).unwrap();
    client.set_goal(Goal::Play { from: None });
    let said = loop {
        if let Err(error) = client.next(None) {
            break error.to_string();
        }
    };
    drop(client);
    (said, server.join().unwrap())
}

/// One connection. It ends with 404 for whom nothing is asked any more.
fn serve(mut stream: TcpStream, asks: &'static [&'static [&'static str]]) -> Vec<Answer> {
    let mut requests = BufReader::new(stream.try_clone().unwrap());
    let (mut answers, mut rounds) = (Vec::new(), asks.iter());
    let mut asked: &[&str] = &[];
    loop {
        let lines: Vec<String> =
            requests.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let Some((method, uri)) = lines.first().and_then(|line| line.strip_suffix(" RTSP/1.0")?.split_once(' ')) else {
            return answers;
        };
        let header = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name));
        let sequence = header("CSeq: ").unwrap();
        if let Some(header) = header("Authorization: ") {
            answers.push(Answer { header: header.into(), method: method.into(), uri: uri.into(), asked });
        }
        let status = match method {
            "OPTIONS" => "200 OK\r\n".to_owned(),
            _ => match rounds.next() {
                Some(round) => {
                    asked = round;
                    let headers = round.iter().map(|value| format!("WWW-Authenticate: {value}\r\n"));
                    format!("401 Unauthorized\r\n{}", headers.collect::<String>())
                }
                None => "404 Not Found\r\n".to_owned(),
            },
        };
        write!(stream, "RTSP/1.0 {status}CSeq: {sequence}\r\n\r\n").unwrap();
    }
}

/// The form of an answer, whose every word is right.
fn check(answer: &Answer) -> Sends {
    let fields = fields(answer.header.strip_prefix("Digest ").unwrap());
    let field = |name: &str| fields.iter().find(|(is, _)| is == name).map(|(_, value)| value.as_str());
    let (realm, nonce, uri) = (field("realm").unwrap(), field("nonce").unwrap(), field("uri").unwrap());
    assert_eq!((field("username"), uri), (Some("anna"), answer.uri.as_str()), "{answer:?}");
    assert!(answer.uri.starts_with("rtsp://127.0.0.1:") && !answer.uri.contains("anna"), "{answer:?}");
    // Its words are those of one challenge.
    let unescaped = |text: &str| text.replace("\\\"", "\"").replace("\\\\", "\\");
    let of_challenge = |text: &&&str| {
        let text = unescaped(text);
        text.contains(nonce) && text.contains(realm) && field("opaque").is_none_or(|opaque| text.contains(opaque))
    };
    assert!(answer.asked.iter().any(|text| of_challenge(&text)), "{answer:?}");
    let is_sha256 = field("algorithm") == Some("SHA-256");
    assert!(is_sha256 || field("algorithm").is_none_or(|name| name == "MD5"), "{answer:?}");
    let hash = |text: String| if is_sha256 { hex(&Sha256::digest(text)) } else { hex(&Md5::digest(text)) };
    let ha1 = hash(format!("anna:{realm}:{PASSWORD}"));
    let ha2 = hash(format!("{}:{uri}", answer.method));
    let response = match field("qop") {
        None => hash(format!("{ha1}:{nonce}:{ha2}")),
        Some(qop) => {
            assert_eq!((qop, field("nc")), ("auth", Some("00000001")), "{answer:?}");
            hash(format!("{ha1}:{nonce}:00000001:{}:auth:{ha2}", field("cnonce").unwrap()))
        }
    };
    assert_eq!(field("response"), Some(response.as_str()), "{answer:?}");
    match (is_sha256, field("qop").is_some()) {
        (false, false) => OldMd5,
        (false, true) => Md5Auth,
        (true, false) => OldSha256,
        (true, true) => Sha256Auth,
    }
}

/// Names and values, without quotes and backslashes.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_start_matches([',', ' ']).to_owned();
        let (mut value, mut end) = (String::new(), after.len());
        let is_quoted = after.starts_with('"');
        let mut chars = after.char_indices().skip(usize::from(is_quoted));
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if is_quoted => value.extend(chars.next().map(|(_, c)| c)),
                '"' if is_quoted => {
                    end = at + 1;
                    break;
                }
                ',' if !is_quoted => {
                    end = at;
                    break;
                }
                c => value.push(c),
            }
        }
        fields.push((name, value));
        rest = &after[end..];
    }
    fields
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
