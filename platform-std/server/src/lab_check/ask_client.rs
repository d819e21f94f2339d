//! A student's client, whose buttons are pressed, and our server, which looks at what comes.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::child::Running;
use super::clip::{self, Clip};
use super::link::{Link, Pressed, Shown, crc32};
use super::messages::Request;
use super::payload::Payload;
use super::ports::{self, Port};
use super::rules::Half;
use super::sheet::{Finding, Sheet, quoted};
use super::stand_in::{Answer, INTERVAL, StandIn};
use super::statistics::{self, Losses};

/// How long a program may take to show its window.
const START: Duration = Duration::from_secs(20);
/// How long one without a window may take to connect.
const CONNECTING: Duration = Duration::from_secs(2);
/// How long a request may take that a button sends, and pressing it.
const REQUEST: Duration = Duration::from_secs(5);
/// After a request: its reply, which comes after 50 ms, and what the client does with it.
const REPLY: Duration = Duration::from_millis(200);
/// How long a button that has to do nothing is watched.
const NOTHING: Duration = Duration::from_millis(200);
/// How long pictures may take that were sent.
const SHOWING: Duration = Duration::from_secs(3);
/// And the last of them, where most are there.
const SETTLING: Duration = Duration::from_millis(500);
/// How long the program may take to end.
const END: Duration = Duration::from_secs(5);
/// Frames of the first time of playing and of the second, of which each fifth is lost.
const FIRST: usize = 20;
const SECOND: usize = 25;
const LOST: usize = 5;
/// When a packet comes a second time, and which: so many frames before.
const LATE: (usize, usize) = (14, 4);

const UNSEEN: &str = "What it shows cannot be seen: it is not in Python, or opens pictures without Pillow and OpenCV.";

/// A student's client, and how to start it.
pub(super) struct Client<'a> {
    /// Starts it for a server's port, a port for RTP, and the one who presses its buttons.
    pub(super) start: &'a (dyn Fn(u16, u16, &Link) -> Result<Running> + Sync),
    pub(super) clip: &'a Clip,
    /// A program of ours presses buttons. Otherwise the client reads words.
    pub(super) has_shim: bool,
    /// The form of packets that it wants.
    pub(super) payload: Payload,
    /// Its command line has a port for RTP.
    pub(super) gets_port: bool,
    /// Java's: it reads whole lines, and has a port of its own for RTP, which takes one client at a time.
    pub(super) is_java: bool,
}

/// What was found, and what is to be said of how.
pub(super) fn check(client: &Client<'_>) -> (Vec<Finding>, Vec<String>) {
    let mut notes = Vec::new();
    let mut sheet = Sheet::new(Half::Client);
    let refused = || {
        let mut sheet = Sheet::new(Half::Client);
        // The other conversation says why, where it does not start.
        if let Ok(mut scene) = Scene::begin(client, 200_000) {
            refuses(client, &mut scene, &mut sheet);
        }
        sheet
    };
    let mut play = || match Scene::begin(client, 100_000) {
        Ok(mut scene) => {
            notes.extend(scene.notes());
            plays(client, &mut scene, &mut sheet);
        }
        Err((said, seen)) => sheet.fails("client.setup", said, seen),
    };
    let other = if client.is_java {
        play();
        refused()
    } else {
        thread::scope(|scope| {
            let refused = scope.spawn(refused);
            play();
            refused.join().unwrap_or_else(|_| Sheet::new(Half::Client))
        })
    };
    sheet.merge(other);
    (sheet.finish("The conversation did not come so far."), notes)
}

/// What pressing a button did.
struct Deed {
    pressed: Pressed,
    requests: Vec<Request>,
    /// What was said, for the report.
    seen: Vec<String>,
}

/// A client that runs, and its server.
struct Scene {
    program: Running,
    link: Option<Link>,
    stand_in: StandIn,
    /// The port of the command line.
    rtp_port: Port<TcpListener>,
    gets_port: bool,
    /// Packets can come a second time: they have their frame's number.
    has_late: bool,
    /// What can be pressed.
    ready: Vec<String>,
    cseq: Option<i64>,
    /// SETUP has been answered.
    has_session: bool,
    /// Where packets go: to the port of the command line, or else to that of SETUP.
    port: u16,
    /// The next frame, from 0.
    next: usize,
}

