//! What is played: each player with each thing that lets it in, and some without.

use super::detour::without_datagrams;
use super::opencv::OpenCv;
use super::ours::Ours;
use super::{Case, Playing};
use crate::interop::players::{Installation, Player, Transport};
use crate::peers::server::{self as peer, Running};
use anyhow::Result;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Whoever reads a log of the server must find it in none.
pub const PASSWORD: &str = "hunter-two-is-secret";
/// How long a player may take.
const PATIENCE: Duration = Duration::from_secs(25);
/// Options with which ffmpeg begins over UDP, and goes over to TCP where nothing comes for a second.
const UDP_THEN_TCP: &[&str] = &["-rtsp_transport", "udp+tcp", "-timeout", "1000000"];
/// The same from ports to which the server sends nothing: it refuses them.
const REFUSED_UDP_THEN_TCP: &[&str] = &["-rtsp_transport", "udp+tcp", "-min_port", "1900", "-max_port", "1901"];
/// How many frames are played of a server that others wrote.
pub const FOREIGN_FRAMES: usize = 48;

/// Our server, and what can be asked of it.
#[derive(Debug)]
pub struct Scene<'a> {
    /// Where it listens.
    pub plain: SocketAddr,
    /// Where it listens for TLS.
    pub private: &'a str,
    /// The query of a URL that lets its owner watch the film.
    pub token: &'a str,
    /// The film's pictures.
    pub expected: &'a [String],
}

impl<'a> Scene<'a> {
    fn with_password(&self, name: &str) -> String {
        format!("rtsp://anna:{PASSWORD}@{}/{name}", self.plain)
    }

    fn with_wrong_password(&self) -> String {
        format!("rtsp://anna:wrong@{}/film", self.plain)
    }

    fn in_tls(&self, name: &str) -> String {
        format!("rtsps://anna:{PASSWORD}@{}/{name}", self.private)
    }

    fn by_token(&self, server: impl std::fmt::Display) -> String {
        format!("{server}/film?token={}", self.token)
    }

    fn forged(&self) -> String {
        format!("rtsp://{}/offered?token={}", self.plain, self.token)
    }

    /// A player of others.
    pub fn of_others(&self, installation: &'a Installation) -> Result<Vec<Case<'a>>> {
        let mut cases = Vec::new();
        let mut add = |what, way: Option<Transport>, url: String, may: bool, options: &'static [&'static str]| {
            let play = move |folder: &Path| {
                let transport = way.unwrap_or(Transport::Udp);
                let played = installation.play_with(options, &url, transport, folder, PATIENCE)?;
                Ok(Playing { pictures: played.pictures, complaints: played.complaints })
            };
            cases.push(Case {
                what,
                player: installation.to_string(),
                way: way.map_or_else(|| "UDP, then TCP".to_owned(), |way| way.to_string()),
                expected: if may { self.expected } else { &[] },
                says: "",
                play: Box::new(play),
            });
        };
        let tcp = Some(Transport::Tcp);
        let (plain, private) = (format!("rtsp://{}", self.plain), format!("rtsps://{}", self.private));
        for way in Transport::ALL.map(Some) {
            add("password", way, self.with_password("film"), true, &[]);
            add("token", way, self.by_token(&plain), true, &[]);
            match installation.player {
                Player::Ffmpeg => add("password, SRTP by SDES", way, self.with_password("sealed"), true, &[]),
                Player::Gstreamer | Player::OpenRtsp => {
                    add("password, TLS, SRTP by MIKEY", way, self.in_tls("sealed"), true, &[]);
                }
            }
        }
        add("wrong password", tcp, self.with_wrong_password(), false, &[]);
        add("token of another stream", tcp, self.forged(), false, &[]);
        add("password, TLS", tcp, self.in_tls("offered"), true, &[]);
        add("token, TLS", tcp, self.by_token(&private), true, &[]);
        if installation.player == Player::Ffmpeg {
            // It asks for plain RTP, which TLS encrypts.
            add("password, TLS, encryption required", tcp, self.in_tls("required"), true, &[]);
            add("token, UDP refused", None, self.by_token(&plain), true, REFUSED_UDP_THEN_TCP);
            let detour = format!("rtsp://{}", without_datagrams(self.plain)?);
            add("token, UDP lost on the way", None, self.by_token(detour), true, UDP_THEN_TCP);
        }
        Ok(cases)
    }

