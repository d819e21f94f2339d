//! The images that not everybody may watch: with a password, and encrypted.

use super::checks::{flash, memory};
use super::machine::{Machine, Ports};
use super::rtsp::Client;
use super::viewer::{ForeignPlayer, Player};
use super::{Feature, Programs, User, build_for, promised};
use anyhow::{Context, Result, bail, ensure};
use std::time::Duration;

/// Of 15 pictures a second. Two machines run at once, beside other steps; that nothing is left out is the business of another
/// trial.
const PICTURES: usize = 15;
const DURATION: Duration = Duration::from_secs(4);

/// What the image for the trials asks for. The log must not hold any of it.
pub(super) const USER: User = User { name: "trial-user", password: "trial-password" };

/// Builds the images, or finds them built.
pub(super) fn build() -> Result<[Programs; 2]> {
    Ok([build_for(&[Feature::Digest], Some(USER))?, build_for(&[Feature::Srtp], None)?])
}

/// Plays what both serve, and compares what they take with the README.
pub(super) fn check() -> Result<()> {
    let [digest, srtp] = build()?;
    for (programs, row) in [(&digest, "`digest`"), (&srtp, "`srtp`")] {
        let image = programs.image()?;
        let [most_flash, most_variables, ..] = promised(row)?[..] else { bail!("too few figures in the row {row}") };
        flash(programs, most_flash)?;
        ensure!(
            image.ram <= most_variables,
            "{row}: {} bytes of variables, and the README says {most_variables}",
            image.ram
        );
    }
    // One after the other, so that the second finds other ports free than the first.
    let mut machines =
        [Machine::start(&digest, Ports::free()?, "15", None)?, Machine::start(&srtp, Ports::free()?, "15", None)?];
    let [digest, srtp] = &mut machines;
    std::thread::scope(|scope| {
        let encrypted = scope.spawn(|| outcome(srtp, encrypted));
        outcome(digest, guarded)?;
        encrypted.join().unwrap_or_else(|_| bail!("a trial panicked"))
    })
}

fn outcome(machine: &mut Machine, trials: impl Fn(&mut Machine) -> Result<()>) -> Result<()> {
    trials(machine).with_context(|| format!("the firmware's log ends:\n{}", machine.tail()))?;
    for line in machine.log() {
        ensure!(!line.contains("ERROR"), "an error in its log: {line}");
        ensure!(!line.contains(USER.name) && !line.contains(USER.password), "a secret in its log: {line}");
    }
    Ok(())
}

/// The right password plays, for two at once; every other way in is closed.
fn guarded(machine: &mut Machine) -> Result<()> {
    let port = machine.ports.rtsp;
    let url = |password: &str| format!("rtsp://{}:{password}@127.0.0.1:{port}/testcard", USER.name);
    let mut stranger = Client::served(port)?;
    let answer = stranger.ask("DESCRIBE", "")?.0;
    ensure!(answer.starts_with("RTSP/1.0 401 ") && answer.contains("WWW-Authenticate: Digest "), "{answer}");
    let (answer, packets) = stranger.ask("SETUP", &format!("Transport: {}\r\n", super::hostile::TCP))?;
    ensure!(answer.starts_with("RTSP/1.0 401 ") && packets == 0, "{answer}");
    for headers in ["Authorization: Digest \r\n".to_owned(), "Authorization: Digest a=b\r\n".repeat(2)] {
        let answer = stranger.ask("DESCRIBE", &headers)?.0;
        ensure!(answer.starts_with("RTSP/1.0 40"), "{answer}");
    }
    drop(stranger);
    let refused = ForeignPlayer::start(Player::FfmpegTcp, &url("another"), DURATION)?.finish()?;
    ensure!(refused.is_refused("401 Unauthorized"), "a wrong password: {refused:?}");
    println!("digest: a wrong password is refused");
    two_at_once("digest", machine, &url(USER.password))?;
    memory(machine, &promised("`digest`")?[2..])
}

/// FFmpeg takes the key of the description, and says so where it is not the right one: no picture comes then.
fn encrypted(machine: &mut Machine) -> Result<()> {
    let mut client = Client::served(machine.ports.rtsp)?;
    let sdp = client.ask_ok("DESCRIBE", "")?;
    ensure!(sdp.contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"), "{sdp}");
    drop(client);
    two_at_once("srtp", machine, &machine.url())?;
    memory(machine, &promised("`srtp`")?[2..])
}

fn two_at_once(what: &str, machine: &Machine, url: &str) -> Result<()> {
    super::checks::twice(|| {
        let start = |player| ForeignPlayer::start(player, url, DURATION);
        let viewers = [start(Player::FfmpegUdp)?, start(Player::FfmpegTcp)?];
        for seen in viewers.map(ForeignPlayer::finish) {
            println!("{what}: {}", seen?.at_least(PICTURES)?);
        }
        ensure!(machine.is_alive(), "QEMU has ended");
        Ok(())
    })
}
