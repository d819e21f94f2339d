//! The methods that copies of the exercise have added to SETUP, PLAY, PAUSE and TEARDOWN, and what each is to do.

use super::length::micros;
use super::{Layout, Request, VARIANTS};
use crate::wire::text::{decimal, trim};

/// What a request of an added method asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Extra {
    /// CONNECT: a session without a file. It tells the client's port, so that SETUP does not.
    Connect,
    /// DESCRIBE.
    Describe,
    /// The names of what can be played.
    List(Listing),
    /// CHANGE, NEXT and BACK: another file is meant from now on, and nothing plays.
    Change,
    /// Another frame comes next.
    Move(Move),
    /// SPEEDUP: a few frames a second more.
    Faster,
    /// RESOLUTION: there is only one.
    Nothing,
}

/// How names are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Listing {
    /// SWITCH: five at most, and nothing plays any more.
    Switch,
    /// GETLIST: with their number.
    All,
}

/// A move within the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Move {
    /// Where to.
    pub to: Target,
    /// Nothing plays any more, until PLAY.
    pub stops: bool,
    /// The client expects an answer. One that does not would take it for that of another request.
    pub is_answered: bool,
}

/// The frame that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Target {
    /// So many frames further, or back.
    By(i32),
    /// So many tenths of the file further, or back.
    ByTenths(i32),
    /// That with this many before it.
    Frame(u32),
    /// At so many millionths of the file.
    Millionths(u32),
}

impl Target {
    /// The number of frames before it, in a file of `count`, where the next one would have been `at`.
    pub fn resolve(self, at: u32, count: u32) -> u32 {
        let by = |distance: i64| i64::from(at).saturating_add(distance).max(0);
        let frame = match self {
            Self::By(frames) => by(frames.into()),
            Self::ByTenths(tenths) => by(i64::from(count).saturating_mul(tenths.into()) / 10),
            Self::Frame(frame) => frame.into(),
            Self::Millionths(part) => i64::from(count).saturating_mul(part.into()) / 1_000_000,
        };
        u32::try_from(frame).unwrap_or(u32::MAX).min(count.saturating_sub(1))
    }
}

/// The added methods.
pub(crate) const NAMES: [&str; 16] = [
    "CONNECT",
    "DESCRIBE",
    "GETLIST",
    "SWITCH",
    "CHANGE",
    "NEXT",
    "BACK",
    "FORWARD",
    "BACKWARD",
    "FASTFORWARD",
    "REWIND",
    "STOP",
    "SETTIME",
    "SEEK",
    "SPEEDUP",
    "RESOLUTION",
];

/// Whether a method is one of those that are carried out.
pub fn is_known(method: &str) -> bool {
    VARIANTS && NAMES.contains(&method)
}

impl Extra {
    /// What a request asks for. `is_repeated`: it has the number of the request before it. `None`: its method is not one of these,
    /// or it does not say what it needs to.
    pub fn of(request: &Request<'_>, is_repeated: bool) -> Option<Self> {
        if !VARIANTS {
            return None;
        }
        // The two copies that move by frames mean different things by the same names.
        let is_broken = request.layout == Layout::BrokenOrder;
        let moves = |to, stops, is_answered| Self::Move(Move { to, stops, is_answered });
        let jump = |frames: i32| {
            if is_broken { moves(Target::By(frames), true, true) } else { moves(Target::By(frames), false, false) }
        };
        let value = |name| request.headers.first(name).map(trim);
        Some(match request.method.name() {
            "CONNECT" => Self::Connect,
            "DESCRIBE" => Self::Describe,
            "GETLIST" => Self::List(Listing::All),
            "SWITCH" => Self::List(Listing::Switch),
            "CHANGE" | "NEXT" | "BACK" => Self::Change,
            "FORWARD" => moves(Target::ByTenths(1), false, false),
            // The copy that moves by tenths does not count this request.
            "BACKWARD" if is_repeated => moves(Target::ByTenths(-1), false, false),
            "BACKWARD" => moves(Target::By(-60), false, false),
            "FASTFORWARD" => jump(if is_broken { 40 } else { 60 }),
            "REWIND" => moves(Target::By(-40), true, true),
            "STOP" => moves(Target::Frame(0), true, true),
            "SETTIME" => moves(Target::Frame(decimal(value("FRAME")?)?), false, true),
            "SEEK" => moves(Target::Millionths(u32::try_from(micros(value("X-Seek")?)?).ok()?), false, true),
            "SPEEDUP" => Self::Faster,
            "RESOLUTION" => Self::Nothing,
            _ => return None,
        })
    }
}

