//! Rules about `Cargo.toml` files.

use super::{Problem, Tree};

const ROOT: &str = "Cargo.toml";
const CORE: &str = "core/Cargo.toml";

/// Documents that must name the MSRV; others may, and must then name the right one.
const NAMES_MSRV: &[&str] = &["CONTRIBUTING.md"];

/// The workspace's `rust-version` is inherited by every package and is the one that documents call MSRV.
pub(super) fn msrv(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some(msrv) = tree.text(ROOT).and_then(|text| value(text, "workspace.package", "rust-version")) else {
        return vec![Problem::new(ROOT, 0, "[workspace.package] has no rust-version")];
    };
    let msrv = msrv.trim_matches('"');
    for (path, text) in members(tree) {
        if value(text, "package", "rust-version.workspace") != Some("true") {
            problems.push(Problem::new(path, 0, "does not inherit rust-version: `rust-version.workspace = true`"));
        }
    }
    for (file, text) in tree.texts().filter(|(file, _)| file.path.ends_with(".md") && file.path != "CHANGELOG.md") {
        for (number, line) in (1..).zip(text.lines()) {
            for named in versions_after(line, &["MSRV", "minimum supported Rust version", "Rust version"]) {
                if named != msrv {
                    problems.push(Problem::new(&file.path, number, format!("calls {named} the MSRV, it is {msrv}")));
                }
            }
        }
    }
    for path in NAMES_MSRV {
        if !tree.text(path).is_some_and(|text| text.contains("MSRV") && text.contains(msrv)) {
            problems.push(Problem::new(path, 0, format!("does not name the MSRV, {msrv}")));
        }
    }
    problems
}

/// Every package has `[lints] workspace = true`.
pub(super) fn lints(tree: &Tree) -> Vec<Problem> {
    let mut problems: Vec<_> = members(tree)
        .filter(|(_, text)| value(text, "lints", "workspace") != Some("true"))
        .map(|(path, _)| Problem::new(path, 0, "does not inherit the lints: `[lints]` `workspace = true`"))
        .collect();
    if !tree.text(ROOT).is_some_and(|text| text.contains("[workspace.lints")) {
        problems.push(Problem::new(ROOT, 0, "has no [workspace.lints]"));
    }
    problems
}

/// The core's dependencies are exactly the allowed ones, and none of them is asked for std or alloc.
pub(super) fn core_dependencies(tree: &Tree) -> Vec<Problem> {
    const ALLOWED: &[&str] =
        &["aes", "ctr", "defmt", "embedded-io", "heapless", "hmac", "log", "md-5", "sha1", "sha2", "subtle"];
    let (Some(core), Some(root)) = (tree.text(CORE), tree.text(ROOT)) else {
        return vec![Problem::new(CORE, 0, "is not there")];
    };
    let mut problems = Vec::new();
    for (line, section, key, value) in entries(core) {
        let target = section.starts_with("target.");
        let name = if section.ends_with("dependencies") && !section.ends_with("dev-dependencies") {
            key.split('.').next().unwrap_or(key)
        } else if let Some((before, name)) =
            section.split_once("dependencies.").filter(|(before, _)| !before.ends_with("dev-"))
        {
            if !before.is_empty() && !target {
                continue;
            }
            name
        } else {
            continue;
        };
        if !ALLOWED.contains(&name) {
            problems.push(Problem::new(CORE, line, format!("{name} is not one of {}", ALLOWED.join(", "))));
        }
        if value.contains("\"std\"") || value.contains("\"alloc\"") {
            problems.push(Problem::new(CORE, line, format!("{name} is asked for std or alloc")));
        }
    }
    for (line, section, key, value) in entries(root) {
        if section == "workspace.dependencies"
            && ALLOWED.contains(&key)
            && (value.contains("\"std\"") || value.contains("\"alloc\""))
        {
            problems.push(Problem::new(ROOT, line, format!("{key}, which the core uses, is asked for std or alloc")));
        }
    }
    problems
}

/// Policy and sizes are values, not features.
pub(super) fn core_features(tree: &Tree) -> Vec<Problem> {
    let Some(core) = tree.text(CORE) else { return vec![Problem::new(CORE, 0, "is not there")] };
    entries(core)
        .filter(|(_, section, key, _)| {
            *section == "features" && !matches!(*key, "auth" | "defmt" | "lab" | "log" | "sha256" | "srtp")
        })
        .map(|(line, _, key, _)| {
            Problem::new(CORE, line, format!("feature {key}: only auth, defmt, lab, log, sha256 and srtp are allowed"))
        })
        .collect()
}

