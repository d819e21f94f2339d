//! Where the values of options come from: the command line, over the environment, over the configuration file, over defaults.
//!
//! A setting of the file is the option of that name, so there is one list of them: what the file says becomes the option's default,
//! and is read and checked as on the command line.

mod file;
mod print;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use mutoscope_std::input::{Argument, Source, Spec, redact};

use crate::access::StreamRule;
use crate::args::Args;
use file::{File, Setting};

pub(crate) use print::print;

/// What the program is to do, and where each value of that comes from.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// The options.
    pub(crate) args: Args,
    /// Files and folders.
    pub(crate) paths: Vec<PathBuf>,
    /// Files, and folders of pictures, that are one film each and have a name of their own.
    pub(crate) films: Vec<Spec>,
    /// Live inputs.
    pub(crate) specs: Vec<Spec>,
    command: Command,
    matches: ArgMatches,
    file: Option<File>,
}

impl Configuration {
    /// Reads the command line, and the file that it names. What is wrong with the command line, and `--help`, ends the program.
    pub(crate) fn load() -> Result<Self> {
        match Self::read(env::args_os().collect()) {
            Ok(configuration) => configuration,
            Err(error) => error.exit(),
        }
    }

    /// The outer error is one of the command line.
    fn read(words: Vec<OsString>) -> Result<Result<Self>, clap::Error> {
        let command = Args::command();
        let path = command.clone().ignore_errors(true).try_get_matches_from(&words).ok();
        let path = path.and_then(|matches| matches.get_one::<PathBuf>("config").cloned());
        let file = match path.map(|path| File::read(&path, &command)).transpose() {
            Ok(file) => file,
            Err(error) => return Ok(Err(error)),
        };
        let command = file.iter().flat_map(File::settings).fold(command, with_default);
        let matches =
            command.clone().try_get_matches_from(&words).map_err(|error| file::explain(error, file.as_ref()))?;
        let args = Args::from_arg_matches(&matches)?;
        Ok(Self::with(args, command, matches, file))
    }

    fn with(args: Args, command: Command, matches: ArgMatches, file: Option<File>) -> Result<Self> {
        let (paths, films, specs) = Default::default();
        let mut this = Self { args, paths, films, specs, command, matches, file };
        let mut named = Vec::new();
        for argument in &this.args.media {
            match Argument::parse(argument.as_os_str()) {
                Ok(Argument::Path(path)) => this.paths.push(path),
                Ok(Argument::Spec(spec)) => named.push(*spec),
                Err(error) => bail!("{}: {error}", redact(&argument.to_string_lossy())),
            }
        }
        // What the command line says of a name is said last.
        for stream in this.file.iter().flat_map(File::streams) {
            if named.iter().all(|spec: &Spec| spec.name() != stream.name) {
                named.push(stream.spec.clone());
            }
        }
        let is_film = |spec: &Spec| matches!(spec.source(), Source::Path(path) if path.is_dir() || path.is_file());
        (this.films, this.specs) = named.into_iter().partition(is_film);
        Ok(this)
    }