#[cfg(all(test, feature = "lab"))]
mod tests {
    use super::super::{Parsed, parse_request_in};
    use super::*;
    use std::format;

    fn of(text: &str, layout: Layout, is_repeated: bool) -> Option<Extra> {
        match parse_request_in(text.as_bytes(), layout) {
            Parsed::Complete(request, _) | Parsed::Pending(request, _) => Extra::of(&request, is_repeated),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    const fn moves(to: Target, stops: bool, is_answered: bool) -> Option<Extra> {
        Some(Extra::Move(Move { to, stops, is_answered }))
    }

    #[test]
    fn each_copys_methods_mean_what_its_server_does() {
        for (method, headers, is_repeated, expected) in [
            ("FORWARD", "", false, moves(Target::ByTenths(1), false, false)),
            ("BACKWARD", "", true, moves(Target::ByTenths(-1), false, false)),
            ("BACKWARD", "", false, moves(Target::By(-60), false, false)),
            ("FASTFORWARD", "", false, moves(Target::By(60), false, false)),
            ("SETTIME", "FRAME: 500", false, moves(Target::Frame(500), false, true)),
            ("SETTIME", "", false, None),
            ("SETTIME", "FRAME: -1", false, None),
            ("SEEK", "X-Seek: 0.500000", false, moves(Target::Millionths(500_000), false, true)),
            ("SEEK", "X-Seek: half", false, None),
            ("SWITCH", "", false, Some(Extra::List(Listing::Switch))),
            ("GETLIST", "", false, Some(Extra::List(Listing::All))),
            ("NEXT", "", false, Some(Extra::Change)),
            ("RESOLUTION", "X-Resolution: 480\nX-Profile: LOW", false, Some(Extra::Nothing)),
            ("DESCRIBE", "Sesssion: 3", false, Some(Extra::Describe)),
            ("EXPLODE", "", false, None),
        ] {
            let text = format!("{method} movie.Mjpeg RTSP/1.0\nCSeq: 3\nSession: 1\n{headers}");
            assert_eq!(of(&text, Layout::Classic, is_repeated), expected, "{method} {headers}");
            assert_eq!(is_known(method), method != "EXPLODE");
        }
        for (text, expected) in [
            ("FASTFORWARD \n 3", moves(Target::By(40), true, true)),
            ("REWIND \n 4", moves(Target::By(-40), true, true)),
            ("STOP \n 5", moves(Target::Frame(0), true, true)),
            ("SPEEDUP movie.Mjpeg\n 6", Some(Extra::Faster)),
        ] {
            assert_eq!(of(text, Layout::BrokenOrder, false), expected, "{text:?}");
        }
        assert_eq!(
            of("CONNECT RTSP/1.0\nCSeq: 1\nTransport: RTP/UDP; client_port= 5", Layout::Classic, false),
            Some(Extra::Connect)
        );
    }

    #[test]
    fn moves_stay_in_the_file() {
        for (to, at, count, expected) in [
            (Target::By(60), 10, 500, 70),
            (Target::By(60), 490, 500, 499),
            (Target::By(-60), 10, 500, 0),
            (Target::ByTenths(1), 10, 500, 60),
            (Target::ByTenths(-1), 60, 500, 10),
            (Target::Frame(7), 300, 500, 7),
            (Target::Frame(u32::MAX), 300, 500, 499),
            (Target::Millionths(500_000), 0, 500, 250),
            (Target::Millionths(u32::MAX), 0, 500, 499),
            (Target::By(i32::MIN), u32::MAX, u32::MAX, u32::MAX - 0x8000_0000),
            (Target::By(5), 0, 0, 0),
        ] {
            assert_eq!(to.resolve(at, count), expected, "{to:?} of {at} in {count}");
        }
    }
}
