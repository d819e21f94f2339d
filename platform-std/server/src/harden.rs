//! What of the system's files this program may reach: those that it needs, on Linux, and no others, whatever a picture or a packet makes
//! of it (Landlock). It holds for the threads that are started later, so it is done before there are any.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::ValueEnum;
use mutoscope_std::input::{Source, Spec};

use crate::access;
use crate::config::Configuration;

/// Whether to do that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Harden {
    /// Only what is named can be reached, where the system can do that and no program is run for an input or as a hook
    Auto,
    /// Whatever the user may reach
    Off,
}

/// What names of hosts are looked up with, and the certificates of those who vouch for them. The system replaces some of these files, so their folder is needed.
const RESOLVER: &[&str] = &[
    "/etc",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/share/ca-certificates",
    "/usr/share/zoneinfo",
    "/usr/share/ca-certificates",
];
/// What the program asks about itself and the machine.
#[cfg(target_os = "linux")]
const SYSTEM: &[&str] = &[
    "/proc/self",
    "/proc/sys/kernel/hostname",
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    "/dev/urandom",
    "/dev/null",
    "/etc/localtime",
];
/// What cameras are reached by; they come and go.
const CAMERAS: &str = "/dev";

/// The files that a configuration needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Needs {
    /// Files, and folders with all that is in them.
    read: BTreeSet<PathBuf>,
    /// The same, to be changed too.
    write: BTreeSet<PathBuf>,
    /// Folders in which a file may be made and written, and none be read or removed.
    append: BTreeSet<PathBuf>,
    /// Programs may need anything.
    has_programs: bool,
}

/// The limits that are in force.
#[derive(Debug, Default)]
pub(crate) struct Hardening(Option<Needs>);

impl Needs {
    fn of(configuration: &Configuration) -> Self {
        let Configuration { paths, films, specs, .. } = configuration;
        let mut needs = Self::default();
        paths.iter().map(PathBuf::as_path).chain(configuration.path()).for_each(|path| needs.add_media(path));
        // For the certificate to be read again.
        configuration.args.tls.files().for_each(|path| needs.add_media(&path));
        configuration.args.cluster.files().for_each(|path| needs.add_media(path));
        if configuration.args.cluster.has_names() {
            needs.read.extend(RESOLVER.iter().map(PathBuf::from));
        }
        access::files(configuration).iter().for_each(|path| needs.add_media(path));
        // For the log to be made anew when the old one has another name.
        if let Some(log) = configuration.args.access.security_log.as_deref().filter(|path| path.is_file()) {
            needs.append.extend(places_of(log));
        }
        let recordings = specs.iter().filter_map(|spec| spec.parameters().record.as_deref());
        needs.write.extend(recordings.flat_map(places_of));
        for source in films.iter().chain(specs).map(Spec::source) {
            match source {
                Source::Path(path) => needs.add_media(path),
                Source::Device(_) => _ = needs.write.insert(PathBuf::from(CAMERAS)),
                Source::Http(_) | Source::Rtsp(_) => needs.read.extend(RESOLVER.iter().map(PathBuf::from)),
                Source::Stdin | Source::Push => {}
                // What there may be besides is not known to need less.
                Source::Exec(_) | _ => needs.has_programs = true,
            }
        }
        needs
    }

    /// What is in a folder, or a file.
    fn add_media(&mut self, path: &Path) {
        self.read.extend(places_of(path));
    }

    /// The first thing that `wider` would need beyond these.
    fn first_beyond<'w>(&self, wider: &'w Self) -> Option<&'w Path> {
        let is_in = |path: &Path, of: &BTreeSet<PathBuf>| of.iter().any(|folder| path.starts_with(folder));
        let read = wider.read.iter().find(|path| !is_in(path, &self.read) && !is_in(path, &self.write));
        read.or_else(|| wider.write.iter().find(|path| !is_in(path, &self.write))).map(PathBuf::as_path)
    }
}

