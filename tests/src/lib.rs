//! Whole-system tests.

pub mod load;
pub mod net;
