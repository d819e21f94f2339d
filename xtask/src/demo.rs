//! `cargo xtask demo`: server and player together, for as long as the player's window is open.

use crate::child::Running;
use crate::shell::{cargo, release_program, require};
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// How often it is looked whether one of them has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Builds both in release, starts the server with these arguments and the player on the first of its URLs. Ends the server
/// when the player ends, and both on Ctrl-C; a second Ctrl-C does not wait for anybody.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    let packages = ["--package", "mutoscope-server", "--package", "player-sdl"];
    let programs = ["--bin", "mutoscope-server", "--bin", "player-sdl"];
    require(cargo().args(["build", "--release"]).args(packages).args(programs))?;
    let (sender, interrupts) = mpsc::channel();
    ctrlc::set_handler(move || _ = sender.send(())).context("cannot handle Ctrl-C")?;

    let (mut server, urls) = Running::start_server(Command::new(release_program("mutoscope-server")?).args(arguments))?;
    let Some(url) = urls.first() else { bail!("the server named no URL") };
    for url in &urls {
        println!("{url}");
    }
    let mut player = Running::start(Command::new(release_program("player-sdl")?).arg(url))?;
    let mut interrupted = false;
    let status = loop {
        match interrupts.recv_timeout(LOOK) {
            Ok(()) if interrupted => {
                player.kill();
                server.kill();
            }
            Ok(()) => {
                interrupted = true;
                player.ask_to_end();
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        if let Some(status) = player.status()? {
            break status;
        }
        if let Some(status) = server.status()?.filter(|_| !interrupted) {
            bail!("the server ended with {status}");
        }
    };
    drop(server);
    if !status.success() && !interrupted {
        bail!("the player ended with {status}");
    }
    Ok(())
}
