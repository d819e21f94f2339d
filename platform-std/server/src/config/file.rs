//! The configuration file: TOML, read with the line of each value.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Command;
use mutoscope_std::input::Spec;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{is_setting, key};
use crate::access::{RULE_KEYS, RuleLine, StreamRule};

/// What a stream is said to have.
const STREAM_KEYS: &[&str] =
    &["input", "rate", "size", "poll", "order", "times", "tls-pin", "start", "record", "no-signal"];
/// Names that are less alike than this are not meant.
const ALIKE: f64 = 0.75;

/// A file that has been read.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    settings: Vec<Setting>,
    streams: Vec<Stream>,
    rules: Vec<StreamRule>,
}

/// What a file says of an option.
#[derive(Debug)]
pub(super) struct Setting {
    /// The option's name in this program.
    pub(super) id: String,
    /// Its name in the file.
    name: String,
    /// As they would stand on the command line.
    pub(super) values: Vec<String>,
    pub(super) line: usize,
}

/// A stream that a file names.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) name: String,
    pub(super) spec: Spec,
    pub(super) line: usize,
}

impl File {
    /// Reads a file of settings that are options of `command`.
    pub(super) fn read(path: &Path, command: &Command) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut file = Self { path: path.to_owned(), settings: Vec::new(), streams: Vec::new(), rules: Vec::new() };
        let lines = Lines(&text);
        let table = DeTable::parse(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| lines.number(&span));
            anyhow!("{}, line {line}: {}", path.display(), error.message())
        })?;
        for (name, value) in table.get_ref() {
            let (line, name) = (lines.number(&name.span()), &**name.get_ref());
            let done = if name == "streams" {
                file.read_streams(&lines, value)
            } else if let ("cluster", Some(table)) = (name, value.get_ref().as_table()) {
                file.read_cluster(command, &lines, table)
            } else {
                file.read_setting(command, line, name, value).with_context(|| format!("line {line}"))
            };
            // "FILE, line 7: what is wrong".
            done.map_err(|error| anyhow!("{}, {error:#}", path.display()))?;
        }
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn settings(&self) -> impl Iterator<Item = &Setting> {
        self.settings.iter()
    }

    pub(super) fn setting(&self, id: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.id == id)
    }

    pub(super) fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter()
    }

    /// Who may watch and publish, by streams.
    pub(super) fn rules(&self) -> impl Iterator<Item = &StreamRule> {
        self.rules.iter()
    }

    fn read_setting(&mut self, command: &Command, line: usize, name: &str, value: &Spanned<DeValue<'_>>) -> Result<()> {
        let Some(argument) = command.get_arguments().find(|argument| key(argument) == name) else {
            let known = command.get_arguments().filter(|argument| is_setting(argument)).map(key);
            let known: Vec<String> = known.chain(["streams".to_owned()]).collect();
            bail!("there is no setting {name:?}{}", did_you_mean(name, known.iter().map(String::as_str)));
        };
        if !is_setting(argument) {
            bail!("{name:?} is no setting: it stands on the command line only");
        }
        let values = list(value.get_ref());
        let values = values.with_context(|| format!("{name} is a text, a number, true or false, or a list of them"))?;
        self.settings.push(Setting { id: argument.get_id().to_string(), name: name.to_owned(), values, line });
        Ok(())
    }

    /// The settings of clusters, without what their names begin with.
    fn read_cluster(&mut self, command: &Command, lines: &Lines<'_>, table: &DeTable<'_>) -> Result<()> {
        for (key, value) in table {
            let (line, key) = (lines.number(&key.span()), &**key.get_ref());
            let at = || format!("line {line}");
            if key == "lan" {
                let lan = value.get_ref().as_bool().with_context(|| format!("{}: lan is true or false", at()))?;
                if lan {
                    let (id, name) = ("cluster".to_owned(), "cluster".to_owned());
                    self.settings.push(Setting { id, name, values: vec!["lan".to_owned()], line });
                }
                continue;
            }
            self.read_setting(command, line, &format!("cluster-{key}"), value).with_context(at)?;
        }
        Ok(())
    }

    fn read_streams(&mut self, lines: &Lines<'_>, value: &Spanned<DeValue<'_>>) -> Result<()> {
        let at = |span: &Range<usize>| format!("line {}", lines.number(span));
        let Some(streams) = value.get_ref().as_table() else {
            bail!("{}: streams are tables: [streams.NAME]", at(&value.span()));
        };
        for (name, value) in streams {
            let (span, name) = (name.span(), &**name.get_ref());
            let Some(table) = value.get_ref().as_table() else {
                bail!("{}: a stream is a table: [streams.{name}]", at(&span));
            };
            let (mut input, mut parameters, mut rules) = (None, String::new(), Vec::new());
            for (key, value) in table {
                let (number, line, key) = (lines.number(&key.span()), at(&key.span()), &**key.get_ref());
                if RULE_KEYS.contains(&key) {
                    let words = list(value.get_ref()).with_context(|| format!("{line}: {key} is a list of texts"))?;
                    rules.push(RuleLine { key: key.to_owned(), words, line: number });
                    continue;
                }
                if !STREAM_KEYS.contains(&key) {
                    let known = STREAM_KEYS.iter().chain(&RULE_KEYS).copied();
                    bail!("{line}: a stream has no {key:?}{}", did_you_mean(key, known));
                }
                if key == "record" {
                    parameters.push_str(&recording(value.get_ref()).with_context(|| line.clone())?);
                    continue;
                }
                let Some(text) = scalar(value.get_ref()) else { bail!("{line}: {key} is a text or a number") };
                match (key, text.as_str()) {
                    ("input", _) => input = Some((line, text)),
                    ("start", "always" | "on-demand") => parameters.push_str(&format!("#{text}")),
                    ("start", _) => bail!("{line}: start is \"on-demand\" or \"always\""),
                    _ => parameters.push_str(&format!("#{key}={text}")),
                }
            }
            // A table has no order, a file has.
            rules.sort_by_key(|rule: &RuleLine| rule.line);
            let rule = StreamRule::new(name, lines.number(&span), rules);
            let rule = rule.map_err(|(line, error)| anyhow!("line {line}: the stream {name:?}: {error}"))?;
            let is_ruled = rule.is_some();
            self.rules.extend(rule);
            let Some((input_line, input)) = input else {
                // What the command line serves has its rules here.
                if is_ruled && parameters.is_empty() {
                    continue;
                }
                bail!("{}: the stream {name:?} has no input", at(&span));
            };
            let spec = Spec::parse(&format!("{name}={input}{parameters}")).map_err(|error| {
                // A line of the input is told only for what the input alone has wrong.
                let is_input = Spec::parse(&format!("{name}={input}")).is_err();
                let line = if is_input { &input_line } else { &at(&span) };
                anyhow!("{line}: the stream {name:?}: {error}")
            })?;
            self.streams.push(Stream { name: name.to_owned(), spec, line: lines.number(&span) });
        }
        self.streams.sort_by_key(|stream| stream.line);
        self.rules.sort_by_key(|rule| rule.line);
        Ok(())
    }
}

