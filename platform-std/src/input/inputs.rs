//! Inputs as a server's catalogue.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mutoscope::media::catalogue::Catalogue;
use mutoscope::wire::url;

use super::camera::Camera;
use super::error::InputError;
use super::exec::Exec;
use super::http::Http;
use super::no_signal::NoSignal;
use super::pipe::{Fifo, Stdin};
use super::push::{InputMedium, Push};
use super::rtsp::Rtsp;
use super::spec::{Source, Spec, Start};
use super::supervisor::Supervisor;
use super::{Input, State};
use crate::media::live::Live;
use crate::media::{Change, Observer, Policy};
use crate::names;
#[cfg(feature = "http")]
use crate::record::Progress;
use crate::record::{self, Recorder, Recording};

/// Live inputs by name. Dropping it ends them.
pub struct Inputs {
    all: Vec<Entry>,
    /// By name.
    index: names::Index,
    /// Shared by those that were made of each other.
    supervisor: Arc<Supervisor>,
    policy: Policy,
    /// Other machines may publish, if the server's door lets them.
    is_for_remote: bool,
    /// Those are recorded whose description says so.
    records: bool,
    /// Who does that, from the first one on.
    recorder: Option<Arc<Recorder>>,
    /// While those are away whose description says so, a picture tells that.
    tells_absence: bool,
    /// Who draws it, from the first one on.
    no_signal: Option<Arc<NoSignal>>,
    /// Who is told when pictures cease and begin.
    observer: Option<Arc<dyn Observer>>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// Differs from those of all other inputs of this process.
    id: usize,
    /// How it was described, where it was.
    spec: Option<Spec>,
    served: Served,
    recording: Option<Arc<Recording>>,
}

#[cfg(feature = "http")]
impl Entry {
    /// What is known of it, where `state` tells what one does that is run.
    fn glance(&self, state: impl Fn(&Live) -> Option<State>) -> (&Live, Option<State>, Option<Progress>) {
        let (live, state) = match &self.served {
            Served::Run(live) => (live, state(live)),
            Served::Pushed(push) => (push.live(), None),
        };
        (live, state, self.recording.as_ref().map(|recording| recording.progress()))
    }
}

/// One of them.
#[derive(Clone, Debug)]
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

    fn live(&self) -> &Live {
        match self {
            Self::Run(live) => live,
            Self::Pushed(push) => push.live(),
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
    /// Two inputs are recorded in one folder.
    SameFolder(PathBuf),
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
            Self::SameFolder(folder) => {
                write!(f, "two inputs are recorded in {}; each takes a folder of its own", folder.display())
            }
            Self::Input { name, error } => write!(f, "{name}: {error}"),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

// No `source`: the sentence holds what it would say.
impl std::error::Error for InputsError {}

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs").field("all", &self.all).field("supervisor", &self.supervisor).finish_non_exhaustive()
    }
}

impl Inputs {
    /// No inputs yet. `policy`: what may be done with pictures that RTP/JPEG cannot carry.
    ///
    /// # Errors
    /// [`InputsError::Thread`].
    pub fn new(policy: Policy) -> Result<Self, InputsError> {
        let supervisor = Arc::new(Supervisor::new().map_err(InputsError::Thread)?);
        Ok(Self::with(supervisor, policy))
    }

    fn with(supervisor: Arc<Supervisor>, policy: Policy) -> Self {
        Self {
            all: Vec::new(),
            index: names::Index::default(),
            supervisor,
            policy,
            is_for_remote: false,
            records: false,
            recorder: None,
            tells_absence: false,
            no_signal: None,
            observer: None,
        }
    }

    /// The same, where other machines may publish, too: for servers whose door decides about publishers
    /// ([`Server::serve_guarded`](crate::server::Server::serve_guarded)). Otherwise this machine alone may.
    #[must_use]
    pub fn with_remote_publishers(self) -> Self {
        Self { is_for_remote: true, ..self }
    }

    /// The same, where those are recorded whose description says so. Otherwise none is.
    #[must_use]
    pub fn with_recordings(self) -> Self {
        Self { records: true, ..self }
    }

    /// The same, where a picture tells those who watch that an input is away, if its description says so. Otherwise none does.
    #[must_use]
    pub fn with_no_signal(self) -> Self {
        Self { tells_absence: true, ..self }
    }

    /// The same, where `observer` is told when the pictures of an input cease and when they begin, of those that are described from now
    /// on.
    #[must_use]
    pub fn with_observer(self, observer: Option<Arc<dyn Observer>>) -> Self {
        Self { observer, ..self }
    }

