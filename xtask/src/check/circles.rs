//! The rule that files form no circle. Code is read as text, so that a path that only a macro makes is not seen.

use super::source::{Source, words};
use super::structure::code;
use super::{File, Problem, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// Files that use each other, directly or around several corners, cannot be understood one after the other. What stands in a
/// module's folder may use the module: together they are one thing.
pub(super) fn circles(tree: &Tree) -> Vec<Problem> {
    let modules = Modules::of(tree);
    let edges: BTreeMap<&str, BTreeSet<&str>> =
        code(tree).map(|(file, source)| (file.path.as_str(), modules.used_by(file, source))).collect();
    let reached = |from| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(file) = open.pop() {
            open.extend(edges.get(file).into_iter().flatten().copied().filter(|next| seen.insert(*next)));
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> = edges.keys().map(|file| (*file, reached(*file))).collect();
    let mut found = BTreeSet::new();
    for (file, others) in &reached {
        let circle: Vec<&str> = others.iter().copied().filter(|other| reached[other].contains(file)).collect();
        if !circle.is_empty() {
            found.insert(circle);
        }
    }
    found.iter().map(|circle| Problem::new(circle[0], 0, format!("a circle: {}", circle.join(", ")))).collect()
}

/// The modules of all packages.
struct Modules<'t> {
    /// Paths like `mutoscope::rtp::sender`, and their files.
    files: BTreeMap<Vec<String>, &'t str>,
    /// Names of the packages' libraries and programs, and their folders.
    packages: Vec<(String, String)>,
}

impl<'t> Modules<'t> {
    fn of(tree: &'t Tree) -> Self {
        let package = |file: &File| {
            let folder = file.path.strip_suffix("Cargo.toml")?;
            let (_, package) = file.text.as_deref()?.split_once("[package]")?;
            let name = package.lines().find_map(|line| line.strip_prefix("name = \""))?.split('"').next()?;
            Some((name.replace('-', "_"), format!("{folder}src/")))
        };
        let mut modules = Self { files: BTreeMap::new(), packages: tree.files.iter().filter_map(package).collect() };
        for (file, _) in code(tree) {
            if let Some(path) = modules.path_of(&file.path) {
                modules.files.insert(path, &file.path);
            }
        }
        modules
    }

    fn path_of(&self, file: &str) -> Option<Vec<String>> {
        let (name, folder) = self.packages.iter().find(|(_, folder)| file.starts_with(folder.as_str()))?;
        let inside = file[folder.len()..].strip_suffix(".rs")?;
        let parts = inside.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main"));
        Some(std::iter::once(name.as_str()).chain(parts).map(str::to_owned).collect())
    }

    /// The files that a file uses; neither those whose folder it is in, nor those that only hold others.
    fn used_by(&self, file: &File, source: &Source) -> BTreeSet<&'t str> {
        let Some(here) = self.path_of(&file.path) else { return BTreeSet::new() };
        let mut used = BTreeSet::new();
        for path in paths(&source.shipped) {
            let Some(found) = self.resolve(&here, &path) else { continue };
            let holder = ["mod.rs", "lib.rs", "main.rs"].iter().any(|name| self.files[&found].ends_with(name));
            if !here.starts_with(&found) && !holder {
                used.insert(self.files[&found]);
            }
        }
        used
    }

    /// The module that a path, used in the module `here`, leads to: the longest that it begins with.
    fn resolve(&self, here: &[String], path: &[String]) -> Option<Vec<String>> {
        let supers = path.iter().take_while(|part| *part == "super").count();
        let (base, rest) = match path.first()?.as_str() {
            "crate" => (&here[..1], &path[1..]),
            "self" => (here, &path[1..]),
            "super" => (&here[..here.len().saturating_sub(supers)], &path[supers..]),
            first if self.packages.iter().any(|(name, _)| name == first) => (&[][..], path),
            _ => (here, path),
        };
        let whole: Vec<String> = base.iter().chain(rest).cloned().collect();
        let found = (1..=whole.len()).rev().map(|len| &whole[..len]).find(|part| self.files.contains_key(*part))?;
        Some(found.to_vec())
    }
}

/// All paths in `use` declarations, and those elsewhere that begin with `crate`, `super` or `self`.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for at in words(code, "use ") {
        let tree = code[at + "use ".len()..].split(';').next().unwrap_or_default();
        spread(&mut Vec::new(), tree, &mut found);
    }
    for start in ["crate::", "super::", "self::"] {
        for at in words(code, start) {
            let rest = &code[at..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
            found.push(rest[..end].split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect());
        }
    }
    found
}

/// `a::{b, c::d as e}` as the paths it stands for.
fn spread(head: &mut Vec<String>, tree: &str, found: &mut Vec<Vec<String>>) {
    let (path, group) = tree.split_once('{').map_or((tree, None), |(path, group)| (path, Some(group)));
    let len = head.len();
    let name = |part: &str| part.split_whitespace().next().map(str::to_owned);
    head.extend(path.split("::").filter_map(name));
    match group {
        None => found.push(head.clone()),
        Some(group) => {
            let inside = group.rsplit_once('}').map_or(group, |(inside, _)| inside);
            let (mut depth, mut start) = (0, 0);
            for (i, c) in inside.char_indices().chain([(inside.len(), ',')]) {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        let part = &inside[start..i];
                        if !part.trim().is_empty() {
                            spread(head, part, found);
                        }
                        start = i + 1;
                    }
                    _ => {}
                }
            }
        }
    }
    head.truncate(len);
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: (&str, &str) = ("core/Cargo.toml", "[package]\nname = \"muto-scope\"\n");

    fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files.iter().copied().chain([PACKAGE]).collect();
        circles(&Tree::of(&files)).into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn files_that_use_each_other_are_a_circle() {
        let found = circles_of(&[
            ("core/src/a.rs", "use crate::{b::{B, C}, d};"),
            ("core/src/b.rs", "fn b() -> super::c::C { 1 }"),
            ("core/src/c/mod.rs", "pub mod e;"),
            ("core/src/c/e.rs", "use muto_scope::a::A;"),
        ]);
        assert_eq!(found, Vec::<String>::new());
        let found = circles_of(&[
            ("core/src/a.rs", "use crate::{b::{B, C}, d};"),
            ("core/src/b.rs", "fn b() -> super::c::e::C { 1 }"),
            ("core/src/c/e.rs", "use muto_scope::a::A;"),
        ]);
        assert_eq!(found, ["a circle: core/src/a.rs, core/src/b.rs, core/src/c/e.rs"]);
    }

    #[test]
    fn a_module_and_what_is_in_its_folder_are_no_circle() {
        assert!(
            circles_of(&[
                ("core/src/a.rs", "mod b;\nmod c;\nuse b::B;"),
                ("core/src/a/b.rs", "use super::A;\nuse super::c::C;"),
                ("core/src/a/c.rs", "use crate::a::A;"),
            ])
            .is_empty()
        );
        // But two files of one folder are.
        assert_eq!(
            circles_of(&[
                ("core/src/a/b.rs", "use super::c::C;"),
                ("core/src/a/c.rs", "use super::b::{self, B as D};"),
            ])
            .len(),
            1
        );
    }

    #[test]
    fn tests_comments_and_names_alike_make_no_circle() {
        assert!(
            circles_of(&[
                ("core/src/a.rs", "use crate::b::B;\n// use crate::c::C;"),
                ("core/src/b.rs", "#[cfg(test)]\nmod tests { use crate::a::A; }"),
                ("core/src/c.rs", "const A: &str = \"crate::a::A\";\nfn a() { a::b() }"),
            ])
            .is_empty()
        );
    }
}
