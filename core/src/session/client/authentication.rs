//! Who the client says it is. Without the feature `auth` it says nothing.

#[cfg(not(feature = "auth"))]
pub(super) use anonymous::Authentication;
#[cfg(feature = "auth")]
pub(super) use known::Authentication;

#[cfg(feature = "auth")]
mod known {
    use crate::auth::{Authenticator, Authorization, Basic, Credentials, Refusal, Scheme};
    use crate::session::client::events::Unauthorized;
    use crate::wire::rtsp::{Headers, RequestUri};

    /// What proves who we are, to one server.
    #[derive(Debug, Default)]
    pub(in crate::session::client) struct Authentication {
        authenticator: Option<Authenticator>,
        /// The connection does not lead to the server that the password is for.
        elsewhere: bool,
    }

    impl Authentication {
        pub(in crate::session::client) fn set(&mut self, credentials: Credentials, basic: Basic, entropy: u64) {
            self.authenticator = Some(Authenticator::new(credentials, basic, entropy));
        }

        /// Whether connections from now on lead to another server than the one that the password is for.
        pub(in crate::session::client) fn set_elsewhere(&mut self, elsewhere: bool) {
            self.elsewhere = elsewhere;
        }

        /// There is a new connection.
        pub(in crate::session::client) fn restart(&mut self) {
            if let Some(authenticator) = &mut self.authenticator {
                authenticator.restart();
            }
        }

        /// Whether there is something to tell this server.
        pub(in crate::session::client) fn is_known(&self) -> bool {
            self.authenticator.is_some() && !self.elsewhere
        }

        /// The answer to a request was 401. `Ok`: it is to be sent again.
        pub(in crate::session::client) fn handle_challenges(
            &mut self,
            headers: &Headers<'_>,
        ) -> Result<(), Unauthorized> {
            if self.elsewhere {
                return Err(Unauthorized::Elsewhere);
            }
            let Some(authenticator) = self.authenticator.as_mut() else { return Err(Unauthorized::Unknown) };
            let challenged = authenticator.handle_challenges(headers.all("WWW-Authenticate"));
            challenged.map_err(|refusal| match refusal {
                Refusal::Credentials => Unauthorized::Credentials,
                Refusal::Basic => Unauthorized::Basic,
                Refusal::Scheme | Refusal::TooLong => Unauthorized::Scheme,
            })
        }

        pub(in crate::session::client) fn handle_accepted(&mut self) {
            if let Some(authenticator) = &mut self.authenticator {
                authenticator.handle_accepted();
            }
        }

        /// The `Authorization` of a request, if one was asked for.
        pub(in crate::session::client) fn authorize<'a>(
            &'a mut self,
            method: &str,
            uri: &'a str,
        ) -> Option<Authorization<'a, RequestUri<&'a str>>> {
            let authenticator = self.authenticator.as_mut().filter(|_| !self.elsewhere)?;
            let first = authenticator.is_untried();
            let authorization = authenticator.authorize(method, RequestUri(uri))?;
            if first && authorization.scheme() == Scheme::Basic {
                warning!("the server wants the password as it is (Basic): whoever listens on the way can read it");
            }
            Some(authorization)
        }
    }
}

#[cfg(not(feature = "auth"))]
mod anonymous {
    use crate::session::client::events::Unauthorized;
    use crate::wire::rtsp::Headers;

    /// Nothing, in no memory.
    #[derive(Debug, Default)]
    pub(in crate::session::client) struct Authentication {}

    impl Authentication {
        pub(in crate::session::client) fn set_elsewhere(&mut self, _: bool) {}

        pub(in crate::session::client) fn restart(&mut self) {}

        pub(in crate::session::client) fn is_known(&self) -> bool {
            false
        }

        pub(in crate::session::client) fn handle_challenges(&mut self, _: &Headers<'_>) -> Result<(), Unauthorized> {
            Err(Unauthorized::Unknown)
        }

        pub(in crate::session::client) fn handle_accepted(&mut self) {}

        pub(in crate::session::client) fn authorize(&mut self, _: &str, _: &str) -> Option<&'static str> {
            None
        }
    }
}
