//! The client of the classic lab, as strict as the original. An answer that the original could not read is an error here.
//!
//! It sends a request with one `send`, lines separated by LF, without a blank line and mostly without a last LF. It takes what
//! one `recv` of 1024 bytes returns for the whole reply, splits it at LF, and converts the second words of the second and third
//! line to numbers before it looks at the status. It ignores replies to other requests and of other sessions. From its UDP
//! port it reads 20,480 bytes a datagram, cuts off 12 bytes, and drops what is older than the last frame it showed. As several copies
//! do, it puts packets of one number together up to the one with the marker.

use anyhow::{Context, Result, bail, ensure};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// How one copy of the lab writes its requests. The client fills in `{file}`, `{cseq}`, `{session}` and `{port}`.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// The property by which this spelling is known.
    pub name: &'static str,
    setup: &'static str,
    /// The other requests. `{method}` is PLAY, PAUSE or TEARDOWN.
    other: &'static str,
}

/// The spellings of copies that have been published.
pub const SPELLINGS: &[Spelling] = &[
    Spelling {
        name: "classic",
        setup: "SETUP {file} RTSP/1.0\nCSeq: {cseq}\nTransport: RTP/UDP; client_port= {port}",
        other: "{method} {file} RTSP/1.0\nCSeq: {cseq}\nSession: {session}",
    },
    Spelling {
        name: "final LF",
        setup: "SETUP {file} RTSP/1.0\nCSeq: {cseq}\nTransport: RTP/UDP; client_port= {port}\n",
        other: "{method} {file} RTSP/1.0\nCSeq: {cseq}\nSession: {session}\n",
    },
    Spelling {
        name: "blank line",
        setup: "SETUP {file} RTSP/1.0\nCSeq: {cseq}\nTransport: RTP/UDP; client_port= {port}\n\n",
        other: "{method} {file} RTSP/1.0\nCSeq: {cseq}\nSession: {session}\n\n",
    },
    Spelling {
        name: "no space before the port",
        setup: "SETUP {file} RTSP/1.0\nCSeq: {cseq}\nTransport: RTP/UDP;client_port={port}",
        other: "{method} {file} RTSP/1.0\nCSeq: {cseq}\nSession: {session}",
    },
    Spelling {
        name: "TCP/UDP with spaces all over",
        setup: "SETUP {file} RTSP/1.0\nCSeq: {cseq}\nTransport: TCP/UDP ; client_port = {port}",
        other: "{method} {file} RTSP/1.0\nCSeq: {cseq}\nSession: {session}",
    },
    Spelling {
        name: "capitals",
        setup: "SETUP {file} RTSP/1.0\nCSEQ: {cseq}\nTRANSPORT: RTP/UDP; Client_port= {port}",
        other: "{method} {file} RTSP/1.0\nCSEQ: {cseq}\nSESSION: {session}",
    },
    Spelling {
        name: "RTP/AVP",
        setup: "SETUP {file} RTSP/1.0\nCSeq: {cseq}\nTransport: RTP/AVP;unicast;client_port={port}",
        other: "{method} {file} RTSP/1.0\nCSeq: {cseq}\nSession: {session}",
    },
    Spelling {
        name: "CRLF",
        setup: "SETUP {file} RTSP/1.0\r\nCSeq: {cseq}\r\nTransport: RTP/UDP; client_port= {port}\r\n\r\n",
        other: "{method} {file} RTSP/1.0\r\nCSeq: {cseq}\r\nSession: {session}\r\n\r\n",
    },
    Spelling {
        name: "CRLF, no blank line",
        setup: "SETUP {file} RTSP/1.0\r\nCSeq: {cseq}\r\nTransport: RTP/UDP;client_port={port}\r\n",
        other: "{method} {file} RTSP/1.0\r\nCSeq: {cseq}\r\nSession: {session}\r\n",
    },
    // In these two, the version is not where it belongs, the headers have no names, and there is no session.
    Spelling {
        name: "broken order",
        setup: "SETUP {file}\n{cseq}\n RTSP/1.0 RTP/UDP {port}",
        other: "{method} \n{cseq}",
    },
    Spelling {
        name: "broken order with spaces",
        setup: "SETUP {file}\n {cseq} \n RTSP/1.0 RTP/UDP {port}",
        other: "{method} \n {cseq}",
    },
];

