//! Who may watch (feature `digest`), and that pictures are encrypted (feature `srtp`).

#[cfg(feature = "digest")]
pub(crate) mod user {
    //! Who may: the user that the image was built with.

    use mutoscope::auth::Key;
    use mutoscope::io::server::Password;

    /// They stand in the image, and are said nowhere else.
    const NAME: &str = env!("FIRMWARE_USER", "the feature `digest` takes the user's name from FIRMWARE_USER");
    const PASSWORD: &str = env!("FIRMWARE_PASSWORD", "the feature `digest` takes the password from FIRMWARE_PASSWORD");

    /// What the password is for, as players show it.
    const REALM: &str = "camera";

    pub(crate) fn guard(key: &Key) -> Password<'_> {
        Password::new(key, REALM, NAME, PASSWORD)
    }
}

#[cfg(feature = "srtp")]
pub(crate) mod encrypting {
    //! A guard that has media encrypted of those whom another one lets in.

    use crate::random::Random;
    use core::net::SocketAddr;
    use core::task::Waker;
    use mutoscope::io::server::{Guard, Verdict, Visit};
    use mutoscope::session::server::Asking;
    use mutoscope::session::{KeyExchange, Secrecy};
    use mutoscope::time::Instant;

    /// Every description has a key of its own in it (SDES), and nothing leaves that is not encrypted. Whoever reads the
    /// description can decrypt.
    pub(crate) struct Encrypting<'r, G> {
        pub(crate) inner: G,
        pub(crate) random: &'r Random,
    }

    pub(crate) struct EncryptingVisit<'r, V> {
        inner: V,
        random: &'r Random,
    }

    impl<'r, G: Guard> Guard for Encrypting<'r, G> {
        type Visit = EncryptingVisit<'r, G::Visit>;
        type Challenge = G::Challenge;

        fn visit(&self, peer: SocketAddr, is_private: bool) -> Self::Visit {
            EncryptingVisit { inner: self.inner.visit(peer, is_private), random: self.random }
        }

        fn judge(&self, visit: &mut Self::Visit, now: Instant, request: &Asking<'_>, waker: &Waker) -> Verdict {
            match self.inner.judge(&mut visit.inner, now, request, waker) {
                Verdict::Allowed(_) => {
                    let exchange = Some(KeyExchange::Sdes);
                    Verdict::Allowed(Secrecy { exchange, plain_udp: false, plain_tcp: false })
                }
                other => other,
            }
        }

        fn challenges(
            &self,
            visit: &Self::Visit,
            now: Instant,
            is_stale: bool,
        ) -> impl IntoIterator<Item = G::Challenge> {
            self.inner.challenges(&visit.inner, now, is_stale)
        }
    }

    impl<V: Visit> Visit for EncryptingVisit<'_, V> {
        type Home<T> = V::Home<T>;

        fn asks_again(&self) -> Option<Instant> {
            self.inner.asks_again()
        }

        fn ends(&self) -> Option<Instant> {
            self.inner.ends()
        }

        fn stream_key(&self) -> Option<[u8; 30]> {
            Some(self.random.bytes())
        }
    }
}
