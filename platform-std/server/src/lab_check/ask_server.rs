//! Our client, which asks a student's server and looks at the bytes that come.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::child::Running;
use super::clip::{self, Clip};
use super::frames::{Assembly, Packet};
use super::media::Media;
use super::messages::{Reply, Speaker, Talk};
use super::ports::Port;
use super::rules::Half;
use super::sheet::{Finding, Sheet};
use super::{ports, stream};

/// How long a program may take to listen.
const START: Duration = Duration::from_secs(15);
/// How long a reply may take.
const REPLY: Duration = Duration::from_secs(3);
/// How long a program may take to end whose connection has.
const ENDING: Duration = Duration::from_millis(500);
/// A reply is whole when nothing follows for so long.
const QUIET: Duration = Duration::from_millis(40);
/// How long a request that must not be carried out is watched.
const REFUSAL: Duration = Duration::from_millis(400);
/// How long the film plays, twice: until so many packets have come, or the longest time.
const PLAYING: Duration = Duration::from_millis(1000);
const PACKETS: usize = 12;
const LONGEST: Duration = Duration::from_secs(5);
/// What was on its way may still come for so long after PAUSE and TEARDOWN,
const GRACE: Duration = Duration::from_millis(250);
/// and then nothing may come for so long, but for so many packets.
const SILENCE: Duration = Duration::from_millis(500);
const STRAY: usize = 2;
/// So many frames may be missing between those before PAUSE and those after the next PLAY.
const GAP: usize = 8;

/// A student's server, and how to start it.
pub(super) struct Server<'a> {
    /// Starts it on a port.
    pub(super) start: &'a (dyn Fn(u16) -> Result<Running> + Sync),
    pub(super) clip: &'a Clip,
    /// It reads whole lines.
    pub(super) wants_line_ends: bool,
}

/// Tries the server in two conversations: beside each other, where two servers can be.
pub(super) fn check(server: &Server<'_>) -> Vec<Finding> {
    let run = |conversation: fn(&Server<'_>, &mut Sheet) -> bool| {
        let mut sheet = Sheet::new(Half::Server);
        let has_begun = conversation(server, &mut sheet);
        (sheet, has_begun)
    };
    // A server in Java may have a fixed port of its own for reports.
    let (first, second) = if server.wants_line_ends {
        (run(plays), run(states))
    } else {
        thread::scope(|scope| {
            let second = scope.spawn(|| run(states));
            let first = run(plays);
            (first, second.join().unwrap_or_else(|_| (Sheet::new(Half::Server), false)))
        })
    };
    // So may others: where one of the two did not begin, it tries again alone.
    let (mut sheet, other) = match (first, second) {
        ((_, false), (other, true)) => (run(plays).0, other),
        ((sheet, true), (_, false)) => (sheet, run(states).0),
        ((sheet, true), (other, true)) => (sheet, other),
        ((sheet, false), (_, false)) => (sheet, Sheet::new(Half::Server)),
    };
    sheet.merge(other);
    sheet.finish("The conversation did not come so far.")
}

/// What became of a request.
struct Exchange {
    reply: Option<Reply>,
    /// Its lines, for the report.
    seen: Vec<String>,
    /// Why there is none, where the program tells.
    trouble: Option<String>,
}

impl Exchange {
    fn is_ok(&self) -> bool {
        self.reply.as_ref().is_some_and(Reply::is_ok)
    }

    /// In words, behind the method's name.
    fn outcome(&self) -> String {
        match &self.reply {
            None => match &self.trouble {
                Some(trouble) => format!("is not answered: {trouble}"),
                None => "is not answered".to_owned(),
            },
            Some(Reply { status: Some(status), .. }) => format!("is answered with {status}"),
            Some(_) => "is answered with what is no reply".to_owned(),
        }
    }
}