/// Where a file or folder is. A file may be replaced by another one, which only its folder allows; a link may lead elsewhere.
fn places_of(path: &Path) -> impl Iterator<Item = PathBuf> {
    let is_folder = path.is_dir();
    let places = [std::path::absolute(path).ok(), path.canonicalize().ok()];
    places.into_iter().flatten().map(move |place| {
        let folder = if is_folder { Some(place.as_path()) } else { place.parent() };
        // Nobody means the whole disk.
        folder.filter(|folder| folder.parent().is_some()).map(Path::to_owned).unwrap_or(place)
    })
}

impl Hardening {
    /// Gives up what `configuration` does not need, for this thread and those that it starts.
    pub(crate) fn new(configuration: &Configuration) -> Self {
        let (args, mut needs) = (&configuration.args, Needs::of(configuration));
        // These are decided at the start, and when the configuration is read again they ask for nothing more.
        needs.has_programs |= args.hook.is_some();
        if args.adds_streams() {
            needs.read.extend(RESOLVER.iter().map(PathBuf::from));
        }
        if args.harden == Harden::Off {
            return Self(None);
        }
        if needs.has_programs {
            log::info!("programs (exec:, --hook) may need any file, so this server is not kept from any (--harden)");
            return Self(None);
        }
        match restrict(&needs) {
            Ok(true) => {
                log::debug!("Landlock: can be read: {:?}; can be changed: {:?}", needs.read, needs.write);
                Self(Some(needs))
            }
            Ok(false) => {
                log::debug!("Landlock is not there: this program is not kept from files");
                Self(None)
            }
            Err(error) => {
                log::warn!("cannot keep this program from files that it does not need: {error:#}");
                Self(None)
            }
        }
    }

    /// Whether what `configuration` needs can still be reached.
    ///
    /// # Errors
    /// The first thing that cannot.
    pub(crate) fn check(&self, configuration: &Configuration) -> Result<()> {
        let Self(Some(held)) = self else { return Ok(()) };
        let needs = Needs::of(configuration);
        if needs.has_programs {
            bail!(
                "a program (exec:) cannot be started by a server that keeps itself from files: restart needed (--harden)"
            );
        }
        if let Some(key) = access::key_file(configuration).filter(|path| !path.exists()) {
            bail!(
                "{} is not there, and the server keeps itself from making it: restart needed (--harden)",
                key.display()
            );
        }
        match held.first_beyond(&needs) {
            Some(path) => bail!("{} was not needed at the start: restart needed (--harden)", path.display()),
            None => Ok(()),
        }
    }
}

