//! Streams of other machines: each node shows the streams of all, and a picture goes over the network once for all who watch it there.
//!
//! In reading order:
//!
//! | file | what it has |
//! |---|---|
//! | `name` | what nodes and streams are called, and the keys that are made of that |
//! | `exchange` | what an engine does for nodes: carry pictures, say who is there, carry questions and answers |
//! | `in_process`, `zenoh` | two engines; `topology` and `certificates` say how the second one is connected |
//! | `publisher`, `stamp`, `about` | what this node has for others: pictures, what goes with each, and what is told of a stream |
//! | `remote`, `work`, `feed`, `transit` | what others have for this one: which streams, what the thread is to do that watches them, their pictures on the way, how old one is |
//! | `line` | what waits for its turn, each once: streams that have a picture, nodes that are to be asked |
//! | `abouts`, `bounds` | answers to what the streams of this node are, and how much of anything others may have it do and remember |
//! | `newest`, `lasts` | the newest picture alone, for who asks, and the last one of streams that nobody watches |
//! | `film`, `reel`, `desk`, `film_words` | films: asked for by frames, the frames on their way, the answers, and how both are written |
//! | `places` | where else there is room for viewers |

mod about;
mod abouts;
mod bounds;
mod certificates;
mod desk;
pub mod exchange;
mod feed;
mod film;
mod film_words;
pub mod in_process;
mod lasts;
mod line;
mod name;
mod newest;
mod places;
mod publisher;
mod reel;
mod remote;
mod stamp;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod topology;
mod transit;
mod work;
mod zenoh;

pub use about::About;
pub use film::FilmMedium;
pub use name::{Address, NameError, Part, check_node, machine_name};
pub use newest::{OnStill, Still};
pub use places::{Places, Word};
pub use publisher::{Kind, Offers};
pub use remote::{Remote, RemoteMedium, below};
pub use stamp::Stamp;
pub use topology::{Access, Certificates, Topology};
pub use transit::{Passage, Transit};
pub use zenoh::Zenoh;

/// What a question for frames of a film is understood as, as we would ask it; for tests of what other nodes ask.
#[doc(hidden)]
pub fn understood(parameters: &str) -> Option<String> {
    film_words::Wish::parse(parameters).map(|wish| wish.to_string())
}
