//! What the server shows: inputs and files, which may change while it serves: when the configuration is read again, and when those who
//! administer it by the web add a stream or remove it.

#[cfg(feature = "http")]
use std::path::PathBuf;
#[cfg(feature = "http")]
use std::sync::OnceLock;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use anyhow::{Context, Result, bail};
use mutoscope::media::Either;
use mutoscope::media::catalogue::Catalogue;
#[cfg(feature = "cluster")]
use mutoscope::media::catalogue::Displaced;
use mutoscope::wire::url::Path;
#[cfg(feature = "cluster")]
use mutoscope_std::cluster::{About, Address, Kind, Places, Remote, RemoteMedium, Still};
#[cfg(feature = "cluster")]
use mutoscope_std::guard::{ForOthers, Home, Homes, Rules};
use mutoscope_std::input::{InputMedium, Inputs, Source, Spec};
use mutoscope_std::media::{DEFAULT_RATE, Library, LibraryMedium, Observed, Observer};

#[cfg(feature = "http")]
use mutoscope_std::input::SpecError;
#[cfg(feature = "http")]
use mutoscope_std::server::percent_encode;
#[cfg(feature = "cluster")]
use mutoscope_std::web::OnNewest;
#[cfg(feature = "http")]
use mutoscope_std::web::{Directory, Listed, NotChanged};

use crate::config::Configuration;

/// So many streams can be added while the server runs.
#[cfg(feature = "http")]
const MOST_ADDED: usize = 100;

/// The streams of the present configuration, and those that were added to them. Copies are the same.
#[derive(Clone, Debug)]
pub(crate) struct Streams(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    shown: RwLock<Arc<Shown>>,
    /// Held by who changes it, so that nothing of another change is lost.
    changing: Mutex<()>,
    observer: Seen,
    #[cfg(feature = "http")]
    follower: OnceLock<Follower>,
    /// Of other machines, and what they call this one.
    #[cfg(feature = "cluster")]
    remote: OnceLock<(Remote, String)>,
    /// Other machines that have room for viewers.
    #[cfg(feature = "cluster")]
    places: OnceLock<Places>,
}

#[derive(Debug)]
struct Shown {
    inputs: Inputs,
    /// Of those inputs that are recorded, where there are any.
    recordings: Option<Arc<Library>>,
    library: Option<Arc<Library>>,
    /// The inputs of the configuration.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "nobody adds others"))]
    configured: Vec<Spec>,
    /// And those that were added.
    added: Vec<Spec>,
}

/// Who is told of viewers, and of inputs that come and go.
struct Seen(Option<Arc<dyn Observer>>);

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Seen" } else { "Unseen" })
    }
}

/// Streams that may be shown in the place of others. No other change happens meanwhile.
pub(crate) struct Prepared<'a>(Arc<Shown>, MutexGuard<'a, ()>);

/// Who is told the names of all streams when one was added or removed.
#[cfg(feature = "http")]
struct Follower(Follow);

#[cfg(feature = "http")]
type Follow = Box<dyn Fn(&[String]) + Send + Sync>;

#[cfg(feature = "http")]
impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Follower")
    }
}

impl Streams {
    /// The streams that `configuration` names; where it names none, two that are drawn. `observer` is told of what happens to them.
    pub(crate) fn new(configuration: &Configuration, observer: Option<Arc<dyn Observer>>) -> Result<Self> {
        // The gate decides about publishers.
        let inputs = Inputs::new(configuration.args.policy())?.with_remote_publishers().with_recordings();
        let inputs = inputs.with_no_signal().with_observer(observer.clone());
        let shown = RwLock::new(Arc::new(Shown::new(&inputs, &[], configuration)?));
        Ok(Self(Arc::new(Shared {
            shown,
            changing: Mutex::default(),
            observer: Seen(observer),
            #[cfg(feature = "http")]
            follower: OnceLock::new(),
            #[cfg(feature = "cluster")]
            remote: OnceLock::new(),
            #[cfg(feature = "cluster")]
            places: OnceLock::new(),
        })))
    }

    /// Has `follow` told the names of all streams whenever one was added or removed.
    #[cfg(feature = "http")]
    pub(crate) fn on_change(&self, follow: impl Fn(&[String]) + Send + Sync + 'static) {
        let _ = self.0.follower.set(Follower(Box::new(follow)));
    }

    /// All names, inputs first.
    pub(crate) fn names(&self) -> Vec<String> {
        self.shown().names().map(str::to_owned).collect()
    }