    /// The file, where there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(File::path)
    }

    /// Who may watch and publish, by streams.
    pub(crate) fn stream_rules(&self) -> impl Iterator<Item = &StreamRule> {
        self.file.iter().flat_map(File::rules)
    }

    /// Whether there are files that may say something else later, and are read again then.
    pub(crate) fn is_reloadable(&self) -> bool {
        let access = &self.args.access;
        let named = [&access.users, &access.onvif_users, &access.token_key, &access.security_log];
        self.file.is_some() || named.into_iter().any(Option::is_some)
    }

    /// The same command line with what the file says now.
    pub(crate) fn reload(&self) -> Result<Self> {
        match Self::read(env::args_os().collect()) {
            Ok(configuration) => configuration,
            Err(error) => Err(error).context("the command line does not fit the file any more"),
        }
    }

    /// The settings that `other` has other values for, of those that take effect at the next start.
    pub(crate) fn differing_settings(&self, other: &Self) -> Vec<String> {
        let raw = |of: &Self, id: &str| {
            of.matches.get_raw(id).map(|values| values.map(ToOwned::to_owned).collect::<Vec<_>>())
        };
        let settings = self.command.get_arguments().filter(|argument| is_setting(argument) && !is_read_again(argument));
        let differing =
            settings.filter(|argument| raw(self, argument.get_id().as_str()) != raw(other, argument.get_id().as_str()));
        differing.map(key).collect()
    }

    /// Where the value of an option comes from, in words.
    fn origin(&self, id: &str) -> String {
        let variable = || {
            let argument = self.command.get_arguments().find(|argument| argument.get_id() == id)?;
            argument.get_env().map(|name| name.to_string_lossy().into_owned())
        };
        match self.matches.value_source(id) {
            Some(ValueSource::CommandLine) => "command line".to_owned(),
            Some(ValueSource::EnvVariable) => format!("environment, {}", variable().unwrap_or_default()),
            _ => match self.file.as_ref().and_then(|file| Some((file, file.setting(id)?))) {
                Some((file, setting)) => format!("{}, line {}", file.path().display(), setting.line),
                None => "default".to_owned(),
            },
        }
    }
}

/// A setting of the file is the option's default.
fn with_default(command: Command, setting: &Setting) -> Command {
    // Defaults live as long as the program, and files are read again only when somebody says so.
    let values: Vec<&'static str> = setting.values.iter().map(|value| &*value.clone().leak()).collect();
    command.mut_arg(&setting.id, |argument| argument.default_values(values))
}

/// The options that can be settings: those that say how to serve. The others are requests to this program alone.
fn is_setting(argument: &clap::Arg) -> bool {
    let is_value = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append | ArgAction::SetTrue);
    is_value && !matches!(argument.get_id().as_str(), "config" | "print_config" | "check" | "list_cameras")
}

/// The settings that take effect at once when the file has been read again.
fn is_read_again(argument: &clap::Arg) -> bool {
    ["media", "users", "onvif_users", "allow", "deny", "open", "admin", "token_key", "cut", "basic", "sdes"]
        .contains(&argument.get_id().as_str())
}

