//! What somebody has to decide before a client can go on: who they are, and whether a certificate is to be believed.

use std::fmt;
use std::io;

use mutoscope::session::client::Unauthorized;
use mutoscope::wire::url::Url;

use super::{Client, Credentials, Error, Options};
use crate::tls::{Fingerprint, KnownServers, server_name};

/// What is asked. There is no secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The server wants a user's name and a password.
    Password {
        /// The server, `HOST:PORT`.
        server: String,
        /// The name that is known so far; may be empty.
        user: String,
        /// The server has refused what it was told last.
        is_wrong: bool,
    },
    /// The server shows a certificate for which nobody vouches.
    Certificate {
        /// The server, `HOST:PORT`.
        server: String,
        /// What of it people compare.
        fingerprint: Fingerprint,
        /// Why it is not believed, in a sentence.
        doubt: String,
        /// The one that was believed until now: somebody may be between us and the server.
        known: Option<Fingerprint>,
    },
}

/// What somebody says to it.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// User and password.
    Credentials {
        /// The user's name.
        user: String,
        /// The password.
        password: String,
    },
    /// The certificate is to be believed, now and later.
    Trust,
}

/// Without the password.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credentials { .. } => "Credentials",
            Self::Trust => "Trust",
        })
    }
}

/// What one client's user has been asked, and has said. Passwords are kept by the client alone, as long as it lives.
#[derive(Clone, Debug)]
pub struct Inquiry {
    /// The server of the URL.
    server: String,
    user: String,
    /// There is a password, right or wrong.
    is_told: bool,
    /// The options say whom to believe.
    is_decided: bool,
    known: KnownServers,
}

impl Inquiry {
    /// For a client with these options.
    pub fn new(options: &Options, known: KnownServers) -> Self {
        let url = Url::parse(&options.url);
        let in_url = url.and_then(|url| url.user_info()).filter(|info| !info.is_empty());
        let credentials = in_url.and_then(|info| Credentials::from_user_info(info).ok());
        let has_password = in_url.is_some_and(|info| info.contains(':'));
        let given = options.credentials.as_ref();
        Self {
            server: url.map_or_else(String::new, |url| server_name(url.host(), url.port_or_default())),
            user: given.or(credentials.as_ref()).map_or_else(String::new, |credentials| credentials.user().to_owned()),
            is_told: given.map_or(has_password, Credentials::has_password),
            is_decided: options.tls_pin.is_some() || options.tls_ca.is_some(),
            known,
        }
    }

    /// Tells a client which certificates are known.
    pub fn prepare(&self, client: &mut Client) {
        for (server, fingerprint) in self.known.iter() {
            client.trust(server, fingerprint);
        }
    }

    /// What is to be asked where a client has failed like this; `None`: no answer would help.
    pub fn question(&self, error: &Error) -> Option<Question> {
        match error {
            Error::Unauthorized(Unauthorized::Unknown) => {
                Some(Question::Password { server: self.server.clone(), user: self.user.clone(), is_wrong: false })
            }
            Error::Unauthorized(Unauthorized::Credentials) => Some(Question::Password {
                server: self.server.clone(),
                user: self.user.clone(),
                is_wrong: self.is_told,
            }),
            Error::Certificate { doubt, server, fingerprint, .. } if !self.is_decided => {
                let known = self.known.get(server).filter(|known| known != fingerprint);
                let (server, fingerprint, doubt) = (server.clone(), *fingerprint, doubt.clone());
                Some(Question::Certificate { server, fingerprint, doubt, known })
            }
            _ => None,
        }
    }

    /// Why it does not go on without an answer, where that is more than the error says.
    pub fn reason(&self, question: &Question) -> Option<String> {
        let Question::Certificate { server, fingerprint, known: Some(known), .. } = question else { return None };
        let file = self.known.path().map(|path| format!(", {} holds the old one", path.display()));
        Some(format!(
            "THE CERTIFICATE OF {server} HAS CHANGED: somebody may be listening in between, or the server has been given a new \
             one; it was {known} and is {fingerprint}; --tls-pin believes one of them{}",
            file.unwrap_or_default()
        ))
    }

