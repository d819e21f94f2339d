//! `mutoscope-server passwd`: gives a user a password.

use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Parser;
use mutoscope::auth::MAX_PASSWORD;
use mutoscope_std::guard::{Users, UsersError};

/// Gives a user a password, in a file for --users, which is made where it is missing.
///
/// The password is asked for, twice and without being shown; where standard input is no terminal, its first line is the password.
/// A server that runs reads the file again on SIGHUP.
#[derive(Debug, Parser)]
#[command(name = "mutoscope-server passwd", bin_name = "mutoscope-server passwd", max_term_width = 100)]
pub(crate) struct PasswdArgs {
    /// The file of users
    file: PathBuf,

    /// The user
    name: String,

    /// Take the user out
    #[arg(long)]
    delete: bool,
}

/// Changes the file.
pub(crate) fn run(args: &PasswdArgs) -> Result<()> {
    let mut users = read(&args.file)?;
    if args.delete {
        if !users.remove(&args.name) {
            bail!("there is no user {:?} in {}", args.name, args.file.display());
        }
        return Ok(users.write(&args.file)?);
    }
    // Before somebody has typed a password in vain.
    users.clone().set(&args.name, "x")?;
    let stdin = io::stdin();
    let password = if stdin.is_terminal() { ask(&args.name)? } else { first_line(&mut stdin.lock())? };
    users.set(&args.name, &password)?;
    Ok(users.write(&args.file)?)
}

fn read(path: &Path) -> Result<Users> {
    match Users::read(path) {
        Err(UsersError::Io(_, error)) if error.kind() == io::ErrorKind::NotFound => Ok(Users::default()),
        Err(UsersError::Line(line, what)) => bail!("{}, line {line}: {what}", path.display()),
        users => Ok(users?),
    }
}

fn ask(name: &str) -> Result<String> {
    let ask = |prompt: String| rpassword::prompt_password(prompt).context("the terminal cannot be asked");
    let password = ask(format!("password of {name}: "))?;
    if ask("once more: ".to_owned())? != password {
        bail!("these were two different passwords; nothing has changed");
    }
    Ok(password)
}

/// The first line, without its end.
fn first_line(input: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    // One that is longer than a password is refused for that, and need not be read to its end.
    let mut limited = io::Read::take(input, MAX_PASSWORD as u64 + 3);
    limited.read_line(&mut line).context("cannot read the password from standard input")?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password_whatever_ends_it() {
        for text in ["geheim\n", "geheim\r\nmore\n", "geheim"] {
            assert_eq!(first_line(&mut text.as_bytes()).unwrap(), "geheim");
        }
        assert_eq!(first_line(&mut "".as_bytes()).unwrap(), "");
        let long = first_line(&mut "x".repeat(100_000).as_bytes()).unwrap();
        assert!(Users::default().set("anna", &long).is_err());
    }
}