    /// Ends all recordings when what waits is written, and waits for that.
    pub fn finish_recordings(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.finish();
        }
    }

    /// The inputs that people have described.
    ///
    /// # Errors
    /// See [`InputsError`].
    pub fn from_specs(specs: &[Spec], policy: Policy) -> Result<Self, InputsError> {
        Self::new(policy)?.updated(specs)
    }

    /// What people describe now, in place of what they described before. Inputs whose description has not changed are the same,
    /// and those who watch them notice nothing. Call [`retire`](Self::retire) for the others.
    ///
    /// # Errors
    /// See [`InputsError`]. Nothing has changed then.
    pub fn updated(&self, specs: &[Spec]) -> Result<Self, InputsError> {
        if specs.iter().filter(|spec| matches!(spec.source(), Source::Stdin)).count() > 1 {
            return Err(InputsError::SameStdin);
        }
        check_folders(specs)?;
        let mut inputs = Self::with(Arc::clone(&self.supervisor), self.policy);
        (inputs.is_for_remote, inputs.records) = (self.is_for_remote, self.records);
        inputs.tells_absence = self.tells_absence;
        inputs.no_signal = match &self.no_signal {
            None if specs.iter().any(|spec| self.tells_absence_of(spec)) => {
                Some(Arc::new(NoSignal::new().map_err(InputsError::Thread)?))
            }
            no_signal => no_signal.clone(),
        };
        inputs.observer.clone_from(&self.observer);
        inputs.recorder = match &self.recorder {
            None if self.records && specs.iter().any(|spec| spec.parameters().record.is_some()) => {
                Some(Arc::new(Recorder::new().map_err(InputsError::Thread)?))
            }
            recorder => recorder.clone(),
        };
        let (mut starting, mut pushed) = (Vec::new(), Vec::new());
        for spec in specs {
            inputs.check_name(spec.name())?;
            if let Some(kept) = self.all.iter().find(|entry| entry.spec.as_ref() == Some(spec)) {
                inputs.push_entry(kept.clone());
                continue;
            }
            if let Source::Push = spec.source() {
                let push = Push::new(spec.name(), spec.parameters().rate, self.policy).map_err(InputsError::Thread)?;
                pushed.push((push.live().clone(), spec));
                inputs.push(Some(spec.clone()), Served::Pushed(push));
                continue;
            }
            let input = input(spec).map_err(|error| {
                let error = InputError::last(spec.hide_secrets(error.reason()));
                InputsError::Input { name: spec.name().to_owned(), error }
            })?;
            let live = Live::new(spec.name(), spec.parameters().rate);
            inputs.push(Some(spec.clone()), Served::Run(live.clone()));
            starting.push((live, input, spec));
        }
        // Nothing fails from here on.
        for (live, spec) in &pushed {
            inputs.observe(live, Change::Away);
            inputs.tell_absence_of(live, spec);
        }
        for (live, input, spec) in starting {
            inputs.observe(&live, Change::Back);
            self.supervisor.add(&live, input, spec.start(), self.policy);
            inputs.tell_absence_of(&live, spec);
        }
        inputs.start_recordings();
        Ok(inputs)
    }

    fn tells_absence_of(&self, spec: &Spec) -> bool {
        self.tells_absence && spec.parameters().no_signal == Some(true)
    }

    /// Has a picture tell that an input is away, where that is wanted.
    fn tell_absence_of(&self, live: &Live, spec: &Spec) {
        if let Some(no_signal) = self.no_signal.as_ref().filter(|_| self.tells_absence_of(spec)) {
            no_signal.add(live, spec.parameters().size);
        }
    }

    /// Has the observer told of this one, of which `change` is expected.
    fn observe(&self, live: &Live, change: Change<'_>) {
        if let Some(observer) = &self.observer {
            observer.handle(live.name(), change);
            live.observe(Arc::clone(observer));
        }
    }

    /// Records those that are to be recorded and are not yet.
    fn start_recordings(&mut self) {
        let Some(recorder) = &self.recorder else { return };
        for entry in self.all.iter_mut().filter(|entry| entry.recording.is_none()) {
            let options = entry.spec.as_ref().and_then(|spec| spec.parameters().recording());
            entry.recording = options.map(|options| {
                log::info!("{}: it is recorded in {options}", entry.served.name());
                Arc::new(recorder.record(entry.served.live(), options))
            });
        }
    }

    /// Ends those inputs that `successor` has not.
    pub fn retire(&self, successor: &Self) {
        for entry in self.all.iter().filter(|entry| successor.all.iter().all(|other| other.id != entry.id)) {
            if let Some(recording) = &entry.recording {
                recording.end();
            }
            if let Some(no_signal) = &self.no_signal {
                no_signal.remove(entry.served.live());
            }
            match &entry.served {
                Served::Run(live) => {
                    self.supervisor.remove(live);
                    live.end();
                }
                Served::Pushed(push) => push.end(),
            }
            let name = entry.served.name();
            if let Some(observer) = self.observer.as_ref().filter(|_| successor.names().all(|other| other != name)) {
                observer.handle(name, Change::Gone);
            }
        }
    }

    /// How many of them `other` has too.
    pub fn in_common(&self, other: &Self) -> usize {
        self.all.iter().filter(|entry| other.all.iter().any(|other| other.id == entry.id)).count()
    }

    fn push(&mut self, spec: Option<Spec>, served: Served) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        self.push_entry(Entry { id: NEXT.fetch_add(1, Ordering::Relaxed), spec, served, recording: None });
    }

    fn push_entry(&mut self, entry: Entry) {
        self.index.add(entry.served.name());
        self.all.push(entry);
    }

    /// Adds an input, which publishes to `live`.
    ///
    /// # Errors
    /// [`InputsError::SameName`].
    pub fn add(&mut self, live: Live, input: Box<dyn Input>, start: Start) -> Result<(), InputsError> {
        self.check_name(live.name())?;
        self.supervisor.add(&live, input, start, self.policy);
        self.push(None, Served::Run(live));
        Ok(())
    }

    /// Adds a medium that clients may publish to, where the server allows it
    /// ([`Options::record`](crate::server::Options::record)).
    ///
    /// # Errors
    /// [`InputsError::SameName`].
    pub fn add_push(&mut self, push: Push) -> Result<(), InputsError> {
        self.check_name(push.name())?;
        self.push(None, Served::Pushed(push));
        Ok(())
    }

    fn check_name(&self, name: &str) -> Result<(), InputsError> {
        if self.names().any(|taken| taken == name) { Err(InputsError::SameName(name.to_owned())) } else { Ok(()) }
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|entry| entry.served.name())
    }

    /// The input that is `index`th in the order of their names.
    pub fn medium(&self, index: usize) -> Option<InputMedium> {
        let Entry { id, served, .. } = self.all.get(index)?;
        Some(match served {
            Served::Run(live) => live.medium(*id).into(),
            Served::Pushed(push) if self.is_for_remote => push.clone().with_remote_publishers().medium(*id),
            Served::Pushed(push) => push.medium(*id),
        })
    }

    /// All of them with what those do that are run, without a look at any of them by a viewer.
    #[cfg(feature = "http")]
    pub(crate) fn glance(&self) -> Vec<(&Live, Option<State>, Option<Progress>)> {
        let states = self.supervisor.states_by_address();
        self.all.iter().map(|entry| entry.glance(|live| states.get(&live.address()).copied())).collect()
    }

    /// The same of the one that a path means.
    #[cfg(feature = "http")]
    pub(crate) fn glance_at(&self, path: url::Path<'_>) -> Option<(&Live, Option<State>, Option<Progress>)> {
        let at = self.index.find(path, |at| self.all.get(at).map(|entry| entry.served.name()))?;
        Some(self.all.get(at)?.glance(|live| self.supervisor.state_of(live.address())))
    }

    /// The name of the input that a path means, and the folder in which it is recorded.
    pub fn recordings(&self, path: url::Path<'_>) -> Option<(&str, &std::path::Path)> {
        let at = self.index.find(path, |at| self.all.get(at).map(|entry| entry.served.name()))?;
        let entry = self.all.get(at).filter(|_| self.records)?;
        Some((entry.served.name(), entry.spec.as_ref()?.parameters().record.as_deref()?))
    }

    /// What those do that are run, in the order of their names.
    pub fn states(&self) -> Vec<State> {
        self.supervisor.states()
    }
}

