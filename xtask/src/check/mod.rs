//! The rules of the source tree: what the compiler does not check and prose alone would not keep.
//!
//! A rule is a function from the tree to problems, with tests on good and bad input beside it. To add one, write it in
//! the file it fits and list it in [`RULES`]. ARCHITECTURE.md refers to rules by these names.

mod circles;
mod code;
mod documents;
mod manifests;
mod source;
mod structure;

use crate::shell;
use anyhow::{Context, Result};
use source::Source;
use std::process::Command;

/// Name, meaning and check of every rule, in the order in which they are reported.
const RULES: &[Rule] = &[
    Rule {
        name: "msrv",
        says: "one MSRV: in Cargo.toml, inherited by all packages, named in the documents",
        check: manifests::msrv,
    },
    Rule { name: "lints", says: "every package inherits the workspace's lints", check: manifests::lints },
    Rule {
        name: "core-dependencies",
        says: "the core depends on heapless, embedded-io, defmt, log, subtle, aes, ctr, hmac and hashes only, without their std",
        check: manifests::core_dependencies,
    },
    Rule {
        name: "core-features",
        says: "the core has the features auth, defmt, lab, log, sha256 and srtp, no others",
        check: manifests::core_features,
    },
    Rule { name: "file-length", says: "Rust files have 800 lines at most", check: code::file_length },
    Rule {
        name: "core-is-no-std",
        says: "the core is no_std, names no std or alloc and no unsafe outside its tests",
        check: code::no_std,
    },
    Rule {
        name: "core-denies-panics",
        says: "the core denies the lints that find panics, once and for all of its files",
        check: code::panic_lints,
    },
    Rule {
        name: "core-layering",
        says: "address, random, time | wire | auth, jpeg | media | rtp | session | delivery, player | io: each uses those before it alone",
        check: code::layers,
    },
    Rule {
        name: "no-circles",
        says: "no two files use each other, directly or around corners, outside one module's folder",
        check: circles::circles,
    },
    Rule { name: "function-length", says: "functions have 80 lines at most", check: structure::function_length },
    Rule {
        name: "struct-fields",
        says: "structs have 15 fields at most, or a comment that says why",
        check: structure::struct_fields,
    },
    Rule { name: "nothing-unfinished", says: "no placeholders or debugging aids", check: code::finished },
    Rule { name: "no-large-files", says: "no file of more than 200 KB", check: documents::file_size },
    Rule { name: "no-machine-paths", says: "no path of somebody's machine", check: documents::machine_paths },
    Rule { name: "links", says: "relative links in documents lead somewhere", check: documents::links },
    Rule {
        name: "registry-readmes",
        says: "the README of a package for a registry links to nothing beside it",
        check: documents::registry_readmes,
    },
    Rule {
        name: "invariants",
        says: "every numbered invariant of ARCHITECTURE.md names a check that exists",
        check: documents::invariants,
    },
];

struct Rule {
    name: &'static str,
    says: &'static str,
    check: fn(&Tree) -> Vec<Problem>,
}

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    path: String,
    /// Counted from 1; 0 where it concerns the whole file.
    line: usize,
    message: String,
}

impl Problem {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.into(), line, message: message.into() }
    }
}

/// The files that git tracks or would track.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: Vec<File>,
}

#[derive(Debug)]
pub(crate) struct File {
    /// Relative to the root, with `/`.
    path: String,
    size: u64,
    /// `None`: not UTF-8.
    text: Option<String>,
    /// Of Rust files.
    source: Option<Source>,
    /// Whether the whole file is test code: of the tests package, an integration test, or a module that is compiled for tests
    /// only.
    test: bool,
}

impl File {
    fn new(path: &str, bytes: Vec<u8>) -> Self {
        let size = bytes.len() as u64;
        let text = String::from_utf8(bytes).ok();
        let source = text.as_deref().filter(|_| path.ends_with(".rs")).map(Source::new);
        let test = path.starts_with("tests/") || path.contains("/tests/");
        Self { path: path.into(), size, text, source, test }
    }

    /// The folder that this file's child modules lie in.
    fn module_folder(&self) -> &str {
        let stem = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        ["/mod", "/lib", "/main"].iter().find_map(|name| stem.strip_suffix(name)).unwrap_or(stem)
    }
}