    /// Tells the client what was answered; a new goal makes it try that. The inner error: it is believed but could not be
    /// written down.
    ///
    /// # Errors
    /// [`Error::Credentials`] where a name or a password cannot be sent.
    pub fn answer(
        &mut self,
        question: &Question,
        answer: Answer,
        client: &mut Client,
    ) -> Result<io::Result<()>, Error> {
        match (question, answer) {
            (Question::Password { .. }, Answer::Credentials { user, password }) => {
                client.authenticate(Credentials::new(&user, &password).map_err(|_| Error::Credentials)?);
                (self.user, self.is_told) = (user, true);
                Ok(Ok(()))
            }
            (Question::Certificate { server, fingerprint, .. }, Answer::Trust) => {
                client.trust(server, *fingerprint);
                Ok(self.known.remember(server, *fingerprint))
            }
            // It is asked again.
            _ => Ok(Ok(())),
        }
    }

    /// The servers whose certificates are known.
    pub fn known(&self) -> &KnownServers {
        &self.known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(error: &Error, options: Options) -> Option<Question> {
        let inquiry = Inquiry::new(&options, KnownServers::in_memory());
        inquiry.question(error)
    }

    #[test]
    fn a_password_is_asked_for_where_one_would_help() {
        let unknown = Error::Unauthorized(Unauthorized::Unknown);
        let refused = Error::Unauthorized(Unauthorized::Credentials);
        let asked =
            |user: &str, is_wrong| Some(Question::Password { server: "cam:554".into(), user: user.into(), is_wrong });
        let url = |url: &str| Options::new(url);
        assert_eq!(password(&unknown, url("rtsp://Cam/x")), asked("", false));
        assert_eq!(password(&refused, url("rtsp://an%20na@cam/x")), asked("an na", false), "none was told yet");
        assert_eq!(password(&refused, url("rtsp://anna:hunter2@cam/x")), asked("anna", true));
        for (secret, is_wrong) in [("", false), ("hunter2", true)] {
            let credentials = Credentials::new("bert", secret).ok();
            let options = Options { credentials, ..url("rtsp://anna:x@cam/x") };
            assert_eq!(password(&refused, options), asked("bert", is_wrong));
        }
        for why in [Unauthorized::Elsewhere, Unauthorized::Basic, Unauthorized::Scheme] {
            assert_eq!(password(&Error::Unauthorized(why), url("rtsp://cam/x")), None);
        }
        assert_eq!(password(&Error::Closed(None), url("rtsp://cam/x")), None);
    }

    #[test]
    fn what_is_answered_is_known_from_then_on_and_shown_to_nobody() {
        let options = Options::new("rtsp://cam/x");
        let mut client = Client::new(options.clone()).unwrap();
        let mut inquiry = Inquiry::new(&options, KnownServers::in_memory());
        let question = inquiry.question(&Error::Unauthorized(Unauthorized::Unknown)).unwrap();
        let answer = |password: &str| Answer::Credentials { user: "anna".into(), password: password.into() };
        assert!(matches!(inquiry.answer(&question, answer("a\nb"), &mut client), Err(Error::Credentials)));
        inquiry.answer(&question, answer("hunter2"), &mut client).unwrap().unwrap();
        let shown = format!("{:?} {inquiry:?} {client:?}", answer("hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
        let again = inquiry.question(&Error::Unauthorized(Unauthorized::Credentials));
        assert!(matches!(again, Some(Question::Password { user, is_wrong: true, .. }) if user == "anna"));
    }

    #[test]
    fn a_certificate_that_has_changed_is_told_from_an_unknown_one() {
        let shown = |fingerprint| Error::Certificate {
            reason: "long".into(),
            doubt: "short".into(),
            server: "cam:322".into(),
            fingerprint,
        };
        let (old, new) = (Fingerprint([1; 32]), Fingerprint([2; 32]));
        let options = Options::new("rtsps://cam/x");
        let mut client = Client::new(options.clone()).unwrap();
        let mut inquiry = Inquiry::new(&options, KnownServers::in_memory());
        let question = inquiry.question(&shown(old)).unwrap();
        let is =
            |question: &Question, wanted| matches!(question, Question::Certificate { known, .. } if *known == wanted);
        assert!(is(&question, None), "{question:?}");
        inquiry.answer(&question, Answer::Trust, &mut client).unwrap().unwrap();
        assert_eq!(inquiry.known().get("cam:322"), Some(old));
        assert!(is(&inquiry.question(&shown(new)).unwrap(), Some(old)));
        for decided in
            [Options { tls_pin: Some(old), ..options.clone() }, Options { tls_ca: Some("ca.pem".into()), ..options }]
        {
            assert_eq!(Inquiry::new(&decided, KnownServers::in_memory()).question(&shown(new)), None);
        }
    }
}
