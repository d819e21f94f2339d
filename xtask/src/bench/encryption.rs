//! What encryption takes of the server: the same film for as many viewers as it is, in TLS and as SRTP, in turns, so that what else
//! the machine does meets all of them alike.

use super::{FILM, Promise, TRIES, Values, film, measure as figures, program};
use crate::shell::release_program;
use anyhow::{Context, Result};

const VIEWERS: usize = 100;
/// How often all kinds are measured before the table is made. Each is compared with what was measured beside it.
const ROUNDS: usize = 5;

/// Targets: milliseconds of processor a stream and second, and KB a viewer, above the same without encryption.
const TLS_PROCESSOR_MS: f64 = 0.20;
const SRTP_PROCESSOR_MS: f64 = 0.70;
const TLS_VIEWER_KB: f64 = 14.0;

const HEAD: &str = "| media | processor, ms a stream-second | above without | KB a viewer | above without | server's memory, KiB | frames lost |\n\
                    |---|---:|---:|---:|---:|---:|---:|";

/// How media travels, as `load --transport` has it, what that is, and of which other kind it is an encrypted form.
struct Kind {
    name: &'static str,
    what: &'static str,
    plain: usize,
}

const KINDS: [Kind; 5] = [
    Kind { name: "tcp", what: "TCP", plain: 0 },
    Kind { name: "tls", what: "TCP in TLS", plain: 0 },
    Kind { name: "srtp-tcp", what: "SRTP over TCP", plain: 0 },
    Kind { name: "udp", what: "UDP", plain: 3 },
    Kind { name: "srtp-udp", what: "SRTP over UDP", plain: 3 },
];
const TLS: usize = 1;
const SRTP_UDP: usize = 4;

/// What was measured of each kind.
struct Measured {
    /// Of one viewer, who needs all that many need once.
    alone: Round,
    /// Of many, round by round.
    rounds: Vec<Round>,
}

type Round = [Values; KINDS.len()];

impl Measured {
    /// A figure of a kind, and how much that is above the same without encryption: medians.
    fn of(&self, kind: usize, name: &str) -> Result<(f64, f64)> {
        let (mut figures, mut above) = (Vec::new(), Vec::new());
        for round in &self.rounds {
            let (figure, plain) = (round[kind].of(name)?, round[KINDS[kind].plain].of(name)?);
            figures.push(figure);
            above.push(figure - plain);
        }
        Ok((median(figures)?, median(above)?))
    }

    /// A viewer's memory, and how much that is above the same without encryption, in KB.
    fn viewer_kb(&self, kind: usize) -> Result<(f64, f64)> {
        let of = |kind: usize| -> Result<f64> {
            let more = self.of(kind, "peak_kib")?.0 - self.alone[kind].of("peak_kib")?;
            Ok(more * 1.024 / (VIEWERS - 1) as f64)
        };
        let viewer = of(kind)?;
        Ok((viewer, viewer - of(KINDS[kind].plain)?))
    }

    fn is_good(&self) -> Result<bool> {
        let (tls, srtp) = (self.of(TLS, "processor_ms")?.1, self.of(SRTP_UDP, "processor_ms")?.1);
        Ok(tls <= TLS_PROCESSOR_MS && srtp <= SRTP_PROCESSOR_MS && self.viewer_kb(TLS)?.1 <= TLS_VIEWER_KB)
    }
}

fn median(mut figures: Vec<f64>) -> Result<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().context("nothing was measured")
}