/// How many bytes the client reads from its UDP port at once.
const DATAGRAM: usize = 20_480;
/// How many bytes it cuts off as the RTP header.
const HEADER: usize = 12;

/// The numbers of a reply that the client looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The second word of the first line.
    pub status: u16,
    /// The second word of the third line.
    pub session: i64,
}

/// One frame that the client would show.
#[derive(Debug, PartialEq, Eq)]
pub struct LabFrame {
    /// The frame's number, which is the packet's sequence number.
    pub number: u16,
    /// The rest of the datagram.
    pub jpeg: Vec<u8>,
}

/// A client of the lab's dialect with one connection.
#[derive(Debug)]
pub struct LabClient {
    spelling: Spelling,
    file: String,
    control: TcpStream,
    media: UdpSocket,
    cseq: u32,
    session: i64,
    last_frame: u16,
    /// The frame that is being put together, by its number.
    part: (u16, Vec<u8>),
}

impl LabClient {
    /// Connects without sending a request.
    pub fn connect(server: SocketAddr, file: &str, spelling: Spelling) -> Result<Self> {
        let control = TcpStream::connect(server)?;
        control.set_read_timeout(Some(Duration::from_secs(3)))?;
        control.set_nodelay(true)?;
        let media = UdpSocket::bind((server.ip(), 0))?;
        media.set_read_timeout(Some(Duration::from_millis(500)))?;
        Ok(Self {
            spelling,
            file: file.into(),
            control,
            media,
            cseq: 0,
            session: 0,
            last_frame: 0,
            part: (0, Vec::new()),
        })
    }

    /// Sends SETUP and waits for the reply.
    pub fn setup(&mut self) -> Result<Reply> {
        let port = self.media.local_addr()?.port();
        self.exchange(self.spelling.setup.replace("{port}", &port.to_string()))
    }

    /// Sends PLAY, PAUSE, TEARDOWN or any other method, and waits for the reply.
    pub fn request(&mut self, method: &str) -> Result<Reply> {
        self.exchange(self.spelling.other.replace("{method}", method))
    }

    fn exchange(&mut self, request: String) -> Result<Reply> {
        self.cseq += 1;
        let request = request
            .replace("{file}", &self.file)
            .replace("{cseq}", &self.cseq.to_string())
            .replace("{session}", &self.session.to_string());
        self.control.write_all(request.as_bytes())?;
        loop {
            let mut buffer = [0; 1024];
            let n = self.control.read(&mut buffer).with_context(|| format!("no reply to {request:?}"))?;
            ensure!(n > 0, "the connection ended instead of a reply to {request:?}");
            let text = std::str::from_utf8(&buffer[..n])?;
            let (cseq, reply) = read_reply(text).with_context(|| format!("the reply {text:?} to {request:?}"))?;
            if cseq != i64::from(self.cseq) {
                continue;
            }
            if self.session == 0 {
                self.session = reply.session;
            }
            // The original waits for ever if the reply names another session.
            ensure!(self.session == reply.session, "session {} became {}", self.session, reply.session);
            return Ok(reply);
        }
    }

