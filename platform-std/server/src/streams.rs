//! What the server shows: inputs and files, which may change while it serves.

#[cfg(feature = "http")]
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, Result, bail};
use mutoscope::media::Either;
use mutoscope::media::catalogue::Catalogue;
use mutoscope::wire::url::Path;
use mutoscope_std::input::{InputMedium, Inputs, Source};
use mutoscope_std::media::{DEFAULT_RATE, Library, LibraryMedium};

#[cfg(feature = "http")]
use mutoscope_std::web::{Directory, Listed};

use crate::config::Configuration;

/// The streams of the present configuration. Copies are the same.
#[derive(Clone, Debug)]
pub(crate) struct Streams(Arc<RwLock<Arc<Shown>>>);

#[derive(Debug)]
struct Shown {
    inputs: Inputs,
    /// Of those inputs that are recorded, where there are any.
    recordings: Option<Library>,
    library: Option<Library>,
}

/// Streams that may be shown in the place of others.
pub(crate) struct Prepared(Arc<Shown>);

impl Streams {
    /// The streams that `configuration` names; where it names none, two that are drawn.
    pub(crate) fn new(configuration: &Configuration) -> Result<Self> {
        // The gate decides about publishers.
        let inputs =
            Inputs::new(configuration.args.policy())?.with_remote_publishers().with_recordings().with_no_signal();
        Ok(Self(Arc::new(RwLock::new(Arc::new(Shown::new(&inputs, configuration)?)))))
    }

    /// All names, inputs first.
    pub(crate) fn names(&self) -> Vec<String> {
        self.shown().names().map(str::to_owned).collect()
    }

    /// What `configuration` names, instead of this, when that is [shown](Self::show). Streams that have not changed play on.
    pub(crate) fn prepare(&self, configuration: &Configuration) -> Result<Prepared> {
        Ok(Prepared(Arc::new(Shown::new(&self.shown().inputs, configuration)?)))
    }

    /// Shows that; gives what there is now, in words.
    pub(crate) fn show(&self, Prepared(after): Prepared) -> String {
        let before = self.shown();
        let (kept, number) = (before.inputs.in_common(&after.inputs), after.inputs.names().count());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&after);
        before.inputs.retire(&after.inputs);
        format!("{number} inputs, {kept} of them as before, and {} files", after.names().count() - number)
    }

    /// Ends the recordings, when what waits is written.
    pub(crate) fn finish(&self) {
        self.shown().inputs.finish_recordings();
    }

    fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shown {
    /// Inputs that `before` has already are the same.
    fn new(before: &Inputs, configuration: &Configuration) -> Result<Self> {
        let Configuration { paths, films, specs, .. } = configuration;
        // Files first: they cost nothing where the rest is refused, and inputs would have been started.
        let library = match (paths.is_empty() && films.is_empty(), specs.is_empty()) {
            (true, true) => Some(Library::built_in(configuration.args.frame_rate.unwrap_or(DEFAULT_RATE))),
            (true, false) => None,
            (false, _) => Some(library_of(configuration)?),
        };
        let is_taken = |name: &str| library.iter().flat_map(Library::names).any(|other| other == name);
        if let Some(spec) = specs.iter().find(|spec| is_taken(spec.name())) {
            bail!("both a file and an input are called {:?}; give the input another name", spec.name());
        }
        make_folders(configuration)?;
        let recordings = recordings_of(configuration);
        Ok(Self { inputs: before.updated(specs)?, recordings, library })
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.inputs.names().chain(self.library.iter().flat_map(Library::names))
    }
}

/// Makes the folders in which inputs are recorded, where there are none.
pub(crate) fn make_folders(configuration: &Configuration) -> Result<()> {
    for options in configuration.specs.iter().filter_map(|spec| spec.parameters().recording()) {
        let made = options.make_folder();
        made.with_context(|| format!("cannot make the folder {} for recordings", options.folder.display()))?;
    }
    Ok(())
}

/// What is recorded of inputs, below their names. Its pictures have times of their own, whatever the rate of films.
fn recordings_of(configuration: &Configuration) -> Option<Library> {
    let mut library = None;
    for spec in &configuration.specs {
        if let Some(folder) = &spec.parameters().record {
            let library = library.get_or_insert_with(|| Library::new(None, configuration.args.policy()));
            library.add_recordings(spec.name(), folder);
        }
    }
    library
}

/// Files and folders.
fn library_of(configuration: &Configuration) -> Result<Library> {
    let Configuration { args, paths, films, .. } = configuration;
    let mut library = if paths.is_empty() {
        Library::new(args.frame_rate, args.policy())
    } else {
        Library::from_paths(paths, args.frame_rate, args.policy())?
    };
    for spec in films {
        let parameters = spec.parameters();
        let Source::Path(path) = spec.source() else { continue };
        if parameters.start.is_some() {
            bail!("{}: #always and #on-demand are for live inputs", spec.name());
        }
        if parameters.record.is_some() {
            bail!("{}: #record is for live inputs", spec.name());
        }
        if parameters.no_signal.is_some() {
            bail!("{}: #no-signal is for live inputs", spec.name());
        }
        if path.is_dir() {
            library.add_stills(spec.name(), path, parameters.arrangement())?;
        } else if parameters.order.is_some() {
            bail!("{}: #order is for folders of pictures", spec.name());
        } else {
            library.add_file(spec.name(), path, parameters.rate)?;
        }
    }
    Ok(library)
}

#[cfg(feature = "http")]
impl Directory for Streams {
    fn list(&self) -> Vec<Listed> {
        let shown = self.shown();
        let library = shown.library.iter().flat_map(Directory::list);
        shown.inputs.list().into_iter().chain(library).collect()
    }

    fn recordings(&self, stream: Path<'_>) -> Option<(String, PathBuf)> {
        let shown = self.shown();
        shown.inputs.recordings(stream).map(|(name, folder)| (name.to_owned(), folder.to_owned()))
    }
}

impl Catalogue for Streams {
    type Medium = Either<InputMedium, LibraryMedium>;

    fn find(&self, path: Path<'_>) -> Option<Self::Medium> {
        let shown = self.shown();
        if let Some(input) = shown.inputs.find(path) {
            return Some(Either::First(input));
        }
        // STREAM/recordings/NAME; names of films have no slash.
        let is_recording = path.segments().count() == 3;
        let library = if is_recording { &shown.recordings } else { &shown.library };
        library.as_ref()?.find(path).map(Either::Second)
    }
}