/// A connection to a server that runs.
struct Dialogue {
    program: Running,
    stream: TcpStream,
    media: Media,
    talk: Talk,
    cseq: i64,
    /// As the reply to SETUP gave it.
    session: Option<String>,
    wants_line_ends: bool,
    port: Port<UdpSocket>,
    /// The server has answered something.
    has_heard: bool,
}

impl Dialogue {
    /// Starts the server, and connects.
    fn begin(server: &Server<'_>) -> Result<Self, (String, Vec<String>)> {
        let failed = |error: anyhow::Error| (format!("{error:#}."), Vec::new());
        let media = Media::open().map_err(failed)?;
        let mut tries = 0;
        loop {
            tries += 1;
            let port = ports::for_tcp().map_err(failed)?;
            let mut program = (server.start)(port.number).map_err(failed)?;
            match connect(port.number, &mut program) {
                Ok(stream) => {
                    let talk = Talk::new();
                    let wants_line_ends = server.wants_line_ends;
                    let (cseq, session, has_heard) = (0, None, false);
                    return Ok(Self { program, stream, media, talk, cseq, session, wants_line_ends, port, has_heard });
                }
                // Somebody was faster.
                Err(_) if tries < 3 && program.output().contains("ddress already in use") => {}
                Err(error) => {
                    program.end();
                    return Err((format!("The server cannot be reached: {error}."), program.last_words()));
                }
            }
        }
    }

    /// Sends a request, with a further line, and waits for its reply.
    fn ask(&mut self, method: &str, file: &str, line: &str, patience: Duration) -> Exchange {
        self.cseq += 1;
        let mark = self.talk.len();
        let (end, last) = if self.wants_line_ends { ("\r\n", "\r\n") } else { ("\n", "") };
        let request = format!("{method} {file} RTSP/1.0{end}CSeq: {}{end}{line}{last}", self.cseq);
        self.talk.add(Speaker::Check, request.as_bytes());
        let asked = Instant::now();
        let bytes = self.stream.write_all(request.as_bytes()).ok().map(|()| self.read(patience)).unwrap_or_default();
        let reply = (!bytes.is_empty()).then(|| Reply::parse(&bytes));
        if reply.is_some() {
            self.has_heard = true;
            self.talk.add(Speaker::Program, &bytes);
        }
        let (mut seen, mut trouble) = (self.talk.since(mark), None);
        if reply.is_none() {
            // Where the connection has ended, the program may be about to.
            if asked.elapsed() < patience {
                self.program.ends_within(ENDING);
            }
            trouble = self.program.trouble();
            seen.push("nothing came back".to_owned());
            let words = self.program.last_words();
            // What a program says when it fails, not what it says of its work.
            seen.extend(words.into_iter().filter(|line| line.contains("rror") || line.contains("xception")));
        }
        Exchange { reply, seen, trouble }
    }

    fn read(&mut self, patience: Duration) -> Vec<u8> {
        let deadline = Instant::now() + patience;
        let (mut bytes, mut buffer) = (Vec::new(), [0; 2048]);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = if bytes.is_empty() { left } else { QUIET };
            if wait.is_zero() || self.stream.set_read_timeout(Some(wait)).is_err() {
                return bytes;
            }
            match self.stream.read(&mut buffer) {
                Ok(len @ 1..) if bytes.len() < 65_536 => bytes.extend(&buffer[..len]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => return bytes,
            }
        }
    }

    fn setup(&mut self, file: &str, patience: Duration) -> Exchange {
        let line = format!("Transport: RTP/UDP; client_port= {}", self.media.port);
        let exchange = self.ask("SETUP", file, &line, patience);
        if let Some(session) = exchange.reply.as_ref().and_then(|reply| reply.session.clone()) {
            self.session = Some(session);
        }
        exchange
    }

    fn request(&mut self, method: &str, patience: Duration) -> Exchange {
        let line = format!("Session: {}", self.session.as_deref().unwrap_or("0"));
        self.ask(method, clip::NAME, &line, patience)
    }

