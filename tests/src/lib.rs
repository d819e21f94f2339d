//! Whole-system tests.

pub mod load;
pub mod net;
pub mod process;
pub mod world;
