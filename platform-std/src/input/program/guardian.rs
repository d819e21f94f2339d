//! Programs end with this process, even where it is killed and can do nothing about it any more.
//!
//! Linux can have a child sent a signal when its parent dies, but the child alone: what it has started, such as the members of a
//! pipeline, lives on. So a shell waits at a pipe of which only this process has the other end. It is told each group that
//! begins and ends, and when the pipe closes it ends those that are left.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// What the shell does. It reads `+ GROUP` and `- GROUP`.
const SCRIPT: &str = r#"
groups=
while read -r what group; do
    others=
    for one in $groups; do
        [ "$one" = "-$group" ] || others="$others $one"
    done
    groups=$others
    [ "$what" = + ] && groups="$groups -$group"
done
[ -n "$groups" ] || exit 0
kill -s TERM -- $groups
sleep 2
kill -s KILL -- $groups
"#;

/// The process groups of the programs that run, and who ends them after us.
#[derive(Default)]
pub(super) struct Groups {
    running: BTreeSet<i32>,
    /// Started with the first program.
    guardian: Option<(Child, ChildStdin)>,
    has_failed: bool,
}

impl Groups {
    pub(super) const fn new() -> Self {
        Self { running: BTreeSet::new(), guardian: None, has_failed: false }
    }

    pub(super) fn add(&mut self, group: Pid) {
        self.running.insert(group.as_raw());
        self.tell('+', group.as_raw());
    }

    /// The group has ended.
    pub(super) fn remove(&mut self, group: Pid) {
        self.running.remove(&group.as_raw());
        self.tell('-', group.as_raw());
    }

    pub(super) fn contains(&self, group: Pid) -> bool {
        self.running.contains(&group.as_raw())
    }

    pub(super) fn kill_all(&self) {
        for group in &self.running {
            // It may have ended just now.
            let _ = killpg(Pid::from_raw(*group), Signal::SIGKILL);
        }
    }

    fn tell(&mut self, what: char, group: i32) {
        let told = match &mut self.guardian {
            Some((_, input)) => writeln!(input, "{what} {group}"),
            None => Err(io::ErrorKind::NotConnected.into()),
        };
        if told.is_err()
            && !self.running.is_empty()
            && let Err(error) = self.start()
            && !std::mem::replace(&mut self.has_failed, true)
        {
            log::warn!("if this process is killed, programs of inputs may live on: {error}");
        }
    }

    /// Starts another guardian, which is told all there is.
    fn start(&mut self) -> io::Result<()> {
        if let Some((mut child, input)) = self.guardian.take() {
            drop(input);
            let _ = child.kill();
            let _ = child.wait();
        }
        let mut command = Command::new("/bin/sh");
        // A group of its own: what a terminal says to ours is no concern of its.
        command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn()?;
        let mut input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        self.running.iter().try_for_each(|group| writeln!(input, "+ {group}"))?;
        self.guardian = Some((child, input));
        Ok(())
    }
}