impl Scene {
    fn begin(client: &Client<'_>, session: u32) -> Result<Self, (String, Vec<String>)> {
        let failed = |error: anyhow::Error| (format!("{error:#}."), Vec::new());
        let session = session + (super::work::random() % 90_000) as u32;
        let stand_in = StandIn::start(session, client.payload, client.is_java).map_err(failed)?;
        let rtp_port = ports::for_udp().map_err(failed)?;
        let link = Link::open().map_err(failed)?;
        let mut program = (client.start)(stand_in.port, rtp_port.number, &link).map_err(failed)?;
        let ready = if client.has_shim { link.ready(&mut program, START) } else { connected(&stand_in, &mut program) };
        let Some(ready) = ready else {
            program.end();
            let why = program.trouble().unwrap_or_else(|| "its main loop is not reached".to_owned());
            return Err((format!("The client shows no window: {why}."), program.last_words()));
        };
        let link = client.has_shim.then_some(link);
        let (gets_port, has_late) = (client.gets_port, !client.payload.numbers_packets());
        let (cseq, has_session, port, next) = (None, false, rtp_port.number, 0);
        Ok(Self { program, link, stand_in, rtp_port, gets_port, has_late, ready, cseq, has_session, port, next })
    }

    fn can(&self, word: &str) -> bool {
        self.ready.iter().any(|ready| ready == word)
    }

    /// What it shows can be seen.
    fn sees(&self) -> bool {
        self.link.as_ref().is_some_and(Link::sees)
    }

    fn notes(&self) -> Vec<String> {
        let Some([tk, pil, version]) = self.link.as_ref().and_then(Link::hello) else { return Vec::new() };
        if tk == "java" {
            return vec![format!("The client ran under Java {version}.")];
        }
        let mut notes = vec![format!("The client ran under Python {version}.")];
        if tk == "stub" {
            notes.push("There is no tkinter or no display: a stand-in took its place, which draws nothing.".to_owned());
        }
        if pil == "stub" {
            notes.push("There is no Pillow: a stand-in took its place, which decodes nothing.".to_owned());
        }
        notes
    }

