//! Damaged pictures, made from sound ones, and what djpeg shows of them before and after this project had them in its hands.
//!
//! No file of the corpus is kept: a seed makes all of them again.

mod bend;
mod compare;
mod sources;

pub use bend::{Bend, bent};
pub use compare::{Verdict, compare};
pub use sources::{Source, sources};
pub(crate) use sources::{cjpeg, fed, scene};