/// The name of an option in the file.
fn key(argument: &clap::Arg) -> String {
    argument.get_long().unwrap_or(argument.get_id().as_str()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A configuration file of one test's own.
    struct Toml(PathBuf);

    impl Toml {
        fn new(text: &str) -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let name = format!("mutoscope-{}-{}.toml", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let path = env::temp_dir().join(name);
            fs::write(&path, text).unwrap();
            Self(path)
        }

        fn load(&self, words: &[&str]) -> Result<Configuration> {
            let first = ["mutoscope-server", "--config"].map(OsString::from);
            let words = first.into_iter().chain([self.0.clone().into()]).chain(words.iter().map(OsString::from));
            Configuration::read(words.collect())?
        }

        fn complaint(&self, words: &[&str]) -> String {
            let complaint = format!("{:#}", self.load(words).expect_err("it must be refused"));
            complaint.replace(&self.0.display().to_string(), "FILE")
        }

        /// What is printed, loaded and printed again.
        fn printed(&self, words: &[&str]) -> [String; 2] {
            let once = print(&self.load(words).unwrap());
            let twice = print(&Self::new(&once).load(&[]).unwrap());
            [once, twice]
        }
    }

    impl Drop for Toml {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    const WHOLE: &str = r#"
# A server for two cameras and some films.
rtsp-port = 8600
host = ["127.0.0.1", "localhost"]
frame-rate = "30000/1001"
loop = true
max-clients = 7
on-unsupported = "convert"
media = ["clips", "movie.mjpeg"]

[streams.door]
input = "rtsp://anna:secret@192.0.2.7/stream?key=secret"
start = "always"

[streams."back yard"]
input = 'exec:ffmpeg -i "a b" -f mjpeg -'
rate = 12.5

[streams.usb]
input = "/dev/video0"
size = "1280x720"
rate = 30
"#;

    #[test]
    fn a_file_says_what_the_command_line_could_say() {
        let loaded = Toml::new(WHOLE).load(&[]).unwrap();
        let Configuration { args, paths, specs, .. } = &loaded;
        assert_eq!((args.rtsp_port, args.max_clients, args.repeat), (8600, 7, true));
        assert_eq!(args.hosts, ["127.0.0.1", "localhost"]);
        assert_eq!(args.frame_rate, "30000/1001".parse().ok());
        assert_eq!(*paths, ["clips", "movie.mjpeg"].map(PathBuf::from));
        let specs: Vec<String> = specs.iter().map(ToString::to_string).collect();
        let expected = [
            "door=rtsp://192.0.2.7/stream?key=…#always",
            "back yard=exec:ffmpeg -i \"a b\" -f mjpeg -#rate=12.5",
            "usb=/dev/video0#rate=30#size=1280x720",
        ];
        assert_eq!(specs, expected);
    }

    #[test]
    fn the_command_line_is_over_the_file_and_the_file_is_over_defaults() {
        let toml = Toml::new(WHOLE);
        let loaded = toml.load(&["--rtsp-port", "9000", "other", "door=push:"]).unwrap();
        assert_eq!((loaded.args.rtsp_port, loaded.args.max_clients), (9000, 7));
        assert_eq!(loaded.paths, [PathBuf::from("other")]);
        assert_eq!(loaded.specs[0].to_string(), "door=push:");
        assert_eq!(loaded.specs.len(), 3, "the other streams of the file are there");
        let origins = ["rtsp_port", "max_clients", "payload_size"].map(|id| loaded.origin(id));
        let line = |number| format!("{}, line {number}", toml.0.display());
        assert_eq!(origins, ["command line".to_owned(), line(7), "default".to_owned()]);
    }

    #[test]
    fn what_is_printed_names_origins_masks_secrets_and_loads_again() {
        let toml = Toml::new(WHOLE);
        let [once, twice] = toml.printed(&["--payload-size", "1200"]);
        assert!(!once.contains("secret"), "{once}");
        let has = |text: &str, line: &str| assert!(text.lines().any(|other| other == line), "{line:?} in\n{text}");
        has(&once, "payload-size = 1200  # command line");
        has(&once, &format!("rtsp-port = 8600  # {}, line 3", toml.0.display()));
        has(&once, "max-packet-size = 20480  # default");
        has(&once, "[streams.\"back yard\"]");
        has(&once, "input = 'exec:ffmpeg -i \"a b\" -f mjpeg -#rate=12.5'");
        has(&once, "input = \"rtsp://anna:***@192.0.2.7/stream?key=***#always\"");
        let line = once.lines().find(|line| line.starts_with("# ") && line.contains(", line 11")).unwrap_or_default();
        assert!(line.ends_with("; *** is not what it says there"), "{once}");
        // All but the origins stays.
        let values = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.map(|line| line.split("  # ").next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(values(&once), values(&twice));
    }

    #[test]
    fn what_is_printed_of_inputs_holds_variables_and_none_of_their_values() {
        // A variable that every test has.
        let value = env::var("PATH").unwrap();
        let toml = Toml::new(
            "[streams.a]\ninput = \"http://u:${HOME}@h/${PATH}?k=${PATH}&l=x\"\n\
             [streams.b]\ninput = 'exec:curl -u user:pass -H \"K: ${PATH}\" http://u:p@h/'\nrate = 5\n",
        );
        let [once, twice] = toml.printed(&["c=exec:x ${PATH}#always"]);
        for input in [
            "\"http://u:${HOME}@h/${PATH}?k=${PATH}&l=***\"",
            "'exec:curl -u user:pass -H \"K: ${PATH}\" http://u:***@h/#rate=5'",
            "\"exec:x ${PATH}#always\"",
        ] {
            let line = format!("input = {input}");
            assert!([&once, &twice].iter().all(|text| text.lines().any(|other| other == line)), "{line} in\n{once}");
        }
        assert!(!once.contains(&value), "{once}");
    }

    #[test]
    fn rules_stand_in_the_file_and_are_printed_whole() {
        let toml = Toml::new(
            "users = \"/etc/users\"\nallow = \"10.0.0.0/8\"\ncut = true\n\
             [streams.cam]\ninput = \"-\"\nwatch = [\"anna\", \"10.0.0.0/8\"]\nencryption = \"required\"\n\
             [streams.\"my film\"]\ndeny = [\"10.1.0.0/16\"]\npublish = []\n",
        );
        let loaded = toml.load(&["cam=push:"]).unwrap();
        let rules: Vec<_> =
            loaded.stream_rules().map(|rule| (rule.name.as_str(), rule.line, rule.lines.len())).collect();
        assert_eq!(rules, [("cam", 4, 2), ("my film", 8, 2)]);
        assert_eq!((loaded.args.access.allow.len(), loaded.args.access.cut), (1, true));
        let [once, twice] = toml.printed(&["cam=push:", "--deny", "192.0.2.1,192.0.2.2"]);
        let values = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.map(|line| line.split("  # ").next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(values(&once), values(&twice));
        let end = once.split_once("\n[streams.cam]\n").unwrap().1;
        let wanted = "input = \"push:\"\nwatch = [\"anna\", \"10.0.0.0/8\"]\nencryption = \"required\"\n";
        assert!(end.starts_with(wanted), "{end}");
        assert!(end.ends_with("\n[streams.\"my film\"]\ndeny = [\"10.1.0.0/16\"]\npublish = []\n"), "{end}");
        assert!(once.contains("deny = [\"192.0.2.1\", \"192.0.2.2\"]  # command line\n"), "{once}");
    }

    #[test]
    fn recordings_stand_in_the_file_and_are_printed_whole() {
        let toml = Toml::new(
            "[streams.a]\ninput = \"push:\"\nrecord = { dir = \"/r/a b\", segment = \"5m\", keep = \"50GB\" }\n\
             [streams.b]\ninput = \"http://h/#poll=1\"\nrecord = \"/r/b\"\n",
        );
        let loaded = toml.load(&["c=push:#record=/r/c#keep=7d"]).unwrap();
        let recordings: Vec<String> =
            loaded.specs.iter().map(|spec| spec.parameters().recording().unwrap().to_string()).collect();
        let expected = [
            "/r/c, in segments of 10 min, kept for 7 d",
            "/r/a b, in segments of 5 min, kept up to 50000 MB",
            "/r/b, in segments of 10 min, kept for ever",
        ];
        assert_eq!(recordings, expected);
        let [once, twice] = toml.printed(&[]);
        for line in ["input = \"push:#record=/r/a b#", "input = \"http://h/#poll=1#record=/r/b\""] {
            assert!(once.contains(line) && twice.contains(line), "{once}\n{twice}");
        }
        for (record, complaint) in [
            ("{ segment = \"5m\" }", "FILE, line 3: record has no dir, the folder for the recordings"),
            ("{ dir = \"/r\", segmet = \"5m\" }", "FILE, line 3: record has no \"segmet\"; did you mean \"segment\"?"),
            ("[1]", "FILE, line 3: record is a folder, or { dir, segment, keep }"),
            ("\"a#b\"", "FILE, line 3: \"a#b\" cannot be a folder for recordings: parameters begin at a hash"),
            (
                "{ dir = \"/r\", keep = \"long\" }",
                "FILE, line 1: the stream \"a\": #keep takes a time or a size: 7d, 12h, 50GB",
            ),
        ] {
            let toml = Toml::new(&format!("[streams.a]\ninput = \"push:\"\nrecord = {record}\n"));
            assert_eq!(toml.complaint(&[]), complaint);
        }
    }

    #[test]
    fn a_table_has_the_settings_of_clusters_without_what_their_names_begin_with() {
        let toml = Toml::new(
            "node = \"edge\"\n[cluster]\nlan = true\nlisten = \"0.0.0.0:7447\"\nconnect = [\"a:1\", \"b:2\"]\n\
             tls-ca = \"ca.pem\"\ntls-cert = \"edge.pem\"\ntls-key = \"edge.key\"\nnode = [\"garden\", \"yard\"]\nrelay = \"other\"\n",
        );
        let loaded = toml.load(&["--cluster-relay", "hub"]).unwrap();
        let cluster = &loaded.args.cluster;
        assert_eq!((cluster.cluster.as_deref(), cluster.node.as_deref()), (Some("lan"), Some("edge")));
        assert_eq!(
            (&cluster.cluster_listen[..], &cluster.cluster_connect[..]),
            (&["0.0.0.0:7447".into()][..], &["a:1".into(), "b:2".into()][..])
        );
        assert_eq!(
            (&cluster.cluster_node[..], &cluster.cluster_relay[..]),
            (&["garden".into(), "yard".into()][..], &["hub".into()][..])
        );
        assert_eq!(
            cluster.files().map(|path| path.to_str().unwrap()).collect::<Vec<_>>(),
            ["ca.pem", "edge.pem", "edge.key"]
        );
        assert_eq!(loaded.origin("cluster_listen"), format!("{}, line 4", toml.0.display()));
        let [once, twice] = toml.printed(&[]);
        assert!(once.contains("cluster-connect = [\"a:1\", \"b:2\"]"), "{once}");
        let values =
            |text: &str| text.lines().map(|line| line.split("  # ").next().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(values(&once), values(&twice));
        for (text, complaint) in [
            ("[cluster]\nlan = 1", "FILE, line 2: lan is true or false"),
            (
                "[cluster]\nnodes = []",
                "FILE, line 2: there is no setting \"cluster-nodes\"; did you mean \"cluster-node\"?",
            ),
            ("[cluster]\nlisten = {}", "FILE, line 2: cluster-listen is a text"),
            ("cluster = \"wan\"", "FILE, line 1: "),
        ] {
            let said = Toml::new(text).complaint(&[]);
            assert!(said.contains(complaint), "{complaint}: {said}");
        }
    }

    #[test]
    fn a_file_may_have_a_name_of_its_own() {
        let folder = crate::testing::Folder::new();
        let file = folder.file("film.mjpeg", b"");
        let literal = folder.file("x=film.mjpeg", b"");
        let name = |argument: &str| format!("{argument}={}", file.display());
        let toml = Toml::new(&format!("[streams.filed]\ninput = {:?}\n", file.display().to_string()));
        let loaded = toml.load(&[&name("named"), literal.to_str().unwrap()]).unwrap();
        let names: Vec<&str> = loaded.films.iter().map(Spec::name).collect();
        assert_eq!((names, &loaded.paths[..], loaded.specs.len()), (vec!["named", "filed"], &[literal][..], 0));
    }

    #[test]
    fn the_file_of_the_package_can_be_used_with_all_that_it_proposes() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/mutoscope.toml");
        let text = fs::read_to_string(path).unwrap();
        let loaded = Toml::new(&text).load(&[]).unwrap();
        assert_eq!((loaded.args.hosts.as_slice(), loaded.specs.len()), (&["127.0.0.1".to_owned()][..], 0));
        let proposed = |line: &str| {
            let bare = line.strip_prefix("# ").unwrap_or(line);
            let is_table = bare == "[cluster]" || bare.starts_with("[streams.") && bare.ends_with(']');
            let key = bare.split_once(" = ").map_or("", |(key, _)| key);
            let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            if is_table || is_key { bare.to_owned() } else { line.to_owned() }
        };
        // Not every test has that variable.
        let text = text.replace("${YARD_PASSWORD}", "secret");
        let all: Vec<String> = text.lines().map(proposed).collect();
        let loaded = Toml::new(&all.join("\n")).load(&[]).unwrap();
        assert_eq!((loaded.specs.len(), loaded.args.access.open, loaded.args.tls.tls), (3, true, true));
        let cluster = &loaded.args.cluster;
        assert_eq!(
            (cluster.node.as_deref(), &cluster.cluster_connect[..]),
            (Some("gate"), &["192.168.1.4:7447".to_owned()][..])
        );
    }

    #[test]
    fn mistakes_are_told_with_their_line_and_what_was_meant() {
        let cases = [
            ("rtsp-prot = 1", "FILE, line 1: there is no setting \"rtsp-prot\"; did you mean \"rtsp-port\"?"),
            (
                "\n[stream.cam]\ninput = \"-\"",
                "FILE, line 2: there is no setting \"stream\"; did you mean \"streams\"?",
            ),
            (
                "[streams.cam]\ninput = \"-\"\nsizes = 1",
                "FILE, line 3: a stream has no \"sizes\"; did you mean \"size\"?",
            ),
            ("[streams.cam]\nrate = 3", "FILE, line 1: the stream \"cam\" has no input"),
            ("[streams.cam]\ninput = \"\"", "FILE, line 2: the stream \"cam\": "),
            ("[streams.cam]\ninput = \"-\"\nrate = \"x\"", "FILE, line 1: the stream \"cam\": "),
            ("[streams.cam]\ninput = \"-\"\nstart = \"soon\"", "FILE, line 3: start is \"on-demand\" or \"always\""),
            ("check = true", "FILE, line 1: \"check\" is no setting: it stands on the command line only"),
            (
                "[streams.cam]\ninput = \"-\"\nwatsh = [\"anna\"]",
                "FILE, line 3: a stream has no \"watsh\"; did you mean \"watch\"?",
            ),
            (
                "[streams.cam]\nwatch = [\"10.0.0.1/8\"]",
                "FILE, line 2: the stream \"cam\": watch: \"10.0.0.1/8\" names",
            ),
            ("[streams.cam]\nwatch = [{}]", "FILE, line 2: watch is a list of texts"),
            ("[streams.cam]\nrate = 3\nwatch = []", "FILE, line 1: the stream \"cam\" has no input"),
            ("host = [1, {}]", "FILE, line 1: host is a text, a number, true or false, or a list of them"),
            ("host = \"a\"\nhost = \"b\"", "FILE, line 2: "),
            ("loop =", "FILE, line 1: "),
        ];
        for (text, expected) in cases {
            let complaint = Toml::new(text).complaint(&[]);
            assert!(complaint.starts_with(expected), "{text:?}: {complaint}");
        }
        let complaint = Toml::new("max-clients = 0").complaint(&[]);
        assert!(complaint.contains("FILE, line 1") && complaint.contains("max-clients"), "{complaint}");
        let complaint = Toml::new("\nallow = [\"10.0.0.0/8\", \"home\"]").complaint(&[]);
        assert!(complaint.contains("FILE, line 2") && complaint.contains("neither a network"), "{complaint}");
        let complaint = Toml::new("loop = 1").complaint(&[]);
        assert!(complaint.contains("FILE, line 1"), "{complaint}");
        let missing = Toml::new("");
        fs::remove_file(&missing.0).unwrap();
        assert!(missing.complaint(&[]).starts_with("cannot read FILE"), "{}", missing.complaint(&[]));
    }

    #[test]
    fn every_option_that_says_how_to_serve_can_stand_in_a_file() {
        let command = Args::command();
        let keys: Vec<String> = command.get_arguments().filter(|argument| is_setting(argument)).map(key).collect();
        assert!(keys.len() > 12 && keys.contains(&"server-port".to_owned()), "{keys:?}");
        assert!(!keys.iter().any(|key| ["config", "check", "verbose", "help", "version"].contains(&key.as_str())));
    }
}
