//! `mutoscope-server passwd`: gives a user a password.

use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Parser;
use mutoscope::auth::MAX_PASSWORD;
use mutoscope_std::guard::{Passwords, Users, UsersError};

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

    /// A file for --onvif-users: WS-UsernameToken, by which many video recorders log in, takes the password itself, which is kept there
    /// as it is. Give a recorder a password of its own, that is good for nothing else
    #[arg(long)]
    onvif: bool,
}

/// Changes the file.
pub(crate) fn run(args: &PasswdArgs) -> Result<()> {
    if args.onvif {
        let mut passwords = or_none(&args.file, Passwords::read(&args.file))?;
        if args.delete {
            is_there(args, passwords.remove(&args.name))?;
        } else {
            passwords.set(&args.name, &password(&args.name)?)?;
        }
        return Ok(passwords.write(&args.file)?);
    }
    let mut users = or_none(&args.file, Users::read(&args.file))?;
    if args.delete {
        is_there(args, users.remove(&args.name))?;
    } else {
        users.set(&args.name, &password(&args.name)?)?;
    }
    Ok(users.write(&args.file)?)
}

fn is_there(args: &PasswdArgs, is_there: bool) -> Result<()> {
    anyhow::ensure!(is_there, "there is no user {:?} in {}", args.name, args.file.display());
    Ok(())
}

/// The password that a user is to have.
fn password(name: &str) -> Result<String> {
    // Before somebody has typed a password in vain.
    Users::default().set(name, "x")?;
    let stdin = io::stdin();
    if stdin.is_terminal() { ask(name) } else { first_line(&mut stdin.lock()) }
}

/// What was read of a file, which need not be there.
fn or_none<T: Default>(path: &Path, read: Result<T, UsersError>) -> Result<T> {
    match read {
        Err(UsersError::Io(_, error)) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(UsersError::Line(line, what)) => bail!("{}, line {line}: {what}", path.display()),
        read => Ok(read?),
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
