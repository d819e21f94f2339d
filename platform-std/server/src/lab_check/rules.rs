//! What is asked of a program of the lab: each requirement, and where it is written.

/// Which of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Server,
    Client,
}

impl Half {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// Whether the exercise wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Where it does not hold, the exercise is not done.
    Must,
    /// The exercise leaves it open, or names it as one of its further tasks.
    Should,
}

impl Level {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
        }
    }
}

/// A requirement.
#[derive(Debug)]
pub(super) struct Rule {
    /// It stays the same from version to version.
    pub(super) id: &'static str,
    pub(super) half: Half,
    pub(super) level: Level,
    pub(super) title: &'static str,
    pub(super) rule: &'static str,
    /// Where it is written.
    pub(super) source: &'static str,
}

const fn must(half: Half, id: &'static str, title: &'static str, rule: &'static str, source: &'static str) -> Rule {
    Rule { id, half, level: Level::Must, title, rule, source }
}

const fn should(half: Half, id: &'static str, title: &'static str, rule: &'static str, source: &'static str) -> Rule {
    Rule { id, half, level: Level::Should, title, rule, source }
}

use Half::{Client, Server};

/// All requirements, in the order of the report.
pub(super) const RULES: &[Rule] = &[
    must(
        Server,
        "server.setup",
        "SETUP",
        "The server takes the film's name and the client's port, and answers SETUP with 200.",
        "RFC 2326, 10.4; lab, The Server",
    ),
    must(
        Server,
        "server.play",
        "PLAY",
        "After SETUP the server answers PLAY with 200, and sends RTP to the port that SETUP named.",
        "RFC 2326, 10.5; lab, The Server",
    ),
    must(
        Server,
        "server.pause",
        "PAUSE",
        "The server answers PAUSE with 200 and stops sending; the next PLAY goes on where it stopped.",
        "RFC 2326, 10.6; lab, The Server",
    ),
    must(
        Server,
        "server.teardown",
        "TEARDOWN",
        "The server answers TEARDOWN with 200, and sends nothing from then on.",
        "RFC 2326, 10.7; lab, The Server",
    ),
    must(
        Server,
        "server.reply",
        "form of replies",
        "A reply is a line RTSP/1.0 CODE PHRASE, then CSeq and then Session, one line each: the lab's client finds them by their place.",
        "RFC 2326, 7.1; lab, The Server",
    ),
    must(
        Server,
        "server.cseq",
        "CSeq",
        "Each reply has the sequence number of the request that it answers.",
        "RFC 2326, 12.17",
    ),
    must(
        Server,
        "server.session",
        "Session",
        "The reply to SETUP names a session, and all later replies of the connection name the same one.",
        "RFC 2326, 12.37 and 3.4",
    ),
    must(
        Server,
        "server.state",
        "state machine",
        "PLAY is carried out in the state READY alone: not before SETUP, and not after TEARDOWN.",
        "RFC 2326, A.2; lab, The Server",
    ),
    must(
        Server,
        "server.rtp-header",
        "RTP header",
        "Each packet begins with 12 bytes: version 2, and neither padding nor extension nor contributing sources (first byte 80).",
        "RFC 3550, 5.1; lab, RTP Packet Header",
    ),
    must(
        Server,
        "server.payload-type",
        "payload type",
        "The payload type is 26, JPEG.",
        "RFC 3551, 6; lab, RTP Packet Header",
    ),
    must(
        Server,
        "server.sequence",
        "sequence numbers",
        "The sequence number grows by one with each packet. In the lab it is the frame's number, and parts of one frame may share it.",
        "RFC 3550, 5.1; lab, RTP Packet Header",
    ),
    must(
        Server,
        "server.timestamp",
        "timestamps",
        "The timestamp never goes back, grows while the film plays, and is the same in all parts of a frame.",
        "RFC 3550, 5.1; RFC 2435, 3",
    ),
    must(
        Server,
        "server.ssrc",
        "SSRC",
        "The source has one number, which stays as it is.",
        "RFC 3550, 5.1; lab, RTP Packet Header",
    ),
    must(
        Server,
        "server.marker",
        "marker",
        "Where a frame has several packets, the last one has the marker and no other has. Where each frame is one packet, it is the same in all.",
        "RFC 2435, 3; RFC 3550, 5.1",
    ),
    must(
        Server,
        "server.fragments",
        "fragments",
        "The parts of a frame lie within it, leave nothing out, and make up the file's frame.",
        "RFC 2435, 3.1.2",
    ),
    must(
        Server,
        "server.payload",
        "pictures",
        "The packets carry the JPEG frames of the film, whole and in their order.",
        "lab, The Server; RFC 2435, 3",
    ),
    should(
        Server,
        "server.not-found",
        "missing file",
        "SETUP of a film that is not there is answered with 404.",
        "RFC 2326, 7.1.1",
    ),
    should(
        Server,
        "server.session-checked",
        "other session",
        "A request with another session's number is not carried out (454).",
        "RFC 2326, 11.3.5 and 12.37",
    ),
    should(
        Server,
        "server.rate",
        "frame rate",
        "Some 20 frames leave in a second, one each 50 ms (in Java 10); 8 to 35 are taken for that.",
        "lab, The Server",
    ),
    must(
        Client,
        "client.setup",
        "SETUP",
        "Setup sends one SETUP of the film: METHOD FILE RTSP/1.0, CSeq and Transport, one line each.",
        "RFC 2326, 10.4; lab, The Client",
    ),
    must(
        Client,
        "client.play",
        "PLAY",
        "Play sends one PLAY, after SETUP and after PAUSE.",
        "RFC 2326, 10.5; lab, The Client",
    ),
    must(
        Client,
        "client.pause",
        "PAUSE",
        "Pause sends one PAUSE while the film plays.",
        "RFC 2326, 10.6; lab, The Client",
    ),
    must(
        Client,
        "client.teardown",
        "TEARDOWN",
        "Teardown sends one TEARDOWN, before the client leaves.",
        "RFC 2326, 10.7; lab, The Client",
    ),
    must(
        Client,
        "client.cseq",
        "CSeq",
        "Each request has a number, and each number is one more than the last.",
        "RFC 2326, 12.17; lab, The Client",
    ),
    must(
        Client,
        "client.session",
        "Session",
        "All requests after SETUP have the session's number as the reply to SETUP gave it.",
        "RFC 2326, 12.37; lab, The Client",
    ),
    must(
        Client,
        "client.transport",
        "Transport",
        "SETUP names RTP over UDP, and the port that the command line gave, at which the client listens.",
        "RFC 2326, 12.39; lab, The Client",
    ),
    must(
        Client,
        "client.state",
        "state machine",
        "A button that does nothing in the present state sends nothing: no Play or Pause before Setup, no second Setup, no Play while playing.",
        "RFC 2326, A.1; lab, Client State",
    ),
    must(
        Client,
        "client.status",
        "refused requests",
        "The state changes when the server has answered 200, and stays as it is when it has refused.",
        "RFC 2326, A.1; lab, Client State",
    ),
    must(
        Client,
        "client.frames",
        "pictures",
        "The client takes the 12 bytes of the header off each packet, and shows the rest, byte for byte.",
        "RFC 3550, 5.1; lab, The Client",
    ),
    should(
        Client,
        "client.late",
        "late packets",
        "A packet whose number is not beyond the last shown one is not shown.",
        "RFC 3550, 5.1; lab, The Client",
    ),
    should(
        Client,
        "client.reply-session",
        "reply of another session",
        "A reply with another session's number changes nothing.",
        "RFC 2326, 12.37; lab, The Client",
    ),
    should(
        Client,
        "client.fragments",
        "fragments",
        "Parts with one sequence number are put together up to the marker, and shown as one picture.",
        "RFC 2435, 3.1.2; a further task",
    ),
    should(
        Client,
        "client.statistics",
        "statistics",
        "The client tells how many packets were lost, as a number or as a part of all, and that is near the truth.",
        "RFC 3550, 6.4.1; lab, Optional Exercises",
    ),
    should(
        Client,
        "client.end",
        "the end",
        "After the reply to TEARDOWN the client closes its sockets, and its program ends.",
        "RFC 2326, 10.7; lab, The Client",
    ),
];

/// The requirement of that name.
pub(super) fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}
