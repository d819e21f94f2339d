//! `--print-config`: what the program would run with, as a configuration file.

use std::fmt::Write;
use std::path::Path;

use clap::{ArgAction, CommandFactory};
use mutoscope_std::input::MASK;
use toml_writer::ToTomlValue;

use super::{Configuration, is_setting, key};
use crate::access::{RuleLine, StreamRule};
use crate::args::Args;

/// A file that says what this configuration says, with the origin of each value. Variables stay what they are; passwords, and
/// the values of queries, that are written out are masked.
pub(crate) fn print(configuration: &Configuration) -> String {
    let mut out = String::from("# What mutoscope-server would run with, and where that comes from.\n");
    // Without the defaults that come from a file, so that the order is the help's and the list is complete.
    for argument in Args::command().get_arguments().filter(|argument| is_setting(argument)) {
        let (id, name) = (argument.get_id().as_str(), key(argument));
        let origin = configuration.origin(id);
        let raw = configuration.matches.get_raw(id);
        let raw: Vec<String> = raw.into_iter().flatten().map(|value| value.to_string_lossy().into_owned()).collect();
        let _ = match (id, argument.get_action()) {
            ("media", _) => {
                let paths = configuration.paths.iter().map(|path| text(&path.to_string_lossy()));
                let paths: Vec<String> = paths.collect();
                if paths.is_empty() { Ok(()) } else { writeln!(out, "{name} = [{}]  # {origin}", paths.join(", ")) }
            }
            (_, ArgAction::SetTrue) => writeln!(out, "{name} = {}  # {origin}", configuration.matches.get_flag(id)),
            (_, ArgAction::Append) => {
                let values: Vec<String> = raw.iter().flat_map(|values| values.split(',')).map(text).collect();
                writeln!(out, "{name} = [{}]  # {origin}", values.join(", "))
            }
            _ => match raw.as_slice() {
                [value] => writeln!(out, "{name} = {}  # {origin}", number_or_text(value)),
                _ => writeln!(out, "# {name} is not set"),
            },
        };
    }
    for spec in configuration.films.iter().chain(&configuration.specs) {
        let stream = configuration.file.iter().flat_map(|file| file.streams().map(move |stream| (file, stream)));
        // One of the command line may have taken the place of the file's.
        let stream = { stream }.find(|(_, stream)| stream.spec == *spec);
        let origin = match stream {
            Some((file, stream)) => format!("{}, line {}", file.path().display(), stream.line),
            None => configuration.origin("media"),
        };
        let input = spec.masked();
        let masked = if input.contains(MASK) { format!("; {MASK} is not what it says there") } else { String::new() };
        let name = bare_or_text(spec.name());
        let _ = write!(out, "\n# {origin}{masked}\n[streams.{name}]\ninput = {}\n", text(&input));
        configuration
            .stream_rules()
            .filter(|rule| rule.name == spec.name())
            .for_each(|rule| print_rule(&mut out, rule));
    }
    let is_printed =
        |name: &str| configuration.films.iter().chain(&configuration.specs).any(|spec| spec.name() == name);
    for rule in configuration.stream_rules().filter(|rule| !is_printed(&rule.name)) {
        let path = configuration.path().unwrap_or(Path::new("")).display();
        let _ = write!(out, "\n# {path}, line {}\n[streams.{}]\n", rule.line, bare_or_text(&rule.name));
        print_rule(&mut out, rule);
    }
    out
}

/// Who may watch and publish a stream, as it stands in the file.
fn print_rule(out: &mut String, rule: &StreamRule) {
    for RuleLine { key, words, .. } in &rule.lines {
        let words = words.iter().map(|word| text(word)).collect::<Vec<_>>().join(", ");
        let _ = if key == "encryption" { writeln!(out, "{key} = {words}") } else { writeln!(out, "{key} = [{words}]") };
    }
}

fn text(text: &str) -> String {
    text.to_toml_value()
}

fn number_or_text(value: &str) -> String {
    if value.parse::<i64>().is_ok() { value.to_owned() } else { text(value) }
}

/// A key of TOML.
fn bare_or_text(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_bare { name.to_owned() } else { text(name) }
}