impl Tree {
    fn load() -> Result<Self> {
        let root = shell::root();
        let list = shell::output(Command::new("git").current_dir(&root).args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--deduplicate",
        ]))?;
        let list = String::from_utf8(list).context("a file name is not UTF-8")?;
        let mut files = Vec::new();
        for path in list.split_terminator('\0') {
            let full = root.join(path);
            // Deleted but not committed yet; or a symbolic link, which has no content of its own.
            if full.symlink_metadata().is_ok_and(|data| data.is_file()) {
                files.push(File::new(path, std::fs::read(&full).with_context(|| format!("cannot read {path}"))?));
            }
        }
        Ok(Self::new(files))
    }

    fn new(mut files: Vec<File>) -> Self {
        let mut modules: Vec<String> = Vec::new();
        for file in &files {
            let names = file.source.iter().flat_map(|source| source.test_modules());
            modules.extend(names.map(|name| format!("{}/{name}", file.module_folder())));
        }
        for file in &mut files {
            let below =
                |module: &String| file.path.strip_prefix(module).is_some_and(|rest| rest.starts_with(['/', '.']));
            file.test |= modules.iter().any(below);
        }
        Self { files }
    }

    fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    fn text(&self, path: &str) -> Option<&str> {
        self.file(path)?.text.as_deref()
    }

    /// Whether a file or folder of this name is there.
    fn holds(&self, path: &str) -> bool {
        self.files
            .iter()
            .any(|file| file.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    fn texts(&self) -> impl Iterator<Item = (&File, &str)> {
        self.files.iter().filter_map(|file| Some((file, file.text.as_deref()?)))
    }

    /// Rust files below `folder`.
    fn sources(&self, folder: &str) -> impl Iterator<Item = (&File, &Source)> {
        self.files
            .iter()
            .filter(move |file| file.path.starts_with(folder))
            .filter_map(|file| Some((file, file.source.as_ref()?)))
    }

    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        Self::new(files.iter().map(|(path, text)| File::new(path, text.as_bytes().to_vec())).collect())
    }
}

/// Checks every rule, prints what breaks them, and says whether all hold.
pub(crate) fn run() -> Result<bool> {
    let tree = Tree::load()?;
    let mut broken = 0;
    for rule in RULES {
        let problems = (rule.check)(&tree);
        println!("{} {}: {}", if problems.is_empty() { "ok    " } else { "BROKEN" }, rule.name, rule.says);
        for Problem { path, line, message } in &problems {
            match line {
                0 => println!("       {path}: {message}"),
                line => println!("       {path}:{line}: {message}"),
            }
        }
        broken += usize::from(!problems.is_empty());
    }
    println!("note   adapters: {}", code::adapter_sizes(&tree));
    println!("{} of {} rules hold in {} files", RULES.len() - broken, RULES.len(), tree.files.len());
    Ok(broken == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_distinct_names() {
        let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RULES.len());
    }

    #[test]
    fn an_empty_tree_does_not_pass_for_a_good_one() {
        // A rule that finds no files must not hold silently.
        let broken = RULES.iter().filter(|rule| !(rule.check)(&Tree::default()).is_empty()).count();
        assert!(broken >= 5, "{broken}");
    }

    #[test]
    fn a_folder_is_held_but_not_a_prefix_of_its_name() {
        let tree = Tree::of(&[("core/src/lib.rs", "")]);
        assert!(tree.holds("core") && tree.holds("core/src/lib.rs") && !tree.holds("co"));
    }

    #[test]
    fn files_of_tests_are_told_apart() {
        let tree = Tree::of(&[
            ("core/src/rtp/mod.rs", "mod holes;\n#[cfg(test)]\nmod samples;"),
            ("core/src/rtp/holes.rs", "#[cfg(test)]\nmod tests;"),
            ("core/src/rtp/holes/tests.rs", ""),
            ("core/src/rtp/samples.rs", ""),
            ("core/src/rtp/samples/more.rs", ""),
            ("core/src/samples.rs", ""),
            ("tests/src/lib.rs", ""),
        ]);
        let tests: Vec<_> = tree.files.iter().filter(|file| file.test).map(|file| file.path.as_str()).collect();
        let expected = [
            "core/src/rtp/holes/tests.rs",
            "core/src/rtp/samples.rs",
            "core/src/rtp/samples/more.rs",
            "tests/src/lib.rs",
        ];
        assert_eq!(tests, expected);
    }
}