    /// What `configuration` names, instead of this, when that is [shown](Self::show), and what was added. Streams that have not
    /// changed play on.
    pub(crate) fn prepare(&self, configuration: &Configuration) -> Result<Prepared<'_>> {
        let change = self.change();
        let shown = self.shown();
        Ok(Prepared(Arc::new(Shown::new(&shown.inputs, &shown.added, configuration)?), change))
    }

    /// Shows that; gives what there is now, in words.
    pub(crate) fn show(&self, Prepared(after, _change): Prepared<'_>) -> String {
        let before = self.shown();
        for spec in before.added.iter().filter(|spec| !after.added.contains(spec)) {
            log::warn!("{}: the stream that was added gives way to the one of the configuration", spec.name());
        }
        let (kept, number) = (before.inputs.in_common(&after.inputs), after.inputs.names().count());
        self.replace(&after);
        format!("{number} inputs, {kept} of them as before, and {} files", after.names().count() - number)
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.0.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, after: &Arc<Shown>) {
        let before = self.shown();
        *self.0.shown.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(after);
        before.inputs.retire(&after.inputs);
    }

    /// The same with these inputs in the place of those that were added.
    #[cfg(feature = "http")]
    fn replace_added(&self, before: &Shown, added: Vec<Spec>) -> Result<(), NotChanged> {
        let failed = |error: mutoscope_std::input::InputsError| NotChanged::Failed(error.to_string());
        let Shown { recordings, library, configured, .. } = before;
        let inputs = before.inputs.updated(&[configured.as_slice(), &added].concat()).map_err(failed)?;
        let (recordings, library, configured) = (recordings.clone(), library.clone(), configured.clone());
        self.replace(&Arc::new(Shown { inputs, recordings, library, configured, added }));
        if let Some(Follower(follow)) = self.0.follower.get() {
            follow(&self.names());
        }
        Ok(())
    }

    /// Ends the recordings, when what waits is written.
    pub(crate) fn finish(&self) {
        self.shown().inputs.finish_recordings();
    }

    fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.0.shown.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shown {
    /// Inputs that `before` has already are the same. Of those that were `added`, the ones stay whose names are not taken.
    fn new(before: &Inputs, added: &[Spec], configuration: &Configuration) -> Result<Self> {
        let Configuration { paths, films, specs, .. } = configuration;
        // Files first: they cost nothing where the rest is refused, and inputs would have been started.
        let library = match (paths.is_empty() && films.is_empty(), specs.is_empty()) {
            // Whoever waits for cameras of other machines shows theirs.
            (true, true) if !configuration.args.cluster.cluster_listen.is_empty() => None,
            (true, true) => Some(Library::built_in(configuration.args.frame_rate.unwrap_or(DEFAULT_RATE))),
            (true, false) => None,
            (false, _) => Some(library_of(configuration)?),
        };
        let is_film = |name: &str| library.iter().flat_map(Library::names).any(|other| other == name);
        if let Some(spec) = specs.iter().find(|spec| is_film(spec.name())) {
            bail!("both a file and an input are called {:?}; give the input another name", spec.name());
        }
        make_folders(configuration)?;
        let is_taken = |name: &str| is_film(name) || specs.iter().any(|spec| spec.name() == name);
        let added: Vec<Spec> = added.iter().filter(|spec| !is_taken(spec.name())).cloned().collect();
        let inputs = before.updated(&[specs.as_slice(), &added].concat())?;
        let recordings = recordings_of(configuration).map(Arc::new);
        Ok(Self { inputs, recordings, library: library.map(Arc::new), configured: specs.clone(), added })
    }

    /// There is a stream of this name, or an input that has another form of it.
    #[cfg(feature = "http")]
    fn has(&self, name: &str) -> bool {
        let path = percent_encode(name);
        let films = self.library.iter().flat_map(|library| library.list());
        self.inputs.find(Path::new(&path)).is_some() || films.into_iter().any(|film| film.name == name)
    }

    /// A path means one of them, or a recording of one.
    #[cfg(feature = "http")]
    fn knows(&self, path: Path<'_>) -> bool {
        let is_recording =
            || path.segments().count() == 3 && self.recordings.iter().any(|library| library.find(path).is_some());
        // Not found: who is found has a viewer, and that starts a camera.
        self.inputs.look(path).is_some() || self.library.iter().any(|library| library.knows(path)) || is_recording()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.inputs.names().chain(self.library.iter().flat_map(|library| library.names()))
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
        let library = shown.library.iter().flat_map(|library| library.list());
        let listed = shown.inputs.list().into_iter().chain(library);
        #[cfg(feature = "cluster")]
        if let Some((remote, node)) = self.0.remote.get() {
            let of_node = |listed| Listed { node: Some(node.clone()), ..listed };
            return listed.map(of_node).chain(remote.list()).collect();
        }
        listed.collect()
    }

    fn knows(&self, path: Path<'_>) -> bool {
        #[cfg(feature = "cluster")]
        match self.home_of(path) {
            None => {}
            Some(Home::Here(name)) => return self.shown().knows(Path::new(&percent_encode(&name))),
            Some(Home::There { .. }) => return true,
        }
        self.shown().knows(path)
    }

    #[cfg(feature = "cluster")]
    fn newest_elsewhere(&self, stream: Path<'_>, tell: OnNewest) -> bool {
        let Some((remote, _)) = self.0.remote.get() else { return false };
        let is_elsewhere = matches!(self.home_of(stream), Some(Home::There { .. }));
        is_elsewhere && remote.newest(stream, Box::new(move |still| tell(still.map(|Still { jpeg, age }| (jpeg, age)))))
    }

    #[cfg(feature = "cluster")]
    fn nodes(&self) -> Option<usize> {
        Some(1 + self.0.remote.get()?.0.nodes())
    }

    fn recordings(&self, stream: Path<'_>) -> Option<(String, PathBuf)> {
        let shown = self.shown();
        shown.inputs.recordings(stream).map(|(name, folder)| (name.to_owned(), folder.to_owned()))
    }

    fn add_stream(&self, name: &str, input: &str) -> Result<bool, NotChanged> {
        let spec = Spec::from_elsewhere(name, input).map_err(|error| match error {
            SpecError::Forbidden { .. } => NotChanged::Forbidden(error.to_string()),
            error => NotChanged::Unfit(error.to_string()),
        })?;
        let _change = self.change();
        let before = self.shown();
        let mut added = before.added.clone();
        let place = added.iter().position(|spec| spec.name() == name);
        match place {
            Some(place) => added[place] = spec,
            None if before.has(name) => {
                let sentence = format!("{name:?}, or a name that looks the same, is taken by another stream");
                return Err(NotChanged::Conflict(sentence));
            }
            None if added.len() >= MOST_ADDED => {
                let sentence =
                    format!("{MOST_ADDED} streams have been added, and one has to be removed before another");
                return Err(NotChanged::Conflict(sentence));
            }
            None => added.push(spec),
        }
        self.replace_added(&before, added)?;
        Ok(place.is_none())
    }

    fn remove_stream(&self, name: &str) -> Result<(), NotChanged> {
        let _change = self.change();
        let before = self.shown();
        let mut added = before.added.clone();
        let Some(place) = added.iter().position(|spec| spec.name() == name) else {
            return Err(if before.has(name) {
                NotChanged::Conflict(format!("{name:?} is a stream of the server's configuration"))
            } else {
                NotChanged::Missing
            });
        };
        added.remove(place);
        self.replace_added(&before, added)
    }
}

