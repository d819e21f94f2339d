//! Rules about what is in the tree beside code, and about documents.

use super::source::{line_of, words};
use super::{Problem, RULES, Tree};

/// Media and captures do not belong into git.
pub(super) fn file_size(tree: &Tree) -> Vec<Problem> {
    const MOST: u64 = 200 * 1024;
    tree.files
        .iter()
        .filter(|file| file.size > MOST)
        .map(|file| Problem::new(&file.path, 0, format!("{} bytes, {MOST} at most", file.size)))
        .collect()
}

/// Paths that exist on one machine only. Tests may name the temporary folder.
pub(super) fn machine_paths(tree: &Tree) -> Vec<Problem> {
    const FOLDERS: &[&str] = &["/work/", "/home/", "/root/", "/Users/", "/tmp/", "C:\\Users\\"];
    let mut problems = Vec::new();
    for (file, text) in tree.texts() {
        // This file has to name them.
        if file.path == "xtask/src/check/documents.rs" {
            continue;
        }
        for folder in FOLDERS {
            for (at, _) in text.match_indices(folder) {
                // `target/work/` and `http://host/work/` are no absolute paths.
                let inside = text[..at].ends_with(|c: char| c.is_alphanumeric() || "-_.}/".contains(c));
                let in_test = *folder == "/tmp/"
                    && (file.test
                        || file.source.as_ref().is_some_and(|source| !source.shipped_text[at..].starts_with(folder)));
                if !inside && !in_test {
                    problems.push(Problem::new(&file.path, line_of(text, at), format!("names `{folder}`")));
                }
            }
        }
    }
    problems
}

/// `[text](target)`: the file is there, and so is the heading after `#`. A path in backticks that begins with a folder of this
/// tree is there too.
pub(super) fn links(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (file, text) in tree.texts().filter(|(file, _)| file.path.ends_with(".md")) {
        for (line, path) in code_spans(text).filter(|(_, span)| is_path(tree, span)) {
            if !tree.holds(path.trim_end_matches('/')) {
                problems.push(Problem::new(&file.path, line, format!("there is no `{path}`")));
            }
        }
        for (line, target) in link_targets(text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
            let path = if path.is_empty() { file.path.clone() } else { resolve(&file.path, path) };
            if !path.is_empty() && !tree.holds(path.trim_end_matches('/')) {
                problems.push(Problem::new(&file.path, line, format!("{target}: there is no {path}")));
            } else if let (Some(anchor), Some(text)) = (anchor, tree.text(&path).filter(|_| path.ends_with(".md")))
                && !headings(text).any(|heading| heading == anchor)
            {
                problems.push(Problem::new(&file.path, line, format!("{target}: {path} has no such heading")));
            }
        }
    }
    problems
}

/// Pages on a registry hold a package's README alone, so that its links to other files would lead nowhere.
pub(super) fn registry_readmes(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (manifest, text) in tree.texts().filter(|(file, _)| file.path.ends_with("/Cargo.toml")) {
        let is_private = |line: &str| line == "publish.workspace = true" || line == "publish = false";
        if !text.lines().any(|line| line == "[package]") || text.lines().any(is_private) {
            continue;
        }
        let path = manifest.path.replace("Cargo.toml", "README.md");
        let Some(readme) = tree.text(&path) else {
            problems.push(Problem::new(&path, 0, "is not there, and a registry shows it"));
            continue;
        };
        for (line, target) in link_targets(readme) {
            if !target.contains("://") && !target.starts_with('#') {
                problems.push(Problem::new(&path, line, format!("{target}: a registry has no such file")));
            }
        }
    }
    problems
}

