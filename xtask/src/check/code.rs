//! Rules about Rust code.

use super::source::{crate_paths, line_of, words};
use super::{File, Problem, Tree};

const CORE: &str = "core/src/";

/// Long files hide more than one thing.
pub(super) fn file_length(tree: &Tree) -> Vec<Problem> {
    const MOST: usize = 800;
    tree.sources("")
        .filter_map(|(file, _)| {
            let lines = file.text.as_deref()?.lines().count();
            (lines > MOST).then(|| Problem::new(&file.path, 0, format!("{lines} lines, {MOST} at most")))
        })
        .collect()
}

/// The core names neither std nor alloc, and has no unsafe code.
pub(super) fn no_std(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    let root = "core/src/lib.rs";
    for attribute in ["#![no_std]", "#![forbid(unsafe_code)]"] {
        if !tree.file(root).and_then(|file| file.source.as_ref()).is_some_and(|source| source.code.contains(attribute))
        {
            problems.push(Problem::new(root, 0, format!("has no {attribute}")));
        }
    }
    for (file, source) in tree.sources(CORE).filter(|(file, _)| !file.test) {
        for (word, why) in [
            ("std::", "the core has no std"),
            ("alloc::", "the core does not allocate"),
            ("extern crate", "the core links nothing by hand"),
            ("unsafe", "the core has no unsafe code"),
        ] {
            for at in words(&source.shipped, word) {
                problems.push(Problem::new(&file.path, line_of(&source.shipped, at), format!("`{word}`: {why}")));
            }
        }
    }
    problems
}

/// The lints that find indexing, unwrapping and overflow are denied in all of the core: by its root, and nowhere else.
pub(super) fn panic_lints(tree: &Tree) -> Vec<Problem> {
    const ROOT: &str = "core/src/lib.rs";
    const LINTS: &[&str] = &[
        "clippy::indexing_slicing",
        "clippy::unwrap_used",
        "clippy::expect_used",
        "clippy::panic",
        "clippy::arithmetic_side_effects",
    ];
    let mut problems = Vec::new();
    let root = tree.file(ROOT).and_then(|file| file.source.as_ref()).map_or("", |source| &source.code);
    let root: String = root.split_whitespace().collect();
    let denied = root.split("#![cfg_attr(not(test),deny(").nth(1).and_then(|rest| rest.split(')').next()).unwrap_or("");
    let missing: Vec<_> =
        LINTS.iter().filter(|lint| !denied.split(',').any(|denied| denied == **lint)).copied().collect();
    if !missing.is_empty() {
        problems.push(Problem::new(ROOT, 0, format!("does not deny {} outside of tests", missing.join(", "))));
    }
    // No other file may set their level. Functions that the compiler runs may, because a panic is an error there.
    for (file, source) in tree.sources(CORE).filter(|(file, _)| file.path != ROOT) {
        for (at, lint) in LINTS.iter().flat_map(|lint| source.shipped.match_indices(lint)) {
            let (attribute, item) = attribute_at(&source.shipped, at);
            let compile_time =
                attribute.contains("reason") && item.split_once("fn ").is_some_and(|(kind, _)| kind.contains("const"));
            if !compile_time {
                let problem = format!("sets the level of {lint}, which is for {ROOT} alone");
                problems.push(Problem::new(&file.path, line_of(&source.shipped, at), problem));
            }
        }
    }
    problems
}

/// The attribute around a position, and what follows it.
fn attribute_at(code: &str, at: usize) -> (&str, &str) {
    let start = code[..at].rfind('#').unwrap_or(0);
    let mut depth = 0;
    for (i, c) in code[start..].char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return (&code[start..start + i], &code[start + i + 1..]);
        }
    }
    (&code[start..], "")
}

/// The layers of the core. A module uses those of its own line no more than those of the lines behind.
const LAYERS: &[&[&str]] = &[
    &["address", "random", "time"],
    &["wire"],
    &["auth", "jpeg"],
    &["media"],
    &["rtp"],
    &["srtp"],
    &["session"],
    &["delivery", "player"],
    &["io"],
];

/// Layers that take time, randomness and bytes as arguments. (`media` reads files through `embedded_io`.)
const SANS_IO: &[&str] =
    &["time", "random", "rate", "wire", "auth", "jpeg", "rtp", "srtp", "session", "delivery", "player"];

