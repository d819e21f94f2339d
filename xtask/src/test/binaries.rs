//! Test programs and others as cargo built them, so that they run without asking cargo, which would wait for its lock.

use crate::shell::{cargo, line, require, target_dir};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binary {
    /// The folder of its package, where its tests run.
    folder: PathBuf,
    name: String,
    path: PathBuf,
    /// Whether it runs tests.
    test: bool,
}

/// Where the list of programs is kept between steps.
fn list() -> Result<PathBuf> {
    Ok(super::folder()?.join("binaries.json"))
}

/// Builds all tests of `packages` with the programs that they start, and keeps the list of them.
pub(super) fn build(packages: &[String]) -> Result<()> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--all-targets", "--no-run", "--message-format", "json-render-diagnostics"]);
    command.args(packages).stdout(Stdio::piped()).stdin(Stdio::null());
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {}", line(&command)))?;
    ensure!(output.status.success(), "`{}` ended with {}", line(&command), output.status);
    Ok(std::fs::write(list()?, output.stdout)?)
}

/// The programs that were built last.
fn built() -> Result<Vec<Binary>> {
    let list = list()?;
    let text = std::fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    Ok(text.lines().filter_map(parse).collect())
}

/// A line of cargo's list that tells of a program.
fn parse(line: &str) -> Option<Binary> {
    if !line.starts_with("{\"reason\":\"compiler-artifact\"") {
        return None;
    }
    let manifest = PathBuf::from(text_field(line, "manifest_path")?);
    Some(Binary {
        folder: manifest.parent()?.to_owned(),
        // The target's; the package has no field of this name.
        name: text_field(line, "name")?,
        path: text_field(line, "executable")?.into(),
        test: line.contains("\"test\":true},\"features\""),
    })
}

/// The first text called `key` in a line of JSON.
fn text_field(line: &str, key: &str) -> Option<String> {
    let (_, rest) = line.split_once(&format!("\"{key}\":\""))?;
    let (mut text, mut characters) = (String::new(), rest.chars());
    loop {
        match characters.next()? {
            '"' => return Some(text),
            '\\' => text.push(characters.next()?),
            other => text.push(other),
        }
    }
}

/// Runs the test programs of the packages that `chosen` accepts by their folder; all of them, even where one fails.
pub(super) fn run_tests(chosen: impl Fn(&Path) -> bool, only: Option<&str>, arguments: &[&str]) -> Result<()> {
    run_tests_within(chosen, only, arguments, &[])
}

/// The same with these variables of the environment.
pub(super) fn run_tests_within(
    chosen: impl Fn(&Path) -> bool,
    only: Option<&str>,
    arguments: &[&str],
    variables: &[(&str, &Path)],
) -> Result<()> {
    let binaries = built()?;
    let tests = binaries
        .iter()
        .filter(|binary| binary.test && chosen(&binary.folder) && only.is_none_or(|name| binary.name == name));
    let (mut ran, mut failed) = (0, Vec::new());
    for binary in tests {
        println!("{} of {}", binary.name, binary.folder.display());
        let mut command = Command::new(&binary.path);
        command.current_dir(&binary.folder).args(arguments).env("CARGO_MANIFEST_DIR", &binary.folder);
        command.envs(variables.iter().copied());
        ran += 1;
        if require(&mut command).is_err() {
            failed.push(format!("{} of {}", binary.name, binary.folder.display()));
        }
    }
    ensure!(ran > 0, "there are no such tests");
    ensure!(failed.is_empty(), "tests failed in {}", failed.join(", "));
    Ok(())
}

/// A command that runs a program that is no test.
pub(super) fn program(name: &str) -> Result<Command> {
    match built()?.into_iter().find(|binary| !binary.test && binary.name == name) {
        Some(binary) => {
            let mut command = Command::new(binary.path);
            command.current_dir(crate::shell::root());
            Ok(command)
        }
        None => bail!("cargo built no {name} into {}", target_dir()?.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"reason":"compiler-artifact","package_id":"path+file:///a/tests#mutoscope-tests@0.1.0","manifest_path":"/a/tests/Cargo.toml","target":{"kind":["test"],"crate_types":["bin"],"name":"corners","src_path":"/a/tests/tests/corners.rs","edition":"2024","doc":false,"doctest":false,"test":true},"profile":{"opt_level":"0","debuginfo":1,"debug_assertions":true,"overflow_checks":true,"test":true},"features":[],"filenames":["/a/corners-1"],"executable":"/a/corners-1","fresh":true}"#;

    #[test]
    fn a_test_program_is_read_from_cargos_list() {
        let binary = parse(LINE).unwrap();
        let expected =
            Binary { folder: "/a/tests".into(), name: "corners".into(), path: "/a/corners-1".into(), test: true };
        assert_eq!(binary, expected);
    }

    #[test]
    fn a_program_is_told_from_a_test_and_from_a_library() {
        let program = LINE.replace("\"test\":true},\"features\"", "\"test\":false},\"features\"");
        assert!(!parse(&program).unwrap().test);
        assert_eq!(parse(&LINE.replace("\"executable\":\"/a/corners-1\"", "\"executable\":null")), None);
        assert_eq!(parse(r#"{"reason":"build-finished","success":true}"#), None);
    }

    #[test]
    fn paths_with_backslashes_are_read() {
        assert_eq!(text_field(r#"{"executable":"C:\\a\\b.exe"}"#, "executable").unwrap(), r"C:\a\b.exe");
    }
}