    /// Lets the film play, and takes its packets.
    fn play(&self) -> Vec<Packet> {
        let begun = Instant::now();
        while begun.elapsed() < PLAYING || self.media.count() < PACKETS && begun.elapsed() < LONGEST {
            thread::sleep(Duration::from_millis(20));
        }
        self.media.take()
    }

    /// Packets that were on their way, and those that come though nothing may any more.
    fn silence(&self) -> (Vec<Packet>, Vec<Packet>) {
        thread::sleep(GRACE);
        let late = self.media.take();
        thread::sleep(SILENCE);
        (late, self.media.take())
    }
}

fn connect(port: u16, program: &mut Running) -> Result<TcpStream> {
    let deadline = Instant::now() + START;
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) if Instant::now() >= deadline => {
                return Err(error).with_context(|| format!("it does not listen at port {port} of 127.0.0.1"));
            }
            Err(_) if !program.is_running() => {
                bail!("{}", program.trouble().unwrap_or_else(|| "it has ended".to_owned()))
            }
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// What all replies have in common.
fn judge_reply(sheet: &mut Sheet, method: &str, dialogue: &Dialogue, exchange: &Exchange) {
    let Some(reply) = &exchange.reply else { return };
    let seen = || exchange.seen.clone();
    match reply.flaw() {
        Some(flaw) => sheet.fails("server.reply", format!("Of the reply to {method}, {flaw}."), seen()),
        None => sheet.holds("server.reply", "All replies can be read.", seen()),
    }
    let cseq = dialogue.cseq;
    match reply.cseq {
        Some(number) if number == cseq => {
            sheet.holds("server.cseq", "All replies have their request's number.", seen())
        }
        Some(number) => {
            sheet.fails(
                "server.cseq",
                format!("The reply to {method} has CSeq {number}; the request had {cseq}."),
                seen(),
            );
        }
        None => sheet.fails("server.cseq", format!("The reply to {method} has no CSeq."), seen()),
    }
    if !reply.is_ok() {
        return;
    }
    match (&reply.session, &dialogue.session) {
        (None, _) => sheet.fails("server.session", format!("The reply to {method} names no session."), seen()),
        (Some(session), Some(known)) if session != known => {
            let said = format!("The reply to {method} has session {session}; SETUP gave {known}.");
            sheet.fails("server.session", said, seen());
        }
        (Some(session), _) => sheet.holds("server.session", format!("It is {session} in all replies."), seen()),
    }
}

/// A request that has to be carried out. Whether it was answered with 200.
fn carried_out(sheet: &mut Sheet, id: &str, method: &str, dialogue: &Dialogue, exchange: &Exchange) -> bool {
    judge_reply(sheet, method, dialogue, exchange);
    if !exchange.is_ok() {
        sheet.fails(id, format!("{method} {}.", exchange.outcome()), exchange.seen.clone());
    }
    exchange.is_ok()
}

/// SETUP, and what follows. Whether the server could be reached.
fn plays(server: &Server<'_>, sheet: &mut Sheet) -> bool {
    let mut dialogue = match Dialogue::begin(server) {
        Ok(dialogue) => dialogue,
        Err((said, seen)) => {
            sheet.fails("server.setup", said, seen);
            return false;
        }
    };
    let setup = dialogue.setup(clip::NAME, REPLY);
    if !carried_out(sheet, "server.setup", "SETUP", &dialogue, &setup) {
        return dialogue.has_heard || dialogue.program.is_running();
    }
    sheet.holds("server.setup", "SETUP is answered with 200.", setup.seen);
    play(server, &mut dialogue, sheet);
    true
}