/// Each layer of the core knows only those inside it.
pub(super) fn layers(tree: &Tree) -> Vec<Problem> {
    let layer_of = |name: &str| LAYERS.iter().position(|layer| layer.contains(&name));
    let mut problems = Vec::new();
    for (file, source) in tree.sources(CORE).filter(|(file, _)| !file.test) {
        let folder = folder(file);
        // The root names all modules, and macros stand outside of the order.
        let Some(layer) = layer_of(folder) else { continue };
        for (at, name) in crate_paths(&source.shipped) {
            if name != folder && layer_of(&name).is_some_and(|used| used >= layer) {
                let message = format!("`{folder}` uses `crate::{name}`, which is not further in");
                problems.push(Problem::new(&file.path, line_of(&source.shipped, at), message));
            }
        }
        if SANS_IO.contains(&folder) {
            for word in ["embedded_io", "Clock", "Datagram", "getrandom"] {
                for at in words(&source.shipped, word) {
                    let message = format!("`{folder}` names `{word}`: time, randomness and bytes are arguments here");
                    problems.push(Problem::new(&file.path, line_of(&source.shipped, at), message));
                }
            }
        }
    }
    for (file, _) in tree.sources(CORE).filter(|(file, _)| !file.test) {
        let folder = folder(file);
        if layer_of(folder).is_none() && !matches!(folder, "lib" | "macros") {
            problems.push(Problem::new(&file.path, 0, format!("`{folder}` is in no layer")));
        }
    }
    problems
}

/// How long the adapters are without tests and blank lines: a large one is a sign that something leaked out of the core.
pub(super) fn adapter_sizes(tree: &Tree) -> String {
    ["platform-std", "platform-smoltcp"]
        .map(|adapter| {
            let lines: usize = adapter_sources(tree)
                .filter(|(file, _)| file.path.starts_with(adapter))
                .map(|(_, source)| source.shipped.lines().filter(|line| !line.trim().is_empty()).count())
                .sum();
            format!("{adapter} {lines} lines of code")
        })
        .join(", ")
}

fn adapter_sources(tree: &Tree) -> impl Iterator<Item = (&File, &super::source::Source)> {
    ["platform-std/src/", "platform-smoltcp/src/"]
        .into_iter()
        .flat_map(|folder| tree.sources(folder))
        .filter(|(file, _)| !file.test)
}

/// Nothing half done.
pub(super) fn finished(tree: &Tree) -> Vec<Problem> {
    const MACROS: &[&str] = &["todo!", "unimplemented!", "dbg!"];
    const NOTES: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];
    let mut problems = Vec::new();
    for (file, source) in tree.sources("") {
        for name in MACROS {
            for at in words(&source.code, name) {
                problems.push(Problem::new(&file.path, line_of(&source.code, at), format!("`{name}`")));
            }
        }
        // Comments are only in the text; this file names the words in literals.
        let text = file.text.as_deref().unwrap_or_default();
        for (number, comment) in
            (1..).zip(text.lines()).filter_map(|(number, line)| Some((number, line.split_once("//")?.1)))
        {
            for note in NOTES.iter().filter(|note| words(comment, note).next().is_some()) {
                problems.push(Problem::new(&file.path, number, format!("`{note}` in a comment")));
            }
        }
    }
    if tree.sources("").next().is_none() {
        problems.push(Problem::new(".", 0, "holds no Rust files"));
    }
    problems
}

