//! What the program does beside serving: `passwd`, `token` and `health`, where one of these is the first word of the command line.
//!
//! A film that is called so is served as `./passwd`.

use std::env;
use std::io::{self, Write};

use clap::Parser;

use crate::{health, passwd, token};

/// Does what the command line says, if that is one of these.
pub(crate) fn run() -> Option<anyhow::Result<()>> {
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
    match first.to_str()? {
        "passwd" => Some(passwd::run(&passwd::PasswdArgs::try_parse_from(words()).unwrap_or_else(|error| hint(error)))),
        "token" => {
            let args = token::TokenArgs::try_parse_from(words()).unwrap_or_else(|error| hint(error));
            Some(token::run(&args).and_then(|url| Ok(writeln!(io::stdout(), "{url}")?)))
        }
        "health" => Some(health::run(&health::HealthArgs::try_parse_from(words()).unwrap_or_else(|error| hint(error)))),
        _ => None,
    }
}