/// PLAY, PAUSE, PLAY, TEARDOWN, and PLAY after that.
fn play(server: &Server<'_>, dialogue: &mut Dialogue, sheet: &mut Sheet) {
    let play = dialogue.request("PLAY", REPLY);
    let is_ok = carried_out(sheet, "server.play", "PLAY", dialogue, &play);
    let first = dialogue.play();
    if first.is_empty() {
        let said = if is_ok { "PLAY is answered with 200, but no packet comes." } else { "PLAY has no effect." };
        let mut seen = play.seen;
        seen.extend(dialogue.program.last_words());
        return sheet.fails("server.play", said, seen);
    }
    sheet.holds("server.play", format!("{} packets came in the first second.", first.len()), play.seen);

    let pause = dialogue.request("PAUSE", REPLY);
    let is_ok = carried_out(sheet, "server.pause", "PAUSE", dialogue, &pause);
    let (late, stray) = dialogue.silence();
    let goes_on_sending = stray.len() > STRAY;
    if is_ok && goes_on_sending {
        sheet.fails("server.pause", after("PAUSE", &stray), evidence(&pause, &stray));
    }

    let again = dialogue.request("PLAY", REPLY);
    // After a PAUSE that was not carried out, it has nothing to do.
    let is_asked = is_ok && carried_out(sheet, "server.play", "PLAY after PAUSE", dialogue, &again);
    let second = dialogue.play();
    if second.is_empty() && is_asked {
        sheet.fails("server.play", "No packet comes after the second PLAY.", again.seen.clone());
    } else {
        goes_on(sheet, server.clip, &[&first, &late, &stray], &second, &again);
        sheet.holds("server.pause", "The packets stop, and the next PLAY goes on.", pause.seen);
    }
    if goes_on_sending {
        // The second PLAY may have begun another stream beside this one.
        stream::judge(sheet, server.clip, &[[first, late, stray].concat()]);
    } else {
        stream::judge(sheet, server.clip, &[first, second]);
    }
    ends(sheet, dialogue);
}

/// What came though nothing may come any more.
fn after(method: &str, stray: &[Packet]) -> String {
    let millis = GRACE.as_millis();
    format!(
        "{} packets came from {millis} ms after the reply to {method} on, in {} ms.",
        stray.len(),
        SILENCE.as_millis()
    )
}

fn evidence(exchange: &Exchange, packets: &[Packet]) -> Vec<String> {
    exchange.seen.iter().cloned().chain(packets.iter().take(3).map(Packet::shown)).collect()
}

/// Whether the second PLAY goes on where PAUSE stopped.
fn goes_on(sheet: &mut Sheet, clip: &Clip, before: &[&Vec<Packet>], second: &[Packet], again: &Exchange) {
    let before: Vec<Packet> = before.iter().flat_map(|packets| packets.iter().cloned()).collect();
    let last = Assembly::new(&before, clip).frames.iter().filter_map(|frame| frame.place).max();
    let next = Assembly::new(second, clip).frames.iter().find_map(|frame| frame.place);
    let Some((last, next)) = last.zip(next) else { return };
    if next <= last {
        let said = format!("PAUSE came at frame {}, and the next PLAY begins at frame {}.", last + 1, next + 1);
        sheet.fails("server.pause", said, evidence(again, second));
    } else if next > last + GAP {
        let said = format!("The film went on while paused: frame {} follows frame {}.", next + 1, last + 1);
        sheet.fails("server.pause", said, evidence(again, second));
    }
}

/// TEARDOWN, silence, and a PLAY that must not be carried out.
fn ends(sheet: &mut Sheet, dialogue: &mut Dialogue) {
    let teardown = dialogue.request("TEARDOWN", REPLY);
    if !carried_out(sheet, "server.teardown", "TEARDOWN", dialogue, &teardown) {
        return;
    }
    let (_, stray) = dialogue.silence();
    if stray.len() > STRAY {
        return sheet.fails("server.teardown", after("TEARDOWN", &stray), evidence(&teardown, &stray));
    }
    sheet.holds("server.teardown", "It is answered, and no packet comes any more.", teardown.seen);
    let late = dialogue.request("PLAY", REFUSAL);
    if late.is_ok() || dialogue.media.count() > STRAY {
        let said = format!("PLAY after TEARDOWN {}, and {} packets come.", late.outcome(), dialogue.media.count());
        sheet.fails("server.state", said, late.seen);
    }
    let _ = dialogue.stream.shutdown(Shutdown::Both);
}

