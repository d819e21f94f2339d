//! Questions on a terminal.

use std::fmt;
use std::io::{self, IsTerminal};

use super::questions::{Answer, Question};
use crate::console::OneLine;

/// Asks whoever sits at this program's terminal. Questions go there even where standard output leads to a file.
pub struct Terminal {
    ask: Box<Ask>,
}

/// Writes a prompt and reads a line.
type Ask = dyn FnMut(&str, Echo) -> io::Result<String> + Send;

/// Whether what is typed is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Echo {
    On,
    Off,
}

impl Terminal {
    /// `None` where standard input is no terminal: nobody would answer.
    pub fn open() -> Option<Self> {
        io::stdin().is_terminal().then(|| Self { ask: Box::new(ask) })
    }

    /// Asks, and waits until somebody has answered. `None`: they do not want to. Ctrl-C is a signal all the same.
    ///
    /// # Errors
    /// Where the terminal cannot be read.
    pub fn ask(&mut self, question: &Question) -> io::Result<Option<Answer>> {
        match self.put(question) {
            // Ctrl-C, and Ctrl-D.
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof) => Ok(None),
            answer => answer,
        }
    }

    fn put(&mut self, question: &Question) -> io::Result<Option<Answer>> {
        match question {
            Question::Password { server, user, is_wrong } => {
                let known = OneLine(user).to_string();
                let begin = if *is_wrong {
                    format!("{server} refuses this user and password.\n")
                } else {
                    format!("{server} wants to know who watches.\n")
                };
                let prompt =
                    if known.is_empty() { format!("{begin}user: ") } else { format!("{begin}user [{known}]: ") };
                let typed = (self.ask)(&prompt, Echo::On)?;
                let user = if typed.is_empty() { user.clone() } else { typed };
                if user.is_empty() {
                    return Ok(None);
                }
                let password = (self.ask)(&format!("password of {}: ", OneLine(&user)), Echo::Off)?;
                Ok(Some(Answer::Credentials { user, password }))
            }
            Question::Certificate { server, fingerprint, doubt, known: None } => {
                let prompt = format!(
                    "{server}: {doubt}. Its SHA-256 fingerprint is\n  {}\n\
                     If the server says the same of itself, it can be trusted, now and later. Trust it? [yes/no] ",
                    fingerprint.in_lines().join("\n  ")
                );
                Ok(self.agrees(&prompt, &["y", "yes"])?.then_some(Answer::Trust))
            }
            Question::Certificate { server, fingerprint, known: Some(known), .. } => {
                let prompt = format!(
                    "WARNING: THE CERTIFICATE OF {server} HAS CHANGED.\n\
                     Somebody may be listening in between, or the server has been given a new certificate.\n\
                     Until now it was\n  {}\nand now it is\n  {}\n\
                     Only who knows why it has changed writes \"replace\": ",
                    known.in_lines().join("\n  "),
                    fingerprint.in_lines().join("\n  ")
                );
                Ok(self.agrees(&prompt, &["replace"])?.then_some(Answer::Trust))
            }
        }
    }

    fn agrees(&mut self, prompt: &str, words: &[&str]) -> io::Result<bool> {
        let typed = (self.ask)(prompt, Echo::On)?;
        Ok(words.contains(&typed.trim().to_lowercase().as_str()))
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Terminal")
    }
}

/// Ctrl-C ends the question too, and leaves the terminal as it was; a terminal that echoes by itself would be left waiting.
fn ask(prompt: &str, echo: Echo) -> io::Result<String> {
    let config = rpassword::ConfigBuilder::new();
    let config = match echo {
        Echo::On => config.password_feedback_partial_mask('*', usize::MAX),
        Echo::Off => config.password_feedback_hide(),
    };
    rpassword::prompt_password_with_config(prompt, config.build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Fingerprint;
    use std::sync::{Arc, Mutex};

    /// What comes of a question where these lines are typed, and what was written for it.
    fn asked(question: &Question, lines: &[&str]) -> (Option<Answer>, String) {
        let mut lines = lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>().into_iter();
        let written = Arc::new(Mutex::new(String::new()));
        let screen = written.clone();
        let ask = move |prompt: &str, echo| {
            let line: String = lines.next().ok_or(io::ErrorKind::UnexpectedEof)?;
            let shown = if echo == Echo::On { line.as_str() } else { "" };
            screen.lock().unwrap().push_str(&format!("{prompt}{shown}\n"));
            Ok(line)
        };
        let answer = Terminal { ask: Box::new(ask) }.ask(question).unwrap();
        let written = written.lock().unwrap().clone();
        (answer, written)
    }

    #[test]
    fn a_name_that_is_known_need_not_be_typed_and_a_password_is_not_seen() {
        let question =
            |user: &str, is_wrong| Question::Password { server: "cam:554".into(), user: user.into(), is_wrong };
        let answer = |user: &str| Some(Answer::Credentials { user: user.into(), password: "hunter2".into() });
        let (given, written) = asked(&question("", false), &["anna", "hunter2"]);
        assert_eq!(
            (given, &*written),
            (answer("anna"), "cam:554 wants to know who watches.\nuser: anna\npassword of anna: \n")
        );
        let (given, written) = asked(&question("anna", true), &["", "hunter2"]);
        assert_eq!(given, answer("anna"));
        assert!(written.starts_with("cam:554 refuses this user and password.\nuser [anna]: \n"), "{written}");
        for lines in [&[""][..], &[], &["anna"]] {
            assert_eq!(asked(&question("", false), lines).0, None);
        }
    }

    #[test]
    fn a_changed_certificate_takes_more_than_yes() {
        let (old, new) = (Fingerprint([1; 32]), Fingerprint([0xab; 32]));
        let question = |known| Question::Certificate {
            server: "cam:322".into(),
            fingerprint: new,
            doubt: "nobody vouches for it".into(),
            known,
        };
        for (known, line, trusts) in [
            (None, "y", true),
            (None, "YES", true),
            (None, "", false),
            (None, "no", false),
            (Some(old), "yes", false),
            (Some(old), "replace", true),
        ] {
            let (answer, written) = asked(&question(known), &[line]);
            assert_eq!(answer == Some(Answer::Trust), trusts, "{line}");
            assert!(written.contains("AB:AB:AB:AB:AB:AB:AB:AB\n  AB:AB"), "{written}");
            assert_eq!(written.contains("HAS CHANGED") && written.contains("01:01"), known.is_some(), "{written}");
        }
    }
}