/// `false`: the system cannot do that.
#[cfg(target_os = "linux")]
fn restrict(needs: &Needs) -> Result<bool> {
    use landlock::{
        ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, path_beneath_rules,
    };
    // What an older kernel does not know is left out. Later ones may know more, which is not ours to forbid unseen.
    const KNOWN: ABI = ABI::V5;
    let system = SYSTEM.iter().map(PathBuf::from);
    let read = needs.read.iter().cloned().chain(system);
    let seen = AccessFs::from_read(KNOWN) & !AccessFs::Execute;
    let changed = AccessFs::from_all(KNOWN) & !AccessFs::Execute;
    let ruleset = Ruleset::default().handle_access(AccessFs::from_all(KNOWN))?.create()?;
    let ruleset = ruleset.add_rules(path_beneath_rules(read, seen))?;
    let ruleset = ruleset.add_rules(path_beneath_rules(&needs.write, changed))?;
    let made = AccessFs::WriteFile | AccessFs::MakeReg;
    let ruleset = ruleset.add_rules(path_beneath_rules(&needs.append, made))?;
    Ok(ruleset.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
}

#[cfg(not(target_os = "linux"))]
fn restrict(_: &Needs) -> Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::io::ErrorKind;
    use std::thread;

    /// A folder of one test's own.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("mutoscope-harden-{name}-{}", std::process::id()));
            for place in ["media", "state", "logs", "other"] {
                fs::create_dir_all(folder.join(place)).unwrap();
                fs::write(folder.join(place).join("film.mjpeg"), b"x").unwrap();
            }
            Self(folder.canonicalize().unwrap())
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn needs(read: &[&Path], write: &[&Path]) -> Needs {
        let owned = |paths: &[&Path]| paths.iter().map(|path| path.to_path_buf()).collect();
        Needs { read: owned(read), write: owned(write), ..Needs::default() }
    }

    #[test]
    fn only_what_is_needed_can_be_reached_by_this_thread_and_those_that_it_starts() {
        let scratch = Scratch::new("reach");
        let [media, state, logs, other] = ["media", "state", "logs", "other"].map(|name| scratch.0.join(name));
        // It holds for one thread, which is gone after this.
        let restricted = thread::spawn(move || {
            let append = BTreeSet::from([logs.clone()]);
            if !restrict(&Needs { append, ..needs(&[&media], &[&state]) }).unwrap() {
                eprintln!("SKIPPED: there is no Landlock here");
                return;
            }
            let denied =
                |result: std::io::Result<()>| result.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
            let check = move || {
                assert!(File::open(media.join("film.mjpeg")).is_ok() && fs::read_dir(&media).is_ok());
                assert!(denied(fs::write(media.join("new"), b"x")), "media are only read");
                assert!(fs::write(state.join("new"), b"x").is_ok());
                assert!(fs::rename(state.join("new"), state.join("key")).is_ok());
                let append = || File::options().append(true).create(true).open(logs.join("log")).map(drop);
                assert!(append().is_ok() && append().is_ok());
                assert!(denied(File::open(logs.join("log")).map(drop)) && denied(fs::remove_file(logs.join("log"))));
                assert!(denied(File::open(other.join("film.mjpeg")).map(drop)));
                assert!(denied(fs::read_dir(&other).map(drop)));
                assert!(denied(fs::read_dir("/etc").map(drop)) && denied(File::open("/etc/passwd").map(drop)));
                assert!(denied(std::process::Command::new("/bin/true").status().map(drop)));
                assert!(fs::read_to_string("/proc/self/status").is_ok());
            };
            check();
            thread::spawn(check).join().unwrap();
        });
        restricted.join().unwrap();
    }

    #[test]
    fn a_file_brings_its_folder_and_the_folder_of_what_it_leads_to() {
        let scratch = Scratch::new("links");
        let [media, other] = ["media", "other"].map(|name| scratch.0.join(name));
        std::os::unix::fs::symlink(other.join("film.mjpeg"), media.join("link.mjpeg")).unwrap();
        let mut file = Needs::default();
        file.add_media(&media.join("link.mjpeg"));
        assert_eq!(file, needs(&[&media, &other], &[]));
        let mut folder = Needs::default();
        folder.add_media(&media);
        assert_eq!(folder, needs(&[&media], &[]));
        let mut root = Needs::default();
        root.add_media(Path::new("/film.mjpeg"));
        assert_eq!(root, needs(&[Path::new("/film.mjpeg")], &[]));
    }

    #[test]
    fn what_was_not_needed_at_the_start_needs_a_restart() {
        let [media, inner, other] = ["/srv/media", "/srv/media/inner", "/srv/media2"].map(PathBuf::from);
        let held = needs(&[&media], &[Path::new(CAMERAS)]);
        assert_eq!(held.first_beyond(&needs(&[&inner], &[])), None);
        assert_eq!(held.first_beyond(&needs(&[Path::new("/dev/v4l")], &[Path::new(CAMERAS)])), None);
        assert_eq!(held.first_beyond(&needs(&[&media, &other], &[])), Some(other.as_path()));
        assert_eq!(held.first_beyond(&needs(&[], &[&media])), Some(media.as_path()));
    }
}
