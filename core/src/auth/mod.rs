//! Proving who one is, to servers of RTSP and HTTP alike: Basic (RFC 7617) and Digest (RFC 7616, RFC 2617) with MD5 and SHA-256.
//!
//! A server refuses a request with 401 and one [`Challenge`] or several, in `WWW-Authenticate`. An [`Authenticator`] chooses the
//! strongest that it can answer, and makes the `Authorization` of the same request, which is sent again, and of those after it.
//! It also says when to give up:
//!
//! ```
//! use mutoscope::auth::{Authenticator, Basic, Credentials, Refusal};
//!
//! let credentials = Credentials::new("anna", "secret").unwrap();
//! let entropy = 0x5EED; // should be random
//! let mut authenticator = Authenticator::new(credentials, Basic::Allowed, entropy);
//! assert!(authenticator.authorize("GET", "/stream").is_none(), "nobody has asked yet");
//!
//! // The server answers 401.
//! let challenges = ["Basic realm=\"cam\"", "Digest realm=\"cam\", nonce=\"5f3a\", qop=\"auth\", algorithm=SHA-256"];
//! authenticator.handle_challenges(challenges)?;
//! let value = authenticator.authorize("GET", "/stream").unwrap().to_string();
//! assert!(value.starts_with("Digest username=\"anna\", realm=\"cam\", nonce=\"5f3a\", uri=\"/stream\", response=\""));
//!
//! // It answers 401 again.
//! assert_eq!(authenticator.handle_challenges(challenges), Err(Refusal::Credentials));
//! # Ok::<(), Refusal>(())
//! ```
//!
//! | file | content |
//! |---|---|
//! | `credentials` | user and password, from a URL or from elsewhere |
//! | `challenge` | `WWW-Authenticate` |
//! | `authenticator` | which challenge is answered, how often, and `Authorization` |
//! | `hash` | MD5 and SHA-256 |
//! | `quoted` | quoted strings in all of these |
//!
//! A server makes challenges and verifies answers with a [`Verifier`]; it keeps the [`Proofs`] of each connection:
//!
//! | file | content |
//! |---|---|
//! | `answer` | `Authorization` |
//! | `verifier` | challenges of a server, and whether an answer is right |
//! | `nonces` | nonces that nobody has to remember |
//! | `token` | URLs that let their owners in for a while |
//! | `mac` | the key of nonces and tokens |

mod answer;
mod authenticator;
mod challenge;
mod credentials;
mod hash;
mod mac;
mod nonces;
mod quoted;
mod token;
mod verifier;

pub use answer::claimed_user;
pub use authenticator::{Authenticator, Authorization, Basic, MAX_CHALLENGE, Refusal};
pub use challenge::{Challenge, Scheme};
pub use credentials::{Credentials, MAX_PASSWORD, MAX_USER, Unfit};
pub use hash::{Algorithm, Hex, secret};
pub use mac::Key;
pub use token::Token;
pub use verifier::{Claim, Proofs, ServerChallenge, Unproven, Users, Verifier};