    /// Presses a button, and waits for requests: for one and what follows it, or a while for none.
    fn press(&mut self, word: &str, sends: bool) -> Deed {
        let (mark, before) = (self.stand_in.mark(), self.stand_in.count());
        let pressed = match &self.link {
            Some(link) => link.press(word, REQUEST),
            None => {
                self.program.say(word);
                Pressed::Done
            }
        };
        let deadline = Instant::now() + REQUEST;
        if sends && pressed == Pressed::Done {
            while self.stand_in.count() == before && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(5));
            }
            thread::sleep(REPLY);
        } else {
            thread::sleep(NOTHING);
        }
        let mut seen = self.stand_in.said_since(mark);
        if let Pressed::Failed(why) = &pressed {
            seen.push(format!("pressing {word}: {why}"));
        }
        Deed { pressed, requests: self.stand_in.since(before), seen }
    }

    /// Presses a button that has to send one request. The request, where it does.
    fn sends(&mut self, sheet: &mut Sheet, id: &str, method: &str) -> Option<Request> {
        let word = method.to_lowercase();
        let deed = self.press(&word, true);
        self.note(sheet, &deed);
        if deed.pressed == Pressed::Missing {
            sheet.fails(id, format!("There is neither a button nor a method for {word}."), deed.seen);
            return None;
        }
        let mut seen = deed.seen;
        let Some(request) = deed.requests.iter().find(|request| request.method == method) else {
            let came = deed.requests.first().map_or("nothing".to_owned(), |request| request.method.clone());
            seen.extend(self.program.last_words().into_iter().filter(|line| line.contains("rror")));
            sheet.fails(id, format!("Pressing {word} sends {}.", quoted(came.as_bytes(), 40)), seen);
            return None;
        };
        let count = deed.requests.iter().filter(|request| request.method == method).count();
        if count > 1 {
            sheet.fails(id, format!("Pressing {word} once sends {count} requests."), seen);
        } else if let Some(flaw) = request.flaw() {
            sheet.fails(id, format!("Of {method}, {flaw}."), seen);
        } else if method == "SETUP" && request.target.rsplit('/').next() != Some(clip::NAME) {
            let said = format!("SETUP is for {}, not for {}.", quoted(request.target.as_bytes(), 80), clip::NAME);
            sheet.fails(id, said, seen);
        } else {
            sheet.holds(id, format!("Pressing {word} sends one {method}."), seen);
        }
        self.take_port(request);
        Some(request.clone())
    }

    /// What the reply to SETUP begins.
    fn take_port(&mut self, request: &Request) {
        self.has_session |= request.method == "SETUP";
        if let Some(port) = request.port().filter(|_| !self.gets_port) {
            self.port = port;
        }
    }

    /// Presses a button that has to send nothing now.
    fn is_silent(&mut self, sheet: &mut Sheet, id: &str, word: &str, when: &str) {
        self.stand_in.answer_next(Answer::Refused("455 Method Not Valid in This State"));
        let deed = self.press(word, false);
        self.stand_in.answer_all();
        self.note(sheet, &deed);
        match deed.requests.first() {
            None => sheet.holds(id, "Buttons that have nothing to do send nothing.", Vec::new()),
            Some(request) => {
                let method = quoted(request.method.as_bytes(), 20);
                sheet.fails(id, format!("Pressing {word} {when} sends {method}."), deed.seen);
            }
        }
    }

    /// What all requests have in common.
    fn note(&mut self, sheet: &mut Sheet, deed: &Deed) {
        for request in &deed.requests {
            let seen = || deed.seen.clone();
            let (method, before) = (quoted(request.method.as_bytes(), 20), self.cseq);
            match (request.cseq, before) {
                (None, _) => sheet.fails("client.cseq", format!("{method} has no CSeq."), seen()),
                (Some(number), Some(before)) if number != before + 1 => {
                    let said = format!("{method} has CSeq {number}, and the request before it had {before}.");
                    sheet.fails("client.cseq", said, seen());
                }
                _ => sheet.holds("client.cseq", "Each number is one more than the last.", seen()),
            }
            self.cseq = request.cseq.or(self.cseq);
            if request.method == "SETUP" || !self.has_session {
                continue;
            }
            let session = self.stand_in.session.to_string();
            match &request.session {
                Some(own) if *own == session => {
                    sheet.holds("client.session", format!("It is {session} in all requests after SETUP."), seen());
                }
                own => {
                    let own = own
                        .as_deref()
                        .map_or("no session".to_owned(), |own| format!("session {}", quoted(own.as_bytes(), 40)));
                    sheet.fails(
                        "client.session",
                        format!("{method} has {own}; the reply to SETUP gave {session}."),
                        seen(),
                    );
                }
            }
        }
    }

    /// Sends so many frames, one each 50 ms; which, and how many were left out.
    fn send(&mut self, clip: &Clip, count: usize, lost_each: Option<usize>) -> (Vec<usize>, u32) {
        let (mut sent, mut lost) = (Vec::new(), 0);
        for turn in 0..count {
            let place = self.next;
            self.next += 1;
            if lost_each.is_some_and(|each| turn % each == each / 2) {
                lost += 1;
                self.stand_in.leave_out(&clip.frames[place]);
            } else {
                self.stand_in.send(self.port, place as u16 + 1, &clip.frames[place]);
                sent.push(place);
            }
            if lost_each.is_none() && turn == LATE.0 && self.has_late {
                let late = place - LATE.1;
                self.stand_in.send(self.port, late as u16 + 1, &clip.frames[late]);
            }
            thread::sleep(INTERVAL);
        }
        (sent, lost)
    }

    /// The places of the frames that were shown, once so many are there or time is over, and those that are no frames.
    fn shown(&self, clip: &Clip, wanted: usize, patience: Duration) -> (Vec<usize>, Vec<Shown>) {
        let known: Vec<(usize, u32)> =
            clip.frames.iter().take(self.next).map(|frame| (frame.len(), crc32(frame))).collect();
        let deadline = Instant::now() + patience;
        loop {
            let (mut places, mut others) = (Vec::new(), Vec::new());
            for shown in self.link.iter().flat_map(Link::shown) {
                match known.iter().position(|known| *known == (shown.len, shown.crc)) {
                    Some(place) => places.push(place),
                    None => others.push(shown),
                }
            }
            if places.len() >= wanted || Instant::now() >= deadline {
                return (places, others);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Waits for a client without a window to connect, which it may do at SETUP only; it can be told everything.
fn connected(stand_in: &StandIn, program: &mut Running) -> Option<Vec<String>> {
    let deadline = Instant::now() + CONNECTING;
    while !stand_in.is_connected() && Instant::now() < deadline {
        if !program.is_running() {
            return None;
        }
        thread::sleep(Duration::from_millis(20));
    }
    Some(["setup", "play", "pause", "teardown"].map(str::to_owned).to_vec())
}

/// The whole conversation, with buttons that have nothing to do in between.
fn plays(client: &Client<'_>, scene: &mut Scene, sheet: &mut Sheet) {
    const STATE: &str = "client.state";
    if scene.can("setup") {
        scene.is_silent(sheet, STATE, "play", "before Setup");
        scene.is_silent(sheet, STATE, "pause", "before Setup");
    }
    let Some(setup) = set_up(scene, sheet) else { return };
    transport(scene, sheet, &setup);
    if scene.can("setup") {
        scene.is_silent(sheet, STATE, "setup", "a second time");
        // Where Play has set up, too, it has played.
        if scene.sends(sheet, "client.play", "PLAY").is_none() {
            return;
        }
    }
    let (sent, _) = scene.send(client.clip, FIRST, None);
    frames(client, scene, sheet, &sent);
    scene.is_silent(sheet, STATE, "play", "while playing");
    if scene.sends(sheet, "client.pause", "PAUSE").is_some() {
        scene.is_silent(sheet, STATE, "pause", "while paused");
        scene.sends(sheet, "client.play", "PLAY");
    }
    let (_, lost) = scene.send(client.clip, SECOND, Some(LOST));
    let losses = Losses { lost, expected: scene.next as u32 };
    let texts = scene.link.as_ref().map(|link| link.texts(REQUEST)).unwrap_or_default();
    let ended = scene.sends(sheet, "client.teardown", "TEARDOWN").is_some();
    if ended && scene.program.ends_within(END) {
        sheet.holds("client.end", "The program has ended.", Vec::new());
    } else if ended {
        sheet.fails("client.end", format!("It still runs {} s later.", END.as_secs()), scene.program.last_words());
    }
    statistics(sheet, statistics::told(&texts.join("\n"), &scene.program.output(), losses), losses);
}

/// SETUP, by its button, or by Play where there is no such button.
fn set_up(scene: &mut Scene, sheet: &mut Sheet) -> Option<Request> {
    if scene.can("setup") {
        return scene.sends(sheet, "client.setup", "SETUP");
    }
    let before = scene.stand_in.count();
    let mut deed = scene.press("play", true);
    // It follows the reply to SETUP.
    let deadline = Instant::now() + REQUEST;
    while !deed.requests.iter().any(|request| request.method == "PLAY") && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(20));
        deed.requests = scene.stand_in.since(before);
    }
    let found = |method: &str| deed.requests.iter().find(|request| request.method == method).cloned();
    scene.has_session = found("SETUP").is_some();
    scene.note(sheet, &deed);
    if let Some(setup) = found("SETUP") {
        scene.take_port(&setup);
    }
    match (found("SETUP"), found("PLAY")) {
        (Some(setup), Some(_)) => {
            sheet.holds("client.setup", "There is no Setup; Play sends SETUP.", deed.seen.clone());
            sheet.holds("client.play", "Play sends PLAY behind SETUP.", deed.seen);
            Some(setup)
        }
        (Some(setup), None) => {
            scene.sends(sheet, "client.play", "PLAY");
            Some(setup)
        }
        _ => {
            sheet.fails("client.setup", "There is no Setup, and Play sends no SETUP.", deed.seen);
            None
        }
    }
}

fn transport(scene: &Scene, sheet: &mut Sheet, setup: &Request) {
    const ID: &str = "client.transport";
    let seen = vec![format!("Transport: {}", quoted(setup.transport.as_deref().unwrap_or_default().as_bytes(), 100))];
    let is_udp = setup.transport.as_deref().is_some_and(|transport| transport.to_uppercase().contains("RTP/"));
    match setup.port() {
        None => sheet.fails(ID, "SETUP names no port.", seen),
        Some(_) if !is_udp => sheet.fails(ID, "SETUP does not name RTP over UDP.", seen),
        Some(port) if port == scene.rtp_port.number || !scene.gets_port => {
            sheet.holds(ID, format!("It names port {port}."), seen);
        }
        Some(port) => {
            let said = format!("SETUP names port {port}; the command line gave {}.", scene.rtp_port.number);
            sheet.fails(ID, said, seen);
        }
    }
}

/// Whether pictures are shown as they were sent, and a late one is not.
fn frames(client: &Client<'_>, scene: &Scene, sheet: &mut Sheet, sent: &[usize]) {
    if !scene.sees() {
        return ["client.frames", "client.late"].iter().for_each(|id| sheet.skips(id, UNSEEN));
    }
    // A busy machine shows fewer.
    let (places, others) = scene.shown(client.clip, sent.len() / 2, SHOWING);
    let seen: Vec<String> =
        others.iter().take(3).map(|other| format!("a picture of {} bytes: {} …", other.len, other.begin)).collect();
    if places.len() * 2 < sent.len() {
        let said = if others.is_empty() {
            format!("{} of {} frames were shown.", places.len(), sent.len())
        } else {
            format!(
                "{} of {} frames were shown as they were sent; {} other pictures were.",
                places.len(),
                sent.len(),
                others.len()
            )
        };
        let words = scene.program.last_words();
        return sheet.fails("client.frames", said, seen.into_iter().chain(words).collect());
    }
    sheet.holds("client.frames", format!("At least {} of {} frames were shown.", places.len(), sent.len()), seen);
    let (places, _) = scene.shown(client.clip, sent.len(), SETTLING);
    if !scene.has_late {
        return sheet.skips("client.late", "Each packet has a number of its own.");
    }
    match places.windows(2).find(|pair| pair[1] < pair[0]) {
        Some(pair) => {
            let said = format!("Frame {} was shown after frame {}.", pair[1] + 1, pair[0] + 1);
            sheet.fails("client.late", said, Vec::new());
        }
        None => sheet.holds("client.late", "A packet that came a second time was not shown again.", Vec::new()),
    }
}

fn statistics(sheet: &mut Sheet, told: Option<(bool, String)>, losses: Losses) {
    const ID: &str = "client.statistics";
    let truth = format!("{} of {} packets were lost", losses.lost, losses.expected);
    match told {
        None => sheet.fails(ID, format!("Neither the window nor the output tells of losses; {truth}."), Vec::new()),
        Some((true, line)) => {
            sheet.holds(ID, format!("It tells what is so: {truth}."), vec![quoted(line.as_bytes(), 200)])
        }
        Some((false, line)) => {
            sheet.fails(ID, format!("It tells something else: {truth}."), vec![quoted(line.as_bytes(), 200)])
        }
    }
}

/// Refused requests, a reply of another session, and frames in parts.
fn refuses(client: &Client<'_>, scene: &mut Scene, sheet: &mut Sheet) {
    const STATUS: &str = "client.status";
    if !scene.can("setup") {
        return sheet.skips(STATUS, "There is no Setup whose refusal could be seen.");
    }
    scene.stand_in.answer_next(Answer::Refused("404 Not Found"));
    // What is wrong with the requests themselves is found by the other conversation.
    let mut aside = Sheet::new(Half::Client);
    if scene.press("setup", true).requests.is_empty() {
        return;
    }
    scene.is_silent(sheet, STATUS, "play", "after SETUP was refused with 404");
    if scene.sends(&mut aside, "client.setup", "SETUP").is_none() {
        return;
    }
    scene.stand_in.answer_next(Answer::Refused("455 Method Not Valid in This State"));
    if scene.sends(&mut aside, "client.play", "PLAY").is_none() {
        return;
    }
    scene.is_silent(sheet, STATUS, "pause", "after PLAY was refused with 455");
    if scene.sends(&mut aside, "client.play", "PLAY").is_none() {
        return;
    }
    parts(client, scene, sheet);
    scene.stand_in.answer_next(Answer::OtherSession);
    if scene.sends(&mut aside, "client.pause", "PAUSE").is_none() {
        return;
    }
    let deed = scene.press("pause", true);
    if deed.requests.is_empty() {
        let said = "The reply to PAUSE had another session's number, and the client took it for its own.";
        sheet.fails("client.reply-session", said, deed.seen);
    } else {
        sheet.holds("client.reply-session", "The client went on as if it had not come.", deed.seen);
    }
    scene.press("teardown", true);
}

/// Sends frames in parts with one number.
fn parts(client: &Client<'_>, scene: &mut Scene, sheet: &mut Sheet) {
    if !scene.sees() {
        return sheet.skips("client.fragments", UNSEEN);
    }
    let mut count = 0;
    for place in 0..12 {
        let frame = &client.clip.frames[place];
        scene.next = place + 1;
        if frame.len() > 1400 {
            scene.stand_in.send_in_parts(scene.port, place as u16 + 1, frame);
            count += 1;
            thread::sleep(INTERVAL);
        }
    }
    // A busy machine shows the first late, and then the others.
    scene.shown(client.clip, 1, SHOWING);
    let came = scene.shown(client.clip, count, SETTLING).0.len();
    if came > 0 {
        sheet.holds("client.fragments", format!("{came} of {count} frames in parts were shown whole."), Vec::new());
    } else {
        sheet.fails("client.fragments", format!("None of {count} frames in parts was shown whole."), Vec::new());
    }
}