    /// Waits for the next frame that the client would show. Returns `None` after `patience` without one.
    pub fn frame(&mut self, patience: Duration) -> Result<Option<LabFrame>> {
        let begin = Instant::now();
        let mut buffer = [0; DATAGRAM];
        while begin.elapsed() < patience {
            self.media
                .set_read_timeout(Some(patience.saturating_sub(begin.elapsed()).max(Duration::from_millis(1))))?;
            let n = match self.media.recv(&mut buffer) {
                Ok(n) => n,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Err(error) => return Err(error.into()),
            };
            let (header, jpeg) = buffer[..n].split_at_checked(HEADER).context("a datagram of less than 12 bytes")?;
            let number = u16::from_be_bytes([header[2], header[3]]);
            if number > self.last_frame {
                let is_part = self.part.0 == number;
                // The client looks at nothing else in the header, but the lab's text says what the other fields must be.
                ensure!(
                    header[0] == 0x80 && header[1] & 0x7f == 26,
                    "RTP header {header:02x?}: version 2, payload type 26"
                );
                ensure!(header[8..] == [0; 4], "RTP header {header:02x?}: SSRC 0");
                if !is_part {
                    self.part = (number, Vec::new());
                }
                self.part.1.extend_from_slice(jpeg);
                if header[1] & 0x80 != 0 {
                    self.last_frame = number;
                    return Ok(Some(LabFrame { number, jpeg: std::mem::take(&mut self.part.1) }));
                }
            }
        }
        Ok(None)
    }

    /// Waits until the server closes the connection. Bytes that come before are an error.
    pub fn expect_close(mut self) -> Result<()> {
        self.control.shutdown(Shutdown::Write)?;
        let mut rest = Vec::new();
        self.control.read_to_end(&mut rest).context("the server did not close")?;
        ensure!(rest.is_empty(), "bytes behind the last reply: {:?}", String::from_utf8_lossy(&rest));
        Ok(())
    }
}

/// Reads a reply as the original does. Returns its CSeq and its other numbers.
fn read_reply(text: &str) -> Result<(i64, Reply)> {
    let lines: Vec<&str> = text.split('\n').collect();
    let number = |line: usize| -> Result<i64> {
        let line = lines.get(line).with_context(|| format!("has no line {line}"))?;
        let word = line.split(' ').nth(1).with_context(|| format!("line {line:?} has no second word"))?;
        // Python's int() takes white space around the number.
        word.trim().parse().with_context(|| format!("{word:?} is not a number"))
    };
    let (cseq, session, status) = (number(1)?, number(2)?, number(0)?);
    Ok((cseq, Reply { status: u16::try_from(status)?, session }))
}

/// Plays `file` in one spelling: SETUP, PLAY, in the middle PAUSE and PLAY, TEARDOWN. `frames` are the file's frames.
/// Returns how many came.
pub fn play(server: SocketAddr, file: &str, frames: &[Vec<u8>], spelling: Spelling) -> Result<usize> {
    let expected: Vec<(u16, &Vec<u8>)> = (1..).zip(frames).collect();
    let mut client = LabClient::connect(server, file, spelling)?;
    let setup = client.setup()?;
    ensure!(setup.status == 200 && setup.session > 0, "SETUP: {setup:?}");
    // The original server does not answer PAUSE here, so that its clients hang. This one must answer.
    let early = client.request("PAUSE")?.status;
    ensure!(matches!(early, 200 | 455), "PAUSE before PLAY: {early}");
    let unknown = client.request("EXPLODE")?.status;
    ensure!(unknown == 501, "EXPLODE: {unknown}");
    ensure!(client.request("PLAY")?.status == 200, "PLAY was refused");
    let mut count = 0;
    let middle = expected.len() / 3;
    for (number, jpeg) in &expected {
        if count == middle {
            pause(&mut client)?;
        }
        let Some(frame) = client.frame(Duration::from_secs(8))? else {
            bail!("nothing came instead of frame {number}")
        };
        ensure!(frame.number == *number, "frame {} instead of {number}", frame.number);
        ensure!(frame.jpeg == **jpeg, "frame {number} is not the file's");
        count += 1;
    }
    ensure!(client.frame(Duration::from_millis(100))?.is_none(), "a frame behind the last");
    ensure!(client.request("TEARDOWN")?.status == 200, "TEARDOWN was refused");
    client.expect_close()?;
    Ok(count)
}

/// Sends PAUSE and then PLAY. A frame may have left before the server read PAUSE, but after a moment nothing more may come.
fn pause(client: &mut LabClient) -> Result<()> {
    ensure!(client.request("PAUSE")?.status == 200, "PAUSE was refused");
    // A frame that is in the socket now left before PAUSE. Peeking leaves it there, so that it is played afterwards.
    std::thread::sleep(Duration::from_millis(50));
    let before = client.pending()?;
    std::thread::sleep(Duration::from_millis(200));
    ensure!(client.pending()? == before, "frames come while paused");
    ensure!(client.request("PLAY")?.status == 200, "PLAY after PAUSE was refused");
    Ok(())
}