/// Under a heading with "Invariants", every numbered item ends with a dash and the names of its checks: a rule of `xtask
/// check`, a group of `xtask test`, a test function or a file, in backticks; or clippy or the compiler in plain words. Every
/// name must exist.
pub(super) fn invariants(tree: &Tree) -> Vec<Problem> {
    const DOCUMENT: &str = "ARCHITECTURE.md";
    let Some(text) = tree.text(DOCUMENT) else { return vec![Problem::new(DOCUMENT, 0, "is not there")] };
    let items = numbered_items(text);
    let mut problems = Vec::new();
    if items.is_empty() {
        problems.push(Problem::new(DOCUMENT, 0, "has no numbered invariants under a heading that says so"));
    }
    for (expected, (line, number, item)) in (1..).zip(&items) {
        let mut problem = |message: String| problems.push(Problem::new(DOCUMENT, *line, message));
        if *number != expected {
            problem(format!("invariant {number} should be number {expected}"));
        }
        let Some((_, checks)) = item.rsplit_once(" \u{2014} ") else {
            problem(format!("invariant {number} names no check behind a dash"));
            continue;
        };
        let names: Vec<_> =
            checks.split('`').skip(1).step_by(2).filter(|name| !is_command_or_attribute(name)).collect();
        for name in names.iter().filter(|name| !exists(tree, name)) {
            problem(format!("invariant {number}: `{name}` is no rule, group, test or file"));
        }
        if names.is_empty() && !["clippy", "the compiler"].iter().any(|tool| checks.contains(tool)) {
            problem(format!("invariant {number} names no check that could fail"));
        }
    }
    problems
}

/// Whether a text in backticks is a command or an attribute, and so no name of a check.
fn is_command_or_attribute(name: &str) -> bool {
    name.starts_with("xtask ") || name.starts_with("cargo ") || name.contains('(')
}

fn exists(tree: &Tree, name: &str) -> bool {
    let function = name.rsplit("::").next().unwrap_or(name);
    RULES.iter().any(|rule| rule.name == name)
        || crate::groups::Group::exists(name)
        || tree.holds(name)
        || tree.files.iter().any(|file| file.path.ends_with(&format!("/{name}")))
        || tree.sources("").any(|(_, source)| defines(&source.code, function))
}

fn defines(code: &str, function: &str) -> bool {
    words(code, function).any(|at| code[..at].ends_with("fn "))
}

/// Line, number and text of the items `1.`, `2.`, … in sections whose heading says "invariants".
fn numbered_items(text: &str) -> Vec<(usize, usize, String)> {
    let mut items: Vec<(usize, usize, String)> = Vec::new();
    let (mut inside, mut open) = (false, false);
    for (line, content) in (1..).zip(text.lines()) {
        if content.starts_with('#') {
            inside = content.to_lowercase().contains("invariant");
            open = false;
        } else if inside {
            // Items begin at the margin; what is indented belongs to the item above.
            let number = content.split_once(". ").and_then(|(number, rest)| Some((number.parse().ok()?, rest)));
            if let Some((number, rest)) = number {
                items.push((line, number, rest.into()));
                open = true;
            } else if let Some((.., item)) = items.last_mut().filter(|_| open) {
                item.push(' ');
                item.push_str(content.trim());
            }
        }
    }
    items
}

/// Line and target of every inline link, outside code.
fn link_targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let in_code = line[..at].matches('`').count() % 2 == 1 && line[at..].contains('`');
            if let Some(end) = line[at..].find(')').filter(|_| !in_code) {
                let target = line[at + 2..at + end].split_whitespace().next().unwrap_or("");
                found.push((number, target.trim_matches(['<', '>'])));
            }
        }
    }
    found
}

/// Line and text of what stands in backticks, outside fenced code.
fn code_spans(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(text.lines()).flat_map(move |(number, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        let line = if fenced || fence { "" } else { line };
        line.split('`').skip(1).step_by(2).map(move |span| (number, span))
    })
}

/// `core/src/lib.rs`, but neither a command nor a pattern nor a path of somebody else's machine.
fn is_path(tree: &Tree, span: &str) -> bool {
    let plain = span.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    plain && span.split_once('/').is_some_and(|(folder, rest)| !rest.is_empty() && tree.holds(folder))
}

