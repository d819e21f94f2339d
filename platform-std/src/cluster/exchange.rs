//! What nodes have for each other, whatever carries it: pictures for who watches, words of who is there, questions and answers.
//!
//! The engine behind it stands in one file, because engines change: [`in_process`](super::in_process) for tests and single machines,
//! [`zenoh`](super::zenoh) between machines. What is called back is called by threads of the engine, and must not wait.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of the longest picture that goes from node to node.
pub const MAX_PICTURE: usize = 16 * 1024 * 1024;

/// Something another node has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample<'a> {
    /// Under which key.
    pub key: &'a str,
    /// A picture, or the words of an answer.
    pub payload: &'a [u8],
    /// What goes with it; empty: nothing.
    pub attachment: &'a [u8],
}

/// A question of another node. It is over when this is dropped.
pub trait Question: Send {
    /// The key that was asked.
    fn key(&self) -> &str;

    /// What exactly is asked.
    fn parameters(&self) -> &str;

    /// Answers, once or several times.
    fn answer(&self, sample: Sample<'_>);
}

/// A key under which pictures are sent.
pub trait Publication: Send {
    /// Sends a picture to all who watch. It may wait for a second where a network is slow, and then leaves it out: nobody learns that,
    /// but by its [`Stamp`](super::stamp::Stamp).
    ///
    /// # Errors
    /// The exchange has ended.
    fn put(&mut self, picture: &[u8], attachment: &[u8]) -> Result<(), ExchangeError>;
}

/// Something that lasts until this is dropped.
pub trait Lasting: Send + Sync {}

/// A box of that.
pub type Held = Box<dyn Lasting>;

/// Is told whether somebody watches.
pub type OnWatched = Box<dyn Fn(bool) + Send + Sync>;

/// Is given what comes.
pub type OnSample = Box<dyn Fn(Sample<'_>) + Send + Sync>;

/// Is told that a key is there, or is no more.
pub type OnPresence = Box<dyn Fn(&str, bool) + Send + Sync>;

/// Answers questions.
pub type OnQuestion = Box<dyn Fn(Box<dyn Question>) + Send + Sync>;

/// Is given the answers, and `None` when there will be no more.
pub type OnAnswer = Box<dyn FnMut(Option<Sample<'_>>) + Send>;

/// A node's way to all others.
pub trait Exchange: Send + Sync {
    /// Pictures are to be had under `key`. `on_watched` is told whenever the first one watches, and the last one does no more.
    ///
    /// # Errors
    /// The engine's.
    fn publish(&self, key: &str, on_watched: OnWatched) -> Result<Box<dyn Publication>, ExchangeError>;

    /// Takes what others send under `key`, until that is dropped.
    ///
    /// # Errors
    /// The engine's.
    fn watch(&self, key: &str, take: OnSample) -> Result<Held, ExchangeError>;

    /// Tells all others that `key` is there, until that is dropped or this node is gone.
    ///
    /// # Errors
    /// The engine's.
    fn declare(&self, key: &str) -> Result<Held, ExchangeError>;

    /// Is told of what others [declare](Self::declare) under `keys`, in which `*` stands for any one part; first of what is there already.
    ///
    /// # Errors
    /// The engine's.
    fn follow(&self, keys: &str, tell: OnPresence) -> Result<Held, ExchangeError>;

    /// Answers questions to `key`.
    ///
    /// # Errors
    /// The engine's.
    fn answer(&self, key: &str, answer: OnQuestion) -> Result<Held, ExchangeError>;

    /// Asks all who answer to `keys`, and waits no longer than `patience` for them; not here.
    ///
    /// # Errors
    /// The engine's.
    fn ask(&self, keys: &str, parameters: &str, patience: Duration, tell: OnAnswer) -> Result<(), ExchangeError>;

    /// The same where the answers are pictures. What is live goes before them, and where a network is slow some of them, or the question
    /// itself, never come.
    ///
    /// # Errors
    /// The engine's.
    fn ask_for_pictures(
        &self,
        keys: &str,
        parameters: &str,
        patience: Duration,
        tell: OnAnswer,
    ) -> Result<(), ExchangeError>;
}

/// Why something cannot be exchanged.
#[derive(Clone, Debug)]
pub struct ExchangeError(Arc<str>);

impl ExchangeError {
    pub(super) fn new(error: impl fmt::Display) -> Self {
        Self(error.to_string().into())
    }
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ExchangeError {}