/// A stream of this machine.
type LocalMedium = Observed<Either<InputMedium, LibraryMedium>>;

/// The streams of this machine alone.
#[cfg(feature = "cluster")]
#[derive(Clone, Debug)]
pub(crate) struct Local(pub(crate) Streams);

#[cfg(feature = "cluster")]
impl Catalogue for Local {
    type Medium = LocalMedium;

    fn find(&self, path: Path<'_>) -> Option<LocalMedium> {
        self.0.find_local(path)
    }

    fn tell_names(&self, each: &mut dyn FnMut(&str)) {
        self.0.tell_local_names(each);
    }
}

#[cfg(not(feature = "cluster"))]
impl Catalogue for Streams {
    type Medium = LocalMedium;

    fn find(&self, path: Path<'_>) -> Option<LocalMedium> {
        self.find_local(path)
    }

    fn tell_names(&self, each: &mut dyn FnMut(&str)) {
        self.tell_local_names(each);
    }
}

#[cfg(feature = "cluster")]
impl Catalogue for Streams {
    type Medium = Either<LocalMedium, RemoteMedium>;

    const MOVES: bool = true;

    fn find(&self, path: Path<'_>) -> Option<Self::Medium> {
        let local = |path| self.find_local(path).map(Either::First);
        match self.home_of(path) {
            None => local(path),
            Some(Home::Here(name)) => local(Path::new(&percent_encode(&name))),
            Some(Home::There { .. }) => self.0.remote.get()?.0.find(path).map(Either::Second),
        }
    }