/// The path that `target` means in the document `from`.
fn resolve(from: &str, target: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Headings as GitHub names them in links.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        line.trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter(|&c| c.is_alphanumeric() || c == ' ' || c == '-' || c == '_')
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_files_are_found() {
        let big = "x".repeat(204_801);
        assert_eq!(file_size(&Tree::of(&[("a.bin", &big), ("b.bin", &big[1..])])).len(), 1);
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        for (path, text, problems) in [
            ("README.md", "see /work/notes", 1),
            ("README.md", "see target/work/notes and http://x.org/home/page", 0),
            ("a.rs", "const A: &str = \"/home/me\";", 1),
            ("a.rs", "const A: &str = \"/tmp/x\";", 1),
            ("a.rs", "#[test]\nfn a() { b(\"/tmp/x\") }", 0),
            ("tests/src/a.rs", "const A: &str = \"/tmp/x\";", 0),
            ("script.sh", "cd /tmp/x", 1),
        ] {
            assert_eq!(machine_paths(&Tree::of(&[(path, text)])).len(), problems, "{path}: {text}");
        }
    }

    #[test]
    fn links_lead_to_files_and_headings() {
        let files =
            |text| Tree::of(&[("docs/a.md", text), ("core/src/lib.rs", ""), ("README.md", "# A `word`, two\n")]);
        for (text, problems) in [
            ("[a](../core/src) [b](../README.md#a-word-two) [c](https://example.org/x)", 0),
            ("[a](missing.md)", 1),
            ("[a](../README.md#nowhere)", 1),
            ("# Here\n[a](#here) [b](#there)", 1),
            ("```\n[a](missing.md)\n`core/missing`\n```\nand `[b](missing.md)`", 0),
            ("`core/src/lib.rs`, `core/src/`, `core/*.rs`, `target/x`, `rtp/jpeg` and `cd core/x`", 0),
            ("`core/src/gone.rs`, `core/gone/`", 2),
        ] {
            assert_eq!(links(&files(text)).len(), problems, "{text}");
        }
    }

    #[test]
    fn readmes_that_a_registry_shows_link_to_nothing_beside_them() {
        let tree = |manifest, readme| Tree::of(&[("a/Cargo.toml", manifest), ("a/README.md", readme), ("a/b.md", "")]);
        let public = "[package]\nname = \"a\"\n";
        for (manifest, readme, problems) in [
            (public, "# Here\n[a](https://docs.rs/a) [b](#here)", 0),
            (public, "[a](b.md) [b](../b.md)", 2),
            ("[package]\nname = \"a\"\npublish.workspace = true\n", "[a](b.md)", 0),
            ("[workspace]\n", "[a](b.md)", 0),
        ] {
            assert_eq!(registry_readmes(&tree(manifest, readme)).len(), problems, "{manifest} {readme}");
        }
        assert_eq!(registry_readmes(&Tree::of(&[("a/Cargo.toml", public)])).len(), 1);
    }

    #[test]
    fn invariants_name_checks_that_exist() {
        let tree = |text| Tree::of(&[("ARCHITECTURE.md", text), ("core/src/a.rs", "#[test]\nfn a_test_of_it() {}")]);
        for (text, problems) in [
            (
                "# Invariants\n1. A. \u{2014} `xtask check`: `core-layering`\n2. B,\n   long. \u{2014} `a.rs`, test `a::a_test_of_it`; clippy\n",
                0,
            ),
            ("# Invariants\n1. A. \u{2014} clippy, denied in `core/src/a.rs`\n", 0),
            ("# Invariants\n1. A. \u{2014} `no_such_test`\n", 1),
            ("# Invariants\n1. A.\n", 1),
            ("# Invariants\n1. A. \u{2014} `xtask test` and review\n", 1),
            ("# Invariants\n2. A. \u{2014} `links`\n", 1),
            ("# Other\n1. A. \u{2014} `links`\n", 1),
        ] {
            assert_eq!(invariants(&tree(text)).len(), problems, "{text}");
        }
        assert_eq!(invariants(&Tree::default()).len(), 1);
    }
}
