//! Names of services and machines, as DNS takes them.

use crate::console::OneLine;
use crate::server::machine_name;

/// A part of a name has so many bytes at the most.
const LONGEST: usize = 63;

/// The name that people see: what it is, and the machine on which it is.
pub(super) fn instance(what: &str, machine: &str) -> String {
    let behind = format!(" on {}", cut(machine, 20));
    let what = OneLine(what).to_string();
    format!("{}{behind}", cut(&what, LONGEST - behind.len()))
}

/// How the names of machines begin that our servers tell.
pub(super) const HOST: &str = "mutoscope-";

/// A name of this server's own for the machine, beside the one that the system has: who answers for that is not disturbed, and a server
/// that says goodbye takes no name from another one.
pub(super) fn host(machine: &str, port: u16, stream: Option<u32>) -> String {
    let letters: String = machine.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let stream = stream.map(|number| format!("-{number}")).unwrap_or_default();
    format!("{HOST}{}-{port}{stream}.local.", cut(letters.trim_matches('-'), 30))
}

/// What people call this machine.
pub(super) fn machine() -> String {
    let name = machine_name();
    let first = name.split('.').next().unwrap_or_default();
    if first.is_empty() { "this machine".to_owned() } else { OneLine(first).to_string() }
}

/// The name that people see, of a full one.
pub(super) fn of_instance(full: &str, kind: &str) -> String {
    let name = full.strip_suffix(kind).and_then(|name| name.strip_suffix('.')).unwrap_or(full);
    let mut plain = String::with_capacity(name.len());
    let mut characters = name.chars();
    while let Some(c) = characters.next() {
        plain.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    OneLine(plain).to_string()
}

/// As much of the beginning as has so many bytes.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_whatever_streams_and_machines_are_called() {
        assert_eq!(instance("porch", "pi"), "porch on pi");
        assert_eq!(instance("a\nb", "pi"), "a\\nb on pi");
        for (what, machine) in [("ü".repeat(100), "ö".repeat(100)), ("a".repeat(300), "b".repeat(63))] {
            let name = instance(&what, &machine);
            assert!(name.len() <= LONGEST && name.contains(" on "), "{name}");
            assert!(host(&machine, 65_535, Some(u32::MAX)).len() <= LONGEST + ".local.".len());
        }
        assert_eq!(host("my pi", 8554, None), "mutoscope-my-pi-8554.local.");
        assert_eq!(host("my pi", 8554, Some(3)), "mutoscope-my-pi-8554-3.local.");
        assert_eq!(crate::announce::host_name(8554), host(&machine(), 8554, None).trim_end_matches('.'));
    }

    #[test]
    fn names_of_strangers_are_shown_as_one_line() {
        assert_eq!(of_instance("a\\.b \\\\c._rtsp._tcp.local.", "_rtsp._tcp.local."), "a.b \\c");
        assert_eq!(of_instance("a\u{1b}[2J._rtsp._tcp.local.", "_rtsp._tcp.local."), "a\\u{1b}[2J");
        assert_eq!(of_instance("something else\\", "_rtsp._tcp.local."), "something else");
    }
}