    fn tell_names(&self, each: &mut dyn FnMut(&str)) {
        self.tell_local_names(each);
        self.0.remote.get().into_iter().flat_map(|(remote, _)| remote.names()).for_each(|name| each(&name));
    }

    fn has_elsewhere(&self) -> bool {
        self.0.places.get().is_some_and(Places::has_room)
    }

    fn elsewhere(&self, displaced: &Displaced<'_>, tell: &mut dyn FnMut(&str)) {
        let Some(places) = self.0.places.get() else { return };
        let stream = self.address(displaced.path);
        let url = stream.and_then(|stream| places.find(&stream, displaced.query, displaced.is_private));
        url.iter().for_each(|url| tell(url));
    }
}

#[cfg(feature = "cluster")]
impl Homes for Streams {
    fn home_of(&self, path: Path<'_>) -> Option<Home> {
        let (remote, node) = self.0.remote.get()?;
        let home = mutoscope_std::cluster::below(path, node).map(Home::Here).or_else(|| remote.home_of(path))?;
        // What this machine has keeps its name, whatever others offer. A film that may be in a folder is nothing yet.
        (!self.shown().knows(path)).then_some(home)
    }
}

#[cfg(feature = "cluster")]
impl Streams {
    /// Shows the streams of other machines, too. `node`: what they call this one.
    pub(crate) fn join(&self, remote: Remote, node: &str) {
        let _ = self.0.remote.set((remote, node.to_owned()));
    }

    /// What others are told of a stream.
    pub(crate) fn about(&self, name: &str, rules: &Rules) -> Option<About> {
        let shown = self.shown();
        let path = percent_encode(name);
        let of_library = || shown.library.iter().find_map(|library| library.look(Path::new(&path)));
        let about = shown.inputs.look(Path::new(&path)).or_else(of_library)?.about.unwrap_or_default();
        let (_, node) = self.0.remote.get()?;
        let told = rules.for_others(Path::new(&path), &format!("{node}/{name}"));
        let ForOthers { watch, is_encrypted, tokens } = told;
        let seconds = about.length.map(|length| length.as_secs_f64());
        Some(About { width: about.width, height: about.height, rate: about.rate, seconds, watch, is_encrypted, tokens })
    }

    /// Sends viewers on to those for whom there is no room here.
    pub(crate) fn send_on(&self, places: Places) {
        let _ = self.0.places.set(places);
    }

    /// The stream that others, too, can have under its full name.
    fn address(&self, path: Path<'_>) -> Option<Address> {
        let (remote, node) = self.0.remote.get()?;
        let below = mutoscope_std::cluster::below(path, node).map(|name| percent_encode(&name));
        let own_path = below.as_deref().map_or(path, Path::new);
        let own = self.offers().into_iter().map(|(name, _)| name).find(|name| own_path.names(name));
        match own {
            Some(name) => Address::new(node, &name).ok(),
            // Nobody else has what is not offered, though others may have something that is called so.
            None if below.is_some() || self.find_local(path).is_some() => None,
            None => remote.address(path),
        }
    }

    /// What others may have.
    pub(crate) fn offers(&self) -> Vec<(String, Kind)> {
        let shown = self.shown();
        let inputs = shown.inputs.names().map(|name| (name.to_owned(), Kind::Live));
        let library = shown.library.iter().flat_map(|library| library.list()).map(|listed| {
            let is_live = listed.about.is_some_and(|about| about.is_live);
            (listed.name, if is_live { Kind::Live } else { Kind::Film })
        });
        inputs.chain(library).collect()
    }
}

impl Streams {
    fn find_local(&self, path: Path<'_>) -> Option<LocalMedium> {
        let shown = self.shown();
        let observer = self.0.observer.0.clone();
        if let Some(input) = shown.inputs.find(path) {
            return Some(Observed::new(Either::First(input), observer));
        }
        // STREAM/recordings/NAME; names of films have no slash.
        let is_recording = path.segments().count() == 3;
        // Who watches what was recorded does not watch the stream.
        let (library, observer) = if is_recording { (&shown.recordings, None) } else { (&shown.library, observer) };
        Some(Observed::new(Either::Second(library.as_ref()?.find(path)?), observer))
    }

    fn tell_local_names(&self, each: &mut dyn FnMut(&str)) {
        let shown = self.shown();
        shown.inputs.tell_names(each);
        shown.library.iter().for_each(|library| library.tell_names(each));
    }
}
