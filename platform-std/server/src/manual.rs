//! Manual pages, and completions for shells, made from the command lines. A test makes them, so that nothing of this is in the program;
//! the variable `MUTOSCOPE_PAGES` names a folder for them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Args;
use crate::health::HealthArgs;
#[cfg(feature = "lab-check")]
use crate::lab_check::LabCheckArgs;
use crate::passwd::PasswdArgs;
use crate::token::TokenArgs;

const PROGRAM: &str = "mutoscope-server";

/// The commands, by the names of their pages.
fn commands() -> Vec<(&'static str, Command)> {
    vec![
        (PROGRAM, Args::command().bin_name(PROGRAM)),
        ("mutoscope-server-passwd", PasswdArgs::command().about("Makes and changes users of mutoscope-server")),
        ("mutoscope-server-health", HealthArgs::command()),
        #[cfg(feature = "lab-check")]
        ("mutoscope-server-lab-check", LabCheckArgs::command()),
        ("mutoscope-server-token", TokenArgs::command().about("Makes links of mutoscope-server that expire")),
    ]
}

/// All files, by their names.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (name, command) in commands() {
        files.insert(format!("{name}.1"), page(name, command));
    }
    for (shell, name) in
        [(Shell::Bash, PROGRAM), (Shell::Fish, "mutoscope-server.fish"), (Shell::Zsh, "_mutoscope-server")]
    {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Args::command(), PROGRAM, &mut script);
        files.insert(name.to_owned(), script);
    }
    files
}

/// The manual page of a command. It has no date: the same version makes the same page.
fn page(name: &'static str, command: Command) -> Vec<u8> {
    let examples = command.get_after_help().map(ToString::to_string);
    let man = Man::new(command.name(name).disable_help_flag(true));
    let mut page =
        format!(".TH \"{name}\" 1 \"\" \"{PROGRAM} {}\" Mutoscope\n", env!("CARGO_PKG_VERSION")).into_bytes();
    man.render_name_section(&mut page).unwrap();
    man.render_synopsis_section(&mut page).unwrap();
    man.render_description_section(&mut page).unwrap();
    man.render_options_section(&mut page).unwrap();
    let mut end = String::new();
    if let Some(examples) = examples {
        let lines = examples.strip_prefix("Examples:\n").unwrap_or(&examples).lines();
        // As it is, and no line of it a request of roff's.
        let lines =
            lines.map(|line| format!("\\&{}\n", line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq")));
        end += &format!(".SH EXAMPLES\n.nf\n{}.fi\n", lines.collect::<String>());
    }
    let others = commands().into_iter().map(|(other, _)| other).filter(|other| *other != name);
    let others: Vec<String> = others.map(|other| format!("\\fB{}\\fR(1)", other.replace('-', "\\-"))).collect();
    end += &format!(".SH \"SEE ALSO\"\n{}\n", others.join(", "));
    page.extend(end.into_bytes());
    page
}

#[test]
fn manual_pages_and_completions_name_all_options() {
    let files = files();
    let text = |name: &str| String::from_utf8(files[name].clone()).unwrap().replace("\\-", "-");
    for (name, command) in commands() {
        let page = text(&format!("{name}.1"));
        assert!(
            page.contains(".SH NAME\n") && page.contains(".SH SYNOPSIS\n") && page.contains(".SH \"SEE ALSO\""),
            "{page}"
        );
        for option in command.get_arguments().filter_map(|argument| argument.get_long()) {
            assert!(page.contains(&format!("--{option}")), "{name} does not tell of --{option}");
        }
    }
    for script in [PROGRAM, "mutoscope-server.fish", "_mutoscope-server"] {
        assert!(text(script).contains("log-format"), "{script}");
    }
    let Some(folder) = env::var_os("MUTOSCOPE_PAGES").map(PathBuf::from) else { return };
    fs::create_dir_all(&folder).unwrap();
    files.iter().for_each(|(name, contents)| fs::write(folder.join(name), contents).unwrap());
}