/// What is wrong with the value of an option, and that it stands in the file where it does.
pub(super) fn explain(error: clap::Error, file: Option<&File>) -> clap::Error {
    use clap::error::{ContextKind, ContextValue};
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return error };
    let long = option.trim_start_matches('-').split(['=', ' ']).next().unwrap_or_default().to_owned();
    let Some((file, setting)) = file.and_then(|file| {
        let setting = file.settings.iter().find(|setting| setting.name == long)?;
        Some((file, setting))
    }) else {
        return error;
    };
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.clone(),
        _ => String::new(),
    };
    if !setting.values.contains(&value) {
        return error;
    }
    let (kind, path, line) = (error.kind(), file.path.display(), setting.line);
    clap::Error::raw(kind, format!("{path}, line {line}: {error}"))
}

/// A list of scalars, or one alone.
fn list(value: &DeValue<'_>) -> Option<Vec<String>> {
    match value {
        DeValue::Array(values) => values.iter().map(|value| scalar(value.get_ref())).collect(),
        value => Some(vec![scalar(value)?]),
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(value) => Some(value.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// How a stream is recorded, as parameters of its input.
fn recording(value: &DeValue<'_>) -> Result<String> {
    let Some(table) = value.as_table() else {
        let folder = scalar(value).context("record is a folder, or { dir, segment, keep }")?;
        return recorded_in(&folder);
    };
    let (mut folder, mut parameters) = (None, String::new());
    for (key, value) in table {
        let key = &**key.get_ref();
        let Some(text) = scalar(value.get_ref()) else { bail!("{key} of record is a text") };
        match key {
            "dir" => folder = Some(recorded_in(&text)?),
            "segment" | "keep" => parameters.push_str(&format!("#{key}={text}")),
            _ => bail!("record has no {key:?}{}", did_you_mean(key, ["dir", "segment", "keep"].into_iter())),
        }
    }
    Ok(folder.context("record has no dir, the folder for the recordings")? + &parameters)
}

fn recorded_in(folder: &str) -> Result<String> {
    if folder.contains('#') {
        bail!("{folder:?} cannot be a folder for recordings: parameters begin at a hash");
    }
    Ok(format!("#record={folder}"))
}

fn did_you_mean<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> String {
    let alike = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let nearest = alike.filter(|(alike, _)| *alike >= ALIKE).max_by(|(one, _), (other, _)| one.total_cmp(other));
    nearest.map_or_else(String::new, |(_, known)| format!("; did you mean {known:?}?"))
}

/// Tells the lines of places in a text.
struct Lines<'t>(&'t str);

impl Lines<'_> {
    fn number(&self, span: &Range<usize>) -> usize {
        let before = self.0.as_bytes().get(..span.start).unwrap_or(self.0.as_bytes());
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }
}
