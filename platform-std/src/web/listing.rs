//! What is known of a stream without starting or opening it.

use std::time::Duration;

use mutoscope::wire::url::Path;

use super::Directory;
use crate::input::{Inputs, STARTING, State};
use crate::media::live::Live;
use crate::media::{Glance, Library, Totals};
use crate::record::Progress;

/// A stream as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its name; of a stream of another machine, `NODE/STREAM`.
    pub name: String,
    /// What the machine is called that has it. `None`: this one, which is in no cluster.
    pub node: Option<String>,
    /// What is known of it by now; nothing of a file that nobody has looked into lately.
    pub about: Option<Listing>,
}

/// What is known of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Pixels; 0: not known before the first picture.
    pub width: u16,
    /// Pixels; 0: not known before the first picture.
    pub height: u16,
    /// Pictures per second: those that come, or, of a film, those that it has. `None`: not known yet.
    pub rate: Option<f64>,
    /// How long it is; `None`: it is live, or grows.
    pub length: Option<Duration>,
    /// It is live.
    pub is_live: bool,
    /// Sessions, playing or not, and requests that wait for a picture. All browsers together are one of a live stream.
    pub viewers: usize,
    /// How old the newest picture is. `None`: there is none, or each is made when it is asked for.
    pub age: Option<Duration>,
    /// The part of its packets that was lost on the way to this server in the last seconds, 0 to 1; of what comes by RTP.
    pub loss: Option<f64>,
    /// What became of its pictures so far; of what is live.
    pub totals: Totals,
    /// What it does.
    pub condition: Condition,
    /// Why there is no picture, as a sentence for people.
    pub absence: Option<String>,
    /// What has become of its recording; `None`: it is not recorded.
    pub recording: Option<Progress>,
}

/// What a stream does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// There are pictures.
    #[default]
    Ready,
    /// It begins when somebody watches.
    Idle,
    /// It has begun, and its first picture has not come yet.
    Starting,
    /// There are no pictures, and may be some later.
    Absent,
    /// There will be none.
    Over,
}

impl Condition {
    /// As programs are told.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Idle => "idle",
            Self::Starting => "starting",
            Self::Absent => "absent",
            Self::Over => "over",
        }
    }

    /// That of an input, which is run or, where there is no `state`, published by clients.
    fn of_input(state: Option<State>, has_picture: bool) -> Self {
        match state {
            _ if has_picture => Self::Ready,
            Some(State::Idle) => Self::Idle,
            Some(State::Starting) => Self::Starting,
            // Its pictures have ceased, or it has been told to end and not yet ended.
            Some(State::Running { .. } | State::Stopping | State::Waiting { .. }) | None => Self::Absent,
            Some(State::Over) => Self::Over,
        }
    }
}

impl Listing {
    fn of_medium(glance: Glance) -> Self {
        let Glance { width, height, rate, is_live, length, viewers, failure } = glance;
        let condition = if failure.is_some() { Condition::Absent } else { Condition::Ready };
        Self {
            width,
            height,
            rate,
            length,
            is_live,
            viewers,
            age: None,
            loss: None,
            totals: Totals::default(),
            condition,
            absence: failure,
            recording: None,
        }
    }

    fn of_input(live: &Live, state: Option<State>, recording: Option<Progress>) -> Self {
        let seen = live.glance();
        let condition = Condition::of_input(state, seen.absence.is_none());
        Self {
            width: seen.width,
            height: seen.height,
            rate: seen.rate,
            length: None,
            is_live: true,
            viewers: live.viewers(),
            age: seen.age,
            loss: seen.loss,
            totals: seen.totals,
            condition,
            // Nothing is wrong with what is only about to begin.
            absence: seen.absence.filter(|reason| condition != Condition::Ready && reason != STARTING),
            recording,
        }
    }
}

impl Listed {
    fn of_medium(name: &str, about: Option<Glance>) -> Self {
        Self { name: name.to_owned(), node: None, about: about.map(Listing::of_medium) }
    }

    fn of_input(live: &Live, state: Option<State>, recording: Option<Progress>) -> Self {
        Self { name: live.name().to_owned(), node: None, about: Some(Listing::of_input(live, state, recording)) }
    }
}

#[cfg(feature = "cluster")]
impl Listed {
    /// A live stream of another machine. `is_there`: that says so.
    pub(crate) fn of_remote(name: String, node: &str, live: &Live, is_there: bool) -> Self {
        let state = match (is_there, live.viewers()) {
            (true, 0) => Some(State::Idle),
            (true, _) => Some(State::Starting),
            (false, _) => None,
        };
        Self { name, node: Some(node.to_owned()), about: Some(Listing::of_input(live, state, None)) }
    }

    /// A film of another machine. `is_there`: that says so. `glance`: what is known of it, if anybody has opened it here.
    pub(crate) fn of_remote_film(name: String, node: &str, glance: Option<Glance>, is_there: bool) -> Self {
        let unknown =
            Glance { width: 0, height: 0, rate: None, is_live: false, length: None, viewers: 0, failure: None };
        let failure = (!is_there).then(|| format!("the machine {node} is not there"));
        let about = Listing::of_medium(Glance { failure, ..glance.unwrap_or(unknown) });
        Self { name, node: Some(node.to_owned()), about: Some(about) }
    }
}

impl Directory for Library {
    fn list(&self) -> Vec<Listed> {
        self.glance().map(|(name, about)| Listed::of_medium(name, about)).collect()
    }

    fn look(&self, path: Path<'_>) -> Option<Listed> {
        self.glance_at(path).map(|(name, about)| Listed::of_medium(name, about))
    }

    fn knows(&self, path: Path<'_>) -> bool {
        Self::knows(self, path)
    }
}

impl Directory for Inputs {
    fn list(&self) -> Vec<Listed> {
        self.glance().into_iter().map(|(live, state, recording)| Listed::of_input(live, state, recording)).collect()
    }

    fn look(&self, path: Path<'_>) -> Option<Listed> {
        self.glance_at(path).map(|(live, state, recording)| Listed::of_input(live, state, recording))
    }
}

#[cfg(test)]
mod tests;
