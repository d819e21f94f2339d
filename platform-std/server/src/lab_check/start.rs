//! How a student's programs are started: interpreters, and what stands on their command lines.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::child::{Frame, Running, ask};
use super::clip;
use super::find::{Program, words};
use super::keeper::Limits;
use super::link::Link;
use super::payload::Payload;
use super::rules::Half;

/// Where servers listen and clients connect.
const HOST: &str = "127.0.0.1";
/// What Python tells of itself: who it is, where its user's packages are.
const PROBE: &str = "import sys, site; print(sys.executable); print(site.getuserbase())";
/// How long a compiler may take.
const COMPILING: Duration = Duration::from_secs(60);
/// The files that stand beside the program which presses buttons.
const TOOLS: [(&str, &str); 4] = [
    ("LabPress.java", include_str!("shim/LabPress.java")),
    ("press.py", include_str!("shim/press.py")),
    ("stub_tk.py", include_str!("shim/stub_tk.py")),
    ("stub_pil.py", include_str!("shim/stub_pil.py")),
];

/// What programs are started with.
#[derive(Debug)]
pub(super) struct Starter {
    /// The copy of the student's folder.
    pub(super) copy: PathBuf,
    /// Our own files.
    pub(super) tools: PathBuf,
    pub(super) limits: Limits,
    pub(super) output: u64,
    pub(super) python: Option<Python>,
    pub(super) display: Option<OsString>,
    /// The form of packets for the client.
    pub(super) payload: Payload,
}

/// An interpreter.
#[derive(Clone, Debug)]
pub(super) struct Python {
    executable: String,
    user_base: String,
}

impl Python {
    /// The interpreter of that name.
    pub(super) fn find(name: &str, folder: &Path) -> Result<Self> {
        let told =
            ask(name.as_ref(), &["-c", PROBE], folder).with_context(|| format!("{name} does not run; see --python"))?;
        let (executable, user_base) = told.split_once('\n').with_context(|| format!("{name} is no Python"))?;
        ensure!(!executable.is_empty(), "{name} does not tell where it is");
        Ok(Self { executable: executable.to_owned(), user_base: user_base.to_owned() })
    }
}

/// Writes our files.
pub(super) fn write_tools(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    TOOLS.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text)).context("cannot write our own files")
}

impl Starter {
    /// Starts a server on a port.
    pub(super) fn server(&self, program: &Program, port: u16) -> Result<Running> {
        let port = port.to_string();
        let line = match program {
            Program::Python(script) => vec![self.python()?.executable.clone().into(), file_name(script), port.into()],
            Program::Java { class, .. } => java(&[class, &port]),
            Program::Command(words) => filled(words, &[("port", &port), ("host", HOST), ("file", clip::NAME)]),
        };
        self.run(program, &line)
    }

    /// Starts a client for a server's port, with a port for RTP.
    pub(super) fn client(&self, program: &Program, port: u16, rtp_port: u16, link: &Link) -> Result<Running> {
        let (port, rtp_port) = (port.to_string(), rtp_port.to_string());
        let line = match program {
            Program::Python(script) => {
                let python = self.python()?.executable.clone();
                let mut line = self.pressed(python.into(), link);
                line.push(file_name(script));
                line.extend([HOST, &port, &rtp_port, clip::NAME].map(OsString::from));
                line
            }
            Program::Java { class, .. } => {
                let path = format!(".:{}", self.tools.display());
                let link_port = link.port.to_string();
                let line = ["java", "-cp", &path, "LabPress", &link_port, &link.token, class, HOST, &port, clip::NAME];
                line.map(OsString::from).to_vec()
            }
            Program::Command(words) => {
                let values = [("port", &*port), ("rtp_port", &rtp_port), ("host", HOST), ("file", clip::NAME)];
                let mut line = filled(words, &values);
                if is_pressed(program) {
                    let rest = line.split_off(1);
                    line = self.pressed(line.remove(0), link);
                    line.extend(rest);
                }
                line
            }
        };
        self.run(program, &line)
    }

    /// Python with the program that presses buttons.
    fn pressed(&self, python: OsString, link: &Link) -> Vec<OsString> {
        let display = if self.display.is_some() { "tk" } else { "none" };
        let tool = self.tools.join("press.py").into_os_string();
        vec![python, tool, link.port.to_string().into(), link.token.clone().into(), display.into()]
    }

    fn python(&self) -> Result<&Python> {
        self.python.as_ref().context("there is no Python")
    }

