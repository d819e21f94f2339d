//! What the program does beside serving: `passwd`, `token`, `health` and `lab-check`, where one of these is the first word of the command line.
//!
//! A film that is called so is served as `./passwd`.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

#[cfg(feature = "lab-check")]
use crate::lab_check;
use crate::{health, passwd, token};

/// Does what the command line says, if that is one of these.
pub(crate) fn run() -> Option<anyhow::Result<ExitCode>> {
    let first = env::args_os().nth(1)?;
    // The program's name stands before what is parsed.
    let words = || env::args_os().skip(1);
    let hint = |error: clap::Error| -> ! {
        let _ = error.print();
        if error.use_stderr() {
            let name = first.to_string_lossy();
            let _ = writeln!(io::stderr(), "A film that is called {name} is served by: mutoscope-server ./{name}");
        }
        std::process::exit(error.exit_code())
    };
    let done = match first.to_str()? {
        "passwd" => passwd::run(&passwd::PasswdArgs::try_parse_from(words()).unwrap_or_else(|error| hint(error))),
        "token" => {
            let args = token::TokenArgs::try_parse_from(words()).unwrap_or_else(|error| hint(error));
            token::run(&args).and_then(|url| Ok(writeln!(io::stdout(), "{url}")?))
        }
        "health" => health::run(&health::HealthArgs::try_parse_from(words()).unwrap_or_else(|error| hint(error))),
        #[cfg(feature = "lab-check")]
        "lab-check" => {
            let args = lab_check::LabCheckArgs::try_parse_from(words()).unwrap_or_else(|error| hint(error));
            return Some(lab_check::run(&args).map(ExitCode::from).map_err(Into::into));
        }
        // A lab check starts this program for each of a student's.
        #[cfg(feature = "lab-check")]
        lab_check::keeper::WORD => {
            return Some(lab_check::keeper::run(&words().skip(1).collect::<Vec<_>>()).map(ExitCode::from));
        }
        _ => return None,
    };
    Some(done.map(|()| ExitCode::SUCCESS))
}
