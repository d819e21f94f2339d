//! What the user is asked before the network thread can go on, and what comes of the answer. Passwords that were typed are kept
//! by the client alone, for reconnections, until the player ends.

use crate::wording::{Cause, sentence};
use mutoscope_std::client::{Answer, Client, Error, Goal, Inquiry, Options, Question};
use mutoscope_std::tls::KnownServers;
use std::path::{Path, PathBuf};

/// A question that is to be answered, and why there is no picture without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) question: Question,
    pub(crate) reason: String,
}

/// What was asked for when the answer has come.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// This goal is to be tried again. The sentence: it will be asked again another time, because it could not be written down.
    TryAgain { goal: Goal, forgetful: Option<String> },
    /// It ends here, for this reason.
    Over(String, Cause),
    /// Nothing was asked any more.
    Stale,
}

/// The questions of one client.
#[derive(Debug)]
pub(crate) struct Asking {
    inquiry: Inquiry,
    open: Option<(Asked, Goal)>,
    /// Where it stands which certificates are believed.
    file: Option<PathBuf>,
}

impl Asking {
    /// For a client that has these options. It is told which certificates are believed.
    pub(crate) fn new(options: &Options, client: &mut Client, file: Option<&Path>) -> Self {
        let inquiry = Inquiry::new(options, KnownServers::read_or_warn(file));
        inquiry.prepare(client);
        Self { inquiry, open: None, file: file.map(Path::to_owned) }
    }

    /// The client has turned to another server.
    pub(crate) fn turn(&mut self, client: &mut Client) {
        let options = client.options().clone();
        *self = Self::new(&options, client, self.file.take().as_deref());
    }

    /// What is to be asked after this failure; `None`: no answer would help. `goal` waits for the answer.
    pub(crate) fn ask(&mut self, error: &Error, goal: Goal) -> Option<Asked> {
        let question = self.inquiry.question(error)?;
        let reason = sentence(&self.inquiry.reason(&question).unwrap_or_else(|| error.to_string()));
        let asked = Asked { question, reason };
        self.open = Some((asked.clone(), goal));
        Some(asked)
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn forget(&mut self) {
        self.open = None;
    }

    /// Takes the answer; `None`: there will be none.
    pub(crate) fn answer(&mut self, answer: Option<Answer>, client: &mut Client) -> Outcome {
        let Some((asked, goal)) = self.open.take() else { return Outcome::Stale };
        let cause = match asked.question {
            Question::Password { .. } => Cause::Unanswered,
            Question::Certificate { .. } => Cause::Untrusted,
        };
        let Some(answer) = answer else { return Outcome::Over(asked.reason, cause) };
        match self.inquiry.answer(&asked.question, answer, client) {
            Ok(written) => {
                let forgetful = written.err().map(|error| {
                    let path = self.inquiry.known().path().map(|path| path.display().to_string());
                    format!("Cannot write {}: {error}", path.unwrap_or_default())
                });
                Outcome::TryAgain { goal, forgetful }
            }
            Err(error) => Outcome::Over(sentence(&error.to_string()), cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mutoscope_std::client::Unauthorized;
    use mutoscope_std::tls::Fingerprint;

    const GOAL: Goal = Goal::Play { from: None };

    fn asking(url: &str, file: Option<&Path>) -> (Asking, Client) {
        let options = Options::new(url);
        let mut client = Client::new(options.clone()).unwrap();
        (Asking::new(&options, &mut client, file), client)
    }

    fn credentials(password: &str) -> Option<Answer> {
        Some(Answer::Credentials { user: "anna".into(), password: password.into() })
    }

    #[test]
    fn an_answer_is_taken_once_and_only_while_it_is_waited_for() {
        let (mut asking, mut client) = asking("rtsp://cam/x", None);
        let error = Error::Unauthorized(Unauthorized::Unknown);
        assert_eq!(asking.answer(credentials("x"), &mut client), Outcome::Stale);
        let asked = asking.ask(&error, GOAL).unwrap();
        assert!(asked.reason.starts_with("The server wants a user name and a password"), "{asked:?}");
        let tried = Outcome::TryAgain { goal: GOAL, forgetful: None };
        assert_eq!(asking.answer(credentials("x"), &mut client), tried);
        assert_eq!(asking.answer(credentials("x"), &mut client), Outcome::Stale);
        asking.ask(&error, GOAL).unwrap();
        assert_eq!(asking.answer(None, &mut client), Outcome::Over(asked.reason, Cause::Unanswered));
        asking.ask(&error, GOAL).unwrap();
        assert!(matches!(asking.answer(credentials("a\tb"), &mut client), Outcome::Over(..)));
        asking.ask(&error, GOAL).unwrap();
        asking.forget();
        assert_eq!(asking.answer(credentials("x"), &mut client), Outcome::Stale);
        assert_eq!(asking.ask(&Error::Closed(None), GOAL), None);
    }

    #[test]
    fn a_certificate_that_cannot_be_written_down_is_believed_all_the_same() {
        // A folder cannot be made below a file.
        let path = Path::new("/dev/null/known_servers");
        let (mut asking, mut client) = asking("rtsps://cam/x", Some(path));
        let shown = |fingerprint| Error::Certificate {
            reason: "nobody vouches for it, believe it with --tls-pin".into(),
            doubt: "nobody vouches for it".into(),
            server: "cam:322".into(),
            fingerprint: Fingerprint([fingerprint; 32]),
        };
        let asked = asking.ask(&shown(1), GOAL).unwrap();
        assert_eq!(asked.reason, "Nobody vouches for it, believe it with --tls-pin");
        asking.answer(Some(Answer::Trust), &mut client);
        let changed = asking.ask(&shown(2), GOAL).unwrap();
        assert!(changed.reason.starts_with("THE CERTIFICATE OF cam:322 HAS CHANGED"), "{changed:?}");
        assert!(changed.reason.contains("--tls-pin"), "{changed:?}");
    }
}