    fn run(&self, program: &Program, line: &[OsString]) -> Result<Running> {
        let mut variables: Vec<(OsString, OsString)> = [
            ("PYTHONUNBUFFERED", "1"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("PYTHONIOENCODING", "utf-8"),
            // Libraries that take a gigabyte of addresses for each processor.
            ("OPENBLAS_NUM_THREADS", "1"),
            ("OMP_NUM_THREADS", "1"),
            // The machine that runs Java counts as memory what it only might take.
            ("JAVA_TOOL_OPTIONS", "-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .to_vec();
        variables.extend(self.display.iter().map(|display| ("DISPLAY".into(), display.clone())));
        // It lies in the user's home, which the program does not get.
        let key = std::env::var_os("HOME").map(|home| Path::new(&home).join(".Xauthority")).filter(|key| key.exists());
        if let Some(key) = key.filter(|_| std::env::var_os("XAUTHORITY").is_none()) {
            variables.push(("XAUTHORITY".into(), key.into()));
        }
        variables.extend(self.python.iter().map(|python| ("PYTHONUSERBASE".into(), python.user_base.clone().into())));
        let mut limits = self.limits;
        if is_java(program) {
            limits.memory = 0;
        }
        let folder = self.copy.join(program.folder());
        Running::start(line, &Frame { limits, output: self.output, folder, variables })
    }

    /// Compiles what is there as source alone; and, for a client, what presses its buttons.
    pub(super) fn compile(&self, program: &Program, half: Half) -> Result<()> {
        let Program::Java { folder, class } = program else { return Ok(()) };
        let place = self.copy.join(folder);
        let has_class = || place.join(format!("{class}.class")).exists();
        if !has_class() {
            let mut sources: Vec<OsString> = fs::read_dir(&place)?.flatten().map(|entry| entry.file_name()).collect();
            sources.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "java"));
            let told = self.javac(program, &sources)?;
            ensure!(has_class(), "javac does not make {class}.class: {told}");
        }
        if half == Half::Client {
            let tools = self.tools.as_os_str();
            let told = self.javac(program, &["-d".into(), tools.into(), self.tools.join("LabPress.java").into()])?;
            ensure!(self.tools.join("LabPress.class").exists(), "what presses buttons cannot be compiled: {told}");
        }
        Ok(())
    }

    /// Runs the compiler. What it says at the end.
    fn javac(&self, program: &Program, arguments: &[OsString]) -> Result<String> {
        let line = [&["javac".into()], arguments].concat();
        let mut running = self.run(program, &line)?;
        running.ends_within(COMPILING);
        running.end();
        Ok(running.last_words().join("; "))
    }
}

/// Whether a program of ours presses its buttons.
pub(super) fn is_pressed(program: &Program) -> bool {
    match program {
        Program::Python(_) | Program::Java { .. } => true,
        Program::Command(words) => {
            let name = words.first().and_then(|word| word.rsplit('/').next()).unwrap_or_default();
            name.starts_with("python") && words.get(1).is_some_and(|word| !word.starts_with('-'))
        }
    }
}

/// Whether its command line has the port for RTP.
pub(super) fn gets_port(program: &Program) -> bool {
    match program {
        Program::Python(_) => true,
        Program::Java { .. } => false,
        Program::Command(words) => words.iter().any(|word| word.contains("{rtp_port}")),
    }
}

/// Whether it runs in Java's machine.
pub(super) fn is_java(program: &Program) -> bool {
    match program {
        Program::Java { .. } => true,
        Program::Python(_) => false,
        Program::Command(words) => words.first().is_some_and(|word| word.ends_with("java")),
    }
}

/// A program of the command line.
pub(super) fn command(text: &str) -> Result<Program> {
    let words = words(text);
    ensure!(!words.is_empty(), "a command has a program");
    Ok(Program::Command(words))
}

fn file_name(script: &Path) -> OsString {
    script.file_name().map(OsString::from).unwrap_or_default()
}

fn java(words: &[&str]) -> Vec<OsString> {
    ["java", "-cp", "."].iter().chain(words).map(OsString::from).collect()
}

/// The words with values for what stands in braces.
fn filled(words: &[String], values: &[(&str, &str)]) -> Vec<OsString> {
    let fill = |word: &String| {
        values.iter().fold(word.clone(), |word, (name, value)| word.replace(&format!("{{{name}}}"), value)).into()
    };
    words.iter().map(fill).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_filled_and_known_for_what_they_are() {
        let program = command("python3 my.py {host} {port} {rtp_port} {file}").unwrap();
        assert!(is_pressed(&program) && gets_port(&program) && !is_java(&program));
        let Program::Command(words) = &program else { panic!() };
        assert_eq!(
            filled(words, &[("port", "5"), ("rtp_port", "6"), ("host", "h"), ("file", "f")])[2..],
            ["h", "5", "6", "f"]
        );
        let program = command("./client {port}").unwrap();
        assert!(!is_pressed(&program) && !gets_port(&program));
        assert!(is_java(&command("/usr/bin/java Client").unwrap()) && !is_pressed(&command("python3 -m x").unwrap()));
        assert!(command(" ").is_err());
    }
}
