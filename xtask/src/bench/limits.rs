//! What happens where more is asked of a server than fits, what it takes while nothing happens, what the kernel holds for those who
//! read and those who do not, and what a second thread costs. The tables go into docs/costs.md.

use super::crowd::{Film, LIMITS, most_viewers, write_between};
use super::{CARD, FILM, Values, measure as figures, program};
use crate::shell::{release_program, root};
use anyhow::{Context, Result};
use clap::ValueEnum;

const TRANSPORTS: [&str; 2] = ["udp", "tcp"];
const VIEWERS: usize = 1000;
const FRAME_RATE: u32 = 24;
/// A core that is asked for so many frames a second by each of that many viewers has more than it can do, surely.
const MOST_RATE: u32 = 400;
/// Where less than this is delivered, the core has more than it can do.
const WHOLE: f64 = 0.95;
/// So much of what it delivers is asked of it then.
const BEYOND: f64 = 1.3;
/// So much of the median's frames should each viewer get in each 5 s.
const LEAST_SHARE: f64 = 0.9;

/// A part of `--only load`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Section {
    /// 1 to 2,000 viewers of three senders, into the README
    Crowds,
    /// 130 % of what a core can deliver: whether all viewers get their share
    Beyond,
    /// Paused viewers, idle connections, and what the kernel holds for those who read and those who do not
    Rest,
    /// One thread and two on the same core
    Threads,
    /// 1, 10 and 100 viewers, beside the project's targets
    Targets,
}

impl Section {
    pub(super) const ALL: [Self; 5] = [Self::Crowds, Self::Beyond, Self::Rest, Self::Threads, Self::Targets];
}

/// One run of the load tool against our server, each kept to a core.
struct Run<'a> {
    transport: &'a str,
    manner: &'a str,
    path: &'a str,
    viewers: usize,
    frame_rate: u32,
    threads: usize,
    seconds: u64,
}

impl Run<'_> {
    fn values(&self, film: &Film) -> Result<Values> {
        let mut command = program("load")?;
        command.args(["--values", "--pin", "--transport", self.transport, "--manner", self.manner]);
        command.args(["--path", self.path, "--viewers", &self.viewers.to_string()]);
        command.args(["--seconds", &self.seconds.to_string(), "--frame-rate", &self.frame_rate.to_string()]);
        command.arg("--server").arg(release_program("mutoscope-server")?);
        command.args(["--", "--loop", "--threads", &self.threads.to_string()]);
        if self.path == FILM {
            command.arg(&film.path);
        }
        figures(&mut command)
    }

    /// The part of what is asked for that comes, as whole frames.
    fn delivered(&self, values: &Values) -> Result<f64> {
        let asked = self.viewers as f64 * f64::from(self.frame_rate) * self.seconds as f64;
        Ok(values.of("frames")? / asked)
    }
}

/// Measures these sections, and writes their tables where all were measured.
pub(super) fn measure(sections: &[Section], rounds: usize, seconds: u64) -> Result<()> {
    let film = Film::make()?;
    let viewers = VIEWERS.min(most_viewers()?);
    let mut text = Vec::new();
    for section in [Section::Beyond, Section::Rest, Section::Threads] {
        if !sections.contains(&section) {
            continue;
        }
        let table = match section {
            Section::Beyond => beyond(&film, viewers, rounds, seconds.max(10))?,
            Section::Rest => format!("{}\n{}", rest(&film, viewers)?, held(&film, viewers, seconds)?),
            _ => threads(&film, viewers, rounds, seconds)?,
        };
        println!("\n{table}");
        text.push(table);
    }
    if text.len() == 3 {
        write_between(&root().join("docs/costs.md"), LIMITS, &format!("{}\n", text.join("\n")))?;
    }
    Ok(())
}