impl LabClient {
    /// Returns the length of the first datagram that waits, or 0 if none does.
    fn pending(&self) -> Result<usize> {
        self.media.set_nonblocking(true)?;
        let peeked = self.media.peek(&mut [0; DATAGRAM]);
        self.media.set_nonblocking(false)?;
        match peeked {
            Ok(n) => Ok(n),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}

/// Checks the answers to mistakes: SETUP of a file that does not exist, PLAY before SETUP, TEARDOWN before PLAY.
pub fn mistakes(server: SocketAddr, file: &str) -> Result<()> {
    let classic = SPELLINGS[0];
    let missing = LabClient::connect(server, "no-such-file.Mjpeg", classic)?.setup()?;
    ensure!(missing.status == 404, "SETUP of a missing file: {missing:?}");
    let mut client = LabClient::connect(server, file, classic)?;
    let early = client.request("PLAY")?;
    ensure!(matches!(early.status, 454 | 455), "PLAY before SETUP: {early:?}");
    let mut client = LabClient::connect(server, file, classic)?;
    client.setup()?;
    ensure!(client.request("TEARDOWN")?.status == 200, "TEARDOWN before PLAY was refused");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_reply_is_read_as_python_would() {
        let good = |text| read_reply(text).unwrap();
        let reply = (3, Reply { status: 200, session: 123_456 });
        assert_eq!(good("RTSP/1.0 200 OK\nCSeq: 3\nSession: 123456\n\n"), reply);
        assert_eq!(good("RTSP/1.0 200 OK\nCSeq: 3\nSession: 123456"), reply);
        assert_eq!(good("RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 123456\r\n\r\n"), reply);
        for bad in [
            "RTSP/1.0 200 OK\nSession: 123456\nCSeq:3\n\n",
            "RTSP/1.0 200 OK\nCSeq: 3\nSession: 123456;timeout=60\n\n",
            "RTSP/1.0 404 Not Found\nCSeq: 3\n\n",
            "RTSP/1.0 200 OK\nCSeq: 3\nServer: x\nSession: 123456\n\n",
        ] {
            assert!(read_reply(bad).is_err(), "{bad:?}");
        }
    }

    /// Starts a server that answers each request with the next of `replies`.
    fn server(replies: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for reply in replies {
                let n = stream.read(&mut [0; 1024]).unwrap();
                assert!(n > 0);
                stream.write_all(reply.as_bytes()).unwrap();
            }
        });
        address
    }

    #[test]
    fn another_session_is_an_error_and_another_request_is_waited_out() {
        let replies = &["RTSP/1.0 200 OK\nCSeq: 1\nSession: 5\n\n", "RTSP/1.0 200 OK\nCSeq: 2\nSession: 6\n\n"];
        let mut client = LabClient::connect(server(replies), "f", SPELLINGS[0]).unwrap();
        assert_eq!(client.setup().unwrap(), Reply { status: 200, session: 5 });
        assert!(client.request("PLAY").unwrap_err().to_string().contains("session 5 became 6"));
    }

    #[test]
    fn frames_that_are_not_newer_are_dropped() {
        let mut client = LabClient::connect(server(&[]), "f", SPELLINGS[0]).unwrap();
        let to = client.media.local_addr().unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for sequence in [1, 3, 2, 3, 4] {
            sender.send_to(&[0x80, 0x9a, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 0, sequence], to).unwrap();
        }
        let patience = Duration::from_millis(50);
        let numbers: Vec<_> =
            std::iter::from_fn(|| client.frame(patience).unwrap()).map(|frame| (frame.number, frame.jpeg)).collect();
        assert_eq!(numbers, [(1, vec![1]), (3, vec![3]), (4, vec![4])]);
    }
}
