//! What fields and messages mean, in a sentence or two, and where the standards say more.

use super::{Message, What};

/// What something means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Explanation {
    /// The standard's section, or "" where there is none.
    pub(crate) section: &'static str,
    pub(crate) text: &'static str,
}

/// The name of something, the section about it, and what it means.
type Row = (&'static str, &'static str, &'static str);

/// Fields of RTP and RTCP packets, by their topics.
const FIELDS: &[Row] = &[
    (
        "V",
        "RFC 3550, section 5.1",
        "The version of RTP. It is 2 in everything that is sent today; a receiver drops what has another.",
    ),
    (
        "P",
        "RFC 3550, section 5.1",
        "Set where bytes without meaning fill the packet up, as some ciphers want it. The last byte says how many there are.",
    ),
    (
        "X",
        "RFC 3550, section 5.3.1",
        "Set where one more header stands between this one and the payload. Who does not know it skips it by its length.",
    ),
    (
        "CC",
        "RFC 3550, section 5.1",
        "How many contributing sources are listed: those whose streams a mixer has put into this one. A camera has none.",
    ),
    (
        "M",
        "RFC 3550, section 5.1; RFC 2435, section 3",
        "Of video, the last packet of a frame has it. Who has all packets up to it can show the picture without waiting for the next one.",
    ),
    (
        "PT",
        "RFC 3551, section 6",
        "What the payload is. 26 is JPEG everywhere; numbers from 96 on mean what the description of the session says (a=rtpmap).",
    ),
    (
        "seq",
        "RFC 3550, section 5.1",
        "Grows by one with each packet, from a random start, and begins anew after 65535. By it receivers see what is lost, and put right what came in another order.",
    ),
    (
        "ts",
        "RFC 3550, section 5.1",
        "When the picture was taken, in units of 1/90000 s for JPEG, from a random start. All packets of a frame have the same one.",
    ),
    (
        "SSRC",
        "RFC 3550, section 8",
        "A random number that names the source. If it changes, another stream has begun, and its numbers have nothing to do with those before.",
    ),
    ("CSRC", "RFC 3550, section 5.1", "A source whose stream a mixer has put into this one."),
    (
        "extension",
        "RFC 3550, section 5.3.1",
        "A header for what the standard has no field for. Some cameras tell the size of pictures in it that are larger than 2040 pixels.",
    ),
    (
        "broken",
        "RFC 3550, appendix A.1",
        "These bytes are not what they should be. A receiver checks each packet before it believes any of it, and drops this one.",
    ),
    (
        "type-specific",
        "RFC 2435, section 3.1.1",
        "0 is a whole picture. With interlaced video, 1 and 2 say which of the two fields of a picture this is.",
    ),
    (
        "offset",
        "RFC 2435, section 3.1.2",
        "Where the data of this packet belongs in the frame, in bytes. By it a frame can be put together in any order, and 0 is its beginning.",
    ),
    (
        "type",
        "RFC 2435, section 3.1.3",
        "How colours are sampled: 0 is half the width (4:2:2), 1 is half the width and height (4:2:0). With 64 added, there are restart markers, and a header about them.",
    ),
    (
        "Q",
        "RFC 2435, section 3.1.4",
        "Where the quantization tables come from: 1 to 99 mean tables made by a formula for this quality, 128 to 255 tables that are sent in the stream.",
    ),
    (
        "width",
        "RFC 2435, section 3.1.5",
        "The width of the picture in blocks of 8 pixels. One byte is enough for 2040 pixels; wider pictures say 0, and tell their width elsewhere.",
    ),
    (
        "height",
        "RFC 2435, section 3.1.6",
        "The height of the picture in blocks of 8 pixels; 0 where it is more than 2040 pixels.",
    ),
    (
        "DRI",
        "RFC 2435, section 3.1.7",
        "How many MCUs, the smallest blocks of pixels with all colours, lie between two restart markers. After a marker a decoder can begin afresh.",
    ),
    (
        "F",
        "RFC 2435, section 3.1.7",
        "Set where the packet begins at a restart marker, so that it can be decoded without the packet before it.",
    ),
    (
        "L",
        "RFC 2435, section 3.1.7",
        "Set where the packet ends at a restart marker, so that it can be decoded without the packet after it.",
    ),
    (
        "count",
        "RFC 2435, section 3.1.7",
        "Which restart interval of the frame comes first in the packet. 16383, all ones, means that only whole frames can be decoded.",
    ),
    (
        "MBZ",
        "RFC 2435, section 3.1.8",
        "Must be zero. This header stands in a frame's first packet only, and only where Q is 128 or more.",
    ),
    (
        "precision",
        "RFC 2435, section 3.1.8",
        "One bit for each table, from the right: clear for values of 8 bits, set for values of 16 bits.",
    ),
    (
        "length",
        "RFC 2435, section 3.1.8",
        "How many bytes of tables follow. 0 means that those which were sent before for this Q are still valid.",
    ),
    (
        "tables",
        "RFC 2435, section 3.1.8",
        "By these numbers the encoder has divided the frequencies of each block: larger ones make smaller files and coarser pictures. They stand in zigzag order.",
    ),
    (
        "data",
        "RFC 2435, section 3.1.9",
        "Compressed pixels. The headers of the JPEG file are left out: the receiver makes them anew from the fields above.",
    ),
    (
        "file",
        "RFC 3550, section 5.1",
        "The lab's way: the bytes of a JPEG file with all its headers, straight behind the RTP header, and not the headers of RFC 2435.",
    ),
    (
        "srtp",
        "RFC 3711, section 3.1",
        "The payload is encrypted, so that nobody on the way can see the pictures. The header is not; a tag at the end proves that nobody has changed either.",
    ),
    (
        "srtcp",
        "RFC 3711, section 3.4",
        "The report is encrypted but for its first 8 bytes. A number and a tag at the end prove that it is genuine and not sent again.",
    ),
    (
        "payload",
        "RFC 3550, section 5.1",
        "The payload has a format which the player does not know, so that its headers are not shown.",
    ),
    (
        "SR",
        "RFC 3550, section 6.4.1",
        "A sender tells every few seconds what it has sent, and what time its timestamps stand for.",
    ),
    (
        "RR",
        "RFC 3550, section 6.4.2",
        "A receiver tells what has reached it. The sender sees by it how good the network is.",
    ),
    ("reporter", "RFC 3550, section 6.4.1", "The source that sends this report."),
    (
        "NTP",
        "RFC 3550, section 6.4.1",
        "The sender's clock when the report left. With the RTP timestamp beside it, timestamps become times of day, and sound and pictures are put together.",
    ),
    (
        "RTP-ts",
        "RFC 3550, section 6.4.1",
        "The same instant as the NTP timestamp, counted as the timestamps of the media are.",
    ),
    ("packets", "RFC 3550, section 6.4.1", "How many RTP packets the sender has sent since it began."),
    ("octets", "RFC 3550, section 6.4.1", "How many bytes of payload it has sent, without headers and padding."),
    ("about", "RFC 3550, section 6.4.1", "The fields below are about the stream of this source."),
    (
        "fraction",
        "RFC 3550, section 6.4.1",
        "Which part of the packets was lost since the report before, in parts of 256.",
    ),
    (
        "lost",
        "RFC 3550, section 6.4.1",
        "How many packets were lost since the beginning: those expected less those that came. It is negative where more came twice than were lost.",
    ),
    (
        "highest",
        "RFC 3550, section 6.4.1",
        "The highest sequence number that came; the upper 16 bits count how often the number has begun anew.",
    ),
    (
        "jitter",
        "RFC 3550, section 6.4.1 and appendix A.8",
        "How much the time on the way varies, as a running mean in units of the timestamp. A buffer must be about so long to even it out.",
    ),
    (
        "LSR",
        "RFC 3550, section 6.4.1",
        "The middle of the NTP timestamp of the last sender report that came. The sender gets it back, to measure the way there and back.",
    ),
    (
        "DLSR",
        "RFC 3550, section 6.4.1",
        "How long ago that report came, in 1/65536 s. The sender takes it off the time that has passed, and what is left was the way.",
    ),
    (
        "CNAME",
        "RFC 3550, section 6.5.1",
        "A name of the source that stays the same when its SSRC changes. It tells which streams belong together.",
    ),
    ("SDES", "RFC 3550, section 6.5", "Something else that a source tells of itself, such as a name or a program."),
    ("BYE", "RFC 3550, section 6.6", "The source leaves: nothing more comes of it, and a receiver need not wait."),
    (
        "rtcp-other",
        "RFC 3550, section 6.7",
        "A packet of an application, or of a later standard. Who does not know it skips it by its length.",
    ),
    ("encrypted", "RFC 3711, section 3", "This is encrypted."),
    ("reason", "RFC 3550, section 6.6", "Why the source leaves, in words."),
    (
        "rtp",
        "RFC 3550, section 5.1",
        "A packet of media: the RTP header, then the headers of its format, then a piece of a picture. Open it to see each field with its bits.",
    ),
    (
        "rtcp",
        "RFC 3550, section 6.1",
        "A packet of control. Reports and names are sent together, as one compound packet, at least every few seconds. Open it to see its fields.",
    ),
];

/// Requests, by their methods.
const METHODS: &[Row] = &[
    (
        "OPTIONS",
        "RFC 2326, section 10.1",
        "Asks which methods the server knows. It changes nothing, so that clients also send it now and then to keep a session alive.",
    ),
    (
        "DESCRIBE",
        "RFC 2326, section 10.2",
        "Asks what there is to play. The answer is a description (SDP): formats, length, and the URL of each stream.",
    ),
    (
        "ANNOUNCE",
        "RFC 2326, section 10.3",
        "Describes a stream to the other side: a publisher says what it is about to send.",
    ),
    (
        "SETUP",
        "RFC 2326, section 10.4",
        "Agrees on how packets travel (Transport), and opens a session. After it the client is Ready.",
    ),
    (
        "PLAY",
        "RFC 2326, section 10.5",
        "Starts the packets, from a position if there is a Range. After it the client is Playing. While it plays, another PLAY seeks.",
    ),
    (
        "PAUSE",
        "RFC 2326, section 10.6",
        "Stops the packets and keeps the session, so that PLAY goes on from there. After it the client is Ready.",
    ),
    (
        "TEARDOWN",
        "RFC 2326, section 10.7",
        "Ends the session: the server forgets it and its ports. After it the client is in Init again.",
    ),
    (
        "GET_PARAMETER",
        "RFC 2326, section 10.8",
        "Asks for values. Without a body it asks for nothing, and only keeps the session alive.",
    ),
    ("SET_PARAMETER", "RFC 2326, section 10.9", "Sets values at the other side."),
    (
        "REDIRECT",
        "RFC 2326, section 10.10",
        "The server asks the client to go on at another URL. The client begins there from Init.",
    ),
    ("RECORD", "RFC 2326, section 10.11", "Starts packets from the client to the server."),
];

/// Answers, by their status.
const STATUSES: &[(u16, &str, &str)] = &[
    (
        200,
        "RFC 2326, section 7.1.1",
        "Done as asked. The client's state changes now, when the answer has come, and not when it asked.",
    ),
    (
        301,
        "RFC 2326, section 11.2",
        "The stream has moved for good, to the URL in Location. The client begins there from Init.",
    ),
    (
        302,
        "RFC 2326, section 11.2",
        "The stream is elsewhere at present, at the URL in Location. The client begins there from Init.",
    ),
    (400, "RFC 2326, section 7.1.1", "The server does not understand the request: a line is not as it should be."),
    (
        401,
        "RFC 2326, section 11.3; RFC 7616",
        "The server wants to know who asks. WWW-Authenticate says how to prove it; the client asks once more with Authorization.",
    ),
    (403, "RFC 2326, section 7.1.1", "The server understands, and does not allow it."),
    (404, "RFC 2326, section 7.1.1", "The server has nothing of that name."),
    (405, "RFC 2326, section 11.3.1", "This cannot be done with what the URL names. Allow lists what can."),
    (406, "RFC 2326, section 7.1.1", "The server has no description of a kind that the client accepts."),
    (415, "RFC 2326, section 7.1.1", "The server does not know the format of the body."),
    (453, "RFC 2326, section 11.3.4", "There is not enough bandwidth: too many watch already."),
    (454, "RFC 2326, section 11.3.5", "There is no session of that number: it has ended, or was never there."),
    (
        455,
        "RFC 2326, section 11.3.6",
        "This cannot be asked in the present state, such as PLAY before SETUP. Allow lists what can.",
    ),
    (457, "RFC 2326, section 11.3.8", "The stream has no such position."),
    (459, "RFC 2326, section 11.3.10", "This has to be asked of each stream, not of the whole."),
    (461, "RFC 2326, section 11.3.12", "The server can send in none of the ways that Transport offers."),
    (500, "RFC 2326, section 7.1.1", "Something has failed in the server, which is no fault of the request."),
    (501, "RFC 2326, section 7.1.1", "The server does not know this method."),
    (503, "RFC 2326, section 7.1.1", "The server has too much to do at present."),
];

/// Headers, in small letters.
const HEADERS: &[Row] = &[
    ("accept", "RFC 2326, section 12.1", "The kinds of description that the client understands."),
    ("allow", "RFC 2326, section 12.4", "The methods that can be asked here."),
    (
        "authorization",
        "RFC 2326, section 12.5; RFC 7616",
        "Proves who asks. With Digest the password itself is never sent, only a number made of it. The player shows none of it.",
    ),
    ("bandwidth", "RFC 2326, section 12.6", "How many bits a second the client can take, as it thinks."),
    (
        "blocksize",
        "RFC 2326, section 12.7",
        "How large a packet of media the client wants at most, without its headers.",
    ),
    ("cache-control", "RFC 2326, section 12.8", "How long the answer may be kept by those on the way."),
    ("connection", "RFC 2326, section 12.10", "Whether the connection stays open afterwards."),
    ("content-base", "RFC 2326, section 12.11", "The URL to which the relative ones in the description belong."),
    ("content-encoding", "RFC 2326, section 12.12", "How the body is packed."),
    ("content-length", "RFC 2326, section 12.14", "How many bytes the body has. Nothing else says where it ends."),
    ("content-location", "RFC 2326, section 12.15", "Where what is in the body can be found."),
    ("content-type", "RFC 2326, section 12.16", "What the body is; descriptions are application/sdp."),
    (
        "cookie",
        "RFC 6265",
        "Something that a server has given before, to recognise who asks. The player shows none of it.",
    ),
    (
        "cseq",
        "RFC 2326, section 12.17",
        "Counts the requests. The answer has the number of its request, so that each answer finds its question.",
    ),
    ("date", "RFC 2326, section 12.18", "When the message was made."),
    ("keymgmt", "RFC 4567, section 3.2", "The key of SRTP, in a message of MIKEY. The player shows none of it."),
    ("location", "RFC 2326, section 12.25", "The URL to go on at."),
    ("proxy-require", "RFC 2326, section 12.27", "What whoever stands on the way must be able to do."),
    ("public", "RFC 2326, section 12.28", "The methods that the server knows."),
    (
        "range",
        "RFC 2326, section 12.29",
        "From where to where, in seconds of the stream (npt). An open end plays as long as there is something.",
    ),
    ("require", "RFC 2326, section 12.32", "What the other side must be able to do; otherwise it has to refuse."),
    (
        "rtp-info",
        "RFC 2326, section 12.33",
        "The sequence number and the timestamp of the first packet of this PLAY. By them the client knows what was sent before a seek, and which position a timestamp is.",
    ),
    (
        "scale",
        "RFC 2326, section 12.34",
        "How fast time passes in the stream: 2 is twice as fast, negative values go backwards. The answer says what is done.",
    ),
    ("server", "RFC 2326, section 12.36", "The server's program."),
    (
        "session",
        "RFC 2326, section 12.37",
        "The session's name, given by the server with the answer to SETUP. Without a request for as long as timeout says, 60 s unless said, the session ends.",
    ),
    ("speed", "RFC 2326, section 12.35", "How fast packets are to be sent, without any change to their timestamps."),
    (
        "timestamp",
        "RFC 2326, section 12.38",
        "When the request was sent. The server sends it back, so that the client sees how long the way is.",
    ),
    (
        "transport",
        "RFC 2326, section 12.39",
        "How packets travel: over UDP to these ports (client_port, server_port), or within the connection (interleaved). The client offers ways, and the server takes one.",
    ),
    ("unsupported", "RFC 2326, section 12.40", "What was required, and the server cannot do."),
    ("user-agent", "RFC 2326, section 12.41", "The client's program."),
    (
        "www-authenticate",
        "RFC 2326, section 12.44; RFC 7616",
        "How to prove who asks: the scheme, and for Digest a number (nonce) that is used once.",
    ),
    ("x-dynamic-rate", "", "Not of the standard: whether the server may send faster or slower than in real time."),
];

/// Lines of a description, by how they begin; longer beginnings first.
const DESCRIPTION: &[Row] = &[
    (
        "a=rtpmap",
        "RFC 4566, section 6",
        "Which format a payload type is, and how many ticks its timestamps have in a second.",
    ),
    ("a=fmtp", "RFC 4566, section 6", "More about a format, in words of its own."),
    ("a=control", "RFC 2326, appendix C.1.1", "The URL by which this stream is set up, or the whole is played."),
    ("a=range", "RFC 2326, appendix C.1.5", "How long the stream is. An open end means that it is live."),
    ("a=framerate", "RFC 4566, section 6", "How many pictures there are in a second at most."),
    ("a=crypto", "RFC 4568", "Which cipher of SRTP is used, and its key. The player does not show the key."),
    ("a=key-mgmt", "RFC 4567", "The key of SRTP, in a message of MIKEY. The player does not show it."),
    ("a=sendonly", "RFC 4566, section 6", "Media are only sent from here."),
    ("a=recvonly", "RFC 4566, section 6", "Media are only received here."),
    ("a=x-dimensions", "", "Not of the standard, but common: width and height of the pictures."),
    ("a=", "RFC 4566, section 5.13", "Something more about the whole, or about the stream that stands before it."),
    ("v=", "RFC 4566, section 5.1", "The version of descriptions, which is 0."),
    ("o=", "RFC 4566, section 5.2", "Who made the description: a number for it, a version, and an address."),
    ("s=", "RFC 4566, section 5.3", "The name of the whole."),
    ("c=", "RFC 4566, section 5.7", "The address that packets come to. 0.0.0.0 leaves it to SETUP."),
    ("b=", "RFC 4566, section 5.8", "How many kilobits a second it takes."),
    ("t=", "RFC 4566, section 5.9", "From when to when it is there; 0 0 is always."),
    (
        "m=",
        "RFC 4566, section 5.14",
        "A stream: what it is, a port (0 leaves it to SETUP), how it travels, and its payload types.",
    ),
    ("k=", "RFC 4566, section 5.12", "A key. The player does not show it."),
];

const CONNECTED: Explanation = Explanation {
    section: "RFC 2326, section 1.1",
    text: "A connection over which requests and answers go. Packets of media come beside it over UDP, or within it.",
};
const LAB_ANSWER: Explanation = Explanation {
    section: "RFC 2326, section 7",
    text: "An answer: a status of three digits, and the number of the request that it is about (CSeq).",
};

fn of_row(row: Option<&Row>) -> Option<Explanation> {
    row.map(|&(_, section, text)| Explanation { section, text })
}

/// What a field of a packet means.
pub(crate) fn field(topic: &str) -> Option<Explanation> {
    of_row(FIELDS.iter().find(|(name, ..)| *name == topic))
}

/// What a message means.
pub(crate) fn message(message: &Message) -> Explanation {
    let unknown = Explanation { section: "RFC 2326, section 10", text: "A method that is not of the standard." };
    match message.what {
        What::Connected => CONNECTED,
        What::Request => of_row(METHODS.iter().find(|(name, ..)| *name == message.method)).unwrap_or(unknown),
        What::Answer(status) => STATUSES
            .iter()
            .find(|(number, ..)| *number == status)
            .map_or(LAB_ANSWER, |&(_, section, text)| Explanation { section, text }),
    }
}

/// What a header means.
pub(crate) fn header(line: &str) -> Option<Explanation> {
    let name = line.split(':').next().unwrap_or("").trim().to_ascii_lowercase();
    of_row(HEADERS.iter().find(|(header, ..)| *header == name))
}

/// What a line of a description means.
pub(crate) fn description(line: &str) -> Option<Explanation> {
    of_row(DESCRIPTION.iter().find(|(begin, ..)| line.starts_with(begin)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = (String, &'static str, &'static str)> {
        let rows = FIELDS.iter().chain(METHODS).chain(HEADERS).chain(DESCRIPTION);
        let rows = rows.map(|&(name, section, text)| (name.to_owned(), section, text));
        rows.chain(STATUSES.iter().map(|&(status, section, text)| (status.to_string(), section, text)))
    }

    #[test]
    fn each_is_short_a_sentence_and_names_a_standard() {
        for (name, section, text) in all() {
            assert!(text.len() <= 200 && text.ends_with('.'), "{name}: {} {text}", text.len());
            let is_named = section.starts_with("RFC ") && section.len() <= 48;
            assert!(is_named || text.starts_with("Not of the standard"), "{name}: {section}");
        }
    }

    #[test]
    fn each_stands_once_and_what_begins_alike_is_found() {
        let mut names: Vec<String> = all().map(|(name, ..)| name).collect();
        names.sort();
        // The fields and the headers about jitter and the like have names of their own.
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        assert!(description("a=rtpmap:26 JPEG/90000").unwrap().section.ends_with("section 6"));
        assert!(description("a=anything").unwrap().section.ends_with("5.13"));
        assert!(header("cseq : 1").is_some() && header("X-Own: 1").is_none());
    }
}