/// Manifests of the packages in the workspace, by its `members`.
fn members(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    let list = tree.text(ROOT).and_then(|text| value(text, "workspace", "members")).unwrap_or("");
    let wanted: Vec<String> = list.split('"').skip(1).step_by(2).map(|member| format!("{member}/Cargo.toml")).collect();
    tree.texts().filter(move |(file, _)| wanted.contains(&file.path)).map(|(file, text)| (file.path.as_str(), text))
}

fn value<'t>(text: &'t str, section: &str, key: &str) -> Option<&'t str> {
    entries(text).find(|entry| entry.1 == section && entry.2 == key).map(|entry| entry.3)
}

/// Line, section, key and value of every `key = value` line. The manifests here keep a value on one line.
fn entries(text: &str) -> impl Iterator<Item = (usize, &str, &str, &str)> {
    let mut section = "";
    (1..).zip(text.lines()).filter_map(move |(number, line)| {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim_matches(|c| c == '[' || c == ']');
            return None;
        }
        let (key, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        Some((number, section, key.trim(), value.trim()))
    })
}

/// Numbers like `1.91` that follow one of `names` on the same line, within a few words.
fn versions_after<'t>(line: &'t str, names: &[&str]) -> Vec<&'t str> {
    names
        .iter()
        .filter_map(|name| {
            let rest = &line[line.find(name)? + name.len()..];
            rest.split(|c: char| !(c.is_ascii_digit() || c == '.'))
                .map(|word| word.trim_end_matches('.'))
                .find(|word| word.starts_with("1.") && word.len() > 2)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT_TEXT: &str = "[workspace]\nmembers = [\"core\", \"xtask\"]\n[workspace.package]\nrust-version = \"1.91\"\n[workspace.dependencies]\nheapless = \"0.9\"\n[workspace.lints.rust]\n";
    const MEMBER: &str = "[package]\nname = \"x\"\nrust-version.workspace = true\n[lints]\nworkspace = true\n";

    fn tree(core: &str, contributing: &str) -> Tree {
        Tree::of(&[(ROOT, ROOT_TEXT), (CORE, core), ("xtask/Cargo.toml", MEMBER), ("CONTRIBUTING.md", contributing)])
    }

    #[test]
    fn the_msrv_is_one() {
        assert_eq!(msrv(&tree(MEMBER, "The MSRV is Rust 1.91.")), []);
        assert_eq!(msrv(&tree(MEMBER, "The MSRV is Rust 1.90.")).len(), 2);
        assert_eq!(msrv(&tree(MEMBER, "Any compiler will do.")).len(), 1);
        assert_eq!(msrv(&tree("[package]\nrust-version = \"1.91\"\n", "MSRV 1.91")).len(), 1);
    }

    #[test]
    fn lints_are_inherited() {
        assert_eq!(lints(&tree(MEMBER, "")), []);
        assert_eq!(lints(&tree("[package]\nname = \"x\"\n", ""))[0].path, CORE);
    }

    #[test]
    fn the_core_depends_on_nothing_else() {
        let good = "[dependencies]\nheapless.workspace = true\nlog = { workspace = true, optional = true }\n[dev-dependencies]\nproptest.workspace = true\n";
        assert_eq!(core_dependencies(&tree(good, "")), []);
        for bad in [
            "[dependencies]\nbytes = \"1\"\n",
            "[dependencies.bytes]\nversion = \"1\"\n",
            "[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n",
            "[build-dependencies]\ncc = \"1\"\n",
            "[dependencies]\nlog = { version = \"0.4\", features = [\"std\"] }\n",
        ] {
            assert_eq!(core_dependencies(&tree(bad, "")).len(), 1, "{bad}");
        }
    }

    #[test]
    fn the_core_has_no_other_features() {
        assert_eq!(core_features(&tree("[features]\ndefmt = [\"dep:defmt\"]\nlog = []\n", "")), []);
        assert_eq!(core_features(&tree("[features]\nmax-clients-8 = []\n", "")).len(), 1);
    }
}