/// More is asked for than the server's core can do: by twice as many frames a second until less comes, and then by as many as are
/// 130 % of what came. All viewers are set up before the first one plays, so that none is refused.
fn beyond(film: &Film, viewers: usize, rounds: usize, seconds: u64) -> Result<String> {
    let mut text = format!(
        "**More than fits.** {viewers} viewers at as many frames of {:.1} KB a second as are 130 % of what a core has delivered, {seconds} s each. The share is the least \
         of the median's frames that any viewer got in any 5 s (at least {LEAST_SHARE} is wanted); silent is who got nothing in some 5 s. \
         Where the server has its core for much less than all of the time, the viewers' had more than it can do, or other programs had them.\n\n\
         | transport | frames a second asked, delivered | least share | silent | longest gap, ms | the server has its core | waits for it, viewers for theirs | the machine stood still, ms |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
        film.frame_bytes as f64 / 1e3
    );
    for transport in TRANSPORTS {
        let run = |frame_rate, seconds| {
            let run = Run { transport, manner: "watching", path: FILM, viewers, frame_rate, threads: 1, seconds };
            let values = run.values(film)?;
            let delivered = run.delivered(&values)?;
            println!("{transport}: {frame_rate} frames a second asked, {:.1} % delivered", delivered * 100.0);
            Ok::<_, anyhow::Error>((values, delivered))
        };
        let mut rate = FRAME_RATE;
        let delivered = loop {
            let (_, delivered) = run(rate, 5)?;
            if delivered < WHOLE || rate > MOST_RATE {
                break delivered;
            }
            rate *= 2;
        };
        let asked = offered(rate, delivered);
        for _ in 0..rounds {
            let (values, delivered) = run(asked, seconds)?;
            text.push_str(&beyond_line(transport, (viewers, seconds), (asked, delivered), &values)?);
        }
    }
    Ok(text)
}

/// Frames a second that are more than what was delivered of these.
fn offered(rate: u32, delivered: f64) -> u32 {
    (f64::from(rate) * delivered * BEYOND).ceil().max(1.0) as u32
}

fn beyond_line(
    transport: &str,
    (viewers, seconds): (usize, u64),
    (asked, delivered): (u32, f64),
    values: &Values,
) -> Result<String> {
    let share = |name: &str| Ok::<_, anyhow::Error>(values.of(name)? / seconds as f64 / 10.0);
    Ok(format!(
        "| {} | {asked}, {:.1} | {:.2} | {} | {:.0} | {:.0} % | {:.0} %, {:.0} % | {:.0} |\n",
        transport.to_uppercase(),
        f64::from(asked) * delivered,
        values.of("least_share")?,
        values.of("silent")?,
        values.of("gap_ms")?,
        values.of("processor_ms")? * viewers as f64 / 10.0,
        share("waited_ms")?,
        share("viewers_waited_ms")?,
        values.of("stood_ms")?,
    ))
}

/// Nothing happens.
fn rest(film: &Film, viewers: usize) -> Result<String> {
    let run = |manner, viewers, seconds| {
        let run = Run { transport: "tcp", manner, path: FILM, viewers, frame_rate: FRAME_RATE, threads: 1, seconds };
        run.values(film)
    };
    let paused = run("paused", 100, 10)?;
    let mut text = format!(
        "**At rest.** Voluntary context switches in 10 s with 100 paused viewers of a film, one thread: {} of the loop that serves them (its deadlines are \
         reports), {} of all threads (of these, two look every half second whether a file has changed).\n\n\
         | {viewers} connections that have | resident memory of each, bytes |\n|---|---:|\n",
        paused.of("first_sleeps")?,
        paused.of("sleeps")?,
    );
    for (manner, name) in [("silent", "sent nothing"), ("asked", "sent OPTIONS once"), ("paused", "played, and pause")]
    {
        let values = run(manner, viewers, 3)?;
        text.push_str(&format!("| {name} | {:.0} |\n", each(&values, viewers)?));
    }
    Ok(text)
}

/// Bytes of memory that each connection has added to the server.
fn each(values: &Values, viewers: usize) -> Result<f64> {
    Ok((values.of("resident_kib")? - values.of("fresh_kib")?) * 1024.0 / viewers as f64)
}

/// What the kernel holds.
fn held(film: &Film, viewers: usize, seconds: u64) -> Result<String> {
    let mut text = format!(
        "**What the kernel holds** for {viewers} viewers, of whom all read or all have stopped reading. Memory is that of `/proc/net/sockstat` at its most, above what it was \
         before they came; over loopback that is what the server has sent and what viewers have not read, with their buffers.\n\n\
         | medium | transport | viewers | memory of TCP, MB | of UDP, MB | not acknowledged or not sent, KB a viewer | not read, KB a viewer | delivered |\n\
         |---|---|---|---:|---:|---:|---:|---:|\n"
    );
    for (path, medium) in [(FILM, "film"), (CARD, "live")] {
        for (transport, manner) in [("udp", "watching"), ("udp", "stalled"), ("tcp", "watching"), ("tcp", "stalled")] {
            // It takes a while until what nobody reads fills both buffers.
            let seconds = if manner == "stalled" { seconds.max(12) } else { seconds };
            let run = Run { transport, manner, path, viewers, frame_rate: FRAME_RATE, threads: 1, seconds };
            let values = run.values(film)?;
            let above = |name: &str, before: &str| Ok::<_, anyhow::Error>(values.of(name)? - values.of(before)?);
            let delivered =
                if manner == "watching" { format!("{:.1} %", run.delivered(&values)? * 100.0) } else { String::new() };
            text.push_str(&format!(
                "| {medium} | {} | {} | {:.1} | {:.1} | {:.0} | {:.0} | {delivered} |\n",
                transport.to_uppercase(),
                if manner == "watching" { "read" } else { "do not" },
                above("tcp_kib", "tcp_before_kib")?.max(0.0) * 1.024e-3,
                above("udp_kib", "udp_before_kib")?.max(0.0) * 1.024e-3,
                values.of("sent_kib")? * 1.024 / viewers as f64,
                values.of("unread_kib")? * 1.024 / viewers as f64,
            ));
        }
    }
    Ok(text)
}

