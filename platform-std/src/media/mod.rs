//! What a server has to show: files, folders, and pictures drawn by itself, each under one name.
//!
//! A [`Library`] is the catalogue of them; [`inspect`] is for programs that look into files without serving them.

mod audience;
pub(crate) mod awaited;
#[cfg(feature = "cluster")]
pub(crate) mod bringer;
mod cache;
mod cadence;
mod candidates;
mod converter;
mod demux;
#[cfg(feature = "cluster")]
pub(crate) mod distant;
#[cfg(feature = "convert")]
mod encoder;
mod error;
mod file;
mod file_medium;
mod film;
mod folders;
#[cfg(test)]
mod gated;
mod generated;
#[cfg(feature = "http")]
mod glance;
mod index;
pub mod inspect;
mod keeper;
mod library;
pub mod live;
mod losses;
mod mending;
mod observer;
mod picture;
#[cfg(test)]
pub(crate) mod played;
mod policy;
mod preparer;
mod probe;
mod shared_media;
mod source;
mod stills;
mod storage;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod texts;
mod totals;
mod workers;

pub use error::{FrameError, LibraryError};
#[cfg(feature = "http")]
pub(crate) use glance::Glance;
pub use library::{DEFAULT_RATE, Library, LibraryMedium};
pub(crate) use losses::Packets;
pub use observer::{Change, Observed, ObservedSource, Observer};
pub use policy::{OnUnsupported, Policy};
pub(crate) use preparer::Preparer;
pub use source::LibrarySource;
pub use stills::{Arrangement, Order};
pub(crate) use totals::LeftOut;
pub use totals::Totals;
