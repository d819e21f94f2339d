//! Inputs as a server's catalogue.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;

use mutoscope::media::catalogue::Catalogue;
use mutoscope::wire::url;

use super::camera::Camera;
use super::error::InputError;
use super::exec::Exec;
use super::http::Http;
use super::pipe::{Fifo, Stdin};
use super::push::{InputMedium, Push};
use super::rtsp::Rtsp;
use super::spec::{Source, Spec, Start};
use super::supervisor::Supervisor;
use super::{Input, State};
use crate::media::Policy;
use crate::media::live::Live;
use crate::names;

/// Live inputs by name. Dropping it ends them.
#[derive(Debug)]
pub struct Inputs {
    all: Vec<Served>,
    supervisor: Supervisor,
    policy: Policy,
}

/// One of them.
#[derive(Debug)]
enum Served {
    Run(Live),
    Pushed(Push),
}

impl Served {
    fn name(&self) -> &str {
        match self {
            Self::Run(live) => live.name(),
            Self::Pushed(push) => push.name(),
        }
    }
}

/// Why an input cannot be served.
#[derive(Debug)]
#[non_exhaustive]
pub enum InputsError {
    /// Two inputs have one name.
    SameName(String),
    /// Two inputs read standard input.
    SameStdin,
    /// The input cannot be made.
    Input {
        /// Its name.
        name: String,
        /// Why.
        error: InputError,
    },
    /// The system has no thread left.
    Thread(io::Error),
}

impl fmt::Display for InputsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameName(name) => write!(f, "two inputs are called {name:?}"),
            Self::SameStdin => f.write_str("two inputs read standard input"),
            Self::Input { name, error } => write!(f, "{name}: {error}"),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

// No `source`: the sentence holds what it would say.
impl std::error::Error for InputsError {}

impl Inputs {
    /// No inputs yet. `policy`: what may be done with pictures that RTP/JPEG cannot carry.
    ///
    /// # Errors
    /// [`InputsError::Thread`].
    pub fn new(policy: Policy) -> Result<Self, InputsError> {
        let supervisor = Supervisor::new().map_err(InputsError::Thread)?;
        Ok(Self { all: Vec::new(), supervisor, policy })
    }

    /// The inputs that people have described.
    ///
    /// # Errors
    /// See [`InputsError`].
    pub fn from_specs(specs: &[Spec], policy: Policy) -> Result<Self, InputsError> {
        let mut inputs = Self::new(policy)?;
        if specs.iter().filter(|spec| matches!(spec.source(), Source::Stdin)).count() > 1 {
            return Err(InputsError::SameStdin);
        }
        for spec in specs {
            if let Source::Push = spec.source() {
                let push = Push::new(spec.name(), spec.parameters().rate, policy).map_err(InputsError::Thread)?;
                inputs.add_push(push)?;
                continue;
            }
            let input = input(spec).map_err(|error| {
                let error = InputError::last(spec.hide_secrets(error.reason()));
                InputsError::Input { name: spec.name().to_owned(), error }
            })?;
            let live = Live::new(spec.name(), spec.parameters().rate);
            inputs.add(live, input, spec.start())?;
        }
        Ok(inputs)
    }

    /// Adds an input, which publishes to `live`.
    ///
    /// # Errors
    /// [`InputsError::SameName`].
    pub fn add(&mut self, live: Live, input: Box<dyn Input>, start: Start) -> Result<(), InputsError> {
        self.check_name(live.name())?;
        self.supervisor.add(&live, input, start, self.policy);
        self.all.push(Served::Run(live));
        Ok(())
    }

    /// Adds a medium that clients may publish to, where the server allows it
    /// ([`Options::record`](crate::server::Options::record)).
    ///
    /// # Errors
    /// [`InputsError::SameName`].
    pub fn add_push(&mut self, push: Push) -> Result<(), InputsError> {
        self.check_name(push.name())?;
        self.all.push(Served::Pushed(push));
        Ok(())
    }

    fn check_name(&self, name: &str) -> Result<(), InputsError> {
        if self.names().any(|taken| taken == name) { Err(InputsError::SameName(name.to_owned())) } else { Ok(()) }
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(Served::name)
    }

    /// The input that is `index`th in the order of their names.
    pub fn medium(&self, index: usize) -> Option<InputMedium> {
        Some(match self.all.get(index)? {
            Served::Run(live) => live.medium(index).into(),
            Served::Pushed(push) => push.medium(index),
        })
    }

    /// What those do that are run, in the order of their names.
    pub fn states(&self) -> Vec<State> {
        self.supervisor.states()
    }
}

impl Catalogue for Inputs {
    type Medium = InputMedium;

    fn find(&self, path: url::Path<'_>) -> Option<InputMedium> {
        self.medium(names::position(path, self.all.iter().map(Served::name))?)
    }
}

/// What a description describes.
///
/// # Errors
/// It is known already that there is no such thing.
fn input(spec: &Spec) -> Result<Box<dyn Input>, InputError> {
    let missing = |what: &str| Err(InputError::last(format!("{what} cannot be read yet")));
    Ok(match spec.source() {
        Source::Stdin => Box::new(Stdin::new()?),
        Source::Exec(words) => Box::new(Exec::with_secrets(words.clone(), spec.secrets().clone())),
        Source::Http(remote) => {
            let http = Http::new(remote.clone(), spec.parameters().poll);
            match spec.parameters().rate {
                Some(rate) => Box::new(http.with_interval(rate.interval())),
                None => Box::new(http),
            }
        }
        Source::Path(path) => {
            let metadata = fs::metadata(path)
                .map_err(|error| InputError::last(format!("cannot open {}: {error}", path.display())))?;
            match metadata.file_type() {
                kind if kind.is_fifo() => Box::new(Fifo::new(path)),
                kind if kind.is_dir() => return missing("a folder of pictures"),
                kind if kind.is_file() => {
                    let path = path.display();
                    let reason = format!("{path} is a file; it is served as {path}, without a name before it");
                    return Err(InputError::last(reason));
                }
                _ => {
                    let reason = format!("{} is neither a pipe nor a folder of pictures", path.display());
                    return Err(InputError::last(reason));
                }
            }
        }
        Source::Rtsp(remote) => Box::new(Rtsp::new(remote.clone())),
        Source::Push => return Err(InputError::last("its pictures come from clients of the server")),
        Source::Device(path) => Box::new(Camera::new(path, spec.parameters().size, spec.parameters().rate)?),
    })
}