impl Catalogue for Inputs {
    type Medium = InputMedium;

    fn find(&self, path: url::Path<'_>) -> Option<InputMedium> {
        self.medium(self.index.find(path, |at| self.all.get(at).map(|entry| entry.served.name()))?)
    }

    fn tell_names(&self, each: &mut dyn FnMut(&str)) {
        self.all.iter().for_each(|entry| each(entry.served.name()));
    }
}

/// Retention goes by folders, so each recording has its own.
fn check_folders(specs: &[Spec]) -> Result<(), InputsError> {
    let mut folders = HashSet::new();
    for record::Options { folder, .. } in specs.iter().filter_map(|spec| spec.parameters().recording()) {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        if !folders.insert(real) {
            return Err(InputsError::SameFolder(folder));
        }
    }
    Ok(())
}

/// What a description describes.
///
/// # Errors
/// It is known already that there is no such thing.
fn input(spec: &Spec) -> Result<Box<dyn Input>, InputError> {
    Ok(match spec.source() {
        Source::Stdin => Box::new(Stdin::new()?),
        Source::Exec(words) => Box::new(Exec::with_secrets(words.clone(), spec.secrets().clone())),
        Source::Http(remote) => {
            let http = Http::new(remote.clone(), spec.parameters().poll);
            let http = http.with_pin(spec.parameters().tls_pin).with_reach(spec.reach());
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
                // They have an end, and so are media of a library.
                kind if kind.is_dir() || kind.is_file() => {
                    return Err(InputError::last(format!("{} is no live input", path.display())));
                }
                _ => {
                    let reason = format!("{} is neither a pipe, nor a file, nor a folder", path.display());
                    return Err(InputError::last(reason));
                }
            }
        }
        Source::Rtsp(remote) => {
            let rtsp = Rtsp::new(remote.clone()).with_pin(spec.parameters().tls_pin);
            Box::new(rtsp.with_reach(spec.reach()))
        }
        Source::Push => return Err(InputError::last("its pictures come from clients of the server")),
        Source::Device(path) => Box::new(Camera::new(path, spec.parameters().size, spec.parameters().rate)?),
    })
}