/// The folder or top-level module of the core that a file belongs to.
fn folder(file: &File) -> &str {
    let inside = file.path.strip_prefix(CORE).unwrap_or("");
    inside.split(['/', '.']).next().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(rule: fn(&Tree) -> Vec<Problem>, path: &str, text: &str) -> usize {
        rule(&Tree::of(&[("core/src/lib.rs", "#![no_std]\n#![forbid(unsafe_code)]"), (path, text)])).len()
    }

    #[test]
    fn a_file_has_800_lines_at_most() {
        assert_eq!(messages(file_length, "core/src/a.rs", &"\n".repeat(800)), 0);
        assert_eq!(messages(file_length, "core/src/a.rs", &"\n".repeat(801)), 1);
        assert_eq!(messages(file_length, "xtask/src/a.rs", &"\n".repeat(801)), 1);
    }

    #[test]
    fn the_core_names_neither_std_nor_alloc_nor_unsafe() {
        for (text, problems) in [
            ("use core::fmt;", 0),
            ("/// Like `std::vec::Vec`.\nfn a() {}", 0),
            ("#[cfg(test)]\nmod tests { use std::vec::Vec; }", 0),
            ("use std::fmt;", 1),
            ("use ::alloc::vec::Vec;", 1),
            ("extern crate alloc;", 1),
            ("fn a() { unsafe { b() } }", 1),
        ] {
            assert_eq!(messages(no_std, "core/src/a.rs", text), problems, "{text}");
        }
        assert_eq!(no_std(&Tree::of(&[("core/src/lib.rs", "//! #![no_std]")])).len(), 2);
    }

    #[test]
    fn panic_lints_are_denied_and_not_allowed_again() {
        let deny = "#![cfg_attr(\n    not(test),\n    deny(\n        clippy::indexing_slicing,\n        clippy::unwrap_used,\n        clippy::expect_used,\n        clippy::panic,\n        clippy::arithmetic_side_effects\n    )\n)]";
        let tree = |file| Tree::of(&[("core/src/lib.rs", deny), ("core/src/wire/a.rs", file)]);
        assert_eq!(panic_lints(&tree("fn a() {}")), []);
        assert_eq!(panic_lints(&tree("#[allow(clippy::indexing_slicing)]\nfn a() {}")).len(), 1);
        assert_eq!(panic_lints(&tree("#[expect(clippy::panic, reason = \"x\")]\nfn a() {}")).len(), 1);
        assert_eq!(panic_lints(&tree("#![deny(clippy::panic)]\nfn a() {}")).len(), 1, "declared twice");
        assert_eq!(panic_lints(&tree("#[allow(\n    clippy::panic,\n    reason = \"x\"\n)]\nconst fn a() {}")), []);
        let weak = deny.replace("clippy::panic,", "");
        assert_eq!(panic_lints(&Tree::of(&[("core/src/lib.rs", &weak)])).len(), 1);
        assert_eq!(panic_lints(&Tree::of(&[("core/src/lib.rs", "")])).len(), 1);
    }

    #[test]
    fn inner_layers_do_not_know_outer_ones() {
        for (path, text, problems) in [
            ("core/src/wire/a.rs", "use crate::time::Instant; use super::rtp;", 0),
            ("core/src/wire/a.rs", "use crate::rtp::sender::Sender;", 1),
            ("core/src/jpeg/a.rs", "use crate::{time, io::Stream};", 1),
            ("core/src/time.rs", "use crate::media::FrameRate;", 1),
            ("core/src/time.rs", "use crate::random::Random;", 1),
            ("core/src/player/mod.rs", "use crate::delivery::Delivery;", 1),
            ("core/src/player/mod.rs", "use crate::session::client; use crate::player::Goal;", 0),
            ("core/src/media/a.rs", "use crate::rtp::Sender;", 1),
            ("core/src/attic.rs", "fn a() {}", 1),
            ("core/src/macros.rs", "use crate::io::Clock;", 0),
            ("core/src/rtp/a.rs", "use crate::wire::rtp::Packet; use crate::jpeg::Layout;", 0),
            ("core/src/rtp/a.rs", "fn a(clock: &impl Clock) {}", 1),
            ("core/src/session/a.rs", "fn a(stream: impl embedded_io::Read) {}", 1),
            ("core/src/session/a.rs", "fn a(clock: WallClock) {}", 0),
            ("core/src/media/a.rs", "fn a(file: impl embedded_io::Read) {}", 0),
            ("core/src/session/a.rs", "#[cfg(test)] mod tests { use crate::io::Clock; }", 0),
            ("core/src/io/a.rs", "use crate::session::server::Connection;", 0),
        ] {
            assert_eq!(messages(layers, path, text), problems, "{path}: {text}");
        }
    }

    #[test]
    fn placeholders_are_found_in_code_and_in_comments() {
        for (text, problems) in [
            ("fn a() { todo!() }", 1),
            ("fn a() { dbg!(1); unimplemented!() }", 2),
            ("fn a() { b(\"todo!\") }", 0),
            (concat!("// TO", "DO: later"), 1),
            ("// A method, to do something", 0),
        ] {
            assert_eq!(messages(finished, "a.rs", text), problems, "{text}");
        }
    }
}