    /// OpenCV, which must get these pictures.
    pub fn of_opencv(&self, opencv: &'a OpenCv, expected: &'a [String]) -> Vec<Case<'a>> {
        let mut cases = Vec::new();
        let mut add = |what, way: Transport, url: String, may: bool| {
            cases.push(Case {
                what,
                player: format!("OpenCV {}", opencv.version),
                way: way.to_string(),
                expected: if may { expected } else { &[] },
                says: "",
                play: Box::new(move |_: &Path| opencv.play(&url, way, PATIENCE)),
            });
        };
        for way in Transport::ALL {
            add("password", way, self.with_password("film"), true);
            add("token", way, self.by_token(format!("rtsp://{}", self.plain)), true);
            add("password, SRTP by SDES", way, self.with_password("sealed"), true);
        }
        add("wrong password", Transport::Tcp, self.with_wrong_password(), false);
        add("password, TLS", Transport::Tcp, self.in_tls("offered"), true);
        add("password, TLS, encryption required", Transport::Tcp, self.in_tls("required"), true);
        add("token, TLS", Transport::Tcp, self.by_token(format!("rtsps://{}", self.private)), true);
        cases
    }

    /// Our player.
    pub fn of_ours(&self, ours: &'a Ours) -> Vec<Case<'a>> {
        let mut cases = Vec::new();
        let mut add = |what, way: Transport, url: String, says: &'static str| {
            let expected = if says.is_empty() { self.expected } else { &[] };
            cases.push(our_case(ours, what, way, url, None, (expected, says)));
        };
        for way in Transport::ALL {
            add("password", way, self.with_password("film"), "");
            add("token", way, self.by_token(format!("rtsp://{}", self.plain)), "");
            add("password, SRTP by SDES", way, self.with_password("sealed"), "");
            add("password, TLS, SRTP by MIKEY", way, self.in_tls("sealed"), "");
        }
        let tcp = Transport::Tcp;
        add("password, TLS", tcp, self.in_tls("film"), "");
        add("token, TLS", tcp, self.by_token(format!("rtsps://{}", self.private)), "");
        add("wrong password", tcp, self.with_wrong_password(), "refuses this user and password");
        add("token of another stream", tcp, self.forged(), "wants a user name and a password");
        add("password, TLS, plain media over UDP", Transport::Udp, self.in_tls("film"), "over UDP others could watch");
        cases
    }
}

/// GStreamer's servers, each with something in the way.
#[derive(Debug)]
pub struct Foreign {
    /// TLS.
    pub tls: Running,
    /// TLS and Digest.
    pub digest: Running,
    /// TLS and Basic.
    pub basic: Running,
    /// SRTP, whose key everybody on the way can read.
    pub srtp: Running,
    /// TLS, Digest and SRTP.
    pub all: Running,
}

impl Foreign {
    /// Our player in front of them.
    pub fn cases<'a>(&'a self, ours: &'a Ours, expected: &'a [String]) -> Vec<Case<'a>> {
        let mut cases = Vec::new();
        let mut add = |what, way: Transport, server: &Running, password: Option<&str>, says: &'static str| {
            let credentials = |password| format!("://{}:{password}@", peer::USER);
            let url = password.map_or_else(|| server.url.clone(), |it| server.url.replace("://", &credentials(it)));
            let expected = if says.is_empty() { expected } else { &[] };
            cases.push(our_case(ours, what, way, url, Some(FOREIGN_FRAMES), (expected, says)));
        };
        let (tcp, right) = (Transport::Tcp, Some(peer::PASSWORD));
        add("of GStreamer: TLS", tcp, &self.tls, None, "");
        add("of GStreamer: TLS, Digest", tcp, &self.digest, right, "");
        add("of GStreamer: TLS, Digest, wrong", tcp, &self.digest, Some("wrong"), "refuses this user and password");
        add("of GStreamer: TLS, Basic", tcp, &self.basic, right, "");
        for way in Transport::ALL {
            add("of GStreamer: SRTP by MIKEY", way, &self.srtp, None, "");
            add("of GStreamer: TLS, Digest, SRTP by MIKEY", way, &self.all, right, "");
        }
        cases
    }
}

fn our_case<'a>(
    ours: &'a Ours,
    what: &'static str,
    way: Transport,
    url: String,
    frames: Option<usize>,
    (expected, says): (&'a [String], &'static str),
) -> Case<'a> {
    let transport = way.to_string().to_lowercase();
    let play = move |folder: &Path| ours.play(&url, &["--transport", &transport], frames, folder, PATIENCE);
    Case { what, player: "ours".to_owned(), way: way.to_string(), expected, says, play: Box::new(play) }
}