/// Whether what came as the reply to SETUP is that to the request before, because the one to SETUP comes as well.
fn is_late(dialogue: &mut Dialogue, setup: &Exchange) -> bool {
    let Some(reply) = setup.reply.as_ref().filter(|reply| reply.is_ok() && reply.cseq == Some(dialogue.cseq - 1))
    else {
        return false;
    };
    let are_two = String::from_utf8_lossy(&reply.bytes).matches("RTSP/1.").count() > 1;
    are_two || !dialogue.read(REFUSAL).is_empty()
}

/// Requests that must not be carried out: PLAY before SETUP, a session that is not ours, a film that is not there.
/// Whether the server could be reached; where it could not, the other conversation says why.
fn states(server: &Server<'_>, sheet: &mut Sheet) -> bool {
    let Ok(mut dialogue) = Dialogue::begin(server) else { return false };
    refused(server, &mut dialogue, sheet);
    dialogue.program.is_running() || dialogue.has_heard
}

fn refused(server: &Server<'_>, dialogue: &mut Dialogue, sheet: &mut Sheet) {
    let early = dialogue.request("PLAY", REFUSAL);
    let packets = dialogue.media.count();
    if early.is_ok() || packets > 0 {
        let said = format!("PLAY before SETUP {}, and {packets} packets come.", early.outcome());
        sheet.fails("server.state", said, early.seen);
    } else {
        sheet.holds("server.state", format!("PLAY before SETUP {}, and nothing comes.", early.outcome()), early.seen);
    }
    let mut setup = dialogue.setup(clip::NAME, REPLY);
    if setup.reply.is_none() && dialogue.program.is_running() {
        // On a busy machine the server may have read both at once, as one request.
        setup = dialogue.setup(clip::NAME, REPLY);
    }
    if is_late(dialogue, &setup) {
        return sheet.fails("server.state", "PLAY before SETUP is answered with 200, late.", setup.seen);
    }
    if setup.reply.is_none() {
        return sheet.fails("server.state", format!("After PLAY before SETUP, SETUP {}.", setup.outcome()), setup.seen);
    }
    if setup.is_ok() {
        let own = dialogue.session.replace("999999999".to_owned());
        let other = dialogue.request("PLAY", REFUSAL);
        dialogue.session = own;
        let said = format!("PLAY with session 999999999 {}.", other.outcome());
        if other.is_ok() {
            sheet.fails("server.session-checked", said, other.seen);
            dialogue.request("TEARDOWN", REFUSAL);
        } else {
            sheet.holds("server.session-checked", said, other.seen);
        }
    }
    if server.wants_line_ends {
        return sheet.skips("server.not-found", "A server in Java takes one connection only.");
    }
    let _ = dialogue.stream.shutdown(Shutdown::Both);
    let Ok(stream) = connect(dialogue.port.number, &mut dialogue.program) else {
        return sheet.skips("server.not-found", "The server takes one connection only.");
    };
    (dialogue.stream, dialogue.cseq, dialogue.session) = (stream, 0, None);
    let missing = dialogue.setup("no-such-film.Mjpeg", REFUSAL);
    match missing.reply.as_ref().and_then(|reply| reply.status) {
        Some(404) => sheet.holds("server.not-found", "SETUP of no-such-film.Mjpeg is answered with 404.", missing.seen),
        _ => {
            let said = format!("SETUP of no-such-film.Mjpeg {}.", missing.outcome());
            sheet.fails("server.not-found", said, missing.seen);
        }
    }
}