/// Streams of all kinds, and connections.
pub(super) fn measure(seconds: u64) -> Result<Vec<Promise>> {
    let (server, film) = (release_program("mutoscope-server")?, film(FILM)?);
    let round = |viewers: usize, seconds: u64| -> Result<Round> {
        let mut round = Round::default();
        for (kind, values) in KINDS.iter().zip(&mut round) {
            let mut command = program("load")?;
            command.args(["--values", "--path", FILM, "--transport", kind.name]);
            command.args(["--seconds", &seconds.to_string(), "--viewers", &viewers.to_string()]);
            *values = figures(command.arg("--server").arg(&server).args(["--", "--loop"]).arg(&film))?;
        }
        Ok(round)
    };
    let mut measured = Measured { alone: round(1, 1)?, rounds: Vec::new() };
    for _ in 0..TRIES {
        for _ in 0..ROUNDS {
            measured.rounds.push(round(VIEWERS, seconds)?);
        }
        if measured.is_good()? {
            break;
        }
    }
    println!("{HEAD}");
    for (kind, Kind { what, .. }) in KINDS.iter().enumerate() {
        let (processor, above) = measured.of(kind, "processor_ms")?;
        let (viewer, more) = measured.viewer_kb(kind)?;
        let (peak, lost) = (measured.of(kind, "peak_kib")?.0, measured.of(kind, "lost")?.0);
        println!("| {what} | {processor:.3} | {above:+.3} | {viewer:.1} | {more:+.1} | {peak} | {lost} |");
    }
    let mut handshakes = program("handshakes")?;
    let handshakes = figures(handshakes.arg("--server").arg(&server))?;
    promises(&measured, &handshakes)
}

fn promises(measured: &Measured, handshakes: &Values) -> Result<Vec<Promise>> {
    let count = measured.rounds.len();
    let mut promises = Vec::new();
    for (kind, most) in [(TLS, Some(TLS_PROCESSOR_MS)), (2, None), (SRTP_UDP, Some(SRTP_PROCESSOR_MS))] {
        let (processor, above) = measured.of(kind, "processor_ms")?;
        let Kind { what, plain, .. } = &KINDS[kind];
        let without = KINDS[*plain].what;
        promises.push(Promise {
            what: format!("{what}: processor time a stream and second above {without}, {VIEWERS} viewers"),
            target: most.map(|most| format!("<= {most:.2} ms")).unwrap_or_default(),
            measured: format!("{above:.3} ms, of {processor:.3} ms; median of {count} rounds"),
            reached: most.is_none_or(|most| above <= most),
        });
    }
    for (kind, most) in [(TLS, Some(TLS_VIEWER_KB)), (SRTP_UDP, None)] {
        let ((viewer, above), Kind { what, plain, .. }) = (measured.viewer_kb(kind)?, &KINDS[kind]);
        promises.push(Promise {
            what: format!("{what}: memory of a viewer above {}", KINDS[*plain].what),
            target: most.map(|most| format!("<= {most} KB")).unwrap_or_default(),
            measured: format!("{above:.1} KB, of {viewer:.1} KB"),
            reached: most.is_none_or(|most| above <= most),
        });
    }
    let (plain, full, resumed) = (handshakes.of("plain_us")?, handshakes.of("full_us")?, handshakes.of("resumed_us")?);
    promises.push(Promise {
        what: "connections in TLS, each with a request: full handshakes and resumed ones a second of one core".into(),
        target: String::new(),
        measured: format!(
            "{:.0} and {:.0} ({full:.0} and {resumed:.0} µs; {plain:.0} µs without TLS)",
            1e6 / full,
            1e6 / resumed
        ),
        reached: true,
    });
    Ok(promises)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_compared_with_what_was_measured_beside_them() {
        let round = |tcp: f64, tls: f64| {
            let value = |ms: f64| Values::parse(&format!("processor_ms={ms} peak_kib={}", ms * 1000.0));
            [value(tcp), value(tls), value(0.0), value(0.0), value(0.0)]
        };
        let measured =
            Measured { alone: round(0.01, 0.02), rounds: vec![round(0.3, 0.4), round(1.3, 1.4), round(0.3, 1.5)] };
        let (figure, above) = measured.of(TLS, "processor_ms").unwrap();
        assert!((figure - 1.4).abs() < 1e-9 && (above - 0.1).abs() < 1e-9, "{figure} {above}");
        let (viewer, above) = measured.viewer_kb(TLS).unwrap();
        assert!(
            (viewer - 1380.0 * 1.024 / 99.0).abs() < 1e-9 && (above - 1090.0 * 1.024 / 99.0).abs() < 1e-9,
            "{viewer} {above}"
        );
        assert!(measured.is_good().unwrap());
    }
}