/// One thread and two in turns, all on the same core, so that only what threads take themselves differs.
fn threads(film: &Film, viewers: usize, rounds: usize, seconds: u64) -> Result<String> {
    let mut text = format!(
        "**Two threads** on one core, beside one thread on the same core, in turns; the median of {rounds} runs of {seconds} s. Viewers are on the other core.\n\n\
         | transport | viewers | one thread, ms a stream-second | two | times | delivered by one, by two | memory, MB, of one, of two |\n\
         |---|---:|---:|---:|---:|---:|---:|\n"
    );
    for transport in TRANSPORTS {
        for viewers in [100.min(viewers), viewers] {
            let mut found = [Vec::new(), Vec::new()];
            for _ in 0..rounds {
                for (threads, found) in (1..).zip(&mut found) {
                    let frame_rate = FRAME_RATE;
                    let run = Run { transport, manner: "watching", path: FILM, viewers, frame_rate, threads, seconds };
                    let values = run.values(film)?;
                    found.push([
                        values.of("processor_ms")?,
                        run.delivered(&values)? * 100.0,
                        values.of("peak_kib")? * 1.024e-3,
                    ]);
                }
            }
            let line = threads_line(transport, viewers, &found).context("nothing was measured")?;
            print!("{line}");
            text.push_str(&line);
        }
    }
    Ok(text)
}

fn threads_line(transport: &str, viewers: usize, found: &[Vec<[f64; 3]>; 2]) -> Option<String> {
    let middle = |of: usize, figure: usize| {
        let mut sorted: Vec<_> = found[of].iter().map(|run| run[figure]).collect();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    };
    let (one, two) = (middle(0, 0)?, middle(1, 0)?);
    Some(format!(
        "| {} | {viewers} | {one:.3} | {two:.3} | {:.2} | {:.1}, {:.1} % | {:.1}, {:.1} |\n",
        transport.to_uppercase(),
        two / one,
        middle(0, 1)?,
        middle(1, 1)?,
        middle(0, 2)?,
        middle(1, 2)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_more_than_what_was_delivered() {
        assert_eq!(offered(48, 0.75), 47, "36 a second were delivered");
        assert_eq!(offered(24, 0.0), 1);
    }

    #[test]
    fn a_line_has_the_worst_share_and_how_busy_the_core_was() {
        let values = Values::parse(
            "least_share=0.914 silent=2 gap_ms=91.6 processor_ms=0.97 stood_ms=12.4 waited_ms=200 viewers_waited_ms=400",
        );
        let line = beyond_line("udp", (1000, 10), (47, 0.766), &values).unwrap();
        assert_eq!(line, "| UDP | 47, 36.0 | 0.91 | 2 | 92 | 97 % | 2 %, 4 % | 12 |\n");
    }

    #[test]
    fn medians_of_threads_are_compared() {
        let run = |processor| [processor, 100.0, 7.0];
        let found = [vec![run(0.5), run(9.0), run(0.4)], vec![run(0.6), run(0.55), run(0.1)]];
        let line = threads_line("tcp", 100, &found).unwrap();
        assert_eq!(line, "| TCP | 100 | 0.500 | 0.550 | 1.10 | 100.0, 100.0 % | 7.0, 7.0 |\n");
        assert_eq!(threads_line("tcp", 100, &[vec![], vec![]]), None);
    }

    #[test]
    fn what_connections_take_is_above_what_the_server_took() {
        let values = Values::parse("resident_kib=9000 fresh_kib=6000");
        assert_eq!(each(&values, 1000).unwrap(), 3072.0);
    }
}
